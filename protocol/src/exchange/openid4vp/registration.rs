//! What a verifier may ask, by the ledger's names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::credential::twins::{Claims, Source, Twins};
use crate::credential::w3c::Contexts;
use crate::exchange::OverAsk;
use crate::exchange::dcql::{ClaimsQuery, CredentialQuery, DcqlQuery, Meta};
use crate::ledger::record::{Permit, Purpose, VerifierRegistration};

/// What the ledger calls a type of another format, and its claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The credential type on the ledger.
    pub credential_type: String,
    /// The attribute that a claim is: `address.street` of JSON, the element of a mobile document. A claim that is not here has
    /// its own name.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// What defines a type of W3C credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<TypeContext>,
}

/// A JSON-LD context that follows from a file of twins: whoever has the file knows it without fetching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(deny_unknown_fields)]
#[cbor(array)]
pub struct TypeContext {
    /// Its address.
    #[n(0)]
    pub url: String,
    /// What is there.
    #[n(1)]
    pub document: String,
}

impl TypeContext {
    /// The contexts of the standards and this one. One that cannot be read is left out, so that documents that name it are
    /// refused.
    #[must_use]
    pub fn with(&self, contexts: Contexts) -> Contexts {
        let digest = hex::encode(Sha256::digest(&self.document));
        contexts.clone().with(&self.url, self.document.as_bytes(), &digest).unwrap_or(contexts)
    }
}

/// Names of types (`vct`, doctype, expanded type) on the ledger. A type that is not here has its own name there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary(pub BTreeMap<String, Names>);

impl Vocabulary {
    /// The names of these twins: a claim is the attribute that it is made of.
    #[must_use]
    pub fn of_twins(twins: &[Twins]) -> Self {
        let mut types = BTreeMap::new();
        for it in twins {
            let mut add = |kind: &str, claims: BTreeMap<String, String>| {
                let names = Names { credential_type: it.credential_type.clone(), claims, context: None };
                types.insert(kind.to_owned(), names);
            };
            if let Some(mdoc) = &it.mdoc {
                let mut claims = BTreeMap::new();
                mdoc.namespaces.values().for_each(|elements| made_of(elements, "", &mut claims));
                add(&mdoc.doctype, claims);
            }
            if let Some(sd_jwt) = &it.sd_jwt {
                let mut claims = BTreeMap::new();
                made_of(&sd_jwt.claims, "", &mut claims);
                add(&sd_jwt.vct, claims);
            }
            if let Some(w3c) = &it.w3c {
                let mut claims = BTreeMap::new();
                made_of(&w3c.claims, "credentialSubject.", &mut claims);
                // A claim that is of no attribute has its own name on the ledger, not its path.
                for name in w3c.claims.keys() {
                    claims.entry(format!("credentialSubject.{name}")).or_insert_with(|| name.clone());
                }
                let document = String::from_utf8_lossy(&w3c.context_document()).into_owned();
                let context = Some(TypeContext { url: w3c.context.clone(), document });
                types.insert(
                    w3c.expanded_type(),
                    Names { credential_type: it.credential_type.clone(), claims, context },
                );
            }
        }
        Self(types)
    }

    /// The contexts that W3C credentials may name: those of the standards, and those of the types here.
    #[must_use]
    pub fn contexts(&self) -> Contexts {
        let own = self.0.values().filter_map(|names| names.context.as_ref());
        own.fold(Contexts::standard(), |contexts, own| own.with(contexts))
    }

    /// The credential type on the ledger.
    #[must_use]
    pub fn credential_type<'a>(&'a self, kind: &'a str) -> &'a str {
        self.0.get(kind).map_or(kind, |names| &names.credential_type)
    }

