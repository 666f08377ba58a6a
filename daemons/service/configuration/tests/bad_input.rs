//! Every sentence that a person may meet, word for word. Each case is a good set of manifests
//! (tests/common) with one replacement.

mod common;

use common::{INSTANCE, PARTNER, SECRETS, indented, messages, tls_secret};

/// The three files as they are wrong by one replacement in one of them.
fn with(manifest: &str, good: &str, bad: &str) -> Vec<String> {
    assert!(manifest.contains(good), "{good:?} is nowhere to be replaced");
    let broken = manifest.replacen(good, bad, 1);
    let one =
        |name, text: &str| (name, if text == manifest { broken.clone() } else { text.into() });
    messages(&[one("acme.yaml", INSTANCE), one("bolt.yaml", PARTNER), one("secrets.yaml", SECRETS)])
}

macro_rules! says {
    ($($name:ident: $manifest:ident $good:literal => $bad:literal, [$($line:literal,)*];)*) => {
        $(
            #[test]
            fn $name() {
                let expected: &[&str] = &[$($line),*];
                assert_eq!(with($manifest, $good, $bad), expected);
            }
        )*
    };
}

says! {
    yaml_that_is_not_yaml: INSTANCE "      port: 3305\n" => "      port: 3305\n   bad: x\n", [
        "acme.yaml:12:4: this is not YAML: while parsing a block mapping, did not find expected \
         key; look at the indentation and at quotes",
    ];
    a_quote_that_is_not_closed: SECRETS "  password: BOLTPW" => "  password: \"BOLTPW", [
        "secrets.yaml:10:13: this is not YAML: while scanning a quoted scalar, found unexpected \
         end of stream; look at the indentation and at quotes",
    ];
    a_key_that_stands_twice: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n      port: 3306\n", [
        "acme.yaml:12:7: port stands here and in line 11 already; leave one of them",
    ];
    an_alias: INSTANCE "    odetteId: O0013000001ACME\n" =>
        "    odetteId: &a O0013000001ACME\n    stations: [{odetteId: *a}]\n", [
        "acme.yaml:8:27: an alias (*) is not taken here; write the value out",
    ];
    a_tag: INSTANCE "odetteId: O" => "odetteId: !!str O", [
        "acme.yaml:7:15: a tag (!) is not taken here; write the value plainly, or a text in quotes",
    ];
    a_document_that_is_a_list: INSTANCE "apiVersion" => "- apiVersion", [
        "acme.yaml:2:1: this is not YAML: while parsing a block collection, did not find \
         expected '-' indicator; look at the indentation and at quotes",
    ];
    a_kind_with_a_slip: INSTANCE "SeonInstance" => "SeonInstanc", [
        "acme.yaml:2:1: kind: \"SeonInstanc\" is not read here; did you mean SeonInstance? known \
         are SeonInstance and SeonPartner of seon.dev/v1alpha1, Secret of v1",
    ];
    a_kind_that_is_not_read: INSTANCE "SeonInstance" => "ConfigMap", [
        "acme.yaml:2:1: kind: \"ConfigMap\" is not read here; known are SeonInstance and \
         SeonPartner of seon.dev/v1alpha1, Secret of v1",
    ];
    no_kind: INSTANCE "kind: SeonInstance\n" => "", [
        "acme.yaml:1:1: kind: is missing; add it; known are SeonInstance and SeonPartner of \
         seon.dev/v1alpha1, Secret of v1",
    ];
    a_version_that_is_not_known: INSTANCE "v1alpha1" => "v1", [
        "acme.yaml:1:1: apiVersion: a SeonInstance of this version is not known; give \
         seon.dev/v1alpha1",
    ];
    no_version: INSTANCE "apiVersion: seon.dev/v1alpha1\n" => "", [
        "acme.yaml:1:1: apiVersion: is missing; add it: seon.dev/v1alpha1",
    ];
    no_metadata: INSTANCE "metadata:\n  name: acme\n" => "", [
        "acme.yaml:1:1: metadata.name: is missing; add it: metadata: {name: …}",
    ];
    a_metadata_field_with_a_slip: INSTANCE "  name: acme\n" => "  nmae: acme\n", [
        "acme.yaml:3:1: metadata.name: is missing; add it",
        "acme.yaml:4:3: metadata.nmae: there is no such field; did you mean name? known here: \
         name, namespace, labels, annotations",
    ];
    an_instance_name_with_capitals: INSTANCE "  name: acme\n" => "  name: Acme\n", [
        "acme.yaml:4:3: metadata.name: \"Acme\" becomes part of the daemons' names; give 1 to 35 \
         of a-z, 0-9 and -, beginning with a letter, such as acme",
        "bolt.yaml:6:17: spec.instanceRef.name: there is no SeonInstance acme in these files; \
         did you mean Acme? give Acme",
    ];
    a_partner_name_with_a_full_stop: PARTNER "  name: bolt\n" => "  name: bolt.x\n", [
        "bolt.yaml:4:3: metadata.name: \"bolt.x\" becomes a folder and a word on the command \
         line; give 1 to 63 of a-z, 0-9 and -, such as bolt",
    ];
    a_second_instance: PARTNER "kind: SeonPartner" => "kind: SeonInstance", [
        "bolt.yaml:2:1: kind: this is a second SeonInstance beside acme; one folder describes \
         one instance, so move it to a folder of its own",
        "bolt.yaml:6:3: spec.instanceRef: there is no such field; known here: \
         certificates, daemonTemplate, database, debug, identity, image, lease, \
         packageLimits, partnerSecrets, receive, retention, revocation, send, storage, suspend",
        "bolt.yaml:10:3: spec.transports: there is no such field; known here: \
         certificates, daemonTemplate, database, debug, identity, image, lease, \
         packageLimits, partnerSecrets, receive, retention, revocation, send, storage, suspend",
    ];
    two_namespaces: PARTNER "  name: bolt\n" => "  name: bolt\n  namespace: trade\n", [
        "bolt.yaml:5:3: metadata.namespace: is trade, and that of SeonInstance acme is none; \
         what belongs together is in one namespace, so give the same one everywhere or leave it \
         out everywhere",
    ];
    a_secret_s_name_that_would_be_another_request: PARTNER "{name: bolt-oftp" =>
        "{name: \"?watch=true\"", [
        "bolt.yaml:9:25: spec.identity.passwordSecretRef.name: \"?watch=true\" is not the name of \
         a Secret; give a-z, 0-9, - and full stops, such as bolt-oftp",
    ];
    a_secret_s_name_that_leads_elsewhere: INSTANCE "{name: acme-oftp" =>
        "{name: ../../kube-system/secrets/foo", [
        "acme.yaml:8:25: spec.identity.passwordSecretRef.name: \"../../kube-system/secrets/foo\" is \
         not the name of a Secret; give a-z, 0-9, - and full stops, such as bolt-oftp",
    ];
    a_key_that_no_secret_has: PARTNER "key: password" => "key: a/b", [
        "bolt.yaml:9:42: spec.identity.passwordSecretRef.key: \"a/b\" is not a key in a Secret; \
         give letters, digits, -, _ and full stops, such as password",
    ];
    names_of_what_only_a_cluster_has: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  storage: {volumeClaim: {size: 1Gi, storageClassName: a_b}}\n  \
         daemonTemplate: {priorityClassName: A, imagePullSecrets: [{name: a}, {name: a/b}]}\n", [
        "acme.yaml:12:38: spec.storage.volumeClaim.storageClassName: \"a_b\" is not the name of a \
         storage class; give a-z, 0-9, - and full stops, such as bolt-oftp",
        "acme.yaml:13:20: spec.daemonTemplate.priorityClassName: \"A\" is not the name of a \
         priority class; give a-z, 0-9, - and full stops, such as bolt-oftp",
        "acme.yaml:13:73: spec.daemonTemplate.imagePullSecrets[1].name: \"a/b\" is not the name of \
         a Secret; give a-z, 0-9, - and full stops, such as bolt-oftp",
    ];
    places_that_no_list_is_fetched_from: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  revocation:\n    urls: [\"https://ca.example/x\"]\n    \
         proxy: proxy:3128\n    allowedAddresses: [10.0.0.1]\n    timeout: 1h\n    \
         maximumAge: 1m\n", [
        "acme.yaml:13:12: spec.revocation.urls[0]: \"https://ca.example/x\" is not an URL to fetch by \
         HTTP (only http:// is fetched); give one such as http://ca.example/issuing.crl",
        "acme.yaml:14:5: spec.revocation.proxy: \"proxy:3128\" is not an URL to fetch by HTTP (only \
         http:// is fetched); give one such as http://ca.example/issuing.crl",
        "acme.yaml:15:24: spec.revocation.allowedAddresses[0]: \"10.0.0.1\" is not a network; give \
         one with the length of its prefix, such as 192.0.2.0/24",
        "acme.yaml:16:5: spec.revocation.timeout: 1h is out of range; give 1s to 10m (usual: 30s)",
        "acme.yaml:17:5: spec.revocation.maximumAge: 1m is out of range; give 1h to 87600h (usual: \
         168h)",
    ];
    the_name_of_a_claim: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  storage: {claimName: ../a}\n", [
        "acme.yaml:12:13: spec.storage.claimName: \"../a\" is not the name of a volume claim; give \
         a-z, 0-9, - and full stops, such as bolt-oftp",
    ];
    two_secrets_of_one_name: SECRETS "name: bolt-oftp" => "name: acme-oftp", [
        "bolt.yaml:9:25: spec.identity.passwordSecretRef.name: there is no Secret bolt-oftp in \
         these files; add one with stringData: {password: …}",
        "secrets.yaml:8:12: metadata.name: a Secret acme-oftp stands in secrets.yaml already; \
         rename or remove one of them",
    ];
    a_port_beyond_65535: INSTANCE "3305" => "66190", [
        "acme.yaml:11:7: spec.receive.tcpip.port: 66190 is not a port; give 1 to 65535 (usual: \
         3305)",
    ];
    a_port_that_is_a_word: INSTANCE "3305" => "http", [
        "acme.yaml:11:7: spec.receive.tcpip.port: \"http\" is not a port; give 1 to 65535 \
         (usual: 3305)",
    ];
    a_port_that_readers_disagree_on: INSTANCE "3305" => "03305", [
        "acme.yaml:11:7: spec.receive.tcpip.port: 03305 is not a port; give 1 to 65535 (usual: \
         3305)",
    ];
    a_port_that_is_a_list: INSTANCE "3305" => "[3305]", [
        "acme.yaml:11:7: spec.receive.tcpip.port: is a list; give a whole number",
    ];
    a_number_where_a_group_belongs: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  send: {retry: 10}\n", [
        "acme.yaml:12:10: spec.send.retry: is a single value; give fields such as attempts, \
         first, longest",
    ];
    a_group_where_a_list_belongs: PARTNER "  transports:\n  - tcp: {host: oftp.bolt.example}" =>
        "  transports: {tcp: {host: oftp.bolt.example}}", [
        "bolt.yaml:10:3: spec.transports: is a group of fields; give a list, each entry \
         beginning with -",
    ];
    a_word_where_a_switch_belongs: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  suspend: maybe\n", [
        "acme.yaml:12:3: spec.suspend: \"maybe\" is not true or false; give one of them",
    ];
    a_number_where_a_text_belongs: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  lease: {ttl: 10}\n", [
        "acme.yaml:12:11: spec.lease.ttl: 10 is a number to YAML, and a text goes here; write it \
         in quotes, \"10\" (usual: 10s)",
    ];
    an_empty_value_that_must_not_be: INSTANCE "odetteId: O0013000001ACME" => "odetteId:", [
        "acme.yaml:7:5: spec.identity.odetteId: is empty; give a text, or remove the line",
    ];
    a_field_with_a_slip: INSTANCE "port:" => "prot:", [
        "acme.yaml:11:7: spec.receive.tcpip.prot: there is no such field; did you mean port? \
         known here: address, maxSessions, port, proxies, replicas, resources, service",
    ];
    a_field_in_another_spelling: INSTANCE "port: 3305" => "max_sessions: 10", [
        "acme.yaml:11:7: spec.receive.tcpip.max_sessions: there is no such field; did you mean \
         maxSessions? known here: address, maxSessions, port, proxies, replicas, resources, service",
    ];
    a_field_that_is_not_built_yet: INSTANCE "  receive" => "  edition: Enterprise\n  receive", [
        "acme.yaml:9:3: spec.edition: there is no such field; known here: \
         certificates, daemonTemplate, database, debug, identity, image, lease, \
         packageLimits, partnerSecrets, receive, retention, revocation, send, storage, suspend",
    ];
    a_transport_that_is_not_built_yet: PARTNER "tcp: {host: oftp.bolt.example}" =>
        "xot: {host: oftp.bolt.example}", [
        "bolt.yaml:11:5: spec.transports[0].xot: there is no such field; known here: isdn, tcp, tls",
    ];
    a_field_that_is_missing: INSTANCE "    odetteId: O0013000001ACME\n" => "", [
        "acme.yaml:6:3: spec.identity.odetteId: is missing; add it: our own Odette ID (SSIDCODE)",
    ];
    a_secret_key_that_is_missing: INSTANCE ", key: password" => "", [
        "acme.yaml:8:5: spec.identity.passwordSecretRef.key: is missing; add it: key within the \
         Secret's data",
    ];
    a_choice_in_lower_case: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  debug: {level: info}\n", [
        "acme.yaml:12:11: spec.debug.level: \"info\" is not known here; did you mean Info? give \
         one of Error, Warn, Info, Debug, Trace",
    ];
    everything_wrong_at_once: INSTANCE "3305\n" =>
        "66190\n  lease: {ttl: 1s}\n  sned: {}\n  debug: {level: loud}\n", [
        "acme.yaml:11:7: spec.receive.tcpip.port: 66190 is not a port; give 1 to 65535 (usual: \
         3305)",
        "acme.yaml:12:11: spec.lease.ttl: 1s is out of range; give 2s to 5m (usual: 10s)",
        "acme.yaml:13:3: spec.sned: there is no such field; did you mean send? known here: \
         certificates, daemonTemplate, database, debug, identity, image, lease, \
         packageLimits, partnerSecrets, receive, retention, revocation, send, storage, suspend",
        "acme.yaml:14:11: spec.debug.level: \"loud\" is not known here; give one of Error, Warn, \
         Info, Debug, Trace",
    ];
    an_odette_id_in_lower_case: INSTANCE "O0013000001ACME" => "o0013000001acme", [
        "acme.yaml:7:5: spec.identity.odetteId: \"o0013000001acme\" is not an Odette ID; give 1 \
         to 25 of A-Z, 0-9, space and / - . & ( ), such as O0013000001ACME",
    ];
    an_odette_id_that_is_too_long: INSTANCE "O0013000001ACME" => "O0013000001ACMEO0013000001ACME", [
        "acme.yaml:7:5: spec.identity.odetteId: \"O0013000001ACMEO0013000001ACME\" has 30 \
         characters; give 1 to 25",
    ];
    a_station_twice: INSTANCE "    odetteId: O0013000001ACME\n" =>
        "    odetteId: O0013000001ACME\n    stations: [{odetteId: A}, {odetteId: A}]\n", [
        "acme.yaml:8:31: spec.identity.stations[1]: A is in this list already; leave one of them",
    ];
    a_station_that_is_the_identity: INSTANCE "    odetteId: O0013000001ACME\n" =>
        "    odetteId: O0013000001ACME\n    stations: [{odetteId: O0013000001ACME}]\n", [
        "acme.yaml:8:17: spec.identity.stations[0].odetteId: O0013000001ACME is \
         identity.odetteId already; remove it here",
    ];
    an_address_that_is_a_name: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n      address: localhost\n", [
        "acme.yaml:12:7: spec.receive.tcpip.address: \"localhost\" is not an IP address; give \
         one of this machine, or 0.0.0.0 for every IPv4 address, or :: for every address",
    ];
    a_lease_that_is_too_short: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  lease: {ttl: 1s}\n", [
        "acme.yaml:12:11: spec.lease.ttl: 1s is out of range; give 2s to 5m (usual: 10s)",
    ];
    a_retention_of_an_hour: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  retention: {finished: 1h}\n", [
        "acme.yaml:12:15: spec.retention.finished: 1h is out of range; give 24h to 87600h (usual: \
         2160h)",
    ];
    a_retention_in_days: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  retention: {journal: 90d}\n", [
        "acme.yaml:12:15: spec.retention.journal: \"90d\" is not a length of time; give a number \
         with h, m, s or ms (usual: 8760h)",
    ];
    a_lease_without_a_unit: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  lease: {ttl: '10'}\n", [
        "acme.yaml:12:11: spec.lease.ttl: \"10\" is not a length of time; give a number with h, \
         m, s or ms (usual: 10s)",
    ];
    a_first_wait_longer_than_the_longest: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  send: {retry: {first: 2h}}\n", [
        "acme.yaml:12:18: spec.send.retry.first: 2h is longer than longest, 1h; give a shorter \
         first or a longer longest",
    ];
    a_database_that_is_a_password: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  database: {secretRef: {name: acme-oftp, key: password}}\n", [
        "secrets.yaml:4:14: stringData.password: is not the PostgreSQL URI that \
         spec.database.secretRef is to lead to; give postgres://user:password@host:5432/name, or \
         leave out spec.database to use SQLite",
    ];
    a_certificate_secret_without_a_certificate: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    tls: {certificateSecretRef: {name: acme-oftp}}\n", [
        "acme.yaml:12:34: spec.receive.tls.certificateSecretRef.name: Secret acme-oftp has no \
         key tls.crt; add tls.crt to it",
        "acme.yaml:12:34: spec.receive.tls.certificateSecretRef.name: Secret acme-oftp has no \
         key tls.key; add tls.key to it",
    ];
    a_secret_with_a_slip: INSTANCE "name: acme-oftp" => "name: acme-otfp", [
        "acme.yaml:8:25: spec.identity.passwordSecretRef.name: there is no Secret acme-otfp in \
         these files; did you mean acme-oftp? add one with stringData: {password: …}",
    ];
    a_secrets_key_with_a_slip: INSTANCE "key: password" => "key: pasword", [
        "acme.yaml:8:42: spec.identity.passwordSecretRef.key: Secret acme-oftp has no key \
         pasword; did you mean password? add pasword to it",
    ];
    an_instance_that_is_not_there: PARTNER "name: acme}" => "name: acmee}", [
        "bolt.yaml:6:17: spec.instanceRef.name: there is no SeonInstance acmee in these files; \
         did you mean acme? give acme",
    ];
    a_partner_with_our_odette_id: PARTNER "O0013000002BOLT" => "O0013000001ACME", [
        "bolt.yaml:8:5: spec.identity.odetteId: O0013000001ACME is our own Odette ID; give the \
         partner's",
    ];
    a_partner_with_a_station_of_ours: PARTNER "    odetteId: O0013000002BOLT\n" =>
        "    odetteId: O0013000002BOLT\n    stations: [{odetteId: O0013000001ACME}]\n", [
        "bolt.yaml:9:17: spec.identity.stations[0].odetteId: O0013000001ACME is our own Odette ID; \
         nobody else speaks for it",
    ];
    a_partners_station_that_is_the_identity: PARTNER "    odetteId: O0013000002BOLT\n" =>
        "    odetteId: O0013000002BOLT\n    stations: [{odetteId: O0013000002BOLT}, {odetteId: x}]\n", [
        "bolt.yaml:9:17: spec.identity.stations[0].odetteId: O0013000002BOLT is \
         identity.odetteId already; remove it here",
        "bolt.yaml:9:46: spec.identity.stations[1].odetteId: \"x\" is not an Odette ID; give 1 to 25 \
         of A-Z, 0-9, space and / - . & ( ), such as O0013000001ACME",
    ];
    a_host_with_its_port: PARTNER "oftp.bolt.example" => "oftp.bolt.example:3305", [
        "bolt.yaml:11:11: spec.transports[0].tcp.host: \"oftp.bolt.example:3305\" is neither a \
         host name nor an IP address; give one without a port and without brackets, such as \
         oftp.bolt.example",
    ];
    two_transports_in_one_entry: PARTNER "tcp: {host: oftp.bolt.example}" =>
        "tcp: {host: a}\n    tls: {host: b}", [
        "bolt.yaml:11:5: spec.transports[0]: is not one of tls, tcp and isdn; give each its own \
         entry in the list",
        "bolt.yaml:12:5: spec.transports[0].tls: there is no certificate to know this partner \
         by; add certificates: [{purpose: [Tls], secretRef: {name: …}}], a Secret with tls.crt \
         (the partner's own) or ca.crt (its issuer's)",
    ];
    a_transport_that_is_none: PARTNER "tcp: {host: oftp.bolt.example}" => "{}", [
        "bolt.yaml:11:5: spec.transports[0]: is not one of tls, tcp and isdn; give each its own \
         entry in the list",
    ];
    numbers_that_cannot_be_dialled: PARTNER "tcp: {host: oftp.bolt.example}" =>
        "isdn: {number: 0221/12345, callingNumber: '+'}", [
        "bolt.yaml:11:5: spec.transports[0].isdn: we have no controller to call on; give \
         SeonInstance acme a receive.capi.controllers",
        "bolt.yaml:11:12: spec.transports[0].isdn.number: \"0221/12345\" is not a number of ISDN; \
         give up to 30 digits, with a + before them or without, such as +49 221 12345",
        "bolt.yaml:11:32: spec.transports[0].isdn.callingNumber: \"+\" is not a number of ISDN; \
         give up to 30 digits, with a + before them or without, such as +49 221 12345",
    ];
    a_controller_twice: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    capi: {controllers: [{number: 1, device: {}},\n      \
         {number: 1, remote: {host: 'a:2662'}, numbers: [0221 1]}]}\n", [
        "acme.yaml:13:7: spec.receive.capi.controllers[1]: 1 is in this list already; leave one \
         of them",
    ];
    a_box_and_a_number_of_ours_that_are_none: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    capi: {controllers: [{number: 1, device: {}},\n      \
         {number: 2, remote: {host: 'a:2662'}, numbers: [0221 1]}]}\n", [
        "acme.yaml:13:28: spec.receive.capi.controllers[1].remote.host: \"a:2662\" is neither a \
         host name nor an IP address; give one without a port and without brackets, such as \
         oftp.bolt.example",
        "acme.yaml:13:55: spec.receive.capi.controllers[1].numbers[0]: \"0221 1\" is not an own \
         number; give digits as the line tells them, such as 12345",
    ];
    a_line_that_x25_cannot_be: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    capi: {controllers: [\n      \
         {number: 1, device: {}, overlap: true},\n      \
         {number: 2, device: {}, packetSize: 100, idleTimeout: 1s}]}\n", [
        "acme.yaml:13:7: spec.receive.capi.controllers[0]: takes numbers digit by digit and does \
         not know when one is complete; give numbers, or leave out overlap",
        "acme.yaml:14:31: spec.receive.capi.controllers[1].packetSize: 100 is no packet size of \
         X.25; give a power of two from 16 to 4096",
        "acme.yaml:14:48: spec.receive.capi.controllers[1].idleTimeout: 1s is out of range; give \
         10s to 24h (usual: 3m)",
    ];
    a_call_that_x25_cannot_make: PARTNER "tcp: {host: oftp.bolt.example}" =>
        "isdn: {number: '1', callUserData: C0F, packetSize: 100}", [
        "bolt.yaml:11:5: spec.transports[0].isdn: we have no controller to call on; give \
         SeonInstance acme a receive.capi.controllers",
        "bolt.yaml:11:25: spec.transports[0].isdn.callUserData: \"C0F\" are no call user data of \
         X.25; give 1 to 16 octets in hexadecimal, such as C0000000",
        "bolt.yaml:11:44: spec.transports[0].isdn.packetSize: 100 is no packet size of X.25; give \
         a power of two from 16 to 4096",
    ];
    a_controller_that_is_nowhere: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    capi: {controllers: [{number: 1}]}\n", [
        "acme.yaml:12:26: spec.receive.capi.controllers[0]: is not reached by one of device and \
         remote; give device: {} for an adapter in this machine, or remote: {host: …} for a box",
    ];
    a_box_whose_secret_has_no_user: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n    capi: {controllers: [{number: 1, \
         remote: {host: a, secretRef: {name: acme-oftp}}}]}\n", [
        "acme.yaml:12:68: spec.receive.capi.controllers[0].remote.secretRef.name: Secret acme-oftp \
         has no key username; add username to it",
    ];
    tls_without_certificates: PARTNER "tcp: {host" => "tls: {host", [
        "bolt.yaml:11:5: spec.transports[0].tls: we have no certificate to show to this partner; \
         give SeonInstance acme a receive.tls.certificateSecretRef or a \
         send.tls.certificateSecretRef",
        "bolt.yaml:11:5: spec.transports[0].tls: there is no certificate to know this partner \
         by; add certificates: [{purpose: [Tls], secretRef: {name: …}}], a Secret with tls.crt \
         (the partner's own) or ca.crt (its issuer's)",
    ];
    a_poll_without_a_transport: PARTNER "  transports:\n  - tcp: {host: oftp.bolt.example}" =>
        "  poll: '* * * * *'", [
        "bolt.yaml:10:3: spec.poll: calls the partner, but transports is empty; say where to \
         call, or leave out poll",
    ];
    a_poll_with_four_fields: PARTNER "  transports:\n" => "  poll: '* * * *'\n  transports:\n", [
        "bolt.yaml:10:3: spec.poll: \"* * * *\" is not a cron expression: it has 4 fields; give \
         minute, hour, day of month, month, day of week, such as */15 * * * *",
    ];
    a_window_in_hour_25: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  send: {schedule: ['* * * * *', '* 25 * * *']}\n", [
        "acme.yaml:12:34: spec.send.schedule[1]: \"* 25 * * *\" is not a cron expression: number \
         out of bounds; give minute, hour, day of month, month, day of week, such as \
         * 6-19 * * 1-5",
    ];
    a_partners_window_with_six_fields: PARTNER "  transports:\n" =>
        "  schedule: ['0 * 25 * * *']\n  transports:\n", [
        "bolt.yaml:10:14: spec.schedule[0]: \"0 * 25 * * *\" is not a cron expression: it has 6 \
         fields; give minute, hour, day of month, month, day of week, such as * 6-19 * * 1-5",
    ];
    a_poll_in_minute_61: PARTNER "  transports:\n" => "  poll: '61 * * * *'\n  transports:\n", [
        "bolt.yaml:10:3: spec.poll: \"61 * * * *\" is not a cron expression: number out of \
         bounds; give minute, hour, day of month, month, day of week, such as */15 * * * *",
    ];
    a_poll_on_30_february: PARTNER "  transports:\n" => "  poll: '0 6 30 2 *'\n  transports:\n", [
        "bolt.yaml:10:3: spec.poll: \"0 6 30 2 *\" is not a cron expression: the calendar has \
         no such day; give minute, hour, day of month, month, day of week, such as */15 * * * *",
    ];
    a_folder_with_names_that_cannot_be_sent: PARTNER "  transports:\n" =>
        "  folders: [{directory: outgoing/bolt, datasetName: delfor, originator: O0013000009ZZ}]\n  \
         transports:\n", [
        "bolt.yaml:10:40: spec.folders[0].datasetName: \"delfor\": a dataset name consists of A-Z, \
         0-9 and / - . & ( ); give DELFOR",
        "bolt.yaml:10:61: spec.folders[0].originator: O0013000009ZZ is neither our Odette ID nor \
         one of our stations; give O0013000001ACME, or add it to spec.identity.stations of the \
         SeonInstance",
    ];
    a_proxy_that_is_no_network: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n      proxies: [192.0.2.0/24, 192.0.2.1]\n", [
        "acme.yaml:12:31: spec.receive.tcpip.proxies[1]: \"192.0.2.1\" is not a network; give one \
         with the length of its prefix, such as 192.0.2.0/24",
    ];
    a_time_zone_that_does_not_exist: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  send: {timeZone: Europe/Berlyn}\n", [
        "acme.yaml:12:10: spec.send.timeZone: \"Europe/Berlyn\" is not a time zone; did you mean \
         Europe/Berlin? give UTC, or a name of the IANA's such as Europe/Berlin",
    ];
    a_partners_time_zone_by_its_abbreviation: PARTNER "  transports:\n" =>
        "  timeZone: CEST\n  poll: '61 * * * *'\n  transports:\n", [
        "bolt.yaml:10:3: spec.timeZone: \"CEST\" is not a time zone; did you mean CET? give UTC, or \
         a name of the IANA's such as Europe/Berlin",
        "bolt.yaml:11:3: spec.poll: \"61 * * * *\" is not a cron expression: number out of \
         bounds; give minute, hour, day of month, month, day of week, such as */15 * * * *",
    ];
    a_level_without_quotes: PARTNER "  transports:\n" =>
        "  protocol: {level: 2.0}\n  transports:\n", [
        "bolt.yaml:10:14: spec.protocol.level: 2.0 is a number to YAML, and a text goes here; \
         write it in quotes, \"2.0\" (usual: Auto)",
    ];
    a_level_that_does_not_exist: PARTNER "  transports:\n" =>
        "  protocol: {level: '3.0'}\n  transports:\n", [
        "bolt.yaml:10:14: spec.protocol.level: \"3.0\" is not known here; give one of Auto, 1.2, \
         1.3, 1.4, 2.0",
    ];
    a_level_above_the_highest: PARTNER "  transports:\n" =>
        "  protocol: {level: '2.0', highestLevel: '1.4'}\n  transports:\n", [
        "bolt.yaml:10:14: spec.protocol.level: 2.0 is the lowest level that is accepted and \
         above highestLevel, 1.4, so that no session could ever begin; lower level or raise \
         highestLevel",
    ];
    a_buffer_and_a_credit_out_of_range: PARTNER "  transports:\n" =>
        "  protocol: {buffer: 100, credit: 1000}\n  transports:\n", [
        "bolt.yaml:10:14: spec.protocol.buffer: 100 is out of range; give 128 to 99999 (usual: \
         32768)",
        "bolt.yaml:10:27: spec.protocol.credit: 1000 is out of range; give 1 to 999 (usual: 64)",
    ];
    a_quirk_both_borne_and_not: PARTNER "  transports:\n" =>
        "  protocol: {quirks: [EarlyCredit], strict: [EarlyCredit]}\n  transports:\n", [
        "bolt.yaml:10:46: spec.protocol.strict[0]: EarlyCredit is in quirks too; leave it in one \
         of them",
    ];
    a_quirk_twice: PARTNER "  transports:\n" =>
        "  protocol: {quirks: [EarlyCredit, EarlyCredit]}\n  transports:\n", [
        "bolt.yaml:10:36: spec.protocol.quirks[1]: EarlyCredit is in this list already; leave \
         one of them",
    ];
    a_rename_with_an_unknown_place: PARTNER "  transports:\n" =>
        "  files: [{match: '*', rename: '{file}'}]\n  transports:\n", [
        "bolt.yaml:10:24: spec.files[0].rename: {file} is not known; known are {dataset}, \
         {date}, {time}, {counter}, {originator}, {destination}, {partner}",
    ];
    a_rename_that_is_a_path: PARTNER "  transports:\n" =>
        "  files: [{match: '*', rename: ../x}]\n  transports:\n", [
        "bolt.yaml:10:24: spec.files[0].rename: \"../x\" is not a plain file name; give one \
         without / and not beginning with a full stop",
    ];
    a_hot_folder_outside: PARTNER "  transports:\n" =>
        "  folders: [{directory: outgoing/bolt/../x}]\n  transports:\n", [
        "bolt.yaml:10:14: spec.folders[0].directory: \"outgoing/bolt/../x\" is not a place for this \
         partner's files; give outgoing/bolt, or one below it",
    ];
    a_hot_folder_where_received_files_are: PARTNER "  transports:\n" =>
        "  folders: [{directory: incoming/cast}]\n  transports:\n", [
        "bolt.yaml:10:14: spec.folders[0].directory: \"incoming/cast\" is not a place for this \
         partner's files; give outgoing/bolt, or one below it",
    ];
    a_hot_folder_of_another_partner: PARTNER "  transports:\n" =>
        "  folders: [{directory: outgoing/cast}]\n  transports:\n", [
        "bolt.yaml:10:14: spec.folders[0].directory: \"outgoing/cast\" is not a place for this \
         partner's files; give outgoing/bolt, or one below it",
    ];
    a_hot_folder_that_the_instance_does_not_allow: PARTNER "  transports:\n" =>
        "  folders: [{directory: records}, {directory: /var/lib/seon/incoming/cast}]\n  \
         transports:\n", [
        "bolt.yaml:10:14: spec.folders[0].directory: \"records\" is not below outgoing/bolt, which \
         is this partner's place; give one there, or let the SeonInstance allow it: send: \
         {allowedFolders: [records]}",
        "bolt.yaml:10:36: spec.folders[1].directory: \"/var/lib/seon/incoming/cast\" is not below \
         outgoing/bolt, which is this partner's place; give one there, or let the SeonInstance \
         allow it: send: {allowedFolders: [/var/lib/seon/incoming/cast]}",
    ];
    folders_that_no_partner_may_have: INSTANCE "      port: 3305\n" =>
        "      port: 3305\n  storage: {directory: /var/lib/seon}\n  send: {allowedFolders: [/var, \
         /var/lib/seon/incoming, spool, outgoing, ../x]}\n", [
        "acme.yaml:13:27: spec.send.allowedFolders[0]: \"/var\" is not a folder for partners' \
         files; give an absolute one that does not hold the data directory, or one in the data \
         directory that is not Seon's own, such as /srv/edi (outgoing/ and a partner's name is \
         allowed to it as it is)",
        "acme.yaml:13:33: spec.send.allowedFolders[1]: \"/var/lib/seon/incoming\" is not a folder \
         for partners' files; give an absolute one that does not hold the data directory, or one in \
         the data directory that is not Seon's own, such as /srv/edi (outgoing/ and a partner's name \
         is allowed to it as it is)",
        "acme.yaml:13:57: spec.send.allowedFolders[2]: \"spool\" is not a folder for partners' \
         files; give an absolute one that does not hold the data directory, or one in the data \
         directory that is not Seon's own, such as /srv/edi (outgoing/ and a partner's name is \
         allowed to it as it is)",
        "acme.yaml:13:64: spec.send.allowedFolders[3]: \"outgoing\" is not a folder for partners' \
         files; give an absolute one that does not hold the data directory, or one in the data \
         directory that is not Seon's own, such as /srv/edi (outgoing/ and a partner's name is \
         allowed to it as it is)",
        "acme.yaml:13:74: spec.send.allowedFolders[4]: \"../x\" is not a folder for partners' \
         files; give an absolute one that does not hold the data directory, or one in the data \
         directory that is not Seon's own, such as /srv/edi (outgoing/ and a partner's name is \
         allowed to it as it is)",
    ];
    a_format_without_its_record_length: PARTNER "  transports:\n" =>
        "  folders: [{directory: outgoing/bolt/x, format: Fixed}]\n  transports:\n", [
        "bolt.yaml:10:13: spec.folders[0]: the formats Fixed and Variable need recordLength; add \
         it",
    ];
    a_record_length_without_its_format: PARTNER "  transports:\n" =>
        "  folders: [{directory: outgoing/bolt/x, recordLength: 80}]\n  transports:\n", [
        "bolt.yaml:10:13: spec.folders[0]: recordLength belongs to the formats Fixed and \
         Variable; remove it",
    ];
    a_certificate_active_from_tomorrow: PARTNER "  transports:\n" =>
        "  certificates: [{purpose: [Tls], secretRef: {name: bolt-oftp}, activeFrom: tomorrow}]\n\
         \x20 transports:\n", [
        "bolt.yaml:10:47: spec.certificates[0].secretRef.name: Secret bolt-oftp has neither \
         tls.crt (the partner's certificate) nor ca.crt (its issuer's); add one of them",
        "bolt.yaml:10:65: spec.certificates[0].activeFrom: \"tomorrow\" is not a date; give one \
         such as 2026-12-01, or a time such as 2026-12-01T06:00:00Z",
    ];
    a_certificate_for_nothing: PARTNER "  transports:\n" =>
        "  certificates: [{purpose: [], secretRef: {name: bolt-oftp}}]\n  transports:\n", [
        "bolt.yaml:10:19: spec.certificates[0].purpose: is empty; give one of Tls, Encrypt, \
         VerifySignature, VerifyReceipt, Authenticate",
    ];
    a_timing_that_does_not_exist: PARTNER "  transports:\n" =>
        "  receipts: {timing: later}\n  transports:\n", [
        "bolt.yaml:10:14: spec.receipts.timing: \"later\" is not known here; give one of \
         SameSession, NextSession, Manual",
    ];
    no_channel_at_all: PARTNER "  transports:\n" => "  channels: 0\n  transports:\n", [
        "bolt.yaml:10:3: spec.channels: 0 is out of range; give 1 to 256 (usual: 1)",
    ];
    user_data_that_is_too_long: PARTNER "  transports" => "    userData: NINECHARS\n  transports", [
        "bolt.yaml:10:5: spec.identity.userData: \"NINECHARS\" has 9 characters; give 1 to 8",
    ];
    an_empty_password: SECRETS "BOLTPW" => "''", [
        "secrets.yaml:10:3: stringData.password: is an empty password; give 1 to 8 characters",
    ];
    a_password_that_is_a_number: SECRETS "BOLTPW" => "12345678", [
        "secrets.yaml:10:3: stringData.password: is not a text; write it in quotes",
    ];
    a_password_that_is_too_long: SECRETS "BOLTPW" => "NINECHARS", [
        "secrets.yaml:10:3: stringData.password: is a password of 9 characters; OFTP takes 1 to 8",
    ];
    a_password_with_a_line_break: SECRETS "BOLTPW" => "|\n    BOLTPW", [
        "secrets.yaml:10:3: stringData.password: ends with a line break, which would count; \
         encode it without one (printf %s … | base64)",
    ];
    a_password_encoded_with_a_line_break: SECRETS "stringData:\n  password: BOLTPW" =>
        "data: {password: Qk9MVFBXCg==}", [
        "secrets.yaml:9:8: data.password: ends with a line break, which would count; encode it \
         without one (printf %s … | base64)",
    ];
    a_password_with_an_umlaut: SECRETS "BOLTPW" => "Köln", [
        "secrets.yaml:10:3: stringData.password: is not a password for OFTP; give 1 to 8 \
         printable ASCII characters",
    ];
    a_secret_that_is_not_base64: SECRETS "stringData:\n  password: BOLTPW" =>
        "data: {password: BOLTPW!}", [
        "secrets.yaml:9:8: data.password: is not base64; encode it (base64 -w0), or write it \
         plainly under stringData",
    ];
    a_secret_section_with_a_slip: SECRETS "stringData:\n  password" => "strongData:\n  password", [
        "secrets.yaml:9:1: strongData: there is no such field; did you mean stringData? known \
         here: apiVersion, kind, metadata, type, immutable, data, stringData",
    ];
    a_secret_section_that_is_a_list: SECRETS "stringData:\n  password: BOLTPW" => "data: [1]", [
        "secrets.yaml:9:1: data: is not a group of fields; give data: {key: value}",
    ];
}

