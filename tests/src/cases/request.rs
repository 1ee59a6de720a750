//! What wallets are asked and offered.

use protocol::credential::HolderBinding;
use protocol::exchange::{Offer, Period, Query, Request, Scope};

use super::{Case, flip};
use crate::wire::RequestWire;
use crate::world::{NOW, World};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = authenticity(world);
    cases.extend(questions(world));
    cases.extend(offers(world));
    cases
}

fn valid(world: &World) -> (Case, Request) {
    let request = world.request(&world.shop, "age-check", world.profile("age-19"), "request of the shop");
    let bytes = request.sign(&world.shop.key).expect("a software key").encode();
    assert_eq!(bytes, world.shop_request("request of the shop").encode());
    (Case::valid("request", "shop", "The shop asks for an age.", bytes).with("trust", "usual"), request)
}

fn authenticity(world: &World) -> Vec<Case> {
    let (good, request) = valid(world);
    let bytes = &good.bytes;
    let payload = protocol::cbor::to_vec(&request);
    let (shop, patrol) = (&world.shop.key, &world.patrol.key);
    let broken = |id: &str, slug: &str, title: &str, expect: &str, bytes| good.broken(id, slug, title, expect, bytes);
    let sign = |request: &Request| RequestWire::sign(protocol::cbor::to_vec(request), shop).encode();
    let signed = |id: &str, slug: &str, title: &str, expect: &str, change: &dyn Fn(&mut Request)| {
        let mut changed = request.clone();
        change(&mut changed);
        broken(id, slug, title, expect, sign(&changed))
    };
    // The payload begins: array of 8 (0x88), version 1.
    assert_eq!(payload[..2], [0x88, 1]);
    let version_2 = RequestWire::sign([&[0x88, 2], &payload[2..]].concat(), shop).encode();
    let longer = RequestWire::sign([&[0x88, 0x18, 1], &payload[2..]].concat(), shop).encode();
    let at = |now: u64, id: &str, slug: &str, title: &str, expect: &str| {
        good.under(("now", &now.to_string()), id, slug, title, expect)
    };
    let under = |trust: &str, id: &str, slug: &str, title: &str, expect: &str| {
        good.under(("trust", trust), id, slug, title, expect)
    };
    vec![
        broken("E01", "empty", "Nothing at all.", "MalformedRequest", vec![]),
        broken(
            "A36",
            "trailing-byte",
            "A byte follows the request.",
            "MalformedRequest",
            [bytes.as_slice(), &[0]].concat(),
        ),
        broken(
            "E01",
            "too-large",
            "More bytes than a request may have.",
            "MalformedRequest",
            [bytes.as_slice(), &[0; 2_048]].concat(),
        ),
        broken(
            "A36",
            "payload-not-canonical",
            "The signed bytes spell the version in two bytes.",
            "MalformedRequest",
            longer,
        ),
        broken(
            "A36",
            "payload-empty",
            "A signature on nothing.",
            "MalformedRequest",
            RequestWire::sign(vec![], shop).encode(),
        ),
        broken("E02", "newer-version", "Version 2.", "UnsupportedVersion", version_2),
        signed("K03", "unknown-verifier", "From someone who is not on the ledger.", "VerifierNotRegistered", &|r| {
            r.verifier = protocol::identifier::Did::derive("test", b"nobody").expect("a name");
        }),
        signed(
            "K03",
            "not-a-verifier",
            "From the police, which registered no purpose.",
            "VerifierNotRegistered",
            &|r| r.verifier = world.police.did.clone(),
        ),
        under(
            "verifier-withdrawn",
            "K21",
            "registration-withdrawn",
            "The registration was withdrawn.",
            "VerifierNotRegistered",
        ),
        under(
            "verifier-unknown",
            "K21",
            "registration-missing",
            "There are no registrations.",
            "VerifierNotRegistered",
        ),
        signed("A10", "unknown-fragment", "A key that the shop does not have.", "KeyNotTrusted", &|r| {
            r.key = "key-2".into()
        }),
        signed("A10", "fragment-with-path", "A key name that is a path.", "KeyNotTrusted", &|r| {
            r.key = "../../key-1".into()
        }),
        under("verifier-key-retired", "C17", "key-retired", "The key's time was over when it signed.", "KeyNotTrusted"),
        broken(
            "K01",
            "signed-by-another",
            "Signed by the patrol in the shop's name.",
            "RequestNotAuthenticated",
            RequestWire::sign(payload.clone(), patrol).encode(),
        ),
        broken(
            "K01",
            "signature-flipped",
            "A bit of the signature.",
            "RequestNotAuthenticated",
            flip(bytes, bytes.len() - 1, 1),
        ),
        broken("K01", "question-changed", "A bit of the nonce, changed on the way.", "RequestNotAuthenticated", {
            let at = bytes.windows(16).position(|window| window == request.nonce).expect("the nonce");
            flip(bytes, at, 1)
        }),
        at(NOW + 120, "K11", "expired", "The request has run out.", "RequestExpired"),
        at(NOW - 9, "A34", "from-the-future", "Made nine seconds from now.", "IssuedInFuture"),
        signed("E14", "valid-too-long", "Valid for ten minutes and a second.", "ValidityTooLong", &|r| {
            r.expires_at = r.issued_at + 601
        }),
        signed("E14", "valid-for-ever", "Valid until the end of time.", "ValidityTooLong", &|r| {
            r.expires_at = u64::MAX
        }),
        signed("L04", "ends-before-it-begins", "Runs out before it is made.", "RequestExpired", &|r| {
            r.expires_at = r.issued_at - 1
        }),
        good,
    ]
}

