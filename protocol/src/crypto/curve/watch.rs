//! For tests: which scalars go through code whose time depends on them. All of it begins by halving the scalar.

use core::cell::RefCell;

use super::Scalar;

thread_local! {
    static SEEN: RefCell<Option<Vec<Scalar>>> = const { RefCell::new(None) };
}

pub(super) fn saw(scalar: Scalar) {
    SEEN.with_borrow_mut(|seen| seen.iter_mut().for_each(|seen| seen.push(scalar)));
}

/// What `work` returns, and every scalar that this thread put through such code.
pub(crate) fn watched<T>(work: impl FnOnce() -> T) -> (T, Vec<Scalar>) {
    SEEN.set(Some(Vec::new()));
    let done = work();
    (done, SEEN.take().unwrap_or_default())
}
