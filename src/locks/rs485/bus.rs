//! The thread of one port: opens locks when it is told to, and asks the boards for their doors in between.
//!
//! It does one exchange at a time, so an open waits for one at most. An open is never sent twice: whether to try again is
//! for the core to say. Only the question for the doors is repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::belief::Belief;
use super::board_news::News;
use super::line::{Line, NoAnswer, now};
use super::protocol::{Place, Question, Reply};
use super::schedule::Schedule;
use crate::ports::DoorPosition;

/// How often a board that does not answer opens is asked for a sign of life after one.
const SIGNS_OF_LIFE: u32 = 3;

/// One lock to open.
pub(super) struct Order {
    pub(super) place: Place,
    pub(super) width: Duration,
    /// When it was given.
    pub(super) given: Instant,
    /// Takes when the board was told, or what went wrong. It has room for the answer.
    pub(super) outcome: SyncSender<Result<Instant, String>>,
}

/// An order older than this is not carried out: who gave it may have given up, and who stood there may have left. More than
/// an exchange and its pause take.
const FRESH: Duration = Duration::from_millis(1500);

pub(super) struct Bus {
    pub(super) port: usize,
    pub(super) line: Line,
    pub(super) schedule: Schedule,
    pub(super) belief: Belief,
    pub(super) news: Arc<News>,
}

