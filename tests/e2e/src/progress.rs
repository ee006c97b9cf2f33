//! Progress lines: seconds since the start, and what is being done.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Prints lines with the time since it was made.
#[derive(Clone, Copy)]
pub struct Progress {
    started: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Progress {
    /// Says what is being done, on standard error: data alone goes to standard output.
    pub fn say(&self, text: impl AsRef<str>) {
        eprintln!(
            "{:8.1}s  {}",
            self.started.elapsed().as_secs_f64(),
            text.as_ref()
        );
    }

    /// Asks `check` every `every` until it gives a value; says each new reason to wait once.
    ///
    /// # Errors
    /// After `limit`, with the last reason that `check` gave.
    pub fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        every: Duration,
        mut check: impl FnMut() -> Result<T, String>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let mut said = String::new();
        loop {
            match check() {
                Ok(value) => return Ok(value),
                Err(reason) if Instant::now() >= deadline => {
                    bail!(
                        "gave up waiting for {what} after {} s: {reason}",
                        limit.as_secs()
                    )
                }
                Err(reason) => {
                    if reason != said {
                        self.say(format!("waiting for {what}: {reason}"));
                        said = reason;
                    }
                    std::thread::sleep(every);
                }
            }
        }
    }
}
