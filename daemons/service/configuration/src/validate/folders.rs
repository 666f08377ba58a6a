//! Hot folders: where a partner may have them, and what is sent from them.
//!
//! Who writes a `SeonPartner` need not have a right to anything else of the instance. So its folders lie
//! below its own place, or below a place that the instance allows by name: what came from partners,
//! the spool and other partners' places are never its own.

use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

use crds::{FolderFormat, SeonInstanceSpec, SeonPartnerSpec};
use domain::DatasetTemplate;
use oftp::{Format, OdetteId, RecordLength};

use super::{Checker, Reported};
use crate::{error::Problem, files::Glob, instance::Instance, partner::Folder};

/// Where each partner has its own place.
const OUTGOING: &str = "outgoing";

/// The folders that an instance lets its partners use beside their own places.
pub(super) fn allowed(
    check: &mut Checker<'_, '_>,
    spec: &SeonInstanceSpec,
    data: Option<&Path>,
) -> Option<Vec<PathBuf>> {
    let judged: Vec<Option<PathBuf>> = spec
        .send
        .allowed_folders
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let path = plain(text);
            let in_data = data.and_then(|data| path.strip_prefix(data).ok()).unwrap_or(&path);
            let holds_data = data.is_some_and(|data| data.starts_with(&path));
            if is_free(in_data) && !in_data.starts_with(OUTGOING) && !holds_data {
                return Some(path);
            }
            let problem = format!(
                "{text:?} is not a folder for partners' files; give an absolute one that does not \
                 hold the data directory, or one in the data directory that is not Seon's own, such \
                 as /srv/edi (outgoing/ and a partner's name is allowed to it as it is)"
            );
            check.value(&format!("spec.send.allowedFolders[{index}]"), problem);
            None
        })
        .collect();
    judged.into_iter().collect()
}

