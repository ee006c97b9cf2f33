//! Seconds as text, exact to the microsecond.

use trunkline_routing::Span;

/// Longer than a century is a slip of the pen.
const MOST: i64 = 100 * 366 * 86_400;

/// Reads seconds, as `12`, `9.910` or `1e3`; beyond the sixth digit they are rounded.
pub fn parse(text: &str) -> Result<Span, String> {
    let bad = || format!("`{text}` is not a number of seconds that is 0 or more");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let micros = if plain && whole.len() <= 11 {
        let whole: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| bad())?
        };
        let mut padded: String = fraction.chars().take(6).collect();
        while padded.len() < 6 {
            padded.push('0');
        }
        let part: i64 = padded.parse().map_err(|_| bad())?;
        let up = fraction
            .as_bytes()
            .get(6)
            .is_some_and(|digit| *digit >= b'5');
        whole * 1_000_000 + part + i64::from(up)
    } else {
        let seconds: f64 = text.parse().map_err(|_| bad())?;
        if !seconds.is_finite() || seconds < 0.0 || seconds > MOST as f64 {
            return Err(bad());
        }
        (seconds * 1e6).round() as i64
    };
    if micros > MOST * 1_000_000 {
        return Err(format!("`{text}` seconds is more than a century"));
    }
    Ok(Span(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_taken_to_a_microsecond() {
        for (text, micros) in [
            ("9.910", 9_910_000),
            ("0", 0),
            (".5", 500_000),
            ("12.0000005", 12_000_001),
            ("1e3", 1_000_000_000),
            ("464.404", 464_404_000),
        ] {
            assert_eq!(parse(text), Ok(Span(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", ".", "-1", "abc", "1:30", "nan", "inf", "99999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
