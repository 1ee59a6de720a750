//! Token Status List: ours to `@sd-jwt/jwt-status-list`, and theirs to us.

use protocol::credential::status::token::{Freshness, Reference, StatusToken, TokenList};
use protocol::credential::{Status, StatusList};
use protocol::crypto::multikey::StandardSigner as _;
use serde_json::json;

use crate::sd_jwt::{NOW, key, secret};

const URI: &str = "https://issuer.example/status/7";

#[test]
fn both_read_the_same_entries() {
    let mut list = StatusList::new();
    list.revoke(1).unwrap();
    list.suspend(6).unwrap();
    list.revoke(131_071).unwrap();
    let token = StatusToken {
        uri: URI.into(),
        issued: NOW - 10,
        expires: Some(NOW + 10),
        ttl: Some(600),
        list: TokenList::from(&list),
    };
    let text = token.sign_jwt(&[], &key(2)).unwrap();
    let entries = [0, 1, 2, 5, 6, 7, 131_070, 131_071];
    let claims = json!({ "sub": URI, "iat": NOW - 10, "exp": NOW + 10, "ttl": 600 });
    let values: Vec<u8> = (0..64).map(|it| it % 4).collect();
    let mut jobs = vec![json!({ "job": "read_status_list", "text": text, "entries": entries })];
    for bits in [2, 4, 8] {
        let job =
            json!({ "job": "sign_status_list", "values": values, "bits": bits, "claims": claims, "issuer": secret(2) });
        jobs.push(job);
    }
    let answers = formats::javascript(&jobs);
    let read = answers[0].as_ref().unwrap();
    assert_eq!(read, &json!({ "bits": 2, "values": [0, 1, 0, 0, 2, 0, 0, 1] }));
    for answer in &answers[1..] {
        let text = answer.as_ref().unwrap()["text"].as_str().unwrap();
        let theirs = StatusToken::verify_jwt(text, &key(2).multikey()).unwrap();
        let freshness = Freshness { now: NOW, max_age: 86_400, newest: None };
        let of = |index| theirs.status(&Reference { uri: URI.into(), index }, &freshness).unwrap();
        for index in (0..64).step_by(4) {
            let four = [of(index), of(index + 1), of(index + 2), of(index + 3)];
            assert_eq!(four, [Status::Valid, Status::Revoked, Status::Suspended, Status::Unknown]);
        }
        assert!(StatusToken::verify_jwt(text, &key(3).multikey()).is_err());
    }
}
