//! Whether the main loop turns.
//!
//! A loop that hangs, in a step that never ends or behind a lock that is never let go, leaves everything else of the
//! process as it was: the API listens, signs of life are given, the media servers' sockets stay open. Nobody would take
//! over from it, and no caller would be asked for again. So a thread of its own, which waits for nothing that the loop may
//! hold, counts its looks at a loop that has not turned.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Between two looks; the loop turns at least as often.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// So many looks at the same turn are a loop that hangs. Looks and no clock: a process that was paused, or is given no
/// time, has not looked either.
pub(super) const LOOKS: u32 = 15;

/// The turns of a main loop.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: AtomicU64,
    waits: AtomicBool,
}

impl Turns {
    /// The loop goes on to what comes next.
    pub(super) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for the journal, which may take any time: the store stalls then, not the loop.
    pub(super) async fn waiting<T>(&self, journal: impl Future<Output = T>) -> T {
        self.waits.store(true, Ordering::Relaxed);
        let done = journal.await;
        self.waits.store(false, Ordering::Relaxed);
        self.turn();
        done
    }
}

/// Begins to look at a loop's turns, from a thread of its own, for as long as there is the loop. Where so many looks see no turn, it
/// says so, once, and looks no more.
///
/// # Errors
/// Where no thread can be made.
pub(super) fn watch(
    turns: &Arc<Turns>,
    look: Duration,
    looks: u32,
    hangs: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let turns = Arc::downgrade(turns);
    let watch = move || {
        let (mut last, mut seen) = (None, 0);
        loop {
            std::thread::sleep(look);
            let Some(turns) = turns.upgrade() else {
                return;
            };
            let now = turns.turns.load(Ordering::Relaxed);
            let stands = last == Some(now) && !turns.waits.load(Ordering::Relaxed);
            seen = if stands { seen + 1 } else { 0 };
            last = Some(now);
            if seen >= looks {
                hangs();
                return;
            }
        }
    };
    let named = std::thread::Builder::new().name("watchdog".into());
    named.spawn(watch).map(drop)
}
