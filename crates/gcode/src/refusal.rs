//! Why a file is not printed.

use std::fmt;

use crate::Format;
use crate::scanner::{COMMAND_MAX, LINE_MAX};

/// The first reason why a file is not printed. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is something else.
    #[error("this is {0}, not G-code")]
    OtherFormat(Format),
    /// A byte no slicer writes.
    #[error("line {line} holds the control byte 0x{byte:02x}; G-code is text")]
    ControlByte {
        /// Counted from 1.
        line: u64,
        /// The byte.
        byte: u8,
    },
    /// A carriage return that ends no line.
    #[error("line {line} has a carriage return in the middle, where a printer sees no end of line")]
    LoneReturn {
        /// Counted from 1.
        line: u64,
    },
    /// A line whose command is not made of letters, digits and signs.
    #[error("line {line} is not a command: it begins with bytes outside ASCII")]
    NotText {
        /// Counted from 1.
        line: u64,
    },
    /// A line nobody writes.
    #[error("line {line} is too long: a command may have {COMMAND_MAX} bytes, a comment {LINE_MAX}")]
    LineTooLong {
        /// Counted from 1.
        line: u64,
    },
    /// Text, but not for a printer.
    #[error("there is no G-code command in the file")]
    NoCommands,
    /// A line that Klipper and its reader could take for different commands, or that Klipper would fail at.
    #[error("line {line} is not written as slicers write a command, and could be read in more than one way")]
    Unclear {
        /// Counted from 1.
        line: u64,
    },
    /// A command that no purchased file may use.
    #[error("line {line} uses {command}, which no purchased file may: {why}")]
    Forbidden {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
        /// What is wrong with it.
        why: String,
    },
    /// A command that neither the table knows nor the printer.
    #[error("line {line} uses {command}, which is not among the commands that purchased files may use")]
    UnknownCommand {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
    },
    /// The printer has it, but its owner did not approve it.
    #[error("line {line} uses {command}, which this printer's owner has not approved for purchased files")]
    NotApproved {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
    },
    /// A macro or tool that the printer does not have.
    #[error("line {line} uses {command}, which this printer does not have")]
    NotDefined {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
    },
    /// Something of Klipper that is not switched on.
    #[error("line {line} uses {command}, which needs [{section}] in the printer's configuration")]
    Needs {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
        /// What is missing.
        section: String,
    },
    /// A parameter that is not allowed, or whose value is not of its kind.
    #[error(
        "line {line} gives {command} a parameter {parameter} that it may not have, or not with this value"
    )]
    BadParameter {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
        /// The parameter.
        parameter: String,
    },
    /// A number over a limit.
    #[error("line {line} asks {command} for {parameter} {asked}; this printer allows {min} to {max}")]
    OutOfRange {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
        /// The parameter.
        parameter: String,
        /// The number.
        asked: f64,
        /// Lowest, or minus infinity.
        min: f64,
        /// Highest, or infinity.
        max: f64,
    },
    /// More than any print needs.
    #[error("line {line} uses {command} once more than the {times} times a file may")]
    TooOften {
        /// Counted from 1.
        line: u64,
        /// The command.
        command: String,
        /// How often it may.
        times: u32,
    },
    /// Where Z begins to count is moved without knowing where Z is, or to where it was saved by something else.
    #[error("line {line} gives Z a zero that nobody knows; the tool could hit the bed")]
    UnknownPlace {
        /// Counted from 1.
        line: u64,
    },
    /// A heater is asked for more than it may.
    #[error("line {line} asks the {heater} for {asked} °C; this printer allows {limit} °C")]
    TooHot {
        /// Counted from 1.
        line: u64,
        /// Which heater.
        heater: Heater,
        /// Degrees Celsius asked for.
        asked: f64,
        /// Degrees Celsius allowed.
        limit: f64,
    },
    /// A move ends outside the machine.
    #[error("line {line} moves {axis} to {place} mm; this printer reaches from {min} to {max} mm")]
    OutOfReach {
        /// Counted from 1.
        line: u64,
        /// Which axis.
        axis: Axis,
        /// Where to, in millimetres.
        place: f64,
        /// The lower end, or minus infinity.
        min: f64,
        /// The upper end, or infinity.
        max: f64,
    },
}

