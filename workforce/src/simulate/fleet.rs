//! Virtual agents whose number a policy decides while the run goes on.
//!
//! At each tick the policy sees what a controller may see and answers how many pods there should
//! be, those starting counted. New ones take contacts after the start-up; of those too many the
//! starting go first, then the longest idle, by the same rule that the capacity policy's own
//! drain has ([`drainable`]): no contact is cut, and what is busy goes at a later tick.

use std::fmt;

use trunkline_routing::{Span, Time};
use trunkline_tenant::crds::{AgentName, TeamName};

use super::draw::{Law, Purpose, Stream};
use crate::capacity::{Pod, PodState, drainable};

/// What a policy may see at a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// From the start of the run.
    pub now: Span,
    /// Contacts that wait in the team's queues, those being offered included.
    pub waiting: u32,
    /// Pods that take contacts, the busy ones included.
    pub ready: u32,
    /// Of these, pods with a contact or a wrap-up in hand.
    pub busy: u32,
    /// Pods that will take contacts.
    pub starting: u32,
    /// Contacts in the pods' hands, wrap-up included.
    pub in_progress: u32,
    /// Contacts that came to the team's queues since the start of the run.
    pub arrived: u64,
    /// Of these, those answered later than their queue's service level allows, or never.
    pub late: u64,
}

/// Which pods go when there are too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Removal {
    /// Those starting, then the longest idle; never one with a contact.
    #[default]
    IdleFirst,
    /// Any, as a ReplicaSet does: its contacts are dropped.
    Blind,
}

/// A virtual team that scales.
pub struct Fleet<'a> {
    /// Which team; its pods' agents are called `<team>-<pod>-<slot>`.
    pub team: TeamName,
    /// How many pods there should be, those starting counted.
    pub policy: Box<dyn FnMut(&Sight) -> u32 + 'a>,
    /// Between two ticks; the first is at the start.
    pub tick: Span,
    /// The last tick is no later; the pods that there are then stay.
    pub until: Span,
    /// From asking for a pod until it takes contacts.
    pub start_up: Span,
    /// Contacts that a pod takes at once.
    pub per_pod: u32,
    /// Pods that are ready at the start.
    pub at_start: u32,
    /// Which go.
    pub removal: Removal,
    /// How long a pod lives, from when it is ready; `None`: until it is taken away.
    pub lifetime: Option<Law>,
}

impl fmt::Debug for Fleet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

/// The policy's number changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// At this tick.
    pub at: Span,
    /// Pods that there should have been.
    pub from: u32,
    /// Pods that there should be.
    pub to: u32,
    /// Pods ready then, with a contact or a wrap-up in hand.
    pub busy: u32,
    /// Pods ready then, free.
    pub idle: u32,
}

/// What became of a fleet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetFigures {
    /// Which team.
    pub team: TeamName,
    /// Paid time: from asking for a pod until it has gone, or the run has ended, in hours.
    pub pod_hours: f64,
    /// The most pods at once, those starting counted.
    pub most: u32,
    /// Pods that were asked for after the start.
    pub started: u32,
    /// Pods that were taken away.
    pub removed: u32,
    /// Pods that died.
    pub died: u32,
    /// When the policy changed its number.
    pub changes: Vec<Change>,
    /// Contacts that were cut because their pod went or died.
    pub cut: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Starting,
    Ready { busy: u32, idle_since: Time },
    Gone,
}

struct OnePod {
    asked_at: Time,
    life: Life,
}

/// What the run has to do for a fleet.
pub(super) enum Order {
    /// This pod takes contacts after the start-up.
    Start(u32),
    /// Its agents sign out; they hold nothing.
    Drain(u32),
    /// It is gone at once, with what it holds.
    Kill(u32),
}

/// A fleet as it runs.
pub(super) struct Pods<'f, 'a> {
    pub(super) fleet: &'f mut Fleet<'a>,
    /// All that there ever were, by number.
    pods: Vec<OnePod>,
    /// The numbers of those that have not gone, ascending: a tick costs what lives, not what
    /// there was in the day.
    living: Vec<u32>,
    desired: Option<u32>,
    pub(super) figures: FleetFigures,
    victims: Stream,
}

impl<'f, 'a> Pods<'f, 'a> {
    pub(super) fn new(fleet: &'f mut Fleet<'a>, seed: u64, at: u64) -> Self {
        let figures = FleetFigures {
            team: fleet.team.clone(),
            ..FleetFigures::default()
        };
        Self {
            fleet,
            pods: Vec::new(),
            living: Vec::new(),
            desired: None,
            figures,
            victims: Stream::new(seed, at, Purpose::Victim),
        }
    }

    /// One more pod; it has the next number.
    pub(super) fn ask(&mut self, at: Time) -> u32 {
        let pod = self.pods.len() as u32;
        self.pods.push(OnePod {
            asked_at: at,
            life: Life::Starting,
        });
        self.living.push(pod);
        self.figures.most = self.figures.most.max(self.living.len() as u32);
        pod
    }

    /// The pod is there; `false` where it was taken away meanwhile.
    pub(super) fn ready(&mut self, pod: u32, at: Time) -> bool {
        let pod = &mut self.pods[pod as usize];
        let comes = pod.life == Life::Starting;
        if comes {
            pod.life = Life::Ready {
                busy: 0,
                idle_since: at,
            };
        }
        comes
    }

