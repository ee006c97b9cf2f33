//! The time that the journal runs on: the wall's, but never backwards and without its leaps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trunkline_routing::{Span, Time};

/// The wall may run this far ahead before we follow it at once (the machine slept). A clock that was set right by less than that
/// must not end what rings, or is being joined, by a leap.
const FOLLOW: i64 = 120_000_000;
/// Where the wall is behind (it was set back) ours runs slower by one in this many, and where it is ahead, faster.
const SLOWER: i64 = 10;

/// A clock that starts no earlier than the journal's last entry.
#[derive(Debug)]
pub struct Clock {
    last: Time,
    read: Instant,
    /// By how much the wall was ahead then; less than nothing where it was behind.
    behind_wall: Span,
    /// What the time was before it followed the wall at once, until that is asked for.
    leapt: Option<Time>,
}

impl Clock {
    /// Starts at the wall's time, or at `last` where that is later.
    pub fn starting_behind(last: Time) -> Self {
        let wall = wall();
        let last = last.max(wall);
        Self {
            last,
            read: Instant::now(),
            behind_wall: wall - last,
            leapt: None,
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
        self.turn_to(read, wall());
        self.last
    }

    fn turn_to(&mut self, read: Instant, wall: Time) {
        let before = self.last;
        let (now, leaps) = step(before, read - self.read, wall);
        (self.last, self.read) = (now, read);
        self.behind_wall = wall - now;
        if leaps {
            let seconds = Duration::from_micros((now - before).0.unsigned_abs()).as_secs();
            tracing::warn!(
                seconds,
                "the clock leaps: the machine slept, or its time was set"
            );
            self.leapt = self.leapt.or(Some(before));
        }
    }

    /// What the wall shows when this clock shows so much. Telephony has the wall's time, as Asterisk does.
    pub fn on_the_wall(&self, at: Time) -> Time {
        at + self.behind_wall
    }

    /// What the time was before a leap that has not been asked for yet.
    pub fn take_leap(&mut self) -> Option<Time> {
        self.leapt.take()
    }
}

/// What comes after `last`, and whether by a leap.
fn step(last: Time, elapsed: Duration, wall: Time) -> (Time, bool) {
    let elapsed = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    let counted = Time(last.0.saturating_add(elapsed));
    let ahead = (wall - counted).0;
    let gently = (elapsed / SLOWER).min(ahead.abs());
    match ahead {
        FOLLOW.. => (wall, true),
        0.. => (Time(counted.0 + gently), false),
        _ => (Time(counted.0 - gently), false),
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
        assert_eq!(after, (Time(100 * SECOND + SECOND * 9 / 10), false));
    }

    #[test]
    fn a_machine_that_slept_wakes_to_the_right_time() {
        let after = step(Time(100 * SECOND), Duration::ZERO, Time(400 * SECOND));
        assert_eq!(after, (Time(400 * SECOND), true));
    }

    #[test]
    fn a_wall_clock_set_forward_by_less_than_two_minutes_leaps_over_no_ring() {
        let after = step(
            Time(100 * SECOND),
            Duration::from_secs(1),
            Time(131 * SECOND),
        );
        assert_eq!(after, (Time(101 * SECOND + SECOND / 10), false));
    }

    #[test]
    fn what_is_due_in_a_while_is_so_on_the_wall_too_however_far_ahead_that_runs() {
        let mut clock = Clock::starting_behind(Time(i64::MAX / 2));
        let (before, read) = (clock.last, clock.read);
        clock.turn_to(read, Time(before.0 + 60 * SECOND));
        let due = clock.last + Span::seconds(20);
        assert_eq!(clock.on_the_wall(due), Time(before.0 + 80 * SECOND));
        clock.turn_to(read, Time(before.0 - 60 * SECOND));
        assert_eq!(clock.on_the_wall(due), Time(before.0 - 40 * SECOND));
    }

    #[test]
    fn a_leap_is_told_once_with_the_time_before_it() {
        let mut clock = Clock::starting_behind(Time(i64::MAX / 2));
        let (before, read) = (clock.last, clock.read);
        clock.turn_to(read, before);
        assert_eq!(clock.take_leap(), None);
        clock.turn_to(read, Time(before.0 + 600 * SECOND));
        clock.turn_to(read, Time(before.0 + 600 * SECOND));
        assert_eq!(clock.take_leap(), Some(before));
        assert_eq!(clock.take_leap(), None);
    }

    #[test]
    fn a_small_difference_is_made_up_gently_and_not_overshot() {
        let ahead = Time(101 * SECOND + SECOND / 100);
        assert_eq!(
            step(Time(100 * SECOND), Duration::from_secs(1), ahead),
            (ahead, false)
        );
        let behind = Time(101 * SECOND - SECOND / 100);
        assert_eq!(
            step(Time(100 * SECOND), Duration::from_secs(1), behind),
            (behind, false)
        );
    }
}
