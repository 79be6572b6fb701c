#!/usr/bin/python3
"""Who may include whom, and what each archive may ask of the system: the walls of ARCHITECTURE.md, checked.

    tests/layers/layers.py ROOT BUILD

Reads the #include lines below ROOT and the symbols of the archives and objects in BUILD. Prints one line per
fault; exit 1 when there is one.
"""
import glob
import os
import re
import subprocess
import sys

# Our own libraries: what each may include of the others. Programs are looked at file by file, below.
MAY_INCLUDE = {
    "lib/base": set(),
    "lib/breaker": set(),
    "lib/h2": {"lib/base"},
    "lib/rpc": {"lib/base", "lib/h2"},
    "lib/http": {"lib/base"},
    "lib/config": {"lib/base"},
    "lib/net": {"lib/base"},
    "lib/net/tls": {"lib/base"},
    "lib/program": {"lib/base", "lib/config", "lib/h2", "lib/net", "lib/net/tls", "lib/rpc"},
    "server": {"lib/base", "lib/rpc"},
    "client": {"lib/base", "lib/rpc", "lib/http", "lib/breaker"},
}
# These two files wire a program together and see the loop; the settings belong to config.c.
MAIN_SEES = {"lib/net", "lib/net/tls", "lib/program", "lib/config"}
CONFIG_SEES = {"lib/program", "lib/config"}
# Libraries that no file of client/ sees together, except the one named.
MEET_ONLY_IN = [("lib/breaker", "lib/rpc", "client/guard.c"), ("lib/http", "lib/rpc", "client/main.c")]

CORES = ("lib/base", "lib/breaker", "lib/h2", "lib/rpc", "lib/http", "lib/config")
PURE_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
    "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h",
}
# Headers of other people's libraries: the folders that may include them. First match wins.
OUTSIDE_HEADERS = [
    (r"nghttp2/.*", {"lib/h2"}),
    (r"uv\.h|uv/.*", {"lib/net"}),
    (r"openssl/.*", {"lib/net/tls"}),
    (r"jansson\.h", {"lib/config", "client/page.c", "tools"}),  # the page's strings; traces
    (r"zlib\.h", {"lib/rpc"}),
    (r"pb(_\w+)?\.h|.*\.pb\.h", {"client"}),
    (r"protobuf-c/.*|.*\.pb-c\.h", {"server", "interop"}),
    (r"service_a_descriptors\.h", {"client"}),
    (r"service_b_descriptors\.h", {"server"}),
]
# What only lib/net (and lib/program, which starts and ends a process) may include of the system.
SYSTEM_SEES = {"lib/net", "lib/net/tls", "lib/program"}

# What a core may ask of libc: memory and text, nothing that waits, reads a clock or leaves the process.
PURE_SYMBOLS = re.compile(r"""
    mem(chr|cmp|cpy|move|set|mem)
    | str(c?chr|rchr|cpy|cmp|ncmp|len|nlen|spn|cspn|str|casecmp|ncasecmp|pbrk|tod|dup|ndup)
    | stpcpy | strto(l|ul|ll|ull|imax|umax) | malloc | calloc | realloc | free | abort | qsort | bsearch
    | v?snprintf | is(alnum|alpha|digit|print|space|upper|xdigit) | to(lower|upper)
    | assert_fail | assert_rtn | errno_location | ctype_(b|tolower|toupper)_loc | isoc99_v?sscanf
    | stack_chk_fail | (l?l?round|floor|ceil|trunc|pow|exp2?|log2?|log10|ldexp|frexp|fmod|isnan|isinf)[fl]?
    | aarch64_\w+ | atomic_\w+
    """, re.VERBOSE)
# lib/config reads one file.
FILE_SYMBOLS = re.compile(r"fopen(64)?|fclose|fread|ferror|feof|fgets|(xpg_)?strerror(_r)?")
NOT_CODE = re.compile(r"(__)?(asan|ubsan|tsan|sanitizer|gcov|llvm|odr_asan)[_.].*"
                      r"|_GLOBAL_OFFSET_TABLE_|__dso_handle|__tls_get_addr")

OUTSIDE_SYMBOLS = [
    (r"nghttp2_\w+", {"lib/h2"}),
    (r"uv_\w+", {"lib/net"}),
    (r"(SSL|BIO|OPENSSL|ERR|EVP|X509|TLS)_\w+", {"lib/net/tls"}),
    (r"(json|jansson)_\w+", {"lib/config", "client"}),
    (r"(in|de)flate\w*|zlib\w+|crc32\w*", {"lib/rpc"}),
    (r"pb_\w+", {"client"}),
    (r"protobuf_c_\w+", {"server"}),
]
# What no program module does itself; lib/net and lib/program do it for them.
WAITING_SYMBOLS = re.compile(r"""
    clock_gettime | time | gettimeofday | clock | poll | ppoll | select | epoll_\w+ | read | write | recv | send
    | recv(from|msg) | send(to|msg|file) | readv | writev | socket | accept4? | connect | bind | listen | sleep
    | usleep | nanosleep | clock_nanosleep | s?rand(om)?(_r)? | getrandom | getentropy | pthread_\w+ | thrd_\w+
    | fork | system | popen
    """, re.VERBOSE)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(root, folder):
    deep = "**/*.[ch]" if folder in ("lib/net/tls",) else "*.[ch]"
    found = glob.glob(os.path.join(root, folder, deep), recursive=True)
    found += glob.glob(os.path.join(root, folder, "include/breakwire/**/*.h"), recursive=True)
    return sorted({os.path.relpath(path, root) for path in found})


