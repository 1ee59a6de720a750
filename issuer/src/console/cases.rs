//! What a clerk asks, and a second one decides (CONS-06).
//!
//! | kind | needs a second pair of eyes | what it does |
//! |---|---|---|
//! | issue | yes | an offer may be handed over at the counter |
//! | re-issue | yes | the same, and the credential that the person holds is withdrawn for the new one |
//! | suspend | no, it protects and can be undone | at once |
//! | reinstate | yes | when it is approved |
//! | withdraw | yes, there is no way back | when it is approved |
//!
//! The offer is made when it is handed over, and shown once: the store never has it. What was approved is the state of the
//! register's entry that the approver saw; if the entry changes, nothing is handed over (CONS-09).

use rand_core::CryptoRng;

use super::case::{Case, CaseKind, CaseState, Wish};
use super::{Clerk, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::offer::{MadeOffer, OfferTerms};
use crate::register::{Person, PersonId};
use crate::store::{AuditEvent, NewCase, Writer};
use crate::suspend::Suspension;
use crate::withdraw::{Withdrawal, forbid_renewals};

/// Seconds within which what was approved is handed over: 14 days.
pub(super) const APPROVAL_LIFE: u64 = 14 * 86_400;
/// Seconds the offer lives that is handed over at the counter.
const OFFER_LIFE: u64 = 600;
/// Most cases on one page.
const PAGE: u32 = 100;

impl Issuer {
    /// A person's entry of the register, for a clerk; that it was looked at is on record (CONS-08).
    pub(crate) fn console_person(&self, clerk: &Clerk, person: &PersonId, now: u64) -> Result<Person, ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        let entry = self.register.person(person)?;
        self.store
            .write(|store| store.audit_of(&clerk.id, None, now, AuditEvent::PersonViewed, "", person.as_str(), 0))?;
        Ok(entry)
    }

    /// The newest cases of a person.
    pub(crate) fn console_cases_of(&self, person: &PersonId) -> Result<Vec<Case>, ConsoleError> {
        Ok(self.store.read(|store| store.cases_of(person, PAGE))?)
    }

    /// What waits for a decision, and what may be handed over.
    pub(crate) fn console_cases(&self, clerk: &Clerk) -> Result<[Vec<Case>; 2], ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        Ok(self
            .store
            .read(|store| Ok([store.cases_in(CaseState::Asked, PAGE)?, store.cases_in(CaseState::Approved, PAGE)?]))?)
    }

    /// One case.
    pub(crate) fn console_case(&self, clerk: &Clerk, number: u64) -> Result<Case, ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        self.store.read(|store| store.case(number))?.ok_or(ConsoleError::CaseUnknown)
    }

    /// Asks for something that a second clerk decides. Returns the case's number.
    pub(crate) fn console_ask(&self, clerk: &Clerk, wish: &Wish<'_>, now: u64) -> Result<u64, ConsoleError> {
        clerk.must_be(&[Role::Clerk])?;
        if wish.kind == CaseKind::Suspend {
            return self.suspend_now(clerk, wish, now);
        }
        self.well_formed(wish)?;
        let entry = self.looked_at(wish)?;
        Ok(self.store.write(|store| {
            self.possible(store, wish)?;
            let number = store.add_case(&new_case(clerk, wish, entry.revision, now))?;
            audit_types(store, clerk, wish, now, AuditEvent::CaseAsked, number)?;
            Ok(number)
        })?)
    }

    /// Suspends at once: types of a person, or everything where none is named, as after a call that the phone is lost.
    fn suspend_now(&self, clerk: &Clerk, wish: &Wish<'_>, now: u64) -> Result<u64, ConsoleError> {
        if !wish.types.is_empty() {
            self.well_formed(wish)?;
        }
        let (number, changed) = self.store.write(|store| {
            let number = store.add_case(&NewCase { state: CaseState::Done, ..new_case(clerk, wish, 0, now) })?;
            audit_types(store, clerk, wish, now, AuditEvent::CaseAsked, number)?;
            Ok((number, self.change_types(store, wish, now)?))
        })?;
        self.advance_epochs(&changed, now)?;
        Ok(number)
    }

    /// Approves or refuses what someone else asked (CONS-06).
    pub(crate) fn console_decide(
        &self,
        clerk: &Clerk,
        number: u64,
        approve: bool,
        now: u64,
    ) -> Result<(), ConsoleError> {
        clerk.must_be(&[Role::Approver])?;
        let case = self.console_case(clerk, number)?;
        if case.job.is_some() || case.state != CaseState::Asked {
            return Err(ConsoleError::CaseNotAtStep);
        }
        if case.asked_by == clerk.id {
            return Err(ConsoleError::FourEyesRequired); // CONS-06
        }
        let wish = case.wish();
        if approve && wish.kind.offers() && self.looked_at(&wish)?.revision != case.revision {
            return Err(IssuerError::EntryChanged.into()); // CONS-09
        }
        let (to, event) = match (approve, wish.kind.offers()) {
            (false, _) => (CaseState::Refused, AuditEvent::CaseRefused),
            (true, true) => (CaseState::Approved, AuditEvent::CaseApproved),
            (true, false) => (CaseState::Done, AuditEvent::CaseApproved),
        };
        let changed = self.store.write(|store| {
            // Somebody else may have been faster.
            if !store.move_case(number, CaseState::Asked, to)? {
                return Ok(None);
            }
            store.decide_case(number, &clerk.id, now)?;
            audit_types(store, clerk, &wish, now, event, number)?;
            if to == CaseState::Done { self.change_types(store, &wish, now).map(Some) } else { Ok(Some(Vec::new())) }
        })?;
        self.advance_epochs(&changed.ok_or(ConsoleError::CaseNotAtStep)?, now)?;
        Ok(())
    }

    /// Makes the offer of an approved case, once: whoever calls shows it to the person.
    pub(crate) fn console_hand_over<R: CryptoRng + ?Sized>(
        &self,
        clerk: &Clerk,
        number: u64,
        now: u64,
        rng: &mut R,
    ) -> Result<MadeOffer, ConsoleError> {
        clerk.must_be(&[Role::Clerk])?;
        let case = self.console_case(clerk, number)?;
        if case.state != CaseState::Approved {
            return Err(ConsoleError::CaseNotAtStep);
        }
        if now >= case.decided_at.unwrap_or_default().saturating_add(APPROVAL_LIFE) {
            return Err(ConsoleError::ApprovalExpired); // CONS-09
        }
        let entry = self.looked_at(&case.wish())?;
        if entry.revision != case.revision {
            return Err(IssuerError::EntryChanged.into()); // CONS-09
        }
        let terms = OfferTerms {
            credential_types: case.credential_types.clone(),
            with_tx_code: true,
            replaces: case.kind == CaseKind::Reissue,
            review: false,
            life: OFFER_LIFE,
        };
        let made = self.store.write(|store| {
            if !store.move_case(number, CaseState::Approved, CaseState::Done)? {
                return Ok(None);
            }
            audit_types(store, clerk, &case.wish(), now, AuditEvent::CaseHandedOver, number)?;
            self.offer_in(store, &entry, &terms, now, rng).map(Some)
        })?;
        made.ok_or(ConsoleError::CaseNotAtStep)
    }

    /// Types that this issuer has, each once, and at least one; and a reason where one is wanted, and nowhere else.
    pub(super) fn well_formed(&self, wish: &Wish<'_>) -> Result<(), ConsoleError> {
        let types = wish.types;
        let twice = types.iter().enumerate().any(|(at, id)| types.iter().skip(at + 1).any(|other| other == id));
        // CONS-14
        if types.is_empty() || twice || wish.reason.is_some() != (wish.kind == CaseKind::Withdraw) {
            return Err(ConsoleError::FormMalformed);
        }
        Ok(types.iter().try_for_each(|id| self.entry(id).map(drop))?)
    }

    /// The person's entry, fit for what is asked.
    pub(super) fn looked_at(&self, wish: &Wish<'_>) -> Result<Person, IssuerError> {
        if wish.kind.offers() {
            self.proofed(wish.person, wish.types)
        } else {
            Ok(self.register.person(wish.person)?)
        }
    }

    /// Whether it could be carried out now, so that nobody is asked in vain.
    pub(super) fn possible(&self, store: &Writer<'_>, wish: &Wish<'_>) -> Result<(), IssuerError> {
        let Wish { kind, person, types, .. } = *wish;
        if kind.offers() {
            return types.iter().try_for_each(|id| self.may_be_offered(store, person, id, kind == CaseKind::Reissue));
        }
        let held = |id: &String| store.active_handle(person, id)?.map(drop).ok_or(IssuerError::CredentialUnknown);
        types.iter().try_for_each(held)
    }

    /// Suspends, reinstates or withdraws what the person holds of these types, of all where none is named. Returns of which it
    /// changed anything.
    pub(super) fn change_types(
        &self,
        store: &Writer<'_>,
        wish: &Wish<'_>,
        now: u64,
    ) -> Result<Vec<String>, IssuerError> {
        let Wish { person, types, .. } = *wish;
        let mut held = store.issued(person)?;
        held.retain(|it| types.is_empty() || types.contains(&it.credential_type));
        let ever = !held.is_empty();
        held.retain(|it| it.revoked_at.is_none());
        if wish.kind == CaseKind::Suspend && ever {
            // VCI-29: a phone that is lost gets nothing anew either, also of what was withdrawn before.
            match types {
                [] => store.end_renewals(person, None)?,
                some => some.iter().try_for_each(|id| store.end_renewals(person, Some(id)))?,
            }
        } else if held.is_empty() {
            return Err(IssuerError::CredentialUnknown);
        }
        let mut changed = Vec::new();
        for credential in held {
            let entry = self.entry(&credential.credential_type)?;
            let handle = credential.handle;
            let moved = match wish.reason {
                Some(reason) => {
                    forbid_renewals(store, person, Some(&credential.credential_type), reason)?;
                    self.revoke_in(store, entry, person, handle, reason, now)? == Withdrawal::Revoked
                }
                None => {
                    let (since, event) = match wish.kind {
                        CaseKind::Suspend => (Some(now), AuditEvent::Suspended),
                        _ => (None, AuditEvent::Reinstated),
                    };
                    self.change_in(store, entry, person, handle, since, event, now)? == Suspension::Changed
                }
            };
            if moved {
                changed.push(credential.credential_type);
            }
        }
        Ok(changed)
    }
}

fn new_case<'a>(clerk: &'a Clerk, wish: &Wish<'a>, revision: u32, now: u64) -> NewCase<'a> {
    NewCase { job: None, wish: *wish, revision, state: CaseState::Asked, asked_by: &clerk.id, asked_at: now }
}

/// One entry for each type, or one without a type.
fn audit_types(
    store: &Writer<'_>,
    clerk: &Clerk,
    wish: &Wish<'_>,
    now: u64,
    event: AuditEvent,
    number: u64,
) -> Result<(), IssuerError> {
    let entry = |id: &str| store.audit_of(&clerk.id, Some(wish.kind), now, event, id, wish.person.as_str(), number);
    if wish.types.is_empty() { entry("") } else { wish.types.iter().try_for_each(|id| entry(id)) }
}
