"""The Redis servers of the scenarios do what their names say."""
import os
import subprocess

import pytest

from larder import wait_until
from redis_server import RedisCluster, RedisSentinel, RedisServer


@pytest.mark.parametrize("options", [{}, {"unix": True}, {"password": "secret"}, {"user": "page", "password": "secret"}],
                         ids=lambda o: "-".join(o) or "plain")
def test_a_server_of_its_own(start_redis, options):
    redis = start_redis(RedisServer, maxmemory="20mb", **options)
    redis.cli("SET", "a", "1")
    assert redis.cli("GET", "a") == "1" and redis.cli("CONFIG", "GET", "maxmemory").split()[-1] == str(20 << 20)
    with pytest.raises(RuntimeError):
        redis.cli("NO", "SUCH", "COMMAND")
    if "password" in options:
        user, redis.user, redis.password = redis.user, None, "wrong"
        with pytest.raises(RuntimeError):
            redis.cli("GET", "a")
        redis.user, redis.password = user, "secret"
    process = redis.process
    redis.stop()
    assert process.poll() is not None and not (redis.socket and os.path.exists(redis.socket))


def test_it_hangs_dies_and_comes_back(start_redis):
    redis = start_redis(RedisServer)
    redis.cli("SET", "a", "1")
    redis.pause()
    with pytest.raises(subprocess.TimeoutExpired):
        redis.cli("GET", "a", timeout=0.3)
    redis.resume()
    assert redis.cli("GET", "a") == "1"
    port = redis.port
    redis.kill()
    redis.start()
    assert redis.port == port and redis.cli("GET", "a") == ""


def test_a_cluster_moves_slots(start_redis):
    cluster = start_redis(RedisCluster)
    assert len(cluster.masters()) == 3
    for key in ("a", "b", "c", "d"):
        cluster.cli("SET", key, key)
    owner = next(n for n in cluster.nodes if "a" in n.cli("KEYS", "*").split())
    cluster.move_slot(int(cluster.cli("CLUSTER", "KEYSLOT", "a")))
    wait_until(lambda: cluster.cli("GET", "a") == "a", "the key at its new place")
    assert "a" not in owner.cli("KEYS", "*").split()


def test_a_cluster_fails_over(start_redis):
    cluster = start_redis(RedisCluster, replicas=1)
    keys = [str(i) for i in range(50)]
    for key in keys:
        cluster.cli("SET", key, key)
    cluster.wait_in_step()
    cluster.kill_master()
    assert all(cluster.cli("GET", key) == key for key in keys)


def test_a_sentinel_fails_over(start_redis):
    group = start_redis(RedisSentinel)
    group.cli("SET", "a", "1")
    group.wait_in_step()
    gone = group.kill_master()
    assert group.master() is not gone and group.cli("GET", "a") == "1"
