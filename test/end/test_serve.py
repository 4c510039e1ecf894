"""Files over HTTP, as people and clients meet them: `tercet serve` (RFC 9110, 9112)."""
import hashlib
import json
import os
import re
import socket
import stat
import time

from harness import EXAMPLE, Case, http_date

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
