//! The command envelope: one JSON object that says everything about itself.
//!
//! Nothing outside the envelope decides whether it is obeyed (no topic, no MQTT property), so that a later version
//! can carry these very bytes as the payload of a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::fields::{FieldFault, Fields};
use super::malformed::{Malformed, RefusedKind};
use super::{VERSION, strict_json};
use crate::core::command::{Command, Order};
use crate::core::ids::{CommandId, DeviceId};
use crate::core::time::WallTime;

/// No payload may be longer than this many bytes: an enrolment with its photo.
pub const LARGEST_WITH_PHOTO: usize = 1024 * 1024;
/// Nor any other command than this.
pub const LARGEST_WITHOUT_PHOTO: usize = 16 * 1024;
/// An operator's reason may have this many characters.
pub const LONGEST_REASON: usize = 200;
/// The last millisecond of the year 9999: a later date is a unit mixed up.
const LATEST: WallTime = WallTime(253_402_300_799_999);

/// A command that is well formed and meant for this cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCommand {
    /// What the core judges; `retained` is false until the uplink says otherwise.
    pub command: Command,
    /// The photo of an enrolment: a JPEG's or PNG's bytes, not looked at yet.
    pub photo: Option<Vec<u8>>,
}

/// Reads a command for this cabinet.
pub fn parse(payload: &[u8], device: &DeviceId) -> Result<ParsedCommand, Malformed> {
    let refuse = |kind, (field, remedy): FieldFault, id| Malformed { kind, field, remedy, id };
    let whole = |remedy: String| ("payload".to_owned(), remedy);
    if payload.len() > LARGEST_WITH_PHOTO {
        let fault = whole(format!("has {} bytes: send at most 1 MiB", payload.len()));
        return Err(refuse(RefusedKind::TooLarge, fault, None));
    }
    let value = strict_json::parse(payload)
        .map_err(|e| refuse(RefusedKind::NotJson, whole(format!("is no JSON: {e}")), None))?;
    let id = value.get("id").and_then(Value::as_str).and_then(|text| CommandId::new(text).ok());
    read(value, payload.len(), device).map_err(|(kind, fault)| refuse(kind, fault, id))
}

type Refused = (RefusedKind, FieldFault);

fn read(value: Value, size: usize, device: &DeviceId) -> Result<ParsedCommand, Refused> {
    let field = |fault| (RefusedKind::Field, fault);
    let mut fields = Fields::of("", value).map_err(field)?;
    let version: u64 = fields.take("v").map_err(field)?;
    if version != u64::from(VERSION) {
        let remedy = format!("is {version}: this cabinet speaks version 1");
        return Err((RefusedKind::Version, ("v".into(), remedy)));
    }
    let meant_for: DeviceId = fields.take("device").map_err(field)?;
    if meant_for != *device {
        let remedy = format!("is '{meant_for}', but the command arrived at '{device}'");
        return Err((RefusedKind::Misdirected, ("device".into(), remedy)));
    }
    let (parsed, has_photo) = read_body(&mut fields).map_err(field)?;
    if !has_photo && size > LARGEST_WITHOUT_PHOTO {
        let remedy = format!("has {size} bytes: send at most 16 KiB without a photo");
        return Err((RefusedKind::TooLarge, ("payload".into(), remedy)));
    }
    Ok(parsed)
}

fn read_body(fields: &mut Fields) -> Result<(ParsedCommand, bool), FieldFault> {
    let id = fields.take("id")?;
    let issued_at = read_date(fields, "issued_at_ms")?;
    let expires_at = read_date(fields, "expires_at_ms")?;
    if expires_at <= issued_at {
        return Err(("expires_at_ms".into(), "must lie after issued_at_ms".into()));
    }
    let order = fields.take("command")?;
    let _later_versions: Option<Map<String, Value>> = fields.take_if_there("ext")?;
    fields.nothing_left()?;
    let (order, photo) = read_order(order)?;
    let has_photo = photo.is_some();
    let command = Command { id, issued_at, expires_at, retained: false, order };
    Ok((ParsedCommand { command, photo }, has_photo))
}

