//! A whole network in this process: a ledger of one validator, an issuer, two verifiers.
//!
//! [`Network::bootstrap`] makes it in a directory, [`Network::open`] takes it up again.
//! [`Network::serve`] serves it over HTTP until [`Network::shutdown`].
//!
//! | in the directory | |
//! |---|---|
//! | `ledger/`, `issuer/` | the node's and the issuer's own, with the sample register of invented people |
//! | `ministry.key`, `police.key`, `shop.key` | Ed25519 seeds |
//! | `police/` | what the traffic control has as [relying party](crate::relying_party) of OpenID4VP |
//! | `anchor.cbor`, `anchor.png` | what verifiers are given once |
//! | `bundle.cbor` | the newest trust bundle; any mirror may serve it |
//! | `network.json` | written last: a directory with it is complete |

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use issuer::ledger::{KEY_FRAGMENT, Ledger};
use issuer::register::FileRegister;
use issuer::{DATABASE_ADDRESS, Description, Issuer, IssuerError};
use ledger_node::{Node, NodeConfig, NodeError, genesis};
use protocol::credential::twins::Twins;
use protocol::credential::{CredentialType, Label};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::crypto::multikey::StandardKey;
use protocol::exchange::Scope;
use protocol::exchange::openid4vp::Vocabulary;
use protocol::exchange::qr::Kind;
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::record::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, Permit, Purpose, Purposes, Record, TypeDefinition,
    VerifierRegistration,
};
use protocol::ledger::state::TrustedState;
use protocol::ledger::transaction::Sender;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verifier_server::openid4vp::Presenting;

use crate::ledger::{InProcess, answered, transaction};
use crate::output::CliError;
use crate::relying_party::{self, RelyingParty};
use crate::{clock, files, randomness, serving, web};

/// Short name of the network.
const NAME: &str = "kr-demo";
/// The driver's licence.
const DRIVER_LICENCE: &[u8] = include_bytes!("../specs/types/driver-licence.json");
/// What the driver's licence is called in other formats.
const DRIVER_LICENCE_TWINS: (&str, &[u8]) =
    ("kr.go.police.driver-licence.1", include_bytes!("../specs/types/driver-licence.twins.json"));
/// The credential that is proven about and never shown.
const ZK_IDENTITY: &[u8] = include_bytes!("../specs/types/zk-identity.json");
/// The sample register of invented people.
pub(crate) const SAMPLE_REGISTER: &[u8] = include_bytes!("../issuer/sample/register.json");
/// How long accreditations and issuer keys are good for, in seconds: 25 years. The end of either ends the use of every
/// credential under it, so a term has to outlive the credentials: with lives of ten years (`validity_days` 3,650), a key
/// can sign for fifteen years before the last of its credentials would be cut short.
pub(crate) const TERM: u64 = 25 * 365 * 86_400;
/// How long a start waits for the ledger to have a certified state.
const CERTIFIED: Duration = Duration::from_secs(10);
/// The folder of the traffic control as relying party.
const POLICE: &str = "police";
/// The file that says that a directory is complete.
const DESCRIPTION: &str = "network.json";

/// How the network's node runs.
fn ledger(dir: &Path) -> NodeConfig {
    NodeConfig { web: serving::web_dir(None), ..NodeConfig::new(dir.join("ledger")) }
}

/// The credential types of the network, embedded.
pub(crate) fn types() -> Result<Vec<CredentialType>, CliError> {
    Ok(vec![CredentialType::parse(DRIVER_LICENCE)?, CredentialType::parse(ZK_IDENTITY)?])
}

/// What credentials of these types are called in other formats, embedded.
pub(crate) fn twins(types: &[CredentialType]) -> Result<Vec<Twins>, CliError> {
    let licence = types.iter().find(|known| DRIVER_LICENCE_TWINS.0 == known.id);
    let twins = licence.map(|licence| Twins::parse(DRIVER_LICENCE_TWINS.1, licence));
    Ok(twins.transpose().map_err(IssuerError::from)?.into_iter().collect())
}

