package mid.sdk

import java.lang.reflect.Modifier
import java.lang.reflect.ParameterizedType
import java.lang.reflect.Type
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows

/** Misuse of the border between the languages: section H of the negative tests. */
@Timeout(300)
class BoundaryTest {
    @Test
    fun `each of six cases, by what an app does about it`() {
        val owner = Owner()
        refused("PinTooWeak") { Wallet.create(Given.folder(), Area.Phone(JavaArea()), "123456", NOBODY, SystemClock) }
        retry("AlreadyOpen") { Wallet.open(owner.folder, Area.Phone(owner.area), SystemClock) }
        bug("MalformedArgument") { Scanner(ByteArray(0), SystemClock) }
        val update = assertThrows<ApiException.Update> { owner.wallet.readOffer(Given.offer("faults").first) }
        assertEquals("TrustMissing", update.reason)
        assertEquals(9, assertThrows<ApiException.Unlock> { owner.wallet.unlock("502618") }.attemptsLeft?.toInt())
        owner.wallet.unlock(PIN)
        val (offer, code) = Given.offer("faults")
        owner.wallet.accept(offer, code, Given.sources, HttpFetch())
        // H15
        assertTrue(owner.wallet.needs(UByte.MAX_VALUE).statusTokens.single().sliceBits < 32U)
        owner.wallet.updateAll()
        val licence = owner.card(LICENCE)
        owner.area.before = { if (it == "sign") throw AreaException.KeyInvalidated() }
        val renew = assertThrows<ApiException.Renew> { owner.wallet.show(licence.id, "roadside") }
        assertEquals("KeyInvalidated", renew.reason)

        // H08: a key store that throws what it may not, returns garbage, or calls back.
        owner.area.before = { if (it == "sign") throw IllegalStateException("no key store") }
        bug("KeystoreFault") { owner.wallet.show(licence.id, "roadside") }
        owner.area.before = {}
        for (garbage in listOf(ByteArray(0), ByteArray(64), ByteArray(4096) { 0x30 })) {
            owner.area.signature = garbage
            bug("KeystoreFault") { owner.wallet.show(licence.id, "roadside") }
        }
        owner.area.signature = null
        var inside: Throwable? = null
        owner.area.before = { inside = runCatching { owner.wallet.credentials() }.exceptionOrNull() }
        owner.wallet.show(licence.id, "roadside")
        assertEquals("CalledFromKeyStore", (inside as ApiException.Bug).reason)
        owner.area.before = {}
        owner.wallet.show(licence.id, "roadside")
        // No error says who the owner is.
        for (error in listOf(update, renew)) assertTrue(Given.canaries.none { it in error.toString() })
        owner.wallet.close()
    }

    @Test
    fun `a key store that fails anywhere leaves no half wallet`() {
        for (faulty in listOf("deviceId", "seal", "replaceRecord")) {
            val area = JavaArea()
            area.before = { if (it == faulty) throw AreaException.StorageFull() }
            val folder = Given.folder()
            retry("StorageFull") { Wallet.create(folder, Area.Phone(area), PIN, NOBODY, SystemClock) }
            area.before = {}
            Wallet.create(folder, Area.Phone(area), PIN, NOBODY, SystemClock).use { assertTrue(it.credentials().isEmpty()) }
        }
        // Each name of the key store has its case here.
        val opened = { error: AreaException ->
            val owner = Owner()
            owner.wallet.lock()
            owner.area.before = { throw error }
            runCatching { owner.wallet.unlock(PIN) }.exceptionOrNull() as ApiException
        }
        assertEquals("KeystoreFault", (opened(AreaException.Unavailable()) as ApiException.Bug).reason)
        assertEquals("KeystoreFault", (opened(AreaException.UnknownKey()) as ApiException.Bug).reason)
        assertEquals("KeyInvalidated", (opened(AreaException.KeyInvalidated()) as ApiException.Renew).reason)
        assertEquals("StorageTampered", (opened(AreaException.SealBroken()) as ApiException.Refused).reason)
        assertEquals("StorageTampered", (opened(AreaException.RecordTampered()) as ApiException.Refused).reason)
        assertTrue(opened(AreaException.RecordConflict()) is ApiException.Retry)
    }

