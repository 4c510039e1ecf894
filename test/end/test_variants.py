"""Languages and codings of files, as clients meet them: curl decodes, and so do the tools that made them."""
import gzip
import os
import subprocess
import threading
import time
import unittest

from harness import Case

PAGE = "".join(f"<p>line {i} of a page that says much the same again and again</p>\n" for i in range(2000))
TOOLS = {"br": ["brotli", "-dc"], "zstd": ["zstd", "-dc"], "gzip": ["gzip", "-dc"]}


def decode(coding, content):
    return subprocess.run(TOOLS[coding], input=content, stdout=subprocess.PIPE, check=True, timeout=300).stdout


class Codings(Case):
    def serve_compressed(self, *args, **how):
        return self.serve("--compress", "br", "--compress", "zstd", "--compress", "gzip", *args, **how)

    def test_what_is_made_is_what_the_tools_read(self):
        files = {"small.html": PAGE[:5000], "middle.css": PAGE[:40_000], "large.js": PAGE * 20, "logo.png": PAGE}
        server = self.serve_compressed(files=files)
        time.sleep(0.2)
        with server.wire(seconds=60) as wire:
            for _ in range(2):  # made, then remembered
                for name, content in files.items():
                    for coding in TOOLS:
                        answer = wire.ask("/" + name, fields=["Accept-Encoding: " + coding])
                        self.assertEqual(answer.status, 200)
                        if name == "logo.png":
                            self.assertIsNone(answer.get("content-encoding"))
                            self.assertIsNone(answer.get("vary"))
                            continue
                        self.assertEqual(answer.get("content-encoding"), coding, name)
                        self.assertEqual(answer.get("vary"), "Accept-Encoding")
                        self.assertLess(len(answer.body), len(content) / 2)
                        self.assertEqual(decode(coding, answer.body), content.encode(), name)
                        head = wire.ask("/" + name, "HEAD", fields=["Accept-Encoding: " + coding])
                        drop = ("date",)
                        self.assertEqual([f for f in head.fields if f[0] not in drop],
                                         [f for f in answer.fields if f[0] not in drop])

    def test_curl_in_all_versions(self):
        server = self.serve_compressed(files={"index.html": PAGE})
        time.sleep(0.2)
        for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
            for coding in ("gzip", "br", "zstd", "gzip, br", None):
                more = ["-H", f"Accept-Encoding: {coding}"] if coding else []
                got = self.curl(version, "--compressed", "-D", str(self.dir / "head"), *more, server.url + "/")
                self.assertEqual((got.status, got.out), (0, PAGE.encode()), (version, coding))
                self.assertIn("content-encoding: ", (self.dir / "head").read_text().lower())

    def test_each_coding_has_its_tag(self):
        server = self.serve_compressed(files={"a.txt": PAGE})
        time.sleep(0.2)
        with server.wire(seconds=60) as wire:
            tags = {}
            for coding in ("identity", *TOOLS):
                tags[coding] = wire.ask("/a.txt", fields=["Accept-Encoding: " + coding]).get("etag")
            self.assertEqual(len(set(tags.values())), 4, tags)
            for coding, tag in tags.items():
                for other in tags:
                    answer = wire.ask("/a.txt", fields=["Accept-Encoding: " + other, "If-None-Match: " + tag])
                    self.assertEqual(answer.status, 304 if other == coding else 200, (coding, other))
                    self.assertEqual(answer.get("vary"), "Accept-Encoding")
            whole = wire.ask("/a.txt", fields=["Accept-Encoding: gzip"]).body
            parts = [wire.ask("/a.txt", fields=["Accept-Encoding: gzip", "If-Range: " + tags["gzip"],
                                                f"Range: bytes={at}-{at + 999}"]).body
                     for at in range(0, len(whole), 1000)]
            self.assertEqual(gzip.decompress(b"".join(parts)), PAGE.encode())

    def test_nothing_that_is_acceptable(self):
        server = self.serve_compressed(files={"a.txt": PAGE, "logo.png": PAGE})
        time.sleep(0.2)  # what was written just now is not compressed if it is large
        for value, status in (("identity;q=0, br;q=0, gzip;q=0, zstd;q=0", 406), ("*;q=0", 406), ("identity;q=0", 406),
                              ("*;q=0, gzip", 200), ("deflate", 200)):
            answer = server.ask("/a.txt", fields=["Accept-Encoding: " + value])
            self.assertEqual(answer.status, status, value)
            self.assertEqual(answer.get("vary"), "Accept-Encoding")
        self.assertEqual(server.ask("/logo.png", fields=["Accept-Encoding: *;q=0"]).status, 406)

    def test_files_beside_are_sent(self):
        root = self.site({"app.js": PAGE})
        for tool in (["brotli", "-k"], ["zstd", "-q", "-k"], ["gzip", "-k"]):
            subprocess.run([*tool, str(root / "app.js")], check=True, timeout=300)
        server = self.serve("--precompressed", root=root)
        ending = {"br": "br", "zstd": "zst", "gzip": "gz"}
        for coding in TOOLS:
            answer = server.ask("/app.js", fields=["Accept-Encoding: " + coding])
            self.assertEqual(answer.body, (root / f"app.js.{ending[coding]}").read_bytes())
            self.assertEqual(answer.get("content-encoding"), coding)
            self.assertIn("javascript", answer.get("content-type"))
        soon = time.time() + 10
        os.utime(root / "app.js", (soon, soon))  # now it is newer than they are
        time.sleep(1.2)
        self.assertIsNone(server.ask("/app.js", fields=["Accept-Encoding: br"]).get("content-encoding"))

    def test_one_compression_for_all_who_ask_at_once(self):
        body = PAGE * 20
        server = self.serve_compressed("--workers", "1", files={"a.js": body})
        time.sleep(0.2)
        right = []

        def ask():
            with server.wire(seconds=60) as wire:
                answer = wire.ask("/a.js", fields=["Accept-Encoding: gzip"])
            if answer.status == 200 and gzip.decompress(answer.body) == body.encode():
                right.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(right), 20)

    def test_files_that_change_all_the_time(self):
        """Whatever is sent is one of the contents, never a mixture."""
        root = self.site({"a.txt": "x" * 100_000})
        server = self.serve_compressed("--limit", "cache_ms=1", root=root)
        stop = threading.Event()

        def change():
            letters = "abcdefgh"
            for i in range(1 << 30):
                if stop.is_set():
                    return
                other = root / "other.txt"
                other.write_text(letters[i % 8] * (50_000 + 1000 * (i % 50)))
                other.rename(root / "a.txt")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            with server.wire(seconds=60) as wire:
                for i in range(300):
                    answer = wire.ask("/a.txt", fields=["Accept-Encoding: " + (("gzip", "br", "identity")[i % 3])])
                    self.assertEqual(answer.status, 200)
                    coding = answer.get("content-encoding")
                    content = answer.body if coding is None else gzip.decompress(answer.body) if coding == "gzip" else None
                    if content is not None:
                        self.assertEqual(len(set(content)), 1)
        finally:
            stop.set()
            thread.join()

    def test_limits_are_told(self):
        server = self.serve_compressed("--limit", "compress_cache=3000", "--limit", "compress_file=200000", "--workers", "1",
                                       files={**{f"{i}.txt": PAGE[:20_000] for i in range(30)}, "large.txt": PAGE * 2})
        time.sleep(0.2)
        for i in range(30):
            answer = server.ask(f"/{i}.txt", fields=["Accept-Encoding: gzip"])
            self.assertEqual(gzip.decompress(answer.body), PAGE[:20_000].encode())
        self.assertIsNone(server.ask("/large.txt", fields=["Accept-Encoding: gzip"]).get("content-encoding"))
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertIn("limit compress_cache reached", server.said())
        self.assertIn("limit compress_file reached 1 time", server.said())

    def test_faults_in_settings_are_said(self):
        for more, text in ((["--compress", "deflate"], "--compress deflate: br, zstd, gzip or off is wanted"),
                           (["--compress", "gzip", "--compress", "off"], "--compress off: off goes with nothing else"),
                           (["--languages", "e n"], "--languages e n: no language tag; one like en or pt-BR is wanted"),
                           (["--languages", "en", "--languages", "EN"], "--languages EN: it stands there twice"),
                           (["--compress-types", "html"], "--compress-types html: a media type like text/html, text/* or *"),
                           (["--compress-min", "x"], "--compress-min")):
            got = self.tercet("serve", "--listen", "http://127.0.0.1:0", *more, str(self.dir))
            self.assertEqual(got.status, 2, got)
            self.assertIn(text, got.err)


