"""A form for a collection, walked by curl and by Chromium, without scripts: two steps, a session in a cookie, a sealed
hidden field. What is changed, sent twice, sent from elsewhere or too late is 403 and writes nothing."""
import concurrent.futures
import html
import json
import os
import re
import time
import urllib.parse

from chromium import Chromium
from harness import Case, wait_for
from test_browser import pixels

PLAIN = "Content-Type: application/x-www-form-urlencoded"
PATH = "/customers/form"


class Visitor:
    """Who keeps a cookie and fills in forms, as a browser does, and writes down what came."""

    def __init__(self, case, server):
        self.case, self.server, self.cookie = case, server, None

    def ask(self, method="GET", fields=(), body=b"", path=PATH):
        fields = list(fields) + ([f"Cookie: {self.cookie}"] if self.cookie else [])
        got = self.server.ask(path, method, fields, body)
        if "set-cookie" in got:
            self.cookie = got.get("set-cookie").split(";")[0]
        return got

    def page(self, **how):
        got = self.ask(**how)
        self.case.assertEqual(got.status, 200, got)
        return got.text

    def send(self, values, status=None, fields=(), kind=PLAIN):
        got = self.ask("POST", [kind, *fields], urllib.parse.urlencode(values).encode())
        if status:
            self.case.assertEqual(got.status, status, got)
        return got


def state_of(page, step):
    """The sealed state of that step's form."""
    found = [html.unescape(text) for text in re.findall(r'name="state" value="([^"]*)"', page)]
    return next(text for text in found if text.startswith(f"step={step}&"))


