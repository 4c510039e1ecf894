"""The handler of --echo, and request bodies in every framing (RFC 9112, 6 and 7; RFC 9110, 10.1.1)."""
import base64
import hashlib
import json
import os

from harness import Case

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def mentions_digest(text, body):
    """Whether the text carries this body's SHA-256, however it is written."""
    digest = hashlib.sha256(body)
    return digest.hexdigest() in text.lower() or base64.b64encode(digest.digest()).decode() in text


class Echo(Case):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def json(self, method="POST", target="/echo", fields=(), body=b""):
        answer = self.server.ask(target, method, ["Accept: application/json", *fields], body)
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("application/json", answer.get("content-type"))
        return json.loads(answer.text), answer.text

    def test_every_method_it_takes(self):
        for method in METHODS:
            with self.subTest(method):
                value, text = self.json(method, "/echo?a=b", ["X-Probe: here"], b"some content")
                self.assertEqual(value["method"], method)
                self.assertEqual((value["path"], value["query"]), ("/echo", "a=b"))
                self.assertIn("x-probe", text.lower())
                self.assertIn("here", text)
                self.assertTrue(mentions_digest(text, b"some content"), text)

    def test_other_methods(self):
        answer = self.server.ask("/echo", "OPTIONS")
        self.assertIn(answer.status, (200, 204, 405))
        self.assertLessEqual(set(METHODS), {m.strip() for m in answer.get("allow").split(",")})
        self.assertIn(self.server.ask("/echo", "TRACE").status, (405, 501))

    def test_forms_by_accept(self):
        for accept, kind in (("text/html", "text/html; charset=utf-8"), ("application/json", "application/json"),
                             ("text/plain", "text/plain")):
            answer = self.server.ask("/echo", fields=[f"Accept: {accept}"])
            self.assertIn(kind, answer.get("content-type"))

    def test_html_escapes_what_came(self):
        answer = self.server.ask("/echo?<script>".replace("<", "%3C").replace(">", "%3E"),
                                 fields=["Accept: text/html", "X-A: <script>alert(1)</script>&\"'"])
        self.assertNotIn("<script>alert", answer.text)
        self.assertIn("&lt;script&gt;", answer.text)

    def test_bytes_that_are_no_text(self):
        value, _ = self.json("POST", fields=["X-Latin: gr\xfc\xdfe"], body=bytes(range(256)))
        self.assertEqual(value["method"], "POST")

    def test_content_length(self):
        for size in (0, 1, 1000, 65_536, 1_000_000, 16_777_216):
            body = os.urandom(size)
            value, text = self.json(body=body)
            self.assertIn(str(size), text)
            self.assertTrue(mentions_digest(text, body) or not size, size)

    def test_too_large(self):
        with self.server.wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 16777217\r\n\r\n")
            self.assertEqual(wire.response().status, 413)

    def test_too_large_in_chunks(self):
        server = self.serve("--limit", "body_bytes=1000")
        with server.wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            wire.send(b"1f4\r\n" + b"x" * 500 + b"\r\n1f4\r\n" + b"x" * 500 + b"\r\n")
            wire.send(b"1\r\nx\r\n")
            self.assertEqual(wire.response().status, 413)
        with server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
            self.assertEqual(wire.response().status, 200)

    def test_chunked_with_trailers(self):
        with self.server.wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n"
                      "Trailer: X-Sum\r\n\r\n4\r\nWiki\r\n5;ext=\"a;b\"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n"
                      "0\r\nX-Sum: forty-two\r\n\r\n")
            answer = wire.response()
            self.assertEqual(answer.status, 200)
            text = json.dumps(json.loads(answer.text))
            self.assertTrue(mentions_digest(text, b"Wikipedia in\r\n\r\nchunks."), text)
            self.assertIn("forty-two", text)
            self.assertEqual(wire.ask("/").status, 200)  # in step

    def test_trailers_do_not_become_fields(self):
        with self.server.wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "0\r\nX-Late: late\r\n\r\n")
            value = json.loads(wire.response().text)
            self.assertNotIn("late", json.dumps(value["fields"]).lower())

    def test_chunks_of_every_size(self):
        body = os.urandom(70_000)
        for size in (1, 7, 4096, 65_535, 70_000):
            part = body[:2000] if size < 10 else body
            wire = self.server.wire()
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            wire.send(b"".join(b"%x\r\n%s\r\n" % (len(part[i:i + size]), part[i:i + size])
                               for i in range(0, len(part), size)) + b"0\r\n\r\n")
            self.assertTrue(mentions_digest(wire.response().text, part), size)

    def test_curl_sends_both_ways(self):
        body = os.urandom(100_000)
        (self.dir / "body").write_bytes(body)
        for more in ((), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"), ("--http1.0",)):
            got = self.curl("-H", "Accept: application/json", *more, "--data-binary", f"@{self.dir}/body",
                            self.server.url + "/echo")
            self.assertEqual(got.status, 0, got)
            self.assertTrue(mentions_digest(got.text, body), got)

    def test_body_of_get_is_framed(self):
        with self.server.wire() as wire:
            answer = wire.ask("/", body=b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual(answer.status, 200)
            self.assertEqual(wire.ask("/").status, 200)


class Continue(Case):
    """Expect: 100-continue."""

    def head(self, expectation, minor=1, target="/echo", length=4):
        return (f"POST {target} HTTP/1.{minor}\r\nHost: h\r\nContent-Length: {length}\r\n"
                f"Expect: {expectation}\r\n\r\n")

    def test_is_given_before_the_body(self):
        for word in ("100-continue", "100-Continue"):
            with self.serve().wire() as wire:
                wire.send(self.head(word))
                self.assertEqual(wire.response(interim=True).status, 100)
                wire.send("abcd")
                self.assertEqual(wire.response(interim=True).status, 200)
                self.assertEqual(wire.ask("/").status, 200)

    def test_is_not_needed_when_the_body_came(self):
        with self.serve().wire() as wire:
            wire.send(self.head("100-continue") + "abcd")
            self.assertEqual(wire.response().status, 200)
            self.assertEqual(wire.ask("/").status, 200)

    def test_is_not_for_1_0(self):
        with self.serve().wire() as wire:
            wire.send(self.head("100-continue", minor=0))
            wire.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                wire.more()
            wire.sock.settimeout(60)
            wire.send("abcd")
            self.assertEqual(wire.response(interim=True).status, 200)

    def test_refusal_comes_instead(self):
        server = self.serve("--limit", "body_bytes=100")
        for target, length, want in (("/echo", 101, 413), ("/", 4, 405), ("/nowhere", 4, 405)):
            with self.subTest(target):
                with server.wire() as wire:
                    wire.send(self.head("100-continue", target=target, length=length))
                    answer = wire.response(interim=True)
                    self.assertIn(answer.status, (want, 404))
                    if not answer.closes:  # then the body may still come, and must be read as one
                        wire.send("abcd")
                        self.assertEqual(wire.ask("/").status, 200)

    def test_other_expectations(self):
        server = self.serve()
        for word in ("200-ok", "100-continued", "100-continue, other", "x=y"):
            with server.wire() as wire:
                wire.send(self.head(word) + "abcd")
                self.assertEqual(wire.response(interim=True).status, 417, word)

    def test_without_a_body(self):
        with self.serve().wire() as wire:
            wire.send("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(wire.response().status, 200)

    def test_curl_waits_for_it(self):
        server = self.serve()  # it would wait longer than it may take in all
        got = self.curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "1000", "-d", "x" * 1000,
                        server.url + "/echo")
        self.assertEqual(got.status, 0, got)
        self.assertIn("100 Continue", got.err)
