//! The centre that the benches of the core and of the journal decide for: so many agents and queues, contacts that arrive and
//! conversations that end.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use trunkline_routing::{ContactId, Core, Input, OfferId, Options, Output, Time};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{QueueId, Tenant, compile, manifest};

/// One team, one queue and one agent, from which the large tenant is copied.
const SEED: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: bench, namespace: bench}
spec:
  timeZone: UTC
  skills: [s0]
  teams: [{name: front, kind: Human}]
  queues: [{name: q, medium: Voice, teams: [front], route: [{require: {s0: 1}}], onExhausted: {action: Hold}}]
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: a, namespace: bench}
spec: {callCenter: bench, team: front, skills: {s0: 1}}
";

/// So many different agents: real centres have tens to hundreds of profiles.
const PROFILES: usize = 200;

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// All of them signed in.
    pub agents: usize,
    /// Each asks for one skill at some level.
    pub queues: usize,
    /// A third of them each agent has, at some level.
    pub skills: usize,
    /// So many contacts wait all along.
    pub waiting: usize,
}

/// A tenant of so many agents and queues.
pub fn tenant(cell: &Cell) -> Result<Arc<Tenant>> {
    let documents = manifest::read("seed.yaml", SEED)?.documents;
    let mut tenant = compile(&documents, None)
        .tenant
        .context("the seed compiles")?;
    let queue = tenant
        .queues
        .values()
        .next()
        .cloned()
        .context("the seed has a queue")?;
    let agent = tenant
        .agents
        .values()
        .next()
        .cloned()
        .context("the seed has an agent")?;
    tenant.queues.clear();
    tenant.agents.clear();
    let skill = |n: usize| format!("s{n}").as_str().into();
    for n in 0..cell.queues {
        let mut queue = queue.clone();
        queue.route[0].require.clear();
        let level = 1 + (n / cell.skills) as u8 % 3;
        queue.route[0].require.insert(skill(n % cell.skills), level);
        tenant
            .queues
            .insert(QueueId::centre(format!("q{n}").as_str()), queue);
    }
    for n in 0..cell.agents {
        let mut agent = agent.clone();
        agent.skills.clear();
        let profile = n % PROFILES;
        // A third of the skills each, no two profiles the same, at any level. Where one skill is all that is asked
        // for, everybody has it, at some level.
        let one_asked = cell.queues == 1 || cell.skills == 1;
        for s in 0..cell.skills {
            let drawn = scatter((profile * cell.skills + s) as u64);
            if drawn.is_multiple_of(3) || (one_asked && s == 0) {
                agent.skills.insert(skill(s), 1 + (drawn / 3 % 5) as u8);
            }
        }
        tenant
            .agents
            .insert(AgentName::new(format!("a{n:06}")), agent);
    }
    Ok(Arc::new(tenant))
}

impl Cell {
    /// So many contacts come in a row as there surely are agents for, and as many conversations end.
    pub fn at_once(&self) -> usize {
        (self.agents / 20).clamp(5, 100)
    }

    fn busy(&self) -> usize {
        if self.waiting > 0 {
            self.agents
        } else {
            self.agents * 9 / 10
        }
    }
}

/// A number that looks drawn at random, the same each time: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ n >> 31
}

/// The core, and what it waits for.
pub struct Centre {
    core: Core,
    out: Vec<Output>,
    now: i64,
    queues: Vec<QueueId>,
    next_id: u64,
    talking: VecDeque<ContactId>,
    offers: Vec<OfferId>,
    /// So many inputs were handled.
    pub inputs: u64,
}

impl Centre {
    /// Configured, with nobody there.
    pub fn new(tenant: Arc<Tenant>) -> Self {
        let options = Options {
            dates: false,
            ..Options::default()
        };
        let queues = tenant.queues.keys().cloned().collect();
        let mut centre = Self {
            core: Core::new(options),
            out: Vec::new(),
            now: 0,
            queues,
            next_id: 0,
            talking: VecDeque::new(),
            offers: Vec::new(),
            inputs: 0,
        };
        centre.handle(Input::Configure { tenant });
        centre
    }

    /// Everybody signs in, ready.
    pub fn sign_in(&mut self, agents: Vec<AgentName>) {
        for agent in agents {
            self.handle(Input::SignIn {
                agent,
                ready: true,
                team: None,
            });
        }
    }

    /// As many talk as the cell says: where contacts wait nobody is free, else one agent in ten is.
    pub fn occupy(&mut self, cell: &Cell) {
        let busy = cell.busy();
        while self.talking.len() < busy && self.next_id < 20 * cell.agents as u64 {
            self.arrive();
            self.answer();
        }
    }

    /// As many wait.
    pub fn let_wait(&mut self, cell: &Cell) {
        let all = cell.busy() + cell.waiting;
        while self.contacts() < all {
            for _ in 0..(all - self.contacts()) {
                self.arrive();
                self.answer();
            }
        }
    }

    /// How many contacts there are.
    pub fn contacts(&self) -> usize {
        self.core.contact_count()
    }

    /// When the next input is.
    pub fn next_time(&mut self) -> Time {
        self.now += 7;
        Time(self.now)
    }

    /// Decides upon an input.
    #[inline]
    pub fn handle(&mut self, input: Input) {
        let now = self.next_time();
        self.handle_at(now, input);
    }

    /// Decides upon an input of that time.
    #[inline]
    pub fn handle_at(&mut self, now: Time, input: Input) {
        self.inputs += 1;
        self.core.handle(now, input, &mut self.out);
        for output in self.out.drain(..) {
            if let Output::Offer { offer, .. } = output {
                self.offers.push(offer);
            }
        }
    }

    /// Another contact, to any of the queues.
    #[inline]
    pub fn arrival(&mut self) -> Input {
        let contact = ContactId(self.next_id);
        self.next_id += 1;
        // A multiplicative hash spreads arrivals over the queues.
        let at = (self.next_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize;
        let queue = self.queues[at % self.queues.len()].clone();
        Input::Arrive {
            contact,
            queue,
            since: None,
            priority: 0,
            customer: None,
            callable: true,
        }
    }

    /// The end of the conversation that has gone on for longest.
    #[inline]
    pub fn end(&mut self) -> Option<Input> {
        let contact = self.talking.pop_front()?;
        Some(Input::AgentDone { contact })
    }

    /// What the agent who was asked last does: they accept and are joined.
    #[inline]
    fn next_answer(&mut self) -> Option<[Input; 2]> {
        let offer = self.offers.pop()?;
        self.talking.push_back(offer.contact);
        Some([Input::Accept { offer }, Input::Connected { offer }])
    }

    /// What all of them do.
    pub fn answers(&mut self) -> Vec<Input> {
        std::iter::from_fn(|| self.next_answer())
            .flatten()
            .collect()
    }

    /// Another contact comes.
    #[inline]
    pub fn arrive(&mut self) {
        let arrival = self.arrival();
        self.handle(arrival);
    }

    /// Who was asked accepts and is joined.
    #[inline]
    pub fn answer(&mut self) {
        while let Some(inputs) = self.next_answer() {
            inputs.into_iter().for_each(|input| self.handle(input));
        }
    }
}

/// So many readings, the shortest first: the one that this share of them don't exceed.
pub fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share) as usize).copied()
}

/// A number as tables have it, with commas.
pub fn thousands(n: usize) -> String {
    match n {
        1_000.. => format!("{},{:03}", thousands(n / 1_000), n % 1_000),
        n => n.to_string(),
    }
}
