"""G-code macros, as far as renaming commands and passing parameters on goes.

Templates know `{params.NAME}` and `{rawparams}`, and no statements.
"""
# SPDX-License-Identifier: MIT OR Apache-2.0
import re

_FIELD = re.compile(r"\{\s*(rawparams|params\.([A-Z_]+))\s*\}")


class Template:
    def __init__(self, text):
        self.text = text

    def render(self, params=None, rawparams=""):
        def fill(match):
            return (params or {}).get(match.group(2), "") if match.group(2) \
                else rawparams
        return _FIELD.sub(fill, self.text)


class Macros:
    def load_template(self, config, option, default=None):
        return Template(config.get(option, default))


class Macro:
    def __init__(self, config):
        self.printer = config.get_printer()
        self.gcode = self.printer.lookup_object("gcode")
        self.name = config.get_name().split()[1].upper()
        self.template = Template(config.get("gcode"))
        self.renamed = config.get("rename_existing", None)
        config.get("description", None)
        if self.renamed is None:
            self.gcode.register_command(self.name, self._run)
        else:
            self.printer.register_event_handler("klippy:connect", self._rename)

    def _rename(self):
        previous = self.gcode.register_command(self.name, None)
        if previous is None:
            raise self.printer.config_error(
                "Existing command '%s' not found in gcode_macro rename"
                % (self.name,))
        self.gcode.register_command(self.renamed, previous)
        self.gcode.register_command(self.name, self._run)

    def _run(self, gcmd):
        self.gcode.run_script_from_command(self.template.render(
            gcmd.get_command_parameters(), gcmd.get_raw_command_parameters()))


def load_config(config):
    return Macros()


def load_config_prefix(config):
    config.get_printer().load_object(config, "gcode_macro")
    return Macro(config)
