//! What good manifests become.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::{path::Path, time::Duration};

use common::{INSTANCE, PARTNER, SECRETS, tls_secret};
use configuration::{
    CapiAccess, CapiController, CapiDialect, CapiSegmentation, Configuration, DatabaseSetting,
    IdentifyError, ReceiptTiming, Transport, parse,
};
use jiff::Timestamp;
use oftp::{DatasetName, FileIdentity, Level, Quirk};

fn read(instance: &str, partner: &str, secrets: &str) -> Configuration {
    parse(&[("acme.yaml", instance), ("bolt.yaml", partner), ("secrets.yaml", secrets)]).unwrap()
}

#[test]
fn what_is_not_written_has_the_value_that_an_expert_would_choose() {
    let configuration = read(INSTANCE, PARTNER, SECRETS);
    let instance = &configuration.instance;
    assert_eq!(instance.name.as_str(), "acme");
    assert_eq!(instance.database, DatabaseSetting::Sqlite);
    assert_eq!(instance.data_directory, Path::new("./data"));
    assert_eq!(instance.lease.ttl, Duration::from_secs(10));
    assert_eq!(instance.retention.journal, Duration::from_hours(365 * 24));
    assert_eq!(instance.retention.finished, Duration::from_hours(90 * 24));
    let partial = instance.retention.partial;
    assert_eq!(partial.age, Duration::from_hours(7 * 24));
    assert_eq!((partial.files, partial.octets), (100, 100 * 1024 * 1024 * 1024));
    assert_eq!(instance.send.max_sessions.get(), 16);
    assert_eq!(instance.send.retry.attempts, 10);
    assert!(instance.receive.tls.is_none() && instance.send.tls.is_none() && !instance.suspend);
    let tcpip = instance.receive.tcpip.as_ref().unwrap();
    assert_eq!((tcpip.address.to_string().as_str(), tcpip.port), ("::", 3305));

    let bolt = configuration.partner("bolt").unwrap();
    let host = "oftp.bolt.example".to_owned();
    assert_eq!(bolt.transports, [Transport::Tcp { host, port: 3305 }]);
    assert_eq!(
        (bolt.protocol.minimum_level, bolt.protocol.highest_level),
        (Level::V1_2, Level::V2_0)
    );
    assert_eq!((bolt.protocol.buffer_size.get(), bolt.protocol.credit.get()), (32_768, 64));
    assert!(bolt.protocol.compression && bolt.protocol.restart);
    assert_eq!(bolt.protocol.tolerance, oftp::Tolerance::default());
    assert!(bolt.receipts.expected);
    assert_eq!(bolt.receipts.timing, ReceiptTiming::SameSession);
    assert_eq!((bolt.channels.get(), bolt.suspend), (1, false));
    assert_eq!(bolt.folders.len(), 1);
    assert_eq!(bolt.folders[0].directory, Path::new("outgoing/bolt"));
}

#[test]
fn what_a_package_may_have_is_counted_in_its_units_and_the_rest_stays_as_it_was() {
    let limits = |written: &str| {
        let instance = format!("{INSTANCE}  packageLimits: {written}\n");
        read(&instance, PARTNER, SECRETS).instance.package_limits
    };
    let usual = limits("{}");
    assert_eq!((usual.field, usual.ratio_from, usual.content), (1 << 20, 1 << 30, 1 << 44));
    let own =
        limits("{fieldKibibytes: 16, signers: 2, ratioFromMebibytes: 1, contentGibibytes: 3}");
    assert_eq!((own.field, own.ratio_from, own.content), (16 << 10, 1 << 20, 3 << 30));
    assert_eq!((own.signers, own.depth, own.ratio), (2, usual.depth, usual.ratio));
}

