//! Rule 11 beyond the guarantees: the virtual time of each client on each team, from what inputs and outputs
//! say. A talk and its wrap-up advance it by their length over the client's weight; whoever has nothing waiting for the
//! team and now has again is raised to the least of the others who wait, or else are served, there. What only
//! changes its place, or comes back from an agent of the team, has been waiting all along.
//!
//! With a new configuration or a new day, where everybody is put in line anew, and where outputs don't tell in which line a
//! contact stands, the times are taken over from the core's snapshot: what is judged is what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_routing::*;
use trunkline_tenant::crds::{AgentName, ClientName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::{Checker, shares::Busy};

/// By team and client; in µs over weight, times a number that weights to 16 divide, as the core's snapshot has them.
pub(super) type Times = BTreeMap<(TeamName, Option<ClientName>), i128>;
const SCALE: i128 = 720_720;

/// Whom a contact waits for, when it waits.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// The teams of its queue.
    Queue,
    /// This team alone.
    Team(TeamName),
    /// Somebody by name: that is in no team's line.
    Named,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Out,
    InLine,
    Asked,
    /// From an offer, in this very event.
    Back,
}

#[derive(Clone, Debug)]
struct Stand {
    client: Option<ClientName>,
    queue: QueueId,
    /// As long as it has one: who talks has none any more.
    place: Option<Place>,
    state: State,
}

#[derive(Default)]
pub(super) struct Standings {
    /// Of the teams that are shared out: the clients that have a weight there. The others weigh 1.
    weights: BTreeMap<TeamName, BTreeMap<Option<ClientName>, u32>>,
    times: Times,
    stands: BTreeMap<ContactId, Stand>,
    /// Since when each contact talks.
    talks: BTreeMap<ContactId, Time>,
    /// Whose work was taken out of a team's line by this event, or comes back from one of its agents.
    left: BTreeSet<(TeamName, Option<ClientName>)>,
    /// What this input hands to a team.
    handed: Option<(ContactId, TeamName)>,
}

impl Standings {
    pub(super) fn of(tenant: &Tenant) -> Self {
        let mut standings = Self::default();
        standings.configured(tenant);
        standings
    }

    /// A client's weight is the largest that any of its queues names, where a queue names a share at all.
    pub(super) fn configured(&mut self, tenant: &Tenant) {
        self.weights.clear();
        for (id, queue) in &tenant.queues {
            let naming = |share: &&trunkline_tenant::crds::TeamShare| {
                share.guaranteed > 0 || share.weight.is_some()
            };
            for share in queue.teams.iter().filter(naming) {
                let clients = self.weights.entry(share.name.clone()).or_default();
                let weight = clients.entry(id.client()).or_insert(1);
                *weight = (*weight).max(share.weight.unwrap_or(1));
            }
        }
    }

    pub(super) fn is_shared(&self, team: &TeamName) -> bool {
        self.weights.contains_key(team)
    }

    pub(super) fn are_none(&self) -> bool {
        self.weights.is_empty()
    }

    /// As they are, where any team is shared out.
    pub(super) fn times(&self) -> Times {
        if self.weights.is_empty() {
            return Times::new();
        }
        self.times.clone()
    }

    fn time(&self, team: &TeamName, client: &Option<ClientName>) -> i128 {
        let key = (team.clone(), client.clone());
        self.times.get(&key).copied().unwrap_or(0)
    }

    fn used(&mut self, team: &TeamName, client: &Option<ClientName>, span: Span) {
        let Some(weights) = self.weights.get(team) else {
            return;
        };
        let weight = i128::from(weights.get(client).copied().unwrap_or(1));
        let time = self.times.entry((team.clone(), client.clone()));
        *time.or_default() += i128::from(span.0) * SCALE / weight;
    }

    /// Another event.
    pub(super) fn input(&mut self, input: Option<&Input>) {
        self.left.clear();
        self.handed = None;
        let of_queue = |queue: &QueueId| Stand {
            client: queue.client(),
            queue: queue.clone(),
            place: None,
            state: State::Out,
        };
        match input {
            Some(
                Input::Arrive { contact, queue, .. } | Input::BookCallback { contact, queue, .. },
            ) => {
                self.stands.insert(*contact, of_queue(queue));
            }
            Some(Input::Consult {
                contact,
                consult,
                to,
            }) => {
                if let Some(customers) = self.stands.get(contact) {
                    let stand = Stand {
                        place: None,
                        state: State::Out,
                        ..customers.clone()
                    };
                    self.stands.insert(*consult, stand);
                }
                self.hands(*consult, to);
            }
            Some(Input::Transfer { contact, to }) => self.hands(*contact, to),
            _ => {}
        }
    }

    fn hands(&mut self, contact: ContactId, to: &Target) {
        if let Target::Team(team) = to {
            self.handed = Some((contact, team.clone()));
        }
    }

