//! What a partner's signed receipt proves.

use std::fmt::Write;

use commands::proof::ProofView;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Format, Style, Terminal, escaped, json};

/// For people or for programs.
pub fn text(proof: &ProofView, format: Format, terminal: &Terminal) -> String {
    match format {
        Format::Json => json(proof),
        Format::Table => sentences(proof, terminal),
    }
}

fn sentences(proof: &ProofView, terminal: &Terminal) -> String {
    let ProofView { partner, dataset_name, stamp, originator, destination, signer, .. } = proof;
    let said = match &proof.refused_by {
        None => format!("{partner} has received {dataset_name}"),
        Some(by) => format!("{partner} says that {by} refuses {dataset_name}"),
    };
    let instead = proof.signed_instead.as_ref();
    let mut facts = vec![
        ("file", format!("{stamp}, from {originator} to {destination}")),
        ("transmitted", format!("hash {}", proof.hash)),
    ];
    facts.extend(instead.map(|instead| ("signed", format!("{instead}, in place of that hash"))));
    facts.extend([
        ("receipt", format!("came {}", moment(proof.received_at))),
        ("signed by", signer.subject.clone()),
        ("certificate", format!("serial {} of {}", signer.serial, signer.issuer)),
        ("", format!("valid {} to {}", moment(signer.valid_from), moment(signer.expires))),
        ("", format!("SHA-256 {}", signer.fingerprint)),
    ]);
    let mut text = format!("{} {}\n", terminal.paint(Style::Good, "√"), escaped(&said));
    for (name, fact) in facts {
        let _ = writeln!(text, "  {name:<11}  {}", escaped(&fact));
    }
    text
}

fn moment(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use commands::proof::SignerOfReceipt;

    use super::*;

    fn proof(refused_by: Option<String>) -> ProofView {
        ProofView {
            entry: 7.into(),
            partner: "bolt".parse().unwrap(),
            dataset_name: "ENGDAT00471".into(),
            stamp: "202611200814020001".into(),
            originator: "O0013000001ACME".into(),
            destination: "O0013000002BOLT".into(),
            hash: "0a".repeat(32),
            signed_instead: None,
            refused_by,
            received_at: "2026-11-20T08:14:09Z".parse().unwrap(),
            signer: SignerOfReceipt {
                subject: "CN=bolt receipts\n√ forged".into(),
                issuer: "CN=bolt receipts".into(),
                serial: "1f".into(),
                fingerprint: "0b".repeat(32),
                valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
                expires: "2029-01-01T00:00:00Z".parse().unwrap(),
            },
        }
    }

    #[test]
    fn a_proof_says_who_has_what_and_who_signed_that_and_nobody_forges_a_line() {
        let hash = "0a".repeat(32);
        let fingerprint = "0b".repeat(32);
        assert_eq!(
            text(&proof(None), Format::Table, &Terminal::default()),
            format!(
                "√ bolt has received ENGDAT00471\n\
                 \x20 file         202611200814020001, from O0013000001ACME to O0013000002BOLT\n\
                 \x20 transmitted  hash {hash}\n\
                 \x20 receipt      came 2026-11-20 08:14:09 UTC\n\
                 \x20 signed by    CN=bolt receipts\\n√ forged\n\
                 \x20 certificate  serial 1f of CN=bolt receipts\n\
                 \x20              valid 2026-01-01 00:00:00 UTC to 2029-01-01 00:00:00 UTC\n\
                 \x20              SHA-256 {fingerprint}\n"
            )
        );
        let signed_instead = Some("SHA-1 of what was transmitted".to_owned());
        let other = ProofView { signed_instead, ..proof(None) };
        let said = text(&other, Format::Table, &Terminal::default());
        assert!(
            said.contains("  signed       SHA-1 of what was transmitted, in place of that hash\n")
        );
        let refusal = proof(Some("O0013000003CRANE".into()));
        let said = text(&refusal, Format::Table, &Terminal::default());
        assert!(said.starts_with("√ bolt says that O0013000003CRANE refuses ENGDAT00471\n"));
    }
}
