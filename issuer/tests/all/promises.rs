//! What the issuer's allocation gives away: P6.

use std::collections::BTreeSet;

use protocol::credential::StatusList;

use crate::world::*;

/// Handles are distinct, and no order in which people came can be read from them.
#[test]
fn p6_handles_do_not_tell_who_came_when() {
    const EACH: usize = 24;
    let world = world();
    let request = |id: &str, i: usize| {
        let made = world.offer(HOLDER, &[id], false, i > 0);
        let wallet = Wallet::new(&world.issuer, id);
        let answer =
            world.issuer.issue(&wallet.request(&world.issuer, &made, NOW).encode(), NOW, &mut fresh()).unwrap();
        (wallet.check(&answer), wallet)
    };
    for (id, below) in [(LICENCE, u64::from(StatusList::ENTRIES)), (ZK, 1 << 63)] {
        let issued: Vec<_> = (0..EACH).map(|i| request(id, i)).collect();
        let handles: Vec<u64> = issued.iter().map(|(credential, _)| credential.handle).collect();
        assert_eq!(handles.iter().collect::<BTreeSet<_>>().len(), EACH, "{id}: one is given twice");
        assert!(handles.iter().all(|handle| *handle < below), "{id}");
        // Neither up nor down, nor in steps: 24 numbers are in one of the two orders once in 10²³ times.
        let steps: BTreeSet<i128> = handles.windows(2).map(|pair| i128::from(pair[1]) - i128::from(pair[0])).collect();
        assert!(steps.len() > EACH / 2, "{id}: a progression");
        assert!(steps.iter().any(|step| *step > 0) && steps.iter().any(|step| *step < 0), "{id}: in order");
        // From one end of the range to the other.
        let (least, most) = (handles.iter().min().unwrap(), handles.iter().max().unwrap());
        assert!(most - least > below / 4, "{id}: {least} to {most}");
        // What one credential has, no other has: the signature, and the key where there is one.
        let signatures: BTreeSet<_> = issued.iter().map(|(credential, _)| credential.signature).collect();
        assert_eq!(signatures.len(), EACH);
        let keys: BTreeSet<_> =
            issued.iter().filter_map(|(credential, _)| Some(credential.device_key?.to_multicodec())).collect();
        assert_eq!(keys.len(), if id == LICENCE { EACH } else { 0 });
    }
}
