//! Data exchange buffers decoded and encoded, beside copying the same octets.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use oftp::record::{Incoming, Outgoing};
use oftp::stream::{Deframer, frame};
use oftp::{BufferSize, Counts, Format, Tolerance};
use support::PseudoRandom;

use crate::report::{Figure, Goal, Line, Peer};

/// The buffer size that partners are offered by default.
const BUFFER: u32 = 32_768;

/// What a session holds at a time: the octets stay in the processor's cache, as they do there.
const PAYLOAD: usize = 256 * 1024;

/// A short buffer, so that a million of them go by quickly.
const SHORT_BUFFER: u32 = 2048;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Line>> {
    let octets = PseudoRandom::new(1).octets(PAYLOAD);
    let rounds = Rounds::new(quick);
    let size = BufferSize::try_from(BUFFER)?;
    let wire = encoded(&octets, size, false)?;
    let mut copier = Vec::new();
    let mut decoder = Decoder::default();
    let mut encoder = Encoder::new(size, false);
    let mut compressor = Encoder::new(size, true);
    let rates = rounds.rates(&mut [
        &mut || {
            copier.clear();
            copier.extend_from_slice(black_box(&octets));
            black_box(&copier);
            Ok(octets.len())
        },
        &mut || decoder.decode(black_box(&wire)),
        &mut || encoder.encode(black_box(&octets)),
        &mut || compressor.encode(black_box(&octets)),
    ])?;
    let [copy, decode, encode, compress] = rates;
    ensure!(decoder.payload == octets, "what was decoded is not what was encoded");

    let memcpy = || Peer::new("memcpy", Figure::new(copy, "GB/s"));
    let line =
        |name: &str, rate: f64| Line::measured(name, Figure::new(rate, "GB/s")).beside(memcpy());
    let mut lines = vec![
        line("codec: decode", decode).goal(Goal::AtLeast(4.0)).note(format!(
            "stream transmission buffers of {BUFFER} octets, {} kB of pseudo-random file at a \
             time, to file octets in a reused vector; the medians of {} rounds in turn; GB = 10^9 \
             octets of the file",
            PAYLOAD / 1000,
            rounds.count,
        )),
        line("codec: encode", encode)
            .note("file octets to stream transmission buffers in a reused vector"),
        line("codec: encode, compression agreed", compress)
            .note("the same octets, which do not compress: the search for runs costs"),
    ];
    lines.push(moves(if quick { 100_000 } else { 1_000_000 })?);
    Ok(lines)
}

/// How long and how often.
struct Rounds {
    count: usize,
    each: Duration,
}

impl Rounds {
    fn new(quick: bool) -> Self {
        let (count, each) = if quick { (3, 50) } else { (7, 300) };
        Self { count, each: Duration::from_millis(each) }
    }

    /// GB/s of each candidate, each giving the octets it did; they take turns, so that what else
    /// happens on the machine happens to all of them.
    fn rates<const N: usize>(
        &self,
        candidates: &mut [&mut dyn FnMut() -> anyhow::Result<usize>; N],
    ) -> anyhow::Result<[f64; N]> {
        let mut rates: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        for _ in 0..self.count {
            for (candidate, rates) in candidates.iter_mut().zip(&mut rates) {
                rates.push(self.rate(*candidate)?);
            }
        }
        Ok(rates.map(median))
    }

    fn rate(&self, candidate: &mut dyn FnMut() -> anyhow::Result<usize>) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut octets = 0_u64;
        while started.elapsed() < self.each {
            octets += candidate()? as u64;
        }
        Ok(per_second(octets, started.elapsed()) / 1e9)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The middle one; of an even number the better of both middle ones.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// From stream transmission buffers to file octets.
#[derive(Default)]
struct Decoder {
    payload: Vec<u8>,
}

impl Decoder {
    fn decode(&mut self, wire: &[u8]) -> anyhow::Result<usize> {
        self.payload.clear();
        let mut deframer = Deframer::new(&Tolerance::default());
        let mut incoming = Incoming::new(Format::Unstructured, Counts::default());
        let mut rest = wire;
        while let Some(buffer) = deframer.next_buffer(&mut rest)? {
            let (_, sub_records) = buffer.split_first().context("a buffer with its command")?;
            incoming.take(sub_records, &mut self.payload)?;
        }
        black_box(&self.payload);
        Ok(self.payload.len())
    }
}

/// From file octets to stream transmission buffers.
struct Encoder {
    size: BufferSize,
    compresses: bool,
    wire: Vec<u8>,
}

impl Encoder {
    fn new(size: BufferSize, compresses: bool) -> Self {
        Self { size, compresses, wire: Vec::new() }
    }

    fn encode(&mut self, octets: &[u8]) -> anyhow::Result<usize> {
        self.wire.clear();
        let format = Format::Unstructured;
        let mut outgoing = Outgoing::new(format, self.size, self.compresses, Counts::default());
        let mut rest = octets;
        while !outgoing.is_ended() {
            let filled = frame(&mut self.wire, |out| outgoing.fill(rest, true, out))??;
            rest = rest.get(filled.taken..).unwrap_or_default();
        }
        black_box(&self.wire);
        Ok(octets.len())
    }
}

fn encoded(octets: &[u8], size: BufferSize, compresses: bool) -> anyhow::Result<Vec<u8>> {
    let mut encoder = Encoder::new(size, compresses);
    encoder.encode(octets)?;
    Ok(encoder.wire)
}

/// Whether a buffer costs an allocation: the vectors that the codec writes to are reused, so that
/// they may neither move nor grow after the first pass.
fn moves(buffers: usize) -> anyhow::Result<Line> {
    let size = BufferSize::try_from(SHORT_BUFFER)?;
    let octets = PseudoRandom::new(2).octets(PAYLOAD);
    let wire = encoded(&octets, size, false)?;
    let buffers_at_once = wire.len().div_ceil(size.octets() + oftp::stream::HEADER_LENGTH);
    let mut decoder = Decoder::default();
    let mut encoder = Encoder::new(size, false);
    let mut places = Vec::new();
    let mut moves = 0_u32;
    let mut done = 0;
    while done < buffers {
        decoder.decode(&wire)?;
        encoder.encode(&octets)?;
        let now = [place(&decoder.payload), place(&encoder.wire)];
        if !places.is_empty() && places != now {
            moves += 1;
        }
        places = now.to_vec();
        done += buffers_at_once;
    }
    Ok(Line::measured("codec: vectors that moved", Figure::new(moves.into(), "moves"))
        .goal(Goal::Below(1.0))
        .note(format!(
            "address and capacity of the payload's and the transmit buffer's vector, compared \
             {} times over {done} buffers of {SHORT_BUFFER} octets decoded and as many encoded: \
             no allocation per buffer there; whole buffers are decoded where they lie",
            done / buffers_at_once,
        )))
}

fn place(vector: &Vec<u8>) -> (usize, usize) {
    (vector.as_ptr().addr(), vector.capacity())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself_with_and_without_compression() {
        let octets = PseudoRandom::new(3).octets(100_001);
        let size = BufferSize::try_from(SHORT_BUFFER).unwrap();
        for compresses in [false, true] {
            let wire = encoded(&octets, size, compresses).unwrap();
            let mut decoder = Decoder::default();
            assert_eq!(decoder.decode(&wire).unwrap(), octets.len());
            assert_eq!(decoder.payload, octets);
        }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
