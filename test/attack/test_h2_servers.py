"""Servers of HTTP/2 that break rules or never end, against our client: it ends with an error that names
what is wrong, and holds no more than its limits."""
import json

from harness import Case, Peer
from h2raw import *

OK = bytes([0x88])  # :status 200


def said(*parts, hold=False):
    """A talk that hears a request and says these bytes behind its SETTINGS."""
    def talk(peer, wire):
        wire.until(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        wire.send(settings())
        while not any(wire.held[i + 3:i + 4] == b"\x01" for i in starts(wire.held)):
            if not wire.more():
                return
        for part in parts:
            wire.send(part)
        while hold and wire.more():
            wire.held = b""
    return talk


def starts(data):
    at = 0
    while len(data) - at >= 9:
        yield at
        at += 9 + int.from_bytes(data[at:at + 3], "big")


def hint():
    return headers(1, [(":status", "103"), ("link", "</a>; rel=preload")], END_HEADERS)


class Servers(Case):
    def get(self, *parts, hold=True, options=()):
        peer = Peer(self, said(*parts, hold=hold))
        return self.tercet("get", f"http://127.0.0.1:{peer.port}/", "--http", "2", *options, seconds=300)

    def refused(self, *parts, **how):
        got = self.get(*parts, **how)
        self.assertGreater(got.status, 0, got)
        self.assertRegex(got.err, r"^tercet: .*in the (request|response) phase", got)
        self.assertNotIn(b"HIDDEN", got.out)
        return got

    def test_what_is_right(self):
        got = self.get(hint() + headers(1, OK, END_HEADERS) + frame(DATA, PADDED, 1, b"\x02hi\0\0") + headers(1, [("x-sum", "1")]),
                       options=["--json"])
        self.assertEqual(got.status, 0, got)
        told = json.loads(got.out)["exchanges"][0]
        self.assertEqual([i["status"] for i in told["informational"]], [103])
        self.assertEqual(told["response"]["body"]["data"], "hi")
        self.assertEqual(told["response"]["trailers"], [{"name": "x-sum", "value": "1"}])

    def test_35_interim_answers_without_end(self):
        def talk(peer, wire):
            said()(peer, wire)
            while True:
                wire.send(hint() * 100)
        peer = Peer(self, talk)
        got = self.tercet("get", f"http://127.0.0.1:{peer.port}/", "--http", "2", seconds=300)
        self.assertNotEqual(got.status, 0)
        self.assertIn("too many informational responses", got.err)

    def test_35_large_trailers(self):
        big = block([("t", "x" * 15000)])
        self.refused(headers(1, OK, END_HEADERS) + headers(1, big, END_STREAM) + frame(CONTINUATION, 0, 1, big) * 40)
        self.refused(headers(1, OK, END_HEADERS) + headers(1, [(f"t{n}", "x") for n in range(1000)]))

    def test_26_continuations_without_end(self):
        self.refused(headers(1, OK, 0) + frame(CONTINUATION, 0, 1) * 10000)

    def test_27_references_multiplied(self):
        self.refused(headers(1, OK + literal("x", "v" * 3000, 0x40) + indexed(62) * 12000))

    def test_29_frames_without_use(self):
        for one in (frame(PING, 0, 0, bytes(8)), settings((MAX_STREAMS, 9)), frame(99), window(0, 1), frame(DATA, 0, 1)):
            with self.subTest(one):
                self.refused(headers(1, OK, END_HEADERS) + one * 5000)

    def test_36_pushes_that_nobody_asked_for(self):
        self.refused(frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + block(request(path="/pushed"))) +
                     headers(2, OK, END_HEADERS) + frame(DATA, END_STREAM, 2, b"HIDDEN"))
        self.refused(headers(2, OK, END_HEADERS) + frame(DATA, END_STREAM, 2, b"HIDDEN"))

    def test_31_33_rules_broken(self):
        """Each is the end of the exchange; what came of it is not passed off as whole."""
        wrong = {
            "no status": headers(1, [("x", "y")]),
            "a status that is none": headers(1, [(":status", "2000")]),
            "a status twice": headers(1, [(":status", "200"), (":status", "200")]),
            "a pseudo-field of requests": headers(1, [(":status", "200"), (":path", "/")]),
            "upper case": headers(1, OK + block([("X-Up", "1")])),
            "a field of a connection": headers(1, OK + block([("connection", "close")])),
            "Transfer-Encoding": headers(1, OK + block([("transfer-encoding", "chunked")])),
            "CR LF in a value": headers(1, OK + block([("x", "a\r\nb: c")])),
            "a trailing blank": headers(1, OK + block([("x", "a ")])),
            "101": headers(1, [(":status", "101")]),
            "an interim answer that ends": headers(1, [(":status", "103")]),
            "a length past DATA": headers(1, OK + block([("content-length", "9")]), END_HEADERS) + frame(DATA, END_STREAM, 1, b"short"),
            "DATA past the length": headers(1, OK + block([("content-length", "1")]), END_HEADERS) + frame(DATA, END_STREAM, 1, b"long"),
            "DATA before HEADERS": frame(DATA, END_STREAM, 1, b"HIDDEN"),
            "DATA of an idle stream": frame(DATA, END_STREAM, 7, b"HIDDEN"),
            "an even stream": headers(2, OK),
            "an index of nothing": headers(1, indexed(99)),
            "WINDOW_UPDATE of an idle stream": headers(1, OK, END_HEADERS) + window(7, 1),
            "a window that overflows": window(0, WINDOW_MAX),
            "ENABLE_PUSH": settings((ENABLE_PUSH, 1)),
            "a frame too large": frame(99, 0, 0, bytes(20000)),
            "GOAWAY below ours": frame(GOAWAY, 0, 0, u32(0) + u32(NO_ERROR)),
            "RST_STREAM": reset(1, INTERNAL_ERROR),
            "RST_STREAM within content": headers(1, OK, END_HEADERS) + frame(DATA, 0, 1, b"half") + reset(1, NO_ERROR),
            "no SETTINGS": None,
        }
        for what, bytes_said in wrong.items():
            with self.subTest(what):
                if bytes_said is None:
                    peer = Peer(self, lambda peer, wire: wire.send(headers(1, OK)))
                    got = self.tercet("get", f"http://127.0.0.1:{peer.port}/", "--http", "2")
                    self.assertNotEqual(got.status, 0)
                else:
                    self.refused(bytes_said)

    def test_the_end_of_a_connection_is_no_end_of_content(self):
        self.refused(headers(1, OK, END_HEADERS) + frame(DATA, 0, 1, b"half"), hold=False)
