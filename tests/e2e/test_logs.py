"""The access log: its three forms, one line a request whatever the client sent, reopened on SIGUSR1."""
import os
import re
import signal

from larder import wait_until


def text(larder):
    with open(larder.access_path, encoding="ascii") as f:
        return f.read()


def test_json(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route blog]\nmatch = /*\nttl = 60s")
    larder.get("/p?a=1", {"Referer": "http://r/", "User-Agent": 'strange "agent" \\ \xff'})
    line = larder.logged("/p?a=1")
    assert line["client"] == "127.0.0.1" and line["method"] == "GET" and line["protocol"] == "HTTP/1.1"
    assert line["status"] == 200 and line["bytes"] == 5 and line["verdict"] == "miss" and line["reason"] == "uri-miss"
    assert line["route"] == "blog" and line["upstream"] == "default" and line["total_us"] >= line["upstream_us"] > 0
    assert line["referer"] == "http://r/" and line["user_agent"].startswith('strange "agent" \\ ')
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", line["time"]) and len(line["id"]) >= 8


def test_combined(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[log]\nformat = combined\n[route /*]\nttl = 60s")
    larder.get("/p", {"User-Agent": "curl/8"})
    wait_until(lambda: "\n" in text(larder), "a line")
    assert re.match(r'127\.0\.0\.1 - - \[\d\d/\w{3}/20\d\d:\d\d:\d\d:\d\d \+0000\] "GET /p HTTP/1\.1" 200 5 "-" "curl/8" .*verdict=miss',
                    text(larder))


def test_keyvalue(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[log]\nformat = keyvalue\n[route /*]\nttl = 60s")
    larder.get("/p")
    wait_until(lambda: "\n" in text(larder), "a line")
    assert " status=200 bytes=5 verdict=miss reason=uri-miss " in text(larder)


def test_stdout(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[log]\naccess = stdout")
    larder.get("/p")
    wait_until(lambda: '"target":"/p"' in larder.stdout(), "a line on stdout")


def test_one_line_a_request(origin, serve):
    origin.page("/*")
    larder = serve(origin, "[log]\nformat = keyvalue")
    larder.get("/p%0a?x=%0d", {"User-Agent": 'a\tb" verdict=hit \x7f\xe4', "Referer": "=\\"})
    larder.get("/q")
    wait_until(lambda: text(larder).count("\n") == 2, "two lines")
    assert all(re.match(r"time=\S+ client=127\.0\.0\.1 ", line) for line in text(larder).splitlines())


def test_reopened_on_sigusr1(origin, serve):
    origin.page("/*")
    larder = serve(origin)
    larder.get("/before")
    larder.logged("/before")
    os.rename(larder.access_path, larder.access_path + ".1")
    larder.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(larder.access_path), "the new file")
    larder.get("/after")
    larder.logged("/after")
    with open(larder.access_path + ".1", encoding="ascii") as f:
        assert "/before" in f.read()


def test_nothing_is_lost_at_the_end(origin, serve):
    origin.page("/*")
    larder = serve(origin)
    with larder.connect() as c:
        for i in range(500):
            c.request("GET", f"/{i}")
    larder.stop()
    assert len([x for x in larder.log_lines() if x["status"] == 200]) == 500
