//! The instance's values.

use std::path::{Path, PathBuf};

use crds::{InstanceIdentity, SecretReference, SeonInstanceSpec};
use domain::InstanceName;
use ipnet::IpNet;

use super::{Checker, Reported, certificates, folders};
use crate::{
    error::Problem,
    instance::{
        DatabaseSetting, Instance, LeaseTerms, OwnCertificate, OwnIdentity, PartialRetention,
        Receive, Retention, Retry, Send, TcpListener, TlsClient, TlsListener,
    },
    manifest::Content,
    package_limits::PackageLimits,
};

/// Judges the instance. Every field is judged, also after a bad one.
pub(super) fn validate(check: &mut Checker<'_, '_>) -> Option<Instance> {
    let name = name(check);
    let Content::Instance(Some(spec)) = &check.document.content else {
        return None;
    };
    let identity = identity(check, &spec.identity);
    let database = match &spec.database {
        Some(database) => check.database(&database.secret_ref, "spec.database.secretRef"),
        None => Some(DatabaseSetting::Sqlite),
    };
    let data_directory = data_directory(check, spec);
    let receive = receive(check, spec);
    let package_limits = package_limits(check, &spec.package_limits);
    let send = send(check, spec, receive.as_ref(), data_directory.as_deref());
    let file_keys = certificates::own(check, spec);
    let revocation = super::revocation::validate(check, &spec.revocation);
    let ttl = check.duration(&spec.lease.ttl, ["2s", "5m", "10s"], "spec.lease.ttl");
    let retention = retention(check, spec);
    names_on_a_cluster(check, spec)?;
    Some(Instance {
        name: name?,
        identity: identity?,
        database: database?,
        data_directory: data_directory?,
        receive: receive?,
        package_limits: package_limits?,
        send: send?,
        file_keys: file_keys?,
        revocation: revocation?,
        lease: LeaseTerms { ttl: ttl? },
        retention: retention?,
        debug_level: spec.debug.level,
        suspend: spec.suspend,
    })
}

fn name(check: &mut Checker<'_, '_>) -> Option<InstanceName> {
    let written = &check.document.name;
    let name = written
        .parse::<InstanceName>()
        .ok()
        .filter(|name| name.as_str().starts_with(|c: char| c.is_ascii_lowercase()));
    if name.is_none() {
        let problem = format!(
            "\"{written}\" becomes part of the daemons' names; give 1 to 35 of a-z, 0-9 and -, \
             beginning with a letter, such as acme"
        );
        check.value("metadata.name", problem);
    }
    name
}

fn identity(check: &mut Checker<'_, '_>, identity: &InstanceIdentity) -> Option<OwnIdentity> {
    let odette_id = check.odette_id(&identity.odette_id, "spec.identity.odetteId");
    let password = check.password(&identity.password_secret_ref, "spec.identity.passwordSecretRef");
    let stations = check.stations(&identity.stations, odette_id.as_ref());
    Some(OwnIdentity { odette_id: odette_id?, password: password?, stations: stations? })
}

