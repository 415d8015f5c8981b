"""Each wrong input has its clear error: what, where, what is allowed."""
import re
import socket

import pytest

from larder import free_port, run, wait_until

OK = "[upstream]\nurl = http://127.0.0.1:8000\n"


def check(tmp_path, text, *arguments):
    path = tmp_path / "proxy.ini"
    path.write_text(text)
    return run("check", "-c", str(path), *arguments)


@pytest.mark.parametrize("line, said", [
    ("[cache]\nmemory_size = 12Q", ["proxy.ini:4", "memory_size", "12Q"]),
    ("[cache]\nmemry_size = 12M", ["proxy.ini:4", "memry_size", "memory_size"]),
    ("[cach]\nmemory_size = 12M", ["proxy.ini:3", "cach", "cache"]),
    ("[route /*]\nset_cookie = strp", ["proxy.ini:4", "strp", "strip", "refuse", "keep"]),
    ("[route /*]\nttl = 1 fortnight", ["proxy.ini:4", "fortnight"]),
    ("[route x]\nmatch = ~ ^/(", ["proxy.ini:4", "^/("]),
    ("[route x]\nmatch = /x\nupstream = nowhere", ["proxy.ini:5", "nowhere"]),
    ("[server]\nlisten = 127.0.0.1:99999", ["proxy.ini:4", "99999"]),
    ("[admin]\nlisten = 0.0.0.0:8081", ["token"]),
    ("[admin]\npurge_from = 1.2.3.4/99", ["proxy.ini:4", "1.2.3.4/99"]),
    ("nonsense without a sign", ["proxy.ini:3", "nonsense"]),
])
def test_wrong_settings(tmp_path, line, said):
    done = check(tmp_path, OK + line + "\n")
    assert done.returncode == 1
    for word in said:
        assert word in done.stderr, done.stderr


def test_all_errors_in_one_run(tmp_path):
    done = check(tmp_path, OK + "[cache]\nmemory_size = x\nmax_object = y\n[route /*]\nttl = z\n")
    assert done.returncode == 1
    assert [int(n) for n in re.findall(r"proxy\.ini:(\d+):", done.stderr)] == [4, 5, 7]


def test_unreadable_file(tmp_path):
    for arguments in (["check"], []):
        done = run(*arguments, "-c", str(tmp_path / "missing.ini"))
        assert done.returncode == 1 and "missing.ini" in done.stderr and "No such file" in done.stderr
    done = run("-c", str(tmp_path))
    assert done.returncode == 1 and str(tmp_path) in done.stderr


def test_no_upstream_at_all():
    done = run()
    assert done.returncode == 1 and "upstream" in done.stderr


@pytest.mark.parametrize("url", ["ftp://x", "http://", "127.0.0.1:8000", "http://u:p@x/", "http://x/path", "unix:relative"])
def test_wrong_upstream(url):
    done = run("check", "--upstream", url)
    assert done.returncode == 1 and url in done.stderr


@pytest.mark.parametrize("arguments, told", [
    (["--nonsense"], "--nonsense"),
    (["--upstream"], "--upstream needs a value"),
    (["frobnicate"], "frobnicate"),
    (["check", "--upstrem", "x"], "did you mean --upstream?"),
    (["proxy.ini"], "did you mean -c proxy.ini?"),
    (["purge"], "--tag"),
])
def test_wrong_command_line(arguments, told):
    done = run(*arguments)
    assert done.returncode == 2 and told in done.stderr and not done.stdout


def test_help_and_version():
    done = run("--help")
    assert done.returncode == 0 and "--upstream" in done.stdout and "check" in done.stdout and done.stderr == ""
    done = run("--version")
    assert done.returncode == 0 and re.match(r"larder \d+\.\d+\.\d+", done.stdout)


@pytest.mark.parametrize("option", ["--listen", "--admin"])
def test_port_taken(option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        addresses = {"--listen": f"127.0.0.1:{free_port()}", "--admin": f"127.0.0.1:{free_port()}", option: address}
        done = run("--upstream", "http://127.0.0.1:1", *[x for pair in addresses.items() for x in pair])
    assert done.returncode == 1 and address in done.stderr and "in use" in done.stderr


def test_oversize_request_head(origin, serve):
    origin.page("/*")
    larder = serve(origin)
    for request in (b"GET /p HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 40_000 + b"\r\n\r\n",
                    b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET /p HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % i for i in range(4000)) + b"\r\n"):
        with larder.connect() as c:
            try:
                c.raw(request)
            except ConnectionError:
                pass
            answer = c.read()
            assert answer is None or answer.status in (400, 414, 431), answer
            if answer is None:
                pytest.fail("closed without an answer")
    assert origin.requests == [] and larder.get("/p").status == 200


def test_a_head_that_trickles_is_cut(origin, serve):
    import time
    larder = serve(origin, "[server]\nheader_timeout = 500ms")
    with larder.connect() as c:
        began = time.monotonic()
        c.raw(b"GET /p HTTP/1.1\r\n")
        with pytest.raises((ConnectionError, BrokenPipeError, AssertionError)):
            while time.monotonic() - began < 10:
                c.raw(b"A: b\r\n")
                if c.ended(0.1):
                    raise ConnectionError
        assert time.monotonic() - began < 5


def test_admin_token(origin, serve, tmp_path):
    origin.page("/p")
    larder = serve(origin, "[admin]\ntoken = a-long-secret-token-0123456789")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic a-long-secret-token-0123456789"}):
        answer = larder.admin("GET", "/stats", headers)
        assert answer.status == 401 and answer["WWW-Authenticate"], headers
    assert larder.admin("GET", "/stats", {"Authorization": "Bearer a-long-secret-token-0123456789"}).status == 200
    assert "a-long-secret" not in larder.admin("GET", "/config", {"Authorization": "Bearer a-long-secret-token-0123456789"}).text


def test_too_many_connections(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[server]\nmax_connections = 10")
    kept = []
    for _ in range(10):
        c = larder.connect()
        assert c.request("GET", "/p").status == 200
        kept.append(c)
    with larder.connect() as c:
        assert c.ended(5)
    for c in kept:
        assert c.request("GET", "/p").status == 200
        c.close()
    wait_until(lambda: larder.metric("larder_connections_open") == 0, "the places to be free")
    assert larder.get("/p").status == 200
    assert larder.metric("larder_connections_refused_total") == 1


def test_access_log_that_cannot_be_opened(tmp_path):
    done = run("--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "off",
               "--log-access", str(tmp_path / "missing" / "access.log"))
    assert done.returncode == 1 and "missing/access.log: No such file or directory" in done.stderr
