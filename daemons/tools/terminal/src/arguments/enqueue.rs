//! The options of `seon enqueue`, and what they mean.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use commands::enqueue::{Length, Source, Submission};
use oftp::{Description, FieldError, Format, OdetteId};
use spool::TakeIn;

use super::security::SecurityOptions;
use crate::Failure;

/// As a file's name: standard input.
const STANDARD_INPUT: &str = "-";

/// Files to be sent, and how.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct EnqueueOptions {
    /// The partner's name.
    #[arg(short, long, value_name = "NAME")]
    pub partner: String,
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The file's name where standard input comes from.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How many octets must come on standard input; with fewer or more nothing is queued.
    #[arg(long, value_name = "OCTETS")]
    pub size: Option<u64>,
    /// The virtual file's name (SFIDDSN); made from the file's own name without it.
    #[arg(short = 'v', long, value_name = "NAME")]
    pub dataset_name: Option<String>,
    /// A comment of your own, at most 255 characters.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Another originator (SFIDORIG): one of our stations.
    #[arg(long, value_name = "ID")]
    pub originator: Option<String>,
    /// Another destination (SFIDDEST): a station behind the partner.
    #[arg(long, value_name = "ID")]
    pub destination: Option<String>,
    /// Higher goes first.
    #[arg(long, default_value_t = 0, value_name = "NUMBER", allow_negative_numbers = true)]
    pub priority: i32,
    /// Waits until the partner calls and fetches it.
    #[arg(long)]
    pub passive: bool,
    /// Waits until somebody releases it.
    #[arg(long)]
    pub hold: bool,
    /// What it is, for the partner (SFIDDESC, OFTP2).
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The file's format (SFIDFMT). V takes each line as one record.
    #[arg(long = "format", value_enum, default_value_t, value_name = "FORMAT")]
    pub file_format: FileFormat,
    /// The record length of formats F and V (SFIDLRECL), in octets.
    #[arg(long, value_name = "OCTETS")]
    pub record_length: Option<u32>,
    /// How they are secured.
    #[command(flatten)]
    pub security: SecurityOptions,
    /// Moves the files into the spool instead of copying them.
    #[arg(long = "move")]
    pub r#move: bool,
    /// Shows the transfer until the receipt is there.
    #[arg(short, long)]
    pub follow: bool,
}

/// The formats of a virtual file (SFIDFMT, RFC 5024 section 5.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Octets.
    #[default]
    #[value(name = "U")]
    Unstructured,
    /// Lines of text.
    #[value(name = "T")]
    Text,
    /// Records of one length.
    #[value(name = "F")]
    Fixed,
    /// Records of differing length, each behind its length in the file.
    #[value(name = "V")]
    Variable,
}

impl EnqueueOptions {
    /// What is to be put into the queue. A stream is read no further than its size if its end says
    /// something else: that nobody waits any more.
    pub fn submission(self, attended: bool) -> Result<Submission, Failure> {
        let sources = self.sources(attended)?;
        let odette_id = |given: Option<&String>, what: &str| {
            let parse = |text: &String| text.parse::<OdetteId>();
            given.map(parse).transpose().map_err(|error| Failure::Usage(format!("{what}: {error}")))
        };
        let named = self.dataset_name.as_ref().map(|name| name.parse()).transpose();
        let description: Result<Description, FieldError> =
            self.description.unwrap_or_default().parse();
        Ok(Submission {
            sources,
            dataset_name: named.map_err(|error: FieldError| Failure::Usage(error.to_string()))?,
            originator: odette_id(self.originator.as_ref(), "originator")?,
            destination: odette_id(self.destination.as_ref(), "destination")?,
            format: format(self.file_format, self.record_length)?,
            description: description
                .map_err(|error| Failure::Usage(format!("the description is too long: {error}")))?,
            comment: self.comment,
            priority: self.priority,
            passive: self.passive,
            held: self.hold,
            asked: self.security.asked(),
            take_in: if self.r#move { TakeIn::Move } else { TakeIn::Copy },
            partner: self.partner,
        })
    }

