//! need(t): as many agents as make it sure enough that one who calls when a pod asked for now
//! serves is answered in time. What is there now and the modified offered load say how many
//! contacts there will be then, and how far off that may be; Erlang A is the floor.
//!
//! Whatever is started now serves only after the start-up, so that is where the need is looked
//! at; and nothing is stopped that the hold after it will want again, which is what keeps
//! changes few. Going down needs a surplus wider than the noise of one decision.

use std::fmt;

use super::outlook::{Level, Outlook};
use crate::erlang::{Bounds, Callers, Formula, Horizons, LARGEST, Queue, SMALLEST, least_agents};
use crate::forecast::quantile;

/// What the tenant's documents say, fixed from tick to tick. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// From asking for a pod until it takes contacts.
    pub start_up: f64,
    /// Between two decisions: what the next one asks for serves so much later.
    pub tick: f64,
    /// How far beyond the start-up to look before a pod is stopped; another start-up at least, for
    /// whatever is started again costs one.
    pub hold: f64,
    /// Mean handling time.
    pub aht: f64,
    /// Mean patience; infinite for callers who never hang up.
    pub patience: f64,
    /// Formula, share and time of the service level.
    pub service_level: (Formula, f64, f64),
    /// An abandonment within it is short, and left out by [`Formula::ExcludeShortAbandons`].
    pub short_abandon: f64,
    /// The service level is judged over intervals of this length, in seconds.
    pub judged_over: f64,
    /// In standard deviations of the contacts there will be: by so much surer than the aim itself
    /// a moment is to go well, for it lasts, and the interval has few of its like.
    pub surety: f64,
    /// Contacts a pod takes at once.
    pub contacts_per_pod: u32,
    /// Pods at least.
    pub least: u32,
    /// Pods at most: the spec's bound or what the budget pays for.
    pub most: u32,
    /// Pods of surplus before any is taken away, as a share of those running.
    pub slack: f64,
}

impl Default for Settings {
    /// What the bench fixed on days before those that it is judged on (`bench/capacity/`), for one
    /// contact a pod; a start-up, bounds and callers are the documents' to say.
    fn default() -> Self {
        Self {
            start_up: 0.0,
            tick: 15.0,
            hold: 140.0,
            aht: 180.0,
            patience: f64::INFINITY,
            service_level: (Formula::AllOffered, 0.8, 20.0),
            short_abandon: 5.0,
            judged_over: 1_800.0,
            surety: 0.7,
            contacts_per_pod: 1,
            least: 0,
            most: u32::MAX,
            slack: 0.1,
        }
    }
}

/// What is seen now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// In the outlook's seconds.
    pub now: f64,
    /// Pods that take contacts.
    pub ready: u32,
    /// Pods that will.
    pub starting: u32,
    /// Contacts in progress.
    pub in_progress: u32,
    /// Contacts that wait.
    pub waiting: u32,
    /// Arrivals seen since `seen_since`.
    pub seen: f64,
    /// From when they were counted.
    pub seen_since: f64,
    /// When the interval began that is judged.
    pub judged_since: f64,
    /// Arrivals seen in it.
    pub judged: f64,
    /// Of those, answered late or never.
    pub missed: f64,
}

/// How many pods there should be, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Pods, starting ones included.
    pub pods: u32,
    /// For the Event and the status.
    pub reason: Reason,
}

