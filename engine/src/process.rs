//! What every process that runs an engine on one machine needs: secrets kept in files, and the
//! signal to end.

use std::future::Future;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tokio::signal::unix::{SignalKind, signal};

/// The secret that a file holds, without the white space around it.
///
/// # Errors
/// Where it can't be read, or is empty.
pub fn read_secret(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let text = text.trim().to_owned();
    ensure!(!text.is_empty(), "{} is empty", path.display());
    Ok(text)
}

/// 32 random bytes in hex, for its owner alone, where there is no such file yet.
///
/// # Errors
/// Where it can't be written.
pub fn make_secret(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(mut file) => {
            let bytes: [u8; 32] = rand::random();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            file.write_all(hex.as_bytes())
                .with_context(|| format!("can't write {}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(|| format!("can't make {}", path.display())),
    }
}

/// Over at the first SIGTERM or SIGINT.
///
/// # Errors
/// Where the process may not heed them.
pub fn terminated() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("can't heed SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't heed SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
