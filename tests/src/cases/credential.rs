//! What issuers are sent and wallets receive.

use protocol::credential::{Credential, CredentialType, Value};
use protocol::crypto::keys::{P256SigningKey, Signature, Signer};
use protocol::exchange::{CredentialRequest, CredentialResponse};

use super::{Case, flip};
use crate::world::World;

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = received(world);
    cases.extend(requested(world));
    cases.extend(types(world));
    cases
}

/// An issuer's answer, checked with the holder's own secrets.
fn received(world: &World) -> Vec<Case> {
    let credential = &world.holder.licence.credential;
    let encode = |credential: &Credential| CredentialResponse { credential: credential.clone(), copies: None }.encode();
    let good = Case::valid("credential", "licence", "A licence arrives in the wallet.", encode(credential));
    let changed = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut Credential)| {
        let mut other = credential.clone();
        change(&mut other);
        good.broken(id, slug, title, expect, encode(&other))
    };
    let text = |text: &str| Value::Text(text.into());
    vec![
        changed("A37", "value-changed", "The address is not the one that was signed.", "SignatureInvalid", &|c| {
            c.values[6] = text("제주")
        }),
        changed("C01", "signature-identity", "A is the identity.", "SignatureInvalid", &|c| {
            c.signature[..48].copy_from_slice(&super::identity_point())
        }),
        changed("C03", "signature-changed", "A bit of the signature.", "SignatureInvalid", &|c| c.signature[79] ^= 1),
        changed("L04", "expiry-changed", "Valid for a day longer than signed.", "SignatureInvalid", &|c| {
            c.expiry = c.expiry.plus(1)
        }),
        changed("C25", "of-another", "Signed for another holder's secrets.", "SignatureInvalid", &|c| {
            *c = world.neighbour.licence.credential.clone()
        }),
        changed("A38", "other-type", "The name of another type.", "AttributesMismatch", &|c| {
            c.credential_type = world.identities.credential_type.id.clone()
        }),
        changed("C14", "value-missing", "One value too few.", "AttributesMismatch", &|c| c.values.truncate(7)),
        changed("C14", "value-more", "One value too many.", "AttributesMismatch", &|c| c.values.push(text("x"))),
        changed("D01", "device-key-missing", "A licence that is bound to no phone.", "HolderBindingMismatch", &|c| {
            c.device_key = None
        }),
        changed("J08", "other-device-key", "Bound to another phone.", "SignatureInvalid", &|c| {
            c.device_key = world.neighbour.licence.credential.device_key;
        }),
        changed(
            "CTYP-04",
            "resident-number",
            "A resident registration number in the address.",
            "ResidentNumberForbidden",
            &|c| c.values[6] = text("900724-1234567"),
        ),
        changed("A24", "hidden-character", "A zero-width space in the name.", "SuspiciousText", &|c| {
            c.values[1] = text("홍\u{200b}길동")
        }),
        changed("A40", "long-value", "An address of 257 bytes.", "ValueTooLong", &|c| {
            c.values[6] = text(&"a".repeat(257))
        }),
        changed("B21", "no-such-class", "A licence class that does not exist.", "ValueNotInType", &|c| {
            c.values[4] = Value::Number(1 << 6)
        }),
        changed("L07", "date-beyond-calendar", "A birth date after 9999.", "ValueNotInType", &|c| {
            c.values[3] = Value::Number(3_000_000)
        }),
        changed("B21", "empty-text", "An empty name.", "ValueNotInType", &|c| c.values[1] = text("")),
        changed("A37", "short-portrait", "A digest of 31 bytes.", "ValueNotInType", &|c| {
            c.values[7] = Value::Bytes(vec![0; 31])
        }),
        good.broken(
            "A36",
            "trailing-byte",
            "A byte follows the answer.",
            "NonCanonicalEncoding",
            [good.bytes.as_slice(), &[0]].concat(),
        ),
        good.broken(
            "E05",
            "cut-short",
            "The last byte is missing.",
            "Malformed",
            good.bytes[..good.bytes.len() - 1].to_vec(),
        ),
        good.broken("A40", "too-large", "More bytes than an answer may have.", "TooLarge", vec![0; 16 * 1_024 + 1]),
        good,
    ]
}

