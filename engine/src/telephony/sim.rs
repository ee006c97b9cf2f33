//! Imagined callers and phones behind the same seam, for a machine without Asterisk.
//!
//! Callers come at random to the tenant's numbers, wait as long as their patience lasts, and talk
//! for a while; phones ring, are answered or, now and then, are not. It carries calls and nothing
//! else: who wants agents at work signs them in. Seeded, and driven by tokio's clock alone, so a
//! test can let hours pass at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use trunkline_routing::{ContactId, Input, OfferId, Output};
use trunkline_tenant::crds::{ClientName, PhoneNumber};
use trunkline_tenant::{QueueId, Tenant};

use super::ari::{ChannelId, HostName};
use super::{
    Arrival, Beside, CallRef, Command, Recovered, RecoveredStage, Report, Telephony, Told,
};

/// The only host of imagined calls.
const HOST: &str = "simulated";
/// A phone in an imagined hand: from the first ring to the bridge.
const JOINED_AFTER: Duration = Duration::from_millis(20);

const ENDED_WITH_US: &str = "an imagined call ends with the process that imagined it";

/// Whoever starts this sees soon that it works, however rare callers are.
const FIRST_WITHIN: Duration = Duration::from_secs(2);

/// How imagined people behave. Times are means of exponential distributions but where said.
#[derive(Clone, Debug, PartialEq)]
pub struct SimSettings {
    /// Same seed, same commands: same calls.
    pub seed: u64,
    /// Between one caller and the next; the first comes within two seconds.
    pub between_callers: Duration,
    /// How long a caller waits before giving up.
    pub patience: Duration,
    /// How long caller and agent talk.
    pub talk: Duration,
    /// How long a phone rings before it is answered; uniform between the two.
    pub rings: (Duration, Duration),
    /// Share of offers that nobody answers, 0 to 1.
    pub unanswered: f64,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            between_callers: Duration::from_secs(6),
            patience: Duration::from_secs(90),
            talk: Duration::from_secs(25),
            rings: (Duration::from_secs(1), Duration::from_secs(4)),
            unanswered: 0.05,
        }
    }
}

/// The numbers that imagined callers dial, each with the queue that it leads to: those of clients
/// who are live.
pub fn entries(tenant: &Tenant) -> Vec<(String, QueueId)> {
    let entry = |(number, client): (&PhoneNumber, &ClientName)| {
        let client = tenant.clients.get(client)?;
        let live = !client.manual_go_live || client.approved;
        let queue = client.entry.clone().filter(|_| live)?;
        Some((number.to_string(), queue))
    };
    tenant.numbers.iter().filter_map(entry).collect()
}

/// Starts to imagine calls. What a predecessor imagined ended with it: those contacts are
/// reported as dropped.
pub fn start(settings: SimSettings, recovered: Recovered) -> Telephony {
    let (commands, to_do) = mpsc::unbounded_channel();
    let (tell, reports) = mpsc::unbounded_channel();
    let sim = Sim {
        random: StdRng::seed_from_u64(settings.seed),
        settings,
        tenant: None,
        entries: Vec::new(),
        agenda: BTreeMap::new(),
        calls: HashMap::new(),
        contacts: HashMap::new(),
        made: 0,
        tell,
    };
    tokio::spawn(sim.run(to_do, recovered));
    Telephony { commands, reports }
}

/// What is to happen at a time.
#[derive(Debug)]
enum Due {
    NextCaller,
    CallerLeaves(ChannelId),
    Answer(OfferId),
    Joined(OfferId),
    /// Either side says it first.
    Goodbye(OfferId),
}

/// An imagined call, from its arrival until it is over for both sides.
#[derive(Debug, Default)]
struct Call {
    contact: Option<ContactId>,
    /// The customer is called, once an agent has said yes.
    callback: bool,
    /// The offer that rings or was taken.
    offer: Option<OfferId>,
    talking: bool,
    held: bool,
}

impl Call {
    /// Nobody is asked any more.
    fn waits_again(&mut self) {
        *self = Self {
            contact: self.contact,
            callback: self.callback,
            ..Self::default()
        };
    }
}

