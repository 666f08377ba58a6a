//! Commands to octets.

use super::EncodeError;
use super::fields::Row;
use crate::command::{Command, Eerp, Efna, Esid, Nerp, Seal, Sfid, Sfna, Sfpa, Ssid};
use crate::field::{
    Capability, Counts, Envelope, FileCompression, FileIdentity, Level, OdetteId, ReasonText,
    RecordLength, SecurityLevel, Stamp,
};

/// The longest exchange buffer that a stream transmission header can announce.
const LONGEST: usize = 99_999;

impl Command {
    /// Appends the command as one exchange buffer of a session of the level; nothing is appended
    /// on an error.
    ///
    /// SSID has the layout of the level that it says itself. Below 2.0 texts and descriptions are
    /// left out, reasons that came later become 99, and below 1.4 stamps are truncated
    /// ([`Stamp::truncated`]). What would leave out a service (encryption, signatures, …) is an
    /// error.
    pub fn encode(&self, level: Level, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = octets.len();
        let encoded = self.append(level, octets).and_then(|()| {
            let length = octets.len() - start;
            if length > LONGEST {
                return Err(EncodeError::TooLong {
                    field: "exchange buffer",
                    octets: length,
                    maximum: LONGEST,
                });
            }
            Ok(())
        });
        if encoded.is_err() {
            octets.truncate(start);
        }
        encoded
    }

    fn append(&self, level: Level, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        let name = self.name();
        if level < name.since() {
            return Err(EncodeError::NotAtLevel { command: name, level });
        }
        let mut row = Row::new(name, level, octets);
        match self {
            Self::Ssrm => {
                row.text("ODETTE FTP READY ", 17);
                row.octet(CARRIAGE_RETURN);
            }
            Self::Ssid(command) => ssid(&mut row, command)?,
            Self::Sfid(command) => sfid(&mut row, level, command)?,
            Self::Sfpa(Sfpa { restart }) => {
                let digits = if level < Level::V2_0 { 9 } else { 17 };
                row.number("SFPAACNT", *restart, digits)?;
            }
            Self::Sfna(Sfna { reason, retry, text }) => {
                row.display(reason.at(level).number(), 2);
                row.yes_or_no(*retry);
                reason_text(&mut row, level, text);
            }
            Self::Data(data) => row.octets(&data.sub_records),
            Self::Cdt => row.reserved(2),
            Self::Efid(Counts { records, octets }) => {
                let digits = if level < Level::V2_0 { (9, 12) } else { (17, 17) };
                row.number("EFIDRCNT", *records, digits.0)?;
                row.number("EFIDUCNT", *octets, digits.1)?;
            }
            Self::Efpa(command) => row.yes_or_no(command.change_direction),
            Self::Efna(Efna { reason, text }) => {
                row.display(reason.at(level).number(), 2);
                reason_text(&mut row, level, text);
            }
            Self::Esid(Esid { reason, text }) => {
                row.display(reason.at(level).number(), 2);
                reason_text(&mut row, level, text);
                row.octet(CARRIAGE_RETURN);
            }
            Self::Cd | Self::Rtr | Self::Secd => {}
            Self::Eerp(command) => eerp(&mut row, level, command)?,
            Self::Nerp(command) => nerp(&mut row, level, command)?,
            Self::Auch(command) => row.counted_octets("AUCHCHAL", &command.challenge)?,
            Self::Aurp(command) => row.octets(&command.response),
        }
        Ok(())
    }
}

const CARRIAGE_RETURN: u8 = 0x0d;

fn ssid(row: &mut Row, command: &Ssid) -> Result<(), EncodeError> {
    row.display(command.level.digit(), 1);
    odette_id(row, &command.identity);
    row.text(command.password.expose(), 8);
    row.display(command.buffer_size.get(), 5);
    row.octet(match command.capability {
        Capability::Both => b'B',
        Capability::SenderOnly => b'S',
        Capability::ReceiverOnly => b'R',
    });
    row.yes_or_no(command.compression);
    row.yes_or_no(command.restart);
    row.yes_or_no(command.special_logic);
    row.display(command.credit.get(), 3);
    if command.level >= Level::V2_0 {
        row.yes_or_no(command.authentication);
    } else if command.authentication {
        return Err(EncodeError::ServiceNotAtLevel { field: "SSIDAUTH", level: command.level });
    } else {
        row.reserved(1);
    }
    row.reserved(4);
    row.text(command.user_data.as_str(), 8);
    row.octet(CARRIAGE_RETURN);
    Ok(())
}