/// A verifier: who it is, and the key it asks with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Its identifier.
    pub(crate) did: Did,
    /// The name of its key within the DID.
    pub(crate) key_name: String,
    /// The key file, beside [`DESCRIPTION`].
    key_file: String,
}

/// What is written down of a network that is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Members {
    issuer: Did,
    police: Member,
    shop: Member,
}

/// A running network.
pub(crate) struct Network {
    dir: PathBuf,
    url: String,
    members: Members,
    node: Node,
    issuer: Arc<Issuer>,
    publishing: Arc<Mutex<Option<Arc<[u8]>>>>,
    stop: watch::Sender<bool>,
    /// Until it is served.
    listener: Option<TcpListener>,
    tasks: Vec<JoinHandle<()>>,
    runtime: Runtime,
}

impl Network {
    /// Makes a network in `dir`, to be served on `listen` (port 0: any free one). `progress` is told how many
    /// of how many day signatures are made, which takes the longest. Interrupted, it can be repeated. `public` is the
    /// address that others are told, if a proxy stands before it, `database` the PostgreSQL in which the issuer keeps
    /// everything, if it is not a file.
    pub(crate) fn bootstrap(
        dir: &Path,
        listen: SocketAddr,
        public: Option<&str>,
        database: Option<&str>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, CliError> {
        if dir.join(DESCRIPTION).exists() {
            return Err(CliError::refused(
                "NetworkExists",
                format!("{} holds a network already; open it", dir.display()),
            ));
        }
        files::make_private_directory(dir)?;
        let (listener, url) = bind(listen, public)?;
        let mut rng = randomness::os()?;
        let ministry = key(dir, "ministry.key")?;
        if !dir.join("ledger").exists() {
            let governance = Governance {
                network: NAME.to_owned(),
                keys: vec![GovernanceKey(files::ed25519_public(&ministry)?)],
                threshold: 1,
                delay: 0,
            };
            let places = genesis::places(&dir.join("ledger"), &[SocketAddr::from(([127, 0, 0, 1], 0))]);
            genesis::init(governance, places, clock::now_ms(), &mut rng)?;
        }
        if let Some(address) = database {
            files::make_private_directory(&dir.join("issuer"))?;
            files::write_secret(&dir.join("issuer").join(DATABASE_ADDRESS), address.as_bytes())?;
        }
        let runtime = serving::runtime()?;
        let node = Node::start(&ledger(dir))?;
        let started = Self::found(dir, &url, &ministry, &node, &runtime, progress);
        match started {
            Ok((issuer, members)) => {
                files::write(&dir.join(DESCRIPTION), &serde_json::to_vec_pretty(&members)?)?;
                Self::run(dir, listener, url, runtime, node, issuer, members)
            }
            Err(error) => {
                node.stop()?;
                Err(error)
            }
        }
    }

    /// Takes up the network in `dir`.
    pub(crate) fn open(dir: &Path, listen: SocketAddr, public: Option<&str>) -> Result<Self, CliError> {
        let path = dir.join(DESCRIPTION);
        let members: Members = serde_json::from_slice(&files::read(&path)?)
            .map_err(|_| CliError::refused("NetworkDamaged", format!("{} is damaged; restore it", path.display())))?;
        let (listener, url) = bind(listen, public)?;
        let issuer = open_issuer(dir, &url)?;
        let runtime = serving::runtime()?;
        let node = Node::start(&ledger(dir))?;
        Self::run(dir, listener, url, runtime, node, issuer, members)
    }

    /// Whether `dir` holds a complete network.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(DESCRIPTION).exists()
    }