    fn sources(&self, attended: bool) -> Result<Vec<Source>, Failure> {
        let usage = |sentence: &str| Err(Failure::Usage(sentence.into()));
        if !self.files.iter().any(|file| file.as_os_str() == STANDARD_INPUT) {
            return match (&self.name, self.size) {
                (None, None) => Ok(self.files.iter().cloned().map(Source::File).collect()),
                _ => usage("--name and --size belong to standard input; give - as the file"),
            };
        }
        let name = self.name.as_deref().or(self.dataset_name.as_deref());
        let length = match (self.size, attended) {
            (None, _) => Length::Unknown,
            (Some(size), false) => Length::Whole(size),
            (Some(size), true) => Length::First(size),
        };
        match name {
            _ if self.files.len() > 1 => {
                usage("standard input is one file; give - alone, or enqueue one by one")
            }
            _ if self.r#move => usage("standard input cannot be moved; leave --move out"),
            None => usage("standard input has no name; give --name NAME or --dataset-name"),
            Some(_) if attended && length == Length::Unknown => {
                usage("a stream that ends by its size needs --size OCTETS")
            }
            Some(name) => {
                let octets = Box::new(io::stdin());
                Ok(vec![Source::Stream { name: name.into(), length, octets }])
            }
        }
    }
}

fn format(format: FileFormat, record_length: Option<u32>) -> Result<Format, Failure> {
    let letter = match format {
        FileFormat::Unstructured => 'U',
        FileFormat::Text => 'T',
        FileFormat::Fixed => 'F',
        FileFormat::Variable => 'V',
    };
    let has_records = matches!(format, FileFormat::Fixed | FileFormat::Variable);
    match (has_records, record_length) {
        (true, None) => Err(Failure::Usage(format!(
            "format {letter} needs a record length in octets: --record-length (seoneq: -F)"
        ))),
        (false, Some(_)) => Err(Failure::Usage(format!(
            "format {letter} has no records; leave the record length out, or give format F or V"
        ))),
        (_, length) => Format::from_parts(letter, length.unwrap_or_default())
            .map_err(|error| Failure::Usage(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: EnqueueOptions,
    }

    fn sources(words: &str, attended: bool) -> Result<String, Failure> {
        let words = format!("enqueue --partner bolt {words}");
        let options = Line::try_parse_from(words.split(' ')).unwrap().options;
        options.submission(attended).map(|submission| format!("{:?}", submission.sources))
    }

    #[test]
    fn a_hyphen_is_standard_input_under_a_given_name() {
        let here = |words| sources(words, false).unwrap();
        assert_eq!(here("--name big.dat -"), r#"[Stream("big.dat", Unknown)]"#);
        assert_eq!(here("--name big.dat --size 7 -"), r#"[Stream("big.dat", Whole(7))]"#);
        assert_eq!(here("-v big.dat -"), r#"[Stream("big.dat", Unknown)]"#);
        assert_eq!(here("a ./-"), r#"[File("a"), File("./-")]"#);
    }

    #[test]
    fn an_attended_stream_ends_by_its_size() {
        let there = sources("--name big.dat --size 7 -", true).unwrap();
        assert_eq!(there, r#"[Stream("big.dat", First(7))]"#);
        assert_eq!(sources("--name big.dat -", true).unwrap_err().exit_code(), 64);
    }

    #[test]
    fn what_only_standard_input_or_only_a_file_can_be_is_refused_elsewhere() {
        for words in ["-", "--name a - b", "--name a --move -", "--name a b", "--size 7 b"] {
            assert_eq!(sources(words, false).unwrap_err().exit_code(), 64, "{words}");
        }
    }

    #[test]
    fn formats_with_records_need_a_length_and_others_refuse_one() {
        assert!(
            format(FileFormat::Fixed, None).unwrap_err().to_string().contains("needs a record")
        );
        assert!(format(FileFormat::Text, Some(80)).unwrap_err().to_string().contains("no records"));
        assert!(format(FileFormat::Fixed, Some(0)).is_err());
        assert_eq!(format(FileFormat::Unstructured, None).unwrap(), Format::Unstructured);
        assert_eq!(format(FileFormat::Fixed, Some(80)).unwrap().letter(), 'F');
        assert_eq!(
            format(FileFormat::Variable, Some(80)).unwrap().record_length().unwrap().get(),
            80
        );
    }
}