#[test]
fn good_manifests_say_nothing() {
    assert_eq!(with(INSTANCE, "acme", "acme"), [""; 0]);
}

#[test]
fn no_manifest_at_all() {
    assert_eq!(
        messages(&[("empty.yaml", String::new())]),
        ["there is no SeonInstance in these files; add a manifest of kind: SeonInstance, or name \
          the folder that has one"],
    );
}

#[test]
fn two_partners_with_one_odette_id_and_one_hot_folder() {
    let partner = format!("{PARTNER}  folders: [{{directory: share/out}}]\n");
    let twin = partner
        .replace("name: bolt\n", "name: twin\n")
        .replace("{directory: share/out}", "{directory: ./share/out/}");
    let files = [
        ("acme.yaml", INSTANCE.to_owned() + "  send: {allowedFolders: [share]}\n"),
        ("bolt.yaml", partner),
        ("twin.yaml", twin),
        ("secrets.yaml", SECRETS.to_owned()),
    ];
    assert_eq!(
        messages(&files),
        [
            "twin.yaml:8:5: spec.identity.odetteId: O0013000002BOLT is the Odette ID of partner \
             bolt already; every partner has its own, by which it is known when it calls",
            "twin.yaml:12:14: spec.folders[0].directory: share/out is a hot folder of partner bolt \
             already; give each partner its own",
        ],
    );
}

