use jiff::Timestamp;
use runtime::status::ConfigurationStatus;

use super::*;

const MORNING: &str = "2026-11-20T08:14:02.000Z";
const NOON: &str = "2026-11-20T12:00:00.000Z";

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

fn standing(role: Role, since: &str) -> Standing {
    Standing {
        role,
        since: since.parse().unwrap(),
        epoch: None,
        waits_for: None,
        listens: Vec::new(),
        configuration: ConfigurationStatus {
            loaded: Timestamp::UNIX_EPOCH,
            revision: Some("r1".to_owned()),
            refused: Vec::new(),
            code: None,
            left_out: Vec::new(),
            refused_revision: None,
            begun_with: None,
            at_next_start: Vec::new(),
        },
    }
}

fn active(number: i64, since: &str) -> Standing {
    Standing {
        epoch: Some(epoch(number)),
        listens: vec!["0.0.0.0:3305".to_owned()],
        ..standing(Role::Active, since)
    }
}

fn waiting(standing: Standing) -> Standing {
    Standing { waits_for: Some("the database".to_owned()), ..standing }
}

fn refusing(standing: Standing) -> Standing {
    let configuration = ConfigurationStatus {
        refused: vec!["a.yaml:1:1: x".to_owned(), "a.yaml:2:1: y".to_owned()],
        code: Some("E-CONFIG-INVALID".to_owned()),
        refused_revision: Some("r2".to_owned()),
        ..standing.configuration
    };
    Standing { configuration, ..standing }
}

