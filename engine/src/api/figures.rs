//! The figures: of today, and of any past intervals.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_routing::Time;
use trunkline_routing::metrics::{self, Interval, Scope};
use trunkline_tenant::crds::Formula;

use super::App;
use super::auth::Caller;
use super::error::ApiError;
use super::extract::Asked;
use super::model::rfc3339;
use crate::figures::{Figure, Past};
use crate::journal::Rows;

/// A quarter's worth of days: what is asked for at once at most.
const MAX_DAYS: i64 = 100;

/// What figures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Of {
    Queue,
    Client,
    Team,
    Agent,
}

/// The figures of one queue, client, team or agent, of today or of an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// `queue`, `client`, `team` or `agent`.
    of: Of,
    /// Its name; `centre` for the centre itself among the clients.
    name: String,
    /// When the interval begins; of today: midnight in the client's zone, or the centre's.
    from: DateTime<Utc>,
    /// How long the interval is: 15 or 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<u32>,
    offered: u64,
    answered: u64,
    answered_within: u64,
    abandoned: u64,
    abandoned_within: u64,
    short_abandons: u64,
    /// Overflow, callback, voicemail, closed.
    flowed_out: u64,
    callbacks_within: u64,
    /// Lost by us while they waited.
    dropped: u64,
    /// Not yet any of these.
    waiting: u64,
    /// Lost by us in conversation; among the answered too.
    dropped_talking: u64,
    /// Callers who were called back and reached; they flowed out before.
    called_back: u64,
    /// Consults that were answered.
    consults: u64,
    /// Conversations that are over, callbacks and later stretches among them; consults are not.
    handled: u64,
    /// Talk in the handled, without hold.
    talk_seconds: f64,
    /// Hold in the handled.
    hold_seconds: f64,
    /// Wrap-up of the handled.
    wrap_up_seconds: f64,
    /// By `formula`, in 0..1; absent where nothing counts, or there are no terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_level: Option<f64>,
    /// As it was in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    formula: Option<Formula>,
    /// The T of the formula.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_seconds: Option<f64>,
    /// What is agreed now, in 0..1.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<f64>,
    /// Average speed of answer: the wait of the answered over their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    asa_seconds: Option<f64>,
    /// Average handle time: talk, hold and wrap-up over the handled; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    aht_seconds: Option<f64>,
    max_wait_seconds: f64,
    /// Of agents and teams: contact time / (contact + idle), in 0..1.
    #[serde(skip_serializing_if = "Option::is_none")]
    occupancy: Option<f64>,
    /// Of agents and teams: capacity in use over what there is, in 0..1, all media together. Today's is of
    /// those who are ready now, offers included; an interval's is the time in conversations over the room for
    /// them while signed in and ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<f64>,
    /// Of agents and teams: with contacts or in wrap-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_seconds: Option<f64>,
    /// Of agents and teams: free and ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<f64>,
    /// Of agents and teams: signed in and not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_ready_seconds: Option<f64>,
    /// Of agents and teams: how they kept to their rotas, up to now; absent where nothing was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    adherence: Option<Adherence>,
}

/// Adherence by both readings of the rotas. They differ where a rota was given for a time that had begun
/// by then.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Adherence {
    /// Against the plan as it stood: at each moment the rota that had been given last by then.
    as_planned: Kept,
    /// Against the plan as amended: at each moment the last rota of all that speaks of it, also one that
    /// was given afterwards.
    as_amended: Kept,
}

/// Planned time, and how much of it was kept.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// Planned: work and breaks.
    scheduled_seconds: f64,
    /// As planned: in planned work idle, being asked, with contacts or in wrap-up; in a planned break signed
    /// out or not ready.
    adherent_seconds: f64,
    /// Adherent / scheduled, in 0..1; absent where nothing was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

impl From<metrics::Kept> for Kept {
    fn from(kept: metrics::Kept) -> Self {
        Self {
            scheduled_seconds: kept.scheduled.as_secs_f64(),
            adherent_seconds: kept.adherent.as_secs_f64(),
            ratio: kept.ratio(),
        }
    }
}

impl From<metrics::Adherence> for Adherence {
    fn from(adherence: metrics::Adherence) -> Self {
        Self {
            as_planned: adherence.as_planned.into(),
            as_amended: adherence.as_amended.into(),
        }
    }
}

fn named(scope: &Scope) -> (Of, String) {
    match scope {
        Scope::Queue(queue) => (Of::Queue, queue.to_string()),
        Scope::Client(Some(client)) => (Of::Client, client.to_string()),
        Scope::Client(None) => (Of::Client, "centre".to_owned()),
        Scope::Team(team) => (Of::Team, team.to_string()),
        Scope::Agent(agent) => (Of::Agent, agent.to_string()),
    }
}

