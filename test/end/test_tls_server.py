"""HTTPS at the server beyond the plain case: redirects from http, HSTS, client certificates, requests on
connections made for another name, resumption, and faults; with curl, openssl and Python's ssl as peers."""
import json
import os
import random
import socket
import ssl
import subprocess
import threading
import time

from harness import Peer, free_port, lines_of, wait_for
from test_tls import Tls

NAMES = "DNS:localhost,IP:127.0.0.1"


class Reload(Tls):
    SECONDS = 600

    def test_under_load(self):
        """Certificates, and the authorities of clients, change while several threads open connections to several
        workers: none is lost, and no connection that was open before."""
        both = self.dir / "both.pem"
        pairs = [self.certificate(f"n{i}", NAMES) for i in range(4)]
        authorities = self.dir / "clients.pem"

        def put(file, *parts):
            new = file.with_suffix(".new")
            new.write_bytes(b"".join(part.read_bytes() for part in parts))
            new.replace(file)
        put(both, *pairs[0])
        put(authorities, self.authority()[0])
        server = self.secure("--cert", both, "--client-ca", authorities, "--client-cert", "request", "--workers", 4,
                             "--limit", "idle_ms=3600000", "--limit", "handshake_ms=3600000")
        kept = [self.connect(server, self.context(self.authority()[0])) for _ in range(20)]
        stop, faults, done, seen = threading.Event(), [], [0] * 4, set()

        def load(n):
            context, session = self.context(self.authority()[0]), None
            while not stop.is_set():
                try:
                    plain = socket.create_connection(("127.0.0.1", server.port), 60)
                    with context.wrap_socket(plain, server_hostname="localhost", session=session) as wire:
                        seen.add(wire.getpeercert()["serialNumber"])
                        head, body = self.talk(wire)
                        session = wire.session if done[n] % 3 else None
                    assert b" 200 " in head and len(body) == 612, head
                    done[n] += 1
                except Exception as fault:
                    faults.append(repr(fault))
                    return
        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for round in range(1, 5):
                before = server.said().count("taken up")
                put(both, *pairs[round % 4])
                if round % 2:
                    put(authorities, self.authority()[0], self.authority(f"other{round}")[0])
                self.assertTrue(wait_for(lambda: faults or server.said().count("taken up") > before and len(seen) >= min(round + 1, 4), every=0.1),
                                f"round {round}: {len(seen)} certificates were shown")
                self.assertEqual(faults, [])
            self.assertTrue(wait_for(lambda: faults or min(done) > 3))
        finally:
            stop.set()
            for thread in threads:
                thread.join(200)
        self.assertEqual(faults, [])
        self.assertEqual(len(seen), 4, "not every certificate was shown")
        self.assertNotIn("cannot be used", server.said())
        for wire in kept:
            self.assertIn(b"200 OK", self.talk(wire)[0])


class Pairs(Tls):
    def test_two_kinds_of_key_for_one_name(self):
        """A client is shown what it can use, whichever was given first; also after a change."""
        rsa, ecdsa = self.certificate("rsa", NAMES, kind=("rsa:2048",)), self.certificate("ecdsa", ",".join(reversed(NAMES.split(","))))
        other = self.certificate("other", "DNS:other.example")
        for pairs in ((ecdsa, other, rsa), (rsa, ecdsa, other)):
            server = self.secure(*(word for pair in pairs for word in ("--cert", pair[0], "--key", pair[1])))
            common = ("--cacert", self.authority()[0], "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost:{server.port}/small")
            for change in (False, True):
                if change:
                    self.certificate("rsa", NAMES, kind=("rsa:2048",))
                    self.assertTrue(wait_for(lambda: self.curl(*common).text == "200" and "was taken up" in server.said(), every=0.3))
                for kind in ("RSA", "ECDSA"):
                    with self.subTest(kind=kind, first=pairs[0][0].name, change=change):
                        got = self.curl("--tls-max", "1.2", "--ciphers", f"ECDHE-{kind}-AES128-GCM-SHA256", *common)
                        self.assertEqual((got.status, got.text), (0, "200"), got)
                        algorithm = "rsa_pss_rsae_sha256" if kind == "RSA" else "ecdsa_secp256r1_sha256"
                        told = self.openssl("s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost", "-tls1_3", "-sigalgs",
                                            algorithm, "-CAfile", self.authority()[0], stdin=b"").text
                        self.assertIn("Verify return code: 0 (ok)", told)
                        self.assertIn("a:PKEY: rsaEncryption" if kind == "RSA" else "a:PKEY: id-ecPublicKey", told)

    def test_wide_wildcard(self):
        wide = self.certificate("wide", "DNS:a.localhost,DNS:*.localhost")
        server = self.secure("--cert", wide[0], "--key", wide[1])
        self.assertTrue(wait_for(lambda: "*.localhost is for no host" in server.said()))
        fine = self.certificate("fine", "DNS:localhost,DNS:*.a.localhost")
        server = self.secure("--cert", fine[0], "--key", fine[1])
        self.assertTrue(wait_for(lambda: "Ctrl-C ends" in server.said()))
        self.assertNotIn("for no host", server.said())


