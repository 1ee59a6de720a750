//! What an epoch of status tokens costs issuer, mirror and wallet, measured on a sample and carried over to a country:
//! `cargo run --release -p peers --bin epochs`. It prints a table.

use std::time::Instant;

use protocol::crypto::membership::{SetSecretKey, ValueSignature};
use protocol::exchange::{StatusToken, StatusTokens, status_token_number};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Handles of the country: three credentials each for 37 million people.
const HANDLES: f64 = 111e6;
/// Wallets that renew once an epoch.
const WALLETS: f64 = 37e6;
/// An epoch.
const DAY: f64 = 86_400.0;
/// Handles of the sample: one slice of the usual size.
const SAMPLE: usize = 16_384;
/// Handles that share a slice.
const SLICES: [usize; 4] = [1_024, 4_096, 16_384, 27_100];
/// Withdrawn in a year, of all handles, and the years a credential lives.
const WITHDRAWN: [f64; 2] = [0.005, 0.02];
const YEARS: f64 = 10.0;
/// The epoch of the sample.
const EPOCH: u32 = 412;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let key = SetSecretKey::generate(&[9; 32], b"status")?;
    let mut handles: Vec<u64> = (0..SAMPLE).map(|_| rng.next_u64() >> 1).collect();
    handles.sort_unstable();
    let numbers: Vec<_> = handles.iter().map(|handle| status_token_number(*handle, EPOCH)).collect();
    key.sign_all(&numbers[..64])?; // fills the tables
    let sign = Instant::now();
    let signatures = key.sign_all(&numbers)?;
    let sign = sign.elapsed().as_secs_f64() / SAMPLE as f64;

    let token =
        |(handle, signature): (&u64, &ValueSignature)| StatusToken { handle: *handle, signature: signature.to_bytes() };
    let slice = StatusTokens { epoch: EPOCH, tokens: handles.iter().zip(&signatures).map(token).collect() };
    let encoded = slice.encode();
    let each = encoded.len() as f64 / SAMPLE as f64;

    let renew = Instant::now();
    let received = StatusTokens::decode(&encoded)?;
    let own = received.find(handles[SAMPLE / 3]).ok_or("the token is there")?;
    key.public_key().verify(numbers[SAMPLE / 3], &ValueSignature::from_bytes(&own.signature)?)?;
    let renew = renew.elapsed().as_secs_f64();

    println!("measured on {SAMPLE} handles: sign {:.1} µs each, {each:.1} bytes each", sign * 1e6);
    println!("a wallet reads its slice and checks its token in {:.1} ms\n", renew * 1e3);
    println!("issuer, {:.0} million handles an epoch:", HANDLES / 1e6);
    println!("  {:.1} core-hours, {:.1} GB on every mirror", HANDLES * sign / 3_600.0, HANDLES * each / 1e9);
    println!("\nhandles in a slice   a wallet fetches   all wallets, a day   mirrors serve, mean");
    for share in SLICES {
        let bytes = share as f64 * each;
        let (day, rate) = (WALLETS * bytes / 1e12, WALLETS * bytes / DAY / 1e6);
        println!("{share:>18}   {:>13.0} KB   {day:>15.1} TB   {rate:>14.0} MB/s", bytes / 1e3);
    }
    println!("\nwithdrawn a year   not signed again, after {YEARS} years   signed gaps in place of tokens, core-hours");
    for share in WITHDRAWN {
        let withdrawn = HANDLES * share * YEARS;
        println!(
            "{:>15.1} %   {:>32.1} million   {:>30.2}",
            share * 100.0,
            withdrawn / 1e6,
            withdrawn * sign / 3_600.0
        );
    }
    Ok(())
}
