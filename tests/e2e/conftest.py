"""What each scenario gets: `origin`, an origin of its own, and `serve`, which starts Larder in front of it. Both end with
the scenario, and Larder has to end well: exit status 0, no report of a sanitizer. `start_redis` runs servers of redis_server.py,
`cache_ini` writes the settings of tiers, `start_app` runs an application of apps/."""
import os
import subprocess

import client
import pytest

import larder as program
from origin import Origin
from redis_server import RedisServer

APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")
PYTHON = "/usr/bin/python3"  # Debian's, which has the frameworks


def command_of(name, port, folder):
    """What serves an application of apps/, by the kind of its file, and what it needs of the environment."""
    if name.endswith(".rb"):
        return ["/usr/bin/ruby", os.path.join(APPS, name), str(port)], {}
    if name.endswith(".php"):
        return ["/usr/bin/php", "-S", f"127.0.0.1:{port}", os.path.join(APPS, name)], {"BASE": str(folder)}
    return [PYTHON, "-m", "gunicorn", "--chdir", APPS, "--bind", f"127.0.0.1:{port}", "--threads", "8", "--workers", "1",
            "--worker-tmp-dir", str(folder), name], {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def origin():
    o = Origin()
    yield o
    o.stop()
    assert not o.problems, o.problems


@pytest.fixture
def start_redis(tmp_path):
    """start_redis(RedisServer, maxmemory="4mb"): it ends with the scenario."""
    started = []

    def start(kind, **options):
        started.append(kind(tmp_path, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def cache_ini(tmp_path, start_redis):
    """cache_ini("memory, redis"): the [cache] section of that backend, with a directory and a Redis of the scenario's own where it
    has use for them: cache_ini.path, cache_ini.redis. Twice the same: Larders with one store."""
    def write(backend, more=""):
        tiers = [name.strip() for name in backend.split(",")]
        lines = ["[cache]", f"backend = {backend}"]
        if "file" in tiers:
            lines.append(f"path = {write.path}")
        if "redis" in tiers:
            write.redis = write.redis or start_redis(RedisServer)
            lines.append(f"redis_url = {write.redis.url}")
            if "redis_budget" not in more:  # a busy machine may take longer than 20 ms; the scenarios of faults give their own
                lines.append("redis_budget = 500ms")
        return "\n".join(lines) + "\n" + more + "\n"

    write.path, write.redis = str(tmp_path / "cache"), None
    return write


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(upstream, ini="", **options):
        one = program.Larder(tmp_path, upstream, ini, **options)
        started.append(one)
        return one

    yield start
    problems = []
    for one in started:
        try:
            one.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        print(f"--- larder's log:\n{one.stderr()}")
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def start_app(tmp_path_factory):
    """start_app("flask_app:app") serves it with gunicorn, start_app("rails_app.rb") with Ruby's WEBrick, a .php with PHP's own
    server: in a process of its own that ends with the module's scenarios. Returns its URL when it answers."""
    running = []

    def start(name):
        folder, port = tmp_path_factory.mktemp("app"), program.free_port()
        log = folder / "app.log"
        command, environment = command_of(name, port, folder)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(log, "wb"),
                                   preexec_fn=program.end_with_parent, env={**os.environ, **environment})
        running.append(process)

        def answers():
            assert process.poll() is None, log.read_text()
            try:
                with client.Connection(("127.0.0.1", port)) as c:
                    return c.request("GET", "/alive").status == 200
            except OSError:
                return False
        program.wait_until(answers, f"{name} to answer", 30)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
