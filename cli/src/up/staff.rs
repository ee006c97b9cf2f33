//! People: simulated ones are at work from the start, real ones once their phone is registered; both
//! are back soon after a call that they missed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use trunkline_engine::journal::{Actor, Context, Presence};
use trunkline_engine::run::{Decision, Handle};
use trunkline_routing::{AgentState, Input, Span};
use trunkline_tenant::crds::{AgentName, TeamName};

use super::say;
use crate::simulate::everyone;

const CHECK: Duration = Duration::from_millis(500);
/// How long somebody is away who let a call ring out.
const AWAY: Span = Span::seconds(5);
/// The reason that the routing core gives to those who let a call ring out.
const MISSED: &str = "rona";
/// And to those who refused one: a telephone has no other way to say that it is back.
const REFUSED: &str = "refused";

/// Who is there to be signed in.
pub enum There {
    /// Everyone whom the documents list.
    Everyone,
    /// Those whose phone is registered, as the engine's decisions tell.
    Phones {
        decisions: Receiver<Arc<Decision>>,
        registered: BTreeSet<AgentName>,
    },
}

impl There {
    pub fn phones(decisions: Receiver<Arc<Decision>>) -> Self {
        Self::Phones {
            decisions,
            registered: BTreeSet::new(),
        }
    }

    /// Takes in what has happened since it was last asked.
    fn look(&mut self) {
        let Self::Phones {
            decisions,
            registered,
        } = self
        else {
            return;
        };
        loop {
            match decisions.try_recv() {
                Ok(decision) => match &decision.input {
                    Input::Endpoint {
                        agent,
                        reachable: true,
                    } => {
                        registered.insert(agent.clone());
                    }
                    Input::Endpoint {
                        agent,
                        reachable: false,
                    } => {
                        registered.remove(agent);
                    }
                    _ => {}
                },
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn holds(&self, agent: &AgentName) -> bool {
        match self {
            Self::Everyone => true,
            Self::Phones { registered, .. } => registered.contains(agent),
        }
    }

    fn comes_back(&self, reason: &str) -> bool {
        reason == MISSED || (reason == REFUSED && matches!(self, Self::Phones { .. }))
    }
}

/// Signs in whoever is there, once, and sends back to work who missed a call. Whoever says by the
/// API that they leave, or rest, is left alone.
pub async fn keep_at_work(handle: Handle, mut there: There) {
    let mut asked = Asked::default();
    loop {
        there.look();
        for (agent, team) in asked.next(&handle, &there) {
            let input = Input::SignIn {
                agent: agent.clone(),
                ready: true,
                team,
            };
            let context = Context {
                presence: Some(Presence::Endpoint),
                ..Context::by(Actor::Admin)
            };
            match handle.submit(input, context).await {
                Ok(decision) => {
                    if let Some(why) = decision.refused() {
                        say(format_args!("{agent} isn't at work: {why}"));
                        asked.refused.insert(agent);
                    } else if matches!(there, There::Phones { .. }) {
                        say(format_args!("{agent}'s phone is registered: at work"));
                    }
                }
                Err(_) => {
                    asked.agents.remove(&agent);
                }
            }
        }
        for agent in missed(&handle, &there) {
            // Where it isn't taken, the next check asks again.
            let _ = handle
                .submit(Input::Ready { agent }, Context::by(Actor::Admin))
                .await;
        }
        tokio::time::sleep(CHECK).await;
    }
}

/// Who has been asked in, under which documents.
#[derive(Default)]
struct Asked {
    documents: Option<String>,
    agents: BTreeSet<AgentName>,
    refused: BTreeSet<AgentName>,
}

impl Asked {
    /// Who is to be asked in now: nobody twice, unless they or the documents' word on them went away
    /// meanwhile, or the documents have changed since they were refused.
    fn next(&mut self, handle: &Handle, there: &There) -> Vec<(AgentName, Option<TeamName>)> {
        let state = handle.state();
        let directory = &state.directory;
        let Some(tenant) = &directory.tenant else {
            return Vec::new();
        };
        let mut all = everyone(tenant);
        all.retain(|someone| there.holds(&someone.agent));
        if self.documents != directory.config_hash {
            self.documents.clone_from(&directory.config_hash);
            let refused = std::mem::take(&mut self.refused);
            self.agents.retain(|agent| !refused.contains(agent));
        }
        let listed: BTreeSet<&AgentName> = all.iter().map(|someone| &someone.agent).collect();
        self.agents.retain(|agent| listed.contains(agent));
        all.into_iter()
            .filter(|someone| self.agents.insert(someone.agent.clone()))
            .map(|someone| (someone.agent, someone.team))
            .collect()
    }
}

fn missed(handle: &Handle, there: &There) -> Vec<AgentName> {
    let state = handle.state();
    let now = super::lines::now();
    let agents = state.directory.agents.iter();
    agents
        .filter(|(_, view)| {
            matches!(&view.state, AgentState::NotReady { reason } if there.comes_back(reason))
                && now - view.since >= AWAY
        })
        .map(|(agent, _)| agent.clone())
        .collect()
}
