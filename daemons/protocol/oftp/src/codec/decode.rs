//! Octets to commands.

use super::fields::Fields;
use super::{DecodeError, Tolerance};
use crate::command::{
    Auch, Aurp, Command, CommandName, Data, Eerp, Efna, Efpa, Esid, Nerp, Seal, Sfid, Sfna, Sfpa,
    Ssid,
};
use crate::field::{
    Blocks, BufferSize, Capability, CipherSuite, Counts, Credit, DatasetName, Description,
    EndSessionReason, Envelope, FileCompression, FileIdentity, FileReason, Format, Level,
    NegativeReason, OdetteId, Password, ReasonText, SecurityLevel, Stamp, UserData,
};

type Decoded<T> = Result<T, DecodeError>;

impl Command {
    /// Reads one exchange buffer of a session of the level; `None` before SSID, when only SSRM,
    /// SSID and ESID are readable.
    ///
    /// SSID has the layout of its own level digit, ESID that of its length: it may come before the
    /// levels are agreed.
    pub fn decode(octets: &[u8], level: Option<Level>, tolerance: &Tolerance) -> Decoded<Self> {
        let (&octet, rest) = octets.split_first().ok_or(DecodeError::Empty)?;
        let name = CommandName::from_octet(octet).ok_or(DecodeError::UnknownCommand { octet })?;
        let mut fields = Fields::new(name, rest, tolerance);
        let early = matches!(name, CommandName::Ssrm | CommandName::Ssid | CommandName::Esid);
        let level = match level {
            Some(level) if level < name.since() => {
                return Err(DecodeError::NotAtLevel { command: name, level });
            }
            Some(level) => level,
            // The three read early do not look at it.
            None if early => Level::V2_0,
            None => return Err(DecodeError::BeforeLevel { command: name }),
        };
        let command = match name {
            CommandName::Ssrm => ssrm(&mut fields)?,
            CommandName::Ssid => Self::Ssid(ssid(&mut fields)?),
            CommandName::Sfid => {
                let unread = fields.clone();
                // A wrong length is the worse error: fields that do not lie where they belong say
                // nothing.
                Self::Sfid(sfid(&mut fields, level).or_else(|error| {
                    sfid_length(unread, level)?;
                    Err(error)
                })?)
            }
            CommandName::Sfpa => Self::Sfpa(sfpa(&mut fields, level)?),
            CommandName::Sfna => Self::Sfna(sfna(&mut fields, level)?),
            CommandName::Data => {
                let sub_records = fields.octets(rest.len())?.to_vec();
                Self::Data(Data { sub_records })
            }
            CommandName::Cdt => {
                fields.reserved(2)?;
                Self::Cdt
            }
            CommandName::Efid => Self::Efid(efid(&mut fields, level)?),
            CommandName::Efpa => Self::Efpa(Efpa { change_direction: fields.yes_or_no("EFPACD")? }),
            CommandName::Efna => Self::Efna(efna(&mut fields, level)?),
            CommandName::Esid => Self::Esid(esid(&mut fields)?),
            CommandName::Cd => Self::Cd,
            CommandName::Rtr => Self::Rtr,
            CommandName::Eerp => Self::Eerp(eerp(&mut fields, level)?),
            CommandName::Nerp => Self::Nerp(nerp(&mut fields, level)?),
            CommandName::Secd => Self::Secd,
            CommandName::Auch => Self::Auch(Auch { challenge: fields.counted_octets()?.to_vec() }),
            CommandName::Aurp => Self::Aurp(aurp(&mut fields)?),
        };
        fields.end()?;
        Ok(command)
    }
}

fn ssrm(fields: &mut Fields) -> Decoded<Command> {
    let octets = fields.octets(17)?;
    if octets != b"ODETTE FTP READY " {
        return Err(fields.invalid("SSRMMSG", octets, "\"ODETTE FTP READY \""));
    }
    fields.carriage_return("SSRMCR")?;
    Ok(Command::Ssrm)
}

