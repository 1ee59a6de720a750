//! DIDs and their keys.

use std::fmt::Write as _;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::identifier::Did;
use protocol::ledger::{DidKey, Purposes, Record, StateKey};

use super::html::{code, day, escape, facts, number, table, time};
use super::lang::Lang;
use super::records::{Book, Wanted, paged, standing};
use super::{Page, Section, accreditations, language, missing, present};
use crate::history::Version;
use crate::node::Node;

pub(super) async fn list(
    State(node): State<Node>,
    Path(lang): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let book = Book::of(&node.state());
    let found = |did: &&Did| {
        did.as_str().contains(&wanted.q) || book.name(lang, did).is_some_and(|name| name.contains(&wanted.q))
    };
    let (entries, search, ways) = paged(lang, book.dids.keys().filter(found).collect(), &wanted);
    let row = |did: &Did| {
        let (envelope, record) = book.dids.get(did)?;
        let link = format!("<a href=\"organisations/{}\">{}</a>", escape(did.as_str()), code(did.as_str()));
        let issues = book.accreditations.iter().filter(|(_, a)| a.issuer == *did && !a.withdrawn).count();
        let asks = book.verifiers.get(did).is_some_and(|(_, v)| !v.withdrawn);
        let role = match (issues > 0, asks) {
            (true, true) => t("발급·검증", "Issues and asks"),
            (true, false) => t("발급", "Issues"),
            (false, true) => t("검증", "Asks"),
            (false, false) => "–",
        };
        let name = book.name(lang, did).map_or_else(|| "–".to_owned(), escape);
        Some(vec![link, name, role.to_owned(), envelope.version.to_string(), standing(lang, record.deactivated)])
    };
    let rows: Vec<_> = entries.into_iter().filter_map(row).collect();
    let heads = ["DID", t("이름", "Name"), t("역할", "Role"), t("판", "Version"), t("상태", "State")];
    let body = table("organisations", t("기관의 DID", "DIDs of organisations"), &heads, &rows, t("없습니다.", "None."));
    let said = t(
        "기관과 그 공개 키입니다. 개인의 DID는 원장에 기록되지 않습니다.",
        "Organisations and their public keys. People have no DID on the ledger.",
    );
    Ok(Page::new(lang, Section::Organisations)
        .answer(&node, &format!("<p class=\"lead\">{said}</p>\n{search}{body}{ways}")))
}

