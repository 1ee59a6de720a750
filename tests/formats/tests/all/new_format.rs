//! What `docs/howtos/add-a-format.md` says: a whole format in one file, of what `protocol` offers to any. The format is
//! `vc+jwt` of the W3C (VC-JOSE-COSE), which this system does not issue; the module `vc_jwt` is the file.

use protocol::credential::status::token::{Freshness, Reference, StatusToken, TokenList};
use protocol::credential::{Status, StatusList};
use protocol::crypto::jose::JwsError;
use protocol::crypto::multikey::StandardSigner as _;
use protocol::crypto::x509::CertificateError;
use serde_json::json;

use crate::sd_jwt::{NOW, certificate, key, roots, secret};
use vc_jwt::{Challenge, Draft, VcJwt, VcJwtError, verify_issued, verify_presentation};

const KIND: &str = "LicenceCredential";
const LIST: &str = "https://issuer.example/status/kr.go.police.driver-licence.1/7";

/// The file.
mod vc_jwt {
    use protocol::credential::status::token::{Reference, TokenStatusError};
    use protocol::crypto::jose::{self, Jwk, Jws, JwsError};
    use protocol::crypto::multikey::{Multikey, StandardSigner};
    use protocol::crypto::x509::{CertificateError, Purpose, Root, verify_chain};
    use serde_json::{Map, Value, json};

    const CREDENTIAL: &str = "vc+jwt";
    const PRESENTATION: &str = "vp+jwt";
    const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";
    const AHEAD: u64 = 60;

