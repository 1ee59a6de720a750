//! The checks, in order. Each stage is a type that only the one before can make, so none can be left out.

use std::collections::HashMap;

use protocol::credential::{CredentialType, Day, Encoding, HolderBinding, Label, Status, Value};
use protocol::crypto::domains;
use protocol::exchange::{
    AuthenticPresentation, AuthenticRequest, Binding, Freshness, HandleStatus, IssuerEvidence, Presentation,
    PresentationError, Query, Received, SLOT, check_portrait,
};
use protocol::identifier::Did;
use protocol::ledger::IssuerKeyId;
use protocol::ledger::record::{IssuerKey, Record};
use protocol::ledger::staple::StapledRecords;
use protocol::ledger::state::TrustedState;
use sha2::{Digest, Sha256};

use crate::epochs::{KnownEpoch, KnownEpochs};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::replay::Seen;
use crate::verdict::{Claim, IssuerKnown, Portrait, Recognition, ReplayProtection, TrustGrade, Verdict};

/// What the presentation has to answer.
pub enum Asked<'a> {
    /// A code that the holder displays unasked: it must answer this question within its time window.
    Displayed(&'a Query),
    /// The answer to a request of this verifier.
    Requested(&'a AuthenticRequest),
}

impl Asked<'_> {
    /// The question.
    #[must_use]
    pub fn query(&self) -> &Query {
        match self {
            Self::Displayed(query) => query,
            Self::Requested(asked) => &asked.request.query,
        }
    }

    /// Who asks; nobody, for a code that is displayed unasked.
    fn verifier(&self) -> Option<&Did> {
        match self {
            Self::Displayed(_) => None,
            Self::Requested(asked) => Some(&asked.request.verifier),
        }
    }
}

/// A presentation with what it has to answer.
pub struct Scan<'a> {
    /// The question.
    pub asked: &'a Asked<'a>,
    /// The bytes.
    pub presentation: &'a [u8],
}

/// Checks presentations, with no network and no clock of its own.
pub struct Verifier<S> {
    policy: Policy,
    seen: S,
    /// Issuer keys already decoded, by short name and the digest of the header they were found under: no other
    /// state, of this ledger or another, has that header.
    evidence: HashMap<([u8; 8], [u8; 32]), IssuerEvidence>,
    epochs: KnownEpochs,
}

impl<S: Seen> Verifier<S> {
    /// A verifier with this policy and memory.
    pub fn new(policy: Policy, seen: S) -> Self {
        Self { policy, seen, evidence: HashMap::new(), epochs: KnownEpochs::default() }
    }

    /// Takes note of when status epochs began. Trust data names the newest of each key only; whoever lets older
    /// tokens pass (`status_lag_max`) calls this with every bundle, so that a verdict can say of when they are.
    pub fn observe(&mut self, trust: &TrustedState) {
        self.epochs.observe(trust);
    }

    /// What [`Verifier::observe`] noted: of each issuer key the last 32 epochs. A program that does not run all week
    /// keeps it, where nobody else can write, and hands it to [`Verifier::recall`].
    pub fn known_epochs(&self) -> impl Iterator<Item = KnownEpoch> {
        self.epochs.all()
    }

    /// Takes up what another run had noted.
    pub fn recall(&mut self, known: impl IntoIterator<Item = KnownEpoch>) {
        known.into_iter().for_each(|known| self.epochs.note(known));
    }

    /// What was accepted before.
    pub fn seen(&self) -> &S {
        &self.seen
    }

    /// What was accepted before, to add what an earlier process remembered.
    pub fn seen_mut(&mut self) -> &mut S {
        &mut self.seen
    }

    /// The limits.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decodes the keys that answers to this question may come under, so that the first check takes no longer than
    /// others. Keys that are of no use are left to the check, which says why.
    pub fn prepare(&mut self, query: &Query, trust: &TrustedState) {
        let Some(credential_type) = trust.credential_type(&query.credential_type) else { return };
        let keys = trust.envelopes().filter_map(|envelope| match &envelope.record {
            Record::IssuerKey(key) if key.credential_type == query.credential_type => Some(key.as_ref()),
            _ => None,
        });
        for key in keys {
            if let Ok(evidence) = self.evidence(key.key_id(), key, credential_type, trust) {
                evidence.prepare(query);
            }
        }
    }

