//! The rule of each kind of record: who may create it, who may change it, and how it may change.

use ledger_engine::BlockTime;
use protocol::credential::HolderBinding;
use protocol::identifier::Did;
use protocol::ledger::{
    Accreditation, Activation, DidKey, DidRecord, Envelope, Governance, IssuerKey, Permit, Purposes, Record, Scheduled,
    StateKey, StatusEpoch, StatusListAnchor, TypeDefinition, VerifierRegistration, Write,
};

use super::{Authority, TxError, did_record, governance, seconds};
use crate::state::Tree;

/// How far ahead of the block's time an issuer's clock may be, in seconds.
const CLOCK_SKEW: u64 = 60;

/// The envelope that `write` leaves at its key.
pub(super) fn write(tree: &Tree, at: BlockTime, authority: &Authority, write: &Write) -> Result<Envelope, TxError> {
    let current = tree.get(&write.record.state_key());
    let case = Case { tree, now: seconds(at), authority };
    let old = current.map(|envelope| &envelope.record);
    case.authorize(&write.record, old)?;
    // LTXN-07: no update is lost.
    let version = match (current, write.previous_version) {
        (None, 0) => 1,
        (Some(_), 0) => return Err(TxError::AlreadyExists),
        (Some(envelope), previous) if envelope.version == previous => previous + 1,
        _ => return Err(TxError::VersionConflict),
    };
    case.transition(&write.record, old)?;
    case.delay(&write.record, old)?;
    Ok(Envelope { version, height: at.height, record: write.record.clone() })
}

struct Case<'a> {
    tree: &'a Tree,
    now: u64,
    authority: &'a Authority,
}

/// Refuses with `error` unless `allowed`.
fn require(allowed: bool, error: TxError) -> Result<(), TxError> {
    if allowed { Ok(()) } else { Err(error) }
}

