"""The client through a proxy: CONNECT and forwarding, who is asked through which one, credentials, proxies that
answer wrongly or not at all. The proxy looks names up, so the tests use names that no DNS has."""
import base64
import json
import re
import select
import shutil
import socket
import subprocess
import threading
import time

from harness import PROGRAM, Peer, Wire, die_with_parent, free_port, needs_quic, sanitized, wait_for
from test_tls import Tls

NO_SUCH = "origin.invalid"  # RFC 6761: nobody can look it up


def pump(a, b):
    """Bytes both ways, with half-close, until both have ended."""
    open_ends = {a: b, b: a}
    while open_ends:
        for sock in select.select(list(open_ends), [], [], 30)[0]:
            data = sock.recv(1 << 16)
            if data:
                open_ends[sock].sendall(data)
            else:
                open_ends.pop(sock).shutdown(socket.SHUT_WR)


class Proxy(Peer):
    """An HTTP proxy that knows every host as 127.0.0.1. users: the credentials that it wants."""

    def __init__(self, case, users=None, said=b"HTTP/1.1 200 Connection established\r\n\r\n", host="127.0.0.1"):
        self.users, self.said = users, said
        super().__init__(case, Proxy.talk, host)

    def talk(self, wire):
        while True:
            head, body = self.request(wire)
            method, target, _ = head.split(b"\r\n")[0].split(b" ")
            wanted = b"Proxy-Authorization: Basic " + base64.b64encode(self.users) if self.users else b""
            if wanted not in head:
                wire.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"tests\"\r\n"
                          b"Content-Length: 5\r\n\r\nwho?\n")
            elif method == b"CONNECT":
                with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2])), 60) as there:
                    wire.send(self.said)
                    pump(wire.sock, there)
                return
            else:
                wire.send(self.forward(method, target, head, body))

    def forward(self, method, target, head, body):
        _, port, path = re.fullmatch(rb"http://([^/:]+|\[[^]]+\])(?::(\d+))?(/.*)?", target).groups()
        fields = re.sub(rb"(?im)^proxy-[^\r]*\r\n", b"", head.partition(b"\r\n")[2])
        with Wire(int(port or 80), seconds=60) as origin:
            origin.send(method + b" " + (path or b"*") + b" HTTP/1.1\r\nConnection: close\r\n" + fields + body)
            answer = origin.response(method.decode())
        kept = "".join(f"{n}: {v}\r\n" for n, v in answer.fields if n not in ("connection", "content-length", "transfer-encoding"))
        length = f"Content-Length: {len(answer.body)}\r\n\r\n" if method != b"HEAD" else "\r\n"
        return f"HTTP/1.1 {answer.status} {answer.reason}\r\nVia: 1.1 test\r\n{kept}{length}".encode("latin-1") + answer.body

    @property
    def name(self):
        return f"127.0.0.1:{self.port}"

    def lines(self):
        return [head.split(b"\r\n")[0].decode() for head in self.heads]