    /// Checks one presentation at `now` (unix seconds).
    ///
    /// # Errors
    /// [`Refusal`], the first that applies in the order: clock and age of trust data, form, issuer,
    /// holder binding and proof, freshness, question, status, replay.
    pub fn check(
        &mut self,
        asked: &Asked<'_>,
        presentation: &[u8],
        trust: &TrustedState,
        now: u64,
    ) -> Result<Verdict, Refusal> {
        let grade = self.policy.trust_grade(trust, now)?;
        let (issued, ground) = self.received(asked, presentation, trust, now)?;
        self.decide(issued.authenticate()?, asked, ground, trust, grade, now)
    }

    /// Checks many presentations at `now`: each gets the answer that [`Verifier::check`] would give it after those before
    /// it, and all proofs share one final exponentiation. A bad one among them costs a few more pairings, and nobody
    /// else the verdict.
    pub fn check_all(&mut self, scans: &[Scan<'_>], trust: &TrustedState, now: u64) -> Vec<Result<Verdict, Refusal>> {
        let grade = match self.policy.trust_grade(trust, now) {
            Ok(grade) => grade,
            Err(refusal) => return scans.iter().map(|_| Err(refusal.clone())).collect(),
        };
        let mut grounds = Vec::with_capacity(scans.len());
        let mut received = Vec::with_capacity(scans.len());
        for scan in scans {
            let (issued, ground) = match self.received(scan.asked, scan.presentation, trust, now) {
                Ok((issued, ground)) => (Ok(issued), ground),
                Err(refusal) => (Err(refusal), Ground::default()),
            };
            received.push(issued);
            grounds.push(ground);
        }
        let each = Issued::authenticate_all(received).into_iter().zip(scans).zip(grounds);
        each.map(|((authentic, scan), ground)| self.decide(authentic?, scan.asked, ground, trust, grade, now)).collect()
    }

    /// From bytes to a presentation of a trusted issuer.
    fn received(
        &mut self,
        asked: &Asked<'_>,
        presentation: &[u8],
        trust: &TrustedState,
        now: u64,
    ) -> Result<(Issued, Ground), Refusal> {
        self.epochs.observe(trust);
        let Received { presentation, staple, portrait } = Received::split(presentation)?;
        let received = Presentation::decode(&presentation)?;
        // VERD-09: what the bundle knows of an issuer counts; a staple speaks only of those it does not know.
        let stapled = match staple {
            Some(staple) if trust.issuer_key(&received.issuer_key()).is_none() => {
                let stapled = staple.check(trust)?;
                self.policy.trust_grade(stapled.records(), now)?;
                self.epochs.note_all(stapled.records());
                Some(stapled)
            }
            _ => None,
        };
        let evidence = stapled.as_ref().map_or(trust, StapledRecords::records);
        let issued = self.issued(received, evidence, now)?;
        issued.evidence.prepare(asked.query());
        Ok((issued, Ground { bytes: presentation, stapled, portrait }))
    }

    /// Everything after the proof.
    fn decide(
        &mut self,
        authentic: Authentic,
        asked: &Asked<'_>,
        Ground { bytes, stapled, portrait }: Ground,
        trust: &TrustedState,
        grade: TrustGrade,
        now: u64,
    ) -> Result<Verdict, Refusal> {
        let evidence = stapled.as_ref().map_or(trust, StapledRecords::records);
        let fresh = authentic.fresh(asked, &self.policy, now)?;
        let answer = fresh.answer(asked, portrait)?;
        let standing = answer.standing(evidence, &self.epochs, &self.policy, now)?;
        let until = match asked {
            Asked::Displayed(_) => standing.made_at().saturating_add(self.policy.display_window + 1),
            Asked::Requested(asked) => asked.request.expires_at,
        };
        // VERD-07: a request has one answer; a displayed code is its own identity.
        let id = match asked {
            Asked::Displayed(_) => Sha256::digest(&bytes).into(),
            Asked::Requested(asked) => asked.digest,
        };
        if !self.seen.first_use(id, until, now) {
            return Err(Refusal::NonceReplayed);
        }
        // VERD-10: what may be done once is done once, with whatever presentation.
        if let Some(nullifier) = standing.nullifier()
            && !self.seen.first_use(nullifier, u64::MAX, now)
        {
            return Err(Refusal::PseudonymUsed);
        }
        let known = match stapled.map(|stapled| (stapled.records().height(), stapled.records().time_ms() / 1_000)) {
            None => IssuerKnown::Bundle,
            Some((height, as_of)) => IssuerKnown::Stapled { height, as_of },
        };
        Ok(standing.verdict(grade, known))
    }

    /// What is known of an issuer key, decoded once for each state of the ledger.
    fn evidence(
        &mut self,
        key_id: IssuerKeyId,
        record: &IssuerKey,
        credential_type: &CredentialType,
        trust: &TrustedState,
    ) -> Result<IssuerEvidence, PresentationError> {
        let at = (key_id, trust.header().digest());
        let evidence = match self.evidence.get(&at) {
            Some(known) => known.clone(),
            None => {
                let new = IssuerEvidence::new(trust.header().network_id, record, credential_type.clone())?;
                self.evidence.retain(|(_, header), _| *header == at.1);
                self.evidence.entry(at).or_insert(new).clone()
            }
        };
        Ok(evidence)
    }

    /// VERD-02: a known key of a trusted issuer, accredited for the type, valid now and not compromised.
    fn issued(&mut self, presentation: Presentation, trust: &TrustedState, now: u64) -> Result<Issued, Refusal> {
        let key_id = presentation.issuer_key();
        let record = trust.issuer_key(&key_id).ok_or(Refusal::UnknownKey)?;
        // Nothing in a presentation says when the credential was signed, so a cut-off refuses all of the key's.
        if record.compromised_from.is_some_and(|cut_off| cut_off <= now) {
            return Err(Refusal::KeyCompromised);
        }
        if now < record.from || now >= record.until {
            return Err(Refusal::KeyNotValidAtTime);
        }
        if trust.did(&record.issuer).is_none_or(|did| did.deactivated) {
            return Err(Refusal::IssuerNotTrusted);
        }
        trust.accreditation(&record.issuer, &record.credential_type, now).ok_or(Refusal::IssuerNotAuthorizedForType)?;
        let credential_type = trust.credential_type(&record.credential_type).ok_or(Refusal::UnknownType)?;
        let evidence = self.evidence(key_id, record, credential_type, trust)?;
        Ok(Issued { presentation, evidence, issuer: record.issuer.clone() })
    }
}

/// What a presentation came with.
#[derive(Default)]
struct Ground {
    /// Its own bytes, without a staple.
    bytes: Vec<u8>,
    /// The proof of its issuer, where the trust data does not know it.
    stapled: Option<StapledRecords>,
    /// A picture, with no claim to be anybody's.
    portrait: Option<Vec<u8>>,
}

/// From an issuer that may issue this type.
struct Issued {
    presentation: Presentation,
    evidence: IssuerEvidence,
    issuer: Did,
}

impl Issued {
    /// VERD-03: proof and holder binding.
    fn authenticate(self) -> Result<Authentic, PresentationError> {
        let presentation = self.presentation.authenticate(&self.evidence)?;
        Ok(Authentic { presentation, evidence: self.evidence, issuer: self.issuer })
    }

