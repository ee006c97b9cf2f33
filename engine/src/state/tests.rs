use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_routing::{ContactId, Input, Span, Target, Time};
use trunkline_tenant::QueueId;

use super::*;
use crate::journal::{Actor, Context};
use crate::telephony::{Beside, RecoveredStage};
use crate::testing::{Replay, small_tenant};

/// A centre's day in disorder: arrivals, sign-ins, acceptances, holds, hang-ups, new configurations,
/// many of which the core refuses.
pub(crate) struct Disorder {
    random: StdRng,
    pub(crate) state: State,
    at: i64,
    pub(crate) entries: Vec<Entry>,
}

impl Disorder {
    pub(crate) fn new(seed: u64) -> Self {
        let mut new = Self {
            random: StdRng::seed_from_u64(seed),
            state: State::default(),
            at: 1_800_000_000_000_000,
            entries: Vec::new(),
        };
        new.put(Input::Configure {
            tenant: small_tenant().into(),
        });
        new
    }

    fn put(&mut self, input: Input) -> Rows {
        let entry = Entry {
            seq: self.state.seq.next(),
            at: Time(self.at),
            input,
            context: Context::by(Actor::Engine),
        };
        let applied = self.state.apply(&entry);
        // As a journal gives it back.
        let text = serde_json::to_string(&entry).unwrap();
        self.entries.push(serde_json::from_str(&text).unwrap());
        applied.rows
    }

    pub(crate) fn step(&mut self) {
        self.at += self.random.random_range(0..4_000_000);
        let agent = ["maria", "noah", "nobody"][self.random.random_range(0..3)];
        let newest = self.state.directory.newest.unwrap_or(ContactId(0));
        let contact = ContactId(self.random.random_range(0..=newest.0));
        let offer = (self.state.directory.live.values())
            .find_map(|live| live.stage.offer())
            .unwrap_or(trunkline_routing::OfferId {
                contact,
                generation: 1,
            });
        let queue = ["orders", "chats", "acme/orders", "none"][self.random.random_range(0..4)];
        let input = match self.random.random_range(0..14) {
            0..4 => Input::Arrive {
                contact: ContactId(newest.0 + 1),
                queue: queue.parse::<QueueId>().unwrap(),
                since: None,
                priority: self.random.random_range(-1..3),
                customer: self.random.random_bool(0.5).then(|| "+4930".into()),
                callable: true,
            },
            4 => Input::SignIn {
                agent: agent.into(),
                ready: true,
                team: None,
            },
            5 => Input::Ready {
                agent: agent.into(),
            },
            6 => Input::NotReady {
                agent: agent.into(),
                reason: "lunch".into(),
            },
            7 => Input::Accept { offer },
            8 => Input::Connected { offer },
            9 => Input::CustomerGone { contact },
            10 => Input::Hold {
                contact: offer.contact,
                on: self.random.random_bool(0.5),
            },
            11 => Input::AgentDone {
                contact: offer.contact,
            },
            12 => Input::Session {
                agent: agent.into(),
                alive: self.random.random_bool(0.7),
            },
            _ => Input::Tick,
        };
        self.put(input);
    }
}

fn replay(mut state: State, entries: &[Entry]) -> State {
    for entry in entries {
        state.apply(entry);
    }
    state
}

#[test]
fn replaying_the_journal_gives_the_live_state_byte_for_byte() {
    for seed in 0..20 {
        let mut day = Disorder::new(seed);
        for _ in 0..400 {
            day.step();
        }
        let live = day.state.snapshot().unwrap();
        let replayed = replay(State::default(), &day.entries).snapshot().unwrap();
        assert!(live == replayed, "seed {seed}");
        assert!(
            !day.state.directory.recent.is_empty(),
            "seed {seed}: nothing happened"
        );
    }
}

#[test]
fn a_snapshot_with_the_tail_behind_it_gives_the_live_state_byte_for_byte() {
    for seed in 0..10 {
        let mut day = Disorder::new(seed);
        let mut snapshots = Vec::new();
        for step in 0..300 {
            day.step();
            if step % 37 == 0 {
                snapshots.push(day.state.snapshot().unwrap());
            }
        }
        let live = day.state.snapshot().unwrap();
        for snapshot in snapshots {
            let from = usize::try_from(snapshot.seq.0).unwrap();
            let restored = State::restore(&snapshot).unwrap();
            assert!(
                restored.snapshot().unwrap() == snapshot,
                "seed {seed} at {from}"
            );
            let again = replay(restored, &day.entries[from..]).snapshot().unwrap();
            assert!(again == live, "seed {seed} from {from}");
        }
    }
}

