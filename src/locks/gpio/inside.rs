//! Sensors that look inside a compartment: plain inputs, read when somebody asks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gpiocdev::line::{Offset, Value, Values};
use gpiocdev::request::Builder;
use gpiocdev::{Error, Request};

use super::find::{AllFound, Found, Part};
use super::switches::bias;
use super::{CONSUMER, GpioFault, GpioWiring};
use crate::core::ids::CompartmentId;

/// What one request may hold, by the kernel's interface.
const LINES_OF_A_REQUEST: usize = 64;

/// Sensors of one chip.
pub(super) struct InsideGroup {
    request: Request,
    compartments: BTreeMap<Offset, CompartmentId>,
}

impl InsideGroup {
    /// Whether something lies in each compartment now.
    pub(super) fn read(&self) -> Result<BTreeMap<CompartmentId, bool>, Error> {
        let mut values = Values::default();
        self.request.values(&mut values)?;
        let compartments = self.compartments.iter();
        Ok(compartments
            .filter_map(|(&offset, &number)| Some((number, values.get(offset)? == Value::Active)))
            .collect())
    }
}

/// One sensor and its line.
type Wired<'a> = (CompartmentId, &'a GpioWiring, &'a Found);

/// Takes the lines of all sensors that look inside into use.
pub(super) fn take_inside(
    wiring: &BTreeMap<CompartmentId, GpioWiring>,
    found: &AllFound,
) -> Result<Vec<InsideGroup>, GpioFault> {
    let mut chips: BTreeMap<PathBuf, Vec<Wired<'_>>> = BTreeMap::new();
    for (&number, wires) in wiring {
        let Some(line) = found.get(&(number, Part::Inside)) else { continue };
        chips.entry(line.chip.clone()).or_default().push((number, wires, line));
    }
    let requests = chips.values().flat_map(|wired| wired.chunks(LINES_OF_A_REQUEST));
    requests.map(take_group).collect()
}

fn take_group(wired: &[Wired<'_>]) -> Result<InsideGroup, GpioFault> {
    let compartments = wired.iter().map(|(number, _, line)| (line.offset, *number)).collect();
    let request = builder(wired).request().map_err(|error| blame(wired, &error))?;
    Ok(InsideGroup { request, compartments })
}

/// The kernel refuses a request as a whole: the line to blame is the one that it refuses alone.
fn blame(wired: &[Wired<'_>], error: &Error) -> GpioFault {
    let mut alone = wired.iter().filter_map(|one| {
        let refused = builder(std::slice::from_ref(one)).request().err()?;
        Some(GpioFault::refused(one.0, Part::Inside, one.2, &refused))
    });
    alone.next().unwrap_or_else(|| match wired.first() {
        Some((number, _, line)) => GpioFault::refused(*number, Part::Inside, line, error),
        None => GpioFault::NoChips,
    })
}

fn builder(wired: &[Wired<'_>]) -> Builder {
    let mut builder = Request::builder();
    builder.with_consumer(CONSUMER);
    for (_, wires, line) in wired {
        builder.on_chip(&line.chip).with_line(line.offset).as_input().with_bias(bias(wires.bias));
        // Most such sensors pull their line to ground when they see something.
        if wires.inside.as_ref().is_some_and(|inside| !inside.inverted) {
            builder.as_active_low();
        }
    }
    builder
}
