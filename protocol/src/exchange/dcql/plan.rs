//! Which credentials are needed together (section 6.4.2), for a wallet that answers and a verifier that was answered.

use serde_json::Value;

use super::matching::Candidate;
use super::{CredentialQuery, DcqlError, DcqlQuery, Selection};

/// A credential that answers a credential query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which of the candidates.
    pub candidate: usize,
    /// What of it.
    pub selection: Selection,
}

/// How a wallet can answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What has to be answered: places of credential queries, with every credential that answers each. The owner chooses one
    /// of each, or several where several may be sent.
    pub required: Vec<(usize, Vec<Match>)>,
    /// What may be answered besides.
    pub optional: Vec<(usize, Vec<Match>)>,
}

/// A credential of an answer, verified, with what it shows.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// The credential.
    pub candidate: Candidate<'a>,
    /// Paths of what the holder chose to disclose: names of members, `None` for an element of an array.
    pub disclosed: Vec<Vec<Option<&'a str>>>,
}

impl DcqlQuery {
    /// How the candidates can answer; none when they cannot (DCQL-03).
    #[must_use]
    pub fn plan(&self, candidates: &[Candidate<'_>]) -> Option<Plan> {
        let matches = |query: &CredentialQuery| -> Vec<Match> {
            let one = |(candidate, it)| query.select(it).map(|selection| Match { candidate, selection });
            candidates.iter().enumerate().filter_map(one).collect()
        };
        let found: Vec<Vec<Match>> = self.credentials.iter().map(matches).collect();
        let answered = |at: &usize| found.get(*at).is_some_and(|it| !it.is_empty());
        let mut required: Vec<usize> = Vec::new();
        let mut optional: Vec<usize> = Vec::new();
        if self.credential_sets.is_empty() {
            required.extend(0..self.credentials.len());
        }
        for set in &self.credential_sets {
            let mut options = set.options.iter().map(|option| self.places(option));
            match (options.find(|option| option.iter().all(answered)), set.required) {
                (Some(option), true) => required.extend(option),
                (Some(option), false) => optional.extend(option),
                (None, true) => return None,
                (None, false) => {}
            }
        }
        if !required.iter().all(answered) {
            return None;
        }
        let collect = |mut places: Vec<usize>| -> Vec<(usize, Vec<Match>)> {
            places.sort_unstable();
            places.dedup();
            places.into_iter().filter_map(|at| Some((at, found.get(at)?.clone()))).collect()
        };
        optional.retain(|at| !required.contains(at));
        Some(Plan { required: collect(required), optional: collect(optional) })
    }

    /// Whether these credentials, by the identifiers of credential queries, answer the query, and show no more than it asks
    /// (DCQL-04). Returns where in each the claims stand that were asked for, in the order of `answer`.
    ///
    /// # Errors
    /// [`DcqlError`]
    pub fn check(&self, answer: &[(&str, Shown<'_>)]) -> Result<Vec<Selection>, DcqlError> {
        let mut selections = Vec::with_capacity(answer.len());
        for (id, shown) in answer {
            let query = self.credential(id).ok_or(DcqlError::CredentialNotRequested)?;
            if !query.multiple && answer.iter().filter(|(other, _)| other == id).count() > 1 {
                return Err(DcqlError::CredentialNotRequested);
            }
            selections.push(query.check(shown)?);
        }
        let answered = |id: &String| answer.iter().any(|(it, _)| it == id);
        let enough = match self.credential_sets.is_empty() {
            true => self.credentials.iter().all(|it| answered(&it.id)),
            false => {
                let met = |option: &Vec<String>| option.iter().all(answered);
                self.credential_sets.iter().filter(|set| set.required).all(|set| set.options.iter().any(met))
            }
        };
        if enough { Ok(selections) } else { Err(DcqlError::QueryNotSatisfied) }
    }

    fn places(&self, option: &[String]) -> Vec<usize> {
        option.iter().filter_map(|id| self.credentials.iter().position(|it| it.id == *id)).collect()
    }
}

impl CredentialQuery {
    /// What was shown is what was asked: a set of claims, whole, with the values, and nothing beside it.
    fn check(&self, shown: &Shown<'_>) -> Result<Selection, DcqlError> {
        let candidate = &shown.candidate;
        if candidate.kind.format() != self.meta.format() {
            return Err(DcqlError::UnsupportedFormat);
        }
        if !candidate.kind.fits(&self.meta) {
            return Err(DcqlError::CredentialNotRequested);
        }
        if self.holder_binding && !candidate.holder_bound {
            return Err(DcqlError::HolderBindingMissing);
        }
        if !self.accepts_authority(candidate.authorities) {
            return Err(DcqlError::IssuerNotTrusted);
        }
        let mut refusal = DcqlError::QueryNotSatisfied;
        for (claim_set, claims) in self.sets() {
            let found = claims.iter().map(|claim| claim.find(candidate.claims, true));
            let Some(found) = found.collect::<Option<Vec<Vec<String>>>>() else { continue };
            if shown.disclosed.iter().all(|path| claims.iter().any(|claim| claim.allows(path))) {
                return Ok(Selection { pointers: found.concat(), claim_set });
            }
            refusal = DcqlError::ClaimNotRequested;
        }
        Err(refusal)
    }
}

impl Selection {
    /// The values of the selected claims, with their pointers.
    pub fn values<'a>(&'a self, claims: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.pointers.iter().filter_map(|pointer| Some((pointer.as_str(), claims.pointer(pointer)?)))
    }
}
