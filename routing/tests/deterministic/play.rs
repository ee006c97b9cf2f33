//! A seed makes a run; a run is a list of timed inputs, and can be played again or made smaller.

use std::sync::Arc;

use chrono::{DateTime, TimeZone, Timelike};
use serde::{Deserialize, Serialize};
use trunkline_routing::*;
use trunkline_tenant::{QueueId, Tenant};

use crate::checker::Checker;
use crate::worlds::Place;

/// One thing that happens to the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Move {
    Input(Input),
    /// One of the tenants becomes the configuration.
    Configure(usize),
    /// The process ends in good order and its successor starts from the snapshot.
    Restart,
    /// The process dies over an input. Its successor starts from an older snapshot and the journal since.
    Crash {
        input: Input,
        /// Whether it was in the journal by then; else it is lost, with all that came of it.
        durable: bool,
        /// Who sent it had no answer, and sends it to the successor again.
        again: bool,
    },
}

/// Where and when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    pub place: usize,
    pub at: Time,
    /// Whether times are dates, and so calendars apply.
    pub dates: bool,
}

impl Beginning {
    /// Of a seed: every fourth is without dates, like a simulation of arrivals.
    fn of(seed: u64, dice: &mut Dice, places: &[Place]) -> Self {
        if seed.is_multiple_of(4) {
            return Self {
                place: 0,
                at: Time(0),
                dates: false,
            };
        }
        let place = dice.below(places.len());
        let (moment, seconds) = (dice.below(16), dice.below(5_400));
        Self {
            place,
            at: places[place].begins(moment, seconds),
            dates: true,
        }
    }

    pub fn options(self) -> Options {
        Options {
            dates: self.dates,
            ..Options::default()
        }
    }
}

/// A run as it is kept: the moves, and what they began from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    pub begins: Beginning,
    pub moves: Vec<(Time, Move)>,
}

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// So many inputs are journalled until another snapshot is kept.
const SNAPSHOT_EVERY: usize = 64;

/// A core under the checker.
pub struct Play<'a> {
    pub core: Core,
    /// What a successor starts from, and all that was journalled since.
    kept: Snapshot,
    tail: Vec<(Time, Input)>,
    checker: Checker,
    tenants: &'a [Arc<Tenant>],
    bug: Option<Bug>,
    /// Everything said, to be compared with a replay.
    pub said: Vec<Output>,
    /// Every input with its time, ticks among them, as a driver journals them.
    pub journal: Vec<(Time, Input)>,
    keep: bool,
}

const NAMES: [&str; 8] = [
    "ann",
    "bob",
    "cal",
    "dee",
    "lea",
    "zac",
    "robots-0-0",
    "robots-0-1",
];

impl<'a> Play<'a> {
    pub fn new(places: &'a [Place], begins: Beginning, bug: Option<Bug>, keep: bool) -> Self {
        let tenants = &places[begins.place].tenants;
        let mut core = Core::new(begins.options());
        if let Some(bug) = bug {
            core.seed_bug(bug);
        }
        let checker = Checker::new(&tenants[0], begins.dates);
        let tenant = Arc::clone(&tenants[0]);
        core.handle(begins.at, Input::Configure { tenant }, &mut Vec::new());
        Self {
            kept: core.snapshot(),
            tail: Vec::new(),
            core,
            checker,
            tenants,
            bug,
            said: Vec::new(),
            journal: Vec::new(),
            keep,
        }
    }

    /// Plays one move: first what falls due before it, one thing at a time.
    pub fn play(&mut self, at: Time, what: &Move) -> Result<(), String> {
        if self.tail.len() >= SNAPSHOT_EVERY {
            self.kept = self.core.snapshot();
            self.tail.clear();
        }
        // A clock that steps back is the core's to bear; what is due by its own time comes first.
        let given = at;
        let at = at.max(self.core.now());
        while let Some(due) = self.core.next_deadline().filter(|due| *due <= at) {
            let mut out = Vec::new();
            self.core.fire_next(due, &mut out);
            self.journals(due, Input::Tick);
            // What a new configuration found overdue happens now, not when it was due.
            self.judge(self.core.now(), None, out)?;
        }
        match what {
            Move::Input(input) => self.takes(given, input.clone()),
            Move::Configure(which) => {
                let tenant = Arc::clone(&self.tenants[*which]);
                self.takes(given, Input::Configure { tenant })
            }
            Move::Restart => self.restart(),
            Move::Crash {
                input,
                durable,
                again,
            } => {
                if *durable {
                    self.takes(given, input.clone())?;
                    self.recover(&text(&self.core)?)?;
                } else {
                    let before = text(&self.core)?;
                    self.core.handle(given, input.clone(), &mut Vec::new());
                    self.recover(&before)?;
                }
                if *again {
                    self.takes(given, input.clone())?;
                }
                Ok(())
            }
        }
    }

