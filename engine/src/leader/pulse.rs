//! Whether the leader lives, as those see it who share its journal: pure rules over what is read.

use std::time::{Duration, Instant};

use crate::journal::Leadership;

/// A leader gives a sign of life this often.
pub const BEAT: Duration = Duration::from_millis(250);
/// A standby looks this often.
pub const LOOK: Duration = Duration::from_millis(200);
/// Without a sign of life for this long it is thought frozen, or cut off.
const FROZEN: Duration = Duration::from_millis(1500);
/// Without its session for this long it is dead: one that was only cut off has another by then.
const DEAD: Duration = Duration::from_millis(300);
/// A look that took longer tells of the database, not of the leader: it may have kept the leader
/// waiting too.
const SLOW: Duration = Duration::from_millis(500);

/// What is seen of the leader by its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It lives, as far as can be seen.
    Lives,
    /// It has given no sign of life for a while.
    Frozen,
    /// The session under which it writes is gone, or nobody has ever led.
    Gone,
}

/// Follows the leader's signs of life, by our own clock.
#[derive(Debug, Default)]
pub struct Pulse {
    last: Option<Leadership>,
    /// Since when no sign of life came, the database being there all along.
    still_since: Option<Instant>,
    unheld_since: Option<Instant>,
}

impl Pulse {
    /// Takes a look in, which was asked for at `asked` and answered at `answered`.
    pub fn saw(&mut self, seen: Leadership, asked: Instant, answered: Instant) -> Sign {
        let slow = answered - asked >= SLOW;
        let news = |last: &Leadership| (last.epoch, last.beat) != (seen.epoch, seen.beat);
        if slow || self.last.as_ref().is_none_or(news) {
            self.still_since = Some(answered);
        }
        if seen.held || slow {
            self.unheld_since = None;
        } else {
            self.unheld_since.get_or_insert(answered);
        }
        let nobody_ever = seen.epoch.0 == 0;
        self.last = Some(seen);
        let for_long =
            |since: Option<Instant>, long| since.is_some_and(|since| answered - since >= long);
        if nobody_ever || for_long(self.unheld_since, DEAD) {
            Sign::Gone
        } else if for_long(self.still_since, FROZEN) {
            Sign::Frozen
        } else {
            Sign::Lives
        }
    }

    /// The database did not answer: nothing that was seen before counts.
    pub fn blind(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Epoch, Seq};

    const STEP: Duration = Duration::from_millis(100);

    fn seen(beat: u64, held: bool) -> Leadership {
        Leadership {
            epoch: Epoch(3),
            holder: "a".into(),
            beat,
            held,
            snapshot: Seq(0),
        }
    }

    /// Looks each tenth of a second; the signs.
    fn follow(looks: impl IntoIterator<Item = (u64, bool)>) -> Vec<Sign> {
        let mut pulse = Pulse::default();
        let mut now = Instant::now();
        let looks = looks.into_iter().map(|(beat, held)| {
            now += STEP;
            pulse.saw(seen(beat, held), now, now)
        });
        looks.collect()
    }

    #[test]
    fn a_leader_that_beats_lives_and_one_that_stops_is_frozen_after_a_second_and_a_half() {
        assert!(
            follow((0..100).map(|n| (n / 5, true)))
                .iter()
                .all(|s| *s == Sign::Lives)
        );
        let signs = follow((0..20).map(|_| (7, true)));
        assert_eq!(signs.iter().position(|s| *s == Sign::Frozen), Some(15));
    }

    #[test]
    fn a_session_that_is_gone_is_a_death_and_one_that_comes_back_in_time_is_none() {
        let signs = follow((0..8).map(|n| (1, n < 2)));
        assert_eq!(signs.iter().position(|s| *s == Sign::Gone), Some(5));
        let signs = follow((0..10).map(|n| (n, n != 4 && n != 5)));
        assert!(signs.iter().all(|s| *s == Sign::Lives), "{signs:?}");
    }

    #[test]
    fn nobody_is_blamed_for_a_database_that_stood_still() {
        let mut pulse = Pulse::default();
        let now = Instant::now();
        assert_eq!(pulse.saw(seen(1, true), now, now), Sign::Lives);
        let later = now + Duration::from_secs(5);
        assert_eq!(pulse.saw(seen(1, true), now + STEP, later), Sign::Lives);
        assert_eq!(
            pulse.saw(seen(1, true), later + STEP, later + STEP),
            Sign::Lives
        );
        pulse.blind();
        let later = later + Duration::from_secs(5);
        assert_eq!(pulse.saw(seen(1, true), later, later), Sign::Lives);
    }

    #[test]
    fn a_journal_that_nobody_ever_led_is_anybodys() {
        let now = Instant::now();
        let mut new = seen(0, false);
        new.epoch = Epoch(0);
        assert_eq!(Pulse::default().saw(new, now, now), Sign::Gone);
    }
}