    /// VERD-03 for many. What was refused before stays refused.
    fn authenticate_all(all: Vec<Result<Self, Refusal>>) -> Vec<Result<Authentic, Refusal>> {
        let ready: Vec<_> = all.iter().flatten().map(|issued| (&issued.presentation, &issued.evidence)).collect();
        let mut verdicts = Presentation::authenticate_all(&ready).into_iter();
        let each = all.into_iter().map(|issued| {
            let Self { evidence, issuer, .. } = issued?;
            let presentation = verdicts.next().unwrap_or(Err(PresentationError::MalformedPresentation))?;
            Ok(Authentic { presentation, evidence, issuer })
        });
        each.collect()
    }
}

/// Signed by the issuer and presented by the holder, at some time, for some question.
struct Authentic {
    presentation: AuthenticPresentation,
    evidence: IssuerEvidence,
    issuer: Did,
}

impl Authentic {
    /// VERD-04: live, and for this verifier where it asked.
    fn fresh(self, asked: &Asked<'_>, policy: &Policy, now: u64) -> Result<Fresh, Refusal> {
        let Freshness { made_at, request } = self.presentation.freshness();
        if made_at > now.saturating_add(policy.clock_skew) {
            return Err(Refusal::IssuedInFuture);
        }
        let replay = match (asked, request) {
            (Asked::Displayed(_), None) => {
                if now.saturating_sub(made_at) > policy.display_window {
                    return Err(Refusal::Expired);
                }
                ReplayProtection::TimeWindow
            }
            (Asked::Requested(asked), Some(answered)) if answered == asked.digest => {
                let request = &asked.request;
                // PRES-10: what does not link says the beginning of its slot.
                let exact = match self.presentation.binding() {
                    Binding::HardwareKey => 0,
                    Binding::LinkSecret => SLOT - 1,
                };
                let latest = made_at.saturating_add(exact).saturating_add(policy.clock_skew);
                if now >= request.expires_at || latest < request.issued_at {
                    return Err(Refusal::RequestExpired);
                }
                ReplayProtection::Challenge
            }
            _ => return Err(Refusal::NonceMismatch),
        };
        Ok(Fresh { authentic: self, replay })
    }
}

/// Made just now.
struct Fresh {
    authentic: Authentic,
    replay: ReplayProtection,
}

impl Fresh {
    /// VERD-05: exactly what was asked: no less, and nothing more is passed on.
    fn answer(self, asked: &Asked<'_>, image: Option<Vec<u8>>) -> Result<Answer, Refusal> {
        let query = asked.query();
        let presentation = &self.authentic.presentation;
        let credential_type = &self.authentic.evidence.credential_type;
        if query.credential_type != credential_type.id || !credential_type.binds(query.binding) {
            return Err(Refusal::CredentialNotRequested);
        }
        // PRES-09: neither weaker nor more telling than asked.
        match (query.binding, presentation.binding()) {
            (HolderBinding::DeviceKey, Binding::LinkSecret) => {
                return Err(PresentationError::HolderBindingMissing.into());
            }
            (HolderBinding::LinkSecret, Binding::HardwareKey) => return Err(Refusal::ClaimNotRequested),
            (HolderBinding::DeviceKey, Binding::HardwareKey) | (HolderBinding::LinkSecret, Binding::LinkSecret) => {}
        }
        let shown = |name: &String| presentation.shown().iter().any(|(shown, _)| shown == name);
        if !query.show.iter().all(shown) || !query.prove.iter().all(|p| presentation.proven().contains(p)) {
            return Err(Refusal::QueryNotSatisfied);
        }
        // Compared one by one: a question that names something twice makes no room for something else.
        let unasked = presentation.shown().iter().any(|(shown, _)| !query.show.contains(shown));
        if unasked || !presentation.proven().iter().all(|p| query.prove.contains(p)) {
            return Err(Refusal::ClaimNotRequested);
        }
        match (&query.pseudonym, presentation.pseudonym()) {
            (None, None) => {}
            (None, Some(_)) => return Err(Refusal::ClaimNotRequested),
            (Some(scope), Some(given)) if *scope == given.scope && asked.verifier() == Some(&given.verifier) => {}
            (Some(_), _) => return Err(Refusal::QueryNotSatisfied),
        }
        let portrait = image.map(|image| self.portrait(image)).transpose()?;
        Ok(Answer { fresh: self, portrait })
    }

