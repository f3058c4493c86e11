//! Which of the formats a camera offers to take.

/// Width and height in pixels.
pub(super) type Size = (u32, u32);

/// The encodings that can be read, best first: compressed pictures leave room on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoding {
    /// A JPEG for each frame.
    Jpeg,
    /// Packed 4:2:2.
    Yuyv,
}

impl Encoding {
    /// What a four-character code means, if it can be read.
    pub(super) fn of(fourcc: u32) -> Option<Self> {
        match &fourcc.to_le_bytes() {
            b"MJPG" | b"JPEG" => Some(Self::Jpeg),
            b"YUYV" => Some(Self::Yuyv),
            _ => None,
        }
    }
}

/// One format of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// Its code.
    pub(super) fourcc: u32,
    /// The sizes it comes in; none if the driver does not list them.
    pub(super) sizes: Vec<Sizes>,
}

/// One size or a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    /// This one.
    One(Size),
    /// Each from the first to the second value, in steps of the third.
    Between {
        /// Smallest, largest, step.
        width: (u32, u32, u32),
        /// Smallest, largest, step.
        height: (u32, u32, u32),
    },
}

/// The format and size nearest the wish; of two as near the better encoding, then the larger picture. `None` if none
/// can be read.
pub(super) fn choose(wish: Size, offers: &[Offer]) -> Option<(u32, Encoding, Size)> {
    let readable = offers.iter().filter_map(|offer| Some((offer, Encoding::of(offer.fourcc)?)));
    let nearest = readable.map(|(offer, encoding)| {
        let sizes = offer.sizes.iter().map(|sizes| sizes.nearest(wish));
        let size = sizes.min_by_key(|size| rank(wish, *size)).unwrap_or(wish);
        (offer.fourcc, encoding, size)
    });
    nearest.min_by_key(|(_, encoding, size)| (distance(wish, *size), *encoding, rank(wish, *size)))
}

fn distance(wish: Size, size: Size) -> u64 {
    u64::from(wish.0.abs_diff(size.0)) + u64::from(wish.1.abs_diff(size.1))
}

fn rank(wish: Size, size: Size) -> (u64, std::cmp::Reverse<u64>) {
    (distance(wish, size), std::cmp::Reverse(u64::from(size.0) * u64::from(size.1)))
}

impl Sizes {
    fn nearest(self, wish: Size) -> Size {
        match self {
            Self::One(size) => size,
            Self::Between { width, height } => (step(width, wish.0), step(height, wish.1)),
        }
    }
}

/// The value of a range that is nearest the wish.
fn step((least, most, step): (u32, u32, u32), wish: u32) -> u32 {
    let (step, most) = (step.max(1), most.max(least));
    let steps = (wish.clamp(least, most) - least + step / 2) / step;
    least.saturating_add(steps.saturating_mul(step)).min(most - (most - least) % step)
}

/// A four-character code as people write it.
pub(super) fn name(fourcc: u32) -> String {
    let letter = |byte: u8| if byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    fourcc.to_le_bytes().map(letter).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MJPG: u32 = u32::from_le_bytes(*b"MJPG");
    const YUYV: u32 = u32::from_le_bytes(*b"YUYV");
    const H264: u32 = u32::from_le_bytes(*b"H264");
    const VGA: Size = (640, 480);

    fn offer(fourcc: u32, sizes: &[Size]) -> Offer {
        Offer { fourcc, sizes: sizes.iter().map(|size| Sizes::One(*size)).collect() }
    }

    #[test]
    fn of_the_same_size_the_compressed_one_is_taken() {
        let offers = [offer(YUYV, &[VGA]), offer(MJPG, &[(1280, 720), VGA])];
        assert_eq!(choose(VGA, &offers), Some((MJPG, Encoding::Jpeg, VGA)));
    }

    #[test]
    fn a_nearer_size_counts_more_than_the_encoding() {
        let offers = [offer(MJPG, &[(1920, 1080)]), offer(YUYV, &[(320, 240), VGA])];
        assert_eq!(choose(VGA, &offers), Some((YUYV, Encoding::Yuyv, VGA)));
    }

    #[test]
    fn of_two_as_near_the_larger_is_taken() {
        let offers = [offer(MJPG, &[(600, 480), (680, 480)])];
        assert_eq!(choose(VGA, &offers), Some((MJPG, Encoding::Jpeg, (680, 480))));
    }

    #[test]
    fn ranges_are_met_on_their_steps_and_at_their_ends() {
        let range =
            |width, height| Offer { fourcc: MJPG, sizes: vec![Sizes::Between { width, height }] };
        let chosen = |width, height| choose(VGA, &[range(width, height)]).map(|chosen| chosen.2);
        assert_eq!(chosen((16, 4096, 1), (16, 4096, 1)), Some(VGA));
        assert_eq!(chosen((16, 4096, 100), (16, 4096, 0)), Some((616, 480)));
        assert_eq!(chosen((800, 1600, 16), (64, 400, 16)), Some((800, 400)));
        assert_eq!(chosen((100, 105, 3), (9, 1, 2)), Some((103, 9)));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_and_an_unlisted_size_is_asked_for() {
        assert_eq!(choose(VGA, &[offer(H264, &[VGA])]), None);
        assert_eq!(choose(VGA, &[]), None);
        assert_eq!(choose(VGA, &[offer(YUYV, &[])]), Some((YUYV, Encoding::Yuyv, VGA)));
    }

    #[test]
    fn codes_are_written_as_people_know_them() {
        assert_eq!(name(MJPG), "MJPG");
        assert_eq!(name(u32::from_le_bytes([b'Y', 0x10, b'1', b' '])), "Y?1?");
    }
}
