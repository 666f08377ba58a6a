//! The quick start's files: pseudo-random, the same for the same seed, in constant memory.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

/// How much is made, written and hashed at a time.
const BLOCK: usize = 1 << 18;

/// A SHA-256 hash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hash(Vec<u8>);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Octets without a pattern, so that neither compression nor a shifted block goes unnoticed.
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        // The generator stays at zero for ever, so no seed may lead there.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Marsaglia's xorshift*: eight octets a step, far faster than any disk.
    fn fill(&mut self, block: &mut [u8]) {
        for chunk in block.chunks_mut(8) {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let octets = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
    }
}

/// Writes a file of `size` octets and returns its hash.
pub(crate) fn write(path: &Path, seed: u64, size: u64) -> io::Result<Hash> {
    let mut file = File::create_new(path)?;
    let mut noise = Noise::new(seed);
    let mut hash = Context::new(&SHA256);
    let mut block = vec![0; BLOCK];
    let mut left = size;
    while left > 0 {
        let length = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        let block = &mut block[..length];
        noise.fill(block);
        hash.update(block);
        file.write_all(block)?;
        left -= length as u64;
    }
    Ok(Hash(hash.finish().as_ref().to_vec()))
}

/// The hash of a file's content.
pub(crate) fn hash(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let mut hash = Context::new(&SHA256);
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(Hash(hash.finish().as_ref().to_vec())),
            length => hash.update(&block[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("seon-data-{}-{name}", std::process::id()))
    }

    #[test]
    fn the_same_seed_gives_the_same_file_and_another_seed_another() {
        let sizes_and_seeds = [(1_000_003, 1), (1_000_003, 1), (1_000_003, 2), (0, 1)];
        let mut hashes = Vec::new();
        for (index, (size, seed)) in sizes_and_seeds.into_iter().enumerate() {
            let path = path(&index.to_string());
            let written = write(&path, seed, size).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
            assert_eq!(hash(&path).unwrap(), written, "what is read back is what was written");
            std::fs::remove_file(path).unwrap();
            hashes.push(written);
        }
        assert_eq!(hashes[0], hashes[1]);
        assert_ne!(hashes[0], hashes[2]);
        // FIPS 180-4: the hash of nothing.
        assert_eq!(
            hashes[3].to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn no_existing_file_is_overwritten() {
        let path = path("existing");
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(write(&path, 1, 10).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        std::fs::remove_file(path).unwrap();
    }
}
