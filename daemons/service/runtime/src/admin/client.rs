//! A client for the admin endpoint: one request a connection, small answers, a deadline.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::address::{Address, short_path};
use crate::status::DaemonStatus;

/// Asks one admin endpoint.
#[derive(Clone, Debug)]
#[must_use]
pub struct Client {
    address: Address,
    limit: Duration,
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there: the process has ended.
    #[error("nobody answers at {address}: {error}")]
    Connect {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The connection broke.
    #[error("the connection to {address} broke: {error}")]
    Broken {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The process is there and does not answer; it may be stopped or starved.
    #[error("{address} did not answer within {limit:?}; is the process stopped?")]
    TimedOut {
        /// Where.
        address: Address,
        /// How long we waited.
        limit: Duration,
    },
    /// It is not an answer that we understand.
    #[error("{address} did not answer as an admin endpoint does: {reason}")]
    NotUnderstood {
        /// Where.
        address: Address,
        /// What is wrong.
        reason: String,
    },
    /// It answered, and refused.
    #[error("{address} refused with status {status}: {body}")]
    Refused {
        /// Where.
        address: Address,
        /// The HTTP status code.
        status: u16,
        /// What it said.
        body: String,
    },
}

impl ClientError {
    /// The stable code for logs and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "E-ADMIN-CONNECT",
            Self::Broken { .. } => "E-ADMIN-BROKEN",
            Self::TimedOut { .. } => "E-ADMIN-TIMEOUT",
            Self::NotUnderstood { .. } => "E-ADMIN-ANSWER",
            Self::Refused { .. } => "E-ADMIN-REFUSED",
        }
    }

    /// Whether it is certain that no process is there: its socket is gone, or was left behind.
    pub fn nobody_listens(&self) -> bool {
        let Self::Connect { error, .. } = self else { return false };
        matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
    }
}

impl Client {
    /// A client that waits 3 seconds for each answer.
    pub fn new(address: Address) -> Self {
        Self { address, limit: Duration::from_secs(3) }
    }

    /// Another time to wait for each answer.
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// What the daemon is doing.
    pub async fn status(&self) -> Result<DaemonStatus, ClientError> {
        self.get_json("/status").await
    }

    /// A successful answer as JSON.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.get(path).await?;
        if answer.status != 200 {
            let Answer { status, body } = answer;
            return Err(ClientError::Refused { address: self.address.clone(), status, body });
        }
        serde_json::from_str(&answer.body).map_err(|error| self.not_understood(&error.to_string()))
    }

    /// `GET path`, whatever the status of the answer.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.request("GET", path, "").await
    }

    /// `POST path` with a body, whatever the status of the answer.
    pub async fn post(&self, path: &str, body: &str) -> Result<Answer, ClientError> {
        self.request("POST", path, body).await
    }

    async fn request(&self, method: &str, path: &str, body: &str) -> Result<Answer, ClientError> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: seon\r\nconnection: close\r\n\
             content-type: text/plain\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let exchange = async {
            match &self.address {
                Address::Unix(socket) => {
                    let connect = async {
                        let (path, _directory) = short_path(socket)?;
                        UnixStream::connect(path).await
                    };
                    let stream = connect.await.map_err(|error| self.connect(error))?;
                    self.exchange(stream, &head, body).await
                }
                Address::Tcp(address) => {
                    let stream =
                        TcpStream::connect(address).await.map_err(|error| self.connect(error))?;
                    self.exchange(stream, &head, body).await
                }
            }
        };
        timeout(self.limit, exchange).await.unwrap_or_else(|_| {
            Err(ClientError::TimedOut { address: self.address.clone(), limit: self.limit })
        })
    }

    async fn exchange(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        head: &str,
        body: &str,
    ) -> Result<Answer, ClientError> {
        /// No answer is larger: the status of some thousand sessions.
        const LARGEST: u64 = 16 * 1024 * 1024;
        let broken = |error| ClientError::Broken { address: self.address.clone(), error };
        stream.write_all(head.as_bytes()).await.map_err(broken)?;
        stream.write_all(body.as_bytes()).await.map_err(broken)?;
        let mut octets = Vec::new();
        let mut limited = stream.take(LARGEST);
        limited.read_to_end(&mut octets).await.map_err(broken)?;
        if limited.limit() == 0 {
            return Err(self.not_understood("the answer is larger than 16 MiB"));
        }
        let text = String::from_utf8(octets).map_err(|_| self.not_understood("no UTF-8"))?;
        parse(&text).map_err(|reason| self.not_understood(reason))
    }

    fn connect(&self, error: io::Error) -> ClientError {
        ClientError::Connect { address: self.address.clone(), error }
    }

    fn not_understood(&self, reason: &str) -> ClientError {
        let address = self.address.clone();
        ClientError::NotUnderstood { address, reason: reason.to_owned() }
    }
}

/// An HTTP/1.1 answer that ends with the connection.
fn parse(text: &str) -> Result<Answer, &'static str> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the head does not end")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (version, status) = (words.next(), words.next().and_then(|word| word.parse().ok()));
    let (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) = (version, status) else {
        return Err("the first line is no HTTP status");
    };
    let fields = lines.filter_map(|line| line.split_once(':'));
    for (name, value) in fields {
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("it comes in chunks, which our endpoints never use");
        }
        if name.eq_ignore_ascii_case("content-length") && value.parse() != Ok(body.len()) {
            return Err("it is shorter or longer than it says");
        }
    }
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_its_length_is_read() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 7\r\n\r\nstandby");
        assert_eq!(answer, Ok(Answer { status: 503, body: "standby".to_owned() }));
    }

    #[test]
    fn a_truncated_answer_is_refused() {
        assert!(parse("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nstan").is_err());
        assert!(parse("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn an_answer_that_is_not_http_is_refused() {
        assert!(parse("ODETTE FTP READY \r\n\r\n").is_err());
    }
}
