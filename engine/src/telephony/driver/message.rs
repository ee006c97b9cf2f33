//! Voicemail: a caller whose contact has ended says something, and it is kept in the media host's spool
//! until the tenant's retention has it deleted.

use trunkline_routing::{ContactId, Input, Span};

use super::super::CallRef;
use super::super::ari::{Cause, HostName, LiveRecording};
use super::act::{Message, What};
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
        let seconds = recording.duration.filter(|_| whole).unwrap_or_default();
        let length = Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.message_left(host, id, length, out);
        self.spoken(host, id, out);
    }

    /// A message whose end no event told: in a gap of the socket, or between two engines.
    pub(crate) fn message_found(&mut self, message: Message, out: &mut Effects) {
        let Message {
            contact,
            host,
            length,
        } = message;
        // Else an event has told of it meanwhile.
        if self.spoken(&host, contact, out) {
            self.message_left(&host, contact, length.unwrap_or_default(), out);
        }
    }

    fn message_left(&self, host: &HostName, id: ContactId, length: Span, out: &mut Effects) {
        if length > Span(0) {
            out.input(Input::VoicemailLeft {
                contact: id,
                recording: format!("{host}/{}", names::message(id)),
                length,
            });
        }
    }

    /// Its caller is let go; `false`: they were already.
    fn spoken(&mut self, host: &HostName, id: ContactId, out: &mut Effects) -> bool {
        let place = (self.callers.iter())
            .find(|(place, caller)| place.host == *host && **caller == Caller::Speaking(id))
            .map(|(place, _)| place.clone());
        let Some(place) = place else {
            return false;
        };
        out.act(&place, What::Hangup(Cause::Normal));
        self.callers
            .insert(place, Caller::Leaving { farewell: None });
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use trunkline_routing::Time;

    use super::super::super::ari::{AriError, ChannelId};
    use super::super::super::{Recovered, Report};
    use super::super::Settings;
    use super::super::act::{Act, Failed};
    use super::super::adopt::Listing;
    use super::*;

    const CONTACT: ContactId = ContactId(7);
    const NOW: Time = Time(1_000_000_000);

    fn host() -> HostName {
        HostName::new("media-0")
    }

    fn call() -> CallRef {
        Calls::place(&host(), &ChannelId::new("media-0-1"))
    }

    /// A successor, whose predecessor had somebody leave a message.
    fn successor() -> Calls {
        let mut calls = Calls::new(Settings::default());
        calls.recover(Recovered {
            speaking: vec![(CONTACT, call())],
            newest: Some(CONTACT),
            ..Recovered::default()
        });
        calls
    }

    fn found(calls: &mut Calls, seconds: Option<i64>) -> Effects {
        let mut out = Effects::default();
        let message = Message {
            contact: CONTACT,
            host: host(),
            length: seconds.map(Span::seconds),
        };
        calls.message_found(message, &mut out);
        out
    }

    fn left(seconds: i64) -> Vec<Report> {
        let mut out = Effects::default();
        out.input(Input::VoicemailLeft {
            contact: CONTACT,
            recording: "media-0/v-7".into(),
            length: Span::seconds(seconds),
        });
        out.reports
    }

    fn whats(out: &Effects) -> Vec<&What> {
        out.acts.iter().map(|act| &act.what).collect()
    }

    #[test]
    fn who_leaves_a_message_speaks_on_under_a_successor_and_what_they_left_meanwhile_is_found_once()
    {
        for here in [true, false] {
            let mut calls = successor();
            let mut listing = Listing {
                begun: NOW,
                ..Listing::default()
            };
            if here {
                let channel = super::super::tests::channel("media-0-1", "Up");
                listing.channels.push(channel);
            }
            let mut out = Effects::default();
            calls.compare(NOW, &host(), &listing, &mut out);
            assert_eq!(whats(&out), [&What::SeekMessage(CONTACT)], "here: {here}");
            let out = found(&mut calls, Some(4));
            assert_eq!(out.reports, left(4));
            assert_eq!(whats(&out), [&What::Hangup(Cause::Normal)]);
            let out = found(&mut calls, Some(4));
            assert!(out.reports.is_empty() && out.acts.is_empty(), "{out:?}");
        }
    }

    #[test]
    fn a_host_that_is_given_up_and_comes_back_is_asked_for_its_messages_and_one_that_is_gone_is_not()
     {
        let mut calls = successor();
        let mut out = Effects::default();
        calls.lose_host(&host(), "silent", &mut out);
        assert_eq!(calls.speaking_on(), [host()].into());
        let listing = Listing {
            begun: NOW,
            ..Listing::default()
        };
        calls.compare(NOW, &host(), &listing, &mut out);
        assert_eq!(whats(&out), [&What::SeekMessage(CONTACT)]);
        calls.forget_host(&host());
        assert!(calls.speaking_on().is_empty());
    }

    #[test]
    fn who_can_leave_no_message_because_asterisk_refuses_is_let_go() {
        let mut calls = successor();
        let mut out = Effects::default();
        let call = call();
        let act = Act {
            host: call.host,
            leg: call.channel,
            what: What::SeekMessage(CONTACT),
        };
        let error = AriError::Refused {
            host: "media-0".into(),
            method: reqwest::Method::POST,
            path: "channels/media-0-1/record".into(),
            status: reqwest::StatusCode::INTERNAL_SERVER_ERROR,
            message: "the spool is full".into(),
        };
        let begun = Instant::now();
        calls.failed(NOW, Failed { act, error, begun }, &mut out);
        assert_eq!(whats(&out), [&What::Hangup(Cause::Normal)]);
        assert!(calls.speaking_on().is_empty());
    }

    #[test]
    fn who_left_no_message_is_let_go() {
        for seconds in [None, Some(0)] {
            let out = found(&mut successor(), seconds);
            assert!(out.reports.is_empty(), "{out:?}");
            assert_eq!(whats(&out), [&What::Hangup(Cause::Normal)]);
        }
    }

    #[test]
    fn the_message_of_one_who_hangs_up_is_entered_when_the_recording_ends() {
        let mut calls = successor();
        let mut out = Effects::default();
        calls.channel_gone(NOW, &call(), None, &mut out);
        assert!(out.reports.is_empty() && out.acts.is_empty(), "{out:?}");
        let recording = serde_json::json!({"name": "v-7", "state": "done", "duration": 3});
        let recording = serde_json::from_value(recording).unwrap();
        calls.recorded(&host(), &recording, true, &mut out);
        assert_eq!(out.reports, left(3));
        assert!(found(&mut calls, Some(3)).reports.is_empty());
    }
}
