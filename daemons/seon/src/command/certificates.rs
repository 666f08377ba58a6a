//! `seon certificates`: what ends when, and keys of ours.

use std::process::ExitCode;

use commands::certificates::{self, CertificateState, CertificateView, CertificatesView};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use terminal::arguments::Certificates;
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::Context;

pub(super) fn run(context: &Context, options: &Certificates) -> Result<ExitCode, Failure> {
    let now = ambient::now();
    if let Some(order) = &options.order {
        let text = terminal::own_key::run(order, now, context.shared.format, &context.terminal)?;
        terminal::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = certificates::list(&context.place(), options.partner.as_ref(), now)?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&found),
        Format::Table => words(&found, now, &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn words(found: &CertificatesView, now: Timestamp, terminal: &Terminal) -> String {
    let mut text = if found.certificates.is_empty() {
        "no certificate is configured\n".to_owned()
    } else {
        table(&found.certificates, now, terminal)
    };
    if !found.missing.is_empty() {
        text.push('\n');
        text.extend(found.missing.iter().map(|missing| format!("{}\n", missing.sentence)));
    }
    if found.without_own {
        text.push_str("\nour own are not among them: what runs here is given none, or not all\n");
    }
    text
}

fn table(certificates: &[CertificateView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("ENDS"),
        Column::left("WHOSE"),
        Column::left("PURPOSE"),
        Column::left("ACTIVE"),
        Column::left("SUBJECT"),
        Column::left("ISSUER"),
        Column::left("SERIAL"),
        Column::left("VALID FROM"),
        Column::left("VALID UNTIL"),
        Column::left("WHERE"),
    ]);
    for one in certificates {
        let purposes = one.purposes.join(",");
        table.row([
            ends(one, now),
            one.owner.as_str().into(),
            if one.issues { format!("{purposes} (authority)") } else { purposes }.into(),
            active(one),
            one.subject.as_str().into(),
            if one.issuer == one.subject { "itself".into() } else { one.issuer.as_str().into() },
            one.serial.as_str().into(),
            day(one.valid_from).into(),
            day(one.expires).into(),
            one.source.as_str().into(),
        ]);
    }
    table.render(terminal)
}

fn ends(one: &CertificateView, now: Timestamp) -> Cell {
    if one.state == CertificateState::Expired {
        let age = human::age(human::elapsed(one.expires, now));
        return Cell::styled(Style::Bad, format!("{age} ago"));
    }
    format!("in {}", human::age(human::elapsed(now, one.expires))).into()
}

fn active(one: &CertificateView) -> Cell {
    match one.state {
        CertificateState::Active => "yes".into(),
        CertificateState::Expired => Cell::styled(Style::Bad, "expired"),
        CertificateState::NotYetValid => {
            Cell::styled(Style::Warning, format!("from {}", day(one.valid_from)))
        }
        CertificateState::NotYetActive => {
            let from = one.active_from.map(day).unwrap_or_default();
            Cell::styled(Style::Warning, format!("from {from}"))
        }
    }
}

/// A day in UTC, as `activeFrom` has it.
fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use commands::certificates::MissingView;

    use super::*;

    fn certificate(owner: &str, state: CertificateState, expires: &str) -> CertificateView {
        CertificateView {
            owner: owner.into(),
            purposes: vec!["Encrypt".into(), "VerifySignature".into()],
            issues: false,
            state,
            subject: format!("CN={owner}"),
            issuer: format!("CN={owner}"),
            serial: "4d1c5e".into(),
            sha256: "ab".repeat(32),
            valid_from: "2024-01-01T00:00:00Z".parse().unwrap(),
            expires: expires.parse().unwrap(),
            active_from: Some("2026-12-24T00:00:00Z".parse().unwrap()),
            source: format!("{owner}-files"),
        }
    }

    #[test]
    fn the_table_says_what_ends_when_and_the_sentences_from_when_on_there_is_none() {
        let authority = CertificateView {
            purposes: vec!["Tls".into()],
            issues: true,
            issuer: "CN=Root".into(),
            ..certificate("anvil", CertificateState::NotYetActive, "2027-06-01T00:00:00Z")
        };
        let found = CertificatesView {
            certificates: vec![
                certificate("bolt", CertificateState::Expired, "2026-11-20T08:00:00Z"),
                certificate("acme", CertificateState::Active, "2026-12-12T12:00:00Z"),
                authority,
            ],
            missing: vec![
                MissingView {
                    owner: "acme".into(),
                    purpose: "Sign".into(),
                    from: "2026-12-12T12:00:01Z".parse().unwrap(),
                    until: Some("2026-12-24T00:00:00Z".parse().unwrap()),
                    sentence: "from then on acme has no certificate for Sign".into(),
                },
                MissingView {
                    owner: "bolt".into(),
                    purpose: "Encrypt".into(),
                    from: "2027-06-01T00:00:01Z".parse().unwrap(),
                    until: None,
                    sentence: "bolt has no certificate for Encrypt".into(),
                },
            ],
            without_own: false,
        };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(
            words(&found, now, &Terminal::default()),
            "\
ENDS       WHOSE  PURPOSE                  ACTIVE           SUBJECT   ISSUER   SERIAL  VALID FROM  VALID UNTIL  WHERE
2d 4h ago  bolt   Encrypt,VerifySignature  expired          CN=bolt   itself   4d1c5e  2024-01-01  2026-11-20   bolt-files
in 20d     acme   Encrypt,VerifySignature  yes              CN=acme   itself   4d1c5e  2024-01-01  2026-12-12   acme-files
in 190d    anvil  Tls (authority)          from 2026-12-24  CN=anvil  CN=Root  4d1c5e  2024-01-01  2027-06-01   anvil-files

from then on acme has no certificate for Sign
bolt has no certificate for Encrypt
"
        );
    }
}
