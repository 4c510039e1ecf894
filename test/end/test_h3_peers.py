"""HTTP/3 with programs of a newer Debian (tools/peers): curl on OpenSSL's QUIC, aioquic, nginx and Caddy, each with a
QUIC and an HTTP/3 of its own. They run by chroot, which needs root."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import HERE, die_with_parent, environment, free_port, lines_of, needs_quic, newer_programs, wait_for
from test_tls import BIG, Tls

SMALL = b"s" * 612


@needs_quic
class Newer(Tls):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        self.tree, reason = newer_programs()
        if reason:
            self.skipTest(reason)
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="tercet-test.", dir=self.tree / "tmp"))  # as we see it
        self.addCleanup(shutil.rmtree, self.room, True)
        os.chmod(self.room, 0o755)
        self.inside = pathlib.Path("/tmp") / self.room.name  # as they do

    def lend(self, file):
        """A copy that they may read: its name there."""
        shutil.copy(file, self.room)
        return self.inside / pathlib.Path(file).name

    def newer(self, *argv, **how):
        return self.other("chroot", self.tree, *argv, **how)

    def begin(self, *argv):
        """A server of theirs, until the test is over."""
        out = open(self.room / "out", "wb")
        self.addCleanup(out.close)
        proc = subprocess.Popen(["chroot", str(self.tree)] + [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=out, preexec_fn=die_with_parent(), env=environment(
                                    HOME=str(self.inside), XDG_CONFIG_HOME=str(self.inside), XDG_DATA_HOME=str(self.inside)))

        def end():
            proc.send_signal(signal.SIGTERM)
            try:
                proc.wait(120)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
        self.addCleanup(end)
        return proc

    def said(self):
        return (self.room / "out").read_text(errors="replace")


class Curl(Newer):
    def curl3(self, server, *args, **how):
        for _ in range(4):
            got = self.newer("curl", "-sS", "--max-time", 120, "--noproxy", "*", "--http3-only", "--cacert", self.lend(self.ca), *args, **how)
            # 8.14 sometimes never sends its encoder stream, which its request refers to (github.com/curl/curl/issues/21463).
            if got.status != 95 or "stream 0 reset by server" not in got.err:
                break
        self.assertEqual(got.status, how.get("status", 0), got)
        return got

    def url(self, server, path=""):
        return f"https://127.0.0.1:{server.port}/{path}"

    def test_files(self):
        server = self.secure()
        wrote = ("-w", "%{http_version} %{http_code} %{size_download}")
        for options, path, said, content in (
                ((), "small", "3 200 612", SMALL), ((), "big", f"3 200 {len(BIG)}", BIG), (("-I",), "small", "3 200 0", None),
                (("-r", "10-19"), "big", "3 206 10", BIG[10:20]), (("-r", "-7"), "big", "3 206 7", BIG[-7:]),
                (("-r", "99999999-"), "big", "3 416", None), ((), "nowhere", "3 404", None),
                (("-H", "If-None-Match: *"), "small", "3 304 0", b"")):
            with self.subTest(path=path, options=options):
                got = self.curl3(server, *options, *wrote, "-o", self.inside / "got", self.url(server, path))
                self.assertTrue(got.text.startswith(said), got)
                if content is not None:
                    self.assertEqual((self.room / "got").read_bytes() if content else b"", content)
                (self.room / "got").unlink(missing_ok=True)

    def test_content(self):
        server = self.secure("--limit", "body_bytes=100000000")
        (self.room / "given").write_bytes(BIG)
        for given, method in ((BIG, "POST"), (b"", "POST"), (BIG, "PUT"), (BIG, "stream")):
            with self.subTest(bytes=len(given), method=method):
                (self.room / "given").write_bytes(given)
                how = {"POST": ("--data-binary", f"@{self.inside}/given"), "PUT": ("-T", f"{self.inside}/given"), "stream": ("-T", "-")}
                got = self.curl3(server, *how[method], "-H", "Accept: application/json", self.url(server, "echo"),
                                 stdin=given if method == "stream" else None)
                said = json.loads(got.out)
                self.assertEqual((said["version"], said["content"]["length"] if "content" in said else said), ("HTTP/3", len(given)), said)
                self.assertIn(hashlib.sha256(given).hexdigest(), got.text)

    def test_many_on_one_connection(self):
        log = self.dir / "log"
        server = self.secure(log=str(log))
        for parallel in ((), ("--parallel", "--parallel-max", 50)):
            got = self.curl3(server, *parallel, "-w", "%{http_version} %{num_connects} %{http_code} %{size_download}\n", "-o",
                             f"{self.inside}/got#1", f"https://127.0.0.1:{server.port}/small?[1-100]")
            lines = got.text.split("\n")[:-1]
            self.assertEqual(sum(int(line.split()[1]) for line in lines), 1, got)
            self.assertEqual({(line[0], line[4:]) for line in lines}, {("3", "200 612")}, lines)
        self.assertEqual(sum("HTTP/3" in line for line in lines_of(log, 200)), 200)

    def test_upgrade_by_alt_svc(self):
        """The first time over TCP; the file remembers; then over QUIC."""
        server, file = self.secure(), self.inside / "alt-svc"
        said = []
        for _ in range(2):
            got = self.newer("curl", "-sS", "--max-time", 120, "--noproxy", "*", "--happy-eyeballs-timeout-ms", 60000, "--alt-svc", file, "--cacert", self.lend(self.ca), "-o", "/dev/null",
                             "-w", "%{http_version} %{http_code}", self.url(server, "small"))
            said.append(got.text)
        self.assertEqual(said, ["2 200", "3 200"])
        self.assertRegex((self.room / "alt-svc").read_text(), rf"h2 127\.0\.0\.1 {server.port} h3 127\.0\.0\.1 {server.port} ")
        got = self.newer("curl", "-sS", "--max-time", 120, "--noproxy", "*", "--http3", "--happy-eyeballs-timeout-ms", 60000, "--cacert", self.lend(self.ca), "-o", "/dev/null",
                         "-w", "%{http_version} %{http_code}", self.url(server, "small"))
        self.assertEqual(got.text, "3 200")

    def test_an_address_to_be_proved(self):
        server = self.secure("--limit", "quic_unvalidated=0")
        self.assertEqual(self.curl3(server, self.url(server, "small")).out, SMALL)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"limit quic_unvalidated reached \d times?")  # a large hello comes in two datagrams

    def test_who_is_not_believed(self):
        server = self.secure()
        got = self.newer("curl", "-sS", "--max-time", 120, "--http3-only", "--cacert", self.lend(self.authority("nobody")[0]), self.url(server))
        self.assertEqual(got.status, 60, got)
        self.assertEqual(self.curl3(server, self.url(server, "small")).out, SMALL)


class Aioquic(Newer):
    def run_client(self, server, *steps, **options):
        plan = {"port": server.port, "ca": str(self.lend(self.ca)), "steps": steps, "options": options}
        got = self.newer("python3", self.lend(HERE / "aioquic_client.py"), stdin=json.dumps(plan).encode(), seconds=300)
        self.assertEqual(got.status, 0, got)
        told = json.loads(got.out)
        for one in told:
            self.assertIsNone(one["closed"], one)
        return told

    @staticmethod
    def asks(*paths, grease=False):
        return {"asks": [["GET", path, [], None] for path in paths], "grease": grease}

    def assertSmall(self, *answers):
        for answer in answers:
            self.assertEqual(dict(answer["heads"][-1])[":status"], "200", answer)
            self.assertEqual(answer["text"].encode(), SMALL)

    def test_in_parallel(self):
        server = self.secure()
        told, = self.run_client(server, self.asks(*["/small"] * 80), self.asks("/big", "/small", "/nowhere", "/"))
        self.assertSmall(*told["results"][0])
        big, small, missing, home = told["results"][1]
        self.assertEqual((big["bytes"], big["sha256"]), (len(BIG), hashlib.sha256(BIG).hexdigest()))
        self.assertSmall(small)
        self.assertEqual([dict(x["heads"][-1])[":status"] for x in (missing, home)], ["404", "200"])

    def test_content(self):
        server = self.secure(files=dict(self.files, empty=b""))
        json_please = ["accept", "application/json"]
        told, = self.run_client(server, {"asks": [
            ["POST", "/echo", [json_please, ["content-length", "500000"]], "x" * 500_000], ["POST", "/echo", [json_please], "x" * 500_000],
            ["POST", "/echo", [json_please, ["content-length", "0"]], ""], ["POST", "/echo", [json_please], None],
            ["HEAD", "/empty", [], None]]})  # aioquic 1.2 takes a Content-Length in answer to HEAD for a fault
        *posts, head = told["results"][0]
        for answer, size in zip(posts, (500_000, 500_000, 0, 0)):
            self.assertEqual(dict(answer["heads"][-1])[":status"], "200", answer)
            self.assertIn(hashlib.sha256(b"x" * size).hexdigest(), answer["text"])
        self.assertEqual((dict(head["heads"][-1])["content-length"], head["bytes"]), ("0", 0))

    def test_a_length_that_is_wrong(self):
        """Only that request is spoilt."""
        server = self.secure()
        told, = self.run_client(server, {"asks": [["POST", "/echo", [["content-length", "9"]], "content"]]}, self.asks("/small"))
        wrong = told["results"][0][0]
        self.assertTrue(wrong["reset"] or dict(wrong["heads"][-1])[":status"] == "400", wrong)
        self.assertSmall(*told["results"][1])

    def test_what_means_nothing(self):
        """Reserved settings (aioquic sends one), frames and streams are passed over."""
        server = self.secure()
        told, = self.run_client(server, {"do": "reserved stream"}, self.asks("/small", "/small", grease=True), self.asks("/small"),
                                {"do": "reserved stream"}, self.asks("/small"))
        self.assertSmall(*told["results"][1], *told["results"][2], *told["results"][4])

    def test_key_updates(self):
        server = self.secure()
        update = {"do": "key update"}
        told, = self.run_client(server, self.asks("/small"), update, self.asks("/small"), update, self.asks("/big"), update, update)
        self.assertEqual([told["results"][n] for n in (1, 3, 5, 6)], [[0, 1], [1, 0], [0, 1], [1, 0]])
        self.assertSmall(*told["results"][2])
        self.assertEqual(told["results"][4][0]["sha256"], hashlib.sha256(BIG).hexdigest())

    def test_migration(self):
        server = self.secure("--workers", 4)
        told, = self.run_client(server, *[self.asks("/small"), {"do": "migrate"}] * 3, self.asks("/big"))
        self.assertEqual(len({told["results"][n] for n in (1, 3, 5)}), 3)
        self.assertSmall(*told["results"][0], *told["results"][2], *told["results"][4])
        self.assertEqual(told["results"][6][0]["sha256"], hashlib.sha256(BIG).hexdigest())

    def test_resumption(self):
        """No early data: what would be asked there could be asked again by others."""
        server = self.secure("--workers", 4)
        told = self.run_client(server, self.asks("/small"), connections=4)
        self.assertEqual([(one["resumed"], one["early"]) for one in told], [(False, False)] + [(True, False)] * 3)

    def test_versions_and_ciphers(self):
        server = self.secure()
        v2, unknown = 0x6b3343cf, 0x1a2a3a4a
        for options, version in (({"versions": [v2]}, v2), ({"versions": [v2, 1]}, 1), ({"versions": [1]}, 1), ({"versions": [unknown, 1]}, 1),
                                 ({"versions": [unknown, v2]}, v2), *(({"cipher": c}, None) for c in ("CHACHA20_POLY1305_SHA256", "AES_256_GCM_SHA384", "AES_128_GCM_SHA256"))):
            with self.subTest(options):
                told, = self.run_client(server, self.asks("/small"), **options)
                self.assertSmall(*told["results"][0])
                if version:
                    self.assertEqual(told["version"], version)

    def test_an_address_to_be_proved(self):
        server = self.secure("--limit", "quic_unvalidated=0")
        told, = self.run_client(server, self.asks("/small"))
        self.assertSmall(*told["results"][0])
        self.assertIn(told["retried"], (1, 2, 3))  # again where it asked again


class Asked(Newer):
    """Their servers, our client."""

    def setUp(self):
        super().setUp()
        crt, key = self.certificate("peer", "DNS:localhost,IP:127.0.0.1")
        self.pair = self.lend(crt), self.lend(key)
        self.root, _ = self.authority()
        folder = self.room / "site"
        folder.mkdir()
        (folder / "small").write_bytes(SMALL)
        (folder / "big").write_bytes(BIG)
        (folder / "empty").write_bytes(b"")
        (folder / "index.html").write_text("<title>Theirs</title>\n")
        for path in folder.iterdir():
            path.chmod(0o644)

    def ask(self, port, *args, path="/small", status=0, command="get"):
        got = self.tercet(command, f"https://127.0.0.1:{port}{path}", "--cacert", self.root, *args, env=self.env, seconds=300)
        self.assertEqual(got.status, status, (got, self.said()[-800:]))
        return got

    def told(self, port, *args, **how):
        """(version, why) of each exchange."""
        if (self.state / "tercet" / "alt-svc").exists():  # QUIC is not to lose because it is slow
            args = ("--limit", "head_start_ms=60000", *args)
        self.json = json.loads(self.ask(port, "--json", *args, **how).out)
        return [(x["response"]["version"], x["connection"]["version_why"]) for x in self.json["exchanges"]]

    def ready(self, port):
        """Until it answers over QUIC."""
        def asked():
            return self.tercet("get", "-q", "--http", 3, "--cacert", self.root, f"https://127.0.0.1:{port}/small", "--max-time", 20,
                               env=self.env).status == 0
        self.assertTrue(wait_for(asked, every=0.1), self.said()[-2000:])
        return port

    def web(self, port, server):
        """What holds for every server of files."""
        for path, content in (("/small", SMALL), ("/big", BIG), ("/empty", b"")):
            self.assertEqual(self.ask(port, "-q", "--http", 3, path=path).out, content)
        self.ask(port, "-q", "--fail", "--http", 3, path="/nowhere", status=22)
        self.assertEqual(self.ask(port, "-q", "--http", 3, "Range:bytes=10-19", path="/big").out, BIG[10:20])
        self.assertIn("HTTP/3 200", self.ask(port, "-q", "--http", 3, command="head").text)
        several = [f"https://127.0.0.1:{port}/{path}" for path in ["small", "big"] * 20]
        got = self.ask(port, "-q", "--http", 3, *several)
        self.assertEqual(got.out, SMALL + (SMALL + BIG) * 20)
        self.told(port, "--http", 3, *several[:9])
        self.assertEqual({x["connection"]["number"] for x in self.json["exchanges"]}, {1})
        for exchange in self.json["exchanges"]:
            self.assertIn(server, [f["value"].split("/")[0] for f in exchange["response"]["fields"] if f["name"] == "server"])

    def race(self, port):
        """Over TCP at first, over QUIC then."""
        (self.state / "tercet" / "alt-svc").unlink(missing_ok=True)
        self.assertEqual(self.told(port)[0][0], "HTTP/2")
        self.assertEqual(self.told(port), [("HTTP/3", "which Alt-Svc told of before; QUIC was ready first")])
        table = self.ask(port, "--http", "all").text
        for version in ("HTTP/1.1", "HTTP/2", "HTTP/3"):
            self.assertRegex(table, rf"(?m)^  {re.escape(version)} .* 200 OK$")
        self.assertIn(f"since Alt-Svc offers h3 at :{port}", " ".join(table.split()))

    def nginx(self, quic=True, more=""):
        port = free_port()
        config = self.room / "nginx.conf"
        paths = "".join(f"{name}_temp_path {self.inside}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"""daemon off; master_process off; user root; error_log stderr notice; pid {self.inside}/nginx.pid;
