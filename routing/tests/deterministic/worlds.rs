//! The centres that the simulation plays in, and their changes of configuration.

use std::sync::Arc;

use chrono::DateTime;
use trunkline_routing::{Span, Time};
use trunkline_tenant::Tenant;

use crate::world::tenant_in;

/// Where and around when a run may take place: a change of the clock, or a midnight between a plain
/// day and a holiday.
const MOMENTS: [(&str, &[&str]); 4] = [
    (
        "Europe/Berlin",
        &[
            "2026-10-25T01:00:00Z",
            "2027-03-28T01:00:00Z",
            "2027-01-05T23:00:00Z",
        ],
    ),
    // The clock is set back from midnight to 23:00, and forward over midnight.
    (
        "America/Santiago",
        &[
            "2026-04-05T03:00:00Z",
            "2026-09-06T04:00:00Z",
            "2027-01-06T03:00:00Z",
        ],
    ),
    // By half an hour.
    (
        "Australia/Lord_Howe",
        &[
            "2026-04-04T15:00:00Z",
            "2026-10-03T15:30:00Z",
            "2027-01-05T13:00:00Z",
        ],
    ),
    (
        "Asia/Kolkata",
        &["2027-01-05T18:30:00Z", "2027-01-06T18:30:00Z"],
    ),
];

/// Days on which the calendar `days` is closed: the Epiphany, and two on which the clock changes.
const HOLIDAYS: &str = "['2027-01-06', '2026-04-05', '2026-09-06']";

const CENTRE: &str = "
  skills: [english, law],
  capacity: {breakGuard: 60s},
  calendars: [{name: dense, open: [DENSE]},
              {name: days, open: [{from: '00:00', to: '24:00'}], closed: HOLIDAYS}],
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [
    {name: front, kind: Human, wrapUp: 10s, skills: {english: 3},
     media: {voice: 1, chat: 2, email: 2},
     interrupts: [{by: Voice, during: Chat}, {by: Voice, during: Email}, {by: Chat, during: Email}]},
    {name: back, kind: Human, media: {voice: 1, email: 1}},
    {name: robots, kind: Virtual, skills: {english: 2}, media: {voice: 1},
     virtual: {image: robot, contactsPerPod: 2}}],
  queues: [
    {name: desk, medium: Voice, teams: [front, back], ring: 15s, onExhausted: {action: Hold}},
    {name: stepped, medium: Voice, teams: [front, back, robots], ring: 8s,
     serviceLevel: {percent: 80, within: 10s},
     route: [{require: {english: 4}, for: 20s}, {require: {law: 2}, prefer: {english: 5}, for: 10s}],
     onExhausted: {action: Widen}, lastAgent: {for: 7s}},
    {name: over, medium: Voice, teams: [front], priority: 1, strategy: MostSkilled,
     route: [{require: {law: 5}, for: 5s}, {require: {english: 3}, for: 12s}],
     onExhausted: {action: Overflow, queue: desk}},
    {name: chats, medium: Chat, teams: [front], strategy: LeastOccupied, ring: 30s,
     route: [{require: {english: 3}, for: 60s}], onExhausted: {action: Close}},
    {name: calls, medium: Callback, teams: [front, back], ring: 11s, calendar: dense,
     onExhausted: {action: Hold}},
    {name: annex, medium: Voice, teams: [back, front], ring: 12s, route: [{prefer: {english: 4}, for: 30s}],
     serviceLevel: {percent: 70, within: 15s, formula: AllOffered}, onExhausted: {action: Hold}},
    {name: office, medium: Voice, teams: [front, back], calendar: dense, closed: {action: Callback},
     serviceLevel: {percent: 60, within: 20s, formula: RemovedFromQueue}, onExhausted: {action: Hold}},
    {name: shop, medium: Voice, teams: [front], calendar: days, closed: {action: Overflow, queue: office},
     serviceLevel: {percent: 50, within: 30s, formula: WithFlowOuts}, route: [{for: 50s}],
     onExhausted: {action: Voicemail}},
    {name: mails, medium: Email, teams: [front, back], ring: 20s,
     serviceLevel: {percent: 70, within: 20s, formula: AnsweredOnly}, onExhausted: {action: Hold}},
    {name: letters, medium: Email, teams: [front], calendar: dense,
     closed: {action: Overflow, queue: mails}, route: [{for: 70s}], onExhausted: {action: Close}},
    {name: turns, medium: Voice, teams: [back, robots], strategy: RoundRobin,
     serviceLevel: {percent: 80, within: 10s, formula: AbandonsCount}, route: [{for: 25s}],
     onExhausted: {action: Callback}}]";

