//! Hears bytes in whatever pieces they come, until they end with the answer.

use super::{Hex, Protocol, Question, Reply};

/// Longer than any frame.
const LONGEST: usize = 255;

/// Waits for the answer to one question.
///
/// After every byte it looks whether what was heard ends with the answer. So garbage before it, half a frame, frames of
/// other boards and late answers to other questions cost nothing, and the pieces in which bytes arrive change nothing.
pub struct Listener {
    protocol: Protocol,
    question: Question,
    /// Bytes of the program's own request that are still to come back, where the adapter hears itself.
    echo: usize,
    heard: Vec<u8>,
    count: usize,
}

impl Listener {
    /// Listens for the answer to this question. Where the adapter echoes, the first `echo` bytes are the request.
    pub fn new(protocol: Protocol, question: Question, echo: usize) -> Self {
        Self { protocol, question, echo, heard: Vec::with_capacity(2 * LONGEST), count: 0 }
    }

    /// Takes what came; the answer, once it is whole. Bytes after the answer are dropped.
    pub fn hear(&mut self, bytes: &[u8]) -> Option<Reply> {
        let dialect = self.protocol.dialect();
        for &byte in bytes {
            if self.echo > 0 {
                self.echo -= 1;
                continue;
            }
            if self.heard.len() == 2 * LONGEST {
                self.heard.drain(..LONGEST);
            }
            self.heard.push(byte);
            self.count = self.count.saturating_add(1);
            if let Some(reply) = dialect.reply(&self.question, &self.heard) {
                return Some(reply);
            }
        }
        None
    }

    /// What was heard instead of an answer, for the person at the bus: the number of bytes, and the last of them.
    pub fn heard(&self) -> String {
        let last = &self.heard[self.heard.len().saturating_sub(12)..];
        match self.count {
            0 => "nothing was heard".to_owned(),
            count if count == last.len() => {
                format!("{count} bytes were heard that are no answer: {}", Hex(last))
            }
            count => {
                format!("{count} bytes were heard that are no answer, the last are {}", Hex(last))
            }
        }
    }

    /// Bytes that are kept; never more than twice the longest frame.
    pub fn kept(&self) -> usize {
        self.heard.len()
    }
}