class Redirect(Tls):
    def setUp(self):
        super().setUp()
        self.second = free_port()

    def both(self, *options):
        return self.secure("--redirect-https", *options, listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.second}"])

    def test_every_request_is_sent_on(self):
        server = self.both()
        for host, shown in (("a.example", "a.example"), ("a.example:80", "a.example"), ("[::1]:8080", "[::1]"), ("127.0.0.1", "127.0.0.1")):
            for method in ("GET", "HEAD", "POST", "DELETE"):
                with self.subTest(host=host, method=method):
                    got = server.ask("/x?y=%41", method, host=host, body=b"z" if method == "POST" else b"")
                    self.assertEqual((got.status, got.get("location")), (308, f"https://{shown}:{self.second}/x?y=%41"))
        self.assertEqual(server.ask("http://b.example/p", host="a.example").get("location"), f"https://b.example:{self.second}/p")
        self.assertTrue(wait_for(lambda: f"http://127.0.0.1:{server.port}/    to https://" in server.said()))

    def test_no_host_no_address(self):
        server = self.both()
        with server.wire() as wire:
            wire.send(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(wire.response().status, 400)
        self.assertEqual(server.ask("/", host="").status, 400)
        self.assertEqual(server.ask("/", host="a b").status, 400)
        self.assertEqual(server.ask("*", "OPTIONS").get("location"), None)
        self.assertNotIn(b"home", server.raw(b"GET /index.html\r\n"))  # HTTP/0.9

    def test_followed(self):
        server = self.both()
        got = self.curl("-L", "--cacert", self.ca, f"http://127.0.0.1:{server.port}/small")
        self.assertEqual(got.text, "s" * 612, got)
        got = self.curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{redirect_url}",
                        f"http://127.0.0.1:{server.port}/small")
        self.assertEqual(got.text, f"2 308 https://127.0.0.1:{self.second}/small")
        got = self.tercet("get", "-L", f"http://127.0.0.1:{server.port}/small", env=self.env)
        self.assertEqual(got.text, "s" * 612, got)

    def test_the_usual_port_is_not_named(self):
        if os.getuid() != 0:
            self.skipTest("port 443 is for root")
        mine = f"127.{random.randrange(64, 128)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # another run has one of its own
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((mine, 443))
            except OSError as fault:
                self.skipTest(f"{mine}:443: {fault}")
        server = self.secure("--redirect-https", listen=["http://127.0.0.1:{port}", f"https://{mine}:443"])
        self.assertEqual(server.ask("/", host="a.example:8080").get("location"), "https://a.example/")

    def test_wrong_use(self):
        for options in (("--redirect-https", "--listen", "http://127.0.0.1:1"), ("--redirect-https", "--listen", "https://127.0.0.1:1"),
                        ("--hsts", "5", "--listen", "http://127.0.0.1:1"), ("--hsts", "-1"), ("--hsts", "1,all"), ("--hsts", "1,preload,preload"),
                        ("--hsts", ""), ("--client-cert", "require"), ("--client-crl", "x"), ("--client-ca", "x", "--listen", "http://127.0.0.1:1")):
            with self.subTest(options):
                self.assertEqual(self.tercet("serve", self.dir, *options, env=self.env).status, 2)
        bad = self.tercet("serve", self.dir, "--listen", "https://127.0.0.1:1", "--client-ca", self.dir / "none", env=self.env)
        self.assertEqual(bad.status, 77, bad)

    def test_hsts(self):
        server = self.secure("--hsts", "31536000,subdomains,preload", listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.second}"])
        value = "strict-transport-security: max-age=31536000; includeSubDomains; preload"
        for version in ("--http1.0", "--http1.1", "--http2"):
            for path in ("/small", "/nowhere"):
                with self.subTest(version, path=path):
                    got = self.curl(version, "--cacert", self.ca, "-D", "-", "-o", "/dev/null", f"https://127.0.0.1:{self.second}{path}")
                    self.assertEqual([line for line in got.text.splitlines() if line.lower().startswith("strict-")],
                                     [value if version == "--http2" else value.replace("strict-transport-security", "Strict-Transport-Security")])
        for path in ("/small", "/nowhere"):
            self.assertIsNone(server.ask(path).get("strict-transport-security"))
        short = self.secure("--hsts", "0")
        self.assertIn(b"Strict-Transport-Security: max-age=0\r\n", self.talk(self.connect(short))[0] + b"\r\n")


