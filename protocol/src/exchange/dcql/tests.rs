use super::*;

fn query(value: Value) -> Result<DcqlQuery, DcqlError> {
    DcqlQuery::from_json(&value)
}

fn licence() -> Value {
    json!({
        "vct": "urn:kr:licence:1", "name": "홍길동", "age": 41, "adult": true,
        "address": { "region": "서울", "a/b": "x" },
        "classes": ["1-ordinary", "2-small"],
        "degrees": [{ "type": "BA" }, { "type": "MA" }, {}],
    })
}

fn candidate(claims: &Value) -> Candidate<'_> {
    Candidate { kind: Kind::SdJwt { vct: "urn:kr:licence:1" }, claims, holder_bound: true, authorities: &[] }
}

fn credential(id: &str, claims: Value) -> Value {
    json!({ "id": id, "format": "dc+sd-jwt", "meta": { "vct_values": ["urn:kr:licence:1"] }, "claims": claims })
}

fn one(claims: Value) -> CredentialQuery {
    query(json!({ "credentials": [credential("a", claims)] })).unwrap().credentials.remove(0)
}

fn pointers(claims: Value) -> Option<Vec<String>> {
    let held = licence();
    one(claims).select(&candidate(&held)).map(|it| it.pointers)
}

#[test]
fn dcql_01_there_and_back_with_what_is_not_known_left_out() {
    let full = json!({
        "credentials": [
            {
                "id": "a-1_B", "format": "dc+sd-jwt", "meta": { "vct_values": ["x", "y"] }, "multiple": true,
                "require_cryptographic_holder_binding": false,
                "trusted_authorities": [{ "type": "aki", "values": ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"] }],
                "claims": [
                    { "id": "n", "path": ["name"], "values": ["홍", 1, true] },
                    { "id": "d", "path": ["degrees", null, "type"] },
                    { "path": ["classes", 0] },
                ],
                "claim_sets": [["n", "d"], ["n"]],
            },
            {
                "id": "m", "format": "mso_mdoc", "meta": { "doctype_value": "org.iso.18013.5.1.mDL" },
                "claims": [{ "path": ["org.iso.18013.5.1", "portrait"], "intent_to_retain": false }],
            },
            { "id": "w", "format": "ldp_vc", "meta": { "type_values": [["https://example.org/A"]] } },
            { "id": "j", "format": "jwt_vc_json", "meta": { "type_values": [["A"]] } },
        ],
        "credential_sets": [{ "options": [["a-1_B"], ["m", "w"]] }, { "options": [["j"]], "required": false }],
    });
    let read = query(full.clone()).unwrap();
    assert_eq!(read.to_json(), full);
    let mut more = full.clone();
    more["purpose"] = "x".into();
    more["credentials"][0]["x"] = json!({});
    assert_eq!(query(more).unwrap(), read, "J35: members that nobody knows are passed over");
}

#[test]
fn dcql_01_malformed_queries_are_refused() {
    let good = json!({
        "credentials": [credential("a", json!([{ "id": "n", "path": ["name"], "values": ["x"] }]))],
        "credential_sets": [{ "options": [["a"]] }],
    });
    assert!(query(good.clone()).is_ok());
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.insert(last.into(), value)),
            other => other[last.parse::<usize>().unwrap()] = value,
        }
        query(changed).unwrap_err()
    };
    let c = |rest: &str| format!("/credentials/0/{rest}");
    for (pointer, value, name) in [
        ("/credentials".into(), json!([]), "credentials"),
        ("/credentials".into(), json!({}), "credentials"),
        ("/credentials/0".into(), json!(1), "credentials"),
        ("/credential_sets".into(), json!([]), "credential_sets"),
        ("/credential_sets/0/options".into(), json!([["b"]]), "credential_sets"),
        ("/credential_sets/0/options".into(), json!([]), "options"),
        ("/credential_sets/0/options".into(), json!([[]]), "options"),
        ("/credential_sets/0/required".into(), json!("yes"), "required"),
        (c("format"), json!(1), "format"),
        (c("meta"), json!(null), "meta"),
        (c("meta"), json!({}), "vct_values"),
        (c("meta"), json!({ "vct_values": [] }), "vct_values"),
        (c("meta"), json!({ "vct_values": [1] }), "vct_values"),
        (c("multiple"), json!(1), "multiple"),
        (c("require_cryptographic_holder_binding"), json!(null), "require_cryptographic_holder_binding"),
        (c("trusted_authorities"), json!([{ "type": "aki" }]), "values"),
        (c("trusted_authorities"), json!([{ "values": ["a"] }]), "type"),
        (c("claims"), json!([]), "claims"),
        (c("claim_sets"), json!([["m"]]), "claim_sets"),
        (c("claim_sets"), json!([[]]), "claim_sets"),
        (c("claims/0/path"), json!([]), "path"),
        (c("claims/0/path"), json!([-1]), "path"),
        (c("claims/0/path"), json!([1.5]), "path"),
        (c("claims/0/path"), json!([{}]), "path"),
        (c("claims/0/path"), json!(vec!["a"; PATH_MAX + 1]), "path"),
        (c("claims/0/values"), json!([]), "values"),
        (c("claims/0/values"), json!([1.5]), "values"),
        (c("claims/0/values"), json!([["x"]]), "values"),
        (c("claims/0/intent_to_retain"), json!("no"), "intent_to_retain"),
        ("/credentials".into(), json!(vec![good["credentials"][0].clone(); LIST_MAX + 1]), "credentials"),
    ] {
        assert_eq!(with(&pointer, value.clone()), DcqlError::MalformedQuery(name), "{pointer} {value}");
    }
    for (pointer, value) in [(c("id"), json!("a b")), (c("id"), json!("a.b")), (c("claims/0/id"), json!("ä"))] {
        assert_eq!(with(&pointer, value), DcqlError::MalformedId, "{pointer}");
    }
    let twice = json!([{ "id": "n", "path": ["a"] }, { "id": "n", "path": ["b"] }]);
    assert_eq!(with(&c("claims"), twice), DcqlError::MalformedId);
    let same = vec![good["credentials"][0].clone(); 2];
    assert_eq!(with("/credentials", json!(same)), DcqlError::MalformedId);
    assert_eq!(query(json!([])), Err(DcqlError::MalformedQuery("query")));
    // Section 7.2: paths of mobile documents have two texts.
    for path in [json!(["a"]), json!(["a", "b", "c"]), json!(["a", null]), json!(["a", 0])] {
        let mdoc =
            json!({ "id": "m", "format": "mso_mdoc", "meta": { "doctype_value": "x" }, "claims": [{ "path": path }] });
        assert_eq!(query(json!({ "credentials": [mdoc] })), Err(DcqlError::MalformedQuery("path")));
    }
}

