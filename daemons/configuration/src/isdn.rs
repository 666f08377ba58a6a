//! Numbers of ISDN.

use std::fmt;

/// A number as people write it: digits, with a + before them or without, and blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsdnNumber(String);

/// Q.931 allows more, and no network has any.
const LONGEST: usize = 30;

impl IsdnNumber {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let written: String = text.chars().filter(|character| *character != ' ').collect();
        let digits = written.strip_prefix('+').unwrap_or(&written);
        let is_number = (1..=LONGEST).contains(&digits.len())
            && digits.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then_some(Self(written))
    }

    /// The digits to dial: + is 00, as everywhere in Europe.
    pub fn dialled(&self) -> String {
        self.0.replacen('+', "00", 1)
    }
}

/// Without blanks.
impl fmt::Display for IsdnNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_without_blanks_and_dialled_without_a_plus() {
        let table = [
            ("+49 221 12345", "+4922112345", "004922112345"),
            ("0221 12345", "022112345", "022112345"),
            ("7", "7", "7"),
        ];
        for (written, shown, dialled) in table {
            let number = IsdnNumber::parse(written).unwrap();
            assert_eq!((number.to_string().as_str(), number.dialled().as_str()), (shown, dialled));
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_no_number() {
        let long = "1".repeat(LONGEST + 1);
        for text in ["", " ", "+", "0221/12345", "+49+221", "22+1", "(0221)", "\u{661}", &long] {
            assert_eq!(IsdnNumber::parse(text), None, "{text}");
        }
    }
}