fn ssid(fields: &mut Fields) -> Decoded<Ssid> {
    let level = ssid_level(fields)?;
    let identity = odette_id(fields, "SSIDCODE")?;
    let accepts_any_password = fields.tolerance().lower_case_password;
    let password = fields.text("SSIDPSWD", 8, "a password of the RFC's characters", |text| {
        let password: Password = text.parse().ok()?;
        (accepts_any_password || password.is_standard()).then_some(password)
    })?;
    let buffer_size = fields.number_as("SSIDSDEB", 5, "a buffer size of 128 to 99999", |size| {
        BufferSize::try_from(u32::try_from(size).ok()?).ok()
    })?;
    let capability = fields.choice(
        "SSIDSR",
        "S, R or B",
        &[
            (b'B', Capability::Both),
            (b'S', Capability::SenderOnly),
            (b'R', Capability::ReceiverOnly),
        ],
    )?;
    let compression = fields.yes_or_no("SSIDCMPR")?;
    let restart = fields.yes_or_no("SSIDREST")?;
    let special_logic = fields.yes_or_no("SSIDSPEC")?;
    let credit = fields.number_as("SSIDCRED", 3, "a credit of 1 to 999", |credit| {
        Credit::try_from(u16::try_from(credit).ok()?).ok()
    })?;
    let authentication = if level >= Level::V2_0 {
        fields.yes_or_no("SSIDAUTH")?
    } else {
        fields.reserved(1)?;
        false
    };
    fields.reserved(4)?;
    let user_data = user_data(fields, "SSIDUSER")?;
    fields.carriage_return("SSIDCR")?;
    Ok(Ssid {
        level,
        identity,
        password,
        buffer_size,
        capability,
        compression,
        restart,
        special_logic,
        credit,
        authentication,
        user_data,
    })
}

fn ssid_level(fields: &mut Fields) -> Decoded<Level> {
    let accepts_others = fields.tolerance().future_levels;
    fields.number_as("SSIDLEV", 1, "a protocol level's digit, 1, 2, 4 or 5", |digit| {
        let digit = char::from_digit(u32::try_from(digit).ok()?, 10)?;
        let mut known = Level::ALL.into_iter().rev();
        known.find(|level| level.digit() == digit || accepts_others && level.digit() < digit)
    })
}

fn sfid(fields: &mut Fields, level: Level) -> Decoded<Sfid> {
    let dataset_name = dataset_name(fields, "SFIDDSN")?;
    let stamp = stamp(fields, level, 3, ["SFIDDATE", "SFIDTIME"])?;
    let user_data = user_data(fields, "SFIDUSER")?;
    let destination = odette_id(fields, "SFIDDEST")?;
    let originator = odette_id(fields, "SFIDORIG")?;
    let format = format(fields)?;
    let mut sfid = Sfid {
        file: FileIdentity { dataset_name, stamp, originator, destination },
        user_data,
        format,
        size: Blocks::default(),
        original_size: Blocks::default(),
        restart: 0,
        security: SecurityLevel::None,
        cipher_suite: CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: Description::default(),
    };
    if level < Level::V2_0 {
        sfid.size = Blocks::saturating(fields.number("SFIDFSIZ", 7)?);
        sfid.original_size = sfid.size;
        sfid.restart = fields.number("SFIDREST", 9)?;
        return Ok(sfid);
    }
    sfid.size = Blocks::saturating(fields.number("SFIDFSIZ", 13)?);
    sfid.original_size = Blocks::saturating(fields.number("SFIDOSIZ", 13)?);
    sfid.restart = fields.number("SFIDREST", 17)?;
    sfid.security =
        fields.number_as("SFIDSEC", 2, "a security level, 00 to 03", |number| match number {
            0 => Some(SecurityLevel::None),
            1 => Some(SecurityLevel::Encrypted),
            2 => Some(SecurityLevel::Signed),
            3 => Some(SecurityLevel::EncryptedAndSigned),
            _ => None,
        })?;
    sfid.cipher_suite = fields.number_as("SFIDCIPH", 2, "a cipher suite's number", |number| {
        CipherSuite::try_from(u8::try_from(number).ok()?).ok()
    })?;
    let compressions = [(b'0', FileCompression::None), (b'1', FileCompression::Zlib)];
    sfid.compression = fields.choice("SFIDCOMP", "0 or 1", &compressions)?;
    let envelopes = [(b'0', Envelope::None), (b'1', Envelope::Cms)];
    sfid.envelope = fields.choice("SFIDENV", "0 or 1", &envelopes)?;
    sfid.signed_receipt = fields.yes_or_no("SFIDSIGN")?;
    sfid.description = Description::from_octets(fields.counted_text("SFIDDESCL", "SFIDDESC")?);
    Ok(sfid)
}

