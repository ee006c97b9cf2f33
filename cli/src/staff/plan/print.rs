//! What a plan prints: tables for people, CSV and JSON for programs.

use std::io::{BufWriter, Write};

use anyhow::Result;
use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use serde_json::{Value, json};
use trunkline_tenant::crds::ShiftName;
use trunkline_workforce::rota::{Lack, Row};

use super::Planned;
use super::roster::Roster;
use crate::number::{shown, shown_if};

const HOUR: f64 = 3600.0;

/// A shift or one of its breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Shift,
    Break,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Break => "break",
        }
    }
}

/// A line of somebody's rota.
pub struct Piece<'a> {
    pub person: usize,
    pub shift: &'a ShiftName,
    pub kind: Kind,
    pub from: DateTime<Tz>,
    pub to: DateTime<Tz>,
}

/// Everybody's shifts, each with its breaks behind it.
pub fn pieces(planned: &Planned) -> impl Iterator<Item = Piece<'_>> {
    let roster = &planned.roster;
    planned.plan.given.iter().flat_map(move |&(person, stint)| {
        let stint = &roster.rota.stints[stint];
        let piece = move |kind, (from, to): (i64, i64)| {
            Some(Piece {
                person,
                shift: &roster.shifts[stint.shift],
                kind,
                from: local(roster, from)?,
                to: local(roster, to)?,
            })
        };
        let breaks = stint.breaks.iter();
        let breaks = breaks.filter_map(move |&off| piece(Kind::Break, off));
        piece(Kind::Shift, (stint.start, stint.end))
            .into_iter()
            .chain(breaks)
    })
}

fn local(roster: &Roster, at: i64) -> Option<DateTime<Tz>> {
    roster.zone.timestamp_opt(at, 0).earliest()
}

fn text_of(roster: &Roster, at: i64) -> String {
    local(roster, at).map_or_else(String::new, |time| time.to_rfc3339())
}

fn why(lack: Lack) -> &'static str {
    match lack {
        Lack::Shift => "no shift works through it",
        Lack::Seat => "every seat is taken",
        Lack::People => "nobody with the skills is free",
        Lack::Worth => "a shift would cost more than it cures",
    }
}

/// Missing of what is wanted, per cent.
fn percent(gap: f64, wanted: f64) -> Option<f64> {
    (wanted > 0.0).then(|| 100.0 * gap / wanted)
}

/// `agent,team,shift,kind,from,to`.
pub fn shifts(out: impl Write, planned: &[Planned]) -> Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(["agent", "team", "shift", "kind", "from", "to"])?;
    for one in planned {
        for piece in pieces(one) {
            out.write_record([
                one.roster.agents[piece.person].as_str(),
                one.roster.team.as_str(),
                piece.shift.as_str(),
                piece.kind.word(),
                &piece.from.to_rfc3339(),
                &piece.to.to_rfc3339(),
            ])?;
        }
    }
    out.flush()?;
    Ok(())
}

/// `at,team,required,with_shrinkage,scheduled,gap,gap_percent,seats,why`.
pub fn intervals(out: impl Write, planned: &[Planned]) -> Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record([
        "at",
        "team",
        "required",
        "with_shrinkage",
        "scheduled",
        "gap",
        "gap_percent",
        "seats",
        "why",
    ])?;
    for one in planned {
        for (at, row) in one.plan.rows.iter().enumerate() {
            let gap_percent = percent(row.gap, f64::from(row.required));
            out.write_record([
                text_of(&one.roster, one.roster.rota.needs[at].start).as_str(),
                one.roster.team.as_str(),
                one.roster.on_contacts[at].to_string().as_str(),
                row.required.to_string().as_str(),
                shown(row.scheduled).to_string().as_str(),
                shown(row.gap).to_string().as_str(),
                gap_percent
                    .map_or_else(String::new, |gap| format!("{gap:.1}"))
                    .as_str(),
                row.seats.to_string().as_str(),
                row.lack.map_or("", why),
            ])?;
        }
    }
    out.flush()?;
    Ok(())
}

