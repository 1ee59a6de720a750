//! One police, two verifiers, three holders and a ledger that all of them trust.

mod holder;
mod issuer;
mod trust;

pub use holder::{Held, Holder};
pub use issuer::{Issuing, Person};
pub use trust::TRUST_VARIANTS;

use protocol::credential::age::Statute;
use protocol::credential::{CredentialType, HolderBinding, Label};
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::exchange::{AuthenticRequest, Period, Predicate, Query, Request, Scope, SignedRequest};
use protocol::identifier::Did;
use protocol::ledger::record::{DidKey, DidRecord, Permit, Purpose, Purposes, Record, VerifierRegistration};

/// The present: 12:00 on 20 November 2026 in Korea, as Unix seconds.
pub const NOW: u64 = 1_795_143_600;
/// When the ledger's state was finalised: ten minutes before [`NOW`].
pub const AS_OF: u64 = NOW - 600;
/// Short name of the network.
pub const NETWORK: &str = "test";
/// The current status epoch.
pub const EPOCH: u32 = 42;
/// The number of the licences' status list.
pub const LIST: u32 = 7;
/// An event at which the shop may accept each holder once.
pub const EVENT: &str = "test-drive-2026";
/// The fragment of every organisation's key.
pub const KEY: &str = "key-1";
/// Year 2020 and year 2040: longer than anything here lives.
pub const ALWAYS: (u64, u64) = (1_577_836_800, 2_208_988_800);

/// An organisation on the ledger, with its one key.
pub struct Organisation {
    /// The identifier.
    pub did: Did,
    /// The key.
    pub key: Ed25519SigningKey,
}

impl Organisation {
    /// The organisation that `name` determines.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = Ed25519SigningKey::from_seed(&crate::seed(name));
        let did = Did::derive(NETWORK, &key.public_key().to_multicodec()).expect("a network name");
        Self { did, key }
    }

    /// Its record on the ledger.
    #[must_use]
    pub fn record(&self) -> DidRecord {
        let key = DidKey {
            fragment: KEY.into(),
            key: self.key.public_key(),
            purposes: Purposes::ALL,
            from: ALWAYS.0,
            until: None,
        };
        DidRecord { did: self.did.clone(), keys: vec![key], deactivated: false }
    }
}

/// Everyone.
pub struct World {
    /// Issues licences and identities.
    pub police: Organisation,
    /// Asks for licences at the roadside and for ages.
    pub patrol: Organisation,
    /// Asks for ages.
    pub shop: Organisation,
    /// A genuine organisation that may issue nothing.
    pub transport: Organisation,
    /// Issues licences.
    pub licences: Issuing,
    /// Issues zero-knowledge identities.
    pub identities: Issuing,
    /// The transport office's key for identities, for which it has no accreditation.
    pub unaccredited: Issuing,
    /// An adult.
    pub holder: Holder,
    /// Another adult.
    pub neighbour: Holder,
    /// Turns 19 tomorrow.
    pub minor: Holder,
    network: [u8; 32],
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// The same world every time.
    #[must_use]
    pub fn new() -> Self {
        let [police, patrol, shop, transport] = ["police", "patrol", "shop", "transport"].map(Organisation::new);
        let network = crate::seed("network");
        let licence = credential_type(include_bytes!("../../../specs/types/driver-licence.json"));
        let identity = credential_type(include_bytes!("../../../specs/types/zk-identity.json"));
        let licences = Issuing::new(network, &police.did, licence, "licences");
        let identities = Issuing::new(network, &police.did, identity.clone(), "identities");
        let unaccredited = Issuing::new(network, &transport.did, identity, "unaccredited");
        let holder = |person| Holder::new(person, &licences, &identities);
        Self {
            holder: holder(&issuer::HOLDER),
            neighbour: holder(&issuer::NEIGHBOUR),
            minor: holder(&issuer::MINOR),
            police,
            patrol,
            shop,
            transport,
            licences,
            identities,
            unaccredited,
            network,
        }
    }

    /// The question of a ready-made answer, of whichever type has it.
    #[must_use]
    pub fn profile(&self, id: &str) -> Query {
        let types = [&self.licences.credential_type, &self.identities.credential_type];
        let of = |credential_type: &CredentialType| {
            credential_type.profile(id).map(|profile| Query::of_profile(credential_type, profile))
        };
        types.into_iter().find_map(of).expect("a profile of the two types")
    }

    /// "At least `years` old", of a zero-knowledge identity.
    #[must_use]
    pub fn age(&self, years: u8) -> Query {
        Query { prove: vec![Predicate::AgeAtLeast { years, statute: Statute::Civil }], ..self.profile("age-19") }
    }

