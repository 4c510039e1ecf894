"""`tercet bench`: what it counts is what a server saw, whatever the version, and failures have names."""
import json
import os
import pty
import re
import signal
import subprocess
import time

from harness import PROGRAM, Peer, die_with_parent, environment, free_port, needs_quic, wait_for
from test_tls import Tls

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Bench(Tls):
    def bench(self, *options, status=0, **how):
        got = self.tercet("bench", "--json", *options, env=self.env, **how)
        self.assertEqual(got.status, status, got)
        return json.loads(got.out)

    def log_lines(self, file):
        return file.read_text().splitlines() if file.exists() else []

    def assertWhole(self, got, n):
        self.assertEqual((got["begun"], got["done"], got["failed"], got["unfinished"]), (n, n, 0, 0), got)


class Counts(Bench):
    def test_clear_text(self):
        """Exactly as many as asked for reach the server, on as many connections."""
        log = self.dir / "log"
        server = self.serve(files=self.files, log=str(log))
        got = self.bench("-n", 203, "-c", 7, f"{server.url}/small")
        self.assertWhole(got, 203)
        self.assertEqual(got["statuses"], {"200": 203})
        self.assertEqual(got["errors"], [])
        self.assertEqual(got["connections_made"], 7)
        self.assertEqual(got["bytes"]["content"], 203 * 612)
        self.assertGreater(got["bytes"]["in"], 203 * 612)
        self.assertGreater(got["bytes"]["out"], 203 * 20)
        self.assertEqual((got["http"], got["address"], got["port"]), ("HTTP/1.1", "127.0.0.1", server.port))
        server.stop()
        self.assertEqual(len([line for line in self.log_lines(log) if "/small" in line]), 203)

    def test_fewer_requests_than_connections(self):
        server = self.serve(files=self.files)
        got = self.bench("-n", 3, f"{server.url}/small")
        self.assertWhole(got, 3)
        self.assertEqual(got["connections_made"], 3)

    @needs_quic
    def test_every_version(self):
        server = self.secure()
        for version, name, streams in (("1.1", "HTTP/1.1", 1), ("2", "HTTP/2", 20), ("3", "HTTP/3", 20), ("best", "HTTP/2", 4)):
            with self.subTest(version):
                got = self.bench("-n", 300, "-c", 3, "-m", streams, "--http", version, f"https://localhost:{server.port}/small")
                self.assertWhole(got, 300)
                self.assertEqual((got["http"], got["connections_made"]), (name, 3))
                self.assertEqual(got["bytes"]["content"], 300 * 612)
                self.assertEqual(got["resumed"], 0)

    @needs_quic
    def test_as_many_streams_as_there_may_be(self):
        """New ones wait for what the server lets begin, and none is forgotten."""
        server = self.secure()
        for version in ("2", "3"):
            with self.subTest(version):
                got = self.bench("-n", 4000, "-c", 2, "-m", 150, "--http", version, f"https://localhost:{server.port}/small")
                self.assertWhole(got, 4000)

    @needs_quic
    def test_large_answers(self):
        server = self.secure()
        for version in ("1.1", "2", "3"):
            with self.subTest(version):
                got = self.bench("-n", 6, "-c", 2, "--http", version, f"https://localhost:{server.port}/big")
                self.assertWhole(got, 6)
                self.assertEqual(got["bytes"]["content"], 6 * 3_000_000)

    @needs_quic
    def test_a_connection_for_each(self):
        server = self.secure()
        url = f"https://localhost:{server.port}/small"
        got = self.bench("-n", 20, "-c", 2, "--no-keep-alive", url)
        self.assertWhole(got, 20)
        self.assertEqual((got["connections_made"], got["resumed"], got["keep_alive"]), (20, 0, False))
        got = self.bench("-n", 20, "-c", 2, "--no-keep-alive", "--resume", url)
        self.assertWhole(got, 20)
        self.assertEqual((got["connections_made"], got["resumed"]), (20, 18))
        got = self.bench("-n", 10, "-c", 2, "--no-keep-alive", "--http", 3, url)
        self.assertWhole(got, 10)
        self.assertEqual((got["connections_made"], got["resumed"]), (10, 0))

    @needs_quic
    def test_coming_back_over_quic(self):
        """With a ticket, and with the token that spares the Retry."""
        server = self.secure("--limit", "quic_unvalidated=0")
        url = f"https://localhost:{server.port}/small"
        got = self.bench("-n", 20, "-c", 2, "--no-keep-alive", "--resume", "--http", 3, url)
        self.assertWhole(got, 20)
        self.assertEqual((got["connections_made"], got["resumed"]), (20, 18))
        server.signal()
        server.wait()
        times = int(re.search(r"limit quic_unvalidated reached (\d+) times", server.said())[1])
        self.assertIn(times, range(2, 10))  # twice, or more often where an answer was so late that the client asked again

    @needs_quic
    def test_handshakes(self):
        server = self.secure()
        for version in ("1.1", "2", "3"):
            with self.subTest(version):
                got = self.bench("-n", 20, "-c", 2, "--handshakes", "--http", version, f"https://localhost:{server.port}/")
                self.assertWhole(got, 20)
                self.assertEqual((got["connections_made"], got["statuses"], got["bytes"]["in"]), (20, {}, 0))

    def test_time(self):
        """Until the time is over; what is under way then is neither done nor failed."""
        server = self.serve(files=self.files)
        got = self.bench("-d", 3, "-c", 4, f"{server.url}/small")
        self.assertGreaterEqual(got["seconds"], 3)
        self.assertGreater(got["done"], 0)
        self.assertEqual(got["failed"], 0)
        self.assertEqual(got["begun"], got["done"] + got["unfinished"])
        self.assertLessEqual(got["unfinished"], 4)

    def test_fields_go_along(self):
        def talk(peer, wire):
            for _ in range(4):
                peer.heads.append(wire.until(b"\r\n\r\n"))
                wire.send(OK)

        peer = Peer(self, talk)
        got = self.bench("-n", 4, "-c", 1, f"http://127.0.0.1:{peer.port}/", "X-One:1")
        self.assertWhole(got, 4)
        self.assertEqual(len(peer.heads), 4)
        for head in peer.heads:
            self.assertRegex(head, rb"(?i)\r\nx-one: 1\r\n")


    @needs_quic
    def test_method_and_content(self):
        """Content goes along with each request, from memory and from a file; it makes the method POST."""
        server = self.secure()
        (self.dir / "notes.txt").write_bytes(b"x" * 50_000)
        for version in ("1.1", "2", "3"):
            for words, method, length in ((("a=b",), "POST", 10), (("--data", "@notes.txt"), "POST", 50_000),
                                          (("-X", "PUT", "--data", "c"), "PUT", 1), (("--method", "DELETE"), "DELETE", 0)):
                with self.subTest((version, words)):
                    got = self.bench("-n", 20, "-c", 2, "--http", version, f"https://localhost:{server.port}/echo", *words)
                    self.assertWhole(got, 20)
                    self.assertEqual((got["method"], got["statuses"]), (method, {"200": 20}))
                    self.assertGreater(got["bytes"]["out"], 20 * length)


