//! How a file is to be secured, within what the partner's policy lets.

use clap::Args;
use domain::Suite;
use domain::security::Asked;

/// What is asked for; what is left out, the partner's policy decides.
#[derive(Clone, Debug, Default, Args)]
pub struct SecurityOptions {
    /// Of the file.
    #[command(flatten)]
    pub packaging: PackagingOptions,
    /// Answered by a signed receipt: yes or no.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = yes_or_no)]
    pub signed_receipt: Option<bool>,
}

impl SecurityOptions {
    /// What is asked for.
    pub fn asked(&self) -> Asked {
        Asked { signed_receipt: self.signed_receipt, ..self.packaging.asked() }
    }
}

/// What is asked for of the file itself.
#[derive(Clone, Debug, Default, Args)]
pub struct PackagingOptions {
    /// Signed: yes or no. The partner's policy decides without it.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = yes_or_no)]
    pub sign: Option<bool>,
    /// Encrypted: yes or no.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = yes_or_no)]
    pub encrypt: Option<bool>,
    /// Compressed: yes or no.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", value_parser = yes_or_no)]
    pub compress: Option<bool>,
    /// By which cipher suite, such as 04.
    #[arg(long, value_name = "NUMBER", value_parser = suite)]
    pub suite: Option<Suite>,
}

impl PackagingOptions {
    /// What is asked for.
    pub fn asked(&self) -> Asked {
        let Self { sign, encrypt, compress, suite } = *self;
        Asked { sign, encrypt, compress, signed_receipt: None, suite }
    }
}

fn yes_or_no(word: &str) -> Result<bool, String> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}

/// A cipher suite by its number.
pub fn suite(number: &str) -> Result<Suite, String> {
    let known = number.parse::<i64>().ok().and_then(|number| Suite::try_from(number).ok());
    known.ok_or_else(|| "a cipher suite has a number from 01 to 99; 04 is the usual one".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: SecurityOptions,
        file: Option<String>,
    }

    fn parse(words: &str) -> Result<(Asked, Option<String>), clap::Error> {
        let words = format!("enqueue {words}");
        let line = Line::try_parse_from(words.split_whitespace())?;
        Ok((line.options.asked(), line.file))
    }

    #[test]
    fn what_is_left_out_the_policy_decides_and_a_file_is_not_taken_for_an_answer() {
        assert_eq!(parse("").unwrap(), (Asked::default(), None));
        let (asked, file) = parse("--sign --encrypt=no --suite 06 ORDER").unwrap();
        assert_eq!((asked.sign, asked.encrypt, asked.compress), (Some(true), Some(false), None));
        assert_eq!(asked.suite.unwrap().to_string(), "06");
        assert_eq!(file.as_deref(), Some("ORDER"));
    }

    #[test]
    fn other_answers_and_suites_that_there_are_not_are_refused() {
        for words in ["--sign=perhaps", "--suite 00", "--suite 100", "--suite four"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
