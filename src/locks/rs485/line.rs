//! One port while it is there and while it is not: one question at a time, with a pause after each.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::protocol::{Listener, Parity, Protocol, Question, Reply};
use super::serial::{PortFault, SerialPort};

/// How soon a lost port is looked for again, at first and at last.
const REOPEN_FIRST: Duration = Duration::from_millis(250);
const REOPEN_LAST: Duration = Duration::from_secs(5);

/// How the boards of one port are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSettings {
    /// The device file; one below `/dev/serial/by-id` keeps its name.
    pub device: PathBuf,
    /// What the boards speak.
    pub protocol: Protocol,
    /// Speed in baud.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// How long a board may take to tell its doors: 20 to 500 ms.
    pub answer_within: Duration,
    /// How long a board may take to answer an open: 100 to 2500 ms.
    pub open_answer_within: Duration,
    /// The pause between two frames: up to 200 ms.
    pub gap: Duration,
    /// How often every board is asked for its doors: 100 to 5000 ms.
    pub poll_every: Duration,
    /// How long a pulse of these boards is, where they keep a time of their own: 50 to 1000 ms.
    pub board_pulse: Duration,
}

/// Why a question has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The port is not there.
    Lost(String),
    /// The board did not answer in time.
    Silent(String),
}

impl NoAnswer {
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Lost(sentence) | Self::Silent(sentence) => sentence,
        }
    }
}

pub(super) struct Line {
    settings: PortSettings,
    state: State,
    /// Whether the adapter hears what it sends.
    echoes: bool,
    /// Not before this may the next frame be sent.
    quiet_until: Instant,
}

enum State {
    Open(SerialPort),
    Lost { why: String, again: Instant, pause: Duration },
}

impl Line {
    /// Takes the port into use; without one it is lost from the start, and why.
    pub(super) fn open(settings: PortSettings) -> Self {
        let now = now();
        let state = State::Lost { why: String::new(), again: now, pause: REOPEN_FIRST };
        let mut line = Self { settings, state, echoes: false, quiet_until: now };
        line.reopen();
        line
    }

    pub(super) fn settings(&self) -> &PortSettings {
        &self.settings
    }

    /// Why the port is not there, if it is not.
    pub(super) fn problem(&self) -> Option<&str> {
        match &self.state {
            State::Open(_) => None,
            State::Lost { why, .. } => Some(why),
        }
    }

    /// When something may be done next: the end of the pause, or the next try to open the port.
    pub(super) fn ready_at(&self) -> Instant {
        match &self.state {
            State::Open(_) => self.quiet_until,
            State::Lost { again, .. } => *again,
        }
    }

    /// Tries to open a lost port. True if it is open now and was not before.
    pub(super) fn reopen(&mut self) -> bool {
        let State::Lost { pause, .. } = self.state else { return false };
        let settings = &self.settings;
        match SerialPort::open(&settings.device, settings.baud, settings.parity) {
            Ok(port) => {
                self.state = State::Open(port);
                self.echoes = false;
                true
            }
            Err(fault) => {
                let again = now() + pause;
                let pause = (pause * 2).min(REOPEN_LAST);
                self.state = State::Lost { why: fault.to_string(), again, pause };
                false
            }
        }
    }

    /// Sends a question that these boards do not answer.
    pub(super) fn tell(&mut self, question: Question) -> Result<Instant, NoAnswer> {
        self.pause();
        let sent = self.send(&question).map(|_| now());
        self.quiet_until = now() + self.settings.gap;
        sent
    }

    /// Sends a question and waits for its answer.
    pub(super) fn ask(&mut self, question: Question) -> Result<Reply, NoAnswer> {
        self.pause();
        let answer = self.exchange(question);
        self.quiet_until = now() + self.settings.gap;
        answer
    }

    fn exchange(&mut self, question: Question) -> Result<Reply, NoAnswer> {
        let settings = &self.settings;
        let within = match question {
            Question::Open { .. } => settings.open_answer_within,
            Question::Doors { .. } | Question::AllOff { .. } => settings.answer_within,
        };
        let protocol = settings.protocol;
        let request = self.send(&question)?;
        let within = within + self.time_on_the_wire(request.len());
        let echo = if self.echoes { request.len() } else { 0 };
        let mut listener = Listener::new(protocol, question, echo);
        let began = now();
        // What came back first, to tell an adapter that hears itself. An answer about doors never equals its question.
        let mut first: Vec<u8> = Vec::new();
        let mut room = [0; 256];
        let answer = loop {
            let left = within.saturating_sub(began.elapsed());
            if left.is_zero() {
                break None;
            }
            let count = self.receive(&mut room, left)?;
            let came = &room[..count];
            let missing = request.len() - first.len();
            first.extend(came.iter().take(missing));
            if let Some(reply) = listener.hear(came) {
                break Some(reply);
            }
        };
        if matches!(question, Question::Doors { .. }) {
            self.note_echo(first == request);
        }
        answer.ok_or_else(|| self.silent(&question, within, &listener.heard()))
    }

    /// An adapter that was seen to hear itself does so until the port is opened anew: one garbled echo proves nothing.
    fn note_echo(&mut self, echoes: bool) {
        if echoes && !self.echoes {
            let device = self.settings.device.display();
            tracing::info!(%device, "the adapter hears what it sends; that is taken out");
            self.echoes = true;
        }
    }

    fn silent(&self, question: &Question, within: Duration, heard: &str) -> NoAnswer {
        let (board, device) = (question.board(), self.settings.device.display());
        let millis = within.as_millis();
        NoAnswer::Silent(format!(
            "board {board} on {device} did not answer within {millis} ms ({heard}): check its supply, its address, the \
             wires A and B and the settings of the port"
        ))
    }

    fn send(&mut self, question: &Question) -> Result<Vec<u8>, NoAnswer> {
        let request = self.settings.protocol.request(question).ok_or_else(|| {
            NoAnswer::Silent(format!("{} boards have no such request", self.settings.protocol))
        })?;
        let port = self.port()?;
        match port.forget_input().and_then(|()| port.send(&request)) {
            Ok(()) => Ok(request),
            Err(fault) => Err(self.lose(&fault)),
        }
    }

    fn receive(&mut self, room: &mut [u8], wait: Duration) -> Result<usize, NoAnswer> {
        match self.port()?.receive(room, wait) {
            Ok(count) => Ok(count),
            Err(fault) => Err(self.lose(&fault)),
        }
    }

    fn port(&self) -> Result<&SerialPort, NoAnswer> {
        match &self.state {
            State::Open(port) => Ok(port),
            State::Lost { why, .. } => Err(NoAnswer::Lost(why.clone())),
        }
    }

    fn lose(&mut self, fault: &PortFault) -> NoAnswer {
        let why = format!("{} is gone: {fault}; check the adapter", self.settings.device.display());
        let again = now() + REOPEN_FIRST;
        self.state = State::Lost { why: why.clone(), again, pause: REOPEN_FIRST };
        NoAnswer::Lost(why)
    }

    /// A start bit, eight bits, perhaps a parity bit, a stop bit.
    fn time_on_the_wire(&self, bytes: usize) -> Duration {
        let bits = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_mul(11);
        Duration::from_secs(1) * bits / self.settings.baud.max(1)
    }

    fn pause(&self) {
        let left = self.quiet_until.saturating_duration_since(now());
        if !left.is_zero() && self.problem().is_none() {
            #[expect(clippy::disallowed_methods, reason = "the boards need the pause")]
            std::thread::sleep(left);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the waiting loop of a blocking driver")]
pub(super) fn now() -> Instant {
    Instant::now()
}
