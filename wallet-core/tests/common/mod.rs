//! A ledger, an issuer, a verifier and a citizen's phone, small enough for one test.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod child;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use protocol::credential::age::Statute;
use protocol::credential::{Credential, CredentialType, Day, HolderBinding, Label, Layout, StatusList};
use protocol::crypto::bbs::{self, blind};
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::crypto::membership::SetSecretKey;
use protocol::crypto::public_set::SetParameters;
use protocol::exchange::{
    CopyRequest, CopySignature, CredentialRequest, CredentialResponse, IssuanceNonce, IssuerEvidence, Offer, Predicate,
    Presentation, Query, Request, SignedRequest, StatusToken, StatusTokens, status_token_number,
};
use protocol::identifier::Did;
use protocol::ledger::bundle::Scope;
use protocol::ledger::key::StateKey;
use protocol::ledger::record::{
    Accreditation, DidKey, DidRecord, IssuerKey, Permit, Purpose, Purposes, Record, StatusEpoch, StatusListAnchor,
    TypeDefinition, VerifierRegistration,
};
use protocol::ledger::testkit::TestLedger;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use wallet_core::{
    CredentialId, KdfParameters, PersonalNumbers, SecureArea, SetUp, SoftwareSecureArea, StatusSlice, Wallet,
    WalletError,
};

pub(crate) const PIN: &str = "839174";
/// 2026-11-20 in Korea.
pub(crate) const NOW: u64 = 1_795_150_000;
pub(crate) const LICENCE: &str = "kr.go.police.driver-licence.1";
pub(crate) const ZK: &str = "kr.go.police.zk-identity.1";
pub(crate) const EPOCH: u32 = 5;
const YEAR: u64 = 365 * 86_400;

static BBS: LazyLock<bbs::SecretKey> =
    LazyLock::new(|| bbs::SecretKey::generate(bbs::Suite::Sha256, &[3; 32], b"test").unwrap());
static DAYS: LazyLock<SetSecretKey> = LazyLock::new(|| SetSecretKey::generate(&[4; 32], b"days").unwrap());
static SETS: LazyLock<SetParameters> = LazyLock::new(|| SetParameters::generate(&[6; 32], b"sets", 63).unwrap());
static STATUS: LazyLock<SetSecretKey> = LazyLock::new(|| SetSecretKey::generate(&[5; 32], b"status").unwrap());
/// Enough for ages up to 44 and ten years of validity.
static DAY_SIGNATURES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let signatures = DAYS.sign_range(0..16_384, |_| {}).unwrap();
    signatures.iter().flat_map(|signature| signature.to_bytes()).collect()
});

pub(crate) fn day_set_key() -> [u8; 96] {
    *DAYS.public_key().as_bytes()
}

pub(crate) fn day_signatures() -> &'static [u8] {
    &DAY_SIGNATURES
}

pub(crate) fn age_19() -> Predicate {
    Predicate::AgeAtLeast { years: 19, statute: Statute::Civil }
}

pub(crate) fn credential_type(id: &str) -> CredentialType {
    let json: &[u8] = match id {
        LICENCE => include_bytes!("../../../specs/types/driver-licence.json"),
        _ => include_bytes!("../../../specs/types/zk-identity.json"),
    };
    CredentialType::parse(json).unwrap()
}