#[test]
fn lists_of_revoked_certificates_are_looked_at_unless_that_is_off_and_what_is_unknown_counts() {
    let settings = |written: &str| {
        let instance = format!("{INSTANCE}  revocation: {written}\n");
        read(&instance, PARTNER, SECRETS)
    };
    let usual = settings("{}").instance.revocation;
    assert!(usual.is_on && usual.urls.is_empty() && usual.allowed_addresses.is_empty());
    assert_eq!(usual.on_unknown, pki::OnUnknown::Accept);
    assert_eq!((usual.timeout, usual.maximum_size), (Duration::from_secs(30), 16 << 20));
    assert_eq!((usual.maximum_age, usual.proxy), (None, None));
    let own = settings(
        "{onUnknown: Refuse, urls: [\"http://ca.example/x\"], maximumAge: 24h, maximumMebibytes: 1,
         allowedAddresses: [10.0.0.0/8], proxy: \"http://proxy.example:3128\"}",
    );
    let urls: Vec<_> = own.list_urls().iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["http://ca.example/x"]);
    let own = own.instance.revocation;
    assert_eq!((own.on_unknown, own.maximum_size), (pki::OnUnknown::Refuse, 1 << 20));
    assert_eq!(own.maximum_age, Some(jiff::SignedDuration::from_hours(24)));
    assert_eq!((own.allowed_addresses.len(), own.proxy.unwrap().port()), (1, 3128));
    let off = settings("{check: \"Off\", urls: [\"http://ca.example/x\"]}");
    assert!(!off.instance.revocation.is_on && off.list_urls().is_empty());
}

#[test]
fn a_partner_s_folders_lie_in_its_own_place_or_in_one_that_the_instance_allows() {
    let instance = INSTANCE.to_owned()
        + "  storage: {directory: /var/lib/seon}\n  send: {allowedFolders: [/srv/edi, ./share/]}\n";
    let partner = PARTNER.to_owned()
        + "  folders:\n  - {directory: ./outgoing/bolt/}\n  - {directory: outgoing/bolt/plans}\n  \
           - {directory: /var/lib/seon/outgoing/bolt/a/b}\n  - {directory: /srv/edi}\n  \
           - {directory: share/bolt}\n";
    let configuration = read(&instance, &partner, SECRETS);
    let folders = &configuration.partner("bolt").unwrap().folders;
    let places: Vec<_> = folders
        .iter()
        .map(|folder| (folder.within.to_str().unwrap(), folder.below().to_str().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            ("outgoing/bolt", ""),
            ("outgoing/bolt", "plans"),
            ("/var/lib/seon/outgoing/bolt", "a/b"),
            ("/srv/edi", ""),
            ("share", "bolt"),
        ]
    );
}

#[test]
fn each_controller_of_isdn_has_a_daemon_and_a_box() {
    let instance = INSTANCE.replace(
        "      port: 3305\n",
        "      port: 3305\n    capi:\n      controllers:\n\
         \u{20}     - {number: 2, remote: {host: b, dialect: Bintec, secretRef: {name: box}}, \
         numbers: [\"7\"], maxSessions: 30, overlap: true, packetSize: 1024, segmentation: Blocks, \
         idleTimeout: 1h}\n\
         \u{20}     - {number: 1, device: {}}\n",
    );
    let partner = PARTNER.replace(
        "tcp: {host: oftp.bolt.example}",
        "isdn: {number: +49 221 7, callUserData: \"C000\", packetSize: 256, window: 2}",
    );
    let secrets = format!(
        "{SECRETS}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: box}}\n\
         stringData: {{username: seon, password: a long one}}\n"
    );
    let configuration = read(&instance, &partner, &secrets);
    let names: Vec<_> = configuration.daemons().into_iter().map(domain::Daemon::name).collect();
    assert_eq!(names, ["seonrd", "seonrd_tcpip", "seonrd_capi_0", "seonrd_capi_1", "seonsqd"]);
    let [one, two] = configuration.instance.receive.capi.as_slice() else { panic!("two") };
    assert_eq!((one.number.get(), one.max_sessions.get(), one.numbers.len()), (1, 2, 0));
    assert_eq!(one.access, CapiAccess::Device("/dev/capi20".into()));
    assert_eq!((two.number.get(), two.max_sessions.get(), two.numbers.len()), (2, 30, 1));
    let of = |controller: &CapiController| {
        let CapiController { overlap, packet_size, segmentation, idle_timeout, .. } = controller;
        (*overlap, packet_size.octets(), *segmentation, idle_timeout.as_secs())
    };
    assert_eq!(of(one), (false, 128, CapiSegmentation::Packets, 180));
    assert_eq!(of(two), (true, 1024, CapiSegmentation::Blocks, 3600));
    let CapiAccess::Remote(remote) = &two.access else { panic!("a box") };
    assert_eq!((remote.host.as_str(), remote.port), ("b", 2662));
    assert_eq!(remote.dialect, CapiDialect::Bintec);
    let account = remote.account.as_ref().unwrap();
    assert_eq!((account.user.as_str(), account.password.expose()), ("seon", "a long one"));
    let [Transport::Isdn(address)] = configuration.partner("bolt").unwrap().transports.as_slice()
    else {
        panic!("by ISDN")
    };
    assert_eq!((address.number.to_string().as_str(), &address.calling_number), ("+492217", &None));
    assert_eq!(address.call_user_data.as_ref().unwrap().octets(), [0xc0, 0]);
    assert_eq!(address.packet_size.unwrap().octets(), 256);
    assert_eq!(address.window.unwrap().packets(), 2);
}

