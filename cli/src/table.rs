//! A CSV file of named columns, row by row. Rows are counted with the header as the first, as
//! editors show them.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use csv::{Reader, StringRecord};

/// Refuses a header that has a column twice: which of them is meant can't be known.
///
/// # Errors
/// Which column it is.
pub fn no_column_twice<'a>(header: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut seen: Vec<&str> = Vec::new();
    for (at, column) in header.into_iter().enumerate() {
        ensure!(
            !seen.contains(&column),
            "row 1, column {}: there is a column {column} already",
            at + 1
        );
        seen.push(column);
    }
    Ok(())
}

/// A file whose header is known to be sound.
pub struct Table {
    reader: Reader<File>,
    header: StringRecord,
}

impl Table {
    /// Opens the file; `of` says what the columns are of, in the plural.
    ///
    /// # Errors
    /// Where it can't be read, or a column is unknown or there twice.
    pub fn open(path: &Path, known: &[&str], of: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)?;
        let header = reader.headers()?.clone();
        for (number, column) in header.iter().enumerate() {
            ensure!(
                known.contains(&column),
                "row 1, column {}: `{column}` is no column of {of}: they are {}",
                number + 1,
                known.join(", ")
            );
        }
        no_column_twice(&header)?;
        Ok(Self { reader, header })
    }

    /// Where a column is, if it is.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Where a column is.
    ///
    /// # Errors
    /// Where it is missing.
    pub fn must(&self, name: &str) -> Result<usize> {
        self.find(name)
            .ok_or_else(|| anyhow!("row 1: there is no column {name}"))
    }

    /// Shows each row with its number.
    ///
    /// # Errors
    /// Where one can't be read, or the first that `take` has.
    pub fn each(mut self, mut take: impl FnMut(usize, &StringRecord) -> Result<()>) -> Result<()> {
        let mut record = StringRecord::new();
        let mut number = 2;
        while self
            .reader
            .read_record(&mut record)
            .with_context(|| format!("row {number}"))?
        {
            take(number, &record)?;
            number += 1;
        }
        Ok(())
    }
}