class Forms(Case):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        self.db = self.dir / "records.db"

    def start(self, *options, **how):
        return self.serve("--records", "/customers:CustID", "--form", "/customers:Name,Address", "--store",
                          f"sqlite:{self.db}", *options, **how)

    def fill(self, who, name="David Smith", address="123 Bank Street"):
        """Step 1; the page of step 2."""
        state = state_of(who.page(), "fill")
        return who.send({"state": state, "Name": name, "Address": address}, 200).text

    def refused(self, got, words, status=403):
        self.assertEqual(got.status, status, got)
        self.assertIn(words, got.text)
        self.assertNotIn("set-cookie", got)

    def nothing_written(self, server):
        self.assertEqual(json.loads(server.ask("/customers").text), [])

    def test_two_steps_write_a_record(self):
        server = self.start("--workers", 2)
        who = Visitor(self, server)
        review = self.fill(who, "  David <Smith> ", 'a "quoted" & é')
        self.assertIn("<td>David &lt;Smith&gt;</td>", review)
        self.assertIn("a &quot;quoted&quot; &amp; é", review)
        self.nothing_written(server)
        state = state_of(review, "review")
        self.assertIn("&Name=David+%3CSmith%3E&Address=a+%22quoted%22+%26+%C3%A9&mac=", state)  # people can read it
        # What counts is what was looked at: fields beside it say nothing.
        saved = who.send({"state": state, "go": "save", "Name": "Mallory"}, 303)
        self.assertEqual(saved.get("location"), "/customers/1")
        self.assertEqual(json.loads(server.ask("/customers/1").text),
                         {"CustID": 1, "Name": "David <Smith>", "Address": 'a "quoted" & é'})
        self.refused(who.send({"state": state, "go": "save"}), "sent before")
        self.assertEqual(len(json.loads(server.ask("/customers").text)), 1)

    def test_one_of_many_at_once_wins(self):
        server = self.start("--workers", 4)
        who = Visitor(self, server)
        values = {"state": state_of(self.fill(who), "review"), "go": "save"}
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            got = sorted(pool.map(lambda _: who.send(values).status, range(48)))
        self.assertEqual(got, [303] + [403] * 47)
        self.assertEqual(len(json.loads(server.ask("/customers").text)), 1)

    def test_too_long_for_the_hidden_field(self):
        server = self.start("--limit", "form_field=2000")
        who = Visitor(self, server)
        for text, status in (("x" * 1000, 200), ("/" * 1000, 413), ("x" * 2001, 413)):  # "/" is three bytes there
            got = who.send({"state": state_of(who.page(), "fill"), "Name": text, "Address": "y"}, status)
            self.assertIn(text if status == 200 else "form_field", got.text)

    def test_back_and_forth(self):
        server = self.start()
        who = Visitor(self, server)
        review = self.fill(who, "Dvaid")
        again = who.send({"state": state_of(review, "review"), "go": "back"}, 200).text
        self.assertIn('value="Dvaid"', again)
        review = who.send({"state": state_of(again, "fill"), "Name": "David", "Address": "x"}, 200).text
        self.assertEqual(who.send({"state": state_of(review, "review"), "go": "save"}, 303).get("location"), "/customers/1")

    def test_what_is_wrong_stands_beside_the_field(self):
        server = self.start()
        who = Visitor(self, server)
        got = who.send({"state": state_of(who.page(), "fill"), "Name": "David", "Address": "  "}, 422)
        self.assertIn('value="David"', got.text)
        self.assertRegex(got.text, r'name="Address" value="" required aria-invalid="true" aria-describedby="(fault-1)">\s*'
                                   r'<p class="fault" id="\1">This is missing')
        got = who.send({"state": state_of(got.text, "fill"), "Name": "a\x01b", "Address": "x"}, 422)
        self.assertIn("control character", got.text)
        for name, words in (("", "A name is missing"), (" ", "A name is missing"), ("é" * 33, "more than 64 bytes"),
                            ("a\nb", "control character")):
            got = who.send({"state": state_of(got.text, "sign-in"), "who": name}, 422)
            self.assertRegex(got.text, r'name="who"[^>]* aria-invalid="true" aria-describedby="who-fault">\s*'
                                       r'<p class="fault" id="who-fault">[^<]*' + words)
        self.nothing_written(server)

    def test_pages_are_safe(self):
        got = self.start().ask(PATH)
        self.assertEqual(got.get("cache-control"), "no-store")
        self.assertIn("form-action 'self'", got.get("content-security-policy"))
        self.assertIn("default-src 'none'", got.get("content-security-policy"))
        self.assertNotIn("<script", got.text)

    def test_other_methods_and_the_name(self):
        server = self.start()
        got = server.ask(PATH, "DELETE")
        self.assertEqual((got.status, got.get("allow")), (405, "GET, HEAD, POST, OPTIONS"))
        got = server.ask("/customers/requests", "PUT", ["Content-Type: application/json"], b'{"CustID": "form"}')
        self.assertEqual(got.status, 422)
        self.assertEqual(server.ask(PATH, "HEAD").status, 200)
        self.assertEqual(self.tercet("serve", "--form", "/a:b").status, 2)
        for wrong in ("/a:b", "/customers", "/customers:", "/customers:a,a", "/customers:CustID", "/customers:a b"):
            got = self.tercet("serve", "--records", "/customers:CustID", "--form", wrong, "--store", f"sqlite:{self.dir}/x")
            self.assertEqual(got.status, 2, got)

    # --- the cookie ---

    def test_cookie_in_clear_text(self):
        server = self.start()
        got = server.ask(PATH)
        self.assertRegex(got.get("set-cookie"), r"^tercet-session=[0-9a-f]{40}; Path=/; HttpOnly; SameSite=Lax$")
        self.assertEqual(server.said().count("goes without Secure and __Host-"), 1)
        value = got.get("set-cookie").split(";")[0].split("=")[1]
        self.assertNotIn(value, got.text)  # what scripts must not see is not on the page
        self.assertNotIn(value.encode(), self.db.read_bytes() + (self.dir / "records.db-wal").read_bytes())

    def test_cookie_over_tls(self):
        server = self.start(listen=["https://127.0.0.1:{port}"], env={"XDG_STATE_HOME": str(self.dir)})
        self.assertNotIn("goes without", server.said())
        url, jar = f"https://127.0.0.1:{server.port}{PATH}", self.dir / "jar"
        for version in ("--http1.1", "--http2"):
            got = self.other("curl", "-ksi", version, "-c", jar, url)
            self.assertRegex(got.text, r"(?im)^set-cookie: __Host-tercet-session=[0-9a-f]{40}; Path=/; Secure; HttpOnly; "
                                       r"SameSite=Lax\r?$")
        page = self.other("curl", "-ks", "-b", jar, url).text
        review = self.other("curl", "-ks", "-b", jar, "-H", f"Origin: https://127.0.0.1:{server.port}", "--data-urlencode",
                            "state=" + state_of(page, "fill"), "-d", "Name=a", "-d", "Address=b", url).text
        got = self.other("curl", "-ksi", "-b", jar, "-F", "state=" + state_of(review, "review"), "-F", "go=save", url)
        self.assertRegex(got.text, r"(?im)^location: /customers/1\r?$")
        # Without the prefix anybody near could have set it: it says nothing here.
        value = jar.read_text().split()[-1]
        got = self.other("curl", "-ksi", "-H", f"Cookie: tercet-session={value}", url)
        self.assertIn("__Host-tercet-session=", got.text)

    def test_75_fixation(self):
        """An id that somebody chose is not taken; signing in makes another one, and the old one is worth nothing."""
        server = self.start()
        victim = Visitor(self, server)
        chosen = victim.cookie = "tercet-session=" + "7" * 40
        page = victim.page()
        self.assertNotEqual(victim.cookie, chosen)
        before, state = victim.cookie, state_of(page, "fill")
        got = victim.send({"state": state_of(page, "sign-in"), "who": "Ada"}, 303)
        self.assertEqual(got.get("location"), PATH)
        self.assertNotEqual(victim.cookie, before)
        self.assertIn("Signed in as <strong>Ada</strong>", victim.page())
        thief = Visitor(self, server)
        thief.cookie = before
        self.assertNotIn("Signed in", thief.page())
        self.assertNotEqual(thief.cookie, before)
        self.refused(victim.send({"state": state, "Name": "a", "Address": "b"}), "another session")
        # Two cookies of that name: one of them is somebody else's.
        twice = Visitor(self, server)
        twice.cookie = victim.cookie + "; " + victim.cookie
        self.assertNotIn("Signed in", twice.page())
        # Signing out ends it for everybody who has the id.
        copy = victim.cookie
        got = victim.send({"state": state_of(victim.page(), "sign-out")}, 303)
        self.assertRegex(got.get("set-cookie"), r"^tercet-session=; .*Max-Age=0")
        thief.cookie = copy
        self.assertNotIn("Signed in", thief.page())

    def test_session_outlives_a_restart(self):
        server = self.start("--workers", 3)
        who = Visitor(self, server)
        who.send({"state": state_of(who.page(), "sign-in"), "who": "Ada"}, 303)
        review = self.fill(who)
        server.stop()
        who.server = self.start("--workers", 2)
        self.assertIn("Signed in as", who.page())
        who.send({"state": state_of(review, "review"), "go": "save"}, 303)

    def test_sessions_end(self):
        server = self.start("--limit", "session_idle_ms=999")  # whole seconds: at once
        who = Visitor(self, server)
        state = state_of(who.page(), "fill")
        self.refused(who.send({"state": state, "Name": "a", "Address": "b"}), "session is over")

    def test_sessions_are_not_reachable(self):
        server = self.start()
        Visitor(self, server).page()
        for path in ("/.sessions", "/customers/.sessions", "/%2esessions", "//.sessions", "/customers/../.sessions"):
            got = server.ask(path, "GET", ["Accept: application/json"])
            self.assertEqual(got.status, 404, (path, got))
            self.assertNotIn("made", got.text)

    def test_too_many_sessions(self):
        server = self.start("--limit", "sessions=3")
        who = Visitor(self, server)
        who.page()
        for _ in range(2):
            self.assertEqual(server.ask(PATH).status, 200)
        got = server.ask(PATH)
        self.assertEqual((got.status, got.get("retry-after")), (503, "60"))
        who.page()  # others go on
        self.fill(who)

    # --- the hidden field ---

    def test_75_tampering(self):
        """Each byte of it, in its turn: 403, and nothing is written. Then it is good, once."""
        server = self.start()
        who = Visitor(self, server)
        state = state_of(self.fill(who), "review")
        with server.wire() as wire:
            for at in range(len(state)):
                bad = state[:at] + ("0" if state[at] != "0" else "1") + state[at + 1:]
                body = urllib.parse.urlencode({"state": bad, "go": "save"}).encode()
                got = wire.ask(PATH, "POST", [PLAIN, f"Cookie: {who.cookie}"], body)
                self.assertEqual(got.status, 403, (at, bad, got))
        for bad in ("", state[:-1], state + "0", state.replace("review", "fill"), state * 2, "x" * 4000):
            self.assertEqual(who.send({"state": bad, "go": "save"}).status, 403)
        self.assertEqual(who.send({"go": "save"}).status, 403)
        self.nothing_written(server)
        stranger = Visitor(self, server)
        stranger.page()
        self.refused(stranger.send({"state": state, "go": "save"}), "another session")
        stranger.cookie = None
        self.refused(stranger.send({"state": state, "go": "save"}), "no session")
        who.send({"state": state, "go": "save"}, 303)

    def test_75_too_late(self):
        server = self.start("--limit", "form_ms=1")
        who = Visitor(self, server)
        page = who.page()
        until = int(re.search(r"until=(\d+)", state_of(page, "fill"))[1])
        wait_for(lambda: int(time.time()) > until)
        self.refused(who.send({"state": state_of(page, "fill"), "Name": "a", "Address": "b"}), "too old")

    def test_75_csrf(self):
        server = self.start()
        who = Visitor(self, server)
        here = f"http://localhost:{server.port}"  # what Host says in these requests is "localhost"
        review = state_of(self.fill(who), "review")
        for field in ("Origin: http://evil.example", "Origin: null", f"Origin: {here}", "Origin: https://localhost",
                      "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: none"):
            self.refused(who.send({"state": review, "go": "save"}, fields=[field]), "not sent by a page of this server")
        self.nothing_written(server)
        who.send({"state": review, "go": "save"}, 303, ["Origin: http://localhost", "Sec-Fetch-Site: same-origin"])

    def test_early_requests_write_nothing(self):
        """What may be a replay (RFC 8470) sends no form, and begins no session."""
        server = self.start()
        early = "Early-Data: 1"
        who = Visitor(self, server)
        self.refused(who.ask(fields=[early]), "replay", 425)
        review = state_of(self.fill(who), "review")
        self.assertEqual(who.ask(fields=[early]).status, 200)  # looking is fine
        self.refused(who.send({"state": review, "go": "save"}, fields=[early]), "replay", 425)
        self.nothing_written(server)
        who.send({"state": review, "go": "save"}, 303)

    # --- the content ---

    def test_22_bad_forms(self):
        server = self.start("--limit", "form_bytes=20000", "--limit", "form_fields=10")
        who = Visitor(self, server)
        state = state_of(who.page(), "fill")
        multipart = "Content-Type: multipart/form-data; boundary=b"
        part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        for kind, body, status, words in (
                (PLAIN, b"a=1&a=2", 400, "twice"), (PLAIN, b"a=%", 400, "hexadecimal"), (PLAIN, b"a=%00", 400, "NUL"),
                (PLAIN, b"a=%ff", 400, "UTF-8"), (PLAIN, b"&".join(b"f%d=1" % n for n in range(11)), 413, "form_fields"),
                (PLAIN, b"a=" + b"x" * 20000, 413, "form_bytes"), (PLAIN, b"a" * 5000 + b"=", 413, "form_head"),
                (PLAIN + ";charset=utf-16", b"a=1", 415, "UTF-8"), ("Content-Type: text/plain", b"a=1", 415, "urlencoded"),
                ("Accept: */*", b"a=1", 415, "urlencoded"), (PLAIN + "\r\nContent-Encoding: gzip", b"a=1", 415, "coding"),
                ("Content-Type: multipart/form-data", b"x", 415, "boundary"),
                ("Content-Type: multipart/form-data; boundary=" + "b" * 71, b"x", 415, "boundary"),
                (multipart, b"", 400, "cut off"), (multipart, part % (b"a", b"1"), 400, "cut off"),
                (multipart, part % (b"a", b"1") * 2 + b"--b--", 400, "twice"),
                (multipart, b"--b\r\n" * 2000, 413, "form_head"),
                (multipart, b"--b\r\n--b\r\n\r\n", 400, "head"), (multipart, b"--bb\r\n", 400, "followed"),
                (multipart, b"--b\r\nX: " + b"y" * 5000, 413, "form_head"),
                (multipart, b"".join(part % (b"%d" % n, b"") for n in range(12)), 413, "form_fields"),
                (multipart, part % (b"a", b"1\0") + b"--b--", 400, "NUL")):
            with self.subTest(kind=kind, body=body[:40]):
                self.refused(who.ask("POST", [kind], body), words, status)
        with server.wire() as wire:  # no length, and no end
            wire.send(f"POST {PATH} HTTP/1.1\r\nHost: a\r\n{multipart}\r\nCookie: {who.cookie}\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n".encode() + b"1000\r\n" + b"-" * 4096 + b"\r\n")
            for _ in range(5):
                wire.send(b"1000\r\n" + b"\r\n--" * 1024 + b"\r\n")
            self.assertEqual(wire.response().status, 413)
        with server.wire() as wire:  # cut off: nothing was sent
            wire.send(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{PLAIN}\r\nCookie: {who.cookie}\r\n"
                      f"Content-Length: 900\r\n\r\nstate={state}".encode())
        who.send({"state": state, "Name": "a", "Address": "b"}, 200)  # so it is still good
        self.nothing_written(server)

    def test_what_all_hold(self):
        """Forms on their way, and pages that nobody reads, count with all that records hold."""
        server = self.start("--limit", "store_held=1048576", "--limit", "form_field=1000000", "--limit", "body_grace_ms=3600000", "--workers", 1)
        who, wires = Visitor(self, server), []
        state = state_of(who.page(), "fill")
        record = json.dumps({"CustID": 1, "x": "y" * 200000}).encode()
        put = lambda: server.ask("/customers/1", "PUT", ["Content-Type: application/json"], record).status
        for _ in range(8):
            wire = server.wire(seconds=60)
            try:
                wire.send(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{PLAIN}\r\nCookie: {who.cookie}\r\n"
                          "Content-Length: 900000\r\n\r\nName=".encode() + b"x" * 250000)
            except OSError:
                pass  # one that is refused
            wires.append(wire)
        self.assertTrue(wait_for(lambda: put() == 503))
        for wire in wires:
            wire.close()
        self.assertTrue(wait_for(lambda: put() in (200, 201)))
        got = who.send({"state": state, "Name": '"' * 200000}, 503)  # the page of what is missing has six bytes for each
        self.assertIn("store_held", got.text)
        self.assertEqual(who.ask().status, 200)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), "limit store_held reached")

    def test_a_file_is_read_over(self):
        server = self.start()
        who = Visitor(self, server)
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % one for one in (
            (b"Name", b"", b"David"), (b"file", b'; filename="a.bin"', bytes(range(256)) * 400), (b"Address", b"", b"here"),
            (b"state", b"", state_of(who.page(), "fill").encode()))) + b"--b--\r\n"
        got = who.ask("POST", ["Content-Type: multipart/form-data; boundary=b"], body)
        self.assertEqual(got.status, 200, got)
        self.assertIn("<td>here</td>", got.text)

    # --- Chromium ---

    def test_chromium_walks_it_without_scripts(self):
        server = self.start("--workers", 2)
        keep = os.environ.get("TERCET_PICTURES")
        walker = Chromium(self)
        walker.ask("Emulation.setScriptExecutionDisabled", value=True)
        self.assertEqual(walker.open(server.url + PATH)["status"], 200)
        walker.fill("#who", "Ada")
        self.assertEqual(walker.press(".who button")["status"], 200)
        self.assertIn("Signed in as <strong>Ada</strong>", walker.html())
        walker.fill("input[name=Name]", "David Smith")
        walker.fill("input[name=Address]", "123 Bank Street")
        for name, what in (("1", ".buttons button"), ("2", "button[value=back]"), (None, ".buttons button")):
            if name:
                picture = self.dir / f"step{name}.png"
                walker.picture(picture)
                width, height, rows = pixels(picture)
                self.assertEqual((width, height), (1000, 1100))
                self.assertGreater(rows, 50, "the picture is blank")
                if keep:
                    picture.rename(f"{keep}/step{name}.png")
            self.assertEqual(walker.press(what)["status"], 200)
        self.assertIn("Is this right?", walker.html())
        got = walker.press("button[value=save]")
        self.assertEqual((got["status"], got["url"]), (200, server.url + "/customers/1"))
        self.assertIn("David Smith", walker.html())
        self.assertEqual(json.loads(server.ask("/customers/1").text)["Address"], "123 Bank Street")
        for selector, where in (("main a", "/customers"), ("a[href$='/form']", PATH)):
            self.assertEqual(walker.press(selector)["url"], server.url + where)
        self.assertIn("Signed in as <strong>Ada</strong>", walker.html())

