"""Peers that are slow, silent or many: they cost a bounded amount and never delay others (19)."""
import pathlib
import re
import resource
import socket
import time

from harness import Case, Wire, sanitized, wait_for


class Slow(Case):
    def is_kept(self, server, port):
        """Whether the server still has the connection that comes from that port."""
        ends = f":{server.port:04X} 0100007F:{port:04X} "
        row = re.search(rf"(?m)^.*{ends}(\S\S) .*$", pathlib.Path("/proc/net/tcp").read_text())
        return bool(row) and row[0].split()[9] != "0"  # the inode: 0 when nobody has the socket any more

    def test_19_slow_head(self):
        """A byte now and then does not keep it open."""
        server = self.serve("--limit", "header_ms=700")
        for pace in (b"G", b"GET / HTTP/1.1\r\nHost: h\r\nX: "):
            with self.subTest(pace):
                with server.wire() as wire:
                    began, answer = time.monotonic(), b""
                    wire.send(pace)
                    wire.sock.settimeout(0.1)
                    while time.monotonic() - began < 60:
                        try:
                            data = wire.sock.recv(4096)
                            if not data:
                                break
                            answer += data
                        except TimeoutError:
                            if not answer:
                                wire.send(b"a")
                        except ConnectionResetError:
                            break
                    self.assertRefused(answer, 408)
                    self.assertGreater(time.monotonic() - began, 0.5)
        self.assertAlive(server)

    def test_19_slow_second_head(self):
        server = self.serve("--limit", "header_ms=500")
        with server.wire() as wire:
            wire.ask("/")
            wire.send(b"GET / HT")
            self.assertRefused(wire.rest(), 408)

    def test_19_silence_is_idle_not_slow(self):
        """A connection that never says a word is ended without an answer nobody asked for."""
        server = self.serve("--limit", "idle_ms=500", "--limit", "header_ms=500")
        with server.wire() as wire:
            self.assertIn(wire.rest()[:12], (b"", b"HTTP/1.1 408"))

    def test_19_slow_body(self):
        server = self.serve("--limit", "body_grace_ms=500", "--limit", "body_rate=1000")
        for head in (b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"):
            with self.subTest(head):
                with server.wire() as wire:
                    wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\n" + head)
                    began, answer = time.monotonic(), b""
                    wire.sock.settimeout(0.1)
                    while time.monotonic() - began < 60:
                        try:
                            answer += wire.sock.recv(4096)
                            if b"\r\n\r\n" in answer:
                                break
                        except TimeoutError:
                            wire.send(b"x")
                    self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer[:100])
        self.assertAlive(server)

    def test_19_body_that_is_steady_is_not_slow(self):
        """Thirty times as fast as it must be, so that it may stand still for some seconds."""
        server = self.serve("--limit", "body_grace_ms=2000", "--limit", "body_rate=50")
        with server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\n")
            for _ in range(20):
                wire.send(b"x" * 300)
                time.sleep(0.2)
            self.assertEqual(wire.response().status, 200)

    def test_19_slow_reader(self):
        server = self.serve("--limit", "send_ms=800", files={"index.html": "home", "big.bin": b"x" * (32 << 20)})
        for kept in (server.wire(), server.wire(receive=4096)):
            kept.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual(kept.head().status, 200)
            port = kept.sock.getsockname()[1]
            if kept.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 10000:  # one that takes it all, to see that we can see it
                kept.exactly(32 << 20)
                self.assertTrue(self.is_kept(server, port))
            else:
                self.assertTrue(wait_for(lambda: not self.is_kept(server, port)), "a reader that takes nothing was kept")
        self.assertAlive(server)

    def test_19_slow_readers_cost_little_memory(self):
        server = self.serve(files={"index.html": "home", "big.bin": b"x" * (32 << 20), "mid.bin": b"y" * 60_000})
        before = server.memory()
        wires = []
        for n in range(200):
            wire = server.wire(receive=4096)
            wire.send(b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % (b"mid.bin" if n % 2 else b"big.bin") * 20)
            wires.append(wire)
        time.sleep(1)
        self.assertAlive(server)
        if not sanitized():
            self.assertLess(server.memory() - before, 200 * 100_000)

    def test_19_echo_readers_that_do_not_read(self):
        """Answers made from requests are bounded too: reading stops while they are not taken."""
        server = self.serve()
        before = server.memory()
        wire = server.wire(receive=4096)
        wire.sock.settimeout(1)
        sent = 0
        request = b"GET /echo HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 4000 + b"\r\n\r\n"
        try:
            while sent < (64 << 20):
                wire.send(request * 16)
                sent += len(request) * 16
        except (TimeoutError, OSError):
            pass
        self.assertLess(sent, 64 << 20, "it read on while nobody took its answers")
        if not sanitized():
            self.assertLess(server.memory() - before, 8 << 20)
        self.assertAlive(server)

    def test_others_are_not_delayed(self):
        server = self.serve("--workers", "1", files={"index.html": "home", "big.bin": b"x" * (64 << 20)})
        wires = []
        for n in range(300):
            wire = server.wire(receive=4096)
            wire.send((b"GET / HTTP/1.1\r\nHo", b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\nx",
                       b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n")[n % 4])
            wires.append(wire)
        times = []
        for _ in range(30):
            began = time.monotonic()
            self.assertEqual(server.ask("/").status, 200)
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[15], 4)  # those who are slow are told so after 10 s

    def test_one_greedy_pipeliner_does_not_starve_others(self):
        server = self.serve("--workers", "1")
        greedy = server.wire()
        greedy.sock.setblocking(False)
        flood, pending = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 2000, b""
        times, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            pending = pending or flood
            try:
                pending = pending[greedy.sock.send(pending):]
            except BlockingIOError:
                pass
            try:
                while greedy.sock.recv(1 << 20):
                    pass
            except BlockingIOError:
                pass
            began = time.monotonic()
            self.assertEqual(server.ask("/").status, 200)
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[len(times) // 2], 4)


class Many(Case):
    SECONDS = 600

    def test_19_five_thousand_idle_connections(self):
        count = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
        self.assertGreaterEqual(count, 1000, "this machine allows too few descriptors for the test")
        server = self.serve("--workers", "2", "--limit", "idle_ms=3600000")
        server.ask("/")
        before = server.memory("RssAnon")
        wires = []
        for n in range(count):
            wire = Wire(server.port, seconds=60)
            wires.append(wire)
            if n % 2:  # half of them have made a request, half never spoke
                self.assertEqual(wire.ask("/").status, 200)
        for _ in range(50):
            self.assertEqual(server.ask("/").status, 200)
        if not sanitized():
            self.assertLess((server.memory("RssAnon") - before) / count, 2000, "bytes a connection")
        for wire in wires[1::500]:
            self.assertEqual(wire.ask("/").status, 200)
        for wire in wires:
            wire.close()
        self.assertAlive(server)

    def test_connection_limit(self):
        """Past the limit a connection is told so or ended; those within it go on."""
        server = self.serve("--workers", "1", "--limit", "connections=10")
        wires = [server.wire() for _ in range(10)]
        for wire in wires:
            self.assertEqual(wire.ask("/").status, 200)
        extra = server.wire()
        extra.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        extra.sock.settimeout(1)
        try:
            answer = extra.rest()
            self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 503"), answer[:100])
        except (TimeoutError, ConnectionResetError):
            pass
        extra.close()
        for wire in wires:
            self.assertEqual(wire.ask("/").status, 200)
        for wire in wires:
            wire.close()
        self.assertTrue(wait_for(lambda: self.answered(server)))

    def answered(self, server):
        try:
            return server.ask("/").status == 200
        except (OSError, EOFError):
            return False

    def test_out_of_descriptors(self):
        """With 64 descriptors in all: accepting pauses, goes on later, and does not burn the processor."""
        server = self.serve("--workers", "1", descriptors=64, files={"index.html": "home", "big.bin": b"x" * 200_000})
        self.assertEqual(server.ask("/").status, 200)
        wires = []
        for _ in range(120):
            wire = Wire(server.port, seconds=60)
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            wires.append(wire)
        time.sleep(0.5)
        before = server.cpu_seconds()
        time.sleep(1.5)
        self.assertLess(server.cpu_seconds() - before, 0.5, "it spins while it cannot accept")
        first = wires[0].response()
        self.assertEqual(first.status, 200)
        answered = 0
        for wire in wires:  # each that goes makes room for one that waits
            if wire is not wires[0]:
                try:
                    answered += wire.response().status in (200, 503)
                except (OSError, EOFError):
                    pass
            wire.close()
        self.assertGreater(answered, 100)
        self.assertTrue(wait_for(lambda: self.answered(server)))

    def test_files_need_descriptors_too(self):
        """A file that cannot be opened for want of a descriptor is 503, never 404."""
        server = self.serve("--workers", "1", "--limit", "cache_files=1", descriptors=64,
                            files={"index.html": "home", **{f"{n}.bin": b"x" * 100_000 for n in range(100)}})
        wires = []
        for n in range(100):
            wire = Wire(server.port, receive=4096)
            wire.sock.settimeout(0.1)
            wire.send(b"GET /%d.bin HTTP/1.1\r\nHost: h\r\n\r\n" % n)
            wires.append(wire)
        time.sleep(0.3)
        for wire in wires:
            try:
                self.assertIn(wire.head().status, (200, 503, 500))
            except (TimeoutError, OSError, EOFError):
                pass
        for wire in wires:
            wire.close()
        self.assertTrue(wait_for(lambda: self.answered(server)))

    def test_descriptors_are_given_back(self):
        server = self.serve(files={"index.html": "home", "big.bin": b"x" * 300_000})
        folder = pathlib.Path(f"/proc/{server.proc.pid}/fd")
        server.ask("/big.bin")
        time.sleep(0.2)
        before = len(list(folder.iterdir()))
        for n in range(300):
            wire = Wire(server.port, seconds=60)
            wire.send((b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HTTP/1.1\r\nHo", b"junk\r\n\r\n",
                       b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx")[n % 4])
            wire.reset() if n % 3 else wire.close()
        self.assertTrue(wait_for(lambda: len(list(folder.iterdir())) <= before + 3),
                        f"{len(list(folder.iterdir()))} descriptors, {before} before")

    def test_memory_is_given_back(self):
        """Ten thousand connections that come, ask and go leave nothing behind."""
        server = self.serve("--workers", "1")

        def round_of(n):
            for _ in range(n):
                self.assertEqual(server.ask("/").status, 200)
        round_of(500)
        before = server.memory("RssAnon")
        round_of(3000)
        if not sanitized():
            self.assertLess(server.memory("RssAnon") - before, 1 << 20)
