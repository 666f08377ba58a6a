//! A partner's values.

use crds::{HighestLevel, MinimumLevel, Permission, SeonPartnerSpec};
use domain::PartnerName;
use jiff::tz::TimeZone;
use oftp::{Level, Tolerance, UserData};
use pki::Revocation;

use super::{Checker, Reported, certificates, did_you_mean, folders, isdn, security};
use crate::{
    error::Problem,
    files::{FileRules, Glob, Template, places},
    instance::Instance,
    manifest::Content,
    partner::{Partner, Protocol, Receipts, Transport},
    poll::{Poll, Windows, time_zone, time_zones},
};

/// Judges a partner. Every field is judged, also after a bad one.
pub(super) fn validate(
    check: &mut Checker<'_, '_>,
    instances: &[&str],
    instance: Option<&Instance>,
) -> Option<Partner> {
    let name = name(check);
    let Content::Partner(Some(spec)) = &check.document.content else {
        return None;
    };
    instance_reference(check, spec, instances);
    let identity = &spec.identity;
    let odette_id = check.odette_id(&identity.odette_id, "spec.identity.odetteId");
    let stations = check.stations(&identity.stations, odette_id.as_ref());
    let password = check.password(&identity.password_secret_ref, "spec.identity.passwordSecretRef");
    let own_password = match &identity.own_password_secret_ref {
        Some(reference) => check.password(reference, "spec.identity.ownPasswordSecretRef"),
        None => instance.map(|instance| instance.identity.password.clone()),
    };
    let user_data = user_data(check, identity.user_data.as_deref());
    let transports = transports(check, spec, instance);
    let protocol = protocol(check, spec);
    let certificates = certificates::partners(check, spec, transports.as_deref());
    let security = security::validate(check, spec, highest_level(spec), instance);
    let authentication = security::authentication(check, spec, highest_level(spec), instance);
    let channels = check.count(spec.channels, "spec.channels");
    let zone = match &spec.time_zone {
        Some(name) => check.time_zone(name, "spec.timeZone"),
        // Of an instance that is not good nothing is known, and nothing comes of it.
        None => Some(instance.map_or(TimeZone::UTC, |it| it.send.time_zone.clone())),
    };
    let windows = match &spec.schedule {
        Some(expressions) => check.windows(expressions, zone.as_ref(), "spec.schedule"),
        None => instance.map(|instance| instance.send.windows.clone()),
    };
    let poll = poll(check, spec, zone.as_ref());
    let files = file_rules(check, spec);
    let folders = folders::validate(check, spec, instance);
    let name = name?;
    let certificates = certificates?;
    Some(Partner {
        odette_id: odette_id?,
        stations: stations?,
        password: password?,
        own_password: own_password?,
        user_data: user_data?,
        transports: transports?,
        protocol: protocol?,
        tls_certificates: certificates.tls,
        file_certificates: certificates.files,
        security: security?,
        authentication,
        revocation: Revocation::default(),
        certificate_usage: security::certificate_usage(spec.security.certificate_usage),
        receipts: Receipts {
            expected: spec.receipts.expected,
            timing: spec.receipts.timing,
            hash: security::receipt_hash(spec.security.receipts.hash),
        },
        channels: channels?,
        windows: windows?,
        poll: poll.ok()?,
        files: FileRules::new(name.clone(), files?),
        folders: folders?,
        suspend: spec.suspend,
        name,
    })
}

fn name(check: &mut Checker<'_, '_>) -> Option<PartnerName> {
    let written = &check.document.name;
    let name = written.parse::<PartnerName>().ok();
    if name.is_none() {
        let problem = format!(
            "\"{written}\" becomes a folder and a word on the command line; give 1 to 63 of a-z, \
             0-9 and -, such as bolt"
        );
        check.value("metadata.name", problem);
    }
    name
}

fn instance_reference(check: &mut Checker<'_, '_>, spec: &SeonPartnerSpec, instances: &[&str]) {
    let wanted = spec.instance_ref.name.as_str();
    if check.all_read && !instances.is_empty() && !instances.contains(&wanted) {
        let guess = did_you_mean(wanted, instances.iter().copied());
        let problem = format!(
            "there is no SeonInstance {wanted} in these files; {guess}give {}",
            instances.join(" or "),
        );
        check.fail("spec.instanceRef.name", Problem::Reference(problem));
    }
}

fn user_data(check: &mut Checker<'_, '_>, text: Option<&str>) -> Option<UserData> {
    let text = text.unwrap_or_default();
    let user_data = text.parse().ok();
    if user_data.is_none() {
        let problem = format!("\"{text}\" does not fit SSIDUSER; give up to 8 ASCII characters");
        check.value("spec.identity.userData", problem);
    }
    user_data
}

