//! A folder whose files are sent: seen, taken, queued, settled, each step safe to do again.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Duration;

use domain::{FileName, NameError, PayloadName};
use rustix::fs::{OFlags, Stat};

use crate::blocking::blocking;
use crate::directory::{self, Directory, PRIVATE, SHARED};
use crate::payloads::fresh_name;
use crate::{Folders, Payload, Payloads, SourceFile, SpoolError, TakeIn};

/// The hot folder of one partner.
///
/// 1. [`HotFolder::scan`] finds files that their writer has [`Finished`].
/// 2. [`HotFolder::take`] moves one aside and binds it to a payload name: from here it is ours.
/// 3. [`HotFolder::take_in`] makes the payload, and the caller queues it under that name.
/// 4. [`HotFolder::settle`] removes what was moved aside.
///
/// After a crash [`HotFolder::taken`] gives what came as far as step 2: settle it if the queue
/// knows its payload, else go on with step 3. So every file is queued exactly once.
#[derive(Debug)]
pub struct HotFolder {
    opened: Arc<Opened>,
    seen: Seen,
}

#[derive(Debug)]
struct Opened {
    folder: Directory,
    taken: Directory,
}

/// What the last scan of a folder saw. It outlives the open folder, so that of many folders none has
/// to be held open.
#[derive(Debug, Default)]
pub struct Seen(HashMap<OsString, (Fingerprint, Duration)>);

/// What a writer changes.
type Fingerprint = (u64, i64, i64, u64);

/// How it is seen that a file's writer has finished.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// The caller's time since an origin of its choice.
    pub now: Duration,
    /// The file did not change for so long.
    pub settle: Duration,
    /// Or a file with this ending lies beside it, made since: then that, and that alone, says so.
    pub marker: Option<String>,
    /// Files that somebody writes to, as far as it is known.
    pub written: HashSet<OsString>,
}

/// A file that its writer has finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotFile {
    /// Its name, as a person gave it.
    pub name: FileName,
    /// Its size.
    pub octets: u64,
    fingerprint: Fingerprint,
    marker: Option<OsString>,
}

/// A file that is moved aside and belongs to a payload name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenFile {
    /// The name that its payload has or will have.
    pub payload: PayloadName,
    /// Its name, as a person gave it.
    pub name: FileName,
}

/// A file that cannot be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    pub reason: NameError,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Files to take, by name.
    pub ready: Vec<HotFile>,
    /// Files that stay until someone renames them.
    pub refused: Vec<RefusedFile>,
    /// Files that the disk does not show, by name.
    pub unreadable: Vec<(String, SpoolError)>,
    /// Files that are new or have changed since the last scan.
    pub unsettled: usize,
}

const TAKEN: &str = ".taken";
const REFUSED: &str = ".refused";

/// Endings under which programs write a file that is not finished.
const UNFINISHED: [&str; 4] = [".part", ".tmp", ".filepart", ".partial"];

impl Folders {
    /// Opens a partner's hot folder, and makes it if it is not there.
    pub async fn hot_folder(&self, partner: &FileName) -> Result<HotFolder, SpoolError> {
        let (folders, partner) = (self.clone(), partner.clone());
        let opened = blocking(move || {
            Opened::new(folders.outgoing().directory_made(partner.as_str(), SHARED)?)
        });
        opened.await.map(HotFolder::new)
    }
}

impl HotFolder {
    /// Opens a hot folder in a directory anywhere, and makes what is missing. `within` is an
    /// administrator's setting, so links on the way to it are followed; `below` it none is, so that
    /// nothing leads out of there.
    pub async fn open(within: &Path, below: &Path) -> Result<Self, SpoolError> {
        let (within, below) = (within.to_path_buf(), below.to_path_buf());
        let opened = blocking(move || {
            let mut folder = Directory::anywhere_made(&within, SHARED)?;
            for name in &below {
                folder = folder.directory_made(&name.to_string_lossy(), SHARED)?;
            }
            Opened::new(folder)
        });
        opened.await.map(Self::new)
    }

    fn new(opened: Opened) -> Self {
        Self { opened: Arc::new(opened), seen: Seen::default() }
    }

    /// Where people put files.
    pub fn path(&self) -> &Path {
        self.opened.folder.path()
    }

