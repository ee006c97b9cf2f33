//! Recordings and messages are deleted when they are older than the tenant keeps them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::sleep;

use super::status::Status;

const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Looks every ten minutes, by the retention of the newest tenant; never ends.
pub(super) async fn follow(folder: PathBuf, status: watch::Receiver<Status>) {
    loop {
        sleep(LOOK_EVERY).await;
        let kept = status.borrow().retention;
        if let Some(kept) = kept {
            match expire(&folder, kept, SystemTime::now()) {
                Ok(0) => {}
                Ok(gone) => tracing::info!(gone, "recordings past their retention are deleted"),
                Err(error) => {
                    tracing::warn!(%error, folder = %folder.display(), "old recordings are not deleted")
                }
            }
        }
    }
}

/// Deletes the files of a folder that were last written more than `kept` before `now`; how many.
fn expire(folder: &Path, kept: Duration, now: SystemTime) -> std::io::Result<usize> {
    let mut gone = 0;
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let data = entry.metadata()?;
        // One from the future, by a clock that was put back, is young.
        let age = now.duration_since(data.modified()?).unwrap_or_default();
        if data.is_file() && age > kept {
            std::fs::remove_file(entry.path())?;
            gone += 1;
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_its_retention_is_deleted_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let day = Duration::from_secs(24 * 3600);
        for (name, days) in [("old.wav", 91), ("young.wav", 89)] {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - day * days).unwrap();
        }
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        assert_eq!(
            expire(folder.path(), day * 90, SystemTime::now()).unwrap(),
            1
        );
        assert!(!folder.path().join("old.wav").exists());
        assert!(folder.path().join("young.wav").exists());
        let later = SystemTime::now() + day * 200;
        assert_eq!(
            expire(folder.path(), day * 90, later).unwrap(),
            1,
            "not the folder"
        );
        assert_eq!(expire(&folder.path().join("none"), day, later).unwrap(), 0);
    }
}
