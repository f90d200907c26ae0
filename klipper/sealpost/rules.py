# What a purchased file may ask of this printer: the agent's rules once more.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import io
import json
import os
import re

from .traces import CHANGES

FORMAT = 1
COMMAND_MAX = 4096
NAME_MAX = 64
USUAL_CORNER = 20.
STATES = 64
# Commands that printers often define anew.
MOVING = frozenset(("G28", "BED_MESH_CALIBRATE", "QUAD_GANTRY_LEVEL",
                    "Z_TILT_ADJUST", "PAUSE", "CANCEL_PRINT"))
INFINITY = float("inf")
LETTER = re.compile(r"([A-Za-z][0-9]+(?:\.[0-9]+)?)")
NAMED = re.compile(r"([A-Za-z_]{2,}[0-9]*)(?=[ \t]|$)")
LINE_NUMBER = re.compile(r"[Nn][0-9]+[ \t\r]*(?=([A-Za-z])?)")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
WORD = re.compile(r"[A-Za-z0-9._+-]{1,64}")
LABEL = re.compile(r"[ !$&()+,\-./0-9:<>?@A-Z\[\]^_`a-z|~]{1,64}")
SKIPPED = re.compile(r"([Mm][0-9]+(?:\.[0-9]+)?)(?: |$)")
POINTS = re.compile(r"[0-9.,+\-\[\]_ eE]*")
PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
TOOL = re.compile(r"T[0-9]{1,2}")
_PLACE = r"-?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_SPEED = r"(?: F[1-9][0-9]{0,7}(?:\.[0-9]{0,9})?)?"
_WHERE = "".join("(?: %s%s)?" % (axis, _PLACE) for axis in "XYZE")
# Nearly every line of a file: there is nothing in it to refuse.
MOVE = re.compile(r"G[01](?:%s%s|%s%s)[ \r]*(?:;|\Z)"
                  % (_WHERE, _SPEED, _SPEED, _WHERE))
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
STRANGE = re.compile(u"['\"#\\s\x00-\x1f\x7f-\x9f]", re.UNICODE)
BLANKS = " \t\r"


class Refused(Exception):
    """A line that is not run: a stable `code` and what comes after it."""

    def __init__(self, code, text):
        Exception.__init__(self, text)
        self.code = code


class Printer:
    """Limits from the printer's own configuration and status.

    `approved` is what the agent says that the owner approved, None where it
    does not say: then the printer's own macros are taken with plain numbers
    and words.
    """

    def __init__(self, settings, commands=(), approved=None,
                 conventional=True):
        options = settings.get("printer", {})
        self.ends = {
            "max_velocity": options.get("max_velocity"),
            "max_accel": options.get("max_accel"),
            "square_corner_velocity": max(
                options.get("square_corner_velocity", 5.), USUAL_CORNER)}
        self.sections = set(name.lower() for name in settings)
        self.commands = set(commands)
        self.macros = set()
        self.heaters = {}
        for name, section in settings.items():
            kind, _, own = name.partition(" ")
            if kind.lower() == "gcode_macro":
                self.macros.add(own.strip().upper())
            if section.get("max_temp") is not None:
                self.heaters[name.lower()] = section["max_temp"]
        self.commands |= self.macros
        self.approved = approved
        self.conventional = conventional

    def lowest(self, wanted):
        found = [limit for name, limit in self.heaters.items() if wanted(name)]
        return min(found) if found else None

    def heater(self, name):
        name = name.lower()
        return self.lowest(lambda section: section.split(" ")[-1] == name and (
            " " not in section or section.startswith("heater_generic ")))

    def sensor(self, name):
        return self.heaters.get(name.lower())

    def unnamed(self, name):
        """For commands that name no heater; None where there is none."""
        if name == "extruders":
            return self.lowest(lambda section: " " not in section
                               and section.startswith("extruder"))
        if name == "chamber":
            return self.lowest(lambda section: "chamber" in section and
                               section.startswith("heater_generic "))
        return self.heaters.get(name)


def load_table(path=None):
    if path is None:
        path = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                            "rules.json")
    with io.open(path, encoding="utf-8") as f:
        table = json.load(f)
    if table["format"] != FORMAT:
        raise ValueError("rules.json is of another version")
    return table


def are_approvals(approved):
    """Whether this has the form {command: {parameter: what it may be}}."""
    def sound(kind):
        if not isinstance(kind, list):
            return kind in ("word", "number", "text")
        if kind and all(_is_string(one) for one in kind):
            return True
        return len(kind) == 2 and all(
            isinstance(one, (int, float)) and not isinstance(one, bool)
            for one in kind)
    return isinstance(approved, dict) and all(
        isinstance(params, dict) and all(sound(kind) for kind
                                         in params.values())
        for params in approved.values())


