//! What a page shows to the owner, as JSON.

use protocol::credential::{CredentialType, Encoding, Label};
use protocol::exchange::Predicate;
use serde_json::{Value, json};
use wallet_core::{Activity, Asked, Consent, CredentialState, Disclosure, Event, HeldCredential, OfferSheet};

fn label(label: &Label) -> Value {
    json!({ "ko": label.ko, "en": label.en })
}

/// A credential on its owner's own screen. Attributes of our own formats have their names in the type.
pub(super) fn card(held: &HeldCredential, known: Option<&CredentialType>) -> Value {
    let known = known.filter(|_| held.format.is_none());
    let attribute = |(position, (name, value)): (usize, &(Label, Label))| {
        let known = known.and_then(|known| known.attributes.get(position));
        json!({
            "name": known.map(|known| &known.name),
            "digest": known.is_some_and(|known| known.encoding == Encoding::Digest),
            "label": label(name), "value": label(value),
        })
    };
    let profile = |(id, name): &(String, Label)| json!({ "id": id, "name": label(name) });
    let state = match held.state {
        CredentialState::Usable => "usable",
        CredentialState::Expired => "expired",
        CredentialState::Suspended => "suspended",
        CredentialState::Withdrawn => "withdrawn",
    };
    json!({
        "id": held.id.to_string(),
        "type": held.credential_type,
        "name": label(&held.name),
        "issuer": held.issuer,
        "expiry": held.expiry.to_string(),
        "state": state,
        "copies": held.copies,
        "portrait": held.portrait.as_ref().map(hex::encode),
        "attributes": held.attributes.iter().enumerate().map(attribute).collect::<Vec<_>>(),
        "profiles": held.profiles.iter().map(profile).collect::<Vec<_>>(),
    })
}

/// An offer as the owner is asked about it.
pub(super) fn offer(sheet: &OfferSheet) -> Value {
    let types = sheet.credential_types.iter().map(|(id, name)| json!({ "id": id, "name": label(name) }));
    json!({
        "issuer": sheet.issuer,
        "url": sheet.url,
        "types": types.collect::<Vec<_>>(),
        "tx_code": sheet.tx_code,
    })
}

/// What the owner is asked before anything is answered.
pub(super) fn consent(consent: &Consent) -> Value {
    let attribute = |item: &wallet_core::ConsentItem| {
        let (kind, texts) = match &item.disclosure {
            Disclosure::Shown(value) => ("shown", vec![label(value)]),
            Disclosure::Proven(proven) => ("proven", proven.iter().map(|one| label(&one.text)).collect()),
            Disclosure::Kept => ("kept", Vec::new()),
        };
        json!({ "label": label(&item.display), "disclosure": kind, "texts": texts })
    };
    let recognition = |scope: &protocol::exchange::Scope| json!({ "ko": scope.text("ko"), "en": scope.text("en") });
    json!({
        "verifier": consent.verifier,
        "name": label(&consent.name),
        "purpose": consent.purpose.as_ref().map(label),
        "credential_name": label(&consent.credential_name),
        "attributes": consent.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "bound": consent.bound.as_ref().map(label),
        "recognition": consent.pseudonym.as_ref().map(recognition),
        "over_ask": consent.over_ask.as_ref().map(protocol::error_name),
        "expires_at": consent.expires_at,
    })
}

/// The credential type that an entry of the log is about.
pub(super) fn concerned(activity: &Activity) -> Option<&str> {
    match &activity.event {
        Event::Received { credential_type, .. }
        | Event::Deleted { credential_type }
        | Event::Displayed { credential_type, .. } => Some(credential_type),
        Event::Answered(asked)
        | Event::AnsweredOverAsk(asked)
        | Event::Declined(asked)
        | Event::Blocked(asked)
        | Event::Unanswered(asked) => Some(&asked.credential_type),
        Event::PinChanged => None,
    }
}

/// One entry of the log, in the words of the type it is about where the ledger knows it.
pub(super) fn activity(activity: &Activity, known: Option<&CredentialType>) -> Value {
    let plain = |text: &str| json!({ "ko": text, "en": text });
    let called = |name: &String| {
        let attribute = known.and_then(|known| known.attributes.iter().find(|attribute| attribute.name == *name));
        attribute.map_or_else(|| plain(name), |attribute| label(&attribute.display))
    };
    let of = concerned(activity).map(|id| known.map_or_else(|| plain(id), |known| label(&known.name)));
    let bare = |kind: &str| json!({ "at": activity.at, "kind": kind, "of": of });
    let asked = |kind: &str, asked: &Asked| {
        let proven = |one: &Predicate| json!({ "ko": one.text(known, "ko"), "en": one.text(known, "en") });
        json!({
            "at": activity.at, "kind": kind, "of": of, "party": asked.verifier,
            "name": { "ko": asked.name_ko, "en": asked.name_en }, "purpose": asked.purpose,
            "shown": asked.shown.iter().map(called).collect::<Vec<_>>(),
            "proven": asked.proven.iter().map(proven).collect::<Vec<_>>(),
        })
    };
    match &activity.event {
        Event::Received { .. } => bare("received"),
        Event::Deleted { .. } => bare("deleted"),
        Event::PinChanged => bare("pin-changed"),
        Event::Answered(what) => asked("answered", what),
        Event::AnsweredOverAsk(what) => asked("answered-over-ask", what),
        Event::Declined(what) => asked("declined", what),
        Event::Blocked(what) => asked("blocked", what),
        Event::Unanswered(what) => asked("unanswered", what),
        Event::Displayed { profile, .. } => {
            let name = known.and_then(|known| known.profile(profile));
            let name = name.map_or_else(|| plain(profile), |profile| label(&profile.name));
            json!({ "at": activity.at, "kind": "displayed", "of": of, "profile": name })
        }
    }
}
