"""The client through proxies that are spoken to over TLS: one of the test's own, and the tunnels of our own server, which
curl uses, too. TLS in TLS, whom to believe at which end, and what goes wrong."""
import base64
import json
import select
import socket
import ssl
import subprocess
import threading

from harness import free_port
from test_proxy import NO_SUCH, Proxied, Proxy


class SecureProxy(Proxy):
    """Proxy, over TLS. before: what is done with a connection in its place, in clear text."""

    def __init__(self, case, pair, then=None, before=None, host="127.0.0.1", **how):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.context.set_alpn_protocols(["http/1.1"])
        super().__init__(case, host=host, **how)
        self.then, self.before, self.alpn, self.shown = then, before, [], []
        self.talk = SecureProxy.secured

    def secured(self, wire):
        if self.before:
            return self.before(self, wire)
        wire.sock = self.context.wrap_socket(wire.sock, server_side=True)
        self.open.append(wire.sock)
        self.alpn.append(wire.sock.selected_alpn_protocol())
        self.shown.append(wire.sock.getpeercert())
        (self.then or Proxy.talk)(self, wire)

    @property
    def secure(self):
        return f"https://127.0.0.1:{self.port}"


def goodbye(wire):
    """The end, properly said."""
    wire.sock.unwrap()
    wire.sock = socket.socket()


class Secured(Proxied):
    def setUp(self):
        super().setUp()
        self.pair = self.certificate("proxy", "DNS:localhost,IP:127.0.0.1")
        self.whom = self.authority()[0]  # who made the proxy's; self.ca made those of our servers

    def how(self, proxy):
        known = ("--cacert", self.ca) if self.ca.exists() else ()
        return (proxy.secure if isinstance(proxy, SecureProxy) else proxy, *known, "--proxy-cacert", self.whom)

    def asks(self, proxy, *args, **how):
        return self.ask(*self.how(proxy), *args, **how)

    def seen(self, proxy, *args, **how):
        return self.exchanges(*self.how(proxy), *args, **how)


class Forwarding(Secured):
    def test_requests(self):
        port, _ = self.both()
        proxy = SecureProxy(self, self.pair)
        url = f"http://{NO_SUCH}:{port}/small"
        seen = self.seen(proxy, url, url, "--http", "1.1")
        self.assertEqual([x["response"]["body"]["data"] for x in seen], ["s" * 612] * 2)
        self.assertEqual(proxy.lines(), [f"GET {url} HTTP/1.1"] * 2)
        self.assertEqual((proxy.count, proxy.alpn), (1, ["http/1.1"]))
        connection = seen[0]["connection"]
        self.assertEqual((connection["tls"], connection["version"]), (None, "HTTP/1.1"))
        self.assertEqual((connection["proxy"]["tunnel"], connection["proxy"]["tls"]["verified"]), (None, True))
        phases = seen[0]["phases"]["connect"]
        self.assertGreater(phases["proxy_tls_ms"], 0)
        self.assertIsNone(phases["tunnel_ms"])
        self.assertIsNone(phases["tls_ms"])

    def test_large(self):
        port, _ = self.both()
        proxy = SecureProxy(self, self.pair)
        self.assertEqual(self.asks(proxy, f"http://{NO_SUCH}:{port}/big").out, self.files["big"])
        file = self.dir / "up"
        file.write_bytes(self.files["big"])
        got = self.tercet("put", "-x", proxy.secure, "--proxy-cacert", self.whom, f"http://{NO_SUCH}:{port}/echo", f"@{file}", env=self.env)
        self.assertIn(b"Content    3000000 bytes", got.out, got)

    def test_the_end_counts(self):
        """Where content ends with the connection, only TLS says that nobody cut it."""
        def answer(last):
            def then(proxy, wire):
                proxy.request(wire)
                wire.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 40000)
                last(wire)
            return SecureProxy(self, self.pair, then)

        self.assertEqual(len(self.asks(answer(goodbye), "http://a.invalid/").out), 40000)
        got = self.asks(answer(lambda wire: wire.end()), "http://a.invalid/", status=56)
        self.assertIn("TLS did not say that it ends", got.err)

    def test_environment(self):
        port, secure = self.both()
        proxy = SecureProxy(self, self.pair)
        for name, url in (("http_proxy", f"http://{NO_SUCH}:{port}/small"), ("all_proxy", f"http://{NO_SUCH}:{port}/small")):
            self.assertEqual(self.asks(None, url, env={name: proxy.secure}).out, b"s" * 612)
        self.assertEqual(proxy.count, 2)
        self.asks(None, f"https://localhost:{secure}/small", env={"https_proxy": f"https://127.0.0.1:{free_port()}"}, status=7)

    def test_bench(self):
        port, _ = self.both()
        proxy = SecureProxy(self, self.pair)
        got = self.tercet("bench", "-x", proxy.secure, "-c", "2", "-n", "10", "--json", "--cacert", self.whom, f"http://{NO_SUCH}:{port}/small",
                          env=self.env)
        self.assertEqual(got.status, 0, got)
        self.assertEqual(json.loads(got.out)["statuses"], {"200": 10})
        self.assertEqual(proxy.count, 2)


