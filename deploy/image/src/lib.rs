//! Container images without a container engine: files in, the octets of an OCI image archive out.
//!
//! Pure: no file is read, no clock and no user is asked, so the same input makes the same octets and
//! the same digest on every machine. `ctr -n k8s.io images import`, `podman load` and `docker load`
//! take the archive.

mod digest;
mod layer;
mod layout;

use std::{collections::BTreeMap, fmt, io};

use layer::Layer;

/// An image of one layer.
#[derive(Clone, Debug)]
pub struct Image {
    /// What the image is known by after an import.
    pub name: Name,
    /// The processor that its programs are for.
    pub architecture: Architecture,
    /// Everything that is in it, in any order; folders above a file need not be named.
    pub files: Vec<File>,
    /// The program that a container runs, and its first arguments.
    pub entrypoint: Vec<String>,
    /// Who a container runs as: `65532:65532`. Empty: root.
    pub user: String,
    /// What the image says about itself, such as `org.opencontainers.image.version`.
    pub labels: BTreeMap<String, String>,
    /// How the layer is kept.
    pub compression: Compression,
}

/// An image's name: `registry.local/seon` and `0.1.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The registry and the path there.
    pub repository: String,
    /// The version.
    pub tag: String,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.repository, self.tag)
    }
}

/// The processors that we build for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// `x86_64`
    Amd64,
    /// `aarch64`
    Arm64,
}

impl Architecture {
    /// As OCI calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The one that this program was built for; `None` if it is none of ours.
    pub fn of_this_machine() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::Amd64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }
}

/// How a layer is kept: small for a registry, or plain because nothing is faster to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    None,
    /// By gzip, as small as it gets.
    Gzip,
}

/// A file of an image; it belongs to root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// From the root: `bin/seon`.
    pub path: String,
    /// What is there.
    pub content: Content,
}

impl File {
    /// A program: everybody may read and run it.
    pub fn program(path: impl Into<String>, octets: impl Into<Vec<u8>>) -> Self {
        let content = Content::File { octets: octets.into(), mode: 0o755 };
        Self { path: path.into(), content }
    }
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A regular file.
    File {
        /// What is in it.
        octets: Vec<u8>,
        /// Who may do what: `0o755`.
        mode: u32,
    },
    /// A symbolic link to this target.
    Link(String),
    /// A folder with this mode.
    Directory(u32),
}

/// An image as one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// A tar of an OCI image layout.
    pub octets: Vec<u8>,
    /// The manifest's digest, by which a cluster may name the image: `sha256:…`.
    pub digest: String,
    /// The octets of the layer as a registry keeps it.
    pub layer_size: usize,
}

/// Makes the archive of an image. Fails for a path that no tar can hold.
pub fn archive(image: &Image) -> io::Result<Archive> {
    let layer = Layer::of(&image.files, image.compression)?;
    layout::archive(image, &layer)
}

#[cfg(test)]
mod tests;
