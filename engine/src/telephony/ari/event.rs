//! Typed events. What we don't drive logic by is [`EventKind::Other`], never an error: Asterisk
//! adds event types in minor releases.

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::Value;

use super::ids::ChannelId;
use super::model::{Bridge, Channel, Endpoint, LiveRecording, Playback, ari_time};

/// One event, with Asterisk's own time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// The app it was sent to.
    #[serde(default)]
    pub application: String,
    /// When Asterisk made it, by Asterisk's clock.
    #[serde(default, deserialize_with = "optional_time")]
    pub timestamp: Option<DateTime<FixedOffset>>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

fn optional_time<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<FixedOffset>>, D::Error> {
    ari_time(deserializer).map(Some)
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
pub enum EventKind {
    /// A channel entered the app.
    StasisStart {
        /// The app's arguments.
        #[serde(default)]
        args: Vec<String>,
        /// The channel.
        channel: Channel,
    },
    /// A channel left the app: hung up, or on to the dialplan. Logic is driven by this one,
    /// [`Self::ChannelDestroyed`] may not follow.
    StasisEnd {
        /// The channel.
        channel: Channel,
    },
    /// A channel was made (only where its endpoint or all is subscribed).
    ChannelCreated {
        /// The channel.
        channel: Channel,
    },
    /// A channel is gone. Also comes for an originated leg that never entered the app.
    ChannelDestroyed {
        /// Q.850 cause.
        #[serde(default)]
        cause: i32,
        /// Its text.
        #[serde(default)]
        cause_txt: String,
        /// The channel.
        channel: Channel,
    },
    /// Down, ringing, up …
    ChannelStateChange {
        /// The channel, as it is now.
        channel: Channel,
    },
    /// The far end hung up.
    ChannelHangupRequest {
        /// Q.850 cause, where known.
        #[serde(default)]
        cause: Option<i32>,
        /// A soft hang-up, asked for by us.
        #[serde(default)]
        soft: bool,
        /// The channel.
        channel: Channel,
    },
    /// A key was pressed (told at its end).
    ChannelDtmfReceived {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: String,
        /// How long, in milliseconds.
        #[serde(default)]
        duration_ms: u32,
        /// The channel.
        channel: Channel,
    },
    /// A phone put the call on hold.
    ChannelHold {
        /// The phone's channel.
        channel: Channel,
    },
    /// And took it back.
    ChannelUnhold {
        /// The phone's channel.
        channel: Channel,
    },
    /// A channel is in a bridge.
    ChannelEnteredBridge {
        /// The bridge with its channels after it.
        bridge: Bridge,
        /// The channel.
        channel: Channel,
    },
    /// A channel left a bridge.
    ChannelLeftBridge {
        /// The bridge with its channels after it.
        bridge: Bridge,
        /// The channel.
        channel: Channel,
    },
    /// Progress of a leg that we dial.
    Dial {
        /// Empty at first, then `RINGING`, `ANSWER`, `BUSY`, `NOANSWER`, `CANCEL`, `CONGESTION`, `CHANUNAVAIL`.
        #[serde(default)]
        dialstatus: String,
        /// The leg.
        peer: Channel,
    },
    /// A phone sent REFER and the endpoint leaves transfers to us.
    ChannelTransfer {
        /// Where to, as Asterisk tells it.
        #[serde(default)]
        refer_to: Value,
    },
    /// A phone registered or went away (only where its endpoint is subscribed).
    EndpointStateChange {
        /// The endpoint, as it is now.
        endpoint: Endpoint,
    },
    /// A bridge was made.
    BridgeCreated {
        /// The bridge.
        bridge: Bridge,
    },
    /// A bridge is gone.
    BridgeDestroyed {
        /// The bridge.
        bridge: Bridge,
    },
    /// A prompt began.
    PlaybackStarted {
        /// The playback.
        playback: Playback,
    },
    /// A prompt ended, or failed: its state says which.
    PlaybackFinished {
        /// The playback.
        playback: Playback,
    },
    /// A recording began.
    RecordingStarted {
        /// The recording.
        recording: LiveRecording,
    },
    /// A recording is whole.
    RecordingFinished {
        /// The recording.
        recording: LiveRecording,
    },
    /// A recording failed.
    RecordingFailed {
        /// The recording.
        recording: LiveRecording,
    },
    /// Another engine connected under this app: step down.
    ApplicationReplaced {},
    /// `StasisBroadcast` offers a channel to whoever claims it first.
    CallBroadcast {
        /// The channel.
        channel: Channel,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

impl Event {
    /// Reads one event. An event of a known type that lacks what we need is an error; one of
    /// an unknown type is [`EventKind::Other`].
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The channel it is about, where it is about one.
    pub fn channel(&self) -> Option<&Channel> {
        use EventKind as K;
        match &self.kind {
            K::StasisStart { channel, .. }
            | K::StasisEnd { channel }
            | K::ChannelCreated { channel }
            | K::ChannelDestroyed { channel, .. }
            | K::ChannelStateChange { channel }
            | K::ChannelHangupRequest { channel, .. }
            | K::ChannelDtmfReceived { channel, .. }
            | K::ChannelHold { channel }
            | K::ChannelUnhold { channel }
            | K::ChannelEnteredBridge { channel, .. }
            | K::ChannelLeftBridge { channel, .. }
            | K::Dial { peer: channel, .. }
            | K::CallBroadcast { channel } => Some(channel),
            _ => None,
        }
    }

    /// Its id.
    pub fn channel_id(&self) -> Option<&ChannelId> {
        self.channel().map(|channel| &channel.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One event of each type that a call over Asterisk 22.10.1 made, as it came.
    const RECORDED: &str = include_str!("recorded_events.jsonl");

    fn recorded(kind: &str) -> Event {
        let line = RECORDED
            .lines()
            .find(|line| line.contains(&format!("\"type\":\"{kind}\"")))
            .unwrap_or_else(|| panic!("no {kind} was recorded"));
        Event::parse(line).unwrap_or_else(|error| panic!("{kind}: {error}\n{line}"))
    }

    #[test]
    fn every_recorded_event_is_read_and_only_the_unneeded_ones_are_other() {
        let mut other = Vec::new();
        for line in RECORDED.lines() {
            let event = Event::parse(line).unwrap_or_else(|error| panic!("{error}\n{line}"));
            assert!(event.timestamp.is_some(), "{line}");
            if event.kind == EventKind::Other {
                let raw: Value = serde_json::from_str(line).unwrap();
                other.push(raw["type"].as_str().unwrap().to_owned());
            }
        }
        other.sort();
        assert_eq!(
            other,
            [
                "ChannelCallerId",
                "ChannelConnectedLine",
                "ChannelDialplan",
                "ChannelVarset",
                "DeviceStateChanged",
            ]
        );
    }

    #[test]
    fn a_caller_enters_with_the_number_dialled_and_the_time_it_came() {
        let EventKind::StasisStart { args, channel } = recorded("StasisStart").kind else {
            panic!("not a StasisStart");
        };
        assert_eq!(args, ["inbound", "+4930123"]);
        assert_eq!(channel.variable("TRUNKLINE_NUMBER"), Some("+4930123"));
        assert_eq!(channel.variable("TRUNKLINE_CONTACT"), None, "set but empty");
        assert_eq!(
            channel.stasis_args("acd"),
            Some(vec!["inbound", "+4930123"])
        );
        assert_eq!(channel.stasis_args("other"), None);
        assert_eq!(channel.created.timestamp_millis(), 1_795_383_183_792);
    }

    #[test]
    fn a_type_that_a_newer_asterisk_adds_is_no_error() {
        let event = Event::parse(r#"{"type":"ChannelTeleported","to":"mars"}"#).unwrap();
        assert_eq!(event.kind, EventKind::Other);
        assert_eq!(event.channel_id(), None);
    }

    #[test]
    fn an_event_that_lacks_its_channel_is_an_error_not_a_guess() {
        assert!(Event::parse(r#"{"type":"StasisEnd","application":"acd"}"#).is_err());
    }

    #[test]
    fn the_takeover_of_our_app_is_seen() {
        let kind = recorded("ApplicationReplaced").kind;
        assert_eq!(kind, EventKind::ApplicationReplaced {});
    }

    #[test]
    fn a_channels_name_tells_its_endpoint_even_with_a_dash_in_it() {
        let EventKind::StasisStart { channel, .. } = recorded("StasisStart").kind else {
            panic!("not a StasisStart");
        };
        let named = Channel {
            name: "PJSIP/anna-maria-0000001f".into(),
            ..channel
        };
        assert_eq!(named.endpoint(), Some("anna-maria"));
    }
}
