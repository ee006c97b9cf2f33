//! Rule 15, from the journal alone: what became of a contact, and why it went, or did not go, to
//! each agent. The same whether the journal is a running engine's or a file of months ago.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_routing::{
    ConsultEnd, ContactId, Core, Input, Options, Output, Reason, Span, StageView, Target, Time,
};
use trunkline_tenant::crds::AgentName;

use crate::journal::{Entry, Journal, JournalError, Rules, Seq, Snapshot};
use crate::state::{State, decide};

/// Entries read at once.
pub const CHUNK: usize = 4096;

/// A contact that is over is followed for so long: its caller may still leave a message.
const AFTERMATH: Span = Span::seconds(3600);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// About which contact.
    pub contact: ContactId,
    /// About this agent alone.
    pub agent: Option<AgentName>,
    /// As things stood then; `None`: when the contact was last seen to move while it was here.
    pub at: Option<Time>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Which contact.
    pub contact: u64,
    /// As things stood then.
    pub at: DateTime<Utc>,
    /// What had become of the contact until then, in order.
    pub history: Vec<Event>,
    /// Why it was, or was not, with each agent then.
    pub agents: Vec<Verdict>,
    /// Who decided then by other rules than those by which this is told, so that it may have been otherwise; nothing,
    /// where the rules are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_otherwise: Option<String>,
}

impl Explanation {
    /// Compares the rules of now with those by which the entries were decided ([`Journal::rules`]).
    #[must_use]
    pub fn of_what_was_decided_by(mut self, rules: &[Option<Rules>]) -> Self {
        let ours = Rules::ours();
        let others = rules.iter().filter_map(|rules| match rules {
            Some(rules) if rules.revision == ours.revision => None,
            Some(Rules { revision, release }) => Some(format!(
                "release {release} by revision {revision} of the rules"
            )),
            None => Some("a release that kept no word of its rules".to_owned()),
        });
        let others: Vec<String> = others.collect();
        self.decided_otherwise = (!others.is_empty()).then(|| {
            format!(
                "some of it was decided by {}; this is told by release {} with revision {}, and may differ from what was decided",
                others.join(", and by "),
                ours.release,
                ours.revision
            )
        });
        self
    }
}

/// Something that happened to the contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// In words.
    pub what: String,
}

/// Why a contact was, or was not, with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Which agent.
    pub agent: String,
    /// The end of their last wrap-up, or their sign-in: the longest idle is asked first.
    pub idle_since: Option<DateTime<Utc>>,
    /// Everything that decided it, in words.
    pub reasons: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The journal doesn't know the contact.
    #[error(
        "contact {0} is not in the journal: it never arrived, or is older than what the journal keeps"
    )]
    NoContact(ContactId),
    /// Nor the agent.
    #[error("no agent `{0}` was listed or signed in then")]
    NoAgent(AgentName),
    /// The contact came later.
    #[error("contact {contact} had not arrived by {at}")]
    TooEarly {
        /// Which.
        contact: ContactId,
        /// The time asked about.
        at: DateTime<Utc>,
    },
    /// Retention has cut the journal's beginning, and the contact is not known to have come after a
    /// mark to replay from.
    #[error(
        "the journal's beginning has been cut (it starts at entry {0}), and it keeps no mark of before the contact: only an uncut copy explains"
    )]
    Cut(u64),
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn clock(time: Time) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.0).unwrap_or_default()
}

/// Where to replay from: the last of the journal's marks at which the contact had not come. Marks are
/// looked at by halves, so the cost grows as the logarithm of their number, and the replay as what
/// happened between two.
#[derive(Debug)]
pub struct Beginning {
    contact: ContactId,
    marks: Vec<Seq>,
    /// All marks before this are of before the contact.
    from: usize,
    /// This and all behind are not.
    to: usize,
    found: Option<State>,
}

impl Beginning {
    /// Among these marks, the eldest first.
    pub fn new(contact: ContactId, marks: Vec<Seq>) -> Self {
        Self {
            contact,
            from: 0,
            to: marks.len(),
            marks,
            found: None,
        }
    }

    /// The mark to look at next; `None`: it is found.
    pub fn next(&self) -> Option<Seq> {
        (self.from < self.to).then(|| self.marks[self.middle()])
    }

    fn middle(&self) -> usize {
        usize::midpoint(self.from, self.to)
    }

