//! A client of Asterisk's manager interface, for reading alone: only there do carriers'
//! registrations show.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer takes milliseconds; Asterisk sends nothing else for minutes, and that is no fault.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A line that is longer isn't AMI.
const MAX_LINE: usize = 64 << 10;

/// What went wrong with the manager interface.
#[derive(Debug, thiserror::Error)]
pub enum AmiError {
    /// The connection can't be made, or broke.
    #[error("the manager interface at {address} is gone")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No answer to an action.
    #[error(
        "the manager interface at {address} gave no answer to {action} within {ANSWER_TIMEOUT:?}"
    )]
    Silent {
        /// Where.
        address: SocketAddr,
        /// What was asked.
        action: &'static str,
    },
    /// An action was refused.
    #[error("the manager interface refused {action}: {message}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// In Asterisk's words.
        message: String,
    },
}

/// One block of `Key: value` lines: a response or an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<(String, String)>);

impl Message {
    /// The first value of the key; keys are compared as Asterisk writes them.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The event's name; `None` for a response.
    pub(super) fn event(&self) -> Option<&str> {
        self.get("Event")
    }
}

/// A logged-in session.
#[derive(Debug)]
pub(super) struct Ami {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    /// A line that is still coming in, kept when waiting is given up.
    partial: Vec<u8>,
    block: Message,
    /// Events that came while an answer was awaited.
    early: VecDeque<Message>,
    last_action: u64,
}

impl Ami {
    /// Connects and logs in, with events on.
    pub(super) async fn connect(
        address: SocketAddr,
        user: &str,
        secret: &str,
    ) -> Result<Self, AmiError> {
        let connect = timeout(ANSWER_TIMEOUT, TcpStream::connect(address));
        let stream = connect
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
            .map_err(|source| AmiError::Io { address, source })?;
        let mut ami = Self {
            address,
            stream: BufReader::new(stream),
            partial: Vec::new(),
            block: Message::default(),
            early: VecDeque::new(),
            last_action: 0,
        };
        let fields = [("Username", user), ("Secret", secret), ("Events", "on")];
        let answer = ami.act("Login", &fields).await?;
        ami.expect_success("Login", &answer)?;
        Ok(ami)
    }

    /// The next event. Safe to give up waiting for: nothing is lost.
    pub(super) async fn event(&mut self) -> Result<Message, AmiError> {
        loop {
            if let Some(message) = self.early.pop_front() {
                return Ok(message);
            }
            let message = self.read().await?;
            if message.event().is_some() {
                return Ok(message);
            }
        }
    }

    /// The events of a listing such as `PJSIPShowContacts`, without its end. An empty list is
    /// refused by some actions with words of their own (`No … found`): that is no error.
    pub(super) async fn list(&mut self, action: &'static str) -> Result<Vec<Message>, AmiError> {
        let answer = self.act(action, &[]).await?;
        let id = self.last_action.to_string();
        if answer.get("Response") == Some("Error") {
            let message = answer.get("Message").unwrap_or_default();
            if message.contains("found") {
                return Ok(Vec::new());
            }
        }
        self.expect_success(action, &answer)?;
        let address = self.address;
        let listing = async {
            let mut listed = Vec::new();
            loop {
                let message = self.read().await?;
                if message.get("ActionID") != Some(&id) {
                    self.early.push_back(message);
                } else if message.get("EventList") == Some("Complete") {
                    return Ok(listed);
                } else {
                    listed.push(message);
                }
            }
        };
        timeout(ANSWER_TIMEOUT, listing)
            .await
            .unwrap_or(Err(AmiError::Silent { address, action }))
    }

