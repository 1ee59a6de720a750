//! Every label that anything is hashed or signed under, in one place.
//!
//! Two purposes never share a label, and no label begins another (tested below), so bytes made for
//! one purpose mean nothing for another.

macro_rules! domains {
    ($($(#[$doc:meta])+ $name:ident = $label:literal;)+) => {
        $($(#[$doc])+ pub const $name: &[u8] = $label;)+
        /// All labels, for the test that keeps them apart.
        #[cfg(test)]
        const ALL: &[(&str, &[u8])] = &[$((stringify!($name), $name)),+];
    };
}

domains! {
    /// Hash: a DID from its first key.
    DID_IDENTIFIER = b"mid/v1/did/identifier;";
    /// BBS header of a credential.
    CREDENTIAL_HEADER = b"mid/v1/credential/header;";
    /// Hash to scalar: a text or byte attribute.
    CREDENTIAL_ATTRIBUTE = b"mid/v1/credential/attribute;";
    /// Hash: a holder's device key, as the credential carries it.
    CREDENTIAL_DEVICE_KEY = b"mid/v1/credential/device-key;";
    /// Signature: the device key of a new credential, by itself.
    ISSUANCE_DEVICE_PROOF = b"mid/v1/issuance/device-proof;";
    /// Transcript: what a presentation proof is bound to.
    PRESENTATION_CONTEXT = b"mid/v1/presentation/context;";
    /// Signature: a presentation, by the holder's device key.
    PRESENTATION_DEVICE = b"mid/v1/presentation/device;";
    /// Hash: a message in several codes, as each of them names it.
    QR_FRAMES = b"mid/v1/qr/frames;";
    /// Signature: a request, by the verifier.
    REQUEST_SIGNATURE = b"mid/v1/request/signature;";
    /// Hash: a request, as an answer names it.
    REQUEST_DIGEST = b"mid/v1/request/digest;";
    /// Signature: what stands around a request that an app hands over, by the verifier.
    APP_LINK_SIGNATURE = b"mid/v1/app-link/signature;";
    /// Hash: the same with its signature, as an answer is sealed for it.
    APP_LINK_DIGEST = b"mid/v1/app-link/digest;";
    /// Encryption: an answer from app to app.
    APP_LINK_ANSWER = b"mid/v1/app-link/answer;";
    /// Hash: the factors with which pairing equations are added (`curve::equations_hold`).
    PAIRING_FOLD = b"mid/v1/pairing/fold;";
    /// Hash: the seed of those factors for a batch of BBS proofs.
    BBS_BATCH = b"mid/v1/bbs/batch;";
    /// Blinding of a BBS proof: never leaves the holder.
    BBS_BLINDING = b"mid/v1/bbs/blinding;";
    /// Challenge: the holder knows what it asks the issuer to sign blindly.
    BLIND_COMMITMENT = b"mid/v1/blind/commitment;";
    /// Blinding of that proof of knowledge: never leaves the holder.
    BLIND_BLINDING = b"mid/v1/blind/blinding;";
    /// Hash to scalar: e of a blindly issued signature.
    BLIND_SIGNATURE = b"mid/v1/blind/signature;";
    /// Secret key: a signer of set members.
    SET_KEY = b"mid/v1/set/key;";
    /// Secret key, forgotten at once: parameters of public sets.
    PUBLIC_SET_KEY = b"mid/v1/public-set/key;";
    /// Hash: the seed of the pairing factors for a batch of set signatures.
    SET_BATCH = b"mid/v1/set/batch;";
    /// Transcript: the ZK presentation proof.
    ZK_TRANSCRIPT = b"mid/v1/zk-presentation/transcript;";
    /// Challenge: the ZK presentation proof.
    ZK_CHALLENGE = b"mid/v1/zk-presentation/challenge;";
    /// Blinding of the prover: never leaves the holder.
    ZK_BLINDING = b"mid/v1/zk-presentation/blinding;";
    /// Hash to a point: where sums over secret multipliers start.
    SUM_START = b"mid/v1/curve/sum-start;";
    /// Hash: the factors with which a holder adds its own points up to check them.
    ZK_RECALCULATION = b"mid/v1/zk-presentation/recalculation;";
    /// Hash: the seed of the pairing factors for ZK presentation proofs.
    ZK_FOLD = b"mid/v1/zk-presentation/fold;";
    /// Hash: a block header, as validators sign it.
    LEDGER_HEADER = b"mid/v1/ledger/header;";
    /// Hash: the genesis of a network, as its network id.
    LEDGER_GENESIS = b"mid/v1/ledger/genesis;";
    /// Hash: the place of a record in the ledger's state.
    LEDGER_STATE_KEY = b"mid/v1/ledger/state-key;";
    /// Signature: a ledger transaction, by its sender.
    LEDGER_TRANSACTION = b"mid/v1/ledger/transaction;";
    /// Hash: a ledger transaction, as its name.
    LEDGER_TRANSACTION_ID = b"mid/v1/ledger/transaction-id;";
    /// Handshake: a connection between two validators.
    LEDGER_NETWORK = b"mid/v1/ledger/network;";
    /// Signature: the public part of a validator, by its node key.
    LEDGER_PART = b"mid/v1/ledger/part;";
    /// Hash: what the validators of a new network agreed to make.
    LEDGER_FOUNDING = b"mid/v1/ledger/founding;";
    /// Transcript and signatures: how the validators of a new network make their group key.
    LEDGER_CEREMONY = b"mid/v1/ledger/ceremony;";
    /// Transcript: how validators hand the group key on to their successors.
    LEDGER_RESHARE = b"mid/v1/ledger/reshare;";
    /// Signature: a finalisation certificate, by the validators' group key.
    LEDGER_CERTIFICATE = b"mid/v1/ledger/certificate;";
    /// Hash to curve: the scope of a pseudonym.
    PSEUDONYM_SCOPE = b"mid/v1/pseudonym/scope;";
    /// Hash: a pseudonym that can be used once, as a verifier remembers it.
    PSEUDONYM_USED = b"mid/v1/pseudonym/used;";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn labels_are_distinct_and_prefix_free() {
        for (i, (name, label)) in ALL.iter().enumerate() {
            assert!(label.len() > 8, "{name}");
            for (other, other_label) in &ALL[i + 1..] {
                assert!(!label.starts_with(other_label) && !other_label.starts_with(label), "{name} and {other}");
            }
        }
    }
}
