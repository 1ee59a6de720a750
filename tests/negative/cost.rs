//! What an input costs: processor time of this thread, memory of this process.

/// Processor time one input may take: four times the 250 ms of the plan, for slow machines.
pub(crate) const CPU_MICROS_MAX: u64 = 1_000_000;
/// How much the peak of memory may grow over all broken inputs.
pub(crate) const MEMORY_GROWTH_MAX: u64 = 32 << 20;

/// Processor time of this thread so far; wall time where the system does not say.
pub(crate) fn cpu_micros() -> u64 {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = nanoseconds.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(wall_micros, |nanoseconds| nanoseconds / 1_000)
}

fn wall_micros() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_micros() as u64
}

/// Memory in use, in bytes; 0 where the system does not say.
pub(crate) fn memory() -> u64 {
    status("VmRSS:")
}

/// The most memory in use since [`forget_peak`], in bytes; 0 where the system does not say.
pub(crate) fn peak_memory() -> u64 {
    status("VmHWM:")
}

/// Begins a new peak at what is in use now. Where the system does not allow it the old one stays.
pub(crate) fn forget_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
