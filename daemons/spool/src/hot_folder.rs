//! A folder whose files are sent: seen, taken, queued, settled, each step safe to do again.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Stat};

use crate::directory::{self, Directory};
use crate::layout::SHARED;
use crate::{FileName, NameError, Payload, PayloadName, Spool, SpoolError, TakeIn};

/// The hot folder of one partner.
///
/// 1. [`HotFolder::scan`] finds files that their writer has finished.
/// 2. [`HotFolder::take`] moves one aside and binds it to a payload name: from here it is ours.
/// 3. [`HotFolder::take_in`] makes the payload, and the caller queues it under that name.
/// 4. [`HotFolder::settle`] removes what was moved aside.
///
/// After a crash [`HotFolder::taken`] gives what came as far as step 2: settle it if the queue
/// knows its payload, else go on with step 3. So every file is queued exactly once.
#[derive(Debug)]
pub struct HotFolder {
    spool: Spool,
    folder: Directory,
    taken: Directory,
    seen: HashMap<OsString, Fingerprint>,
}

/// What a writer changes.
type Fingerprint = (u64, i64, i64, u64);

/// A file that did not change between two scans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotFile {
    /// Its name, as a person gave it.
    pub name: FileName,
    /// Its size.
    pub octets: u64,
    fingerprint: Fingerprint,
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
}

const TAKEN: &str = ".taken";
const REFUSED: &str = ".refused";

/// Endings under which programs write a file that is not finished.
const UNFINISHED: [&str; 4] = [".part", ".tmp", ".filepart", ".partial"];

impl Spool {
    /// Opens a partner's hot folder, and makes it if it is not there.
    pub fn hot_folder(&self, partner: &FileName) -> Result<HotFolder, SpoolError> {
        self.watch(self.0.outgoing.directory_made(partner.as_str(), SHARED)?)
    }

    /// Opens a hot folder anywhere on the data directory's file system, and makes it if it is not
    /// there. `directory` is an administrator's setting, so links on the way to it are followed.
    pub fn hot_folder_at(&self, directory: &Path) -> Result<HotFolder, SpoolError> {
        std::fs::create_dir_all(directory)
            .map_err(|error| SpoolError::directory("make", directory, error))?;
        self.watch(Directory::open(directory)?)
    }

    fn watch(&self, folder: Directory) -> Result<HotFolder, SpoolError> {
        folder.check_writable()?;
        folder.check_same_file_system(&self.0.outgoing)?;
        let taken = folder.directory_made(TAKEN, 0o700)?;
        Ok(HotFolder { spool: self.clone(), folder, taken, seen: HashMap::new() })
    }
}

impl HotFolder {
    /// Where people put files.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Looks for files that are plain, not hidden, not named as unfinished, and unchanged since
    /// the last scan. A file is given again at every scan until it is taken.
    pub fn scan(&mut self) -> Result<Scan, SpoolError> {
        let mut scan = Scan::default();
        let mut seen = HashMap::new();
        for name in self.folder.names()? {
            if is_hidden_or_unfinished(&name) {
                continue;
            }
            // Gone again, or a directory or link: nothing to send.
            let Some(status) = self.folder.status(&name)?.filter(directory::is_plain) else {
                continue;
            };
            let fingerprint = fingerprint(&status);
            if self.seen.get(&name) == Some(&fingerprint) {
                match name.to_string_lossy().parse::<FileName>() {
                    // A lossy name would be another file's.
                    Ok(file) if OsStr::new(file.as_str()) == name => scan.ready.push(HotFile {
                        name: file,
                        octets: directory::size(&status),
                        fingerprint,
                    }),
                    other => {
                        let reason = other.err().unwrap_or_else(|| NameError::not_text(&name));
                        let path = self.folder.path().join(&name);
                        scan.refused.push(RefusedFile { path, reason });
                    }
                }
            }
            seen.insert(name, fingerprint);
        }
        self.seen = seen;
        Ok(scan)
    }

    /// Moves a file aside under a fresh payload name.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Changed`] if it was written since the scan: it comes again in a later one.
    pub fn take(&self, file: &HotFile) -> Result<TakenFile, SpoolError> {
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
        let taken = TakenFile { payload: PayloadName::fresh(), name: file.name.clone() };
        self.folder.move_to(name, &self.taken, &taken.aside())?;
        self.taken.sync()?;
        self.folder.sync()?;
        Ok(taken)
    }

    /// What was taken and not settled, oldest first.
    pub fn taken(&self) -> Result<Vec<TakenFile>, SpoolError> {
        let names = self.taken.names()?;
        Ok(names.iter().filter_map(|name| TakenFile::from_aside(name.to_str()?)).collect())
    }

    /// Makes the payload of a taken file; done again, it gives the same one.
    pub fn take_in(&self, file: &TakenFile) -> Result<Payload, SpoolError> {
        let name = file.aside();
        let path = self.taken.file_path(&name);
        let mut source = self.taken.open_file(&name, OFlags::RDONLY)?;
        self.spool.take_in_file(&file.payload, &mut source, &path, TakeIn::Move)
    }

    /// Removes what was moved aside, after its payload is queued.
    pub fn settle(&self, file: &TakenFile) -> Result<(), SpoolError> {
        self.taken.remove(&file.aside())?;
        self.taken.sync()
    }

    /// Puts a taken file that cannot be queued where a person finds it, in `.refused`; returns
    /// its path. Its payload goes, if there is one.
    pub fn refuse(&self, file: &TakenFile) -> Result<PathBuf, SpoolError> {
        let refused = self.folder.directory_made(REFUSED, SHARED)?;
        let name = file.aside();
        self.taken.move_to(&name, &refused, &name)?;
        refused.sync()?;
        self.taken.sync()?;
        self.spool.remove_payload(&file.payload)?;
        Ok(refused.file_path(&name))
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

fn is_hidden_or_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

fn fingerprint(status: &Stat) -> Fingerprint {
    let nanoseconds = i64::try_from(status.st_mtime_nsec).unwrap_or(0);
    (directory::size(status), status.st_mtime, nanoseconds, status.st_ino)
}
