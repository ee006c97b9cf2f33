//! `trunkline hire`: from turnover and a requirement to classes, seats and floor space.

use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};
use trunkline_workforce::exact::Exact;
use trunkline_workforce::people::{
    MOST_MONTHS, Month, Pipeline, Seating, SpaceRule, floor_space, monthly_rates, plan, seats,
};

use crate::number::{read_within, shown};
use crate::outcome::Outcome;
use crate::stdio::data;
use crate::table::Table;

/// Nobody plans for more than this many people in one centre.
const MOST_HEADS: f64 = 1e7;

/// `trunkline hire …`
#[derive(clap::Args)]
pub struct Args {
    /// Required FTE: a number for every month, or a CSV with the columns month (2027-01, or a
    /// number; one after the other) and required. Without month, its rows are months 0, 1, …
    #[arg(long, value_name = "FTE|FILE")]
    required: String,
    /// How many months, where required is a number; 120 at most, as in a file
    #[arg(long, value_name = "N", default_value_t = 12)]
    months: u64,
    /// Tenured people at the outset
    #[arg(long, value_name = "HEADS")]
    tenured: String,
    /// Share of the tenured who leave in a month
    #[arg(long, value_name = "SHARE", conflicts_with = "turnover")]
    attrition: Option<String>,
    /// Turnover of a year, in place of --attrition; say with --turnover-is how it is meant
    #[arg(long, value_name = "SHARE", requires = "turnover_is")]
    turnover: Option<String>,
    /// What the yearly turnover means
    #[arg(long, requires = "turnover")]
    turnover_is: Option<TurnoverIs>,
    /// Share of new people who leave in a month, in the ramp
    #[arg(long, value_name = "SHARE", default_value = "0.06")]
    new_attrition: String,
    /// Share of a class lost in a month of its training
    #[arg(long, value_name = "SHARE", default_value = "0.10")]
    training_attrition: String,
    /// Months from the decision to a class's first day
    #[arg(long, value_name = "MONTHS", default_value_t = 1)]
    lead: u64,
    /// Months of training
    #[arg(long, value_name = "MONTHS", default_value_t = 1)]
    training: u64,
    /// What a new person is worth in each month after training
    #[arg(long, value_name = "WORTH,…", default_value = "0.5,0.75")]
    ramp: String,
    /// Share of those on shift who work from elsewhere
    #[arg(long, value_name = "SHARE", default_value = "0")]
    remote_share: String,
    /// Greatest share of the heads on shift at once
    #[arg(long, value_name = "SHARE", default_value = "1")]
    on_shift: String,
    /// Height of the ceiling, in metres
    #[arg(long, value_name = "METRES", default_value = "3")]
    ceiling: String,
    /// Room a person must have, in m³; the ceiling counts up to 3 m
    #[arg(long, value_name = "M3", default_value = "20")]
    volume: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// The readings of a yearly turnover.
#[derive(Clone, Copy, ValueEnum)]
enum TurnoverIs {
    /// Leavers of the year over average headcount: a twelfth of it a month
    Rate,
    /// The share of today's people gone in a year: 1 − (1 − a)^(1/12) a month
    Cohort,
    /// Leavers at a constant hazard: 1 − e^(−a/12) a month
    Hazard,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints the plan.
pub fn run(args: Args) -> Result<Outcome> {
    let Required { first, fte } = required(&args)?;
    let pipeline = pipeline(&args)?;
    let months = plan(&pipeline, &fte)?;
    let rooms = rooms(&args, &months)?;
    let labels = (0..).map(|at| first.plus(at));
    let object = json!({
        "monthly_attrition": shown(pipeline.attrition.to_f64()),
        "steady_class": pipeline
            .steady_class(&pipeline.tenured)
            .map(|class| shown(class.to_f64())),
        "months": labels.clone().zip(&months).map(month_json).collect::<Vec<_>>(),
        "seats": rooms.seats,
        "floor_space_m2": shown(rooms.floor_space.to_f64()),
    });
    match args.output {
        Format::Json => data!("{object}")?,
        Format::Text => print_text(labels.zip(&months), &rooms)?,
    }
    Ok(Outcome::Fine)
}

fn share(option: &str, text: &str) -> Result<Exact> {
    read_within(option, text, 0.0, 1.0)
}

/// What is required, month by month.
struct Required {
    first: Label,
    fte: Vec<Exact>,
}

/// What a month is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    /// By its number.
    Number(u64),
    /// Of the calendar, counted from January of the year 0.
    Calendar(u64),
}

impl Label {
    /// Reads `2027-01` or `3`.
    fn read(text: &str) -> Result<Self> {
        let digits = |text: &str, most: usize| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            (plain && text.len() <= most).then(|| text.parse::<u64>().ok())?
        };
        let label = match text.split_once('-') {
            Some((year, month)) if (year.len(), month.len()) == (4, 2) => digits(year, 4)
                .zip(digits(month, 2).filter(|month| (1..=12).contains(month)))
                .map(|(year, month)| Self::Calendar(12 * year + month - 1)),
            Some(_) => None,
            None => digits(text, 9).map(Self::Number),
        };
        label.with_context(|| format!("`{text}` is no month: write it as 2027-01, or a number"))
    }

