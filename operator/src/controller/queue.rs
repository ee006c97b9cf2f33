//! Which tenant is next: sans-I/O, the clock is an argument.
//!
//! The first change of a quiet tenant is looked at once; further ones within the debounce
//! become one more look. A tenant is never in two hands. One that fails backs off alone, and
//! starts afresh when it succeeds.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Between two looks at a tenant, but for the first after a quiet time.
pub const DEBOUNCE: Duration = Duration::from_millis(500);
/// After a first failure.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// After many.
const BACKOFF_MOST: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct Entry {
    running: bool,
    /// When it is due; `None`: nothing is asked.
    due: Option<Instant>,
    /// Asked for while it was running.
    again: bool,
    last_start: Option<Instant>,
    failures: u32,
}

/// The queue.
#[derive(Debug)]
pub struct Queue<K> {
    entries: HashMap<K, Entry>,
    due: BTreeSet<(Instant, K)>,
}

impl<K: Clone + Eq + Hash + Ord> Default for Queue<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            due: BTreeSet::new(),
        }
    }
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well; look again at that time, if at all.
    Well(Option<Instant>),
    /// It has to be tried again.
    Failed,
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    /// Something has changed for `key`.
    pub fn ask(&mut self, key: K, now: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        if entry.running {
            entry.again = true;
            return;
        }
        // A change may be what was waited for, so it isn't held back by failures before it;
        // only by the debounce.
        let at = entry
            .last_start
            .map_or(now, |start| now.max(start + DEBOUNCE));
        schedule(&mut self.due, entry, key, at);
    }

    /// The next one that is due, taken in hand.
    pub fn next(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.due.first()?.clone();
        if at > now {
            return None;
        }
        self.due.remove(&(at, key.clone()));
        let entry = self.entries.entry(key.clone()).or_default();
        entry.due = None;
        entry.running = true;
        entry.last_start = Some(now);
        Some(key)
    }

    /// When the next one is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.due.len()
    }

    /// It is out of hand again.
    pub fn done(&mut self, key: &K, ended: Ended, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.running = false;
        let asked_again = std::mem::take(&mut entry.again);
        let mut at = match ended {
            Ended::Well(at) => {
                entry.failures = 0;
                at
            }
            Ended::Failed => {
                entry.failures = entry.failures.saturating_add(1);
                Some(now + backoff(entry.failures))
            }
        };
        if asked_again {
            let debounced = entry.last_start.map_or(now, |s| now.max(s + DEBOUNCE));
            // While it fails, its own noise (its Events, its half-made children) must not spin it.
            let soonest = match ended {
                Ended::Well(_) => debounced,
                Ended::Failed => now + backoff(entry.failures).min(Duration::from_secs(5)),
            };
            at = Some(at.map_or(soonest, |at| at.min(soonest)));
        }
        match at {
            Some(at) => schedule(&mut self.due, entry, key.clone(), at),
            None => entry.due = None,
        }
    }

    /// Drops what is known of a key that is gone.
    pub fn forget(&mut self, key: &K) {
        let idle = self
            .entries
            .get(key)
            .is_some_and(|entry| !entry.running && entry.due.is_none());
        if idle {
            self.entries.remove(key);
        }
    }
}

fn schedule<K: Ord + Clone>(
    due: &mut BTreeSet<(Instant, K)>,
    entry: &mut Entry,
    key: K,
    at: Instant,
) {
    if let Some(before) = entry.due {
        if before <= at {
            return;
        }
        due.remove(&(before, key.clone()));
    }
    entry.due = Some(at);
    due.insert((at, key));
}

/// 1 s, doubled with each failure, to 300 s.
fn backoff(failures: u32) -> Duration {
    BACKOFF_FIRST
        .saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        )
        .min(BACKOFF_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_change_is_looked_at_once_and_a_burst_becomes_one_more_look() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.ask("a", start);
        assert_eq!(queue.next(start), Some("a"));
        queue.done(&"a", Ended::Well(None), start + 10 * MS);
        for at in [20, 30, 40] {
            queue.ask("a", start + at * MS);
        }
        assert_eq!(queue.next(start + 499 * MS), None);
        assert_eq!(queue.next(start + 500 * MS), Some("a"));
        queue.done(&"a", Ended::Well(None), start + 510 * MS);
        assert_eq!(queue.next_deadline(), None);
    }

    #[test]
    fn a_key_is_never_in_two_hands_and_a_change_meanwhile_is_not_lost() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.ask("a", start);
        assert_eq!(queue.next(start), Some("a"));
        queue.ask("a", start + MS);
        assert_eq!(queue.next(start + 2 * DEBOUNCE), None);
        queue.done(&"a", Ended::Well(None), start + 3 * DEBOUNCE);
        assert_eq!(queue.next(start + 3 * DEBOUNCE), Some("a"));
    }

    #[test]
    fn a_failing_key_backs_off_alone_and_starts_afresh_after_a_success() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let mut now = start;
        queue.ask("bad", now);
        let mut gaps = Vec::new();
        for _ in 0..12 {
            assert_eq!(queue.next(now), Some("bad"));
            queue.done(&"bad", Ended::Failed, now);
            let next = queue.next_deadline().unwrap();
            gaps.push((next - now).as_secs());
            queue.ask("good", now);
            assert_eq!(queue.next(now), Some("good"), "not held up by the other");
            queue.done(&"good", Ended::Well(None), now);
            now = next;
        }
        assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(queue.next(now), Some("bad"));
        queue.done(&"bad", Ended::Well(None), now);
        queue.ask("bad", now + DEBOUNCE);
        assert_eq!(queue.next(now + DEBOUNCE), Some("bad"));
        queue.done(&"bad", Ended::Failed, now + DEBOUNCE);
        assert_eq!(queue.next_deadline(), Some(now + DEBOUNCE + BACKOFF_FIRST));
    }

    #[test]
    fn a_failing_keys_own_noise_does_not_spin_it() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let mut now = start;
        queue.ask("bad", now);
        let mut looks = 0;
        while now < start + Duration::from_secs(60) {
            if queue.next(now).is_some() {
                looks += 1;
                queue.ask("bad", now);
                queue.done(&"bad", Ended::Failed, now);
            }
            now += 100 * MS;
        }
        assert!(looks < 20, "{looks} looks in a minute");
    }

    #[test]
    fn a_later_look_gives_way_to_a_change() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.ask("a", start);
        queue.next(start);
        queue.done(&"a", Ended::Well(Some(start + 600 * DEBOUNCE)), start);
        assert_eq!(queue.waiting(), 1);
        queue.ask("a", start + 2 * DEBOUNCE);
        assert_eq!(queue.next(start + 2 * DEBOUNCE), Some("a"));
    }
}