    /// What was kept there. One that can't be read is of an older release, as are those before it.
    pub fn take(&mut self, mark: Option<&Snapshot>) {
        let state = mark.and_then(|mark| State::restore(mark).ok());
        let had_come = |state: &State| state.directory.newest >= Some(self.contact);
        if state.as_ref().is_some_and(had_come) {
            self.to = self.middle();
        } else {
            self.from = self.middle() + 1;
            self.found = state.or(self.found.take());
        }
    }

    /// The last entry that need not be read.
    pub fn after(&self) -> Seq {
        let found = self.found.as_ref();
        found.map_or(Seq::default(), |state| state.seq)
    }
}

/// Follows the journal, entry by entry.
#[derive(Debug)]
pub struct Explainer {
    question: Question,
    core: Core,
    history: Vec<Event>,
    seen: bool,
    /// It begins with what a mark kept.
    marked: bool,
    /// When the contact was over.
    over: Option<Time>,
    /// The first entry, where it is not the journal's very first and no mark is before it.
    cut: Option<Seq>,
    last: Option<(Time, Vec<Verdict>)>,
    /// The last entry that was taken in.
    taken: Seq,
    outputs: Vec<Output>,
}

impl Explainer {
    /// Wants the entries that come after [`Beginning::after`].
    pub fn new(question: Question, beginning: Beginning) -> Self {
        let fresh = || Core::new(Options::default());
        Self {
            marked: beginning.found.is_some(),
            over: None,
            question,
            core: beginning.found.map_or_else(fresh, |state| state.core),
            history: Vec::new(),
            seen: false,
            cut: None,
            last: None,
            taken: Seq::default(),
            outputs: Vec::new(),
        }
    }

    /// The last entry that counts.
    pub fn last(&self) -> Seq {
        self.taken
    }

    /// Takes the next entry in; `false`: the time asked about is past, or the contact has long been over, so no
    /// more is needed.
    pub fn take(&mut self, entry: &Entry) -> bool {
        if !self.marked
            && self.core.tenant().is_none()
            && self.history.is_empty()
            && entry.seq.0 > 1
        {
            // What a cut journal has lost is not made up for by the next configuration.
            self.cut.get_or_insert(entry.seq);
        }
        let past = |until: Time| entry.at > until;
        if self
            .question
            .at
            .or(self.over.map(|over| over + AFTERMATH))
            .is_some_and(past)
        {
            return false;
        }
        self.taken = entry.seq;
        let told = self.of_input(&entry.input);
        let mut outputs = std::mem::take(&mut self.outputs);
        decide(&mut self.core, entry, &mut outputs);
        self.follow(entry.at, told, outputs);
        true
    }

    /// What came of an input, and what of it is told.
    fn follow(&mut self, at: Time, told: Option<String>, mut outputs: Vec<Output>) {
        let refused = outputs
            .iter()
            .any(|output| matches!(output, Output::Refused { .. }));
        let mut moved = false;
        if let Some(what) = told.filter(|_| !refused) {
            self.seen = true;
            moved = true;
            self.history.push(Event {
                at: clock(at),
                what,
            });
        }
        for output in outputs.drain(..) {
            if let Output::Ended { contact, .. } = output
                && self.is_it(contact)
            {
                self.over = Some(at);
            }
            if let Some(what) = self.of_output(&output) {
                moved = true;
                self.history.push(Event {
                    at: clock(at),
                    what,
                });
            }
        }
        self.outputs = outputs;
        // While it is here: what is over has no reasons any more.
        let waits = self.core.contact(self.question.contact);
        if moved && waits.is_some_and(|view| !matches!(view.stage, StageView::Talking { .. })) {
            self.last = Some((at, self.verdicts()));
        }
    }

