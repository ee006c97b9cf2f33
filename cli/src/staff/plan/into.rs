//! The files of a plan.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;

use super::{Planned, calendar, print};

/// Writes every file into the folder, which is made if it is not there.
///
/// # Errors
/// Where it can't be written, or somebody's name can't name a file.
pub fn write(folder: &Path, planned: &[Planned]) -> Result<()> {
    let calendars = folder.join("calendars");
    fs::create_dir_all(&calendars)?;
    let file = |name: &str| {
        let path = folder.join(name);
        File::create(&path)
            .map(BufWriter::new)
            .with_context(|| path.display().to_string())
    };
    print::shifts(file("shifts.csv")?, planned)?;
    print::intervals(file("intervals.csv")?, planned)?;
    print::people(file("people.csv")?, planned)?;
    print::presence(file("presence.csv")?, planned)?;
    let written = Utc::now();
    for one in planned {
        for (person, agent) in one.roster.agents.iter().enumerate() {
            let name = agent.as_str();
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
            ensure!(
                name.chars().all(plain) && !name.starts_with('.'),
                "agent `{name}` can't name a file: a name has letters, digits, - and ."
            );
            let path = calendars.join(format!("{name}.ics"));
            fs::write(&path, calendar::of(one, person, written))
                .with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
