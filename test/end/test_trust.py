"""`tercet trust` on real stores: the system's in a mount namespace of the test's own, where the store is an
empty file system that goes with it, and that of a browser in a home of the test's own."""
import os
import shutil
import unittest

from harness import PROGRAM
from test_tls import Tls

STORES = ("/usr/local/share/ca-certificates", "/etc/ssl/certs")
NAMESPACE = ["unshare", "--mount", "--propagation", "private"] + ([] if os.getuid() == 0 else ["--map-root-user"])
SYSTEM = all(map(os.path.isdir, STORES)) and shutil.which("update-ca-certificates")


class Trust(Tls):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        self.home = self.dir / "home"
        self.home.mkdir()

    def trust(self, *options, **env):
        return self.tercet("trust", *options, env=dict(self.env, HOME=str(self.home), **env))

    def in_namespace(self, script):
        """A shell script where the system's store is empty at first: (status, what it printed)."""
        mounts = "".join(f"mount -t tmpfs tmpfs {store}\n" for store in STORES)
        got = self.other(*NAMESPACE, "env", f"XDG_STATE_HOME={self.state}", f"HOME={self.home}", "sh", "-ec", mounts + script, seconds=300)
        return got

    @unittest.skipUnless(SYSTEM, "this system has its store elsewhere")
    def test_system_store(self):
        if self.other(*NAMESPACE, "true").status:
            self.skipTest("this kernel gives no mount namespace")
        server = self.secure()
        url = f"https://localhost:{server.port}/small"
        curl = f"curl -sS --noproxy '*' --max-time 20 -o /dev/null {url}"
        # another state folder: our own client must know the authority by the system's store alone
        own = f"XDG_STATE_HOME={self.dir}/elsewhere {PROGRAM} get -q -o {self.dir}/got {url}"
        got = self.in_namespace(f"update-ca-certificates >/dev/null 2>&1\n"
                                f"for step in trust 'trust --remove' trust; do\n"
                                f"  {curl} 2>/dev/null && echo curl believes || echo curl $?\n"
                                f"  {own} 2>/dev/null && echo we believe || echo we $?\n"
                                f"  {PROGRAM} $step | grep ^system\n"
                                f"done\n{curl} && echo curl believes\n"
                                f"{PROGRAM} trust | grep ^system\n"
                                f"{PROGRAM} trust --remove | grep ^system\n{PROGRAM} trust --remove | grep ^system\n"
                                f"ls {STORES[0]} | wc -l\n")
        self.assertEqual(got.text.splitlines(), [
            "curl 60", "we 60", "system    trusts the authority", "curl believes", "we believe", "system    no longer trusts the authority",
            "curl 60", "we 60", "system    trusts the authority", "curl believes", "system    trusts the authority",
            "system    no longer trusts the authority", "system    the authority was not there", "0"], got)
        self.assertFalse(os.path.exists(STORES[0] + "/tercet-local-authority.crt"), "it left the namespace")

    @unittest.skipUnless(SYSTEM, "this system has its store elsewhere")
    def test_says_how(self):
        """Somebody who may not write there is told what to run."""
        nobody = []
        if os.getuid() == 0:
            shutil.copy(PROGRAM, self.dir / "tercet")
            for folder in (self.home, self.dir):
                os.chown(folder, 65534, 65534)
            nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for options, words in (((), "sudo cp {ca} /usr/local/share/ca-certificates/tercet-local-authority.crt"), (("--remove",), "the authority was not there")):
            got = self.other(*nobody, "env", f"XDG_STATE_HOME={self.state}", f"HOME={self.home}", self.dir / "tercet" if nobody else PROGRAM, "trust", *options)
            self.assertIn(words.format(ca=self.ca), got.text, got)
            self.assertEqual(got.status, 0 if options else 77, got)
            self.assertIn("no store found", got.text)

    def nss(self):
        if not shutil.which("certutil"):
            self.skipTest("no certutil here")
        database = self.home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        self.assertEqual(self.other("certutil", "-N", "-d", f"sql:{database}", "--empty-password").status, 0)
        return database

    def listed(self, database):
        return self.other("certutil", "-L", "-d", f"sql:{database}").text

    def test_without_certutil(self):
        self.nss()
        got = self.trust("--remove", PATH="/nowhere")
        self.assertIn("install certutil (package libnss3-tools)", got.text)
        self.assertEqual(got.status, 77, got)

    def chromium(self, server):
        got = self.other("env", f"HOME={self.home}", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={self.dir}/profile",
                         "--virtual-time-budget=3000", "--dump-dom", f"https://127.0.0.1:{server.port}/", seconds=300, group=True)
        shutil.rmtree(self.dir / "profile", True)
        return got.text

    @unittest.skipUnless(SYSTEM, "this system has its store elsewhere")
    def test_browser_store(self):
        database = self.nss()
        if self.other(*NAMESPACE, "true").status:
            self.skipTest("this kernel gives no mount namespace")
        server = self.secure()
        self.assertNotIn("Safe Page", self.chromium(server))
        for _ in range(2):  # an old one of the same name is replaced
            got = self.in_namespace(f"{PROGRAM} trust\n")
            self.assertEqual(got.status, 0, got)
            self.assertIn(f"browser   {database}: trusts the authority", got.text)
        self.assertRegex(self.listed(database), r"(?m)^tercet local authority +C,,")
        self.assertIn("<title>Safe Page</title>", self.chromium(server))
        got = self.in_namespace(f"{PROGRAM} trust --remove\n")
        self.assertIn(f"browser   {database}: no longer trusts the authority", got.text)
        self.assertNotIn("tercet", self.listed(database))
        self.assertNotIn("Safe Page", self.chromium(server))
