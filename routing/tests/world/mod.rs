//! A small centre to try the rules on: documents in, inputs by the second, outputs out.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use trunkline_routing::*;
use trunkline_tenant::{QueueId, Tenant, compile, manifest};

/// The Tenant of a CallCenter whose `spec` is this YAML, and of further documents.
pub fn tenant(spec: &str, agents: &str, others: &str) -> Arc<Tenant> {
    tenant_in("Europe/Berlin", spec, agents, others)
}

/// The same, on the clock of a zone.
pub fn tenant_in(zone: &str, spec: &str, agents: &str, others: &str) -> Arc<Tenant> {
    let mut text = format!(
        "apiVersion: trunkline.dev/v1alpha1\nkind: CallCenter\n\
         metadata: {{name: centre, namespace: centre}}\nspec: {{timeZone: {zone},\n{spec}}}\n"
    );
    for line in agents
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (name, fields) = line.split_once(' ').unwrap();
        text += &format!(
            "---\napiVersion: trunkline.dev/v1alpha1\nkind: Agent\n\
             metadata: {{name: {name}, namespace: centre}}\nspec: {{callCenter: centre, {fields}}}\n"
        );
    }
    for other in others
        .split("---")
        .map(str::trim)
        .filter(|other| !other.is_empty())
    {
        let (kind, rest) = other.split_once(' ').unwrap();
        let (name, spec) = rest.split_once(' ').unwrap();
        text += &format!(
            "---\napiVersion: trunkline.dev/v1alpha1\nkind: {kind}\n\
             metadata: {{name: {name}, namespace: centre}}\nspec: {{callCenter: centre, {spec}}}\n"
        );
    }
    let documents = manifest::read("test.yaml", &text).unwrap().documents;
    let compiled = compile(&documents, None);
    let errors: Vec<_> = compiled
        .findings
        .iter()
        .filter(|finding| finding.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Arc::new(compiled.tenant.unwrap())
}

/// A core and its clock.
pub struct World {
    pub core: Core,
    pub log: Vec<(Time, Output)>,
}

pub fn at(seconds: f64) -> Time {
    Time((seconds * 1e6).round() as i64)
}

pub fn queue(name: &str) -> QueueId {
    name.parse().unwrap()
}

impl World {
    pub fn new(tenant: &Arc<Tenant>) -> Self {
        Self::with(
            tenant,
            Options {
                dates: false,
                ..Options::default()
            },
        )
    }
    pub fn with(tenant: &Arc<Tenant>, options: Options) -> Self {
        let mut world = Self {
            core: Core::new(options),
            log: Vec::new(),
        };
        world.input(
            0.0,
            Input::Configure {
                tenant: Arc::clone(tenant),
            },
        );
        world
    }
    /// Hands an input in at a second, after all that is due until then; returns what came of all.
    pub fn input(&mut self, seconds: f64, input: Input) -> Vec<Output> {
        let now = at(seconds);
        let mut out = Vec::new();
        while self.core.next_deadline().is_some_and(|due| due < now) {
            let due = self.core.next_deadline().unwrap();
            self.core.handle(due, Input::Tick, &mut out);
        }
        self.core.handle(now, input, &mut out);
        self.log(now, &out);
        out
    }
    /// Hands an input in as after a pause: what was due until then happens with it.
    pub fn late(&mut self, seconds: f64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.core.handle(at(seconds), input, &mut out);
        self.log(at(seconds), &out);
        out
    }
    fn log(&mut self, now: Time, out: &[Output]) {
        self.log
            .extend(out.iter().map(|output| (now, output.clone())));
    }
    pub fn tick(&mut self, seconds: f64) -> Vec<Output> {
        self.input(seconds, Input::Tick)
    }
    pub fn sign_in(&mut self, seconds: f64, agent: &str) -> Vec<Output> {
        self.input(
            seconds,
            Input::SignIn {
                agent: agent.into(),
                ready: true,
                team: None,
            },
        )
    }
    pub fn arrive(&mut self, seconds: f64, id: u64, to: &str) -> Vec<Output> {
        self.arrive_as(seconds, id, to, 0, None)
    }
    pub fn arrive_as(
        &mut self,
        seconds: f64,
        id: u64,
        to: &str,
        priority: i32,
        customer: Option<&str>,
    ) -> Vec<Output> {
        let (contact, customer) = (ContactId(id), customer.map(str::to_owned));
        let input = Input::Arrive {
            contact,
            queue: queue(to),
            since: None,
            priority,
            customer,
            callable: true,
        };
        self.input(seconds, input)
    }
    /// As who has a number that can't be dialled.
    pub fn arrive_uncallable(
        &mut self,
        seconds: f64,
        id: u64,
        to: &str,
        customer: &str,
    ) -> Vec<Output> {
        let input = Input::Arrive {
            contact: ContactId(id),
            queue: queue(to),
            since: None,
            priority: 0,
            customer: Some(customer.into()),
            callable: false,
        };
        self.input(seconds, input)
    }
    pub fn offer_of(&self, id: u64) -> OfferId {
        match self.core.contact(ContactId(id)).unwrap().stage {
            StageView::Offered { offer, .. } | StageView::Connecting { offer, .. } => offer,
            other => panic!("contact {id} is not offered but {other:?}"),
        }
    }
    /// Accepts and joins the contact's present offer.
    pub fn answer(&mut self, seconds: f64, id: u64) -> Vec<Output> {
        let offer = self.offer_of(id);
        let mut out = self.input(seconds, Input::Accept { offer });
        out.extend(self.input(seconds, Input::Connected { offer }));
        out
    }
    pub fn done(&mut self, seconds: f64, id: u64) -> Vec<Output> {
        self.input(
            seconds,
            Input::AgentDone {
                contact: ContactId(id),
            },
        )
    }
    pub fn gone(&mut self, seconds: f64, id: u64) -> Vec<Output> {
        self.input(
            seconds,
            Input::CustomerGone {
                contact: ContactId(id),
            },
        )
    }
    /// Who is asked for or talks with a contact.
    pub fn with_whom(&self, id: u64) -> Option<String> {
        match self.core.contact(ContactId(id))?.stage {
            StageView::Offered { agent, .. }
            | StageView::Connecting { agent, .. }
            | StageView::Talking { agent, .. } => Some(agent.to_string()),
            StageView::Waiting
            | StageView::Outside { .. }
            | StageView::Away { .. }
            | StageView::Later { .. } => None,
        }
    }
    pub fn state(&self, agent: &str) -> AgentState {
        self.core.agent(&agent.into()).unwrap().state
    }
    pub fn records(&self) -> Vec<Segment> {
        let records = self.log.iter().filter_map(|(_, output)| match output {
            Output::Record(segment) => Some((**segment).clone()),
            _ => None,
        });
        records.collect()
    }
    /// The core as it comes back from its own snapshot, through text.
    pub fn restart(&mut self) {
        let text = serde_json::to_string(&self.core.snapshot()).unwrap();
        self.core = Core::restore(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&self.core.snapshot()).unwrap(), text);
    }
}

pub fn refused(out: &[Output]) -> bool {
    out.iter()
        .any(|output| matches!(output, Output::Refused { .. }))
}
