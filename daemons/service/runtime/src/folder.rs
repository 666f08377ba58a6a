//! An instance's folder: its manifests, the Secrets beside them, and whether they changed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use configuration::{ManifestError, SecretFolder, Sources};
use crds::names::{REVISION_FILE, SECRETS_DIRECTORY, SHARDS_FILE};

use crate::shards::Shards;

/// Kubernetes mounts files as links into a folder that this link names, and changes all of them at
/// once by renaming the link.
const MOUNTED: &str = "..data";

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// A file or the directory cannot be read.
    #[error("cannot read {path}: {error}; give the folder of the instance's YAML files with -c")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The directory holds no manifest.
    #[error("{0} holds no file *.yaml; give the folder of the instance's YAML files with -c")]
    Empty(PathBuf),
    /// The manifests name another instance than the one that this process works for.
    #[error(
        "the manifests name the instance {named}, but this process works for {is}; give each instance \
         a folder of its own, or, to rename it, stop all of its daemons and run: seon adopt"
    )]
    AnotherInstance {
        /// Whose process it is.
        is: String,
        /// Whom the manifests name.
        named: String,
    },
    /// What is mounted is of several revisions: the kubelet has not learnt of all of it yet.
    #[error(
        "of revision {revision} not all manifests are here yet ({}); they come within a minute or two, \
         else see the condition Ready of the SeonInstance for what the operator could not write",
        shards.join(", ")
    )]
    Incomplete {
        /// The one that is not whole.
        revision: String,
        /// The files that are not here, or are of another one.
        shards: Vec<String>,
    },
    /// The manifests are not valid: each error names file, line, field and cure.
    #[error("{}", lines(.0))]
    Invalid(Vec<ManifestError>),
}

impl ConfigurationError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "E-CONFIG-UNREADABLE",
            Self::Empty(_) => "E-CONFIG-EMPTY",
            Self::AnotherInstance { .. } => "E-INSTANCE-NAME",
            Self::Incomplete { .. } => "E-CONFIG-INCOMPLETE",
            Self::Invalid(_) => "E-CONFIG-INVALID",
        }
    }

    /// One line for each thing that is wrong.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

fn lines(errors: &[ManifestError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What the files of a folder were when they were looked at: of two equal ones only one need be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Where they really lie.
    root: PathBuf,
    /// Whether they only ever change all together.
    is_mounted: bool,
    files: Vec<(PathBuf, Option<Stamp>)>,
}

/// What changes with a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    octets: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

/// Reads manifests, Secrets and revision as they are at one moment.
pub(crate) fn read(directory: &Path) -> Result<Sources, ConfigurationError> {
    /// Files that vanish again and again are no update.
    const ATTEMPTS: u32 = 3;
    let mut attempt = 1;
    loop {
        let root = root(directory);
        let folder = Folder { shown: directory, root: &root };
        match folder.read() {
            // What was replaced while it was read is read again as a whole.
            Err(_) if attempt < ATTEMPTS && self::root(directory) != root => attempt += 1,
            result => return result,
        }
    }
}

/// The revision that the files say they are; for messages, so without the reason if there is none.
pub(crate) fn revision(directory: &Path) -> Option<String> {
    let root = root(directory);
    Folder { shown: directory, root: &root }.line(REVISION_FILE).ok().flatten()
}

/// The folder's present state, without reading it.
pub(crate) fn fingerprint(directory: &Path) -> Fingerprint {
    let root = root(directory);
    // A folder that cannot be read has a fingerprint too: it changes when it can.
    let files = files(&root).unwrap_or_default();
    let stamped = files.into_iter().map(|path| {
        let stamp = stamp(&path).ok();
        (path, stamp)
    });
    Fingerprint { is_mounted: root != directory, files: stamped.collect(), root }
}

impl Fingerprint {
    /// Whether what was found now may be read at once: no file of it is just being written.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_mounted
    }
}

/// Followed once, so that everything read belongs together.
fn root(directory: &Path) -> PathBuf {
    std::fs::canonicalize(directory.join(MOUNTED)).unwrap_or_else(|_| directory.to_owned())
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let status = std::fs::metadata(path)?;
    Ok(Stamp {
        inode: status.ino(),
        octets: status.len(),
        modified: status.modified().ok(),
        changed: (status.ctime(), status.ctime_nsec()),
    })
}

