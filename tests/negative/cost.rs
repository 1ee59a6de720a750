//! What an input costs: processor time of this thread, memory of this process.

/// Processor time one input may take.
pub(crate) const CPU_MICROS_MAX: u64 = 250_000;
/// How often one that took more is tried again: others that use the machine slow it down, and it is slow by itself only if
/// it is each time.
const TRIES: usize = 8;
/// How much more memory one input may need at its peak, and how much all of them may leave behind.
pub(crate) const MEMORY_MAX: u64 = 32 << 20;

/// Tells glibc to give large blocks back as soon as they are freed, so that what one input took is not
/// there for the next to take unseen.
const GIVE_BACK: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// Runs `work` in a process of its own: this very test, started again where nothing else uses memory.
pub(crate) fn alone(test: &str, work: fn()) {
    if std::env::var_os(GIVE_BACK.0).is_some() {
        return work();
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let done = again.args(["--exact", test, "--nocapture"]).env(GIVE_BACK.0, GIVE_BACK.1).status().unwrap();
    assert!(done.success(), "see above");
}

/// Processor time of this thread so far; wall time where the system does not say.
pub(crate) fn cpu_micros() -> u64 {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = nanoseconds.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(wall_micros, |nanoseconds| nanoseconds / 1_000)
}

/// The processor time that something takes: that of the `first` time, or if that was too much, the least of some.
pub(crate) fn least(first: u64, again: impl Fn()) -> u64 {
    let mut least = first;
    for _ in 0..TRIES {
        if least <= CPU_MICROS_MAX {
            break;
        }
        let started = cpu_micros();
        again();
        least = least.min(cpu_micros() - started);
    }
    least
}

fn wall_micros() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_micros() as u64
}

/// Memory in use, in bytes; 0 where the system does not say.
pub(crate) fn memory() -> u64 {
    status("VmRSS:")
}

/// What `work` returns, and how far memory rose above what was in use before; 0 where the system does not
/// let a process begin a new peak.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let measured = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory();
    let done = work();
    let rise = status("VmHWM:").saturating_sub(before);
    (done, if measured { rise } else { 0 })
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
