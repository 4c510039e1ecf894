"""PUT and DELETE of files, OPTIONS, TRACE and CORS: the real program with curl, a raw wire, itself and a browser."""
import json
import shutil
import subprocess
import unittest

from chromium import Chromium
from harness import HERE, Case, needs_quic, sanitized, wait_for

BIG = bytes(i * 31 & 255 for i in range(3_000_000))


def left_behind(root):
    return [p for p in root.rglob(".tercet-upload-*")]


class Files(Case):
    def write(self, *options, files=None, **how):
        self.root = self.site(files or {"index.html": "home"})
        return self.serve("--writable", *options, root=self.root, **how)

    def test_curl_puts_and_removes(self):
        big = self.dir / "big"
        big.write_bytes(BIG)
        server = self.write("--limit", "upload_buffer=20000", listen=["http://127.0.0.1:{port}"])
        for version in ("--http1.1", "--http2-prior-knowledge", "--http1.0"):
            with self.subTest(version):
                code = ["-o", "/dev/null", "-w", "%{http_code}"]
                self.assertEqual(self.curl(version, *code, "-T", big, f"{server.url}/new/folder/big").out, b"201")
                self.assertEqual((self.root / "new/folder/big").read_bytes(), BIG)
                self.assertEqual(self.curl(version, *code, "-d", "@/dev/null", "-X", "PUT", f"{server.url}/new/folder/big").out, b"204")
                self.assertEqual((self.root / "new/folder/big").read_bytes(), b"")
                self.assertEqual(self.curl(version, *code, "-X", "DELETE", f"{server.url}/new/folder/big").out, b"204")
                self.assertEqual(self.curl(version, *code, f"{server.url}/new/folder/big").out, b"404")
                self.assertEqual(self.curl(version, *code, "-X", "DELETE", f"{server.url}/new/folder/").out, b"204")
                self.assertFalse((self.root / "new/folder").exists())
        self.assertEqual(left_behind(self.root), [])

    def test_chunked_and_continued(self):
        server = self.write()
        got = self.other("curl", "-sS", "-i", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "--expect100-timeout", "1000", "-T", "-",
                         f"{server.url}/a.txt", stdin=b"piped")
        self.assertIn("100 Continue", got.text)
        self.assertIn("Location: /a.txt", got.text)
        self.assertEqual((self.root / "a.txt").read_bytes(), b"piped")
        with server.wire() as wire:  # who may not is told before he sends it
            wire.send(b"PUT /a.txt HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
            self.assertEqual(wire.response(interim=True).status, 412)

    @needs_quic
    def test_itself_over_every_version(self):
        server = self.write(listen=["https://127.0.0.1:{port}"])
        file = self.dir / "put.bin"
        file.write_bytes(BIG)
        for version in ("1.1", "2", "3"):
            url = f"https://127.0.0.1:{server.port}/v{version}"
            with self.subTest(version):
                got = self.tercet("put", "-k", "--json", "--http", version, url, f"@{file}")
                self.assertEqual(json.loads(got.out)["exchanges"][0]["response"]["status"], 201, got)
                self.assertEqual((self.root / f"v{version}").read_bytes(), BIG)
                got = self.tercet("delete", "-k", "--json", "--http", version, url)
                self.assertEqual(json.loads(got.out)["exchanges"][0]["response"]["status"], 204, got)
                self.assertFalse((self.root / f"v{version}").exists())

    def test_all_workers_see_it_at_once(self):
        server = self.write("--workers", "4", "--limit", "cache_ms=3600000", files={"a": "0"})
        readers = [server.wire() for _ in range(12)]
        for n in range(1, 30):
            self.assertEqual(server.ask("/a", "PUT", body=str(n).encode()).status, 204)
            for wire in readers:
                self.assertEqual(wire.ask("/a").body, str(n).encode())

    def test_one_of_many_wins(self):
        """If-Match is asked under a lock that two programs share: none of the increments is lost."""
        server = self.write("--workers", "4", files={"n": "0"})
        second = self.serve("--writable", root=self.root)
        script = ("import sys; sys.path.insert(0, sys.argv[1]); from harness import Wire\n"
                  "done = 0\n"
                  "with Wire(int(sys.argv[2]), seconds=300) as wire:\n"
                  "    while done < 25:\n"
                  "        got = wire.ask('/n', fields=['Cache-Control: no-cache'])\n"
                  "        if not got.get('etag'):\n"  # it was replaced just while it was read
                  "            continue\n"
                  "        put = wire.ask('/n', 'PUT', ['If-Match: ' + got.get('etag')], str(int(got.body) + 1).encode())\n"
                  "        assert put.status in (204, 412), put\n"
                  "        done += put.status == 204\n")
        clients = [subprocess.Popen(["python3", "-c", script, str(HERE), str(s.port)]) for s in (server, second, server, second)]
        for client in clients:
            self.assertEqual(client.wait(300), 0)
        self.assertEqual((self.root / "n").read_text(), "100")

    def test_what_is_not_whole_is_not_there(self):
        server = self.write("--dotfiles", "--limit", "upload_buffer=1000", files={"a": "old"})
        with server.wire() as wire:
            wire.send(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
            self.assertEqual(server.ask("/a").body, b"old")
            wire.reset()
        wait_for(lambda: not left_behind(self.root))
        self.assertEqual(left_behind(self.root), [])
        self.assertEqual(server.ask("/a").body, b"old")

    def test_bounds(self):
        server = self.write("--upload-bytes", "20000000", "--quota", "25000000", "--limit", "body_bytes=100", "--limit", "linger_ms=60000",
                            "--limit", "linger_bytes=9000000")  # what is refused is read all the same
        wait_for(lambda: server.ask("/x", "PUT", body=b"1").status != 503)
        self.assertEqual(server.ask("/a", "PUT", body=bytes(20_000_000)).status, 201)
        self.assertEqual(server.ask("/a", "PUT", body=bytes(20_000_000)).status, 204)
        self.assertEqual(server.ask("/b", "PUT", ["Expect: 100-continue"], body=bytes(5_000_000)).status, 507)
        with server.wire() as wire:
            wire.send(b"PUT /c HTTP/1.1\r\nHost: h\r\nContent-Length: 20000001\r\n\r\n")
            self.assertEqual(wire.response().status, 413)
        self.assertEqual(server.ask("/a", "DELETE").status, 204)
        self.assertEqual(server.ask("/b", "PUT", body=bytes(5_000_000)).status, 201)

    def test_memory_is_bounded(self):
        """A disk that is slower than the client: what waits is bounded, whatever is sent."""
        server = self.write("--workers", "1", "--upload-bytes", "300000000")
        server.ask("/warm", "PUT", body=BIG)
        before = server.memory("VmHWM")
        with server.wire(seconds=60) as wire:
            wire.send(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 150000000\r\n\r\n")
            for _ in range(150):
                wire.send(bytes(1_000_000))
            self.assertEqual(wire.response().status, 201)
        if not sanitized():  # their memory says nothing
            self.assertLess(server.memory("VmHWM") - before, 16 << 20)

    def test_read_only_is_the_default(self):
        server = self.serve()
        for method in ("PUT", "DELETE", "PATCH", "POST", "TRACE"):
            got = server.ask("/a", method)
            self.assertEqual((got.status, got.get("allow")), (405, "GET, HEAD, OPTIONS"))

    def test_settings(self):
        for options, said in ((["--quota", "5"], "--quota 5: it is for files that are writable"),
                              (["--upload-bytes", "5"], "--upload-bytes 5: it is for files that are writable"),
                              (["--cors-methods", "PUT"], "--cors-methods PUT: it needs cors-origins"),
                              (["--cors-origins", "example.org"], "an origin as browsers write it is wanted"),
                              (["--cors-origins", "*", "--cors-credentials"], "every page in the world could act for its reader")):
            with self.subTest(options=options):
                got = self.tercet("serve", *options)
                self.assertEqual(got.status, 2)
                self.assertIn(said, got.err)


class Routes(Case):
    def test_a_route_of_a_file(self):
        """What a block says holds in it: only one folder is written, only one is shown to other pages."""
        root = self.site({"a": "read", "in/b": "x"})
        drop = self.site({"old": "x"}, name="drop")
        conf = self.dir / "tercet.conf"
        conf.write_text(f"""root = "{root}"
route "/drop" {{
    root = "{drop}"
    strip-prefix = on
    writable = on
    upload-bytes = 1000
    quota = 1500
    cors-origins = {{"https://a.example"}}
}}
route "/drop/read" {{ writable = off }}
route "/trace" {{ trace = on }}
""")
        server = self.serve("--config", conf, root=False)
        wait_for(lambda: server.ask("/drop/x", "PUT", body=b"1").status != 503)
        self.assertEqual(server.ask("/drop/new", "PUT", body=bytes(900)).get("location"), "/drop/new")
        self.assertEqual((drop / "new").read_bytes(), bytes(900))
        self.assertEqual(server.ask("/drop/new", "PUT", body=bytes(1001)).status, 413)
        self.assertEqual(server.ask("/drop/more", "PUT", body=bytes(900)).status, 507)
        self.assertEqual(server.ask("/drop/old", "DELETE").status, 204)
        for path in ("/a", "/drop/read/x", "/trace/x"):
            self.assertEqual(server.ask(path, "PUT", body=b"1").status, 405, path)
        self.assertEqual([server.ask(path, "TRACE").status for path in ("/trace/x", "/a")], [200, 405])
        origin = ["Origin: https://a.example"]
        allowed = [server.ask(path, fields=origin).get("access-control-allow-origin") for path in ("/drop/new", "/drop/none", "/a")]
        self.assertEqual(allowed, ["https://a.example", "https://a.example", None])

    def test_what_one_route_writes_no_other_remembers(self):
        """Whatever path they name the folder by, and where one lies in another; all workers see it at once."""
        drop, conf = self.site({"a": "old 0", "in/b": "old 0", "in/c.txt": "old 0"}, name="drop"), self.dir / "tercet.conf"
        (self.dir / "link").symlink_to(drop)
        conf.write_text(f"""root = "{drop}"
limits {{ cache_ms = 3600000 }}
languages = {{de}}
route "/write" {{ root = "{self.dir}/link" writable = on strip-prefix = on }}
route "/inner" {{ root = "{drop}/in" strip-prefix = on }}
route "/deep" {{ root = "{drop}/in/../in" strip-prefix = on writable = on }}
""")
        server = self.serve("--config", conf, "--workers", "2", root=False)
        reads = {"/a": "a", "/in/b": "in/b", "/inner/b": "in/b", "/deep/b": "in/b", "/write/in/b": "in/b"}
        for i in range(12):
            for path, name in reads.items():  # by all workers
                for _ in range(6):
                    self.assertEqual(server.ask(path).body, b"old %d" % i, path)
            way = {"a": "/write/a", "in/b": "/deep/b" if i % 2 else "/write/in/b"}
            for name in set(reads.values()):
                self.assertEqual(server.ask(way[name], "PUT", body=b"old %d" % (i + 1)).status, 204)
        self.assertEqual(server.ask("/inner/c.txt", fields=["Accept-Language: de"]).body, b"old 0")
        self.assertEqual(server.ask("/write/in/c.de.txt", "PUT", body=b"neu").status, 201)
        for _ in range(6):
            self.assertEqual(server.ask("/inner/c.txt", fields=["Accept-Language: de"]).body, b"neu")

    def test_each_way_has_its_quota_of_what_all_have_put(self):
        drop, conf = self.site({"old": "x" * 100}, name="drop"), self.dir / "tercet.conf"
        conf.write_text(f"""root = "{drop}"
route "/small" {{ writable = on strip-prefix = on quota = 500 }}
route "/large" {{ root = "{drop}/../drop" writable = on strip-prefix = on quota = 1000 }}
route "/any" {{ writable = on strip-prefix = on }}
""")
        server = self.serve("--config", conf, root=False)
        self.assertTrue(wait_for(lambda: server.ask("/small/one", "PUT", body=bytes(300)).status != 503))
        self.assertEqual(server.ask("/small/two", "PUT", body=bytes(101)).status, 507)
        self.assertEqual(server.ask("/large/two", "PUT", body=bytes(500)).status, 201)
        self.assertEqual(server.ask("/large/more", "PUT", body=bytes(101)).status, 507)
        self.assertEqual(server.ask("/small/tiny", "PUT", body=b"x").status, 507)
        self.assertEqual(server.ask("/any/big", "PUT", body=bytes(5000)).status, 201)
        self.assertEqual(server.ask("/large/tiny", "PUT", body=b"x").status, 507)
        self.assertEqual(server.ask("/small/big", "DELETE").status, 204)
        self.assertEqual(server.ask("/large/tiny", "PUT", body=bytes(100)).status, 201)

    def test_two_ways_into_a_folder_have_one_quota(self):
        drop, conf = self.site({"old": "x"}, name="drop"), self.dir / "tercet.conf"
        conf.write_text(f"""root = "{drop}"
route "/a" {{ writable = on strip-prefix = on quota = 1500 }}
site "b.example" {{
    route "/b" {{ writable = on strip-prefix = on quota = 1500 upload-bytes = 2000 }}
}}
""")
        server = self.serve("--config", conf, root=False)
        self.assertTrue(wait_for(lambda: server.ask("/a/one", "PUT", body=bytes(900)).status != 503))
        self.assertEqual(server.ask("/b/two", "PUT", body=bytes(900), host="b.example").status, 507)
        self.assertEqual(server.ask("/b/one", "PUT", body=bytes(1400), host="b.example").status, 204)
        self.assertEqual(server.ask("/a/two", "PUT", body=bytes(900)).status, 507)
        self.assertEqual(server.ask("/b/one", "DELETE", host="b.example").status, 204)
        self.assertEqual(server.ask("/a/two", "PUT", body=bytes(900)).status, 201)

    def test_faults_have_their_place(self):
        conf = self.dir / "tercet.conf"
        conf.write_text("""route "/a" {
    quota = 5
    cors-origins = {"*", "https://a.example"}
}
route "/b" {
    cors-origins = {"*"}
    cors-credentials = on
}
route "/c" { cors-headers = {"A B"}
    cors-origins = {"https://c.example/"} }
""")
        got = self.tercet("serve", "--config", conf)
        self.assertEqual(got.status, 2)
        for line in (":2: quota = 5: it is for files that are writable", ":3: cors-origins = *: * goes with no other origin",
                     ":7: cors-credentials = on: not with cors-origins *: every page in the world could act for its reader",
                     ":10: cors-origins = https://c.example/: an origin ends before the path: without a / behind"):
            self.assertIn(line, got.err)


class About(Case):
    def test_options(self):
        server = self.serve("--trace", "--writable", "--records", "/r:id", "--store", f"sqlite:{self.dir}/r.db")
        for path, allow in (("*", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE"), ("/a", "GET, HEAD, PUT, DELETE, OPTIONS, TRACE"),
                            ("/r", "GET, HEAD, POST, OPTIONS, TRACE"), ("/echo", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")):
            with self.subTest(path):
                got = server.ask(path, "OPTIONS")
                self.assertEqual((got.status, got.get("allow")), (204, allow))

    @needs_quic
    def test_options_of_all_by_itself(self):
        server = self.serve(listen=["https://127.0.0.1:{port}"])
        for version in ("1.0", "1.1", "2", "3"):
            with self.subTest(version):
                got = json.loads(self.tercet("options", "--asterisk", "-k", "--json", "--http", version, f"https://127.0.0.1:{server.port}").out)
                exchange = got["exchanges"][0]
                self.assertEqual((exchange["request"]["target"], exchange["response"]["status"]), ("*", 204))
                self.assertEqual(exchange["url"], f"https://127.0.0.1:{server.port}")
                allow = [f["value"] for f in exchange["response"]["fields"] if f["name"].lower() == "allow"]
                self.assertEqual(allow, ["GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"])
        got = self.tercet("get", "--asterisk", "http://127.0.0.1:9")
        self.assertEqual(got.status, 2)
        self.assertIn("--asterisk is for OPTIONS", got.err)

    @needs_quic
    def test_trace(self):
        server = self.serve("--trace", listen=["https://127.0.0.1:{port}"])
        for version, name in (("1.1", "HTTP/1.1"), ("2", "HTTP/2"), ("3", "HTTP/3")):
            with self.subTest(version):
                got = self.tercet("trace", "-k", "-q", "--http", version, f"https://127.0.0.1:{server.port}/a?b", "X-A:c")
                self.assertEqual(got.out.decode().splitlines()[0], f"TRACE /a?b {name}")
                self.assertIn("X-A: c", got.text)
        plain = self.serve("--trace")
        got = plain.ask("/", "TRACE", ["Cookie: a=b", "Authorization: Basic YTpi", "X-Shown: 1"])
        self.assertEqual(got.get("content-type"), "message/http")
        self.assertEqual(got.text, "TRACE / HTTP/1.1\r\nHost: localhost\r\nX-Shown: 1\r\n\r\n")
        self.assertEqual(plain.ask("/", "TRACE", body=b"content").status, 400)


@unittest.skipUnless(shutil.which("chromium"), "needs chromium")
class Browser(Case):
    def test_pages_of_other_origins(self):
        """A page of one port asks another one, as browsers do: with a preflight, and believing what it says."""
        page = self.serve(files={"index.html": "<title>page</title>"})
        root = self.site({"a.txt": "shown", "index.html": ""}, name="other")
        other = self.serve("--writable", "--cors-origins", page.url, "--cors-methods", "PUT", "--cors-methods", "GET",
                           "--cors-headers", "X-Own", "--cors-expose", "ETag", root=root)
        closed = self.serve(files={"a.txt": "hidden"})
        browser = Chromium(self)
        browser.open(page.url + "/")

        def run(script):
            got = browser.ask("Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True, returnByValue=True)
            return got["result"].get("value")
        shown = run(f"const r = await fetch('{other.url}/a.txt'); return [r.status, await r.text(), !!r.headers.get('etag'), r.headers.get('server')]")
        self.assertEqual(shown, [200, "shown", True, None])
        self.assertEqual(run(f"const r = await fetch('{other.url}/missing'); return r.status"), 404)  # errors alike
        put = f"await fetch('{other.url}/new.txt', {{method: 'PUT', body: 'by a page', headers: {{'X-Own': '1'}}}})"
        self.assertEqual(run(f"return ({put}).status"), 201)
        self.assertEqual((root / "new.txt").read_text(), "by a page")
        failed = "try { await %s; return 'done' } catch (e) { return e.name }"
        for what in (f"fetch('{other.url}/new.txt', {{method: 'DELETE'}})", f"fetch('{closed.url}/a.txt')",
                     f"fetch('{other.url}/a.txt', {{headers: {{'X-Other': '1'}}}})", f"fetch('{other.url}/a.txt', {{credentials: 'include'}})"):
            with self.subTest(what):
                self.assertEqual(run(failed % what), "TypeError")
        self.assertTrue((root / "new.txt").exists())


if __name__ == "__main__":
    unittest.main()
