//! CMS packages of partners and for them, without a session and without a database: shown, made and
//! opened by an instance's keys and a partner's policy, for support and for hosts that do nothing
//! else (RFC 5024 section 6).

mod file;
mod judge;
mod keys;
mod show;

use std::path::{Path, PathBuf};

use configuration::Scope;
use domain::PartnerName;
use domain::security::Asked;
use oftp_cms::{Expected, Unpackager};
use packaging::{Cores, Packing, Sealing};
use serde::Serialize;

pub use show::{Fault, KeyView, LayerView, PackageView, SignerView, VerifierView, show};

use self::file::{Beside, Next, Source, read};
use self::keys::Keys;
use crate::error::blocking;
use crate::{Error, Instance, Place, SecurityView};

/// A file that was made of another one.
#[derive(Debug, Serialize)]
pub struct Made {
    /// What it was made of.
    pub file: PathBuf,
    /// Where it is.
    pub to: PathBuf,
    /// Its octets.
    pub octets: u64,
    /// Whose policy counted.
    pub partner: PartnerName,
    /// How the package is secured; nothing if it is an envelope and no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<SecurityView>,
    /// Who signed it, where it was opened and is signed: the certificate's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// Packages a file for a partner, as one that is queued for it would be. The file's octets are
/// packaged as they are, whatever its records.
///
/// # Errors
///
/// What the partner's policy does not let be done, a key that is not there or not active, a file
/// that cannot be read or written. Nothing is left of the package then.
pub async fn wrap(
    place: &Place,
    partner: &str,
    asked: Asked,
    file: &Path,
    to: &Path,
) -> Result<Made, Error> {
    let instance = Instance::load_for(place, Scope::SendQueue)?;
    let partner = instance.partner(partner)?;
    let packaging = partner.security.outbound.packaging(asked)?;
    let own = &instance.configuration.instance;
    let sealing = Sealing::of(own, partner, packaging, ambient::now())?;
    let Some(packing) = Packing::new(Cores::default(), packaging, sealing)? else {
        return Err(Error::Invalid(format!(
            "files for {} are neither signed nor encrypted nor compressed by its policy; ask for \
             one of them: --sign, --encrypt, --compress",
            partner.name
        )));
    };
    let octets = make(packing, file, Beside::new(to)?).await?;
    Ok(Made {
        file: file.to_owned(),
        to: to.to_owned(),
        octets,
        partner: partner.name.clone(),
        security: SecurityView::of(packaging),
        signer: None,
    })
}

/// Opens a partner's package. No SFID says what it is: it is what it turns out to be, and the
/// partner's policy has to take that, and its signer's certificate count now. Its content is in place only after everything was verified.
///
/// # Errors
///
/// What is wrong with the package, what the partner's policy does not take, a file that cannot be
/// read or written. Nothing is left of the content then.
pub async fn unwrap(place: &Place, partner: &str, file: &Path, to: &Path) -> Result<Made, Error> {
    let instance = Instance::load_for(place, Scope::ReceiveMaster)?;
    let partner = instance.partner(partner)?;
    let own = &instance.configuration.instance;
    let now = ambient::now();
    let Keys { known, .. } = Keys::that_count(own, partner, now)?;
    let certificates = known.certificates.clone();
    let unpackager = Unpackager::new(known, Expected::Anything);
    let opening = Opening { unpackager, content: Vec::new(), out: Beside::new(to)? };
    let opening = read(file, opening, Opening::take).await?;
    let policy = partner.security.inbound.clone();
    let revocation = partner.revocation.clone();
    let (octets, packaging, signer) = blocking(move || {
        let Opening { unpackager, mut content, mut out } = opening;
        let found = unpackager.finish(&mut content)?;
        out.write(&content)?;
        let announced = judge::packaging(&found, &policy.suites)?;
        policy.admits(announced)?;
        let signer = packaging::signer(&found, announced.suite(), &certificates, &revocation, now)?;
        Ok((out.place()?, announced, signer))
    })
    .await?;
    Ok(Made {
        file: file.to_owned(),
        to: to.to_owned(),
        octets,
        partner: partner.name.clone(),
        security: SecurityView::of(packaging),
        signer: signer.map(|signer| signer.subject().to_owned()),
    })
}

/// Makes a package of a file; its octets.
async fn make(mut packing: Packing, file: &Path, mut out: Beside) -> Result<u64, Error> {
    let file = file.to_owned();
    let mut source = blocking(move || Source::open(&file)).await?;
    let mut chunk = Vec::new();
    loop {
        let mut made = std::mem::take(packing.made());
        (source, out, chunk, made) = blocking(move || {
            out.write(&made)?;
            made.clear();
            source.next(&mut chunk)?;
            Ok((source, out, chunk, made))
        })
        .await?;
        *packing.made() = made;
        if chunk.is_empty() {
            break;
        }
        chunk = packing.push(chunk).await?;
    }
    packing.finish().await?;
    let rest = std::mem::take(packing.made());
    blocking(move || {
        out.write(&rest)?;
        out.place()
    })
    .await
}

/// A package that is being opened.
struct Opening {
    unpackager: Unpackager,
    content: Vec<u8>,
    out: Beside,
}

impl Opening {
    fn take(&mut self, mut chunk: &[u8]) -> Result<Next, Error> {
        while !chunk.is_empty() {
            self.unpackager.push(&mut chunk, &mut self.content)?;
            self.out.write(&self.content)?;
            self.content.clear();
        }
        Ok(Next::Chunk)
    }
}