const CHANGED: &str = "
  skills: [english, law, german],
  calendars: [{name: dense, open: [SHIFTED]}],
  departments: [{name: legal, transferTo: '+4930123'}],
  teams: [
    {name: back, kind: Human, wrapUp: 4s},
    {name: front, kind: Human, skills: {english: 4}, media: {voice: 1, chat: 1}},
    {name: extra, kind: Human, media: {voice: 2}}],
  queues: [
    {name: desk, medium: Voice, teams: [front, back, extra], ring: 12s, onExhausted: {action: Hold}},
    {name: stepped, medium: Voice, teams: [front, back], ring: 8s,
     route: [{require: {english: 4}, for: 9s}], onExhausted: {action: Voicemail}},
    {name: office, medium: Voice, teams: [front, back], calendar: dense, closed: {action: Voicemail},
     onExhausted: {action: Hold}},
    {name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";

const AGENTS: &str = "
  ann team: front
  bob team: front, skills: {english: 5, law: 2}
  cal team: back
  dee team: back, skills: {english: 4, law: 1}
  lea team: front, skills: {law: 5, english: 5}";

const FEWER: &str = "
  ann team: front
  bob team: back, skills: {law: 2}
  dee team: extra, skills: {english: 4}
  lea team: front, skills: {law: 5, english: 5}
  zac team: extra";

const CLIENTS: &str = "
  Client acme timeZone: UTC, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: orders, medium: Voice, ring: 9s, onExhausted: {action: Hold},
              teams: [{name: front, guaranteed: 1, weight: 2}, {name: back}]}]
  ---
  Client bolt timeZone: America/New_York, hours: dense, numbers: ['+18005550101'], trunks: [carrier],
    queues: [{name: help, medium: Voice, onExhausted: {action: Overflow, queue: centre/desk},
              route: [{for: 18s}], teams: [{name: front}, {name: back, weight: 3}]}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

const ONE_CLIENT: &str = "
  Client acme timeZone: UTC, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: orders, medium: Voice, onExhausted: {action: Callback}, route: [{for: 40s}],
              teams: [{name: front, guaranteed: 1}]}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

/// A place on earth, with what a run starts with there and what it may change to.
pub struct Place {
    pub tenants: Vec<Arc<Tenant>>,
    moments: Vec<Time>,
}

impl Place {
    /// When a run of the seed begins: as many seconds before one of the moments.
    pub fn begins(&self, moment: usize, seconds: usize) -> Time {
        let moment = self.moments[moment % self.moments.len()];
        moment - Span::seconds(seconds as i64)
    }
}

/// Windows of each hour, from a minute to another.
fn hourly(from: usize, to: usize) -> String {
    let windows = (0..24).map(|hour| format!("{{from: '{hour:02}:{from}', to: '{hour:02}:{to}'}}"));
    windows.collect::<Vec<_>>().join(", ")
}

pub fn places() -> Vec<Place> {
    let spec = |text: &str| {
        text.replace("DENSE", &hourly(10, 45))
            .replace("SHIFTED", &hourly(30, 59))
            .replace("HOLIDAYS", HOLIDAYS)
    };
    let places = MOMENTS.iter().map(|(zone, moments)| {
        let fewer = FEWER.replace("extra", "back");
        let tenants = vec![
            tenant_in(zone, &spec(CENTRE), AGENTS, CLIENTS),
            tenant_in(zone, &spec(CENTRE), AGENTS, ONE_CLIENT),
            tenant_in(zone, &spec(CHANGED), FEWER, ONE_CLIENT),
            tenant_in(zone, &spec(CENTRE), &fewer, ""),
        ];
        let moments = moments.iter().filter_map(|text| {
            let moment = DateTime::parse_from_rfc3339(text).ok()?;
            Some(Time(moment.timestamp_micros()))
        });
        Place {
            tenants,
            moments: moments.collect(),
        }
    });
    places.collect()
}
