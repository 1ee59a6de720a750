//! What stands between the validators of a test: every link in each direction can be cut and healed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The connections that one validator makes to another.
struct Link {
    listen: SocketAddr,
    is_cut: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// All links between the validators of a network, by (from, to).
pub struct Proxy {
    links: BTreeMap<(usize, usize), Arc<Link>>,
}

impl Proxy {
    /// A proxy before validators that listen at these addresses.
    ///
    /// # Panics
    /// When there are no free ports.
    #[must_use]
    pub fn before(validators: &[SocketAddr]) -> Self {
        let mut links = BTreeMap::new();
        for from in 0..validators.len() {
            for (to, target) in validators.iter().copied().enumerate().filter(|(to, _)| *to != from) {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let listen = listener.local_addr().expect("a bound socket");
                let link = Arc::new(Link { listen, is_cut: AtomicBool::new(false), streams: Mutex::new(Vec::new()) });
                links.insert((from, to), link.clone());
                // Ends with the process.
                thread::spawn(move || accept(&listener, target, &link));
            }
        }
        Self { links }
    }

    /// Where validator `from` finds validator `to`.
    #[must_use]
    pub fn address(&self, from: usize, to: usize) -> SocketAddr {
        self.links[&(from, to)].listen
    }

    /// From now on only links between validators of the same part carry anything.
    ///
    /// # Panics
    /// When a link's lock is poisoned.
    pub fn part(&self, part: impl Fn(usize) -> usize) {
        for ((from, to), link) in &self.links {
            let is_cut = part(*from) != part(*to);
            link.is_cut.store(is_cut, Ordering::SeqCst);
            // Those that were cut hang, and end when the link is healed: what was lost of them does not come back.
            if !is_cut {
                continue;
            }
            for stream in link.streams.lock().expect("no thread panics with it").drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// All links carry everything again.
    pub fn heal(&self) {
        self.part(|_| 0);
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, link: &Arc<Link>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let link = link.clone();
        thread::spawn(move || carry(&stream, target, &link));
    }
}

/// Carries both directions of one connection until it ends or is cut.
fn carry(near: &TcpStream, target: SocketAddr, link: &Link) {
    // Behind a cut link nobody answers, and nobody says so.
    let mut was_cut = false;
    while link.is_cut.load(Ordering::SeqCst) {
        was_cut = true;
        thread::sleep(Duration::from_millis(20));
    }
    if was_cut {
        return;
    }
    let Ok(far) = TcpStream::connect(target) else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let copies = || Some((near.try_clone().ok()?, far.try_clone().ok()?));
    let (Some((near_in, far_out)), Some((near_out, far_in))) = (copies(), copies()) else { return };
    {
        let mut streams = link.streams.lock().expect("no thread panics with it");
        streams.retain(|stream| stream.peer_addr().is_ok());
        streams.extend(near.try_clone().into_iter().chain(far.try_clone()));
    }
    // Cut between the question above and the entry in the list.
    if link.is_cut.load(Ordering::SeqCst) {
        let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
    }
    let back = thread::spawn(move || pump(far_in, near_out));
    pump(near_in, far_out);
    let _ = back.join();
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