/// Why a decision is what it is; prints as a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// The load to come wants more.
    LoadAhead {
        /// Erlangs looked for.
        load: f64,
        /// Agents that they need.
        agents: u64,
    },
    /// What waits wants more than the load to come.
    Backlog {
        /// Contacts that wait.
        waiting: u32,
        /// Agents to clear them.
        agents: u64,
    },
    /// The rest of an interval has to make up for what was missed of it.
    Behind {
        /// Contacts answered late or never.
        missed: u64,
        /// Of so many.
        seen: u64,
        /// Agents for the rest.
        agents: u64,
    },
    /// Fewer would do for the whole hold.
    Surplus {
        /// Pods that would.
        needed: u32,
    },
    /// As it should be, or not off by more than the slack.
    Steady {
        /// Pods needed.
        needed: u32,
    },
    /// The upper bound is in the way.
    AtMost {
        /// Pods needed.
        needed: u32,
    },
    /// The lower bound holds it up.
    AtLeast {
        /// Pods needed.
        needed: u32,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::LoadAhead { load, agents } => {
                write!(f, "{load:.1} erlangs ahead need {agents} agents")
            }
            Reason::Backlog { waiting, agents } => write!(
                f,
                "{waiting} contacts wait; with the load to come they need {agents} agents"
            ),
            Reason::Behind {
                missed,
                seen,
                agents,
            } => write!(
                f,
                "{missed} of {seen} contacts were answered late or never; to make up for them the rest needs {agents} agents"
            ),
            Reason::Surplus { needed } => {
                write!(f, "{needed} pods would do for as long as can be foreseen")
            }
            Reason::Steady { needed } => {
                write!(
                    f,
                    "{needed} pods are needed, near enough to those there are"
                )
            }
            Reason::AtMost { needed } => {
                write!(f, "{needed} pods are needed, more than the bound allows")
            }
            Reason::AtLeast { needed } => {
                write!(f, "{needed} pods are needed, fewer than the bound keeps")
            }
        }
    }
}

/// What cannot be decided on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// A number out of range.
    #[error("{field} is {value}; it must be {needs}")]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// A lower bound above the upper.
    #[error("at least {least} pods and at most {most} cannot both hold")]
    BoundsCross {
        /// Lower bound.
        least: u32,
        /// Upper bound.
        most: u32,
    },
}

/// Decides for this tick.
///
/// # Errors
/// If the settings, outlook or sight hold what is no time, rate or share.
pub fn decide(
    settings: &Settings,
    outlook: &Outlook,
    sight: &Sight,
) -> Result<Decision, PolicyError> {
    check(settings, outlook, sight)?;
    let expected = outlook.expected(sight.seen_since, sight.now);
    let moment = Moment {
        settings,
        outlook,
        sight,
        level: Level {
            factor: outlook.correction(sight.seen, expected),
            doubt: outlook.doubt(sight.seen),
        },
    };
    let serves = sight.now + settings.start_up;
    let first = moment.need(serves, sight.waiting);
    // Chance apart, never fewer than the formula asks for.
    let steady = agents_for(settings, first.load);
    let next = |waiting| moment.need(serves + settings.tick, waiting).agents;
    let first_agents = first.agents.max(next(sight.waiting)).max(steady);
    // A pod stopped now is missed from now on, not from when another would serve.
    let held_agents = outlook
        .changes(sight.now, serves + settings.hold.max(settings.start_up))
        .into_iter()
        .map(|at| moment.need(at, sight.waiting).agents)
        .fold(first_agents, u64::max);
    let pods = |agents: u64| {
        let pods = agents.div_ceil(u64::from(settings.contacts_per_pod));
        u32::try_from(pods).unwrap_or(u32::MAX)
    };
    let (_, share, _) = settings.service_level;
    let without = || moment.need(serves, 0).agents.max(next(0)).max(steady);
    let why_more = if first.aim > share {
        Reason::Behind {
            missed: sight.missed as u64,
            seen: sight.judged as u64,
            agents: first_agents,
        }
    } else if sight.waiting > 0 && without() < first_agents {
        Reason::Backlog {
            waiting: sight.waiting,
            agents: first_agents,
        }
    } else {
        Reason::LoadAhead {
            load: first.load,
            agents: first_agents,
        }
    };
    Ok(settle(
        settings,
        sight,
        (pods(first_agents), pods(held_agents)),
        why_more,
    ))
}

