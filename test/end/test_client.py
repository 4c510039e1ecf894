"""`tercet get` and its sisters against servers that a test scripts: what is asked, and what the program says of itself."""
import json
import os
import re
import time

from client_case import OK, Client, keeping
from harness import IPV6, ROOT, answers


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
