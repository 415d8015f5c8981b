"""How each server is set up, started and ended: one class each, with the settings its own documentation recommends for a cache in
memory on one processor. No server writes an access log. Paths under /pass/ are not to be cached."""
import argparse
import contextlib
import dataclasses
import os
import pwd
import re
import shutil
import subprocess
import time

import checks

from . import guard, measure
from .measure import max_connections

KEEP = 3600  # seconds that idle connections stay open


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a scenario wants of a server."""
    memory_mb: int = 512
    objects: int = 150_000  # so many are stored at most, where a server wants to know
    disk: bool = False      # pages on a disk, which survive the process
    workers: int = 1        # one: beside the load; more: each on another processor
    twin: int = 0           # tells servers apart that are set up alike
    routes: int = 0         # rules that match before the last one

    def words(self):
        """What a reader of the usual settings has to know of it."""
        memory = f"{self.memory_mb} MB of memory" if self.memory_mb != Setup.memory_mb else ""
        return ", ".join(filter(None, (memory, "pages on a disk" if self.disk else "")))


@dataclasses.dataclass(frozen=True)
class Address:
    """Of an origin, where none runs."""
    port: str


class Server:
    name = ""
    program = ""
    in_tiers = False  # it is of the rows about tiers, which have a disk
    in_memory, on_disk = True, False  # where it can keep pages
    settles = 0.5  # seconds after which what was stored lies as it will lie
    version_command = ()
    version_pattern = r"(\d+\.\d+[\w.+-]*)"

    def __init__(self, machine, origin, setup):
        self.prepare(machine, origin, setup)
        try:
            self.start()
        except BaseException:
            self.remove()
            raise

    def prepare(self, machine, origin, setup):
        self.machine, self.origin, self.setup = machine, origin, setup
        self.folder = guard.scratch()
        self.memory_folder = guard.scratch(memory=True)
        self.process, self.port = None, 0

    # --- what each server says about itself ---

    def configure(self):
        """Writes the settings; returns the command."""
        raise NotImplementedError

    def environment(self):
        return None

    @classmethod
    def version(cls):
        out = subprocess.run(cls.version_command, capture_output=True, text=True, check=False)
        m = re.search(cls.version_pattern, out.stdout + out.stderr)
        return m.group(1) if m else "unknown"

    @classmethod
    def missing(cls):
        return not shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")

    def settings(self):
        """What stands in its settings, for the reader."""
        with open(self.config_path, encoding="utf-8") as f:
            return f.read()

    def readable_settings(self):
        """The same without the names of this run."""
        text = self.settings()
        for what, name in ((self.memory_folder, "/MEMORY"), (self.folder, "/FOLDER"), (str(self.origin.port), "ORIGIN"), (str(self.port), "PORT")):
            text = text.replace(what, name)
        return text

    @classmethod
    def usual_settings(cls):
        """Those of the rows that want nothing special of it; no server is started."""
        server = cls.__new__(cls)
        server.prepare(None, Address("ORIGIN"), Setup(disk=cls.in_tiers))
        server.port = "PORT"
        try:
            server.configure()
            return server.readable_settings()
        finally:
            server.remove()

    # --- life ---

    @property
    def config_path(self):
        return os.path.join(self.folder, re.sub(r"\W+", "-", self.name) + ".conf")

    def write(self, text, path=None):
        path = path or self.config_path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def pages(self):
        """The folder for pages: a file system in memory unless the scenario is about a disk."""
        return os.path.join(self.folder if self.setup.disk else self.memory_folder, "pages")

    def start(self, path="/s10/m86400/ready", pause=0.02):
        """Returns when that path is answered."""
        self.port = self.port or measure.free_port()
        command = self.configure()
        cpus = self.machine.serve if self.setup.workers == 1 else self.machine.both
        self.output = open(os.path.join(self.folder, "output"), "w+", encoding="utf-8")
        self.process = measure.spawn(cpus, command, stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                     env=self.environment(), cwd=self.folder)
        self.started = self.process.began
        self.wait(path, pause)
        self.answered = time.monotonic()
        if self.setup.workers == 1:
            measure.pin(self.pids(), cpus)
        else:
            measure.spread(self.pids(), cpus)

    def wait(self, path, pause):
        """Until it answers, through to the origin or from its pages."""
        end = time.monotonic() + measure.PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if measure.ask(self.port, path, 1)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(pause)
        with contextlib.suppress(OSError):
            raise measure.Failed(f"{self.name} does not answer: {self.said()[-1500:].strip()}")
        raise measure.Failed(f"{self.name} does not answer")

    def said(self):
        """What it complained of."""
        self.output.seek(0)
        return self.output.read()

    def pids(self):
        return measure.family(self.process.pid)

    def cpu(self):
        return measure.cpu_seconds(self.pids())

    def resident(self):
        """Its memory, with what it keeps on a file system in memory."""
        held = 0
        for at, _, names in os.walk(self.memory_folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # it has just been evicted
                    held += os.stat(os.path.join(at, name)).st_blocks * 512
        return measure.resident_bytes(self.pids()) + held

    def kill(self):
        """As a crash would: SIGKILL to all of it at once."""
        measure.kill(self.process, self.pids())

    def stop(self):
        """Its end, the quick way: nobody reads its pages again."""
        self.remove()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.memory_folder, ignore_errors=True)


class Larder(Server):
    name, program = "larder", "build/larder"
    backend = "memory"
    disk_backend = "memory, file"
    on_disk = True
    binary = ""  # set by scripts/bench

    @staticmethod
    def version_of(program):
        """What that program says is its version, or nothing when it is no Larder."""
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=10)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return ""
        m = re.match(r"larder (\S+)", said.stdout)
        return m.group(1) if m else ""

    @classmethod
    def version(cls):
        return cls.version_of(cls.binary)

    @classmethod
    def missing(cls):
        return not os.path.exists(cls.binary)

    def configure(self):
        setup = self.setup
        backend = self.disk_backend if setup.disk and self.backend == "memory" else self.backend
        routes = "".join(f"[route r{i}]\nmatch = /route{i}/*\nttl = 1h\n" for i in range(setup.routes))
        self.write(f"""[server]
