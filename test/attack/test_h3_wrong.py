"""Streams and frames of HTTP/3 and QPACK that are wrong, or too many (RFC 9114, 10; RFC 9204, 7), over the wire.
All rows and more, byte by byte, are in test/unit/h3_server.c; here is what a peer sees, and what it costs."""
import os

from h3attack import H3Attack
from h3raw import *
from quicraw import *

OTHER = 14
POST = request(method="POST", path="/echo")
CAPACITY = b"\2\x3f\xe1\x1f"  # the encoder stream: its type, a table of 4096 bytes
WAITING = frame(HEADERS, b"\2\0\xd1\xd7\x80\xc1")  # :authority is the first entry, which has not come

# (attack, what, stream, bytes, whether the stream ends, whether SETTINGS came before, code)
WRONG = (
    (40, "a second control stream", OTHER, b"\0\4\0", False, True, H3_STREAM_CREATION_ERROR),
    (40, "a second encoder stream", OTHER, b"\2", False, "\2", H3_STREAM_CREATION_ERROR),
    (40, "a second decoder stream", OTHER, b"\3", False, "\3", H3_STREAM_CREATION_ERROR),
    (40, "a push of a client", OTHER, b"\1\0", False, True, H3_STREAM_CREATION_ERROR),
    (40, "the control stream ends", CONTROL, b"\0\4\0", True, False, H3_CLOSED_CRITICAL_STREAM),
    (40, "the encoder stream ends", ENCODER, b"\2", True, True, H3_CLOSED_CRITICAL_STREAM),
    (40, "the decoder stream ends", DECODER, b"\3", True, True, H3_CLOSED_CRITICAL_STREAM),
    (40, "no SETTINGS first", CONTROL, b"\0\7\1\0", False, False, H3_MISSING_SETTINGS),
    (40, "SETTINGS twice", CONTROL, b"\0\4\0\4\0", False, False, H3_FRAME_UNEXPECTED),
    (40, "SETTINGS on a request", 0, b"\4\0", False, True, H3_FRAME_UNEXPECTED),
    (40, "a setting twice", CONTROL, b"\0\4\4\1\0\1\0", False, False, H3_SETTINGS_ERROR),
    (40, "a setting of HTTP/2", CONTROL, b"\0\4\2\4\x10", False, False, H3_SETTINGS_ERROR),
    (40, "half a setting", CONTROL, b"\0\4\1\1", False, False, H3_FRAME_ERROR),
    (40, "PING of HTTP/2", CONTROL, b"\0\4\0\6\0", False, False, H3_FRAME_UNEXPECTED),
    (40, "CONTINUATION of HTTP/2", 0, b"\x09\0", False, True, H3_FRAME_UNEXPECTED),
    (41, "DATA on the control stream", CONTROL, b"\0\4\0\0\0", False, False, H3_FRAME_UNEXPECTED),
    (41, "DATA first", 0, b"\0\1x", False, True, H3_FRAME_UNEXPECTED),
    (41, "HEADERS behind trailers", 0, headers(POST) + 2 * headers([("x", "y")]), False, True, H3_FRAME_UNEXPECTED),
    (41, "DATA behind trailers", 0, headers(POST) + headers([("x", "y")]) + b"\0\1x", False, True, H3_FRAME_UNEXPECTED),
    (41, "HEADERS that break off", 0, b"\1\5\0\0", True, True, H3_FRAME_ERROR),
    (41, "GOAWAY that rises", CONTROL, b"\0\4\0\7\1\1\7\1\2", False, False, H3_ID_ERROR),
    (41, "MAX_PUSH_ID that falls", CONTROL, b"\0\4\0\x0d\1\5\x0d\1\4", False, False, H3_ID_ERROR),
    (41, "CANCEL_PUSH of nothing promised", CONTROL, b"\0\4\0\3\1\0", False, False, H3_ID_ERROR),
    (39, "a count beyond all", 0, b"\1\4\xff\x10\0\x80", False, True, QPACK_DECOMPRESSION_FAILED),
    (39, "an entry of nothing", 0, b"\1\3\0\0\x80", False, True, QPACK_DECOMPRESSION_FAILED),
    (39, "a table that is too large", ENCODER, b"\2\x3f\xe2\x1f", False, True, QPACK_ENCODER_STREAM_ERROR),
    (39, "an entry without a table", ENCODER, b"\2\xc0\0", False, True, QPACK_ENCODER_STREAM_ERROR),
    (39, "a copy of nothing", ENCODER, CAPACITY + b"\0", False, True, QPACK_ENCODER_STREAM_ERROR),
    (39, "a string without end", ENCODER, CAPACITY + b"\x5f" + 10 * b"\xff", False, True, QPACK_ENCODER_STREAM_ERROR),
    (39, "acknowledged what was not sent", DECODER, b"\3\x80", False, True, QPACK_DECODER_STREAM_ERROR),
    (39, "an increment of nothing", DECODER, b"\3\0", False, True, QPACK_DECODER_STREAM_ERROR),
    (39, "an increment beyond all", DECODER, b"\3\1", False, True, QPACK_DECODER_STREAM_ERROR),
)


