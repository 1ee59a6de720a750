//! Where each kind of input goes in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use ledger_node::TxError;
use ledger_node::rules::{self, BlockTime};
use ledger_node::state::State;
use protocol::credential::{CredentialType, Status};
use protocol::crypto::bbs::{self, Suite, blind};
use protocol::error_name;
use protocol::exchange::frames::Assembler;
use protocol::exchange::qr::{self, Kind};
use protocol::exchange::{AuthenticRequest, CredentialRequest, CredentialResponse, Offer, Query, SignedRequest};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::attachment;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::checkpoint::{Note, quorum};
use protocol::ledger::header::Header;
use protocol::ledger::proof::{self, LedgerProof};
use protocol::ledger::record::{Envelope, Record};
use protocol::ledger::state::TrustedState;
use tests::cases::proof::{CONTEXT, HEADER, SHOWN, messages};
use tests::cases::{Case, transaction};
use tests::world::{AS_OF, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

use crate::wallet;

/// A refusal as an error's users see it.
pub(crate) struct Refused {
    /// The name of the innermost variant.
    pub(crate) name: String,
    /// Everything it prints, for users and for logs.
    pub(crate) text: String,
}

impl<E: Display + Debug> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { name: error_name(&error), text: format!("{error} {error:?}") }
    }
}

/// The functions that take input, in one world.
pub(crate) struct Surfaces<'a> {
    world: &'a World,
    cases: &'a BTreeMap<String, Case>,
    trust: RefCell<BTreeMap<String, TrustedState>>,
    ledger: State,
}

impl<'a> Surfaces<'a> {
    pub(crate) fn new(world: &'a World, cases: &'a BTreeMap<String, Case>) -> Self {
        // Trust data is the verifier's own: what it costs to check is no input's doing.
        let trust = tests::world::TRUST_VARIANTS.map(|variant| (variant.to_owned(), world.trust(variant)));
        let genesis = Envelope { version: 1, height: 0, record: Record::Governance(transaction::governance()) };
        let mut ledger = State::new([genesis]);
        for (height, bytes) in (1..).zip(transaction::prelude(world)) {
            execute(&mut ledger, height, AS_OF, &bytes).unwrap();
        }
        Self { world, cases, trust: RefCell::new(trust.into()), ledger }
    }

    /// Gives the input to its function.
    pub(crate) fn run(&self, case: &Case) -> Result<(), Refused> {
        match case.surface.as_str() {
            "presentation" => self.presentation(case),
            "request" => self.request(case),
            "offer" => Offer::decode(&case.bytes, now(case)).map(|_| ()).map_err(Refused::from),
            "credential" => self.credential(case),
            "credential-request" => self.credential_request(case),
            "credential-type" => CredentialType::parse(&case.bytes).map(|_| ()).map_err(Refused::from),
            "bbs-public-key" => {
                bbs::PublicKey::from_bytes(Suite::Sha256, &case.bytes).map(|_| ()).map_err(Refused::from)
            }
            "bbs-signature" => self.bbs_signature(case),
            "bbs-proof" => self.bbs_proof(case),
            "qr-text" => qr_text(case, std::str::from_utf8(&case.bytes).unwrap()),
            "qr-frames" => qr_frames(case),
            "qr-png" => qr_text(case, &qr::read_png(&case.bytes)?),
            "status-list" => status_list(case),
            "trust-bundle" => self.trust_bundle(case),
            "ledger-proof" => ledger_proof(case),
            "ledger-checkpoint" => ledger_checkpoint(case),
            "transaction" => self.transaction(case),
            "pin" => wallet::pin(case).map_err(Refused::from),
            "wallet-file" => wallet::file(case).map_err(Refused::from),
            other => panic!("there is no surface named {other}"),
        }
    }

    fn presentation(&self, case: &Case) -> Result<(), Refused> {
        let trust = self.trust.borrow();
        let trust = &trust[need(case, "trust")];
        let mut policy = Policy::default();
        if let Some(seconds) = case.parameter("trust-age-max") {
            policy.trust_age_max = seconds.parse().unwrap();
        }
        let mut verifier = Verifier::new(policy, SeenInMemory::default());
        let question = self.question(need(case, "asked"));
        let asked = match &question {
            Question::Displayed(query) => Asked::Displayed(query),
            Question::Requested(request) => Asked::Requested(request),
        };
        if let Some(before) = case.parameter("before") {
            verifier.check(&asked, &self.cases[before].bytes, trust, now(case)).expect("the first is accepted");
        }
        verifier.check(&asked, &case.bytes, trust, now(case))?;
        Ok(())
    }

    /// `profile <id>`, or `request <file>` for an answer.
    fn question(&self, asked: &str) -> Question {
        match asked.split_once(' ') {
            Some(("profile", id)) => Question::Displayed(self.world.profile(id)),
            Some(("request", file)) => {
                let request = SignedRequest::decode(&self.cases[file].bytes).unwrap();
                Question::Requested(Box::new(request.authenticate(&self.trust.borrow()["usual"], NOW).unwrap()))
            }
            _ => panic!("`asked: {asked}` has no meaning"),
        }
    }

    fn request(&self, case: &Case) -> Result<(), Refused> {
        let trust = self.trust.borrow();
        let request = SignedRequest::decode(&case.bytes)?;
        request.authenticate(&trust[need(case, "trust")], now(case))?.within_registration()?;
        Ok(())
    }

