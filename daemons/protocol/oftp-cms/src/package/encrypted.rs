//! `EnvelopedData` (RFC 5652 section 6), its key wrapped by RSA for each recipient.

use aws_lc_rs::cipher::StreamingEncryptingKey;

use super::chunks::Chunks;
use super::open::{PACKAGE_END, package_head};
use super::{Encryption, Layer};
use crate::ber::{
    CONSTRUCTED, CONTEXT_0, END, INDEFINITE, INTEGER, OCTET_STRING, SEQUENCE, SET, element,
};
use crate::rsa::KeyTransport;
use crate::suite::Cipher;
use crate::{Certificate, PackageError, oid};

/// The version of fields that name recipients by issuer and serial number.
const VERSION: [u8; 3] = [INTEGER, 1, 0];

pub(super) struct EncryptedWriter {
    /// Gone once the content has ended.
    encryptor: Option<StreamingEncryptingKey>,
    cipher: Cipher,
    piece: Vec<u8>,
    chunks: Chunks,
}

impl EncryptedWriter {
    pub(super) fn new(encryption: &Encryption) -> Result<Self, PackageError> {
        let Encryption { suite, recipients, key } = encryption;
        let (cipher, transport) = (suite.cipher(), KeyTransport::of(*suite));
        let (content_key, vector) = (key.key(cipher), key.vector(cipher));
        let info = |recipient| recipient_info(recipient, transport, content_key);
        let recipients: Option<Vec<_>> = recipients.iter().map(info).collect();
        let recipients = recipients.ok_or(PackageError::Encrypt)?.concat();
        let algorithm =
            element(SEQUENCE, &[&oid::identifier(cipher.oid()), &element(OCTET_STRING, &[vector])]);
        let head = [
            package_head(oid::ENVELOPED_DATA).as_slice(),
            &VERSION,
            &element(SET, &[&recipients]),
            &[SEQUENCE, INDEFINITE],
            &oid::identifier(oid::DATA),
            &algorithm,
            &[CONTEXT_0 | CONSTRUCTED, INDEFINITE],
        ]
        .concat();
        let encryptor = cipher.encryptor(content_key, vector).map_err(|_| PackageError::Encrypt)?;
        Ok(Self {
            encryptor: Some(encryptor),
            cipher,
            piece: Vec::new(),
            chunks: Chunks::new(head),
        })
    }
}

impl Layer for EncryptedWriter {
    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        let encryptor = self.encryptor.as_mut().ok_or(PackageError::Encrypt)?;
        let room = content.len() + self.cipher.block_length();
        if self.piece.len() < room {
            self.piece.resize(room, 0);
        }
        let made = encryptor.update(content, &mut self.piece).map_err(|_| PackageError::Encrypt)?;
        self.chunks.push(made.written(), out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        let encryptor = self.encryptor.take().ok_or(PackageError::Encrypt)?;
        self.piece.resize(self.cipher.block_length(), 0);
        let (_, made) = encryptor.finish(&mut self.piece).map_err(|_| PackageError::Encrypt)?;
        self.chunks.push(made.written(), out);
        self.chunks.finish(out);
        // The content's and its fields'.
        out.extend_from_slice(&[END; 2].concat());
        out.extend_from_slice(&PACKAGE_END.concat());
        Ok(())
    }
}

/// `KeyTransRecipientInfo`.
fn recipient_info(recipient: &Certificate, transport: KeyTransport, key: &[u8]) -> Option<Vec<u8>> {
    let wrapped = recipient.wrap(transport, key)?;
    Some(element(
        SEQUENCE,
        &[
            &VERSION,
            recipient.issuer_and_serial(),
            &transport.identifier(),
            &element(OCTET_STRING, &[&wrapped]),
        ],
    ))
}