/// Every file that is read, in the order of their names.
fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = manifests(root)?;
    files.extend([REVISION_FILE, SHARDS_FILE].map(|name| root.join(name)));
    for secret in secrets(root)? {
        files.extend(keys(&secret)?);
    }
    Ok(files)
}

fn manifests(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = entries(root)?;
    found.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        !name(path).starts_with('.') && matches!(extension, Some("yaml" | "yml"))
    });
    Ok(found)
}

/// The folders of the Secrets; none when there is no folder of them.
fn secrets(root: &Path) -> io::Result<Vec<PathBuf>> {
    match entries(&root.join(SECRETS_DIRECTORY)) {
        Ok(mut found) => {
            found.retain(|path| !name(path).starts_with('.'));
            Ok(found)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The files of a Secret. A key may begin with a dot, but not with two.
fn keys(secret: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = entries(secret)?;
    found.retain(|path| !name(path).starts_with(".."));
    Ok(found)
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)?;
    let mut found: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// A folder as it is at one moment, and as messages show it.
struct Folder<'a> {
    shown: &'a Path,
    root: &'a Path,
}

impl Folder<'_> {
    fn read(&self) -> Result<Sources, ConfigurationError> {
        let mut manifests = manifests(self.root).map_err(self.unreadable(self.root))?;
        let revision = self.line(REVISION_FILE)?;
        let list = self.optional(SHARDS_FILE)?.unwrap_or_default();
        // Only what was rendered for a pod has shards; a person's files may have any name.
        let shards = revision.as_ref().map(|_| Shards::listed(&list));
        if let Some(shards) = &shards {
            manifests.retain(|path| !shards.is_stray(&name(path)));
        }
        let texts = manifests.iter().map(|path| Ok((path, self.text(path)?)));
        let texts: Vec<_> = texts.collect::<Result<_, _>>()?;
        if let (Some(shards), Some(revision)) = (shards, &revision) {
            is_whole(revision, &shards, &texts)?;
        }
        let secrets =
            secrets(self.root).map_err(self.unreadable(&self.root.join(SECRETS_DIRECTORY)))?;
        Ok(Sources {
            manifests: texts
                .into_iter()
                .map(|(path, text)| (self.shown(path).display().to_string(), text))
                .collect(),
            secrets: secrets.iter().map(|path| self.secret(path)).collect::<Result<_, _>>()?,
            revision,
        })
    }

    fn text(&self, path: &Path) -> Result<String, ConfigurationError> {
        std::fs::read_to_string(path).map_err(self.unreadable(path))
    }

    fn secret(&self, path: &Path) -> Result<SecretFolder, ConfigurationError> {
        let keys = keys(path).map_err(self.unreadable(path))?;
        let values = keys.iter().map(|key| {
            let octets = std::fs::read(key).map_err(self.unreadable(key))?;
            Ok((name(key).into_owned(), octets))
        });
        let values: Vec<_> = values.collect::<Result<_, _>>()?;
        Ok(SecretFolder::new(self.shown(path).display().to_string(), name(path), values))
    }

    /// What stands in a file of one line, if there is one.
    fn line(&self, name: &str) -> Result<Option<String>, ConfigurationError> {
        let text = self.optional(name)?;
        Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    fn optional(&self, name: &str) -> Result<Option<String>, ConfigurationError> {
        let path = self.root.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(&path)(error)),
        }
    }

    /// The path as the user knows it, without what Kubernetes puts in between.
    fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root).map_or_else(|_| path.to_owned(), |rest| self.shown.join(rest))
    }

    fn unreadable(&self, path: &Path) -> impl FnOnce(io::Error) -> ConfigurationError {
        let path = self.shown(path);
        |error| ConfigurationError::Unreadable { path, error }
    }
}

