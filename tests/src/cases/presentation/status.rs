//! Withdrawn, or not known to be in good standing.

use super::{Case, Valid};
use crate::world::{EPOCH, Held, LIST, NOW};
use protocol::credential::Day;
use protocol::exchange::Freshness;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let (world, age, licence) = (valid.world, &valid.age, &valid.licence);
    let under = |trust: &str, id: &str, slug: &str, title: &str, expect: &str| {
        licence.under(("trust", trust), id, slug, title, expect)
    };
    let with_handle = |list: u32, entry: u32| {
        let expiry = Day::in_korea(NOW).plus(3_650);
        let handle = u64::from(list) << 32 | u64::from(entry);
        let held = Held::with(&world.licences, &world.holder.person, "licence with a handle", expiry, Some(handle));
        held.show(&world.licences, &world.profile("roadside"), &mut crate::rng("handle"))
    };
    let freshness = Freshness { made_at: NOW, request: None };
    let of_epoch = |epoch: u32| {
        let (identity, query) = (&world.holder.identity, world.profile("age-19"));
        identity.answer(&world.identities, &query, freshness, epoch, &mut crate::rng("epoch")).expect("a token")
    };
    vec![
        under("revoked", "D12", "revoked", "The licence was revoked.", "StatusRevoked"),
        under("suspended", "I11", "suspended", "The licence is suspended.", "StatusSuspended"),
        under("status-unknown", "I11", "status-unknown", "A status value without a meaning.", "StatusUnknown"),
        under("list-missing", "I14", "list-missing", "The bundle came without the list.", "StatusUnavailable"),
        under("list-not-anchored", "I16", "list-not-anchored", "The ledger knows no such list.", "StatusUnavailable"),
        licence.broken(
            "I01",
            "entry-beyond-list",
            "The first entry that a list does not have.",
            "StatusIndexOutOfRange",
            with_handle(LIST, 131_072),
        ),
        licence.broken(
            "I01",
            "entry-largest",
            "The largest number an entry can have.",
            "StatusIndexOutOfRange",
            with_handle(LIST, u32::MAX),
        ),
        licence.broken(
            "I08",
            "other-list",
            "A list that does not exist.",
            "StatusUnavailable",
            with_handle(LIST + 1, 4_711),
        ),
        licence.broken(
            "D12",
            "last-entry-revoked",
            "The last entry of the list, revoked.",
            "StatusRevoked",
            with_handle(LIST, 131_071),
        ),
        age.under(("trust", "epoch-later"), "C23", "epoch-over", "The token's epoch is over.", "StatusStale"),
        age.under(
            ("trust", "epoch-missing"),
            "I16",
            "epoch-missing",
            "The ledger knows no epoch for the key.",
            "StatusUnavailable",
        ),
        age.under(
            ("trust", "epoch-days-ago"),
            "C23",
            "epoch-days-ago",
            "The newest epoch began more than two days ago.",
            "StatusTooOld",
        ),
        age.broken("C23", "last-epoch", "Made with last epoch's token.", "StatusStale", of_epoch(EPOCH - 1)),
        age.broken("C23", "epoch-zero", "Made with the first epoch's token.", "StatusStale", of_epoch(0)),
    ]
}
