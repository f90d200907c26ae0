"""Plausible status of a machine whose moves and heaters take no time."""
# SPDX-License-Identifier: MIT OR Apache-2.0

AXES = {"X": 0, "Y": 1, "Z": 2, "E": 3}


class GcodeMove:
    def __init__(self, config):
        self.position = [0.0, 0.0, 0.0, 0.0]
        self.absolute = self.absolute_extrude = True
        self.speed = 25.0
        self.homed = set()
        gcode = config.get_printer().lookup_object("gcode")
        for name in ("G0", "G1", "G2", "G3"):
            gcode.register_command(name, self._move)
        for name, command in (("G28", self._home), ("G90", self._absolute),
                              ("G91", self._relative), ("M82", self._absolute_e),
                              ("M83", self._relative_e), ("G92", self._set)):
            gcode.register_command(name, command)
        self.origin = [0.0] * 4
        self.factors = {"M220": 1.0, "M221": 1.0}
        self.limits = {"VELOCITY": 300.0, "ACCEL": 3000.0,
                       "MINIMUM_CRUISE_RATIO": 0.5,
                       "SQUARE_CORNER_VELOCITY": 5.0}
        self.advance = {"ADVANCE": 0.0, "SMOOTH_TIME": 0.04}
        for name in self.factors:
            gcode.register_command(name, self._factor)
        gcode.register_command("SET_GCODE_OFFSET", self._offset)
        for name, values in (("SET_VELOCITY_LIMIT", self.limits),
                             ("SET_PRESSURE_ADVANCE", self.advance)):
            gcode.register_command(name, self._setter(values))
        for name in ("G4", "G17", "G21", "T0", "M18", "M84", "M106", "M107", "M114",
                     "M204", "M400", "M73"):
            gcode.register_command(name, lambda gcmd: None)
        for name in ("SAVE_GCODE_STATE", "RESTORE_GCODE_STATE",
                     "SET_IDLE_TIMEOUT",
                     "SET_HEATER_TEMPERATURE", "TEMPERATURE_WAIT"):
            gcode.register_command(name, lambda gcmd: None)

    def get_status(self, eventtime=None):
        return {"speed_factor": self.factors["M220"], "speed": self.speed * 60,
                "extrude_factor": self.factors["M221"],
                "absolute_coordinates": self.absolute,
                "absolute_extrude": self.absolute_extrude,
                "homing_origin": list(self.origin),
                "position": list(self.position),
                "gcode_position": list(self.position)}

    def _factor(self, gcmd):
        self.factors[gcmd.get_command()] = gcmd.get_float("S") / 100

    def _offset(self, gcmd):
        for axis, index in AXES.items():
            adjusted = self.origin[index] + gcmd.get_float(axis + "_ADJUST", 0.0)
            self.origin[index] = gcmd.get_float(axis, adjusted)

    def _setter(self, values):
        def command(gcmd):
            for name, value in values.items():
                values[name] = gcmd.get_float(name, value)
        return command

    def _move(self, gcmd):
        try:
            words = {name: float(value) for name, value
                     in gcmd.get_command_parameters().items()
                     if name in AXES or name == "F"}
        except ValueError:
            raise gcmd.error("Unable to parse move '%s'"
                             % (gcmd.get_commandline(),))
        for axis, index in AXES.items():
            value = words.get(axis)
            if value is None:
                continue
            absolute = self.absolute and (axis != "E" or self.absolute_extrude)
            self.position[index] = value + (
                0.0 if absolute else self.position[index])
            if axis != "E" and axis.lower() not in self.homed:
                raise gcmd.error("Must home axis first: %.3f %.3f %.3f [%.3f]"
                                 % tuple(self.position))
        self.speed = words.get("F", self.speed * 60) / 60

    def _home(self, gcmd):
        axes = [a for a in "XYZ" if a in gcmd.get_command_parameters()] or "XYZ"
        for axis in axes:
            self.position[AXES[axis]] = 0.0
            self.homed.add(axis.lower())

    def _set(self, gcmd):
        for axis, index in AXES.items():
            self.position[index] = gcmd.get_float(axis, self.position[index])

    def _absolute(self, gcmd):
        self.absolute = True

    def _relative(self, gcmd):
        self.absolute = False

    def _absolute_e(self, gcmd):
        self.absolute_extrude = True

    def _relative_e(self, gcmd):
        self.absolute_extrude = False


class Toolhead:
    def __init__(self, printer):
        self.printer = printer

    def get_status(self, eventtime):
        move = self.printer.lookup_object("gcode_move")
        return {"homed_axes": "".join(sorted(move.homed)),
                "position": list(move.position), "print_time": eventtime,
                "estimated_print_time": eventtime, "stalls": 0,
                "extruder": "extruder", "axis_minimum": [0.0] * 4,
                "axis_maximum": [200.0, 200.0, 200.0, 0.0],
                "max_velocity": move.limits["VELOCITY"],
                "max_accel": move.limits["ACCEL"],
                "minimum_cruise_ratio": move.limits["MINIMUM_CRUISE_RATIO"],
                "square_corner_velocity": move.limits["SQUARE_CORNER_VELOCITY"]}


