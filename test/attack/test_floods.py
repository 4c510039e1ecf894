"""Too much of what HTTP/2 allows (RFC 9113, 10.5): the peer is told to calm down, or its streams are cut
off; memory and time stay bounded, and others are served meanwhile."""
import threading
import time

from attacks import Attack
from harness import Wire, sanitized
from h2raw import *

POST = dict(method="POST", path="/echo")
RESETS, FRAMES = 1000, 2000  # tables/limit.def: h2_resets, h2_frames


class Bystander:
    """Someone else who uses the server while it is attacked, once each few milliseconds."""

    def __init__(self, port):
        self.port, self.stop, self.faults, self.times = port, threading.Event(), [], []
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        try:
            h2, wire, stream = H2.connect(self.port), Wire(self.port, seconds=60), 1
            while not self.stop.is_set():
                began = time.monotonic()
                if h2.ask(stream) != 200 or wire.ask("/").status != 200:
                    self.faults.append(f"stream {stream}: {h2.frames[-3:]}")
                self.times.append(time.monotonic() - began)
                stream += 2
                time.sleep(0.005)
            h2.close()
            wire.close()
        except Exception as fault:
            self.faults.append(repr(fault))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(40)


class Floods(Attack):
    def setUp(self):
        super(Attack, self).setUp()
        self.server = self.serve("--workers", "1", files={"index.html": "home", "hidden": "HIDDEN", "big": b"b" * 5_000_000})

    def open(self, **how):
        h2 = H2.connect(self.server.port, **how)
        self.addCleanup(h2.close)
        return h2

    def attack(self, work, seconds=4, grows=8 << 20):
        """Does that beside a bystander, who must not notice; bounds what it costs the server."""
        memory, cpu = self.server.memory(), self.server.cpu_seconds()
        with Bystander(self.server.port) as bystander:
            work()
            while len(bystander.times) < 5 and not bystander.faults:
                time.sleep(0.01)
        self.assertEqual(bystander.faults, [])
        self.assertLess(sorted(bystander.times)[len(bystander.times) // 2], 8)
        if not sanitized():
            self.assertLess(self.server.memory() - memory, grows)
            self.assertLess(self.server.cpu_seconds() - cpu, seconds + 0.002 * len(bystander.times))

    def flood(self, say, least, most, batch=50, code=ENHANCE_YOUR_CALM, first=b""):
        """say(n) is sent for n = 0, 1, ... until the server ends it, between least and most of them later. In each ten
        seconds there may be as many again, so who is slow says more at a time."""
        def work():
            h2 = self.open()
            h2.send(first)
            n, size, began = 0, batch, time.monotonic()
            while time.monotonic() - began < 200 and h2.goaway is None:
                h2.send(b"".join(say(i) for i in range(n, n + size)))
                n += size
                if not h2.ping():
                    break
                size = min(size * 2, 10 * batch) if time.monotonic() - began > 3 else batch
            self.assertEqual(h2.goaway, code)
            self.assertGreaterEqual(n, least)
            self.assertLessEqual(n, most + size + most * (time.monotonic() - began) / 10)
            h2.rest()  # and it is closed, not only told
        self.attack(work)

    # --- 24, 25: streams that are broken off

    def test_24_rapid_reset(self):
        self.flood(lambda n: headers(2 * n + 1, request(path="/big")) + reset(2 * n + 1), RESETS, RESETS + 100)

    def test_24_rapid_reset_of_uploads(self):
        self.flood(lambda n: headers(2 * n + 1, request(**POST), END_HEADERS) + reset(2 * n + 1), RESETS, RESETS + 100)

    def test_24_cancelled_work_stops(self):
        """Answers nobody waits for are not made: 900 times 5 MB would take far longer."""
        def work():
            h2 = self.open(greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, WINDOW_MAX)) + window(0, WINDOW_MAX - 65535))
            for n in range(900):
                h2.send(headers(2 * n + 1, request(path="/big")) + reset(2 * n + 1))
            self.assertTrue(h2.ping())
            self.assertIsNone(h2.goaway)
            self.assertLess(h2.read, 300_000_000)
        self.attack(work)

    def test_25_resets_provoked(self):
        """MadeYouReset: each trigger that makes the server say RST_STREAM counts as if the client had said it."""
        triggers = {
            "WINDOW_UPDATE by nothing": lambda s: headers(s, request(**POST), END_HEADERS) + window(s, 0),
            "a window that overflows": lambda s: headers(s, request(**POST), END_HEADERS) + window(s, WINDOW_MAX),
            "PRIORITY of a wrong length": lambda s: headers(s, request(**POST), END_HEADERS) + frame(PRIORITY, 0, s, bytes(4)),
            "DATA past its length": lambda s: headers(s, request(("content-length", "1"), **POST), END_HEADERS) +
            frame(DATA, 0, s, b"xx"),
            "DATA short of its length": lambda s: headers(s, request(("content-length", "9"), **POST), END_HEADERS) +
            frame(DATA, END_STREAM, s, b"xx"),
            "trailers without an end": lambda s: headers(s, request(**POST), END_HEADERS) + headers(s, [("x", "y")], END_HEADERS),
            "trailers that are malformed": lambda s: headers(s, request(**POST), END_HEADERS) + headers(s, [(":x", "y")]),
            "a malformed request": lambda s: headers(s, [("x", "y")]),
        }
        for what, say in triggers.items():
            with self.subTest(what):
                self.flood(lambda n: say(2 * n + 1), RESETS // 2, RESETS + 100)

    def test_25_data_behind_the_end_of_a_request(self):
        """Half closed (remote), while its answer waits for a window."""
        self.flood(lambda n: headers(2 * n + 1, request(path="/big")) + frame(DATA, 0, 2 * n + 1, b"x"), RESETS // 2, RESETS + 100,
                   first=settings((INITIAL_WINDOW, 0)))

    def test_25_streams_past_the_limit(self):
        self.flood(lambda n: headers(2 * n + 1, request(**POST), END_HEADERS), RESETS, RESETS + 250)

    # --- 26, 29: frames that ask for nothing

    def test_26_continuations(self):
        for what, part in (("empty", b""), ("of a byte", b"\x00"), ("large", b"\x00" * 3000)):
            with self.subTest(what):
                self.flood(lambda n: frame(CONTINUATION, 0, 1, part), 1, 32, batch=17, first=headers(1, request(), END_STREAM))

    def test_26_one_large_block(self):
        """128 KB of fields, and more to come: refused before the end of them."""
        h2 = self.open()
        h2.send(headers(1, b"\x00\x01a" + integer(300_000, 7) + b"v" * 16000, END_STREAM) +
                b"".join(frame(CONTINUATION, 0, 1, b"v" * 16384) for _ in range(12)))
        self.assertEqual(h2.rest().goaway, ENHANCE_YOUR_CALM)

    def test_26_a_block_that_stops(self):
        server = self.serve("--limit", "header_ms=500")
        h2 = H2.connect(server.port)
        self.addCleanup(h2.close)
        h2.send(headers(1, request(), END_STREAM))
        self.assertEqual(h2.rest().goaway, ENHANCE_YOUR_CALM)

    def test_29_frames_without_use(self):
        post = headers(1, request(**POST), END_HEADERS)
        floods = {
            "SETTINGS": (b"", settings((MAX_STREAMS, 5))),
            "empty SETTINGS": (b"", settings()),
            "acknowledged SETTINGS": (b"", frame(SETTINGS, ACK)),
            "PING": (b"", frame(PING, 0, 0, bytes(8))),
            "answered PING": (b"", frame(PING, ACK, 0, bytes(8))),
            "empty DATA": (post, frame(DATA, 0, 1)),
            "DATA of padding": (post, frame(DATA, PADDED, 1, b"\0")),
            "WINDOW_UPDATE of a stream": (post, window(1, 1)),
            "WINDOW_UPDATE of the connection": (b"", window(0, 1)),
            "WINDOW_UPDATE of a stream that is over": (headers(1, request()), window(1, 1)),
            "PRIORITY": (b"", frame(PRIORITY, 0, 7, u32(9) + b"\x07")),
            "PRIORITY_UPDATE": (post, frame(PRIORITY_UPDATE, 0, 0, u32(1) + b"u=1")),
            "PRIORITY_UPDATE of idle streams": (b"", frame(PRIORITY_UPDATE, 0, 0, u32(99991) + b"u=1")),
            "unknown": (b"", frame(99, 0, 0, b"?")),
            "unknown, on a stream": (post, frame(99, 0, 1, b"?" * 50)),
            "GOAWAY": (post, frame(GOAWAY, 0, 0, bytes(8))),
        }
        for what, (first, one) in floods.items():
            with self.subTest(what):
                self.flood(lambda n: one, FRAMES // 3, FRAMES + 400, batch=200, first=first)

    def test_29_nobody_reads_the_answers(self):
        """PING and SETTINGS whose answers are not taken: what waits is bounded, then the connection ends."""
        server = self.serve("--limit", "h2_frames=100000000", "--limit", "send_ms=2000")
        for one in (frame(PING, 0, 0, bytes(8)), settings()):
            memory = server.memory()
            sock = H2.connect(server.port, receive=4096)
            self.addCleanup(sock.close)
            sent, more = 0, True
            sock.sock.settimeout(1)
            while more and sent < 64 << 20:
                try:
                    more = sock.send(one * 1000)
                    sent += len(one) * 1000
                except TimeoutError:
                    break
            self.assertLess(sent, 64 << 20, "it went on to read")
            if not sanitized():
                self.assertLess(server.memory() - memory, 8 << 20)
            self.assertAlive(server)

    def test_29_a_reader_in_small_steps_is_no_flood(self):
        """Some clients open both windows for each 4 KB that they read, or for less."""
        server = self.serve(files={"large": b"l" * 12_000_000})
        for step in (4096, 1024):
            with self.subTest(step):
                h2, told = H2.connect(server.port), 0
                self.addCleanup(h2.close)
                h2.send(headers(1, request(path="/large")))
                while 1 not in h2.ended and h2.goaway is None and h2.more():
                    came = sum(len(f[3]) for f in h2.frames if f[0] == DATA)
                    h2.frames.clear()
                    h2.send((window(0, step) + window(1, step)) * ((told + came) // step - told // step))
                    told += came
                self.assertEqual((told, h2.goaway), (12_000_000, None))

    def test_29_what_waited_is_given_back(self):
        """Many answers at once, then silence: the room that they took is not kept by each connection."""
        server = self.serve("--workers", "1", files={"small": b"s" * 2000})
        memory, count = server.memory(), 200
        for _ in range(count):
            h2 = H2.connect(server.port, greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 1 << 20)) + window(0, 1 << 24))
            self.addCleanup(h2.close)
            h2.send(b"".join(headers(2 * n + 1, request(path="/small")) for n in range(100)))
            h2.until(lambda: len(h2.ended) == 100 or h2.goaway is not None)
            self.assertEqual(len(h2.ended), 100, h2.goaway)
        if not sanitized():
            self.assertLess(server.memory() - memory, count * 40_000)

    # --- 27, 28: what little bytes become

    def test_27_references_multiplied(self):
        """One field of 4 KB, named thousands of times, with window 0: counted, and stored once."""
        def work():
            h2 = self.open(greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 0)))
            bomb = block(request()) + literal("x", "v" * 4000, 0x40) + indexed(62) * 12000
            small = block(request()) + indexed(62) * 16000
            for n in range(100):
                h2.send(headers(2 * n + 1, bomb if n == 0 else small))
            self.assertTrue(h2.ping())
            self.assertEqual({h2.statuses[s][0] for s in h2.statuses} | {431}, {431})
        self.attack(work)

    def test_27_cookies_multiplied(self):
        """Crumbs are joined into one field: many small references must not become much."""
        def work():
            h2 = self.open(greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 0)))
            first = block(request()) + literal("cookie", "c" * 4000, 0x40) + literal("cookie", "", 0x40)
            for n in range(100):
                h2.send(headers(2 * n + 1, (first if n == 0 else block(request())) + (indexed(63) if n % 2 else indexed(62)) * 11000))
            self.assertTrue(h2.ping())
            self.assertEqual({h2.statuses[s][0] for s in h2.statuses} | {431}, {431})
        self.attack(work)

    def test_27_cookies_just_within(self):
        h2 = self.open()
        self.assertEqual(h2.ask(1, *[("cookie", f"c{n}=1") for n in range(256)]), 200)
        self.assertEqual(h2.ask(3, *[("cookie", f"c{n}=1") for n in range(257)]), 431)
        self.assertEqual(h2.ask(5, *[(f"x{n}", "1") for n in range(128)]), 200)
        self.assertEqual(h2.ask(7, *[(f"x{n}", "1") for n in range(129)]), 431)

    def test_28_table_storms(self):
        """The table emptied, grown and filled again, many times in each block."""
        def work():
            h2 = self.open()
            storm = (b"\x20" + b"\x3f\xe1\x1f") * 2000 + b"\x20"
            for n in range(200):
                h2.send(headers(2 * n + 1, storm + block(request())) if n % 2 == 0 else
                        headers(2 * n + 1, b"\x3f\xe1\x1f" + b"".join(literal("x", "v" * 30, 0x40) for _ in range(100)) + block(request())))
                if not h2.ping():
                    break
            self.assertIn(h2.goaway, (None, COMPRESSION_ERROR, ENHANCE_YOUR_CALM))
        self.attack(work)

    def test_28_evictions(self):
        """Each field evicts the one before, which the next block names."""
        h2 = self.open()
        for n in range(50):
            h2.send(headers(2 * n + 1, block(request()) + b"".join(literal(f"n{i}", "v" * 2000, 0x40) for i in range(6)) + indexed(62)))
            self.assertEqual(h2.answered(2 * n + 1), 200)

    # --- 34, 35: hostages

    def hostages(self, greeting, path):
        server = self.serve("--limit", "h2_stall_ms=1500", "--workers", "1",
                            files={"index.html": "home", "big": b"b" * 5_000_000})
        memory, cpu = server.memory(), server.cpu_seconds()
        holders = []
        with Bystander(server.port) as bystander:
            for _ in range(10):
                h2 = H2.connect(server.port, greeting=greeting)
                self.addCleanup(h2.close)
                h2.send(b"".join(headers(2 * n + 1, request(path=path)) for n in range(100)))
                self.assertTrue(h2.ping())
                holders.append(h2)
            if not sanitized():
                self.assertLess(server.memory() - memory, 24 << 20, "1,000 answers that wait")
            for h2 in holders:
                h2.until(lambda: len(h2.resets) == 100 or h2.goaway is not None)
                self.assertEqual(len(h2.resets), 100, h2.goaway)
        self.assertEqual(bystander.faults, [])
        self.assertAlive(server)
        if not sanitized():
            self.assertLess(server.cpu_seconds() - cpu, 4 + 0.002 * len(bystander.times))

    def test_34_streams_without_a_window(self):
        self.hostages(PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 0)), "/")

    def test_34_a_connection_without_a_window(self):
        self.hostages(PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, WINDOW_MAX)), "/big")

    def test_34_windows_of_a_byte(self):
        """Opened a byte at a time: the rate is what counts."""
        server = self.serve("--limit", "h2_stall_ms=1500", files={"index.html": "home", "big": b"b" * 5_000_000})
        h2 = H2.connect(server.port, greeting=PREFACE + settings((TABLE_SIZE, 0), (INITIAL_WINDOW, 1)))
        self.addCleanup(h2.close)
        h2.send(headers(1, request(path="/big")))
        end = time.monotonic() + 200
        while 1 not in h2.resets and time.monotonic() < end and h2.ping():
            h2.send(window(1, 1))
            time.sleep(0.05)
        self.assertIn(1, h2.resets)
        self.assertAlive(server)

    def test_35_large_trailers(self):
        h2 = self.open()
        for n, fields in enumerate(([(f"t{i}", "x") for i in range(200)], [("t", "x" * 15000)] )):
            s = 2 * n + 1
            h2.send(headers(s, request(**POST), END_HEADERS) + frame(DATA, 0, s, b"x") + headers(s, fields))
            h2.until(lambda: s in h2.ended or s in h2.resets)
            self.assertEqual(s in h2.resets, n == 0)
        many = block([("t", "x" * 15000)])
        h2.send(headers(9, request(**POST), END_HEADERS) + headers(9, many, END_STREAM) +
                b"".join(frame(CONTINUATION, 0, 9, many) for _ in range(12)))
        self.assertEqual(h2.rest().goaway, ENHANCE_YOUR_CALM)
