//! The rows of contacts and agents in every store, and some to write.

use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{
    AgentState, ContactId, RotaShift, RowPlace, Segment, SegmentEnd, Span, Time,
};
use trunkline_tenant::QueueId;

use super::Home;
use crate::journal::{Journal, Rows};

pub fn segment(contact: u64, index: u32) -> Segment {
    let entered = Time(i64::try_from(contact).unwrap() * 1_000_000);
    Segment {
        contact: ContactId(contact),
        index,
        queue: QueueId::of("acme", "orders"),
        client: Some("acme".into()),
        arrived: entered,
        entered,
        answered: None,
        ended: entered + Span::seconds(9),
        agent: None,
        hold: Span(0),
        wrap_up: Span(0),
        codes: Vec::new(),
        end: SegmentEnd::Abandoned,
        again: false,
        terms: None,
        place: None,
        kind: Default::default(),
    }
}

pub fn segments<const N: usize>(segments: [Segment; N]) -> Rows {
    Rows {
        segments: segments.into(),
        ..Rows::default()
    }
}

/// Half an hour of an agent's.
pub fn spell(agent: &str, from: i64) -> Spell {
    Spell {
        agent: agent.into(),
        team: Some("frontline".into()),
        capacity: 9,
        from: Time(from),
        to: Time(from) + Span::seconds(1800),
        state: AgentState::NotReady {
            reason: "lunch".into(),
        },
    }
}

/// The latest moment that any store has a number for.
pub const LATEST: Time = Time(i64::MAX);

/// The rows of stretches that were not over before a moment.
pub fn records(journal: &mut dyn Journal, since: Time) -> Vec<Segment> {
    journal.records((since, LATEST), None, usize::MAX).unwrap()
}

pub fn agents_time_written_again_is_there_once_and_is_found_by_what_it_touches(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let half = Span::seconds(1800).0;
    let write = |journal: &mut dyn Journal, spells: Vec<Spell>| {
        let rows = Rows {
            spells,
            ..Rows::default()
        };
        journal.project(epoch, &rows).unwrap();
    };
    let (first, second) = (spell("maria", 0), spell("maria", half));
    let noah = spell("noah", half - 1);
    write(journal.as_mut(), vec![second.clone(), first.clone()]);
    write(
        journal.as_mut(),
        vec![first.clone(), first.clone(), noah.clone()],
    );
    drop(journal);
    let mut journal = home.open();
    let mut found = |from, to| journal.spells(Time(from), Time(to)).unwrap();
    assert_eq!(
        found(0, i64::MAX),
        [first.clone(), noah.clone(), second.clone()]
    );
    let touched = found(half, half);
    assert_eq!(
        touched,
        std::slice::from_ref(&noah),
        "it touches this moment"
    );
    assert_eq!(found(half, half + 1), [noah.clone(), second.clone()]);
    assert_eq!(found(half - 1, half), [first, noah]);
    assert_eq!(found(2 * half, i64::MAX), []);
}

/// A version with one shift, or with none.
pub fn rota(agent: &str, given: i64, shift: Option<(i64, i64)>) -> RotaVersion {
    let shift = shift.map(|(from, to)| RotaShift {
        from: Time(from),
        to: Time(to),
        breaks: vec![(Time(from), Time(from + 1))],
    });
    RotaVersion {
        agent: agent.into(),
        given: Time(given),
        place: RowPlace {
            zone: chrono_tz::Europe::Berlin,
            team: Some("frontline".into()),
        },
        shifts: shift.into_iter().collect(),
    }
}

pub fn of_rotas_the_versions_that_speak_of_a_time_are_found_and_of_those_given_before_it_the_last(
    home: &Home,
) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let first = rota("maria", 10, Some((100, 200)));
    let second = rota("maria", 50, Some((300, 400)));
    // Of a time before the second was given, and after.
    let amended = rota("maria", 500, Some((20, 200)));
    let none = rota("maria", 600, None);
    let noah = rota("noah", 30, Some((100, 200)));
    let all = [&first, &noah, &second, &amended, &none].map(Clone::clone);
    let mut write = |rotas: Vec<RotaVersion>| {
        let rows = Rows {
            rotas,
            ..Rows::default()
        };
        journal.project(epoch, &rows).unwrap();
    };
    write(vec![rota("noah", 30, None), second.clone(), first.clone()]);
    write(all.iter().rev().cloned().collect());
    drop(journal);
    let mut journal = home.open();
    let mut found = |from, to| journal.rotas(Time(from), Time(to)).unwrap();
    assert_eq!(found(0, i64::MAX), all);
    // Given at 10 or before, and the amendment that speaks from 20 on: not those given at 30 and 50.
    assert_eq!(found(0, 20), std::slice::from_ref(&first));
    assert_eq!(found(10, 25), [first.clone(), amended.clone()]);
    let before = [noah.clone(), second.clone(), amended.clone()];
    assert_eq!(
        found(50, 600),
        before,
        "the first has been replaced by then"
    );
    assert_eq!(
        found(49, 51),
        [first, noah.clone(), second, amended.clone()]
    );
    assert_eq!(found(500, 600), [noah.clone(), amended]);
    assert_eq!(found(700, 800), [noah, none], "however long it has stood");
}

