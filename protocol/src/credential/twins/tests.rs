use super::*;
use crate::credential::{Day, Value};

fn licence() -> CredentialType {
    CredentialType::parse(include_bytes!("../../../../specs/types/driver-licence.json")).unwrap()
}

const FILE: &str = include_str!("../../../../specs/types/driver-licence.twins.json");

fn changed(from: &str, to: &str) -> Result<Twins, TwinsError> {
    let text = FILE.replacen(from, to, 1);
    assert_ne!(text, FILE, "{from}");
    Twins::parse(text.as_bytes(), &licence())
}

#[test]
fn twin_01_a_file_of_this_form_with_at_least_one_format() {
    assert!(Twins::parse(FILE.as_bytes(), &licence()).is_ok());
    let malformed = |result: Result<Twins, TwinsError>| assert!(matches!(result, Err(TwinsError::MalformedTwins(_))));
    malformed(changed("\"validity_days\": 90", "\"validity_days\": 0"));
    malformed(changed("\"validity_days\": 90", "\"validity_days\": 181"));
    malformed(changed("\"validity_days\": 90", "\"validity_days\": 90, \"more\": 1"));
    malformed(changed("\"first-word\"", "\"second-word\""));
    malformed(changed("{ \"date\": \"issue_date\" }", "{ \"group\": {} }"));
    malformed(Twins::parse(&[b' '; FILE_MAX + 1], &licence()));
    let none = br#"{"credential_type":"kr.go.police.driver-licence.1","validity_days":9}"#;
    malformed(Twins::parse(none, &licence()));
}

#[test]
fn twin_02_only_what_the_type_has() {
    let unknown = |name: &str| Err(TwinsError::AttributeUnknown(name.to_owned()));
    assert_eq!(changed("\"first-word\": \"name_en\"", "\"first-word\": \"alias\""), unknown("alias"));
    assert_eq!(changed("\"first-word\": \"name_en\"", "\"first-word\": \"birth_date\""), unknown("birth_date"));
    assert_eq!(changed("\"date\": \"birth_date\"", "\"date\": \"classes\""), unknown("classes"));
    assert_eq!(changed("\"codes\": \"classes\"", "\"codes\": \"address\""), unknown("address"));
    assert_eq!(changed("\"1-large\": [", "\"9-large\": ["), unknown("9-large"));
    assert_eq!(changed("driver-licence.1\"", "driver-licence.2\""), Err(TwinsError::OtherType));
}

#[test]
fn twin_03_a_type_without_lists_has_no_twins() {
    let unlisted = CredentialType { status: StatusMethod::Epoch, ..licence() };
    assert_eq!(Twins::parse(FILE.as_bytes(), &unlisted), Err(TwinsError::StatusUnlisted));
}

#[test]
fn values_are_those_of_the_credential() {
    let licence = licence();
    let read = |name: &str, text: &str| licence.read_value(licence.position(name).unwrap(), text).unwrap();
    let values: Vec<Value> = [
        ("licence_number", "11-05-104233-71"),
        ("name_ko", "홍길동"),
        ("name_en", "HONG GIL DONG"),
        ("birth_date", "2007-11-21"),
        ("classes", "1-ordinary,2-moped"),
        ("issue_date", "2005-04-02"),
        ("address", "서울특별시 종로구 세종대로 209"),
        ("portrait", &"00".repeat(32)),
    ]
    .map(|(name, text)| read(name, text))
    .to_vec();
    let facts = Facts {
        credential_type: &licence,
        values: &values,
        picture: b"png",
        expiry: "2036-11-18".parse().unwrap(),
        today: "2026-11-20".parse().unwrap(),
    };
    let twins = Twins::parse(FILE.as_bytes(), &licence).unwrap();
    let mdoc = twins.mdoc.unwrap();
    let element = |space: &str, name: &str| facts.read(&mdoc.namespaces[space][name]).unwrap();
    let text = |text: &str| Datum::Text(text.to_owned());
    let iso = "org.iso.18013.5.1";
    assert!(element(iso, "family_name") == text("HONG") && element(iso, "given_name") == text("GIL DONG"));
    assert!(element(iso, "age_over_18") == Datum::Truth(true) && element(iso, "age_over_19") == Datum::Truth(false));
    assert!(element(iso, "expiry_date") == Datum::Date("2036-11-18".parse::<Day>().unwrap()));
    let Datum::List(privileges) = element(iso, "driving_privileges") else { panic!() };
    let categories: Vec<_> = privileges
        .iter()
        .map(|it| match it {
            Datum::Members(it) => it["vehicle_category_code"].clone(),
            _ => panic!(),
        })
        .collect();
    assert!(categories == ["AM", "B", "C1"].map(text));
    let korean = element("org.iso.18013.5.1.KR", "classes_ko");
    assert!(korean == Datum::List(vec![text("1종 보통"), text("원동기장치자전거")]));
    assert_eq!(format!("{korean:?} {facts:?}"), "Datum([redacted]) Facts([redacted])");
    let one_word = Facts { values: &[values[0].clone(), values[1].clone(), read("name_en", "HONG")], ..facts };
    assert!(one_word.read(&Source::OtherWords("name_en".to_owned())).is_none());
}

#[test]
fn a_context_defines_every_claim() {
    let twins = Twins::parse(FILE.as_bytes(), &licence()).unwrap().w3c.unwrap();
    let document: Json = serde_json::from_slice(&twins.context_document()).unwrap();
    let terms = document["@context"].as_object().unwrap();
    assert!(twins.claims.keys().all(|name| terms.contains_key(name)));
    assert_eq!(terms["birthDate"]["@id"], format!("{}#birthDate", twins.context));
}
