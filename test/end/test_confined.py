"""A server that shuts itself off: the sandbox (Landlock), which is there unless it is turned off, and --seccomp. Every
other suite runs in the sandbox, too; here is seen that it is entered, by whom, and what goes on inside."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

from harness import LIBC, PROGRAM, die_with_parent, environment, sanitized, wait_for, with_quic
from test_tls import Tls

LANDLOCK = LIBC.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))  # landlock_create_ruleset: the version
needs_landlock = unittest.skipUnless(LANDLOCK > 0, "this kernel has no Landlock")
QUIET = ("-E", "ASAN_OPTIONS=detect_leaks=0")  # what looks for leaks does not work under strace
CALLS = "landlock_create_ruleset,landlock_add_rule,landlock_restrict_self,clone,clone3,bind"


def tasks(server):
    """The status of each thread, as fields."""
    folder = pathlib.Path(f"/proc/{server.proc.pid}/task")
    return [dict(re.findall(r"^(\w+):\s+(.*)$", (task / "status").read_text(), re.M)) for task in folder.iterdir()]


class Confined(Tls):
    SECONDS = 600

    def traced(self, *options, inject=()):
        """Runs the server under strace until it is ready, ends it: what was traced, and what it said."""
        trace, errors = self.dir / "trace", self.dir / "errors"
        with errors.open("wb") as said:
            strace = subprocess.Popen(["strace", *QUIET, "-f", "-o", trace, "-e", f"trace={CALLS}", *inject, PROGRAM, "serve",
                                       self.site(self.files), "--listen", "http://127.0.0.1:0", "--access-log", "off",
                                       "--workers", "3", *options], stdin=subprocess.DEVNULL, stderr=said,
                                      preexec_fn=die_with_parent(), env=environment())
        self.addCleanup(strace.wait)
        self.addCleanup(strace.kill)
        self.assertTrue(wait_for(lambda: "Ctrl-C ends" in errors.read_text()), errors.read_text())
        server = pathlib.Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text().split()[0]
        os.kill(int(server), signal.SIGINT)
        self.assertEqual(strace.wait(120), 0, errors.read_text())
        return trace.read_text(), errors.read_text()

    @needs_landlock
    def test_it_is_entered_before_any_thread(self):
        trace, said = self.traced()
        self.assertNotIn("Landlock", said)
        entered = [m.start() for m in re.finditer(r"landlock_restrict_self\(.* = 0", trace)]
        threads = [m.start() for m in re.finditer(r"clone3?\([^\n]*CLONE_THREAD", trace)]
        self.assertEqual(len(entered), 2 if LANDLOCK >= 4 else 1, trace)
        self.assertGreaterEqual(len(threads), 3, trace)
        self.assertLess(max(entered), min(threads), "a thread is outside of the sandbox")
        self.assertLess(max(m.start() for m in re.finditer(r"bind\(.*sin_port=htons\((?!0)", trace)), entered[-1])
        refused = re.findall(r"landlock_\w+\(.* = -1 .*", trace)
        self.assertEqual(refused, [])

    def test_a_kernel_without_it(self):
        trace, said = self.traced(inject=("-e", "inject=landlock_create_ruleset:error=ENOSYS"))
        self.assertIn("tercet: this kernel has no Landlock: it serves without a sandbox\n", said)
        self.assertNotIn("landlock_restrict_self", trace)

    def test_off(self):
        trace, said = self.traced("--no-sandbox")
        self.assertNotIn("landlock", trace)
        self.assertNotIn("Landlock", said)

    @needs_landlock
    def test_it_can_fail(self):
        """Without what was asked for nobody serves."""
        root = self.site(self.files)
        got = self.other("strace", *QUIET, "-f", "-o", "/dev/null", "-e", "trace=landlock_restrict_self", "-e",
                         "inject=landlock_restrict_self:error=EPERM", PROGRAM, "serve", root, "--listen", "http://127.0.0.1:0")
        self.assertEqual(got.status, 1, got)
        self.assertIn("tercet: sandbox: ", got.err)

    def test_no_new_privileges(self):
        for task in tasks(self.serve()):
            self.assertEqual(task["NoNewPrivs"], "1" if LANDLOCK > 0 else "0")

    def test_all_that_is_named_works_inside(self):
        """Records in a database of their own, a log, qlog and a certificate: used, replaced and rotated."""
        for folder in ("db", "log", "qlog", "tls"):
            (self.dir / folder).mkdir()
        cert, key = self.dir / "tls" / "cert.pem", self.dir / "tls" / "key.pem"

        def put(name):
            for made, place in zip(self.certificate(name, "DNS:localhost,IP:127.0.0.1"), (cert, key)):
                shutil.copy(made, place.with_suffix(".new"))
                place.with_suffix(".new").replace(place)
        put("one")
        log = self.dir / "log" / "access.log"
        server = self.secure("--cert", cert, "--key", key, "--store", f"sqlite:{self.dir}/db/r.db", "--records", "/customers:CustID",
                             "--form", "/customers:Name", "--qlog", self.dir / "qlog", "--log-format", "json", log=str(log))
        ca = self.authority()[0]
        url = f"https://localhost:{server.port}"
        options = ("--cacert", ca, "-o", self.dir / "got", "-w", "%{http_code} %{http_version}")
        put_one = self.curl(*options, "-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"CustID": "7"}', f"{url}/customers/7")
        self.assertIn(put_one.text.split()[0], ("200", "201"), put_one)
        self.assertEqual(self.curl(*options, f"{url}/customers/7").text, "200 2")
        self.assertEqual(self.curl(*options, f"{url}/customers/form").text, "200 2")
        self.assertEqual(self.curl(*options, f"{url}/big").text, "200 2")
        first = self.openssl("x509", "-in", cert, "-noout", "-fingerprint").text
        put("two")
        self.assertNotEqual(first, self.openssl("x509", "-in", cert, "-noout", "-fingerprint").text)
        self.assertTrue(wait_for(lambda: self.curl(*options, f"{url}/small").text == "200 2" and "taken up" in server.said(), every=0.2), server.said())
        if with_quic():
            got = self.tercet("get", "--http", "3", "--cacert", ca, "-o", self.dir / "got", f"{url}/small", env=self.env)
            self.assertEqual(got.status, 0, got)
        server.signal()
        self.assertEqual(server.wait(), 0)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertGreaterEqual(len(lines), 5)
        self.assertTrue(list((self.dir / "qlog").iterdir()))

    def test_files_are_put(self):
        """A folder that may be written is; one that may not is the kernel's to hold, too."""
        server = self.serve("--writable", *([] if sanitized() else ["--seccomp"]))
        for body, status in ((b"one", 201), (b"two", 204)):
            self.assertEqual(server.ask("/new/folder/file.txt", "PUT", body=body).status, status)
        self.assertEqual(server.ask("/new/folder/file.txt").body, b"two")
        self.assertEqual(server.ask("/new/folder/file.txt", "DELETE").status, 204)
        self.assertEqual(server.ask("/new/folder/file.txt").status, 404)

    def test_another_folder_in_its_place(self):
        """A site that is wiped and made anew is served, though it is another folder."""
        (self.dir / "web").mkdir()
        root = self.dir / "web" / "public"
        root.mkdir()
        (root / "index.html").write_text("old")
        server = self.serve(root=root)
        self.assertEqual(server.ask("/").body, b"old")
        shutil.rmtree(root)
        root.mkdir()
        (root / "index.html").write_text("new")
        self.assertTrue(wait_for(lambda: server.ask("/").body == b"new", every=0.1))


