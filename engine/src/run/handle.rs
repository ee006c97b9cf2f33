//! How the API, the configuration and the tests speak to the main loop.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use trunkline_routing::{ContactId, Input, Output, Segment, Target, Time, Window};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::AgentName;

use super::presence::Beats;
use crate::explain::{Beginning, Explainer, Explanation, NoAnswer, Question};
use crate::figures::{Figure, Figures};
use crate::journal::{Context, Entry, Epoch, JournalError, Names, Rows, Seq, Writer};
use crate::state::State;
use crate::telephony::CallAudio;
use crate::telephony::ari::HostName;

/// Decisions that a slow subscriber may lag behind before it loses some.
const DECISIONS: usize = 4096;
/// Requests that may wait for the journal; more are told to come again.
const REQUESTS: usize = 4096;

/// One entry of the journal with everything that the core made of it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its place.
    pub seq: Seq,
    /// When.
    pub at: Time,
    /// What happened.
    pub input: Input,
    /// What stands beside it.
    pub context: Context,
    /// What the core asks for, in order.
    pub outputs: Vec<Output>,
}

impl Decision {
    /// Why the core would not have the input, if it would not.
    pub fn refused(&self) -> Option<&str> {
        self.outputs.iter().find_map(|output| match output {
            Output::Refused { why } => Some(why.as_str()),
            _ => None,
        })
    }
}

/// A contact that comes through the API.
#[derive(Clone, Debug)]
pub struct Arriving {
    /// Where to.
    pub queue: QueueId,
    /// Beside the queue's priority.
    pub priority: i32,
    /// Who it is from.
    pub customer: Option<String>,
    /// What stands beside it.
    pub context: Context,
}

/// An input that makes a new contact: the main loop numbers it.
#[derive(Clone, Debug)]
pub enum Fresh {
    /// An agent asks somebody else.
    Consult {
        /// About this contact.
        contact: ContactId,
        /// Whom.
        to: Target,
    },
    /// A callback is booked.
    Callback(Booking),
}

/// A callback to be booked; see [`Input::BookCallback`].
#[derive(Clone, Debug)]
pub struct Booking {
    /// Where agents are sought.
    pub queue: QueueId,
    /// The number to call.
    pub customer: String,
    /// Not before.
    pub due: Option<Time>,
    /// When the customer may be called.
    pub window: Option<Window>,
    /// Who is tried first.
    pub agent: Option<AgentName>,
    /// Beside the queue's priority.
    pub priority: i32,
}

impl Fresh {
    pub(crate) fn numbered(self, number: ContactId) -> Input {
        match self {
            Self::Consult { contact, to } => Input::Consult {
                contact,
                consult: number,
                to,
            },
            Self::Callback(booking) => Input::BookCallback {
                contact: number,
                queue: booking.queue,
                customer: booking.customer,
                due: booking.due,
                window: booking.window,
                agent: booking.agent,
                priority: booking.priority,
            },
        }
    }
}

/// The contact's number, and its decision where it is new.
pub(crate) type Arrived = Result<(ContactId, Option<Arc<Decision>>), NotTaken>;

/// What the main loop is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// Journal this and decide.
    Submit {
        input: Box<Input>,
        context: Context,
        answer: oneshot::Sender<Result<Arc<Decision>, NotTaken>>,
    },
    /// Number this, journal it and decide.
    SubmitFresh {
        fresh: Box<Fresh>,
        context: Context,
        answer: oneshot::Sender<Result<Arc<Decision>, NotTaken>>,
    },
    /// Number a contact, journal its arrival, decide. The same live reference gives the same
    /// number, and no decision.
    Arrive {
        arriving: Box<Arriving>,
        answer: oneshot::Sender<Arrived>,
    },
    /// An agent's desk is there again, which was thought gone.
    Back(AgentName),
    /// Delete the message that a contact's caller left.
    ForgetMessage {
        contact: ContactId,
        host: HostName,
        answer: mpsc::Sender<bool>,
    },
    /// Fetch the message that a contact's caller left.
    Message {
        contact: ContactId,
        answer: mpsc::Sender<Vec<u8>>,
    },
    /// Have a call's audio counted.
    Measure {
        contact: ContactId,
        answer: mpsc::Sender<CallAudio>,
    },
}

