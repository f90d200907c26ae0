"""Reads printer.cfg and notices sections and options nobody asked for."""
# SPDX-License-Identifier: MIT OR Apache-2.0
import configparser
import glob
import os


class ConfigError(Exception):
    pass


_NONE = object()


class Section:
    error = ConfigError

    def __init__(self, printer, parser, used, name):
        self.printer = printer
        self.section = name
        self._parser = parser
        self._used = used

    def get_printer(self):
        return self.printer

    def get_name(self):
        return self.section

    def has_section(self, name):
        return self._parser.has_section(name)

    def getsection(self, name):
        return Section(self.printer, self._parser, self._used, name)

    def get_prefix_sections(self, prefix):
        return [self.getsection(name) for name in self._parser.sections()
                if name.startswith(prefix)]

    def get(self, option, default=_NONE, note_valid=True):
        return self._get(str, option, default)

    def getint(self, option, default=_NONE, minval=None, maxval=None):
        return self._ranged(int, option, default, minval, maxval)

    def getfloat(self, option, default=_NONE, minval=None, maxval=None,
                 above=None, below=None):
        value = self._ranged(float, option, default, minval, maxval)
        if value is not None and (above is not None and value <= above
                                  or below is not None and value >= below):
            raise ConfigError("Option '%s' in section '%s' is out of range"
                              % (option, self.section))
        return value

    def getboolean(self, option, default=_NONE):
        return self._get(_boolean, option, default)

    def _ranged(self, kind, option, default, minval, maxval):
        value = self._get(kind, option, default)
        if value is not None and (minval is not None and value < minval
                                  or maxval is not None and value > maxval):
            raise ConfigError("Option '%s' in section '%s' is out of range"
                              % (option, self.section))
        return value

    def _get(self, kind, option, default):
        self._used.add((self.section.lower(), option.lower()))
        if not self._parser.has_option(self.section, option):
            if default is _NONE:
                raise ConfigError("Option '%s' in section '%s' must be"
                                  " specified" % (option, self.section))
            return default
        try:
            return kind(self._parser.get(self.section, option))
        except ValueError:
            raise ConfigError("Unable to parse option '%s' in section '%s'"
                              % (option, self.section))


def _boolean(text):
    words = {"1": True, "yes": True, "true": True, "on": True,
             "0": False, "no": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("not a boolean")
    return words[text.lower()]


# What machine.py is, which no configuration has to say.
MACHINE = {
    "printer": {"kinematics": "cartesian", "max_velocity": 300.,
                "max_accel": 3000., "square_corner_velocity": 5.},
    "extruder": {"min_temp": 0., "max_temp": 280.},
    "heater_bed": {"min_temp": 0., "max_temp": 130.},
    "gcode_arcs": {"resolution": 1.},
}


def _typed(text):
    for kind in (int, float):
        try:
            return kind(text)
        except (TypeError, ValueError):
            pass
    return text


class ConfigFile:
    """The printer object `configfile`."""
    error = ConfigError

    def __init__(self, printer, path):
        self._used = set()
        self._parser = configparser.RawConfigParser(
            strict=False, delimiters=(":", "="), inline_comment_prefixes=(";", "#"))
        try:
            self._read(path)
        except (OSError, configparser.Error) as e:
            raise ConfigError("Unable to parse %s: %s" % (path, e))
        self.root = Section(printer, self._parser, self._used, "printer")

    def _read(self, path):
        with open(path, encoding="utf-8") as file:
            self._parser.read_file(file)
        for section in self._parser.sections():
            if not section.startswith("include "):
                continue
            self._parser.remove_section(section)
            pattern = os.path.join(os.path.dirname(path), section.split()[1])
            found = sorted(glob.glob(pattern))
            if not found and not glob.has_magic(pattern):
                raise ConfigError("Include file '%s' does not exist"
                                  % (pattern,))
            for included in found:
                if os.path.realpath(included) != os.path.realpath(path):
                    self._read(included)

    def check_unused(self, loaded, lenient):
        """Refuses what no object has read; `lenient` sections are let be."""
        for section in self._parser.sections():
            kind = section.split()[0]
            if kind in lenient:
                continue
            if section not in loaded:
                raise ConfigError("Section '%s' is not a valid config section"
                                  % (section,))
            for option in self._parser.options(section):
                if (section.lower(), option) not in self._used:
                    raise ConfigError("Option '%s' is not valid in section"
                                      " '%s'" % (option, section))

    def get_status(self, eventtime):
        config = {name: dict(self._parser.items(name))
                  for name in self._parser.sections()}
        settings = {name: {option: _typed(text) for option, text
                           in section.items()}
                    for name, section in config.items()}
        for name, section in MACHINE.items():
            settings.setdefault(name, {})
            settings[name] = dict(section, **settings[name])
        return {"config": config, "settings": settings, "warnings": [],
                "save_config_pending": False,
                "save_config_pending_items": {}}