    /// Whether the permit has the attribute that the claim of type `kind` is, or what it is within.
    fn permits(&self, kind: &str, claim: &ClaimsQuery, mdoc: bool, permit: &Permit) -> Result<(), OverAsk> {
        let whole = claim.name();
        let own = match mdoc {
            true => crate::exchange::dcql::member_path(&claim.path).and_then(|it| it.last().copied()).unwrap_or(&whole),
            false => whole.as_str(),
        };
        let of = |name: &str| {
            let named = self.0.get(kind).and_then(|names| names.claims.get(name));
            permit.claims.iter().any(|it| it == named.map_or(name, String::as_str))
        };
        let mut name = own;
        loop {
            if of(name) {
                return Ok(());
            }
            match name.rsplit_once('.') {
                Some((parent, _)) if !mdoc => name = parent,
                _ => return Err(OverAsk::AttributeNotRegistered(own.to_owned())),
            }
        }
    }
}

/// The attribute of each claim; groups by their path.
fn made_of(claims: &Claims, within: &str, into: &mut BTreeMap<String, String>) {
    for (name, source) in claims {
        let path = format!("{within}{name}");
        let attribute = match source {
            Source::Text(it)
            | Source::FirstWord(it)
            | Source::OtherWords(it)
            | Source::Date(it)
            | Source::Codes(it) => it,
            Source::Names { attribute, .. } | Source::Privileges { attribute, .. } => attribute,
            Source::AgeOver { birth_date, .. } => birth_date,
            Source::Group(members) => {
                made_of(members, &format!("{path}."), into);
                continue;
            }
            // Said of everyone alike, or of no attribute: known by their own names.
            Source::Fixed(_) | Source::Expiry | Source::Picture => continue,
        };
        into.insert(path, attribute.clone());
    }
}

/// Whether the registration covers the query (OVP-06): the purpose that the request names, or any where it names none. Verifiers
/// check themselves with it before they send; wallets check again.
///
/// # Errors
/// [`OverAsk`] names the first thing that is not covered.
pub fn check_registration<'a>(
    query: &DcqlQuery,
    purpose: Option<&str>,
    registration: &'a VerifierRegistration,
    vocabulary: &Vocabulary,
) -> Result<&'a Purpose, OverAsk> {
    if let Some(id) = purpose {
        let purpose = registration.purpose(id).ok_or_else(|| OverAsk::PurposeNotRegistered(id.to_owned()))?;
        return covers(purpose, query, vocabulary).map(|()| purpose);
    }
    let mut refusal = OverAsk::PurposeNotRegistered(String::new());
    for purpose in &registration.purposes {
        match covers(purpose, query, vocabulary) {
            Ok(()) => return Ok(purpose),
            Err(over_ask) => refusal = over_ask,
        }
    }
    Err(refusal)
}

fn covers(purpose: &Purpose, query: &DcqlQuery, vocabulary: &Vocabulary) -> Result<(), OverAsk> {
    query.credentials.iter().try_for_each(|credential| {
        let kinds = kinds(credential);
        if kinds.is_empty() {
            return Err(OverAsk::TypeNotRegistered(credential.meta.format().to_owned()));
        }
        kinds.into_iter().try_for_each(|kind| {
            let named = vocabulary.credential_type(kind);
            let permit = purpose.permit(named).ok_or_else(|| OverAsk::TypeNotRegistered(named.to_owned()))?;
            let mdoc = matches!(credential.meta, Meta::MsoMdoc { .. });
            credential.claims.iter().try_for_each(|claim| vocabulary.permits(kind, claim, mdoc, permit))
        })
    })
}

/// The types of which one may answer. Of a W3C credential, the last of each set, which is the most special one.
fn kinds(credential: &CredentialQuery) -> Vec<&str> {
    match &credential.meta {
        Meta::SdJwt { vct_values } => vct_values.iter().map(String::as_str).collect(),
        Meta::MsoMdoc { doctype_value } => vec![doctype_value],
        Meta::LdpVc { type_values } => type_values.iter().filter_map(|it| it.last()).map(String::as_str).collect(),
        Meta::Other { .. } => Vec::new(),
    }
}
