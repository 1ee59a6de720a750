//! What is checked before a credential is stored (VCI-43): nothing is kept that a verifier would not accept from this phone.

use minicbor::{Decode, Encode};
use protocol::credential::mdoc::IssuerSigned;
use protocol::credential::sd_jwt::{self, Trust};
use protocol::credential::status::bitstring;
use protocol::credential::w3c::{self, Contexts};
use protocol::crypto::jose::from_base64url;
use protocol::crypto::multikey::Multikey;
use protocol::crypto::x509::Root;
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use serde_json::Value;

use super::ReceiveError;
use super::discover::OfferedCredential;
use super::receive::Format;

/// Whom the wallet believes.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// Roots of certificates.
    pub roots: &'a [Root],
    /// The ledger, which knows the issuers of W3C credentials; without it there are none.
    pub ledger: Option<&'a TrustedState>,
}

/// Who vouches for a credential's issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouching {
    /// The owner of a root of certificates.
    Root(Multikey),
    /// A DID of the ledger: the issuer itself.
    Did(Did),
}

/// A credential that was checked: by a trusted issuer, of the offered kind, for the wallet's key, and valid now.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Received {
    /// What was offered.
    #[n(0)]
    pub offered: OfferedCredential,
    /// The credential: the text of an SD-JWT, the bytes of `IssuerSigned`, the JSON of a W3C credential.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// The key it is bound to.
    #[cbor(n(2), with = "key")]
    pub holder: Multikey,
    /// Who vouches for its issuer.
    #[cbor(n(3), with = "vouching")]
    pub vouching: Vouching,
    /// Until when it is valid, Unix seconds; none when it does not run out.
    #[n(4)]
    pub valid_until: Option<u64>,
}

impl core::fmt::Debug for Received {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Received({} [redacted])", self.offered.configuration)
    }
}

/// Keys are kept as multicodec.
pub(super) mod key {
    use minicbor::decode::{self as reading, Decoder};
    use minicbor::encode::{self as writing, Encoder};
    use protocol::crypto::multikey::Multikey;

    pub(in crate::openid4vci) fn encode<C, W: writing::Write>(
        key: &Multikey,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), writing::Error<W::Error>> {
        e.bytes(&key.to_multicodec())?.ok()
    }

    pub(in crate::openid4vci) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Multikey, reading::Error> {
        Multikey::from_multicodec(d.bytes()?).map_err(|_| reading::Error::message("not a key"))
    }
}

/// Roots are kept as keys, DIDs as texts.
mod vouching {
    use minicbor::data::Type;
    use minicbor::decode::{self as reading, Decoder};
    use minicbor::encode::{self as writing, Encoder};

    use super::{Vouching, key};

    pub(super) fn encode<C, W: writing::Write>(
        it: &Vouching,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), writing::Error<W::Error>> {
        match it {
            Vouching::Root(root) => key::encode(root, e, context),
            Vouching::Did(did) => e.str(did.as_str())?.ok(),
        }
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, context: &mut C) -> Result<Vouching, reading::Error> {
        if d.datatype()? == Type::Bytes {
            return key::decode(d, context).map(Vouching::Root);
        }
        d.str()?.parse().map(Vouching::Did).map_err(|_| reading::Error::message("not a DID"))
    }
}

/// Checks what the issuer sent for `offered` (VCI-43).
pub(super) fn check(
    offered: OfferedCredential,
    sent: &Value,
    trusted: &Trusted<'_>,
    now: u64,
) -> Result<Received, ReceiveError> {
    let invalid = || ReceiveError::CredentialInvalid;
    let roots = trusted.roots;
    match offered.format {
        Format::SdJwt => {
            let text = sent.as_str().ok_or_else(invalid)?;
            let verified = sd_jwt::verify_issued(text, &offered.kind, &Trust { roots, now }).map_err(|_| invalid())?;
            let holder = verified.authentic().holder_key().map_err(|_| invalid())?;
            let valid_until = verified.claims().get("exp").and_then(Value::as_u64).map(|end| end.saturating_sub(1));
            let credential = text.as_bytes().to_vec();
            Ok(Received { offered, credential, holder, vouching: Vouching::Root(*verified.root()), valid_until })
        }
        Format::Mdoc => {
            let credential = sent.as_str().and_then(from_base64url).ok_or_else(invalid)?;
            let signed = IssuerSigned::from_slice(&credential).map_err(|_| invalid())?;
            let (object, leaf) = signed.verify(&offered.kind, roots, now).map_err(|_| invalid())?;
            let (holder, valid_until) = (object.device_key, Some(object.valid_until));
            Ok(Received { offered, credential, holder, vouching: Vouching::Root(leaf.root), valid_until })
        }
        Format::W3cEddsa | Format::W3cBbs => w3c(offered, sent, trusted.ledger, now).ok_or_else(invalid),
    }
}

/// What [`check`] asks of a W3C credential: its issuer's DID and accreditation are on the ledger, its types and suite are those
/// offered, and its status can be told from the ledger.
fn w3c(offered: OfferedCredential, sent: &Value, ledger: Option<&TrustedState>, now: u64) -> Option<Received> {
    let (ledger, meaning) = (ledger?, offered.meaning.as_ref()?);
    let credential = sent.to_string().into_bytes();
    let document = w3c::read_json(&credential).ok()?;
    let contexts = meaning.context.with(Contexts::standard());
    let verified = w3c::verify_issued(&document, &ledger.controllers(now), &contexts, now).ok()?;
    let suites = verified.proven_by().iter().all(|by| Some(by.suite) == offered.format.suite());
    let types = w3c::expanded_types(&document, &contexts).ok()?;
    let others = [w3c::CREDENTIAL_TYPE, &offered.kind];
    if !suites || !types.contains(&offered.kind) || types.iter().any(|it| !others.contains(&it.as_str())) {
        return None;
    }
    let issuer = ledger.accredited_issuer(verified.issuer(), &meaning.credential_type, now).ok()?;
    bitstring::reference(verified.members()).ok()?;
    let (holder, valid_until) = (verified.holder().ok()?, verified.valid_until()?);
    Some(Received { offered, credential, holder, vouching: Vouching::Did(issuer), valid_until: Some(valid_until) })
}
