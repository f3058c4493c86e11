//! A cabinet on a bench: a hand that gives inputs, a clock, and everything that was recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::cabinet::Cabinet;
use crate::core::command::{Answer, Command, Lifecycle, Order, Purpose};
use crate::core::compartment::{Compartment, Content};
use crate::core::event::Event;
use crate::core::fitting::{Fitting, Needs};
use crate::core::ids::{
    CommandId, CompartmentId, ConsentRef, DepositId, ModelId, OperatorId, RecipientId, UnlockId,
};
use crate::core::input::{Act, DoorPosition, Input};
use crate::core::judgement::tests::{face_of, one};
use crate::core::policy::Policy;
use crate::core::time::{Monotonic, Now, WallTime};

pub(super) const DOORS: u16 = 4;
const BOOT: u64 = 1_700_000_000_000;

pub(super) fn door(number: u16) -> CompartmentId {
    CompartmentId::new(number).unwrap()
}

pub(super) fn recipient(name: &str) -> RecipientId {
    RecipientId::new(name).unwrap()
}

pub(super) fn deposit(name: &str) -> DepositId {
    DepositId::new(name).unwrap()
}

pub(super) fn operator() -> OperatorId {
    OperatorId::new("clerk-7").unwrap()
}

pub(super) struct Bench {
    pub(super) cabinet: Cabinet,
    pub(super) journal: Vec<(WallTime, Event)>,
    pub(super) doors: BTreeMap<CompartmentId, DoorPosition>,
    pub(super) inside: BTreeMap<CompartmentId, bool>,
    pub(super) acts: Vec<Act>,
    /// Inputs given so far.
    pub(super) steps: u64,
    policy: Policy,
    fitted: BTreeMap<CompartmentId, Fitting>,
    clock: Duration,
    booted: Duration,
    commands: u32,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut policy = Policy::default();
        policy.hall.remote_enrolment = true;
        Self::with(policy)
    }

    pub(super) fn with(policy: Policy) -> Self {
        Self::fitted(policy, (1..=DOORS).map(|n| (door(n), Fitting::default())).collect())
    }

    pub(super) fn fitted(policy: Policy, fitted: BTreeMap<CompartmentId, Fitting>) -> Self {
        let mut bench = Self {
            cabinet: Cabinet::new(policy.clone(), fitted.clone()),
            journal: Vec::new(),
            doors: (1..=DOORS).map(|n| (door(n), DoorPosition::Closed)).collect(),
            inside: BTreeMap::new(),
            acts: Vec::new(),
            steps: 0,
            policy,
            fitted,
            clock: Duration::ZERO,
            booted: Duration::ZERO,
            commands: 0,
        };
        bench.start();
        bench
    }

    pub(super) fn now(&self) -> Now {
        let wall = WallTime(BOOT).plus(self.clock);
        Now { wall, mono: Monotonic(self.clock.saturating_sub(self.booted)) }
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<Event> {
        let now = self.now();
        self.steps += 1;
        let step = self.cabinet.step(now, input);
        let events = step.events().to_vec();
        self.journal.extend(events.iter().map(|event| (now.wall, event.clone())));
        let acts = step.record(|_| Ok::<(), ()>(())).unwrap();
        self.acts.extend(acts);
        events
    }

    fn start(&mut self) -> Vec<Event> {
        let (doors, occupied) = (self.doors.clone(), self.inside.clone());
        let input = Input::Started { version: "test".into(), doors, occupied };
        let events = self.give(input);
        self.give(Input::FacesAvailable(true));
        events
    }

    /// The process dies and comes up again, with only the journal and the doors left of the world.
    pub(super) fn restart(&mut self) -> Vec<Event> {
        self.cabinet = Cabinet::new(self.policy.clone(), self.fitted.clone());
        for (at, event) in &self.journal {
            self.cabinet.replay(*at, event);
        }
        self.acts.clear();
        self.booted = self.clock;
        self.start()
    }

    pub(super) fn wait(&mut self, span: Duration) -> Vec<Event> {
        self.clock += span;
        self.give(Input::Tick)
    }

    pub(super) fn command_with(&mut self, id: &str, order: Order) -> Command {
        let now = self.now().wall;
        Command {
            id: CommandId::new(id).unwrap(),
            issued_at: now,
            expires_at: now.plus(Duration::from_secs(60)),
            retained: false,
            order,
        }
    }

    /// Sends an order under a new id and gives the last answer of this step.
    pub(super) fn order(&mut self, order: Order) -> Answer {
        self.commands += 1;
        let command = self.command_with(&format!("c{}", self.commands), order);
        self.send(command)
    }

    pub(super) fn send(&mut self, command: Command) -> Answer {
        let id = command.id.clone();
        let before = self.acts.len();
        self.give(Input::Command(command));
        let mut answers = self.acts[before..].iter().filter_map(|act| match act {
            Act::Answer { command, answer } if *command == id => Some(answer.clone()),
            _ => None,
        });
        answers.next_back().expect("every command is answered at once")
    }

    pub(super) fn reserve(&mut self, name: &str, who: &str) -> Answer {
        self.order(Order::Reserve {
            deposit: deposit(name),
            recipient: recipient(who),
            compartment: None,
            needs: Needs::default(),
            collect_by: None,
        })
    }

    /// Asks for a door once the supply has rested.
    pub(super) fn unlock(&mut self, number: u16, purpose: Purpose) -> Answer {
        self.rest();
        self.unlock_at_once(number, purpose)
    }

    pub(super) fn unlock_at_once(&mut self, number: u16, purpose: Purpose) -> Answer {
        self.order(Order::Unlock {
            compartment: door(number),
            purpose,
            operator: operator(),
            reason: "test".into(),
        })
    }

    /// Enrols somebody who has a document on its way.
    pub(super) fn enrol(&mut self, who: &str) {
        let consent = ConsentRef::new("consent-1").unwrap();
        self.order(Order::Enrol { recipient: recipient(who), consent });
        let command = CommandId::new(format!("c{}", self.commands)).unwrap();
        let result = Ok(ModelId::new("model").unwrap());
        self.give(Input::TemplateMade { command, result });
    }

    /// The pulse that was commanded last.
    pub(super) fn last_pulse(&self) -> Option<(UnlockId, u32, CompartmentId)> {
        let pulse = |act: &Act| match act {
            Act::Pulse { unlock, attempt, compartment, .. } => {
                Some((*unlock, *attempt, *compartment))
            }
            _ => None,
        };
        self.acts.iter().rev().find_map(pulse)
    }

    /// The commanded pulse ends well.
    pub(super) fn pulse_ends(&mut self) -> Vec<Event> {
        let (unlock, attempt, _) = self.last_pulse().expect("a pulse was commanded");
        self.give(Input::PulseEnded { unlock, attempt, result: Ok(()) })
    }

    pub(super) fn move_door(&mut self, number: u16, position: DoorPosition) -> Vec<Event> {
        self.doors.insert(door(number), position);
        self.give(Input::Door { compartment: door(number), position })
    }

    pub(super) fn opens(&mut self, number: u16) -> Vec<Event> {
        self.move_door(number, DoorPosition::Open)
    }

    pub(super) fn closes(&mut self, number: u16) -> Vec<Event> {
        self.move_door(number, DoorPosition::Closed)
    }

    /// As long as it takes until another lock may be driven.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        self.wait(self.policy.locks.rest)
    }

    pub(super) fn sees(&mut self, number: u16, occupied: bool) -> Vec<Event> {
        self.inside.insert(door(number), occupied);
        self.give(Input::Occupancy { compartment: door(number), occupied })
    }

    /// Reserves, enrols and loads a document into the lowest free compartment.
    pub(super) fn load(&mut self, name: &str, who: &str, number: u16) {
        self.reserve(name, who);
        self.enrol(who);
        self.unlock(number, Purpose::Load);
        self.opens(number);
        self.pulse_ends();
        self.closes(number);
        self.acts.clear();
    }

    /// Shows a good face for as many frames as it needs.
    pub(super) fn face(&mut self, who: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..self.policy.faces.votes {
            self.clock += Duration::from_millis(100);
            events.extend(self.give(Input::Sighting(one(face_of(who)))));
        }
        events
    }

    pub(super) fn lifecycle(&self, number: u16) -> Lifecycle {
        self.compartment(number).lifecycle()
    }

    pub(super) fn compartment(&self, number: u16) -> &Compartment {
        self.cabinet.compartments().find(|(id, _)| *id == door(number)).unwrap().1
    }

    /// Whether the contents are believed to be as recorded; `None` where no document is in.
    pub(super) fn verified(&self, number: u16) -> Option<bool> {
        match self.compartment(number).content {
            Content::Loaded { verified, .. } => Some(verified),
            Content::Vacant | Content::Reserved(_) => None,
        }
    }

    /// A recipient opens a door by their face, takes the document and shuts it.
    pub(super) fn collect(&mut self, who: &str, number: u16) -> Vec<Event> {
        self.face(who);
        self.opens(number);
        self.pulse_ends();
        self.closes(number)
    }

    pub(super) fn recorded(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.journal.iter().filter(|(_, event)| wanted(event)).count()
    }
}
