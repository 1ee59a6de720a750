//! What the pages show of the records.

use std::collections::BTreeMap;

use protocol::credential::CredentialType;
use protocol::identifier::Did;
use protocol::ledger::{Accreditation, DidRecord, Envelope, Record, VerifierRegistration};
use serde::Deserialize;

use super::html::{Badge, badge, escape};
use super::lang::Lang;
use crate::state::State;

/// Entries of one page.
pub(super) const PER_PAGE: usize = 50;

/// Which entries of a list are wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Only what contains this.
    #[serde(default)]
    pub(super) q: String,
    /// Counted from 1.
    #[serde(default)]
    pub(super) page: usize,
}

/// The records by kind, in a stable order.
#[derive(Default)]
pub(super) struct Book {
    pub(super) dids: BTreeMap<Did, (Envelope, DidRecord)>,
    pub(super) accreditations: Vec<(Envelope, Accreditation)>,
    pub(super) verifiers: BTreeMap<Did, (Envelope, VerifierRegistration)>,
    pub(super) types: BTreeMap<String, CredentialType>,
    pub(super) count: usize,
}

impl Book {
    pub(super) fn of(state: &State) -> Self {
        let mut book = Self::default();
        for envelope in state.envelopes() {
            book.count += 1;
            match &envelope.record {
                Record::Did(r) => {
                    book.dids.insert(r.did.clone(), (envelope.clone(), r.clone()));
                }
                Record::Accreditation(r) => book.accreditations.push((envelope.clone(), r.clone())),
                Record::Verifier(r) => {
                    book.verifiers.insert(r.did.clone(), (envelope.clone(), r.clone()));
                }
                Record::CredentialType(r) => {
                    if let Ok(parsed) = CredentialType::parse(&r.definition) {
                        book.types.insert(r.id.clone(), parsed);
                    }
                }
                _ => {}
            }
        }
        book.accreditations
            .sort_by(|(_, a), (_, b)| (&a.issuer, &a.credential_type).cmp(&(&b.issuer, &b.credential_type)));
        book
    }

    /// What people call a credential type, with its id.
    pub(super) fn type_name(&self, lang: Lang, id: &str) -> String {
        let name = self.types.get(id).map(|t| t.name.text(lang.code()).to_owned());
        match name {
            Some(name) => format!("{} <small translate=\"no\">{}</small>", escape(&name), escape(id)),
            None => super::html::code(id),
        }
    }

    /// What people call an attribute of a credential type.
    pub(super) fn claim_name(&self, lang: Lang, credential_type: &str, claim: &str) -> String {
        let attribute = |t: &CredentialType| t.position(claim).and_then(|at| t.attributes.get(at).cloned());
        let attribute = self.types.get(credential_type).and_then(attribute);
        attribute.map_or_else(|| claim.to_owned(), |attribute| attribute.display.text(lang.code()).to_owned())
    }

    /// What an organisation is called, if it has said so.
    pub(super) fn name(&self, lang: Lang, did: &Did) -> Option<&str> {
        self.verifiers.get(did).map(|(_, verifier)| verifier.name.text(lang.code()))
    }
}

/// How an accreditation stands.
pub(super) fn accreditation_state(lang: Lang, accreditation: &Accreditation, now: u64) -> String {
    if accreditation.withdrawn {
        badge(Badge::Gone, lang.pick("철회됨", "Withdrawn"))
    } else if accreditation.valid_at(now) {
        badge(Badge::Good, lang.pick("유효", "In force"))
    } else if now < accreditation.from {
        badge(Badge::Fair, lang.pick("시작 전", "Not yet in force"))
    } else {
        badge(Badge::Gone, lang.pick("기간 끝남", "Ended"))
    }
}

/// How a DID or registration stands.
pub(super) fn standing(lang: Lang, gone: bool) -> String {
    if gone {
        badge(Badge::Gone, lang.pick("폐지됨", "Withdrawn"))
    } else {
        badge(Badge::Good, lang.pick("등록됨", "Registered"))
    }
}

/// The wanted page of a list, the search form above it and the way to other pages below it.
pub(super) fn paged<T>(lang: Lang, all: Vec<T>, wanted: &Wanted) -> (Vec<T>, String, String) {
    let count = all.len();
    let pages = count.div_ceil(PER_PAGE).max(1);
    let page = wanted.page.clamp(1, pages);
    let entries = all.into_iter().skip((page - 1) * PER_PAGE).take(PER_PAGE).collect();
    let query = escape(&wanted.q);
    let search = format!(
        "<form class=\"search\" method=\"get\" role=\"search\"><label for=\"q\">{}</label>\
         <input id=\"q\" name=\"q\" type=\"search\" value=\"{query}\" maxlength=\"200\"><button>{}</button></form>\n",
        lang.pick("이름, DID, 유형으로 찾기", "Find by name, DID or type"),
        lang.pick("찾기", "Find"),
    );
    let encoded = encode(&wanted.q);
    let link = |to: usize, text: &str| format!("<a href=\"?q={encoded}&amp;page={to}\">{text}</a>");
    let mut ways = String::new();
    if pages > 1 {
        let before = if page > 1 { link(page - 1, lang.pick("이전", "Previous")) } else { String::new() };
        let after = if page < pages { link(page + 1, lang.pick("다음", "Next")) } else { String::new() };
        let label = lang.pick("쪽 이동", "Pages");
        ways = format!(
            "<nav class=\"pages\" aria-label=\"{label}\">{before} <span>{page} / {pages}</span> {after}</nav>\n"
        );
    }
    (entries, search, ways)
}

/// Text within a query.
fn encode(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(b).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
