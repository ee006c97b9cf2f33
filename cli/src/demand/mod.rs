//! Calls that are expected: what `forecast` prints, and `simulate --rates` and `staff` read.

mod grid;
mod law;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use csv::StringRecord;
use trunkline_routing::{Span, Time};
use trunkline_tenant::{QueueId, Tenant};
use trunkline_workforce::simulate::{Demand, Laws, Period};

pub use self::grid::{Interval, When};
pub use self::law::{Patience, handle, patience};
use crate::table::Table;

/// More calls than this in one run are a slip of the pen, or want another machine.
const MOST_CALLS: f64 = 20e6;

/// What a forecast says.
pub struct Expected {
    /// By queue, in the order of their names.
    pub demands: Vec<Demand>,
    /// Every interval that any queue has, in order.
    pub intervals: Vec<Interval>,
    /// The date of the start, if there is one.
    pub start: Option<Time>,
    rows: BTreeMap<(QueueId, Span), usize>,
}

impl Expected {
    /// The row of the file that a queue's interval is from.
    pub fn row(&self, queue: &QueueId, from: Span) -> Option<usize> {
        self.rows.get(&(queue.clone(), from)).copied()
    }
}

/// What the options say of a forecast's file.
pub struct Given<'a> {
    /// The queue of a file that names none.
    pub queue: Option<&'a QueueId>,
    /// The length of an interval.
    pub per: Option<Span>,
    /// The date of the start.
    pub start: Option<Time>,
    /// Where a row has none.
    pub laws: Option<Laws>,
}

struct Columns {
    at: usize,
    queue: Option<usize>,
    calls: usize,
    handle: Option<usize>,
    patience: Option<usize>,
}

impl Columns {
    const KNOWN: [&str; 8] = [
        "at", "queue", "calls", "count", "low", "high", "handle", "patience",
    ];

    fn find(table: &Table) -> Result<Self> {
        let count = table.find("count");
        Ok(Self {
            at: table.must("at")?,
            queue: table.find("queue"),
            calls: table.must("calls").or_else(|no| count.ok_or(no))?,
            handle: table.find("handle"),
            patience: table.find("patience"),
        })
    }
}

struct Row {
    number: usize,
    when: When,
    text: String,
    queue: QueueId,
    calls: f64,
    laws: Option<Arc<Laws>>,
}

/// Reads the file.
///
/// # Errors
/// Where it is missing or empty, a cell can't be read, or an interval is missing or given twice.
pub fn read(path: &Path, tenant: &Tenant, given: &Given<'_>) -> Result<Expected> {
    let table = Table::open(path, &Columns::KNOWN, "expected calls")?;
    let columns = Columns::find(&table)?;
    let only = only_queue(tenant, &columns, given)?;
    let laws = given.laws.clone().map(Arc::new);
    let mut rows = Vec::new();
    table.each(|number, record| {
        let (only, laws) = (only.as_ref(), laws.as_ref());
        rows.push(row(record, &columns, number, tenant, only, laws)?);
        Ok(())
    })?;
    ensure!(!rows.is_empty(), "it has no rows: nothing is expected");
    let total: f64 = rows.iter().map(|row| row.calls).sum();
    ensure!(
        total <= MOST_CALLS,
        "{total:.0} calls in all are more than can be followed one by one; at most {MOST_CALLS:.0}"
    );
    ensure!(total > 0.0, "it expects no calls at all");
    set_out(rows, given)
}

/// The queue of a file without a column for it.
fn only_queue(tenant: &Tenant, columns: &Columns, given: &Given<'_>) -> Result<Option<QueueId>> {
    if columns.queue.is_some() {
        ensure!(
            given.queue.is_none(),
            "--queue: the file has a column queue already"
        );
        return Ok(None);
    }
    if let Some(queue) = given.queue {
        return Ok(Some(queue.clone()));
    }
    let mut queues = tenant.queues.keys();
    match (queues.next(), queues.len()) {
        (Some(queue), 0) => Ok(Some(queue.clone())),
        (_, others) => bail!(
            "row 1: there is no column queue, and these documents have {} queues: say with --queue which is meant",
            others + 1
        ),
    }
}

