package mid.sdk

import java.io.File
import java.nio.file.Files
import java.security.GeneralSecurityException
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.SecureRandom
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.spec.GCMParameterSpec
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.assertThrows

const val PIN = "839174"
const val LICENCE = "kr.go.police.driver-licence.1"
const val IDENTITY = "kr.go.police.zk-identity.1"
val NOBODY = Personal()

/** What the test was given: addresses, the anchor, offers of the running issuer. */
object Given {
    private val place = File(System.getProperty("mid.place"))
    val sources = Sources(text("bundle-address"), bytes("anchor"))
    val canaries = text("canaries").lines()

    fun bytes(name: String): ByteArray = place.resolve(name).readBytes()
    fun text(name: String): String = place.resolve(name).readText()
    fun offer(name: String): Pair<ByteArray, String> = Pair(bytes("offer-$name"), text("code-$name"))
    fun folder(): String = Files.createTempDirectory(place.toPath(), "wallet").toString()
}

/** A key store of Java's own cryptography, that can fail. */
class JavaArea : SecureArea {
    private val random = SecureRandom()
    private val device = ByteArray(16).also(random::nextBytes)
    private val keys = HashMap<String, KeyPair>()
    private val records = HashMap<String, AreaRecord>()
    private val sealing = KeyGenerator.getInstance("AES").generateKey()

    /** Asked before each call, with its name. */
    @Volatile var before: (String) -> Unit = {}
    /** What `sign` returns instead. */
    @Volatile var signature: ByteArray? = null

    override fun deviceId(): ByteArray = call("deviceId") { device }

    override fun createKey(alias: String): ByteArray = call("createKey") {
        val pair = keys.getOrPut(alias) {
            KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
        }
        pair.public.encoded.run { copyOfRange(size - 65, size) }
    }

    override fun sign(alias: String, message: ByteArray): ByteArray = call("sign") {
        val pair = keys[alias] ?: throw AreaException.UnknownKey()
        signature ?: Signature.getInstance("SHA256withECDSA").run {
            initSign(pair.private)
            update(message)
            sign()
        }
    }

    override fun deleteKey(alias: String): Unit = call<Unit>("deleteKey") { keys.remove(alias) }

    override fun seal(context: ByteArray, secret: ByteArray): ByteArray = call("seal") {
        Cipher.getInstance("AES/GCM/NoPadding").run {
            init(Cipher.ENCRYPT_MODE, sealing)
            updateAAD(context)
            iv + doFinal(secret)
        }
    }

    override fun unseal(context: ByteArray, sealed: ByteArray): ByteArray = call("unseal") {
        try {
            Cipher.getInstance("AES/GCM/NoPadding").run {
                init(Cipher.DECRYPT_MODE, sealing, GCMParameterSpec(128, sealed, 0, 12))
                updateAAD(context)
                doFinal(sealed, 12, sealed.size - 12)
            }
        } catch (_: GeneralSecurityException) {
            throw AreaException.SealBroken()
        }
    }

    override fun record(name: String): AreaRecord? = call("record") { records[name] }

    override fun replaceRecord(name: String, version: ULong, bytes: ByteArray): Unit = call<Unit>("replaceRecord") {
        if ((records[name]?.version ?: 0UL) != version) throw AreaException.RecordConflict()
        records[name] = AreaRecord(version + 1UL, bytes)
    }

    override fun deleteRecord(name: String): Unit = call<Unit>("deleteRecord") { records.remove(name) }

    private fun <T> call(name: String, work: () -> T): T {
        before(name)
        return synchronized(this, work)
    }
}

/** A clock that is set. */
class SetClock(@Volatile var at: ULong = SystemClock.now()) : Clock {
    override fun now(): ULong = at
}

/** A wallet in a new folder. */
class Owner(val area: JavaArea = JavaArea(), val clock: Clock = SystemClock) {
    val folder: String = Given.folder()
    var wallet: Wallet = Wallet.create(folder, Area.Phone(area), PIN, NOBODY, clock)

    /** Closes the wallet and opens it again, as after the end of the app. */
    fun restart() {
        wallet.close()
        wallet = Wallet.open(folder, Area.Phone(area), clock)
        wallet.unlock(PIN)
    }

    fun card(type: String): Card = wallet.credentials().single { it.credentialType == type }
}

/** The issuer changes epochs while we ask; then it says so, and we come again. */
fun Wallet.updateAll() {
    repeat(50) {
        try {
            update(Given.sources, HttpFetch())
            return
        } catch (again: ApiException.Retry) {
            assertEquals("EpochChanging", again.reason)
        } catch (again: ApiException.Update) {
            assertEquals("EpochNotAnnounced", again.reason)
        }
        Thread.sleep(200)
    }
    throw AssertionError("the issuer never agrees with the ledger")
}

fun scanner(): Scanner = Scanner(Given.sources.anchor, SystemClock).apply {
    updateBundle(HttpFetch().get(Given.sources.bundle))
}

fun refused(reason: String, call: () -> Unit) = assertEquals(reason, assertThrows<ApiException.Refused> { call() }.reason)

fun retry(reason: String, call: () -> Unit) = assertEquals(reason, assertThrows<ApiException.Retry> { call() }.reason)

fun bug(reason: String, call: () -> Unit) = assertEquals(reason, assertThrows<ApiException.Bug> { call() }.reason)
