//! A media host that is not heard for longer than phones ring: nobody is blamed for what it could not tell, and nobody
//! else waits for it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use trunkline_engine::run::Voice;
use trunkline_engine::telephony::driver::Settings;

use crate::centre::{Centre, queue, set, sofia_is_a_specialist};
use crate::pretended::Asterisk;
use crate::support::eventually;

const RING: Duration = Duration::from_secs(4);
/// Longer than all that is left of a ring, and shorter than a host is taken for dead.
const SILENCE: Duration = Duration::from_secs(7);

/// Longer than joining may take, and than it is tried for; shorter than a host is taken for dead.
const JOINING: Duration = Duration::from_secs(11);

impl Centre {
    /// Phones ring for [`RING`], and so do desks for chats; Sofia takes chats alone.
    async fn with(hosts: &[&Asterisk]) -> Self {
        let hosts = hosts.iter().map(|host| host.host()).collect();
        let voice = Voice::Ari(Settings::default());
        Self::open_with(voice, hosts, |tenant| {
            sofia_is_a_specialist(tenant);
            // By which callers can be called back.
            let trunk = json!({
                "carrier": {"host": "10.88.0.10"}, "auth": {"type": "Address"}, "codecs": ["alaw"], "numbers": ["+1*"],
                "limits": {}, "outbound": {"prefixes": ["+49"], "callerId": "Client"}, "drainDeadline": "30m"
            });
            let trunk = serde_json::from_value(trunk).unwrap();
            tenant.trunks.insert("carrier".into(), trunk);
            let ring = format!("{}s", RING.as_secs());
            set(queue(tenant, "acme/orders"), json!({"ring": ring}));
            let teams = json!([{"name": "specialists", "guaranteed": 0}]);
            set(
                queue(tenant, "chats"),
                json!({"ring": ring, "teams": teams}),
            );
        })
        .await
    }

    /// Signed in, and their phone is known to be there.
    async fn awaits_calls(&self, agent: &str) {
        self.works(agent).await;
        eventually("they are idle", async || {
            self.agent(agent).await["state"] == "idle"
        })
        .await;
    }

    /// Maria talks with the first caller, by the offer that she was rung for first.
    async fn talks_by_one_offer(self) {
        self.becomes(1, "talking", Some("maria")).await;
        assert_eq!(self.contact(1).await["generation"], 1, "of one offer");
        self.close().await;
    }

    /// Why they take no contacts.
    async fn away(&self, agent: &str) -> Option<String> {
        let shown = self.agent(agent).await;
        (shown["state"] == "notReady").then(|| shown["reason"].as_str().unwrap().to_owned())
    }
}

