package mid.sdk.android

import android.content.Context
import android.content.SharedPreferences
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.util.Base64
import java.nio.ByteBuffer
import java.security.GeneralSecurityException
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.PrivateKey
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.Mac
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import mid.sdk.AreaException
import mid.sdk.AreaRecord
import mid.sdk.SecureArea

/**
 * Android's Keystore as the wallet's secure area; API level 23 and later.
 *
 * Keys are made in the Keystore and stay there. Records and sealed bytes are in the app's preferences, encrypted under a
 * key of the Keystore: copied to another phone they open nothing. `harden` is applied to each key for signatures, e.g.
 * `{ setIsStrongBoxBacked(true) }` (API 28) or `{ setUserAuthenticationRequired(true) }`.
 *
 * Exclude the preferences `mid.area` from backups: what is restored from an old copy looks like a rollback.
 */
public class KeystoreArea(
    context: Context,
    private val harden: KeyGenParameterSpec.Builder.() -> Unit = {},
) : SecureArea {
    private val store: KeyStore = KeyStore.getInstance(PROVIDER).apply { load(null) }
    private val memory: SharedPreferences = context.getSharedPreferences("mid.area", Context.MODE_PRIVATE)

    override fun deviceId(): ByteArray = asked {
        val mac = Mac.getInstance("HmacSHA256")
        mac.init(secret(NAME, KeyProperties.KEY_ALGORITHM_HMAC_SHA256, KeyProperties.PURPOSE_SIGN) {})
        mac.doFinal("device".toByteArray()).copyOf(16)
    }

    override fun createKey(alias: String): ByteArray = asked {
        if (!store.containsAlias(KEY + alias)) {
            val spec = KeyGenParameterSpec.Builder(KEY + alias, KeyProperties.PURPOSE_SIGN)
                .setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
                .setDigests(KeyProperties.DIGEST_SHA256)
                .apply(harden)
                .build()
            val generator = KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_EC, PROVIDER)
            generator.initialize(spec)
            generator.generateKeyPair()
        }
        // The end of a SubjectPublicKeyInfo for this curve is the point, uncompressed.
        val encoded = store.getCertificate(KEY + alias).publicKey.encoded
        encoded.copyOfRange(encoded.size - 65, encoded.size)
    }

    override fun sign(alias: String, message: ByteArray): ByteArray = asked {
        val key = store.getKey(KEY + alias, null) as? PrivateKey ?: throw AreaException.UnknownKey()
        val signature = Signature.getInstance("SHA256withECDSA")
        signature.initSign(key)
        signature.update(message)
        signature.sign()
    }

    override fun deleteKey(alias: String): Unit = asked { store.deleteEntry(KEY + alias) }

    override fun seal(context: ByteArray, secret: ByteArray): ByteArray = asked {
        // The Keystore draws the nonce.
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.ENCRYPT_MODE, sealing())
        cipher.updateAAD(context)
        cipher.iv + cipher.doFinal(secret)
    }

    override fun unseal(context: ByteArray, sealed: ByteArray): ByteArray = asked { open(context, sealed) }

    override fun record(name: String): AreaRecord? = asked { read(name) }

    override fun replaceRecord(name: String, version: ULong, bytes: ByteArray): Unit = asked {
        if ((read(name)?.version ?: 0UL) != version) throw AreaException.RecordConflict()
        val content = ByteBuffer.allocate(8 + bytes.size).putLong((version + 1UL).toLong()).put(bytes).array()
        val sealed = Base64.encodeToString(seal((RECORD + name).toByteArray(), content), Base64.NO_WRAP)
        // `commit` returns when it is written.
        if (!memory.edit().putString(RECORD + name, sealed).commit()) throw AreaException.StorageFull()
    }

    override fun deleteRecord(name: String): Unit = asked {
        if (!memory.edit().remove(RECORD + name).commit()) throw AreaException.Unavailable()
    }

    private fun read(name: String): AreaRecord? {
        val kept = memory.getString(RECORD + name, null) ?: return null
        val opened = try {
            open((RECORD + name).toByteArray(), Base64.decode(kept, Base64.NO_WRAP))
        } catch (_: RuntimeException) {
            throw AreaException.RecordTampered()
        } catch (_: AreaException) {
            throw AreaException.RecordTampered()
        }
        if (opened.size < 8) throw AreaException.RecordTampered()
        return AreaRecord(ByteBuffer.wrap(opened).long.toULong(), opened.copyOfRange(8, opened.size))
    }

    private fun open(context: ByteArray, sealed: ByteArray): ByteArray {
        if (sealed.size < NONCE + TAG) throw AreaException.SealBroken()
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.DECRYPT_MODE, sealing(), GCMParameterSpec(8 * TAG, sealed, 0, NONCE))
        cipher.updateAAD(context)
        return try {
            cipher.doFinal(sealed, NONCE, sealed.size - NONCE)
        } catch (_: GeneralSecurityException) {
            throw AreaException.SealBroken()
        }
    }

    private fun sealing(): SecretKey =
        secret(SEALING, KeyProperties.KEY_ALGORITHM_AES, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT) {
            setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
        }

    private fun secret(
        alias: String,
        algorithm: String,
        purposes: Int,
        more: KeyGenParameterSpec.Builder.() -> Unit,
    ): SecretKey {
        (store.getKey(alias, null) as? SecretKey)?.let { return it }
        val generator = KeyGenerator.getInstance(algorithm, PROVIDER)
        generator.init(KeyGenParameterSpec.Builder(alias, purposes).apply(more).build())
        return generator.generateKey()
    }

    /** One at a time in this process, and every failure by its name. */
    private fun <T> asked(work: () -> T): T = synchronized(LOCK) {
        try {
            work()
        } catch (_: KeyPermanentlyInvalidatedException) {
            throw AreaException.KeyInvalidated()
        } catch (_: GeneralSecurityException) {
            throw AreaException.Unavailable()
        }
    }

    private companion object {
        val LOCK = Any()
        const val PROVIDER = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val NONCE = 12
        const val TAG = 16
        const val NAME = "mid.device"
        const val SEALING = "mid.sealing"
        const val KEY = "mid.key/"
        const val RECORD = "record/"
    }
}
