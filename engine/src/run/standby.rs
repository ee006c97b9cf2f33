//! Standing by on a journal that the leader writes: reading along, so that a takeover is quick,
//! and looking whether the leader lives.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::watch;

use super::recover::Tail;
use crate::journal::{JournalError, Leadership, Writer};
use crate::leader::{LOOK, Pulse, Sign};

/// Who leads, with where they answer: what the journal keeps of a leader.
pub(super) fn holder(identity: &str, api: SocketAddr) -> String {
    format!("{identity} {api}")
}

/// Where the leader answers, unless that is where we do: it was us then, before we began anew, or another whose address means
/// something else here.
fn address(seen: &Leadership, ours: SocketAddr) -> Option<SocketAddr> {
    let address: SocketAddr = seen.holder.rsplit(' ').next()?.parse().ok()?;
    (address != ours).then_some(address)
}

/// Reads along until `enough` of what is seen; `signs` is kept at it, and `leader` at where the
/// leader answers, which is not at `ours`.
pub(super) async fn stand_by(
    journal: &Writer,
    tail: &mut Tail,
    signs: &watch::Sender<Option<Sign>>,
    (leader, ours): (&watch::Sender<Option<SocketAddr>>, SocketAddr),
    enough: impl Fn(Sign) -> bool,
) -> Sign {
    let mut pulse = Pulse::default();
    loop {
        let asked = Instant::now();
        match journal.leadership().await {
            Ok(seen) => {
                tail.written_up_to(seen.snapshot);
                leader.send_replace(address(&seen, ours));
                let sign = pulse.saw(seen, asked, Instant::now());
                signs.send_replace(Some(sign));
                if enough(sign) {
                    return sign;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "who leads can't be read; trying again");
                pulse.blind();
                signs.send_replace(None);
            }
        }
        match tail.catch_up(journal).await {
            Ok(()) => {}
            Err(error @ JournalError::Gap { .. }) => {
                // Entries that a snapshot holds may be cut off before they were read here.
                tracing::warn!(%error, "reading the journal anew");
                *tail = Tail::default();
            }
            Err(error) => tracing::warn!(%error, "the journal can't be read; trying again"),
        }
        tokio::time::sleep(LOOK).await;
    }
}
