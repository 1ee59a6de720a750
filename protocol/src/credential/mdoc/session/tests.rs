use std::collections::VecDeque;

use super::*;
use crate::credential::mdoc::{DeviceRequest, ItemsRequest, MDL, MDL_NAMESPACE};
use crate::crypto::keys::SignatureError;

fn rng(seed: u8) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([seed; 32])
}

/// One end of two queues in one thread; what is not there yet is a broken connection.
#[derive(Default)]
struct Loopback {
    to_device: VecDeque<Vec<u8>>,
    to_reader: VecDeque<Vec<u8>>,
    at_device: bool,
}

impl Transport for Loopback {
    fn send(&mut self, message: &[u8]) -> Result<(), MdocError> {
        let queue = if self.at_device { &mut self.to_reader } else { &mut self.to_device };
        queue.push_back(message.to_vec());
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, MdocError> {
        let queue = if self.at_device { &mut self.to_device } else { &mut self.to_reader };
        queue.pop_front().ok_or(MdocError::Disconnected)
    }
}

fn request(transcript: &SessionTranscript) -> Vec<u8> {
    let items =
        ItemsRequest { doc_type: MDL.into(), elements: vec![(MDL_NAMESPACE.into(), "age_over_19".into(), false)] };
    DeviceRequest::make(&[items], transcript, None).unwrap()
}

/// A reader that has asked, and what the device received.
fn asked(change: impl FnOnce(&mut Vec<u8>)) -> (ReaderSession, Loopback, Result<Answering, MdocError>) {
    let device = DeviceSession::new(&mut rng(1)).unwrap();
    let mut reader = ReaderSession::scan(&device.qr_text(), &mut rng(2)).unwrap();
    let mut line = Loopback::default();
    let wanted = request(reader.transcript());
    // Nobody has answered yet.
    assert_eq!(reader.ask(&wanted, &mut line), Err(MdocError::Disconnected));
    change(&mut line.to_device[0]);
    line.at_device = true;
    let answering = device.receive(&mut line);
    line.at_device = false;
    (reader, line, answering)
}

#[test]
fn mdoc_09_code_request_and_answer() {
    let (mut reader, mut line, answering) = asked(|_| ());
    let answering = answering.unwrap();
    assert_eq!(answering.transcript(), reader.transcript());
    assert_eq!(answering.request(), request(reader.transcript()));
    assert_eq!(answering.reader_key(), &reader.key().public().unwrap());
    assert!(line.to_device.is_empty());
    line.at_device = true;
    answering.answer(b"response", &mut line).unwrap();
    line.at_device = false;
    let message = line.receive().unwrap();
    let message = cose::read_value(&message, MESSAGE_MAX).unwrap();
    assert!(!message.as_map().unwrap().is_empty());
    assert_eq!(reader.channels.device.decrypt(received(&message).unwrap()), Ok(b"response".to_vec()));
}

/// E22: a message out of order ends the session, also for the one that would have been next.
#[test]
fn mdoc_09_a_message_out_of_order_is_the_last() {
    let session = || {
        let (reader, _, answering) = asked(|_| ());
        let mut device = answering.unwrap().channels.device;
        let messages = [b"first", b"other", b"third"].map(|message| device.encrypt(message).unwrap());
        (reader.channels.device, messages)
    };
    let (mut reading, [first, other, third]) = session();
    for (message, said) in [(first, b"first"), (other, b"other"), (third, b"third")] {
        assert_eq!(reading.decrypt(&message), Ok(said.to_vec()));
    }
    for wrong in [0, 2] {
        let (mut reading, messages) = session();
        reading.decrypt(&messages[0]).unwrap();
        // The same once more, or the one after the next.
        assert_eq!(reading.decrypt(&messages[wrong]), Err(MdocError::DecryptionFailed));
        assert_eq!(reading.decrypt(&messages[1]), Err(MdocError::DecryptionFailed));
        assert_eq!(reading.decrypt(&messages[2]), Err(MdocError::DecryptionFailed));
    }
}

#[test]
fn mdoc_09_what_was_changed_is_not_decrypted() {
    let (_, _, answering) = asked(|message| {
        let last = message.len() - 1;
        message[last] ^= 1;
    });
    assert_eq!(answering.map(|_| ()), Err(MdocError::DecryptionFailed));
    // A reader with another code derives other keys.
    let (device, other) = (DeviceSession::new(&mut rng(1)).unwrap(), DeviceSession::new(&mut rng(3)).unwrap());
    let mut reader = ReaderSession::scan(&other.qr_text(), &mut rng(2)).unwrap();
    let mut line = Loopback::default();
    let wanted = request(reader.transcript());
    assert_eq!(reader.ask(&wanted, &mut line), Err(MdocError::Disconnected));
    line.at_device = true;
    assert_eq!(device.receive(&mut line).map(|_| ()), Err(MdocError::DecryptionFailed));
}

#[test]
fn mdoc_09_the_device_may_decline() {
    let (_, mut line, answering) = asked(|_| ());
    line.at_device = true;
    answering.unwrap().decline(&mut line).unwrap();
    let message = cose::read_value(&line.to_reader[0], MESSAGE_MAX).unwrap();
    assert_eq!(received(&message), Err(MdocError::SessionEnded(TERMINATION)));
    assert_eq!(received(&Value::Map(vec![])), Err(MdocError::MalformedDocument));
}

#[test]
fn codes_of_other_kinds_are_refused() {
    let scan = |text: &str| ReaderSession::scan(text, &mut rng(2)).map(|_| ());
    let code = |value: Value| scan(&format!("{QR_PREFIX}{}", base64url(&cose::write_value(value))));
    for text in ["", "mdoc", "mdoc:*", "MDOC:owA", &format!("mdoc:{}", "A".repeat(5000))] {
        assert_eq!(scan(text), Err(MdocError::MalformedDocument), "{}", &text[..text.len().min(9)]);
    }
    assert_eq!(code(Value::Map(vec![(0.into(), Value::Text("2.0".into()))])), Err(MdocError::UnsupportedVersion));
    let suite = |suite: i64| {
        let security = Value::Array(vec![suite.into(), embed(vec![0xa0])]);
        code(Value::Map(vec![(0.into(), Value::Text("1.0".into())), (1.into(), security)]))
    };
    assert_eq!(suite(2), Err(MdocError::UnsupportedAlgorithm));
    assert!(matches!(suite(1), Err(MdocError::Cose(_))), "no key");
    let ed25519 =
        crate::crypto::multikey::StandardSigner::multikey(&crate::crypto::multikey::StandardKey::ed25519(&[7; 32]));
    let key = cose::write_value(cose::write_key(&ed25519).unwrap());
    let security = Value::Array(vec![1.into(), embed(key)]);
    let ed25519 = code(Value::Map(vec![(0.into(), Value::Text("1.0".into())), (1.into(), security)]));
    assert_eq!(ed25519, Err(MdocError::Key(SignatureError::InvalidKey)), "keys of this kind agree on nothing");
}

/// Annex D of the standard: both messages, decrypted by either side. The engagement there is by NFC, so the transcript is
/// read and not made. The rest of the annex is in `tests/mdoc_vectors.rs`.
#[test]
fn annex_d_session() {
    let root = std::env::var_os("MID_VECTORS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        std::path::PathBuf::from,
    );
    let folder = root.join("iso18013-5/annex-d");
    if !folder.is_dir() {
        println!("ignored: no vectors at {}; set MID_VECTORS", folder.display());
        return;
    }
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap();
        hex::decode(text.split_whitespace().collect::<String>()).unwrap()
    };
    let own = |name: &str| AgreementKey::from_seed(&read(name).try_into().unwrap()).unwrap();
    let transcript = cose::read_value(&read("session_transcript_bytes"), MESSAGE_MAX).unwrap();
    let transcript = SessionTranscript::from_bytes(embedded(&transcript).unwrap());
    let (device, reader) = (own("ephemeral_device_key_d"), own("ephemeral_reader_key_d"));
    let (device_public, reader_public) = (device.public().unwrap(), reader.public().unwrap());
    let engagement = Engagement::from_slice(&read("device_engagement")).unwrap();
    assert_eq!(engagement.key, device_public);
    let establishment = cose::read_value(&read("session_establishment"), MESSAGE_MAX).unwrap();
    let sent = member(&establishment, "eReaderKey").and_then(embedded).unwrap();
    assert_eq!(cose::read_key(cose::read_value(sent, 4096).unwrap()), Ok(reader_public));
    let answer = cose::read_value(&read("session_data"), MESSAGE_MAX).unwrap();
    for (own, other) in [(&device, &reader_public), (&reader, &device_public)] {
        let mut channels = Channels::new(own, other, &transcript).unwrap();
        let request = channels.reader.decrypt(received(&establishment).unwrap()).unwrap();
        assert_eq!(request, read("device_request"));
        assert_eq!(channels.device.decrypt(received(&answer).unwrap()).unwrap(), read("device_response"));
    }
    let end = cose::read_value(&read("session_termination"), MESSAGE_MAX).unwrap();
    assert_eq!(received(&end), Err(MdocError::SessionEnded(TERMINATION)));
    println!("Annex D: engagement, both messages by either side, termination");
}
