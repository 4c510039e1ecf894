"""The wall clock jumps while the program runs (move_clock.c): hours ahead and back, and a second, as it does for a leap second.
Dates follow, timers do not notice, and what lasts until a date lasts until that date."""
import datetime
import mmap
import re
import socket
import ssl
import struct
import time

from harness import ROOT, free_port, needs_quic, wait_for
from test_tls import Tls

RELEASE_ONLY = True  # sanitizers want to be loaded first
HOURS, LEAP = 3 * 3600, 1


class Clock(Tls):
    def setUp(self):
        super().setUp()
        library, self.file = self.dir / "move_clock.so", self.dir / "clock"
        built = self.other("cc", "-O2", "-shared", "-fPIC", "-w", "-o", library, ROOT / "test" / "end" / "move_clock.c", "-ldl")
        self.assertEqual(built.status, 0, built)
        self.file.write_bytes(bytes(4096))
        self.env.update(LD_PRELOAD=str(library), MOVE_CLOCK=str(self.file))
        self.off = 0

    def jump(self, seconds):
        """It is off by so much from now on."""
        self.off = seconds
        with open(self.file, "r+b") as file, mmap.mmap(file.fileno(), 4096) as at:
            at[:8] = struct.pack("q", seconds)

    def now(self):
        return time.time() + self.off

    def start(self, *options, **how):
        self.secure_port = free_port()
        return self.secure("--workers", "1", *options, listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.secure_port}"], **how)

    def dated(self, server, target="/"):
        """Whether Date is what it is to be now."""
        got = server.ask(target)
        self.assertEqual(got.status, 200)
        return abs(self.assertDate(got.get("date")) - self.now()) <= 2


class Dates(Clock):
    def test_date_and_log(self):
        log = self.dir / "log"
        server = self.start("--log-format", "json", log=str(log))
        for off in (HOURS, -HOURS, 0, -LEAP, LEAP, 365 * 86400, 0):
            self.jump(off)
            self.assertTrue(wait_for(lambda: self.dated(server), every=0.1), off)
            server.ask(f"/small?{off}")

            def line():
                found = [line for line in log.read_text().splitlines() if f"small?{off}\"" in line]
                return found and re.search(r'"time":"([^"]+)"', found[-1])
            match = wait_for(line)
            self.assertTrue(match, log.read_text()[-600:])
            told = datetime.datetime.fromisoformat(match[1].replace("Z", "+00:00")).timestamp()
            self.assertLess(abs(told - self.now()), 600, (off, match[0]))

    def test_last_modified_is_never_later_than_date(self):
        """RFC 9110, 8.8.2.1: of a file from the future, and of one that a jump back makes so."""
        server = self.start("--limit", "cache_ms=0")
        for name in ("/small", "/big"):
            for off in (0, -HOURS, 0, HOURS, -HOURS):
                self.jump(off)
                self.assertTrue(wait_for(lambda: self.dated(server, name), every=0.1))
                got = server.ask(name)
                modified = got.get("last-modified")
                if modified:
                    self.assertLessEqual(self.assertDate(modified), self.assertDate(got.get("date")), (name, off))

    def test_conditions(self):
        server = self.start("--limit", "cache_ms=0")
        for off in (0, -HOURS, HOURS):
            self.jump(off)
            self.assertTrue(wait_for(lambda: self.dated(server), every=0.1))
            tag = server.ask("/small").get("etag")
            self.assertEqual(server.ask("/small", "GET", [f"If-None-Match: {tag}"]).status, 304)

    def test_a_file_that_changes(self):
        """What is remembered is looked at again, whatever the clock says."""
        server = self.start()
        file = self.dir / "site" / "small"
        for n, off in enumerate((HOURS, -HOURS, 0, -LEAP)):
            server.ask("/small")
            self.jump(off)
            file.write_text(f"{n}" * 612)
            self.assertTrue(wait_for(lambda: server.ask("/small").body == b"%d" % n * 612), off)


