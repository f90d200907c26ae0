# The two ways in which a Klipper can be made to print from an object.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import os

NEEDED = ("sdcard_dirname", "current_file", "file_position", "file_size",
          "print_stats", "_reset_file", "do_resume", "is_active")


def choose(printer, vsd):
    """The player for this Klipper, or None if it has no known way."""
    if hasattr(vsd, "print_with_gcode_provider"):
        return ProviderPlayer(printer, vsd)
    if all(hasattr(vsd, name) for name in NEEDED):
        return FilePlayer(printer, vsd)
    return None


class Player:
    def __init__(self, printer, vsd):
        self.vsd = vsd
        self.gcode = printer.lookup_object("gcode")

    def path_of(self, name):
        return os.path.join(self.vsd.sdcard_dirname, name)

    def is_active(self):
        return self.vsd.is_active()

    def show_layers(self, layers):
        stats = self.vsd.print_stats
        command = getattr(stats, "cmd_SET_PRINT_STATS_INFO", None)
        if layers and command is not None:
            command(self.gcode.create_gcode_command(
                "SET_PRINT_STATS_INFO", "SET_PRINT_STATS_INFO",
                {"TOTAL_LAYER": "%d" % (layers,)}))


class FilePlayer(Player):
    """Puts the reader where virtual_sdcard keeps its open file."""
    kind = "virtual_sdcard"

    def start(self, job):
        vsd = self.vsd
        vsd._reset_file()
        vsd.current_file = job.reader
        vsd.file_position = 0
        vsd.file_size = job.reader.length
        vsd.print_stats.set_current_file(job.name)
        self.show_layers(job.layers)
        vsd.do_resume()

    def position(self, job):
        return min(self.vsd.file_position, job.size)


class ProviderPlayer(Player):
    """Hands virtual_sdcard a provider of lines."""
    kind = "gcode_provider"

    def start(self, job):
        job.provider = Provider(job.name, job.reader)
        self.vsd.print_with_gcode_provider(job.provider)
        self.show_layers(job.layers)

    def position(self, job):
        return job.provider.position


class Provider:
    def __init__(self, name, reader):
        self.name = name
        self.reader = reader
        self.position = 0

    def get_name(self):
        return self.name

    def is_active(self):
        return not self.reader.closed

    def get_gcode(self):
        while True:
            text = self.reader.read()
            if not text:
                self.reader.close()
                return
            for line in text.split("\n")[:-1]:
                yield line
                self.position = min(self.position + len(line.encode()) + 1,
                                    self.reader.size)

    def get_status(self, eventtime):
        return {"file_path": self.reader.name,
                "progress": float(self.position) / self.reader.size,
                "file_position": self.position,
                "file_size": self.reader.size}

    def get_stats(self, eventtime):
        return True, "sd_pos=%d" % (self.position,)

    def reset(self):
        self.reader.close()

    def handle_shutdown(self):
        self.reader.blank()
