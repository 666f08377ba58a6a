//! The controllers behind a device node of CAPI 2.0.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use capi_sys::device::{Device, DeviceError};

use crate::controllers::{Controllers, Number, Sight};

/// The highest number that Linux gives to a controller (`CAPI_MAXCONTR`).
const HIGHEST: Number = 32;

/// The controllers behind `/dev/capi20`, or another node of the same driver.
#[derive(Clone, Debug)]
pub struct DeviceNode {
    path: PathBuf,
}

impl DeviceNode {
    /// Behind the node of this path, which may come and go.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn ask(&self) -> Result<Sight, DeviceError> {
        let device = Device::open(&self.path)?;
        let count = device.profile(0)?.controllers;
        let ask = |number| device.profile(number).map(drop).map_err(|error| said(&error));
        Ok(Sight::Controllers(answers(count, ask)))
    }
}

impl Controllers for DeviceNode {
    fn look(&self) -> Sight {
        match self.ask() {
            Ok(sight) => sight,
            Err(DeviceError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Sight::NoNode
            }
            Err(error) => Sight::Silent(said(&error)),
        }
    }
}

fn said(error: &DeviceError) -> String {
    format!("{} {error}", error.code())
}

/// Asks until as many have answered as there are. Numbers are not always the first ones: the rest
/// of three controllers is numbered as before when one is removed.
fn answers(
    count: u16,
    ask: impl Fn(Number) -> Result<(), String>,
) -> BTreeMap<Number, Result<(), String>> {
    let mut answers = BTreeMap::new();
    let mut found = 0;
    for number in 1..=HIGHEST {
        if found >= count {
            break;
        }
        match ask(number) {
            Ok(()) => {
                found += 1;
                answers.insert(number, Ok(()));
            }
            // One of those that are counted, as far as anybody can tell.
            Err(reason) if u16::from(number) <= count => {
                answers.insert(number, Err(reason));
            }
            Err(_) => {}
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;

    /// Which are listed, and whether they are well, if only those of `well` answer.
    fn asked(count: u16, well: &[Number]) -> Vec<(Number, bool)> {
        let ask = |number| {
            if well.contains(&number) { Ok(()) } else { Err("not installed".to_owned()) }
        };
        let answers = answers(count, ask);
        answers.into_iter().map(|(number, answer)| (number, answer.is_ok())).collect()
    }

    #[test]
    fn every_controller_that_is_counted_is_asked() {
        assert_eq!(asked(0, &[]), []);
        assert_eq!(asked(2, &[1, 2]), [(1, true), (2, true)]);
        assert_eq!(asked(2, &[1]), [(1, true), (2, false)]);
    }

    #[test]
    fn controllers_keep_their_numbers_when_one_before_them_is_removed() {
        assert_eq!(asked(2, &[2, 3]), [(1, false), (2, true), (3, true)]);
        assert_eq!(asked(1, &[32]), [(1, false), (32, true)]);
    }

    #[test]
    fn without_a_file_there_is_no_node() {
        let directory = TemporaryDirectory::new();
        assert_eq!(DeviceNode::at(directory.join("capi20")).look(), Sight::NoNode);
    }

    #[test]
    fn a_file_that_is_no_device_of_capi_is_silent() {
        let directory = TemporaryDirectory::new();
        let path = directory.join("capi20");
        std::fs::write(&path, "").unwrap();
        let Sight::Silent(reason) = DeviceNode::at(&path).look() else { panic!("a sight") };
        assert!(reason.starts_with("E-CAPI-DEVICE-"), "{reason}");
    }
}
