//! The rules that only a cluster has.

use std::collections::{BTreeMap, BTreeSet};

use configuration::{CapiAccess, Configuration, DatabaseSetting, Scope, Transport};
use crds::{
    KeyPurpose, PartnerSecrets, SecretKeyReference, SeonInstanceSpec, SeonPartner, is_object_name,
    names,
};
use domain::ControllerNumber;
use jiff::Timestamp;
use kube::ResourceExt as _;
use pki::certificate_facts;

use super::{ValidatedDaemon, ValidatedLine, ValidatedListener, ValidatedStorage};
use crate::{
    daemon::Daemon,
    dereference::{Found, instance_secrets, partner_secrets},
    problem::Problem,
};

/// What a cluster does not take, in an instance that is otherwise good.
pub(super) fn problems(found: &Found) -> Vec<Problem> {
    let spec = &found.instance.spec;
    let mut problems = Vec::new();
    if spec.database.is_none() {
        let cure = "is missing: on a cluster several pods share a database; add database: \
                    {secretRef: {name: …, key: uri}} with a PostgreSQL URI";
        problems.push(Problem::new("E-VALIDATE-DATABASE", "spec.database", cure));
    }
    if spec.storage.volume_claim.is_none() && spec.storage.claim_name.is_none() {
        let cure = match &spec.storage.directory {
            Some(_) => "is for one machine; give volumeClaim: {size: 50Gi} or claimName instead",
            None => "is missing: give volumeClaim: {size: 50Gi} or claimName",
        };
        problems.push(Problem::new("E-VALIDATE-STORAGE", "spec.storage", cure));
    }
    if let (None, Some(name)) = (&spec.storage.volume_claim, &spec.storage.claim_name)
        && is_object_name(name)
    {
        problems.extend(claim(found, name));
    }
    let tcpip = spec.receive.tcpip.as_ref().map(|l| ("tcpip", l.port, &l.address));
    let tls = spec.receive.tls.as_ref().map(|l| ("tls", l.port, &l.address));
    for (name, port, address) in tcpip.into_iter().chain(tls) {
        listener(&mut problems, name, port, address);
    }
    problems.extend(missing_secrets(found, instance_secrets(spec)));
    problems
}

/// A claim that is there already, which all pods of an instance have to have.
fn claim(found: &Found, name: &str) -> Option<Problem> {
    let namespace = &found.key.namespace;
    let text = match &found.claim {
        None => format!("there is no volume claim {name} in namespace {namespace}; make it there"),
        Some(modes)
            if modes.iter().all(|mode| mode == "ReadWriteOncePod" || mode == "ReadOnlyMany") =>
        {
            format!(
                "claim {name} is {}, so not several pods can write there; give one that is \
                 ReadWriteMany, or ReadWriteOnce for all pods on one node",
                modes.join(", "),
            )
        }
        Some(_) => return None,
    };
    Some(Problem::new("E-VALIDATE-STORAGE", "spec.storage.claimName", text))
}

fn is_shared(modes: &[String]) -> bool {
    modes.iter().any(|mode| mode == "ReadWriteMany")
}

fn listener(problems: &mut Vec<Problem>, name: &str, port: i32, address: &str) {
    let field = format!("spec.receive.{name}");
    if port == 0 {
        let cure = "0 is for one machine: a Service needs a fixed port; leave it out for the usual";
        problems.push(Problem::new("E-VALIDATE-LISTENER", &format!("{field}.port"), cure));
    }
    if port == i32::from(names::ADMIN_PORT) {
        let cure = format!("{port} is the port of the daemons' readings; give another one");
        problems.push(Problem::new("E-VALIDATE-LISTENER", &format!("{field}.port"), cure));
    }
    if !["0.0.0.0", "::"].contains(&address) {
        let cure = format!(
            "{address} is not an address of every pod; leave it out, and say by service and \
             network policy who may call"
        );
        problems.push(Problem::new("E-VALIDATE-LISTENER", &format!("{field}.address"), cure));
    }
}