    /// Why a credential or presentation is refused.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum VcJwtError {
        Jws(JwsError),
        Certificate(CertificateError),
        Status(TokenStatusError),
        MissingField,
        TypeMismatch,
        CredentialExpired,
        HolderBindingInvalid,
        AudienceMismatch,
        NonceMismatch,
        PresentationStale,
    }

    impl From<JwsError> for VcJwtError {
        fn from(error: JwsError) -> Self {
            Self::Jws(error)
        }
    }

    impl From<CertificateError> for VcJwtError {
        fn from(error: CertificateError) -> Self {
            Self::Certificate(error)
        }
    }

    /// What an issuer is about to sign.
    pub(super) struct Draft {
        pub(super) kind: String,
        pub(super) subject: Map<String, Value>,
        pub(super) from: u64,
        pub(super) until: u64,
        pub(super) status: Reference,
        pub(super) holder: Multikey,
        pub(super) certificates: Vec<Vec<u8>>,
    }

    impl Draft {
        pub(super) fn issue(&self, signer: &dyn StandardSigner) -> Result<String, VcJwtError> {
            let claims = json!({
                "@context": [CONTEXT], "type": ["VerifiableCredential", self.kind], "credentialSubject": self.subject,
                "iat": self.from, "exp": self.until, "status": self.status.to_json(),
                "cnf": { "jwk": Jwk::from(self.holder).to_json() },
            });
            let x5c: Vec<Value> = self.certificates.iter().map(|der| super::base64(der).into()).collect();
            Ok(jose::sign(&header(CREDENTIAL, Some(("x5c", x5c.into()))), claims.to_string().as_bytes(), signer)?)
        }
    }

    /// What a holder keeps.
    pub(super) struct VcJwt<'a>(&'a str);

    impl<'a> VcJwt<'a> {
        pub(super) fn read(text: &'a str) -> Result<Self, VcJwtError> {
            Jws::read(text)?.expect_kind(CREDENTIAL)?;
            Ok(Self(text))
        }

        pub(super) fn present(&self, to: &Challenge<'_>, holder: &dyn StandardSigner) -> Result<String, VcJwtError> {
            let enveloped =
                json!({ "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{}", self.0) });
            let claims = json!({
                "@context": [CONTEXT], "type": ["VerifiablePresentation"], "verifiableCredential": [enveloped],
                "aud": to.audience, "nonce": to.nonce, "iat": to.now,
            });
            Ok(jose::sign(&header(PRESENTATION, None), claims.to_string().as_bytes(), holder)?)
        }
    }

    /// What a verifier asked.
    #[derive(Clone, Copy)]
    pub(super) struct Challenge<'a> {
        pub(super) audience: &'a str,
        pub(super) nonce: &'a str,
        pub(super) now: u64,
        pub(super) max_age: u64,
    }

    /// A credential that was checked: only here can claims be read.
    #[derive(Debug)]
    pub(super) struct Verified {
        claims: Map<String, Value>,
        root: Multikey,
    }

    impl Verified {
        pub(super) fn subject(&self) -> &Value {
            &self.claims["credentialSubject"]
        }

        /// Whose it is follows from the root, which the ledger records.
        pub(super) fn root(&self) -> &Multikey {
            &self.root
        }

        pub(super) fn status(&self) -> Result<Reference, VcJwtError> {
            Reference::from_claims(&self.claims).map_err(VcJwtError::Status)
        }

        fn holder(&self) -> Result<Multikey, VcJwtError> {
            let jwk = self.claims.get("cnf").and_then(|cnf| cnf.get("jwk")).ok_or(VcJwtError::MissingField)?;
            Ok(Jwk::from_json(jwk).map_err(|_| VcJwtError::MissingField)?.key)
        }
    }

    pub(super) fn verify_issued(text: &str, kind: &str, roots: &[Root], now: u64) -> Result<Verified, VcJwtError> {
        let token = Jws::read(text)?;
        token.expect_kind(CREDENTIAL)?;
        let leaf = verify_chain(&token.header().certificates()?, roots, Purpose::Credentials, now)?;
        let claims = token.verify(&leaf.key)?.claims()?;
        let types = claims.get("type").and_then(Value::as_array).ok_or(VcJwtError::MissingField)?;
        if !types.iter().any(|one| one == kind) {
            return Err(VcJwtError::TypeMismatch);
        }
        let time = |name: &str| claims.get(name).and_then(Value::as_u64).ok_or(VcJwtError::MissingField);
        let (from, until) = (time("iat")?, time("exp")?);
        if now.saturating_add(AHEAD) < from || now >= until {
            return Err(VcJwtError::CredentialExpired);
        }
        leaf.check_time(from)?;
        Ok(Verified { claims, root: leaf.root })
    }

    pub(super) fn verify_presentation(
        text: &str,
        kind: &str,
        asked: &Challenge<'_>,
        roots: &[Root],
    ) -> Result<Verified, VcJwtError> {
        let token = Jws::read(text)?;
        token.expect_kind(PRESENTATION)?;
        // The holder's key is in the credential, which has to be believed first.
        let payload = text.split('.').nth(1).and_then(jose::from_base64url).ok_or(VcJwtError::MissingField)?;
        let shown: Value = serde_json::from_slice(&payload).map_err(|_| VcJwtError::MissingField)?;
        let credential = shown.pointer("/verifiableCredential/0/id").and_then(Value::as_str);
        let credential = credential.and_then(|id| id.strip_prefix("data:application/vc+jwt,"));
        let verified = verify_issued(credential.ok_or(VcJwtError::MissingField)?, kind, roots, asked.now)?;
        let claims = token.verify(&verified.holder()?).map_err(|_| VcJwtError::HolderBindingInvalid)?.claims()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(VcJwtError::MissingField);
        if text("aud")? != asked.audience {
            return Err(VcJwtError::AudienceMismatch);
        }
        if text("nonce")? != asked.nonce {
            return Err(VcJwtError::NonceMismatch);
        }
        let made = claims.get("iat").and_then(Value::as_u64).ok_or(VcJwtError::MissingField)?;
        let stale = made > asked.now.saturating_add(AHEAD) || asked.now.saturating_sub(made) > asked.max_age;
        if stale { Err(VcJwtError::PresentationStale) } else { Ok(verified) }
    }

    fn header(kind: &str, more: Option<(&str, Value)>) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("typ".into(), kind.into());
        header.extend(more.map(|(name, value)| (name.to_owned(), value)));
        header
    }
}

fn base64(der: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(der)
}

fn issued() -> String {
    let draft = Draft {
        kind: KIND.into(),
        subject: json!({ "name": "홍길동 😀", "class": "1-ordinary" }).as_object().unwrap().clone(),
        from: NOW - 100,
        until: NOW + 86_400,
        status: Reference { uri: LIST.into(), index: 77 },
        holder: key(3).multikey(),
        certificates: vec![certificate()],
    };
    draft.issue(&key(2)).unwrap()
}

