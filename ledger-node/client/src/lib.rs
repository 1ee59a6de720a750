//! Talk to a ledger node over HTTP.
//!
//! Blocking, for issuers, registration tools and the fetching side of verifiers. What it returns is what the
//! node said: proofs and bundles are believed only after
//! [`check`](protocol::ledger::proof::check) and [`TrustBundle::verify`].
//!
//! ```no_run
//! # fn demo(anchor: protocol::ledger::TrustAnchor) -> Result<(), Box<dyn std::error::Error>> {
//! use ledger_client::LedgerClient;
//! use protocol::ledger::Scope;
//!
//! let ledger = LedgerClient::new("http://127.0.0.1:8600");
//! let trust = ledger.bundle(Scope::Snapshot)?.verify(&anchor, 0)?;
//! println!("height {}", trust.height());
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use minicbor::bytes::ByteVec;
use protocol::cbor;
use protocol::credential::StatusList;
use protocol::identifier::{Did, DidDocument};
use protocol::ledger::attachment::{self, Attachment};
use protocol::ledger::bundle::BUNDLE_MAX;
use protocol::ledger::checkpoint::CHECKPOINT_MAX;
use protocol::ledger::proof::PROOF_MAX;
use protocol::ledger::record::VALUE_MAX;
use protocol::ledger::{
    Envelope, Header, LedgerProof, Note, Scope, Sender, StateKey, Transaction, TransactionId, TrustAnchor, TrustBundle,
};
use serde::Deserialize;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Longest time for one request; a node answers a transaction within ten seconds.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Longest JSON answer.
const JSON_MAX: usize = 64 * 1024;

/// Why the node gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No node, or no answer in time. Whether a transaction will be recorded is then not known: ask by its id.
    #[error("the ledger node cannot be reached; try again or use another node")]
    Unavailable,
    /// The node is overloaded, starting or stopping.
    #[error("the ledger node is busy ({0}); try again in a second")]
    Busy(String),
    /// The node refuses; the name of the reason, for a transaction that of the node's `TxError`.
    #[error("the ledger refused: {0}")]
    Refused(String),
    /// The transaction was taken but is not final yet.
    #[error("the transaction is not final yet; ask for it later by its id")]
    NotFinalYet,
    /// The ledger has nothing of that name.
    #[error("the ledger has nothing of that name")]
    NotFound,
    /// The DID was given up for ever.
    #[error("the DID is deactivated")]
    Deactivated,
    /// The answer does not have the form it should have.
    #[error("the node's answer cannot be understood; use another node")]
    MalformedAnswer,
}

/// A transaction that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Its name.
    pub id: TransactionId,
    /// The height of its block.
    pub height: u64,
}

/// The last block a node knows, unproven.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LedgerStatus {
    /// Short name of the network.
    pub network: String,
    /// Height of the last block.
    pub height: u64,
    /// Its time, Unix milliseconds.
    pub time_ms: u64,
    /// Root of the state after it, hexadecimal.
    pub root: String,
    /// Blocks are missing there: what it says may have changed elsewhere.
    #[serde(default)]
    pub stale: bool,
}

/// A node at a base URL.
#[derive(Debug, Clone)]
pub struct LedgerClient {
    agent: Agent,
    base: String,
}

