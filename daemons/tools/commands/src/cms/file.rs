//! Files outside the spool: read chunk by chunk, and written beside their place.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use rustix::io::Errno;

use crate::Error;
use crate::error::blocking;

/// Whether more of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Chunk,
    Nothing,
}

/// A file that is read. Every method blocks.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(cannot_read(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// The next chunk; empty at the end.
    pub(super) fn next(&mut self, chunk: &mut Vec<u8>) -> Result<(), Error> {
        chunk.clear();
        chunk.reserve(spool::CHUNK);
        let read = (&mut self.file).take(spool::CHUNK as u64).read_to_end(chunk);
        read.map(drop).map_err(cannot_read(&self.path))
    }
}

fn cannot_read(path: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()))
}

/// Gives a file to `take` chunk by chunk, where nobody else waits. Whoever drops this in between
/// ends it after the chunk at hand.
pub(super) async fn read<T: Send + 'static>(
    path: &Path,
    mut state: T,
    take: fn(&mut T, &[u8]) -> Result<Next, Error>,
) -> Result<T, Error> {
    let path = path.to_owned();
    let mut source = blocking(move || Source::open(&path)).await?;
    let mut chunk = Vec::new();
    loop {
        let next;
        (state, source, chunk, next) = blocking(move || {
            source.next(&mut chunk)?;
            let next = if chunk.is_empty() { Next::Nothing } else { take(&mut state, &chunk)? };
            Ok((state, source, chunk, next))
        })
        .await?;
        if next == Next::Nothing {
            return Ok(state);
        }
    }
}

/// A file that is written beside its place, and takes it when it is whole, instead of whatever is
/// there. Until then it has no name where the file system can do that, so that it ends with the
/// process, however that ends. Every method blocks.
#[derive(Debug)]
pub(super) struct Beside {
    file: File,
    place: PathBuf,
    folder: PathBuf,
    /// Its name until it is in place; `None` as long as it needs none.
    name: Option<Name>,
    octets: u64,
}

impl Beside {
    pub(super) fn new(place: &Path) -> Result<Self, Error> {
        if place.file_name().is_none() || place.is_dir() {
            let place = place.display();
            return Err(Error::Invalid(format!("{place} is no file's name; give one to write to")));
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let (file, name) = match create(&folder, OFlags::TMPFILE) {
            Ok(file) => (file, None),
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
                let name = Name::fresh(&folder);
                let file = create(&name.0, OFlags::CREATE | OFlags::EXCL);
                (file.map_err(cannot_write(place))?, Some(name))
            }
            Err(error) => return Err(cannot_write(place)(error)),
        };
        Ok(Self { file, place: place.to_owned(), folder, name, octets: 0 })
    }

    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.file.write_all(octets).map_err(cannot_write(&self.place))?;
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Puts it in its place, whole and durable; its octets.
    pub(super) fn place(self) -> Result<u64, Error> {
        self.put().map_err(cannot_write(&self.place))?;
        Ok(self.octets)
    }

    fn put(&self) -> io::Result<()> {
        self.file.sync_all()?;
        let linked;
        let name = if let Some(name) = &self.name {
            name
        } else {
            linked = Name::fresh(&self.folder);
            let open = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            linkat(CWD, open, CWD, &linked.0, AtFlags::SYMLINK_FOLLOW)?;
            &linked
        };
        fs::rename(&name.0, &self.place)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// A file's name for a while; whoever drops it removes what still has it.
#[derive(Debug)]
struct Name(PathBuf);

impl Name {
    fn fresh(folder: &Path) -> Self {
        Self(folder.join(format!(".seon-{}", ambient::fresh())))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // There is nobody to tell; what stays says by its name whose it is.
        let _ = fs::remove_file(&self.0);
    }
}

/// As delivered files have it: for the owner and the group.
fn create(path: &Path, how: OFlags) -> Result<File, Errno> {
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    open(path, OFlags::WRONLY | OFlags::CLOEXEC | how, mode).map(File::from)
}

fn cannot_write<E: Into<io::Error>>(place: &Path) -> impl FnOnce(E) -> Error {
    let error = Error::io(format!("cannot write {}", place.display()));
    move |source| error(source.into())
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;

    fn names(folder: &TemporaryDirectory) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_takes_its_place_whole_and_instead_of_what_was_there() {
        let folder = TemporaryDirectory::new();
        let place = folder.join("ORDER");
        fs::write(&place, "before").unwrap();
        let mut beside = Beside::new(&place).unwrap();
        beside.write(b"half").unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"before");
        beside.write(b" and whole").unwrap();
        assert_eq!(beside.place().unwrap(), 14);
        assert_eq!(fs::read(&place).unwrap(), b"half and whole");
        assert_eq!(names(&folder), ["ORDER"]);
    }

    #[test]
    fn of_a_file_that_is_given_up_nothing_is_left() {
        let folder = TemporaryDirectory::new();
        let mut beside = Beside::new(&folder.join("ORDER")).unwrap();
        beside.write(b"half").unwrap();
        drop(beside);
        assert_eq!(names(&folder), [""; 0]);
        // Nor where it needs a name at once.
        let mut beside = Beside::new(&folder.join("ORDER")).unwrap();
        let name = Name::fresh(folder.path());
        beside.file = create(&name.0, OFlags::CREATE | OFlags::EXCL).unwrap();
        beside.name = Some(name);
        assert_eq!(names(&folder).len(), 1);
        drop(beside);
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn what_cannot_be_a_file_is_refused_before_any_work() {
        let folder = TemporaryDirectory::new();
        for place in [folder.path(), Path::new("/"), Path::new("")] {
            let error = Beside::new(place).unwrap_err();
            assert_eq!(error.code(), "E-USAGE", "{}: {error}", place.display());
        }
        let error = Beside::new(&folder.join("none/ORDER")).unwrap_err();
        assert_eq!(error.code(), "E-IO", "{error}");
    }

    #[tokio::test]
    async fn a_file_is_read_in_chunks_until_no_more_is_wanted() {
        let folder = TemporaryDirectory::new();
        let path = folder.join("LARGE");
        fs::write(&path, vec![7; spool::CHUNK * 2 + 1]).unwrap();
        let all = read(&path, Vec::new(), |lengths, chunk| {
            lengths.push(chunk.len());
            Ok(Next::Chunk)
        });
        assert_eq!(all.await.unwrap(), [spool::CHUNK, spool::CHUNK, 1]);
        let one = read(&path, 0, |count, _| {
            *count += 1;
            Ok(Next::Nothing)
        });
        assert_eq!(one.await.unwrap(), 1);
        let error = read(folder.path(), (), |(), _| Ok(Next::Chunk)).await.unwrap_err();
        assert_eq!(error.code(), "E-IO", "{error}");
    }
}
