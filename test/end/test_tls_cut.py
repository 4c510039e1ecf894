"""TLS that ends without saying so, at each place, and clear text in its midst."""
import socket
import ssl
import subprocess
import threading

from harness import Peer, free_port
from test_tls import Tls
from test_tls_server import NAMES


class Truncated(Tls):
    """TLS that ends without saying so, at each place, and clear text in its midst."""

    def peer(self, *, before=0, parts=(), behind=b""):
        """A server that answers with those parts, then cuts the connection. before: it cuts after so many reads of the
        handshake. behind: clear text in place of the end."""
        pair = self.certificate("good", NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)

        def talk(peer, wire):
            if before:
                into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
                half = context.wrap_bio(into, out, server_side=True)
                for n in range(before):
                    wire.more()
                    into.write(wire.take(1 << 20))
                    try:
                        half.do_handshake()
                    except ssl.SSLWantReadError:
                        pass
                    answer = out.read()
                    wire.send(answer[:len(answer) // 2] if n + 1 == before else answer)
                wire.end()
                wire.rest()
                return
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            peer.request(wire)
            for part in parts:
                wire.send(part)
            raw = socket.socket(fileno=wire.sock.detach())
            if behind:
                raw.sendall(behind)
                raw.shutdown(socket.SHUT_WR)
                raw.recv(100)
            raw.close()
        return Peer(self, talk)

    def get(self, peer, *options):
        return self.tercet("get", "--http", "1.1", "--cacert", self.authority()[0], *options, f"https://localhost:{peer.port}/", env=self.env)

    def test_name_with_nul(self):
        """Not for localhost, whatever a program that stops at NUL would read."""
        name = b"localhost\0.evil.example"
        der = bytes([0x30, len(name) + 2, 0x82, len(name)]) + name
        pair = self.certificate("nul", "DER:" + der.hex(":"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        peer = Peer(self, lambda peer, wire: context.wrap_socket(wire.sock, server_side=True).recv(100))
        got = self.get(peer)
        self.assertEqual((got.status, got.out), (60, b""), got)
        self.assertIn("is for another name", got.err)

    def test_client(self):
        ok = b"HTTP/1.1 200 OK\r\n"
        for place, parts, status, out in (
                ("before the answer", (), 56, b""), ("in the status line", (b"HTTP/1.1 2",), 56, b""), ("in the head", (ok + b"Content-Le",), 56, b""),
                ("in content with a length", (ok + b"Content-Length: 9\r\n\r\n", b"part"), 56, b"part"),
                ("in chunks", (ok + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\npart\r\n"), 56, b"part"),
                ("in content without a length", (ok + b"Connection: close\r\n\r\n", b"part"), 56, b"part"),
                ("after all of it", (ok + b"Content-Length: 4\r\n\r\n", b"part"), 0, b"part")):
            with self.subTest(place):
                got = self.get(self.peer(parts=parts))
                self.assertEqual((got.status, got.out), (status, out), got)
                if status:
                    self.assertIn("cut off", got.err)

    def test_client_in_the_handshake(self):
        got = self.get(self.peer(before=1))
        self.assertEqual(got.status, 35, got)
        self.assertIn("the peer closed the connection", got.err)

    def test_client_hears_clear_text(self):
        for behind in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"\x17\x03\x03\x00\x14" + b"evil" * 5, b"\x16\x03\x03\x00\x04\0\0\0\0"):
            with self.subTest(behind):
                got = self.get(self.peer(behind=behind))
                self.assertEqual((got.status, got.out), (56, b""), got)
                self.assertIn("TLS record is broken", got.err)

    def test_client_renegotiates_with_nobody(self):
        pair, port = self.certificate("good", NAMES), free_port()
        server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", pair[0], "-key", pair[1], "-tls1_2", "-quiet"][:-1],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.kill)

        def ask_again():
            for line in server.stdout:
                if line.startswith(b"GET / HTTP/1.1"):
                    server.stdin.write(b"r\n")
                    server.stdin.close()
                    return
        for line in server.stdout:
            if line.startswith(b"ACCEPT"):
                break
        thread = threading.Thread(target=ask_again)
        thread.start()
        got = self.tercet("get", "--http", "1.1", "--cacert", self.authority()[0], f"https://localhost:{port}/", env=self.env)
        thread.join()
        self.assertEqual((got.status, got.out), (56, b""), got)
        self.assertIn("the peer wants to renegotiate TLS", got.err)

    def test_server(self):
        server = self.secure()
        for sent in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: lo", b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc",
                     b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            for cut in (b"", b"GET /small HTTP/1.1\r\nHost: h\r\n\r\n", b"\x17\x03\x03\x00\x14" + b"evil" * 5):
                with self.subTest(sent, cut=cut):
                    wire = self.connect(server)
                    if sent:
                        wire.sendall(sent)
                    raw = socket.socket(fileno=wire.detach())
                    raw.settimeout(60)
                    raw.sendall(cut)
                    raw.shutdown(socket.SHUT_WR)
                    got = b""
                    try:
                        while data := raw.recv(1 << 16):
                            got += data
                    except ConnectionResetError:
                        pass
                    raw.close()
                    self.assertNotIn(b"HTTP/1.1", got)
        self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