class Rules(H3Attack):
    def test_39_to_41_wrong_frames(self):
        self.begin()

        def work():
            for number, what, sid, data, fin, greeted, code in WRONG:
                with self.subTest(number=number, what=what):
                    conn = self.open(greet=bool(greeted))
                    if isinstance(greeted, str):
                        conn.send_stream(ENCODER, greeted.encode())
                    conn.send_stream(sid, data, fin)
                    self.closes(conn, "application", code, what)
        self.beside(work)

    def test_40_critical_streams_are_reset(self):
        self.begin()
        for ours in (CONTROL, ENCODER, DECODER):
            conn = self.open()
            for sid, kind in ((ENCODER, b"\2"), (DECODER, b"\3")):
                conn.send_stream(sid, kind)
            self.assertEqual(conn.ask(), 200)
            conn.send(reset_stream(ours, size=conn.sent_at[ours]))
            self.closes(conn, "application", H3_CLOSED_CRITICAL_STREAM)
        for theirs in (3, 7, 11):
            conn = self.open()
            self.assertEqual(conn.ask(), 200)
            conn.send(stop_sending(theirs))
            self.closes(conn, "application", H3_CLOSED_CRITICAL_STREAM)

    def test_41_lengths_that_lie(self):
        self.begin()
        conn = self.open()
        for length, content in (("3", b"four"), ("5", b"four"), ("4", b""), ("x", b"four"), ("-4", b"four"), ("4, 4", b"four")):
            sid = next(conn.next_stream)
            conn.send_stream(sid, headers(POST + [("content-length", length)]) + (frame(DATA, content) if content else b""), True)
            with self.subTest(length=length, content=content):
                conn.until(lambda: sid in conn.resets or conn.status(sid))
                self.assertTrue(conn.resets.get(sid) == H3_MESSAGE_ERROR or conn.status(sid) == 400, (conn.resets, conn.status(sid)))
        self.assertEqual(conn.ask(), 200)

    def test_41_a_request_that_goes_on(self):
        """Its answer is whole all the same, and then the rest is asked for no more; nor is an answer sent on that
        nobody wants."""
        self.begin()
        conn = self.open(windows=1 << 24)
        sid = next(conn.next_stream)
        conn.send_stream(sid, headers(request(path="/half")))
        self.assertTrue(conn.until(lambda: sid in conn.ended and len(conn.stream_bytes(sid)) > 500_000))
        self.assertTrue(conn.until(lambda: conn.stops))
        self.assertEqual(conn.stops, {sid: H3_NO_ERROR})
        for fin in (False, True):
            conn = self.open(windows=100_000)
            sid = next(conn.next_stream)
            conn.send_stream(sid, headers(request(path="/half")), fin)
            self.assertTrue(conn.until(lambda: conn.status(sid)))
            conn.send(stop_sending(sid))
            self.assertTrue(conn.until(lambda: sid in conn.resets))
            self.assertEqual(conn.ask(), 200)
            self.assertLess(len(conn.stream_bytes(sid)), 500_000)

    def test_42_grease_everywhere(self):
        self.begin()
        conn = self.open(settings=b"\x21\5" + varint(0x21 + 0x1f * 1000) + varint((1 << 62) - 1))
        conn.send_stream(CONTROL, b"\x21\3xyz" + frame(0x21 + 0x1f * 9999, os.urandom(500)))
        for sid, kind in ((ENCODER, b"\2"), (DECODER, b"\3")):
            conn.send_stream(sid, kind)
        conn.send_stream(14, varint(0x21 + 0x1f * 77) + os.urandom(1000))
        conn.send_stream(18, varint(0x21 + 0x1f * 7777), True)
        sid = next(conn.next_stream)
        grease = b"".join(frame(0x21 + 0x1f * n, os.urandom(n)) for n in range(8))
        conn.send_stream(sid, grease + headers(POST) + grease + frame(DATA, b"content") + grease + headers([("x", "y")]) + grease, True)
        self.assertTrue(conn.until(lambda: sid in conn.ended))
        self.assertEqual(conn.status(sid), 200)
        self.assertIn(b"7 bytes", conn.stream_bytes(sid))
        self.assertEqual(conn.ask(), 200)
        self.assertTrue(conn.until(lambda: conn.stops))
        self.assertEqual(conn.stops, {14: H3_STREAM_CREATION_ERROR})