#[test]
fn a_partner_hears_the_instances_password_unless_it_has_its_own() {
    let configuration = read(INSTANCE, PARTNER, SECRETS);
    assert_eq!(configuration.partner("bolt").unwrap().own_password.expose(), "ACMEPW");
    let partner = PARTNER.replace(
        "  transports",
        "    ownPasswordSecretRef: {name: bolt-oftp, key: own}\n  transports",
    );
    let configuration = read(INSTANCE, &partner, &format!("{SECRETS}  own: FORBOLT\n"));
    assert_eq!(configuration.partner("bolt").unwrap().own_password.expose(), "FORBOLT");
}

#[test]
fn a_caller_is_known_by_its_odette_id_and_its_password() {
    let configuration = read(INSTANCE, PARTNER, SECRETS);
    let identify = |id: &str, password: &str| {
        configuration
            .identify(&id.parse().unwrap())
            .and_then(|partner| {
                partner.lets_in(&password.parse().unwrap()).map(|()| partner.name.as_str())
            })
            .map_err(|error| error.code())
    };
    assert_eq!(identify("O0013000002BOLT", "BOLTPW"), Ok("bolt"));
    assert_eq!(identify("O0013000002BOLT", "boltpw"), Err("E-SESSION-PASSWORD"));
    assert_eq!(identify("O0013000002BOLT", ""), Err("E-SESSION-PASSWORD"));
    assert_eq!(identify("O0013000009NONE", "BOLTPW"), Err("E-SESSION-UNKNOWN-PARTNER"));
}

#[test]
fn a_suspended_partner_is_not_let_in() {
    let configuration = read(INSTANCE, &format!("{PARTNER}  suspend: true\n"), SECRETS);
    let bolt = configuration.identify(&"O0013000002BOLT".parse().unwrap()).unwrap();
    let refused = bolt.lets_in(&"BOLTPW".parse().unwrap()).unwrap_err();
    assert!(matches!(refused, IdentifyError::Suspended { .. }));
    let wrong = bolt.lets_in(&"WRONG".parse().unwrap()).unwrap_err();
    assert_eq!(wrong.code(), refused.code(), "no answer tells that a password was right");
    assert_eq!(refused.to_string(), "bolt is suspended; set suspend: false to let it in");
}