#[test]
fn dcql_02_paths_lead_where_the_standard_says() {
    let path = |path: Value| pointers(json!([{ "path": path }]));
    let some = |list: &[&str]| Some(list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    assert_eq!(path(json!(["name"])), some(&["/name"]));
    assert_eq!(path(json!(["address"])), some(&["/address"]));
    assert_eq!(path(json!(["address", "a/b"])), some(&["/address/a~1b"]));
    assert_eq!(path(json!(["classes", 1])), some(&["/classes/1"]));
    assert_eq!(path(json!(["classes", null])), some(&["/classes/0", "/classes/1"]));
    assert_eq!(path(json!(["degrees", null, "type"])), some(&["/degrees/0/type", "/degrees/1/type"]));
    for nowhere in [
        json!(["nickname"]),
        json!(["classes", 2]),
        json!(["classes", "name"]),
        json!(["name", "first"]),
        json!(["name", null]),
        json!(["address", 0]),
        json!(["degrees", null, "type", null]),
    ] {
        assert_eq!(path(nowhere.clone()), None, "{nowhere}");
    }
}

#[test]
fn dcql_02_values_claim_sets_types_and_authorities_decide() {
    let held = licence();
    let values = |path: Value, values: Value| pointers(json!([{ "path": path, "values": values }]));
    assert_eq!(values(json!(["name"]), json!(["x", "홍길동"])).unwrap(), ["/name"]);
    assert_eq!(values(json!(["classes", null]), json!(["2-small"])).unwrap(), ["/classes/1"]);
    assert_eq!(values(json!(["age"]), json!([41])).unwrap(), ["/age"]);
    assert_eq!(values(json!(["adult"]), json!([true])).unwrap(), ["/adult"]);
    for (path, other) in [("name", json!(["x"])), ("age", json!(["41"])), ("adult", json!(["true", 1, false]))] {
        assert_eq!(values(json!([path]), other), None, "{path}: type and value");
    }
    let mut asked = one(json!([
        { "id": "n", "path": ["name"] }, { "id": "x", "path": ["nickname"] }, { "id": "g", "path": ["age"] },
    ]));
    assert_eq!(asked.select(&candidate(&held)), None, "all claims are needed");
    asked.claim_sets = vec![vec!["x".into()], vec!["g".into(), "n".into()], vec!["n".into()]];
    let chosen = Selection { pointers: vec!["/age".into(), "/name".into()], claim_set: Some(1) };
    assert_eq!(asked.select(&candidate(&held)), Some(chosen), "the first set that can be answered");

    let any = one(json!([{ "path": ["name"] }]));
    let other = Candidate { kind: Kind::SdJwt { vct: "urn:kr:other:1" }, ..candidate(&held) };
    let mdoc = Candidate { kind: Kind::MsoMdoc { doctype: "urn:kr:licence:1" }, ..candidate(&held) };
    let unbound = Candidate { holder_bound: false, ..candidate(&held) };
    for it in [other, mdoc, unbound] {
        assert_eq!(any.select(&it), None, "{:?}", it.kind);
    }
    let mut loose = any.clone();
    loose.holder_binding = false;
    assert!(loose.select(&unbound).is_some());
    let mut trusted = any.clone();
    let authority = |kind: &str, values: &[&str]| TrustedAuthority {
        kind: kind.into(),
        values: values.iter().map(|it| (*it).into()).collect(),
    };
    trusted.trusted_authorities = vec![authority("etsi_tl", &["https://x"]), authority("aki", &["k1", "k2"])];
    assert_eq!(trusted.select(&candidate(&held)), None);
    let authorities = ["k2".to_owned()];
    assert!(trusted.select(&Candidate { authorities: &authorities, ..candidate(&held) }).is_some());

    let types = ["https://w3.org/VC".to_owned(), "https://x.org/A".to_owned()];
    let w3c = Candidate { kind: Kind::LdpVc { types: &types }, ..candidate(&held) };
    let of = |sets: Value| {
        let asked = json!({ "credentials": [{ "id": "w", "format": "ldp_vc", "meta": { "type_values": sets } }] });
        query(asked).unwrap().credentials[0].select(&w3c).is_some()
    };
    assert!(of(json!([["https://x.org/B"], ["https://x.org/A", "https://w3.org/VC"]])));
    assert!(!of(json!([["https://x.org/A", "https://x.org/B"]])));
    let unknown = query(json!({ "credentials": [{ "id": "j", "format": "jwt_vc_json", "meta": {} }] })).unwrap();
    assert_eq!(unknown.plan(&[candidate(&held)]), None, "a format that nothing here answers");
}

#[test]
fn dcql_03_sets_say_what_is_needed_together() {
    let held = licence();
    let ask = |sets: Value| {
        query(json!({
            "credentials": [
                credential("yes", json!([{ "path": ["name"] }])), credential("no", json!([{ "path": ["nickname"] }])),
                credential("also", json!([{ "path": ["age"] }])),
            ],
            "credential_sets": sets,
        }))
        .unwrap()
    };
    let plan = |sets: Value| {
        let plan = ask(sets).plan(&[candidate(&held), candidate(&held)])?;
        let places = |list: &[(usize, Vec<Match>)]| list.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert!(plan.required.iter().chain(&plan.optional).all(|(_, matches)| matches.len() == 2));
        Some((places(&plan.required), places(&plan.optional)))
    };
    assert_eq!(plan(json!([{ "options": [["yes"]] }])), Some((vec![0], vec![])));
    assert_eq!(plan(json!([{ "options": [["no"], ["also", "yes"]] }])), Some((vec![0, 2], vec![])));
    assert_eq!(plan(json!([{ "options": [["no"]] }])), None);
    assert_eq!(plan(json!([{ "options": [["no"]], "required": false }])), Some((vec![], vec![])));
    let sets = json!([{ "options": [["yes"]] }, { "options": [["no"], ["also"]], "required": false }]);
    assert_eq!(plan(sets), Some((vec![0], vec![2])));
    let mut all = ask(json!([{ "options": [["yes"]] }]));
    all.credential_sets.clear();
    assert_eq!(all.plan(&[candidate(&held)]), None, "without sets all are needed");
}

/// The answer `id`, with these claims and disclosures.
fn answer<'a>(id: &'a str, claims: &'a Value, disclosed: &[&[Option<&'a str>]]) -> (&'a str, Shown<'a>) {
    (id, Shown { candidate: candidate(claims), disclosed: disclosed.iter().map(|it| it.to_vec()).collect() })
}

