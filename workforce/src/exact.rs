//! Numbers as people write them, kept exact.
//!
//! `17 / 0.68` is 25, yet in doubles it is 25.000000000000004 and its ceiling 26. Whatever
//! ends in a ceiling, or in the small difference of two large numbers, starts from here.

use std::fmt;
use std::ops::{Add, Div, Mul, Sub};
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Decimal exponents beyond this are beyond a double's range, and would only fill memory.
const MAX_EXPONENT: i64 = 400;

/// More digits than any measurement has; bounds the memory that one text can ask for.
const MAX_TEXT: usize = 400;

/// A rational number, exact under `+ − × ÷` and rounding up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(BigRational);

/// Why a text is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANumber {
    /// Neither a decimal nor a fraction of two decimals.
    #[error("'{0}' is not a number; write 12, 0.8, 1e3 or a fraction such as 100/3")]
    Unreadable(String),
    /// The fraction's lower half is zero.
    #[error("'{0}' divides by zero")]
    DividesByZero(String),
    /// Too long, or with an exponent no double can hold.
    #[error("'{0}' is beyond what can be computed with (1e-300 to 1e300)")]
    OutOfRange(String),
}

impl Exact {
    /// Zero.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// One.
    pub fn one() -> Self {
        Self(BigRational::one())
    }

    /// The double's own value, exactly; `None` for infinities and NaN.
    pub fn from_f64(value: f64) -> Option<Self> {
        BigRational::from_float(value).map(Self)
    }

    /// `numerator / denominator`; `None` if the denominator is zero.
    pub fn ratio(numerator: i64, denominator: i64) -> Option<Self> {
        (denominator != 0).then(|| {
            Self(BigRational::new(
                BigInt::from(numerator),
                BigInt::from(denominator),
            ))
        })
    }

    /// Whether the number is above zero.
    pub fn is_positive(&self) -> bool {
        self.0.is_positive()
    }

    /// Whether the number is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Whether the number is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether the number is a whole one.
    pub fn is_whole(&self) -> bool {
        self.0.is_integer()
    }

    /// Bits of the denominator: products of many such numbers cost by it.
    pub fn denominator_bits(&self) -> u64 {
        self.0.denom().bits()
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        // `to_f64` of a rational saturates at infinity and is never `None`.
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// The nearest double together with what it misses.
    pub fn to_precise(&self) -> Precise {
        let hi = self.to_f64();
        let lo = BigRational::from_float(hi)
            .and_then(|nearest| (&self.0 - nearest).to_f64())
            .unwrap_or(0.0);
        Precise { hi, lo }
    }

    /// The least whole number not below this one; `None` beyond `u64` or below zero.
    pub fn ceil(&self) -> Option<u64> {
        self.0.ceil().to_integer().to_u64()
    }

    /// `self / other`, or `None` if `other` is zero.
    pub fn checked_div(&self, other: &Self) -> Option<Self> {
        (!other.is_zero()).then(|| Self(&self.0 / &other.0))
    }
}

impl From<u64> for Exact {
    fn from(value: u64) -> Self {
        Self(BigRational::from_integer(BigInt::from(value)))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Exact {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let text = text.trim();
        let shown = || text.chars().take(40).collect::<String>();
        if text.len() > MAX_TEXT {
            return Err(NotANumber::OutOfRange(shown()));
        }
        let value = match text.split_once('/') {
            None => decimal(text).map_err(|why| why.with(shown()))?,
            Some((over, under)) => {
                let over = decimal(over.trim()).map_err(|why| why.with(shown()))?;
                let under = decimal(under.trim()).map_err(|why| why.with(shown()))?;
                if under.is_zero() {
                    return Err(NotANumber::DividesByZero(shown()));
                }
                over / under
            }
        };
        let magnitude = value.to_f64().unwrap_or(f64::INFINITY).abs();
        let in_range = value.is_zero() || (1e-300..=1e300).contains(&magnitude);
        if in_range {
            Ok(Self(value))
        } else {
            Err(NotANumber::OutOfRange(shown()))
        }
    }
}

/// What is wrong with a decimal, before it is known which text it stands in.
enum Fault {
    Unreadable,
    OutOfRange,
}

impl Fault {
    fn with(self, text: String) -> NotANumber {
        match self {
            Fault::Unreadable => NotANumber::Unreadable(text),
            Fault::OutOfRange => NotANumber::OutOfRange(text),
        }
    }
}

fn decimal(text: &str) -> Result<BigRational, Fault> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Fault::Unreadable);
            }
            (mantissa, exponent.parse().map_err(|_| Fault::OutOfRange)?)
        }
    };
    if i64::abs(exponent) > MAX_EXPONENT {
        return Err(Fault::OutOfRange);
    }
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Unreadable);
    }
    let integer: BigInt = digits.parse().map_err(|_| Fault::Unreadable)?;
    let shift = exponent - i64::try_from(part.len()).map_err(|_| Fault::OutOfRange)?;
    let power = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX));
    let value = if shift < 0 {
        BigRational::new(integer, power)
    } else {
        BigRational::from_integer(integer * power)
    };
    Ok(if negative { -value } else { value })
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $sign:tt),*) => {$(
        impl $trait for &Exact {
            type Output = Exact;
            fn $method(self, other: &Exact) -> Exact {
                Exact(&self.0 $sign &other.0)
            }
        }
    )*};
}
arithmetic!(Add add +, Sub sub -, Mul mul *);