    /// The answer, once the journal is at its end, or the time is past.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn finish(mut self) -> Result<Explanation, NoAnswer> {
        let contact = self.question.contact;
        if let Some(first) = self.cut {
            return Err(NoAnswer::Cut(first.0));
        }
        let (at, mut agents) = match self.question.at {
            Some(at) => {
                if self.core.now() < at {
                    let mut outputs = std::mem::take(&mut self.outputs);
                    self.core.handle(at, Input::Tick, &mut outputs);
                    self.follow(at, None, outputs);
                }
                if !self.seen {
                    let at = clock(at);
                    return Err(NoAnswer::TooEarly { contact, at });
                }
                (at, self.verdicts())
            }
            None => {
                let now = self.core.now();
                match self.last.take() {
                    Some(last) => last,
                    None if self.seen => (now, self.verdicts()),
                    None => return Err(NoAnswer::NoContact(contact)),
                }
            }
        };
        if let Some(agent) = &self.question.agent {
            agents.retain(|verdict| verdict.agent == agent.as_str());
            if agents.is_empty() {
                return Err(NoAnswer::NoAgent(agent.clone()));
            }
        }
        Ok(Explanation {
            contact: contact.0,
            at: clock(at),
            history: self.history,
            agents,
            decided_otherwise: None,
        })
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let wanted = |name: &AgentName| {
            let only = self.question.agent.as_ref();
            only.is_none_or(|only| only == name)
        };
        let agents = self.core.agents().into_iter();
        agents
            .filter(|view| wanted(&view.name))
            .map(|view| {
                let reasons = self.core.explain(self.question.contact, &view.name);
                Verdict {
                    idle_since: (view.idle_since.0 > 0).then(|| clock(view.idle_since)),
                    reasons: reasons.iter().map(words).collect(),
                    agent: view.name.to_string(),
                }
            })
            .collect()
    }

    fn is_it(&self, contact: ContactId) -> bool {
        contact == self.question.contact
    }

    fn of_input(&self, input: &Input) -> Option<String> {
        Some(match input {
            Input::Arrive {
                contact,
                queue,
                priority,
                callable,
                ..
            } if self.is_it(*contact) => {
                let mut what = format!("arrives in {queue}");
                if *priority != 0 {
                    // Writing to a String does not fail.
                    let _ = write!(what, " with priority {priority}");
                }
                if !callable {
                    what += ", from a number that can't be called";
                }
                what
            }
            Input::BookCallback { contact, queue, .. } if self.is_it(*contact) => {
                format!("is booked as a callback in {queue}")
            }
            Input::Consult {
                contact, consult, ..
            } if self.is_it(*consult) => format!("is a consult about contact {contact}"),
            Input::CustomerGone { contact } if self.is_it(*contact) => "the customer goes".into(),
            Input::Dropped { contact, cause } if self.is_it(*contact) => {
                format!("is lost by us: {cause}")
            }
            Input::AgentDone { contact } if self.is_it(*contact) => "the agent ends it".into(),
            Input::Accept { offer } if self.is_it(offer.contact) => {
                format!("offer {offer} is accepted")
            }
            Input::Decline { offer, cause } if self.is_it(offer.contact) => {
                format!("offer {offer} is declined: {cause:?}")
            }
            Input::NotReached { offer, cause } if self.is_it(offer.contact) => {
                format!("its customer is not reached: {cause:?}")
            }
            Input::Transfer { contact, to } if self.is_it(*contact) => {
                format!("is handed over to {}", target(to))
            }
            Input::CallMeBack { contact, .. } if self.is_it(*contact) => {
                "its caller asks to be called back".into()
            }
            Input::Prioritise { contact, priority } if self.is_it(*contact) => {
                format!("has priority {priority} from now on")
            }
            Input::VoicemailLeft { contact, .. } if self.is_it(*contact) => {
                "its caller leaves a message".into()
            }
            Input::Unheard {
                contacts,
                since,
                until,
                ..
            } if contacts.contains(&self.question.contact)
                && self.core.contact(self.question.contact).is_some() =>
            {
                format!(
                    "its media host was not heard from {} to {}: an answer is waited for as much longer",
                    clock(*since),
                    clock(*until)
                )
            }
            // Of shorter ones nobody asks why.
            Input::Stalled { since, until, .. }
                if *until - *since >= Span::seconds(1)
                    && self.core.contact(self.question.contact).is_some() =>
            {
                format!(
                    "nothing was decided from {} to {}: what was due meanwhile is due at its end",
                    clock(*since),
                    clock(*until)
                )
            }
            _ => return None,
        })
    }

    fn of_output(&self, output: &Output) -> Option<String> {
        Some(match output {
            Output::Offer {
                offer,
                agent,
                deadline,
            } if self.is_it(offer.contact) => {
                format!(
                    "is offered to {agent} (offer {offer}) until {}",
                    clock(*deadline)
                )
            }
            Output::CancelOffer { offer, agent, why } if self.is_it(offer.contact) => {
                format!("is taken back from {agent}: {why:?}")
            }
            Output::Waiting { contact, queue } if self.is_it(*contact) => {
                format!("waits in {queue}")
            }
            Output::Step { contact, step } if self.is_it(*contact) => {
                format!("begins step {} of its route", step + 1)
            }
            Output::Overflowed { contact, from, to } if self.is_it(*contact) => {
                format!("goes on from {from} to {to}")
            }
            Output::Answered {
                contact,
                agent,
                wait,
            } if self.is_it(*contact) => {
                format!("talks with {agent}, after {:.1} s", wait.as_secs_f64())
            }
            Output::HandOver { contact, to, .. } if self.is_it(*contact) => {
                format!("is being connected to {}", target(to))
            }
            Output::Consulting { contact, to, .. } if self.is_it(*contact) => {
                format!("is on hold while {} is consulted", target(to))
            }
            Output::ConsultOver { contact, how, .. } if self.is_it(*contact) => match how {
                ConsultEnd::TakenOver { agent, .. } => format!("goes on with {agent}"),
                ConsultEnd::Outside => "goes on with the party outside".into(),
                how => format!("the consult is over: {how:?}"),
            },
            Output::CallbackBooked {
                contact,
                due,
                rescue,
                ..
            } if self.is_it(*contact) => {
                let why = if *rescue { ", because we lost it" } else { "" };
                format!("is to be called back from {}{why}", clock(*due))
            }
            Output::Dial { offer, agent, .. } if self.is_it(offer.contact) => {
                format!("its customer is called for {agent}")
            }
            Output::Ended {
                contact, outcome, ..
            } if self.is_it(*contact) => format!("is over: {}", outcome.word()),
            _ => return None,
        })
    }
}