fn read_order(value: Value) -> Result<(Order, Option<Vec<u8>>), FieldFault> {
    let mut fields = Fields::of("command.", value)?;
    let kind: String = fields.take("type")?;
    let mut photo = None;
    let order = match kind.as_str() {
        "reserve" => Order::Reserve {
            deposit: fields.take("deposit")?,
            recipient: fields.take("recipient")?,
            compartment: fields.take_if_there("compartment")?,
            collect_by: read_date_if_there(&mut fields, "collect_by_ms")?,
        },
        "enrol" => {
            photo = Some(read_photo(&mut fields)?);
            Order::Enrol { recipient: fields.take("recipient")?, consent: fields.take("consent")? }
        }
        "erase" => Order::Erase { recipient: fields.take("recipient")? },
        "unlock" => Order::Unlock {
            compartment: fields.take("compartment")?,
            purpose: fields.take("purpose")?,
            operator: fields.take("operator")?,
            reason: read_reason(&mut fields)?,
        },
        "cancel" => Order::Cancel { deposit: fields.take("deposit")? },
        "set_service" => Order::SetService {
            compartment: fields.take("compartment")?,
            in_service: fields.take("in_service")?,
            operator: fields.take("operator")?,
        },
        unknown => {
            let unknown: String = unknown.chars().take(32).collect();
            let remedy = format!(
                "'{unknown}' is no command: send reserve, enrol, erase, unlock, cancel or set_service"
            );
            return Err(("command.type".into(), remedy));
        }
    };
    fields.nothing_left()?;
    Ok((order, photo))
}

fn read_date(fields: &mut Fields, name: &str) -> Result<WallTime, FieldFault> {
    check_date(fields.named(name), fields.take(name)?)
}

fn read_date_if_there(fields: &mut Fields, name: &str) -> Result<Option<WallTime>, FieldFault> {
    let date: Option<WallTime> = fields.take_if_there(name)?;
    date.map(|date| check_date(fields.named(name), date)).transpose()
}

fn check_date(name: String, date: WallTime) -> Result<WallTime, FieldFault> {
    if (WallTime(1)..=LATEST).contains(&date) {
        return Ok(date);
    }
    Err((name, format!("{} is no date: send milliseconds since 1970 in UTC", date.0)))
}

fn read_reason(fields: &mut Fields) -> Result<String, FieldFault> {
    let reason: String = fields.take("reason")?;
    match check_reason(&reason) {
        Ok(()) => Ok(reason),
        Err(remedy) => Err((fields.named("reason"), remedy)),
    }
}

/// Whether somebody's reason for opening a door may go on record; if not, what is wrong with it.
pub fn check_reason(reason: &str) -> Result<(), String> {
    if reason.trim().is_empty() {
        Err("is blank: say in the operator's words why the door is opened".to_owned())
    } else if reason.chars().count() > LONGEST_REASON {
        Err(format!("is longer than {LONGEST_REASON} characters: shorten it"))
    } else if reason.chars().any(char::is_control) {
        Err("holds control characters: send one line of plain text".to_owned())
    } else {
        Ok(())
    }
}

fn read_photo(fields: &mut Fields) -> Result<Vec<u8>, FieldFault> {
    const JPEG: &[u8] = &[0xff, 0xd8, 0xff];
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    let text: String = fields.take("photo")?;
    let fault = |remedy: String| (fields.named("photo"), remedy);
    let photo = BASE64.decode(&text).map_err(|e| fault(format!("is no base64: {e}")))?;
    if photo.starts_with(JPEG) || photo.starts_with(PNG) {
        return Ok(photo);
    }
    Err(fault("is neither JPEG nor PNG: send the file's bytes in base64".into()))
}

/// The bytes that carry a command to a cabinet. `retained` is not part of them; an enrolment needs its photo.
pub fn encode(command: &Command, device: &DeviceId, photo: Option<&[u8]>) -> Vec<u8> {
    let envelope = json!({
        "v": VERSION,
        "id": command.id,
        "device": device,
        "issued_at_ms": command.issued_at,
        "expires_at_ms": command.expires_at,
        "command": order_form(&command.order, photo),
    });
    envelope.to_string().into_bytes()
}

fn order_form(order: &Order, photo: Option<&[u8]>) -> Value {
    let form = match order {
        Order::Reserve { deposit, recipient, compartment, collect_by } => json!({
            "type": "reserve", "deposit": deposit, "recipient": recipient,
            "compartment": compartment, "collect_by_ms": collect_by,
        }),
        Order::Enrol { recipient, consent } => json!({
            "type": "enrol", "recipient": recipient, "consent": consent,
            "photo": photo.map(|bytes| BASE64.encode(bytes)),
        }),
        Order::Erase { recipient } => json!({ "type": "erase", "recipient": recipient }),
        Order::Unlock { compartment, purpose, operator, reason } => json!({
            "type": "unlock", "compartment": compartment, "purpose": purpose,
            "operator": operator, "reason": reason,
        }),
        Order::Cancel { deposit } => json!({ "type": "cancel", "deposit": deposit }),
        Order::SetService { compartment, in_service, operator } => json!({
            "type": "set_service", "compartment": compartment,
            "in_service": in_service, "operator": operator,
        }),
    };
    without_nulls(form)
}

fn without_nulls(mut form: Value) -> Value {
    if let Some(fields) = form.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    form
}

#[cfg(test)]
mod tests;