    /// Whether it stands in line for the team.
    fn waits(&self, checker: &Checker, team: &TeamName, stand: &Stand) -> bool {
        let teams = || &checker.queues[&stand.queue].teams;
        stand.state == State::InLine
            && match &stand.place {
                Some(Place::Queue) => teams().iter().any(|share| share.name == *team),
                Some(Place::Team(one)) => one == team,
                Some(Place::Named) | None => false,
            }
    }
}

/// What is said of a contact next.
fn next_of(id: ContactId, rest: &[Output]) -> Option<&Output> {
    rest.iter().find(|output| match output {
        Output::Offer { offer, .. } => offer.contact == id,
        Output::Waiting { contact, .. }
        | Output::Step { contact, .. }
        | Output::Overflowed { contact, .. }
        | Output::HandOver { contact, .. }
        | Output::CallbackBooked { contact, .. }
        | Output::Ended { contact, .. } => *contact == id,
        _ => false,
    })
}

impl Checker {
    /// What somebody was asked for comes back by an input or an output, if it is still theirs.
    pub(super) fn taken_back(&mut self, offer: &OfferId) {
        let Some((_, agent)) = (self.offers.get(&offer.contact)).filter(|(live, _)| live == offer)
        else {
            return;
        };
        let team = self.listed_team(agent).cloned();
        if let Some(stand) = self.standings.stands.get_mut(&offer.contact) {
            stand.state = State::Back;
            if let Some(team) = team {
                self.standings.left.insert((team, stand.client.clone()));
            }
        }
    }

    /// Nobody who is not listed is of a team that is shared out here.
    fn listed_team(&self, agent: &AgentName) -> Option<&TeamName> {
        let team = self.tenant.agents.get(agent)?.team.as_ref()?;
        Some(self.tenant.teams.get_key_value(team.as_str())?.0)
    }

    pub(super) fn talk_advances(&mut self, now: Time, id: ContactId, agent: &AgentName) {
        if let Some(since) = self.standings.talks.remove(&id) {
            self.advances(id, agent, now - since);
        }
    }

    pub(super) fn wrap_up_advances(&mut self, row: &Segment, agent: &AgentName) {
        let Some(team) = self.listed_team(agent).cloned() else {
            return;
        };
        self.standings.used(&team, &row.client, row.wrap_up);
    }

    fn advances(&mut self, id: ContactId, agent: &AgentName, span: Span) {
        let team = self.listed_team(agent).cloned();
        let client = self.standings.stands.get(&id).map(|it| it.client.clone());
        if let Some((team, client)) = team.zip(client) {
            self.standings.used(&team, &client, span);
        }
    }

    /// For which teams it waits, if it does.
    fn teams_for(&self, id: ContactId) -> Vec<TeamName> {
        let Some(stand) = self.standings.stands.get(&id) else {
            return Vec::new();
        };
        match &stand.place {
            Some(Place::Queue) => {
                let teams = self.queues[&stand.queue].teams.iter();
                teams.map(|share| share.name.clone()).collect()
            }
            Some(Place::Team(team)) => vec![team.clone()],
            Some(Place::Named) | None => Vec::new(),
        }
    }

    fn stand(&mut self, id: ContactId, place: Option<Place>, state: State) {
        if let Some(stand) = self.standings.stands.get_mut(&id) {
            (stand.place, stand.state) = (place, state);
        }
    }

    fn enters(&mut self, id: ContactId, place: Place) {
        self.stand(id, Some(place), State::Out);
        let Some(client) = self.standings.stands.get(&id).map(|it| it.client.clone()) else {
            return;
        };
        for team in self.teams_for(id) {
            if !self.standings.is_shared(&team) {
                continue;
            }
            let stands = self.standings.stands.values();
            let waiting: Vec<&Stand> = stands
                .filter(|stand| self.standings.waits(self, &team, stand))
                .collect();
            let key = (team.clone(), client.clone());
            if self.standings.left.contains(&key) || waiting.iter().any(|it| it.client == client) {
                continue;
            }
            let others = waiting.iter().map(|stand| &stand.client);
            let least = others.map(|other| self.standings.time(&team, other)).min();
            let least = least.or_else(|| self.least_served(&team, &client));
            let time = self.standings.times.entry(key).or_default();
            *time = (*time).max(least.unwrap_or(*time));
        }
        if let Some(stand) = self.standings.stands.get_mut(&id) {
            stand.state = State::InLine;
        }
    }

    /// Of the other clients whose contacts agents of the team have.
    fn least_served(&self, team: &TeamName, client: &Option<ClientName>) -> Option<i128> {
        let busy: Busy = self.busy();
        let of_team = busy
            .iter()
            .filter(|(agent, _)| self.listed_team(agent) == Some(team));
        let clients = of_team.map(|(_, id)| self.guarantees.client(*id));
        let others = clients.filter(|other| other != client);
        others.map(|other| self.standings.time(team, &other)).min()
    }

    fn leaves_line(&mut self, id: ContactId, state: State) {
        let teams = self.teams_for(id);
        if let Some(stand) = self.standings.stands.get_mut(&id)
            && std::mem::replace(&mut stand.state, state) == State::InLine
        {
            let client = stand.client.clone();
            let left = teams.into_iter().map(|team| (team, client.clone()));
            self.standings.left.extend(left);
        }
    }

