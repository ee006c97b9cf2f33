//! The arrivals: one who calls a row.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use chrono::DateTime;
use csv::StringRecord;
use trunkline_routing::{Span, Time};
use trunkline_tenant::{QueueId, Tenant};
use trunkline_workforce::simulate::Contact;

use super::seconds;
use crate::table::Table;

/// The arrivals, and the date of the start if there is one.
pub struct Arrivals {
    pub contacts: Vec<Contact>,
    pub start: Option<Time>,
}

struct Columns {
    at: usize,
    queue: usize,
    handle: Option<usize>,
    patience: Option<usize>,
    priority: Option<usize>,
    customer: Option<usize>,
}

impl Columns {
    const KNOWN: [&str; 6] = ["at", "queue", "handle", "patience", "priority", "customer"];

    fn find(table: &Table) -> Result<Self> {
        Ok(Self {
            at: table.must("at")?,
            queue: table.must("queue")?,
            handle: table.find("handle"),
            patience: table.find("patience"),
            priority: table.find("priority"),
            customer: table.find("customer"),
        })
    }
}

/// When somebody calls: by the run's clock, or by the calendar.
#[derive(Clone, Copy)]
enum When {
    Seconds(Span),
    Date(Time),
}

/// Reads the file.
///
/// # Errors
/// Where it is missing, or a cell can't be read.
pub fn read(path: &Path, tenant: &Tenant, start: Option<Time>) -> Result<Arrivals> {
    let table = Table::open(path, &Columns::KNOWN, "arrivals")?;
    let columns = Columns::find(&table)?;
    let mut rows = Vec::new();
    table.each(|number, record| {
        let when = when(record, &columns, number)?;
        rows.push((when, contact(record, &columns, number, tenant)?));
        Ok(())
    })?;
    ensure!(
        u32::try_from(rows.len()).is_ok(),
        "more rows than a run can number"
    );
    let first = rows.iter().filter_map(|(when, _)| match when {
        When::Date(at) => Some(*at),
        When::Seconds(_) => None,
    });
    let start = start.or(first.min());
    let mut contacts = Vec::with_capacity(rows.len());
    for (row, (when, mut contact)) in rows.into_iter().enumerate() {
        contact.at = match (when, start) {
            (When::Date(at), Some(start)) => at - start,
            (When::Date(_), None) => Span(0),
            (When::Seconds(at), _) => at,
        };
        ensure!(
            contact.at.0 >= 0,
            "row {}, column at: it is before --start",
            row + 2
        );
        contacts.push(contact);
    }
    Ok(Arrivals { contacts, start })
}

fn when(record: &StringRecord, columns: &Columns, row: usize) -> Result<When> {
    let text = record.get(columns.at).unwrap_or_default();
    if text.contains(['T', 't', ':']) {
        let date = DateTime::parse_from_rfc3339(text);
        let date = date.map_err(|error| anyhow!("row {row}, column at: `{text}`: {error}"))?;
        return Ok(When::Date(Time(date.timestamp_micros())));
    }
    let span = seconds::parse(text);
    span.map(When::Seconds)
        .map_err(|why| anyhow!("row {row}, column at: {why}, nor RFC 3339"))
}

fn contact(
    record: &StringRecord,
    columns: &Columns,
    row: usize,
    tenant: &Tenant,
) -> Result<Contact> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let span = |at: usize, name: &str| {
        seconds::parse(cell(at)).map_err(|why| anyhow!("row {row}, column {name}: {why}"))
    };
    let text = cell(columns.queue);
    let queue: QueueId = text
        .parse()
        .map_err(|why| anyhow!("row {row}, column queue: {why}"))?;
    let Some((queue, _)) = tenant.queues.get_key_value(&queue) else {
        bail!("row {row}, column queue: there is no queue `{text}` in these documents");
    };
    let patience = columns.patience.map(|at| {
        let given = !cell(at).is_empty();
        given.then(|| span(at, "patience")).transpose()
    });
    let priority = columns.priority.map(cell).filter(|text| !text.is_empty());
    let priority = priority.map(|text| {
        let number = text
            .parse::<i32>()
            .ok()
            .filter(|n| (-10_000..=10_000).contains(n));
        number.ok_or_else(|| {
            anyhow!("row {row}, column priority: `{text}` is no whole number from -10000 to 10000")
        })
    });
    let customer = columns.customer.map(cell).filter(|text| !text.is_empty());
    Ok(Contact {
        handle: columns.handle.map(|at| span(at, "handle")).transpose()?,
        patience: patience.transpose()?,
        priority: priority.transpose()?.unwrap_or(0),
        customer: customer.map(str::to_owned),
        ..Contact::new(Span(0), queue.clone())
    })
}
