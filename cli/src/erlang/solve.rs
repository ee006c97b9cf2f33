//! From the options of one case to its answer.

use anyhow::{Context, Result, bail, ensure};
use trunkline_workforce::erlang::{
    Bounds, Callers, Formula, Horizons, LARGEST, Measures, OccupancyCap, Queue, SMALLEST,
    greatest_load, least_agents, load_for_blocking, with_redials,
};
use trunkline_workforce::exact::{Exact, Precise};

use super::Model;
use super::options::Options;
use super::print::Printed;
use crate::number::read_within;

/// Times are read between a microsecond and some thirty thousand years.
pub const LEAST_TIME: f64 = 1e-6;
pub const MOST_TIME: f64 = 1e12;

/// What came of a case that could be read.
pub enum Answer {
    /// The object to print.
    Found(Box<Printed>),
    /// Nothing meets what was asked, and why.
    Impossible(String),
}

/// What a case gives its number of agents by.
enum Asked {
    Agents(Exact),
    LeastAgents(Bounds),
    GreatestLoad(Exact, Bounds),
}

/// Reads the options under their names, each preceded by `dashes`.
struct Reader<'a> {
    options: &'a Options,
    dashes: &'a str,
}

impl Reader<'_> {
    fn name(&self, option: &str) -> String {
        format!("{}{option}", self.dashes)
    }

    fn number(
        &self,
        option: &str,
        text: &Option<String>,
        least: f64,
        most: f64,
    ) -> Result<Option<Exact>> {
        text.as_ref()
            .map(|text| read_within(&self.name(option), text, least, most))
            .transpose()
    }

    /// A share in 0..=1.
    fn share(&self, option: &str, text: &Option<String>) -> Result<Option<Exact>> {
        self.number(option, text, 0.0, 1.0)
    }

    fn time(&self, option: &str, text: &Option<String>, least: f64) -> Result<Option<Exact>> {
        self.number(option, text, least, MOST_TIME)
    }

    /// Options that the model has no use for are an error, not passed over.
    fn refuse(&self, model: Model) -> Result<()> {
        let (letter, foreign): (_, &[&str]) = match model {
            Model::B => (
                "b",
                &[
                    "patience",
                    "within",
                    "short",
                    "formula",
                    "max-abandon",
                    "max-asa",
                    "redial",
                ],
            ),
            Model::C => ("c", &["patience", "redial"]),
            Model::A => ("a", &[]),
        };
        for given in self.options.given() {
            ensure!(
                !foreign.contains(&given),
                "{} does not apply to erlang {letter}",
                self.name(given)
            );
        }
        Ok(())
    }

    /// The offered load, if the case gives one.
    fn load(&self, aht: Option<&Exact>) -> Result<Option<Exact>> {
        let options = self.options;
        let load = match (&options.calls, &options.load) {
            (None, None) => {
                ensure!(
                    options.per.is_none(),
                    "{} needs {}",
                    self.name("per"),
                    self.name("calls")
                );
                return Ok(None);
            }
            (Some(_), Some(_)) => bail!(
                "{} and {} both give the load; give one",
                self.name("calls"),
                self.name("load")
            ),
            (None, Some(_)) => {
                return self.number("load", &options.load, SMALLEST, LARGEST);
            }
            (Some(_), None) => {
                let calls = self
                    .number("calls", &options.calls, f64::MIN_POSITIVE, 1e300)?
                    .context("calls were given")?;
                let per = self
                    .time("per", &options.per, LEAST_TIME)?
                    .unwrap_or_else(|| Exact::from(3600));
                let aht = aht.with_context(|| {
                    format!(
                        "{} is missing: the load is calls × handling time",
                        self.name("aht")
                    )
                })?;
                &(&calls * aht) / &per
            }
        };
        let erlangs = load.to_f64();
        ensure!(
            (SMALLEST..=LARGEST).contains(&erlangs),
            "{} and {}: together they offer {erlangs:e} erlangs; {SMALLEST:e} to {LARGEST:e} can be computed",
            self.name("calls"),
            self.name("aht")
        );
        Ok(Some(load))
    }

    fn bounds(&self, model: Model, load: Option<&Exact>) -> Result<Option<Bounds>> {
        let options = self.options;
        let mut bounds = Bounds::default();
        if let Some(target) = self.share("target", &options.target)? {
            let share = target.to_f64();
            ensure!(
                share > 0.0 && share < 1.0,
                "{}: {share} is met by every number of agents or by none; it must lie between 0 and 1, both excluded",
                self.name("target")
            );
            if model == Model::B {
                bounds.max_blocking = Some(share);
            } else {
                bounds.service_level = Some((self.formula()?, share));
            }
        }
        if let Some(cap) = self.share("max-occupancy", &options.max_occupancy)? {
            ensure!(
                cap.is_positive(),
                "{}: 0 would need agents without end",
                self.name("max-occupancy")
            );
            let exact_load = load.filter(|_| options.redial.is_none());
            bounds.max_occupancy = Some(match exact_load {
                Some(load) => OccupancyCap::new(load, &cap).with_context(|| {
                    format!(
                        "{}: {cap} would need more than {LARGEST:e} agents",
                        self.name("max-occupancy")
                    )
                })?,
                // No exact load to divide: the measured occupancy decides alone.
                None => OccupancyCap {
                    most: cap.to_f64(),
                    surely_kept_by: u64::MAX,
                },
            });
        }
        if let Some(share) = self.share("max-abandon", &options.max_abandon)? {
            ensure!(
                share.is_positive(),
                "{}: 0 would need agents without end",
                self.name("max-abandon")
            );
            bounds.max_abandon = Some(share.to_f64());
        }
        if let Some(seconds) = self.time("max-asa", &options.max_asa, 0.0)? {
            ensure!(
                seconds.is_positive(),
                "{}: 0 would need agents without end",
                self.name("max-asa")
            );
            bounds.max_asa = Some(seconds.to_f64());
        }
        Ok((bounds != Bounds::default()).then_some(bounds))
    }

    fn formula(&self) -> Result<Formula> {
        match &self.options.formula {
            None => Ok(Formula::default()),
            Some(name) => name.parse().with_context(|| self.name("formula")),
        }
    }

    fn asked(&self, model: Model, load: Option<&Exact>) -> Result<Asked> {
        let agents = self.number("agents", &self.options.agents, SMALLEST, LARGEST)?;
        let bounds = self.bounds(model, load)?;
        match (agents, bounds, load.is_some()) {
            (Some(agents), None, true) => Ok(Asked::Agents(agents)),
            (None, Some(bounds), true) => Ok(Asked::LeastAgents(bounds)),
            (Some(agents), Some(bounds), false) => Ok(Asked::GreatestLoad(agents, bounds)),
            (Some(_), Some(_), true) => bail!(
                "{} and a bound are both given: leave out {} for the least number, or the calls for the greatest load",
                self.name("agents"),
                self.name("agents")
            ),
            (None, None, true) => bail!(
                "{} is missing; or give a bound such as {} to find the least number",
                self.name("agents"),
                self.name("target")
            ),
            (_, _, false) => bail!(
                "{} is missing; without it both {} and a bound such as {} are needed, to find the greatest load",
                self.name("calls"),
                self.name("agents"),
                self.name("target")
            ),
        }
    }

    fn horizons(&self) -> Result<Horizons> {
        let options = self.options;
        let seconds = |time: Option<Exact>| time.map(|t| t.to_f64());
        let horizons = Horizons {
            within: seconds(self.time("within", &options.within, 0.0)?),
            short: seconds(self.time("short", &options.short, 0.0)?),
        };
        ensure!(
            horizons.within.is_some() || options.target.is_none(),
            "{} is missing: {} is a share answered within a time",
            self.name("within"),
            self.name("target")
        );
        ensure!(
            horizons.short.is_none() || horizons.within.is_some(),
            "{} needs {}",
            self.name("short"),
            self.name("within")
        );
        Ok(horizons)
    }

    fn callers(&self, model: Model) -> Result<Callers> {
        Ok(match (model, &self.options.patience) {
            (Model::B, _) => Callers::Blocked,
            (Model::C, _) => Callers::Patient,
            (Model::A, Some(text)) if matches!(text.as_str(), "inf" | "infinity" | "infinite") => {
                Callers::Patient
            }
            (Model::A, text) => {
                let patience = self.time("patience", text, 0.0)?.with_context(|| {
                    format!(
                        "{} is missing: the mean seconds until a caller hangs up, or inf",
                        self.name("patience")
                    )
                })?;
                let seconds = patience.to_f64();
                ensure!(
                    seconds == 0.0 || seconds >= LEAST_TIME,
                    "{}: {seconds} is below a microsecond; give 0 for callers who leave at once",
                    self.name("patience")
                );
                Callers::Impatient(seconds)
            }
        })
    }
}

