//! A store on either database, for tests.

use std::path::PathBuf;

use postgresql::Address;
use tempfile::TempDir;
use test_database::Cluster;

use super::{IssuerError, Store};

/// Whose the databases are.
const OWNER: &str = "did:mid:test:issuer";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    Postgresql,
}

/// Runs a test on both.
pub(super) fn each(test: impl Fn(Backend)) {
    for backend in [Backend::Sqlite, Backend::Postgresql] {
        println!("{backend:?}");
        test(backend);
    }
}

impl Backend {
    /// A place without a store.
    pub(super) fn nothing(self) -> Place {
        match self {
            Self::Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                Place::File { path: dir.path().join("issuer.db"), _dir: dir }
            }
            Self::Postgresql => Place::Server { url: Cluster::shared().database("store") },
        }
    }

    /// A new store.
    pub(super) fn make(self) -> Made {
        let place = self.nothing();
        Made { store: place.open(true).unwrap(), place }
    }
}

/// Where a store is or may be.
pub(super) enum Place {
    File { path: PathBuf, _dir: TempDir },
    Server { url: String },
}

impl Place {
    pub(super) fn open(&self, create: bool) -> Result<Store, IssuerError> {
        self.open_as(OWNER, create)
    }

    pub(super) fn open_as(&self, owner: &str, create: bool) -> Result<Store, IssuerError> {
        match self {
            Self::File { path, .. } => Store::file(path, create),
            Self::Server { url } => Store::server(&Address::parse(url, None).unwrap(), owner, create),
        }
    }

    /// Changes it past the store.
    pub(super) fn try_sql(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::File { path, .. } => {
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).map_err(|error| error.to_string())
            }
            Self::Server { url } => Cluster::shared().try_sql(url, sql).map(|_| ()),
        }
    }

    pub(super) fn sql(&self, sql: &str) {
        self.try_sql(sql).unwrap();
    }

    /// All that is there.
    pub(super) fn contents(&self) -> Vec<u8> {
        match self {
            Self::File { path, .. } => std::fs::read(path).unwrap(),
            Self::Server { url } => {
                let dump = test_database::programs().join("pg_dump");
                let dumped = std::process::Command::new(dump).arg(url).output().unwrap();
                assert!(dumped.status.success());
                // Each dump is protected with a word of its own.
                let text = String::from_utf8(dumped.stdout).unwrap();
                let kept =
                    text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
                kept.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
            }
        }
    }
}

/// A store, and where it is.
pub(super) struct Made {
    pub(super) store: Store,
    place: Place,
}

impl core::ops::Deref for Made {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}
