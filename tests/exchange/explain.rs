//! What a code reveals and what not, as `mid zk explain` prints it, against files under `tests/golden/explain`.
//!
//! `MID_GOLDEN=write` writes the files anew; look at what changed.

use std::fs;
use std::path::Path;

use protocol::exchange::{Bound, Period, Presentation, Scope};
use tests::rng;
use tests::world::{NOW, World};

fn codes(world: &World) -> Vec<(&'static str, Vec<u8>)> {
    let request = world.shop_request("explained");
    let (identity, licence) = (&world.holder.identity, &world.holder.licence);
    let show = |profile: &str| match profile {
        "roadside" => licence.show(&world.licences, &world.profile(profile), &mut rng("explained")),
        _ => identity.show(&world.identities, &world.profile(profile), &mut rng("explained")),
    };
    let answer = identity.reply(&world.identities, &world.profile("age-19"), &request, &mut rng("explained"));
    let bound = world.holder.copy.show(&world.identities, &world.profile("age-19-bound"), &mut rng("explained"));
    let rental = world.asked(&world.rental_request(Some(Scope::Period(Period::Day)), "explained"));
    let recognised = identity.answer_to(&world.identities, &rental, NOW, &mut rng("explained")).unwrap();
    vec![
        ("age-19", show("age-19")),
        ("age-19-answer", answer),
        ("bound", bound),
        ("recognised", recognised),
        ("roadside", show("roadside")),
    ]
}

fn golden(name: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/explain").join(name);
    if std::env::var_os("MID_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn explanations_say_what_they_said() {
    let world = World::new();
    let types = [world.identities.credential_type.clone(), world.licences.credential_type.clone()];
    for (name, code) in codes(&world) {
        let explanation = Presentation::decode(&code).unwrap().explain(&types);
        golden(&format!("{name}.en.txt"), &explanation.text("en"));
        golden(&format!("{name}.ko.txt"), &explanation.text("ko"));
        golden(&format!("{name}.json"), &format!("{}\n", serde_json::to_string_pretty(&explanation).unwrap()));
        let bytes = explanation.bytes;
        let parts = [bytes.proof_base, bytes.proof_hidden, bytes.proof_statements, bytes.device, bytes.envelope];
        assert_eq!((bytes.total, parts.iter().sum::<usize>()), (code.len(), code.len()));
    }
}

/// Whoever does not know the type still learns what can be read, and no more; what is hidden is not in the explanation
/// because it is not in the code.
#[test]
fn an_unknown_type_is_told_by_position_and_nothing_hidden_is_said() {
    let world = World::new();
    for (name, code) in codes(&world) {
        let received = Presentation::decode(&code).unwrap();
        let blind = received.explain(&[]);
        assert!(blind.credential_type.is_none() && blind.text("en").contains("not known here"));
        // What is stated is in the clear, so whoever does not know the type is told of it, too.
        let stated = |text: &str| blind.text("en").contains(text) && blind.text("ko").contains("19");
        assert!(name == "roadside" || stated("aged 19 or over"), "{}", blind.text("en"));
        assert!(name != "recognised" || stated("classes: one of 1-large"), "{}", blind.text("en"));
        // The other type does not fit.
        let other = if name == "roadside" { &world.identities } else { &world.licences };
        assert_eq!(received.explain(std::slice::from_ref(&other.credential_type)).credential_type, None);
        let known = received.explain(std::slice::from_ref(&world.identities.credential_type));
        // A key for one code is not told as one that is recognised; without the type nobody knows which it is.
        if let Bound::HardwareKey { one_time, .. } = &blind.bound {
            assert_eq!((*one_time, name), (None, name));
        }
        if let Bound::HardwareKey { one_time, .. } = &known.bound
            && name == "bound"
        {
            assert_eq!(*one_time, Some(true));
        }
        // Whom a pseudonym is for is in the clear.
        let verifier = world.shop.did.to_string();
        assert_eq!(name == "recognised", known.text("en").contains(&verifier), "{name}");
        if name != "roadside" {
            for canary in world.canaries() {
                assert!(!known.text("en").contains(&canary) && !known.text("ko").contains(&canary), "{name}");
            }
        }
    }
}
