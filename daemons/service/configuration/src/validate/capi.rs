//! The controllers of ISDN.

use crds::{Capi, CapiRemote};
use domain::ControllerNumber;

use super::{Checker, isdn};
use crate::{
    error::Problem,
    instance::{self, CapiAccess, CapiController},
};

/// Judges the controllers; they come in the order of their numbers, of which the schema has no two
/// alike.
pub(super) fn validate(check: &mut Checker<'_, '_>, capi: &Capi) -> Option<Vec<CapiController>> {
    let controllers: Vec<_> = capi
        .controllers
        .iter()
        .enumerate()
        .map(|(index, controller)| {
            let field = format!("spec.receive.capi.controllers[{index}]");
            let number = number(check, controller.number, &format!("{field}.number"));
            let is_used = number.is_some_and(|number| check.scope.has_controller(number));
            let access = access(check, controller, is_used, &field);
            let own = own_numbers(check, &controller.numbers, &format!("{field}.numbers"));
            let max_sessions =
                check.count(controller.max_sessions, &format!("{field}.maxSessions"));
            let packet_size = isdn::packet_size(check, controller.packet_size, &field);
            let idle_timeout = check.duration(
                &controller.idle_timeout,
                ["10s", "24h", "3m"],
                &format!("{field}.idleTimeout"),
            );
            if controller.overlap && controller.numbers.is_empty() {
                let problem = "takes numbers digit by digit and does not know when one is \
                               complete; give numbers, or leave out overlap";
                check.fail(&field, Problem::Conflict(problem.into()));
                return None;
            }
            Some(CapiController {
                number: number?,
                access: access?,
                numbers: own?,
                max_sessions: max_sessions?,
                overlap: controller.overlap,
                packet_size: packet_size?,
                segmentation: controller.segmentation,
                idle_timeout: idle_timeout?,
            })
        })
        .collect();
    let mut controllers: Vec<_> = controllers.into_iter().collect::<Option<_>>()?;
    controllers.sort_by_key(|controller| controller.number);
    Some(controllers)
}

fn number(check: &mut Checker<'_, '_>, number: i32, field: &str) -> Option<ControllerNumber> {
    let controller = u8::try_from(number).ok().and_then(|number| number.try_into().ok());
    if controller.is_none() {
        check.value(field, format!("{number} is not a controller's number; give 1 to 127"));
    }
    controller
}

fn access(
    check: &mut Checker<'_, '_>,
    controller: &crds::CapiController,
    is_used: bool,
    field: &str,
) -> Option<CapiAccess> {
    match (&controller.device, &controller.remote) {
        (Some(device), None) if device.path.contains('\0') => {
            let problem =
                "has a NUL character; give the path of a device node, such as /dev/capi20";
            check.value(&format!("{field}.device.path"), problem.into());
            None
        }
        (Some(device), None) => Some(CapiAccess::Device(device.path.clone().into())),
        (None, Some(remote)) => {
            let remote = self::remote(check, remote, is_used, &format!("{field}.remote"));
            remote.map(CapiAccess::Remote)
        }
        _ => {
            let problem = "is not reached by one of device and remote; give device: {} for an \
                           adapter in this machine, or remote: {host: …} for a box";
            check.fail(field, Problem::Conflict(problem.into()));
            None
        }
    }
}

fn remote(
    check: &mut Checker<'_, '_>,
    remote: &CapiRemote,
    is_used: bool,
    field: &str,
) -> Option<instance::CapiRemote> {
    let host = check.host(&remote.host, &format!("{field}.host"));
    let port = check.number(remote.port, &format!("{field}.port"));
    let account = match &remote.secret_ref {
        Some(reference) if is_used => {
            check.account(reference, &format!("{field}.secretRef")).map(Some)
        }
        Some(_) | None => Some(None),
    };
    host?;
    Some(instance::CapiRemote {
        host: remote.host.clone(),
        port: port?,
        account: account?,
        dialect: remote.dialect,
    })
}

fn own_numbers(
    check: &mut Checker<'_, '_>,
    numbers: &[String],
    field: &str,
) -> Option<Vec<String>> {
    let mut all_good = true;
    for (index, number) in numbers.iter().enumerate() {
        if number.is_empty() || !number.bytes().all(|octet| octet.is_ascii_digit()) {
            let problem = format!(
                "\"{number}\" is not an own number; give digits as the line tells them, such as 12345"
            );
            check.value(&format!("{field}[{index}]"), problem);
            all_good = false;
        }
    }
    all_good.then(|| numbers.to_vec())
}
