"""TLS inside QUIC does what it does over TCP: certificates by name, requests that are misdirected, client
certificates, lists of revoked ones, tickets that are good only where they were made."""
import json
import re
import time

from harness import lines_of, wait_for
from test_h3 import Quic

SHORT = 300  # bytes of a server's Handshake packets without a certificate in them


class Names(Quic):
    def setUp(self):
        super().setUp()
        options = []
        for name, names in (("one", "DNS:one.example"), ("local", "DNS:localhost,DNS:both.example"), ("wild", "DNS:*.wild.example")):
            options += [o for pair in zip(("--cert", "--key"), self.certificate(name, names)) for o in pair]
        self.server = self.secure(*options)

    def test_the_certificate_of_that_name_is_shown(self):
        got = self.tercet("get", "--http", 3, "--cacert", self.authority()[0], f"https://localhost:{self.server.port}/small", env=self.env)
        self.assertEqual((got.status, got.out), (0, b"s" * 612), got)
        got = self.tercet("get", "--http", 3, "--cacert", self.authority()[0], f"https://127.0.0.1:{self.server.port}/small", env=self.env)
        self.assertEqual(got.status, 60, got)
        self.assertIn("it is for one.example", got.err)

    def test_misdirected(self):
        """Requests for each host on one connection made for localhost."""
        hosts = {"localhost": 200, "one.example": 421, "both.example": 200, "a.wild.example": 421, "nobody.example": 421, "LOCALHOST.": 200}
        got = self.other("gtlsclient", "--exit-on-all-streams-close", "--no-quic-dump", "127.0.0.1", self.server.port,
                         *(f"https://{host}:{self.server.port}/small" for host in hosts))
        said = got.text + got.err
        got = {int(stream, 16): int(status) for stream, status in re.findall(r"http: stream (0x[0-9a-f]+) \[:status: (\d+)\]", said)}
        self.assertEqual([got[n] for n in sorted(got)], list(hosts.values()))


class ClientCertificates(Quic):
    def setUp(self):
        super().setUp()
        self.pair = self.certificate("server", "DNS:localhost,IP:127.0.0.1")
        self.me = self.certificate("me", "email:me@example.org", usage="clientAuth")
        self.log = self.dir / "log"

    def asking(self, *options):
        return self.secure("--cert", self.pair[0], "--key", self.pair[1], "--client-ca", self.authority()[0], *options,
                           "--log-format", "json", log=str(self.log))

    def ask(self, server, pair=None):
        own = ("--cert", pair[0], "--key", pair[1]) if pair else ()
        return self.tercet("get", "--http", 3, "--cacert", self.authority()[0], *own, f"https://localhost:{server.port}/echo",
                           "Accept:application/json", env=self.env)

    def logged(self, count):
        return [json.loads(line) for line in lines_of(self.log, count)]

    def test_known_client(self):
        server = self.asking()
        got = self.ask(server, self.me)
        self.assertEqual(json.loads(got.text)["certificate"], "CN=me", got)
        self.assertEqual(self.logged(1)[0]["certificate"], "CN=me")
        own = ("--cert", self.me[0], "--key", self.me[1])
        self.assertIn(b"[:status: 200]", self.gtlsclient(server, "/small", options=own))

    def test_unknown_client(self):
        server = self.asking()
        got = self.ask(server)
        self.assertEqual((got.status, got.out), (58, b""), got)
        self.assertIn("the server wants a certificate of ours: --cert, --key", got.err)
        self.assertIn("the client shows no certificate", self.logged(1)[0]["error"])
        self.log.unlink()
        server = self.asking("--client-cert", "request")
        self.assertNotIn("certificate", json.loads(self.ask(server).text))

    def test_bad_certificates(self):
        late = self.certificate("late", "DNS:x", days=0, usage="clientAuth")
        time.sleep(1.1)
        for option in ("require", "request"):
            self.log.unlink(missing_ok=True)
            server = self.asking("--client-cert", option)
            for n, (pair, word, alert) in enumerate(((late, "it has expired: it ended on", "expired"),
                                                     (self.pair, "it is not for clients", "not supported"))):
                with self.subTest(word, option=option):
                    got = self.ask(server, pair)
                    self.assertEqual((got.status, got.out), (58, b""), got)
                    self.assertRegex(got.err, f"(?s)the server refuses our certificate.*{alert}")
                    line = self.logged(n + 1)[n]
                    self.assertEqual(line["error"], "the client's certificate is refused")
                    self.assertIn(word, line["why"])

    def test_revoked(self):
        other = self.certificate("other", "DNS:x", usage="clientAuth")
        server = self.asking("--client-crl", self.revoked(other[0]))
        self.assertEqual(self.ask(server, self.me).status, 0)
        got = self.ask(server, other)
        self.assertEqual(got.status, 58, got)
        self.assertIn("revoked", got.err)
        self.assertTrue(any("it was revoked" in line.get("why", "") for line in self.logged(2)))
        session, tp = self.dir / "session", self.dir / "tp"
        options = ("--cert", self.me[0], "--key", self.me[1], "--session-file", session, "--tp-file", tp)
        self.gtlsclient(server, "/small", options=(*options, "--wait-for-ticket"))
        self.assertTrue(session.stat().st_size)
        self.revoked(other[0], self.me[0])
        self.assertTrue(wait_for(lambda: self.ask(server) and "crl.pem has changed and was taken up" in server.said(), every=0.3))
        self.assertEqual(self.ask(server, self.me).status, 58)
        # what it proved before does not help
        got = self.other("gtlsclient", "--exit-on-all-streams-close", *options, "127.0.0.1", server.port, f"https://localhost:{server.port}/small")
        self.assertNotIn("[:status: 200]", got.text + got.err)
        self.assertIn("CONNECTION_CLOSE", got.text + got.err)
        self.assertIn("0x12c", got.text + got.err)  # certificate_revoked


