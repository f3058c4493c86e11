//! The task that talks to the hall, and the runtime it lives on.

use std::fmt::Display;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::hall::ToHall;

/// How long a stopping agent waits for the task to say good-bye.
const FAREWELL: Duration = Duration::from_secs(3);

/// The running task.
pub(super) struct HallTask {
    to_hall: mpsc::Sender<ToHall>,
    task: JoinHandle<anyhow::Result<()>>,
    runtime: Runtime,
}

impl HallTask {
    /// Starts a task that goes on until it is told to stop.
    pub(super) fn start<E: Display + 'static>(
        to_hall: mpsc::Sender<ToHall>,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hall")
            .enable_all()
            .build()
            .context("the asynchronous runtime does not start")?;
        let task = runtime
            .spawn(async { task.await.map_err(|fault| anyhow::Error::msg(fault.to_string())) });
        Ok(Self { to_hall, task, runtime })
    }

    /// Whether the task has ended by itself, which it never should; [`HallTask::stop`] tells why.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Has the task say good-bye; an error if it came to grief before.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        let ended = self.runtime.block_on(async {
            _ = self.to_hall.send(ToHall::Stop).await;
            tokio::time::timeout(FAREWELL, self.task).await
        });
        let Ok(ended) = ended else {
            tracing::warn!("the hall did not take leave in time");
            return Ok(());
        };
        ended.context("the hall's task died").flatten().context("there is no way to the hall")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Starts a task that ends by itself, waits until that is noticed, and gives what a stop then says.
    fn end_of(task: impl Future<Output = Result<(), &'static str>> + Send + 'static) -> String {
        let (to_hall, _from_app) = mpsc::channel(1);
        let (ends, ended) = std::sync::mpsc::channel::<()>();
        let running = HallTask::start(to_hall, async move {
            let _ends = ends;
            task.await
        });
        let running = running.unwrap();
        assert!(ended.recv().is_err());
        while !running.has_ended() {
            std::thread::yield_now();
        }
        format!("{:#}", running.stop().unwrap_err())
    }

    #[test]
    fn a_task_that_ends_by_itself_is_noticed_and_its_stop_says_why() {
        let fault = end_of(async { Err("hall.host is empty") });
        assert_eq!(fault, "there is no way to the hall: hall.host is empty");
        let panic = end_of(async { panic!("out of bounds") });
        assert!(
            panic.contains("the hall's task died") && panic.contains("out of bounds"),
            "{panic}"
        );
    }

    #[test]
    fn a_task_that_was_told_to_stop_ends_well() {
        let (to_hall, mut from_app) = mpsc::channel(1);
        let task = HallTask::start(to_hall, async move {
            match from_app.recv().await {
                Some(ToHall::Stop) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        let task = task.unwrap();
        assert!(!task.has_ended());
        assert!(task.stop().is_ok());
    }
}
