//! Behind a load balancer, `HAProxy`: whoever calls through it is known by its own address.

use std::fs;
use std::net::TcpStream;

use oftp::session::Event;
use support::{Process, free_port, guarded_command, sha256, skip, wait_until_blocking};
use system::{Caller, Line, PATIENCE, Pair, assert_each_arrived_once};

/// From where somebody calls the load balancer.
const ELSEWHERE: &str = "127.0.0.7";

#[test]
fn whoever_calls_through_a_load_balancer_is_known_by_its_own_address() {
    if guarded_command("haproxy").arg("-v").output().is_err() {
        skip!(haproxy, "haproxy is not installed (apt-get install haproxy)");
    }
    let mut pair = Pair::new();
    let balanced = free_port();
    pair.write(Line::TcpBy(balanced), Line::Nothing);
    let manifest = pair.bolt.directory.join("instance.yaml");
    let listener = format!("port: {}", pair.bolt.tcp);
    let behind = format!("{listener}, proxies: [127.0.0.1/32]");
    let written = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, written.replacen(&listener, &behind, 1)).unwrap();
    let configuration = pair.bolt.directory.join("haproxy.cfg");
    let listen = format!(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
         listen oftp\n  bind 127.0.0.1:{balanced}\n  server bolt 127.0.0.1:{} send-proxy-v2\n",
        pair.bolt.tcp
    );
    fs::write(&configuration, listen).unwrap();
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let mut haproxy = guarded_command("haproxy");
    haproxy.arg("-db").arg("-f").arg(&configuration);
    let _haproxy = Process::spawn(haproxy);
    wait_until_blocking("HAProxy listens", PATIENCE, || {
        TcpStream::connect(("127.0.0.1", balanced)).is_ok()
    });

    let file = pair.acme.file("BALANCED.DAT", 300_000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_until_acknowledged(&[entry], PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);

    pair.acme.password = "GUESS".to_owned();
    let direct = std::mem::replace(&mut pair.bolt.tcp, balanced);
    let refused = Caller::connect_from(ELSEWHERE, &pair.acme, &pair.bolt).next_event();
    assert!(matches!(refused, Event::Aborted { .. }), "{refused:?}");
    let told = pair.bolt.wait_for_code("E-SESSION-PASSWORD");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains(&format!("(from {ELSEWHERE})")), "{text}");

    // Another way than through it nobody needs a header, and from its network nobody comes without.
    pair.bolt.tcp = direct;
    let refused = Caller::connect_from(ELSEWHERE, &pair.acme, &pair.bolt).next_event();
    assert!(matches!(refused, Event::Aborted { .. }), "{refused:?}");
    let _silent = Caller::connect(&pair.acme, &pair.bolt);
    pair.bolt.wait_for_code("E-LISTEN-PROXY");
}
