#!/usr/bin/env python3
"""Writes seal-post.stl: a small octagonal post that carries a wax seal with a keyhole pressed into it.

usage: model.py [OUT]

Lengths are in millimetres before `SCALE`. The solid is a stack of closed rings of `SIDES` points, so it is watertight by construction.
"""
import math
import pathlib
import struct
import sys

SCALE = 0.7
SIDES = 60
HEIGHT_OF_POST = 6.0
SEAL_BOTTOM, SEAL_FIELD, SEAL_RIM, KEYHOLE_FLOOR = 7.0, 8.2, 9.0, 6.6


def main() -> None:
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("seal-post.stl")
    rings = [
        ring(octagon(9.6), 0.0),
        ring(octagon(10.0), 0.4),
        ring(octagon(10.0), 1.4),
        ring(octagon(7.0), 3.4),
        ring(octagon(7.0), HEIGHT_OF_POST - 1.0),
        ring(wax(9.0), SEAL_BOTTOM),
        ring(wax(9.4), SEAL_BOTTOM + 0.5),
        ring(wax(9.4), SEAL_RIM - 0.4),
        ring(wax(9.0), SEAL_RIM),
        ring(circle(7.4), SEAL_RIM),
        ring(circle(7.0), SEAL_FIELD),
        ring(keyhole(0.1), SEAL_FIELD, keyhole_corners(), RAISED),
        ring(keyhole(0.0), KEYHOLE_FLOOR, keyhole_corners(), RAISED),
    ]
    out.write_bytes(stl(rings))


def circle(radius):
    return lambda angle: radius


def octagon(radius):
    """An octagon by its inner radius, with corners eased so that a nozzle does not stop at them."""
    def at(angle):
        turned = (angle % (math.pi / 4)) - math.pi / 8
        return min(radius / math.cos(turned), radius * 1.055)
    return at


def wax(radius):
    """The uneven edge of pressed wax."""
    return lambda angle: radius + 0.25 * math.sin(3 * angle + 0.6) + 0.2 * math.sin(5 * angle) + 0.1 * math.sin(11 * angle)


def keyhole(grown):
    """A keyhole as seen from the middle of its round part, which lies `RAISED` above the seal's centre."""
    def at(angle):
        dx, dy = math.cos(angle), math.sin(angle)
        if dy >= 0:
            return BOW + grown
        # The slot's sides run from (NECK, 0) to (FOOT, -LENGTH); its foot is level.
        closing = abs(dx) + (FOOT - NECK) / LENGTH * dy
        side = NECK / closing if closing > 1e-9 else math.inf
        return max(BOW, min(side, LENGTH / -dy)) + grown
    return at


RAISED, BOW, NECK, FOOT, LENGTH = 1.7, 2.7, 0.8, 2.3, 6.0


def keyhole_corners():
    """The angles at which the keyhole's outline turns: either foot, and where the slot leaves the bow."""
    x, step = NECK, (FOOT - NECK) / LENGTH
    depth = (-x * step + math.sqrt((x * step) ** 2 - (1 + step * step) * (x * x - BOW * BOW))) / (1 + step * step)
    right = [math.atan2(-LENGTH, FOOT), math.atan2(-depth, x + step * depth)]
    return sorted(angle % (2 * math.pi) for angle in right + [math.pi - angle for angle in right])


def angles(corners):
    """Evenly spaced angles, the nearest of which are moved onto `corners`."""
    even = [2 * math.pi * k / SIDES for k in range(SIDES)]
    for corner in corners:
        nearest = min(range(SIDES), key=lambda k: abs(even[k] - corner))
        even[nearest] = corner
    return even


def ring(radius_at, z, corners=(), shift=0.0):
    return [
        scaled(radius_at(angle) * math.cos(angle), radius_at(angle) * math.sin(angle) + shift, z)
        for angle in angles(corners)
    ]


def scaled(x, y, z):
    # Turned so that a slicer's usual view from the front left looks straight at the keyhole.
    turn = SCALE * math.sqrt(0.5)
    return (turn * (x + y), turn * (y - x), SCALE * z)


def stl(rings) -> bytes:
    triangles = []
    bottom, top = scaled(0.0, 0.0, 0.0), scaled(0.0, RAISED, KEYHOLE_FLOOR)
    for k in range(SIDES):
        n = (k + 1) % SIDES
        triangles.append((bottom, rings[0][n], rings[0][k]))
        triangles.append((top, rings[-1][k], rings[-1][n]))
        for lower, upper in zip(rings, rings[1:]):
            triangles.append((lower[k], lower[n], upper[n]))
            triangles.append((lower[k], upper[n], upper[k]))
    data = b"seal-post".ljust(80, b"\0") + struct.pack("<I", len(triangles))
    for a, b, c in triangles:
        data += struct.pack("<12f", *normal(a, b, c), *a, *b, *c) + b"\0\0"
    return data


def normal(a, b, c):
    u, v = [q - p for p, q in zip(a, b)], [q - p for p, q in zip(a, c)]
    n = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    length = math.sqrt(sum(x * x for x in n)) or 1.0
    return [x / length for x in n]


if __name__ == "__main__":
    main()
