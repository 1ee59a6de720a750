//! Authorisation requests and codes, each known by the digest of its secret.

use sha2::{Digest, Sha256};

use super::{Row, Writer, values};
use crate::error::IssuerError;
use crate::register::PersonId;

/// An authorisation request that was sent beforehand.
pub(crate) struct PushedRequest {
    /// The client.
    pub(crate) client: String,
    /// Where the person is sent afterwards.
    pub(crate) redirect: String,
    /// The client's own.
    pub(crate) state: Option<String>,
    /// SHA-256 of the code verifier.
    pub(crate) challenge: [u8; 32],
    /// The key that the code is bound to, if it is.
    pub(crate) thumbprint: Option<[u8; 32]>,
    /// The offer's code, readable only with the request's name; `None` for a request without an offer, which is stored as nothing.
    pub(crate) masked_offer: Option<[u8; 16]>,
    /// What is asked for.
    pub(crate) credential_types: Vec<String>,
    /// Unix seconds.
    pub(crate) expires_at: u64,
    /// The credential that the person was asked for, to log in with.
    pub(crate) asked: Option<AskedCredential>,
    /// How often one was asked for.
    pub(crate) asks: u64,
    /// Whom a credential that was shown on another device was found to be.
    pub(crate) recognised: Option<PersonId>,
}

/// A credential that a log-in has asked for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AskedCredential {
    /// The name that the verifier gave the request.
    pub(crate) id: String,
    /// What a wallet is opened with.
    pub(crate) link: String,
    /// Whether the wallet is on the device of the page.
    pub(crate) here: bool,
}

/// An authorisation code.
pub(crate) struct Code {
    pub(crate) grant: [u8; 16],
    pub(crate) redirect: String,
    pub(crate) challenge: [u8; 32],
    pub(crate) thumbprint: Option<[u8; 32]>,
    /// Whether it was exchanged before.
    pub(crate) used: bool,
    pub(crate) expires_at: u64,
}

/// Names, sessions and codes have 128 random bits or more, so their digests need no salt.
fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn request(row: &Row<'_>) -> Result<PushedRequest, IssuerError> {
    let types: String = row.get(6)?;
    Ok(PushedRequest {
        client: row.get(0)?,
        redirect: row.get(1)?,
        state: row.get(2)?,
        challenge: row.get(3)?,
        thumbprint: row.get(4)?,
        masked_offer: row.get::<Vec<u8>>(5)?.try_into().ok(),
        credential_types: types.split(' ').map(str::to_owned).collect(),
        expires_at: row.get(7)?,
        asked: match (row.get::<Option<String>>(8)?, row.get::<Option<String>>(9)?) {
            (Some(id), Some(link)) => Some(AskedCredential { id, link, here: row.get(10)? }),
            _ => None,
        },
        asks: row.get(11)?,
        recognised: row.get::<Option<String>>(12)?.map(PersonId::new),
    })
}

const COLUMNS: &str = "client, redirect, state, challenge, thumbprint, masked_offer, credential_types, expires_at,
    shown_request, shown_link, shown_here, shown_asks, shown_person";