impl From<&Figure> for Figures {
    fn from(figure: &Figure) -> Self {
        let (of, name) = named(&figure.scope);
        let counts = &figure.counts;
        let hours = figure.hours.as_ref();
        Self {
            of,
            name,
            from: rfc3339(figure.from),
            minutes: figure.interval.map(|length| (length.0 / 60_000_000) as u32),
            offered: counts.offered,
            answered: counts.answered,
            answered_within: counts.answered_within,
            abandoned: counts.abandoned,
            abandoned_within: counts.abandoned_within,
            short_abandons: counts.short_abandons,
            flowed_out: counts.flowed_out,
            callbacks_within: counts.callbacks_within,
            dropped: counts.dropped,
            waiting: counts.waiting,
            dropped_talking: counts.dropped_talking,
            called_back: counts.called_back,
            consults: counts.consults,
            handled: counts.handled,
            talk_seconds: counts.talk.as_secs_f64(),
            hold_seconds: counts.hold.as_secs_f64(),
            wrap_up_seconds: counts.wrap_up.as_secs_f64(),
            service_level: figure.service_level(),
            formula: figure.judged.map(|judged| judged.formula),
            within_seconds: figure
                .judged
                .map(|judged| judged.terms.within.as_secs_f64()),
            target: figure.terms.as_ref().map(|terms| terms.percent.0 / 100.0),
            asa_seconds: counts.asa(),
            aht_seconds: counts.aht(),
            max_wait_seconds: counts.max_wait.as_secs_f64(),
            occupancy: hours.and_then(|hours| hours.occupancy()),
            load: figure.load,
            contact_seconds: hours.map(|hours| hours.contact.as_secs_f64()),
            idle_seconds: hours.map(|hours| hours.idle.as_secs_f64()),
            not_ready_seconds: hours.map(|hours| hours.not_ready.as_secs_f64()),
            adherence: figure.adherence.map(Adherence::from),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    #[serde(default)]
    occupancy: bool,
    #[serde(default)]
    adherence: bool,
}

impl With {
    /// The figures with what is asked for, and none of which nothing else is known.
    fn told(&self, mut figures: Vec<Figure>) -> Vec<Figure> {
        for figure in &mut figures {
            if !self.occupancy {
                figure.hours = None;
                figure.load = None;
            }
            if !self.adherence {
                figure.adherence = None;
            }
        }
        figures.retain(|figure| !figure.is_empty());
        figures
    }
}

pub(super) async fn today(
    State(app): State<App>,
    caller: Caller,
    Asked(with): Asked<With>,
) -> Result<Json<Vec<Figures>>, ApiError> {
    caller.admin()?;
    let today = with.told(app.handle.today(super::now()));
    Ok(Json(today.iter().map(Figures::from).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    #[serde(default)]
    minutes: Option<u32>,
    #[serde(default)]
    of: Option<Of>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    occupancy: bool,
    #[serde(default)]
    adherence: bool,
}

/// Past intervals, folded from the journal, each by the terms that were in force then.
pub(super) async fn past(
    State(app): State<App>,
    caller: Caller,
    Asked(span): Asked<Span>,
) -> Result<Json<Vec<Figures>>, ApiError> {
    caller.admin()?;
    if span.from >= span.to || (span.to - span.from).num_days() > MAX_DAYS {
        return Err(ApiError::Invalid(format!(
            "`from` must be before `to`, by {MAX_DAYS} days at most"
        )));
    }
    let interval = match span.minutes {
        None | Some(15) => Interval::Quarter,
        Some(30) => Interval::Half,
        Some(other) => {
            return Err(ApiError::Invalid(format!(
                "intervals have 15 or 30 minutes, not {other}"
            )));
        }
    };
    let tenant = app.handle.state().directory.tenant.clone();
    let Some(tenant) = tenant else {
        return Ok(Json(Vec::new()));
    };
    let moment = |at: DateTime<Utc>| Time(at.timestamp_micros());
    let (from, to) = (moment(span.from), moment(span.to));
    // The last interval begins before `to`, and may end behind it.
    let touched = (from, to + interval.length());
    let now = super::now();
    let with = With {
        occupancy: span.occupancy,
        adherence: span.adherence,
    };
    let mut past = Past::new(&tenant, interval);
    let add = |mut rows: Rows| {
        // What nobody asks for need not be folded.
        if !with.adherence {
            rows.rotas.clear();
            if !with.occupancy {
                rows.spells.clear();
            }
        }
        past.add(&rows);
    };
    app.handle.each_rows(touched, now, add).await?;
    let figures = with.told(past.told((from, to), now));
    let wanted = |figure: &&Figure| {
        let (of, name) = named(&figure.scope);
        span.of.is_none_or(|it| it == of) && span.name.as_deref().is_none_or(|it| it == name)
    };
    Ok(Json(
        figures.iter().filter(wanted).map(Figures::from).collect(),
    ))
}
