//! A cluster that the user names.

#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

use support::guarded_command;

/// Set for the process of the inner test.
const INNER: &str = "SEON_TEST_EXISTING_NAMESPACE";

#[tokio::test]
async fn a_cluster_that_the_user_names_is_used_and_its_machines_are_left_alone() {
    if let Ok(namespace) = std::env::var(INNER) {
        let cluster = cluster::cluster!();
        let names = cluster.kubectl(&["get", "namespaces", "--output=name"]).await.unwrap();
        assert!(names.contains(&namespace));
        assert!(cluster.node_names().await.is_empty());
        cluster::nodes!(cluster);
        unreachable!("its machines are not ours");
    }
    let server = cluster::api_server!();
    let namespace = server.namespace("theirs").await;
    let mut command = guarded_command(std::env::current_exe().unwrap());
    command.args(["a_cluster_that_the_user_names", "--nocapture"]).env(INNER, &namespace);
    command.env("SEON_TEST_CLUSTER", "existing").env("KUBECONFIG", server.kubeconfig());
    command.env_remove("SEON_SKIPS").env_remove("SEON_TEST_REQUIRE");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("SKIPPED: existing::a_cluster"), "{said}");
}
