//! A question on the terminal, and what may be answered.

use std::io::{BufRead, Write};

use crate::core::ids::CompartmentId;

/// What the installer saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The door with this number opened.
    Door(CompartmentId),
    /// No door opened.
    Nothing,
    /// The installer has enough.
    Quit,
}

/// Asks until the answer is one. The end of the input is a wish to stop.
pub(super) fn which_door(
    input: &mut impl BufRead,
    out: &mut impl Write,
    likely: CompartmentId,
) -> std::io::Result<Seen> {
    loop {
        write!(
            out,
            "  Which number is on the door that opened? [{likely}, - for none, q to stop] "
        )?;
        out.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(Seen::Quit);
        }
        match line.trim() {
            "" => return Ok(Seen::Door(likely)),
            "-" => return Ok(Seen::Nothing),
            "q" => return Ok(Seen::Quit),
            text => match text.parse() {
                Ok(number) => return Ok(Seen::Door(number)),
                Err(_) => writeln!(out, "  {text:?} is no number of a door: 1 to 999, - or q")?,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn answered(text: &str) -> (Seen, String) {
        let mut out = Vec::new();
        let seen = which_door(&mut text.as_bytes(), &mut out, door(3)).unwrap();
        (seen, String::from_utf8(out).unwrap())
    }

    #[test]
    fn enter_takes_the_likely_one() {
        assert_eq!(answered("\n").0, Seen::Door(door(3)));
        assert_eq!(answered(" 12 \n").0, Seen::Door(door(12)));
        assert_eq!(answered("-\n").0, Seen::Nothing);
    }

    #[test]
    fn nonsense_is_asked_again_and_the_end_of_the_input_stops() {
        let (seen, said) = answered("door five\n0\n5\n");
        assert_eq!(seen, Seen::Door(door(5)));
        assert_eq!(said.matches("is no number of a door").count(), 2);
        assert_eq!(answered("").0, Seen::Quit);
    }
}