/// Manifests with TLS both ways, after a change of the two Secrets with certificates.
fn with_certificates(change: impl Fn(String) -> String) -> Vec<String> {
    let instance = format!("{INSTANCE}    tls: {{certificateSecretRef: {{name: acme-tls}}}}\n");
    let partner = PARTNER.replace("tcp: {host", "tls: {host")
        + "  certificates: [{purpose: [Tls], secretRef: {name: bolt-tls}}]\n";
    messages(&[
        ("acme.yaml", instance),
        ("bolt.yaml", partner),
        ("secrets.yaml", SECRETS.to_owned()),
        ("acme-tls.yaml", change(tls_secret("acme-tls"))),
        ("bolt-tls.yaml", change(tls_secret("bolt-tls"))),
    ])
}

#[test]
fn good_certificates_say_nothing() {
    assert_eq!(with_certificates(|secret| secret), [""; 0]);
}

#[test]
fn certificates_that_are_not_pem() {
    assert_eq!(
        with_certificates(|secret| secret.replace("-----BEGIN", "BEGIN")),
        [
            "acme-tls.yaml:6:3: stringData.tls.crt: holds no certificate; give PEM, beginning \
             with -----BEGIN CERTIFICATE-----",
            "acme-tls.yaml:17:3: stringData.tls.key: holds no private key; give PEM, beginning \
             with -----BEGIN PRIVATE KEY-----",
            "bolt-tls.yaml:6:3: stringData.tls.crt: holds no certificate; give PEM, beginning \
             with -----BEGIN CERTIFICATE-----",
        ],
    );
}

