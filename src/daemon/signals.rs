//! SIGTERM and Ctrl-C.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// A channel that speaks at the first SIGTERM or SIGINT. The handlers are in place when this returns.
pub fn stop_signals() -> anyhow::Result<Receiver<()>> {
    let (sender, receiver) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("signals cannot be heard")?;
    let (mut terminate, mut interrupt) = {
        let _guard = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        _ = sender.send(());
    })?;
    Ok(receiver)
}
