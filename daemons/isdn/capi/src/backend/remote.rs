//! CAPI over TCP.

use std::io;
use std::time::Duration;

use capi_sys::message::{ApplicationId, Controller, Info, Message, Profile};
use capi_sys::remote::{Control, Deframer, Dialect, Login, Packet, Register, frame};
use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl,
};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::LinkError;

/// How long the way to a registration may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// One connection is one application, so that its number tells nobody anything.
const APPLICATION: ApplicationId = ApplicationId(1);

#[derive(Debug)]
pub(super) struct RemoteLink {
    address: String,
    stream: TcpStream,
    dialect: Dialect,
    deframer: Deframer,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl RemoteLink {
    pub(super) async fn open(
        (host, port): (&str, u16),
        login: Option<&Login>,
        dialect: Dialect,
        controller: Controller,
        register: Register,
    ) -> Result<(Self, Profile), LinkError> {
        let address = format!("{host}:{port}");
        let way = async {
            let stream = Self::connect(host, port)
                .await
                .map_err(|source| LinkError::Connection { address: address.clone(), source })?;
            let mut link = Self::new(address.clone(), stream, dialect);
            if let Some(login) = login {
                link.log_in(login).await?;
            }
            let profile = link.profile(controller).await?;
            link.register(register).await?;
            Ok((link, profile))
        };
        tokio::time::timeout(PATIENCE, way)
            .await
            .unwrap_or_else(|_| Err(LinkError::Silent { address: address.clone(), time: PATIENCE }))
    }

    async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((host, port)).await?;
        prepare(&stream)?;
        Ok(stream)
    }

    fn new(address: String, stream: TcpStream, dialect: Dialect) -> Self {
        Self {
            address,
            stream,
            dialect,
            deframer: Deframer::default(),
            incoming: vec![0; 16 * 1024],
            outgoing: Vec::new(),
        }
    }

    async fn log_in(&mut self, login: &Login) -> Result<(), LinkError> {
        self.put_control(&Control::ChallengeRequest)?;
        let challenge = loop {
            if let Control::ChallengeConfirmation { challenge, .. } = self.control().await? {
                break challenge;
            }
        };
        let (user, answer) = (login.user.clone().into_bytes(), login.answer(&challenge).to_vec());
        self.put_control(&Control::UserRequest { user, answer })?;
        loop {
            if let Control::UserConfirmation { info } = self.control().await? {
                return if info == Control::LOGGED_IN {
                    Ok(())
                } else {
                    let (address, user) = (self.address.clone(), login.user.clone());
                    Err(LinkError::Login { address, user })
                };
            }
        }
    }

    async fn profile(&mut self, controller: Controller) -> Result<Profile, LinkError> {
        self.put_control(&Control::ProfileRequest(controller.number()))?;
        loop {
            if let Control::ProfileConfirmation { info, profile } = self.control().await? {
                return match info {
                    Info::SUCCESS => Ok(profile),
                    info => Err(LinkError::Controller { controller, info }),
                };
            }
        }
    }

    async fn register(&mut self, register: Register) -> Result<(), LinkError> {
        self.put_control(&Control::RegisterRequest(register))?;
        loop {
            if let Control::RegisterConfirmation(info) = self.control().await? {
                return if info == Info::SUCCESS { Ok(()) } else { Err(LinkError::Register(info)) };
            }
        }
    }

    pub(super) fn put(&mut self, mut message: Message) -> Result<(), LinkError> {
        message.application = APPLICATION;
        Ok(frame(&message.encode()?, &mut self.outgoing)?)
    }

    fn put_control(&mut self, control: &Control) -> Result<(), LinkError> {
        Ok(frame(&control.encode(self.dialect), &mut self.outgoing)?)
    }

    pub(super) async fn next(&mut self) -> Result<Message, LinkError> {
        loop {
            if let Packet::Message(message) = self.packet().await? {
                return Ok(message);
            }
        }
    }

    /// The next message of the remote CAPI's own; there are no others before the registration.
    async fn control(&mut self) -> Result<Control, LinkError> {
        loop {
            if let Packet::Control(control) = self.packet().await? {
                return Ok(control);
            }
        }
    }

    /// The next packet; writes what waits to be written meanwhile.
    async fn packet(&mut self) -> Result<Packet, LinkError> {
        loop {
            match self.next_packet()? {
                Some(Packet::Control(Control::AliveIndication)) => {
                    self.put_control(&Control::AliveResponse)?;
                }
                Some(Packet::Control(Control::ControlIndication { kind, .. })) => {
                    self.put_control(&Control::ControlResponse { kind })?;
                }
                Some(packet) => return Ok(packet),
                None => self.turn().await?,
            }
        }
    }

    fn next_packet(&mut self) -> Result<Option<Packet>, LinkError> {
        while let Some(octets) = self.deframer.next_message()? {
            match Packet::decode(octets) {
                Ok(packet) => return Ok(Some(packet)),
                Err(error) => super::ignore(&error, error.code()),
            }
        }
        Ok(None)
    }

    /// Writes and reads what the network takes and gives, at least one of them.
    async fn turn(&mut self) -> Result<(), LinkError> {
        match self.exchange().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LinkError::Closed { address: self.address.clone() }),
            Err(source) => Err(LinkError::Connection { address: self.address.clone(), source }),
        }
    }

    /// Whether the connection still is.
    async fn exchange(&mut self) -> io::Result<bool> {
        let interest = if self.outgoing.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() && !self.outgoing.is_empty() {
            match self.stream.try_write(&self.outgoing) {
                Ok(length) => drop(self.outgoing.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if ready.is_readable() {
            match self.stream.try_read(&mut self.incoming) {
                Ok(0) => return Ok(false),
                Ok(length) => self.deframer.push(&self.incoming[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Messages are small and wait for answers, so nothing is held back; a router that is gone without
/// a word is noticed after about two minutes.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, Duration::from_mins(1))?;
    set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    set_tcp_keepcnt(stream, 4)?;
    Ok(())
}
