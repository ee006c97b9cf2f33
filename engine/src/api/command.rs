//! What an agent's session can do, over REST and over its WebSocket alike.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use trunkline_routing::{ContactId, DeclineCause, Input, OfferId, Target};
use trunkline_tenant::crds::{AgentName, Medium};
use trunkline_tenant::slot_parts;

use super::App;
use super::auth::Caller;
use super::callbacks::{DailyWindow, NewCallback};
use super::error::ApiError;
use super::model::SignInPresence;
use crate::journal::Context;
use crate::run::{Decision, Fresh, NotTaken};
use crate::state::Stage;
use crate::telephony::driver::outbound::permitted;

/// The longest reason or code.
const MAX_WORD: usize = 64;
/// The longest name of an agent, in bytes: Kubernetes' own limit, which those of virtual agents are made from.
const LONGEST_NAME: usize = 253;
/// The most codes of one wrap-up.
const MAX_CODES: usize = 16;

/// One thing that an agent does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    tag = "do",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum AgentCommand {
    /// The session begins. Signing in again only renews it.
    SignIn {
        /// Whether contacts may come at once.
        #[serde(default)]
        ready: bool,
        /// How it is known that the agent is there.
        #[serde(default)]
        presence: SignInPresence,
        /// The team of one who is not listed by name: a virtual agent, as `<team>-<pod>-<slot>`.
        #[serde(default)]
        team: Option<String>,
    },
    /// The session ends; what is in hand is finished first.
    SignOut,
    /// The desk is there: every five seconds, where no WebSocket is open.
    Heartbeat,
    /// Contacts may come.
    Ready,
    /// No contacts from now on.
    NotReady {
        /// Why, in one of the tenant's words.
        reason: String,
    },
    /// Takes the offer.
    Accept {
        /// The contact offered.
        contact: u64,
        /// The offer's generation.
        generation: u32,
    },
    /// Refuses the offer.
    Decline {
        /// The contact offered.
        contact: u64,
        /// The offer's generation.
        generation: u32,
    },
    /// Puts the customer on hold, or takes them back.
    Hold {
        /// Which contact.
        contact: u64,
        /// On, or off.
        on: bool,
    },
    /// Ends the conversation.
    End {
        /// Which contact.
        contact: u64,
    },
    /// Hands the contact over; it keeps its age.
    Transfer {
        /// Which contact.
        contact: u64,
        /// Where to.
        to: TransferTo,
    },
    /// Asks somebody else while the customer is on hold. The consult is a contact of its own, which
    /// the one who is asked accepts, and ends, like any other.
    Consult {
        /// Which contact.
        contact: u64,
        /// Whom to ask.
        to: TransferTo,
    },
    /// The customer joins the consult: three talk.
    Conference {
        /// The customer's contact.
        contact: u64,
    },
    /// Leaves the customer with who was consulted.
    CompleteConsult {
        /// The customer's contact.
        contact: u64,
    },
    /// Lets go who was, or is being, consulted, and goes on with the customer.
    CancelConsult {
        /// The customer's contact.
        contact: u64,
    },
    /// Books a callback. A customer who calls before it comes is merged with it.
    BookCallback {
        /// Where agents are sought: `queue` or `client/queue`, of medium Voice or Callback.
        queue: String,
        /// The number to call, in E.164, as `+493012345`.
        customer: String,
        /// Not before; absent: now.
        #[serde(default)]
        due: Option<DateTime<Utc>>,
        /// When the customer may be called; absent: while the queue is open.
        #[serde(default)]
        window: Option<DailyWindow>,
        /// Who is tried first.
        #[serde(default)]
        agent: Option<String>,
    },
    /// The wrap-up is done.
    WrapUpDone {
        /// What the contact was about.
        #[serde(default)]
        codes: Vec<String>,
    },
    /// As much wrap-up again; once a contact.
    ExtendWrapUp,
}

/// Where a contact is handed over to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TransferTo {
    /// `queue` or `client/queue`.
    Queue(String),
    /// A named agent.
    Agent(String),
    /// Any free agent of a team.
    Team(String),
    /// A department outside the centre.
    Department(String),
    /// A number outside the centre, in E.164, as `+493012345`.
    Number(String),
}

impl TransferTo {
    fn target(self) -> Result<Target, ApiError> {
        Ok(match self {
            Self::Queue(queue) => Target::Queue(
                queue
                    .parse()
                    .map_err(|error| ApiError::Invalid(format!("{error}")))?,
            ),
            Self::Agent(agent) => Target::Agent(agent.as_str().into()),
            Self::Team(team) => Target::Team(team.as_str().into()),
            Self::Department(department) => Target::Department(department.as_str().into()),
            Self::Number(number) => Target::Number(number),
        })
    }
}