class Believed(Secured):
    def fails(self, proxy, *args, status=60, url="https://h.invalid/"):
        got = self.ask(proxy, *args, url, status=status)
        self.assertIn("the proxy's certificate is not believed (in the connect phase)", got.err)
        self.assertIn(f"{proxy[8:]} (proxy): its certificate", got.err)
        self.assertIn("--proxy-cacert FILE", got.err)
        return got

    def test_whom_to_believe(self):
        port, secure = self.both()
        proxy = SecureProxy(self, self.pair)
        clear = f"http://{NO_SUCH}:{port}/small"
        self.assertIn("unknown authority", self.fails(proxy.secure).err)
        self.fails(proxy.secure, url=clear)
        self.fails(proxy.secure, "--insecure")  # that is for servers
        self.fails(proxy.secure, "--proxy-cacert", self.ca, "--cacert", self.whom)
        self.assertEqual(proxy.heads, [])
        self.ask(proxy.secure, "--cacert", self.whom, clear)
        self.ask(proxy.secure, "--proxy-cacert", self.whom, "--insecure", clear)

    def test_its_name(self):
        proxy = SecureProxy(self, self.certificate("other", "DNS:other.example"))
        got = self.fails(proxy.secure, "--proxy-cacert", self.whom)
        self.assertIn("other.example", got.err)
        self.fails(f"https://localhost:{proxy.port}", "--proxy-cacert", self.whom)
        port, _ = self.both()
        self.asks(f"https://localhost:{SecureProxy(self, self.pair).port}", f"http://{NO_SUCH}:{port}/small")

    def test_expired_and_revoked(self):
        proxy = SecureProxy(self, self.pair)
        got = self.fails(proxy.secure, "--proxy-cacert", self.whom, "--crlfile", self.revoked(self.pair[0]))
        self.assertIn("revoked", got.err)
        self_signed = self.authority("alone")
        got = self.fails(SecureProxy(self, self_signed).secure, "--proxy-cacert", self.whom)
        self.assertIn("self-signed", got.err)

    def test_a_file_that_is_none(self):
        got = self.ask("https://127.0.0.1:1", "--proxy-cacert", self.dir / "none", "http://a.invalid/", status=77)
        self.assertIn("No such file", got.err)

    def test_it_wants_a_certificate(self):
        """Ours is for servers; a proxy is told nothing of it."""
        port, _ = self.both()
        crt, key = self.certificate("me", "DNS:me", usage="clientAuth")
        proxy = SecureProxy(self, self.pair)
        proxy.context.load_verify_locations(self.whom)
        proxy.context.verify_mode = ssl.CERT_OPTIONAL
        self.asks(proxy, "--cert", crt, "--key", key, f"http://{NO_SUCH}:{port}/small")
        self.assertEqual(proxy.shown, [None])
        proxy.context.verify_mode = ssl.CERT_REQUIRED
        got = self.asks(proxy, "--cert", crt, "--key", key, "https://h.invalid/", status=56)
        self.assertIn("it wants a certificate of ours, and proxies are shown none", got.err)


