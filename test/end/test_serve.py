"""Files over HTTP, as people and clients meet them: `tercet serve` (RFC 9110, 9112)."""
import hashlib
import json
import os
import re
import signal
import socket
import stat
import time
import unittest

from harness import EXAMPLE, IPV6, Case, Wire, free_port, http_date, lines_of, wait_for

HTML = "text/html; charset=utf-8"


class Files(Case):
    """What stands in the folder is what is answered."""

    def test_index_is_served_with_its_fields(self):
        root = self.site({"index.html": "<h1>home</h1>\n"})
        os.utime(root / "index.html", (1_000_000_000, 1_000_000_000))
        answer = self.serve(root=root).ask("/")
        self.assertEqual((answer.status, answer.reason, answer.version), (200, "OK", "HTTP/1.1"))
        self.assertEqual(answer.body, b"<h1>home</h1>\n")
        self.assertEqual(answer.get("content-type"), HTML)
        self.assertEqual(answer.get("content-length"), "14")
        self.assertEqual(answer.get("last-modified"), http_date(1_000_000_000))
        self.assertRegex(answer.get("etag"), r'^"[^"]+"$')  # strong
        self.assertIn("tercet", answer.get("server").lower())
        self.assertDate(answer.get("date"), time.time())
        for name in ("date", "server", "content-type", "content-length", "etag", "last-modified"):
            self.assertEqual(sum(n == name for n, _ in answer.fields), 1, name)

    def test_date_is_of_this_second(self):
        """From every worker, also one that had nothing to do since the second began."""
        server = self.serve("--workers", "4", files={"index.html": "x"})
        time.sleep(1 - time.time() % 1)
        for wait in (0.75, 0.65, 0.85, 0.65):  # late in a second, then in the midst of the next
            time.sleep(wait)
            for _ in range(12):
                before = time.time()
                seconds = self.assertDate(server.ask("/").get("date"))
                self.assertGreaterEqual(seconds, int(before))
                self.assertLessEqual(seconds, time.time())

    def test_head_is_get_without_the_body(self):
        server = self.serve(files={"index.html": "x" * 700, "big.bin": os.urandom(300_000)})
        time.sleep(0.2)  # a large file has no entity tag while it is so new that it may change unseen
        for target in ("/", "/big.bin", "/nowhere", "/index.html"):
            with self.subTest(target):
                with server.wire() as wire:
                    get, head, again = wire.ask(target), wire.ask(target, "HEAD"), wire.ask(target)
                    self.assertEqual((head.status, head.body), (get.status, b""))
                    drop = ("date", "connection")
                    self.assertEqual([f for f in head.fields if f[0] not in drop],
                                     [f for f in get.fields if f[0] not in drop])
                    self.assertEqual(again.body, get.body)

    def test_curl_gets_and_heads(self):
        body = os.urandom(20_000)
        server = self.serve(files={"a.bin": body})
        got = self.curl(server.url + "/a.bin")
        self.assertEqual((got.status, got.out), (0, body))
        head = self.curl("-I", server.url + "/a.bin")
        self.assertEqual(head.status, 0, head)
        self.assertTrue(head.text.startswith("HTTP/1.1 200 OK\r\n"), head)
        self.assertIn("Content-Length: 20000\r\n", head.text)

    def test_sizes_around_every_boundary(self):
        sizes = [0, 1, 611, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 131072, 1_000_003]
        files = {f"{n}.bin": os.urandom(n) for n in sizes}
        server = self.serve(files=files)
        with server.wire() as wire:
            for _ in range(2):  # cold, then remembered
                for name, content in files.items():
                    answer = wire.ask("/" + name)
                    self.assertEqual((answer.status, len(answer.body)), (200, len(content)))
                    self.assertEqual(answer.body, content, name)

    def test_large_file_is_whole(self):
        block, digest = os.urandom(1 << 20), hashlib.sha256()
        root = self.site()
        with open(root / "large.bin", "wb") as out:
            for n in range(96):
                part = n.to_bytes(8, "big") + block[8:]
                out.write(part)
                digest.update(part)
        server = self.serve(root=root)
        got = self.curl(server.url + "/large.bin", "-o", self.dir / "got")
        self.assertEqual(got.status, 0, got)
        with open(self.dir / "got", "rb") as back:
            self.assertEqual(hashlib.file_digest(back, "sha256").hexdigest(), digest.hexdigest())

    def test_media_types(self):
        want = {"a.html": HTML, "a.htm": HTML, "a.css": "text/css; charset=utf-8", "a.json": "application/json",
                "a.txt": "text/plain; charset=utf-8", "a.png": "image/png", "a.svg": "image/svg+xml",
                "a.jpg": "image/jpeg", "a.gif": "image/gif", "a.pdf": "application/pdf", "A.HTML": HTML,
                "a.wasm": "application/wasm", "a.xml": "xml", "a.tar.gz": "application/gzip", "a.js": "javascript",
                "noending": "application/octet-stream", "a.unheardof": "application/octet-stream"}
        server = self.serve(files={name: "x" for name in want})
        for name, kind in want.items():
            with self.subTest(name):
                self.assertIn(kind, server.ask("/" + name).get("content-type"))

    def test_directory_goes_to_its_slash(self):
        server = self.serve(files={"sub/index.html": "sub", "sub dir/index.html": "spaced"})
        answer = server.ask("/sub")
        self.assertEqual((answer.status, answer.reason), (301, "Moved Permanently"))
        self.assertIn(answer.get("location"), ("/sub/", "http://localhost/sub/"))
        self.assertEqual(answer.get("content-type"), HTML)
        self.assertEqual(server.ask("/sub/").body, b"sub")
        self.assertRegex(server.ask("/sub?a=b").get("location"), r"/sub/\?a=b$")
        self.assertRegex(server.ask("/sub%20dir").get("location"), r"/sub%20dir/$")
        self.assertEqual(server.ask("/sub%20dir/").body, b"spaced")

    def test_redirect_never_leaves_this_server(self):
        server = self.serve(files={"evil.example/index.html": "x"})
        for target in ("//evil.example", "///evil.example", "/%2fevil.example", "/\\evil.example"):
            with self.subTest(target):
                location = server.ask(target).get("location") or "/"
                self.assertFalse(location.startswith(("//", "/\\", "http://evil", "http:///")), location)

    def test_file_with_a_slash_behind_is_not_found(self):
        server = self.serve(files={"a.html": "x"})
        self.assertEqual(server.ask("/a.html/").status, 404)
        self.assertEqual(server.ask("/a.html/b").status, 404)

    def test_folder_without_index(self):
        self.assertIn(self.serve(files={"sub/a.txt": "a"}).ask("/sub/").status, (403, 404))

    def test_index_name_can_be_chosen(self):
        server = self.serve("--index", "start.htm", files={"start.htm": "start", "index.html": "index"})
        self.assertEqual(server.ask("/").body, b"start")

    def test_dotfiles_are_hidden(self):
        files = {".secret": "s", ".git/config": "s", "a/.b/c": "s", ".well-known/x": "known", "..a": "s",
                 ".well-known/.hidden": "s"}
        server = self.serve(files=files)
        for target in ("/.secret", "/.git/config", "/.git", "/.git/", "/a/.b/c", "/%2esecret", "/..a",
                       "/.well-known/.hidden"):
            with self.subTest(target):
                self.assertEqual(server.ask(target).status, 404)
        self.assertEqual(server.ask("/.well-known/x").body, b"known")

    def test_dotfiles_are_served_when_asked_for(self):
        server = self.serve("--dotfiles", files={".secret": "s", "a/.b/c": "t"})
        self.assertEqual(server.ask("/.secret").body, b"s")
        self.assertEqual(server.ask("/a/.b/c").body, b"t")

    def test_names_in_every_alphabet(self):
        server = self.serve(files={"grüße.txt": "g", "a b+c.txt": "s", "100%.txt": "p", "日本/語.txt": "j", "a;b.txt": "k"})
        for target, body in (("/gr%C3%BC%C3%9Fe.txt", b"g"), ("/a%20b+c.txt", b"s"), ("/100%25.txt", b"p"),
                             ("/%E6%97%A5%E6%9C%AC/%E8%AA%9E.txt", b"j"), ("/a;b.txt", b"k"), ("/a%3Bb.txt", b"k")):
            with self.subTest(target):
                self.assertEqual(server.ask(target).body, body)

    def test_query_does_not_choose_the_file(self):
        server = self.serve(files={"a.txt": "a"})
        for target in ("/a.txt?", "/a.txt?x=/../b", "/a.txt?a?b"):
            self.assertEqual(server.ask(target).body, b"a", target)

    def test_dot_segments_inside_the_root(self):
        server = self.serve(files={"a.txt": "a", "sub/b.txt": "b"})
        for target in ("/sub/../a.txt", "/./a.txt", "/sub/./../a.txt", "//a.txt", "/sub//../a.txt", "/%61.txt"):
            with self.subTest(target):
                self.assertEqual(server.ask(target).body, b"a")

    def test_absolute_form(self):
        server = self.serve(files={"a.txt": "a"})
        for target in (f"http://localhost:{server.port}/a.txt", "http://elsewhere.example/a.txt",
                       "HTTP://localhost/a.txt"):
            self.assertEqual(server.ask(target).body, b"a", target)
        self.assertEqual(server.ask("http://localhost", host="localhost").status, 404)  # no index.html here

    def test_folder_served_is_the_current_one_by_default(self):
        server = self.serve(root=False, cwd=self.site({"index.html": "here"}))
        self.assertEqual(server.ask("/").body, b"here")


