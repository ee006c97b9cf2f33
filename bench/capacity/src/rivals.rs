//! The rules that others scale by, as their documentation has them, without a delay between
//! what happens and what they see: that would only hurt them.

use std::collections::VecDeque;

use trunkline_workforce::simulate::Sight;

/// What every rule is: what is seen in, pods wanted out.
pub trait Scale {
    fn pods(&mut self, sight: &Sight) -> u32;
}

/// The family of a rule, with the setting that is chosen in hindsight.
#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    /// HorizontalPodAutoscaler on utilisation: the target share of busy agents.
    Hpa,
    /// KEDA on contacts in flight: contacts to a pod.
    Keda,
    /// Knative's autoscaler: concurrency to a pod.
    Kpa,
    /// predictive-horizontal-pod-autoscaler, linear: the target of the HPA that it extends.
    Predictive,
}

impl Family {
    pub const ALL: [Self; 4] = [Self::Hpa, Self::Keda, Self::Kpa, Self::Predictive];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hpa => "HPA",
            Self::Keda => "KEDA",
            Self::Kpa => "KPA",
            Self::Predictive => "predictive HPA",
        }
    }

    /// Seconds between two decisions.
    pub fn tick(self) -> i64 {
        match self {
            Self::Kpa => 2,
            _ => 15,
        }
    }

    pub fn rule(self, target: f64, start_up: f64) -> Box<dyn Scale> {
        let hpa = Hpa::new(target);
        match self {
            Self::Hpa => Box::new(hpa),
            Self::Keda => Box::new(Keda {
                target,
                limits: Limits::default(),
            }),
            Self::Kpa => Box::new(Kpa {
                target,
                seen: VecDeque::new(),
                panic: None,
            }),
            Self::Predictive => Box::new(Predictive {
                hpa,
                ahead: start_up,
                asked: VecDeque::new(),
            }),
        }
    }
}

fn seconds(sight: &Sight) -> f64 {
    sight.now.as_secs_f64()
}

/// The HPA's way from a recommendation to a number: up by 100 % or 4 pods in 15 s, down to the
/// highest recommendation of the last 300 s.
#[derive(Default)]
struct Limits {
    asked: VecDeque<(f64, u32)>,
}

const DOWN_WINDOW: f64 = 300.0;
const TOLERANCE: f64 = 0.1;

impl Limits {
    fn settle(&mut self, sight: &Sight, wanted: u32) -> u32 {
        let now = seconds(sight);
        let there = sight.ready + sight.starting;
        self.asked.push_back((now, wanted));
        while self
            .asked
            .front()
            .is_some_and(|(at, _)| *at < now - DOWN_WINDOW)
        {
            self.asked.pop_front();
        }
        let highest = self
            .asked
            .iter()
            .map(|(_, pods)| *pods)
            .max()
            .unwrap_or(wanted);
        if wanted > there {
            wanted.min((2 * there).max(there + 4))
        } else {
            highest.min(there)
        }
    }
}

struct Hpa {
    target: f64,
    limits: Limits,
}

impl Hpa {
    fn new(target: f64) -> Self {
        Self {
            target,
            limits: Limits::default(),
        }
    }

    /// Pods for the target utilisation. Pods that start count as idle where that makes less of
    /// a rise, and are left out where it is a fall.
    fn recommended(&self, sight: &Sight) -> u32 {
        let there = sight.ready + sight.starting;
        let busy = f64::from(sight.busy);
        let ratio = busy / f64::from(sight.ready.max(1)) / self.target;
        if (ratio - 1.0).abs() <= TOLERANCE {
            return there;
        }
        if ratio < 1.0 || sight.starting == 0 {
            return (ratio * f64::from(sight.ready)).ceil() as u32;
        }
        let damped = busy / f64::from(there) / self.target;
        if damped <= 1.0 + TOLERANCE {
            return there;
        }
        (damped * f64::from(there)).ceil() as u32
    }
}

