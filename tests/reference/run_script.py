#!/usr/bin/env python3
"""Runs an event script on the reference model: the same lines as `breaker-sim --config C.json --script FILE`.

    tests/reference/run_script.py --config C.json --script FILE     FILE - is standard input

Exit 2: a line that is no event. Exit 78: a configuration that is refused.
"""
import argparse
import json
import sys

from config import Config, Refused
from script import Script, ScriptError


def run(script, name, lines):
    for number, text in enumerate(lines, 1):
        try:
            event = json.loads(text)
            if not isinstance(event, dict):
                raise ScriptError("an object")
            print(script.do(event), flush=True)
        except (ScriptError, ValueError) as error:
            print(f"{name}:{number}: {error}", file=sys.stderr)
            return 2
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--script", required=True)
    options = parser.parse_args()
    try:
        with open(options.config, encoding="utf-8") as file:
            config = Config(json.load(file))
    except Refused as why:
        print(why, file=sys.stderr)
        return 78
    if options.script == "-":
        return run(Script(config), "-", sys.stdin)
    with open(options.script, encoding="utf-8") as file:
        return run(Script(config), options.script, file)


if __name__ == "__main__":
    sys.exit(main())
