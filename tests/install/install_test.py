#!/usr/bin/python3
"""What `cmake --install` leaves behind works from any place, for CMake and pkg-config, shared and static, C and C++.

An optimised build of the breaker is installed, its prefix is moved away, and the consumer is built against that.
"""
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
HERE = os.path.join(ROOT, "tests/install")
CMAKE, WORK, BUILD = (os.environ["INSTALL_" + name] for name in ("CMAKE", "WORK", "BUILD"))
VERSION = os.environ["INSTALL_VERSION"]
CC, CXX = os.environ["INSTALL_CC"], os.environ["INSTALL_CXX"]
RELEASE, INSTALLED, MOVED = (os.path.join(WORK, name) for name in ("release", "prefix", "moved"))
LIMIT_S = 120

LIBRARY_FILES = f"""
include/breakwire/breaker.h
lib/libbreakwire-breaker.a
lib/libbreakwire-breaker.so
lib/libbreakwire-breaker.so.0
lib/libbreakwire-breaker.so.{VERSION}
lib/cmake/breakwire/breakwire-breaker-targets-release.cmake
lib/cmake/breakwire/breakwire-breaker-targets.cmake
lib/cmake/breakwire/breakwire-breaker.cmake
lib/cmake/breakwire/breakwire-config-version.cmake
lib/cmake/breakwire/breakwire-config.cmake
lib/pkgconfig/breakwire-breaker.pc
share/doc/breakwire/LICENSE
share/doc/breakwire/breaker.md
""".split()

SEEN = """open_ms: "wrong" is not allowed, only 1..86400000 ms
admit recorded closed
admit recorded closed
admit recorded open
reject_open 600 open
admit_probe recorded closed
"""


