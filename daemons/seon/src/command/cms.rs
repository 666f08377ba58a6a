//! `seon cms`: packages shown, made and opened without a session.

use std::process::ExitCode;

use commands::cms::{self, KeyView, LayerView, Made, PackageView, SignerView, VerifierView};
use terminal::{Failure, Format, Style, Terminal, escaped, human};

use super::Context;
use super::secured;
use crate::arguments::{Cms, Way};

pub(super) async fn run(context: &Context, command: Cms) -> Result<ExitCode, Failure> {
    let place = context.place();
    match command {
        Cms::Show { file } => {
            let package = cms::show(&place, &file).await?;
            let text = match context.shared.format {
                Format::Json => terminal::json(&package),
                Format::Table => lines(&package, &context.terminal),
            };
            terminal::answer(&text)?;
            Ok(if package.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Cms::Wrap { way: Way { partner, file, to }, packaging } => {
            tell(context, &cms::wrap(&place, &partner, packaging.asked(), &file, &to).await?)
        }
        Cms::Unwrap(Way { partner, file, to }) => {
            tell(context, &cms::unwrap(&place, &partner, &file, &to).await?)
        }
    }
}

fn tell(context: &Context, made: &Made) -> Result<ExitCode, Failure> {
    let text = match context.shared.format {
        Format::Json => terminal::json(made),
        Format::Table => line(made, &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(made: &Made, terminal: &Terminal) -> String {
    let (file, to) = (made.file.display(), made.to.display());
    let mut line = format!("{} {file} → {to}", terminal.paint(Style::Good, "√"));
    let facts = [
        Some(human::octets(made.octets)),
        made.security.as_ref().map(|security| secured::words(Some(security))),
        made.signer.as_ref().map(|signer| format!("signed by {signer}")),
    ];
    facts.into_iter().flatten().for_each(|fact| line.extend(["  ", &fact]));
    line + "\n"
}

/// A layer a line, outermost first, and below it whom it concerns.
fn lines(package: &PackageView, terminal: &Terminal) -> String {
    let mut lines = Lines(String::new());
    lines.add(0, [&*package.file.to_string_lossy(), "  ", &human::octets(package.octets)]);
    for layer in &package.layers {
        match layer {
            LayerView::Encrypted { cipher, padding, recipients, key } => {
                let padding = padding.map(|padding| ["; ", padding]);
                let by = ["encrypted by ", cipher.unwrap_or("what is not known")];
                lines.add(0, by.into_iter().chain(padding.into_iter().flatten()));
                for recipient in recipients {
                    lines.add(1, ["for ", recipient]);
                }
                match key {
                    Some(KeyView { secret, subject }) => {
                        lines.add(1, ["our key: ", secret, ", ", subject]);
                    }
                    None => lines.add(1, ["none of our keys"]),
                }
            }
            LayerView::Compressed => lines.add(0, ["compressed"]),
            LayerView::Signed { signers } => {
                lines.add(0, ["signed"]);
                for signer in signers {
                    lines.signer(signer, terminal);
                }
            }
        }
    }
    if !package.certificates.is_empty() {
        lines.add(0, ["certificates that came with it, which prove nothing"]);
        for certificate in &package.certificates {
            lines.add(1, [certificate.as_str()]);
        }
    }
    if let Some(octets) = package.content {
        lines.add(0, ["content  ", &human::octets(octets)]);
    }
    if let Some(fault) = &package.fault {
        let style = if package.sound { Style::Warning } else { Style::Bad };
        lines.judged(0, &terminal.paint(style, fault.code), [" ", fault.text.as_str()]);
    }
    if let Some(why) = &package.without_keys {
        lines.add(0, ["read without keys: ", why]);
    }
    lines.0
}

/// Lines of text, whatever others wrote into it.
struct Lines(String);

impl Lines {
    fn add<'a>(&mut self, indent: usize, text: impl IntoIterator<Item = &'a str>) {
        self.judged(indent, "", text);
    }

    /// A line that begins with words of ours, which may have a style.
    fn judged<'a>(
        &mut self,
        indent: usize,
        judgement: &str,
        text: impl IntoIterator<Item = &'a str>,
    ) {
        self.0.extend(std::iter::repeat_n("  ", indent));
        self.0.push_str(judgement);
        text.into_iter().for_each(|piece| self.0.push_str(&escaped(piece)));
        self.0.push('\n');
    }

    fn signer(&mut self, signer: &SignerView, terminal: &Terminal) {
        let by_what = [signer.digest, signer.padding].into_iter().flatten();
        let by_what = by_what.flat_map(|what| ["; ", what]);
        self.add(1, ["by ", &signer.name].into_iter().chain(by_what));
        if let Some(VerifierView { partner, key: KeyView { secret, subject }, active_from }) =
            &signer.certificate
        {
            let not_yet = active_from.map(|from| format!("; it counts from {from} on"));
            let whose = ["certificate of ", partner.as_str(), ": ", secret, ", ", subject];
            self.add(2, whose.into_iter().chain(not_yet.as_deref()));
        }
        match &signer.fault {
            None => self.judged(2, &terminal.paint(Style::Good, "verified"), []),
            Some(fault) => {
                let judgement = terminal.paint(Style::Warning, "not verified");
                self.judged(2, &judgement, [": ", fault.as_str()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use commands::cms::Fault;

    use super::*;

    fn key(secret: &str, subject: &str) -> KeyView {
        KeyView { secret: secret.into(), subject: subject.into() }
    }

    fn package() -> PackageView {
        PackageView {
            file: PathBuf::from("ORDER.p7m"),
            octets: 3000,
            layers: vec![],
            certificates: vec![],
            content: None,
            fault: None,
            without_keys: None,
            sound: true,
        }
    }

    #[test]
    fn a_package_is_shown_from_the_outside_to_its_content() {
        let verified = SignerView {
            name: "serial 02 of CN=acme files".into(),
            digest: Some("SHA-256"),
            padding: Some("RSA with PKCS#1 1.5"),
            certificate: Some(VerifierView {
                partner: "acme".parse().unwrap(),
                key: key("acme-sign", "CN=acme files"),
                active_from: None,
            }),
            fault: None,
        };
        let shown = PackageView {
            layers: vec![
                LayerView::Encrypted {
                    cipher: Some("AES-256"),
                    padding: Some("RSA with PKCS#1 1.5"),
                    recipients: vec!["serial 01 of CN=bolt".into()],
                    key: Some(key("bolt-decrypt", "CN=bolt")),
                },
                LayerView::Compressed,
                LayerView::Signed { signers: vec![verified] },
            ],
            certificates: vec!["CN=acme files (serial 02 of CN=acme files)".into()],
            content: Some(10_240),
            ..package()
        };
        assert_eq!(
            lines(&shown, &Terminal::default()),
            "ORDER.p7m  2.9 KiB\n\
             encrypted by AES-256; RSA with PKCS#1 1.5\n\
             \x20 for serial 01 of CN=bolt\n\
             \x20 our key: bolt-decrypt, CN=bolt\n\
             compressed\n\
             signed\n\
             \x20 by serial 02 of CN=acme files; SHA-256; RSA with PKCS#1 1.5\n\
             \x20   certificate of acme: acme-sign, CN=acme files\n\
             \x20   verified\n\
             certificates that came with it, which prove nothing\n\
             \x20 CN=acme files (serial 02 of CN=acme files)\n\
             content  10 KiB\n"
        );
    }

    #[test]
    fn what_cannot_be_read_or_verified_is_said_and_a_name_of_others_stays_on_its_line() {
        let stranger = SignerView {
            name: "serial 66 of CN=acme\nverified".into(),
            digest: None,
            padding: None,
            certificate: None,
            fault: Some("the content is not the one that was signed".into()),
        };
        let shown = PackageView {
            layers: vec![LayerView::Signed { signers: vec![stranger] }],
            fault: Some(Fault { code: "E-CMS-SIGNATURE", text: "not the one".into() }),
            without_keys: Some("acme holds no file".into()),
            ..package()
        };
        assert_eq!(
            lines(&shown, &Terminal::default()),
            "ORDER.p7m  2.9 KiB\n\
             signed\n\
             \x20 by serial 66 of CN=acme\\nverified\n\
             \x20   not verified: the content is not the one that was signed\n\
             E-CMS-SIGNATURE not the one\n\
             read without keys: acme holds no file\n"
        );
    }

    #[test]
    fn what_was_made_is_told_in_a_line() {
        let made = Made {
            file: "ORDER.p7m".into(),
            to: "ORDER".into(),
            octets: 2048,
            partner: "acme".parse().unwrap(),
            security: None,
            signer: Some("CN=acme files".into()),
        };
        let told = line(&made, &Terminal::default());
        assert_eq!(told, "√ ORDER.p7m → ORDER  2.0 KiB  signed by CN=acme files\n");
    }
}
