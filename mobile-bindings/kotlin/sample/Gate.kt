package sample.gate

import java.io.File
import mid.sdk.*

/** Arguments: the trust anchor's file and a bundle's address. Reads codes from its input, as a camera would. */
fun main(arguments: Array<String>) {
    val gate = Scanner(File(arguments[0]).readBytes(), SystemClock)
    gate.updateBundle(HttpFetch().get(arguments[1])) // once a day; checking needs no network
    for (code in generateSequence(::readLine)) {
        try {
            val shown = readCode(CodeKind.PRESENTATION, code)
            val verdict = gate.checkDisplayed(shown, "kr.go.police.zk-identity.1", "age-19")
            println("adult; trust data is ${verdict.trustAge} s old")
        } catch (no: ApiException.Refused) {
            println("no: ${no.reason}: ${no.advice}")
        } catch (cannotTell: ApiException) {
            println("cannot tell: ${cannotTell.message}")
        }
    }
}
