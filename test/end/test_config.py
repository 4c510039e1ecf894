"""A configuration: every fault with file and line (test/config/bad: what is expected stands behind #=), what is in force,
which of file and options wins, and sites and routes as a client meets them."""
import os
import pathlib
import re
import shutil

from harness import Case

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "config"
TOP = FOLDER.parent.parent
EXAMPLE = TOP / "examples" / "tercet.conf"
PAPERS = [TOP / "README.md", *sorted((TOP / "doc").glob("*.md"))]


def without_comments(text):
    return [line for line in (re.sub(r"\s*# .*$", "", line) for line in text.splitlines()) if line]


def pair_of(case):
    """A certificate with its key behind it."""
    made = case.other("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=example.org", "-keyout", "-", "-out", "-")
    assert made.status == 0, made
    return made.text


class Shown(Case):
    def assertShownIsTheSame(self, shown):
        """In another folder, too."""
        other = self.dir / "other" / "shown.conf"
        other.parent.mkdir(exist_ok=True)
        other.write_text(shown)
        for cwd, name in ((other.parent, other.name), (self.dir, "other/shown.conf"), ("/", str(other))):
            twice = self.tercet("config", "show", name, cwd=cwd).text
            self.assertEqual(without_comments(shown), without_comments(twice))


class Golden(Shown):
    def test_faults(self):
        files = sorted((FOLDER / "bad").glob("*.conf"))
        self.assertGreater(len(files), 15)
        for file in files:
            with self.subTest(file.name):
                text = file.read_text()
                wanted = [f"tercet: {file.name}:{line[3:]}" for line in text.splitlines() if line.startswith("#= ")]
                self.assertTrue(wanted)
                outcome = self.tercet("config", "check", file.name, cwd=file.parent, check=False)
                self.assertEqual(outcome.status, 2)
                self.assertEqual(outcome.out, b"")
                said = [line for line in outcome.err.splitlines() if not line.startswith("        ")]
                self.assertEqual(sorted(said), sorted(wanted))

    def test_what_is_shown_is_good_anywhere(self):
        names = ("cert.pem", "key.pem", "www/index.html")
        folder = pathlib.Path(self.site({f"conf/{name}": "" for name in names} | {"conf/tercet.conf": """
            root = "www" listen = {"https://127.0.0.1:18080"} cert = {"cert.pem", "./cert.pem"} key = {"key.pem", "../conf/key.pem"}
            access-log = "log/access.log" qlog = "q" store = "sqlite:db/r.db" records = {"/c:k"} control = off tickets = "t"
            languages = {} compress = off add-field = {"X-A: \\"$x\\\\"}
            route "/a \\"b" { root = "/usr" answer = "200 a\\nb" } """}))
        (folder / "conf" / "q").mkdir()
        shown = self.tercet("config", "show", "conf/tercet.conf", cwd=folder).text
        here = folder / "conf"
        for line in (f'root = "{here}/www"', f'cert = {{"{here}/cert.pem", "{here}/./cert.pem"}}', 'control = "off"',
                     f'key = {{"{here}/key.pem", "{here}/../conf/key.pem"}}', f'access-log = "{here}/log/access.log"',
                     f'store = "sqlite:{here}/db/r.db"', f'tickets = "{here}/t"', f'qlog = "{here}/q"', '    root = "/usr"'):
            self.assertRegex(shown, "(?m)^" + re.escape(line) + "  ")
        self.assertShownIsTheSame(shown)

    def test_good_ones_and_what_is_in_force(self):
        here = shutil.copytree(FOLDER, self.dir / "config") / "good"  # where nobody else writes
        shutil.copytree(EXAMPLE.parent, self.dir / "examples")
        for file in [*sorted(here.glob("*.conf")), self.dir / "examples" / EXAMPLE.name]:
            with self.subTest(file.name):
                self.assertIn("is good: ", self.tercet("config", "check", file.name, cwd=file.parent).text)
                shown = self.tercet("config", "show", file.name, cwd=file.parent).text
                self.assertShownIsTheSame(shown)

    def test_show_says_where_it_was_given(self):
        shown = self.tercet("config", "show", "sites.conf", "--set", "workers=3", cwd=FOLDER / "good").text
        for line in (r'workers = 3 +# command line', r'access-log = "off" +# sites.conf:3', r'dotfiles = off +# default',
                     r'index = "home.html" +# sites/two.conf:1', r' +header_ms = 5000 +# sites.conf:5',
                     r' +body_bytes = 1000 +# sites.conf:9', r'# qlog is not set', r'    route "/static" \{'):
            self.assertRegex(shown, "(?m)^" + line)

    def test_example(self):
        self.assertEqual(self.tercet("config", "example").out, EXAMPLE.read_bytes())

    def test_wrong_use(self):
        for words, complaint in ((("config",), "check, show or example is wanted"), (("config", "chek"), "not chek"),
                                 (("config", "check", "a", "b"), "one file at most"),
                                 (("config", "check", "/nowhere.conf"), "/nowhere.conf: cannot be read: No such file"),
                                 (("config", "check", "/"), "/: cannot be read: it is no file"),
                                 (("config", "show", "--set", "x"), "NAME=VALUE is wanted"),
                                 (("config", "show", "--set", "wokers=2"), "did you mean workers?"),
                                 (("serve", "--set", "workers=x"), "--workers takes a whole number")):
            with self.subTest(words):
                outcome = self.tercet(*words, check=False)
                self.assertEqual(outcome.status, 2)
                self.assertIn(complaint, outcome.err)

    def test_certificates_are_tried(self):
        """By whoever asks whether the file is good: who serves loads them in any case."""
        one, two = pair_of(self), pair_of(self)
        place = pathlib.Path(self.site({"one.pem": one, "two.pem": two, "junk.pem": "junk", "tercet.conf": ""}))
        for setting, said in (('cert = {"one.pem", "two.pem"}', None), ('cert = {"one.pem"} key = {"one.pem"}', None),
                              ('cert = {"one.pem", "junk.pem"}', "cert = junk.pem: junk.pem: there is no private key in it"),
                              ('cert = {"one.pem"} key = {"two.pem"}', "cert = one.pem: two.pem is not the key of one.pem"),
                              ('cert = {"one.pem"} key = {"no.pem"}', "key = no.pem: No such file or directory")):
            with self.subTest(setting):
                (place / "tercet.conf").write_text(f'listen = {{"https://127.0.0.1:18443"}} {setting}\n')
                outcome = self.tercet("config", "check", "tercet.conf", cwd=place, check=False)
                self.assertEqual(outcome.status, 2 if said else 0, outcome.err)
                self.assertIn("tercet: tercet.conf:1: " + said if said else "", outcome.err)

    def test_no_text(self):
        place = pathlib.Path(self.site({"zero.conf": b"index = \"a\0b\"\n"})) / "zero.conf"
        self.assertIn("a byte of it is 0", self.tercet("config", "check", str(place), check=False).err)

    def test_many_faults(self):
        place = pathlib.Path(self.site({"many.conf": "".join(f'route "x{i}" {{ }}\n' for i in range(50))})) / "many.conf"
        said = self.tercet("config", "check", str(place), check=False).err
        self.assertEqual(said.count("a path is wanted"), 20)
        self.assertIn("and 30 more faults", said)


