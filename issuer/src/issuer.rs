//! An issuer in a directory: its description, keys, database and public day set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use protocol::credential::CredentialType;
use protocol::credential::twins::{Twins, TwinsError};
use protocol::exchange::Offer;
use protocol::identifier::Did;
use protocol::ledger::{IssuerKeyId, StateKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::day_set::DaySet;
use crate::error::IssuerError;
use crate::keys::{KeyStore, SoftwareKeyStore, write_whole};
use crate::openid4vci::{AsksForCredentials, Standing, TrustedProviders};
use crate::public_sets;
use crate::register::{PersonId, Register};
use crate::store::{AuditSummary, IssuedCredential, Store};
use crate::twins::Certificates;

/// The description of an issuer, in its directory. It is written last, so a directory with it is complete.
const DESCRIPTION: &str = "issuer.json";
/// Answers are kept for repeats as long as an offer can live.
const ANSWER_LIFE: u64 = 7 * 86_400;

/// What distinguishes one issuer from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Short name of the ledger's network, the third part of its DIDs.
    pub network: String,
    /// Hash of the network's genesis.
    #[serde(with = "hex::serde")]
    pub network_id: [u8; 32],
    /// Where wallets reach the issuer: `https://…`, or `http://` on the loopback interface.
    pub url: String,
    /// What it issues.
    pub credential_types: Vec<CredentialType>,
    /// What is issued in the formats of other standards, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Twins>,
}

/// A credential type with the name of the key that signs it.
pub(crate) struct TypeEntry {
    pub(crate) credential_type: CredentialType,
    pub(crate) key_id: IssuerKeyId,
    /// Parameters of public sets, as the ledger keeps them.
    pub(crate) sets: Vec<u8>,
}

/// An issuer of credentials. All operations take `&self` and may run at the same time.
pub struct Issuer {
    pub(crate) description: Description,
    pub(crate) did: Did,
    pub(crate) types: BTreeMap<String, TypeEntry>,
    pub(crate) keys: Box<dyn KeyStore>,
    pub(crate) register: Arc<dyn Register>,
    pub(crate) store: Store,
    pub(crate) day_set: DaySet,
    /// Read or made when the first twin is.
    pub(crate) certificates: Mutex<Option<Certificates>>,
    /// Who vouches for wallets, if anyone has to.
    pub(crate) wallet_providers: Option<TrustedProviders>,
    /// Looks up whether they stand by what they attested, if anything does.
    pub(crate) standing: Option<Standing>,
    /// Asks people who log in for a credential that they hold, if anything does.
    pub(crate) held: Option<Arc<dyn AsksForCredentials>>,
    dir: PathBuf,
}

