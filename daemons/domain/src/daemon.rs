//! The daemons of an instance, by their classic names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A daemon of an instance, under its classic name; in the order in which tables show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Daemon {
    /// The master of the receive side.
    Seonrd,
    /// The receiver on TCP.
    SeonrdTcpip,
    /// The receiver on TLS.
    SeonrdTcpipTls,
    /// The receiver and caller on a controller of ISDN.
    SeonrdCapi(ControllerNumber),
    /// The send queue.
    Seonsqd,
}

impl Daemon {
    /// The daemons of which an instance has one at most. Beside them there is one for each
    /// controller of ISDN.
    pub const SINGLE: [Self; 4] =
        [Self::Seonrd, Self::SeonrdTcpip, Self::SeonrdTcpipTls, Self::Seonsqd];

    /// Every daemon that there can be, in the order in which tables show them.
    pub fn all() -> impl Iterator<Item = Self> {
        let [master, tcpip, tls, queue] = Self::SINGLE;
        let controllers = (1..=127).map(ControllerNumber).map(Self::SeonrdCapi);
        [master, tcpip, tls].into_iter().chain(controllers).chain([queue])
    }

    /// The classic process name, also the key of the lease row.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seonrd => "seonrd",
            Self::SeonrdTcpip => "seonrd_tcpip",
            Self::SeonrdTcpipTls => "seonrd_tcpip_tls",
            Self::SeonrdCapi(controller) => CAPI_NAMES[controller.index()],
            Self::Seonsqd => "seonsqd",
        }
    }
}

/// The number of a controller of ISDN, as CAPI counts them: 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControllerNumber(u8);

/// A number that no controller has.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a controller's number; CAPI counts controllers from 1 to 127")]
pub struct ControllerNumberError(u8);

impl ControllerNumber {
    /// The number as CAPI has it.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The classic names count from 0.
    fn index(self) -> usize {
        usize::from(self.0 - 1)
    }
}

impl TryFrom<u8> for ControllerNumber {
    type Error = ControllerNumberError;

    fn try_from(number: u8) -> Result<Self, ControllerNumberError> {
        if (1..=127).contains(&number) {
            Ok(Self(number))
        } else {
            Err(ControllerNumberError(number))
        }
    }
}

impl fmt::Display for ControllerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! capi_names {
    ($($index:literal)*) => { [$(concat!("seonrd_capi_", $index)),*] };
}

/// A name is needed in many places for as long as the process lives, and there are few of them.
#[rustfmt::skip]
const CAPI_NAMES: [&str; 127] = capi_names! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
    34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
    65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
    96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119
    120 121 122 123 124 125 126
};

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no daemon's.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" is not a daemon; the daemons are seonrd, seonrd_tcpip, seonrd_tcpip_tls, \
     seonrd_capi_0 to seonrd_capi_126, seonsqd"
)]
pub struct UnknownDaemon(String);

impl FromStr for Daemon {
    type Err = UnknownDaemon;

    fn from_str(name: &str) -> Result<Self, UnknownDaemon> {
        Self::all()
            .find(|daemon| daemon.name() == name)
            .ok_or_else(|| UnknownDaemon(name.to_owned()))
    }
}

impl From<Daemon> for String {
    fn from(daemon: Daemon) -> Self {
        daemon.name().to_owned()
    }
}

impl TryFrom<String> for Daemon {
    type Error = UnknownDaemon;

    fn try_from(name: String) -> Result<Self, UnknownDaemon> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capi(number: u8) -> Daemon {
        Daemon::SeonrdCapi(number.try_into().unwrap())
    }

    #[test]
    fn a_daemon_is_known_by_its_classic_name_in_text_and_json() {
        for daemon in Daemon::SINGLE.into_iter().chain((1..=127).map(capi)) {
            assert_eq!(daemon.to_string().parse::<Daemon>().unwrap(), daemon);
            assert_eq!(Daemon::try_from(String::from(daemon)).unwrap(), daemon);
            assert_eq!(daemon.to_string(), daemon.name());
        }
    }

    #[test]
    fn the_daemon_of_a_controller_counts_from_zero_and_its_controller_from_one() {
        assert_eq!(capi(1).name(), "seonrd_capi_0");
        assert_eq!(capi(2).name(), "seonrd_capi_1");
        assert_eq!(capi(127).name(), "seonrd_capi_126");
        for number in [0, 128, 255] {
            assert!(ControllerNumber::try_from(number).is_err(), "{number}");
        }
    }

    #[test]
    fn a_name_that_is_no_daemons_is_refused_with_those_that_are() {
        for name in ["sendmail", "seonrd_capi", "seonrd_capi_", "seonrd_capi_127", "seonrd_capi_00"]
        {
            let error = name.parse::<Daemon>().unwrap_err().to_string();
            assert!(error.contains(&format!("\"{name}\" is not a daemon")), "{error}");
            let known = Daemon::SINGLE.into_iter().chain([capi(1), capi(127)]);
            assert!(known.into_iter().all(|daemon| error.contains(daemon.name())), "{error}");
        }
    }

    #[test]
    fn tables_show_receivers_together_and_in_the_order_of_their_controllers() {
        let mut daemons =
            [Daemon::Seonsqd, capi(10), Daemon::SeonrdTcpipTls, capi(2), Daemon::Seonrd];
        daemons.sort();
        let names = daemons.map(Daemon::name);
        let expected = ["seonrd", "seonrd_tcpip_tls", "seonrd_capi_1", "seonrd_capi_9", "seonsqd"];
        assert_eq!(names, expected);
        assert!(Daemon::all().is_sorted());
        assert_eq!(Daemon::all().count(), 131);
    }
}
