//! The proof's encoding (specs/zk-presentation.md, section 4): no lengths, no options, because the
//! statement fixes them all.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ProofError;
use super::statement::{Checked, Statement};
use crate::crypto::bbs::{Randomized, Reader, Responses};
use crate::crypto::curve::{G1Affine, Scalar};

/// One membership's part: the randomised value signature A′ and Ā = y·A′, and the response for its randomiser.
#[derive(Clone, Debug, Zeroize, ZeroizeOnDrop)]
pub(super) struct MembershipProof {
    #[zeroize(skip)]
    pub(super) points: [G1Affine; 2],
    pub(super) response: Scalar,
}

/// A proof in parts. Its responses are erased when it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) points: Randomized,
    pub(super) responses: Responses,
    pub(super) challenge: Scalar,
    pub(super) memberships: Vec<MembershipProof>,
}

const MEMBERSHIP: usize = 2 * G1Affine::LENGTH + Scalar::LENGTH;

/// The length in bytes of every proof of `statement`: 272, 32 for each hidden message, 128 for each membership.
pub fn proof_length(statement: &Statement<'_>) -> usize {
    let hidden = statement.message_count.saturating_sub(statement.shown.len());
    length(hidden, statement.memberships.len())
}

/// As [`proof_length`], from the numbers of hidden messages and memberships.
pub(crate) fn length(hidden: usize, memberships: usize) -> usize {
    Randomized::LENGTH + Responses::length(hidden) + Scalar::LENGTH + memberships * MEMBERSHIP
}

impl Proof {
    /// # Errors
    /// `ProofLength`, `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`.
    pub(super) fn read(bytes: &[u8], mut reader: Reader<'_>, checked: &Checked<'_>) -> Result<Self, ProofError> {
        let (hidden, memberships) = (checked.hidden.len(), checked.positions.len());
        // ZKP-01
        if bytes.len() != length(hidden, memberships) {
            return Err(ProofError::ProofLength);
        }
        // ZKP-02, ZKP-03, ZKP-04: the reader refuses what is not canonical, the identity and zero.
        Ok(Self {
            points: Randomized::read(&mut reader)?,
            responses: Responses::read(&mut reader, hidden)?,
            challenge: reader.scalar()?,
            memberships: (0..memberships)
                .map(|_| {
                    let points = [reader.point()?, reader.point()?];
                    Ok(MembershipProof { points, response: reader.scalar()? })
                })
                .collect::<Result<_, ProofError>>()?,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length(self.responses.messages.len(), self.memberships.len()));
        self.points.write(&mut bytes);
        self.responses.write(&mut bytes);
        bytes.extend_from_slice(&self.challenge.to_be_bytes());
        for membership in &self.memberships {
            for point in &membership.points {
                bytes.extend_from_slice(&point.to_compressed());
            }
            bytes.extend_from_slice(&membership.response.to_be_bytes());
        }
        bytes
    }

    /// Every point, still encoded, in the order of the encoding; nothing for a proof that [`Self::read`] refuses by its
    /// length.
    pub(super) fn encodings(bytes: &[u8], checked: &Checked<'_>) -> Vec<[u8; G1Affine::LENGTH]> {
        let (hidden, memberships) = (checked.hidden.len(), checked.positions.len());
        if bytes.len() != length(hidden, memberships) {
            return Vec::new();
        }
        let parts = bytes[length(hidden, 0)..].chunks_exact(MEMBERSHIP);
        Randomized::encodings(bytes).chain(parts.flat_map(|part| part.as_chunks().0.iter().copied())).collect()
    }

    /// Every point, in the order of [`Self::encodings`].
    pub(super) fn points(&self) -> Vec<G1Affine> {
        let memberships = self.memberships.iter().flat_map(|membership| membership.points);
        self.points.list().into_iter().chain(memberships).collect()
    }

    /// The points of all memberships, as the transcript takes them.
    pub(super) fn membership_points(&self) -> Vec<[G1Affine; 2]> {
        self.memberships.iter().map(|membership| membership.points).collect()
    }
}
