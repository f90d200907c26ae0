# The file object from which a sealed memfd is printed.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import codecs
import os

# Slicers write all their settings into comments, start G-code in one line.
MAX_LINE = 1 << 20
# Raises in SEALPOST_JOB, so that a print ends by Klipper's own error path.
STOP = "SEALPOST_JOB\n"
BLANKED = "; a purchased file is not shown"


def _one_mark_a_byte(error):
    return "?" * (error.end - error.start), error.end


codecs.register_error("sealpost", _one_mark_a_byte)


class SealedReader:
    """Reads text from a sealed memfd the way virtual_sdcard expects.

    Klipper counts a position as the UTF-8 length of each line plus one, so
    every byte must come out as text of the same UTF-8 length: valid UTF-8 as
    it is, any other byte as one "?". A file whose last line has no newline is
    given one, and `length` is then `size + 1`.

    Text is handed out in whole lines, and only the last piece may be read
    again: that is all a pause and a resume need. Once `is_shutdown()` says so
    there is nothing to read any more, because Klippers log what surrounds the
    position at a shutdown, some of them before any other handler has run.

    A line that `rules` refuse is never handed out: the print ends before it.
    """

    def __init__(self, fd, size, name, is_shutdown=lambda: False, rules=None):
        self.size = size
        self.name = name
        self.at_end = False
        self.problem = None
        self.on_close = None
        self._fd = fd
        self._is_shutdown = is_shutdown
        self._rules = rules
        self._checked = 0
        self._lines = 1
        self._blank = self._blank_told = False
        self._next = self._floor = 0
        self._open_end = os.pread(fd, 1, size - 1) != b"\n"
        self.length = size + (1 if self._open_end else 0)

    @property
    def closed(self):
        return self._fd is None

    @property
    def changes(self):
        """Commands so far whose traces outlive the print."""
        return self._rules.changes if self._rules is not None else ()

    @property
    def blanked(self):
        return self._blank

    def read(self, count=8192):
        """The next whole lines, about `count` bytes; "" at the end."""
        if self._is_shutdown():
            self.blank()
        if self._blank:
            return self._blank_text()
        if self._fd is None:
            raise ValueError("the file is closed")
        if self.problem is None:
            try:
                return self._read(count)
            except OSError as e:
                self.problem = "the file cannot be read: %s" % (e.strerror,)
        return STOP

    def seek(self, position, whence=os.SEEK_SET):
        """Goes back inside the piece that was read last; nowhere else."""
        if self._blank or self._is_shutdown():
            self.blank()
            return 0
        if self._fd is None:
            raise ValueError("the file is closed")
        if whence != os.SEEK_SET or not self._floor <= position <= self._next:
            self.problem = "a purchased file cannot be rewound or skipped"
            return self._next
        self._next = position
        self.at_end = False
        return position

    def tell(self):
        return self._next

    def close(self):
        if self._fd is None:
            return
        if self.on_close is not None:
            self.on_close()
        fd, self._fd = self._fd, None
        os.close(fd)

    def blank(self):
        """Forgets the content; what is read from now on is a remark."""
        self._blank = True
        self.on_close = None
        self.close()

    def _read(self, count):
        start = self._next
        if start >= self.length:
            self.at_end = True
            return ""
        if start < self._checked:
            # Read once more: only what was allowed before.
            data = os.pread(self._fd, min(count, self._checked - start), start)
            data = data[:data.rfind(b"\n") + 1] or os.pread(
                self._fd, self._checked - start, start)
            if not data.endswith(b"\n"):
                data += b"\n"
            return self._hand_out(data.decode("utf-8", "sealpost"), data,
                                  start)
        data = self._whole_lines(start, max(1, min(count, MAX_LINE)))
        if data is None:
            data = self._long_line(start)
        if data is None:
            self.problem = "a line is longer than %d bytes" % (MAX_LINE,)
            return STOP
        text, data = self._allowed(data.decode("utf-8", "sealpost"), data,
                                   start)
        if not data:
            return STOP
        return self._hand_out(text, data, start)

    def _hand_out(self, text, data, start):
        self._floor = start
        self._next = start + len(data)
        return text

    def _allowed(self, text, data, start):
        # As much of a piece as may run.
        if self._rules is None:
            return text, data
        lines = text.split("\n")[:-1]
        done, reason = self._rules.check_all(lines, self._lines)
        if reason is not None:
            self.problem = reason
            lines = lines[:done]
            text = "".join(line + "\n" for line in lines)
            # Each byte came out as text of the same length.
            data = data[:len(text.encode("utf-8"))]
        self._checked = start + len(data)
        self._lines += len(lines)
        return text, data

    def _whole_lines(self, start, count):
        data = os.pread(self._fd, count, start)
        if start + len(data) >= self.size and self._open_end:
            return data + b"\n"
        cut = data.rfind(b"\n") + 1
        return data[:cut] if cut else None

    def _long_line(self, start):
        # Its end is looked for in steps, to hold no more than the line.
        data, step = b"", 64 * 1024
        while len(data) <= MAX_LINE:
            more = os.pread(self._fd, step, start + len(data))
            end = more.find(b"\n") + 1
            data += more[:end or None]
            if end:
                break
            if start + len(data) >= self.size:
                data += b"\n"
                break
        else:
            return None
        return data if len(data) <= MAX_LINE + 1 else None

    def _blank_text(self):
        # Never "": Klipper would take that for the end of a finished print.
        if self._blank_told:
            raise ValueError("the file is closed")
        self._blank_told = True
        return BLANKED
