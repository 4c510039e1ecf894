"""Attack 67: content that breaks off, a disk that is full, kill -9 during PUT. The old content stays, nothing is torn, and
what was left behind is swept."""
import os
import random
import subprocess
import threading
import time

from harness import LIBC, PROGRAM, Case, Wire, die_with_parent, environment, free_port, needs_mounts, wait_for

SIZE = 400_000


def content(n):
    """Whole, or torn: every eight bytes say which one it is."""
    return b"%08d" % n * (SIZE // 8)


def whole(data):
    return len(data) == SIZE and data == data[:8] * (SIZE // 8)


def left_behind(root):
    return list(root.rglob(".tercet-upload-*"))


class Torn(Case):
    def test_kill(self):
        """The real program is killed many times while large files are replaced: each is one of those that were put, not
        older than the last that was acknowledged, and nothing is left after a start."""
        root = self.site({"index.html": ""})
        for name in ("a", "b", "c/d"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content(0))
        acknowledged, chance, rounds = {}, random.Random(67), 25
        for turn in range(rounds):
            server = self.serve("--writable", "--workers", "2", "--limit", "upload_buffer=30000", root=root)
            wait_for(lambda: not left_behind(root))
            self.assertEqual(left_behind(root), [], "swept at the start")
            stop = threading.Event()

            def put(name, worker):
                n = turn * 10000 + worker * 1000
                try:
                    with Wire(server.port, seconds=60) as wire:
                        while not stop.is_set():
                            n += 1
                            if wire.ask("/" + name, "PUT", body=content(n)).status in (201, 204):
                                acknowledged[name] = n
                except (OSError, EOFError, AssertionError):
                    pass
            workers = [threading.Thread(target=put, args=(name, i)) for i, name in enumerate(("a", "b", "c/d"))]
            for one in workers:
                one.start()
            time.sleep(chance.uniform(0.05, 0.4))
            if turn % 3 == 0:  # as where the file system knows no files without a name
                (root / "c" / f".tercet-upload-{turn:016x}").write_bytes(b"half")
            server.proc.kill()
            server.proc.wait()
            server.stopped = True
            stop.set()
            for one in workers:
                one.join()
            for name in ("a", "b", "c/d"):
                data = (root / name).read_bytes()
                self.assertTrue(whole(data), (name, len(data)))
                self.assertGreaterEqual(int(data[:8]), acknowledged.get(name, 0), name)
        self.assertEqual(len(acknowledged), 3)
        server = self.serve("--writable", root=root)
        wait_for(lambda: not left_behind(root))
        self.assertEqual(left_behind(root), [])
        self.assertEqual(server.ask("/a").status, 200)

    def test_breaks_off(self):
        root = self.site({"a": "old"})
        server = self.serve("--writable", "--limit", "upload_buffer=100", "--limit", "body_grace_ms=300",
                            "--limit", "body_rate=1000000", root=root)
        before = len(os.listdir(f"/proc/{server.proc.pid}/fd"))
        heads = (b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n")
        for turn in range(60):
            with Wire(server.port) as wire:
                wire.send(b"PUT /a HTTP/1.1\r\nHost: h\r\n" + heads[turn % 2] + b"x" * (turn * 997 % 60000))
                if turn % 3 == 0:
                    wire.reset()
                elif turn % 3 == 1:
                    wire.end()
                    self.assertIn(wire.response().status, (400, 408))  # too slow it may be, too, here
                elif turn < 6:  # too slow
                    self.assertEqual(wire.response().status, 408)
        self.assertEqual(server.ask("/a").body, b"old")
        self.assertTrue(wait_for(lambda: len(os.listdir(f"/proc/{server.proc.pid}/fd")) <= before + 1))
        self.assertEqual(left_behind(root), [])

    @needs_mounts
    def test_full_disk(self):
        """507, the old content stays, and when there is room again it is as before."""
        small = self.dir / "small"
        small.mkdir()
        port = free_port()
        script = f'mount -t tmpfs -o size=2m none {small} && echo old > {small}/a && exec "$@"'
        err = open(self.dir / "err", "wb")
        proc = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", str(PROGRAM), "serve", str(small), "--listen",
                                 f"http://127.0.0.1:{port}", "--access-log", "off", "--writable", "--limit", "linger_ms=60000",
                                 "--limit", "linger_bytes=9000000"],
                                stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=environment(), preexec_fn=die_with_parent())
        self.addCleanup(lambda: (proc.kill(), proc.wait(), err.close()))
        wait_for(lambda: b"Ctrl-C ends" in (self.dir / "err").read_bytes())

        def ask(*how, **more):
            with Wire(port, seconds=60) as wire:
                return wire.ask(*how, **more)
        for _ in range(3):
            self.assertEqual(ask("/a", "PUT", body=bytes(5_000_000)).status, 507)
            self.assertEqual(ask("/a").body, b"old\n")
        self.assertEqual(ask("/b", "PUT", body=bytes(1_200_000)).status, 201)
        self.assertEqual(ask("/b", "PUT", body=bytes(1_200_000)).status, 507)  # both would have to be there for a moment
        self.assertEqual(ask("/b", "DELETE").status, 204)
        self.assertEqual(ask("/a", "PUT", body=bytes(1_200_000)).status, 204)
        self.assertEqual(len(ask("/a").body), 1_200_000)

    def test_largest_file(self):
        """RLIMIT_FSIZE: a signal that would end a program that does not know it."""
        root = self.site({"a": "old"})
        server = self.serve("--writable", "--limit", "linger_ms=60000", root=root)
        self.other("prlimit", "--pid", server.proc.pid, "--fsize=100000")
        self.assertEqual(server.ask("/a", "PUT", body=bytes(300_000)).status, 507)
        self.assertEqual(server.ask("/a").body, b"old")
        self.assertEqual(server.ask("/a", "PUT", body=bytes(50_000)).status, 204)

    def test_links_that_move(self):
        """A folder is exchanged for a link that leads outside while files are put into it: nothing is written there."""
        outside = self.dir / "outside"
        outside.mkdir()
        root = self.site({"in/x": "x"})
        server = self.serve("--writable", root=root)
        stop = threading.Event()

        os.symlink(outside, root / "link")

        def swap():
            while not stop.is_set():  # RENAME_EXCHANGE
                LIBC.renameat2(-100, bytes(root / "in"), -100, bytes(root / "link"), 2)
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            with Wire(server.port, seconds=60) as wire:
                for n in range(300):
                    self.assertIn(wire.ask(f"/in/f{n % 7}", "PUT", body=b"y").status, (201, 204, 403, 404, 409))
        finally:
            stop.set()
            thread.join()
        self.assertEqual(list(outside.iterdir()), [])
