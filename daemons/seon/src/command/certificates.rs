//! `seon certificates`: what ends when, and keys of ours.

use std::process::ExitCode;

use commands::certificates::{self, CertificateState, CertificateView, CertificatesView};
use commands::revocation::{self, ListView};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use terminal::arguments::Certificates;
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::Context;

pub(super) async fn run(context: &Context, options: &Certificates) -> Result<ExitCode, Failure> {
    let now = ambient::now();
    if let Some(order) = &options.order {
        let text = terminal::own_key::run(order, now, context.shared.format, &context.terminal)?;
        terminal::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.lists {
        let lists = revocation::lists(&context.place()).await?;
        let text = match context.shared.format {
            Format::Json => terminal::json(&lists),
            Format::Table => lists_in_words(&lists, now, &context.terminal),
        };
        terminal::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = certificates::list(&context.place(), options.partner.as_ref(), now).await?;
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
    if let Some(why) = &found.without_own {
        let why = terminal::escaped(why);
        text.extend([
            "\nour own are not among them (a pod is given what its daemon needs): ",
            &why,
            "\n",
        ]);
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

fn lists_in_words(lists: &[ListView], now: Timestamp, terminal: &Terminal) -> String {
    if lists.is_empty() {
        return "no certificate names a list that can be fetched, and none is written down\n"
            .to_owned();
    }
    let mut table = Table::new([
        Column::left("COUNTS"),
        Column::left("URL"),
        Column::left("ISSUER"),
        Column::right("ENTRIES"),
        Column::left("MADE"),
        Column::left("VALID UNTIL"),
        Column::left("LOOKED FOR"),
        Column::left("TROUBLE"),
    ]);
    let ago = |moment: Timestamp| format!("{} ago", human::age(human::elapsed(moment, now)));
    for one in lists {
        let is_late = one.until.is_some_and(|until| until <= now);
        let until = one.until.map(|until| until.to_string()).unwrap_or_default();
        table.row([
            match (one.counts, is_late) {
                (false, _) => Cell::styled(Style::Bad, "no"),
                (true, true) => Cell::styled(Style::Warning, "late"),
                (true, false) => "yes".into(),
            },
            one.url.as_str().into(),
            one.issuer.as_deref().unwrap_or_default().into(),
            one.entries.map(|entries| entries.to_string()).unwrap_or_default().into(),
            one.made.map(ago).unwrap_or_default().into(),
            if is_late { Cell::styled(Style::Warning, until) } else { until.into() },
            one.tried.map(ago).unwrap_or_default().into(),
            one.code.as_deref().unwrap_or_default().into(),
        ]);
    }
    let mut text = table.render(terminal);
    let troubles: Vec<_> =
        lists.iter().filter_map(|one| Some((&one.url, one.text.as_ref()?))).collect();
    if !troubles.is_empty() {
        text.push('\n');
        text.extend(troubles.iter().map(|(url, why)| format!("{url}: {why}\n")));
    }
    text
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
        CertificateState::Revoked => Cell::styled(Style::Bad, "revoked"),
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
            without_own: Some("Secret acme-tls is not there".into()),
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

our own are not among them (a pod is given what its daemon needs): Secret acme-tls is not there
"
        );
    }

    #[test]
    fn the_lists_are_shown_with_what_is_wrong_with_them() {
        let list = |url: &str, until: &str| ListView {
            url: url.into(),
            issuer: Some("CN=Root".into()),
            entries: Some(318),
            made: Some("2026-11-20T12:00:00Z".parse().unwrap()),
            until: Some(until.parse().unwrap()),
            fetched: Some("2026-11-21T12:00:00Z".parse().unwrap()),
            tried: Some("2026-11-22T11:48:00Z".parse().unwrap()),
            counts: true,
            code: None,
            text: None,
        };
        let lists = [
            list("http://ca.example/root.crl", "2026-12-20T08:00:00Z"),
            list("http://ca.example/late.crl", "2026-11-22T08:00:00Z"),
            ListView {
                issuer: None,
                entries: None,
                made: None,
                until: None,
                fetched: None,
                counts: false,
                code: Some("E-REVOCATION-TIMEOUT".into()),
                text: Some("there was no whole answer within 30s".into()),
                ..list("http://ca.example/sub.crl", "2026-12-20T08:00:00Z")
            },
        ];
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(
            lists_in_words(&lists, now, &Terminal::default()),
            "\
COUNTS  URL                         ISSUER   ENTRIES  MADE    VALID UNTIL           LOOKED FOR  TROUBLE
yes     http://ca.example/root.crl  CN=Root      318  2d ago  2026-12-20T08:00:00Z  12m ago     -
late    http://ca.example/late.crl  CN=Root      318  2d ago  2026-11-22T08:00:00Z  12m ago     -
no      http://ca.example/sub.crl   -              -  -       -                     12m ago     E-REVOCATION-TIMEOUT

http://ca.example/sub.crl: there was no whole answer within 30s
"
        );
    }
}
