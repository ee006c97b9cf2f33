//! What the journal costs: inputs a second with group commit, and what it adds to an input's way,
//! on SQLite and on Postgres, synced. The loop groups as the engine's does, whatever waits goes in one commit; but entries are
//! all alike, and nothing is decided, sealed or folded into rows: it is the store and its thread that are measured. A second
//! table has the routing core behind it: decisions a second, and what a decision waits, with the journal and without.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use trunkline_bench_routing::{Cell, Centre, quantile, tenant, thousands};
use trunkline_engine::journal::{Actor, Context, Entry, Epoch, Location, Seq, Writer};
use trunkline_routing::{Input, Time};

/// As many as the engine's main loop has in one.
const BATCH: usize = 512;

#[derive(Parser)]
#[command(about = "Inputs a second and added latency of the journal, per store")]
struct Arguments {
    /// A folder on the disk that is to be measured
    #[arg(long)]
    dir: PathBuf,
    /// A file that holds the URL of a Postgres database, empty
    #[arg(long)]
    postgres_url_file: Option<PathBuf>,
    /// How long each row is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

type Job = (Instant, oneshot::Sender<()>);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.dir)?;
    println!("{}", disk(&arguments.dir)?);
    println!();
    println!("| store | load | inputs/s | inputs a commit | p50 ms | p99 ms | max ms |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let mut stores = vec![
        ("none", None),
        (
            "SQLite",
            Some(Location::Sqlite(arguments.dir.join("journal"))),
        ),
    ];
    if let Some(file) = &arguments.postgres_url_file {
        stores.push(("Postgres", Some(Location::read(file)?)));
    }
    let long = Duration::from_secs(arguments.seconds);
    let mut decided = Vec::new();
    for (name, location) in stores {
        let journal = Arc::new(Journal::open(location).await?);
        let (jobs, todo) = mpsc::channel::<Job>(100_000);
        let commits = tokio::spawn(commit(Arc::clone(&journal), todo));
        for rate in [20, 200, 2_000] {
            let row = open_loop(&jobs, rate, long).await;
            row.print(name, &format!("{rate} inputs/s, evenly"), &journal);
        }
        for at_once in [1, 16, 256, 2_048] {
            let row = closed_loop(&jobs, at_once, long).await;
            row.print(
                name,
                &format!("{at_once} at a time, as fast as it goes"),
                &journal,
            );
        }
        drop(jobs);
        let mut seq = commits.await??;
        for agents in [100, 1_000, 10_000, 100_000] {
            decided.push(decide(&journal, &mut seq, name, agents, long).await?);
        }
    }
    println!();
    println!(
        "| journal | agents | decisions/s | inputs/s | inputs a commit | p50 ms | p99 ms | max ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    decided.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// A centre of so many agents and 50 queues, 1,000 contacts waiting, all decided upon behind the journal: contacts arrive,
/// as many at once as there surely are agents for, then as many conversations end; whom that made ring answers. What comes at
/// once goes in one commit, and is decided when it is durable. A decision is an arrival or an end; its time is from when it
/// was there until it is decided.
async fn decide(
    journal: &Journal,
    seq: &mut Seq,
    store: &str,
    agents: usize,
    long: Duration,
) -> Result<String> {
    let cell = Cell {
        agents,
        queues: 50,
        skills: 64,
        waiting: 1_000,
    };
    let tenant = tenant(&cell)?;
    let names = tenant.agents.keys().cloned().collect();
    let mut centre = Centre::new(tenant);
    centre.sign_in(names);
    centre.occupy(&cell);
    centre.let_wait(&cell);
    let at_once = cell.at_once();
    let (mut waits, mut inputs, mut commits) = (Vec::new(), 0, 0);
    let began = Instant::now();
    while began.elapsed() < long {
        for ends in [false, true] {
            for answers in [false, true] {
                let asked = Instant::now();
                let batch: Vec<Input> = if answers {
                    centre.answers()
                } else if ends {
                    (0..at_once).filter_map(|_| centre.end()).collect()
                } else {
                    (0..at_once).map(|_| centre.arrival()).collect()
                };
                if batch.is_empty() {
                    continue;
                }
                // As in the engine, what is decided together has one time.
                let at = centre.next_time();
                let entries: Vec<Entry> = batch
                    .into_iter()
                    .map(|input| {
                        let context = Context::by(Actor::Telephony);
                        let entry = Entry {
                            seq: *seq,
                            at,
                            input,
                            context,
                        };
                        *seq = seq.next();
                        entry
                    })
                    .collect();
                if let Some((writer, epoch)) = &journal.writer {
                    (writer.append(*epoch, entries.clone()).await).context("the store")?;
                }
                commits += 1;
                for entry in entries {
                    centre.handle_at(entry.at, entry.input);
                    inputs += 1;
                    if !answers {
                        waits.push(asked.elapsed());
                    }
                }
            }
        }
    }
    let took = began.elapsed().as_secs_f64();
    waits.sort_unstable();
    let ms = |share| quantile(&waits, share).unwrap_or_default().as_secs_f64() * 1e3;
    Ok(format!(
        "| {store} | {} | {} | {} | {:.0} | {:.3} | {:.3} | {:.1} |",
        thousands(agents),
        thousands((waits.len() as f64 / took) as usize),
        thousands((f64::from(inputs) / took) as usize),
        f64::from(inputs) / f64::from(commits),
        ms(0.5),
        ms(0.99),
        ms(1.0),
    ))
}

/// The store and its writer, or nothing: what the loop alone costs.
struct Journal {
    writer: Option<(Writer, Epoch)>,
    first: u64,
    counted: std::sync::atomic::AtomicU64,
}

impl Journal {
    async fn open(location: Option<Location>) -> Result<Self> {
        let mut first = 1;
        let writer = match location {
            None => None,
            Some(location) => {
                let store = tokio::task::spawn_blocking(move || location.open()).await??;
                let writer = Writer::start(store)?;
                let epoch = writer.acquire("bench".into()).await?;
                first = writer.read(Seq(0), usize::MAX).await?.len() as u64 + 1;
                Some((writer, epoch))
            }
        };
        Ok(Self {
            writer,
            first,
            counted: std::sync::atomic::AtomicU64::new(0),
        })
    }
}

async fn commit(journal: Arc<Journal>, mut todo: mpsc::Receiver<Job>) -> Result<Seq> {
    let mut seq = Seq(journal.first);
    while let Some(first) = todo.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = todo.try_recv()
        {
            batch.push(next);
        }
        let entries: Vec<Entry> = batch
            .iter()
            .map(|_| {
                let entry = entry(seq);
                seq = seq.next();
                entry
            })
            .collect();
        if let Some((writer, epoch)) = &journal.writer {
            writer.append(*epoch, entries).await.context("the store")?;
        }
        (journal.counted).fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for (_, done) in batch {
            // Who asked may have gone at the row's end.
            let _ = done.send(());
        }
    }
    Ok(seq)
}

