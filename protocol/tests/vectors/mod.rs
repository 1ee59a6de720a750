//! Where the published vectors are, and a generator that hands out what they say was drawn.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part of it; a surprise stops the test")]

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

/// A file or folder of `$MID_VECTORS`, or of `../shared/vectors` beside the workspace; says so where it is not there.
pub(crate) fn at(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let path = std::env::var_os("MID_VECTORS").map_or(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("ignored: no vectors at {}; set MID_VECTORS", path.display());
    None
}

/// A file of Wycheproof.
pub(crate) fn wycheproof(name: &str) -> Option<Value> {
    let path = at(&format!("wycheproof/testvectors_v1/{name}"))?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// Bytes in hexadecimal.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Hands out given bytes, in order.
pub(crate) struct Given(pub(crate) Vec<u8>);

impl TryRng for Given {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, output: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(output.len());
        output.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Given {}
