//! Files the commands read and write: messages as bytes, as QR text or as a picture, keys, JSON.
//!
//! `-` is standard input or output. What is written replaces the file as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::exchange::frames::{self, Assembler, Frames};
use protocol::exchange::qr::{self, Kind, QrError};
use protocol::ledger::anchor::TrustAnchor;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::output::CliError;

/// Largest file that is read, in bytes: a trust bundle of the whole country, or a day set.
const FILE_MAX: u64 = 256 * 1024 * 1024;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: io::Error| CliError::usage(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let limit = FILE_MAX + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    }
    if bytes.len() as u64 > FILE_MAX {
        return Err(CliError::refused("TooLarge", format!("{} is larger than 256 MiB", path.display())));
    }
    Ok(bytes)
}

/// Reads a message of this kind, whatever carries it: a PNG with a QR code, the text of one, the bytes, or a folder with
/// the pictures or texts of several codes.
pub(crate) fn read_message(path: &Path, kind: Kind) -> Result<Vec<u8>, CliError> {
    if path.is_dir() { read_frames(path, kind) } else { Ok(qr::message(kind, read(path)?)?) }
}

/// Puts a message together from whatever codes are in a folder. A picture without a readable code is one that the
/// camera missed.
fn read_frames(folder: &Path, kind: Kind) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: io::Error| CliError::usage(format!("cannot read {}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    let mut assembler = Assembler::new(kind);
    for path in paths {
        let bytes = read(&path)?;
        let text = match qr::text(bytes) {
            Err(QrError::NoCodeFound) => continue,
            text => text?,
        };
        assembler.receive(&text)?;
    }
    Ok(assembler.message()?)
}

/// Reads the trust anchor.
pub(crate) fn read_anchor(path: &Path) -> Result<TrustAnchor, CliError> {
    TrustAnchor::decode(&read_message(path, Kind::TrustAnchor)?).map_err(|_| {
        CliError::refused("MalformedAnchor", "this is not a trust anchor; get it again from the ledger's operators")
    })
}

/// Replaces a file as a whole; `-` is standard output.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    if path == Path::new("-") {
        return io::stdout().lock().write_all(bytes).map_err(|error| CliError::usage(format!("cannot write: {error}")));
    }
    replace(path, bytes, 0o644)
}

/// Replaces a file that only its owner may read.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    replace(path, bytes, 0o600)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    let unwritable = |error: io::Error| CliError::usage(format!("cannot write {}: {error}", path.display()));
    let mut name = path.file_name().ok_or_else(|| CliError::usage("name a file to write"))?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
    written.and_then(|()| fs::rename(&new, path)).map_err(|error| {
        // Nothing more can be done about a leftover.
        let _ = fs::remove_file(&new);
        unwritable(error)
    })
}

/// Makes a secret, unless there is one already: also when several programs do it at once, all have the same afterwards.
pub(crate) fn make_secret(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let unwritable = |error: io::Error| CliError::usage(format!("cannot write {}: {error}", path.display()));
    let mut name = path.file_name().ok_or_else(|| CliError::usage("name a file to write"))?.to_owned();
    name.push(format!(".{}.made", std::process::id()));
    let new = path.with_file_name(name);
    write_secret(&new, bytes)?;
    let made = fs::hard_link(&new, path);
    fs::remove_file(&new).map_err(unwritable)?;
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unwritable(error)),
        _ => Ok(()),
    }
}

/// Makes a directory that only its owner may enter.
pub(crate) fn make_private_directory(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| CliError::usage(format!("cannot make {}: {error}", path.display())))
}

/// A new Ed25519 key in a new file (its 32-byte seed) that only its owner may read. An existing file is
/// never replaced.
pub(crate) fn create_key(path: &Path, rng: &mut impl CryptoRng) -> Result<Ed25519SigningKey, CliError> {
    if path.exists() {
        return Err(CliError::refused("KeyFileExists", format!("{} exists; a key is never replaced", path.display())));
    }
    let key = Ed25519SigningKey::generate(rng);
    write_secret(path, key.seed().as_ref())?;
    Ok(key)
}

/// Reads an Ed25519 key file.
pub(crate) fn read_key(path: &Path) -> Result<Ed25519SigningKey, CliError> {
    Ok(Ed25519SigningKey::from_seed(&*read_seed(path)?))
}

/// Reads the 32 bytes of a key file.
pub(crate) fn read_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, CliError> {
    let malformed = |_| CliError::refused("MalformedKeyFile", format!("{} is not a key file", path.display()));
    Ok(Zeroizing::new(<[u8; 32]>::try_from(read_private(path)?.as_slice()).map_err(malformed)?))
}

/// Reads a secret. One that others may read is refused: it is no secret any more.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let unreadable = |error: io::Error| CliError::usage(format!("cannot read {}: {error}", path.display()));
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(CliError::refused(
            "KeyFileExposed",
            format!("{} can be read by others; make a new key, or chmod 600 if nobody has read it", path.display()),
        ));
    }
    Ok(Zeroizing::new(fs::read(path).map_err(unreadable)?))
}

/// The 32 bytes of an Ed25519 public key.
pub(crate) fn ed25519_public(key: &Ed25519SigningKey) -> Result<[u8; 32], CliError> {
    match key.public_key() {
        PublicKey::Ed25519(bytes) => Ok(bytes),
        _ => Err(CliError::refused("MalformedKeyFile", "an Ed25519 key is needed here")),
    }
}

