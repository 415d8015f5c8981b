"""scripts/run without arguments: the demo serves, each curl line that it prints works, and TERM ends both programs."""
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import client
import larder as program
from larder import end_with_parent, free_port, wait_until

RUN = os.path.join(program.TOP, "scripts", "run")

pytestmark = pytest.mark.skipif(program.BINARY != os.path.join(program.TOP, "build", "larder"), reason="scripts/run serves build/larder")


def start_demo(tmp_path, *arguments):
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen([RUN, *arguments], stdout=out, stderr=subprocess.STDOUT, preexec_fn=end_with_parent)

    def said():
        text = (tmp_path / "out").read_text()
        assert process.poll() is None, text
        return "Ctrl-C" in text and text
    process.said = wait_until(said, "the demo to serve", 60)
    return process


def end_demo(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture
def demo(tmp_path):
    ports = free_port(), free_port()
    process = start_demo(tmp_path, "--listen", f"127.0.0.1:{ports[0]}", "--admin", f"127.0.0.1:{ports[1]}")
    process.ports = ports
    yield process
    end_demo(process)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def fields(answer):
    """The names of the fields, in their order."""
    return re.findall(r"^([A-Z][\w-]+): ", answer, re.MULTILINE)


def test_the_printed_lines(demo):
    lines = [x.strip() for x in demo.said.split("\n") if x.startswith("  curl")]
    assert len(lines) >= 8
    outputs, times = [], []
    for line in lines:
        began = time.monotonic()
        done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=30)
        times.append(time.monotonic() - began)
        outputs.append(done.stdout.decode("utf-8", "replace"))
        assert done.returncode == 0, (line, done.stderr)
    first, second, purge = outputs[:3]
    assert "fwd=uri-miss" in first and times[0] >= 2
    assert re.search(r"larder; hit; ttl=\d+", second) and times[1] < 0.5
    with open(os.path.join(program.TOP, "README.md"), encoding="utf-8") as f:
        transcript = f.read().split("```console")[1].split("```")[0]
    assert [fields(x) for x in transcript.split("$ curl")[1:3]] == [fields(first), fields(second)]
    assert any('"purged":3' in x for x in outputs), "the tag purges the three articles"
    assert any("hit_ratio" in x for x in outputs)


def test_the_form_of_the_readme(demo, tmp_path):
    with open(os.path.join(program.TOP, "README.md"), encoding="utf-8") as f:
        text = f.read()
    lines = [x for x in text.split("## Forms")[1].split("## ")[0].splitlines() if x.startswith("curl")]
    assert len(lines) == 3
    outputs, times = [], []
    for line in lines:
        line = line.replace("127.0.0.1:8080", f"127.0.0.1:{demo.ports[0]}").replace("/tmp/", f"{tmp_path}/")
        began = time.monotonic()
        done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=30)
        times.append(time.monotonic() - began)
        outputs.append(done.stdout.decode())
        assert done.returncode == 0, (line, done.stderr)
    anna, ben, saved = outputs
    assert times[0] >= 2 and times[1] < 1 and "larder; hit" in ben
    values = [re.search(r"Set-Cookie: csrf_token=([0-9a-f]{64});", x).group(1) for x in (anna, ben)]
    assert values[0] != values[1] and f'value="{values[0]}"' in anna and f'value="{values[1]}"' in ben
    nonces = [set(re.findall(r"nonce[-=]['\"]?([\w-]+)", x)) for x in (anna, ben)]
    assert all(len(n) == 1 for n in nonces) and nonces[0] != nonces[1]
    assert "Set-Cookie: sid=" in anna and "Set-Cookie: sid=" not in ben
    assert "Welcome, ben" in saved


def test_term_ends_both(demo):
    inside = children(demo.pid)
    assert len(inside) >= 2
    with client.Connection(("127.0.0.1", demo.ports[0])) as c:
        assert c.request("GET", "/").status == 200
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(15) == 0
    for pid in inside:
        assert not os.path.exists(f"/proc/{pid}"), "a program stays behind"


def test_both_end_with_a_script_that_is_killed(demo):
    inside = children(demo.pid)
    demo.kill()
    demo.wait(15)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in inside), "the programs to end", 15)


@pytest.mark.parametrize("listen, admin, more, n_lines", [
    ("127.0.0.1:0", "127.0.0.1:0", [], 10),
    ("unix:{}/proxy,127.0.0.1:0", "unix:{}/admin", [], 10),
    ("[::]:0", "off", [], 7),
    ("unix:{}/proxy", "unix:{}/admin", ["--log-level", "error"], 10),
])
def test_lines_for_other_addresses(tmp_path, listen, admin, more, n_lines):
    process = start_demo(tmp_path, "--listen", listen.format(tmp_path), "--admin", admin.format(tmp_path), *more)
    try:
        lines = [x.strip() for x in process.said.split("\n") if x.startswith("  curl")]
        assert len(lines) == n_lines
        for line in lines:
            if "/slow" not in line and "/signup" not in line and "/download" not in line:
                done = subprocess.run(["bash", "-c", line.replace("curl ", "curl -f ", 1)], capture_output=True, timeout=30)
                assert done.returncode == 0, (line, done.stderr)
    finally:
        end_demo(process)


@pytest.mark.parametrize("arguments, says", [
    (["foo"], "unknown command foo"),
    (["--nosuch"], "unknown option --nosuch"),
    (["why"], "why takes one URL"),
    (["--listen", "127.0.0.1:0", "config"], "config takes one of"),
    (["--set", "upstream.url=nothing"], "upstream"),
])
def test_what_starts_no_demo(arguments, says):
    done = subprocess.run([RUN, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2) and says in done.stderr
    assert "another address" not in done.stderr and "given twice" not in done.stderr and "Try" not in done.stdout


def test_two_do_not_build_at_once():
    with open(RUN, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen([RUN, "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        assert "another one builds here" in process.stderr.readline()
        assert process.poll() is None
    assert "larder" in process.communicate(timeout=60)[0] and process.returncode == 0


def test_a_taken_port_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([RUN, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}"],
                              capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and str(port) in done.stderr and "in use" in done.stderr and "another address" in done.stderr


def test_in_front_of_ones_own(origin):
    origin.page("/p")
    port = free_port()
    process = subprocess.Popen([RUN, "--upstream", origin.url, "--listen", f"127.0.0.1:{port}", "--admin", "off"],
                               stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)

    def answer():
        try:
            with client.Connection(("127.0.0.1", port)) as c:
                return c.request("GET", "/p")
        except OSError:
            return None
    assert wait_until(answer, "an answer", 30).body == b"/p #1"
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