fn questions(world: &World) -> Vec<Case> {
    let (good, request) = valid(world);
    let roadside = world.request(&world.patrol, "roadside", world.profile("roadside"), "request of the patrol");
    let patrols = roadside.sign(&world.patrol.key).expect("a software key").encode();
    let patrols =
        Case { bytes: patrols, slug: "patrol".into(), title: "The patrol asks for a licence.".into(), ..good.clone() };
    let from_patrol = |id: &str, slug: &str, title: &str, expect: &str, purpose: &str, query: Query| {
        let mut asked = roadside.clone();
        (asked.purpose, asked.query) = (purpose.into(), query);
        patrols.broken(id, slug, title, expect, asked.sign(&world.patrol.key).expect("a software key").encode())
    };
    let from_shop = |id: &str, slug: &str, title: &str, expect: &str, query: Query| {
        let mut asked = request.clone();
        asked.query = query;
        good.broken(id, slug, title, expect, asked.sign(&world.shop.key).expect("a software key").encode())
    };
    let (licence, age) = (world.profile("roadside"), world.profile("age-19"));
    let show = |names: &[&str]| Query { show: names.iter().map(|name| (*name).into()).collect(), ..licence.clone() };
    vec![
        from_patrol(
            "K13",
            "unknown-attribute",
            "An attribute that the type does not have.",
            "QueryNotAnswerable",
            "roadside",
            show(&["blood_type"]),
        ),
        from_patrol(
            "K13",
            "attribute-twice",
            "The same attribute twice.",
            "QueryNotAnswerable",
            "roadside",
            show(&["name_ko", "name_ko"]),
        ),
        from_patrol(
            "K13",
            "unknown-type",
            "A type that the ledger does not define.",
            "QueryNotAnswerable",
            "roadside",
            Query { credential_type: "kr.go.police.gun-licence.1".into(), ..licence.clone() },
        ),
        from_patrol(
            "D19",
            "weaker-binding",
            "A licence without its phone's key.",
            "QueryNotAnswerable",
            "roadside",
            Query { binding: HolderBinding::LinkSecret, ..licence.clone() },
        ),
        from_shop("K13", "age-zero", "An age that everyone has.", "QueryNotAnswerable", world.age(0)),
        from_shop("K13", "age-126", "An age that nobody has.", "QueryNotAnswerable", world.age(126)),
        from_patrol(
            "K19",
            "purpose-not-registered",
            "A purpose that was not registered.",
            "PurposeNotRegistered",
            "marketing",
            licence.clone(),
        ),
        from_patrol(
            "K19",
            "type-not-registered",
            "A licence for a purpose that covers ages.",
            "TypeNotRegistered",
            "age-check",
            licence.clone(),
        ),
        from_patrol(
            "K19",
            "attribute-not-registered",
            "The address, at the roadside.",
            "AttributeNotRegistered",
            "roadside",
            show(&["licence_number", "address"]),
        ),
        from_shop(
            "K19",
            "statement-not-registered",
            "18 years, where 19 are registered.",
            "PredicateNotRegistered",
            world.age(18),
        ),
        from_shop(
            "K19",
            "attribute-beside-statement",
            "The gender beside the statement.",
            "AttributeNotRegistered",
            Query { show: vec!["gender".into()], ..age.clone() },
        ),
        from_shop(
            "K19",
            "pseudonym-not-registered",
            "A pseudonym where none is registered.",
            "PseudonymNotRegistered",
            Query { pseudonym: Some(Scope::Period(Period::Day)), ..age.clone() },
        ),
        from_shop(
            "K13",
            "shown-and-proven",
            "The birth date in the clear and a statement about it.",
            "QueryNotAnswerable",
            Query { show: vec!["birth_date".into()], ..age },
        ),
        from_shop(
            "K19",
            "binding-not-registered",
            "A phone's key, where none is registered.",
            "BindingNotRegistered",
            world.profile("age-19-bound"),
        ),
        patrols,
        Case {
            bytes: world.rental_request(Some(Scope::Period(Period::Month)), "request of the rental").encode(),
            slug: "rental".into(),
            title: "The shop asks a driver for a pseudonym.".into(),
            ..good.clone()
        },
    ]
}

