//! One deed on one host: a few ARI commands in a row, each safe to repeat.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::ari::{
    Ari, AriError, BridgeId, Cause, ChannelId, HostName, Originate, PlaybackId, RecordOptions,
    RecordingName,
};
use super::names::{CONTACT_VARIABLE, farewell, message, offer_of};
use super::outbound::Shown;
use trunkline_routing::{ContactId, OfferId, Span};

/// A deed, and the leg whose deeds are done one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Act {
    pub host: HostName,
    pub leg: ChannelId,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// Answer a caller, mark the channel, greet or play music.
    Welcome {
        contact: ContactId,
        greeting: Option<(PlaybackId, String)>,
        music: String,
    },
    /// Music to a waiting caller, out of whatever bridge it is in.
    Music {
        leave: BridgeId,
        music: String,
    },
    /// Ring an agent's phone, or somebody outside.
    Ring(Ring),
    /// Answer a caller who is no contact yet, and ask which queue they want.
    Ask {
        playback: PlaybackId,
        media: Option<String>,
    },
    /// Stop what plays: a choice was made.
    Quiet(PlaybackId),
    /// Tell a waiting caller something, in place of the music.
    Announce {
        playback: PlaybackId,
        media: Vec<String>,
    },
    /// Let caller and agent hear each other.
    Join {
        bridge: BridgeId,
        agent: ChannelId,
        stop: Option<PlaybackId>,
    },
    /// Let all of these hear each other, the caller among them; what the two bridges were for is over.
    Gather {
        bridge: BridgeId,
        legs: Vec<ChannelId>,
        leave: BridgeId,
    },
    /// A last prompt to a caller, answered or not.
    Farewell {
        playback: PlaybackId,
        media: String,
    },
    /// A prompt, a tone, and what the caller says after it is kept.
    TakeMessage {
        playback: PlaybackId,
        media: Option<String>,
        recording: RecordingName,
    },
    /// Look for a caller's message, where nothing has told how it went. One that is being made goes on; one that was never
    /// begun begins, if its caller is still there.
    SeekMessage(ContactId),
    Hangup(Cause),
    DestroyBridge(BridgeId),
}

impl What {
    /// What it is, without whom it is about.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::Music { .. } => "music",
            Self::Ring(_) => "ring",
            Self::Ask { .. } => "ask",
            Self::Quiet(_) => "quiet",
            Self::Announce { .. } => "announce",
            Self::Join { .. } => "join",
            Self::Gather { .. } => "gather",
            Self::Farewell { .. } => "farewell",
            Self::TakeMessage { .. } => "take a message",
            Self::SeekMessage(_) => "look for a message",
            Self::Hangup(_) => "hang up",
            Self::DestroyBridge(_) => "destroy the bridge",
        }
    }
}

/// What ringing a phone takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ring {
    /// The app's arguments when it is answered.
    pub args: [String; 2],
    pub contact: ContactId,
    pub endpoint: String,
    /// Whose codecs are taken over.
    pub originator: Option<ChannelId>,
    pub shown: Shown,
    /// Until Asterisk itself gives up: later than the core, which comes first.
    pub timeout: Duration,
}

/// A deed that did not succeed, told to the state machine.
#[derive(Debug)]
pub(crate) struct Failed {
    pub act: Act,
    pub error: AriError,
    /// When it was first tried.
    pub begun: Instant,
}

impl Failed {
    /// The offer whose agent and customer may be joined or not, which nobody has told.
    pub(crate) fn joining_untold(&self) -> Option<OfferId> {
        match &self.act.what {
            What::Join { agent, .. } if self.error.status().is_none() => offer_of(agent),
            _ => None,
        }
    }
}

/// What the state machine is told of a deed.
#[derive(Debug)]
pub(crate) enum Told {
    Failed(Box<Failed>),
    Found(Message),
}

/// A caller's message is not being made any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub contact: ContactId,
    pub host: HostName,
    /// `None`: there is none.
    pub length: Option<Span>,
}

/// Three minutes at most; ten seconds of silence, or a key, end it.
const MESSAGE: RecordOptions<'static> = RecordOptions {
    format: "wav",
    at_most: Some(Duration::from_secs(180)),
    silence: Some(Duration::from_secs(10)),
    beep: true,
    terminate_on: "any",
};

/// An answer that got lost is asked for again; what runs in Asterisk by then is found as done.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(150);

impl Act {
    /// Does it; a lost answer is tried again, a refusal isn't.
    pub(crate) async fn carry_out(&self, ari: &Ari) -> Result<Option<Message>, AriError> {
        let mut tried = 1;
        loop {
            match self.once(ari).await {
                Err(AriError::Unreachable { .. }) if tried < TRIES => {
                    tokio::time::sleep(BETWEEN_TRIES * tried).await;
                    tried += 1;
                }
                result => return result,
            }
        }
    }

    async fn once(&self, ari: &Ari) -> Result<Option<Message>, AriError> {
        match self.what {
            What::SeekMessage(contact) => self.seek_message(ari, contact).await,
            _ => self.command(&self.what, ari).await.map(|()| None),
        }
    }

