//! People with credentials in their phones.

use protocol::credential::{Credential, Day, HolderBinding, HolderSecrets, StatusMethod};
use protocol::crypto::keys::{P256SigningKey, Signer};
use protocol::exchange::{
    AuthenticRequest, Freshness, Holding, IssuerEvidence, Prepared, PresentError, Presentation, Query, Request,
    SignedRequest,
};
use rand_core::{CryptoRng, Rng};

use super::{EPOCH, Issuing, LIST, NOW, Person, by_device};

/// A credential with everything needed to present it.
pub struct Held {
    /// The credential.
    pub credential: Credential,
    /// Its secrets.
    pub secrets: HolderSecrets,
    /// The device key, in types bound to one.
    pub device: Option<P256SigningKey>,
    /// The issuer's keys and type.
    pub evidence: IssuerEvidence,
}

impl Held {
    /// Issued to `person`, valid for ten years from [`NOW`].
    #[must_use]
    pub fn new(issuing: &Issuing, person: &Person, name: &str) -> Self {
        Self::with(issuing, person, name, Day::in_korea(NOW).plus(3_650), None)
    }

    /// As [`Held::new`] with another expiry or handle.
    #[must_use]
    pub fn with(issuing: &Issuing, person: &Person, name: &str, expiry: Day, handle: Option<u64>) -> Self {
        let seed = format!("{name} of {}", person.id);
        let device = by_device(&issuing.credential_type).then(|| P256SigningKey::generate(&mut crate::rng(&seed)));
        let usual = match by_device(&issuing.credential_type) {
            true => u64::from(LIST) << 32 | u64::from(person.entry),
            false => crate::rng(&seed).next_u64(),
        };
        let device_key = device.as_ref().map(Signer::public_key);
        let (credential, secrets) =
            issuing.issue(issuing.values(person), expiry, handle.unwrap_or(usual), device_key, &seed);
        Self { credential, secrets, device, evidence: issuing.evidence() }
    }

    /// A one-time copy with a device key of its own.
    #[must_use]
    pub fn copy(&self, issuing: &Issuing, name: &str) -> Self {
        let device = P256SigningKey::generate(&mut crate::rng(name));
        let secrets = HolderSecrets { link_secret: self.secrets.link_secret, blinder: self.secrets.blinder };
        let credential = issuing.sign(self.credential.copy(device.public_key(), [0; 80]), &secrets);
        Self { credential, secrets, device: Some(device), evidence: self.evidence.clone() }
    }

    /// What a wallet needs to present this, with the token of `epoch`.
    fn with_holding<T>(&self, issuing: &Issuing, epoch: u32, present: impl FnOnce(&Holding<'_>) -> T) -> T {
        let token = || (epoch, issuing.status_token(self.credential.handle, epoch));
        present(&Holding {
            credential: &self.credential,
            secrets: &self.secrets,
            evidence: &self.evidence,
            day_signature: &|number| Some(issuing.day_signature(number)),
            status_token: (issuing.credential_type.status == StatusMethod::Epoch).then(token),
            device: self.device.as_ref().map(|key| key as &dyn Signer),
        })
    }

    /// Answers `query` with the token of `epoch`.
    ///
    /// # Errors
    /// [`PresentError`]
    pub fn answer(
        &self,
        issuing: &Issuing,
        query: &Query,
        freshness: Freshness,
        epoch: u32,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, PresentError> {
        self.with_holding(issuing, epoch, |holding| Presentation::create(holding, query, freshness, rng))
            .map(|made| made.encode())
    }

    /// Prepares an answer to `query` for the day of `now`, with the usual token.
    ///
    /// # Panics
    /// When the credential cannot answer.
    #[must_use]
    pub fn prepare(&self, issuing: &Issuing, query: &Query, now: u64, rng: &mut dyn CryptoRng) -> Prepared {
        self.with_holding(issuing, EPOCH, |holding| Presentation::prepare(holding, query, now, rng))
            .expect("a true statement")
    }

    /// Shows the answer to `query` unasked, at [`NOW`].
    ///
    /// # Panics
    /// When the credential cannot answer.
    #[must_use]
    pub fn show(&self, issuing: &Issuing, query: &Query, rng: &mut dyn CryptoRng) -> Vec<u8> {
        self.show_at(issuing, query, NOW, rng)
    }

    /// Shows the answer to `query` unasked.
    ///
    /// # Panics
    /// When the credential cannot answer.
    #[must_use]
    pub fn show_at(&self, issuing: &Issuing, query: &Query, made_at: u64, rng: &mut dyn CryptoRng) -> Vec<u8> {
        self.answer(issuing, query, Freshness { made_at, request: None }, EPOCH, rng).expect("a true statement")
    }

    /// Answers `query` for `request`, at [`NOW`].
    ///
    /// # Panics
    /// When the credential cannot answer.
    #[must_use]
    pub fn reply(&self, issuing: &Issuing, query: &Query, request: &SignedRequest, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let freshness = Freshness { made_at: NOW, request: Some(request.digest()) };
        self.answer(issuing, query, freshness, EPOCH, rng).expect("a true statement")
    }
}

impl Held {
    /// Answers a request as a wallet does: for its verifier, at `made_at`.
    ///
    /// # Errors
    /// [`PresentError`]
    pub fn answer_to(
        &self,
        issuing: &Issuing,
        asked: &AuthenticRequest,
        made_at: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, PresentError> {
        self.answer_request(issuing, &asked.request, asked.digest, made_at, rng)
    }

    /// As [`Held::answer_to`], for a request that need not be one a verifier may make.
    ///
    /// # Errors
    /// [`PresentError`]
    pub fn answer_request(
        &self,
        issuing: &Issuing,
        request: &Request,
        digest: [u8; 32],
        made_at: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, PresentError> {
        let freshness = Freshness { made_at, request: Some(digest) };
        let create = |holding: &Holding<'_>| {
            Presentation::create_for(&request.verifier, holding, &request.query, freshness, rng)
        };
        self.with_holding(issuing, EPOCH, create).map(|made| made.encode())
    }
}

/// A person with both credentials.
pub struct Holder {
    /// What the register says.
    pub person: Person,
    /// The driving licence.
    pub licence: Held,
    /// The zero-knowledge identity.
    pub identity: Held,
    /// A one-time copy of it.
    pub copy: Held,
}

impl Holder {
    pub(super) fn new(person: &Person, licences: &Issuing, identities: &Issuing) -> Self {
        let identity = Held::new(identities, person, "identity");
        Self {
            person: *person,
            licence: Held::new(licences, person, "licence"),
            copy: identity.copy(identities, &format!("one-time copy of {}", person.id)),
            identity,
        }
    }

    /// What answers `query`.
    #[must_use]
    pub fn holds(&self, query: &Query) -> &Held {
        match (query.binding, query.credential_type == self.licence.credential.credential_type) {
            (_, true) => &self.licence,
            (HolderBinding::DeviceKey, false) => &self.copy,
            (HolderBinding::LinkSecret, false) => &self.identity,
        }
    }
}