/// A reason with its times as dates.
fn words(reason: &Reason) -> String {
    match reason {
        Reason::WrappingUp { until } => format!("the agent wraps up until {}", clock(*until)),
        Reason::NotDue { until } => {
            format!("the contact is to be called back at {}", clock(*until))
        }
        Reason::BreakSoon { free_by, expected } => format!(
            "the agent should be free by {}, and {:.0} s of work are expected",
            clock(*free_by),
            expected.as_secs_f64()
        ),
        other => other.to_string(),
    }
}

fn target(to: &Target) -> String {
    match to {
        Target::Queue(queue) => format!("the queue {queue}"),
        Target::Agent(agent) => agent.to_string(),
        Target::Team(team) => format!("the team {team}"),
        Target::Department(department) => format!("the department {department}"),
        Target::Number(_) => "a number outside".into(),
    }
}

/// Answers from a journal that nobody else drives.
///
/// # Errors
/// [`NoAnswer`].
pub fn explain(journal: &mut dyn Journal, question: Question) -> Result<Explanation, NoAnswer> {
    let mut beginning = Beginning::new(question.contact, journal.marks()?);
    while let Some(mark) = beginning.next() {
        beginning.take(journal.marked(mark)?.as_ref());
    }
    let first = beginning.after();
    let mut after = first;
    let mut explainer = Explainer::new(question, beginning);
    loop {
        let entries = journal.read(after, CHUNK)?;
        let Some(last) = entries.last() else {
            break;
        };
        after = last.seq;
        if !entries.iter().all(|entry| explainer.take(entry)) {
            break;
        }
    }
    let last = explainer.last();
    let rules = journal.rules(first, last)?;
    Ok(explainer.finish()?.of_what_was_decided_by(&rules))
}

#[cfg(test)]
mod tests {
    use trunkline_routing::OfferId;

    use super::*;
    use crate::journal::{Context, DatabaseUrl, Location};
    use crate::state::tests::Disorder;
    use crate::testing::database::Server;
    use crate::testing::small_tenant;

    const START: i64 = 1_800_000_000;

    fn moment(second: i64) -> Time {
        Time((START + second) * 1_000_000)
    }

    /// Contact 1 is taken by the first of the agents, who alone is signed in; then months go by.
    fn fill(journal: &mut dyn Journal) {
        let tenant = std::sync::Arc::new(small_tenant());
        let queue = tenant.queues.keys().next().unwrap().clone();
        let sign_in = |agent: &AgentName| Input::SignIn {
            agent: agent.clone(),
            ready: true,
            team: None,
        };
        let mut agents = tenant.agents.keys();
        let first = agents.next().unwrap();
        let offer = OfferId {
            contact: ContactId(1),
            generation: 1,
        };
        let inputs = [
            (
                0,
                Input::Configure {
                    tenant: tenant.clone(),
                },
            ),
            (1, sign_in(first)),
            (
                10,
                Input::Arrive {
                    contact: ContactId(1),
                    queue,
                    since: None,
                    priority: 0,
                    customer: None,
                    callable: true,
                },
            ),
            (12, Input::Accept { offer }),
            (12, Input::Connected { offer }),
            (
                100,
                Input::AgentDone {
                    contact: ContactId(1),
                },
            ),
            (90 * 86_400, Input::Tick),
        ];
        let entries: Vec<Entry> = (1..)
            .zip(inputs)
            .map(|(seq, (second, input))| Entry {
                seq: Seq(seq),
                at: moment(second),
                input,
                context: Context::default(),
            })
            .collect();
        let epoch = journal.acquire("test").unwrap();
        journal.append(epoch, &entries).unwrap();
    }

