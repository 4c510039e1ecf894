"""Connections of HTTP/1: when they stay and end, where they come from, the simple requests of HTTP/0.9, and the end of the
server (RFC 9112, 9)."""
import os
import signal
import socket
import time
import unittest

from harness import IPV6, Case, Wire, free_port, wait_for


class Connections(Case):
    """When connections stay, when they end, and in which order answers come (RFC 9112, 9)."""

    def test_1_1_stays(self):
        with self.serve().wire() as wire:
            for _ in range(5):
                answer = wire.ask("/")
                self.assertEqual(answer.status, 200)
                self.assertFalse(answer.closes)
            answer = wire.ask("/", fields=["Connection: Close, foo"])
            self.assertTrue(answer.closes)
            self.assertTrue(wire.ended())

    def test_1_0_ends(self):
        server = self.serve()
        with server.wire() as wire:
            answer = wire.ask("/", version="HTTP/1.0", host=None)
            self.assertEqual(answer.status, 200)
            self.assertTrue(wire.ended())

    def test_1_0_stays_when_asked(self):
        with self.serve().wire() as wire:
            for _ in range(3):
                answer = wire.ask("/", version="HTTP/1.0", fields=["Connection: keep-alive"])
                self.assertEqual(answer.get("connection").lower(), "keep-alive")
            wire.ask("/", version="HTTP/1.0")
            self.assertTrue(wire.ended())

    def test_pipelined_answers_come_in_order(self):
        files = {f"{n}.txt": f"file {n}\n" * (1 + n * 37 % 500) for n in range(100)}
        files["50.txt"] = os.urandom(400_000)  # one that goes by another road
        with self.serve(files=files).wire() as wire:
            wire.send("".join(f"GET /{n}.txt HTTP/1.1\r\nHost: h\r\n\r\n" for n in range(100)))
            for n in range(100):
                want = files[f"{n}.txt"]
                self.assertEqual(wire.response().body, want if isinstance(want, bytes) else want.encode(), n)

    def test_pipelined_mix(self):
        with self.serve().wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\nContent-Length: 3\r\n\r\nabc"
                      "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
                      "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"
                      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
                      "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual([wire.response(m).status for m in ("POST", "HEAD", "GET", "POST", "GET")],
                             [200, 200, 404, 405, 200])

    def test_thousand_pipelined(self):
        """Far more than the depth: reading pauses, nothing is lost."""
        with self.serve().wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 1000)
            for _ in range(1000):
                self.assertEqual(wire.response().body, b"<p>home</p>\n")

    def test_empty_lines_before_a_request(self):
        with self.serve().wire() as wire:
            wire.send(b"\r\n")
            self.assertEqual(wire.ask("/").status, 200)
            wire.send(b"\r\n")
            self.assertEqual(wire.ask("/").status, 200)

    def test_half_closed_client_gets_its_answers(self):
        server = self.serve(files={"index.html": "home", "big.bin": os.urandom(3_000_000)})
        for target, n in (("/", 1), ("/big.bin", 1), ("/", 20)):
            with self.subTest(target=target, requests=n):
                with server.wire() as wire:
                    wire.send(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n" * n).end()
                    for _ in range(n):
                        answer = wire.response()
                        self.assertEqual((answer.status, answer.complete), (200, True))
                    self.assertTrue(wire.ended())

    def test_split_at_every_byte(self):
        request = b"GET /index.html?a=b HTTP/1.1\r\nHost: localhost\r\nX-Y: z\r\n\r\n"
        with self.serve().wire() as wire:
            for at in range(1, len(request)):
                wire.send(request[:at])
                time.sleep(0.002)
                wire.send(request[at:])
                self.assertEqual(wire.response().status, 200, at)

    def test_one_byte_at_a_time(self):
        with self.serve().wire() as wire:
            for byte in b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n":
                wire.send(bytes([byte]))
                time.sleep(0.001)
            self.assertEqual(wire.response().status, 200)

    def test_error_answer_survives_a_client_that_still_sends(self):
        server = self.serve("--limit", "body_bytes=1000")
        for _ in range(5):
            with server.wire() as wire:
                wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
                for _ in range(60):
                    try:
                        wire.send(b"x" * 50_000)
                    except (BrokenPipeError, ConnectionResetError):
                        break
                time.sleep(0.05)
                self.assertEqual(wire.response().status, 413)

    def test_lingering_is_bounded(self):
        """A client that never stops sending is cut off at some point, and soon."""
        server = self.serve("--limit", "linger_ms=500", "--limit", "body_bytes=1000")
        with server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n")
            began = time.monotonic()
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                while time.monotonic() - began < 60:
                    wire.send(b"x" * 10_000)
                    time.sleep(0.01)
        self.assertAlive(server)

    def test_idle_connection_is_ended(self):
        server = self.serve("--limit", "idle_ms=400")
        with server.wire() as wire:
            began = time.monotonic()
            wire.ask("/")
            self.assertTrue(wire.ended())
            self.assertGreater(time.monotonic() - began, 0.2)

    def test_many_connections_on_many_workers(self):
        server = self.serve("--workers", "4")
        wires = [server.wire() for _ in range(200)]
        for _ in range(3):
            for wire in wires:
                wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            for wire in wires:
                self.assertEqual(wire.response().status, 200)

    def test_no_connection_says_anything_first(self):
        with self.serve().wire() as wire:
            wire.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                wire.more()


class Version09(Case):
    """HTTP/0.9: one line in, the body out, the end."""

    def test_body_alone(self):
        server = self.serve(files={"index.html": "<p>home</p>\n", "big.bin": os.urandom(500_000)})
        self.assertEqual(server.raw(b"GET /\r\n"), b"<p>home</p>\n")
        self.assertEqual(server.raw(b"GET /index.html\r\n"), b"<p>home</p>\n")
        self.assertEqual(server.raw(b"GET /big.bin\r\n"), (self.dir / "site/big.bin").read_bytes())

    def test_errors_are_bodies_too(self):
        answer = self.serve().raw(b"GET /nowhere\r\n")
        self.assertIn(b"Page Not Found", answer)
        self.assertNotIn(b"HTTP/1", answer[:20])

    def test_only_get_and_a_path(self):
        server = self.serve()
        for line in (b"POST /", b"HEAD /", b"PUT /x", b"get /", b"GET", b"GET /a b", b"GET http://h/", b"/"):
            with self.subTest(line):
                self.assertRefused(server.raw(line + b"\r\n", end=True), 400, 501, head=line.startswith(b"HEAD"))

    def test_never_after_a_1_x_request(self):
        with self.serve().wire() as wire:
            wire.ask("/")
            wire.send(b"GET /\r\n")
            self.assertRefused(wire.rest(), 400)

    def test_second_request_is_not_answered(self):
        answer = self.serve().raw(b"GET /\r\nGET /\r\n")
        self.assertEqual(answer.count(b"home"), 1)

    def test_can_be_switched_off(self):
        answer = self.serve("--no-http09").raw(b"GET /\r\n", end=True)
        self.assertRefused(answer, 400, 505)


class Listening(Case):
    """--listen in its forms."""

    def test_localhost_is_both_loopback_addresses(self):
        server = self.serve(listen=["http://localhost:{port}"])
        self.assertEqual(server.ask("/").status, 200)
        if IPV6:
            with Wire(server.port, "::1") as wire:
                self.assertEqual(wire.ask("/").status, 200)

    @unittest.skipUnless(IPV6, "no IPv6 on this machine")
    def test_ipv6_literal(self):
        server = self.serve(listen=["http://[::1]:{port}"])
        self.assertEqual(server.ask("/", host=f"[::1]:{server.port}").status, 200)
        with self.assertRaises(OSError):
            Wire(server.port, "127.0.0.1")

    def test_star_is_every_address_of_both_families(self):
        server = self.serve(listen=["http://*:{port}"])
        for host in ["127.0.0.1", "127.0.0.2"] + (["::1"] if IPV6 else []):
            with Wire(server.port, host) as wire:
                self.assertEqual(wire.ask("/").status, 200, host)

    def test_only_where_it_was_told(self):
        server = self.serve(listen=["http://127.0.0.1:{port}"])
        with self.assertRaises(OSError):
            Wire(server.port, "127.0.0.2")

    def test_several(self):
        second = free_port()
        server = self.serve(listen=["http://127.0.0.1:{port}", f"http://127.0.0.1:{second}"])
        for port in (server.port, second):
            with Wire(port) as wire:
                self.assertEqual(wire.ask("/").status, 200)

    def test_banner_names_the_urls(self):
        server = self.serve(listen=["http://localhost:{port}"])
        self.assertTrue(wait_for(lambda: f"http://localhost:{server.port}" in server.said() + server.printed()))
        self.assertNotIn("\x1b", server.said() + server.printed())  # no colours into a file

    def test_taken_port(self):
        server = self.serve()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            for port in (server.port, holder.getsockname()[1]):
                got = self.tercet("serve", self.dir, "--listen", f"http://127.0.0.1:{port}")
                self.assertEqual(got.status, 98, got)
                self.assertIn(str(port), got.err)
        self.assertAlive(server)

    def test_port_can_be_had_again_at_once(self):
        """A server that ended, with connections in TIME-WAIT, does not hold its port."""
        root = self.site({"index.html": "x"})
        server = self.serve(root=root)
        wires = [server.wire() for _ in range(20)]
        for wire in wires:
            wire.ask("/")
        port = server.port
        server.stop()
        self.assertEqual(self.serve(root=root, port=port).ask("/").status, 200)

    def test_urls_that_are_none(self):
        for url in ("ftp://localhost:8080", "http://", "http://localhost:99999", "http://localhost:x", "localhost",
                    "http://localhost:8080/path", "http://user@localhost:8080", "http://nowhere.invalid:8080",
                    "http://192.0.2.1:8080"):
            with self.subTest(url):
                got = self.tercet("serve", self.dir, "--listen", url)
                self.assertGreater(got.status, 0, got)
                self.assertTrue(got.err.startswith("tercet"), got)


class Ending(Case):
    """Ctrl-C finishes what is under way; a second one does not wait."""

    def begun(self, server, size=64 << 20):
        wire = server.wire(receive=65536)
        wire.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n")
        head = wire.head()
        self.assertEqual(int(head.get("content-length")), size)
        return wire

    def big(self, *options):
        root = self.site({"index.html": "home"})
        with open(root / "big.bin", "wb") as out:
            out.truncate(64 << 20)
        return self.serve("--limit", "send_ms=3600000", *options, root=root)

    def test_what_is_under_way_is_finished(self):
        server = self.big()
        wire = self.begun(server)
        idle = server.wire()
        idle.ask("/")
        server.signal()
        self.assertTrue(idle.ended(), "an idle connection stayed")
        self.assertTrue(wait_for(lambda: not server.accepts()), "still accepting")
        self.assertIsNone(server.proc.poll(), "it did not wait for the download")
        self.assertEqual(len(wire.exactly(64 << 20)), 64 << 20)
        self.assertTrue(wire.ended())
        self.assertEqual(server.wait(), 0)

    def test_second_signal_ends_at_once(self):
        server = self.big()
        wire = self.begun(server)
        server.signal()
        self.assertTrue(wait_for(lambda: "finishing what is under way" in server.said()))
        self.assertIsNone(server.proc.poll())
        server.signal()
        server.wait()  # nobody takes the answer, for which it would wait an hour
        with self.assertRaises((AssertionError, OSError)):
            self.assertEqual(len(wire.exactly(64 << 20)), 64 << 20)
        server.stop(check=False)

    def test_sigterm_does_the_same(self):
        server = self.serve()
        server.ask("/")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_request_that_is_half_there_is_answered_or_dropped(self):
        server = self.serve()
        wire = server.wire()
        wire.send(b"GET / HTTP/1.1\r\nHo")
        time.sleep(0.1)
        server.signal()
        time.sleep(0.1)
        try:
            wire.send(b"st: h\r\n\r\n")
            answer = wire.rest()
            self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 200"), answer)
        except OSError:
            pass
        wire.close()
        self.assertEqual(server.wait(), 0)

    def test_signals_that_others_send_are_survived(self):
        server = self.serve()
        for number in (signal.SIGPIPE, signal.SIGCONT):
            server.signal(number)
            self.assertAlive(server)
