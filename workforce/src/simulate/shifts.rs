//! Who is there when, as the documents' shifts have it.

use chrono::{DateTime, Days, NaiveDate};
use trunkline_routing::{Span, Time, moment};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{Tenant, TenantAgent, WorkShift};

use super::run::Presence;

/// The presence of everyone who is listed with a team, from `start` for `length`.
///
/// Each works a shift of theirs every day that they are employed; those with several take turns,
/// a week each, and begin with different ones. In breaks they are away: what they have in hand is
/// finished first, as at the end of a shift. Who has no shift is there all the time, and so are
/// the least pods of a virtual team. The documents say shifts, not who works on which day: for a
/// dated plan, list its hours as [`Presence`]s.
pub fn working_hours(tenant: &Tenant, start: Time, length: Span) -> Vec<Presence> {
    let mut all = Vec::new();
    let listed = tenant.agents.iter().filter(|(_, one)| one.team.is_some());
    for (ordinal, (name, agent)) in listed.enumerate() {
        let shifts: Vec<&WorkShift> = agent
            .shifts
            .iter()
            .filter_map(|shift| tenant.shifts.get(shift))
            .collect();
        if shifts.is_empty() {
            all.push(always(name.clone()));
            continue;
        }
        for day in days(start, length) {
            if !is_employed(agent, day) {
                continue;
            }
            // Days of the common era: a week from Monday (day 1 was one) to Sunday.
            let week = (chrono::Datelike::num_days_from_ce(&day) - 1).div_euclid(7);
            let shift = shifts[(ordinal + week.unsigned_abs() as usize) % shifts.len()];
            let stretches = stretches(tenant, shift, day);
            // A shift that has begun is worked to its end, its breaks left out: those who still wait
            // are served after these.
            if stretches
                .first()
                .is_none_or(|first| first.0 - start >= length)
            {
                continue;
            }
            let presences = stretches.into_iter().map(|(from, to)| Presence {
                agent: name.clone(),
                team: None,
                from: Span((from - start).0.max(0)),
                to: Some(to - start),
            });
            all.extend(presences.filter(|one| one.to > Some(Span(0))));
        }
    }
    all.extend(least_pods(tenant));
    all
}

/// The least pods of each virtual team, all the time.
pub(crate) fn least_pods(tenant: &Tenant) -> impl Iterator<Item = Presence> + '_ {
    let fleets = tenant.teams.iter().filter_map(|(name, team)| {
        let pods = team.virtual_agents.as_ref()?;
        Some((name, pods.min_pods, pods.contacts_per_pod))
    });
    fleets.flat_map(|(name, pods, slots)| {
        let agents = (0..pods).flat_map(move |pod| (0..slots).map(move |slot| (pod, slot)));
        agents.map(move |(pod, slot)| Presence {
            team: Some(name.clone()),
            ..always(AgentName::new(format!("{name}-{pod}-{slot}")))
        })
    })
}

fn always(agent: AgentName) -> Presence {
    Presence {
        agent,
        team: None,
        from: Span(0),
        to: None,
    }
}

/// Every day whose shifts may reach into the run: a night shift of the day before does.
fn days(start: Time, length: Span) -> impl Iterator<Item = NaiveDate> {
    let date = |time: Time| DateTime::from_timestamp_micros(time.0).map(|date| date.date_naive());
    let last = date(start + length).and_then(|day| day.checked_add_days(Days::new(1)));
    let first = date(start).and_then(|day| day.checked_sub_days(Days::new(2)));
    let days = first.into_iter().flat_map(|first| first.iter_days());
    days.take_while(move |day| last.is_some_and(|last| *day <= last))
}

fn is_employed(agent: &TenantAgent, day: NaiveDate) -> bool {
    agent.employed_from.is_none_or(|from| day >= from)
        && agent.employed_to.is_none_or(|to| day <= to)
}

/// The shift of a day without its breaks.
fn stretches(tenant: &Tenant, shift: &WorkShift, day: NaiveDate) -> Vec<(Time, Time)> {
    let Some(start) = moment(day, i64::from(shift.start_minute), tenant.time_zone) else {
        return Vec::new();
    };
    let mut from = start;
    let mut stretches = Vec::new();
    for pause in &shift.breaks {
        let away = start + Span::from(pause.after);
        stretches.push((from, away));
        from = away + Span::from(pause.length);
    }
    stretches.push((from, start + Span::from(shift.length)));
    stretches.retain(|(from, to)| from < to);
    stretches
}

#[cfg(test)]
mod tests {
    use trunkline_tenant::{compile, manifest};

    use super::*;

    const CENTRE: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: Europe/Berlin
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  shifts:
  - {name: early, start: '06:00', length: 8h, breaks: [{after: 2h, length: 15m}, {after: 4h, length: 30m}]}
  - {name: night, start: '22:00', length: 8h}
  teams:
  - {name: front, kind: Human, media: {voice: 1}, shifts: [early, night]}
  queues:
  - {name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {action: Hold}}
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: ann, namespace: c}
spec: {callCenter: c, displayName: Ann, team: front, shifts: [early], roles: []}
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: ben, namespace: c}
spec: {callCenter: c, displayName: Ben, team: front, roles: [], employment: {to: 2026-10-25}}
";

    fn at(text: &str) -> Time {
        let date = DateTime::parse_from_rfc3339(text).unwrap();
        Time(date.timestamp_micros())
    }

    #[test]
    fn agents_are_away_in_breaks_and_a_night_shift_reaches_into_the_next_day() {
        let documents = manifest::read("c.yaml", CENTRE).unwrap().documents;
        let compiled = compile(&documents, None);
        let tenant = compiled
            .tenant
            .unwrap_or_else(|| panic!("{:?}", compiled.findings));
        // The Monday after clocks went back in Berlin.
        let start = at("2026-10-26T00:00:00+01:00");
        let found = working_hours(&tenant, start, Span::seconds(86_400));
        let hours = |span: Span| span.0 as f64 / 3.6e9;
        let ann: Vec<(f64, f64)> = found
            .iter()
            .filter(|one| one.agent.as_str() == "ann")
            .map(|one| (hours(one.from), hours(one.to.unwrap())))
            .collect();
        assert_eq!(ann, [(6.0, 8.0), (8.25, 10.0), (10.5, 14.0)]);
        // Ben takes turns, a week each, and Sunday is his last day.
        let ben = |from: &str| -> Vec<(f64, f64)> {
            let all = working_hours(&tenant, at(from), Span::seconds(86_400));
            let his = all.iter().filter(|one| one.agent.as_str() == "ben");
            his.map(|one| (hours(one.from), hours(one.to.unwrap())))
                .collect()
        };
        // A shift that has begun goes on after its break.
        let hour = working_hours(
            &tenant,
            at("2026-10-26T07:30:00+01:00"),
            Span::seconds(3600),
        );
        let ends = hour.iter().filter_map(|one| Some(hours(one.to?)));
        assert_eq!(ends.collect::<Vec<f64>>(), [0.5, 2.5, 6.5]);
        // From six o'clock on.
        let (early, night) = ([(0.0, 2.0), (2.25, 4.0), (4.5, 8.0)], (16.0, 24.0));
        let turns = ["2026-10-14", "2026-10-21"].map(|day| ben(&format!("{day}T06:00:00+02:00")));
        assert!(turns.contains(&early.to_vec()), "{turns:?}");
        assert!(
            turns.iter().any(|turn| turn.last() == Some(&night)),
            "{turns:?}"
        );
        assert!(ben("2026-10-26T08:00:00+01:00").is_empty());
    }
}
