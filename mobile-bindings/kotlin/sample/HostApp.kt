package sample.host

import java.io.File
import mid.sdk.*

/** Arguments: a folder for the wallet, a PIN, the trust anchor's file, a bundle's address, an offer's file, its code. */
fun main(arguments: Array<String>) {
    val (folder, pin, anchor, bundle, offer) = arguments
    // On a phone: Area.Phone(KeystoreArea(context))
    val area = Area.Software("$folder/keys")
    val wallet = Wallet.create("$folder/wallet", area, pin, Personal(), SystemClock)
    val sources = Sources(bundle, File(anchor).readBytes())
    wallet.accept(File(offer).readBytes(), arguments[5], sources, HttpFetch())
    wallet.update(sources, HttpFetch())
    val card = wallet.credentials().first { card -> card.profiles.any { it.id == "age-19" } }
    println(wallet.show(card.id, "age-19").text) // as a QR code: `.png`
    wallet.close()
}
