//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::settings::Settings;

/// Makes this machine's ISDN controllers a resource of Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "seon-capi-device-plugin", version)]
pub struct Arguments {
    /// The device node of CAPI 2.0, here and in the containers that get it.
    #[arg(long, env = "DEVICE", default_value = "/dev/capi20")]
    pub device: String,
    /// What pods ask for.
    #[arg(long, env = "RESOURCE", default_value = "seon.dev/capi-controller")]
    pub resource: String,
    /// Makes each controller a resource of its own, with its number: seon.dev/capi-controller-1.
    #[arg(long, env = "BY_NUMBER")]
    pub by_number: bool,
    /// Where the kubelet and its plugins have their sockets.
    #[arg(long, env = "KUBELET_FOLDER", default_value = "/var/lib/kubelet/device-plugins")]
    pub kubelet_folder: PathBuf,
    /// How much is logged, such as info or debug.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How lines of the log look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For programs.
    Json,
    /// For people.
    Text,
}

impl Arguments {
    /// What they make of the plugin.
    pub fn settings(&self) -> Settings {
        Settings {
            node: self.device.clone(),
            resource: self.resource.clone(),
            by_number: self.by_number,
            kubelet_folder: self.kubelet_folder.clone(),
            ..Settings::default()
        }
    }
}
