//! The examples of OpenID4VP 1.0 through our own reading of queries.
//!
//! They are read from `$MID_VECTORS/openid4vp` or `../shared/vectors/openid4vp` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use protocol::exchange::dcql::{Candidate, DcqlQuery, Kind};
use serde_json::{Value, json};

fn example(name: &str) -> Option<DcqlQuery> {
    let path = vectors::at(&format!("openid4vp/1.0/examples/query_lang/{name}.json"))?;
    let text = std::fs::read_to_string(path).unwrap();
    // Two of the published examples end in the middle; their last brackets are added.
    let open = |a, b| text.matches(a).count().saturating_sub(text.matches(b).count());
    let whole = format!("{text}{}{}", "]".repeat(open('[', ']')), "}".repeat(open('{', '}')));
    let value: Value = serde_json::from_str(&whole).unwrap_or_else(|error| panic!("{name}: {error}"));
    let query = DcqlQuery::from_json(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(query.to_json(), value, "{name}: written as it was read");
    Some(query)
}

const PID: &str = "https://credentials.example.com/identity_credential";

fn pid(claims: &Value) -> Candidate<'_> {
    Candidate { kind: Kind::SdJwt { vct: PID }, claims, holder_bound: true, authorities: &[] }
}

fn mdoc<'a>(doctype: &'a str, claims: &'a Value) -> Candidate<'a> {
    Candidate { kind: Kind::MsoMdoc { doctype }, claims, holder_bound: true, authorities: &[] }
}

/// Places of the required and optional credential queries that can be answered.
fn places(query: &DcqlQuery, held: &[Candidate<'_>]) -> Option<(Vec<usize>, Vec<usize>)> {
    let plan = query.plan(held)?;
    let of = |list: &[(usize, Vec<_>)]| list.iter().map(|(at, _)| *at).collect();
    Some((of(&plan.required), of(&plan.optional)))
}

#[test]
fn examples_of_the_standard() {
    let person = json!({
        "family_name": "Doe", "given_name": "Jo", "address": { "street_address": "1" }, "postal_code": "90210",
        "locality": "L", "region": "R", "date_of_birth": "2000-01-01",
    });
    let Some(simple) = example("simple") else { return };
    assert_eq!(simple.credentials[0].claims.len(), 3);

    let query = example("value_matching_simple").unwrap();
    let chosen = query.credentials[0].select(&pid(&person)).unwrap();
    assert_eq!(chosen.pointers, ["/family_name", "/given_name", "/address/street_address", "/postal_code"]);
    let mut moved = person.clone();
    moved["postal_code"] = "10115".into();
    assert_eq!(query.plan(&[pid(&moved)]), None);

    let query = example("claims_alternatives").unwrap();
    assert_eq!(query.credentials[0].select(&pid(&person)).unwrap().claim_set, Some(0));
    let mut less = person.clone();
    less.as_object_mut().unwrap().remove("region");
    assert_eq!(query.credentials[0].select(&pid(&less)).unwrap().claim_set, Some(1));

    let vehicle = json!({ "org.iso.7367.1": { "vehicle_holder": "x" }, "org.iso.18013.5.1": { "given_name": "x" } });
    let query = example("simple_mdoc").unwrap();
    assert!(query.credentials[0].select(&mdoc("org.iso.7367.1.mVRC", &vehicle)).is_some());
    let query = example("multi_credentials").unwrap();
    assert_eq!(places(&query, &[pid(&person)]), None, "both are needed");
    assert_eq!(places(&query, &[pid(&person), mdoc("org.iso.7367.1.mVRC", &vehicle)]), Some((vec![0, 1], vec![])));

    let names = json!({ "org.iso.18013.5.1": { "given_name": "x", "family_name": "y", "portrait": "z",
        "resident_address": "a", "resident_country": "KR" } });
    let query = example("complex_mdoc").unwrap();
    assert_eq!(places(&query, &[mdoc("org.iso.18013.5.1.mDL", &names)]), Some((vec![0], vec![1])));
    assert_eq!(places(&query, &[mdoc("org.iso.23220.photoid.1", &names)]), Some((vec![2], vec![3])));
    let query = example("credentials_alternatives").unwrap();
    assert!(query.credential_sets.len() == 2 && !query.credential_sets[1].required);
    println!("7 published queries");
}
