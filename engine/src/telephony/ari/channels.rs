//! Commands about channels. Every id is ours where one is made, so a repeat finds what the first
//! one made; each method says what a repeat does.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::error::AriError;
use super::ids::{ChannelId, PlaybackId, RecordingName};
use super::model::{Channel, LiveRecording, Playback, RtpStatistics};
use super::rest::{Ari, Done, already};

/// A leg to make.
#[derive(Clone, Debug)]
pub struct Originate<'a> {
    /// `PJSIP/maria`, `PJSIP/+4930…@carrier-a`.
    pub endpoint: &'a str,
    /// Our id for the leg.
    pub id: &'a ChannelId,
    /// The app's arguments, with which the leg comes back in StasisStart when it is answered.
    pub args: &'a [&'a str],
    /// The channel this leg is for: its codecs and account are taken over.
    pub originator: Option<&'a ChannelId>,
    /// `"Sales" <+4930…>`: what the phone shows.
    pub caller_id: Option<&'a str>,
    /// How long it rings before Asterisk gives up, in whole seconds. Asterisk's own end is a
    /// safety net: the offer's deadline in the core comes first.
    pub timeout: Duration,
    /// Set on the leg before it is dialled; `PJSIP_HEADER(add,X-…)` adds SIP headers.
    pub variables: BTreeMap<String, String>,
}

/// Why a leg is hung up: Q.850, which Asterisk turns into a SIP status where the call isn't
/// answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 1: no such number (SIP 404).
    Unallocated,
    /// 16: the normal end.
    Normal,
    /// 17: busy (486).
    Busy,
    /// 19: it rang and nobody answered (480); the leg is cancelled.
    NoAnswer,
    /// 21: declined (603 or 403).
    Rejected,
    /// 42: we can't now (503).
    Congestion,
}

impl Cause {
    /// The number of Q.850.
    pub fn code(self) -> u8 {
        match self {
            Self::Unallocated => 1,
            Self::Normal => 16,
            Self::Busy => 17,
            Self::NoAnswer => 19,
            Self::Rejected => 21,
            Self::Congestion => 42,
        }
    }
}

/// How a recording is made.
#[derive(Clone, Copy, Debug)]
pub struct RecordOptions<'a> {
    /// File format: `wav`.
    pub format: &'a str,
    /// Ends after this; `None`: with the call.
    pub at_most: Option<Duration>,
    /// Ends after this much silence.
    pub silence: Option<Duration>,
    /// Beeps first.
    pub beep: bool,
    /// Keys that end it: `none`, `any`, `*`, `#`.
    pub terminate_on: &'a str,
}

impl RecordOptions<'_> {
    pub(crate) async fn start(
        &self,
        ari: &Ari,
        target: [&str; 2],
        name: &RecordingName,
    ) -> Result<Done, AriError> {
        let at_most = self.at_most.map(|time| time.as_secs().to_string());
        let silence = self.silence.map(|time| time.as_secs().to_string());
        let sent = ari
            .post(
                &[target[0], target[1], "record"],
                &[
                    ("name", Some(name.as_str())),
                    ("format", Some(self.format)),
                    ("maxDurationSeconds", at_most.as_deref()),
                    ("maxSilenceSeconds", silence.as_deref()),
                    ("ifExists", Some("fail")),
                    ("beep", Some(if self.beep { "true" } else { "false" })),
                    ("terminateOn", Some(self.terminate_on)),
                ],
            )
            .await;
        match sent {
            // 409 is also "not in the app": only a recording of this name under way is a repeat.
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => {
                match ari.live_recording(name).await {
                    Ok(_) => Ok(Done::Already),
                    Err(_) => Err(error),
                }
            }
            sent => sent.map(|()| Done::Now),
        }
    }
}

impl Ari {
    /// All channels of this Asterisk, ours or not.
    pub async fn channels(&self) -> Result<Vec<Channel>, AriError> {
        self.get(&["channels"], &[]).await
    }

    /// One channel.
    pub async fn channel(&self, id: &ChannelId) -> Result<Channel, AriError> {
        self.get(&["channels", id.as_str()], &[]).await
    }

    /// Answers. A repeat does nothing.
    pub async fn answer(&self, id: &ChannelId) -> Result<(), AriError> {
        self.post(&["channels", id.as_str(), "answer"], &[]).await
    }

    /// Tells the caller that it rings. A repeat does nothing.
    pub async fn ring(&self, id: &ChannelId) -> Result<(), AriError> {
        self.post(&["channels", id.as_str(), "ring"], &[]).await
    }

