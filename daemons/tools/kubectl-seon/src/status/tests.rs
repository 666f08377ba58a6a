use super::*;
use crate::instance::tests::instance;
use crate::pod::tests::ready;
use terminal::Terminal;

fn now() -> Timestamp {
    "2026-11-22T12:14:02Z".parse().unwrap()
}

fn acme() -> SeonInstance {
    instance(
        "acme",
        "  receive: {tcpip: {}}
status:
  queue: 12
  conditions:
  - {type: Ready, status: 'True', reason: AsWanted, message: every daemon has an active pod,
     lastTransitionTime: '2026-11-20T08:14:02Z'}
",
    )
}

fn pods() -> Vec<PodView> {
    let active =
        |name, daemon, epoch| PodView { epoch: Some(epoch), ..ready(name, daemon, "active") };
    vec![
        active("acme-seonrd-0", Daemon::Seonrd, 7),
        PodView {
            listens: Some("0.0.0.0:3305".into()),
            ..active("acme-seonrd-tcpip-1", Daemon::SeonrdTcpip, 3)
        },
        ready("acme-seonrd-tcpip-0", Daemon::SeonrdTcpip, "standby"),
        PodView {
            ready: false,
            trouble: Some("CrashLoopBackOff".into()),
            ..ready("acme-seonsqd-0", Daemon::Seonsqd, "standby")
        },
    ]
}

fn partners() -> Vec<SeonPartner> {
    vec![
        serde_yaml::from_str(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: bolt}
spec:
  instanceRef: {name: acme}
  identity: {odetteId: O0013000002BOLT, passwordSecretRef: {name: bolt-oftp, key: password}}
status:
  queued: 12
  blocked: 1
  lastSession: {at: '2026-11-22T12:03:02Z', outcome: good}
  conditions:
  - {type: Ready, status: 'False', reason: Invalid, message: Secret bolt-oftp has no key password,
     lastTransitionTime: '2026-11-20T08:14:02Z'}
",
        )
        .unwrap(),
    ]
}

fn view(errors: Vec<String>) -> InstanceView {
    let told = [Told {
        daemon: Daemon::SeonrdTcpip,
        state: "active".into(),
        sessions: vec![serde_json::Value::Null; 2],
    }];
    InstanceView::of(&acme(), pods(), &partners(), &told, errors)
}

#[test]
fn the_status_says_who_is_active_where_since_when_and_what_is_wrong() {
    assert_eq!(
        table::text(&view(Vec::new()), false, now(), &Terminal::default()),
        "\
acme in namespace office (O0013000001ACME) is ready: every daemon has an active pod
12 entries wait to be sent

DAEMON        ACTIVE POD           NODE  EPOCH  SINCE  LISTENS ON    SESSIONS  STANDBY
seonrd        acme-seonrd-0        n1        7  2d 4h  -                    -  -
seonrd_tcpip  acme-seonrd-tcpip-1  n1        3  2d 4h  0.0.0.0:3305         2  acme-seonrd-tcpip-0
seonsqd       nobody               -         -  -      -                    -  acme-seonsqd-0 (not ready)

CONDITION  STATUS  REASON    SINCE  MESSAGE
Ready      True    AsWanted  2d 4h  every daemon has an active pod

PARTNER  ODETTE ID        READY  QUEUE  BLOCKED  LAST SESSION   REMARK
bolt     O0013000002BOLT  False     12        1  11m ago, good  Secret bolt-oftp has no key password
"
    );
}

#[test]
fn what_could_not_be_asked_stands_at_the_end_and_hides_nothing() {
    let text = table::text(
        &view(vec!["E-KUBERNETES-EXEC the connection broke".into()]),
        false,
        now(),
        &Terminal::default(),
    );
    assert!(
        text.ends_with(
            "\nnot everything could be asked:\n× E-KUBERNETES-EXEC the connection broke\n"
        )
    );
    assert!(text.contains("acme-seonrd-tcpip-1"));
}

#[test]
fn more_words_show_every_pod_with_image_and_configuration() {
    let mut view = view(Vec::new());
    view.pods[1].configuration = Some("r7".into());
    view.pods[1].wanted_configuration = Some("r8".into());
    view.pods[2].configuration = Some("r7".into());
    view.pods[2].refused = Some("E-CONFIG-VALUE no".into());
    let text = table::text(&view, true, now(), &Terminal::default());
    assert!(text.contains("registry.local/seon:1  r7, comes to r8\n"), "{text}");
    assert!(text.contains("registry.local/seon:1  r7, refused a newer one\n"), "{text}");
    assert!(text.contains("acme-seonsqd-0       standby  CrashLoopBackOff"), "{text}");
}

#[test]
fn while_one_takes_over_both_are_shown_and_the_higher_epoch_counts() {
    let pod =
        |name, epoch| PodView { epoch: Some(epoch), ..ready(name, Daemon::Seonsqd, "active") };
    let daemon = DaemonView::of(Daemon::Seonsqd, &[pod("new", 5), pod("old", 4)], &[]);
    assert_eq!((daemon.active.len(), daemon.epoch), (2, Some(5)));
}

#[test]
fn as_json_it_is_the_same_content() {
    let json = serde_json::to_value(view(Vec::new())).unwrap();
    assert_eq!(json["daemons"][1]["active"][0], "acme-seonrd-tcpip-1");
    assert_eq!(json["daemons"][1]["sessions"], 2);
    assert_eq!(json["partners"][0]["conditions"][0]["reason"], "Invalid");
    assert_eq!(json["pods"][3]["trouble"], "CrashLoopBackOff");
    assert_eq!(json["queue"], 12);
}
