//! Text that others wrote, made fit to be shown: a terminal does what control characters say (a
//! title, a colour, a line drawn over), and those of bidirectional text show letters in another
//! order than they have.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with nothing in it that a terminal acts on, and on one line: `\n`, `\u001b`, `\u202e`,
/// as JSON writes them, so that a string of JSON stays what it is. Escaped again it is the same.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| 0)
}

/// The same, but what is our own stays: `own` says how many octets of it a text begins with, given
/// one that begins with a character to escape.
pub fn escaped_but(text: &str, own: impl Fn(&str) -> usize) -> Cow<'_, str> {
    if !text.contains(is_acted_on) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(place) = rest.find(is_acted_on) {
        let (before, from) = rest.split_at(place);
        let (ours, after) = from.split_at(own(from));
        shown.push_str(before);
        shown.push_str(ours);
        let mut characters = after.chars();
        if ours.is_empty() {
            match characters.next() {
                Some('\n') => shown.push_str("\\n"),
                Some('\r') => shown.push_str("\\r"),
                Some('\t') => shown.push_str("\\t"),
                Some(other) => {
                    let _ = write!(shown, "\\u{:04x}", u32::from(other));
                }
                None => {}
            }
        }
        rest = characters.as_str();
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// C0, DEL and C1; the marks, embeddings, overrides and isolates of bidirectional text; and the
/// other two ends of a line that Unicode has.
fn is_acted_on(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_spelled_out() {
        assert_eq!(
            escaped("\x1b]0;title\x07a\r\nb\tc\x7f\u{9b}2J\u{202e}d\u{2066}\u{2028}\u{61c}\0"),
            "\\u001b]0;title\\u0007a\\r\\nb\\tc\\u007f\\u009b2J\\u202ed\\u2066\\u2028\\u061c\\u0000"
        );
    }

    #[test]
    fn what_is_fit_to_be_shown_stays_as_it_is() {
        for text in ["", "plain", "Übergröße, 車, שלום, 👩‍🔧", "a\\nb"] {
            assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn escaped_twice_it_is_the_same() {
        let once = escaped("a\nb\u{202e}").into_owned();
        assert_eq!(escaped(&once), once);
    }

    #[test]
    fn what_is_our_own_stays() {
        let bold = "\x1b[1m";
        let own = |text: &str| if text.starts_with(bold) { bold.len() } else { 0 };
        assert_eq!(escaped_but("\x1b[1mloud\x1b[2m\n", own), "\x1b[1mloud\\u001b[2m\\n");
    }
}
