//! What a command's run came to, and the exit code that says it.

use std::process::ExitCode;

/// How a command that could run at all has ended. A command that could not
/// (wrong usage, a missing file, unreadable text) returns an error instead,
/// which `main` turns into exit code 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to object to: exit 0.
    Fine,
    /// The command did its work and found an error, already reported: exit 1.
    Found,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => ExitCode::SUCCESS,
            Outcome::Found => ExitCode::from(1),
        }
    }
}
