"""Nothing is left of a measurement, however it ends: no server, and no folder.

    what was started  ->  guardian  ->  the measurement  ->  servers, loads
    (waits, passes                      (stand_by returns
     signals on)                         here alone)

The guardian takes in all that the measurement leaves behind (PR_SET_CHILD_SUBREAPER), also what a server has put into the background or
what has changed its user: at the end of either of the other two it kills its descendants by their ids, and removes the folders of the run.
These bear the id of the measurement's process, so that the next run finds folders of one that was killed together with its guardian."""
import contextlib
import glob
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time

from . import measure

PREFIX = "larder-bench-"
SHARED = "larderbench"
IN_MEMORY = "/dev/shm"
SET_CHILD_SUBREAPER = 36
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def scratch(memory=False):
    """A folder of this run; in memory where the system has such a place."""
    place = IN_MEMORY if memory and os.access(IN_MEMORY, os.W_OK) else None
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place)
    os.chmod(folder, 0o755)
    return folder


def shared_memory():
    """What names of shared memory of this run begin with: letters and figures, since squid takes nothing else."""
    return f"{SHARED}{os.getpid()}x"


def remove_leavings(dead):
    """Folders and shared memory of the runs whose process ids dead() says yes to, as far as they are ours."""
    for place in {tempfile.gettempdir(), IN_MEMORY}:
        for path in glob.glob(os.path.join(glob.escape(place), "larder*")):
            m = re.fullmatch(PREFIX + r"(\d+)-\w+|" + SHARED + r"(\d+)x[\w.-]+", os.path.basename(path))
            if m and dead(int(m.group(1) or m.group(2))):
                with contextlib.suppress(OSError):
                    if os.geteuid() in (0, os.lstat(path).st_uid):
                        remove(path)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def remove_old_leavings():
    remove_leavings(lambda pid: not os.path.exists(f"/proc/{pid}"))


def end_descendants(patience=10):
    """All of them, and those that they start meanwhile: they are stopped first, and looked for until there are none."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = measure.family(os.getpid())[1:]
        if not left:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in left:
                with contextlib.suppress(OSError):  # gone, or of another user
                    os.kill(pid, number)
        time.sleep(0.01)


def wait(pid):
    """For that child; returns what it ended with, as a shell tells it."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 128 - code if code < 0 else code


def guard(measurement, starter):
    """Until the measurement ends, or the starter, whose end of the pipe is then closed."""
    process = os.pidfd_open(measurement)
    ended = select.select([process, starter], [], [])[0]
    if process not in ended:
        os.kill(measurement, signal.SIGKILL)
    code = wait(measurement)
    end_descendants()
    remove_leavings(lambda pid: pid == measurement)
    return code


def pass_signals_to(pid):
    for number in PASSED_ON:
        signal.signal(number, lambda received, _: os.kill(pid, received))


def stand_by():
    """Returns in a new process, which is the measurement; this one ends when that has ended, as it did."""
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until it is known to whom they go
    starter, held = os.pipe()
    guardian = os.fork()
    if guardian:
        os.close(starter)
        pass_signals_to(guardian)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        os._exit(wait(guardian))
    os.close(held)
    os.setsid()  # a terminal sends its signals to the one that was started
    measure.LIBC.prctl(SET_CHILD_SUBREAPER, 1)
    measurement = os.fork()
    if measurement:
        pass_signals_to(measurement)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        os._exit(guard(measurement, starter))
    os.close(starter)
    measure.end_with_parent()
    for number in PASSED_ON:
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
