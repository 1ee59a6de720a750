//! What stays in a phone's memory of the secrets that an answer was made with.

use protocol::credential::Layout;
use protocol::crypto::curve::Scalar;
use protocol::exchange::Freshness;
use tests::rng;
use tests::world::{EPOCH, NOW, World};

use crate::crowd::Seen;
use crate::freed;

#[test]
fn zkp_14_an_answer_leaves_no_secret_in_memory() {
    let world = World::new();
    let (held, issuing) = (&world.holder.identity, &world.identities);
    let messages = held.credential.messages(&issuing.credential_type, &held.secrets).unwrap();
    let hidden: Vec<Scalar> =
        messages.iter().enumerate().filter(|(index, _)| *index != Layout::DEVICE_KEY).map(|(_, m)| *m).collect();
    // The answer for a number that is 0 is its blinding: there is nothing to hide in it.
    let now = Freshness { made_at: NOW, request: None };
    for query in [world.profile("age-19"), world.rental()] {
        let at_once = || held.answer(issuing, &query, now, EPOCH, &mut rng("memory")).unwrap();
        let prepared = || held.prepare(issuing, &query, NOW, &mut rng("memory")).finish(now, None).unwrap().encode();
        for make in [&at_once as &dyn Fn() -> Vec<u8>, &prepared] {
            let shown = make();
            let seen = Seen::new(&shown);
            assert_eq!(seen.messages.len(), hidden.len());
            let answers = seen.messages.iter().zip(&hidden);
            let blinding = answers.map(|(answer, message)| *answer - *message * seen.challenge);
            let pairs = blinding.zip(&hidden).filter(|(_, message)| !message.is_zero());
            let secrets: Vec<_> = pairs.flat_map(|(blind, message)| [blind, *message]).collect();
            let left = freed::searched(&secrets, || drop(secrets.clone())).1;
            assert!(left >= secrets.len(), "the search finds what is left: {left}");
            let (again, left) = freed::searched(&secrets, make);
            assert!(again == shown && left == 0, "{left} secrets are left");
        }
    }
}