fn transports(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    instance: Option<&Instance>,
) -> Option<Vec<Transport>> {
    let transports = spec.transports.iter().enumerate().map(|(index, transport)| {
        let field = format!("spec.transports[{index}]");
        match (&transport.tls, &transport.tcp, &transport.isdn) {
            (Some(tls), None, None) => {
                let host = check.host(&tls.host, &format!("{field}.tls.host"));
                let server_name = match &tls.server_name {
                    Some(name) => check.host(name, &format!("{field}.tls.serverName")),
                    None => host.clone(),
                };
                let port = check.number(tls.port, &format!("{field}.tls.port"));
                own_certificate(check, instance, &format!("{field}.tls"));
                let (_, server_name, port) = (host?, server_name?, port?);
                Some(Transport::Tls { host: tls.host.clone(), port, server_name })
            }
            (None, Some(tcp), None) => {
                let host = check.host(&tcp.host, &format!("{field}.tcp.host"));
                let port = check.number(tcp.port, &format!("{field}.tcp.port"));
                host.and(port).map(|port| Transport::Tcp { host: tcp.host.clone(), port })
            }
            (None, None, Some(isdn)) => {
                let field = format!("{field}.isdn");
                let address = isdn::address(check, isdn, &field);
                has_controller(check, instance, &field);
                address.map(Transport::Isdn)
            }
            _ => {
                let problem =
                    "is not one of tls, tcp and isdn; give each its own entry in the list";
                check.fail(&field, Problem::Conflict(problem.into()));
                None
            }
        }
    });
    // All of them are judged before the first bad one ends it.
    transports.collect::<Vec<_>>().into_iter().collect()
}

fn own_certificate(check: &mut Checker<'_, '_>, instance: Option<&Instance>, field: &str) {
    if let Some(instance) = instance
        && instance.send.tls.is_none()
    {
        let problem = format!(
            "we have no certificate to show to this partner; give SeonInstance {} a \
             receive.tls.certificateSecretRef or a send.tls.certificateSecretRef",
            instance.name,
        );
        check.fail(field, Problem::Conflict(problem));
    }
}

fn has_controller(check: &mut Checker<'_, '_>, instance: Option<&Instance>, field: &str) {
    if let Some(instance) = instance
        && instance.receive.capi.is_empty()
    {
        let problem = format!(
            "we have no controller to call on; give SeonInstance {} a receive.capi.controllers",
            instance.name,
        );
        check.fail(field, Problem::Conflict(problem));
    }
}

fn protocol(check: &mut Checker<'_, '_>, spec: &SeonPartnerSpec) -> Option<Protocol> {
    let protocol = &spec.protocol;
    let minimum_level = match protocol.level {
        MinimumLevel::Auto | MinimumLevel::V1_2 => Level::V1_2,
        MinimumLevel::V1_3 => Level::V1_3,
        MinimumLevel::V1_4 => Level::V1_4,
        MinimumLevel::V2_0 => Level::V2_0,
    };
    let highest_level = highest_level(spec);
    if minimum_level > highest_level {
        let problem = format!(
            "{minimum_level} is the lowest level that is accepted and above highestLevel, \
             {highest_level}, so that no session could ever begin; lower level or raise \
             highestLevel"
        );
        check.fail("spec.protocol.level", Problem::Conflict(problem));
    }
    let buffer: Option<u32> = check.number(protocol.buffer, "spec.protocol.buffer");
    let credit: Option<u16> = check.number(protocol.credit, "spec.protocol.credit");
    let mut timeout = |text: &str, usual, field| check.duration(text, ["30s", "1h", usual], field);
    let response = timeout(&protocol.response_timeout, "2m", "spec.protocol.responseTimeout");
    let end_file = timeout(&protocol.end_file_timeout, "5m", "spec.protocol.endFileTimeout");
    Some(Protocol {
        minimum_level,
        highest_level,
        buffer_size: buffer?.try_into().ok()?,
        credit: credit?.try_into().ok()?,
        compression: protocol.compression == Permission::Allowed,
        restart: protocol.restart == Permission::Allowed,
        tolerance: tolerance(check, spec),
        response_timeout: response?,
        end_file_timeout: end_file?,
    })
}

fn highest_level(spec: &SeonPartnerSpec) -> Level {
    match spec.protocol.highest_level {
        HighestLevel::V1_2 => Level::V1_2,
        HighestLevel::V1_3 => Level::V1_3,
        HighestLevel::V1_4 => Level::V1_4,
        HighestLevel::V2_0 => Level::V2_0,
    }
}

