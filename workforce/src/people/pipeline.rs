//! From a requirement by month to the classes that meet it.
//!
//! A class decided in month m starts `lead` months later, trains, then passes through the
//! ramp, one month a step, and joins the tenured. Each month a share leaves: of trainees, of
//! those in the ramp, of the tenured. A class is the least whole number that keeps the
//! effective FTE at or above what is required in the first month it can work in; months
//! before that are beyond cure, and said to be. All in rationals: a class is a ceiling.

use crate::exact::Exact;

/// Nobody plans people further ahead, or trains them for longer; and every month makes the
/// rationals longer.
pub const MOST_MONTHS: usize = 120;

/// Shares are multiplied month by month; 18 digits after the point are within it.
const MOST_BITS: u64 = 64;

/// How people come and go.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Tenured heads before the first month.
    pub tenured: Exact,
    /// Share of the tenured who leave in a month.
    pub attrition: Exact,
    /// Share of those in the ramp who leave in a month.
    pub new_attrition: Exact,
    /// Share of a class lost in each month of its training.
    pub training_attrition: Exact,
    /// Months from the decision to a class's first day.
    pub lead: usize,
    /// Months of training; at least one.
    pub training: usize,
    /// What a head is worth in each month after training, until it counts as tenured.
    pub ramp: Vec<Exact>,
}

/// One month of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// Required FTE.
    pub required: Exact,
    /// Effective FTE.
    pub fte: Exact,
    /// Heads on the payroll: trainees, ramp and tenured.
    pub heads: Exact,
    /// People of the class that starts this month.
    pub class_start: u64,
    /// People of the class decided this month; `None` if it would first work after the last
    /// month required.
    pub decide: Option<u64>,
    /// Required less effective FTE, if any is missing.
    pub gap: Option<Exact>,
    /// Whether no class decided within the plan could have been at work yet.
    pub beyond_cure: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HiringError {
    /// A share outside 0..1, or a head count below zero.
    #[error("{field} is {value}; it must be {needs}")]
    OutOfRange {
        /// Which input.
        field: String,
        /// As given.
        value: String,
        /// What would be right.
        needs: &'static str,
    },
    /// Nothing to plan for.
    #[error("required: no month is given")]
    NoMonths,
}

/// Plans classes for the months required.
///
/// # Errors
/// If an input is out of range; the message names it.
pub fn plan(pipeline: &Pipeline, required: &[Exact]) -> Result<Vec<Month>, HiringError> {
    pipeline.check(required)?;
    let first_work = pipeline.lead + pipeline.months_until_useful();
    let mut classes = vec![0_u64; required.len()];
    let mut decided = vec![None; required.len()];
    // The month in which this month's class first works, as all classes before have it.
    let mut ahead = (0..first_work.min(required.len()))
        .fold(pipeline.start(), |heads, _| pipeline.step(&heads, 0));
    for month in 0..required.len().saturating_sub(first_work) {
        let works = month + first_work;
        ahead = pipeline.step(&ahead, 0);
        // Nothing decided later can change that month, so what is missing is this class's.
        let missing = &required[works] - &pipeline.totals(&ahead).fte;
        let class = if missing.is_positive() {
            missing
                .checked_div(&pipeline.worth_when_useful())
                .and_then(|heads| heads.ceil())
                .unwrap_or(u64::MAX)
        } else {
            0
        };
        if class > 1_000_000_000 {
            return Err(HiringError::OutOfRange {
                field: format!("required[{works}]"),
                value: required[works].to_string(),
                needs: "within what a class of a thousand million could meet",
            });
        }
        pipeline.join(&mut ahead, class);
        classes[month + pipeline.lead] = class;
        decided[month] = Some(class);
    }
    Ok(pipeline.walk(required, &classes, &decided, first_work))
}

/// Heads by stage at the end of a month.
#[derive(Clone)]
struct Heads {
    /// In the first, second … month of training.
    training: Vec<Exact>,
    /// In each step of the ramp.
    ramp: Vec<Exact>,
    tenured: Exact,
}

/// A month's totals.
struct Totals {
    fte: Exact,
    heads: Exact,
}

impl Pipeline {
    fn check(&self, required: &[Exact]) -> Result<(), HiringError> {
        const FEWER_DIGITS: &str = "given to 18 digits after the point at most";
        let refuse = |field: &str, value: &Exact, needs| {
            Err(HiringError::OutOfRange {
                field: field.to_owned(),
                value: value.to_string(),
                needs,
            })
        };
        if required.is_empty() {
            return Err(HiringError::NoMonths);
        }
        for (field, months, fits, needs) in [
            ("months", required.len(), true, "at most 120"),
            ("lead", self.lead, true, "at most 120 months"),
            (
                "training",
                self.training,
                self.training > 0,
                "1 to 120 months",
            ),
            ("ramp", self.ramp.len(), true, "of at most 120 months"),
        ] {
            if !fits || months > MOST_MONTHS {
                return refuse(field, &Exact::from(months as u64), needs);
            }
        }
        if self.tenured.is_negative() {
            return refuse("tenured", &self.tenured, "zero or more");
        }
        for (field, share) in [
            ("attrition", &self.attrition),
            ("new_attrition", &self.new_attrition),
            ("training_attrition", &self.training_attrition),
        ] {
            if share.is_negative() || *share >= Exact::one() {
                return refuse(field, share, "a share: 0 or more and below 1");
            }
            if share.denominator_bits() > MOST_BITS {
                return refuse(field, share, FEWER_DIGITS);
            }
        }
        for (step, worth) in self.ramp.iter().enumerate() {
            if worth.is_negative() || *worth > Exact::one() {
                return refuse(&format!("ramp[{step}]"), worth, "between 0 and 1");
            }
            if worth.denominator_bits() > MOST_BITS {
                return refuse(&format!("ramp[{step}]"), worth, FEWER_DIGITS);
            }
        }
        for (month, fte) in required.iter().enumerate() {
            if fte.is_negative() {
                return refuse(&format!("required[{month}]"), fte, "zero or more");
            }
        }
        Ok(())
    }

