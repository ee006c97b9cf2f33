//! One deed on one host: a few ARI commands in a row, each safe to repeat.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::ari::{
    Ari, AriError, BridgeId, Cause, ChannelId, HostName, Originate, PlaybackId,
};
use super::names::{CONTACT_VARIABLE, LEG};
use trunkline_routing::{ContactId, OfferId};

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
    /// Ring an agent's phone.
    Ring(Ring),
    /// Let caller and agent hear each other.
    Join {
        bridge: BridgeId,
        agent: ChannelId,
        stop: Option<PlaybackId>,
    },
    /// A last prompt to a caller, answered or not.
    Farewell {
        playback: PlaybackId,
        media: String,
    },
    Hangup(Cause),
    DestroyBridge(BridgeId),
}

/// What ringing a phone takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ring {
    pub offer: OfferId,
    pub endpoint: String,
    pub caller: ChannelId,
    pub caller_id: Option<String>,
    /// Until Asterisk itself gives up: later than the core, which comes first.
    pub timeout: Duration,
}

/// A deed that did not succeed, told to the state machine.
#[derive(Debug)]
pub(crate) struct Failed {
    pub act: Act,
    pub error: AriError,
}

/// An answer that got lost is asked for again; what runs in Asterisk by then is found as done.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(150);

impl Act {
    /// Does it; a lost answer is tried again, a refusal isn't.
    pub(crate) async fn carry_out(&self, ari: &Ari) -> Result<(), AriError> {
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

    async fn once(&self, ari: &Ari) -> Result<(), AriError> {
        let leg = &self.leg;
        match &self.what {
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
                let offer = ring.offer.to_string();
                let args = [LEG, &offer];
                ari.originate(&Originate {
                    endpoint: &ring.endpoint,
                    id: leg,
                    args: &args,
                    originator: Some(&ring.caller),
                    caller_id: ring.caller_id.as_deref(),
                    timeout: ring.timeout,
                    variables: BTreeMap::from([(
                        CONTACT_VARIABLE.into(),
                        ring.offer.contact.to_string(),
                    )]),
                })
                .await
                .map(drop)
            }
            What::Join {
                bridge,
                agent,
                stop,
            } => join(ari, leg, agent, bridge, stop.as_ref()).await,
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

async fn join(
    ari: &Ari,
    caller: &ChannelId,
    agent: &ChannelId,
    bridge: &BridgeId,
    stop: Option<&PlaybackId>,
) -> Result<(), AriError> {
    if let Some(playback) = stop {
        ari.stop_playback(playback).await?;
    }
    let (quiet, made) = tokio::join!(ari.music_stop(caller), ari.create_bridge(bridge));
    quiet?;
    // A leg that is in already would leave and enter anew: add only who is missing.
    let inside = match made? {
        super::super::ari::Done::Now => Vec::new(),
        super::super::ari::Done::Already => ari.bridge(bridge).await?.channels,
    };
    let missing: Vec<&ChannelId> = [caller, agent]
        .into_iter()
        .filter(|leg| !inside.contains(leg))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    ari.add_to_bridge(bridge, &missing).await
}
