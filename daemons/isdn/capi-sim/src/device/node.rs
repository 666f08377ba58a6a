//! The file itself, as FUSE asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, INodeNo, IoctlFlags, LockOwner,
    OpenFlags, PollEvents, PollFlags, PollNotifier, ReplyAttr, ReplyData, ReplyEmpty, ReplyIoctl,
    ReplyOpen, ReplyPoll, ReplyWrite, Request, WriteFlags,
};
use rustix::fs::OFlags;

use super::application::Application;
use super::{MODE, Refusals};
use crate::exchange::Exchange;

/// A file system that is one file: its root.
#[derive(Debug)]
pub(super) struct Node {
    exchange: Exchange,
    refusals: Arc<Refusals>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    applications: BTreeMap<FileHandle, Arc<Application>>,
}

impl Node {
    pub(super) fn new(exchange: Exchange, refusals: Arc<Refusals>) -> Self {
        Self { exchange, refusals, open: Mutex::default() }
    }

    fn application(&self, file: FileHandle) -> Result<Arc<Application>, Errno> {
        self.open().applications.get(&file).cloned().ok_or(Errno::EBADF)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filesystem for Node {
    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let attributes = FileAttr {
            ino,
            size: 0,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: FileType::RegularFile,
            perm: u16::try_from(MODE).unwrap_or_default(),
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        };
        reply.attr(&Duration::ZERO, &attributes);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let application = Application::new(self.exchange.clone(), Arc::clone(&self.refusals));
        let mut open = self.open();
        open.last += 1;
        let file = FileHandle(open.last);
        open.applications.insert(file, Arc::new(application));
        // A stream, so that a read which waits does not hold up a write.
        reply.opened(file, FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_STREAM);
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        let application = self.open().applications.remove(&file);
        drop(application);
        reply.ok();
    }

    fn ioctl(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: IoctlFlags,
        request: u32,
        argument: &[u8],
        room: u32,
        reply: ReplyIoctl,
    ) {
        let answer = self.application(file).and_then(|file| file.control(request, argument));
        match answer {
            Ok((result, mut octets)) => {
                // The kernel copies what the number says, though some of CAPI's say too little.
                octets.truncate(usize::try_from(room).unwrap_or(usize::MAX));
                reply.ioctl(result, &octets);
            }
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: u64,
        octets: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.application(file).and_then(|file| file.write(octets)) {
            Ok(()) => reply.written(u32::try_from(octets.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: u64,
        room: u32,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let answer = |reply: ReplyData, read: Result<Vec<u8>, Errno>| match read {
            Ok(octets) => reply.data(&octets),
            Err(error) => reply.error(error),
        };
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let inbox = match self.application(file).and_then(|file| file.inbox().cloned()) {
            Ok(inbox) => inbox,
            Err(error) => return reply.error(error),
        };
        let may_wait =
            !OFlags::from_bits_retain(flags.0.cast_unsigned()).contains(OFlags::NONBLOCK);
        if may_wait {
            // Others are not to wait with it.
            thread::spawn(move || answer(reply, inbox.wait(room)));
        } else {
            answer(reply, inbox.read(room));
        }
    }

    fn poll(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        notifier: PollNotifier,
        _: PollEvents,
        _: PollFlags,
        reply: ReplyPoll,
    ) {
        let application = match self.application(file) {
            Ok(application) => application,
            Err(error) => return reply.error(error),
        };
        reply.poll(match application.inbox() {
            Ok(inbox) => inbox.poll(notifier),
            Err(_) => PollEvents::POLLERR,
        });
    }
}