impl Issuer {
    /// Makes an issuer in `dir`: keys, database and the signed set of days, which takes some seconds;
    /// `progress` is told how many of its 65,536 days are done. Repeat it if it was interrupted. A file
    /// [`DATABASE_ADDRESS`](crate::DATABASE_ADDRESS) in `dir` leads to a database that several instances may share.
    ///
    /// # Errors
    /// [`IssuerError::AlreadyExists`], and whatever stands in the way of keys, files or the database.
    pub fn create<R: CryptoRng + ?Sized>(
        dir: &Path,
        description: &Description,
        register: Arc<dyn Register>,
        rng: &mut R,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Self, IssuerError> {
        if dir.join(DESCRIPTION).exists() {
            return Err(IssuerError::AlreadyExists);
        }
        for credential_type in &description.credential_types {
            // Whatever was built by hand must pass the rules of a file.
            CredentialType::parse(&credential_type.definition())?;
        }
        for twins in &description.twins {
            let of = |credential_type: &&CredentialType| credential_type.id == twins.credential_type;
            twins.check(description.credential_types.iter().find(of).ok_or(TwinsError::OtherType)?)?;
        }
        // Wallets must be willing to follow the offers that will carry the address.
        let offer = Offer {
            issuer: Did::derive(&description.network, &[])?,
            url: description.url.clone(),
            code: [0; 16],
            credential_types: vec![String::from("any")],
            tx_code: false,
            expires_at: 1,
        };
        Offer::decode(&offer.encode(), 0).map_err(|_| IssuerError::AddressNotAllowed)?;
        fs::create_dir_all(dir).map_err(|_| IssuerError::FileUnavailable)?;
        let keys = SoftwareKeyStore::create(&keys_dir(dir), &ids(description), rng)?;
        let did = Did::derive(&description.network, &keys.did_key().public_key().to_multicodec())?;
        Store::of(dir, &did, true)?;
        DaySet::create(dir, &keys, progress)?;
        for credential_type in &description.credential_types {
            public_sets::create(dir, credential_type, rng)?;
        }
        let json = serde_json::to_vec_pretty(description).map_err(|_| IssuerError::FileUnavailable)?;
        write_whole(&dir.join(DESCRIPTION), &json, 0o644).map_err(|_| IssuerError::FileUnavailable)?;
        let issuer = Self::open(dir, register)?;
        issuer.open_first_lists()?;
        Ok(issuer)
    }

    /// Opens the issuer in `dir`.
    ///
    /// # Errors
    /// [`IssuerError::NotAnIssuer`], and whatever stands in the way of keys, files or the database.
    pub fn open(dir: &Path, register: Arc<dyn Register>) -> Result<Self, IssuerError> {
        let json = fs::read(dir.join(DESCRIPTION)).map_err(|_| IssuerError::NotAnIssuer)?;
        let description: Description = serde_json::from_slice(&json).map_err(|_| IssuerError::NotAnIssuer)?;
        let keys = SoftwareKeyStore::open(&keys_dir(dir), &ids(&description))?;
        let did = Did::derive(&description.network, &keys.did_key().public_key().to_multicodec())?;
        let mut types = BTreeMap::new();
        for credential_type in &description.credential_types {
            let id = credential_type.id.clone();
            let key_id = StateKey::issuer_key(&did, &id, &keys.type_keys(&id)?.bbs).short();
            let sets = public_sets::open(dir, credential_type)?;
            types.insert(id, TypeEntry { credential_type: credential_type.clone(), key_id, sets });
        }
        Ok(Self {
            store: Store::of(dir, &did, false)?,
            did,
            types,
            register,
            day_set: DaySet::open(dir, &keys)?,
            certificates: Mutex::default(),
            wallet_providers: TrustedProviders::load(dir)?,
            held: None,
            standing: None,
            keys: Box::new(keys),
            description,
            dir: dir.to_owned(),
        })
    }

    /// The same issuer, where people can also log in with a credential that they hold (`specs/held-credential.md`).
    #[must_use]
    pub fn with_log_in_by_credential(self, held: Arc<dyn AsksForCredentials>) -> Self {
        Self { held: Some(held), ..self }
    }

    /// The issuer's identifier.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Hash of the genesis of the ledger's network.
    #[must_use]
    pub fn network_id(&self) -> [u8; 32] {
        self.description.network_id
    }

    /// The directory that holds the issuer.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the issuer issues.
    pub fn credential_types(&self) -> impl Iterator<Item = &CredentialType> {
        self.types.values().map(|entry| &entry.credential_type)
    }

    /// The name of the key that signs credentials of a type.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`].
    pub fn key_id(&self, credential_type: &str) -> Result<IssuerKeyId, IssuerError> {
        Ok(self.entry(credential_type)?.key_id)
    }

    /// The register the issuer asks.
    #[must_use]
    pub fn register(&self) -> &dyn Register {
        self.register.as_ref()
    }

    /// Everything that was issued to a person, oldest first, withdrawn or not.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn issued(&self, person: &PersonId) -> Result<Vec<IssuedCredential>, IssuerError> {
        self.store.read(|store| store.issued(person))
    }

    /// Checks the audit log from its first entry to its last, and against the issued credentials.
    ///
    /// # Errors
    /// [`IssuerError::AuditLogTampered`].
    pub fn check_audit(&self) -> Result<AuditSummary, IssuerError> {
        self.store.read(|store| store.check_audit())
    }

    /// Forgets what is needed no longer: expired offers and grants, and answers that hold claims and can no longer
    /// be asked for again. To be called once a day.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn forget_old(&self, now: u64) -> Result<(), IssuerError> {
        self.store.write(|store| {
            store.forget_offers(now)?;
            store.forget_answers(now.saturating_sub(ANSWER_LIFE))?;
            store.forget_grants(now.saturating_sub(ANSWER_LIFE), now)?;
            Ok(())
        })
    }

    pub(crate) fn entry(&self, credential_type: &str) -> Result<&TypeEntry, IssuerError> {
        self.types.get(credential_type).ok_or(IssuerError::CredentialTypeUnknown)
    }

    /// The type whose credentials are signed with this key.
    pub(crate) fn entry_by_key(&self, key_id: &IssuerKeyId) -> Result<&TypeEntry, IssuerError> {
        self.types.values().find(|entry| entry.key_id == *key_id).ok_or(IssuerError::CredentialTypeUnknown)
    }
}

fn ids(description: &Description) -> Vec<&str> {
    description.credential_types.iter().map(|credential_type| credential_type.id.as_str()).collect()
}

fn keys_dir(dir: &Path) -> PathBuf {
    dir.join("keys")
}
