//! Stories from beginning to end, between separate processes over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

mod bank;
mod counter;
mod enrolment;
mod held;
mod log_in;
mod lost_phone;
mod moved;
mod remote;
mod rental;

use serde_json::{Value, json};

/// The licence as SD-JWT VC, of which these claims are asked.
fn licence(claims: &[&str]) -> Value {
    let claims: Vec<_> = claims.iter().map(|claim| json!({ "path": [claim] })).collect();
    json!({ "credentials": [{
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [journeys::LICENCE] }, "claims": claims,
    }] })
}

/// A purpose for which claims of the licence are registered.
fn purpose(id: &str, ko: &str, en: &str, claims: &[&str]) -> Value {
    let permit = json!({
        "credential_type": journeys::LICENCE, "claims": claims, "predicates": [], "pseudonyms": [],
    });
    json!({ "id": id, "text": { "ko": ko, "en": en }, "permits": [permit] })
}

/// A member of an answer that is a text.
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned()
}
