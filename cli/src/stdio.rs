//! Lines on stdout and stderr that outlive their reader.
//!
//! `println!` panics where nobody reads on, as in `trunkline forecast … | head`. Who has read
//! enough is no failure of ours: a command stops there and ends quietly.

use std::fmt::Arguments;
use std::io::{self, Write as _};

/// Prints a line of data on stdout; gives the error that stops the command.
macro_rules! data {
    ($($text:tt)*) => { $crate::stdio::print_data(format_args!($($text)*)) };
}

/// Prints a line for people on stderr.
macro_rules! note {
    ($($text:tt)*) => { $crate::stdio::print_note(format_args!($($text)*)) };
}

pub(crate) use {data, note};

/// What [`data!`] does.
pub fn print_data(line: Arguments<'_>) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// What [`note!`] does. Nobody may be reading, which is no reason to stop.
pub fn print_note(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether a command stopped because the reader of its output had gone.
pub fn nobody_reads(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>();
        let kind = io.or_else(|| json?.io_error_kind());
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}
