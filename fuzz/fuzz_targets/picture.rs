//! A file that somebody says is a picture: pixels that add up, or an error; never a panic, never more memory than allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locker_agent::vision::picture::{MOST_PIXELS, Picture, SHORTEST_SIDE};

fuzz_target!(|file: &[u8]| {
    let mut picture = Picture::default();
    if picture.decode(file).is_err() {
        assert_eq!(picture.pixels().rgb.len(), 0);
        return;
    }
    let pixels = picture.pixels();
    assert_eq!(pixels.rgb.len(), pixels.width * pixels.height * 3);
    assert!((pixels.width * pixels.height) as u64 <= MOST_PIXELS);
    assert!(pixels.width.min(pixels.height) >= SHORTEST_SIDE as usize);
});
