//! The arrivals: one who calls a row.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use chrono::DateTime;
use csv::StringRecord;
use trunkline_routing::{Span, Time};
use trunkline_tenant::{QueueId, Tenant};
use trunkline_workforce::simulate::Contact;

use super::seconds;

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
    fn find(header: &StringRecord) -> Result<Self> {
        let known = ["at", "queue", "handle", "patience", "priority", "customer"];
        for (number, column) in header.iter().enumerate() {
            ensure!(
                known.contains(&column),
                "row 1, column {}: `{column}` is no column of arrivals: they are {}",
                number + 1,
                known.join(", ")
            );
            ensure!(
                header.iter().take(number).all(|other| other != column),
                "row 1, column {}: there is a column {column} already",
                number + 1
            );
        }
        let at = |name: &str| header.iter().position(|column| column == name);
        let must = |name: &str| at(name).ok_or_else(|| anyhow!("row 1: there is no column {name}"));
        Ok(Self {
            at: must("at")?,
            queue: must("queue")?,
            handle: at("handle"),
            patience: at("patience"),
            priority: at("priority"),
            customer: at("customer"),
        })
    }
}

/// When somebody calls: by the run's clock, or by the calendar.
#[derive(Clone, Copy)]
enum When {
    Seconds(Span),
    Date(Time),
}

/// Reads the file. Rows are counted with the header as the first, as editors show them.
///
/// # Errors
/// Where it is missing, or a cell can't be read.
pub fn read(path: &Path, tenant: &Tenant, start: Option<Time>) -> Result<Arrivals> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    let columns = Columns::find(reader.headers()?)?;
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    let mut number = 1;
    while reader
        .read_record(&mut record)
        .with_context(|| format!("row {}", number + 1))?
    {
        number += 1;
        let when = when(&record, &columns, number)?;
        rows.push((when, contact(&record, &columns, number, tenant)?));
    }
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
