//! `seoneq` with Seon's own options. What is not built yet is refused by name, never ignored.

use std::path::PathBuf;

use clap::Parser;
use domain::Suite;
use terminal::Failure;
use terminal::arguments::{EnqueueOptions, FileFormat, PackagingOptions, SecurityOptions, suite};

/// Puts a file into the send queue.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "seoneq",
    version,
    disable_version_flag = true,
    arg_required_else_help = true,
    override_usage = "seoneq -p PARTNER -f FILE [-v NAME] [options]"
)]
pub(crate) struct Options {
    /// The instance's folder.
    #[arg(
        short = 'C',
        value_name = "DIR",
        env = "SEON_DIRECTORY",
        hide_env_values = true,
        default_value = "."
    )]
    pub(crate) directory: PathBuf,
    /// The partner's short name.
    #[arg(short, value_name = "PARTNER", required = true)]
    partner: Option<String>,
    /// The file.
    #[arg(short, value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    /// The virtual filename; made from the file's own name without it.
    #[arg(short = 'v', value_name = "NAME")]
    virtual_file_name: Option<String>,
    /// A comment, at most 255 characters.
    #[arg(short, value_name = "TEXT")]
    comment: Option<String>,
    /// Another SFIDORIG: one of our stations.
    #[arg(short = 's', value_name = "SFID")]
    originator: Option<String>,
    /// Another SFIDDEST: a station behind the partner.
    #[arg(short = 't', value_name = "SFID")]
    destination: Option<String>,
    /// The priority: higher goes first.
    #[arg(short = 'u', value_name = "NUMBER", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Passive: waits until the partner fetches it.
    #[arg(short = 'P')]
    passive: bool,
    /// The file's description in an OFTP2 session.
    #[arg(short, value_name = "TEXT")]
    description: Option<String>,
    /// The file's format.
    #[arg(short = 'G', value_enum, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// The record length of formats F and V.
    #[arg(short = 'F', value_name = "NUMBER")]
    record_length: Option<u32>,
    /// Moves the file into the spool instead of copying it.
    #[arg(short = 'm')]
    r#move: bool,
    /// Signed: 1 or 0. Without it the partner's policy decides, as of encryption and compression.
    #[arg(short = 'S', value_name = "0|1", value_parser = zero_or_one)]
    sign: Option<bool>,
    /// The cipher suite, such as 04.
    #[arg(short = 'U', value_name = "SUITE", value_parser = suite)]
    suite: Option<Suite>,
    /// Prints the version.
    #[arg(short = 'V', action = clap::ArgAction::Version)]
    version: (),
    #[command(flatten)]
    unbuilt: Unbuilt,
}

/// Options of the classic tool that mean something which this version does not do.
#[derive(Clone, Debug, clap::Args)]
struct Unbuilt {
    /// Not built yet: another SSID of ours for the session.
    #[arg(short = 'q', value_name = "SSID")]
    own_session_identity: Option<String>,
    /// Not built yet: another SSID of the partner for the session.
    #[arg(short = 'r', value_name = "SSID")]
    partner_session_identity: Option<String>,
    /// Not built yet: another password of ours.
    #[arg(short = 'w', value_name = "PASSWORD")]
    own_password: Option<String>,
    /// Not built yet: another password of the partner.
    #[arg(short = 'x', value_name = "PASSWORD")]
    partner_password: Option<String>,
    /// Not built: the lease takes the server's place.
    #[arg(short = 'i', value_name = "SERVER")]
    server: Option<String>,
    /// Not built yet: a number of sending attempts of its own.
    #[arg(short = 'n', value_name = "NUMBER")]
    number: Option<String>,
    /// Not built yet: makes a receipt (EERP) instead of sending a file.
    #[arg(short = 'E')]
    receipt: bool,
    /// Not built yet, with -E: the date of the file to be receipted.
    #[arg(short = 'D', value_name = "DATE")]
    date: Option<String>,
    /// Not built yet, with -E: the time of the file to be receipted.
    #[arg(short = 'T', value_name = "TIME")]
    time: Option<String>,
    /// Not built yet, with -E: the receipt's destination.
    #[arg(short = 'z', value_name = "SFID")]
    receipt_destination: Option<String>,
    /// Not built yet, with -E: the receipt's originator.
    #[arg(short = 'o', value_name = "SFID")]
    receipt_originator: Option<String>,
}

fn zero_or_one(word: &str) -> Result<bool, String> {
    match word {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err("say 0 or 1".to_owned()),
    }
}