/// As long as an arrival, the most frequent of the larger inputs, with its context; without a customer to seal.
fn entry(seq: Seq) -> Entry {
    Entry {
        seq,
        at: Time(1_800_000_000_000_000 + i64::try_from(seq.0).unwrap_or(0)),
        input: Input::NotReady {
            agent: "maria".into(),
            reason: "a reason of some length, so that an entry has 200 bytes or so, as they do"
                .into(),
        },
        context: Context::by(Actor::Telephony),
    }
}

struct Row {
    took: Duration,
    waits: Vec<Duration>,
}

impl Row {
    fn print(mut self, store: &str, load: &str, journal: &Journal) {
        self.waits.sort_unstable();
        let commits = journal
            .counted
            .swap(0, std::sync::atomic::Ordering::Relaxed);
        let count = self.waits.len();
        let at = |part: f64| {
            // Of a list that is not empty: each row waits for at least one answer.
            let index = ((count as f64 * part) as usize).min(count.saturating_sub(1));
            self.waits
                .get(index)
                .map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
        };
        println!(
            "| {store} | {load} | {:.0} | {:.1} | {:.2} | {:.2} | {:.1} |",
            count as f64 / self.took.as_secs_f64(),
            count as f64 / commits.max(1) as f64,
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
}

/// So many inputs a second, whether or not the earlier ones are durable.
async fn open_loop(jobs: &mpsc::Sender<Job>, rate: u64, long: Duration) -> Row {
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX));
    // Late ticks are made up for: the load stays what it is.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut answers = Vec::new();
    while began.elapsed() < long {
        let due = ticks.tick().await.into_std();
        let (done, answer) = oneshot::channel();
        if jobs.send((due, done)).await.is_err() {
            break;
        }
        answers.push(tokio::spawn(async move {
            answer.await.ok()?;
            Some(due.elapsed())
        }));
    }
    let mut waits = Vec::new();
    for answer in answers {
        waits.extend(answer.await.ok().flatten());
    }
    Row {
        took: began.elapsed(),
        waits,
    }
}

/// So many who each ask again when they are answered.
async fn closed_loop(jobs: &mpsc::Sender<Job>, at_once: usize, long: Duration) -> Row {
    let began = Instant::now();
    let askers: Vec<_> = (0..at_once)
        .map(|_| {
            let jobs = jobs.clone();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while began.elapsed() < long {
                    let asked = Instant::now();
                    let (done, answer) = oneshot::channel();
                    if jobs.send((asked, done)).await.is_err() || answer.await.is_err() {
                        break;
                    }
                    waits.push(asked.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for asker in askers {
        waits.extend(asker.await.unwrap_or_default());
    }
    Row {
        took: began.elapsed(),
        waits,
    }
}

/// What the disk itself does: 4 KiB appended and synced, over and over.
fn disk(dir: &Path) -> Result<String> {
    use std::io::Write as _;
    let path = dir.join("sync");
    let mut file = std::fs::File::create(&path)?;
    let mut waits = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        waits.push(asked.elapsed());
    }
    std::fs::remove_file(path)?;
    waits.sort_unstable();
    let at =
        |part: usize| waits[(waits.len() * part / 100).min(waits.len() - 1)].as_secs_f64() * 1e3;
    Ok(format!(
        "disk alone, 4 KiB and fdatasync: {} in 3 s, p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms",
        waits.len(),
        at(50),
        at(99),
        at(100)
    ))
}
