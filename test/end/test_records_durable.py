"""What was acknowledged of records is there after a kill -9 and on a full disk; many changes share a sync."""
import json
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time

from harness import PROGRAM, Wire, die_with_parent, environment, free_port, is_traced, needs_mounts, wait_for
from records_case import JSON, Keep


class Durable(Keep):
    SECONDS = 600

    def test_an_end_in_the_middle(self):
        """Workers go while changes and looks are under way: nothing is used again, nothing is lost from memory."""
        for _ in range(4):
            server = self.keep("--limit", "record_cache=0")
            told = []
            threads = self.writers(server, 8, told)
            wires = [server.wire(seconds=60) for _ in range(8)]
            for wire in wires:
                wire.send(b"GET /customers/1000001 HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"GET /customers?a=1 HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            enough = len(told) + 30
            self.assertTrue(wait_for(lambda: len(told) > enough))
            server.signal()
            for wire in wires:
                wire.close()
            self.assertEqual(server.wait(), 0, server.said())
            for t in threads:
                t.join()
            server.stop(check=False)
            server = self.keep()
            for key, body in told:
                self.assertEqual(self.get(server, f"/customers/{key}").body, body)
            server.stop()
            for path in self.dir.glob("records.db*"):
                path.unlink()

    def test_locked_by_another(self):
        """All who wait are told at once, not each after the patience for one; then it goes on."""
        server = self.keep("--workers", 1)
        self.put(server, {"CustID": 1}, status=201)
        other = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        wires = [server.wire(seconds=300) for _ in range(40)]
        began = time.monotonic()
        for n, wire in enumerate(wires):
            wire.send(b"PUT /customers/%d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" % (n + 10))
        for wire in wires:
            self.assertEqual(wire.response().status, 503)
            self.get(server, "/customers/1")
        self.assertLess(time.monotonic() - began, 150)  # two batches; it would be 200 s one by one
        other.execute("ROLLBACK")
        self.put(server, {"CustID": 2}, status=201)
        self.assertEqual(server.said().count("tercet: the database of records fails: database is locked"), 1)
        self.assertTrue(wait_for(lambda: server.said().count("works again") == 1))

    def writers(self, server, count, told):
        """Threads that add records until the server is gone; told gets the acknowledged ones."""
        def write(n):
            i = 0
            try:
                wire = Wire(server.port, seconds=60)
                while True:
                    i += 1
                    body = json.dumps({"CustID": n * 1000000 + i, "x": "y" * random.randrange(2000)}).encode()
                    if wire.ask("/customers/requests", "PUT", [JSON], body).status == 201:
                        told.append((n * 1000000 + i, body))
            except (OSError, EOFError, AssertionError):
                pass
        threads = [threading.Thread(target=write, args=(n,)) for n in range(count)]
        for t in threads:
            t.start()
        return threads

    def test_kill_9(self):
        told = []
        for _ in range(4):
            server = self.keep()
            threads = self.writers(server, 8, told)
            enough = len(told) + 100
            wait_for(lambda: len(told) > enough)
            server.proc.send_signal(signal.SIGKILL)
            server.proc.wait()
            for t in threads:
                t.join()
            server.stop(check=False)
            with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as db:
                self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
                kept = dict(db.execute("SELECT key, document FROM record"))
            for key, body in told:
                self.assertEqual(kept[key].encode(), body)
            for path in self.dir.glob("records.db*"):
                path.unlink()  # the next one begins with the same keys
            told.clear()

    @needs_mounts
    def test_full_disk(self):
        """507, reading goes on, and what was acknowledged is there."""
        small = self.dir / "small"
        small.mkdir()
        port = free_port()
        script = f'mount -t tmpfs -o size=3m none {small} && exec "$@"'
        err = open(self.dir / "err", "wb")
        proc = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", str(PROGRAM), "serve", str(self.site()), "--listen", f"http://127.0.0.1:{port}",
                                 "--access-log", "off", "--records", "/customers:CustID", "--store", f"sqlite:{small}/r.db"],
                                stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=environment(), preexec_fn=die_with_parent())
        self.addCleanup(lambda: (proc.kill(), proc.wait(), err.close()))
        wait_for(lambda: b"Ctrl-C ends" in (self.dir / "err").read_bytes())
        kept, full = [], 0
        with Wire(port, seconds=60) as wire:
            for i in range(400):
                got = wire.ask("/customers/requests", "PUT", [JSON], json.dumps({"CustID": i, "x": "y" * 20000}).encode())
                if got.status == 201:
                    kept.append(i)
                else:
                    self.problem(got, 507, "no room")
                    full += 1
                if full > 5:
                    break
            self.assertGreater(full, 5)
            self.assertGreater(len(kept), 10)
            for i in kept:
                self.assertEqual(wire.ask(f"/customers/{i}").status, 200)
            self.assertIn(wire.ask(f"/customers/{kept[0]}", "DELETE").status, (204, 507))


class Speed(Keep):
    def test_many_share_a_sync(self):
        """64 clients at once: far fewer syncs than writes. Counted by strace, not timed."""
        server = self.keep("--workers", 1)
        trace = self.dir / "trace"
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(server.proc.pid)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=die_with_parent())
        self.addCleanup(lambda: (tracer.kill(), tracer.wait(), tracer.stderr.close()))
        self.assertTrue(wait_for(lambda: is_traced(server.proc.pid)))
        wires = [Wire(server.port, seconds=60) for _ in range(64)]
        for turn in range(10):
            server.signal(signal.SIGSTOP)  # all 64 are there when it looks
            for n, wire in enumerate(wires):
                body = json.dumps({"CustID": turn * 100 + n}).encode()
                wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            server.signal(signal.SIGCONT)
            for wire in wires:
                self.assertEqual(wire.response().status, 201)
        for wire in wires:
            wire.close()
        tracer.terminate()  # before the server ends: it looks for leaks, which it cannot while it is traced
        tracer.wait(120)
        syncs = len(re.findall(rb"sync\(", trace.read_bytes()))
        self.assertGreater(syncs, 0)
        self.assertLess(syncs, 640 / 4)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"records  640 writes in \d+ syncs")
