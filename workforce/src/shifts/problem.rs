//! What a plan has to do, and with whom.

use super::pattern::Pattern;

/// A set of skills by number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Skills(pub u16);

/// The number of skills that a plan can tell apart: every subset is looked at.
pub const MOST_SKILLS: usize = 8;

impl Skills {
    /// From skill numbers; `None` beyond the most that can be told apart.
    pub fn of(numbers: &[usize]) -> Option<Self> {
        numbers.iter().try_fold(Self(0), |set, &skill| {
            (skill < MOST_SKILLS).then_some(Self(set.0 | 1 << skill))
        })
    }

    /// Whether the skill is in the set.
    pub fn has(self, skill: usize) -> bool {
        self.0 >> skill & 1 == 1
    }

    /// Whether the sets share a skill.
    pub(crate) fn meets(self, other: u16) -> bool {
        self.0 & other != 0
    }
}

/// People who can stand in for one another: same skills, same contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// As in the plan's output.
    pub name: String,
    /// What they can do; each serves one skill at a time.
    pub skills: Skills,
    /// Cost of a paid interval.
    pub cost: f64,
    /// How many there are, if that is bounded.
    pub most: Option<u32>,
    /// Shifts open to them, by number; `None`: all. Part-time groups have the short ones.
    pub patterns: Option<Vec<usize>>,
    /// Share of them who need no seat.
    pub remote_share: f64,
}

/// A day to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Shifts to choose from.
    pub patterns: Vec<Pattern>,
    /// Who can work them.
    pub groups: Vec<Group>,
    /// Agents required, by skill and interval.
    pub required: Vec<Vec<u32>>,
    /// Seats on site, if they are bounded. Breaks keep the seat.
    pub seats: Option<u32>,
    /// Cost of one agent missing for one interval: what makes a plan cover the requirement
    /// where it can, and leave out an odd quarter of an hour that would cost a whole shift.
    pub shortage: f64,
}

/// What is wrong with a problem.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// No skills, intervals, patterns or groups.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// More skills than can be told apart.
    #[error("required has {0} skills; at most {MOST_SKILLS} can be planned together")]
    TooManySkills(usize),
    /// Skills with different numbers of intervals.
    #[error("required[{skill}] has {got} intervals, required[0] has {expected}")]
    Uneven {
        /// Which skill.
        skill: usize,
        /// Its intervals.
        got: usize,
        /// The first's.
        expected: usize,
    },
    /// A cost that is negative or not finite, a share outside 0..1.
    #[error("{field} is {value}; it must be {needs}")]
    OutOfRange {
        /// Which field.
        field: String,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// A pattern number beyond the patterns.
    #[error("groups[{group}].patterns names shift {pattern}, of {count}")]
    NoSuchPattern {
        /// Which group.
        group: usize,
        /// The number.
        pattern: usize,
        /// How many there are.
        count: usize,
    },
    /// Required, but nobody can do it.
    #[error("skill {skill} is required, but no group has it: nobody can serve it")]
    NobodyFor {
        /// Which skill.
        skill: usize,
    },
}

impl Problem {
    /// Intervals of the day.
    pub fn intervals(&self) -> usize {
        self.required.first().map_or(0, Vec::len)
    }

    /// Refuses what cannot be planned.
    ///
    /// # Errors
    /// Naming the field.
    pub fn check(&self) -> Result<(), ProblemError> {
        for (name, empty) in [
            ("required", self.intervals() == 0),
            ("patterns", self.patterns.is_empty()),
            ("groups", self.groups.is_empty()),
        ] {
            if empty {
                return Err(ProblemError::Empty(name));
            }
        }
        if self.required.len() > MOST_SKILLS {
            return Err(ProblemError::TooManySkills(self.required.len()));
        }
        let in_range = |field: String, value: f64, fits: bool, needs| {
            if fits {
                return Ok(());
            }
            Err(ProblemError::OutOfRange {
                field,
                value,
                needs,
            })
        };
        let positive = |value: f64| value > 0.0 && value.is_finite();
        const POSITIVE: &str = "above zero and finite";
        in_range(
            "shortage".into(),
            self.shortage,
            positive(self.shortage),
            POSITIVE,
        )?;
        for (at, group) in self.groups.iter().enumerate() {
            let name = |field: &str| format!("groups[{at}].{field}");
            in_range(name("cost"), group.cost, positive(group.cost), POSITIVE)?;
            in_range(
                name("remote_share"),
                group.remote_share,
                (0.0..=1.0).contains(&group.remote_share),
                "between 0 and 1",
            )?;
            if let Some(&pattern) = group
                .patterns
                .iter()
                .flatten()
                .find(|&&pattern| pattern >= self.patterns.len())
            {
                return Err(ProblemError::NoSuchPattern {
                    group: at,
                    pattern,
                    count: self.patterns.len(),
                });
            }
        }
        for (skill, required) in self.required.iter().enumerate() {
            if required.len() != self.intervals() {
                return Err(ProblemError::Uneven {
                    skill,
                    got: required.len(),
                    expected: self.intervals(),
                });
            }
            let wanted = required.iter().any(|&agents| agents > 0);
            if wanted && !self.groups.iter().any(|group| group.skills.has(skill)) {
                return Err(ProblemError::NobodyFor { skill });
            }
        }
        Ok(())
    }

    /// Every shift of every group.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let all: Vec<usize> = (0..self.patterns.len()).collect();
        self.groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| {
                let open = group.patterns.as_ref().unwrap_or(&all);
                open.iter().map(move |&pattern| Column {
                    group: at,
                    pattern,
                    cost: group.cost * self.patterns[pattern].paid() as f64,
                })
            })
            .collect()
    }
}

/// One shift of one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Column {
    pub group: usize,
    pub pattern: usize,
    pub cost: f64,
}
