"""Server push, Link fields and 103 of `tercet serve`, with nghttp, curl and raw frames."""
import re
import shutil
import unittest

from harness import Case

FILES = {"index.html": "a page", "two.html": "another", "style.css": "body{}", "logo.png": "picture", "a/b,c.txt": "x"}
LINK = "</style.css>; rel=preload; as=style, </logo.png>; rel=preload; as=image"
LIST = "/=/style.css,/logo.png"


@unittest.skipUnless(shutil.which("nghttp"), "no nghttp here")
class Pushed(Case):
    """What nghttp, which takes pushes, was given: (path, status, bytes, whether it was pushed), in any order."""

    def taken(self, server, *args, paths=("/",)):
        got = self.other("nghttp", "-ns", *args, *(server.url + path for path in paths))
        self.assertEqual(got.status, 0, got)
        rows = re.findall(rb"(?m)^ *\d+ +\+\S+ +(\* +)?\+\S+ +\S+ +(\d+) +(\d+)K? (\S+)$", got.out)
        return sorted((path.decode(), int(code), int(size), bool(star)) for star, code, size, path in rows)

    def test_listed(self):
        server = self.serve("--push", LIST, "--log-format", "json", log="-", files=FILES)
        self.assertEqual(self.taken(server), [("/", 200, 6, False), ("/logo.png", 200, 7, True), ("/style.css", 200, 6, True)])
        server.signal()
        server.wait()
        logged = sorted(re.findall(r'"target":"([^"]*)".*?"pushed":true', server.printed()))
        self.assertEqual(logged, ["/logo.png", "/style.css"])

    def test_once_a_connection(self):
        server = self.serve("--push", LIST, "--push", "/two.html=/style.css", files=FILES)
        taken = self.taken(server, paths=("/", "/two.html"))
        self.assertEqual([row[0] for row in taken if row[3]], ["/logo.png", "/style.css"])
        self.assertEqual([row[0] for row in self.taken(server, paths=("/two.html",)) if row[3]], ["/style.css"])

    def test_auto(self):
        server = self.serve("--push", "auto", "--preload", LIST, "--preload", "/two.html=/a/b%2Cc.txt", files=FILES)
        self.assertEqual([row[0] for row in self.taken(server) if row[3]], ["/logo.png", "/style.css"])
        self.assertEqual(self.taken(server, paths=("/two.html",)), [("/a/b%2Cc.txt", 200, 1, True), ("/two.html", 200, 7, False)])

    def test_who_did_not_ask_is_given_nothing(self):
        for options in ((), ("--push", "off"), ("--preload", LIST)):
            server = self.serve(*options, files=FILES)
            self.assertEqual([row for row in self.taken(server) if row[3]], [], options)
        server = self.serve("--push", LIST, files=FILES)
        self.assertEqual([row for row in self.taken(server, "--no-push") if row[3]], [])

    def test_only_with_a_page_that_is_there(self):
        server = self.serve("--push", LIST, "--push", "/missing=/style.css", files=FILES)
        self.assertEqual(self.taken(server, paths=("/missing",))[0][:2], ("/missing", 404))
        tag = server.ask("/").get("ETag")
        self.assertEqual(self.taken(server, "-H", "If-None-Match: " + tag), [("/", 304, 0, False)])
        self.assertEqual([row for row in self.taken(server, "-H", ":method: HEAD") if row[3]], [])

    def test_what_is_missing_is_pushed_as_missing(self):
        server = self.serve("--push", "/=/gone.css", files=FILES)
        row = [row for row in self.taken(server) if row[3]][0]
        self.assertEqual(row[:2], ("/gone.css", 404))

    def test_over_the_limit(self):
        assets = ",".join("/%d.css" % i for i in range(9))
        files = dict(FILES, **{"%d.css" % i: "x" * 9000 for i in range(9)})
        server = self.serve("--push", "/=" + assets, "--limit", "h2_pushes=4", files=files)
        self.assertEqual(len([row for row in self.taken(server) if row[3]]), 4)
        server.signal()
        server.wait()
        self.assertIn("limit h2_pushes reached 1 time", server.said())


class Said(Case):
    def test_link_on_every_version(self):
        server = self.serve("--preload", LIST, files=FILES)
        for version in ("HTTP/1.1", "HTTP/1.0"):
            answer = server.ask("/?q", version=version)
            self.assertEqual(answer.get("Link"), LINK)
        got = self.curl("-i", "--http2-prior-knowledge", server.url)
        self.assertIn(b"link: " + LINK.encode(), got.out)
        self.assertNotIn("Link", server.ask("/two.html"))
        self.assertNotIn("Link", server.ask("/", method="OPTIONS"))
        self.assertIn("Link", server.ask("/", method="HEAD"))
        self.assertEqual(server.raw(b"GET /\r\n"), b"a page")

    def test_early_hints(self):
        server = self.serve("--preload", LIST, "--early-hints", files=FILES)
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: " + LINK.encode() + b"\r\n\r\n"
        for how in ("--http1.1", "--http2-prior-knowledge"):
            got = self.curl("-i", how, server.url)
            heads = got.out.split(b"\r\n\r\n")
            self.assertRegex(heads[0], rb"(?i)^HTTP/\S+ 103 (Early Hints)?\r\nlink: " + re.escape(LINK.encode()) + b"$")
            self.assertRegex(heads[1], rb"(?s)^HTTP/\S+ 200 .*(?i:link): ")
        self.assertTrue(server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(hint))
        self.assertNotIn(b" 103 ", server.raw(b"GET / HTTP/1.0\r\n\r\n"))
        self.assertNotIn(b" 103 ", server.raw(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
        self.assertNotIn(b" 103 ", server.raw(b"GET /two.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
        piped = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        self.assertEqual(server.raw(piped).count(hint), 4)

    def test_browsers_know_how_it_will_be_used(self):
        server = self.serve("--preload", "/=/a.woff2,/b.mjs?v=1,/c.bin", files=FILES)
        self.assertEqual(server.ask("/").get("Link"), "</a.woff2>; rel=preload; as=font; crossorigin, "
                         "</b.mjs?v=1>; rel=preload; as=script, </c.bin>; rel=preload; as=fetch; crossorigin")

    def test_wrong_lists(self):
        for options, why in ((("--push", "x"), "off, auto or PATH=ASSET"), (("--push", "/=//evil/x.css"), "is wanted"),
                             (("--preload", "/?q=/x"), "is wanted"), (("--preload", "/=/x,"), "is wanted"),
                             (("--preload", "/="), "is wanted"), (("--preload", "/=/a b"), "is wanted"),
                             (("--push", "auto", "--push", LIST), "goes with no other"), (("--early-hints",), "needs --preload")):
            got = self.tercet("serve", *options)
            self.assertEqual(got.status, 2, got)
            self.assertIn(why, got.err.decode() if isinstance(got.err, bytes) else got.err)


if __name__ == "__main__":
    unittest.main()