class ClientCertificates(Tls):
    def setUp(self):
        super().setUp()
        self.pair = self.certificate("server", NAMES)
        self.me = self.certificate("me", "email:me@example.org", usage="clientAuth")
        self.log = self.dir / "log"

    def asking(self, *options, **how):
        """It reads what comes behind a handshake that it refuses for long enough, that a slow client hears the alert."""
        return self.secure("--cert", self.pair[0], "--key", self.pair[1], "--client-ca", self.authority()[0], *options,
                           "--limit", "linger_ms=60000", "--log-format", "json", log=str(self.log), **how)

    def get(self, server, pair=None, *options, path="/echo"):
        own = ("--cert", pair[0], "--key", pair[1]) if pair else ()
        return self.tercet("get", "--cacert", self.authority()[0], *own, *options, f"https://localhost:{server.port}{path}",
                           "Accept:application/json", env=self.env)

    def logged(self, count):
        """The lines of the log, once there are so many."""
        return [json.loads(line) for line in lines_of(self.log, count)]

    def test_known_client(self):
        for options in ((), ("--client-cert", "require"), ("--client-cert", "request")):
            with self.subTest(options):
                self.log.unlink(missing_ok=True)
                server = self.asking(*options)
                got = self.get(server, self.me)
                self.assertEqual(got.status, 0, got)
                self.assertEqual(json.loads(got.text)["certificate"], "CN=me")
                self.assertEqual(self.logged(1)[0]["certificate"], "CN=me")
                for version in ("--http1.1", "--http2"):
                    for tls in ("1.2", "1.3"):
                        got = self.curl(version, "--tls-max", tls, "--cacert", self.authority()[0], "--cert", self.me[0], "--key", self.me[1],
                                        "-H", "Accept: application/json", f"https://localhost:{server.port}/echo")
                        self.assertEqual(json.loads(got.text)["certificate"], "CN=me", got)

    def test_unknown_client_is_refused(self):
        server = self.asking()
        got = self.get(server)
        self.assertEqual((got.status, got.out), (58, b""), got)
        self.assertIn("the server wants a certificate of ours: --cert, --key", got.err)
        self.assertIn("the client shows no certificate", self.logged(1)[0]["error"])
        got = self.curl("--tls-max", "1.2", "--cacert", self.authority()[0], f"https://localhost:{server.port}/")
        self.assertNotEqual(got.status, 0)
        self.assertIn("the client shows no certificate", self.logged(2)[1]["error"])
        for version, alert in ((ssl.TLSVersion.TLSv1_2, "handshake failure"), (ssl.TLSVersion.TLSv1_3, "certificate required")):
            with self.assertRaisesRegex(ssl.SSLError, f"(?i){alert}".replace(" ", "[ _]")):
                wire = self.connect(server, self.context(self.authority()[0], minimum_version=version, maximum_version=version))
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                wire.recv(100)
        self.assertIsNone(server.proc.poll())

    def test_unknown_client_is_served_where_that_is_said(self):
        server = self.asking("--client-cert", "request")
        got = self.get(server)
        self.assertNotIn("certificate", json.loads(got.text))
        self.assertNotIn("certificate", self.logged(1)[0])

    def test_the_alert_is_not_overtaken(self):
        """With TLS 1.3 a client is done before the server looks at its certificate, and has sent the begin of HTTP/2 by then."""
        late = self.certificate("late", "DNS:x", days=0, usage="clientAuth")
        other = self.authority("other")
        time.sleep(1.1)
        server = self.asking()
        for pair, alert in (((), "certificate required"), (other, "unknown ca"), (late, "certificate expired")):
            for version in ("--http2", "--http1.1"):
                for n in range(10 if version == "--http2" else 2):
                    with self.subTest(alert, version=version, n=n):
                        own = ("--cert", pair[0], "--key", pair[1]) if pair else ()
                        got = self.curl(version, "--tlsv1.3", "--cacert", self.authority()[0], *own, f"https://localhost:{server.port}/")
                        self.assertIn(got.status, (35, 56), got)
                        self.assertIn(alert, got.err)
        lines = self.logged(36)
        self.assertEqual({line["error"] for line in lines}, {"the client shows no certificate", "the client's certificate is refused"})

    def test_bad_certificates(self):
        late = self.certificate("late", "DNS:x", days=0, usage="clientAuth")
        other = self.authority("other")
        foreign = self.dir / "foreign.pem", self.dir / "foreign.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", foreign[1], "-out",
                     self.dir / "foreign.crt", "-days", 9, "-subj", "/CN=foreign", "-CA", other[0], "-CAkey", other[1])
        foreign[0].write_bytes((self.dir / "foreign.crt").read_bytes())
        time.sleep(1.1)
        for option in ("require", "request"):
            self.log.unlink(missing_ok=True)
            server = self.asking("--client-cert", option)
            for n, (pair, word, alert) in enumerate((
                    (late, "it has expired: it ended on", "expired"), (foreign, "it is from an unknown authority: made by CN=test other", "unknown ca"),
                    (other, "it is self-signed", "unknown ca"), (self.pair, "it is not for clients", "unsupported certificate"))):
                with self.subTest(word, option=option):
                    context = self.context(self.authority()[0])
                    context.load_cert_chain(*pair)
                    with self.assertRaisesRegex(ssl.SSLError, f"(?i){alert}".replace(" ", "[ _]")):
                        wire = self.connect(server, context)
                        wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        wire.recv(100)
                    line = self.logged(n + 1)[n]
                    self.assertEqual(line["error"], "the client's certificate is refused")
                    self.assertIn(word, line["why"])
            got = self.get(server, late)
            self.assertEqual(got.status, 58, got)
            self.assertIn("the server refuses our certificate", got.err)
            got = self.get(server, other)  # it is not even shown: the server names other authorities
            self.assertEqual(got.status, 58 if option == "require" else 0, got)
            if option == "require":
                self.assertIn("by none of the authorities that the server names", got.err)

    def test_revoked(self):
        other = self.certificate("other", "DNS:x", usage="clientAuth")
        server = self.asking("--client-crl", self.revoked(other[0]))
        self.assertEqual(self.get(server, self.me).status, 0)
        got = self.get(server, other)
        self.assertEqual(got.status, 58, got)
        self.assertIn("revoked", got.err)
        self.assertTrue(any("it was revoked" in line.get("why", "") for line in self.logged(2)))
        context = self.context(self.authority()[0])
        context.load_cert_chain(*self.me)
        first = self.connect(server, context)
        self.assertIn(b"200 OK", self.talk(first)[0])
        self.revoked(other[0], self.me[0])
        self.assertTrue(wait_for(lambda: self.get(server) and "crl.pem has changed and was taken up" in server.said(), every=0.3))
        self.assertEqual(self.get(server, self.me).status, 58)
        with self.assertRaisesRegex(ssl.SSLError, "(?i)revoked"):  # what it proved before does not help
            self.talk(self.connect(server, context, session=first.session))
        for file in (self.dir / "none", self.authority()[0]):
            bad = self.tercet("serve", self.dir, "--listen", "https://127.0.0.1:1", "--client-ca", self.authority()[0], "--client-crl", file, env=self.env)
            self.assertEqual(bad.status, 77, bad)

    def test_revoked_server(self):
        server = self.asking("--client-cert", "request")
        common = ("get", "--cacert", self.authority()[0], f"https://localhost:{server.port}/small", "--crlfile")
        self.assertEqual(self.tercet(*common, self.revoked()).status, 0)
        got = self.tercet(*common, self.revoked(self.pair[0]))
        self.assertEqual((got.status, got.out), (60, b""), got)
        self.assertIn("the server's certificate was revoked", got.err)
        old = self.revoked(self.pair[0], days=0)
        time.sleep(2.1)
        self.assertEqual(self.tercet(*common, old).status, 60)

    def test_resumed_client_is_known_and_still_verified(self):
        server = self.asking()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = self.context(self.authority()[0], minimum_version=version, maximum_version=version)
                context.load_cert_chain(*self.me)
                first = self.connect(server, context)
                self.talk(first)
                second = self.connect(server, context, session=first.session)
                self.assertIn(b'"certificate": "CN=me"', self.talk(second, "/echo", "Accept: application/json\r\nConnection: close\r\n")[1])
                self.assertTrue(second.session_reused)

    def brief(self, end):
        """A client's certificate until then."""
        crt, key, csr = (self.dir / f"brief.{e}" for e in ("pem", "key", "csr"))
        ca, ca_key = self.authority()
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr, "-subj", "/CN=brief")
        (self.dir / "index.txt").write_text("")
        (self.dir / "ca.cnf").write_text(f"[a]\ndatabase={self.dir}/index.txt\nnew_certs_dir={self.dir}\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n"
                                         "[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n")
        self.openssl("ca", "-batch", "-config", self.dir / "ca.cnf", "-name", "a", "-cert", ca, "-keyfile", ca_key, "-in", csr, "-out", crt, "-notext",
                     "-extensions", "e", "-startdate", "200101000000Z", "-enddate", time.strftime("%y%m%d%H%M%SZ", time.gmtime(end)))
        return crt, key

    def test_resumed_client_whose_time_is_over(self):
        server = self.asking()
        for seconds in (5, 20, 80):  # the first is enough, unless the machine is slow
            end = time.time() + seconds
            context = self.context(self.authority()[0])
            context.load_cert_chain(*self.brief(end))
            try:
                first = self.connect(server, context)
                head, _ = self.talk(first)
                break
            except ssl.SSLError:
                self.assertGreater(time.time(), end - 1)
        self.assertIn(b"200 OK", head)
        time.sleep(max(0, end + 1.5 - time.time()))
        with self.assertRaisesRegex(ssl.SSLError, "(?i)expired"):
            self.talk(self.connect(server, context, session=first.session))


