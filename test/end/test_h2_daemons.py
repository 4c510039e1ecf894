"""HTTP/2 in the client, with servers that nobody here wrote: nghttpd and nginx."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from h2_case import H2
from harness import die_with_parent, environment, free_port, wait_for
from test_tls import BIG


class Daemon(H2):
    """A server that nobody here wrote, on free ports of its own, ended after the test."""

    def start(self, *argv, ports):
        self.errors = tempfile.TemporaryFile()
        proc = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
                                preexec_fn=die_with_parent(), env=environment())

        def stop():
            proc.terminate()
            try:
                proc.wait(120)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
            self.errors.close()
        self.addCleanup(stop)

        def answers(port):
            try:
                socket.create_connection(("127.0.0.1", port), 60).close()
                return True
            except OSError:
                return proc.poll() is not None
        for port in ports:
            wait_for(lambda: answers(port))
        self.assertIsNone(proc.poll(), os.pread(self.errors.fileno(), 4000, 0))

    def setUp(self):
        super().setUp()
        self.files = {"a.txt": "from far away", "big.bin": BIG, "empty.txt": ""} | {f"{i}.txt": f"{i}\n" * (i + 1) for i in range(40)}
        self.root = self.site(self.files)
        self.pair = self.certificate("good", "DNS:localhost,IP:127.0.0.1")
        self.clear, self.safe = free_port(), free_port()
        self.trust = ("--cacert", self.authority()[0])

    def both(self):
        """(what, url, options) for clear text and TLS."""
        yield "h2c", f"http://localhost:{self.clear}", ("--http", "2")
        yield "h2", f"https://localhost:{self.safe}", self.trust

    def check(self):
        for name, url, options in self.both():
            with self.subTest(name):
                self.check_one(url, options)

    def check_one(self, url, options):
        def get(*args, command="get", **how):
            return self.tercet(command, *options, *args, env=self.env, **how)
        e = self.told(*options, url + "/a.txt")[0]
        self.assertEqual((e["response"]["version"], e["response"]["status"], e["response"]["body"]["data"]), ("HTTP/2", 200, "from far away"))
        self.assertEqual(get(url + "/big.bin").out, BIG)
        self.assertEqual(get(url + "/empty.txt").out, b"")
        head = get(url + "/a.txt", command="head")
        self.assertTrue(head.text.startswith("HTTP/2 200 OK\n"), head)
        self.assertIn("content-length: 13", head.text.lower())
        self.assertEqual(get("-f", url + "/none").status, 22)
        urls = [f"{url}/{i}.txt" for i in range(40)] + [url + "/big.bin"]
        got = get(*urls)
        self.assertEqual(got.status, 0, got)
        self.assertTrue(got.out == b"".join(f"{i}\n".encode() * (i + 1) for i in range(40)) + BIG)
        told = self.told(*options, *urls)
        self.assertEqual({e["connection"]["number"] for e in told}, {1})
        return get


class Nghttpd(Daemon):
    @unittest.skipUnless(shutil.which("nghttpd"), "no nghttpd here")
    def test_all(self):
        common = ("-a", "127.0.0.1", "-d", self.root, "--echo-upload", "--trailer=x-checksum: 42")
        self.start("nghttpd", *common, "--no-tls", self.clear, ports=[self.clear])
        self.start("nghttpd", *common, self.safe, self.pair[1], self.pair[0], ports=[self.safe])
        self.check()

    def check_one(self, url, options):
        get = super().check_one(url, options)
        got = get(url + "/echo", "--data", "@" + str(self.root / "big.bin"), command="post")
        self.assertEqual((got.status, got.out == BIG), (0, True))
        got = get(url + "/echo", "--data", "-", command="put", stdin=BIG)
        self.assertEqual((got.status, got.out == BIG), (0, True))
        trailers = self.told(*options, url + "/a.txt")[0]["response"]["trailers"]
        self.assertEqual(trailers, [{"name": "x-checksum", "value": "42"}])

    @unittest.skipUnless(shutil.which("nghttpd"), "no nghttpd here")
    def test_few_streams(self):
        self.start("nghttpd", "-a", "127.0.0.1", "-d", self.root, "-m", 2, "--no-tls", self.clear, ports=[self.clear])
        url = f"http://localhost:{self.clear}"
        told = self.told("--http", "2", *[f"{url}/{i}.txt" for i in range(40)])
        self.assertEqual([e["response"]["body"]["data"] for e in told], [f"{i}\n" * (i + 1) for i in range(40)])
        self.assertEqual({e["connection"]["number"] for e in told}, {1})


class Nginx(Daemon):
    @unittest.skipUnless(shutil.which("nginx"), "no nginx here")
    def test_all(self):
        temp = self.dir / "nginx"
        temp.mkdir(mode=0o777)
        (self.root / "up").mkdir()
        os.chmod(self.root / "up", 0o777)
        places = "".join(f"{kind}_temp_path {temp}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {temp}/pid; error_log stderr error;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; {places} client_max_body_size 100m; keepalive_requests 30;\n"
            f"server {{ listen 127.0.0.1:{self.clear} http2; listen 127.0.0.1:{self.safe} ssl http2; root {self.root};\n"
            f"ssl_certificate {self.pair[0]}; ssl_certificate_key {self.pair[1]};\n"
            "location /up/ { dav_methods PUT DELETE; } } }\n")
        self.start("nginx", "-p", temp, "-c", self.dir / "nginx.conf", ports=[self.clear, self.safe])
        self.check()

    def check_one(self, url, options):
        """keepalive_requests: nginx says GOAWAY after thirty, and the rest goes to another connection."""
        def get(*args, command="get", **how):
            return self.tercet(command, *options, *args, env=self.env, **how)
        told = self.told(*options, *[f"{url}/{i}.txt" for i in range(40)])
        whole = [e for e in told if e["response"]]
        self.assertEqual([e["response"]["body"]["data"] for e in whole], [f"{i}\n" * (i + 1) for i in range(40)])
        self.assertEqual({e["connection"]["number"] for e in whole}, {1, 2})
        self.assertLessEqual({e["error"]["name"] for e in told if not e["response"]}, {"REFUSED"})
        self.assertEqual(get(url + "/big.bin").out, BIG)
        self.assertEqual(get(url + "/a.txt", command="head").text.split("\n")[0], "HTTP/2 200 OK")
        for data, stdin in (("@" + str(self.root / "big.bin"), None), ("-", BIG)):
            got = get(url + "/up/it", "--data", data, command="put", stdin=stdin)
            self.assertEqual(got.status, 0, got)
            self.assertEqual((self.root / "up" / "it").read_bytes() == BIG, True)
        self.assertEqual(self.told(*options, url + "/up/it")[0]["response"]["body"]["length"], len(BIG))
        got = get("-f", url + "/a.txt", "--data", "x", command="post")
        self.assertEqual(got.status, 22, got)
        self.assertIn(b"405", get(url + "/a.txt", "--data", "x", command="post").out)
