"""Request lines and fields that are malformed, enormous or misleading (RFC 9112, 2 to 5; RFC 9110, 5)."""
import os
import time

from attacks import Attack
from harness import Case, sanitized


class Lines(Attack):
    def test_8_bare_line_ends(self):
        for data in (b"GET / HTTP/1.1\nHost: h\n\n", b"GET / HTTP/1.1\r\nHost: h\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\n",
                     b"GET / HTTP/1.1\rHost: h\r\r", b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\rc\r\nHost: h\r\n\r\n",
                     b"GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: h\r\nX: y\n Z: w\r\n\r\n"):
            with self.subTest(data):
                self.refused(data, 400, end=True)

    def test_11_scheme_of_another_connection(self):
        self.refused(b"GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 421)

    def test_9_names_and_values(self):
        self.each([b" folded: x", b"A: b\r\n c", b"A: b\r\n\tc", b"Name : x", b"Name\t: x", b": x", b"noColon",
                   b"A\x00: x", b"A: \x00", b"A: x\x00y", b"A: x\x01y", b"A: x\x7fy", b"A: \x0b", b"A B: x", b"A(: x",
                   b"A,: x", b"A\xc3\xa4: x", b"\xff: x", b"A: x\x1b[31m", b"\"A\": x", b"A/: x", b"@: x", b"{: x"],
                  400, method=b"GET", target=b"/", body=b"")

    def test_9_folded_first_line(self):
        self.refused(b"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400)

    def test_9_what_is_allowed(self):
        """Strict is not fussy: all of this is legal."""
        for line in (b"A:", b"A:x", b"A:   x   ", b"A:\tx\t", b"!#$%&'*+-.^_`|~09aZ: x", b"A: caf\xe9 \xc3\xa9", b"A: a\tb",
                     b"A: \"q\\\"\"", b"a-very-" + b"long-" * 100 + b"name: x"):
            with self.subTest(line[:40]):
                with self.server.wire() as wire:
                    wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n" + line + b"\r\n\r\n")
                    self.assertEqual(wire.response().status, 200)

    def test_11_host(self):
        for lines in (b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a b\r\n", b"Host: a/b\r\n", b"Host: a@b\r\n",
                      b"Host: a:b\r\n", b"Host: a:99999\r\n", b"Host: [::1\r\n", b"Host: a, b\r\n", b"Host: a?b\r\n", b"Host: a#b\r\n",
                      b"Host: a\\b\r\n", b"Host: [zz]\r\n", b"Host: a:1:2\r\n", b"Host: a%00\r\n", b"Host: %zz\r\n", b"Host: :80\r\n",
                      b"Host: <script>\r\n", b"hOST: a\r\nHost: b\r\n"):
            with self.subTest(lines):
                self.refused(b"GET / HTTP/1.1\r\n" + lines + b"\r\n", 400)

    def test_11_hosts_that_are_fine(self):
        for host in (b"h", b"h:80", b"127.0.0.1", b"[::1]", b"[::1]:8080", b"a.b-c.example", b"xn--bcher-kva.example", b"h:", b""):
            with self.server.wire() as wire:
                wire.send(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
                self.assertEqual(wire.response().status, 200, host)

    def test_11_absolute_form_wins_over_host(self):
        with self.server.wire() as wire:
            wire.send(b"GET http://wins.example/echo HTTP/1.1\r\nHost: loses.example\r\nAccept: application/json\r\n\r\n")
            answer = wire.response()
            self.assertEqual(answer.status, 200)
            self.assertIn("wins.example", answer.text)
        self.refused(b"GET http://h/ HTTP/1.1\r\n\r\n", 400)
        self.refused(b"GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", 400)

    def test_11_host_is_not_needed_before_1_1(self):
        with self.server.wire() as wire:
            self.assertEqual(wire.ask("/", version="HTTP/1.0", host=None).status, 200)
        self.refused(b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400)

    def test_12_pipelined_deep_then_junk(self):
        with self.server.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 100 + b"\x00\x01junk junk\r\n\r\n")
            for _ in range(100):
                self.assertEqual(wire.response().body, b"home")
            self.assertRefused(wire.rest(), 400)

    def test_12_junk_after_a_body(self):
        with self.server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcdefg\r\n\r\n")
            self.assertEqual(wire.response().status, 200)
            self.assertRefused(wire.rest(), 400)

    def test_18_methods(self):
        self.refused(b"G\x00T / HTTP/1.1\r\nHost: h\r\n\r\n", 400)
        self.refused(b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400)
        self.refused(b"\xc3\x89T / HTTP/1.1\r\nHost: h\r\n\r\n", 400)
        self.refused(b" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400)
        self.refused(b"M" * 65536 + b" / HTTP/1.1\r\nHost: h\r\n\r\n", 414, 400, 501)
        self.assertEqual(self.server.ask("/", "M" * 100).status, 501)

    def test_18_targets(self):
        for target in (b"/%00", b"/a%00.html", b"/%", b"/%2", b"/%zz", b"/\xc0\xaf", b"/a b", b"/\x01", b"/\x7f", b"/a#b",
                       b"nopath", b"", b"*", b"/<>", b"/\"", b"/{}", b"/|", b"/^", b"/`", b"http://", b"http:///x",
                       b"ftp://h/x", b"http://u:p@h/", b"h:80", b"/\xe9", b"http://h:99999/", b"?x"):
            with self.subTest(target):
                answer = self.server.raw(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                self.assertRefused(answer, 400, 404, 421)
                self.assertNotIn(b"home", answer)

    def test_18_spaces_in_the_line(self):
        for line in (b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ", b"GET\t/ HTTP/1.1", b"GET /\tHTTP/1.1",
                     b"GET / HTTP/1.1\t", b"GET / HTTP/1.1 x", b"GET / x HTTP/1.1", b"GET\x0b/ HTTP/1.1"):
            with self.subTest(line):
                self.refused(line + b"\r\nHost: h\r\n\r\n", 400)

    def test_18_long_targets(self):
        self.refused(b"GET /" + b"a" * 16384 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414)
        self.refused(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414)
        self.refused(b"GET /" + b"a" * 20_000, 414)  # no line end yet, and none needed
        self.assertIn(self.server.ask("/" + "a" * 16000).status, (404, 414))
        self.assertIn(self.server.ask("/" + "a/" * 4000).status, (404,))
        self.assertIn(self.server.ask("/?" + "a" * 16000).status, (200,))

    def test_18_line_limit_is_a_setting(self):
        server = self.serve("--limit", "request_line=100")
        self.assertEqual(server.ask("/?" + "a" * 70).status, 200)
        self.assertRefused(server.raw(b"GET /?" + b"a" * 100 + b" HTTP/1.1\r\nHost: h\r\n\r\n"), 414)

    def test_every_byte_as_the_first(self):
        for byte in range(256):
            answer = self.server.raw(bytes([byte]) + b"ET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", end=True)
            self.assertTrue(answer.startswith(b"HTTP/1.1 "), (byte, answer[:60]))

    def test_random_bytes_always_get_an_answer(self):
        for n in range(60):
            junk = os.urandom(200 + n * 20).replace(b"\n", b"x") + b"\r\n\r\n"
            answer = self.server.raw(junk, end=True)
            self.assertTrue(answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5"), answer[:60])


class Version09(Attack):
    def test_17_simple_requests(self):
        self.assertEqual(self.server.raw(b"GET /\r\n"), b"home")
        for line in (b"POST /\r\n", b"HEAD /\r\n", b"DELETE /\r\n", b"PUT /\r\n"):
            self.assertRefused(self.server.raw(line, end=True), 400, 501, head=line.startswith(b"HEAD"))
        with self.server.wire() as wire:
            self.assertEqual(wire.ask("/").status, 200)
            wire.send(b"GET /hidden\r\n")
            self.assertRefused(wire.rest(), 400)

    def test_17_pipelined_behind_1_1(self):
        with self.server.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /hidden\r\n")
            self.assertEqual(wire.response().status, 200)
            rest = wire.rest()
            self.assertNotIn(b"HIDDEN", rest)
            self.assertRefused(rest, 400)

    def test_17_nothing_after_it_is_a_request(self):
        answer = self.server.raw(b"GET /\r\nGET /hidden HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(answer, b"home")


class Floods(Attack):
    """20: refused early, and nothing is held beyond the limits."""

    def test_20_fields(self):
        for fields in (b"".join(b"X-%d: y\r\n" % n for n in range(10_000)), b"X: " + b"y" * (1 << 20) + b"\r\n",
                       b"".join(b"X-%d: %s\r\n" % (n, b"z" * 8000) for n in range(128)), b"X" * (1 << 20) + b": y\r\n",
                       b"".join(b"X-%d: y\r\n" % n for n in range(129)), b"X: y\r\n" * 100_000):
            with self.subTest(fields[:20]):
                self.refused(b"GET / HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n", 431)

    def test_20_just_within(self):
        with self.server.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(127)) + b"\r\n")
            self.assertEqual(wire.response().status, 200)
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 65_000 + b"\r\n\r\n")
            self.assertEqual(wire.response().status, 200)

    def test_20_comes_before_the_end_of_the_head(self):
        with self.server.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 70_000)
            self.assertEqual(wire.response().status, 431)

    def test_20_limits_are_settings(self):
        server = self.serve("--limit", "fields_count=5", "--limit", "fields_bytes=300")
        self.assertEqual(server.ask("/", fields=["X: y"]).status, 200)
        self.assertEqual(server.ask("/", fields=["X: y"] * 5).status, 431)
        self.assertEqual(server.ask("/", fields=["X: " + "y" * 300]).status, 431)

    def test_20_memory_stays_bounded(self):
        """Two hundred connections, each with as much of a head as is taken, and then more."""
        server = self.serve("--limit", "header_ms=3600000")
        before = server.memory()
        wires = [server.wire() for _ in range(200)]
        for wire in wires:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"z" * 500) for n in range(120)))
        time.sleep(0.5)
        self.assertAlive(server)
        held = (server.memory() - before) / len(wires)
        if not sanitized():
            self.assertLess(held, 300_000, "bytes a connection")
        for wire in wires:
            try:
                wire.send(b"Y: " + b"z" * 50_000)
                self.assertEqual(wire.response().status, 431)
            except (BrokenPipeError, ConnectionResetError):
                pass

    def test_20_same_name_ten_thousand_times_costs_no_time(self):
        before = self.server.cpu_seconds()
        for _ in range(20):
            self.server.raw(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 10_000 + b"\r\n")
        self.assertLess(self.server.cpu_seconds() - before, 2)


