//! Voicemail: a caller whose contact has ended says something, and it is kept in the media host's spool
//! until the tenant's retention has it deleted.

use trunkline_routing::{ContactId, Input, Span};

use super::super::CallRef;
use super::super::ari::{Cause, HostName, LiveRecording};
use super::act::What;
use super::calls::{Caller, Calls, Effects};
use super::names;

impl Calls {
    /// Plays the prompt, where there is one, and records after the tone.
    pub(crate) fn take_message(
        &mut self,
        id: ContactId,
        call: CallRef,
        media: Option<String>,
        out: &mut Effects,
    ) {
        out.act(
            &call,
            What::TakeMessage {
                playback: names::farewell(id),
                media,
                recording: names::message(id),
            },
        );
        self.callers.insert(call, Caller::Speaking(id));
    }

    /// A recording is over: because the caller fell silent, pressed a key or hung up, or because it
    /// failed (`whole: false`).
    pub(crate) fn recorded(
        &mut self,
        host: &HostName,
        recording: &LiveRecording,
        whole: bool,
        out: &mut Effects,
    ) {
        let Some(id) = names::message_of(&recording.name) else {
            return;
        };
        let seconds = recording.duration.unwrap_or_default();
        if whole && seconds > 0 {
            out.input(Input::VoicemailLeft {
                contact: id,
                recording: format!("{host}/{}", recording.name),
                length: Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)),
            });
        }
        let speaking = Caller::Speaking(id);
        let place = self
            .callers
            .iter()
            .find(|(place, caller)| place.host == *host && **caller == speaking)
            .map(|(place, _)| place.clone());
        if let Some(place) = place {
            out.act(&place, What::Hangup(Cause::Normal));
            self.callers
                .insert(place, Caller::Leaving { farewell: None });
        }
    }
}