class Rate(Bench):
    @needs_quic
    def test_pace(self):
        """Not faster than the rate, and all of them."""
        server = self.secure()
        for words in (("--http", "1.1"), ("--http", "2", "-m", 8), ("--http", "3", "-m", 8), ("--no-keep-alive",), ("--handshakes",)):
            with self.subTest(words):
                got = self.bench("-n", 50, "-c", 4, "--rate", 200, *words, f"https://localhost:{server.port}/small")
                self.assertWhole(got, 50)
                self.assertGreaterEqual(got["seconds"], 49 / 200)
                self.assertEqual((got["rate"], got["not_begun"]), (200, 0))

    def test_a_server_that_stands_still(self):
        """All that were due meanwhile waited: half of a second's requests a quarter of one or more."""
        def talk(peer, wire):
            for i in range(50):
                wire.until(b"\r\n\r\n")
                if i == 0:
                    time.sleep(0.5)
                wire.send(OK)

        peer = Peer(self, talk)
        got = self.bench("-n", 50, "-c", 1, "--rate", 100, f"http://127.0.0.1:{peer.port}/")
        self.assertWhole(got, 50)
        self.assertGreaterEqual(got["time_ms"]["max"], 500)
        self.assertGreaterEqual(got["time_ms"]["p50"], 230)

    def test_a_rate_that_is_not_kept(self):
        """What was due and never begun is counted, and said."""
        peer = Peer(self, lambda peer, wire: wire.rest())
        words = ("-d", 3, "-c", 1, "--rate", 1000, f"http://127.0.0.1:{peer.port}/")
        got = self.bench(*words)
        self.assertEqual((got["begun"], got["done"], got["unfinished"], got["rate_was_kept"]), (1, 0, 1, False))
        self.assertGreaterEqual(got["not_begun"], 2999)
        self.assertIn("the rate was not kept", self.tercet("bench", *words, env=self.env).text)

    def test_a_connection_that_ends(self):
        """It is opened anew when the next request is due."""
        def talk(peer, wire):
            wire.until(b"\r\n\r\n")
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        peer = Peer(self, talk)
        got = self.bench("-n", 20, "-c", 2, "--rate", 200, f"http://127.0.0.1:{peer.port}/")
        self.assertWhole(got, 20)
        self.assertGreaterEqual(got["connections_made"], 20)


