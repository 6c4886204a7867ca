#!/usr/bin/env python3
"""Photographs the demo's report, and prints the figures that README.md quotes.

    make release && tools/report_picture.py        runs the demo with its baselines, writes docs/report.png
    tools/report_picture.py RUN                    the same of a run that is there, its report made anew

Needs chromium. The picture and README's figures are of one run: change both together.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1180, 1015  # CSS pixels: the headline figures and the first two charts
BASELINES = ("central", "local")


def demo(choir, folder):
    """Runs it, with a line a round; returns what it printed."""
    words = [choir, "sim", ROOT / "experiments" / "demo.yaml", "--run-dir", folder,
             "--baseline", ",".join(BASELINES)]
    ran = subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"report_picture: the demo ended with {ran.returncode}:\n{ran.stdout}")
    return ran.stdout


def last_row(folder):
    return json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])


def figures(folder):
    rows = [("federated", last_row(folder))]
    rows += [(name, last_row(folder / f"baseline-{name}")) for name in BASELINES]
    return "".join(f"{name:10}{100 * row['accuracy']:.2f} %  loss {row['loss']:.4f}\n" for name, row in rows)


def photograph(page, picture):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("report_picture: there is no chromium; install the package chromium")
    with tempfile.TemporaryDirectory(prefix="choir-browser-") as profile:
        subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                        "--force-device-scale-factor=1", f"--user-data-dir={profile}",
                        f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}",
                        page.resolve().as_uri()],
                       check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=pathlib.Path, help="a run of the demo; else one is made")
    parser.add_argument("--choir", default=ROOT / "build" / "release" / "choir", type=pathlib.Path)
    parser.add_argument("--picture", default=ROOT / "docs" / "report.png", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="choir-demo-") as temporary:
        folder = options.run or pathlib.Path(temporary) / "demo-1"
        if options.run is None:
            print(demo(options.choir, folder))
        page = pathlib.Path(temporary) / "report.html"
        ran = subprocess.run([options.choir, "report", folder, "--out", page], check=False,
                             stdout=subprocess.DEVNULL)
        if ran.returncode != 0:
            sys.exit(1)  # choir has said why
        photograph(page, options.picture)
        print(figures(folder), end="")


main()
