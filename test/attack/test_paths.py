"""What a path may lead to, and what a file may become under way: nothing outside of the folder (64), no waiting for what
is no file, no end that looks whole where it is not (65), and names that are shown as text (66)."""
import itertools
import os
import random
import socket
import ssl
import time

from h2raw import H2, INITIAL_WINDOW, PREFACE, TABLE_SIZE, headers as h2_headers, request as h2_request, settings, window
from h3attack import H3Attack
from h3raw import H3, headers as h3_headers, request as h3_request
from harness import Case, sanitized, wait_for
from injector import descriptors
from quicraw import varint
from test_tls import Tls

UP = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "..;", "..%20", "%uff0e%uff0e",
      "..."]
SLASH = ["/", "%2f", "%2F", "\\", "%5c", "%255c", "%252f", "//", "/./", "%c0%af", ";/"]
SECRETS = ["secret", "site-secret/secret", "etc/passwd"]


def steps(depths, starts=("/", "/sub/")):
    """Every spelling of a way up."""
    for dots, mark, depth, name, start in itertools.product(UP, SLASH, depths, SECRETS, starts):
        yield start + (dots + mark) * depth + name


def with_secrets(case):
    """A folder to serve, with what must stay outside beside it."""
    root = case.site({"index.html": "home", "sub/x": "x"})
    (case.dir / "secret").write_text("SECRET")
    (case.dir / "site-secret").mkdir()
    (case.dir / "site-secret" / "secret").write_text("SECRET")
    return root


