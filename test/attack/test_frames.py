"""Frames and messages of HTTP/2 that break a rule: the right error code, on the right scope, and nobody
else notices (RFC 9113, 5 to 8; RFC 7541)."""
from attacks import Attack
from h2raw import *

POST = dict(method="POST", path="/echo")
OPEN = END_HEADERS  # a request whose content is still to come


def pad(n, data=b""):
    return bytes([n]) + data + bytes(n)


# What is said behind the preface; the code of the GOAWAY it earns. Stream 1 is a request that waits for content.
CONNECTION = [
    ("31 DATA on stream 0", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    ("31 HEADERS on stream 0", headers(0, request()), PROTOCOL_ERROR),
    ("31 PRIORITY on stream 0", frame(PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
    ("31 RST_STREAM on stream 0", reset(0), PROTOCOL_ERROR),
    ("31 CONTINUATION on stream 0", frame(CONTINUATION, END_HEADERS, 0), PROTOCOL_ERROR),
    ("31 SETTINGS on a stream", frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
    ("31 PING on a stream", frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    ("31 GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    ("31 PRIORITY_UPDATE on a stream", frame(PRIORITY_UPDATE, 0, 1, bytes(4)), PROTOCOL_ERROR),
    ("31 an even stream", headers(2, request()), PROTOCOL_ERROR),
    ("31 a smaller stream", headers(9, request()) + headers(7, request()), STREAM_CLOSED),
    ("31 DATA before HEADERS", frame(DATA, 0, 9, b"x"), PROTOCOL_ERROR),
    ("31 DATA of a server's stream", frame(DATA, 0, 8, b"x"), PROTOCOL_ERROR),
    ("31 RST_STREAM of an idle stream", reset(9), PROTOCOL_ERROR),
    ("31 WINDOW_UPDATE of an idle stream", window(9, 1), PROTOCOL_ERROR),
    ("31 WINDOW_UPDATE of a server's stream", window(8, 1), PROTOCOL_ERROR),
    ("31 CONTINUATION without HEADERS", frame(CONTINUATION, END_HEADERS, 9), PROTOCOL_ERROR),
    ("31 CONTINUATION behind a whole block", headers(9, request()) + frame(CONTINUATION, END_HEADERS, 9), PROTOCOL_ERROR),
    ("31 CONTINUATION of another stream", headers(9, request(), 0) + frame(CONTINUATION, END_HEADERS, 11), PROTOCOL_ERROR),
    ("31 PING within a block", headers(9, request(), 0) + frame(PING, 0, 0, bytes(8)), PROTOCOL_ERROR),
    ("31 an unknown frame within a block", headers(9, request(), 0) + frame(99), PROTOCOL_ERROR),
    ("31 a client that pushes", frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + block(request())), PROTOCOL_ERROR),
    ("31 a frame larger than allowed", frame(DATA, 0, 1, bytes(16385)), FRAME_SIZE_ERROR),
    ("31 an unknown frame larger than allowed", frame(99, 0, 0, bytes(16385)), FRAME_SIZE_ERROR),
    ("31 HEADERS larger than allowed", headers(9, request(("x", "y" * 16400))), FRAME_SIZE_ERROR),
    ("31 PING of 7 bytes", frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    ("31 RST_STREAM of 3 bytes", frame(RST_STREAM, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
    ("31 WINDOW_UPDATE of 5 bytes", frame(WINDOW_UPDATE, 0, 1, bytes(5)), FRAME_SIZE_ERROR),
    ("31 SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    ("31 an acknowledgement with content", frame(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
    ("31 GOAWAY of 4 bytes", frame(GOAWAY, 0, 0, bytes(4)), FRAME_SIZE_ERROR),
    ("31 HEADERS too short for its priority", frame(HEADERS, OPEN | PRIORITIZED, 9, bytes(4)), FRAME_SIZE_ERROR),
    ("31 padding longer than DATA", frame(DATA, PADDED, 1, b"\x05abcd"), PROTOCOL_ERROR),
    ("31 padding longer than HEADERS", frame(HEADERS, OPEN | PADDED, 9, b"\x05\x82"), PROTOCOL_ERROR),
    ("31 padded DATA without its length", frame(DATA, PADDED, 1), FRAME_SIZE_ERROR),
    ("30 WINDOW_UPDATE by nothing", window(0, 0), PROTOCOL_ERROR),
    ("30 the connection's window overflows", window(0, WINDOW_MAX), FLOW_CONTROL_ERROR),
    ("30 an initial window beyond the largest", settings((INITIAL_WINDOW, 1 << 31)), FLOW_CONTROL_ERROR),
    ("30 an initial window that a stream overflows", window(1, WINDOW_MAX - 65535) + settings((INITIAL_WINDOW, 65536)),
     FLOW_CONTROL_ERROR),
    ("ENABLE_PUSH 2", settings((ENABLE_PUSH, 2)), PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE 16383", settings((MAX_FRAME, 16383)), PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE 2^24", settings((MAX_FRAME, 1 << 24)), PROTOCOL_ERROR),
    ("PRIORITY_UPDATE of stream 0", frame(PRIORITY_UPDATE, 0, 0, u32(0) + b"u=1"), PROTOCOL_ERROR),
    ("28 index 0", headers(9, b"\x80"), COMPRESSION_ERROR),
    ("28 an index of nothing", headers(9, indexed(62)), COMPRESSION_ERROR),
    ("28 a name of nothing", headers(9, b"\x7f\x20\x01a"), COMPRESSION_ERROR),
    ("28 an endless integer", headers(9, b"\xff" + b"\xff" * 9 + b"\x7f"), COMPRESSION_ERROR),
    ("28 an integer of 2^62", headers(9, b"\x00\x7f" + b"\xff" * 8 + b"\x3f"), COMPRESSION_ERROR),
    ("28 a string longer than its block", headers(9, b"\x00\x05ab"), COMPRESSION_ERROR),
    ("28 a block that ends within a field", headers(9, b"\x00"), COMPRESSION_ERROR),
    ("28 EOS within a string", headers(9, b"\x00\x84\xff\xff\xff\xff\x01a"), COMPRESSION_ERROR),
    ("28 padding of eight bits", headers(9, b"\x00\x82\x1f\xff\x01a"), COMPRESSION_ERROR),
    ("28 padding of zeros", headers(9, b"\x00\x81\x18\x01a"), COMPRESSION_ERROR),
    ("28 a table larger than was offered", headers(9, b"\x3f\xe2\x1f" + block(request())), COMPRESSION_ERROR),
    ("28 a table's size behind a field", headers(9, indexed(2) + b"\x20"), COMPRESSION_ERROR),
    ("28 an index that was evicted", headers(9, literal("a", "b", 0x40) + block(request())) +
     headers(11, b"\x20" + indexed(62)), COMPRESSION_ERROR),
]

# What is said with stream 3, a request whose content is still to come; the code of the RST_STREAM.
STREAM = [
    ("30 WINDOW_UPDATE by nothing", window(3, 0), PROTOCOL_ERROR),
    ("30 the stream's window overflows", window(3, WINDOW_MAX), FLOW_CONTROL_ERROR),
    ("31 PRIORITY of 4 bytes", frame(PRIORITY, 0, 3, bytes(4)), FRAME_SIZE_ERROR),
    ("31 DATA behind the end", frame(DATA, END_STREAM, 3) + frame(DATA, 0, 3, b"x"), (STREAM_CLOSED, None)),
    ("33 trailers without an end", headers(3, [("x", "y")], OPEN), PROTOCOL_ERROR),
    ("33 trailers with a pseudo-field", headers(3, [(":path", "/")]), PROTOCOL_ERROR),
    ("33 trailers that frame", headers(3, [("content-length", "1")]), PROTOCOL_ERROR),
    ("33 trailers with upper case", headers(3, [("X", "y")]), PROTOCOL_ERROR),
    ("16 trailers with a line end", headers(3, [("x", "a\r\nb: c")]), PROTOCOL_ERROR),
]

# Requests whose fields break a rule: RST_STREAM with PROTOCOL_ERROR, unseen by anybody above.
MALFORMED = [
    ("33 no method", request(method=None)),
    ("33 no scheme", request(scheme=None)),
    ("33 no path", request(path=None)),
    ("33 a path twice", request((":path", "/2"))),
    ("33 a method twice", request((":method", "GET"))),
    ("33 an authority twice", request((":authority", "h"))),
    ("33 a pseudo-field of responses", request((":status", "200"))),
    ("33 an unknown pseudo-field", request((":protocol", "websocket"))),
    ("33 a pseudo-field behind others", [("x", "y")] + request()),
    ("33 one of them behind others", request(path=None) + [("x", "y"), (":path", "/")]),
    ("33 Connection", request(("connection", "close"))),
    ("33 Connection that names a field", request(("connection", "x"), ("x", "y"))),
    ("33 Keep-Alive", request(("keep-alive", "5"))),
    ("33 Proxy-Connection", request(("proxy-connection", "close"))),
    ("33 Transfer-Encoding", request(("transfer-encoding", "chunked"))),
    ("33 Upgrade", request(("upgrade", "h2c"))),
    ("33 TE with more than trailers", request(("te", "gzip"))),
    ("33 an upper-case name", request(("X-Up", "1"))),
    ("33 an empty name", request(("", "1"))),
    ("33 a space in a name", request(("a b", "1"))),
    ("33 a colon in a name", request(("a:b", "1"))),
    ("33 a control in a name", request(("a\x01", "1"))),
    ("33 obs-text in a name", request(("\xe4", "1"))),
    ("33 a leading blank", request(("x", " a"))),
    ("33 a trailing blank", request(("x", "a "))),
    ("33 a leading tab", request(("x", "\ta"))),
    ("33 a trailing tab", request(("x", "a\t"))),
    ("16 CR LF in a value", request(("x", "a\r\nhost: evil"))),
    ("16 CR in a value", request(("x", "a\rb"))),
    ("16 LF in a value", request(("x", "a\nb"))),
    ("16 NUL in a value", request(("x", "a\0b"))),
    ("16 another control in a value", request(("x", "a\x1bb"))),
    ("16 CR LF in a name", request(("x\r\nhost", "evil"))),
    ("16 a space in the method", request(method="GET /hidden HTTP/1.1")),
    ("16 CR LF in the method", request(method="GET\r\n")),
    ("16 an empty method", request(method="")),
    ("16 CR LF in the path", request(path="/\r\nhost: evil")),
    ("16 NUL in the path", request(path="/\0")),
    ("16 an empty path", request(path="")),
    ("16 an absolute path that is none", request(path="hidden")),
    ("16 a URL as the path", request(path="http://h/hidden")),
    ("16 * outside OPTIONS", request(path="*")),
    ("16 userinfo", request(authority="u:p@h")),
    ("16 CR LF in the authority", request(authority="h\r\nx: y")),
    ("16 Host that disagrees", request(("host", "evil"))),
    ("16 Host twice", request(("host", "h"), ("host", "h"))),
    ("16 a scheme that is none", request(scheme="h t")),
    ("16 CR LF in the scheme", request(scheme="http\r\n")),
    ("16 CONNECT with a path", request(method="CONNECT")),
    ("16 a length that is none", request(("content-length", "+1"), **POST)),
    ("16 two lengths", request(("content-length", "1"), ("content-length", "1"), **POST)),
    ("16 a list of lengths", request(("content-length", "1, 1"), **POST)),
    ("16 a length without content", request(("content-length", "1"), **POST)),
    ("16 a length past all measure", request(("content-length", "9" * 20), **POST)),
]

# Requests with a byte in the path or the authority that is wrong in every version: 400, and a line in the log.
WRONG_TARGET = [
    ("16 a space in the path", request(path="/ HTTP/1.1")),
    ("16 a fragment", request(path="/#a")),
    ("16 % and no number", request(path="/%zz")),
    ("16 % at the end", request(path="/%")),
    ("16 NUL, encoded", request(path="/%00")),
    ("16 what browsers send as it is", request(path="/a|b[c]")),
    ("16 quotes in the query", request(path='/?q="a"')),
    ("16 obs-text in the path", request(path="/\xe4")),
    ("16 a space in the authority", request(authority="h evil")),
    ("16 a path in the authority", request(authority="h/x")),
    ("16 a space in Host", request(("host", "h evil"), authority=None)),
    ("16 with content", request(("content-length", "0"), method="POST", path="/[")),
]


class Frames(Attack):
    """One server for all of a table: it must outlive each row."""

    def open(self):
        h2 = H2.connect(self.server.port)
        self.addCleanup(h2.close)
        return h2

    def test_connection_errors(self):
        for what, said, code in CONNECTION:
            with self.subTest(what):
                h2 = self.open()
                h2.send(headers(1, request(**POST), OPEN) + said)
                h2.rest()
                self.assertEqual(h2.goaway, code)
                self.assertNotIn(b"HIDDEN", b"".join(h2.data.values()))
                self.assertEqual([f for f in h2.frames if f[0] == GOAWAY][-1][3][:3], bytes(3), "a last stream id that is absurd")

    def test_stream_errors(self):
        for what, said, code in STREAM:
            with self.subTest(what):
                h2 = self.open()
                h2.send(headers(3, request(**POST), OPEN) + said)
                if not isinstance(code, tuple):
                    code = (code,)
                h2.until(lambda: 3 in h2.resets or h2.goaway is not None)
                self.assertIn(h2.resets.get(3) if h2.goaway is None else h2.goaway, code)
                if h2.goaway is None:
                    self.assertEqual(h2.ask(5), 200, "the others were to go on")

    def test_malformed_requests(self):
        h2 = self.open()
        stream = -1
        for what, fields in MALFORMED:
            with self.subTest(what):
                stream += 2
                h2.send(headers(stream, fields))
                self.assertIsNone(h2.answered(stream))
                self.assertEqual(h2.resets.get(stream), PROTOCOL_ERROR)
                self.assertIsNone(h2.goaway)
        self.assertEqual(h2.ask(stream + 2), 200, "on the same connection")
        self.assertNotIn(b"HIDDEN", b"".join(h2.data.values()))

    def test_wrong_targets(self):
        h2 = self.open()
        for n, (what, fields) in enumerate(WRONG_TARGET):
            with self.subTest(what):
                h2.send(headers(2 * n + 1, fields))
                self.assertEqual(h2.answered(2 * n + 1), 400)
                self.assertNotIn(2 * n + 1, h2.resets)
        self.assertEqual(h2.ask(99), 200, "on the same connection")
        h2.send(headers(101, request(path="/|", method="POST"), OPEN) + frame(DATA, 0, 101, b"x" * 9))
        self.assertEqual(h2.answered(101), 400)
        self.assertEqual(h2.ask(103), 200)

    def test_16_content_length_against_data(self):
        h2 = self.open()
        cases = [(b"four", 3, DATA), (b"tw", 3, DATA), (b"", 3, DATA), (b"two", 4, HEADERS), (b"x", 0, DATA)]
        for n, (data, length, end) in enumerate(cases):
            stream = 2 * n + 1
            h2.send(headers(stream, request(("content-length", str(length)), **POST), OPEN) +
                    (frame(DATA, END_STREAM, stream, data) if end == DATA else
                     frame(DATA, 0, stream, data) + headers(stream, [("x", "y")])))
            h2.until(lambda: stream in h2.resets or stream in h2.ended)
            with self.subTest(case=(data, length)):
                self.assertEqual(h2.resets.get(stream), PROTOCOL_ERROR)
        self.assertEqual(h2.ask(99), 200)

    def test_what_is_allowed(self):
        """Strict is not fussy."""
        h2 = self.open()
        fine = [request(("te", "trailers")), request(("host", "H")), request(("host", "h"), authority=None),
                request(("x", "")), request(("x", "caf\xe9 \xc3\xa9")), request(("x", "a\tb")),
                request(("cookie", "a=1"), ("cookie", "b=2")), request(method="OPTIONS", path="*"),
                request(path="/?q=" + "a" * 8000), request(("content-length", "0")), request()]
        for n, fields in enumerate(fine):
            with self.subTest(fields=str(fields)[:200]):
                h2.send(headers(2 * n + 1, fields))
                self.assertIn(h2.answered(2 * n + 1), (200, 204))
        stream = 2 * len(fine) + 1
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITIZED, stream,
                      b"\x03" + u32(stream) + b"\x10" + block(request()) + bytes(3)))
        self.assertEqual(h2.answered(stream), 200, "padding and a dependency on itself mean nothing")
        whole = block(request())
        h2.send(frame(HEADERS, END_STREAM, stream + 2, whole[:1]) + frame(CONTINUATION, 0, stream + 2) +
                frame(CONTINUATION, END_HEADERS, stream + 2, whole[1:]))
        self.assertEqual(h2.answered(stream + 2), 200)
        h2.send(frame(99, 255, 0, b"?") + frame(PRIORITY, 0, 77, u32(77) + b"\0") + settings((0xaaaa, 7)) +
                frame(GOAWAY, 0, 0, bytes(8) + b"bye") + headers(stream + 4, request()))  # on its way with the GOAWAY
        self.assertEqual(h2.answered(stream + 4), 200)

    def test_25_32_dependencies_mean_nothing(self):
        """A tree of RFC 7540 of any shape, on streams that are idle, open and closed."""
        h2 = self.open()
        for n in range(1, 600, 2):
            h2.send(frame(PRIORITY, 0, n, u32(n) + b"\xff") + frame(PRIORITY, 0, n, u32(1 << 31 | n + 2) + b"\0"))
        for n in (1, 3, 5):
            self.assertEqual(h2.ask(n), 200)
        h2.send(frame(PRIORITY, 0, 1, u32(5) + b"\x01"))
        self.assertEqual(h2.ask(7), 200)
        self.assertIsNone(h2.goaway)

    def test_31_late_frames_of_a_stream_that_we_reset(self):
        """What was on its way when RST_STREAM went is no error (5.1)."""
        h2 = self.open()
        h2.send(headers(1, request(**POST), OPEN) + window(1, 0))
        h2.until(lambda: 1 in h2.resets)
        h2.send(frame(DATA, 0, 1, b"late") + window(1, 5) + headers(1, [("x", "y")]) + reset(1))
        self.assertEqual(h2.ask(3), 200)
        self.assertIsNone(h2.goaway)

    def test_31_frames_of_a_closed_stream(self):
        for late, code in ((frame(DATA, 0, 1, b"x"), STREAM_CLOSED), (headers(1, request()), STREAM_CLOSED)):
            h2 = self.open()
            self.assertEqual(h2.ask(1), 200)
            h2.send(late)
            self.assertEqual(h2.rest().goaway, code)
        h2 = self.open()
        self.assertEqual(h2.ask(1), 200)
        h2.send(window(1, 5) + reset(1) + frame(PRIORITY, 0, 1, bytes(5)))  # these may come
        self.assertEqual(h2.ask(3), 200)

    def test_30_a_window_below_nothing(self):
        """An initial window taken back while content waits: nothing is sent until it is above zero again."""
        big = b"0123456789" * 2000
        (self.dir / "site" / "big").write_bytes(big)
        h2 = self.open()
        h2.send(settings((INITIAL_WINDOW, 1000)) + headers(1, request(path="/big")))
        h2.until(lambda: len(h2.data.get(1, b"")) == 1000)
        h2.send(settings((INITIAL_WINDOW, 0)) + window(1, 900))
        self.assertTrue(h2.ping())
        self.assertEqual(len(h2.data[1]), 1000)
        h2.send(window(1, 110))
        h2.until(lambda: len(h2.data[1]) > 1000)
        self.assertEqual(len(h2.data[1]), 1010)
        for _ in range(200):  # back and forth
            h2.send(settings((INITIAL_WINDOW, 5000)) + settings((INITIAL_WINDOW, 0)))
        self.assertTrue(h2.ping())
        h2.send(settings((INITIAL_WINDOW, WINDOW_MAX - 200_000)))
        self.assertEqual(h2.answered(1), 200)
        self.assertEqual(h2.data[1], big)

    def test_the_preface(self):
        for greeting in (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings(), PREFACE + frame(PING, 0, 0, bytes(8)),
                         PREFACE + frame(SETTINGS, ACK), PREFACE + headers(1, request())):
            h2 = H2.connect(self.server.port, greeting=greeting, settled=False)
            self.addCleanup(h2.close)
            try:
                h2.rest()
            except (ValueError, KeyError, IndexError):
                pass  # an answer of HTTP/1
            self.assertNotEqual(h2.goaway, NO_ERROR)
            self.assertNotIn(1, h2.statuses)

