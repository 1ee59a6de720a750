//! Wycheproof's BLS signature vectors, as far as decoding decides them: keys are points of G1, signatures of G2.
//!
//! The vectors are read from `$MID_VECTORS/wycheproof` or `../shared/vectors/wycheproof` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use protocol::crypto::curve::{CurveError, G1Affine, G2Affine};
use vectors::{bytes, wycheproof};

/// Nothing when the length alone refuses; otherwise what decoding says, and that encoding gives the bytes back.
fn decode_key(bytes: &[u8]) -> Option<Result<(), CurveError>> {
    let bytes = bytes.try_into().ok()?;
    Some(G1Affine::from_compressed(bytes).map(|point| assert_eq!(point.to_compressed(), *bytes)))
}

fn decode_signature(bytes: &[u8]) -> Option<Result<(), CurveError>> {
    let bytes = bytes.try_into().ok()?;
    Some(G2Affine::from_compressed(bytes).map(|point| assert_eq!(point.to_compressed(), *bytes)))
}

#[test]
fn points_are_decoded_as_wycheproof_says() {
    for (name, count) in [("bls_sig_g2_basic_verify_test.json", 88), ("bls_sig_g2_pop_verify_test.json", 26)] {
        let Some(file) = wycheproof(name) else { return };
        let (mut decoded, mut refused) = (0, 0);
        for group in file["testGroups"].as_array().unwrap() {
            let key = decode_key(&bytes(&group["publicKey"]["pk"]));
            for test in group["tests"].as_array().unwrap() {
                let both = [key, decode_signature(&bytes(&test["sig"]))];
                let fault = both.into_iter().find(|result| *result != Some(Ok(())));
                let flag = test["flags"][0].as_str().unwrap();
                let expected = match flag {
                    "Valid" | "WrongMessage" | "WrongKey" | "WrongDST" | "SignatureMalleability" => fault.is_none(),
                    "IdentityPoint" => fault == Some(Some(Err(CurveError::IdentityPoint))),
                    "NotInSubgroup" => fault == Some(Some(Err(CurveError::PointNotInSubgroup))),
                    "NotOnCurve" | "InvalidFlags" => fault == Some(Some(Err(CurveError::InvalidPoint))),
                    // Its coordinate 00ff…ff is below the modulus, whatever the comment says.
                    "InvalidEncoding" if test["tcId"] == 64 => fault == Some(Some(Err(CurveError::PointNotInSubgroup))),
                    "InvalidEncoding" => [Some(None), Some(Some(Err(CurveError::InvalidPoint)))].contains(&fault),
                    "TruncatedSignature" => fault == Some(None),
                    // A point near the modulus or with a changed bit is off the curve or outside the subgroup.
                    "FieldBoundary" | "InvalidSignature" => fault.is_some(),
                    other => panic!("unknown flag {other}"),
                };
                assert!(expected, "{name} {}: {fault:?} {}", test["tcId"], test["comment"]);
                if fault.is_none() { decoded += 1 } else { refused += 1 }
            }
        }
        assert_eq!(decoded + refused, count);
        println!("{name}: {decoded} decoded, {refused} refused");
    }
}
