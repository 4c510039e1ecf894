"""Packets and frames of QUIC that are wrong, or too many (RFC 9000, 21). Where the library decides, its answer is
what is tested here."""
import os
import select
import socket
import time

from h3attack import H3Attack
from harness import wait_for
from h3raw import *
from quicraw import *

# Frames that break a rule, and the code that the connection ends with.
WRONG = (
    (47, "CRYPTO far beyond what came", crypto(100_000, b"x" * 10), CRYPTO_BUFFER_EXCEEDED),
    (47, "CRYPTO at the last offset there is", crypto((1 << 62) - 20, b"x" * 10), CRYPTO_BUFFER_EXCEEDED),
    (48, "a byte beyond a stream's window", stream(0, b"x", 1 << 20), FLOW_CONTROL_ERROR),
    (48, "bytes beyond the connection's window", b"".join(stream(4 * i, b"x", (1 << 20) - 1) for i in range(6)), FLOW_CONTROL_ERROR),
    (48, "a stream too many", stream(400, b"x"), STREAM_LIMIT_ERROR),
    (48, "a one-way stream too many", stream(2 + 4 * 8, b"x"), STREAM_LIMIT_ERROR),
    (48, "a stream of the server's", stream(1, b"x"), STREAM_STATE_ERROR),
    (48, "a one-way stream of the server's", stream(3, b"x"), STREAM_STATE_ERROR),
    (48, "a byte behind the end", stream(0, b"xxxx", 10, True) + stream(0, b"x", 20), FINAL_SIZE_ERROR),
    (48, "a reset before what came", stream(0, b"xxxx", 10) + reset_stream(0, size=3), FINAL_SIZE_ERROR),
    (48, "a reset behind the end", stream(0, b"xxxx", 10, True) + reset_stream(0, size=300), FINAL_SIZE_ERROR),
    (48, "more streams than there can be", b"\x12" + varint((1 << 60) + 1), FRAME_ENCODING_ERROR),
    (48, "STOP_SENDING of what is not sent", stop_sending(2), STREAM_STATE_ERROR),
    (48, "a window for what is not sent", b"\x11" + varint(2) + varint(10), STREAM_STATE_ERROR),
    (49, "RETIRE_CONNECTION_ID of none", retire_id(1000), PROTOCOL_VIOLATION),
    (49, "RETIRE_CONNECTION_ID of the one in use", retire_id(0), PROTOCOL_VIOLATION),
    (49, "an id of no bytes", new_id(1, 0, b""), FRAME_ENCODING_ERROR),
    (49, "an id of 21 bytes", new_id(1, 0, b"x" * 21), FRAME_ENCODING_ERROR),
    (49, "an id that retires itself", new_id(1, 2), FRAME_ENCODING_ERROR),
    (49, "two ids of a number", new_id(1, 0, b"abcdefgh") + new_id(1, 0, b"abcdefgi"), PROTOCOL_VIOLATION),
    (49, "two numbers of an id", new_id(1, 0, b"abcdefgh") + new_id(2, 0, b"abcdefgh"), PROTOCOL_VIOLATION),
    (51, "ACK of what was not sent", ack(1_000_000), PROTOCOL_VIOLATION),
    (52, "ACK below nothing", ack(3, 10), FRAME_ENCODING_ERROR),
    (52, "ACK with ranges below nothing", ack(3, 0, [(1, 0), (9, 9)]), FRAME_ENCODING_ERROR),
    (45, "a frame of no type", varint(0x1234), FRAME_ENCODING_ERROR),
    (45, "a frame that breaks off", b"\6\0\x40\xff", FRAME_ENCODING_ERROR),
    (45, "NEW_TOKEN of a client", b"\7\1x", PROTOCOL_VIOLATION),
    (45, "HANDSHAKE_DONE of a client", b"\x1e", PROTOCOL_VIOLATION),
)


