//! From a link to what the owner is asked about.

use minicbor::{Decode, Encode};
use protocol::credential::w3c::{Suite, expanded_types};
use protocol::crypto::jose::Jws;
use protocol::crypto::x509::{Purpose, Root, verify_chain};
use protocol::exchange::openid4vci::attestation::CLIENT_METHOD;
use protocol::exchange::openid4vci::{
    Authorization, CredentialConfiguration, Grants, IssuerMetadata, LDP_VC, MDOC, MESSAGE_MAX, METADATA_KIND, Offer,
    OfferUri, PreAuthorized, SD_JWT, ServerMetadata, read, well_known,
};
use protocol::exchange::openid4vp::{TypeContext, Vocabulary};
use rand_core::CryptoRng;
use serde_json::{Value, json};

use super::encryption::{self, Chosen};
use super::log_in::LogIn;
use super::receive::{Format, Receiving};
use super::{Answer, ReceiveError, Request};

/// The one algorithm of the wallet's keys.
const ALGORITHM: &str = "ES256";

/// What a link holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invitation {
    /// The offer.
    Offer(Box<Offered>),
    /// Where it is: the answer is for [`Offered::read`].
    Fetch(Request),
}

impl Invitation {
    /// Reads a link, whatever its scheme.
    ///
    /// # Errors
    /// [`ReceiveError::Offer`], [`ReceiveError::GrantUnsupported`]
    pub fn read(link: &str) -> Result<Self, ReceiveError> {
        Ok(match OfferUri::read(link)? {
            OfferUri::Offer(offer) => Self::Offer(Box::new(Offered::new(offer)?)),
            OfferUri::Address(address) => Self::Fetch(Request::get(address, "application/json")),
        })
    }
}

/// An offer whose issuer is not known yet, or what the owner wants of an issuer without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    offer: Offer,
    /// The code in the offer, if there is one.
    grant: Option<PreAuthorized>,
    /// What ties a log-in to the offer, if there is one.
    log_in: Option<Authorization>,
}

impl Offered {
    fn new(offer: Offer) -> Result<Self, ReceiveError> {
        let grant = offer.pre_authorized().cloned();
        let log_in = offer.grants.as_ref().and_then(|grants| grants.authorization_code.clone());
        if grant.is_none() && log_in.is_none() {
            return Err(ReceiveError::GrantUnsupported);
        }
        Ok(Self { offer, grant, log_in })
    }

    /// Asks for credentials without an offer, by the names of the issuer's configurations: the owner logs in there.
    ///
    /// # Errors
    /// [`ReceiveError::Offer`] for an address that no offer could have.
    pub fn without_offer(issuer: &str, configurations: Vec<String>) -> Result<Self, ReceiveError> {
        let authorization = Authorization { issuer_state: None, authorization_server: None };
        let offer = Offer {
            credential_issuer: issuer.to_owned(),
            credential_configuration_ids: configurations,
            grants: Some(Grants { authorization_code: Some(authorization), pre_authorized: None }),
        };
        // The rules for offers of others are those for one's own words (VCI-01).
        let bytes = serde_json::to_vec(&offer).unwrap_or_default();
        Self::new(Offer::read(&bytes)?)
    }

    /// Asks for these once more, of whom they were received from.
    pub(super) fn again(receiving: &Receiving, ids: Vec<String>) -> Self {
        let offer =
            Offer { credential_issuer: receiving.issuer().to_owned(), credential_configuration_ids: ids, grants: None };
        Self { offer, grant: None, log_in: None }
    }

    /// Reads an offer that was fetched.
    ///
    /// # Errors
    /// [`ReceiveError::AnswerMalformed`], and as [`Invitation::read`].
    pub fn read(answer: &Answer) -> Result<Self, ReceiveError> {
        if answer.status != 200 {
            return Err(ReceiveError::AnswerMalformed);
        }
        Self::new(Offer::read(&answer.body)?)
    }

    /// Asks the issuer who it is.
    #[must_use]
    pub fn ask_issuer(&self) -> Request {
        Request::get(well_known(&self.offer.credential_issuer, "openid-credential-issuer"), "application/jwt")
    }

