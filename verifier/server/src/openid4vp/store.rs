//! What is kept of a request over OpenID4VP.

use protocol::exchange::openid4vp::RequestObject;
use protocol::exchange::openid4vp::dc_api::IsoRequest;
use serde_json::{Value, json};

use crate::store::{EphemeralKey, Kept};

/// What does not change of a request.
pub(super) struct Asked {
    pub(super) request: RequestObject,
    pub(super) key: Option<EphemeralKey>,
    pub(super) redirect_uri: Option<String>,
    /// Through a browser, where it was not sent by a link.
    pub(super) browser: Option<Browser>,
}

/// How a page asks through the Digital Credentials API.
pub(super) struct Browser {
    /// Where the page may be.
    pub(super) origins: Vec<String>,
    /// Protocols that it offers the browser.
    pub(super) protocols: Vec<String>,
    /// `org-iso-mdoc`, for each origin: the reader signs the session, and the origin is part of it.
    pub(super) iso: Vec<(String, IsoRequest)>,
    /// The key that answers of `org-iso-mdoc` are encrypted to.
    pub(super) iso_key: EphemeralKey,
}

impl Kept for Asked {
    const KIND: &'static str = "openid4vp";
    const STATE_STAYS: bool = false;

    fn to_json(&self) -> Value {
        json!({
            "request": self.request.to_json(), "key": self.key.as_ref().map(EphemeralKey::to_json),
            "redirect_uri": self.redirect_uri, "browser": self.browser.as_ref().map(Browser::to_json),
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let some = |name: &str| value.get(name).filter(|it| !it.is_null());
        Some(Self {
            request: RequestObject::from_json(value.get("request")?.as_object()?).ok()?,
            key: some("key").map(|it| EphemeralKey::from_json(it).ok_or(())).transpose().ok()?,
            redirect_uri: some("redirect_uri").and_then(Value::as_str).map(str::to_owned),
            browser: some("browser").map(|it| Browser::from_json(it).ok_or(())).transpose().ok()?,
        })
    }
}

impl Browser {
    fn to_json(&self) -> Value {
        let iso: Vec<_> = self.iso.iter().map(|(origin, it)| json!([origin, it.to_json()])).collect();
        json!({ "origins": self.origins, "protocols": self.protocols, "iso": iso, "iso_key": self.iso_key.to_json() })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let iso = |it: &Value| Some((it.get(0)?.as_str()?.to_owned(), IsoRequest::from_json(it.get(1)?).ok()?));
        Some(Self {
            origins: texts(value.get("origins")?)?,
            protocols: texts(value.get("protocols")?)?,
            iso: value.get("iso")?.as_array()?.iter().map(iso).collect::<Option<_>>()?,
            iso_key: EphemeralKey::from_json(value.get("iso_key")?)?,
        })
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|it| it.as_str().map(str::to_owned)).collect()
}
