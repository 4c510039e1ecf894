"""What the end-to-end tests share: the real program on free loopback ports, raw connections to it,
and servers that say what a test tells them to. Python's own library only.

Every process is started here, bounded in time, ended by its pid, and dies with the test."""
import ctypes
import datetime
import email.utils
import functools
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from waiting import PATIENCE, is_gone, is_traced, lines_of, settled, wait_for, whole_lines  # suites take them from here
from wire import Response, Wire

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXAMPLE = ROOT / "examples" / "site"
PROGRAM = pathlib.Path(os.environ.get("TERCET_PROGRAM", ROOT / "build" / "release" / "tercet"))
SANITIZERS = "exitcode=99:abort_on_error=0"
LIBC = ctypes.CDLL(None)
IPV6 = socket.has_ipv6 and os.path.exists("/proc/net/if_inet6") and bool(
    pathlib.Path("/proc/net/if_inet6").read_text().strip())


@functools.cache
def sanitized():
    """Whether the program carries sanitizers: slower, and its memory says nothing."""
    program = PROGRAM.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def with_quic():
    """Whether the program speaks HTTP/3: it may be built without QUIC."""
    if not PROGRAM.exists():
        return True
    said = subprocess.run([PROGRAM, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return b"built without QUIC" not in said.stdout


def with_mounts():
    """Whether there can be mounts that nobody else sees: for root, and not in every tree."""
    argv = ["unshare", "--mount", "true"]
    return os.geteuid() == 0 and not subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


needs_mounts = unittest.skipUnless(with_mounts(), "needs root and mounts of its own")
needs_quic = unittest.skipUnless(with_quic(), "the program is built without QUIC")


@functools.cache
def newer_programs():
    """The tree of Debian 13 (tools/peers), or why there is none."""
    if os.geteuid():
        return None, "needs root: the peers run by chroot in a tree of Debian 13 (tools/peers)"
    made = subprocess.run([ROOT / "tools" / "peers"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if made.returncode:
        raise AssertionError(f"tools/peers: status {made.returncode}: {made.stderr[-800:]!r}")
    return pathlib.Path(made.stdout.decode().strip()), None


def free_port():
    """A port below the ephemeral ones that nobody holds. Random, so that two runs rarely meet."""
    for _ in range(200):
        port = random.randrange(10240, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def die_with_parent(files=None, user=None):
    """A preexec function: the child ends with this process; limits and rights are put on it."""
    def prepare():
        LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        LIBC.prctl(0x59616D61, ctypes.c_ulong(-1 & (1 << 64) - 1))  # PR_SET_PTRACER_ANY: strace may look
        if files:
            import resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
    return prepare


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LC_ALL") and not k.lower().endswith("_proxy")}
    env.update(ASAN_OPTIONS=SANITIZERS + ":detect_leaks=1:detect_stack_use_after_return=1", UBSAN_OPTIONS=SANITIZERS + ":print_stacktrace=1",
               TSAN_OPTIONS=SANITIZERS, LC_ALL="C.UTF-8", TERM="xterm-256color", **more)
    return env


def complaint_of_sanitizer(text):
    found = re.search(rb"(==\d+==ERROR: \w+Sanitizer.*|WARNING: ThreadSanitizer.*|.*runtime error: .*)", text, re.S)
    return found[1][:4000].decode(errors="replace") if found else None


class Server:
    """`tercet serve` while a test runs."""

    def __init__(self, case, root, options, listen=None, files=None, user=None, cwd=None, echo=True,
                 log="off", env=None, port=None, within=()):
        self.case, self.errors = case, tempfile.TemporaryFile()
        self.out = tempfile.TemporaryFile()
        self.stopped = False
        program = PROGRAM
        if user is not None:  # who may not look into the folder where it was built
            program = shutil.copy(PROGRAM, case.dir / "tercet")
        for _ in range(5):  # somebody may take a free port before the program does
            self.port = port or free_port()
            argv = [str(a) for a in within] + [str(program), "serve"] + ([str(root)] if root else [])
            for url in [] if listen is False else listen or ["http://127.0.0.1:{port}"]:  # False: a file says it
                argv += ["--listen", url.format(port=self.port)]
            if echo:
                argv += ["--echo", "/echo"]
            if log:
                argv += ["--access-log", log]
            argv += [str(o).format(port=self.port) for o in options]
            self.argv = argv
            self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.errors,
                                         env=environment(**(env or {})), cwd=cwd,
                                         preexec_fn=die_with_parent(files, user))
            self.address = "::1" if listen and "[::1]" in listen[0] else "127.0.0.1"
            if wait_for(lambda: self.proc.poll() is not None or self.is_ready(), 2 * PATIENCE) and self.proc.poll() is None:
                return
            if self.proc.poll() != 98:
                break
        status = self.proc.poll()
        if status is None:
            self.proc.kill()
            self.proc.wait()
        raise AssertionError(f"{' '.join(argv)}: not ready (status {status}): {self.said()[-2000:]}")

    def is_ready(self):
        """Whether it serves. The connection that asks is quite over then: it counts no more where connections are counted."""
        if "Ctrl-C ends" not in self.said():  # the port is open a moment before all is said
            return False
        try:
            with socket.create_connection((self.address, self.port), PATIENCE) as sock:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
        except ConnectionResetError:
            pass
        except OSError:
            return False
        return True

    def accepts(self):
        """Whether connections can be made."""
        try:
            socket.create_connection((self.address, self.port), PATIENCE).close()
            return True
        except OSError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wire(self, **how):
        wire = Wire(self.port, host=how.pop("host", self.address), **how)
        self.case.addCleanup(wire.close)
        return wire

    def ask(self, target="/", method="GET", fields=(), body=b"", **more):
        """One request on a connection of its own."""
        with Wire(self.port, host=self.address) as wire:
            return wire.ask(target, method, list(fields) + ["Connection: close"], body, **more)

    def raw(self, data, end=False):
        """Sends bytes, reads all that comes until the server closes."""
        with Wire(self.port, host=self.address) as wire:
            try:
                wire.send(data)
                if end:
                    wire.end()
            except OSError:
                pass  # it had heard enough: what it said is still there to be read
            return wire.rest(may_reset=len(data) > 16384)  # it reads what is left only so long

    def said(self):
        """All of standard error so far. (pread: the place in the file is the program's too.)"""
        return os.pread(self.errors.fileno(), 1 << 24, 0).decode(errors="replace")

    def printed(self):
        return os.pread(self.out.fileno(), 1 << 24, 0).decode(errors="replace")

    def memory(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.proc.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.M)[1]) * 1024

    def cpu_seconds(self):
        parts = pathlib.Path(f"/proc/{self.proc.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number=signal.SIGINT):
        self.proc.send_signal(number)

    def wait(self, seconds=2 * PATIENCE):
        return self.proc.wait(seconds)

    def stop(self, check=True):
        """Ctrl-C, once; the server must end with status 0 and sanitizers must be content."""
        if self.stopped:
            return
        self.stopped = True
        slow = False
        early = self.proc.poll()
        if early is None:
            self.proc.send_signal(signal.SIGINT)
            try:
                self.proc.wait(2 * PATIENCE)
            except subprocess.TimeoutExpired:
                slow = True
                self.proc.kill()
                self.proc.wait()
        said = self.said().encode()
        status = self.proc.returncode
        self.errors.close()
        self.out.close()
        complaint = complaint_of_sanitizer(said)
        if complaint:
            raise AssertionError(f"the server's sanitizer: {complaint}")
        if check:
            if early is not None and early != 0:
                raise AssertionError(f"the server had ended by itself with status {early}: {said[-1500:]!r}")
            if slow:
                raise AssertionError(f"the server did not end within {2 * PATIENCE} s after SIGINT")
            if status != 0:
                raise AssertionError(f"the server ended with status {status} after SIGINT: {said[-1500:]!r}")


class Peer:
    """A server in this process that a test scripts: talk(wire) is called for each connection, in a
    thread of its own, with the bytes read so far in wire.held. Requests are kept in `heads`."""

    def __init__(self, case, talk, host="127.0.0.1"):
        self.talk, self.heads, self.faults, self.count = talk, [], [], 0
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()
        case.addCleanup(self.close)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            wire = Wire.__new__(Wire)
            wire.sock, wire.held = sock, b""
            sock.settimeout(2 * PATIENCE)
            self.open.append(sock)
            threading.Thread(target=self.serve, args=(wire,), daemon=True).start()

    def serve(self, wire):
        try:
            self.talk(self, wire)
        except (OSError, EOFError) as fault:
            self.faults.append(fault)
        finally:
            wire.close()

    def request(self, wire):
        """Reads one request: its head as bytes, body as by Content-Length or chunked."""
        head = wire.until(b"\r\n\r\n")
        self.heads.append(head)
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        if length:
            return head, wire.exactly(int(length[1]))
        if re.search(rb"(?im)^transfer-encoding: *chunked", head):
            body = b""
            while True:
                size = int(wire.until(b"\r\n").split(b";")[0], 16)
                data = wire.exactly(size + 2)[:-2] if size else b""
                body += data
                if not size:
                    while wire.until(b"\r\n") != b"\r\n":
                        pass
                    return head, body
        return head, b""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for sock in self.open:
            try:
                sock.close()
            except OSError:
                pass


def answers(*parts, close=True):
    """A talk that reads one request and sends these bytes."""
    def talk(peer, wire):
        peer.request(wire)
        for part in parts:
            wire.send(part)
        if not close:
            wire.rest()  # the other one ends
    return talk


class Outcome:
    """What a run of the program gave."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err.decode(errors="replace"), seconds

    @property
    def text(self):
        return self.out.decode()

    def __repr__(self):
        return f"<status {self.status}, out {self.out[:400]!r}, err {self.err[-800:]!r}>"


class Case(unittest.TestCase):
    """A test with a folder of its own. SECONDS bounds each test."""
    SECONDS = 300
    maxDiff = 4000

    def run(self, result=None):
        def late(*_):
            raise TimeoutError(f"not done after {self.SECONDS} s")
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(self.SECONDS * (2 if sanitized() else 1))
        try:
            return super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tercet-test."))
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir, True)

    def site(self, files=None, name="site"):
        """A folder with these files: name -> str, bytes, or None for a folder."""
        root = self.dir / name
        root.mkdir(exist_ok=True)
        for path, content in (files or {}).items():
            file = root / path
            if content is None:
                file.mkdir(parents=True, exist_ok=True)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    def serve(self, *options, root=None, files=None, **how):
        """Starts a server on that root (False: none is named), or on a new site with these files; ends
        it after the test."""
        if root is None:
            root = self.site(files if files is not None else {"index.html": "<p>home</p>\n"})
        how_files = how.pop("descriptors", None)
        server = Server(self, root, options, files=how_files, **how)
        self.addCleanup(server.stop)
        return server

    def tercet(self, *args, stdin=None, seconds=2 * PATIENCE, cwd=None, env=None, check=True, within=()):
        """Runs the program to its end; within: a command that runs it."""
        began = time.monotonic()
        proc = subprocess.Popen([str(a) for a in within] + [str(PROGRAM)] + [str(a) for a in args], cwd=cwd or self.dir,
                                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment(**(env if env is not None else {"XDG_STATE_HOME": str(self.dir / "own")})),
                                preexec_fn=die_with_parent())
        try:
            out, err = proc.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            proc.kill()
            out, err = proc.communicate()
            raise AssertionError(f"tercet {' '.join(map(str, args))}: not done after {seconds} s; "
                                 f"stdout {out[-500:]!r}, stderr {err[-1500:]!r}") from None
        outcome = Outcome(proc.returncode, out, err, time.monotonic() - began)
        complaint = complaint_of_sanitizer(err)
        if complaint:
            raise AssertionError(f"tercet {args}: {complaint}")
        if check and proc.returncode < 0:
            raise AssertionError(f"tercet {args}: ended by signal {-proc.returncode}: {outcome}")
        return outcome

    def other(self, *argv, seconds=3 * PATIENCE, stdin=None, group=False):
        """Runs another program (curl, wrk, ...) to its end."""
        proc = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE if stdin is not None else
                                subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=group, preexec_fn=die_with_parent(), env=environment())
        began = time.monotonic()
        try:
            out, err = proc.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            if group:
                os.killpg(proc.pid, signal.SIGKILL)
            else:
                proc.kill()
            out, err = proc.communicate()
            raise AssertionError(f"{argv[0]}: not done after {seconds} s: {err[-800:]!r}") from None
        return Outcome(proc.returncode, out, err, time.monotonic() - began)

    def curl(self, *args, seconds=2 * PATIENCE):
        return self.other("curl", "-sS", "--max-time", seconds, "--noproxy", "*", *args, seconds=seconds + 5)

    # --- things that many tests assert ---

    def assertRefused(self, answer, *statuses, closed=True, head=False):
        """answer: all the bytes that came before the end of the connection. head: to a HEAD request."""
        self.assertTrue(answer, "the connection ended without an answer")
        response = Response(answer[:answer.index(b"\r\n\r\n") + 2], answer[answer.index(b"\r\n\r\n") + 4:])
        self.assertIn(response.status, statuses, answer[:600])
        if closed:
            self.assertTrue(response.closes or response.version == "HTTP/1.0",
                            f"no Connection: close: {response.fields}")
            length = response.get("content-length")
            if length is not None:
                self.assertEqual(len(response.body), 0 if head else int(length), "more or less than one answer came")
        return response

    def assertAlive(self, server, target="/"):
        """The server still answers others."""
        self.assertIsNone(server.proc.poll(), "the server is gone")
        self.assertEqual(server.ask(target).status, 200)

    def assertDate(self, text, near=None, within=PATIENCE):
        self.assertRegex(text, r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|"
                               r"Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$")
        seconds = email.utils.parsedate_to_datetime(text).timestamp()
        if near is not None:
            self.assertLessEqual(abs(seconds - near), within)
        return seconds


def http_date(seconds):
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return email.utils.format_datetime(when, usegmt=True)
