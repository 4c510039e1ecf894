"""Files that change while they are served: what is answered is what is there."""
import os
import time

from harness import Case, wait_for


class Change(Case):
    """Small files are answered from memory, and yet a change is seen within a second, by every worker."""

    def seen(self, server, target, want):
        self.assertTrue(wait_for(lambda: server.ask(target).body == want, every=0.05), "not seen")

    def test_rewritten_in_place(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        tag = server.ask("/a.txt").get("etag")
        (root / "a.txt").write_text("other")  # the same length
        self.seen(server, "/a.txt", b"other")
        self.assertNotEqual(server.ask("/a.txt").get("etag"), tag)

    def test_by_every_worker(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "4", root=root)
        for _ in range(30):
            server.ask("/a.txt")
        (root / "a.txt").write_text("other")
        time.sleep(1.3)
        self.assertEqual({server.ask("/a.txt").body for _ in range(60)}, {b"other"})

    def test_replaced_by_another_file(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        server.ask("/a.txt")
        (root / "new").write_text("a longer second")
        os.replace(root / "new", root / "a.txt")
        self.seen(server, "/a.txt", b"a longer second")

    def test_another_folder_in_its_place(self):
        parent = self.site({"one/a.txt": "first", "two/a.txt": "second"})
        os.symlink("one", parent / "current")
        server = self.serve("--workers", "1", root=parent / "current")
        self.assertEqual(server.ask("/a.txt").body, b"first")
        os.symlink("two", parent / "next")
        os.replace(parent / "next", parent / "current")
        self.seen(server, "/a.txt", b"second")

    def test_removed_and_back(self):
        root = self.site({"a.txt": "first"})
        server = self.serve("--workers", "1", root=root)
        server.ask("/a.txt")
        (root / "a.txt").unlink()
        self.assertTrue(wait_for(lambda: server.ask("/a.txt").status == 404))
        (root / "a.txt").write_text("back")
        self.seen(server, "/a.txt", b"back")

    def test_new_file_where_none_was(self):
        root = self.site({"a.txt": "a"})
        server = self.serve("--workers", "1", root=root)
        self.assertEqual(server.ask("/new.txt").status, 404)
        (root / "new.txt").write_text("new")
        self.seen(server, "/new.txt", b"new")

    def test_index_appears_and_goes(self):
        root = self.site({"sub/x": "x"})
        server = self.serve("--workers", "1", root=root)
        self.assertNotEqual(server.ask("/sub/").status, 200)
        (root / "sub/index.html").write_text("now")
        self.seen(server, "/sub/", b"now")

    def test_large_file_rewritten(self):
        root = self.site({"big.bin": b"a" * 300_000})
        server = self.serve("--workers", "1", root=root)
        server.ask("/big.bin")
        (root / "big.bin").write_bytes(b"b" * 200_000)
        self.seen(server, "/big.bin", b"b" * 200_000)

    def test_every_answer_is_one_state_of_the_file(self):
        """While a file is replaced again and again no answer mixes two of them."""
        root = self.site({"a.txt": "0" * 1000})
        server = self.serve("--workers", "1", root=root)
        end, n = time.monotonic() + 3, 0
        with server.wire() as wire:
            while time.monotonic() < end:
                n += 1
                (root / "new").write_text(str(n % 10) * (1000 + n % 7))
                os.replace(root / "new", root / "a.txt")
                answer = wire.ask("/a.txt")
                self.assertEqual(answer.status, 200)
                self.assertEqual(len(set(answer.body)), 1, "two files in one answer")

    def test_file_that_shrinks_under_way_cuts_the_connection(self):
        root = self.site()
        size = 256 << 20
        with open(root / "sparse.bin", "wb") as out:
            out.truncate(size)
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /sparse.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            self.assertEqual(int(head.get("content-length")), size)
            self.assertEqual(len(wire.exactly(1 << 20)), 1 << 20)
            os.truncate(root / "sparse.bin", 2 << 20)
            have = 1 << 20
            try:
                have += len(wire.rest(size))
            except ConnectionResetError:
                pass  # said as loudly as can be
            self.assertLess(have, size, "the length was kept by inventing bytes")
        (root / "ok.txt").write_text("ok")
        self.assertAlive(server, "/ok.txt")

    def test_file_that_grows_under_way_keeps_its_length(self):
        root = self.site({"grow.bin": b"a" * (8 << 20)})
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /grow.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            with open(root / "grow.bin", "ab") as out:
                out.write(b"b" * (4 << 20))
            body = wire.exactly(int(head.get("content-length")))
            self.assertEqual(body, b"a" * (8 << 20))
            self.assertIn(wire.ask("/grow.bin", "HEAD").status, (200,))

    def test_file_replaced_under_way_is_finished_as_begun(self):
        root = self.site({"big.bin": b"a" * (8 << 20)})
        server = self.serve("--workers", "1", root=root)
        with server.wire(receive=65536) as wire:
            wire.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            (root / "new").write_bytes(b"b" * 1000)
            os.replace(root / "new", root / "big.bin")
            self.assertEqual(wire.exactly(int(head.get("content-length"))), b"a" * (8 << 20))