#[test]
fn certificates_that_were_cut_short() {
    assert_eq!(
        with_certificates(|secret| secret.replace("-----END", "-----")),
        [
            "acme-tls.yaml:6:3: stringData.tls.crt: is broken PEM, its END line is missing; copy \
             it again, whole and with its line breaks",
            "acme-tls.yaml:17:3: stringData.tls.key: is broken PEM, its END line is missing; copy \
             it again, whole and with its line breaks",
            "bolt-tls.yaml:6:3: stringData.tls.crt: is broken PEM, its END line is missing; copy \
             it again, whole and with its line breaks",
        ],
    );
}

/// Both read as PEM, and the first even as a certificate: what is judged is what TLS can use.
#[test]
fn certificates_that_tls_cannot_use() {
    for text in
        [include_str!("certificates/version-1.pem"), include_str!("certificates/request.pem")]
    {
        let said = with_certificates(|secret| {
            let (before, rest) = secret.split_once("    -----BEGIN CERTIFICATE").unwrap();
            let (_, after) = rest.split_once("-----END CERTIFICATE-----\n").unwrap();
            format!("{before}{}{after}", indented(text))
        });
        assert_eq!(
            said,
            ["acme", "bolt"].map(|name| format!(
                "{name}-tls.yaml:6:3: stringData.tls.crt: holds as certificate 1 what TLS cannot \
                 use: a request, or a certificate that is not of X.509 version 3; give the \
                 certificate itself, or ask for a new one"
            )),
        );
    }
}