class Proxied(Tls):
    def ask(self, proxy, *args, status=0, env=None, **how):
        """proxy: one of these, or a URL, or None for what the environment says."""
        option = ("--proxy", proxy if isinstance(proxy, str) else proxy.name) if proxy is not None else ()
        got = self.tercet("get", *option, *args, env={**self.env, **(env or {})}, **how)
        self.assertEqual(got.status, status, got)
        return got

    def exchanges(self, *args, **how):
        return json.loads(self.ask(*args[:1], "--json", *args[1:], **how).out)["exchanges"]

    def both(self, **how):
        """A server in clear text and over TLS: its two ports."""
        other = free_port()
        server = self.secure(listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{other}"], **how)
        return server.port, other


class Asking(Proxied):
    def test_forwarded(self):
        port, _ = self.both()
        proxy = Proxy(self)
        got = self.ask(proxy, f"http://{NO_SUCH}:{port}/small")
        self.assertEqual(got.out, b"s" * 612)
        self.assertEqual(proxy.lines(), [f"GET http://{NO_SUCH}:{port}/small HTTP/1.1"])
        self.assertIn(f"\r\nHost: {NO_SUCH}:{port}\r\n".encode(), proxy.heads[0])
        # HTTP/1.0, other methods, "*", content
        self.ask(proxy, "--http", "1.0", f"http://{NO_SUCH}:{port}/small")
        self.assertEqual(proxy.lines()[-1], f"GET http://{NO_SUCH}:{port}/small HTTP/1.0")
        got = self.tercet("post", "-x", proxy.name, f"http://{NO_SUCH}:{port}/echo", "a=b", env=self.env)
        self.assertIn(b"Content    9 bytes", got.out, got)
        self.tercet("head", "-x", proxy.url, f"http://{NO_SUCH}:{port}/small", env=self.env)
        self.assertEqual(proxy.lines()[-1], f"HEAD http://{NO_SUCH}:{port}/small HTTP/1.1")

    def test_origins_share_the_connection_to_a_forwarding_proxy(self):
        first, _ = self.both()
        second = self.serve(files={"x": "second"}, root=self.site({"x": "second"}, name="two")).port
        proxy = Proxy(self)
        urls = [f"http://one.invalid:{first}/small", f"http://two.invalid:{second}/x", f"http://one.invalid:{first}/small"]
        seen = self.exchanges(proxy, *urls)
        self.assertEqual(proxy.count, 1)
        self.assertEqual([x["connection"]["number"] for x in seen], [1, 1, 1])
        self.assertEqual([x["connection"]["reused"] for x in seen], [False, True, True])
        self.assertEqual([x["response"]["body"]["data"][:6] for x in seen], ["ssssss", "second", "ssssss"])
        self.assertEqual([x["request"]["target"] for x in seen], urls)
        self.assertEqual([x["connection"]["proxy"] for x in seen], [{"name": proxy.name, "tls": None, "tunnel": None, "status": None}] * 3)

    def test_tunnel(self):
        _, port = self.both()
        proxy = Proxy(self)
        for options, version in (((), "HTTP/2"), (("--http", "1.1"), "HTTP/1.1"), (("--http", "2"), "HTTP/2")):
            seen = self.exchanges(proxy, "--cacert", self.ca, *options, *[f"https://localhost:{port}/small"] * 2)
            self.assertEqual([x["response"]["version"] for x in seen], [version] * 2)
            self.assertEqual([x["connection"]["number"] for x in seen], [1, 1])
            self.assertEqual(seen[0]["connection"]["proxy"], {"name": proxy.name, "tls": None, "tunnel": f"localhost:{port}", "status": 200})
            self.assertEqual(seen[0]["request"]["target"], "/small")
            phases = seen[0]["phases"]["connect"]
            self.assertGreater(phases["tunnel_ms"], 0)
            self.assertGreater(phases["tls_ms"], 0)
            self.assertLessEqual(phases["lookup_ms"] + phases["connect_ms"] + phases["tunnel_ms"] + phases["tls_ms"],
                                 phases["ms"] + 0.01)
        self.assertEqual(proxy.lines(), [f"CONNECT localhost:{port} HTTP/1.1"] * 3)
        self.assertIn(f"\r\nHost: localhost:{port}\r\n".encode(), proxy.heads[0])

    def test_the_certificate_is_the_servers(self):
        _, port = self.both()
        proxy = Proxy(self)
        got = self.ask(proxy, "--cacert", self.ca, f"https://{NO_SUCH}:{port}/", status=60)
        self.assertIn("in the connect phase", got.err)
        self.assertEqual(proxy.count, 1)

    def test_large_both_ways(self):
        port, secure = self.both()
        proxy = Proxy(self)
        for url in (f"http://localhost:{port}", f"https://localhost:{secure}"):
            got = self.ask(proxy, "--cacert", self.ca, f"{url}/big")
            self.assertEqual(got.out, self.files["big"])
            file = self.dir / "up"
            file.write_bytes(self.files["big"])
            got = self.tercet("put", "-x", proxy.name, "--cacert", self.ca, f"{url}/echo", f"@{file}", env=self.env)
            self.assertIn(b"Content    3000000 bytes", got.out, got)

    def test_clear_text_that_is_not_forwarded(self):
        port, _ = self.both()
        proxy = Proxy(self)
        for version in ("2", "0.9"):
            got = self.ask(proxy, "--http", version, f"http://{NO_SUCH}:{port}/small")
            self.assertEqual(got.out, b"s" * 612)
            self.assertEqual(proxy.lines()[-1], f"CONNECT {NO_SUCH}:{port} HTTP/1.1")

    def test_a_server_that_speaks_first_in_the_tunnel(self):
        """In clear text an HTTP/2 server may: what stands behind the proxy's answer is not lost."""
        settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

        def talk(peer, wire):
            peer.request(wire)
            wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + settings)
            wire.until(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            wire.until(b"\x01")  # HEADERS come somewhere; 200 is static entry 8
            wire.send(b"\x00\x00\x00\x04\x01\x00\x00\x00\x00" + b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88")
            wire.rest()

        proxy = Peer(self, talk)
        seen = self.exchanges(proxy.url, "--http", "2", f"http://{NO_SUCH}/")
        self.assertEqual([x["response"]["status"] for x in seen], [200])

    @needs_quic
    def test_http3_goes_through_no_proxy(self):
        _, port = self.both()
        proxy = Proxy(self)
        got = self.ask(proxy, "--cacert", self.ca, "--http", "3", f"https://localhost:{port}/", status=1)
        self.assertIn("HTTP/3 is over QUIC", got.err)
        self.assertIn("--no-proxy", got.err)
        self.assertEqual(proxy.count, 0)
        # what is remembered of HTTP/3 is not used through it, and is without
        url = f"https://localhost:{port}/small"
        self.assertEqual(self.exchanges(None, "--cacert", self.ca, url)[0]["response"]["version"], "HTTP/2")
        patient = ("--limit", "head_start_ms=60000")  # QUIC is not to lose because it is slow
        self.assertEqual(self.exchanges(None, "--cacert", self.ca, *patient, url)[0]["response"]["version"], "HTTP/3")
        self.assertEqual(self.exchanges(proxy, "--cacert", self.ca, url)[0]["response"]["version"], "HTTP/2")
        self.assertEqual(proxy.count, 1)
        got = self.ask(proxy, "--cacert", self.ca, "--http", "all", url)
        self.assertRegex(got.text, r"HTTP/3 .*QUIC")
        self.assertEqual(self.exchanges(None, "--cacert", self.ca, *patient, url)[0]["response"]["version"], "HTTP/3")

    def test_redirects_choose_anew(self):
        port, secure = self.both()
        proxy = Proxy(self)

        def talk(peer, wire):
            head, _ = peer.request(wire)
            to = f"http://{NO_SUCH}:{port}/small" if b"GET /a " in head else f"https://localhost:{secure}/small"
            wire.send(f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {to}\r\nConnection: close\r\n\r\n")

        origin = Peer(self, talk)
        got = self.ask(proxy, "-L", "--cacert", self.ca, f"http://a.invalid:{origin.port}/a", f"http://a.invalid:{origin.port}/b")
        self.assertEqual(got.out, b"s" * 612 * 2)
        self.assertEqual(proxy.lines(), [f"GET http://a.invalid:{origin.port}/a HTTP/1.1", f"GET http://{NO_SUCH}:{port}/small HTTP/1.1",
                                         f"GET http://a.invalid:{origin.port}/b HTTP/1.1", f"CONNECT localhost:{secure} HTTP/1.1"])
        # from one that is excepted to one that is not
        got = self.ask(proxy, "-L", "--no-proxy", f"127.0.0.1:{origin.port}", f"http://127.0.0.1:{origin.port}/a")
        self.assertEqual(got.out, b"s" * 612)
        self.assertEqual(len(proxy.heads), 5)

    def test_cookies_belong_to_the_origin(self):
        def talk(peer, wire):
            while True:
                head, _ = peer.request(wire)
                wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: c=" + head.split()[1][7:8] + b"\r\n\r\n")

        proxy = Peer(self, talk)  # it answers by itself
        jar = self.dir / "a jar"
        self.ask(proxy.url, "--jar", jar, "http://a.invalid/", "http://b.invalid/", "http://a.invalid/")
        sent = [re.findall(rb"(?im)^cookie: *(.*)\r", head) for head in proxy.heads]
        self.assertEqual(sent, [[], [], [b"c=a"]])

    def test_ipv6(self):
        _, port = self.both()
        proxy = Proxy(self, said=b"HTTP/1.1 403 No\r\n\r\n")
        proxy.talk = lambda peer, wire: (peer.request(wire), wire.send(proxy.said))
        self.ask(proxy, "https://[fd00::1]:444/", status=56)
        self.assertEqual(proxy.lines(), ["CONNECT [fd00::1]:444 HTTP/1.1"])
        self.ask(proxy, "https://[fe80::1%lo]/", status=56)  # the zone is this machine's own
        self.assertEqual(proxy.lines()[-1], "CONNECT [fe80::1]:443 HTTP/1.1")

    def test_a_proxy_on_ipv6(self):
        try:
            proxy = Proxy(self, host="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        port, _ = self.both()
        self.assertEqual(self.ask(f"http://[::1]:{proxy.port}/", f"http://{NO_SUCH}:{port}/small").out, b"s" * 612)

    def test_bench(self):
        port, secure = self.both()
        proxy = Proxy(self)
        for url in (f"http://{NO_SUCH}:{port}/small", f"https://localhost:{secure}/small"):
            before = proxy.count
            got = self.tercet("bench", "-x", proxy.name, "-c", "2", "-n", "10", "--json", "--cacert", self.ca, url, env=self.env)
            self.assertEqual(got.status, 0, got)
            told = json.loads(got.out)
            self.assertEqual(told["statuses"], {"200": 10}, told)
            self.assertEqual(proxy.count - before, 2)
        count = proxy.count  # the environment is not heeded
        got = self.tercet("bench", "-c", "1", "-n", "1", f"http://127.0.0.1:{port}/small", env={**self.env, "http_proxy": proxy.url})
        self.assertEqual((got.status, proxy.count), (0, count), got)
        self.assertEqual(self.tercet("bench", "-x", proxy.name, "--http", "3", f"https://localhost:{secure}/", env=self.env).status, 2)


class Choosing(Proxied):
    """Whom a URL is asked through; the origin's name is one that nobody can look up."""

    def test_environment(self):
        port, secure = self.both()
        one, two = Proxy(self), Proxy(self)
        clear, safe = f"http://{NO_SUCH}:{port}/small", f"https://localhost:{secure}/small"

        def through(proxy, url, *options, **env):
            before = one.count, two.count
            self.ask(None, "--cacert", self.ca, *options, url, env=env)
            self.assertEqual((one.count - before[0], two.count - before[1]), (proxy is one, proxy is two), (url, options, env))

        through(one, clear, http_proxy=one.url)
        through(one, clear, http_proxy=one.name)
        through(one, clear, all_proxy=one.url)
        through(one, clear, ALL_PROXY=one.url)
        through(two, clear, ALL_PROXY=one.url, http_proxy=two.url)
        through(one, safe, https_proxy=one.url, http_proxy=two.url)
        through(one, safe, HTTPS_PROXY=one.url)
        through(two, safe, HTTPS_PROXY=one.url, https_proxy=two.url)
        through(None, safe, http_proxy=one.url)
        through(None, safe, https_proxy=one.url, no_proxy="localhost")
        through(None, safe, https_proxy=one.url, NO_PROXY=f".example,localhost:{secure}")
        through(one, safe, https_proxy=one.url, NO_PROXY=f"localhost:{port}")
        through(two, safe, "-x", two.name, https_proxy=one.url)
        through(None, safe, "-x", "", https_proxy=one.url)
        through(None, safe, "--no-proxy", "*", https_proxy=one.url)
        through(one, safe, "--no-proxy", "", https_proxy=one.url, NO_PROXY="*")
        through(None, f"http://127.0.0.1:{port}/small", http_proxy=one.url, NO_PROXY="10.0.0.0/8,127.0.0.0/8")
        through(None, f"http://127.0.0.1:{port}/small", HTTP_PROXY=one.url)  # a CGI program's client could have set it

    def test_nobody_looks_the_origin_up(self):
        """Not one packet to a name server: seen by the name that the resolver is asked for."""
        _, port = self.both()
        proxy = Proxy(self)
        trace = self.dir / "trace"
        strace = shutil.which("strace")
        self.assertTrue(strace, "tools/deps installs strace")
        for url in (f"https://{NO_SUCH}:{port}/", f"http://{NO_SUCH}:{port}/", f"https://{NO_SUCH}:{port}/"):
            self.tercet("get", "-x", proxy.name, url, env=self.env, within=(strace, "-f", "-o", trace, "-e", "trace=connect,sendto,sendmmsg"))
            told = trace.read_text()
            self.assertIn(f"htons({proxy.port})", told)
            self.assertNotIn("htons(53)", told)
            self.assertNotIn(".invalid", re.sub(r"(CONNECT|GET|Host:) [^\"]*", "", told))
        self.tercet("get", f"http://{NO_SUCH}:{port}/", env=self.env, within=(strace, "-f", "-o", trace, "-e", "trace=connect,sendto,sendmmsg"))
        self.assertNotIn(f"htons({proxy.port})", trace.read_text())

    def test_what_is_no_proxy(self):
        for text, why in (("socks5://u:secret@h:1", "SOCKS"), ("ftp://h", "http://"), ("http://h:0", "port"), ("http://h/x", "path"), ("://", "http://")):
            got = self.ask(text, "http://a.invalid/", status=2)
            self.assertIn(why, got.err)
            self.assertNotIn("secret", got.err)
            got = self.ask(None, "http://a.invalid/", status=5, env={"all_proxy": text})
            self.assertIn(f"all_proxy: ", got.err)
            self.assertNotIn("secret", got.err)
        # where it is not used it does not matter
        port, _ = self.both()
        self.ask(None, f"http://127.0.0.1:{port}/", env={"all_proxy": "socks5://h", "no_proxy": "127.0.0.1"})

    def test_nobody_there(self):
        got = self.ask(f"http://127.0.0.1:{free_port()}", "http://a.invalid/", status=7)
        self.assertIn("could not connect to the proxy (in the connect phase)", got.err)
        self.assertIn("Connection refused", got.err)
        got = self.ask("http://proxy.invalid", "http://a.invalid/", status=5)
        self.assertIn("the proxy's host name could not be resolved", got.err)


class Credentials(Proxied):
    def test_to_the_proxy_alone(self):
        seen = []

        def talk(peer, wire):
            while True:
                seen.append(peer.request(wire)[0])
                wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        origin = Peer(self, talk)
        clear, secure = self.both()
        proxy = Proxy(self, users=b"me@home:s:ecr et")
        url = f"http://me%40home:s%3Aecr%20et@{proxy.name}/"
        self.assertEqual(self.ask(url, f"http://{NO_SUCH}:{origin.port}/").out, b"ok")
        self.assertIn(b"home", self.ask(url, "--http", "0.9", f"http://{NO_SUCH}:{clear}/").out)
        got = self.ask(url, "--cacert", self.ca, f"https://localhost:{secure}/echo")
        coded = base64.b64encode(proxy.users)
        self.assertEqual(len([h for h in proxy.heads if coded in h]), 3)
        self.assertNotIn(b"roxy-", b"".join(seen))
        self.assertNotIn(b"roxy-", got.out)

    def test_hidden(self):
        port, secure = self.both()
        proxy = Proxy(self, users=b"me:rosebud")
        url, coded = f"http://me:rosebud@{proxy.name}", base64.b64encode(b"me:rosebud").decode()
        for target in (f"http://{NO_SUCH}:{port}/small", f"https://localhost:{secure}/small"):
            for options in ("-v",), ("-vv",), ("--json",), ("-v", "--http", "1.1"):
                got = self.ask(url, "--cacert", self.ca, *options, target)
                for text in (got.err, got.text):
                    self.assertNotIn(coded, text)
                    self.assertNotIn("rosebud", text)
            got = self.ask(url, "--cacert", self.ca, "-v", target)
            self.assertIn("> Proxy-Authorization: ......", got.err)
            got = self.ask(url, "--cacert", self.ca, "-v", "--show-secrets", target)
            self.assertIn(f"> Proxy-Authorization: Basic {coded}", got.err)
            got = self.ask(f"http://me:wrongword@{proxy.name}", "--cacert", self.ca, "-v", target,
                           status=0 if target.startswith("http:") else 56)
            self.assertNotIn("wrongword", got.err)

    def test_407(self):
        port, secure = self.both()
        proxy = Proxy(self, users=b"me:secret")
        got = self.ask(proxy, "--cacert", self.ca, f"https://localhost:{secure}/", status=56)
        self.assertIn("the proxy wants to know who asks (in the connect phase)", got.err)
        self.assertIn('407 Proxy Authentication Required; it asks for: Basic realm="tests"', got.err)
        self.assertIn("mend  give credentials as in --proxy http://user:password@host:port", got.err)
        got = self.ask(proxy, f"http://localhost:{port}/")  # an answer like others
        self.assertEqual(got.out, b"who?\n")
        self.assertIn("note  that is the proxy's answer", got.err)
        self.ask(proxy, "-f", f"http://localhost:{port}/", status=22)
        seen = json.loads(self.ask(proxy, "--json", f"https://localhost:{secure}/", status=56).out)["exchanges"][0]
        self.assertEqual(seen["connection"]["proxy"]["status"], 407)
        self.assertEqual((seen["error"]["name"], seen["error"]["phase"]), ("PROXY_AUTH", "connect"))

    def test_who_asks_counts(self):
        """Two who ask do not share a connection to the proxy, and a field of one's own goes to the proxy or nowhere."""
        port, secure = self.both()
        proxy = Proxy(self)
        self.ask(proxy, f"http://{NO_SUCH}:{port}/", "Proxy-Authorization:Basic bWU6eA==")
        self.assertIn(b"Proxy-Authorization: Basic bWU6eA==", proxy.heads[0])
        got = self.ask(proxy, "--cacert", self.ca, f"https://localhost:{secure}/", "Proxy-Authorization:Basic bWU6eA==", status=5)
        self.assertIn("would go to the server", got.err)
        self.assertEqual(proxy.count, 1)


class Broken(Proxied):
    """Proxies that do not do their part: the connect phase fails, with their words, in bounded memory."""

    def fails(self, talk, *parts, status=56, options=(), url="https://h.invalid/", seconds=30):
        proxy = Peer(self, talk)
        got = self.ask(proxy.url, *options, url, status=status, seconds=seconds)
        self.assertIn("(in the connect phase)", got.err)
        for part in parts:
            self.assertIn(part, got.err)
        return got

    def says(self, *said, then=None):
        def talk(peer, wire):
            peer.request(wire)
            for part in said:
                wire.send(part)
            if then:
                then(wire)
        return talk

    def test_closes_at_once(self):
        self.fails(lambda peer, wire: None, "the proxy closed the connection")
        self.fails(self.says(), "the proxy closed the connection without an answer")

    def test_resets(self):
        self.fails(self.says(then=lambda wire: wire.reset()), "the proxy closed the connection", "reset by peer")

    def test_never_answers(self):
        got = self.fails(self.says(then=lambda wire: wire.rest()), "did not answer CONNECT in time", status=28,
                         options=("--connect-timeout", "3"))
        self.assertGreater(got.seconds, 0.4)
        self.fails(self.says(b"HTTP/1.1 2", then=lambda wire: wire.rest()), "did not answer CONNECT in time", status=28,
                   options=("--connect-timeout", "3"))
        self.fails(self.says(then=lambda wire: wire.rest()), status=28, options=("--max-time", "3"))

    def test_a_tunnel_to_nobody(self):
        self.fails(self.says(b"HTTP/1.1 200 OK\r\n\r\n", then=lambda wire: wire.rest()), "TLS", status=28,
                   options=("--connect-timeout", "3"))
        self.fails(self.says(b"HTTP/1.1 200 OK\r\n\r\n", then=lambda wire: wire.more()), "TLS", status=35)

    def test_refuses(self):
        for status, reason in ((400, "Bad Request"), (403, "Forbidden"), (502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout")):
            page = b"x" * 5000
            got = self.fails(self.says(f"HTTP/1.1 {status} {reason}\r\nContent-Length: 5000\r\n\r\n".encode() + page),
                             "the proxy made no tunnel to the server", f"answered CONNECT h.invalid:443 with {status} {reason}",
                             "mend  the proxy decides")
            self.assertNotIn("xxx", got.err)

    def test_its_words_are_made_safe(self):
        got = self.fails(self.says(b"HTTP/1.1 403 \x80\xff<b>" + b"w" * 9000 + b"\r\n\r\n"), "403 \\x80\\xff<b>w")
        self.assertLess(len(got.err), 1000)
        got = self.fails(self.says(b"HTTP/1.1 403 a\x1b[31m\r\n\r\n"), "malformed")
        self.assertNotIn("\x1b", got.err)

    def test_200_with_content(self):
        """Such fields mean nothing in an answer to CONNECT; what stands behind it has no place there."""
        self.fails(self.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "more came behind its answer")
        _, port = self.both()
        proxy = Proxy(self, said=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(self.ask(proxy, "--cacert", self.ca, f"https://localhost:{port}/small").out, b"s" * 612)

    def test_200_and_then_garbage(self):
        def late(wire):
            wire.more()  # the client's hello
            wire.send(b"this is not TLS at all\r\n" * 20)
            wire.rest()
        self.fails(self.says(b"HTTP/1.1 200 OK\r\n\r\n", then=late), "TLS", status=35)

    def test_1xx_first(self):
        _, port = self.both()
        proxy = Proxy(self, said=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\n")
        self.assertEqual(self.ask(proxy, "--cacert", self.ca, f"https://localhost:{port}/small").out, b"s" * 612)
        self.fails(self.says(b"HTTP/1.1 103 Early\r\n\r\n" * 1000, then=lambda wire: wire.rest()), "too many 1xx")

    def test_byte_by_byte(self):
        _, port = self.both()

        def talk(peer, wire):
            target = peer.request(wire)[0].split()[1]
            with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2])), 60) as there:
                for byte in b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n":
                    wire.send(bytes([byte]))
                    time.sleep(0.002)
                pump(wire.sock, there)

        self.assertEqual(self.ask(Peer(self, talk).url, "--cacert", self.ca, f"https://localhost:{port}/small").out, b"s" * 612)

    def test_no_http(self):
        self.fails(self.says(b"220 smtp.example ESMTP\r\n", then=lambda wire: wire.rest()), "does not answer in HTTP/1", "mend")
        self.fails(self.says(b"\x15\x03\x01\x00\x02\x02\x0a", then=lambda wire: wire.rest()), "does not answer in HTTP/1")
        self.fails(lambda peer, wire: (wire.send(b"HTTP/1.1 abc\r\n\r\n"), wire.rest()), "status line is malformed")

    def test_heads_without_end(self):
        """A megabyte, and as much as there is time for: it is over at the limit."""
        def forever(wire):
            try:
                for _ in range(4096):
                    wire.send(b"A: " + b"b" * 65533)
            except OSError:
                peer_gone.set()

        for first in (b"HTTP/1.1 200 " + b"x" * 1_000_000, b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1_000_000,
                      b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000):
            peer_gone = threading.Event()
            self.fails(self.says(first, then=forever), "the proxy's answer to CONNECT is malformed")
            self.assertTrue(peer_gone.wait(120), "the client did not hang up")

    def test_memory(self):
        if sanitized():
            return  # their shadow counts too; the limits themselves are tested in test/unit/via.c
        peak = []
        for said in (b"HTTP/1.1 403 No\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"b" * 4_000_000):
            script = ("import resource,subprocess,sys\n"
                      "subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)\n"
                      "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n")
            proxy = Peer(self, self.says(said))
            got = self.other("python3", "-c", script, PROGRAM, "get", "-x", proxy.url, "https://h.invalid/")
            peak.append(int(got.out))
        self.assertLess(peak[1] - peak[0], 1024, peak)  # KB


class Tinyproxy(Proxied):
    def proxy(self, *more):
        self.assertTrue(shutil.which("tinyproxy"), "tools/deps test installs it")
        port, log = free_port(), self.dir / "tinyproxy.log"
        config = self.dir / "tinyproxy.conf"
        config.write_text("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 30", f'LogFile "{log}"', *more]) + "\n")
        proc = subprocess.Popen(["tinyproxy", "-d", "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, preexec_fn=die_with_parent())
        self.addCleanup(lambda: (proc.kill(), proc.wait()))

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 60).close()
                return True
            except OSError:
                return False
        self.assertTrue(wait_for(answers))
        return port

    def test_tinyproxy(self):
        clear, secure = self.both()  # by number: it asks the system for names, and not every tree has an /etc/hosts
        port = self.proxy('BasicAuth me secret', f"ConnectPort {secure}")
        url = f"http://me:secret@127.0.0.1:{port}"
        for target in (f"http://127.0.0.1:{clear}", f"https://127.0.0.1:{secure}"):
            self.assertEqual(self.ask(url, "--cacert", self.ca, f"{target}/big").out, self.files["big"])
            got = self.ask(f"127.0.0.1:{port}", "--cacert", self.ca, f"{target}/", status=0 if "http:" in target else 56)
            self.assertIn("http://user:password@host:port", got.err)
        got = self.ask(url, "--cacert", self.ca, f"https://127.0.0.1:{clear}/", status=56)  # a port it does not tunnel to
        self.assertIn("with 403", got.err)
        got = self.ask(url, f"http://localhost:{free_port()}/")
        self.assertTrue(got.out)  # its page about 500 or 502
