//! J3: a bank account is opened from afar, on the phone alone and with a laptop beside it. The holder agrees to a text, and the
//! bank keeps a receipt that others check again. Through a browser's Digital Credentials API, too.

use journeys::{Citizen, LICENCE, RelyingParty, Services, run};
use serde_json::{Value, json};

use crate::{licence, purpose, text};

#[test]
fn j3_an_account_is_opened_and_the_receipt_holds() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let purposes = json!([purpose("account", "계좌 개설", "Opening an account", &["name_ko", "licence_number"])]);
    let bank = RelyingParty::start(&services, &place.path().join("bank"), "Bank", &purposes);
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept_openid(&services, "person-0001", &[LICENCE]);
    let agreed = json!({ "credential_ids": ["licence"], "text_ko": "예금 계좌 개설에 동의", "text_en": "I open a savings account" });
    let ask = |more: &Value| {
        let query = licence(&["name_ko", "document_number"]);
        let mut body = json!({ "purpose": "account", "dcql_query": query, "transactions": [agreed] });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let (status, created) = bank.ask("/openid4vp/requests", &body);
        assert_eq!(status, 201, "{created}");
        created
    };

    // The phone alone: the bank's app opens the wallet and is opened by it again, with a code that only this browser has.
    let created = ask(&json!({ "redirect_uri": "https://bank.example/back" }));
    let (id, link) = (text(&created, "id"), text(&created, "link"));
    let borrowed = run(&[
        "wallet",
        "answer",
        &link,
        "--approve",
        "--dir",
        &citizen.path("wallet"),
        "--pin-file",
        &citizen.path("wrong-pin"),
    ]);
    assert_eq!(borrowed.refused(), "PinIncorrect", "a borrowed phone");
    assert!(citizen.wallet("answer", &[&link]).text.contains("you would agree to: I open a savings account"));
    let back = text(&citizen.wallet("answer", &[&link, "--approve"]).accepted(), "redirect_uri");
    let code = back.strip_prefix("https://bank.example/back?response_code=").unwrap();
    let (status, guessed) =
        bank.ask(&format!("/openid4vp/requests/{id}/verdict"), &json!({ "response_code": "guessed" }));
    assert_eq!((status, guessed["error_description"].as_str()), (403, Some("ResponseCodeWrong")), "another browser");
    let verdict = bank.verdict(&id, &json!({ "response_code": code }));
    assert_eq!(verdict["transactions"][0]["text_en"], "I open a savings account");
    assert_eq!(verdict["credentials"][0]["claims"][0]["value"], "홍길동");
    assert_eq!(citizen.wallet("answer", &[&link, "--approve"]).refused(), "RequestGone", "no replay");

    // The receipt has none of it, and anyone with trust data checks it: the police's service, and a court without any service.
    let receipt = verdict["receipt"].clone();
    assert!(!receipt.to_string().contains("홍길동"));
    let token = std::fs::read_to_string(services.dir.join("police/api.token")).unwrap();
    let police = format!("{}/openid4vp/receipts", services.url);
    let (status, proves) = services.client.admin(&police, token.trim(), &receipt).unwrap();
    assert_eq!((status, &proves["transactions"][0]["text_en"]), (200, &json!("I open a savings account")), "{proves}");
    let file = citizen.path("receipt.json");
    std::fs::write(&file, receipt.to_string()).unwrap();
    let (bundle, anchor) = (bank.path("bundle.cbor"), services.dir.join("anchor.cbor").display().to_string());
    let court = ["verifier", "receipt", &file, "--bundle", &bundle, "--anchor", &anchor];
    let proves = run(&court).accepted()["receipt"].clone();
    assert_eq!((&proves["verifier"], &proves["time_said_by"]), (&created["client_id"], &json!("holder")));
    std::fs::write(&file, receipt.to_string().replace(receipt["nonce"].as_str().unwrap(), "another-nonce-00000"))
        .unwrap();
    assert_eq!(run(&court).refused(), "NonceMismatch");

    // Laptop and phone: the code is on the other screen, and the answer finds the laptop by itself.
    let created = ask(&json!({}));
    let screen = citizen.path("screen.png");
    std::fs::write(&screen, protocol::exchange::qr::Drawing::new(&text(&created, "link")).unwrap().png().unwrap())
        .unwrap();
    assert_eq!(citizen.wallet("answer", &[&screen, "--approve"]).accepted()["redirect_uri"], Value::Null);
    assert_eq!(bank.verdict(&text(&created, "id"), &json!({}))["transactions"][0]["text_ko"], "예금 계좌 개설에 동의");
}

#[test]
fn j3_a_page_asks_through_the_browser() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let purposes = json!([purpose("account", "계좌 개설", "Opening an account", &["name_ko", "name_en"])]);
    let bank = RelyingParty::start(&services, &place.path().join("bank"), "Bank", &purposes);
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept_openid(&services, "person-0001", &[LICENCE]);
    let page = "https://bank.example";
    let mdl = json!({ "credentials": [{
        "id": "mdl", "format": "mso_mdoc", "meta": { "doctype_value": "org.iso.18013.5.1.mDL" },
        "claims": [{ "path": ["org.iso.18013.5.1", "family_name"] }],
    }] });
    for (protocol, query) in [("openid4vp-v1-signed", licence(&["name_ko"])), ("org-iso-mdoc", mdl)] {
        let body = json!({ "purpose": "account", "origins": [page], "protocols": [protocol], "dcql_query": query });
        let (status, created) = bank.ask("/openid4vp/dc-api", &body);
        assert_eq!(status, 201, "{created}");
        let asked = citizen.path("asked.json");
        std::fs::write(&asked, created["pages"][0]["digital"]["requests"][0].to_string()).unwrap();
        let answer = |origin: &str| citizen.wallet("answer", &[&asked, "--origin", origin, "--approve"]);
        assert!(answer("https://evil.example").code == 1, "another page");
        let given = answer(page).accepted();
        let id = text(&created, "id");
        let handed = json!({ "origin": page, "protocol": given["protocol"], "data": given["data"] });
        let (status, refused) = bank.ask(&format!("/openid4vp/dc-api/{id}"), &handed);
        assert_eq!(status, 204, "{refused}");
        let verdict = bank.verdict(&id, &json!({}));
        assert_eq!(verdict["credentials"][0]["claims"].as_array().unwrap().len(), 1, "{verdict}");
        let file = citizen.path("receipt.json");
        std::fs::write(&file, verdict["receipt"].to_string()).unwrap();
        let (bundle, anchor) = (bank.path("bundle.cbor"), services.dir.join("anchor.cbor").display().to_string());
        let proves = run(&["verifier", "receipt", &file, "--bundle", &bundle, "--anchor", &anchor]).accepted();
        assert_eq!(proves["receipt"]["verifier"], format!("origin:{page}"));
    }
}