/// A wallet's request, checked with the keys it names.
fn requested(world: &World) -> Vec<Case> {
    let phone = P256SigningKey::generate(&mut crate::rng("a new phone"));
    let thief = P256SigningKey::generate(&mut crate::rng("thief's phone"));
    let commitment = world.licences.commitment("a new licence");
    let request = CredentialRequest {
        code: [7; 16],
        tx_code: Some("482915".into()),
        credential_type: world.licences.credential_type.id.clone(),
        nonce: [8; 16],
        commitment: commitment.clone(),
        device_key: phone.public_key(),
        device_proof: Signature([0; 64]),
        idempotency_key: [9; 16],
        copies: None,
    };
    let signed = request.clone().sign(&phone, &[]).expect("a software key");
    let good = Case::valid("credential-request", "licence", "A wallet asks for its licence.", signed.encode());
    let proof = |id: &str, slug: &str, title: &str, expect: &str, request: CredentialRequest| {
        good.broken(id, slug, title, expect, request.encode())
    };
    let committed = |id: &str, slug: &str, title: &str, expect: &str, commitment: Vec<u8>| {
        let request = CredentialRequest { commitment, ..request.clone() };
        proof(id, slug, title, expect, request.sign(&phone, &[]).expect("a software key"))
    };
    let stolen = CredentialRequest { device_key: thief.public_key(), ..signed.clone() };
    let by_thief = CredentialRequest {
        device_proof: request.clone().sign(&thief, &[]).expect("a software key").device_proof,
        ..signed.clone()
    };
    vec![
        proof("J08", "key-not-held", "A device key whose holder did not sign.", "SignatureInvalid", stolen),
        proof("J07", "signed-by-another", "Signed by another phone.", "SignatureInvalid", by_thief),
        proof(
            "J05",
            "nonce-changed",
            "Signed for another nonce.",
            "SignatureInvalid",
            CredentialRequest { nonce: [1; 16], ..signed.clone() },
        ),
        proof(
            "J33",
            "idempotency-key-changed",
            "Signed under another idempotency key.",
            "SignatureInvalid",
            CredentialRequest { idempotency_key: [1; 16], ..signed.clone() },
        ),
        proof(
            "J07",
            "proof-missing",
            "A signature of zeros.",
            "SignatureInvalid",
            CredentialRequest { device_proof: Signature([0; 64]), ..signed.clone() },
        ),
        committed(
            "C07",
            "commitment-short",
            "A commitment without its last byte.",
            "CommitmentLength",
            commitment[..commitment.len() - 1].to_vec(),
        ),
        committed("C07", "commitment-empty", "No commitment.", "CommitmentLength", vec![]),
        committed(
            "J03",
            "commitment-unproven",
            "A bit of the commitment's proof.",
            "CommitmentInvalid",
            flip(&commitment, commitment.len() - 1, 1),
        ),
        committed(
            "J05",
            "commitment-for-other-nonce",
            "A commitment for another issuer's key.",
            "CommitmentInvalid",
            world.identities.commitment("a new licence"),
        ),
        committed(
            "C01",
            "commitment-identity",
            "The identity for a commitment.",
            "IdentityPoint",
            super::splice(&commitment, 0, &super::identity_point()),
        ),
        committed(
            "C05",
            "commitment-outside-subgroup",
            "A commitment outside the subgroup.",
            "InvalidPoint",
            super::splice(&commitment, 0, &super::stray_points().0),
        ),
        committed(
            "C08",
            "commitment-scalar-is-r",
            "A response that is the group order.",
            "ScalarOutOfRange",
            super::splice(&commitment, 48, &super::group_order()),
        ),
        good.broken(
            "A36",
            "trailing-byte",
            "A byte follows the request.",
            "NonCanonicalEncoding",
            [good.bytes.as_slice(), &[0]].concat(),
        ),
        good.broken("A40", "too-large", "More bytes than a request may have.", "TooLarge", vec![0; 4_097]),
        good,
    ]
}

