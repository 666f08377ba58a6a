//! Sessions up to the moment in which they stand: one that acme begins with bolt, how many of them a
//! second, and how many handshakes of TLS, beside what OpenSSL does with the same client.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use oftp::session::{Event, Framing, Request, Session, Terms, Timers};
use oftp::{BufferSize, Capability, Credit, Level, Tolerance};
use oftp_cms::{
    Certificate, ContentKey, Encryption, Expected, Identity, Known, Layers, Packager, Plan,
    PrivateKey, Suite, Unpackager,
};
use support::{Process, free_port, guarded_command};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Arguments;
use crate::company::{PASSWORD, Pair, Settings};
use crate::machine::program;
use crate::poll;
use crate::report::{Figure, Line, Peer};

/// Sessions that are begun at the same time.
const AT_ONCE: usize = 8;

/// The random octets of a challenge.
const CHALLENGE: usize = 20;

/// A session that stands; it ends with this.
pub(crate) struct LoggedOn {
    _engine: Session,
    _stream: TcpStream,
}

/// What acme authenticates sessions with bolt by.
pub(crate) struct Keys {
    own: Identity,
    bolts: Certificate,
}

impl Keys {
    fn of(pair: &Pair) -> anyhow::Result<Option<Arc<Self>>> {
        let Some([acme, bolt]) = &pair.authenticating else { return Ok(None) };
        let certificate = Certificate::parse(acme.certificate_pem.as_bytes())?;
        let own = Identity::new(certificate, PrivateKey::parse(acme.key_pem.as_bytes())?)?;
        let bolts = Certificate::parse(bolt.certificate_pem.as_bytes())?;
        Ok(Some(Arc::new(Self { own, bolts })))
    }

    fn challenge(&self, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
        let key = ContentKey::from_random(ambient::secret().context("random numbers")?);
        let encryption = Some(Encryption::new(suite()?, self.bolts.clone(), key));
        let mut packager = Packager::new(Plan { encryption, ..Plan::default() })?;
        let mut wrapped = Vec::new();
        packager.push(octets, &mut wrapped)?;
        packager.finish(&mut wrapped)?;
        Ok(wrapped)
    }

    fn answer(&self, wrapped: &[u8]) -> anyhow::Result<[u8; CHALLENGE]> {
        let known = Known { identities: vec![self.own.clone()], ..Known::default() };
        let layers = Layers { encrypted: true, ..Layers::default() };
        let mut unpackager = Unpackager::new(known, Expected::Announced(layers));
        let (mut rest, mut octets) = (wrapped, Vec::new());
        while !rest.is_empty() {
            unpackager.push(&mut rest, &mut octets)?;
        }
        unpackager.finish(&mut octets)?;
        octets.try_into().ok().context("a challenge of 20 octets")
    }
}

fn suite() -> anyhow::Result<Suite> {
    Ok(Suite::try_from(oftp::CipherSuite::try_from(4)?)?)
}

/// As acme, until the session stands; from then on it is our turn to speak, and we say nothing.
pub(crate) async fn log_on(port: u16, keys: Option<&Keys>) -> anyhow::Result<LoggedOn> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.context("call bolt")?;
    stream.set_nodelay(true)?;
    let (timers, tolerance) = (Timers::default(), Tolerance::default());
    let terms = terms(keys.is_some())?;
    let mut engine = Session::initiator(terms, timers, tolerance, Framing::Stream);
    engine.connected(began.elapsed());
    let challenge: [u8; CHALLENGE] = ambient::secret().context("random numbers")?;
    let mut payload = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let octets = stream.read(&mut buffer).await?;
        ensure!(octets > 0, "bolt hung up");
        let mut rest = buffer.get(..octets).unwrap_or_default();
        let mut stands = false;
        while !rest.is_empty() {
            let used = engine.receive(rest, &mut payload, began.elapsed());
            rest = rest.get(used..).unwrap_or_default();
            // Who answers the last challenge waits for no word more.
            while let Some(event) = engine.poll_event() {
                let request = match (event, keys) {
                    (Event::Established(_), _) => {
                        stands = true;
                        continue;
                    }
                    (Event::ChallengeWanted, Some(keys)) => {
                        Request::Challenge(keys.challenge(&challenge)?)
                    }
                    (Event::ChallengeReceived(wrapped), Some(keys)) => {
                        Request::AnswerChallenge(keys.answer(&wrapped)?)
                    }
                    (Event::ChallengeAnswered(answer), _) => {
                        Request::ChallengeVerified(answer == challenge)
                    }
                    (event, _) => bail!("instead of a session: {event:?}"),
                };
                engine.handle(request, began.elapsed())?;
            }
        }
        stream.write_all(engine.transmit()).await?;
        engine.transmit().clear();
        engine.written(began.elapsed());
        if stands {
            return Ok(LoggedOn { _engine: engine, _stream: stream });
        }
    }
}