class Paths(Case):
    """64: no spelling of a path leads out of the folder."""

    def test_64_traversal(self):
        server = self.serve(root=with_secrets(self))
        tried = 0
        wire = server.wire()
        for target in steps((1, 2, 8)):
            tried += 1
            wire.send(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode("latin-1"))
            answer = wire.response()
            self.assertIn(answer.status, (400, 404), target)
            self.assertNotIn(b"SECRET", answer.body)
            self.assertNotIn(b"root:", answer.body)
            if answer.closes:
                wire.close()
                wire = server.wire()
        for target in ("/../secret", "/site/../../secret", "/../site-secret/secret", "//etc/passwd", "/~root", "/./../secret",
                       "http://h/../secret", "/sub/..\\..\\secret", "/" + "../" * 3000 + "etc/passwd", "/" + "a/" * 2000 + "../" * 2001 +
                       "secret"):
            with self.subTest(target[:60]):
                answer = server.raw(f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                self.assertRefused(answer, 400, 404)
                self.assertNotIn(b"SECRET", answer)
        self.assertGreater(tried, 1000)
        self.assertAlive(server)

    def test_64_long_names(self):
        server = self.serve()
        for target in ("/" + "a" * 255, "/" + "a" * 256, "/" + "a" * 5000, "/" + "a/" * 2500 + "a"):
            self.assertEqual(server.ask(target).status, 404, target[:20])

    def test_64_links_that_change_under_way(self):
        """A name that is a file now and a link to the outside the next moment."""
        root = self.site({"index.html": "home", "inside": "inside"})
        (self.dir / "secret").write_text("SECRET")
        server = self.serve("--limit", "cache_ms=1", root=root)
        end = time.monotonic() + 3
        with server.wire() as wire:
            while time.monotonic() < end:
                for to in ("inside", "../secret"):
                    os.symlink(to, root / "new")
                    os.replace(root / "new", root / "flip")
                    for _ in range(3):
                        self.assertNotIn(b"SECRET", wire.ask("/flip").body)

    def test_64_on_http2(self):
        """Where a path is no line of text: any byte may come."""
        server = self.serve("--limit", "h2_resets=100000", root=with_secrets(self))
        raw = ["/..\0/secret", "/../secret\0", "/\xc0\xae\xc0\xae/secret", "/..\\secret", "/..;/secret", "//secret", "/./../secret",
               "/sub/../../secret", "../secret", "secret", "", "*", "http://h/../secret", "/%", "/%2", "/%00", "/..%00/secret"]
        paths = raw + random.sample(list(steps((1, 2))), 300)
        h2, stream = None, 0
        for path in paths:
            if not h2 or h2.over or h2.goaway is not None or stream > 150:
                h2, stream = H2.connect(server.port), -1
                self.addCleanup(h2.close)
                h2.send(window(0, 1 << 24))
            stream += 2
            status = h2.ask(stream, path=path)
            self.assertIn(status, (400, 404, None), path)
            self.assertNotIn(b"SECRET", h2.data.get(stream, b""), path)
            self.assertNotIn(b"root:", h2.data.get(stream, b""), path)
        self.assertAlive(server)


class Paths3(H3Attack):
    def test_64_on_http3(self):
        self.server = self.secure("--workers", "1", "--limit", "h3_resets=100000", root=with_secrets(self))
        paths = ["/..\0/secret", "/\xc0\xae\xc0\xae/secret", "/..\\secret", "/..;/secret", "../secret", "", "/%", "/%00"]
        conn, asked = None, 0
        for path in paths + random.sample(list(steps((1, 2))), 80):
            if not conn or conn.closed or asked > 60:
                conn, asked = self.open(), 0
            asked += 1
            sid = 4 * (asked - 1)
            self.assertIn(conn.ask(h3_request(path=path)), (400, 404, None), path)
            self.assertNotIn(b"SECRET", conn.stream_bytes(sid), path)
            self.assertNotIn(b"root:", conn.stream_bytes(sid), path)


SIZE = 64 << 20


def sparse(case, size=SIZE):
    root = case.site({"index.html": "home"})
    with open(root / "big.bin", "wb") as out:
        out.truncate(size)
    return root


class Shrinks(Case):
    """65: a file that has less than was said: the answer breaks off, and cannot be taken for whole."""

    def test_65_on_http1(self):
        """In clear text the connection is all there is to say it with. A part of several is no different."""
        root = sparse(self)
        for ranges in ("", "Range: bytes=0-40000000,50000000-60000000\r\n"):
            with self.subTest(ranges):
                os.truncate(root / "big.bin", SIZE)
                server = self.serve("--workers", "1", "--limit", "send_ms=5000", root=root)
                with server.wire(receive=65536) as wire:
                    wire.send(f"GET /big.bin HTTP/1.1\r\nHost: h\r\n{ranges}\r\n")
                    length = int(wire.head().get("content-length"))
                    self.assertEqual(len(wire.exactly(1 << 20)), 1 << 20)
                    os.truncate(root / "big.bin", 2 << 20)
                    have = 1 << 20
                    try:
                        have += len(wire.rest())
                    except ConnectionResetError:
                        pass
                    self.assertLess(have, length)
                self.assertAlive(server)
                server.stop()

    def test_65_on_http2(self):
        server = self.serve("--workers", "1", root=sparse(self))
        root = self.dir / "site"
        h2 = H2.connect(server.port, greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 60_000)))
        self.addCleanup(h2.close)
        h2.send(h2_headers(1, h2_request(path="/big.bin")))
        h2.until(lambda: len(h2.data.get(1, b"")) == 60_000)
        os.truncate(root / "big.bin", 50_000)
        h2.send(window(0, SIZE) + window(1, SIZE))
        h2.until(lambda: 1 in h2.resets or 1 in h2.ended)
        self.assertNotIn(1, h2.ended)
        self.assertTrue(1 in h2.resets or h2.over or h2.goaway, "nothing was said")
        self.assertAlive(server)

    def test_65_replaced_under_way(self):
        """What was begun is finished with what was there; nothing is mixed."""
        root = self.site({"index.html": "home", "big.bin": b"a" * (32 << 20)})
        server = self.serve("--workers", "1", "--limit", "cache_ms=1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            length = int(wire.head().get("content-length"))
            (root / "new").write_bytes(b"b" * (16 << 20))
            os.replace(root / "new", root / "big.bin")
            self.assertTrue(wire.exactly(length) == b"a" * length)
            answer = wire.ask("/big.bin", fields=["Range: bytes=0-9,16000000-"])
            last = answer.body.split(b"\r\n\r\n")[-1].split(b"\r\n--")[0]
            self.assertEqual((answer.status, last), (206, b"b" * 777_216))

    def test_65_gone_under_way(self):
        server = self.serve("--workers", "1", root=sparse(self))
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            length = int(wire.head().get("content-length"))
            os.unlink(self.dir / "site" / "big.bin")
            self.assertEqual(len(wire.exactly(length)), length)
        self.assertTrue(wait_for(lambda: server.ask("/big.bin").status == 404))


class ShrinksSecure(Tls):
    def test_65_over_tls(self):
        """No close_notify, which would say that this is all."""
        root = sparse(self)
        server = self.secure("--workers", "1", root=root)
        plain = socket.create_connection(("127.0.0.1", server.port), 60)
        wire = self.context().wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
        self.addCleanup(wire.close)
        wire.sendall(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        have = len(wire.recv(65536))
        os.truncate(root / "big.bin", 1 << 20)
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            while data := wire.recv(1 << 16):
                have += len(data)
        self.assertLess(have, SIZE)


class SlowSecond(Tls):
    """19: all windows of HTTP/2 are open, and nobody takes what comes: 600 streams of a large file cost little memory."""

    def slow_readers(self, server, tls):
        scheme = "https" if tls else "http"
        before, sockets = server.memory(), descriptors(server.proc.pid).count("socket")
        for _ in range(30):
            h2 = H2.connect(server.port, receive=4096, tls=tls, greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, (1 << 31) - 1)))
            self.addCleanup(h2.close)
            h2.send(window(0, (1 << 31) - 65536) + b"".join(h2_headers(1 + 2 * n, h2_request(path="/big.bin", scheme=scheme, authority="localhost")) for n in range(20)))
        time.sleep(1)
        with H2.connect(server.port, tls=tls) as h2:
            h2.send(h2_headers(1, h2_request(scheme=scheme, authority="localhost")))
            h2.until(lambda: 1 in h2.ended)
            self.assertEqual(h2.statuses[1], [200])
        if not sanitized():
            self.assertLess(server.memory() - before, 30 * 400_000)
        self.assertTrue(wait_for(lambda: descriptors(server.proc.pid).count("socket") <= sockets, 60, 0.2), "readers that take nothing are kept")

    def test_19_on_http2(self):
        self.slow_readers(self.serve("--workers", "1", "--limit", "send_ms=4000", root=sparse(self, 1 << 30)), False)

    def test_19_on_http2_over_tls(self):
        self.slow_readers(self.secure("--workers", "1", "--limit", "send_ms=4000", root=sparse(self, 1 << 30)), True)


