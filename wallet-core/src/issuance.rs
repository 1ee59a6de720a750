//! From an offer to a stored credential, with nothing lost and nothing issued twice when the phone dies between.

use protocol::credential::{Credential, Day, HolderBinding, Label, Layout};
use protocol::crypto::bbs::blind;
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::{PublicKey, Signature, Signer};
use protocol::exchange::{
    CopySignature, CredentialRequest, CredentialResponse, IssuanceNonce, IssuerEvidence, Offer, PresentError,
};
use protocol::identifier::Did;
use protocol::ledger::record::IssuerKey;
use protocol::ledger::state::TrustedState;
use rand_core::CryptoRng;

use crate::activity::{self, Event};
use crate::contents::{self, CredentialId, StoredCopy, StoredCredential, StoredIssuance};
use crate::error::WalletError;
use crate::secure_area::DeviceKey;
use crate::storage::{Table, Transaction};
use crate::wallet::{Open, Wallet};

/// What only the holder knows of a credential, in the order of its numbers.
const HIDDEN: [usize; 2] = [Layout::LINK_SECRET, Layout::BLINDER];

/// An offer as the owner is asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferSheet {
    /// Who offers.
    pub issuer: Did,
    /// Where the credentials are fetched.
    pub url: String,
    /// Ids and names of the types offered.
    pub credential_types: Vec<(String, Label)>,
    /// Whether a code that the issuer told separately has to be typed.
    pub tx_code: bool,
}

/// A request under way.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingIssuance {
    /// The id the credential will have.
    pub id: CredentialId,
    /// The type asked for.
    pub credential_type: String,
    /// Where to send the request.
    pub url: String,
    /// What to send, the same each time until it is answered.
    pub request: Vec<u8>,
}

/// The request holds the offer's secret.
impl core::fmt::Debug for PendingIssuance {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PendingIssuance({} [redacted])", self.credential_type)
    }
}

impl Wallet {
    /// Reads an offer for the owner to look at. One from an issuer that the ledger does not know is refused
    /// before any code is asked for.
    ///
    /// # Errors
    /// [`WalletError::Offer`], [`WalletError::TrustMissing`], [`WalletError::IssuerNotTrusted`],
    /// [`WalletError::IssuerNotAccredited`], [`WalletError::TypeNotOffered`], [`WalletError::Locked`]
    pub fn read_offer(&self, offer: &[u8], now: u64) -> Result<OfferSheet, WalletError> {
        self.with_open(now, |open| {
            let offer = Offer::decode(offer, now)?;
            let trust = open.trust()?;
            let mut credential_types = Vec::new();
            for id in &offer.credential_types {
                current_key(trust, &offer.issuer, id, now)?;
                let credential_type = trust.credential_type(id).ok_or(WalletError::TypeNotOffered)?;
                credential_types.push((id.clone(), credential_type.name.clone()));
            }
            Ok(OfferSheet { issuer: offer.issuer, url: offer.url, credential_types, tx_code: offer.tx_code })
        })
    }

