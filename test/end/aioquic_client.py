"""A client of HTTP/3 that nobody here wrote (aioquic), for Debian 13's tree: reads what to do as JSON, prints as JSON
what came. {port, ca, steps: [step...], options}; a step is {asks: [ask...]}, all at once, or {do: NAME};
an ask is [method, path, fields, content or null]."""
import asyncio
import hashlib
import json
import ssl
import sys

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, StreamReset
from aioquic.tls import CipherSuite, Epoch

RESERVED = 0x21 + 0x1f * 7  # a type of frame, or stream, that means nothing (RFC 9114, 7.2.8)


def grease(size):
    """A frame of that type; its type is a varint of two bytes."""
    return (0x4000 | RESERVED).to_bytes(2, "big") + bytes([size]) + b"?" * size


class Client(QuicConnectionProtocol):
    def __init__(self, quic):
        super().__init__(quic)
        self.http, self.answers, self.closed = H3Connection(quic), {}, None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = [event.error_code, event.reason_phrase]
            for answer in self.answers.values():
                answer["over"].set()
        elif isinstance(event, StreamReset):
            self.answers[event.stream_id]["reset"] = event.error_code
            self.answers[event.stream_id]["over"].set()
        for part in self.http.handle_event(event):
            answer = self.answers.get(part.stream_id)
            if answer and isinstance(part, HeadersReceived):
                answer["heads"].append([[n.decode(), v.decode()] for n, v in part.headers])
            elif answer and isinstance(part, DataReceived):
                answer["content"] += part.data
            if answer and getattr(part, "stream_ended", False):
                answer["over"].set()

    def begin(self, authority, method, path, fields, content, greased):
        sid = self._quic.get_next_available_stream_id()
        self.answers[sid] = {"heads": [], "content": bytearray(), "over": asyncio.Event(), "reset": None}
        head = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path), *map(tuple, fields)]
        if greased:
            self._quic.send_stream_data(sid, grease(9))
        self.http.send_headers(sid, [(n.encode(), v.encode()) for n, v in head], end_stream=content is None and not greased)
        if greased and content is None:
            self._quic.send_stream_data(sid, grease(0), end_stream=True)
        if content is not None:
            self.http.send_data(sid, content.encode(), end_stream=True)
        return sid


async def connect(port, configuration, tickets):
    loop = asyncio.get_running_loop()
    quic = QuicConnection(configuration=configuration, session_ticket_handler=tickets.append)
    _, client = await loop.create_datagram_endpoint(lambda: Client(quic), local_addr=("127.0.0.1", 0))
    client.connect(("127.0.0.1", port))
    await client.wait_connected()
    return client


async def step(client, plan, work):
    if "asks" in work:
        sids = [client.begin(f"127.0.0.1:{plan['port']}", *ask, work.get("grease")) for ask in work["asks"]]
        client.transmit()
        for sid in sids:
            await client.answers[sid]["over"].wait()
        return [{"heads": a["heads"], "reset": a["reset"], "bytes": len(a["content"]), "sha256": hashlib.sha256(a["content"]).hexdigest(),
                 "text": a["content"][:2000].decode(errors="replace")} for a in (client.answers.pop(sid) for sid in sids)]
    if work["do"] == "key update":
        keys = client._quic._cryptos[Epoch.ONE_RTT]
        before = keys.recv.key_phase
        client.request_key_update()
        await client.ping()
        return [before, keys.recv.key_phase]
    if work["do"] == "migrate":  # from another port, with another connection id
        old = client._transport
        client.change_connection_id()
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: client, local_addr=("127.0.0.1", 0))
        old.close()
        await client.ping()
        return client._transport.get_extra_info("sockname")[1]
    if work["do"] == "reserved stream":
        sid = client._quic.get_next_available_stream_id(is_unidirectional=True)
        client._quic.send_stream_data(sid, (0x4000 | RESERVED).to_bytes(2, "big") + b"anything", end_stream=False)
        await client.ping()
        return sid
    raise ValueError(work)


async def main(plan):
    options, tickets, told = plan.get("options", {}), [], []
    for n in range(options.get("connections", 1)):
        how = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name="127.0.0.1", verify_mode=ssl.CERT_REQUIRED)
        how.load_verify_locations(cafile=plan["ca"])
        if "versions" in options:
            how.original_version, how.supported_versions = options["versions"][0], options["versions"]
        if "cipher" in options:
            how.cipher_suites = [CipherSuite[options["cipher"]]]
        if tickets:
            how.session_ticket = tickets[-1]
        client = await connect(plan["port"], how, tickets)
        quic = client._quic
        results = [await step(client, plan, work) for work in plan["steps"]]
        told.append({"results": results, "resumed": quic.tls.session_resumed, "early": quic.tls.early_data_accepted,
                     "retried": quic._retry_count, "version": quic._version, "tickets": len(tickets), "closed": client.closed,
                     "settings": client.http.received_settings})
        client.close()
        await client.wait_closed()
        client._transport.close()
    print(json.dumps(told))


asyncio.run(asyncio.wait_for(main(json.load(sys.stdin)), 250))
