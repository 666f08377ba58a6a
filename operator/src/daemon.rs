//! What the daemons of an instance are on a cluster.

use crds::names;

pub use domain::Daemon;

/// What is said of a daemon on a cluster only.
pub trait OnCluster: Sized {
    /// The name in labels and object names.
    fn label(self) -> String;

    /// The daemon of this label.
    fn of_label(label: &str) -> Option<Self>;

    /// What a listener is called in `spec.receive`; nothing for those that do not listen.
    fn listener(self) -> Option<&'static str>;

    /// When it stops as the instance is suspended, lowest first: nobody calls in, then nobody calls
    /// out, then what came in is delivered.
    fn stops(self) -> u8;
}

impl OnCluster for Daemon {
    fn label(self) -> String {
        names::daemon_label(self.name())
    }

    fn of_label(label: &str) -> Option<Self> {
        let daemon: Self = label.replace('-', "_").parse().ok()?;
        (daemon.label() == label).then_some(daemon)
    }

    fn listener(self) -> Option<&'static str> {
        match self {
            Self::Seonrd | Self::Seonsqd => None,
            Self::SeonrdTcpip => Some("tcpip"),
            Self::SeonrdTcpipTls => Some("tls"),
            Self::SeonrdCapi(_) => Some("capi"),
        }
    }

    fn stops(self) -> u8 {
        match self {
            Self::SeonrdTcpip | Self::SeonrdTcpipTls | Self::SeonrdCapi(_) => 0,
            Self::Seonsqd => 1,
            Self::Seonrd => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_daemon_is_known_by_its_label_and_by_no_other() {
        for daemon in Daemon::all() {
            assert_eq!(Daemon::of_label(&daemon.label()), Some(daemon));
        }
        for other in ["seonrd_tcpip", "seonrd-capi-127", "migrate", ""] {
            assert_eq!(Daemon::of_label(other), None, "{other}");
        }
    }
}
