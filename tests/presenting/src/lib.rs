//! A ledger, an issuer, a shop that asks and a holder, all from fixed seeds, at any time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test"
)]

pub mod calls;
mod w3c;

use std::sync::Arc;

use protocol::credential::mdoc::{self, Value as Cbor};
use protocol::credential::sd_jwt::{self, Trust, Verified};
use protocol::credential::status::token::Reference;
use protocol::credential::{Label, StatusList};
use protocol::crypto::keys::{P256SigningKey, Signer as _};
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner as _};
use protocol::crypto::x509::testkit::Draft as Certificate;
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::record::{
    Accreditation, DidKey, DidRecord, Permit, Purpose, Purposes, Record, StatusListAnchor, VerifierRegistration,
};
use protocol::ledger::state::TrustedState;
use protocol::ledger::testkit::TestLedger;
use serde_json::json;
use verifier_server::Database;
use verifier_server::openid4vp::{Identity, Presenting, RequestSigner, Settings};

pub use w3c::{KIND, vocabulary, w3c_query};

/// Type of the SD-JWT licences, whose status is on a list of the ledger.
pub const VCT: &str = "urn:kr:licence:1";
/// Doctype of the mobile documents.
pub const DOCTYPE: &str = mdoc::MDL;
/// Its namespace.
pub const NAMESPACE: &str = mdoc::MDL_NAMESPACE;
/// The relying party's token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The name that the shop's certificate is for.
pub const HOST: &str = "verifier.example";
/// A day, in seconds.
pub const DAY: u64 = 86_400;

/// Seeds of keys.
const SHOP: u8 = 11;
const SHOP_ROOT: u8 = 12;
const SHOP_LEAF: u8 = 13;
const ISSUER_ROOT: u8 = 14;
const ISSUER_LEAF: u8 = 15;
/// The holder's key.
pub const HOLDER: u8 = 16;
/// Someone else's key.
pub const STRANGER: u8 = 17;

/// The key that `seed` determines.
#[must_use]
pub fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

/// Everyone, at a time.
pub struct World {
    /// Now, Unix seconds.
    pub now: u64,
    /// What bundles of the ledger are checked against.
    pub anchor: TrustAnchor,
    /// The ledger as everyone has it.
    pub trust: Arc<TrustedState>,
    /// Who asks.
    pub shop: Did,
    /// Who issues.
    pub issuer: Did,
    /// Where the shop's instances keep requests; each in its memory where there is nothing.
    pub database: Option<Database>,
}

/// What was issued.
pub struct Issued {
    /// The SD-JWT.
    pub sd_jwt: String,
    /// What the wallet verified of it.
    pub verified: Verified,
    /// The mobile document, `IssuerSigned`.
    pub mdoc: Vec<u8>,
}

fn did(seed: u8) -> Did {
    let public = P256SigningKey::from_seed(&[seed; 32]).unwrap().public_key();
    Did::derive("kr", &public.to_multicodec()).unwrap()
}

fn label(text: &str) -> Label {
    Label { ko: text.into(), en: text.into() }
}

impl World {
    /// The world at `now`.
    #[must_use]
    pub fn at(now: u64) -> Self {
        Self::with(now, true)
    }

