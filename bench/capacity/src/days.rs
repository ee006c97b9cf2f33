//! Days of arrivals: a bank's, read from a cache, or like them, from published facts.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use trunkline_routing::Span;
use trunkline_tenant::QueueId;
use trunkline_workforce::arrivals::{Random, bank_days};
use trunkline_workforce::forecast::{Date, Day};
use trunkline_workforce::simulate::Contact;

/// Five minutes from 07:00 to 21:05.
pub const SLOTS: usize = 169;
pub const SLOT: f64 = 300.0;
/// The half hours that are judged, from 07:00 to 21:00.
pub const HALF_HOURS: usize = 28;
pub const HALF_HOUR: f64 = 1800.0;

/// Calls by five minutes.
#[derive(Clone)]
pub struct Calls {
    pub date: Date,
    pub counts: Vec<u32>,
}

/// Reads `date,count,…` lines of 169 five-minute counts.
pub fn read(path: &Path) -> Result<Vec<Calls>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let day = |line: &str| -> Result<Calls> {
        let (date, counts) = line.split_once(',').context("a line without a comma")?;
        let counts: Result<Vec<u32>, _> = counts.split(',').map(str::parse).collect();
        let counts = counts?;
        ensure!(counts.len() == SLOTS, "{date} has {} counts", counts.len());
        Ok(Calls {
            date: date
                .parse()
                .map_err(|_| anyhow::anyhow!("`{date}` is no date"))?,
            counts,
        })
    };
    text.lines().map(day).collect()
}

/// Made-up days with a bank's weekdays, profile, swing and noise.
pub fn generated(count: usize) -> Vec<Calls> {
    let mut random = Random::new(2003);
    let days = bank_days(2003, Date(12_114), count, 1.0);
    days.into_iter()
        .map(|day| {
            let mut counts = vec![0; SLOTS];
            for (slot, calls) in day.counts.iter().enumerate() {
                for _ in 0..calls.unwrap_or(0.0) as u32 {
                    counts[6 * slot + (6.0 * random.uniform()) as usize] += 1;
                }
            }
            Calls {
                date: day.date,
                counts,
            }
        })
        .collect()
}

/// Each call is kept with this probability: a smaller site with the same day.
pub fn thin(days: &[Calls], share: f64, seed: u64) -> Vec<Calls> {
    let mut random = Random::new(seed);
    let mut kept = |count: &u32| (0..*count).filter(|_| random.uniform() < share).count() as u32;
    days.iter()
        .map(|day| Calls {
            date: day.date,
            counts: day.counts.iter().map(&mut kept).collect(),
        })
        .collect()
}

impl Calls {
    /// As a day of half hours, as the forecast knows it.
    pub fn half_hours(&self) -> Day {
        let of = |slots: &[u32]| Some(f64::from(slots.iter().sum::<u32>()));
        Day {
            date: self.date,
            counts: self.counts[..6 * HALF_HOURS].chunks(6).map(of).collect(),
        }
    }

    /// The calls, anywhere within their five minutes; seconds count from 07:00.
    pub fn contacts(&self, queue: &QueueId, seed: u64) -> Vec<Contact> {
        let mut random = Random::new(seed ^ self.date.0 as u64);
        let mut contacts = Vec::new();
        for (slot, &count) in self.counts.iter().enumerate() {
            for _ in 0..count {
                let at = SLOT * (slot as f64 + random.uniform());
                contacts.push(Contact {
                    at: Span((at * 1e6) as i64),
                    queue: queue.clone(),
                    handle: None,
                    patience: None,
                    priority: 0,
                    customer: None,
                    laws: None,
                    stream: None,
                });
            }
        }
        contacts.sort_by_key(|contact| contact.at);
        contacts
    }
}