    /// Makes and dials a leg; answered, it enters the app. A repeat (409) is [`Done::Already`].
    pub async fn originate(&self, leg: &Originate<'_>) -> Result<Done, AriError> {
        let args = leg.args.join(",");
        let timeout = leg.timeout.as_secs().max(1).to_string();
        let sent = self
            .send(
                Method::POST,
                &["channels"],
                &[
                    ("endpoint", Some(leg.endpoint)),
                    ("app", Some(&self.host().app)),
                    ("appArgs", Some(&args)),
                    ("channelId", Some(leg.id.as_str())),
                    ("originator", leg.originator.map(ChannelId::as_str)),
                    ("callerId", leg.caller_id),
                    ("timeout", Some(&timeout)),
                ],
                Some(&json!({ "variables": leg.variables })),
            )
            .await
            .map(drop);
        already(sent, |error| error.status() == Some(StatusCode::CONFLICT))
    }

    /// Makes a leg in the app without dialling it ([`Self::dial`] does): the leg can be put in a
    /// bridge first, which gives early media. A repeat (409) is [`Done::Already`].
    pub async fn create(&self, leg: &Originate<'_>) -> Result<Done, AriError> {
        let args = leg.args.join(",");
        let sent = self
            .send(
                Method::POST,
                &["channels", "create"],
                &[
                    ("endpoint", Some(leg.endpoint)),
                    ("app", Some(&self.host().app)),
                    ("appArgs", Some(&args)),
                    ("channelId", Some(leg.id.as_str())),
                    ("originator", leg.originator.map(ChannelId::as_str)),
                ],
                Some(&json!({ "variables": leg.variables })),
            )
            .await
            .map(drop);
        already(sent, |error| error.status() == Some(StatusCode::CONFLICT))
    }

    /// Dials a leg made by [`Self::create`]. A repeat (409) is [`Done::Already`].
    pub async fn dial(
        &self,
        id: &ChannelId,
        caller: Option<&ChannelId>,
        timeout: Duration,
    ) -> Result<Done, AriError> {
        let timeout = timeout.as_secs().max(1).to_string();
        let sent = self
            .post(
                &["channels", id.as_str(), "dial"],
                &[
                    ("caller", caller.map(ChannelId::as_str)),
                    ("timeout", Some(&timeout)),
                ],
            )
            .await;
        already(sent, |error| error.status() == Some(StatusCode::CONFLICT))
    }

    /// Hangs up. A channel that is gone is [`Done::Already`].
    pub async fn hangup(&self, id: &ChannelId, cause: Cause) -> Result<Done, AriError> {
        let code = cause.code().to_string();
        let sent = self
            .delete(
                &["channels", id.as_str()],
                &[("reason_code", Some(code.as_str()))],
            )
            .await;
        already(sent, AriError::is_gone)
    }

    /// Sends the channel on in the dialplan, at the next line after `Stasis`.
    pub async fn leave_to_dialplan(&self, id: &ChannelId) -> Result<(), AriError> {
        self.post(&["channels", id.as_str(), "continue"], &[]).await
    }

    /// Music on hold from `class`. A repeat starts it anew.
    pub async fn music_start(&self, id: &ChannelId, class: &str) -> Result<(), AriError> {
        self.post(
            &["channels", id.as_str(), "moh"],
            &[("mohClass", Some(class))],
        )
        .await
    }

    /// Ends the music. A repeat does nothing.
    pub async fn music_stop(&self, id: &ChannelId) -> Result<(), AriError> {
        self.delete(&["channels", id.as_str(), "moh"], &[]).await
    }

    /// Puts the far end on hold by signalling (its own music plays). A repeat does nothing.
    pub async fn hold(&self, id: &ChannelId) -> Result<(), AriError> {
        self.post(&["channels", id.as_str(), "hold"], &[]).await
    }

    /// Ends [`Self::hold`].
    pub async fn unhold(&self, id: &ChannelId) -> Result<(), AriError> {
        self.delete(&["channels", id.as_str(), "hold"], &[]).await
    }

    /// Sends keys.
    pub async fn send_dtmf(&self, id: &ChannelId, keys: &str) -> Result<(), AriError> {
        self.post(&["channels", id.as_str(), "dtmf"], &[("dtmf", Some(keys))])
            .await
    }

    /// Plays `media` one after the other: `sound:welcome`, `number:3`, `recording:NAME`. Asterisk
    /// would queue a repeat of the same id a second time, so a playback that is still there is
    /// left alone: [`Done::Already`].
    pub async fn play(
        &self,
        channel: &ChannelId,
        id: &PlaybackId,
        media: &[&str],
    ) -> Result<Done, AriError> {
        if self.playback(id).await.is_ok() {
            return Ok(Done::Already);
        }
        let media = media.join(",");
        self.post(
            &["channels", channel.as_str(), "play", id.as_str()],
            &[("media", Some(&media))],
        )
        .await
        .map(|()| Done::Now)
    }

