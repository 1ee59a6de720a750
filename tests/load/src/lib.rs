//! What issuer and verifier bear: the program as people run it, under an open-loop load of wallets and relying parties.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise"
)]

pub mod issuing;
pub mod open_loop;
pub mod presenting;
pub mod service;

use issuing::take_up;
use open_loop::{Ended, Load, Report, run};
use presenting::{Licence, Prepared};
use service::Service;

fn ended(outcome: Result<(), Ended>) -> Ended {
    outcome.map_or_else(|other| other, |()| Ended::Done)
}

/// Wallets take up `offers`, one each; their keys are counted from `first`.
#[must_use]
pub fn issues(service: &Service, load: Load, offers: &[String], first: usize) -> Report {
    run(load, |http, number| ended(take_up(service, http, &offers[number], first + number).map(drop)))
}

/// Whole presentations: request, fetch, answer, verdict.
#[must_use]
pub fn presentations(service: &Service, load: Load, licence: &Licence) -> Report {
    run(load, |http, number| {
        ended(licence.prepare(service, http, number).and_then(|it| {
            it.send(http)?;
            it.verdict(service, http)
        }))
    })
}

/// Answers that were made before, at the rate of `load`. Afterwards each relying party reads its verdict.
///
/// # Panics
/// When an answer that was taken has no verdict.
#[must_use]
pub fn answers(service: &Service, load: Load, prepared: &[Prepared]) -> Report {
    let taken: Vec<_> = prepared.iter().map(|_| std::sync::atomic::AtomicBool::new(false)).collect();
    let report = run(load, |http, number| {
        let ended = ended(prepared[number].send(http));
        taken[number].store(ended == Ended::Done, std::sync::atomic::Ordering::Relaxed);
        ended
    });
    let http = open_loop::Http::default();
    for (prepared, taken) in prepared.iter().zip(taken) {
        if taken.into_inner() {
            assert_eq!(prepared.verdict(service, &http), Ok(()), "an answer that was taken has a verdict");
        }
    }
    report
}

/// Makes so many answers, one after another.
///
/// # Panics
/// When one is not made.
#[must_use]
pub fn prepare(service: &Service, licence: &Licence, count: usize) -> Vec<Prepared> {
    let http = open_loop::Http::default();
    (0..count).map(|number| licence.prepare(service, &http, number).expect("an answer")).collect()
}

/// A licence in a phone, from one of `offers`.
///
/// # Panics
/// When it is not issued.
#[must_use]
pub fn licence(service: &Service, offer: &str) -> Licence {
    let phone = take_up(service, &open_loop::Http::default(), offer, usize::MAX >> 1).expect("a licence");
    Licence::of(phone, service)
}