    /// Follows an output, of which everything else is known already. `contacts` are those that are here
    /// after the event.
    pub(super) fn moves_in_line(
        &mut self,
        now: Time,
        output: &Output,
        rest: &[Output],
        contacts: &[ContactView],
    ) {
        match output {
            Output::Offer { offer, .. } => self.leaves_line(offer.contact, State::Asked),
            Output::Waiting { contact, queue } => {
                if let Some(stand) = self.standings.stands.get_mut(contact) {
                    stand.queue = queue.clone();
                }
                self.waits_again(*contact, rest, contacts);
            }
            Output::Step { contact, .. } => {
                self.leaves_line(*contact, State::Out);
                self.enters(*contact, Place::Queue);
            }
            Output::Overflowed { contact, to, .. } => {
                self.leaves_line(*contact, State::Out);
                self.stand(*contact, None, State::Out);
                if let Some(stand) = self.standings.stands.get_mut(contact) {
                    stand.queue = to.clone();
                }
            }
            Output::CallbackBooked {
                contact, rescue, ..
            } => {
                self.leaves_line(*contact, State::Out);
                if *rescue {
                    self.stand(*contact, None, State::Out);
                }
            }
            Output::HandOver { contact, .. } => self.stand(*contact, None, State::Out),
            Output::Answered { contact, .. } => {
                self.standings.talks.insert(*contact, now);
                self.stand(*contact, None, State::Out);
            }
            Output::Ended { contact, .. } => {
                self.leaves_line(*contact, State::Out);
                self.standings.stands.remove(contact);
            }
            _ => {}
        }
    }

    /// It is said to wait; in which line, is not.
    fn waits_again(&mut self, id: ContactId, rest: &[Output], contacts: &[ContactView]) {
        if let Some((_, team)) = self.standings.handed.take_if(|(handed, _)| *handed == id) {
            return self.enters(id, Place::Team(team));
        }
        let next = next_of(id, rest);
        let Some(stand) = self.standings.stands.get(&id) else {
            return;
        };
        let (place, state) = (stand.place.clone(), stand.state);
        match place {
            // It begins a step, and is in line by that.
            _ if matches!(next, Some(Output::Step { .. })) => {}
            // Nobody of the team took it: who handed it over is asked.
            Some(Place::Team(_)) if state == State::InLine => {
                self.leaves_line(id, State::Out);
                self.stand(id, Some(Place::Named), State::Out);
            }
            Some(Place::Named) | None => self.stand(id, Some(Place::Named), State::Out),
            Some(_) if state == State::InLine => {}
            // Its hours are over by now.
            Some(_) if next.is_none() && is_put_off(id, contacts) => {}
            // Its queue is gone, and it goes by what that says.
            Some(Place::Queue)
                if !self.tenant.queues.contains_key(&stand.queue)
                    && !matches!(next, None | Some(Output::Offer { .. })) => {}
            Some(place) => self.enters(id, place),
        }
    }

    /// After an event: whether everybody stands where they are thought to. If not, or where all were put in line anew, the
    /// times are the core's from now on.
    pub(super) fn stand_as_thought(
        &mut self,
        core: &Core,
        contacts: &[ContactView],
        anew: bool,
    ) -> Result<bool, String> {
        let mut known = true;
        for view in contacts {
            let Some(stand) = self.standings.stands.get_mut(&view.id) else {
                return Err(format!("contact {} was never in line", view.id));
            };
            if view.stage != StageView::Waiting {
                if stand.state == State::InLine || stand.state == State::Back {
                    stand.state = State::Out;
                }
                continue;
            }
            let is = match (&stand.place, view.step) {
                (Some(Place::Queue), Some(_)) if stand.state == State::InLine => continue,
                (_, Some(_)) => (Some(Place::Queue), State::InLine),
                (Some(Place::Team(team)), None) if self.tenant.teams.contains_key(team) => {
                    (stand.place.clone(), State::InLine)
                }
                (_, None) => (Some(Place::Named), State::Out),
            };
            if is != (stand.place.clone(), stand.state) {
                (stand.place, stand.state) = is;
                known = false;
            }
        }
        if !known || anew {
            self.standings.times = times_of(core)?;
        }
        Ok(known)
    }
}

fn is_put_off(id: ContactId, contacts: &[ContactView]) -> bool {
    super::find(contacts, id).is_some_and(|view| matches!(view.stage, StageView::Later { .. }))
}

fn times_of(core: &Core) -> Result<Times, String> {
    let mut all = serde_json::to_value(core.snapshot()).map_err(|e| e.to_string())?;
    let times = all["virtualTimes"].take();
    let times: Vec<(TeamName, Option<ClientName>, String)> =
        serde_json::from_value(times).map_err(|e| e.to_string())?;
    let time = |(team, client, time): (TeamName, Option<ClientName>, String)| {
        Ok((
            (team, client),
            time.parse::<i128>().map_err(|e| e.to_string())?,
        ))
    };
    times.into_iter().map(time).collect()
}
