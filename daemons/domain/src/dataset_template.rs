//! How files are named on the wire that have no name of a person's choice: a fixed name, or a
//! template with places for what the file's own name and the moment say.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use oftp::DatasetName;

use crate::template::{Template, places};
use crate::virtual_file;

/// A template for dataset names, such as `DELFOR`, `{stem}` or `BOLT.{date}{time}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetTemplate {
    text: String,
    template: Template<Place>,
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
        let text = "{file}".to_owned();
        let template = Template::parse(&text, &PLACES);
        let template = template.unwrap_or_else(|_| unreachable!("{text} is a place that is known"));
        Self { text, template }
    }
}

impl DatasetTemplate {
    /// Reads a template. The error continues a sentence about it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty; give a name such as DELFOR, or leave it out".to_owned());
        }
        let template = Template::parse(text, &PLACES)
            .map_err(|place| format!("{place} is not known; known are {}", places(&PLACES)))?;
        for fixed in template.fixed() {
            let fitting = virtual_file::in_the_odette_set(fixed);
            if fitting != fixed {
                let set = "a dataset name consists of A-Z, 0-9 and / - . & ( )";
                return Err(format!("{set}; give {fitting}"));
            }
        }
        // What is fixed is judged now, and not file by file.
        if template.is_fixed() && text.parse::<DatasetName>().is_err() {
            return Err("a dataset name has 1 to 26 characters; shorten it".to_owned());
        }
        Ok(Self { text: text.to_owned(), template })
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
        let filled = self.template.fill(|place| match place {
            Place::File => part(file.file_name()),
            Place::Stem => part(file.file_stem()),
            Place::Extension => part(file.extension()),
            Place::Date => now.strftime("%Y%m%d").to_string(),
            Place::Time => now.strftime("%H%M%S").to_string(),
        });
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
            ("{stem", "{stem is not known"),
            ("STEM}", "} is not known"),
        ] {
            let error = DatasetTemplate::parse(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
    }
}