/// Without effect on one machine, and checked, so that one file serves both.
fn names_on_a_cluster(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<()> {
    let (storage, template) = (&spec.storage, &spec.daemon_template);
    let class = storage.volume_claim.as_ref().and_then(|claim| claim.storage_class_name.as_ref());
    let single = [
        (storage.claim_name.as_ref(), "a volume claim", "spec.storage.claimName"),
        (class, "a storage class", "spec.storage.volumeClaim.storageClassName"),
        (
            template.priority_class_name.as_ref(),
            "a priority class",
            "spec.daemonTemplate.priorityClassName",
        ),
    ];
    let single = single.into_iter().filter_map(|(name, kind, field)| Some((name?, kind, field)));
    let mut judged: Vec<_> =
        single.map(|(name, kind, field)| check.object_name(name, kind, field)).collect();
    for (index, secret) in template.image_pull_secrets.iter().enumerate() {
        let field = format!("spec.daemonTemplate.imagePullSecrets[{index}].name");
        judged.push(check.object_name(&secret.name, "a Secret", &field));
    }
    judged.into_iter().collect()
}

fn data_directory(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<PathBuf> {
    // A claim is for a cluster, where the operator renders the directory that it is mounted on.
    let directory = spec.storage.directory.as_deref().unwrap_or("./data");
    if directory.contains('\0') {
        let problem = "has a NUL character; give the path of a directory, such as ./data";
        check.value("spec.storage.directory", problem.into());
        return None;
    }
    Some(PathBuf::from(directory))
}

fn receive(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<Receive> {
    let tcpip = spec.receive.tcpip.as_ref().map(|tcpip| {
        let field = "spec.receive.tcpip";
        let address = check.address(&tcpip.address, &format!("{field}.address"));
        let port = check.number(tcpip.port, &format!("{field}.port"));
        let max_sessions = check.count(tcpip.max_sessions, &format!("{field}.maxSessions"));
        let proxies = check.networks(&tcpip.proxies, &format!("{field}.proxies"));
        Some(TcpListener {
            address: address?,
            port: port?,
            max_sessions: max_sessions?,
            proxies: proxies?,
        })
    });
    let tls = spec.receive.tls.as_ref().map(|tls| {
        let field = "spec.receive.tls";
        let address = check.address(&tls.address, &format!("{field}.address"));
        let port = check.number(tls.port, &format!("{field}.port"));
        let max_sessions = check.count(tls.max_sessions, &format!("{field}.maxSessions"));
        let proxies = check.networks(&tls.proxies, &format!("{field}.proxies"));
        let certificate =
            check.certificate_if(check.scope.answers_calls(), &tls.certificate_secret_ref, field);
        Some(TlsListener {
            address: address?,
            port: port?,
            max_sessions: max_sessions?,
            proxies: proxies?,
            certificate: certificate.ok()?,
            minimum_version: tls.minimum_version,
            client_certificates: tls.client_certificates,
        })
    });
    let capi = match &spec.receive.capi {
        Some(capi) => super::capi::validate(check, capi),
        None => Some(Vec::new()),
    };
    one_port_each(check, spec);
    // A listener that is wanted and bad is not one that is not wanted.
    let complete = |wanted: bool, there: bool| wanted == there;
    let receive = Receive { tcpip: tcpip.flatten(), tls: tls.flatten(), capi: capi? };
    (complete(spec.receive.tcpip.is_some(), receive.tcpip.is_some())
        && complete(spec.receive.tls.is_some(), receive.tls.is_some()))
    .then_some(receive)
}

fn package_limits(
    check: &mut Checker<'_, '_>,
    limits: &crds::PackageLimits,
) -> Option<PackageLimits> {
    const FIELD: &str = "spec.packageLimits";
    let mut number = |value, field: &str| check.number::<u32>(value, &format!("{FIELD}.{field}"));
    let [depth, field, signers, recipients, ratio, ratio_from, content] = [
        number(limits.depth, "depth"),
        number(limits.field_kibibytes, "fieldKibibytes"),
        number(limits.signers, "signers"),
        number(limits.recipients, "recipients"),
        number(limits.ratio, "ratio"),
        number(limits.ratio_from_mebibytes, "ratioFromMebibytes"),
        number(limits.content_gibibytes, "contentGibibytes"),
    ];
    let size = |number: u32| usize::try_from(number).ok();
    Some(PackageLimits {
        depth: size(depth?)?,
        field: size(field?)? << 10,
        signers: size(signers?)?,
        recipients: size(recipients?)?,
        ratio: ratio?.into(),
        ratio_from: u64::from(ratio_from?) << 20,
        content: u64::from(content?) << 30,
    })
}

fn one_port_each(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) {
    if let (Some(tcpip), Some(tls)) = (&spec.receive.tcpip, &spec.receive.tls)
        && tcpip.port == tls.port
        && tcpip.port != 0
        && tcpip.address == tls.address
    {
        let problem = format!(
            "{} is the port of receive.tcpip too; give each its own (usual: 3305 and 6619)",
            tls.port,
        );
        check.fail("spec.receive.tls.port", Problem::Conflict(problem));
    }
}

fn send(
    check: &mut Checker<'_, '_>,
    spec: &SeonInstanceSpec,
    receive: Option<&Receive>,
    data: Option<&Path>,
) -> Option<Send> {
    let max_sessions = check.count(spec.send.max_sessions, "spec.send.maxSessions");
    let retry = retry(check, spec);
    let time_zone = check.time_zone(&spec.send.time_zone, "spec.send.timeZone");
    let windows = check.windows(&spec.send.schedule, time_zone.as_ref(), "spec.send.schedule");
    let tls = match &spec.send.tls {
        Some(tls) => check
            .certificate_if(check.scope.calls(), &tls.certificate_secret_ref, "spec.send.tls")
            .map(|certificate| TlsClient { certificate, minimum_version: tls.minimum_version })
            .ok(),
        None => the_receivers(check, spec, receive),
    };
    let allowed_folders = folders::allowed(check, spec, data);
    Some(Send {
        max_sessions: max_sessions?,
        retry: retry?,
        windows: windows?,
        time_zone: time_zone?,
        tls,
        allowed_folders: allowed_folders?,
    })
}

/// Without a certificate of its own, a call shows the one that answers calls.
fn the_receivers(
    check: &mut Checker<'_, '_>,
    spec: &SeonInstanceSpec,
    receive: Option<&Receive>,
) -> Option<TlsClient> {
    let tls = spec.receive.tls.as_ref()?;
    let certificate = if check.scope.answers_calls() {
        // It was judged there.
        let certificate = receive?.tls.as_ref()?.certificate.clone();
        certificate.filter(|_| check.scope.calls())
    } else {
        let reference = &tls.certificate_secret_ref;
        check.certificate_if(check.scope.calls(), reference, "spec.receive.tls").ok()?
    };
    Some(TlsClient { certificate, minimum_version: tls.minimum_version })
}

fn retry(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<Retry> {
    let retry = &spec.send.retry;
    let attempts = check.number(retry.attempts, "spec.send.retry.attempts");
    let first = check.duration(&retry.first, ["1s", "24h", "30s"], "spec.send.retry.first");
    let longest = check.duration(&retry.longest, ["1s", "168h", "1h"], "spec.send.retry.longest");
    let retry = Retry { attempts: attempts?, first: first?, longest: longest? };
    if retry.first > retry.longest {
        let problem = format!(
            "{} is longer than longest, {}; give a shorter first or a longer longest",
            spec.send.retry.first, spec.send.retry.longest,
        );
        check.fail("spec.send.retry.first", Problem::Conflict(problem));
    }
    Some(retry)
}

fn retention(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<Retention> {
    let crds::Retention { journal, finished, partial } = &spec.retention;
    let journal = check.duration(journal, ["24h", "87600h", "8760h"], "spec.retention.journal");
    let finished = check.duration(finished, ["24h", "87600h", "2160h"], "spec.retention.finished");
    let partial = partial_retention(check, partial);
    Some(Retention { journal: journal?, finished: finished?, partial: partial? })
}

fn partial_retention(
    check: &mut Checker<'_, '_>,
    partial: &crds::PartialRetention,
) -> Option<PartialRetention> {
    let crds::PartialRetention { age, files, mebibytes } = partial;
    let age = check.duration(age, ["1h", "8760h", "168h"], "spec.retention.partial.age");
    let files = check.number(*files, "spec.retention.partial.files");
    let mebibytes = check.number(*mebibytes, "spec.retention.partial.mebibytes");
    let mebibytes: u64 = mebibytes?;
    Some(PartialRetention { age: age?, files: files?, octets: mebibytes * 1024 * 1024 })
}

impl Checker<'_, '_> {
    /// Our certificate from the Secret of `field.certificateSecretRef`; none where it is of no use.
    fn certificate_if(
        &mut self,
        is_used: bool,
        reference: &SecretReference,
        field: &str,
    ) -> Result<Option<OwnCertificate>, Reported> {
        if !is_used {
            return Ok(None);
        }
        let certificate = self.own_certificate(reference, &format!("{field}.certificateSecretRef"));
        certificate.map(Some).ok_or(Reported)
    }

    pub(super) fn networks(&mut self, texts: &[String], field: &str) -> Option<Vec<IpNet>> {
        let mut networks = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let network = text.parse().ok();
            if network.is_none() {
                let problem = format!(
                    "\"{text}\" is not a network; give one with the length of its prefix, such as \
                     192.0.2.0/24"
                );
                self.value(&format!("{field}[{index}]"), problem);
            }
            networks.push(network);
        }
        networks.into_iter().collect()
    }

    fn address(&mut self, text: &str, field: &str) -> Option<std::net::IpAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            let problem = format!(
                "\"{text}\" is not an IP address; give one of this machine, or 0.0.0.0 for every \
                 IPv4 address, or :: for every address"
            );
            self.value(field, problem);
        }
        address
    }
}
