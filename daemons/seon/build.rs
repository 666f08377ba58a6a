//! Has the linker put the functions that a daemon at rest runs side by side.
//!
//! The kernel maps a program's file in pieces of 64 KiB. The one binary holds everything, so what a
//! daemon needs of it would be a little of nearly every piece, and all of them its memory.

fn main() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let script = std::path::Path::new(&variable("CARGO_MANIFEST_DIR")).join("functions.ld");
    // Its whole path: a target folder may be shared with a checkout that is no more.
    println!("cargo::rerun-if-changed={}", script.display());
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
        // Where to add the program's place in memory, in 20 kB instead of 1.2 MB; glibc 2.36.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