    /// Checks who the issuer is: its metadata are signed by a key that one of `roots` vouches for (VCI-40). Of W3C credentials
    /// those can be had whose types `vocabulary` defines.
    ///
    /// # Errors
    /// [`ReceiveError::MetadataInvalid`], [`ReceiveError::IssuerUntrusted`], [`ReceiveError::IssuerMismatch`],
    /// [`ReceiveError::GrantUnsupported`], [`ReceiveError::NothingUsable`], [`ReceiveError::EncryptionUnsupported`]
    pub fn issuer_known(
        self,
        answer: &Answer,
        roots: &[Root],
        vocabulary: &Vocabulary,
        now: u64,
    ) -> Result<KnownIssuer, ReceiveError> {
        let text = core::str::from_utf8(&answer.body).map_err(|_| ReceiveError::MetadataInvalid)?;
        if answer.status != 200 || text.len() > MESSAGE_MAX {
            return Err(ReceiveError::MetadataInvalid);
        }
        let jws = Jws::read(text.trim()).map_err(|_| ReceiveError::MetadataInvalid)?;
        jws.expect_kind(METADATA_KIND).map_err(|_| ReceiveError::MetadataInvalid)?;
        let chain = jws.header().certificates().map_err(|_| ReceiveError::IssuerUntrusted)?;
        let leaf = verify_chain(&chain, roots, Purpose::Credentials, now).map_err(|_| ReceiveError::IssuerUntrusted)?;
        let verified = jws.verify(&leaf.key).map_err(|_| ReceiveError::MetadataInvalid)?;
        let claims = verified.claims().map_err(|_| ReceiveError::MetadataInvalid)?;
        let expired = claims.get("exp").is_some_and(|exp| exp.as_u64().is_none_or(|exp| exp <= now));
        let issued = claims.get("iat").and_then(Value::as_u64);
        if expired || issued.is_none_or(|issued| issued > now.saturating_add(60)) {
            return Err(ReceiveError::MetadataInvalid);
        }
        let metadata: IssuerMetadata =
            read(verified.payload(), MESSAGE_MAX).map_err(|_| ReceiveError::MetadataInvalid)?;
        let issuer = &self.offer.credential_issuer;
        if metadata.credential_issuer != *issuer || claims.get("sub").and_then(Value::as_str) != Some(issuer) {
            return Err(ReceiveError::IssuerMismatch);
        }
        // VCI-41: what is sent to the issuer goes to the issuer's own host.
        let endpoints = [Some(&metadata.credential_endpoint), metadata.nonce_endpoint.as_ref()];
        let others = [metadata.notification_endpoint.as_ref(), metadata.deferred_credential_endpoint.as_ref()];
        let endpoints = endpoints.into_iter().chain(others).flatten();
        if !endpoints.into_iter().all(|address| origin(address) == origin(issuer)) {
            return Err(ReceiveError::MetadataInvalid);
        }
        let encryption = encryption::chosen(&metadata)?;
        let credentials: Vec<OfferedCredential> =
            self.offer.credential_configuration_ids.iter().filter_map(|id| usable(&metadata, id, vocabulary)).collect();
        if credentials.is_empty() {
            return Err(ReceiveError::NothingUsable);
        }
        let of_code = self.grant.as_ref().and_then(|grant| grant.authorization_server.as_ref());
        let named = of_code.or(self.log_in.as_ref().and_then(|log_in| log_in.authorization_server.as_ref()));
        let server = match (named, metadata.authorization_servers.as_slice()) {
            (None, []) => issuer.clone(),
            (None, [first, ..]) => first.clone(),
            (Some(named), servers) if servers.contains(named) => named.clone(),
            (Some(_), _) => return Err(ReceiveError::MetadataInvalid),
        };
        Ok(KnownIssuer { offered: self, metadata, credentials, encryption, server })
    }
}

/// An offer of an issuer that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownIssuer {
    offered: Offered,
    metadata: IssuerMetadata,
    credentials: Vec<OfferedCredential>,
    encryption: Option<Chosen>,
    server: String,
}

impl KnownIssuer {
    /// Asks where tokens are had.
    #[must_use]
    pub fn ask_server(&self) -> Request {
        Request::get(well_known(&self.server, "oauth-authorization-server"), "application/json")
    }

    /// Reads where tokens are had.
    ///
    /// # Errors
    /// [`ReceiveError::MetadataInvalid`], [`ReceiveError::IssuerMismatch`], [`ReceiveError::GrantUnsupported`]
    pub fn server_known(self, answer: &Answer) -> Result<Sheet, ReceiveError> {
        if answer.status != 200 {
            return Err(ReceiveError::MetadataInvalid);
        }
        let server: ServerMetadata = read(&answer.body, MESSAGE_MAX).map_err(|_| ReceiveError::MetadataInvalid)?;
        if server.issuer != self.server {
            return Err(ReceiveError::IssuerMismatch);
        }
        if origin(&server.token_endpoint) != origin(&self.server) {
            return Err(ReceiveError::MetadataInvalid); // VCI-41
        }
        // VCI-42: a token that anyone could use is not asked for.
        if !server.dpop_signing_alg_values_supported.iter().any(|it| it == ALGORITHM) {
            return Err(ReceiveError::GrantUnsupported);
        }
        let methods = &server.token_endpoint_auth_methods_supported;
        let named = |method: &str| methods.iter().any(|it| it == method);
        let attested = named(CLIENT_METHOD) && !named("none");
        let log_in = log_in_of(&server, &self.server);
        Ok(Sheet { known: self, token_endpoint: server.token_endpoint, attested, log_in })
    }
}

