//! The program itself.

use support::{Process, TemporaryDirectory};

use crate::fake::{Kubelet, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_the_kubelet_until_sigterm_and_takes_its_socket_away() {
    let folder = TemporaryDirectory::new();
    let kubelet = Kubelet::start(folder.path());
    let arguments = [
        "--kubelet-folder".into(),
        folder.path().to_owned(),
        "--device".into(),
        folder.join("capi20"),
    ];
    let mut program = Process::start(env!("CARGO_BIN_EXE_seon-capi-device-plugin"), arguments);
    kubelet.wait_until_registered().await;
    // There is no such device node.
    kubelet.wait_for_devices(&[]).await;
    let line = program.wait_for_line(PATIENCE, |line| line.contains("registered with the kubelet"));
    assert!(line.starts_with('{') && line.contains("\"level\":\"INFO\""), "{line}");
    assert!(line.contains("\"resource\":\"seon.dev/capi-controller\""), "{line}");

    program.terminate();
    let status = program.wait(PATIENCE);
    assert_eq!(status.code(), Some(0), "{:#?}", program.output());
    assert!(!folder.join("seon-capi.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_with_a_code_why_it_cannot_go_on() {
    let folder = TemporaryDirectory::new();
    let _kubelet = Kubelet::start(folder.path());
    std::fs::create_dir(folder.join("seon-capi.sock")).unwrap();
    let arguments = ["--kubelet-folder".into(), folder.path().to_owned()];
    let mut program = Process::start(env!("CARGO_BIN_EXE_seon-capi-device-plugin"), arguments);
    assert_eq!(program.wait(PATIENCE).code(), Some(1));
    let said = program.output().join("\n");
    assert!(said.contains("\"code\":\"E-DEVICE-SOCKET\""), "{said}");
}
