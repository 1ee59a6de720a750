//! Who did what when, in a chain in which no entry can be changed, removed or inserted unnoticed.
//!
//! `digest(n) = SHA-256(label ‖ digest(n − 1) ‖ entry(n))`. Entries name register ids and handles, never claims.

use minicbor::{Decode, Encode};
use protocol::cbor;
use sha2::{Digest, Sha256};

use super::{Row, Writer, values};
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
    /// Handle of a credential or number of an epoch.
    #[n(4)]
    number: u64,
}

/// What a check of the chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let entry =
            cbor::to_vec(&Entry { at, event, credential_type: credential_type.into(), person: person.into(), number });
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
        let query = "SELECT sequence, entry, digest FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let mut summary = AuditSummary { entries: 0, head: [0; 32] };
        let (mut issued, mut revoked, mut suspended) = (0, 0, 0_u64);
        let mut last = i64::MIN;
        loop {
            let part: Vec<(i64, Vec<u8>, [u8; 32])> = self.transaction.all(query, values![last, PART], row)?;
            for (sequence, bytes, digest) in &part {
                let entry: Entry = cbor::from_slice(bytes, ENTRY_MAX).map_err(|_| IssuerError::AuditLogTampered)?;
                let next = summary.entries + 1;
                if u64::try_from(*sequence) != Ok(next) || link(&summary.head, bytes) != *digest {
                    return Err(IssuerError::AuditLogTampered);
                }
                issued += u64::from(entry.event == AuditEvent::Issued);
                revoked += u64::from(entry.event == AuditEvent::Revoked);
                suspended = suspended.wrapping_add(u64::from(entry.event == AuditEvent::Suspended));
                suspended = suspended.wrapping_sub(u64::from(entry.event == AuditEvent::Reinstated));
                summary = AuditSummary { entries: next, head: *digest };
            }
            match part.last() {
                Some((newest, ..)) => last = *newest,
                None => break,
            }
        }
        if [issued, revoked, suspended] != self.counts()? {
            return Err(IssuerError::AuditLogTampered);
        }
        Ok(summary)
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