/// Those of these Secrets that are not there. One that cannot be there, by its name, is for the
/// common rules to report, with the field that it stands in.
pub(super) fn missing_secrets(found: &Found, wanted: BTreeSet<String>) -> Vec<Problem> {
    let namespace = &found.key.namespace;
    let is_missing = |name: &String| !found.secrets.contains_key(name) && is_object_name(name);
    let missing = wanted.into_iter().filter(is_missing);
    missing
        .map(|name| Problem {
            code: "E-VALIDATE-SECRET",
            object: Some(format!("Secret {name}")),
            field: String::new(),
            text: format!("is not in namespace {namespace}; create it there"),
        })
        .collect()
}

/// The Secrets of a partner that do not say that they are: whoever writes it need not be somebody
/// who may read them.
pub(super) fn secrets_of_others(found: &Found, partner: &SeonPartner) -> Vec<Problem> {
    if found.instance.spec.partner_secrets == PartnerSecrets::Any {
        return Vec::new();
    }
    let (namespace, partner_name) = (&found.key.namespace, partner.name_any());
    let label = names::partner_label(&partner_name);
    let is_others = |name: &String| {
        found.secrets.get(name).is_some_and(|secret| !secret.labels().contains_key(&label))
    };
    let others = partner_secrets(&partner.spec).into_iter().filter(is_others);
    others
        .map(|name| Problem {
            code: "E-VALIDATE-SECRET-LABEL",
            field: String::new(),
            text: format!(
                "does not say that partner {partner_name} may use it; if it may: kubectl label \
                 secret {name} --namespace {namespace} {label}="
            ),
            object: Some(format!("Secret {name}")),
        })
        .collect()
}

/// What a cluster cannot do without; nothing, if it is reported as missing.
pub(super) fn wanted(found: &Found) -> Option<(SecretKeyReference, ValidatedStorage)> {
    let spec = &found.instance.spec;
    let storage = match (&spec.storage.volume_claim, &spec.storage.claim_name) {
        (Some(claim), _) => ValidatedStorage::Make(claim.clone()),
        (None, Some(name)) => ValidatedStorage::Use {
            name: name.clone(),
            is_of_one_node: found.claim.as_ref().is_some_and(|modes| !is_shared(modes)),
        },
        (None, None) => return None,
    };
    Some((spec.database.as_ref()?.secret_ref.clone(), storage))
}

pub(super) fn daemons(
    spec: &SeonInstanceSpec,
    configuration: &Configuration,
) -> Vec<ValidatedDaemon> {
    let (receive, send, template) = (&spec.receive, &spec.send, &spec.daemon_template);
    let daemon =
        |daemon, replicas: Option<i32>, resources: Option<&crds::Resources>| ValidatedDaemon {
            daemon,
            replicas: replicas.unwrap_or(template.replicas),
            resources: resources.unwrap_or(&template.resources).clone(),
            key_secrets: file_key_secrets(spec, daemon),
            listener: None,
            line: None,
        };
    let listener = |port, service: &crds::Service| {
        let port = u16::try_from(port).ok()?;
        Some(ValidatedListener { port, service: service.clone() })
    };
    let server = receive.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let client = send.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let with = |secret: Option<&String>, daemon: ValidatedDaemon| {
        let key_secrets = daemon.key_secrets.into_iter().chain(secret.cloned()).collect();
        ValidatedDaemon { key_secrets, ..daemon }
    };
    let mut daemons = vec![daemon(Daemon::Seonrd, None, None)];
    daemons.extend(receive.tcpip.as_ref().map(|tcpip| ValidatedDaemon {
        listener: listener(tcpip.port, &tcpip.service),
        ..daemon(Daemon::SeonrdTcpip, tcpip.replicas, tcpip.resources.as_ref())
    }));
    daemons.extend(receive.tls.as_ref().map(|tls| ValidatedDaemon {
        listener: listener(tls.port, &tls.service),
        ..with(server, daemon(Daemon::SeonrdTcpipTls, tls.replicas, tls.resources.as_ref()))
    }));
    let controllers = spec.receive.capi.iter().flat_map(|capi| &capi.controllers);
    daemons.extend(controllers.filter_map(|controller| {
        let line = line(controller, configuration)?;
        // A pod more would wait for a node more that has the controller, and most have none.
        let is_device = matches!(line.1, ValidatedLine::Device(_));
        let replicas = controller.replicas.or(is_device.then_some(1));
        Some(ValidatedDaemon {
            line: Some(line.1),
            ..daemon(Daemon::SeonrdCapi(line.0), replicas, controller.resources.as_ref())
        })
    }));
    let queue = daemon(Daemon::Seonsqd, send.replicas, send.resources.as_ref());
    daemons.push(with(client.or(server), queue));
    daemons
}

