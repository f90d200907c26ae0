//! Reads a stream of G-code piece by piece in bounded memory.

use crate::command::{Arguments, Command, find_argument, parse, trim_start};
use crate::comment::Comments;
use crate::judge::{Judge, returns};
use crate::limits::{Heating, Reach, heating_of_m, heating_of_name};
use crate::motion::Motion;
use crate::rules::is_common;
use crate::sniff::{HEAD, sniff};
use crate::thumbnail::Collector;
use crate::{Heater, Limits, Reading, Refusal, Report};

/// Longest command, bytes before its comment. Slicers and hosts stay far below; only outlines of objects
/// (`EXCLUDE_OBJECT_DEFINE`) are longer, and those may fill a line.
pub(crate) const COMMAND_MAX: usize = 4096;
/// Longest line, bytes. The longest that slicers write are their settings, tens of kilobytes of start G-code in one comment;
/// a printer holds a whole line in memory.
pub(crate) const LINE_MAX: usize = 1 << 20;
/// Bytes that are looked through for strange ones at once.
const BLOCK: usize = 1 << 15;

/// How many names of uncommon commands are kept.
const OTHER_MAX: usize = 100;

/// Reads G-code piece by piece. See the crate's example.
pub struct Scanner {
    /// Says what may be run; `None` where nothing is going to be.
    judge: Option<Judge>,
    reach: Option<Reach>,
    head: Vec<u8>,
    sniffed: bool,
    /// The beginning of a line whose end has not come, as much of it as [`kept`] says.
    partial: Vec<u8>,
    /// How long that line is so far.
    partial_len: usize,
    line_high_bytes: u64,
    /// Whether carriage returns were seen at all.
    returns: bool,
    has_code: bool,
    motion: Motion,
    comments: Comments,
    thumbnails: Collector,
    report: Report,
}

impl Scanner {
    /// A scanner that takes only what a printer of these limits may run; without them, any G-code.
    #[must_use]
    pub fn new(limits: Option<Limits>) -> Self {
        Self {
            reach: limits.as_ref().and_then(Reach::of),
            judge: limits.map(Judge::new),
            head: Vec::with_capacity(HEAD),
            sniffed: false,
            partial: Vec::new(),
            partial_len: 0,
            line_high_bytes: 0,
            returns: false,
            has_code: false,
            motion: Motion::new(),
            comments: Comments::default(),
            thumbnails: Collector::default(),
            report: Report::default(),
        }
    }

    /// Takes the next piece. After a refusal only the bytes are counted.
    pub fn update(&mut self, chunk: &[u8]) {
        self.report.bytes += chunk.len() as u64;
        if self.report.refusal.is_some() {
            return;
        }
        let mut rest = chunk;
        if !self.sniffed {
            let taken = rest.len().min(HEAD - self.head.len());
            self.head.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if self.head.len() < HEAD {
                return;
            }
        }
        let outcome = self.sniff_head().and_then(|()| self.feed(rest));
        self.report.refusal = outcome.err();
    }

