//! The library that is linked is the one that encrypts, and it notices a changed byte.

use sqlcipher::Connection;
use std::path::Path;

const KEY: &str = "PRAGMA key = \"x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'\"";
const OTHER_KEY: &str = "PRAGMA key = \"x'100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'\"";
const SECRET: &str = "a value that nobody else may read";

fn open(path: &Path, key: &str) -> sqlcipher::Result<String> {
    let database = Connection::open(path)?;
    database.execute_batch("PRAGMA cipher_log_level = NONE")?;
    database.execute_batch(key)?;
    database.query_row("SELECT value FROM secret", [], |row| row.get(0))
}

#[test]
fn a_file_is_readable_with_its_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let database = Connection::open(&path).unwrap();
    database.execute_batch(KEY).unwrap();
    let provider: String = database.query_row("PRAGMA cipher_provider", [], |row| row.get(0)).unwrap();
    assert_eq!(provider, "libtomcrypt");
    database.execute_batch("CREATE TABLE secret (value TEXT)").unwrap();
    database.execute("INSERT INTO secret VALUES (?1)", [SECRET]).unwrap();
    drop(database);

    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| SECRET.as_bytes().windows(8).any(|part| part == window)));
    assert!(!bytes.starts_with(b"SQLite"));
    assert_eq!(open(&path, KEY).unwrap(), SECRET);
    assert!(open(&path, OTHER_KEY).is_err());
    assert!(open(&path, "").is_err());

    // Every page has a MAC.
    let middle = bytes.len() - 100;
    let mut changed = bytes.clone();
    changed[middle] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(open(&path, KEY).is_err());
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(open(&path, KEY).unwrap(), SECRET);
}

#[test]
fn nonces_of_two_files_with_one_key_differ() {
    let folder = tempfile::tempdir().unwrap();
    let salts = ["one", "two"].map(|name| {
        let path = folder.path().join(name);
        let database = Connection::open(&path).unwrap();
        database.execute_batch("PRAGMA key = 'a pass phrase'").unwrap();
        database.execute_batch("CREATE TABLE secret (value TEXT)").unwrap();
        drop(database);
        std::fs::read(&path).unwrap()[..16].to_vec()
    });
    assert_ne!(salts[0], salts[1]);
}

#[test]
fn random_numbers_never_come_from_a_clock() {
    // LibTomCrypt's last resort calls `clock` of the C library, which nothing else here does.
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let imports = |name: &[u8]| program.windows(name.len()).any(|window| window == name);
    assert!(imports(b"\0fread\0"), "the system's generator is read as a file");
    assert!(!imports(b"\0clock\0"));
}
