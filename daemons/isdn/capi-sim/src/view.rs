//! What somebody sees of an exchange who has some of its controllers only: as with an adapter in
//! one of several machines, they count from 1.

use std::sync::Arc;

use capi_sys::message::{Controller, HEADER, Info, Message, Profile};

use crate::fault::refusal;

/// Bit 7 beside a controller's number says that it is external equipment.
const NUMBER: u8 = 0x7f;

/// The controllers that are seen, in the order in which they are counted; all, if it does not say.
#[derive(Debug, Clone, Default)]
pub(crate) struct View(Option<Arc<[Controller]>>);

impl View {
    pub(crate) fn of(controllers: impl IntoIterator<Item = Controller>) -> Self {
        Self(Some(controllers.into_iter().collect()))
    }

    /// What the exchange calls a controller; 0 stays 0.
    pub(crate) fn number(&self, seen: u8) -> Result<u8, Info> {
        let Some(controllers) = &self.0 else { return Ok(seen) };
        let Some(index) = seen.checked_sub(1) else { return Ok(0) };
        let controller = controllers.get(usize::from(index)).ok_or(Info::ILLEGAL_IDENTIFIER)?;
        Ok(controller.number())
    }

    /// A profile with as many controllers as are seen.
    pub(crate) fn profile(&self, profile: Profile) -> Profile {
        let Some(controllers) = &self.0 else { return profile };
        Profile { controllers: u16::try_from(controllers.len()).unwrap_or(u16::MAX), ..profile }
    }

    /// A message to the exchange; or what is said to it if its controller is not seen.
    pub(crate) fn inward(&self, message: Message) -> Result<Message, Option<Box<Message>>> {
        if self.0.is_none() {
            return Ok(message);
        }
        renumbered(&message, |seen| self.number(seen).ok()).ok_or_else(|| {
            let body = refusal(&message.body, Info::ILLEGAL_IDENTIFIER)?;
            Some(Box::new(Message { body, ..message }))
        })
    }

    /// A message of the exchange.
    pub(crate) fn outward(&self, message: Message) -> Message {
        let Some(controllers) = &self.0 else { return message };
        let seen = |number: u8| {
            let index = controllers.iter().position(|controller| controller.number() == number)?;
            u8::try_from(index + 1).ok()
        };
        renumbered(&message, seen).unwrap_or(message)
    }
}

/// The same for another controller: its number is the first octet behind the header of every
/// message.
fn renumbered(message: &Message, number: impl Fn(u8) -> Option<u8>) -> Option<Message> {
    let mut octets = message.encode().ok()?;
    let octet = octets.get_mut(HEADER)?;
    *octet = (*octet & !NUMBER) | number(*octet & NUMBER)?;
    Message::decode(&octets).ok()
}
