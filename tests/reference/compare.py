"""Plays events to the program and to the model; finds the first line that differs, and a short script that shows it."""
import json
import os
import queue
import subprocess
import tempfile
import threading
import time

from config import Config
from invariants import Checked
from script import Script, ScriptError

BATCH = 1000


class Program:
    """A running `breaker-sim --script -`. What it answers is compared by a thread, so that neither side waits."""

    def __init__(self, path, config):
        self.file = config_file(config)
        self.process = subprocess.Popen([path, "--config", self.file.name, "--script", "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.differs = False
        self.to_write, self.to_read = queue.Queue(4), queue.Queue()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.write, self.read)]
        for thread in self.threads:
            thread.start()

    def write(self):
        try:
            while batch := self.to_write.get():
                self.process.stdin.write(batch)
                self.process.stdin.flush()
        except BrokenPipeError:
            self.differs = True
            while self.to_write.get():
                pass
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            self.differs = True

    def read(self):
        while expected := self.to_read.get():
            if self.process.stdout.read(len(expected)) != expected:
                self.differs = True
        if self.process.stdout.read(1):
            self.differs = True

    def play(self, events, lines):
        self.to_read.put("".join(line + "\n" for line in lines).encode())
        self.to_write.put("".join(json.dumps(event) + "\n" for event in events).encode())

    def end(self):
        """Whether every line was the expected one."""
        self.to_write.put(b"")
        self.to_read.put(b"")
        self.threads[0].join()
        self.threads[1].join()
        self.process.stderr.read()
        ended_well = self.process.wait() == 0
        self.file.close()
        return ended_well and not self.differs


def config_file(config):
    file = tempfile.NamedTemporaryFile("w", suffix=".json")
    json.dump(config, file)
    file.flush()
    return file


def run_program(path, config, text):
    """(exit code, lines, stderr) of one run."""
    with config_file(config) as file:
        done = subprocess.run([path, "--config", file.name, "--script", "-"], input=text, text=True,
                              capture_output=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.strip()


def possible(config, events, breaker_type=Checked):
    """The events that still make sense when others were taken out, and the model's lines for them."""
    script, kept, lines = Script(Config(config), breaker_type), [], []
    for event in events:
        try:
            lines.append(script.do(event))
            kept.append(event)
        except ScriptError:
            pass
        except AssertionError as broken:
            kept.append(event)
            lines.append(f"the model breaks {broken}")
            break
    return kept, lines


def first_difference(path, config, events, breaker_type=Checked):
    """(events up to it, the model's line, the program's line), or None."""
    events, expected = possible(config, events, breaker_type)
    _, got, complaint = run_program(path, config, "".join(json.dumps(event) + "\n" for event in events))
    for place, line in enumerate(expected):
        mine = got[place] if place < len(got) else f"no line; {complaint}"
        if mine != line:
            return events[:place + 1], line, mine
    return None


def shrink(path, config, events, breaker_type=Checked, seconds=30):
    """Takes events out while a difference stays."""
    end = time.monotonic() + seconds
    size = max(len(events) // 2, 1)
    while True:
        place = 0
        while place < len(events) and time.monotonic() < end:
            found = first_difference(path, config, events[:place] + events[place + size:], breaker_type)
            if found:
                events = found[0]
            else:
                place += size
        if size == 1 or time.monotonic() >= end:
            return events
        size = max(size // 2, 1)


def explain(path, config, events, breaker_type=Checked):
    """What a person wants to know about a difference."""
    found = first_difference(path, config, events, breaker_type)
    if not found:
        return "the difference does not come back when the same events are played again"
    before, line, mine = found
    short = shrink(path, config, before, breaker_type)
    _, short_line, short_mine = first_difference(path, config, short, breaker_type)
    text = [f"configuration: {json.dumps(config)}", "the last 20 events:"]
    text += [json.dumps(event) for event in before[-20:]]
    text += [f"model:   {line}", f"program: {mine}", f"the same in {len(short)} events:"]
    text += [json.dumps(event) for event in short]
    return "\n".join(text + [f"model:   {short_line}", f"program: {short_mine}"])


def available_cores():
    return len(os.sched_getaffinity(0))