/// What heats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heater {
    /// Any nozzle.
    Extruder,
    /// The bed.
    Bed,
    /// The chamber.
    Chamber,
    /// Any other heater by name.
    Other,
}

/// An axis of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Axis {
    X,
    Y,
    Z,
}

impl Refusal {
    /// The stable code, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "gcode_empty",
            Self::OtherFormat(format) => format.code(),
            Self::ControlByte { .. } => "gcode_control_byte",
            Self::LoneReturn { .. } => "gcode_lone_return",
            Self::NotText { .. } => "gcode_not_text",
            Self::LineTooLong { .. } => "gcode_line_too_long",
            Self::NoCommands => "gcode_no_commands",
            Self::Unclear { .. } => "gcode_unclear",
            Self::Forbidden { .. } => "gcode_forbidden",
            Self::UnknownCommand { .. } => "gcode_unknown_command",
            Self::NotApproved { .. } => "gcode_not_approved",
            Self::NotDefined { .. } => "gcode_not_defined",
            Self::Needs { .. } => "gcode_needs_section",
            Self::BadParameter { .. } => "gcode_bad_parameter",
            Self::OutOfRange { .. } => "gcode_out_of_range",
            Self::TooOften { .. } => "gcode_too_often",
            Self::UnknownPlace { .. } => "gcode_unknown_place",
            Self::TooHot { .. } => "gcode_too_hot",
            Self::OutOfReach { .. } => "gcode_out_of_reach",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "Slice the model again and check the size of the file.",
            Self::OtherFormat(format) => format.hint(),
            Self::ControlByte { .. } | Self::NotText { .. } => {
                "The file is damaged or of another kind. Slice the model again and upload the file as it is."
            }
            Self::LoneReturn { .. } => "Save the file with the line ends of Unix or Windows.",
            Self::LineTooLong { .. } => "Export plain G-code from a slicer; no slicer writes such lines.",
            Self::NoCommands => "Choose the .gcode file that the slicer exported.",
            Self::Unclear { .. } => "Export plain G-code from a slicer, without commands typed by hand.",
            Self::Forbidden { .. } => "Take this command out of the slicer's start, end or layer G-code.",
            Self::UnknownCommand { .. } | Self::NotApproved { .. } => {
                "The printer's owner can approve it under [macros] in printer.toml, with its parameters and their ranges; \
                 or take it out of the slicer's G-code."
            }
            Self::NotDefined { .. } => {
                "Slice with a profile for this printer, or add the macro to printer.cfg."
            }
            Self::Needs { .. } => "Add the section to printer.cfg, or switch the feature off in the slicer.",
            Self::BadParameter { .. } => {
                "Values are plain numbers and words. For a macro the owner lists its parameters under [macros] in printer.toml."
            }
            Self::OutOfRange { .. } => "Slice with a profile for this printer, within its limits.",
            Self::TooOften { .. } => "Take it out of the slicer's layer G-code.",
            Self::UnknownPlace { .. } => {
                "Move Z to a coordinate before `G92 Z`, and restore only what the file saved, under at most 64 names."
            }
            Self::TooHot { .. } => {
                "Slice for a material this printer can heat, or print it on another printer."
            }
            Self::OutOfReach { .. } => {
                "Slice for this printer's build volume, or print it on a larger printer."
            }
        }
    }

    /// The line it is about, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::ControlByte { line, .. }
            | Self::LoneReturn { line }
            | Self::NotText { line }
            | Self::LineTooLong { line }
            | Self::Unclear { line }
            | Self::Forbidden { line, .. }
            | Self::UnknownCommand { line, .. }
            | Self::NotApproved { line, .. }
            | Self::NotDefined { line, .. }
            | Self::Needs { line, .. }
            | Self::BadParameter { line, .. }
            | Self::OutOfRange { line, .. }
            | Self::TooOften { line, .. }
            | Self::UnknownPlace { line }
            | Self::TooHot { line, .. }
            | Self::OutOfReach { line, .. } => Some(*line),
            Self::Empty | Self::OtherFormat(_) | Self::NoCommands => None,
        }
    }
}

impl fmt::Display for Heater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extruder => "nozzle",
            Self::Bed => "bed",
            Self::Chamber => "chamber",
            Self::Other => "heater",
        })
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X => "X",
            Self::Y => "Y",
            Self::Z => "Z",
        })
    }
}
