"""What lasts across reloads and crashes: downloads over HTTP/3, TLS sessions, the place of the metrics."""
import os
import re
import signal
import ssl
import subprocess
import time

from harness import PROGRAM, environment, needs_quic, wait_for
import test_admin
from test_master import Master

LARGE = os.urandom(1 << 20) * 64


class Download(Master):
    """Over HTTP/3, by a reader who stops amid it: more than all buffers on the way hold."""

    def begin(self):
        self.files["large"] = LARGE
        server = self.master(listen=["https://127.0.0.1:{port}"], files=self.files)
        self.first = self.one_generation(server)
        self.server = server
        self.words = open(self.dir / "words", "w+b")
        self.reader = subprocess.Popen([PROGRAM, "get", "--http", "3", "--insecure", "-o", "-",
                                        f"https://127.0.0.1:{server.port}/large"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=self.words, env=environment())
        self.addCleanup(self.end)
        self.got = self.reader.stdout.read(1 << 20)
        self.assertEqual(len(self.got), 1 << 20)
        return server

    def end(self):
        self.reader.kill()
        self.reader.wait()
        self.reader.stdout.close()
        self.words.close()

    def finish(self):
        self.got += self.reader.stdout.read()
        status = self.reader.wait(120)
        self.words.seek(0)
        self.assertEqual(status, 0, (self.words.read()[-2000:], self.server.said()))
        self.assertTrue(self.got == LARGE, f"{len(self.got)} bytes")

    def more(self):
        self.got += self.reader.stdout.read(1 << 20)

    def another(self, server, *not_these):
        """The generation that serves now, beside the first."""
        def look():
            found = set(self.children(server)) - {self.first, *not_these}
            return len(found) == 1 and found.pop()
        found = wait_for(look)
        self.assertTrue(found, self.children(server))
        return found

    @needs_quic
    def test_across_reloads(self):
        server = self.begin()
        for _ in range(3):
            self.reload()
            time.sleep(2.5)  # longer than linger_ms: who has an answer under way may be slow
            self.assertIn(self.first, self.children(server), server.said())
            self.more()
        self.finish()
        self.assertNotEqual(self.one_generation(server), self.first)

    @needs_quic
    def test_when_the_next_one_crashes(self):
        server = self.begin()
        self.reload()
        second = self.another(server)
        self.more()
        os.kill(second, signal.SIGKILL)
        self.another(server, second)
        self.finish()

    @needs_quic
    def test_when_the_next_one_has_ended(self):
        """All are told to end; the newest has nothing under way, and lets the older one have the packets again."""
        server = self.begin()
        self.reload()
        self.another(server)
        server.signal(signal.SIGTERM)
        self.assertTrue(wait_for(lambda: self.children(server) == [self.first]), self.children(server))
        self.finish()
        self.assertEqual(server.wait(), 0)


class Sessions(Master):
    page, value = test_admin.Admin.page, test_admin.Admin.value

    def begin(self):
        server = self.master("--admin", "http://127.0.0.1:0", listen=["https://127.0.0.1:{port}"],
                             env=self.env, files=self.files)
        self.admin = re.search(r"admin +(http://127\.0\.0\.1:\d+)/metrics", server.said())[1]
        return server

    def generation(self, number):
        """The page, once that generation answers for it."""
        self.assertTrue(wait_for(lambda: self.value(self.page(), "tercet_generation") == number))
        return self.page()

    def test_the_metrics_are_at_the_old_port(self):
        server = self.begin()
        self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
        self.assertTrue(wait_for(lambda: self.value(self.generation(1), "tercet_exchanges_total", status="200") == 1))
        for number in (2, 3):
            self.reload()
            self.assertTrue(wait_for(lambda: self.value(self.generation(number), "tercet_exchanges_total", status="200") == number - 1))
            self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
            self.assertTrue(wait_for(lambda: self.value(self.page(), "tercet_exchanges_total", status="200") == number))
            self.assertEqual(self.curl(f"{self.admin}/health").text, "ok\n")

    def test_tls(self):
        server = self.begin()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = self.context(maximum_version=version)
                first = self.connect(server, context)
                self.talk(first)
                self.assertFalse(first.session_reused)
                self.reload()
                again = self.connect(server, context, session=first.session)
                self.assertIn(b"200 OK", self.talk(again)[0])
                self.assertTrue(again.session_reused)

    def test_openssl(self):
        server = self.begin()
        session = self.dir / "session"
        common = ("s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost", "-CAfile", self.ca,
                  "-verify_return_error", "-ign_eof")
        request = b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self.assertIn("New, TLSv1.3", self.openssl(*common, "-sess_out", session, stdin=request).text)
        self.reload()
        self.assertIn("Reused, TLSv1.3", self.openssl(*common, "-sess_in", session, stdin=request).text)

    @needs_quic
    def test_quic(self):
        server = self.begin()
        state = ("--session-file", self.dir / "session", "--tp-file", self.dir / "tp")

        def ask():
            got = self.other("gtlsclient", "--exit-on-all-streams-close", "-q", *state, "--wait-for-ticket", "--disable-early-data",
                             "127.0.0.1", server.port, f"https://localhost:{server.port}/small", seconds=300)
            self.assertEqual(got.status, 0, got.err[-2000:])
        ask()
        self.assertEqual(self.value(self.generation(1), "tercet_handshakes_total", resumed="yes"), 0)
        for number in (2, 3):
            self.reload()
            ask()
            self.assertTrue(wait_for(lambda: self.value(self.generation(number), "tercet_handshakes_total", resumed="yes") == number - 1))
            page = self.generation(number)
            self.assertEqual(self.value(page, "tercet_handshakes_total", resumed="no"), 1)
