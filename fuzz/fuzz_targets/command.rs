//! A message on the hall's command topic: understood whole or refused with a reason, and what was understood means the same
//! when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locker_agent::contract::command::{encode, parse};
use locker_agent::core::ids::DeviceId;

fuzz_target!(|payload: &[u8]| {
    let device = DeviceId::new("luohu-1").expect("a lawful name");
    let Ok(parsed) = parse(payload, &device) else { return };
    let written = encode(&parsed.command, &device, parsed.photo.as_deref());
    let again = parse(&written, &device).expect("what was understood can be written");
    assert_eq!((parsed.command, parsed.photo), (again.command, again.photo));
});
