//! How files are named on the wire that have no name of a person's choice: a fixed name, or a
//! template with places for what the file's own name and the moment say.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use oftp::DatasetName;

use crate::virtual_file;

/// A template for dataset names, such as `DELFOR`, `{stem}` or `BOLT.{date}{time}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    File,
    Stem,
    Extension,
    Date,
    Time,
}

const PLACES: [(&str, Place); 5] = [
    ("file", Place::File),
    ("stem", Place::Stem),
    ("extension", Place::Extension),
    ("date", Place::Date),
    ("time", Place::Time),
];

impl Default for DatasetTemplate {
    /// The file's own name.
    fn default() -> Self {
        Self { text: "{file}".to_owned(), parts: vec![Part::Place(Place::File)] }
    }
}

impl DatasetTemplate {
    /// Reads a template. The error continues a sentence about it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            parts.extend(fixed(&rest[..open])?);
            let close = rest[open..].find('}').filter(|&close| close > 0);
            let name = close.map(|close| &rest[open + 1..open + close]).ok_or_else(|| {
                "a brace belongs to a pair around the name of a place; close it".to_owned()
            })?;
            let place = PLACES.into_iter().find(|(known, _)| *known == name).ok_or_else(|| {
                let known = PLACES.map(|(known, _)| format!("{{{known}}}")).join(", ");
                format!("{{{name}}} is not known; known are {known}")
            })?;
            parts.push(Part::Place(place.1));
            rest = &rest[open + name.len() + 2..];
        }
        parts.extend(fixed(rest)?);
        let template = Self { text: text.to_owned(), parts };
        match &*template.parts {
            [] => Err("it is empty; give a name such as DELFOR, or leave it out".to_owned()),
            // What is fixed is judged now, and not file by file.
            [Part::Text(text)] if text.parse::<DatasetName>().is_err() => {
                Err("a dataset name has 1 to 26 characters; shorten it".to_owned())
            }
            _ => Ok(template),
        }
    }

    /// The dataset name of a file that is queued at that moment (UTC). What the file's name has and the
    /// RFC's set has not becomes a hyphen, as in [`virtual_file::dataset_name`]. A name that is too
    /// long is refused rather than cut, since two files could become one name.
    pub fn name(&self, file: &Path, now: Timestamp) -> Result<DatasetName, String> {
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| virtual_file::in_the_odette_set(&part.to_string_lossy()))
                .unwrap_or_default()
        };
        let now = now.to_zoned(TimeZone::UTC);
        let filled: String = self
            .parts
            .iter()
            .map(|it| match it {
                Part::Text(text) => text.clone(),
                Part::Place(Place::File) => part(file.file_name()),
                Part::Place(Place::Stem) => part(file.file_stem()),
                Part::Place(Place::Extension) => part(file.extension()),
                Part::Place(Place::Date) => now.strftime("%Y%m%d").to_string(),
                Part::Place(Place::Time) => now.strftime("%H%M%S").to_string(),
            })
            .collect();
        filled.parse().map_err(|_| {
            format!(
                "{}: \"{filled}\" is no dataset name of 1 to 26 characters; give the file a shorter \
                 name, or the folder another datasetName than {}",
                file.display(),
                self.text
            )
        })
    }
}

/// A part that stands as it is.
fn fixed(text: &str) -> Result<Option<Part>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let fitting = virtual_file::in_the_odette_set(text);
    if fitting == text {
        Ok(Some(Part::Text(fitting)))
    } else {
        Err(format!("a dataset name consists of A-Z, 0-9 and / - . & ( ); give {fitting}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(template: &str, file: &str) -> Result<String, String> {
        let now = "2026-11-20T23:59:58.999+01:00".parse().unwrap();
        let template = DatasetTemplate::parse(template).unwrap();
        template.name(Path::new(file), now).map(|name| name.to_string())
    }

    #[test]
    fn a_template_is_filled_by_the_files_name_and_the_moment_in_utc() {
        for (template, name) in [
            ("DELFOR", "DELFOR"),
            ("{file}", "PLAN-7.DAT"),
            ("{stem}", "PLAN-7"),
            ("{extension}.{stem}", "DAT.PLAN-7"),
            ("B.{date}.{time}", "B.20261120.225958"),
        ] {
            assert_eq!(named(template, "/out/plan 7.dat").unwrap(), name, "{template}");
        }
        assert_eq!(named("X{extension}", "plan").unwrap(), "X");
        assert_eq!(DatasetTemplate::default(), DatasetTemplate::parse("{file}").unwrap());
    }

    #[test]
    fn a_name_that_comes_out_too_long_or_empty_is_refused_with_the_template() {
        for (template, file) in [("{stem}.{date}", "A-NAME-OF-20-LETTERS"), ("{extension}", "plan")]
        {
            let error = named(template, file).unwrap_err();
            assert!(error.contains(&format!("datasetName than {template}")), "{error}");
        }
    }

    #[test]
    fn a_template_that_can_never_be_a_name_is_refused() {
        for (template, why) in [
            ("", "it is empty"),
            ("delfor", "give DELFOR"),
            ("DEL FOR", "give DEL-FOR"),
            ("A-NAME-OF-TWENTY-SEVEN-CHARS", "1 to 26"),
            (
                "{name}",
                "{name} is not known; known are {file}, {stem}, {extension}, {date}, {time}",
            ),
            ("{stem", "close it"),
            ("stem}", "give STEM"),
            ("STEM}", "close it"),
        ] {
            let error = DatasetTemplate::parse(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
    }
}
