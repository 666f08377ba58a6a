//! What a daemon that runs says of itself, over TCP as a monitoring system or a kubelet asks, and
//! how it logs.

use serde_json::Value;
use support::{Identity, Process, free_port, seon_binary, wait_until_blocking};
use system::{Company, Line, PATIENCE, Pair, ask, exit_code, wait_for};

/// The send queue alone, its readings on a port of this machine.
fn start(company: &Company, port: u16, more: &[&str]) -> Process {
    let admin = format!("127.0.0.1:{port}");
    let directory = company.directory.to_str().unwrap();
    let arguments = [&["-c", directory, "seonsqd", "--admin", &admin], more].concat();
    Process::start(seon_binary(), arguments)
}

fn company() -> Pair {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    pair
}

#[test]
fn an_active_daemon_and_its_standby_say_how_they_are() {
    let pair = company();
    let (first, second) = (free_port(), free_port());
    let mut active = start(&pair.acme, first, &[]);
    wait_for(first, "/readyz", 200);
    let standby = start(&pair.acme, second, &["--standby"]);
    let why = wait_for(second, "/readyz", 503);
    assert!(why.contains("standby") || why.contains("starting"), "{why}");
    wait_until_blocking("the standby stands by", PATIENCE, || {
        ask(second, "GET", "/status").is_some_and(|(_, body)| body.contains(r#""role":"standby""#))
    });
    for port in [first, second] {
        assert_eq!(ask(port, "GET", "/healthz").unwrap(), (200, "ok\n".to_owned()));
    }

    let (_, body) = ask(first, "GET", "/status").unwrap();
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&status["daemon"], &status["role"]), (&"seonsqd".into(), &"active".into()));
    assert_eq!((&status["epoch"], &status["pid"]), (&1.into(), &active.pid().into()));
    let (_, metrics) = ask(first, "GET", "/metrics").unwrap();
    for line in ["seon_lease_active 1", "seon_lease_epoch 1", "# EOF"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    let (_, metrics) = ask(second, "GET", "/metrics").unwrap();
    assert!(metrics.lines().any(|found| found == "seon_lease_active 0"), "{metrics}");

    active.stop(PATIENCE);
    wait_for(second, "/readyz", 200);
    let (_, metrics) = ask(second, "GET", "/metrics").unwrap();
    assert!(metrics.lines().any(|found| found == "seon_lease_epoch 2"), "{metrics}");
    drop(standby);
}

#[test]
fn a_certificate_that_has_ended_is_a_reading_and_stands_first_in_the_table() {
    let mut pair = Pair::new();
    pair.bolt.identity = Identity::self_signed_expired("127.0.0.1");
    pair.write(Line::Tls, Line::Tls);
    let port = free_port();
    let _daemon = start(&pair.acme, port, &[]);
    wait_for(port, "/readyz", 200);
    let (_, metrics) = ask(port, "GET", "/metrics").unwrap();
    for line in [
        r#"seon_certificate_end_notice_days{partner="bolt",purpose="Tls"} 1"#,
        r#"seon_certificate_end_notice_days{partner="",purpose="send.tls"} 0"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }

    let found = pair.acme.ok(["certificates", "-o", "json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let told: Vec<_> = found["certificates"].as_array().unwrap().iter().collect();
    let said = told.iter().map(|one| (&one["owner"], &one["purposes"], &one["state"]));
    let ours = Value::from(["receive.tls", "send.tls"].as_slice());
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            (&"bolt".into(), &Value::from(["Tls"].as_slice()), &"expired".into()),
            (&"acme".into(), &ours, &"active".into()),
        ]
    );
    assert_eq!(found["missing"][0]["owner"], "bolt");

    let table = pair.acme.ok(["certificates", "--partner", "bolt"]);
    assert!(
        table.contains("bolt has no certificate for Tls") && !table.contains("acme"),
        "{table}"
    );
    let unknown = pair.acme.seon(["certificates", "--partner", "bold"]);
    assert_eq!(exit_code(&unknown), 64);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("its partners: bolt"));
}

#[test]
fn over_tcp_a_daemon_can_be_read_and_not_changed() {
    let pair = company();
    let port = free_port();
    let _daemon = start(&pair.acme, port, &[]);
    wait_for(port, "/readyz", 200);
    for change in ["/reload", "/log-level", "/sessions/1/abort"] {
        assert_eq!(ask(port, "POST", change).unwrap().0, 404, "{change}");
    }
}

#[test]
fn a_daemon_logs_in_the_form_and_at_the_level_that_its_options_name() {
    let pair = company();
    let port = free_port();
    let mut daemon = start(&pair.acme, port, &["--log-format", "json", "--log-level", "debug"]);
    wait_for(port, "/readyz", 200);
    daemon.stop(PATIENCE);
    let lines: Vec<Value> =
        daemon.output().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"), "{lines:?}");
    assert!(lines.iter().all(|line| line["timestamp"].is_string()), "{lines:?}");

    let mut daemon = start(&pair.acme, port, &["--log-format", "human", "--log-level", "error"]);
    wait_for(port, "/readyz", 200);
    daemon.stop(PATIENCE);
    assert_eq!(daemon.output(), Vec::<String>::new(), "nothing went wrong, so nothing is said");
}
