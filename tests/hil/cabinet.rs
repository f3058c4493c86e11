//! The cabinet around the program: the kernel's simulated chips as its wiring, and the physics of doors.
//!
//! A thread looks at the lock lines every millisecond. A coil that has been live for [`PULL`] opens its door, and
//! the door's switch follows. Everything is dated by the guest's clock.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// From energising a coil to the door springing open.
const PULL: Duration = Duration::from_millis(50);
/// Between two looks at the lock lines: the error of every time told here.
const GLANCE: Duration = Duration::from_millis(1);
/// The doors 1 to this.
pub(crate) const DOORS: usize = 8;
/// The door whose compartment has a sensor that looks inside, on the header's last line.
pub(crate) const WATCHED: usize = 3;

/// How a time at which a line was live is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    /// Number on the door.
    pub(crate) door: usize,
    /// When the line became active.
    pub(crate) on: Instant,
    /// The same by the wall clock, in milliseconds since 1970.
    pub(crate) on_at_ms: u64,
    /// When it became inactive again.
    pub(crate) off: Option<Instant>,
}

impl Pulse {
    /// How long it was live.
    pub(crate) fn width(&self) -> Option<Duration> {
        Some(self.off?.duration_since(self.on))
    }
}

/// A door's lines and what is wrong with it.
struct Door {
    lock: File,
    lock_pull: PathBuf,
    switch_pull: PathBuf,
    /// The last line of the door's chip.
    inside_pull: PathBuf,
    active_low: bool,
    open: bool,
    jammed: bool,
    switch_stuck: bool,
    live: Option<usize>,
}

#[derive(Default)]
struct World {
    doors: Vec<Door>,
    pulses: Vec<Pulse>,
    overlaps: usize,
    slowest_glance: Duration,
}

/// The cabinet. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Cabinet(Arc<Mutex<World>>);

/// Where doors are wired: two chips of different sorts.
const HEADER: Chip = Chip { folder: "header", label: "bench-header", first: 1, active_low: false };
const EXPANDER: Chip =
    Chip { folder: "expander", label: "bench-expander", first: 5, active_low: true };

struct Chip {
    folder: &'static str,
    label: &'static str,
    first: usize,
    active_low: bool,
}

impl Cabinet {
    /// Makes the chips and starts the physics. All doors are shut.
    pub(crate) fn build() -> std::io::Result<Self> {
        let mut world = World::default();
        for chip in [HEADER, EXPANDER] {
            chip.plug_in(&mut world.doors)?;
        }
        let cabinet = Self(Arc::new(Mutex::new(world)));
        let physics = cabinet.clone();
        thread::Builder::new().name("physics".into()).spawn(move || {
            loop {
                physics.world().glance();
                thread::sleep(GLANCE);
            }
        })?;
        Ok(cabinet)
    }

    /// The compartments for the program's configuration: the header by number, the expander by name.
    pub(crate) fn wiring() -> String {
        let door = |number: usize| {
            if number < EXPANDER.first {
                let lock = number - HEADER.first;
                let wired = format!("lock_line = {lock}, sensor_line = {}", lock + DOORS / 2);
                let inside = format!(", occupancy_line = {DOORS}");
                wired + if number == WATCHED { &inside } else { "" }
            } else {
                format!(
                    "lock_line = \"EXP-LOCK{number}\", sensor_line = \"EXP-DOOR{number}\", active_low = true"
                )
            }
        };
        let doors = (1..=DOORS).map(|number| {
            format!("{{ number = {number}, {}, sensor_bias = \"none\" }}", door(number))
        });
        format!(
            "chip = \"{}\"\ncompartment = [{}]",
            HEADER.label,
            doors.collect::<Vec<_>>().join(", ")
        )
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door<T>(&self, number: usize, act: impl FnOnce(&mut Door) -> T) -> T {
        act(&mut self.world().doors[number - 1])
    }

    /// Pushes a door shut.
    pub(crate) fn close(&self, number: usize) {
        self.door(number, |door| door.swing(false));
    }

    /// Pushes all doors shut, as fast as the lines can be set.
    pub(crate) fn close_all(&self) {
        self.world().doors.iter_mut().for_each(|door| door.swing(false));
    }

    /// Opens a door without its lock.
    pub(crate) fn force(&self, number: usize) {
        self.door(number, |door| door.swing(true));
    }

    /// Moves a door's switch to and fro, quicker than a door moves, and leaves it where it was.
    /// The longest it stayed anywhere: on a machine that stalls, longer than meant.
    pub(crate) fn rattle(&self, number: usize, times: usize) -> Duration {
        let mut longest = Duration::ZERO;
        for _ in 0..times {
            let began = Instant::now();
            self.door(number, |door| door.switch(!door.open));
            thread::sleep(GLANCE);
            self.door(number, |door| door.switch(door.open));
            thread::sleep(GLANCE);
            longest = longest.max(began.elapsed());
        }
        longest
    }

    /// Whether a lock's line stays live when nobody holds it, as a chip leaves it that keeps its outputs.
    pub(crate) fn keep_live(&self, number: usize, live: bool) {
        self.door(number, |door| pull(&door.lock_pull, live != door.active_low));
    }

    /// Puts something into the watched compartment, or takes it out.
    pub(crate) fn put_in(&self, something: bool) {
        self.door(WATCHED, |door| pull(&door.inside_pull, !something));
    }

    /// Whether a door ignores its lock.
    pub(crate) fn jam(&self, number: usize, jammed: bool) {
        self.door(number, |door| door.jammed = jammed);
    }

    /// Whether a door's switch stays as it is whatever the door does.
    pub(crate) fn stick(&self, number: usize, stuck: bool) {
        self.door(number, |door| {
            door.switch_stuck = stuck;
            door.switch(door.open);
        });
    }

    /// Whether a door really is open.
    pub(crate) fn is_open(&self, number: usize) -> bool {
        self.door(number, |door| door.open)
    }

    /// Pulses seen after the first so many.
    pub(crate) fn pulses_after(&self, count: usize) -> Vec<Pulse> {
        self.world().pulses[count..].to_vec()
    }

    /// How many pulses were seen.
    pub(crate) fn pulse_count(&self) -> usize {
        self.world().pulses.len()
    }

    /// How often a line became live while another was.
    pub(crate) fn overlaps(&self) -> usize {
        self.world().overlaps
    }

    /// The longest time between two looks since the last call: how wrong a time may be.
    pub(crate) fn slowest_glance(&self) -> Duration {
        std::mem::take(&mut self.world().slowest_glance)
    }
}

impl World {
    fn glance(&mut self) {
        let began = Instant::now();
        for index in 0..self.doors.len() {
            let active = self.doors[index].is_energised();
            match (active, self.doors[index].live) {
                (true, None) => self.begin(index, began),
                (true, Some(pulse)) => {
                    let door = &mut self.doors[index];
                    if began.duration_since(self.pulses[pulse].on) >= PULL && !door.jammed {
                        door.swing(true);
                    }
                }
                (false, Some(pulse)) => {
                    self.pulses[pulse].off = Some(began);
                    self.doors[index].live = None;
                }
                (false, None) => {}
            }
        }
        self.slowest_glance = self.slowest_glance.max(began.elapsed() + GLANCE);
    }

