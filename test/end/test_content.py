"""What files are answered with, by settings: listings, clean addresses, a fallback page, Cache-Control, error pages."""
import html
import json
import os
import re
import time
import urllib.parse

from chromium import Chromium
from harness import Case, with_quic
from test_tls import Tls

BROWSER = ["Accept: text/html,application/xhtml+xml,*/*;q=0.8"]
JSON = ["Accept: application/json"]
STRANGE = ["<script>alert(1)", "<img src=x onerror=alert(1)>", "a&b\"c'd", "a b+c%41", "javascript:alert(1)", "#frag?query", "Ärger",
           "~"]


class Content(Case):
    SECONDS = 240  # 30,000 files are made on a disk that others use, too

    def conf(self, text, files=None, root=None):
        root = root or self.site(files or {})
        (self.dir / "t.conf").write_text(f'root = "{root}"\n{text}\n')
        return self.serve("--config", self.dir / "t.conf", root=False)

    def test_flags(self):
        server = self.serve("--listing", "--clean-urls", "--fallback", "/about.html", "--cache-control", "*.js=max-age=60",
                            "--error-page", "404 /lost.txt", files={"about.html": "about", "x.js": "x", "lost.txt": "lost"})
        self.assertIn("x.js", server.ask("/").text)
        self.assertEqual(server.ask("/about").text, "about")
        self.assertEqual(server.ask("/x.js").get("cache-control"), "max-age=60")
        self.assertEqual(server.ask("/nowhere").text, "lost")
        self.assertEqual(server.ask("/nowhere", fields=BROWSER).text, "about")

    def test_routes_have_their_own(self):
        files = {"index.html": "home", "a/x.css": "x", "b/x.css": "x", "lost.html": "lost", "b/lost.html": "lost in b", "x.html": "for all"}
        server = self.conf('''
            cache-control = {"*.css=max-age=1"}
            error-page = {"404 /lost.html"}
            route "/a" { listing = on   cache-control = {"/a/**=no-cache"}   error-page = {} }
            fallback = "/x.html"
            route "/b" { fallback = "/index.html"   error-page = {"4xx /b/lost.html"} }
            route "/b/inner" { fallback = off }
        ''', files)
        self.assertEqual(server.ask("/a/x.css").get("cache-control"), "no-cache")
        self.assertEqual(server.ask("/b/x.css").get("cache-control"), "max-age=1")
        self.assertEqual(server.ask("/a/").status, 200)
        self.assertEqual(server.ask("/b/").status, 404)
        self.assertEqual(server.ask("/x").text, "lost")
        self.assertIn("Page Not Found", server.ask("/a/none").text)
        self.assertEqual(server.ask("/b/none").text, "lost in b")
        self.assertEqual(server.ask("/b/none", fields=BROWSER).text, "home")
        self.assertEqual(server.ask("/x", fields=BROWSER).text, "for all")
        self.assertEqual(server.ask("/b/inner/none", fields=BROWSER).text, "lost")
        self.assertEqual(server.ask("/b/x.css", "POST").text, "lost in b", "405, made elsewhere")

    def test_faults_are_said(self):
        for setting, said in (('cache-control = {"*.css"}', 'cache-control = *.css: it is PATTERN=VALUE, such as "*.css=max-age=86400"'),
                              ('cache-control = {"a/b=no-store"}', "cache-control = a/b=no-store: a pattern with a / in it is of the whole "
                               "path, so it begins with / or *"),
                              ('error-page = {"200 /x"}', "error-page = 200 /x: the status is 400 to 599, 4xx or 5xx"),
                              ('error-page = {"404"}', 'error-page = 404: it is STATUS /PATH, such as "404 /404.html" or "5xx /sorry.html"'),
                              ('error-page = {"404 /"}', "error-page = 404 /: the path is one of a file, not of a folder"),
                              ('fallback = "x.html"', "fallback = x.html: the path of a file is wanted, like /index.html, or off")):
            with self.subTest(setting):
                (self.dir / "bad.conf").write_text(f"listing = on\n{setting}\n")
                got = self.tercet("serve", "--config", "bad.conf")
                self.assertEqual(got.err.splitlines()[0], f"tercet: bad.conf:2: {said}")
                self.assertNotEqual(got.status, 0)

    def test_a_listing_for_programs(self):
        files = dict({name: "12345" for name in STRANGE}, **{"folder/x": "x", ".hidden": "x", "folder/index.html/x": "x"})
        server = self.conf("listing = on", files)
        answer = server.ask("/", fields=JSON)
        self.assertEqual(answer.get("content-type"), "application/json")
        self.assertEqual(answer.get("cache-control"), "no-cache")
        got = json.loads(answer.body)
        self.assertEqual({e["name"] for e in got["entries"]}, {*STRANGE, "folder"})
        self.assertEqual(got["entries"][0]["type"], "folder")
        for entry in got["entries"]:
            target = urllib.parse.urljoin("/", entry["href"])
            with self.subTest(target):
                self.assertEqual(urllib.parse.unquote(target).strip("/"), entry["name"])
                found = server.ask(target)
                self.assertEqual(found.status, 200)
                if entry["type"] == "file":
                    self.assertEqual((found.text, entry["size"]), ("12345", 5))
        self.assertEqual(server.ask("/", "HEAD", JSON).get("content-length"), answer.get("content-length"))

    def test_a_huge_folder_delays_nobody(self):
        root = self.site({"index.html": "home"})
        (root / "huge").mkdir()
        for n in range(30_000):
            os.mknod(root / "huge" / f"{n:05}")
        server = self.conf('listing = on', root=root)
        wires = [server.wire(seconds=60) for _ in range(8)]
        for wire in wires:
            wire.send(b"GET /huge/ HTTP/1.1\r\nHost: h\r\n\r\n")
        times = []
        for _ in range(20):
            began = time.monotonic()
            self.assertEqual(server.ask("/").status, 200)
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[10], 8)
        for wire in wires:
            answer = wire.response()
            self.assertEqual(answer.status, 200)
            self.assertIn("There is more in this folder", answer.text)
            self.assertEqual(answer.text.count("<tr"), 10_000 + 2)
        server.signal()
        server.wait()
        self.assertIn("limit listing_entries reached 8 times", server.said())

    def test_64_prefixes(self):
        """A route without a slash at its end is no beginning of other names."""
        root = self.site({"top/index.html": "home", "secret": "SECRET", "pub/x": "x"})
        server = self.conf(f'route "/s" {{ root = "{root}/pub"   strip-prefix = on   listing = on }}', root=root / "top")
        self.assertEqual(server.ask("/s/x").text, "x")
        self.assertEqual(server.ask("/s").status, 301)
        for target in ("/s../secret", "/s/../secret", "/s/..%2fsecret", "/s/%2e%2e/secret", "/ssecret", "/s;/../secret", "/s%2f../secret",
                       "//s/../secret", "/S/x", "/s/../s../secret", "/s/./../secret", "/s//../secret", "/s/x/../../secret"):
            with self.subTest(target):
                answer = server.ask(target)
                self.assertIn(answer.status, (400, 404))
                self.assertNotIn("SECRET", answer.text)

    def test_chromium(self):
        """The page as a person uses it, with scripts turned off; what a name says does not run."""
        files = dict({name: "x" * n for n, name in enumerate(STRANGE)}, **{"sub/deep/y": "y"})
        server = self.conf("listing = on", files)
        browser = Chromium(self)

        def rows():
            page = browser.html()
            self.assertNotIn("<script", page)
            self.assertNotIn("<img", page)
            found = re.findall(r'<th scope="row">(?:<a href="([^"]*)">)?(.*?)(?:</a>)?</th>', page)
            return [(urllib.parse.urljoin(server.url + "/", html.unescape(href)), html.unescape(name)) for href, name in found]
        browser.open(server.url + "/")
        self.assertEqual(rows()[0][1], "sub/")
        self.assertEqual(sorted(name for _, name in rows()), sorted([*STRANGE, "sub/"]))
        self.assertTrue(all(href.startswith(server.url + "/") for href, _ in rows()), rows())
        browser.press('a[href="?sort=size&order=asc"]')
        self.assertEqual([name for _, name in rows()], ["sub/", *STRANGE])
        browser.press('a[href="?sort=size&order=desc"]')
        self.assertEqual([name for _, name in rows()], ["sub/", *reversed(STRANGE)])
        browser.press('a[href="sub/"]')
        browser.press('a[href="deep/"]')
        self.assertEqual([name for _, name in rows()], ["../", "y"])


class Versions(Tls):
    def test_each_version(self):
        files = {"index.html": "home", "f/a": "a", "f/b": "b", "lost.html": "lost", "about.html": "about"}
        server = self.secure("--listing", "--clean-urls", "--error-page", "404 /lost.html", files=files)
        for version in [1.1, 2] + [3] * with_quic():
            with self.subTest(version):
                def get(path, *more):
                    return self.tercet("get", "--http", version, "-q", "--cacert", self.ca, f"https://localhost:{server.port}{path}", *more,
                                       env=self.env).out
                self.assertIn(b">a</a>", get("/f/", "Accept:text/html"))
                self.assertEqual(get("/f/", "Accept:text/plain"), b"a\nb\n")
                self.assertEqual(get("/about"), b"about")
                self.assertEqual(get("/none", "Accept:text/html"), b"lost")
