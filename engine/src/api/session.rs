//! An agent's session as one WebSocket.
//!
//! Out: first `{"event":"session"}` with the agent and what is in their hands, then the same
//! again whenever anything of it changes: a desk needs no memory of its own, and a message missed
//! costs nothing. In: the commands of the API, each with an optional `id`; the answer is
//! `{"event":"answer","id":…,"ok":…,"error":…}`. `asyncapi.json` says all of it. While it is open it is the agent's heartbeat:
//! we ping every five seconds, and every frame that comes counts. Of the sockets of one agent the eldest is closed where there are
//! too many, and one that doesn't read is let go.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use trunkline_routing::{ContactId, Input, Output};
use trunkline_tenant::crds::AgentName;

use super::App;
use super::agents::in_hand;
use super::auth::Caller;
use super::command::{AgentCommand, carry_out};
use super::error::ApiError;
use super::extract::Named;
use super::model::{Agent, Contact};
use super::sockets::{Gone, deliver};
use crate::run::{Decision, Role};
use crate::state::contact_of;

const PING: Duration = Duration::from_secs(5);
const MAX_MESSAGE: usize = 16 << 10;
/// Why a session is closed for another.
const TOO_MANY: &str = "the agent has opened more sessions than eight since";
pub(super) const PROTOCOL: &str = "trunkline.v1";

pub(super) async fn open(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let agent = AgentName::from(agent.as_str());
    caller.act_for(&agent)?;
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        // Else a frame is read whole before it is found too long.
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| serve(app, caller, agent, socket)))
}

async fn serve(app: App, caller: Caller, agent: AgentName, mut socket: WebSocket) {
    let mut place = app.sockets.open(&agent);
    let mut decisions = app.handle.decisions();
    let mut role = app.handle.role();
    let mut ping = tokio::time::interval(PING);
    let mut shown = BTreeSet::new();
    if show(&mut socket, &app, &agent, &mut shown).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            decision = decisions.recv() => {
                let changed = match decision {
                    Ok(decision) => concerns(&decision, &agent, &shown),
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return,
                };
                if changed && show(&mut socket, &app, &agent, &mut shown).await.is_err() {
                    return;
                }
            }
            frame = socket.recv() => {
                let Some(Ok(message)) = frame else { return };
                // A leader that ends has nobody to tell; the desk will come again.
                let _ = app.handle.heartbeat(agent.clone());
                let answer = match message {
                    Message::Text(text) => command(&app, &caller, &agent, text.as_str()).await,
                    Message::Close(_) => return,
                    _ => continue,
                };
                if send(&mut socket, &answer).await.is_err() {
                    return;
                }
            }
            _ = ping.tick() => {
                if deliver(&mut socket, Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
            // A leader that ends closes its sessions: desks come back to its successor.
            () = ended(&mut role) => return,
            () = place.taken() => {
                let why = CloseFrame {
                    code: close_code::POLICY,
                    reason: TOO_MANY.into(),
                };
                // It is over in any case.
                let _ = deliver(&mut socket, Message::Close(Some(why))).await;
                return;
            }
        }
    }
}

async fn ended(role: &mut watch::Receiver<Role>) {
    // An error means that the main loop is gone: ended, too.
    let _ = role.wait_for(|role| *role == Role::Ended).await;
}

async fn send(socket: &mut WebSocket, event: &Event) -> Result<(), Gone> {
    let text = serde_json::to_string(event).map_err(|_| Gone)?;
    deliver(socket, Message::Text(text.into())).await
}

/// What comes out of a session.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    /// The agent, and what is in their hands: first of all, and again whenever any of it changes.
    Session {
        /// The agent.
        agent: Agent,
        /// Offered to them, or theirs.
        contacts: Vec<Contact>,
    },
    /// What became of a command; durable and decided where it is `ok`.
    Answer {
        /// The command's own, or null.
        id: Value,
        /// Whether it was done.
        ok: bool,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Sends the agent and what is in their hands, and notes that it is shown.
async fn show(
    socket: &mut WebSocket,
    app: &App,
    agent: &AgentName,
    shown: &mut BTreeSet<ContactId>,
) -> Result<(), Gone> {
    let event = {
        let state = app.handle.state();
        let directory = &state.directory;
        let view = directory.agents.get(agent);
        let contacts = in_hand(directory, app.handle.names(), agent);
        *shown = contacts
            .iter()
            .map(|contact| ContactId(contact.id))
            .collect();
        Event::Session {
            agent: Agent::new(agent, view, directory.tenant.as_deref()),
            contacts,
        }
    };
    send(socket, &event).await
}

async fn command(app: &App, caller: &Caller, agent: &AgentName, text: &str) -> Event {
    let answer = |id: Value, error: Option<String>| Event::Answer {
        id,
        ok: error.is_none(),
        error,
    };
    let mut message: Value = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => return answer(Value::Null, Some(error.to_string())),
    };
    let id = message
        .as_object_mut()
        .and_then(|fields| fields.remove("id"))
        .unwrap_or(Value::Null);
    let done = match serde_json::from_value::<AgentCommand>(message) {
        Ok(command) => carry_out(app, caller, agent.clone(), command).await,
        Err(error) => Err(ApiError::Invalid(error.to_string())),
    };
    answer(id, done.err().map(|error| error.message().to_string()))
}

/// Whether anything of the agent's own changed, by what they were shown last.
fn concerns(decision: &Decision, agent: &AgentName, shown: &BTreeSet<ContactId>) -> bool {
    let by_input = match &decision.input {
        Input::Configure { .. } => true,
        // Whose contact it is no longer stands here.
        Input::Hold { .. }
        | Input::Consult { .. }
        | Input::Conference { .. }
        | Input::CompleteConsult { .. }
        | Input::CancelConsult { .. }
        | Input::HandedOver { .. }
        | Input::OutsideGone { .. } => decision.refused().is_none(),
        Input::SignIn { agent: who, .. }
        | Input::SignOut { agent: who }
        | Input::Session { agent: who, .. }
        | Input::Endpoint { agent: who, .. } => who == agent,
        _ => false,
    };
    // What is shown may go on to others, who alone are named then.
    let is_shown = |contact: &ContactId| shown.contains(contact);
    let mut moved = decision.outputs.iter().filter_map(contact_of);
    by_input
        || moved.any(|contact| is_shown(&contact))
        || decision.outputs.iter().any(|output| match output {
            Output::Offer { agent: who, .. }
            | Output::CancelOffer { agent: who, .. }
            | Output::Answered { agent: who, .. }
            | Output::Agent { agent: who, .. } => who == agent,
            Output::Ended { contact, .. } => is_shown(contact),
            // Whose it was is no longer known here.
            Output::ConsultOver { .. } => true,
            _ => false,
        })
}
