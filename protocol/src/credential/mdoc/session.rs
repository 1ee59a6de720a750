//! Reader and device in person (ISO/IEC 18013-5, 8.2.2.3 and 9.1.1): a QR code, then an encrypted session over any
//! transport of whole messages.
//!
//! The device shows [`DeviceSession::qr_text`]. The reader scans it, sends its key and its encrypted request, and gets an
//! encrypted response. Bluetooth and NFC are the phone's affair: here is what goes over them.

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::transcript::{Handover, SessionTranscript};
use super::{MESSAGE_MAX, MdocError, Value, embed, embedded, entry, member};
pub use crate::crypto::agreement::AgreementKey;
use crate::crypto::cose;
use crate::crypto::jose::{base64url, from_base64url};
use crate::crypto::multikey::Multikey;

/// What a code begins with.
pub const QR_PREFIX: &str = "mdoc:";
/// Longest engagement that is read, in bytes: what fits in a code.
const ENGAGEMENT_MAX: usize = 2048;
/// The session ends here (Table 20): all is said.
const TERMINATION: u64 = 20;

/// Carries whole messages, in order, both ways.
pub trait Transport {
    /// Sends a message.
    ///
    /// # Errors
    /// [`MdocError::Disconnected`]
    fn send(&mut self, message: &[u8]) -> Result<(), MdocError>;

    /// Waits for a message.
    ///
    /// # Errors
    /// [`MdocError::Disconnected`]
    fn receive(&mut self) -> Result<Vec<u8>, MdocError>;
}

/// One direction of a session: a key, whose side it is, and how many messages there were.
struct Channel {
    key: Zeroizing<[u8; 32]>,
    side: u8,
    messages: u32,
}

impl Channel {
    /// Eight bytes of the side, four of the counter, from 1 (9.1.1.5; MDOC-09).
    fn nonce(&mut self) -> Result<[u8; 12], MdocError> {
        self.messages = self.messages.checked_add(1).ok_or(MdocError::DecryptionFailed)?;
        let mut nonce = [0; 12];
        nonce[7] = self.side;
        nonce[8..].copy_from_slice(&self.messages.to_be_bytes());
        Ok(nonce)
    }

    fn encrypt(&mut self, message: &[u8]) -> Result<Vec<u8>, MdocError> {
        let nonce = self.nonce()?;
        let cipher = Aes256Gcm::new((&*self.key).into());
        cipher.encrypt((&nonce).into(), message).map_err(|_| MdocError::DecryptionFailed)
    }

    /// The first message that is not the next one of the other side is the last that is tried.
    fn decrypt(&mut self, message: &[u8]) -> Result<Vec<u8>, MdocError> {
        let nonce = self.nonce()?;
        let cipher = Aes256Gcm::new((&*self.key).into());
        cipher.decrypt((&nonce).into(), message).map_err(|_| {
            self.messages = u32::MAX;
            MdocError::DecryptionFailed
        })
    }
}

/// Both directions of a session, for either side.
struct Channels {
    reader: Channel,
    device: Channel,
}

impl Channels {
    fn new(own: &AgreementKey, other: &Multikey, transcript: &SessionTranscript) -> Result<Self, MdocError> {
        let salt = transcript.salt();
        let channel = |info: &[u8], side| {
            let key = own.derive(other, &salt, info)?;
            Ok::<_, MdocError>(Channel { key, side, messages: 0 })
        };
        Ok(Self { reader: channel(b"SKReader", 0)?, device: channel(b"SKDevice", 1)? })
    }
}

/// What the device's code says.
struct Engagement {
    bytes: Vec<u8>,
    key: Multikey,
}

impl Engagement {
    fn from_slice(bytes: &[u8]) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let value = cose::read_value(bytes, ENGAGEMENT_MAX)?;
        let part = |label: u64| {
            let entries = value.as_map()?;
            entries.iter().find(|(it, _)| *it == Value::from(label)).map(|(_, part)| part)
        };
        if !part(0).and_then(Value::as_text).is_some_and(|it| it.starts_with("1.")) {
            return Err(MdocError::UnsupportedVersion);
        }
        let security = part(1).and_then(Value::as_array).ok_or(malformed)?;
        // Cipher suite 1 is the only one.
        let [suite, key] = &security[..] else { return Err(malformed) };
        if *suite != Value::from(1) {
            return Err(MdocError::UnsupportedAlgorithm);
        }
        let key = cose::read_value(embedded(key).ok_or(malformed)?, ENGAGEMENT_MAX)?;
        Ok(Self { bytes: bytes.to_vec(), key: cose::read_key(key)? })
    }
}

/// The public key, as it is sent.
fn key_bytes(key: &AgreementKey) -> Result<Vec<u8>, MdocError> {
    Ok(cose::write_value(cose::write_key(&key.public()?)?))
}

fn session_data(data: Option<Vec<u8>>, status: Option<u64>) -> Vec<u8> {
    let mut members = Vec::new();
    members.extend(data.map(|it| entry("data", Value::Bytes(it))));
    members.extend(status.map(|it| entry("status", it.into())));
    cose::write_value(Value::Map(members))
}

