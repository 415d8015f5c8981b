"""Real Redis servers as processes: one alone, a cluster of three masters, a master with a replica and a sentinel. Loopback ports that the
system gives (or a unix socket), a folder of their own, nothing kept on disk; whatever is waited for is waited for a bounded time.

    redis = start_redis(RedisServer)                  # the fixture of conftest.py, which ends them whatever happens
    redis.cli("SET", "a", "1")
    redis.pause(); redis.resume(); redis.kill(); redis.start()"""
import os
import signal
import subprocess
import tempfile

import larder as program

PATIENCE = 20


def cli(where, *arguments, user=None, password=None, timeout=PATIENCE):
    """redis-cli with these arguments; `where` tells it the server. Returns what it prints; an error of the server raises."""
    as_whom = ["--user", user] if user else []
    environment = {**os.environ, **({"REDISCLI_AUTH": password} if password else {})}
    done = subprocess.run(["redis-cli", "-e", *where, *as_whom, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env=environment, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"redis-cli {arguments}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class Process:
    """A server of this family. `command` makes its command line of a port."""

    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.log_path = os.path.join(self.folder, "log")
        self.port, self.process, self.user, self.password = None, None, None, None
        self.where = []

    def command(self, port):
        raise NotImplementedError

    def start(self):
        """Again after kill or stop: at the same place."""
        for _ in range(5):  # a free port may be taken by somebody else before the server binds it
            port = self.port or program.free_port()
            self.where = self.place(port)
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(self.command(port), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                cwd=self.folder, preexec_fn=program.end_with_parent)
            try:
                program.wait_until(self._is_up, "redis to answer", PATIENCE)
                self.port = port
                return self
            except EOFError:
                continue
        raise AssertionError(f"redis did not start:\n{self.log()}")

    def place(self, port):
        return ["-h", "127.0.0.1", "-p", str(port)]

    def _is_up(self):
        if self.process.poll() is not None:
            raise EOFError
        try:
            return self.cli("PING") == "PONG"
        except (RuntimeError, subprocess.TimeoutExpired):
            return False

    def cli(self, *arguments, timeout=PATIENCE):
        return cli(self.where, *arguments, user=self.user, password=self.password, timeout=timeout)

    def info(self, section, name):
        """One value of INFO; None when it is not there."""
        for line in self.cli("INFO", section).splitlines():
            if line.startswith(name + ":"):
                return line.partition(":")[2].strip()
        return None

    def has_followers_in_step(self):
        """Its replicas have everything that was written so far (those of a replica, which has none, too)."""
        lines = self.cli("INFO", "replication").splitlines()
        offset = next(x for x in lines if x.startswith("master_repl_offset:")).partition(":")[2].strip()
        followers = [x for x in lines if x.startswith("slave") and "state=" in x]
        return all("state=online" in x and f"offset={offset}," in x for x in followers)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def pause(self):
        """It hangs: connections stay, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """An orderly end; one that does not come soon is made."""
        if self.is_running():
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(PATIENCE / 2)
            except subprocess.TimeoutExpired:
                pass
        self.kill()


class RedisServer(Process):
    def __init__(self, folder, unix=False, password=None, user=None, **options):
        """unix: it listens at a socket alone. user: an ACL user who may do all, the default one may nothing then. options: as in
        redis.conf, with _ for -: maxmemory="4mb"."""
        super().__init__(folder)
        self.user, self.password, self.options = user, password, options
        self.socket = os.path.join(tempfile.mkdtemp(prefix="larder-"), "redis") if unix else None
        self.start()

    def place(self, port):
        return ["-s", self.socket] if self.socket else super().place(port)

    def command(self, port):
        config = {"bind": "127.0.0.1", "port": 0 if self.socket else port, "save": "", "appendonly": "no", "dir": self.folder,
                  "daemonize": "no", "protected-mode": "no"}
        if self.socket:
            config["unixsocket"] = self.socket
        config.update({name.replace("_", "-"): value for name, value in self.options.items()})
        words = [word for name, value in config.items() for word in ("--" + name, str(value))]
        if self.user:
            words += ["--user", "default", "off", "--user", self.user, "on", ">" + self.password, "~*", "&*", "+@all"]
        elif self.password:
            words += ["--requirepass", self.password]
        return ["redis-server", *words]

    @property
    def url(self):
        whom = f"{self.user or ''}:{self.password}@" if self.password else ""
        return f"unix://{whom}{self.socket}" if self.socket else f"redis://{whom}127.0.0.1:{self.port}"

    def stop(self):
        super().stop()
        if self.socket:
            for path in (self.socket, os.path.dirname(self.socket)):
                try:
                    (os.rmdir if os.path.isdir(path) else os.unlink)(path)
                except FileNotFoundError:
                    pass


class RedisCluster:
    """Three masters, each with so many replicas."""

    def __init__(self, folder, replicas=0):
        self.nodes = []
        try:
            for _ in range(3 * (1 + replicas)):
                self.nodes.append(RedisServer(folder, cluster_enabled="yes", cluster_node_timeout=1000,
                                              cluster_config_file="nodes.conf", cluster_port=program.free_port(),
                                              cluster_replica_validity_factor=0, repl_diskless_sync_delay=0))
            places = [f"127.0.0.1:{n.port}@{n.options['cluster_port']}" for n in self.nodes]
            cli([], "--cluster", "create", *places, "--cluster-replicas", replicas, "--cluster-yes", timeout=60)
            program.wait_until(self.is_whole, "the cluster to stand", 30)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{n.port}" for n in self.nodes)

    def running(self):
        return [n for n in self.nodes if n.is_running()]

    def is_whole(self):
        """All who run say so, and each replica is in step."""
        return all(n.cli("CLUSTER", "INFO").startswith("cluster_state:ok") and
                   n.info("replication", "master_link_status") in (None, "up") for n in self.running())

    def wait_in_step(self):
        """All that was written outlives a master."""
        program.wait_until(lambda: all(n.has_followers_in_step() for n in self.masters()), "the replicas to have all")

    def masters(self):
        return [n for n in self.running() if n.info("replication", "role") == "master"]

    def cli(self, *arguments):
        """Follows redirections."""
        return cli(["-c", *self.running()[0].where], *arguments)

    def flush(self):
        for node in self.masters():
            node.cli("FLUSHALL")

    def kill_master(self):
        """One master is gone; returns when a replica has taken its place."""
        gone = self.masters()[0]
        gone.kill()
        program.wait_until(lambda: len(self.masters()) == 3 and self.is_whole(), "a replica to become master", 30)
        return gone

    def move_slot(self, slot):
        """To another master, key by key: who asks meanwhile is sent on by ASK, afterwards by MOVED."""
        name = {n: n.cli("CLUSTER", "MYID") for n in self.masters()}
        owner = next(line.split()[0] for line in self.cli("CLUSTER", "NODES").splitlines() if owns(line, slot))
        source = next(n for n in name if name[n] == owner)
        target = next(n for n in name if n is not source)
        target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", name[source])
        source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", name[target])
        for key in source.cli("CLUSTER", "GETKEYSINSLOT", slot, 1000).splitlines():
            source.cli("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        for node in self.masters():
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", name[target])

    def stop(self):
        for node in self.nodes:
            node.stop()


def owns(line, slot):
    """A line of CLUSTER NODES."""
    ranges = [r.split("-") for r in line.split()[8:] if not r.startswith("[")]
    return any(int(r[0]) <= slot <= int(r[-1]) for r in ranges)


class Sentinel(Process):
    def __init__(self, folder, group, master):
        super().__init__(folder)
        self.group, self.master = group, master
        self.start()

    def command(self, port):
        path = os.path.join(self.folder, "sentinel.conf")
        if not os.path.exists(path):  # it writes there what it learns
            with open(path, "w", encoding="ascii") as f:
                f.write(f"sentinel monitor {self.group} 127.0.0.1 {self.master.port} 1\n"
                        f"sentinel down-after-milliseconds {self.group} 500\n"
                        f"sentinel failover-timeout {self.group} 3000\n"
                        f"sentinel parallel-syncs {self.group} 1\n")
        return ["redis-server", path, "--sentinel", "--bind", "127.0.0.1", "--port", str(port), "--dir", self.folder,
                "--protected-mode", "no"]


class RedisSentinel:
    """A master, a replica, and one sentinel whose word alone decides."""

    def __init__(self, folder, group="pages"):
        self.group, self.all = group, []
        try:
            first = self._add(RedisServer(folder, repl_diskless_sync_delay=0))
            second = self._add(RedisServer(folder, replicaof=f"127.0.0.1 {first.port}", repl_diskless_sync_delay=0))
            self.servers = [first, second]
            program.wait_until(lambda: second.info("replication", "master_link_status") == "up", "the replica to be in step")
            self.sentinel = self._add(Sentinel(folder, group, first))
            program.wait_until(lambda: self.sentinel.cli("SENTINEL", "REPLICAS", group), "the sentinel to know the replica")
            self.wait_in_step()
        except BaseException:
            self.stop()
            raise

    def _add(self, process):
        self.all.append(process)
        return process

    @property
    def url(self):
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{self.group}"

    def master(self):
        """Who the sentinel says it is."""
        port = self.sentinel.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.group).split()[-1]
        return next(s for s in self.servers if str(s.port) == port)

    def cli(self, *arguments):
        return self.master().cli(*arguments)

    def wait_in_step(self):
        """All that was written outlives the master."""
        program.wait_until(lambda: self.master().has_followers_in_step(), "the replica to have all")

    def kill_master(self):
        """Returns when the other one is master."""
        gone = self.master()
        gone.kill()
        program.wait_until(lambda: self.master() is not gone and self.master().info("replication", "role") == "master",
                           "the replica to become master", 30)
        return gone

    def stop(self):
        for process in reversed(self.all):
            process.stop()
