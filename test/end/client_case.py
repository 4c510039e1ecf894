"""What the suites of the client share: servers that a test scripts, and a terminal."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from harness import PROGRAM, Case, Peer, answers, die_with_parent, environment

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


def keeping(body=b"hello", fields=b""):
    """A talk that answers request after request on one connection."""
    def talk(peer, wire):
        while True:
            try:
                peer.request(wire)
            except EOFError:
                return
            wire.send(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return talk


class Client(Case):
    def peer(self, talk, **how):
        return Peer(self, talk if callable(talk) else answers(talk), **how)

    def get(self, talk, *args, path="/", **how):
        """Runs `tercet get` on a peer -> its outcome; the peer is self.last."""
        self.last = self.peer(talk)
        return self.tercet("get", *args, self.last.url + path, **how)

    def fields(self, n=0):
        """The n-th request's fields as the peer saw them."""
        lines = self.last.heads[n].split(b"\r\n")[1:]
        return {k.decode().lower(): v.strip().decode("latin-1") for k, _, v in (x.partition(b":") for x in lines if x)}

    def on_terminal(self, *args, both=True, columns=100, env=None):
        """Runs the program with stderr (and stdout) on a terminal -> (status, screen bytes, stdout)."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        out = slave if both else subprocess.PIPE
        proc = subprocess.Popen([str(PROGRAM), *map(str, args)], stdin=subprocess.DEVNULL, stdout=out, stderr=slave,
                                env=environment(**(env or {})), preexec_fn=die_with_parent(), cwd=self.dir)
        os.close(slave)
        screen, piped, end = b"", b"", time.monotonic() + 200
        fds = [master] + ([] if both else [proc.stdout.fileno()])
        while fds and time.monotonic() < end:
            for fd in select.select(fds, [], [], 0.2)[0]:
                try:
                    data = os.read(fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    fds.remove(fd)
                elif fd == master:
                    screen += data
                else:
                    piped += data
        os.close(master)
        try:
            status = proc.wait(120)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
            raise AssertionError(f"not done: {screen!r}") from None
        if proc.stdout:
            proc.stdout.close()
        return status, screen, piped
