//! The one centre that all tests share.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_e2e::centre::{Centre, TENANT, install, repository};
use trunkline_e2e::cluster::Cluster;
use trunkline_e2e::progress::Progress;
use trunkline_e2e::world::{Party, World};

/// So long may a stage of a call take before something is wrong.
pub const SOON: Duration = Duration::from_secs(30);

/// The centre, with its carriers running.
pub struct Fixture {
    pub centre: Centre,
    _carrier_a: Party,
    /// `None` while a test has it silent.
    pub carrier_b: Option<Party>,
}

/// The centre while a test has it to itself. A test that fails leaves what the centre and its
/// programs said: nobody can look at it later.
pub struct Held(MutexGuard<'static, Fixture>);

impl Deref for Held {
    type Target = Fixture;
    fn deref(&self) -> &Fixture {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Fixture {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.tell();
        }
    }
}

/// The deployed centre; the first who asks deploys it.
pub fn centre() -> Held {
    static SHARED: OnceLock<Mutex<Fixture>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let progress = Progress::default();
        let cluster = Cluster::from_env().unwrap();
        let world = World::attach(&repository()).unwrap();
        install(&cluster, &progress).unwrap();
        let centre = Centre::deploy(cluster, world, progress).unwrap();
        let carrier_a = centre.carrier_a().unwrap();
        let carrier_b = Some(centre.carrier_b().unwrap());
        centre.all_ready().unwrap();
        Mutex::new(Fixture {
            centre,
            _carrier_a: carrier_a,
            carrier_b,
        })
    });
    // One failed test must not fail the rest.
    let mut fixture = shared.lock().unwrap_or_else(PoisonError::into_inner);
    fixture.clear();
    Held(fixture)
}

impl Fixture {
    /// Prints the state of the centre and the ends of its programs' logs.
    fn tell(&mut self) {
        let cluster = &self.centre.cluster;
        let tenant = |more: &[&str]| {
            let mut args = vec!["-n", TENANT];
            args.extend(more);
            args.push("--request-timeout=5s");
            match cluster.kubectl(&args) {
                Ok(text) => eprintln!("--- kubectl {}\n{text}", args.join(" ")),
                Err(error) => eprintln!("--- {error:#}"),
            }
        };
        tenant(&["get", "cc,ccl,cct,pods,endpointslices", "-o", "wide"]);
        for (pod, container) in [
            ("northwind-engine-0", "engine"),
            ("northwind-media-0", "side-car"),
            ("northwind-media-0", "asterisk"),
        ] {
            tenant(&["logs", pod, "-c", container, "--tail=80"]);
        }
        for path in ["/api/v1/agents", "/api/v1/contacts", "/api/v1/config"] {
            match self.centre.engine.get(path) {
                Ok(value) => eprintln!("--- {path}\n{value:#}"),
                Err(error) => eprintln!("--- {path}: {error:#}"),
            }
        }
    }

    /// Ends what an earlier test has left, so that each begins from an empty centre.
    fn clear(&mut self) {
        let engine = &mut self.centre.engine;
        for agent in ["maria", "jonas"] {
            // Who isn't signed in can't sign out: either way they are out afterwards.
            let _ = engine.agent(agent, &json!({"do": "signOut"}));
        }
        if self.empty_within(Duration::from_secs(10)).is_err() {
            // The callers of a test that failed are killed, and a dead phone says no goodbye.
            let media = ["-n", TENANT, "exec", "northwind-media-0", "-c", "asterisk"];
            let all = ["--", "asterisk", "-rx", "channel request hangup all"];
            let said = self.centre.cluster.kubectl(&[&media[..], &all].concat());
            self.centre.progress.say(format!("hung up: {said:?}"));
            self.empty_within(Duration::from_secs(60)).unwrap();
        }
    }

    fn empty_within(&mut self, limit: Duration) -> anyhow::Result<()> {
        let engine = &mut self.centre.engine;
        let look = Duration::from_millis(300);
        self.centre
            .progress
            .wait("the centre to be empty", limit, look, || {
                let live = engine.live().map_err(|e| e.to_string())?;
                if live.is_empty() {
                    Ok(())
                } else {
                    Err(format!("live: {}", json!(live)))
                }
            })
    }

    /// Maria at her phone, which answers after a second and hangs up after `talk` seconds.
    pub fn maria(&mut self, talk: &str) -> Party {
        let phone = self
            .centre
            .phone("maria", "phone-1", &["--answer", "1", "--talk", talk])
            .unwrap();
        self.centre.sign_in("maria").unwrap();
        phone
    }

    /// Waits until a contact is in a state, and gives it.
    pub fn becomes(&mut self, contact: u64, state: &str) -> Value {
        let engine = &mut self.centre.engine;
        self.centre
            .progress
            .wait(
                &format!("contact {contact} to be {state}"),
                SOON,
                Duration::from_millis(100),
                || {
                    let now = engine.contact(contact).map_err(|e| e.to_string())?;
                    if now["state"] == state {
                        Ok(now)
                    } else {
                        Err(format!("it is {}", now["state"]))
                    }
                },
            )
            .unwrap()
    }

    /// The next live contact that isn't among `known`.
    pub fn newcomer(&mut self, known: &[u64]) -> u64 {
        let engine = &mut self.centre.engine;
        self.centre
            .progress
            .wait("a new contact", SOON, Duration::from_millis(50), || {
                let live = engine.live().map_err(|e| e.to_string())?;
                live.iter()
                    .filter_map(|c| c["id"].as_u64())
                    .find(|id| !known.contains(id))
                    .ok_or_else(|| format!("only {known:?} live"))
            })
            .unwrap()
    }

    /// RTP packets received from the customer's and the agent's phones so far.
    pub fn packets(&mut self, contact: u64) -> (u64, u64) {
        let engine = &mut self.centre.engine;
        let path = format!("/api/v1/contacts/{contact}/audio");
        let audio = self
            .centre
            .progress
            .wait(
                "the audio to be counted",
                SOON,
                Duration::from_millis(200),
                || engine.get(&path).map_err(|e| e.to_string()),
            )
            .unwrap();
        let received = |leg: &str| audio[leg]["received"].as_u64().unwrap_or_default();
        (received("customer"), received("agent"))
    }
}