class Languages(Case):
    def test_the_page_that_is_wished(self):
        files = {"index.en.html": "<p>home", "index.de.html": "<p>Heim", "page.en.html": PAGE, "page.de.html": "<p>" + PAGE}
        server = self.serve("--languages", "en", "--languages", "de", "--compress", "gzip", files=files)
        time.sleep(0.2)
        for value, text, language in (("de-AT,de;q=0.8,en;q=0.5", "<p>Heim", "de"), ("en", "<p>home", "en"),
                                      ("fr", "<p>home", "en"), (None, "<p>home", "en"), ("en;q=0, *", "<p>Heim", "de")):
            answer = server.ask("/", fields=["Accept-Language: " + value] if value else ())
            self.assertEqual((answer.text, answer.get("content-language")), (text, language), value)
            self.assertEqual(answer.get("vary"), "Accept-Language")
            again = server.ask("/", fields=["If-None-Match: " + answer.get("etag")] +
                               (["Accept-Language: " + value] if value else []))
            self.assertEqual((again.status, again.get("vary")), (304, "Accept-Language"))
        answer = server.ask("/page.html", fields=["Accept-Language: de", "Accept-Encoding: gzip"])
        self.assertEqual(gzip.decompress(answer.body), files["page.de.html"].encode())
        self.assertEqual(answer.get("vary"), "Accept-Encoding, Accept-Language")
        self.assertEqual(server.ask("/page.de.html").get("content-language"), "de")
        self.assertEqual(server.ask("/none.html", fields=["Accept-Language: de"]).status, 404)

    def test_an_error_page_that_is_wished(self):
        files = {"lost.en.html": "lost", "lost.de.html": "verloren", "plain.html": "plain", "plain.de.html": "einfach"}
        server = self.serve("--languages", "en", "--languages", "de", "--error-page", "404 /lost.html", "--error-page",
                            "405 /plain.html", files=files)
        for value, text, language in (("de-AT, en;q=0.5", "verloren", "de"), ("en", "lost", "en"), ("fr", "lost", "en"), ("", "lost", "en")):
            for _ in range(2):
                answer = server.ask("/none", fields=["Accept-Language: " + value])
                self.assertEqual((answer.status, answer.text, answer.get("content-language")), (404, text, language), value)
        for value, text, language in (("de", "einfach", "de"), ("en", "plain", None)):
            answer = server.ask("/plain.html", "POST", fields=["Accept-Language: " + value])
            self.assertEqual((answer.status, answer.text, answer.get("content-language")), (405, text, language), value)


if __name__ == "__main__":
    unittest.main()
