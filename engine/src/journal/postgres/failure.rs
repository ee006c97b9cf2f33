//! What passes by itself, and what doesn't.

use postgres::error::SqlState;

use super::super::JournalError;

/// A piece of work failed.
pub(super) enum Failure {
    /// By the journal's own rules: final.
    Journal(JournalError),
    /// By the database, or the way to it.
    Database(postgres::Error),
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Whether another connection may succeed: the server is away, starts, ends, has been failed over,
/// or asks for the same once more.
pub(super) fn passes(error: &postgres::Error) -> bool {
    let Some(state) = error.code() else {
        // No word from the server: the connection broke, or none was made.
        return error.is_closed() || is_of_the_network(error);
    };
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(state)
        || state.code().starts_with("08")
}

fn is_of_the_network(error: &postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        if one.downcast_ref::<std::io::Error>().is_some() {
            return true;
        }
        cause = one.source();
    }
    // A connection that isn't made in time has no cause.
    error.to_string().contains("timed out")
}