/// A credential that can be had.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct OfferedCredential {
    /// Name of the issuer's configuration.
    #[n(0)]
    pub configuration: String,
    /// The format.
    #[n(1)]
    pub format: Format,
    /// `vct`, doctype, or the last type of a W3C credential as its context defines it.
    #[n(2)]
    pub kind: String,
    /// Its names, with their languages.
    #[n(3)]
    pub names: Vec<(String, Option<String>)>,
    /// What a W3C credential means, as the wallet knew it then.
    #[n(4)]
    pub meaning: Option<Meaning>,
}

/// What a W3C credential means.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Meaning {
    /// The credential type on the ledger.
    #[n(0)]
    pub credential_type: String,
    /// What defines its words.
    #[n(1)]
    pub context: TypeContext,
}

/// What the owner is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    known: KnownIssuer,
    token_endpoint: String,
    /// Whether the wallet's provider has to vouch for it.
    attested: bool,
    /// Where requests to log in are pushed, and where people log in.
    log_in: Option<LogInEndpoints>,
}

/// Where people log in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogInEndpoints {
    /// Where requests are sent beforehand.
    pub(super) push: String,
    /// What a browser opens.
    pub(super) authorize: String,
}

/// How the owner comes back from logging in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayBack<'a> {
    /// The wallet's name among clients; with attestations the name that its provider knows it by.
    pub client: &'a str,
    /// An address that the phone gives to the app and to nobody else.
    pub redirect: &'a str,
}

impl Sheet {
    /// Who offers: an address that a trusted root vouches for.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.known.offered.offer.credential_issuer
    }

    /// What is offered.
    #[must_use]
    pub fn credentials(&self) -> &[OfferedCredential] {
        &self.known.credentials
    }

    /// Whether a code that the issuer told separately has to be typed, and of how many characters.
    #[must_use]
    pub fn tx_code(&self) -> Option<Option<u32>> {
        self.known.offered.grant.as_ref()?.tx_code.as_ref().map(|code| code.length)
    }

    /// Whether it can be had by logging in at the issuer's page, with [`Sheet::log_in`].
    #[must_use]
    pub fn can_log_in(&self) -> bool {
        self.known.offered.log_in.is_some() && self.log_in.is_some()
    }

    /// Whether there is a code in the offer, for [`Sheet::accept`].
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.known.offered.grant.is_some()
    }

    /// Goes on with the owner's consent, and the code if one is wanted.
    ///
    /// # Errors
    /// [`ReceiveError::TxCodeUnfit`]; [`ReceiveError::GrantUnsupported`] when it can only be had by logging in.
    pub fn accept(self, tx_code: Option<&str>, rng: &mut dyn CryptoRng) -> Result<Receiving, ReceiveError> {
        let grant = self.known.offered.grant.as_ref().ok_or(ReceiveError::GrantUnsupported)?;
        if grant.tx_code.is_some() != tx_code.is_some() {
            return Err(ReceiveError::TxCodeUnfit);
        }
        Ok(Receiving::new(&self, tx_code.map(str::to_owned), rng))
    }

    /// Goes on with the owner's consent by logging in at the issuer's page.
    ///
    /// # Errors
    /// [`ReceiveError::GrantUnsupported`] when the issuer has no log-in that the wallet trusts (VCI-80).
    pub fn log_in(self, back: &WayBack<'_>, rng: &mut dyn CryptoRng) -> Result<Receiving, ReceiveError> {
        let authorization = self.known.offered.log_in.as_ref().ok_or(ReceiveError::GrantUnsupported)?;
        let endpoints = self.log_in.as_ref().ok_or(ReceiveError::GrantUnsupported)?;
        let scopes = self.known.credentials.iter().map(|offered| {
            let configuration = self.known.metadata.credential_configurations_supported.get(&offered.configuration);
            configuration.and_then(|it| it.scope.clone()).ok_or(ReceiveError::GrantUnsupported)
        });
        let scope = scopes.collect::<Result<Vec<_>, _>>()?.join(" ");
        let issuer_state = authorization.issuer_state.clone();
        let log_in = LogIn::new(endpoints, &self.known.server, back, scope, issuer_state, rng);
        Ok(Receiving::logging_in(&self, log_in, rng))
    }
}

