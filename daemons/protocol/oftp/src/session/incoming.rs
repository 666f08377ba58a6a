//! The file being received.

use crate::command::Sfid;
use crate::field::{Counts, EndSessionReason, FileReason, Format, ReasonText};
use crate::record::{self, RecordError};
use crate::restart::RestartPoint;

use super::event::{Event, FileFault};
use super::limits::MAXIMUM_EMPTY_DATA_BUFFERS;
use super::request::UserError;

/// A file from SFID to the answer to EFID.
pub(super) struct Incoming {
    format: Format,
    /// V.Restart-pos.
    offered: u64,
    /// What lies before the restart position.
    already: Counts,
    records: record::Incoming,
    /// The first record that is not of the format. What follows is heard and dropped: EFNA can
    /// only come after EFID, and those behind this file have done nothing.
    unfit: Option<RecordError>,
    /// `V.Credit_L`.
    credit: u16,
    /// DATA buffers in a row that brought nothing.
    empty_buffers: u32,
    /// What is left of a compressed buffer whose payload so far is for the user to store first.
    held: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(sfid: &Sfid) -> Self {
        let format = sfid.transmitted_format();
        Self {
            format,
            offered: sfid.restart,
            already: Counts::default(),
            records: record::Incoming::new(format, Counts::default()),
            unfit: None,
            credit: 0,
            empty_buffers: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn hold(&mut self, sub_records: Vec<u8>) {
        self.held = sub_records;
    }

    pub(super) fn held(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.held)
    }

    pub(super) fn offered(&self) -> u64 {
        self.offered
    }

    /// The user takes the file from a restart position on.
    pub(super) fn accept(
        &mut self,
        restart: u64,
        already: Counts,
        window: u16,
    ) -> Result<(), UserError> {
        check_already(self.format, restart, already)?;
        self.already = already;
        self.records = record::Incoming::new(self.format, already);
        self.credit = window;
        Ok(())
    }

    /// A DATA buffer's sub-records.
    pub(super) fn take(
        &mut self,
        sub_records: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<(), (EndSessionReason, ReasonText)> {
        if self.unfit.is_some() {
            return Ok(());
        }
        let before = self.records.counts();
        match self.records.take(sub_records, payload) {
            Ok(()) => {}
            Err(RecordError::SubRecord(error)) => {
                return Err((error.reason(), ReasonText::fitting(&error.to_string())));
            }
            Err(unfit) => {
                self.unfit = Some(unfit);
                return Ok(());
            }
        }
        if self.records.counts() != before {
            self.empty_buffers = 0;
            return Ok(());
        }
        self.empty_buffers += 1;
        if self.empty_buffers > MAXIMUM_EMPTY_DATA_BUFFERS {
            let text = ReasonText::fitting("DATA without data, over and over");
            return Err((EndSessionReason::Unspecified, text));
        }
        Ok(())
    }

    /// Actions 7 and 8: one buffer less, and whether new credit is due (P7).
    pub(super) fn spend_credit(&mut self, window: u16) -> bool {
        self.credit = self.credit.saturating_sub(1);
        let is_used_up = self.credit == 0;
        if is_used_up {
            self.credit = window;
        }
        is_used_up
    }

    /// EFID: what the partner says against what we hold.
    pub(super) fn end(&self, announced: Counts, accepts_restart_counts: bool) -> Event {
        let seen = self.records.counts();
        let unfit = self.unfit.or_else(|| self.records.finish().err());
        let since_restart = Counts {
            records: seen.records.saturating_sub(self.already.records),
            octets: seen.octets.saturating_sub(self.already.octets),
        };
        let is_since_restart =
            accepts_restart_counts && self.differs(announced, since_restart).is_none();
        let miscounted = || self.differs(announced, seen).filter(|_| !is_since_restart);
        let fault = unfit.map(FileFault::Records).or_else(|| miscounted().map(FileFault::Count));
        Event::FileEnded { announced, seen, fault }
    }

    fn differs(&self, announced: Counts, seen: Counts) -> Option<FileReason> {
        // Files without records are announced with 0 records, but not by everybody; it says nothing.
        let has_records = matches!(self.format, Format::Fixed { .. } | Format::Variable { .. });
        if has_records && announced.records != seen.records {
            Some(FileReason::InvalidRecordCount)
        } else if announced.octets != seen.octets {
            Some(FileReason::InvalidByteCount)
        } else {
            None
        }
    }
}

/// Counts before a restart position that cannot be right. With format V only the user can know the
/// octets.
pub(super) fn check_already(
    format: Format,
    position: u64,
    already: Counts,
) -> Result<(), UserError> {
    let is_right = match RestartPoint::at(format, position) {
        Some(point) => point.counts == already,
        None => already.records == position && (position > 0 || already.octets == 0),
    };
    if is_right {
        return Ok(());
    }
    Err(UserError::CountsBeforeRestart {
        position,
        already_records: already.records,
        already_octets: already.octets,
    })
}
