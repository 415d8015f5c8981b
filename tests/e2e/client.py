"""The client side of the scenarios: a strict reader of HTTP/1.1 over a raw socket, so that what goes over the wire can be
said byte by byte, and many requests at once from one thread."""
import asyncio
import select
import socket
import struct
import time

PATIENCE = 60


class Response:
    """status, fields, body, and: `whole` (the body came to its proper end), `interim` (1xx before it, as
    (status, fields)), `elapsed` and `first_byte` in seconds."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, self.reason = (lines[0] + " ").split(" ", 2)
        assert self.version == "HTTP/1.1", f"not a status line: {lines[0]!r}"
        self.status = int(status)
        self.fields = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
        self.body, self.whole, self.interim = b"", False, []
        self.elapsed = self.first_byte = 0.0

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def __getitem__(self, name):
        return ", ".join(self.all(name)) if self.all(name) else None

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def cache(self):
        """Larder's own member of Cache-Status, the last, as a dict: {"hit": True, "ttl": "57"}; {} when there is none."""
        members = (self["Cache-Status"] or "").split(",")
        parts = [p.strip() for p in members[-1].split(";")]
        return {n: (v if eq else True) for n, eq, v in (p.partition("=") for p in parts[1:])}

    @property
    def hit(self):
        return self.cache.get("hit", False)

    def __repr__(self):
        return f"<{self.status} {self.fields} {len(self.body)} bytes{'' if self.whole else ', cut short'}>"


def request_bytes(method, target, host, headers=None, body=None):
    fields = []
    items = headers.items() if isinstance(headers, dict) else headers or []
    for name, value in items:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            fields.append((name, one))
    names = {n.lower() for n, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", len(body)))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
    return head.encode("latin-1") + (body or b"")


class Connection:
    def __init__(self, address, timeout=PATIENCE, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        if family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = "localhost" if isinstance(address, str) else "%s:%d" % address
        self.buffer = b""
        self.began = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def raw(self, data):
        self.began = time.monotonic()
        self.sock.sendall(data)

    def send(self, method, target, headers=None, body=None):
        self.raw(request_bytes(method, target, self.host, headers, body))

    def more(self):
        """One more piece; False at the end of the connection."""
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionError:
            data = b""
        self.buffer += data
        return bool(data)

    def head(self):
        """The next response's head (1xx too), or None when the connection ends without one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                assert self.buffer == b"", f"the connection ended within a head: {self.buffer[:200]!r}"
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        response = Response(head)
        response.first_byte = time.monotonic() - self.began
        return response

    def final_head(self):
        interim = []
        while True:
            response = self.head()
            if response is None or response.status >= 200:
                if response is not None:
                    response.interim = interim
                return response
            interim.append((response.status, response.fields))

    def pieces(self, response, method="GET"):
        """The body in pieces, decoded; sets response.whole at its proper end."""
        if method == "HEAD" or response.status in (204, 304):
            response.whole = True
            return
        coding, length = response["Transfer-Encoding"], response["Content-Length"]
        assert not (coding and length), "both Transfer-Encoding and Content-Length"
        if coding:
            assert coding == "chunked", coding
            while True:
                while b"\r\n" not in self.buffer:
                    if not self.more():
                        return
                size, _, self.buffer = self.buffer.partition(b"\r\n")
                left = int(size.split(b";")[0], 16)
                last = left == 0
                while left:
                    if not self.buffer and not self.more():
                        return
                    piece, self.buffer = self.buffer[:left], self.buffer[left:]
                    left -= len(piece)
                    yield piece
                while b"\r\n" not in self.buffer:
                    if not self.more():
                        return
                end, _, self.buffer = self.buffer.partition(b"\r\n")
                assert end == b"" or last, f"no line end behind a chunk: {end[:40]!r}"
                if last:
                    while end:  # a trailer
                        while b"\r\n" not in self.buffer:
                            if not self.more():
                                return
                        end, _, self.buffer = self.buffer.partition(b"\r\n")
                    response.whole = True
                    return
        elif length is not None:
            assert len(response.all("Content-Length")) == 1, "two Content-Length"
            left = int(length)
            while left:
                if not self.buffer and not self.more():
                    return
                piece, self.buffer = self.buffer[:left], self.buffer[left:]
                left -= len(piece)
                yield piece
            response.whole = True
        else:
            while self.buffer or self.more():
                piece, self.buffer = self.buffer, b""
                yield piece
            response.whole = "close" in (response["Connection"] or "")

    def read(self, method="GET"):
        """A whole response; None when the connection ended instead."""
        response = self.final_head()
        if response is None:
            return None
        response.body = b"".join(self.pieces(response, method))
        response.elapsed = time.monotonic() - self.began
        return response

    def request(self, method, target, headers=None, body=None):
        self.send(method, target, headers, body)
        return self.read(method)

    def ended(self, within=10):
        """True when the peer closes the connection within that time and sends nothing more before."""
        watch = select.poll()  # select() takes no descriptor above 1023
        watch.register(self.sock, select.POLLIN)
        readable = watch.poll(within * 1000)
        if not readable:
            return False
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def at_once(port, requests):
    """Sends all requests (bytes) at the same time, each on a connection of its own that closes; returns the responses in
    order. All connections stand before the first request goes out."""
    results = [None] * len(requests)

    async def one(index, reader, writer):
        began = time.monotonic()
        writer.write(requests[index])
        data = await reader.read()
        writer.close()
        head, mark, body = data.partition(b"\r\n\r\n")
        assert mark, f"no whole head: {data[:200]!r}"
        response = Response(head)
        response.elapsed = time.monotonic() - began
        if response["Transfer-Encoding"]:
            response.body, response.whole = dechunk(body)
        else:
            response.body, response.whole = body, len(body) == int(response["Content-Length"] or len(body))
        results[index] = response

    async def everything():
        connections = []
        for index in range(len(requests)):
            connections.append(await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
        await asyncio.wait_for(asyncio.gather(*(one(i, r, w) for i, (r, w) in enumerate(connections))), PATIENCE)

    asyncio.run(everything())
    return results


def dechunk(data):
    """(content, whole)"""
    content = b""
    while True:
        size, mark, data = data.partition(b"\r\n")
        if not mark:
            return content, False
        n = int(size.split(b";")[0], 16)
        if n == 0:
            return content, data == b"\r\n"
        content += data[:n]
        if len(data) < n + 2:
            return content, False
        data = data[n + 2:]
