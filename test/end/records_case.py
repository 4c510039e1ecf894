"""What the suites of records share: a server with a store, and how it is asked."""
import json

from harness import Case

JSON = "Content-Type: application/json"
MERGE = "Content-Type: application/merge-patch+json"
PATCH = "Content-Type: application/json-patch+json"


class Keep(Case):
    def setUp(self):
        super().setUp()
        self.db = self.dir / "records.db"

    def keep(self, *options, records="/customers:CustID", **how):
        return self.serve("--records", records, "--store", f"sqlite:{self.db}", *options, **how)

    def put(self, server, document, *fields, path="/customers/requests", status=None):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        got = server.ask(path, "PUT", [JSON, *fields], body)
        if status:
            self.assertEqual(got.status, status, got)
        return got

    def get(self, server, path, status=200, *fields):
        got = server.ask(path, "GET", fields)
        self.assertEqual(got.status, status, got)
        return got

    def problem(self, got, status, words):
        """The answer is problem+json with that status, and says so."""
        self.assertEqual(got.status, status, got)
        self.assertEqual(got.get("content-type"), "application/problem+json")
        said = json.loads(got.text)
        self.assertEqual(said["status"], status)
        self.assertIn(words, said["detail"])
        return got
