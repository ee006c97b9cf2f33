//! Simulated people: at work from the start, and back soon after a call that they missed.

use std::collections::BTreeSet;
use std::time::Duration;

use trunkline_engine::journal::{Actor, Context, Presence};
use trunkline_engine::run::Handle;
use trunkline_routing::{AgentState, Input, Span};
use trunkline_tenant::crds::{AgentName, TeamName};

use super::say;
use crate::simulate::everyone;

const CHECK: Duration = Duration::from_millis(500);
/// How long somebody is away who let a call ring out.
const AWAY: Span = Span::seconds(5);
/// The reason that the routing core gives to those who let a call ring out.
const MISSED: &str = "rona";

/// Signs everyone in once, and sends back to work who missed a call. Whoever says by the API that
/// they leave, or rest, is left alone.
pub async fn keep_at_work(handle: Handle) {
    let mut asked = Asked::default();
    loop {
        for (agent, team) in asked.next(&handle) {
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
                    }
                }
                Err(_) => {
                    asked.agents.remove(&agent);
                }
            }
        }
        for agent in missed(&handle) {
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
    /// Who is to be asked in now: nobody twice, unless the documents took them away meanwhile, or
    /// have changed since they were refused.
    fn next(&mut self, handle: &Handle) -> Vec<(AgentName, Option<TeamName>)> {
        let state = handle.state();
        let directory = &state.directory;
        let Some(tenant) = &directory.tenant else {
            return Vec::new();
        };
        let all = everyone(tenant);
        if self.documents != directory.config_hash {
            self.documents.clone_from(&directory.config_hash);
            let listed: BTreeSet<&AgentName> = all.iter().map(|someone| &someone.agent).collect();
            let refused = std::mem::take(&mut self.refused);
            self.agents
                .retain(|agent| listed.contains(agent) && !refused.contains(agent));
        }
        all.into_iter()
            .filter(|someone| self.agents.insert(someone.agent.clone()))
            .map(|someone| (someone.agent, someone.team))
            .collect()
    }
}

fn missed(handle: &Handle) -> Vec<AgentName> {
    let state = handle.state();
    let now = super::lines::now();
    let agents = state.directory.agents.iter();
    agents
        .filter(|(_, view)| {
            matches!(&view.state, AgentState::NotReady { reason } if reason == MISSED)
                && now - view.since >= AWAY
        })
        .map(|(agent, _)| agent.clone())
        .collect()
}