fn offers(world: &World) -> Vec<Case> {
    let offer = Offer {
        issuer: world.police.did.clone(),
        url: "https://issue.police.example".into(),
        code: [7; 16],
        credential_types: vec![world.licences.credential_type.id.clone()],
        tx_code: true,
        expires_at: NOW + 600,
    };
    let good = Case::valid("offer", "licence", "The police offers a licence.", offer.encode());
    let loopback = Offer { url: "http://127.0.0.1:8080".into(), ..offer.clone() };
    let of = |change: Offer| change.encode();
    let url = |id: &str, slug: &str, title: &str, expect: &str, url: &str| {
        good.broken(id, slug, title, expect, of(Offer { url: url.into(), ..offer.clone() }))
    };
    let scheme = "SchemeNotAllowed";
    let malformed = "MalformedOffer";
    vec![
        url("E11", "javascript", "A script for an address.", scheme, "javascript:alert(1)"),
        url("E11", "file", "A file for an address.", scheme, "file:///etc/passwd"),
        url("E11", "intent", "An app for an address.", scheme, "intent://scan/#Intent;end"),
        url("E11", "plain-http", "An address without encryption.", scheme, "http://issue.police.example"),
        url(
            "N10",
            "loopback-lookalike",
            "A name that begins like this machine's address.",
            scheme,
            "http://127.0.0.1.evil.example:80",
        ),
        url("E12", "user-in-url", "The real host hides behind an @.", malformed, "https://police.example@evil.example"),
        url("E12", "query-in-url", "An address with a query.", malformed, "https://police.example?to=evil"),
        url(
            "E12",
            "backslash-in-url",
            "A backslash, which browsers read as a slash.",
            malformed,
            "https://evil.example\\police.example",
        ),
        good.broken(
            "J01",
            "no-types",
            "An offer of nothing.",
            malformed,
            of(Offer { credential_types: vec![], ..offer.clone() }),
        ),
        good.broken(
            "A36",
            "trailing-byte",
            "A byte follows the offer.",
            malformed,
            [good.bytes.as_slice(), &[0]].concat(),
        ),
        good.broken("E01", "empty", "Nothing at all.", malformed, vec![]),
        good.broken(
            "E01",
            "too-large",
            "An address of two thousand letters.",
            malformed,
            of(Offer { url: format!("https://{}", "a".repeat(2_000)), ..offer.clone() }),
        ),
        good.under(("now", &(NOW + 600).to_string()), "E14", "expired", "The offer has run out.", "OfferExpired"),
        good.broken(
            "E14",
            "valid-too-long",
            "Valid for a week and a second.",
            "ValidityTooLong",
            of(Offer { expires_at: NOW + 604_801, ..offer.clone() }),
        ),
        good.broken(
            "E14",
            "year-9999",
            "Valid until 9999.",
            "ValidityTooLong",
            of(Offer { expires_at: 253_402_300_799, ..offer.clone() }),
        ),
        Case {
            bytes: of(loopback),
            slug: "loopback".into(),
            title: "An issuer on this machine.".into(),
            ..good.clone()
        },
        good,
    ]
}
