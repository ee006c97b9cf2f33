//! Plans days by size and prints how far each plan may be from the cheapest:
//! `shift_plan [moves [folder]]`; with a folder, each day is written there for other solvers.
//! `bench/workforce/` runs it.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use trunkline_workforce::shifts::{
    BreakRule, Effort, Group, Pattern, Problem, RuleError, ShiftRule, Skills, solve,
};

/// Shifts of 8, 6 and 4 hours with a lunch and two short breaks, or one.
fn patterns(step: usize, places: usize) -> Result<Vec<Pattern>, RuleError> {
    let off = |earliest: usize, length: usize, paid: bool, places: usize| BreakRule {
        earliest,
        latest: earliest + 2 * (places - 1),
        step: 2,
        length,
        paid,
    };
    let full = ShiftRule {
        length: 34,
        earliest: 24,
        latest: 60,
        step,
        breaks: vec![
            off(6, 1, true, places),
            off(14, 2, false, places),
            off(24, 1, true, places),
        ],
    };
    let medium = ShiftRule {
        length: 25,
        earliest: 24,
        latest: 68,
        step,
        breaks: vec![off(6, 1, true, places), off(14, 2, false, places)],
    };
    let short = ShiftRule {
        length: 16,
        earliest: 24,
        latest: 76,
        step,
        breaks: vec![off(6, 1, true, places)],
    };
    let mut all = full.patterns()?;
    all.extend(medium.patterns()?);
    all.extend(short.patterns()?);
    Ok(all)
}

/// Three skills with two humps a day each, shifted against one another.
fn required(peaks: [u32; 3]) -> Vec<Vec<u32>> {
    let hump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2) / 2.0).exp();
    peaks
        .iter()
        .enumerate()
        .map(|(skill, &peak)| {
            let shift = 3.0 * skill as f64;
            (0..96)
                .map(|t| {
                    let t = f64::from(t) - shift;
                    let level = hump(t, 42.0, 8.0).max(0.8 * hump(t, 62.0, 10.0));
                    let open = (26.0..90.0).contains(&(t + shift));
                    if open {
                        (f64::from(peak) * level).ceil() as u32
                    } else {
                        0
                    }
                })
                .collect()
        })
        .collect()
}

fn groups() -> Vec<Group> {
    [
        ("a", &[0][..], 1.0),
        ("b", &[1], 1.0),
        ("c", &[2], 1.0),
        ("ab", &[0, 1], 1.1),
        ("abc", &[0, 1, 2], 1.2),
    ]
    .into_iter()
    .filter_map(|(name, skills, cost)| {
        Some(Group {
            name: name.to_owned(),
            skills: Skills::of(skills)?,
            cost,
            most: None,
            patterns: None,
            remote_share: 0.0,
        })
    })
    .collect()
}

/// The day as JSON: by pattern the intervals worked and paid, by group skills and cost.
fn write(problem: &Problem, path: &Path) -> Result<(), Box<dyn Error>> {
    let works = |pattern: &Pattern| -> Vec<usize> {
        (0..problem.intervals())
            .filter(|&t| pattern.works(t))
            .collect()
    };
    let skills = |group: &Group| -> Vec<usize> {
        (0..problem.required.len())
            .filter(|&skill| group.skills.has(skill))
            .collect()
    };
    let patterns = problem.patterns.iter();
    let groups = problem.groups.iter();
    let day = json!({
        "patterns": patterns.map(|p| json!({"works": works(p), "paid": p.paid()})).collect::<Vec<_>>(),
        "groups": groups.map(|g| json!({"skills": skills(g), "cost": g.cost})).collect::<Vec<_>>(),
        "required": problem.required,
        "shortage": problem.shortage,
    });
    std::fs::write(path, day.to_string())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(2);
    let moves = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => Effort::default().moves,
    };
    println!("patterns,columns,peak,bound,cost,gap_percent,proven,seconds");
    for (step, places) in [(4, 2), (2, 2), (2, 3)] {
        let patterns = patterns(step, places)?;
        for peaks in [[60, 35, 20], [300, 150, 80]] {
            let problem = Problem {
                patterns: patterns.clone(),
                groups: groups(),
                required: required(peaks),
                seats: None,
                shortage: 8.0,
            };
            if let Some(folder) = &folder {
                let name = format!("{}-{}.json", patterns.len(), peaks[0]);
                write(&problem, &Path::new(folder).join(name))?;
            }
            let started = Instant::now();
            let plan = solve(
                &problem,
                &Effort {
                    moves,
                    ..Effort::default()
                },
            )?;
            println!(
                "{},{},{},{:.2},{:.2},{:.3},{},{:.1}",
                patterns.len(),
                5 * patterns.len(),
                peaks[0],
                plan.bound,
                plan.cost,
                100.0 * plan.gap(),
                plan.proven,
                started.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}