    /// "Aged 19 or over, may drive a car", of a zero-knowledge identity.
    #[must_use]
    pub fn rental(&self) -> Query {
        self.profile("adult-driver")
    }

    /// A request of the shop for [`World::rental`], with or without a pseudonym, as [`World::request`].
    #[must_use]
    pub fn rental_request(&self, pseudonym: Option<Scope>, name: &str) -> SignedRequest {
        let query = Query { pseudonym, ..self.rental() };
        self.request(&self.shop, "rental", query, name).sign(&self.shop.key).expect("a software key")
    }

    /// A request of the shop for an age with the binding that `query` names, as [`World::request`].
    #[must_use]
    pub fn bound_or_not(&self, query: Query, name: &str) -> SignedRequest {
        let purpose = match query.binding {
            HolderBinding::LinkSecret => "age-check",
            HolderBinding::DeviceKey => "account",
        };
        self.request(&self.shop, purpose, query, name).sign(&self.shop.key).expect("a software key")
    }

    /// A request of the shop for an age, as [`World::request`].
    #[must_use]
    pub fn shop_request(&self, name: &str) -> SignedRequest {
        self.request(&self.shop, "age-check", self.profile("age-19"), name)
            .sign(&self.shop.key)
            .expect("a software key")
    }

    /// A request made at [`NOW`] for two minutes, with the nonce that `name` determines.
    #[must_use]
    pub fn request(&self, verifier: &Organisation, purpose: &str, query: Query, name: &str) -> Request {
        Request::new(verifier.did.clone(), KEY, purpose, query, NOW, 120, &mut crate::rng(name))
    }

    /// What a verifier keeps of a request it made.
    ///
    /// # Panics
    /// When the request is not one that a verifier would make.
    #[must_use]
    pub fn asked(&self, request: &SignedRequest) -> AuthenticRequest {
        request.authenticate(&self.trust("usual"), NOW).expect("a request of this world")
    }

    /// Whatever a refusal's text must never contain: what the credentials say of people.
    #[must_use]
    pub fn canaries(&self) -> Vec<String> {
        [&self.holder, &self.neighbour, &self.minor].into_iter().flat_map(|holder| holder.person.canaries()).collect()
    }

    fn verifiers(&self) -> [VerifierRegistration; 2] {
        let label = |ko: &str, en: &str| Label { ko: ko.into(), en: en.into() };
        let (licence, identity) = (self.profile("roadside"), self.profile("age-19"));
        let age_check = Purpose {
            id: "age-check".into(),
            text: label("성인 여부 확인", "Check that you are an adult"),
            permits: vec![Permit {
                credential_type: identity.credential_type.clone(),
                claims: vec![],
                predicates: identity.prove.clone(),
                pseudonyms: vec![],
                binding: None,
            }],
        };
        let rental = Purpose {
            id: "rental".into(),
            text: label("차량 대여 자격 확인", "Check that you may rent a car"),
            permits: vec![Permit {
                credential_type: identity.credential_type.clone(),
                claims: vec![],
                predicates: self.rental().prove,
                pseudonyms: vec![Scope::Period(Period::Month), Scope::Event(EVENT.into())],
                binding: None,
            }],
        };
        let account = Purpose {
            id: "account".into(),
            text: label("계좌 개설", "Open an account"),
            permits: vec![Permit {
                credential_type: identity.credential_type.clone(),
                claims: vec![],
                predicates: identity.prove.clone(),
                pseudonyms: vec![],
                binding: Some(HolderBinding::DeviceKey),
            }],
        };
        let roadside = Purpose {
            id: "roadside".into(),
            text: label("운전면허 확인", "Check your driving licence"),
            permits: vec![Permit {
                credential_type: licence.credential_type,
                claims: licence.show,
                predicates: vec![],
                pseudonyms: vec![],
                binding: None,
            }],
        };
        let shop = VerifierRegistration {
            did: self.shop.did.clone(),
            name: label("한빛마트", "Hanbit Mart"),
            purposes: vec![age_check.clone(), rental, account],
            withdrawn: false,
        };
        let patrol = VerifierRegistration {
            did: self.patrol.did.clone(),
            name: label("경찰청 교통과", "Traffic police"),
            purposes: vec![roadside, age_check],
            withdrawn: false,
        };
        [patrol, shop]
    }

    fn organisations(&self) -> impl Iterator<Item = Record> {
        [&self.police, &self.patrol, &self.shop, &self.transport].into_iter().map(|who| Record::Did(who.record()))
    }
}

fn credential_type(json: &[u8]) -> CredentialType {
    CredentialType::parse(json).expect("a type of specs/types")
}

/// Whether a type binds its holders by a device key.
fn by_device(credential_type: &CredentialType) -> bool {
    credential_type.holder_binding == HolderBinding::DeviceKey
}
