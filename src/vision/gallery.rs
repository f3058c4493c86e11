//! The people to look for, in memory only: those with a document waiting now.

use zeroize::Zeroize;

use super::embed::cosine;
use crate::core::ids::{ModelId, RecipientId};
use crate::core::sighting::Candidate;
use crate::ports::Template;

/// Templates that may match now, all of one model.
pub struct Gallery {
    model: ModelId,
    length: usize,
    people: Vec<RecipientId>,
    /// One vector after the other.
    vectors: Vec<f32>,
    /// Whose vector it is: an index into `people`.
    owners: Vec<usize>,
}

impl Gallery {
    /// Nobody, to be compared by vectors of that length made by that model.
    pub fn new(model: ModelId, length: usize) -> Self {
        Self { model, length, people: Vec::new(), vectors: Vec::new(), owners: Vec::new() }
    }

    /// Replaces everybody. Templates of another model, of another length or with values that are not numbers
    /// are never compared; says how many those were.
    pub fn replace(&mut self, people: Vec<(RecipientId, Vec<Template>)>) -> usize {
        self.clear();
        let mut left_out = 0;
        for (recipient, templates) in people {
            // The same person may come in two entries and must not be their own second best.
            let known = self.people.iter().position(|other| *other == recipient);
            let owner = known.unwrap_or_else(|| {
                self.people.push(recipient);
                self.people.len() - 1
            });
            for template in templates {
                if self.comparable(&template) {
                    self.vectors.extend_from_slice(&template.vector);
                    self.owners.push(owner);
                } else {
                    left_out += 1;
                }
            }
        }
        left_out
    }

    /// Whether there is nobody to compare with.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The most similar person, and the most similar other person.
    pub fn closest(&self, probe: &Template) -> (Option<Candidate>, Option<Candidate>) {
        if !self.comparable(probe) {
            return (None, None);
        }
        let mut best: Option<(usize, f32)> = None;
        let mut second: Option<(usize, f32)> = None;
        for (vector, owner) in self.vectors.chunks_exact(self.length).zip(&self.owners) {
            let found = (*owner, cosine(vector, &probe.vector));
            let beats =
                |other: Option<(usize, f32)>| other.is_none_or(|(_, score)| found.1 > score);
            if best.is_some_and(|(person, _)| person == found.0) {
                if beats(best) {
                    best = Some(found);
                }
            } else if beats(best) {
                second = best.replace(found);
            } else if beats(second) {
                second = Some(found);
            }
        }
        (self.candidate(best), self.candidate(second))
    }

    fn candidate(&self, found: Option<(usize, f32)>) -> Option<Candidate> {
        found.map(|(person, similarity)| Candidate {
            recipient: self.people[person].clone(),
            similarity,
        })
    }

    fn comparable(&self, template: &Template) -> bool {
        template.model == self.model
            && template.vector.len() == self.length
            && template.vector.iter().all(|v| v.is_finite())
    }

    fn clear(&mut self) {
        self.vectors.zeroize();
        self.owners.clear();
        self.people.clear();
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn model() -> ModelId {
        ModelId::new("m").unwrap()
    }

    fn person(name: &str) -> RecipientId {
        RecipientId::new(name).unwrap()
    }

    /// A unit vector at an angle.
    fn at(degrees: f32) -> Template {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Template { model: model(), vector: vec![cos, sin] }
    }

    fn gallery(people: Vec<(RecipientId, Vec<Template>)>) -> Gallery {
        let mut gallery = Gallery::new(model(), 2);
        assert_eq!(gallery.replace(people), 0);
        gallery
    }

    #[test]
    fn the_second_best_is_another_person() {
        let people = vec![(person("a"), vec![at(0.0), at(2.0)]), (person("b"), vec![at(40.0)])];
        let (best, second) = gallery(people).closest(&at(1.0));
        assert_eq!(best.unwrap().recipient, person("a"));
        assert_eq!(second.unwrap().recipient, person("b"));
    }

    #[test]
    fn a_person_alone_has_no_second() {
        let people = vec![(person("a"), vec![at(0.0)]), (person("a"), vec![at(3.0)])];
        let (best, second) = gallery(people).closest(&at(1.0));
        assert!(best.unwrap().similarity > 0.99);
        assert_eq!(second, None);
    }

    #[test]
    fn nobody_resembles_anybody_in_an_empty_gallery() {
        assert_eq!(gallery(Vec::new()).closest(&at(0.0)), (None, None));
    }

    #[test]
    fn templates_of_another_model_are_never_compared() {
        let mut foreign = at(0.0);
        foreign.model = ModelId::new("other").unwrap();
        let mut gallery = Gallery::new(model(), 2);
        let broken = Template { model: model(), vector: vec![f32::NAN, 0.0] };
        let short = Template { model: model(), vector: vec![1.0] };
        let templates = vec![foreign.clone(), broken, short, at(90.0)];
        assert_eq!(gallery.replace(vec![(person("a"), templates)]), 3);
        assert!(gallery.closest(&at(0.0)).0.unwrap().similarity < 0.01);
        assert_eq!(gallery.closest(&foreign), (None, None));
    }

    #[test]
    fn replacing_leaves_nobody_of_before() {
        let mut gallery = gallery(vec![(person("a"), vec![at(0.0)])]);
        gallery.replace(Vec::new());
        assert!(gallery.is_empty());
    }

    proptest! {
        #[test]
        fn the_order_of_the_people_does_not_matter(
            angles in prop::collection::vec((0_usize..5, 0.0_f32..360.0), 1..20),
            probe in 0.0_f32..360.0,
        ) {
            let entries: Vec<_> =
                angles.iter().map(|(who, a)| (person(&format!("p{who}")), vec![at(*a)])).collect();
            let mut reversed = entries.clone();
            reversed.reverse();
            let (best, second) = gallery(entries).closest(&at(probe));
            let (other_best, other_second) = gallery(reversed).closest(&at(probe));
            let score = |c: &Option<Candidate>| c.as_ref().map(|c| c.similarity);
            prop_assert_eq!(score(&best), score(&other_best));
            prop_assert_eq!(score(&second), score(&other_second));
            if let Some(second) = second {
                let best = best.unwrap();
                prop_assert!(best.similarity >= second.similarity);
                prop_assert_ne!(best.recipient, second.recipient);
            }
        }
    }
}
