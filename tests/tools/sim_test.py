#!/usr/bin/python3
"""breaker-sim as its users meet it: scripts, recorded calls, refusals.

    tests/tools/sim_test.py PROGRAM [unittest's arguments]
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM = None
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "scripts")


def run(*arguments, text=""):
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True, timeout=60)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def config(self, name="a.json", **parameters):
        return self.file(name, json.dumps(parameters))


def calls(*rows):
    return "".join('{"t_ms": %d, "latency_ms": %d, "code": %d}\n' % row for row in rows)


class ScriptTest(Files):
    def test_each_script_that_is_shown_gives_the_answers_beside_it(self):
        paths = sorted(glob.glob(os.path.join(SCRIPTS, "*.jsonl")))
        self.assertEqual(len(paths), 4)
        for path in paths:
            with self.subTest(script=os.path.basename(path)), open(path[:-6] + ".out", encoding="utf-8") as expected:
                got = run("--config", os.path.join(SCRIPTS, "config.json"), "--script", path)
                self.assertEqual((got.returncode, got.stderr), (0, ""))
                self.assertEqual(got.stdout, expected.read())

    def test_the_four_scripts_show_what_they_are_named_after(self):
        def column(script, member):
            with open(os.path.join(SCRIPTS, script + ".out"), encoding="utf-8") as file:
                return [json.loads(line)[member] for line in file]
        self.assertEqual(column("stale-success", "verdict")[4], "stale")
        self.assertEqual(column("stale-success", "state")[4], "half_open")
        self.assertEqual(column("lost-probe", "state")[4:6], ["half_open", "open"])
        self.assertEqual(column("lost-probe", "verdict")[6], "stale")
        self.assertEqual(column("double-completion", "verdict").count("double"), 2)
        self.assertEqual(column("two-holders", "state"), ["forced_open"] * 5 + ["closed"] * 2)

    def test_each_line_is_answered_before_the_next_is_read(self):
        config = self.config(trip_consecutive=1)
        with subprocess.Popen([PROGRAM, "--config", config, "--script", "-"], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as program:
            for state in ("closed", "open"):
                outcome = "ok" if state == "closed" else "fail"
                program.stdin.write('{"t_ms": 0, "op": "call", "outcome": "%s"}\n' % outcome)
                program.stdin.flush()
                self.assertEqual(json.loads(program.stdout.readline())["state"], state)
            program.stdin.close()
            self.assertEqual(program.wait(timeout=20), 0)

    def test_a_number_and_a_text_are_two_ids_and_an_id_can_be_used_again(self):
        script = ('{"t_ms": 0, "op": "acquire", "id": 1}\n{"t_ms": 0, "op": "acquire", "id": "1"}\n'
                  '{"t_ms": 1, "op": "release", "id": 1}\n{"t_ms": 1, "op": "release", "id": 1}\n'
                  '{"t_ms": 2, "op": "acquire", "id": 1}\n{"t_ms": 2, "op": "release", "id": "1"}\n')
        got = run("--config", self.config(), "--script", "-", text=script)
        self.assertEqual([json.loads(line)["verdict"] for line in got.stdout.splitlines()],
                         [None, None, "released", "double", None, "released"])

    def test_a_rejected_id_is_unadmitted(self):
        script = ('{"t_ms": 0, "op": "force", "to": "forced_open"}\n{"t_ms": 0, "op": "acquire", "id": 1}\n'
                  '{"t_ms": 1, "op": "complete", "id": 1, "outcome": "ok"}\n')
        got = run("--config", self.config(), "--script", "-", text=script)
        last = json.loads(got.stdout.splitlines()[-1])
        self.assertEqual((last["verdict"], last["retry_after_ms"]), ("unadmitted", None))

    def test_many_ids_are_kept_apart(self):
        script = "".join('{"t_ms": 0, "op": "acquire", "id": %d}\n' % i for i in range(1000))
        script += "".join('{"t_ms": 1, "op": "release", "id": %d}\n' % i for i in range(1000))
        got = run("--config", self.config(), "--script", "-", text=script)
        verdicts = [json.loads(line)["verdict"] for line in got.stdout.splitlines()]
        self.assertEqual(verdicts, [None] * 1000 + ["released"] * 1000)

    def test_a_bad_line_is_named_with_its_number_and_what_is_allowed(self):
        first = '{"t_ms": 5, "op": "call", "outcome": "ok"}\n'
        for line, *words in (
                ("nonsense", "one JSON object is allowed"),
                ("[1]", "one JSON object is allowed"),
                ('{"t_ms": 5, "op": "jump"}', 'op: "jump"', "acquire, complete, release, call, force, poll or read"),
                ('{"t_ms": 5}', "op", "only acquire"),
                ('{"t_ms": 5, "op": "poll", "extra": 1}', '"extra" is not allowed as a member, only t_ms, op, id'),
                (r'{"\u001b[31m": 1}', r'"\u001B[31m" is not allowed'),
                ('{"t_ms": 5, "op": "%s"}' % ("x" * 65536), "the line is too long, only 65536 bytes are allowed"),
                ('{"t_ms": 5, "op": "poll", "id": 1}', "poll needs t_ms, op"),
                ('{"op": "poll"}', "poll needs t_ms, op"),
                ('{"t_ms": 4, "op": "poll"}', "t_ms: 4 is not allowed, only 5 and later"),
                ('{"t_ms": -1, "op": "poll"}', "t_ms: -1 is not allowed"),
                ('{"t_ms": 5.5, "op": "poll"}', "t_ms: 5.5 is not allowed, only an integer"),
                ('{"t_ms": 5, "t_ms": 5, "op": "poll"}', "duplicate"),
                ('{"t_ms": 5, "op": "release", "id": 9}', 'id: "9" is not allowed, only one that was acquired'),
                ('{"t_ms": 5, "op": "complete", "id": 9, "outcome": "ok"}', "only one that was acquired"),
                ('{"t_ms": 5, "op": "acquire", "id": 1.5}', "id: 1.5 is not allowed, only a text or an integer"),
                ('{"t_ms": 5, "op": "call"}', "outcome or code"),
                ('{"t_ms": 5, "op": "call", "outcome": "ok", "code": 0}', "outcome or code"),
                ('{"t_ms": 5, "op": "call", "outcome": "good"}', 'outcome: "good"', "ok, fail or ignored"),
                ('{"t_ms": 5, "op": "call", "code": 17}', "code: 17 is not allowed, only an integer of 0..16"),
                ('{"t_ms": 5, "op": "force", "to": "ajar"}', 'to: "ajar"', "reset or unforce"),
                ('{"t_ms": 5, "op": "force", "to": 5}', "to: 5 is not allowed, only a text"),
                ('{"t_ms": 5, "op": "force", "to": "forced_open", "handle": "%s"}' % ("x" * 64), "63 bytes"),
        ):
            with self.subTest(line=line):
                got = run("--config", self.config(), "--script", "-", text=first + line + "\n" + first)
                self.assertEqual(got.returncode, 2)
                self.assertEqual(len(got.stdout.splitlines()), 1)
                self.assertEqual(len(got.stderr.splitlines()), 1)
                for word in ("-:2: ", *words):
                    self.assertIn(word, got.stderr)

    def test_an_id_that_is_still_out_cannot_be_acquired_again(self):
        got = run("--config", self.config(), "--script", "-", text='{"t_ms": 0, "op": "acquire", "id": 1}\n' * 2)
        self.assertEqual(got.returncode, 2)
        self.assertIn('id: "1" is still out', got.stderr)

    def test_no_more_holders_than_a_breaker_has_are_allowed(self):
        script = "".join('{"t_ms": 0, "op": "force", "to": "forced_open", "handle": %d}\n' % i for i in range(33))
        got = run("--config", self.config(), "--script", "-", text=script)
        self.assertEqual((got.returncode, len(got.stdout.splitlines())), (2, 32))
        self.assertIn("-:33: handle: no more than 32 holders", got.stderr)


class ConfigTest(Files):
    def test_every_form_of_a_value_is_taken(self):
        for parameters in ({"open_jitter": 0.5}, {"probe_slow_is_failure": True, "slow_call_ms": 5},
                           {"failure_mask": 16384}, {"failure_mask": ["UNAVAILABLE", "INTERNAL"]},
                           {"ignore_mask": "CANCELLED"}, {"weight": [2] * 17}, {"weight": {"UNAVAILABLE": 4}},
                           {"ignore_mask": []}, {"honour_pushback": "off"},
                           {"window": "time", "probe_lease_ms": "auto"}):
            with self.subTest(parameters=parameters):
                got = run("--config", self.config(**parameters), "--script", "-")
                self.assertEqual((got.returncode, got.stderr), (0, ""))

    def test_a_refused_configuration_ends_with_78_and_its_reason(self):
        for text, *words in (
                ('{"open_ms": 0}', "open_ms", '"0"', "1..86400000 ms"),
                ('{"open_ms": "5"}', "open_ms: a text is not allowed, only a number"),
                ('{"trip_consecutive": "3"}', "trip_consecutive: a text is not allowed"),
                ('{"nothing": 1}', "nothing", "no such parameter"),
                ('{"open_ms": null}', "open_ms", "is allowed"),
                ('{"weight": []}', "weight"),
                ('{"weight": {"UNAVAILABLE": "x"}}', "weight"),
                ('{"weight": [%s]}' % ",".join(["16"] * 400), "weight"),
                ('{"probe_sample": 2, "probe_decision": "sample"}', "probe_sample", "1..probe_budget"),
                ('{"open_ms": 5, "open_ms": 5}', "duplicate"),
                ("[]", "a JSON object"),
                ("{", "a.json:1: ", "a JSON object")):
            with self.subTest(text=text):
                path = self.file("a.json", text)
                got = run("--config", path, "--script", "-")
                self.assertEqual((got.returncode, got.stdout), (78, ""))
                self.assertEqual(len(got.stderr.splitlines()), 1)
                for word in (path, *words):
                    self.assertIn(word, got.stderr)

    def test_a_configuration_that_is_not_there_is_named(self):
        got = run("--config", "/nowhere/a.json", "--script", "-")
        self.assertEqual(got.returncode, 78)
        self.assertIn("/nowhere/a.json", got.stderr)


class WhatIfTest(Files):
    TRACE = calls((0, 10, 14), (10, 10, 14), (20, 10, 14), (30, 10, 0), (40, 10, 14), (100, 10, 0), (200, 10, 0))

    def compare(self, trace, *configs, extra=()):
        arguments = [part for config in configs for part in ("--config", config)]
        got = run(*arguments, "--json", *extra, "-", text=trace)
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        return json.loads(got.stdout)

    def test_what_two_configurations_did_is_what_one_counts_by_hand(self):
        # Opens at 30, when the third failure ends: the calls of 30 and 40 are rejected; from 80 on it is half-open,
        # and the call of 100 is the probe: closed at 110.
        a = self.config("a.json", trip_consecutive=3, open_ms=50)
        b = self.config("b.json", trip_consecutive=5, open_ms=50)
        got = self.compare(self.TRACE, a, b)
        self.assertEqual((got["calls"], got["failures"], got["end_ms"]), (7, 4, 210))
        first, second = got["configs"]
        self.assertEqual((first["opened"], first["admitted"], first["failures_let_through"]), (1, 5, 3))
        self.assertEqual((first["rejected"], first["rejected_would_have_succeeded"]), (2, 1))
        self.assertEqual([(m["t_ms"], m["to"], m["reason"]) for m in first["transitions"]],
                         [(30, "open", "CONSECUTIVE"), (80, "half_open", "OPEN_ELAPSED"),
                          (110, "closed", "PROBES_OK")])
        self.assertEqual((first["ms_in_state"]["closed"], first["ms_in_state"]["open"],
                          first["ms_in_state"]["half_open"]), (130, 50, 30))
        self.assertEqual((second["opened"], second["admitted"], second["rejected"]), (0, 7, 0))
        self.assertEqual(second["transitions"], [])

    def test_calls_overlap_as_they_did(self):
        # The failures end at 100, 101 and 102: all five calls got through before.
        trace = calls((0, 100, 14), (1, 100, 14), (2, 100, 14), (3, 10, 0), (99, 50, 0), (103, 1, 0))
        got = self.compare(trace, self.config(trip_consecutive=3))["configs"][0]
        self.assertEqual((got["admitted"], got["rejected"]), (5, 1))
        self.assertEqual(got["transitions"][0]["t_ms"], 102)

    def test_calls_that_hang_are_slow_while_they_hang(self):
        config = self.config(trip_consecutive=0, window="time", slow_call_ms=50, trip_slow_rate=0.5)
        got = self.compare(calls((0, 5000, 0), (100, 10, 0)), config)["configs"][0]
        self.assertEqual([(m["t_ms"], m["reason"]) for m in got["transitions"]][:1], [(51, "SLOW_RATE")])
        self.assertEqual(got["rejected"], 1)

    def test_the_table_says_the_same(self):
        a, trace = self.config("a.json", trip_consecutive=3, open_ms=50), self.file("t.jsonl", self.TRACE)
        got = run("--config", a, trace)
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        rows = {line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in got.stdout.splitlines() if line.strip()}
        self.assertEqual((rows["opened, times"], rows["calls let through"], rows["calls rejected"]), ("1", "5", "2"))
        self.assertEqual((rows["of them failures"], rows["that would have succeeded"]), ("3", "1"))
        self.assertIn("0.030 s  closed    -> open       CONSECUTIVE 3 of 3", got.stdout)

    def test_the_drawing_is_xml_and_names_every_configuration(self):
        a = self.config("<a&b>.json", trip_consecutive=3, open_ms=50)
        svg = os.path.join(self.folder.name, "out.svg")
        self.compare(self.TRACE, a, extra=("--svg", svg))
        root = xml.etree.ElementTree.parse(svg).getroot()
        texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
        self.assertTrue(any("<a&b>.json" in text for text in texts))
        classes = [element.get("class") for element in root.iter() if element.tag.endswith("rect")]
        for state in ("closed", "open", "half_open"):
            self.assertIn(state, classes)

    def test_a_drawing_says_what_it_leaves_out(self):
        trace = self.file("t.jsonl", calls(*((2 * i, 1, 14) for i in range(12000))))
        svg = os.path.join(self.folder.name, "a.svg")
        got = run("--config", self.config(trip_consecutive=1, open_ms=1), "--svg", svg, trace)
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        drawing = xml.etree.ElementTree.parse(svg).getroot()
        texts = " ".join(element.text or "" for element in drawing.iter())
        self.assertRegex(texts, r"the last \d+ changes are not drawn")
        bands = [element for element in drawing.iter() if element.get("class") in ("closed", "open", "half_open")]
        self.assertEqual(len(bands), 10000)

    def test_an_empty_trace_is_compared_too(self):
        svg = os.path.join(self.folder.name, "out.svg")
        got = self.compare("", self.config(), extra=("--svg", svg))
        self.assertEqual((got["calls"], got["configs"][0]["admitted"]), (0, 0))
        xml.etree.ElementTree.parse(svg)

    def test_a_bad_line_is_named_with_its_number(self):
        for line, *words in (
                ('{"t_ms": 0, "latency_ms": 1}', "a recorded call needs t_ms, code, latency_ms"),
                ('{"t_ms": 1, "latency_ms": 1, "code": 99}', "code: 99 is not allowed, only an integer of 0..16"),
                ('{"t_ms": 1, "latency_ms": 1, "code": 0, "op": "call"}', "nothing else is allowed"),
                ('{"t_ms": 0, "latency_ms": 1, "code": 0}', "t_ms: 0 is not allowed, only 1 and later"),
                ("{", "one JSON object is allowed")):
            with self.subTest(line=line):
                trace = self.file("t.jsonl", calls((1, 1, 0)) + line + "\n")
                got = run("--config", self.config(), trace)
                self.assertEqual((got.returncode, got.stdout), (2, ""))
                for word in (f"{trace}:2: ", *words):
                    self.assertIn(word, got.stderr)

    def test_a_long_trace_needs_no_more_memory_than_a_short_one(self):
        # The calls that are out, and the 10000 transitions that are kept, fit in far less than the 20 MB of the trace.
        config = self.config(trip_consecutive=2, open_ms=10)
        peak = []
        for count in (1000, 400000):
            trace = self.file("t.jsonl", "".join(
                '{"t_ms": %d, "latency_ms": 7, "code": %d}\n' % (i, 14 * (i % 7 < 2)) for i in range(count)))
            status = subprocess.run(["/usr/bin/python3", "-c", "import resource, subprocess, sys\n"
                                     "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
                                     "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                                     PROGRAM, "--config", config, trace],
                                    env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"},
                                    capture_output=True, text=True, check=True, timeout=100)
            peak.append(int(status.stdout))
        self.assertLess(peak[1], peak[0] + 8000)

    def test_what_cannot_be_read_or_written_is_named(self):
        got = run("--config", self.config(), "/nowhere/trace.jsonl")
        self.assertEqual(got.returncode, 1)
        self.assertIn("/nowhere/trace.jsonl", got.stderr)
        got = run("--config", self.config(), self.folder.name)
        self.assertEqual((got.returncode, got.stdout), (2, ""))
        self.assertIn("cannot be read: Is a directory", got.stderr)
        got = run("--config", self.config(), "--svg", "/nowhere/a.svg", "-")
        self.assertEqual(got.returncode, 1)
        self.assertIn("/nowhere/a.svg", got.stderr)


class ExampleTest(unittest.TestCase):
    def test_the_example_answers_the_question_of_the_README(self):
        traces = os.path.join(HERE, "../../examples/traces")
        got = run("--config", os.path.join(traces, "today.json"), "--config", os.path.join(traces, "proposal.json"),
                  os.path.join(traces, "outage.jsonl"))
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        with open(os.path.join(HERE, "../../README.md"), encoding="utf-8") as file:
            shown = re.search(r"```\n( +today +proposal\n.*?)```", file.read(), re.S).group(1)
        self.assertIn(shown, got.stdout)


class CommandLineTest(Files):
    def test_help_and_version_end_well(self):
        self.assertIn("--script FILE", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^breaker-sim \d+\.\d+\.\d+\n$")

    def test_what_is_not_allowed_is_named(self):
        config = self.config()
        for arguments, word in (((), "--config FILE is missing"), (("--config",), "--config"),
                                (("--config", config), "TRACE is missing"), (("--bogus",), "--bogus"),
                                (("--config", config, "a", "b"), "not also b"),
                                (("--config", config, "--script", "-", "t"), "nothing else"),
                                (("--config", config) * 17 + ("t",), "--config")):
            with self.subTest(arguments=arguments[:4]):
                got = run(*arguments)
                self.assertEqual((got.returncode, got.stdout), (2, ""))
                self.assertIn(word, got.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
