//! What stands before instances that serve as one: connections go to each in turn, past those that do not answer.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A load balancer, until the process ends.
pub struct Balancer {
    /// Where it is reached: host and port.
    pub listen: String,
}

impl Balancer {
    /// One before services at these addresses.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn before(targets: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = listener.local_addr().expect("a bound socket").to_string();
        let targets = targets.to_vec();
        thread::spawn(move || {
            let turn = AtomicUsize::new(0);
            for stream in listener.incoming().flatten() {
                let first = turn.fetch_add(1, Ordering::Relaxed);
                let in_turn = (0..targets.len()).map(|at| targets[(first + at) % targets.len()].clone());
                let in_turn: Vec<_> = in_turn.collect();
                thread::spawn(move || {
                    // Whom nobody can answer is cut off.
                    let Some(target) = in_turn.iter().find_map(|it| TcpStream::connect(it).ok()) else { return };
                    carry(&stream, &target);
                });
            }
        });
        Self { listen }
    }
}

/// Carries both ways until one side ends; then the other one ends, too.
fn carry(client: &TcpStream, service: &TcpStream) {
    let one_way = |from: &TcpStream, to: &TcpStream| {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return None };
        Some(thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        }))
    };
    let ways = [one_way(client, service), one_way(service, client)];
    for way in ways.into_iter().flatten() {
        let _ = way.join();
    }
}
