//! A wire that breaks or stands still exactly where a test wants it to.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the caller to the called.
    ToCalled,
    /// From the called to the caller.
    ToCaller,
    /// Whichever way it happens first, such as the end of a session.
    Either,
}

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// After so many octets of one way; 0 breaks as soon as it is connected.
    After(Way, u64),
    /// Before the first command with this octet (RFC 5024 section 5.3) of one way.
    Before(Way, u8),
    /// Like `Before`, but the connection stays and nothing more goes either way.
    Stall(Way, u8),
    /// After so many octets the connection stays and nothing more goes either way.
    StallAfter(Way, u64),
}

/// A proxy on plain TCP. Connections pass unless a break was planned for them.
pub struct Proxy {
    /// Where to call it.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    breaks: VecDeque<Break>,
    stalled: usize,
    is_open: bool,
}

impl Proxy {
    /// Passes every connection on to `target`, a port of this machine.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let planned = accepting.state.lock().unwrap().breaks.pop_front();
                // Nobody there: the caller sees its connection end, as by a router's refusal.
                if let Ok(answered) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    pass(&caller, &answered, planned, &accepting);
                }
            }
        });
        Self { port, shared }
    }

    /// The next connection that has no plan yet breaks there; if it ends before, a later one does.
    pub fn plan(&self, planned: Break) {
        self.shared.state.lock().unwrap().breaks.push_back(planned);
    }

    /// How many plans no connection has taken yet, or has ended without.
    pub fn planned(&self) -> usize {
        self.shared.state.lock().unwrap().breaks.len()
    }

    /// How many connections stand still.
    pub fn stalled(&self) -> usize {
        self.shared.state.lock().unwrap().stalled
    }

    /// Lets what stands still go on, now and later.
    pub fn open(&self) {
        self.shared.state.lock().unwrap().is_open = true;
        self.shared.changed.notify_all();
    }
}

fn pass(caller: &TcpStream, partner: &TcpStream, planned: Option<Break>, shared: &Arc<Shared>) {
    let planned = Arc::new(Mutex::new(planned));
    for (way, from, to) in [(Way::ToCalled, caller, partner), (Way::ToCaller, partner, caller)] {
        let mut pipe = Pipe {
            from: from.try_clone().unwrap(),
            to: to.try_clone().unwrap(),
            way,
            planned: Arc::clone(&planned),
            shared: Arc::clone(shared),
            passed: 0,
        };
        thread::spawn(move || {
            // However it ends, both ends are told: half a connection is none.
            let _ = pipe.run();
            pipe.give_back();
            let _ = pipe.from.shutdown(Shutdown::Both);
            let _ = pipe.to.shutdown(Shutdown::Both);
        });
    }
}

impl Break {
    fn way(self) -> Way {
        match self {
            Self::After(way, _)
            | Self::Before(way, _)
            | Self::Stall(way, _)
            | Self::StallAfter(way, _) => way,
        }
    }
}

struct Pipe {
    from: TcpStream,
    to: TcpStream,
    way: Way,
    /// Of both ways together: it happens once.
    planned: Arc<Mutex<Option<Break>>>,
    shared: Arc<Shared>,
    passed: u64,
}

impl Pipe {
    fn run(&mut self) -> std::io::Result<()> {
        let mut held = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if self.goes_on(&mut held)? {
                let read = self.from.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                held.extend_from_slice(&buffer[..read]);
            } else {
                return Ok(());
            }
        }
    }

    /// Passes on what may pass; false when the connection is to break now.
    fn goes_on(&mut self, held: &mut Vec<u8>) -> std::io::Result<bool> {
        match self.planned() {
            None => self.write(held, held.len())?,
            Some(Break::After(_, limit) | Break::StallAfter(_, limit)) => {
                let room = usize::try_from(limit - self.passed).unwrap_or(usize::MAX);
                self.write(held, held.len().min(room))?;
                if self.passed == limit {
                    return self.reached(held);
                }
            }
            Some(Break::Before(_, command) | Break::Stall(_, command)) => {
                // A stream transmission header: the version and 24 bits of length, its own four
                // octets included; then the command.
                while let [_, a, b, c, first, ..] = held[..] {
                    if first == command {
                        return self.reached(held);
                    }
                    let length = u32::from_be_bytes([0, a, b, c]) as usize;
                    if held.len() < length {
                        break;
                    }
                    self.write(held, length)?;
                }
            }
        }
        Ok(true)
    }

    fn reached(&mut self, held: &mut Vec<u8>) -> std::io::Result<bool> {
        let planned = self.planned.lock().unwrap().take();
        if let Some(Break::After(..) | Break::Before(..)) = planned {
            return Ok(false);
        }
        let mut state = self.shared.state.lock().unwrap();
        state.stalled += 1;
        while !state.is_open {
            state = self.shared.changed.wait(state).unwrap();
        }
        state.stalled -= 1;
        drop(state);
        self.write(held, held.len())?;
        Ok(true)
    }

    /// What did not happen here is still to happen.
    fn give_back(&mut self) {
        let planned = self.planned.lock().unwrap().take();
        self.shared.state.lock().unwrap().breaks.extend(planned);
    }

    fn planned(&self) -> Option<Break> {
        let planned = *self.planned.lock().unwrap();
        planned.filter(|planned| planned.way() == self.way || planned.way() == Way::Either)
    }

    fn write(&mut self, held: &mut Vec<u8>, octets: usize) -> std::io::Result<()> {
        self.to.write_all(&held[..octets])?;
        held.drain(..octets);
        self.passed += octets as u64;
        Ok(())
    }
}