fn tolerance(check: &mut Checker<'_, '_>, spec: &SeonPartnerSpec) -> Tolerance {
    let (quirks, strict) = (&spec.protocol.quirks, &spec.protocol.strict);
    for (index, quirk) in strict.iter().enumerate().filter(|(_, quirk)| quirks.contains(quirk)) {
        let name = quirk_of(*quirk).camel_name();
        let problem = format!("{name} is in quirks too; leave it in one of them");
        check.fail(&format!("spec.protocol.strict[{index}]"), Problem::Conflict(problem));
    }
    let with = |accepted| {
        move |tolerance: Tolerance, quirk: &crds::Quirk| tolerance.with(quirk_of(*quirk), accepted)
    };
    let tolerance = quirks.iter().fold(Tolerance::default(), with(true));
    strict.iter().fold(tolerance, with(false))
}

macro_rules! same_quirks {
    ($($quirk:ident)*) => {
        /// The engine's name of a quirk; both lists have the same ones.
        fn quirk_of(quirk: crds::Quirk) -> oftp::Quirk {
            match quirk {
                $(crds::Quirk::$quirk => oftp::Quirk::$quirk,)*
            }
        }
    };
}

same_quirks! {
    CarriageReturnVariants NulPadding BlankPaddedNumbers LowerCasePassword DatasetNameCharacters
    LevelDigit FutureLevels TextNotUtf8 UnknownReasons MissingReasonText MissingSeal
    StreamRecordLength EmptyStreamBuffers OversizedData EarlyCredit LateCredit
    EarlyEndSession KeptDirection DetachedReceipts RestartCounts
}

fn poll(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    zone: Option<&TimeZone>,
) -> Result<Option<Poll>, Reported> {
    let Some(text) = &spec.poll else {
        return Ok(None);
    };
    if spec.transports.is_empty() {
        let problem = "calls the partner, but transports is empty; say where to call, or leave \
                       out poll";
        check.fail("spec.poll", Problem::Conflict(problem.into()));
    }
    check.cron(text, zone, "*/15 * * * *", "spec.poll").map(Some).ok_or(Reported)
}

fn file_rules(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
) -> Option<Vec<(Glob, Template)>> {
    spec.files
        .iter()
        .enumerate()
        .map(|(index, rule)| {
            let field = format!("spec.files[{index}].rename");
            let rename = &rule.rename;
            if rename.contains(['/', '\\', '\0']) || rename.starts_with('.') {
                let problem = format!(
                    "\"{rename}\" is not a plain file name; give one without / and not beginning \
                     with a full stop"
                );
                check.value(&field, problem);
                return None;
            }
            match Template::parse(rename) {
                Ok(template) => Some((Glob::new(&rule.pattern), template)),
                Err(place) => {
                    check.value(&field, format!("{place} is not known; known are {}", places()));
                    None
                }
            }
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

impl Checker<'_, '_> {
    /// A time zone by its name.
    pub(super) fn time_zone(&mut self, name: &str, field: &str) -> Option<TimeZone> {
        let zone = time_zone(name);
        if zone.is_none() {
            let known = time_zones();
            let guess = did_you_mean(name, known.iter().map(String::as_str));
            let problem = format!(
                "\"{name}\" is not a time zone; {guess}give UTC, or a name of the IANA's such as \
                 Europe/Berlin"
            );
            self.value(field, problem);
        }
        zone
    }

    /// When calls may begin. Every expression is judged, also without a zone that is good.
    pub(super) fn windows(
        &mut self,
        expressions: &[String],
        zone: Option<&TimeZone>,
        field: &str,
    ) -> Option<Windows> {
        let mut read = Vec::new();
        for (index, text) in expressions.iter().enumerate() {
            read.push(self.cron(text, zone, "* 6-19 * * 1-5", &format!("{field}[{index}]")));
        }
        Some(Windows::new(read.into_iter().collect::<Option<_>>()?))
    }

    fn cron(
        &mut self,
        text: &str,
        zone: Option<&TimeZone>,
        example: &str,
        field: &str,
    ) -> Option<Poll> {
        let read = Poll::parse(text, zone.cloned().unwrap_or(TimeZone::UTC));
        if let Err(why) = &read {
            let problem = format!(
                "\"{text}\" is not a cron expression: {why}; give minute, hour, day of month, \
                 month, day of week, such as {example}"
            );
            self.value(field, problem);
        }
        read.ok().filter(|_| zone.is_some())
    }
}
