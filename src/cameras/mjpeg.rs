//! Cuts a stream of bytes into JPEG pictures. No I/O: bytes in, pictures out.
//!
//! Pictures are followed marker by marker, so that a thumbnail inside a picture's header does not end it. What does
//! not parse is skipped up to the next picture's beginning.

/// A picture that grows past this is none: 1080p at the best quality stays below a tenth of it.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Segments before the picture's data that grow past this are none (EXIF with its thumbnail stays below 64 KiB).
const MOST_HEADER: usize = 512 * 1024;

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

/// Finds the pictures of a stream, however it is cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// What was read and may still belong to a picture; the picture under way begins at 0.
    held: Vec<u8>,
    at: usize,
    within: Within,
    /// Whether the picture under way has data already.
    has_scan: bool,
}

/// What the byte at `at` belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    /// Nothing: the next beginning is looked for.
    #[default]
    Gap,
    /// The segments before, between and after scans.
    Segments,
    /// Compressed data, up to the next marker.
    Scan,
}

/// What one step of parsing led to.
enum Step {
    On,
    /// More bytes are needed.
    Wait,
    /// A picture ends before this byte.
    Picture(usize),
    /// This is no picture; another may begin at this byte or later.
    Skip(usize),
}

impl Splitter {
    /// Takes the next bytes and gives every picture that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], mut picture: impl FnMut(&[u8])) {
        self.held.extend_from_slice(bytes);
        loop {
            let step = match self.within {
                Within::Gap => self.gap(),
                Within::Segments => self.segment(),
                Within::Scan => self.scan(),
            };
            match step {
                Step::On => {}
                Step::Wait => return,
                Step::Picture(end) => {
                    picture(&self.held[..end]);
                    self.forget(end);
                }
                Step::Skip(from) => self.forget(from),
            }
        }
    }

    /// Drops the bytes before `from` and looks for a beginning there.
    fn forget(&mut self, from: usize) {
        self.held.drain(..from.min(self.held.len()));
        self.at = 0;
        self.within = Within::Gap;
        self.has_scan = false;
    }

    fn gap(&mut self) -> Step {
        let beginning = self.held.windows(3).position(|three| three == [0xFF, START, 0xFF]);
        let Some(beginning) = beginning else {
            // The last two bytes may be the first two of a beginning.
            self.held.drain(..self.held.len().saturating_sub(2));
            return Step::Wait;
        };
        self.held.drain(..beginning);
        (self.at, self.within) = (2, Within::Segments);
        Step::On
    }

    fn segment(&mut self) -> Step {
        if self.at > MOST_BYTES || !self.has_scan && self.at > MOST_HEADER {
            return Step::Skip(2);
        }
        let Some(&[first, marker]) = self.held.get(self.at..self.at + 2) else { return Step::Wait };
        match marker {
            _ if first != 0xFF => return Step::Skip(2),
            // Any number of these may come before a marker.
            0xFF => self.at += 1,
            START => return Step::Skip(self.at),
            END if !self.has_scan => return Step::Skip(2),
            END => return Step::Picture(self.at + 2),
            0x01 | 0xD0..=0xD7 => self.at += 2,
            _ => return self.long_segment(marker),
        }
        Step::On
    }

    /// A segment that says how long it is.
    fn long_segment(&mut self, marker: u8) -> Step {
        let Some(&[high, low]) = self.held.get(self.at + 2..self.at + 4) else { return Step::Wait };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if marker == 0 || length < 2 {
            return Step::Skip(2);
        }
        self.at += 2 + length;
        if marker == SCAN {
            self.within = Within::Scan;
        }
        Step::On
    }

    fn scan(&mut self) -> Step {
        let data = self.held.get(self.at..).unwrap_or_default();
        // In compressed data 0xFF is followed by 0, by a restart, or by the next segment's marker.
        let marker = data
            .windows(2)
            .position(|two| two[0] == 0xFF && !matches!(two[1], 0 | 0xFF | 0xD0..=0xD7));
        match marker {
            Some(offset) => {
                self.at += offset;
                self.within = Within::Segments;
                self.has_scan = true;
                Step::On
            }
            None if self.held.len() > MOST_BYTES => Step::Skip(2),
            None => {
                self.at = self.at.max(self.held.len().saturating_sub(1));
                Step::Wait
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn cut(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut pictures = Vec::new();
        for bytes in stream.chunks(piece) {
            splitter.feed(bytes, |picture| pictures.push(picture.to_vec()));
        }
        pictures
    }

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker, high, low], content].concat()
    }

    /// A picture with these segments before its data, and this data (which is stuffed here).
    fn picture(segments: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, START];
        bytes.extend(segments.concat());
        bytes.extend(segment(SCAN, &[1, 1, 0, 0, 63, 0]));
        for byte in data {
            bytes.push(*byte);
            if *byte == 0xFF {
                bytes.push(0);
            }
        }
        bytes.extend([0xFF, END]);
        bytes
    }

    fn plain(data: &[u8]) -> Vec<u8> {
        picture(&[segment(0xDB, &[0; 65])], data)
    }

    fn any_picture() -> impl Strategy<Value = Vec<u8>> {
        let marker = prop_oneof![Just(0xE0_u8), Just(0xE1), Just(0xDB), Just(0xC0), Just(0xFE)];
        let segments = vec((marker, vec(any::<u8>(), 0..200)), 0..4);
        (segments, vec(any::<u8>(), 0..400)).prop_map(|(segments, data)| {
            let segments: Vec<_> =
                segments.iter().map(|(m, content)| segment(*m, content)).collect();
            picture(&segments, &data)
        })
    }

    proptest! {
        #[test]
        fn every_picture_comes_out_whole_however_the_stream_is_cut(
            pictures in vec(any_picture(), 0..6),
            // No 0xFF: what looks like a beginning is one, as far as anybody can tell.
            gap in vec(0_u8..0xFF, 0..50),
            piece in 1_usize..600,
        ) {
            let mut stream = gap.clone();
            for picture in &pictures {
                stream.extend(picture);
                stream.extend(&gap);
            }
            prop_assert_eq!(cut(&stream, piece), pictures);
        }

        #[test]
        fn noise_neither_panics_nor_piles_up(noise in vec(any::<u8>(), 0..5000), piece in 1_usize..600) {
            for picture in cut(&noise, piece) {
                prop_assert!(picture.starts_with(&[0xFF, START]) && picture.ends_with(&[0xFF, END]));
            }
        }

        #[test]
        fn after_noise_the_stream_is_found_again(
            noise in vec(any::<u8>(), 0..2000),
            piece in 1_usize..600,
        ) {
            // The noise may swallow what follows, up to the longest segment and a little; then it must be over.
            let good = plain(&[7; 300]);
            let stream: Vec<u8> =
                [noise, vec![0; 70_000], good.repeat(5)].concat();
            let found = cut(&stream, piece);
            prop_assert_eq!(found.last(), Some(&good));
        }

        #[test]
        fn how_the_stream_is_cut_makes_no_difference(
            noise in vec(prop_oneof![Just(0xFF_u8), Just(START), Just(END), Just(SCAN), any::<u8>()], 0..600),
            piece in 1_usize..50,
        ) {
            prop_assert_eq!(cut(&noise, piece), cut(&noise, usize::MAX));
        }
    }

    #[test]
    fn a_thumbnail_in_the_header_does_not_end_the_picture() {
        let thumbnail = plain(&[1, 2, 3]);
        let whole =
            picture(&[segment(0xE1, &[b"Exif\0\0", thumbnail.as_slice()].concat())], &[9; 50]);
        assert_eq!(cut(&whole, 7), vec![whole.clone()]);
    }

    #[test]
    fn a_picture_that_breaks_off_is_dropped_and_the_next_one_found() {
        let (first, second) = (plain(&[5; 400]), plain(&[6; 400]));
        for end in [1, 2, 3, 40, 72, 80, 200, first.len() - 1] {
            let stream = [&first[..end], &second, &second].concat();
            assert_eq!(cut(&stream, 64).last(), Some(&second), "cut off after {end}");
        }
    }

    #[test]
    fn several_scans_and_restarts_belong_to_one_picture() {
        let mut whole = plain(&[0xFF, 1, 2]);
        whole.truncate(whole.len() - 2);
        whole.extend([0xFF, 0xD3, 4, 5]);
        whole.extend(segment(0xC4, &[0; 20]));
        whole.extend(segment(SCAN, &[1, 1, 0, 0, 63, 0]));
        whole.extend([8, 9, 0xFF, END]);
        assert_eq!(cut(&whole, 1), vec![whole.clone()]);
    }

    #[test]
    fn parts_of_a_web_stream_are_cut_out_of_their_wrapping() {
        let wrapping = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 123\r\n\r\n";
        let one = plain(&[3; 30]);
        let stream = [&wrapping[..], &one, &wrapping[..], &one].concat();
        assert_eq!(cut(&stream, 11), vec![one.clone(), one]);
    }

    #[test]
    fn what_never_ends_is_given_up() {
        let mut splitter = Splitter::default();
        let mut found = 0;
        splitter.feed(&plain(&[])[..80], |_| found += 1);
        let endless = vec![0x11; 1 << 20];
        for _ in 0..40 {
            splitter.feed(&endless, |_| found += 1);
            assert!(splitter.held.len() <= MOST_BYTES + endless.len(), "{}", splitter.held.len());
        }
        splitter.feed(&plain(&[1]), |_| found += 1);
        assert_eq!(found, 1);
    }
}
