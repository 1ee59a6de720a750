//! Whether a credential answers a credential query, and with what (section 6.4.1).

use serde_json::Value;

use super::path::{Found, covers, select};
use super::{ClaimsQuery, CredentialQuery, Meta, Segment};

/// Format and type of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// SD-JWT VC.
    SdJwt {
        /// Its type.
        vct: &'a str,
    },
    /// Mobile document.
    MsoMdoc {
        /// Its doctype.
        doctype: &'a str,
    },
    /// W3C credential with Data Integrity.
    LdpVc {
        /// Its types, expanded.
        types: &'a [String],
    },
}

impl Kind<'_> {
    /// The format's name.
    #[must_use]
    pub fn format(self) -> &'static str {
        match self {
            Self::SdJwt { .. } => "dc+sd-jwt",
            Self::MsoMdoc { .. } => "mso_mdoc",
            Self::LdpVc { .. } => "ldp_vc",
        }
    }

    pub(super) fn fits(self, meta: &Meta) -> bool {
        match (self, meta) {
            (Self::SdJwt { vct }, Meta::SdJwt { vct_values }) => vct_values.iter().any(|it| it == vct),
            (Self::MsoMdoc { doctype }, Meta::MsoMdoc { doctype_value }) => doctype_value == doctype,
            (Self::LdpVc { types }, Meta::LdpVc { type_values }) => {
                type_values.iter().any(|set| set.iter().all(|it| types.contains(it)))
            }
            _ => false,
        }
    }
}

/// A credential to look at: one that a wallet holds, or one that was shown.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Format and type.
    pub kind: Kind<'a>,
    /// Its claims as JSON. Of a mobile document: namespaces with their elements.
    pub claims: &'a Value,
    /// Whether the holder can prove, or has proved, possession of its key.
    pub holder_bound: bool,
    /// Key identifiers of the authorities above it, base64url (`aki`).
    pub authorities: &'a [String],
}

/// What of a credential answers a query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Where the claims stand, exactly (RFC 6901), in the order of the query.
    pub pointers: Vec<String>,
    /// Which claim set it is, when there are several.
    pub claim_set: Option<usize>,
}

impl CredentialQuery {
    /// What of this credential answers the query; none when it does not (DCQL-02).
    #[must_use]
    pub fn select(&self, candidate: &Candidate<'_>) -> Option<Selection> {
        let fits = candidate.kind.fits(&self.meta)
            && (candidate.holder_bound || !self.holder_binding)
            && self.accepts_authority(candidate.authorities);
        if !fits {
            return None;
        }
        self.sets().find_map(|(claim_set, claims)| {
            let found = claims.iter().map(|claim| claim.find(candidate.claims, false));
            let found: Option<Vec<Vec<String>>> = found.collect();
            Some(Selection { pointers: found?.concat(), claim_set })
        })
    }

    /// Whether one of these authorities, by key identifier, is among those asked for. Kinds of authorities other than `aki`
    /// are of lists that nobody here keeps: nothing fits them.
    #[must_use]
    pub fn accepts_authority(&self, authorities: &[String]) -> bool {
        let named = |value: &String| authorities.contains(value);
        self.trusted_authorities.is_empty()
            || self.trusted_authorities.iter().any(|it| it.kind == "aki" && it.values.iter().any(named))
    }

    /// Which claims are enough: each claim set, or all claims.
    pub(super) fn sets(&self) -> impl Iterator<Item = (Option<usize>, Vec<&ClaimsQuery>)> {
        let all = self.claim_sets.is_empty().then(|| (None, self.claims.iter().collect()));
        let named = |set: &Vec<String>| {
            let claim = |id: &String| self.claims.iter().find(|it| it.id.as_ref() == Some(id));
            set.iter().filter_map(claim).collect()
        };
        all.into_iter().chain(self.claim_sets.iter().enumerate().map(move |(at, set)| (Some(at), named(set))))
    }
}

impl ClaimsQuery {
    /// Where the claim stands, with a value that was asked for; none when it is not there.
    pub(super) fn find(&self, claims: &Value, shown: bool) -> Option<Vec<String>> {
        let wanted = |it: &Found<'_>| self.values.is_empty() || self.values.contains(it.value);
        let found: Vec<String> =
            select(claims, &self.path, shown).into_iter().filter(wanted).map(|it| it.pointer).collect();
        (!found.is_empty()).then_some(found)
    }

    /// Whether a disclosure there is asked for, or needed for what is.
    pub(super) fn allows(&self, disclosed: &[Option<&str>]) -> bool {
        covers(&self.path, disclosed)
    }

    /// The path for people and registrations: members joined by dots, elements left out (`address.street`).
    #[must_use]
    pub fn name(&self) -> String {
        let name = |it: &Segment| match it {
            Segment::Member(name) => Some(name.clone()),
            Segment::Index(_) | Segment::All => None,
        };
        self.path.iter().filter_map(name).collect::<Vec<_>>().join(".")
    }
}
