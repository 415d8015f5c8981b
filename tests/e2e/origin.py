"""An origin that does as it is told: a raw HTTP/1.1 server in threads of this process, on a port of the system's choice.

    origin.page("/slow", delay=0.5, headers={"Cache-Control": "max-age=60"})     # body: "/slow #1", "/slow #2", ...
    @origin.on("/cut")
    def cut(request, reply):
        reply.start(200, length=100)
        reply.write(b"half")
        reply.reset()

It counts requests by path and keeps each as it came. A Gate lets a scenario say when a reply goes on: no scenario
sleeps to be early or late. Whatever waits here waits at most PATIENCE seconds."""
import collections
import email.utils
import select
import socket
import ssl
import struct
import threading
import time

PATIENCE = 30


class Gate:
    """Closed until opened. `reached` is set when somebody waits at it."""

    def __init__(self):
        self._open, self._reached = threading.Event(), threading.Event()

    def open(self):
        self._open.set()

    def pass_through(self):
        self._reached.set()
        if not self._open.wait(PATIENCE):
            raise TimeoutError("a gate was never opened")

    def wait_reached(self):
        assert self._reached.wait(PATIENCE), "nobody came to the gate"


class Request:
    def __init__(self, head, stream):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.path, _, self.query = self.target.partition("?")
        self.fields = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines[1:] if line)]
        self.head = head
        self._stream, self._body = stream, None

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def __getitem__(self, name):
        """The values of a field joined by commas; None when it is absent."""
        return ", ".join(self.all(name)) if self.all(name) else None

    def pieces(self):
        """The body as it comes, in pieces."""
        if "chunked" in (self["Transfer-Encoding"] or "").lower():
            while True:
                size = int(self._stream.line().split(b";")[0], 16)
                left = size
                while left:
                    piece = self._stream.some(left)
                    left -= len(piece)
                    yield piece
                if size == 0:
                    while self._stream.line():
                        pass
                    return
                assert self._stream.line() == b""
        else:
            left = int(self["Content-Length"] or 0)
            while left:
                piece = self._stream.some(left)
                left -= len(piece)
                yield piece

    def body(self):
        if self._body is None:
            self._body = b"".join(self.pieces())
        return self._body


class Stream:
    """Buffered reading of a socket."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def _more(self, limit=1 << 20):
        data = self.sock.recv(limit)
        if not data:
            raise EOFError
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self._more(65536)
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def line(self):
        return self.until(b"\r\n")

    def some(self, limit):
        if not self.buffer:
            self._more(min(limit, 1 << 20))
        piece, self.buffer = self.buffer[:limit], self.buffer[limit:]
        return piece


def pairs(headers):
    """A dict, whose values may be lists, or a list of pairs, as a list of pairs."""
    if not headers:
        return []
    items = headers.items() if isinstance(headers, dict) else headers
    return [(n, str(x)) for n, v in items for x in (v if isinstance(v, (list, tuple)) else [v])]


class Reply:
    def __init__(self, sock, request):
        self.sock, self.request, self.closed, self.chunked = sock, request, False, False

    def raw(self, data):
        self.sock.sendall(data)

    def head(self, status, headers, date=True, reason="Whatever"):
        fields = pairs(headers)
        if date and not any(n.lower() == "date" for n, _ in fields):
            fields.insert(0, ("Date", email.utils.formatdate(usegmt=True)))
        self.raw((f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n").encode("latin-1"))

    def send(self, status=200, headers=None, body=b"", **options):
        """A whole response."""
        bodyless = self.request.method == "HEAD" or status in (204, 304)
        fields = pairs(headers)
        if status not in (204, 304):
            fields.append(("Content-Length", len(body)))
        self.head(status, fields, **options)
        if body and not bodyless:
            self.raw(body)

    def start(self, status=200, headers=None, length=None, **options):
        """A response whose body follows by write: of that length, or chunked; end() ends it."""
        self.chunked = length is None
        framing = [("Transfer-Encoding", "chunked")] if self.chunked else [("Content-Length", length)]
        self.head(status, pairs(headers) + framing, **options)

    def write(self, data):
        self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    def end(self):
        if self.chunked:
            self.raw(b"0\r\n\r\n")

    def interim(self, status, headers=None):
        self.head(status, headers, date=False)

    def close(self):
        """An orderly end of the connection."""
        self.closed = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def reset(self):
        """The connection breaks (RST)."""
        self.closed = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_peer_gone(self):
        """Seconds until the peer closes the connection."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            watch = select.poll()  # select() takes no descriptor above 1023
            watch.register(self.sock, select.POLLIN)
            readable = watch.poll(500)
            try:
                if readable and self.sock.recv(65536) == b"":
                    return time.monotonic() - began
            except OSError:
                return time.monotonic() - began
        raise TimeoutError("the peer stayed")