class Broken(Secured):
    def fails(self, status, *parts, before=None, then=None, options=(), url="https://h.invalid/"):
        got = self.asks(SecureProxy(self, self.pair, then, before), *options, url, status=status)
        self.assertIn("(in the connect phase)", got.err)
        for part in ("(proxy)", *parts):
            self.assertIn(part, got.err)
        return got

    def test_no_handshake(self):
        for before in (lambda proxy, wire: wire.more(), lambda proxy, wire: None, lambda proxy, wire: (wire.more(), wire.reset()),
                       lambda proxy, wire: (wire.more(), wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), wire.rest())):
            for url in "https://h.invalid/", "http://h.invalid/":
                self.fails(35, "the TLS handshake with the proxy failed", "mend  write --proxy http://host:port", before=before, url=url)

    def test_never_answered(self):
        got = self.fails(28, "did not answer the TLS handshake in time", before=lambda proxy, wire: wire.rest(), options=("--connect-timeout", "4"))
        self.assertGreater(got.seconds, 3.9)
        self.fails(28, "did not answer CONNECT in time", then=lambda proxy, wire: wire.rest(), options=("--connect-timeout", "8"))
        self.asks(SecureProxy(self, self.pair, before=lambda proxy, wire: wire.rest()), "--max-time", "0.5", "https://h.invalid/", status=28)

    def test_answers_that_are_none(self):
        def says(*said, last=goodbye):
            def then(proxy, wire):
                proxy.request(wire)
                for part in said:
                    wire.send(part)
                last(wire)
            return then

        self.fails(56, "the proxy closed the connection without an answer", then=says())
        self.fails(56, "TLS did not say that it ends", then=says(last=lambda wire: wire.end()))
        self.fails(56, "closed the connection within its answer", then=says(b"HTTP/1.1 200 OK\r\n"))
        self.fails(56, "answered CONNECT h.invalid:443 with 403 No", then=says(b"HTTP/1.1 403 No\r\n\r\n"))
        self.fails(56, "does not answer in HTTP/1", then=says(b"220 smtp\r\n"))
        self.fails(56, "more came behind its answer", then=says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
        self.fails(56, "--limit fields_bytes", then=says(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1_000_000))
        got = self.asks(SecureProxy(self, self.pair, says(b"HTTP/1.1 200 OK\r\n\r\n", last=lambda wire: (wire.more(), wire.send(b"no TLS at all\r\n" * 9),
                                                                                                  wire.rest()))), "https://h.invalid/", status=35)
        self.assertNotIn("with the proxy", got.err)  # in the tunnel somebody else is at fault

    def test_a_server_that_speaks_first_in_the_tunnel(self):
        """What stands behind the proxy's answer, in the same record, is not lost; nor what is cut anywhere."""
        settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

        def then(proxy, wire):
            proxy.request(wire)
            for part in parts(b"HTTP/1.1 200 OK\r\n\r\n" + settings):
                wire.send(part)
            wire.until(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            wire.until(b"\x01\x05\x00\x00\x00\x01")  # the request's HEADERS
            wire.send(b"\x00\x00\x00\x04\x01\x00\x00\x00\x00" + b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88")
            wire.rest()

        for parts in (lambda said: [said]), (lambda said: [said[i:i + 1] for i in range(len(said))]):
            for _ in range(5):
                seen = self.seen(SecureProxy(self, self.pair, then), "--http", "2", f"http://{NO_SUCH}/")
                self.assertEqual([x["response"]["status"] for x in seen], [200])


class OurTunnels(Secured):
    """`tercet serve` as the proxy, over TLS and in clear text."""

    def proxy(self, *options):
        secure = free_port()
        server = self.serve("--cert", self.pair[0], "--key", self.pair[1], *options, files={"x": "the proxy's own"},
                            listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{secure}"], env=self.env)
        return server.url, f"https://127.0.0.1:{secure}"

    def through(self, *more, **how):
        """A server, and for each way to reach the proxy its URL."""
        self.clear, self.port = self.both(**how)
        return self.proxy("--connect", f"localhost:{self.port}", "--connect", f"localhost:{self.clear}",
                          "--connect", "127.0.0.1:1-65535", *more)

    def test_versions(self):
        for proxy in self.through():
            for options, version in (((), "HTTP/2"), (("--http", "1.1"), "HTTP/1.1"), (("--http", "2"), "HTTP/2"), (("--http", "1.0"), "HTTP/1.0")):
                seen = self.seen(proxy, *options, *[f"https://localhost:{self.port}/small"] * 2)
                self.assertEqual([x["response"]["body"]["data"] for x in seen], ["s" * 612] * 2)
                self.assertEqual(seen[0]["connection"]["version"], version.replace("1.0", "1.1"))
                told = seen[0]["connection"]["proxy"]
                self.assertEqual((told["tunnel"], told["status"]), (f"localhost:{self.port}", 200))
                self.assertEqual(told["tls"] and told["tls"]["version"], "TLS 1.3" if "https" in proxy else None)
                phases = seen[0]["phases"]["connect"]
                self.assertEqual(phases["proxy_tls_ms"] is None, "https" not in proxy)
                parts = [phases[n] or 0 for n in ("lookup_ms", "connect_ms", "proxy_tls_ms", "tunnel_ms", "tls_ms")]
                self.assertLessEqual(sum(parts), phases["ms"] + 0.01)
            for version in "2", "0.9":  # clear text in the tunnel
                self.assertEqual(self.asks(proxy, "--http", version, f"http://localhost:{self.clear}/small").out, b"s" * 612)

    def test_tls_1_2_in_it(self):
        proxy = self.through()[1]
        crt, key = self.certificate("old", "DNS:localhost")
        port = free_port()
        served = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", crt, "-key", key, "-tls1_2", "-www", "-quiet"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (served.kill(), served.wait()))
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                select.select([], [], [], 0.05)
        seen = self.exchanges(proxy, "--cacert", self.whom, f"https://127.0.0.1:{port}/", "Host:localhost", status=60)
        self.assertEqual(seen[0]["error"]["name"], "CERT_NAME")  # the server's, at the far end
        self.assertEqual(seen[0]["connection"]["proxy"]["tls"]["version"], "TLS 1.3")

    def test_large_both_ways(self):
        file = self.dir / "up"
        file.write_bytes(self.files["big"])
        for proxy in self.through():
            for options, url in (((), f"https://localhost:{self.port}"), (("--http", "1.1"), f"https://localhost:{self.port}"),
                                 (("--http", "2"), f"http://localhost:{self.clear}")):
                self.assertEqual(self.asks(proxy, *options, f"{url}/big").out, self.files["big"])
                got = self.tercet("put", "-x", proxy, *options, "--cacert", self.ca, "--proxy-cacert", self.whom, f"{url}/echo", f"@{file}",
                                  env=self.env)
                self.assertIn(b"Content    3000000 bytes", got.out, got)

    def test_many_at_once(self):
        """Streams of one tunnel, and tunnels beside each other."""
        proxy = self.through()[1]
        urls = [f"https://localhost:{self.port}/small"] * 20 + [f"https://localhost:{self.port}/big"] * 3
        self.assertEqual(self.asks(proxy, *urls).out, b"s" * 612 * 20 + self.files["big"] * 3)
        got = [None] * 4

        def run(i):
            got[i] = self.asks(proxy, f"https://localhost:{self.port}/big").out
        threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual([g == self.files["big"] for g in got], [True] * 4)

    def test_coming_back(self):
        """The server's ticket is for the server, also where it came through a proxy."""
        proxy = self.through()[1]
        seen = self.seen(proxy, "--http", "1.0", *[f"https://localhost:{self.port}/small"] * 2)
        self.assertEqual([x["connection"]["number"] for x in seen], [1, 2])
        self.assertEqual([x["connection"]["tls"]["resumed"] for x in seen], [False, True])
        self.assertEqual([x["connection"]["proxy"]["tls"]["resumed"] for x in seen], [False, False])

    def test_bench(self):
        proxy = self.through()[1]
        both = self.dir / "both.pem"
        both.write_bytes(self.ca.read_bytes() + self.whom.read_bytes())
        got = self.tercet("bench", "-x", proxy, "-c", "2", "-n", "20", "--json", "--cacert", both, f"https://localhost:{self.port}/small", env=self.env)
        self.assertEqual(got.status, 0, got)
        self.assertEqual(json.loads(got.out)["statuses"], {"200": 20})

    def test_where_it_does_not_lead(self):
        for proxy in self.proxy("--connect", "*:443", "--connect", "localhost:1"):
            for url, why in ((f"https://h.invalid:444/", "error=http_request_denied"), ("https://169.254.169.254/", "error=destination_ip_prohibited"),
                             ("https://localhost:1/", "error=destination_ip_prohibited")):
                got = self.asks(proxy, url, status=56)
                self.assertIn("the proxy made no tunnel to the server (in the connect phase)", got.err)
                self.assertRegex(got.err, rf"127\.0\.0\.1:\d+ \(proxy\) answered CONNECT [^ ]+ with 403 Forbidden; Proxy-Status: tercet; {why}")
        for proxy in self.proxy():  # tunnels are not there at all
            self.assertIn("with 405 Method Not Allowed", self.asks(proxy, "https://h.invalid/", status=56).err)

    def test_nobody_at_the_far_end(self):
        nobody = free_port()
        for proxy in self.proxy("--connect", f"127.0.0.1:{nobody}"):
            self.assertIn("with 502 Bad Gateway; Proxy-Status: tercet; error=connection_refused", self.asks(proxy, f"https://127.0.0.1:{nobody}/", status=56).err)

    def test_who_asks(self):
        self.clear, self.port = self.both()
        (self.dir / "users").write_text(self.tercet("password", "me", stdin=b"rosebud\n").text)
        port, coded = free_port(), base64.b64encode(b"me:rosebud").decode()
        config = self.dir / "proxy.conf"
        config.write_text(f'listen = {{"https://127.0.0.1:{port}"}}\ncert = {{"{self.pair[0]}"}}\nkey = {{"{self.pair[1]}"}}\n'
                          f'connect = {{"localhost:{self.port}", "127.0.0.1:{self.port}"}}\nauth = "tunnels"\nauth-users = "{self.dir}/users"\n')
        self.serve("--config", config, root=False, listen=False, port=port, echo=False, env=self.env)
        url = f"https://localhost:{self.port}/small"
        got = self.asks(f"https://127.0.0.1:{port}", url, status=56)
        self.assertIn("the proxy wants to know who asks", got.err)
        got = self.asks(f"https://me:rosebud@127.0.0.1:{port}", "-v", url)
        self.assertEqual(got.out, b"s" * 612)
        self.assertIn("> Proxy-Authorization: ......", got.err)
        self.assertNotIn(coded, got.err)
        self.asks(f"https://me:wrong@127.0.0.1:{port}", url, status=56)

    def test_curl(self):
        for proxy in self.through():
            for version in "--http1.1", "--http2":
                got = self.curl("--noproxy", "", "--proxy", proxy, "--proxy-cacert", self.whom, "--cacert", self.ca, version,
                                "-w", "%{http_version} %{http_connect} %{proxy_ssl_verify_result}", "-o", self.dir / "got", f"https://localhost:{self.port}/big")
                self.assertEqual((got.status, got.text), (0, f"{'2' if version == '--http2' else '1.1'} 200 0"), got)
                self.assertEqual((self.dir / "got").read_bytes(), self.files["big"])
            got = self.curl("--noproxy", "", "--proxytunnel", "--proxy", proxy, "--proxy-cacert", self.whom, f"http://localhost:{self.clear}/small")
            self.assertEqual((got.status, got.out), (0, b"s" * 612), got)
            got = self.curl("--noproxy", "", "--proxy", proxy, "--proxy-cacert", self.whom, "-w", "%{http_connect}", "https://h.invalid/")
            self.assertEqual((got.status, got.text), (56, "403"), got)
