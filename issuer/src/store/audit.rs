//! Who did what when, in a chain in which no entry can be changed, removed or inserted unnoticed.
//!
//! `digest(n) = SHA-256(label ‖ digest(n − 1) ‖ entry(n))`. Entries name register ids and handles, never claims.

use minicbor::{Decode, Encode};
use protocol::cbor;
use sha2::{Digest, Sha256};

use super::{Row, Writer, values};
use crate::console::{AuditEntry, AuditTold, CaseKind, ChainState};
use crate::error::IssuerError;

/// Keeps the chain's digests apart from every other hash. It never leaves this database.
const LABEL: &[u8] = b"mid/v1/issuer/audit;";
/// Longest entry, in bytes.
const ENTRY_MAX: usize = 512;
/// Entries that are read at once.
const PART: u64 = 10_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AuditEvent {
    /// An offer was made to a person.
    #[n(0)]
    Offered,
    /// A credential was issued.
    #[n(1)]
    Issued,
    /// A credential was withdrawn.
    #[n(2)]
    Revoked,
    /// An epoch of status tokens was opened.
    #[n(3)]
    EpochOpened,
    /// An offer was refused because of a wrong transaction code.
    #[n(4)]
    CodeRefused,
    /// An offer was exchanged for an access token.
    #[n(5)]
    Redeemed,
    /// Credentials in other formats were handed out for an issued one.
    #[n(6)]
    TwinsIssued,
    /// A credential was withdrawn for now.
    #[n(7)]
    Suspended,
    /// A suspension ended.
    #[n(8)]
    Reinstated,
    /// A clerk approved what an offer was taken up for.
    #[n(9)]
    ReviewApproved,
    /// A clerk refused it.
    #[n(10)]
    ReviewRefused,
    /// A person logged in with a chip card.
    #[n(11)]
    CardAnswered,
    /// A person logged in with a credential.
    #[n(12)]
    CredentialShown,
    /// A clerk logged in at the console.
    #[n(13)]
    LoggedIn,
    /// Somebody gave a wrong password there.
    #[n(14)]
    LogInRefused,
    /// A clerk looked at a person's entry.
    #[n(15)]
    PersonViewed,
    /// A clerk asked for something.
    #[n(16)]
    CaseAsked,
    /// A second clerk approved it.
    #[n(17)]
    CaseApproved,
    /// A second clerk refused it.
    #[n(18)]
    CaseRefused,
    /// A clerk handed an offer over.
    #[n(19)]
    CaseHandedOver,
    /// A clerk asked for a bulk job.
    #[n(20)]
    JobAsked,
    /// A second clerk approved it.
    #[n(21)]
    JobApproved,
    /// A second clerk refused it.
    #[n(22)]
    JobRefused,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Entry {
    #[n(0)]
    at: u64,
    #[n(1)]
    event: AuditEvent,
    #[n(2)]
    credential_type: String,
    /// Register id; empty for events that concern nobody in particular.
    #[n(3)]
    person: String,
    /// Handle of a credential, or number of an epoch, a case or a job.
    #[n(4)]
    number: u64,
    /// The clerk who did it, at the console.
    #[n(5)]
    clerk: Option<String>,
    /// What the clerk's case or job is about.
    #[n(6)]
    kind: Option<CaseKind>,
}

/// How long a chain is, and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditSummary {
    /// Entries in the chain.
    pub entries: u64,
    /// Digest of the last one; keep it elsewhere to notice a chain that was cut and grown again.
    pub head: [u8; 32],
}