class Frames(H3Attack):
    def test_45_to_52_wrong_frames(self):
        self.begin()

        def work():
            for number, what, frames, code in WRONG:
                with self.subTest(number=number, what=what):
                    conn = self.open()
                    conn.send(frames)
                    self.closes(conn, "transport", code, what)
        self.beside(work)

    def test_47_a_hello_without_end(self):
        """It is not kept beyond quic_handshake."""
        self.begin()

        def endless():
            conn = self.open(Quic)
            hello, at = b"\1\xff\xff\xff" + bytes(1000), 0
            conn.transcript = hello
            while at < 1 << 20 and not conn.closed:
                conn.raw(conn.packet(crypto(at, hello[:1000]), INITIAL, least=1200))
                at += 1000
                conn.until(lambda: conn.closed or conn.initial_acked >= conn.spaces[INITIAL].next - 1)  # else some of it is lost
            self.closes(conn, "transport", CRYPTO_BUFFER_EXCEEDED)
            self.assertIn(at, range(130_000, 140_000))
        self.beside(endless)
        self.assertReached("quic_handshake")

    def test_47_a_hello_from_behind(self):
        """One whose parts overlap and come from behind is understood: the library does not begin with them, so a
        Retry is sent, and the client says all again. That is no offence, and not in the log."""
        log = self.dir / "log"
        self.begin(log=str(log))
        conn = self.open(Quic)
        conn.transcript = hello = conn.hello()
        parts = [(at, hello[at:at + 60]) for at in range(0, len(hello), 20)]
        for at, part in 2 * parts[::-1]:  # what comes before the beginning is not kept, but asked for again
            conn.raw(conn.packet(crypto(at, part), INITIAL, least=1200))
        self.assertTrue(conn.until(lambda: conn.done))
        self.assertTrue(conn.retried)
        self.assertAlive()  # and this is in the log
        self.assertTrue(wait_for(lambda: log.read_text()))
        self.assertNotIn("rules of QUIC", log.read_text())

    def test_48_stripes(self):
        """Every other byte: the library takes some thousand gaps of a stream, and quic_memory all in all."""
        self.begin()
        one = self.open()
        for base in range(0, 1 << 20, 400):
            if one.closed:
                break
            one.send(b"".join(stream(0, b"x", base + 2 * i + 1) for i in range(200)))
            one.hear()
        self.closes(one, "transport", INTERNAL_ERROR)

        def many():
            conn = self.open(windows=1 << 20)
            for sid in range(0, 400, 4):
                for base in range(0, 4800, 200):
                    if conn.closed:
                        return conn
                    conn.send(b"".join(stream(sid, b"x", 2 * (base + i) + 1) for i in range(200)))
                conn.hear()
            conn.until(lambda: conn.closed)
            return conn
        conn = self.beside(many, grows=24 << 20)
        self.closes(conn, "transport", INTERNAL_ERROR)
        self.assertReached("quic_memory")

    def test_49_ids_without_end(self):
        self.begin()
        for acking, say in ((True, lambda i: new_id(i + 1)), (True, lambda i: new_id(i + 1, i + 1)), (False, lambda i: new_id(i + 1, i + 1)),
                            (False, lambda i: new_id(10 * i + 9, 10 * i + 9))):
            def storm():
                conn = self.open()
                conn.acking = acking
                for i in range(5000):
                    conn.send(say(i))
                    if i % 20 == 0:
                        conn.hear()
                    if conn.closed:
                        break
                self.closes(conn, "transport", CONNECTION_ID_LIMIT_ERROR)
            self.beside(storm)

    def test_49_ours_retired_again_and_again(self):
        """Each is replaced, and none is kept."""
        self.begin()

        def storm():
            conn = self.open()
            for i in range(600):
                self.assertTrue(conn.until(lambda: conn.ids and max(conn.ids)[0] > i))
                conn.ids = [max(conn.ids)]
                conn.dcid = conn.ids[0][1]
                conn.send(retire_id(i))
                conn.hear()
            self.assertEqual(conn.ask(), 200)
        self.beside(storm, grows=4 << 20)

    def test_50_challenges(self):
        self.begin()

        def storm():
            conn = self.open()
            for i in range(400):
                conn.send(*(path_challenge() for _ in range(50)))
                if i % 20 == 0:
                    conn.hear()
            self.assertEqual(conn.ask(), 200)
            self.assertIsNone(conn.closed)
            return conn
        conn = self.beside(storm, grows=4 << 20)
        self.assertLess(conn.responses, 20_000)
        for _ in range(100):
            conn.send(b"\x1b" + os.urandom(8))  # PATH_RESPONSE to nothing: ignored
        self.assertEqual(conn.ask(), 200)

    def another(self, conn):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.connect(conn.to)
        return sock

    def test_50_to_and_fro(self):
        self.begin()

        def storm():
            conn = self.open()
            socks = [conn.sock] + [self.another(conn) for _ in range(4)]
            for i in range(1000):
                conn.send(PING, sock=socks[i % 5])
                for sock in socks:
                    conn.hear(0, sock)
            self.assertEqual(conn.ask(), 200)
        self.beside(storm, grows=4 << 20)

    def test_50_somebody_else_s_address(self):
        """Nobody gets more than three times what came from his address, and the owner gets all."""
        self.begin()
        conn = self.open(windows=1 << 24)
        sid = next(conn.next_stream)
        conn.send_stream(sid, headers(request(path="/half")), True)
        conn.hear(0.05)
        victim, sent, got = self.another(conn), 0, 0
        packet = conn.packet(PING + bytes(20))
        sent += len(packet)
        victim.send(packet)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if select.select([victim], [], [], 0.05)[0]:
                got += len(victim.recv(70000))
        self.assertLessEqual(got, 3 * sent)
        conn.send(PING)
        self.assertTrue(conn.until(lambda: len(conn.stream_bytes(sid)) > 500_000))
        if select.select([victim], [], [], 0)[0]:
            got += len(victim.recv(70000))
        self.assertLessEqual(got, 3 * sent)

    def test_52_acknowledgements_that_lie(self):
        """Delays, marks and ranges without measure: the connection goes on as before."""
        self.begin()

        def storm():
            conn = self.open()
            for _ in range(20):
                self.assertEqual(conn.ask(), 200)
            top, most = conn.spaces[APPLICATION].largest, (1 << 62) - 1
            for _ in range(500):
                conn.send(ack(top, 0, delay=most))
                conn.send(ack(top, 0, ecn=(most, most, most)))
                conn.send(ack(top, 0, [(0, 0)] * (top // 2 - 1)))
                conn.send(*(ack(top) for _ in range(100)))
            self.assertEqual(conn.ask(), 200)
            self.assertIsNone(conn.closed)
        self.beside(storm, grows=4 << 20)

    def test_54_keys_without_end(self):
        """Keys that change faster than they may are not followed; who waits for an answer is."""
        self.begin()

        def storm():
            conn = self.open()
            for _ in range(500):
                conn.update_keys()
                conn.send(PING)
            conn.hear(0.1)
            self.assertIsNone(conn.closed)
        self.beside(storm, grows=4 << 20)
        conn = self.open()
        self.assertEqual(conn.ask(), 200)
        conn.update_keys()
        self.assertEqual(conn.ask(), 200)

    def test_54_packets_that_nobody_sealed(self):
        self.begin()

        def storm():
            conn = self.open()
            for i in range(20_000):
                conn.raw(b"\x40" + conn.dcid + os.urandom(40))
                if i % 200 == 0:
                    conn.hear()
            self.assertEqual(conn.ask(), 200)
        self.beside(storm, grows=4 << 20)


class First(H3Attack):
    """Before there is a connection."""

    def quiet(self, what, *, times=1, **how):
        """Says that to the server. Returns who said it, and what came of it in a moment."""
        conn = self.open(Quic, **how)
        conn.transcript = conn.hello()
        for _ in range(times):
            conn.raw(what(conn))
        conn.until(lambda: conn.closed or conn.ready, 0.3)
        return conn

    @staticmethod
    def good(conn, **how):
        return conn.packet(crypto(0, conn.transcript), INITIAL, least=1200, **how)

    def test_43_no_more_than_three_times(self):
        self.begin()
        conn = self.open(Quic)
        conn.start()
        got = 0
        self.assertTrue(select.select([conn.sock], [], [], 60)[0])
        end = time.monotonic() + 3
        while time.monotonic() < end:  # it never says that it is there
            if select.select([conn.sock], [], [], 0.1)[0]:
                got += len(conn.sock.recv(70000))
        self.assertGreater(got, 0)
        self.assertLessEqual(got, 3 * 1200)

    def test_43_answers_to_strangers(self):
        """Versions and resets: smaller than what they answer, and so many a second."""
        self.begin("--limit", "quic_answers=20")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.server.port))
            for what, least in ((b"\xc0\x1a\x2a\x3a\x4a\x08abcdefgh\x04wxyz" + bytes(1181), 19), (b"\x40" + bytes(99), 21)):
                time.sleep(1.1)  # a new second
                count, began = 0, time.monotonic()
                for _ in range(200):
                    sock.send(what)
                    while select.select([sock], [], [], 0)[0]:
                        size = len(sock.recv(2000))
                        self.assertIn(size, range(least, len(what)))
                        count += 1
                while select.select([sock], [], [], 0.3 if count else 60)[0]:
                    sock.recv(2000)
                    count += 1
                self.assertGreater(count, 0)
                self.assertLessEqual(count, 20 * (2 + int(time.monotonic() - began)))
        time.sleep(1.1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.server.port))
            sock.send(b"\x40" + bytes(41))  # 42 bytes: a reset would be as long, and have one for an answer
            self.assertFalse(select.select([sock], [], [], 0.3)[0])
        self.assertReached("quic_answers")

    def test_44_a_flood_of_first_packets(self):
        self.begin("--limit", "quic_unvalidated=64")

        def flood():
            conn = self.open(Quic)
            conn.transcript, conn.retries = conn.hello(), 0

            def count(data):
                conn.retries += data[0] >> 4 == 15
            conn.take_datagram = count
            for i in range(3000):
                conn.dcid = os.urandom(8)
                conn.initial_keys()
                conn.raw(self.good(conn))
                conn.hear(0.5 if i < 100 else 0)
            conn.until(lambda: conn.retries > 100)
            self.assertGreater(conn.retries, 100)
        self.beside(flood, grows=8 << 20)
        self.assertReached("quic_unvalidated")

    def test_44_handshakes_that_go_no_further(self):
        """For each one more, the oldest makes room; whoever comes afterwards is served."""
        self.begin("--limit", "handshakes=8")
        for _ in range(40):
            conn = self.open(Quic)
            conn.transcript = conn.hello()
            conn.take_datagram = lambda data: None
            conn.raw(self.good(conn))
            self.assertTrue(conn.until(lambda conn=conn: conn.received))
        self.assertAlive()
        self.assertReached("handshakes")

    def test_44_tokens(self):
        self.begin("--limit", "quic_unvalidated=0")
        conn = self.open()  # proves its address
        self.assertTrue(conn.retried)
        self.assertEqual(conn.ask(), 200)

        def token():
            conn = self.open(Quic)
            conn.transcript = conn.hello()
            conn.take_datagram = lambda data, real=conn.take_datagram: (setattr(conn, "raw", lambda *_: None), real(data))
            send, conn.raw = conn.raw, conn.raw
            send(self.good(conn))
            self.assertTrue(conn.until(lambda: conn.retried))
            del conn.raw, conn.take_datagram
            return conn
        for what in ("foreign", "cut", "changed", "another id"):
            with self.subTest(what):
                conn = token()
                if what == "foreign":
                    conn.sock.close()
                    conn.sock = self.another_socket(conn)
                elif what == "cut":
                    conn.token = conn.token[:-5]
                elif what == "changed":
                    conn.token = conn.token[:20] + bytes([conn.token[20] ^ 1]) + conn.token[21:]
                else:
                    conn.dcid = os.urandom(len(conn.dcid))
                    conn.initial_keys()
                conn.raw(self.good(conn))
                self.closes(conn, "transport", INVALID_TOKEN)
        with self.subTest("nobody's"):
            conn = self.quiet(lambda conn: self.good(conn, token=b"\x77" * 60))
            self.assertTrue(conn.until(lambda: conn.retried))  # as if there were none
        with self.subTest("again"):  # from the same address: it is proved
            conn = token()
            conn.raw(self.good(conn))
            self.assertTrue(conn.until(lambda: conn.done))

    def another_socket(self, conn):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.connect(conn.to)
        return sock

    def test_45_first_packets_that_are_wrong(self):
        """Most are dropped without a word; none keeps anything."""
        self.begin()
        head = b"\xc3\0\0\0\1\x08abcdefgh\x08ijklmnop"
        silent = {
            "empty": lambda c: b"",
            "one byte, long": lambda c: b"\xc0",
            "one byte, short": lambda c: b"\x40",
            "only a head": lambda c: head,
            "token beyond the end": lambda c: (head + b"\x7f\xff").ljust(1200, b"\0"),
            "token beyond all": lambda c: (head + b"\xff" * 8).ljust(1200, b"\0"),
            "length beyond the end": lambda c: (head + b"\0\x7f\xff").ljust(1200, b"\0"),
            "length of nothing": lambda c: (head + b"\0\0").ljust(1200, b"\0"),
            "an id of 255 bytes": lambda c: b"\xc3\0\0\0\1\xff" + bytes(1200),
            "an id of 4 bytes": lambda c: (b"\xc3\0\0\0\1\4abcd\0\0\x44\x90").ljust(1200, b"\0"),
            "too short to be one": lambda c: c.packet(crypto(0, c.transcript), INITIAL),
            "wrong seal": lambda c: (lambda p: p[:-1] + bytes([p[-1] ^ 1]))(self.good(c)),
            "0-RTT": lambda c: bytes([0xd3]) + self.good(c)[1:],
            "Handshake": lambda c: bytes([0xe3]) + self.good(c)[1:],
            "Retry": lambda c: bytes([0xf3]) + self.good(c)[1:],
            "a frame that may not be there": lambda c: c.packet(stream(0, b"x"), INITIAL, least=1200),
            "HANDSHAKE_DONE": lambda c: c.packet(b"\x1e", INITIAL, least=1200),
            "a frame of no type": lambda c: c.packet(b"\x1f" * 20, INITIAL, least=1200),
            "no hello": lambda c: c.packet(PING, INITIAL, least=1200),
        }

        def work():
            for name, what in silent.items():
                with self.subTest(name):
                    conn = self.quiet(what, times=200)
                    self.assertFalse(conn.ready)
                    self.assertLessEqual(conn.received, 3 * 200 * 1200)
                    conn.close()
        self.beside(work, grows=16 << 20)

    def test_45_hellos_that_are_wrong(self):
        self.begin()
        for what, data, alerts in (("garbage", b"\1\0\0\x20" + bytes(range(32)), (50, 70)), ("no hello", b"\x14\0\0\x20" + bytes(32), (10,))):
            with self.subTest(what):
                conn = self.quiet(lambda conn: conn.packet(crypto(0, data), INITIAL, least=1200))
                self.assertTrue(conn.until(lambda: conn.closed))
                self.assertIn(conn.closed[1] - 0x100, alerts)  # decode_error, protocol_version; unexpected_message
        for what, parameters in (("small packets", parameter(3, 100)), ("acknowledgements that come too exactly", parameter(10, 21)),
                                 ("what only servers say", parameter(0, b"12345678"))):
            with self.subTest(what):
                conn = self.quiet(self.good, parameters=parameters)
                self.closes(conn, "transport", TRANSPORT_PARAMETER_ERROR)
        with self.subTest("none"):
            conn = self.open(Quic)
            conn.parameters = lambda: b""
            conn.start()
            self.closes(conn, "transport", TRANSPORT_PARAMETER_ERROR)

    def test_42_57_what_nobody_knows(self):
        """Parameters and versions of no meaning are ignored; a version that is not the one in use is an error."""
        self.begin()

        def versions(*numbers):
            return parameter(0x11, b"".join(n.to_bytes(4, "big") for n in numbers))
        for more in (parameter(31 * 77 + 27, b"12345678"), parameter(31 * 7777 + 27, b""), versions(V1, 0x1a2a3a4a, V1, 0xfafafafa)):
            conn = self.open(parameters=more)
            self.assertEqual(conn.ask(), 200)
        for more in (versions(0x6b3343cf, V1), versions(0x1a2a3a4a, V1)):
            conn = self.quiet(self.good, parameters=more)
            conn.until(lambda: conn.closed)
            self.assertIn(conn.closed and conn.closed[1], (TRANSPORT_PARAMETER_ERROR, VERSION_NEGOTIATION_ERROR))

    def test_46_packets_of_others_in_one_datagram(self):
        """Whatever stands behind the first packet and is for another id is dropped, and not kept."""
        self.begin()

        def work():
            for _ in range(100):
                conn = self.open(Quic)
                conn.transcript = conn.hello()
                strangers = b"".join(conn.packet(PING, INITIAL, dcid=os.urandom(8)) for _ in range(500))
                conn.raw(self.good(conn) + strangers)
                self.assertTrue(conn.until(lambda: conn.ready))
                conn.close()
        self.beside(work, grows=16 << 20)
