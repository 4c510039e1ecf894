"""What a request costs on the hot path, counted in the release build: system calls by strace; memory,
locks and formatting by a preloaded library. Times depend on the machine; these numbers do not."""
import mmap
import re
import signal
import struct
import subprocess
import time

from harness import ROOT, Case, die_with_parent, environment, is_traced, wait_for

RELEASE_ONLY = True


class Syscalls(Case):
    SECONDS = 600

    def count(self, request, answer, turns=100, connections=64, batch=1):
        """-> (system calls a request, {name: count}, requests). In each turn all requests are there when the server looks, so
        nothing depends on how fast who is."""
        server = self.serve("--workers", "1", "--limit", "cache_ms=3600000", files={"612.html": "x" * 612, "100k.bin": "y" * 100_000})
        wires = [server.wire() for _ in range(connections)]

        def turn():
            server.signal(signal.SIGSTOP)
            for wire in wires:
                wire.send(request * batch)
            server.signal(signal.SIGCONT)
            for wire in wires:
                for _ in range(batch):
                    self.assertEqual(len(wire.response().body), answer)
        turn()  # now they are open, and the file is known
        out = self.dir / "strace.out"
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", str(out), "-p", str(server.proc.pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), preexec_fn=die_with_parent())
        attached = wait_for(lambda: tracer.poll() is not None or is_traced(server.proc.pid))
        self.assertTrue(attached and tracer.poll() is None,
                        f"strace could not attach, so nothing can be counted here: {tracer.stderr.read().decode() if tracer.poll() is not None else ''}")
        for _ in range(turns):
            turn()
        tracer.terminate()
        tracer.wait(120)
        tracer.stderr.close()
        calls = {m[2]: int(m[1]) for m in re.finditer(r"(?m)^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", out.read_text())
                 if m[2] not in ("total", "rt_sigtimedwait")}  # the latter is of the thread that waits for signals
        requests = turns * connections * batch
        return sum(calls.values()) / requests, calls, requests

    GET = b"GET /612.html HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def test_keep_alive(self):
        """A receive and a send; a wait is for many."""
        each, calls, requests = self.count(self.GET, 612)
        self.assertLessEqual(each, 2.05, (each, calls, requests))

    def test_pipelined(self):
        each, calls, requests = self.count(self.GET, 612, turns=20, batch=16)
        self.assertLessEqual(each, 0.15, (each, calls, requests))

    def test_hot_path_opens_and_maps_nothing(self):
        _, calls, requests = self.count(self.GET, 612, connections=16, turns=200)
        for name in ("open", "openat", "openat2", "mmap", "munmap", "brk", "futex", "madvise", "stat", "newfstatat", "fstat", "statx"):
            self.assertLess(calls.get(name, 0) / requests, 0.01, (name, calls))

    def test_large_file(self):
        """One head and one body: a receive, a send, a sendfile or two, a wait."""
        each, calls, requests = self.count(self.GET.replace(b"612.html", b"100k.bin"), 100_000, connections=16)
        self.assertLessEqual(each, 8, (each, calls, requests))
        self.assertGreater(calls.get("sendfile", 0), requests * 0.9)


def counting(case):
    """What counts calls, and the file where it does."""
    library, counters = case.dir / "count_calls.so", case.dir / "counters"
    built = case.other("cc", "-O2", "-shared", "-fPIC", "-w", "-o", library, ROOT / "test" / "end" / "count_calls.c", "-ldl")
    case.assertEqual(built.status, 0, built)
    counters.write_bytes(bytes(4096))
    return library, counters


def counted(counters):
    with open(counters, "rb") as file, mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_READ) as at:
        return dict(zip(("memory", "lock", "format"), struct.unpack("QQQ", at[:24])))


class Calls(Case):
    """No malloc, no lock, no snprintf for a small file that is remembered, however it is asked for."""
    REQUESTS = 5000

    def setUp(self):
        super().setUp()
        library, self.counters = counting(self)
        self.server = self.serve("--workers", "1", files={"index.html": "x" * 612, "sub/page.html": "y" * 5000},
                                 env={"LD_PRELOAD": str(library), "COUNT_CALLS": str(self.counters)})

    def cost(self, request, batch=1, status=200):
        """Calls while REQUESTS are answered on one connection that is warm."""
        with self.server.wire() as wire:
            for n in range(2):
                before, began = counted(self.counters), time.monotonic()
                for _ in range(self.REQUESTS // batch if n else 10):
                    wire.send(request * batch)
                    for _ in range(batch):
                        self.assertEqual(wire.response("HEAD" if request.startswith(b"HEAD") else "GET").status, status)
                after = counted(self.counters)
        self.assertGreater(before["memory"], 0, "nothing is counted at all")
        aside = 4 * (time.monotonic() - began)  # what is done once a second may cost a little
        return {name: max(0, after[name] - before[name] - aside) for name in after}

    def test_small_file(self):
        head = b" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n"
        for request, batch in ((b"GET /" + head, 1), (b"GET /" + head, 16), (b"HEAD /" + head, 1), (b"GET /sub/page.html?a=b" + head, 1)):
            with self.subTest(request=request, batch=batch):
                cost = self.cost(request, batch)
                self.assertLess(cost["memory"] / self.REQUESTS, 0.01, cost)
                self.assertLess(cost["lock"] / self.REQUESTS, 0.01, cost)
                self.assertLess(cost["format"] / self.REQUESTS, 0.01, cost)

    def test_not_modified(self):
        tag = self.server.ask("/").get("etag").encode()
        cost = self.cost(b"GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: " + tag + b"\r\n\r\n", status=304)
        self.assertLess(cost["memory"] / self.REQUESTS, 0.01, cost)


class Generator(Case):
    """Nor does `tercet bench` for a request."""
    REQUESTS = 5000

    def setUp(self):
        super().setUp()
        self.library, self.counters = counting(self)
        self.server = self.serve("--workers", "1", files={"index.html": "x" * 612})

    def bench_calls(self, version, streams, n):
        self.counters.write_bytes(bytes(4096))
        got = self.tercet("bench", "-n", n, "-c", 2, "-m", streams, "--http", version, f"{self.server.url}/",
                          env={"LD_PRELOAD": str(self.library), "COUNT_CALLS": str(self.counters)})
        self.assertEqual(got.status, 0, got)
        return counted(self.counters)

    def test_small_file(self):
        for version, streams in (("1.1", 1), ("2", 16)):
            with self.subTest(version):
                few, many = (self.bench_calls(version, streams, n) for n in (200, 200 + self.REQUESTS))
                self.assertGreater(few["memory"], 0, "nothing is counted at all")
                for name in few:
                    self.assertLess((many[name] - few[name]) / self.REQUESTS, 0.02, (name, few, many))
