#!/usr/bin/python3
"""layers.py notices: a wrong include planted in each folder of a copied tree, and a wrong symbol in each archive.

    LAYERS_BUILD=build/dev /usr/bin/python3 tests/layers/layers_planted.py
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import layers

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("LAYERS_BUILD", os.path.join(ROOT, "build/dev"))

# (file to plant in, include line): each breaks one wall.
INCLUDES = [
    ("lib/base/span.c", "<breakwire/breaker.h>"),
    ("lib/base/span.c", "<breakwire/loop.h>"),
    ("lib/breaker/breaker.c", "<breakwire/span.h>"),
    ("lib/breaker/breaker.c", "<breakwire/status.h>"),
    ("lib/h2/h2.c", "<breakwire/loop.h>"),
    ("lib/h2/h2.c", "<breakwire/server.h>"),
    ("lib/rpc/frame.c", "<nghttp2/nghttp2.h>"),
    ("lib/rpc/frame.c", "<breakwire/http.h>"),
    ("lib/rpc/frame.c", "<breakwire/breaker.h>"),
    ("lib/rpc/frame.c", "<unistd.h>"),
    ("lib/http/head.c", "<breakwire/status.h>"),
    ("lib/http/head.c", "<time.h>"),
    ("lib/config/value.c", "<breakwire/loop.h>"),
    ("lib/net/loop.c", "<breakwire/h2.h>"),
    ("lib/net/loop.c", "<nghttp2/nghttp2.h>"),
    ("lib/net/loop.c", "<openssl/ssl.h>"),
    ("lib/program/program.c", "<breakwire/breaker.h>"),
    ("client/front.c", "<breakwire/channel.h>"),
    ("client/front.c", "<uv.h>"),
    ("client/face.c", "<breakwire/breaker.h>"),
    ("client/main.c", "<breakwire/breaker.h>"),
    ("client/stub.c", "<protobuf-c/protobuf-c.h>"),
    ("client/guard.c", "<breakwire/loop.h>"),
    ("client/guard.c", '"../lib/breaker/word.h"'),
    ("server/data.c", "<breakwire/loop.h>"),
    ("server/data.c", "<pb_encode.h>"),
    ("server/fault.c", "<breakwire/breaker.h>"),
    ("server/control.c", "<jansson.h>"),
]

# Functions that no core may call, and those that lib/net may not call either.
IMPURE = {
    "clock_gettime", "time", "poll", "read", "write", "recv", "send", "pthread_create", "socket", "sleep", "usleep",
    "nanosleep", "rand", "random", "getrandom", "uv_run", "SSL_read", "BIO_read", "pb_encode",
    "protobuf_c_message_unpack", "nghttp2_session_send", "json_loads", "fopen",
}
ALLOWED = {"lib/h2": {"nghttp2_session_send"}, "lib/config": {"json_loads", "fopen"}}
CALLS = {folder: IMPURE - ALLOWED.get(folder, set()) for folder in layers.CORES}
CALLS["lib/net"] = {"nghttp2_session_send", "SSL_read", "BIO_read", "json_loads", "pb_encode"}


class Includes(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.mkdtemp(prefix="layers.")
        self.addCleanup(shutil.rmtree, self.tree)
        for folder in ("lib", "client", "server"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.tree, folder))

    def test_the_tree_as_it_is_has_no_fault(self):
        self.assertEqual(list(layers.include_faults(self.tree)), [])

    def test_each_planted_include_is_noticed(self):
        for path, header in INCLUDES:
            with self.subTest(path=path, header=header):
                whole = os.path.join(self.tree, path)
                with open(whole, encoding="utf-8") as file:
                    before = file.read()
                with open(whole, "w", encoding="utf-8") as file:
                    file.write(f"#include {header}\n{before}")
                faults = [fault for fault in layers.include_faults(self.tree) if fault.startswith(path)]
                self.assertNotEqual(faults, [])
                with open(whole, "w", encoding="utf-8") as file:
                    file.write(before)

    def test_every_folder_has_a_planted_include(self):
        planted = {os.path.dirname(path) for path, _ in INCLUDES}
        self.assertEqual(planted | {"lib/net/tls"}, set(layers.MAY_INCLUDE))


class Symbols(unittest.TestCase):
    def setUp(self):
        self.build = tempfile.mkdtemp(prefix="layers.")
        self.addCleanup(shutil.rmtree, self.build)
        self.object = os.path.join(self.build, "planted.o")

    def compile(self, text):
        subprocess.run(["cc", "-w", "-x", "c", "-c", "-o", self.object, "-"], input=text, text=True, check=True)

    def faults_with_object_in(self, folder):
        """What is found in a copy of the folder's archive that has the planted object added."""
        real = [path for place, path in layers.archives(BUILD) if place == folder][0]
        copy = os.path.join(self.build, os.path.basename(real))
        shutil.copy(real, copy)
        subprocess.run(["ar", "q", copy, self.object], check=True, capture_output=True)
        return list(layers.archive_faults(folder, copy))

    def test_each_planted_call_is_noticed(self):
        for folder, names in CALLS.items():
            self.compile("\n".join(f"int {name}(); int bw_{name}(void) {{ return {name}(); }}" for name in names))
            faults = "\n".join(self.faults_with_object_in(folder))
            for name in names:
                with self.subTest(folder=folder, call=name):
                    self.assertRegex(faults, rf"uses {name}\b")

    def test_an_export_without_the_prefix_is_noticed(self):
        self.compile("int planted(void) { return 1; }")
        for folder in layers.CORES + ("lib/net",):
            with self.subTest(folder=folder):
                self.assertEqual(len(self.faults_with_object_in(folder)), 1)

    def test_an_object_of_a_program_that_waits_is_noticed(self):
        self.compile("int poll(); int planted(void) { return poll(); }")
        for folder in ("client", "server"):
            self.assertEqual(len(list(layers.archive_faults(folder, self.object))), 1)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
