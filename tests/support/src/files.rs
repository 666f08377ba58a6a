//! Big files that are the same every time, and their hashes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Command;

/// An endless stream of octets that compress badly and depend on the seed alone.
#[derive(Clone, Debug)]
pub struct PseudoRandom {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl PseudoRandom {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(2).wrapping_add(0x9E37_79B9_7F4A_7C15) | 1,
            word: [0; 8],
            used: 8,
        }
    }

    /// The next octets.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        self.fill(&mut octets);
        octets
    }

    /// Fills a buffer; the stream does not depend on how it is cut.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for octet in buffer {
            if self.used == self.word.len() {
                self.word = self.next_word().to_le_bytes();
                self.used = 0;
            }
            *octet = self.word[self.used];
            self.used += 1;
        }
    }

    /// xorshift64*: fast, and good enough to be incompressible.
    fn next_word(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

impl Read for PseudoRandom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer);
        Ok(buffer.len())
    }
}

/// Writes a file of that many octets of the seed's stream, in constant memory.
pub fn write_pseudo_random(path: &Path, octets: u64, seed: u64) {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        let mut stream = PseudoRandom::new(seed);
        let mut block = vec![0; 1 << 20];
        let mut left = octets;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            stream.fill(&mut block[..count]);
            file.write_all(&block[..count])?;
            left -= count as u64;
        }
        Ok(())
    };
    write().unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// The SHA-256 of a file in hexadecimal digits, by `sha256sum`: not by code that is under test.
pub fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg("--").arg(path).output().expect("run sha256sum");
    let text = String::from_utf8_lossy(&output.stdout);
    // A leading backslash marks an escaped name.
    let hash = text.trim_start_matches('\\').split_whitespace().next();
    hash.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TemporaryDirectory;

    #[test]
    fn the_same_seed_gives_the_same_file_and_another_seed_another() {
        let directory = TemporaryDirectory::new();
        let hash = |seed| {
            let path = directory.join(format!("file {seed}"));
            write_pseudo_random(&path, 3_000_001, seed);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), 3_000_001);
            sha256(&path)
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
        assert_eq!(hash(1).len(), 64);
    }

    #[test]
    fn the_stream_does_not_depend_on_how_it_is_cut() {
        let whole = PseudoRandom::new(7).octets(1000);
        let mut stream = PseudoRandom::new(7);
        let cut: Vec<u8> =
            [1, 7, 8, 9, 975].into_iter().flat_map(|count| stream.octets(count)).collect();
        assert_eq!(whole, cut);
    }
}