    fn plus(self, months: u64) -> Self {
        match self {
            Self::Number(number) => Self::Number(number + months),
            Self::Calendar(number) => Self::Calendar(number + months),
        }
    }

    /// Checks that this month follows on the one of the row before.
    fn check_after(self, before: Self) -> Result<()> {
        if self == before.plus(1) {
            return Ok(());
        }
        let wrong = match (before, self) {
            (Self::Number(last), Self::Number(this))
            | (Self::Calendar(last), Self::Calendar(this)) => match this.cmp(&last) {
                Ordering::Less => format!("{self} comes after {before}"),
                Ordering::Equal => format!("{self} is given twice"),
                Ordering::Greater => {
                    format!("{} months are missing before {self}", this - last - 1)
                }
            },
            _ => format!("{self} is another kind of month than {before} in the row before"),
        };
        bail!("{wrong}; {} would be next", before.plus(1))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Calendar(number) => write!(f, "{:04}-{:02}", number / 12, number % 12 + 1),
        }
    }
}

fn required(args: &Args) -> Result<Required> {
    if args.required.parse::<Exact>().is_ok() || !Path::new(&args.required).exists() {
        let text = &args.required;
        if text.parse::<Exact>().is_err() && text.ends_with(".csv") {
            bail!("--required: there is no file {text}");
        }
        let fte = read_within("--required", text, 0.0, MOST_HEADS)?;
        ensure!(
            (1..=MOST_MONTHS as u64).contains(&args.months),
            "--months: {} is out of range; it must lie between 1 and {MOST_MONTHS}",
            args.months
        );
        return Ok(Required {
            first: Label::Number(0),
            fte: vec![fte; usize::try_from(args.months)?],
        });
    }
    from_file(&PathBuf::from(&args.required))
        .with_context(|| format!("--required {}", args.required))
}

fn from_file(path: &Path) -> Result<Required> {
    let table = Table::open(
        path,
        &["month", "required", "required_fte"],
        "a requirement",
    )?;
    let month = table.find("month");
    let at = table
        .must("required")
        .or_else(|no| table.find("required_fte").ok_or(no))?;
    let mut months: Option<(Label, Label)> = None;
    let mut fte = Vec::new();
    table.each(|row, record| {
        ensure!(
            fte.len() < MOST_MONTHS,
            "row {row}: at most {MOST_MONTHS} months can be planned"
        );
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let label = match (month, months) {
            (Some(month), _) => Label::read(cell(month)),
            (None, None) => Ok(Label::Number(0)),
            (None, Some((_, last))) => Ok(last.plus(1)),
        };
        let checked = label.and_then(|label| {
            let after = months.map_or(Ok(()), |(_, last)| label.check_after(last));
            after.map(|()| label)
        });
        let label = checked.with_context(|| format!("row {row}, column month"))?;
        months = Some((months.map_or(label, |(first, _)| first), label));
        let field = format!("row {row}, column required");
        fte.push(read_within(&field, cell(at), 0.0, MOST_HEADS)?);
        Ok(())
    })?;
    let (first, _) = months.context("it has no rows")?;
    Ok(Required { first, fte })
}

fn pipeline(args: &Args) -> Result<Pipeline> {
    let ramp = args
        .ramp
        .split(',')
        .filter(|step| !step.trim().is_empty())
        .map(|step| share("--ramp", step))
        .collect::<Result<_>>()?;
    Ok(Pipeline {
        tenured: read_within("--tenured", &args.tenured, 0.0, MOST_HEADS)?,
        attrition: attrition(args)?,
        new_attrition: share("--new-attrition", &args.new_attrition)?,
        training_attrition: share("--training-attrition", &args.training_attrition)?,
        lead: months("--lead", args.lead)?,
        training: months("--training", args.training)?,
        ramp,
    })
}

