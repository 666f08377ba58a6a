//! `seon cms`: packages shown, made and opened without a session.

use std::fmt::Write;
use std::process::ExitCode;

use commands::cms::{self, KeyView, LayerView, Made, PackageView, SignerView};
use terminal::{Failure, Format, Style, Terminal, human};

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
    let mut text = format!("{}  {}\n", package.file.display(), human::octets(package.octets));
    for layer in &package.layers {
        // Writing to a String cannot fail.
        let _ = match layer {
            LayerView::Encrypted { cipher, recipients, key } => {
                encrypted(&mut text, *cipher, recipients, key.as_ref())
            }
            LayerView::Compressed => writeln!(text, "compressed"),
            LayerView::Signed { signers } => {
                text.push_str("signed\n");
                signers.iter().for_each(|signer| text.push_str(&signed(signer, terminal)));
                Ok(())
            }
        };
    }
    if !package.certificates.is_empty() {
        text.push_str("certificates that came with it (they prove nothing)\n");
        package.certificates.iter().for_each(|one| text.extend(["  ", one, "\n"]));
    }
    if let Some(octets) = package.content {
        text.extend(["content  ", &human::octets(octets), "\n"]);
    }
    if let Some(fault) = &package.fault {
        let style = if package.sound { Style::Warning } else { Style::Bad };
        text.extend([&terminal.paint(style, fault.code), " ", &fault.text, "\n"]);
    }
    if let Some(why) = &package.without_keys {
        text.extend(["read without keys: ", why, "\n"]);
    }
    text
}

fn encrypted(
    text: &mut String,
    cipher: Option<&str>,
    recipients: &[String],
    key: Option<&KeyView>,
) -> std::fmt::Result {
    match cipher {
        Some(cipher) => writeln!(text, "encrypted by {cipher}")?,
        None => writeln!(text, "encrypted")?,
    }
    recipients.iter().try_for_each(|recipient| writeln!(text, "  for {recipient}"))?;
    match key {
        Some(KeyView { secret, subject }) => writeln!(text, "  our key {secret}: {subject}"),
        None => writeln!(text, "  none of our keys"),
    }
}

fn signed(signer: &SignerView, terminal: &Terminal) -> String {
    let mut text = format!("  by {}", signer.name);
    text.extend(signer.digest.map(|digest| format!(", {digest}")));
    text.push('\n');
    if let Some(certificate) = &signer.certificate {
        let (partner, KeyView { secret, subject }) = (&certificate.partner, &certificate.key);
        text.push_str(&format!("    certificate of {partner}, {secret}: {subject}"));
        let not_yet = certificate.active_from.map(|from| format!(", which counts from {from} on"));
        text.extend(not_yet);
        text.push('\n');
    }
    let judged = match &signer.fault {
        None => terminal.paint(Style::Good, "verified"),
        Some(fault) => format!("{}: {fault}", terminal.paint(Style::Warning, "not verified")),
    };
    text + "    " + &judged + "\n"
}
