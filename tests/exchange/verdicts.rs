//! Verdicts that a careless verifier must not get either: of another ledger's keys, of more than its question.

use protocol::exchange::Query;
use protocol::ledger::record::Record;
use protocol::ledger::testkit::TestLedger;
use tests::rng;
use tests::world::{AS_OF, NETWORK, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

fn verifier() -> Verifier<SeenInMemory> {
    Verifier::new(Policy::default(), SeenInMemory::default())
}

#[test]
fn one_ledgers_keys_are_not_used_under_another_of_the_same_height() {
    let world = World::new();
    let here = world.trust("usual");
    // The same organisations with the same keys on another network: a rehearsal beside the real one.
    let mut rehearsal = TestLedger::new(NETWORK, [9; 32], [9; 32], (AS_OF - 3_600) * 1_000).unwrap();
    let records = here.envelopes().map(|envelope| envelope.record.clone());
    let records: Vec<_> = records.filter(|record| !matches!(record, Record::Governance(_))).collect();
    rehearsal.write(&records, AS_OF * 1_000);
    let there = rehearsal.trusted_state().unwrap();
    assert_eq!(here.height(), there.height());
    let query = world.profile("age-19");
    let show = |name| world.holder.identity.show(&world.identities, &query, &mut rng(name));
    let mut verifier = verifier();
    let mut check = |code: &[u8], trust| {
        verifier.check(&Asked::Displayed(&query), code, trust, NOW).map(|_| ()).map_err(|why| why.name())
    };
    assert_eq!(check(&show("first"), &here), Ok(()));
    assert_eq!(check(&show("second"), &there), Err("ProofInvalid".into()));
    assert_eq!(check(&show("third"), &here), Ok(()));
}

#[test]
fn d28_a_question_that_repeats_itself_makes_no_room_for_more() {
    let world = World::new();
    let trust = world.trust("usual");
    let asking = |names: &[&str]| Query {
        show: names.iter().map(|name| (*name).to_owned()).collect(),
        ..world.profile("roadside")
    };
    let (name, twice) = (asking(&["name_en"]), asking(&["name_en", "name_en"]));
    let more = asking(&["name_en", "address"]);
    let check = |asked: &Query, shown: &Query, seed| {
        let code = world.holder.licence.show(&world.licences, shown, &mut rng(seed));
        let verdict = verifier().check(&Asked::Displayed(asked), &code, &trust, NOW);
        verdict.map(|verdict| verdict.claims().len()).map_err(|why| why.name())
    };
    assert_eq!(check(&name, &name, "asked"), Ok(1));
    assert_eq!(check(&twice, &name, "asked twice"), Ok(1));
    assert_eq!(check(&name, &more, "more"), Err("ClaimNotRequested".into()));
    assert_eq!(check(&twice, &more, "more than twice"), Err("ClaimNotRequested".into()));
}
