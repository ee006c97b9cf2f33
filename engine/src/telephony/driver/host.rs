//! One media host's connection: connect, list, then events; list again every ten seconds; connect
//! again when it breaks, unless another leader is at work.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval_at, sleep};
use trunkline_routing::Time;

use super::super::ari::{Ari, AriError, Event, EventStream, HostName, StreamEnd};
use super::adopt::Listing;
use super::clock;

const COMPARE_EVERY: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_AT_MOST: Duration = Duration::from_secs(2);

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
    /// Connected; this is what is there. Events follow.
    Connected(Listing),
    /// What is there now.
    Listed(Listing),
    /// In order, none missed since `Connected`.
    Event(Box<Event>),
    /// Broken; it is tried again.
    Lost(String),
    /// Another leader is at work.
    Final(String),
}

/// Runs until dropped, or another leader is at work.
pub(crate) async fn run(ari: Ari, tell: mpsc::UnboundedSender<(HostName, FromHost)>) {
    let host = ari.host().name.clone();
    let mut retry = RETRY_FIRST;
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
        sleep(retry).await;
        retry = (retry * 2).min(RETRY_AT_MOST);
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
    retry: &mut Duration,
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
    retry: &mut Duration,
) -> Result<std::convert::Infallible, Ended> {
    let host = &ari.host().name;
    // The socket first: what happens while we list is queued, and applied after the listing.
    let mut events: EventStream = ari.events().await?;
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
    send(FromHost::Connected(listing))?;
    // Only now: an Asterisk that just boots may refuse the listing, and be asked again.
    *started = Some(began);
    *retry = RETRY_FIRST;
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
