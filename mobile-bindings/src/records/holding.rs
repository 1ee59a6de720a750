//! What the owner sees: cards and consent.

use super::{Label, Statement};

/// Whether a credential can be used, as far as the installed data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CardState {
    /// It can.
    Usable,
    /// Its last day is over.
    Expired,
    /// The issuer suspended it: it may come back.
    Suspended,
    /// The issuer withdrew it.
    Withdrawn,
}

/// A credential on the owner's own screen.
#[derive(uniffi::Record)]
pub struct Card {
    /// Its name within this wallet.
    pub id: String,
    /// The type's id.
    pub credential_type: String,
    /// What people call it.
    pub name: Label,
    /// DID of who issued it.
    pub issuer: String,
    /// Last day of validity, `YYYY-MM-DD`.
    pub expiry: String,
    /// Whether it can be used.
    pub state: CardState,
    /// What it says, for its owner's eyes only.
    pub attributes: Vec<Attribute>,
    /// Its ready-made answers.
    pub profiles: Vec<Profile>,
}

/// An attribute as people read it.
#[derive(uniffi::Record)]
pub struct Attribute {
    /// What people call it.
    pub label: Label,
    /// Its value.
    pub value: Label,
}

/// A ready-made answer.
#[derive(uniffi::Record)]
pub struct Profile {
    /// Its id, for `show`.
    pub id: String,
    /// What people call it.
    pub name: Label,
}

impl From<wallet_core::HeldCredential> for Card {
    fn from(held: wallet_core::HeldCredential) -> Self {
        let attributes = held.attributes.iter();
        Self {
            id: held.id.to_string(),
            credential_type: held.credential_type,
            name: (&held.name).into(),
            issuer: held.issuer.to_string(),
            expiry: held.expiry.to_string(),
            state: match held.state {
                wallet_core::CredentialState::Usable => CardState::Usable,
                wallet_core::CredentialState::Expired => CardState::Expired,
                wallet_core::CredentialState::Suspended => CardState::Suspended,
                wallet_core::CredentialState::Withdrawn => CardState::Withdrawn,
            },
            attributes: attributes
                .map(|(label, value)| Attribute { label: label.into(), value: value.into() })
                .collect(),
            profiles: held.profiles.into_iter().map(|(id, name)| Profile { id, name: (&name).into() }).collect(),
        }
    }
}

/// What the owner is asked before anything is answered.
#[derive(uniffi::Record)]
pub struct ConsentSheet {
    /// DID of who asks.
    pub verifier: String,
    /// Its registered name.
    pub name: Label,
    /// Why: the registered text; none when the verifier did not register the purpose.
    pub purpose: Option<Label>,
    /// The credential that would answer.
    pub credential: String,
    /// What it is called.
    pub credential_name: Label,
    /// Every attribute of it, and what would become of it.
    pub attributes: Vec<ConsentItem>,
    /// That a key of the phone would sign, and what that means, in words; none if nothing of the phone would be seen.
    pub bound: Option<Label>,
    /// What the verifier would recognise the owner by, in words; none if it would not.
    pub recognition: Option<Label>,
    /// What the verifier asks beyond its registration; such a request is not answered from here.
    pub over_ask: Option<String>,
    /// The question runs out then, Unix seconds.
    pub expires_at: u64,
}

/// One attribute on the consent sheet.
#[derive(uniffi::Record)]
pub struct ConsentItem {
    /// What people call it.
    pub label: Label,
    /// What would become of it.
    pub disclosure: Disclosure,
}

/// What becomes of an attribute.
#[derive(uniffi::Enum)]
pub enum Disclosure {
    /// The verifier sees this value.
    Shown {
        /// The value.
        value: Label,
    },
    /// The verifier learns that these statements hold, and nothing else.
    Proven {
        /// The statements.
        statements: Vec<Statement>,
        /// The same in words.
        texts: Vec<Label>,
    },
    /// The verifier learns nothing.
    Kept,
}

impl From<&wallet_core::Consent> for ConsentSheet {
    fn from(consent: &wallet_core::Consent) -> Self {
        let item = |item: &wallet_core::ConsentItem| ConsentItem {
            label: (&item.display).into(),
            disclosure: match &item.disclosure {
                wallet_core::Disclosure::Shown(value) => Disclosure::Shown { value: value.into() },
                wallet_core::Disclosure::Proven(proven) => Disclosure::Proven {
                    statements: proven.iter().map(|statement| Statement::from(&statement.predicate)).collect(),
                    texts: proven.iter().map(|statement| Label::from(&statement.text)).collect(),
                },
                wallet_core::Disclosure::Kept => Disclosure::Kept,
            },
        };
        Self {
            verifier: consent.verifier.to_string(),
            name: (&consent.name).into(),
            purpose: consent.purpose.as_ref().map(Label::from),
            credential: consent.credential.to_string(),
            credential_name: (&consent.credential_name).into(),
            attributes: consent.attributes.iter().map(item).collect(),
            bound: consent.bound.as_ref().map(Label::from),
            recognition: consent.pseudonym.as_ref().map(|scope| Label { ko: scope.text("ko"), en: scope.text("en") }),
            over_ask: consent.over_ask.as_ref().map(ToString::to_string),
            expires_at: consent.expires_at,
        }
    }
}