pub(crate) struct World {
    pub(crate) ledger: TestLedger,
    pub(crate) issuer: Did,
    pub(crate) verifier: Did,
    verifier_key: Ed25519SigningKey,
    pub(crate) place: TempDir,
    pub(crate) rng: ChaCha20Rng,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let issuer_key = Ed25519SigningKey::generate(&mut rng);
        let verifier_key = Ed25519SigningKey::generate(&mut rng);
        let issuer = Did::derive("kr", &issuer_key.public_key().to_multicodec()).unwrap();
        let verifier = Did::derive("kr", &verifier_key.public_key().to_multicodec()).unwrap();
        let ledger = TestLedger::new("kr", [1; 32], [2; 32], (NOW - YEAR) * 1_000).unwrap();
        let mut world = Self { ledger, issuer, verifier, verifier_key, place: tempfile::tempdir().unwrap(), rng };
        let label = |ko: &str, en: &str| Label { ko: ko.into(), en: en.into() };
        let did = |did: &Did, key: &Ed25519SigningKey| DidRecord {
            did: did.clone(),
            keys: vec![DidKey {
                fragment: "key-1".into(),
                key: key.public_key(),
                purposes: Purposes::ALL,
                from: 0,
                until: None,
            }],
            deactivated: false,
        };
        let permit = |id: &str, claims: &[&str], predicates: &[Predicate]| Permit {
            credential_type: id.into(),
            claims: claims.iter().map(|claim| (*claim).into()).collect(),
            predicates: predicates.to_vec(),
            pseudonyms: Vec::new(),
            binding: None,
        };
        let mut records = vec![
            Record::Did(did(&world.issuer, &issuer_key)),
            Record::Did(did(&world.verifier, &world.verifier_key)),
            Record::Verifier(VerifierRegistration {
                did: world.verifier.clone(),
                name: label("한빛 킥보드", "Hanbit Scooters"),
                purposes: vec![
                    Purpose {
                        id: "rent".into(),
                        text: label("대여 자격 확인", "Check that you may rent"),
                        permits: vec![permit(ZK, &[], &[age_19()]), permit(LICENCE, &["classes", "name_ko"], &[])],
                    },
                    Purpose {
                        id: "account".into(),
                        text: label("계좌 개설", "Open an account"),
                        permits: vec![Permit {
                            binding: Some(HolderBinding::DeviceKey),
                            ..permit(ZK, &[], &[age_19()])
                        }],
                    },
                ],
                withdrawn: false,
            }),
        ];
        for id in [LICENCE, ZK] {
            let key = world.issuer_key(id);
            let key_id = key.key_id();
            records.extend([
                Record::CredentialType(TypeDefinition { id: id.into(), definition: credential_type(id).definition() }),
                Record::Accreditation(world.accreditation(id)),
                Record::IssuerKey(Box::new(key)),
                Record::StatusEpoch(StatusEpoch { issuer_key: key_id, epoch: EPOCH, at: NOW - 600 }),
            ]);
        }
        world.write(&records);
        world.publish_list(&StatusList::new());
        world
    }

    pub(crate) fn write(&mut self, records: &[Record]) {
        let last = self.ledger.trusted_state().unwrap().time_ms();
        self.ledger.write(records, last.max((NOW - 500) * 1_000) + 1);
    }

    pub(crate) fn accreditation(&self, id: &str) -> Accreditation {
        Accreditation {
            issuer: self.issuer.clone(),
            credential_type: id.into(),
            from: NOW - YEAR,
            until: NOW + YEAR,
            withdrawn: false,
        }
    }

    pub(crate) fn issuer_key(&self, id: &str) -> IssuerKey {
        IssuerKey {
            issuer: self.issuer.clone(),
            credential_type: id.into(),
            bbs: *BBS.public_key().as_bytes(),
            day_set: day_set_key(),
            status: *STATUS.public_key().as_bytes(),
            sets: SETS.to_bytes(),
            from: NOW - YEAR,
            until: NOW + YEAR,
            compromised_from: None,
        }
    }

    /// Publishes status list 0 of the licence.
    pub(crate) fn publish_list(&mut self, list: &StatusList) {
        let record = StatusListAnchor {
            issuer: self.issuer.clone(),
            credential_type: LICENCE.into(),
            list: 0,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of: NOW,
        };
        self.write(&[Record::StatusList(record)]);
        self.ledger.publish(StateKey::status_list(&self.issuer, LICENCE, 0), list.clone());
    }

    pub(crate) fn bundle(&self) -> Vec<u8> {
        self.ledger.bundle(Scope::Snapshot).encode()
    }

    pub(crate) fn install_trust(&self, wallet: &Wallet) {
        wallet.install_trust(&self.bundle(), &self.ledger.anchor(), NOW).unwrap();
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.place.path().join("wallet")
    }

    pub(crate) fn area(&mut self) -> Arc<dyn SecureArea> {
        self.area_named("phone")
    }

    pub(crate) fn area_named(&mut self, name: &str) -> Arc<dyn SecureArea> {
        Arc::new(SoftwareSecureArea::open_or_create(&self.place.path().join(name), &mut self.rng).unwrap())
    }

    /// A new wallet, unlocked, with trust data and day signatures.
    pub(crate) fn wallet(&mut self) -> Wallet {
        let area = self.area();
        self.wallet_with(area)
    }

    pub(crate) fn wallet_with(&mut self, area: Arc<dyn SecureArea>) -> Wallet {
        let wallet = self.empty_wallet(area).unwrap();
        self.install_trust(&wallet);
        wallet.install_day_set(&day_set_key(), 0, day_signatures(), NOW).unwrap();
        wallet
    }

    pub(crate) fn empty_wallet(&mut self, area: Arc<dyn SecureArea>) -> Result<Wallet, WalletError> {
        Wallet::create(&self.directory(), area, &set_up(PIN), NOW, &mut self.rng)
    }

    pub(crate) fn offer(&self, id: &str) -> Offer {
        Offer {
            issuer: self.issuer.clone(),
            url: "https://issuer.example".into(),
            code: [6; 16],
            credential_types: vec![id.into()],
            tx_code: false,
            expires_at: NOW + 600,
        }
    }

    /// What an honest issuer answers.
    pub(crate) fn issue(&self, request: &[u8], change: impl FnOnce(&mut Credential)) -> Vec<u8> {
        let request = CredentialRequest::decode(request).unwrap();
        request.check_device_proof().unwrap();
        let of_type = credential_type(&request.credential_type);
        let values = of_type.attributes.iter().enumerate().map(|(position, attribute)| {
            let text = match attribute.name.as_str() {
                "birth_date" => "1995-06-15",
                "issue_date" => "2026-11-20",
                "classes" => "1-ordinary,2-moped",
                "nationality" => "KOR",
                "residence" => "KR-11",
                "gender" => "F",
                "portrait" => "abababababababababababababababababababababababababababababababab",
                "name_ko" => "홍길순",
                "name_en" => "HONG GILSOON",
                _ => "CANARY-37",
            };
            of_type.read_value(position, text).unwrap()
        });
        let mut credential = Credential {
            issuer_key: self.issuer_key(&request.credential_type).key_id(),
            credential_type: request.credential_type.clone(),
            values: values.collect(),
            expiry: Day::in_korea(NOW).plus(3_000),
            handle: handle(&request.credential_type),
            device_key: (of_type.id == LICENCE).then_some(request.device_key),
            signature: [0; 80],
        };
        change(&mut credential);
        let network = self.ledger.anchor().network_id;
        let issuance = blind::Issuance {
            issuer: BBS.public_key(),
            header: &Credential::header(&network, &self.issuer_key(&of_type.id).key_id(), &of_type),
            message_count: of_type.message_count(),
            hidden: &[Layout::LINK_SECRET, Layout::BLINDER],
            nonce: &request.nonce,
        };
        let sign = |credential: &Credential| {
            let clear = credential.clear_messages(&of_type).ok()?;
            Some(blind::sign(&BBS, &issuance, &request.commitment, &clear).unwrap().to_bytes())
        };
        if let Some(signature) = sign(&credential) {
            credential.signature = signature;
        }
        let copies = request.copies.as_ref().map(|copies| {
            let copy = |copy: &CopyRequest| credential.copy(copy.device_key, [0; 80]);
            copies.iter().map(|asked| CopySignature(sign(&copy(asked)).unwrap_or([0; 80]))).collect()
        });
        CredentialResponse { credential, copies }.encode()
    }

    /// Takes a credential from offer to wallet.
    pub(crate) fn obtain(&mut self, wallet: &Wallet, id: &str) -> CredentialId {
        let offer = self.offer(id).encode();
        let pending = wallet.begin_issuance(&offer, id, &nonce(), None, NOW, &mut self.rng).unwrap();
        wallet.finish_issuance(&pending.id, &self.issue(&pending.request, |_| {}), NOW).unwrap();
        if id == ZK {
            let key = self.issuer_key(ZK).key_id();
            wallet.install_status_tokens(&key, StatusSlice::ALL, &tokens(EPOCH, &[handle(ZK)]), NOW).unwrap();
        }
        pending.id
    }

    pub(crate) fn query(&self, id: &str) -> Query {
        let of_type = credential_type(id);
        let (show, prove) = match id {
            ZK => (vec![], vec![age_19()]),
            _ => (vec!["classes".into(), "name_ko".into()], vec![]),
        };
        Query { credential_type: id.into(), binding: of_type.holder_binding, show, prove, pseudonym: None }
    }

    pub(crate) fn request(&mut self, query: Query) -> SignedRequest {
        let purpose = match (query.credential_type.as_str(), query.binding) {
            (ZK, HolderBinding::DeviceKey) => "account",
            _ => "rent",
        };
        let request = Request::new(self.verifier.clone(), "key-1", purpose, query, NOW, 300, &mut self.rng);
        request.sign(&self.verifier_key).unwrap()
    }

    pub(crate) fn signed(&self, request: &Request) -> SignedRequest {
        request.sign(&self.verifier_key).unwrap()
    }

    pub(crate) fn evidence(&self, id: &str) -> IssuerEvidence {
        let network = self.ledger.anchor().network_id;
        IssuerEvidence::new(network, &self.issuer_key(id), credential_type(id)).unwrap()
    }

    /// What a verifier learns from presentation bytes: shown attribute names and statements.
    pub(crate) fn accepted(&self, id: &str, bytes: &[u8]) -> (Vec<String>, Vec<Predicate>) {
        let authentic = Presentation::decode(bytes).unwrap().authenticate(&self.evidence(id)).unwrap();
        (authentic.shown().iter().map(|(name, _)| name.clone()).collect(), authentic.proven().to_vec())
    }
}

pub(crate) fn set_up(pin: &str) -> SetUp<'_> {
    SetUp { pin, personal: PersonalNumbers::default(), kdf: KdfParameters::FLOOR, idle_seconds: 300 }
}

pub(crate) fn nonce() -> IssuanceNonce {
    IssuanceNonce { nonce: [8; 16], expires_at: NOW + 300 }
}

/// Entry 77 of list 0, or a hidden number.
pub(crate) fn handle(id: &str) -> u64 {
    if id == LICENCE { 77 } else { 0x5a5a_1234_5678_9abc }
}

pub(crate) fn tokens(epoch: u32, handles: &[u64]) -> Vec<u8> {
    let tokens = handles.iter().map(|handle| StatusToken {
        handle: *handle,
        signature: STATUS.sign(status_token_number(*handle, epoch)).unwrap().to_bytes(),
    });
    StatusTokens { epoch, tokens: tokens.collect() }.encode()
}

/// The refusal, from a result whose good side cannot be printed.
pub(crate) fn refusal<T>(result: Result<T, WalletError>) -> WalletError {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error,
    }
}