    /// Why the file is not printed, as soon as it is known: reading on is not needed then.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.report.refusal.as_ref()
    }

    /// What was found, once the whole file was fed in.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if self.report.refusal.is_none() {
            self.report.refusal = self.last_words().err();
        }
        let mut report = self.report;
        report.leaves_heat_on = self.judge.is_some_and(|judge| judge.leaves_heat_on());
        report.summary = self.comments.finish(self.motion.top(), self.motion.printed());
        report.thumbnails = self.thumbnails.finish();
        report
    }

    fn last_words(&mut self) -> Result<(), Refusal> {
        if self.report.bytes == 0 {
            return Err(Refusal::Empty);
        }
        self.sniff_head()?;
        if self.partial_len > 0 {
            self.end_partial()?;
        }
        if self.has_code { Ok(()) } else { Err(Refusal::NoCommands) }
    }

    fn sniff_head(&mut self) -> Result<(), Refusal> {
        if self.sniffed {
            return Ok(());
        }
        self.sniffed = true;
        let head = std::mem::take(&mut self.head);
        match sniff(&head) {
            Some(format) => Err(Refusal::OtherFormat(format)),
            None => self.feed(&head),
        }
    }

    fn feed(&mut self, data: &[u8]) -> Result<(), Refusal> {
        for block in data.chunks(BLOCK) {
            let strange = block.iter().fold(0u8, |seen, b| seen | u8::from(is_strange(*b))) != 0;
            self.returns = self.returns || memchr::memchr(b'\r', block).is_some();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', block) {
                let text = &block[start..end];
                start = end + 1;
                if self.partial_len > 0 {
                    self.extend_partial(text, strange)?;
                    self.end_partial()?;
                } else {
                    if strange {
                        self.inspect(text)?;
                    }
                    self.line(text, text.len())?;
                }
            }
            if start < block.len() {
                self.extend_partial(&block[start..], strange)?;
            }
        }
        Ok(())
    }

    fn extend_partial(&mut self, text: &[u8], strange: bool) -> Result<(), Refusal> {
        if strange {
            self.inspect(&text[..text.len().min(LINE_MAX - self.partial_len.min(LINE_MAX))])?;
        }
        self.partial_len += text.len();
        if self.partial_len > LINE_MAX {
            return Err(Refusal::LineTooLong { line: self.line_number() });
        }
        let kept = if self.partial.is_empty() { kept(text) } else { kept(&self.partial) };
        let room = kept.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&text[..text.len().min(room)]);
        Ok(())
    }

    fn end_partial(&mut self) -> Result<(), Refusal> {
        let mut text = std::mem::take(&mut self.partial);
        let outcome = self.line(&text, self.partial_len);
        text.clear();
        self.partial = text;
        self.partial_len = 0;
        outcome
    }

    /// Finds bytes that are no text. Bytes above 0x7f are counted: comments and names may be in any language.
    #[cold]
    fn inspect(&mut self, text: &[u8]) -> Result<(), Refusal> {
        for &byte in text {
            if byte >= 0x80 {
                self.line_high_bytes += 1;
            } else if is_strange(byte) {
                return Err(Refusal::ControlByte { line: self.line_number(), byte });
            }
        }
        Ok(())
    }

    /// Takes a line without its end; `text` may be cut as [`kept`] says, `len` is how long it is.
    #[inline]
    fn line(&mut self, text: &[u8], len: usize) -> Result<(), Refusal> {
        if self.returns && has_lone_return(text) {
            return Err(Refusal::LoneReturn { line: self.line_number() });
        }
        match text {
            // By far the most lines of a file: nothing of them is longer than what was kept.
            [b'G', b'0' | b'1', b' ', rest @ ..]
                if len <= COMMAND_MAX && self.go_plain(Arguments(rest))? =>
            {
                self.thumbnails.interrupt();
                self.has_code = true;
                self.report.commands += 1;
            }
            _ => self.other_line(&text[..text.len().min(kept(text))])?,
        }
        if self.line_high_bytes > 0 {
            self.report.high_bytes += self.line_high_bytes;
            self.line_high_bytes = 0;
        }
        self.report.lines += 1;
        Ok(())
    }

    fn other_line(&mut self, kept: &[u8]) -> Result<(), Refusal> {
        let line = self.line_number();
        let comment = memchr::memchr(b';', kept);
        let text = &kept[..comment.unwrap_or(kept.len())];
        match &mut self.judge {
            _ if comment == Some(0) => {}
            Some(judge) => drop(judge.line(kept, line)?),
            None => self.note_other(text),
        }
        match parse(text) {
            None => {
                if let Some(at) = comment {
                    let comment = kept[at + 1..].trim_ascii();
                    if !self.thumbnails.comment(comment) {
                        self.comments.read(comment);
                    }
                }
                Ok(())
            }
            Some(command) => {
                self.thumbnails.interrupt();
                self.report.commands += 1;
                self.command(&command, text.len() > COMMAND_MAX)?;
                if self.judge.as_mut().is_some_and(Judge::take_macro) {
                    self.motion.lose_place();
                }
                Ok(())
            }
        }
    }

    /// Keeps the name of a command that not every printer runs.
    fn note_other(&mut self, text: &[u8]) {
        if let Ok(Some(Reading { command, .. })) = Reading::of(text, 0)
            && !is_common(&command)
            && self.report.other_commands.len() < OTHER_MAX
        {
            self.report.other_commands.insert(command);
        }
    }

    fn command(&mut self, command: &Command<'_>, too_long: bool) -> Result<(), Refusal> {
        let line = self.line_number();
        match *command {
            Command::Name { name, .. } if !name[0].is_ascii() => return Err(Refusal::NotText { line }),
            Command::Name { name, .. } if name.eq_ignore_ascii_case(b"EXCLUDE_OBJECT_DEFINE") => {
                return Ok(());
            }
            _ if too_long => return Err(Refusal::LineTooLong { line }),
            Command::Letter { letter, code, arguments } => {
                self.has_code |= matches!(letter, b'G' | b'M');
                match (letter, code) {
                    (b'G', 0 | 1) => return self.go(arguments),
                    (b'G', 2 | 3) => return self.turn(arguments, code == 2),
                    (b'G', 28) => self.motion.home(arguments),
                    (b'G', 90) => self.motion.absolute(true),
                    (b'G', 91) => self.motion.absolute(false),
                    (b'G', 92) if self.motion.rename_place(arguments) && self.judge.is_some() => {
                        return Err(Refusal::UnknownPlace { line });
                    }
                    // Macros, where there are any.
                    (b'M', 600) => self.motion.leave_and_return(),
                    (b'G', 29 | 34) => self.motion.lose_place(),
                    (b'M', code) => {
                        if let Some(heating) = heating_of_m(code, arguments) {
                            self.heat(&heating);
                        }
                    }
                    (b'T', 1..) => self.motion.lose_place(),
                    _ => {}
                }
            }
            Command::Name { name, arguments } => {
                if name.eq_ignore_ascii_case(b"SET_PRINT_STATS_INFO") {
                    if let Some(total) = find_argument(arguments, "TOTAL_LAYER") {
                        self.comments.total_layers(total);
                    }
                    if let Some(current) = find_argument(arguments, "CURRENT_LAYER") {
                        self.comments.current_layer(current);
                    }
                } else if name.eq_ignore_ascii_case(b"SET_GCODE_OFFSET") {
                    self.motion.offset(arguments);
                    return self.check_place();
                } else if name.eq_ignore_ascii_case(b"SAVE_GCODE_STATE") {
                    self.motion.save(arguments);
                } else if name.eq_ignore_ascii_case(b"RESTORE_GCODE_STATE") {
                    self.motion.restore(arguments);
                    return self.check_place();
                } else if let Some(heating) = heating_of_name(name, arguments) {
                    self.heat(&heating);
                } else if std::str::from_utf8(name).is_ok_and(|name| returns(&name.to_ascii_uppercase())) {
                    self.motion.leave_and_return();
                } else if !is_still(name) {
                    self.motion.lose_place();
                }
            }
        }
        Ok(())
    }

    /// Takes a straight move in the plain form, which is nearly every line of a file. `false` for any other.
    #[inline]
    fn go_plain(&mut self, arguments: Arguments<'_>) -> Result<bool, Refusal> {
        match (self.motion.go_plain(arguments), &self.reach) {
            (None, _) => Ok(false),
            (Some(places), Some(reach)) => reach.check(&places, self.report.lines + 1).map(|()| true),
            (Some(_), None) => Ok(true),
        }
    }

    fn go(&mut self, arguments: Arguments<'_>) -> Result<(), Refusal> {
        self.motion.go(arguments);
        self.check_place()
    }

    fn check_place(&self) -> Result<(), Refusal> {
        match &self.reach {
            Some(reach) => reach.check(&self.motion.worst(), self.report.lines + 1),
            None => Ok(()),
        }
    }

    /// An arc, which bulges beyond its ends.
    fn turn(&mut self, arguments: Arguments<'_>, clockwise: bool) -> Result<(), Refusal> {
        let start = self.motion.place();
        self.go(arguments)?;
        let (low, high) = self.motion.arc(&start, arguments, clockwise);
        if arguments.letters().any(|(letter, value)| letter == b'E' && value > Some(0.0)) {
            self.motion.print_arc(&low, &high);
        }
        let Some(reach) = &self.reach else { return Ok(()) };
        reach.check(&low, self.report.lines + 1)?;
        reach.check(&high, self.report.lines + 1)
    }

    fn heat(&mut self, heating: &Heating) {
        match heating.heater {
            Heater::Extruder => self.comments.heats_extruder(heating.celsius),
            Heater::Bed => self.comments.heats_bed(heating.celsius),
            Heater::Chamber | Heater::Other => {}
        }
    }

    fn line_number(&self) -> u64 {
        self.report.lines + 1
    }
}

/// How much of a line is looked at: outlines of objects are judged whole, however long, and of any other line no more than tells
/// that it is too long.
fn kept(line: &[u8]) -> usize {
    const OUTLINE: &[u8] = b"EXCLUDE_OBJECT_DEFINE";
    let line = trim_start(line);
    let start = &line[..line.len().min(OUTLINE.len())];
    if start.eq_ignore_ascii_case(&OUTLINE[..start.len()]) { LINE_MAX } else { COMMAND_MAX + 1 }
}

/// Whether a named command is known not to move the tool.
fn is_still(name: &[u8]) -> bool {
    let starts =
        |start: &str| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()));
    starts("SET_") || starts("EXCLUDE_OBJECT") || starts("RESPOND") || starts("TEMPERATURE_WAIT")
}

/// Whether the command of a line goes on after a carriage return: a printer would run both halves as one.
fn has_lone_return(line: &[u8]) -> bool {
    let end = line.iter().rposition(|b| *b != b'\r').map_or(0, |last| last + 1);
    let command = memchr::memchr(b';', &line[..end]).unwrap_or(end);
    memchr::memchr(b'\r', &line[..command]).is_some()
}

#[inline]
fn is_strange(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r') | (byte >= 0x7f)
}