/// Whether an SFID is as long as it says, whatever its fields hold.
fn sfid_length(mut fields: Fields, level: Level) -> Decoded<()> {
    if level < Level::V2_0 {
        fields.octets(127)?;
    } else {
        fields.octets(161)?;
        fields.counted_text("SFIDDESCL", "SFIDDESC")?;
    }
    fields.end()
}

fn format(fields: &mut Fields) -> Decoded<Format> {
    let letter =
        fields.choice("SFIDFMT", "F, V, U or T", &[b'F', b'V', b'U', b'T'].map(|l| (l, l)))?;
    let ignores_length = fields.tolerance().stream_record_length;
    let has_records = matches!(letter, b'F' | b'V');
    let expected = if has_records {
        "a record length of 1 to 99999"
    } else {
        "00000, for the format has no records"
    };
    fields.number_as("SFIDLRECL", 5, expected, |length| {
        if !has_records && length != 0 && !ignores_length {
            return None;
        }
        Format::from_parts(char::from(letter), u32::try_from(length).ok()?).ok()
    })
}

fn sfpa(fields: &mut Fields, level: Level) -> Decoded<Sfpa> {
    let digits = if level < Level::V2_0 { 9 } else { 17 };
    Ok(Sfpa { restart: fields.number("SFPAACNT", digits)? })
}

fn sfna(fields: &mut Fields, level: Level) -> Decoded<Sfna> {
    let reason = file_reason(fields, "SFNAREAS")?;
    let retry = fields.yes_or_no("SFNARRTR")?;
    let text = reason_text(fields, level, ["SFNAREASL", "SFNAREAST"])?;
    Ok(Sfna { reason, retry, text })
}

fn efid(fields: &mut Fields, level: Level) -> Decoded<Counts> {
    let (record_digits, octet_digits) = if level < Level::V2_0 { (9, 12) } else { (17, 17) };
    let records = fields.number("EFIDRCNT", record_digits)?;
    let octets = fields.number("EFIDUCNT", octet_digits)?;
    Ok(Counts { records, octets })
}

fn efna(fields: &mut Fields, level: Level) -> Decoded<Efna> {
    let reason = file_reason(fields, "EFNAREAS")?;
    let text = reason_text(fields, level, ["EFNAREASL", "EFNAREAST"])?;
    Ok(Efna { reason, text })
}

fn esid(fields: &mut Fields) -> Decoded<Esid> {
    let accepts_unknown = fields.tolerance().unknown_reasons;
    let reason = fields.number_as("ESIDREAS", 2, "a reason code of ESID", |number| {
        let reason = EndSessionReason::from_number(u8::try_from(number).ok()?);
        (accepts_unknown || !matches!(reason, EndSessionReason::Unknown(_))).then_some(reason)
    })?;
    let text = if fields.remaining() == 1 {
        ReasonText::default()
    } else {
        ReasonText::from_octets(fields.counted_text("ESIDREASL", "ESIDREAST")?)
    };
    fields.carriage_return("ESIDCR")?;
    Ok(Esid { reason, text })
}

fn eerp(fields: &mut Fields, level: Level) -> Decoded<Eerp> {
    let dataset_name = dataset_name(fields, "EERPDSN")?;
    let stamp = stamp(fields, level, 3, ["EERPDATE", "EERPTIME"])?;
    let user_data = user_data(fields, "EERPUSER")?;
    // The response goes to where the file came from.
    let originator = odette_id(fields, "EERPDEST")?;
    let destination = odette_id(fields, "EERPORIG")?;
    let file = FileIdentity { dataset_name, stamp, originator, destination };
    Ok(Eerp { file, user_data, seal: seal(fields, level)? })
}

