# What a purchased file may have left behind, and how it is taken back.
#
# SPDX-License-Identifier: GPL-3.0-or-later

# What commands of a file change for whatever is printed next.
CHANGES = {
    "SET_GCODE_OFFSET": "offset", "RESTORE_GCODE_STATE": "all",
    "G90": "mode", "G91": "mode", "M82": "mode", "M83": "mode",
    "G92": "zero", "M220": "speed", "M221": "flow", "M204": "limits",
    "SET_VELOCITY_LIMIT": "limits", "SET_PRESSURE_ADVANCE": "advance",
    "SET_RETRACTION": "retraction"}
LIMITS = (("VELOCITY", "max_velocity"), ("ACCEL", "max_accel"),
          ("MINIMUM_CRUISE_RATIO", "minimum_cruise_ratio"),
          ("ACCEL_TO_DECEL", "max_accel_to_decel"),
          ("SQUARE_CORNER_VELOCITY", "square_corner_velocity"))
ADVANCE = (("ADVANCE", "pressure_advance"), ("SMOOTH_TIME", "smooth_time"))
RETRACTION = tuple((name.upper(), name) for name in (
    "retract_length", "retract_speed", "unretract_extra_length",
    "unretract_speed"))
EXTRUDERS = ("extruder",) + tuple("extruder%d" % (n,) for n in range(1, 32))


class Traces:
    """How the printer was before a file, by its status.

    Only what the file itself may have changed is put back: a person who tunes
    the offset or the speed of a running print means the next one too.
    """

    def __init__(self, printer):
        self.printer = printer
        self.move = self._status("gcode_move")
        self.limits = self._status("toolhead")
        self.retraction = self._status("firmware_retraction")
        self.extruders = [(name, self._status(name)) for name in EXTRUDERS]

    def undo(self, used):
        """Commands that put back what the commands `used` may change."""
        changed = set(CHANGES[name] for name in used)
        if "all" in changed:
            changed |= {"offset", "mode", "zero", "speed", "flow"}
        move, lines = self.move, []
        if "offset" in changed and "homing_origin" in move:
            lines.append("SET_GCODE_OFFSET " + _pairs(
                zip("XYZE", move["homing_origin"])))
        if "zero" in changed and "homing_origin" in move:
            lines += self._zero()
        if "mode" in changed and "absolute_coordinates" in move:
            lines += ["G90" if move["absolute_coordinates"] else "G91",
                      "M82" if move["absolute_extrude"] else "M83"]
        for kind, command, key in (("speed", "M220", "speed_factor"),
                                   ("flow", "M221", "extrude_factor")):
            if kind in changed and key in move:
                lines.append("%s S%.4f" % (command, move[key] * 100.))
        if "limits" in changed:
            lines += _command("SET_VELOCITY_LIMIT", LIMITS, self.limits)
        if "advance" in changed:
            for name, status in self.extruders:
                lines += _command("SET_PRESSURE_ADVANCE EXTRUDER=" + name,
                                  ADVANCE, status)
        if "retraction" in changed:
            lines += _command("SET_RETRACTION", RETRACTION, self.retraction)
        return lines

    def _zero(self):
        # G92 has no opposite: the place is named anew as it is, without the
        # offset that has just been put back.
        now = self._status("gcode_move")
        places = zip("XYZ", now["position"], self.move["homing_origin"])
        return ["G92 " + " ".join("%s%.6f" % (axis, place - origin)
                                  for axis, place, origin in places)]

    def _status(self, name):
        found = self.printer.lookup_object(name, None)
        if found is None or not hasattr(found, "get_status"):
            return {}
        eventtime = self.printer.get_reactor().monotonic()
        return dict(found.get_status(eventtime))


def _pairs(pairs):
    return " ".join("%s=%.6f" % pair for pair in pairs)


def _command(command, names, status):
    found = [(name, status[key]) for name, key in names
             if status.get(key) is not None]
    return ["%s %s" % (command, _pairs(found))] if found else []