listen = 127.0.0.1:{self.port}
workers = {setup.workers}
max_connections = {max_connections()}
keepalive_timeout = {KEEP}s
[upstream]
url = http://127.0.0.1:{self.origin.port}
max_in_flight = 5000
queue = 10000
max_idle = 512
[admin]
listen = off
[log]
access = off
level = warning
[cache]
backend = {backend}
memory_size = {setup.memory_mb}M
path = {self.pages()}
{self.more()}[route /pass/*]
cache = off
{routes}""")
        return [self.binary, "-c", self.config_path]

    def more(self):
        return ""


class Nginx(Server):
    name, program = "nginx", "nginx"
    on_disk = True
    settles = 12  # its cache manager looks every ten seconds whether the size is exceeded
    version_command = ("/usr/sbin/nginx", "-v")

    def configure(self):
        setup, user = self.setup, pwd.getpwuid(os.getuid()).pw_name
        zone = max(8, setup.objects // 7000)  # a megabyte for some 8,000 keys
        self.write(f"""daemon off;
{f"user {user};" if os.getuid() == 0 else ""}
worker_processes {setup.workers};
pid {self.folder}/pid;
error_log {self.folder}/error.log crit;
events {{ worker_connections {max_connections()}; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout {KEEP}s;
  open_file_cache max={max_connections() // 2} inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  proxy_cache_path {self.pages()} levels=1:2 keys_zone=pages:{zone}m max_size={setup.memory_mb}m inactive=1d use_temp_path=off
    manager_files=10000 manager_threshold=5s;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream origin {{ server 127.0.0.1:{self.origin.port}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location / {{ proxy_pass http://origin; proxy_cache pages; proxy_cache_lock on; }}
    location /pass/ {{ proxy_pass http://origin; }}
  }}
}}
""")
        return ["/usr/sbin/nginx", "-c", self.config_path, "-e", f"{self.folder}/error.log"]


class Haproxy(Server):
    name, program = "haproxy", "haproxy"
    version_command = ("/usr/sbin/haproxy", "-v")

    def configure(self):
        setup = self.setup
        self.write(f"""global
  nbthread {setup.workers}
  maxconn {max_connections() * 2 // 3}
defaults
  mode http
  timeout client {KEEP}s
  timeout server {KEEP}s
  timeout http-keep-alive {KEEP}s
  timeout connect 5s
  http-reuse always
cache pages
  total-max-size {min(setup.memory_mb, 4095)}
  max-object-size {min(4 << 20, setup.memory_mb << 19)}
  max-age 86400
  process-vary on
frontend clients
  bind 127.0.0.1:{self.port} backlog 4096
  use_backend pass if {{ path_beg /pass/ }}
  default_backend cached
backend cached
  http-request cache-use pages
  http-response cache-store pages
  server origin 127.0.0.1:{self.origin.port} pool-purge-delay 1h
backend pass
  server origin 127.0.0.1:{self.origin.port} pool-purge-delay 1h
""")
        return ["/usr/sbin/haproxy", "-db", "-f", self.config_path]


class Varnish(Server):
    name, program = "varnish", "varnishd"
    version_command = ("/usr/sbin/varnishd", "-V")
    version_pattern = r"varnish-(\d+\.\d+\.\d+)"

    def configure(self):
        self.write(f"""vcl 4.1;
backend origin {{
  .host = "127.0.0.1";
  .port = "{self.origin.port}";
}}
sub vcl_recv {{
  if (req.url ~ "^/pass/") {{
    return (pass);
  }}
}}
""")
        return self.command()

    def command(self):
        return ["/usr/sbin/varnishd", "-F", "-j", "none", "-n", f"{self.memory_folder}/varnish", "-a", f"127.0.0.1:{self.port}",
                "-T", "none", "-f", self.config_path, "-s", f"malloc,{self.setup.memory_mb}m", "-p", "thread_pools=1",
                "-p", "thread_pool_max=5000", "-p", "listen_depth=4096", "-p", f"timeout_idle={KEEP}", "-p", "nuke_limit=1000"]

    def settings(self):
        return " ".join(self.command()) + "\n" + super().settings()

    def resident(self):
        """Its folder holds only what is mapped, and counted, anyway."""
        return measure.resident_bytes(self.pids())


class TrafficServer(Server):
    name, program = "trafficserver", "traffic_server"
    on_disk = True
    version_command = ("/usr/bin/traffic_server", "--version")
    version_pattern = r"Traffic Server (\d+\.\d+\.\d+)"

    def configure(self):
        setup, etc = self.setup, f"{self.folder}/etc"
        os.makedirs(self.pages(), exist_ok=True)
        for name in ("var/log", "var/run", "var/cache"):
            os.makedirs(f"{self.folder}/{name}", exist_ok=True)
        places = {"prefix": self.folder, "exec_prefix": self.folder, "bindir": "/usr/bin", "sbindir": "/usr/sbin", "sysconfdir": etc,
                  "datadir": self.folder, "includedir": self.folder, "libdir": "/usr/lib", "libexecdir": "/usr/lib/trafficserver/modules",
                  "localstatedir": f"{self.folder}/var", "runtimedir": f"{self.folder}/var/run", "logdir": f"{self.folder}/var/log",
                  "mandir": self.folder, "infodir": self.folder, "cachedir": f"{self.folder}/var/cache"}
        self.write("".join(f"{k}: {v}\n" for k, v in places.items()), f"{self.folder}/runroot.yaml")
        self.write(f"map /pass/ http://127.0.0.1:{self.origin.port}/pass/ @plugin=conf_remap.so @pparam=proxy.config.http.cache.http=0\n"
                   f"map / http://127.0.0.1:{self.origin.port}/\n", f"{etc}/remap.config")
        self.write(f"{self.pages()} {max(setup.memory_mb, 32)}M\n", f"{etc}/storage.config")
        for name in ("cache", "hosting", "parent", "plugin", "splitdns", "ssl_multicert", "volume", "socks"):
            self.write("", f"{etc}/{name}.config")
        self.write("ip_allow:\n  - apply: in\n    ip_addrs: 0/0\n    action: allow\n    methods: ALL\n", f"{etc}/ip_allow.yaml")
        self.write("logging: {}\n", f"{etc}/logging.yaml")
        self.write("", f"{etc}/sni.yaml")
        self.write("", f"{etc}/strategies.yaml")
        values = {
            "http.server_ports": f"STRING {self.port}:ip-in=127.0.0.1",
            "admin.user_id": "STRING #-1",
            "exec_thread.autoconfig": "INT 0", "exec_thread.limit": f"INT {setup.workers}", "accept_threads": "INT 0",
            "task_threads": "INT 1", "cache.threads_per_disk": "INT 1", "exec_thread.affinity": "INT 0",
            "log.logging_enabled": "INT 0",
            "cache.ram_cache.size": f"INT {setup.memory_mb << 20}", "cache.ram_cache_cutoff": "INT 4194304",
            "cache.min_average_object_size": "INT 2000",
            "http.keep_alive_no_activity_timeout_in": f"INT {KEEP}", "http.keep_alive_no_activity_timeout_out": f"INT {KEEP}",
            "net.connections_throttle": f"INT {max_connections()}", "net.max_connections_in": f"INT {max_connections()}", "net.listen_backlog": "INT 4096",
            # What its documentation says under "Reducing origin server requests".
            "cache.enable_read_while_writer": "INT 1", "http.background_fill_active_timeout": "INT 0",
            "http.background_fill_completed_threshold": "FLOAT 0.0", "http.cache.max_open_read_retries": "INT 100",
            "http.cache.open_read_retry_time": "INT 10",
        }
        self.write("".join(f"CONFIG proxy.config.{k} {v}\n" for k, v in values.items()), f"{etc}/records.config")
        return ["/usr/bin/traffic_server", f"--run-root={self.folder}/runroot.yaml"]

    @property
    def config_path(self):
        return f"{self.folder}/etc/records.config"


class Squid(Server):
    name, program = "squid", "squid"
    on_disk = True
    version_command = ("/usr/sbin/squid", "-v")
    version_pattern = r"Version (\d+\.\d+)"

    def configure(self):
        setup, user = self.setup, ""
        if os.getuid() == 0:  # it refuses to stay root
            user = "cache_effective_user proxy"
            for folder in (self.folder, self.memory_folder):
                shutil.chown(folder, "proxy", "proxy")
        disk = f"cache_dir ufs {self.pages()} 1000 16 256" if setup.disk else ""
        self.write(f"""{user}
http_port 127.0.0.1:{self.port} accel defaultsite=127.0.0.1:{self.origin.port}
cache_peer 127.0.0.1 parent {self.origin.port} 0 no-query no-digest no-netdb-exchange originserver
acl everybody src all
acl pass urlpath_regex ^/pass/
cache deny pass
http_access allow everybody
never_direct allow everybody
cache_mem {setup.memory_mb} MB
maximum_object_size_in_memory 16 MB
{disk}
collapsed_forwarding on
access_log none
cache_log {self.folder}/cache.log
cache_store_log none
logfile_rotate 0
pid_filename {self.folder}/squid.pid
coredump_dir {self.folder}
visible_hostname bench
max_filedescriptors {max_connections()}
pinger_enable off
icp_port 0
client_idle_pconn_timeout {KEEP} seconds
server_idle_pconn_timeout {KEEP} seconds
shutdown_lifetime 0 seconds
""")
        # Its name is that of its shared memory as well, which stays when it is killed, and which another user's would stumble on.
        command = ["/usr/sbin/squid", "-N", "-n", f"{guard.shared_memory()}{self.port}", "-f", self.config_path]
        if disk and not os.path.exists(self.pages()):
            subprocess.run([*command, "-z"], capture_output=True, check=False, timeout=60)
        return command

    def said(self):
        with open(f"{self.folder}/cache.log", encoding="utf-8", errors="replace") as f:
            return super().said() + "".join(line for line in f if "FATAL" in line)


class LarderTier(Larder):
    """Larder with pages in the tiers of disk_backend."""
    in_tiers = True

    @classmethod
    def missing(cls):
        return super().missing() or ("redis" in cls.disk_backend and not shutil.which("redis-server"))

    def start(self, *where, **how):
        if "redis" in self.disk_backend:
            self.start_redis()
        super().start(*where, **how)

    @property
    def redis_socket(self):
        return f"{self.folder}/redis.sock"

    def start_redis(self):
        self.redis = measure.spawn(self.machine.load, ["redis-server", "--port", 0, "--unixsocket", self.redis_socket, "--save", "",
                                                       "--dir", self.folder], stdout=subprocess.DEVNULL)
        end = time.monotonic() + measure.PATIENCE
        while not os.path.exists(self.redis_socket):
            if time.monotonic() > end or self.redis.poll() is not None:
                raise measure.Failed("redis-server does not start")
            time.sleep(0.02)

    def more(self):
        # Redis shares its processor with the load: what it does not answer within 20 ms would be a miss.
        return f"redis_url = unix://{self.redis_socket}\nredis_max_object = 2M\nredis_budget = 1s\n" if "redis" in self.disk_backend else ""

    def remove(self):
        super().remove()
        if "redis" in self.disk_backend and hasattr(self, "redis"):
            measure.kill(self.redis)


def tier(backend):
    return type("LarderTier", (LarderTier,), {"name": "larder: " + backend, "disk_backend": backend})


TIERS = [Nginx, *map(tier, ("memory", "file", "memory, file", "redis", "memory, redis"))]
PEERS = {cls.name: cls for cls in (Larder, Nginx, Haproxy, Varnish, TrafficServer, Squid)}


def usual_settings(names):
    """{name: its settings} of those of these servers that are known. One whose user this machine does not have is left out."""
    known, found = {**PEERS, **{cls.name: cls for cls in TIERS}}, {}
    for name in [n for n in known if n in names]:
        with contextlib.suppress(LookupError):
            found[name] = known[name].usual_settings()
    return found


def larder(path):
    """For argparse: a program that says it is Larder."""
    path = os.path.abspath(checks.program(path))
    if not Larder.version_of(path):
        raise argparse.ArgumentTypeError(f"{path} is not allowed: a program whose --version says larder")
    return path