    /// The world in which the issuer is accredited, or is not.
    #[must_use]
    pub fn with(now: u64, accredited: bool) -> Self {
        let public = |seed: u8| P256SigningKey::from_seed(&[seed; 32]).unwrap().public_key();
        let dated = |fragment: &str, seed, purposes| DidKey {
            fragment: fragment.into(),
            key: public(seed),
            purposes,
            from: now - 100 * DAY,
            until: None,
        };
        let record = |seed, root| {
            let mut keys = vec![dated("key-1", seed, Purposes::ALL), dated("x509-1", root, Purposes::ASSERTION)];
            if seed == ISSUER_ROOT {
                keys.extend(w3c::keys(now - 100 * DAY));
            }
            DidRecord { did: did(seed), keys, deactivated: false }
        };
        let accreditation = |kind: &str| {
            let credential_type = kind.to_owned();
            let (from, until) = (now - 10 * DAY, now + 10 * DAY);
            Record::Accreditation(Accreditation {
                issuer: did(ISSUER_ROOT),
                credential_type,
                from,
                until,
                withdrawn: false,
            })
        };
        let permit = |kind: &str, claims: &[&str]| Permit {
            credential_type: kind.into(),
            claims: claims.iter().map(|it| (*it).into()).collect(),
            predicates: vec![],
            pseudonyms: vec![],
            binding: None,
        };
        let permits = vec![
            permit(VCT, &["family_name", "address", "classes", "age_over_19"]),
            permit(DOCTYPE, &["family_name", "age_over_19"]),
        ];
        let rental = Purpose { id: "rental".into(), text: label("Rent a car"), permits };
        let registration =
            VerifierRegistration { did: did(SHOP), name: label("Shop"), purposes: vec![rental], withdrawn: false };
        let mut list = StatusList::new();
        list.revoke(2).unwrap();
        list.suspend(3).unwrap();
        let anchor = Record::StatusList(StatusListAnchor {
            issuer: did(ISSUER_ROOT),
            credential_type: VCT.into(),
            list: 7,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of: now - 60,
        });
        let place = anchor.state_key();
        let mut ledger = TestLedger::new("kr", [7; 32], [1; 32], (now - 100) * 1000).unwrap();
        let mut records = vec![
            Record::Did(record(SHOP, SHOP_ROOT)),
            Record::Did(record(ISSUER_ROOT, ISSUER_ROOT)),
            Record::Verifier(registration),
            anchor,
        ];
        if accredited {
            records.extend([accreditation(VCT), accreditation(DOCTYPE)]);
        }
        ledger.write(&records, (now - 50) * 1000);
        ledger.publish(place, list);
        let trust = Arc::new(ledger.trusted_state().unwrap());
        Self { now, anchor: ledger.anchor(), trust, shop: did(SHOP), issuer: did(ISSUER_ROOT), database: None }
    }

    fn root(&self, seed: u8, name: &str) -> Certificate {
        Certificate::root(name, key(seed).multikey(), self.now - 50 * DAY, self.now + 50 * DAY)
    }

    /// The issuer's root certificate.
    #[must_use]
    pub fn issuer_root(&self) -> Vec<u8> {
        self.root(ISSUER_ROOT, "CN=Police,C=KR").sign(&key(ISSUER_ROOT))
    }

    /// What the issuer signs metadata with, and the certificate.
    #[must_use]
    pub fn issuer_signer(&self) -> (StandardKey, Vec<u8>) {
        let signer = key(ISSUER_LEAF);
        let leaf = self.root(ISSUER_ROOT, "CN=Police,C=KR").leaf("CN=Licences,C=KR", signer.multikey(), None);
        (signer, leaf.sign(&key(ISSUER_ROOT)))
    }

    /// The shop's root certificate.
    #[must_use]
    pub fn shop_root(&self) -> Vec<u8> {
        self.root(SHOP_ROOT, "CN=Shop,C=KR").sign(&key(SHOP_ROOT))
    }

    /// The certificate that signs the shop's requests, for [`HOST`].
    #[must_use]
    pub fn shop_certificate(&self) -> Vec<u8> {
        let mut leaf = self.root(SHOP_ROOT, "CN=Shop,C=KR").leaf(
            "CN=Requests,C=KR",
            key(SHOP_LEAF).multikey(),
            Some("1.0.18013.5.1.6"),
        );
        let name = [&[0x82, HOST.len() as u8], HOST.as_bytes()].concat();
        leaf.extra.push(("2.5.29.17", false, [&[0x30, name.len() as u8], name.as_slice()].concat()));
        leaf.sign(&key(SHOP_ROOT))
    }

    /// A licence on entry `index` of the list, in both formats, for the holder with this key.
    #[must_use]
    pub fn issue(&self, holder: Multikey, index: u64) -> Issued {
        self.issue_on(holder, Some(index))
    }

    /// [`World::issue`] on no list: the credential only runs out.
    #[must_use]
    pub fn issue_unlisted(&self, holder: Multikey) -> Issued {
        self.issue_on(holder, None)
    }

