use serde_json::json;

use super::*;
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::StandardKey;
use crate::crypto::x509::testkit::Draft;

const NOW: u64 = 1_800_000_000;
const URI: &str = "https://issuer.example/status/7";

fn key() -> StandardKey {
    StandardKey::p256(&[7; 32]).unwrap()
}

fn list() -> StatusList {
    let mut list = StatusList::new();
    list.revoke(5).unwrap();
    list.suspend(6).unwrap();
    list
}

fn token() -> StatusToken {
    let list = TokenList::from(&list());
    StatusToken { uri: URI.into(), issued: NOW - 100, expires: Some(NOW + 100), ttl: None, list }
}

fn freshness() -> Freshness {
    Freshness { now: NOW, max_age: 86_400, newest: None }
}

fn entry(index: u64) -> Reference {
    Reference { uri: URI.into(), index }
}

#[test]
fn stat_01_the_first_entry_is_the_lowest_bits() {
    let one = TokenList::new(1, vec![0b0000_0010, 0b1000_0000]).unwrap();
    assert_eq!((0..16).filter(|it| one.value(*it) == Ok(1)).collect::<Vec<_>>(), [1, 15]);
    let two = TokenList::new(2, vec![0b1110_0100]).unwrap();
    assert_eq!((0..4).map(|it| two.value(it).unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(TokenList::new(4, vec![0xab]).unwrap().value(1), Ok(0xa));
    assert_eq!(TokenList::new(8, vec![0xab]).unwrap().value(0), Ok(0xab));
    for bits in [0, 3, 5, 16] {
        assert_eq!(TokenList::new(bits, vec![0]), Err(TokenStatusError::StatusListMalformed), "I02: {bits}");
    }
    for beyond in [4, 1 << 31, u64::MAX, u64::MAX / 2 + 1] {
        assert_eq!(two.value(beyond), Err(TokenStatusError::StatusIndexOutOfRange), "I01: {beyond}");
    }
}

#[test]
fn stat_04_suspended_is_not_revoked_and_unknown_is_not_valid() {
    let token = token();
    let of = |index| token.status(&entry(index), &freshness());
    assert_eq!((of(4), of(5), of(6)), (Ok(Status::Valid), Ok(Status::Revoked), Ok(Status::Suspended)), "I11");
    assert_eq!(of(131_072), Err(TokenStatusError::StatusIndexOutOfRange), "I01");
    let odd = TokenList::new(4, vec![0xf3]).unwrap();
    assert_eq!((odd.status(0), odd.status(1)), (Ok(Status::Unknown), Ok(Status::Unknown)), "I11");
}

#[test]
fn stat_06_both_signed_forms_and_every_fault() {
    let (jwt, cwt) = (token().sign_jwt(&[], &key()).unwrap(), token().sign_cwt(&[], &key()).unwrap());
    assert_eq!(StatusToken::verify_jwt(&jwt, &key().multikey()), Ok(token()));
    assert_eq!(StatusToken::verify_cwt(&cwt, &key().multikey()), Ok(token()));
    let other = StandardKey::p256(&[8; 32]).unwrap().multikey();
    let invalid = SignatureError::SignatureInvalid;
    let refused = StatusToken::verify_jwt(&jwt, &other);
    assert_eq!(refused, Err(TokenStatusError::Jws(JwsError::Signature(invalid))), "I07");
    let refused = StatusToken::verify_cwt(&cwt, &other);
    assert_eq!(refused, Err(TokenStatusError::Cose(CoseError::Signature(invalid))), "I07");
    let elsewhere = Reference { uri: format!("{URI}1"), index: 0 };
    assert_eq!(token().status(&elsewhere, &freshness()), Err(TokenStatusError::StatusListMismatch), "I08");
    // Neither form passes for another kind of token.
    let header = json!({ "typ": "dc+sd-jwt" });
    let odd = jose::sign(header.as_object().unwrap(), b"{}", &key()).unwrap();
    let kind = Err(TokenStatusError::Jws(JwsError::UnexpectedTokenType));
    assert_eq!(StatusToken::verify_jwt(&odd, &key().multikey()), kind, "A20");
    let odd = cose::sign1(&cose::Headers::default(), b"\xa0", false, &key()).unwrap();
    assert_eq!(StatusToken::verify_cwt(&cose::write_value(odd), &key().multikey()), kind);
    let header = json!({ "typ": JWT_KIND });
    for claims in [
        json!({}),
        json!({ "sub": URI, "iat": 1 }),
        json!({ "sub": URI, "iat": "1", "status_list": token().list.to_json() }),
        json!({ "sub": URI, "iat": 1, "status_list": { "bits": 2 } }),
    ] {
        let text = jose::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &key()).unwrap();
        assert_eq!(
            StatusToken::verify_jwt(&text, &key().multikey()),
            Err(TokenStatusError::StatusListMalformed),
            "{claims}"
        );
    }
}

#[test]
fn a_list_may_be_vouched_for_by_certificates() {
    let root = Draft::root("CN=Root", key().multikey(), NOW - 1000, NOW + 1000);
    let signer = StandardKey::p256(&[8; 32]).unwrap();
    let leaf = root.leaf("CN=Status", signer.multikey(), Some("1.3.6.1.5.5.7.3.30")).sign(&key());
    let roots = [Root::from_der(&root.sign(&key())).unwrap()];
    let text = token().sign_jwt(&[leaf], &signer).unwrap();
    assert_eq!(StatusToken::verify_jwt_chain(&text, &roots, NOW), Ok(token()));
    let untrusted = Err(TokenStatusError::Certificate(CertificateError::KeyNotTrusted));
    assert_eq!(StatusToken::verify_jwt_chain(&text, &[], NOW), untrusted, "I07");
}

#[test]
fn stat_07_old_and_future_lists_decide_nothing() {
    let with = |change: fn(&mut StatusToken)| {
        let mut token = token();
        change(&mut token);
        token.status(&entry(0), &freshness())
    };
    assert_eq!(with(|_| ()), Ok(Status::Valid));
    assert_eq!(with(|it| it.expires = Some(NOW)), Err(TokenStatusError::StatusStale), "I07");
    assert_eq!(with(|it| it.issued = NOW + 61), Err(TokenStatusError::IssuedInFuture), "I07");
    assert_eq!(with(|it| it.ttl = Some(99)), Err(TokenStatusError::StatusStale));
    assert_eq!(with(|it| it.ttl = Some(0)), Err(TokenStatusError::StatusStale), "I09");
    let huge: fn(&mut StatusToken) = |it| {
        it.ttl = Some(u64::MAX);
        it.expires = None;
        it.issued = NOW - 86_401;
    };
    assert_eq!(with(huge), Err(TokenStatusError::StatusStale), "I09");
}

#[test]
fn stat_08_an_older_list_is_refused() {
    let seen = |newest| token().status(&entry(0), &Freshness { newest: Some(newest), ..freshness() });
    assert_eq!(seen(NOW - 100), Ok(Status::Valid));
    assert_eq!(seen(NOW - 99), Err(TokenStatusError::StatusRollback), "I10");
}

#[test]
fn stat_03_damaged_lists_and_bombs() {
    let json = |packed: &[u8]| TokenList::from_json(&json!({ "bits": 1, "lst": jose::base64url(packed) }));
    let whole = inflate::deflate_zlib(&[1; 1000]);
    assert_eq!(json(&whole), TokenList::new(1, vec![1; 1000]));
    let damaged = Err(TokenStatusError::Packed(InflateError::StatusListMalformed));
    for cut in 0..whole.len() {
        assert_eq!(json(&whole[..cut]), damaged, "I03: {cut}");
    }
    assert_eq!(json(&[whole.as_slice(), &[0]].concat()), damaged, "I03");
    assert_eq!(json(&inflate::deflate_gzip(&[1; 1000])), damaged, "I03, I05: gzip");
    let bomb = inflate::deflate_zlib(&vec![0; 50 << 20]);
    assert_eq!(json(&bomb), Err(TokenStatusError::Packed(InflateError::TooLarge)), "I04");
    let padded = json!({ "bits": 1, "lst": "eNrbuRgAAhcBXQ==" });
    assert_eq!(TokenList::from_json(&padded), Err(TokenStatusError::StatusListMalformed), "A21");
}

#[test]
fn references_in_both_forms() {
    let reference = entry(7);
    let claims = json!({ "status": reference.to_json() });
    assert_eq!(Reference::from_claims(claims.as_object().unwrap()), Ok(reference.clone()));
    assert_eq!(Reference::from_cbor(&reference.to_cbor()), Ok(reference));
    let json = |status: Value| Reference::from_claims(json!({ "status": status }).as_object().unwrap());
    assert_eq!(Reference::from_claims(&Map::new()), Err(TokenStatusError::StatusMissing), "I16");
    assert_eq!(json(json!({})), Err(TokenStatusError::StatusMissing));
    assert_eq!(json(json!({ "status_list": {} })), Err(TokenStatusError::StatusListMalformed));
    for index in [json!(-1), json!("7"), json!(1.5), json!(null)] {
        let status = json!({ "status_list": { "uri": URI, "idx": index } });
        assert_eq!(json(status), Err(TokenStatusError::StatusIndexOutOfRange), "I01: {index}");
    }
    assert_eq!(Reference::from_cbor(&Cbor::Null), Err(TokenStatusError::StatusMissing));
}
