//! What an issuer signs: typed claims, validity, status.
//!
//! A credential type is data: a file that names the attributes, their Korean and English display and
//! how each becomes a number that can be proven about (`specs/credential-types.md`).

pub mod age;
mod calendar;
mod credential_type;
mod layout;
pub mod mdoc;
mod members;
pub mod sd_jwt;
mod signed;
pub mod status;
mod text;
pub mod twins;
mod value;
pub mod w3c;

pub use calendar::{Day, DayError};
pub use credential_type::{
    Attribute, CredentialType, Encoding, HolderBinding, Label, Profile, StatusMethod, TypeError,
};
pub use layout::Layout;
pub use signed::{Credential, CredentialError, HolderSecrets};
pub(crate) use signed::{device_key_number, value_number};
pub use status::{Status, StatusList, StatusListError};
pub use text::resident_number_in;
pub use value::{Value, ValueError};
