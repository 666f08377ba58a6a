//! From the manifests that people write (`SeonInstance`, `SeonPartner`, `Secret`) to values that
//! the daemons can rely on. Pure: the caller reads the files.
//!
//! ```
//! let text = "
//! apiVersion: seon.dev/v1alpha1
//! kind: SeonInstance
//! metadata: {name: acme}
//! spec:
//!   identity:
//!     odetteId: O0013000001ACME
//!     passwordSecretRef: {name: acme-oftp, key: password}
//!   receive:
//!     tcpip: {port: 33050000}
//! ---
//! apiVersion: v1
//! kind: Secret
//! metadata: {name: acme-oftp}
//! stringData: {password: SECRET}
//! ";
//! let errors = configuration::parse(&[("acme.yaml", text)]).unwrap_err();
//! assert_eq!(
//!     errors[0].to_string(),
//!     "acme.yaml:10:13: spec.receive.tcpip.port: 33050000 is not a port; give 1 to 65535 \
//!      (usual: 3305)",
//! );
//! ```

mod certificates;
mod duration;
mod error;
mod file_keys;
mod files;
mod instance;
mod isdn;
mod left_out;
mod manifest;
mod package_limits;
mod pair;
mod partner;
mod poll;
mod revocation;
mod rsa;
mod secret;
mod sources;
mod validate;

use std::{collections::BTreeMap, sync::Arc};

use domain::{Daemon, PartnerName};
use oftp::OdetteId;

use left_out::Manifests;
use manifest::Errors;

pub use certificates::{CertificateUse, Listed, Missing, Owner, Source, missing};
pub use error::{ManifestError, Problem};
pub use file_keys::{
    CertificatePurpose, FileCertificates, FileKey, FileKeys, KeyPurpose, NoneUsable,
};
pub use files::{FileRules, Glob};
pub use instance::{
    CapiAccess, CapiAccount, CapiController, CapiDialect, CapiRemote, CapiSegmentation,
    ClientCertificates, DatabaseSetting, DebugLevel, Instance, LeaseTerms, OwnCertificate,
    OwnIdentity, PartialRetention, Receive, Retention, Retry, Send, Station, TcpListener,
    TlsClient, TlsListener, TlsVersion,
};
pub use isdn::{CallUserData, IsdnNumber, PacketSize, PacketWindow};
pub use left_out::LeftOut;
pub use package_limits::PackageLimits;
pub use partner::{
    Folder, IsdnAddress, Partner, Protocol, ReceiptTiming, Receipts, TlsCertificates, Transport,
};
pub use poll::{Poll, Windows};
pub use revocation::{ListUrl, NoListUrl, RevocationSettings};
pub use secret::{PrivateKey, SecretText};
pub use sources::{Scope, SecretFolder, Sources};

/// An instance and its partners, every value checked and every reference followed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Configuration {
    /// The instance.
    pub instance: Instance,
    /// Which revision of the configuration this is, if whoever wrote it said so.
    pub revision: Option<String>,
    partners: BTreeMap<PartnerName, Arc<Partner>>,
    left_out: Vec<LeftOut>,
    /// What was read at once: the same in all that differ only by the lists that are known.
    reading: Arc<()>,
}

impl Configuration {
    /// The daemons that the instance has work for, in the order in which tables show them.
    pub fn daemons(&self) -> Vec<Daemon> {
        let Receive { tcpip, tls, capi } = &self.instance.receive;
        let mut daemons = vec![Daemon::Seonrd];
        daemons.extend(tcpip.as_ref().map(|_| Daemon::SeonrdTcpip));
        daemons.extend(tls.as_ref().map(|_| Daemon::SeonrdTcpipTls));
        daemons.extend(capi.iter().map(|controller| Daemon::SeonrdCapi(controller.number)));
        daemons.push(Daemon::Seonsqd);
        daemons
    }

