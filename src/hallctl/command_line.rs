//! What `hallctl` does with its arguments.
#![expect(clippy::disallowed_methods, reason = "the hall's side has a clock of its own")]

use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use super::arguments::{Arguments, Plan, Sending, Watch};
use super::client::new_command;
use super::receiver::{News, watch};
use super::store::{EventStore, Opened, remark};
use super::{Broker, HallClient, HallFault, describe};
use crate::contract::answer::{AnswerMessage, Reply};
use crate::contract::command::{LARGEST_WITH_PHOTO, encode, parse};
use crate::core::command::{Answer, Order};
use crate::core::ids::DeviceId;
use crate::core::time::WallTime;

/// Done.
pub const DONE: u8 = 0;
/// Rejected or failed.
pub const REFUSED: u8 = 1;
/// Wrong usage, no connection, no answer.
pub const TROUBLE: u8 = 2;

/// Does what was asked and gives the exit code; says on standard error what went wrong.
pub async fn run(arguments: Arguments) -> u8 {
    attempt(arguments).await.unwrap_or_else(|fault| {
        complain(&fault.to_string());
        TROUBLE
    })
}

async fn attempt(arguments: Arguments) -> Result<u8, HallFault> {
    let broker = broker(&arguments)?;
    let device = device(&arguments)?;
    let json = arguments.json;
    match arguments.task.plan(now())? {
        Plan::Order { order, photo, sending } => {
            send(&broker, &device, order, photo, sending, json).await
        }
        Plan::Watch(how) => watch_events(&broker, &device, &how, json).await,
        Plan::State => {
            let state = HallClient::connect(&broker, &device).await?.state().await?;
            let text = match json {
                true => String::from_utf8_lossy(&state.encode()).into_owned(),
                false => describe::state(&state),
            };
            Ok(if say(&text).is_break() { TROUBLE } else { DONE })
        }
    }
}

fn broker(arguments: &Arguments) -> Result<Broker, HallFault> {
    let from_environment = || std::env::var("HALLCTL_BROKER").ok();
    let text = arguments.broker.clone().or_else(from_environment);
    let text = text.unwrap_or_else(|| "localhost:1883".to_owned());
    let mut broker = Broker::parse(&text, arguments.allow_insecure)?;
    broker.credentials = arguments.username.clone().zip(arguments.password_file.clone());
    Ok(broker)
}

fn device(arguments: &Arguments) -> Result<DeviceId, HallFault> {
    if let Some(device) = &arguments.device {
        return Ok(device.clone());
    }
    let missing = || HallFault::Usage("which cabinet? Give --device or set HALLCTL_DEVICE".into());
    let text = std::env::var("HALLCTL_DEVICE").map_err(|_| missing())?;
    DeviceId::new(text).map_err(|e| HallFault::Usage(format!("HALLCTL_DEVICE: {e}")))
}

async fn send(
    broker: &Broker,
    device: &DeviceId,
    order: Order,
    photo: Option<Vec<u8>>,
    sending: Sending,
    json: bool,
) -> Result<u8, HallFault> {
    let seconds = |count: u32| Duration::from_secs(u64::from(count));
    let command = new_command(order, sending.id, now(), seconds(sending.ttl));
    let bytes = encode(&command, device, photo.as_deref());
    // A broker may keep back what is too large: better to say so here than to wait in vain.
    if bytes.len() > LARGEST_WITH_PHOTO {
        return Err(HallFault::Usage("the photo is too large: at most about 750 KiB".into()));
    }
    parse(&bytes, device).map_err(|malformed| HallFault::Usage(malformed.to_string()))?;
    let client = HallClient::connect(broker, device).await?;
    let each = |message: &AnswerMessage| {
        let _ = say(&match json {
            true => String::from_utf8_lossy(&message.encode()).into_owned(),
            false => describe::answer(message),
        });
    };
    let reply = client.command(&command, photo.as_deref(), seconds(sending.timeout), each).await?;
    Ok(match reply {
        Reply::Judged(Answer::Done { .. }) => DONE,
        Reply::Judged(Answer::Accepted | Answer::Rejected { .. } | Answer::Failed { .. })
        | Reply::Malformed(_) => REFUSED,
    })
}

async fn watch_events(
    broker: &Broker,
    device: &DeviceId,
    how: &Watch,
    json: bool,
) -> Result<u8, HallFault> {
    let store = how.store.as_deref().map(EventStore::open).transpose()?;
    if let Some(Opened { events, remarks, .. }) = &store {
        complain(&format!("the store holds {events} events"));
        remarks.iter().for_each(|sentence| complain(sentence));
    }
    let mut count = 0;
    watch(broker, device, store, |news| match news {
        News::Connected => {
            complain(&format!("listening to {device} at {broker}"));
            ControlFlow::Continue(())
        }
        News::Lost(why) | News::Remark(why) => {
            complain(&why);
            ControlFlow::Continue(())
        }
        News::Ahead { seq, expected } => {
            complain(&format!(
                "event {seq} came before {expected}: waiting for the cabinet to send it again"
            ));
            ControlFlow::Continue(())
        }
        News::Held(through) if how.until.is_some_and(|until| through.0 >= until) => {
            ControlFlow::Break(())
        }
        News::Held(_) => ControlFlow::Continue(()),
        News::Event { payload, delivery, irregular } => {
            let head = &delivery.head;
            irregular.iter().for_each(|what| complain(&remark(&head.journal, head.seq, *what)));
            count += 1;
            say(&match json {
                true => String::from_utf8_lossy(&payload).into_owned(),
                false => describe::recorded(&payload),
            })?;
            let enough = how.until.is_some_and(|until| head.seq.0 >= until)
                || how.count.is_some_and(|wanted| count >= wanted);
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    })
    .await?;
    Ok(DONE)
}

/// A line on standard output; breaks off if nobody reads it any more.
fn say(text: &str) -> ControlFlow<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// A line on standard error; if that is closed too there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "hallctl: {text}");
}

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::default().plus(since)
}
