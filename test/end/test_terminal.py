"""What a person sees on a terminal, whatever a server says."""
import os
import pty
import re
import select
import subprocess
import time

from client_case import Client, keeping
from harness import PROGRAM, Wire, die_with_parent, environment, free_port, wait_for


class Terminal(Client):
    """What a person sees."""

    EVIL = b"\x1b]0;OWNED\x07\x1b[31mOWNED\x1b[2J\xc2\x9b31mOWNED\x9b2J\rOWNED\x08"

    def test_three_phases_with_times(self):
        peer = self.peer(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
        status, screen, out = self.on_terminal("get", peer.url, both=False)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
        self.assertEqual(out, b"hello")
        for part in ("127.0.0.1", "GET /", "404 Not Found", "client error", "text/plain", "ms"):
            self.assertIn(part, text)

    def test_a_request_is_drawn_when_it_is_whole(self):
        (self.dir / "big").write_bytes(bytes(5_000_000))
        server = self.serve("--echo", "/echo")
        for version in ("1.1", "2"):
            url = f"http://localhost:{server.port}/echo"
            screen = self.on_terminal("put", "--http", version, url, "@big", both=False,
                                      env={"NO_COLOR": "1"})[1].decode()
            sent = re.search(r"content 5,000,000 B, all ([0-9,]+) B", screen)
            self.assertTrue(sent, screen)
            self.assertGreater(int(sent[1].replace(",", "")), 5_000_000, screen)

    def test_classes_in_words(self):
        for status, words in ((200, "success"), (301, "redirection"), (404, "client error"), (500, "server error")):
            peer = self.peer(b"HTTP/1.1 %d X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" % status)
            self.assertIn(words, self.on_terminal("get", peer.url)[1].decode(), status)

    def test_reuse_is_said(self):
        peer = self.peer(keeping())
        screen = self.on_terminal("get", peer.url + "/1", peer.url + "/2", both=False)[1].decode().lower()
        self.assertRegex(screen, r"reuse|kept|same connection|again")

    def test_colours_only_where_wanted(self):
        peer = self.peer(keeping())
        self.assertIn(b"\x1b[", self.on_terminal("get", peer.url)[1])
        self.assertNotIn(b"\x1b[3", self.on_terminal("get", peer.url, env={"NO_COLOR": "1"})[1])

    def test_escape_sequences_do_not_reach_the_terminal(self):
        evil = self.EVIL
        for raw in (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(evil) + evil,
                    b"HTTP/1.1 200 OK\r\nX: " + evil.replace(b"\r", b"").replace(b"\x08", b"").replace(b"\x07", b"").replace(b"\x1b", b"") +
                    b"\r\nContent-Length: 0\r\n\r\n",
                    b"HTTP/1.1 200 " + b"\xc2\x9b31mOWNED" + b"\r\nContent-Length: 0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nX: " + evil + b"\r\n\r\n", evil, b"HTTP/1.1 302 F\r\nLocation: http://\xc2\x9b31mOWNED/\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Type: \xc2\x9b31mOWNED\r\nContent-Length: 0\r\n\r\n"):
            for options in ((), ("-v",), ("--follow",)):
                with self.subTest(raw=raw[:60], options=options):
                    peer = self.peer(raw)
                    _, screen, _ = self.on_terminal("get", *options, peer.url)
                    for bad in (b"\x1b]0;", b"\x1b[31mOWNED", b"\x1b[2J", b"\xc2\x9b", b"\x9b2J", b"\x9b31m", b"\x08", b"\rOWNED"):
                        self.assertNotIn(bad, screen)

    def test_bytes_are_untouched_when_piped(self):
        peer = self.peer(b"HTTP/1.1 200 OK\r\n\r\n" + self.EVIL)
        self.assertEqual(self.tercet("get", peer.url).out, self.EVIL)

    def test_binary_bodies_do_not_flood_the_terminal(self):
        peer = self.peer(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes(range(256)) * 50)
        _, screen, _ = self.on_terminal("get", peer.url)
        self.assertNotIn(bytes(range(128, 256)), screen)

    def test_progress_bar(self):
        def slowly(peer, wire):
            peer.request(wire)
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            for _ in range(10):
                wire.send(b"x" * 100_000)
                time.sleep(0.12)
        peer = self.peer(slowly)
        status, screen, _ = self.on_terminal("get", "-o", self.dir / "out", peer.url)
        self.assertEqual(status, 0)
        self.assertIn(b"%", screen)
        self.assertEqual((self.dir / "out").stat().st_size, 1_000_000)

    def test_server_log_line_on_a_terminal(self):
        """One coloured line an exchange."""
        master, slave = pty.openpty()
        port = free_port()
        proc = subprocess.Popen([str(PROGRAM), "serve", str(self.site({"index.html": "x"})), "--listen", f"http://127.0.0.1:{port}"],
                                stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=environment(), preexec_fn=die_with_parent())
        os.close(slave)
        screen = b""
        try:
            def ready():
                try:
                    Wire(port).close()
                    return True
                except OSError:
                    return False
            self.assertTrue(wait_for(ready))
            with Wire(port) as wire:
                wire.ask("/nowhere-in-particular?\x1b[31m".replace("\x1b", "%1b"))
            end = time.monotonic() + 60
            while b"nowhere-in-particular" not in screen and time.monotonic() < end:
                if select.select([master], [], [], 0.2)[0]:
                    screen += os.read(master, 65536)
        finally:
            proc.terminate()
            proc.wait(120)
            os.close(master)
        self.assertIn(b"nowhere-in-particular", screen)
        self.assertIn(b"404", screen)
        self.assertIn(b"\x1b[", screen)
