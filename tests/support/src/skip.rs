//! Skips that are loud: on the terminal, in the runner's summary, and a failure where they must
//! not happen.

use std::fs::OpenOptions;
use std::io::Write;

/// Ends the test as skipped, saying why.
///
/// `skip!(postgres, "initdb is not installed")` also names the need, so that
/// `SEON_TEST_REQUIRE=postgres,mount` (or `all`) makes it a failure; `skip!("a reason")` fails
/// only for `all`. The line `SKIPPED: <test>: <reason>` is printed, and written to the file that
/// `SEON_SKIPS` names.
#[macro_export]
macro_rules! skip {
    ($need:ident, $($reason:tt)+) => {{
        fn here() {}
        let test = $crate::test_name(std::any::type_name_of_val(&here));
        $crate::record_skip(&test, stringify!($need), &format!($($reason)+));
        return;
    }};
    ($($reason:tt)+) => { $crate::skip!(all, $($reason)+) };
}

/// The shared PostgreSQL server of this process, or a skip.
#[macro_export]
macro_rules! postgres {
    () => {
        match $crate::Postgres::shared() {
            Ok(server) => server,
            Err(reason) => $crate::skip!(postgres, "{reason}"),
        }
    };
}

/// Records a skip; use [`skip!`](crate::skip!).
///
/// # Panics
///
/// If `SEON_TEST_REQUIRE` names the need.
pub fn record_skip(test: &str, need: &str, reason: &str) {
    let required = std::env::var("SEON_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').map(str::trim).any(|name| name == need || name == "all"),
        "SEON_TEST_REQUIRE={required} forbids to skip {test}: {reason}"
    );
    // A skip is one line, whatever a program said.
    let reason = reason.lines().next().unwrap_or_default();
    let line = format!("SKIPPED: {test}: {reason}\n");
    // Not by print!: the test harness would swallow it with the output of a passed test.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("SEON_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(&path);
        // One write, so that lines of several processes do not mix.
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .unwrap_or_else(|error| panic!("SEON_SKIPS={}: {error}", path.display()));
    }
}

/// The test's path from the name of a function inside it.
pub fn test_name(inner: &str) -> String {
    let test = inner.strip_suffix("::here").unwrap_or(inner);
    test.replace("::{{closure}}", "")
}

#[cfg(test)]
mod tests {
    use super::test_name;

    #[test]
    fn a_skip_names_its_test() {
        fn here() {}
        let name = test_name(std::any::type_name_of_val(&here));
        assert_eq!(name, "support::skip::tests::a_skip_names_its_test");
    }

    #[test]
    fn a_skip_in_an_asynchronous_test_names_it_without_the_compilers_closures() {
        assert_eq!(test_name("store::claims::{{closure}}::here"), "store::claims");
    }
}
