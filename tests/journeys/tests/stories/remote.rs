//! J7 from home: the citizen's chip card and its PIN stand for the counter. The card answers this log-in and no other, locks itself
//! after three wrong PINs, and takes the licence to another phone in one step, but not past a suspension.

use journeys::{Citizen, LICENCE, LogInPage, Services, run, wait_for};
use serde_json::{Value, json};

use crate::text;

const MDL: &str = "org.iso.18013.5.1.mDL";
const PIN: &str = "402917";

/// A citizen's card, with the PINs in files as the program reads them.
struct Card<'a> {
    owner: &'a Citizen,
    file: String,
    unlock_code: String,
}

impl<'a> Card<'a> {
    fn make(owner: &'a Citizen, name: &str, more: &[&str]) -> Self {
        for (file, line) in [("card-pin", PIN), ("card-wrong", "555555"), ("card-new", "918273")] {
            std::fs::write(owner.file(file), line).unwrap();
        }
        let file = owner.path(name);
        let arguments = ["card", "make", "--card", &file, "--pin-file", &owner.path("card-pin")];
        let made = run(&[&arguments, more].concat()).accepted();
        assert_eq!(made["software"], json!(true), "it says what it is");
        Self { owner, file: file.clone(), unlock_code: text(&made, "unlock_code") }
    }

    fn answer(&self, challenge: &str, pin: &str) -> journeys::Outcome {
        run(&["card", "answer", challenge, "--card", &self.file, "--pin-file", &self.owner.path(pin)])
    }

    fn unlock(&self, code: &str) -> journeys::Outcome {
        std::fs::write(self.owner.file("unlock"), code).unwrap();
        let (code, new) = (self.owner.path("unlock"), self.owner.path("card-new"));
        run(&["card", "unlock", "--card", &self.file, "--unlock-code-file", &code, "--pin-file", &new])
    }
}

fn begin(services: &Services, phone: &Citizen) -> LogInPage {
    let anchor = services.dir.join("anchor.cbor").display().to_string();
    let (issuer, ledger) = (format!("{}/issuer", services.url), format!("{}/ledger", services.url));
    let [sd_jwt, mdoc] = ["sd-jwt", "mdoc"].map(|format| format!("{LICENCE}.{format}"));
    let wanted = ["--issuer", &issuer, "--configuration", &sd_jwt, "--configuration", &mdoc];
    let begun = phone.wallet("log-in", &[&wanted[..], &["--anchor", &anchor, "--url", &ledger]].concat()).accepted();
    LogInPage::open(&services.client, &text(&begun, "open"))
}

fn states(phone: &Citizen) -> Vec<(String, String)> {
    let listed = phone.wallet("list", &[]).accepted();
    let mut all: Vec<_> =
        listed["credentials"].as_array().unwrap().iter().map(|it| (text(it, "type"), text(it, "state"))).collect();
    all.sort();
    all
}

fn both(state: &str) -> Vec<(String, String)> {
    [LICENCE, MDL].map(|of| (of.to_owned(), state.to_owned())).to_vec()
}

#[test]
fn j7_from_home_with_the_chip_card() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let phone = Citizen::new(&place.path().join("phone"));
    let register = services.dir.join("issuer/register.json").display().to_string();
    let card = Card::make(&phone, "card", &["--register", &register, "--person", "person-0001"]);
    let alert = |page: Result<String, Box<LogInPage>>| page.err().is_some_and(|it| it.html.contains("role=\"alert\""));

    // Two log-ins are open. The answer for one is none for the other, nor is one by a card that nobody has.
    let other = begin(&services, &Citizen::new(&place.path().join("stranger")));
    let page = begin(&services, &phone);
    assert!(page.html.contains("href=\"mid-card://log-in?"), "{}", page.html);
    let answered = card.answer(&page.challenge(), "card-pin").accepted();
    assert_eq!(
        answered["asked"],
        json!({ "issuer": format!("{}/issuer", services.url), "client": "mid-wallet", "wants": [LICENCE] })
    );
    let answer = text(&answered, "answer");
    assert!(alert(other.submit("card_answer", &answer)), "the challenge of another log-in");
    let nobodys = Card::make(&phone, "nobodys", &[]);
    let forged = text(&nobodys.answer(&page.challenge(), "card-pin").accepted(), "answer");
    assert!(alert(page.submit("card_answer", &forged)));
    assert_eq!(card.answer("https://example.com/", "card-pin").refused(), "CardChallengeMalformed");

    // The licence, without a visit.
    let address = page.submit("card_answer", &answer).unwrap();
    let received = phone.wallet("return", &[&address]).accepted()["received"].clone();
    assert_eq!(received.as_array().map(Vec::len), Some(2), "{received}");
    assert_eq!(states(&phone), both("usable"));
    // Once.
    assert!(page.submit("card_answer", &answer).err().is_some_and(|it| it.html.contains("invalid_request_uri")));
    assert!(alert(other.submit("card_answer", &answer)));

    // Three wrong PINs lock the card, also for the right one; the counter unlocks it.
    let second = Citizen::new(&place.path().join("second"));
    let page = begin(&services, &second);
    for refusal in ["CardPinIncorrect", "CardPinIncorrect", "CardLocked"] {
        assert_eq!(card.answer(&page.challenge(), "card-wrong").refused(), refusal);
    }
    assert_eq!(card.answer(&page.challenge(), "card-pin").refused(), "CardLocked");
    assert_eq!(card.unlock("0").refused(), "UnlockCodeIncorrect");
    card.unlock(&card.unlock_code).accepted();
    assert_eq!(card.answer(&page.challenge(), "card-pin").refused(), "CardPinIncorrect", "the old PIN is over");

    // Another phone, in place of the first.
    let answer = text(&card.answer(&page.challenge(), "card-new").accepted(), "answer");
    second.wallet("return", &[&page.submit("card_answer", &answer).unwrap()]).accepted();
    assert_eq!(states(&second), both("usable"));
    wait_for("the first phone's licence is withdrawn, and stays so", || {
        phone.update(&services);
        states(&phone) == both("withdrawn")
    });

    // Whoever was reported lost gets nothing by card and PIN before a clerk has looked.
    let (status, outcome) = services.admin("suspensions", &json!({ "person": "person-0001" })).unwrap();
    assert_eq!((status, &outcome["outcome"]), (200, &Value::from("suspended")), "{outcome}");
    let third = Citizen::new(&place.path().join("third"));
    let page = begin(&services, &third);
    let answer = text(&card.answer(&page.challenge(), "card-new").accepted(), "answer");
    let address = page.submit("card_answer", &answer).unwrap();
    assert_eq!(third.wallet("return", &[&address]).refused(), "Refused");
    assert_eq!(states(&third), []);
}
