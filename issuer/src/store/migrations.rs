//! The schema, as a list of steps that every database has gone through in order.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::IssuerError;

/// Never edited once released: a change of the schema is a further step.
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
    WHEN OLD.revoked_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
CREATE TRIGGER credential_stays BEFORE DELETE ON credential
    BEGIN SELECT RAISE(ABORT, 'irreversible'); END;

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
    BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
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
    WHEN OLD.revoked_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'irreversible'); END;
",
    "
-- Offers that a clerk looks at before anything is issued. State of a grant: 0 not needed, 1 waits, 2 approved, 3 refused.
ALTER TABLE offer ADD COLUMN review INTEGER NOT NULL DEFAULT 0;
ALTER TABLE openid_grant ADD COLUMN review INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER decided_once BEFORE UPDATE OF review ON openid_grant
    WHEN OLD.review <> 1 BEGIN SELECT RAISE(ABORT, 'irreversible'); END;

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
];

/// Brings the schema up to date.
///
/// # Errors
/// [`IssuerError::StorageVersionUnsupported`] when a newer program has already changed the file, which is
/// then left as it is; [`IssuerError::StorageUnavailable`].
pub(super) fn apply(connection: &mut Connection) -> Result<(), IssuerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS migration (step INTEGER PRIMARY KEY) STRICT")?;
    let done: usize = transaction.query_row("SELECT COUNT(*) FROM migration", [], |row| row.get(0))?;
    if done > STEPS.len() {
        return Err(IssuerError::StorageVersionUnsupported);
    }
    for (step, sql) in STEPS.iter().enumerate().skip(done) {
        transaction.execute_batch(sql)?;
        transaction.execute("INSERT INTO migration (step) VALUES (?1)", [step])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn schema_is_applied_once_and_never_backwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("issuer.db");
        assert!(Store::open(&path, false).is_err(), "nothing there yet");
        drop(Store::open(&path, true).unwrap());
        drop(Store::open(&path, false).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.execute("INSERT INTO migration (step) VALUES (?1)", [STEPS.len()]).unwrap();
        drop(connection);
        let before = std::fs::read(&path).unwrap();
        assert_eq!(Store::open(&path, false).err(), Some(IssuerError::StorageVersionUnsupported));
        assert_eq!(std::fs::read(&path).unwrap(), before, "a newer file is left untouched");
    }

    #[test]
    fn acknowledged_writes_are_synced() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("issuer.db"), true).unwrap();
        let connection = store.connection.lock().unwrap();
        let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("synchronous"), 2, "FULL");
        assert_eq!(pragma("secure_delete"), 1);
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