#[test]
fn an_authority_of_an_old_version_can_vouch_and_a_request_cannot() {
    let judged = |text: &str| {
        let partner = PARTNER.to_owned()
            + "  certificates: [{purpose: [Tls], secretRef: {name: bolt-ca}, names: [bolt]}]\n";
        messages(&[
            ("acme.yaml", INSTANCE.to_owned()),
            ("bolt.yaml", partner),
            ("secrets.yaml", SECRETS.to_owned()),
            (
                "ca.yaml",
                format!(
                    "apiVersion: v1\nkind: Secret\nmetadata: {{name: bolt-ca}}\nstringData:\n  \
                     ca.crt: |\n{}",
                    indented(text)
                ),
            ),
        ])
    };
    assert_eq!(judged(include_str!("certificates/version-1.pem")), [""; 0]);
    let refused = judged(include_str!("certificates/request.pem"));
    assert!(refused.concat().contains("ca.crt: holds as certificate 1 what"), "{refused:?}");
}

#[test]
fn a_key_with_a_pass_phrase() {
    assert_eq!(
        with_certificates(|secret| secret.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
        ["acme-tls.yaml:17:3: stringData.tls.key: is encrypted by a pass phrase; give the key \
          without one (openssl pkey)"],
    );
}

#[test]
fn a_listener_without_its_certificate() {
    assert_eq!(
        with_certificates(|secret| secret.replace("tls.crt", "tls.cert")),
        [
            "acme.yaml:12:34: spec.receive.tls.certificateSecretRef.name: Secret acme-tls has no \
             key tls.crt; did you mean tls.cert? add tls.crt to it",
            "bolt.yaml:12:47: spec.certificates[0].secretRef.name: Secret bolt-tls has neither \
             tls.crt (the partner's certificate) nor ca.crt (its issuer's); add one of them",
        ],
    );
}

#[test]
fn an_authority_without_a_name_to_look_for() {
    let partner =
        PARTNER.to_owned() + "  certificates: [{purpose: [Tls], secretRef: {name: bolt-tls}}]\n";
    let files = [
        ("acme.yaml", INSTANCE.to_owned()),
        ("bolt.yaml", partner),
        ("secrets.yaml", SECRETS.to_owned()),
        ("bolt-tls.yaml", tls_secret("bolt-tls").replace("tls.crt", "ca.crt")),
    ];
    assert_eq!(
        messages(&files),
        ["bolt.yaml:12:18: spec.certificates[0]: ca.crt of Secret bolt-tls vouches for everybody \
          it issues to; add names: [host names in the partner's certificate]"],
    );
}

#[test]
fn a_database_uri_that_would_not_be_read_as_it_is_meant_is_refused_and_not_shown() {
    let instance = INSTANCE.to_owned() + "  database: {secretRef: {name: acme-db, key: uri}}\n";
    for password in ["TOP/SECRET", "TOP?SECRET", "TOP#SECRET", "T@P/SECRET"] {
        let database = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: acme-db}}\nstringData: {{uri: \
             'postgres://seon:{password}@db:5432/seon'}}\n"
        );
        let said = messages(&[
            ("acme.yaml", instance.clone()),
            ("secrets.yaml", SECRETS.to_owned()),
            ("database.yaml", database),
        ])
        .concat();
        assert!(said.contains("would not be read as it is meant"), "{said}");
        assert!(said.contains("/ as %2F"), "the cure: {said}");
        assert!(!said.contains("SECRET") && !said.contains("TOP"), "{said}");
    }
}

#[test]
fn no_message_shows_a_secret() {
    for bad in ["TOPSECRET", "|\n    TOPSECRE", "[TOPSECRET]", "TOPSEÄ", "TOPSECRET: x"] {
        let said = with(SECRETS, "BOLTPW", bad);
        assert!(!said.is_empty(), "{bad:?} passes");
        assert!(!said.concat().contains("TOPSE"), "{said:?}");
    }
}
