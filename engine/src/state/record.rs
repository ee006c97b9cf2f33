//! The record of a contact that has ended.

use serde::{Deserialize, Serialize};
use trunkline_routing::{ContactId, Outcome, Segment, Time};

use super::{LiveContact, Stage};

/// A contact that has ended. Its last stretch is complete once the agent's wrap-up is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactRecord {
    /// Its number.
    pub contact: ContactId,
    /// As it was at its end.
    pub last: LiveContact,
    /// When it ended; wrap-up excluded.
    pub ended: Time,
    /// How.
    pub outcome: Outcome,
    /// Its complete stretches.
    pub segments: Vec<Segment>,
}

impl ContactRecord {
    pub(super) fn ended(
        contact: ContactId,
        mut last: LiveContact,
        ended: Time,
        outcome: Outcome,
    ) -> Self {
        let segments = std::mem::take(&mut last.segments);
        if let Stage::Calling { .. } = last.stage {
            // As releases before this one kept it, which read it too.
            last.stage = Stage::Waiting;
        }
        Self {
            contact,
            last,
            ended,
            outcome,
            segments,
        }
    }
}