/// Division by a number known not to be zero; use [`Exact::checked_div`] for any other.
impl Div for &Exact {
    type Output = Exact;
    fn div(self, other: &Exact) -> Exact {
        Exact(&self.0 / &other.0)
    }
}

/// A double and what it misses of the true value: enough to subtract two nearly equal
/// numbers without losing the difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precise {
    /// The nearest double.
    pub hi: f64,
    /// True value − `hi`.
    pub lo: f64,
}

impl Precise {
    /// `self − other`, rounded once.
    pub fn minus(self, other: Precise) -> f64 {
        // Two-sum: `rest` is exactly what the rounding of `difference` lost.
        let difference = self.hi - other.hi;
        let back = difference - self.hi;
        let rest = (self.hi - (difference - back)) - (other.hi + back);
        difference + (rest + (self.lo - other.lo))
    }
}

impl From<f64> for Precise {
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    #[test]
    fn seventeen_agents_at_a_shrinkage_of_thirty_two_percent_are_twenty_five() {
        let scheduled = &exact("17") / &(&Exact::one() - &exact("0.32"));
        assert_eq!(scheduled.ceil(), Some(25));
        assert_eq!(
            (17.0 / (1.0 - 0.32_f64)).ceil(),
            26.0,
            "the trap in doubles"
        );
    }

    #[test]
    fn decimals_fractions_and_exponents_are_read_exactly() {
        assert_eq!(exact("100/3").to_f64(), 100.0 / 3.0);
        assert_eq!(exact("0.1"), Exact::ratio(1, 10).unwrap());
        assert_eq!(exact("1.5e2"), Exact::from(150));
        assert_eq!(exact("-2.5e-1"), Exact::ratio(-1, 4).unwrap());
        assert_eq!(exact("0.1/0.3"), Exact::ratio(1, 3).unwrap());
        assert_eq!(exact("+.5"), Exact::ratio(1, 2).unwrap());
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_the_text() {
        for text in [
            "", ".", "abc", "1e", "1/2/3", "nan", "inf", "1,5", "--1", "1e+-2", "٣",
        ] {
            let refused = text.parse::<Exact>().unwrap_err();
            assert!(
                matches!(refused, NotANumber::Unreadable(_)),
                "{text}: {refused}"
            );
        }
        assert!(matches!(
            "1/0".parse::<Exact>(),
            Err(NotANumber::DividesByZero(_))
        ));
    }

    #[test]
    fn absurd_exponents_are_refused_at_once() {
        for text in [
            "1e999999999999",
            "1e-400",
            "1e350",
            "1e99999999999999999999999",
        ] {
            let refused = text.parse::<Exact>().unwrap_err();
            assert!(
                matches!(refused, NotANumber::OutOfRange(_)),
                "{text}: {refused}"
            );
        }
    }

    #[test]
    fn the_difference_of_nearly_equal_numbers_keeps_its_digits() {
        let load = exact("99999.9").to_precise();
        let spare = Precise::from(100_000.0).minus(load);
        assert!((spare / 0.1 - 1.0).abs() < 1e-15, "{spare}");
        assert!(
            ((100_000.0 - 99_999.9_f64) / 0.1 - 1.0).abs() > 1e-11,
            "the trap in doubles"
        );
    }
}
