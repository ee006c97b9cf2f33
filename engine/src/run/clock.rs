//! The time that the journal runs on: the wall's, but never backwards and without its leaps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trunkline_routing::Time;

/// The wall may run this far ahead before we follow it at once (the machine slept).
const FOLLOW: i64 = 2_000_000;
/// Where the wall is behind (it was set back), ours runs slower by one in this many.
const SLOWER: i64 = 10;

/// A clock that starts no earlier than the journal's last entry.
#[derive(Debug)]
pub struct Clock {
    last: Time,
    read: Instant,
}

impl Clock {
    /// Starts at the wall's time, or at `last` where that is later.
    pub fn starting_behind(last: Time) -> Self {
        Self {
            last: last.max(wall()),
            read: Instant::now(),
        }
    }

    /// What the time was at a moment, not long ago.
    pub fn at(&self, moment: Instant) -> Time {
        let ago = self.read.saturating_duration_since(moment).as_micros();
        Time(self.last.0 - i64::try_from(ago).unwrap_or(0))
    }

    /// Now.
    pub fn now(&mut self) -> Time {
        let read = Instant::now();
        self.last = step(self.last, read - self.read, wall());
        self.read = read;
        self.last
    }
}

fn step(last: Time, elapsed: Duration, wall: Time) -> Time {
    let elapsed = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    let counted = Time(last.0.saturating_add(elapsed));
    let ahead = (wall - counted).0;
    if ahead > FOLLOW {
        wall
    } else if ahead < 0 {
        Time(counted.0 - (elapsed / SLOWER).min(-ahead))
    } else {
        Time(counted.0 + (elapsed / SLOWER).min(ahead))
    }
}

fn wall() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_wall_clock_set_back_slows_ours_and_never_turns_it() {
        let after = step(Time(100 * SECOND), Duration::from_secs(1), Time(0));
        assert_eq!(after, Time(100 * SECOND + SECOND * 9 / 10));
    }

    #[test]
    fn a_machine_that_slept_wakes_to_the_right_time() {
        let after = step(Time(100 * SECOND), Duration::ZERO, Time(400 * SECOND));
        assert_eq!(after, Time(400 * SECOND));
    }

    #[test]
    fn a_small_difference_is_made_up_gently_and_not_overshot() {
        let ahead = Time(101 * SECOND + SECOND / 100);
        assert_eq!(
            step(Time(100 * SECOND), Duration::from_secs(1), ahead),
            ahead
        );
        let behind = Time(101 * SECOND - SECOND / 100);
        assert_eq!(
            step(Time(100 * SECOND), Duration::from_secs(1), behind),
            behind
        );
    }
}
