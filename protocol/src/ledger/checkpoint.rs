//! Checkpoints: a finalised header as a signed note, cosigned by each validator with its own key
//! (`specs/ledger-checkpoint.md`).
//!
//! For terminals and monitors that cannot check the group's BLS certificate, and as evidence that names who signed.
//! The form is that of C2SP `tlog-checkpoint`, signatures are C2SP `tlog-cosignature` version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::header::Header;

/// Longest note, in bytes: that of 100 validators and as many signatures of others.
pub const CHECKPOINT_MAX: usize = 48 * 1024;

/// What an origin begins with; the network id follows in hexadecimal.
const ORIGIN: &str = "mid.ledger/";
/// The signature type of cosignatures in the hash of a key id.
const COSIGNATURE: u8 = 0x04;
/// Bytes of a cosignature in a note: key id, time, Ed25519 signature.
const COSIGNATURE_LENGTH: usize = 4 + 8 + 64;

/// Why a checkpoint proves nothing, or is not cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a note of the one allowed form (CHKP-01).
    #[error("the checkpoint does not have the required form; fetch it again")]
    MalformedCheckpoint,
    /// The checkpoint is of another log than this network's (CHKP-02).
    #[error("the checkpoint is of another network; use one of this network")]
    UnknownLog,
    /// The checkpoint is of another header (CHKP-03).
    #[error("the checkpoint belongs to another header; fetch both again")]
    HeaderMismatch,
    /// A validator's line does not hold its signature (CHKP-04).
    #[error("a cosignature of the checkpoint is wrong; use another source")]
    CosignatureInvalid,
    /// Fewer validators than needed cosigned, each counted once (CHKP-05).
    #[error("too few validators cosigned the checkpoint; ask more of them")]
    QuorumNotMet,
    /// A later checkpoint, or another of this height, is cosigned already (CHKP-06).
    #[error("a later or another checkpoint is cosigned already; this one never will be")]
    CheckpointConflict,
}

/// Which header stands at a height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The network.
    pub network_id: [u8; 32],
    /// The height, which stands for the size of the log.
    pub height: u64,
    /// [`Header::digest`], which stands for the root of the log.
    pub digest: [u8; 32],
}

/// A validator's signature on a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    /// The validator's node key.
    pub key: [u8; 32],
    /// When it signed, Unix seconds.
    pub time: u64,
    /// Over the time and the checkpoint.
    pub signature: [u8; 64],
}

/// A checkpoint with its cosignatures, none of them checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// By validators: each key once, ascending.
    pub cosignatures: Vec<Cosignature>,
}

impl Checkpoint {
    /// The checkpoint of `header`.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        Self { network_id: header.network_id, height: header.height, digest: header.digest() }
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{ORIGIN}{}\n{}\n{}\n", hex::encode(self.network_id), self.height, STANDARD.encode(self.digest))
    }

    /// Cosigns with the node key of this 32-byte `seed` at `time` (Unix seconds), unless `last`, the newest checkpoint
    /// this key cosigned, forbids it for ever (CHKP-06).
    ///
    /// # Errors
    /// [`CheckpointError::CheckpointConflict`]
    pub fn cosign(&self, seed: &[u8; 32], time: u64, last: Option<&Self>) -> Result<Cosignature, CheckpointError> {
        if last.is_some_and(|last| self.height < last.height || (self.height == last.height && self != last)) {
            return Err(CheckpointError::CheckpointConflict);
        }
        let key = SigningKey::from_bytes(seed);
        let signature = key.sign(&self.signed_bytes(time)).to_bytes();
        Ok(Cosignature { key: key.verifying_key().to_bytes(), time, signature })
    }

    fn signed_bytes(&self, time: u64) -> Vec<u8> {
        format!("cosignature/v1\ntime {time}\n{}", self.body()).into_bytes()
    }
}

/// The first four bytes of `SHA-256(name ‖ newline ‖ 04 ‖ key)`: how a note's line refers to a key.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', COSIGNATURE]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

impl Cosignature {
    /// The signature's line in a note, with its line feed. The key's name is the key itself in hexadecimal.
    #[must_use]
    pub fn line(&self) -> String {
        let name = hex::encode(self.key);
        let blob = [&key_id(&name, &self.key)[..], &self.time.to_be_bytes(), &self.signature].concat();
        format!("\u{2014} {name} {}\n", STANDARD.encode(blob))
    }

