"""Cookies of the client: a jar on disk, who gets what across redirects, schemes and versions, two processes at a
time, kill -9, files that are no jar; curl reads and writes the same cookies.txt."""
import http.server
import json
import re
import ssl
import stat
import subprocess
import threading
import time
import unittest

from harness import PROGRAM, Peer, die_with_parent, environment, needs_quic
from test_tls import Tls


def setting(*cookies, status=b"200 OK", fields=b""):
    """A talk that answers every request with these cookies."""
    lines = b"".join(b"Set-Cookie: %s\r\n" % c.encode() for c in cookies)

    def talk(peer, wire):
        while True:
            peer.request(wire)
            wire.send(b"HTTP/1.1 %s\r\n%s%sContent-Length: 0\r\n\r\n" % (status, lines, fields))
    return talk


def cookie_of(head):
    found = re.findall(rb"(?im)^cookie: *(.*?)\r$", head)
    assert len(found) < 2, head
    return found[0].decode() if found else None


class Jars(Tls):
    def setUp(self):
        super().setUp()
        self.jar = self.state / "tercet" / "jars" / "j"

    def get(self, url, *options, status=0, method="get"):
        got = self.tercet(method, "-q", "--jar", "j", url, *options, env=self.env)
        self.assertEqual(got.status, status, got)
        return got

    def cookies(self, *words, status=0, **how):
        got = self.tercet("cookies", *words, env=self.env, **how)
        self.assertEqual(got.status, status, got)
        return got

    def listed(self, jar="j"):
        return {c["name"]: c for c in json.loads(self.cookies("list", "--json", "--show-secrets", "--jar", jar).out)["cookies"]}

    def put(self, name, *lines):
        """A jar with the cookies of these lines of a cookies.txt."""
        text = "".join("\t".join(line) + "\n" for line in lines).encode()
        got = self.cookies("import", "-", "--jar", name, stdin=text)
        self.assertEqual(got.out, b"%d imported\n" % len(lines))


class Coming(Jars):
    def test_comes_back(self):
        peer = Peer(self, setting("sid=s3cret; HttpOnly; Path=/", "deep=1", "__Host-x=1; Path=/"))
        url = f"{peer.url}/a/b"
        self.get(url)
        self.assertEqual(stat.S_IMODE(self.jar.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.jar.parent.stat().st_mode), 0o700)
        self.assertEqual([p.name for p in self.jar.parent.iterdir()], ["j"])
        self.get(url)
        self.get(f"{peer.url}/x/y")
        self.tercet("get", "-q", url, env=self.env)
        self.get(url, "Cookie:mine=1")
        self.get(url, method="post")
        self.get(url, method="trace")
        self.get(f"http://localhost:{peer.port}/a/b")
        self.assertEqual([cookie_of(h) for h in peer.heads],
                         [None, "deep=1; sid=s3cret", "sid=s3cret", None, "mine=1", "deep=1; sid=s3cret", None, None])

    def test_is_shown_without_its_secret(self):
        peer = Peer(self, setting("sid=s3cret", "bad=1; Secure"))
        for show in (), ("--show-secrets",):
            got = self.tercet("get", "-v", "--jar", "j", *show, peer.url, env=self.env)
            self.assertIn("note  cookie bad is not kept: Secure is for https:// alone", got.err)
            got = self.tercet("get", "-v", "--jar", "j", *show, peer.url, env=self.env)
            self.assertEqual("> Cookie: sid=s3cret\n" in got.err, bool(show), got)
            self.assertEqual("s3cret" in got.err, bool(show))
            got = self.cookies("list", "--jar", "j", *show)
            self.assertEqual(b"s3cret" in got.out, bool(show), got)
            self.assertRegex(got.out, rb"^127\.0\.0\.1  /  sid  \S+ +session\n$")
            got = json.loads(self.cookies("list", "--json", "--jar", "j", *show).out)
            self.assertEqual(got["cookies"][0]["value"], "s3cret" if show else "......")

    def test_nothing_new_writes_nothing(self):
        peer = Peer(self, setting("a=1"))
        self.get(peer.url)
        silent = Peer(self, setting())
        before = self.jar.stat().st_ino
        self.get(silent.url)
        self.assertEqual(self.jar.stat().st_ino, before)

    def test_limits_are_settings(self):
        peer = Peer(self, setting(*(f"n{i}=1" for i in range(30))))
        self.get(peer.url, "--limit", "cookies_site=5", "--limit", "cookie_bytes=3")
        self.assertEqual(sorted(self.listed()), ["n5", "n6", "n7", "n8", "n9"])  # n10 is too long
        self.get(peer.url, "--limit", "cookies_sent=10", "--limit", "cookies_site=5")
        self.assertEqual(len(cookie_of(peer.heads[1])), 10)