fn short(what: &str, text: &str) -> Result<(), ApiError> {
    if text.is_empty() || text.chars().count() > MAX_WORD {
        return Err(ApiError::Invalid(format!(
            "{what} wants 1 to {MAX_WORD} characters"
        )));
    }
    Ok(())
}

/// Does it, as `caller`, for `agent`: durable and decided when this returns.
pub(crate) async fn carry_out(
    app: &App,
    caller: &Caller,
    agent: AgentName,
    command: AgentCommand,
) -> Result<(), ApiError> {
    caller.act_for(&agent)?;
    match &command {
        AgentCommand::SignIn {
            team: Some(team), ..
        } => may_join(app, &agent, team)?,
        _ if app.handle.state().directory.knows(&agent) => {}
        _ => return Err(ApiError::NotFound(format!("there is no agent `{agent}`"))),
    }
    let mut context = Context::by(caller.actor());
    let input = match command {
        AgentCommand::Heartbeat => return Ok(app.handle.heartbeat(agent)?),
        AgentCommand::SignIn {
            ready,
            presence,
            team,
        } => {
            context.presence = Some(presence.into());
            Input::SignIn {
                agent,
                ready,
                team: team.as_deref().map(Into::into),
            }
        }
        AgentCommand::SignOut => Input::SignOut { agent },
        AgentCommand::Ready => Input::Ready { agent },
        AgentCommand::NotReady { reason } => {
            short("the reason", &reason)?;
            Input::NotReady { agent, reason }
        }
        AgentCommand::Accept {
            contact,
            generation,
        } => return accept(app, agent, offer(contact, generation), context).await,
        AgentCommand::Decline {
            contact,
            generation,
        } => {
            let offer = offer(contact, generation);
            offered_to(app, &agent, offer)?;
            Input::Decline {
                offer,
                cause: DeclineCause::Refused,
            }
        }
        AgentCommand::Hold { contact, on } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            Input::Hold { contact, on }
        }
        AgentCommand::End { contact } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            Input::AgentDone { contact }
        }
        AgentCommand::Transfer { contact, to } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            let to = to.target()?;
            may_be_called(app, contact, &to)?;
            Input::Transfer { contact, to }
        }
        AgentCommand::Consult { contact, to } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            let to = to.target()?;
            may_be_called(app, contact, &to)?;
            return submit_fresh(app, Fresh::Consult { contact, to }, context)
                .await
                .map(drop);
        }
        AgentCommand::Conference { contact } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            Input::Conference { contact }
        }
        AgentCommand::CompleteConsult { contact } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            Input::CompleteConsult { contact }
        }
        AgentCommand::CancelConsult { contact } => {
            let contact = talks_with(app, &agent, contact, &mut context)?;
            Input::CancelConsult { contact }
        }
        AgentCommand::BookCallback {
            queue,
            customer,
            due,
            window,
            agent,
        } => {
            let new = NewCallback {
                queue,
                customer,
                due,
                window,
                agent,
                priority: 0,
            };
            let fresh = Fresh::Callback(new.booking()?);
            return submit_fresh(app, fresh, context).await.map(drop);
        }
        AgentCommand::WrapUpDone { codes } => {
            if codes.len() > MAX_CODES {
                return Err(ApiError::Invalid(format!("at most {MAX_CODES} codes")));
            }
            codes.iter().try_for_each(|code| short("a code", code))?;
            Input::WrapUpDone { agent, codes }
        }
        AgentCommand::ExtendWrapUp => Input::ExtendWrapUp { agent },
    };
    submit(app, input, context).await.map(drop)
}

fn offer(contact: u64, generation: u32) -> OfferId {
    OfferId {
        contact: ContactId(contact),
        generation,
    }
}

/// Journals and decides; a refusal by the core is a conflict.
pub(crate) async fn submit(
    app: &App,
    input: Input,
    context: Context,
) -> Result<Arc<Decision>, ApiError> {
    let decision = app.handle.submit(input, context).await?;
    match decision.refused() {
        Some(why) => Err(ApiError::Conflict(why.to_owned())),
        None => Ok(decision),
    }
}

/// As [`submit`], for what makes a new contact.
pub(crate) async fn submit_fresh(
    app: &App,
    fresh: Fresh,
    context: Context,
) -> Result<Arc<Decision>, ApiError> {
    let decision = app.handle.submit_fresh(fresh, context).await?;
    match decision.refused() {
        Some(why) => Err(ApiError::Conflict(why.to_owned())),
        None => Ok(decision),
    }
}

