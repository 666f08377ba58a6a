//! What a program needs before it can run: only the one question that an empty root raises.

use anyhow::{Context as _, bail};

const PT_INTERP: u32 = 3;

/// The dynamic linker that a 64-bit little-endian ELF program asks for; `None` if it asks for none.
pub(crate) fn interpreter(program: &[u8]) -> anyhow::Result<Option<String>> {
    if !program.starts_with(b"\x7fELF\x02\x01") {
        bail!("this is no 64-bit little-endian ELF program");
    }
    let table = read_u64(program, 0x20)?;
    let size = usize::from(read_u16(program, 0x36)?);
    for index in 0..usize::from(read_u16(program, 0x38)?) {
        let header = table + index * size;
        if read_u32(program, header)? == PT_INTERP {
            let (start, length) = (read_u64(program, header + 8)?, read_u64(program, header + 32)?);
            let path = program.get(start..start + length).context("the program is cut off")?;
            return Ok(Some(String::from_utf8_lossy(path).trim_end_matches('\0').to_owned()));
        }
    }
    Ok(None)
}

fn read<const N: usize>(program: &[u8], at: usize) -> anyhow::Result<[u8; N]> {
    let octets = program.get(at..at + N).context("the program is cut off")?;
    octets.try_into().context("the program is cut off")
}

fn read_u16(program: &[u8], at: usize) -> anyhow::Result<u16> {
    Ok(u16::from_le_bytes(read(program, at)?))
}

fn read_u32(program: &[u8], at: usize) -> anyhow::Result<u32> {
    Ok(u32::from_le_bytes(read(program, at)?))
}

fn read_u64(program: &[u8], at: usize) -> anyhow::Result<usize> {
    usize::try_from(u64::from_le_bytes(read(program, at)?)).context("the program is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header, and one program header of this type that names the text after it.
    fn program(kind: u32, text: &[u8]) -> Vec<u8> {
        let mut octets = vec![0; 0x40 + 56];
        octets[..6].copy_from_slice(b"\x7fELF\x02\x01");
        octets[0x20] = 0x40;
        octets[0x36] = 56;
        octets[0x38] = 1;
        octets[0x40..0x44].copy_from_slice(&kind.to_le_bytes());
        octets[0x48] = 0x40 + 56;
        octets[0x60] = u8::try_from(text.len()).unwrap();
        octets.extend_from_slice(text);
        octets
    }

    #[test]
    fn a_dynamic_program_names_its_linker_and_a_static_one_does_not() {
        let path = b"/lib64/ld-linux-x86-64.so.2\0";
        assert_eq!(
            interpreter(&program(PT_INTERP, path)).unwrap().unwrap(),
            "/lib64/ld-linux-x86-64.so.2"
        );
        assert_eq!(interpreter(&program(1, path)).unwrap(), None);
    }

    #[test]
    fn this_test_itself_is_a_dynamic_program() {
        let octets = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(interpreter(&octets).unwrap().unwrap().starts_with('/'));
    }

    #[test]
    fn what_is_no_program_or_cut_off_is_an_error() {
        assert!(interpreter(b"#!/bin/sh").is_err());
        assert!(interpreter(&program(PT_INTERP, b"/lib")[..0x50]).is_err());
    }
}
