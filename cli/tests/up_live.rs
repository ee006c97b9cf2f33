//! `trunkline up` with a real Asterisk, real callers and real phones (sipp). `live/run.sh` makes
//! their world, puts an `asterisk` into PATH, and runs this.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "common/running.rs"]
mod running;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use running::{Up, eventually, names};

const SIP: &str = "10.88.0.1:5060";
const NUMBER: &str = "+493023125001";

fn needed(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("run by cli/tests/live/run.sh, which sets {name}"))
}

/// The example, in a folder of its own so that it can be changed, and an empty folder for what is temporary.
struct Documents {
    _scratch: tempfile::TempDir,
    files: PathBuf,
    temporary: PathBuf,
}

impl Documents {
    fn new() -> Self {
        // What the media image's Asterisk sees of this machine is below /tmp.
        let scratch = tempfile::tempdir_in("/tmp").unwrap();
        let (files, temporary) = (
            scratch.path().join("files"),
            scratch.path().join("temporary"),
        );
        std::fs::create_dir(&files).unwrap();
        std::fs::create_dir(&temporary).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/northwind");
        for name in names(&example) {
            std::fs::copy(example.join(&name), files.join(&name)).unwrap();
        }
        Self {
            _scratch: scratch,
            files,
            temporary,
        }
    }

    fn up(&self) -> Up {
        Up::start(Up::command(&self.files, &self.temporary).args(["--sip", SIP]))
    }

