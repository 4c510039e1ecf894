"""Server push, Link fields and 103: `tercet serve` with nghttp, curl and our client; our client with nghttpd, and with
servers that push what they may not."""
import re
import shutil
import subprocess
import unittest

import h2_case
from harness import Case, environment, free_port, wait_for
from h2_case import DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM, field

PUSH_PROMISE = 5

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
                             (("--push", "auto", "--push", LIST), "goes with no other"), (("--early-hints",), "needs preload")):
            got = self.tercet("serve", *options)
            self.assertEqual(got.status, 2, got)
            self.assertIn(why, got.err.decode() if isinstance(got.err, bytes) else got.err)


class Taken(h2_case.H2):
    """`tercet get --push`: what is shown as (path, status or error, bytes)."""

    def shown(self, url, *args, **how):
        exchanges = self.told("--http", "2", "--push", url, *args, **how)
        self.assertFalse(exchanges[0]["pushed"])
        return [(e["request"]["target"] if e["request"] else None, e["response"]["status"] if e["response"] else e["error"]["name"],
                 e["response"]["body"]["length"] if e["response"] else 0) for e in exchanges if e["pushed"]]

    def test_of_our_own(self):
        files = dict(FILES, **{"style.css": "x" * 300_000})
        server = self.serve("--push", LIST, files=files)
        self.assertEqual(self.shown(server.url), [("/style.css", 200, 300_000), ("/logo.png", 200, 7)])
        got = self.tercet("get", "--http", "2", "--push", server.url, env=self.env)
        self.assertEqual((got.status, got.out), (0, b"a page"), got)
        exchanges = self.told("--http", "2", server.url)  # without --push there is none
        self.assertEqual([e["pushed"] for e in exchanges], [False])
        exchanges = self.told("--push", server.url)  # nor in HTTP/1.1
        self.assertEqual([e["pushed"] for e in exchanges], [False])
        exchanges = self.told("--http", "2", "--push", server.url, server.url + "/two.html")
        self.assertEqual([(e["request"]["target"], e["pushed"]) for e in exchanges],
                         [("/", False), ("/style.css", True), ("/logo.png", True), ("/two.html", False)])

    def test_in_the_picture(self):
        server = self.serve("--push", LIST, files=FILES)
        status, screen, _ = self.on_terminal("get", "--http", "2", "--push", server.url)
        shown = screen.decode()
        text = re.sub(r"\x1b\[\d*m", "", shown)
        self.assertRegex(text, r"3 pushed +GET /style.css +200 OK \(success\) +text/css +6 B +total ")
        self.assertRegex(text, r"3 pushed +GET /logo.png +200 OK \(success\) +image/png +7 B +total ")

    @unittest.skipUnless(shutil.which("nghttpd"), "no nghttpd here")
    def test_of_nghttpd(self):
        root, port = self.site(FILES), free_port()
        other = subprocess.Popen(["nghttpd", "--no-tls", "-d", str(root), "-p", "/=/style.css,/logo.png", str(port)],
                                 env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        url = f"http://127.0.0.1:{port}/"
        self.assertTrue(wait_for(lambda: self.tercet("get", "--http", "2", url, env=self.env).status == 0))
        self.assertEqual(sorted(self.shown(url)), [("/logo.png", 200, 7), ("/style.css", 200, 6)])

    def promising(self, *promises, after=None, answer=True):
        """A server that promises on stream 1, then answers; promise: (stream, fields)."""
        def talk(raw, nth):
            raw.request()
            for stream, block in promises:
                raw.send(PUSH_PROMISE, END_HEADERS, 1, stream.to_bytes(4, "big") + block)
            if after:
                after(raw)
            if answer:
                raw.answer(1)
            raw.until_closed()
        return self.raw(talk)

    def block(self, peer, method=b"GET", path=b"/p", authority=None, more=b""):
        host = (authority or f"127.0.0.1:{peer.port}").encode()
        return field(b":method", method) + field(b":scheme", b"http") + field(b":authority", host) + field(b":path", path) + more

    def refused(self, name, **wrong):
        holder = []

        def talk(raw, nth):
            raw.request()
            raw.send(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + self.block(holder[0], **wrong))
            raw.send(HEADERS, END_HEADERS | END_STREAM, 2, OK)  # was on its way
            raw.answer(1)
            while True:
                kind, flags, stream, payload = raw.read()
                if kind == RST_STREAM:
                    break
            resets.append((stream, payload))
            raw.until_closed()
        resets = []
        holder.append(self.raw(talk))
        exchanges = self.told("--http", "2", "--push", holder[0].url)
        self.assertEqual([(e["pushed"], e["error"] and e["error"]["name"]) for e in exchanges], [(False, None), (True, name)])
        self.assertEqual(exchanges[0]["response"]["body"]["data"], "hello")
        wait_for(lambda: resets)
        self.assertEqual(resets, [(2, b"\0\0\0\1")])
        return holder[0]

    def test_wrong_ones_are_refused(self):
        self.refused("PUSH_METHOD", method=b"POST")
        self.refused("PUSH_METHOD", method=b"OPTIONS")
        self.refused("PUSH_ORIGIN", authority="example.com")
        self.refused("STREAM_RULES", more=field(b"Upper", b"1"))
        self.refused("STREAM_RULES", more=field(b"content-length", b"1"))
        peer = self.refused("PUSH_ORIGIN", authority="127.0.0.1:1")
        status, screen, _ = self.on_terminal("get", "--http", "2", "--push", peer.url, columns=120)
        self.assertEqual(status, 0)
        self.assertIn(b"refused: pushed for another origin than was asked", screen)

    def test_unasked_it_is_the_end(self):
        peer = self.promising((2, b"\x82"))
        got = self.tercet("get", "--http", "2", peer.url, env=self.env)
        self.assertEqual((got.status, got.out), (16, b""), got)
        self.assertIn("rules of HTTP/2", got.err)

    def test_wrong_streams_are_the_end(self):
        for stream in (0, 1, 3):
            peer = self.promising((stream, b"\x82"))
            got = self.tercet("get", "--http", "2", "--push", peer.url, env=self.env)
            self.assertEqual((got.status, got.out), (16, b""), got)

    def test_one_that_never_comes(self):
        peer = self.promising((2, self.block(None, authority="a")))
        got = self.tercet("get", "--http", "2", "--push", "--limit", "response_ms=4000", peer.url, "Host:a", env=self.env)
        self.assertEqual((got.status, got.out), (0, b"hello"), got)
        self.assertEqual(self.shown(peer.url, "Host:a", "--limit", "response_ms=4000"), [("/p", "RESPONSE_TIME", 0)])
        got = self.tercet("get", "--http", "2", "--push", "--max-time", "4", peer.url, "Host:a", env=self.env)
        self.assertEqual((got.status, got.out), (28, b"hello"), got)

    def test_a_flood_is_bounded(self):
        promises = [(2 * i + 2, field(b":method", b"GET") + field(b":scheme", b"http") + field(b":authority", b"a") +
                     field(b":path", b"/%d" % i)) for i in range(60)]

        def after(raw):
            for i in range(32):
                raw.send(HEADERS, END_HEADERS | END_STREAM, 2 * i + 2, OK)
        peer = self.promising(*promises, after=after)
        shown = self.shown(peer.url, "Host:a")
        self.assertEqual([row[1] for row in shown], [200] * 32)
        shown = self.shown(peer.url, "Host:a", "--limit", "pushes=3")
        self.assertEqual([row[1] for row in shown], [200] * 3)

    def test_without_end(self):
        block = (field(b":method", b"GET") + field(b":scheme", b"http") + field(b":authority", b"a") + field(b":path", b"/p"))

        def talk(raw, nth):
            raw.request()
            stream = 2
            try:
                while True:
                    raw.send(PUSH_PROMISE, END_HEADERS, 1, stream.to_bytes(4, "big") + block)
                    raw.send(HEADERS, END_HEADERS | END_STREAM, stream, OK)
                    stream += 2
            except OSError:
                pass
        peer = self.raw(talk)
        got = self.tercet("get", "--http", "2", "--push", peer.url, "Host:a", env=self.env)
        self.assertEqual(got.status, 16, got)


if __name__ == "__main__":
    unittest.main()
