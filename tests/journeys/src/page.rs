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
    /// What the browser keeps for it.
    cookie: Option<String>,
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
        Self { client: client.clone(), action, request_uri, session, cookie: None, html }
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
        // A page that goes on on this device leaves something with the browser, and leads nowhere by itself.
        let is_cookie = (field, value) == ("credential", "here");
        let wanted = if is_cookie { "set-cookie" } else { "location" };
        let answer = self.client.exchange("POST", &self.action, &kind, form.join("&").as_bytes(), wanted);
        let (status, header, body) = answer.expect("the issuer answers");
        let (cookie, location) = if is_cookie { (header, None) } else { (None, header) };
        let mut gone_on = self.gone_on(status, location, body);
        if let (Err(page), Some(cookie)) = (&mut gone_on, cookie) {
            page.cookie = cookie.split(';').next().map(str::to_owned);
        }
        gone_on
    }

    /// The wallet opens an address in the browser with this page: where it is sent to, or the page again.
    ///
    /// # Errors
    /// As [`LogInPage::submit`].
    ///
    /// # Panics
    /// When the issuer does not answer.
    pub fn opened(&self, address: &str) -> Result<String, Box<Self>> {
        let cookie: Vec<_> = self.cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        let answer = self.client.exchange("GET", address, &cookie, &[], "location");
        let (status, location, body) = answer.expect("the issuer answers");
        self.gone_on(status, location, body)
    }

    fn gone_on(&self, status: u16, location: Option<String>, body: Vec<u8>) -> Result<String, Box<Self>> {
        match (status, location) {
            (302, Some(location)) => Ok(location),
            (200, _) => Err(Box::new(Self::read(&self.client, self.action.clone(), body))),
            _ => Err(Box::new(Self {
                client: self.client.clone(),
                action: self.action.clone(),
                request_uri: String::new(),
                session: String::new(),
                cookie: None,
                html: String::from_utf8_lossy(&body).into_owned(),
            })),
        }
    }

    /// What the page opens a wallet with.
    ///
    /// # Panics
    /// When it asks for no credential.
    #[must_use]
    pub fn wallet_link(&self) -> String {
        let from = self.html.split("id=\"wallet\"").nth(1).expect("a link for a wallet");
        let from = from.strip_prefix(" href=\"").or_else(|| from.strip_prefix('>')).expect("the link");
        from.split(['"', '<']).next().expect("its end").replace("&amp;", "&")
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