class Heater:
    def __init__(self, printer, name, commands):
        self.name = name
        self.printer = printer
        self.target = 0.0
        gcode = printer.lookup_object("gcode")
        for command in commands:
            gcode.register_command(command, self._set)

    def get_status(self, eventtime):
        status = {"temperature": self.target or 25.0, "target": self.target,
                  "power": 0.3 if self.target else 0.0}
        if self.name == "extruder":
            advance = self.printer.lookup_object("gcode_move").advance
            status.update(can_extrude=self.target >= 150,
                          pressure_advance=advance["ADVANCE"],
                          smooth_time=advance["SMOOTH_TIME"], motion_queue=None)
        return status

    def _set(self, gcmd):
        self.target = gcmd.get_float("S", 0.0)


class Heaters:
    def __init__(self, printer):
        self.heaters = {"extruder": Heater(printer, "extruder", ("M104", "M109")),
                        "heater_bed": Heater(printer, "heater_bed",
                                             ("M140", "M190"))}
        for name, heater in self.heaters.items():
            printer.add_object(name, heater)
        gcode = printer.lookup_object("gcode")
        gcode.register_command("M105", self._report, True)
        gcode.register_command(
            "TURN_OFF_HEATERS", lambda gcmd: self.turn_off(),
            desc="Turn off all heaters")
        printer.register_event_handler("klippy:shutdown", self.turn_off)

    def get_status(self, eventtime):
        names = list(self.heaters)
        return {"available_heaters": names, "available_sensors": names,
                "available_monitors": []}

    def _report(self, gcmd):
        report = " ".join("%s:%.1f /%.1f" % (
            short, self.heaters[name].get_status(0)["temperature"],
            self.heaters[name].target)
            for short, name in (("B", "heater_bed"), ("T0", "extruder")))
        if not gcmd.ack(report):
            gcmd.respond_raw(report)

    def turn_off(self):
        for heater in self.heaters.values():
            heater.target = 0.0


class DisplayStatus:
    def __init__(self, printer):
        self.printer = printer
        self.message = None
        gcode = printer.lookup_object("gcode")
        gcode.register_command("M117", self._message)

    def get_status(self, eventtime):
        vsd = self.printer.lookup_object("virtual_sdcard", None)
        return {"progress": vsd.progress() if vsd else 0.0,
                "message": self.message}

    def _message(self, gcmd):
        self.message = gcmd.get_raw_command_parameters() or None


class Respond:
    def __init__(self, printer):
        gcode = printer.lookup_object("gcode")
        gcode.register_command("M118", lambda gcmd: gcmd.respond_raw(
            "echo: " + gcmd.get_raw_command_parameters()), True)
        gcode.register_command("RESPOND", lambda gcmd: gcmd.respond_raw(
            "echo: " + gcmd.get("MSG", "")), True)


class IdleTimeout:
    def __init__(self, printer):
        self.printer = printer

    def get_status(self, eventtime):
        vsd = self.printer.lookup_object("virtual_sdcard", None)
        busy = vsd is not None and vsd.is_active()
        return {"state": "Printing" if busy else "Idle", "printing_time": 0.0}


class ExcludeObject:
    def __init__(self, printer):
        self._reset()
        gcode = printer.lookup_object("gcode")
        for name in ("DEFINE", "START", "END"):
            gcode.register_command("EXCLUDE_OBJECT_" + name,
                                   getattr(self, "_" + name.lower()))
        gcode.register_command("EXCLUDE_OBJECT", self._exclude)
        printer.register_event_handler("virtual_sdcard:reset_file", self._reset)

    def get_status(self, eventtime):
        return {"objects": self.objects, "excluded_objects": self.excluded,
                "current_object": self.current}

    def _reset(self):
        self.objects, self.excluded, self.current = [], [], None

    def _define(self, gcmd):
        name = gcmd.get("NAME", "").upper()
        if name:
            self.objects = self.objects + [{"name": name}]

    def _start(self, gcmd):
        self.current = gcmd.get("NAME").upper()

    def _end(self, gcmd):
        self.current = None

    def _exclude(self, gcmd):
        name = gcmd.get("NAME", "").upper()
        if name and name not in self.excluded:
            self.excluded = self.excluded + [name]


def add_objects(printer):
    """Adds what every printer of this kind has."""
    printer.add_object("toolhead", Toolhead(printer))
    printer.add_object("heaters", Heaters(printer))
    printer.add_object("idle_timeout", IdleTimeout(printer))


def load_config(config):
    return GcodeMove(config)
