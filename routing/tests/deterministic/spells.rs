//! What agents' time went to: from one state that is said to the next, it is all accounted for, once.

use std::collections::BTreeMap;

use trunkline_routing::metrics::{Hours, Interval, Ledger, Scope, Spell};
use trunkline_routing::*;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, TeamName};

struct Said {
    state: AgentState,
    since: Time,
    team: Option<TeamName>,
    /// How long they have been signed in, up to then.
    here: Span,
}

pub struct Spells {
    said: BTreeMap<AgentName, Said>,
    ledger: Ledger,
}

impl Spells {
    pub fn new() -> Self {
        Self {
            said: BTreeMap::new(),
            ledger: Ledger::new(Interval::Quarter),
        }
    }

    pub fn is_here(&self, agent: &AgentName) -> bool {
        let said = self.said.get(agent);
        said.is_some_and(|said| said.state != AgentState::SignedOut)
    }

    /// An agent is said to be at something else from now on.
    pub fn said(
        &mut self,
        now: Time,
        agent: &AgentName,
        state: &AgentState,
        team: Option<TeamName>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        let said = self.said.entry(agent.clone()).or_insert(Said {
            state: AgentState::SignedOut,
            since: now,
            team: None,
            here: Span(0),
        });
        ensure!(
            said.state != *state,
            "{agent} is said to be {state:?}, and was since {}",
            said.since
        );
        ensure!(
            said.since <= now,
            "{agent} is {state:?} before they were {:?}",
            said.state
        );
        if said.state != AgentState::SignedOut {
            said.here.0 += (now - said.since).0;
            let spell = Spell {
                agent: agent.clone(),
                team: said.team.clone(),
                capacity: 1,
                from: said.since,
                to: now,
                state: said.state.clone(),
            };
            self.ledger.add_spell(&spell, tenant);
        }
        (said.state, said.since, said.team) = (state.clone(), now, team);
        if *state != AgentState::SignedOut {
            return Ok(());
        }
        let mut all = Hours::default();
        for (_, sums) in self.ledger.intervals(&Scope::Agent(agent.clone())) {
            all.merge(&sums.hours);
        }
        let told = Span(all.contact.0 + all.idle.0 + all.offered.0 + all.not_ready.0);
        ensure!(
            told == said.here,
            "{agent} was here for {:?}, and {told:?} of it are accounted for",
            said.here
        );
        Ok(())
    }

    /// Everybody is at what was said last.
    pub fn hold(&self, agents: &[AgentView]) -> Result<(), String> {
        for view in agents {
            let said = self.said.get(&view.name);
            let said = said.map_or(&AgentState::SignedOut, |said| &said.state);
            ensure!(
                *said == view.state,
                "{} is {:?}, and was last said to be {said:?}",
                view.name,
                view.state
            );
        }
        Ok(())
    }
}
