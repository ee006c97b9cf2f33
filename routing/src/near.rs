//! Memory that is wanted soon.

/// A line of the caches, in bytes.
const LINE: usize = 64;

/// Begins to bring a thing near, and goes on meanwhile: of a hundred thousand contacts or agents most are in no
/// cache, and their turn is known well before it comes. A hint, which changes nothing but the time things take;
/// nothing on other processors than x86-64.
#[inline]
pub(crate) fn fetch<T>(thing: &T) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..size_of::<T>() + LINE - 1).step_by(LINE) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let last = size_of::<T>().saturating_sub(1);
        let line = std::ptr::from_ref(thing)
            .cast::<i8>()
            .wrapping_add(at.min(last));
        #[expect(unsafe_code, reason = "there is no safe prefetch in stable Rust")]
        // SAFETY: it reads nothing, and any address will do.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (thing, LINE);
}
