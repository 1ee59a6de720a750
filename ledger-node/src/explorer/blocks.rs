//! Blocks and what stands in them.

use std::fmt::Write as _;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::ledger::{Header, Record, Sender, Transaction};
use serde::Deserialize;

use super::html::{code, escape, facts, number, table, time};
use super::lang::Lang;
use super::overview::blocks_table;
use super::{Page, Section, language, missing};
use crate::node::Node;

/// Blocks of one page.
const PER_PAGE: u32 = 50;

/// Which blocks are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Below {
    below: Option<u64>,
}

pub(super) async fn list(
    State(node): State<Node>,
    Path(lang): Path<String>,
    Query(wanted): Query<Below>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let below = wanted.below.unwrap_or(u64::MAX);
    let asked = node.clone();
    let read = tokio::task::spawn_blocking(move || asked.latest_blocks(below, PER_PAGE)).await;
    let blocks = read.ok().and_then(Result::ok).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let mut body = blocks_table(lang, "", &blocks);
    let oldest = blocks.last().and_then(|(block, _)| Header::decode(&block.header).ok());
    if let Some(oldest) = oldest.filter(|oldest| oldest.height > 1) {
        let earlier = lang.pick("더 앞선 블록", "Earlier blocks");
        let label = lang.pick("쪽 이동", "Pages");
        let _ = writeln!(
            body,
            "<nav class=\"pages\" aria-label=\"{label}\"><a href=\"blocks?below={}\">{earlier}</a></nav>",
            oldest.height
        );
    }
    Ok(Page::new(lang, Section::Blocks).answer(&node, &body))
}

pub(super) async fn one(
    State(node): State<Node>,
    Path((lang, height)): Path<(String, String)>,
) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let Ok(wanted) = height.parse::<u64>() else { return Ok(missing(&node, lang)) };
    let asked = node.clone();
    let read = tokio::task::spawn_blocking(move || {
        let block = match asked.block(wanted) {
            // The footer says where this node's history begins.
            Err(crate::NodeError::NotKept) => None,
            other => other?,
        };
        Ok::<_, crate::NodeError>((block, asked.transactions(wanted)?))
    });
    let (block, transactions) = read.await.ok().and_then(Result::ok).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let Some((block, header)) = block.and_then(|block| Some((block.clone(), Header::decode(&block.header).ok()?)))
    else {
        return Ok(missing(&node, lang));
    };
    let title = format!("{} {}", t("블록", "Block"), number(header.height));
    let page = Page::below(lang, Section::Blocks, &height, title);
    let certificate = match &block.certificate {
        Some(bytes) => code(&hex::encode(bytes)),
        None => t("뒤 블록의 인증서로 확정", "Final by the certificate of a later block").to_owned(),
    };
    let mut body = facts(&[
        (t("시각", "Time"), time(lang, header.timestamp_ms / 1_000)),
        (t("머리글 해시", "Header digest"), code(&hex::encode(header.digest()))),
        (t("앞 블록", "Parent"), code(&hex::encode(header.parent))),
        (t("상태 뿌리", "State root"), code(&hex::encode(header.state_root))),
        (t("확정 인증서", "Certificate"), certificate),
    ]);
    let row = |bytes: &Vec<u8>| {
        let id = code(&hex::encode(Transaction::id(bytes)));
        let Ok(transaction) = Transaction::decode(bytes) else { return vec![id, "–".into(), "–".into()] };
        let sender = match &transaction.body.sender {
            Sender::Governance => t("거버넌스", "Governors").to_owned(),
            Sender::Did { did, .. } => {
                format!("<a href=\"../organisations/{}\">{}</a>", escape(did.as_str()), code(did.as_str()))
            }
        };
        let writes: String = transaction
            .body
            .writes
            .iter()
            .map(|write| {
                format!(
                    "<li>{} · {} {}</li>",
                    kind(lang, &write.record),
                    t("판", "version"),
                    write.previous_version + 1
                )
            })
            .collect();
        vec![id, sender, format!("<ul>{writes}</ul>")]
    };
    let rows: Vec<_> = transactions.iter().map(row).collect();
    let heads = [t("거래", "Transaction"), t("보낸 쪽", "Sender"), t("기록한 것", "Wrote")];
    let _ = writeln!(body, "<h2>{}</h2>", t("거래", "Transactions"));
    let none = t(
        "거래가 없는 블록입니다. 원장이 지금도 유효함을 보여 줍니다.",
        "None: the block shows that the record is still current.",
    );
    body += &table("transactions", t("실행된 차례로", "In order of execution"), &heads, &rows, none);
    Ok(page.answer(&node, &body))
}

/// What kind of record it is.
fn kind(lang: Lang, record: &Record) -> String {
    // Kinds that came later than these words are called by their own name.
    let own = format!("{record:?}");
    let own = own.split(['(', ' ']).next().unwrap_or_default();
    match own {
        "Governance" => lang.pick("거버넌스", "Governance").to_owned(),
        "Did" => lang.pick("DID", "DID").to_owned(),
        "Accreditation" => lang.pick("발급 자격", "Accreditation").to_owned(),
        "Verifier" => lang.pick("검증자 등록", "Verifier registration").to_owned(),
        "CredentialType" => lang.pick("자격증명 유형", "Credential type").to_owned(),
        "IssuerKey" => lang.pick("발급 키", "Issuer key").to_owned(),
        "StatusList" => lang.pick("상태 목록", "Status list").to_owned(),
        "StatusEpoch" => lang.pick("상태 에폭", "Status epoch").to_owned(),
        other => other.to_owned(),
    }
}
