//! The token endpoint (section 6; RFC 6749, section 6; RFC 9449, section 5).

use protocol::crypto::jose::base64url;
use protocol::exchange::openid4vci::dpop::Dpop;
use protocol::exchange::openid4vci::{AUTHORIZATION_CODE, ErrorCode, PRE_AUTHORIZED, REFRESH, TokenResponse};
use rand_core::CryptoRng;

use super::authorization::Exchange;
use super::dpop::{Presented, only_once};
use super::{Outcome, inside, random, read_code};
use crate::issuer::Issuer;
use crate::register::PersonState;
use crate::store::{AuditEvent, CodeCheck, Grant, ReviewState, TokenKind, Writer};

/// Seconds an access token lives.
const ACCESS_LIFE: u64 = 600;
/// Seconds a grant lives, and its refresh token with it: a wallet that fetches nothing for so long starts again.
pub(super) const GRANT_LIFE: u64 = 180 * 86_400;
/// Longest name of a client, in bytes.
pub(super) const CLIENT_MAX: usize = 256;

/// The parameters of a token request that mean something here; others are ignored.
#[derive(Clone, Default)]
pub struct TokenParameters {
    grant_type: Option<String>,
    code: Option<String>,
    tx_code: Option<String>,
    refresh_token: Option<String>,
    client: Option<String>,
    authorization: Option<String>,
    redirect: Option<String>,
    verifier: Option<String>,
}

/// All of it is secret.
impl core::fmt::Debug for TokenParameters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenParameters([redacted])")
    }
}

impl TokenParameters {
    /// Reads a form. A parameter without a value counts as missing (RFC 6749, section 3.2).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a parameter that occurs twice or has a character U+0000.
    pub fn read(form: Vec<(String, String)>) -> Result<Self, ErrorCode> {
        let mut parameters = Self::default();
        let mut names: Vec<String> = Vec::new();
        for (name, value) in form.into_iter().filter(|(_, value)| !value.is_empty()) {
            if names.contains(&name) || value.contains('\0') {
                return Err(ErrorCode::InvalidRequest);
            }
            let place = match name.as_str() {
                "grant_type" => Some(&mut parameters.grant_type),
                "pre-authorized_code" => Some(&mut parameters.code),
                "tx_code" => Some(&mut parameters.tx_code),
                "refresh_token" => Some(&mut parameters.refresh_token),
                "client_id" => Some(&mut parameters.client),
                "code" => Some(&mut parameters.authorization),
                "redirect_uri" => Some(&mut parameters.redirect),
                "code_verifier" => Some(&mut parameters.verifier),
                _ => None,
            };
            if let Some(place) = place {
                *place = Some(value);
            }
            names.push(name);
        }
        if parameters.client.as_ref().is_some_and(|client| client.len() > CLIENT_MAX) {
            return Err(ErrorCode::InvalidRequest);
        }
        Ok(parameters)
    }
}

