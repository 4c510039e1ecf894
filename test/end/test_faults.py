"""Every call that files, uploads, the log and connections make fails once (fault_calls.c): what is answered says so, nothing is
torn or left behind, and the next request is as good as ever."""
import errno
import mmap
import struct

from harness import ROOT, Case, Wire, wait_for

RELEASE_ONLY = True  # sanitizers want to be loaded first
LAYOUT = "32sqqqqq"
OLD, NEW, LARGE = b"old" * 50, b"new!" * 30000, b"l" * 300_000
GONE = "the connection ended"


class Calls(Case):
    def setUp(self):
        super().setUp()
        library, self.plan = self.dir / "fault_calls.so", self.dir / "plan"
        built = self.other("cc", "-O2", "-shared", "-fPIC", "-w", "-o", library, ROOT / "test" / "end" / "fault_calls.c", "-ldl")
        self.assertEqual(built.status, 0, built)
        self.plan.write_bytes(bytes(4096))
        self.root = self.site({"large": LARGE.decode()})
        self.server = self.serve("--writable", "--workers", "1", "--limit", "upload_buffer=50000", "--limit", "cache_ms=0", root=self.root,
                                 log=str(self.dir / "log"), env={"LD_PRELOAD": str(library), "FAULT_CALLS": str(self.plan)})
        self.turn = 0

    def set(self, name=b"", number=0, first=1 << 60, count=0):
        with open(self.plan, "r+b") as file, mmap.mmap(file.fileno(), 4096) as at:
            at[:72] = struct.pack(LAYOUT, name, number, first, count, 0, 0)

    def counted(self):
        with open(self.plan, "r+b") as file, mmap.mmap(file.fileno(), 4096, access=mmap.ACCESS_READ) as at:
            return struct.unpack(LAYOUT, at[:72])[4:]

    def ask(self, *how, **more):
        try:
            with Wire(self.server.port, seconds=60) as wire:
                return wire.ask(*how, **more)
        except (OSError, EOFError) as gone:
            self.assertNotIsInstance(gone, TimeoutError, how)
            return None

    def play(self):
        """A file is made, replaced, read and removed; what was answered, or GONE."""
        self.turn += 1
        folder = f"/t{self.turn}"
        path, told = f"{folder}/in/file", []
        steps = (("PUT", path, OLD, 201), ("GET", path, b"", 200), ("PUT", path, NEW, 204), ("GET", "/large", b"", 200),
                 ("DELETE", path, b"", 204), ("DELETE", folder + "/in", b"", 204))
        target = self.root / path[1:]
        for method, at, body, _ in steps:
            before = target.read_bytes() if target.exists() else None
            fields = ["If-Match: *"] if body == NEW else []
            got = self.ask(at, method, fields, body)
            told.append(got.status if got else GONE)
            after = target.read_bytes() if target.exists() else None
            self.assertIn(after, (before, body) if method == "PUT" else (before, None) if method == "DELETE" else (before,), "torn")
            if got and method == "GET" and got.status == 200 and got.complete:
                self.assertEqual(got.body, before if at == path else LARGE)
            if got and got.status in (201, 204) and method == "PUT":
                self.assertEqual(after, body)
        return told, [step[3] for step in steps]

    def walk(self, name, number, allowed, most=40):
        """Call after call of that name fails. allowed: what may be answered then."""
        self.set(name)
        told, wanted = self.play()
        self.assertEqual(told, wanted)
        calls, _ = self.counted()
        self.assertGreater(calls, 0, f"{name} is not called at all")
        hit = 0
        for n in range(1, min(calls, most) + 1):
            self.set(name, number, n, 1)
            told, _ = self.play()
            hit += self.counted()[1]
            self.set()
            for status in told:
                self.assertIn(status, allowed, (name, errno.errorcode[number], n, told))
            if allowed == self.UNHURT:
                self.assertEqual(told, wanted, (name, errno.errorcode[number], n))
            told, _ = self.play()
            self.assertEqual(told, wanted, ("afterwards", name, errno.errorcode[number], n))
        self.assertGreater(hit, 0, "nothing failed")

    UNHURT = {200, 201, 204}
    FOLLOWS = {404, 412, 409}  # what was not made cannot be replaced, read or removed

    def every(self, rows):
        for name, number, more in rows:
            with self.subTest(call=name, fails=errno.errorcode[number]):
                self.walk(name.encode(), number, self.UNHURT if more is None else self.UNHURT | self.FOLLOWS | set(more))
        wait_for(lambda: not list(self.root.rglob(".tercet-upload-*")))
        self.assertEqual(list(self.root.rglob(".tercet-upload-*")), [])

    def test_no_room(self):
        self.every([(name, number, {507}) for number in (errno.ENOSPC, errno.EDQUOT) for name in ("mkdirat", "write", "fsync", "linkat", "renameat")])

    def test_no_descriptors(self):
        self.every([("openat2", errno.EMFILE, {503}), ("openat", errno.EMFILE, {503}), ("fcntl", errno.EMFILE, {503}),
                    ("openat2", errno.ENOMEM, {503})])

    def test_broken_disk(self):
        self.every([("openat2", errno.EIO, {500, 503}), ("openat", errno.EIO, {500}), ("write", errno.EIO, {500}), ("fsync", errno.EIO, {500}),
                    ("flock", errno.ENOLCK, {500}), ("fstat", errno.EIO, {500, 503}), ("fstatat", errno.EIO, {500}),
                    ("linkat", errno.EIO, {500}), ("renameat", errno.EIO, {500}), ("unlinkat", errno.EIO, {500}),
                    ("sendfile", errno.EIO, {GONE})])

    def test_interrupted(self):
        self.every([(name, errno.EINTR, None) for name in ("openat2", "write", "fsync", "flock", "linkat", "recv", "accept4")])

    def test_old_file_systems(self):
        self.every([("openat", errno.EOPNOTSUPP, {500}), ("openat2", errno.ENOSYS, None)])

    def test_peers_gone(self):
        self.every([("send", errno.EPIPE, {GONE}), ("recv", errno.ECONNRESET, {GONE}), ("sendfile", errno.EPIPE, {GONE}),
                    ("accept4", errno.EMFILE, None), ("accept4", errno.ECONNABORTED, None)])