pub(super) async fn one(
    State(node): State<Node>,
    Path((lang, did)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let book = Book::of(&node.state());
    let Some((did, (envelope, record))) =
        did.parse::<Did>().ok().and_then(|did| Some((did.clone(), book.dids.get(&did)?)))
    else {
        return Ok(missing(&node, lang));
    };
    let key = StateKey::did(&did);
    let versions = history(&node, key).await?;
    let title = book.name(lang, &did).unwrap_or(t("기관", "Organisation")).to_owned();
    let page = Page::below(lang, Section::Organisations, did.as_str(), title);
    let mut body = facts(&[
        ("DID", code(did.as_str())),
        (t("상태", "State"), standing(lang, record.deactivated)),
        (t("판", "Version"), envelope.version.to_string()),
        (t("기록 키", "State key"), code(&key.to_string())),
    ]);
    let _ = writeln!(
        body,
        "<p><a class=\"button\" href=\"../check?key={key}\">{}</a></p>",
        t("이 기록의 증명을 내 브라우저에서 확인", "Check a proof of this record in my browser")
    );
    let _ = writeln!(body, "<h2>{}</h2>", t("키", "Keys"));
    body += &keys(lang, &record.keys, present(&node));
    let own: Vec<_> = book.accreditations.iter().filter(|(_, a)| a.issuer == did).collect();
    if !own.is_empty() {
        let _ = writeln!(body, "<h2>{}</h2>", t("발급할 수 있는 것", "What it may issue"));
        let accredited = accreditations::table_of(lang, &book, own, present(&node));
        body += &accredited.replace("href=\"organisations/", "href=\"../organisations/");
    }
    if book.verifiers.contains_key(&did) {
        let link = escape(did.as_str());
        let _ = writeln!(
            body,
            "<p><a href=\"../verifiers/{link}\">{}</a></p>",
            t("무엇을 물을 수 있는지 보기", "See what it may ask")
        );
    }
    let _ = writeln!(body, "<h2>{}</h2>", t("이력", "History"));
    body += &history_table(lang, &versions, |before, now| changes(lang, before, now));
    Ok(page.answer(&node, &body))
}

fn keys(lang: Lang, keys: &[DidKey], now: u64) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let purposes = |of: Purposes| {
        let names = [
            (Purposes::ASSERTION, t("서명", "Signing")),
            (Purposes::AUTHENTICATION, t("인증", "Authentication")),
            (Purposes::CONTROL, t("관리", "Control")),
        ];
        names.iter().filter(|(purpose, _)| of.contains(*purpose)).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    };
    let row = |key: &DidKey| {
        let until = match key.until {
            Some(until) if until <= now => format!("{} {}", day(until), t("(끝남)", "(ended)")),
            Some(until) => day(until),
            None => t("정하지 않음", "Open").to_owned(),
        };
        vec![code(&key.fragment), code(&key.key.to_multikey()), purposes(key.purposes), day(key.from), until]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    let heads =
        [t("이름", "Name"), t("공개 키", "Public key"), t("용도", "Purposes"), t("시작", "From"), t("끝", "Until")];
    table("keys", t("공개 키와 사용 기간", "Public keys and their periods"), &heads, &rows, t("없습니다.", "None."))
}

/// The versions of a record, read beside the network's threads.
pub(super) async fn history(node: &Node, key: StateKey) -> Result<Vec<Version>, StatusCode> {
    let node = node.clone();
    let read = tokio::task::spawn_blocking(move || node.versions(&key)).await;
    read.ok().and_then(Result::ok).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// Versions, newest first, each with what changed.
pub(super) fn history_table(
    lang: Lang,
    versions: &[Version],
    changes: impl Fn(Option<&Record>, &Record) -> Vec<String>,
) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |(at, version): (usize, &Version)| {
        let before = at.checked_sub(1).map(|at| &versions[at].envelope.record);
        let said = changes(before, &version.envelope.record);
        let said: String = said.iter().map(|change| format!("<li>{change}</li>")).collect();
        let height = version.envelope.height;
        let block = match height {
            0 => t("창세", "Genesis").to_owned(),
            _ => format!("<a href=\"../blocks/{height}\">{}</a>", number(height)),
        };
        vec![
            version.envelope.version.to_string(),
            time(lang, version.time_ms / 1_000),
            block,
            format!("<ul>{said}</ul>"),
        ]
    };
    let mut rows: Vec<_> = versions.iter().enumerate().map(row).collect();
    rows.reverse();
    let heads = [t("판", "Version"), t("시각", "Since"), t("블록", "Block"), t("바뀐 것", "What changed")];
    let mut out = table("history", t("새 판부터", "Newest first"), &heads, &rows, t("없습니다.", "None."));
    if versions.first().is_some_and(|first| first.envelope.version > 1) {
        let _ = writeln!(
            out,
            "<p>{}</p>",
            t(
                "이 노드는 그보다 앞선 판을 갖고 있지 않습니다. 그 판들은 이 노드가 시작하기 전의 것입니다.",
                "This node does not have earlier versions; they are from before it joined.",
            )
        );
    }
    out
}

/// What changed of a DID.
fn changes(lang: Lang, before: Option<&Record>, now: &Record) -> Vec<String> {
    let t = |ko, en| lang.pick(ko, en);
    let Record::Did(now) = now else { return Vec::new() };
    let Some(Record::Did(before)) = before else { return vec![t("등록", "Registered").to_owned()] };
    let mut said = Vec::new();
    if now.deactivated && !before.deactivated {
        said.push(t("폐지", "Deactivated for ever").to_owned());
    }
    for key in &now.keys {
        let name = code(&key.fragment);
        match before.keys.iter().find(|old| old.fragment == key.fragment) {
            None => said.push(format!("{} {name}", t("키 추가:", "Key added:"))),
            Some(old) if old.until != key.until => {
                let until = key.until.map(day).unwrap_or_default();
                said.push(format!("{} {name} {until}", t("키 사용 기간 끝:", "Key ends:")));
            }
            Some(_) => {}
        }
    }
    for key in before.keys.iter().filter(|old| !now.keys.iter().any(|key| key.fragment == old.fragment)) {
        said.push(format!("{} {}", t("지난 키 정리:", "Ended key removed:"), code(&key.fragment)));
    }
    if said.is_empty() {
        said.push(t("내용 변화 없이 다시 기록", "Recorded again, unchanged").to_owned());
    }
    said
}
