//! The file that stands in for `/dev/capi20`, by our own ioctls and as others may use it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::thread;

use capi_sim::{Device, Exchange};
use capi_sys::device::{Device as Node, DeviceError, Registration};
use capi_sys::message::*;
use capi_sys::remote::{Register, Version};
use common::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::Signal;
use support::{Process, TemporaryDirectory, guarded_command, wait_until_blocking};

/// An exchange of two controllers, and its file.
struct Bench {
    exchange: Exchange,
    device: Device,
    _directory: TemporaryDirectory,
}

impl Bench {
    fn new() -> Self {
        let exchange = Exchange::new(ports());
        let directory = TemporaryDirectory::new();
        let device = exchange.device(directory.join("capi20")).unwrap();
        Self { exchange, device, _directory: directory }
    }

    fn open(&self) -> Node {
        Node::open(self.device.path()).unwrap()
    }

    fn register(&self) -> Registration {
        self.open().register(Register::for_connections(2)).unwrap()
    }
}

fn listen_request(number: u8) -> Message {
    let body = ListenRequest::on(controller(number), CipMask::NONE, InfoMask::NONE).into();
    Message { application: ApplicationId(0), number: MessageNumber(1), body }
}

fn refused(error: &DeviceError) -> Info {
    match error {
        DeviceError::Refused { info, .. } => *info,
        error => panic!("{error}"),
    }
}

/// Waits until a message can be read, and reads it.
fn next(registration: &mut Registration) -> Message {
    let mut files = [PollFd::new(registration, PollFlags::IN)];
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut files, Some(&patience)).unwrap(), 1, "nothing comes");
    assert_eq!(files[0].revents(), PollFlags::IN);
    Message::decode(registration.get().unwrap().unwrap()).unwrap()
}

#[test]
fn controllers_are_asked_by_ioctl_and_one_that_is_not_there_is_refused() {
    needs_device!();
    let bench = Bench::new();
    let node = bench.open();
    assert_eq!(node.profile(0).unwrap().controllers, 2);
    for number in [1, 2] {
        assert_eq!(node.profile(number).unwrap(), bench.exchange.profile(number).unwrap());
    }
    assert_eq!(refused(&node.profile(3).unwrap_err()), Info::ILLEGAL_IDENTIFIER);
    // The numbers of these two ioctls say that they have four octets.
    assert_eq!(node.manufacturer(1).unwrap(), "Seon");
    assert_eq!(node.serial_number(1).unwrap(), "1");
    assert_eq!(node.version(1).unwrap(), Version { capi: [2, 0], manufacturer: [1, 0] });
}

#[test]
fn a_controller_that_is_unplugged_is_refused_and_without_any_nothing_is_installed() {
    needs_device!();
    let bench = Bench::new();
    let node = bench.open();
    bench.exchange.vanish(controller(1));
    assert_eq!(refused(&node.profile(1).unwrap_err()), Info::ILLEGAL_IDENTIFIER);
    node.profile(2).unwrap();
    bench.exchange.vanish(controller(2));
    let error = Node::open(bench.device.path()).unwrap_err();
    assert_eq!(error.code(), "E-CAPI-DEVICE-NOT-INSTALLED");
    bench.exchange.bring_back(controller(1));
    node.profile(1).unwrap();
    bench.open();
}

#[test]
fn a_file_shows_the_controllers_that_it_is_to_show_and_counts_them_from_one() {
    needs_device!();
    let Bench { exchange, device, _directory: directory } = Bench::new();
    let second = exchange.showing([controller(2)]).device(directory.join("second")).unwrap();
    assert_eq!(Node::open(device.path()).unwrap().profile(0).unwrap().controllers, 2);
    let node = Node::open(second.path()).unwrap();
    assert_eq!(node.profile(0).unwrap().controllers, 1);
    assert_eq!(node.profile(1).unwrap().controllers, 1);
    assert_eq!(refused(&node.profile(2).unwrap_err()), Info::ILLEGAL_IDENTIFIER);
    let mut registration = node.register(Register::for_connections(2)).unwrap();
    for (number, info) in [(1, Info::SUCCESS), (2, Info::ILLEGAL_IDENTIFIER)] {
        assert!(registration.put(&listen_request(number).encode().unwrap()).unwrap());
        let controller = controller(number);
        let wanted = ListenConfirmation { controller, info };
        assert_eq!(next(&mut registration).body, wanted.into());
    }
    exchange.vanish(controller(2));
    assert_eq!(Node::open(second.path()).unwrap_err().code(), "E-CAPI-DEVICE-NOT-INSTALLED");
}

#[test]
fn every_open_file_is_an_application_until_it_is_closed() {
    needs_device!();
    let bench = Bench::new();
    let (first, second) = (bench.register(), bench.register());
    assert_ne!(first.application(), second.application());
    assert_eq!(bench.exchange.applications(), 2);
    drop(first);
    // The kernel tells of it in its own time.
    wait_until_blocking("one is released", PATIENCE, || bench.exchange.applications() == 1);
    drop(second);
    wait_until_blocking("both are released", PATIENCE, || bench.exchange.applications() == 0);
}