    /// Months from a class's first day until a head of it is worth something.
    fn months_until_useful(&self) -> usize {
        let worthless = self.ramp.iter().take_while(|worth| worth.is_zero()).count();
        self.training + worthless
    }

    /// The share of a class that is left in its first useful month.
    fn left_when_useful(&self) -> Exact {
        let kept = |share: &Exact| &Exact::one() - share;
        let mut left = Exact::one();
        for _ in 0..self.training {
            left = &left * &kept(&self.training_attrition);
        }
        for _ in self.training..self.months_until_useful() {
            left = &left * &kept(&self.new_attrition);
        }
        left
    }

    /// What one head of a new class is worth in its first useful month.
    fn worth_when_useful(&self) -> Exact {
        let left = self.left_when_useful();
        match self.ramp.get(self.months_until_useful() - self.training) {
            Some(step) => &left * step,
            None => left,
        }
    }

    /// Adds a class in its first useful month.
    fn join(&self, heads: &mut Heads, class: u64) {
        let left = &Exact::from(class) * &self.left_when_useful();
        let step = self.months_until_useful() - self.training;
        let stage = heads.ramp.get_mut(step).unwrap_or(&mut heads.tenured);
        *stage = &*stage + &left;
    }

    fn start(&self) -> Heads {
        Heads {
            training: vec![Exact::zero(); self.training],
            ramp: vec![Exact::zero(); self.ramp.len()],
            tenured: self.tenured.clone(),
        }
    }

    /// One month on: everyone moves up a stage, less those who leave; `class` starts.
    fn step(&self, before: &Heads, class: u64) -> Heads {
        let staying = |share: &Exact| &Exact::one() - share;
        let trained = |heads: &Exact| heads * &staying(&self.training_attrition);
        let ramped = |heads: &Exact| heads * &staying(&self.new_attrition);

        let mut training = vec![Exact::from(class)];
        training.extend(before.training[..self.training - 1].iter().map(trained));
        // `check` has seen to it that training lasts at least a month.
        let mut arriving = trained(&before.training[self.training - 1]);
        let mut ramp = Vec::with_capacity(before.ramp.len());
        for heads in &before.ramp {
            ramp.push(arriving);
            arriving = ramped(heads);
        }
        Heads {
            training,
            ramp,
            tenured: &(&before.tenured * &staying(&self.attrition)) + &arriving,
        }
    }

    fn totals(&self, heads: &Heads) -> Totals {
        let mut fte = heads.tenured.clone();
        let mut count = heads.tenured.clone();
        for (in_step, worth) in heads.ramp.iter().zip(&self.ramp) {
            fte = &fte + &(in_step * worth);
            count = &count + in_step;
        }
        for trainees in &heads.training {
            count = &count + trainees;
        }
        Totals { fte, heads: count }
    }

    fn walk(
        &self,
        required: &[Exact],
        classes: &[u64],
        decided: &[Option<u64>],
        first_work: usize,
    ) -> Vec<Month> {
        let mut heads = self.start();
        required
            .iter()
            .enumerate()
            .map(|(month, required)| {
                heads = self.step(&heads, classes[month]);
                let Totals { fte, heads: count } = self.totals(&heads);
                let missing = required - &fte;
                Month {
                    required: required.clone(),
                    heads: count,
                    class_start: classes[month],
                    decide: decided[month],
                    gap: missing.is_positive().then_some(missing),
                    beyond_cure: month < first_work,
                    fte,
                }
            })
            .collect()
    }

