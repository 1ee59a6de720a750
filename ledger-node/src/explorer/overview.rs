//! The first page: how the ledger is now.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::ledger::Header;

use super::html::{Badge, age, badge, facts, number, short, table, time};
use super::lang::Lang;
use super::records::Book;
use super::{Page, Section, accreditations, language, now_ms, present, verifiers};
use crate::node::Node;
use crate::standing::{Standing, Validator};
use crate::store::StoredBlock;

/// Entries shown here; all of them are on pages of their own.
const FEW: usize = 6;

pub(super) async fn page(State(node): State<Node>, Path(lang): Path<String>) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let (freshness, seen) = (node.freshness(), node.validators().await);
    let book = Book::of(&node.state());
    let page = Page { title: t("원장 현황", "The ledger now").to_owned(), ..Page::new(lang, Section::Overview) };

    let mut body = String::new();
    let since = age(lang, freshness.age_ms);
    let (kind, said) = if freshness.stale {
        let said = t(
            "새 블록이 만들어지지 않고 있습니다. 아래는 마지막 블록 기준이며 그 뒤의 변경은 알 수 없습니다.",
            "No new blocks are being made. What follows is as of the last block; later changes are not known here.",
        );
        ("fair", said)
    } else {
        ("good", t("정상 운영 중입니다.", "Operating normally."))
    };
    let mark = if freshness.stale { "!" } else { "✓" };
    let _ = writeln!(body, "<p class=\"notice {kind}\"><span aria-hidden=\"true\">{mark}</span> {said}</p>");
    let at_work = seen.iter().filter(|v| matches!(v.standing, Standing::Own | Standing::Voting)).count();
    body += &facts(&[
        (t("높이", "Height"), number(freshness.height)),
        (t("마지막 블록", "Last block"), since),
        (t("검증 노드 (가동/전체)", "Validators (working / all)"), format!("{at_work} / {}", seen.len())),
        (t("기록", "Records"), number(book.count as u64)),
    ]);

    let _ = writeln!(body, "<div class=\"columns\">\n<section>\n<h2>{}</h2>", t("검증 노드", "Validators"));
    body += &validators(lang, &seen);
    let _ = writeln!(body, "</section>\n<section>\n<h2>{}</h2>", t("최근 블록", "Latest blocks"));
    body += &latest(lang, &node, FEW as u32)?;
    let _ = writeln!(body, "<p><a href=\"blocks\">{}</a></p>\n</section>\n</div>", t("모든 블록", "All blocks"));

    let _ = writeln!(body, "<section>\n<h2>{}</h2>", t("누가 무엇을 물을 수 있나", "Who may ask what"));
    body += &verifiers::table_of(lang, &book, book.verifiers.values().take(FEW));
    let _ = writeln!(body, "<p><a href=\"verifiers\">{}</a></p>\n</section>", t("모든 검증자", "All verifiers"));
    let _ = writeln!(body, "<section>\n<h2>{}</h2>", t("누가 무엇을 발급할 수 있나", "Who may issue what"));
    body += &accreditations::table_of(lang, &book, book.accreditations.iter().take(FEW), present(&node));
    let _ = writeln!(
        body,
        "<p><a href=\"accreditations\">{}</a> · <a href=\"organisations\">{}</a></p>\n</section>",
        t("모든 발급 자격", "All accreditations"),
        t("모든 기관", "All organisations")
    );
    let _ = writeln!(
        body,
        "<section class=\"call\">\n<h2>{}</h2>\n<p>{}</p>\n<p><a class=\"button\" href=\"check\">{}</a></p>\n</section>",
        t("직접 확인하기", "See for yourself"),
        t(
            "이 쪽을 믿지 않아도 됩니다. 증명을 받아 여러분의 브라우저에서 수학으로 확인하세요.",
            "You need not believe this page: take a proof and have your own browser check the mathematics.",
        ),
        t("증명 확인", "Check a proof"),
    );
    Ok(page.answer(&node, &body))
}

fn validators(lang: Lang, seen: &[Validator]) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |(at, validator): (usize, &Validator)| {
        let standing = match validator.standing {
            Standing::Own => badge(Badge::Good, t("이 노드", "This node")),
            Standing::Voting => badge(Badge::Good, t("투표 중", "Voting")),
            Standing::Behind => badge(Badge::Fair, t("뒤처짐", "Behind")),
            Standing::Absent => badge(Badge::Gone, t("연결 없음", "Not connected")),
        };
        let since = validator.connected_ms.map_or_else(|| "–".to_owned(), |ms| age(lang, now_ms().saturating_sub(ms)));
        vec![(at + 1).to_string(), short(&hex::encode(validator.key)), standing, since]
    };
    let rows: Vec<_> = seen.iter().enumerate().map(row).collect();
    let heads = [t("번호", "No."), t("노드 키", "Node key"), t("상태", "State"), t("연결 시작", "Connected")];
    let caption = t("이 노드에서 본 검증 노드의 상태", "Validators as this node sees them");
    table("validators", caption, &heads, &rows, t("노드가 멈추어 알 수 없습니다.", "Not known: the node has stopped."))
}

fn latest(lang: Lang, node: &Node, count: u32) -> Result<String, StatusCode> {
    let blocks = node.latest_blocks(u64::MAX, count).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(blocks_table(lang, "", &blocks))
}

/// A table of blocks.
pub(super) fn blocks_table(lang: Lang, root: &str, blocks: &[(StoredBlock, u64)]) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let row = |(block, transactions): &(StoredBlock, u64)| {
        let header = Header::decode(&block.header).ok()?;
        let height = format!("<a href=\"{root}blocks/{0}\">{1}</a>", header.height, number(header.height));
        let certified = match block.certificate {
            Some(_) => badge(Badge::Good, t("있음", "Own")),
            None => t("다음 블록의 인증서로 확정", "By a later block").to_owned(),
        };
        Some(vec![height, time(lang, header.timestamp_ms / 1_000), number(*transactions), certified])
    };
    let rows: Vec<_> = blocks.iter().filter_map(row).collect();
    let heads = [t("높이", "Height"), t("시각", "Time"), t("거래", "Transactions"), t("확정 인증서", "Certificate")];
    table("blocks", t("새 블록부터", "Newest first"), &heads, &rows, t("아직 블록이 없습니다.", "No block yet."))
}