def includes(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return [(kind == '"', name) for kind, name in INCLUDE.findall(file.read())]


def public_headers(root):
    """<breakwire/x.h> -> (the folder it belongs to, its path)."""
    owner = {}
    for folder in MAY_INCLUDE:
        for path in sources(root, folder):
            if "/include/" in path:
                owner[path.split("/include/")[1]] = (folder, path)
    return owner


def may_see(folder, path):
    allowed = MAY_INCLUDE[folder] | {folder}
    if path in ("client/main.c", "server/main.c"):
        allowed |= MAIN_SEES
    if os.path.basename(path) in ("config.c", "config.h", "params.c", "params.h") and folder in ("client", "server"):
        allowed |= CONFIG_SEES
    return allowed


def outside_fault(folder, path, name):
    for pattern, places in OUTSIDE_HEADERS:
        if re.fullmatch(pattern, name):
            return None if {folder, path} & places else f"{path}: <{name}> belongs to {' and '.join(sorted(places))}"
    if name in PURE_HEADERS or folder in SYSTEM_SEES:
        return None
    return f"{path}: <{name}> is of the system, which only lib/net sees"


def include_fault(root, folder, path, quoted, name, owners):
    if quoted:
        near = os.path.join(root, os.path.dirname(path), name)
        return None if "/" not in name and os.path.exists(near) else f'{path}: "{name}" does not lie beside it'
    if name in owners:
        owner = owners[name][0]
        allowed = owner in may_see(folder, path)
        return None if allowed else f"{path}: <{name}> is of {owner}, which {folder} does not see"
    return outside_fault(folder, path, name)


def closure(root, path, owners, seen):
    """All our headers that a file sees, directly or not."""
    for quoted, name in includes(root, path):
        next_path = os.path.join(os.path.dirname(path), name) if quoted else owners.get(name, (None, None))[1]
        if next_path and next_path not in seen and os.path.exists(os.path.join(root, next_path)):
            seen.add(next_path)
            closure(root, next_path, owners, seen)
    return seen


def meeting_faults(root, owners):
    for path in sources(root, "client"):
        seen = {os.path.dirname(header).replace("/include/breakwire", "") for header in
                closure(root, path, owners, set())}
        for one, other, allowed in MEET_ONLY_IN:
            if {one, other} <= seen and path != allowed:
                yield f"{path}: sees both {one} and {other}, which meet in {allowed} only"


def include_faults(root):
    owners = public_headers(root)
    for folder in MAY_INCLUDE:
        for path in sources(root, folder):
            for quoted, name in includes(root, path):
                fault = include_fault(root, folder, path, quoted, name, owners)
                if fault:
                    yield fault
    yield from meeting_faults(root, owners)


def nm(path, *flags):
    out = subprocess.run(["nm", *flags, path], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in out.splitlines() if line and not line.endswith(":")]


def plain(symbol):
    """__memcpy_chk and __interceptor_x are memcpy and x."""
    symbol = re.sub(r"@.*$", "", symbol)
    symbol = re.sub(r"^_+", "", symbol)
    return re.sub(r"_chk$", "", symbol)


def core_takes(folder, symbol):
    return symbol.startswith("bw_") or PURE_SYMBOLS.fullmatch(symbol) or (
        folder == "lib/config" and FILE_SYMBOLS.fullmatch(symbol))


def symbol_fault(folder, path, raw):
    if NOT_CODE.fullmatch(raw):
        return None
    symbol = plain(raw)
    for pattern, folders in OUTSIDE_SYMBOLS:
        if re.fullmatch(pattern, symbol):
            allowed = folder in folders
            return None if allowed else f"{path}: uses {symbol}, which belongs to {' and '.join(sorted(folders))}"
    if folder in CORES:
        return None if core_takes(folder, symbol) else f"{path}: uses {symbol}; a core is pure"
    if folder in ("client", "server") and WAITING_SYMBOLS.fullmatch(symbol):
        return f"{path}: uses {symbol}, which is lib/net's work"
    return None


def archive_faults(folder, path):
    # What one object of an archive defines, the others may use: private functions have no prefix to check.
    defined = {fields[-1] for fields in nm(path, "-g", "--defined-only")}
    for fields in nm(path, "-u"):
        if fields[-1] not in defined:
            fault = symbol_fault(folder, path, fields[-1])
            if fault:
                yield fault
    if folder.startswith("lib/"):
        for symbol in sorted(defined):
            if not symbol.startswith("bw_") and not NOT_CODE.fullmatch(symbol):
                yield f"{path}: exports {symbol}, which does not begin with bw_"


def archives(build):
    """(folder, file) of every library and every module of the programs."""
    found = []
    for path in glob.glob(os.path.join(build, "lib/**/*.a"), recursive=True):
        found.append((os.path.relpath(os.path.dirname(path), build), path))
    for folder in ("client", "server"):
        for path in glob.glob(os.path.join(build, folder, "CMakeFiles/*.dir/*.o")):
            found.append((folder, path))
    return sorted(found)


def symbol_faults(build):
    seen = set()
    for folder, path in archives(build):
        seen.add(folder)
        yield from archive_faults(folder, path)
    for folder in CORES:
        if folder not in seen:
            yield f"{build}: no archive of {folder}"


def main():
    root, build = sys.argv[1:3]
    faults = sorted(set(include_faults(root)) | set(symbol_faults(build)))
    print("\n".join(faults) if faults else "every include and every symbol stays in its layer")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
