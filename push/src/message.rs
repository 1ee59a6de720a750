//! RFC 8291: a message to one inbox, as one record of RFC 8188.

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::PushError;

/// Length of every message that is sent, in bytes: whoever carries them cannot tell one from another by it.
pub const BODY: usize = 3_072;
/// Longest message that is taken, in bytes: what every push service takes (RFC 8030, section 7.2).
pub const BODY_MAX: usize = 4_096;
/// Longest text of a message, in bytes.
pub const TEXT_MAX: usize = BODY - HEADER - MARK - TAG;

/// Random bytes before each message.
const SALT: usize = 16;
/// Length of a point as it is sent.
const POINT: usize = 65;
/// Salt, length of records, length of the key's name, and the name: the sender's ephemeral key (RFC 8188, section 2.1).
const HEADER: usize = SALT + 4 + 1 + POINT;
/// What ends the text of the last record.
const MARK: usize = 1;
/// Of AES-GCM.
const TAG: usize = 16;
/// The length of records that is announced; there is one.
const RECORD: u32 = 4_096;

/// The private half of an inbox: a P-256 key and what else only who was given the inbox knows.
#[derive(Clone)]
pub struct InboxKey {
    key: SecretKey,
    auth: Zeroizing<[u8; 16]>,
}

impl InboxKey {
    /// A new one.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut auth = Zeroizing::new([0; 16]);
        rng.fill_bytes(auth.as_mut());
        Self { key: fresh(rng), auth }
    }

    /// Reads what [`InboxKey::to_bytes`] wrote; none when it is no key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 48]) -> Option<Self> {
        let mut auth = Zeroizing::new([0; 16]);
        auth.copy_from_slice(&bytes[32..]);
        Some(Self { key: SecretKey::from_slice(&bytes[..32]).ok()?, auth })
    }

    /// Private scalar, big-endian, and the shared secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 48]> {
        let mut bytes = Zeroizing::new([0; 48]);
        bytes[..32].copy_from_slice(&Zeroizing::new(<[u8; 32]>::from(self.key.to_bytes()))[..]);
        bytes[32..].copy_from_slice(self.auth.as_ref());
        bytes
    }

    /// The public half, and the secret that goes with it.
    pub(crate) fn public(&self) -> (PublicKey, [u8; 16]) {
        (self.key.public_key(), *self.auth)
    }

    /// Opens a message of any sender that was given the inbox (PUSH-02).
    ///
    /// # Errors
    /// [`PushError::MalformedMessage`], [`PushError::PushNotForInbox`]
    pub fn open(&self, body: &[u8]) -> Result<Vec<u8>, PushError> {
        if !is_encrypted(body) {
            return Err(PushError::MalformedMessage);
        }
        let (header, record) = body.split_at(HEADER);
        let sender = PublicKey::from_sec1_bytes(&header[SALT + 5..]).map_err(|_| PushError::MalformedMessage)?;
        let secret = shared(&self.key, &sender, &self.key.public_key(), &sender, &self.auth)?;
        open_record(secret.as_ref(), &header[..SALT], record)
    }
}

impl core::fmt::Debug for InboxKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InboxKey([redacted])")
    }
}

/// Whether this has the form of an encrypted message: one record of `aes128gcm` after the header with a sender's key (RFC 8291, section
/// 4). Whether it is one, the inbox alone can tell.
#[must_use]
pub fn is_encrypted(body: &[u8]) -> bool {
    let Some((header, record)) = body.split_at_checked(HEADER) else { return false };
    let length = header[SALT..SALT + 4].iter().fold(0usize, |length, byte| (length << 8) | usize::from(*byte));
    // RFC 8291: 65 bytes name the key, uncompressed, and a second record is no message.
    let key = usize::from(header[SALT + 4]) == POINT && header[SALT + 5] == 4;
    key && body.len() <= BODY_MAX && record.len() > TAG && record.len() <= length
}