class Names(Tls):
    """A request for a name that the connection was not made for is misdirected."""

    def setUp(self):
        super().setUp()
        options = []
        for name, names in (("one", "DNS:one.example,DNS:both.example"), ("two", "DNS:two.example,DNS:*.wild.example"), ("three", "DNS:x.wild.example")):
            options += [o for pair in zip(("--cert", "--key"), self.certificate(name, names)) for o in pair]
        self.server = self.secure(*options)

    def ask(self, name, *hosts, version="--http1.1"):
        """Statuses of requests for each host on one connection made for that name."""
        port = self.server.port
        urls = [part for host in hosts for part in ("-o", "/dev/null", f"https://{name}:{port}/small", "-H", f"Host: {host}", "-w", "%{http_code} %{num_connects}\\n", "--next",
                                                    version, "-s", "--cacert", self.authority()[0], "--resolve", f"{name}:{port}:127.0.0.1")]
        got = self.curl(version, "--cacert", self.authority()[0], "--resolve", f"{name}:{port}:127.0.0.1", *urls[:-7])
        lines = [line.split() for line in got.text.splitlines()]
        self.assertEqual([connects for _, connects in lines], ["1"] + ["0"] * (len(hosts) - 1), got)
        return [int(status) for status, _ in lines]

    def test_names_of_one_certificate_share(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                self.assertEqual(self.ask("one.example", "one.example", "both.example", "ONE.example.:99", "nobody.example", version=version), [200] * 4)
                self.assertEqual(self.ask("y.wild.example", "two.example", "z.wild.example", version=version), [200, 200])

    def test_names_of_others_do_not(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                self.assertEqual(self.ask("one.example", "two.example", "one.example", "a.wild.example", "both.example", version=version), [421, 200, 421, 200])
                self.assertEqual(self.ask("two.example", "one.example", "nobody.example", "127.0.0.1", "[::1]", "two.example", version=version),
                                 [421, 421, 421, 421, 200])
                # its own certificate would be another one, but this one is good for it, too
                self.assertEqual(self.ask("two.example", "x.wild.example", version=version), [200])
                self.assertEqual(self.ask("x.wild.example", "y.wild.example", version=version), [421])

    def test_without_a_name(self):
        context = self.context(self.authority()[0], check_hostname=False)
        for host, status in (("one.example", b"200"), ("127.0.0.1", b"200"), ("two.example", b"421")):
            wire = self.connect(self.server, context, name=None)
            wire.sendall(f"GET /small HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            self.assertIn(b" %b " % status, wire.recv(4096))

    def test_single_certificate_is_for_all(self):
        server = self.secure()
        wire = self.connect(server)
        wire.sendall(b"GET /small HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")
        self.assertIn(b"200 OK", wire.recv(4096))


class Resumption(Tls):
    """A session is resumed only under the certificate and the client-certificate policy that it was made under."""

    def s_client(self, server, name, *options):
        """Whether the session was resumed; and a request is answered."""
        got = self.other("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", name, "-CAfile", self.authority()[0],
                         "-ign_eof", *options, stdin=b"GET /small HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % name.encode(), seconds=300)
        return "Reused, TLSv1" in got.text, "s" * 612 in got.text

    def test_not_under_another_certificate(self):
        one, two = self.certificate("one", "DNS:one.example"), self.certificate("two", "DNS:two.example")
        server = self.secure("--cert", one[0], "--key", one[1], "--cert", two[0], "--key", two[1])
        session = self.dir / "session"
        for version in ("-tls1_2", "-tls1_3"):
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_out", session), (False, True))
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_in", session), (True, True))
            self.assertEqual(self.s_client(server, "two.example", version, "-sess_in", session), (False, True))
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_in", session), (True, True))

    def test_not_under_another_policy(self):
        pair, me, tickets = self.certificate("one", "DNS:one.example"), self.certificate("me", "DNS:x", usage="clientAuth"), self.dir / "tickets"
        ca, other = self.authority()[0], self.authority("other")[0]
        common = ("--cert", pair[0], "--key", pair[1], "--tickets", tickets)
        servers = {"none": self.secure(*common), "none too": self.secure(*common), "request": self.secure(*common, "--client-ca", ca, "--client-cert", "request"),
                   "require": self.secure(*common, "--client-ca", ca), "other": self.secure(*common, "--client-ca", other, "--client-cert", "request")}
        session = self.dir / "session"
        for version in ("-tls1_2", "-tls1_3"):
            self.assertEqual(self.s_client(servers["none"], "one.example", version, "-sess_out", session), (False, True))
            for name, outcome in (("none too", (True, True)), ("request", (False, True)), ("require", (False, False)), ("other", (False, True))):
                self.assertEqual(self.s_client(servers[name], "one.example", version, "-sess_in", session), outcome, name)
            known = ("-cert", me[0], "-key", me[1])
            self.assertEqual(self.s_client(servers["require"], "one.example", version, *known, "-sess_out", session), (False, True))
            self.assertEqual(self.s_client(servers["require"], "one.example", version, "-sess_in", session), (True, True))
            for name in ("none", "request", "other"):
                self.assertEqual(self.s_client(servers[name], "one.example", version, "-sess_in", session), (False, True), name)

    def test_not_under_a_renewed_certificate(self):
        pair = self.certificate("one", "DNS:one.example")
        server = self.secure("--cert", pair[0], "--key", pair[1])
        session = self.dir / "session"
        self.assertEqual(self.s_client(server, "one.example", "-sess_out", session), (False, True))
        new = self.certificate("new", "DNS:one.example")
        new[1].replace(pair[1])
        new[0].replace(pair[0])
        self.assertTrue(wait_for(lambda: self.s_client(server, "one.example") and "taken up" in server.said(), every=0.3))
        self.assertEqual(self.s_client(server, "one.example", "-sess_in", session), (False, True))


class Handshakes(Tls):
    def hello(self):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = self.context().wrap_bio(into, out, server_hostname="localhost")
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return out.read()

    def test_slow_ones_end(self):
        server = self.secure("--limit", "handshake_ms=1500")
        hello = self.hello()
        drip, unfinished = server.wire(), server.wire()
        unfinished.send(hello)

        def slowly():
            try:
                for byte in hello:
                    drip.send(bytes([byte]))
                    time.sleep(0.5)
            except OSError:
                pass
        began = time.monotonic()
        thread = threading.Thread(target=slowly)
        thread.start()
        for wire in (drip, unfinished):
            try:
                wire.rest()
            except ConnectionResetError:
                pass
        self.assertLess(time.monotonic() - began, 100)  # the hello alone would take longer
        thread.join()
        self.assertGreater(len(hello), 200)
        self.assertTrue(wait_for(lambda: not self.curl("--cacert", self.ca, f"https://localhost:{server.port}/").status))  # unless it is slow
        server.signal()
        server.wait()
        self.assertRegex(server.said(), "limit handshake_ms reached [2-9] times")

    def test_a_flood_makes_room(self):
        server = self.secure("--workers", 1, "--limit", "handshakes=8", "--limit", "handshake_ms=3600000")
        hello = self.hello()
        wires = []
        for n in range(40):
            wires.append(server.wire())
            wires[-1].send(hello if n % 2 else hello[:50])
            if n % 10 == 9:
                self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
        ended = 0
        for wire in wires[:-8]:
            try:
                wire.rest()
                ended += 1
            except ConnectionResetError:
                ended += 1
        self.assertEqual(ended, 32)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"limit handshakes reached 3\d times")


class Truncated(Tls):
    """TLS that ends without saying so, at each place, and clear text in its midst."""

    def peer(self, *, before=0, parts=(), behind=b""):
        """A server that answers with those parts, then cuts the connection. before: it cuts after so many reads of the
        handshake. behind: clear text in place of the end."""
        pair = self.certificate("good", NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)

        def talk(peer, wire):
            if before:
                into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
                half = context.wrap_bio(into, out, server_side=True)
                for n in range(before):
                    wire.more()
                    into.write(wire.take(1 << 20))
                    try:
                        half.do_handshake()
                    except ssl.SSLWantReadError:
                        pass
                    answer = out.read()
                    wire.send(answer[:len(answer) // 2] if n + 1 == before else answer)
                wire.end()
                wire.rest()
                return
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            peer.request(wire)
            for part in parts:
                wire.send(part)
            raw = socket.socket(fileno=wire.sock.detach())
            if behind:
                raw.sendall(behind)
                raw.shutdown(socket.SHUT_WR)
                raw.recv(100)
            raw.close()
        return Peer(self, talk)

    def get(self, peer, *options):
        return self.tercet("get", "--http", "1.1", "--cacert", self.authority()[0], *options, f"https://localhost:{peer.port}/", env=self.env)

    def test_name_with_nul(self):
        """Not for localhost, whatever a program that stops at NUL would read."""
        name = b"localhost\0.evil.example"
        der = bytes([0x30, len(name) + 2, 0x82, len(name)]) + name
        pair = self.certificate("nul", "DER:" + der.hex(":"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        peer = Peer(self, lambda peer, wire: context.wrap_socket(wire.sock, server_side=True).recv(100))
        got = self.get(peer)
        self.assertEqual((got.status, got.out), (60, b""), got)
        self.assertIn("is for another name", got.err)

    def test_client(self):
        ok = b"HTTP/1.1 200 OK\r\n"
        for place, parts, status, out in (
                ("before the answer", (), 56, b""), ("in the status line", (b"HTTP/1.1 2",), 56, b""), ("in the head", (ok + b"Content-Le",), 56, b""),
                ("in content with a length", (ok + b"Content-Length: 9\r\n\r\n", b"part"), 56, b"part"),
                ("in chunks", (ok + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\npart\r\n"), 56, b"part"),
                ("in content without a length", (ok + b"Connection: close\r\n\r\n", b"part"), 56, b"part"),
                ("after all of it", (ok + b"Content-Length: 4\r\n\r\n", b"part"), 0, b"part")):
            with self.subTest(place):
                got = self.get(self.peer(parts=parts))
                self.assertEqual((got.status, got.out), (status, out), got)
                if status:
                    self.assertIn("cut off", got.err)

    def test_client_in_the_handshake(self):
        got = self.get(self.peer(before=1))
        self.assertEqual(got.status, 35, got)
        self.assertIn("the peer closed the connection", got.err)

    def test_client_hears_clear_text(self):
        for behind in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"\x17\x03\x03\x00\x14" + b"evil" * 5, b"\x16\x03\x03\x00\x04\0\0\0\0"):
            with self.subTest(behind):
                got = self.get(self.peer(behind=behind))
                self.assertEqual((got.status, got.out), (56, b""), got)
                self.assertIn("TLS record is broken", got.err)

    def test_client_renegotiates_with_nobody(self):
        pair, port = self.certificate("good", NAMES), free_port()
        server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", pair[0], "-key", pair[1], "-tls1_2", "-quiet"][:-1],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.kill)

        def ask_again():
            for line in server.stdout:
                if line.startswith(b"GET / HTTP/1.1"):
                    server.stdin.write(b"r\n")
                    server.stdin.close()
                    return
        for line in server.stdout:
            if line.startswith(b"ACCEPT"):
                break
        thread = threading.Thread(target=ask_again)
        thread.start()
        got = self.tercet("get", "--http", "1.1", "--cacert", self.authority()[0], f"https://localhost:{port}/", env=self.env)
        thread.join()
        self.assertEqual((got.status, got.out), (56, b""), got)
        self.assertIn("the peer wants to renegotiate TLS", got.err)

    def test_server(self):
        server = self.secure()
        for sent in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: lo", b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc",
                     b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            for cut in (b"", b"GET /small HTTP/1.1\r\nHost: h\r\n\r\n", b"\x17\x03\x03\x00\x14" + b"evil" * 5):
                with self.subTest(sent, cut=cut):
                    wire = self.connect(server)
                    if sent:
                        wire.sendall(sent)
                    raw = socket.socket(fileno=wire.detach())
                    raw.settimeout(60)
                    raw.sendall(cut)
                    raw.shutdown(socket.SHUT_WR)
                    got = b""
                    try:
                        while data := raw.recv(1 << 16):
                            got += data
                    except ConnectionResetError:
                        pass
                    raw.close()
                    self.assertNotIn(b"HTTP/1.1", got)
        self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
