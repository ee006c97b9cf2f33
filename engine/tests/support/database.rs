//! A real Postgres server for tests, of the distribution's packages: `tests/postgres.sh`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server that ends with this process.
pub struct Server {
    home: PathBuf,
    databases: AtomicU32,
}

fn script(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres.sh");
    let done = Command::new(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "postgres.sh {arguments:?}: {said}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl Server {
    /// One of its own, for a test that harms it.
    pub fn start() -> Self {
        // Short: the path of a unix socket may have 107 bytes.
        let home = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        let server = Self {
            home: home.keep(),
            databases: AtomicU32::new(0),
        };
        server.begin();
        server
    }

    /// The one that this process' tests share; each has a database of its own there.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn dir(&self) -> String {
        self.home.display().to_string()
    }

    fn begin(&self) {
        let owner = std::process::id().to_string();
        script(&["start", &self.dir(), "--owner", &owner]);
    }

    /// The URL of a new database.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let url = script(&["url", &self.dir()]);
        let mut admin = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        admin.batch_execute(&create).unwrap();
        url.replace("/journal", &format!("/{name}"))
    }

    /// Ends it as a crash does, and starts it again.
    pub fn crash_and_start(&self) {
        script(&["stop", &self.dir(), "immediate"]);
        script(&["start", &self.dir()]);
    }

    /// Each process of the server.
    fn processes(&self) -> Vec<String> {
        let file = format!("{}/data/postmaster.pid", self.dir());
        let first = std::fs::read_to_string(file).unwrap();
        let first = first.lines().next().unwrap().to_owned();
        let children = Command::new("pgrep").args(["-P", &first]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        children.lines().map(str::to_owned).chain([first]).collect()
    }

    /// Freezes every process of it (`STOP`), or lets them go on (`CONT`).
    pub fn signal(&self, signal: &str) {
        let all = self.processes();
        // One may have ended meanwhile.
        let _ = Command::new("kill").args(["-s", signal]).args(all).status();
    }

    /// Every file of the cluster.
    pub fn files(&self) -> Vec<PathBuf> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                if entry.path().is_dir() {
                    below(&entry.path(), found);
                } else {
                    found.push(entry.path());
                }
            }
        }
        let mut found = Vec::new();
        below(&self.home.join("data"), &mut found);
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&["stop", &self.dir(), "immediate"]);
        let _ = std::fs::remove_dir_all(&self.home);
    }
}