    fn issue_on(&self, holder: Multikey, index: Option<u64>) -> Issued {
        let top = self.root(ISSUER_ROOT, "CN=Police,C=KR");
        let signer = key(ISSUER_LEAF);
        let leaf = |usage| top.leaf("CN=Licences,C=KR", signer.multikey(), usage).sign(&key(ISSUER_ROOT));
        let mut claims = json!({
            "vct": VCT, "iat": self.now - 100, "exp": self.now + 5 * DAY,
            "family_name": "홍", "given_name": "길동", "birthdate": "1990-01-01", "age_over_19": true,
            "address": { "region": "서울", "street": "세종대로 1" }, "classes": ["1-ordinary", "2-small"],
        });
        if let Some(index) = index {
            let uri = format!("https://issuer.example/status/{VCT}/7");
            claims["status"] = Reference { uri, index }.to_json();
        }
        let selective = [
            "/family_name",
            "/given_name",
            "/birthdate",
            "/age_over_19",
            "/address",
            "/address/region",
            "/address/street",
            "/classes/0",
            "/classes/1",
        ];
        let draft = sd_jwt::Draft {
            certificates: vec![leaf(None)],
            claims: claims.as_object().unwrap().clone(),
            selective: selective.map(str::to_owned).to_vec(),
            decoys: 2,
            holder: Some(holder),
        };
        let sd_jwt = draft.issue(&signer, &mut tests::rng("presenting")).unwrap();
        let roots = self.trust.certificate_roots();
        let verified = sd_jwt::verify_issued(&sd_jwt, VCT, &Trust { roots: &roots, now: self.now }).unwrap();
        let text = |text: &str| Cbor::Text(text.into());
        let elements = vec![
            ("family_name".to_owned(), text("Hong")),
            ("given_name".to_owned(), text("Gildong")),
            ("birth_date".to_owned(), Cbor::Tag(1004, Box::new(text("1990-01-01")))),
            ("age_over_19".to_owned(), Cbor::Bool(true)),
        ];
        let document = mdoc::Draft {
            doc_type: DOCTYPE.into(),
            elements: vec![(NAMESPACE.into(), elements)],
            device_key: holder,
            signed: self.now - 100,
            valid_from: self.now - 100,
            valid_until: self.now + 5 * DAY,
            status: None,
            decoys: 2,
            certificates: vec![leaf(Some("1.0.18013.5.1.2"))],
        };
        Issued { sd_jwt, verified, mdoc: document.issue(&signer, &mut tests::rng("mdoc")).unwrap() }
    }

    /// Three ways in which the shop says who it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let leaf = || Box::new(key(SHOP_LEAF));
        let signers = vec![
            RequestSigner::certificate(vec![self.shop_certificate()], leaf()).unwrap(),
            RequestSigner::dns_name(HOST, vec![self.shop_certificate()], leaf()),
            RequestSigner::did(&self.shop, "key-1", Box::new(key(SHOP))),
        ];
        Identity { verifier: self.shop.clone(), signers }
    }

    /// How the shop's service is set up that is reached at `base_url`.
    #[must_use]
    pub fn settings(&self, base_url: &str) -> Settings {
        Settings { database: self.database.clone(), ..Settings::new(base_url, TOKEN) }
    }

    /// The shop's service, reached at `base_url`, whose clock is `clock`.
    #[must_use]
    pub fn service(&self, base_url: &str, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Presenting {
        let trust = self.trust.clone();
        Presenting::new(self.identity(), self.settings(base_url), move || Some(trust.clone()), clock)
    }
}

/// A query for a licence as SD-JWT.
#[must_use]
pub fn sd_jwt_query(paths: &[&[&str]]) -> serde_json::Value {
    let claims: Vec<_> = paths.iter().map(|path| json!({ "path": path })).collect();
    json!({ "credentials": [{
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [VCT] }, "claims": claims,
    }] })
}

/// A query for a mobile document.
#[must_use]
pub fn mdoc_query(elements: &[&str]) -> serde_json::Value {
    let claims: Vec<_> =
        elements.iter().map(|name| json!({ "path": [NAMESPACE, name], "intent_to_retain": false })).collect();
    json!({ "credentials": [{
        "id": "mdl", "format": "mso_mdoc", "meta": { "doctype_value": DOCTYPE }, "claims": claims,
    }] })
}
