//! The API's front door on an engine that stands by: whoever comes is led on to the leader.
//!
//! Two engines are behind one Service, and both are ready. A connection to the one that stands by
//! is joined, byte for byte, with one to the leader, so sessions, streams and WebSockets need
//! nothing of their own. What asks after this very process (health, metrics) is answered here; so
//! is everybody where the leader can't be reached: they are told to come again.

use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// What is asked of this process, whoever leads.
const OURS: [&[u8]; 3] = [b"GET /livez", b"GET /readyz", b"GET /metrics"];
/// A client that says nothing for so long is let in, to be dealt with as any silent client.
const SILENT: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(1);
/// Connections that wait to be let in.
const WAITING: usize = 64;

/// A listener that keeps what is ours, and leads on the rest while `leader` names somebody.
pub(crate) struct FrontDoor {
    listener: TcpListener,
    leader: watch::Receiver<Option<SocketAddr>>,
    let_in: mpsc::Sender<(TcpStream, SocketAddr)>,
    ours: mpsc::Receiver<(TcpStream, SocketAddr)>,
}

impl FrontDoor {
    pub(crate) fn new(listener: TcpListener, leader: watch::Receiver<Option<SocketAddr>>) -> Self {
        let (let_in, ours) = mpsc::channel(WAITING);
        Self {
            listener,
            leader,
            let_in,
            ours,
        }
    }
}

impl Listener for FrontDoor {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            tokio::select! {
                Some(ours) = self.ours.recv() => return ours,
                (stream, from) = Listener::accept(&mut self.listener) => {
                    let Some(leader) = *self.leader.borrow() else {
                        return (stream, from);
                    };
                    let let_in = self.let_in.clone();
                    tokio::spawn(async move {
                        if let Some(ours) = lead_on(stream, leader).await {
                            // The listener may have ended, and with it the connection.
                            let _ = let_in.send((ours, from)).await;
                        }
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Joins a connection with the leader until either ends, or gives it back.
async fn lead_on(mut stream: TcpStream, leader: SocketAddr) -> Option<TcpStream> {
    if is_ours(&stream).await {
        return Some(stream);
    }
    let Ok(Ok(mut onward)) = timeout(CONNECT, TcpStream::connect(leader)).await else {
        return Some(stream);
    };
    // Either may break off at any time: the other learns by its end.
    let _ = copy_bidirectional(&mut stream, &mut onward).await;
    None
}

/// Whether the first request asks after this process; nothing is taken from the stream.
async fn is_ours(stream: &TcpStream) -> bool {
    let mut head = [0; 16];
    let looked = timeout(SILENT, async {
        loop {
            let Ok(seen @ 1..) = stream.peek(&mut head).await else {
                return true; // it has ended already
            };
            let seen = &head[..seen];
            if OURS.iter().any(|ours| seen.starts_with(ours)) {
                return true;
            }
            if !OURS.iter().any(|ours| ours.starts_with(seen)) {
                return false;
            }
            // A part of a line: the rest is on its way.
            sleep(Duration::from_millis(5)).await;
        }
    });
    looked.await.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;

    async fn serve(name: &'static str, leader: watch::Receiver<Option<SocketAddr>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/livez", get(move || async move { name }))
            .route("/api/v1/config", get(move || async move { name }));
        let door = FrontDoor::new(listener, leader);
        tokio::spawn(async move { axum::serve(door, app).await.unwrap() });
        at
    }

    #[tokio::test]
    async fn a_standby_leads_on_to_the_leader_and_answers_for_itself() {
        let (_nobody, none) = watch::channel(None);
        let leader = serve("leader", none).await;
        let (known, seen) = watch::channel(Some(leader));
        let standby = serve("standby", seen).await;
        let get = async |path: &str| {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(format!("http://{standby}{path}")).send().await;
            answer.unwrap().text().await.unwrap()
        };
        assert_eq!(get("/api/v1/config").await, "leader");
        assert_eq!(get("/livez").await, "standby");
        // Nobody listens there: then we say ourselves what there is to say.
        known.send_replace(Some("127.0.0.1:1".parse().unwrap()));
        assert_eq!(get("/api/v1/config").await, "standby");
        known.send_replace(None);
        assert_eq!(get("/api/v1/config").await, "standby");
    }
}
