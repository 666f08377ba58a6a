//! A wire to PostgreSQL that loses the answer to a commit. It speaks just enough of the protocol to
//! see which step a transaction is of, and its COMMIT.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is lost of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The server has committed; its answer and the connection are lost.
    Answer,
    /// The connection is lost before the server has heard of it.
    Commit,
    /// The connection stays, and nothing goes either way any more.
    Swallowed,
}

/// A proxy to a PostgreSQL server of this machine.
pub struct DatabaseProxy {
    /// Where to call it.
    pub port: u16,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    /// Commits that came by, by the step's name.
    seen: BTreeMap<String, usize>,
    next: BTreeMap<String, Loss>,
    every: Option<(usize, Loss)>,
    commits: usize,
    lost: Vec<(String, Loss)>,
}

impl DatabaseProxy {
    /// Passes every connection on to `target`.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::<Mutex<Plan>>::default();
        let planned = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    pass(&client, &server, &planned);
                }
            }
        });
        Self { port, plan }
    }

    /// The same address with this proxy in between.
    pub fn instead_of(&self, uri: &str, port: u16) -> String {
        uri.replace(&format!(":{port}/"), &format!(":{}/", self.port))
    }

    /// The step's next commit meets this.
    pub fn lose(&self, step: &str, loss: Loss) {
        self.plan.lock().unwrap().next.insert(step.to_owned(), loss);
    }

    /// Every so manieth commit meets this; none any more with `None`.
    pub fn lose_every(&self, every: Option<(usize, Loss)>) {
        self.plan.lock().unwrap().every = every;
    }

    /// Steps whose planned loss has not come.
    pub fn waiting(&self) -> Vec<String> {
        self.plan.lock().unwrap().next.keys().cloned().collect()
    }

    /// How often each step was committed, or tried to be.
    pub fn seen(&self) -> BTreeMap<String, usize> {
        self.plan.lock().unwrap().seen.clone()
    }

    /// What was lost, in order.
    pub fn lost(&self) -> Vec<(String, Loss)> {
        self.plan.lock().unwrap().lost.clone()
    }
}

impl Plan {
    fn commit(&mut self, step: &str) -> Option<Loss> {
        *self.seen.entry(step.to_owned()).or_default() += 1;
        self.commits += 1;
        let commits = self.commits;
        let by_number = |(every, loss)| commits.is_multiple_of(every).then_some(loss);
        let loss = self.next.remove(step).or_else(|| self.every.and_then(by_number))?;
        self.lost.push((step.to_owned(), loss));
        Some(loss)
    }
}

/// What becomes of the octets of the server.
const PASSES: u8 = 0;
const BREAKS: u8 = 1;
const VANISHES: u8 = 2;

fn pass(client: &TcpStream, server: &TcpStream, plan: &Arc<Mutex<Plan>>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let answers = Arc::new(AtomicU8::new(PASSES));
    let mut questions = Questions {
        client: client.try_clone().unwrap(),
        server: server.try_clone().unwrap(),
        answers: Arc::clone(&answers),
        plan: Arc::clone(plan),
        step: String::new(),
        is_begun: false,
    };
    thread::spawn(move || {
        let _ = questions.run();
        let _ = questions.client.shutdown(Shutdown::Both);
        let _ = questions.server.shutdown(Shutdown::Both);
    });
    let (mut client, mut server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = pass_answers(&mut client, &mut server, &answers);
        // A server that has given up on a connection that swallows is not heard either.
        if answers.load(Ordering::SeqCst) != VANISHES {
            let _ = client.shutdown(Shutdown::Both);
        }
        let _ = server.shutdown(Shutdown::Both);
    });
}

fn pass_answers(
    client: &mut TcpStream,
    server: &mut TcpStream,
    answers: &AtomicU8,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = server.read(&mut buffer)?;
        match (read, answers.load(Ordering::SeqCst)) {
            // The answer to a COMMIT: whoever asked waits for nothing else.
            (0, _) | (_, BREAKS) => return Ok(()),
            (_, VANISHES) => {}
            _ => client.write_all(&buffer[..read])?,
        }
    }
}

struct Questions {
    client: TcpStream,
    server: TcpStream,
    answers: Arc<AtomicU8>,
    plan: Arc<Mutex<Plan>>,
    step: String,
    /// The first messages of a connection have no kind.
    is_begun: bool,
}

impl Questions {
    fn run(&mut self) -> std::io::Result<()> {
        loop {
            let message = self.message()?;
            match self.loss(&message) {
                None => {}
                Some(Loss::Answer) => self.answers.store(BREAKS, Ordering::SeqCst),
                Some(Loss::Commit) => return Ok(()),
                Some(Loss::Swallowed) => {
                    self.answers.store(VANISHES, Ordering::SeqCst);
                    return std::io::copy(&mut self.client, &mut std::io::sink()).map(drop);
                }
            }
            self.server.write_all(&message)?;
        }
    }

    fn message(&mut self) -> std::io::Result<Vec<u8>> {
        const ENCRYPTION_WANTED: [u8; 4] = 80_877_103_u32.to_be_bytes();
        let kind = usize::from(self.is_begun);
        let mut message = vec![0; kind + 4];
        self.client.read_exact(&mut message)?;
        let length = u32::from_be_bytes(message[kind..].try_into().unwrap()) as usize;
        message.resize(kind + length, 0);
        self.client.read_exact(&mut message[kind + 4..])?;
        self.is_begun = self.is_begun || message[4..] != ENCRYPTION_WANTED;
        Ok(message)
    }

    /// Only simple queries begin and commit.
    fn loss(&mut self, message: &[u8]) -> Option<Loss> {
        let text = message.strip_prefix(b"Q")?.get(4..)?;
        let text = std::str::from_utf8(text).ok()?.trim_end_matches('\0');
        if let Some(rest) = text.strip_prefix("begin /* step: ") {
            rest.split(" */").next()?.clone_into(&mut self.step);
        }
        (text == "commit").then(|| self.plan.lock().unwrap().commit(&self.step))?
    }
}
