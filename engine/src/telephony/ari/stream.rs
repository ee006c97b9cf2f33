//! The event socket of one host. Asterisk drops a client whose socket it can't write to for its
//! `websocket_write_timeout` (100 ms by default), so a task of its own does nothing but read
//! and queue. A host that has gone silent is noticed by pings, not by TCP, in three seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

use super::error::StreamEnd;
use super::event::{Event, EventKind};
use super::rest::Ari;

const PING_EVERY: Duration = Duration::from_millis(700);
/// Three pings unanswered. It is judged at the next ping, so noticed within 2.9 s.
const SILENT_AFTER: Duration = Duration::from_millis(2_200);
/// The kernel of a host that lives answers at once, however busy its Asterisk is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an Asterisk that has time to run may take for the handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);
/// Events that wait for us. Beyond this the engine is not keeping up: it is said once per doubling.
const BACKLOG_WARNING: usize = 4_096;

/// The events of one connection, in order; then why it ended.
#[derive(Debug)]
pub struct EventStream {
    queue: mpsc::UnboundedReceiver<Event>,
    backlog: Backlog,
    heard: watch::Receiver<Instant>,
    end: Option<oneshot::Receiver<StreamEnd>>,
    reader: tokio::task::JoinHandle<()>,
}

/// How many events have been read from the socket and not yet taken.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    /// The count now.
    pub fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Ari {
    /// Connects the event socket under the host's app name. Whoever was connected under it is
    /// replaced. From here on nothing is missed; what was before must be listed.
    ///
    /// # Errors
    /// [`StreamEnd`]: the same reasons that end a stream later.
    pub async fn events(&self) -> Result<EventStream, StreamEnd> {
        self.events_within(HANDSHAKE_TIMEOUT).await
    }

    /// As [`Self::events`], of a host that may take so long for the handshake.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub async fn events_within(&self, patience: Duration) -> Result<EventStream, StreamEnd> {
        let socket = self.connect_events(patience).await?;
        let (sender, queue) = mpsc::unbounded_channel();
        let (tell_end, end) = oneshot::channel();
        let (hears, heard) = watch::channel(Instant::now());
        let backlog = Backlog::default();
        let host = self.host().name.clone();
        let counted = backlog.clone();
        let reader = tokio::spawn(async move {
            let why = read(socket, host.as_str(), &sender, &counted, &hears).await;
            // The receiver is gone where the stream was dropped: nobody asks why any more.
            let _ = tell_end.send(why);
        });
        Ok(EventStream {
            queue,
            backlog,
            heard,
            end: Some(end),
            reader,
        })
    }

    async fn connect_events(
        &self,
        patience: Duration,
    ) -> Result<WebSocketStream<TcpStream>, StreamEnd> {
        let base = self.base();
        let address = format!(
            "{}:{}",
            base.host_str().unwrap_or_default(),
            base.port_or_known_default().unwrap_or(80)
        );
        let connect = |source| StreamEnd::Connect {
            address: address.clone(),
            source,
        };
        let late = |what, patience| StreamEnd::TimedOut {
            address: address.clone(),
            what,
            patience,
        };
        let tcp = timeout(CONNECT_TIMEOUT, TcpStream::connect(&address))
            .await
            .map_err(|_| late("a connection", CONNECT_TIMEOUT))?
            .map_err(connect)?;
        tcp.set_nodelay(true).map_err(connect)?;

        let handshake = |error: tungstenite::Error| match &error {
            tungstenite::Error::Http(response) if response.status() == 401 => StreamEnd::Fenced,
            _ => StreamEnd::Handshake {
                address: address.clone(),
                source: Box::new(error),
            },
        };
        let host = self.host();
        let mut url = base.clone();
        // Our own `Ari::new` lets only http through, which may become ws.
        let _ = url.set_scheme("ws");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push("events");
        }
        url.query_pairs_mut()
            .append_pair("app", &host.app)
            .append_pair("subscribeAll", "false");
        let mut request = url.as_str().into_client_request().map_err(handshake)?;
        let credentials = base64::engine::general_purpose::STANDARD
            .encode(format!("{}:{}", host.user, host.password));
        let header = format!("Basic {credentials}").parse().map_err(
            |error: http::header::InvalidHeaderValue| {
                handshake(tungstenite::Error::HttpFormat(error.into()))
            },
        )?;
        request
            .headers_mut()
            .insert(http::header::AUTHORIZATION, header);
        let (socket, _) = timeout(patience, tokio_tungstenite::client_async(request, tcp))
            .await
            .map_err(|_| late("the handshake", patience))?
            .map_err(handshake)?;
        Ok(socket)
    }
}

