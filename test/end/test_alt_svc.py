"""Where HTTP/3 can be had is remembered (Alt-Svc): the client comes back over it, and goes on over TCP where
nobody answers."""
import json
import socket
import stat
import threading
import time

from harness import Peer, needs_quic
from test_tls import Tls


def quietly(what):
    try:
        what()
    except OSError:
        pass  # the test is over


@needs_quic
class Memory(Tls):
    def setUp(self):
        super().setUp()
        self.file = self.state / "tercet" / "alt-svc"

    def ask(self, port, *options, status=0, path="/small", items=(), head_start_ms=60000, **how):
        """The versions that answered, and why they were chosen. A long head start: QUIC is not to lose because it is slow."""
        trust = () if "-k" in options else ("--cacert", self.ca)
        got = self.tercet("get", "--json", "--limit", f"head_start_ms={head_start_ms}", *trust, *options, f"https://127.0.0.1:{port}{path}", *items, env=self.env, **how)
        self.assertEqual(got.status, status, got)
        self.why = [x["connection"]["version_why"] for x in json.loads(got.out)["exchanges"]]
        return [x["response"]["version"] for x in json.loads(got.out)["exchanges"]]

    def remember(self, port, at, until=3600):
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file.write_text(f"127.0.0.1 {port} 127.0.0.1 {at} {int(time.time()) + until} 0\n")

    def silent(self):
        """A UDP port that takes everything and says nothing."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        self.addCleanup(s.close)
        return s

    def test_comes_back_over_http3(self):
        server = self.secure()
        self.assertEqual(self.ask(server.port), ["HTTP/2"])
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertRegex(self.file.read_text(), rf"^127\.0\.0\.1 {server.port} 127\.0\.0\.1 {server.port} \d+ 0\n$")
        before = self.file.stat().st_ino
        self.assertEqual(self.ask(server.port), ["HTTP/3"])
        self.assertEqual(self.why, ["which Alt-Svc told of before; QUIC was ready first"])
        self.assertEqual(self.file.stat().st_ino, before)  # nothing new
        self.assertEqual(list(self.file.parent.glob("*.part")), [])
        self.assertEqual(self.ask(server.port, "--no-alt-svc"), ["HTTP/2"])
        self.assertEqual(self.ask(server.port, "--http", "1.1"), ["HTTP/1.1"])
        self.assertEqual(self.ask(server.port, "-k"), ["HTTP/2"])  # nobody is believed, and no memory of them
        several = [f"https://127.0.0.1:{server.port}/small"] * 4
        self.assertEqual(self.ask(server.port, *several), ["HTTP/3"] * 5)

    def test_who_answers_is_told_as_whom(self):
        server = self.secure()
        seen = []
        for options in ((), (), ("--http", "3"), (f"https://127.0.0.1:{server.port}/echo",)):
            got = self.tercet("get", "-q", "--limit", "head_start_ms=60000", "--cacert", self.ca, *options, f"https://127.0.0.1:{server.port}/echo", "Accept:application/json", env=self.env)
            self.assertEqual(got.status, 0, got)
            seen.append(got.text.lower().count(f'127.0.0.1:{server.port}"') if "alt-used" in got.text.lower() else None)
        self.assertEqual([bool(s) for s in seen], [False, True, False, True])

    def test_two_that_end_at_once(self):
        """One remembers what it heard after another one wrote: both are kept."""
        one, two, go_on = self.secure(), self.secure(), threading.Event()
        asked = threading.Event()

        def talk(peer, wire):
            peer.request(wire)
            asked.set()
            go_on.wait(120)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        slow, got = Peer(self, talk), []
        first = threading.Thread(target=lambda: got.append(self.tercet(
            "get", "-q", "--cacert", self.ca, f"https://127.0.0.1:{one.port}/small", f"{slow.url}", env=self.env)))
        first.start()
        self.assertTrue(asked.wait(120))
        self.ask(two.port)
        self.assertIn(f" {two.port} ", self.file.read_text())
        go_on.set()
        first.join()
        self.assertEqual(got[0].status, 0, got)
        for server in (one, two):
            self.assertIn(f"127.0.0.1 {server.port} 127.0.0.1 {server.port} ", self.file.read_text())

    def test_nothing_is_kept_unasked(self):
        server = self.secure()
        for options in (("--no-alt-svc",), ("-k",), ("--limit", "alternatives=0")):
            self.ask(server.port, *options)
            self.assertFalse(self.file.exists(), options)

    def test_a_port_that_nobody_answers(self):
        server, hole = self.secure("--no-quic"), self.silent()
        self.remember(server.port, hole.getsockname()[1])
        self.assertEqual(self.ask(server.port, head_start_ms=250), ["HTTP/2"])
        self.assertIn("HTTP/3, which Alt-Svc told of, was not ready first", self.why[0])
        self.assertTrue(hole.recv(2000))  # it was tried
        hole.setblocking(False)
        while True:
            try:
                hole.recv(2000)
            except BlockingIOError:
                break
        self.assertEqual(self.ask(server.port), ["HTTP/2"])  # it is broken for a while
        self.assertNotIn("Alt-Svc", self.why[0])
        with self.assertRaises(BlockingIOError):
            hole.recv(2000)

    def test_the_time_that_was_lost(self):
        """The head start belongs to the time of the connection, and QUIC to what was tried."""
        server, hole = self.secure("--no-quic"), self.silent()
        self.remember(server.port, hole.getsockname()[1])
        got = self.tercet("get", "--json", "--limit", "head_start_ms=900", f"https://127.0.0.1:{server.port}/small", env=self.env)
        one = json.loads(got.out)["exchanges"][0]
        connect = one["phases"]["connect"]
        self.assertGreaterEqual(connect["before_ms"], 900)
        self.assertGreaterEqual(connect["ms"], connect["before_ms"] + connect["tls_ms"])
        self.assertGreaterEqual(one["phases"]["total_ms"], connect["ms"])
        tried = [(a["address"], a["link"], a["error"] is None) for a in one["connection"]["attempts"]]
        self.assertEqual(tried, [(f"127.0.0.1:{hole.getsockname()[1]}", "quic", False), (f"127.0.0.1:{server.port}", "tcp", True)])
        self.assertGreaterEqual(one["connection"]["attempts"][0]["ms"], 900)

    def test_several_and_a_port_that_nobody_answers(self):
        server, hole = self.secure("--no-quic"), self.silent()
        self.remember(server.port, hole.getsockname()[1])
        several = [f"https://127.0.0.1:{server.port}/small"] * 4
        self.assertEqual(self.ask(server.port, *several, head_start_ms=250), ["HTTP/2"] * 5)

    def test_a_closed_port(self):
        server, hole = self.secure("--no-quic"), self.silent()
        self.remember(server.port, hole.getsockname()[1])
        hole.close()
        self.assertEqual(self.ask(server.port), ["HTTP/2"])
        self.assertIn("HTTP/3, which Alt-Svc told of, was refused", self.why[0])

    def test_nobody_at_all(self):
        hole = self.silent()
        self.secure()  # makes the authority
        dead = socket.socket()
        dead.bind(("127.0.0.1", 0))  # and does not listen
        self.addCleanup(dead.close)
        self.remember(dead.getsockname()[1], hole.getsockname()[1])
        got = self.tercet("get", "--cacert", self.ca, f"https://127.0.0.1:{dead.getsockname()[1]}/", env=self.env)
        self.assertEqual(got.status, 7, got)
        self.assertIn("Connection refused", got.err)

    def test_tcp_is_not_needed(self):
        """Nobody answers TLS over TCP."""
        server, slow = self.secure(), socket.socket()
        slow.bind(("127.0.0.1", 0))
        slow.listen(8)
        self.addCleanup(slow.close)
        self.remember(slow.getsockname()[1], server.port)
        self.assertEqual(self.ask(slow.getsockname()[1]), ["HTTP/3"])

    def late(self, port, seconds):
        """A UDP port that hands everything on to that one, later."""
        ours, theirs = self.silent(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        theirs.connect(("127.0.0.1", port))
        self.addCleanup(theirs.close)
        asker = []

        def there():
            while True:
                data, where = ours.recvfrom(2000)
                asker[:] = [where]
                threading.Timer(seconds, quietly, (lambda d=data: theirs.send(d),)).start()

        def back():
            while True:
                ours.sendto(theirs.recv(2000), asker[0])
        for way in (there, back):
            threading.Thread(target=quietly, args=(way,), daemon=True).start()
        return ours.getsockname()[1]

    def test_quic_comes_late_and_wins(self):
        """TCP has begun when QUIC is ready, and gets no answer to its hello."""
        server, slow = self.secure(), socket.socket()
        slow.bind(("127.0.0.1", 0))
        slow.listen(8)
        self.addCleanup(slow.close)
        port = slow.getsockname()[1]
        self.remember(port, self.late(server.port, 0.6))
        self.assertEqual(self.ask(port, head_start_ms=250), ["HTTP/3"])
        slow.settimeout(60)
        slow.accept()[0].close()  # TCP did begin
        self.assertTrue(self.file.read_text().endswith(" 0\n"), self.file.read_text())
        several = [f"https://127.0.0.1:{port}/small"] * 4
        self.assertEqual(self.ask(port, *several), ["HTTP/3"] * 5)
        server.stop()  # while goodbyes still come through

    def test_who_stands_for_somebody_else(self):
        """421 from where Alt-Svc led: it leads there no more, and the origin is asked (RFC 7838, 6)."""
        pairs = [self.certificate(name, names) for name, names in (("a", "IP:127.0.0.1"), ("b", "DNS:other.example"))]
        self.ca = self.authority()[0]
        server = self.secure(*[o for pair in pairs for option in zip(("--cert", "--key"), pair) for o in option])
        for versions in (["HTTP/2"], ["HTTP/3"]):
            self.assertEqual(self.ask(server.port), versions)
        self.assertEqual(self.ask(server.port, items=["Host:other.example"]), ["HTTP/3", "HTTP/2"])
        self.assertEqual(self.file.read_text(), "")  # nor does the Alt-Svc of a 421 count
        self.assertEqual(self.ask(server.port), ["HTTP/2"])
        self.assertEqual(self.ask(server.port), ["HTTP/3"])

    def test_a_file_that_is_none(self):
        server = self.secure()
        for text in ("", "\n\n", "x" * 100_000, "127.0.0.1\n", f"127.0.0.1 {server.port} 127.0.0.1 99999 1 1\n",
                     "\0\xff" * 500, f"127.0.0.1 {server.port} 127.0.0.1 {server.port} 1 0\n"):
            self.file.write_text(text)
            self.assertEqual(self.ask(server.port), ["HTTP/2"], text[:99])
            self.assertEqual(len(self.file.read_text().splitlines()), 1)
        self.file.unlink()
        self.file.mkdir()
        self.assertEqual(self.ask(server.port), ["HTTP/2"])
