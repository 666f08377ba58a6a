//! Why the plugin ends, or is not registered.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the plugin ends.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no place for its socket.
    #[error(
        "cannot listen on {path}: {error}; is the kubelet's folder of device plugins mounted, and \
         may this process write there?", path = path.display()
    )]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another process has taken the socket's name.
    #[error(
        "another process listens on {path} now; is there a second device plugin for this resource \
         on this machine?", path = .0.display()
    )]
    Replaced(PathBuf),
    /// It cannot answer the kubelet any more.
    #[error("cannot answer the kubelet any more: {0}")]
    Serve(String),
}

/// Why the kubelet does not know the plugin. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The kubelet could not be asked.
    #[error("cannot reach the kubelet at {path}: {reason}", path = path.display())]
    Unreachable {
        /// Its socket.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It refused.
    #[error("the kubelet refuses the plugin: {0}")]
    Refused(String),
    /// It did not answer.
    #[error("the kubelet did not answer within {0:?}")]
    TimedOut(Duration),
}

impl PluginError {
    /// The stable code for the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Socket { .. } => "E-DEVICE-SOCKET",
            Self::Replaced(_) => "E-DEVICE-REPLACED",
            Self::Serve(_) => "E-DEVICE-SERVE",
        }
    }
}

impl RegistrationError {
    /// The stable code for the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "E-DEVICE-KUBELET",
            Self::Refused(_) => "E-DEVICE-REFUSED",
            Self::TimedOut(_) => "E-DEVICE-TIMEOUT",
        }
    }
}
