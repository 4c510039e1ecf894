"""Messages that two readers could understand differently: each is refused, and its connection ends.
Numbers in names are those of README.md here (RFC 9112, 6.3 and 11.2)."""
import time

from attacks import HIDDEN, Attack


class Length(Attack):
    def test_1_length_and_coding(self):
        self.each([b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
                   b"Content-Length: 0\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: identity\r\nContent-Length: 5",
                   b"content-length: 5\r\nX: y\r\ntransfer-encoding: Chunked"], 400, 501,
                  body=b"0\r\n\r\n" + HIDDEN)
        self.each([b"Content-Length: 5\r\nTransfer-Encoding: chunked"], 400, body=b"0\r\n\r\n" + HIDDEN)

    def test_2_two_lengths(self):
        self.each([b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5, 6", b"Content-Length: 5\r\nContent-Length: 5",
                   b"Content-Length: 5, 5", b"Content-Length: 5\r\ncontent-length: 0"], 400)

    def test_3_lengths_that_are_none(self):
        self.each([b"Content-Length: " + v for v in (
            b"+5", b"-5", b" 5 5", b"0x5", b"5,", b",5", b"99999999999999999999", b"18446744073709551621", b"", b"5.0",
            b"5e0", b"five", b"\"5\"", b"5;", b"5 ,", b"\xd9\xa5", b"1_0", b"9223372036854775808")], 400)
        self.each([b"Content-Length: 9223372036854775807"], 413)

    def test_3_leading_zeros_mean_the_same_to_all(self):
        with self.server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0000000000000005\r\n\r\nabcde")
            self.assertIn(wire.response().status, (200, 400))

    def test_4_codings(self):
        self.each([b"Transfer-Encoding: " + v for v in (
            b"xchunked", b"chunked, identity", b"chunked, chunked", b"\tchunked\x0b", b"\x0bchunked", b"chunked\x0c",
            b"chun ked", b"chunkedx", b"gzip", b"identity", b"chunked, gzip", b"", b",", b"chunked;q=1", b"\"chunked\"",
            b"'chunked'", b"chunked\x00", b"x, chunked", b"chunked,gzip,chunked")], 400, 501, body=b"0\r\n\r\n" + HIDDEN)
        self.each([b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                   b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                   b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", b"Transfer-Encoding : chunked",
                   b"Transfer-Encoding\t: chunked", b"Transfer-Encoding:\r\n chunked", b"X: y\r\n Transfer-Encoding: chunked",
                   b"Transfer\x00-Encoding: chunked"], 400, 501, body=b"0\r\n\r\n" + HIDDEN)

    def test_4_never_falls_back_to_the_length(self):
        self.each([b"Transfer-Encoding: xchunked\r\nContent-Length: 5"], 400, 501, body=b"abcde" + HIDDEN)

    def test_4_letter_case_does_not_matter(self):
        for word in (b"CHUNKED", b"Chunked", b"cHuNkEd", b" chunked ", b"\tchunked"):
            with self.server.wire() as wire:
                wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\ntRANSFER-eNCODING:" + word + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
                self.assertEqual(wire.response().status, 200, word)
                self.assertEqual(wire.ask("/").status, 200)

    def test_5_coding_in_1_0(self):
        self.each([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nConnection: keep-alive"], 400,
                  version=b"HTTP/1.0", body=b"0\r\n\r\n" + HIDDEN)

    def test_13_early_answer_does_not_lose_step(self):
        """405 and 404 come before the body; what follows is that body, never a request."""
        for target, method in ((b"/", b"POST"), (b"/nowhere", b"GET"), (b"/", b"GET"), (b"/nowhere", b"DELETE")):
            with self.subTest(target=target, method=method):
                with self.server.wire() as wire:
                    wire.send(method + b" " + target + b" HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN))
                    time.sleep(0.05)
                    try:
                        wire.send(HIDDEN + b"GET /?second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                        self.assertNotIn(b"HIDDEN", wire.rest())
                    except (ConnectionResetError, BrokenPipeError):
                        pass

    def test_13_unwanted_body_that_is_long_ends_the_connection(self):
        with self.server.wire() as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" + HIDDEN)
            answer = wire.response()
            self.assertEqual(answer.status, 405)

    def test_14_expectations(self):
        self.each([b"Expect: 200-maybe\r\nContent-Length: 3"], 417, body=b"abc")
        with self.server.wire() as wire:  # promised, and no body comes: it is not a request that follows
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN))
            self.assertEqual(wire.response(interim=True).status, 100)
            wire.send(HIDDEN)
            self.assertEqual(wire.response().status, 200)

    def test_15_bodies_where_few_expect_them(self):
        for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
            with self.subTest(method):
                with self.server.wire() as wire:
                    wire.send(method + b" / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN +
                              b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                    first = wire.response(method.decode())
                    self.assertNotIn(b"HIDDEN", first.body)
                    if not first.closes:
                        self.assertEqual(wire.response().body, b"home")

    def test_15_304_and_head_have_no_body(self):
        tag = self.server.ask("/").get("etag").encode()
        with self.server.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: " + tag + b"\r\n\r\n"
                      b"HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual([wire.response(m).status for m in ("GET", "HEAD", "GET")], [304, 404, 200])

    def test_body_cut_off_is_no_whole_request(self):
        for body in (b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                     b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n"):
            with self.subTest(body):
                answer = self.server.raw(b"POST /echo HTTP/1.1\r\nHost: h\r\n" + body, end=True)
                if answer:
                    self.assertRefused(answer, 400)


class Chunks(Attack):
    def chunks(self, bodies, *statuses):
        for body in bodies:
            with self.subTest(body[:60]):
                self.refused(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body + HIDDEN,
                             *statuses)

    def test_6_sizes(self):
        self.chunks([s + b"\r\nabc\r\n0\r\n\r\n" for s in (
            b"+3", b"-3", b"0x3", b"3 ", b" 3", b"\t3", b"", b"g", b"3g", b"00000000000000003", b"fffffffffffffffff",
            b"ffffffffffffffff", b"8000000000000000", b"10000000000000003", b"3,", b"3\x00", b"\xef\xbc\x93", b"3.0",
            b"0 0", b"-0")], 400, 413)

    def test_6_data_longer_or_shorter_than_said(self):
        self.chunks([b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n", b"3\r\nab\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n",
                     b"3\r\nabc\r0\r\n\r\n"], 400)

    def test_7_extensions(self):
        self.chunks([b"3;a\nb\r\nabc\r\n0\r\n\r\n", b"3;a\rb\r\nabc\r\n0\r\n\r\n", b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n",
                     b"3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", b"3;a=\"\r\nabc\r\n0\r\n\r\n", b"3;a=b\x00\r\nabc\r\n0\r\n\r\n",
                     b"0;a\n\r\n\r\n", b"3 a\r\nabc\r\n0\r\n\r\n", b"3a;=\r\nabc\r\n", b"3;=\r\nabc\r\n0\r\n\r\n"], 400)

    def test_7_many_extensions(self):
        self.chunks([(b"1;" + b"a" * 200 + b"\r\nx\r\n") * 200], 400)

    def test_7_honest_extensions_are_fine(self):
        with self.server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a;b=c;d=\"e\\\"f\"\r\nabc\r\n"
                      b"0;last\r\n\r\n")
            self.assertEqual(wire.response().status, 200)

    def test_7_endless_line(self):
        """A size line that never ends is refused long before it could be held."""
        with self.server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 1000)
            self.assertEqual(wire.response().status, 400)

    def test_8_bare_line_ends(self):
        self.chunks([b"3\nabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\n\r\n", b"3\r\nabc\r\n0\r\n\n",
                     b"3\rabc\r\n0\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX: y\r\r\n\r\n"], 400)

    def test_trailers_are_checked_as_fields_are(self):
        self.chunks([b"0\r\n" + t + b"\r\n\r\n" for t in (
            b"X y", b": y", b"X : y", b" X: y", b"X: \x00", b"X: a\x01b", b"X: y\r\n z: w")], 400)
        self.chunks([b"0\r\n" + t + b"\r\n\r\n" for t in (
            b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: h")], 400, 200)

    def test_trailer_floods(self):
        self.chunks([b"0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(500)) + b"\r\n",
                     b"0\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"], 431, 400)


class Upgrade(Attack):
    def test_23_upgrade_is_ignored(self):
        for fields in (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
                       b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       b"Sec-WebSocket-Version: 13\r\n", b"Upgrade: TLS/1.0\r\n", b"Upgrade: HTTP/2.0, SHTTP/1.3\r\n"):
            with self.subTest(fields):
                with self.server.wire() as wire:
                    wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n")
                    answer = wire.response()
                    self.assertEqual((answer.status, answer.body), (200, b"home"))
                    self.assertEqual(wire.ask("/").status, 200)

    def test_23_connection_names_other_fields(self):
        for value in (b"close, X-Forwarded-For", b"close, Host, Content-Length, Transfer-Encoding", b"Host, keep-alive",
                      b"close" + b", a" * 100):
            with self.server.wire() as wire:
                wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: " + value + b"\r\nContent-Length: 3\r\n\r\nabc")
                self.assertEqual(wire.response().status, 200, value[:50])

    def test_23_connection_names_more_than_fields_can_be(self):
        self.each([b"Connection: close" + b", a" * 500], 400, body=b"")

    def test_almost_the_http2_preface(self):
        answer = self.server.raw(b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        self.assertRefused(answer, 400, 501, 505)

    def test_tls_hello(self):
        answer = self.server.raw(bytes.fromhex("16030100c8010000c40303") + bytes(range(200)), end=True)
        self.assertRefused(answer, 400)
