//! Rule 15: why a contact went, or did not go, to an agent.

use std::fmt;

use serde::Serialize;
use trunkline_tenant::crds::{AgentName, CourseName, Medium, SkillName, TeamName};

use super::contact::{At, Stage};
use super::{Core, Options};
use crate::{ContactId, Input, OfferId, Span, Time};

/// What kept a contact and an agent apart, or brought them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "reason",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Reason {
    /// The contact is with this agent.
    Together {
        /// The offer that led to it.
        offer: OfferId,
    },
    /// The contact is not here: it has not arrived, or is over.
    NoContact,
    /// No such agent is listed or signed in.
    NoAgent,
    /// The contact is with somebody else.
    WithAnother {
        /// With whom.
        agent: AgentName,
    },
    /// The contact is being handed to a place outside the centre.
    Outside,
    /// The contact is to be called back, and its time has not come.
    NotDue {
        /// When it comes.
        until: Time,
    },
    /// The agent is not signed in, or is leaving.
    SignedOut,
    /// The agent's heartbeat stopped.
    SessionLost,
    /// The agent's endpoint can't be reached, and the contact is a call.
    Unreachable,
    /// The agent takes no contacts.
    NotReady {
        /// Why not.
        because: String,
    },
    /// The agent is being asked for another contact.
    Asked {
        /// For which.
        offer: OfferId,
    },
    /// The agent is wrapping up.
    WrappingUp {
        /// Until when at most.
        until: Time,
    },
    /// What the agent has in hand leaves no room for this medium.
    NoRoom {
        /// For what.
        medium: Medium,
    },
    /// The step asks other teams.
    WrongTeam {
        /// The agent's.
        team: Option<TeamName>,
        /// Those asked.
        asked: Vec<TeamName>,
    },
    /// The agent's level is too low for the step.
    Skill {
        /// In what.
        skill: SkillName,
        /// What the step asks for.
        asked: u8,
        /// What the agent has.
        has: u8,
    },
    /// The agent has not completed a course that the queue asks for.
    Course {
        /// Which.
        course: CourseName,
    },
    /// The contact waits for one agent by name.
    WaitsFor {
        /// For whom.
        agent: AgentName,
    },
    /// The agent did not take this contact before, and another qualifies, or it is too soon.
    DidNotTakeIt {
        /// How often.
        times: u32,
    },
    /// The agent has a break or the end of their shift before the contact would be done with.
    BreakSoon {
        /// What they should be free by.
        free_by: Time,
        /// How long a contact of the queue is expected to be handled.
        expected: Span,
    },
    /// Nothing is in the way: the agent is free and the contact waits. Never so between inputs.
    Nothing,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Together { offer } => write!(f, "they are together, by offer {offer}"),
            Self::NoContact => f.write_str("the contact has not arrived, or is over"),
            Self::NoAgent => f.write_str("no such agent is listed or signed in"),
            Self::WithAnother { agent } => write!(f, "the contact is with {agent}"),
            Self::Outside => f.write_str("the contact is being handed to a place outside"),
            Self::NotDue { until } => write!(f, "the contact is to be called back at {until}"),
            Self::SignedOut => f.write_str("the agent is not signed in, or is leaving"),
            Self::SessionLost => f.write_str("the agent's session is lost"),
            Self::Unreachable => f.write_str("the agent's endpoint can't be reached"),
            Self::NotReady { because } => write!(f, "the agent is not ready: {because}"),
            Self::Asked { offer } => write!(f, "the agent is being asked for {offer}"),
            Self::WrappingUp { until } => write!(f, "the agent wraps up until {until}"),
            Self::NoRoom { medium } => write!(f, "the agent has no room for {medium:?} now"),
            Self::WrongTeam { team, asked } => {
                let asked: Vec<&str> = asked.iter().map(TeamName::as_str).collect();
                let team = team.as_ref().map_or("none", TeamName::as_str);
                write!(
                    f,
                    "the step asks {}, the agent's team is {team}",
                    asked.join(", ")
                )
            }
            Self::Skill { skill, asked, has } => {
                write!(
                    f,
                    "the step asks for {skill} at {asked}, the agent has {has}"
                )
            }
            Self::Course { course } => write!(f, "the agent has not completed {course}"),
            Self::WaitsFor { agent } => write!(f, "the contact waits for {agent} by name"),
            Self::DidNotTakeIt { times } => {
                write!(
                    f,
                    "the agent did not take it {times} times, and another qualifies"
                )
            }
            Self::BreakSoon { free_by, expected } => write!(
                f,
                "the agent should be free by {free_by}, and {:.0} s of work are expected",
                expected.as_secs_f64()
            ),
            Self::Nothing => f.write_str("nothing is in the way"),
        }
    }
}

