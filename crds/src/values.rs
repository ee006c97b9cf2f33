//! Values with a unit: durations, percentages, levels, numbers, dates.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a duration looks like: days, hours, minutes, seconds, largest first.
pub const DURATION_PATTERN: &str = "^([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$";

/// A length of time in whole seconds, written `20s`, `4h30m`, `90d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// `n` seconds.
    pub const fn new(n: u64) -> Self {
        Self(n)
    }
    /// `n` minutes.
    pub const fn minutes(n: u64) -> Self {
        Self(n * 60)
    }
    /// The length in seconds.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDuration(String);

impl fmt::Display for BadDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a duration: write days, hours, minutes and seconds in that order, as in `20s`, `4h30m` or `90d`",
            self.0
        )
    }
}
impl std::error::Error for BadDuration {}

impl FromStr for Seconds {
    type Err = BadDuration;
    fn from_str(text: &str) -> Result<Self, BadDuration> {
        let bad = || BadDuration(text.to_owned());
        let mut rest = text;
        let mut total: u64 = 0;
        for (unit, factor) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
            if let Some((number, tail)) = rest.split_once(unit) {
                if number.is_empty()
                    || number.len() > 7
                    || !number.bytes().all(|b| b.is_ascii_digit())
                {
                    return Err(bad());
                }
                total += number.parse::<u64>().map_err(|_| bad())? * factor;
                rest = tail;
            }
        }
        if text.is_empty() || !rest.is_empty() {
            Err(bad())
        } else {
            Ok(Self(total))
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        for (unit, factor) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            if left >= factor {
                write!(f, "{}{unit}", left / factor)?;
                left %= factor;
            }
        }
        Ok(())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(de::Error::custom)
    }
}
impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 2, "maxLength": 32, "pattern": DURATION_PATTERN})
    }
}

macro_rules! text_value {
    ($(#[$doc:meta])* $type:ident, $max:literal, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl $type {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "maxLength": $max, "pattern": $pattern})
            }
        }
    };
}

text_value!(/// A phone number in E.164: `+` and 2 to 15 digits.
    PhoneNumber, 16, "^\\+[1-9][0-9]{1,14}$");
text_value!(/// A phone number in E.164, or the head of many: `+4930*`.
    NumberPattern, 17, "^\\+[1-9][0-9]{0,14}\\*?$");
text_value!(/// A calendar day, `2027-01-31`.
    Date, 10, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
text_value!(/// A time of day, `00:00` to `24:00`, in the calendar's zone.
    TimeOfDay, 5, "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$");
text_value!(/// A decimal amount of money, `0.42`.
    Amount, 20, "^[0-9]{1,12}(\\.[0-9]{1,6})?$");
text_value!(/// An ISO 4217 currency code.
    Currency, 3, "^[A-Z]{3}$");
text_value!(/// An IANA time zone, `Europe/Berlin`.
    TimeZone, 64, "^[A-Za-z][A-Za-z0-9_+/-]*$");

/// A skill level, 1 (beginner) to 5 (expert).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Level(#[schemars(range(min = 1, max = 5))] pub u8);

/// The schema of a map from skill to level, with at most `max` entries.
///
/// Written out, because a map whose key type has a pattern becomes `patternProperties`,
/// which a structural schema may not have.
fn levels(max: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": max,
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 5}
    })
}

/// What a route step asks for: at most 16 skills.
pub(crate) fn step_levels(_: &mut SchemaGenerator) -> Schema {
    levels(16)
}

/// What a team or a person can do: at most 64 skills.
pub(crate) fn own_levels(_: &mut SchemaGenerator) -> Schema {
    levels(64)
}

/// A percentage, 0 to 100.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Percent(#[schemars(range(min = 0.0, max = 100.0))] pub f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_largest_unit_first_and_print_the_same() {
        for (text, seconds) in [
            ("20s", 20),
            ("4h30m", 16_200),
            ("90d", 7_776_000),
            ("0s", 0),
            ("1d1s", 86_401),
        ] {
            let parsed: Seconds = text.parse().unwrap();
            assert_eq!(parsed.get(), seconds);
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn a_text_that_is_no_duration_is_refused_with_what_would_be_right() {
        for text in ["", "20", "s", "1m1h", "-5s", "1.5h", "20 s", "20sec"] {
            let error = text.parse::<Seconds>().unwrap_err().to_string();
            assert!(error.contains("as in `20s`"), "{text}: {error}");
        }
    }
}
