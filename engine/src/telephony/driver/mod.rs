//! Voice over Asterisk: the routing core's outputs as calls, and calls as the core's inputs.
//!
//! `calls` and `events` are a pure state machine, `adopt` compares it with what Asterisk
//! holds; `host` keeps one connection a media host; `act` and `lanes` carry deeds out. This
//! module wires them: one task, which waits for nothing but its queues.

mod act;
mod adopt;
mod callback;
mod calls;
mod consult;
mod events;
mod host;
mod lanes;
mod menu;
mod message;
mod names;
pub(crate) mod outbound;
mod outside;
mod speech;
#[cfg(test)]
mod tests;
mod unheard;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use trunkline_routing::{ContactId, Span, Time};

use super::ari::{Ari, HostName, RtpStatistics};
use super::{CallAudio, Command, LegAudio, MediaHosts, Recovered, Report, Telephony, Told};
use calls::{Calls, Effects};
use host::FromHost;
use lanes::Lanes;
use unheard::Unheard;

/// A media host that we could not reach for this long is taken for dead.
const HOST_LOST_AFTER: Duration = Duration::from_secs(15);
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// How often it is looked who is not heard.
const LISTENING: Duration = Duration::from_millis(250);

impl From<RtpStatistics> for LegAudio {
    fn from(counted: RtpStatistics) -> Self {
        Self {
            received: counted.rxcount,
            sent: counted.txcount,
            received_lost: counted.rxploss,
            sent_lost: counted.txploss,
        }
    }
}

/// What a media pod's configuration and this driver agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The app: `acd`.
    pub app: String,
    /// Class of music on hold.
    pub music: String,
    /// The folder where the side-car renders prompts, one `NAME.wav` each.
    pub prompts: String,
    /// How often a waiting caller is told where they stand.
    pub news_every: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app: "acd".into(),
            music: "default".into(),
            prompts: crate::media::PROMPTS.into(),
            news_every: Span::seconds(45),
        }
    }
}

/// The engine's clock, in the core's units.
pub(crate) fn clock() -> Time {
    Time(chrono::Utc::now().timestamp_micros())
}

/// Starts to carry calls, from where a predecessor left off. Send [`Command::Configure`] and
/// then [`Command::Hosts`] to begin.
pub fn start(settings: Settings, recovered: Recovered) -> Telephony {
    let (commands, to_do) = mpsc::unbounded_channel();
    let (tell, reports) = mpsc::unbounded_channel();
    let (from_hosts, hosts) = mpsc::unbounded_channel();
    let (told, deeds) = mpsc::unbounded_channel();
    let mut calls = Calls::new(settings);
    calls.recover(recovered);
    let driver = Driver::new(calls, told, tell, from_hosts);
    tokio::spawn(driver.run(to_do, hosts, deeds));
    Telephony { commands, reports }
}

/// Whether a host can be commanded, and since when that is so.
#[derive(Clone, Copy)]
enum Reach {
    Up(Instant),
    Down(Instant),
}

struct Connection {
    ari: Ari,
    task: AbortHandle,
    /// When something came last; `None`: it was never connected.
    heard: Option<watch::Receiver<Instant>>,
    reach: Reach,
    /// Its callers have been given up.
    given_up: bool,
}

impl Connection {
    /// Since when it can't be commanded; `None`: it can.
    fn down_since(&self) -> Option<Instant> {
        match self.reach {
            Reach::Up(_) => None,
            Reach::Down(since) => Some(since),
        }
    }

    /// Whether the answer to a deed that was begun then may have been lost with the connection.
    fn was_lost_after(&self, begun: Instant) -> bool {
        match self.reach {
            Reach::Up(since) => since > begun,
            Reach::Down(_) => true,
        }
    }