    fn journals(&mut self, at: Time, input: Input) {
        if self.keep {
            self.journal.push((at, input.clone()));
        }
        self.tail.push((at, input));
    }

    fn takes(&mut self, given: Time, input: Input) -> Result<(), String> {
        let at = given.max(self.core.now());
        let mut out = Vec::new();
        self.core.handle(given, input.clone(), &mut out);
        self.journals(given, input.clone());
        self.judge(at, Some(&input), out)
    }

    fn judge(&mut self, at: Time, input: Option<&Input>, out: Vec<Output>) -> Result<(), String> {
        let verdict = self.checker.check(at, input, &out, &self.core);
        if self.keep {
            self.said.extend(out);
        }
        verdict
    }

    fn restart(&mut self) -> Result<(), String> {
        let before = text(&self.core)?;
        let successor = self.successor(&before)?;
        self.succeeded_by(successor, &before, "restart")
    }

    /// A successor starts from the snapshot that is kept and the journal since, and is as the core was that died.
    fn recover(&mut self, before: &str) -> Result<(), String> {
        let kept = serde_json::to_string(&self.kept).map_err(|e| e.to_string())?;
        let mut successor = self.successor(&kept)?;
        for (at, input) in &self.tail {
            successor.handle(*at, input.clone(), &mut Vec::new());
        }
        self.succeeded_by(successor, before, "recovery")
    }

    fn successor(&self, snapshot: &str) -> Result<Core, String> {
        let snapshot = serde_json::from_str(snapshot).map_err(|e| e.to_string())?;
        let mut core = Core::restore(snapshot).map_err(|e| e.to_string())?;
        if let Some(bug) = self.bug {
            core.seed_bug(bug);
        }
        Ok(core)
    }