#[test]
fn the_directory_knows_the_same_live_contacts_as_the_core() {
    for seed in 0..20 {
        let mut day = Disorder::new(seed);
        for _ in 0..200 {
            day.step();
            let core: Vec<_> = day
                .state
                .core
                .contacts()
                .iter()
                .map(|c| (c.id, c.queue.clone()))
                .collect();
            let known: Vec<_> = (day.state.directory.live.iter())
                .map(|(id, live)| (*id, live.queue.clone()))
                .collect();
            assert_eq!(core, known, "seed {seed}");
            for view in day.state.core.contacts() {
                let ours = &day.state.directory.live[&view.id].stage;
                let word = |value: serde_json::Value| value["stage"].as_str().unwrap().to_owned();
                let theirs = word(serde_json::to_value(&view.stage).unwrap());
                let theirs = theirs.replace("connecting", "accepted");
                assert_eq!(
                    word(serde_json::to_value(ours).unwrap()),
                    theirs,
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn a_snapshot_of_another_layout_is_told_apart_from_a_damaged_one() {
    let other = Snapshot {
        seq: Seq(1),
        state: br#"{"layout":99}"#.to_vec(),
    };
    assert!(matches!(
        State::restore(&other),
        Err(StateError::Layout(99))
    ));
    let damaged = Snapshot {
        seq: Seq(1),
        state: b"{".to_vec(),
    };
    assert!(matches!(State::restore(&damaged), Err(StateError::Json(_))));
}

#[test]
fn a_successor_is_told_of_each_call_and_what_it_was_at() {
    let mut day = Disorder::new(1);
    let call = crate::telephony::CallRef {
        host: crate::telephony::ari::HostName::new("media-0"),
        channel: crate::telephony::ari::ChannelId::new("media-0-1.1"),
    };
    let entry = Entry {
        seq: day.state.seq.next(),
        at: Time(day.at),
        input: Input::Arrive {
            contact: ContactId(5),
            queue: QueueId::centre("orders"),
            since: None,
            priority: 0,
            customer: None,
            callable: true,
        },
        context: Context {
            call: Some(call.clone()),
            ..Context::by(Actor::Telephony)
        },
    };
    day.state.apply(&entry);
    let recovered = day.state.directory.recovered();
    assert_eq!(recovered.newest, Some(ContactId(5)));
    assert_eq!(recovered.calls.len(), 1);
    assert_eq!(recovered.calls[0].call, call);
    assert_eq!(recovered.calls[0].stage, RecoveredStage::Waiting);
    assert_eq!(day.state.directory.by_call(&call), Some(ContactId(5)));
}

#[test]
fn a_snapshot_of_the_release_before_is_read_and_its_open_spells_get_the_team_of_now() {
    let mut centre = Replay::new();
    centre.sign_in(100, "maria");
    let mut snapshot = centre.state.snapshot().unwrap();
    let mut written: serde_json::Value = serde_json::from_slice(&snapshot.state).unwrap();
    let maria = &mut written["directory"]["agents"]["maria"];
    let team = maria.as_object_mut().unwrap().remove("team");
    assert_eq!(team, Some("frontline".into()));
    snapshot.state = serde_json::to_vec(&written).unwrap();
    centre.state = State::restore(&snapshot).unwrap();
    let agent = "maria".into();
    centre.at(200, Input::SignOut { agent });
    let [spell] = centre.rows.spells.as_slice() else {
        panic!("{:?}", centre.rows);
    };
    assert_eq!(spell.team, Some("frontline".into()));
    let (from, to) = (centre.second(100), centre.second(200));
    assert_eq!((spell.from, spell.to), (from, to));
}

#[test]
fn an_agent_does_nothing_to_a_conversation_that_another_has_taken_over() {
    let mut centre = Replay::new();
    let (contact, consult) = (ContactId(1), ContactId(2));
    centre.sign_in(1, "maria");
    centre.sign_in(2, "noah");
    centre.arrive(3, 1, "acme/orders");
    centre.answer(4, 1);
    let to = || Target::Agent("noah".into());
    let about = Input::Consult {
        contact,
        consult,
        to: to(),
    };
    centre.at(5, about);
    centre.answer(6, 2);
    centre.at(7, Input::CompleteConsult { contact });
    let by = |centre: &mut Replay, agent: &str, input: &Input| {
        let context = Context {
            agent: Some(agent.into()),
            ..Context::by(Actor::Telephony)
        };
        let outputs = centre.put_by(context, centre.second(8), input.clone());
        outputs.into_iter().find_map(|output| match output {
            Output::Refused { why } => Some(why),
            _ => None,
        })
    };
    // What Maria does before she sees that is decided after.
    for input in [
        Input::AgentDone { contact },
        Input::Hold { contact, on: true },
        Input::Transfer { contact, to: to() },
        Input::Consult {
            contact,
            consult: ContactId(3),
            to: to(),
        },
        Input::Conference { contact },
        Input::CompleteConsult { contact },
        Input::CancelConsult { contact },
    ] {
        let before = centre.state.directory.live[&contact].stage.clone();
        let why = by(&mut centre, "maria", &input).unwrap();
        assert_eq!(why, "maria does not talk with contact 1 now: noah does");
        assert_eq!(centre.state.directory.live[&contact].stage, before);
    }
    let done = Input::AgentDone { contact };
    assert_eq!(by(&mut centre, "noah", &done), None);
    assert!(!centre.state.directory.live.contains_key(&contact));
}

#[test]
fn whom_we_called_back_and_hand_over_is_known_to_be_on_the_line_somewhere() {
    let mut centre = Replay::new();
    centre.sign_in(1, "maria");
    let contact = ContactId(1);
    centre.at(
        2,
        Input::BookCallback {
            contact,
            queue: "acme/orders".parse().unwrap(),
            customer: "+4930900001".to_owned(),
            due: None,
            window: None,
            agent: None,
            priority: 0,
        },
    );
    centre.answer(3, 1);
    let what = |centre: &Replay| {
        let others = centre.state.directory.recovered().others;
        others.first().map(|other| other.what.clone())
    };
    let customer = "+4930900001".to_owned();
    assert_eq!(what(&centre), Some(Beside::Callback { customer }));
    let to = Target::Queue("acme/orders".parse().unwrap());
    centre.at(10, Input::Transfer { contact, to });
    assert_eq!(what(&centre), Some(Beside::Called));
    centre.at(20, Input::CustomerGone { contact });
    assert_eq!(what(&centre), None);
}

#[test]
fn a_consult_that_rings_outside_or_talks_there_is_told_to_a_successor_as_what_it_is() {
    let mut centre = Replay::of(crate::testing::tenant_that_calls_out());
    centre.sign_in(1, "maria");
    centre.arrive(2, 1, "acme/orders");
    centre.answer(3, 1);
    let (contact, consult) = (ContactId(1), ContactId(2));
    let to = Target::Number("+4930900009".to_owned());
    let is_at = |centre: &Replay| {
        let others = centre.state.directory.recovered().others;
        others.first().map(|other| other.stage.clone())
    };
    let outside = |together| {
        let talk = trunkline_routing::OfferId {
            contact: consult,
            generation: 0,
        };
        Some(RecoveredStage::Outside { talk, together })
    };
    centre.at(
        10,
        Input::Consult {
            contact,
            consult,
            to,
        },
    );
    assert_eq!(is_at(&centre), outside(false));
    // A snapshot of the release before has it as one that waits.
    let mut snapshot = centre.state.snapshot().unwrap();
    let mut whole: serde_json::Value = serde_json::from_slice(&snapshot.state).unwrap();
    let stage = &mut whole["directory"]["live"]["2"]["stage"];
    assert_eq!(stage["stage"], "calling");
    *stage = serde_json::json!({"stage": "waiting"});
    snapshot.state = serde_json::to_vec(&whole).unwrap();
    let state = State::restore(&snapshot).unwrap();
    let others = state.directory.recovered().others;
    assert_eq!(Some(others[0].stage.clone()), outside(false));
    // Nor is one that ended so told by a word that it doesn't know.
    let mut left = Replay::of(crate::testing::tenant_that_calls_out());
    for entry in &centre.entries[1..] {
        left.put_by(entry.context.clone(), entry.at, entry.input.clone());
    }
    left.at(11, Input::CancelConsult { contact });
    let ended = left
        .state
        .directory
        .recent
        .iter()
        .find(|record| record.contact == consult);
    assert_eq!(ended.unwrap().last.stage, Stage::Waiting);
    let taken = true;
    centre.at(
        12,
        Input::HandedOver {
            contact: consult,
            taken,
        },
    );
    assert_eq!(is_at(&centre), outside(true));
}

#[test]
fn what_rings_when_a_leader_ends_is_due_for_its_successor_by_the_walls_clock() {
    let last = Time(1_800_000_000_000_000);
    let due_at = |deadline| RecoveredStage::Offered {
        offer: trunkline_routing::OfferId {
            contact: ContactId(1),
            generation: 1,
        },
        agent: "maria".into(),
        deadline,
    };
    let recovered = crate::telephony::Recovered {
        others: vec![crate::telephony::RecoveredOther {
            contact: ContactId(1),
            queue: "acme/orders".parse().unwrap(),
            what: Beside::Called,
            stage: due_at(last + Span::seconds(20)),
        }],
        ..Default::default()
    };
    // Which was ahead of the wall by five minutes.
    let wall = last + Span::seconds(-300);
    let told = recovered.due_after(last, wall);
    assert_eq!(told.others[0].stage, due_at(wall + Span::seconds(20)));
}