fn asked(now: u64) -> Challenge<'static> {
    Challenge { audience: "https://bank.example", nonce: "n-1", now, max_age: 300 }
}

#[test]
fn a_format_is_one_file() {
    let text = issued();
    let held = verify_issued(&text, KIND, &roots(), NOW).unwrap();
    assert_eq!(held.root(), &key(1).multikey());
    let shown = VcJwt::read(&text).unwrap().present(&asked(NOW), &key(3)).unwrap();
    let verified = verify_presentation(&shown, KIND, &asked(NOW), &roots()).unwrap();
    assert_eq!(verified.subject()["name"], "홍길동 😀");

    // Its status is on the list that other formats use.
    let mut list = StatusList::new();
    list.suspend(77).unwrap();
    let token = |list: &StatusList| StatusToken {
        uri: LIST.into(),
        issued: NOW,
        expires: None,
        ttl: None,
        list: TokenList::from(list),
    };
    let freshness = Freshness { now: NOW, max_age: 60, newest: None };
    let status = |list: &StatusList| {
        let signed = token(list).sign_jwt(&[certificate()], &key(2)).unwrap();
        let read = StatusToken::verify_jwt_chain(&signed, &roots(), NOW).unwrap();
        read.status(&verified.status().unwrap(), &freshness)
    };
    assert_eq!(status(&StatusList::new()), Ok(Status::Valid));
    assert_eq!(status(&list), Ok(Status::Suspended));
}

#[test]
fn a_new_format_refuses_what_others_refuse() {
    let text = issued();
    let shown = VcJwt::read(&text).unwrap().present(&asked(NOW), &key(3)).unwrap();
    let check = |text: &str, asked: Challenge<'_>| verify_presentation(text, KIND, &asked, &roots()).map(|_| ());
    assert_eq!(check(&shown, asked(NOW)), Ok(()));
    assert_eq!(check(&shown, Challenge { nonce: "n-2", ..asked(NOW) }), Err(VcJwtError::NonceMismatch));
    let elsewhere = Challenge { audience: "https://shop.example", ..asked(NOW) };
    assert_eq!(check(&shown, elsewhere), Err(VcJwtError::AudienceMismatch));
    assert_eq!(check(&shown, asked(NOW + 301)), Err(VcJwtError::PresentationStale));
    assert_eq!(check(&shown, asked(NOW + 86_400)), Err(VcJwtError::CredentialExpired));
    // The credential alone is no presentation, and a thief has another key.
    assert_eq!(check(&text, asked(NOW)), Err(VcJwtError::Jws(JwsError::UnexpectedTokenType)));
    let stolen = VcJwt::read(&text).unwrap().present(&asked(NOW), &key(4)).unwrap();
    assert_eq!(check(&stolen, asked(NOW)), Err(VcJwtError::HolderBindingInvalid));
    let other = verify_issued(&text, "ResidentCard", &roots(), NOW).map(|_| ());
    assert_eq!(other, Err(VcJwtError::TypeMismatch));
    let stranger = verify_issued(&text, KIND, &[], NOW).map(|_| ());
    assert_eq!(stranger, Err(VcJwtError::Certificate(CertificateError::KeyNotTrusted)));
    // Any changed character.
    for at in (0..text.len()).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(verify_issued(core::str::from_utf8(&bytes).unwrap(), KIND, &roots(), NOW).is_err(), "{at}");
    }
}

/// Software of others that knows the format's parts accepts it.
#[test]
fn jose_verifies_a_new_format() {
    let text = issued();
    let job = |text: &str, seed: u8| json!({ "job": "verify", "text": text, "key": secret(seed) });
    let answers = formats::javascript(&[job(&text, 2), job(&text, 3)]);
    let read = answers[0].as_ref().unwrap();
    assert_eq!(
        (&read["header"]["typ"], &read["claims"]["credentialSubject"]["name"]),
        (&json!("vc+jwt"), &json!("홍길동 😀"))
    );
    assert!(answers[1].is_err(), "another key");
}