impl Scale for Hpa {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let wanted = self.recommended(sight).max(1);
        self.limits.settle(sight, wanted)
    }
}

/// KEDA hands the HPA an average value: contacts in flight over the target, within the tolerance.
struct Keda {
    target: f64,
    limits: Limits,
}

impl Scale for Keda {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let there = sight.ready + sight.starting;
        let flying = f64::from(sight.busy + sight.waiting);
        let ratio = flying / self.target / f64::from(there.max(1));
        let wanted = if (ratio - 1.0).abs() <= TOLERANCE {
            there
        } else {
            (flying / self.target).ceil() as u32
        };
        self.limits.settle(sight, wanted.max(1))
    }
}

/// Knative: mean concurrency over 60 s; where that of the last 6 s asks for twice the ready
/// pods, panic: follow it up, and never down until 60 s after the last such moment.
struct Kpa {
    target: f64,
    seen: VecDeque<(f64, f64)>,
    panic: Option<(f64, u32)>,
}

const STABLE_WINDOW: f64 = 60.0;
const PANIC_WINDOW: f64 = 6.0;

impl Scale for Kpa {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let now = seconds(sight);
        self.seen
            .push_back((now, f64::from(sight.busy + sight.waiting)));
        while self
            .seen
            .front()
            .is_some_and(|(at, _)| *at <= now - STABLE_WINDOW)
        {
            self.seen.pop_front();
        }
        let mean = |window: f64| {
            let within = self
                .seen
                .iter()
                .rev()
                .take_while(|(at, _)| *at > now - window);
            let (sum, count) = within.fold((0.0, 0.0), |sum, one| (sum.0 + one.1, sum.1 + 1.0));
            sum / f64::max(count, 1.0)
        };
        let ready = f64::from(sight.ready.max(1));
        // At most 1,000-fold up, at most by half down.
        let wanted = |concurrency: f64| {
            let pods = (concurrency / self.target).ceil();
            pods.clamp((ready / 2.0).floor(), ready * 1000.0) as u32
        };
        let (stable, panic) = (wanted(mean(STABLE_WINDOW)), wanted(mean(PANIC_WINDOW)));
        let panics = f64::from(panic) >= 2.0 * ready;
        self.panic = match self.panic {
            _ if panics => {
                let before = self.panic.map_or(0, |(_, pods)| pods);
                Some((now, before.max(panic)))
            }
            Some((since, _)) if now - since > STABLE_WINDOW => None,
            Some((since, pods)) => Some((since, pods.max(panic))),
            None => None,
        };
        let pods = self.panic.map_or(stable, |(_, pods)| pods.max(stable));
        pods.max(1)
    }
}

/// A line through what the HPA asked for in the last 90 s, drawn out to when a pod ordered now
/// would serve; the higher of the two.
struct Predictive {
    hpa: Hpa,
    ahead: f64,
    asked: VecDeque<(f64, f64)>,
}

const HISTORY: usize = 6;

impl Scale for Predictive {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let now = seconds(sight);
        let asked = self.hpa.recommended(sight).max(1);
        self.asked.push_back((now, f64::from(asked)));
        if self.asked.len() > HISTORY {
            self.asked.pop_front();
        }
        let count = self.asked.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.asked.iter().map(of).sum::<f64>() / count;
        let (at, pods) = (mean(|one| one.0), mean(|one| one.1));
        let spread: f64 = self.asked.iter().map(|one| (one.0 - at).powi(2)).sum();
        let slope = if spread > 0.0 {
            let products = self.asked.iter().map(|one| (one.0 - at) * (one.1 - pods));
            products.sum::<f64>() / spread
        } else {
            0.0
        };
        let foreseen = (pods + slope * (now + self.ahead - at)).ceil().max(0.0) as u32;
        self.hpa.limits.settle(sight, asked.max(foreseen))
    }
}
