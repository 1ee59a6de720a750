//! From the register's entry to the values a credential type wants.

use protocol::credential::{Attribute, CredentialType, Encoding, Value};
use sha2::{Digest, Sha256};

use crate::error::IssuerError;
use crate::register::Person;

/// The attribute whose value is the digest of the register's picture.
pub(crate) const PORTRAIT: &str = "portrait";

/// One value for each attribute of the type, in order.
///
/// # Errors
/// [`IssuerError::AttributeMissing`] when the register has no value, [`IssuerError::AttributeRefused`]
/// when it has one that the type does not allow.
pub(crate) fn values(credential_type: &CredentialType, person: &Person) -> Result<Vec<Value>, IssuerError> {
    let value = |(position, attribute): (usize, &Attribute)| {
        let text = match (&attribute.encoding, person.attribute(&attribute.name)) {
            (Encoding::Digest, _) if attribute.name == PORTRAIT => hex::encode(Sha256::digest(person.portrait())),
            (_, Some(text)) => text.to_owned(),
            // Who has nothing of a set has the empty set.
            (Encoding::Set(_), None) => String::new(),
            (_, None) => return Err(IssuerError::AttributeMissing),
        };
        Ok(credential_type.read_value(position, &text)?)
    };
    credential_type.attributes.iter().enumerate().map(value).collect()
}
