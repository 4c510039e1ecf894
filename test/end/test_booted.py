"""The unit under systemd itself: the machine's, as the first process of a system of its own in namespaces (boot.sh), with the
unit file of the package. What systemd says and what a client sees, when the service starts, reloads, is upgraded, hangs, ends."""
import os
import pathlib
import shutil
import subprocess
import threading
import unittest

from harness import PROGRAM, ROOT, Case, die_with_parent, needs_mounts, wait_for

RELEASE_ONLY = True  # sanitizers want memory and calls that the unit does not allow
HERE = pathlib.Path(__file__).resolve().parent
UNITS = ROOT / "packaging" / "systemd"
SYSTEMD = "/usr/lib/systemd/systemd"
NAMESPACES = ["--pid", "--mount", "--net", "--uts", "--ipc"]
OWN_PROGRAM = "/opt/tercet/tercet"
CAP_NET_BIND_SERVICE = 1 << 10
REFUSED = 7  # exit status of a client
CONFIG = '''root = "/srv"
listen = {"http://*:80"}
access-log = "/var/log/tercet/access.log"
'''


@needs_mounts
@unittest.skipUnless(os.path.exists(SYSTEMD), "there is no systemd here")
class Booted(Case):
    SECONDS = 400

    def setUp(self):
        super().setUp()
        self.furnish()
        name = self.dir.name.replace(".", "-")
        self.words = open(self.dir / "said", "wb")
        self.system = subprocess.Popen(["unshare", *NAMESPACES, "--propagation", "private", "--fork", "--kill-child",
                                        HERE / "boot.sh", self.dir, name], stdin=subprocess.DEVNULL, stdout=self.words,
                                       stderr=subprocess.STDOUT, preexec_fn=die_with_parent())
        self.addCleanup(self.end, name)
        if not wait_for(lambda: self.system.poll() is not None or self.is_up(), 120, 0.1) or self.system.poll() is not None:
            said = (self.dir / "said").read_text(errors="replace").strip().splitlines()
            self.skipTest(f"systemd does not begin in namespaces here: {said[-1] if said else 'no word'}")
        self.write("/etc/tercet/tercet.conf", CONFIG)
        self.drop_in()

    def end(self, name):
        self.system.kill()
        self.system.wait()
        self.words.close()
        # Its control groups outlive it for a moment, and do not go by themselves.
        away = 'mount -t cgroup2 cgroup2 "$1" && { [ ! -e "$1/$2" ] || find "$1/$2" -depth -type d -exec rmdir {} +; }'
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", away, "sh", self.dir / "root", name]
        wait_for(lambda: not subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode, 20, 0.1)

    def furnish(self):
        """What is in /etc, /opt and /srv there."""
        for folder in ("root", "etc/systemd/system/tercet.service.d", "etc/tercet", "opt/tercet", "srv"):
            (self.dir / folder).mkdir(parents=True)
        etc = self.dir / "etc"
        (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\ntercet:x:901:901::/var/lib/tercet:/usr/sbin/nologin\n")
        (etc / "group").write_text("root:x:0:\ntercet:x:901:\n")
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (etc / "machine-id").write_text(os.urandom(16).hex() + "\n")
        unit = (UNITS / "tercet.service").read_text().replace("/usr/bin/tercet", OWN_PROGRAM)
        (etc / "systemd/system/tercet.service").write_text(unit)
        shutil.copy(UNITS / "tercet.socket", etc / "systemd/system")
        shutil.copy(PROGRAM, self.dir / OWN_PROGRAM[1:])
        (self.dir / "srv/index.html").write_text("home")

    def inside(self, *argv):
        """A command there: its status, and what it said."""
        first = pathlib.Path(f"/proc/{self.system.pid}/task/{self.system.pid}/children").read_text().split()[0]
        argv = ["nsenter", "-t", first, *NAMESPACES, "--cgroup", "--root", "--wd", "--", "env", "-i", "LC_ALL=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *map(str, argv)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150)
        return done.returncode, done.stdout.decode(errors="replace")

    def is_up(self):
        return b"boots\n" in (self.dir / "said").read_bytes() and self.inside("systemctl", "is-active", "basic.target")[0] == 0

    def write(self, path, text):
        self.assertEqual(self.inside("sh", "-c", f"cat >{path} <<'END'\n{text}\nEND"), (0, ""))

    def drop_in(self, text=""):
        """Its words go into a file, since there is no journal."""
        self.write("/etc/systemd/system/tercet.service.d/test.conf",
                   "[Service]\nStandardOutput=append:/var/log/said\nStandardError=append:/var/log/said\n" + text)
        self.inside("rm", "-f", "/var/log/said")
        self.systemctl("daemon-reload")

    def said(self):
        return self.inside("cat", "/var/log/said")[1]

    def systemctl(self, *words, status=0):
        got, text = self.inside("systemctl", *words)
        self.assertEqual(got != 0, status != 0, (words, text, self.said()))
        return text

    def show(self, name):
        return self.systemctl("show", "--property", name, "--value", "tercet").strip()

    def says(self, status):
        self.assertTrue(wait_for(lambda: self.show("StatusText") == status), (self.show("StatusText"), self.said()))

    def get(self):
        return self.inside(OWN_PROGRAM, "get", "-q", "http://localhost/")[1]

    def generations(self):
        pid = self.show("MainPID")
        return self.inside("cat", f"/proc/{pid}/task/{pid}/children")[1].split()

    def test_start_and_stop(self):
        self.systemctl("start", "tercet")
        self.assertEqual(self.get(), "home")
        self.says("generation 1 serves")
        for pid in (self.show("MainPID"), *self.generations()):
            status = dict(line.split(":\t", 1) for line in self.inside("cat", f"/proc/{pid}/status")[1].splitlines() if ":\t" in line)
            self.assertEqual(set(status["Uid"].split()), {"901"})
            self.assertEqual(int(status["CapEff"], 16) & ~CAP_NET_BIND_SERVICE, 0)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.systemctl("stop", "tercet")
        self.assertEqual((self.show("ActiveState"), self.show("Result")), ("inactive", "success"), self.said())
        self.assertEqual(self.inside(OWN_PROGRAM, "get", "http://localhost/")[0], REFUSED)

    def test_reload(self):
        self.systemctl("start", "tercet")
        main = self.show("MainPID")
        self.systemctl("reload", "tercet")
        self.says("generation 2 serves")
        self.write("/etc/tercet/tercet.conf", CONFIG + "wrokers = 2\n")
        self.systemctl("reload", "tercet", status=1)
        self.says("not reloaded: generation 2 serves")
        self.assertEqual(self.said().count("unknown setting wrokers"), 1, self.said())
        self.assertEqual((self.show("ActiveState"), self.show("MainPID"), self.get()), ("active", main, "home"))
        self.write("/etc/tercet/tercet.conf", CONFIG)
        self.systemctl("reload", "tercet")
        self.says("generation 4 serves")

    def test_upgrade(self):
        self.systemctl("start", "tercet")
        main = self.show("MainPID")
        before = self.inside("stat", "-L", "-c", "%i", f"/proc/{main}/exe")[1]
        self.inside("cp", OWN_PROGRAM, OWN_PROGRAM + ".new")
        self.inside("mv", OWN_PROGRAM + ".new", OWN_PROGRAM)
        self.systemctl("reload", "tercet")
        self.assertTrue(wait_for(lambda: self.inside("stat", "-L", "-c", "%i", f"/proc/{main}/exe")[1] != before), self.said())
        self.assertEqual((self.show("MainPID"), self.get(), self.show("NRestarts")), (main, "home", "0"))
        self.systemctl("reload", "tercet")
        self.says("generation 3 serves")

    def test_who_hangs_is_begun_anew(self):
        self.drop_in("WatchdogSec=5\n")
        for whom in ("a generation", "the master"):
            with self.subTest(whom):
                self.systemctl("restart", "tercet")
                main = self.show("MainPID")
                self.inside("kill", "-STOP", main if whom == "the master" else self.generations()[0])
                self.assertTrue(wait_for(lambda: self.show("MainPID") not in ("0", main), 120, 0.2), self.said())
                self.assertTrue(wait_for(lambda: self.get() == "home", 60, 0.2), self.said())
                self.assertGreaterEqual(int(self.show("NRestarts")), 1)

    def test_a_faulty_configuration_is_not_tried_again(self):
        self.write("/etc/tercet/tercet.conf", "wrokers = 2\n")
        self.systemctl("start", "tercet", status=1)
        self.assertEqual((self.show("ActiveState"), self.show("ExecMainStatus"), self.show("NRestarts")), ("failed", "2", "0"))
        self.assertEqual(self.said().count("unknown setting wrokers"), 1)

    def test_sockets(self):
        """Whoever comes first begins the service, which needs no capability; a restart refuses nobody."""
        self.drop_in("AmbientCapabilities=\nCapabilityBoundingSet=\n")
        self.write("/etc/tercet/tercet.conf", CONFIG.replace('"http://*:80"', '"http://*:80", "https://*:443"'))
        self.systemctl("start", "tercet.socket")
        self.assertEqual(self.show("ActiveState"), "inactive")
        self.assertEqual(self.get(), "home", self.said())
        self.says("generation 1 serves")
        self.assertNotIn("handed in", self.said())
        self.assertIn("https://*:443/", self.said())
        self.systemctl("reload", "tercet")
        self.assertEqual(self.get(), "home")
        done = pathlib.Path("/tmp/done")
        self.inside("rm", "-f", done)
        asks = f"while [ ! -e {done} ]; do {OWN_PROGRAM} get -q http://localhost/ -o /dev/null || [ $? != {REFUSED} ] || exit; done"
        asked = []
        asker = threading.Thread(target=lambda: asked.append(self.inside("sh", "-c", asks)))
        asker.start()
        self.systemctl("restart", "tercet")
        self.assertEqual(self.get(), "home")
        self.inside("touch", done)
        asker.join()
        self.assertEqual([status for status, _ in asked], [0], asked)