fn nerp(fields: &mut Fields, level: Level) -> Decoded<Nerp> {
    let dataset_name = dataset_name(fields, "NERPDSN")?;
    let stamp = stamp(fields, level, 6, ["NERPDATE", "NERPTIME"])?;
    let originator = odette_id(fields, "NERPDEST")?;
    let destination = odette_id(fields, "NERPORIG")?;
    let file = FileIdentity { dataset_name, stamp, originator, destination };
    let creator = odette_id(fields, "NERPCREA")?;
    let accepts_unknown = fields.tolerance().unknown_reasons;
    let reason = fields.number_as("NERPREAS", 2, "a reason code of NERP", |number| {
        let reason = NegativeReason::from_number(u8::try_from(number).ok()?);
        (accepts_unknown || !matches!(reason, NegativeReason::Unknown(_))).then_some(reason)
    })?;
    let text = reason_text(fields, level, ["NERPREASL", "NERPREAST"])?;
    Ok(Nerp { file, creator, reason, text, seal: seal(fields, level)? })
}

fn aurp(fields: &mut Fields) -> Decoded<Aurp> {
    let mut response = [0; 20];
    response.copy_from_slice(fields.octets(20)?);
    Ok(Aurp { response })
}

fn odette_id(fields: &mut Fields, field: &'static str) -> Decoded<OdetteId> {
    fields.text(field, 25, "an identification code", |text| text.parse().ok())
}

fn user_data(fields: &mut Fields, field: &'static str) -> Decoded<UserData> {
    fields.text(field, 8, "printable ASCII", |text| text.parse().ok())
}

fn dataset_name(fields: &mut Fields, field: &'static str) -> Decoded<DatasetName> {
    let accepts_others = fields.tolerance().dataset_name_characters;
    fields.text(field, 26, "a dataset name", |text| {
        let name: DatasetName = text.parse().ok()?;
        (accepts_others || name.is_standard()).then_some(name)
    })
}

/// Reserved octets, date and time. They are as long together at every level: what 1.2 and 1.3 do
/// not say in the date is reserved, what they do not say in the time follows it.
fn stamp(
    fields: &mut Fields,
    level: Level,
    reserved: usize,
    [date_field, time_field]: [&'static str; 2],
) -> Decoded<Stamp> {
    let (short, expected_date, expected_time) = if level < Level::V1_4 {
        (true, "a date YYMMDD", "a time HHMMSS")
    } else {
        (false, "a date CCYYMMDD", "a time HHMMSScccc")
    };
    fields.reserved(if short { reserved + 6 } else { reserved })?;
    let date = fields.octets(if short { 6 } else { 8 })?;
    let time = fields.octets(if short { 6 } else { 10 })?;
    let read = |date: &[u8], time: &[u8]| {
        let digits = [date, time].concat();
        let digits = str::from_utf8(&digits).ok()?;
        if short { Stamp::from_short_digits(digits) } else { Stamp::from_digits(digits) }
    };
    let noon: &[u8] = if short { b"120000" } else { b"1200000001" };
    read(date, time).ok_or_else(|| match read(date, noon) {
        Some(_) => fields.invalid(time_field, time, expected_time),
        None => fields.invalid(date_field, date, expected_date),
    })
}

fn file_reason(fields: &mut Fields, field: &'static str) -> Decoded<FileReason> {
    let accepts_unknown = fields.tolerance().unknown_reasons;
    fields.number_as(field, 2, "a reason code of SFNA and EFNA", |number| {
        let reason = FileReason::from_number(u8::try_from(number).ok()?);
        (accepts_unknown || !matches!(reason, FileReason::Unknown(_))).then_some(reason)
    })
}

/// A length and a text from 2.0 on; nothing below.
fn reason_text(
    fields: &mut Fields,
    level: Level,
    [length_field, field]: [&'static str; 2],
) -> Decoded<ReasonText> {
    let is_left_out = fields.is_at_end() && fields.tolerance().missing_reason_text;
    if level < Level::V2_0 || is_left_out {
        return Ok(ReasonText::default());
    }
    Ok(ReasonText::from_octets(fields.counted_text(length_field, field)?))
}

/// A hash and a signature from 2.0 on; nothing below.
fn seal(fields: &mut Fields, level: Level) -> Decoded<Option<Seal>> {
    let is_left_out = fields.is_at_end() && fields.tolerance().missing_seal;
    if level < Level::V2_0 || is_left_out {
        return Ok(None);
    }
    let hash = fields.counted_octets()?.to_vec();
    let signature = fields.counted_octets()?.to_vec();
    Ok(Some(Seal { hash, signature }))
}