fn sfid(row: &mut Row, level: Level, command: &Sfid) -> Result<(), EncodeError> {
    let FileIdentity { dataset_name, stamp: made_at, originator, destination } = &command.file;
    row.text(dataset_name.as_str(), 26);
    stamp(row, level, 3, *made_at);
    row.text(command.user_data.as_str(), 8);
    odette_id(row, destination);
    odette_id(row, originator);
    row.display(command.format.letter(), 1);
    row.display(command.format.record_length().map_or(0, RecordLength::get), 5);
    if level < Level::V2_0 {
        refuse_services(command, level)?;
        // An estimate: the largest number there is says more than a refusal.
        row.display(command.size.get().min(9_999_999), 7);
        return row.number("SFIDREST", command.restart, 9);
    }
    row.display(command.size, 13);
    row.display(command.original_size, 13);
    row.number("SFIDREST", command.restart, 17)?;
    row.text(
        match command.security {
            SecurityLevel::None => "00",
            SecurityLevel::Encrypted => "01",
            SecurityLevel::Signed => "02",
            SecurityLevel::EncryptedAndSigned => "03",
        },
        2,
    );
    row.display(command.cipher_suite.get(), 2);
    row.octet(match command.compression {
        FileCompression::None => b'0',
        FileCompression::Zlib => b'1',
    });
    row.octet(match command.envelope {
        Envelope::None => b'0',
        Envelope::Cms => b'1',
    });
    row.yes_or_no(command.signed_receipt);
    row.counted_text(command.description.as_octets());
    Ok(())
}

/// The cipher suite alone asks for nothing.
fn refuse_services(command: &Sfid, level: Level) -> Result<(), EncodeError> {
    let field = if command.security != SecurityLevel::None {
        "SFIDSEC"
    } else if command.compression != FileCompression::None {
        "SFIDCOMP"
    } else if command.envelope != Envelope::None {
        "SFIDENV"
    } else if command.signed_receipt {
        "SFIDSIGN"
    } else {
        return Ok(());
    };
    Err(EncodeError::ServiceNotAtLevel { field, level })
}

fn eerp(row: &mut Row, level: Level, command: &Eerp) -> Result<(), EncodeError> {
    let FileIdentity { dataset_name, stamp: made_at, originator, destination } = &command.file;
    row.text(dataset_name.as_str(), 26);
    stamp(row, level, 3, *made_at);
    row.text(command.user_data.as_str(), 8);
    // The response goes to where the file came from.
    odette_id(row, originator);
    odette_id(row, destination);
    seal(row, level, command.seal.as_ref(), ["EERPHSH", "EERPSIG"])
}

fn nerp(row: &mut Row, level: Level, command: &Nerp) -> Result<(), EncodeError> {
    let FileIdentity { dataset_name, stamp: made_at, originator, destination } = &command.file;
    row.text(dataset_name.as_str(), 26);
    stamp(row, level, 6, *made_at);
    odette_id(row, originator);
    odette_id(row, destination);
    odette_id(row, &command.creator);
    row.display(command.reason.at(level).number(), 2);
    reason_text(row, level, &command.text);
    seal(row, level, command.seal.as_ref(), ["NERPHSH", "NERPSIG"])
}

fn odette_id(row: &mut Row, identity: &OdetteId) {
    row.text(identity.as_str(), 25);
}

fn stamp(row: &mut Row, level: Level, reserved: usize, stamp: Stamp) {
    if level < Level::V1_4 {
        row.reserved(reserved + 6);
        row.display(stamp.year() % 100, 2);
        for part in [stamp.month(), stamp.day(), stamp.hour(), stamp.minute(), stamp.second()] {
            row.display(part, 2);
        }
    } else {
        row.reserved(reserved);
        row.display(stamp, 18);
    }
}

fn reason_text(row: &mut Row, level: Level, text: &ReasonText) {
    if level >= Level::V2_0 {
        row.counted_text(text.as_octets());
    }
}

fn seal(
    row: &mut Row,
    level: Level,
    seal: Option<&Seal>,
    [hash_field, signature_field]: [&'static str; 2],
) -> Result<(), EncodeError> {
    let Some(Seal { hash, signature }) = seal else {
        return Ok(());
    };
    if level >= Level::V2_0 {
        row.counted_octets(hash_field, hash)?;
        return row.counted_octets(signature_field, signature);
    }
    if signature.is_empty() {
        return Ok(());
    }
    Err(EncodeError::ServiceNotAtLevel { field: signature_field, level })
}
