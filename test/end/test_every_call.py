"""Every system call that the server makes for a session fails once, with each errno that fits (every_call.c): what is
answered says so, nobody ends, nothing is left open, what was acknowledged is there, and the next who ask get theirs.

A sample of the steps, always the same; test/end/run --every-call walks all."""
import errno
import hashlib
import json
import os
import pathlib
import shutil
import socket
import time

import harness
from harness import Peer, Wire, free_port, needs_quic, wait_for
from injector import Injector, Walk, descriptors, settled, still
from test_tls import Tls

GONE = "the connection ended"
FAULTS = {GONE, 500, 502, 503, 504, 507}
LARGE, TEXT = b"l" * 300_000, b"some text\n" * 500


def echo(peer, wire):
    while data := wire.sock.recv(1 << 16):
        wire.sock.sendall(data)
    wire.sock.shutdown(socket.SHUT_WR)


class Full(Walk, Tls):
    """A server with all that it can have, below a master."""

    def configure(self):
        crt, key = self.certificate("localhost", "DNS:localhost,IP:127.0.0.1")
        root = self.site({"index.html": "<p>home</p>\n", "large": LARGE.decode(), "text.txt": TEXT.decode(), "list/a": "a", "list/b": "b",
                          "files/.keep": ""})
        (root / "list" / "link").symlink_to("a")
        state = self.dir / "db"
        state.mkdir()
        self.log = state / "access.log"
        self.peer = Peer(self, echo)
        user = ""
        if os.geteuid() == 0:
            user = 'user = "nobody"\n'
            for folder in (root / "files", state):
                os.chown(folder, 65534, 65534)
        self.conf, self.control = self.dir / "t.conf", self.dir / "control"
        self.text = f"""
listen = {{"http://127.0.0.1:HTTP", "https://127.0.0.1:HTTPS"}}
root = "{root}"
workers = 1
cert = "{crt}"
key = "{key}"
access-log = "{self.log}"
admin = "http://127.0.0.1:ADMIN"
control = "{self.control}"
pid-file = "{self.dir / 'pid'}"
store = "sqlite:{state / 'r.db'}"
records = {{"/c:k"}}
connect = {{"127.0.0.1:{self.peer.port}"}}
compress = {{"gzip"}}
{user}limits {{
    cache_ms = 0
    handover_ms = 50
    upload_buffer = 50000
}}
route "/list" {{ listing = on }}
route "/files" {{ writable = on }}
site "example.org" {{ answer = "200 another" }}
"""
        self.root = root
        self.choose_ports()

    def choose_ports(self):
        """Others than before: what ended badly may still have those."""
        self.port, self.secure_port, self.admin_port = free_port(), free_port(), free_port()
        text = self.text
        for word, port in (("HTTPS", self.secure_port), ("HTTP", self.port), ("ADMIN", self.admin_port)):
            text = text.replace(word, str(port))
        self.conf.write_text(text)
        self.control.unlink(True)

    def start(self):
        self.server = self.serve("--config", self.conf, root=False, listen=False, log=None, echo=False, port=self.port, env=self.env,
                                 within=self.injector.within)
        children = wait_for(lambda: self.children())
        self.pid, self.faults = children[0], 0

    def children(self):
        pid = self.server.proc.pid
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def setUp(self):
        super().setUp()
        self.turn = 0
        self.injector = Injector(self)
        self.configure()

    # --- what is asked; each gives what was answered ---

    def ask(self, wire, *how, **more):
        try:
            got = wire.ask(*how, **more)
            return got if got.complete else GONE
        except (OSError, EOFError) as gone:
            self.assertNotIsInstance(gone, TimeoutError, f"no answer to {how}")
            return GONE

    def judged(self, got, status, body=None):
        """The status, if what came with it is right."""
        if got == GONE:
            return GONE
        if got.status == status and body is not None:
            self.assertEqual(got.body, body)
        return got.status

    def connection(self, port=None):
        wire = Wire(port or self.port, seconds=120)
        self.addCleanup(wire.close)
        return wire

    def play_files(self):
        """Over HTTP/1.1, in clear text."""
        told = []
        for target, fields, status, body in (("/", [], 200, b"<p>home</p>\n"), ("/large", [], 200, LARGE),
                                             ("/large", ["Range: bytes=5-9,100-109,20000-20009"], 206, None),
                                             ("/text.txt", ["Accept-Encoding: gzip"], 200, None), ("/list/", ["Accept: application/json"], 200, None),
                                             ("/none", [], 404, None)):
            with self.connection() as wire:
                got = self.ask(wire, target, "GET", fields)
            told.append((self.judged(got, status, body), status))
            if target == "/list/" and got != GONE and got.status == 200:
                self.assertEqual([row["name"] for row in json.loads(got.body)["entries"]], ["a", "b", "link"], "a part of the listing")
            if status == 200:
                self.assertNotEqual(told[-1][0], 404, f"{target} is there")
        return told

    def play_uploads(self):
        told, before = [], None
        path = self.root / "files" / "in" / "file"
        wire = None
        try:
            for method, at, body, status in (("PUT", "/files/in/file", b"old" * 50, 201), ("PUT", "/files/in/file", b"new!" * 30000, 204),
                                             ("GET", "/files/in/file", b"", 200), ("DELETE", "/files/in/file", b"", 204),
                                             ("DELETE", "/files/in", b"", 204), ("GET", "/files/in/file", b"", 404)):
                if wire is None:
                    wire = self.connection()
                got = self.ask(wire, at, method, [], body)
                after = path.read_bytes() if path.exists() else None
                if method == "PUT":
                    self.assertIn(after, (before, body), "torn")
                    if got != GONE and got.status in (201, 204):
                        self.assertEqual(after, body, "acknowledged and not there")
                if got == GONE or got.closes:
                    wire.close()
                    wire = None
                told.append((self.judged(got, status, before if method == "GET" else None), status))
                before = after
        finally:
            if wire:
                wire.close()
        # What was not removed, or not made, is put right for the next.
        if [t for t, s in told if t != s]:
            shutil.rmtree(self.root / "files" / "in", True)
        return told

    def play_records(self):
        told, self.turn = [], self.turn + 1
        document = b'{"k":"a%d","n":"%s"}' % (self.turn % 7, b"x" * 3000)
        at = f"/c/a{self.turn % 7}"
        json_ = ["Content-Type: application/json"]
        acknowledged = None
        for method, target, fields, body, status in (("PUT", at, json_, document, 201), ("GET", at, [], b"", 200), ("GET", "/c", [], b"", 200),
                                                     ("DELETE", at, [], b"", 204), ("GET", at, [], b"", 404)):
            with self.connection() as wire:
                got = self.ask(wire, target, method, fields + ["Accept: application/json"], body)
            told.append((self.judged(got, status), status))
            if got == GONE:
                acknowledged = None
            elif method == "PUT" and got.status in (200, 201):
                acknowledged = document
            elif method == "DELETE" and got.status == 204:
                acknowledged = b""
            elif method == "GET" and target == at and acknowledged is not None and got.status in (200, 404):
                self.assertEqual(got.body if got.status == 200 else b"", acknowledged, "acknowledged and not there")
        if [t for t, s in told if t != s]:
            self.put_right = at
        return told

    def play_tunnel(self):
        to = f"127.0.0.1:{self.peer.port}"
        with self.connection() as wire:
            try:
                wire.send(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")
                head = wire.until(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200 "):
                    return [(int(head.split()[1]), 200)]
                wire.send(LARGE[:100_000])
                got = wire.exactly(100_000)
                wire.end()
                return [(200 if got == LARGE[:100_000] and wire.rest() == b"" else GONE, 200)]
            except (OSError, EOFError) as gone:
                self.assertNotIsInstance(gone, TimeoutError, "the tunnel hangs")
                return [(GONE, 200)]

    def play_metrics(self):
        with self.connection(self.admin_port) as wire:
            got = self.ask(wire, "/metrics")
        if got != GONE and got.status == 200:
            self.assertIn(b"tercet_", got.body)
        return [(self.judged(got, 200), 200)]

    def play_get(self, version):
        """By the client, which has no faults: its exit status, or 0 with all that it was to print."""
        base = f"https://localhost:{self.secure_port}"
        got = self.tercet("get", "--fail", "--http", version, "--no-alt-svc", "-q", "--cacert", self.dir / "ca.pem", f"{base}/", f"{base}/large",
                          f"{base}/list/a", f"{base}/text.txt", seconds=120)
        if got.status == 0:
            self.assertEqual(hashlib.sha1(got.out).hexdigest(), hashlib.sha1(b"<p>home</p>\n" + LARGE + b"a" + TEXT).hexdigest())
            return [(200, 200)]
        return [(GONE, 200)]

    def play_h1_tls(self):
        return self.play_get("1.1")

    def play_h2(self):
        return self.play_get("2")

    def play_h3(self):
        return self.play_get("3")

    # --- the walk ---

    def right(self, told):
        return all(got == wanted for got, wanted in told)

    def clean(self, play):
        """All is answered as it should be; a little later, if a fault is still felt."""
        if getattr(self, "put_right", None):
            with self.connection() as wire:
                self.ask(wire, self.put_right, "DELETE")
            self.put_right = None
        told = play()
        self.assertTrue(self.right(told), f"afterwards: {told}")
        return told

    def step(self, play, name, number, which):
        self.injector.arm(name, number, which)
        try:
            told = play()
        finally:
            failed = self.injector.disarm()
        alive = self.server.proc.poll() is None and self.children() == [self.pid]
        try:
            self.assertTrue(alive, f"it ended: {self.server.said()[-3000:]}")
            complaint = harness.complaint_of_sanitizer(self.server.said().encode())
            self.assertIsNone(complaint)
            for got, wanted in told:
                # What was not made cannot be read or removed; what was not removed is still there.
                self.assertIn(got, FAULTS | {200, 201, 204, 206, 404, 409, 412})
            if number == errno.EINTR and name not in self.MAY_FAIL:
                self.assertTrue(self.right(told), f"interrupted: {told}")
            self.clean(play)
            self.assertTrue(settled(self.pid, self.open), f"left open: {set(self.many(descriptors(self.pid))) ^ set(self.many(self.open))}")
        except AssertionError:
            self.faults += 1
            if self.server.proc.poll() is not None or not alive or not settled(self.pid, self.open, 1):
                self.again(play)
            raise
        return failed

    MAY_FAIL = ()

    def many(self, names):
        """Those that are there twice are two."""
        return [(name, names[:i].count(name)) for i, name in enumerate(names)]

    def again(self, play):
        self.server.stop(check=False)
        self.choose_ports()
        self.start()
        self.warm(play)

    def warm(self, play):
        for _ in range(3):
            self.clean(play)
        self.open = still(self.pid)

    def every(self, play):
        self.start()
        self.warm(play)
        self.injector.arm()
        self.clean(play)
        time.sleep(0.1)
        self.injector.disarm()
        counts = self.injector.counts()
        self.assertTrue(settled(self.pid, self.open), (self.open, descriptors(self.pid)))
        self.assertGreater(sum(counts.values()), 3, counts)
        self.walk(counts, lambda *step: self.step(play, *step))


class Served(Full):
    def test_files(self):
        self.every(self.play_files)

    def test_uploads(self):
        self.every(self.play_uploads)

    def test_records(self):
        self.every(self.play_records)

    def test_tunnel(self):
        self.every(self.play_tunnel)

    def test_metrics(self):
        self.every(self.play_metrics)

    def test_http_1_over_tls(self):
        self.every(self.play_h1_tls)

    def test_http_2(self):
        self.every(self.play_h2)

    @needs_quic
    def test_http_3(self):
        self.every(self.play_h3)