class Ranges(Attack):
    def test_21_many_and_overlapping(self):
        for value in ("bytes=" + ",".join(f"{n}-" for n in range(1000)), "bytes=" + "0-," * 1000 + "0-", "bytes=-0",
                      "bytes=9223372036854775808-", "bytes=0-9223372036854775808", "bytes=-9223372036854775808",
                      "bytes=18446744073709551616-18446744073709551617", "bytes=" + ",".join(["0-0"] * 200)):
            with self.subTest(value[:40]):
                answer = self.server.ask("/", fields=["Range: " + value])
                self.assertIn(answer.status, (200, 206, 416))
                self.assertLessEqual(len(answer.body), 5000)

    def test_21_on_a_large_file(self):
        """Ranges that meet are one; of those that stay apart, more than the limit are none: the whole is the answer."""
        server = self.serve(files={"big.bin": b"x" * 1_000_000})
        apart = [f"{n * 1000}-{n * 1000 + 1}" for n in range(1000)]
        for ranges, status, most in ((["0-"] * 200, 206, 1_000_000), ([f"{n}-" for n in range(1000)], 206, 1_000_000),
                                     ([f"{n}-{n + 9}" for n in range(1000)], 206, 1009), (apart, 200, 1_000_000),
                                     (apart[:17], 200, 1_000_000), (apart[:16], 206, 3000), (apart[:16] * 9, 206, 3000),
                                     (apart + ["0-"], 200, 1_000_000), (["-0"] * 1000, 416, 5000),
                                     (["18446744073709551616-"] * 1000, 416, 5000), ([f"-{n}" for n in range(1000)], 206, 999)):
            with self.subTest(ranges[:2]):
                answer = server.ask("/big.bin", fields=["Range: bytes=" + ",".join(ranges)])
                self.assertEqual(answer.status, status)
                self.assertLessEqual(len(answer.body), most)
        server.signal()
        server.wait()
        self.assertIn("limit ranges reached 3 times", server.said())

    def test_21_slow_readers_of_many_parts(self):
        """Parts are made and queued as they are taken."""
        root = self.site({"index.html": "home"})
        with open(root / "big.bin", "wb") as out:
            out.truncate(1 << 30)
        server = self.serve(root=root)
        before = server.memory()
        ranges = ",".join(f"{n << 26}-{(n << 26) + (32 << 20)}" for n in range(16))
        for _ in range(50):
            wire = server.wire(receive=4096)
            wire.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=%s\r\n\r\n" % ranges.encode())
        self.assertAlive(server)
        if not sanitized():
            self.assertLess(server.memory() - before, 50 * 100_000)
