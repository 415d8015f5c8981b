"""A visitor as a browser plays him: he keeps cookies, fills in forms, and remembers everything that he was sent, so that a
scenario can ask whether anything of it belongs to somebody else.

    anna, ben = Browser(larder), Browser(larder)
    anna.open("/page").check()
    ben.open("/page").check()
    nothing_shared(anna, ben, beyond=common(app, "/page"))"""
import gzip
import html
import re
import time
import urllib.parse
from types import SimpleNamespace

import client

# What may be a secret: a run of letters and digits as tokens, sessions and nonces have it.
WORD = re.compile(r"[A-Za-z0-9_+/=-]{16,}")


def forms_of(text):
    """The text as it stands, and as it reads where it is escaped."""
    plain = text.replace("\\/", "/")
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), plain)
    return text, html.unescape(text), urllib.parse.unquote(text), html.unescape(plain), plain


def words(response):
    """All that could be a secret in a response, fields and body."""
    body = response.body
    if response["Content-Encoding"] == "gzip":
        body = gzip.decompress(body)
    fields = [v for n, v in response.fields if n.lower() != "cache-status"]  # which has Larder's own words
    text = "\n".join(fields) + "\n" + body.decode("utf-8", "replace")
    return {word for form in forms_of(text) for word in WORD.findall(form)}


def common(url, target):
    """The words that the app itself sends to everybody: two strangers ask it directly."""
    host, port = url.rpartition("/")[2].split(":")
    found = []
    for _ in range(2):
        with client.Connection((host, int(port))) as c:
            found.append(words(c.request("GET", target)))
    return found[0] & found[1]


def nothing_shared(*visitors, beyond=frozenset()):
    """No visitor was sent what another was sent, but for the words that everybody gets."""
    for i, one in enumerate(visitors):
        for other in visitors[i + 1:]:
            both = (one.words & other.words) - beyond
            assert not both, f"two visitors got the same: {both}"


class Page:
    """What a page of a response holds."""

    def __init__(self, response):
        self.response = response
        text = response.text
        self.meta = [html.unescape(x) for x in re.findall(r'<meta name="csrf-token" content="([^"]*)"', text)]
        self.hidden = [html.unescape(x) for x in re.findall(r'name="(?:csrf_token|csrfmiddlewaretoken|_token|authenticity_token)" value="([^"]*)"', text)]
        self.scripts = re.findall(r'<script nonce="([^"]*)"', text)
        self.policy = re.findall(r"'nonce-([^']*)'", response["Content-Security-Policy"] or "")
        number = re.search(r"rendering (\d+)", text)
        self.number = int(number.group(1)) if number else None

    def tokens(self):
        return {*self.meta, *self.hidden, *self.response.all("X-CSRF-Token")}

    def nonces(self):
        return {*self.scripts, *self.policy}


class Browser:
    def __init__(self, larder, headers=None):
        """larder: what has a port."""
        self.port, self.headers = larder.port, dict(headers or {})
        self.cookies, self.words, self.page = {}, set(), None

    def fields(self, more=None):
        fields = {**self.headers, **(more or {})}
        if self.cookies and "Cookie" not in fields:
            fields["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        return fields

    def take(self, response):
        """Remembers what came; returns it."""
        for line in response.all("Set-Cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
        self.words |= words(response)
        return response

    def request(self, method, target, headers=None, body=None):
        with client.Connection(("127.0.0.1", self.port)) as c:
            return self.take(c.request(method, target, self.fields(headers), body))

    def open(self, target, headers=None):
        """Opens a page."""
        response = self.request("GET", target, headers)
        assert response.status == 200 and response.whole, response
        self.page = Page(response)
        return self

    def watch(self, target):
        """Opens a page and notes when its pieces came: [(seconds, bytes)]."""
        with client.Connection(("127.0.0.1", self.port)) as c:
            c.send("GET", target, self.fields())
            response = c.final_head()
            times = [SimpleNamespace(at=time.monotonic() - c.began, bytes=b"")]
            for piece in c.pieces(response):
                times.append(SimpleNamespace(at=time.monotonic() - c.began, bytes=piece))
            response.body = b"".join(t.bytes for t in times)
        self.page = Page(self.take(response))
        return times

    def check(self, cookie="asok_csrf", forms=2, is_set=None):
        """The page is his: one token, that of his cookie, in all places; one nonce in policy and scripts. is_set: whether
        the token's cookie came with it."""
        page, own = self.page, self.cookies.get(cookie)
        assert own and page.tokens() == {own}, (own, page.tokens())
        assert len(page.hidden) == forms and len(page.meta) == 1
        assert len(page.nonces()) == 1 and len(page.scripts) == 2 and len(page.policy) == 1, page.nonces()
        if is_set is not None:
            names = [x.split("=")[0] for x in page.response.all("Set-Cookie")]
            assert (cookie in names) == is_set, names
        return self

    def post(self, target="/save", token=None, field="csrf_token"):
        """Sends the form of the page that is open; returns the response."""
        body = urllib.parse.urlencode({field: self.page.hidden[0] if token is None else token, "text": "hello"}).encode()
        return self.request("POST", target, {"Content-Type": "application/x-www-form-urlencoded"}, body)
