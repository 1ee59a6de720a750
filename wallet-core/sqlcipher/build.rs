//! Compiles SQLCipher's amalgamation with LibTomCrypt as its crypto provider.
//!
//! `rusqlite` can bundle SQLCipher too, but only with OpenSSL, which needs Perl and two minutes.

use std::env;
use std::path::Path;

/// As `libsqlite3-sys` compiles its bundled library, so that `rusqlite` finds what it expects.
const SQLITE: [&str; 16] = [
    "SQLITE_CORE",
    "SQLITE_DEFAULT_FOREIGN_KEYS=1",
    "SQLITE_ENABLE_API_ARMOR",
    "SQLITE_ENABLE_COLUMN_METADATA",
    "SQLITE_ENABLE_DBSTAT_VTAB",
    "SQLITE_ENABLE_FTS5",
    "SQLITE_ENABLE_JSON1",
    "SQLITE_ENABLE_RTREE",
    "SQLITE_ENABLE_STAT4",
    "SQLITE_OMIT_LOAD_EXTENSION",
    "SQLITE_SOUNDEX",
    "SQLITE_THREADSAFE=1",
    "SQLITE_USE_URI",
    "HAVE_USLEEP=1",
    "HAVE_ISNAN",
    "HAVE_STDINT_H=1",
];

/// What makes it SQLCipher (its README, "Compiling"): temporary tables in memory, its own start and end.
const SQLCIPHER: [&str; 5] = [
    "SQLITE_HAS_CODEC",
    "SQLITE_TEMP_STORE=2",
    "SQLITE_EXTRA_INIT=sqlcipher_extra_init",
    "SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown",
    "SQLCIPHER_CRYPTO_LIBTOMCRYPT",
];

/// All of LibTomCrypt that SQLCipher's provider calls; the rest is left out by its own switches.
const LIBTOMCRYPT: [&str; 16] = [
    "LTC_SOURCE",
    "LTC_NOTHING",
    "LTC_NO_TEST",
    "LTC_RIJNDAEL",
    "LTC_CBC_MODE",
    "LTC_SHA1",
    "LTC_SHA256",
    "LTC_SHA512",
    "LTC_HASH_HELPERS",
    "LTC_HMAC",
    "LTC_PKCS_5",
    "LTC_FORTUNA",
    "LTC_RNG_GET_BYTES",
    "LTC_DEVRANDOM",
    "LTC_TRY_URANDOM_FIRST",
    "ARGTYPE=4",
];

/// Folders and files that hold it.
const PARTS: [&str; 8] = [
    "libtomcrypt/ciphers/aes/",
    "libtomcrypt/modes/cbc/",
    "libtomcrypt/hashes/sha1.c",
    "libtomcrypt/hashes/sha2/",
    "libtomcrypt/hashes/helper/",
    "libtomcrypt/mac/hmac/",
    "libtomcrypt/misc/",
    "libtomcrypt/prngs/",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let sources = sqlcipher_src::source_dir();
    let tomcrypt = sqlcipher_src::LIBTOMCRYPT_SOURCES.iter();
    let wanted = tomcrypt.filter(|file| PARTS.iter().any(|part| file.starts_with(part)));
    let mut library = compiler(sources);
    library.files(wanted.map(|file| sources.join(file)));
    define(&mut library, &LIBTOMCRYPT);
    // Random numbers come from the system's generator. Where that cannot be read, LibTomCrypt would fall back on the jitter
    // of the processor's clock: no clock for it, so that it stops instead.
    library.define("XCLOCK()", "(abort(),(clock_t)0)").define("LTC_NO_PROTOTYPES", None);
    library.compile("tomcrypt_of_sqlcipher");

    let mut library = compiler(sources);
    library.file(sources.join(sqlcipher_src::SOURCE_FILE));
    define(&mut library, &SQLITE);
    define(&mut library, &SQLCIPHER);
    // The header shows only what is switched on, so both parts need the same switches.
    define(&mut library, &LIBTOMCRYPT[1..]);
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
        define(&mut library, &["HAVE_LOCALTIME_R"]);
    }
    // Whole, because `libsqlite3-sys` does not name this crate: a linker that reads archives once would come too early.
    library.link_lib_modifier("+whole-archive").compile("sqlcipher");
}

fn compiler(sources: &Path) -> cc::Build {
    let mut compiler = cc::Build::new();
    compiler.include(sources).include(sources.join(sqlcipher_src::LIBTOMCRYPT_INCLUDE_DIR)).warnings(false);
    compiler
}

fn define(library: &mut cc::Build, switches: &[&str]) {
    for switch in switches {
        match switch.split_once('=') {
            Some((name, value)) => library.define(name, value),
            None => library.define(switch, None),
        };
    }
}
