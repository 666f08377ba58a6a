//! What lies in deploy/samples is what people begin with: all of it is valid, here and on a
//! cluster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod common;

use configuration::{CapiAccess, Configuration, DatabaseSetting, Transport, parse};

fn sample(name: &str) -> String {
    let path = format!("{}/../../../deploy/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn read(files: &[(&str, String)]) -> Configuration {
    parse(files).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("\n{}", errors.join("\n"))
    })
}

#[test]
fn one_machine_is_valid() {
    let configuration = read(&[("one-machine.yaml", sample("one-machine.yaml"))]);
    assert_eq!(configuration.instance.database, DatabaseSetting::Sqlite);
    assert_eq!(configuration.instance.receive.tcpip.as_ref().unwrap().port, 3305);
    assert!(configuration.instance.receive.tls.is_none());
    let bolt = configuration.partner("bolt").unwrap();
    assert_eq!(bolt.transports, [Transport::Tcp { host: "oftp.bolt.example".into(), port: 3305 }]);
}

#[test]
fn two_partners_is_valid() {
    let certificates = common::tls_secret("acme-tls") + &common::tls_secret("bolt-tls");
    let configuration = read(&[
        ("two-partners.yaml", sample("two-partners.yaml")),
        ("certificates.yaml", certificates),
    ]);
    assert_eq!(configuration.partners().len(), 2);
    assert_eq!(configuration.partner("bolt").unwrap().tls_certificates[0].pinned.len(), 1);
    assert!(configuration.partner("cast").unwrap().transports.is_empty());
}

#[test]
fn cluster_is_valid_with_its_database_as_cloudnativepg_describes_it() {
    let certificates = common::tls_secret("acme-tls") + &common::tls_secret("bolt-tls");
    let configuration = read(&[
        ("cluster.yaml", sample("cluster.yaml")),
        ("cluster-database.yaml", sample("cluster-database.yaml")),
        ("certificates.yaml", certificates),
    ]);
    let database = configuration.instance.database.to_string();
    assert_eq!(database, "PostgreSQL at acme-db-rw.acme:5432/seon");
    assert_eq!(configuration.instance.receive.tls.as_ref().unwrap().port, 6619);
    // The volume is the operator's to mount; on one machine the files lie where they always do.
    assert_eq!(configuration.instance.data_directory, std::path::Path::new("./data"));
}

#[test]
fn everything_is_valid() {
    let certificates: String =
        ["acme-tls", "acme-client-tls", "bolt-2026", "bolt-2027"].map(common::tls_secret).concat();
    let for_files = ["acme-sign", "acme-decrypt-2026", "acme-decrypt-2027", "bolt-files"];
    let certificates = certificates + &for_files.map(common::rsa_secret).concat();
    let configuration = read(&[
        ("everything.yaml", sample("everything.yaml")),
        ("certificates.yaml", certificates),
    ]);
    let instance = &configuration.instance;
    let receive = &instance.receive.tls.as_ref().unwrap().certificate;
    assert_ne!(&instance.send.tls.as_ref().unwrap().certificate, receive);
    assert_eq!(instance.database.to_string(), "PostgreSQL at acme-db-rw:5432/seon");
    assert_eq!(instance.file_keys.decrypting().count(), 2);
    let bolt = configuration.partner("bolt").unwrap();
    assert_eq!(bolt.security.outbound.encrypt, domain::security::Demand::Required);
}

#[test]
fn isdn_by_a_device_and_by_a_box_is_valid() {
    let of = |name: &str| {
        let database = ("cluster-database.yaml", sample("cluster-database.yaml"));
        let configuration = read(&[(name, sample(name)), database]);
        let bolt = configuration.partner("bolt").unwrap();
        assert!(matches!(bolt.transports.as_slice(), [Transport::Isdn(_)]));
        let [controller] = configuration.instance.receive.capi.as_slice() else { panic!("one") };
        controller.access.clone()
    };
    assert_eq!(of("isdn-device.yaml"), CapiAccess::Device("/dev/capi20".into()));
    let CapiAccess::Remote(router) = of("isdn-remote.yaml") else { panic!("a box") };
    assert_eq!((router.host.as_str(), router.port), ("192.0.2.7", 2662));
    assert_eq!(router.account.unwrap().user, "seon");
}

#[test]
fn no_sample_is_forgotten_here() {
    let path = format!("{}/../../../deploy/samples", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "cluster-database.yaml",
            "cluster.yaml",
            "everything.yaml",
            "isdn-device.yaml",
            "isdn-remote.yaml",
            "one-machine.yaml",
            "two-partners.yaml"
        ]
    );
}
