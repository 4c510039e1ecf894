"""What the suites of HTTP/2 in the client share: a server that says frames as a test tells it."""
import json
import struct

import client_case
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
    on_terminal = client_case.Client.on_terminal

    def raw(self, talk, settings=b""):
        """A server in clear text; talk(raw, nth connection)."""
        def begin(peer, wire):
            nth = peer.count
            talk(Raw(wire, settings), nth)
        return Peer(self, begin)

    def told(self, *args, **how):
        got = self.tercet("get", "--json", *args, env=self.env, **how)
        return json.loads(got.text)["exchanges"]
