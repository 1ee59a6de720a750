//! The one place that asks the operating system for randomness.

use getrandom::SysRng;
use rand_core::{TryRng, UnwrapErr};

use crate::output::CliError;

/// Randomness of the operating system.
pub(crate) type OsRandomness = UnwrapErr<SysRng>;

/// Opens the source, after trying it once: a machine without randomness is refused here.
pub(crate) fn os() -> Result<OsRandomness, CliError> {
    let mut probe = [0; 16];
    SysRng
        .try_fill_bytes(&mut probe)
        .map_err(|_| CliError::refused("NoRandomness", "the operating system gives no randomness; nothing was done"))?;
    Ok(UnwrapErr(SysRng))
}
