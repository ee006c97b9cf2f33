//! The sockets by which agents' desks are connected: a few of each agent, and none that doesn't read.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Message;
use futures::{Sink, SinkExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;
use trunkline_tenant::crds::AgentName;

use crate::run::SILENCE;

/// So many an agent may have open: a desk in several tabs, and some that were lost on the way and don't know it yet.
pub(super) const MOST: usize = 8;

/// Who listens no more, or reads so slowly that it comes to the same.
#[derive(Debug)]
pub(super) struct Gone;

/// Sends within the time after which a silent desk is taken for gone.
pub(super) async fn deliver(
    socket: &mut (impl Sink<Message> + Unpin),
    message: Message,
) -> Result<(), Gone> {
    match timeout(SILENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// The sockets that are open.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// Eldest first; each is closed by dropping what stands for it here.
    of: BTreeMap<AgentName, VecDeque<(u64, oneshot::Sender<Infallible>)>>,
}

/// One of them, for as long as it is open.
pub(super) struct Place {
    sockets: Sockets,
    agent: AgentName,
    number: u64,
    closed: oneshot::Receiver<Infallible>,
}

impl Sockets {
    /// Another of the agent's. Where there are as many as there may be, the eldest is closed.
    pub(super) fn open(&self, agent: &AgentName) -> Place {
        let (close, closed) = oneshot::channel();
        let mut open = self.table();
        open.next += 1;
        let number = open.next;
        let theirs = open.of.entry(agent.clone()).or_default();
        theirs.push_back((number, close));
        if theirs.len() > MOST {
            theirs.pop_front();
        }
        Place {
            sockets: self.clone(),
            agent: agent.clone(),
            number,
            closed,
        }
    }

    fn table(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns once it is to be closed.
    pub(super) async fn taken(&mut self) {
        // Nothing is ever sent: an error says that the other end is gone.
        let _ = (&mut self.closed).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sockets.table();
        if let Some(theirs) = open.of.get_mut(&self.agent) {
            theirs.retain(|(number, _)| *number != self.number);
            if theirs.is_empty() {
                open.of.remove(&self.agent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::channel::mpsc;

    use super::*;

    #[test]
    fn the_eldest_socket_of_an_agent_who_has_too_many_is_closed_and_no_others() {
        let sockets = Sockets::default();
        let (maria, noah) = ("maria".into(), "noah".into());
        let mut other = sockets.open(&noah);
        let mut places: Vec<Place> = (0..MOST).map(|_| sockets.open(&maria)).collect();
        let is_taken = |place: &mut Place| place.taken().now_or_never().is_some();
        assert!(!places.iter_mut().any(is_taken));
        places.push(sockets.open(&maria));
        let taken: Vec<bool> = places.iter_mut().map(is_taken).collect();
        assert_eq!(taken.iter().position(|taken| *taken), Some(0));
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
        assert!(!is_taken(&mut other));
        // Those that have ended count no more, and nothing of them is kept.
        places.clear();
        let mut last = sockets.open(&maria);
        assert!(!is_taken(&mut last));
        drop((last, other));
        assert!(sockets.table().of.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_desk_that_does_not_read_is_let_go_once_it_is_silent_for_too_long() {
        let (mut sink, mut desk) = mpsc::channel(1);
        let ping = || Message::Ping(Vec::new().into());
        deliver(&mut sink, ping()).await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(deliver(&mut sink, ping()).await.is_err());
        assert_eq!(began.elapsed(), SILENCE);
        // One that reads is not.
        assert!(futures::StreamExt::next(&mut desk).await.is_some());
    }
}
