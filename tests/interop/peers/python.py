"""The peers that run on Python: one JSON request a line in, one JSON answer a line out.

A request is {"op": "<family>.<operation>", ...}, an answer {"ok": {...}} or {"error": "..."}. Bytes are hex.
"""

import importlib
import json
import pathlib
import re
import sys
import traceback

FAMILIES = ["openssl", "rage", "sodium", "statements", "terminal"]


def answer(request):
    try:
        family, operation = request.pop("op").split(".")
        if family not in FAMILIES:
            raise ValueError(f"there is no peer {family} on Python")
        fields = {snake(name): value for name, value in request.items()}
        return {"ok": getattr(importlib.import_module(family), snake(operation))(**fields)}
    except BaseException:  # rage reports a panic as one
        return {"error": traceback.format_exc()}


def snake(name):
    return re.sub("[A-Z]+", lambda capitals: "_" + capitals[0].lower(), name)


def main():
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).parent / "python"))
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


main()