    /// PRES-15: a picture comes with a digest that was asked for, and is the one it is of.
    fn portrait(&self, image: Vec<u8>) -> Result<Portrait, Refusal> {
        let Authentic { presentation, evidence, .. } = &self.authentic;
        let attributes = &evidence.credential_type.attributes;
        let digest = |(name, value): &(String, Value)| {
            let attribute = attributes.iter().find(|attribute| attribute.name == *name)?;
            match (&attribute.encoding, value) {
                (Encoding::Digest, Value::Bytes(digest)) => Some(check_portrait(&image, digest)),
                _ => None,
            }
        };
        presentation.shown().iter().find_map(digest).ok_or(Refusal::ClaimNotRequested)??;
        Ok(Portrait(image))
    }
}

/// Answers the question.
struct Answer {
    fresh: Fresh,
    portrait: Option<Portrait>,
}

impl Answer {
    /// VERD-06: not withdrawn, as of the trust data.
    fn standing(
        self,
        trust: &TrustedState,
        epochs: &KnownEpochs,
        policy: &Policy,
        now: u64,
    ) -> Result<Standing, Refusal> {
        let authentic = &self.fresh.authentic;
        let status_as_of = match authentic.presentation.status() {
            HandleStatus::Listed(handle) => {
                let (list, index) = ((handle >> 32) as u32, handle as u32);
                let (issuer, of_type) = (&authentic.issuer, &authentic.evidence.credential_type.id);
                let entries = trust.status_list(issuer, of_type, list).ok_or(Refusal::StatusUnavailable)?;
                let anchor = trust.status_list_anchor(issuer, of_type, list).ok_or(Refusal::StatusUnavailable)?;
                match entries.status(index).map_err(|_| Refusal::StatusIndexOutOfRange)? {
                    Status::Valid => anchor.as_of,
                    Status::Revoked => return Err(Refusal::StatusRevoked),
                    Status::Suspended => return Err(Refusal::StatusSuspended),
                    Status::Unknown => return Err(Refusal::StatusUnknown),
                }
            }
            HandleStatus::VouchedFor(epoch) => {
                let newest = trust.status_epoch(&authentic.evidence.key_id).ok_or(Refusal::StatusUnavailable)?;
                if epoch.saturating_add(policy.status_lag_max) < newest.epoch {
                    return Err(Refusal::StatusStale);
                }
                // A token of a later epoch than the trust data knows vouches for that moment too.
                let began = match epoch >= newest.epoch {
                    true => newest.at,
                    false => epochs.began(&newest.issuer_key, epoch).ok_or(Refusal::StatusStale)?,
                };
                if now.saturating_sub(began) > policy.status_age_max {
                    return Err(Refusal::StatusTooOld);
                }
                began
            }
        };
        Ok(Standing { fresh: self.fresh, portrait: self.portrait, status_as_of })
    }
}

/// In good standing.
struct Standing {
    fresh: Fresh,
    portrait: Option<Portrait>,
    status_as_of: u64,
}

impl Standing {
    fn made_at(&self) -> u64 {
        self.fresh.authentic.presentation.freshness().made_at
    }