class Redirects(Jars):
    def test_each_hop_has_its_own(self):
        last = Peer(self, setting("c=3; Path=/"))
        there = Peer(self, setting("b=2; Path=/", status=b"302 Found", fields=b"Location: http://a.localhost:%d/end\r\n" % last.port))
        first = Peer(self, setting("lax=1; Path=/; SameSite=Lax", "strict=1; Path=/; SameSite=Strict", "plain=1; Path=/", status=b"307 There",
                                   fields=b"Location: http://b.localhost:%d/\r\n" % there.port))
        url = f"http://a.localhost:{first.port}/begin"
        self.get(url, "-L")
        self.get(url, "-L", "Cookie:hand=made")
        self.get(url, "-L", "x=1", method="post")
        sent = [[cookie_of(h) for h in p.heads] for p in (first, there, last)]
        self.assertEqual(sent[0][:2], [None, "hand=made"])
        self.assertEqual(sorted(sent[0][2].split("; ")), ["c=3", "lax=1", "plain=1", "strict=1"])  # by when they came, if that differs
        self.assertEqual(sent[1], [None, "b=2", None])  # the third is a POST that another site led to
        self.assertEqual(sent[2][0], "lax=1; plain=1")
        self.assertEqual(sorted(sent[2][1].split("; ")), ["c=3", "lax=1", "plain=1"])
        self.assertEqual(sorted(sent[2][2].split("; ")), ["c=3", "lax=1", "plain=1"])  # 302 made it a GET

    def test_clear_text_gets_no_secure_one(self):
        crt, key = self.certificate("site", "DNS:localhost,IP:127.0.0.1")
        clear = Peer(self, setting("sid=evil; Path=/", "other=1; Path=/"))
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.headers.get("Cookie"))
                self.send_response(302 if self.path == "/down" else 200)
                if self.path == "/down":
                    self.send_header("Location", clear.url)
                self.send_header("Set-Cookie", "sid=good; Secure; Path=/")
                self.send_header("Set-Cookie", "__Host-a=1; Secure; Path=/")
                self.send_header("Set-Cookie", "open=1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        trust = ("--cacert", self.authority()[0])
        url = f"https://127.0.0.1:{server.server_address[1]}"
        self.get(url + "/", *trust)
        self.get(url + "/down", "-L", *trust)
        self.get(url + "/", *trust)
        self.assertEqual([cookie_of(h) for h in clear.heads], ["open=1"])
        self.assertEqual(seen[0], None)
        self.assertEqual(sorted(seen[1].split("; ")), ["__Host-a=1", "open=1", "sid=good"])
        self.assertEqual(sorted(seen[2].split("; ")), ["__Host-a=1", "open=1", "other=1", "sid=good"])

    def versions(self, *versions):
        server = self.secure("--echo", "/echo")
        self.put("j", ("127.0.0.1", "FALSE", "/", "TRUE", "0", "sid", "v" * 100),
                 ("127.0.0.1", "FALSE", "/other", "FALSE", "0", "no", "1"))
        for version in versions:
            got = self.get(f"https://127.0.0.1:{server.port}/echo", "--cacert", self.ca, "--http", version)
            self.assertRegex(got.text, rf"Version    HTTP/{version}\n(.*\n)+  Cookie: ")  # which the server hides, too
            got = self.get(f"https://127.0.0.1:{server.port}/echo", "--cacert", self.ca, "--http", version, "--json", "--show-secrets")
            self.assertIn('{"name":"cookie","value":"sid=%s"}' % ("v" * 100), got.text.lower().replace(" ", ""), version)

    def test_every_version_carries_them(self):
        self.versions("1.0", "1.1", "2")

    @needs_quic
    def test_http3_carries_them(self):
        self.versions("3")


class File(Jars):
    def test_many_processes_lose_nothing(self):
        together = threading.Barrier(8, timeout=300)

        def slowly(peer, wire):
            peer.request(wire)
            together.wait()  # all have read the jar by now
            wire.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: n%d=1\r\nContent-Length: 0\r\n\r\n" % peer.port)
        peers = [Peer(self, slowly) for _ in range(8)]
        faults = []

        def run(peer):
            try:
                self.get(peer.url)
            except AssertionError as fault:
                faults.append(fault)
        threads = [threading.Thread(target=run, args=(p,)) for p in peers]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(faults, [])
        self.assertEqual(sorted(self.listed()), sorted(f"n{p.port}" for p in peers))
        self.assertEqual([p.name for p in self.jar.parent.iterdir()], ["j"])

    def test_kill_at_any_time(self):
        self.put("j", ("s.com", "FALSE", "/", "FALSE", "0", "keep", "1"))
        text = "".join(f"s{i // 100}.com\tFALSE\t/\tFALSE\t0\tn{i}\t{'x' * 1000}\n" for i in range(2500))
        (self.dir / "many.txt").write_text(text)
        seen = set()
        for round_ in range(24):
            proc = subprocess.Popen([PROGRAM, "cookies", "import", str(self.dir / "many.txt"), "--jar", "j"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, env=environment(**self.env), preexec_fn=die_with_parent())
            time.sleep(round_ * 0.01)
            proc.kill()
            proc.wait()
            count = len(self.listed())
            seen.add(count)
            self.assertIn(count, (1, 2501))
            self.assertIn("keep", self.listed())
        self.cookies("import", str(self.dir / "many.txt"), "--jar", "j")  # what was left behind is in nobody's way
        self.assertEqual(len(self.listed()), 2501)
        self.assertEqual([p.name for p in self.jar.parent.iterdir()], ["j"])

    def test_what_is_no_jar_is_refused(self):
        peer = Peer(self, setting("a=1"))
        self.get(peer.url)
        good = self.jar.read_bytes()
        texts = {"netscape": b"# Netscape HTTP Cookie File\n", "cut": good[:-3], "damaged": good + b"line\n",
                 "binary": bytes(range(256))}
        for name, text in texts.items():
            with self.subTest(name):
                file = self.dir / name
                file.write_bytes(text)
                got = self.tercet("get", "--jar", f"./{name}", peer.url, env=self.env)
                self.assertEqual((got.status, got.out), (74, b""), got)
                self.assertIn("the cookie jar cannot be used: ./" + name, got.err)
                self.cookies("import", "-", "--jar", f"./{name}", stdin=b"", status=74)
                self.assertEqual(file.read_bytes(), text)
        (self.dir / "link").symlink_to(self.jar)
        self.assertEqual(self.tercet("get", "--jar", "./link", peer.url, env=self.env).status, 74)
        self.assertEqual(self.tercet("get", "--jar", "./", peer.url, env=self.env).status, 74)
        for name in "", ".", "..", "a b", "a.part", "x" * 65, "\u00e4":
            self.assertEqual(self.tercet("get", "--jar", name, peer.url, env=self.env).status, 74, name)
        self.assertEqual(len(peer.heads), 1)  # nothing was sent
        self.assertEqual(self.jar.read_bytes(), good)

    def test_a_jar_that_cannot_be_written_is_said(self):
        peer = Peer(self, setting("a=1", fields=b"X-Here: 1\r\n"))
        (self.dir / "full.part").mkdir()
        got = self.tercet("head", "--jar", "./full", peer.url, env=self.env)
        self.assertEqual(got.status, 74)
        self.assertIn(b"X-Here: 1", got.out)
        self.assertIn("the cookie jar cannot be used: ./full", got.err)

    def test_a_file_anywhere(self):
        peer = Peer(self, setting("a=1"))
        self.tercet("get", "-q", "--jar", "./here", peer.url, env=self.env)
        self.tercet("get", "-q", "--jar", str(self.dir / "here"), peer.url, env=self.env)
        self.assertEqual(cookie_of(peer.heads[1]), "a=1")
        self.assertEqual(stat.S_IMODE((self.dir / "here").stat().st_mode), 0o600)


class Curl(Jars):
    def test_the_same_cookies_in_the_same_file(self):
        cookies = ["a=1; Path=/", "b=2; HttpOnly; Max-Age=5000; Path=/", "deep=x y z", 'q="v"; Path=/', "e=; Path=/", "odd=a=b; Path=/p"]
        peer = Peer(self, setting(*cookies))
        url = f"{peer.url}/p/q"
        theirs, ours = self.dir / "theirs.txt", self.dir / "ours.txt"
        self.assertEqual(self.curl("-c", theirs, url).status, 0)
        self.get(url)
        self.cookies("export", ours, "--jar", "j")
        self.assertEqual(stat.S_IMODE(ours.stat().st_mode), 0o600)

        def lines(file):
            rows = [line.split("\t") for line in file.read_text().splitlines() if line.count("\t") == 6]
            # curl ends the path that it makes of a URL's with a "/", the RFC (5.1.4) does not
            return sorted((r[0], r[1], r[2].rstrip("/"), r[3], r[4] != "0", r[5], r[6]) for r in rows)
        self.assertEqual(len(lines(ours)), len(cookies))
        self.assertEqual(lines(ours), lines(theirs))
        # each sends what the other kept
        self.cookies("import", theirs, "--jar", "k")
        self.tercet("get", "-q", "--jar", "k", url, env=self.env)
        self.assertEqual(self.curl("-b", ours, url).status, 0)
        self.get(url)
        sent = [sorted(cookie_of(h).split("; ")) for h in peer.heads[2:]]
        self.assertEqual(sent[0], sent[2])
        self.assertEqual(sent[1], sent[2])
        self.assertEqual(len(sent[0]), len(cookies))


class Command(Jars):
    def test_in_out_and_away(self):
        self.put("j", (".s.com", "TRUE", "/", "FALSE", "0", "a", "1"), ("s.com", "FALSE", "/", "TRUE", "4102444800", "b", "2"),
                 ("t.com", "FALSE", "/", "FALSE", "0", "c", "\x1b[31mred"[5:]))
        self.assertEqual(sorted(self.listed()), ["a", "b", "c"])
        self.assertLess(self.listed()["b"]["expires"], time.time() + 401 * 86400)
        got = self.cookies("import", "-", "--jar", "j", stdin=b"com\tTRUE\t/\tFALSE\t0\tx\t1\nrubbish\n")
        self.assertEqual((got.out, got.err), (b"0 imported\n", "  note  some lines were left out; the first is 1\n"))
        self.assertIn(b"\nt.com\tFALSE\t/\tFALSE\t0\tc\tred\n", self.cookies("export", "--jar", "j").out)
        self.assertEqual(self.cookies("remove", ".s.com", "b", "--jar", "j").out, b"1 removed\n")
        self.assertEqual(self.cookies("remove", "t.com", "--session", "--jar", "j").out, b"1 removed\n")
        self.assertEqual(self.cookies("remove", "--all", "--jar", "j").out, b"1 removed\n")
        self.assertEqual(self.cookies("list", "--jar", "j").out, b"")
        for words in (), ("eat",), ("import",), ("list", "x"), ("remove",), ("remove", "x", "--all"), ("export", "a", "b"):
            self.cookies(*words, status=2)
        self.cookies("import", "/nowhere/file", status=26)


if __name__ == "__main__":
    unittest.main()