    @Test
    fun `a panic is an error and the next call works`() {
        // H01, H03
        val clock = object : Clock {
            override fun now(): ULong = throw IllegalStateException("no clock")
        }
        val gate = Scanner(Given.sources.anchor, clock)
        val bundle = HttpFetch().get(Given.sources.bundle)
        gate.updateBundle(bundle)
        repeat(2) { assertThrows<InternalException> { gate.checkDisplayed(ByteArray(100), IDENTITY, "age-19") } }
        gate.updateBundle(bundle)
    }

    @Test
    fun `arguments that no correct app passes`() {
        val owner = Owner()
        val wallet = owner.wallet
        // H05
        assertThrows<CharacterCodingException> { Owner().wallet.unlock("8391\uD80074") }
        refused("PinFormat") { wallet.unlock("8391\u000074") }
        refused("PinFormat") { wallet.unlock("9".repeat(1 shl 20)) }
        refused("NoSuchCredential") { wallet.show("00".repeat(16), "age-19\u0000") }
        // H15
        assertTrue(wallet.needs(UByte.MAX_VALUE).trust)
        bug("MalformedArgument") { wallet.installDaySet(ByteArray(95), UShort.MAX_VALUE, ByteArray(0)) }
        bug("MalformedArgument") { wallet.installStatusTokens(ByteArray(8 + 1), UByte.MAX_VALUE, ULong.MAX_VALUE, ByteArray(0)) }
        wallet.installTrust(HttpFetch().get(Given.sources.bundle), Given.sources.anchor)
        val (offer, code) = Given.offer("unused")
        for (size in listOf(0, 15, 17, 1 shl 20)) {
            bug("MalformedArgument") { wallet.beginIssuance(offer, IDENTITY, ByteArray(size), ULong.MAX_VALUE, code) }
        }
        refused("MalformedOffer") { wallet.readOffer(ByteArray(1 shl 20)) }
        // H06
        wallet.close()
        wallet.close()
        assertThrows<IllegalStateException> { wallet.credentials() }
        // H12
        repeat(50) { owner.restart() }
        owner.wallet.close()
    }

    @Test
    fun `one wallet and one scanner for many threads`() {
        // H07
        val owner = Owner()
        val gate = scanner()
        val pool = Executors.newFixedThreadPool(32)
        val bundle = HttpFetch().get(Given.sources.bundle)
        val done = (0 until 32).map { at ->
            pool.submit {
                repeat(10) {
                    when (at % 4) {
                        0 -> owner.wallet.installTrust(bundle, Given.sources.anchor)
                        1 -> owner.wallet.needs(0U)
                        2 -> runCatching { gate.checkDisplayed(ByteArray(10), IDENTITY, "age-19") }
                        else -> owner.wallet.history()
                    }
                }
            }
        }
        done.forEach { it.get(200, TimeUnit.SECONDS) }
        pool.shutdown()
        owner.wallet.close()
    }

    @Test
    fun `nothing that is secret can be asked for`() {
        // H14: every name that a host can reach from a call's answer.
        val reached = HashMap<Class<*>, MutableSet<String>>()
        fun reach(type: Type, from: String) {
            when (type) {
                is ParameterizedType -> type.actualTypeArguments.forEach { reach(it, from) }
                is Class<*> -> {
                    if (type.isArray || !type.name.startsWith("mid.sdk.") || type in reached) return
                    val names = reached.getOrPut(type) { sortedSetOf() }
                    val inner = type.declaredClasses.filter { type.isAssignableFrom(it) }
                    for (method in type.declaredMethods.filter { Modifier.isPublic(it.modifiers) && it.returnType != Void.TYPE }) {
                        names += method.name.substringBefore('-')
                        reach(method.genericReturnType, "$from.${method.name}")
                    }
                    inner.forEach { reach(it, from) }
                }
            }
        }
        reach(Wallet::class.java, "Wallet")
        reach(Scanner::class.java, "Scanner")
        assertTrue(ConsentSheet::class.java in reached && Card::class.java in reached)
        // Public keys of issuers, to know what to fetch.
        val public = setOf(Pair("DaySetNeeded", "getKey"), Pair("StatusTokensNeeded", "getIssuerKey"))
        val secret = Regex("pin(?!g)|key|seed|secret|private|blinder|handle$", RegexOption.IGNORE_CASE)
        val told = reached.flatMap { (type, names) -> names.map { Pair(type.simpleName, it) } }
        // `uniffiCloneHandle` is the address of an object.
        val found = told.filter { (type, name) ->
            secret.containsMatchIn(name) && !name.startsWith("uniffi") && Pair(type, name) !in public
        }
        assertEquals(emptyList<Pair<String, String>>(), found)
    }
}
