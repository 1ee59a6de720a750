//! Enrolment: after proofing, a clerk makes an offer for one person.

use protocol::exchange::Offer;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::claims;
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::{Person, PersonId, PersonState};
use crate::store::{AuditEvent, NewOffer, Writer};

/// Longest life of an offer, in seconds.
pub const OFFER_LIFE_MAX: u64 = 7 * 86_400;

/// What a clerk decides when making an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferTerms {
    /// Ids of the types to fetch, once each.
    pub credential_types: Vec<String>,
    /// Whether the wallet must also send a six-digit code that the person is told separately.
    pub with_tx_code: bool,
    /// Whether an active credential of a type is withdrawn when the new one is issued: a new phone, a
    /// new address. Otherwise a second one is refused.
    pub replaces: bool,
    /// Whether a clerk looks, after the offer was taken up, before anything is issued. Only over OpenID4VCI.
    pub review: bool,
    /// Seconds the offer lives, at most seven days.
    pub life: u64,
}

/// An offer and the code to tell separately.
pub struct MadeOffer {
    /// For the citizen's wallet, as a QR code or link.
    pub offer: Offer,
    /// Six digits for the citizen's ear, never for the same channel.
    pub tx_code: Option<Zeroizing<String>>,
}

/// Whoever sees the codes can take the credential.
impl core::fmt::Debug for MadeOffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MadeOffer([redacted])")
    }
}

impl Issuer {
    /// Makes an offer for a person whose identity was proofed against the register's present entry. If the
    /// entry changes before the credential is fetched, nothing is issued.
    ///
    /// # Errors
    /// [`IssuerError::OfferMalformed`], [`IssuerError::CredentialTypeUnknown`],
    /// [`IssuerError::PersonDeceased`], [`IssuerError::AttributeMissing`], [`IssuerError::AttributeRefused`],
    /// [`IssuerError::AlreadyActive`], [`IssuerError::CredentialSuspended`], [`IssuerError::Register`], [`IssuerError::StorageUnavailable`].
    pub fn offer<R: CryptoRng + ?Sized>(
        &self,
        person: &PersonId,
        terms: &OfferTerms,
        now: u64,
        rng: &mut R,
    ) -> Result<MadeOffer, IssuerError> {
        let mut distinct = terms.credential_types.clone();
        distinct.sort();
        distinct.dedup();
        if distinct.is_empty()
            || distinct.len() != terms.credential_types.len()
            || !(1..=OFFER_LIFE_MAX).contains(&terms.life)
        {
            return Err(IssuerError::OfferMalformed);
        }
        let entry = self.proofed(person, &terms.credential_types)?;
        self.store.write(|store| self.offer_in(store, &entry, terms, now, rng))
    }

    /// The register's entry of a person for whom credentials of these types can be made.
    pub(crate) fn proofed(&self, person: &PersonId, types: &[String]) -> Result<Person, IssuerError> {
        let entry = self.register.person(person)?;
        if entry.state == PersonState::Deceased {
            return Err(IssuerError::PersonDeceased);
        }
        for id in types {
            claims::values(&self.entry(id)?.credential_type, &entry)?;
        }
        Ok(entry)
    }

    /// Refuses an offer of a credential that the person holds already, or that is suspended.
    pub(crate) fn may_be_offered(
        &self,
        store: &Writer<'_>,
        person: &PersonId,
        credential_type: &str,
        replaces: bool,
    ) -> Result<(), IssuerError> {
        match store.active_handle(person, credential_type)? {
            // ISSU-19
            Some(handle) if store.is_suspended(credential_type, handle)? => Err(IssuerError::CredentialSuspended),
            Some(_) if !replaces => Err(IssuerError::AlreadyActive),
            _ => Ok(()),
        }
    }

    /// Makes an offer inside a transaction, for a person who was [proofed](Self::proofed).
    pub(crate) fn offer_in<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        entry: &Person,
        terms: &OfferTerms,
        now: u64,
        rng: &mut R,
    ) -> Result<MadeOffer, IssuerError> {
        let person = &entry.id;
        let mut code = [0u8; 16];
        rng.fill_bytes(&mut code);
        let tx_code = terms.with_tx_code.then(|| six_digits(rng));
        let expires_at = now.saturating_add(terms.life);
        for id in &terms.credential_types {
            self.may_be_offered(store, person, id, terms.replaces)?;
            store.audit(now, AuditEvent::Offered, id, person.as_str(), 0)?;
        }
        store.add_offer(&NewOffer {
            code: &code,
            person,
            revision: entry.revision,
            tx_code: tx_code.as_ref().map(|tx_code| tx_code.as_str()),
            credential_types: &terms.credential_types,
            replaces: terms.replaces,
            review: terms.review,
            expires_at,
        })?;
        let offer = Offer {
            issuer: self.did().clone(),
            url: self.description.url.clone(),
            code,
            credential_types: terms.credential_types.clone(),
            tx_code: terms.with_tx_code,
            expires_at,
        };
        Ok(MadeOffer { offer, tx_code })
    }
}

/// Six digits, each combination as likely as any other.
fn six_digits<R: CryptoRng + ?Sized>(rng: &mut R) -> Zeroizing<String> {
    const CODES: u32 = 1_000_000;
    loop {
        let number = rng.next_u32();
        // Numbers above the last full million would make small codes likelier.
        if number < u32::MAX / CODES * CODES {
            return Zeroizing::new(format!("{:06}", number % CODES));
        }
    }
}