    /// How long the pod lives.
    pub(super) fn lifetime(&self, seed: u64, pod: u32) -> Option<Span> {
        let law = self.fleet.lifetime.as_ref()?;
        law.span(&mut Stream::new(seed, u64::from(pod), Purpose::Life))
    }

    /// The pod dies; `false` where it has gone already.
    pub(super) fn dies(&mut self, pod: u32, at: Time) -> bool {
        let lives = self.pods[pod as usize].life != Life::Gone;
        if lives {
            self.figures.died += 1;
            self.gone(pod, at);
        }
        lives
    }

    /// One of the pod's agents has a contact in hand, or no longer.
    pub(super) fn hand(&mut self, pod: u32, at: Time, more: bool) {
        if let Life::Ready { busy, idle_since } = &mut self.pods[pod as usize].life {
            if more {
                *busy += 1;
            } else {
                *busy = busy.saturating_sub(1);
                if *busy == 0 {
                    *idle_since = at;
                }
            }
        }
    }

    /// The agents of a pod.
    pub(super) fn agents(&self, pod: u32) -> impl Iterator<Item = AgentName> + use<> {
        let team = self.fleet.team.clone();
        (0..self.fleet.per_pod).map(move |slot| AgentName::new(format!("{team}-{pod}-{slot}")))
    }

    /// Asks the policy, and says what has to be done.
    pub(super) fn tick(&mut self, mut sight: Sight, now: Time) -> Vec<Order> {
        sight.starting = self.count(|life| life == Life::Starting);
        sight.ready = self.count(|life| matches!(life, Life::Ready { .. }));
        sight.busy = self.count(|life| matches!(life, Life::Ready { busy: 1.., .. }));
        let hands = self.lives().map(|(_, life)| match life {
            Life::Ready { busy, .. } => busy,
            _ => 0,
        });
        sight.in_progress = hands.sum();
        let desired = (self.fleet.policy)(&sight);
        if let Some(from) = self.desired.filter(|before| *before != desired) {
            self.figures.changes.push(Change {
                at: sight.now,
                from,
                to: desired,
                busy: sight.busy,
                idle: sight.ready - sight.busy,
            });
        }
        self.desired = Some(desired);
        let there = sight.starting + sight.ready;
        if desired >= there {
            let more = desired - there;
            self.figures.started += more;
            (0..more).map(|_| Order::Start(self.ask(now))).collect()
        } else {
            self.shrink((there - desired) as usize, now)
        }
    }

    fn shrink(&mut self, surplus: usize, now: Time) -> Vec<Order> {
        let leaving: Vec<u32> = match self.fleet.removal {
            Removal::IdleFirst => self.free(surplus),
            Removal::Blind => {
                let mut there = self.living.clone();
                let mut taken = Vec::new();
                for _ in 0..surplus.min(there.len()) {
                    let at = (self.victims.uniform() * there.len() as f64) as usize;
                    taken.push(there.swap_remove(at));
                }
                taken
            }
        };
        let orders = leaving.into_iter().filter_map(|pod| {
            let life = self.pods[pod as usize].life;
            self.figures.removed += 1;
            self.gone(pod, now);
            match life {
                // Its agents never came.
                Life::Starting | Life::Gone => None,
                Life::Ready { busy: 0, .. } => Some(Order::Drain(pod)),
                Life::Ready { .. } => Some(Order::Kill(pod)),
            }
        });
        orders.collect()
    }

    /// The pods that may go without harm, as the product itself chooses them.
    fn free(&self, surplus: usize) -> Vec<u32> {
        let seen: Vec<Pod> = self
            .lives()
            .filter_map(|(number, life)| {
                let state = match life {
                    Life::Gone => return None,
                    Life::Starting => PodState::Starting,
                    Life::Ready { busy, idle_since } => PodState::Ready {
                        contacts: busy,
                        idle_since: (idle_since.0.max(0) / 1_000_000) as u64,
                    },
                };
                // The order of names is that of numbers.
                let name = format!("{number:010}");
                Some(Pod { name, state })
            })
            .collect();
        let chosen = drainable(&seen, surplus).into_iter();
        chosen.filter_map(|pod| pod.name.parse().ok()).collect()
    }

    fn gone(&mut self, pod: u32, at: Time) {
        if let Ok(place) = self.living.binary_search(&pod) {
            self.living.remove(place);
        }
        let pod = &mut self.pods[pod as usize];
        pod.life = Life::Gone;
        self.figures.pod_hours += (at - pod.asked_at).as_secs_f64() / 3600.0;
    }

    fn lives(&self) -> impl Iterator<Item = (u32, Life)> {
        let life = |pod: &u32| (*pod, self.pods[*pod as usize].life);
        self.living.iter().map(life)
    }

    fn count(&self, is: impl Fn(Life) -> bool) -> u32 {
        self.lives().filter(|(_, life)| is(*life)).count() as u32
    }

    pub(super) fn finish(mut self, end: Time) -> FleetFigures {
        for pod in std::mem::take(&mut self.living) {
            self.gone(pod, end);
        }
        self.figures
    }
}