    /// Changes one of the documents.
    fn change(&self, name: &str, from: &str, to: &str) {
        let path = self.files.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name}: {text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

/// A script of tests/voip, ended with this.
struct Party(Child);

impl Party {
    fn new(script: &str, arguments: &[&str]) -> Self {
        let script = format!("{}/{script}", needed("VOIP"));
        Self(Command::new(script).args(arguments).spawn().unwrap())
    }

    /// An agent's phone that answers soon; once it is registered, which it tries until it is.
    fn phone(agent: &str, password: &str, at: &str) -> Self {
        let ready = format!("{}/log/{agent}/ready", needed("WORLD"));
        let _ = std::fs::remove_file(&ready);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let mut phone = Self::new(
                "phone.sh",
                &[
                    "--at",
                    at,
                    "--register",
                    SIP,
                    "--user",
                    agent,
                    "--password",
                    password,
                    "--name",
                    agent,
                    "--answer",
                    "0.3",
                ],
            );
            while phone.0.try_wait().unwrap().is_none() {
                if Path::new(&ready).exists() {
                    return phone;
                }
                sleep(Duration::from_millis(50));
            }
        }
        panic!("{agent} could not register");
    }

    fn ends_well(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // The script, not sipp alone: it ends sipp with itself.
        if let Ok(None) = self.0.try_wait() {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}

/// A caller behind a carrier, who hangs up after a while.
fn caller(from: &str, number: &str, talk: &str, more: &[&str]) -> Party {
    let arguments = [
        "--to", SIP, "--from", from, "--number", number, "--talk", talk,
    ];
    Party::new("caller.sh", &[&arguments[..], more].concat())
}

/// The file that the line which begins so tells after the word `password in`.
fn password_file(up: &Up, begins: &str) -> PathBuf {
    let said = up.said();
    let line = said.lines().find(|line| line.starts_with(begins));
    let line = line.unwrap_or_else(|| panic!("no `{begins}` in:\n{said}"));
    let (_, path) = line.split_once("password in ").unwrap();
    let end = path.find("; ").or_else(|| path.find(". "));
    PathBuf::from(&path[..end.unwrap_or(path.len())])
}

fn read_password(file: &Path) -> String {
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    std::fs::read_to_string(file).unwrap()
}

fn state_of(up: &Up, agent: &str) -> String {
    let agents = up.list("/api/v1/agents");
    let found = agents
        .iter()
        .find(|view| view["agent"] == agent || view["name"] == agent);
    let state = found.and_then(|view| view["state"].as_str());
    state.unwrap_or_default().to_owned()
}

fn answered(up: &Up) -> usize {
    let ended = up.list("/api/v1/contacts?state=ended");
    let answered = ended
        .iter()
        .filter(|contact| contact["outcome"] == "answered");
    answered.count()
}

/// RTP packets of two seconds by the hosts that they come from and go to.
fn rtp() -> Vec<(String, String, u64)> {
    let script = format!("{}/rtp.py", needed("VOIP"));
    let counted = Command::new(script).arg("2").output().unwrap();
    let text = String::from_utf8(counted.stdout).unwrap();
    let flow = |line: &str| {
        let (from, rest) = line.split_once(" > ")?;
        let (to, rest) = rest.split_once([',', ' '])?;
        let digits = |c: char| !c.is_ascii_digit();
        let packets = rest.split(digits).find(|word| !word.is_empty())?;
        let host = |at: &str| at.split(':').next().unwrap_or_default().trim().to_owned();
        Some((host(from), host(to), packets.parse().ok()?))
    };
    let flows: Vec<_> = text.lines().filter_map(flow).collect();
    assert!(!flows.is_empty(), "no RTP at all: {text}");
    flows
}

/// The process ids of the Asterisk below this `up`.
fn asterisks(up: u32) -> Vec<String> {
    let listed = Command::new("pgrep")
        .args(["-x", "-P", &up.to_string(), "asterisk"])
        .output();
    let text = String::from_utf8(listed.unwrap().stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "asterisk\n")
}

#[test]
#[ignore = "wants root and a world of carriers and phones: cli/tests/live/run.sh"]
fn callers_reach_the_phone_that_registers_and_ctrl_c_leaves_nothing() {
    let documents = Documents::new();
    let up = documents.up();
    eventually("all is said", || up.said().contains("Ctrl-C ends it"));
    let said = up.said();
    assert!(said.contains("callers are REAL: Asterisk 22."), "{said}");
    assert!(
        !said.contains("SIMULATED") && !said.contains("warning"),
        "{said}"
    );
    let agents = password_file(&up, "answer: ");
    let password = read_password(&agents.parent().unwrap().join("maria"));
    assert_eq!(state_of(&up, "maria"), "signedOut");

    // Whose phone registers is at work, and is rung; who calls is joined with them.
    let _phone = Party::phone("maria", &password, "10.88.0.20:5070");
    eventually("maria is at work", || state_of(&up, "maria") == "idle");
    eventually("it is said", || {
        up.said().contains("maria's phone is registered: at work")
    });
    assert_eq!(state_of(&up, "jonas"), "signedOut");
    let call = caller("10.88.0.10:5080", NUMBER, "6", &["--name", "first"]);
    eventually("maria talks", || {
        state_of(&up, "maria") == "busy" || state_of(&up, "maria") == "talking"
    });
    let flows = rtp();
    for host in ["10.88.0.10", "10.88.0.20"] {
        for heard in [true, false] {
            let of = |(from, to, _): &&(String, String, u64)| {
                if heard { to == host } else { from == host }
            };
            let packets: u64 = flows.iter().filter(of).map(|flow| flow.2).sum();
            assert!(packets >= 50, "{host} hears: {heard}: {flows:?}");
        }
    }
    assert!(call.ends_well());
    eventually("the record", || answered(&up) == 1);
    let records = up.list("/api/v1/contacts?state=ended");
    assert_eq!(records[0]["queue"], "acme/orders", "{records:?}");

    // The phone for trying it out calls by its own password, without a carrier.
    let password = read_password(&password_file(&up, "call: "));
    eventually("the wrap-up is over", || state_of(&up, "maria") == "idle");
    let user = [
        "--caller",
        "test_caller",
        "--user",
        "test_caller",
        "--password",
        &password,
    ];
    assert!(caller("10.88.0.22:5090", NUMBER, "1", &user).ends_well());
    eventually("the second record", || answered(&up) == 2);

    // A number that is saved meanwhile can be called, by the trunk that may bring it in.
    documents.change(
        "30-client.yaml",
        "[\"+493023125001\"]",
        "[\"+493023125001\", \"+493023125002\"]",
    );
    eventually("the number is known", || up.said().contains("2 numbers"));
    eventually("the wrap-up is over", || state_of(&up, "maria") == "idle");
    let second = "+493023125002";
    assert!(caller("10.88.0.11:5084", second, "1", &["--name", "second"]).ends_well());
    eventually("the third record", || answered(&up) == 3);

    let pids = asterisks(up.child.id());
    let [pid] = &pids[..] else { panic!("{pids:?}") };
    assert!(runs(pid));
    let (status, said) = up.signal("INT");
    println!("{said}");
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains(&password), "{said}");
    assert!(!runs(pid), "Asterisk outlived it");
    assert_eq!(names(&documents.temporary), [""; 0]);
    std::net::UdpSocket::bind(SIP).unwrap();
}

#[test]
#[ignore = "wants root and a world of carriers and phones: cli/tests/live/run.sh"]
fn an_asterisk_that_dies_is_started_again_and_none_outlives_an_up_that_is_killed() {
    let documents = Documents::new();
    // Where a Secret is missing, its trunk is left out and told.
    documents.change("20-trunks.yaml", "kind: Secret", "kind: Nothing");
    let up = documents.up();
    eventually("what is missing is said", || {
        up.said().contains("left out is trunk carrier-a")
    });
    let agents = password_file(&up, "answer: ");
    let password = read_password(&agents.parent().unwrap().join("maria"));
    let id = up.child.id();
    let first = asterisks(id).remove(0);
    let killed = Command::new("kill").args(["-KILL", &first]).status();
    assert!(killed.unwrap().success());
    eventually("its death is said", || {
        up.said()
            .contains("Asterisk has ended by itself (signal: 9")
    });
    eventually("another runs", || {
        asterisks(id).iter().any(|pid| *pid != first)
    });
    let _phone = Party::phone("maria", &password, "10.88.0.20:5070");
    eventually("maria is at work", || state_of(&up, "maria") == "idle");
    let call = caller("10.88.0.11:5088", NUMBER, "1", &["--name", "again"]);
    assert!(call.ends_well());

    let second = asterisks(id).remove(0);
    assert_ne!(first, second);
    let (status, said) = up.signal("KILL");
    println!("{said}");
    assert_eq!(status.code(), None, "{said}");
    eventually("no Asterisk is left", || !runs(&second));
}