    fn credential(&self, case: &Case) -> Result<(), Refused> {
        let held = &self.world.holder.licence;
        let received = CredentialResponse::decode(&case.bytes)?.credential;
        let evidence = &held.evidence;
        received.check(&evidence.network, &evidence.credential_type, evidence.bbs(), &held.secrets)?;
        Ok(())
    }

    fn credential_request(&self, case: &Case) -> Result<(), Refused> {
        let licences = &self.world.licences;
        let request = CredentialRequest::decode(&case.bytes)?;
        request.check_device_proof()?;
        let clear = self.world.holder.licence.credential.clear_messages(&licences.credential_type)?;
        blind::sign(&licences.bbs, &licences.issuance(&licences.header()), &request.commitment, &clear)?;
        Ok(())
    }

    fn bbs_signature(&self, case: &Case) -> Result<(), Refused> {
        let signature = bbs::Signature::from_bytes(&case.bytes)?;
        bbs::verify(self.world.licences.bbs.public_key(), &signature, HEADER, &messages())?;
        Ok(())
    }

    fn bbs_proof(&self, case: &Case) -> Result<(), Refused> {
        let shown = SHOWN.map(|index| (index, messages()[index]));
        bbs::verify_proof(&bbs::ProofCheck {
            key: self.world.licences.bbs.public_key(),
            proof: &case.bytes,
            header: HEADER,
            presentation_header: CONTEXT,
            shown: &shown,
        })?;
        Ok(())
    }

    /// A transaction in a block of its own, after others that have to be there before.
    fn transaction(&self, case: &Case) -> Result<(), Refused> {
        let mut ledger = self.ledger.clone();
        if let Some(before) = case.parameter("before").filter(|before| *before != "none") {
            execute(&mut ledger, 50, now(case), &self.cases[before].bytes).unwrap();
        }
        Ok(execute(&mut ledger, 51, now(case), &case.bytes)?)
    }

    fn trust_bundle(&self, case: &Case) -> Result<(), Refused> {
        let anchor = anchor(case);
        let bundle = TrustBundle::decode(&case.bytes)?;
        match case.parameter("base").filter(|base| *base != "none") {
            None => bundle.verify(&anchor, case.parameter("floor").map_or(0, |floor| floor.parse().unwrap()))?,
            Some(base) => {
                let base = TrustBundle::decode(&self.cases[base].bytes)?.verify(&anchor, 0)?;
                bundle.verify_onto(&base, &anchor)?
            }
        };
        Ok(())
    }
}

fn execute(ledger: &mut State, height: u64, time: u64, bytes: &[u8]) -> Result<(), TxError> {
    let at = BlockTime { height, time_ms: time * 1_000 };
    rules::begin_block(ledger, at);
    let admitted = rules::admit(bytes, &transaction::network_id())?;
    let before = ledger.root();
    let done = rules::apply(ledger, at, &admitted);
    assert_eq!(done.is_ok(), ledger.root() != before, "all or nothing");
    done
}

enum Question {
    Displayed(Query),
    Requested(Box<AuthenticRequest>),
}

fn need<'c>(case: &'c Case, name: &str) -> &'c str {
    case.parameter(name).unwrap_or_else(|| panic!("{} has no `{name}:`", case.file()))
}

fn now(case: &Case) -> u64 {
    need(case, "now").parse().unwrap()
}

fn anchor(case: &Case) -> TrustAnchor {
    TrustAnchor::decode(&hex::decode(need(case, "anchor")).unwrap()).unwrap()
}

fn kind(case: &Case) -> Kind {
    match need(case, "kind") {
        "request" => Kind::Request,
        "offer" => Kind::Offer,
        other => panic!("there is no kind named {other}"),
    }
}

fn qr_text(case: &Case, text: &str) -> Result<(), Refused> {
    qr::from_text(kind(case), text)?;
    Ok(())
}

/// A code a line, as they were seen.
fn qr_frames(case: &Case) -> Result<(), Refused> {
    let mut assembler = Assembler::new(kind(case));
    std::str::from_utf8(&case.bytes).unwrap().lines().try_for_each(|text| assembler.receive(text))?;
    assembler.message()?;
    Ok(())
}

fn status_list(case: &Case) -> Result<(), Refused> {
    let digest = hex::decode(need(case, "digest")).unwrap().try_into().unwrap();
    let list = attachment::unpack(&case.bytes, &digest)?;
    match list.status(need(case, "entry").parse().unwrap())? {
        Status::Valid => Ok(()),
        // What a list says is no error; here it counts as one, under its own name.
        status => Err(Refused { name: format!("{status:?}"), text: String::new() }),
    }
}

fn ledger_checkpoint(case: &Case) -> Result<(), Refused> {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let header = Header::decode(&bytes(need(case, "header"))).unwrap();
    let network = bytes(need(case, "network")).try_into().unwrap();
    let validators = need(case, "validators").split(' ').map(|key| bytes(key).try_into().unwrap());
    let validators: Vec<[u8; 32]> = validators.collect();
    Ok(Note::parse(&case.bytes)?.check(&header, &network, &validators, quorum(validators.len()))?)
}

fn ledger_proof(case: &Case) -> Result<(), Refused> {
    let proof = LedgerProof::decode(&case.bytes)?;
    let proven = proof::check(&anchor(case), &proof, need(case, "floor").parse().unwrap())?;
    assert_eq!(proven.key.to_string(), need(case, "about"), "proves something else than it is about");
    Ok(())
}
