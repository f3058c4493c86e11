//! Faces at the camera: who may open which door, and when faces are not tried for a while.

use super::{Cabinet, Step};
use crate::core::command::Purpose;
use crate::core::event::{Authority, Event, Refusal};
use crate::core::guidance::{self, Guidance};
use crate::core::ids::{CompartmentId, RecipientId};
use crate::core::recognition::{Recognition, Rules, Verdict};
use crate::core::sighting::Sighting;
use crate::core::time::{Monotonic, Now};

impl Cabinet {
    /// Takes one frame's outcome. While a lock is commanded nobody is judged: one door at a time.
    pub(super) fn sighting(&mut self, now: Now, sighting: &Sighting, step: &mut Step) {
        if !self.faces_on(now.mono) || self.is_busy() {
            return;
        }
        let similarity = self.policy.faces.similarity_among(self.looking_for.len());
        let rules = Rules { policy: &self.policy.faces, similarity };
        match self.recognition.observe(rules, now.mono, &mut self.chance, sighting) {
            Verdict::Undecided => {
                let policy = &self.policy.faces;
                let standing = self.recognition.standing(policy, now.mono);
                let shown = self.guide.at(now.mono);
                let advice = guidance::advice(&policy.gates, sighting, standing, shown);
                self.guide.suggest(now.mono, advice);
            }
            Verdict::Accepted(recipient) => self.welcome(now, recipient, step),
            Verdict::Refused(reason) => self.refuse(now, reason, step),
        }
    }

    /// Opens the first door that holds something for the recipient; none if there is nothing (any more).
    fn welcome(&mut self, now: Now, recipient: RecipientId, step: &mut Step) {
        self.face_failures = 0;
        // A sighting may have been on its way when the templates were erased, or when somebody else was claimed; and one
        // door after the other.
        let meant = self.looking_for.contains(&recipient) && self.enrolled.contains_key(&recipient);
        if !meant || self.is_served(&recipient) {
            return;
        }
        if let Some(compartment) = self.first_waiting(&recipient) {
            self.claim = None;
            self.guide.show(now.mono, Guidance::DoorOpens);
            let authority = Authority::Face { recipient };
            self.authorise(now, compartment, Purpose::Collect, authority, step);
        }
    }

    /// What to tell whoever stands before the camera.
    pub(super) fn guidance_at(&self, now: Monotonic) -> Guidance {
        if self.faces_on(now) { self.guide.at(now) } else { Guidance::UseCode }
    }

    fn first_waiting(&self, recipient: &RecipientId) -> Option<CompartmentId> {
        let mine = self.compartments().find(|(id, compartment)| {
            self.fitted.contains_key(id) && compartment.waiting_for() == Some(recipient)
        });
        mine.map(|(id, _)| id)
    }

    fn refuse(&mut self, now: Now, reason: Refusal, step: &mut Step) {
        self.record(now, Event::FaceRefused { reason }, step);
        self.guide.show(now.mono, Guidance::UseCode);
        self.face_failures += u32::from(reason.is_failure());
        let policy = &self.policy.faces;
        if self.face_failures >= policy.failures {
            let until = now.wall.plus(policy.pause);
            self.faces_paused_until = Some(now.mono.plus(policy.pause));
            self.face_failures = 0;
            self.recognition = Recognition::default();
            self.record(now, Event::FacePaused { until }, step);
        }
    }
}