    /// Since when what its phones do is not known; `None`: it is known, or its callers are given up.
    fn unheard_since(&self) -> Option<Instant> {
        if self.given_up {
            return None;
        }
        let heard = match &self.heard {
            Some(heard) => *heard.borrow(),
            None => self.down_since()?,
        };
        let lost = self.heard.is_some() && self.down_since().is_some();
        (lost || unheard::is_doubted(heard)).then_some(heard)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Driver {
    calls: Calls,
    connections: BTreeMap<HostName, Connection>,
    lanes: Lanes,
    tell: mpsc::UnboundedSender<Told>,
    from_hosts: mpsc::UnboundedSender<(HostName, FromHost)>,
    /// Hosts of our callers that are expected and can't be commanded yet, since when; `None`: they have been given up.
    awaited: BTreeMap<HostName, Option<Instant>>,
    /// Since when the hosts are known where a predecessor's callbacks are looked for.
    sought_since: Option<Instant>,
    unheard: Unheard,
    /// There is a host that doesn't take our commands yet.
    missing: bool,
}

impl Driver {
    /// Of no host yet.
    fn new(
        calls: Calls,
        told: mpsc::UnboundedSender<act::Told>,
        tell: mpsc::UnboundedSender<Told>,
        from_hosts: mpsc::UnboundedSender<(HostName, FromHost)>,
    ) -> Self {
        Self {
            calls,
            connections: BTreeMap::new(),
            lanes: Lanes::new(told),
            tell,
            from_hosts,
            awaited: BTreeMap::new(),
            sought_since: None,
            unheard: Unheard::default(),
            missing: false,
        }
    }

    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut hosts: mpsc::UnboundedReceiver<(HostName, FromHost)>,
        mut deeds: mpsc::UnboundedReceiver<act::Told>,
    ) {
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listening = interval(LISTENING);
        listening.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut out = Effects::default();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Hosts(named)) => self.name_hosts(named, &mut out),
                    Some(Command::Measure { contact, answer }) => self.measure(contact, answer),
                    Some(Command::Fetch { contact, answer }) => self.fetch(contact, answer),
                    Some(Command::Forget { contact, host, answer }) => self.forget(contact, &host, answer),
                    Some(command) => self.calls.command(clock(), command, &mut out),
                    None => return,
                },
                Some((host, news)) = hosts.recv() => {
                    if self.news(&host, news, &mut out) {
                        return;
                    }
                }
                Some(told) = deeds.recv() => match told {
                    act::Told::Failed(failure) => self.failed(*failure, &mut out),
                    act::Told::Found(message) => self.calls.message_found(message, &mut out),
                },
                _ = housekeeping.tick() => self.keep_house(&mut out),
                due = listening.tick() => {
                    // After a pause of our own what came meanwhile is read first.
                    if due.elapsed() < LISTENING {
                        self.listen(&mut out);
                    }
                }
            }
            if !self.emit(out) {
                return;
            }
        }
    }

    /// `false`: nobody listens any more.
    fn emit(&mut self, out: Effects) -> bool {
        for act in out.acts {
            match self.connections.get(&act.host) {
                Some(connection) => self.lanes.push(&connection.ari, act),
                None => tracing::debug!(host = %act.host, "a deed for a host that is gone"),
            }
        }
        out.reports
            .into_iter()
            .all(|report| self.tell.send(report.into()).is_ok())
    }

    fn name_hosts(&mut self, there: MediaHosts, out: &mut Effects) {
        let MediaHosts {
            ours: named,
            expected,
        } = there;
        let names: Vec<HostName> = named.iter().map(|host| host.name.clone()).collect();
        self.connections.retain(|name, _| names.contains(name));
        self.calls.online.retain(|host, _| names.contains(host));
        self.missing = expected.iter().any(|host| !names.contains(host));
        for host in self.calls.hosts() {
            if !names.contains(&host) && !expected.contains(&host) {
                self.lanes.drop_host(&host);
                let cause = format!("media host {host} is gone");
                self.calls.lose_host(&host, &cause, out);
                out.reports.push(Report::Host { host, up: false });
            }
        }
        for host in self.calls.speaking_on() {
            if !names.contains(&host) && !expected.contains(&host) {
                self.calls.forget_host(&host);
            }
        }
        let held = self.calls.hosts();
        self.awaited
            .retain(|host, _| held.contains(host) && !names.contains(host));
        for host in held.into_iter().filter(|host| !names.contains(host)) {
            self.awaited.entry(host).or_insert(Some(Instant::now()));
        }
        if !names.is_empty() {
            self.sought_since.get_or_insert_with(Instant::now);
        }
        for host in named {
            let known = self.connections.get(&host.name);
            if known.is_some_and(|connection| *connection.ari.host() == host) {
                continue;
            }
            let name = host.name.clone();
            let ari = match Ari::new(host) {
                Ok(ari) => ari,
                Err(error) => {
                    tracing::error!(host = %name, %error, "a media host that can't be used");
                    continue;
                }
            };
            let task = tokio::spawn(host::run(ari.clone(), self.from_hosts.clone()));
            let connection = Connection {
                ari,
                task: task.abort_handle(),
                heard: None,
                reach: Reach::Down(Instant::now()),
                given_up: false,
            };
            self.connections.insert(name, connection);
        }
    }

    /// Asks the hosts in turn, on a task of its own: one of them has it, if any.
    fn fetch(&self, contact: ContactId, answer: mpsc::Sender<Vec<u8>>) {
        let connections = self.connections.values();
        let hosts: Vec<Ari> = connections
            .map(|connection| connection.ari.clone())
            .collect();
        let recording = names::message(contact);
        tokio::spawn(async move {
            for ari in hosts {
                if let Ok(file) = ari.recording_file(&recording).await {
                    // Who asked may have gone.
                    return drop(answer.send(file).await);
                }
            }
        });
    }

    /// Asks its host, on a task of its own.
    fn forget(&self, contact: ContactId, host: &HostName, answer: mpsc::Sender<bool>) {
        let ari = self.connections.get(host).map(|it| it.ari.clone());
        let recording = names::message(contact);
        tokio::spawn(async move {
            let gone = match ari {
                Some(ari) => ari.delete_recording(&recording).await.is_ok(),
                None => false,
            };
            // Who asked may have gone.
            let _ = answer.send(gone).await;
        });
    }

    /// Asks the host, on a task of its own: the driver waits for nobody.
    fn measure(&self, contact: ContactId, answer: mpsc::Sender<CallAudio>) {
        let Some(known) = self.calls.contacts.get(&contact) else {
            return;
        };
        let Some(connection) = self.connections.get(&known.call.host) else {
            return;
        };
        let ari = connection.ari.clone();
        let customer = known.call.channel.clone();
        let agent = known.stage.offer().map(names::leg);
        tokio::spawn(async move {
            let Ok(counted) = ari.rtp_statistics(&customer).await else {
                return;
            };
            let agent = match agent {
                Some(leg) => ari.rtp_statistics(&leg).await.ok().map(LegAudio::from),
                None => None,
            };
            let customer = counted.into();
            // Who asked may have gone.
            let _ = answer.send(CallAudio { customer, agent }).await;
        });
    }

    /// `true`: another leader is at work.
    fn news(&mut self, host: &HostName, news: FromHost, out: &mut Effects) -> bool {
        let now = clock();
        let Some(connection) = self.connections.get_mut(host) else {
            return false; // told before it was let go
        };
        match news {
            FromHost::Connected(listing, heard) => {
                connection.reach = Reach::Up(Instant::now());
                connection.given_up = false;
                connection.heard = Some(heard);
                // Before what was missed.
                self.listen(out);
                tracing::info!(%host, channels = listing.channels.len(), bridges = listing.bridges.len(), "media host connected");
                self.calls.compare(now, host, &listing, out);
                self.calls.all_finished(now, host, out);
                self.ask_unfound(now, out);
                out.reports.push(Report::Host {
                    host: host.clone(),
                    up: true,
                });
            }
            FromHost::Listed(listing) => self.calls.compare(now, host, &listing, out),
            FromHost::Event(event) => self.calls.event(now, host, *event, out),
            FromHost::Lost(why) => {
                tracing::warn!(%host, why, "media host not connected");
                if connection.down_since().is_none() {
                    connection.reach = Reach::Down(Instant::now());
                    out.reports.push(Report::Host {
                        host: host.clone(),
                        up: false,
                    });
                }
                self.listen(out);
            }
            FromHost::Final(why) => {
                tracing::warn!(%host, why, "stepping down");
                let host = host.clone();
                // What was decided before stays decided; only nothing more is done.
                let _ = self.tell.send(Report::SteppedDown { host, why }.into());
                return true;
            }
        }
        false
    }

    /// Once every host that there should be has been looked at.
    fn ask_unfound(&mut self, now: Time, out: &mut Effects) {
        let mut all = self.connections.values();
        if self.sought_since.is_some()
            && self.awaited.is_empty()
            && !self.missing
            && all.all(|it| it.down_since().is_none())
        {
            self.calls.ask_unfound(now, out);
        }
    }

    /// A deed did not succeed. Of two who were to be joined as their host was lost that is not known.
    fn failed(&mut self, failed: act::Failed, out: &mut Effects) {
        let host = self.connections.get(&failed.act.host);
        let host = host.filter(|it| it.was_lost_after(failed.begun));
        if let (Some(host), Some(offer)) = (host, failed.joining_untold()) {
            let act::Failed { act, error, .. } = failed;
            let back = host.down_since().is_none();
            tracing::info!(host = %act.host, leg = %act.leg, %error, back, "to be joined by a host that was lost");
            // Where it is not back yet that is seen when it is; else it was listed while an answer could still come.
            if self.calls.is_joining(offer) {
                if back {
                    out.acts.push(act);
                } else {
                    self.calls.unsettle(offer.contact);
                }
            }
            return;
        }
        self.calls.failed(clock(), failed, out);
    }

    /// Tells whose answers can't be heard.
    fn listen(&mut self, out: &mut Effects) {
        let ours = self.connections.iter();
        let ours = ours.filter_map(|(host, it)| Some((host.clone(), it.unheard_since()?)));
        let awaited = self.awaited.iter();
        let awaited = awaited.filter_map(|(host, since)| Some((host.clone(), (*since)?)));
        let awaited = awaited.filter(|(_, since)| unheard::is_doubted(*since));
        let silent = ours.chain(awaited).collect();
        self.unheard.look(silent, clock(), &mut self.calls, out);
    }

    fn keep_house(&mut self, out: &mut Effects) {
        for (host, connection) in &mut self.connections {
            let dead = connection
                .down_since()
                .is_some_and(|since| since.elapsed() > HOST_LOST_AFTER);
            if dead && !connection.given_up {
                connection.given_up = true;
                let cause = format!("media host {host} has not answered for {HOST_LOST_AFTER:?}");
                self.calls.lose_host(host, &cause, out);
            }
        }
        for (host, since) in &mut self.awaited {
            if since.is_some_and(|since| since.elapsed() > HOST_LOST_AFTER) {
                *since = None;
                let cause =
                    format!("media host {host} could not be taken over in {HOST_LOST_AFTER:?}");
                self.calls.lose_host(host, &cause, out);
            }
        }
        if self
            .sought_since
            .is_some_and(|since| since.elapsed() > HOST_LOST_AFTER)
        {
            let mut all = self.connections.values();
            let seen = self.awaited.is_empty() && all.all(|it| it.down_since().is_none());
            let cause = (!seen).then_some("not on any media host that can be reached");
            self.calls.give_up_unfound(cause, out);
        }
        let now = clock();
        self.ask_unfound(now, out);
        self.calls.menus_due(now, out);
        self.calls.news_due(now, out);
        let calls = &self.calls;
        self.lanes.keep(|place| calls.knows(place));
    }
}