class Rules:
    """Judges the lines of one file."""

    def __init__(self, table, printer):
        self.table = table
        self.printer = printer
        self.uses = {}
        self.changes = set()  # Commands whose traces outlive the print.
        # The sum of the file's offsets of Z, and those it saved by name.
        self.offset = 0.
        self.offsets = {}

    def check_all(self, lines, number):
        """Checks the lines of a piece that begins with line `number`.

        Returns how many of them may run, and why not the next, or None. Each
        line is checked once: what they add up to is kept.
        """
        moves = MOVE.match
        reason = None
        done = 0
        for line in lines:
            if not moves(line):
                try:
                    self.check(line)
                except Refused as refused:
                    reason = "line %d: %s (%s)" % (number + done, refused,
                                                   refused.code)
                    break
            done += 1
        return done, reason

    def check(self, line):
        """Raises Refused, or returns (command, parameters) or None.

        `line` has no newline. Letters come with numbers or None, names with
        texts, and M117 with its text.
        """
        try:
            found = read(line, self._is_text)
        except Refused:
            if not self._skips_line(line):
                raise
            if _size(line) > COMMAND_MAX:
                raise Refused("gcode_line_too_long", "too long")
            return None
        if found is None:
            return None
        command, values = found
        if command in CHANGES:
            self.changes.add(command)
        checked = self._judge(command, values)
        rule = self._rule(command)[1]
        used = line if _is_string(values) else line.split(";")[0]
        if _size(used) > COMMAND_MAX and not (rule and rule.get("long")):
            raise Refused("gcode_line_too_long", "too long")
        return checked

    def _skips(self, command):
        # What only other firmware knows: Klipper says so, and goes on.
        commands = self.printer.commands
        rule = self._rule(command)[1]
        if rule is not None:
            listed = rule.get("printer") == "unapproved"
        else:  # Old Klippers do not tell their own commands.
            listed = "G1" in commands and SKIPPED.match(command)
        return (bool(listed) and command not in commands
                and command not in (self.printer.approved or ())
                and command not in self.table["never"])

    def _skips_line(self, line):
        text = line.strip(BLANKS).split(";", 1)[0]
        found = SKIPPED.match(text)
        return (found is not None and CONTROL.search(text.replace("\r", ""))
                is None and self._skips(found.group(1).upper()))

    def _is_text(self, command):
        return self.table["commands"].get(command, {}).get("text", False)

    def _rule(self, command):
        rules = self.table["commands"]
        if command not in rules and TOOL.match(command) and len(command) <= 3:
            command = "T"
        return command, rules.get(command)

    def _judge(self, command, values):
        why = self.table["never"].get(command)
        if why is None and any(command.startswith(prefix) for prefix
                               in self.table["never_prefixes"]):
            why = "it interferes with how a purchased file is printed"
        if why is not None:
            raise Refused("gcode_forbidden", "%s: %s" % (command, why))
        name, rule = self._rule(command)
        if self._skips(command):
            return command, values
        if rule is None:
            return self._check_approved(command, values)
        times = rule.get("times")
        if times is not None:
            self.uses[name] = self.uses.get(name, 0) + 1
            if self.uses[name] > times:
                raise Refused("gcode_too_often", command)
        printer = self.printer
        defined = command in printer.commands
        presence = rule.get("printer")
        if presence == "required" and not defined:
            raise Refused("gcode_not_defined", command)
        if presence == "unapproved" and not defined:
            return command, values  # Klipper skips what it does not know.
        if presence is not None and defined:
            self._note_macro()
            if presence == "unapproved" or command in (printer.approved or ()):
                return self._check_approved(command, values)
            if not printer.conventional:
                raise Refused("gcode_not_approved", command)
        needs = rule.get("needs")
        if needs is not None and needs not in printer.sections and not defined:
            raise Refused("gcode_needs_section", "%s needs [%s]"
                          % (command, needs))
        self._check_values(command, rule, values)
        self._follow_offset(command, rule, values)
        return command, values

    def _follow_offset(self, command, rule, values):
        # One after the other, offsets might lead below the bed. What is often
        # a macro may take them back.
        if command in MOVING:
            self.offset = min(self.offset, 0.)
        elif command == "SET_GCODE_OFFSET":
            if "Z" in values:
                total = _number(values["Z"])
            elif "Z_ADJUST" in values:
                total = self.offset + _number(values["Z_ADJUST"])
            else:
                return
            bounds = rule["params"]["Z"]
            _check_range(command, "Z", total, bounds["min"], bounds["max"])
            self.offset = total
        elif command == "SAVE_GCODE_STATE":
            name = values.get("NAME", "default")
            if len(self.offsets) >= STATES and name not in self.offsets:
                raise _unknown_place(command)
            self.offsets[name] = self.offset
        elif command == "RESTORE_GCODE_STATE":
            name = values.get("NAME", "default")
            if name not in self.offsets:
                raise _unknown_place(command)
            self.offset = self.offsets[name]

    def _note_macro(self):
        self.offset = min(self.offset, 0.)
        self.offsets = dict((name, min(offset, 0.)) for name, offset
                            in self.offsets.items())

    def _check_values(self, command, rule, values):
        if _is_string(values):
            if not self._is_shown(values):
                raise _bad(command, "text")
            return
        params = rule.get("params", {})
        for key, given in values.items():
            kind = params.get(key)
            if len(key) == 1 and not _is_string(given):
                if kind is None:
                    if rule.get("others", True):
                        continue
                    raise _bad(command, key)
                if given is None:
                    raise _bad(command, key)
                self._check_number(command, key, kind, given, values)
            elif kind is None:
                raise _bad(command, key)
            else:
                self._check_value(command, key, kind, given, values,
                                  "printer" in rule)

    def _check_value(self, command, key, rule, text, values, macro):
        kind = rule["kind"]
        if kind in ("number", "heat"):
            number = _number(text)
            if number is None:
                raise _bad(command, key)
            return self._check_number(command, key, rule, number, values)
        if kind == "heater":
            sound = self.printer.heater(text) is not None
        elif kind == "sensor":
            sound = self.printer.sensor(text) is not None
        elif kind == "word":
            sound = _whole(WORD, text)
        elif kind == "label":
            sound = _whole(LABEL, text)
        elif kind == "text":
            sound = self._is_shown(text)
        elif kind == "one_of":
            sound = _upper(text) in [_upper(word) for word in rule["of"]]
        elif kind == "points":
            sound = _whole(POINTS, text) and not (
                macro and "e" in text.lower())
        else:
            parts = [_number(part) for part in text.split(",")]
            most = rule.get("max")
            sound = len(parts) <= 2 and None not in parts and (
                most is None or all(0. <= part <= most for part in parts))
        if not sound:
            raise _bad(command, key)

    def _check_number(self, command, key, rule, number, values):
        if rule["kind"] == "number":
            _check_range(command, key, number, self._end(rule.get("min")),
                         self._end(rule.get("max")))
            return
        if rule["kind"] != "heat":
            raise _bad(command, key)
        of = rule["of"]
        if of == "SENSOR":
            limit = self.printer.sensor(values.get(of, ""))
            known = limit is not None
        else:
            name = _heater_of(of, values)
            limit = None if name is None else self.printer.heater(name)
            known = limit is not None
            if not known and name in ("extruders", "heater_bed", "chamber"):
                limit, known = self.printer.unnamed(name), True
        if not known:
            if of == "T" and number == 0.:
                return
            raise _bad(command, key)
        if limit is not None and number > limit:
            raise Refused("gcode_too_hot", "%s asks for %.6g C, the printer"
                          " allows %.6g C" % (command, number, limit))
        _check_range(command, key, number, 0., None)

    def _end(self, end):
        return self.printer.ends[end] if _is_string(end) else end

    def _is_shown(self, text):
        # What hosts take for an order is no message.
        return (_size(text) <= self.table["text_max"]
                and not CONTROL.search(text)
                and b"action:" not in text.encode("utf-8").lower())

    def _check_approved(self, command, values):
        self._note_macro()
        printer = self.printer
        defined = command in printer.commands
        if printer.approved is None and command in printer.macros:
            allowed = None
        else:
            allowed = (printer.approved or {}).get(command)
            if allowed is None:
                raise Refused("gcode_not_approved" if defined
                              else "gcode_unknown_command", command)
            if not defined:
                raise Refused("gcode_not_defined", command)
        if _is_string(values):
            raise _bad(command, "text")
        for key, given in values.items():
            number, word = given, None
            if _is_string(given):
                number, word = _number(given), given
            kind = "word" if allowed is None else allowed.get(key)
            if kind is None or given is None:
                raise _bad(command, key)
            if kind == "word":
                sound = word is None or _whole(WORD, word)
            elif kind == "text":
                sound = word is None or _whole(LABEL, word)
            elif kind == "number":
                sound = number is not None
            elif all(_is_string(one) for one in kind):
                sound = word is not None and _upper(word) in [
                    _upper(one) for one in kind]
            else:
                if number is None:
                    raise _bad(command, key)
                _check_range(command, key, number, kind[0], kind[1])
                sound = True
            if not sound:
                raise _bad(command, key)
        return command, values


