//! Logging in, and what a browser shows afterwards instead of a password.

use protocol::crypto::jose::base64url;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Accounts, Clerk, ConsoleError};
use crate::issuer::Issuer;
use crate::store::AuditEvent;

/// Wrong passwords in a row after which a name is locked (CONS-03).
const ATTEMPTS: u32 = 5;
/// For how long, in seconds, counted from the last one.
const LOCKED: u64 = 15 * 60;
/// Seconds without a request after which a session ends (CONS-04).
const IDLE: u64 = 15 * 60;
/// Seconds after which it ends in any case.
const SHIFT: u64 = 9 * 3_600;
/// A session is noted as used at most this often, in seconds.
const NOTED: u64 = 30;
/// Keep digests apart from every other hash. They never leave this service.
const SESSION: &[u8] = b"mid/v1/issuer/console/session;";
const FORM: &[u8] = b"mid/v1/issuer/console/form;";
const NAME: &[u8] = b"mid/v1/issuer/console/name;";

/// What the browser's cookie says: 32 random bytes. The store knows only a digest.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<[u8; 32]>);

impl Token {
    pub(crate) fn new<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// As it stands in a cookie.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, bytes.as_mut()).ok()?;
        Some(Self(bytes))
    }

    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_ref()))
    }

    fn digest(&self) -> [u8; 32] {
        digest(SESSION, self.0.as_ref())
    }

    /// What every form of the session's pages carries (CONS-05): nobody else can know it, and it says nothing of the cookie.
    pub(crate) fn form(&self) -> String {
        base64url(&digest(FORM, self.0.as_ref()))
    }

    /// Whether a form carries it.
    pub(crate) fn is_of(&self, form: &str) -> bool {
        self.form().as_bytes().ct_eq(form.as_bytes()).into()
    }
}

fn digest(label: &[u8], bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update(bytes).finalize().into()
}

impl Issuer {
    /// Begins a session (CONS-02). To be called by one after the other: a check takes memory, and guesses count.
    pub(crate) fn console_log_in<R: CryptoRng + ?Sized>(
        &self,
        accounts: &Accounts,
        (id, password): (&str, &str),
        now: u64,
        rng: &mut R,
    ) -> Result<Token, ConsoleError> {
        // Of names that nobody has, too: who is a clerk is not told.
        let name = digest(NAME, id.as_bytes());
        let wrong = self.store.write(|store| {
            store.forget_sessions(now.saturating_sub(IDLE), now.saturating_sub(LOCKED))?;
            store.wrong_passwords(&name)
        })?;
        if wrong >= ATTEMPTS {
            return Err(ConsoleError::LockedOut); // CONS-03
        }
        let checked = accounts.check(id, password);
        let token = Token::new(rng);
        self.store.write(|store| match &checked {
            Ok(clerk) => {
                store.forget_wrong_passwords(&name)?;
                store.add_session(&token.digest(), &clerk.id, now)?;
                store.audit_of(&clerk.id, None, now, AuditEvent::LoggedIn, "", "", 0)
            }
            Err(ConsoleError::LogInRefused) => {
                store.count_wrong_password(&name, now)?;
                // What was typed as a name may be a password.
                let known = accounts.clerk(id).map(|clerk| clerk.id).unwrap_or_default();
                store.audit_of(&known, None, now, AuditEvent::LogInRefused, "", "", 0)
            }
            Err(_) => Ok(()),
        })?;
        checked.map(|_| token)
    }

    /// Whose session this is (CONS-04). A clerk who was taken out of the file has none.
    pub(crate) fn console_session(&self, accounts: &Accounts, token: &Token, now: u64) -> Result<Clerk, ConsoleError> {
        let digest = token.digest();
        let session = self.store.read(|store| store.session(&digest))?.ok_or(ConsoleError::NotLoggedIn)?;
        if now >= session.seen_at.saturating_add(IDLE) || now >= session.begun_at.saturating_add(SHIFT) {
            self.console_log_out(token)?;
            return Err(ConsoleError::NotLoggedIn);
        }
        if now >= session.seen_at.saturating_add(NOTED) {
            self.store.write(|store| store.see_session(&digest, now))?;
        }
        accounts.clerk(&session.clerk).ok_or(ConsoleError::NotLoggedIn)
    }

    /// Ends a session.
    pub(crate) fn console_log_out(&self, token: &Token) -> Result<(), ConsoleError> {
        Ok(self.store.write(|store| store.end_session(&token.digest()))?)
    }
}
