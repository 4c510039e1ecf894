"""bench/hol: the page arrives through the relay that loses packets, its numbers add up, nothing stays behind."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from harness import PROGRAM, Case, needs_quic, wait_for

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "hol"


@unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/net/tun"), "network namespaces need root and /dev/net/tun")
class Hol(Case):
    def begin(self, *options):
        """All that it starts has this test's folder in its arguments."""
        return subprocess.Popen([sys.executable, "-B", BENCH, "--build", pathlib.Path(PROGRAM).parent, "--resources", "8",
                                 "--delay", "2", *map(str, options)], env=dict(os.environ, TMPDIR=str(self.dir)),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def started(self):
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes()
            except OSError:
                continue
            if str(self.dir).encode() + b"/hol." in words:
                found.append(words.split(b"\0")[0])
        return found

    def assertNothingLeft(self):
        wait_for(lambda: not self.started())
        self.assertNotIn("hol", os.listdir("/sys/class/net"))

    @needs_quic
    def test_numbers_and_picture(self):
        file, picture = self.dir / "json", self.dir / "svg"
        proc = self.begin("--loss", "10", "--repeats", 1, "--json", file, "--svg", picture)
        out, err = proc.communicate(timeout=300)
        self.assertEqual(proc.returncode, 0, err)
        self.assertIn(b"HTTP/1.1, six connections", out)
        got = json.loads(file.read_text())
        self.assertEqual([(c["http"], c["loss"], c["connections"]) for c in got["cells"]],
                         [("1.1", 10, [6]), ("2", 10, [1]), ("3", 10, [1])])
        for cell in got["loads"]:
            load = cell["loads"][0]
            with self.subTest(cell["http"]):
                for counts in load["counts"].values():
                    self.assertEqual(counts["came"], sum(counts[fate] for fate in ("passed", "lost", "queue_full", "under_way")))
                both = {name: load["counts"]["down"][name] + load["counts"]["up"][name] for name in ("came", "lost")}
                self.assertGreater(both["lost"], 0)
                self.assertLess(both["lost"], both["came"] / 2)
                self.assertEqual(len(load["resources"]), 9)
                for r in load["resources"]:
                    self.assertLessEqual(r["wanted"], r["head"])
                    self.assertLessEqual(r["head"], r["end"])
                    self.assertGreaterEqual(sum(size for _, size in r["data"]), 2048)
                self.assertGreater(load["resources"][1]["head"], 4 * 2)  # two round trips at least: the document was before
        self.assertEqual(xml.etree.ElementTree.fromstring(picture.read_text()).tag, "{http://www.w3.org/2000/svg}svg")
        self.assertEqual([name for name in os.listdir(self.dir) if name.startswith("hol.")], [])
        self.assertNothingLeft()

    def test_interrupted(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(number.name):
                proc = self.begin("--repeats", 1000)
                wait_for(lambda: self.started(), 120)
                proc.send_signal(number)
                proc.communicate(timeout=300)
                self.assertEqual(proc.returncode, status)
                self.assertNothingLeft()
                if number != signal.SIGKILL:  # which leaves a folder, as it must
                    self.assertEqual([name for name in os.listdir(self.dir) if name.startswith("hol.")], [])
