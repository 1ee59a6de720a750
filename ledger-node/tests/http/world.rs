//! A node with one validator that serves, and the keys of those who may write to it.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use ledger_client::{ClientError, LedgerClient};
use ledger_node::{Node, NodeConfig, genesis};
use protocol::credential::{CredentialType, StatusList};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Sender, StateKey, StatusListAnchor,
    Transaction, TransactionBody, TrustAnchor, TypeDefinition, Write,
};
use tempfile::TempDir;

/// A served node and the keys of those who may write to it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) running: Option<Running>,
    pub(crate) anchor: TrustAnchor,
}

pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) address: SocketAddr,
    pub(crate) runtime: tokio::runtime::Runtime,
}

pub(crate) fn governors() -> [Ed25519SigningKey; 3] {
    [11, 12, 13].map(|seed| Ed25519SigningKey::from_seed(&[seed; 32]))
}

pub(crate) fn agency() -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[21; 32])
}

pub(crate) fn agency_did() -> Did {
    Did::derive("kr", &agency().public_key().to_multicodec()).unwrap()
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = governors().map(|key| match key.public_key() {
            PublicKey::Ed25519(bytes) => GovernanceKey(bytes),
            _ => unreachable!(),
        });
        let governance = Governance { network: "kr".into(), keys: keys.to_vec(), threshold: 2, delay: 0 };
        let places = genesis::places(folder.path(), &["127.0.0.1:0".parse().unwrap()]);
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let anchor = genesis::init(governance, places, now() * 1000, &mut random).unwrap();
        let mut world = Self { folder, running: None, anchor };
        world.start();
        world
    }

    pub(crate) fn start(&mut self) {
        self.running = Some(Running::start(self.folder.path()));
    }

    pub(crate) fn stop(&mut self) {
        let Running { node, runtime, .. } = self.running.take().unwrap();
        node.stop().unwrap();
        runtime.shutdown_background();
    }

    pub(crate) fn node(&self) -> &Node {
        &self.running.as_ref().unwrap().node
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    pub(crate) fn client(&self) -> LedgerClient {
        LedgerClient::new(&format!("http://{}", self.address()))
    }

    pub(crate) fn body(&self, sender: Sender, records: Vec<Record>) -> TransactionBody {
        let ledger = self.client();
        let write = |record: Record| Write { previous_version: ledger.version(&record.state_key()).unwrap(), record };
        let nonce = ledger.next_nonce(&sender).unwrap();
        let writes = records.into_iter().map(write).collect();
        TransactionBody { network_id: self.anchor.network_id, sender, nonce, writes }
    }

    /// As two of three governors, with the controllers of new DIDs.
    pub(crate) fn govern(&self, records: Vec<Record>) -> Transaction {
        let [first, second, _] = governors();
        let body = self.body(Sender::Governance, records);
        let founders = body.writes.iter().filter_map(|write| match &write.record {
            Record::Did(new) if write.previous_version == 0 => {
                let keys = (0..=255).map(|seed| Ed25519SigningKey::from_seed(&[seed; 32]));
                keys.into_iter().find(|key| key.public_key() == new.keys[0].key)
            }
            _ => None,
        });
        let signers: Vec<_> = [first, second].into_iter().chain(founders).collect();
        let signers: Vec<&dyn Signer> = signers.iter().map(|key| key as &dyn Signer).collect();
        body.clone().signed_by(&signers).unwrap()
    }

    pub(crate) fn act(&self, records: Vec<Record>) -> Transaction {
        let sender = Sender::Did { did: agency_did(), fragment: "key-1".into() };
        self.body(sender, records).signed_by(&[&agency()]).unwrap()
    }

    /// Registers the agency, its credential type and its accreditation.
    pub(crate) fn set_up(&self) {
        let records = vec![Record::Did(agency_record()), type_definition(), accreditation()];
        self.client().submit(&self.govern(records)).unwrap();
    }

    /// One raw HTTP exchange: status line, head and body.
    pub(crate) fn raw(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
    }

    pub(crate) fn get(&self, path: &str, accept: &str) -> (u16, String, String) {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: node\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"))
    }
}

impl Running {
    fn start(folder: &Path) -> Self {
        let node = Node::start(&NodeConfig::new(folder)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = node.router();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { node, address, runtime }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
    }
}

pub(crate) fn agency_record() -> DidRecord {
    let key = agency().public_key();
    let key = DidKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: now(), until: None };
    DidRecord { did: agency_did(), keys: vec![key], deactivated: false }
}

pub(crate) fn licence() -> CredentialType {
    CredentialType::parse(include_bytes!("../../../specs/types/driver-licence.json")).unwrap()
}

pub(crate) fn type_definition() -> Record {
    Record::CredentialType(TypeDefinition { id: licence().id.clone(), definition: licence().definition() })
}

pub(crate) fn accreditation() -> Record {
    let (from, until) = (now(), now() + 1_000_000);
    let credential_type = licence().id;
    Record::Accreditation(Accreditation { issuer: agency_did(), credential_type, from, until, withdrawn: false })
}

pub(crate) fn list_record(list: &StatusList) -> Record {
    Record::StatusList(StatusListAnchor {
        issuer: agency_did(),
        credential_type: licence().id,
        list: 0,
        digest: list.digest(),
        entries: StatusList::ENTRIES,
        as_of: now(),
    })
}

pub(crate) fn refused(name: &str) -> ClientError {
    ClientError::Refused(name.to_owned())
}

pub(crate) fn agency_record_as_stored(world: &World) -> DidRecord {
    match world.client().record(&StateKey::did(&agency_did())).unwrap().unwrap().record {
        Record::Did(record) => record,
        _ => unreachable!(),
    }
}