    /// Whether the key signed this checkpoint.
    #[must_use]
    pub fn fits(&self, checkpoint: &Checkpoint) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(&self.key)
            .is_ok_and(|key| key.verify_strict(&checkpoint.signed_bytes(self.time), &signature).is_ok())
    }

    /// Reads the name and the signature of a line; `None` for a line of someone who is no validator of ours.
    fn read(name: &str, blob: &str) -> Result<Option<Self>, CheckpointError> {
        let malformed = CheckpointError::MalformedCheckpoint;
        let blob = STANDARD.decode(blob).map_err(|_| malformed)?;
        let mut key = [0; 32];
        let (id, rest) = blob.split_first_chunk::<4>().ok_or(malformed)?;
        if hex::decode_to_slice(name, &mut key).is_err() || hex::encode(key) != name || *id != key_id(name, &key) {
            return Ok(None);
        }
        if blob.len() != COSIGNATURE_LENGTH {
            return Err(malformed);
        }
        let (time, rest) = rest.split_first_chunk::<8>().ok_or(malformed)?;
        let signature: [u8; 64] = rest.try_into().map_err(|_| malformed)?;
        Ok(Some(Self { key, time: u64::from_be_bytes(*time), signature }))
    }
}

impl Note {
    /// A note with these cosignatures, one for each key.
    #[must_use]
    pub fn new(checkpoint: Checkpoint, mut cosignatures: Vec<Cosignature>) -> Self {
        cosignatures.sort_by_key(|cosignature| cosignature.key);
        cosignatures.dedup_by_key(|cosignature| cosignature.key);
        Self { checkpoint, cosignatures }
    }

    /// The note's text.
    #[must_use]
    pub fn encode(&self) -> String {
        let lines: String = self.cosignatures.iter().map(Cosignature::line).collect();
        format!("{}\n{lines}", self.checkpoint.body())
    }

    /// Reads a note. Lines of keys that are no node keys are left out, as C2SP `signed-note` asks.
    ///
    /// # Errors
    /// [`CheckpointError::MalformedCheckpoint`]
    pub fn parse(text: &[u8]) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::MalformedCheckpoint;
        if text.len() > CHECKPOINT_MAX {
            return Err(malformed);
        }
        let text = core::str::from_utf8(text).map_err(|_| malformed)?;
        let (body, lines) = text.split_once("\n\n").ok_or(malformed)?;
        let [origin, height, digest] = body.split('\n').collect::<Vec<_>>()[..] else { return Err(malformed) };
        let id = origin.strip_prefix(ORIGIN).ok_or(malformed)?;
        let mut checkpoint = Checkpoint { network_id: [0; 32], height: 0, digest: [0; 32] };
        hex::decode_to_slice(id, &mut checkpoint.network_id).map_err(|_| malformed)?;
        checkpoint.height = height.parse().map_err(|_| malformed)?;
        let digest = STANDARD.decode(digest).map_err(|_| malformed)?;
        checkpoint.digest = digest.as_slice().try_into().map_err(|_| malformed)?;
        // One spelling of each number and text.
        if checkpoint.body().strip_suffix('\n') != Some(body) {
            return Err(malformed);
        }
        let lines = lines.strip_suffix('\n').ok_or(malformed)?;
        let mut cosignatures = Vec::new();
        for line in lines.split('\n') {
            let signed = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(malformed)?;
            cosignatures.extend(Cosignature::read(signed.0, signed.1)?);
        }
        Ok(Self::new(checkpoint, cosignatures))
    }

    /// Checks that `quorum` of `validators` cosigned, and that the note is of `header`, which is then the one that
    /// stands at its height. A proof's path can be followed to its state root.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn check(
        &self,
        header: &Header,
        network_id: &[u8; 32],
        validators: &[[u8; 32]],
        quorum: usize,
    ) -> Result<(), CheckpointError> {
        if self.checkpoint.network_id != *network_id || header.network_id != *network_id {
            return Err(CheckpointError::UnknownLog); // CHKP-02
        }
        if self.checkpoint != Checkpoint::of(header) {
            return Err(CheckpointError::HeaderMismatch); // CHKP-03
        }
        let mut signers = 0;
        for cosignature in self.cosignatures.iter().filter(|cosignature| validators.contains(&cosignature.key)) {
            if !cosignature.fits(&self.checkpoint) {
                return Err(CheckpointError::CosignatureInvalid); // CHKP-04
            }
            signers += 1; // Keys of a note are distinct.
        }
        if signers < quorum.max(1) { Err(CheckpointError::QuorumNotMet) } else { Ok(()) } // CHKP-05
    }

    /// The keys that cosigned two different headers of one height: evidence that anyone can check (CHKP-07).
    #[must_use]
    pub fn equivocators(&self, other: &Self) -> Vec<[u8; 32]> {
        let (ours, theirs) = (&self.checkpoint, &other.checkpoint);
        if ours.network_id != theirs.network_id || ours.height != theirs.height || ours.digest == theirs.digest {
            return Vec::new();
        }
        let signed_both = |cosignature: &&Cosignature| {
            cosignature.fits(ours) && other.cosignatures.iter().any(|o| o.key == cosignature.key && o.fits(theirs))
        };
        self.cosignatures.iter().filter(signed_both).map(|cosignature| cosignature.key).collect()
    }
}

/// How many of `validators` finalise a block: all but the largest number below a third.
#[must_use]
pub fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

#[cfg(test)]
mod tests;
