//! Every label under which the wallet hashes, derives or seals for itself. None of it leaves the phone,
//! so these are no part of `protocol`; they begin with `mid/v1/wallet/`, which no label there does.

/// Derivation: the key that wraps the database key, from PIN and secure area.
pub(crate) const WRAPPING_KEY: &[u8] = b"mid/v1/wallet/wrapping-key;";
/// Sealing context: the secure area's share of the wrapping key.
pub(crate) const DEVICE_SHARE: &[u8] = b"mid/v1/wallet/device-share;";
/// Hash: all records that must not be rolled back.
pub(crate) const STATE_DIGEST: &[u8] = b"mid/v1/wallet/record-digest;";
/// Hash: the same in files of the schema's version 1.
#[cfg(not(target_family = "wasm"))]
pub(crate) const STATE_DIGEST_1: &[u8] = b"mid/v1/wallet/state-digest;";
/// Hash: one entry of the activity log and the one before it.
pub(crate) const ACTIVITY_CHAIN: &[u8] = b"mid/v1/wallet/activity-chain;";
/// Derivation: the software secure area's name, from its root key.
pub(crate) const AREA_DEVICE_ID: &[u8] = b"mid/v1/wallet/area/device-id;";
/// Derivation: the software secure area's sealing key, from its root key.
pub(crate) const AREA_SEALING: &[u8] = b"mid/v1/wallet/area/sealing;";
/// Derivation: the nonce of what the software secure area seals.
pub(crate) const AREA_NONCE: &[u8] = b"mid/v1/wallet/area/nonce;";
/// Derivation: the sealing key of rows that a page keeps, from the database key.
pub(crate) const ROW_SEALING: &[u8] = b"mid/v1/wallet/row/sealing;";
/// Derivation: the nonce of such a row.
pub(crate) const ROW_NONCE: &[u8] = b"mid/v1/wallet/row/nonce;";
/// Derivation: the name of such a row.
pub(crate) const ROW_NAME: &[u8] = b"mid/v1/wallet/row/name;";
/// Hash: the PIN of a software chip card.
#[cfg(not(target_family = "wasm"))]
pub(crate) const CARD_PIN: &[u8] = b"mid/v1/wallet/card/pin;";
/// Hash: the code that unlocks a software chip card.
#[cfg(not(target_family = "wasm"))]
pub(crate) const CARD_UNLOCK: &[u8] = b"mid/v1/wallet/card/unlock;";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_distinct_and_prefix_free() {
        let storage = [WRAPPING_KEY, DEVICE_SHARE, STATE_DIGEST, STATE_DIGEST_1, ACTIVITY_CHAIN];
        let all = [
            storage.as_slice(),
            &[AREA_DEVICE_ID, AREA_SEALING, AREA_NONCE],
            &[ROW_SEALING, ROW_NONCE, ROW_NAME, CARD_PIN, CARD_UNLOCK],
        ]
        .concat();
        for (i, label) in all.iter().enumerate() {
            assert!(label.starts_with(b"mid/v1/wallet/"));
            assert!(all.iter().skip(i + 1).all(|other| !label.starts_with(other) && !other.starts_with(label)));
        }
    }
}
