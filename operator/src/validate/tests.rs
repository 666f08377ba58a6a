//! What is accepted, what is not, and whom it is blamed on.

use serde_json::json;

use super::*;
use crate::sample::{
    found, found_many, instance, of_partners, partner, refused, secret, validated,
};

fn sentences(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_cluster_needs_a_database_and_a_volume() {
    let found = found(
        instance(|value| {
            value["spec"]["storage"] = json!({"directory": "./data"});
            value["spec"]["database"] = json!(null);
        }),
        vec![],
    );
    assert_eq!(
        sentences(&refused(&found).problems),
        [
            "E-VALIDATE-DATABASE spec.database: is missing: on a cluster several pods share a \
             database; add database: {secretRef: {name: …, key: uri}} with a PostgreSQL URI",
            "E-VALIDATE-STORAGE spec.storage: is for one machine; give volumeClaim: {size: 50Gi} \
             or claimName instead",
        ]
    );
}

#[test]
fn the_rules_of_one_machine_hold_here_too() {
    let mut found = found(instance(|_| ()), vec![]);
    found.secrets.insert("acme-oftp".into(), secret("1", &[("password", "GEHEIM789")]));
    assert_eq!(
        sentences(&refused(&found).problems),
        ["E-CONFIG-SECRET Secret acme-oftp: stringData.password: is a password of 9 characters; \
          OFTP takes 1 to 8"]
    );
}

#[test]
fn a_certificate_with_another_ones_key_is_not_good() {
    let mut found = found(instance(|_| ()), vec![]);
    let other = support::Authority::new("other").identity("oftp.other.example");
    let certificate = found.secrets["acme-tls"].data.as_ref().unwrap()["tls.crt"].0.clone();
    let certificate = String::from_utf8(certificate).unwrap();
    let mixed = [("tls.crt", certificate.as_str()), ("tls.key", other.key_pem.as_str())];
    found.secrets.insert("acme-tls".into(), secret("2", &mixed));
    assert_eq!(
        sentences(&refused(&found).problems),
        [
            "E-CONFIG-SECRET Secret acme-tls: stringData.tls.key: is not the key of the certificate in \
          tls.crt; put both of one pair into the Secret"
        ]
    );
}

#[test]
fn a_secret_that_is_not_there_is_named_with_its_namespace() {
    let mut found = found(instance(|_| ()), vec![]);
    found.secrets.remove("acme-tls");
    assert_eq!(
        sentences(&refused(&found).problems),
        ["E-VALIDATE-SECRET Secret acme-tls: is not in namespace trade; create it there"]
    );
}

#[test]
fn a_secret_that_cannot_be_there_is_named_with_its_field() {
    let partners = vec![partner("bolt", |value| {
        value["spec"]["identity"]["passwordSecretRef"]["name"] = json!("?watch=true");
    })];
    let good = validated(&found(instance(|_| ()), partners));
    assert_eq!(
        sentences(&good.rejected["bolt"]),
        [
            "E-CONFIG-VALUE spec.identity.passwordSecretRef.name: \"?watch=true\" is not the name of a \
          Secret; give a-z, 0-9, - and full stops, such as bolt-oftp"
        ]
    );
    let found = found(
        instance(|value| {
            let elsewhere = json!({"name": "../../kube-system/secrets/foo", "key": "uri"});
            value["spec"]["database"]["secretRef"] = elsewhere;
        }),
        vec![],
    );
    assert_eq!(
        sentences(&refused(&found).problems),
        [
            "E-CONFIG-VALUE spec.database.secretRef.name: \"../../kube-system/secrets/foo\" is not the \
          name of a Secret; give a-z, 0-9, - and full stops, such as bolt-oftp"
        ]
    );
}

#[test]
fn a_partner_that_uses_a_secret_without_its_label_is_left_out_and_the_others_work() {
    let own = |name: &str| {
        partner(name, |value| {
            let reference = json!({"name": "cast-own", "key": "password"});
            value["spec"]["identity"]["ownPasswordSecretRef"] = reference;
        })
    };
    let tls = |value: &mut serde_json::Value| {
        let entry = json!({"purpose": ["Tls"], "secretRef": {"name": "acme-tls"}});
        value["spec"]["certificates"] = json!([entry]);
    };
    let labelled = |change: fn(&mut serde_json::Value), partners: &[&str]| {
        let all = vec![partner("bolt", |_| ()), own("cast"), own("dart"), partner("echo", tls)];
        let mut found = found(instance(change), all);
        let password = secret("1", &[("password", "GEHEIM")]);
        found.secrets.insert("cast-own".into(), of_partners(password, partners));
        validated(&found)
    };
    let says = |secret: &str, name: &str| {
        format!(
            "E-VALIDATE-SECRET-LABEL Secret {secret}: does not say that partner {name} may use it; \
             if it may: kubectl label secret {secret} --namespace trade partner.seon.dev/{name}="
        )
    };
    let one = labelled(|_| (), &["cast"]);
    assert_eq!(one.accepted.keys().collect::<Vec<_>>(), ["bolt", "cast"]);
    assert_eq!(sentences(&one.rejected["dart"]), [says("cast-own", "dart")]);
    assert_eq!(sentences(&one.rejected["echo"]), [says("acme-tls", "echo")], "our own key too");
    assert!(one.manifests.unwrap().secrets.contains("cast-own"));

    let none = labelled(|_| (), &[]);
    assert_eq!(sentences(&none.rejected["cast"]), [says("cast-own", "cast")]);
    assert!(!none.manifests.unwrap().secrets.contains("cast-own"));

    let both = labelled(|_| (), &["cast", "dart"]);
    assert_eq!(both.accepted.keys().collect::<Vec<_>>(), ["bolt", "cast", "dart"]);

    let any = labelled(|value| value["spec"]["partnerSecrets"] = json!("Any"), &[]);
    assert!(any.rejected.is_empty(), "{:?}", any.rejected);
}

#[test]
fn what_is_in_a_secret_of_others_is_not_told() {
    let partners = vec![partner("bolt", |value| {
        value["spec"]["identity"]["passwordSecretRef"]["name"] = json!("theirs");
    })];
    let mut found = found(instance(|_| ()), partners);
    found.secrets.insert("theirs".into(), secret("1", &[("password", "LONGER-THAN-EIGHT")]));
    let told = sentences(&validated(&found).rejected["bolt"]);
    assert!(told.len() == 1 && told[0].starts_with("E-VALIDATE-SECRET-LABEL "), "{told:?}");
}

#[test]
fn a_partner_that_would_send_what_others_sent_us_is_left_out() {
    for (directory, is_taken) in [
        ("outgoing/cast/plans", true),
        ("/var/lib/seon/outgoing/cast", true),
        ("incoming/bolt", false),
        ("/var/lib/seon/incoming/bolt", false),
        ("outgoing/bolt", false),
        ("/var/lib/seon/outgoing/bolt", false),
        ("/var/lib/seon/outgoing/cast/../bolt", false),
        ("/etc/seon/secrets", false),
    ] {
        let cast = partner("cast", |value| {
            value["spec"]["folders"] = json!([{"directory": directory}]);
        });
        let validated = validated(&found(instance(|_| ()), vec![partner("bolt", |_| ()), cast]));
        assert!(validated.accepted.contains_key("bolt"), "{directory}");
        assert_eq!(validated.accepted.contains_key("cast"), is_taken, "{directory}");
    }
}

#[test]
fn an_error_that_hides_behind_another_partner_s_is_found_too() {
    // Two that are bad in themselves, and two that only clash when those are gone.
    let same = |value: &mut serde_json::Value| {
        value["spec"]["identity"]["odetteId"] = json!("O0013000002BOLT");
    };
    let partners = vec![
        partner("bolt", |_| ()),
        partner("cast", |value| value["spec"]["poll"] = json!("61 * * * *")),
        partner("dart", same),
    ];
    let validated = validated(&found(instance(|_| ()), partners));
    assert_eq!(validated.accepted.keys().collect::<Vec<_>>(), ["bolt"]);
    assert_eq!(validated.rejected.keys().collect::<Vec<_>>(), ["cast", "dart"]);
}

#[test]
fn partners_are_judged_also_while_the_instance_is_not_good() {
    let partners = vec![partner("bolt", |value| value["spec"]["poll"] = json!("61 * * * *"))];
    let found = found(instance(|value| value["spec"]["storage"] = json!({})), partners);
    assert_eq!(refused(&found).rejected.keys().collect::<Vec<_>>(), ["bolt"]);
}

#[test]
fn the_daemons_files_hold_what_is_used_and_nothing_else() {
    let validated = validated(&found(instance(|_| ()), vec![partner("bolt", |_| ())]));
    let Manifests { instance, partners, secrets, .. } = validated.manifests.unwrap();
    assert!(instance.contains("directory: /var/lib/seon"), "{instance}");
    assert!(partners.contains("name: bolt"));
    assert!(secrets.contains("name: acme-oftp") && secrets.contains("name: bolt-oftp"));
    assert!(!secrets.contains("OTHER"), "a key that nobody refers to");
    assert!(!secrets.contains("acme-tls") && !secrets.contains("acme-db-app"), "mounted instead");
}

#[test]
fn the_revision_follows_every_secret_and_tells_nothing_of_it() {
    let revision = |password: &str, version: &str| {
        let mut found = found(instance(|_| ()), vec![]);
        found.secrets.insert("acme-oftp".into(), secret(version, &[("password", password)]));
        // A certificate is made anew for each.
        found.secrets.insert("acme-tls".into(), secret("1", &[]));
        revision_of(&found)
    };
    assert_eq!(revision("A", "1"), revision("B", "1"));
    assert_ne!(revision("A", "1"), revision("A", "2"));
}

fn revision_of(found: &Found) -> String {
    let rendered = Rendered::new(found, &[]);
    rendered.manifests(&rendered.spread()).1
}

#[test]
fn what_only_pods_are_made_from_is_no_change_of_the_configuration() {
    let revision =
        |change: fn(&mut serde_json::Value)| revision_of(&found(instance(change), vec![]));
    let usual = revision(|_| ());
    assert_eq!(usual, revision(|value| value["spec"]["image"] = json!("other")));
    assert_eq!(usual, revision(|v| v["spec"]["daemonTemplate"] = json!({"replicas": 3})));
    assert_eq!(usual, revision(|v| v["spec"]["partnerSecrets"] = json!("Any")));
    assert_ne!(usual, revision(|value| value["spec"]["lease"] = json!({"ttl": "5s"})));
}

#[test]
fn partners_that_do_not_fit_the_first_secret_are_in_shards_that_it_names() {
    let mut found = found_many(40, 50_000);
    let validated_all = validated(&found);
    assert_eq!(validated_all.accepted.len(), 40);
    let Manifests { partners, secrets, shards, .. } = validated_all.manifests.unwrap();
    let count = |text: &str, kind: &str| text.matches(&format!("kind: {kind}\n")).count();
    let in_shards = |kind| shards.values().map(|shard| count(&shard.text, kind)).sum::<usize>();
    assert!(count(&partners, "SeonPartner") > 10 && in_shards("SeonPartner") > 10);
    assert_eq!(count(&partners, "SeonPartner") + in_shards("SeonPartner"), 40);
    assert_eq!(count(&secrets, "Secret") + in_shards("Secret"), 42, "two are for all of them");
    found.partners.truncate(10);
    assert!(validated(&found).manifests.unwrap().shards.is_empty());
}

#[test]
fn a_partner_that_no_secret_holds_is_told_so_and_the_others_work() {
    let mut found = found_many(2, 5_000);
    let larger = found_many(1, 1_020_000).secrets.remove("p0-tls").unwrap();
    found.secrets.insert("p0-tls".into(), larger);
    let validated = validated(&found);
    assert_eq!(validated.accepted.keys().collect::<Vec<_>>(), ["p1"]);
    let [problem] = &sentences(&validated.rejected["p0"])[..] else { panic!("one") };
    assert!(problem.starts_with("E-VALIDATE-SIZE with its certificates it is "), "{problem}");
    assert!(problem.contains("; leave the certificates out that are not needed"), "{problem}");
}

#[test]
fn a_partner_too_many_is_told_what_to_do() {
    assert_eq!(
        members::problem(spread::NoPlace::Full).to_string(),
        "E-VALIDATE-ROOM there is no room for one more: an instance has 65 Secrets of 1 MiB for its \
         partners; move some of them to another SeonInstance"
    );
}

#[test]
fn the_account_at_a_box_with_isdn_is_needed_and_mounted_and_in_no_file() {
    let with_box = |value: &mut serde_json::Value| {
        let remote = json!({"host": "router.lan", "secretRef": {"name": "router"}});
        let controller = json!({"number": 1, "remote": remote});
        value["spec"]["receive"]["capi"] = json!({"controllers": [controller]});
    };
    let mut found = found(instance(with_box), vec![]);
    let before = validated(&found);
    let files = before.manifests.unwrap();
    assert!(files.instance.contains("router.lan") && !files.secrets.contains("router"));
    let other = secret("2", &[("username", "seon"), ("password", "OTHER")]);
    found.secrets.insert("router".into(), other);
    assert_ne!(before.revision, validated(&found).revision);
    found.secrets.remove("router");
    assert_eq!(
        sentences(&refused(&found).problems),
        ["E-VALIDATE-SECRET Secret router: is not in namespace trade; create it there"]
    );
}