    /// Everything a new ledger has to be told before the first citizen comes.
    fn found(
        dir: &Path,
        url: &str,
        ministry: &Ed25519SigningKey,
        node: &Node,
        runtime: &Runtime,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(Arc<Issuer>, Members), CliError> {
        let ledger = InProcess { node: node.clone(), runtime: runtime.handle().clone() };
        let (licence, identity) = (CredentialType::parse(DRIVER_LICENCE)?, CredentialType::parse(ZK_IDENTITY)?);
        let types = [&licence, &identity];
        let issuer = if dir.join("issuer/issuer.json").exists() {
            open_issuer(dir, url)?
        } else {
            files::make_private_directory(&dir.join("issuer"))?;
            files::write_secret(&dir.join("issuer/register.json"), SAMPLE_REGISTER)?;
            let description = Description {
                network: NAME.to_owned(),
                network_id: node.anchor().network_id,
                url: format!("{url}/issuer"),
                credential_types: types.map(Clone::clone).to_vec(),
                twins: twins(&types.map(Clone::clone))?,
            };
            let told = |done: u64| progress(usize::try_from(done).unwrap_or_default(), issuer::DAYS as usize);
            let mut rng = randomness::os()?;
            Arc::new(Issuer::create(&dir.join("issuer"), &description, register(dir)?, &mut rng, &told)?)
        };
        let now = clock::now();
        let [police, shop] = [member(dir, "police.key")?, member(dir, "shop.key")?];
        let issuer_key = files::read_key(&dir.join("issuer/keys/did.key"))?;
        let members = Members { issuer: issuer.did().clone(), police: police.0, shop: shop.0 };

        // What is there already, from a bootstrap that was interrupted, stays as it is.
        let missing = |records: Vec<Record>| -> Vec<Record> {
            records.into_iter().filter(|record| node.record(&record.state_key()).is_none()).collect()
        };
        let decree = |records: Vec<Record>| match missing(records) {
            records if records.is_empty() => Ok(()),
            records => self::decree(&ledger, ministry, records),
        };
        decree(types.map(definition).to_vec())?;
        found(&ledger, ministry, &issuer_key, issuer.did_record(now))?;
        let mut asking = did_record(&members.police, police.1.public_key(), now);
        asking.keys.push(relying_party::certificate_root(&dir.join(POLICE), now, &mut randomness::os()?)?);
        found(&ledger, ministry, &police.1, asking)?;
        found(&ledger, ministry, &shop.1, did_record(&members.shop, shop.1.public_key(), now))?;
        let mut permissions = types.map(|t| accreditation(issuer.did(), t, now)).to_vec();
        permissions.push(Record::Verifier(police_registration(&members.police, &licence)));
        permissions.push(Record::Verifier(shop_registration(&members.shop, &identity)));
        decree(permissions)?;

        let keys = issuer.issuer_key_records(now, now + TERM)?.into_iter().map(|key| Record::IssuerKey(Box::new(key)));
        let keys = missing(keys.collect());
        if !keys.is_empty() {
            ledger.submit(&issuer.transaction(&ledger, keys)?).map_err(answered)?;
        }
        if issuer.current_epoch(&issuer.key_id(&identity.id)?).is_err() {
            issuer.advance_epoch(&identity.id, now)?;
        }
        issuer.publish(&ledger, now)?;
        Ok((issuer, members))
    }

    fn run(
        dir: &Path,
        listener: TcpListener,
        url: String,
        runtime: Runtime,
        node: Node,
        issuer: Arc<Issuer>,
        members: Members,
    ) -> Result<Self, CliError> {
        let anchor = node.anchor().encode();
        files::write(&dir.join("anchor.cbor"), &anchor)?;
        files::write_qr(&dir.join("anchor.png"), Kind::TrustAnchor, &anchor)?;
        let (stop, _) = watch::channel(false);
        let network = Self {
            dir: dir.to_owned(),
            url,
            members,
            node,
            issuer,
            publishing: Arc::default(),
            stop,
            listener: Some(listener),
            tasks: Vec::new(),
            runtime,
        };
        // What the issuer has to tell is for the publisher's first turn: the ledger may refuse it now, while a block from before
        // the last stop is becoming final, and that is no reason not to start.
        if network.is_certified_within(CERTIFIED) {
            network.publisher().renew_bundle()?;
        } else {
            tracing::warn!("the ledger has no certified state yet; there is a bundle as soon as it has");
        }
        Ok(network)
    }

    /// Serves it over HTTP, and keeps what the issuer changes published. Until then whoever comes waits.
    pub(crate) fn serve(&mut self) -> Result<(), CliError> {
        if let Some(listener) = self.listener.take() {
            self.tasks = web::start(self, listener)?;
        }
        Ok(())
    }

    /// Whether the ledger has a certified state, at the latest after this time. A node that was killed between a block and the
    /// certificate that makes it final has none until it caught up with itself.
    fn is_certified_within(&self, limit: Duration) -> bool {
        let began = Instant::now();
        while matches!(self.node.snapshot(), Err(NodeError::NotCertifiedYet)) {
            if began.elapsed() > limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Makes known what the issuer has changed, and renews the bundle file. Also happens every half second.
    pub(crate) fn publish(&self) -> Result<usize, CliError> {
        self.publisher().publish()
    }

    /// The newest trust bundle.
    pub(crate) fn bundle(&self) -> Result<Arc<[u8]>, CliError> {
        Ok(self.node.snapshot()?)
    }

    /// What the newest trust bundle says.
    pub(crate) fn trust(&self) -> Result<TrustedState, CliError> {
        Ok(TrustBundle::decode(&self.bundle()?)?.verify(self.anchor(), 0)?)
    }

    /// Stops serving, and stops the ledger once its last block is on disk.
    pub(crate) fn shutdown(self) -> Result<(), CliError> {
        // Nobody listening any more is as good as everybody having heard.
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = self.runtime.block_on(task);
        }
        self.node.stop()?;
        drop(self.runtime);
        Ok(())
    }

    /// Where everything is served: `http://<address>`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where the ledger's API is.
    pub(crate) fn ledger_url(&self) -> String {
        format!("{}/ledger", self.url)
    }

    /// The directory that holds everything.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What verifiers are given once.
    pub(crate) fn anchor(&self) -> &TrustAnchor {
        self.node.anchor()
    }

    /// The National Police Agency as issuer.
    pub(crate) fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    /// The ledger's only validator.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// Writes records on the ledger in the ministry's name, and waits until they are final.
    pub(crate) fn decree(&self, records: Vec<Record>) -> Result<(), CliError> {
        decree(&self.ledger(), &files::read_key(&self.dir.join("ministry.key"))?, records)
    }

    fn ledger(&self) -> InProcess {
        InProcess { node: self.node.clone(), runtime: self.runtime.handle().clone() }
    }

    /// The police officer who checks licences at the roadside: purpose `roadside`.
    pub(crate) fn police(&self) -> &Member {
        &self.members.police
    }

    /// The shop that has to know whether a customer is 19: purpose `age-19`.
    pub(crate) fn shop(&self) -> &Member {
        &self.members.shop
    }

    /// The key a verifier asks with.
    pub(crate) fn verifier_key(&self, member: &Member) -> Result<Ed25519SigningKey, CliError> {
        files::read_key(&self.dir.join(&member.key_file))
    }

    /// The traffic control as a verifier of credentials in the formats of others.
    pub(crate) fn presenting(
        &self,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
    ) -> Result<Presenting, CliError> {
        let police = self.police();
        let party = RelyingParty {
            dir: &self.dir.join(POLICE),
            did: &police.did,
            key_name: &police.key_name,
            key: StandardKey::ed25519(&self.verifier_key(police)?.seed()),
            url: &self.url,
            keep_max: 3_600,
            database: None,
            push: (Vec::new(), None),
        };
        party.service(Vocabulary::of_twins(&twins(&types()?)?), trust)
    }

    pub(crate) fn publisher(&self) -> Publisher {
        Publisher {
            node: self.node.clone(),
            issuer: self.issuer.clone(),
            ledger: self.ledger(),
            in_file: self.publishing.clone(),
            bundle_file: self.dir.join("bundle.cbor"),
        }
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// Makes known what the issuer changed.
#[derive(Clone)]
pub(crate) struct Publisher {
    node: Node,
    issuer: Arc<Issuer>,
    ledger: InProcess,
    /// What the bundle file holds. Whoever publishes has it locked: one at a time.
    in_file: Arc<Mutex<Option<Arc<[u8]>>>>,
    bundle_file: PathBuf,
}

impl Publisher {
    /// Sends what waits to the ledger and renews the bundle file when it is not the newest. Blocks the thread.
    pub(crate) fn publish(&self) -> Result<usize, CliError> {
        let mut in_file = self.in_file.lock().unwrap_or_else(PoisonError::into_inner);
        let published = self.issuer.publish(&self.ledger, clock::now());
        self.renew(&mut in_file)?;
        Ok(published?)
    }

    /// Renews the bundle file when it is not the newest.
    fn renew_bundle(&self) -> Result<(), CliError> {
        self.renew(&mut self.in_file.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn renew(&self, in_file: &mut Option<Arc<[u8]>>) -> Result<(), CliError> {
        let newest = self.node.snapshot()?;
        if in_file.as_ref().is_none_or(|written| !Arc::ptr_eq(written, &newest)) {
            files::write(&self.bundle_file, &newest)?;
            *in_file = Some(newest);
        }
        Ok(())
    }

    /// Opens a new epoch of status tokens when a day in Korea has begun since the last one.
    pub(crate) fn begin_day(&self) -> Result<(), CliError> {
        use protocol::credential::{Day, StatusMethod};
        let now = clock::now();
        for credential_type in self.issuer.credential_types().filter(|t| t.status == StatusMethod::Epoch) {
            let current = self.issuer.current_epoch(&self.issuer.key_id(&credential_type.id)?)?;
            if Day::in_korea(current.opened_at) != Day::in_korea(now) {
                self.issuer.advance_epoch(&credential_type.id, now)?;
            }
        }
        Ok(self.issuer.forget_old(now)?)
    }
}

fn decree(ledger: &InProcess, ministry: &Ed25519SigningKey, records: Vec<Record>) -> Result<(), CliError> {
    let network_id = ledger.node.anchor().network_id;
    let transaction = transaction(ledger, network_id, Sender::Governance, records, &[ministry])?;
    ledger.submit(&transaction).map_err(answered)
}

/// An organisation creates its DID, and the ministry admits it (LRUL-14); nothing where that was done before.
fn found(
    ledger: &InProcess,
    ministry: &Ed25519SigningKey,
    own: &Ed25519SigningKey,
    record: DidRecord,
) -> Result<(), CliError> {
    let sender = Sender::Did { did: record.did.clone(), fragment: KEY_FRAGMENT.to_owned() };
    let record = Record::Did(record);
    if ledger.node.record(&record.state_key()).is_some() {
        return Ok(());
    }
    let network_id = ledger.node.anchor().network_id;
    let transaction = transaction(ledger, network_id, sender, vec![record], &[own, ministry])?;
    ledger.submit(&transaction).map_err(answered)
}

fn bind(listen: SocketAddr, public: Option<&str>) -> Result<(TcpListener, String), CliError> {
    let unusable = |error| {
        CliError::refused(
            "AddressUnusable",
            format!("cannot listen on {listen}: {error}; choose another with --listen"),
        )
    };
    let listener = TcpListener::bind(listen).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    let url = match public.map(|url| url.trim_end_matches('/')) {
        Some(url) if url.starts_with("https://") => url.to_owned(),
        Some(_) => return Err(CliError::usage("--url has to begin with https://")),
        None => format!("http://{}", listener.local_addr().map_err(unusable)?),
    };
    Ok((listener, url))
}

fn register(dir: &Path) -> Result<Arc<FileRegister>, CliError> {
    Ok(Arc::new(FileRegister::open(&dir.join("issuer/register.json"))?))
}

/// Opens the issuer, at the address it is served on now.
fn open_issuer(dir: &Path, url: &str) -> Result<Arc<Issuer>, CliError> {
    let path = dir.join("issuer/issuer.json");
    let mut description: Description = serde_json::from_slice(&files::read(&path)?)?;
    let url = format!("{url}/issuer");
    if description.url != url {
        description.url = url;
        files::write(&path, &serde_json::to_vec_pretty(&description)?)?;
    }
    Ok(Arc::new(Issuer::open(&dir.join("issuer"), register(dir)?)?))
}

/// The key in this file, made when there is none.
fn key(dir: &Path, name: &str) -> Result<Ed25519SigningKey, CliError> {
    let path = dir.join(name);
    if path.exists() { files::read_key(&path) } else { files::create_key(&path, &mut randomness::os()?) }
}

fn member(dir: &Path, key_file: &str) -> Result<(Member, Ed25519SigningKey), CliError> {
    let key = key(dir, key_file)?;
    let did = Did::derive(NAME, &key.public_key().to_multicodec())?;
    Ok((Member { did, key_name: KEY_FRAGMENT.to_owned(), key_file: key_file.to_owned() }, key))
}

fn did_record(member: &Member, key: PublicKey, from: u64) -> DidRecord {
    let key = DidKey { fragment: member.key_name.clone(), key, purposes: Purposes::ALL, from, until: None };
    DidRecord { did: member.did.clone(), keys: vec![key], deactivated: false }
}

fn definition(credential_type: &CredentialType) -> Record {
    Record::CredentialType(TypeDefinition { id: credential_type.id.clone(), definition: credential_type.definition() })
}

fn accreditation(issuer: &Did, credential_type: &CredentialType, from: u64) -> Record {
    let (issuer, credential_type) = (issuer.clone(), credential_type.id.clone());
    Record::Accreditation(Accreditation { issuer, credential_type, from, until: from + TERM, withdrawn: false })
}

/// What the ready-made question `roadside` shows, and the portrait.
fn police_registration(police: &Member, licence: &CredentialType) -> VerifierRegistration {
    let mut claims = licence.profile("roadside").map(|profile| profile.show.clone()).unwrap_or_default();
    claims.push("portrait".to_owned());
    let permit = Permit {
        credential_type: licence.id.clone(),
        claims,
        predicates: Vec::new(),
        pseudonyms: Vec::new(),
        binding: None,
    };
    let text = label("도로교통법에 따른 운전면허 확인", "Checking the driving licence under the Road Traffic Act");
    registration(police, label("경찰청 교통 단속", "National Police Agency, traffic control"), "roadside", text, permit)
}

/// Whether the customer is old enough, and nothing else; for the present at the opening, also whether it is the first time.
fn shop_registration(shop: &Member, identity: &CredentialType) -> VerifierRegistration {
    let ages = ["age-19", "youth-19"].into_iter().filter_map(|id| identity.profile(id));
    let predicates = ages.flat_map(|profile| profile.prove.iter().cloned()).collect();
    let permit = Permit {
        credential_type: identity.id.clone(),
        claims: Vec::new(),
        predicates,
        pseudonyms: Vec::new(),
        binding: None,
    };
    let text = label("청소년보호법에 따른 나이 확인", "Checking the age under the Youth Protection Act");
    let once = Permit { pseudonyms: vec![Scope::Event("opening".to_owned())], ..permit.clone() };
    let mut registration = registration(shop, label("편의점", "Convenience store"), "age-19", text, permit);
    let text = label("개업 기념품, 성인 한 사람에 하나", "A present at the opening, one for each adult");
    registration.purposes.push(Purpose { id: "opening-present".to_owned(), text, permits: vec![once] });
    registration
}

fn registration(member: &Member, name: Label, purpose: &str, text: Label, permit: Permit) -> VerifierRegistration {
    let purpose = Purpose { id: purpose.to_owned(), text, permits: vec![permit] };
    VerifierRegistration { did: member.did.clone(), name, purposes: vec![purpose], withdrawn: false }
}

fn label(ko: &str, en: &str) -> Label {
    Label { ko: ko.to_owned(), en: en.to_owned() }
}