def read(line, is_text=lambda command: False):
    """The one way in which a line can be read, or None for nothing.

    Klipper splits a line in capitals at runs of letters and underscores, and
    named commands read what follows like a shell. Only lines in the form that
    slicers write come out of that as they look; any other raises Refused.
    """
    line = line.strip(BLANKS)
    text = line.split(";", 1)[0].strip(BLANKS)
    if not text:
        return None
    if text[0] > "\x7f":
        raise Refused("gcode_not_text", "not text")
    numbered = LINE_NUMBER.match(text)
    if numbered:
        if numbered.group(1) is None:
            raise _unclear()
        text = text[numbered.end():]
    found = LETTER.match(text)
    if found:
        if text[found.end():found.end() + 1] == ".":
            raise _unclear()
        command = _name(found.group(1))
        if is_text(command):
            if numbered or line[found.end():found.end() + 1] not in (
                    "", " ", ";"):
                raise _unclear()
            return command, line[found.end():]
        return _read_letters(text, found.end())
    found = NAMED.match(text)
    if not found or numbered:
        raise _unclear()
    return _name(found.group(1)), _read_named(text[found.end():])


def _read_letters(text, at):
    if at == 0:
        at = LETTER.match(text).end()
    command, values = _name(text[:at]), {}
    at = _skip(text, at)
    while at < len(text):
        letter = text[at]
        if letter == "*":
            if any(c not in "0123456789" for c in text[at + 1:]):
                raise _unclear()
            break
        if letter > "\x7f":
            raise Refused("gcode_not_text", "not text")
        after = text[at + 1:at + 2]
        key = letter.upper()
        if (not "A" <= key <= "Z" or key in values or after == "_"
                or "A" <= after <= "Z" or "a" <= after <= "z"):
            raise _unclear()
        at = _skip(text, at + 1)
        found = NUMBER.match(text, at)
        values[key] = None
        if found:
            number = float(found.group())
            if number in (INFINITY, -INFINITY):
                raise _unclear()
            values[key] = number
            at = _skip(text, found.end())
    return command, values


