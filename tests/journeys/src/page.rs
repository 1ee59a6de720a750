//! The issuer's log-in page, as a person at a browser goes through it.

use crate::Client;

/// An open page.
#[derive(Debug)]
pub struct LogInPage {
    client: Client,
    /// Where its form goes.
    action: String,
    request_uri: String,
    session: String,
    /// All of it.
    pub html: String,
}

impl LogInPage {
    /// Opens the address that the wallet names.
    ///
    /// # Panics
    /// When there is no page.
    #[must_use]
    pub fn open(client: &Client, address: &str) -> Self {
        let (status, html) = client.get(address).expect("the issuer answers");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&html));
        let action = address.split('?').next().expect("an address").to_owned();
        Self::read(client, action, html)
    }

    fn read(client: &Client, action: String, html: Vec<u8>) -> Self {
        let html = String::from_utf8(html).expect("a text");
        let hidden = |name: &str| -> String {
            let from = html.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a hidden field");
            from.split('"').next().expect("a value").to_owned()
        };
        let (request_uri, session) = (hidden("request_uri"), hidden("session"));
        Self { client: client.clone(), action, request_uri, session, html }
    }

    /// Fills in one field and sends the form: where the browser is sent to, or the page again.
    ///
    /// # Errors
    /// The page again; that without a form for anything else that is no way back.
    ///
    /// # Panics
    /// When the issuer does not answer.
    pub fn submit(&self, field: &str, value: &str) -> Result<String, Box<Self>> {
        let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let pairs = [("request_uri", self.request_uri.as_str()), ("session", &self.session), (field, value)];
        let form: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.client.exchange("POST", &self.action, &kind, form.join("&").as_bytes(), "location");
        let (status, location, body) = answer.expect("the issuer answers");
        match (status, location) {
            (302, Some(location)) => Ok(location),
            (200, _) => Err(Box::new(Self::read(&self.client, self.action.clone(), body))),
            _ => Err(Box::new(Self {
                client: self.client.clone(),
                action: self.action.clone(),
                request_uri: String::new(),
                session: String::new(),
                html: String::from_utf8_lossy(&body).into_owned(),
            })),
        }
    }

    /// What the page shows for a chip card.
    ///
    /// # Panics
    /// When it shows none.
    #[must_use]
    pub fn challenge(&self) -> String {
        let code = self.html.split("<code id=\"challenge\">").nth(1).expect("a challenge");
        code.split("</code>").next().expect("its end").replace("&amp;", "&")
    }
}