/// Why a request was not even put to the core.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// This engine doesn't lead, or no longer.
    #[error("this engine does not lead the tenant now: ask again in a second")]
    NotLeading,
    /// Too much waits for the journal.
    #[error("{REQUESTS} requests wait for the journal: ask again in a second")]
    Overloaded,
}

/// What an engine is at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Reads its configuration, waits for the Lease or the lock.
    #[default]
    Standby,
    /// Replays its journal.
    Recovering,
    /// Leads.
    Leading(Epoch),
    /// Another engine leads, or the process ends.
    Ended,
}

/// The main loop, from outside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<(Instant, Request)>,
    state: Arc<RwLock<State>>,
    decisions: broadcast::Sender<Arc<Decision>>,
    role: watch::Receiver<Role>,
    journal: Arc<OnceLock<Weak<Writer>>>,
    figures: Arc<RwLock<Figures>>,
    names: Names,
    beats: Beats,
}

/// The main loop's ends of a [`Handle`].
#[derive(Debug)]
pub(crate) struct Ends {
    /// And when each was made.
    pub(crate) requests: mpsc::Receiver<(Instant, Request)>,
    pub(crate) state: Arc<RwLock<State>>,
    pub(crate) decisions: broadcast::Sender<Arc<Decision>>,
    pub(crate) role: watch::Sender<Role>,
    /// Set once the journal is open; weak, so that its lock ends with the main loop.
    pub(crate) journal: Arc<OnceLock<Weak<Writer>>>,
    handle: Handle,
}

impl Ends {
    pub(crate) fn figures(&self) -> RwLockWriteGuard<'_, Figures> {
        let figures = &self.handle.figures;
        figures.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn beats(&self) -> &Beats {
        &self.handle.beats
    }

    /// Another handle on the same main loop.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Handle {
    pub(crate) fn new() -> (Self, Ends) {
        let (requests, taken) = mpsc::channel(REQUESTS);
        let (decisions, _) = broadcast::channel(DECISIONS);
        let (role, role_seen) = watch::channel(Role::Standby);
        let state = Arc::new(RwLock::new(State::default()));
        let handle = Self {
            requests,
            state: Arc::clone(&state),
            decisions: decisions.clone(),
            role: role_seen,
            journal: Arc::default(),
            figures: Arc::default(),
            names: Names::default(),
            beats: Beats::default(),
        };
        let ends = Ends {
            requests: taken,
            state,
            decisions,
            role,
            journal: Arc::clone(&handle.journal),
            handle: handle.clone(),
        };
        (handle, ends)
    }