    /// Where a journal of that kind is, and has nothing in it yet.
    fn says_why(location: &Location) {
        let missing = location.open_to_read().err().unwrap();
        assert!(
            matches!(missing, JournalError::Missing { .. }),
            "{missing:?}"
        );
        let missing = location.open_to_read().err().unwrap();
        assert!(missing.to_string().contains("no journal"), "{missing}");
        fill(location.open().unwrap().as_mut());
        let mut journal = location.open_to_read().unwrap();
        let journal = journal.as_mut();
        let ask = |at: Option<Time>, agent: Option<AgentName>| Question {
            contact: ContactId(1),
            agent,
            at,
        };
        let all = explain(journal, ask(None, None)).unwrap();
        let said: Vec<&str> = all
            .history
            .iter()
            .map(|event| event.what.as_str())
            .collect();
        assert!(said[0].starts_with("arrives in "), "{said:?}");
        assert!(said.iter().any(|what| what.starts_with("is offered to ")));
        assert!(said.last().unwrap().starts_with("is over: answered"));
        let with = all
            .agents
            .iter()
            .filter(|verdict| verdict.reasons[0].starts_with("they are together"));
        assert_eq!(with.count(), 1);
        let ringing = explain(journal, ask(Some(moment(11)), None)).unwrap();
        assert!(ringing.history.len() < all.history.len());
        let before = explain(journal, ask(Some(moment(5)), None)).unwrap_err();
        assert!(matches!(before, NoAnswer::TooEarly { .. }), "{before}");
        let nobody = explain(journal, ask(None, Some("nobody".into()))).unwrap_err();
        assert!(matches!(nobody, NoAnswer::NoAgent(_)), "{nobody}");
        let other = Question {
            contact: ContactId(7),
            agent: None,
            at: None,
        };
        let unknown = explain(journal, other).unwrap_err();
        assert!(matches!(unknown, NoAnswer::NoContact(_)), "{unknown}");
    }

    #[test]
    fn a_journal_that_was_cut_before_there_were_marks_tells_nothing_made_up() {
        let dir = tempfile::tempdir().unwrap();
        let location: Location = dir.path().join("journal.sqlite").into();
        let mut journal = location.open().unwrap();
        fill(journal.as_mut());
        let question = || Question {
            contact: ContactId(1),
            agent: None,
            at: None,
        };
        let entries = journal.read(Seq(0), CHUNK).unwrap();
        let mut whole = Explainer::new(question(), Beginning::new(ContactId(1), Vec::new()));
        let taken: Vec<bool> = entries.iter().map(|entry| whole.take(entry)).collect();
        assert_eq!(taken.last(), Some(&false), "90 days later it is long over");
        assert!(taken[..taken.len() - 1].iter().all(|taken| *taken));
        // Without its beginning, and with a configuration further on.
        let mut cut = Explainer::new(question(), Beginning::new(ContactId(1), Vec::new()));
        let mut again = entries[0].clone();
        again.seq = Seq(2);
        for entry in [&again].into_iter().chain(&entries[2..]) {
            cut.take(entry);
        }
        let told = cut.finish().unwrap_err();
        assert!(matches!(told, NoAnswer::Cut(2)), "{told}");
    }