    /// Makes the request for one credential of an offer, and keeps it before returning it.
    ///
    /// While one for the same offer and type is under way it is returned instead, byte for byte, so that the
    /// issuer recognises a retry; a new one needs [`Wallet::abandon_issuance`] first.
    ///
    /// # Errors
    /// As [`Wallet::read_offer`]; [`WalletError::TypeNotOffered`], [`WalletError::TxCodeMismatch`],
    /// [`WalletError::NonceExpired`], [`WalletError::KeystoreFault`], [`WalletError::StorageFull`]
    pub fn begin_issuance(
        &self,
        offer: &[u8],
        credential_type: &str,
        nonce: &IssuanceNonce,
        tx_code: Option<&str>,
        now: u64,
        mut rng: &mut dyn CryptoRng,
    ) -> Result<PendingIssuance, WalletError> {
        self.with_open(now, |open| {
            let offer = Offer::decode(offer, now)?;
            let under_way = contents::all::<StoredIssuance>(open.store.read())?
                .into_iter()
                .find(|(_, pending)| pending.code == offer.code && pending.credential_type == credential_type);
            if let Some((id, stored)) = under_way {
                return Ok(pending(id, &stored));
            }
            if !offer.credential_types.iter().any(|offered| offered == credential_type) {
                return Err(WalletError::TypeNotOffered);
            }
            if offer.tx_code != tx_code.is_some() {
                return Err(WalletError::TxCodeMismatch);
            }
            if now >= nonce.expires_at {
                return Err(WalletError::NonceExpired);
            }
            let evidence = self::evidence(open.trust()?, &offer.issuer, credential_type, now)?;
            let mut id = CredentialId([0; 16]);
            rng.fill_bytes(&mut id.0);
            let mut idempotency_key = [0; 16];
            rng.fill_bytes(&mut idempotency_key);
            let blinder = Scalar::random(rng).to_be_bytes();
            let secrets = contents::secrets(open.store.read(), &blinder)?;
            let issuance = blind::Issuance {
                issuer: evidence.bbs(),
                header: &Credential::header(&evidence.network, &evidence.key_id, &evidence.credential_type),
                message_count: evidence.credential_type.message_count(),
                hidden: &HIDDEN,
                nonce: &nonce.nonce,
            };
            let commitment = blind::commit(&issuance, &[secrets.link_secret, secrets.blinder], &mut rng)
                .map_err(|_| WalletError::CommitmentFailed)?;
            let area = open.area.clone();
            let device_key = area.create_key(&id.key_alias(), rng)?;
            let copies = (0..evidence.credential_type.bound_copies).map(|number| {
                let alias = id.copy_alias(number);
                let key = area.create_key(&alias, rng)?;
                Ok(DeviceKey::new(area.as_ref(), alias, key))
            });
            let copies = copies.collect::<Result<Vec<_>, WalletError>>()?;
            let request = CredentialRequest {
                code: offer.code,
                tx_code: tx_code.map(str::to_owned),
                credential_type: credential_type.to_owned(),
                nonce: nonce.nonce,
                commitment,
                device_key,
                device_proof: Signature([0; 64]),
                idempotency_key,
                copies: None,
            };
            let device = DeviceKey::new(area.as_ref(), id.key_alias(), device_key);
            let signers: Vec<_> = copies.iter().map(|copy| copy as &dyn Signer).collect();
            let fault =
                || copies.iter().chain([&device]).find_map(DeviceKey::told).unwrap_or(WalletError::KeystoreFault);
            let request = request.sign(&device, &signers).map_err(|_| fault())?;
            request.check_device_proof().map_err(|_| fault())?;
            let stored = StoredIssuance {
                issuer: offer.issuer,
                url: offer.url,
                code: offer.code,
                credential_type: credential_type.to_owned(),
                issuer_key: evidence.key_id,
                device_key,
                blinder,
                request: request.encode(),
                copy_keys: request.copies.map(|copies| copies.iter().map(|copy| copy.device_key).collect()),
            };
            // WFILE-10: stored before it is handed out.
            open.store.change(|transaction| {
                contents::put(transaction, &id, &stored);
                Ok(())
            })?;
            Ok(pending(id, &stored))
        })
    }

    /// Requests that have not been answered yet: what to send again after a crash.
    ///
    /// # Errors
    /// [`WalletError::Locked`]
    pub fn pending_issuances(&self, now: u64) -> Result<Vec<PendingIssuance>, WalletError> {
        self.with_open(now, |open| {
            let all = contents::all::<StoredIssuance>(open.store.read())?;
            Ok(all.iter().map(|(id, stored)| pending(*id, stored)).collect())
        })
    }

    /// Gives up a request, e.g. because the issuer refused it. A new one may follow.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Locked`]
    pub fn abandon_issuance(&self, id: &CredentialId, now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let given_up =
                contents::find::<StoredIssuance>(open.store.read(), id)?.ok_or(WalletError::NoSuchIssuance)?;
            open.store.change(|transaction| {
                contents::remove::<StoredIssuance>(transaction, id);
                Ok(())
            })?;
            given_up.key_aliases(id).iter().try_for_each(|alias| Ok(open.area.delete_key(alias)?))
        })
    }

    /// Checks the issuer's answer and stores the credential. It replaces an older one of the same issuer and
    /// type. Called again with the same answer it changes nothing.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::MalformedResponse`],
    /// [`WalletError::ResponseMismatch`], [`WalletError::IssuerNotTrusted`],
    /// [`WalletError::IssuerNotAccredited`], [`WalletError::Credential`], [`WalletError::Present`] when it
    /// has already expired, [`WalletError::Locked`]
    pub fn finish_issuance(&self, id: &CredentialId, response: &[u8], now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let decoded = CredentialResponse::decode(response).map_err(|_| WalletError::MalformedResponse)?;
            let credential = decoded.credential;
            let Some(pending) = contents::find::<StoredIssuance>(open.store.read(), id)? else {
                let stored = contents::find::<StoredCredential>(open.store.read(), id)?;
                let same = stored.is_some_and(|stored| stored.credential == credential);
                return if same { Ok(()) } else { Err(WalletError::NoSuchIssuance) };
            };
            self::check(open, &pending, &credential, now)?;
            let copies = check_copies(open, &pending, &credential, decoded.copies.as_deref())?;
            let bound = credential.device_key.is_some();
            let stored = StoredCredential {
                issuer: pending.issuer.clone(),
                credential,
                blinder: pending.blinder,
                received_at: now,
                copies,
                portrait: None,
            };
            let replaced = open.store.change(|transaction| {
                let held = contents::all::<StoredCredential>(transaction)?.into_iter();
                let replaced = held.filter(|(_, old)| {
                    old.issuer == pending.issuer && old.credential.credential_type == pending.credential_type
                });
                let replaced: Vec<_> = replaced.collect();
                for (old, _) in &replaced {
                    remove_credential(transaction, old);
                }
                contents::remove::<StoredIssuance>(transaction, id);
                contents::put(transaction, id, &stored);
                let credential_type = pending.credential_type.clone();
                activity::append(
                    transaction,
                    now,
                    &Event::Received { credential_type, issuer: pending.issuer.clone() },
                )?;
                Ok(replaced.iter().flat_map(|(old, stored)| stored.key_aliases(old)).collect::<Vec<_>>())
            })?;
            // Keys that no credential uses any more; one that stays behind after a crash harms nobody.
            for unused in replaced.into_iter().chain((!bound).then(|| id.key_alias())) {
                open.area.delete_key(&unused)?;
            }
            Ok(())
        })
    }
}