struct Sim {
    settings: SimSettings,
    random: StdRng,
    tenant: Option<Arc<Tenant>>,
    /// The numbers that lead somewhere.
    entries: Vec<(String, QueueId)>,
    agenda: BTreeMap<(Instant, u64), Due>,
    calls: HashMap<ChannelId, Call>,
    contacts: HashMap<ContactId, ChannelId>,
    made: u64,
    tell: mpsc::UnboundedSender<Told>,
}

impl Sim {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>, recovered: Recovered) {
        self.report(Report::Host {
            host: HostName::new(HOST),
            up: true,
        });
        for call in recovered.calls {
            self.input(Input::Dropped {
                contact: call.contact,
                cause: ENDED_WITH_US.into(),
            });
        }
        for other in recovered.others {
            match other.what {
                Beside::Callback { .. } if other.stage == RecoveredStage::Waiting => {
                    self.booked(other.contact);
                }
                Beside::Callback { .. } | Beside::Called | Beside::Consult { .. } => {
                    self.input(Input::Dropped {
                        contact: other.contact,
                        cause: ENDED_WITH_US.into(),
                    })
                }
            }
        }
        while !self.tell.is_closed() {
            let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let sleep = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = sleep => {
                    if let Some((_, due)) = self.agenda.pop_first() {
                        self.happen(due);
                    }
                }
            }
        }
    }

    fn report(&self, report: Report) {
        // A closed queue ends the loop.
        let _ = self.tell.send(report.into());
    }

    fn input(&self, input: Input) {
        self.report(Report::Input(input));
    }

    fn plan(&mut self, after: Duration, due: Due) {
        self.made += 1;
        self.agenda.insert((Instant::now() + after, self.made), due);
    }

    /// An exponentially distributed time.
    fn about(&mut self, mean: Duration) -> Duration {
        let share: f64 = self.random.random();
        mean.mul_f64(-(1.0 - share).ln())
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Configure(tenant) => self.configure(tenant),
            // There is no audio to count, to play or to keep.
            Command::Hosts(_)
            | Command::Measure { .. }
            | Command::Tell { .. }
            | Command::Fetch { .. }
            | Command::Forget { .. } => {}
            Command::Admit { contact, call, .. } => match self.calls.get_mut(&call.channel) {
                Some(known) => {
                    known.contact = Some(contact);
                    self.contacts.insert(contact, call.channel);
                }
                None => self.input(Input::CustomerGone { contact }),
            },
            Command::TurnAway { call } => {
                self.calls.remove(&call.channel);
            }
            Command::Do(output) => self.carry_out(output),
            Command::Hold { contact, on } => {
                if let Some(call) = self.call_of(contact) {
                    call.held = on;
                }
            }
        }
    }

    fn configure(&mut self, tenant: Arc<Tenant>) {
        self.entries = entries(&tenant);
        if self.tenant.replace(tenant).is_none() {
            let first = self.about(self.settings.between_callers).min(FIRST_WITHIN);
            self.plan(first, Due::NextCaller);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Offer { offer, .. } => {
                let picks_up = self.picks_up();
                if let Some(call) = self.call_of(offer.contact) {
                    call.offer = Some(offer);
                    if let Some(after) = picks_up {
                        self.plan(after, Due::Answer(offer));
                    }
                }
            }
            Output::CancelOffer { offer, .. } => {
                if let Some(call) = self.call_of(offer.contact)
                    && call.offer == Some(offer)
                {
                    call.waits_again();
                }
            }
            Output::Waiting { contact, .. } => {
                if let Some(call) = self.call_of(contact) {
                    call.waits_again();
                }
            }
            Output::CallbackBooked { contact, .. } => self.booked(contact),
            // Customers pick up as agents do. Of those who don't, the core's deadline tells.
            Output::Dial { offer, .. } => {
                if let Some(after) = self.picks_up() {
                    self.plan(after, Due::Joined(offer));
                }
            }
            Output::Ended { contact, .. } => {
                if let Some(channel) = self.contacts.remove(&contact) {
                    self.calls.remove(&channel);
                }
            }
            _ => {}
        }
    }

    /// How long a phone rings before somebody answers, if anybody does.
    fn picks_up(&mut self) -> Option<Duration> {
        let answered = self.random.random::<f64>() >= self.settings.unanswered;
        let (soonest, latest) = self.settings.rings;
        let ring = self.random.random_range(soonest..=latest.max(soonest));
        answered.then_some(ring)
    }

    /// Whoever was on the line has hung up, and is called once an agent has time.
    fn booked(&mut self, contact: ContactId) {
        self.made += 1;
        let channel = ChannelId::new(format!("{HOST}-{}", self.made));
        if let Some(before) = self.contacts.insert(contact, channel.clone()) {
            self.calls.remove(&before);
        }
        let call = Call {
            contact: Some(contact),
            callback: true,
            ..Call::default()
        };
        self.calls.insert(channel, call);
    }

    fn call_of(&mut self, contact: ContactId) -> Option<&mut Call> {
        self.calls.get_mut(self.contacts.get(&contact)?)
    }

    /// The call, if this is still its offer.
    fn offered(&mut self, offer: OfferId) -> Option<&mut Call> {
        self.call_of(offer.contact)
            .filter(|call| call.offer == Some(offer))
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::NextCaller => {
                let next = self.about(self.settings.between_callers);
                self.plan(next, Due::NextCaller);
                self.caller();
            }
            Due::CallerLeaves(channel) => self.caller_leaves(&channel),
            Due::Answer(offer) => {
                let Some(callback) = self.offered(offer).map(|call| call.callback) else {
                    return;
                };
                self.input(Input::Accept { offer });
                if !callback {
                    self.plan(JOINED_AFTER, Due::Joined(offer));
                }
            }
            Due::Joined(offer) => {
                let Some(call) = self.offered(offer) else {
                    return;
                };
                call.talking = true;
                self.input(Input::Connected { offer });
                let talk = self.about(self.settings.talk);
                self.plan(talk, Due::Goodbye(offer));
            }
            Due::Goodbye(offer) => {
                let contact = offer.contact;
                let Some(held) = self.offered(offer).map(|call| call.held) else {
                    return;
                };
                if held {
                    self.plan(Duration::from_secs(1), Due::Goodbye(offer));
                } else if self.random.random::<bool>() {
                    self.input(Input::AgentDone { contact });
                } else {
                    self.gone(contact);
                }
            }
        }
    }

    fn caller(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let pick = self.random.random_range(0..self.entries.len());
        let (number, queue) = self.entries[pick].clone();
        let channel = ChannelId::new(format!("{HOST}-{}", self.made));
        let customer = format!("+49301{:06}", self.random.random_range(0..1_000_000));
        self.calls.insert(channel.clone(), Call::default());
        let patience = self.about(self.settings.patience);
        self.plan(patience, Due::CallerLeaves(channel.clone()));
        self.report(Report::Arrived(Arrival {
            call: CallRef {
                host: HostName::new(HOST),
                channel,
            },
            number,
            queue,
            customer: Some(customer),
            callable: true,
            since: None,
        }));
    }

    fn caller_leaves(&mut self, channel: &ChannelId) {
        match self.calls.get(channel) {
            Some(call) if !call.talking => match call.contact {
                Some(contact) => self.gone(contact),
                None => {
                    self.calls.remove(channel);
                }
            },
            _ => {}
        }
    }

    fn gone(&mut self, contact: ContactId) {
        if let Some(channel) = self.contacts.remove(&contact) {
            self.calls.remove(&channel);
            self.input(Input::CustomerGone { contact });
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_routing::{CancelReason, Outcome, Time};
    use trunkline_tenant::crds::AgentName;

    use super::*;

    fn begin(settings: SimSettings) -> Telephony {
        let telephony = start(settings, Recovered::default());
        let tenant = Arc::new(crate::testing::small_tenant());
        telephony.commands.send(Command::Configure(tenant)).unwrap();
        telephony
    }

    async fn next(telephony: &mut Telephony) -> Report {
        loop {
            match telephony.reports.recv().await.unwrap().report {
                Report::Host { .. } => {}
                report => return report,
            }
        }
    }

    async fn admit(telephony: &mut Telephony, number: u64) -> ContactId {
        let contact = ContactId(number);
        let Report::Arrived(arrival) = next(telephony).await else {
            panic!("no caller came first");
        };
        assert_eq!(arrival.queue.to_string(), "acme/orders");
        let admit = Command::Admit {
            contact,
            call: arrival.call,
            queue: arrival.queue,
        };
        telephony.commands.send(admit).unwrap();
        contact
    }

    fn send(telephony: &Telephony, output: Output) {
        telephony.commands.send(Command::Do(output)).unwrap();
    }

    fn rare() -> SimSettings {
        SimSettings {
            between_callers: Duration::from_secs(100_000),
            patience: Duration::from_secs(1_000),
            unanswered: 0.0,
            ..SimSettings::default()
        }
    }

    fn offer(telephony: &Telephony, contact: ContactId, generation: u32) -> OfferId {
        let offer = OfferId {
            contact,
            generation,
        };
        send(
            telephony,
            Output::Offer {
                offer,
                agent: AgentName::new("maria"),
                deadline: Time(0),
            },
        );
        offer
    }

    #[tokio::test(start_paused = true)]
    async fn an_offer_is_taken_joined_and_ended() {
        let mut telephony = begin(rare());
        let contact = admit(&mut telephony, 1).await;
        let offer = offer(&telephony, contact, 1);
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::Accept { offer })
        );
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::Connected { offer })
        );
        let end = next(&mut telephony).await;
        assert!(
            end == Report::Input(Input::AgentDone { contact })
                || end == Report::Input(Input::CustomerGone { contact }),
            "{end:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_offer_taken_back_is_never_answered() {
        let mut telephony = begin(rare());
        let contact = admit(&mut telephony, 1).await;
        let first = offer(&telephony, contact, 1);
        send(
            &telephony,
            Output::CancelOffer {
                offer: first,
                agent: AgentName::new("maria"),
                why: CancelReason::Rona,
            },
        );
        let second = offer(&telephony, contact, 2);
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::Accept { offer: second })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_callback_rings_the_agent_and_then_the_customer() {
        let mut telephony = begin(rare());
        let contact = admit(&mut telephony, 1).await;
        let queue: QueueId = "acme/orders".parse().unwrap();
        let customer = "+4930".to_owned();
        send(
            &telephony,
            Output::CallbackBooked {
                contact,
                queue: queue.clone(),
                customer: customer.clone(),
                due: Time(0),
                prompt: None,
                rescue: false,
            },
        );
        let offer = offer(&telephony, contact, 1);
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::Accept { offer })
        );
        send(
            &telephony,
            Output::Dial {
                offer,
                agent: AgentName::new("maria"),
                customer,
                queue,
                deadline: Time(0),
            },
        );
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::Connected { offer })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_whom_nobody_takes_gives_up_and_an_ended_one_is_silent() {
        let mut telephony = begin(rare());
        let contact = admit(&mut telephony, 1).await;
        assert_eq!(
            next(&mut telephony).await,
            Report::Input(Input::CustomerGone { contact })
        );
        let contact = admit(&mut telephony, 2).await;
        send(
            &telephony,
            Output::Ended {
                contact,
                outcome: Outcome::Closed,
                prompt: None,
            },
        );
        assert!(matches!(next(&mut telephony).await, Report::Arrived(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_imagines_the_same_callers() {
        let customers = async |seed| {
            let mut telephony = begin(SimSettings { seed, ..rare() });
            let mut said = Vec::new();
            while said.len() < 5 {
                if let Report::Arrived(arrival) = next(&mut telephony).await {
                    said.push(arrival.customer);
                }
            }
            said
        };
        assert_eq!(customers(7).await, customers(7).await);
        assert_ne!(customers(7).await, customers(8).await);
    }
}
