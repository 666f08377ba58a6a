//! How fast files go through, on one core: `cargo test -p oftp --release --test throughput --
//! --ignored --nocapture`. Measures, and asserts nothing about time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::hint::black_box;
use std::time::Instant;

use oftp::record::{Incoming, Outgoing};
use oftp::stream::{Deframer, frame};
use oftp::{Counts, Format, Tolerance};

/// The data of one file, small enough to stay in a cache as a session's buffers do.
const FILE: usize = 1 << 20;
/// How often it is sent.
const ROUNDS: usize = 2000;

/// One round: the file framed as a stream.
fn send(format: Format, size: u32, compresses: bool, stored: &[u8], stream: &mut Vec<u8>) {
    let size = size.try_into().unwrap();
    let mut outgoing = Outgoing::new(format, size, compresses, Counts::default());
    let mut rest = stored;
    while !outgoing.is_ended() {
        let filled = frame(stream, |octets| outgoing.fill(rest, true, octets)).unwrap().unwrap();
        rest = &rest[filled.taken..];
    }
}

/// One round: the stream taken apart into the file.
fn receive(format: Format, stream: &[u8], payload: &mut Vec<u8>) {
    let mut incoming = Incoming::new(format, Counts::default());
    let mut deframer = Deframer::new(&Tolerance::default());
    let mut rest = stream;
    while let Some(buffer) = deframer.next_buffer(&mut rest).unwrap() {
        incoming.take(&buffer[1..], payload).unwrap();
    }
    incoming.finish().unwrap();
}

fn measure(what: &str, mut round: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        round();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        round();
    }
    let rounds = f64::from(u32::try_from(ROUNDS).unwrap());
    let octets = rounds * f64::from(u32::try_from(FILE).unwrap());
    println!("{what}: {:.2} GB/s", octets / start.elapsed().as_secs_f64() / 1e9);
}

#[test]
#[ignore = "a measurement, for a release build on a quiet machine"]
fn files_go_through() {
    let stored: Vec<u8> = (0..=250).cycle().take(FILE).collect();
    let fixed = Format::Fixed { record_length: 128.try_into().unwrap() };
    for (name, format) in [("U", Format::Unstructured), ("F, records of 128", fixed)] {
        for size in [2048, 65_535, 99_999] {
            let mut stream = Vec::with_capacity(2 * FILE);
            measure(&format!("sending   {name}, buffers of {size}"), || {
                stream.clear();
                send(format, size, false, black_box(&stored), &mut stream);
            });
            let mut payload = Vec::with_capacity(2 * FILE);
            measure(&format!("receiving {name}, buffers of {size}"), || {
                payload.clear();
                receive(format, black_box(&stream), &mut payload);
            });
            assert_eq!(payload, stored);
        }
    }
    let mut stream = Vec::with_capacity(2 * FILE);
    measure("sending   U, compressing what has no runs", || {
        stream.clear();
        send(Format::Unstructured, 65_535, true, black_box(&stored), &mut stream);
    });
}
