//! The Asterisk of this machine: whether there is one that will do, and its life as our child.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal};
use tokio::sync::watch;

use super::say;
use crate::outcome::Outcome;

/// What the media side-car renders for, and what is tested.
const OLDEST: u32 = 22;
const LOOK: Duration = Duration::from_millis(50);
/// It hangs its callers up first, and gives the carriers' registrations back.
const END: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);
/// Who ends so soon would end so again.
const SOON: Duration = Duration::from_secs(20);
const MOST_SOON: u32 = 3;

/// An Asterisk that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub program: PathBuf,
    /// As it says it itself: `22.10.1`.
    pub version: String,
}

/// Looks for one in PATH; where there is none, says why in a few words.
pub fn look() -> Result<Installed, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("asterisk"))
        .find(|program| {
            let about = std::fs::metadata(program);
            about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
        });
    let Some(program) = found else {
        return Err("there is no `asterisk` in PATH".into());
    };
    let said = Command::new(&program)
        .arg("-V")
        .stdin(Stdio::null())
        .output();
    let said = said.map_err(|error| format!("{} -V can't be run: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&said.stdout);
    match version(&said) {
        Some((major, version)) if major >= OLDEST => Ok(Installed { program, version }),
        _ => Err(format!(
            "{} says that it is `{}`, and {OLDEST} or newer is wanted",
            program.display(),
            said.lines().next().unwrap_or_default().trim()
        )),
    }
}

/// From `Asterisk 22.10.1~dfsg-1`: 22, and `22.10.1`.
fn version(said: &str) -> Option<(u32, String)> {
    let word = said
        .trim()
        .strip_prefix("Asterisk ")?
        .split_whitespace()
        .next()?;
    // Sangoma's long-lived branch is told as `certified/22.8-cert1` or `certified-22.8`.
    let word = word
        .trim_start_matches("certified")
        .trim_start_matches(['/', '-']);
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.');
    let version = word[..end.unwrap_or(word.len())].trim_end_matches('.');
    let major = version.split('.').next()?.parse().ok()?;
    Some((major, version.to_owned()))
}

/// `trunkline up-asterisk`: becomes Asterisk, which dies with the `up` that started it.
#[derive(clap::Args)]
pub struct Becomes {
    parent: i32,
    program: PathBuf,
    conf: PathBuf,
}

/// Ends as nothing but an error: otherwise this process is Asterisk.
pub fn become_it(args: Becomes) -> Result<Outcome> {
    // Before the look at the parent: one that dies in between is seen by either.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("can't be ended with its parent")?;
    let parent = rustix::process::getppid().map(Pid::as_raw_nonzero);
    ensure!(
        parent.is_some_and(|parent| parent.get() == args.parent),
        "this is a part of `trunkline up`, which has gone"
    );
    let error = Command::new(&args.program)
        .args(["-f", "-C"])
        .arg(&args.conf)
        .exec();
    Err(error).with_context(|| format!("can't run {}", args.program.display()))
}

/// A running Asterisk, started again when it dies; ended when this is dropped.
pub struct Asterisk {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    lost: watch::Receiver<Option<String>>,
}

impl Asterisk {
    /// Starts it with this configuration. What it says goes to `log`.
    pub fn start(program: PathBuf, conf: PathBuf, log: PathBuf) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, lost) = watch::channel(None);
        let keeper = Keeper {
            program,
            conf,
            log,
            stop: Arc::clone(&stop),
        };
        // A thread of its own: the kernel ends a child with the thread that started it, and those
        // of the runtime come and go.
        let thread = std::thread::Builder::new()
            .name("asterisk".into())
            .spawn(move || {
                if let Err(why) = keeper.keep() {
                    tell.send_replace(Some(format!("{why:#}")));
                }
            })
            .context("no thread to keep Asterisk on")?;
        Ok(Self {
            stop,
            thread: Some(thread),
            lost,
        })
    }

    /// Over when it can't be kept up, with the reason.
    pub async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        let why = lost.wait_for(Option::is_some).await;
        let why = why.ok().and_then(|why| why.clone());
        why.unwrap_or_else(|| "nobody keeps Asterisk up any more".into())
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    program: PathBuf,
    conf: PathBuf,
    log: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Keeper {
    fn keep(self) -> Result<()> {
        let mut soon = 0;
        loop {
            let born = Instant::now();
            let child = self.spawn();
            let mut child =
                child.with_context(|| format!("can't start {}", self.program.display()))?;
            let Some(status) = self.until_it_ends(&mut child) else {
                end(&mut child);
                return Ok(());
            };
            soon = if born.elapsed() < SOON { soon + 1 } else { 0 };
            ensure!(
                soon < MOST_SOON,
                "Asterisk has ended {MOST_SOON} times soon after its start ({status}); the last of its log, {}:\n{}",
                self.log.display(),
                tail(&self.log)
            );
            say(format_args!(
                "Asterisk has ended by itself ({status}), and with it the calls that it carried; it is started again. Its log: {}",
                self.log.display()
            ));
            let begun = Instant::now();
            while begun.elapsed() < PAUSE {
                if self.stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
                sleep(LOOK);
            }
        }
    }

    fn spawn(&self) -> Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new("/proc/self/exe")
            .arg("up-asterisk")
            .arg(std::process::id().to_string())
            .arg(&self.program)
            .arg(&self.conf)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for us: we end it when the engine has ended.
            .process_group(0)
            .spawn()?;
        Ok(child)
    }

    /// How it ended; `None`: it is to end.
    fn until_it_ends(&self, child: &mut Child) -> Option<ExitStatus> {
        loop {
            if self.stop.load(Ordering::SeqCst) {
                return None;
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            sleep(LOOK);
        }
    }
}

/// Asks it to end, and makes it where it doesn't.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It hasn't been waited for, so the number is still its own.
    let asked = pid.map(|pid| rustix::process::kill_process(pid, Signal::TERM));
    if matches!(asked, Some(Ok(()))) {
        let begun = Instant::now();
        while begun.elapsed() < END {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            sleep(LOOK);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_asterisk_says_it() {
        let of = |said: &str| version(said).map(|(major, text)| (major, text.leak() as &str));
        assert_eq!(of("Asterisk 22.10.1~dfsg-1\n"), Some((22, "22.10.1")));
        assert_eq!(of("Asterisk 16.28.0~dfsg-0+deb11u4"), Some((16, "16.28.0")));
        assert_eq!(of("Asterisk certified/22.8-cert1"), Some((22, "22.8")));
        for other in ["", "Asterisk", "Asterisk GIT-master-3f", "ls 22.1"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