fn row(
    record: &StringRecord,
    columns: &Columns,
    number: usize,
    tenant: &Tenant,
    only: Option<&QueueId>,
    laws: Option<&Arc<Laws>>,
) -> Result<Row> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let text = cell(columns.at);
    let when = When::read(text, tenant.time_zone)
        .map_err(|why| anyhow!("row {number}, column at: {why}"))?;
    let queue = match (columns.queue, only) {
        (Some(at), _) => {
            queue(cell(at), tenant).with_context(|| format!("row {number}, column queue"))?
        }
        (None, Some(only)) => only.clone(),
        // `only_queue` has refused the file.
        (None, None) => bail!("row {number}: which queue?"),
    };
    let calls = cell(columns.calls).parse::<f64>().ok();
    let calls = calls.filter(|calls| calls.is_finite() && *calls >= 0.0 && *calls <= 1e9);
    let calls = calls.ok_or_else(|| {
        anyhow!(
            "row {number}, column calls: `{}` is no number of calls from 0 to 1e9",
            cell(columns.calls)
        )
    })?;
    let own = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
    let own_handle = own(columns.handle)
        .map(|text| handle(text).map_err(|why| anyhow!("row {number}, column handle: {why}")));
    let own_patience = own(columns.patience)
        .map(|text| patience(text).map_err(|why| anyhow!("row {number}, column patience: {why}")));
    let laws = match (own_handle.transpose()?, own_patience.transpose()?, laws) {
        (None, None, laws) => laws.cloned(),
        (Some(handle), patience, laws) => Some(Arc::new(Laws {
            handle,
            patience: match patience {
                Some(patience) => patience.0,
                None => laws.and_then(|laws| laws.patience.clone()),
            },
        })),
        (None, Some(patience), Some(laws)) => Some(Arc::new(Laws {
            handle: laws.handle.clone(),
            patience: patience.0,
        })),
        (None, Some(_), None) => {
            bail!(
                "row {number}: it has a patience and no handle time; give --handle, as --handle 180"
            )
        }
    };
    Ok(Row {
        number,
        when,
        text: text.to_owned(),
        queue,
        calls,
        laws,
    })
}

/// A queue of the documents.
///
/// # Errors
/// Where there is none of that name.
pub fn queue(text: &str, tenant: &Tenant) -> Result<QueueId> {
    let queue: QueueId = text.parse()?;
    match tenant.queues.get_key_value(&queue) {
        Some((queue, _)) => Ok(queue.clone()),
        None => bail!("there is no queue `{text}` in these documents"),
    }
}

/// Puts the rows on a grid of intervals.
fn set_out(rows: Vec<Row>, given: &Given<'_>) -> Result<Expected> {
    let dates = rows.iter().filter_map(|row| row.when.date());
    let start = given.start.or(dates.min());
    let mut queues: BTreeMap<QueueId, BTreeMap<Span, Row>> = BTreeMap::new();
    for row in rows {
        let at = row.when.since(start);
        ensure!(
            at.0 >= 0,
            "row {}, column at: it is before --start",
            row.number
        );
        let (number, text) = (row.number, row.text.clone());
        let before = queues.entry(row.queue.clone()).or_default().insert(at, row);
        if let Some(before) = before {
            bail!(
                "row {number}, column at: {text} is given for {} in row {} already",
                before.queue,
                before.number
            );
        }
    }
    let length = grid::length(queues.values().map(|rows| rows.keys().copied()), given.per)?;
    for rows in queues.values() {
        let rows = rows.iter().map(|(at, row)| grid::Mark {
            at: *at,
            row: row.number,
            when: row.when,
        });
        grid::check(rows, length)?;
    }
    let mut intervals = BTreeMap::new();
    let mut demands = Vec::new();
    let mut numbers = BTreeMap::new();
    for (queue, rows) in queues {
        let of_queue = rows
            .iter()
            .map(|(at, row)| ((queue.clone(), *at), row.number));
        numbers.extend(of_queue);
        let periods = rows.into_iter().map(|(at, row)| {
            let to = Span(at.0 + length.0);
            intervals.entry(at).or_insert(Interval {
                from: at,
                to,
                label: row.text,
            });
            Period {
                from: at,
                to,
                calls: row.calls,
                laws: row.laws,
            }
        });
        demands.push(Demand {
            periods: periods.collect(),
            queue,
        });
    }
    Ok(Expected {
        demands,
        intervals: intervals.into_values().collect(),
        start,
        rows: numbers,
    })
}
