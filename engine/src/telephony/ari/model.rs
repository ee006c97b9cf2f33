//! What ARI tells about channels, bridges and the rest; only the fields that we use, so that a
//! newer Asterisk's additions don't matter.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Deserializer};

use super::ids::{BridgeId, ChannelId, PlaybackId, RecordingName};

/// ARI writes zones as `+0000`, which is ISO 8601 but not RFC 3339.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.f%z";

pub(crate) fn ari_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DateTime<FixedOffset>, D::Error> {
    let text = String::deserialize(deserializer)?;
    DateTime::parse_from_str(&text, TIME_FORMAT)
        .or_else(|_| DateTime::parse_from_rfc3339(&text))
        .map_err(|error| serde::de::Error::custom(format!("time {text:?}: {error}")))
}

/// State of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ChannelState {
    /// Made, not dialled.
    Down,
    /// Reserved.
    #[serde(rename = "Rsrvd")]
    Reserved,
    /// Off hook.
    OffHook,
    /// Dialing.
    Dialing,
    /// An incoming call that we have not answered, or have told to ring.
    Ring,
    /// The far end rings.
    Ringing,
    /// Answered.
    Up,
    /// Busy.
    Busy,
    /// Any other, or a newer Asterisk's.
    #[serde(other)]
    Other,
}

/// Where in the dialplan a channel is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct DialplanPlace {
    /// Context.
    #[serde(default)]
    pub context: String,
    /// Extension: for an inbound call the number dialled.
    #[serde(default)]
    pub exten: String,
    /// The application that runs, `Stasis` when it is ours. Absent before Asterisk 18.
    #[serde(default)]
    pub app_name: String,
    /// Its arguments: `acd,inbound,+49…`.
    #[serde(default)]
    pub app_data: String,
}

/// A party's number and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Party {
    /// Display name.
    #[serde(default)]
    pub name: String,
    /// Number, as the carrier sends it.
    #[serde(default)]
    pub number: String,
}

/// One leg of a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// `PJSIP/maria-00000012`.
    pub name: String,
    /// State.
    pub state: ChannelState,
    /// Who is at the far end.
    #[serde(default)]
    pub caller: Party,
    /// Whom they are connected to.
    #[serde(default)]
    pub connected: Party,
    /// Where in the dialplan.
    #[serde(default)]
    pub dialplan: DialplanPlace,
    /// When Asterisk made it, by Asterisk's clock.
    #[serde(rename = "creationtime", deserialize_with = "ari_time")]
    pub created: DateTime<FixedOffset>,
    /// Variables that ari.conf's `channelvars` names.
    #[serde(default, rename = "channelvars")]
    pub variables: BTreeMap<String, String>,
}

impl Channel {
    /// Variable by name, if it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The arguments with which the channel entered `app`, if that is where it is now.
    pub fn stasis_args(&self, app: &str) -> Option<Vec<&str>> {
        if self.dialplan.app_name != "Stasis" {
            return None;
        }
        let mut parts = self.dialplan.app_data.split(',');
        (parts.next() == Some(app)).then(|| parts.collect())
    }

    /// `maria` of `PJSIP/maria-00000012`.
    pub fn endpoint(&self) -> Option<&str> {
        let (_, resource) = self.name.split_once('/')?;
        resource.rsplit_once('-').map(|(endpoint, _)| endpoint)
    }
}

/// A bridge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bridge {
    /// Its id.
    pub id: BridgeId,
    /// `mixing`, `holding` …
    #[serde(default)]
    pub bridge_type: String,
    /// `simple_bridge`, `softmix` …
    #[serde(default)]
    pub technology: String,
    /// Who is in it.
    #[serde(default)]
    pub channels: Vec<ChannelId>,
}

/// A prompt that plays.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Playback {
    /// Its id.
    pub id: PlaybackId,
    /// What plays.
    #[serde(default)]
    pub media_uri: String,
    /// `channel:ID` or `bridge:ID`.
    #[serde(default)]
    pub target_uri: String,
    /// `queued`, `playing`, `done`, `failed` …
    #[serde(default)]
    pub state: String,
}

impl Playback {
    /// The channel it plays to.
    pub fn channel(&self) -> Option<ChannelId> {
        self.target_uri.strip_prefix("channel:").map(ChannelId::new)
    }
}

/// A recording under way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LiveRecording {
    /// Its name.
    pub name: RecordingName,
    /// `wav` …
    #[serde(default)]
    pub format: String,
    /// `queued`, `recording`, `done`, `failed` …
    #[serde(default)]
    pub state: String,
    /// Length, in seconds, once it is over.
    #[serde(default)]
    pub duration: Option<u64>,
    /// Why it failed.
    #[serde(default)]
    pub cause: Option<String>,
}

/// A SIP endpoint. `offline` with no registration; a removed one may linger as a ghost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// `PJSIP`.
    pub technology: String,
    /// Its name: an agent's or a trunk's.
    pub resource: String,
    /// `online`, `offline` or `unknown`.
    #[serde(default)]
    pub state: Option<String>,
    /// Channels that it has.
    #[serde(default)]
    pub channel_ids: Vec<ChannelId>,
}

impl Endpoint {
    /// It has an address to ring: a registration, or a fixed one.
    pub fn is_online(&self) -> bool {
        self.state.as_deref() == Some("online")
    }
}

/// RTP counts of one leg, from our side: `tx` is what Asterisk sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RtpStatistics {
    /// Packets sent.
    #[serde(default)]
    pub txcount: u64,
    /// Packets received.
    #[serde(default)]
    pub rxcount: u64,
    /// Sent packets that the far end says it lost.
    #[serde(default)]
    pub txploss: u64,
    /// Packets lost on the way to us.
    #[serde(default)]
    pub rxploss: u64,
    /// Jitter on the way to us, in seconds.
    #[serde(default)]
    pub rxjitter: f64,
    /// Round trip, in seconds.
    #[serde(default)]
    pub rtt: f64,
}

/// An ARI application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// `acd`.
    pub name: String,
    /// Channels subscribed to.
    #[serde(default)]
    pub channel_ids: Vec<ChannelId>,
    /// Bridges subscribed to.
    #[serde(default)]
    pub bridge_ids: Vec<BridgeId>,
}

/// `GET /asterisk/ping`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pong {
    /// `EE:DD:…`: the entity id.
    pub asterisk_id: String,
}

/// `GET /asterisk/info`, the parts that we read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AsteriskInfo {
    /// Version.
    pub system: SystemInfo,
    /// Start and reload.
    pub status: StatusInfo,
    /// `systemname` among others.
    pub config: ConfigInfo,
}

/// Version of Asterisk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SystemInfo {
    /// `22.10.1`.
    pub version: String,
}

/// When Asterisk began and last reloaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StatusInfo {
    /// Start.
    #[serde(deserialize_with = "ari_time")]
    pub startup_time: DateTime<FixedOffset>,
    /// Last reload.
    #[serde(deserialize_with = "ari_time")]
    pub last_reload_time: DateTime<FixedOffset>,
}

/// Configuration of Asterisk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConfigInfo {
    /// The `systemname` that begins every channel id of this host.
    pub name: String,
}

/// One attribute of a sorcery object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConfigTuple {
    /// Attribute.
    pub attribute: String,
    /// Value.
    pub value: String,
}
