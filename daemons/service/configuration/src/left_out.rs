//! What is not good is left out, so that the others work: one company's mistake is not everybody's.

use std::collections::BTreeSet;

use crds::SeonPartnerSpec;

use crate::{
    Configuration, ManifestError, Scope, SecretFolder,
    manifest::{self, Content, Document, Errors},
    validate::{Input, validate},
};

/// A partner that is not part of a configuration, or a document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The partner's name, if the document says whose it is.
    pub partner: Option<String>,
    /// What is wrong; never empty.
    pub errors: Vec<ManifestError>,
}

/// Documents as they were read, and who of them is in the game.
pub(crate) struct Manifests<'a> {
    documents: Vec<Document<'a>>,
    mounted: Vec<Document<'a>>,
    all_read: bool,
}

impl<'a> Manifests<'a> {
    /// Reads every document that can be read, and says what is wrong with the others.
    pub(crate) fn read(
        files: impl Iterator<Item = (&'a str, &'a str)>,
        folders: &'a [SecretFolder],
    ) -> (Self, Errors) {
        let mut errors = Errors::new();
        let (documents, all_read) = manifest::read(files, &mut errors);
        let mounted = folders.iter().enumerate().map(manifest::mounted).collect();
        (Self { documents, mounted, all_read }, errors)
    }

    /// All of it is good, or nothing is taken.
    pub(crate) fn whole(&self, scope: Scope, errors: Errors) -> Result<Configuration, Errors> {
        self.judge(scope, self.all_read, errors)
    }

    /// Only what the instance itself needs has to be good.
    pub(crate) fn without_the_bad(
        mut self,
        scope: Scope,
        mut unread: Errors,
    ) -> Result<Configuration, Errors> {
        let all_wrong = match self.whole(scope, unread.clone()) {
            Ok(configuration) => return Ok(configuration),
            Err(errors) => errors,
        };
        let mut left_out = Vec::new();
        loop {
            // What does not go together shows only once the rest is sound, so that each turn may find
            // more. What could not be read is left out, and so is not there.
            let errors = match self.judge(scope, true, unread.clone()) {
                Ok(configuration) => return Ok(Configuration { left_out, ..configuration }),
                Err(errors) => errors,
            };
            let Some(bad) = self.bad(&errors) else {
                return Err(all_wrong);
            };
            left_out.extend(bad.left_out);
            let stays = |document: &Document<'_>| !bad.documents.contains(&document.number);
            self.documents.retain(stays);
            self.mounted.retain(stays);
            unread.retain(|fault| fault.document.is_none_or(|it| !bad.documents.contains(&it)));
        }
    }

    fn judge(
        &self,
        scope: Scope,
        all_read: bool,
        mut errors: Errors,
    ) -> Result<Configuration, Errors> {
        let Self { documents, mounted, .. } = self;
        validate(&Input { documents, mounted, all_read, scope }, &mut errors).ok_or(errors)
    }

    /// Who has to go because of these errors; `None` if the instance would have to.
    ///
    /// A Secret takes those with it that use it. If the instance is one of them it misses its Secret in
    /// the next turn, which ends it.
    fn bad(&self, errors: &Errors) -> Option<Bad> {
        let mut bad = Bad::default();
        for fault in errors {
            let number = fault.document?;
            let mut all = self.documents.iter().chain(&self.mounted);
            let users: Vec<_> = match all.find(|document| document.number == number) {
                Some(Document { content: Content::Instance(_), .. }) => return None,
                Some(secret @ Document { content: Content::Secret(_), .. }) => {
                    self.users(&secret.name).collect()
                }
                Some(partner) => vec![partner],
                None => Vec::new(),
            };
            bad.documents.insert(number);
            bad.documents.extend(users.iter().map(|user| user.number));
            let mut names: Vec<_> = users.iter().map(|user| Some(user.name.clone())).collect();
            if names.is_empty() {
                names.push(None);
            }
            for partner in names {
                bad.blame(partner, &fault.error);
            }
        }
        Some(bad)
    }

    fn users(&self, secret: &str) -> impl Iterator<Item = &Document<'a>> {
        self.documents.iter().filter(move |document| match &document.content {
            Content::Partner(Some(spec)) => uses(spec, secret),
            _ => false,
        })
    }
}

fn uses(spec: &SeonPartnerSpec, secret: &str) -> bool {
    let own = spec.identity.own_password_secret_ref.as_ref();
    spec.identity.password_secret_ref.name == secret
        || own.is_some_and(|own| own.name == secret)
        || spec.certificates.iter().any(|certificate| certificate.secret_ref.name == secret)
}

#[derive(Default)]
struct Bad {
    documents: BTreeSet<usize>,
    left_out: Vec<LeftOut>,
}

impl Bad {
    fn blame(&mut self, partner: Option<String>, error: &ManifestError) {
        let known = self.left_out.iter_mut().find(|it| partner.is_some() && it.partner == partner);
        match known {
            Some(known) => known.errors.push(error.clone()),
            None => self.left_out.push(LeftOut { partner, errors: vec![error.clone()] }),
        }
    }
}
