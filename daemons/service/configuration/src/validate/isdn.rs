//! What a call by ISDN says.

use super::Checker;
use crate::{
    isdn::{CallUserData, IsdnNumber, PacketSize, PacketWindow},
    partner::IsdnAddress,
};

/// The address of an ISDN transport.
pub(super) fn address(
    check: &mut Checker<'_, '_>,
    isdn: &crds::IsdnAddress,
    field: &str,
) -> Option<IsdnAddress> {
    let number = isdn_number(check, &isdn.number, &format!("{field}.number"));
    let calling_number = match &isdn.calling_number {
        Some(text) => isdn_number(check, text, &format!("{field}.callingNumber")).map(Some),
        None => Some(None),
    };
    let call_user_data = match &isdn.call_user_data {
        Some(text) => call_user_data(check, text, &format!("{field}.callUserData")).map(Some),
        None => Some(None),
    };
    let packet_size = match isdn.packet_size {
        Some(octets) => packet_size(check, octets, field).map(Some),
        None => Some(None),
    };
    let window = match isdn.window {
        Some(packets) => packet_window(check, packets, &format!("{field}.window")).map(Some),
        None => Some(None),
    };
    Some(IsdnAddress {
        number: number?,
        calling_number: calling_number?,
        call_user_data: call_user_data?,
        packet_size: packet_size?,
        window: window?,
    })
}

fn isdn_number(check: &mut Checker<'_, '_>, text: &str, field: &str) -> Option<IsdnNumber> {
    let number = IsdnNumber::parse(text);
    if number.is_none() {
        let problem = format!(
            "\"{text}\" is not a number of ISDN; give up to 30 digits, with a + before them or \
             without, such as +49 221 12345"
        );
        check.value(field, problem);
    }
    number
}

fn call_user_data(check: &mut Checker<'_, '_>, text: &str, field: &str) -> Option<CallUserData> {
    let data = CallUserData::parse(text);
    if data.is_none() {
        let problem = format!(
            "\"{text}\" are no call user data of X.25; give 1 to 16 octets in hexadecimal, such as \
             C0000000"
        );
        check.value(field, problem);
    }
    data
}

fn packet_window(check: &mut Checker<'_, '_>, packets: i32, field: &str) -> Option<PacketWindow> {
    let window = PacketWindow::new(packets);
    if window.is_none() {
        check.value(field, format!("{packets} is no window of X.25; give 1 to 7"));
    }
    window
}

/// The `packetSize` of a controller or a partner.
pub(super) fn packet_size(
    check: &mut Checker<'_, '_>,
    octets: i32,
    field: &str,
) -> Option<PacketSize> {
    let size = PacketSize::new(octets);
    if size.is_none() {
        let problem =
            format!("{octets} is no packet size of X.25; give a power of two from 16 to 4096");
        check.value(&format!("{field}.packetSize"), problem);
    }
    size
}
