# SPDX-License-Identifier: GPL-3.0-or-later
"""The Moonraker component inside a real Moonraker.

Run from the folder `tests`, with a Python that has requirements.txt installed:
`MOONRAKER_PYTHON=/path/to/venv/bin/python python3 -m unittest discover -s moonraker_component -t .`
"""
