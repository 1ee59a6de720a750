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
    /// Signature: a request, by the verifier.
    REQUEST_SIGNATURE = b"mid/v1/request/signature;";
    /// Hash: a request, as an answer names it.
    REQUEST_DIGEST = b"mid/v1/request/digest;";
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