impl Options {
    /// The same as `seon enqueue` has it.
    pub(crate) fn options(self) -> Result<EnqueueOptions, Failure> {
        self.unbuilt.refuse()?;
        let (Some(partner), Some(file)) = (self.partner, self.file) else {
            return Err(Failure::Usage("seoneq needs -p PARTNER and -f FILE".into()));
        };
        Ok(EnqueueOptions {
            partner,
            files: vec![file],
            name: None,
            size: None,
            dataset_name: self.virtual_file_name,
            comment: self.comment,
            originator: self.originator,
            destination: self.destination,
            priority: self.priority.unwrap_or_default(),
            passive: self.passive,
            hold: false,
            description: self.description,
            file_format: self.format.unwrap_or_default(),
            record_length: self.record_length,
            security: SecurityOptions {
                packaging: PackagingOptions {
                    sign: self.sign,
                    suite: self.suite,
                    ..PackagingOptions::default()
                },
                signed_receipt: None,
            },
            r#move: self.r#move,
            follow: false,
        })
    }
}

impl Unbuilt {
    fn refuse(&self) -> Result<(), Failure> {
        let Self {
            own_session_identity,
            partner_session_identity,
            own_password,
            partner_password,
            server,
            number,
            receipt,
            date,
            time,
            receipt_destination,
            receipt_originator,
        } = self;
        let station =
            "give the station under spec.identity.stations and use -s, or a partner of its own";
        let receipts = "receipts are made, and signed, by themselves when a file is delivered";
        let given = [
            ("-q", own_session_identity.is_some(), "another SSID for one file", station),
            ("-r", partner_session_identity.is_some(), "another SSID for one file", station),
            (
                "-w",
                own_password.is_some(),
                "a password on the command line",
                "set ownPasswordSecretRef of the partner",
            ),
            (
                "-x",
                partner_password.is_some(),
                "a password on the command line",
                "set passwordSecretRef of the partner",
            ),
            (
                "-i",
                server.is_some(),
                "a server for one file",
                "leave it out: whoever holds the lease of seonsqd sends",
            ),
            ("-n", number.is_some(), "-n", "leave it out; attempts are set by spec.send.retry"),
            ("-E", *receipt, "making a receipt by hand", receipts),
            ("-D", date.is_some(), "making a receipt by hand", receipts),
            ("-T", time.is_some(), "making a receipt by hand", receipts),
            ("-z", receipt_destination.is_some(), "making a receipt by hand", receipts),
            ("-o", receipt_originator.is_some(), "making a receipt by hand", receipts),
        ];
        match given.into_iter().find(|(_, given, ..)| *given) {
            None => Ok(()),
            Some((option, _, what, cure)) => Err(Failure::Usage(format!(
                "seoneq {option}: {what} is not built in this version; {cure}. Nothing was enqueued."
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::security::Asked;

    use super::*;

    fn options(line: &str) -> Result<EnqueueOptions, Failure> {
        Options::try_parse_from(line.split(' ')).unwrap().options()
    }

    #[test]
    fn the_classic_options_mean_what_they_always_meant() {
        let options = options(
            "seoneq -C /etc/acme -p bolt -f /tmp/a.dat -v ENGDAT1 -c new -s O1 -t O2 -u 7 -P -d drawing -G F -F 80 -m",
        )
        .unwrap();
        assert_eq!(options.partner, "bolt");
        assert_eq!(options.files, [PathBuf::from("/tmp/a.dat")]);
        assert_eq!(options.dataset_name.as_deref(), Some("ENGDAT1"));
        assert_eq!(options.comment.as_deref(), Some("new"));
        assert_eq!(
            (options.originator.as_deref(), options.destination.as_deref()),
            (Some("O1"), Some("O2"))
        );
        assert_eq!((options.priority, options.passive, options.r#move), (7, true, true));
        assert_eq!(options.description.as_deref(), Some("drawing"));
        assert_eq!((options.file_format, options.record_length), (FileFormat::Fixed, Some(80)));
    }

    #[test]
    fn a_file_is_signed_or_not_by_a_suite_and_the_policy_decides_the_rest() {
        let asked =
            |line: &str| options(&format!("seoneq -p bolt -f a{line}")).unwrap().security.asked();
        assert_eq!(asked(""), Asked::default());
        let suite = Suite::try_from(6).ok();
        assert_eq!(asked(" -S 1 -U 06"), Asked { sign: Some(true), suite, ..Asked::default() });
        assert_eq!(asked(" -S 0"), Asked { sign: Some(false), ..Asked::default() });
        for wrong in [["-S", "2"], ["-S", "yes"], ["-U", "0"], ["-U", "AES"]] {
            let line = [&["seoneq", "-p", "bolt", "-f", "a"][..], &wrong].concat();
            assert!(Options::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_not_built_is_refused_by_its_name() {
        for option in [
            "-q A",
            "-r A",
            "-w A",
            "-x A",
            "-i 1",
            "-n 1",
            "-E",
            "-D 1",
            "-T 1",
            "-z A",
            "-o A",
            "-E -S 1 -U 02",
        ] {
            let error = options(&format!("seoneq -p bolt -f a {option}")).unwrap_err();
            let name = &option[..2];
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(error.exit_code(), 64);
        }
    }

    #[test]
    fn an_option_that_never_was_is_an_error_too() {
        assert!(Options::try_parse_from(["seoneq", "-p", "bolt", "-f", "a", "-Q"]).is_err());
    }
}