async fn accept(
    app: &App,
    agent: AgentName,
    offer: OfferId,
    context: Context,
) -> Result<(), ApiError> {
    let medium = offered_to(app, &agent, offer)?;
    let call = medium.is_some_and(Medium::is_call);
    if call && app.calls_ring_on_phones {
        return Err(ApiError::Conflict(
            "a call is taken by answering the telephone that rings".into(),
        ));
    }
    let app = app.clone();
    // Both or neither, also where who asked has hung up by the time that the first is decided.
    let taken = tokio::spawn(async move {
        submit(&app, Input::Accept { offer }, context.clone()).await?;
        if medium != Some(Medium::Voice) {
            // No legs to join: a chat or an e-mail is open at once.
            submit(&app, Input::Connected { offer }, context).await?;
        }
        Ok(())
    });
    taken.await.unwrap_or(Err(NotTaken::NotLeading.into()))
}

/// Whether this very offer is the agent's; the medium of what is offered.
fn offered_to(app: &App, agent: &AgentName, offer: OfferId) -> Result<Option<Medium>, ApiError> {
    let state = app.handle.state();
    let directory = &state.directory;
    let void = || {
        ApiError::Conflict(format!(
            "offer {offer} is not (or no longer) {agent}'s: it may have lapsed or been taken back"
        ))
    };
    let live = directory.live.get(&offer.contact).ok_or_else(void)?;
    match &live.stage {
        Stage::Offered {
            offer: asked,
            agent: whom,
            ..
        } if *asked == offer && whom == agent => {
            // Its own medium: its queue may have been removed while it rings.
            Ok(state
                .core
                .contact(offer.contact)
                .map(|contact| contact.medium))
        }
        _ => Err(void()),
    }
}

/// Whether one who is not listed by name may work in a team: only the slots of a virtual team's pods. A token
/// is made of a name alone, so whoever was taken off the list still has theirs.
fn may_join(app: &App, agent: &AgentName, team: &str) -> Result<(), ApiError> {
    let name = agent.as_str();
    if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::Invalid(format!(
            "an agent's name has {LONGEST_NAME} bytes at most, and no control characters"
        )));
    }
    let state = app.handle.state();
    let Some(tenant) = state.directory.tenant.as_deref() else {
        return Ok(());
    };
    if tenant.agents.contains_key(agent) {
        return Ok(());
    }
    let Some(plan) = tenant.teams.get(team) else {
        return Err(ApiError::NotFound(format!("there is no team `{team}`")));
    };
    let Some(pods) = &plan.virtual_agents else {
        return Err(ApiError::Forbidden(format!(
            "`{team}` is a team of people: who works there is listed as an Agent, and `{agent}` is not"
        )));
    };
    let is_slot = slot_parts(agent.as_str()).is_some_and(|(of, pod, slot)| {
        let number = slot.parse::<u32>().ok();
        let exists = number.is_some_and(|number| number < pods.contacts_per_pod);
        of == team && !pod.is_empty() && exists
    });
    if is_slot {
        Ok(())
    } else {
        Err(ApiError::Forbidden(format!(
            "`{agent}` is no slot of the team `{team}`: its pods sign in as {team}-<pod>-<slot>, the slot from 0 to {}",
            pods.contacts_per_pod.saturating_sub(1)
        )))
    }
}

/// Whether a trunk may call a place outside: said before the customer is let go.
fn may_be_called(app: &App, contact: ContactId, to: &Target) -> Result<(), ApiError> {
    let state = app.handle.state();
    let Some(tenant) = state.directory.tenant.as_deref() else {
        return Ok(());
    };
    let live = state.directory.live.get(&contact);
    let client = live.and_then(|live| live.queue.client());
    permitted(tenant, client.as_ref(), to).map_err(|why| ApiError::Conflict(why.to_string()))
}

/// The contact, where the agent talks with it; the context says so, for that may change before it is decided.
fn talks_with(
    app: &App,
    agent: &AgentName,
    contact: u64,
    context: &mut Context,
) -> Result<ContactId, ApiError> {
    let contact = ContactId(contact);
    context.agent = Some(agent.clone());
    let state = app.handle.state();
    let stage = state.directory.live.get(&contact).map(|live| &live.stage);
    match stage {
        Some(Stage::Talking { agent: whom, .. }) if whom == agent => Ok(contact),
        _ => Err(ApiError::Conflict(format!(
            "{agent} does not talk with contact {contact} now"
        ))),
    }
}
