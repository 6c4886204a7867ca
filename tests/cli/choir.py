"""Running the binary under test, for the tests beside this file."""
import os
import pathlib
import subprocess
import tempfile
import unittest

CHOIR = os.environ["CHOIR"]
SOURCE = pathlib.Path(os.environ["CHOIR_SOURCE_DIR"])


class Ran:
    def __init__(self, done):
        self.code, self.out, self.log = done.returncode, done.stdout, done.stderr


def choir(*words, cwd=None, timeout=60, env=None):
    """Runs choir with these words; code, out and log of what came of it."""
    return Ran(subprocess.run([CHOIR, *map(str, words)], cwd=cwd, timeout=timeout, text=True, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True))


class Case(unittest.TestCase):
    """A test with a folder of its own, gone afterwards."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="choir-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def run_in(self, *words, **more):
        return choir(*words, cwd=self.folder, **more)

    def assert_says(self, ran, code, log):
        """It ended with this code, printed nothing, and said exactly this."""
        self.assertEqual((ran.code, ran.out, ran.log), (code, "", log))
