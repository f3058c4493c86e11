//! A site's own labelled pictures: how alike pairs of one person and of two people are, and what to ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::det::{Pair, Report, Target};
use super::folders;
use super::{SetArgs, say, say_json};
use crate::core::policy::FacePolicy;
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::ports::Template;
use crate::vision::Pipeline;
use crate::vision::picture::Picture;
use crate::vision::products::cosine;
use crate::vision::still;

/// More pictures would be more than twelve million pairs.
const MOST_PICTURES: usize = 5000;
/// The list of groups beside the people's folders.
const GROUPS: &str = "groups.csv";
/// A longer list of groups is refused unread, in bytes.
const LARGEST_LIST: usize = 4 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct CalibrateArgs {
    /// A folder with one folder of pictures for each person; groups.csv beside them may say each person's group, with
    /// the columns person and group
    dir: PathBuf,
    /// How often a stranger may be taken for one of all who may match, at most
    #[arg(long, value_name = "RATE", default_value_t = FacePolicy::default().false_accepts, value_parser = rate)]
    false_accepts: f32,
    /// How many people may match at once
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    people: u32,
    /// Also write the lines for the configuration to this file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetArgs,
}

fn rate(text: &str) -> Result<f32, String> {
    let value = text.parse().ok().filter(|value| (1e-6..=1e-4).contains(value));
    value
        .ok_or_else(|| "give a rate from 0.000001 to 0.0001, as the configuration takes".to_owned())
}

pub(super) fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let people = People::read(&args.dir)?;
    let mut pipeline = Pipeline::load(&args.set.store()?, args.set.threads())?;
    let faces = people.embedded(&mut pipeline)?;
    let target = Target { false_accepts: args.false_accepts, people: args.people as usize };
    let report = Report::new(&people.pairs(&faces), &people.groups, faces.without, target)
        .with_context(|| args.dir.display().to_string())?;
    if let Some(file) = &args.write {
        let written = std::fs::write(file, report.config_lines());
        written.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        say_json(&report.json());
    } else {
        say(&report.text());
    }
    Ok(ExitCode::SUCCESS)
}

struct People {
    /// Each picture with its person.
    pictures: Vec<(PathBuf, usize)>,
    /// Each person's group, where there are groups.
    groups: Vec<Option<String>>,
}

/// Each picture's template with its person; and the pictures without a face.
struct Faces {
    templates: Vec<(Template, usize)>,
    without: Vec<PathBuf>,
}

impl People {
    fn read(dir: &Path) -> anyhow::Result<Self> {
        let folders = folders::read(dir)?;
        if folders.len() < 2 {
            bail!("{}: there is only one person in it: two at least are needed", dir.display());
        }
        let names: Vec<String> = folders.iter().map(|folder| folder.label.clone()).collect();
        let numbered = folders.into_iter().enumerate();
        let pictures: Vec<_> = numbered
            .flat_map(|(person, folder)| folder.pictures.into_iter().map(move |p| (p, person)))
            .collect();
        if pictures.len() > MOST_PICTURES {
            bail!(
                "{}: there are {} pictures in it, and at most {MOST_PICTURES} are compared: leave some out",
                dir.display(),
                pictures.len()
            );
        }
        let list = dir.join(GROUPS);
        let groups =
            if list.exists() { read_groups(&list, &names)? } else { vec![None; names.len()] };
        Ok(Self { pictures, groups })
    }

    fn embedded(&self, pipeline: &mut Pipeline) -> anyhow::Result<Faces> {
        let mut faces = Faces { templates: Vec::new(), without: Vec::new() };
        for (file, person) in &self.pictures {
            let bytes = read_at_most(file, LARGEST_PICTURE)?;
            let picture = Picture::decoded(&bytes).with_context(|| file.display().to_string())?;
            let face = still::look(pipeline, &picture, false)?;
            match face.and_then(|face| face.template) {
                Some(template) => faces.templates.push((template, *person)),
                None => faces.without.push(file.clone()),
            }
        }
        Ok(faces)
    }

    fn pairs(&self, faces: &Faces) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (index, (x, person)) in faces.templates.iter().enumerate() {
            for (y, other) in &faces.templates[index + 1..] {
                let similarity = cosine(&x.vector, &y.vector);
                pairs.push(Pair { people: [*person, *other], similarity });
            }
        }
        pairs
    }
}

/// Each person's group by the list; people it does not name have none.
fn read_groups(list: &Path, names: &[String]) -> anyhow::Result<Vec<Option<String>>> {
    let place = || list.display().to_string();
    let text = read_at_most(list, LARGEST_LIST)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_slice());
    if reader.headers().with_context(place)?.iter().ne(["person", "group"]) {
        bail!("{}: line 1: the header must be person,group", place());
    }
    let mut groups = BTreeMap::new();
    for record in reader.deserialize::<(String, String)>() {
        let (person, group) = record.with_context(place)?;
        if !names.contains(&person) {
            bail!("{}: there is no folder of the person '{person}'", place());
        }
        groups.insert(person, group);
    }
    Ok(names.iter().map(|name| groups.remove(name)).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(groups: Option<&str>) -> Result<People, String> {
        let dir = tempfile::tempdir().unwrap();
        for file in ["an/1.jpg", "an/2.jpg", "li/1.jpg"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        if let Some(groups) = groups {
            std::fs::write(dir.path().join(GROUPS), groups).unwrap();
        }
        People::read(dir.path()).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn a_folder_is_a_person_and_groups_may_be_told() {
        let people = read(None).unwrap();
        let persons: Vec<_> = people.pictures.iter().map(|(_, person)| *person).collect();
        assert_eq!((persons, people.groups), (vec![0, 0, 1], vec![None, None]));
        let people = read(Some("person,group\nli, over 60\n")).unwrap();
        assert_eq!(people.groups, [None, Some("over 60".to_owned())]);
    }

    #[test]
    fn a_wrong_list_of_groups_is_told() {
        assert!(read(Some("name,group\n")).err().unwrap().contains("person,group"));
        assert!(read(Some("person,group\nbo,x\n")).err().unwrap().contains("'bo'"));
        assert!(read(Some("person,group\nli\n")).is_err());
    }

    #[test]
    fn one_person_alone_calibrates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("an")).unwrap();
        std::fs::write(dir.path().join("an/1.jpg"), b"").unwrap();
        let told = format!("{:#}", People::read(dir.path()).err().unwrap());
        assert!(told.contains("only one person"), "{told}");
    }
}
