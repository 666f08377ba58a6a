//! `certificates request` and `certificates import`, which need neither an instance nor a cluster.

use std::fmt::Write;

use commands::own_key::{self, Import, Imported, OwnPurpose, Request, Requested};
use jiff::Timestamp;

use crate::arguments::{KeyImport, KeyRequest, OwnKeyOrder};
use crate::{Failure, Format, Style, Terminal, escaped, json};

/// Does it, and says what was done. Errors are those of [`own_key`].
pub fn run(
    order: &OwnKeyOrder,
    now: Timestamp,
    format: Format,
    terminal: &Terminal,
) -> Result<String, Failure> {
    match order {
        OwnKeyOrder::Request(options) => {
            let made = own_key::request(&Request {
                name: &options.key.name,
                uses: &options.key.uses,
                subject: &options.subject,
                hosts: &options.hosts,
                kind: options.kind,
                folder: options.key.directory.clone(),
            })?;
            Ok(match format {
                Format::Json => json(&made),
                Format::Table => requested(&made, options, terminal),
            })
        }
        OwnKeyOrder::Import(options) => {
            let order = Import {
                name: &options.key.name,
                uses: &options.key.uses,
                answers: &options.answers,
                namespace: options.secret_namespace.as_deref(),
                folder: options.key.directory.clone(),
            };
            let made = own_key::import(&order, now)?;
            Ok(match format {
                Format::Json => json(&made),
                Format::Table => imported(&made, options, terminal),
            })
        }
    }
}

fn requested(made: &Requested, options: &KeyRequest, terminal: &Terminal) -> String {
    let (key, request) = (made.key.display(), made.request.display());
    let uses: Vec<_> = options.key.uses.iter().map(|usage| usage.name()).collect();
    let what = if made.is_new {
        format!("a key of the kind {}", options.kind.name())
    } else {
        "a request for the key that was there,".to_owned()
    };
    format!(
        "{} {what} for {}\n  key      {key}   (keep it; nobody else needs it)\n  request  \
         {request}   (send it to your authority)\n\nwhen the answer is there:\n  seon certificates \
         import {} --for {} ANSWER\n",
        terminal.paint(Style::Good, "√"),
        escaped(&made.subject),
        options.key.name,
        uses.join(","),
    )
}

fn imported(made: &Imported, options: &KeyImport, terminal: &Terminal) -> String {
    let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
    let mut text = format!("{} {}\n", terminal.paint(Style::Good, "√"), escaped(&made.chain[0]));
    let mut fact = |name: &str, fact: String| {
        let _ = writeln!(text, "  {name:<11}  {fact}");
    };
    for authority in &made.chain[1..] {
        fact("issued by", escaped(authority).into_owned());
    }
    fact("valid", format!("{} to {}", day(made.valid_from), day(made.expires)));
    fact("SHA-256", made.sha256.clone());
    fact("Secret", format!("{}   (it holds the key)", made.secret.display()));
    fact("certificate", format!("{}   (for your partners)", made.certificate.display()));
    for note in &made.notes {
        let _ = writeln!(text, "{} {}", terminal.paint(Style::Warning, "‼"), escaped(&note.0));
    }
    let for_files: Vec<_> = options
        .key
        .uses
        .iter()
        .filter(|usage| **usage != OwnPurpose::Tls)
        .map(|it| it.name())
        .collect();
    let _ = writeln!(text, "\nin the instance, with the Secret beside it:");
    let name = &options.key.name;
    if options.key.uses.contains(&OwnPurpose::Tls) {
        let _ = writeln!(text, "  receive: {{tls: {{certificateSecretRef: {{name: {name}}}}}}}");
        let _ = writeln!(text, "  send: {{tls: {{certificateSecretRef: {{name: {name}}}}}}}");
    }
    if !for_files.is_empty() {
        let purposes = for_files.join(", ");
        let _ = writeln!(
            text,
            "  certificates:\n  - {{purpose: [{purposes}], secretRef: {{name: {name}}}}}   # with \
             activeFrom: the day on which your partners have it"
        );
    }
    text
}
