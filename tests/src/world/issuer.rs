//! An issuer's keys for one type, and the people in its register.

use std::collections::HashMap;
use std::sync::Mutex;

use protocol::credential::{Credential, CredentialType, Day, HolderSecrets, Layout, Value};
use protocol::crypto::bbs::{self, Suite, blind};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::PublicKey;
use protocol::crypto::membership::{SetSecretKey, ValueSignature};
use protocol::crypto::public_set::SetParameters;
use protocol::exchange::{IssuerEvidence, status_token_number};
use protocol::identifier::Did;
use protocol::ledger::record::IssuerKey;

use super::ALWAYS;

/// A line of the register.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// What seeds are derived from.
    pub id: &'static str,
    /// Licence number.
    pub licence_number: &'static str,
    /// Name in Korean.
    pub name_ko: &'static str,
    /// Name in Latin letters.
    pub name_en: &'static str,
    /// `YYYY-MM-DD`.
    pub birth_date: &'static str,
    /// Licence classes, separated by `,`.
    pub classes: &'static str,
    /// Address.
    pub address: &'static str,
    /// Region of residence.
    pub residence: &'static str,
    /// Entry of the status list.
    pub entry: u32,
}

pub(super) const HOLDER: Person = Person {
    id: "holder",
    licence_number: "11-24-518203-07",
    name_ko: "홍길동",
    name_en: "HONG GILDONG",
    birth_date: "1990-07-24",
    classes: "1-ordinary,2-small",
    address: "서울특별시 중구 세종대로 110",
    residence: "KR-11",
    entry: 4_711,
};
pub(super) const NEIGHBOUR: Person = Person {
    id: "neighbour",
    licence_number: "26-19-733410-52",
    name_ko: "김영희",
    name_en: "KIM YOUNGHEE",
    birth_date: "1984-02-29",
    classes: "2-ordinary",
    address: "부산광역시 연제구 중앙대로 1001",
    residence: "KR-26",
    entry: 4_712,
};
/// Turns 19 on the day after [`super::NOW`].
pub(super) const MINOR: Person = Person {
    id: "minor",
    licence_number: "41-26-902218-36",
    name_ko: "박철수",
    name_en: "PARK CHULSOO",
    birth_date: "2007-11-21",
    classes: "2-moped",
    address: "경기도 수원시 팔달구 효원로 1",
    residence: "KR-41",
    entry: 4_713,
};

impl Person {
    fn value(&self, attribute: &str) -> String {
        match attribute {
            "licence_number" => self.licence_number.into(),
            "name_ko" => self.name_ko.into(),
            "name_en" => self.name_en.into(),
            "birth_date" => self.birth_date.into(),
            "classes" => self.classes.into(),
            "issue_date" => "2026-11-02".into(),
            "address" => self.address.into(),
            "portrait" => hex::encode(crate::seed(&format!("portrait of {}", self.id))),
            "nationality" => "KOR".into(),
            "residence" => self.residence.into(),
            "gender" => "X".into(),
            other => panic!("the register has no {other}"),
        }
    }

    pub(super) fn canaries(&self) -> Vec<String> {
        ["licence_number", "name_ko", "name_en", "birth_date", "address", "portrait"]
            .map(|name| self.value(name))
            .into()
    }
}

/// The keys with which an organisation issues one type.
pub struct Issuing {
    /// The type.
    pub credential_type: CredentialType,
    /// Signs credentials.
    pub bbs: bbs::SecretKey,
    /// Signs day numbers.
    pub days: SetSecretKey,
    /// Signs status tokens.
    pub status: SetSecretKey,
    /// The record on the ledger.
    pub record: IssuerKey,
    network: [u8; 32],
    /// Day signatures and status tokens that were asked for: a real issuer has published them before.
    published: Mutex<HashMap<Vec<u8>, ValueSignature>>,
}

impl Issuing {
    /// Keys that `name` determines.
    pub(super) fn new(network: [u8; 32], issuer: &Did, credential_type: CredentialType, name: &str) -> Self {
        let material = crate::seed(name);
        let bbs = bbs::SecretKey::generate(Suite::Sha256, &material, b"credentials").expect("32 bytes");
        let [days, status] =
            [b"days".as_slice(), b"status"].map(|use_of| SetSecretKey::generate(&material, use_of).expect("32 bytes"));
        let sets = SetParameters::generate(&material, b"sets", credential_type.set_powers()).expect("32 bytes");
        let record = IssuerKey {
            issuer: issuer.clone(),
            credential_type: credential_type.id.clone(),
            bbs: *bbs.public_key().as_bytes(),
            day_set: *days.public_key().as_bytes(),
            status: *status.public_key().as_bytes(),
            sets: sets.to_bytes(),
            from: ALWAYS.0,
            until: ALWAYS.1,
            compromised_from: None,
        };
        Self { credential_type, bbs, days, status, record, network, published: Mutex::default() }
    }