class Resumption(Quic):
    """A session is resumed only under the certificate and the client-certificate policy that it was made under."""

    def ask(self, server, *options):
        """Whether the session was resumed; and a request is answered."""
        got = self.other("gtlsclient", "--exit-on-all-streams-close", "--tp-file", self.dir / "tp", "--disable-early-data", *options,
                         "127.0.0.1", server.port, f"https://localhost:{server.port}/small")
        said = got.text + got.err
        ends = [int(m[1]) + int(m[2]) for m in re.finditer(r"rx \d+ Handshake CRYPTO\(0x06\) offset=(\d+) len=(\d+)", said)]
        self.assertTrue(ends, said[-3000:])
        return max(ends) < SHORT, "[:status: 200]" in said

    def test_not_under_another_certificate(self):
        one, two, tickets = self.certificate("one", "DNS:localhost"), self.certificate("two", "DNS:localhost"), self.dir / "tickets"
        servers = [self.secure("--cert", pair[0], "--key", pair[1], "--tickets", tickets) for pair in (one, two)]
        first, session = self.dir / "first", self.dir / "session"
        self.assertEqual(self.ask(servers[0], "--session-file", first, "--wait-for-ticket"), (False, True))
        for server, outcome in ((servers[0], (True, True)), (servers[1], (False, True)), (servers[0], (True, True))):
            session.write_bytes(first.read_bytes())
            self.assertEqual(self.ask(server, "--session-file", session), outcome)

    def test_not_under_another_policy(self):
        pair, me, tickets = self.certificate("one", "DNS:localhost"), self.certificate("me", "DNS:x", usage="clientAuth"), self.dir / "tickets"
        ca, other = self.authority()[0], self.authority("other")[0]
        common = ("--cert", pair[0], "--key", pair[1], "--tickets", tickets)
        servers = {"none": self.secure(*common), "none too": self.secure(*common), "require": self.secure(*common, "--client-ca", ca),
                   "request": self.secure(*common, "--client-ca", ca, "--client-cert", "request"),
                   "other": self.secure(*common, "--client-ca", other, "--client-cert", "request")}
        first, known, session = self.dir / "first", self.dir / "known", self.dir / "session"
        self.assertEqual(self.ask(servers["none"], "--session-file", first, "--wait-for-ticket"), (False, True))
        own = ("--cert", me[0], "--key", me[1])
        self.assertEqual(self.ask(servers["require"], "--session-file", known, "--wait-for-ticket", *own), (False, True))
        for made, name, outcome in ((first, "none too", (True, True)), (first, "request", (False, True)), (first, "require", (False, False)),
                                    (first, "other", (False, True)), (known, "require", (True, True)), (known, "none", (False, True)),
                                    (known, "request", (False, True)), (known, "other", (False, True))):
            with self.subTest(name, made=made.name):
                session.write_bytes(made.read_bytes())
                self.assertEqual(self.ask(servers[name], "--session-file", session), outcome)