    async fn act(
        &mut self,
        action: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Message, AmiError> {
        self.last_action += 1;
        let id = self.last_action.to_string();
        let mut text = format!("Action: {action}\r\nActionID: {id}\r\n");
        for (key, value) in fields {
            text.push_str(&format!("{key}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let address = self.address;
        let exchange = async {
            let sent = self.stream.write_all(text.as_bytes()).await;
            sent.map_err(|source| AmiError::Io { address, source })?;
            loop {
                let message = self.read().await?;
                if message.event().is_some() {
                    self.early.push_back(message);
                } else if message.get("ActionID") == Some(&id) {
                    return Ok(message);
                }
            }
        };
        timeout(ANSWER_TIMEOUT, exchange)
            .await
            .unwrap_or(Err(AmiError::Silent { address, action }))
    }

    fn expect_success(&self, action: &'static str, answer: &Message) -> Result<(), AmiError> {
        match answer.get("Response") {
            Some("Success") => Ok(()),
            _ => Err(AmiError::Refused {
                action,
                message: answer
                    .get("Message")
                    .unwrap_or("no reason given")
                    .to_owned(),
            }),
        }
    }

    /// The next block. Lines without a colon (the greeting) are passed over.
    async fn read(&mut self) -> Result<Message, AmiError> {
        let address = self.address;
        let broken = |source| AmiError::Io { address, source };
        loop {
            let got = self.stream.read_until(b'\n', &mut self.partial).await;
            if got.map_err(broken)? == 0 {
                return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
            }
            if self.partial.len() > MAX_LINE {
                return Err(broken(std::io::ErrorKind::InvalidData.into()));
            }
            if self.partial.last() != Some(&b'\n') {
                continue;
            }
            let line = std::mem::take(&mut self.partial);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                if !self.block.0.is_empty() {
                    return Ok(std::mem::take(&mut self.block));
                }
            } else if let Some((key, value)) = line.split_once(": ") {
                self.block.0.push((key.to_owned(), value.to_owned()));
            } else if let Some(key) = line.strip_suffix(':') {
                self.block.0.push((key.to_owned(), String::new()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A manager interface that says `script` whatever it is asked, answer by answer.
    async fn pretend(script: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream
                .write_all(b"Asterisk Call Manager/11.0.0\r\n")
                .await
                .unwrap();
            for answer in script {
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    stream.read_line(&mut line).await.unwrap();
                }
                stream
                    .write_all(answer.replace('\n', "\r\n").as_bytes())
                    .await
                    .unwrap();
            }
        });
        address
    }

    const LOGIN: &str = "Response: Success\nActionID: 1\nMessage: Authentication accepted\n\nEvent: FullyBooted\nUptime: 1\n\n";

    #[tokio::test]
    async fn an_event_in_the_middle_of_a_listing_is_not_lost() {
        let address = pretend(&[
            LOGIN,
            "Response: Success\nActionID: 2\nEventList: start\n\nEvent: ContactList\nActionID: 2\nUri: sip:a\n\nEvent: Registry\nStatus: Registered\n\nEvent: ContactListComplete\nActionID: 2\nEventList: Complete\nListItems: 1\n\n",
        ])
        .await;
        let mut ami = Ami::connect(address, "u", "s").await.unwrap();
        let listed = ami.list("PJSIPShowContacts").await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].get("Uri"), Some("sip:a"));
        assert_eq!(ami.event().await.unwrap().event(), Some("FullyBooted"));
        assert_eq!(ami.event().await.unwrap().event(), Some("Registry"));
        assert!(matches!(ami.event().await, Err(AmiError::Io { .. })));
    }

    #[tokio::test]
    async fn an_empty_listing_is_no_error_and_a_refusal_is() {
        let address = pretend(&[
            LOGIN,
            "Response: Error\nActionID: 2\nMessage: No outbound registrations found\n\n",
            "Response: Error\nActionID: 3\nMessage: Permission denied\n\n",
        ])
        .await;
        let mut ami = Ami::connect(address, "u", "s").await.unwrap();
        assert_eq!(
            ami.list("PJSIPShowRegistrationsOutbound").await.unwrap(),
            []
        );
        let refused = ami.list("PJSIPShowContacts").await.unwrap_err().to_string();
        assert!(refused.contains("Permission denied"), "{refused}");
    }
}