impl EventStream {
    /// The next event, or why there will be none.
    ///
    /// # Errors
    /// [`StreamEnd`], once; after it `Closed`.
    pub async fn next(&mut self) -> Result<Event, StreamEnd> {
        if let Some(event) = self.queue.recv().await {
            self.backlog.0.fetch_sub(1, Ordering::Relaxed);
            return Ok(event);
        }
        Err(match self.end.take() {
            Some(end) => end.await.unwrap_or(StreamEnd::Closed(None)),
            None => StreamEnd::Closed(None),
        })
    }

    /// When something came last, were it only the answer to a ping.
    pub fn heard(&self) -> watch::Receiver<Instant> {
        self.heard.clone()
    }

    /// The gauge of what waits.
    pub fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    mut socket: WebSocketStream<TcpStream>,
    host: &str,
    sender: &mpsc::UnboundedSender<Event>,
    backlog: &Backlog,
    hears: &watch::Sender<Instant>,
) -> StreamEnd {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let mut warn_at = BACKLOG_WARNING;
    loop {
        let frame = tokio::select! {
            // What has come is read before anybody is said to be silent.
            biased;
            frame = socket.next() => frame,
            due = ping.tick() => {
                if due.elapsed() >= PING_EVERY {
                    // We were paused, and so asked for nothing meanwhile: it has as long as ever to answer. Nor is our pause
                    // to be told as its silence.
                    heard = Instant::now();
                    hears.send_replace(heard);
                }
                if heard.elapsed() > SILENT_AFTER {
                    return StreamEnd::Silent(heard.elapsed());
                }
                match timeout(PING_EVERY, socket.send(Message::Ping(Vec::new().into()))).await {
                    // A full send buffer is silence too: the next ticks judge it.
                    Ok(Ok(())) | Err(_) => continue,
                    Ok(Err(error)) => return StreamEnd::Closed(Some(Box::new(error))),
                }
            }
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return StreamEnd::Closed(Some(Box::new(error))),
            None => return StreamEnd::Closed(None),
        };
        heard = Instant::now();
        hears.send_replace(heard);
        let text = match frame {
            Message::Text(text) => text,
            Message::Close(_) => return StreamEnd::Closed(None),
            _ => continue,
        };
        let event = match Event::parse(&text) {
            Ok(event) => event,
            Err(error) => {
                // One odd event must not cost the others; what it told is found by the reconcile. It may hold
                // a caller's number, so only its kind is told, and what is wrong without what stands there.
                let odd = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
                let kind = odd["type"].as_str().unwrap_or("?");
                let error = error.to_string().replace(|c: char| c.is_ascii_digit(), "#");
                tracing::warn!(host, %error, kind, "an event that can't be read");
                continue;
            }
        };
        let replaced = matches!(event.kind, EventKind::ApplicationReplaced {});
        if replaced {
            return StreamEnd::Replaced;
        }
        let waiting = backlog.0.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting >= warn_at {
            warn_at *= 2;
            tracing::warn!(host, waiting, "events wait: the engine is not keeping up");
        }
        if sender.send(event).is_err() {
            return StreamEnd::Closed(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    use super::*;

    /// An ARI that says `lines`, then does what `then` says.
    async fn server<F, R>(lines: Vec<String>, then: F) -> Ari
    where
        F: FnOnce(WebSocketStream<TcpStream>) -> R + Send + 'static,
        R: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(tcp).await.unwrap();
            for line in lines {
                socket.send(Message::Text(line.into())).await.unwrap();
            }
            then(socket).await;
        });
        Ari::of_test(&format!("http://{address}/ari"))
    }

    fn unknown(name: &str) -> String {
        format!(r#"{{"type":"{name}"}}"#)
    }

    #[tokio::test]
    async fn a_pause_of_our_own_is_not_taken_for_the_hosts_silence() {
        let ari = server(vec![unknown("A")], async |mut socket| {
            // Whoever reads answers pings.
            while socket.next().await.is_some() {}
        })
        .await;
        let mut events = ari.events().await.unwrap();
        events.next().await.unwrap();
        // This runtime has one thread, which does nothing else meanwhile.
        std::thread::sleep(SILENT_AFTER + PING_EVERY);
        let end = timeout(SILENT_AFTER + PING_EVERY, events.next()).await;
        assert!(end.is_err(), "{end:?}");
    }

    #[tokio::test]
    async fn who_watches_a_host_does_not_see_our_own_pause_either() {
        let ari = server(vec![unknown("A")], async |socket| {
            // Open, and nobody reads: nothing comes but what was sent.
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(socket);
        })
        .await;
        let mut events = ari.events().await.unwrap();
        events.next().await.unwrap();
        let heard = events.heard();
        std::thread::sleep(SILENT_AFTER + PING_EVERY);
        tokio::time::sleep(PING_EVERY / 7).await;
        let since = heard.borrow().elapsed();
        assert!(since < SILENT_AFTER / 2, "{since:?}");
    }

    #[tokio::test]
    async fn a_host_that_falls_silent_is_noticed_within_three_seconds() {
        let ari = server(vec![unknown("A")], async |socket| {
            // Open, and nobody reads: no pong ever comes.
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(socket);
        })
        .await;
        let mut events = ari.events().await.unwrap();
        assert!(events.next().await.is_ok());
        let begun = Instant::now();
        let end = timeout(Duration::from_secs(5), events.next())
            .await
            .unwrap()
            .unwrap_err();
        assert!(matches!(end, StreamEnd::Silent(_)), "{end}");
        assert!(!end.is_final(), "silence is worth a new connection");
        let noticed = begun.elapsed();
        assert!(noticed <= Duration::from_millis(3_200), "{noticed:?}");
    }

    #[tokio::test]
    async fn events_before_the_takeover_are_delivered_and_then_it_is_final() {
        let lines = vec![
            unknown("A"),
            "not json at all".into(),
            unknown("B"),
            unknown("ApplicationReplaced"),
            unknown("C"),
        ];
        let ari = server(
            lines,
            async |mut socket| while socket.next().await.is_some() {},
        )
        .await;
        let mut events = ari.events().await.unwrap();
        assert!(events.next().await.is_ok());
        assert!(events.next().await.is_ok(), "an odd one costs no other");
        let end = events.next().await.unwrap_err();
        assert!(matches!(end, StreamEnd::Replaced), "{end}");
        assert!(end.is_final());
    }

    #[tokio::test]
    async fn a_closed_socket_is_told_at_once_and_is_not_final() {
        let ari = server(vec![], async |socket| drop(socket)).await;
        let mut events = ari.events().await.unwrap();
        let end = timeout(Duration::from_secs(1), events.next())
            .await
            .unwrap()
            .unwrap_err();
        assert!(matches!(end, StreamEnd::Closed(_)), "{end}");
        assert!(!end.is_final());
    }

    #[tokio::test]
    async fn what_is_read_and_not_yet_taken_is_counted() {
        let lines = (0..100).map(|_| unknown("A")).collect();
        let ari = server(
            lines,
            async |mut socket| while socket.next().await.is_some() {},
        )
        .await;
        let mut events = ari.events().await.unwrap();
        let backlog = events.backlog();
        let all_read = async {
            while backlog.len() < 100 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(5), all_read).await.unwrap();
        for _ in 0..100 {
            events.next().await.unwrap();
        }
        assert!(backlog.is_empty());
    }
}