impl Writer<'_> {
    /// Keeps a request, unless `limit` are alive already. Returns whether it was kept.
    pub(crate) fn add_pushed(
        &self,
        name: &str,
        pushed: &PushedRequest,
        now: u64,
        limit: u64,
    ) -> Result<bool, IssuerError> {
        self.transaction.execute("DELETE FROM openid_request WHERE expires_at <= ?1", values![now])?;
        let alive: u64 = self.transaction.only("SELECT COUNT(*) FROM openid_request", values![], |row| row.get(0))?;
        if alive >= limit {
            return Ok(false);
        }
        self.transaction.execute(
            "INSERT INTO openid_request (name, client, redirect, state, challenge, thumbprint, masked_offer,
             credential_types, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            values![
                digest(name),
                pushed.client,
                pushed.redirect,
                pushed.state,
                pushed.challenge,
                pushed.thumbprint,
                pushed.masked_offer.as_ref().map_or(&[][..], |code| &code[..]),
                pushed.credential_types.join(" "),
                pushed.expires_at
            ],
        )?;
        Ok(true)
    }

    /// Opens the log-in of a request that was never opened before, under a session.
    pub(crate) fn open_pushed(
        &self,
        name: &str,
        client: &str,
        session: &str,
        now: u64,
        expires_at: u64,
    ) -> Result<Option<PushedRequest>, IssuerError> {
        let opened = self.transaction.execute(
            "UPDATE openid_request SET session = ?3, expires_at = ?5
             WHERE name = ?1 AND client = ?2 AND session IS NULL AND expires_at > ?4",
            values![digest(name), client, digest(session), now, expires_at],
        )?;
        if opened == 1 { self.opened(name, session, now) } else { Ok(None) }
    }

    /// The request whose log-in is open under a session.
    pub(crate) fn opened(&self, name: &str, session: &str, now: u64) -> Result<Option<PushedRequest>, IssuerError> {
        let sql = format!("SELECT {COLUMNS} FROM openid_request WHERE name = ?1 AND session = ?2 AND expires_at > ?3");
        self.transaction.one(&sql, values![digest(name), digest(session), now], request)
    }

    /// Notes which credential an open log-in has asked for, in place of what it asked for before.
    pub(crate) fn credential_asked(&self, name: &str, asked: &AskedCredential) -> Result<(), IssuerError> {
        self.transaction.execute(
            "UPDATE openid_request SET shown_request = ?2, shown_link = ?3, shown_here = ?4, shown_person = NULL
             WHERE name = ?1",
            values![digest(name), asked.id, asked.link, asked.here],
        )?;
        Ok(())
    }

    /// Counts that a log-in asks for a credential.
    pub(crate) fn count_ask(&self, name: &str) -> Result<(), IssuerError> {
        let count = "UPDATE openid_request SET shown_asks = shown_asks + 1 WHERE name = ?1";
        self.transaction.execute(count, values![digest(name)])?;
        Ok(())
    }

    /// Notes whom the credential was found to be that was asked for under this name.
    pub(crate) fn recognised(&self, name: &str, asked: &str, person: &PersonId) -> Result<(), IssuerError> {
        let note = "UPDATE openid_request SET shown_person = ?3 WHERE name = ?1 AND shown_request = ?2";
        self.transaction.execute(note, values![digest(name), asked, person.as_str()])?;
        Ok(())
    }

    /// Forgets a request whose log-in is over.
    pub(crate) fn close_pushed(&self, name: &str) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM openid_request WHERE name = ?1", values![digest(name)])?;
        Ok(())
    }

    pub(crate) fn add_code(&self, code: &str, about: &Code) -> Result<(), IssuerError> {
        self.transaction.execute(
            "INSERT INTO openid_code (digest, grant_id, redirect, challenge, thumbprint, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![digest(code), about.grant, about.redirect, about.challenge, about.thumbprint, about.expires_at],
        )?;
        Ok(())
    }

    /// An authorisation code that has not run out, used or not.
    pub(crate) fn code(&self, code: &str, now: u64) -> Result<Option<Code>, IssuerError> {
        let query = "SELECT grant_id, redirect, challenge, thumbprint, used, expires_at FROM openid_code
             WHERE digest = ?1 AND expires_at > ?2";
        let row = |row: &Row<'_>| {
            Ok(Code {
                grant: row.get(0)?,
                redirect: row.get(1)?,
                challenge: row.get(2)?,
                thumbprint: row.get(3)?,
                used: row.get(4)?,
                expires_at: row.get(5)?,
            })
        };
        self.transaction.one(query, values![digest(code), now], row)
    }

    /// Uses a code up. It is remembered until it runs out, so that a second use is noticed.
    pub(crate) fn use_code(&self, code: &str) -> Result<(), IssuerError> {
        self.transaction.execute("UPDATE openid_code SET used = 1 WHERE digest = ?1", values![digest(code)])?;
        Ok(())
    }
}