    /// Journals an input and waits for what the core makes of it.
    ///
    /// # Errors
    /// [`NotTaken`]; a refusal by the core is in the decision.
    pub async fn submit(&self, input: Input, context: Context) -> Result<Arc<Decision>, NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Submit {
            input: Box::new(input),
            context,
            answer,
        })?;
        answered.await.map_err(|_| NotTaken::NotLeading)?
    }

    /// Journals what makes a new contact, under the next number, and waits for what the core makes
    /// of it.
    ///
    /// # Errors
    /// As [`Handle::submit`].
    pub async fn submit_fresh(
        &self,
        fresh: Fresh,
        context: Context,
    ) -> Result<Arc<Decision>, NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::SubmitFresh {
            fresh: Box::new(fresh),
            context,
            answer,
        })?;
        answered.await.map_err(|_| NotTaken::NotLeading)?
    }

    /// Brings a contact in; repeated under the same live reference it is the same contact.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn arrive(
        &self,
        arriving: Arriving,
    ) -> Result<(ContactId, Option<Arc<Decision>>), NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Arrive {
            arriving: Box::new(arriving),
            answer,
        })?;
        answered.await.map_err(|_| NotTaken::NotLeading)?
    }

    /// The agent's desk is there. Not journalled, unless it was thought gone.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn heartbeat(&self, agent: AgentName) -> Result<(), NotTaken> {
        self.leads()?;
        let thought_gone = (self.state().directory.agents.get(&agent))
            .is_some_and(|view| view.signed_in && !view.alive);
        self.beats.heard(agent.clone());
        if thought_gone {
            self.ask(Request::Back(agent))?;
        }
        Ok(())
    }

    /// A call's audio, as the media server counts it; `None` where it is no call, or no longer.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn measure(&self, contact: ContactId) -> Result<Option<CallAudio>, NotTaken> {
        let (answer, mut answered) = mpsc::channel(1);
        self.ask(Request::Measure { contact, answer })?;
        Ok(answered.recv().await)
    }

    /// The message that a contact's caller left, a WAV file; `None` where there is none, or none any more.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn message(&self, contact: ContactId) -> Result<Option<Vec<u8>>, NotTaken> {
        let (answer, mut answered) = mpsc::channel(1);
        self.ask(Request::Message { contact, answer })?;
        Ok(answered.recv().await)
    }

    /// Deletes the message that a contact's caller left; `false` where its media host can't be asked.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn forget_message(
        &self,
        contact: ContactId,
        host: HostName,
    ) -> Result<bool, NotTaken> {
        let (answer, mut answered) = mpsc::channel(1);
        self.ask(Request::ForgetMessage {
            contact,
            host,
            answer,
        })?;
        Ok(answered.recv().await.unwrap_or(false))
    }

    /// The contacts of a customer, by our name for them, whose callers left a message, and the media hosts that keep it. Reads
    /// the journal once through.
    ///
    /// # Errors
    /// [`NotTaken`], where no journal is open here, or it can't be read.
    pub async fn messages_of(
        &self,
        customer: &str,
    ) -> Result<Vec<(ContactId, HostName)>, NotTaken> {
        let mut theirs = BTreeSet::new();
        let mut left = Vec::new();
        let read = self
            .replay(Seq::default(), |entry| {
                match &entry.input {
                    Input::Arrive {
                        contact,
                        customer: Some(from),
                        ..
                    }
                    | Input::BookCallback {
                        contact,
                        customer: from,
                        ..
                    } if from == customer => drop(theirs.insert(*contact)),
                    Input::VoicemailLeft {
                        contact, recording, ..
                    } if theirs.contains(contact) => {
                        let host = recording.split('/').next().unwrap_or_default();
                        left.push((*contact, HostName::new(host)));
                    }
                    _ => {}
                }
                true
            })
            .await?;
        unread(read)?;
        Ok(left)
    }

    /// Whether the main loop takes anything in: this engine leads.
    ///
    /// # Errors
    /// [`NotTaken::NotLeading`].
    pub fn leads(&self) -> Result<(), NotTaken> {
        match *self.role.borrow() {
            Role::Leading(_) => Ok(()),
            _ => Err(NotTaken::NotLeading),
        }
    }

    fn ask(&self, request: Request) -> Result<(), NotTaken> {
        self.leads()?;
        self.requests
            .try_send((Instant::now(), request))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => NotTaken::Overloaded,
                mpsc::error::TrySendError::Closed(_) => NotTaken::NotLeading,
            })
    }

    /// The live state. Hold it shortly: the main loop waits.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The figures of today, up to a moment.
    pub fn today(&self, now: Time) -> Vec<Figure> {
        // In the main loop's order, and both at once: no row is counted twice, or not at all.
        let figures = self.figures.read().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        figures.today(&state, now)
    }

    /// The complete stretches of a contact, from the journal.
    ///
    /// # Errors
    /// [`NotTaken`], where no journal is open here, or it can't be read.
    pub async fn record(&self, contact: ContactId) -> Result<Vec<Segment>, NotTaken> {
        unread(self.journal()?.record(contact.0).await)
    }

    /// Our names for a customer, by the text that identifies them, if they ever came and are not
    /// erased. See [`Writer::find_customer`].
    ///
    /// # Errors
    /// [`NotTaken`], where no journal is open here, or it can't be read.
    pub async fn find_customer(&self, text: &str) -> Result<Vec<String>, NotTaken> {
        unread(self.journal()?.find_customer(text.to_owned()).await)
    }

    fn journal(&self) -> Result<Arc<Writer>, NotTaken> {
        let journal = self.journal.get().and_then(Weak::upgrade);
        journal.ok_or(NotTaken::NotLeading)
    }

    /// Who our names for customers stand for.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Shows, part by part, the rows of contacts, of agents' time and of their rotas that touch what is between two moments:
    /// the complete ones from the journal, and then those that are open, up to `now`.
    ///
    /// # Errors
    /// As [`Handle::record`].
    pub async fn each_rows(
        &self,
        within: (Time, Time),
        now: Time,
        mut take: impl FnMut(Rows) + Send,
    ) -> Result<(), NotTaken> {
        let journal = self.journal()?;
        // First: what completes meanwhile is in both, and is told by its key.
        let mut open = self.state().open_rows(now);
        let complete = |rows: Rows| {
            open.leave_out(&rows);
            take(rows);
        };
        unread(journal.each_rows(within, complete).await)?;
        take(open);
        Ok(())
    }

    /// Shows the journal's entries behind one in order, until one is not wanted.
    async fn replay(
        &self,
        mut after: Seq,
        mut take: impl FnMut(&Entry) -> bool,
    ) -> Result<Result<(), JournalError>, NotTaken> {
        // The journal's thread commits between two such reads: a commit waits a millisecond or two.
        const READ: usize = 256;
        let journal = self.journal()?;
        loop {
            let entries = match journal.read(after, READ).await {
                Ok(entries) => entries,
                Err(error) => return Ok(Err(error)),
            };
            let Some(last) = entries.last() else {
                return Ok(Ok(()));
            };
            after = last.seq;
            if !entries.iter().all(&mut take) {
                return Ok(Ok(()));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Why a contact went, or did not go, to agents: from the journal alone.
    ///
    /// # Errors
    /// [`NoAnswer`]; [`NotTaken`] inside, where no journal is open here.
    pub async fn explain(
        &self,
        question: Question,
    ) -> Result<Result<Explanation, NoAnswer>, NotTaken> {
        let journal = self.journal()?;
        let start = async {
            let mut beginning = Beginning::new(question.contact, journal.marks().await?);
            while let Some(mark) = beginning.next() {
                beginning.take(journal.marked(mark).await?.as_ref());
            }
            Ok::<_, JournalError>(beginning)
        };
        let beginning = match start.await {
            Ok(beginning) => beginning,
            Err(error) => return Ok(Err(error.into())),
        };
        let after = beginning.after();
        let mut explainer = Explainer::new(question, beginning);
        let read = self.replay(after, |entry| explainer.take(entry)).await?;
        let rules = match read {
            Ok(()) => journal.rules(after, explainer.last()).await,
            Err(error) => Err(error),
        };
        Ok(match rules {
            Ok(rules) => (explainer.finish()).map(|told| told.of_what_was_decided_by(&rules)),
            Err(error) => Err(error.into()),
        })
    }

    /// Every decision from now on.
    pub fn decisions(&self) -> broadcast::Receiver<Arc<Decision>> {
        self.decisions.subscribe()
    }

    /// What the engine is at.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }
}

fn unread<T>(read: Result<T, JournalError>) -> Result<T, NotTaken> {
    read.map_err(|error| {
        tracing::error!(%error, "the journal could not be read");
        NotTaken::NotLeading
    })
}
