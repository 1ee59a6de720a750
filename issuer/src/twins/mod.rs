//! Twins: one enrolment in the formats of other standards, one file each (`specs/credential-types.md`, TWIN).
//!
//! What they say is what the ZK credential signs, under the names that the type's file of twins gives. Each twin has an
//! entry of its own in the type's status lists, so that two of them cannot be put together by it; withdrawing the
//! enrolment withdraws all. Some entries that stand for nothing are withdrawn with them, so that the number of changed
//! entries does not say how many twins there were.

mod certificates;
mod enrolment;
mod mdoc;
mod sd_jwt;
mod status;
pub(crate) mod w3c;

use protocol::credential::Day;
use protocol::credential::mdoc::MdocError;
use protocol::credential::sd_jwt::SdJwtError;
use protocol::credential::status::ListAddress;
use protocol::credential::status::token::{Reference, TokenStatusError};
use protocol::credential::twins::{Facts, Twins};
use protocol::credential::w3c::W3cError;
use protocol::crypto::multikey::Multikey;
use protocol::crypto::x509::IssueError;
use rand_core::CryptoRng;

pub(crate) use certificates::Certificates;
pub use enrolment::Enrolment;
pub use status::StatusForm;

use crate::claims;
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::PersonState;

/// How slow a wallet's clock may be, in seconds.
const CLOCK_SLACK: u64 = 300;

/// Formats of twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TwinFormat {
    /// Mobile document (ISO/IEC 18013-5): `IssuerSigned` in CBOR.
    Mdoc = 1,
    /// SD-JWT VC: the compact form with all disclosures.
    SdJwt = 2,
    /// W3C credential with an `eddsa-rdfc-2022` proof: JSON.
    W3cEddsa = 3,
    /// W3C credential with a `bbs-2023` base proof: JSON.
    W3cBbs = 4,
}

impl TwinFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Mdoc, Self::SdJwt, Self::W3cEddsa, Self::W3cBbs];

    /// Whether a type's file of twins has it.
    #[must_use]
    pub fn is_of(self, twins: &Twins) -> bool {
        match self {
            Self::Mdoc => twins.mdoc.is_some(),
            Self::SdJwt => twins.sd_jwt.is_some(),
            Self::W3cEddsa | Self::W3cBbs => twins.w3c.is_some(),
        }
    }
}

/// Why a twin could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// The mobile document.
    #[error(transparent)]
    Mdoc(#[from] MdocError),
    /// The SD-JWT.
    #[error(transparent)]
    SdJwt(#[from] SdJwtError),
    /// The W3C credential or its status list.
    #[error(transparent)]
    W3c(#[from] W3cError),
    /// The status token.
    #[error(transparent)]
    Status(#[from] TokenStatusError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] IssueError),
}

/// What every format writes.
struct Twin<'a> {
    issuer: &'a Issuer,
    facts: Facts<'a>,
    holder: Multikey,
    status: Reference,
    from: u64,
    until: u64,
}

impl Issuer {
    /// The twins of a credential type, if it has any.
    #[must_use]
    pub fn twins(&self, credential_type: &str) -> Option<&Twins> {
        self.description.twins.iter().find(|twins| twins.credential_type == credential_type)
    }

    /// One more twin of an enrolment, bound to the holder's key, with an entry in a status list that no other
    /// credential ever had (TWIN-04). A wallet that wants several one-time copies asks several times, with a key each.
    ///
    /// # Errors
    /// [`IssuerError::TwinUnavailable`] when the type has no such format, [`IssuerError::CredentialUnknown`],
    /// [`IssuerError::EnrolmentOver`] when the enrolment was withdrawn or has run out (TWIN-05),
    /// [`IssuerError::CredentialSuspended`] while it is,
    /// [`IssuerError::EntryChanged`] when the register says something else than at enrolment,
    /// [`IssuerError::TooManyTwins`], [`IssuerError::Twin`], and those of register, keys and storage.
    pub fn twin<R: CryptoRng + ?Sized>(
        &self,
        enrolment: &Enrolment,
        format: TwinFormat,
        holder: &Multikey,
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuerError> {
        let id = &enrolment.credential_type;
        let entry = self.entry(id)?;
        let twins = self.twins(id).filter(|twins| format.is_of(twins)).ok_or(IssuerError::TwinUnavailable)?;
        let issued = self.store.read(|store| store.by_handle(id, enrolment.handle))?;
        let issued = issued.ok_or(IssuerError::CredentialUnknown)?;
        let person = self.register.person(&issued.person)?;
        if person.state == PersonState::Deceased {
            return Err(IssuerError::PersonDeceased);
        }
        let values = claims::values(&entry.credential_type, &person)?;
        // TWIN-06
        let last = issued.expiry.min(Day::in_korea(now).plus(twins.validity_days));
        let until = last.plus(1).begins_in_korea().saturating_sub(1);
        if until <= now {
            return Err(IssuerError::EnrolmentOver); // TWIN-05
        }
        // On disk before anybody can show it: an entry that is taken is never given again.
        let entry_number = self.store.write(|store| {
            store.check_enrolment(enrolment, person.revision)?;
            store.take_twin_entry(enrolment, format, now, until, rng)
        })?;
        let list = ListAddress { credential_type: id.clone(), number: (entry_number >> 32) as u32 };
        let twin = Twin {
            issuer: self,
            facts: Facts {
                credential_type: &entry.credential_type,
                values: &values,
                picture: person.portrait(),
                expiry: issued.expiry,
                today: Day::in_korea(now),
            },
            holder: *holder,
            status: Reference { uri: list.write(&self.description.url), index: entry_number & 0xffff_ffff },
            from: day_begun(now).max(self.certificates(now, rng)?.from).min(now),
            until,
        };
        match format {
            TwinFormat::Mdoc => twin.mdoc(twins, now, rng),
            TwinFormat::SdJwt => twin.sd_jwt(twins, now, rng),
            TwinFormat::W3cEddsa | TwinFormat::W3cBbs => twin.w3c(twins, format, rng),
        }
    }
}

/// When what is signed now begins to be valid: with a day, so that times do not tell whose copies belong together, and with
/// one that has begun on clocks that are a little slow (TWIN-06).
fn day_begun(now: u64) -> u64 {
    Day::in_korea(now.saturating_sub(CLOCK_SLACK)).begins_in_korea()
}

impl From<IssueError> for IssuerError {
    fn from(error: IssueError) -> Self {
        Self::Twin(error.into())
    }
}
