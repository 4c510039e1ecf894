"""A server of HTTP/3 that nobody here wrote (aioquic), for Debian 13's tree: aioquic_server.py PORT CERT KEY [retry]
Answers /N with N bytes, all else with what was asked; prints a line a connection and a request."""
import asyncio
import hashlib
import json
import sys

from aioquic.asyncio import serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import HandshakeCompleted


def say(**what):
    print(json.dumps(what), flush=True)


class Server(QuicConnectionProtocol):
    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.http, self.asked = None, {}

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            say(connection=event.alpn_protocol, resumed=event.session_resumed)
        if self.http is None:
            self.http = H3Connection(self._quic)
        for part in self.http.handle_event(event):
            if isinstance(part, HeadersReceived):
                # Trailers would be a second section; the first is what counts.
                self.asked.setdefault(part.stream_id, ({n.decode(): v.decode() for n, v in part.headers}, hashlib.sha256(), [0]))
            elif isinstance(part, DataReceived):
                self.asked[part.stream_id][1].update(part.data)
                self.asked[part.stream_id][2][0] += len(part.data)
            if getattr(part, "stream_ended", False):
                self.answer(part.stream_id, *self.asked.pop(part.stream_id))

    def answer(self, sid, head, digest, size):
        path = head[":path"].strip("/")
        said = {"fields": head, "bytes": size[0], "sha256": digest.hexdigest()}
        content = b"a" * int(path) if path.isdigit() else json.dumps(said).encode()
        self.http.send_headers(sid, [(b":status", b"200"), (b"content-length", str(len(content)).encode()), (b"server", b"aioquic")],
                               end_stream=head[":method"] == "HEAD" or not content)
        if head[":method"] != "HEAD" and content:
            self.http.send_data(sid, content, end_stream=True)
        say(request=head[":method"] + " " + head[":path"])
        self.transmit()


async def main(port, certificate, key, *more):
    how = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    how.load_cert_chain(certificate, key)
    tickets = {}
    await serve("127.0.0.1", int(port), configuration=how, create_protocol=Server, retry="retry" in more,
                session_ticket_fetcher=tickets.get, session_ticket_handler=lambda t: tickets.update({t.ticket: t}))
    say(listening=port)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
