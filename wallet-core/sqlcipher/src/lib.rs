//! `rusqlite`, linked with SQLCipher and LibTomCrypt, both compiled from source with nothing but a C compiler.
//!
//! One program has one SQLite. The wallet needs the one that encrypts; issuer and ledger node use the same library and give
//! no key. They all depend on this crate under the name `rusqlite`, so no program can link two.
//!
//! ```
//! let database = sqlcipher::Connection::open_in_memory()?;
//! database.execute_batch("PRAGMA key = 'a pass phrase'")?;
//! let provider: String = database.query_row("PRAGMA cipher_provider", [], |row| row.get(0))?;
//! assert_eq!(provider, "libtomcrypt");
//! # Ok::<(), sqlcipher::Error>(())
//! ```

pub use upstream::*;
