"""Raw connections, byte by byte, and responses as they stood on the wire."""
import re
import socket
import struct

from waiting import PATIENCE


class Response:
    """A response as it stood on the wire."""

    def __init__(self, head, body=b"", complete=True):
        self.head, self.body, self.complete = head, body, complete
        lines = head.split(b"\r\n")
        match = re.fullmatch(rb"(HTTP/1\.[01]) (\d{3}) (.*)", lines[0])
        if not match:
            raise AssertionError(f"no status line: {head[:200]!r}")
        self.version, self.status, self.reason = match[1].decode(), int(match[2]), match[3].decode()
        self.fields = []
        for line in lines[1:]:
            if line:
                name, colon, value = line.partition(b":")
                if not colon or not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                    raise AssertionError(f"malformed field line: {line!r}")
                self.fields.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
        self.trailers = []

    def get(self, name, default=None):
        found = [v for n, v in self.fields if n == name.lower()]
        return ", ".join(found) if found else default

    def __contains__(self, name):
        return any(n == name.lower() for n, _ in self.fields)

    @property
    def text(self):
        return self.body.decode()

    @property
    def closes(self):
        return "close" in (self.get("connection") or "").lower().replace(" ", "").split(",")

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:120]!r}>"


class Wire:
    """A raw TCP connection: what is sent and read is what a test says, byte by byte."""

    def __init__(self, port, host="127.0.0.1", seconds=PATIENCE, receive=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        if receive:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.sock.settimeout(seconds)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def end(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def more(self, size=65536):
        """Reads once into what is held; False at the end."""
        data = self.sock.recv(size)
        self.held += data
        return bool(data)

    def take(self, n):
        got, self.held = self.held[:n], self.held[n:]
        return got

    def until(self, mark):
        while mark not in self.held:
            if not self.more():
                raise EOFError(f"closed while waiting for {mark!r}; got {self.held[:300]!r}")
        return self.take(self.held.index(mark) + len(mark))

    def exactly(self, n):
        parts, have = [self.take(n)], 0
        have = len(parts[0])
        while have < n:
            data = self.sock.recv(min(1 << 20, n - have))
            if not data:
                break
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def rest(self, bound=1 << 28, may_reset=False):
        """Everything up to the end of the connection."""
        parts = [self.take(len(self.held))]
        size = len(parts[0])
        while size < bound:
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                if not may_reset:
                    raise
                break
            if not data:
                break
            parts.append(data)
            size += len(data)
        return b"".join(parts)

    def head(self):
        return Response(self.until(b"\r\n\r\n")[:-2])

    def response(self, method="GET", interim=False):
        """One final response (interim: whatever comes next), by the framing of RFC 9112, 6.3."""
        while True:
            answer = self.head()
            if interim or answer.status >= 200 or answer.status == 101:
                break
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        if "chunked" in (answer.get("transfer-encoding") or "").lower():
            parts = []
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                parts.append(self.exactly(size))
                assert self.exactly(2) == b"\r\n", "no CRLF after a chunk"
            answer.body = b"".join(parts)
            while True:
                line = self.until(b"\r\n")[:-2]
                if not line:
                    break
                name, _, value = line.partition(b":")
                answer.trailers.append((name.decode().lower(), value.strip().decode()))
        elif "content-length" in answer:
            want = int(answer.get("content-length"))
            answer.body = self.exactly(want)
            answer.complete = len(answer.body) == want
        else:
            answer.body = self.rest()
        return answer

    def ask(self, target="/", method="GET", fields=(), body=b"", version="HTTP/1.1", host="localhost"):
        """Sends one request and reads its response."""
        lines = [f"{method} {target} {version}"] + ([f"Host: {host}"] if host else []) + list(fields)
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return self.response(method)

    def ended(self, seconds=PATIENCE):
        """Whether the other side ends the connection, without another byte, in that time."""
        self.sock.settimeout(seconds)
        try:
            return not self.held and self.sock.recv(1) == b""
        except ConnectionResetError:
            return not self.held
        except TimeoutError:
            return False
