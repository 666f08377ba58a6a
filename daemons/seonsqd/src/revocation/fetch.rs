//! One request by HTTP. No redirect is followed, and the whole takes no longer and brings no more than the
//! settings say.
//!
//! HTTPS is not spoken: a list is signed, and the server's certificate would have to be looked up in a list
//! in turn (RFC 5280 section 8).

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use configuration::{ListUrl, RevocationSettings};
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use jiff::Timestamp;
use pki::ListError;
use store::StoreError;
use tokio::net::TcpStream;

use super::address::may_be_called;

/// How lists are fetched.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    timeout: Duration,
    maximum_size: usize,
    allowed: Vec<IpNet>,
    proxy: Option<ListUrl>,
}

/// Why there is no list, or none that counts.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    /// No address, or nobody there.
    #[error(
        "{host} cannot be reached ({why}); ask its owner, or name a proxy in spec.revocation.proxy"
    )]
    Unreachable { host: String, why: io::Error },
    /// All its addresses are such that nobody outside can have them in mind.
    #[error(
        "{host} has the address {address}, which is private, local or reserved; if that is right, allow its \
         network in spec.revocation.allowedAddresses"
    )]
    Inside { host: String, address: SocketAddr },
    /// It took too long.
    #[error(
        "there was no whole answer within {0:?}; ask the list's owner, or raise spec.revocation.timeout"
    )]
    Late(Duration),
    /// It answered otherwise.
    #[error("the server answered {0}; the list is not there, ask its issuer where it is")]
    Status(StatusCode),
    /// What came is not HTTP.
    #[error("the server's answer is broken ({0}); ask the list's owner")]
    Broken(hyper::Error),
    /// Nobody can be asked so.
    #[error("a request cannot be made of the URL ({0})")]
    Request(http::Error),
    /// It is larger than is allowed.
    #[error("it has more than {0} octets; raise spec.revocation.maximumMebibytes if it is right")]
    Large(usize),
    /// It is no list that is used.
    #[error("{0}")]
    List(#[from] ListError),
    /// Nobody here knows who made it.
    #[error(
        "it is a list by {issuer}, whose certificate is not known; put that into ca.crt of the Secret of the \
         certificate that names the list"
    )]
    Stranger { issuer: String },
    /// Its issuer did not sign it.
    #[error(
        "it is not signed by {issuer} as that is known here (another key, or its key usage has no cRLSign); \
         ask for the issuer's present certificate"
    )]
    Signature { issuer: String },
    /// It is to be made yet.
    #[error("it was made at {made}, which is yet to come; check this machine's clock")]
    Early { made: Timestamp },
    /// There was a later one.
    #[error("it was made at {made}, before the one that is kept ({kept}), which stays")]
    Older { made: Timestamp, kept: Timestamp },
    /// There is another authority's list, which still counts.
    #[error(
        "it is a list by {issuer}, and the one that is kept is by {kept}, which is an authority here still \
         and stays; take that one out of ca.crt if it makes no lists any more"
    )]
    Another { issuer: String, kept: String },
    /// Whether it is newer than what is kept is not known.
    #[error("the list that is kept could not be read: {0}")]
    Kept(StoreError),
    /// The process ends.
    #[error("it was not looked at, because the process ends")]
    Stopped,
}

impl NotFetched {
    /// The stable code for the log, the metric and the list's row.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "E-REVOCATION-CONNECT",
            Self::Inside { .. } => "E-REVOCATION-ADDRESS",
            Self::Late(_) => "E-REVOCATION-TIMEOUT",
            Self::Status(_) | Self::Broken(_) | Self::Request(_) => "E-REVOCATION-ANSWER",
            Self::Large(_) => "E-REVOCATION-SIZE",
            Self::List(_) | Self::Stopped => "E-REVOCATION-LIST",
            Self::Stranger { .. } | Self::Signature { .. } | Self::Another { .. } => {
                "E-REVOCATION-ISSUER"
            }
            Self::Kept(error) => error.code(),
            Self::Early { .. } | Self::Older { .. } => "E-REVOCATION-AGE",
        }
    }
}

