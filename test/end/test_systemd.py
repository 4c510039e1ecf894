"""The protocols of systemd, which this test plays: readiness, reloads, the watchdog, sockets that are handed in; and the
unit file, by systemd's own judgement where that is installed."""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from harness import PROGRAM, ROOT, Case, Wire, die_with_parent, environment, wait_for

UNIT = ROOT / "packaging" / "systemd" / "tercet.service"


class Systemd(Case):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.bind(str(self.dir / "notify"))
        self.addCleanup(self.heard.close)
        self.listeners = []

    def socket(self, kind=socket.SOCK_STREAM, port=0):
        """One that systemd opened. It stays open here, so that nobody else can have its port."""
        made = socket.socket(socket.AF_INET, kind)
        made.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        self.addCleanup(made.close)
        self.listeners.append(made)
        return made.getsockname()[1]

    def begin(self, *urls, watchdog_us=None, more=""):
        """Starts the service; the listeners of this test are its descriptors from 3 on."""
        self.config = self.dir / "tercet.conf"
        self.site({"index.html": "home"})
        self.settings = f'root = "{self.dir}/site"\naccess-log = "off"\ncontrol = "off"\nworkers = 2\n{more}\n'
        self.listen = "listen = {" + ", ".join(f'"{url}"' for url in urls) + "}\n"
        self.config.write_text(self.settings + self.listen)
        self.errors = self.dir / "errors"
        env = environment(NOTIFY_SOCKET=str(self.dir / "notify"), XDG_STATE_HOME=str(self.dir / "state"))
        if watchdog_us:
            env["WATCHDOG_USEC"] = str(watchdog_us)
        script = f'exec "{PROGRAM}" serve --config "{self.config}"'
        fds = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in self.listeners]
        if fds:
            env.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join("web" for _ in fds))
            moves = "".join(f"{n}<&{fd} " for n, fd in enumerate(fds, 3))
            script = f"export LISTEN_PID=$$; exec {moves}; {script}"
        with self.errors.open("wb") as errors:
            self.proc = subprocess.Popen(["bash", "-c", script], env=env, stdin=subprocess.DEVNULL, stderr=errors, pass_fds=fds,
                                         stdout=subprocess.DEVNULL, preexec_fn=die_with_parent())
        self.addCleanup(self.end)
        for fd in fds:
            os.close(fd)

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            self.assertEqual(self.proc.wait(120), 0, self.said())

    def said(self):
        return self.errors.read_text()

    def word(self, wanted, seconds=120):
        """The next message that has this line; what else comes before is passed over, if it is the watchdog's."""
        end = time.monotonic() + seconds
        while True:
            self.heard.settimeout(max(0.01, end - time.monotonic()))
            lines = self.heard.recv(4096).decode().split("\n")
            if wanted in lines:
                return lines
            self.assertEqual(lines, ["WATCHDOG=1"], f"instead of {wanted}; {self.said()}")

    def get(self, port):
        with Wire(port, seconds=60) as wire:
            return wire.ask("/", fields=["Connection: close"])

    def generation(self):
        children = open(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children").read().split()
        self.assertEqual(len(children), 1, children)
        return int(children[0])

    def test_ready_reloading_stopping(self):
        port = self.socket()
        self.listeners[0].close()
        self.listeners.clear()
        self.begin(f"http://127.0.0.1:{port}")
        self.word("READY=1")
        self.assertEqual(self.get(port).status, 200)
        before = time.monotonic_ns() // 1000
        self.proc.send_signal(signal.SIGHUP)
        lines = self.word("RELOADING=1")
        when = int(re.fullmatch(r"MONOTONIC_USEC=(\d+)", lines[1])[1])
        self.assertTrue(before <= when <= time.monotonic_ns() // 1000, (before, when))
        self.assertIn("STATUS=generation 2 serves", self.word("READY=1"))
        self.config.write_text("rubbish\n")
        self.proc.send_signal(signal.SIGHUP)
        self.word("RELOADING=1")
        self.assertIn("STATUS=not reloaded: generation 2 serves", self.word("READY=1"))
        self.assertEqual(self.get(port).status, 200)
        self.proc.send_signal(signal.SIGTERM)
        self.word("STOPPING=1")
        self.assertEqual(self.proc.wait(120), 0, self.said())

    def test_watchdog_while_workers_take_turns(self):
        port = self.socket()
        self.begin(f"http://127.0.0.1:{port}", watchdog_us=400_000)
        self.word("READY=1")
        for _ in range(5):
            self.word("WATCHDOG=1")
        stopped = self.generation()
        os.kill(stopped, signal.SIGSTOP)
        self.addCleanup(os.kill, stopped, signal.SIGCONT)
        self.heard.settimeout(1.5)
        with self.assertRaises(TimeoutError, msg="a process that stands still is said to be well"):
            while True:  # what it said before it was stopped; then silence
                self.heard.recv(4096)
        os.kill(stopped, signal.SIGCONT)
        self.word("WATCHDOG=1")

    def test_generations_are_not_told_where_to_speak(self):
        port = self.socket()
        self.begin(f"http://127.0.0.1:{port}", watchdog_us=60_000_000)
        self.word("READY=1")
        names = {v.split(b"=")[0] for v in open(f"/proc/{self.generation()}/environ", "rb").read().split(b"\0")}
        self.assertFalse(names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"LISTEN_FDS", b"LISTEN_PID"}, names)

    def test_sockets_are_handed_in(self):
        """Who waits since before there was a server is served, by one of two workers at one socket; reloads keep it."""
        port = self.socket()
        early = Wire(port, seconds=60)
        self.addCleanup(early.close)
        early.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.begin(f"http://127.0.0.1:{port}")
        self.word("READY=1")
        self.assertEqual(early.response().status, 200)
        for _ in range(20):
            self.assertEqual(self.get(port).status, 200)
        self.proc.send_signal(signal.SIGHUP)
        self.word("RELOADING=1")
        self.word("READY=1")
        for _ in range(20):
            self.assertEqual(self.get(port).status, 200)
        self.assertNotIn("handed in", self.said())

    def test_for_https_and_http3(self):
        port = self.socket()
        self.socket(socket.SOCK_DGRAM, port)
        self.begin(f"https://127.0.0.1:{port}")
        self.word("READY=1")
        state = {"XDG_STATE_HOME": str(self.dir / "state")}
        versions = ["2"] + (["3"] if "without QUIC" not in self.tercet("--version").text else [])
        for version in versions:
            for _ in range(5):
                got = self.tercet("get", "--http", version, f"https://localhost:{port}/", env=state)
                self.assertEqual((got.status, got.text), (0, "home"), got)

    def test_one_too_many(self):
        used, unused = self.socket(), self.socket()
        self.begin(f"http://127.0.0.1:{used}")
        self.word("READY=1")
        self.assertTrue(wait_for(lambda: "handed in" in self.said()))
        self.assertRegex(self.said(), rf"a socket on 127\.0\.0\.1\S* was handed in, and no listen setting asks for it")
        self.assertEqual(self.get(used).status, 200)
        self.assertTrue(unused)


class Unit(Case):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze here")
    def test_it_is_one_and_it_is_tight(self):
        text = UNIT.read_text().replace("/usr/bin/tercet", str(PROGRAM.resolve()))
        unit = self.dir / "tercet.service"
        unit.write_text(re.sub("(?m)^(Documentation|User|Group)=.*\n", "", text))
        shutil.copy(UNIT.with_suffix(".socket"), self.dir)
        got = self.other("systemd-analyze", "verify", unit, self.dir / "tercet.socket")
        self.assertEqual((got.status, got.err), (0, ""), got)
        got = self.other("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        level = float(re.search(r"exposure level for tercet.service: ([\d.]+)", got.text)[1])
        self.assertLessEqual(level, 2.0)