class Papers(Shown):
    """What pages and examples show is what the program takes. Paths in it are made below a folder of the test."""

    def here(self, text):
        def place(found):
            name, brace, path = found.groups()
            place = self.dir / "papers" / path.lstrip("/")
            if name in ("root", "qlog"):
                place.mkdir(parents=True, exist_ok=True)
            elif name == "auth-users":
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(self.users)
            return f'{name} = {brace}"{place}"'

        pages = re.findall(r'"(?:[45]\w\w) (/[^"]+)"', text) + re.findall(r'\bfallback = "(/[^"]+)"', text)
        for root in re.findall(r'\broot = "([^"]+)"', text):
            for page in pages:
                place_of_page = self.dir / "papers" / root.lstrip("/") / page.lstrip("/")
                place_of_page.parent.mkdir(parents=True, exist_ok=True)
                place_of_page.write_text("")

        def file(found):
            place = self.dir / "papers" / found[1].lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.pair)
            return f'"{place}"'
        text = re.sub(r'\b(root|qlog|auth-users) = (\{?)"([^"]+)"', place, text)
        return re.sub(r'\b(?:cert|key|client-ca|client-crl) = (?:\{[^}]*\}|"[^"]+")',
                      lambda found: re.sub(r'"([^"]+)"', file, found[0]), text)

    def judged(self, name, text):
        folder = self.site({"sites/one.conf": 'site "one.example" { answer = 204 }\n', name: self.here(text)}, "judged")
        outcome = self.tercet("config", "check", name, cwd=folder, check=False)
        said = [line for line in outcome.err.splitlines() if not line.startswith("  note ")]
        self.assertEqual((outcome.status, said), (0, []), text)
        self.assertShownIsTheSame(self.tercet("config", "show", name, cwd=folder).text)

    def setUp(self):
        super().setUp()
        self.users = self.tercet("password", "alice", stdin=b"secret\n").text
        self.pair = pair_of(self)

    def test_pages(self):
        count = 0
        for page in PAPERS:
            for i, text in enumerate(re.findall(r"(?ms)^```conf\n(.*?)^```$", page.read_text())):
                with self.subTest(page=page.name, block=i, text=text):
                    self.judged(f"{page.stem}_{i}.conf", text)
                    count += 1
        self.assertGreater(count, 25)

    def test_packages(self):
        self.judged("packaged.conf", (TOP / "packaging" / "tercet.conf").read_text())

    def test_what_the_example_leaves_out(self):
        """Settings that are comments in the example are as good as the others."""
        text, count = re.subn(r"(?m)^( *)#(?=[a-z}]|    )", r"\1", EXAMPLE.read_text())
        self.assertGreater(count, 30)
        given = set()                             # what is there as it is, and once more to try: the latter
        lines = []
        for line in reversed(text.splitlines()):
            name = re.match(r"([a-z-]+) = ", line)
            if not name or name[1] not in given:
                lines.insert(0, line)
            if name:
                given.add(name[1])
        self.judged("all.conf", "\n".join(lines) + "\n")

    def test_manual(self):
        page = (TOP / "doc" / "man" / "tercet.conf.5").read_text()
        text = re.search(r'(?ms)^\.SH EXAMPLES$.*?^\.nf\n(.*?)^\.fi$', page).group(1)
        self.judged("manual.conf", text.replace("\\-", "-").replace("\\\\", "\\").replace(".RS\n", "").replace(".RE\n", ""))