/// Seals `text` to an inbox, padded to [`BODY`] bytes (PUSH-01).
pub(crate) fn seal(
    inbox: &PublicKey,
    auth: &[u8; 16],
    text: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, PushError> {
    let mut salt = [0; SALT];
    rng.fill_bytes(&mut salt);
    seal_with(inbox, auth, &fresh(rng), salt, text, BODY)
}

fn seal_with(
    inbox: &PublicKey,
    auth: &[u8; 16],
    key: &SecretKey,
    salt: [u8; SALT],
    text: &[u8],
    length: usize,
) -> Result<Vec<u8>, PushError> {
    let own = key.public_key();
    let secret = shared(key, inbox, inbox, &own, auth)?;
    let padded = length.checked_sub(HEADER + TAG).filter(|it| *it > text.len()).ok_or(PushError::MessageTooLong)?;
    let mut record = Zeroizing::new(Vec::with_capacity(padded));
    record.extend_from_slice(text);
    record.push(2); // the last record
    record.resize(padded, 0);
    let (cipher, nonce) = cipher(secret.as_ref(), &salt)?;
    let sealed = cipher.encrypt((&nonce).into(), record.as_slice()).map_err(|_| PushError::MessageTooLong)?;
    let mut body = Vec::with_capacity(length);
    body.extend_from_slice(&salt);
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(65);
    body.extend_from_slice(own.to_sec1_point(false).as_bytes());
    body.extend_from_slice(&sealed);
    Ok(body)
}

/// The secret of one message (RFC 8291, section 3.4).
fn shared(
    key: &SecretKey,
    other: &PublicKey,
    inbox: &PublicKey,
    sender: &PublicKey,
    auth: &[u8; 16],
) -> Result<Zeroizing<[u8; 32]>, PushError> {
    let agreed = p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine());
    let mut info = b"WebPush: info\0".to_vec();
    info.extend_from_slice(inbox.to_sec1_point(false).as_bytes());
    info.extend_from_slice(sender.to_sec1_point(false).as_bytes());
    expand(auth, agreed.raw_secret_bytes().as_slice(), &info)
}

/// Key and nonce of the one record (RFC 8188, sections 2.2 and 2.3).
fn cipher(secret: &[u8], salt: &[u8]) -> Result<(Aes128Gcm, [u8; 12]), PushError> {
    let key: Zeroizing<[u8; 16]> = expand(salt, secret, b"Content-Encoding: aes128gcm\0")?;
    let nonce: Zeroizing<[u8; 12]> = expand(salt, secret, b"Content-Encoding: nonce\0")?;
    let cipher = Aes128Gcm::new_from_slice(key.as_ref()).map_err(|_| PushError::MalformedMessage)?;
    Ok((cipher, *nonce))
}

fn open_record(secret: &[u8], salt: &[u8], record: &[u8]) -> Result<Vec<u8>, PushError> {
    let (cipher, nonce) = cipher(secret, salt)?;
    let mut text = cipher.decrypt((&nonce).into(), record).map_err(|_| PushError::PushNotForInbox)?;
    // Padding is zeros after the mark of the last record.
    let end = text.iter().rposition(|byte| *byte != 0).filter(|at| text[*at] == 2);
    text.truncate(end.ok_or(PushError::MalformedMessage)?);
    Ok(text)
}

fn expand<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; N]>, PushError> {
    let mut bytes = Zeroizing::new([0; N]);
    // So few bytes are never too many to ask for.
    let expanded = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, bytes.as_mut());
    expanded.map_err(|_| PushError::MalformedMessage)?;
    Ok(bytes)
}

fn fresh(rng: &mut (impl CryptoRng + ?Sized)) -> SecretKey {
    let mut scalar = Zeroizing::new([0u8; 32]);
    loop {
        rng.fill_bytes(scalar.as_mut());
        // One draw in 2^32 is not below the group order.
        if let Ok(key) = SecretKey::from_slice(scalar.as_ref()) {
            return key;
        }
    }
}

#[cfg(test)]
mod tests;
