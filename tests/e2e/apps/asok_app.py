"""A site of the shape that Asok gives every page, with the standard library alone: a session cookie, a double-submit token in a
cookie, in <meta>, in each form and in a header, and a nonce in the Content-Security-Policy and in each script tag. Cookies are
set where they are missing. What else a page does is said by its query:

    ?sid=1          it shows the session           ?token=base64   the token is base64, and stands escaped too
    ?vary=Cookie    that Vary                      ?n=5000         so many forms
    ?gzip=1         coded where it is accepted     ?size=100000    so many bytes of text more
    ?etag=1         with validators                ?stream=1       in pieces, half a second apart
    ?sleep=2        it takes so long               ?cc=...         that Cache-Control
    ?digest=...     the URL of a script has that
"""
import base64
import gzip
import hmac
import html
import itertools
import json
import re
import secrets
import threading
import time
import urllib.parse
from http.cookies import SimpleCookie

counts = {}
lock = threading.Lock()
renderings = itertools.count(1)
SID = "asok_sid={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"
CSRF = "asok_csrf={}; Path=/; SameSite=Lax; Max-Age=7200"


def cookies_of(environ):
    jar = SimpleCookie(environ.get("HTTP_COOKIE", ""))
    return {name: morsel.value for name, morsel in jar.items()}


def new_token(kind):
    return base64.b64encode(b"\xfb\xff" + secrets.token_bytes(29)).decode() if kind == "base64" else secrets.token_hex(32)


def is_token(text):
    return re.fullmatch(r"[0-9a-f]{64}|[A-Za-z0-9+/]{42}==", text) is not None


def form(token):
    return (f'<form method="post" action="/save"><input type="hidden" name="csrf_token" value="{html.escape(token)}">'
            '<input name="text"><button>Save</button></form>\n')


def escaped(token):
    """As other parts of a page have it: links, templates that escape more, scripts."""
    quoted = urllib.parse.quote(token, safe="")
    return (f'<a href="/leave?csrf={quoted}">leave</a> <a href="/path?csrf={urllib.parse.quote(token)}">path</a>\n'
            f'<p data-token="{token.replace("+", "&#43;")}" data-other="{token.replace("=", "&#x3D;")}"></p>\n'
            f'<p data-json="{html.escape(json.dumps(token).replace("/", chr(92) + "/"), quote=True)}"></p>\n')


def page(environ, query):
    """Status, fields and the pieces of the body."""
    cookies = cookies_of(environ)
    fields = [("Content-Type", "text/html; charset=utf-8")]
    sid, token = cookies.get("asok_sid"), cookies.get("asok_csrf")
    if not sid:
        sid = secrets.token_hex(16)
        fields.append(("Set-Cookie", SID.format(sid)))
    if not token or not is_token(token):
        token = new_token(query.get("token"))
        fields.append(("Set-Cookie", CSRF.format(token)))
    nonce = base64.b64encode(secrets.token_bytes(16)).decode()
    fields += [("X-CSRF-Token", token), ("Content-Security-Policy", f"default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'")]
    number = next(renderings)
    if "vary" in query:
        fields.append(("Vary", query["vary"]))
    if "cc" in query:
        fields.append(("Cache-Control", query["cc"]))
    if "etag" in query:
        fields += [("ETag", f'"version-{number}"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Accept-Ranges", "bytes")]
    pieces = [
        f'<!doctype html><html><head><title>Page</title>\n<meta name="csrf-token" content="{html.escape(token)}">\n'
        f'<script nonce="{nonce}" src="/app.js"></script></head><body>\n<p>rendering {number}</p>\n',
        form(token) * int(query.get("n", 2)),
        escaped(token) if query.get("token") == "base64" else "",
        f"<p>session {sid}</p>\n" if "sid" in query else "",
        f'<link rel="preload" href="/app.js?v={html.escape(query["digest"])}">\n' if "digest" in query else "",
        "a line of text, as long as others are\n" * (int(query.get("size", 0)) // 38),
        f'<script nonce="{nonce}">start("{token}")</script>\n</body></html>\n',
    ]
    return "200 OK", fields, [p.encode() for p in pieces if p]


def save(environ):
    """Takes what has the cookie's token in its field or in X-CSRF-Token."""
    cookie = cookies_of(environ).get("asok_csrf", "")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    sent = dict(urllib.parse.parse_qsl(body)).get("csrf_token", environ.get("HTTP_X_CSRF_TOKEN", ""))
    ok = is_token(cookie) and hmac.compare_digest(cookie.encode(), sent.encode())
    text = b"saved" if ok else b"forged"
    return "200 OK" if ok else "403 Forbidden", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")], [text]


def slowly(pieces):
    for i, piece in enumerate(pieces):
        if i:
            time.sleep(0.5)
        yield piece


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
    with lock:
        counts[path] = counts.get(path, 0) + 1
    if path == "/alive":
        status, fields, pieces = "200 OK", [("Cache-Control", "no-store")], [b"yes"]
    elif path == "/counts":
        status, fields, pieces = "200 OK", [("Cache-Control", "no-store")], [json.dumps(counts).encode()]
    elif environ["REQUEST_METHOD"] == "POST":
        status, fields, pieces = save(environ)
    else:
        time.sleep(2 if path == "/slow" else float(query.get("sleep", 0)))
        status, fields, pieces = page(environ, query)
    if "stream" in query:
        start_response(status, fields)
        return slowly(pieces)
    body = b"".join(pieces)
    if "gzip" in query:
        fields.append(("Vary", "Accept-Encoding"))
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip.compress(body)
            fields.append(("Content-Encoding", "gzip"))
    start_response(status, fields + [("Content-Length", str(len(body)))])
    return [body if environ["REQUEST_METHOD"] != "HEAD" else b""]