    async fn seek_message(
        &self,
        ari: &Ari,
        contact: ContactId,
    ) -> Result<Option<Message>, AriError> {
        let recording = message(contact);
        match ari.live_recording(&recording).await {
            Ok(_) => return Ok(None),
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(error),
        }
        let length = match ari.recording_file(&recording).await {
            Ok(wav) => Some(seconds_of(&wav)),
            Err(error) if error.is_gone() => None,
            Err(error) => return Err(error),
        };
        if length.is_none() {
            // Whoever was to have it taken died before. Which prompt it had is not known any more; the tone is.
            let take = What::TakeMessage {
                playback: farewell(contact),
                media: None,
                recording,
            };
            match self.command(&take, ari).await {
                Ok(()) => return Ok(None),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Message {
            contact,
            host: self.host.clone(),
            length,
        }))
    }

    async fn command(&self, what: &What, ari: &Ari) -> Result<(), AriError> {
        let leg = &self.leg;
        match what {
            What::SeekMessage(_) => Ok(()),
            What::Welcome {
                contact,
                greeting,
                music,
            } => {
                ari.answer(leg).await?;
                match greeting {
                    Some((id, media)) => {
                        ari.play(leg, id, &[media]).await?;
                    }
                    None => ari.music_start(leg, music).await?,
                }
                let mark = BTreeMap::from([(CONTACT_VARIABLE.into(), contact.to_string())]);
                ari.set_channel_variables(leg, &mark).await
            }
            What::Music { leave, music } => {
                ari.remove_from_bridge(leave, leg).await?;
                ari.music_start(leg, music).await
            }
            What::Ring(ring) => {
                let args: Vec<&str> = ring.args.iter().map(String::as_str).collect();
                let mut variables =
                    BTreeMap::from([(CONTACT_VARIABLE.into(), ring.contact.to_string())]);
                let caller_id = match &ring.shown {
                    Shown::Number(number) => Some(number.as_str()),
                    Shown::TrunksOwn => None,
                    Shown::Nobodys => {
                        variables.insert("CALLERID(pres)".into(), "prohib".into());
                        Some("anonymous")
                    }
                };
                ari.originate(&Originate {
                    endpoint: &ring.endpoint,
                    id: leg,
                    args: &args,
                    originator: ring.originator.as_ref(),
                    caller_id,
                    timeout: ring.timeout,
                    variables,
                })
                .await
                .map(drop)
            }
            What::Ask { playback, media } => {
                ari.answer(leg).await?;
                match media {
                    Some(media) => ari.play(leg, playback, &[media]).await.map(drop),
                    None => Ok(()),
                }
            }
            What::Quiet(playback) => ari.stop_playback(playback).await.map(drop),
            What::Announce { playback, media } => {
                ari.music_stop(leg).await?;
                let media: Vec<&str> = media.iter().map(String::as_str).collect();
                ari.play(leg, playback, &media).await.map(drop)
            }
            What::TakeMessage {
                playback,
                media,
                recording,
            } => {
                ari.answer(leg).await?;
                ari.music_stop(leg).await?;
                if let Some(media) = media {
                    ari.play(leg, playback, &[media]).await?;
                }
                // Asterisk does one after the other: the recording begins when the prompt ends.
                ari.record_channel(leg, recording, MESSAGE).await.map(drop)
            }
            What::Join {
                bridge,
                agent,
                stop,
            } => join(ari, &[leg, agent], bridge, stop.as_ref()).await,
            What::Gather {
                bridge,
                legs,
                leave,
            } => {
                let legs: Vec<&ChannelId> = std::iter::once(leg).chain(legs).collect();
                join(ari, &legs, bridge, None).await?;
                ari.destroy_bridge(leave).await.map(drop)
            }
            What::Farewell { playback, media } => {
                ari.answer(leg).await?;
                ari.music_stop(leg).await?;
                ari.play(leg, playback, &[media]).await.map(drop)
            }
            What::Hangup(cause) => ari.hangup(leg, *cause).await.map(drop),
            What::DestroyBridge(bridge) => ari.destroy_bridge(bridge).await.map(drop),
        }
    }
}

/// Whole seconds of a WAV file as Asterisk writes it: a header of 44 bytes, the byte rate at its 28th.
fn seconds_of(wav: &[u8]) -> Span {
    const HEADER: usize = 44;
    let rate = wav.get(28..32).and_then(|rate| rate.try_into().ok());
    let rate = rate.map_or(16_000, u32::from_le_bytes).max(1);
    let bytes = wav.len().saturating_sub(HEADER) as u64;
    Span::seconds(i64::try_from(bytes / u64::from(rate)).unwrap_or(i64::MAX))
}

/// The first of the legs is the one that may hear music or a prompt until now.
async fn join(
    ari: &Ari,
    legs: &[&ChannelId],
    bridge: &BridgeId,
    stop: Option<&PlaybackId>,
) -> Result<(), AriError> {
    if let Some(playback) = stop {
        ari.stop_playback(playback).await?;
    }
    let quieten = async {
        match legs.first() {
            Some(caller) => ari.music_stop(caller).await,
            None => Ok(()),
        }
    };
    let (quiet, made) = tokio::join!(quieten, ari.create_bridge(bridge));
    quiet?;
    // A leg that is in already would leave and enter anew: add only who is missing.
    let inside = match made? {
        super::super::ari::Done::Now => Vec::new(),
        super::super::ari::Done::Already => ari.bridge(bridge).await?.channels,
    };
    let missing: Vec<&ChannelId> = legs
        .iter()
        .copied()
        .filter(|leg| !inside.contains(leg))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    ari.add_to_bridge(bridge, &missing).await
}
