//! What tshark makes of a whole call, written as XOT (RFC 1613: X.25 over TCP, port 1998).

use std::fs;
use std::process::Command;

use support::{TemporaryDirectory, skip};
use x25::{Address, Channel, Input, Modulo, Packet, Reason, Settings, diagnostic};

use crate::bench::Pair;

/// What is asked for of each packet; the last two are what tshark complains about.
const FIELDS: [&str; 10] = [
    "_ws.col.Info",
    "x25.lcn",
    "x25.called_address",
    "x25.calling_address",
    "x25.facility.packet_size.called_dte",
    "x25.facility.packet_size.calling_dte",
    "x25.window_size.called_dte",
    "x25.window_size.calling_dte",
    "_ws.malformed",
    "_ws.expert.message",
];

/// A line for each packet, with the fields between bars.
fn dissect(pair: &Pair) -> Result<Vec<String>, String> {
    let directory = TemporaryDirectory::new();
    let path = directory.join("call.pcap");
    fs::write(&path, capture(&pair.log)).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(&path).args(["-T", "fields", "-E", "separator=|"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().map_err(|error| format!("tshark: {error}"))?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(|line| line.trim_end_matches('|').to_owned()).collect())
}

/// The frames as a capture file of raw IPv4 (link type 101).
fn capture(log: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend([0; 8]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(101_u32.to_le_bytes());
    let mut sent = [1_u32, 1];
    for (second, (side, frame)) in (0_u32..).zip(log) {
        let mut payload = vec![0, 0];
        payload.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
        payload.extend(frame);
        let packet = segment(*side, sent, &payload);
        sent[*side] += u32::try_from(payload.len()).unwrap();
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        file.extend(second.to_le_bytes());
        file.extend([0; 4]);
        file.extend(length);
        file.extend(length);
        file.extend(packet);
    }
    file
}

/// A segment of TCP in IPv4 from a side to the other; checksums are left out.
fn segment(side: usize, sent: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let hosts = [[10, 0, 0, 1], [10, 0, 0, 2]];
    let ports = [40_000_u16, 1998];
    let length = u16::try_from(40 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    packet.extend(hosts[side]);
    packet.extend(hosts[1 - side]);
    packet.extend(ports[side].to_be_bytes());
    packet.extend(ports[1 - side].to_be_bytes());
    packet.extend(sent[side].to_be_bytes());
    packet.extend(sent[1 - side].to_be_bytes());
    packet.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

#[test]
fn tshark_reads_a_whole_call() {
    let mut pair = Pair::new([0, 1].map(|seed| Settings { seed, ..Settings::default() }));
    pair.asks(0, Input::LinkUp);
    pair.asks(1, Input::LinkUp);
    pair.run();
    let request = Input::Call {
        called: "12345".parse::<Address>().unwrap(),
        calling: "77".parse().unwrap(),
        user_data: Vec::new(),
    };
    pair.asks(0, request);
    pair.run();
    pair.asks(1, Input::Accept);
    pair.run();
    pair.asks(1, Input::Send(b"IODETTE FTP READY \r".to_vec()));
    pair.run();
    pair.asks(0, Input::Send(vec![b'X'; 200]));
    pair.run();
    pair.asks(1, Input::Pause);
    pair.asks(1, Input::Reset(0));
    pair.run();
    pair.asks(0, Input::Clear(241));
    pair.run();

    let lines = match dissect(&pair) {
        Ok(lines) => lines,
        Err(reason) => skip!(tshark, "{reason}"),
    };
    let wanted = [
        // The roles are settled by chance, and here in the second attempt.
        "Restart ind./Restart req. DTE Originated - Diag.:161",
        "Restart ind./Restart req. DTE Originated - Diag.:161",
        "Restart ind./Restart req. DTE Originated - Diag.:161",
        "Restart conf.",
        // Packets of 2^7 octets, window 7.
        "Inc. call/Call req. VC:1|1|12345|77|7|7|7|7",
        "Call conn./Call acc. VC:1|1|||7|7|7|7",
        "Data VC:1 P(S):0 P(R):0 |1",
        "RR VC:1 P(R):1|1",
        "Data VC:1 P(S):0 P(R):1  M|1",
        "Data VC:1 P(S):1 P(R):1 |1",
        "RR VC:1 P(R):2|1",
        "RNR VC:1 P(R):2|1",
        "Reset ind./Reset req. VC:1 DTE Originated - Diag.:0|1",
        "Reset conf. VC:1|1",
        "RNR VC:1 P(R):0|1",
        "Clear ind./Clear req. VC:1 DTE Originated - Disconnection - normal|1",
        "Clear Conf. VC:1|1",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn diagnostics_mean_the_same_to_tshark() {
    let named = [
        (diagnostic::NONE, "No additional information"),
        (diagnostic::INVALID_SEND_NUMBER, "Invalid P(S)"),
        (diagnostic::INVALID_RECEIVE_NUMBER, "Invalid P(R)"),
        (diagnostic::INVALID_IN_R1, "Packet type invalid for state r1"),
        (diagnostic::INVALID_IN_P1, "Packet type invalid for state p1"),
        (diagnostic::INVALID_IN_P2, "Packet type invalid for state p2"),
        (diagnostic::INVALID_IN_P3, "Packet type invalid for state p3"),
        (diagnostic::INVALID_IN_P4, "Packet type invalid for state p4"),
        (diagnostic::INVALID_IN_P5, "Packet type invalid for state p5"),
        (diagnostic::INVALID_IN_D1, "Packet type invalid for state d1"),
        (diagnostic::UNIDENTIFIABLE, "Unidentifiable packet"),
        (diagnostic::REJECT_NOT_SUBSCRIBED, "Reject not subscribed to"),
        (diagnostic::TOO_SHORT, "Packet too short"),
        (diagnostic::TOO_LONG, "Packet too long"),
        (diagnostic::INVALID_FORMAT, "Invalid general format identifier"),
        (diagnostic::UNEXPECTED_INTERRUPT_CONFIRMATION, "Unauthorised interrupt confirmation"),
        (diagnostic::CALL_TIMED_OUT, "Time expired for incoming call"),
        (diagnostic::CLEAR_TIMED_OUT, "Time expired for clear indication"),
        (diagnostic::RESET_TIMED_OUT, "Time expired for reset indication"),
        (diagnostic::RESTART_TIMED_OUT, "Time expired for restart indication"),
        (diagnostic::FACILITY_NOT_ALLOWED, "Facility parameter not allowed"),
        (diagnostic::INVALID_CALLED_ADDRESS, "Invalid called DTE address"),
        (diagnostic::INVALID_CALLING_ADDRESS, "Invalid calling DTE address"),
        (diagnostic::INVALID_FACILITY_LENGTH, "Invalid facility/registration length"),
        (diagnostic::QUALIFIER, "Inconsistent Q bit setting"),
        (diagnostic::OPERATIONAL, "DTE operational"),
        (diagnostic::RESOURCES, "DTE resource constraint"),
        (diagnostic::PARTIALLY_FULL, "Invalid partially full DATA packet"),
        (diagnostic::DELIVERY_CONFIRMATION, "D-bit procedure not supported"),
        (diagnostic::NORMAL_END, "Disconnection - normal"),
        (diagnostic::ABNORMAL_END, "Disconnection - abnormal"),
    ];
    let mut pair = Pair::new([Settings::default(), Settings::default()]);
    for (code, _) in named {
        let packet = Packet::Clear(Reason { cause: 0, diagnostic: code });
        pair.log.push((0, packet.encode(Channel::FIRST, Modulo::Eight)));
    }
    let lines = match dissect(&pair) {
        Ok(lines) => lines,
        Err(reason) => skip!(tshark, "{reason}"),
    };
    let wanted = |(_, name)| format!("Clear ind./Clear req. VC:1 DTE Originated - {name}|1");
    assert_eq!(lines, named.map(wanted));
}