#[cfg(test)]
mod joining {
    use trunkline_routing::{DeclineCause, Input, OfferId};

    use super::tests::Machine;
    use super::*;

    const OFFER: OfferId = OfferId {
        contact: ContactId(1),
        generation: 1,
    };

    /// A host that was reached or lost so long after the deed was begun; negative: before it.
    async fn after(begun: Instant, reach: impl Fn(Instant) -> Reach, later: i64) -> Effects {
        let (told, _) = mpsc::unbounded_channel();
        let (tell, _reports) = mpsc::unbounded_channel();
        let (from_hosts, _hosts) = mpsc::unbounded_channel();
        let span = Duration::from_millis(later.unsigned_abs());
        let at = if later < 0 {
            begun - span
        } else {
            begun + span
        };
        let ari = Ari::of_test("http://127.0.0.1:9/ari");
        let host = ari.host().name.clone();
        // Nobody listens there.
        let error = ari.channels().await.unwrap_err();
        let connection = Connection {
            ari,
            task: tokio::spawn(std::future::pending::<()>()).abort_handle(),
            heard: None,
            reach: reach(at),
            given_up: false,
        };
        let mut driver = Driver::new(Machine::joining().calls, told, tell, from_hosts);
        driver.connections.insert(host.clone(), connection);
        let act = act::Act {
            host: host.clone(),
            leg: "media-0-1795383183.1".into(),
            what: act::What::Join {
                bridge: names::bridge(OFFER.contact),
                agent: names::leg(OFFER),
                stop: None,
            },
        };
        let mut out = Effects::default();
        let failed = act::Failed { act, error, begun };
        driver.failed(failed, &mut out);
        out
    }

    fn declined(out: &Effects) -> bool {
        let failed = |report: &Report| {
            matches!(
                report,
                Report::Input(Input::Decline {
                    offer: OFFER,
                    cause: DeclineCause::Failed
                })
            )
        };
        out.reports.iter().any(failed)
    }

    #[tokio::test]
    async fn who_picked_up_as_the_host_was_lost_is_joined_though_the_last_try_ends_after_it_is_back()
     {
        let begun = Instant::now();
        let out = after(begun, Reach::Up, 400).await;
        assert!(!declined(&out));
        assert!(matches!(
            out.acts[..],
            [act::Act {
                what: act::What::Join { .. },
                ..
            }]
        ));
        // It is still away: who is there is seen when it is back.
        let out = after(begun, Reach::Down, -400).await;
        assert!(!declined(&out) && out.acts.is_empty());
        // It was there all the time, and can't.
        let out = after(begun, Reach::Up, -400).await;
        assert!(declined(&out));
    }
}
