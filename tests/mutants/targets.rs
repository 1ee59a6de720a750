//! The valid presentations that are changed, each with what it may be mixed with.

use protocol::crypto::keys::P256SigningKey;
use protocol::exchange::qr::{Drawing, Kind, to_text};
use protocol::exchange::{AuthenticRequest, Freshness, Period, Query, Scope};
use protocol::ledger::state::TrustedState;
use tests::cases;
use tests::rng;
use tests::world::{EPOCH, Held, Issuing, NOW, World};
use verifier::Asked;

use crate::changes::Carrier;

/// A valid presentation and what a verifier asked for it.
pub(crate) struct Target<'w> {
    /// The profile it answers.
    pub(crate) name: String,
    /// The valid bytes.
    pub(crate) good: Vec<u8>,
    /// The text of the code that carries them.
    pub(crate) text: String,
    /// Valid bytes of the same holder and others, now and at other times, for this question and others.
    pub(crate) others: Vec<Vec<u8>>,
    /// Proofs of untrue statements, whose challenges hold.
    pub(crate) forged: Vec<Vec<u8>>,
    /// The holder's phone, which signs whatever it is given.
    pub(crate) phone: Option<&'w P256SigningKey>,
    /// What the verifier trusts.
    pub(crate) trust: &'w TrustedState,
    query: Query,
    request: Option<AuthenticRequest>,
}

impl Target<'_> {
    /// What the verifier asked.
    pub(crate) fn asked(&self) -> Asked<'_> {
        match &self.request {
            Some(request) => Asked::Requested(request),
            None => Asked::Displayed(&self.query),
        }
    }

    /// The good message in each way of carrying it.
    pub(crate) fn carriers(&self) -> [Carrier; 3] {
        let picture = Drawing::new(&self.text).unwrap().png().unwrap();
        [Carrier::Bytes(self.good.clone()), Carrier::Text(self.text.clone()), Carrier::Picture(picture)]
    }

    /// Whether nothing was changed after all.
    pub(crate) fn is_good(&self, carrier: &Carrier) -> bool {
        match carrier {
            Carrier::Bytes(bytes) => *bytes == self.good || self.others.contains(bytes),
            Carrier::Text(text) => *text == self.text,
            Carrier::Picture(_) => false,
        }
    }
}

/// Every ready-made answer of both types, an answer to a request, and one with a pseudonym.
pub(crate) fn all<'w>(world: &'w World, trust: &'w TrustedState) -> Vec<Target<'w>> {
    let mut targets = Vec::new();
    for issuing in [&world.identities, &world.licences] {
        for profile in &issuing.credential_type.profiles {
            let query = Query::of_profile(&issuing.credential_type, profile);
            targets.push(target(world, trust, issuing, &profile.id, query, None));
        }
    }
    let request = world.shop_request("mutants");
    let asked = world.asked(&request);
    let query = world.profile("age-19");
    targets.push(target(world, trust, &world.identities, "answer", query, Some(asked)));
    let scope = Scope::Period(Period::Month);
    let asked = world.asked(&world.rental_request(Some(scope.clone()), "mutants"));
    let query = Query { pseudonym: Some(scope), ..world.rental() };
    targets.push(target(world, trust, &world.identities, "answer with a pseudonym", query, Some(asked)));
    targets
}

fn target<'w>(
    world: &'w World,
    trust: &'w TrustedState,
    issuing: &'w Issuing,
    name: &str,
    query: Query,
    request: Option<AuthenticRequest>,
) -> Target<'w> {
    let digest = request.as_ref().map(|asked| asked.digest);
    let make = |of: &Held, query: &Query, made_at: u64, epoch: u32, name: &str| match (&query.pseudonym, &request) {
        (Some(_), Some(asked)) => {
            let mut request = asked.request.clone();
            request.query = query.clone();
            (epoch == EPOCH)
                .then(|| of.answer_request(issuing, &request, asked.digest, made_at, &mut rng(name)).ok())?
        }
        _ => of.answer(issuing, query, Freshness { made_at, request: digest }, epoch, &mut rng(name)).ok(),
    };
    let (own, neighbour) = (world.holder.holds(&query), world.neighbour.holds(&query));
    let good = make(own, &query, NOW, EPOCH, "good").expect("a true statement");
    let mut others: Vec<_> = [
        make(own, &query, NOW, EPOCH, "again"),
        make(own, &query, NOW - 300, EPOCH, "earlier"),
        make(own, &query, NOW, EPOCH - 1, "last epoch"),
        make(neighbour, &query, NOW, EPOCH, "neighbour"),
    ]
    .into_iter()
    .flatten()
    .collect();
    for profile in &issuing.credential_type.profiles {
        let other = Query::of_profile(&issuing.credential_type, profile);
        if other != query {
            others.extend(make(own, &other, NOW, EPOCH, &profile.id));
        }
    }
    if query.pseudonym.is_some() {
        for (index, scope) in [Scope::Period(Period::Year), Scope::Event("opening".into())].into_iter().enumerate() {
            let other = Query { pseudonym: Some(scope), ..query.clone() };
            others.extend(make(own, &other, NOW, EPOCH, &format!("scope {index}")));
        }
    }
    let text = to_text(Kind::Presentation, &good).expect("one code");
    let forged = cases::presentations(world).into_iter().filter(|case| {
        case.expect == "PredicateInvalid" && case.parameter("asked") == Some(&format!("profile {name}"))
    });
    let forged = forged.map(|case| case.bytes).collect();
    Target { name: name.into(), good, text, others, forged, phone: own.device.as_ref(), trust, query, request }
}
