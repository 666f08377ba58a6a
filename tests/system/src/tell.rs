//! What a run measured, for whoever looks at it.

use std::io::{self, Write};

/// Writes a line to standard error. Not by `eprintln!`: the test harness would swallow it with the
/// output of a passed test.
pub fn tell(line: &str) {
    io::stderr().write_all(format!("{line}\n").as_bytes()).expect("standard error takes a line");
}
