//! The cases under `tests/negative`: how a file looks, and how all of them are made.
//!
//! A file is a few lines `name: value`, an empty line, and bytes in hexadecimal. `expect` is
//! `accepted`, or the one name of the error that must come back; `twin` is the valid file that a
//! broken one differs from in one thing.

mod checkpoint;
mod credential;
mod ledger;
mod presentation;
pub mod proof;
mod qr;
mod request;
mod status_list;
pub mod transaction;
mod wallet;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::world::{NOW, World};

/// Bytes of a line of hexadecimal.
const LINE: usize = 48;
/// What a valid file expects.
pub const ACCEPTED: &str = "accepted";

/// One input and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Row of the list of attacks, or the rule of a specification that is broken.
    pub id: String,
    /// Which function the input is given to.
    pub surface: String,
    /// What is wrong, in a few words joined by `-`.
    pub slug: String,
    /// What is wrong, in a sentence.
    pub title: String,
    /// The name of the error, or [`ACCEPTED`].
    pub expect: String,
    /// The valid file this was made from.
    pub twin: Option<String>,
    /// What else the surface needs to know.
    pub parameters: Vec<(String, String)>,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Case {
    /// A valid input at the usual time.
    #[must_use]
    pub fn valid(surface: &str, slug: &str, title: &str, bytes: Vec<u8>) -> Self {
        Self {
            id: "V".into(),
            surface: surface.into(),
            slug: slug.into(),
            title: title.into(),
            expect: ACCEPTED.into(),
            twin: None,
            parameters: vec![],
            bytes,
        }
        .with("now", &NOW.to_string())
    }

    /// The same with other bytes, which must be refused as `expect`.
    #[must_use]
    pub fn broken(&self, id: &str, slug: &str, title: &str, expect: &str, bytes: Vec<u8>) -> Self {
        Self {
            id: id.into(),
            slug: slug.into(),
            title: title.into(),
            expect: expect.into(),
            twin: Some(self.file()),
            bytes,
            ..self.clone()
        }
    }

    /// The same bytes, which must be refused as `expect` because `parameter` has another value.
    #[must_use]
    pub fn under(&self, parameter: (&str, &str), id: &str, slug: &str, title: &str, expect: &str) -> Self {
        self.broken(id, slug, title, expect, self.bytes.clone()).with(parameter.0, parameter.1)
    }

    /// With a parameter set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where the file is, below `tests/negative`.
    #[must_use]
    pub fn file(&self) -> String {
        match &self.twin {
            None => format!("valid/{}-{}.txt", self.surface, self.slug),
            Some(_) => format!("{}/{}-{}.txt", self.surface, self.id, self.slug),
        }
    }

    /// The file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| writeln!(text, "{name}: {value}").expect("memory");
        for (name, value) in [("id", &self.id), ("surface", &self.surface), ("slug", &self.slug)] {
            line(name, value);
        }
        line("title", &self.title);
        line("expect", &self.expect);
        if let Some(twin) = &self.twin {
            line("twin", twin);
        }
        for (name, value) in &self.parameters {
            line(name, value);
        }
        text.push('\n');
        for bytes in self.bytes.chunks(LINE) {
            text.push_str(&hex::encode(bytes));
            text.push('\n');
        }
        text
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, body) = text.split_once("\n\n").ok_or("no empty line after the header")?;
        let mut parameters = head
            .lines()
            .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<Vec<_>>>()
            .ok_or("a header line is not `name: value`")?;
        let mut take = |name: &str| {
            let at = parameters.iter().position(|(known, _)| known == name)?;
            Some(parameters.remove(at).1)
        };
        let mut need = |name: &str| take(name).ok_or(format!("no `{name}:`"));
        let (id, surface, slug) = (need("id")?, need("surface")?, need("slug")?);
        let (title, expect) = (need("title")?, need("expect")?);
        let twin = take("twin");
        let bytes = hex::decode(body.replace('\n', "")).map_err(|error| error.to_string())?;
        Ok(Self { id, surface, slug, title, expect, twin, parameters, bytes })
    }
}

/// All files, valid ones first.
#[must_use]
pub fn all(world: &World) -> Vec<Case> {
    let mut cases = presentation::cases(world);
    cases.extend(proof::cases(world));
    cases.extend(request::cases(world));
    cases.extend(credential::cases(world));
    cases.extend(qr::cases(world));
    cases.extend(status_list::cases());
    cases.extend(ledger::cases(world));
    cases.extend(checkpoint::cases());
    cases.extend(transaction::cases(world));
    cases.extend(wallet::cases());
    cases
}

/// The files for a verifier, with valid ones.
#[must_use]
pub fn presentations(world: &World) -> Vec<Case> {
    presentation::cases(world)
}

/// The folders of files below `root`.
///
/// # Errors
/// When `root` cannot be read.
pub fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root)?.map(|entry| entry.map(|entry| entry.path()));
    let mut folders = entries.collect::<io::Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// The bytes with one replaced range.
fn splice(bytes: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[at..at + with.len()].copy_from_slice(with);
    out
}

/// The bytes with some bits of one byte turned.
fn flip(bytes: &[u8], at: usize, bits: u8) -> Vec<u8> {
    splice(bytes, at, &[bytes[at] ^ bits])
}

/// The group order of BLS12-381, big-endian.
fn group_order() -> [u8; 32] {
    hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
        .expect("a literal")
        .try_into()
        .expect("32 bytes")
}

/// The identity of G1, compressed.
fn identity_point() -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    bytes
}

/// A point of the curve outside the subgroup, and a coordinate that no point has.
fn stray_points() -> ([u8; 48], [u8; 48]) {
    use protocol::crypto::curve::{CurveError, G1Affine};
    let candidate = |x: u8| {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, x);
        bytes
    };
    let find = |error| (1..=255).map(candidate).find(|bytes| G1Affine::from_compressed(bytes).err() == Some(error));
    (
        find(CurveError::PointNotInSubgroup).expect("most points are outside"),
        find(CurveError::InvalidPoint).expect("half of all coordinates have no point"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let valid = Case::valid("presentation", "sample", "A sample.", (0..=255).collect());
        let broken =
            valid.broken("C07", "one-byte-more", "One byte more.", "ProofLength", vec![]).with("trust", "usual");
        for case in [valid, broken] {
            assert_eq!(Case::parse(&case.render()), Ok(case.clone()));
            assert!(case.render().lines().all(|line| line.len() <= 120));
        }
        assert!(Case::parse("id: C07\n\nzz\n").is_err());
        assert!(Case::parse("id: C07").is_err());
    }
}
