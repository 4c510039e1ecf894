"""Who is asking: proxies that are believed, the PROXY protocol, passwords, networks, rates; through the real program."""
import base64
import json
import shutil
import socket
import ssl
import struct
import subprocess

from harness import PROGRAM, Wire, die_with_parent, free_port, lines_of, needs_quic, wait_for
from test_tls import Tls

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source, port=4711, more=b"", command=0x21):
    """A header of version 2, over IPv4; more: what is said besides (TLVs)."""
    body = socket.inet_aton(source) + socket.inet_aton("192.0.2.2") + struct.pack(">HH", port, 80) + more
    return SIGNATURE + struct.pack(">BBH", command, 0x11, len(body)) + body


def basic(name, password):
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Asking(Tls):
    def ask(self, server, *lines, path="/echo", before=b""):
        """The answer; .said: what the echo said."""
        with server.wire() as wire:
            wire.send(before)
            answer = wire.ask(path, fields=("Accept: application/json", "Connection: close") + lines)
        is_echo = answer.status == 200 and path == "/echo"
        answer.said = json.loads(answer.body) if is_echo else None
        return answer

    def conf(self, text):
        path = self.dir / "tercet.conf"
        path.write_text(text)
        return path


class Proxies(Asking):
    def test_a_trusted_one_says_who_it_is(self):
        log = self.dir / "log"
        server = self.serve("--trust", "loopback", "--log-format", "json", log=str(log))
        said = self.ask(server, "X-Forwarded-For: 203.0.113.9, 192.0.2.1", "X-Forwarded-Proto: https").said
        self.assertEqual((said["client"], said["proxy"], said["scheme"]), ("192.0.2.1", "127.0.0.1", "https"))
        said = self.ask(server, 'Forwarded: for="[2001:db8::7]:99";proto=https').said
        self.assertEqual((said["client"], said["scheme"]), ("2001:db8::7", "https"))
        lines = [json.loads(line) for line in lines_of(log, 2)]
        self.assertEqual(sorted((line["client"], line.get("port"), line.get("proxy")) for line in lines),
                         [("192.0.2.1", None, "127.0.0.1"), ("2001:db8::7", 99, "127.0.0.1")])

    def test_nginx_sends_it_on(self):
        if not shutil.which("nginx"):
            self.fail("nginx is missing: tools/deps test")
        server, port = self.serve("--trust", "127.0.0.1"), free_port()
        conf = self.dir / "nginx.conf"
        conf.write_text(f"""daemon off; master_process off; pid {self.dir}/nginx.pid; error_log stderr;
            events {{}}
            http {{ access_log off; client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p;
            fastcgi_temp_path {self.dir}/f; uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
            server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {server.url};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }} }} }}""")
        nginx = subprocess.Popen(["nginx", "-c", str(conf), "-p", str(self.dir)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent())
        self.addCleanup(lambda: (nginx.kill(), nginx.wait()))
        self.assertTrue(wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", port))))
        got = json.loads(self.curl("-H", "Accept: application/json", "-H", "X-Forwarded-For: 203.0.113.9",
                                   f"http://127.0.0.1:{port}/echo").out)
        self.assertEqual(got["client"], "203.0.113.9", got)  # nginx is trusted, and so is who asks it: 127.0.0.1
        got = self.curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Forwarded: for=192.0.2.1", f"http://127.0.0.1:{port}/echo")
        self.assertEqual(got.out, b"400", got)  # it passes that on, and says otherwise itself

    def test_they_speak_https_and_it_is_said_to_go_on(self):
        server = self.serve("--trust", "127.0.0.1", "--hsts", "3600,subdomains")
        for line, said in (("X-Forwarded-Proto: https", "max-age=3600; includeSubDomains"), ("X-Forwarded-Proto: http", None), ("X: y", None),
                           ('Forwarded: for="[::7]";proto=https', "max-age=3600; includeSubDomains")):
            for path in ("/", "/nowhere", "/echo"):
                with self.subTest(line, path=path):
                    self.assertEqual(self.ask(server, line, path=path).get("strict-transport-security"), said)
        server = self.serve("--trust", "192.0.2.1", "--hsts", "3600")
        self.assertNotIn("strict-transport-security", self.ask(server, "X-Forwarded-Proto: https", path="/"))
        with server.wire() as wire:
            self.assertNotIn("strict-transport-security", wire.ask("https://127.0.0.1/"))

    def test_lists_see_the_client(self):
        server = self.serve("--trust", "loopback", "--allow", "192.0.2.0/24", "--deny", "192.0.2.66")
        for said, status in (("192.0.2.1", 200), ("192.0.2.66", 403), ("198.51.100.1", 403), ("unknown", 403)):
            with self.subTest(said):
                self.assertEqual(self.ask(server, "X-Forwarded-For: " + said).status, status)
        self.assertEqual(self.ask(server).status, 403)


class ProxyProtocol(Asking):
    LISTEN = ["http://127.0.0.1:{port} proxy-protocol"]

    def test_both_versions(self):
        server = self.serve("--trust", "loopback", listen=self.LISTEN)
        for header, client in ((b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "192.0.2.1"),
                               (b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"),
                               (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (v2("192.0.2.9", more=b"\x04\0\x20" + bytes(32)), "192.0.2.9"),
                               (v2("192.0.2.9", command=0x20), "127.0.0.1")):
            with self.subTest(header):
                said = self.ask(server, before=header).said
                self.assertEqual((said["client"], said.get("proxy")), (client, None))

    def test_curl_says_it(self):
        server = self.serve("--trust", "loopback", listen=self.LISTEN)
        got = self.curl("--haproxy-protocol", "-H", "Accept: application/json", server.url + "/echo")
        self.assertEqual(json.loads(got.out)["client"], "127.0.0.1", got)

    def test_haproxy_says_it_before_tls(self):
        if not shutil.which("haproxy"):
            self.fail("haproxy is missing: tools/deps test")
        log = self.dir / "log"
        server = self.serve("--trust", "127.0.0.1", "--log-format", "json", log=str(log),
                            listen=["https://127.0.0.1:{port} proxy-protocol"])
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"):
            with self.subTest(send):
                port, conf = free_port(), self.dir / "haproxy.cfg"
                conf.write_text(f"""global
  maxconn 100
defaults
  mode tcp
  timeout connect 10s
  timeout client 20s
  timeout server 20s
listen in
  bind 127.0.0.1:{port}
  source 127.0.0.1
  server s 127.0.0.1:{server.port} {send}
""")
                haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(conf)], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent())
                self.addCleanup(lambda p: (p.kill(), p.wait()), haproxy)
                self.assertTrue(wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", port))))
                got = self.curl("-k", "--interface", "127.0.0.9", "-H", "Accept: application/json", f"https://127.0.0.1:{port}/echo")
                said = json.loads(got.out)
                self.assertEqual((said["client"], said["version"]), ("127.0.0.9", "HTTP/2"), got)

    def test_the_log_tells_faults_apart(self):
        for form in ("text", "json"):
            log = self.dir / form
            server = self.serve("--trust", "loopback", "--limit", "proxy_ms=500", "--limit", "proxy_header=200", "--log-format", form,
                                log=str(log), listen=self.LISTEN)
            rows = ((b"GET / HTTP/1.1\r\n\r\n", "begins with no PROXY header, or a malformed one"), (b"PROXY TCP4 192", "did not come in time"),
                    (v2("192.0.2.1", more=bytes(300)), "the PROXY header is too long"))
            for number, (data, why) in enumerate(rows):
                with server.wire() as wire:
                    wire.send(data)
                    self.assertTrue(wire.ended())
                line = lines_of(log, number + 1)[number]
                self.assertIn(why, line)
                self.assertIn("127.0.0.1", line)
            with server.wire() as wire:  # whoever just looks whether somebody is there
                wire.end()
                self.assertTrue(wire.ended())
            self.assertEqual(self.ask(server, before=b"PROXY UNKNOWN\r\n").status, 200)
            self.assertEqual(len(lines_of(log, 4)), 4)
        log = self.dir / "others"
        server = self.serve("--trust", "10.0.0.0/8", "--log-format", "json", log=str(log), listen=self.LISTEN)
        with server.wire() as wire:
            self.assertTrue(wire.ended())
        line = json.loads(lines_of(log, 1)[0])
        self.assertIn("who connects is not trusted to say one", line["error"])
        self.assertEqual(line["client"], "127.0.0.1")
        self.assertGreater(line["port"], 0)

    def test_it_needs_trust(self):
        got = self.tercet("serve", "--listen", "http://127.0.0.1:0 proxy-protocol", self.site({"index.html": "x"}))
        self.assertEqual(got.status, 2, got)
        self.assertIn("wants \"trust\"", got.err)


class Passwords(Asking):
    def users(self, *people):
        """A file of them, made by the program: (name, password)."""
        path = self.dir / "users"
        path.write_text("# people\n" + "".join(
            self.tercet("password", name, stdin=f"{password}\n".encode()).text for name, password in people))
        return path

    def test_of_a_route(self):
        users, log = self.users(("alice", "sesame"), ("bob", "pass: word")), self.dir / "log"
        server = self.serve("--config", self.conf(f"""route "/in" {{ auth = "The \\"place\\""
            auth-users = "{users}" }}"""), "--log-format", "combined", log=str(log),
                            files={"index.html": "out", "in/index.html": "in"})
        self.assertEqual(self.ask(server, path="/").status, 200)
        answer = self.ask(server, path="/in/")
        self.assertEqual((answer.status, answer.get("www-authenticate")),
                         (401, 'Basic realm="The \\"place\\"", charset="UTF-8"'))
        self.assertEqual(self.ask(server, basic("alice", "Sesame"), path="/in/").status, 401)
        self.assertEqual(self.ask(server, basic("bob", "pass: word"), path="/in/").body, b"in")
        with server.wire() as wire:
            for _ in range(100):  # each would take some ms, if it was not remembered
                self.assertEqual(wire.ask("/in/", fields=(basic("alice", "sesame"),)).body, b"in")
        got = self.curl("-u", "alice:sesame", server.url + "/in/")
        self.assertEqual(got.out, b"in", got)
        lines = lines_of(log, 105)
        self.assertIn("127.0.0.1 - bob [", "\n".join(lines))
        self.assertEqual(sum("127.0.0.1 - alice [" in line for line in lines), 101)
        self.assertNotIn("sesame", "\n".join(lines).lower())

    def test_of_who_asks_for_a_tunnel(self):
        """He speaks to a proxy: 407, and what he says there goes no further."""
        users, log = self.users(("alice", "sesame")), self.dir / "log"
        origin = self.serve("--log-format", "json", log=str(log))
        server = self.serve("--auth", "Way out", "--auth-users", users, "--connect", f"127.0.0.1:{origin.port}")
        to = f"127.0.0.1:{origin.port}"
        for said in ("X: y", basic("alice", "sesame"), "Proxy-" + basic("alice", "Sesame")):
            with self.subTest(said), server.wire() as wire:
                answer = wire.ask(to, "CONNECT", fields=(said,))
                self.assertEqual((answer.status, answer.get("proxy-authenticate"), answer.get("www-authenticate")),
                                 (407, 'Basic realm="Way out", charset="UTF-8"', None))
        self.assertEqual(self.ask(server, "Proxy-" + basic("alice", "sesame"), path="/").status, 401)
        way = ("--noproxy", "", "--proxytunnel", "--proxy", server.url)
        got = self.curl(*way, "--proxy-user", "alice:sesame", "-H", "Accept: application/json", origin.url + "/echo")
        self.assertEqual(json.loads(got.out)["client"], "127.0.0.1", got)
        self.assertNotIn(b"uthorization", got.out)
        got = self.curl(*way, "-o", "/dev/null", "-w", "%{http_connect}", "--proxy-user", "alice:x", origin.url)
        self.assertEqual(got.out, b"407", got)
        for name, status in (("alice:sesame", 0), ("bob:sesame", 56)):
            with self.subTest(name):
                got = self.tercet("get", "--http", "2", "--proxy", f"http://{name}@127.0.0.1:{server.port}", origin.url + "/echo")
                self.assertEqual(got.status, status, got)
                self.assertNotIn("sesame", got.err)
                self.assertNotIn(b"uthorization", got.out)

    def test_a_file_is_guarded_at_each_of_its_addresses(self):
        users = self.users(("alice", "sesame"))
        auth = f'{{ auth = "x" auth-users = "{users}" }}'
        server = self.serve("--config", self.conf(f"""clean-urls = on
            route "/in.html" {auth}
            route "/start/index.html" {auth}"""), files={"in.html": "in", "start/index.html": "start", "out.html": "out"})
        for path, name, text in (("/in", "/in.html", b"in"), ("/start/", "/start/index.html", b"start")):
            answer = self.ask(server, path=path + "?q")
            self.assertEqual((answer.status, answer.get("location")), (301, name + "?q"))
            self.assertEqual(self.ask(server, path=name).status, 401)
            self.assertEqual(self.ask(server, basic("alice", "sesame"), path=name).body, text)
        self.assertEqual(self.ask(server, path="/out").body, b"out")
        self.assertEqual(self.ask(server, path="/out.html").get("location"), "/out")

    def test_a_file_is_guarded_under_the_names_of_what_stands_beside_it(self):
        users = self.users(("alice", "sesame"))
        auth = f'auth = "x" auth-users = "{users}"'
        names = {"in.html": "guarded", "about.html": "guarded", "start/index.html": "guarded", "x.tar": "guarded",
                 "free.html": "free", "open/in.html": "guarded"}
        files = {}
        for name, text in names.items():
            stem, _, ending = name.rpartition(".")
            for beside in (name, f"{stem}.de.{ending}", f"{stem}.fr.{ending}"):
                for coding in ("", ".gz", ".br", ".zst"):
                    files[beside + coding] = "free" if text == "free" or ".fr." in beside else text
        server = self.serve("--config", self.conf(f"""clean-urls = on
            languages = {{de}}
            precompressed = on
            writable = on
            route "/in.html" {{ {auth} }}
            route "/about" {{ {auth} }}
            route "/start/index.html" {{ {auth} }}
            route "/x.tar" {{ {auth} }}
            route "/x.tar.zst" {{ auth = off }}
            route "/open" {{ deny = all }}
            route "/open/in.html" {{ allow = all {auth} }}"""), files=files)
        leaks = []
        for name, text in files.items():
            for path in ("/" + name, "/" + name.replace("in", "%69n", 1), "//" + name, "/" + name.removesuffix(".html")):
                for fields in ((), ("Accept-Encoding: br", "Accept-Language: de")):
                    answer = self.ask(server, *fields, path=path)
                    if name == "x.tar.zst":
                        self.assertEqual(answer.body, b"guarded")
                    elif answer.status == 200 and answer.body == b"guarded":
                        leaks.append(path)
            if text == "guarded" and name != "x.tar.zst":
                self.assertIn(server.ask("/" + name, "PUT", (), b"x").status, (401, 403), name)
                answer = self.ask(server, basic("alice", "sesame"), path="/" + name)
                self.assertIn((answer.status, answer.body), ((200, b"guarded"), (301, answer.body)), name)
            elif name.startswith("free") or ".fr." in name and not name.startswith("open"):
                self.assertIn(self.ask(server, path="/" + name).status, (200, 301), name)
        self.assertEqual(leaks, [])
        self.assertEqual(self.ask(server, path="/about.html").status, 401)
        self.assertEqual(self.ask(server, path="/open/in.fr.html").status, 403)

    def test_a_language_that_is_guarded_by_its_own_name_is_asked_for_there(self):
        users = self.users(("alice", "sesame"))
        for prefix, folder in (("", ""), ("/docs", "docs/")):
            with self.subTest(prefix):
                inner = f"""route "{prefix}/page.de.html" {{ auth = "x" auth-users = "{users}" }}"""
                if prefix:
                    inner += f'\n route "{prefix}" {{ }}'
                server = self.serve("--config", self.conf(f"languages = {{en, de}}\n clean-urls = on\n precompressed = on\n{inner}"),
                                    files={f"{folder}page.html": "plain", f"{folder}page.de.html": "deutsch", f"{folder}page.en.html": "english",
                                           f"{folder}page.de.html.gz": "gz"})
                for path in ("/page", "/page.html"):
                    said = self.ask(server, "Accept-Language: de", "Accept-Encoding: gzip", path=prefix + path + "?q=1")
                    if path == "/page":
                        self.assertEqual((said.status, said.get("location")), (301, prefix + "/page.de.html?q=1"))
                        self.assertIn("Accept-Language", said.get("vary"))
                    self.assertNotIn(said.body, (b"deutsch", b"gz"))
                self.assertEqual(self.ask(server, "Accept-Language: en", path=prefix + "/page").body, b"english")
                self.assertEqual(self.ask(server, path=prefix + "/page.de.html").status, 401)
                self.assertEqual(self.ask(server, basic("alice", "sesame"), path=prefix + "/page.de.html").body, b"deutsch")

    def test_a_fallback_stays_where_it_is_in_any_language(self):
        users = self.users(("alice", "sesame"))
        server = self.serve("--config", self.conf(f"""languages = {{en, de}}
            fallback = "/app.html"
            route "/private" {{ auth = "x" auth-users = "{users}" }}"""), files={"app.html": "english", "app.de.html": "deutsch"})
        for language, text in (("en", b"english"), ("de", b"deutsch")):
            fields = (f"Accept-Language: {language}", "Accept: text/html")
            for path, more in (("/deep/link", ()), ("/private/deep/link", (basic("alice", "sesame"),))):
                answer = self.ask(server, *fields, *more, path=path)
                self.assertEqual((answer.status, answer.body), (200, text))
            self.assertEqual(self.ask(server, *fields, path="/private/deep/link").status, 401)

    def test_a_fallback_that_is_guarded_is_asked_for_by_its_name(self):
        users = self.users(("alice", "sesame"))
        server = self.serve("--config", self.conf(f"""fallback = "/app.html"
            route "/app.html" {{ auth = "x" auth-users = "{users}" }}"""), files={"app.html": "secret"})
        answer = self.ask(server, "Accept: text/html", path="/none")
        self.assertEqual((answer.status, answer.get("location")), (301, "/app.html"))
        self.assertEqual(self.ask(server, "Accept: text/html", path="/app.html").status, 401)
        self.assertEqual(self.ask(server, basic("alice", "sesame"), path="/app.html").body, b"secret")

    def test_the_first_upload_may_be_as_large_as_others(self):
        users = self.users(("alice", "sesame"))
        options = ("--auth", "x", "--auth-users", users, "--writable", "--upload-bytes", "3000000", "--limit", "body_bytes=1000",
                   "--limit", "linger_ms=60000", "--limit", "linger_bytes=9000000")
        (self.dir / "body").write_bytes(b"z" * 2_000_000)
        (self.dir / "large").write_bytes(b"z" * 4_000_000)
        put = ("-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "-u")
        for version in ("--http1.1", "--http2-prior-knowledge"):
            for method, name, status in (("PUT", "body", b"201"), ("PUT", "large", b"413"), ("POST", "body", b"413")):
                with self.subTest(f"{version} {method} {name}"):
                    server = self.serve(*options)  # nobody is known
                    got = self.curl(version, *put, "alice:sesame", "-X", method, "--data-binary", f"@{self.dir / name}",
                                    f"{server.url}/{version}")
                    self.assertEqual(got.out, status, got)
            with self.subTest(f"{version} wrong"):
                got = self.curl(version, *put, "alice:wrong", "-X", "PUT", "-H", "Transfer-Encoding: chunked" if "1.1" in version
                                else "X: y", "--data-binary", f"@{self.dir / 'large'}", f"{server.url}/x")
                self.assertEqual(got.out, b"401" if "1.1" in version else b"413", got)

    def test_a_file_that_changes(self):
        users = self.users(("alice", "sesame"))
        server = self.serve("--auth", "x", "--auth-users", users)
        self.assertEqual(self.ask(server, basic("alice", "sesame"), path="/").status, 200)
        self.users(("alice", "other"), ("carol", "new"))
        self.assertTrue(wait_for(lambda: self.ask(server, basic("carol", "new"), path="/").status == 200, every=0.5))
        self.assertEqual(self.ask(server, basic("alice", "sesame"), path="/").status, 401)

    def test_guesses_are_held_up(self):
        users = self.users(("alice", "sesame"))
        server = self.serve("--auth", "x", "--auth-users", users, "--limit", "auth_failures=2", "--trust", "loopback")
        statuses = [self.ask(server, basic("alice", str(i)), path="/").status for i in range(4)]
        self.assertEqual(statuses, [401, 401, 429, 429])
        answer = self.ask(server, basic("alice", "sesame"), path="/")
        self.assertEqual(answer.status, 429)
        self.assertGreater(int(answer.get("retry-after")), 0)
        self.assertEqual(self.ask(server, basic("alice", "sesame"), "X-Forwarded-For: 192.0.2.7", path="/").status, 200)

    def test_an_upload_waits_until_then(self):
        users = self.users(("alice", "sesame"))
        server = self.serve("--auth", "x", "--auth-users", users)
        body = b"z" * 3_000_000
        (self.dir / "body").write_bytes(body)
        for version in ("--http1.1", "--http2-prior-knowledge"):
            with self.subTest(version):
                got = self.curl(version, "-u", "alice:sesame", "-H", "Accept: application/json", "--data-binary",
                                f"@{self.dir / 'body'}", server.url + "/echo")
                said = json.loads(got.out)
                self.assertEqual((said["content"]["length"], said["user"]), (len(body), "alice"))
                users.touch()

    def test_files_that_are_refused(self):
        users = self.dir / "users"
        for text, why in (("alice:sesame\n", "line 1: it is no hash"), ("a:$apr1$x$y\n", "line 1: MD5 (apr1) is too weak"),
                          ("", "there is no user in it")):
            with self.subTest(text):
                users.write_text(text)
                got = self.tercet("serve", "--auth", "x", "--auth-users", users)
                self.assertEqual(got.status, 2, got)
                self.assertIn(why, repr(got))


class Rates(Asking):
    def test_so_many_of_a_client(self):
        server = self.serve("--rate", "1/h burst 5", "--trust", "loopback", "--workers", "2")
        for client in ("192.0.2.1", "2001:db8:0:1::1"):
            statuses = [self.ask(server, "X-Forwarded-For: " + client, path="/").status for _ in range(7)]
            self.assertEqual(statuses, [200] * 5 + [429] * 2)
        answer = self.ask(server, "X-Forwarded-For: 2001:db8:0:1::ffff", path="/")  # of the same network
        self.assertEqual(answer.status, 429)
        self.assertIn(int(answer.get("retry-after")), range(3500, 3601))
        self.assertEqual(self.ask(server, "X-Forwarded-For: 2001:db8:0:2::1", path="/").status, 200)
        self.said_at_the_end(server, "refused 5 times: requests of clients beyond their rate (429)")

    def said_at_the_end(self, server, line):
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertIn(line, server.said())

    def test_who_is_not_let_in_is_counted(self):
        server = self.serve("--deny", "loopback")
        self.assertEqual(self.ask(server, path="/").status, 403)
        self.said_at_the_end(server, "refused 1 time: requests from addresses that are not let in")

    def test_rates_of_routes_are_their_own(self):
        server = self.serve("--config", self.conf('rate = "1/h burst 2"\nroute "/a" { rate = "1/h burst 1" }\n'
                                                  'route "/b" { rate = off }\nroute "/c" { index = "x" }\n'),
                            files={"index.html": "x", "a/index.html": "a", "b/index.html": "b"})
        self.assertEqual([self.ask(server, path="/a/").status for _ in range(2)], [200, 429])
        self.assertEqual([self.ask(server, path="/").status for _ in range(3)], [200, 200, 429])
        self.assertEqual(self.ask(server, path="/c/").status, 429)  # it counts with the block around it
        self.assertEqual({self.ask(server, path="/b/").status for _ in range(5)}, {200})


class Connections(Asking):
    """So many of a client at a time."""
    END = "connections of clients that had client-connections of them"

    def served(self, server, host="127.0.0.1", before=b""):
        """A connection on which there was an answer, or None: it was one too many."""
        wire = Wire(server.port, host=host, seconds=60)
        self.addCleanup(wire.close)
        try:
            wire.send(before)
            answer = wire.ask("/")
        except (EOFError, ConnectionError):
            return None
        if answer.status == 200:
            return wire
        self.assertEqual((answer.status, answer.get("retry-after"), answer.closes), (503, "1", True))
        self.assertTrue(wire.ended())
        return None

    def test_in_clear_text(self):
        server = self.serve("--client-connections", "3", "--workers", "2")
        wires = [self.served(server) for _ in range(3)]
        self.assertNotIn(None, wires)
        for _ in range(80):  # more than are told with care
            self.assertIsNone(self.served(server))
        self.assertEqual(wires[1].ask("/").status, 200)
        wires[0].close()
        self.assertTrue(wait_for(lambda: self.served(server)))
        self.assertIsNone(self.served(server))
        Rates.said_at_the_end(self, server, "refused ")
        self.assertIn(self.END, server.said())

    def test_a_request_that_is_refused_is_answered(self):
        server = self.serve("--client-connections", "1")
        self.assertIsNotNone(self.served(server))
        for _ in range(20):
            got = self.curl("--data-binary", "@" + str(PROGRAM), "-H", "Expect:", "-w", "%{http_code} %header{retry-after}", server.url + "/")
            self.assertIn(b"503 1", got.out, got)

    def test_tls_and_those_who_end_badly(self):
        server = self.secure("--client-connections", "2", "--limit", "handshake_ms=3600000", "--workers", "1")
        wires = [self.connect(server), server.wire().send(b"\x16")]  # one is amidst its handshake
        with self.assertRaises((OSError, ConnectionError)):
            self.connect(server)
        Rates.said_at_the_end(self, server, self.END)
        for wire in wires:
            wire.close()
        server = self.secure("--client-connections", "1", "--limit", "handshake_ms=1000", "--workers", "1")
        self.assertTrue(server.wire().send(b"\x16").ended())  # too late: closed, and no longer counted
        self.assertTrue(wait_for(lambda: not self.curl("--cacert", self.ca, f"https://localhost:{server.port}/").status))

    def test_whom_a_header_names(self):
        """The proxy may have more, whoever stands behind it may not; of IPv6 a network counts."""
        server = self.serve("--client-connections", "1", "--trust", "loopback", listen=["http://127.0.0.1:{port} proxy-protocol"])
        for first, second, third in ((b"PROXY TCP4 192.0.2.1 1.1.1.1 1 2\r\n", b"PROXY TCP4 192.0.2.1 1.1.1.1 3 4\r\n", b"PROXY TCP4 192.0.2.2 1.1.1.1 1 2\r\n"),
                                     (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", b"PROXY TCP6 2001:db8::8 ::1 1 2\r\n", b"PROXY TCP6 2001:db8:0:1::7 ::1 1 2\r\n")):
            self.assertIsNotNone(self.served(server, before=first))
            self.assertIsNone(self.served(server, before=second))
            self.assertIsNotNone(self.served(server, before=third))
        for _ in range(3):
            self.assertIsNotNone(self.served(server, before=b"PROXY UNKNOWN\r\n"))

    def test_trusted_ones_may_have_more(self):
        server = self.serve("--client-connections", "1", "--trust", "loopback")
        self.assertNotIn(None, [self.served(server) for _ in range(5)])

    @needs_quic
    def test_over_quic_too(self):
        """Both count together; whoever has half of them must prove that he is there (Retry), and can."""
        server = self.secure("--client-connections", "2")
        url = f"https://localhost:{server.port}/"
        ask = ("get", "--quiet", "--http", "3", "--cacert", self.ca, url)
        held = self.connect(server)
        for _ in range(3):  # the connection before may not be forgotten yet
            self.assertTrue(wait_for(lambda: b"<p>home</p>" in self.tercet(*ask).out, every=0.5), self.tercet(*ask))
        self.assertTrue(wait_for(lambda: self.connects(server), every=0.5))
        got = self.tercet(*ask)
        self.assertNotEqual(got.status, 0, got)
        held.close()

    def connects(self, server):
        """One more, to keep."""
        try:
            self.kept = self.connect(server)
            return True
        except OSError:
            return False


class Handshakes(Asking):
    def test_so_many_in_a_second(self):
        """Of a client; those of loopback are not counted, so a proxy says that it is somebody else."""
        server = self.secure("--trust", "loopback", "--limit", "client_handshakes=3", "--workers", "2",
                             listen=["https://127.0.0.1:{port} proxy-protocol", "https://127.0.0.1:0"])
        header, wires = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", [server.wire() for _ in range(60)]
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with self.assertRaises(ssl.SSLWantReadError):
            self.context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        hello = outgoing.read()
        for wire in wires:  # all at once: a slow machine begins three of them in each of so many seconds
            wire.send(header + hello)
        begun = 0
        for wire in wires:
            try:
                begun += wire.more() and wire.held[:1] == b"\x16"  # the server's hello
            except ConnectionResetError:
                pass
            wire.close()
        self.assertGreaterEqual(begun, 3)
        self.assertLess(begun, 60)
        with server.wire(seconds=60) as wire:  # others are not held up
            wire.send(header.replace(b"2.1 ", b"2.9 "))
            self.context().wrap_socket(wire.sock, server_hostname="localhost").close()
        Rates.said_at_the_end(self, server, "limit client_handshakes reached ")

    def test_of_this_machine_there_may_be_more(self):
        server = self.secure("--limit", "client_handshakes=1")
        for _ in range(10):
            self.connect(server).close()


class Notes(Asking):
    """What is allowed and may not be meant is told at the start."""

    def notes(self, text, **how):
        server = self.serve("--config", self.conf(text), **how)
        return [line[11:] for line in server.said().splitlines() if line.startswith("  note ")]

    def test_passwords_in_clear_text(self):
        users = self.dir / "users"
        users.write_text(self.tercet("password", "al", stdin=b"sesame\n").text)
        auth, why = f"auth = x auth-users = '{users}'", "auth over http://: whoever is on the way reads the passwords; redirect-https comes before it"
        self.assertEqual(self.notes(f"{auth}\nroute '/in' {{ rate = '1/s' }} site a.example {{ {auth} }}"), ["server: " + why])
        self.assertEqual(self.notes(f"route '/in' {{ {auth} }} site 'a.example b.example' {{ route '/x' {{ {auth} }} }}"),
                         ["route /in: " + why, "route /x of site a.example b.example: " + why])

    def test_passwords_where_tls_is_spoken(self):
        users = self.dir / "users"
        users.write_text(self.tercet("password", "al", stdin=b"sesame\n").text)
        auth, listen = f"auth = x auth-users = '{users}'", ["http://127.0.0.1:{port}", "https://127.0.0.1:0"]
        self.assertEqual(self.notes(f"redirect-https = on {auth}", listen=listen), [])
        self.assertEqual(self.notes(f"redirect-https = on {auth} site a.example {{ redirect-https = off }}", listen=listen)[0][:16], "site a.example: ")
        self.assertEqual(self.notes(auth, listen=["https://127.0.0.1:{port}"]), [])

    def test_anybody_may_write(self):
        why = "writable, with neither auth nor allow: whoever may ask may write"
        for text, notes in (("writable = on", ["server: " + why]), ("writable = on allow = {loopback}", []),
                            ("writable = on deny = {private}", ["server: " + why]), ("route '/a' { writable = on }", ["route /a: " + why]),
                            ("route '/a' { writable = on allow = {loopback} } route '/a/b' { writable = off }", []),
                            ("site a { writable = on } site b { }", ["site a: " + why])):
            with self.subTest(text):
                self.assertEqual(self.notes(text), notes)


    def test_a_root_that_is_for_no_other_host(self):
        why = 'server: root: hosts that no site names get 421, and nothing of it; site "default" { } serves them'
        root = self.site({"a": "x"})
        for text, notes in ((f"root = '{root}' site a {{ root = '/usr' }}", [why]), (f"root = '{root}' site 'a b' {{ }}", [why]),
                            (f"root = '{root}' site a {{ }} site 'b default' {{ }}", []), (f"root = '{root}'", []),
                            (f"root = '{root}' site a {{ }} route '/b' {{ }}", []), (f"site a {{ root = '{root}' }}", [])):
            with self.subTest(text):
                conf = self.conf(text)
                self.assertEqual(self.notes(text, root=False, echo=False), notes)
                checked = self.tercet("config", "check", conf)
                self.assertEqual(checked.err, "".join(f"  note     {note}\n" for note in notes))
                self.assertIn(" is good: ", checked.text)
                server = self.serve("--config", conf, root=False, echo=False)
                self.assertEqual(server.ask("/a", host="elsewhere").status, 421 if notes or "site a { root" in text else 200)


class Settings(Asking):
    def test_what_is_wrong_is_said(self):
        rows = (('trust = {"10.0.0.0/8", "10.1/16"}', 'tercet.conf:1: trust = 10.1/16: "10.1/16" is no network'),
                ('\nallow = {"10.0.0.1/8"}', "tercet.conf:2: allow = 10.0.0.1/8: \"10.0.0.1/8\" is an address in a network: is 10.0.0.0/8 meant?"),
                ('deny = {"2001:db8::/129"}', "the bits of the network, 0 to 128"),
                ('rate = "10"', "tercet.conf:1: rate = 10: a rate is NUMBER/s, NUMBER/m or NUMBER/h"),
                ('auth = "x"', "tercet.conf:1: auth = x: it needs auth-users FILE"),
                ('auth-users = "u"', "it needs auth REALM"),
                ('auth = "x"\nauth-users = "nowhere"', "tercet.conf:2: auth-users"),
                ('route "/a" { trust = {"all"} }', "trust cannot stand in a route: it is for the whole server"))
        for text, why in rows:
            with self.subTest(text):
                got = self.tercet("serve", "--config", self.conf(text + "\n"))
                self.assertEqual(got.status, 2, got)
                self.assertIn(why, got.err)