    /// A day of each of which something is kept; then its beginning is cut.
    fn says_why_once_it_is_cut(location: &Location) {
        let mut day = Disorder::new(5);
        let mut journal = location.open().unwrap();
        let epoch = journal.acquire("test").unwrap();
        let mut written = 0;
        for _ in 0..8 {
            for _ in 0..40 {
                day.step();
            }
            journal.append(epoch, &day.entries[written..]).unwrap();
            written = day.entries.len();
            let snapshot = day.state.snapshot().unwrap();
            journal.save_snapshot(epoch, &snapshot).unwrap();
            journal.mark(epoch, trunkline_routing::Span(1)).unwrap();
        }
        let ask = |journal: &mut dyn Journal, contact| {
            let question = Question {
                contact: ContactId(contact),
                agent: None,
                at: None,
            };
            explain(journal, question)
        };
        let newest = day.state.directory.newest.unwrap().0;
        // Those who asked for a queue that isn't there never arrived.
        let whole: Vec<_> = (1..=newest)
            .filter_map(|contact| ask(journal.as_mut(), contact).ok())
            .collect();
        let marks = journal.marks().unwrap();
        let middle = day.entries[usize::try_from(marks[3].0).unwrap()].at;
        while journal.cut(epoch, middle, 500).unwrap().entries > 0 {}
        assert_eq!(journal.marks().unwrap(), marks[3..]);
        let (mut told, mut cut) = (0, 0);
        for before in whole {
            match ask(journal.as_mut(), before.contact) {
                Ok(after) => {
                    assert_eq!(after, before);
                    told += 1;
                }
                Err(NoAnswer::Cut(first)) => {
                    assert_eq!(Seq(first), marks[3].next());
                    assert_eq!(told, 0, "the elder are gone");
                    cut += 1;
                }
                Err(other) => panic!("{}: {other}", before.contact),
            }
        }
        assert!(told > 20 && cut > 20, "{told} told, {cut} cut");
    }

    #[test]
    fn rule_15_a_journal_whose_beginning_is_cut_answers_from_a_mark_as_it_did_before() {
        let dir = tempfile::tempdir().unwrap();
        says_why_once_it_is_cut(&dir.path().join("journal.sqlite").into());
        let url = DatabaseUrl::new(&Server::shared().database(), None).unwrap();
        says_why_once_it_is_cut(&Location::Postgres(url));
    }

    /// By the rules of now all is told as it was; then they are said to have been others.
    fn says_by_which_rules(location: &Location, alter: impl Fn(&str)) {
        fill(location.open().unwrap().as_mut());
        let told = |second| {
            let mut journal = location.open_to_read().unwrap();
            let question = Question {
                contact: ContactId(1),
                agent: None,
                at: Some(moment(second)),
            };
            let told = explain(journal.as_mut(), question);
            told.unwrap().decided_otherwise
        };
        assert_eq!(told(11), None);
        let ours = trunkline_routing::RULES;
        // Another release with the same rules.
        alter("UPDATE ruled SET release = '0.0.9'");
        assert_eq!(told(11), None);
        alter("UPDATE ruled SET revision = revision + 7");
        let said = told(11).unwrap();
        let other = format!("release 0.0.9 by revision {} of the rules", ours + 7);
        assert!(said.contains(&other), "{said}");
        let us = format!("release {} with revision {ours}", env!("CARGO_PKG_VERSION"));
        assert!(said.contains(&us), "{said}");
        // What came after the time asked about doesn't matter.
        alter(
            "UPDATE ruled SET revision = revision - 7; UPDATE entry SET epoch = 99 WHERE seq > 3",
        );
        assert_eq!(told(11), None);
        let said = told(13).unwrap();
        assert!(said.contains("kept no word of its rules"), "{said}");
        alter("DROP TABLE ruled");
        assert!(told(11).unwrap().contains("kept no word of its rules"));
    }

    #[test]
    fn rule_15_whoever_asks_is_told_that_other_rules_decided_then_and_not_where_the_rules_are_the_same()
     {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        says_by_which_rules(&path.clone().into(), |statements| {
            let file = rusqlite::Connection::open(&path).unwrap();
            file.execute_batch(statements).unwrap();
        });
        let database = Server::shared().database();
        let url = DatabaseUrl::new(&database, None).unwrap();
        says_by_which_rules(&Location::Postgres(url), |statements| {
            let mut admin = postgres::Client::connect(&database, postgres::NoTls).unwrap();
            admin.batch_execute(statements).unwrap();
        });
    }

    #[test]
    fn rule_15_a_journal_alone_says_months_later_why_a_contact_went_to_an_agent() {
        let dir = tempfile::tempdir().unwrap();
        says_why(&dir.path().join("journal.sqlite").into());
    }

    #[test]
    fn rule_15_a_database_says_so_too_while_an_engine_leads_with_it_and_is_not_written_to() {
        let url = DatabaseUrl::new(&Server::shared().database(), None).unwrap();
        let location = Location::Postgres(url);
        says_why(&location);
        let mut leader = location.open().unwrap();
        let epoch = leader.acquire("leads").unwrap();
        let mut reader = location.open_to_read().unwrap();
        assert_eq!(reader.read(Seq(0), CHUNK).unwrap().len(), 7);
        assert_eq!(reader.leadership().unwrap().epoch, epoch);
        assert_eq!(leader.beat(epoch).ok(), Some(()));
    }
}