/// A caller on one media host is offered to Maria, whose phone rings.
async fn marias_phone_rings() -> (Asterisk, Centre) {
    let asterisk = Asterisk::start("media-0").await;
    let centre = Centre::with(&[&asterisk]).await;
    centre.awaits_calls("maria").await;
    asterisk.is_called();
    asterisk.rings("maria").await;
    (asterisk, centre)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_picks_up_while_their_host_is_not_heard_talks_when_it_is_heard_again() {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.falls_silent();
    sleep(Duration::from_secs(1)).await;
    asterisk.picks_up("maria");
    sleep(SILENCE - Duration::from_secs(1)).await;
    assert_eq!(centre.away("maria").await, None);
    asterisk.is_heard_again();
    centre.talks_by_one_offer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_phone_still_rings_when_it_is_heard_again_has_the_rest_of_the_ring_and_no_more() {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.falls_silent();
    sleep(SILENCE).await;
    asterisk.is_heard_again();
    let again = Instant::now();
    // At most 2.2 s of it had gone before.
    sleep(RING / 4).await;
    centre.is(1, "offered", Some("maria")).await;
    let blamed = async {
        while centre.away("maria").await.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), blamed).await.unwrap();
    // The rest of a ring is less than one. With a whole one on top of the rest it would be six seconds and more.
    let rest = again.elapsed();
    println!("away {rest:?} after it was heard again");
    assert!(rest < RING + RING / 3, "{rest:?}");
    assert_eq!(centre.away("maria").await.as_deref(), Some("rona"));
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_host_is_not_heard_chats_and_calls_on_another_ring_for_as_long_as_ever() {
    let asterisk = Asterisk::start("media-0").await;
    let other = Asterisk::start("media-1").await;
    let centre = Centre::with(&[&asterisk, &other]).await;
    // All are there first: what it takes is no part of any ring.
    centre.awaits_calls("maria").await;
    centre.awaits_calls("noah").await;
    centre.works("sofia").await;
    asterisk.is_called();
    asterisk.rings("maria").await;
    other.is_called();
    other.rings("noah").await;
    let chat = centre.comes("chats").await;
    centre.is(chat, "offered", Some("sofia")).await;
    asterisk.falls_silent();
    sleep(SILENCE).await;
    let mut away = Vec::new();
    for agent in ["maria", "noah", "sofia"] {
        away.push(centre.away(agent).await);
    }
    let rona = Some("rona".to_owned());
    assert_eq!(away, [None, rona.clone(), rona]);
    centre.is(1, "offered", Some("maria")).await;
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_host_that_is_never_heard_again_are_dropped_and_called_back_and_nobody_is_blamed()
 {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.falls_silent();
    let began = Instant::now();
    eventually("they are dropped", async || {
        assert_eq!(centre.away("maria").await, None);
        let stretches = centre.stretches(1).await;
        stretches.iter().any(|(_, _, end)| end == "dropped")
    })
    .await;
    println!("dropped after {:?}", began.elapsed());
    let (history, _) = centre.explained(1, "maria").await;
    assert!(!history.contains("Rona"), "{history}");
    let (_, booked) = centre.admin.get("/api/v1/callbacks").await;
    assert_eq!(booked[0]["id"], 1, "{booked}");
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_picked_up_when_their_host_fell_silent_is_joined_when_it_is_heard_again() {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.will_fall_silent();
    asterisk.picks_up("maria");
    eventually("it is silent", async || asterisk.is_silent()).await;
    // By then joining has been tried for as long as it is, and is to be over by the core's clock.
    sleep(JOINING).await;
    asterisk.is_heard_again();
    centre.talks_by_one_offer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_picked_up_and_was_let_go_while_their_host_was_not_heard_is_rung_again() {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.falls_silent();
    sleep(Duration::from_secs(1)).await;
    asterisk.lets_go("maria");
    sleep(SILENCE - Duration::from_secs(1)).await;
    asterisk.is_heard_again();
    asterisk.rings("maria").await;
    asterisk.picks_up("maria");
    centre.talks_by_one_offer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_cannot_hear_the_host_yet_gives_nobody_up() {
    let (asterisk, centre) = marias_phone_rings().await;
    asterisk.falls_silent();
    let voice = Voice::Ari(Settings::default());
    let centre = centre.succeeded(voice, vec![asterisk.host()]).await;
    asterisk.picks_up("maria");
    // A new leader waits for five seconds in any case.
    sleep(Duration::from_secs(5) + RING).await;
    assert_eq!(centre.away("maria").await, None);
    asterisk.is_heard_again();
    centre.talks_by_one_offer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_comes_before_a_new_leader_hears_the_host_blames_nobody_and_rings_when_it_does()
 {
    let asterisk = Asterisk::start("media-0").await;
    let centre = Centre::with(&[&asterisk]).await;
    centre
        .change(|tenant| set(queue(tenant, "calls"), json!({"ring": "4s"})))
        .await;
    centre.awaits_calls("maria").await;
    asterisk.falls_silent();
    let voice = Voice::Ari(Settings::default());
    let centre = centre.succeeded(voice, vec![asterisk.host()]).await;
    let contact = centre.wants_a_call("calls").await;
    sleep(SILENCE).await;
    assert_eq!(centre.away("maria").await, None);
    assert_eq!(centre.contact(contact).await["state"], "waiting");
    asterisk.is_heard_again();
    asterisk.rings("maria").await;
    centre.becomes(contact, "offered", Some("maria")).await;
    assert_eq!(centre.away("maria").await, None);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_an_agent_is_shown_the_number_of_whom_they_are_to_call_back() {
    let asterisk = Asterisk::start("media-0").await;
    let centre = Centre::with(&[&asterisk]).await;
    // Nobody is there yet; the successor knows of the callback from the journal, which has names for numbers.
    let contact = centre.wants_a_call("calls").await;
    let voice = Voice::Ari(Settings::default());
    let centre = centre.succeeded(voice, vec![asterisk.host()]).await;
    centre.works("maria").await;
    asterisk.rings("maria").await;
    centre.becomes(contact, "offered", Some("maria")).await;
    let shown = asterisk.shown_to("maria").unwrap_or_default();
    assert!(shown.contains("+4930"), "{shown}");
    centre.close().await;
}
