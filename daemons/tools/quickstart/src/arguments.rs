//! The command line of the quick start.

use std::path::PathBuf;

use clap::Parser;

use crate::size;

/// Makes two companies on this machine and lets them exchange files.
#[derive(Clone, Debug, Parser)]
#[command(name = "quickstart", version)]
pub(crate) struct Arguments {
    /// The size of the large file, as 1GiB or 300MB; 1GiB without, 10MiB by ISDN.
    #[arg(long, value_parser = size::parse, value_name = "SIZE")]
    size: Option<u64>,
    /// How many small files go the other way.
    #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) files: u32,
    /// Both ways by ISDN, over an exchange that is simulated here.
    #[arg(long)]
    pub(crate) isdn: bool,
    /// Leaves both companies running.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where to make them, to stay there; without it a temporary folder that is removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Prints the completions of a shell, and does nothing else.
    #[arg(long, value_name = "SHELL")]
    pub(crate) completion: Option<terminal::completion::Shell>,
}

impl Arguments {
    /// Octets of the large file.
    pub(crate) fn size(&self) -> u64 {
        self.size.unwrap_or(if self.isdn { 10 << 20 } else { 1 << 30 })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_grammar_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_quick_start_is_one_gibibyte_and_a_hundred_files() {
        let wanted = parsed("quickstart");
        assert_eq!((wanted.size(), wanted.files, wanted.keep), (1 << 30, 100, false));
        assert_eq!(wanted.directory, None);
    }

    #[test]
    fn by_isdn_the_quick_start_is_smaller_unless_a_size_is_given() {
        for (words, size) in [("", 10 << 20), (" --size 1GiB", 1 << 30)] {
            assert_eq!(parsed(&format!("quickstart --isdn{words}")).size(), size);
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_what_was_expected() {
        let refused = Arguments::try_parse_from(["quickstart", "--size", "huge"]).unwrap_err();
        assert!(refused.to_string().contains("as 1GiB"));
    }
}