pub fn a_record_written_again_is_one_record(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    journal.project(epoch, &Rows::default()).unwrap();
    let first = segments([segment(2, 0), segment(1, 1), segment(1, 0)]);
    journal.project(epoch, &first).unwrap();
    let mut changed = segment(1, 1);
    changed.wrap_up = Span::seconds(4);
    let again = segments([segment(1, 1), changed.clone(), segment(3, 0)]);
    journal.project(epoch, &again).unwrap();
    assert_eq!(journal.record(1).unwrap(), [segment(1, 0), changed.clone()]);
    let since = segment(2, 0).ended;
    assert_eq!(
        records(journal.as_mut(), since),
        [segment(2, 0), segment(3, 0)]
    );
}

pub fn stretches_are_found_by_what_they_touch_however_long_before_they_began(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let days = Span::seconds(4 * 86_400);
    let (first, second, third) = (segment(1, 0), segment(2, 0), segment(20, 0));
    let long = Segment {
        answered: Some(first.entered + Span::seconds(5)),
        ended: first.entered + days,
        agent: Some("maria".into()),
        // With what a search for the end might stumble upon.
        codes: vec!["\0 \"ended\":1".into()],
        end: SegmentEnd::Answered,
        ..first.clone()
    };
    let rows = segments([third.clone(), second.clone(), long.clone()]);
    journal.project(epoch, &rows).unwrap();
    drop(journal);
    let mut journal = home.open();
    let all = [long.clone(), second.clone(), third.clone()];
    let mut found = |since: i64| records(journal.as_mut(), Time(since));
    assert_eq!(found(0), all);
    assert_eq!(found(second.ended.0), all, "it touches this moment");
    assert_eq!(found(second.ended.0 + 1), [long.clone(), third.clone()]);
    assert_eq!(found(third.ended.0 + 1), std::slice::from_ref(&long));
    assert_eq!(found(long.ended.0 + 1), []);
    // Written again with another end it goes by that.
    let epoch = journal.acquire("b").unwrap();
    journal.project(epoch, &segments([first])).unwrap();
    let found = records(journal.as_mut(), Time(second.ended.0 + 1));
    assert_eq!(found, [third]);
}

pub fn rows_come_in_pages_that_join_and_none_of_whom_came_behind_the_time(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let hour = |hours: i64| Time(0) + Span::seconds(hours * 3600);
    let mut all = Vec::new();
    let mut put = |contact: u64, index, (arrived, entered, ended): (i64, i64, i64)| {
        all.push(Segment {
            arrived: hour(arrived),
            entered: hour(entered),
            ended: hour(ended),
            ..segment(contact, index)
        });
    };
    // Of one moment, and of one contact.
    for contact in [3, 1, 2] {
        put(contact, 0, (10, 10, 10));
        put(contact, 1, (10, 10, 11));
    }
    // As long as it may be, and longer: in a queue, and on the way to it.
    for (n, length) in [1, 2, 3, 30, 300].into_iter().enumerate() {
        let contact = 10 + 3 * n as u64;
        put(contact, 0, (9, 9, 9 + length));
        put(contact + 1, 1, (9, 9 + length, 9 + length));
        put(contact + 2, 2, (9, 9 + length - 1, 9 + length));
    }
    // Early, late, and with a clock that was set.
    put(30, 0, (0, 0, 1));
    put(31, 0, (40, 40, 41));
    put(32, 0, (14, 12, 13));
    all.sort_by_key(|row| (row.entered, row.contact, row.index));
    let rows = Rows {
        segments: all.iter().rev().cloned().collect(),
        ..Rows::default()
    };
    journal.project(epoch, &rows).unwrap();
    let hours = [0, 1, 9, 10, 11, 12, 14, 15, 16, 17, 39, 40, 41, 309, 310];
    for from in hours {
        for to in hours.into_iter().filter(|to| from < *to) {
            let touches =
                |row: &&Segment| hour(from) <= row.ended && row.arrived.min(row.entered) < hour(to);
            let wanted: Vec<Segment> = all.iter().filter(touches).cloned().collect();
            for limit in [1, 2, 7, 100] {
                let mut found: Vec<Segment> = Vec::new();
                let mut after = None;
                loop {
                    let within = (hour(from), hour(to));
                    let page = journal.records(within, after, limit).unwrap();
                    assert!(page.len() <= limit);
                    let Some(last) = page.last() else { break };
                    after = Some((last.entered, last.contact, last.index));
                    found.extend(page);
                }
                assert_eq!(found, wanted, "from {from} to {to}, by {limit}");
            }
        }
    }
    assert_eq!(records(journal.as_mut(), Time(i64::MIN)), all);
}
