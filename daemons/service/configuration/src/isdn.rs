//! What a call by ISDN says: numbers, and what X.25 is told.

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

/// The longest user data of an X.25 packet: a power of two from 16 to 4096 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSize(u16);

impl PacketSize {
    pub(crate) fn new(octets: i32) -> Option<Self> {
        let octets = u16::try_from(octets).ok()?;
        (octets.is_power_of_two() && (16..=4096).contains(&octets)).then_some(Self(octets))
    }

    /// Octets.
    pub fn octets(self) -> u16 {
        self.0
    }
}

/// How many packets of X.25 may be without an acknowledgement: 1 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketWindow(u8);

impl PacketWindow {
    pub(crate) fn new(packets: i32) -> Option<Self> {
        let packets = u8::try_from(packets).ok()?;
        (1..=7).contains(&packets).then_some(Self(packets))
    }

    /// Packets.
    pub fn packets(self) -> u8 {
        self.0
    }
}

/// What a call packet of X.25 says to the called system: 1 to 16 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUserData(Vec<u8>);

impl CallUserData {
    /// From hexadecimal.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u32> =
            text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
        let fits = digits.len().is_multiple_of(2) && (2..=32).contains(&digits.len());
        let octets = digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]));
        fits.then(|| octets.collect::<Result<_, _>>().ok()).flatten().map(Self)
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
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
    fn what_x25_can_say_is_taken_and_nothing_else() {
        let sizes: Vec<_> = (-1..=10_000).filter_map(PacketSize::new).collect();
        let octets: Vec<_> = sizes.into_iter().map(PacketSize::octets).collect();
        assert_eq!(octets, [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]);
        let windows: Vec<_> = (-1..=300).filter_map(PacketWindow::new).collect();
        let packets: Vec<_> = windows.into_iter().map(PacketWindow::packets).collect();
        assert_eq!(packets, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(CallUserData::parse("c0FFee").unwrap().octets(), [0xc0, 0xff, 0xee]);
        let longest = "00".repeat(16);
        assert_eq!(CallUserData::parse(&longest).unwrap().octets(), [0; 16]);
        for text in ["", "0", "abc", "0x", "\u{661}\u{661}", &format!("{longest}00")] {
            assert_eq!(CallUserData::parse(text), None, "{text}");
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
