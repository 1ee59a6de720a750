//! Who may ask what, since when: periods out of the versions of a registration.

use protocol::ledger::{Record, VerifierRegistration};
use serde_json::Value;

use super::html::escape;
use super::lang::Lang;
use super::records::Book;
use crate::history::Version;

/// One thing that may be asked for one purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) purpose: String,
    pub(super) credential_type: String,
    /// A claim that may be shown, or a statement that may be proven.
    pub(super) what: What,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Claim(String),
    /// In the form of a draft (JSON), and as the program writes it.
    Predicate(String, String),
}

/// A time in which an item was permitted, Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) item: Item,
    pub(super) since_ms: u64,
    /// Absent while it is permitted.
    pub(super) until_ms: Option<u64>,
}

/// Everything a registration permits.
pub(super) fn items(registration: &VerifierRegistration) -> Vec<Item> {
    let mut items = Vec::new();
    if registration.withdrawn {
        return items;
    }
    for purpose in &registration.purposes {
        for permit in &purpose.permits {
            let item =
                |what| Item { purpose: purpose.id.clone(), credential_type: permit.credential_type.clone(), what };
            items.extend(permit.claims.iter().map(|claim| item(What::Claim(claim.clone()))));
            items.extend(permit.predicates.iter().map(|predicate| {
                let json = serde_json::to_string(predicate).unwrap_or_default();
                item(What::Predicate(json, predicate.to_string()))
            }));
        }
    }
    items
}

/// Every period of every item, in the order of their beginning.
pub(super) fn periods(versions: &[Version]) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for version in versions {
        let Record::Verifier(registration) = &version.envelope.record else { continue };
        let permitted = items(registration);
        for period in periods.iter_mut().filter(|period| period.until_ms.is_none()) {
            if !permitted.contains(&period.item) {
                period.until_ms = Some(version.time_ms);
            }
        }
        for item in permitted {
            if !periods.iter().any(|period| period.until_ms.is_none() && period.item == item) {
                periods.push(Period { item, since_ms: version.time_ms, until_ms: None });
            }
        }
    }
    periods
}

/// What may be asked, for people.
pub(super) fn what(lang: Lang, book: &Book, item: &Item) -> String {
    match &item.what {
        What::Claim(claim) => {
            let name = book.claim_name(lang, &item.credential_type, claim);
            format!("{} <span class=\"how\">{}</span>", escape(&name), lang.pick("값을 봄", "sees the value"))
        }
        What::Predicate(json, text) => {
            let said = predicate(lang, book, &item.credential_type, json).unwrap_or_else(|| text.clone());
            format!("{} <span class=\"how\">{}</span>", escape(&said), lang.pick("예·아니오만", "only yes or no"))
        }
    }
}

/// A statement in words; `None` for one that this page has no words for.
fn predicate(lang: Lang, book: &Book, credential_type: &str, json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    let (kind, body) = value.as_object()?.iter().next()?;
    let years = || body.get("years").and_then(Value::as_u64);
    let youth = body.get("statute").and_then(Value::as_str) == Some("youth-protection");
    let listed = || {
        let attribute = book.claim_name(lang, credential_type, body.get("attribute")?.as_str()?);
        let codes = body.get("codes")?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        Some((attribute, codes))
    };
    Some(match (kind.as_str(), lang) {
        ("age-at-least", Lang::Ko) if youth => format!("연 나이 {}세 이상", years()?),
        ("age-at-least", Lang::Ko) => format!("만 {}세 이상", years()?),
        ("age-at-least", Lang::En) if youth => format!("{} or older by the Youth Protection Act", years()?),
        ("age-at-least", Lang::En) => format!("{} or older", years()?),
        ("age-below", Lang::Ko) if youth => format!("연 나이 {}세 미만", years()?),
        ("age-below", Lang::Ko) => format!("만 {}세 미만", years()?),
        ("age-below", Lang::En) if youth => format!("Younger than {} by the Youth Protection Act", years()?),
        ("age-below", Lang::En) => format!("Younger than {}", years()?),
        ("any-of", Lang::Ko) => listed().map(|(attribute, codes)| format!("{attribute}: {codes} 중 하나"))?,
        ("any-of", Lang::En) => listed().map(|(attribute, codes)| format!("{attribute}: one of {codes}"))?,
        ("none-of", Lang::Ko) => listed().map(|(attribute, codes)| format!("{attribute}: {codes} 아님"))?,
        ("none-of", Lang::En) => listed().map(|(attribute, codes)| format!("{attribute}: none of {codes}"))?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use protocol::credential::Label;
    use protocol::identifier::Did;
    use protocol::ledger::{Envelope, Permit, Purpose};

    use super::*;

    fn version(n: u64, claims: &[&str], withdrawn: bool) -> Version {
        let label = || Label { ko: "가".into(), en: "a".into() };
        let permit = Permit {
            credential_type: "kr.licence.1".into(),
            claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
            predicates: Vec::new(),
            pseudonyms: Vec::new(),
            binding: None,
        };
        let purpose = Purpose { id: "rental".into(), text: label(), permits: vec![permit] };
        let did = Did::derive("kr", b"shop").unwrap();
        let record = Record::Verifier(VerifierRegistration { did, name: label(), purposes: vec![purpose], withdrawn });
        Version { envelope: Envelope { version: n, height: n, record }, time_ms: n * 1_000, is_inherited: false }
    }

    #[test]
    fn who_may_ask_what_since_when() {
        let versions = [
            version(1, &["name"], false),
            version(2, &["name", "class"], false),
            version(3, &["class"], false),
            version(4, &["name", "class"], false),
            version(5, &["name", "class"], true),
        ];
        let told = |versions: &[Version]| {
            let period = |p: &Period| {
                let What::Claim(claim) = p.item.what.clone() else { unreachable!() };
                (claim, p.since_ms / 1_000, p.until_ms.map(|ms| ms / 1_000))
            };
            periods(versions).iter().map(period).collect::<Vec<_>>()
        };
        let name = |since, until| ("name".to_owned(), since, until);
        let class = |until| ("class".to_owned(), 2, until);
        assert_eq!(told(&versions[..2]), [name(1, None), class(None)]);
        assert_eq!(told(&versions[..4]), [name(1, Some(3)), class(None), name(4, None)]);
        assert_eq!(told(&versions), [name(1, Some(3)), class(Some(5)), name(4, Some(5))]);
    }

    #[test]
    fn statements_are_said_in_both_languages() {
        let book = Book::default();
        let say = |lang, json: &str| predicate(lang, &book, "t", json);
        let age = r#"{"age-at-least":{"years":19,"statute":"civil"}}"#;
        assert_eq!(say(Lang::Ko, age).unwrap(), "만 19세 이상");
        assert_eq!(say(Lang::En, age).unwrap(), "19 or older");
        let youth = r#"{"age-below":{"years":19,"statute":"youth-protection"}}"#;
        assert_eq!(say(Lang::Ko, youth).unwrap(), "연 나이 19세 미만");
        let class = r#"{"any-of":{"attribute":"classes","codes":["1","2"]}}"#;
        assert_eq!(say(Lang::En, class).unwrap(), "classes: one of 1, 2");
        assert_eq!(say(Lang::En, r#"{"other":{}}"#), None);
    }
}
