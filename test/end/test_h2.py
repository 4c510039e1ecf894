"""HTTP/2 in clear text by prior knowledge, with nghttp, h2load and curl: programs that nobody here wrote."""
import os
import re
import shutil
import socket
import unittest

from h2raw import H2, PREFACE, frame, headers, request, settings, window
from harness import Case


class Served(Case):
    def setUp(self):
        super().setUp()
        self.big = os.urandom(3_000_000)
        files = {"a.txt": "from tercet", "612.html": "a" * 612, "big.bin": self.big, "empty.txt": ""}
        self.server = self.serve(files=files)

    @unittest.skipUnless(shutil.which("nghttp"), "no nghttp here")
    def test_nghttp_shows_frames(self):
        got = self.other("nghttp", "-v", self.server.url + "/a.txt")
        self.assertEqual(got.status, 0, got)
        for wanted in (b":status: 200", b"content-type: text/plain", b"from tercet", b"SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100"):
            self.assertIn(wanted, got.out)
        self.assertNotIn(b"recv RST_STREAM", got.out)

    @unittest.skipUnless(shutil.which("nghttp"), "no nghttp here")
    def test_nghttp_asks_for_many(self):
        urls = [self.server.url + path for path in ("/a.txt", "/big.bin", "/612.html", "/empty.txt", "/missing")]
        got = self.other("nghttp", "-ns", *urls)
        self.assertEqual(got.status, 0, got)
        self.assertEqual(len(re.findall(rb"(?m)\b200\b", got.out)), 4, got.out)

    @unittest.skipUnless(shutil.which("h2load"), "no h2load here")
    def test_h2load(self):
        for path, count in (("/612.html", 3000), ("/big.bin", 30)):
            got = self.other("h2load", "-n", count, "-c", 3, "-m", 32, self.server.url + path)
            self.assertEqual(got.status, 0, got)
            self.assertIn(b"%d succeeded, 0 failed, 0 errored" % count, got.out)
        self.assertAlive(self.server, "/a.txt")

    @unittest.skipUnless(shutil.which("h2load"), "no h2load here")
    def test_h2load_longer(self):
        for path, count, clients, streams in (("/612.html", 20_000, 10, 100), ("/big.bin", 60, 6, 5)):
            got = self.other("h2load", "-n", count, "-c", clients, "-m", streams, "-w", 20, self.server.url + path, seconds=300)
            self.assertIn(b"%d succeeded, 0 failed, 0 errored, 0 timeout" % count, got.out)
            self.assertIn(b"%d 2xx, 0 3xx, 0 4xx, 0 5xx" % count, got.out)

    def test_the_urgent_overtake(self):
        """A large one is asked for first, a small one is more urgent: that is over before the large one is."""
        with H2.connect(self.server.port, greeting=PREFACE + settings((1, 0), (4, 1 << 30))) as h2:
            h2.send(headers(1, request(("priority", "u=5"), path="/big.bin")) + headers(3, request(("priority", "u=1"), path="/612.html")) +
                    headers(5, request(("priority", "u=5"), path="/a.txt")) + window(0, 1 << 30))
            h2.until(lambda: {1, 3, 5} <= h2.ended)
            order = [stream for kind, flags, stream, _ in h2.frames if kind == 0 and flags & 1]
            self.assertLess(order.index(3), order.index(1))
            self.assertLess(order.index(1), order.index(5), "equals go one after another")

    def test_curl(self):
        got = self.curl("--http2-prior-knowledge", "-w", "%{http_version}", self.server.url + "/a.txt")
        self.assertEqual((got.status, got.out), (0, b"from tercet2"), got)
        got = self.curl("--http2-prior-knowledge", self.server.url + "/big.bin")
        self.assertEqual((got.status, got.out == self.big), (0, True))
        got = self.curl("--http2-prior-knowledge", "-I", self.server.url + "/big.bin")
        self.assertIn(b"content-length: 3000000", got.out)
        got = self.curl("--http2-prior-knowledge", "-r", "5-", self.server.url + "/a.txt")
        self.assertEqual(got.out, b"tercet")
        got = self.curl("--http2-prior-knowledge", "-o", os.devnull, "-w", "%{http_code}", self.server.url + "/missing")
        self.assertEqual(got.out, b"404")

    def test_the_preface_may_come_in_pieces(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as s:
            for byte in PREFACE + frame(4, 0, 0):
                s.sendall(bytes([byte]))
            s.sendall(frame(6, 0, 0, b"12345678"))
            heard = b""
            while frame(6, 1, 0, b"12345678") not in heard:
                more = s.recv(4096)
                self.assertTrue(more, heard)
                heard += more

    def test_a_broken_frame_is_told(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as s:
            s.sendall(PREFACE + frame(4, 0, 0) + frame(6, 0, 1, b"12345678"))
            heard = b""
            while more := s.recv(4096):
                heard += more
        self.assertIn(frame(7, 0, 0, b"\0\0\0\0\0\0\0\x01")[3:9], heard)
        self.assertAlive(self.server, "/a.txt")

    def test_the_end_is_told_to_who_is_idle(self):
        server = self.serve("--limit", "idle_ms=400", files={"a.txt": "a"})
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
            s.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0))
            heard = b""
            while more := s.recv(4096):
                heard += more
        self.assertTrue(heard.endswith(frame(7, 0, 0, b"\0" * 8)), heard)

    def test_settings_that_are_not_acknowledged(self):
        server = self.serve("--limit", "h2_settings_ms=400", files={"a.txt": "a"})
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
            s.sendall(PREFACE + frame(4, 0, 0))
            heard = b""
            while more := s.recv(4096):
                heard += more
        self.assertIn(b"\x07" + bytes(9) + b"\0\0\0\x04", heard)
        server.signal()
        server.wait()
        self.assertIn("limit h2_settings_ms reached 1 time", server.said())

    def test_a_head_that_is_too_large(self):
        """72,000 bytes of fields on the wire; the connection goes on."""
        get = b"\x82\x86\x84\x41\x01h"
        rest = 8000 - 127
        large = b"\0\x01x\x7f" + bytes([rest & 127 | 128, rest >> 7]) + b"v" * 8000
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as s:
            s.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + frame(1, 1, 1, get) + b"".join(frame(9, 0, 1, large) for _ in range(9)) +
                      frame(9, 4, 1) + frame(6, 0, 0, b"12345678"))
            heard = b""
            while frame(6, 1, 0, b"12345678") not in heard or b"Header Fields Too Large" not in heard:
                more = s.recv(4096)
                self.assertTrue(more, heard)
                heard += more
            s.sendall(frame(1, 5, 3, b"\x82\x86\x04\x06/a.txt\x41\x01h"))
            while b"from tercet" not in heard:
                more = s.recv(4096)
                self.assertTrue(more, heard)
                heard += more

    def test_others_share_the_port(self):
        self.assertEqual(self.server.ask("/a.txt").status, 200)
        self.assertEqual(self.curl("--http0.9", self.server.url + "/a.txt").status, 0)
