"""Redis behind TLS: pages and values go through it as without; one that cannot prove who it is gets nothing, says why in the log and in a
metric, and no request fails."""
import os
import subprocess

import pytest

import larder as program
from larder import wait_until
from redis_server import RedisServer
from test_tiers_faults import BUDGET, INI, Quiet, complaints
from tiers import Visitors, budget_and_margin, content, get, kept, pages_of

KEY = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
CERTIFICATES = f"""
ca() {{ {KEY} -x509 -days 2 -subj /CN=$1 -keyout $1.key -out $1.pem; }}
signed() {{
    {KEY} -subj /CN=$1 -keyout $1.key -out $1.csr
    echo subjectAltName=$2 >$1.ext
    openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $1.ext -out $1.pem
}}
ca ca; ca other; signed host DNS:localhost; signed client DNS:client
"""


@pytest.fixture
def tls_redis(start_redis, tmp_path):
    """Its clients must show a certificate; `redis-cli` asks it at a plain port. tls_port and files are where they should be."""
    subprocess.run(["sh", "-ec", CERTIFICATES], cwd=tmp_path, check=True, capture_output=True)
    port = program.free_port()
    redis = start_redis(RedisServer, tls_port=port, tls_cert_file=tmp_path / "host.pem", tls_key_file=tmp_path / "host.key",
                        tls_ca_cert_file=tmp_path / "ca.pem")
    redis.tls_port, redis.files = port, tmp_path
    return redis


def settings(redis, host="localhost", ca="ca", backend="memory, redis", more=""):
    return (f"[cache]\nbackend = {backend}\nredis_url = rediss://{host}:{redis.tls_port}\nredis_tls_ca = {redis.files}/{ca}.pem\n"
            f"redis_tls_cert = {redis.files}/client.pem\nredis_tls_key = {redis.files}/client.key\n{more}{INI}")


def test_pages_and_values(origin, serve, tls_redis):
    pages_of(origin)
    pages_of(origin, "/big", size=100_000)
    first, second = serve(origin, settings(tls_redis)), serve(origin, settings(tls_redis))
    kept(first, "/big", "redis")
    wait_until(lambda: second.tier("down", "redis") == 0, "Redis to be found by the other one")
    wait_until(lambda: get(second, "/big").hit, "a hit at the other one")
    assert get(second, "/big").body == content("/big", 100_000)
    assert first.admin("PUT", "/cache/greeting", body=b"Hello").status in (200, 201, 204)
    assert second.admin("GET", "/cache/greeting").body == b"Hello"
    tls_redis.kill()
    with Visitors(first, pages=20, bound=budget_and_margin(BUDGET)) as crowd:
        crowd.wait(200)
    tls_redis.start()
    wait_until(lambda: first.tier("down", "redis") == 0, "Redis to be found again")


@pytest.mark.parametrize("host, ca, reason", [("localhost", "other", "certificate is refused"), ("127.0.0.1", "ca", "IP address mismatch")])
def test_who_is_not_believed(origin, serve, tls_redis, host, ca, reason):
    pages_of(origin)
    larder = serve(origin, settings(tls_redis, host, ca))
    with Quiet(larder), Visitors(larder, pages=50, bound=budget_and_margin(BUDGET)) as crowd:
        crowd.wait(500)
    assert larder.tier("down", "redis") == 1 and larder.tier("stores_total", "redis") == 0
    assert any(reason in line for line in complaints(larder)), larder.stderr()
    assert tls_redis.cli("DBSIZE") == "0"


def test_a_plain_server_behind_it(origin, serve, tls_redis):
    pages_of(origin)
    tls_redis.tls_port = tls_redis.port
    larder = serve(origin, settings(tls_redis, more="redis_timeout = 300ms\n"))
    with Visitors(larder, pages=50, bound=budget_and_margin(BUDGET)) as crowd:
        crowd.wait(500)
    wait_until(lambda: any("port for TLS" in line for line in complaints(larder)), "a line of the log")
    assert larder.tier("down", "redis") == 1


def test_a_ca_that_is_not_there_ends_the_start(origin, tls_redis, tmp_path):
    ini = tmp_path / "larder.ini"
    ini.write_text(f"[upstream]\nurl = http://127.0.0.1:1\n{settings(tls_redis, ca='none')}")
    done = program.run("check", "-c", str(ini))
    assert done.returncode != 0 and "none.pem cannot be used: No such file" in done.stderr, done.stderr
    assert os.path.exists(tls_redis.files / "ca.pem")
