//! What the state knows about people, as far as an issuer may ask.
//!
//! The register itself belongs to someone else; [`Register`] is the door to it and [`FileRegister`] a
//! register in a file, for development and demonstration. The resident registration number stays behind
//! the door: its type is private to this module, and no [`Person`] carries it.

mod file;
mod resident_number;

use core::fmt;
use std::collections::BTreeMap;

use protocol::credential::Day;
use protocol::crypto::multikey::Multikey;

pub use file::FileRegister;

/// Why the register gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// There is no such entry.
    #[error("the register has no such entry; check the id, or the name and date of birth")]
    PersonUnknown,
    /// Several entries have this name and date of birth.
    #[error("several people have this name and date of birth; use the register's id")]
    SeveralPeople,
    /// The register cannot be reached or read.
    #[error("the register cannot be read; check its file or connection and try again")]
    RegisterUnavailable,
    /// The register contradicts itself: an id or number occurs twice, or a date is no date.
    #[error("the register contradicts itself; have its keeper correct it")]
    RegisterInconsistent,
    /// An attribute contains the person's resident registration number.
    #[error("an attribute contains a resident registration number; have the register's keeper remove it")]
    ResidentNumberExposed,
}

/// The register's own name for a person; means nothing outside of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonId(String);

impl PersonId {
    /// Wraps an id as the register writes it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as the register writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether someone can hold credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonState {
    /// Alive.
    Living,
    /// Dead; nothing may be issued any more.
    Deceased,
}

/// A chip card that a person was given.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolledCard {
    /// Its number.
    pub number: String,
    /// The public half of its key, of P-256.
    pub key: Multikey,
}

/// One entry of the register, without the resident number.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The register's name for the person.
    pub id: PersonId,
    /// Grows with every change of the entry.
    pub revision: u32,
    /// Whether the person can hold credentials.
    pub state: PersonState,
    /// Date of birth.
    pub birth_date: Day,
    attributes: BTreeMap<String, String>,
    portrait: Vec<u8>,
    card: Option<EnrolledCard>,
}

impl Person {
    /// An attribute by the name credential types use, written as registers write it
    /// (text, `YYYY-MM-DD`, a code, or codes separated by commas).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The portrait, a PNG image.
    #[must_use]
    pub fn portrait(&self) -> &[u8] {
        &self.portrait
    }
}

/// Personal data: logs never show it.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person([redacted])")
    }
}

/// What an issuer may ask the state's register.
pub trait Register: Send + Sync {
    /// The entry of `id`, as of now.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`], [`RegisterError::RegisterUnavailable`].
    fn person(&self, id: &PersonId) -> Result<Person, RegisterError>;

    /// Everyone with this name (Korean or English) and date of birth.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`] when there is nobody, [`RegisterError::RegisterUnavailable`].
    fn find(&self, name: &str, birth_date: Day) -> Result<Vec<PersonId>, RegisterError>;

    /// Whose entry has each of these attributes with this value. Nobody's where none is named.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`] when it is nobody's, [`RegisterError::SeveralPeople`] when it is more than one
    /// person's, [`RegisterError::RegisterUnavailable`].
    fn holder_of(&self, attributes: &BTreeMap<String, String>) -> Result<PersonId, RegisterError>;

    /// Whose chip card has this number, and the key that it signs with.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`] when it is nobody's, [`RegisterError::RegisterUnavailable`].
    fn holder_of_card(&self, number: &str) -> Result<(PersonId, Multikey), RegisterError>;

    /// Whether people of this register have chip cards at all.
    ///
    /// # Errors
    /// [`RegisterError::RegisterUnavailable`].
    fn has_cards(&self) -> Result<bool, RegisterError>;
}