impl Writer<'_> {
    /// Appends an entry.
    pub(crate) fn audit(
        &self,
        at: u64,
        event: AuditEvent,
        credential_type: &str,
        person: &str,
        number: u64,
    ) -> Result<(), IssuerError> {
        let (credential_type, person) = (credential_type.into(), person.into());
        self.append(&Entry { at, event, credential_type, person, number, clerk: None, kind: None })
    }

    /// Appends an entry about what a clerk did; `clerk` is empty where it is not known who it was.
    #[allow(clippy::too_many_arguments, reason = "each is one field of the entry")]
    pub(crate) fn audit_of(
        &self,
        clerk: &str,
        kind: Option<CaseKind>,
        at: u64,
        event: AuditEvent,
        credential_type: &str,
        person: &str,
        number: u64,
    ) -> Result<(), IssuerError> {
        let clerk = (!clerk.is_empty()).then(|| clerk.to_owned());
        let (credential_type, person) = (credential_type.into(), person.into());
        self.append(&Entry { at, event, credential_type, person, number, clerk, kind })
    }

    fn append(&self, entry: &Entry) -> Result<(), IssuerError> {
        let entry = cbor::to_vec(entry);
        let last = "SELECT sequence, digest FROM audit ORDER BY sequence DESC LIMIT 1";
        let (sequence, head): (u64, [u8; 32]) =
            self.transaction.one(last, values![], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or((0, [0; 32]));
        let insert = "INSERT INTO audit (sequence, entry, digest) VALUES (?1, ?2, ?3)";
        self.transaction.execute(insert, values![sequence + 1, entry, link(&head, &entry)])?;
        Ok(())
    }

    /// Recomputes the chain, and compares it with the credentials it tells of: a chain cut at the end
    /// lacks some.
    ///
    /// # Errors
    /// [`IssuerError::AuditLogTampered`].
    pub(crate) fn check_audit(&self) -> Result<AuditSummary, IssuerError> {
        let mut walk = ChainWalk::default();
        loop {
            match self.walk_audit(&mut walk, PART)? {
                None => {}
                Some(ChainState::Whole(summary)) => return Ok(summary),
                Some(_) => return Err(IssuerError::AuditLogTampered),
            }
        }
    }

    /// Goes on with a check of the chain for at most `most` entries. Nothing means that there are more.
    pub(crate) fn walk_audit(&self, walk: &mut ChainWalk, most: u64) -> Result<Option<ChainState>, IssuerError> {
        let query = "SELECT sequence, entry, digest FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2).ok()));
        let part: Vec<(i64, Vec<u8>, Option<[u8; 32]>)> =
            self.transaction.all(query, values![walk.after, most], row)?;
        for (sequence, bytes, digest) in &part {
            let next = walk.last.entries + 1;
            let broken = Ok(Some(ChainState::BrokenAt(next)));
            let Ok(entry) = cbor::from_slice::<Entry>(bytes, ENTRY_MAX) else { return broken };
            let head = link(&walk.last.head, bytes);
            if u64::try_from(*sequence) != Ok(next) || *digest != Some(head) {
                return broken;
            }
            walk.count(entry.event);
            walk.last = AuditSummary { entries: next, head };
            walk.after = *sequence;
        }
        if part.len() as u64 == most {
            return Ok(None);
        }
        let fits = walk.counts == self.counts()?;
        Ok(Some(if fits { ChainState::Whole(walk.last) } else { ChainState::CutOff(walk.last) }))
    }

    /// The entries before one, newest first.
    pub(crate) fn audit_entries(&self, before: i64, most: u64) -> Result<Vec<AuditEntry>, IssuerError> {
        let query = "SELECT sequence, entry, digest FROM audit WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2";
        let entry = |row: &Row<'_>| {
            let bytes: Vec<u8> = row.get(1)?;
            let told = cbor::from_slice::<Entry>(&bytes, ENTRY_MAX).ok().map(|entry| AuditTold {
                at: entry.at,
                event: entry.event,
                credential_type: entry.credential_type,
                person: entry.person,
                number: entry.number,
                clerk: entry.clerk,
                kind: entry.kind,
            });
            Ok(AuditEntry { sequence: row.get(0)?, digest: row.get(2).unwrap_or_default(), told })
        };
        self.transaction.all(query, values![before, most], entry)
    }
}

/// How far a check of the chain is.
pub(crate) struct ChainWalk {
    /// The sequence number of the entry that was looked at last.
    after: i64,
    last: AuditSummary,
    /// Credentials issued, withdrawn and suspended, as the entries tell.
    counts: [u64; 3],
}

impl Default for ChainWalk {
    /// Before whatever somebody may have put before the first entry.
    fn default() -> Self {
        Self { after: i64::MIN, last: AuditSummary::default(), counts: [0; 3] }
    }
}

impl ChainWalk {
    fn count(&mut self, event: AuditEvent) {
        let [issued, revoked, suspended] = &mut self.counts;
        match event {
            AuditEvent::Issued => *issued += 1,
            AuditEvent::Revoked => *revoked += 1,
            AuditEvent::Suspended => *suspended = suspended.wrapping_add(1),
            AuditEvent::Reinstated => *suspended = suspended.wrapping_sub(1),
            _ => {}
        }
    }
}

fn link(head: &[u8; 32], entry: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(LABEL).chain_update(head).chain_update(entry).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Backend, each};

    #[test]
    fn an_untouched_chain_is_good_and_every_change_is_noticed() {
        each(|backend| {
            let good = filled(backend);
            assert_eq!(good.store.read(|w| w.check_audit()).unwrap().entries, 4);
            for tampering in [
                "UPDATE audit SET entry = (SELECT entry FROM audit WHERE sequence = 1) WHERE sequence = 2",
                "UPDATE audit SET digest = (SELECT digest FROM audit WHERE sequence = 1) WHERE sequence = 4",
                "DELETE FROM audit WHERE sequence = 2",
                "UPDATE audit SET sequence = sequence + 10 WHERE sequence = 4",
                "UPDATE audit SET entry = substr(entry, 1, 1) WHERE sequence = 3",
                "INSERT INTO audit SELECT 5, entry, digest FROM audit WHERE sequence = 4",
                "INSERT INTO audit SELECT -5, entry, digest FROM audit WHERE sequence = 4",
            ] {
                let tampered = filled(backend);
                tampered.store.write(|w| w.transaction.execute(tampering, values![])).unwrap();
                let checked = tampered.store.read(|w| w.check_audit());
                assert_eq!(checked, Err(IssuerError::AuditLogTampered), "{tampering}");
            }
        });
    }

    fn filled(backend: Backend) -> crate::store::tests::Made {
        let made = backend.make();
        for number in 1..=4 {
            made.store.write(|w| w.audit(number, AuditEvent::Offered, "type", "person-0001", number)).unwrap();
        }
        made
    }
}