    /// Goes on from what was seen when the folder was open before.
    pub fn resume(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// Closes the folder.
    pub fn close(self) -> Seen {
        self.seen
    }

    /// Looks for files that are plain, not hidden, not named as unfinished, and finished. A file is
    /// given again at every scan until it is taken.
    pub async fn scan(&mut self, finished: Finished) -> Result<Scan, SpoolError> {
        let (opened, seen) = (Arc::clone(&self.opened), std::mem::take(&mut self.seen));
        let (scan, seen) = blocking(move || opened.scan(&seen, &finished)).await?;
        self.seen = seen;
        Ok(scan)
    }

    /// Moves a file aside under a fresh payload name.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Changed`] if it was written since the scan: it comes again in a later one.
    pub async fn take(&self, file: &HotFile) -> Result<TakenFile, SpoolError> {
        let (opened, file) = (Arc::clone(&self.opened), file.clone());
        blocking(move || opened.take(&file)).await
    }

    /// Where in a hot folder's path lies what was moved aside.
    pub fn aside(folder: &Path) -> PathBuf {
        folder.join(TAKEN)
    }

    /// Where in a hot folder's path lies what could not be queued.
    pub fn refused(folder: &Path) -> PathBuf {
        folder.join(REFUSED)
    }

    /// What was taken and not settled, oldest first.
    pub async fn taken(&self) -> Result<Vec<TakenFile>, SpoolError> {
        let opened = Arc::clone(&self.opened);
        blocking(move || {
            let names = opened.taken.names()?;
            Ok(names.iter().filter_map(|name| TakenFile::from_aside(name.to_str()?)).collect())
        })
        .await
    }

    /// Binds a taken file to a fresh payload name. What an older tenure made under the old one is no
    /// longer anybody's, and too old for the sweep to leave it alone.
    pub async fn renew(&self, file: &TakenFile) -> Result<TakenFile, SpoolError> {
        let (opened, file) = (Arc::clone(&self.opened), file.clone());
        blocking(move || {
            let renewed = TakenFile { payload: fresh_name(), ..file.clone() };
            opened.taken.move_to(&file.aside(), &opened.taken, &renewed.aside())?;
            opened.taken.sync()?;
            Ok(renewed)
        })
        .await
    }

    /// Makes the payload of a taken file, a copy (sharing blocks where the file system can): who still
    /// has the file open changes nothing of what is queued. Done again, it gives the same one.
    pub async fn take_in(
        &self,
        payloads: &impl Payloads,
        file: &TakenFile,
    ) -> Result<Payload, SpoolError> {
        let (opened, name) = (Arc::clone(&self.opened), file.aside());
        let source = blocking(move || {
            let source = opened.taken.open_file(&name, OFlags::RDONLY)?;
            SourceFile::opened(source, opened.taken.file_path(&name))
        });
        payloads.take_in_file(file.payload.clone(), source.await?, TakeIn::Copy).await
    }

    /// Removes what was moved aside, after its payload is queued.
    pub async fn settle(&self, file: &TakenFile) -> Result<(), SpoolError> {
        let (opened, name) = (Arc::clone(&self.opened), file.aside());
        blocking(move || {
            opened.taken.remove(&name)?;
            opened.taken.sync()
        })
        .await
    }

    /// Puts a taken file that cannot be queued where a person finds it, in `.refused`; returns
    /// its path. Its payload goes, if there is one.
    pub async fn refuse(
        &self,
        payloads: &impl Payloads,
        file: &TakenFile,
    ) -> Result<PathBuf, SpoolError> {
        let (opened, name) = (Arc::clone(&self.opened), file.aside());
        let moved = blocking(move || {
            let refused = opened.folder.directory_made(REFUSED, SHARED)?;
            opened.taken.move_to(&name, &refused, &name)?;
            refused.sync()?;
            opened.taken.sync()?;
            Ok(refused.file_path(&name))
        });
        let path = moved.await?;
        payloads.remove_payload(&file.payload).await?;
        Ok(path)
    }
}

impl Opened {
    fn new(folder: Directory) -> Result<Self, SpoolError> {
        folder.check_writable()?;
        let taken = folder.directory_made(TAKEN, PRIVATE)?;
        Ok(Self { folder, taken })
    }

