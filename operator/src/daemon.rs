//! The daemons of an instance.

use std::fmt;

use crds::names;

/// A daemon, in the order in which people read about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// Master of the receive side.
    Seonrd,
    /// Takes calls by TCP/IP.
    SeonrdTcpip,
    /// Takes calls by TLS.
    SeonrdTcpipTls,
    /// Makes calls.
    Seonsqd,
}

impl Daemon {
    /// Every daemon.
    pub const ALL: [Self; 4] =
        [Self::Seonrd, Self::SeonrdTcpip, Self::SeonrdTcpipTls, Self::Seonsqd];

    /// The name on the command line and in the database.
    pub fn classic(self) -> &'static str {
        match self {
            Self::Seonrd => "seonrd",
            Self::SeonrdTcpip => "seonrd_tcpip",
            Self::SeonrdTcpipTls => "seonrd_tcpip_tls",
            Self::Seonsqd => "seonsqd",
        }
    }

    /// The name in labels.
    pub fn label(self) -> String {
        names::daemon_label(self.classic())
    }

    /// The daemon of this label.
    pub fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|daemon| daemon.label() == label)
    }

    /// What a listener is called in `spec.receive`; nothing for those that do not listen.
    pub fn listener(self) -> Option<&'static str> {
        match self {
            Self::Seonrd | Self::Seonsqd => None,
            Self::SeonrdTcpip => Some("tcpip"),
            Self::SeonrdTcpipTls => Some("tls"),
        }
    }

    /// When it stops as the instance is suspended, lowest first: nobody calls in, then nobody calls
    /// out, then what came in is delivered.
    pub fn stops(self) -> u8 {
        match self {
            Self::SeonrdTcpip | Self::SeonrdTcpipTls => 0,
            Self::Seonsqd => 1,
            Self::Seonrd => 2,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.classic())
    }
}