/// Draws a message as a QR code into a PNG file.
pub(crate) fn write_qr(path: &Path, kind: Kind, message: &[u8]) -> Result<u8, CliError> {
    let drawing = qr::Drawing::new(&qr::to_text(kind, message)?)?;
    write(path, &drawing.png()?)?;
    Ok(drawing.version())
}

/// Draws a message as small QR codes to be shown in turn, half as many again as are needed. Returns the largest
/// version.
fn write_frames(folder: &Path, kind: Kind, message: &[u8]) -> Result<u8, CliError> {
    make_private_directory(folder)?;
    let frames = Frames::new(kind, message, frames::FRAME_BYTES)?;
    let count = frames.pieces() + frames.pieces().div_ceil(2);
    let mut version = 0;
    for (number, text) in (1..=count).zip(frames) {
        let drawing = qr::Drawing::new(&text)?;
        version = version.max(drawing.version());
        write(&folder.join(format!("{number:03}.png")), &drawing.png()?)?;
    }
    Ok(version)
}

/// Where a message goes: a picture, its bytes, or both.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Destination {
    /// Draw it as a QR code into this PNG file
    #[arg(long, value_name = "PNG")]
    pub(crate) out: Option<PathBuf>,
    /// Draw it as several small QR codes, to be shown in turn, into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) frames: Option<PathBuf>,
    /// Write its bytes into this file, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: Option<PathBuf>,
}

/// As [`Destination`], for commands that may have nothing to write.
#[derive(Debug, clap::Args)]
pub(crate) struct MaybeDestination {
    /// Draw it as a QR code into this PNG file
    #[arg(long, value_name = "PNG")]
    out: Option<PathBuf>,
    /// Draw it as several small QR codes, to be shown in turn, into this folder
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// Write its bytes into this file, or - for standard output
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
}

impl MaybeDestination {
    /// Where the message goes.
    pub(crate) fn given(&self) -> Result<Destination, CliError> {
        let (out, frames, payload) = (self.out.clone(), self.frames.clone(), self.payload.clone());
        if out.is_none() && frames.is_none() && payload.is_none() {
            return Err(CliError::usage("say where the answer goes with --out, --frames or --payload"));
        }
        Ok(Destination { out, frames, payload })
    }
}

impl Destination {
    /// Writes the message. Returns the QR version if it was drawn.
    pub(crate) fn write(&self, kind: Kind, message: &[u8]) -> Result<Option<u8>, CliError> {
        if let Some(path) = &self.payload {
            write(path, message)?;
        }
        let small = self.frames.as_deref().map(|folder| write_frames(folder, kind, message)).transpose()?;
        let one = self.out.as_deref().map(|path| write_qr(path, kind, message)).transpose()?;
        Ok(one.or(small))
    }

    /// Writes a link that phones follow. Returns the QR version if it was drawn.
    pub(crate) fn write_link(&self, link: &str) -> Result<Option<u8>, CliError> {
        if self.frames.is_some() {
            return Err(CliError::refused("LinkNotInFrames", "a link is one code; draw it with --out"));
        }
        if let Some(path) = &self.payload {
            write(path, link.as_bytes())?;
        }
        let draw = |path: &PathBuf| {
            let drawing = qr::Drawing::new(link)?;
            write(path, &drawing.png()?)?;
            Ok(drawing.version())
        };
        self.out.as_ref().map(draw).transpose()
    }

    /// Whether standard output carries the bytes, and has no room for an answer.
    pub(crate) fn uses_stdout(&self) -> bool {
        [&self.out, &self.payload].into_iter().any(|path| path.as_deref() == Some(Path::new("-")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_trust_anchor_is_one_code_to_print() {
        let dir = tempfile::tempdir().unwrap();
        let anchor = TrustAnchor { network: "n".repeat(24), network_id: [0xff; 32], group_key: [0xff; 96] };
        assert_eq!(anchor.encode().len(), 159, "of 300 that are allowed");
        let picture = dir.path().join("anchor.png");
        let destination = Destination { out: Some(picture.clone()), frames: None, payload: None };
        let version = destination.write(Kind::TrustAnchor, &anchor.encode()).unwrap().unwrap();
        assert!(version <= 10, "version {version}");
        assert_eq!(read_anchor(&picture).unwrap(), anchor);
    }

    #[test]
    fn of_secrets_that_are_made_at_once_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.key");
        make_secret(&path, &[1; 32]).unwrap();
        make_secret(&path, &[2; 32]).unwrap();
        assert_eq!(*read_seed(&path).unwrap(), [1; 32]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn keys_are_private_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        let mut rng = crate::randomness::os().unwrap();
        let key = create_key(&path, &mut rng).unwrap();
        assert_eq!(read_key(&path).unwrap().public_key(), key.public_key());
        let again = create_key(&path, &mut rng);
        assert!(matches!(again, Err(CliError::Refused { name, .. }) if name == "KeyFileExists"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = read_key(&path);
        assert!(matches!(exposed, Err(CliError::Refused { name, .. }) if name == "KeyFileExposed"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [0; 31]).unwrap();
        let damaged = read_key(&path);
        assert!(matches!(damaged, Err(CliError::Refused { name, .. }) if name == "MalformedKeyFile"));
    }
}
