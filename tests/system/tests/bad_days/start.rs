//! Configurations and machines on which a daemon cannot start.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use support::{Durability, Postgres, Process, TinyDisk, guarded_command, seon_binary};
use system::{Company, Line, PATIENCE, Pair, Up, exit_code};

use super::RECOVERY;

/// A company with its manifests; nothing runs.
fn company() -> Pair {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    pair
}

/// Replaces text in a manifest.
fn edit(company: &Company, name: &str, from: &str, to: &str) {
    let path = company.directory.join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is in {name}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// What a start says that must be refused with this exit code, in every way of starting.
fn refused(company: &Company, code: i32) -> String {
    let mut said = String::new();
    for start in [["up"], ["seonrd"], ["seonsqd"], ["seonrd_tcpip"]] {
        let refused = company.seon(start);
        said = String::from_utf8(refused.stderr.clone()).unwrap();
        assert_eq!(exit_code(&refused), code, "{start:?} said: {said}");
    }
    said
}

#[test]
fn a_manifest_that_is_no_yaml_is_named_with_line_and_column() {
    let pair = company();
    edit(&pair.acme, "instance.yaml", "metadata: {name: acme}", "metadata: {name: acme");
    let said = refused(&pair.acme, 78);
    let place = said.lines().next().unwrap().split(": ").next().unwrap();
    let (file, position) = place.split_once(".yaml:").unwrap_or_else(|| panic!("{said}"));
    assert!(file.ends_with("instance"), "{said}");
    let numbers: Vec<_> = position.split(':').map(str::parse::<u32>).collect();
    assert!(numbers.len() == 2 && numbers.iter().all(Result::is_ok), "line and column: {said}");
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    let pair = company();
    edit(&pair.acme, "instance.yaml", "  receive:\n", "  recieve: {}\n  receive:\n");
    let said = refused(&pair.acme, 78);
    assert!(said.contains("instance.yaml:8:3: ") && said.contains("recieve"), "{said}");
}

#[test]
fn a_value_that_is_out_of_range_is_named_with_its_place_and_the_cure() {
    let pair = company();
    let port = format!("port: {}", pair.acme.tls);
    edit(&pair.acme, "instance.yaml", &port, "port: 66190");
    let said = refused(&pair.acme, 78);
    assert!(said.contains("spec.receive.tls.port: 66190 is not a port; give 1 to 65535"), "{said}");
}

#[test]
fn a_manifest_that_cannot_be_read_is_named() {
    let pair = company();
    fs::write(pair.acme.directory.join("latin1.yaml"), b"kind: \xFC\n").unwrap();
    let said = refused(&pair.acme, 78);
    assert!(said.contains("latin1.yaml"), "{said}");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let mut pair = Pair::new();
    let occupied = pair.acme.directory.with_file_name("occupied");
    fs::write(&occupied, "a file where a directory is wanted").unwrap();
    pair.acme.storage = Some(occupied.join("data"));
    pair.write(Line::Tcp, Line::Tcp);
    let said = refused(&pair.acme, 1);
    assert!(said.contains("/occupied") && said.starts_with("E-SPOOL-"), "{said}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let disk = match TinyDisk::mount(16 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let mut pair = Pair::new();
    pair.acme.storage = Some(disk.path().to_owned());
    pair.write(Line::Tcp, Line::Tcp);
    disk.set_read_only(true);
    let said = refused(&pair.acme, 1);
    let path = disk.path().to_str().unwrap();
    assert!(said.contains(path) && said.starts_with("E-SPOOL-"), "{said}");
}

#[test]
fn a_port_in_use_is_named_with_who_uses_it_and_taken_once_it_is_free() {
    let pair = company();
    let occupant = TcpListener::bind((Ipv4Addr::LOCALHOST, pair.acme.tcp)).unwrap();
    let refused = pair.acme.seon(["seonrd_tcpip"]);
    assert_eq!(exit_code(&refused), 1);
    let sentence = String::from_utf8(refused.stderr).unwrap();
    let address = format!("127.0.0.1:{}", pair.acme.tcp);
    let process = std::process::id().to_string();
    for part in ["E-LISTEN-IN-USE", &address, &process] {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }

    let up = pair.acme.up();
    up.0.wait_for_line(PATIENCE, |line| {
        line.contains("E-LISTEN-IN-USE") && line.contains(&address)
    });
    drop(occupant);
    support::wait_until_blocking("the receiver listens", RECOVERY, || {
        let row = pair.acme.daemon("seonrd_tcpip").ok_or("nobody")?;
        let listens = row["listeners"][0]["ok"] == true;
        if listens { Ok(()) } else { Err(row.to_string()) }
    });
}

#[test]
fn the_daemons_run_although_the_start_table_cannot_be_written() {
    let pair = company();
    let mut command = guarded_command("sh");
    command.args(["-c", "exec \"$0\" up \"$1\" > /dev/full"]);
    command.arg(seon_binary()).arg(&pair.acme.directory);
    let up = Up(Process::spawn(command));
    up.0.wait_for_line(PATIENCE, |line| line.contains("the daemons run, but"));
    pair.acme.wait_until_ready();
    up.stop();
}

#[test]
fn a_database_that_goes_away_while_daemons_start_ends_nobody() {
    let server = match Postgres::start(Durability::Durable) {
        Ok(server) => server,
        Err(reason) => support::skip!(postgres, "{reason}"),
    };
    let database = server.database();
    let mut pair = Pair::new();
    pair.bolt.database = Some(database.uri());
    pair.write(Line::Tcp, Line::Tcp);
    let mut before = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let pids = ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"];
    before.lose_power(&pids.map(|daemon| pair.bolt.pid(daemon).unwrap()));
    let mut bolt = pair.bolt.up();
    // Until the old leases have run out there is time.
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("standing by for the lease"));
    server.crash();
    server.resume();
    pair.bolt.wait_until_ready();
    assert!(bolt.0.is_running(), "the daemons wait for the database, and so does their parent");
}
