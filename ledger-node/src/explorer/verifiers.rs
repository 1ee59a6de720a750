//! Who may ask what, since when.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::identifier::Did;
use protocol::ledger::{Envelope, Record, StateKey, VerifierRegistration};

use super::html::{code, day, escape, facts, table};
use super::lang::Lang;
use super::organisations::{history, history_table};
use super::permissions::{self, Period};
use super::records::{Book, Wanted, paged, standing};
use super::{Page, Section, language, missing};
use crate::node::Node;

pub(super) async fn list(
    State(node): State<Node>,
    Path(lang): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let book = Book::of(&node.state());
    let found = |(_, v): &&(Envelope, VerifierRegistration)| {
        let purposes =
            v.purposes.iter().any(|p| p.permits.iter().any(|permit| permit.credential_type.contains(&wanted.q)));
        purposes || v.did.as_str().contains(&wanted.q) || v.name.text(lang.code()).contains(&wanted.q)
    };
    let (entries, search, ways) = paged(lang, book.verifiers.values().filter(found).collect(), &wanted);
    let said = lang.pick(
        "검증자는 등록된 목적에 등록된 것만 물을 수 있습니다. 그보다 많이 묻는 요구는 지갑이 막습니다.",
        "A verifier may ask only what is registered, for the purposes registered. Wallets block whatever goes beyond.",
    );
    let body = table_of(lang, &book, entries);
    Ok(Page::new(lang, Section::Verifiers)
        .answer(&node, &format!("<p class=\"lead\">{said}</p>\n{search}{body}{ways}")))
}

/// A table of registrations.
pub(super) fn table_of<'a>(
    lang: Lang,
    book: &Book,
    verifiers: impl IntoIterator<Item = &'a (Envelope, VerifierRegistration)>,
) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |(_, v): &(Envelope, VerifierRegistration)| {
        let link = format!("<a href=\"verifiers/{}\">{}</a>", escape(v.did.as_str()), escape(v.name.text(lang.code())));
        let purposes =
            v.purposes.iter().map(|p| format!("<li>{}</li>", escape(p.text.text(lang.code())))).collect::<String>();
        let items = permissions::items(v);
        let asks = items.iter().map(|item| format!("<li>{}</li>", permissions::what(lang, book, item)));
        let (shown, more) = (asks.take(4).collect::<String>(), items.len().saturating_sub(4));
        let more = if more == 0 { String::new() } else { format!("<li>{} {more}</li>", t("그 밖에", "and more:")) };
        vec![link, format!("<ul>{purposes}</ul>"), format!("<ul>{shown}{more}</ul>"), standing(lang, v.withdrawn)]
    };
    let rows: Vec<_> = verifiers.into_iter().map(row).collect();
    let heads = [t("검증자", "Verifier"), t("목적", "Purposes"), t("물을 수 있는 것", "May ask"), t("상태", "State")];
    table("verifiers", t("검증자 등록", "Verifier registrations"), &heads, &rows, t("없습니다.", "None."))
}

