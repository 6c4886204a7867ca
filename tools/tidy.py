#!/usr/bin/env python3
"""House rules a compiler cannot check. Fails with file:line: reason.

  layers     a file includes only from its own layer and the layers below it
  length     functions <= 70 lines, files <= 600, lines <= 100 columns
  heads      every file opens with a comment that says what it is
  bans       functions that are easy to misuse
  orphans    every source is in its folder's CMakeLists.txt
  documents  files that a document names, as a link or in code quotes, are there
"""
import pathlib
import re
import sys

# Layer -> layers it may include. "choir" is include/choir: the public API.
CORE = {"choir", "base"}
BELOW = {
    "base": {"choir"},
    "math": CORE,
    "crypto": CORE,
    "nn": CORE | {"math"},
    "fl": CORE | {"math"},
    "wire": CORE,
    "onnx": CORE,
    "data": CORE | {"math"},
    "proto": CORE | {"math", "fl", "wire"},
    "store": CORE | {"onnx"},
    "train": CORE | {"math", "nn", "fl", "data", "onnx"},
    "sim": CORE,  # a driver: sees the public API, as a server does
    "job": CORE | {"fl", "data"},
    "report": CORE | {"store", "job"},
    "net": CORE | {"crypto", "onnx", "store", "job"},  # drivers: see the core's public API
    "client": CORE | {"crypto", "net"},
    "swarm": CORE | {"crypto", "net", "client"},
    "run": CORE | {"math", "nn", "onnx", "data", "store", "train", "job", "report"},
    "paper": CORE | {"data", "store", "job", "report", "run"},
}
BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(": "use a bounded call",
    r"\b(rand|srand|random|drand48)\s*\(": "use base/rng.h",
    r"\b(atoi|atof|sscanf)\s*\(": "use strtol or strtod and check the end",
    r"\b(setjmp|longjmp|alloca)\s*\(": "no",
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b": "remove before merge",
}
LINE_MAX, FUNCTION_MAX, FILE_MAX = 100, 70, 600


def check_includes(path, root, lines):
    relative = path.relative_to(root)
    if relative.parts[0] != "src":
        return
    layer = relative.parts[1]
    for number, line in enumerate(lines, 1):
        found = re.match(r'#include "([a-z_]+)/', line)
        if found and found[1] != layer and found[1] not in BELOW[layer]:
            yield number, f"layer '{layer}' may not include '{found[1]}'"


def check_functions(lines):
    start = 0
    for number, line in enumerate(lines, 1):
        opens = re.match(r"[a-zA-Z_].*\) \{$", line) or re.match(r"\s{4,}.*\) \{$", line)
        if opens and start == 0:
            start = number
        elif line == "}" and start:
            if number - start + 1 > FUNCTION_MAX:
                yield start, f"function of {number - start + 1} lines, limit {FUNCTION_MAX}"
            start = 0


def check_lines(lines):
    if len(lines) > FILE_MAX:
        yield FILE_MAX, f"{len(lines)} lines, limit {FILE_MAX}"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            yield number, f"{len(line)} columns, limit {LINE_MAX}"
        if "\t" in line or line != line.rstrip():
            yield number, "tab or trailing space"
        for pattern, advice in BANNED.items():
            if re.search(pattern, line):
                yield number, f"'{re.search(pattern, line)[0]}' is banned: {advice}"


def check_listed(path):
    """A source is built by the CMakeLists.txt beside it, or by one further up that names it."""
    stem = path.stem.removesuffix("_fuzz")  # choir_fuzz(noun) builds noun_fuzz.c
    for folder in path.parents:
        lists = [*folder.glob("CMakeLists.txt"), *folder.glob("*.cmake")]
        if any(re.search(rf"\b{stem}\b", cmake.read_text()) for cmake in lists):
            return
        if folder.name in ("src", "apps", "tests", "bench"):
            break
    yield 1, "not in CMakeLists.txt"


def names(line):
    """What a line of a document says are files: [(text, it is a link)]."""
    for link in re.findall(r"\]\(([^)#\s]+)", line):
        if "://" not in link:
            yield link, True
    for quoted in re.findall(r"`([^`\s]+)`", line):
        if re.fullmatch(r"[\w./<>-]+", quoted):
            yield quoted, False


def check_document(path, root, lines):
    places = [root, root / "src", root / "include"]
    tops = {p.name for p in root.iterdir() if p.is_dir() and p.name not in ("build", "runs")}
    tops |= {p.name for p in (root / "src").iterdir()} | {"choir"}
    for number, line in enumerate(lines, 1):
        row = re.match(r"\| `([\w./-]+)` \|", line)  # a table's row about a folder
        for name, is_link in names(line):
            pattern = re.sub(r"<\w+>|NAME", "*", name)
            if is_link:
                found = (path.parent / name).exists()
            elif "/" in name and name.split("/")[0] in tops:
                found = any(any(p.glob(pattern + end)) for p in places for end in ("", ".c"))
            elif "/" not in name and re.search(r"\.(c|h|py|sh)$", name):
                near = root / row[1] if row and (root / row[1]).is_dir() else root
                found = any(p for p in near.rglob(pattern) if "build" not in p.parts)
            else:
                continue
            if not found:
                yield number, f"names {name}, and there is no such file"


def documents(root):
    for path in [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *root.glob("*/README.md"),
                 root / "bench" / "RESULTS.md"]:
        if path.exists():
            yield path


def main():
    root = pathlib.Path(sys.argv[1])
    faults = []
    folders = ("include", "src", "apps", "tests", "bench")
    paths = [p for d in folders for p in (root / d).rglob("*.[ch]")]
    for path in sorted(paths):
        lines = path.read_text().splitlines()
        found = list(check_lines(lines)) + list(check_functions(lines))
        found += check_includes(path, root, lines)
        if not lines or not lines[0].startswith("/*"):
            found.append((1, "no head comment"))
        if path.suffix == ".c":
            found += check_listed(path)
        faults += [f"{path.relative_to(root)}:{n}: {why}" for n, why in found]
    for path in sorted(documents(root)):
        found = check_document(path, root, path.read_text().splitlines())
        faults += [f"{path.relative_to(root)}:{n}: {why}" for n, why in found]
    print("\n".join(faults) if faults else f"{len(paths)} files tidy")
    return 1 if faults else 0


sys.exit(main())
