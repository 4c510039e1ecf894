"""Many signals at once under load, and many slow readers of a large file: no request is lost, and memory stays bounded."""
import contextlib
import os
import signal
import socket
import time

from harness import needs_quic, sanitized, wait_for
from injector import descriptors
from test_master import Master

READERS, GIGABYTE = 200, 1 << 30


class Storms(Master):
    def storm(self, version):
        server = self.master(listen=["https://127.0.0.1:{port}"])

        def act():
            for _ in range(500):
                os.kill(server.proc.pid, signal.SIGHUP)
                time.sleep(0.002)
        self.under_load(f"https://127.0.0.1:{server.port}/", version, act)
        self.one_generation(server)
        self.assertTrue(wait_for(lambda: "reloaded" in server.said()), server.said())

    def test_http_1(self):
        self.storm("1.1")

    def test_http_2(self):
        self.storm("2")

    @needs_quic
    def test_http_3(self):
        self.storm("3")


class Readers(Master):
    def test_slow_readers_of_a_large_file(self):
        """Each takes a byte now and then of a gigabyte; whoever takes too little is ended."""
        root = self.site({"index.html": "home"})
        with open(root / "large", "wb") as file:
            file.truncate(GIGABYTE)
        server = self.serve("--limit", "send_ms=10000", root=root)
        self.assertEqual(server.ask().status, 200)
        before = server.memory()
        readers = []
        for _ in range(READERS):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(120)
            sock.connect(("127.0.0.1", server.port))
            sock.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            readers.append(sock)
        for _ in range(3):
            for sock in readers:
                with contextlib.suppress(ConnectionResetError):  # a slow machine is a slow reader
                    sock.recv(1)
            time.sleep(0.3)
        if not sanitized():
            self.assertLess(server.memory() - before, 64 << 20)
        self.assertEqual(server.ask().status, 200)

        def open_sockets():
            return descriptors(server.proc.pid).count("socket")
        self.assertTrue(wait_for(lambda: open_sockets() < READERS // 2, 120, 0.2), "slow readers are not ended")
