//! rustls asks [`Trust`]; the verdict stays with the connection.
//!
//! Each handshake gets a verifier of its own, because rustls passes on only what fits into an
//! alert, and a log line must say which partner's certificate expired when. What the other side
//! is told stays the standard alert.

use std::sync::{Arc, OnceLock};

use pki::{CertificateRefusal, PeerCertificate, Presented, Role, Trust};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::provider::provider;

/// Whether a partner that calls must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// No certificate, no handshake.
    Required,
    /// Insecure, and named so: partners without any certificate in their configuration may come without one
    /// ([`super::Binding::Anonymous`]). A certificate that is presented must still be a partner's.
    InsecureOptional,
}

/// Judges the certificate of one handshake and remembers the verdict.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Arc<Trust>,
    client_certificates: ClientCertificates,
    verdict: OnceLock<Result<PeerCertificate, CertificateRefusal>>,
}

impl Verifier {
    pub(super) fn new(trust: Arc<Trust>, client_certificates: ClientCertificates) -> Arc<Self> {
        Arc::new(Self { trust, client_certificates, verdict: OnceLock::new() })
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What was found; `None` if no certificate came. Only a completed handshake proves that the
    /// other side owns an accepted certificate.
    pub(super) fn verdict(&self) -> Option<&Result<PeerCertificate, CertificateRefusal>> {
        self.verdict.get()
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let presented = Presented { end_entity, intermediates };
        let algorithms = provider().signature_verification_algorithms.all;
        let verdict = self.trust.judge(&presented, role, now, algorithms);
        let result = verdict.as_ref().map(|_| ()).map_err(alert);
        // A handshake has one Certificate message, so the verdict is set once.
        let _ = self.verdict.set(verdict);
        result
    }
}

/// The nearest standard error, so that the other side gets the alert it understands.
fn alert(refusal: &CertificateRefusal) -> Error {
    Error::InvalidCertificate(match refusal {
        CertificateRefusal::Unreadable => CertificateError::BadEncoding,
        CertificateRefusal::Unknown { .. }
        | CertificateRefusal::AuthorityExpired { .. }
        | CertificateRefusal::IntermediateExpired { .. }
        | CertificateRefusal::NotYetActive { .. } => CertificateError::UnknownIssuer,
        CertificateRefusal::Expired { .. } => CertificateError::Expired,
        CertificateRefusal::Revoked { .. } => CertificateError::Revoked,
        CertificateRefusal::RevocationUnknown { .. } => CertificateError::UnknownRevocationStatus,
        CertificateRefusal::NotYetValid { .. } => CertificateError::NotValidYet,
        CertificateRefusal::Name { .. } => CertificateError::NotValidForName,
        CertificateRefusal::Purpose { .. } | CertificateRefusal::Usage { .. } => {
            CertificateError::InvalidPurpose
        }
        CertificateRefusal::Path { .. }
        | CertificateRefusal::Issuer { .. }
        | CertificateRefusal::ShortKey { .. } => CertificateError::ApplicationVerificationFailure,
    })
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.client_certificates == ClientCertificates::Required
    }

    /// None: a client that is given a list may withhold a certificate that is pinned here.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, intermediates, Role::Client, now)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _stapled_status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, Role::Server(server_name), now)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ClientCertVerifier::verify_tls12_signature(self, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ClientCertVerifier::verify_tls13_signature(self, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ClientCertVerifier::supported_verify_schemes(self)
    }
}