class Shown(Bench):
    def test_json(self):
        server = self.serve(files=self.files)
        got = self.bench("-n", 2000, f"{server.url}/small")
        times = got["time_ms"]
        self.assertGreater(times["p50"], 0)
        self.assertTrue(times["p50"] <= times["p90"] <= times["p99"] <= times["p99_9"] <= times["max"], times)
        self.assertLessEqual(times["mean"], times["max"])
        self.assertGreater(got["opening_ms"]["max"], 0)
        self.assertEqual(got["cpu"]["server"]["processes"], 1)
        self.assertGreater(got["cpu"]["generator"]["user_s"] + got["cpu"]["generator"]["system_s"], 0)
        self.assertIn(got["generator_was_bottleneck"], (True, False))
        self.assertIn(got["generator_was_held_up"], (True, False))
        self.assertGreaterEqual(got["cpu"]["generator"]["waited_s"], 0)
        self.assertEqual(got["version"], 1)
        self.assertEqual((got["method"], got["rate"], got["rate_was_kept"], times["count"]), ("GET", None, None, 2000))
        self.assertFalse(got["interrupted"])

    def test_few_samples(self):
        """What so few times cannot tell is not shown."""
        server = self.serve(files=self.files)
        got = self.bench("-n", 50, f"{server.url}/small")
        self.assertIsNotNone(got["time_ms"]["p90"])
        self.assertIsNone(got["time_ms"]["p99"])
        self.assertIsNone(got["time_ms"]["p99_9"])

    def test_text(self):
        server = self.serve(files=self.files)
        got = self.tercet("bench", "-n", 2000, f"{server.url}/small", "Accept:text/plain", env=self.env)
        self.assertEqual(got.status, 0, got)
        said = got.out.decode()
        for line in (r"connections +10   HTTP/1.1   127.0.0.1 port \d+\n", r"requests +2,000 in ", r"errors +0\n", r"p50 .*p90 .*p99 .*p99\.9 .*max ",
                     r"  < .* ms  #+ .* %\n", r"CPU +generator \d+ %, .*server \d+ %"):
            self.assertRegex(said, line)
        self.assertEqual(got.err, "")

    def test_live_line(self):
        """On a terminal it is shown how it goes, and the line is gone at the end."""
        server = self.serve(files=self.files)
        main, other = pty.openpty()
        self.addCleanup(os.close, main)
        proc = subprocess.Popen([str(PROGRAM), "bench", "-d", "3", f"{server.url}/small"], stdout=subprocess.DEVNULL, stderr=other,
                                preexec_fn=die_with_parent(), env=environment(**self.env))
        os.close(other)
        said = b""
        try:
            while data := os.read(main, 4096):
                said += data
        except OSError:
            pass  # the other end is closed
        self.assertEqual(proc.wait(120), 0)
        self.assertRegex(said, rb"\r\x1b\[K  \d\.\d s   [\d,]+ requests/s   [\d.]+ .?B/s   0 errors")
        self.assertTrue(said.endswith(b"\r\x1b[K"), said[-80:])

    def test_ctrl_c(self):
        """What was measured so far is printed."""
        server = self.serve(files=self.files)
        proc = subprocess.Popen([str(PROGRAM), "bench", "--json", "-d", "50", f"{server.url}/small"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, preexec_fn=die_with_parent(), env=environment(**self.env))
        self.addCleanup(proc.wait)
        self.addCleanup(proc.kill)
        before = server.cpu_seconds()
        self.assertTrue(wait_for(lambda: server.cpu_seconds() > before))
        proc.send_signal(signal.SIGINT)
        out, err = proc.communicate(timeout=300)
        self.assertEqual(proc.returncode, 130, err)
        got = json.loads(out)
        self.assertTrue(got["interrupted"])
        self.assertGreater(got["done"], 0)
        self.assertEqual(got["failed"], 0)
        self.assertLess(got["seconds"], 45)


class Fails(Bench):
    def test_statuses(self):
        server = self.serve(files=self.files)
        got = self.bench("-n", 30, f"{server.url}/missing")
        self.assertWhole(got, 30)
        self.assertEqual(got["statuses"], {"404": 30})
        said = self.tercet("bench", "-n", 30, f"{server.url}/missing", env=self.env).out.decode()
        self.assertRegex(said, r"errors +30\n +30  404 Not Found\n")

    def test_500_and_closed(self):
        """Every second connection answers 500, the others say nothing and close."""
        turns = iter(range(1000))

        def talk(peer, wire):
            odd = next(turns) % 2
            wire.until(b"\r\n\r\n")
            if odd:
                wire.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        peer = Peer(self, talk)
        got = self.bench("-n", 20, "-c", 1, f"http://127.0.0.1:{peer.port}/")
        self.assertEqual((got["begun"], got["done"], got["failed"]), (20, 10, 10), got)
        self.assertEqual(got["statuses"], {"500": 10})
        self.assertEqual([(e["name"], e["count"]) for e in got["errors"]], [("EMPTY_REPLY", 10)])
        self.assertEqual(peer.count, 20)

    def test_cut_off(self):
        def talk(peer, wire):
            wire.until(b"\r\n\r\n")
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")

        peer = Peer(self, talk)
        got = self.bench("-n", 6, "-c", 2, f"http://127.0.0.1:{peer.port}/", status=18)
        self.assertEqual((got["done"], got["failed"]), (0, 6))
        self.assertEqual([(e["name"], e["count"]) for e in got["errors"]], [("BODY_CUT", 6)])
        self.assertIsNone(got["time_ms"])

    def test_silence(self):
        """Who never answers is given up after response_ms."""
        peer = Peer(self, lambda peer, wire: wire.rest())
        got = self.bench("-n", 2, "-c", 2, "--limit", "response_ms=300", f"http://127.0.0.1:{peer.port}/", status=28)
        self.assertEqual([(e["name"], e["count"]) for e in got["errors"]], [("RESPONSE_TIME", 2)])

    def test_nobody_there(self):
        for url in (f"http://127.0.0.1:{free_port()}/", f"https://127.0.0.1:{free_port()}/"):
            got = self.tercet("bench", "-n", 5, url, env=self.env)
            self.assertEqual(got.status, 7, got)
            self.assertIn("could not connect", got.err)
            self.assertEqual(got.out, b"")

    @needs_quic
    def test_nobody_there_over_quic(self):
        """The reason is that nobody is there; where another address has somebody, that is taken."""
        got = self.tercet("bench", "-k", "--http", 3, f"https://127.0.0.1:{free_port()}/", env=self.env)
        self.assertEqual(got.status, 7, got)
        self.assertIn("could not connect", got.err)
        self.assertNotIn("look-up", got.err)
        server = self.secure()  # on 127.0.0.1 only
        got = self.bench("-n", 10, "--http", 3, f"https://localhost:{server.port}/small")
        self.assertWhole(got, 10)
        self.assertEqual(got["address"], "127.0.0.1")

    def test_a_server_that_leaves(self):
        """Half of them are answered, then nobody listens any more: the rest fails, each once."""
        def talk(peer, wire):
            wire.until(b"\r\n\r\n")
            peer.listener.close()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        peer = Peer(self, talk)
        got = self.bench("-n", 4, "-c", 1, f"http://127.0.0.1:{peer.port}/")
        self.assertEqual(got["done"] + got["failed"], 4)
        self.assertGreaterEqual(got["done"], 1)

    def test_certificates_are_judged(self):
        server = self.secure()
        url = f"https://localhost:{server.port}/"
        empty = {"XDG_STATE_HOME": str(self.dir / "other")}
        got = self.tercet("bench", "-n", 1, url, env=empty)
        self.assertEqual(got.status, 60, got)
        got = self.tercet("bench", "-n", 1, "--insecure", url, env=empty)
        self.assertEqual(got.status, 0, got)
        self.assertIn("--insecure: whoever answers is believed", got.err)

    def test_contradictions(self):
        for words in (("-m", 2, "--http", "1.1", ":1/"), ("-m", 2, "--no-keep-alive", ":1/"), ("--resume", ":1/"), ("--http", 3, ":1/"),
                      ("--handshakes", "--no-keep-alive", ":1/"), (":1/", ":2/"), (":1/", "--data", "-"), (":1/", "a=b", "--data", "c"), ("--handshakes", ":1/", "a=b"),
                      ("-X", "a b", ":1/"), ("--rate", 0, ":1/"), ("-n", 0, ":1/"), ()):
            with self.subTest(words):
                got = self.tercet("bench", *words, env=self.env)
                self.assertEqual(got.status, 2, got)
                self.assertIn("tercet: ", got.err)