class Floods(H3Attack):
    def test_38_bombs(self):
        """Three thousand references to four thousand bytes, as a head and as trailers."""
        self.begin()

        def work():
            conn = self.open(windows=1 << 24)
            conn.send_stream(ENCODER, CAPACITY + b"\x41y" + prefixed(4000, 7) + b"b" * 4000)
            bomb = frame(HEADERS, b"\2\0" + b"\x80" * 3000)
            for i in range(200):
                sid = next(conn.next_stream)
                conn.send_stream(sid, (headers(POST) if i % 2 else b"") + bomb, True)
                conn.until(lambda: conn.closed or sid in conn.resets or conn.status(sid))
                self.assertEqual((conn.status(sid), conn.resets.get(sid)), (None, H3_MESSAGE_ERROR) if i % 2 else (431, None))
            self.assertEqual(conn.ask(), 200)
        self.beside(work, grows=8 << 20)
        self.assertReached("fields_(bytes|count)")

    def test_38_fields_beyond_the_limit(self):
        """431, whatever they are made of, and early: the rest is not waited for."""
        self.begin()
        conn = self.open()
        self.assertEqual(conn.ask(request(*((f"x-{n}", "y") for n in range(200)))), 431)
        self.assertEqual(conn.ask(request(("x", "y" * 65_000), ("z", "y" * 5000))), 431)
        sid = next(conn.next_stream)
        conn.send_stream(sid, varint(HEADERS) + varint(1 << 40) + bytes(2000))
        self.assertTrue(conn.until(lambda: sid in conn.ended))
        self.assertEqual(conn.status(sid), 431)
        self.assertTrue(conn.until(lambda: sid in conn.stops))
        self.assertEqual(conn.stops[sid], H3_NO_ERROR)
        self.assertEqual(conn.ask(), 200)

    def test_39_entries_without_end(self):
        self.begin()

        def work():
            conn = self.open()
            conn.send_stream(ENCODER, CAPACITY + b"\xc0\0")
            for _ in range(2000):
                if conn.closed:
                    break
                conn.send_stream(ENCODER, bytes(1000))
                conn.hear(0.01)
            self.closes(conn, "application", H3_EXCESSIVE_LOAD)
        self.beside(work)
        self.assertReached("h3_frames")

    def test_39_streams_that_wait(self):
        self.begin("--limit", "h3_blocked=10")
        conn = self.open()
        for _ in range(10):
            conn.send_stream(next(conn.next_stream), WAITING, True)
        self.assertEqual(conn.ask(), 200)  # nobody is held up by them
        conn.send_stream(next(conn.next_stream), WAITING, True)
        self.closes(conn, "application", QPACK_DECOMPRESSION_FAILED)
        self.assertReached("h3_blocked")

    def test_39_streams_that_wait_and_are_cancelled(self):
        """What they refer to is kept once; nothing of them is."""
        self.begin()

        def work():
            conn = self.open()
            conn.send_stream(ENCODER, CAPACITY)
            for i in range(900):
                sid = next(conn.next_stream)
                conn.send_stream(sid, WAITING)
                conn.send(reset_stream(sid, size=conn.sent_at[sid]), stop_sending(sid))
                if i % 20 == 0:
                    conn.hear(0.01)
            conn.hear(0.1)
            conn.send_stream(ENCODER, b"\xc0\x09localhost")
            sid = next(conn.next_stream)
            conn.send_stream(sid, WAITING, True)
            self.assertTrue(conn.until(lambda: conn.status(sid)))
            self.assertEqual(conn.status(sid), 200)
            self.assertIsNone(conn.closed)
        self.beside(work, grows=4 << 20)

    def test_39_answers_that_are_never_acknowledged(self):
        """Their references hold our entries; what comes after them goes as literals."""
        self.begin()

        def work():
            conn = self.open(settings=b"\1\x50\0\7\x40\x64", windows=1 << 24)
            for i in range(900):
                sid = next(conn.next_stream)
                conn.send_stream(sid, headers(request(path=f"/nowhere/{i}")), True)
                if i % 3:
                    conn.send(stop_sending(sid))
                conn.hear(0.002)
            conn.hear(0.2)
            self.assertIsNone(conn.closed)
            sid = next(conn.next_stream)
            conn.send_stream(sid, headers(request()), True)
            self.assertTrue(conn.until(lambda: sid in conn.ended))
        self.beside(work, grows=4 << 20)

    def test_rapid_reset(self):
        self.begin()

        def work():
            conn = self.open()
            for i in range(100_000):  # there may be as many again in each ten seconds
                if conn.closed:
                    break
                sid = next(conn.next_stream)
                conn.send(stream(sid, headers(POST)), reset_stream(sid, size=len(headers(POST))))
                if i % 20 == 19:
                    conn.hear(0.02)
            self.closes(conn, "application", H3_EXCESSIVE_LOAD)
        self.beside(work)
        self.assertReached("h3_resets")

    def test_frames_of_no_use(self):
        self.begin()
        for what, sid, first, again in (("unknown", CONTROL, b"", b"\x21\0"), ("MAX_PUSH_ID", CONTROL, b"", b"\x0d\1\5"),
                                        ("priorities", CONTROL, b"", b"\x80\x0f\7\0\1\0"), ("empty DATA", 0, headers(POST), b"\0\0"),
                                        ("unknown, of a request", 0, headers(POST), b"\x21\0")):
            def work():
                conn = self.open()
                conn.send_stream(sid, first)
                for _ in range(3000):
                    if conn.closed:
                        break
                    conn.send_stream(sid, again * 100)
                    conn.hear(0.01)
                self.closes(conn, "application", H3_EXCESSIVE_LOAD, what)
            with self.subTest(what):
                self.beside(work)
