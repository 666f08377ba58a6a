use std::collections::BTreeMap;

use super::*;

fn seen(controllers: &[(Number, Result<(), &str>)]) -> Sight {
    let answer =
        |(number, answer): &(Number, Result<(), &str>)| (*number, answer.map_err(str::to_owned));
    Sight::Controllers(controllers.iter().map(answer).collect())
}

fn after(sights: &[Sight]) -> Devices {
    sights.iter().fold(Devices::default(), |devices, sight| devices.after(sight))
}

fn listed(devices: &Devices) -> Vec<String> {
    devices.list().devices.into_iter().map(|device| device.id + " " + &device.health).collect()
}

#[test]
fn each_controller_is_a_device_that_is_healthy_if_it_answers() {
    let devices = after(&[seen(&[(1, Ok(())), (2, Err("no answer")), (4, Ok(()))])]);
    let wanted = ["capi20-ctl1 Healthy", "capi20-ctl2 Unhealthy", "capi20-ctl4 Healthy"];
    assert_eq!(listed(&devices), wanted);
}

#[test]
fn a_controller_that_is_unplugged_is_unhealthy_until_it_comes_back() {
    let both = seen(&[(1, Ok(())), (2, Ok(()))]);
    let one = seen(&[(1, Ok(()))]);
    let devices = after(&[both.clone(), one.clone()]);
    assert_eq!(listed(&devices), ["capi20-ctl1 Healthy", "capi20-ctl2 Unhealthy"]);
    let devices = after(&[both.clone(), one, both]);
    assert_eq!(listed(&devices), ["capi20-ctl1 Healthy", "capi20-ctl2 Healthy"]);
}

#[test]
fn a_node_that_does_not_answer_makes_all_unhealthy_and_invents_none() {
    let silent = Sight::Silent("no driver".to_owned());
    assert_eq!(listed(&after(std::slice::from_ref(&silent))), Vec::<String>::new());
    let devices = after(&[seen(&[(1, Ok(()))]), silent]);
    assert_eq!(listed(&devices), ["capi20-ctl1 Unhealthy"]);
    assert_eq!(devices.get(1), Some(&Health::Unhealthy("no driver".to_owned())));
}

#[test]
fn without_the_node_there_is_no_device() {
    assert_eq!(after(&[seen(&[(1, Ok(()))]), Sight::NoNode]), Devices::default());
}

fn node(kind: NodeKind) -> Node {
    Node { path: "/dev/capi20".to_owned(), kind }
}

#[test]
fn a_container_gets_the_node_and_is_told_which_controller_is_its_own() {
    let devices = after(&[seen(&[(1, Ok(())), (2, Ok(()))])]);
    let given = devices.allocate(&["capi20-ctl2".to_owned()], &node(NodeKind::Device)).unwrap();
    let environment: BTreeMap<_, _> = given.envs.into_iter().collect();
    let wanted = [
        ("SEON_CAPI_BACKEND", "device"),
        ("SEON_CAPI_CONTROLLER", "2"),
        ("SEON_CAPI_DEVICE", "/dev/capi20"),
    ];
    assert_eq!(environment, wanted.map(|(name, value)| (name.into(), value.into())).into());
    let [node] = given.devices.as_slice() else { panic!("{:?}", given.devices) };
    assert_eq!(
        (node.host_path.as_str(), node.container_path.as_str()),
        ("/dev/capi20", "/dev/capi20")
    );
    assert_eq!(node.permissions, "rw");
    assert_eq!(given.mounts, []);
}

#[test]
fn a_node_that_is_a_file_is_mounted_and_is_no_device() {
    let devices = after(&[seen(&[(1, Ok(()))])]);
    let given = devices.allocate(&["capi20-ctl1".to_owned()], &node(NodeKind::File)).unwrap();
    assert_eq!(given.envs["SEON_CAPI_DEVICE"], "/dev/capi20");
    let path = "/dev/capi20".to_owned();
    let mount = Mount { container_path: path.clone(), host_path: path, read_only: false };
    assert_eq!((given.mounts, given.devices), (vec![mount], vec![]));
}

#[test]
fn a_container_gets_one_controller_that_exists_and_answers_or_none() {
    let devices = after(&[seen(&[(1, Ok(())), (2, Err("no answer"))])]);
    let code = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let error = devices.allocate(&names, &node(NodeKind::Device)).unwrap_err();
        assert!(error.to_string().contains("ISDN controller"), "{error}");
        error.code()
    };
    assert_eq!(code(&[]), "E-DEVICE-COUNT");
    assert_eq!(code(&["capi20-ctl1", "capi20-ctl2"]), "E-DEVICE-COUNT");
    assert_eq!(code(&["capi20-ctl3"]), "E-DEVICE-UNKNOWN");
    assert_eq!(code(&["capi20-ctl300"]), "E-DEVICE-UNKNOWN");
    assert_eq!(code(&["1"]), "E-DEVICE-UNKNOWN");
    assert_eq!(code(&["capi20-ctl2"]), "E-DEVICE-UNHEALTHY");
}
