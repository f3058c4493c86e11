//! Reads a source file just well enough to know which paths it names: no grammar, only words, `::`, braces.

/// One path as a file names it, `use` trees unfolded: `["crate", "ports", "Camera"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands inside a `#[cfg(test)]` module.
    pub(crate) in_tests: bool,
}

/// What a file names, and how long it is without its test modules.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) paths: Vec<NamedPath>,
    pub(crate) lines_without_tests: usize,
}

/// Reads `text`, the file of the module `module` (its path from the crate's root, such as `["hall", "wire"]`).
/// `super` and `self` are resolved, so that no path leaves a room unseen.
pub(crate) fn read(text: &str, module: &[&str]) -> Reading {
    let mut reader = Reader {
        tokens: tokens(text),
        at: 0,
        module: module.iter().map(ToString::to_string).collect(),
        open: Vec::new(),
        paths: Vec::new(),
        test_lines: 0,
    };
    reader.run();
    Reading {
        paths: reader.paths,
        lines_without_tests: text.lines().count().saturating_sub(reader.test_lines),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    PathSeparator,
    Mark(char),
}

/// A brace that is open, and the inline module it belongs to, if it is one.
struct Open {
    module: bool,
    tests_since: Option<usize>,
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    module: Vec<String>,
    open: Vec<Open>,
    paths: Vec<NamedPath>,
    test_lines: usize,
}

impl Reader {
    fn run(&mut self) {
        while self.at < self.tokens.len() {
            self.step();
        }
    }

    fn step(&mut self) {
        let (token, line) = self.tokens[self.at].clone();
        match token {
            Token::Word(word) if word == "mod" && self.mark(2) == Some('{') => self.enter(line),
            Token::Word(word) if word == "use" => {
                self.at += 1;
                self.tree(&[]);
            }
            Token::Word(_) => self.tree(&[]),
            Token::Mark('{') => {
                self.open.push(Open { module: false, tests_since: None });
                self.at += 1;
            }
            Token::Mark('}') => self.leave(line),
            Token::PathSeparator | Token::Mark(_) => self.at += 1,
        }
    }

    fn enter(&mut self, line: usize) {
        if let Some(name) = self.word(1) {
            self.module.push(name);
        }
        let tests = self.follows_cfg_test();
        self.open.push(Open { module: true, tests_since: tests.then_some(line) });
        self.at += 3;
    }

    fn leave(&mut self, line: usize) {
        self.at += 1;
        let Some(open) = self.open.pop() else { return };
        if open.module {
            self.module.pop();
        }
        if let Some(since) = open.tests_since {
            self.test_lines += line + 1 - since;
        }
    }

    /// Whether the tokens before this `mod` end with `#[cfg(test)]` (a `pub(crate)` may stand between).
    fn follows_cfg_test(&self) -> bool {
        let from = self.at.saturating_sub(12);
        let words: Vec<&str> = self.tokens[from..self.at]
            .iter()
            .filter_map(|(token, _)| match token {
                Token::Word(word) => Some(word.as_str()),
                Token::PathSeparator | Token::Mark(_) => None,
            })
            .collect();
        words.windows(2).any(|pair| pair == ["cfg", "test"])
    }

    /// A path or `use` tree from here on: every leaf is recorded with `prefix` before it.
    fn tree(&mut self, prefix: &[String]) {
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        let mut segments = prefix.to_vec();
        loop {
            match self.tokens.get(self.at).map(|(token, _)| token.clone()) {
                Some(Token::Word(word)) => segments.push(word),
                Some(Token::Mark('*')) if !segments.is_empty() => segments.push("*".to_owned()),
                Some(Token::PathSeparator) if segments.is_empty() => {
                    self.at += 1;
                    continue;
                }
                Some(Token::Mark('{')) => return self.group(&segments),
                Some(Token::Mark(_) | Token::PathSeparator) | None => break,
            }
            self.at += 1;
            if self.tokens.get(self.at).map(|(token, _)| token) != Some(&Token::PathSeparator) {
                break;
            }
            self.at += 1;
        }
        if segments.len() == prefix.len() {
            self.at += 1;
        }
        self.record(segments, line);
    }

    fn group(&mut self, prefix: &[String]) {
        self.at += 1;
        while let Some((token, _)) = self.tokens.get(self.at).cloned() {
            match token {
                Token::Mark('}') => {
                    self.at += 1;
                    return;
                }
                Token::Word(word) if word == "as" => self.at += 2,
                Token::Word(_) | Token::PathSeparator | Token::Mark('*' | '{') => self.tree(prefix),
                Token::Mark(_) => self.at += 1,
            }
        }
    }

    fn record(&mut self, segments: Vec<String>, line: usize) {
        let segments = self.resolve(segments);
        let in_tests = self.open.iter().any(|open| open.tests_since.is_some());
        self.paths.push(NamedPath { segments, line, in_tests });
    }

    /// Turns `self::` and `super::` into `crate::…`.
    fn resolve(&self, segments: Vec<String>) -> Vec<String> {
        let relative = segments.iter().take_while(|s| *s == "super" || *s == "self").count();
        if relative == 0 || segments.len() == relative {
            return segments;
        }
        let up = segments.iter().take(relative).filter(|s| *s == "super").count();
        let kept = self.module.len().saturating_sub(up);
        let mut resolved = vec!["crate".to_owned()];
        resolved.extend(self.module[..kept].iter().cloned());
        resolved.extend(segments.into_iter().skip(relative));
        resolved
    }

    fn word(&self, ahead: usize) -> Option<String> {
        match self.tokens.get(self.at + ahead)? {
            (Token::Word(word), _) => Some(word.clone()),
            (Token::PathSeparator | Token::Mark(_), _) => None,
        }
    }

    fn mark(&self, ahead: usize) -> Option<char> {
        match self.tokens.get(self.at + ahead)? {
            (Token::Mark(mark), _) => Some(*mark),
            (Token::PathSeparator | Token::Word(_), _) => None,
        }
    }
}

/// Words, `::` and marks with their line numbers; comments, texts and characters left out.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        at = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => skip_line(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => skip_block(&chars, at),
            '"' => skip_text(&chars, at),
            'r' if raw_text(&chars, at).is_some() => raw_text(&chars, at).unwrap_or(at + 1),
            '\'' => skip_char(&chars, at),
            ':' if chars.get(at + 1) == Some(&':') => {
                found.push((Token::PathSeparator, line));
                at + 2
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = end_of_word(&chars, at);
                found.push((Token::Word(chars[at..end].iter().collect()), line));
                end
            }
            c => {
                if !c.is_whitespace() {
                    found.push((Token::Mark(c), line));
                }
                at + 1
            }
        };
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

fn end_of_word(chars: &[char], from: usize) -> usize {
    chars[from..]
        .iter()
        .position(|c| !(c.is_alphanumeric() || *c == '_'))
        .map_or(chars.len(), |length| from + length)
}

fn skip_line(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| from + length)
}

fn skip_block(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from + 2, 1);
    while at < chars.len() && depth > 0 {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn skip_text(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of the raw text that starts here, if one does: `r"…"`, `r#"…"#`.
fn raw_text(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + 1 + hashes) != Some(&'"') {
        return None;
    }
    let body = from + 2 + hashes;
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let length = chars[body..].windows(closing.len()).position(|w| w == closing);
    Some(length.map_or(chars.len(), |length| body + length + closing.len()))
}

/// A character such as `'{'` is skipped whole; of a lifetime only the tick.
fn skip_char(chars: &[char], from: usize) -> usize {
    if chars.get(from + 1) == Some(&'\\') {
        let end = chars[from + 3..].iter().position(|c| *c == '\'');
        return end.map_or(chars.len(), |length| from + 4 + length);
    }
    if chars.get(from + 2) == Some(&'\'') { from + 3 } else { from + 1 }
}
