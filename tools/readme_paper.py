#!/usr/bin/env python3
"""Writes the tables of what is measured of the paper into README.md, from experiments/paper/results.

    make release && tools/readme_paper.py
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- choir paper report --markdown -->\n", "<!-- end of what it printed -->\n"


def main():
    choir = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release" / "choir"
    ran = subprocess.run([choir, "paper", "report", "--markdown"], cwd=ROOT, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"readme_paper: {ran.stderr}")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        sys.exit(f"readme_paper: README.md: needs the lines {BEGIN.strip()} and {END.strip()}")
    readme.write_text(before + BEGIN + "\n" + ran.stdout + END + after)


if __name__ == "__main__":
    main()
