//! Names of things inside one Asterisk. Ours are chosen by us, so that a command sent twice is
//! one command.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The bare text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

id!(
    /// A media host: the pod's name, which is Asterisk's `systemname`.
    HostName
);
id!(
    /// A channel: one leg of a call. Asterisk's own ids begin with its `systemname`.
    ChannelId
);
id!(
    /// A bridge: where legs hear each other.
    BridgeId
);
id!(
    /// One playing of a prompt.
    PlaybackId
);
id!(
    /// A recording, live or stored: its file name without folder and format.
    RecordingName
);