/// Files of credential types.
fn types(world: &World) -> Vec<Case> {
    let definition = world.identities.credential_type.definition();
    let good =
        Case::valid("credential-type", "zk-identity", "The type of zero-knowledge identities.", definition.clone());
    let text = String::from_utf8(definition).expect("JSON");
    let replaced = |id: &str, slug: &str, title: &str, expect: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        good.broken(id, slug, title, expect, text.replacen(from, to, 1).into_bytes())
    };
    let wide = |count: usize| {
        let mut wide: CredentialType = world.identities.credential_type.clone();
        let more = |i| protocol::credential::Attribute { name: format!("a{i}"), ..wide.attributes[3].clone() };
        let more: Vec<_> = (0..count).map(more).collect();
        wide.attributes.extend(more);
        wide.definition()
    };
    vec![
        replaced(
            "CTYP-01",
            "unknown-member",
            "A member that types do not have.",
            "MalformedType",
            "{\"id\"",
            "{\"extends\":\"x\",\"id\"",
        ),
        replaced("CTYP-01", "member-twice", "The id comes twice.", "MalformedType", "{\"id\"", "{\"id\":\"x\",\"id\""),
        replaced(
            "CTYP-01",
            "id-with-path",
            "An id that is a path.",
            "MalformedType",
            "kr.go.police.zk-identity.1",
            "../../etc/passwd",
        ),
        replaced(
            "CTYP-01",
            "unknown-encoding",
            "An encoding that does not exist.",
            "MalformedType",
            "\"encoding\":\"date\"",
            "\"encoding\":\"float\"",
        ),
        replaced(
            "CTYP-03",
            "name-twice",
            "Two attributes with one name.",
            "BadAttributeName",
            "\"name\":\"residence\"",
            "\"name\":\"gender\"",
        ),
        replaced(
            "CTYP-03",
            "name-in-capitals",
            "A name in capitals.",
            "BadAttributeName",
            "\"name\":\"gender\"",
            "\"name\":\"Gender\"",
        ),
        replaced(
            "CTYP-04",
            "resident-number",
            "The resident registration number as an attribute.",
            "ForbiddenAttribute",
            "\"name\":\"gender\"",
            "\"name\":\"resident_registration_number\"",
        ),
        replaced(
            "CTYP-04",
            "rrn",
            "The same under a short name.",
            "ForbiddenAttribute",
            "\"name\":\"gender\"",
            "\"name\":\"r_r_n\"",
        ),
        replaced(
            "CTYP-06",
            "profile-shows-nothing-known",
            "A profile that shows what the type does not have.",
            "BadProfile",
            "\"show\":[\"residence\"]",
            "\"show\":[\"address\"]",
        ),
        replaced(
            "CTYP-06",
            "profile-proves-nothing-known",
            "A profile with an age of 200.",
            "BadProfile",
            "\"years\":19",
            "\"years\":200",
        ),
        good.broken("CTYP-02", "too-many-attributes", "25 attributes.", "TypeTooLarge", wide(20)),
        good.broken("CTYP-02", "no-attributes", "No attribute.", "TypeTooLarge", {
            let none =
                CredentialType { attributes: vec![], profiles: vec![], ..world.identities.credential_type.clone() };
            none.definition()
        }),
        good.broken("CTYP-01", "too-large", "A file of more than 32 KiB.", "TypeTooLarge", vec![b' '; 32 * 1_024 + 1]),
        good.broken("CTYP-01", "empty", "Nothing at all.", "MalformedType", vec![]),
        good.broken(
            "A36",
            "deep-nesting",
            "Two thousand arrays inside each other.",
            "MalformedType",
            vec![b'['; 2_000],
        ),
        good,
    ]
}
