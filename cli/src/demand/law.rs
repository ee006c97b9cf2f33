//! Distributions on the command line and in cells.

use anyhow::{Context as _, Result, anyhow, ensure};
use trunkline_workforce::simulate::{Empirical, Law};

/// How long callers wait; `None`: for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience(pub Option<Law>);

/// A handle time: `180`, `fixed:180`, `lognormal:185:1.2` or `empirical:F.csv`.
pub fn handle(text: &str) -> Result<Law, String> {
    let law = law(text).map_err(|error| format!("{error:#}"))?;
    match &law {
        Law::Empirical(values) if !values.is_finite() => {
            Err(format!("{text}: a conversation without end"))
        }
        _ => Ok(law),
    }
}

/// As [`handle`], or `inf` for callers who never give up.
pub fn patience(text: &str) -> Result<Patience, String> {
    if text == "inf" {
        return Ok(Patience(None));
    }
    let law = law(text).map_err(|error| format!("{error:#}; `inf`: they wait for ever"))?;
    Ok(Patience(Some(law)))
}

fn law(text: &str) -> Result<Law> {
    match text.strip_prefix("empirical:") {
        Some(path) => empirical(path).with_context(|| path.to_owned()),
        None => Ok(text.parse::<Law>()?),
    }
}

/// CSV with a column `seconds` (`inf` for who never gave up) and, if wanted, `weight`.
fn empirical(path: &str) -> Result<Law> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let seconds = column("seconds").ok_or_else(|| anyhow!("row 1: there is no column seconds"))?;
    let weight = column("weight");
    let mut values = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let row = index + 2;
        let record = record.with_context(|| format!("row {row}"))?;
        let cell = |at: usize, name: &str, least: f64| -> Result<f64> {
            let text = record.get(at).unwrap_or_default();
            let number = text.parse::<f64>().ok().filter(|number| *number >= least);
            number.ok_or_else(|| {
                anyhow!("row {row}, column {name}: `{text}` is no number that is {least} or more")
            })
        };
        let value = cell(seconds, "seconds", 0.0)?;
        ensure!(
            value <= 1e9 || value.is_infinite(),
            "row {row}, column seconds: {value} s is more than thirty years"
        );
        let weight = weight.map(|at| cell(at, "weight", 1e-12)).transpose()?;
        values.push((value, weight.unwrap_or(1.0)));
    }
    Ok(Law::Empirical(Empirical::new(&values)?))
}