class Timers(Clock):
    """They are the other clock's."""

    def test_a_jump_ahead_ends_nothing(self):
        server = self.start("--limit", "idle_ms=60000", "--limit", "header_ms=60000", "--limit", "body_grace_ms=60000", "--limit", "send_ms=60000")
        with server.wire(seconds=120) as idle, server.wire(seconds=120) as head, server.wire(seconds=120) as body, \
                server.wire(seconds=120, receive=4096) as reader:
            self.assertEqual(idle.ask().status, 200)
            head.send("GET / HTTP/1.1\r\nHos")
            body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
            reader.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)
            for off in (HOURS, -HOURS, 30 * 86400):
                self.jump(off)
                self.assertTrue(wait_for(lambda: self.dated(server), every=0.1))
            head.send("t: x\r\n\r\n")
            body.send("cd")
            self.assertEqual(idle.ask().status, 200)
            self.assertEqual(head.response().status, 200)
            self.assertEqual(body.response().status, 200)
            got = reader.response()
            self.assertTrue(got.complete)

    def test_a_jump_back_holds_nothing_up(self):
        server = self.start("--limit", "idle_ms=4000", "--limit", "header_ms=4000", "--limit", "handshake_ms=4000")
        with server.wire(seconds=120) as idle, server.wire(seconds=120) as head, socket.create_connection(("127.0.0.1", self.secure_port), 120) as hello:
            self.assertEqual(idle.ask().status, 200)
            head.send("GET / HTTP/1.1\r\nHos")
            time.sleep(0.3)
            self.jump(-HOURS)
            began = time.monotonic()
            self.assertTrue(idle.ended(120))
            self.assertIn(b" 408 ", head.rest())
            hello.recv(1000)
            self.assertLess(time.monotonic() - began, 110)

    def test_rates(self):
        """A client that may ask no more is not let in by a jump ahead, nor kept out by one back."""
        server = self.start("--set", "rate=12/m burst 4")
        self.assertTrue(wait_for(lambda: server.ask().status == 429, every=0))
        self.jump(HOURS)
        self.assertIn(429, [server.ask().status for _ in range(20)])
        self.jump(-HOURS)
        self.assertTrue(wait_for(lambda: server.ask().status == 200, every=0.3))


class Lasting(Clock):
    def resumed(self, context, session):
        plain = socket.create_connection(("127.0.0.1", self.secure_port), 120)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as wire:
            head, _ = self.talk(wire)
            self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
            return wire.session_reused, wire.session

    def test_tls_goes_on(self):
        """A ticket may be too old after a jump, or from the future: then the handshake is a whole one."""
        server = self.start()
        self.assertEqual(server.ask().status, 200)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(minimum_version=version, maximum_version=version)
            self.jump(0)
            _, session = self.resumed(context, None)
            self.assertTrue(self.resumed(context, session)[0])
            for off in (HOURS, -HOURS, 40 * 86400, 0, -LEAP):
                self.jump(off)
                _, session = self.resumed(context, session)
                again, session = self.resumed(context, session)
                self.assertTrue(again, (version, off))

    def get(self, *args):
        got = self.tercet("get", "--cacert", self.ca, *args, env=self.env)
        self.assertEqual(got.status, 0, got)
        return got

    def test_versions(self):
        server = self.start()
        for off in (0, HOURS, -HOURS):
            self.jump(off)
            for version in ("1.1", "2"):
                self.assertEqual(self.get("--http", version, f"https://localhost:{self.secure_port}/small").out, b"s" * 612, (version, off))
        self.assertEqual(server.ask().status, 200)

    @needs_quic
    def test_http_3(self):
        self.start()
        for off in (0, HOURS, -HOURS, 0):
            self.jump(off)
            for _ in range(2):  # the second has a ticket of the first
                got = self.get("--http", "3", "--early-data", f"https://localhost:{self.secure_port}/small")
                self.assertEqual(got.out, b"s" * 612, off)

    def test_cookies_of_a_client(self):
        server = self.start("--add-field", "Set-Cookie: k=v; Max-Age=7200")
        jar = self.dir / "jar"
        echo = f"{server.url}/echo"
        self.get("--jar", jar, f"{server.url}/")
        for off, sent in ((0, True), (3600, True), (-HOURS, True), (HOURS, False)):
            self.jump(off)
            copy = self.dir / f"jar{off}"
            copy.write_bytes(jar.read_bytes())
            copy.chmod(0o600)
            self.assertEqual(b"Cookie: " in self.get("--jar", copy, echo).out, sent, off)

    def test_certificates_are_judged_by_the_wall_clock(self):
        crt, key = self.certificate("localhost", "DNS:localhost,IP:127.0.0.1", days=2)
        self.start("--cert", crt, "--key", key)
        url = f"https://localhost:{self.secure_port}/small"
        for off, status in ((0, 0), (3 * 86400, 60), (-3 * 86400, 60), (0, 0)):
            self.jump(off)
            got = self.tercet("get", "--cacert", self.dir / "ca.pem", url, env=self.env)
            self.assertEqual(got.status, status, got)

    @needs_quic
    def test_alternatives(self):
        """Alt-Svc is good for a day."""
        self.start()
        url = f"https://localhost:{self.secure_port}/small"
        for off, version in ((0, None), (HOURS, "3"), (-HOURS, "3"), (3 * 86400, "2")):
            self.jump(off)
            got = self.get("--json", url)
            if version:
                self.assertIn(f'"HTTP/{version}"', got.text, off)
