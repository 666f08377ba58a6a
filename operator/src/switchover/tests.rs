use super::*;
use crate::{
    daemon::Daemon::SeonrdTcpip,
    sample::{active, now, pod},
};

#[test]
fn the_pod_is_noted_before_it_ends_and_the_wish_is_over_when_it_is_gone() {
    let pods = [active(SeonrdTcpip, 0, 3), pod(SeonrdTcpip, 1)];
    for name in ["seonrd-tcpip", "seonrd_tcpip"] {
        assert_eq!(read(name, &pods), NextStep::Note("seonrd-tcpip/acme-seonrd-tcpip-0-a".into()));
    }
    let noted = "seonrd-tcpip/acme-seonrd-tcpip-0-a";
    assert_eq!(read(noted, &pods), NextStep::HandOver(&pods[0]));
    let ending = [ObservedPod { ends: Some(now()), ..pods[0].clone() }, pods[1].clone()];
    assert_eq!(read(noted, &ending), NextStep::Wait);
    // The next pod of that name is another one, and nobody asked for its end.
    let successor = ObservedPod { uid: "b".into(), ..pod(SeonrdTcpip, 0) };
    assert_eq!(read(noted, &[successor, active(SeonrdTcpip, 1, 4)]), NextStep::Done);
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let refused = |annotation: &str, pods: &[ObservedPod]| match read(annotation, pods) {
        NextStep::Refuse(why) => why,
        step => panic!("{step:?}"),
    };
    assert_eq!(
        refused("oftp", &[]),
        "\"oftp\" is no daemon; give one of seonrd, seonrd-tcpip, seonrd-tcpip-tls, seonsqd, or that \
         of an ISDN controller, such as seonrd-capi-0"
    );
    assert_eq!(
        refused("seonrd-tcpip", &[pod(SeonrdTcpip, 0)]),
        "seonrd_tcpip has no active pod that could hand over"
    );
    let alone = [active(SeonrdTcpip, 0, 3)];
    let no_standby = "seonrd_tcpip has no standby that is ready to take over";
    assert_eq!(refused("seonrd-tcpip", &alone), no_standby);
    let late = ObservedPod { is_ready: false, ..pod(SeonrdTcpip, 1) };
    assert_eq!(refused("seonrd-tcpip", &[alone[0].clone(), late]), no_standby);
}
