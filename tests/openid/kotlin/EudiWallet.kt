package eudi

import com.nimbusds.jose.JWSAlgorithm
import com.nimbusds.jose.crypto.ECDSASigner
import com.nimbusds.jose.jwk.Curve
import com.nimbusds.jose.jwk.ECKey
import com.nimbusds.jose.jwk.gen.ECKeyGenerator
import com.nimbusds.jwt.SignedJWT
import eu.europa.ec.eudi.openid4vci.*
import io.ktor.client.HttpClient
import io.ktor.client.plugins.HttpSend
import io.ktor.client.plugins.contentnegotiation.ContentNegotiation
import io.ktor.client.plugins.plugin
import io.ktor.http.URLProtocol
import io.ktor.http.encodedPath
import io.ktor.serialization.kotlinx.json.json
import java.net.URI
import java.net.URLDecoder
import java.net.URLEncoder
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.*

/** A wallet around the EUDI library. Reads jobs from its input and writes answers to its output, both as JSON. */
fun main() {
    val jobs = Json.parseToJsonElement(System.`in`.readBytes().decodeToString()).jsonArray
    val answers = jobs.map { job ->
        runCatching { runBlocking { Wallet(job.jsonObject).receive() } }.fold(
            { buildJsonObject { put("ok", it) } },
            { buildJsonObject { put("error", generateSequence(it, Throwable::cause).joinToString(" < ")) } },
        )
    }
    println(JsonArray(answers))
}

private const val METADATA = "/.well-known/openid-credential-issuer"

/**
 * Services are plain HTTP here; TLS is what a proxy before them would end, and this client leaves it out. The library looks
 * for metadata behind the issuer's path, as drafts had it, where the standard (12.2.2) has them before it.
 */
private val http: KtorHttpClientFactory = {
    HttpClient { install(ContentNegotiation) { json(Json { ignoreUnknownKeys = true }) } }.apply {
        plugin(HttpSend).intercept { request ->
            request.url.protocol = URLProtocol.HTTP
            val path = request.url.encodedPath
            if (path.endsWith(METADATA)) request.url.encodedPath = METADATA + path.removeSuffix(METADATA)
            execute(request)
        }
    }
}

private class Wallet(private val job: JsonObject) {
    private fun text(name: String) = job.getValue(name).jsonPrimitive.content

    private fun signer(): PopSigner.Jwt {
        val key: ECKey = ECKeyGenerator(Curve.P_256).generate()
        return PopSigner.jwtPopSigner(key, JWSAlgorithm.ES256, JwtBindingKey.Jwk(key.toPublicJWK()))
    }

    /** The provider's word and the key that it is about come from outside, where they are wanted. */
    private val client: Client = when (val attestation = job["attestation"]) {
        null -> Client.Public("eudi")
        else -> {
            val instance = ECKey.parse(job.getValue("instance").toString())
            val possession = ClientAttestationPoPJWTSpec(JWSAlgorithm.ES256, jwsSigner = ECDSASigner(instance))
            Client.Attested(ClientAttestationJWT(SignedJWT.parse(attestation.jsonPrimitive.content)), possession)
        }
    }

    /**
     * Asks for answers encrypted to a key on a curve where the job says so. The library sends that key in clear, where 8.2 wants
     * the request encrypted then; without a key of the announced kind it asks for none.
     */
    private val encryption = when (job["encrypted"]) {
        null -> KeyGenerationConfig(null, RsaConfig(2048))
        else -> KeyGenerationConfig.ecOnly(Curve.P_256)
    }

    private val config = OpenId4VCIConfig(
        client = client,
        authFlowRedirectionURI = URI("https://wallet.example/back"),
        keyGenerationConfig = encryption,
        credentialResponseEncryptionPolicy = CredentialResponseEncryptionPolicy.SUPPORTED,
        dPoPSigner = signer(),
        parUsage = ParUsage.Required,
    )

    /** All that is offered, each with as many keys as the job says. */
    suspend fun receive(): JsonElement {
        val issuer = Issuer.make(config, text("offer"), http).getOrThrow()
        var authorized = when (text("kind")) {
            "log-in" -> logIn(issuer)
            else -> issuer.authorizeWithPreAuthorizationCode(text("code")).getOrThrow()
        }
        val taken = issuer.credentialOffer.credentialConfigurationIdentifiers.map { id ->
            val one = authorized.credentialIdentifiers?.get(id)?.first()
            val payload = when (one) {
                null -> IssuanceRequestPayload.ConfigurationBased(id)
                else -> IssuanceRequestPayload.IdentifierBased(id, one)
            }
            val keys = List(job.getValue("keys").jsonPrimitive.int) { signer() }
            val (next, outcome) = with(issuer) { authorized.request(payload, keys) }.getOrThrow()
            authorized = next
            when (outcome) {
                is SubmissionOutcome.Success -> {
                    outcome.notificationId?.let { notification ->
                        val accepted = CredentialIssuanceEvent.Accepted(notification, null)
                        authorized = with(issuer) { authorized.notify(accepted) }.getOrThrow()
                    }
                    buildJsonObject {
                        put("id", id.value)
                        put("credentials", JsonArray(outcome.credentials.map { JsonPrimitive(it.credential.toString()) }))
                    }
                }
                is SubmissionOutcome.Deferred -> throw IllegalStateException("deferred")
                is SubmissionOutcome.Failed -> throw outcome.error
            }
        }
        return buildJsonObject {
            put("taken", JsonArray(taken))
            put("token", authorized.accessToken::class.simpleName)
        }
    }

    /** Pushed request, the page with the counter's digits, code. */
    private suspend fun logIn(issuer: Issuer): AuthorizedRequest {
        val prepared = issuer.prepareAuthorizationRequest().getOrThrow()
        val page = prepared.authorizationCodeURL.toString().replaceFirst("https:", "http:")
        val browser = java.net.http.HttpClient.newHttpClient()
        val shown = browser.send(HttpRequest.newBuilder(URI(page)).build(), HttpResponse.BodyHandlers.ofString()).body()
        val hidden = { name: String ->
            Regex("name=\"$name\" value=\"([^\"]*)\"").find(shown)!!.groupValues[1].replace("&amp;", "&")
        }
        val form = mapOf("request_uri" to hidden("request_uri"), "session" to hidden("session"), "counter_code" to text("code"))
        val body = form.entries.joinToString("&") { (name, value) -> "$name=${URLEncoder.encode(value, Charsets.UTF_8)}" }
        val send = HttpRequest.newBuilder(URI(page.substringBefore('?')))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body))
        val back = browser.send(send.build(), HttpResponse.BodyHandlers.ofString()).headers().firstValue("location").get()
        val given = back.substringAfter('?').split('&').associate { pair ->
            Pair(pair.substringBefore('='), URLDecoder.decode(pair.substringAfter('='), Charsets.UTF_8))
        }
        return with(issuer) {
            prepared.authorizeWithAuthorizationCode(AuthorizationCode(given.getValue("code")), given.getValue("state")).getOrThrow()
        }
    }
}