    /// The class that, started every month, holds the tenured at `tenured` heads: what
    /// leaves must come out of the ramp. `None` if everyone leaves on the way.
    pub fn steady_class(&self, tenured: &Exact) -> Option<Exact> {
        let staying = |share: &Exact| &Exact::one() - share;
        let mut arrive = Exact::one();
        for _ in 0..self.training {
            arrive = &arrive * &staying(&self.training_attrition);
        }
        for _ in &self.ramp {
            arrive = &arrive * &staying(&self.new_attrition);
        }
        (tenured * &self.attrition).checked_div(&arrive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    fn centre() -> Pipeline {
        Pipeline {
            tenured: exact("104"),
            attrition: exact("0.03"),
            new_attrition: exact("0.06"),
            training_attrition: exact("0.10"),
            lead: 1,
            training: 1,
            ramp: vec![exact("1/2"), exact("3/4")],
        }
    }

    #[test]
    fn classes_are_the_least_that_keep_the_requirement() {
        let required = vec![exact("100"); 36];
        let months = plan(&centre(), &required).unwrap();
        for (at, month) in months.iter().enumerate() {
            assert!(month.gap.is_none() || at < 2, "month {at} is short");
            if let Some(class) = month.decide.filter(|&class| class > 0) {
                let works = at + 2;
                let spare = &months[works].fte - &months[works].required;
                assert!(
                    spare < exact("0.45"),
                    "class of {class} in month {at} is one too many"
                );
            }
        }
    }

    #[test]
    fn the_gap_inside_the_lead_time_is_beyond_cure() {
        let months = plan(&centre(), &vec![exact("100"); 6]).unwrap();
        assert!(months[1].gap.is_some() && months[1].beyond_cure);
        assert!(!months[2].beyond_cure && months[2].gap.is_none());
    }

    /// What is required rises and falls, and every class and total is what playing the months
    /// through with the classes found says.
    #[test]
    fn every_class_is_the_least_that_the_months_played_through_from_the_start_ask_for() {
        let slow = Pipeline {
            training: 2,
            ramp: vec![exact("0"), exact("1/2")],
            ..centre()
        };
        let only_tenured = Pipeline {
            ramp: vec![exact("0")],
            ..centre()
        };
        for pipeline in [centre(), slow, only_tenured] {
            let first_work = pipeline.lead + pipeline.months_until_useful();
            let required: Vec<Exact> = (0..20)
                .map(|month| Exact::from(100 + 7 * (month % 5) + month))
                .collect();
            let months = plan(&pipeline, &required).unwrap();
            let fte = |decided: &[u64], at: usize| {
                let heads = (0..=at).fold(pipeline.start(), |heads, month| {
                    let class = month.checked_sub(pipeline.lead);
                    let class = class.and_then(|decided_in| decided.get(decided_in));
                    pipeline.step(&heads, class.copied().unwrap_or(0))
                });
                pipeline.totals(&heads).fte
            };
            let mut decided: Vec<u64> = Vec::new();
            for works in first_work..required.len() {
                let class = months[works - first_work].decide.unwrap();
                decided.push(class);
                assert_eq!(fte(&decided, works), months[works].fte);
                assert!(months[works].fte >= required[works]);
                if class > 0 {
                    *decided.last_mut().unwrap() -= 1;
                    assert!(fte(&decided, works) < required[works], "month {works}");
                    *decided.last_mut().unwrap() += 1;
                }
            }
        }
    }

    #[test]
    fn ten_years_are_planned_and_more_are_refused() {
        let share = exact("0.0247");
        let odd = Pipeline {
            attrition: share.clone(),
            new_attrition: share.clone(),
            training_attrition: share,
            ..centre()
        };
        let months = plan(&odd, &vec![exact("100"); MOST_MONTHS]).unwrap();
        assert!(months[2..].iter().all(|month| month.gap.is_none()));
        let said = plan(&odd, &vec![exact("100"); MOST_MONTHS + 1]).unwrap_err();
        assert_eq!(said.to_string(), "months is 121; it must be at most 120");
        let endless = Pipeline {
            attrition: exact("1e-300"),
            ..centre()
        };
        let said = plan(&endless, &[exact("1")]).unwrap_err().to_string();
        assert!(
            said.ends_with("18 digits after the point at most"),
            "{said}"
        );
        let late = Pipeline {
            lead: usize::MAX,
            ..centre()
        };
        let said = plan(&late, &[exact("1")]).unwrap_err().to_string();
        assert!(said.starts_with("lead is"), "{said}");
    }

    #[test]
    fn a_steady_class_holds_the_tenured_level() {
        let centre = centre();
        let class = centre.steady_class(&centre.tenured).unwrap();
        // q·T/((1 − q_train)(1 − q_new)²)
        assert_eq!(class, exact("3.12/0.79524"));
    }

    #[test]
    fn a_ramp_that_starts_at_nothing_is_waited_for() {
        let slow = Pipeline {
            ramp: vec![exact("0"), exact("1")],
            ..centre()
        };
        let months = plan(&slow, &vec![exact("100"); 8]).unwrap();
        assert!(months[2].beyond_cure && !months[3].beyond_cure);
        assert!(months[3..].iter().all(|month| month.gap.is_none()));
    }

    #[test]
    fn inputs_out_of_range_are_refused_by_name() {
        let over = Pipeline {
            attrition: exact("1.2"),
            ..centre()
        };
        let said = plan(&over, &[exact("1")]).unwrap_err().to_string();
        assert!(said.starts_with("attrition is 6/5"), "{said}");
        let said = plan(&centre(), &[exact("1"), exact("-4")])
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("required[1] is -4"), "{said}");
        assert_eq!(plan(&centre(), &[]), Err(HiringError::NoMonths));
    }
}
