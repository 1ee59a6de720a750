//! Where the service keeps requests here: in a database, one for each test.

use std::time::Duration;

use presenting::World;
use test_database::Cluster;
use verifier_server::apps::{AppFailure, Apps, NewAppRequest};
use verifier_server::{Database, StoreKey};

pub(crate) fn world(now: u64) -> World {
    World { database: database(), ..World::at(now) }
}

pub(crate) fn database() -> Option<Database> {
    Some(at(&Cluster::shared().database("verifier")))
}

/// An instance's way to the database at this address.
pub(crate) fn at(url: &str) -> Database {
    Database::new(url, &StoreKey::new(&[5; 32])).unwrap()
}

/// A place for one test.
pub(crate) struct Own(String);

impl Own {
    pub(crate) fn new() -> Self {
        Self(Cluster::shared().database("verifier"))
    }

    pub(crate) fn database(&self) -> Option<Database> {
        Some(at(&self.0))
    }

    /// As many requests as are kept: one of the service, and others that look like it. The service counts every second.
    pub(crate) async fn fill(&self, apps: &Apps, new: impl Fn() -> NewAppRequest) {
        apps.create(new()).await.unwrap();
        let like = "INSERT INTO verifier_requests (id, kind, handle, state, expires_at, until, keep, asked) \
            SELECT sha256(n::text::bytea), kind, sha256(n::text::bytea), state, expires_at, until, keep, asked \
            FROM verifier_requests, generate_series(1, 9999) AS n";
        Cluster::shared().sql(&self.0, like);
        for _ in 0..300 {
            if apps.create(new()).await == Err(AppFailure::TooManyRequests) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
