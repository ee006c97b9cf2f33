//! Numbers on the command line and in CSV cells, and numbers printed.

use anyhow::{Context, Result, ensure};
use serde_json::{Number, Value};
use trunkline_workforce::exact::Exact;

/// Reads `text`, given for `field` (as `--calls` or `row 3: calls`).
pub fn read(field: &str, text: &str) -> Result<Exact> {
    text.parse().with_context(|| field.to_owned())
}

/// Reads a number that must lie in `least..=most`.
pub fn read_within(field: &str, text: &str, least: f64, most: f64) -> Result<Exact> {
    let number = read(field, text)?;
    let value = number.to_f64();
    ensure!(
        value >= least && value <= most,
        "{field}: {text} is out of range; it must {}",
        bounds(least, most)
    );
    Ok(number)
}

/// The numbers that are allowed, in words; what has many digits as a power of ten.
fn bounds(least: f64, most: f64) -> String {
    let short = |bound: f64| match bound.abs() {
        0.0 | 1e-6..1e15 => bound.to_string(),
        _ => format!("{bound:e}"),
    };
    if least == f64::MIN_POSITIVE {
        return format!("be more than 0, and {} at most", short(most));
    }
    format!("lie between {} and {}", short(least), short(most))
}

/// A double to 15 significant digits; what is not finite is `null`, what is whole has no
/// decimal point.
pub fn shown(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Value::from(value as i64);
    }
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// As [`shown`], `null` for none.
pub fn shown_if(value: Option<f64>) -> Value {
    value.map_or(Value::Null, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_with_fifteen_significant_digits() {
        assert_eq!(shown(100.0 / 3.0).to_string(), "33.3333333333333");
        assert_eq!(shown(14.0).to_string(), "14");
        assert_eq!(shown(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(shown(f64::INFINITY).to_string(), "null");
    }

    #[test]
    fn a_number_out_of_range_is_refused_by_its_field() {
        let refused = read_within("--aht", "-3", 1e-6, 1e9)
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("--aht: -3 is out of range"),
            "{refused}"
        );
        let refused = read_within("--calls", "0", f64::MIN_POSITIVE, 1e300).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "--calls: 0 is out of range; it must be more than 0, and 1e300 at most"
        );
    }
}
