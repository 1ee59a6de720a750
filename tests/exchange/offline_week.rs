//! What a holder who was offline for a week can still show, and how the verdict says it.

use protocol::exchange::Freshness;
use protocol::ledger::record::Record;
use protocol::ledger::testkit::TestLedger;
use tests::rng;
use tests::world::{AS_OF, EPOCH, NETWORK, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

const DAY: u64 = 24 * 3_600;

/// A ledger of eight days ago with everybody on it.
fn eight_days_ago(world: &World) -> TestLedger {
    let usual = world.trust("usual");
    let records = usual.envelopes().map(|envelope| envelope.record.clone());
    let records: Vec<_> = records.filter(|record| !matches!(record, Record::Governance(_))).collect();
    let begun = (AS_OF - 8 * DAY) * 1_000;
    let mut ledger = TestLedger::new(NETWORK, tests::seed("network"), [9; 32], begun).unwrap();
    ledger.write(&records, begun + 1_000);
    ledger
}

fn begin_epoch(ledger: &mut TestLedger, world: &World, epoch: u32, at: u64) {
    let state = ledger.trusted_state().unwrap();
    let mut begun = state.status_epoch(&world.identities.record.key_id()).unwrap().clone();
    (begun.epoch, begun.at) = (epoch, at);
    ledger.write(&[Record::StatusEpoch(begun)], at * 1_000);
}

#[test]
fn a_token_of_last_week_is_good_only_where_the_policy_says_so_and_the_verdict_says_of_when() {
    let world = World::new();
    let query = world.profile("age-19");
    let freshness = Freshness { made_at: NOW, request: None };
    let of_epoch = |epoch: u32, name: &str| {
        world.holder.identity.answer(&world.identities, &query, freshness, epoch, &mut rng(name)).unwrap()
    };
    let (old, new) = (of_epoch(EPOCH - 7, "old"), of_epoch(EPOCH, "new"));

    let mut ledger = eight_days_ago(&world);
    let usual = || Verifier::new(Policy::default(), SeenInMemory::default());
    let lenient = Policy { status_lag_max: 7, status_age_max: 8 * DAY, ..Policy::default() };
    let mut patient = Verifier::new(lenient, SeenInMemory::default());
    let mut hurried = Verifier::new(Policy { status_age_max: 6 * DAY, ..lenient }, SeenInMemory::default());
    for back in (0..=7).rev() {
        begin_epoch(&mut ledger, &world, EPOCH - back, AS_OF - u64::from(back) * DAY);
        let trust = ledger.trusted_state().unwrap();
        patient.observe(&trust);
        hurried.observe(&trust);
    }
    let trust = ledger.trusted_state().unwrap();
    let asked = Asked::Displayed(&query);
    let name = |result: Result<_, verifier::Refusal>| result.map(|_: verifier::Verdict| ()).map_err(|why| why.name());

    assert_eq!(name(usual().check(&asked, &old, &trust, NOW)), Err("StatusStale".into()));
    let verdict = patient.check(&asked, &old, &trust, NOW).unwrap();
    assert_eq!(verdict.status_as_of(), AS_OF - 7 * DAY, "not the newest epoch's");
    assert_eq!(name(hurried.check(&asked, &old, &trust, NOW)), Err("StatusTooOld".into()));
    // One that was not there all week does not know when that epoch began, and does not guess.
    let mut newcomer = Verifier::new(lenient, SeenInMemory::default());
    assert_eq!(name(newcomer.check(&asked, &old, &trust, NOW)), Err("StatusStale".into()));
    // Everybody accepts the newest, as of today.
    for verifier in [&mut usual(), &mut patient, &mut hurried, &mut newcomer] {
        assert_eq!(verifier.check(&asked, &new, &trust, NOW).unwrap().status_as_of(), AS_OF);
    }
    // The licence is on a list that the verifier has: a holder offline shows it as ever.
    let roadside = world.profile("roadside");
    let licence = world.holder.licence.show(&world.licences, &roadside, &mut rng("licence"));
    let usual_trust = world.trust("usual");
    assert_eq!(name(usual().check(&Asked::Displayed(&roadside), &licence, &usual_trust, NOW)), Ok(()));
}

#[test]
fn verd_06_the_newest_epoch_has_an_age_too() {
    let world = World::new();
    let query = world.profile("age-19");
    let code = world.holder.identity.show(&world.identities, &query, &mut rng("code"));
    let trust = world.trust("epoch-days-ago");
    let check = |age| {
        let policy = Policy { status_age_max: age, ..Policy::default() };
        let mut verifier = Verifier::new(policy, SeenInMemory::default());
        verifier.check(&Asked::Displayed(&query), &code, &trust, NOW).map(|_| ()).map_err(|why| why.name())
    };
    assert_eq!(check(2 * DAY), Err("StatusTooOld".into()));
    assert_eq!(check(2 * DAY + 1), Ok(()));
}