def _read_named(text):
    values = {}
    text = text.lstrip(BLANKS)
    while text:
        name, equals, after = text.partition("=")
        if not equals:
            raise _unclear()
        if any(c > "\x7f" for c in name):
            raise Refused("gcode_not_text", "not text")
        if not _whole(PARAMETER, name):
            raise _unclear()
        if after[:1] in ("'", '"'):
            value, quote, after = after[1:].partition(after[0])
            if not quote:
                raise _unclear()
        else:
            end = len(re.match(r"[^ \t]*", after).group())
            value, after = after[:end], after[end:]
            # Blanks of other languages are cut off where a line ends.
            if STRANGE.search(value):
                raise _unclear()
        name = name.upper()
        if (after and after[0] not in " \t") or "\\" in value or name in values:
            raise _unclear()
        values[name] = value
        text = after.lstrip(BLANKS)
    return values


def _name(text):
    if len(text) > NAME_MAX:
        raise _unclear()
    return text.upper()


def _skip(text, at):
    while text[at:at + 1] in (" ", "\t"):
        at += 1
    return at


def _number(text):
    # A macro hands the text on: Klipper reads `M104 S300e-2` as 300 degrees.
    if len(text) > 32 or not _whole(NUMBER, text):
        return None
    number = float(text)
    return None if number in (INFINITY, -INFINITY) else number


def _heater_of(of, values):
    if of == "T":
        tool = values.get("T")
        if tool is None:
            return "extruders"
        if tool != int(tool):
            return None
        return "extruder%d" % (tool,) if tool else "extruder"
    if of == "HEATER":
        return values.get(of)
    return "extruders" if of == "extruder" else of


def _check_range(command, key, number, least, most):
    if (least is not None and number < least) or (
            most is not None and number > most):
        raise Refused("gcode_out_of_range", "%s asks for %s %.6g, beyond the"
                      " limits of this printer" % (command, key, number))


def _whole(pattern, text):
    found = pattern.match(text)
    return found is not None and found.end() == len(text)


def _upper(text):
    # In ASCII only: in Unicode some letters become others.
    return text.encode("utf-8").upper()


def _size(text):
    return len(text.encode("utf-8"))


def _is_string(value):
    return value is not None and hasattr(value, "upper")


def _bad(command, key):
    return Refused("gcode_bad_parameter", "%s may not have this parameter, or"
                   " not this value: %s" % (command, key))


def _unknown_place(command):
    return Refused("gcode_unknown_place", "%s: the file saved no such state,"
                   " or too many" % (command,))


def _unclear():
    return Refused("gcode_unclear", "not written as slicers write a command")
