"""Who excludes identity (RFC 9110, 12.5.3) gets what is coded, or 406; errors and redirections tell all the same."""
import gzip
import json
import os
import time

from harness import Case, wait_for
from test_variants import PAGE, decode

NOTHING = "Accept-Encoding: identity;q=0"
CODED = "Accept-Encoding: identity;q=0, gzip;q=0.5, br"


class Acceptable(Case):
    def check(self, answer, status=406, vary="Accept-Encoding"):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.get("vary"), vary)

    def test_a_file_that_is_not_coded(self):
        server = self.serve(files={"a.txt": PAGE, "sub/x": "x"})
        for value in ("identity;q=0", "*;q=0", "gzip, *;q=0", "gzip;q=1, identity;q=0.000", "IDENTITY;Q=0, br"):
            answer = server.ask("/a.txt", fields=["Accept-Encoding: " + value])
            self.check(answer)
            self.assertIn("Accept-Encoding excludes all that there is: identity", answer.text)
            self.assertIn("no-store", answer.get("cache-control"))
        for value in ("*", "gzip", "*;q=0, identity;q=0.001", "gzip;q=0", "br;q=0, zstd;q=0", "identity", ""):
            answer = server.ask("/a.txt", fields=["Accept-Encoding: " + value])
            self.check(answer, 200, None)
            self.assertEqual(answer.body, PAGE.encode())
        tag = wait_for(lambda: server.ask("/a.txt").get("etag"))  # none while it may change under the same times
        for more in (["Range: bytes=0-9"], ["If-None-Match: " + tag], ["If-None-Match: *"], ["If-Match: \"no\""],
                     ["If-Range: " + tag, "Range: bytes=0-9"]):  # what is not acceptable is not asked about (13.2.1)
            self.check(server.ask("/a.txt", fields=[NOTHING, *more]))
        head, got = (server.ask("/a.txt", method, [NOTHING]) for method in ("HEAD", "GET"))
        self.check(head)
        drop = ("date",)
        self.assertEqual([f for f in head.fields if f[0] not in drop], [f for f in got.fields if f[0] not in drop])
        self.assertEqual(server.ask("/a.txt", "OPTIONS", [NOTHING]).status, 204)

    def test_what_is_no_content_tells_all_the_same(self):
        conf = self.dir / "tercet.conf"
        root = self.site({"a/index.html": "x", "404.html": "ours"})
        conf.write_text(f"listen = {{\"http://127.0.0.1:0\"}}\nroot = \"{root}\"\necho = \"/echo\"\nlisting = on\n"
                        "error-page = {\"404 /404.html\"}\nwritable = on\n"
                        "route \"/old\" { redirect = \"/new{rest}\" }\nroute \"/fine\" { answer = \"200 all is well\" }\n"
                        "route \"/gone\" { answer = \"410 it is gone\" }\n")
        server = self.serve("--config", str(conf), root=False, echo=False)
        for target, status in (("/old/x", 308), ("/gone", 410), ("/a", 301), ("/a/b", 404)):
            self.assertEqual(server.ask(target, fields=[NOTHING]).status, status)
        self.assertEqual(server.ask("/a/b", fields=[NOTHING]).body, b"ours")
        for target in ("/fine", "/echo", "/"):
            self.check(server.ask(target, fields=[NOTHING]))
            self.assertEqual(server.ask(target, "HEAD", [NOTHING]).status, 406)
            self.assertEqual(server.ask(target, fields=["Accept-Encoding: gzip"]).status, 200)
        self.assertEqual(server.ask("/echo", "POST", [NOTHING], b"x").status, 200)
        self.assertEqual(server.ask("/new.txt", "PUT", [NOTHING], b"x").status, 201)
        self.assertEqual(server.ask("/new.txt", "DELETE", [NOTHING]).status, 204)

    def test_records(self):
        server = self.serve("--records", "/c:id", "--store", f"sqlite:{self.dir / 'r.db'}")
        put = server.ask("/c/1", "PUT", [NOTHING, "Content-Type: application/json"], json.dumps({"id": "1"}).encode())
        self.assertEqual(put.status, 201)
        for target in ("/c/1", "/c"):
            answer = server.ask(target, fields=[NOTHING])
            self.check(answer)
            self.assertEqual(json.loads(answer.text)["detail"], "Accept-Encoding excludes all that there is: identity")
        self.assertEqual(server.ask("/c/2", fields=[NOTHING]).status, 404)
        self.check(server.ask("/c/1", fields=[NOTHING, "If-None-Match: *"]))

    def test_where_files_are_compressed_all_are_if_need_be(self):
        noise = os.urandom(40_000)
        files = {"empty": "", "small.txt": "a", "a.html": PAGE, "logo.png": PAGE[:5000], "bytes": ""}
        root = self.site(files)
        (root / "bytes").write_bytes(noise)
        files["bytes"] = noise
        server = self.serve("--compress", "br", "--compress", "gzip", "--workers", "1", root=root)
        time.sleep(0.2)  # what was written just now is not compressed if it is large
        for _ in range(2):
            for name, content in files.items():
                content = content.encode() if isinstance(content, str) else content
                answer = server.ask("/" + name, fields=[CODED])
                self.check(answer, 200)
                self.assertEqual(answer.get("content-encoding"), "br", name)
                self.assertEqual(decode("br", answer.body), content)
                plain = server.ask("/" + name, fields=["Accept-Encoding: br, gzip"])
                self.assertEqual(plain.get("content-encoding"), "br" if name == "a.html" else None, name)
                self.assertNotEqual(plain.get("etag") if name != "a.html" else "", answer.get("etag"))
                part = server.ask("/" + name, fields=[CODED, "Range: bytes=0-0", "If-Range: " + answer.get("etag")])
                self.check(part, 206)
                self.assertEqual(part.body, answer.body[:1])
                same = server.ask("/" + name, fields=[CODED, "If-None-Match: " + answer.get("etag")])
                self.check(same, 304)
                self.assertEqual(server.ask("/" + name, fields=[CODED, "If-Match: \"no\""]).status, 412)
                none = server.ask("/" + name, fields=["Accept-Encoding: zstd, identity;q=0"])
                self.check(none)
                self.assertIn("there is: br, gzip, identity", none.text)
                got = server.ask("/" + name, fields=["Accept-Encoding: identity;q=0, gzip"])
                self.assertEqual(gzip.decompress(got.body), content)

    def test_who_takes_the_file_as_it_is_waits_beside_who_does_not(self):
        noise = os.urandom(200_000)
        root = self.site({f"{i}": "" for i in range(6)})
        for i in range(6):
            (root / str(i)).write_bytes(noise)
        server = self.serve("--compress", "gzip", "--compress-types", "*", "--workers", "1", root=root)
        time.sleep(0.2)
        for i in range(6):
            with server.wire() as one, server.wire() as other:
                one.send(f"GET /{i} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n".encode())
                coded = other.ask(f"/{i}", fields=["Accept-Encoding: gzip, identity;q=0"])
                plain = one.response()
            self.assertEqual((plain.status, plain.get("content-encoding"), plain.body), (200, None, noise))
            self.assertEqual((coded.status, coded.get("content-encoding")), (200, "gzip"))
            self.assertEqual(gzip.decompress(coded.body), noise)

    def test_what_is_too_large_to_be_compressed(self):
        server = self.serve("--compress", "gzip", "--limit", "compress_file=1000", files={"a.html": PAGE})
        self.check(server.ask("/a.html", fields=[CODED]))
        self.assertEqual(server.ask("/a.html", fields=["Accept-Encoding: gzip"]).body, PAGE.encode())

    def test_ranges_of_what_was_chosen(self):
        server = self.serve("--compress", "gzip", files={"a.html": PAGE})
        time.sleep(0.2)
        for fields, size in (((), len(PAGE)), (["Accept-Encoding: gzip"], None)):
            whole = server.ask("/a.html", fields=fields)
            size = size or len(whole.body)
            answer = server.ask("/a.html", fields=["Range: bytes=99999999-", *fields])
            self.check(answer, 416)
            self.assertEqual(answer.get("content-range"), f"bytes */{size}")
            twice = server.ask("/a.html", fields=["Range: bytes=0-1", "Range: bytes=4-5", *fields])
            self.assertEqual((twice.status, twice.body), (200, whole.body))  # together they are malformed

    def test_a_twin_will_do(self):
        root = self.site({"a.txt": PAGE, "b.txt": PAGE})
        (root / "a.txt.gz").write_bytes(gzip.compress(PAGE.encode()))
        server = self.serve("--precompressed", root=root)
        answer = server.ask("/a.txt", fields=[CODED])
        self.check(answer, 200)
        self.assertEqual(gzip.decompress(answer.body), PAGE.encode())
        answer = server.ask("/a.txt", fields=["Accept-Encoding: br, *;q=0"])
        self.check(answer)
        self.assertIn("there is: gzip, identity", answer.text)
        self.check(server.ask("/b.txt", fields=[CODED]))
        twin = server.ask("/a.txt.gz", fields=["Accept-Encoding: gzip, identity;q=0"])
        self.check(twin)  # by its own name it is a file of its own, not a coding of another

    def test_languages_stay_in_vary(self):
        files = {"a.html": PAGE, "a.de.html": PAGE + "de"}
        server = self.serve("--compress", "gzip", "--languages", "de", "--compress-min", "10000000", files=files)
        time.sleep(0.2)
        answer = server.ask("/a.html", fields=[CODED, "Accept-Language: de"])
        self.check(answer, 200, "Accept-Encoding, Accept-Language")
        self.assertEqual(gzip.decompress(answer.body), (PAGE + "de").encode())
        self.assertEqual(answer.get("content-language"), "de")
