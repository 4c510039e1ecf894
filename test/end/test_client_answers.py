"""What a client makes of answers: content in every framing, files, redirects, --json."""
import base64
import json
import os
import subprocess

from client_case import OK, Client, keeping
from harness import PROGRAM, answers, die_with_parent, environment


class Answers(Client):
    """What comes back, in every framing."""

    def out(self, raw, *args, **how):
        got = self.get(raw, *args, **how)
        self.assertEqual(got.status, 0, got)
        return got.out

    def test_framings(self):
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), b"abc")
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), b"until the end")
        self.assertEqual(self.out(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"), b"until the end")
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), b"abcde")
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"), b"abc")
        self.assertEqual(self.out(b"HTTP/1.1 204 No Content\r\n\r\n"), b"")
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), b"")
        self.assertEqual(self.out(b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na"), b"a")
        self.assertEqual(self.out(b"HTTP/1.1 299 Odd words\r\nContent-Length: 1\r\n\r\na"), b"a")

    def test_answer_to_an_upload_that_is_not_wanted(self):
        """The server answers and closes while content is on its way."""
        (self.dir / "large").write_bytes(bytes(3_000_000))
        server = self.serve(files={"page.html": b"page"})
        for http in ("1.0", "1.1", "2"):
            for _ in range(6):
                got = self.tercet("put", "--json", "--http", http, f"http://127.0.0.1:{server.port}/page.html", f"@{self.dir / 'large'}")
                self.assertEqual(got.status, 0, got.err[-500:])
                self.assertEqual(json.loads(got.out)["exchanges"][0]["response"]["status"], 405)

    def test_interim_responses_are_passed_over(self):
        self.assertEqual(self.out(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK), b"hello")

    def test_answer_in_single_bytes(self):
        raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
        self.assertEqual(self.out(answers(*[raw[n:n + 1] for n in range(len(raw))])), b"hello")

    def test_large_body(self):
        body = os.urandom(20_000_000)
        self.assertEqual(self.out(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + body), body)

    def test_error_statuses_are_answers(self):
        for status in (404, 500, 503):
            got = self.get(b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nsays" % status)
            self.assertEqual(got.out, b"says")
            self.assertIn(got.status, (0, 22), got)

    def test_fail_leaves_a_good_file_alone(self):
        (self.dir / "keep").write_bytes(b"good")
        got = self.get(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nbad", "--fail", "-o", "keep")
        self.assertEqual((got.status, (self.dir / "keep").read_bytes()), (22, b"good"))
        self.assertFalse((self.dir / "keep.part").exists())
        got = self.get(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nbad", "--fail")
        self.assertEqual((got.status, got.out), (22, b""))

    def test_a_dash_is_standard_output(self):
        self.assertEqual(self.get(OK, "-o", "-").out, b"hello")
        self.assertFalse((self.dir / "-").exists())

    def test_into_a_file(self):
        got = self.get(OK, "-o", self.dir / "out.txt")
        self.assertEqual((got.status, got.out), (0, b""), got)
        self.assertEqual((self.dir / "out.txt").read_bytes(), b"hello")

    def test_a_file_for_each_url(self):
        def talk(peer, wire):
            path = peer.request(wire)[0].split(b" ")[1]
            wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + path)

        peer = self.peer(talk)
        one, two = peer.url + "/one", peer.url + "/two"
        got = self.tercet("get", "-o", "a", one, "-o", "b", two)
        self.assertEqual((got.status, got.out), (0, b""), got)
        self.assertEqual([(self.dir / name).read_bytes() for name in "ab"], [b"/one", b"/two"])
        for args in (["-o", "a", one, two], ["-o", "a", "-o", "b", one], ["-o", "a", "-o", "-", one, two]):
            self.assertEqual(self.tercet("get", *args).status, 2, args)

    def test_hundreds_of_urls(self):
        peer = self.peer(keeping(b"x"))
        got = self.tercet("get", *[f"{peer.url}/{n}" for n in range(300)])
        self.assertEqual((got.status, got.out), (0, b"x" * 300), got.err)
        got = self.tercet("get", *["/"] * 10001)
        self.assertEqual(got.status, 2)
        self.assertIn("10000 URLs at a time at most", got.err)

    def test_answer_while_a_file_is_sent(self):
        """What it was answered before the connection broke under the file is not lost."""
        (self.dir / "big").write_bytes(bytes(50_000_000))
        server = self.serve(files={"there": b"x"})
        for _ in range(10):
            got = self.tercet("put", f"http://localhost:{server.port}/there", "@big")
            self.assertEqual(got.status, 0, got)
            self.assertIn(b"413", got.out)

    def test_file_that_cannot_be_written(self):
        self.assertEqual(self.get(OK, "-o", self.dir / "no" / "out").status, 23)
        full = self.get(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, "-o", "/dev/full")
        self.assertEqual(full.status, 23, full)

    def test_reader_that_goes_away(self):
        peer = self.peer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000)
        proc = subprocess.Popen([str(PROGRAM), "get", peer.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment(), preexec_fn=die_with_parent())
        proc.stdout.read(10)
        proc.stdout.close()
        self.assertIn(proc.wait(120), (23, -13))
        proc.stderr.close()

    def test_verbose(self):
        got = self.get(OK, "-v")
        self.assertEqual((got.status, got.out), (0, b"hello"), got)
        for part in ("GET / HTTP/1.1", "Host: 127.0.0.1", "HTTP/1.1 200 OK", "Content-Length: 5"):
            self.assertIn(part, got.err)

    def test_verbose_hides_secrets(self):
        peer = self.peer(b"HTTP/1.1 200 OK\r\nSet-Cookie: id=TOPSECRET2\r\nContent-Length: 0\r\n\r\n")
        got = self.tercet("get", "-v", peer.url, "Authorization:Bearer TOPSECRET1")
        self.assertIn(b"Bearer TOPSECRET1", peer.heads[0])
        self.assertNotIn("TOPSECRET1", got.err)

    def test_quiet(self):
        got = self.get(OK, "-q")
        self.assertEqual((got.status, got.out, got.err), (0, b"hello", ""))
        got = self.tercet("get", "-q", "http://127.0.0.1:9/")
        self.assertEqual((got.status, got.err), (7, ""), got)

    def redirecting(self, status=302, to=b"/there", hops=1):
        def talk(peer, wire):
            while True:
                try:
                    head, _ = peer.request(wire)
                except EOFError:
                    return
                n = len(peer.heads)
                if n <= hops:
                    wire.send(b"HTTP/1.1 %d Found\r\nLocation: %s\r\nContent-Length: 4\r\n\r\ngone" % (status, to))
                else:
                    wire.send(OK)
        return talk

    def test_redirects_are_shown_unless_followed(self):
        got = self.get(self.redirecting())
        self.assertEqual((got.status, got.out, len(self.last.heads)), (0, b"gone", 1), got)

    def test_redirects_are_followed_when_asked(self):
        for to in (b"/there", b"there", b"?there", b"//127.0.0.1:%d/there"):
            with self.subTest(to):
                peer = self.peer(lambda p, w, to=to: self.redirecting(to=to % p.port if b"%d" in to else to)(p, w))
                got = self.tercet("get", "--follow", peer.url + "/a")
                self.assertEqual((got.status, got.out), (0, b"hello"), got)
                self.assertIn(b"there HTTP/1.1", peer.heads[1])
                self.assertEqual(peer.count, 1)

    def test_redirected_methods(self):
        for status, method, body in ((301, b"GET", b""), (302, b"GET", b""), (303, b"GET", b""), (307, b"POST", b"x=1"),
                                     (308, b"POST", b"x=1")):
            with self.subTest(status):
                seen = []

                def talk(peer, wire, status=status):
                    while True:
                        try:
                            seen.append(peer.request(wire))
                        except EOFError:
                            return
                        wire.send(b"HTTP/1.1 %d X\r\nLocation: /t\r\nContent-Length: 0\r\n\r\n" % status if len(seen) == 1 else OK)
                peer = self.peer(talk)
                got = self.tercet("post", "--follow", "--data", "x=1", peer.url)
                self.assertEqual((got.status, got.out), (0, b"hello"), got)
                self.assertTrue(seen[1][0].startswith(method + b" /t "), seen)
                self.assertEqual(seen[1][1], body)

    def test_redirect_without_end(self):
        got = self.get(self.redirecting(hops=10_000, to=b"/again"), "--follow")
        self.assertEqual(got.status, 47, got)
        self.assertLessEqual(len(self.last.heads), 52)

    def test_redirect_to_where_nobody_should_go(self):
        for to in (b"file:///etc/passwd", b"ftp://h/", b"javascript:alert(1)", b"gopher://h/"):
            with self.subTest(to):
                got = self.get(self.redirecting(to=to), "--follow")
                self.assertIn(got.status, (1, 3), got)
                self.assertNotIn(b"root:", got.out)

    def test_redirect_does_not_carry_credentials_elsewhere(self):
        other = self.peer(keeping())
        peer = self.peer(lambda p, w: self.redirecting(to=other.url.encode() + b"/x")(p, w))
        got = self.tercet("get", "--follow", peer.url, "Authorization:Bearer abc", "Cookie:a=b")
        self.assertEqual(got.status, 0, got)
        self.assertIn(b"Bearer abc", peer.heads[0])
        self.assertNotIn(b"Bearer", other.heads[0])
        self.assertNotIn(b"a=b", other.heads[0])


class Json(Client):
    """--json: one object instead of the body."""

    def object(self, talk, *args, path="/", status=0, urls=None):
        self.last = self.peer(talk)
        got = self.tercet("get", "--json", *args, *(self.last.url + p for p in urls or [path]))
        self.assertEqual(got.status, status, got)
        return json.loads(got.text)

    def test_shape(self):
        value = self.object(OK, path="/a?b")
        self.assertIsInstance(value["version"], int)
        self.assertEqual(len(value["exchanges"]), 1)
        one = value["exchanges"][0]
        self.assertEqual((one["request"]["method"], one["response"]["status"]), ("GET", 200))
        text = json.dumps(one)
        for part in ("/a?b", "HTTP/1.1", "127.0.0.1", "hello"):
            self.assertIn(part, text)
        self.assertTrue(one["phases"])

    def test_body_that_is_no_text(self):
        body = bytes(range(256))
        value = self.object(b"HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n" + body)
        self.assertIn(base64.b64encode(body).decode(), json.dumps(value))

    def test_large_body_is_left_out_or_cut(self):
        value = self.object(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        self.assertLess(len(json.dumps(value)), 1_500_000)

    def test_several(self):
        value = self.object(keeping(), urls=["/1", "/2"])
        self.assertEqual(len(value["exchanges"]), 2)

    def test_failure_is_an_object_too(self):
        got = self.tercet("get", "--json", "http://127.0.0.1:9/")
        self.assertEqual(got.status, 7)
        value = json.loads(got.text)
        self.assertIn("error", json.dumps(value).lower())

    def test_strange_bytes_keep_it_valid(self):
        value = self.object(b"HTTP/1.1 200 O\xff\r\nX: \xff\xfe\"\\\r\nContent-Length: 4\r\n\r\n\xc3\x28\x00\"")
        self.assertEqual(value["exchanges"][0]["response"]["status"], 200)

    def test_trailers_are_there(self):
        value = self.object(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: forty\r\n\r\n")
        self.assertIn("forty", json.dumps(value))
