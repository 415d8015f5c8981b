"""SIGHUP: a bad file is refused whole and the old settings stay; a good one takes effect with no connection dropped."""
from larder import run, wait_until
from origin import Gate

OLD = "[route /*]\ncache = off"


def test_good(origin, serve):
    origin.page("/p")
    larder = serve(origin, OLD)
    with larder.connect() as c:
        assert [c.request("GET", "/p").body for _ in range(2)] == [b"/p #1", b"/p #2"]
        larder.reload("[route /*]\nttl = 60s")
        assert c.request("GET", "/p").body == b"/p #3"
        wait_until(lambda: c.request("GET", "/p").hit, "the new rule to hold on the old connection")


def test_a_request_keeps_the_settings_it_began_with(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, OLD)
    with larder.connect() as c:
        c.send("GET", "/p")
        gate.wait_reached()
        larder.reload("[route /*]\nttl = 60s")
        gate.open()
        assert c.read().body == b"/p #1"
    assert not larder.get("/p").hit


def test_bad(origin, serve):
    origin.page("/p")
    larder = serve(origin, OLD)
    larder.reload("[route /*]\ntll = 60s\n[cache]\nmemory_size = 12Q")
    assert "proxy.ini:" in larder.stderr() and "12Q" in larder.stderr() and "ttl" in larder.stderr()
    assert [larder.get("/p").body for _ in range(2)] == [b"/p #1", b"/p #2"]


def test_stored_pages_stay(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 60s")
    larder.stored("/p")
    larder.reload("[route /*]\nttl = 61s")
    assert larder.get("/p").hit and origin.count("/p") == 1


def test_command_line(origin, serve):
    origin.page("/p")
    larder = serve(origin, OLD)
    larder.write_ini("[route /*]\nttl = 60s")
    done = run("reload", "-c", larder.ini_path)
    assert done.returncode == 0, done
    larder.stored("/p")
    larder.write_ini("[route /*]\nttl = never")
    done = run("reload", "-c", larder.ini_path)
    assert done.returncode == 1 and "never" in done.stdout + done.stderr
    assert larder.get("/p").hit


def test_under_load(origin, serve):
    """Requests run while settings change to and fro: each is answered."""
    import threading
    origin.page("/*")
    larder = serve(origin, "[route /*]\nttl = 60s")
    stop, problems, done = threading.Event(), [], [0]

    def visitor(number):
        try:
            with larder.connect() as c:
                while not stop.is_set():
                    answer = c.request("GET", f"/{number}/{done[0] % 50}")
                    assert answer.status == 200 and answer.whole
                    done[0] += 1
        except Exception as problem:
            problems.append(repr(problem))

    threads = [threading.Thread(target=visitor, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for i in range(6):
        larder.reload(f"[route /*]\nttl = {60 + i}s\n[cache]\nmemory_size = {2 + i}M")
        before = done[0]
        wait_until(lambda: problems or done[0] >= before + 10, "requests between two reloads")
    stop.set()
    for t in threads:
        t.join(30)
    assert not problems and not any(t.is_alive() for t in threads)
