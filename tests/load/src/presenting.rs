//! Presentations over OpenID4VP: a relying party makes a request, a wallet fetches it and answers, the relying party reads the verdict.

use protocol::credential::sd_jwt::{self, Trust, Verified};
use protocol::crypto::multikey::StandardKey;
use protocol::exchange::openid4vp::Expected;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use wallet_core::Decision;
use wallet_core::openid4vci::{Format, Request};
use wallet_core::openid4vp::{Foreign, Link, read_request};

use crate::issuing::{Phone, failed};
use crate::open_loop::{Ended, Http};
use crate::service::{LICENCE, Service};

/// A licence in a phone, and its key.
pub struct Licence {
    text: String,
    verified: Verified,
    key: StandardKey,
}

/// An answer that was made and not yet sent.
pub struct Prepared {
    id: String,
    request: Request,
}

impl Licence {
    /// The SD-JWT VC of a phone.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn of(phone: Phone, service: &Service) -> Self {
        let mut held = phone.received.into_iter().zip(phone.keys);
        let (received, key) = held.find(|(it, _)| it.offered.format == Format::SdJwt).expect("an SD-JWT VC");
        let text = String::from_utf8(received.credential).expect("text");
        let roots = service.trust.certificate_roots();
        let verified = sd_jwt::verify_issued(&text, LICENCE, &Trust { roots: &roots, now: service.now() });
        Self { text, verified: verified.expect("it holds"), key }
    }

    /// The relying party asks, the wallet fetches the request and makes an answer.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn prepare(&self, service: &Service, http: &Http, number: usize) -> Result<Prepared, Ended> {
        let body = json!({ "purpose": "roadside", "qr": false, "dcql_query": { "credentials": [{
            "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [LICENCE] },
            "claims": [{ "path": ["name_ko"] }, { "path": ["document_number"] }],
        }] } });
        let created = http.send(&service.ask("/openid4vp/requests", &body))?;
        let created: Value = serde_json::from_slice(&created.body).map_err(failed)?;
        let text = |name: &str| created[name].as_str().map(str::to_owned).ok_or_else(|| failed(&created));
        let (id, link) = (text("id")?, Link::read(&text("link")?).map_err(failed)?);
        let nonce = format!("load-{number}");
        let form = vec![("content-type", FORM.to_owned())];
        let body = Link::body(&nonce).into_bytes();
        let fetched = http.send(&Request { method: "POST", address: link.request_uri, headers: form.clone(), body })?;
        let object = String::from_utf8(fetched.body).map_err(failed)?;
        let expected = Expected { client_id: Some(&link.client_id), wallet_nonce: Some(&nonce), origin: None };
        let held = [Foreign::sd_jwt(&self.text, &self.verified, &self.key).map_err(failed)?];
        let now = service.now();
        let sheet =
            read_request(&object, &expected, &held, &service.trust, &service.vocabulary, now).map_err(failed)?;
        let mut rng = ChaCha20Rng::seed_from_u64(number as u64);
        let sent = sheet.answer(Decision::Approve, &sheet.usual(), &held, now, &mut rng).map_err(failed)?;
        let address = sent.uri.ok_or_else(|| failed("no address"))?;
        Ok(Prepared { id, request: Request { method: "POST", address, headers: form, body: sent.body.into_bytes() } })
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Prepared {
    /// Sends the answer.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn send(&self, http: &Http) -> Result<(), Ended> {
        let answer = http.send(&self.request)?;
        if answer.status == 200 { Ok(()) } else { Err(refused(&answer.body)) }
    }

    /// Reads the verdict.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn verdict(&self, service: &Service, http: &Http) -> Result<(), Ended> {
        let answer = http.send(&service.ask(&format!("/openid4vp/requests/{}/verdict", self.id), &json!({})))?;
        let verdict: Value = serde_json::from_slice(&answer.body).map_err(failed)?;
        let shown = verdict["verdict"]["credentials"][0]["claims"].as_array().map_or(0, Vec::len);
        if verdict["accepted"] == true && shown == 2 { Ok(()) } else { Err(refused(&answer.body)) }
    }
}

impl Service {
    fn ask(&self, path: &str, body: &Value) -> Request {
        let headers =
            vec![("content-type", "application/json".to_owned()), ("authorization", format!("Bearer {}", self.token))];
        let address = format!("{}{path}", self.services.url);
        Request { method: "POST", address, headers, body: body.to_string().into_bytes() }
    }
}

fn refused(body: &[u8]) -> Ended {
    let refusal: Value = serde_json::from_slice(body).unwrap_or_default();
    failed(refusal["error_description"].as_str().unwrap_or("no reason given"))
}
