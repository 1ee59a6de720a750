//! An allocator that looks for secrets in what is freed. A test that uses it names [`Searching`] its global allocator.
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature")]

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};

use protocol::crypto::curve::Scalar;

/// What is looked for: the bytes of one scalar, as they lie in memory or as they are encoded.
type Needle = [u8; 32];

/// The system's allocator, which looks at what is freed first.
pub(crate) struct Searching;

thread_local! {
    static NEEDLES: Cell<(*const Needle, usize)> = const { Cell::new((core::ptr::null(), 0)) };
    static FOUND: Cell<u128> = const { Cell::new(0) };
    /// Size of the last block in which something was found.
    static BLOCK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; the blocks it is given back are only read before.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // What the test itself left behind before it began to search is not to be found.
        // SAFETY: the caller's promises are passed on.
        unsafe { if NEEDLES.get().1 > 0 { System.alloc_zeroed(layout) } else { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (needles, count) = NEEDLES.get();
        if count > 0 {
            // SAFETY: the block is `layout.size()` bytes and nobody else's any more; the needles live while they are set.
            unsafe { search(block, layout.size(), core::slice::from_raw_parts(needles, count)) };
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

unsafe fn search(block: *const u8, size: usize, needles: &[Needle]) {
    for start in 0..(size + 1).saturating_sub(size_of::<Needle>()) {
        // SAFETY: 32 bytes from `start` lie in the block.
        let bytes = unsafe { block.add(start).cast::<Needle>().read_volatile() };
        for (index, needle) in needles.iter().enumerate() {
            if *needle == bytes {
                FOUND.set(FOUND.get() | 1 << index);
                BLOCK.set(size);
            }
        }
    }
}

/// The forms in which a scalar may lie in memory: its limbs, and its encoding where that is no small number.
fn forms(scalar: &Scalar) -> Vec<Needle> {
    assert_eq!(size_of::<Scalar>(), size_of::<Needle>());
    // SAFETY: a scalar is four 64-bit limbs and nothing else.
    let limbs = unsafe { core::ptr::from_ref(scalar).cast::<Needle>().read() };
    let encoding = scalar.to_be_bytes();
    if encoding[..16] == [0; 16] { vec![limbs] } else { vec![limbs, encoding] }
}

/// What `work` returns, and how many forms of the secrets were found in what this thread freed meanwhile.
pub(crate) fn searched<T>(secrets: &[Scalar], work: impl FnOnce() -> T) -> (T, usize) {
    let needles: Vec<_> = secrets.iter().flat_map(forms).collect();
    assert!(needles.len() <= 128, "a bit for each");
    FOUND.set(0);
    NEEDLES.set((needles.as_ptr(), needles.len()));
    let done = work();
    NEEDLES.set((core::ptr::null(), 0));
    let found = FOUND.get();
    if found != 0 {
        println!("found {found:b}, last in a block of {} bytes", BLOCK.get());
    }
    (done, found.count_ones() as usize)
}
