//! Check a proof in the visitor's own browser.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Page, Section, has_web, language};
use crate::node::Node;

pub(super) async fn page(State(node): State<Node>, Path(lang): Path<String>) -> Result<Response, StatusCode> {
    let lang = language(&lang)?;
    let t = |ko, en| lang.pick(ko, en);
    let lead = t(
        "원장 증명은 기록 하나가 어느 높이에 있었는지, 또는 없었는지를 보여 줍니다. 확인은 이 브라우저 안에서만 이루어지고 아무것도 보내지 않습니다.",
        "A ledger proof shows that one record was on the ledger at some height, or was not. The check runs in this browser alone and sends nothing.",
    );
    let by_hand = t("명령줄로 확인하려면", "To check on the command line");
    let by_hand = format!(
        "<details><summary>{by_hand}</summary>\n<pre tabindex=\"0\"><code translate=\"no\">mid ledger check proof.cbor --anchor anchor.cbor</code></pre></details>\n"
    );
    if !has_web(node.web().as_deref()) {
        let missing = t(
            "이 노드에는 브라우저용 확인 프로그램이 놓여 있지 않습니다. 운영자가 다음 명령으로 만들어 노드를 다시 시작하면 여기에 나타납니다.",
            "The program for browsers is not installed at this node. The operator makes it with the following command and restarts the node; then it appears here.",
        );
        let body = format!(
            "<p class=\"lead\">{lead}</p>\n<p class=\"notice fair\"><span aria-hidden=\"true\">!</span> {missing}</p>\n\
             <pre tabindex=\"0\"><code translate=\"no\">cargo xtask wasm</code></pre>\n{by_hand}"
        );
        return Ok(Page::new(lang, Section::Check).answer(&node, &body));
    }
    let words = [
        ("working", t("확인하는 중입니다…", "Checking…")),
        (
            "proven",
            t("확인됨: 검증 노드들이 이 기록을 확정했습니다.", "Proven: the validators made this record final."),
        ),
        ("absent", t("확인됨: 그 높이에 이런 기록은 없었습니다.", "Proven: there was no such record at that height.")),
        ("refused", t("거부됨: 이 증명은 아무것도 보여 주지 않습니다.", "Refused: this proof shows nothing.")),
        (
            "unreadable",
            t(
                "읽을 수 없습니다. 16진수나 base64로 붙여 넣거나 파일을 고르세요.",
                "Cannot be read: paste hexadecimal or base64, or choose a file.",
            ),
        ),
        ("unreachable", t("노드에서 받아 오지 못했습니다.", "The node did not answer.")),
        (
            "unusable",
            t("이 브라우저에서 확인 프로그램을 시작할 수 없습니다.", "The program cannot be started in this browser."),
        ),
        (
            "fetched",
            t(
                "이 노드에서 증명을 받아 왔습니다. 이제 확인을 누르세요.",
                "A proof was fetched from this node. Now press Check.",
            ),
        ),
        ("height", t("높이", "Height")),
        ("time", t("시각", "Time")),
        ("key", t("기록 키", "State key")),
        ("version", t("판", "Version")),
        ("reason", t("까닭", "Reason")),
        ("content", t("기록 내용", "The record")),
        ("duration", t("확인에 걸린 시간", "Time to check")),
    ];
    let words: String = words.iter().map(|(name, word)| format!(" data-{name}=\"{}\"", super::escape(word))).collect();
    let body = format!(
        "<p class=\"lead\">{lead}</p>\n<noscript><p class=\"notice fair\">{noscript}</p></noscript>\n\
         <form id=\"check\" class=\"stack\" novalidate{words}>\n\
         <fieldset><legend>{anchor}</legend>\n<p id=\"anchor-hint\">{anchor_hint}</p>\n\
         <p class=\"choice\"><input type=\"radio\" name=\"whose\" id=\"whose-node\" value=\"node\" checked>\
         <label for=\"whose-node\">{whose_node}</label></p>\n\
         <p class=\"choice\"><input type=\"radio\" name=\"whose\" id=\"whose-own\" value=\"own\">\
         <label for=\"whose-own\">{whose_own}</label></p>\n\
         <p id=\"own-anchor\" hidden><label for=\"anchor-file\">{anchor_file}</label>\
         <input type=\"file\" id=\"anchor-file\" aria-describedby=\"anchor-hint\"></p></fieldset>\n\
         <fieldset><legend>{proof}</legend>\n\
         <p><label for=\"proof-file\">{proof_file}</label><input type=\"file\" id=\"proof-file\"></p>\n\
         <p><label for=\"proof-text\">{proof_text}</label>\
         <textarea id=\"proof-text\" rows=\"6\" spellcheck=\"false\" autocomplete=\"off\" aria-describedby=\"proof-hint\"></textarea></p>\n\
         <p id=\"proof-hint\" class=\"hint\">{proof_hint}</p>\n\
         <p class=\"inline\"><label for=\"key\">{key}</label><input id=\"key\" type=\"text\" inputmode=\"text\" autocomplete=\"off\" \
         spellcheck=\"false\" pattern=\"[0-9a-fA-F]{{64}}\" maxlength=\"64\"><button type=\"button\" id=\"fetch\" class=\"quiet\">{fetch}</button></p>\n\
         <p><label for=\"floor\">{floor}</label><input id=\"floor\" type=\"number\" min=\"0\" step=\"1\" value=\"0\" aria-describedby=\"floor-hint\"></p>\n\
         <p id=\"floor-hint\" class=\"hint\">{floor_hint}</p></fieldset>\n\
         <p><button type=\"submit\">{check}</button></p>\n</form>\n\
         <div id=\"outcome\" role=\"status\" aria-live=\"polite\"></div>\n{by_hand}",
        noscript = t(
            "이 확인은 브라우저에서 실행되므로 자바스크립트가 필요합니다.",
            "The check runs in the browser and needs JavaScript."
        ),
        anchor = t("1. 신뢰 기준점", "1. Trust anchor"),
        anchor_hint = t(
            "이 노드가 준 기준점으로는 이 노드를 시험할 수 없습니다. 따로 안전하게 받은 기준점이 있으면 그것을 고르세요.",
            "An anchor from this node cannot test this node. If you received one by a safe way, choose that.",
        ),
        whose_node = t("이 노드의 기준점", "The anchor of this node"),
        whose_own = t("내가 가진 기준점 파일", "An anchor file of my own"),
        anchor_file = t("기준점 파일 (anchor.cbor)", "Anchor file (anchor.cbor)"),
        proof = t("2. 증명", "2. Proof"),
        proof_file = t("증명 파일", "Proof file"),
        proof_text = t("또는 증명의 글 (16진수, base64)", "Or its text (hexadecimal, base64)"),
        proof_hint = t(
            "mid ledger prove 가 만든 파일, 또는 아래에서 이 노드에 청한 증명입니다.",
            "A file made by mid ledger prove, or a proof requested from this node below.",
        ),
        key = t("기록 키로 이 노드에서 받기", "Fetch from this node by state key"),
        fetch = t("받아 오기", "Fetch"),
        floor = t("이미 본 가장 높은 높이", "Highest height seen before"),
        floor_hint =
            t("그보다 낮은 높이의 증명은 거부됩니다. 없으면 0.", "Proofs of a lower height are refused. 0 if none."),
        check = t("확인", "Check"),
    );
    let page = Page { script: true, ..Page::new(lang, Section::Check) };
    Ok(page.answer(&node, &body))
}