impl LedgerClient {
    /// The node at `base`, e.g. `http://127.0.0.1:8600`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(REQUEST_TIME))
            .build()
            .new_agent();
        Self { agent, base: base.trim_end_matches('/').to_owned() }
    }

    /// Hands over a transaction and returns once it is final.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Refused`] with the rule's name.
    pub fn submit(&self, transaction: &Transaction) -> Result<Recorded, ClientError> {
        self.submit_bytes(&transaction.encode())
    }

    /// Hands over an encoded transaction and returns once it is final.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn submit_bytes(&self, transaction: &[u8]) -> Result<Recorded, ClientError> {
        recorded(self.post("/v1/transactions", transaction)?)
    }

    /// Where a transaction was recorded.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] while it is not final; others.
    pub fn transaction(&self, id: &TransactionId) -> Result<Recorded, ClientError> {
        recorded(self.get(&format!("/v1/transactions/{}", hex::encode(id)))?)
    }

    /// The nonce of `sender`'s next transaction.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn next_nonce(&self, sender: &Sender) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            next: u64,
        }
        let account = match sender {
            Sender::Governance => "governance",
            Sender::Did { did, .. } => did.as_str(),
        };
        Ok(json::<Answer>(self.get(&format!("/v1/nonces/{account}"))?)?.next)
    }

    /// The record at `key`, unproven; `None` when there is none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError> {
        match self.get(&format!("/v1/records/{key}")) {
            Ok(answer) => {
                Envelope::decode(&bytes(answer, VALUE_MAX)?).map(Some).map_err(|_| ClientError::MalformedAnswer)
            }
            Err(ClientError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The version of the record at `key`, as the next write must name it; 0 when there is none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn version(&self, key: &StateKey) -> Result<u64, ClientError> {
        Ok(self.record(key)?.map_or(0, |envelope| envelope.version))
    }

    /// A proof of what the ledger holds at `key`. Check it before believing it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn proof(&self, key: &StateKey) -> Result<LedgerProof, ClientError> {
        let answer = self.get(&format!("/v1/proofs/{key}"))?;
        LedgerProof::decode(&bytes(answer, PROOF_MAX)?).map_err(|_| ClientError::MalformedAnswer)
    }

    /// The trust bundle, or what changed above a height. Verify it before believing it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn bundle(&self, scope: Scope) -> Result<TrustBundle, ClientError> {
        let answer = match scope {
            Scope::Snapshot => self.get("/v1/bundle")?,
            Scope::Delta { since } => self.get(&format!("/v1/bundle?since={since}"))?,
        };
        TrustBundle::decode(&bytes(answer, BUNDLE_MAX)?).map_err(|_| ClientError::MalformedAnswer)
    }

    /// The node's own trust anchor. Compare it with the one received by a safe way; never start from it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn anchor(&self) -> Result<TrustAnchor, ClientError> {
        let answer = self.get("/v1/anchor")?;
        TrustAnchor::decode(&bytes(answer, JSON_MAX)?).map_err(|_| ClientError::MalformedAnswer)
    }

    /// The checkpoint of a height, or of the newest block, as this validator cosigned it. Check it before believing it.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] from a node that was no validator then; others.
    pub fn checkpoint(&self, height: Option<u64>) -> Result<Note, ClientError> {
        let path = height.map_or("/v1/checkpoint".to_owned(), |height| format!("/v1/checkpoints/{height}"));
        Note::parse(&bytes(self.get(&path)?, CHECKPOINT_MAX)?).map_err(|_| ClientError::MalformedAnswer)
    }

    /// The header of a height, unproven.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn header(&self, height: u64) -> Result<Header, ClientError> {
        let answer = bytes(self.get(&format!("/v1/headers/{height}"))?, JSON_MAX)?;
        let malformed = ClientError::MalformedAnswer;
        let parts: Vec<ByteVec> = cbor::from_slice(&answer, JSON_MAX).map_err(|_| malformed.clone())?;
        let [header, _] = parts.as_slice() else { return Err(malformed) };
        Header::decode(header).map_err(|_| malformed)
    }

    /// The last block the node knows.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn status(&self) -> Result<LedgerStatus, ClientError> {
        json(self.get("/v1/status")?)
    }

    /// Publishes a status list whose digest the ledger holds at `anchor`.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError> {
        let attachment = Attachment { anchor, packed: attachment::pack(list) };
        self.post("/v1/status-lists", &cbor::to_vec(&attachment)).map(|_| ())
    }

    /// The DID document as the node resolves it, unproven.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], [`ClientError::Deactivated`], others.
    pub fn resolve(&self, did: &Did) -> Result<DidDocument, ClientError> {
        json(self.get_as(&format!("/1.0/identifiers/{did}"), "application/did")?)
    }

    /// What stands at a path of the node's API, at most `max` bytes of it.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::MalformedAnswer`] for more bytes.
    pub fn fetch(&self, path: &str, max: usize) -> Result<Vec<u8>, ClientError> {
        bytes(self.get(path)?, max)
    }

    /// The address it speaks to.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    fn get(&self, path: &str) -> Result<Response<Body>, ClientError> {
        self.get_as(path, "*/*")
    }

    fn get_as(&self, path: &str, accept: &str) -> Result<Response<Body>, ClientError> {
        let request = self.agent.get(format!("{}{path}", self.base)).header("accept", accept);
        accepted(request.call())
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Response<Body>, ClientError> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/cbor");
        accepted(request.send(body))
    }
}

fn accepted(answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, ClientError> {
    let answer = answer.map_err(|_| ClientError::Unavailable)?;
    match answer.status().as_u16() {
        200 | 204 => Ok(answer),
        202 => Err(ClientError::NotFinalYet),
        404 => Err(ClientError::NotFound),
        410 => Err(ClientError::Deactivated),
        status => {
            let name = error_name(answer);
            Err(if matches!(status, 408 | 429 | 500..) { ClientError::Busy(name) } else { ClientError::Refused(name) })
        }
    }
}

fn error_name(answer: Response<Body>) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let name = json::<Refusal>(answer).map(|refusal| refusal.error).unwrap_or_default();
    // A name and nothing else is passed on to people and logs.
    if name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric()) { name } else { String::new() }
}

fn recorded(answer: Response<Body>) -> Result<Recorded, ClientError> {
    #[derive(Deserialize)]
    struct Answer {
        id: String,
        height: u64,
    }
    let answer: Answer = json(answer)?;
    let mut id = [0; 32];
    hex::decode_to_slice(&answer.id, &mut id).map_err(|_| ClientError::MalformedAnswer)?;
    Ok(Recorded { id, height: answer.height })
}

fn json<T: for<'de> Deserialize<'de>>(answer: Response<Body>) -> Result<T, ClientError> {
    serde_json::from_slice(&bytes(answer, JSON_MAX)?).map_err(|_| ClientError::MalformedAnswer)
}

fn bytes(answer: Response<Body>, max: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = answer.into_body();
    // A body that fills the limit counts as exceeding it.
    body.with_config().limit(max as u64 + 1).read_to_vec().map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => ClientError::MalformedAnswer,
        _ => ClientError::Unavailable,
    })
}