#[test]
fn dcql_04_an_answer_is_exactly_what_was_asked() {
    let asked = query(json!({ "credentials": [credential("a", json!([
        { "path": ["name"], "values": ["홍길동"] }, { "path": ["classes", 1] }, { "path": ["address", "region"] },
    ]))] }))
    .unwrap();
    let mut shown = licence();
    shown["classes"] = json!(["2-small"]);
    let (name, class, address) = ([Some("name")], [Some("classes"), None], [Some("address"), Some("region")]);
    let needed: [&[Option<&str>]; 4] = [&name, &class, &address, &[Some("address")]];
    let selection = asked.check(&[answer("a", &shown, &needed)]).unwrap().remove(0);
    let values: Vec<_> = selection.values(&shown).map(|(_, value)| value.clone()).collect();
    assert_eq!(values, [json!("홍길동"), json!("2-small"), json!("서울")]);

    let check = |answers: &[(&str, Shown<'_>)]| asked.check(answers).unwrap_err();
    assert_eq!(check(&[]), DcqlError::QueryNotSatisfied, "D20");
    assert_eq!(check(&[answer("b", &shown, &needed)]), DcqlError::CredentialNotRequested, "D14");
    let twice = [answer("a", &shown, &needed), answer("a", &shown, &needed)];
    assert_eq!(check(&twice), DcqlError::CredentialNotRequested, "D14: one was asked for");
    let mut lied = shown.clone();
    lied["name"] = "김철수".into();
    assert_eq!(check(&[answer("a", &lied, &needed)]), DcqlError::QueryNotSatisfied, "D16");
    let more: [&[Option<&str>]; 2] = [&name, &[Some("age")]];
    assert_eq!(check(&[answer("a", &shown, &more)]), DcqlError::ClaimNotRequested, "D28");
    let unbound = |change: fn(&mut Candidate<'_>)| {
        let (id, mut shown) = answer("a", &shown, &needed);
        change(&mut shown.candidate);
        check(&[(id, shown)])
    };
    assert_eq!(unbound(|it| it.holder_bound = false), DcqlError::HolderBindingMissing, "D19");
    let mdoc = |it: &mut Candidate<'_>| it.kind = Kind::MsoMdoc { doctype: "x" };
    assert_eq!(unbound(mdoc), DcqlError::UnsupportedFormat, "D18");
    assert_eq!(unbound(|it| it.kind = Kind::SdJwt { vct: "x" }), DcqlError::CredentialNotRequested);

    let mut from = asked.clone();
    from.credentials[0].trusted_authorities = vec![TrustedAuthority { kind: "aki".into(), values: vec!["k".into()] }];
    assert_eq!(from.check(&[answer("a", &shown, &needed)]), Err(DcqlError::IssuerNotTrusted), "D17");
    let mut several = asked.clone();
    several.credentials[0].multiple = true;
    assert_eq!(several.check(&twice).unwrap().len(), 2);

    // Of alternatives one is enough, and no more than one.
    let mut either = asked.clone();
    either.credentials[0].claims = vec![ClaimsQuery::at(&["name"]), ClaimsQuery::at(&["age"])];
    either.credentials[0].claims[0].id = Some("n".into());
    either.credentials[0].claims[1].id = Some("g".into());
    either.credentials[0].claim_sets = vec![vec!["n".into()], vec!["g".into()]];
    let age: [&[Option<&str>]; 1] = [&[Some("age")]];
    assert!(either.check(&[answer("a", &json!({ "age": 1 }), &age)]).is_ok());
    assert_eq!(either.check(&[answer("a", &shown, &more)]), Err(DcqlError::ClaimNotRequested));
    let nothing = query(
        json!({ "credentials": [{ "id": "a", "format": "dc+sd-jwt", "meta": { "vct_values": ["urn:kr:licence:1"] } }] }),
    );
    assert_eq!(nothing.unwrap().check(&[answer("a", &shown, &age)]), Err(DcqlError::ClaimNotRequested));
    assert_eq!(asked.credentials[0].claims[2].name(), "address.region");
}