#[test]
fn what_is_refused_is_told_by_the_code_behind_eio() {
    needs_device!();
    let bench = Bench::new();
    bench.exchange.refuse_registration(Info::REGISTER_NO_RESOURCES);
    let error = bench.open().register(Register::for_connections(2)).unwrap_err();
    assert_eq!(refused(&error), Info::REGISTER_NO_RESOURCES);
    let mut registration = bench.register();
    let message = listen_request(1).encode().unwrap();
    bench.device.refuse_message(Info::ILLEGAL_MESSAGE);
    assert_eq!(refused(&registration.put(&message).unwrap_err()), Info::ILLEGAL_MESSAGE);
    bench.device.refuse_message(Info::QUEUE_FULL);
    assert!(!registration.put(&message).unwrap());
    assert!(registration.put(&message).unwrap());
    let heard = next(&mut registration);
    assert_eq!(heard.application, registration.application());
    assert!(matches!(heard.body, Body::ListenConfirmation(_)));
    assert!(registration.get().unwrap().is_none());
}

#[test]
fn a_message_is_written_whole_or_not_at_all() {
    needs_device!();
    let bench = Bench::new();
    let registration = bench.register();
    let message = listen_request(1).encode().unwrap();
    for octets in [&message[..12], &[message.as_slice(), &[0]].concat()] {
        let error = registration.put(octets).unwrap_err();
        let DeviceError::System { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_message_that_does_not_fit_stays_until_there_is_room() {
    needs_device!();
    let bench = Bench::new();
    let mut registration = bench.register();
    registration.put(&listen_request(1).encode().unwrap()).unwrap();
    let read = rustix::io::read(&registration, &mut [0; 13]);
    assert_eq!(read, Err(Errno::MSGSIZE));
    assert!(matches!(next(&mut registration).body, Body::ListenConfirmation(_)));
}

#[test]
fn a_read_that_may_wait_does_so_and_does_not_hold_up_a_write() {
    needs_device!();
    let bench = Bench::new();
    let registration = bench.register();
    fcntl_setfl(&registration, OFlags::empty()).unwrap();
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut octets = [0; 2048];
            rustix::io::retry_on_intr(|| rustix::io::read(&registration, &mut octets))
                .map(|length| octets[..length].to_vec())
        });
        assert!(registration.put(&listen_request(1).encode().unwrap()).unwrap());
        let message = Message::decode(&reading.join().unwrap().unwrap()).unwrap();
        assert!(matches!(message.body, Body::ListenConfirmation(_)));
    });
}

#[test]
fn without_registration_nothing_is_read_or_written_and_poll_says_so() {
    needs_device!();
    let bench = Bench::new();
    let mut file = OpenOptions::new().read(true).write(true).open(bench.device.path()).unwrap();
    assert!(file.read(&mut [0; 64]).is_err());
    assert!(file.write(&listen_request(1).encode().unwrap()).is_err());
    let mut files = [PollFd::new(&file, PollFlags::IN)];
    poll(&mut files, None).unwrap();
    assert_eq!(files[0].revents(), PollFlags::ERR);
}

#[test]
fn a_removed_device_ends_what_its_users_do_and_its_file_is_gone() {
    needs_device!();
    let Bench { exchange, device, _directory } = Bench::new();
    let path = device.path().to_owned();
    let mut registration =
        Node::open(&path).unwrap().register(Register::for_connections(2)).unwrap();
    assert!(registration.get().unwrap().is_none());
    drop(device);
    assert!(registration.get().is_err());
    assert_eq!(exchange.applications(), 0);
    assert!(!path.exists());
    assert!(matches!(Node::open(&path), Err(DeviceError::Open { .. })));
    // Another one takes its place.
    let device = exchange.device(&path).unwrap();
    Node::open(device.path()).unwrap();
}

#[test]
fn a_user_who_is_not_root_may_use_it() {
    needs_device!();
    let bench = Bench::new();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", "sh", "-c"])
        .args(["exec 3<>\"$0\""])
        .arg(bench.device.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Unanswered, a read of a file of one's own could not even be killed.
#[test]
fn a_process_that_waits_for_its_own_file_can_be_killed() {
    const WAITS: &str = "SEON_TEST_WAITS";
    needs_device!();
    if std::env::var_os(WAITS).is_some() {
        let bench = Bench::new();
        let registration = bench.register();
        fcntl_setfl(&registration, OFlags::empty()).unwrap();
        println!("it waits");
        while rustix::io::read(&registration, &mut [0; 64]) == Err(Errno::INTR) {}
        return;
    }
    let mut command = guarded_command(std::env::current_exe().unwrap());
    command.args(["a_process_that_waits_for_its_own_file_can_be_killed", "--exact", "--nocapture"]);
    command.env(WAITS, "1");
    let mut process = Process::spawn(command);
    process.wait_for_line(PATIENCE, |line| line.ends_with("it waits"));
    process.signal(Signal::KILL);
    assert!(!process.wait(PATIENCE).success());
}