impl Bus {
    /// Runs until nobody can give an order any more.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        self.first_round();
        loop {
            let due = self.schedule.next(now()).map_or_else(now, |(_, due)| due);
            let wait = due.max(self.line.ready_at()).saturating_duration_since(now());
            match orders.recv_timeout(wait) {
                Ok(order) => self.carry_out(&order),
                Err(RecvTimeoutError::Timeout) => self.tend(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn carry_out(&mut self, order: &Order) {
        let waited = order.given.elapsed();
        let outcome = if waited < FRESH {
            let outcome = self.open(order.place, order.width);
            self.schedule.pulsed(order.place, now());
            outcome
        } else {
            let millis = waited.as_millis();
            Err(format!("its port was busy for {millis} ms, so no pulse was given; try again"))
        };
        // Nobody may be waiting any more.
        let _ = order.outcome.try_send(outcome);
    }

    /// Asks for every door once, so that the daemon starts with what there is.
    fn first_round(&mut self) {
        if let Some(why) = self.line.problem().map(str::to_owned) {
            self.all_silent(&why);
        } else {
            self.switch_all_off();
            let mut dumb = None;
            for place in self.schedule.sweep() {
                let lost = self.line.problem().is_some();
                // One that is silent for one lock is silent for all. Noise may spoil one answer.
                let heard = lost || dumb == Some(place.board()) || self.ask_doors(place).is_some();
                if !heard && self.ask_doors(place).is_none() {
                    dumb = Some(place.board());
                }
            }
        }
        self.news.started();
    }

    /// Boards that can be told so are told that nothing is live, whatever a program before left behind.
    fn switch_all_off(&mut self) {
        for board in self.schedule.boards().collect::<Vec<_>>() {
            let off = Question::AllOff { board };
            if self.line.settings().protocol.request(&off).is_none() {
                return;
            }
            if let Err(problem) = self.line.ask(off) {
                tracing::warn!(problem = problem.sentence(), "not switched off");
            }
        }
    }

    /// What is due: the port, if it was lost; then the next board.
    fn tend(&mut self) {
        if self.line.problem().is_some() {
            self.reopen();
        } else if let Some((place, _)) = self.schedule.next(now()) {
            self.ask_doors(place);
        }
    }

    fn reopen(&mut self) -> bool {
        let open = self.line.reopen();
        if open {
            let device = self.line.settings().device.display();
            tracing::info!(%device, "the port is there again");
            self.schedule.all_silent(now());
        }
        open
    }

    /// Asks the doors of a board and tells what moved.
    fn ask_doors(&mut self, place: Place) -> Option<BTreeMap<u8, DoorPosition>> {
        let board = place.board();
        match self.line.ask(Question::Doors { of: place }) {
            Ok(Reply::Doors(seen)) => {
                let changes = self.belief.sample(board, &seen);
                if self.schedule.answered(board, changes.doubt, now()) {
                    let device = self.line.settings().device.display();
                    tracing::info!(board, %device, "the board answers again");
                }
                self.news.heard(self.port, board, changes.edges);
                self.tell_absent(board, &seen);
                return Some(seen);
            }
            Ok(Reply::Done) => self.missed(board, "it confirms instead of telling its doors"),
            Ok(Reply::Refused(why)) | Err(NoAnswer::Silent(why)) => self.missed(board, &why),
            Err(NoAnswer::Lost(why)) => self.all_silent(&why),
        }
        None
    }

    fn tell_absent(&mut self, board: u8, seen: &BTreeMap<u8, DoorPosition>) {
        let settings = self.line.settings();
        if !settings.protocol.tells_whole_boards() {
            return;
        }
        let (device, locks) = (settings.device.display(), seen.len());
        for compartment in self.belief.absent(board, seen) {
            tracing::error!(
                %compartment, board, %device,
                "the board tells {locks} locks and this one is not among them: its door stays unknown; correct its lock"
            );
        }
    }

    fn missed(&mut self, board: u8, why: &str) {
        if self.schedule.missed(board, now()) {
            self.silence(board, why);
        }
    }

    fn silence(&mut self, board: u8, why: &str) {
        let doors = self.belief.compartments(board);
        let device = self.line.settings().device.display();
        let numbers: Vec<_> = doors.iter().map(|door| door.number()).collect();
        tracing::error!(board, %device, why, doors = ?numbers, "doors are unknown until the board answers");
        self.belief.forget(board);
        self.news.silent(self.port, board, &doors, why);
    }

    fn all_silent(&mut self, why: &str) {
        self.schedule.all_silent(now());
        for board in self.schedule.boards().collect::<Vec<_>>() {
            self.silence(board, why);
        }
    }

    /// Opens a lock; when its board was told, or why it cannot be said to be open.
    fn open(&mut self, place: Place, width: Duration) -> Result<Instant, String> {
        if self.line.problem().is_some() {
            if !self.reopen() {
                return Err(self.line.problem().unwrap_or_default().to_owned());
            }
            // The answer does not matter, an adapter that hears itself does.
            self.ask_doors(place);
        }
        let before = self.belief.believed(place);
        let question = Question::Open { place, width };
        let result = if self.line.settings().protocol.answers_open() {
            self.open_and_hear(question, place, before)
        } else {
            self.open_and_look(question, place)
        };
        result.map_err(|problem| {
            if let NoAnswer::Lost(why) = &problem {
                self.all_silent(why);
            }
            problem.sentence()
        })
    }

    /// The board says whether it opened. Where its answer is lost, a door that is seen to have opened is one.
    fn open_and_hear(
        &mut self,
        question: Question,
        place: Place,
        before: Option<DoorPosition>,
    ) -> Result<Instant, NoAnswer> {
        match self.line.ask(question) {
            Ok(Reply::Done) => Ok(now()),
            Ok(Reply::Refused(why)) => Err(NoAnswer::Silent(format!(
                "{place} on {} was refused: {why}",
                self.line.settings().device.display()
            ))),
            Ok(Reply::Doors(_)) => {
                Err(NoAnswer::Silent("the board tells its doors instead of opening".to_owned()))
            }
            Err(NoAnswer::Lost(why)) => Err(NoAnswer::Lost(why)),
            Err(NoAnswer::Silent(why)) => {
                let seen = self.ask_doors(place);
                let after = seen.and_then(|seen| self.belief.seen(place, &seen));
                if (before, after) != (Some(DoorPosition::Closed), Some(DoorPosition::Open)) {
                    return Err(NoAnswer::Silent(why));
                }
                tracing::warn!(%place, why, "the answer to an open was lost, but the door has opened");
                Ok(now())
            }
        }
    }

    /// The board does not say. It has to be there at least, or nobody knows whether it heard.
    fn open_and_look(&mut self, question: Question, place: Place) -> Result<Instant, NoAnswer> {
        let sent = self.line.tell(question)?;
        for _ in 0..SIGNS_OF_LIFE {
            if self.ask_doors(place).is_some() {
                return Ok(sent);
            }
            if let Some(why) = self.line.problem() {
                return Err(NoAnswer::Lost(why.to_owned()));
            }
        }
        Err(NoAnswer::Silent(format!(
            "board {} on {} does not answer opens, and after this one it did not tell its doors either: check its supply, \
             its address, the wires A and B and the settings of the port",
            place.board(),
            self.line.settings().device.display()
        )))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // Also when the thread panics: what it knew is not known any more.
        for board in self.schedule.boards() {
            let doors = self.belief.compartments(board);
            self.news.silent(self.port, board, &doors, "the thread of the port has ended");
        }
    }
}