class Change(Case):
    """Small files are answered from memory, and yet a change is seen within a second, by every worker."""

    def seen(self, server, target, want):
        self.assertTrue(wait_for(lambda: server.ask(target).body == want, every=0.05), "not seen")

    def test_rewritten_in_place(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        tag = server.ask("/a.txt").get("etag")
        (root / "a.txt").write_text("other")  # the same length
        self.seen(server, "/a.txt", b"other")
        self.assertNotEqual(server.ask("/a.txt").get("etag"), tag)

    def test_by_every_worker(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "4", root=root)
        for _ in range(30):
            server.ask("/a.txt")
        (root / "a.txt").write_text("other")
        time.sleep(1.3)
        self.assertEqual({server.ask("/a.txt").body for _ in range(60)}, {b"other"})

    def test_replaced_by_another_file(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        server.ask("/a.txt")
        (root / "new").write_text("a longer second")
        os.replace(root / "new", root / "a.txt")
        self.seen(server, "/a.txt", b"a longer second")

    def test_another_folder_in_its_place(self):
        parent = self.site({"one/a.txt": "first", "two/a.txt": "second"})
        os.symlink("one", parent / "current")
        server = self.serve("--workers", "1", root=parent / "current")
        self.assertEqual(server.ask("/a.txt").body, b"first")
        os.symlink("two", parent / "next")
        os.replace(parent / "next", parent / "current")
        self.seen(server, "/a.txt", b"second")

    def test_removed_and_back(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        server.ask("/a.txt")
        (root / "a.txt").unlink()
        self.assertTrue(wait_for(lambda: server.ask("/a.txt").status == 404))
        (root / "a.txt").write_text("back")
        self.seen(server, "/a.txt", b"back")

    def test_new_file_where_none_was(self):
        root = self.site({"a.txt": "a"})
        server = self.serve("--workers", "1", root=root)
        self.assertEqual(server.ask("/new.txt").status, 404)
        (root / "new.txt").write_text("new")
        self.seen(server, "/new.txt", b"new")

    def test_index_appears_and_goes(self):
        root = self.site({"sub/x": "x"})
        server = self.serve("--workers", "1", root=root)
        self.assertNotEqual(server.ask("/sub/").status, 200)
        (root / "sub/index.html").write_text("now")
        self.seen(server, "/sub/", b"now")

    def test_large_file_rewritten(self):
        root = self.site({"big.bin": b"a" * 300_000})
        server = self.serve("--workers", "1", root=root)
        server.ask("/big.bin")
        (root / "big.bin").write_bytes(b"b" * 200_000)
        self.seen(server, "/big.bin", b"b" * 200_000)

    def test_every_answer_is_one_state_of_the_file(self):
        """While a file is replaced again and again no answer mixes two of them."""
        root = self.site({"a.txt": "0" * 1000})
        server = self.serve("--workers", "1", root=root)
        end, n = time.monotonic() + 3, 0
        with server.wire() as wire:
            while time.monotonic() < end:
                n += 1
                (root / "new").write_text(str(n % 10) * (1000 + n % 7))
                os.replace(root / "new", root / "a.txt")
                answer = wire.ask("/a.txt")
                self.assertEqual(answer.status, 200)
                self.assertEqual(len(set(answer.body)), 1, "two files in one answer")

    def test_file_that_shrinks_under_way_cuts_the_connection(self):
        root = self.site()
        size = 256 << 20
        with open(root / "sparse.bin", "wb") as out:
            out.truncate(size)
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /sparse.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            self.assertEqual(int(head.get("content-length")), size)
            self.assertEqual(len(wire.exactly(1 << 20)), 1 << 20)
            os.truncate(root / "sparse.bin", 2 << 20)
            have = 1 << 20
            try:
                have += len(wire.rest(size))
            except ConnectionResetError:
                pass  # said as loudly as can be
            self.assertLess(have, size, "the length was kept by inventing bytes")
        (root / "ok.txt").write_text("ok")
        self.assertAlive(server, "/ok.txt")

    def test_file_that_grows_under_way_keeps_its_length(self):
        root = self.site({"grow.bin": b"a" * (8 << 20)})
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /grow.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            with open(root / "grow.bin", "ab") as out:
                out.write(b"b" * (4 << 20))
            body = wire.exactly(int(head.get("content-length")))
            self.assertEqual(body, b"a" * (8 << 20))
            self.assertIn(wire.ask("/grow.bin", "HEAD").status, (200,))

    def test_file_replaced_under_way_is_finished_as_begun(self):
        root = self.site({"big.bin": b"a" * (8 << 20)})
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            (root / "new").write_bytes(b"b" * 1000)
            os.replace(root / "new", root / "big.bin")
            self.assertEqual(wire.exactly(int(head.get("content-length"))), b"a" * (8 << 20))


class Conditions(Case):
    """Preconditions in the order of RFC 9110, 13.2.2, and single ranges (14)."""

    def setUp(self):
        super().setUp()
        root = self.site({"a.txt": "0123456789", "big.bin": bytes(range(256)) * 1000, "empty": ""})
        self.when = 1_600_000_000
        for name in ("a.txt", "big.bin"):
            os.utime(root / name, (self.when, self.when))
        self.server = self.serve(root=root)
        self.tag = self.server.ask("/a.txt").get("etag")

    def status(self, *fields, method="GET", target="/a.txt"):
        answer = self.server.ask(target, method, fields)
        if answer.status in (304, 412, 416):
            self.assertNotEqual(answer.body[:10], b"0123456789")
        return answer.status

    def test_if_none_match(self):
        for value, want in ((self.tag, 304), ("*", 304), (f'"x", {self.tag}', 304), ("W/" + self.tag, 304),
                            ('"x"', 200), (self.tag.strip('"'), 200)):
            with self.subTest(value):
                self.assertEqual(self.status(f"If-None-Match: {value}"), want)
                self.assertEqual(self.status(f"If-None-Match: {value}", method="HEAD"), want)

    def test_304_has_the_fields_of_the_answer_and_no_body(self):
        with self.server.wire() as wire:
            answer = wire.ask("/a.txt", fields=[f"If-None-Match: {self.tag}"])
            self.assertEqual((answer.status, answer.get("etag")), (304, self.tag))
            self.assertIn("date", answer)
            self.assertNotIn("transfer-encoding", answer)
            self.assertIn(answer.get("content-length"), (None, "10"))
            self.assertEqual(wire.ask("/a.txt").body, b"0123456789")  # in step

    def test_if_modified_since(self):
        for seconds, want in ((0, 304), (-1, 200), (1, 304), (86400, 304)):
            self.assertEqual(self.status("If-Modified-Since: " + http_date(self.when + seconds)), want, seconds)
        when = time.gmtime(self.when)
        self.assertEqual(self.status("If-Modified-Since: " + time.strftime("%A, %d-%b-%y %H:%M:%S GMT", when)), 304)
        self.assertEqual(self.status("If-Modified-Since: " + time.asctime(when)), 304)
        self.assertEqual(self.status("If-Modified-Since: yesterday"), 200)
        # an entity tag overrules it
        self.assertEqual(self.status('If-None-Match: "x"', "If-Modified-Since: " + http_date(self.when)), 200)

    def test_if_match(self):
        for value, want in ((self.tag, 200), ("*", 200), ('"x"', 412), ("W/" + self.tag, 412),
                            (f'"x",{self.tag}', 200)):
            self.assertEqual(self.status(f"If-Match: {value}"), want, value)

    def test_if_unmodified_since(self):
        self.assertEqual(self.status("If-Unmodified-Since: " + http_date(self.when)), 200)
        self.assertEqual(self.status("If-Unmodified-Since: " + http_date(self.when - 1)), 412)
        self.assertEqual(self.status(f"If-Match: {self.tag}", "If-Unmodified-Since: " + http_date(self.when - 1)), 200)

    def test_if_match_comes_before_if_none_match(self):
        self.assertEqual(self.status('If-Match: "x"', f"If-None-Match: {self.tag}"), 412)

    def test_conditions_do_not_turn_404_into_304(self):
        self.assertEqual(self.status("If-None-Match: *", target="/nowhere"), 404)

    def ranged(self, value, *more, target="/a.txt"):
        return self.server.ask(target, fields=[f"Range: {value}", *more])

    def test_single_ranges(self):
        for value, part, want in (("bytes=0-3", b"0123", "0-3"), ("bytes=4-", b"456789", "4-9"),
                                  ("bytes=-3", b"789", "7-9"), ("bytes=9-9", b"9", "9-9"),
                                  ("bytes=5-1000", b"56789", "5-9"), ("bytes=-1000", b"0123456789", "0-9"),
                                  ("BYTES=0-0", b"0", "0-0"), ("bytes=0-99999999999999999999", b"0123456789", "0-9")):
            with self.subTest(value):
                answer = self.ranged(value)
                if answer.status == 200:  # a range of everything may be answered whole
                    self.assertEqual((part, answer.body), (b"0123456789", b"0123456789"))
                    continue
                self.assertEqual((answer.status, answer.body), (206, part))
                self.assertEqual(answer.get("content-range"), f"bytes {want}/10")
                self.assertEqual(answer.get("content-length"), str(len(part)))
                self.assertEqual(answer.get("etag"), self.tag)

    def test_range_of_a_large_file(self):
        whole = bytes(range(256)) * 1000
        for first, last in ((0, 0), (100_000, 200_001), (65_535, 65_536), (255_999, 255_999)):
            answer = self.ranged(f"bytes={first}-{last}", target="/big.bin")
            self.assertEqual((answer.status, answer.body), (206, whole[first:last + 1]))

    def test_unsatisfiable(self):
        for value in ("bytes=10-", "bytes=100-200", "bytes=-0"):
            with self.subTest(value):
                answer = self.ranged(value)
                self.assertEqual((answer.status, answer.get("content-range")), (416, "bytes */10"))
        self.assertIn(self.ranged("bytes=0-", target="/empty").status, (200, 416))

    def test_ranges_that_are_none_are_ignored(self):
        for value in ("bytes=3-1", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "0-3", "bytes=1-2-3", "bytes=+1-2",
                      "bytes=0x0-1", "bytes 0-3"):
            with self.subTest(value):
                answer = self.ranged(value)
                self.assertIn(answer.status, (200, 416), value)
                if answer.status == 200:
                    self.assertEqual(answer.body, b"0123456789")

    def test_if_range(self):
        for value, want in ((self.tag, 206), ('"x"', 200), ("W/" + self.tag, 200), (http_date(self.when), 206),
                            (http_date(self.when + 1), 200), (http_date(self.when - 1), 200)):
            with self.subTest(value):
                self.assertEqual(self.ranged("bytes=0-3", f"If-Range: {value}").status, want)

    def test_range_is_for_get(self):
        answer = self.server.ask("/a.txt", "HEAD", ["Range: bytes=0-3"])
        self.assertIn(answer.status, (200, 206))
        self.assertEqual(answer.body, b"")

    def test_range_after_conditions(self):
        self.assertEqual(self.ranged("bytes=0-3", 'If-Match: "x"').status, 412)
        self.assertEqual(self.ranged("bytes=0-3", f"If-None-Match: {self.tag}").status, 304)

    def test_curl_resumes(self):
        (self.dir / "got").write_bytes((bytes(range(256)) * 1000)[:1234])
        got = self.curl("-C", "-", self.server.url + "/big.bin", "-o", self.dir / "got")
        self.assertEqual(got.status, 0, got)
        self.assertEqual((self.dir / "got").read_bytes(), bytes(range(256)) * 1000)


class Refusals(Case):
    """Everything gets an answer, and errors are pages a person can read."""

    def test_not_found_page(self):
        answer = self.serve().ask("/nowhere")
        self.assertEqual((answer.status, answer.reason), (404, "Not Found"))
        self.assertEqual(answer.get("content-type"), HTML)
        self.assertEqual(answer.get("content-language"), "en")
        self.assertIn("Page Not Found", answer.text)
        self.assertIn("The page you are looking for cannot be found.", answer.text)
        self.assertTrue(answer.text.lstrip().lower().startswith("<!doctype html>"))
        self.assertLess(len(answer.body), 4096)

    def test_error_pages_do_not_repeat_what_was_sent(self):
        answer = self.serve().ask("/<script>alert(1)</script>".replace("<", "%3C").replace(">", "%3E"))
        self.assertEqual(answer.status, 404)
        self.assertNotIn("<script>alert", answer.text)

    def test_error_in_the_form_that_accept_prefers(self):
        server = self.serve()
        for accept, kind in (("application/json", "json"), ("text/plain", "text/plain"), ("text/html", HTML),
                             ("*/*", HTML), ("application/json;q=0.5, text/html", HTML),
                             ("text/html;q=0, application/json", "json"), ("image/png", ""), ("", "")):
            with self.subTest(accept):
                answer = server.ask("/nowhere", fields=[f"Accept: {accept}"])
                self.assertEqual(answer.status, 404)
                self.assertIn(kind, answer.get("content-type"))
                if kind == "json":
                    self.assertIn("404", json.dumps(json.loads(answer.text)))
                if kind == "text/plain":
                    self.assertNotIn("<", answer.text)

    def test_language_is_claimed_only_where_given(self):
        files = {"index.html": "x"}
        self.assertNotIn("content-language", self.serve(files=files).ask("/"))
        server = self.serve("--language", "de-CH", files=files)
        self.assertEqual(server.ask("/").get("content-language"), "de-CH")
        self.assertEqual(server.ask("/nowhere").get("content-language"), "en")

    def test_forbidden(self):
        root = self.site({"open.txt": "o", "shut.txt": "s", "shut/x": "s"})
        os.chmod(root / "shut.txt", 0)
        os.chmod(root / "shut", 0)
        self.addCleanup(os.chmod, root / "shut", 0o755)
        server = self.serve(root=root, user=65534 if os.geteuid() == 0 else None)
        self.assertEqual(server.ask("/open.txt").status, 200)
        self.assertEqual(server.ask("/shut.txt").status, 403)
        self.assertEqual(server.ask("/shut/x").status, 403)

    def test_method_not_allowed_names_those_that_are(self):
        server = self.serve()
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            with self.subTest(method):
                answer = server.ask("/", method)
                self.assertEqual((answer.status, answer.reason), (405, "Method Not Allowed"))
                allow = {a.strip() for a in answer.get("allow").split(",")}
                self.assertLessEqual({"GET", "HEAD"}, allow)
                self.assertNotIn(method, allow)

    def test_options_trace_connect(self):
        server = self.serve()
        self.assertIn(server.ask("/", "OPTIONS").status, (200, 204, 405))
        self.assertIn("GET", server.ask("/", "OPTIONS").get("allow"))
        self.assertIn(server.ask("*", "OPTIONS").status, (200, 204, 405))
        answer = server.ask("/", "TRACE", ["Cookie: secret"])
        self.assertIn(answer.status, (405, 501))
        self.assertNotIn(b"secret", answer.body)
        with server.wire() as wire:
            wire.send("CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n")
            self.assertIn(wire.response().status, (400, 405, 501))

    def test_unknown_methods(self):
        server = self.serve()
        for method in ("BREW", "PROPFIND", "get", "FOO-BAR!", "M" * 60):
            self.assertEqual(server.ask("/", method).status, 501, method)

    def test_versions(self):
        server = self.serve()
        for version, want in (("HTTP/2.0", 505), ("HTTP/9.9", 505), ("HTTP/0.9", 505), ("HTTP/3.0", 505),
                              ("HTTP/1.2", 200), ("HTTP/1.9", 200), ("HTTP/1.0", 200), ("http/1.1", 400),
                              ("HTTP/1.1 ", 400), ("HTTP/1.", 400), ("HTTP/11", 400), ("HTTP/1.10", 400),
                              ("HTTP/01.1", 400), ("HTPP/1.1", 400), ("HTTP/1.1x", 400), ("HTTP/-1.1", 400)):
            with self.subTest(version):
                answer = server.raw(f"GET / {version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                self.assertRefused(answer, want) if want != 200 else \
                    self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])

    def test_words_in_front_of_the_method(self):
        answer = self.serve().raw(b"HTTP PUT /x HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertRefused(answer, 400)

    def test_special_files(self):
        root = self.site({"index.html": "home"})
        os.mkfifo(root / "fifo")
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.bind(str(root / "socket"))
        names = ["fifo", "socket"]
        try:
            os.mknod(root / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
            names.append("zero")
        except PermissionError:
            pass  # only root can make one
        server = self.serve(root=root)
        for name in names:
            with self.subTest(name):
                self.assertIn(server.ask("/" + name).status, (403, 404))
        self.assertAlive(server)

    def test_links(self):
        root = self.site({"in/a.txt": "inside"})
        (self.dir / "secret").write_text("SECRET")
        (self.dir / "out").mkdir()
        (self.dir / "out" / "secret").write_text("SECRET")
        os.symlink("in/a.txt", root / "inner")
        os.symlink("../secret", root / "up")
        os.symlink(self.dir / "secret", root / "absolute")
        os.symlink("../out", root / "folder")
        os.symlink("loop", root / "loop")
        os.symlink("/proc/self/environ", root / "environ")
        os.symlink("/dev/zero", root / "zero")
        server = self.serve(root=root)
        self.assertEqual(server.ask("/inner").body, b"inside")
        for name in ("up", "absolute", "folder/secret", "loop", "environ", "zero", "folder/", "folder"):
            with self.subTest(name):
                answer = server.ask("/" + name)
                self.assertIn(answer.status, (403, 404))
                self.assertNotIn(b"SECRET", answer.body)

    def test_root_that_is_not_there(self):
        for root in (self.dir / "nowhere", self.site({"a": "a"}) / "a"):
            got = self.tercet("serve", root, "--listen", "http://127.0.0.1:9")
            self.assertGreater(got.status, 0)
            self.assertIn(str(root), got.err)


class Connections(Case):
    """When connections stay, when they end, and in which order answers come (RFC 9112, 9)."""

    def test_1_1_stays(self):
        with self.serve().wire() as wire:
            for _ in range(5):
                answer = wire.ask("/")
                self.assertEqual(answer.status, 200)
                self.assertFalse(answer.closes)
            answer = wire.ask("/", fields=["Connection: Close, foo"])
            self.assertTrue(answer.closes)
            self.assertTrue(wire.ended())

    def test_1_0_ends(self):
        server = self.serve()
        with server.wire() as wire:
            answer = wire.ask("/", version="HTTP/1.0", host=None)
            self.assertEqual(answer.status, 200)
            self.assertTrue(wire.ended())

    def test_1_0_stays_when_asked(self):
        with self.serve().wire() as wire:
            for _ in range(3):
                answer = wire.ask("/", version="HTTP/1.0", fields=["Connection: keep-alive"])
                self.assertEqual(answer.get("connection").lower(), "keep-alive")
            wire.ask("/", version="HTTP/1.0")
            self.assertTrue(wire.ended())

    def test_pipelined_answers_come_in_order(self):
        files = {f"{n}.txt": f"file {n}\n" * (1 + n * 37 % 500) for n in range(100)}
        files["50.txt"] = os.urandom(400_000)  # one that goes by another road
        with self.serve(files=files).wire() as wire:
            wire.send("".join(f"GET /{n}.txt HTTP/1.1\r\nHost: h\r\n\r\n" for n in range(100)))
            for n in range(100):
                want = files[f"{n}.txt"]
                self.assertEqual(wire.response().body, want if isinstance(want, bytes) else want.encode(), n)

    def test_pipelined_mix(self):
        with self.serve().wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\nContent-Length: 3\r\n\r\nabc"
                      "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
                      "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"
                      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
                      "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual([wire.response(m).status for m in ("POST", "HEAD", "GET", "POST", "GET")],
                             [200, 200, 404, 405, 200])

    def test_thousand_pipelined(self):
        """Far more than the depth: reading pauses, nothing is lost."""
        with self.serve().wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 1000)
            for _ in range(1000):
                self.assertEqual(wire.response().body, b"<p>home</p>\n")

    def test_empty_lines_before_a_request(self):
        with self.serve().wire() as wire:
            wire.send(b"\r\n")
            self.assertEqual(wire.ask("/").status, 200)
            wire.send(b"\r\n")
            self.assertEqual(wire.ask("/").status, 200)

    def test_half_closed_client_gets_its_answers(self):
        server = self.serve(files={"index.html": "home", "big.bin": os.urandom(3_000_000)})
        for target, n in (("/", 1), ("/big.bin", 1), ("/", 20)):
            with self.subTest(target=target, requests=n):
                with server.wire() as wire:
                    wire.send(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n" * n).end()
                    for _ in range(n):
                        answer = wire.response()
                        self.assertEqual((answer.status, answer.complete), (200, True))
                    self.assertTrue(wire.ended())

    def test_split_at_every_byte(self):
        request = b"GET /index.html?a=b HTTP/1.1\r\nHost: localhost\r\nX-Y: z\r\n\r\n"
        with self.serve().wire() as wire:
            for at in range(1, len(request)):
                wire.send(request[:at])
                time.sleep(0.002)
                wire.send(request[at:])
                self.assertEqual(wire.response().status, 200, at)

    def test_one_byte_at_a_time(self):
        with self.serve().wire() as wire:
            for byte in b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n":
                wire.send(bytes([byte]))
                time.sleep(0.001)
            self.assertEqual(wire.response().status, 200)

    def test_error_answer_survives_a_client_that_still_sends(self):
        server = self.serve("--limit", "body_bytes=1000")
        for _ in range(5):
            with server.wire() as wire:
                wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
                for _ in range(60):
                    try:
                        wire.send(b"x" * 50_000)
                    except (BrokenPipeError, ConnectionResetError):
                        break
                time.sleep(0.05)
                self.assertEqual(wire.response().status, 413)

    def test_lingering_is_bounded(self):
        """A client that never stops sending is cut off at some point, and soon."""
        server = self.serve("--limit", "linger_ms=500", "--limit", "body_bytes=1000")
        with server.wire() as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n")
            began = time.monotonic()
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                while time.monotonic() - began < 60:
                    wire.send(b"x" * 10_000)
                    time.sleep(0.01)
        self.assertAlive(server)

    def test_idle_connection_is_ended(self):
        server = self.serve("--limit", "idle_ms=400")
        with server.wire() as wire:
            began = time.monotonic()
            wire.ask("/")
            self.assertTrue(wire.ended())
            self.assertGreater(time.monotonic() - began, 0.2)

    def test_many_connections_on_many_workers(self):
        server = self.serve("--workers", "4")
        wires = [server.wire() for _ in range(200)]
        for _ in range(3):
            for wire in wires:
                wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            for wire in wires:
                self.assertEqual(wire.response().status, 200)

    def test_no_connection_says_anything_first(self):
        with self.serve().wire() as wire:
            wire.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                wire.more()


class Version09(Case):
    """HTTP/0.9: one line in, the body out, the end."""

    def test_body_alone(self):
        server = self.serve(files={"index.html": "<p>home</p>\n", "big.bin": os.urandom(500_000)})
        self.assertEqual(server.raw(b"GET /\r\n"), b"<p>home</p>\n")
        self.assertEqual(server.raw(b"GET /index.html\r\n"), b"<p>home</p>\n")
        self.assertEqual(server.raw(b"GET /big.bin\r\n"), (self.dir / "site/big.bin").read_bytes())

    def test_errors_are_bodies_too(self):
        answer = self.serve().raw(b"GET /nowhere\r\n")
        self.assertIn(b"Page Not Found", answer)
        self.assertNotIn(b"HTTP/1", answer[:20])

    def test_only_get_and_a_path(self):
        server = self.serve()
        for line in (b"POST /", b"HEAD /", b"PUT /x", b"get /", b"GET", b"GET /a b", b"GET http://h/", b"/"):
            with self.subTest(line):
                self.assertRefused(server.raw(line + b"\r\n", end=True), 400, 501, head=line.startswith(b"HEAD"))

    def test_never_after_a_1_x_request(self):
        with self.serve().wire() as wire:
            wire.ask("/")
            wire.send(b"GET /\r\n")
            self.assertRefused(wire.rest(), 400)

    def test_second_request_is_not_answered(self):
        answer = self.serve().raw(b"GET /\r\nGET /\r\n")
        self.assertEqual(answer.count(b"home"), 1)

    def test_can_be_switched_off(self):
        answer = self.serve("--no-http09").raw(b"GET /\r\n", end=True)
        self.assertRefused(answer, 400, 505)


class Listening(Case):
    """--listen in its forms."""

    def test_localhost_is_both_loopback_addresses(self):
        server = self.serve(listen=["http://localhost:{port}"])
        self.assertEqual(server.ask("/").status, 200)
        if IPV6:
            with Wire(server.port, "::1") as wire:
                self.assertEqual(wire.ask("/").status, 200)

    @unittest.skipUnless(IPV6, "no IPv6 on this machine")
    def test_ipv6_literal(self):
        server = self.serve(listen=["http://[::1]:{port}"])
        self.assertEqual(server.ask("/", host=f"[::1]:{server.port}").status, 200)
        with self.assertRaises(OSError):
            Wire(server.port, "127.0.0.1")

    def test_star_is_every_address_of_both_families(self):
        server = self.serve(listen=["http://*:{port}"])
        for host in ["127.0.0.1", "127.0.0.2"] + (["::1"] if IPV6 else []):
            with Wire(server.port, host) as wire:
                self.assertEqual(wire.ask("/").status, 200, host)

    def test_only_where_it_was_told(self):
        server = self.serve(listen=["http://127.0.0.1:{port}"])
        with self.assertRaises(OSError):
            Wire(server.port, "127.0.0.2")

    def test_several(self):
        second = free_port()
        server = self.serve(listen=["http://127.0.0.1:{port}", f"http://127.0.0.1:{second}"])
        for port in (server.port, second):
            with Wire(port) as wire:
                self.assertEqual(wire.ask("/").status, 200)

    def test_banner_names_the_urls(self):
        server = self.serve(listen=["http://localhost:{port}"])
        self.assertTrue(wait_for(lambda: f"http://localhost:{server.port}" in server.said() + server.printed()))
        self.assertNotIn("\x1b", server.said() + server.printed())  # no colours into a file

    def test_taken_port(self):
        server = self.serve()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            for port in (server.port, holder.getsockname()[1]):
                got = self.tercet("serve", self.dir, "--listen", f"http://127.0.0.1:{port}")
                self.assertEqual(got.status, 98, got)
                self.assertIn(str(port), got.err)
        self.assertAlive(server)

    def test_port_can_be_had_again_at_once(self):
        """A server that ended, with connections in TIME-WAIT, does not hold its port."""
        root = self.site({"index.html": "x"})
        server = self.serve(root=root)
        wires = [server.wire() for _ in range(20)]
        for wire in wires:
            wire.ask("/")
        port = server.port
        server.stop()
        self.assertEqual(self.serve(root=root, port=port).ask("/").status, 200)

    def test_urls_that_are_none(self):
        for url in ("ftp://localhost:8080", "http://", "http://localhost:99999", "http://localhost:x", "localhost",
                    "http://localhost:8080/path", "http://user@localhost:8080", "http://nowhere.invalid:8080",
                    "http://192.0.2.1:8080"):
            with self.subTest(url):
                got = self.tercet("serve", self.dir, "--listen", url)
                self.assertGreater(got.status, 0, got)
                self.assertTrue(got.err.startswith("tercet"), got)


class Ending(Case):
    """Ctrl-C finishes what is under way; a second one does not wait."""

    def begun(self, server, size=64 << 20):
        wire = server.wire(receive=65536)
        wire.send(b"GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n")
        head = wire.head()
        self.assertEqual(int(head.get("content-length")), size)
        return wire

    def big(self, *options):
        root = self.site({"index.html": "home"})
        with open(root / "big.bin", "wb") as out:
            out.truncate(64 << 20)
        return self.serve("--limit", "send_ms=3600000", *options, root=root)

    def test_what_is_under_way_is_finished(self):
        server = self.big()
        wire = self.begun(server)
        idle = server.wire()
        idle.ask("/")
        server.signal()
        self.assertTrue(idle.ended(), "an idle connection stayed")
        self.assertTrue(wait_for(lambda: not server.accepts()), "still accepting")
        self.assertIsNone(server.proc.poll(), "it did not wait for the download")
        self.assertEqual(len(wire.exactly(64 << 20)), 64 << 20)
        self.assertTrue(wire.ended())
        self.assertEqual(server.wait(), 0)

    def test_second_signal_ends_at_once(self):
        server = self.big()
        wire = self.begun(server)
        server.signal()
        self.assertTrue(wait_for(lambda: "finishing what is under way" in server.said()))
        self.assertIsNone(server.proc.poll())
        server.signal()
        server.wait()  # nobody takes the answer, for which it would wait an hour
        with self.assertRaises((AssertionError, OSError)):
            self.assertEqual(len(wire.exactly(64 << 20)), 64 << 20)
        server.stop(check=False)

    def test_sigterm_does_the_same(self):
        server = self.serve()
        server.ask("/")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_request_that_is_half_there_is_answered_or_dropped(self):
        server = self.serve()
        wire = server.wire()
        wire.send(b"GET / HTTP/1.1\r\nHo")
        time.sleep(0.1)
        server.signal()
        time.sleep(0.1)
        try:
            wire.send(b"st: h\r\n\r\n")
            answer = wire.rest()
            self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 200"), answer)
        except OSError:
            pass
        wire.close()
        self.assertEqual(server.wait(), 0)

    def test_signals_that_others_send_are_survived(self):
        server = self.serve()
        for number in (signal.SIGPIPE, signal.SIGCONT):
            server.signal(number)
            self.assertAlive(server)


class Log(Case):
    """One line an exchange, in three formats."""

    def logged(self, kind, *asks):
        path = self.dir / f"{kind}.log"
        server = self.serve("--workers", "1", "--log-format", kind, log=str(path))
        for ask in asks:
            server.ask(**ask)
        lines = lines_of(path, len(asks))
        self.assertEqual(len(lines), len(asks))
        return lines

    ASKS = (dict(target="/", fields=["User-Agent: probe/1", "Referer: http://r.example/"]),
            dict(target="/nowhere?q=1", method="HEAD"), dict(target="/echo", method="POST", body=b"abc"))

    def test_combined(self):
        lines = self.logged("combined", *self.ASKS)
        form = re.compile(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
                          r'"([A-Z]+) (\S+) (HTTP/1\.1)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"')
        found = [form.fullmatch(line) for line in lines]
        self.assertTrue(all(found), lines)
        self.assertEqual(found[0].group(1, 2, 4, 5, 6, 7), ("GET", "/", "200", "12", "http://r.example/", "probe/1"))
        self.assertEqual(found[1].group(1, 2, 4), ("HEAD", "/nowhere?q=1", "404"))
        self.assertEqual(found[2].group(1, 2, 4), ("POST", "/echo", "200"))

    def test_json(self):
        rows = [json.loads(line) for line in self.logged("json", *self.ASKS)]
        for row, (method, target, status) in zip(rows, (("GET", "/", 200), ("HEAD", "/nowhere?q=1", 404),
                                                        ("POST", "/echo", 200))):
            values = [str(v) for v in row.values()]
            self.assertIn(method, values)
            self.assertIn(str(status), values)
            self.assertIn(target, " ".join(values))

    def test_text(self):
        lines = self.logged("text", *self.ASKS)
        for line, words in zip(lines, (("GET", "/", "200"), ("HEAD", "/nowhere", "404"), ("POST", "/echo", "200"))):
            for word in words:
                self.assertIn(word, line)
            self.assertNotIn("\x1b", line)

    def test_standard_output(self):
        server = self.serve(log="-")
        server.ask("/")
        self.assertTrue(wait_for(lambda: "GET" in server.printed() + server.said()))

    def test_off(self):
        server = self.serve(log="off")
        server.ask("/")
        server.ask("/nowhere")
        time.sleep(0.2)
        self.assertNotIn("GET", server.printed() + server.said())

    def test_nobody_writes_lines_of_their_own(self):
        for kind in ("text", "combined", "json"):
            with self.subTest(kind):
                path = self.dir / f"{kind}.log"
                server = self.serve("--log-format", kind, log=str(path))
                server.ask('/%0a%1b[31m"\\', fields=['User-Agent: a"b\\c\x9b31m', "Referer: x\ty"])
                server.raw(b'GET /\x01 HTTP/1.1\r\n\r\n')
                server.ask("/")
                server.stop()
                text = path.read_bytes()
                self.assertGreaterEqual(text.count(b"\n"), 2)
                self.assertNotIn(b"\x1b", text)
                self.assertNotIn(b"\x9b", text)
                self.assertNotIn(b"\x01", text)
                if kind == "json":
                    for line in text.splitlines():
                        json.loads(line)

    def test_file_is_appended_to(self):
        path = self.dir / "a.log"
        path.write_text("before\n")
        server = self.serve("--log-format", "combined", log=str(path))
        server.ask("/")
        self.assertEqual(lines_of(path, 2)[0], "before")

    def test_all_lines_of_many_connections(self):
        path = self.dir / "many.log"
        server = self.serve("--workers", "4", "--log-format", "json", log=str(path))
        wires = [server.wire() for _ in range(50)]
        for n, wire in enumerate(wires):
            wire.send("".join(f"GET /?{n}.{m} HTTP/1.1\r\nHost: h\r\n\r\n" for m in range(20)))
        for wire in wires:
            for _ in range(20):
                wire.response()
        server.stop()
        lines = path.read_text().splitlines()
        self.assertEqual(len(lines), 1000)
        self.assertEqual(len({json.dumps(json.loads(line)).split("/?")[1].split('"')[0] for line in lines}), 1000)

    def test_file_that_cannot_be_written(self):
        got = self.tercet("serve", self.dir, "--access-log", self.dir / "no" / "such.log", "--listen",
                          "http://127.0.0.1:9")
        self.assertGreater(got.status, 0)
        self.assertIn("such.log", got.err)


class Example(Case):
    """The site that `make run` serves."""

    def setUp(self):
        super().setUp()
        self.server = self.serve("--language", "en", "--echo", "/echo", "--records", "/customers:CustID", "--form",
                                 "/customers:Name,Address", "--store", f"sqlite:{self.dir}/records.db", root=EXAMPLE)

    def test_test_page(self):
        answer = self.server.ask("/test.html")
        self.assertEqual((answer.status, answer.get("content-type")), (200, HTML))
        self.assertEqual(answer.get("content-language"), "en")
        self.assertIn("<title>Test Page</title>", answer.text)
        self.assertIn("This is a sample web page, used for testing.", answer.text)

    def test_home_page_and_every_link_on_it(self):
        seen, todo = set(), ["/"]
        while todo:
            target = todo.pop()
            if target in seen:
                continue
            seen.add(target)
            answer = self.server.ask(target)
            expected = (404,) if re.search("nowhere|missing|not-|no-", target) else (200, 301)
            self.assertIn(answer.status, expected, target)
            if "html" not in (answer.get("content-type") or ""):
                continue
            for link in re.findall(r'(?:href|src|action)="([^"#]*)', answer.text):
                if link.startswith("/") and not link.startswith("//"):
                    todo.append(link)
                elif link and ":" not in link and not link.startswith("//"):
                    todo.append(target.rsplit("/", 1)[0] + "/" + link)
        self.assertGreater(len(seen), 3)
        self.assertIn("/test.html", seen)

    def test_pages_need_nobody_else(self):
        """Nothing is loaded from elsewhere."""
        for path in EXAMPLE.rglob("*.html"):
            self.assertNotRegex(path.read_text(), r'(?:src|@import|<link[^>]*href)\s*=?\s*["\']?(?:https?:)?//')
