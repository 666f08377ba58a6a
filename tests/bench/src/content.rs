//! Files as companies exchange them: what does not compress, text, and a mixture as CAD has it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use support::PseudoRandom;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Random,
    Text,
    /// Lines of numbers, as STEP has them, with blocks of binary ones in between.
    Cad,
}

impl Content {
    pub(crate) const ALL: [Self; 3] = [Self::Random, Self::Text, Self::Cad];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Text => "text",
            Self::Cad => "CAD-like",
        }
    }

    /// Writes a file of so many octets, the same each time.
    pub(crate) fn write(self, path: &Path, octets: u64) -> anyhow::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let mut source = Source::new();
        let (mut piece, mut left) = (Vec::new(), octets);
        while left > 0 {
            piece.clear();
            match self {
                Self::Random => piece.extend_from_slice(&source.stream.octets(65_536)),
                Self::Text => source.sentence(&mut piece),
                Self::Cad => source.lines(&mut piece)?,
            }
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&piece)?;
            left -= piece.len() as u64;
        }
        Ok(file.flush()?)
    }
}

struct Source {
    stream: PseudoRandom,
    numbers: Vec<u8>,
    words: Vec<Vec<u8>>,
    line: u64,
    /// In millionths.
    point: [i64; 3],
}

impl Source {
    fn new() -> Self {
        let mut source = Self {
            stream: PseudoRandom::new(1),
            numbers: Vec::new(),
            words: Vec::new(),
            line: 0,
            point: [0; 3],
        };
        for _ in 0..2000 {
            let length = 2 + source.number() % 9;
            let word = (0..length).map(|_| b'a' + u8::try_from(source.number() % 26).unwrap_or(0));
            let word = word.collect();
            source.words.push(word);
        }
        source
    }

    fn number(&mut self) -> u32 {
        if self.numbers.len() < 4 {
            self.numbers = self.stream.octets(65_536);
        }
        let octets = self.numbers.split_off(self.numbers.len() - 4);
        octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
    }

    /// Few words are frequent, many are rare.
    fn sentence(&mut self, out: &mut Vec<u8>) {
        for _ in 0..12 {
            let (one, other) = (self.number() as usize % 2000, self.number() as usize % 2000);
            out.extend_from_slice(&self.words[(one * other) / 2000]);
            out.push(b' ');
        }
        out.push(b'\n');
    }

    fn lines(&mut self, out: &mut Vec<u8>) -> anyhow::Result<()> {
        for _ in 0..3 {
            self.line += 1;
            for place in 0..3 {
                self.point[place] += i64::from(self.number() % 2_000_001) - 1_000_000;
            }
            let [x, y, z] =
                self.point.map(|at| format!("{}.{:06}", at / 1_000_000, at.abs() % 1_000_000));
            writeln!(out, "#{}=CARTESIAN_POINT('',({x},{y},{z}));", self.line)?;
        }
        self.line += 1;
        writeln!(out, "#{}=DIRECTION('',(0.,0.,1.));", self.line)?;
        if self.line.is_multiple_of(100) {
            out.extend(self.point.iter().flat_map(|at| at.to_le_bytes()));
            out.extend_from_slice(&self.stream.octets(128));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;

    #[test]
    fn each_kind_has_its_length_and_is_the_same_each_time() {
        let place = TemporaryDirectory::new();
        for content in Content::ALL {
            let written = ["one", "other"].map(|name| {
                content.write(&place.join(name), 100_001).unwrap();
                std::fs::read(place.join(name)).unwrap()
            });
            assert_eq!(written[0].len(), 100_001);
            assert!(written[0] == written[1], "{content:?}");
        }
    }
}