class Shrinks3(H3Attack):
    def test_65_on_http3(self):
        self.server = self.secure("--workers", "1", root=sparse(self))
        conn = self.open(windows=1 << 16)
        conn.send_stream(0, h3_headers(h3_request(path="/big.bin")), True)
        conn.until(lambda: len(conn.stream_bytes(0)) >= 1 << 16)
        os.truncate(self.dir / "site" / "big.bin", 60_000)
        conn.send(b"\x10" + varint(8 << 20), b"\x11" + varint(0) + varint(8 << 20))
        conn.until(lambda: 0 in conn.resets or 0 in conn.ended or conn.closed)
        self.assertNotIn(0, conn.ended)
        self.assertTrue(0 in conn.resets or conn.closed)

    def slow_readers(self, streams, *options):
        """Windows that stay closed: given up after a time, and little is held meanwhile."""
        self.server = self.secure("--workers", "1", *options, root=sparse(self))

        def attack():
            conns = [self.open(windows=1 << 16) for _ in range(5)]
            for conn in conns:
                for sid in range(0, 4 * streams, 4):
                    conn.send_stream(sid, h3_headers(h3_request(path="/big.bin")), True)
            for conn in conns:
                conn.until(lambda: len(conn.resets) == streams or conn.closed)
                self.assertTrue(len(conn.resets) == streams or conn.closed, conn.resets)
        self.beside(attack, grows=16 << 20, seconds=8)

    def test_19_slow_readers_of_streams(self):
        self.slow_readers(3, "--limit", "h3_stall_ms=1500")

    def test_19_slow_readers_of_a_connection(self):
        self.slow_readers(10, "--limit", "send_ms=1500")


class Special(Case):
    def test_65_what_is_no_file(self):
        """Nothing waits for a writer, and nothing is read that has no end."""
        root = self.site({"index.html": "home", "pages/x": "x"})
        os.mkfifo(root / "pipe")
        os.mkfifo(root / "pages" / "index.html")
        os.symlink("/proc/self/mem", root / "mem")
        os.symlink("/dev/zero", root / "zero")
        os.symlink("pipe", root / "link")
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.bind(str(root / "socket"))
        server = self.serve("--workers", "1", root=root)
        for target in ("/pipe", "/pages/", "/mem", "/zero", "/link", "/socket", "/pipe/", "/pipe/x"):
            for fields in ((), ("Range: bytes=0-0,5-5",)):
                with self.subTest(target):
                    self.assertIn(server.ask(target, fields=fields).status, (403, 404))
        self.assertAlive(server)
