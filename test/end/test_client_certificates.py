"""Certificates of clients at the server: known, unknown, expired, revoked, resumed."""
import json
import ssl
import time

from harness import lines_of, wait_for
from test_tls import Tls
from test_tls_server import NAMES


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
