//! What a case is, and where it may be.

use crate::register::PersonId;
use crate::withdraw::RevocationReason;

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum CaseKind {
    /// A first credential.
    #[n(0)]
    Issue = 0,
    /// A new one in place of the one that the person holds.
    #[n(1)]
    Reissue = 1,
    /// Withdrawal for now.
    #[n(2)]
    Suspend = 2,
    /// Its end.
    #[n(3)]
    Reinstate = 3,
    /// Withdrawal for good.
    #[n(4)]
    Withdraw = 4,
}

impl CaseKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Issue, Self::Reissue, Self::Suspend, Self::Reinstate, Self::Withdraw];

    /// As it is stored.
    pub(crate) fn read(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Its name in forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Reissue => "reissue",
            Self::Suspend => "suspend",
            Self::Reinstate => "reinstate",
            Self::Withdraw => "withdraw",
        }
    }

    /// Whether an offer is handed over for it.
    #[must_use]
    pub fn offers(self) -> bool {
        matches!(self, Self::Issue | Self::Reissue)
    }
}

/// Where a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// It waits: for a second clerk, or for its turn in a job.
    Asked = 0,
    /// An offer may be handed over.
    Approved = 1,
    /// A second clerk refused it.
    Refused = 2,
    /// It was carried out.
    Done = 3,
    /// Something stood in the way.
    Failed = 4,
}

impl CaseState {
    /// As it is stored.
    pub(crate) fn read(number: u8) -> Option<Self> {
        let all = [Self::Asked, Self::Approved, Self::Refused, Self::Done, Self::Failed];
        all.into_iter().find(|state| *state as u8 == number)
    }

    /// Its name in the list of texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its number, from 1.
    pub number: u64,
    /// The bulk job it is part of.
    pub job: Option<u64>,
    /// What about.
    pub kind: CaseKind,
    /// Why, where it is a withdrawal for good.
    pub reason: Option<RevocationReason>,
    /// Whom about.
    pub person: PersonId,
    /// State of the register's entry that was looked at.
    pub revision: u32,
    /// Which types; for a suspension none means all.
    pub credential_types: Vec<String>,
    /// Where it is.
    pub state: CaseState,
    /// Who asked.
    pub asked_by: String,
    /// Unix seconds.
    pub asked_at: u64,
    /// Who decided: never who asked.
    pub decided_by: Option<String>,
    /// Unix seconds.
    pub decided_at: Option<u64>,
    /// The name of what stood in the way.
    pub outcome: Option<String>,
}

/// Why a clerk withdraws for good, and the names in forms. The other reasons are the program's own.
pub(crate) const REASONS: [(RevocationReason, &str); 4] = [
    (RevocationReason::RightWithdrawn, "right-withdrawn"),
    (RevocationReason::PhoneLost, "phone-lost"),
    (RevocationReason::HolderDeceased, "holder-deceased"),
    (RevocationReason::IssuedInError, "issued-in-error"),
];

/// The name of a reason in forms and in the list of texts; nothing for the program's own.
pub(crate) fn reason_name(reason: RevocationReason) -> &'static str {
    REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, name)| *name)
}

/// What is asked, before it has a number.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) kind: CaseKind,
    /// There exactly where it is a withdrawal for good (CONS-14).
    pub(crate) reason: Option<RevocationReason>,
    pub(crate) person: &'a PersonId,
    /// Which types; for a suspension none means all.
    pub(crate) types: &'a [String],
}

impl Case {
    /// What was asked.
    pub(crate) fn wish(&self) -> Wish<'_> {
        Wish { kind: self.kind, reason: self.reason, person: &self.person, types: &self.credential_types }
    }
}
