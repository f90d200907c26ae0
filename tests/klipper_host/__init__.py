"""A stand-in for the Klipper host program; see README.md."""
# SPDX-License-Identifier: MIT OR Apache-2.0
