//! Seats and floor space.

use crate::exact::Exact;

/// How much room a person must have.
#[derive(Debug, Clone, PartialEq)]
pub enum SpaceRule {
    /// Cubic metres a person, of which the ceiling counts up to a height in metres: the UK's
    /// 11 m³ under at most 3 m, our own house rule 20 m³.
    Volume {
        /// m³ a person.
        each: Exact,
        /// The ceiling's height that counts at most, in m.
        counted_height: Exact,
    },
    /// Square metres for the first person and for each further one: Germany's ASR A1.2 has
    /// 8 and 6.
    Area {
        /// m² for the first.
        first: Exact,
        /// m² for each further.
        further: Exact,
    },
}

/// What cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; it must be {needs}")]
pub struct SpaceError {
    field: &'static str,
    value: String,
    needs: &'static str,
}

fn require(
    field: &'static str,
    value: &Exact,
    fits: bool,
    needs: &'static str,
) -> Result<(), SpaceError> {
    if fits {
        return Ok(());
    }
    Err(SpaceError {
        field,
        value: value.to_string(),
        needs,
    })
}

/// Floor space in m² for this many people under a ceiling of this height in metres.
///
/// # Errors
/// If the ceiling or the rule's numbers are not above zero.
pub fn floor_space(people: u64, ceiling: &Exact, rule: &SpaceRule) -> Result<Exact, SpaceError> {
    const POSITIVE: &str = "above zero";
    require("ceiling", ceiling, ceiling.is_positive(), POSITIVE)?;
    match rule {
        SpaceRule::Volume {
            each,
            counted_height,
        } => {
            require("volume a person", each, each.is_positive(), POSITIVE)?;
            let counts = counted_height.is_positive();
            require("counted height", counted_height, counts, POSITIVE)?;
            let height = ceiling.min(counted_height);
            Ok(&(&Exact::from(people) * each) / height)
        }
        SpaceRule::Area { first, further } => {
            require("area of the first", first, first.is_positive(), POSITIVE)?;
            require(
                "area of each further",
                further,
                further.is_positive(),
                POSITIVE,
            )?;
            Ok(match people {
                0 => Exact::zero(),
                more => first + &(&Exact::from(more - 1) * further),
            })
        }
    }
}

/// Who sits where.
#[derive(Debug, Clone, PartialEq)]
pub struct Seating {
    /// Share of those on shift who work from elsewhere.
    pub remote_share: Exact,
    /// Share of those on shift who are at lunch and whose seat another may take; 0 where
    /// everyone keeps a desk. Short breaks keep the seat.
    pub freed_share: Exact,
}

/// Seats for the greatest number on shift at once, `on_shift` by interval with hand-over
/// overlaps counted in both shifts.
///
/// # Errors
/// If a share lies outside 0..=1.
pub fn seats(on_shift: &[u64], seating: &Seating) -> Result<u64, SpaceError> {
    const SHARE: &str = "between 0 and 1";
    for (field, share) in [
        ("remote share", &seating.remote_share),
        ("freed share", &seating.freed_share),
    ] {
        let fits = !share.is_negative() && *share <= Exact::one();
        require(field, share, fits, SHARE)?;
    }
    let peak = Exact::from(on_shift.iter().copied().max().unwrap_or(0));
    let on_site = &peak * &(&Exact::one() - &seating.remote_share);
    let sitting = &on_site * &(&Exact::one() - &seating.freed_share);
    // Shares are at most 1 and counts at least 0, so the ceiling fits.
    Ok(sitting.ceil().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_person_and_each_further_have_their_metres() {
        let asr = SpaceRule::Area {
            first: exact("8"),
            further: exact("6"),
        };
        let space = |people| floor_space(people, &exact("3"), &asr).unwrap();
        assert_eq!(
            (space(0), space(1), space(4)),
            (exact("0"), exact("8"), exact("26"))
        );
    }

    #[test]
    fn a_high_ceiling_counts_only_as_far_as_the_rule_says() {
        let house = SpaceRule::Volume {
            each: exact("20"),
            counted_height: exact("3"),
        };
        assert_eq!(floor_space(3, &exact("4"), &house), Ok(exact("20")));
        assert!(floor_space(3, &exact("0"), &house).is_err());
    }

    #[test]
    fn seats_follow_the_peak_less_those_elsewhere() {
        let seating = Seating {
            remote_share: exact("0.3"),
            freed_share: exact("0"),
        };
        assert_eq!(seats(&[10, 40, 25], &seating), Ok(28));
        let impossible = Seating {
            remote_share: exact("1.3"),
            ..seating
        };
        assert!(seats(&[1], &impossible).is_err());
    }
}