    /// Whether another one comes from the very reading of the manifests, and differs at most by the lists
    /// of revoked certificates that are known.
    pub fn is_same_reading(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.reading, &other.reading)
    }

    /// Every partner, by name.
    pub fn partners(&self) -> impl ExactSizeIterator<Item = &Arc<Partner>> {
        self.partners.values()
    }

    /// The partner of this name.
    pub fn partner(&self, name: &str) -> Option<&Arc<Partner>> {
        self.partners.get(name)
    }

    /// What is not part of it because it is not good; nothing, if it had to be good as a whole.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The partner that presents itself with this SSIDCODE; no two partners have the same.
    pub fn partner_by_odette_id(&self, odette_id: &OdetteId) -> Option<&Arc<Partner>> {
        self.partners.values().find(|partner| partner.odette_id == *odette_id)
    }

    /// The partner that a caller's SSIDCODE belongs to.
    pub fn identify(&self, odette_id: &OdetteId) -> Result<&Arc<Partner>, IdentifyError> {
        self.partner_by_odette_id(odette_id)
            .ok_or_else(|| IdentifyError::UnknownPartner { odette_id: odette_id.clone() })
    }
}

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// No partner has this Odette ID.
    #[error(
        "no partner has the Odette ID {odette_id}; if the caller is welcome, add a SeonPartner \
         with identity.odetteId: {odette_id}"
    )]
    UnknownPartner {
        /// What the caller presented.
        odette_id: OdetteId,
    },
    /// The password is not the partner's.
    #[error(
        "{name} gave a wrong password; compare the Secret of identity.passwordSecretRef with what \
         {name} was told"
    )]
    WrongPassword {
        /// Whose Odette ID the caller presented.
        name: PartnerName,
    },
    /// The partner is suspended.
    #[error("{name} is suspended; set suspend: false to let it in")]
    Suspended {
        /// Who called.
        name: PartnerName,
    },
}

impl IdentifyError {
    /// The stable code used in the log, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownPartner { .. } => "E-SESSION-UNKNOWN-PARTNER",
            Self::WrongPassword { .. } => "E-SESSION-PASSWORD",
            Self::Suspended { .. } => "E-SESSION-SUSPENDED",
        }
    }
}

/// Reads manifests with everything that is in them: each file is a name (for messages) and its
/// text, which may hold several documents. All that is wrong is reported, in the order of the files.
pub fn parse<N: AsRef<str>, T: AsRef<str>>(
    files: &[(N, T)],
) -> Result<Configuration, Vec<ManifestError>> {
    let files = files.iter().map(|(name, text)| (name.as_ref(), text.as_ref()));
    let (manifests, errors) = Manifests::read(files, &[]);
    manifests.whole(Scope::Everything, errors).map_err(in_order)
}

/// Reads manifests and the Secrets beside them, as far as the one who uses them needs it. All that is
/// wrong is reported, in the order of the files.
pub fn parse_for(scope: Scope, sources: &Sources) -> Result<Configuration, Vec<ManifestError>> {
    judge(sources, |manifests, errors| manifests.whole(scope, errors))
}

/// The same for who has to work with what there is: a partner that is not good is left out, and is
/// one of [`Configuration::left_out`]. What the instance itself needs has to be good.
pub fn read_for(scope: Scope, sources: &Sources) -> Result<Configuration, Vec<ManifestError>> {
    judge(sources, |manifests, errors| manifests.without_the_bad(scope, errors))
}

fn judge<'a>(
    sources: &'a Sources,
    how: impl FnOnce(Manifests<'a>, Errors) -> Result<Configuration, Errors>,
) -> Result<Configuration, Vec<ManifestError>> {
    let files = sources.manifests.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let (manifests, errors) = Manifests::read(files, &sources.secrets);
    let configuration = how(manifests, errors).map_err(in_order)?;
    Ok(Configuration { revision: sources.revision.clone(), ..configuration })
}

fn in_order(mut errors: Errors) -> Vec<ManifestError> {
    errors.sort_by_key(|fault| (fault.order, fault.error.line, fault.error.column));
    errors.into_iter().map(|fault| fault.error).collect()
}