impl Case<'_> {
    /// LRUL-01: who may write which kind of record.
    fn authorize(&self, new: &Record, old: Option<&Record>) -> Result<(), TxError> {
        let issuer = [Purposes::ASSERTION, Purposes::CONTROL];
        let allowed = match new {
            Record::Governance(_)
            | Record::Accreditation(_)
            | Record::Verifier(_)
            | Record::CredentialType(_)
            | Record::Validators(_)
            | Record::Scheduled(_)
            | Record::Succession(_) => self.authority.is_governance(),
            // LTXN-08: written by the execution of transactions alone.
            Record::Nonce(_) => false,
            Record::Did(new) => match old {
                // LRUL-14: nobody is named here who did not ask for it, and nobody unadmitted.
                None => self.authority.founds(new),
                // The governors are the way back for an organisation that lost its control keys.
                Some(_) => self.authority.is_governance() || self.authority.is(&new.did, &[Purposes::CONTROL]),
            },
            Record::IssuerKey(new) => self.authority.is(&new.issuer, &issuer),
            Record::StatusList(new) => self.authority.is(&new.issuer, &issuer),
            Record::StatusEpoch(new) => {
                let mut keys = self.tree.issuer_keys(&new.issuer_key);
                match keys.next().map(|envelope| &envelope.record) {
                    Some(Record::IssuerKey(key)) => self.authority.is(&key.issuer, &issuer),
                    _ => return Err(TxError::UnknownReference),
                }
            }
        };
        require(allowed, TxError::Unauthorized)
    }

    fn transition(&self, new: &Record, old: Option<&Record>) -> Result<(), TxError> {
        match (new, old) {
            (Record::Governance(new), Some(Record::Governance(old))) => governance_change(new, old),
            (Record::Did(new), None) => self.new_did(new),
            (Record::Did(new), Some(Record::Did(old))) => self.did_change(new, old),
            (Record::Accreditation(new), None) => self.accreditation(new),
            (Record::Accreditation(new), Some(Record::Accreditation(old))) => {
                require(!old.withdrawn, TxError::IllegalTransition)?; // LRUL-04
                self.accreditation(new)
            }
            (Record::Verifier(new), None) => self.verifier(new),
            (Record::Verifier(new), Some(Record::Verifier(old))) => {
                require(!old.withdrawn, TxError::IllegalTransition)?; // LRUL-04
                self.verifier(new)
            }
            (Record::CredentialType(_), None) => Ok(()),
            // LRUL-05: credentials are signed against this definition; a change is a new type.
            (Record::CredentialType(_), Some(_)) => Err(TxError::IllegalTransition),
            (Record::IssuerKey(new), None) => self.new_issuer_key(new),
            (Record::IssuerKey(new), Some(Record::IssuerKey(old))) => issuer_key_change(new, old),
            (Record::StatusList(new), old) => self.status_list(new, old),
            (Record::StatusEpoch(new), old) => self.status_epoch(new, old),
            (Record::Validators(_), _) => Ok(()),
            (Record::Scheduled(new), old) => self.scheduled(new, old),
            (Record::Succession(_), None) => Ok(()),
            // LRUL-13: phones that followed the first could not follow another.
            (Record::Succession(_), Some(_)) => Err(TxError::IllegalTransition),
            // Keys are derived from the kind: a record never stands where one of another kind stood, and
            // the governance record is written by the genesis.
            _ => Err(TxError::IllegalTransition),
        }
    }

    /// LRUL-12: what gives someone more power is visible for as long as governance says before it comes into force.
    fn delay(&self, new: &Record, old: Option<&Record>) -> Result<(), TxError> {
        let delay = governance(self.tree).map_or(0, |governance| governance.delay);
        if delay == 0 || !matches!(self.authority, Authority::Governance { .. }) {
            return Ok(());
        }
        let at_once = match (new, old) {
            // Gives nobody anything, or takes something away.
            (Record::Did(_), None) | (Record::CredentialType(_) | Record::Scheduled(_), _) => true,
            (Record::Did(new), Some(_)) => new.deactivated,
            (Record::Accreditation(new), Some(Record::Accreditation(old))) => {
                let shorter = Accreditation { until: new.until, ..old.clone() } == *new && new.until <= old.until;
                new.withdrawn || shorter
            }
            (Record::Verifier(new), Some(_)) => new.withdrawn,
            _ => false,
        };
        require(at_once, TxError::DelayRequired)
    }

    /// LRUL-12: a change is scheduled far enough ahead, and taken back before its time only.
    fn scheduled(&self, new: &Scheduled, old: Option<&Record>) -> Result<(), TxError> {
        let waiting = match old {
            Some(Record::Scheduled(old)) if old.activation == Activation::Waiting => Some(old),
            _ => None,
        };
        match (new.activation, waiting) {
            (Activation::Waiting, _) => {
                let delay = governance(self.tree).map_or(0, |governance| u64::from(governance.delay));
                let earliest = self.now.saturating_add(delay);
                require(new.at >= earliest && new.at > self.now, TxError::ActivationTooEarly)?;
                // What could not come into force now is refused now: its authors are still there to correct it.
                let write = Write { record: new.record()?, previous_version: new.previous_version };
                let at = BlockTime { height: 0, time_ms: self.now.saturating_mul(1_000) };
                self::write(self.tree, at, &Authority::Schedule, &write).map(|_| ())
            }
            (Activation::Cancelled, Some(old)) => {
                let same = Scheduled { activation: Activation::Cancelled, ..old.clone() } == *new;
                require(same, TxError::IllegalTransition)
            }
            _ => Err(TxError::IllegalTransition),
        }
    }

    /// LRUL-02: a new DID is the hash of its first key and can be changed with it.
    fn new_did(&self, new: &DidRecord) -> Result<(), TxError> {
        let network = governance(self.tree).map(|governance| governance.network.as_str()).unwrap_or_default();
        let first = new.keys.first().ok_or(TxError::WouldOrphan)?;
        let derived = Did::derive(network, &first.key.to_multicodec());
        require(derived.as_ref() == Ok(&new.did), TxError::IdentifierMismatch)?;
        require(!new.deactivated, TxError::IllegalTransition)?;
        require(first.usable(Purposes::CONTROL, self.now), TxError::WouldOrphan)
    }

    /// LRUL-03: keys are added and retired; none is changed, revived, or dropped while in force.
    fn did_change(&self, new: &DidRecord, old: &DidRecord) -> Result<(), TxError> {
        require(!old.deactivated, TxError::Deactivated)?;
        for key in &old.keys {
            let retired = key.until.is_some_and(|until| until <= self.now);
            let kept = new.keys.iter().find(|kept| kept.fragment == key.fragment);
            let allowed = match kept {
                None => retired,
                Some(kept) => {
                    let same = DidKey { until: kept.until, ..key.clone() } == *kept;
                    same && (kept.until == key.until || !retired && not_later(kept.until, key.until))
                }
            };
            require(allowed, TxError::IllegalTransition)?;
        }
        if new.deactivated { Ok(()) } else { require(self.has_control(&new.keys), TxError::WouldOrphan) }
    }

    fn has_control(&self, keys: &[DidKey]) -> bool {
        keys.iter().any(|key| key.usable(Purposes::CONTROL, self.now))
    }

    fn accreditation(&self, new: &Accreditation) -> Result<(), TxError> {
        self.active_did(&new.issuer)?;
        self.credential_type(&new.credential_type).map(|_| ())
    }

    /// LRUL-06: a registration names only what its credential types have.
    fn verifier(&self, new: &VerifierRegistration) -> Result<(), TxError> {
        self.active_did(&new.did)?;
        for permit in new.purposes.iter().flat_map(|purpose| &purpose.permits) {
            self.permit(permit)?;
        }
        Ok(())
    }

    fn permit(&self, permit: &Permit) -> Result<(), TxError> {
        let definition = self.credential_type(&permit.credential_type)?;
        let parsed = protocol::credential::CredentialType::parse(&definition.definition)
            .map_err(|_| TxError::UnknownReference)?;
        let known = permit.claims.iter().all(|claim| parsed.position(claim).is_some())
            && permit.predicates.iter().all(|predicate| predicate.fits(&parsed))
            && permit.pseudonyms.iter().all(|scope| scope.fits(&parsed, HolderBinding::LinkSecret));
        require(known, TxError::UnknownReference)
    }

    /// LRUL-07: only who is accredited now may bring a new signing key.
    fn new_issuer_key(&self, new: &IssuerKey) -> Result<(), TxError> {
        let accredited = self.accreditation_of(&new.issuer, &new.credential_type);
        require(accredited.is_some_and(|accreditation| accreditation.valid_at(self.now)), TxError::Unauthorized)
    }

    /// LRUL-09: lists go forward in time, and whoever was ever accredited may still withdraw.
    fn status_list(&self, new: &StatusListAnchor, old: Option<&Record>) -> Result<(), TxError> {
        require(self.accreditation_of(&new.issuer, &new.credential_type).is_some(), TxError::Unauthorized)?;
        let forward = match old {
            Some(Record::StatusList(old)) => new.as_of >= old.as_of,
            _ => true,
        };
        require(forward && self.not_ahead(new.as_of), TxError::IllegalTransition)
    }

    /// LRUL-10: epochs only increase.
    fn status_epoch(&self, new: &StatusEpoch, old: Option<&Record>) -> Result<(), TxError> {
        let forward = match old {
            Some(Record::StatusEpoch(old)) => new.epoch > old.epoch && new.at >= old.at,
            _ => true,
        };
        require(forward && self.not_ahead(new.at), TxError::IllegalTransition)
    }

    fn not_ahead(&self, time: u64) -> bool {
        time <= self.now.saturating_add(CLOCK_SKEW)
    }

    fn active_did(&self, did: &Did) -> Result<(), TxError> {
        let record = did_record(self.tree, did).ok_or(TxError::UnknownReference)?;
        require(!record.deactivated, TxError::Deactivated)
    }

    fn credential_type(&self, id: &str) -> Result<&TypeDefinition, TxError> {
        match self.tree.get(&StateKey::credential_type(id)).map(|envelope| &envelope.record) {
            Some(Record::CredentialType(definition)) => Ok(definition),
            _ => Err(TxError::UnknownReference),
        }
    }

    fn accreditation_of(&self, issuer: &Did, credential_type: &str) -> Option<&Accreditation> {
        match &self.tree.get(&StateKey::accreditation(issuer, credential_type))?.record {
            Record::Accreditation(accreditation) => Some(accreditation),
            _ => None,
        }
    }
}

/// The network's name is part of every DID.
fn governance_change(new: &Governance, old: &Governance) -> Result<(), TxError> {
    require(new.network == old.network, TxError::IllegalTransition)
}

/// LRUL-08: a signing key's period can be shortened, and a cut-off can only appear or move to an earlier time.
fn issuer_key_change(new: &IssuerKey, old: &IssuerKey) -> Result<(), TxError> {
    let same = IssuerKey { until: new.until, compromised_from: new.compromised_from, ..old.clone() } == *new;
    let cut_off = match (new.compromised_from, old.compromised_from) {
        (_, None) => true,
        (Some(new), Some(old)) => new <= old,
        (None, Some(_)) => false,
    };
    require(same && new.until <= old.until && cut_off, TxError::IllegalTransition)
}

/// Whether a period that ends at `new` ends no later than one that ends at `old`; absent is never.
fn not_later(new: Option<u64>, old: Option<u64>) -> bool {
    match (new, old) {
        (_, None) => true,
        (Some(new), Some(old)) => new <= old,
        (None, Some(_)) => false,
    }
}