/// Answers one case. `dashes` precede the names of options in messages.
///
/// # Errors
/// If the options do not make a case.
pub fn solve(model: Model, options: &Options, dashes: &str) -> Result<Answer> {
    let reader = Reader { options, dashes };
    reader.refuse(model)?;
    let aht = reader.time("aht", &options.aht, LEAST_TIME)?;
    let load = reader.load(aht.as_ref())?;
    ensure!(
        aht.is_some() || model == Model::B,
        "{} is missing: the mean seconds that a call keeps an agent",
        reader.name("aht")
    );
    let callers = reader.callers(model)?;
    let horizons = if model == Model::B {
        Horizons::default()
    } else {
        reader.horizons()?
    };
    let asked = reader.asked(model, load.as_ref())?;
    let redial = reader
        .share("redial", &options.redial)?
        .map_or(0.0, |r| r.to_f64());
    let shrinkage = reader.number("shrinkage", &options.shrinkage, 0.0, 1.0)?;
    if let Some(share) = &shrinkage {
        ensure!(
            *share < Exact::one(),
            "{}: at {share} nobody would be on the queue; it must be below 1",
            reader.name("shrinkage")
        );
    }

    let mut queue = Queue {
        load: load.as_ref().map_or(Precise::from(0.0), Exact::to_precise),
        aht: aht.map_or(1.0, |aht| aht.to_f64()),
        callers,
    };
    let agents = match asked {
        Asked::Agents(agents) => agents,
        Asked::LeastAgents(bounds) => match least_agents(&queue, redial, &bounds, horizons) {
            Ok(least) => Exact::from(least),
            Err(why) => return Ok(Answer::Impossible(why.to_string())),
        },
        Asked::GreatestLoad(agents, bounds) => {
            ensure!(
                redial == 0.0,
                "{} cannot be used to find the greatest load",
                reader.name("redial")
            );
            match greatest(&queue, &agents, &bounds, horizons) {
                Ok(load) => queue.load = Precise::from(load),
                Err(why) => return Ok(Answer::Impossible(why)),
            }
            agents
        }
    };
    Ok(measured(
        model, &queue, redial, &agents, horizons, shrinkage,
    ))
}

