//! The type's status lists in the forms of other standards: what foreign verifiers fetch. The bits are those whose digest
//! is on the ledger.

use protocol::credential::status::ListAddress;
use protocol::credential::status::bitstring::{Bitstring, StatusPurpose};
use protocol::credential::status::token::{StatusToken, TokenList};
use protocol::credential::w3c::{CREDENTIALS_V2, date_time_text};
use rand_core::CryptoRng;
use serde_json::json;

use super::TwinError;
use crate::error::IssuerError;
use crate::issuer::Issuer;

/// How long a list may be kept, in seconds.
const TTL: u64 = 3_600;
/// A list is no longer to be used after this, in seconds.
const LIFE: u64 = 86_400;

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusForm {
    /// Token Status List as a JWT.
    Jwt,
    /// Token Status List as a CWT.
    Cwt,
    /// Bitstring Status List, a W3C credential.
    Bitstring(StatusPurpose),
}

impl Issuer {
    /// A status list of a type with twins as it stands now, signed.
    ///
    /// # Errors
    /// [`IssuerError::TwinUnavailable`] when there is no such list, [`IssuerError::Twin`], and those of keys and storage.
    pub fn signed_status_list<R: CryptoRng + ?Sized>(
        &self,
        credential_type: &str,
        number: u32,
        form: StatusForm,
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuerError> {
        self.twins(credential_type).ok_or(IssuerError::TwinUnavailable)?;
        if !self.store.read(|store| store.has_list(credential_type, number))? {
            return Err(IssuerError::TwinUnavailable);
        }
        let list = self.status_list(credential_type, number)?;
        let address = ListAddress { credential_type: credential_type.to_owned(), number }.write(&self.description.url);
        let token = |list| StatusToken {
            uri: address.clone(),
            issued: now,
            expires: Some(now.saturating_add(LIFE)),
            ttl: Some(TTL),
            list,
        };
        match form {
            StatusForm::Jwt => {
                let certificates = [self.certificates(now, rng)?.signer];
                let signed = token(TokenList::from(&list)).sign_jwt(&certificates, self.keys.document_signer()?);
                Ok(signed.map_err(TwinError::from)?.into_bytes())
            }
            StatusForm::Cwt => {
                let certificates = [self.certificates(now, rng)?.signer];
                let signed = token(TokenList::from(&list)).sign_cwt(&certificates, self.keys.document_signer()?);
                Ok(signed.map_err(TwinError::from)?)
            }
            StatusForm::Bitstring(purpose) => {
                let address = purpose.address(&address);
                let credential = json!({
                    "@context": [CREDENTIALS_V2],
                    "id": address,
                    "type": ["VerifiableCredential", "BitstringStatusListCredential"],
                    "issuer": self.did().to_string(),
                    "validFrom": date_time_text(now),
                    "validUntil": date_time_text(now.saturating_add(LIFE)),
                    "credentialSubject": {
                        "id": format!("{address}#list"),
                        "type": "BitstringStatusList",
                        "statusPurpose": purpose.as_str(),
                        "encodedList": Bitstring::of(&list, purpose).encode(),
                    },
                });
                Ok(self.prove_own(&credential, rng)?.to_string().into_bytes())
            }
        }
    }
}
