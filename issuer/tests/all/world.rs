//! An issuer of both credential types with the sample register, and a wallet that asks it properly.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use issuer::register::{FileRegister, PersonId};
use issuer::{Description, Issuer, MadeOffer, OfferTerms};
use protocol::credential::twins::Twins;
use protocol::credential::{Credential, CredentialType, HolderSecrets, Layout};
use protocol::crypto::bbs::{self, blind};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::{P256SigningKey, Signature, Signer};
use protocol::exchange::{CredentialRequest, CredentialResponse, IssuanceRefusal};
use protocol::ledger::IssuerKey;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::database;

/// 2026-11-20, noon in Seoul.
pub(crate) const NOW: u64 = 1_795_143_600;
pub(crate) const LICENCE: &str = "kr.go.police.driver-licence.1";
pub(crate) const ZK: &str = "kr.go.police.zk-identity.1";
pub(crate) const NETWORK_ID: [u8; 32] = [7; 32];

const TWINS: &[u8] = include_bytes!("../../../specs/types/driver-licence.twins.json");

/// Entries of the sample register.
pub(crate) const HOLDER: &str = "person-0001";
pub(crate) const LEAP_DAY_CHILD: &str = "person-0003";
pub(crate) const WITHOUT_LICENCE: &str = "person-0004";
pub(crate) const DECEASED: &str = "person-0013";

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn description() -> Description {
    let types = [
        include_bytes!("../../../specs/types/driver-licence.json").as_slice(),
        include_bytes!("../../../specs/types/zk-identity.json").as_slice(),
    ];
    Description {
        network: "kr".into(),
        network_id: NETWORK_ID,
        url: "http://127.0.0.1:8701".into(),
        twins: vec![Twins::parse(TWINS, &CredentialType::parse(types[0]).unwrap()).unwrap()],
        credential_types: types.iter().map(|json| CredentialType::parse(json).unwrap()).collect(),
    }
}

/// One issuer is made, and copied for each test, because signing the day set takes a while.
pub(crate) fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let dir = TEMPLATE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let register = Arc::new(FileRegister::sample().unwrap());
        database::prepare(dir.path(), None);
        Issuer::create(dir.path(), &description(), register, &mut rng(1), &|_| {}).unwrap();
        dir
    });
    dir.path()
}

/// A copy of the template with a database of its own.
pub(crate) fn copy_template(to: &Path) {
    copy(template(), to);
    database::prepare(to, Some(template()));
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) register: Arc<FileRegister>,
    pub(crate) issuer: Issuer,
}

pub(crate) fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    copy_template(dir.path());
    let register = Arc::new(FileRegister::sample().unwrap());
    let issuer = Issuer::open(dir.path(), register.clone()).unwrap();
    World { dir, register, issuer }
}

impl World {
    pub(crate) fn offer(&self, person: &str, types: &[&str], with_tx_code: bool, replaces: bool) -> MadeOffer {
        self.issuer.offer(&PersonId::new(person), &terms(types, with_tx_code, replaces), NOW, &mut fresh()).unwrap()
    }

    /// Offers, asks and checks: a credential as a citizen gets it.
    pub(crate) fn issue(&self, person: &str, id: &str) -> (Wallet, Credential) {
        let made = self.offer(person, &[id], false, false);
        let wallet = Wallet::new(&self.issuer, id);
        let answer = self.issuer.issue(&wallet.request(&self.issuer, &made, NOW).encode(), NOW, &mut fresh()).unwrap();
        let credential = wallet.check(&answer);
        (wallet, credential)
    }

    /// What a request is refused with, if it is.
    pub(crate) fn refusal(&self, request: &CredentialRequest, now: u64) -> Option<IssuanceRefusal> {
        self.issuer.issue(&request.encode(), now, &mut fresh()).err()
    }
}

pub(crate) fn terms(types: &[&str], with_tx_code: bool, replaces: bool) -> OfferTerms {
    OfferTerms {
        credential_types: types.iter().map(|id| (*id).to_owned()).collect(),
        with_tx_code,
        replaces,
        review: false,
        life: 600,
    }
}

/// Randomness that differs at every call, as in life.
pub(crate) fn fresh() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// A wallet that knows the issuer from the ledger's records only.
pub(crate) struct Wallet {
    pub(crate) device: P256SigningKey,
    pub(crate) secrets: HolderSecrets,
    record: IssuerKey,
    credential_type: CredentialType,
}

impl Wallet {
    pub(crate) fn new(issuer: &Issuer, id: &str) -> Self {
        let records = issuer.issuer_key_records(NOW - 100, NOW + 100).unwrap();
        let record = records.into_iter().find(|record| record.credential_type == id).unwrap();
        let credential_type = issuer.credential_types().find(|known| known.id == id).unwrap().clone();
        let secrets =
            HolderSecrets { link_secret: Scalar::random(&mut fresh()), blinder: Scalar::random(&mut fresh()) };
        Self { device: P256SigningKey::generate(&mut fresh()), secrets, record, credential_type }
    }

    fn bbs(&self) -> bbs::PublicKey {
        bbs::PublicKey::from_bytes(bbs::Suite::Sha256, &self.record.bbs).unwrap()
    }

    /// A request on a fresh nonce.
    pub(crate) fn request(&self, issuer: &Issuer, made: &MadeOffer, now: u64) -> CredentialRequest {
        let nonce = issuer.nonce(now, &mut fresh()).unwrap().nonce;
        self.request_with(made, nonce, self.commitment(&nonce))
    }

    pub(crate) fn commitment(&self, nonce: &[u8; 16]) -> Vec<u8> {
        let header = Credential::header(&NETWORK_ID, &self.record.key_id(), &self.credential_type);
        let issuance = blind::Issuance {
            issuer: &self.bbs(),
            header: &header,
            message_count: self.credential_type.message_count(),
            hidden: &[Layout::LINK_SECRET, Layout::BLINDER],
            nonce,
        };
        blind::commit(&issuance, &[self.secrets.link_secret, self.secrets.blinder], &mut fresh()).unwrap()
    }

    pub(crate) fn request_with(&self, made: &MadeOffer, nonce: [u8; 16], commitment: Vec<u8>) -> CredentialRequest {
        let mut idempotency_key = [0; 16];
        fresh().fill_bytes(&mut idempotency_key);
        let unsigned = CredentialRequest {
            code: made.offer.code,
            tx_code: made.tx_code.as_ref().map(|code| code.to_string()),
            credential_type: self.credential_type.id.clone(),
            nonce,
            commitment,
            device_key: self.device.public_key(),
            device_proof: Signature([0; 64]),
            idempotency_key,
            copies: None,
        };
        unsigned.sign(&self.device, &[]).unwrap()
    }

    /// Reads an answer and accepts it as a wallet does (CRED-03).
    pub(crate) fn check(&self, answer: &[u8]) -> Credential {
        let credential = CredentialResponse::decode(answer).unwrap().credential;
        credential.check(&NETWORK_ID, &self.credential_type, &self.bbs(), &self.secrets).unwrap();
        credential
    }

    /// What the wallet shows of an attribute.
    pub(crate) fn shows(&self, credential: &Credential, attribute: &str) -> String {
        let position = self.credential_type.position(attribute).unwrap();
        self.credential_type.render_value(position, &credential.values[position], "en")
    }
}
