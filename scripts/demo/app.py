#!/usr/bin/python3
"""A small, slow web app to put Larder in front of; Python's standard library alone.

    app.py [ADDRESS-FILE]

Listens on loopback, on a port of the system's choice, and writes its URL to the file (or prints it)."""
import html
import http.server
import itertools
import os
import secrets
import sys
import time
import urllib.parse

RENDERINGS = itertools.count(1)
PAGES = [
    ("/slow", "takes two seconds to render"),
    ("/language", "varies by Accept-Language"),
    ("/news/1", "one of many articles, tagged news and article-1; takes half a second"),
    ("/form", "a form; its answer sets a session cookie"),
    ("/signup", "a form with a token against forgery, a session cookie, a nonce; takes two seconds"),
    ("/account", "shows your session: never shared"),
    ("/clock", "says Cache-Control: no-store"),
    ("/download", "100 MB (?size= in bytes)"),
    ("/error", "an answer with status 500"),
]
GREETINGS = {"de": "Guten Tag", "en": "Good day", "es": "Buenos días", "fr": "Bonjour", "it": "Buongiorno"}


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo"

    def answer(self, content, status=200, headers=()):
        body = (f"<!doctype html><meta charset=utf-8><title>Larder demo</title>{content}"
                f"<p>rendering {next(RENDERINGS)}, at {time.strftime('%H:%M:%S')}</p>\n").encode()
        self.send_response(status)
        for name, value in [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cookie(self, name):
        cookies = dict(c.strip().partition("=")[::2] for c in self.headers.get("Cookie", "").split(";") if "=" in c)
        return cookies.get(name, "")

    def session(self):
        return urllib.parse.unquote(self.cookie("session"))

    def signup(self):
        """What frameworks do for a form: the token of the cookie stands in it, and has to come back with it."""
        token, nonce, headers = self.cookie("csrf_token"), secrets.token_urlsafe(16), []
        if not token:
            token = secrets.token_hex(32)
            headers += [("Set-Cookie", f"sid={secrets.token_hex(16)}; Path=/; HttpOnly"),
                        ("Set-Cookie", f"csrf_token={token}; Path=/; SameSite=Lax")]
        self.answer(f'<form method=post><input type=hidden name=csrf_token value="{html.escape(token)}"><input name=name>'
                    f'<button>Sign up</button></form><script nonce="{nonce}">document.forms[0].name.focus()</script>',
                    headers=[("Content-Security-Policy", f"script-src 'nonce-{nonce}'"), *headers])

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path == "/":
            self.answer("<h1>Larder demo</h1><ul>" + "".join(f'<li><a href="{p}">{p}</a> {t}' for p, t in PAGES) + "</ul>")
        elif url.path == "/slow":
            time.sleep(2)
            self.answer("<p>This page took two seconds to render.</p>")
        elif url.path == "/language":
            time.sleep(0.5)
            language = self.headers.get("Accept-Language", "en")[:2]
            self.answer(f"<p>{GREETINGS.get(language, GREETINGS['en'])}!</p>", headers=[("Vary", "Accept-Language")])
        elif url.path.startswith("/news/"):
            time.sleep(0.5)
            article = "".join(c for c in url.path[len("/news/"):] if c.isalnum())
            self.answer(f"<p>Article {article}</p>", headers=[("Cache-Tag", f"news, article-{article}")])
        elif url.path == "/form":
            self.answer("<form method=post><input name=name placeholder='your name'><button>Send</button></form>")
        elif url.path == "/signup":
            time.sleep(2)
            self.signup()
        elif url.path == "/account":
            self.answer(f"<p>You are {html.escape(self.session() or 'nobody')}.</p>",
                        headers=[("Cache-Control", "private"), ("Vary", "Cookie")])
        elif url.path == "/clock":
            self.answer(f"<p>{time.time():.3f}</p>", headers=[("Cache-Control", "no-store")])
        elif url.path == "/download":
            self.download(int(query.get("size", ["100000000"])[0]))
        elif url.path == "/error":
            self.answer("<p>Something is wrong in the app.</p>", status=500)
        else:
            self.answer("<p>There is no such page.</p>", status=404)

    do_HEAD = do_GET

    def do_POST(self):
        length = min(int(self.headers.get("Content-Length", 0)), 100_000)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode("utf-8", "replace"))
        name = form.get("name", ["somebody"])[0]
        token = self.cookie("csrf_token")
        if self.path == "/signup" and not (token and secrets.compare_digest(token, form.get("csrf_token", [""])[0])):
            self.answer("<p>Forged.</p>", status=403)
            return
        self.answer(f'<p>Welcome, {html.escape(name)}. <a href="/account">Your account</a></p>',
                    headers=[("Set-Cookie", f"session={urllib.parse.quote(name)}; Path=/; HttpOnly")])

    def download(self, size):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        piece = b"\0" * 65536
        while size > 0 and self.command != "HEAD":
            self.wfile.write(piece[:size])
            size -= len(piece)

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the visitor left

    def log_message(self, *_):
        pass  # Larder's access log tells it


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main():
    server = Server(("127.0.0.1", 0), App)
    url = "http://127.0.0.1:%d" % server.server_address[1]
    if len(sys.argv) > 1:
        with open(sys.argv[1] + ".part", "w", encoding="ascii") as f:
            f.write(url + "\n")
        os.rename(sys.argv[1] + ".part", sys.argv[1])  # whole or not there
    else:
        print(url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
