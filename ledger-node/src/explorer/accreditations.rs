//! Who may issue what.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::ledger::{Accreditation, Envelope};

use super::html::{code, day, escape, table};
use super::lang::Lang;
use super::records::{Book, Wanted, accreditation_state, paged};
use super::{Page, Section, language, present};
use crate::node::Node;

pub(super) async fn list(
    State(node): State<Node>,
    Path(lang): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let book = Book::of(&node.state());
    let found = |(_, a): &&(Envelope, Accreditation)| {
        a.issuer.as_str().contains(&wanted.q)
            || a.credential_type.contains(&wanted.q)
            || book.types.get(&a.credential_type).is_some_and(|t| t.name.text(lang.code()).contains(&wanted.q))
    };
    let (entries, search, ways) = paged(lang, book.accreditations.iter().filter(found).collect(), &wanted);
    let said = lang.pick(
        "거버넌스가 서명한 거래로만 바뀝니다. 기간 밖에서 발급된 자격증명은 검증되지 않습니다.",
        "Changed only by transactions that the governors sign. Credentials issued outside the period do not verify.",
    );
    let body = table_of(lang, &book, entries, present(&node));
    Ok(Page::new(lang, Section::Accreditations)
        .answer(&node, &format!("<p class=\"lead\">{said}</p>\n{search}{body}{ways}")))
}

/// A table of accreditations.
pub(super) fn table_of<'a>(
    lang: Lang,
    book: &Book,
    accreditations: impl IntoIterator<Item = &'a (Envelope, Accreditation)>,
    now: u64,
) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |(_, a): &(Envelope, Accreditation)| {
        let name = book.name(lang, &a.issuer).map(|name| format!("{}<br>", escape(name))).unwrap_or_default();
        let issuer =
            format!("{name}<a href=\"organisations/{}\">{}</a>", escape(a.issuer.as_str()), code(a.issuer.as_str()));
        let state = accreditation_state(lang, a, now);
        vec![issuer, book.type_name(lang, &a.credential_type), day(a.from), day(a.until), state]
    };
    let rows: Vec<_> = accreditations.into_iter().map(row).collect();
    let heads = [
        t("발급기관", "Issuer"),
        t("자격증명 유형", "Credential type"),
        t("시작", "From"),
        t("끝", "Until"),
        t("상태", "State"),
    ];
    table("accreditations", t("발급 자격", "Accreditations"), &heads, &rows, t("없습니다.", "None."))
}