    fn succeeded_by(&mut self, successor: Core, before: &str, how: &str) -> Result<(), String> {
        // What the one that died took in beyond the journal is no measure of its successor.
        if how == "restart" && successor.next_deadline() != self.core.next_deadline() {
            return Err(format!("a {how} changes the next deadline"));
        }
        self.core = successor;
        let after = text(&self.core)?;
        if before != after {
            let same = before
                .bytes()
                .zip(after.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let near = |text: &str| {
                text.chars()
                    .skip(same.saturating_sub(80))
                    .take(160)
                    .collect::<String>()
            };
            return Err(format!(
                "a {how} changes `{}` to `{}`",
                near(before),
                near(&after)
            ));
        }
        self.checker.check(self.core.now(), None, &[], &self.core)
    }
}

fn text(core: &Core) -> Result<String, String> {
    serde_json::to_string(&core.snapshot()).map_err(|e| e.to_string())
}

fn target(dice: &mut Dice) -> Target {
    match dice.below(6) {
        0 | 1 => Target::Agent(NAMES[dice.below(NAMES.len())].into()),
        2 => Target::Team(["front", "back", "robots"][dice.below(3)].into()),
        3 => Target::Department("legal".into()),
        4 => Target::Number("+49301".into()),
        _ => Target::Queue(["desk", "stepped", "over"][dice.below(3)].parse().unwrap()),
    }
}

/// Hours of a customer that begin or end soon, or have just done so, somewhere on earth.
fn window(dice: &mut Dice, now: Time) -> Option<Window> {
    let zones = [
        "Asia/Kolkata",
        "America/New_York",
        "Australia/Lord_Howe",
        "Europe/Berlin",
    ];
    let zone: chrono_tz::Tz = zones[dice.below(4)].parse().ok()?;
    let utc = DateTime::from_timestamp_micros(now.0)?;
    let local = zone.from_utc_datetime(&utc.naive_utc());
    let minute = (local.hour() * 60 + local.minute()) as usize;
    let from = (minute + dice.below(60)).saturating_sub(50).min(1430);
    let to = (from + 1 + dice.below(70)).min(24 * 60);
    let (from, to) = (from as u16, to as u16);
    dice.chance(60).then_some(Window { zone, from, to })
}

/// What makes an agent who is away take contacts again.
fn comes_back(view: &AgentView) -> Input {
    let agent = view.name.clone();
    match &view.state {
        AgentState::NotReady { reason } if reason == "unreachable" => Input::Endpoint {
            agent,
            reachable: true,
        },
        AgentState::NotReady { reason } if reason == "session lost" => {
            Input::Session { agent, alive: true }
        }
        AgentState::NotReady { .. } => Input::Ready { agent },
        _ => Input::SignIn {
            agent,
            ready: true,
            team: Some("robots".into()),
        },
    }
}

/// Whether agents who are away are brought back to work all along: in every second seed from 100 on.
/// Else nearly everybody is away before long, contacts wait in crowds, and hardly anybody talks or
/// consults. What the seeded bugs are looked for with has crowds: there a case can be shrunk.
const fn is_staffed(seed: u64) -> bool {
    seed >= 100 && seed.is_multiple_of(2)
}

/// The next move, from what the world looks like.
fn next_move(dice: &mut Dice, core: &Core, last_id: &mut u64, staffed: bool) -> (Time, Move) {
    let now = core.now();
    let contacts = core.contacts();
    // Often at once or at the very moment of a deadline, now and then much later, or a clock that steps back.
    let at = match dice.below(100) {
        0..=39 => now,
        40..=59 => core.next_deadline().map_or(now, |due| due.max(now)),
        60..=97 => now + Span((dice.next() % 6_000_000) as i64),
        98 => now + Span::seconds(90),
        _ => now - Span::seconds(3),
    };
    let name = |dice: &mut Dice| NAMES[dice.below(NAMES.len())].into();
    let agent = |dice: &mut Dice| -> trunkline_tenant::crds::AgentName { name(dice) };
    let some = |dice: &mut Dice, stage: fn(&StageView) -> bool| {
        let fitting: Vec<ContactId> = contacts
            .iter()
            .filter(|view| stage(&view.stage))
            .map(|view| view.id)
            .collect();
        dice.pick(&fitting)
            .copied()
            .unwrap_or(ContactId(1 + dice.next() % 40))
    };
    let offer = |dice: &mut Dice| {
        let live: Vec<OfferId> = contacts
            .iter()
            .filter_map(|view| match view.stage {
                StageView::Offered { offer, .. } | StageView::Connecting { offer, .. } => {
                    Some(offer)
                }
                _ => None,
            })
            .collect();
        let mut offer = dice.pick(&live).copied().unwrap_or(OfferId {
            contact: ContactId(1 + dice.next() % 40),
            generation: 1,
        });
        if dice.chance(6) && offer.generation > 1 {
            offer.generation -= 1; // late, for an offer that is over
        }
        offer
    };
    let talking = |stage: &StageView| matches!(stage, StageView::Talking { .. });
    let any = |_: &StageView| true;
    // What is put off for hours keeps nobody else away.
    let later = |view: &&ContactView| matches!(view.stage, StageView::Later { .. });
    let later = contacts.iter().filter(later).count();
    let crowded = contacts.len() - later > 12 || contacts.len() > 20;
    let consulting = |dice: &mut Dice| {
        let fitting: Vec<ContactId> = contacts
            .iter()
            .filter(|view| view.consult.is_some())
            .map(|view| view.id)
            .collect();
        dice.pick(&fitting)
            .copied()
            .unwrap_or(ContactId(1 + dice.next() % 40))
    };
    if staffed && dice.chance(12) {
        let away = core.agents().into_iter().filter(|view| {
            matches!(
                view.state,
                AgentState::NotReady { .. } | AgentState::SignedOut
            )
        });
        if let Some(view) = dice.pick(&away.collect::<Vec<_>>()) {
            return (at, Move::Input(comes_back(view)));
        }
    }
    let input = match dice.below(1184) {
        0..=219 if !crowded => {
            *last_id += 1;
            let queues: Vec<QueueId> = core
                .tenant()
                .map_or(Vec::new(), |tenant| tenant.queues.keys().cloned().collect());
            let queue = dice
                .pick(&queues)
                .cloned()
                .unwrap_or_else(|| QueueId::centre("desk"));
            let since = dice.chance(5).then(|| now - Span::seconds(30));
            let priority = if dice.chance(20) {
                dice.below(3) as i32 - 1
            } else {
                0
            };
            let customer = dice
                .chance(30)
                .then(|| format!("customer-{}", dice.below(4)));
            // One of them has a number that can't be dialled from their own telephone.
            let callable = customer.as_deref() != Some("customer-3");
            Input::Arrive {
                contact: ContactId(*last_id),
                queue,
                since,
                priority,
                customer,
                callable,
            }
        }
        0..=279 => Input::CustomerGone {
            contact: some(dice, any),
        },
        280..=439 => Input::Accept { offer: offer(dice) },
        440..=599 => Input::Connected { offer: offer(dice) },
        600..=699 => Input::AgentDone {
            contact: some(dice, talking),
        },
        700..=729 => {
            let causes = [
                DeclineCause::Refused,
                DeclineCause::Unreachable,
                DeclineCause::Failed,
            ];
            Input::Decline {
                offer: offer(dice),
                cause: causes[dice.below(3)],
            }
        }
        730..=769 => Input::SignIn {
            ready: dice.chance(85),
            team: dice.chance(50).then(|| "robots".into()),
            agent: agent(dice),
        },
        770..=784 => Input::SignOut { agent: agent(dice) },
        785..=809 => Input::Session {
            alive: dice.chance(65),
            agent: agent(dice),
        },
        810..=834 => Input::Endpoint {
            reachable: dice.chance(65),
            agent: agent(dice),
        },
        835..=879 => Input::Ready { agent: agent(dice) },
        880..=894 => Input::NotReady {
            reason: "lunch".into(),
            agent: agent(dice),
        },
        895..=909 => Input::Hold {
            on: dice.chance(60),
            contact: some(dice, talking),
        },
        910..=919 => Input::Dropped {
            contact: some(dice, any),
            cause: "node".into(),
        },
        920..=939 => {
            let to = target(dice);
            Input::Transfer {
                contact: some(dice, talking),
                to,
            }
        }
        1000..=1044 => {
            *last_id += 1;
            Input::Consult {
                consult: ContactId(*last_id),
                to: target(dice),
                contact: some(dice, talking),
            }
        }
        1045..=1054 => Input::Conference {
            contact: consulting(dice),
        },
        1055..=1074 => Input::CompleteConsult {
            contact: consulting(dice),
        },
        1075..=1084 => Input::CancelConsult {
            contact: consulting(dice),
        },
        1085..=1090 => Input::OutsideGone {
            contact: some(dice, |stage| matches!(stage, StageView::Away { .. })),
        },
        1091..=1109 => Input::CallMeBack {
            contact: some(dice, StageView::waits),
            number: dice.chance(20).then(|| "customer-5".to_owned()),
            window: window(dice, now),
        },
        1110..=1119 => {
            *last_id += 1;
            Input::BookCallback {
                contact: ContactId(*last_id),
                queue: QueueId::centre(
                    ["desk", "stepped", "over", "turns", "office", "calls"][dice.below(6)],
                ),
                customer: format!("customer-{}", dice.below(4)),
                due: dice.chance(50).then(|| {
                    let most = if dice.chance(60) { 60 } else { 2_400 };
                    now + Span::seconds(dice.below(most) as i64)
                }),
                window: window(dice, now),
                agent: dice.chance(30).then(|| agent(dice)),
                priority: 0,
            }
        }
        1120..=1126 => Input::CancelCallback {
            contact: some(dice, any),
        },
        1127..=1154 => Input::NotReached {
            offer: offer(dice),
            cause: Unreached::NoAnswer,
        },
        1155..=1174 => {
            let from = now - Span::seconds(dice.below(300) as i64);
            let rest = from + Span::seconds(dice.below(400) as i64);
            Input::Rota {
                agent: agent(dice),
                shifts: vec![RotaShift {
                    from,
                    to: rest + Span::seconds(60 + dice.below(600) as i64),
                    breaks: vec![(rest, rest + Span::seconds(50))],
                }],
            }
        }
        1175..=1179 => Input::VoicemailLeft {
            contact: some(dice, any),
            recording: "a".into(),
            length: Span::seconds(3),
        },
        1180..=1183 => {
            let asked = |view: &&ContactView| {
                matches!(
                    view.stage,
                    StageView::Offered { .. }
                        | StageView::Connecting { .. }
                        | StageView::Outside { .. }
                )
            };
            let mut named = Vec::new();
            for view in contacts.iter().filter(asked) {
                if dice.chance(60) {
                    named.push(view.id);
                }
            }
            named.push(some(dice, any)); // whatever it is at
            named.dedup();
            Input::Unheard {
                contacts: named,
                since: at - Span((dice.next() % 6_000_000) as i64),
                until: at,
                listed: at + Span::seconds(3),
            }
        }
        940..=949 => {
            let outside = |stage: &StageView| matches!(stage, StageView::Outside { .. });
            Input::HandedOver {
                contact: some(dice, outside),
                taken: dice.chance(50),
            }
        }
        950..=959 => Input::Prioritise {
            contact: some(dice, any),
            priority: dice.below(4) as i32 - 1,
        },
        960..=984 => Input::WrapUpDone {
            agent: agent(dice),
            codes: vec!["done".into()],
        },
        985..=989 => Input::ExtendWrapUp { agent: agent(dice) },
        990..=993 => return (at, Move::Configure(dice.below(4))),
        994 => return (at, Move::Restart),
        995 | 996 => {
            let (at, next) = next_move(dice, core, last_id, staffed);
            let Move::Input(input) = next else {
                return (at, next);
            };
            let durable = dice.chance(60);
            // The driver knows by its own journal whom it has let in.
            let lets_in = matches!(
                input,
                Input::Arrive { .. } | Input::BookCallback { .. } | Input::Consult { .. }
            );
            let again = dice.chance(50) && !(durable && lets_in);
            let crash = Move::Crash {
                input,
                durable,
                again,
            };
            return (at, crash);
        }
        997 | 998 => {
            let until = now + Span((dice.next() % 25_000_000) as i64);
            Input::Stalled {
                since: now,
                until,
                listed: dice.chance(20).then(|| until + Span::seconds(5)),
            }
        }
        _ => Input::Tick,
    };
    (at, Move::Input(input))
}

/// Plays a seed; on failure, the moves so far and what was wrong.
pub fn run_seed(
    places: &[Place],
    seed: u64,
    moves: usize,
    bug: Option<Bug>,
) -> Result<Case, (Case, String)> {
    let mut dice = Dice(seed);
    let mut case = Case {
        begins: Beginning::of(seed, &mut dice, places),
        moves: Vec::new(),
    };
    let mut last_id = 0;
    let mut play = Play::new(places, case.begins, bug, false);
    for _ in 0..moves {
        let (at, what) = next_move(&mut dice, &play.core, &mut last_id, is_staffed(seed));
        let verdict = play.play(at, &what);
        case.moves.push((at, what));
        if let Err(why) = verdict {
            return Err((case, why));
        }
    }
    Ok(case)
}

/// Plays a case as it is written.
pub fn replay(places: &[Place], case: &Case, bug: Option<Bug>) -> Result<(), String> {
    let mut play = Play::new(places, case.begins, bug, false);
    case.moves
        .iter()
        .try_for_each(|(at, what)| play.play(*at, what))
}

/// What went wrong, whoever it was about: so that a smaller case fails for the same reason.
fn kind(why: &str) -> String {
    let words = why
        .split(' ')
        .filter(|word| !word.contains(|c: char| c.is_ascii_digit()) && !NAMES.contains(word));
    words.take(6).collect::<Vec<_>>().join(" ")
}

/// Moves that are played to shrink a case, at most: a minute or so.
const ENOUGH: usize = 600_000;

/// A smaller case that still fails: ever smaller parts are left out, again while that makes it smaller.
pub fn shrink(places: &[Place], mut case: Case, bug: Option<Bug>) -> Case {
    let Err(wanted) = replay(places, &case, bug) else {
        return case;
    };
    let wanted = kind(&wanted);
    let mut played = 0;
    loop {
        let before = case.moves.len();
        let mut part = before / 2;
        while part > 0 {
            let mut from = 0;
            while from < case.moves.len() {
                let mut less = case.clone();
                less.moves.drain(from..(from + part).min(case.moves.len()));
                played += less.moves.len();
                if played > ENOUGH {
                    return case;
                }
                if replay(places, &less, bug).is_err_and(|why| kind(&why) == wanted) {
                    case = less;
                } else {
                    from += part;
                }
            }
            part /= 2;
        }
        if case.moves.len() == before {
            return case;
        }
    }
}