/// Everything that a need is made of.
struct Moment<'a> {
    settings: &'a Settings,
    outlook: &'a Outlook,
    sight: &'a Sight,
    level: Level,
}

struct Need {
    /// In erlangs, on average.
    load: f64,
    aim: f64,
    agents: u64,
}

impl Moment<'_> {
    /// What is needed at a time to come, so that one who calls then is surely enough answered
    /// in time: with as many agents as contacts they are at once, and n agents end n·T/AHT
    /// contacts within T.
    fn need(&self, at: f64, waiting: u32) -> Need {
        let (settings, sight) = (self.settings, self.sight);
        let (_, _, within) = settings.service_level;
        let there = f64::from(sight.in_progress) + f64::from(waiting);
        let ahead = self
            .outlook
            .ahead(sight.now, at, there, settings.aht, self.level);
        let aim = self.aim(at);
        let sure = quantile(aim) + settings.surety;
        let most = ahead.mean + sure * ahead.variance.sqrt();
        let agents = (most / (1.0 + within / settings.aht)).round();
        Need {
            load: ahead.mean,
            aim,
            agents: agents.max(0.0) as u64,
        }
    }

    /// The share to aim at: the one asked; in the interval that runs, what its rest has to reach
    /// for the whole to reach it. What can't be reached any more is not chased.
    fn aim(&self, at: f64) -> f64 {
        let (settings, sight) = (self.settings, self.sight);
        let (_, share, _) = settings.service_level;
        let ends = sight.judged_since + settings.judged_over;
        let to_come = self.level.factor * self.outlook.expected(sight.now, ends);
        let may_miss = (1.0 - share) * (sight.judged + to_come) - sight.missed;
        if at >= ends || to_come < 1.0 || may_miss < 0.0 {
            return share;
        }
        (1.0 - may_miss / to_come).clamp(share, highest(share))
    }
}

/// Nine tenths of the way to all: what no number of agents reaches is no aim.
fn highest(share: f64) -> f64 {
    share + 0.9 * (1.0 - share)
}

/// Bounds and hysteresis.
fn settle(
    settings: &Settings,
    sight: &Sight,
    (needed, held): (u32, u32),
    why_more: Reason,
) -> Decision {
    let there = sight.ready.saturating_add(sight.starting);
    let within = |pods: u32| pods.clamp(settings.least, settings.most);
    let slack = (settings.slack * f64::from(there)).ceil() as u32;
    // Bounds hold at once, the slack only between them.
    let there_within = within(there);
    let (pods, reason) = if within(needed) > there_within {
        (within(needed), why_more)
    } else if there_within - within(held).min(there_within) > slack {
        (within(held), Reason::Surplus { needed: held })
    } else {
        (there_within, Reason::Steady { needed })
    };
    let reason = if needed > settings.most {
        Reason::AtMost { needed }
    } else if pods == settings.least && needed < settings.least {
        Reason::AtLeast { needed }
    } else {
        reason
    };
    Decision { pods, reason }
}

/// The least agents that keep the service level at a load in the long run; none for next to no
/// load.
fn agents_for(settings: &Settings, load: f64) -> u64 {
    if load < SMALLEST {
        return 0;
    }
    let (formula, share, within) = settings.service_level;
    let queue = Queue {
        load: load.min(LARGEST).into(),
        aht: settings.aht,
        callers: if settings.patience.is_finite() {
            Callers::Impatient(settings.patience)
        } else {
            Callers::Patient
        },
    };
    let bounds = Bounds {
        service_level: Some((formula, share)),
        ..Bounds::default()
    };
    let horizons = Horizons {
        within: Some(within),
        short: Some(settings.short_abandon),
    };
    // The settings are checked; what no number reaches asks for all there can be.
    least_agents(&queue, 0.0, &bounds, horizons).unwrap_or(u64::MAX)
}