/// Removes a credential and what belongs to it.
pub(crate) fn remove_credential(transaction: &mut Transaction<'_>, id: &CredentialId) {
    contents::remove::<StoredCredential>(transaction, id);
    transaction.remove(Table::StatusToken, &id.0);
}

fn pending(id: CredentialId, stored: &StoredIssuance) -> PendingIssuance {
    PendingIssuance {
        id,
        credential_type: stored.credential_type.clone(),
        url: stored.url.clone(),
        request: stored.request.clone(),
    }
}

/// The issuer's newest key for a type, if the issuer may use it now.
fn current_key<'a>(
    trust: &'a TrustedState,
    issuer: &'a Did,
    credential_type: &'a str,
    now: u64,
) -> Result<&'a IssuerKey, WalletError> {
    trust.did(issuer).filter(|did| !did.deactivated).ok_or(WalletError::IssuerNotTrusted)?;
    trust.accreditation(issuer, credential_type, now).ok_or(WalletError::IssuerNotAccredited)?;
    let valid = trust.issuer_keys(issuer, credential_type).filter(|key| key.valid_at(now));
    valid.max_by_key(|key| key.from).ok_or(WalletError::IssuerNotTrusted)
}

fn evidence(
    trust: &TrustedState,
    issuer: &Did,
    credential_type: &str,
    now: u64,
) -> Result<IssuerEvidence, WalletError> {
    let key = current_key(trust, issuer, credential_type, now)?;
    let credential_type = trust.credential_type(credential_type).ok_or(WalletError::TypeNotOffered)?;
    Ok(IssuerEvidence::new(trust.header().network_id, key, credential_type.clone())?)
}

/// Everything that has to be true of a credential before it is stored.
fn check(open: &Open, pending: &StoredIssuance, credential: &Credential, now: u64) -> Result<(), WalletError> {
    let trust = open.trust()?;
    if credential.credential_type != pending.credential_type || credential.issuer_key != pending.issuer_key {
        return Err(WalletError::ResponseMismatch);
    }
    let record = trust.issuer_key(&credential.issuer_key).filter(|key| key.valid_at(now));
    let record = record.filter(|key| key.issuer == pending.issuer).ok_or(WalletError::IssuerNotTrusted)?;
    trust.accreditation(&record.issuer, &credential.credential_type, now).ok_or(WalletError::IssuerNotAccredited)?;
    let evidence = crate::trust::evidence(trust, credential)?;
    let expected: Option<PublicKey> =
        (evidence.credential_type.holder_binding == HolderBinding::DeviceKey).then_some(pending.device_key);
    if credential.device_key != expected {
        return Err(WalletError::ResponseMismatch);
    }
    let secrets = contents::secrets(open.store.read(), &pending.blinder)?;
    credential.check(&evidence.network, &evidence.credential_type, evidence.bbs(), &secrets)?;
    if credential.expiry < Day::in_korea(now) {
        return Err(PresentError::CredentialExpired.into());
    }
    Ok(())
}

/// ISSU-14: a copy for each key that was asked for, each signed as the credential is. None when none was given: the
/// wallet then cannot answer a question that wants one, and says so.
fn check_copies(
    open: &Open,
    pending: &StoredIssuance,
    credential: &Credential,
    signatures: Option<&[CopySignature]>,
) -> Result<Option<Vec<StoredCopy>>, WalletError> {
    let keys = pending.copy_keys.as_deref().unwrap_or_default();
    let Some(signatures) = signatures else { return Ok(None) };
    if signatures.len() != keys.len() || keys.is_empty() {
        return Err(WalletError::ResponseMismatch);
    }
    let evidence = crate::trust::evidence(open.trust()?, credential)?;
    let secrets = contents::secrets(open.store.read(), &pending.blinder)?;
    let copies = (0..).zip(keys).zip(signatures).map(|((number, device_key), CopySignature(signature))| {
        let copy = credential.copy(*device_key, *signature);
        copy.check(&evidence.network, &evidence.credential_type, evidence.bbs(), &secrets)?;
        Ok(StoredCopy { number, device_key: *device_key, signature: *signature })
    });
    copies.collect::<Result<_, _>>().map(Some)
}
