"""A printer with the deployed LMNT plugin, as far as a store can tell: one JSON request a line in, one JSON answer a line out.

A request is {"op": "<operation>", ...}, an answer {"ok": {...}} or {"error": "..."}. What is written here follows the calls that
the plugin makes, their fields, and what it takes of the answers; keys and files are opened by PyNaCl and cryptography.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from printer import Printer, Unusable  # noqa: E402


def answer(printer, request):
    operation = getattr(printer, request.pop("op"))
    try:
        return {"ok": operation(**request)}
    except Unusable as reason:
        return {"error": str(reason)}


def main():
    store, folder = sys.argv[1:]
    printer = Printer(store, pathlib.Path(folder))
    for line in sys.stdin:
        print(json.dumps(answer(printer, json.loads(line))), flush=True)


main()
