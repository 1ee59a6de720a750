//! Figures, printed: `cargo test --release -p issuer --test all measure -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Instant;

use issuer::Issuer;
use issuer::register::{FileRegister, PersonId};
use protocol::exchange::CredentialRequest;

use crate::world::*;

/// Whole issues, from the request to the durable answer, each with its nonce.
#[test]
#[ignore = "a measurement"]
fn issues_in_a_second() {
    const COUNT: usize = 400;
    let world = world();
    let people = world.register.ids();
    let living: Vec<&PersonId> = people.iter().filter(|id| id.as_str() != DECEASED).collect();
    let wallet = Wallet::new(&world.issuer, ZK);
    let start = Instant::now();
    let requests: Vec<CredentialRequest> = (0..COUNT)
        .map(|n| {
            let made =
                world.issuer.offer(living[n % living.len()], &terms(&[ZK], true, true), NOW, &mut fresh()).unwrap();
            wallet.request(&world.issuer, &made, NOW)
        })
        .collect();
    println!("offer, nonce and request: {:.2} ms each", start.elapsed().as_secs_f64() * 1e3 / COUNT as f64);
    let start = Instant::now();
    let share = COUNT / 2;
    std::thread::scope(|scope| {
        for part in requests.chunks(share) {
            let issuer = &world.issuer;
            scope.spawn(move || {
                for request in part {
                    issuer.issue(&request.encode(), NOW, &mut fresh()).unwrap();
                }
            });
        }
    });
    println!("issue (durable, replacing): {:.0} per second", COUNT as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    world.issuer.check_audit().unwrap();
    println!("audit of {} entries: {:?}", COUNT * 3, start.elapsed());
}

#[test]
#[ignore = "a measurement"]
fn making_an_issuer() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let register = Arc::new(FileRegister::sample().unwrap());
    Issuer::create(dir.path(), &description(), register, &mut rng(5), &|_| {}).unwrap();
    println!("keys and 65,536 signed days: {:?}", start.elapsed());
}