#[test]
fn debug_shows_no_secret() {
    let instance = format!(
        "{INSTANCE}    tls: {{certificateSecretRef: {{name: acme-tls}}}}\n  database: \
         {{secretRef: {{name: db, key: uri}}}}\n"
    );
    let secrets = format!(
        "{SECRETS}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringData: {{uri: \
         'postgres://seon:p@ssW0RD@db:5432/seon?password=p@ssW0RD'}}\n{}",
        tls_secret("acme-tls"),
    );
    let configuration = read(&instance, PARTNER, &secrets);
    let shown = format!("{configuration:?}");
    for secret in ["ACMEPW", "BOLTPW", "W0RD", "PRIVATE"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert!(shown.contains("PostgreSQL at db:5432/seon"));
    let tls = configuration.instance.receive.tls.as_ref().unwrap();
    let key = tls.certificate.as_ref().unwrap().key.der();
    let octets = format!("{:?}", key.secret_der());
    assert!(!shown.contains(octets.trim_matches(['[', ']'])));
}

#[test]
fn the_database_uri_is_what_the_store_opens() {
    let configuration = read(INSTANCE, PARTNER, SECRETS);
    let uri = configuration.instance.database.uri(Path::new("/srv/acme/data"));
    assert_eq!(uri.expose(), "sqlite:/srv/acme/data/seon.db");
}

#[test]
fn a_data_value_is_base64_and_string_data_wins_over_it() {
    let secrets = SECRETS.replace(
        "stringData:\n  password: BOLTPW",
        "data: {password: T0xEUFc=, own: Qk9M\n  VFBX}\nstringData: {password: NEWPW}",
    );
    let bolt = read(INSTANCE, PARTNER, &secrets).partner("bolt").unwrap().clone();
    assert_eq!(bolt.password.expose(), "NEWPW");
}

#[test]
fn quirks_add_to_the_default_and_strict_takes_away() {
    let partner = PARTNER.replace(
        "  transports",
        "  protocol: {quirks: [RestartCounts], strict: [EarlyCredit]}\n  transports",
    );
    let tolerance = read(INSTANCE, &partner, SECRETS).partner("bolt").unwrap().protocol.tolerance;
    let expected =
        oftp::Tolerance::default().with(Quirk::RestartCounts, true).with(Quirk::EarlyCredit, false);
    assert_eq!(tolerance, expected);
}

#[test]
fn every_quirk_of_the_engine_can_be_written() {
    for quirk in Quirk::ALL {
        let name = quirk.camel_name();
        let partner = PARTNER
            .replace("  transports", &format!("  protocol: {{strict: [{name}]}}\n  transports"));
        let bolt = read(INSTANCE, &partner, SECRETS).partner("bolt").unwrap().clone();
        assert!(!bolt.protocol.tolerance.accepts(*quirk), "{name}");
    }
}

#[test]
fn waits_double_up_to_the_longest() {
    let retry = read(INSTANCE, PARTNER, SECRETS).instance.send.retry;
    let waits = [1, 2, 3, 7, 8, 9, u32::MAX].map(|failures| retry.wait_after(failures).as_secs());
    assert_eq!(waits, [30, 60, 120, 1920, 3600, 3600, 3600]);
}

#[test]
fn a_poll_knows_when_the_next_call_is_due() {
    let partner = PARTNER.replace("  transports", "  poll: '*/15 6 * * MON-FRI'\n  transports");
    let bolt = read(INSTANCE, &partner, SECRETS).partner("bolt").unwrap().clone();
    let next = |time: &str| {
        let time: Timestamp = time.parse().unwrap();
        bolt.poll.as_ref().unwrap().next_after(time).unwrap().to_string()
    };
    assert_eq!(next("2026-11-20T06:15:00Z"), "2026-11-20T06:30:00Z");
    assert_eq!(next("2026-11-20T06:45:00Z"), "2026-11-23T06:00:00Z"); // a weekend between
}

#[test]
fn schedules_are_in_the_time_zone_of_the_partner_or_of_the_instance_with_its_daylight_saving_time()
{
    let instance = format!("{INSTANCE}  send: {{timeZone: Europe/Berlin}}\n");
    let partner = |more: &str| PARTNER.replace("  transports", &format!("{more}  transports"));
    let bolt =
        |more: &str| read(&instance, &partner(more), SECRETS).partner("bolt").unwrap().clone();
    let next = |more: &str, time: &str| {
        let time: Timestamp = time.parse().unwrap();
        bolt(more).poll.as_ref().unwrap().next_after(time).unwrap().to_string()
    };
    let half_past_two = "  poll: '30 2 * * *'\n";
    for (time, due) in [
        ("2026-01-10T00:00:00Z", "2026-01-10T01:30:00Z"),
        ("2026-07-10T00:00:00Z", "2026-07-10T00:30:00Z"),
        // Clocks go from 2 to 3 o'clock: at once after the hour that there is not.
        ("2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        // They go back from 3 to 2: once only.
        ("2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    ] {
        assert_eq!(next(half_past_two, time), due, "after {time}");
    }
    let tokyo = format!("  timeZone: Asia/Tokyo\n{half_past_two}");
    assert_eq!(next(&tokyo, "2026-07-10T00:00:00Z"), "2026-07-10T17:30:00Z");
    let office = bolt("  schedule: ['* 8-16 * * *']\n").windows.clone();
    for (time, is_open) in [
        ("2026-01-10T07:00:00Z", true),
        ("2026-01-10T06:59:00Z", false),
        ("2026-07-10T06:00:00Z", true),
        ("2026-07-10T15:00:00Z", false),
    ] {
        assert_eq!(office.are_open_at(time.parse().unwrap()), is_open, "{time}");
    }
}

#[test]
fn calls_begin_in_the_minutes_that_a_window_names_and_a_partners_own_windows_go_first() {
    let office = format!("{INSTANCE}  send: {{schedule: ['* 6-19 * * MON-FRI', '0 3 * * *']}}\n");
    let own = |schedule: &str| PARTNER.replace("  transports", &format!("{schedule}  transports"));
    let open = |instance: &str, partner: &str, time: &str| {
        let bolt = read(instance, partner, SECRETS).partner("bolt").unwrap().clone();
        bolt.windows.are_open_at(time.parse().unwrap())
    };
    let (friday, saturday) = ("2026-11-20T19:59:59.999Z", "2026-11-21T12:00:00Z");
    for time in [friday, saturday] {
        assert!(open(INSTANCE, PARTNER, time), "always, unless something is said");
    }
    assert!(open(&office, PARTNER, friday), "to the last instant of its last minute");
    assert!(!open(&office, PARTNER, "2026-11-20T20:00:00Z"));
    assert!(!open(&office, PARTNER, saturday));
    assert!(open(&office, PARTNER, "2026-11-21T03:00:30Z"), "one of several is enough");
    assert!(open(&office, &own("  schedule: []\n"), saturday));
    assert!(!open(INSTANCE, &own("  schedule: ['* 20-23 * * *']\n"), friday));
}

#[test]
fn certificates_count_from_their_date_on_and_look_for_the_names_we_call() {
    let partner = PARTNER.replace("- tcp: {host", "- tls: {serverName: oftp2.bolt.example, host")
        + "  certificates:\n  - {purpose: [Tls], secretRef: {name: old}}\n  - {purpose: [Tls], \
           secretRef: {name: new}, activeFrom: 2026-12-01}\n";
    let instance = format!("{INSTANCE}    tls: {{certificateSecretRef: {{name: acme-tls}}}}\n");
    let secrets = [
        SECRETS,
        &tls_secret("acme-tls"),
        &tls_secret("old"),
        &tls_secret("new").replace("tls.crt", "ca.crt"),
    ]
    .concat();
    let bolt = read(&instance, &partner, &secrets).partner("bolt").unwrap().clone();
    let [old, new] = bolt.tls_certificates.as_slice() else { panic!("two are written") };
    assert_eq!((old.pinned.len(), old.authorities.len()), (1, 0));
    assert_eq!((new.pinned.len(), new.authorities.len()), (0, 1));
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    assert!(old.is_active(at("2026-11-30T23:59:59Z")));
    assert!(!new.is_active(at("2026-11-30T23:59:59Z")));
    assert!(new.is_active(at("2026-12-01T00:00:00Z")));
    let names: Vec<_> = new.names.iter().map(|name| name.to_str().into_owned()).collect();
    assert_eq!(names, ["oftp2.bolt.example", "oftp.bolt.example"]);
}

/// What a file of this dataset name is called under these rules.
fn file_name(rules: &str, dataset: &str) -> String {
    let partner = PARTNER.replace("  transports", &format!("  files: {rules}\n  transports"));
    let bolt = read(INSTANCE, &partner, SECRETS).partner("bolt").unwrap().clone();
    bolt.files.file_name(&FileIdentity {
        dataset_name: dataset.parse::<DatasetName>().unwrap(),
        stamp: "202611221340590042".parse().unwrap(),
        originator: "O0013000002BOLT".parse().unwrap(),
        destination: "O0013000001ACME".parse().unwrap(),
    })
}

#[test]
fn a_file_is_named_by_the_first_rule_that_matches() {
    let rules = "[{match: 'ENGDAT*', rename: '{date}-{time}{counter}-{dataset}.dat'}, {match: \
                 'E?GDAT*', rename: never}, {match: '*7', rename: '{partner} {originator}'}]";
    assert_eq!(file_name(rules, "ENGDAT00471"), "20261122-1340590042-ENGDAT00471.dat");
    assert_eq!(file_name(rules, "INVOICE7"), "bolt O0013000002BOLT");
    assert_eq!(file_name(rules, "INVOICE8"), "INVOICE8");
}

#[test]
fn a_file_name_is_never_a_path_and_never_hidden() {
    for (dataset, name) in [
        ("../../ETC/PASSWD", "_.._.._ETC_PASSWD"),
        ("/ETC/PASSWD", "_ETC_PASSWD"),
        ("..", "_.."),
        (".HIDDEN", "_.HIDDEN"),
        ("A.PART", "A.PART_"),
        ("A\\B", "A_B"),
    ] {
        assert_eq!(file_name("[]", dataset), name);
    }
}
