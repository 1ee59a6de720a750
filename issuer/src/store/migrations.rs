//! The schema, as a list of steps that every database has gone through in order.
//!
//! The steps are written for SQLite and translated for PostgreSQL, word by word ([`TRANSLATION`]), so that no step is
//! forgotten in one of them.

use super::transaction::Transaction;
use super::values;
use crate::error::IssuerError;

/// Never changed once released: a change of the schema is a further step.
const STEPS: &[&str] = &[
    "
CREATE TABLE offer (
    code_digest BLOB PRIMARY KEY,
    person TEXT NOT NULL,
    revision INTEGER NOT NULL,
    tx_code_digest BLOB,
    attempts_left INTEGER NOT NULL CHECK (attempts_left >= 0),
    replaces INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE offer_type (
    code_digest BLOB NOT NULL REFERENCES offer ON DELETE CASCADE,
    credential_type TEXT NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (code_digest, credential_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE nonce (
    nonce BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_expiry ON nonce (expires_at);

CREATE TABLE credential (
    idempotency_key BLOB PRIMARY KEY,
    request_digest BLOB NOT NULL,
    response BLOB,
    person TEXT NOT NULL,
    credential_type TEXT NOT NULL,
    handle INTEGER NOT NULL,
    device_key_digest BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    expiry_day INTEGER NOT NULL,
    revoked_at INTEGER,
    reason INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_active ON credential (person, credential_type) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX handle_once ON credential (credential_type, handle);

-- Withdrawal is for good, whatever the program above tries.
CREATE TRIGGER revoked_stays_revoked BEFORE UPDATE OF revoked_at ON credential
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
CREATE TRIGGER credential_stays BEFORE DELETE ON credential
    FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'irreversible'); END;

CREATE TABLE status_list (
    credential_type TEXT NOT NULL,
    number INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (credential_type, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
    credential_type TEXT NOT NULL,
    number INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    slice_bits INTEGER NOT NULL,
    PRIMARY KEY (credential_type, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE status_token (
    credential_type TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    handle INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (credential_type, epoch, handle)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    entry BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    credential_type TEXT NOT NULL,
    number INTEGER NOT NULL,
    UNIQUE (kind, credential_type, number)
) STRICT;
",
    "
-- State of the register's entry that was proofed.
ALTER TABLE credential ADD COLUMN revision INTEGER;

-- Entries of status lists beside the credential's own: twins in other formats, and what stands for nothing.
CREATE TABLE status_entry (
    credential_type TEXT NOT NULL,
    entry INTEGER NOT NULL,
    enrolment INTEGER NOT NULL,
    format INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (credential_type, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX status_entry_enrolment ON status_entry (credential_type, enrolment, format);

CREATE TRIGGER status_entry_stays BEFORE DELETE ON status_entry
    FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
",
    "
-- An offer is taken up by our own protocol or by OpenID, not by both.
ALTER TABLE offer ADD COLUMN redeemed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE openid_secret (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    value BLOB NOT NULL
) STRICT;

-- What was allowed to the holder of one key.
CREATE TABLE openid_grant (
    id BLOB PRIMARY KEY,
    person TEXT NOT NULL,
    revision INTEGER NOT NULL,
    replaces INTEGER NOT NULL,
    client TEXT,
    thumbprint BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_grant_expiry ON openid_grant (expires_at);

CREATE TABLE openid_granted_type (
    grant_id BLOB NOT NULL REFERENCES openid_grant ON DELETE CASCADE,
    credential_type TEXT NOT NULL,
    handle INTEGER,
    revision INTEGER,
    PRIMARY KEY (grant_id, credential_type)
) STRICT, WITHOUT ROWID;

-- An authorisation request from its arrival until the person has logged in.
CREATE TABLE openid_request (
    name BLOB PRIMARY KEY,
    session BLOB,
    client TEXT NOT NULL,
    redirect TEXT NOT NULL,
    state TEXT,
    challenge BLOB NOT NULL,
    thumbprint BLOB,
    masked_offer BLOB NOT NULL,
    credential_types TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_request_expiry ON openid_request (expires_at);

CREATE TABLE openid_code (
    digest BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES openid_grant ON DELETE CASCADE,
    redirect TEXT NOT NULL,
    challenge BLOB NOT NULL,
    thumbprint BLOB,
    used INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_code_grant ON openid_code (grant_id);

CREATE TABLE openid_token (
    digest BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES openid_grant ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_token_grant ON openid_token (grant_id);

CREATE TABLE openid_proof (
    once BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_proof_expiry ON openid_proof (expires_at);

CREATE TABLE openid_answer (
    grant_id BLOB NOT NULL REFERENCES openid_grant ON DELETE CASCADE,
    configuration TEXT NOT NULL,
    request_digest BLOB NOT NULL,
    response BLOB,
    notification_id BLOB NOT NULL UNIQUE,
    event TEXT,
    issued_at INTEGER NOT NULL,
    PRIMARY KEY (grant_id, configuration, request_digest)
) STRICT, WITHOUT ROWID;
",
    "
-- Withdrawn for now. What is withdrawn for good is not suspended any more, and not reinstated either.
ALTER TABLE credential ADD COLUMN suspended_at INTEGER;
CREATE TRIGGER revoked_is_not_suspended BEFORE UPDATE OF suspended_at ON credential
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
",
    "
-- Offers that a clerk looks at before anything is issued. State of a grant: 0 not needed, 1 waits, 2 approved, 3 refused.
ALTER TABLE offer ADD COLUMN review INTEGER NOT NULL DEFAULT 0;
ALTER TABLE openid_grant ADD COLUMN review INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER decided_once BEFORE UPDATE OF review ON openid_grant
    FOR EACH ROW WHEN (OLD.review <> 1) BEGIN SELECT RAISE(ABORT, 'irreversible'); END;

-- What waits meanwhile, with the keys that were proven.
CREATE TABLE openid_deferred (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id BLOB NOT NULL UNIQUE,
    grant_id BLOB NOT NULL REFERENCES openid_grant ON DELETE CASCADE,
    configuration TEXT NOT NULL,
    request_digest BLOB NOT NULL,
    keys BLOB NOT NULL,
    UNIQUE (grant_id, configuration, request_digest)
) STRICT;
",
    "
-- The log-in with a credential that the person holds: what was asked where, how often, and whom it was shown to be.
ALTER TABLE openid_request ADD COLUMN shown_request TEXT;
ALTER TABLE openid_request ADD COLUMN shown_link TEXT;
ALTER TABLE openid_request ADD COLUMN shown_here INTEGER NOT NULL DEFAULT 0;
ALTER TABLE openid_request ADD COLUMN shown_asks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE openid_request ADD COLUMN shown_person TEXT;
",
    "
-- The console of clerks. Whoever asked never decides, whatever the program above tries.
CREATE TABLE clerk_job (
    number INTEGER PRIMARY KEY,
    form BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    credential_types TEXT NOT NULL,
    reason INTEGER,
    state INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    decided_by TEXT CHECK (decided_by <> asked_by),
    decided_at INTEGER
) STRICT;

CREATE TABLE clerk_case (
    number INTEGER PRIMARY KEY,
    job INTEGER REFERENCES clerk_job,
    kind INTEGER NOT NULL,
    person TEXT NOT NULL,
    revision INTEGER NOT NULL,
    credential_types TEXT NOT NULL,
    reason INTEGER,
    state INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    decided_by TEXT CHECK (decided_by <> asked_by),
    decided_at INTEGER,
    outcome TEXT
) STRICT;
CREATE INDEX clerk_case_person ON clerk_case (person);
CREATE INDEX clerk_case_job ON clerk_case (job, state);
CREATE INDEX clerk_case_state ON clerk_case (state);

CREATE TABLE clerk_session (
    digest BLOB PRIMARY KEY,
    clerk TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Wrong passwords in a row, under the digest of a name.
CREATE TABLE clerk_attempt (
    name BLOB PRIMARY KEY,
    wrong INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
];

/// Words of SQLite and those of PostgreSQL for the same, in this order.
const TRANSLATION: &[(&str, &str)] = &[
    ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    (" STRICT, WITHOUT ROWID", ""),
    (" STRICT", ""),
    ("BEGIN SELECT RAISE(ABORT, 'irreversible'); END", "EXECUTE FUNCTION irreversible()"),
];

/// What PostgreSQL has beside the steps: whose database it is, and what its triggers call. A table can be emptied there
/// without deleting a row; those whose rows stay cannot.
const POSTGRESQL_FIRST: &str = "
CREATE TABLE owner (id BIGINT PRIMARY KEY CHECK (id = 0), did TEXT NOT NULL);
CREATE FUNCTION irreversible() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''irreversible''; END';
";
const POSTGRESQL_LAST: &str = "
CREATE TRIGGER credential_is_not_emptied BEFORE TRUNCATE ON credential
    FOR EACH STATEMENT EXECUTE FUNCTION irreversible();
CREATE TRIGGER status_entry_is_not_emptied BEFORE TRUNCATE ON status_entry
    FOR EACH STATEMENT EXECUTE FUNCTION irreversible();
";

/// Brings the schema up to date.
///
/// # Errors
/// [`IssuerError::StorageVersionUnsupported`] when a newer program has already changed the database, which is
/// then left as it is; [`IssuerError::StorageUnavailable`].
pub(super) fn apply(transaction: &Transaction<'_>) -> Result<(), IssuerError> {
    let is_sqlite = matches!(transaction, Transaction::Sqlite(_));
    let translated = |step: &str| match is_sqlite {
        true => step.to_owned(),
        false => TRANSLATION.iter().fold(step.to_owned(), |step, (from, to)| step.replace(from, to)),
    };
    transaction.run(&translated("CREATE TABLE IF NOT EXISTS migration (step INTEGER PRIMARY KEY) STRICT"))?;
    let done: u64 = transaction.only("SELECT COUNT(*) FROM migration", values![], |row| row.get(0))?;
    let known = STEPS.len() as u64;
    if done > known {
        return Err(IssuerError::StorageVersionUnsupported);
    }
    let is_new = done == 0 && !is_sqlite;
    if is_new {
        transaction.run(POSTGRESQL_FIRST)?;
    }
    for (step, sql) in (0..known).zip(STEPS).filter(|(step, _)| *step >= done) {
        transaction.run(&translated(sql))?;
        transaction.execute("INSERT INTO migration (step) VALUES (?1)", values![step])?;
    }
    if is_new { transaction.run(POSTGRESQL_LAST) } else { Ok(()) }
}

/// Takes a new database for an issuer, or finds out that it is that issuer's.
///
/// # Errors
/// [`IssuerError::StorageForeign`].
pub(super) fn own(transaction: &Transaction<'_>, issuer: &str) -> Result<(), IssuerError> {
    transaction.execute("INSERT INTO owner (id, did) VALUES (0, ?1) ON CONFLICT DO NOTHING", values![issuer])?;
    belongs(transaction, issuer)
}

/// Whether a database is that of an issuer.
///
/// # Errors
/// As [`own`].
pub(super) fn belongs(transaction: &Transaction<'_>, issuer: &str) -> Result<(), IssuerError> {
    let has_owner: bool = transaction.only("SELECT to_regclass('owner') IS NOT NULL", values![], |row| row.get(0))?;
    if !has_owner {
        return Err(IssuerError::StorageForeign);
    }
    let owner: Option<String> = transaction.one("SELECT did FROM owner", values![], |row| row.get(0))?;
    if owner.as_deref() == Some(issuer) { Ok(()) } else { Err(IssuerError::StorageForeign) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::tests::{Backend, each};

    #[test]
    fn schema_is_applied_once_and_never_backwards() {
        each(|backend| {
            let made = backend.nothing();
            assert!(made.open(false).is_err(), "nothing there yet");
            drop(made.open(true).unwrap());
            drop(made.open(false).unwrap());
            made.sql(&format!("INSERT INTO migration (step) VALUES ({})", STEPS.len()));
            let before = made.contents();
            assert_eq!(made.open(false).err(), Some(IssuerError::StorageVersionUnsupported));
            assert_eq!(made.contents(), before, "a newer database is left untouched");
        });
    }

    #[test]
    fn acknowledged_writes_are_synced() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::file(&dir.path().join("issuer.db"), true).unwrap();
        let crate::store::Database::Sqlite(connection) = &store.database else { panic!("a file") };
        let connection = connection.lock().unwrap();
        let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("synchronous"), 2, "FULL");
        assert_eq!(pragma("secure_delete"), 1);
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_database_of_another_issuer_is_not_touched() {
        let made = Backend::Postgresql.make();
        assert_eq!(made.open_as("did:mid:test:other", false).err(), Some(IssuerError::StorageForeign));
        assert_eq!(made.open_as("did:mid:test:other", true).err(), Some(IssuerError::StorageForeign));
        assert_eq!(Backend::Postgresql.nothing().open(false).err(), Some(IssuerError::StorageForeign), "of nobody");
        assert!(made.open(true).is_ok(), "one that was interrupted is made again");
    }

    #[test]
    fn what_stays_cannot_be_emptied_either() {
        let made = Backend::Postgresql.make();
        for table in ["credential", "status_entry"] {
            let refused = made.try_sql(&format!("TRUNCATE {table}")).unwrap_err();
            assert!(refused.contains("irreversible"), "{refused}");
        }
    }
}
