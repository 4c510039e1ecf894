"""Frames of HTTP/2 as a test says them, right or wrong, and what came back. No library: fields go out as
literals that are never indexed, so that they are what they are; of what comes back only :status is read."""
import itertools
import socket
import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION) = range(10)
PRIORITY_UPDATE = 16
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_LIST = range(1, 7)
WINDOW_MAX = (1 << 31) - 1
STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # RFC 7541, appendix A


def u32(n):
    return n.to_bytes(4, "big")


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + u32(stream) + payload


def integer(value, bits, first=0):
    """RFC 7541, 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value >> 7
    return out + bytes([value])


def text(s):
    data = s if isinstance(s, bytes) else s.encode("latin-1")
    return integer(len(data), 7) + data


def literal(name, value, kind=0x10):
    """A field as it stands; kind 0x10: never indexed, 0x40: put into the table."""
    return bytes([kind]) + text(name) + text(value)


def indexed(index):
    return integer(index, 7, 0x80)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(*more, method="GET", path="/", scheme="http", authority="h"):
    """Fields of a request; None leaves one out."""
    pseudo = ((":method", method), (":scheme", scheme), (":authority", authority), (":path", path))
    return [(n, v) for n, v in pseudo if v is not None] + list(more)


def setting(number, value):
    return number.to_bytes(2, "big") + u32(value)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(setting(n, v) for n, v in pairs))


def headers(stream, fields, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, fields if isinstance(fields, bytes) else block(fields))


def window(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, u32(increment))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, u32(code))


def unpack_integer(data, at, bits):
    value = data[at] & ((1 << bits) - 1)
    if value < (1 << bits) - 1:
        return value, at + 1
    for shift in itertools.count(0, 7):
        at += 1
        value += (data[at] & 127) << shift
        if data[at] < 128:
            return value, at + 1


def digits(data, coded):
    """A string that is only digits (RFC 7541, appendix B: 0 to 2 have five bits, 3 to 9 six)."""
    if not coded:
        return data.decode()
    bits, out = "".join(f"{byte:08b}" for byte in data), ""
    while bits[:5] in ("00000", "00001", "00010") or "011001" <= bits[:6] <= "011111":
        width = 5 if bits[:3] == "000" else 6
        out += str(int(bits[:width], 2) - (0 if width == 5 else 22))
        bits = bits[width:]
    return out


def status_of(data):
    """:status, which stands first; our tables are empty (SETTINGS_HEADER_TABLE_SIZE 0)."""
    at = 0
    while data[at] & 0xE0 == 0x20:  # the table's size
        _, at = unpack_integer(data, at, 5)
    first = data[at]
    index, at = unpack_integer(data, at, 7 if first & 0x80 else 6 if first & 0x40 else 4)
    if first & 0x80:
        return STATUSES[index]
    coded = data[at] & 0x80
    size, at = unpack_integer(data, at, 7)
    return int(digits(data[at:at + size], coded))


class H2:
    """One end of a connection: bytes out as they are said, frames in."""

    def __init__(self, sock, greeting=PREFACE + settings((TABLE_SIZE, 0)), seconds=60, settled=True):
        """settled: waits for the other end's SETTINGS and acknowledges them."""
        self.sock, self.held, self.over = sock, b"", False
        sock.settimeout(seconds)
        self.frames = []  # (type, flags, stream, payload), all that came
        self.data = {}  # stream: content
        self.statuses, self.resets, self.ended = {}, {}, set()
        self.goaway = None  # its code
        self.read = 0  # bytes that came
        self.send(greeting)
        if settled and self.until(lambda: any(f[:2] == (SETTINGS, 0) for f in self.frames)):
            self.send(frame(SETTINGS, ACK))

    @classmethod
    def connect(cls, port, host="127.0.0.1", receive=None, tls=False, **how):
        sock = socket.socket()
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.settimeout(60)
        sock.connect((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["h2"])
            sock = context.wrap_socket(sock, server_hostname="localhost")
        return cls(sock, **how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        """False: the other end has heard enough."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False

    def note(self, kind, flags, stream, payload):
        self.frames.append((kind, flags, stream, payload))
        if kind == DATA:
            self.data[stream] = self.data.get(stream, b"") + payload
        elif kind == HEADERS and flags & END_HEADERS:
            self.statuses.setdefault(stream, []).append(status_of(payload))
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)

    def more(self):
        """Reads once; False at the end."""
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        self.over = not data
        self.read += len(data)
        self.held += data
        at = 0
        while len(self.held) - at >= 9:
            size = int.from_bytes(self.held[at:at + 3], "big")
            if len(self.held) - at < 9 + size:
                break
            self.note(self.held[at + 3], self.held[at + 4], int.from_bytes(self.held[at + 5:at + 9], "big") & WINDOW_MAX,
                      self.held[at + 9:at + 9 + size])
            at += 9 + size
        self.held = self.held[at:]
        return not self.over

    def until(self, what):
        """Reads until what() is true; False: the connection ended before."""
        while not what():
            if not self.more():
                return bool(what())
        return True

    def rest(self):
        """Reads to the end."""
        while self.more():
            pass
        return self

    def ping(self):
        """Waits until the other end has done what was said before; False: it is gone."""
        text = u32(len(self.frames)) + b"ping"
        self.send(frame(PING, 0, 0, text))
        return self.until(lambda: (PING, ACK, 0, text) in self.frames)

    def answered(self, stream):
        """Reads to the end of that stream; its status."""
        self.until(lambda: stream in self.ended or stream in self.resets or self.goaway)
        return self.statuses[stream][-1] if stream in self.ended else None

    def ask(self, stream, *more, **how):
        self.send(headers(stream, request(*more, **how)))
        return self.answered(stream)
