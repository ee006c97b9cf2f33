//! Least agents for a grid of cases, and how long one search takes; `bench/workforce/`
//! sets the output beside a peer's.
//!
//! `least_agents grid` prints `model,load,aht,patience,within,target,agents` for the 7,182
//! cases of Erlang C; `least_agents speed` prints nanoseconds per search, of the fastest batch of ten.

use std::hint::black_box;
use std::time::Instant;

use trunkline_workforce::erlang::{
    Bounds, Callers, Formula, Horizons, Queue, Unreachable, least_agents,
};

const AHT: f64 = 180.0;
const BATCH: u128 = 10;

fn least(
    load: f64,
    aht: f64,
    callers: Callers,
    within: f64,
    target: f64,
) -> Result<u64, Unreachable> {
    let queue = Queue {
        load: load.into(),
        aht,
        callers,
    };
    let bounds = Bounds {
        service_level: Some((Formula::AllOffered, target)),
        ..Bounds::default()
    };
    let horizons = Horizons {
        within: Some(within),
        short: None,
    };
    least_agents(&queue, 0.0, &bounds, horizons)
}

/// 399 loads × 6 targets × 3 times = 7,182 cases.
fn grid() -> Result<(), Unreachable> {
    println!("load,aht,within,target,agents");
    for step in 1..=399_u32 {
        let load = f64::from(step) / 2.0;
        for target in [0.5, 0.7, 0.8, 0.9, 0.95, 0.99] {
            for within in [10.0, 20.0, 60.0] {
                let agents = least(load, AHT, Callers::Patient, within, target)?;
                println!("{load},{AHT},{within},{target},{agents}");
            }
        }
    }
    Ok(())
}

fn speed() -> Result<(), Unreachable> {
    println!("model,load,agents,nanoseconds");
    for (name, callers) in [("c", Callers::Patient), ("a", Callers::Impatient(120.0))] {
        for load in [10.0, 100.0, 1_000.0, 10_000.0, 50_000.0] {
            let mut agents = 0;
            // The fastest batch: what else the machine does only ever adds.
            let (mut best, started) = (u128::MAX, Instant::now());
            while started.elapsed().as_millis() < 300 {
                let begun = Instant::now();
                for _ in 0..BATCH {
                    agents = least(black_box(load), AHT, callers, 20.0, 0.8)?;
                }
                best = best.min(begun.elapsed().as_nanos());
            }
            let each = best / BATCH;
            println!("{name},{load},{agents},{each}");
        }
    }
    Ok(())
}

fn main() -> Result<(), Unreachable> {
    match std::env::args().nth(1).as_deref() {
        Some("grid") => grid(),
        _ => speed(),
    }
}