class Serving(Case):
    def configured(self, text, files=None, **how):
        """A server with this configuration, in a folder of these files; its listener is the harness's."""
        root = self.site({**(files or {}), "tercet.conf": text})
        return self.serve("--config", os.path.join(root, "tercet.conf"), root=False, echo=False, **how), root

    def test_sites_by_host(self):
        server, _ = self.configured('site "a.example *.wild.example" { root = "a" }\nsite "b.example" { root = "b" }\n'
                                    'site "x.wild.example" { root = "x" }\n',
                                    {"a/index.html": "of a", "b/index.html": "of b", "x/index.html": "of x"})
        for host, wanted in (("a.example", "of a"), ("A.Example", "of a"), ("a.example.", "of a"), ("a.example:99", "of a"),
                             ("b.example", "of b"), ("deep.er.wild.example", "of a"), ("x.wild.example", "of x"),
                             ("wild.example", None), ("c.example", None), ("127.0.0.1", None), ("aa.example", None)):
            with self.subTest(host):
                answer = server.ask("/", host=host)
                self.assertEqual((answer.status, answer.text) if wanted else answer.status, (200, wanted) if wanted else 421)

    def test_routes_by_prefix_cannot_be_gone_round(self):
        server, _ = self.configured('root = "."\nroute "/in" { answer = 403 }\nroute "/in/deep" { answer = "200 deep" }\n'
                                    'route "/über" { answer = 204 }\n',
                                    {"index.html": "top", "in/secret": "secret", "inside": "inside"})
        for target, status in (("/in", 403), ("/in/", 403), ("/in/secret", 403), ("/in?x", 403), ("/%69n/secret", 403),
                               ("//in/secret", 403), ("/./in/secret", 403), ("/x/../in/secret", 403), ("/in/./secret", 403),
                               ("/in/deep/../secret", 403), ("/in/deep", 200), ("/in/deep/x", 200), ("/in/dee", 403),
                               ("/inside", 200), ("/", 200), ("/in%2Fsecret", 400), ("/in\\secret", 400), ("/IN/secret", 404), ("/%C3%BCber/x", 204)):
            with self.subTest(target):
                self.assertEqual(server.ask(target).status, status)

    def test_a_site_without_a_folder_and_its_errors(self):
        server, _ = self.configured('add-field = {"X-A: 1"}\nsite "a.example" { root = "." error-page = "404 /sorry.html" }\n'
                                    'site default { answer = "200 yes" route "/none" { answer = off } }\n', {"sorry.html": "of a"})
        for _ in range(2):
            answer = server.ask("/none")
            self.assertEqual((answer.status, answer.get("x-a")), (404, "1"))
            self.assertNotIn("of a", answer.text)
        self.assertEqual(server.ask("/none", host="a.example").text, "of a")

    def test_what_blocks_say_holds_inside(self):
        server, _ = self.configured('root = "."\nadd-field = {"X-All: 1"}\nroute "/a" { add-field = {"X-A: 1", "X-A: 2"}\nlimits { body_bytes = 5 } }\n'
                                    'route "/none" { add-field = {} }\n'
                                    'route "/old" { redirect = "301 /new{rest}" }\nroute "/to" { redirect = "https://{host}{uri}" }\n'
                                    'route "/away" { redirect = "{rest}" }\nroute "/gone" { answer = 410 }\n'
                                    'route "/s" { root = "a" strip-prefix = on }\n', {"index.html": "top", "a/f": "file"})
        self.assertEqual(server.ask("/").get("x-all"), "1")
        head = server.ask("/a/f")
        self.assertEqual((head.get("x-all"), head.text), (None, "file"))
        self.assertEqual(head.get("x-a"), "1, 2" if "," in head.get("x-a") else head.get("x-a"))
        self.assertIsNone(server.ask("/none/").get("x-all"))
        self.assertEqual(server.ask("/s/f").text, "file")
        self.assertEqual(server.ask("/a/f", "POST", body=b"123456").status, 413)
        self.assertEqual(server.ask("/a/f", "POST", body=b"12345").status, 405)
        self.assertEqual(server.ask("/missing").get("x-all"), "1")
        for target, to in (("/old/x?y", "/new/x?y"), ("/old", "/new"), ("/to/x?y", "https://localhost/to/x?y"), ("/away//evil.example/", "/evil.example/")):
            self.assertEqual(server.ask(target).get("location"), to)
        gone = server.ask("/gone", fields=["Accept: text/html"])
        self.assertEqual((gone.status, gone.get("x-all")), (410, "1"))

    def test_without_a_root_nothing_is_served(self):
        server, _ = self.configured('add-field = {"X-All: 1"}\nroute "/ok" { answer = "200 ok" }\n', {"index.html": "no"})
        for target, status in (("/", 404), ("/tercet.conf", 404), ("/ok", 200)):
            answer = server.ask(target)
            self.assertEqual((answer.status, answer.get("x-all")), (status, "1"))

    def test_options_before_the_file(self):
        server, root = self.configured('root = "."\nindex = "a"\nadd-field = {"X-From: file"}\n', {"a": "of the file", "b": "of the option"})
        self.assertEqual(server.ask("/").text, "of the file")
        server = self.serve("--config", os.path.join(root, "tercet.conf"), "--index", "b", "--set", "add-field=X-From: option", root=False, echo=False)
        answer = server.ask("/")
        self.assertEqual((answer.text, answer.get("x-from")), ("of the option", "option"))

    def test_every_version_sees_the_same(self):
        server, _ = self.configured('site "localhost" { root = "." add-field = {"X-Site: one", "X-More: two"}\n'
                                    'route "/r" { answer = "200 of the route" } }\n', {"index.html": "top"})
        for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
            out = self.curl(version, "-i", f"http://localhost:{server.port}/r/x").text.lower()
            self.assertIn("x-site: one", out)
            self.assertIn("x-more: two", out)
            self.assertIn("of the route", out)

    def test_ten_thousand_routes(self):
        routes = "".join(f'route "/r{i}/x" {{ answer = "200 {i}" }}\n' for i in range(10000))
        sites = "".join(f'site "s{i}.example" {{ answer = "200 site {i}" }}\n' for i in range(1000))
        server, _ = self.configured(routes + sites)
        self.assertEqual(server.ask("/r9999/x/y").text, "9999")
        self.assertEqual(server.ask("/r0/x").text, "0")
        self.assertEqual(server.ask("/", host="s999.example").text, "site 999")
        self.assertLess(server.memory(), 120 << 20)