    /// What stands for this holder's one use of an event; none where nothing is to be done once.
    fn nullifier(&self) -> Option<[u8; 32]> {
        let pseudonym = self.fresh.authentic.presentation.pseudonym().filter(|pseudonym| pseudonym.scope.is_once())?;
        let hash = Sha256::new_with_prefix(domains::PSEUDONYM_USED).chain_update(protocol::cbor::to_vec(pseudonym));
        Some(hash.finalize().into())
    }

    fn verdict(self, trust: TrustGrade, issuer_known: IssuerKnown) -> Verdict {
        let Fresh { authentic: Authentic { presentation, evidence, issuer }, replay } = self.fresh;
        let credential_type = &evidence.credential_type;
        let claims = presentation.shown().iter().filter_map(|(name, value)| {
            let position = credential_type.position(name)?;
            let rendered = |lang| credential_type.render_value(position, value, lang);
            Some(Claim {
                name: name.clone(),
                label: credential_type.attributes.get(position)?.display.clone(),
                value: Label { ko: rendered("ko"), en: rendered("en") },
            })
        });
        Verdict {
            credential_type: credential_type.id.clone(),
            issuer,
            claims: claims.collect(),
            proven: presentation.proven().to_vec(),
            trust,
            issuer_known,
            status_as_of: self.status_as_of,
            portrait: self.portrait,
            replay,
            binding: presentation.binding(),
            made_at: presentation.freshness().made_at,
            pseudonym: presentation.pseudonym().map(|given| Recognition {
                scope: given.scope.clone(),
                name: given.scope.name(Day::in_korea(presentation.freshness().made_at)),
                value: hex::encode(given.value),
            }),
        }
    }
}