    /// What presentations of this key are checked against.
    #[must_use]
    pub fn evidence(&self) -> IssuerEvidence {
        IssuerEvidence::new(self.network, &self.record, self.credential_type.clone()).expect("own keys")
    }

    /// The public signature on a day number; made when first asked for, where a real issuer publishes all of them.
    #[must_use]
    pub fn day_signature(&self, number: u16) -> ValueSignature {
        self.published(&self.days, Scalar::from_u64(number.into()))
    }

    /// The status token of `handle` in `epoch`.
    #[must_use]
    pub fn status_token(&self, handle: u64, epoch: u32) -> ValueSignature {
        self.published(&self.status, status_token_number(handle, epoch))
    }

    fn published(&self, key: &SetSecretKey, number: Scalar) -> ValueSignature {
        let name = [key.public_key().as_bytes().as_slice(), &number.to_be_bytes()].concat();
        let mut published = self.published.lock().expect("no test fails in here");
        *published.entry(name).or_insert_with(|| key.sign(number).expect("a number that can be signed"))
    }

    /// The values that the register has for a person.
    #[must_use]
    pub fn values(&self, person: &Person) -> Vec<Value> {
        let attributes = self.credential_type.attributes.iter().enumerate();
        let read = |(position, name): (usize, &String)| {
            self.credential_type.read_value(position, &person.value(name)).expect("a value of the register")
        };
        attributes.map(|(position, attribute)| read((position, &attribute.name))).collect()
    }

    /// Issues a credential as specified: the holder commits to its secrets, the issuer signs blindly.
    #[must_use]
    pub fn issue(
        &self,
        values: Vec<Value>,
        expiry: Day,
        handle: u64,
        device_key: Option<PublicKey>,
        name: &str,
    ) -> (Credential, HolderSecrets) {
        let mut rng = crate::rng(name);
        let secrets = HolderSecrets { link_secret: Scalar::random(&mut rng), blinder: Scalar::random(&mut rng) };
        let mut credential = Credential {
            issuer_key: self.record.key_id(),
            credential_type: self.credential_type.id.clone(),
            values,
            expiry,
            handle,
            device_key,
            signature: [0; 80],
        };
        let header = self.header();
        let issuance = self.issuance(&header);
        let commitment =
            blind::commit(&issuance, &[secrets.link_secret, secrets.blinder], &mut rng).expect("two secrets");
        let clear = credential.clear_messages(&self.credential_type).expect("values of the type");
        credential.signature = blind::sign(&self.bbs, &issuance, &commitment, &clear).expect("a commitment").to_bytes();
        (credential, secrets)
    }

    /// The same credential under a new signature and handle, for these secrets.
    #[must_use]
    pub fn reissue(&self, credential: &Credential, secrets: &HolderSecrets) -> Credential {
        self.sign(Credential { handle: credential.handle + 1, ..credential.clone() }, secrets)
    }

    /// The credential under the issuer's signature.
    #[must_use]
    pub fn sign(&self, mut credential: Credential, secrets: &HolderSecrets) -> Credential {
        let messages = credential.messages(&self.credential_type, secrets).expect("values of the type");
        credential.signature = bbs::sign(&self.bbs, &self.header(), &messages).expect("few messages").to_bytes();
        credential
    }

    /// A wallet's commitment for a credential of this type, by secrets that `name` determines.
    #[must_use]
    pub fn commitment(&self, name: &str) -> Vec<u8> {
        let mut rng = crate::rng(name);
        let secrets = [Scalar::random(&mut rng), Scalar::random(&mut rng)];
        blind::commit(&self.issuance(&self.header()), &secrets, &mut rng).expect("two secrets")
    }

    /// What credentials are signed under.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        Credential::header(&self.network, &self.record.key_id(), &self.credential_type)
    }

    /// What issuer and wallet know before a credential is issued.
    #[must_use]
    pub fn issuance<'a>(&'a self, header: &'a [u8]) -> blind::Issuance<'a> {
        blind::Issuance {
            issuer: self.bbs.public_key(),
            header,
            message_count: self.credential_type.message_count(),
            hidden: &[Layout::LINK_SECRET, Layout::BLINDER],
            nonce: b"issuance of a test",
        }
    }
}
