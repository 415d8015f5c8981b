"""Where settings come from: flags win over the environment over the file; `check` says which and shows the routes."""
import re

import pytest

from larder import run

FILE = """[upstream]
url = http://127.0.0.1:1111
[cache]
memory_size = 10M
[admin]
token = a-long-secret-token-0123456789
[route /blog/*]
ttl = 60s
[route api]
match = ~ ^/api/v[0-9]+/, api.example.com/*
cache = off
"""


@pytest.fixture
def check(tmp_path):
    def check(*arguments, env=None, text=FILE):
        path = tmp_path / "proxy.ini"
        path.write_text(text)
        done = run("check", "-c", str(path), *arguments, env=env)
        assert done.returncode == 0, done
        return done.stdout
    return check


def line_of(output, name, value):
    lines = [x for x in output.splitlines() if name in x and value in x]
    assert lines, f"no line with {name} and {value} in\n{output}"
    return lines[0]


def test_file(check):
    line = line_of(check(), "memory_size", "10M")
    assert "proxy.ini:4" in line


def test_environment_over_file(check):
    line = line_of(check(env={"LARDER_CACHE_MEMORY_SIZE": "20M"}), "memory_size", "20M")
    assert "LARDER_CACHE_MEMORY_SIZE" in line


def test_flags_over_environment(check):
    env = {"LARDER_UPSTREAM_URL": "http://127.0.0.1:2222", "LARDER_CACHE_MEMORY_SIZE": "20M"}
    output = check("--upstream", "http://127.0.0.1:3333", "--cache-memory-size", "30M", env=env)
    line_of(output, "url", "3333")
    line_of(output, "memory_size", "30M")
    assert "2222" not in output and "20M" not in output


def test_environment_alone():
    done = run("check", env={"LARDER_UPSTREAM_URL": "http://127.0.0.1:2222"})
    assert done.returncode == 0 and "http://127.0.0.1:2222" in done.stdout


def test_a_wrong_name_in_the_environment_is_told():
    done = run("check", "--upstream", "http://127.0.0.1:1", env={"LARDER_CACHE_MEMRY_SIZE": "20M"})
    assert "LARDER_CACHE_MEMRY_SIZE" in done.stderr


def test_secrets_are_masked(check):
    assert "a-long-secret" not in check()


def test_routes_in_the_order_tried(check):
    output = check()
    places = [output.index(x) for x in ("/blog/*", "^/api/v[0-9]+/", "default")]
    assert places[0] < places[1]


def test_the_example_file_is_valid(check):
    import os
    import larder
    with open(os.path.join(larder.TOP, "proxy.example.ini"), encoding="utf-8") as f:
        check(text=f.read())


def test_ready_made_files_are_valid(check):
    import glob
    import os
    import larder
    files = glob.glob(os.path.join(larder.TOP, "config", "*.ini"))
    assert len(files) >= 6
    for path in files:
        with open(path, encoding="utf-8") as f:
            assert re.search(r"ttl|route", check(text=f.read()))
