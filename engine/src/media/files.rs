//! Files on disk: written whole or not at all, and only where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file could not be read, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("can't {what} {path}: is the volume mounted and ours to write?")]
pub struct FileError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FileError + 'a {
    move |source| FileError {
        what,
        path: path.to_owned(),
        source,
    }
}

/// The folders that Asterisk and the side-car share.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// `/etc/asterisk`.
    pub(super) etc: PathBuf,
    /// `/var/lib/asterisk`.
    pub(super) lib: PathBuf,
}

impl Folders {
    fn path(&self, key: &str) -> PathBuf {
        match key.split_once('/') {
            Some(("prompts", name)) => self.lib.join("prompts").join(name),
            Some(("etc", name)) => self.etc.join(name),
            _ => self.etc.join(key),
        }
    }

    /// Makes the files these: writes what differs, then removes trunks and prompts that are no
    /// longer among them. Returns the keys of what changed.
    ///
    /// # Errors
    /// The first file that can't be written; what was written before stays.
    pub(super) fn sync(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<BTreeSet<String>, FileError> {
        let mut changed = BTreeSet::new();
        for (key, bytes) in files {
            if self.write(key, bytes)? {
                changed.insert(key.clone());
            }
        }
        for (folder, prefix) in [("etc/pjsip.d", "etc/pjsip.d/"), ("prompts/", "prompts/")] {
            let path = self.path(folder);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("list", &path)(error)),
            };
            for entry in entries {
                let name = entry.map_err(failed("list", &path))?.file_name();
                let key = format!("{prefix}{}", name.to_string_lossy());
                if !files.contains_key(&key) {
                    let stale = path.join(&name);
                    fs::remove_file(&stale).map_err(failed("remove", &stale))?;
                    changed.insert(key);
                }
            }
        }
        Ok(changed)
    }

    /// Writes one file; false: it was so already.
    ///
    /// # Errors
    /// [`FileError`].
    pub(super) fn write(&self, key: &str, bytes: &[u8]) -> Result<bool, FileError> {
        let path = self.path(key);
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(false);
        }
        replace(&path, bytes)?;
        Ok(true)
    }
}

/// Writes beside the file and renames, so that a reader never sees a half. The temporary name
/// doesn't end in `.conf`, for Asterisk includes `*.conf`.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            // passwords are in it; Asterisk runs as the same user
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written_and_what_has_gone_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let folders = Folders {
            etc: scratch.path().join("etc"),
            lib: scratch.path().join("lib"),
        };
        let mut files: BTreeMap<_, _> = [
            ("etc/pjsip.conf", "p"),
            ("etc/pjsip.d/trunk-a.conf", "a"),
            ("prompts/welcome.wav", "w"),
        ]
        .map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec()))
        .into();
        assert_eq!(folders.sync(&files).unwrap().len(), 3);
        assert!(folders.sync(&files).unwrap().is_empty());

        files.remove("etc/pjsip.d/trunk-a.conf");
        files.insert("etc/pjsip.d/trunk-b.conf".into(), b"b".to_vec());
        files.insert("etc/pjsip.conf".into(), b"q".to_vec());
        let changed: Vec<_> = folders.sync(&files).unwrap().into_iter().collect();
        let want = [
            "etc/pjsip.conf",
            "etc/pjsip.d/trunk-a.conf",
            "etc/pjsip.d/trunk-b.conf",
        ];
        assert_eq!(changed, want);
        let left: Vec<_> = fs::read_dir(folders.etc.join("pjsip.d")).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left either");
        assert_eq!(
            fs::read(folders.lib.join("prompts/welcome.wav")).unwrap(),
            b"w"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_with_its_path() {
        let folders = Folders {
            etc: "/proc/nowhere".into(),
            lib: "/proc/nowhere".into(),
        };
        let told = folders.write("etc/x.conf", b"x").unwrap_err().to_string();
        assert!(told.contains("/proc/nowhere"), "{told}");
    }
}
