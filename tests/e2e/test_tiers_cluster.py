"""A Redis Cluster, and a group under a Sentinel: the short way round, with a failover in the middle."""
import pytest

from larder import wait_until
from redis_server import RedisCluster, RedisSentinel
from tiers import REDISES, ROUTES, Visitors, budget_and_margin, content, get, kept, pages_of, troubles, url

BUDGET = "redis_budget = 50ms\n"


def ini(redis, backend="redis", more=ROUTES):
    return f"[cache]\nbackend = {backend}\nredis_url = {redis.url}\n{BUDGET}{more}"


def round_trip(origin, larder, name):
    """Pages of all slots are kept, found and purged."""
    pages_of(origin, f"/{name}/*", size=2000)
    targets = [f"/{name}/{i}" for i in range(40)]
    for target in targets:
        kept(larder, target, "redis")
    for target in targets:
        answer = get(larder, target)
        assert answer.hit and answer.body == content(target, 2000)
    larder.purge(f"url={url(targets[0])}")
    larder.purge(f"prefix={url(targets[1])}")
    gone = [targets[0]] + [t for t in targets if t.startswith(targets[1])]
    assert [t for t in targets if not get(larder, t).hit] == sorted(gone, key=targets.index)
    larder.purge(f"tag={name}")
    assert not [t for t in targets if get(larder, t).hit]


@pytest.mark.parametrize("backend", REDISES)
def test_a_cluster(origin, serve, start_redis, backend):
    larder = serve(origin, ini(start_redis(RedisCluster), backend))
    round_trip(origin, larder, "cluster")


def test_slots_of_a_cluster_move(origin, serve, start_redis):
    cluster = start_redis(RedisCluster)
    larder = serve(origin, ini(cluster))
    pages_of(origin)
    targets = [f"/blog/{i}" for i in range(10)]
    for target in targets:
        kept(larder, target, "redis")
    with Visitors(larder, bound=budget_and_margin(0.05)) as crowd:
        crowd.wait(100)
        keys = [k for n in cluster.masters() for k in n.cli("KEYS", "*").split()]
        for slot in {int(cluster.cli("CLUSTER", "KEYSLOT", key)) for key in keys[:20]}:
            cluster.move_slot(slot)
        crowd.wait(100)
    for target in targets:
        wait_until(lambda t=target: get(larder, t).hit, f"{target} to be found")
    assert origin.count("/blog/*") <= 2 * len(targets) + troubles(larder)  # a node that is too slow once is passed over for a second
    round_trip(origin, larder, "moved")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind, options", [(RedisCluster, {"replicas": 1}), (RedisSentinel, {})], ids=["cluster", "sentinel"])
@pytest.mark.parametrize("backend", REDISES)
def test_a_failover(origin, serve, start_redis, backend, kind, options):
    redis = start_redis(kind, **options)
    larder = serve(origin, ini(redis, backend))
    round_trip(origin, larder, "before")
    pages_of(origin)
    redis.wait_in_step()
    with Visitors(larder, pages=100_000, bound=budget_and_margin(0.05)) as crowd:
        crowd.wait(100)
        redis.kill_master()
        crowd.wait(200)
        stores = larder.tier("stores_total", "redis")
        crowd.wait_until(lambda: larder.tier("down", "redis") == 0 and larder.tier("stores_total", "redis") > stores,
                         "the new master to be used")
    assert troubles(larder) > 0
    round_trip(origin, larder, "after")


def test_who_comes_when_no_sentinel_answers(origin, serve, start_redis):
    """It serves without, and with it as soon as it is there."""
    group = start_redis(RedisSentinel)
    group.sentinel.kill()
    larder = serve(origin, ini(group))
    pages_of(origin)
    assert get(larder, "/p").body == content("/p")
    group.sentinel.start()
    wait_until(lambda: get(larder, "/p").hit, "the group to be found", 30)
