"""What the suites of attacks on HTTP/3 and QUIC share: a server, somebody else who uses it meanwhile, bounds of
what an attack costs it, and the proof after each test that it answers others."""
import threading
import time

from h3raw import H3
from harness import needs_quic, sanitized
from test_tls import Tls


class Bystander:
    """Our own client, again and again, while the server is attacked."""

    def __init__(self, case):
        self.case, self.stop, self.faults, self.served = case, threading.Event(), [], 0
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while not self.stop.is_set():
            try:
                self.case.assertAlive()
                self.served += 1
            except AssertionError as fault:
                self.faults.append(str(fault))
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(200)


@needs_quic
class H3Attack(Tls):
    SECONDS = 600

    def begin(self, *options, **how):
        files = {"index.html": "home", "half": b"h" * 500_000}
        self.server = self.secure("--workers", "1", *options, files=files, **how)
        return self.server

    def tearDown(self):
        if self.server:
            self.assertAlive()

    def assertAlive(self):
        self.assertIsNone(self.server.proc.poll(), "the server is gone")
        got = self.tercet("get", "--http", 3, "-q", "--cacert", self.ca, f"https://localhost:{self.server.port}/", env=self.env)
        self.assertEqual((got.status, got.out), (0, b"home"), got)

    def assertReached(self, name):
        """That limit was; the server is ended."""
        self.assertAlive()
        self.server.signal()
        self.server.wait(120)
        self.assertRegex(self.server.said(), rf"limit {name} reached [1-9]")
        self.server = None

    def open(self, kind=H3, **how):
        conn = kind(self.server.port, **how)
        self.addCleanup(conn.close)
        return conn

    def beside(self, work, grows=8 << 20, seconds=4):
        """Does that beside a bystander; bounds what it costs the server, while it lasts. work() may return a
        connection: what it holds is counted, too."""
        self.assertAlive()
        memory, cpu = self.server.memory(), self.server.cpu_seconds()
        with Bystander(self) as bystander:
            got = work()
            during = self.server.memory()
            served = bystander.served
            end = time.monotonic() + 200
            while bystander.served == served and not bystander.faults and time.monotonic() < end:
                time.sleep(0.01)
        self.assertEqual(bystander.faults, [])
        self.assertGreater(bystander.served, served)
        if not sanitized():
            self.assertLess(max(during, self.server.memory()) - memory, grows)
            self.assertLess(self.server.cpu_seconds() - cpu, seconds + 0.01 * bystander.served)  # each of them is a handshake
        return got

    def closes(self, conn, kind, code, what=""):
        """The server closes it with that code, kind "transport" or "application"."""
        for _ in range(60):  # whoever has closed says so again to whoever goes on
            if conn.until(lambda: conn.closed, 2):
                break
            conn.knock()
        self.assertIsNotNone(conn.closed, f"{what}: nothing was said")
        self.assertEqual((conn.closed[0], hex(conn.closed[1])), (kind, hex(code)), what)
        conn.close()
