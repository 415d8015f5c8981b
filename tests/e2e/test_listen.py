"""Where Larder listens: several addresses, IPv6, unix sockets for visitors and for the admin interface; what systemd is told."""
import os
import signal
import socket
import stat

import pytest

import client
from larder import free_port, wait_until


def test_several_addresses(origin, serve, tmp_path):
    origin.page("/p")
    ports, path = (free_port(), free_port()), str(tmp_path / "larder.sock")
    larder = serve(origin, f"[server]\nlisten = 127.0.0.1:{ports[0]}, [::1]:{ports[1]}, unix:{path}\n[route /*]\nttl = 60s")
    larder.port = ports[0]
    host = {"Host": "www.example.org"}
    larder.stored("/p", host)
    with socket.create_connection(("::1", ports[1])) as s:
        s.sendall(b"GET /p HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n")
        assert b"larder; hit" in s.recv(4096)
    with client.Connection(path) as c:
        assert c.request("GET", "/p", host).hit
        assert c.request("PURGE", "/p", host).status == 200
    assert larder.logged("/p", client="unix", verdict="hit") and larder.logged("/p", client="::1")
    assert origin.count("/p") == 1
    larder.stop()
    assert not os.path.exists(path), "the file goes with the listener"


def test_a_socket_left_behind_is_replaced_a_live_one_is_not(origin, serve, tmp_path):
    path = str(tmp_path / "larder.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)  # bound, and its owner gone
    larder = serve(origin, f"[admin]\nlisten = unix:{tmp_path}/admin.sock\n[server]\nlisten = unix:{path}", ready=path)
    with client.Connection(path) as c:
        assert c.request("GET", "/p").status == 404
    other = serve(origin, f"[server]\nlisten = unix:{path}", ready=None)
    assert other.process.wait(10) == 1 and path in other.stderr() and "in use" in other.stderr()
    other.process = None
    with client.Connection(path) as c:
        assert c.request("GET", "/p").status == 404
    assert larder.process.poll() is None


def test_admin_on_a_unix_socket_is_the_owners(origin, serve, tmp_path):
    path = str(tmp_path / "admin.sock")
    serve(origin, f"[admin]\nlisten = unix:{path}", ready=path)
    with client.Connection(path) as c:
        assert c.request("GET", "/health?ready").status == 200
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_systemd_is_told(origin, serve, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        larder = serve(origin, env={"NOTIFY_SOCKET": path})
        assert b"READY=1" in s.recv(4096)
        larder.reload("[route /*]\nttl = 1s")
        assert b"RELOADING=1" in s.recv(4096) and b"READY=1" in s.recv(4096)
        larder.process.send_signal(signal.SIGTERM)
        assert b"STOPPING=1" in s.recv(4096)
        assert larder.process.wait(10) == 0


def test_no_admin_at_all(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[admin]\nlisten = off", ready="proxy")
    with pytest.raises(ConnectionRefusedError):
        larder.admin("GET", "/health")
    assert wait_until(lambda: larder.get("/p"), "an answer").status == 200
