"""Every system call of tercet get fails once (every_call.c): the file is whole or as it was, and whatever was not done is said."""
import errno
import shutil

from harness import needs_quic
from injector import ALL
from test_every_call import LARGE, Full

RELEASE_ONLY = True  # what a sanitizer calls at its end would fail, too


class Client(Full):
    """tercet get: what it says, how it ends, and what stands in its files then."""
    MOST = 12 if ALL else 400
    # Where this is so there is an end to read, too; here it would wait for it.
    NEVER = {(name, number) for name in ("sendto", "sendmsg") for number in (errno.EPIPE, errno.ECONNRESET)}
    MAY_FAIL = ("openat", "open", "read_file")  # libraries that read files: no disk is interrupted

    def begin(self):
        self.text = self.text.replace("compress =", 'add-field = {"Set-Cookie: k=v; Path=/; Max-Age=1000"}\nhsts = "1000"\ncompress =')
        self.choose_ports()
        self.server = self.serve("--config", self.conf, root=False, listen=False, log=None, echo=False, port=self.port, env=self.env)
        self.out, self.jar, self.own = self.dir / "out", self.dir / "own" / "jar", self.dir / "own"

    def get(self, version):
        scheme, port = ("http", self.port) if version == "1.0" else ("https", self.secure_port)
        return self.tercet("get", "--http", version, "--fail", "--cacert", self.dir / "ca.pem", "-o", self.out, "--jar", self.jar,
                           f"{scheme}://localhost:{port}/large", within=self.injector.within, check=False,
                           env={"XDG_STATE_HOME": str(self.own), "LANG": "C.UTF-8"})

    def stored(self):
        """What the jar and the memory of alternatives hold, as far as they are whole."""
        return self.jar.read_text() if self.jar.exists() else ""

    def judge(self, got, name=None, number=0):
        """Whether it did all that it was to do; if not, it said so."""
        self.assertGreaterEqual(got.status, 0, f"signal {-got.status}: {got.err}")
        content = self.out.read_bytes() if self.out.exists() else None
        self.assertIn(content, (None, b"old", LARGE), "a part of it")
        if got.status == 0:
            self.assertEqual(content, LARGE, "nothing was said of it")
            if "k" not in self.stored():
                self.assertRegex(got.err, r"tercet: \S.*", "no cookie was kept, and nothing is said of it")
        else:
            self.assertRegex(got.err, r"tercet: \S|error while loading shared libraries", f"status {got.status}")
        return got.status == 0

    def every_get(self, version):
        self.begin()

        def fresh():
            self.out.write_bytes(b"old")
            shutil.rmtree(self.own, True)
            self.own.mkdir(mode=0o700)
            for part in self.dir.glob("out.part*"):
                part.unlink()

        def clean():
            got = self.get(version)
            self.assertTrue(self.judge(got), got)
            self.assertIn("k", self.stored(), got)
        fresh()
        self.injector.arm()
        clean()
        self.injector.disarm()
        counts = self.injector.counts()

        def step(name, number, which):
            fresh()
            self.injector.arm(name, number, which)
            try:
                got = self.get(version)
            finally:
                self.injector.disarm()
            good = self.judge(got)
            if number == errno.EINTR and name not in self.MAY_FAIL:
                self.assertTrue(good, f"interrupted: {got}")
            if number == errno.ENOSPC and not good and name != "mkdir":
                self.assertIn((got.status, "No space left on device" in got.err), ((23, True), (74, True)), got)  # 74: the jar
            clean()
        self.walk(counts, step)

    def test_get_clear(self):
        self.every_get("1.0")

    def test_get_http_2(self):
        self.every_get("2")

    @needs_quic
    def test_get_http_3(self):
        self.every_get("3")
