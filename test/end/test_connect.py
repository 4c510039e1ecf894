"""CONNECT at the server: tunnels with curl and with bytes of our own, over HTTP/1.1, 2 and 3. Where they may not lead
is in test/attack/test_tunnel.py."""
import hashlib
import json
import os
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attack"))
from h2raw import CONNECT_ERROR, DATA, END_HEADERS, END_STREAM, H2, frame, headers, request, reset, window
from h3raw import H3, frame as h3_frame, headers as h3_headers, request as h3_request
from harness import Peer, needs_quic, sanitized, settled, wait_for
from quicraw import Reader
from test_tls import Tls

CHUNK = bytes(range(256)) * 256
H3_CONNECT_ERROR = 0x10f


def echo(peer, wire):
    """Says everything back, then its own end."""
    while data := wire.sock.recv(1 << 16):
        wire.sock.sendall(data)
    wire.sock.shutdown(socket.SHUT_WR)


class Connect(Tls):
    def proxy(self, *options, peer=None, **how):
        allowed = ("--connect", f"127.0.0.1:{peer.port}") if peer else ()
        return self.serve(*allowed, *options, files={"index.html": "home"}, **how)

    def tunnel(self, server, peer, more=b""):
        wire = server.wire(seconds=60)
        to = b"127.0.0.1:%d" % peer.port
        wire.send(b"CONNECT " + to + b" HTTP/1.1\r\nHost: " + to + b"\r\n\r\n" + more)
        head = wire.until(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertIsNone(re.search(rb"(?im)^(content-length|transfer-encoding|connection):", head), head)
        return wire

    def lines(self, server, count):
        wait_for(lambda: server.printed().count("\n") >= count)
        return [json.loads(line) for line in server.printed().split("\n")[:-1]]


class Tunnels(Connect):
    def test_curl_to_https(self):
        files = {"big": b"b" * 3_000_000}
        origin = self.secure(files=files)
        server = self.serve("--connect", f"127.0.0.1:{origin.port}", "--log-format", "json", files={"x": "x"}, log="-")
        url = f"https://localhost:{origin.port}"
        got = self.curl("--noproxy", "", "--proxy", server.url, "--cacert", self.ca, "--connect-to", f"localhost:{origin.port}:127.0.0.1:{origin.port}",
                        url + "/big", "--next", "--proxy", server.url, "--cacert", self.ca, "-T", self.dir / "site" / "x",
                        "--connect-to", f"localhost:{origin.port}:127.0.0.1:{origin.port}", url + "/echo")
        self.assertEqual(got.status, 0, got)
        self.assertEqual(got.out[:3_000_000], files["big"])
        said = max(self.lines(server, 1), key=lambda line: line["bytes"])  # one tunnel, or two
        self.assertEqual((said["status"], said["target"]), (200, f"127.0.0.1:{origin.port}"))
        self.assertGreater(said["bytes"], 3_000_000)
        self.assertGreater(said["content_in"], 300)
        self.assertGreater(said["ms"], 0)

    def test_bytes_that_came_with_the_head(self):
        peer = Peer(self, echo)
        wire = self.tunnel(self.proxy(peer=peer), peer, b"GET / HTTP/1.1\r\n\r\n")
        wire.end()
        self.assertEqual(wire.rest(), b"GET / HTTP/1.1\r\n\r\n")

    def test_much_both_ways(self):
        peer = Peer(self, echo)
        wire = self.tunnel(self.proxy(peer=peer), peer)
        count = 300  # 20 MB each way
        sent = hashlib.sha256(CHUNK * count).digest()

        def say():
            for _ in range(count):
                wire.send(CHUNK)
            wire.end()
        threading.Thread(target=say, daemon=True).start()
        self.assertEqual(hashlib.sha256(wire.rest()).digest(), sent)

    def test_the_client_ends_first(self):
        def talk(peer, wire):
            self.heard = wire.rest()
            wire.send(b"and that was all")
        peer = Peer(self, talk)
        wire = self.tunnel(self.proxy(peer=peer), peer)
        wire.send(b"hello")
        wire.end()
        self.assertEqual(wire.rest(), b"and that was all")
        self.assertEqual(self.heard, b"hello")

    def test_the_target_ends_first(self):
        done = threading.Event()

        def talk(peer, wire):
            wire.send(b"goodbye")
            wire.end()
            self.heard = wire.rest()
            done.set()
        peer = Peer(self, talk)
        wire = self.tunnel(self.proxy(peer=peer), peer)
        self.assertEqual(wire.rest(), b"goodbye")
        wire.send(b"still here")
        wire.end()
        self.assertTrue(done.wait(120))
        self.assertEqual(self.heard, b"still here")

    def test_the_target_resets(self):
        def talk(peer, wire):
            wire.exactly(1)
            wire.reset()
        peer = Peer(self, talk)
        wire = self.tunnel(self.proxy(peer=peer), peer)
        wire.send(b"x")
        with self.assertRaises(ConnectionResetError):
            wire.sock.recv(1)

    def test_the_client_resets(self):
        def talk(peer, wire):
            wire.exactly(1)
            self.there.set()
            try:
                wire.sock.recv(1)
            except ConnectionResetError:
                self.reset = True
            self.over.set()
        self.reset, self.there, self.over = False, threading.Event(), threading.Event()
        peer = Peer(self, talk)
        wire = self.tunnel(self.proxy(peer=peer), peer)
        wire.send(b"x")
        self.assertTrue(self.there.wait(120))
        wire.reset()
        self.assertTrue(self.over.wait(120))
        self.assertTrue(self.reset)

    def test_who_does_not_read_is_waited_for(self):
        def talk(peer, wire):
            for _ in range(1600):  # 100 MB
                wire.send(CHUNK)
                self.said += len(CHUNK)
        self.said = 0
        peer = Peer(self, talk)
        server = self.proxy(peer=peer)
        self.tunnel(server, peer)
        before = server.memory()
        settled(lambda: self.said)
        self.assertLess(self.said, 50_000_000)
        if not sanitized():
            self.assertLess(server.memory() - before, 4_000_000)

    def test_idle(self):
        peer = Peer(self, echo)
        server = self.proxy("--limit", "tunnel_idle_ms=500", peer=peer)
        wire = self.tunnel(server, peer)
        with self.assertRaises(ConnectionResetError):
            wire.sock.recv(1)
        server.signal()
        server.wait()
        self.assertIn("limit tunnel_idle_ms reached 1", server.said())
        server.stopped = True

    def test_the_server_ends(self):
        """Tunnels go on for a while; one that goes on for longer is cut off."""
        peer = Peer(self, echo)
        server = self.proxy("--limit", "tunnel_drain_ms=3600000", peer=peer)
        wire = self.tunnel(server, peer)
        server.signal(signal.SIGTERM)
        self.assertTrue(wait_for(lambda: "finishing what is under way" in server.said()))
        wire.send(b"still")
        self.assertEqual(wire.exactly(5), b"still")
        wire.close()
        self.assertEqual(server.wait(), 0)
        server = self.proxy("--limit", "tunnel_drain_ms=500", peer=peer)
        wire = self.tunnel(server, peer)
        server.signal(signal.SIGTERM)
        with self.assertRaises(ConnectionResetError):
            wire.sock.recv(1)
        self.assertEqual(server.wait(), 0)
        self.assertIn("limit tunnel_drain_ms reached 1", server.said())
        server.stopped = True

    def test_a_refused_client_comes_with_no_request(self):
        wire = self.proxy("--connect", "example.org").wire()
        wire.send(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        said = wire.rest()
        self.assertTrue(said.startswith(b"HTTP/1.1 403 "), said)
        self.assertIn(b"\r\nProxy-Status: tercet; error=http_request_denied\r\n", said)
        self.assertEqual(said.count(b"HTTP/1.1 "), 1)

    def test_off(self):
        wire = self.proxy().wire()
        wire.send(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
        answer = wire.response()
        self.assertEqual((answer.status, answer.get("allow") is not None), (405, True))

    def test_settings_that_are_wrong(self):
        for value, why in (("a:http", "that is no port"), ("10.0.0.1/8", "is an address in a network: is 10.0.0.0/8 meant?"),
                           ("a*b", "that is no host")):
            got = self.tercet("serve", "--connect", value)
            self.assertEqual(got.status, 2, got)
            self.assertIn(why, got.err)

    def test_in_a_sandbox(self):
        """Names can be looked up and connections made, whatever else is shut off."""
        peer = Peer(self, echo)
        more = [] if sanitized() else ["--seccomp"]  # sanitizers call for more than the program does
        server = self.proxy(*more, "--connect", "*:1", peer=peer)
        wire = self.tunnel(server, peer)
        wire.send(b"x")
        self.assertEqual(wire.exactly(1), b"x")
        wire = server.wire(seconds=60)
        wire.send(b"CONNECT no-such.invalid:1 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(wire.response().status, (502, 504))
        self.assertAlive(server)


class Http2(Connect):
    def begin(self, talk, *options):
        self.peer = Peer(self, talk)
        self.server = self.proxy(*options, peer=self.peer)
        conn = H2.connect(self.server.port)
        self.addCleanup(conn.close)
        return conn

    def fields(self):
        return request(method="CONNECT", scheme=None, path=None, authority=f"127.0.0.1:{self.peer.port}")

    def test_both_ways_and_halves(self):
        conn = self.begin(echo)
        conn.send(headers(1, self.fields(), END_HEADERS) + frame(DATA, 0, 1, b"early "))
        conn.send(frame(DATA, 0, 1, b"late") + frame(DATA, END_STREAM, 1, b"!"))
        self.assertEqual(conn.answered(1), 200)
        self.assertEqual(conn.data[1], b"early late!")
        conn.send(headers(3, request()))  # others go on
        self.assertEqual(conn.answered(3), 200)

    def test_the_target_resets(self):
        def talk(peer, wire):
            wire.exactly(1)
            wire.reset()
        conn = self.begin(talk)
        conn.send(headers(1, self.fields(), END_HEADERS) + frame(DATA, 0, 1, b"x"))
        conn.answered(1)
        self.assertEqual((conn.statuses[1], conn.resets[1]), ([200], CONNECT_ERROR))

    def test_the_client_resets(self):
        there, over = threading.Event(), threading.Event()

        def talk(peer, wire):
            wire.exactly(1)
            there.set()
            try:
                wire.sock.recv(1)
            except ConnectionResetError:
                over.set()
        conn = self.begin(talk)
        conn.send(headers(1, self.fields(), END_HEADERS) + frame(DATA, 0, 1, b"x"))
        conn.until(lambda: conn.statuses)
        self.assertTrue(there.wait(120))
        conn.send(reset(1))
        self.assertTrue(over.wait(120))

    def test_who_opens_no_window(self):
        def talk(peer, wire):
            for _ in range(1600):
                wire.send(CHUNK)
                self.said += len(CHUNK)
        self.said = 0
        conn = self.begin(talk, "--limit", "h2_stall_ms=300")
        conn.send(headers(1, self.fields(), END_HEADERS))
        conn.until(lambda: len(conn.data.get(1, b"")) == 65535)
        before = self.server.memory()
        settled(lambda: self.said)
        if not sanitized():
            self.assertLess(self.server.memory() - before, 4_000_000)
        conn.send(window(0, 100000) + window(1, 100000))
        self.assertTrue(conn.until(lambda: len(conn.data[1]) == 165535))
        self.assertEqual(conn.data[1], (CHUNK * 3)[:165535])


@needs_quic
class Http3(Connect):
    def content(self, conn, sid):
        r, out = Reader(conn.stream_bytes(sid)), b""
        try:
            while r.left():
                kind, payload = r.varint(), r.bytes(r.varint())
                out += payload if kind == 0 else b""
        except ValueError:
            pass
        return out

    def begin(self, talk):
        self.peer = Peer(self, talk)
        server = self.secure("--workers", "1", "--connect", f"127.0.0.1:{self.peer.port}")
        conn = H3(server.port)
        self.addCleanup(conn.close)
        pairs = [(n, v) for n, v in h3_request(method="CONNECT", authority=f"127.0.0.1:{self.peer.port}")
                 if n not in (":scheme", ":path")]
        conn.send_stream(0, h3_headers(pairs) + h3_frame(0, b"hello "))
        return conn

    def test_both_ways_and_halves(self):
        conn = self.begin(echo)
        conn.until(lambda: self.content(conn, 0) == b"hello ")
        self.assertEqual(conn.status(0), 200)
        conn.send_stream(0, h3_frame(0, b"there"), True)
        conn.until(lambda: 0 in conn.ended)
        self.assertEqual(self.content(conn, 0), b"hello there")

    def test_the_target_resets(self):
        def talk(peer, wire):
            wire.exactly(1)
            wire.reset()
        conn = self.begin(talk)
        conn.until(lambda: 0 in conn.resets)
        self.assertEqual(conn.resets.get(0), H3_CONNECT_ERROR)