fn is_whole(
    revision: &str,
    shards: &Shards<'_>,
    texts: &[(&PathBuf, String)],
) -> Result<(), ConfigurationError> {
    let found: Vec<_> = texts.iter().map(|(path, text)| (name(path), text)).collect();
    let found = found.iter().map(|(name, text)| (name.as_ref(), text.as_str()));
    let shards = shards.missing(found);
    if shards.is_empty() {
        return Ok(());
    }
    Err(ConfigurationError::Incomplete { revision: revision.to_owned(), shards })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use support::TemporaryDirectory;

    use super::*;

    /// A folder as the kubelet writes it: a set of files of its own, and links to it.
    fn mount(directory: &Path, set: &str, files: &[(&str, &str)]) {
        let set_directory = directory.join(set);
        for (path, text) in files {
            let file = set_directory.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
            let first = Path::new(path).components().next().unwrap();
            let _ = symlink(Path::new(MOUNTED).join(first), directory.join(first));
        }
        let new = directory.join("..data_tmp");
        symlink(set, &new).unwrap();
        fs::rename(new, directory.join(MOUNTED)).unwrap();
    }

    fn names(sources: &Sources) -> Vec<&str> {
        sources.manifests.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn mounted_files_are_read_once_under_the_names_that_the_user_knows() {
        let directory = TemporaryDirectory::new();
        let files = [("a.yaml", "a"), ("revision", "r1\n"), ("secrets/own-tls/tls.crt", "x")];
        mount(directory.path(), "..2026_1", &files);
        let sources = read(directory.path()).unwrap();
        assert_eq!(names(&sources), [directory.join("a.yaml").display().to_string()]);
        assert_eq!(sources.revision.as_deref(), Some("r1"));
        assert_eq!(sources.secrets.len(), 1);
    }

    #[test]
    fn a_set_that_is_swapped_has_another_fingerprint_and_is_whole() {
        let directory = TemporaryDirectory::new();
        mount(directory.path(), "..2026_1", &[("a.yaml", "a")]);
        let first = fingerprint(directory.path());
        assert_eq!(first, fingerprint(directory.path()));
        mount(directory.path(), "..2026_2", &[("a.yaml", "a")]);
        let second = fingerprint(directory.path());
        assert_ne!(first, second);
        assert!(second.is_whole());
    }

    #[test]
    fn a_set_of_several_revisions_is_not_read_and_a_persons_files_may_have_any_name() {
        // printf b | sha256sum
        let list =
            "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  shard-07.yaml\n";
        let directory = TemporaryDirectory::new();
        let first = [("a.yaml", "a"), ("revision", "r1"), ("shards", list)];
        mount(directory.path(), "..1", &[&first[..], &[("shard-07.yaml", "older")]].concat());
        let error = read(directory.path()).err().unwrap();
        assert_eq!(error.code(), "E-CONFIG-INCOMPLETE");
        assert_eq!(
            error.to_string(),
            "of revision r1 not all manifests are here yet (shard-07.yaml); they come within a minute \
             or two, else see the condition Ready of the SeonInstance for what the operator could not \
             write"
        );
        let whole = [("shard-07.yaml", "b"), ("shard-08.yaml", "of another revision")];
        mount(directory.path(), "..2", &[&first[..], &whole].concat());
        assert_eq!(names(&read(directory.path()).unwrap()).len(), 2);

        let persons = TemporaryDirectory::new();
        fs::write(persons.join("shard-07.yaml"), "mine").unwrap();
        assert_eq!(names(&read(persons.path()).unwrap()).len(), 1);
    }

    #[test]
    fn every_file_that_is_read_is_part_of_the_fingerprint_and_no_other() {
        let directory = TemporaryDirectory::new();
        let write = |path: &str| {
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        let mut last = fingerprint(directory.path());
        assert!(!last.is_whole());
        for path in ["a.yaml", "b.yml", "revision", "shards", "secrets/s/key", "secrets/s/.dotted"]
        {
            write(path);
            let now = fingerprint(directory.path());
            assert_ne!(last, now, "{path}");
            last = now;
        }
        fs::write(directory.join("a.yaml"), "longer").unwrap();
        assert_ne!(last, fingerprint(directory.path()));
        last = fingerprint(directory.path());
        for path in ["notes.txt", ".hidden.yaml", "secrets/s/..old", "secrets/.hidden/key"] {
            write(path);
            assert_eq!(last, fingerprint(directory.path()), "{path}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_has_a_fingerprint_until_it_is() {
        let directory = TemporaryDirectory::new();
        let later = directory.join("later");
        let before = fingerprint(&later);
        assert_eq!(before, fingerprint(&later));
        fs::create_dir(&later).unwrap();
        fs::write(later.join("a.yaml"), "a").unwrap();
        assert_ne!(before, fingerprint(&later));
    }
}
