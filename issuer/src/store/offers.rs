//! Offers: one enrolment each, known only by the digest of its secret code.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Writer, values};
use crate::error::IssuerError;
use crate::register::PersonId;

/// Wrong transaction codes after which an offer is dead.
const ATTEMPTS: u32 = 5;

/// What an offer is made of.
pub(crate) struct NewOffer<'a> {
    /// The secret in the offer.
    pub(crate) code: &'a [u8; 16],
    /// For whom.
    pub(crate) person: &'a PersonId,
    /// State of the register entry that was proofed.
    pub(crate) revision: u32,
    /// The code told separately.
    pub(crate) tx_code: Option<&'a str>,
    /// Which types may be fetched, once each.
    pub(crate) credential_types: &'a [String],
    /// Whether an active credential of the type is withdrawn in favour of the new one.
    pub(crate) replaces: bool,
    /// Whether a clerk looks before anything is issued.
    pub(crate) review: bool,
    /// Unix seconds.
    pub(crate) expires_at: u64,
}

/// An offer as far as it is good.
pub(crate) struct OpenOffer {
    /// For whom.
    pub(crate) person: PersonId,
    /// State of the register entry that was proofed.
    pub(crate) revision: u32,
    /// Whether an active credential of the type is withdrawn in favour of the new one.
    pub(crate) replaces: bool,
    /// Whether a clerk looks before anything is issued.
    pub(crate) review: bool,
}

/// What the store says of the codes in a request.
pub(crate) enum CodeCheck {
    /// Code and transaction code are right.
    Good(OpenOffer),
    /// Unknown, expired, blocked, or the transaction code is wrong.
    Refused,
    /// A transaction code is there that was not asked for, or the other way round.
    Mismatch,
}

fn code_digest(code: &[u8; 16]) -> [u8; 32] {
    // The code has 128 random bits, so its digest can be stored without salt.
    Sha256::digest(code).into()
}

fn tx_code_digest(code: &[u8; 16], tx_code: &str) -> [u8; 32] {
    // Six digits are quickly guessed from a digest; the code, which the store does not know, prevents it.
    Sha256::new().chain_update(code).chain_update(tx_code).finalize().into()
}

impl Writer<'_> {
    pub(crate) fn add_offer(&self, offer: &NewOffer<'_>) -> Result<(), IssuerError> {
        let digest = code_digest(offer.code);
        self.transaction.execute(
            "INSERT INTO offer (code_digest, person, revision, tx_code_digest, attempts_left, replaces, expires_at, review)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            values![
                digest,
                offer.person.as_str(),
                offer.revision,
                offer.tx_code.map(|tx_code| tx_code_digest(offer.code, tx_code)),
                ATTEMPTS,
                offer.replaces,
                offer.expires_at,
                offer.review
            ],
        )?;
        for credential_type in offer.credential_types {
            self.transaction.execute(
                "INSERT INTO offer_type (code_digest, credential_type) VALUES (?1, ?2)",
                values![digest, credential_type],
            )?;
        }
        Ok(())
    }

    /// For whom an unexpired offer was made, without judging it further.
    pub(crate) fn offered_to(&self, code: &[u8; 16], now: u64) -> Result<Option<PersonId>, IssuerError> {
        let query = "SELECT person FROM offer WHERE code_digest = ?1 AND expires_at > ?2 AND redeemed = 0";
        let person: Option<String> = self.transaction.one(query, values![code_digest(code), now], |row| row.get(0))?;
        Ok(person.map(PersonId::new))
    }

    /// Checks the codes of a request. A wrong transaction code costs an attempt.
    pub(crate) fn check_code(
        &self,
        code: &[u8; 16],
        tx_code: Option<&str>,
        now: u64,
    ) -> Result<CodeCheck, IssuerError> {
        let digest = code_digest(code);
        let query = "SELECT person, revision, replaces, tx_code_digest, review FROM offer
             WHERE code_digest = ?1 AND expires_at > ?2 AND attempts_left > 0 AND redeemed = 0";
        let row = self.transaction.one(query, values![digest, now], |row| {
            let person: String = row.get(0)?;
            let offer = OpenOffer {
                person: PersonId::new(person),
                revision: row.get(1)?,
                replaces: row.get(2)?,
                review: row.get(4)?,
            };
            Ok((offer, row.get::<Option<[u8; 32]>>(3)?))
        })?;
        match (row, tx_code) {
            (None, _) => Ok(CodeCheck::Refused),
            (Some((offer, None)), None) => Ok(CodeCheck::Good(offer)),
            (Some((offer, Some(expected))), Some(given)) => {
                if bool::from(expected.ct_eq(&tx_code_digest(code, given))) {
                    return Ok(CodeCheck::Good(offer));
                }
                self.transaction.execute(
                    "UPDATE offer SET attempts_left = attempts_left - 1 WHERE code_digest = ?1",
                    values![digest],
                )?;
                Ok(CodeCheck::Refused)
            }
            _ => Ok(CodeCheck::Mismatch),
        }
    }

    /// Whether the offer covers the type, and whether it was already used for it.
    pub(crate) fn offered_type(&self, code: &[u8; 16], credential_type: &str) -> Result<Option<bool>, IssuerError> {
        let query = "SELECT used FROM offer_type WHERE code_digest = ?1 AND credential_type = ?2";
        self.transaction.one(query, values![code_digest(code), credential_type], |row| row.get(0))
    }

    /// Marks the offer as used for the type.
    pub(crate) fn use_offer(&self, code: &[u8; 16], credential_type: &str) -> Result<(), IssuerError> {
        let update = "UPDATE offer_type SET used = 1 WHERE code_digest = ?1 AND credential_type = ?2 AND used = 0";
        match self.transaction.execute(update, values![code_digest(code), credential_type])? {
            1 => Ok(()),
            _ => Err(IssuerError::StorageUnavailable),
        }
    }

    /// Gives an offer to a holder of an access token, so that nobody else can use it. Returns the types that were not
    /// fetched before.
    pub(crate) fn redeem_offer(&self, code: &[u8; 16]) -> Result<Vec<String>, IssuerError> {
        let digest = code_digest(code);
        self.transaction.execute("UPDATE offer SET redeemed = 1 WHERE code_digest = ?1", values![digest])?;
        let query = "SELECT credential_type FROM offer_type WHERE code_digest = ?1 AND used = 0";
        self.transaction.all(query, values![digest], |row| row.get(0))
    }

    /// The types of an offer that nobody has taken up yet, and whether it has a transaction code.
    pub(crate) fn open_offer(&self, code: &[u8; 16], now: u64) -> Result<Option<(Vec<String>, bool)>, IssuerError> {
        let digest = code_digest(code);
        let query = "SELECT tx_code_digest IS NOT NULL FROM offer
             WHERE code_digest = ?1 AND expires_at > ?2 AND attempts_left > 0 AND redeemed = 0";
        let Some(with_code) = self.transaction.one(query, values![digest, now], |row| row.get(0))? else {
            return Ok(None);
        };
        let query = "SELECT credential_type FROM offer_type WHERE code_digest = ?1 AND used = 0";
        let types = self.transaction.all(query, values![digest], |row| row.get(0))?;
        Ok(Some((types, with_code)))
    }

    /// Forgets offers that have run out.
    pub(crate) fn forget_offers(&self, now: u64) -> Result<usize, IssuerError> {
        self.transaction.execute("DELETE FROM offer WHERE expires_at <= ?1", values![now])
    }
}