/// The Secrets with our keys for files and receipts that a daemon uses.
fn file_key_secrets(spec: &SeonInstanceSpec, daemon: Daemon) -> BTreeSet<String> {
    let scope = Scope::of(daemon);
    let is_used = |purpose: &KeyPurpose| scope.uses(*purpose);
    let used = spec.certificates.iter().filter(|entry| entry.purpose.iter().any(is_used));
    used.map(|entry| entry.secret_ref.name.clone()).collect()
}

/// A controller as the configuration judged it, with its number.
fn line(
    controller: &crds::CapiController,
    configuration: &Configuration,
) -> Option<(ControllerNumber, ValidatedLine)> {
    let number = ControllerNumber::try_from(u8::try_from(controller.number).ok()?).ok()?;
    let judged = configuration.instance.receive.capi.iter().find(|one| one.number == number)?;
    let line = match &judged.access {
        CapiAccess::Device(_) => ValidatedLine::Device(names::capi_resource(number.get())),
        CapiAccess::Remote(remote) => ValidatedLine::Remote {
            host: remote.host.clone(),
            port: remote.port,
            account: controller
                .remote
                .as_ref()?
                .secret_ref
                .as_ref()
                .map(|secret| secret.name.clone()),
        },
    };
    Some((number, line))
}

pub(super) fn accepted(configuration: &Configuration) -> BTreeMap<String, Option<Timestamp>> {
    configuration
        .partners()
        .map(|partner| {
            let tls = partner.tls_certificates.iter();
            let tls = tls.flat_map(|entry| entry.pinned.iter().chain(&entry.authorities));
            let files = partner.file_certificates.iter().flat_map(|entry| &entry.certificates);
            let all = tls.chain(files);
            let first = all.filter_map(|der| Some(certificate_facts(der)?.expires)).min();
            (partner.name.as_str().to_owned(), first)
        })
        .collect()
}

pub(super) fn partner_ports(configuration: &Configuration) -> BTreeSet<u16> {
    let transports = configuration.partners().flat_map(|partner| partner.transports.iter());
    let partners = transports.filter_map(|transport| match transport {
        Transport::Tls { port, .. } | Transport::Tcp { port, .. } => Some(*port),
        Transport::Isdn(_) => None,
    });
    let urls = configuration.list_urls();
    let proxy = configuration.instance.revocation.proxy.as_ref().filter(|_| !urls.is_empty());
    let lists = urls.iter().map(|url| proxy.unwrap_or(url).port());
    partners.chain(lists).collect()
}

/// The ports of the servers in a URI such as `postgres://user:password@one:5432,two/name`.
pub(super) fn database_ports(configuration: &Configuration) -> BTreeSet<u16> {
    let DatabaseSetting::PostgreSql(uri) = &configuration.instance.database else {
        return BTreeSet::new();
    };
    ports(uri.expose())
}

fn ports(uri: &str) -> BTreeSet<u16> {
    let (_, rest) = uri.split_once("://").unwrap_or_default();
    let rest = rest.split('?').next().unwrap_or_default();
    let servers = rest.rsplit('@').next().unwrap_or_default();
    let servers = servers.split('/').next().unwrap_or_default();
    let port = |server: &str| {
        let after_address = server.rsplit(']').next().unwrap_or_default();
        after_address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(5432)
    };
    servers.split(',').map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_a_databases_servers_are_read_from_its_uri() {
        for (uri, expected) in [
            ("postgres://u:p@db/seon", vec![5432]),
            ("postgres://u:p@db:6432/seon?host=x:1", vec![6432]),
            ("postgresql://u:p:q@a:1,b:2/seon", vec![1, 2]),
            ("postgresql://[fd00::1]/seon", vec![5432]),
            ("postgresql://u@[fd00::1]:7/seon", vec![7]),
        ] {
            assert_eq!(ports(uri), expected.into_iter().collect(), "{uri}");
        }
    }
}
