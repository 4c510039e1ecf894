"""Broken and lying answers: each has an exit code, and a cut-off body is never called complete."""
import json
import socket
import time

from client_case import OK, Client


class Lies(Client):
    """A broken answer has its exit code, and a cut-off body is never called complete."""

    def status(self, raw, want, *args, out=None):
        got = self.get(raw, *args)
        wanted = want if isinstance(want, tuple) else (want,)
        self.assertIn(got.status, wanted, got)
        self.assertTrue(got.err.strip(), "it says nothing")
        if out is not None:
            self.assertEqual(got.out, out)
        return got

    def test_short_body(self):
        self.status(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 18)
        self.status(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n", 18)

    def test_chunks_cut(self):
        for tail in (b"5\r\nab", b"5\r\nabcde", b"5\r\nabcde\r\n", b"5\r\nabcde\r\n0\r\n", b"5", b""):
            self.status(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail, 18)

    def test_broken_chunks(self):
        for tail in (b"x\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-1\r\n", b"0x3\r\nabc\r\n0\r\n\r\n",
                     b"fffffffffffffffff\r\n", b"3\nabc\n0\n\n", b"3;" + b"a" * 100_000 + b"\r\n", b"1" * 100_000):
            with self.subTest(tail[:20]):
                self.status(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail, 56)

    def test_nothing_at_all(self):
        self.status(b"", 52)

    def test_reset(self):
        self.status(lambda peer, wire: (peer.request(wire), wire.reset()), (52, 56))
        self.status(lambda peer, wire: (peer.request(wire), wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab"),
                                        time.sleep(0.2), wire.reset()), (18, 56))

    def test_head_cut(self):
        for raw in (b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 2", b"H"):
            self.status(raw, (56, 8))

    def test_heads_that_are_none(self):
        for raw in (b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n",
                    b"HTTP/1.1 200 OK\nX: y\n\n", b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b"HTTP/1.1 099 OK\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 200\x07OK\r\n\r\n",
                    b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"):
            with self.subTest(raw):
                self.status(raw, 8)

    def test_answer_in_0_9_to_a_1_1_request(self):
        for raw in (b"<html>hello</html>", b"ICY 200 OK\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n", b"\x16\x03\x01\x00\x02\x02\x28"):
            with self.subTest(raw):
                got = self.get(raw)
                self.assertIn(got.status, (1, 8), got)
                self.assertEqual(got.out, b"")

    def test_floods(self):
        self.status(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, 8)
        self.status(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, 8)
        self.status(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5_000_000, 8)
        self.status(b"HTTP/1.1 200 " + b"y" * 5_000_000, 8)
        self.status(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100_000, (8, 56))

    def test_switch_unasked(self):
        self.status(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc", 8)

    def test_more_than_was_said(self):
        """What comes behind the answer is not part of it, and the connection is not used again."""
        peer = self.peer(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        got = self.tercet("get", peer.url + "/1", peer.url + "/2")
        self.assertNotIn(b"evil", got.out)
        self.assertEqual(got.out[:5], b"hello")

    def test_cut_file_is_not_called_complete(self):
        got = self.get(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "-o", self.dir / "out")
        self.assertEqual(got.status, 18, got)
        self.assertNotRegex(got.err.lower(), r"\bcomplete\b|\bsaved\b")

    def test_json_says_it_too(self):
        got = self.get(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "--json")
        self.assertEqual(got.status, 18)
        text = json.dumps(json.loads(got.text)["exchanges"][0])
        self.assertIn("error", text)

    def test_refused(self):
        got = self.tercet("get", "http://127.0.0.1:9/")
        self.assertEqual(got.status, 7, got)
        self.assertIn("127.0.0.1", got.err)

    def test_name_that_is_none(self):
        self.assertEqual(self.tercet("get", "http://nowhere.invalid/", seconds=300).status, 6)

    def test_no_answer_in_time(self):
        got = self.get(lambda peer, wire: (peer.request(wire), wire.rest()), "--limit", "response_ms=500")
        self.assertEqual(got.status, 28, got)

    def test_body_that_stops(self):
        got = self.get(lambda peer, wire: (peer.request(wire), wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), wire.rest()), "--limit", "response_ms=3000")
        self.assertEqual(got.status, 28, got)
        self.assertEqual(got.out, b"abc")

    def test_no_connection_in_time(self):
        with socket.socket() as full:  # a listener whose queue is full answers no SYN
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            held = []
            for _ in range(4):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(full.getsockname())
                held.append(s)
            got = self.tercet("get", "--connect-timeout", "1", f"http://127.0.0.1:{full.getsockname()[1]}/", seconds=300)
            self.assertEqual(got.status, 28, got)
            for s in held:
                s.close()

    def test_usage(self):
        for args in ((), ("get",), ("get", "--nonsense", "http://h/"), ("frobnicate",), ("request", "B@D", "http://127.0.0.1:9/")):
            got = self.tercet(*args)
            self.assertIn(got.status, (2, 0) if not args else (2,), (args, got))
        self.assertEqual(self.tercet("get", "http://exa mple/").status, 3)
        self.assertEqual(self.tercet("get", "http://h:99999/").status, 3)
        self.assertEqual(self.tercet("get", "ftp://h/").status, 1)
