//! What a rota has to do, and with whom.

use crate::shifts::{MOST_SKILLS, Skills};

/// A shift on a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stint {
    /// Which shift it is, by the caller's number.
    pub shift: usize,
    /// The day that it starts on, by number from 0. Nobody starts twice on a day.
    pub day: usize,
    /// The week that its hours count in, by number from 0.
    pub week: usize,
    /// When it starts.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// Breaks `[from, to)`, in order, inside the shift, none overlapping another.
    pub breaks: Vec<(i64, i64)>,
    /// Seconds that count against the hours of a contract.
    pub counted: i64,
    /// At night or on a weekend: shared out evenly.
    pub unsocial: bool,
}

impl Stint {
    /// Seconds of `[from, to)` in which one is there and on no break.
    pub fn works_within(&self, from: i64, to: i64) -> i64 {
        let within = |start: i64, end: i64| (end.min(to) - start.max(from)).max(0);
        let off: i64 = self.breaks.iter().map(|&(a, b)| within(a, b)).sum();
        within(self.start, self.end) - off
    }
}

/// One who works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As in the output.
    pub name: String,
    /// What they can do; they do one thing at a time.
    pub skills: Skills,
    /// Stints open to them, by number.
    pub stints: Vec<usize>,
    /// Counted seconds of a week, at most.
    pub week: i64,
    /// Whether they need a seat.
    pub on_site: bool,
}

/// What an interval needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// Agents, by skill.
    pub required: Vec<u32>,
}

/// What holds for everybody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Seconds between the end of a shift and the start of the next, at least.
    pub rest: i64,
    /// Days worked of any seven in a row, at most.
    pub days_in_seven: usize,
    /// Seats, if they are bounded. Breaks keep the seat.
    pub seats: Option<u32>,
    /// Seconds for which a seat stays taken after the shift, for handing over.
    pub hand_over: i64,
    /// What an agent missing for a second costs, a paid second being 1.
    pub shortage: f64,
}

/// A rota to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rota {
    /// In order, not overlapping.
    pub needs: Vec<Need>,
    /// Shifts to choose from.
    pub stints: Vec<Stint>,
    /// Who can work them.
    pub people: Vec<Person>,
    /// What holds for everybody.
    pub rules: Rules,
}

/// What is wrong with a problem.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// Nothing to plan for or with.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// More skills than can be told apart.
    #[error("needs[0] has {0} skills; at most {MOST_SKILLS} can be planned together")]
    TooManySkills(usize),
    /// A need that is not like the others.
    #[error("needs[{0}] overlaps the one before, ends before it starts, or has other skills")]
    Need(usize),
    /// A stint that is none.
    #[error(
        "stints[{0}] must end after it starts, with its breaks inside, in order and apart, and counted seconds of 0 or more"
    )]
    Stint(usize),
    /// A person who names a stint that is not there, two on one day in the wrong order, or has negative hours.
    #[error("people[{0}] names a stint that is not there, or has hours below 0")]
    Person(usize),
    /// A rule out of range.
    #[error("rules.{field} is {value}; it must be {needs}")]
    Rule {
        /// Which.
        field: &'static str,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// Required, but nobody can do it.
    #[error("skill {skill} is required, but nobody has it")]
    NobodyFor {
        /// Which skill.
        skill: usize,
    },
}

impl Rota {
    /// Skills that are told apart.
    pub fn skills(&self) -> usize {
        self.needs.first().map_or(0, |need| need.required.len())
    }

    /// Refuses what cannot be planned.
    ///
    /// # Errors
    /// Naming the field.
    pub fn check(&self) -> Result<(), ProblemError> {
        for (name, empty) in [
            ("needs", self.skills() == 0),
            ("stints", self.stints.is_empty()),
            ("people", self.people.is_empty()),
        ] {
            if empty {
                return Err(ProblemError::Empty(name));
            }
        }
        if self.skills() > MOST_SKILLS {
            return Err(ProblemError::TooManySkills(self.skills()));
        }
        self.check_rules()?;
        let mut before = i64::MIN;
        for (at, need) in self.needs.iter().enumerate() {
            let alike = need.required.len() == self.skills();
            if need.start < before || need.end <= need.start || !alike {
                return Err(ProblemError::Need(at));
            }
            before = need.end;
        }
        if let Some(at) = self.stints.iter().position(|stint| !is_sound(stint)) {
            return Err(ProblemError::Stint(at));
        }
        let person_is_sound = |person: &Person| {
            person.week >= 0 && person.stints.iter().all(|&at| at < self.stints.len())
        };
        if let Some(at) = self.people.iter().position(|one| !person_is_sound(one)) {
            return Err(ProblemError::Person(at));
        }
        let unserved = (0..self.skills()).find(|&skill| {
            self.needs.iter().any(|need| need.required[skill] > 0)
                && !self.people.iter().any(|one| one.skills.has(skill))
        });
        unserved.map_or(Ok(()), |skill| Err(ProblemError::NobodyFor { skill }))
    }

    fn check_rules(&self) -> Result<(), ProblemError> {
        let rules = &self.rules;
        let checks = [
            ("rest", rules.rest as f64, rules.rest >= 0, "0 or more"),
            (
                "hand_over",
                rules.hand_over as f64,
                rules.hand_over >= 0,
                "0 or more",
            ),
            (
                "days_in_seven",
                rules.days_in_seven as f64,
                (1..=7).contains(&rules.days_in_seven),
                "from 1 to 7",
            ),
            (
                "shortage",
                rules.shortage,
                rules.shortage > 0.0 && rules.shortage.is_finite(),
                "above zero and finite",
            ),
        ];
        for (field, value, fits, needs) in checks {
            if !fits {
                return Err(ProblemError::Rule {
                    field,
                    value,
                    needs,
                });
            }
        }
        Ok(())
    }
}

fn is_sound(stint: &Stint) -> bool {
    let mut from = stint.start;
    let apart = stint.breaks.iter().all(|&(start, end)| {
        let fits = start >= from && end > start && end <= stint.end;
        from = end;
        fits
    });
    apart && stint.end > stint.start && stint.counted >= 0
}