/// `agent,team,contract_hours,hours,shifts,unsocial,remote`; the contract's over the whole plan.
pub fn people(out: impl Write, planned: &[Planned]) -> Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record([
        "agent",
        "team",
        "hours_a_week",
        "hours",
        "shifts",
        "unsocial",
        "remote",
    ])?;
    for one in planned {
        for (person, worked) in one.plan.worked.iter().enumerate() {
            let of = &one.roster.rota.people[person];
            out.write_record([
                one.roster.agents[person].as_str(),
                one.roster.team.as_str(),
                &shown(of.week as f64 / HOUR).to_string(),
                &shown(worked.seconds as f64 / HOUR).to_string(),
                &worked.stints.to_string(),
                &worked.unsocial.to_string(),
                &(!of.on_site).to_string(),
            ])?;
        }
    }
    out.flush()?;
    Ok(())
}

/// `agent,from,to` in seconds from the first interval, as `simulate --agents` reads them: who
/// is there and on no break.
pub fn presence(out: impl Write, planned: &[Planned]) -> Result<()> {
    let starts = planned
        .iter()
        .filter_map(|one| one.roster.rota.needs.first());
    let zero = starts.map(|need| need.start).min().unwrap_or_default();
    let mut out = csv::Writer::from_writer(out);
    out.write_record(["agent", "from", "to"])?;
    for one in planned {
        for &(person, stint) in &one.plan.given {
            let stint = &one.roster.rota.stints[stint];
            let mut from = stint.start;
            let ends = stint.breaks.iter().copied().chain([(stint.end, stint.end)]);
            for (until, next) in ends {
                // What was before the first interval is no part of a run.
                let (since, until) = ((from - zero).max(0), until - zero);
                if until > since {
                    let agent = one.roster.agents[person].as_str();
                    out.write_record([agent, &since.to_string(), &until.to_string()])?;
                }
                from = next;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// What a team's plan comes to, in hours.
struct Sums {
    required: f64,
    with_shrinkage: f64,
    scheduled: f64,
    missing: f64,
    paid: f64,
}

fn sums(one: &Planned) -> Sums {
    let hours = one
        .roster
        .rota
        .needs
        .first()
        .map_or(0.0, |need| (need.end - need.start) as f64 / HOUR);
    let of = |value: fn(&Row) -> f64| hours * one.plan.rows.iter().map(value).sum::<f64>();
    let on_contacts: f64 = one.roster.on_contacts.iter().copied().map(f64::from).sum();
    Sums {
        required: hours * on_contacts,
        with_shrinkage: of(|row| f64::from(row.required)),
        scheduled: of(|row| row.scheduled),
        missing: of(|row| row.gap),
        paid: one
            .plan
            .worked
            .iter()
            .map(|worked| worked.seconds as f64 / HOUR)
            .sum(),
    }
}

/// One JSON object with everything.
pub fn json(planned: &[Planned]) -> Result<()> {
    let teams: Vec<Value> = planned.iter().map(team_json).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &json!({ "teams": teams }))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn team_json(one: &Planned) -> Value {
    let (roster, plan, sums) = (&one.roster, &one.plan, sums(one));
    let intervals = plan.rows.iter().enumerate().map(|(at, row)| {
        json!({
            "at": text_of(roster, roster.rota.needs[at].start),
            "required": roster.on_contacts[at],
            "with_shrinkage": row.required,
            "scheduled": shown(row.scheduled),
            "gap": shown(row.gap),
            "gap_percent": shown_if(percent(row.gap, f64::from(row.required))),
            "seats": row.seats,
            "why": row.lack.map(why),
        })
    });
    let shifts = pieces(one).map(|piece| {
        json!({
            "agent": roster.agents[piece.person].as_str(),
            "shift": piece.shift.as_str(),
            "kind": piece.kind.word(),
            "from": piece.from.to_rfc3339(),
            "to": piece.to.to_rfc3339(),
        })
    });
    let people = plan.worked.iter().enumerate().map(|(person, worked)| {
        json!({
            "agent": roster.agents[person].as_str(),
            "hours_a_week": shown(roster.rota.people[person].week as f64 / HOUR),
            "hours": shown(worked.seconds as f64 / HOUR),
            "shifts": worked.stints,
            "unsocial": worked.unsocial,
        })
    });
    json!({
        "team": roster.team.as_str(),
        "required_hours": shown(sums.required),
        "with_shrinkage_hours": shown(sums.with_shrinkage),
        "scheduled_hours": shown(sums.scheduled),
        "missing_hours": shown(sums.missing),
        "missing_percent": shown_if(percent(sums.missing, sums.with_shrinkage)),
        "paid_hours": shown(sums.paid),
        "seats": roster.rota.rules.seats,
        "peak_seats": plan.peak.map_or(0, |peak| peak.seats),
        "peak_at": plan.peak.map(|peak| text_of(roster, peak.at)),
        "seats_wanted": one.seats_wanted,
        "above_bound": shown_if(plan.gap()),
        "proven": plan.proven,
        "people": people.collect::<Vec<_>>(),
        "intervals": intervals.collect::<Vec<_>>(),
        "shifts": shifts.collect::<Vec<_>>(),
    })
}

/// A summary by team, with what is missing and why.
pub fn text(planned: &[Planned]) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for one in planned {
        team_text(&mut out, one)?;
    }
    out.flush()?;
    Ok(())
}

fn team_text(out: &mut impl Write, one: &Planned) -> Result<()> {
    let (roster, plan, sums) = (&one.roster, &one.plan, sums(one));
    let at_work = plan
        .worked
        .iter()
        .filter(|worked| worked.stints > 0)
        .count();
    writeln!(
        out,
        "team {}: {at_work} of {} people work",
        roster.team,
        plan.worked.len()
    )?;
    writeln!(
        out,
        "  hours        {:.1} required, {:.1} with shrinkage; {:.1} scheduled, {:.1} missing ({:.1} %); {:.1} paid",
        sums.required,
        sums.with_shrinkage,
        sums.scheduled,
        sums.missing,
        percent(sums.missing, sums.with_shrinkage).unwrap_or(0.0),
        sums.paid
    )?;
    let hours = || {
        plan.worked
            .iter()
            .map(|worked| worked.seconds as f64 / HOUR)
    };
    let unsocial = || plan.worked.iter().map(|worked| worked.unsocial);
    writeln!(
        out,
        "  each         {:.1} to {:.1} hours; {} to {} shifts at night or on weekends",
        hours().fold(f64::INFINITY, f64::min),
        hours().fold(0.0, f64::max),
        unsocial().min().unwrap_or(0),
        unsocial().max().unwrap_or(0)
    )?;
    seats_text(out, one)?;
    match plan.gap() {
        Some(0.0) => writeln!(out, "  cost         proven the least")?,
        Some(gap) => writeln!(
            out,
            "  cost         at most {:.2} % above the least",
            100.0 * gap
        )?,
        None => writeln!(
            out,
            "  cost         its distance from the least is not known"
        )?,
    }
    missing_text(out, one)
}

fn seats_text(out: &mut impl Write, one: &Planned) -> Result<()> {
    let Some(peak) = one.plan.peak else {
        writeln!(out, "  seats        none: nobody works on site")?;
        return Ok(());
    };
    let seats = one.roster.rota.rules.seats;
    let there = seats.map_or_else(|| "unbounded".to_owned(), |seats| format!("of {seats}"));
    writeln!(
        out,
        "  seats        {} at most ({there}), from {}",
        peak.seats,
        text_of(&one.roster, peak.at)
    )?;
    if let (Some(wanted), Some(seats)) = (one.seats_wanted, seats) {
        writeln!(
            out,
            "               {wanted} would be used if there were enough, {} more than there are",
            wanted.saturating_sub(seats)
        )?;
    }
    Ok(())
}

/// What is missing, neighbours of one reason and size in one line.
fn missing_text(out: &mut impl Write, one: &Planned) -> Result<()> {
    let needs = &one.roster.rota.needs;
    let mut lines: Vec<(i64, i64, f64, Lack)> = Vec::new();
    for (need, row) in needs.iter().zip(&one.plan.rows) {
        let Some(lack) = row.lack else { continue };
        match lines.last_mut() {
            Some((_, end, gap, why)) if (*end, *gap, *why) == (need.start, row.gap, lack) => {
                *end = need.end;
            }
            _ => lines.push((need.start, need.end, row.gap, lack)),
        }
    }
    if !lines.is_empty() {
        writeln!(out, "  missing")?;
    }
    for (from, to, gap, lack) in lines {
        let shown = |at, form: &str| {
            let time = local(&one.roster, at);
            time.map_or_else(String::new, |time| time.format(form).to_string())
        };
        writeln!(
            out,
            "    {} to {}  {gap:.2}  {}",
            shown(from, "%a %Y-%m-%d %H:%M"),
            shown(to, "%H:%M"),
            why(lack)
        )?;
    }
    Ok(())
}
