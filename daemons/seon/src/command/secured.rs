//! How a file is secured, in a table.

use commands::SecurityView;

/// What was done to it, and by which suite: `signed, encrypted, compressed; 04`. Nothing of a file
/// that goes as it is; its receipt is another matter.
pub(super) fn words(security: Option<&SecurityView>) -> String {
    let Some(security) = security else { return String::new() };
    let done = [
        (security.signed, "signed"),
        (security.encrypted, "encrypted"),
        (security.compressed, "compressed"),
    ];
    let done: Vec<_> = done.iter().filter(|(is_done, _)| *is_done).map(|(_, word)| *word).collect();
    let done = if done.is_empty() { "receipt signed".to_owned() } else { done.join(", ") };
    match &security.suite {
        Some(suite) => format!("{done}; {suite}"),
        None => done,
    }
}