fn greatest(
    queue: &Queue,
    agents: &Exact,
    bounds: &Bounds,
    horizons: Horizons,
) -> std::result::Result<f64, String> {
    let only_blocking = Bounds {
        max_blocking: bounds.max_blocking,
        ..Bounds::default()
    };
    match bounds.max_blocking {
        Some(target) if *bounds == only_blocking => load_for_blocking(agents.to_f64(), target)
            .ok_or_else(|| {
                format!("the load that {agents} agents carry at {target} is outside {SMALLEST:e} to {LARGEST:e} erlangs")
            }),
        _ => greatest_load(agents.to_precise(), queue.aht, queue.callers, bounds, horizons)
            .map_err(|why| why.to_string()),
    }
}

fn measured(
    model: Model,
    queue: &Queue,
    redial: f64,
    agents: &Exact,
    horizons: Horizons,
    shrinkage: Option<Exact>,
) -> Answer {
    let mut measures = if redial == 0.0 {
        queue.measure(agents.to_precise(), horizons)
    } else {
        with_redials(queue, redial, agents.to_precise(), horizons)
            .unwrap_or_else(|| Measures::without_end(agents.to_f64()))
    };
    // Asked with a patience, if an endless one, the share that abandons does apply: none.
    if model == Model::A && queue.callers == Callers::Patient {
        measures.p_abandon = Some(0.0);
    }
    let scheduled = shrinkage
        .and_then(|share| agents.checked_div(&(&Exact::one() - &share)))
        .and_then(|scheduled| scheduled.ceil());
    Answer::Found(Box::new(Printed::new(
        &measures,
        horizons.short.is_some(),
        scheduled,
    )))
}
