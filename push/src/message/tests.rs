use protocol::crypto::jose::{base64url, from_base64url};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::Subscription;

fn bytes(text: &str) -> Vec<u8> {
    from_base64url(text).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

/// RFC 8291, appendix A.
const TEXT: &[u8] = b"When I grow up, I want to be a watermelon";
const SENDER: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const INBOX: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn example() -> InboxKey {
    InboxKey::from_bytes(&[bytes(INBOX), bytes(AUTH)].concat().try_into().unwrap()).unwrap()
}

#[test]
fn push_01_the_example_of_rfc_8291_comes_out_byte_for_byte() {
    let (inbox, auth) = example().public();
    let key = SecretKey::from_slice(&bytes(SENDER)).unwrap();
    let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
    let length = HEADER + TEXT.len() + MARK + TAG;
    let sealed = seal_with(&inbox, &auth, &key, salt, TEXT, length).unwrap();
    assert_eq!(base64url(&sealed), MESSAGE);
    assert_eq!(example().open(&sealed).unwrap(), TEXT);
}

/// RFC 8188, section 3.1: the encoding below, with a key that both sides have.
#[test]
fn push_01_the_example_of_rfc_8188_is_opened() {
    let body = bytes("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
    let (salt, record) = (&body[..16], &body[21..]);
    assert_eq!(open_record(&bytes("yqdlZ-tYemfogSmv7Ws5PQ"), salt, record).unwrap(), b"I am the walrus");
    assert!(!is_encrypted(&body), "nobody's key is in it");
}

/// RFC 8188, section 3.2: of two records the first is not the last.
#[test]
fn push_02_two_records_are_no_message() {
    let body =
        bytes("uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA");
    let (salt, records) = (&body[..16], &body[23..]);
    let secret = bytes("BO3ZVPxUlnLORbVGMpbT1Q");
    assert_eq!(open_record(&secret, salt, &records[..25]), Err(PushError::MalformedMessage), "mark 1, not 2");
    assert_eq!(open_record(&secret, salt, records), Err(PushError::PushNotForInbox));
    // Records shorter than what comes: there would be more than one.
    let mut short = bytes(MESSAGE);
    short[SALT..SALT + 4].copy_from_slice(&20u32.to_be_bytes());
    assert_eq!(example().open(&short), Err(PushError::MalformedMessage));
}

#[test]
fn push_01_all_messages_have_one_length() {
    let key = InboxKey::generate(&mut rng());
    let known = Subscription::new("https://relay.example/push/a", &key).unwrap();
    for text in [&b""[..], b"a", &[0; 100], &[2; TEXT_MAX]] {
        let body = known.seal(text, &mut rng()).unwrap();
        assert_eq!(body.len(), BODY);
        assert_eq!(key.open(&body).unwrap(), text, "zeros and marks of the text stay");
    }
    assert_eq!(known.seal(&[0; TEXT_MAX + 1], &mut rng()), Err(PushError::MessageTooLong));
}

#[test]
fn push_02_changed_and_others_messages_are_refused() {
    let good = bytes(MESSAGE);
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        // That there may be records longer than this one is said and means nothing.
        let longer = (SALT..SALT + 4).contains(&at) && example().open(&changed).is_ok();
        assert!(longer || example().open(&changed).is_err(), "byte {at}");
    }
    for wrong in [vec![], good[..HEADER + TAG].to_vec(), [&good[..], &[0; BODY_MAX]].concat()] {
        assert_eq!(example().open(&wrong), Err(PushError::MalformedMessage));
    }
    assert_eq!(InboxKey::generate(&mut rng()).open(&good), Err(PushError::PushNotForInbox));
    let mut other = *example().to_bytes();
    other[47] ^= 1;
    let other = InboxKey::from_bytes(&other).unwrap();
    assert_eq!(other.open(&good), Err(PushError::PushNotForInbox), "the secret that goes with the key counts");
    let mut nowhere = good;
    nowhere[SALT + 5..HEADER].fill(4);
    assert_eq!(example().open(&nowhere), Err(PushError::MalformedMessage), "not on the curve");
}

#[test]
fn keys_are_kept_and_never_printed() {
    let key = InboxKey::generate(&mut rng());
    let kept = InboxKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(kept.to_bytes(), key.to_bytes());
    assert_eq!(format!("{key:?}"), "InboxKey([redacted])");
    assert!(InboxKey::from_bytes(&[0; 48]).is_none());
}
