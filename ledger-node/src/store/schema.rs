//! The tables, and how a file comes to have them.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::StoreError;
use super::seal::{self, Put};

/// Number of this form of the file, kept in its header. 0 is a new file, or one from before rows were sealed.
const FORM: i64 = 1;

/// Name and columns of each table, without the seal that every row ends with.
pub(super) const TABLES: &[(&str, &str, &str)] = &[
    ("blocks", "height INTEGER PRIMARY KEY, header BLOB NOT NULL, certificate BLOB", ""),
    (
        "transactions",
        "id BLOB PRIMARY KEY, height INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL",
        "",
    ),
    ("engine_records", "height INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL", "height, position"),
    (
        "appointments",
        "height INTEGER PRIMARY KEY, header BLOB NOT NULL, certificate BLOB NOT NULL, body BLOB NOT NULL",
        "",
    ),
    ("records", "key BLOB PRIMARY KEY, value BLOB NOT NULL", ""),
    (
        "history",
        "key BLOB NOT NULL, version INTEGER NOT NULL, time_ms INTEGER NOT NULL, value BLOB NOT NULL",
        "key, version",
    ),
    (
        "status_lists",
        "anchor BLOB PRIMARY KEY, digest BLOB NOT NULL, packed BLOB NOT NULL, height INTEGER NOT NULL",
        "",
    ),
    ("list_versions", "anchor BLOB NOT NULL, recorded INTEGER NOT NULL, received INTEGER NOT NULL", "anchor, recorded"),
    ("list_entries", "anchor BLOB NOT NULL, entry INTEGER NOT NULL, received INTEGER NOT NULL", "anchor, entry"),
    (
        "cosignatures",
        "height INTEGER PRIMARY KEY, key BLOB NOT NULL, time INTEGER NOT NULL, signature BLOB NOT NULL",
        "",
    ),
];

const INDICES: &str = "
    CREATE INDEX transactions_of_block ON transactions (height, position);
    CREATE INDEX list_entries_received ON list_entries (received);
";

/// Makes the tables in a new file. In any other file they are there, or it is damaged: one whose name changed must not
/// be taken for one that is empty.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    let form: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match form {
        FORM => Ok(()),
        0 => create(connection),
        other => Err(StoreError::Damaged(format!("its form {other} is not one this program knows"))),
    }
}

/// The tables are there.
pub(super) fn expect(connection: &Connection) -> Result<(), StoreError> {
    match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        FORM => Ok(()),
        other => Err(StoreError::Damaged(format!("its form {other} is not one this program knows"))),
    }
}

fn create(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = connection.transaction()?;
    let names = |sql: &Connection| {
        let mut statement =
            sql.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
    };
    let before = names(&sql)?;
    sql.execute_batch("DROP INDEX IF EXISTS transactions_of_block; DROP INDEX IF EXISTS list_entries_received;")?;
    for (name, columns, key) in TABLES {
        let is_old = before.iter().any(|old| old == name);
        if is_old {
            sql.execute_batch(&format!("ALTER TABLE {name} RENAME TO unsealed_{name}"))?;
        }
        let key = if key.is_empty() { String::new() } else { format!(", PRIMARY KEY ({key})") };
        sql.execute_batch(&format!("CREATE TABLE {name} ({columns}, seal BLOB NOT NULL{key}) STRICT"))?;
        if is_old {
            seal_old(&sql, name, columns.split(", ").count())?;
            sql.execute_batch(&format!("DROP TABLE unsealed_{name}"))?;
        }
    }
    sql.execute_batch(INDICES)?;
    sql.pragma_update(None, "user_version", FORM)?;
    Ok(sql.commit()?)
}

/// Takes over the rows of a table from before rows were sealed.
fn seal_old(sql: &Connection, table: &str, columns: usize) -> Result<(), StoreError> {
    let mut old = sql.prepare(&format!("SELECT * FROM unsealed_{table}"))?;
    if old.column_count() != columns {
        return Err(StoreError::Damaged(format!("{table} has columns that this program does not know")));
    }
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<&dyn rusqlite::ToSql> = values.iter().map(|value| value as &dyn rusqlite::ToSql).collect();
        seal::put(sql, Put::Insert, table, &values)?;
    }
    Ok(())
}