events {{ }}
http {{ access_log off; types {{ text/html html; }} {paths} {more}
  server {{ {f"listen 127.0.0.1:{port} quic reuseport;" if quic else ""} listen 127.0.0.1:{port} ssl; http2 on;
    ssl_certificate {self.pair[0]}; ssl_certificate_key {self.pair[1]}; ssl_protocols TLSv1.2 TLSv1.3;
    add_header Alt-Svc 'h3=":{port}"; ma=600' always; root {self.inside}/site;
    location /up/ {{ dav_methods PUT; create_full_put_path on; client_max_body_size 100m; }} }} }}
""")
        self.begin("nginx", "-c", self.inside / "nginx.conf")
        if quic:
            return self.ready(port)
        self.assertTrue(wait_for(lambda: self.tercet("get", "-q", "--http", "2", "--cacert", self.root, f"https://127.0.0.1:{port}/small",
                                                     "--no-alt-svc", env=self.env).status == 0, every=0.1), self.said()[-2000:])
        return port

    def test_nginx(self):
        port = self.nginx()
        self.web(port, "nginx")
        self.race(port)

    def test_nginx_takes_content(self):
        port = self.nginx()
        (self.dir / "body").write_bytes(BIG)
        for content, name in ((BIG, "big"), (b"", "empty"), (b"x", "one")):
            (self.dir / "body").write_bytes(content)
            self.ask(port, "--http", 3, "--data", f"@{self.dir}/body", path=f"/up/{name}", command="put")
            self.assertEqual((self.room / "site" / "up" / name).read_bytes(), content)

    def test_nginx_wants_an_address_proved(self):
        port = self.nginx(more="quic_retry on;")
        self.assertEqual(self.ask(port, "-q", "--http", 3, path="/big").out, BIG)
        self.race(port)

    def test_nginx_without_quic(self):
        """It says that it has HTTP/3, and has none: one line, and the page all the same."""
        port = self.nginx(quic=False)
        self.assertEqual(self.told(port)[0][0], "HTTP/2")
        got = self.ask(port, "-v", "-o", self.dir / "got")
        self.assertEqual((self.dir / "got").read_bytes(), SMALL)
        self.assertEqual(re.findall(r"(?m)^.*HTTP/3.*$", got.err), [" " * 14 + "HTTP/3, which Alt-Svc told of, was refused"])
        self.assertNotIn("HTTP/3", self.ask(port, "-v", "-o", self.dir / "got").err)  # for a while it is not tried
        self.ask(port, "--http", 3, status=7)

    def test_caddy(self):
        port = free_port()
        (self.room / "Caddyfile").write_text(f"""{{
    admin off
    auto_https off
}}
https://127.0.0.1:{port}, https://localhost:{port} {{
    bind 127.0.0.1
    tls {self.pair[0]} {self.pair[1]}
    root * {self.inside}/site
    file_server
}}
""")
        self.begin("caddy", "run", "--config", self.inside / "Caddyfile", "--adapter", "caddyfile")
        self.ready(port)
        self.web(port, "Caddy")
        self.race(port)

    def aioquic(self, *more):
        port = free_port()
        self.begin("python3", self.lend(HERE / "aioquic_server.py"), port, *self.pair, *more)
        return self.ready(port)

    def test_aioquic(self):
        port = self.aioquic()
        for size in (0, 1, 612, 3_000_000):
            self.assertEqual(self.ask(port, "-q", "--http", 3, path=f"/{size}").out, b"a" * size)
        several = [f"https://127.0.0.1:{port}/{n * 997}" for n in range(50)]
        self.assertEqual(self.ask(port, "-q", "--http", 3, *several, path="/0").out, b"a" * sum(n * 997 for n in range(50)))
        (self.dir / "body").write_bytes(BIG)
        got = json.loads(self.ask(port, "-q", "--http", 3, "--data", f"@{self.dir}/body", path="/echo", command="post").out)
        self.assertEqual((got["bytes"], got["sha256"]), (len(BIG), hashlib.sha256(BIG).hexdigest()))
        self.assertEqual((got["fields"][":authority"], got["fields"]["content-length"]), (f"127.0.0.1:{port}", str(len(BIG))))
        self.ask(port, "-q", "--http", 3, path="/5", command="head")

    def test_aioquic_is_come_back_to(self):
        """Resumed, says the server."""
        port = self.aioquic()
        def met():
            return [json.loads(line)["resumed"] for line in self.said().split("\n")[:-1] if "resumed" in line]
        before = len(met())
        self.ask(port, "-n", 4, "-c", 1, "--no-keep-alive", "--resume", "--http", 3, path="/612", command="bench")
        self.assertTrue(wait_for(lambda: len(met()) == before + 4), self.said())
        self.assertEqual(met()[before:], [False, True, True, True])

    def test_aioquic_wants_an_address_proved(self):
        port = self.aioquic("retry")
        self.assertEqual(self.ask(port, "-q", "--http", 3, path="/100000").out, b"a" * 100_000)