class Seccomp(Tls):
    SECONDS = 600

    @unittest.skipIf(sanitized(), "sanitizers make calls of their own: processes, and looking into this one")
    def test_every_thread_is_held_and_all_goes_on(self):
        (self.dir / "db").mkdir()
        server = self.secure("--seccomp", "--admin", "http://127.0.0.1:0", "--store", f"sqlite:{self.dir}/db/r.db", "--records",
                             "/customers:CustID", "--form", "/customers:Name", "--qlog", self.dir, "--early-data")
        for task in tasks(server):
            self.assertEqual((task["Name"], task["Seccomp"]), (task["Name"], "2"))
        url = f"https://localhost:{server.port}"
        common = ("--cacert", self.ca, "-o", self.dir / "got", "-w", "%{http_code} %{http_version}")
        for args, wanted in ((("--http1.1",), "200 1.1"), (("--http2",), "200 2"), (("--http1.1", "-r", "5-9"), "206 1.1"),
                             (("--http2", "-H", "Accept-Encoding: gzip"), "200 2")):
            self.assertEqual(self.curl(*common, *args, f"{url}/big").text, wanted, args)
        for n in range(20):
            got = self.curl(*common, "-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"CustID": "%d"}' % n, f"{url}/customers/{n}")
            self.assertIn(got.text, ("201 2", "200 2"))
        self.assertEqual(self.curl(*common, f"{url}/customers/?sort=-Name").text, "200 2")
        self.assertEqual(self.curl(*common, f"{url}/customers/form").text, "200 2")
        if with_quic():
            for args in ((), ("--early-data",)):
                got = self.tercet("get", "--http", "3", "-o", self.dir / "got", f"{url}/big", env=self.env)
                self.assertEqual(got.status, 0, got)
        metrics = re.search(r"admin +(\S+)/metrics", server.said())[1]
        self.assertIn("tercet_exchanges_total", self.curl(f"{metrics}/metrics").text)
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertNotIn("seccomp", server.said())

    def test_without_it_there_is_none(self):
        for task in tasks(self.serve()):
            self.assertEqual(task["Seccomp"], "0")
