//! Shifts with their breaks, enumerated from rules.

/// More patterns than this are surely a slip in the rules.
const MOST_PATTERNS: usize = 100_000;

/// Intervals off within a shift, counted from midnight as the shift is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// First interval off.
    pub start: usize,
    /// Intervals off.
    pub length: usize,
    /// Whether it counts as paid time.
    pub paid: bool,
}

/// A shift: presence from `start` until before `end`, less the breaks. May run past the
/// last interval of the day; what does is another plan's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// First interval present.
    pub start: usize,
    /// First interval no longer present.
    pub end: usize,
    /// In order, within the shift, not overlapping.
    pub breaks: Vec<Break>,
}

impl Pattern {
    /// Present and not on a break.
    pub fn works(&self, interval: usize) -> bool {
        (self.start..self.end).contains(&interval)
            && !self
                .breaks
                .iter()
                .any(|off| (off.start..off.start + off.length).contains(&interval))
    }

    /// Intervals paid.
    pub fn paid(&self) -> usize {
        let unpaid: usize = self
            .breaks
            .iter()
            .filter(|off| !off.paid)
            .map(|off| off.length)
            .sum();
        self.end - self.start - unpaid
    }
}

/// Where one break of a shift may lie, in intervals from the shift's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakRule {
    /// Earliest first interval off.
    pub earliest: usize,
    /// Latest first interval off.
    pub latest: usize,
    /// Steps between the choices.
    pub step: usize,
    /// Intervals off.
    pub length: usize,
    /// Whether it counts as paid time.
    pub paid: bool,
}

/// A family of shifts of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftRule {
    /// Intervals present.
    pub length: usize,
    /// Earliest start, in intervals of the day.
    pub earliest: usize,
    /// Latest start.
    pub latest: usize,
    /// Steps between the choices.
    pub step: usize,
    /// Breaks in order.
    pub breaks: Vec<BreakRule>,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A length or step of zero, or an earliest after its latest.
    #[error("{field} makes no shift: lengths and steps are at least 1, earliest at most latest")]
    Empty {
        /// Which field.
        field: String,
    },
    /// A break that can leave the shift.
    #[error("breaks[{0}] can reach beyond the end of the shift")]
    Outside(usize),
    /// Too many to enumerate.
    #[error("the rule makes more than {MOST_PATTERNS} shifts; take longer steps")]
    TooMany,
}

impl ShiftRule {
    /// Every shift that the rule allows: all starts, all places of the breaks, without those
    /// whose breaks meet.
    ///
    /// # Errors
    /// If the rule makes no shift, or too many.
    pub fn patterns(&self) -> Result<Vec<Pattern>, RuleError> {
        let empty = |field: &str| {
            Err(RuleError::Empty {
                field: field.to_owned(),
            })
        };
        if self.length == 0 {
            return empty("length");
        }
        if self.step == 0 || self.earliest > self.latest {
            return empty("start");
        }
        for (at, rule) in self.breaks.iter().enumerate() {
            if rule.length == 0 || rule.step == 0 || rule.earliest > rule.latest {
                return empty(&format!("breaks[{at}]"));
            }
            if rule.latest + rule.length > self.length {
                return Err(RuleError::Outside(at));
            }
        }
        let mut patterns = Vec::new();
        for start in (self.earliest..=self.latest).step_by(self.step) {
            self.place(start, &mut Vec::new(), &mut patterns)?;
        }
        Ok(patterns)
    }

    fn place(
        &self,
        start: usize,
        placed: &mut Vec<Break>,
        patterns: &mut Vec<Pattern>,
    ) -> Result<(), RuleError> {
        let Some(rule) = self.breaks.get(placed.len()) else {
            if patterns.len() == MOST_PATTERNS {
                return Err(RuleError::TooMany);
            }
            patterns.push(Pattern {
                start,
                end: start + self.length,
                breaks: placed.clone(),
            });
            return Ok(());
        };
        let free_from = placed
            .last()
            .map_or(start, |off| off.start + off.length + 1);
        for offset in (rule.earliest..=rule.latest).step_by(rule.step) {
            if start + offset < free_from {
                continue;
            }
            placed.push(Break {
                start: start + offset,
                length: rule.length,
                paid: rule.paid,
            });
            self.place(start, placed, patterns)?;
            placed.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_and_every_place_of_the_breaks_makes_a_shift() {
        let rule = ShiftRule {
            length: 16,
            earliest: 28,
            latest: 32,
            step: 4,
            breaks: vec![
                BreakRule {
                    earliest: 3,
                    latest: 5,
                    step: 1,
                    length: 1,
                    paid: true,
                },
                BreakRule {
                    earliest: 6,
                    latest: 8,
                    step: 2,
                    length: 2,
                    paid: false,
                },
            ],
        };
        let patterns = rule.patterns().unwrap();
        // 2 starts × (3 × 2 places, less the one where the breaks touch)
        assert_eq!(patterns.len(), 2 * 5);
        let first = &patterns[0];
        assert_eq!((first.paid(), first.start, first.end), (14, 28, 44));
        assert!(first.works(28) && !first.works(31) && !first.works(44));
    }

    #[test]
    fn rules_that_make_no_shift_are_refused() {
        let rule = ShiftRule {
            length: 4,
            earliest: 0,
            latest: 0,
            step: 1,
            breaks: vec![BreakRule {
                earliest: 3,
                latest: 3,
                step: 1,
                length: 2,
                paid: true,
            }],
        };
        assert_eq!(rule.patterns(), Err(RuleError::Outside(0)));
        let still = ShiftRule {
            step: 0,
            ..rule.clone()
        };
        assert!(matches!(still.patterns(), Err(RuleError::Empty { .. })));
    }
}
