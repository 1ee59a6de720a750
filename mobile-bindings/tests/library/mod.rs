//! The library that was built along with a test. UniFFI's description of it is in its symbols.

use std::path::PathBuf;

pub(crate) fn library() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}mobile_bindings{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = deps.join(name);
    assert!(library.is_file(), "{} was not built", library.display());
    library
}
