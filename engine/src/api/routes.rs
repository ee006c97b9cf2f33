//! The table of routes. Router and OpenAPI document are both made from it, so neither can say
//! what the other doesn't.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::callbacks::NewCallback;
use super::command::AgentCommand;
use super::erasures::{Erase, Erased};
use super::error::ApiError;
use super::figures::Figures;
use super::model::{Agent, Contact, ContactNumber, NewContact, NewPriority, QueueNow, Running};
use super::rota::Rota;
use super::{App, agents, callbacks, contacts, erasures, figures, overview, rota, session};
use crate::explain::Explanation;
use crate::telephony::CallAudio;

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Public,
    /// Whoever holds a token.
    Token,
    /// The agent that the path names, and the administration.
    Own,
    /// The administration alone.
    Admin,
}

type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// What comes back where all is well.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// An empty body.
    Nothing,
    /// JSON of this shape.
    Json(MakeSchema),
    /// A recording.
    Wav,
}

/// One operation.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) body: Option<MakeSchema>,
    pub(super) status: u16,
    /// What else it may answer, and when: below 400 with the same body.
    pub(super) also: &'static [(u16, &'static str)],
    pub(super) answer: Answer,
    handler: fn() -> MethodRouter<App>,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A document of its own, whose shape others describe.
fn object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "object"})
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "get",
        path: "/api/v1/openapi.json",
        summary: "This document",
        access: Access::Public,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(object),
        handler: || get(super::openapi::document),
    },
    Route {
        method: "get",
        path: "/api/v1/asyncapi.json",
        summary: "The messages of an agent's session",
        access: Access::Public,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(object),
        handler: || get(super::asyncapi::document),
    },
    Route {
        method: "get",
        path: "/api/v1/config",
        summary: "What runs: the configuration's hash, the role, the epoch",
        access: Access::Token,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Running>),
        handler: || get(overview::running),
    },
    Route {
        method: "get",
        path: "/api/v1/queues",
        summary: "The queues as they are now",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<QueueNow>>),
        handler: || get(overview::queues),
    },
    Route {
        method: "get",
        path: "/api/v1/figures",
        summary: "The figures of today, by queue, client, team and agent: the service level with its \
                  formula and its counts, up to now: who waits and who talks counts too",
        access: Access::Admin,
        query: &[
            (
                "occupancy",
                "`true`: with where agents' time went, up to now, and their load",
            ),
            (
                "adherence",
                "`true`: with how agents kept to their rotas, up to now",
            ),
        ],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Figures>>),
        handler: || get(figures::today),
    },
    Route {
        method: "get",
        path: "/api/v1/figures/history",
        summary: "Past intervals, by queue, client, team and agent, folded from the journal: each by the terms \
                  that were in force then, on its client's wall clock (teams and agents: on the centre's). \
                  An interval that isn't over counts up to now",
        access: Access::Admin,
        query: &[
            ("from", "RFC 3339: intervals that begin then or later"),
            (
                "to",
                "RFC 3339: and before this, 100 days after `from` at most",
            ),
            ("minutes", "15 (unless told) or 30"),
            ("of", "only of `queue`, `client`, `team` or `agent`"),
            ("name", "only of this name"),
            (
                "occupancy",
                "`true`: with where agents' time went, also of those who took no contact",
            ),
            (
                "adherence",
                "`true`: with how agents kept to their rotas, as they stood and as amended, up to now",
            ),
        ],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Figures>>),
        handler: || get(figures::past),
    },
    Route {
        method: "get",
        path: "/api/v1/contacts",
        summary: "Live contacts; with `state=ended` the newest that have ended",
        access: Access::Admin,
        query: &[
            ("queue", "only of this queue: `queue` or `client/queue`"),
            ("state", "`live` (default) or `ended`"),
            ("limit", "at most so many, 100 unless told, 1000 at most"),
        ],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Contact>>),
        handler: || get(contacts::list),
    },
    Route {
        method: "post",
        path: "/api/v1/contacts",
        summary: "A chat, an e-mail or a callback comes in",
        access: Access::Admin,
        query: &[],
        body: Some(of::<NewContact>),
        status: 201,
        also: &[(
            200,
            "The reference is that of a contact that lives: this is it",
        )],
        answer: Answer::Json(of::<ContactNumber>),
        handler: || post(contacts::arrive),
    },
    Route {
        method: "post",
        path: "/api/v1/erasures",
        summary: "Erases a customer: the key of what identifies them is destroyed, figures and records stay",
        access: Access::Admin,
        query: &[],
        body: Some(of::<Erase>),
        status: 200,
        also: &[(404, "No customer is known by that")],
        answer: Answer::Json(of::<Erased>),
        handler: || post(erasures::erase),
    },
    Route {
        method: "get",
        path: "/api/v1/erasures",
        summary: "The newest erasures, for the audit",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Erased>>),
        handler: || get(erasures::list),
    },
    Route {
        method: "get",
        path: "/api/v1/contacts/{contact}",
        summary: "One contact's record; an agent sees those in their own hands",
        access: Access::Token,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Contact>),
        handler: || get(contacts::one),
    },
    Route {
        method: "get",
        path: "/api/v1/contacts/{contact}/explain",
        summary: "What became of a contact, and why it went, or did not go, to each agent: replayed from the \
                  journal, so for as long as that is kept",
        access: Access::Admin,
        query: &[
            ("agent", "of this agent alone"),
            (
                "at",
                "as things stood then, RFC 3339; unless told, when the contact last moved",
            ),
        ],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Explanation>),
        handler: || get(contacts::explain),
    },
    Route {
        method: "get",
        path: "/api/v1/contacts/{contact}/audio",
        summary: "A live call's audio: RTP packets both ways on each leg, as the media server counts them",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<CallAudio>),
        handler: || get(contacts::audio),
    },
    Route {
        method: "get",
        path: "/api/v1/contacts/{contact}/voicemail",
        summary: "The message that the contact's caller left: a WAV file, 8 kHz, one channel",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Wav,
        handler: || get(contacts::voicemail),
    },
    Route {
        method: "post",
        path: "/api/v1/contacts/{contact}/gone",
        summary: "The customer of a chat or an e-mail has gone",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 204,
        also: &[],
        answer: Answer::Nothing,
        handler: || post(contacts::gone),
    },
    Route {
        method: "post",
        path: "/api/v1/contacts/{contact}/priority",
        summary: "A waiting contact's new priority: a re-rank",
        access: Access::Admin,
        query: &[],
        body: Some(of::<NewPriority>),
        status: 204,
        also: &[],
        answer: Answer::Nothing,
        handler: || post(contacts::prioritise),
    },
    Route {
        method: "get",
        path: "/api/v1/callbacks",
        summary: "Callbacks to come, and those whose customers are being called",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Contact>>),
        handler: || get(callbacks::list),
    },
    Route {
        method: "post",
        path: "/api/v1/callbacks",
        summary: "Books a callback. A customer who calls before it comes is merged with it",
        access: Access::Admin,
        query: &[],
        body: Some(of::<NewCallback>),
        status: 201,
        also: &[],
        answer: Answer::Json(of::<ContactNumber>),
        handler: || post(callbacks::book),
    },
    Route {
        method: "delete",
        path: "/api/v1/callbacks/{contact}",
        summary: "A callback that nobody needs any more",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 204,
        also: &[],
        answer: Answer::Nothing,
        handler: || delete(callbacks::cancel),
    },
    Route {
        method: "get",
        path: "/api/v1/agents/{agent}/rota",
        summary: "An agent's dated rota, as it was last given",
        access: Access::Own,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Rota>),
        handler: || get(rota::get),
    },
    Route {
        method: "put",
        path: "/api/v1/agents/{agent}/rota",
        summary: "An agent's dated rota from now on, in place of any before: near its breaks and ends \
                  the agent gets nothing that would overrun, and by it their adherence is measured. What it \
                  says of a time that is over amends the plan of then",
        access: Access::Admin,
        query: &[],
        body: Some(of::<Rota>),
        status: 204,
        also: &[],
        answer: Answer::Nothing,
        handler: || put(rota::put),
    },
    Route {
        method: "get",
        path: "/api/v1/agents",
        summary: "Every agent and what they are at",
        access: Access::Admin,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Agent>>),
        handler: || get(agents::list),
    },
    Route {
        method: "get",
        path: "/api/v1/agents/{agent}",
        summary: "One agent",
        access: Access::Own,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Agent>),
        handler: || get(agents::one),
    },
    Route {
        method: "get",
        path: "/api/v1/agents/{agent}/contacts",
        summary: "The contacts in an agent's hands: offered, accepted, talking",
        access: Access::Own,
        query: &[],
        body: None,
        status: 200,
        also: &[],
        answer: Answer::Json(of::<Vec<Contact>>),
        handler: || get(agents::contacts),
    },
    Route {
        method: "post",
        path: "/api/v1/agents/{agent}/commands",
        summary: "An agent does something: durable and decided when this answers",
        access: Access::Own,
        query: &[],
        body: Some(of::<AgentCommand>),
        status: 204,
        also: &[],
        answer: Answer::Nothing,
        handler: || post(agents::command),
    },
    Route {
        method: "get",
        path: "/api/v1/agents/{agent}/session",
        summary: "The agent's session as a WebSocket: the commands in, what concerns them out; \
                  open, it is their heartbeat. A browser brings its token as the subprotocol `bearer.TOKEN` \
                  beside `trunkline.v1`",
        access: Access::Own,
        query: &[],
        body: None,
        status: 101,
        also: &[],
        answer: Answer::Nothing,
        handler: || get(session::open),
    },
];

pub(super) fn router(app: &App) -> Router<App> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let mut answered = (route.handler)();
        // What this engine is at it says itself.
        if route.access != Access::Public && route.path != "/api/v1/config" {
            answered = answered.layer(from_fn_with_state(app.clone(), where_it_leads));
        }
        // Two operations of one path merge into one method router.
        router.route(route.path, answered)
    })
}

/// An engine that doesn't lead knows nothing of what is: it says so, and not that there is nobody.
async fn where_it_leads(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    app.handle.leads()?;
    Ok(next.run(request).await)
}
