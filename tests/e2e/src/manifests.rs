//! What a company's administrator writes: the instance, its partner, and the Secrets as CloudNativePG
//! and cert-manager write them.

use std::collections::BTreeMap;

use crds::{SeonInstance, SeonPartner, names};
use domain::Daemon;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use serde_json::{Value, json};
use support::Identity;

use crate::Uri;

/// How one company calls the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// By TLS, each known by a certificate of an authority that both trust.
    Tls,
    /// By plain TCP.
    Tcp,
    /// By ISDN, at this number. A scenario says by `change` which controllers there are.
    Isdn(&'static str),
}

impl Line {
    /// The daemon that takes such calls.
    pub fn receiver(self) -> Daemon {
        match self {
            Self::Tls => Daemon::SeonrdTcpipTls,
            Self::Tcp => Daemon::SeonrdTcpip,
            Self::Isdn(_) => Daemon::SeonrdCapi(1.try_into().expect("a controller's number")),
        }
    }
}

/// A company's resources.
#[derive(Clone, Debug)]
pub struct Objects {
    /// The company.
    pub instance: SeonInstance,
    /// The other one, as this one knows it.
    pub partner: SeonPartner,
}

/// What both companies know of one.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) odette_id: &'static str,
    pub(crate) namespace: String,
    /// How it is called.
    pub(crate) listener: Line,
    /// What it wants of the cluster for its files.
    pub(crate) volume_claim: Value,
}

impl Party {
    /// The name under which a daemon of it is reached.
    pub(crate) fn host(&self, line: Line) -> String {
        let service = names::daemon_object(self.name, line.receiver().name());
        format!("{service}.{}.svc.cluster.local", self.namespace)
    }

    /// The name in its certificate, whether anybody calls it or not.
    pub(crate) fn certified_name(&self) -> String {
        self.host(Line::Tls)
    }

    /// Its resources, when it exchanges files with that partner.
    pub(crate) fn objects(&self, partner: &Self) -> Objects {
        Objects { instance: self.instance(partner), partner: self.partner(partner) }
    }

    fn instance(&self, partner: &Self) -> SeonInstance {
        let Self { name, odette_id, .. } = self;
        let certificate = json!({"certificateSecretRef": {"name": format!("{name}-tls")}});
        let mut spec = json!({
            "identity": {
                "odetteId": odette_id,
                "passwordSecretRef": {"name": format!("{name}-oftp"), "key": "password"},
            },
            "database": {"secretRef": {"name": format!("{name}-db-app"), "key": "uri"}},
            "storage": {"volumeClaim": self.volume_claim},
            "receive": match self.listener {
                Line::Tls => json!({"tls": certificate}),
                Line::Tcp => json!({"tcpip": {}}),
                Line::Isdn(_) => json!({}),
            },
            // Patient, since the scenarios end more calls than a partner does in a year.
            "send": {"retry": {"attempts": 1000, "first": "1s", "longest": "2s"}},
            "lease": {"ttl": "3s"},
        });
        if partner.listener == Line::Tls {
            spec["send"]["tls"] = certificate;
        }
        let mut instance = SeonInstance::new(name, serde_json::from_value(spec).expect("a spec"));
        instance.metadata.namespace = Some(self.namespace.clone());
        instance
    }

    fn partner(&self, partner: &Self) -> SeonPartner {
        let Self { name, odette_id, .. } = partner;
        let host = partner.host(partner.listener);
        let spec = json!({
            "instanceRef": {"name": self.name},
            "identity": {
                "odetteId": odette_id,
                "passwordSecretRef": {"name": format!("{name}-oftp"), "key": "password"},
            },
            "transports": match partner.listener {
                Line::Tls => json!([{"tls": {"host": host}}]),
                Line::Tcp => json!([{"tcp": {"host": host}}]),
                Line::Isdn(number) => json!([{"isdn": {"number": number}}]),
            },
            "certificates": [{
                "purpose": ["Tls"],
                "secretRef": {"name": format!("{name}-authority")},
                "names": [partner.certified_name()],
            }],
            // One small buffer a round trip: what a scenario does comes in the middle of a file.
            "protocol": {"buffer": 128, "credit": 1},
            "channels": 2,
        });
        let mut object = SeonPartner::new(name, serde_json::from_value(spec).expect("a spec"));
        object.metadata.namespace = Some(self.namespace.clone());
        object
    }
}

/// A Secret of passwords.
pub(crate) fn password(name: &str, password: &str) -> Secret {
    secret(name, "Opaque", &[("password", password)])
}

/// One that a partner may use.
pub(crate) fn of_partner(partner: &str, mut secret: Secret) -> Secret {
    secret.metadata.labels = Some([(names::partner_label(partner), String::new())].into());
    secret
}

/// As CloudNativePG writes it for the owner of a database.
pub(crate) fn application_database(name: &str, uri: &Uri) -> Secret {
    let Uri { user, password, host, port, database, .. } = uri;
    let content = [
        ("username", user.as_str()),
        ("user", user),
        ("password", password),
        ("dbname", database),
        ("host", host),
        ("port", port),
        ("uri", &uri.to_string()),
        (
            "jdbc-uri",
            &format!("jdbc:postgresql://{host}:{port}/{database}?password={password}&user={user}"),
        ),
        ("pgpass", &format!("{host}:{port}:{database}:{user}:{password}\n")),
    ];
    secret(name, "kubernetes.io/basic-auth", &content)
}

/// As cert-manager writes it for a certificate.
pub(crate) fn certificate(name: &str, identity: &Identity, authority: &str) -> Secret {
    let content = [
        ("tls.crt", identity.certificate_pem.as_str()),
        ("tls.key", &identity.key_pem),
        ("ca.crt", authority),
    ];
    let mut secret = secret(name, "kubernetes.io/tls", &content);
    secret.metadata.annotations =
        Some([("cert-manager.io/certificate-name".to_owned(), name.to_owned())].into());
    secret
}

/// A key with its certificate, as `kubectl create secret tls` writes it.
pub(crate) fn key_pair(name: &str, identity: &Identity) -> Secret {
    let content = [("tls.crt", identity.certificate_pem.as_str()), ("tls.key", &identity.key_pem)];
    secret(name, "kubernetes.io/tls", &content)
}

/// A partner's own certificate.
pub(crate) fn pinned_certificate(name: &str, identity: &Identity) -> Secret {
    secret(name, "Opaque", &[("tls.crt", &identity.certificate_pem)])
}

/// The authority of a partner's certificates.
pub(crate) fn authority(name: &str, pem: &str) -> Secret {
    secret(name, "Opaque", &[("ca.crt", pem)])
}

fn secret(name: &str, kind: &str, content: &[(&str, &str)]) -> Secret {
    let content = content.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(kind.to_owned()),
        string_data: Some(content.collect::<BTreeMap<_, _>>()),
        ..Secret::default()
    }
}