impl Sheet {
    pub(super) fn known(&self) -> &KnownIssuer {
        &self.known
    }

    pub(super) fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }

    /// The authorisation server, where it wants the wallet attested.
    pub(super) fn attested_for(&self) -> Option<String> {
        self.attested.then(|| self.known.server.clone())
    }
}

impl KnownIssuer {
    pub(super) fn encryption(&self) -> Option<Chosen> {
        self.encryption.clone()
    }

    pub(super) fn code(&self) -> &str {
        self.offered.grant.as_ref().map_or("", |grant| &grant.code)
    }

    pub(super) fn metadata(&self) -> &IssuerMetadata {
        &self.metadata
    }

    pub(super) fn credentials(&self) -> &[OfferedCredential] {
        &self.credentials
    }
}

/// Where people log in, if requests are pushed, bound to whoever asks by `S256`, and answered with who answers (VCI-80).
fn log_in_of(server: &ServerMetadata, identifier: &str) -> Option<LogInEndpoints> {
    let push = server.pushed_authorization_request_endpoint.clone()?;
    let authorize = server.authorization_endpoint.clone()?;
    let own = [&push, &authorize].iter().all(|address| origin(address) == origin(identifier)); // VCI-41
    let bound = server.code_challenge_methods_supported.iter().any(|it| it == "S256");
    let named = server.authorization_response_iss_parameter_supported;
    (own && bound && named).then_some(LogInEndpoints { push, authorize })
}

/// The suite of the presentations that the wallet makes.
const PRESENTED: &str = "ecdsa-rdfc-2019";

fn usable(metadata: &IssuerMetadata, id: &str, vocabulary: &Vocabulary) -> Option<OfferedCredential> {
    let configuration = metadata.credential_configurations_supported.get(id)?;
    let (format, kind, meaning) = match configuration.format.as_str() {
        SD_JWT => (Format::SdJwt, configuration.vct.clone()?, None),
        MDOC => (Format::Mdoc, configuration.doctype.clone()?, None),
        LDP_VC => w3c(configuration, vocabulary)?,
        _ => return None,
    };
    let signed = |kind: &str, by: &str| {
        let proof = configuration.proof_types_supported.get(kind);
        proof.is_some_and(|proof| proof.proof_signing_alg_values_supported.iter().any(|it| it == by))
    };
    let ours = signed("jwt", ALGORITHM) || (takes_presentations(metadata, id) && signed("di_vp", PRESENTED));
    let display = configuration.credential_metadata.iter().flat_map(|it| it.display.iter());
    let names = display.filter_map(|it| Some((it.name.clone()?, it.locale.clone()))).collect();
    ours.then(|| OfferedCredential { configuration: id.to_owned(), format, kind, names, meaning })
}

/// Whether keys for a configuration are proven by presentations: those of a W3C credential, by default of tokens, with a nonce of the
/// issuer and without an attestation, which has no place there (VCI-68).
pub(super) fn takes_presentations(metadata: &IssuerMetadata, id: &str) -> bool {
    let Some(configuration) = metadata.credential_configurations_supported.get(id) else { return false };
    let proofs = &configuration.proof_types_supported;
    let attested = proofs.get("di_vp").is_none_or(|proof| proof.key_attestations_required.is_some());
    configuration.format == LDP_VC && !proofs.contains_key("jwt") && !attested && metadata.nonce_endpoint.is_some()
}

/// A W3C credential whose words the wallet knows, with a proof that it can check and show.
fn w3c(configuration: &CredentialConfiguration, vocabulary: &Vocabulary) -> Option<(Format, String, Option<Meaning>)> {
    let [suite] = &configuration.credential_signing_alg_values_supported[..] else { return None };
    let format = match Suite::named(suite.as_str()?).ok()? {
        Suite::Bbs2023 => Format::W3cBbs,
        Suite::EddsaRdfc2022 => Format::W3cEddsa,
        _ => return None,
    };
    let definition = configuration.credential_definition.as_ref()?;
    let document = json!({ "@context": definition.context, "type": definition.kinds });
    let kind = expanded_types(&document, &vocabulary.contexts()).ok()?.pop()?;
    let names = vocabulary.0.get(&kind)?;
    let meaning = Meaning { credential_type: names.credential_type.clone(), context: names.context.clone()? };
    Some((format, kind, Some(meaning)))
}

/// Scheme, host and port.
fn origin(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(start..).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{}{}", address.get(..start).unwrap_or_default(), host).to_ascii_lowercase()
}
