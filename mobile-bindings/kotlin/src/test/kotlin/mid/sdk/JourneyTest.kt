package mid.sdk

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

/** What an app does, against the running issuer and ledger. */
class JourneyTest {
    private val shop = VerifierIdentity(Given.text("shop-did"), "key-1", Given.bytes("shop-seed"))

    @Test
    fun `from an offer to verdicts, history, lock and deletion`() {
        val owner = Owner()
        val wallet = owner.wallet
        val (offer, code) = Given.offer("journey")
        assertEquals(listOf(LICENCE, IDENTITY), wallet.accept(offer, code, Given.sources, HttpFetch()))
        wallet.updateAll()
        assertTrue(wallet.needs(0U).run { statusTokens.isEmpty() && daySets.isEmpty() && !trust })
        val (licence, identity) = Pair(owner.card(LICENCE), owner.card(IDENTITY))
        assertTrue(licence.state == CardState.USABLE && licence.attributes.isNotEmpty())

        // Shown unasked; prepared while nothing else was to do.
        var prepared = 0
        while (wallet.prepareNext()) prepared++
        assertTrue(prepared > 0, "nothing was prepared")
        val gate = scanner()
        val shown = wallet.show(identity.id, "age-19")
        assertArrayEquals(shown.message, readCode(CodeKind.PRESENTATION, shown.text))
        val adult = gate.checkDisplayed(shown.message, IDENTITY, "age-19")
        assertTrue(adult.claims.isEmpty() && !adult.boundToDevice && !adult.boundToRequest)
        assertEquals(listOf<Statement>(Statement.AgeAtLeast(19U, "civil")), adult.proven)
        refused("NonceReplayed") { gate.checkDisplayed(shown.message, IDENTITY, "age-19") }
        // The phone's own key signs here.
        val roadside = wallet.show(licence.id, "roadside")
        assertTrue(gate.checkDisplayed(roadside.message, LICENCE, "roadside").boundToDevice)

        // Asked: read, declined; read again, approved.
        val request = gate.makeRequest(shop, "age-19", IDENTITY, "age-19", 60UL)
        val consent = wallet.readRequest(readCode(CodeKind.REQUEST, request.text))
        val sheet = consent.sheet()
        assertNull(sheet.overAsk)
        assertTrue(sheet.credential == identity.id && sheet.verifier == shop.did)
        assertTrue(sheet.attributes.any { it.disclosure is Disclosure.Proven })
        assertFalse(sheet.attributes.any { it.disclosure is Disclosure.Shown })
        refused("Declined") { wallet.answer(consent, false) }
        val answer = wallet.answer(wallet.readRequest(request.message), true)
        assertTrue(gate.checkAnswer(request.message, answer).boundToRequest)
        refused("PurposeNotRegistered") { gate.makeRequest(shop, "marketing", IDENTITY, "age-19", 60UL) }
        // H11: the answer of another wallet to this one's question.
        Owner().wallet.use { stranger ->
            stranger.installTrust(HttpFetch().get(Given.sources.bundle), Given.sources.anchor)
            refused("NoSuchCredential") { stranger.answer(consent, true) }
        }

        wallet.lock()
        assertNull(assertThrows<ApiException.Unlock> { wallet.credentials() }.attemptsLeft)
        val wrong = assertThrows<ApiException.Unlock> { wallet.unlock("502618") }
        assertEquals(9, wrong.attemptsLeft?.toInt())
        owner.restart()
        owner.wallet.delete(identity.id)
        assertEquals(listOf(LICENCE), owner.wallet.credentials().map { it.credentialType })
        val kinds = owner.wallet.history().map { it.kind }
        val (received, shownTwice) = Pair(List(2) { EventKind.RECEIVED }, List(2) { EventKind.DISPLAYED })
        assertEquals(received + shownTwice + listOf(EventKind.DECLINED, EventKind.ANSWERED, EventKind.DELETED), kinds)
        owner.wallet.close()
    }

    @Test
    fun `an errand that ends anywhere goes on where it was`() {
        val owner = Owner()
        val (offer, code) = Given.offer("interrupted")
        val web = HttpFetch()
        // H12: it ends at each fetch in turn, before it or after the service has acted.
        var ends = 0
        while (true) {
            val (at, after) = Pair(1 + ends / 2, ends % 2 == 1)
            var count = 0
            val cut = fetching { url, body ->
                count++
                if (count == at && !after) throw FetchException.ServiceUnreachable()
                web.fetch(url, body).also { if (count == at) throw IllegalStateException("the app was closed") }
            }
            try {
                owner.wallet.accept(offer, code, Given.sources, cut)
                break
            } catch (end: ApiException.Retry) {
                assertEquals("ServiceUnreachable", end.reason)
            } catch (used: ApiException.Refused) {
                // All that is offered has arrived.
                assertEquals("InvalidGrant", used.reason)
                break
            }
            ends++
            owner.restart()
        }
        assertTrue(ends > 6, "only $ends ends")
        owner.wallet.updateAll()
        assertEquals(listOf(LICENCE, IDENTITY).sorted(), owner.wallet.credentials().map { it.credentialType }.sorted())
        assertTrue(owner.wallet.pendingIssuances().isEmpty())
        assertEquals(List(2) { EventKind.RECEIVED }, owner.wallet.history().map { it.kind })
        owner.wallet.show(owner.card(LICENCE).id, "roadside")

        // An interrupted thread fetches nothing.
        Thread.currentThread().interrupt()
        retry("ServiceUnreachable") { owner.wallet.update(Given.sources, web) }
        assertTrue(Thread.interrupted())
        owner.wallet.updateAll()

        // Closed by another thread in the middle of a fetch: the errand ends by itself, and nothing is half there.
        val closing = fetching { url, body -> owner.wallet.close(); web.fetch(url, body) }
        owner.wallet.update(Given.sources, closing)
        assertThrows<IllegalStateException> { owner.wallet.credentials() }
        owner.restart()
        assertEquals(2, owner.wallet.credentials().size)
        owner.wallet.close()
    }

    @Test
    fun `what a service answers is not believed`() {
        val owner = Owner()
        val (offer, code) = Given.offer("refused")
        val wrong = if (code == "000000") "000001" else "000000"
        val answering = { status: Int, body: ByteArray -> fetching { _, _ -> Fetched(status.toUShort(), body) } }
        val take = { with: Fetch -> owner.wallet.accept(offer, code, Given.sources, with) }
        retry("ServiceFailed") { take(answering(503, ByteArray(0))) }
        retry("BundleMalformed") { take(answering(200, ByteArray(100_000))) }
        val web = HttpFetch()
        retry("AnswerMalformed") {
            take(fetching { url, body -> if (url.endsWith("/nonce")) Fetched(200U, byteArrayOf(1)) else web.fetch(url, body) })
        }
        refused("TxCodeMismatch") { owner.wallet.accept(offer, null, Given.sources, web) }
        refused("InvalidGrant") { owner.wallet.accept(offer, wrong, Given.sources, web) }
        assertTrue(owner.wallet.credentials().isEmpty() && owner.wallet.pendingIssuances().isEmpty())
        owner.wallet.close()
    }

    private fun fetching(how: (String, ByteArray?) -> Fetched): Fetch = object : Fetch {
        override fun fetch(url: String, body: ByteArray?): Fetched = how(url, body)
    }
}
