"""Who lies about who is asking: forged fields of proxies, look-alikes, headers of the PROXY protocol, guessed passwords."""
import json
import random
import socket
import struct

from attacks import Attack

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FORGED = ("X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: inside", "X-Real-IP: 10.0.0.1",
          "X-Forwarded-Port: 1", "Forwarded: for=10.0.0.1;proto=https")


class Forged(Attack):
    """A server with proxies that are trusted, which we are not."""
    OPTIONS = ("--trust", "10.0.0.0/8", "--allow", "10.0.0.0/8", "--allow", "loopback")

    def setUp(self):
        super().setUp()
        self.server = self.serve(*self.OPTIONS, files={"index.html": "home", "hidden": "HIDDEN"})

    def said(self, *lines):
        with self.server.wire() as wire:
            answer = wire.ask("/echo", fields=("Accept: application/json",) + lines)
        self.assertEqual(answer.status, 200, answer)
        return json.loads(answer.body)

    def test_69_fields_of_anybody(self):
        for lines in [(line,) for line in FORGED] + [FORGED, FORGED * 3]:
            with self.subTest(lines):
                said = self.said(*lines)
                self.assertEqual((said["client"], said["scheme"], said.get("proxy")), ("127.0.0.1", "http", None))
                self.assertEqual([f["name"] for f in said["fields"] if "orward" in f["name"] or "eal" in f["name"]], [])

    def test_10_names_that_look_like_them(self):
        for name in ("X_Forwarded_For", "x-forwarded_for", "X_FORWARDED-FOR", "X_Forwarded_Proto", "X_Real_IP"):
            with self.subTest(name):
                said = self.said(f"{name}: 10.0.0.1", "X_Other: stays")
                self.assertEqual(said["client"], "127.0.0.1")
                self.assertEqual([f["value"] for f in said["fields"] if "_" in f["name"]], ["stays"])


class Believed(Forged):
    """... and one that believes us, who pass on what others say."""
    OPTIONS = ("--trust", "loopback", "--deny", "192.0.2.66", "--limit", "forwarded_hops=8")

    def test_69_fields_of_anybody(self):
        """What stands before the last one changes nothing, and never hides who is denied."""
        pick = random.Random(69)
        for _ in range(300):
            junk = "".join(pick.choice('for=,;"\\[]: 10.2_unk\tproto') for _ in range(pick.randrange(30))).strip() or "x"
            for line, good in ((f"X-Forwarded-For: {junk}, 192.0.2.66", (403,)), (f"Forwarded: {junk}, for=192.0.2.66", (403, 400))):
                with self.subTest(line), self.server.wire() as wire:
                    self.assertIn(wire.ask("/", fields=(line,)).status, good)

    def test_10_names_that_look_like_them(self):
        self.assertEqual(self.said("X_Forwarded_For: 192.0.2.1", "X-Forwarded_For: 192.0.2.1")["client"], "127.0.0.1")

    def test_69_both_kinds(self):
        for lines in (("X-Forwarded-For: 192.0.2.66", "Forwarded: for=192.0.2.1"), ("X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.66")):
            with self.server.wire() as wire:
                self.assertEqual(wire.ask("/", fields=lines).status, 400)

    def test_69_chains_without_end(self):
        for line in ("X-Forwarded-For: " + "127.0.0.1," * 5000 + "127.0.0.1", "Forwarded: " + "for=127.0.0.1," * 3000 + "for=127.0.0.1",
                     "Forwarded: for=" + '"\\' * 20000, "X-Forwarded-For: " + "," * 60000 + "192.0.2.66"):
            with self.subTest(line[:30]), self.server.wire() as wire:
                self.assertIn(wire.ask("/", fields=(line,)).status, (400, 403))


class ProxyHeaders(Attack):
    def setUp(self):
        super().setUp()
        self.proxied = self.serve("--trust", "loopback", "--limit", "proxy_ms=1000", "--limit", "proxy_header=1000",
                                  listen=["http://127.0.0.1:{port} proxy-protocol"])

    def header(self, length, at=b"", command=0x21, family=0x11):
        return SIGNATURE + struct.pack(">BBH", command, family, length) + at

    def test_69_headers_that_are_none(self):
        request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        body = socket.inet_aton("192.0.2.1") * 2 + b"\0\1\0\2"
        for data in (request, b"PROXY TCP4 1.2.3.4\r\n" + request, b"PROXY " + b"x" * 200 + b"\r\n" + request,
                     self.header(1000, body + bytes(988)) + request, self.header(65535, body + bytes(65523)) + request,
                     self.header(11, body) + request, self.header(12, body, command=0x2F) + request, self.header(12, body, family=0xF1) + request,
                     b"\x16\x03\x01\x02\0\x01", bytes(4096)):
            with self.subTest(data[:40]), self.proxied.wire() as wire:
                try:
                    wire.send(data)
                    self.assertEqual(wire.rest(), b"")
                except ConnectionError:
                    pass  # closed while we spoke
        with self.proxied.wire() as wire:  # and others are served
            wire.send(self.header(12, body))
            self.assertEqual(wire.ask("/").status, 200)

    def test_69_headers_that_do_not_come(self):
        wires = [self.proxied.wire() for _ in range(50)]
        for wire in wires:
            wire.send(SIGNATURE[:5])
        for wire in wires:
            self.assertTrue(wire.ended())
            wire.close()

    def test_69_of_anybody(self):
        server = self.serve("--trust", "10.0.0.0/8", listen=["http://127.0.0.1:{port} proxy-protocol"])
        with server.wire() as wire:
            try:
                wire.send(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertEqual(wire.rest(), b"")
            except ConnectionError:
                pass


class Guesses(Attack):
    def test_90_trying(self):
        users = self.dir / "users"
        users.write_text(self.tercet("password", "al", stdin=b"sesame\n").text)
        server = self.serve("--auth", "x", "--auth-users", users, "--limit", "auth_failures=3", "--limit", "auth_waiting=2")
        wires = [server.wire() for _ in range(40)]
        for i, wire in enumerate(wires):
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + (b"YWw6%03d=" % i)[:8] + b"\r\n\r\n")
        statuses = [wire.response().status for wire in wires]
        for wire in wires:
            wire.close()
        self.assertLessEqual(set(statuses), {401, 429, 503})
        self.assertGreaterEqual(len(set(statuses)), 2, statuses)
