//! A command's fields in a row: read with their names, written with their widths.

use std::fmt::Display;

use crate::codec::{DecodeError, EncodeError, Tolerance};
use crate::command::CommandName;
use crate::field::Level;

/// Reads the fields after the command octet, in order.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    command: CommandName,
    tolerance: &'a Tolerance,
    rest: &'a [u8],
    whole: usize,
}

impl<'a> Fields<'a> {
    /// `octets` is the command without its command octet.
    pub(super) fn new(command: CommandName, octets: &'a [u8], tolerance: &'a Tolerance) -> Self {
        Self { command, tolerance, rest: octets, whole: octets.len() + 1 }
    }

    pub(super) fn tolerance(&self) -> &'a Tolerance {
        self.tolerance
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next field's octets.
    pub(super) fn octets(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (field, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Length {
            command: self.command,
            expected: self.whole - self.rest.len() + length,
            found: self.whole,
        })?;
        self.rest = rest;
        Ok(field)
    }

    /// Passes over a reserved field.
    pub(super) fn reserved(&mut self, length: usize) -> Result<(), DecodeError> {
        self.octets(length).map(drop)
    }

    /// A padded field of characters, without the padding.
    pub(super) fn text<T>(
        &mut self,
        field: &'static str,
        length: usize,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let octets = self.octets(length)?;
        let padding: &[u8] = if self.tolerance.nul_padding { b" \0" } else { b" " };
        let end = octets.iter().rposition(|octet| !padding.contains(octet)).map_or(0, |at| at + 1);
        octets
            .get(..end)
            .and_then(|octets| str::from_utf8(octets).ok())
            .and_then(parse)
            .ok_or_else(|| self.invalid(field, octets, expected))
    }

    /// A field of one character out of a few.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        choices: &[(u8, T)],
    ) -> Result<T, DecodeError> {
        let octets = self.octets(1)?;
        choices
            .iter()
            .find(|(octet, _)| octets.first() == Some(octet))
            .map(|&(_, value)| value)
            .ok_or_else(|| self.invalid(field, octets, expected))
    }

    pub(super) fn yes_or_no(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        self.choice(field, "Y or N", &[(b'Y', true), (b'N', false)])
    }

    /// A field of digits, at most 17.
    pub(super) fn number(
        &mut self,
        field: &'static str,
        digits: usize,
    ) -> Result<u64, DecodeError> {
        let octets = self.octets(digits)?;
        let mut significant = octets;
        if self.tolerance.blank_padded_numbers {
            while let [b' ', rest @ ..] = significant {
                significant = rest;
            }
        }
        let value = significant.iter().try_fold(0_u64, |value, octet| {
            octet.is_ascii_digit().then(|| value * 10 + u64::from(octet - b'0'))
        });
        value
            .filter(|_| !significant.is_empty())
            .ok_or_else(|| self.invalid(field, octets, "a number of decimal digits"))
    }

    /// A field of digits that only some numbers are right for.
    pub(super) fn number_as<T>(
        &mut self,
        field: &'static str,
        digits: usize,
        expected: &'static str,
        convert: impl FnOnce(u64) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let before = self.rest;
        let value = self.number(field, digits)?;
        let octets = before.get(..digits).unwrap_or_default();
        convert(value).ok_or_else(|| self.invalid(field, octets, expected))
    }

    /// A binary length of two octets and as many octets.
    pub(super) fn counted_octets(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.octets(2)?.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
        self.octets(length)
    }

    /// A length of three digits and as many octets, UTF-8 unless others are tolerated.
    pub(super) fn counted_text(
        &mut self,
        length_field: &'static str,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let length =
            self.number_as(length_field, 3, "a length", |number| number.try_into().ok())?;
        let octets = self.octets(length)?;
        if !self.tolerance.text_not_utf8 && str::from_utf8(octets).is_err() {
            return Err(self.invalid(field, octets, "UTF-8"));
        }
        Ok(octets)
    }

    pub(super) fn carriage_return(&mut self, field: &'static str) -> Result<(), DecodeError> {
        let octets = self.octets(1)?;
        match octets {
            [0x0d | 0x8d] => Ok(()),
            [0x0a] if self.tolerance.carriage_return_variants => Ok(()),
            _ => Err(self.invalid(field, octets, "a carriage return, 0D or 8D")),
        }
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(DecodeError::Length {
            command: self.command,
            expected: self.whole - self.rest.len(),
            found: self.whole,
        })
    }

    /// The error of a field whose octets are wrong. Of SSID nothing is shown: it holds a password,
    /// which lies in another field if the command is shifted by an octet.
    pub(super) fn invalid(
        &self,
        field: &'static str,
        octets: &[u8],
        expected: &'static str,
    ) -> DecodeError {
        /// What a message shows of a field at most.
        const SHOWN: usize = 32;
        let value = match octets.get(..SHOWN) {
            _ if self.command == CommandName::Ssid => "…".to_owned(),
            Some(start) if octets.len() > SHOWN => format!("{}…", start.escape_ascii()),
            _ => octets.escape_ascii().to_string(),
        };
        DecodeError::Field { command: self.command, field, value, expected }
    }
}

/// Writes fields in order after what `octets` holds.
pub(super) struct Row<'a> {
    level: Level,
    octets: &'a mut Vec<u8>,
}

impl<'a> Row<'a> {
    pub(super) fn new(command: CommandName, level: Level, octets: &'a mut Vec<u8>) -> Self {
        octets.push(command.octet());
        Self { level, octets }
    }

    /// A field of characters, padded by blanks.
    pub(super) fn text(&mut self, text: &str, length: usize) {
        self.octets.extend_from_slice(text.as_bytes());
        self.octets.resize(self.octets.len() + length.saturating_sub(text.len()), b' ');
    }

    pub(super) fn reserved(&mut self, length: usize) {
        self.text("", length);
    }

    pub(super) fn octet(&mut self, octet: u8) {
        self.octets.push(octet);
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    pub(super) fn yes_or_no(&mut self, yes: bool) {
        self.octet(if yes { b'Y' } else { b'N' });
    }

    /// A field of digits, padded by zeros.
    pub(super) fn number(
        &mut self,
        field: &'static str,
        value: u64,
        digits: usize,
    ) -> Result<(), EncodeError> {
        let text = format!("{value:0digits$}");
        if text.len() > digits {
            return Err(EncodeError::Digits { field, value, digits, level: self.level });
        }
        self.text(&text, digits);
        Ok(())
    }

    /// A field of digits whose type rules out more.
    pub(super) fn display(&mut self, value: impl Display, digits: usize) {
        self.text(&format!("{value:0>digits$}"), digits);
    }

    /// A binary length of two octets and the octets.
    pub(super) fn counted_octets(
        &mut self,
        field: &'static str,
        octets: &[u8],
    ) -> Result<(), EncodeError> {
        let length = u16::try_from(octets.len()).map_err(|_| EncodeError::TooLong {
            field,
            octets: octets.len(),
            maximum: usize::from(u16::MAX),
        })?;
        self.octets(&length.to_be_bytes());
        self.octets(octets);
        Ok(())
    }

    /// A length of three digits and the octets, whose type rules out more than 999.
    pub(super) fn counted_text(&mut self, octets: &[u8]) {
        self.display(octets.len(), 3);
        self.octets(octets);
    }
}