impl Fetcher {
    /// As the settings say.
    pub(super) fn of(settings: &RevocationSettings) -> Self {
        Self {
            timeout: settings.timeout,
            maximum_size: settings.maximum_size,
            allowed: settings.allowed_addresses.clone(),
            proxy: settings.proxy.clone(),
        }
    }

    /// What is at the URL.
    pub(super) async fn fetch(&self, url: &ListUrl) -> Result<Vec<u8>, NotFetched> {
        let fetched = tokio::time::timeout(self.timeout, self.get(url));
        fetched.await.unwrap_or(Err(NotFetched::Late(self.timeout)))
    }

    async fn get(&self, url: &ListUrl) -> Result<Vec<u8>, NotFetched> {
        let stream = self.connect(self.proxy.as_ref().unwrap_or(url)).await?;
        // A proxy is told the whole, anybody else only what is its own.
        let target = if self.proxy.is_some() { url.to_string() } else { url.path() };
        let request = Request::get(target)
            .header(HOST, url.authority())
            .header(USER_AGENT, "seon")
            .header(ACCEPT, "application/pkix-crl, */*")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(NotFetched::Request)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(NotFetched::Broken)?;
        let mut exchange = pin!(async {
            let response = sender.send_request(request).await.map_err(NotFetched::Broken)?;
            if response.status() != StatusCode::OK {
                return Err(NotFetched::Status(response.status()));
            }
            self.take(response.into_body()).await
        });
        tokio::select! {
            biased;
            taken = &mut exchange => taken,
            // What has come may still wait to be taken.
            _ = connection => exchange.await,
        }
    }

