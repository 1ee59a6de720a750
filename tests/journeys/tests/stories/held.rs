//! J7 from home with a credential that one holds: whoever has the police's licence gets the ministry's resident card by showing it, on the
//! same phone or from another one. Both are issuers of their own, and the ministry's verifier is a process beside its issuer.

use std::path::Path;
use std::process::{Child, Stdio};

use journeys::{Citizen, Client, LICENCE, LogInPage, RelyingParty, Services, free_address, mid, run, wait_for};
use serde_json::json;

use crate::{licence, purpose, text};

const RESIDENT_CARD: &str = "kr.go.mois.resident-card.1";

/// `mid issuer serve` of the ministry, which logs people in by their licence.
struct Ministry {
    child: Child,
    url: String,
    verifier: RelyingParty,
}

impl Drop for Ministry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ministry {
    fn start(services: &Services, place: &Path) -> Self {
        let claims = ["name_ko", "birth_date", "licence_number"];
        let purposes = json!([purpose("log-in", "로그인", "Logging in", &claims)]);
        let verifier = RelyingParty::start(services, &place.join("asks"), "Ministry", &purposes);
        let path = |name: &str| place.join(name).display().to_string();
        let listen = free_address();
        let (dir, url, ledger) = (path("ministry"), format!("http://{listen}"), format!("{}/ledger", services.url));
        let (anchor, governor) = (services.dir.join("anchor.cbor"), services.dir.join("ministry.key"));
        let (anchor, governor) = (anchor.display().to_string(), governor.display().to_string());
        let kind = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/types/resident-card.json");
        let made =
            run(&["issuer", "init", "--dir", &dir, "--anchor", &anchor, "--url", &url, "--type", kind]).accepted();
        let own = text(&made, "key");
        let submit = |draft: &str, keys: &[&str]| {
            let draft = text(&made, draft);
            let keys = keys.iter().flat_map(|key| ["--key", *key]);
            run(&["ledger", "submit", &draft, "--url", &ledger].into_iter().chain(keys).collect::<Vec<_>>()).accepted();
        };
        submit("did_draft", &[&own, &governor]);
        submit("registration", &[&governor]);
        submit("issuer_keys", &[&own]);
        let log_in = json!({
            "verifier": verifier.url, "token_file": verifier.path("service/api.token"), "purpose": "log-in",
            "name": { "ko": "운전면허증", "en": "Driver's licence" },
            "dcql_query": licence(&["name_ko", "birthdate", "document_number"]),
            "person": { "name_ko": "/name_ko", "birth_date": "/birthdate", "licence_number": "/document_number" },
        });
        std::fs::write(place.join("log-in.json"), log_in.to_string()).unwrap();
        let serve = ["issuer", "serve", "--dir", &dir, "--listen", &listen, "--ledger", &ledger];
        let mut command = mid(&[&serve[..], &["--log-in", &path("log-in.json")]].concat());
        let log = std::fs::File::create(place.join("ministry.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let client = Client::default();
        wait_for("the ministry serves", || {
            client.post(&format!("{url}/v1/nonce"), b"").is_some_and(|(status, _)| status == 200)
        });
        Self { child, url, verifier }
    }

    /// The verifier fetches what has changed on the ledger.
    fn follow(&self, services: &Services) {
        let next = self.verifier.bundle.with_extension("next");
        services.bundle(&next);
        std::fs::rename(&next, &self.verifier.bundle).unwrap();
    }

    /// A wallet begins to get the resident card; its page.
    fn begin(&self, services: &Services, phone: &Citizen) -> LogInPage {
        let anchor = services.dir.join("anchor.cbor").display().to_string();
        let (of, ledger) = (format!("{RESIDENT_CARD}.sd-jwt"), format!("{}/ledger", services.url));
        let wanted = ["--issuer", &self.url, "--configuration", &of, "--anchor", &anchor, "--url", &ledger];
        let begun = phone.wallet("log-in", &wanted).accepted();
        LogInPage::open(&services.client, &text(&begun, "open"))
    }
}

/// The page after a step that leads to one.
fn page(outcome: Result<String, Box<LogInPage>>) -> LogInPage {
    *outcome.expect_err("a page")
}

/// Which of the two can be used, each in whatever formats.
fn usable(phone: &Citizen) -> Vec<String> {
    let listed = phone.wallet("list", &[]).accepted();
    let all = listed["credentials"].as_array().unwrap().clone();
    let mut types: Vec<_> = all.iter().filter(|it| it["state"] == "usable").map(|it| text(it, "type")).collect();
    types.retain(|it| [RESIDENT_CARD, LICENCE].contains(&it.as_str()));
    types.sort();
    types.dedup();
    types
}

#[test]
fn j7_from_home_with_a_credential_that_one_holds() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let ministry = Ministry::start(&services, place.path());
    let phone = Citizen::new(&place.path().join("phone"));
    phone.accept_openid(&services, "person-0001", &[LICENCE]);
    let answer = |phone: &Citizen, link: &str| phone.wallet("answer", &[link, "--approve"]);
    let alert = |page: &LogInPage| page.html.contains("role=\"alert\"");

    // On the phone itself. Somebody else's browser is none, with the same link and the same code.
    let (other, mine) = (ministry.begin(&services, &phone), ministry.begin(&services, &phone));
    assert!(mine.html.contains("Driver&#39;s licence") && !mine.html.contains("mid-card://"), "{}", mine.html);
    let (other, mine) = (page(other.submit("credential", "here")), page(mine.submit("credential", "here")));
    let back = text(&answer(&phone, &mine.wallet_link()).accepted(), "redirect_uri");
    assert!(back.starts_with(&format!("{}/openid4vci/shown?response_code=", ministry.url)), "{back}");
    assert!(alert(&page(other.opened(&back))), "the code of another log-in");
    let (status, refused) = services.client.get(&back).unwrap();
    assert!(status == 400 && String::from_utf8_lossy(&refused).contains("invalid_request_uri"), "no session");
    let guessed = back.split('?').next().unwrap().to_owned() + "?response_code=guessed";
    assert!(alert(&page(mine.opened(&guessed))));
    let address = mine.opened(&back).expect("a way back to the wallet");
    let received = phone.wallet("return", &[&address]).accepted()["received"].clone();
    assert_eq!(received, json!([RESIDENT_CARD]));
    assert_eq!(usable(&phone), [RESIDENT_CARD, LICENCE]);
    assert!(page(mine.opened(&back)).html.contains("invalid_request_uri"), "once");

    // A new phone shows the page's code to the old one, which reads what it agrees to; the card moves in one step.
    let second = Citizen::new(&place.path().join("second"));
    let asks = ministry.begin(&services, &second);
    let shows = page(asks.submit("credential", "elsewhere"));
    assert!(shows.html.contains("data:image/png;base64,"));
    assert!(alert(&page(shows.submit("credential", "shown"))), "nothing was shown yet");
    assert!(page(shows.submit("credential", "confirmed")).html.contains("invalid_request"));
    let sheet = phone.wallet("answer", &[&shows.wallet_link()]).text;
    assert!(
        sheet.contains(&format!("{} issues into the wallet 'mid-wallet': Mobile resident card", ministry.url)),
        "{sheet}"
    );
    answer(&phone, &shows.wallet_link()).accepted();
    let found = page(shows.submit("credential", "shown"));
    assert!(found.html.contains("<strong id=\"person\">홍○○</strong>"), "{}", found.html);
    let address = found.submit("credential", "confirmed").expect("a way back to the wallet");
    second.wallet("return", &[&address]).accepted();
    assert_eq!(usable(&second), [RESIDENT_CARD]);
    assert_eq!(answer(&phone, &shows.wallet_link()).refused(), "RequestGone", "no replay");

    // Somebody declines, and a licence that was withdrawn logs nobody in.
    let declined = page(ministry.begin(&services, &second).submit("credential", "elsewhere"));
    assert_eq!(phone.wallet("answer", &[&declined.wallet_link(), "--decline"]).refused(), "Declined");
    assert!(alert(&page(declined.submit("credential", "shown"))));
    let revocation = json!({ "person": "person-0001", "credential_type": LICENCE, "reason": "right-withdrawn" });
    let (status, outcome) = services.admin("revocations", &revocation).unwrap();
    assert_eq!(status, 200, "{outcome}");
    let withdrawn = page(ministry.begin(&services, &second).submit("credential", "elsewhere"));
    wait_for("the verifier refuses the withdrawn licence", || {
        ministry.follow(&services);
        let asked = page(ministry.begin(&services, &second).submit("credential", "elsewhere"));
        answer(&phone, &asked.wallet_link()).code != 0
    });
    assert_eq!(answer(&phone, &withdrawn.wallet_link()).refused(), "AnswerRefused");
    assert!(alert(&page(withdrawn.submit("credential", "shown"))));
}