    /// A playback that is queued or plays.
    pub async fn playback(&self, id: &PlaybackId) -> Result<Playback, AriError> {
        self.get(&["playbacks", id.as_str()], &[]).await
    }

    /// Stops a playback. One that has ended is [`Done::Already`].
    pub async fn stop_playback(&self, id: &PlaybackId) -> Result<Done, AriError> {
        let sent = self.delete(&["playbacks", id.as_str()], &[]).await;
        already(sent, AriError::is_gone)
    }

    /// Records one leg (not while it is in a bridge: record the bridge). A recording of this
    /// name that is under way is [`Done::Already`].
    pub async fn record_channel(
        &self,
        id: &ChannelId,
        name: &RecordingName,
        options: RecordOptions<'_>,
    ) -> Result<Done, AriError> {
        options.start(self, ["channels", id.as_str()], name).await
    }

    /// A recording under way.
    pub async fn live_recording(&self, name: &RecordingName) -> Result<LiveRecording, AriError> {
        self.get(&["recordings", "live", name.as_str()], &[]).await
    }

    /// Ends and keeps a recording. One that has ended is [`Done::Already`].
    pub async fn stop_recording(&self, name: &RecordingName) -> Result<Done, AriError> {
        let sent = self
            .post(&["recordings", "live", name.as_str(), "stop"], &[])
            .await;
        already(sent, AriError::is_gone)
    }

    /// The stored file.
    pub async fn recording_file(&self, name: &RecordingName) -> Result<Vec<u8>, AriError> {
        self.send(
            Method::GET,
            &["recordings", "stored", name.as_str(), "file"],
            &[],
            None,
        )
        .await
    }

    /// Deletes the stored file. One that isn't there is [`Done::Already`].
    pub async fn delete_recording(&self, name: &RecordingName) -> Result<Done, AriError> {
        let sent = self
            .delete(&["recordings", "stored", name.as_str()], &[])
            .await;
        already(sent, AriError::is_gone)
    }

    /// A channel that hears (`spy`: `in`, `out`, `both`, `none`) and speaks into (`whisper`)
    /// another; it comes in StasisStart with `args`.
    pub async fn snoop(
        &self,
        target: &ChannelId,
        id: &ChannelId,
        spy: &str,
        whisper: &str,
        args: &[&str],
    ) -> Result<Channel, AriError> {
        let args = args.join(",");
        self.read(
            Method::POST,
            &["channels", target.as_str(), "snoop", id.as_str()],
            &[
                ("spy", Some(spy)),
                ("whisper", Some(whisper)),
                ("app", Some(&self.host().app)),
                ("appArgs", Some(&args)),
            ],
            None,
        )
        .await
    }

    /// A variable's or function's value; `None` where it is unset.
    pub async fn channel_variable(
        &self,
        id: &ChannelId,
        name: &str,
    ) -> Result<Option<String>, AriError> {
        let read: Result<serde_json::Value, _> = self
            .get(
                &["channels", id.as_str(), "variable"],
                &[("variable", Some(name))],
            )
            .await;
        match read {
            Ok(answer) => Ok(answer
                .get("value")
                .and_then(|value| value.as_str())
                .map(str::to_owned)),
            // 404 also stands for "no such variable".
            Err(error) if error.is_gone() => self.channel(id).await.map(|_| None),
            Err(error) => Err(error),
        }
    }

    /// Sets variables in one go. A repeat sets them again.
    pub async fn set_channel_variables(
        &self,
        id: &ChannelId,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), AriError> {
        self.send(
            Method::POST,
            &["channels", id.as_str(), "variables"],
            &[],
            Some(&json!({ "variables": variables })),
        )
        .await
        .map(drop)
    }

    /// RTP counts of a leg; `Gone` where it has no RTP.
    pub async fn rtp_statistics(&self, id: &ChannelId) -> Result<RtpStatistics, AriError> {
        self.get(&["channels", id.as_str(), "rtp_statistics"], &[])
            .await
    }

    /// Claims a channel that `StasisBroadcast` offers; `false`: another app was faster, or it is
    /// over.
    pub async fn claim(&self, id: &ChannelId) -> Result<bool, AriError> {
        let sent = self
            .post(
                &["events", "claim"],
                &[
                    ("channelId", Some(id.as_str())),
                    ("application", Some(&self.host().app)),
                ],
            )
            .await;
        match sent {
            Ok(()) => Ok(true),
            Err(error) if error.is_gone() || error.status() == Some(StatusCode::CONFLICT) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
