//! Documents that are saved while they run.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::folder::Config;
use super::say;
use crate::documents;

/// Files, and when they were last written.
pub type Stamps = Vec<(PathBuf, SystemTime)>;

const POLL: Duration = Duration::from_millis(500);

/// Compiles what is saved and hands it to the engine; where that can't be, says why.
pub async fn follow(files: Vec<String>, mut read_at: Stamps, config: Config) {
    loop {
        tokio::time::sleep(POLL).await;
        let now = documents::stamps(&files);
        if now == read_at {
            continue;
        }
        read_at = now;
        let (files, config) = (files.clone(), config.clone());
        let read = tokio::task::spawn_blocking(move || -> anyhow::Result<Option<Vec<String>>> {
            match documents::whole(&files)? {
                Some(whole) => config.put(&whole).map(Some),
                None => Ok(None),
            }
        });
        match read.await {
            Ok(Ok(Some(missing))) => missing.iter().for_each(say),
            Ok(Ok(None)) => say("the last good documents run on"),
            Ok(Err(error)) => say(format_args!(
                "error: {error:#}; the last good documents run on"
            )),
            // The process ends.
            Err(_) => return,
        }
    }
}