    async fn take(&self, mut body: hyper::body::Incoming) -> Result<Vec<u8>, NotFetched> {
        let large = NotFetched::Large(self.maximum_size);
        if body.size_hint().lower() > self.maximum_size as u64 {
            return Err(large);
        }
        let mut taken = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(octets) = frame.map_err(NotFetched::Broken)?.into_data() else { continue };
            if taken.len() + octets.len() > self.maximum_size {
                return Err(large);
            }
            taken.extend_from_slice(&octets);
        }
        Ok(taken)
    }

    /// Connects to one of the host's addresses, each of which was judged: a name that is looked up again
    /// may lead elsewhere. A proxy was chosen by hand.
    async fn connect(&self, to: &ListUrl) -> Result<TcpStream, NotFetched> {
        let unreachable = |why| NotFetched::Unreachable { host: to.host().to_owned(), why };
        let found = tokio::net::lookup_host((to.host(), to.port())).await.map_err(unreachable)?;
        let mut failed = unreachable(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        for address in found {
            if self.proxy.is_none() && !may_be_called(address.ip(), &self.allowed) {
                failed = NotFetched::Inside { host: to.host().to_owned(), address };
                continue;
            }
            // One that swallows what is sent to it leaves time for the next.
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut));
            let connecting = tokio::time::timeout(self.timeout / 4, TcpStream::connect(address));
            match connecting.await.unwrap_or_else(late) {
                Ok(stream) => return Ok(stream),
                Err(why) => failed = unreachable(why),
            }
        }
        Err(failed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn fetcher() -> Fetcher {
        Fetcher {
            timeout: Duration::from_mins(1),
            maximum_size: 1000,
            allowed: vec!["127.0.0.0/8".parse().unwrap()],
            proxy: None,
        }
    }

    /// Who answers a caller with these octets, then with silence if it `stays`; and what it was asked.
    async fn server(answer: Vec<u8>, stays: bool) -> (ListUrl, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a/list.crl?x=1", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            let mut octets = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut octets).await.unwrap();
                assert!(read > 0);
                asked.extend_from_slice(&octets[..read]);
            }
            // Who has seen enough goes.
            let _ = stream.write_all(&answer).await;
            if stays {
                let _ = stream.read(&mut octets).await;
            }
            String::from_utf8(asked).unwrap()
        });
        (ListUrl::parse(&url).unwrap(), asked)
    }

    async fn code_of(answer: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let (url, _) = server(answer, false).await;
        fetcher().fetch(&url).await.map_err(|error| error.code())
    }

    #[tokio::test]
    async fn what_a_server_answers_is_taken_or_refused_by_name() {
        let full = vec![b'x'; 1000];
        let over = vec![b'x'; 1001];
        let answer = |head: &str, body: &[u8]| [head.as_bytes(), b"\r\n\r\n", body].concat();
        let sized = |body: &[u8]| {
            answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len()), body)
        };
        for (what, answer, expected) in [
            ("a list", sized(&full), Ok(full.clone())),
            ("one until the end", answer("HTTP/1.0 200 OK", b"abc"), Ok(b"abc".to_vec())),
            (
                "one in chunks",
                answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
                Ok(b"abc".to_vec()),
            ),
            ("a large one", sized(&over), Err("E-REVOCATION-SIZE")),
            (
                "a large one until the end",
                answer("HTTP/1.0 200 OK", &over),
                Err("E-REVOCATION-SIZE"),
            ),
            (
                "one that says it is huge",
                answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999999", b""),
                Err("E-REVOCATION-SIZE"),
            ),
            (
                "one that is cut short",
                answer("HTTP/1.1 200 OK\r\nContent-Length: 5", b"abc"),
                Err("E-REVOCATION-ANSWER"),
            ),
            (
                "gone",
                answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0", b""),
                Err("E-REVOCATION-ANSWER"),
            ),
            (
                "elsewhere, where nobody is led",
                answer(
                    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0",
                    b"",
                ),
                Err("E-REVOCATION-ANSWER"),
            ),
            ("no HTTP", b"SSH-2.0-x\r\n\r\n".to_vec(), Err("E-REVOCATION-ANSWER")),
            ("nothing", Vec::new(), Err("E-REVOCATION-ANSWER")),
        ] {
            assert_eq!(code_of(answer).await, expected, "{what}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_slow_is_waited_for_no_longer_than_the_settings_say() {
        for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
            let (url, _) = server(answer.into(), true).await;
            let hasty = Fetcher { timeout: Duration::from_millis(200), ..fetcher() };
            let error = hasty.fetch(&url).await.unwrap_err();
            assert_eq!(error.code(), "E-REVOCATION-TIMEOUT", "{answer}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_public_is_not_called_unless_it_is_allowed() {
        let (url, _) = server(Vec::new(), false).await;
        let careful = Fetcher { allowed: Vec::new(), ..fetcher() };
        let error = careful.fetch(&url).await.unwrap_err();
        assert_eq!(error.code(), "E-REVOCATION-ADDRESS");
        assert!(error.to_string().contains("spec.revocation.allowedAddresses"), "{error}");
        let by_name = ListUrl::parse(&url.as_str().replace("127.0.0.1", "localhost")).unwrap();
        assert_eq!(careful.fetch(&by_name).await.unwrap_err().code(), "E-REVOCATION-ADDRESS");
        let nobody = ListUrl::parse("http://127.0.0.1:1/").unwrap();
        assert_eq!(fetcher().fetch(&nobody).await.unwrap_err().code(), "E-REVOCATION-CONNECT");
    }

    #[tokio::test]
    async fn a_server_is_asked_for_the_path_and_a_proxy_for_the_whole_url() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (url, asked) = server(answer.clone(), false).await;
        fetcher().fetch(&url).await.unwrap();
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET /a/list.crl?x=1 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains(&format!("host: {}\r\n", url.authority())), "{asked}");

        let (proxy, asked) = server(answer, false).await;
        // It was chosen by hand, so its address is good; the list's host is its affair.
        let by_proxy = Fetcher { allowed: Vec::new(), proxy: Some(proxy), ..fetcher() };
        let list = ListUrl::parse("http://ca.invalid/list.crl").unwrap();
        by_proxy.fetch(&list).await.unwrap();
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET http://ca.invalid/list.crl HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("host: ca.invalid\r\n"), "{asked}");
    }
}
