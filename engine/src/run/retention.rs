//! Cuts what is older than it is to be kept: entries that snapshots hold, and customers.

use std::sync::Weak;
use std::time::Duration;

use trunkline_routing::Span;

use super::handle::Handle;
use crate::journal::{Epoch, JournalError, Writer};

const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);
/// Rows in one transaction: some 20 ms, for which inputs wait.
const ROWS: usize = 2_000;
/// Marks in the time that entries are kept: an answer about the past replays a week of 400 days, and
/// entries go when they are up to a week older.
const MARKS: i64 = 57;
/// Between two of those inputs go first.
const BREATH: Duration = Duration::from_millis(200);

/// Cuts now and then, for as long as this engine leads.
pub(super) async fn keep(writer: Weak<Writer>, epoch: Epoch, handle: Handle, retention: Span) {
    tokio::time::sleep(FIRST).await;
    loop {
        let before = handle.state().directory.last - retention;
        loop {
            let Some(writer) = writer.upgrade() else {
                return;
            };
            match writer.cut(epoch, before, ROWS).await {
                Ok(cut) => {
                    if cut.entries + cut.customers == 0 {
                        break;
                    }
                    tracing::info!(cut.entries, cut.customers, "what is old has been cut");
                }
                Err(JournalError::Stale { .. }) => return,
                Err(error) => {
                    tracing::warn!(%error, "what is old could not be cut");
                    break;
                }
            }
            drop(writer);
            tokio::time::sleep(BREATH).await;
        }
        let Some(writer) = writer.upgrade() else {
            return;
        };
        match writer.mark(epoch, Span(retention.0 / MARKS)).await {
            Ok(_) => {}
            Err(JournalError::Stale { .. }) => return,
            Err(error) => tracing::warn!(%error, "no mark could be kept to replay from"),
        }
        drop(writer);
        tokio::time::sleep(EVERY).await;
    }
}