def run(*command, **environment):
    clean = {key: value for key, value in os.environ.items()
             if not key.startswith(("CMAKE_", "PKG_CONFIG", "LD_", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CPATH", "C_INC"))}
    done = subprocess.run(command, env={**clean, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LIMIT_S)
    return done.returncode, done.stdout + done.stderr


def must(*command, **environment):
    code, out = run(*command, **environment)
    if code != 0:
        raise AssertionError(f"{' '.join(command)}: exit {code}\n{out}")
    return out


def files(top):
    found = (os.path.join(place, name) for place, _, names in os.walk(top) for name in names)
    return sorted(os.path.relpath(path, top) for path in found)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pkg_config(*arguments):
    return must("pkg-config", *arguments, "breakwire-breaker",
                PKG_CONFIG_LIBDIR=os.path.join(MOVED, "lib/pkgconfig")).split()


def needed(path):
    """The libraries that the loader gets, by file name."""
    found = re.findall(r"^\s*(\S+)", must("ldd", path), re.M)
    return {os.path.basename(name) for name in found} - {"linux-vdso.so.1", "ld-linux-x86-64.so.2",
                                                         "ld-linux-aarch64.so.1"}


def setUpModule():
    for prefix in (INSTALLED, MOVED):
        shutil.rmtree(prefix, ignore_errors=True)
    must(CMAKE, "-G", "Ninja", "-S", ROOT, "-B", RELEASE, "-DCMAKE_BUILD_TYPE=Release", "-DBREAKWIRE_WERROR=ON",
         "-DCMAKE_INSTALL_LIBDIR=lib", f"-DCMAKE_C_COMPILER={CC}")
    must(CMAKE, "--build", RELEASE, "-j", "2", "--target", "breakwire_breaker", "breakwire_breaker_shared")
    must(CMAKE, "--install", RELEASE, "--prefix", INSTALLED, "--component", "breaker")
    os.rename(INSTALLED, MOVED)


class Files(unittest.TestCase):
    def test_the_component_is_these_files_and_no_others(self):
        self.assertEqual(files(MOVED), sorted(LIBRARY_FILES))

    def test_nothing_names_the_place_it_was_built_or_installed(self):
        for name in LIBRARY_FILES:
            path = os.path.join(MOVED, name)
            if not re.search(r"\.(a|so)\b", name):
                for place in (ROOT, WORK, BUILD):
                    self.assertNotIn(place, read(path), name)
        self.assertNotRegex(must("readelf", "-d", os.path.join(MOVED, "lib/libbreakwire-breaker.so")), "RPATH|RUNPATH")

    def test_the_shared_library_has_its_version_in_its_name_and_the_first_number_in_its_soname(self):
        library = os.path.join(MOVED, "lib/libbreakwire-breaker.so")
        self.assertEqual(os.path.basename(os.path.realpath(library)), f"libbreakwire-breaker.so.{VERSION}")
        self.assertIn("[libbreakwire-breaker.so.0]", must("readelf", "-d", library))

    def test_programs_are_a_component_of_their_own(self):
        prefix = os.path.join(WORK, "programs")
        shutil.rmtree(prefix, ignore_errors=True)
        must(CMAKE, "--install", BUILD, "--prefix", prefix, "--component", "programs")
        found = files(prefix)
        self.assertLessEqual({"bin/service-a", "bin/service-b"}, set(found))
        self.assertEqual([name for name in found if not name.startswith(("bin/", "share/doc/"))], [])
        self.assertIn(f"service-a {VERSION}", must(os.path.join(prefix, "bin/service-a"), "--version"))


class Symbols(unittest.TestCase):
    library = os.path.join(MOVED, "lib/libbreakwire-breaker.so")

    def declared(self):
        text = re.sub(r"/\*.*?\*/", "", read(os.path.join(MOVED, "include/breakwire/breaker.h")), flags=re.S)
        functions = re.findall(r"^(?!static )\w[\w *]*?\b(bw_\w+)\(", text, re.M)
        return set(functions) | set(re.findall(r"^extern \w[\w *]*?\b(bw_\w+)(?:\[\])?;", text, re.M))

    def test_what_the_header_declares_is_exported_and_nothing_else(self):
        lines = must("nm", "-D", "--defined-only", self.library).splitlines()
        exported = {line.split()[-1] for line in lines}
        self.assertGreater(len(exported), 30)
        self.assertEqual(exported, self.declared())

    def test_the_shared_library_needs_libc_only(self):
        self.assertEqual(needed(self.library), {"libc.so.6"})

    def test_a_thread_finds_its_shard_without_a_call(self):
        self.assertNotIn("__tls_get_addr", must("nm", "-D", "--undefined-only", self.library))


class Consumers(unittest.TestCase):
    def runs(self, program, libraries=None):
        self.assertEqual(must(program, LD_LIBRARY_PATH=os.path.join(MOVED, "lib")), SEEN, program)
        if libraries is not None:
            self.assertEqual(needed(program), libraries, program)

    def test_find_package_gives_a_shared_and_a_static_library(self):
        build = os.path.join(WORK, "by-cmake")
        shutil.rmtree(build, ignore_errors=True)
        must(CMAKE, "-G", "Ninja", "-S", os.path.join(HERE, "consumer"), "-B", build, f"-DCMAKE_PREFIX_PATH={MOVED}",
             f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}")
        self.assertIn(f"breakwire_DIR:PATH={MOVED}/lib/cmake/breakwire", read(os.path.join(build, "CMakeCache.txt")))
        must(CMAKE, "--build", build)
        self.runs(os.path.join(build, "c_shared"), {"libbreakwire-breaker.so.0", "libc.so.6"})
        self.runs(os.path.join(build, "c_static"), {"libc.so.6"})
        self.runs(os.path.join(build, "cxx_shared"))
        self.runs(os.path.join(build, "cxx_static"))

    def test_pkg_config_gives_a_shared_and_a_static_library(self):
        build = os.path.join(WORK, "by-pkg-config")
        shutil.rmtree(build, ignore_errors=True)
        os.mkdir(build)
        for compiler, source in ((CC, "consumer.c"), (CXX, "consumer.cc")):
            for name, options in (("shared", ()), ("static", ("--static",))):
                program = os.path.join(build, f"{source}.{name}")
                # Who asks for --static links everything so, libc too.
                must(compiler, os.path.join(HERE, "consumer", source), "-o", program, *(["-static"] if options else []),
                     *pkg_config("--cflags", "--libs", *options))
                self.runs(program)
        self.assertEqual(needed(os.path.join(build, "consumer.c.shared")), {"libbreakwire-breaker.so.0", "libc.so.6"})
        self.assertNotIn("INTERP", must("readelf", "-lW", os.path.join(build, "consumer.c.static")))

    def test_only_the_prefix_and_the_system_are_included(self):
        flags = pkg_config("--cflags")
        out = must(CC, "-M", os.path.join(HERE, "consumer/consumer.c"), *flags).replace("\\\n", " ")
        headers = {os.path.realpath(path) for path in out.split()[1:]}
        self.assertIn(os.path.realpath(os.path.join(MOVED, "include/breakwire/breaker.h")), headers)
        outside = [path for path in headers if not path.startswith(("/usr/", os.path.realpath(MOVED), HERE))]
        self.assertEqual(outside, [])

    def test_pkg_config_knows_the_version(self):
        self.assertEqual(pkg_config("--modversion"), [VERSION])


class Finding(unittest.TestCase):
    def find(self, arguments):
        build = os.path.join(WORK, "finder")
        shutil.rmtree(build, ignore_errors=True)
        code, out = run(CMAKE, "-G", "Ninja", "-S", os.path.join(HERE, "finder"), "-B", build,
                        f"-DCMAKE_PREFIX_PATH={MOVED}", f"-DARGUMENTS={arguments}")
        return code, re.sub(r"\s+", " ", out)

    def test_without_components_everything_installed_is_found(self):
        self.assertEqual(self.find("CONFIG;REQUIRED")[0], 0)

    def test_an_unknown_component_is_refused_by_name(self):
        code, out = self.find("CONFIG;REQUIRED;COMPONENTS;breaker;fuse")
        self.assertNotEqual(code, 0)
        self.assertIn('breakwire has no component "fuse" here; installed: breaker', out)

    def test_an_unknown_component_may_be_optional(self):
        self.assertEqual(self.find("CONFIG;REQUIRED;COMPONENTS;breaker;OPTIONAL_COMPONENTS;fuse")[0], 0)

    def test_another_version_is_refused(self):
        major, minor, _ = (int(part) for part in VERSION.split("."))
        for version, found in ((f"{major}.{minor}", True), (VERSION, True), (f"{major}.{minor + 1}", False),
                               (f"{major + 1}.0", False)):
            self.assertEqual(self.find(f"{version};CONFIG;REQUIRED")[0] == 0, found, version)


if __name__ == "__main__":
    unittest.main()