pub(super) async fn one(
    State(node): State<Node>,
    Path((lang, did)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let book = Book::of(&node.state());
    let Some((envelope, registration)) = did.parse::<Did>().ok().and_then(|did| book.verifiers.get(&did)) else {
        return Ok(missing(&node, lang));
    };
    let (did, key) = (&registration.did, StateKey::verifier(&registration.did));
    let versions = history(&node, key).await?;
    let page = Page::below(lang, Section::Verifiers, did.as_str(), registration.name.text(lang.code()).to_owned());
    let mut body = facts(&[
        ("DID", format!("<a href=\"../organisations/{0}\">{1}</a>", escape(did.as_str()), code(did.as_str()))),
        (t("상태", "State"), standing(lang, registration.withdrawn)),
        (t("판", "Version"), envelope.version.to_string()),
        (t("기록 키", "State key"), code(&key.to_string())),
    ]);
    let _ = writeln!(
        body,
        "<p><a class=\"button\" href=\"../check?key={key}\">{}</a></p>",
        t("이 기록의 증명을 내 브라우저에서 확인", "Check a proof of this record in my browser")
    );
    let texts = purpose_texts(lang, versions.iter().map(|version| &version.envelope.record));
    let (now, past): (Vec<_>, Vec<_>) =
        permissions::periods(&versions).into_iter().partition(|period| period.until_ms.is_none());
    let _ = writeln!(body, "<h2>{}</h2>", t("지금 물을 수 있는 것", "What it may ask now"));
    body += &periods(lang, &book, &texts, &now, false);
    if !past.is_empty() {
        let _ = writeln!(body, "<h2>{}</h2>", t("전에 물을 수 있었던 것", "What it could ask before"));
        body += &periods(lang, &book, &texts, &past, true);
    }
    let _ = writeln!(body, "<h2>{}</h2>", t("이력", "History"));
    body += &history_table(lang, &versions, |before, now| changes(lang, &book, before, now));
    Ok(page.answer(&node, &body))
}

/// The newest text of every purpose that there ever was.
fn purpose_texts<'a>(lang: Lang, records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for record in records {
        if let Record::Verifier(registration) = record {
            let purposes = registration.purposes.iter();
            texts.extend(purposes.map(|p| (p.id.clone(), p.text.text(lang.code()).to_owned())));
        }
    }
    texts
}

fn periods(lang: Lang, book: &Book, texts: &BTreeMap<String, String>, periods: &[Period], past: bool) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |period: &Period| {
        let purpose = texts.get(&period.item.purpose).map_or(period.item.purpose.as_str(), String::as_str);
        let mut row = vec![
            escape(purpose),
            permissions::what(lang, book, &period.item),
            book.type_name(lang, &period.item.credential_type),
            day(period.since_ms / 1_000),
        ];
        row.extend(period.until_ms.map(|until| day(until / 1_000)));
        row
    };
    let rows: Vec<_> = periods.iter().map(row).collect();
    let mut heads = vec![
        t("목적", "Purpose"),
        t("물을 수 있는 것", "May ask"),
        t("자격증명", "Credential"),
        t("언제부터", "Since"),
    ];
    let (id, caption) = if past {
        heads.push(t("언제까지", "Until"));
        ("past", t("이제는 물을 수 없는 것과 그 기간", "What may no longer be asked, and its period"))
    } else {
        ("now", t("목적마다, 언제부터", "By purpose, and since when"))
    };
    table(
        id,
        caption,
        &heads,
        &rows,
        t("등록이 철회되어 아무것도 물을 수 없습니다.", "Nothing: the registration is withdrawn."),
    )
}

/// What changed of a registration.
fn changes(lang: Lang, book: &Book, before: Option<&Record>, now: &Record) -> Vec<String> {
    let t = |ko, en| lang.pick(ko, en);
    let Record::Verifier(now) = now else { return Vec::new() };
    let mut said = Vec::new();
    let old = match before {
        Some(Record::Verifier(before)) => {
            if now.withdrawn && !before.withdrawn {
                return vec![t("등록 철회", "Registration withdrawn").to_owned()];
            }
            if now.name != before.name {
                said.push(format!("{} {}", t("이름:", "Name:"), escape(now.name.text(lang.code()))));
            }
            permissions::items(before)
        }
        _ => {
            said.push(t("등록", "Registered").to_owned());
            Vec::new()
        }
    };
    let new = permissions::items(now);
    for item in new.iter().filter(|item| !old.contains(item)) {
        said.push(format!("<ins>+ {}</ins>", permissions::what(lang, book, item)));
    }
    for item in old.iter().filter(|item| !new.contains(item)) {
        said.push(format!("<del>− {}</del>", permissions::what(lang, book, item)));
    }
    if said.is_empty() {
        said.push(t("설명 글만 바뀜", "Only texts changed").to_owned());
    }
    said
}
