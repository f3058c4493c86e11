//! From a wish to a running camera.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use super::{PictureFormat, V4l2Camera, V4l2Fault, V4l2Wish};
use crate::cameras::formats::{Encoding, Offer, Sizes, choose, name};
use crate::cameras::kernel::{Capability, Node, PixelFormat, SizeDescription};
use crate::cameras::yuyv::{Layout, Range};

/// The kernel's major number of video devices.
const VIDEO: u32 = 81;
/// Buffers between the driver and the program.
const BUFFERS: u32 = 4;
/// No driver lists more formats or sizes of one; a broken one must not be asked for ever.
const MOST_LISTED: u32 = 256;

pub(super) fn open(wish: &V4l2Wish) -> Result<V4l2Camera, V4l2Fault> {
    let path = locate(&wish.device)?;
    check_kind(&path)?;
    let told = path.clone();
    let said = |doing| {
        let path = &told;
        move |error| V4l2Fault::of(path, doing, error)
    };
    let node = Node::open(&path).map_err(said("opening it"))?;
    let capability = node.capability().map_err(said("asking what it can do"))?;
    let card = capability.card();
    if !capability.captures() {
        return Err(V4l2Fault::NoCapture { card, here: here() });
    }
    let offers = offers(&node);
    let chosen = choose((wish.width, wish.height), &offers);
    let (fourcc, encoding, size) = chosen.ok_or_else(|| {
        let names: Vec<_> = offers.iter().map(|offer| name(offer.fourcc)).collect();
        let offered = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        V4l2Fault::NoFormat { card: card.clone(), offered }
    })?;
    let agreed = node.set_format(fourcc, size).map_err(said("setting its format"))?;
    let encoding = Encoding::of(agreed.fourcc).unwrap_or(encoding);
    let picture = picture_format(encoding, &agreed);
    let rate = set_rate(&node, wish.frames_per_second);
    let description = format!(
        "{} ({card}, {}): {} {}x{} at {rate:.1} frames a second",
        path.display(),
        capability.bus(),
        name(agreed.fourcc),
        agreed.width,
        agreed.height
    );
    let stream = node.stream(BUFFERS).map_err(said("starting it"))?;
    let interval = Duration::from_secs_f32(1.0 / rate.clamp(1.0, 240.0));
    Ok(V4l2Camera {
        stream,
        path,
        picture,
        description,
        freshness: interval.mul_f32(1.5).max(Duration::from_millis(50)),
        settled_at: Instant::now() + wish.settle,
        frozen_after: wish.frozen_after,
        waited: Duration::ZERO,
    })
}

/// A path as it is; else the first camera whose name contains the text or whose bus is it.
fn locate(device: &str) -> Result<PathBuf, V4l2Fault> {
    if device.contains('/') {
        return Ok(PathBuf::from(device));
    }
    let named =
        |capability: &Capability| capability.card().contains(device) || capability.bus() == device;
    let found = cameras().into_iter().find(|(_, capability)| named(capability));
    found.map(|(path, _)| path).ok_or_else(|| V4l2Fault::Missing { here: here() })
}

/// Looks before it opens: opening another device may do something.
fn check_kind(path: &Path) -> Result<(), V4l2Fault> {
    let metadata = fs::metadata(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            V4l2Fault::Missing { here: here() }
        } else {
            V4l2Fault::of(path, "looking at it", error)
        }
    })?;
    let video =
        metadata.file_type().is_char_device() && rustix::fs::major(metadata.rdev()) == VIDEO;
    if video { Ok(()) } else { Err(V4l2Fault::NotVideo { here: here() }) }
}

/// The capture nodes of this machine that may be opened, by number.
fn cameras() -> Vec<(PathBuf, Capability)> {
    let numbered = |entry: fs::DirEntry| {
        entry.file_name().to_str()?.strip_prefix("video")?.parse::<u32>().ok()
    };
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries.filter_map(numbered).collect();
    numbers.sort_unstable();
    let opened = numbers.into_iter().filter_map(|number| {
        let path = PathBuf::from(format!("/dev/video{number}"));
        let capability = Node::open(&path).ok()?.capability().ok()?;
        capability.captures().then_some((path, capability))
    });
    opened.collect()
}

/// Which cameras are there, as a phrase.
fn here() -> String {
    let named = |(path, capability): (PathBuf, Capability)| {
        format!("{} is {}", path.display(), capability.card())
    };
    let names: Vec<_> = cameras().into_iter().map(named).collect();
    if names.is_empty() {
        "no camera was found on this machine".to_owned()
    } else {
        names.join(", ")
    }
}

fn offers(node: &Node) -> Vec<Offer> {
    let formats = (0..MOST_LISTED).map_while(|index| node.format(index).ok());
    formats.map(|fourcc| Offer { fourcc, sizes: sizes(node, fourcc) }).collect()
}

fn sizes(node: &Node, fourcc: u32) -> Vec<Sizes> {
    let listed = (0..MOST_LISTED).map_while(|index| node.size(fourcc, index).ok());
    let mut sizes = Vec::new();
    for SizeDescription { kind, values: [a, b, c, d, e, f], .. } in listed {
        if kind == 1 {
            sizes.push(Sizes::One((a, b)));
        } else {
            // There is one range, and it is the whole list.
            return vec![Sizes::Between { width: (a, b, c), height: (d, e, f) }];
        }
    }
    sizes
}

fn picture_format(encoding: Encoding, agreed: &PixelFormat) -> PictureFormat {
    match encoding {
        Encoding::Jpeg => PictureFormat::Jpeg,
        Encoding::Yuyv => {
            // V4L2_QUANTIZATION_FULL_RANGE, or left open in the JPEG colour space, whose default it is.
            let full =
                agreed.quantisation == 1 || agreed.quantisation == 0 && agreed.colour_space == 7;
            let mut layout = Layout {
                width: agreed.width as usize,
                height: agreed.height as usize,
                stride: agreed.bytes_per_line as usize,
                range: if full { Range::Full } else { Range::Limited },
            };
            // Some drivers leave it at zero where rows are not padded.
            layout.stride = layout.stride.max(layout.row_bytes());
            PictureFormat::Yuyv(layout)
        }
    }
}

/// Asks for a rate; a camera that cannot be asked keeps its own, taken to be the wish.
fn set_rate(node: &Node, wish: f32) -> f32 {
    const PARTS: u32 = 1000;
    let frames = (wish * PARTS as f32).round().max(1.0) as u32;
    match node.set_rate(frames, PARTS) {
        Ok((frames, seconds)) if frames > 0 && seconds > 0 => frames as f32 / seconds as f32,
        Ok(_) | Err(_) => wish,
    }
}
