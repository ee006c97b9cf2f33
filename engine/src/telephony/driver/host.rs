//! One media host's connection: connect, list, then events; list again every ten seconds; connect
//! again when it breaks, unless another leader is at work.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use trunkline_routing::Time;

use super::super::ari::{
    Ari, AriError, Event, EventStream, HANDSHAKE_TIMEOUT, HostName, StreamEnd,
};
use super::adopt::Listing;
use super::clock;

const COMPARE_EVERY: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_AT_MOST: Duration = Duration::from_secs(2);
/// A handshake that is given less time than it takes, each time anew, never comes about. One that takes longer than this is
/// not worth waiting for: the host is taken for dead after three of them.
const PATIENCE_AT_MOST: Duration = Duration::from_secs(5);

/// What we have no use for; `ChannelVarset` and `ChannelDialplan` are most of the traffic.
const UNWANTED: &[&str] = &[
    "ChannelVarset",
    "ChannelDialplan",
    "ChannelCallerId",
    "ChannelConnectedLine",
    "DeviceStateChanged",
    // The endpoints' subscription brings these; EndpointStateChange says all that we ask.
    "ChannelCreated",
    "ContactStatusChange",
    "PeerStatusChange",
];

/// What a connection tells the driver.
#[derive(Debug)]
pub(crate) enum FromHost {
    /// Connected; this is what is there, and when something came last. Events follow.
    Connected(Listing, watch::Receiver<Instant>),
    /// What is there now.
    Listed(Listing),
    /// In order, none missed since `Connected`.
    Event(Box<Event>),
    /// Broken; it is tried again.
    Lost(String),
    /// Another leader is at work.
    Final(String),
}

/// How a host is tried again that can't be reached.
struct Retry {
    after: Duration,
    /// How long the next handshake may take.
    patience: Duration,
}

impl Retry {
    const FIRST: Self = Self {
        after: RETRY_FIRST,
        patience: HANDSHAKE_TIMEOUT,
    };

    fn next(&self) -> Self {
        Self {
            after: (self.after * 2).min(RETRY_AT_MOST),
            patience: (self.patience * 2).min(PATIENCE_AT_MOST),
        }
    }
}

/// Runs until dropped, or another leader is at work.
pub(crate) async fn run(ari: Ari, tell: mpsc::UnboundedSender<(HostName, FromHost)>) {
    let host = ari.host().name.clone();
    let mut retry = Retry::FIRST;
    let mut started = None;
    loop {
        let why = match session(&ari, &tell, &mut started, &mut retry).await {
            Ended::Stream(end) if end.is_final() => {
                let _ = tell.send((host, FromHost::Final(end.to_string())));
                return;
            }
            Ended::Command(error @ AriError::Fenced { .. }) => {
                let _ = tell.send((host, FromHost::Final(error.to_string())));
                return;
            }
            Ended::Stream(end) => end.to_string(),
            Ended::Command(error) => error.to_string(),
            Ended::NobodyListens => return,
        };
        if tell.send((host.clone(), FromHost::Lost(why))).is_err() {
            return;
        }
        sleep(retry.after).await;
        retry = retry.next();
    }
}

enum Ended {
    Stream(StreamEnd),
    Command(AriError),
    NobodyListens,
}

impl From<StreamEnd> for Ended {
    fn from(end: StreamEnd) -> Self {
        Self::Stream(end)
    }
}

impl From<AriError> for Ended {
    fn from(error: AriError) -> Self {
        Self::Command(error)
    }
}

async fn session(
    ari: &Ari,
    tell: &mpsc::UnboundedSender<(HostName, FromHost)>,
    started: &mut Option<Time>,
    retry: &mut Retry,
) -> Ended {
    match converse(ari, tell, started, retry).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

async fn converse(
    ari: &Ari,
    tell: &mpsc::UnboundedSender<(HostName, FromHost)>,
    started: &mut Option<Time>,
    retry: &mut Retry,
) -> Result<std::convert::Infallible, Ended> {
    let host = &ari.host().name;
    // The socket first: what happens while we list is queued, and applied after the listing.
    let mut events: EventStream = ari.events_within(retry.patience).await?;
    ari.refuse_events(UNWANTED).await?;
    ari.subscribe("endpoint:PJSIP").await?;
    let began = Time(ari.info().await?.status.startup_time.timestamp_micros());
    let mut listing = list(ari).await?;
    listing.restarted = started.is_some_and(|before| before != began);
    listing.started = Some(began);
    let send = |what| {
        tell.send((host.clone(), what))
            .map_err(|_| Ended::NobodyListens)
    };
    send(FromHost::Connected(listing, events.heard()))?;
    // Only now: an Asterisk that just boots may refuse the listing, and be asked again.
    *started = Some(began);
    *retry = Retry::FIRST;
    let mut compare = interval_at(tokio::time::Instant::now() + COMPARE_EVERY, COMPARE_EVERY);
    compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            event = events.next() => send(FromHost::Event(Box::new(event?)))?,
            _ = compare.tick() => send(FromHost::Listed(list(ari).await?))?,
        }
    }
}

async fn list(ari: &Ari) -> Result<Listing, AriError> {
    let begun: Time = clock();
    let (channels, bridges, endpoints) =
        tokio::join!(ari.channels(), ari.bridges(), ari.endpoints());
    Ok(Listing {
        begun,
        channels: channels?,
        bridges: bridges?,
        endpoints: endpoints?,
        restarted: false,
        started: None,
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::timeout;
    use tokio_tungstenite::accept_async;

    use super::*;

    /// Takes this long for each handshake, and speaks nothing after it.
    async fn slow_by(takes: Duration) -> Ari {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    sleep(takes).await;
                    drop(accept_async(tcp).await);
                });
            }
        });
        Ari::of_test(&format!("http://{address}/ari"))
    }

    #[test]
    fn a_host_that_is_tried_again_is_given_more_time_and_not_for_ever_more() {
        let mut retry = Retry::FIRST;
        let mut given = Vec::new();
        for _ in 0..5 {
            given.push(retry.patience.as_secs());
            retry = retry.next();
        }
        assert_eq!(given, [1, 2, 4, 5, 5]);
    }

    #[tokio::test]
    async fn a_host_too_slow_for_the_first_handshake_is_told_so_and_is_in_time_for_a_later_one() {
        let ari = slow_by(Duration::from_millis(1_400)).await;
        let (tell, mut told) = mpsc::unbounded_channel();
        let running = tokio::spawn(run(ari, tell));
        let mut lost = async || match timeout(Duration::from_secs(20), told.recv()).await {
            Ok(Some((_, FromHost::Lost(why)))) => why,
            other => panic!("{other:?}"),
        };
        let why = lost().await;
        assert!(why.ends_with("did not answer the handshake in 1s"), "{why}");
        // It is through, and asks what this one has no answer to.
        let why = lost().await;
        assert!(why.starts_with("PUT applications/acd/eventFilter"), "{why}");
        running.abort();
    }
}