fn terms(authentication: bool) -> anyhow::Result<Terms> {
    Ok(Terms {
        level: Level::V2_0,
        minimum_level: Level::V2_0,
        identity: "O0013000001ACME".parse()?,
        password: PASSWORD.parse()?,
        user_data: "".parse()?,
        buffer_size: BufferSize::try_from(32_768)?,
        credit: Credit::try_from(64)?,
        compression: true,
        restart: true,
        capability: Capability::Both,
        authentication,
    })
}

/// Sessions a second in which both sides prove by certificates who they are.
pub(crate) async fn authenticated_sessions(arguments: &Arguments) -> anyhow::Result<Line> {
    let wanted = if arguments.quick { 100 } else { 2000 };
    let authenticated = sessions_a_second(arguments, true, wanted).await?;
    let plain = sessions_a_second(arguments, false, wanted).await?;
    let rate = |value| Figure::new(value, "sessions/s");
    Ok(Line::measured("cms: authenticated sessions", rate(authenticated))
        .beside(Peer::new("not authenticated", rate(plain)))
        .note(format!(
            "{wanted} calls by TCP, {AT_ONCE} at once, each until the session stands (AUCH, AURP both \
             ways), on SQLite; both sides on this machine: two encryptions and two decryptions with RSA \
             2048 for each"
        )))
}

async fn sessions_a_second(
    arguments: &Arguments,
    authenticated: bool,
    wanted: usize,
) -> anyhow::Result<f64> {
    let settings = Settings { authenticated, ..Settings::default() };
    let mut pair = Pair::make(&arguments.seon, &settings).await?;
    pair.bolt.start().await?;
    let (keys, port) = (Keys::of(&pair)?, pair.bolt.tcp_port);
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..AT_ONCE {
        let keys = keys.clone();
        callers.spawn(async move {
            for _ in (caller..wanted).step_by(AT_ONCE) {
                log_on(port, keys.as_deref()).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    let took = started.elapsed().as_secs_f64();
    pair.end();
    Ok(f64::from(u32::try_from(wanted)?) / took)
}

/// Handshakes of TLS a second that bolt's listener does with `openssl s_time`, and that OpenSSL's own
/// server does with it.
pub(crate) async fn tls_handshakes(arguments: &Arguments) -> anyhow::Result<Line> {
    const NAME: &str = "cms: TLS handshakes";
    let Some(openssl) = program("openssl") else {
        return Ok(Line::skipped(NAME, "openssl is not installed (apt-get install openssl)"));
    };
    let mut pair = Pair::make(&arguments.seon, &Settings::default()).await?;
    pair.bolt.start().await?;
    let folder = pair.bolt.scratch("handshakes");
    std::fs::create_dir(&folder)?;
    for (name, identity) in [("acme", &pair.identities[0]), ("bolt", &pair.identities[1])] {
        identity.write(&folder, name);
    }
    let seconds = if arguments.quick { 2 } else { 10 };
    let ours = s_time(&openssl, &folder, pair.bolt.tls_port, seconds)?;
    let port = free_port();
    let mut server = guarded_command(&openssl);
    server.args(["s_server", "-quiet", "-www", "-Verify", "1", "-accept", &port.to_string()]);
    server.args(["-cert", "bolt.crt", "-key", "bolt.key", "-CAfile", "acme.crt"]);
    server.current_dir(&folder);
    let _server = Process::spawn(server);
    let limit = Duration::from_secs(10);
    poll::until("s_server listens", limit, Duration::from_millis(50), async || {
        Ok(TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop))
    })
    .await?;
    let theirs = s_time(&openssl, &folder, port, seconds)?;
    pair.end();
    let rate = |value| Figure::new(value, "handshakes/s");
    Ok(Line::measured(NAME, rate(ours)).beside(Peer::new("openssl s_server", rate(theirs))).note(
        format!(
            "openssl s_time -new for {seconds} s, one connection after the other, both sides with a \
             certificate (ECDSA P-256); a session is begun for each of ours, and ends as the client goes"
        ),
    ))
}

/// Connections a second of `openssl s_time`.
fn s_time(openssl: &Path, folder: &Path, port: u16, seconds: u32) -> anyhow::Result<f64> {
    let mut client = guarded_command(openssl);
    client.args(["s_time", "-new", "-connect", &format!("127.0.0.1:{port}")]);
    client.args(["-time", &seconds.to_string(), "-cert", "acme.crt", "-key", "acme.key"]);
    let output = client.current_dir(folder).output().context("run openssl s_time")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let counted = said.lines().find(|line| line.contains(" real seconds"));
    let words: Vec<_> = counted.unwrap_or_default().split_whitespace().collect();
    let (Some(connections), Some(took)) = (words.first(), words.get(3)) else {
        bail!("openssl s_time: {said}{}", String::from_utf8_lossy(&output.stderr));
    };
    let (connections, took): (f64, f64) = (connections.parse()?, took.parse()?);
    ensure!(connections > 0.0, "openssl s_time made no connection: {said}");
    Ok(connections / took.max(1.0))
}