    fn begin(&mut self, index: usize, on: Instant) {
        self.overlaps += usize::from(self.doors.iter().any(|door| door.live.is_some()));
        self.doors[index].live = Some(self.pulses.len());
        let on_at_ms = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
        self.pulses.push(Pulse { door: index + 1, on, on_at_ms, off: None });
    }
}

impl Door {
    fn is_energised(&self) -> bool {
        let mut level = [0_u8; 1];
        let read = self.lock.read_at(&mut level, 0);
        assert!(read.is_ok_and(|count| count == 1), "the chip does not show its lines");
        (level[0] == b'1') != self.active_low
    }

    fn swing(&mut self, open: bool) {
        if self.open != open {
            self.open = open;
            self.switch(open);
        }
    }

    /// A shut door connects its line to ground.
    fn switch(&self, open: bool) {
        if !self.switch_stuck {
            pull(&self.switch_pull, open);
        }
    }
}

fn pull(line: &Path, up: bool) {
    let set = fs::write(line, if up { "pull-up" } else { "pull-down" });
    assert!(set.is_ok(), "{}: {set:?}", line.display());
}

impl Chip {
    /// Makes the chip: its first lines drive locks, then come door switches, the last one looks inside.
    fn plug_in(&self, doors: &mut Vec<Door>) -> std::io::Result<()> {
        let device = Path::new("/sys/kernel/config/gpio-sim").join(self.folder);
        let bank = device.join("bank0");
        fs::create_dir_all(&bank)?;
        fs::write(bank.join("num_lines"), (DOORS + 1).to_string())?;
        fs::write(bank.join("label"), self.label)?;
        for line in 0..DOORS {
            let folder = bank.join(format!("line{line}"));
            fs::create_dir(&folder)?;
            let (part, index) =
                if line < DOORS / 2 { ("LOCK", line) } else { ("DOOR", line - DOORS / 2) };
            let prefix = if self.active_low { "EXP" } else { "HDR" };
            fs::write(folder.join("name"), format!("{prefix}-{part}{}", index + self.first))?;
        }
        fs::write(device.join("live"), "1")?;
        let name =
            |file: PathBuf| Ok::<_, std::io::Error>(fs::read_to_string(file)?.trim().to_owned());
        let chip = Path::new("/sys/devices/platform")
            .join(name(device.join("dev_name"))?)
            .join(name(bank.join("chip_name"))?);
        let line = |offset: usize| chip.join(format!("sim_gpio{offset}"));
        let inside_pull = line(DOORS).join("pull");
        pull(&inside_pull, true);
        for index in 0..DOORS / 2 {
            // What a resistor does for a lock line that nobody drives: it holds it at its inactive level.
            let lock_pull = line(index).join("pull");
            pull(&lock_pull, self.active_low);
            let switch_pull = line(index + DOORS / 2).join("pull");
            pull(&switch_pull, false);
            doors.push(Door {
                lock: File::open(line(index).join("value"))?,
                lock_pull,
                switch_pull,
                inside_pull: inside_pull.clone(),
                active_low: self.active_low,
                open: false,
                jammed: false,
                switch_stuck: false,
                live: None,
            });
        }
        Ok(())
    }
}
