//! The device's rim, as far as it can be seen without a device; with one that is simulated:
//! `daemons/isdn/capi-sim/tests/device.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use capi_sys::device::Device;

#[test]
fn a_node_that_is_not_there_is_named() {
    let error = Device::open(Path::new("/nowhere/capi20")).unwrap_err();
    assert_eq!(error.code(), "E-CAPI-DEVICE-OPEN");
    assert!(error.to_string().starts_with("/nowhere/capi20: "), "{error}");
}

#[test]
fn a_file_with_no_capi_behind_it_is_told_apart() {
    let error = Device::open(Path::new("/dev/null")).unwrap_err();
    assert_eq!(error.code(), "E-CAPI-DEVICE-NOT-INSTALLED");
}
