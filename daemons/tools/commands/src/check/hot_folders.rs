//! Files that lie in hot folders and are not taken.

use std::fs;
use std::path::Path;
use std::time::Duration;

use configuration::Folder;
use domain::DatasetTemplate;
use jiff::Timestamp;
use spool::HotFolder;

use crate::Instance;
use crate::human;
use crate::report::Check;

/// Whoever lies there longer than it takes to settle and this, and is to be sent, is stuck.
const LONG: Duration = Duration::from_mins(10);

/// Each folder of each partner that has something to say; one line if none has.
pub(super) fn examine(instance: &Instance, now: Timestamp) -> Vec<Check> {
    let data = instance.data();
    let mut checks = Vec::new();
    let partners = instance.configuration.partners();
    for folder in partners.filter(|partner| !partner.suspend).flat_map(|partner| &partner.folders) {
        examine_folder(&data.join(&folder.directory), folder, now, &mut checks);
    }
    if checks.is_empty() {
        checks.push(Check::good("no file is stuck in a hot folder"));
    }
    checks
}

fn examine_folder(path: &Path, folder: &Folder, now: Timestamp, checks: &mut Vec<Check>) {
    let is_sent = |name: &str| !name.starts_with('.') && folder.pattern.matches(name);
    let place = path.display();
    match left(path, now, folder.settle.saturating_add(LONG), is_sent) {
        Err(error) => checks.push(
            Check::bad(format!("{place} cannot be read"), "give the user that Seon runs as access")
                .because(error),
        ),
        Ok(None) => {}
        Ok(Some(Left { number, oldest, name })) => checks.push(Check::warning(
            format!(
                "{} in {place} not taken, the oldest, {name}, for {}",
                human::count(number, "file", "files"),
                human::age(oldest)
            ),
            match &folder.marker {
                Some(marker) => format!("its writer makes {name}{marker} when it is finished"),
                None => {
                    "see why: the log of seonsqd; a name that ends in .part or .tmp is taken for \
                         unfinished"
                        .to_owned()
                }
            },
        )),
    }
    if let Ok(Some(Left { number, .. })) = left(&HotFolder::aside(path), now, LONG, |_| true) {
        let what = human::count(number, "file", "files");
        checks.push(Check::bad(
            format!("{what} of {place} taken and not queued"),
            "see why: the log of seonsqd",
        ));
    }
    let refused = HotFolder::refused(path);
    if let Ok(found) = fs::read_dir(&refused) {
        let names = found.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
        checks.extend(refusal(&refused, names.collect(), &folder.dataset_name, now));
    }
}

/// Files that cannot be sent as they are, and why the first of them cannot.
fn refusal(
    folder: &Path,
    mut names: Vec<String>,
    template: &DatasetTemplate,
    now: Timestamp,
) -> Option<Check> {
    names.sort();
    let first = names.first()?;
    // Before it stands the name that its payload was to have.
    let name = first.split_once('.').map_or(first.as_str(), |(_, name)| name);
    let count = human::count(names.len() as u64, "file was", "files were");
    let found = format!("{count} refused, in {}, the first {name}", folder.display());
    Some(match template.name(Path::new(name), now) {
        Err(reason) => Check::warning(found, "rename it, and put it into the folder again")
            .because_of(&reason, "E-QUEUE-NAME"),
        Ok(_) => Check {
            code: Some("E-QUEUE-FORGOTTEN".to_owned()),
            ..Check::warning(found, "if the partner does not have it, put it into the folder again")
        },
    })
}

/// Files that have lain somewhere for too long.
struct Left {
    number: u64,
    oldest: Duration,
    /// The oldest one's.
    name: String,
}

fn left(
    folder: &Path,
    now: Timestamp,
    too_long: Duration,
    is_sent: impl Fn(&str) -> bool,
) -> std::io::Result<Option<Left>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // A folder is made when it is first looked at.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut left: Option<Left> = None;
    for entry in entries.flatten() {
        let Ok(status) = entry.metadata() else { continue };
        let changed = status.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
        let age = changed.map_or(Duration::ZERO, |at| human::elapsed(at, now));
        let name = entry.file_name().to_string_lossy().into_owned();
        if status.is_file() && age > too_long && is_sent(&name) {
            left = Some(match left {
                Some(Left { number, oldest, name }) if oldest >= age => {
                    Left { number: number + 1, oldest, name }
                }
                before => Left { number: before.map_or(1, |it| it.number + 1), oldest: age, name },
            });
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;

    #[test]
    fn a_file_is_stuck_that_is_to_be_sent_and_has_lain_there_for_too_long() {
        let folder = TemporaryDirectory::new();
        for name in ["ORDER.DAT", "PLAN.DAT", ".hidden", "README.txt"] {
            fs::write(folder.join(name), "content").unwrap();
        }
        fs::create_dir(folder.join("directory.DAT")).unwrap();
        let is_sent = |name: &str| name.contains(".DAT");
        let now =
            Timestamp::try_from(fs::metadata(folder.join("PLAN.DAT")).unwrap().modified().unwrap())
                .unwrap();
        assert!(
            left(folder.path(), now, LONG, is_sent).unwrap().is_none(),
            "they may be taken yet"
        );
        let found =
            left(folder.path(), now + Duration::from_hours(2), LONG, is_sent).unwrap().unwrap();
        assert_eq!((found.number, found.oldest.as_secs() / 3600), (2, 2));
        assert!(left(&folder.join("none"), now, LONG, is_sent).unwrap().is_none());
    }

    #[test]
    fn a_name_that_cannot_be_sent_is_named_with_the_reason() {
        let names = |name: &str| vec![format!("0198a1b2-0000-7000-8000-000000000000.{name}")];
        let long = "A-NAME-OF-MORE-THAN-26-LETTERS.DAT";
        let refusal = |names| {
            let template = DatasetTemplate::default();
            refusal(Path::new("out/.refused"), names, &template, Timestamp::UNIX_EPOCH)
        };
        let check = refusal(names(long)).unwrap();
        assert!(check.description.ends_with(&format!("the first {long}")), "{check:?}");
        assert_eq!(check.code.as_deref(), Some("E-QUEUE-NAME"));
        let check = refusal(names("PLAN.DAT")).unwrap();
        assert_eq!(check.code.as_deref(), Some("E-QUEUE-FORGOTTEN"));
        assert_eq!(refusal(Vec::new()), None);
    }
}
