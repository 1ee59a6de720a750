//! What the owner's log says.

use super::{Label, Statement, statements};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum EventKind {
    /// A credential was received.
    Received,
    /// A credential was deleted.
    Deleted,
    /// The PIN was changed.
    PinChanged,
    /// A request was answered.
    Answered,
    /// A request that went beyond the verifier's registration was answered because the owner insisted.
    AnsweredOverAsk,
    /// The owner declined a request.
    Declined,
    /// A request went beyond the verifier's registration and was blocked.
    Blocked,
    /// A request could not be answered.
    Unanswered,
    /// A code was shown without having been asked for.
    Displayed,
}

/// One entry of the owner's log. It never has a value of a credential.
#[derive(uniffi::Record)]
pub struct Activity {
    /// Unix seconds.
    pub at: u64,
    /// What happened.
    pub kind: EventKind,
    /// The credential type, if one was concerned.
    pub credential_type: Option<String>,
    /// The other side's DID, if there was one.
    pub party: Option<String>,
    /// A verifier's name.
    pub party_name: Option<Label>,
    /// The purpose a verifier gave, or the ready-made answer that was shown.
    pub purpose: Option<String>,
    /// Names of the attributes a verifier asked to see.
    pub shown: Vec<String>,
    /// Statements it asked to have proven.
    pub proven: Vec<Statement>,
}

impl From<wallet_core::Activity> for Activity {
    fn from(activity: wallet_core::Activity) -> Self {
        use wallet_core::Event;
        let bare = |kind, credential_type| Self {
            at: activity.at,
            kind,
            credential_type,
            party: None,
            party_name: None,
            purpose: None,
            shown: vec![],
            proven: vec![],
        };
        let asked = |kind, asked: wallet_core::Asked| Self {
            party: Some(asked.verifier.to_string()),
            party_name: Some(Label { ko: asked.name_ko, en: asked.name_en }),
            purpose: Some(asked.purpose),
            shown: asked.shown,
            proven: statements(&asked.proven),
            ..bare(kind, Some(asked.credential_type))
        };
        match activity.event {
            Event::Received { credential_type, issuer } => {
                Self { party: Some(issuer.to_string()), ..bare(EventKind::Received, Some(credential_type)) }
            }
            Event::Deleted { credential_type } => bare(EventKind::Deleted, Some(credential_type)),
            Event::PinChanged => bare(EventKind::PinChanged, None),
            Event::Answered(what) => asked(EventKind::Answered, what),
            Event::AnsweredOverAsk(what) => asked(EventKind::AnsweredOverAsk, what),
            Event::Declined(what) => asked(EventKind::Declined, what),
            Event::Blocked(what) => asked(EventKind::Blocked, what),
            Event::Unanswered(what) => asked(EventKind::Unanswered, what),
            Event::Displayed { credential_type, profile } => {
                Self { purpose: Some(profile), ..bare(EventKind::Displayed, Some(credential_type)) }
            }
        }
    }
}