fn months(option: &str, count: u64) -> Result<usize> {
    ensure!(
        count <= MOST_MONTHS as u64,
        "{option}: {count} months are out of range; it must be at most {MOST_MONTHS}"
    );
    Ok(usize::try_from(count)?)
}

fn attrition(args: &Args) -> Result<Exact> {
    if let Some(text) = &args.attrition {
        return share("--attrition", text);
    }
    let (Some(text), Some(reading)) = (&args.turnover, args.turnover_is) else {
        bail!("give --attrition for a month, or --turnover of a year with --turnover-is");
    };
    let yearly = read_within("--turnover", text, 0.0, 12.0)?;
    let rates = monthly_rates(yearly.to_f64()).context("--turnover")?;
    let monthly = match reading {
        TurnoverIs::Rate => return Ok(&yearly / &Exact::from(12)),
        TurnoverIs::Cohort => rates.cohort.with_context(|| {
            format!("--turnover: {text} of a cohort cannot leave; it must be below 1")
        })?,
        TurnoverIs::Hazard => rates.hazard,
    };
    // To as many digits as a plan is made with.
    format!("{monthly:.15}").parse().context("--turnover")
}

struct Rooms {
    seats: u64,
    floor_space: Exact,
}

/// Seats and space for the month with the most heads.
fn rooms(args: &Args, months: &[Month]) -> Result<Rooms> {
    let on_shift = share("--on-shift", &args.on_shift)?;
    let peak: Vec<u64> = months
        .iter()
        .filter_map(|month| (&month.heads * &on_shift).ceil())
        .collect();
    let seating = Seating {
        remote_share: share("--remote-share", &args.remote_share)?,
        freed_share: Exact::zero(),
    };
    let seats = seats(&peak, &seating)?;
    let rule = SpaceRule::Volume {
        each: read_within("--volume", &args.volume, 1.0, 1000.0)?,
        counted_height: Exact::from(3),
    };
    let ceiling = read_within("--ceiling", &args.ceiling, 1.0, 100.0)?;
    Ok(Rooms {
        seats,
        floor_space: floor_space(seats, &ceiling, &rule)?,
    })
}

fn month_json((label, month): (Label, &Month)) -> Value {
    json!({
        "month": match label {
            Label::Number(number) => json!(number),
            Label::Calendar(_) => json!(label.to_string()),
        },
        "required": shown(month.required.to_f64()),
        "fte": shown(month.fte.to_f64()),
        "fte_exact": month.fte.to_string(),
        "heads": shown(month.heads.to_f64()),
        "class_start": month.class_start,
        "decide": month.decide,
        "gap": month.gap.as_ref().map(|gap| shown(gap.to_f64())),
        "uncoverable": month.gap.is_some() && month.beyond_cure,
    })
}

fn print_text<'a>(months: impl Iterator<Item = (Label, &'a Month)>, rooms: &Rooms) -> Result<()> {
    let months: Vec<(String, &Month)> = months
        .map(|(label, month)| (label.to_string(), month))
        .collect();
    let longest = months.iter().map(|(label, _)| label.len()).max();
    let width = longest.unwrap_or(0).max("month".len());
    data!(
        "{:<width$}  required       fte     heads  class starts  decide  gap",
        "month"
    )?;
    for (label, month) in &months {
        let decide = month
            .decide
            .map_or_else(|| "-".to_owned(), |class| class.to_string());
        let gap = match &month.gap {
            None => String::new(),
            Some(gap) if month.beyond_cure => {
                format!(
                    "{:.2} (inside the lead time: no class can cover it)",
                    gap.to_f64()
                )
            }
            Some(gap) => format!("{:.2}", gap.to_f64()),
        };
        data!(
            "{label:>width$}  {:>8.2}  {:>8.2}  {:>8.2}  {:>12}  {decide:>6}  {gap}",
            month.required.to_f64(),
            month.fte.to_f64(),
            month.heads.to_f64(),
            month.class_start,
        )?;
    }
    data!(
        "seats {}, floor space {:.1} m2",
        rooms.seats,
        rooms.floor_space.to_f64()
    )?;
    Ok(())
}
