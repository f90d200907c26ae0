# SPDX-License-Identifier: GPL-3.0-or-later
"""The Moonraker component inside a real Moonraker.

Run from the repository's root, with a Python that has tests/requirements.txt installed:
`MOONRAKER_PYTHON=/path/to/venv/bin/python python3 -m unittest discover -s tests/moonraker_component -t tests`
"""
