//! Camera colours to RGB: packed 4:2:2 (YUYV), by ITU-R BT.601, straight into the picture's buffer.

/// What the numbers of luma and chroma span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// Luma 16 to 235, chroma 16 to 240: the usual one.
    Limited,
    /// 0 to 255.
    Full,
}

/// How the pixels lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Pixels across.
    pub(super) width: usize,
    /// Pixels down.
    pub(super) height: usize,
    /// Bytes from one row to the next; at least [`Layout::row_bytes`].
    pub(super) stride: usize,
    /// What the numbers span.
    pub(super) range: Range,
}

impl Layout {
    /// The bytes of a row that are pixels: two pixels share four bytes, an odd last one has four to itself.
    pub(super) fn row_bytes(&self) -> usize {
        self.width.div_ceil(2) * 4
    }

    /// How long the data must be at least; the last row needs no padding.
    pub(super) fn least_bytes(&self) -> usize {
        self.stride * self.height.saturating_sub(1) + self.row_bytes()
    }
}

/// BT.601 in parts of 65536.
struct Factors {
    luma: i32,
    black: i32,
    red_of_cr: i32,
    green_of_cb: i32,
    green_of_cr: i32,
    blue_of_cb: i32,
}

/// From Kr = 0.299, Kb = 0.114 (BT.601-7, 2.5.1) and the range's spans of 219 and 224.
const LIMITED: Factors = Factors {
    luma: 76_309,
    black: 16,
    red_of_cr: 104_597,
    green_of_cb: 25_675,
    green_of_cr: 53_279,
    blue_of_cb: 132_201,
};
const FULL: Factors = Factors {
    luma: 65_536,
    black: 0,
    red_of_cr: 91_881,
    green_of_cb: 22_554,
    green_of_cr: 46_802,
    blue_of_cb: 116_130,
};

/// Converts a frame; `None` if there are fewer bytes than the layout needs.
pub(super) fn to_rgb(layout: &Layout, data: &[u8]) -> Option<Vec<u8>> {
    let row_bytes = layout.row_bytes();
    if layout.width == 0 || data.len() < layout.least_bytes() || layout.stride < row_bytes {
        return None;
    }
    let factors = match layout.range {
        Range::Limited => &LIMITED,
        Range::Full => &FULL,
    };
    let mut rgb = vec![0; layout.width * layout.height * 3];
    let rows = data.chunks(layout.stride).zip(rgb.chunks_exact_mut(layout.width * 3));
    for (from, to) in rows {
        convert_row(factors, &from[..row_bytes], to);
    }
    Some(rgb)
}

fn convert_row(factors: &Factors, from: &[u8], to: &mut [u8]) {
    for (four, six) in from.chunks_exact(4).zip(to.chunks_mut(6)) {
        let (cb, cr) = (i32::from(four[1]) - 128, i32::from(four[3]) - 128);
        let red = factors.red_of_cr * cr;
        let green = -factors.green_of_cb * cb - factors.green_of_cr * cr;
        let blue = factors.blue_of_cb * cb;
        for (luma, pixel) in [four[0], four[2]].into_iter().zip(six.chunks_exact_mut(3)) {
            let grey = (i32::from(luma) - factors.black) * factors.luma + 32_768;
            pixel[0] = clamped(grey + red);
            pixel[1] = clamped(grey + green);
            pixel[2] = clamped(grey + blue);
        }
    }
}

fn clamped(value: i32) -> u8 {
    (value >> 16).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn one(range: Range, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let layout = Layout { width: 1, height: 1, stride: 4, range };
        to_rgb(&layout, &[y, cb, 0, cr]).unwrap().try_into().unwrap()
    }

    /// The definition in floating point.
    fn by_definition(range: Range, y: u8, cb: u8, cr: u8) -> [f64; 3] {
        let (y, cb, cr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
        let (y, cb, cr) = match range {
            Range::Limited => ((y - 16.0) / 219.0, cb / 224.0, cr / 224.0),
            Range::Full => (y / 255.0, cb / 255.0, cr / 255.0),
        };
        let (kr, kb) = (0.299, 0.114);
        let red = y + 2.0 * (1.0 - kr) * cr;
        let blue = y + 2.0 * (1.0 - kb) * cb;
        let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|value| (value * 255.0).clamp(0.0, 255.0))
    }

    proptest! {
        #[test]
        fn every_colour_is_within_one_of_the_definition(y: u8, cb: u8, cr: u8, full: bool) {
            let range = if full { Range::Full } else { Range::Limited };
            for (got, want) in one(range, y, cb, cr).into_iter().zip(by_definition(range, y, cb, cr)) {
                prop_assert!((f64::from(got) - want).abs() <= 1.0, "{got} for {want}");
            }
        }

        #[test]
        fn any_size_and_stride_gives_all_pixels_or_none(
            width in 1_usize..9, height in 1_usize..5, padding in 0_usize..7, missing in 0_usize..3,
        ) {
            let layout = Layout { width, height, stride: width.div_ceil(2) * 4 + padding, range: Range::Full };
            let data = vec![128; layout.least_bytes() - missing];
            let rgb = to_rgb(&layout, &data);
            prop_assert_eq!(rgb, (missing == 0).then(|| vec![128; width * height * 3]));
        }
    }

    #[test]
    fn black_white_and_the_primaries_are_themselves() {
        assert_eq!(one(Range::Limited, 16, 128, 128), [0, 0, 0]);
        assert_eq!(one(Range::Limited, 235, 128, 128), [255, 255, 255]);
        assert_eq!(one(Range::Full, 255, 128, 128), [255, 255, 255]);
        let [red, green, blue] = one(Range::Limited, 81, 90, 240);
        assert!(red >= 253 && green <= 1 && blue <= 1, "{red} {green} {blue}");
    }

    #[test]
    fn neighbours_share_colour_but_not_brightness_and_padding_is_skipped() {
        let layout = Layout { width: 3, height: 2, stride: 10, range: Range::Full };
        let data = [10, 128, 20, 128, 30, 128, 99, 128, 77, 77, 40, 128, 50, 128, 60, 128, 99, 128];
        let rgb = to_rgb(&layout, &data).unwrap();
        let greys: Vec<u8> = rgb.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(greys, [10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn a_stride_shorter_than_a_row_gives_nothing() {
        let layout = Layout { width: 4, height: 1, stride: 4, range: Range::Full };
        assert_eq!(to_rgb(&layout, &[0; 64]), None);
    }
}
