//! Nothing an operator or a log reads says who the citizen is.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use issuer::register::{PersonId, Register};
use issuer::server::{AdminToken, Limits, Service, router};
use issuer::{RevocationReason, Withdrawal};
use tower::ServiceExt;

use crate::world::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every value the register has of a person, except codes too short to mean anything.
fn canaries(world: &World) -> Vec<String> {
    let person = world.register.person(&PersonId::new(HOLDER)).unwrap();
    let names = ["name_ko", "name_en", "birth_date", "address", "licence_number", "issue_date", "classes"];
    let mut canaries: Vec<String> = names.iter().map(|name| person.attribute(name).unwrap().to_owned()).collect();
    canaries.extend(["851399".to_owned(), "0000001".to_owned()]);
    canaries
}

#[test]
fn logs_errors_and_debug_output_hold_no_personal_data() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk());
    });
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered") && log.contains("InvalidGrant"), "the log says what happened");
    for canary in canaries(&world()) {
        assert!(!log.contains(&canary), "a log names a citizen");
    }
}

/// Grants and refusals over HTTP; bodies of refusals are logged as a careless operator would.
async fn walk() {
    let World { dir, register, issuer } = world();
    let issuer = Arc::new(issuer);
    let token = AdminToken::load(dir.path(), &mut fresh()).unwrap();
    let app = router(Service::new(issuer.clone(), Arc::new(|| NOW), token, Limits::default()));
    let made = issuer.offer(&PersonId::new(HOLDER), &terms(&[LICENCE], true, false), NOW, &mut fresh()).unwrap();
    tracing::info!(?made, person = ?register.person(&PersonId::new(HOLDER)), "offer");
    let wallet = Wallet::new(&issuer, LICENCE);
    let good = wallet.request(&issuer, &made, NOW);
    let mut wrong = wallet.request(&issuer, &made, NOW);
    wrong.tx_code = Some("1985".into());
    for request in [wrong.sign(&wallet.device, &[]).unwrap(), good.clone(), wallet.request(&issuer, &made, NOW)] {
        let post = Request::post("/v1/credentials").body(Body::from(request.encode())).unwrap();
        let response = app.clone().oneshot(post).await.unwrap();
        if !response.status().is_success() {
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            tracing::info!(body = ?String::from_utf8_lossy(&body), "refusal");
        }
    }
    let error = issuer.offer(&PersonId::new(HOLDER), &terms(&[LICENCE], false, false), NOW, &mut fresh()).unwrap_err();
    tracing::info!(%error, ?error, "second offer");
    assert_eq!(
        issuer.revoke(&PersonId::new(HOLDER), LICENCE, RevocationReason::EntryChanged, NOW),
        Ok(Withdrawal::Revoked)
    );
    tracing::info!(issued = ?issuer.issued(&PersonId::new(HOLDER)).unwrap(), "records");
}

#[test]
fn the_database_holds_no_codes_and_forgets_claims() {
    let world = world();
    let made = world.offer(HOLDER, &[LICENCE], true, false);
    let wallet = Wallet::new(&world.issuer, LICENCE);
    assert_eq!(world.refusal(&wallet.request(&world.issuer, &made, NOW), NOW), None);
    world.issuer.forget_old(NOW + 8 * 86_400).unwrap();
    drop(world.issuer);
    let bytes = crate::database::contents(world.dir.path());
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(contains(HOLDER.as_bytes()), "the file is the right one");
    assert!(!contains(&made.offer.code) && !contains(hex::encode(made.offer.code).as_bytes()));
    for canary in ["홍길동", "HONG GILDONG", "세종대로", "851399"] {
        assert!(!contains(canary.as_bytes()), "{canary}");
    }
}
