"""The example site in Chromium: what a person's browser makes of it."""
import json
import re
import struct
import zlib

from harness import EXAMPLE, Case, wait_for, whole_lines


def pixels(path):
    """Width, height and the set of colours of an 8-bit PNG, coarsely: enough to see that it is not blank."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        part = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", part[:10])
        elif kind == b"IDAT":
            packed += part
        at += size + 12
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8
    rows = zlib.decompress(packed)
    stride = width * channels + 1
    return width, height, len({rows[n * stride + 1:(n + 1) * stride] for n in range(height)})


class Browser(Case):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        self.server = self.serve("--language", "en", root=EXAMPLE)

    def chromium(self, *args, path="/", url=None):
        got = self.other("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                         "--disable-default-apps", "--no-default-browser-check", "--metrics-recording-only", "--mute-audio",
                         "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                         f"--user-data-dir={self.dir}/profile", "--virtual-time-budget=3000", *args,
                         (url or self.server.url) + path, seconds=300, group=True)
        self.assertEqual(got.status, 0, got)
        return got.text

    def test_page_is_rendered(self):
        page = self.chromium("--dump-dom", path="/test.html")
        self.assertIn("<title>Test Page</title>", page)
        self.assertIn("This is a sample web page, used for testing.", page)

    def test_home_page_is_rendered(self):
        page = self.chromium("--dump-dom")
        self.assertRegex(page, r"(?i)<h1")
        self.assertRegex(re.sub(r"<[^>]*>", " ", page), r"(?i)session")

    def test_not_found_page_is_rendered(self):
        page = self.chromium("--dump-dom", path="/nowhere")
        self.assertIn("Page Not Found", page)
        self.assertIn("The page you are looking for cannot be found.", page)

    def test_pictures(self):
        for name, path in (("home", "/"), ("test", "/test.html"), ("missing", "/nowhere")):
            with self.subTest(name):
                picture = self.dir / f"{name}.png"
                self.chromium(f"--screenshot={picture}", "--window-size=1000,800", path=path)
                width, height, different = pixels(picture)
                self.assertEqual((width, height), (1000, 800))
                self.assertGreater(different, 10, "the picture is blank")

    def test_100_pictures_on_one_connection(self):
        """HTTP/2 over TLS, all at once: each picture is a square of its own colour."""
        def square(n):
            row = b"\0" + bytes((n * 2, 255 - n * 2, n * 37 % 256)) * 16
            parts = [(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(row * 16)), (b"IEND", b"")]
            return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
                                                   for k, d in parts)
        files = {f"{n}.png": square(n) for n in range(100)}
        files["index.html"] = ("<!doctype html><title>pictures</title><style>img{width:64px;height:64px;float:left}</style>" +
                               "".join(f'<img src="{n}.png">' for n in range(100)) +
                               "<script>onload=()=>document.title=[...document.images].filter(i=>i.naturalWidth==16).length+' seen'</script>")
        log = self.dir / "log"
        server = self.serve("--log-format", "json", root=self.site(files, "pictures"), listen=["https://127.0.0.1:{port}"],
                            log=str(log), env={"XDG_STATE_HOME": str(self.dir)})
        url = f"https://127.0.0.1:{server.port}"
        page = self.chromium("--ignore-certificate-errors", "--dump-dom", url=url)
        self.assertIn("<title>100 seen</title>", page)
        wait_for(lambda: sum(".png" in line for line in whole_lines(log)) >= 100)
        lines = [json.loads(line) for line in whole_lines(log) if ".png" in line]
        self.assertGreaterEqual(len(lines), 100)
        self.assertEqual({line["status"] for line in lines}, {200})
        self.assertEqual({line["version"] for line in lines}, {"HTTP/2"})
        self.assertEqual(len({line["session"] for line in lines}), 1, "they came over one connection")
        picture = self.dir / "pictures.png"
        self.chromium("--ignore-certificate-errors", f"--screenshot={picture}", "--window-size=1000,800", url=url)
        width, height, different = pixels(picture)
        self.assertEqual((width, height), (1000, 800))
        self.assertGreater(different, 6, "rows of squares were to be seen")