    fn scan(&self, before: &Seen, finished: &Finished) -> Result<(Scan, Seen), SpoolError> {
        let mut scan = Scan::default();
        let mut seen = HashMap::new();
        for name in self.folder.names()? {
            if is_hidden_or_unfinished(&name) {
                continue;
            }
            if let Some(of) = finished.marker.as_deref().and_then(|it| marked_by(&name, it)) {
                self.remove_if_stale(&name, &of)?;
                continue;
            }
            let status = match self.folder.status(&name) {
                Ok(status) => status,
                Err(error) => {
                    scan.unreadable.push((name.to_string_lossy().into_owned(), error));
                    continue;
                }
            };
            // Gone again, or a directory or link: nothing to send.
            let Some(status) = status.filter(directory::is_plain) else {
                continue;
            };
            let fingerprint = fingerprint(&status);
            let since = match before.0.get(&name) {
                Some((same, since)) if *same == fingerprint => *since,
                _ => finished.now,
            };
            let (is_finished, marker) = if let Some(ending) = &finished.marker {
                let marker = self.marker_of(&name, ending, &status)?;
                (marker.is_some(), marker)
            } else {
                let has_settled = finished.now.saturating_sub(since) >= finished.settle;
                (has_settled && !finished.written.contains(&name), None)
            };
            seen.insert(name.clone(), (fingerprint, since));
            if is_finished {
                match name.to_string_lossy().parse::<FileName>() {
                    // A lossy name would be another file's.
                    Ok(file) if OsStr::new(file.as_str()) == name => scan.ready.push(HotFile {
                        name: file,
                        octets: directory::size(&status),
                        fingerprint,
                        marker,
                    }),
                    other => {
                        let reason = other.err().unwrap_or_else(|| NameError::not_text(&name));
                        let path = self.folder.path().join(&name);
                        scan.refused.push(RefusedFile { path, reason });
                    }
                }
            } else if finished.marker.is_none() {
                scan.unsettled += 1;
            }
        }
        Ok((scan, Seen(seen)))
    }

    /// The marker beside a file, if it was made since the file was written. An older one is of a file
    /// that was taken before a crash, and says nothing of this one.
    fn marker_of(
        &self,
        name: &OsStr,
        ending: &str,
        status: &Stat,
    ) -> Result<Option<OsString>, SpoolError> {
        let mut marker = name.to_os_string();
        marker.push(ending);
        let written = |it: &Stat| (it.st_mtime, it.st_mtime_nsec);
        let is_newer = |it: &Stat| directory::is_plain(it) && written(it) >= written(status);
        Ok(self.folder.status(&marker)?.filter(is_newer).map(|_| marker))
    }

    /// A marker without its file was left by a crash between taking the file and removing the marker.
    fn remove_if_stale(&self, marker: &OsStr, of: &OsStr) -> Result<(), SpoolError> {
        if self.folder.status(of)?.is_none()
            && let Some(name) = marker.to_str()
        {
            self.folder.remove(name)?;
        }
        Ok(())
    }

    fn take(&self, file: &HotFile) -> Result<TakenFile, SpoolError> {
        let name = file.name.as_str();
        let path = self.folder.file_path(name);
        match self.folder.status(name)? {
            None => return Err(SpoolError::Missing { path }),
            Some(status) if !directory::is_plain(&status) => {
                return Err(SpoolError::Irregular { path });
            }
            Some(status) if fingerprint(&status) != file.fingerprint => {
                return Err(SpoolError::Changed { path });
            }
            Some(_) => {}
        }
        let taken = TakenFile { payload: fresh_name(), name: file.name.clone() };
        self.folder.move_to(name, &self.taken, &taken.aside())?;
        self.taken.sync()?;
        if let Some(marker) = file.marker.as_ref().and_then(|marker| marker.to_str()) {
            self.folder.remove(marker)?;
        }
        self.folder.sync()?;
        Ok(taken)
    }
}

impl TakenFile {
    /// `<payload>.<name>`, so that the binding is as durable as the file.
    fn aside(&self) -> String {
        format!("{}.{}", self.payload, self.name)
    }

    fn from_aside(name: &str) -> Option<Self> {
        let (payload, name) = name.split_once('.')?;
        Some(Self { payload: payload.parse().ok()?, name: name.parse().ok()? })
    }
}

/// The file that a marker is of, if this is the name of one.
fn marked_by(name: &OsStr, ending: &str) -> Option<OsString> {
    let of = name.as_bytes().strip_suffix(ending.as_bytes()).filter(|of| !of.is_empty())?;
    Some(OsStr::from_bytes(of).to_os_string())
}

fn is_hidden_or_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

fn fingerprint(status: &Stat) -> Fingerprint {
    let nanoseconds = i64::try_from(status.st_mtime_nsec).unwrap_or(0);
    (directory::size(status), status.st_mtime, nanoseconds, status.st_ino)
}
