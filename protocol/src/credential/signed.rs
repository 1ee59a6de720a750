//! A signed credential: typed numbers in a fixed order under one BBS signature (`specs/zk-credential.md`).

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::calendar::Day;
use super::credential_type::{CredentialType, HolderBinding};
use super::layout::Layout;
use super::value::{Value, ValueError};
use crate::crypto::bbs;
use crate::crypto::curve::{Expander, Scalar};
use crate::crypto::domains;
use crate::crypto::keys::PublicKey;

/// Why a credential is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// It does not have the attributes of its type.
    #[error("the credential does not have the attributes of its type; ask the issuer for a new one")]
    AttributesMismatch,
    /// A value is not one its type allows.
    #[error("the credential has a value that its type does not allow: {0}")]
    ValueRefused(#[from] ValueError),
    /// The type wants a device key and there is none, or the other way round.
    #[error("the credential is not bound to the holder as its type says; ask the issuer for a new one")]
    HolderBindingMismatch,
    /// The issuer's signature does not match claims and secrets.
    #[error("the issuer's signature does not match; do not accept this credential")]
    SignatureInvalid,
}

/// What a wallet holds: the claims and the issuer's signature over them and the holder's secrets.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Credential {
    /// The issuer key on the ledger.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub issuer_key: [u8; 8],
    /// The type's id.
    #[n(1)]
    pub credential_type: String,
    /// One value for each attribute of the type.
    #[n(2)]
    pub values: Vec<Value>,
    /// Last day of validity.
    #[n(3)]
    pub expiry: Day,
    /// What withdrawal refers to: list number and entry, or a random number.
    #[n(4)]
    pub handle: u64,
    /// The phone's key, in types that are bound to one.
    #[n(5)]
    pub device_key: Option<PublicKey>,
    /// BBS signature, 80 bytes.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub signature: [u8; 80],
}

/// The two numbers that only the holder knows.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HolderSecrets {
    /// The same in all of a person's anonymous credentials.
    pub link_secret: Scalar,
    /// Fresh for each credential.
    pub blinder: Scalar,
}

impl core::fmt::Debug for HolderSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HolderSecrets([redacted])")
    }
}

impl Credential {
    /// The BBS header: binds a credential to network, issuer key and type definition, and is the same
    /// for all holders (CRED-02).
    #[must_use]
    pub fn header(network: &[u8; 32], issuer_key: &[u8; 8], credential_type: &CredentialType) -> Vec<u8> {
        let mut header = domains::CREDENTIAL_HEADER.to_vec();
        header.extend_from_slice(network);
        header.extend_from_slice(issuer_key);
        header.extend_from_slice(&Sha256::digest(credential_type.definition()));
        header
    }

    /// How it is bound to its holder: by its device key, if it has one.
    #[must_use]
    pub fn binding(&self) -> HolderBinding {
        if self.device_key.is_some() { HolderBinding::DeviceKey } else { HolderBinding::LinkSecret }
    }

    /// The one-time copy of this credential with that device key and signature.
    #[must_use]
    pub fn copy(&self, device_key: PublicKey, signature: [u8; 80]) -> Self {
        Self { device_key: Some(device_key), signature, ..self.clone() }
    }

    /// The numbers the issuer signs in the clear, with their positions.
    ///
    /// # Errors
    /// [`CredentialError`] when a value, their count or the device key does not fit the type.
    pub fn clear_messages(
        &self,
        credential_type: &CredentialType,
    ) -> Result<Zeroizing<Vec<(usize, Scalar)>>, CredentialError> {
        if self.credential_type != credential_type.id || self.values.len() != credential_type.attributes.len() {
            return Err(CredentialError::AttributesMismatch);
        }
        if !credential_type.binds(self.binding()) {
            return Err(CredentialError::HolderBindingMismatch);
        }
        // Room for all, so that no half-filled list is left behind.
        let mut messages = Zeroizing::new(Vec::with_capacity(credential_type.message_count()));
        messages.extend([
            (Layout::HANDLE, Scalar::from_u64(self.handle)),
            (Layout::EXPIRY, Scalar::from_u64(u64::from(self.expiry.number()))),
            (Layout::DEVICE_KEY, device_key_number(self.device_key.as_ref())),
        ]);
        for (position, value) in self.values.iter().enumerate() {
            credential_type.check_value(position, value)?;
            messages.push((Layout::ATTRIBUTES + position, value_number(position, value)));
        }
        Ok(messages)
    }

    /// All numbers, in order. They are erased when the list is dropped, and so are those of [`Self::clear_messages`].
    ///
    /// # Errors
    /// As [`Credential::clear_messages`].
    pub fn messages(
        &self,
        credential_type: &CredentialType,
        secrets: &HolderSecrets,
    ) -> Result<Zeroizing<Vec<Scalar>>, CredentialError> {
        let mut messages = Zeroizing::new(Vec::with_capacity(credential_type.message_count()));
        messages.extend([secrets.link_secret, secrets.blinder]);
        messages.extend(self.clear_messages(credential_type)?.iter().map(|(_, number)| *number));
        Ok(messages)
    }

    /// Checks form and issuer's signature; the wallet does so before it stores anything (CRED-03).
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn check(
        &self,
        network: &[u8; 32],
        credential_type: &CredentialType,
        key: &bbs::PublicKey,
        secrets: &HolderSecrets,
    ) -> Result<(), CredentialError> {
        let messages = self.messages(credential_type, secrets)?;
        let header = Self::header(network, &self.issuer_key, credential_type);
        let signature = bbs::Signature::from_bytes(&self.signature).map_err(|_| CredentialError::SignatureInvalid)?;
        bbs::verify(key, &signature, &header, &messages).map_err(|_| CredentialError::SignatureInvalid)
    }
}

/// The number that stands for a device key; zero for none.
pub(crate) fn device_key_number(key: Option<&PublicKey>) -> Scalar {
    key.map_or_else(
        || Scalar::from_u64(0),
        |key| Expander::XmdSha256.hash_to_scalar(&crate::cbor::to_vec(key), domains::CREDENTIAL_DEVICE_KEY),
    )
}

/// The number that stands for an attribute's value (CTYP-05): numbers are themselves, text and bytes are
/// hashed together with their position.
pub(crate) fn value_number(position: usize, value: &Value) -> Scalar {
    match value {
        Value::Number(number) => Scalar::from_u64(*number),
        Value::Text(_) | Value::Bytes(_) => {
            let mut input = vec![position as u8];
            input.extend(crate::cbor::to_vec(value));
            Expander::XmdSha256.hash_to_scalar(&input, domains::CREDENTIAL_ATTRIBUTE)
        }
    }
}