/// The encrypted part of a message; a message that only ends the session is a refusal with its reason.
fn received(message: &Value) -> Result<&[u8], MdocError> {
    let data = member(message, "data").and_then(Value::as_bytes);
    let status = member(message, "status").and_then(Value::as_integer).and_then(|it| u64::try_from(it).ok());
    match (data, status) {
        (Some(data), None | Some(TERMINATION)) => Ok(data),
        (_, Some(status)) => Err(MdocError::SessionEnded(status)),
        (None, None) => Err(MdocError::MalformedDocument),
    }
}

/// The device's side, before a reader has answered its code.
pub struct DeviceSession {
    key: AgreementKey,
    engagement: Vec<u8>,
}

impl DeviceSession {
    /// A session with a new key, over a transport that both sides know already.
    ///
    /// # Errors
    /// [`MdocError::Key`], which does not happen.
    pub fn new(rng: &mut impl CryptoRng) -> Result<Self, MdocError> {
        let key = AgreementKey::generate(rng);
        let security = Value::Array(vec![1.into(), embed(key_bytes(&key)?)]);
        let engagement = Value::Map(vec![(0.into(), Value::Text("1.0".into())), (1.into(), security)]);
        Ok(Self { key, engagement: cose::write_value(engagement) })
    }

    /// What the device shows as a QR code.
    #[must_use]
    pub fn qr_text(&self) -> String {
        format!("{QR_PREFIX}{}", base64url(&self.engagement))
    }

    /// Waits for the reader's request.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn receive(self, transport: &mut dyn Transport) -> Result<Answering, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let message = cose::read_value(&transport.receive()?, MESSAGE_MAX)?;
        let reader_bytes = member(&message, "eReaderKey").and_then(embedded).ok_or(malformed)?;
        let reader_key = cose::read_key(cose::read_value(reader_bytes, ENGAGEMENT_MAX)?)?;
        let handover = Handover::Qr { engagement: &self.engagement, reader_key: reader_bytes };
        let transcript = SessionTranscript::new(&handover);
        let mut channels = Channels::new(&self.key, &reader_key, &transcript)?;
        let request = channels.reader.decrypt(received(&message)?)?;
        Ok(Answering { channels, transcript, reader_key, request })
    }
}

/// The device's side, with a request that waits for its owner.
pub struct Answering {
    channels: Channels,
    transcript: SessionTranscript,
    reader_key: Multikey,
    request: Vec<u8>,
}

impl Answering {
    /// The request, decrypted: a `DeviceRequest`.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// What the answer is bound to.
    #[must_use]
    pub fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// The reader's ephemeral key, for a MAC.
    #[must_use]
    pub fn reader_key(&self) -> &Multikey {
        &self.reader_key
    }

    /// Sends the response and ends the session.
    ///
    /// # Errors
    /// [`MdocError::Disconnected`]
    pub fn answer(mut self, response: &[u8], transport: &mut dyn Transport) -> Result<(), MdocError> {
        let data = self.channels.device.encrypt(response)?;
        transport.send(&session_data(Some(data), Some(TERMINATION)))
    }

    /// Ends the session without an answer.
    ///
    /// # Errors
    /// [`MdocError::Disconnected`]
    pub fn decline(self, transport: &mut dyn Transport) -> Result<(), MdocError> {
        transport.send(&session_data(None, Some(TERMINATION)))
    }
}

/// The reader's side, with a code it scanned.
pub struct ReaderSession {
    key: AgreementKey,
    key_bytes: Vec<u8>,
    transcript: SessionTranscript,
    channels: Channels,
}

impl ReaderSession {
    /// A session with the device that shows this code.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn scan(qr_text: &str, rng: &mut impl CryptoRng) -> Result<Self, MdocError> {
        Self::with_key(qr_text, AgreementKey::generate(rng))
    }

    fn with_key(qr_text: &str, key: AgreementKey) -> Result<Self, MdocError> {
        let text = qr_text.strip_prefix(QR_PREFIX).filter(|it| it.len() <= ENGAGEMENT_MAX * 2);
        let bytes = text.and_then(from_base64url).ok_or(MdocError::MalformedDocument)?;
        let engagement = Engagement::from_slice(&bytes)?;
        let key_bytes = key_bytes(&key)?;
        let handover = Handover::Qr { engagement: &engagement.bytes, reader_key: &key_bytes };
        let transcript = SessionTranscript::new(&handover);
        let channels = Channels::new(&key, &engagement.key, &transcript)?;
        Ok(Self { key, key_bytes, transcript, channels })
    }

    /// What the request is signed over and the answer is bound to.
    #[must_use]
    pub fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// The ephemeral key, for checking a MAC.
    #[must_use]
    pub fn key(&self) -> &AgreementKey {
        &self.key
    }

    /// Sends a `DeviceRequest` and waits for the `DeviceResponse`, decrypted and not yet checked.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn ask(&mut self, request: &[u8], transport: &mut dyn Transport) -> Result<Vec<u8>, MdocError> {
        let data = self.channels.reader.encrypt(request)?;
        let establishment = vec![entry("eReaderKey", embed(self.key_bytes.clone())), entry("data", Value::Bytes(data))];
        transport.send(&cose::write_value(Value::Map(establishment)))?;
        let message = cose::read_value(&transport.receive()?, MESSAGE_MAX)?;
        self.channels.device.decrypt(received(&message)?)
    }
}

#[cfg(test)]
mod tests;
