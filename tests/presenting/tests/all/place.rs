//! Where the service keeps requests here: in its memory. The same tests run with a database in `../shared`.

use presenting::World;
use verifier_server::Database;
use verifier_server::apps::{Apps, NewAppRequest};

pub(crate) fn world(now: u64) -> World {
    World::at(now)
}

pub(crate) fn database() -> Option<Database> {
    None
}

/// A place for one test.
pub(crate) struct Own;

impl Own {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn database(&self) -> Option<Database> {
        None
    }

    /// As many requests as are kept.
    pub(crate) async fn fill(&self, apps: &Apps, new: impl Fn() -> NewAppRequest) {
        for _ in 0..10_000 {
            apps.create(new()).await.unwrap();
        }
    }
}