/// A pod with these marks, and labels and annotations that are none of ours.
fn found(role: Option<&str>, annotations: &[(&str, &str)]) -> Found {
    let strings = |pairs: &[(&str, &str)]| {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect::<BTreeMap<_, _>>()
    };
    let mut labels = strings(&[("seon.dev/daemon", "seonrd")]);
    labels.extend(role.map(|role| (ROLE_LABEL.to_owned(), role.to_owned())));
    let mut annotations = strings(annotations);
    annotations.insert("somebody/else".to_owned(), "x".to_owned());
    let metadata = ObjectMeta {
        uid: Some("u1".to_owned()),
        resource_version: Some("7".to_owned()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    Found::of(&metadata).unwrap()
}

/// The change without the preconditions, which it must have.
fn change(patch: Option<Value>) -> Option<Value> {
    let mut metadata = patch?["metadata"].clone();
    let fields = metadata.as_object_mut().unwrap();
    assert_eq!(fields.remove("uid"), Some(json!("u1")));
    assert_eq!(fields.remove("resourceVersion"), Some(json!("7")));
    Some(metadata)
}

fn standby_since_morning() -> Found {
    let annotations = [(SINCE_ANNOTATION, MORNING), (CONFIGURATION_ANNOTATION, "r1")];
    found(Some(STANDBY), &annotations)
}

fn active_since_morning() -> Found {
    let annotations = [
        (SINCE_ANNOTATION, MORNING),
        (CONFIGURATION_ANNOTATION, "r1"),
        (EPOCH_ANNOTATION, "3"),
        (LISTENS_ANNOTATION, "0.0.0.0:3305"),
    ];
    found(Some(ACTIVE), &annotations)
}

#[test]
fn what_is_written_is_what_differs_and_nothing_when_nothing_does() {
    let no_longer_active = json!({
        "labels": { ROLE_LABEL: STANDBY },
        "annotations": {
            EPOCH_ANNOTATION: null, SINCE_ANNOTATION: NOON, LISTENS_ANNOTATION: null,
        },
    });
    let table = [
        // A new pod says everything.
        (
            found(None, &[]),
            standing(Role::Starting, MORNING),
            Some(json!({
                "labels": { ROLE_LABEL: STANDBY },
                "annotations": { SINCE_ANNOTATION: MORNING, CONFIGURATION_ANNOTATION: "r1" },
            })),
        ),
        // To others a start is a standby, and a process started again has the same role as before.
        (standby_since_morning(), standing(Role::Starting, NOON), None),
        (standby_since_morning(), standing(Role::Standby, NOON), None),
        (
            standby_since_morning(),
            active(3, NOON),
            Some(json!({
                "labels": { ROLE_LABEL: ACTIVE },
                "annotations": {
                    EPOCH_ANNOTATION: "3",
                    SINCE_ANNOTATION: NOON,
                    LISTENS_ANNOTATION: "0.0.0.0:3305",
                },
            })),
        ),
        (active_since_morning(), active(3, MORNING), None),
        // Another tenure of the same pod.
        (
            active_since_morning(),
            active(4, NOON),
            Some(json!({
                "annotations": { EPOCH_ANNOTATION: "4", SINCE_ANNOTATION: NOON },
            })),
        ),
        // It bound its socket, or lost it.
        (
            active_since_morning(),
            Standing { listens: Vec::new(), ..active(3, MORNING) },
            Some(json!({ "annotations": { LISTENS_ANNOTATION: null } })),
        ),
        // It stops, or it crashed and starts again.
        (active_since_morning(), standing(Role::Stopping, NOON), Some(no_longer_active.clone())),
        (active_since_morning(), standing(Role::Starting, NOON), Some(no_longer_active)),
        // A start that waits, and goes on.
        (
            standby_since_morning(),
            waiting(standing(Role::Starting, NOON)),
            Some(json!({ "annotations": { WAITS_FOR_ANNOTATION: "the database" } })),
        ),
        (
            found(
                Some(STANDBY),
                &[
                    (SINCE_ANNOTATION, MORNING),
                    (CONFIGURATION_ANNOTATION, "r1"),
                    (WAITS_FOR_ANNOTATION, "the database"),
                ],
            ),
            standing(Role::Standby, NOON),
            Some(json!({ "annotations": { WAITS_FOR_ANNOTATION: null } })),
        ),
        // A configuration that is refused, and the cure.
        (
            active_since_morning(),
            refusing(active(3, MORNING)),
            Some(json!({ "annotations": {
                REFUSED_ANNOTATION: "E-CONFIG-INVALID a.yaml:1:1: x; a.yaml:2:1: y",
                REFUSED_REVISION_ANNOTATION: "r2",
            } })),
        ),
        (
            found(
                Some(STANDBY),
                &[
                    (SINCE_ANNOTATION, MORNING),
                    (CONFIGURATION_ANNOTATION, "r0"),
                    (REFUSED_ANNOTATION, "E-CONFIG-INVALID x"),
                    (REFUSED_REVISION_ANNOTATION, "r1"),
                ],
            ),
            standing(Role::Standby, MORNING),
            Some(json!({ "annotations": {
                CONFIGURATION_ANNOTATION: "r1",
                REFUSED_ANNOTATION: null,
                REFUSED_REVISION_ANNOTATION: null,
            } })),
        ),
    ];
    for (found, standing, expected) in table {
        let patch = found.change_to(&Marks::wanted(&standing));
        assert_eq!(change(patch), expected, "{found:?} {standing:?}");
    }
}

#[test]
fn the_role_is_taken_from_a_peer_whose_tenure_is_not_later_than_ours() {
    let deposed = json!({
        "labels": { ROLE_LABEL: STANDBY },
        "annotations": {
            EPOCH_ANNOTATION: null, SINCE_ANNOTATION: null, LISTENS_ANNOTATION: null,
        },
    });
    let only_the_role = json!({ "labels": { ROLE_LABEL: STANDBY } });
    let of_epoch = |text| found(Some(ACTIVE), &[(EPOCH_ANNOTATION, text)]);
    let without_epoch = json!({
        "labels": { ROLE_LABEL: STANDBY },
        "annotations": { EPOCH_ANNOTATION: null },
    });
    let table = [
        (active_since_morning(), 4, Some(deposed)),
        (of_epoch("3"), 3, Some(without_epoch.clone())),
        (of_epoch("3"), 2, None),
        // What nobody wrote in order is nobody's tenure.
        (of_epoch("three"), 2, Some(without_epoch)),
        (found(Some(ACTIVE), &[]), 2, Some(only_the_role)),
        (standby_since_morning(), 9, None),
        (found(None, &[]), 9, None),
    ];
    for (found, ours, expected) in table {
        assert_eq!(change(found.deposition(epoch(ours))), expected, "{found:?} {ours}");
    }
}

#[test]
fn what_a_process_began_with_stands_beside_what_counts_from_its_next_start() {
    let mut standing = standing(Role::Standby, MORNING);
    let fields = ["spec.database", "spec.lease"].map(str::to_owned);
    standing.configuration.at_next_start = fields.into();
    standing.configuration.begun_with = Some("r0".to_owned());
    let written = change(standby_since_morning().change_to(&Marks::wanted(&standing)));
    let annotations = json!({
        AT_NEXT_START_ANNOTATION: "spec.database, spec.lease", BEGUN_WITH_ANNOTATION: "r0",
    });
    assert_eq!(written, Some(json!({ "annotations": annotations })));
}

#[test]
fn a_long_refusal_is_cut() {
    let mut long = refusing(standing(Role::Standby, NOON));
    long.configuration.refused = vec!["ä".repeat(5000)];
    let patch = found(None, &[]).change_to(&Marks::wanted(&long)).unwrap();
    let text = patch["metadata"]["annotations"][REFUSED_ANNOTATION].as_str().unwrap().to_owned();
    assert_eq!(text.chars().count(), LONGEST);
}

#[test]
fn a_pod_without_identity_is_not_written_on() {
    assert_eq!(Found::of(&ObjectMeta::default()), None);
}