/// A partner's folders, each in a place that the partner has.
pub(super) fn validate(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    instance: Option<&Instance>,
) -> Option<Vec<Folder>> {
    let own = Path::new(OUTGOING).join(&check.document.name);
    let Some(folders) = &spec.folders else {
        return Some(vec![Folder {
            directory: own.clone(),
            within: own,
            pattern: Glob::new("*"),
            format: Format::Unstructured,
            priority: 0,
            settle: Duration::from_secs(5),
            marker: None,
            dataset_name: DatasetTemplate::default(),
            originator: None,
            destination: None,
        }]);
    };
    folders
        .iter()
        .enumerate()
        .map(|(index, folder)| {
            let field = format!("spec.folders[{index}]");
            let format = format(check, folder, &field);
            let settle =
                check.duration(&folder.settle, ["1s", "1h", "5s"], &format!("{field}.settle"));
            let marker = marker(check, folder, &field);
            let dataset_name = dataset_name(check, folder, &field);
            let originator = originator(check, folder, instance, &field);
            let destination =
                optional_odette_id(check, folder.destination.as_ref(), &field, "destination");
            let directory = plain(&folder.directory);
            let place = place(&directory, &own, instance);
            if let Err(problem) = &place {
                check.value(&format!("{field}.directory"), problem.clone());
            }
            let pattern = Glob::new(&folder.pattern);
            Some(Folder {
                within: place.ok()?,
                directory,
                pattern,
                format: format?,
                priority: folder.priority,
                settle: settle?,
                marker: marker.ok()?,
                dataset_name: dataset_name?,
                originator: originator.ok()?,
                destination: destination.ok()?,
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

fn marker(
    check: &mut Checker<'_, '_>,
    folder: &crds::Folder,
    field: &str,
) -> Result<Option<String>, Reported> {
    let Some(marker) = &folder.marker else { return Ok(None) };
    if marker.is_empty() || marker.contains(['/', '\0']) {
        let problem = format!(
            "{marker:?} is not the ending of a file's name; give one such as .done, or leave it out"
        );
        check.value(&format!("{field}.marker"), problem);
        return Err(Reported);
    }
    Ok(Some(marker.clone()))
}

fn dataset_name(
    check: &mut Checker<'_, '_>,
    folder: &crds::Folder,
    field: &str,
) -> Option<DatasetTemplate> {
    let Some(text) = &folder.dataset_name else { return Some(DatasetTemplate::default()) };
    let template = DatasetTemplate::parse(text);
    template
        .map_err(|why| check.value(&format!("{field}.datasetName"), format!("{text:?}: {why}")))
        .ok()
}

/// One of ours: a partner checks who sends to it.
fn originator(
    check: &mut Checker<'_, '_>,
    folder: &crds::Folder,
    instance: Option<&Instance>,
    field: &str,
) -> Result<Option<OdetteId>, Reported> {
    let originator = optional_odette_id(check, folder.originator.as_ref(), field, "originator")?;
    let identity = instance.map(|instance| &instance.identity);
    if let (Some(originator), Some(identity)) = (&originator, identity)
        && !identity.is_ours(originator)
    {
        let problem = format!(
            "{originator} is neither our Odette ID nor one of our stations; give {}, or add it to \
             spec.identity.stations of the SeonInstance",
            identity.odette_id
        );
        check.fail(&format!("{field}.originator"), Problem::Reference(problem));
        return Err(Reported);
    }
    Ok(originator)
}

fn optional_odette_id(
    check: &mut Checker<'_, '_>,
    text: Option<&String>,
    field: &str,
    name: &str,
) -> Result<Option<OdetteId>, Reported> {
    let Some(text) = text else { return Ok(None) };
    check.odette_id(text, &format!("{field}.{name}")).map(Some).ok_or(Reported)
}

fn format(check: &mut Checker<'_, '_>, folder: &crds::Folder, field: &str) -> Option<Format> {
    let record_length = match folder.record_length {
        Some(length) => {
            let length: u32 = check.number(length, &format!("{field}.recordLength"))?;
            Some(RecordLength::try_from(length).ok()?)
        }
        None => None,
    };
    let format = match (folder.format, record_length) {
        (FolderFormat::Unstructured, None) => Some(Format::Unstructured),
        (FolderFormat::Text, None) => Some(Format::Text),
        (FolderFormat::Fixed, Some(record_length)) => Some(Format::Fixed { record_length }),
        (FolderFormat::Variable, Some(maximum_record_length)) => {
            Some(Format::Variable { maximum_record_length })
        }
        _ => None,
    };
    if format.is_none() {
        let problem = match record_length {
            Some(_) => "recordLength belongs to the formats Fixed and Variable; remove it",
            None => "the formats Fixed and Variable need recordLength; add it",
        };
        check.fail(field, Problem::Conflict(problem.into()));
    }
    format
}

/// In which place a folder lies: the partner's own, or one that the instance allows; or what is wrong.
fn place(directory: &Path, own: &Path, instance: Option<&Instance>) -> Result<PathBuf, String> {
    // What is wrong with the instance is said there.
    let data = instance.map(|instance| instance.data_directory.as_path());
    let data = data.filter(|data| data.is_absolute());
    let in_data = data.and_then(|data| directory.strip_prefix(data).ok());
    let is_free = is_free(in_data.unwrap_or(directory));
    if is_free && in_data.unwrap_or(directory).starts_with(own) {
        return Ok(match (in_data, data) {
            (Some(_), Some(data)) => data.join(own),
            _ => own.to_path_buf(),
        });
    }
    let is_anothers = in_data.unwrap_or(directory).starts_with(OUTGOING);
    let (directory_shown, own) = (directory.display(), own.display());
    if !is_free || is_anothers {
        return Err(format!(
            "\"{directory_shown}\" is not a place for this partner's files; give {own}, or one below it"
        ));
    }
    let Some(instance) = instance else { return Ok(directory.to_path_buf()) };
    let allowed = instance.send.allowed_folders.iter().find(|place| directory.starts_with(place));
    allowed.cloned().ok_or_else(|| {
        format!(
            "\"{directory_shown}\" is not below {own}, which is this partner's place; give one \
             there, or let the SeonInstance allow it: send: {{allowedFolders: [{directory_shown}]}}"
        )
    })
}

/// `./a/` and `a` are one folder.
fn plain(text: &str) -> PathBuf {
    Path::new(text).components().filter(|component| *component != Component::CurDir).collect()
}

/// A path below the data directory that is not Seon's own, or an absolute one.
fn is_free(path: &Path) -> bool {
    const OWN: [&str; 4] = ["incoming", "run", "seon.db", "spool"];
    let mut first = None;
    for component in path.components() {
        match component {
            Component::ParentDir => return false,
            Component::Normal(name) if first.is_none() => first = Some(name),
            _ => {}
        }
    }
    let is_own = |name: &std::ffi::OsStr| OWN.iter().any(|own| name == *own);
    let has_nul = path.as_os_str().as_encoded_bytes().contains(&0);
    first.is_some_and(|name| path.is_absolute() || !is_own(name)) && !has_nul
}
