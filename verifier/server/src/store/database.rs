//! The database that instances share.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio::sync::{Notify, OnceCell};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};

use super::Unavailable;
use super::seal::{Seal, StoreKey};

/// Connections of one instance.
const CONNECTIONS: usize = 8;
/// Longest time until there is a new connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for a connection that others use.
const WAIT: Duration = Duration::from_secs(8);
/// After so long a peer that does not acknowledge is given up.
const SILENT: Duration = Duration::from_secs(5);
/// A statement is cut off before the caller is, and whoever stands still in the middle of a change loses it.
const SESSION: &str = "SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on";
/// Instances that start at once make the tables one after the other.
const SCHEMA_LOCK: &str = "SELECT pg_advisory_xact_lock(78022026)";
const SCHEMA: &str = include_str!("schema.sql");
/// The last table: whoever sees it sees all of them.
const MADE: &str = "SELECT to_regclass('verifier_calls') IS NOT NULL";

/// Why there is no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Not the address of a PostgreSQL database, or one that asks for TLS, which this program does not speak itself.
    #[error("this is not the address of a database; write postgres://user@host/name ({0})")]
    MalformedAddress(String),
    /// Over a network in clear.
    #[error("a database on another machine is reached by a tunnel with TLS that begins on this one; name its end here")]
    NotEncrypted,
    /// It does not answer, or refuses.
    #[error("the database cannot be used ({0}); see that it runs, and that the user may make tables")]
    DatabaseUnavailable(String),
}

/// A database with the key that seals what is in it. One for all that an instance serves.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: Pool,
    seal: Seal,
    ready: OnceCell<()>,
    /// Rings when somebody has to be called.
    due: Notify,
}

impl core::fmt::Debug for Database {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Database {
    /// The database at this address (`postgres://…`), which is connected to when it is needed.
    ///
    /// # Errors
    /// [`DatabaseError::MalformedAddress`], [`DatabaseError::NotEncrypted`]
    pub fn new(address: &str, key: &StoreKey) -> Result<Self, DatabaseError> {
        let malformed = |error: &dyn core::fmt::Display| DatabaseError::MalformedAddress(error.to_string());
        let mut config: Config = address.parse().map_err(|error| malformed(&error))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(DatabaseError::NotEncrypted);
        }
        // OVP-28
        if !here(&config) {
            return Err(DatabaseError::NotEncrypted);
        }
        config.connect_timeout(CONNECT).tcp_user_timeout(SILENT).keepalives_idle(SILENT);
        config.application_name("mid verifier");
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let session = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .post_create(session)
            .build()
            .map_err(|error| malformed(&error))?;
        let (seal, ready, due) = (Seal::new(key), OnceCell::new(), Notify::new());
        Ok(Self(Arc::new(Inner { pool, seal, ready, due })))
    }

    /// Connects, and makes the tables where there are none: for a program that wants to know whether it can work.
    ///
    /// # Errors
    /// [`DatabaseError::DatabaseUnavailable`]
    pub async fn check(&self) -> Result<(), DatabaseError> {
        let failed = |error: &dyn core::fmt::Display| DatabaseError::DatabaseUnavailable(error.to_string());
        let mut client = self.0.pool.get().await.map_err(|error| failed(&error))?;
        let made = self.0.ready.get_or_try_init(|| make_tables(&mut client)).await;
        made.copied().map_err(|error| failed(&error))
    }

    /// A connection to a database that has the tables.
    pub(super) async fn client(&self) -> Result<Object, Unavailable> {
        let mut client = self.0.pool.get().await.map_err(|_| Unavailable)?;
        self.0.ready.get_or_try_init(|| make_tables(&mut client)).await?;
        Ok(client)
    }

    pub(super) fn seal(&self) -> &Seal {
        &self.0.seal
    }

    /// Somebody has to be called.
    pub(super) fn ring(&self) {
        self.0.due.notify_one();
    }

    /// Waits until somebody has to be called, or for so long: another instance may have left a call over.
    pub(crate) async fn rung(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.0.due.notified()).await;
    }
}

async fn make_tables(client: &mut Object) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(SCHEMA_LOCK).await?;
    // Nothing that is in use is locked for it.
    if !transaction.query_one(MADE, &[]).await?.try_get::<_, bool>(0)? {
        transaction.batch_execute(SCHEMA).await?;
    }
    transaction.commit().await
}

/// Whether every host is this machine: then nobody else hears the conversation.
fn here(config: &Config) -> bool {
    let here = |host: &Host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "127.0.0.1" | "::1" | "localhost"),
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    match (config.get_hosts(), addresses) {
        ([], []) => false,
        (hosts, []) => hosts.iter().all(here),
        (_, addresses) => addresses.iter().all(std::net::IpAddr::is_loopback),
    }
}

impl From<tokio_postgres::Error> for Unavailable {
    fn from(_: tokio_postgres::Error) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ovp_28_a_database_elsewhere_is_not_spoken_to_in_clear() {
        let key = StoreKey::new(&[1; 32]);
        let new = |address: &str| Database::new(address, &key).map(|_| ());
        for address in [
            "postgres://mid:secret@127.0.0.1:5432/mid",
            "postgres://mid@localhost/mid",
            "postgres://mid@%2Frun%2Fpostgresql/mid",
            "host=/run/postgresql user=mid dbname=mid",
        ] {
            assert_eq!(new(address), Ok(()), "{address}");
        }
        for address in [
            "postgres://mid@db.example/mid",
            "postgres://mid@10.0.0.1/mid",
            "postgres://mid@127.0.0.1,db.example/mid",
            "postgres://mid@127.0.0.1/mid?hostaddr=10.0.0.1",
            "postgres://mid@127.0.0.1/mid?sslmode=require",
        ] {
            assert_eq!(new(address), Err(DatabaseError::NotEncrypted), "{address}");
        }
        for address in ["mysql://mid@localhost/mid", "postgres://mid@localhost:port/mid", "host"] {
            assert!(matches!(new(address), Err(DatabaseError::MalformedAddress(_))), "{address}");
        }
        assert!(!format!("{:?}", Database::new("postgres://u:secret@localhost/d", &key)).contains("secret"));
    }
}
