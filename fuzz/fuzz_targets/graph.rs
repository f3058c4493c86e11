//! A file that somebody says is a model: rewritten, left alone or refused. Rewriting twice finds nothing more to do.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locker_agent::models::graph::prepared;

fuzz_target!(|file: &[u8]| {
    if let Ok(Some(rewritten)) = prepared(file) {
        assert!(prepared(&rewritten).is_ok(), "its own work is not understood");
    }
});
