"""What the attack suites share."""
from harness import Case

# What a smuggler hides behind a body: if this is ever answered, framing was lost.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: h\r\nX-Hidden: yes\r\n\r\n"


class Attack(Case):
    """A server, and the proof after each test that it answers others."""

    def setUp(self):
        super().setUp()
        self.server = self.serve(files={"index.html": "home", "hidden": "HIDDEN"})

    def tearDown(self):
        self.assertAlive(self.server)

    def refused(self, data, *statuses, end=False):
        answer = self.server.raw(data, end)
        self.assertNotIn(b"HIDDEN", answer)
        return self.assertRefused(answer, *statuses)

    def each(self, lines, *statuses, version=b"HTTP/1.1", body=HIDDEN, method=b"POST", target=b"/echo"):
        for line in lines:
            with self.subTest(line):
                self.refused(method + b" " + target + b" " + version + b"\r\nHost: h\r\n" + line + b"\r\n\r\n" + body,
                             *statuses)