class Origin:
    def __init__(self, unix=None, certificate=None):
        """Listens on loopback, or at the unix path; with TLS when given (certificate, key) paths."""
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(unix)
            self.url = "unix:" + unix
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
            self.port = self.listener.getsockname()[1]
            self.url = f'http{"s" if certificate else ""}://127.0.0.1:{self.port}'
        self.listener.listen(2048)
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self.handlers, self.requests, self.connections, self.problems = {}, [], 0, []
        self._lock, self._arrived = threading.Lock(), threading.Condition()
        self._open, self.numbers = set(), collections.Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    # --- what it answers -------------------------------------------------------------------------------------

    def on(self, path):
        """A decorator: handler(request, reply) answers that path; one that ends with * is a prefix."""
        def add(handler):
            self.handlers[path] = handler
            return handler
        return add

    def page(self, path, body=None, status=200, headers=None, delay=0, gate=None):
        """A whole page. body: bytes, or a function of the request; without it "PATH #N", N counting the requests."""
        def handler(request, reply):
            content = body(request) if callable(body) else body
            if content is None:
                content = f"{request.path} #{request.number}".encode()
            if delay:
                time.sleep(delay)
            if gate:
                gate.pass_through()
            request.body()
            reply.send(status, headers(request) if callable(headers) else headers, content)
        self.handlers[path] = handler

    # --- what it saw -----------------------------------------------------------------------------------------

    def seen(self, path):
        with self._lock:
            return [r for r in self.requests if r.path == path or (path.endswith("*") and r.path.startswith(path[:-1]))]

    def count(self, path):
        return len(self.seen(path))

    def last(self, path):
        return self.seen(path)[-1]

    def wait_count(self, path, n):
        """Waits until the path was asked for n times."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.count(path) >= n, PATIENCE), f"{path}: {self.count(path)} requests, not {n}"

    # --- how it does it --------------------------------------------------------------------------------------

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _handler(self, path):
        if path in self.handlers:
            return self.handlers[path]
        prefixes = [p for p in self.handlers if p.endswith("*") and path.startswith(p[:-1])]
        return self.handlers[max(prefixes, key=len)] if prefixes else None

    def _serve(self, sock):
        try:
            sock.settimeout(120)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            elif sock.family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = Stream(sock)
            while True:
                request = Request(stream.until(b"\r\n\r\n"), stream)
                with self._lock:
                    self.numbers[request.path] += 1
                    request.number = self.numbers[request.path]
                    self.requests.append(request)
                with self._arrived:
                    self._arrived.notify_all()
                reply = Reply(sock, request)
                handler = self._handler(request.path)
                if handler:
                    handler(request, reply)
                else:
                    request.body()
                    reply.send(404, {"Cache-Control": "no-store"}, b"the origin has no such page")
                if reply.closed or "close" in (request["Connection"] or ""):
                    return
        except (EOFError, OSError):
            pass  # the peer left: scenarios look at what it did, not at this
        except Exception as problem:  # a scenario's own mistake
            self.problems.append(repr(problem))
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def stop_listening(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def stop(self):
        self.stop_listening()
        with self._lock:
            left = list(self._open)
        for sock in left:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
