//! Holds the ceremony of a new network: its messages, its files, and its end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::ed25519;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::Clock;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::ceremony::{Ceremony, Key, Message};
use crate::error::EngineError;
use crate::founding::Founding;
use crate::setup::{
    GENESIS_FILE, Genesis, NODE_FILE, NODE_KEY_FILE, NodeFile, SHARE_FILE, io_error, key_bytes, read_file, read_secret,
    replace_file, sync_folder, to_json, write_file,
};

const SEED_FILE: &str = "ceremony.key";
/// The genesis as computed here, until everyone confirmed it.
const PENDING_FILE: &str = "genesis.pending.json";

const TICK: Duration = Duration::from_secs(1);
/// Ticks for which a validator that is done answers those who are not.
const LINGER_TICKS: usize = 30;

/// Takes part in the ceremony until everyone confirmed the same network; then the folder is a validator's.
pub(crate) async fn hold<E, S, R>(
    mut context: E,
    folder: &Path,
    (mut sender, mut receiver): (S, R),
) -> Result<Genesis, EngineError>
where
    E: Clock + CryptoRng,
    S: Sender<PublicKey = Key>,
    R: Receiver<PublicKey = Key>,
{
    let failed = EngineError::CeremonyFailed;
    let founding = Founding::load(folder)?;
    let signer: ed25519::PrivateKey = read_secret(&folder.join(NODE_KEY_FILE))?;
    let seed = seed(folder, &mut context)?;
    let mut ceremony = Ceremony::new(founding.clone(), signer, *seed).map_err(failed)?;
    let mut genesis = None;
    let mut lingered = 0;
    let mut warned = 0;
    loop {
        if let Some(result) = ceremony.result(&mut context) {
            let (computed, share) = result.map_err(failed)?;
            keep(folder, &computed, &share)?;
            ceremony.confirm(computed.network_id());
            genesis = Some(computed);
        }
        if ceremony.complete()
            && let Some(genesis) = &genesis
        {
            if lingered == 0 {
                finish(folder, &founding, genesis, &ceremony)?;
            }
            lingered += 1;
            if ceremony.everyone_done() || lingered > LINGER_TICKS {
                // Once more for whoever waits for this one.
                say(&mut sender, ceremony.tick());
                context.sleep(TICK).await;
                return Ok(genesis.clone());
            }
        }
        for key in ceremony.contradicted_by().into_iter().skip(warned) {
            warned += 1;
            tracing::error!(validator = %key, "computed another network: stop all, and begin with a new founding file");
        }
        say(&mut sender, ceremony.tick());
        let tick = context.sleep(TICK);
        tokio::pin!(tick);
        loop {
            tokio::select! {
                biased;
                () = &mut tick => break,
                received = receiver.recv() => {
                    let (from, bytes) = received.map_err(|error| failed(error.to_string()))?;
                    let Ok(message) = Message::decode(bytes) else { continue };
                    if let Some(answer) = ceremony.receive(&from, message) {
                        say(&mut sender, vec![(from, answer)]);
                    }
                }
            }
        }
        tracing::info!(missing = ceremony.missing().len(), "making the group key");
    }
}

fn say(sender: &mut impl Sender<PublicKey = Key>, messages: Vec<(Key, Message)>) {
    for (to, message) in messages {
        // Whoever does not get it now is told again with the next tick.
        sender.send(Recipients::One(to), message.encode(), true);
    }
}

/// The seed of everything this validator says: the same after a restart, or it would contradict itself.
fn seed(folder: &Path, rng: &mut impl CryptoRng) -> Result<Zeroizing<[u8; 32]>, EngineError> {
    let path = folder.join(SEED_FILE);
    let mut seed = Zeroizing::new([0; 32]);
    if path.exists() {
        let text = Zeroizing::new(read_file(&path)?);
        hex::decode_to_slice(&*text, seed.as_mut_slice()).map_err(|_| EngineError::FileDamaged(path))?;
    } else {
        rng.fill_bytes(seed.as_mut_slice());
        write_file(&path, &Zeroizing::new(hex::encode(seed.as_slice())), 0o600)?;
        sync_folder(folder)?;
    }
    Ok(seed)
}

/// Keeps what was computed before it is confirmed; after a restart, checks that it is the same.
fn keep(folder: &Path, genesis: &Genesis, share: &Share) -> Result<(), EngineError> {
    let (pending, share_path) = (folder.join(PENDING_FILE), folder.join(SHARE_FILE));
    if pending.exists() {
        let kept: Share = read_secret(&share_path)?;
        return if Genesis::read(&pending)? == *genesis && kept == *share {
            Ok(())
        } else {
            Err(EngineError::CeremonyFailed("another network was confirmed before: begin in new folders".into()))
        };
    }
    let share = Zeroizing::new(share.encode().to_vec());
    replace_file(&share_path, &Zeroizing::new(hex::encode(&*share)), 0o600)?;
    replace_file(&pending, &genesis.to_json(), 0o644)
}

/// Makes the folder a validator's. The seed goes: it tells the dealt shares.
fn finish(folder: &Path, founding: &Founding, genesis: &Genesis, ceremony: &Ceremony) -> Result<(), EngineError> {
    let node = NodeFile { peers: founding.peers_of(&key_bytes(ceremony.me())), ..NodeFile::load(folder)? };
    replace_file(&folder.join(NODE_FILE), &to_json(&node), 0o644)?;
    replace_file(&folder.join(GENESIS_FILE), &genesis.to_json(), 0o644)?;
    for file in [PENDING_FILE, SEED_FILE] {
        let path = folder.join(file);
        fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
    }
    sync_folder(folder)
}