fn check(settings: &Settings, outlook: &Outlook, sight: &Sight) -> Result<(), PolicyError> {
    const POSITIVE: &str = "above zero and finite";
    const NOT_NEGATIVE: &str = "zero or more, and finite";
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let not_negative = |value: f64| value >= 0.0 && value.is_finite();
    let (_, share, within) = settings.service_level;
    let worst_rate = outlook
        .rates
        .iter()
        .copied()
        .find(|&rate| !not_negative(rate))
        .unwrap_or(0.0);
    let seen_for = sight.now - sight.seen_since;
    let checks = [
        (
            "start_up",
            settings.start_up,
            not_negative(settings.start_up),
            NOT_NEGATIVE,
        ),
        (
            "tick",
            settings.tick,
            not_negative(settings.tick),
            NOT_NEGATIVE,
        ),
        (
            "hold",
            settings.hold,
            not_negative(settings.hold),
            NOT_NEGATIVE,
        ),
        ("aht", settings.aht, positive(settings.aht), POSITIVE),
        (
            "patience",
            settings.patience,
            settings.patience > 0.0,
            "above zero",
        ),
        (
            "service_level",
            share,
            share > 0.0 && share < 1.0,
            "between 0 and 1, both excluded",
        ),
        ("within", within, not_negative(within), NOT_NEGATIVE),
        (
            "short_abandon",
            settings.short_abandon,
            not_negative(settings.short_abandon),
            NOT_NEGATIVE,
        ),
        (
            "judged_over",
            settings.judged_over,
            positive(settings.judged_over),
            POSITIVE,
        ),
        (
            "surety",
            settings.surety,
            not_negative(settings.surety),
            NOT_NEGATIVE,
        ),
        (
            "slack",
            settings.slack,
            not_negative(settings.slack),
            NOT_NEGATIVE,
        ),
        (
            "contacts_per_pod",
            f64::from(settings.contacts_per_pod),
            settings.contacts_per_pod > 0,
            "at least 1",
        ),
        (
            "interval",
            outlook.interval,
            positive(outlook.interval),
            POSITIVE,
        ),
        ("rates", worst_rate, not_negative(worst_rate), NOT_NEGATIVE),
        (
            "level_cv",
            outlook.level_cv,
            not_negative(outlook.level_cv),
            NOT_NEGATIVE,
        ),
        ("seen", sight.seen, not_negative(sight.seen), NOT_NEGATIVE),
        (
            "judged",
            sight.judged,
            not_negative(sight.judged),
            NOT_NEGATIVE,
        ),
        (
            "judged_since",
            sight.judged_since,
            sight.judged_since.is_finite(),
            "finite",
        ),
        (
            "missed",
            sight.missed,
            not_negative(sight.missed),
            NOT_NEGATIVE,
        ),
        (
            "now − seen_since",
            seen_for,
            not_negative(seen_for),
            NOT_NEGATIVE,
        ),
        ("start", outlook.start, outlook.start.is_finite(), "finite"),
    ];
    for (field, value, fits, needs) in checks {
        if !fits {
            return Err(PolicyError::OutOfRange {
                field,
                value,
                needs,
            });
        }
    }
    if settings.least > settings.most {
        return Err(PolicyError::BoundsCross {
            least: settings.least,
            most: settings.most,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Random;

    fn settings() -> Settings {
        Settings {
            start_up: 120.0,
            tick: 15.0,
            hold: 300.0,
            aht: 240.0,
            patience: 120.0,
            service_level: (Formula::AllOffered, 0.8, 20.0),
            short_abandon: 5.0,
            judged_over: 1_800.0,
            surety: 0.5,
            contacts_per_pod: 1,
            least: 0,
            most: 500,
            slack: 0.02,
        }
    }

    fn outlook(erlangs: &[f64]) -> Outlook {
        Outlook {
            rates: erlangs.iter().map(|load| load / 240.0).collect(),
            interval: 1_800.0,
            start: 0.0,
            level_cv: 0.063,
            dispersion: 1.39,
        }
    }

    /// Everything as forecast, `pods` ready.
    fn sight(outlook: &Outlook, now: f64, load: f64, pods: u32) -> Sight {
        Sight {
            now,
            ready: pods,
            starting: 0,
            in_progress: load as u32,
            waiting: 0,
            seen: outlook.expected(0.0, now),
            seen_since: 0.0,
            judged_since: 0.0,
            judged: outlook.expected(0.0, now),
            missed: 0.0,
        }
    }

    #[test]
    fn pods_are_asked_for_before_the_peak_by_the_time_they_take_to_start() {
        let outlook = outlook(&[20.0, 60.0]);
        let at = |now| decide(&settings(), &outlook, &sight(&outlook, now, 20.0, 24)).unwrap();
        let (early, ahead) = (at(1_000.0), at(1_790.0));
        assert_eq!(early.pods, 24, "{}", early.reason);
        assert!(ahead.pods > 30, "{}", ahead.reason);
        assert!(ahead.reason.to_string().contains("erlangs ahead need"));
    }

    #[test]
    fn a_small_site_keeps_more_for_its_size_and_so_does_a_slow_start() {
        let pods = |load: f64, start_up: f64| {
            let outlook = outlook(&[load]);
            let settings = Settings {
                start_up,
                ..settings()
            };
            let decision = decide(&settings, &outlook, &sight(&outlook, 0.0, load, 0)).unwrap();
            f64::from(decision.pods)
        };
        assert!(pods(7.0, 120.0) / 7.0 > pods(100.0, 120.0) / 100.0);
        assert!(pods(56.0, 30.0) < pods(56.0, 120.0) && pods(56.0, 120.0) < pods(56.0, 300.0));
    }

    #[test]
    fn what_was_missed_is_made_up_for_while_it_can_be() {
        let outlook = outlook(&[40.0]);
        let quick = Settings {
            start_up: 30.0,
            ..settings()
        };
        let after = |missed| {
            let seen = Sight {
                missed,
                ..sight(&outlook, 900.0, 40.0, 0)
            };
            decide(&quick, &outlook, &seen).unwrap()
        };
        // Of 300 contacts 60 may be missed.
        let (well, behind, lost) = (after(0.0), after(50.0), after(70.0));
        assert!(well.pods < behind.pods, "{}", behind.reason);
        let said = behind.reason.to_string();
        assert!(said.starts_with("50 of 150 contacts"), "{said}");
        assert!(lost.pods < behind.pods, "{}", lost.reason);
    }

    #[test]
    fn before_the_load_falls_nothing_is_stopped_that_serves_it() {
        let outlook = outlook(&[60.0, 20.0]);
        let slow = Settings {
            start_up: 600.0,
            ..settings()
        };
        let at = |now| decide(&slow, &outlook, &sight(&outlook, now, 60.0, 66)).unwrap();
        let before = at(1_600.0);
        assert_eq!(before.pods, 66, "{}", before.reason);
        assert!(at(2_300.0).pods < 66);
    }

    #[test]
    fn starting_pods_count() {
        let outlook = outlook(&[40.0]);
        let mut seen = sight(&outlook, 600.0, 40.0, 20);
        let first = decide(&settings(), &outlook, &seen).unwrap().pods;
        seen.starting = first - 20;
        let then = decide(&settings(), &outlook, &seen).unwrap();
        assert_eq!(then.pods, first);
        assert!(matches!(then.reason, Reason::Steady { .. }));
    }

    #[test]
    fn what_waits_is_cleared() {
        let outlook = outlook(&[40.0]);
        let mut seen = sight(&outlook, 600.0, 40.0, 44);
        seen.waiting = 20;
        let decision = decide(&settings(), &outlook, &seen).unwrap();
        assert!(decision.pods > 50, "{}", decision.reason);
        assert!(matches!(
            decision.reason,
            Reason::Backlog { waiting: 20, .. }
        ));
    }

    #[test]
    fn a_busier_day_than_forecast_is_believed_as_it_goes_on() {
        let outlook = outlook(&[40.0; 20]);
        // What is there now says little of that far ahead.
        let slow = Settings {
            start_up: 900.0,
            ..settings()
        };
        let after = |hours: f64| {
            let mut seen = sight(&outlook, hours * 3_600.0, 40.0, 40);
            seen.seen *= 1.2;
            decide(&slow, &outlook, &seen).unwrap().pods
        };
        assert!(after(0.1) < after(2.0) && after(2.0) < after(8.0));
    }

    #[test]
    fn bounds_hold_and_are_said() {
        let outlook = outlook(&[40.0]);
        let seen = sight(&outlook, 600.0, 40.0, 10);
        let tight = Settings {
            most: 12,
            ..settings()
        };
        let decision = decide(&tight, &outlook, &seen).unwrap();
        assert_eq!(decision.pods, 12);
        assert!(matches!(decision.reason, Reason::AtMost { .. }));
        let wide = Settings {
            least: 90,
            ..settings()
        };
        let decision = decide(&wide, &outlook, &seen).unwrap();
        assert_eq!(decision.pods, 90);
        assert!(matches!(decision.reason, Reason::AtLeast { .. }));
    }

    #[test]
    fn a_quiet_night_needs_no_pod_at_all() {
        let outlook = outlook(&[0.0]);
        let seen = sight(&outlook, 600.0, 0.0, 3);
        assert_eq!(decide(&settings(), &outlook, &seen).unwrap().pods, 0);
    }

    #[test]
    fn a_day_of_noise_makes_few_changes() {
        let profile: Vec<f64> = (0..28)
            .map(|t| 56.0 * (-((f64::from(t) - 9.0) / 9.0).powi(2)).exp())
            .collect();
        let outlook = outlook(&profile);
        let mut random = Random::new(5);
        let (mut pods, mut changes, mut load, mut seen) = (10, 0, 0.0_f64, 0.0);
        // Contacts in progress swing by their root, and each swing lasts a handling time.
        let mut swing = 0.0_f64;
        let steady = Settings {
            slack: 0.1,
            ..settings()
        };
        for tick in 0..(14 * 240) {
            let now = f64::from(tick) * 15.0;
            let rate = outlook.rate(now);
            load += (rate * 240.0 - load) * 15.0 / 240.0;
            seen += rate * 15.0 + (1.39 * rate * 15.0).sqrt() * random.normal();
            swing += (2.0 * load * 15.0 / 240.0).sqrt() * random.normal() - swing * 15.0 / 240.0;
            let noisy = (load + swing).max(0.0);
            let sight = Sight {
                now,
                ready: pods,
                starting: 0,
                in_progress: noisy as u32,
                waiting: 0,
                seen: seen.max(0.0),
                seen_since: 0.0,
                judged_since: now,
                judged: 0.0,
                missed: 0.0,
            };
            let decision = decide(&steady, &outlook, &sight).unwrap();
            changes += u32::from(decision.pods != pods);
            pods = decision.pods;
        }
        assert!(changes <= 300, "{changes} changes in a day");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let outlook = outlook(&[1.0]);
        let seen = sight(&outlook, 1.0, 1.0, 1);
        let never = Settings {
            aht: f64::NAN,
            ..settings()
        };
        let said = decide(&never, &outlook, &seen).unwrap_err().to_string();
        assert!(said.starts_with("aht is NaN"), "{said}");
        let crossed = Settings {
            least: 9,
            most: 3,
            ..settings()
        };
        let refused = decide(&crossed, &outlook, &seen).unwrap_err();
        assert_eq!(refused, PolicyError::BoundsCross { least: 9, most: 3 });
    }
}
