"""HTTP/2 in the client: which version is chosen and why, many exchanges on one connection, retries, resumption,
with servers that a test scripts, with Tercet's own, with nghttpd and with nginx."""
import json
import re
import ssl
import struct

from harness import Peer
from test_tls import Tls

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
OK = b"\x88"  # :status: 200, from the static table


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def field(name, value):
    """A literal that is not indexed."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


class Raw:
    """The server's side of a connection, frame by frame."""

    def __init__(self, wire, settings=b""):
        self.wire = wire
        if wire.exactly(len(PREFACE)) != PREFACE:
            raise EOFError("no preface")
        wire.send(frame(SETTINGS, 0, 0, settings))

    def read(self):
        head = self.wire.exactly(9)
        if len(head) < 9:
            raise EOFError("closed")
        payload = self.wire.exactly(int.from_bytes(head[:3], "big"))
        return head[3], head[4], int.from_bytes(head[5:], "big"), payload

    def request(self):
        """The stream of the next request; its content, if any, is read and thrown away."""
        while True:
            kind, flags, stream, payload = self.read()
            if kind == SETTINGS and not flags & ACK:
                self.wire.send(frame(SETTINGS, ACK, 0))
            if kind == HEADERS:
                self.block = payload
                while not flags & END_STREAM:
                    kind, flags, other, payload = self.read()
                    if kind not in (DATA, HEADERS) or other != stream:
                        flags = 0
                return stream

    def send(self, *args):
        self.wire.send(frame(*args))

    def answer(self, stream, body=b"hello"):
        self.send(HEADERS, END_HEADERS, stream, OK)
        self.send(DATA, END_STREAM, stream, body)

    def refuse(self, stream, code=7):
        self.send(RST_STREAM, 0, stream, struct.pack(">I", code))

    def goaway(self, last, code=0):
        self.send(GOAWAY, 0, 0, struct.pack(">II", last, code))

    def until_closed(self):
        try:
            while True:
                self.read()
        except (EOFError, OSError):
            pass


class H2(Tls):
    def raw(self, talk, settings=b""):
        """A server in clear text; talk(raw, nth connection)."""
        def begin(peer, wire):
            nth = peer.count
            talk(Raw(wire, settings), nth)
        return Peer(self, begin)

    def told(self, *args, **how):
        got = self.tercet("get", "--json", *args, env=self.env, **how)
        return json.loads(got.text)["exchanges"]


class Choice(H2):
    """Which version, and why."""

    def test_over_tls(self):
        server = self.secure()
        url = f"https://localhost:{server.port}/small"
        for options, version, why in (((), "HTTP/2", "chosen by the server from h2, http/1.1 (ALPN)"),
                                      (("--http", "2"), "HTTP/2", "as asked for; the server agreed to h2 (ALPN)"),
                                      (("--http", "1.1"), "HTTP/1.1", "as asked for; the server agreed to http/1.1 (ALPN)"),
                                      (("--http", "1.0"), "HTTP/1.0", "as asked for; the server agreed to http/1.1 (ALPN)")):
            with self.subTest(options):
                e = self.told(*options, url)[0]
                self.assertEqual((e["request"]["version"], e["connection"]["version_why"]), (version, why))
                self.assertEqual(e["response"]["status"], 200)
                shown = self.tercet("get", "-v", *options, url, env=self.env)
                self.assertIn(f"{why}\n", shown.err)
                self.assertEqual(shown.out, b"s" * 612)

    def test_in_clear_text(self):
        server = self.serve(files=self.files)
        for options, version, why in (((), "HTTP/1.1", "as always in clear text, unless --http asks for another"),
                                      (("--http", "2"), "HTTP/2", "as asked for; in clear text the server has no say"),
                                      (("--http", "1.0"), "HTTP/1.0", "as asked for; in clear text the server has no say")):
            with self.subTest(options):
                e = self.told(*options, server.url + "/small")[0]
                self.assertEqual((e["request"]["version"], e["connection"]["version_why"]), (version, why))
                self.assertEqual(e["response"]["body"]["length"], 612)

    def peer(self, protocols, answer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate("good", "DNS:localhost,IP:127.0.0.1"))
        if protocols:
            context.set_alpn_protocols(protocols)

        def talk(peer, wire):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            peer.request(wire)
            wire.send(answer)
        return Peer(self, talk)

    def test_a_server_that_agrees_to_nothing(self):
        peer = self.peer(None, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        url, ca = f"https://localhost:{peer.port}/", self.authority()[0]
        e = self.told("--cacert", ca, url)[0]
        self.assertEqual((e["request"]["version"], e["connection"]["version_why"]),
                         ("HTTP/1.1", "since the server agreed to none of h2, http/1.1 (ALPN)"))
        got = self.tercet("get", "--cacert", ca, "--http", "2", url, env=self.env)
        self.assertEqual((got.status, got.out), (1, b""), got)
        self.assertIn("does not speak the version of HTTP that was asked for (in the connect phase)", got.err)
        self.assertIn("it was offered HTTP/2 only", got.err)
        self.assertEqual(len(peer.heads), 1, "a request was sent")

    def test_a_server_that_refuses_the_handshake(self):
        server = self.secure()
        peer = self.peer(["http/1.1"], b"")  # OpenSSL in Python goes on without: this one is silent
        got = self.tercet("get", "--cacert", self.authority()[0], "--http", "2", f"https://localhost:{peer.port}/", env=self.env)
        self.assertEqual(got.status, 1, got)
        self.assertEqual(self.tercet("get", "--http", "2", f"https://localhost:{server.port}/", env=self.env).status, 0)

    def test_prior_knowledge_that_is_wrong(self):
        peer = Peer(self, lambda peer, wire: wire.until(b"SM\r\n\r\n") and wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        got = self.tercet("get", "--http", "2", peer.url)
        self.assertEqual((got.status, got.out), (1, b""), got)
        self.assertIn("does not speak the version of HTTP", got.err)

    def test_old_versions_have_no_tls(self):
        got = self.tercet("get", "--http", "0.9", "https://localhost:1/")
        self.assertEqual(got.status, 1)
        self.assertIn("HTTP/0.9 is for clear text", got.err)
