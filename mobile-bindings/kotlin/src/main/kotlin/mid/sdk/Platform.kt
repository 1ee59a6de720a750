package mid.sdk

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.net.HttpURLConnection
import java.net.URL

/** The platform's clock. */
public object SystemClock : Clock {
    override fun now(): ULong = (System.currentTimeMillis() / 1_000).toULong()
}

/** Fetches with the platform's own client, on Android and on any JVM. An interrupted thread fetches nothing more. */
public class HttpFetch(private val timeoutMillis: Int = 30_000) : Fetch {
    /** The body of a successful `GET`. */
    @Throws(FetchException::class)
    public fun get(url: String): ByteArray {
        val answer = fetch(url, null)
        if (answer.status.toInt() != 200) throw FetchException.ServiceUnreachable()
        return answer.body
    }

    override fun fetch(url: String, body: ByteArray?): Fetched {
        if (Thread.currentThread().isInterrupted) throw FetchException.ServiceUnreachable()
        try {
            val connection = URL(url).openConnection() as HttpURLConnection
            connection.instanceFollowRedirects = false
            connection.connectTimeout = timeoutMillis
            connection.readTimeout = timeoutMillis
            if (body != null) {
                connection.requestMethod = "POST"
                connection.doOutput = true
                connection.setRequestProperty("Content-Type", "application/cbor")
                connection.outputStream.use { it.write(body) }
            }
            val status = connection.responseCode
            val stream = if (status < 400) connection.inputStream else connection.errorStream
            return Fetched(status.toUShort(), stream?.use(::limited) ?: ByteArray(0))
        } catch (_: IOException) {
            throw FetchException.ServiceUnreachable()
        }
    }

    private fun limited(stream: InputStream): ByteArray {
        val (all, part) = Pair(ByteArrayOutputStream(), ByteArray(65_536))
        while (true) {
            val count = stream.read(part)
            if (count < 0) return all.toByteArray()
            all.write(part, 0, count)
            if (all.size() > ANSWER_MAX) throw IOException("an endless answer")
        }
    }

    private companion object {
        const val ANSWER_MAX = 64 * 1024 * 1024
    }
}
