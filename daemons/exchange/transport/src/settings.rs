//! From the configuration to what TLS needs: the one place where the two meet.

use std::sync::Arc;

use configuration::{Configuration, OwnCertificate, Partner, TlsListener};

use crate::{
    ClientCertificates, CredentialsError, TlsClientSettings, TlsCredentials, TlsServerSettings,
    TlsVersion, Trust, TrustError, TrustedCertificates, TrustedPartner,
};

/// Certificates or a key that the configuration could read and TLS cannot use.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Our own.
    #[error(transparent)]
    Identity(#[from] CredentialsError),
    /// A partner's.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Our own, which this process was not given because it is not its task to use it.
    #[error(
        "this daemon has no TLS certificate of ours, because it is not the one that uses it; leave \
         TLS to seonrd_tcpip_tls and seonsqd"
    )]
    NotOurs,
}

impl SettingsError {
    /// The stable code for log, metric and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::NotOurs => "E-TLS-NOT-OURS",
        }
    }
}

/// What the TLS receiver needs for its handshakes: our certificate, and every partner's.
pub fn server_settings(
    configuration: &Configuration,
    listener: &TlsListener,
) -> Result<TlsServerSettings, SettingsError> {
    let partners: Vec<_> =
        configuration.partners().map(|partner| trusted(partner)).collect::<Result<_, _>>()?;
    Ok(TlsServerSettings {
        identity: identity(listener.certificate.as_ref())?,
        trust: Arc::new(Trust::new(partners)),
        minimum: version(listener.minimum_version),
        client_certificates: match listener.client_certificates {
            configuration::ClientCertificates::Required => ClientCertificates::Required,
            configuration::ClientCertificates::InsecureOptional => {
                ClientCertificates::InsecureOptional
            }
        },
    })
}

/// What a call to this partner needs for its handshake.
pub fn client_settings(
    configuration: &Configuration,
    partner: &Partner,
    server_name: &rustls_pki_types::ServerName<'static>,
) -> Result<TlsClientSettings, SettingsError> {
    let own = configuration.instance.send.tls.as_ref();
    Ok(TlsClientSettings {
        partner: trusted(partner)?,
        identity: own.map(|own| identity(own.certificate.as_ref())).transpose()?,
        minimum: own.map_or(TlsVersion::V1_2, |own| version(own.minimum_version)),
        server_name: Some(server_name.clone()),
    })
}

fn identity(own: Option<&OwnCertificate>) -> Result<TlsCredentials, SettingsError> {
    let own = own.ok_or(SettingsError::NotOurs)?;
    Ok(TlsCredentials::new(own.chain.clone(), own.key.der().clone_key())?)
}

fn trusted(partner: &Partner) -> Result<Arc<TrustedPartner>, SettingsError> {
    let certificates = partner.tls_certificates.iter().map(|set| TrustedCertificates {
        active_from: set.active_from,
        pinned: set.pinned.clone(),
        authorities: set.authorities.clone(),
        names: set.names.iter().map(|name| name.to_str().into_owned()).collect(),
    });
    let trusted = TrustedPartner::new(partner.name.as_str(), certificates)?;
    let trusted = trusted.held_to(partner.certificate_usage);
    Ok(Arc::new(trusted.held_to_lists(partner.revocation.clone())))
}

fn version(version: configuration::TlsVersion) -> TlsVersion {
    match version {
        configuration::TlsVersion::V1_2 => TlsVersion::V1_2,
        configuration::TlsVersion::V1_3 => TlsVersion::V1_3,
    }
}