impl Issuer {
    /// Exchanges a pre-authorised code, an authorisation code or a refresh token for an access token.
    ///
    /// # Errors
    /// [`ErrorCode`]
    pub fn openid_token<R: CryptoRng + ?Sized>(
        &self,
        parameters: &TokenParameters,
        presented: &Presented<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<TokenResponse, ErrorCode> {
        match parameters.grant_type.as_deref() {
            Some(PRE_AUTHORIZED) => {
                let code = parameters.code.as_ref().ok_or(ErrorCode::InvalidRequest)?;
                let proof = self.check_dpop(presented, now)?;
                let attested = self.check_wallet(presented, parameters.client.as_deref(), now)?;
                let parameters =
                    &TokenParameters { client: attested.or(parameters.client.clone()), ..parameters.clone() };
                let code = read_code(code).ok_or(ErrorCode::InvalidGrant)?;
                self.store.write(|store| self.redeem(store, &code, parameters, &proof, now, rng)).map_err(inside)?
            }
            Some(AUTHORIZATION_CODE) => {
                let needed = |value: &'_ Option<String>| value.clone().ok_or(ErrorCode::InvalidRequest);
                let (code, client) = (needed(&parameters.authorization)?, needed(&parameters.client)?);
                let redirect = needed(&parameters.redirect)?;
                let proof = self.check_dpop(presented, now)?;
                self.check_wallet(presented, Some(&client), now)?;
                // VCI-56: no verifier fits no challenge.
                let verifier = parameters.verifier.as_deref().unwrap_or_default();
                let given = Exchange { code: &code, client: &client, redirect: &redirect, verifier };
                self.store.write(|store| self.exchange_code(store, &given, &proof, now, rng)).map_err(inside)?
            }
            Some(REFRESH) => {
                let token = parameters.refresh_token.as_ref().ok_or(ErrorCode::InvalidRequest)?;
                let proof = self.check_dpop(presented, now)?;
                let client = self.check_wallet(presented, parameters.client.as_deref(), now)?;
                self.store
                    .write(|store| self.refresh(store, token, client.as_deref(), &proof, now, rng))
                    .map_err(inside)?
            }
            Some(_) => Err(ErrorCode::UnsupportedGrantType),
            None => Err(ErrorCode::InvalidRequest),
        }
    }

    fn redeem<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        code: &[u8; 16],
        parameters: &TokenParameters,
        proof: &Dpop,
        now: u64,
        rng: &mut R,
    ) -> Outcome<TokenResponse> {
        if let Err(code) = only_once(store, proof, now)? {
            return Ok(Err(code));
        }
        let about = store.offered_to(code, now)?;
        let offer = match store.check_code(code, parameters.tx_code.as_deref(), now)? {
            CodeCheck::Good(offer) => offer,
            CodeCheck::Mismatch => return Ok(Err(ErrorCode::InvalidRequest)), // VCI-03
            CodeCheck::Refused => {
                if let Some(person) = about {
                    store.audit(now, AuditEvent::CodeRefused, "", person.as_str(), 0)?;
                }
                return Ok(Err(ErrorCode::InvalidGrant)); // VCI-02
            }
        };
        let mut types = store.redeem_offer(code)?;
        types.retain(|id| self.configurations().iter().any(|it| it.credential_type == *id));
        if types.is_empty() {
            return Ok(Err(ErrorCode::InvalidGrant));
        }
        let grant = Grant {
            id: random(rng),
            person: offer.person,
            revision: offer.revision,
            replaces: offer.replaces,
            client: parameters.client.clone(),
            thumbprint: proof.thumbprint,
            expires_at: now.saturating_add(GRANT_LIFE),
            review: ReviewState::of(offer.review),
        };
        store.add_grant(&grant, &types)?;
        for id in &types {
            store.audit(now, AuditEvent::Redeemed, id, grant.person.as_str(), 0)?;
        }
        Ok(Ok(issue_tokens(store, &grant, now, rng)?))
    }

    fn refresh<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        token: &str,
        client: Option<&str>,
        proof: &Dpop,
        now: u64,
        rng: &mut R,
    ) -> Outcome<TokenResponse> {
        if let Err(code) = only_once(store, proof, now)? {
            return Ok(Err(code));
        }
        let grant = store.grant_of(token, TokenKind::Refresh, now)?;
        // VCI-05: the key and the wallet that it was given to, and something left that it is good for.
        let same = |grant: &Grant| {
            grant.thumbprint == proof.thumbprint && (client.is_none() || client == grant.client.as_deref())
        };
        let Some(grant) = grant.filter(same) else {
            return Ok(Err(ErrorCode::InvalidGrant));
        };
        let living = self.register.person(&grant.person).is_ok_and(|it| it.state == PersonState::Living);
        if !living || !store.grant_is_alive(&grant.id)? {
            return Ok(Err(ErrorCode::InvalidGrant));
        }
        Ok(Ok(access(store, &grant, now, rng)?))
    }
}

/// The tokens of a new grant.
pub(super) fn issue_tokens<R: CryptoRng + ?Sized>(
    store: &Writer<'_>,
    grant: &Grant,
    now: u64,
    rng: &mut R,
) -> Result<TokenResponse, crate::IssuerError> {
    let refresh = token(rng);
    store.keep_token(&refresh, &grant.id, TokenKind::Refresh, grant.expires_at)?;
    let mut response = access(store, grant, now, rng)?;
    response.refresh_token = Some(refresh);
    Ok(response)
}

fn access<R: CryptoRng + ?Sized>(
    store: &Writer<'_>,
    grant: &Grant,
    now: u64,
    rng: &mut R,
) -> Result<TokenResponse, crate::IssuerError> {
    let access_token = token(rng);
    store.keep_token(&access_token, &grant.id, TokenKind::Access, now.saturating_add(ACCESS_LIFE))?;
    Ok(TokenResponse {
        access_token,
        token_type: "DPoP".to_owned(),
        expires_in: Some(ACCESS_LIFE),
        refresh_token: None,
    })
}

/// 256 random bits.
pub(super) fn token<R: CryptoRng + ?Sized>(rng: &mut R) -> String {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    base64url(&bytes)
}