impl Core {
    /// The core as it was at a moment, from the journal's inputs: for [`Core::explain`] months later.
    pub fn replay(
        options: Options,
        journal: impl IntoIterator<Item = (Time, Input)>,
        until: Time,
    ) -> Self {
        let mut core = Self::new(options);
        let mut out = Vec::new();
        for (at, input) in journal.into_iter().take_while(|(at, _)| *at <= until) {
            core.handle(at, input, &mut out);
            out.clear();
        }
        core.handle(until, Input::Tick, &mut out);
        core
    }

    /// Everything that decides whether this contact is with this agent, as things stand.
    pub fn explain(&self, contact: ContactId, agent: &AgentName) -> Vec<Reason> {
        let Some(slot) = self.slot(contact) else {
            return vec![Reason::NoContact];
        };
        let Some(&ix) = self.agent_of.get(agent) else {
            return vec![Reason::NoAgent];
        };
        let contact = &self.contacts[slot.at()];
        match (contact.agent(), &contact.stage) {
            (Some(with), _) if with == ix => {
                return vec![Reason::Together {
                    offer: contact.offer(),
                }];
            }
            (_, Stage::Outside { .. } | Stage::Away { .. }) => return vec![Reason::Outside],
            (_, Stage::Later { until }) => return vec![Reason::NotDue { until: *until }],
            _ => {}
        }
        let mut reasons = Vec::new();
        if let Some(with) = contact.agent() {
            let agent = self.agents[with.at()].name.clone();
            reasons.push(Reason::WithAnother { agent });
        }
        self.explain_step(slot, ix, &mut reasons);
        let capacity = self.capacity_slot(slot);
        self.explain_presence(ix, capacity, &mut reasons);
        let person = &self.agents[ix.at()];
        if let Some(team) = person.team
            && !person.has_room(&self.plan.teams[team.at()], capacity)
            && person.offer.is_none()
        {
            reasons.push(Reason::NoRoom {
                medium: contact.medium,
            });
        }
        if let Some(refusal) = contact.refusal(ix)
            && (refusal.until > self.now || self.another_qualifies(slot))
        {
            reasons.push(Reason::DidNotTakeIt {
                times: refusal.times,
            });
        }
        if let Some(free_by) = person.free_by.filter(|_| !self.may_begin(ix, slot)) {
            let expected = self.expected_handle(contact.queue);
            reasons.push(Reason::BreakSoon { free_by, expected });
        }
        if reasons.is_empty() {
            reasons.push(Reason::Nothing);
        }
        reasons
    }

    fn explain_step(
        &self,
        slot: crate::ix::Slot,
        ix: crate::ix::AgentIx,
        reasons: &mut Vec<Reason>,
    ) {
        if let At::Named(name) | At::Target(name, _) = &self.contacts[slot.at()].at {
            if **name != self.agents[ix.at()].name {
                reasons.push(Reason::WaitsFor {
                    agent: name.as_ref().clone(),
                });
            }
            return;
        }
        let need = &self.plan.needs[self.need(slot).at()];
        let person = &self.agents[ix.at()];
        let team_name = |team: crate::ix::TeamIx| self.plan.teams[team.at()].name.clone();
        if person.team.is_none_or(|team| !need.teams.contains(&team)) {
            let asked = need.teams.iter().map(|team| team_name(*team)).collect();
            reasons.push(Reason::WrongTeam {
                team: person.team.map(team_name),
                asked,
            });
        }
        let Some(profile) = person.profile else {
            return;
        };
        let profile = &self.plan.profiles[profile.at()];
        for &(skill, asked) in &need.require {
            let has = profile.level(skill);
            if has < asked
                && let Some(skill) = self.plan.skill_name(skill)
            {
                reasons.push(Reason::Skill { skill, asked, has });
            }
        }
        for course in need
            .courses
            .iter()
            .filter(|course| !profile.courses.contains(course))
        {
            reasons.extend(
                self.plan
                    .course_name(*course)
                    .map(|course| Reason::Course { course }),
            );
        }
    }

    fn explain_presence(&self, ix: crate::ix::AgentIx, capacity: usize, reasons: &mut Vec<Reason>) {
        let person = &self.agents[ix.at()];
        if !person.signed_in || person.leaving {
            return reasons.push(Reason::SignedOut);
        }
        if !person.alive {
            reasons.push(Reason::SessionLost);
        }
        if !person.is_reached(capacity) {
            reasons.push(Reason::Unreachable);
        }
        if !person.ready {
            reasons.push(Reason::NotReady {
                because: person.reason.clone(),
            });
        }
        if let Some(asked) = person.offer {
            let offer = self.contacts[asked.at()].offer();
            reasons.push(Reason::Asked { offer });
        }
        if let Some(until) = person.wrap_until() {
            reasons.push(Reason::WrappingUp { until });
        }
    }
}
