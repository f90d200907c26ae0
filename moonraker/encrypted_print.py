# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads Sealpost for the section `[encrypted_print]`."""
from __future__ import annotations

from .sealpost import load_component

__all__ = ["load_component"]
