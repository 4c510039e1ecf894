"""`tercet get` and its sisters against servers that a test scripts: what is asked, what is shown, and
with which exit code a broken or lying answer is reported."""
import base64
import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios
import time

from harness import (IPV6, PROGRAM, ROOT, Case, Peer, Wire, answers, die_with_parent, environment, free_port,
                     wait_for)

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


class Asking(Client):
    """What goes out."""

    def test_body_on_standard_output_and_nothing_else(self):
        got = self.get(OK)
        self.assertEqual((got.status, got.out, got.err), (0, b"hello", ""))

    def test_request_as_it_stands_on_the_wire(self):
        self.get(OK, path="/a/b?c=d")
        self.assertTrue(self.last.heads[0].startswith(b"GET /a/b?c=d HTTP/1.1\r\n"), self.last.heads)
        fields = self.fields()
        self.assertEqual(fields["host"], f"127.0.0.1:{self.last.port}")
        self.assertRegex(fields["user-agent"], r"^tercet/\d")
        self.assertIn("accept", fields)
        self.assertNotIn("content-length", fields)
        self.assertNotIn("transfer-encoding", fields)

    def test_every_method(self):
        for method in ("head", "post", "put", "patch", "delete", "options", "trace"):
            with self.subTest(method):
                peer = self.peer(b"HTTP/1.1 204 No Content\r\n\r\n")
                got = self.tercet(method, peer.url + "/x")
                self.assertEqual(got.status, 0, got)
                self.assertTrue(peer.heads[0].startswith(method.upper().encode() + b" /x HTTP/1.1\r\n"))
        peer = self.peer(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(self.tercet("request", "PROPFIND", peer.url).status, 0)
        self.assertTrue(peer.heads[0].startswith(b"PROPFIND / "))

    def test_post_without_content_says_so(self):
        peer = self.peer(OK)
        self.tercet("post", peer.url)
        self.assertIn(b"\r\ncontent-length: 0\r\n", peer.heads[0].lower())

    def test_head_does_not_wait_for_a_body(self):
        peer = self.peer(lambda peer, wire: (peer.request(wire), wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), wire.rest()))  # until the client goes
        got = self.tercet("head", peer.url)
        self.assertEqual(got.status, 0, got)

    def test_fields(self):
        peer = self.last = self.peer(OK)
        got = self.tercet("get", peer.url, "X-One:1", "X-Two: two words", "User-Agent:", "Accept:text/html",
                          "Host:other.example")
        self.assertEqual(got.status, 0, got)
        fields = self.fields()
        self.assertEqual((fields["x-one"], fields["x-two"], fields["accept"]), ("1", "two words", "text/html"))
        self.assertEqual(fields["host"], "other.example")
        self.assertNotIn("user-agent", fields)

    def test_fields_cannot_smuggle(self):
        for item in ("X:a\r\nY: b", "X Y:z", "X\n:y", "X:a\x01b", "Näme:x"):
            with self.subTest(item):
                peer = self.peer(OK)
                got = self.tercet("get", peer.url, item)
                self.assertGreater(got.status, 0)
                self.assertFalse(any(b"Y: b" in h for h in peer.heads))

    def body(self, *args, method="post", **how):
        seen = []

        def talk(peer, wire):
            seen.append(peer.request(wire))
            wire.send(OK)
        peer = self.last = self.peer(talk)
        got = self.tercet(method, peer.url, *args, **how)
        self.assertEqual(got.status, 0, got)
        return seen[0][1]

    def test_json_from_items(self):
        body = self.body("CustID:=100", "Name=David Smith", "tags:=[1,true,null]", "deep:={\"a\": 1.5}", "eq=a=b", "url=http://h:1/")
        self.assertEqual(json.loads(body), {"CustID": 100, "Name": "David Smith", "tags": [1, True, None], "deep": {"a": 1.5},
                                            "eq": "a=b", "url": "http://h:1/"})
        self.assertIn("application/json", self.fields()["content-type"])
        self.assertEqual(self.fields()["content-length"], str(len(body)))

    def test_json_that_is_none(self):
        got = self.tercet("post", "http://127.0.0.1:9/", "a:={")
        self.assertGreater(got.status, 0)
        self.assertNotEqual(got.status, 7, "it should not even connect")

    def test_file(self):
        content = os.urandom(300_000)
        (self.dir / "up.bin").write_bytes(content)
        self.assertEqual(self.body("@up.bin"), content)
        (self.dir / "up.json").write_text("{}")
        self.assertEqual(self.body("@up.json", method="put"), b"{}")
        self.assertIn("application/json", self.fields()["content-type"])

    def test_file_that_is_not_there(self):
        got = self.tercet("post", "http://127.0.0.1:9/", "@nowhere.bin")
        self.assertEqual(got.status, 26, got)
        self.assertIn("nowhere.bin", got.err)

    def test_data(self):
        self.assertEqual(self.body("--data", "a=b&c"), b"a=b&c")

    def test_url_forms(self):
        peer = self.peer(keeping(), host="127.0.0.1")
        for url in (f":{peer.port}/x", f"localhost:{peer.port}/x", f"127.0.0.1:{peer.port}/x", f"HTTP://LOCALHOST:{peer.port}/x",
                    f"http://localhost:{peer.port}/x#fragment", f"http://localhost:{peer.port}/a/../x"):
            with self.subTest(url):
                got = self.tercet("get", url)
                self.assertEqual((got.status, got.out), (0, b"hello"), got)
                self.assertTrue(peer.heads[-1].startswith(b"GET /x HTTP/1.1"), peer.heads[-1])

    def test_ipv6(self):
        if IPV6:
            peer = self.peer(OK, host="::1")
            self.assertEqual(self.tercet("get", f"http://[::1]:{peer.port}/").out, b"hello")
            self.assertIn(f"Host: [::1]:{peer.port}\r\n".encode().lower(), peer.heads[0].lower())

    def test_both_families_are_tried(self):
        """localhost is two addresses; only one of them answers."""
        for host in ("127.0.0.1", "::1"):
            if host == "127.0.0.1" or IPV6:
                peer = self.peer(OK, host=host)
                got = self.tercet("get", f"http://localhost:{peer.port}/")
                self.assertEqual((got.status, got.out), (0, b"hello"), got)

    def test_spaces_and_unicode_in_urls_are_encoded(self):
        self.get(OK, path="/a b/ü?q=\"x\"")
        self.assertTrue(self.last.heads[0].startswith(b"GET /a%20b/%C3%BC?q=%22x%22 HTTP/1.1"), self.last.heads)

    def test_connection_is_reused(self):
        peer = self.peer(keeping())
        got = self.tercet("get", peer.url + "/1", peer.url + "/2", peer.url + "/3")
        self.assertEqual((got.status, got.out), (0, b"hello" * 3), got)
        self.assertEqual((peer.count, len(peer.heads)), (1, 3))

    def test_connection_is_not_reused_where_it_may_not_be(self):
        for talk in (answers(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
                     answers(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                     answers(b"HTTP/1.1 200 OK\r\n\r\nhello"), answers(OK)):
            peer = self.peer(talk)
            got = self.tercet("get", peer.url + "/1", peer.url + "/2")
            self.assertEqual((got.status, got.out, peer.count), (0, b"hellohello", 2), got)

    def test_kept_connection_that_died_is_replaced(self):
        def talk(peer, wire):
            peer.request(wire)
            wire.send(OK)
            time.sleep(0.05)
            if peer.count == 1:
                wire.reset()
        peer = self.peer(talk)
        got = self.tercet("get", *[f"{peer.url}/{n}" for n in range(3)])
        self.assertEqual((got.status, got.out), (0, b"hello" * 3), got)

    def test_other_origin_is_another_connection(self):
        one, two = self.peer(keeping()), self.peer(keeping())
        got = self.tercet("get", one.url, two.url)
        self.assertEqual((got.status, one.count, two.count), (0, 1, 1))

    def test_versions(self):
        self.get(OK, "--http", "1.0")
        self.assertTrue(self.last.heads[0].startswith(b"GET / HTTP/1.0\r\n"))
        self.get(OK, "--http", "1.1")
        self.assertTrue(self.last.heads[0].startswith(b"GET / HTTP/1.1\r\n"))
        seen = []

        def simple(peer, wire):
            seen.append(wire.until(b"\n"))
            wire.send(b"<p>old</p>\n")
        got = self.get(simple, "--http", "0.9", path="/x")
        self.assertEqual((got.status, got.out, seen), (0, b"<p>old</p>\n", [b"GET /x\r\n"]), got)

    def test_0_9_is_only_get(self):
        got = self.tercet("post", "--http", "0.9", "http://127.0.0.1:9/", "a=b")
        self.assertGreater(got.status, 0)


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


class Program(Client):
    """Help, version, manual."""

    def test_help(self):
        for args in (("--help",), ("help",)):
            got = self.tercet(*args)
            self.assertEqual((got.status, got.err), (0, ""))
            for word in ("serve", "get", "post", "request"):
                self.assertIn(word, got.text)
        for command in ("serve", "get", "put", "request", "trace"):
            got = self.tercet("help", command)
            self.assertEqual(got.status, 0, got)
            self.assertEqual(got.out, self.tercet(command, "--help").out)
        for option in ("--listen", "--workers", "--access-log", "--log-format", "--index", "--language", "--dotfiles",
                       "--no-http09", "--echo", "--limit"):
            self.assertIn(option, self.tercet("help", "serve").text)
        for option in ("--json", "--follow", "--http", "-o", "-q", "-v", "--data"):
            self.assertIn(option, self.tercet("help", "get").text)

    def test_version(self):
        self.assertRegex(self.tercet("--version").text, r"^tercet \d+\.\d+\.\d+\n")

    def test_typing_mistakes_get_a_hint(self):
        got = self.tercet("sevre")
        self.assertEqual(got.status, 2)
        self.assertIn("serve", got.err)
        got = self.tercet("get", "--folow", "http://h/")
        self.assertEqual(got.status, 2)
        self.assertIn("--follow", got.err)

    def test_manual_page(self):
        page = ROOT / "doc" / "man" / "tercet.1"
        got = self.other("man", "--warnings", "-l", page)
        self.assertEqual((got.status, got.err), (0, ""), got)
        text = re.sub(r".\x08", "", got.text)
        for word in ("serve", "--listen", "--follow", "EXIT STATUS", "28"):
            self.assertIn(word, text)

    def test_limits_are_checked(self):
        for setting in ("nonsense=1", "header_ms=x", "header_ms", "=1", "header_ms=-1", "header_ms="):
            got = self.tercet("serve", self.dir, "--listen", "http://127.0.0.1:9", "--limit", setting)
            self.assertEqual(got.status, 2, (setting, got))
