# SPDX-License-Identifier: Apache-2.0
"""The private world the tests live in.

Owns the scratch directory, the namespaces, the copies of the programs under
test and the list of secrets that must never be seen again. Everything a test
writes lies below `World.work`. Knows nothing of servers or logins.
"""
import base64
import concurrent.futures
import ctypes
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECRET_BYTES_MIN = 6
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def why_not():
    """Why no private world can be made here, or None."""
    if os.geteuid() != 0:
        return "needs root (for private namespaces and real logins)"
    return None


def cpu_seconds(pid):
    """What a process has used until now."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return sum(map(int, stat.rsplit(")", 1)[1].split()[11:13])) / \
        os.sysconf("SC_CLK_TCK")


def wait_for(what, condition, timeout_s=10.0, every_s=0.02):
    """Waits until condition() is true; an AssertionError says for what."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout_s} s for {what}"
        time.sleep(every_s)


def suspend(process):
    """Stops it in its tracks. The signal takes effect at each thread's next
    turn, and until then it may do as much as it did before."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task")

    def still():
        return all((task / "stat").read_text().rsplit(")", 1)[1].split()[0]
                   == "T" for task in tasks.iterdir())

    process.send_signal(signal.SIGSTOP)
    wait_for("every thread to stand still", still)


def stop(process, timeout_s=10):
    """Ends a process of ours: TERM, then KILL. Returns its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout_s)
    return process.returncode


class World:
    """Made once for a run of the tests; see conftest.py."""

    def __init__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="sekimori-"))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run([HERE / "enter.sh", self.scratch, "true"],
                       check=True, timeout=60)
        self.work = self.scratch / "work"
        self.scratch.chmod(0o755)
        self.work.chmod(0o755)
        self.reports = self.work / "sanitizer"
        self.reports.mkdir(mode=0o1777)
        self.reports.chmod(0o1777)
        self.programs = self.work / "programs"
        self.programs.mkdir()
        self.secrets = {}
        self._seeds = 0
        self._ports = iter(range(20000, 60000))
        for line in pathlib.Path("/etc/passwd").read_text().splitlines():
            if str(self.scratch) in line:
                name = line.split(":")[0]
                self.secret(f"password of {name}", f"pw-{name}-kiso")
        self._take_programs()

    def _take_programs(self):
        build = os.environ.get("SEKIMORI_BUILD")
        if not build:
            asan = ROOT / "build-asan"
            build = asan if (asan / "sekimorid").exists() else ROOT / "build"
        self.build = pathlib.Path(build).resolve()
        plain = pathlib.Path(os.environ.get("SEKIMORI_BUILD_PLAIN",
                                            ROOT / "build")).resolve()
        if not (plain / "pam_sekimori.so").exists():
            plain = self.build
        self.plain = plain
        for name in ("sekimorid", "sekimori-agent", "sekimorictl",
                     "sekimori-card"):
            if (self.build / name).exists():
                shutil.copy(self.build / name, self.programs / name)
        # Programs of the host are not instrumented, so neither is the module.
        module = plain / "pam_sekimori.so"
        if module.exists():
            shutil.copy(module, self.programs / "pam_sekimori.so")
        self.module = self.programs / "pam_sekimori.so"
        for name in ("sekimorid", "sekimori-agent", "sekimorictl",
                     "pam_sekimori.so"):
            if not (self.programs / name).exists():
                print(f"{self.build}/{name} is missing: run make first")

    def program(self, name):
        return str(self.programs / name)

    def helper(self, name, *libraries):
        """Compiles tests/system/NAME.c once and says where it is."""
        out = self.programs / name
        if not out.exists():
            subprocess.run(
                ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra",
                 "-Werror", "-o", out, HERE / f"{name}.c", *libraries],
                check=True, timeout=60)
            out.chmod(0o755)
        return str(out)

    def environment(self, **more):
        """A clean one, with sanitizer reports going to a file."""
        log = self.reports / "report"
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm",
            "ASAN_OPTIONS": f"log_path={log}:verify_asan_link_order=0:"
                            "exitcode=99:quarantine_size_mb=8",
            "UBSAN_OPTIONS": f"log_path={log}:print_stacktrace=1",
            **{key: str(value) for key, value in more.items()},
        }

    def port(self):
        """One nobody has: the network namespace is ours alone."""
        return next(self._ports)

    def directory(self, name):
        path = self.work / f"{name}-{secrets.token_hex(3)}"
        path.mkdir()
        return path

    def secret(self, what, value):
        """Remembers bytes or text that may occur nowhere. What is too short
        to be a secret, as a wrong code that a test makes up, occurs
        everywhere."""
        raw = value if isinstance(value, bytes) else value.encode()
        for line in raw.split(b"\n"):
            if len(line.strip()) >= SECRET_BYTES_MIN:
                self.secrets[line] = what
        return value

    def seed(self, size=20):
        """A fresh canary seed, watched for in every spelling. Without NUL
        and line feed, so that grep can look for the bytes themselves."""
        raw = secrets.token_bytes(size * 2).translate(None, b"\0\n")[:size]
        assert len(raw) == size
        self._seeds += 1
        if self._seeds > 100 and self._seeds % 8:
            return raw  # enough are watched for
        self.secret("seed, raw", raw)
        self.secret("seed, hex", raw.hex())
        self.secret("seed, HEX", raw.hex().upper())
        spelt = base64.b32encode(raw).decode().rstrip("=")
        self.secret("seed, base32", spelt)
        self.secret("seed, base32, small", spelt.lower())
        self.secret("seed, base64", base64.b64encode(raw).decode()[:-4])
        return raw

    def found_secrets(self, below=None):
        """[(file, what)] for every secret found in what the tests made."""
        patterns = self.scratch / "patterns"
        patterns.write_bytes(b"".join(raw + b"\n" for raw in self.secrets))
        done = subprocess.run(
            ["grep", "-r", "-l", "-a", "-Z", "-F", "-D", "skip",
             f"--exclude-dir={self.programs.name}", "-f", patterns, "--",
             below or self.work], env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            capture_output=True, timeout=120, check=False)
        patterns.unlink()
        assert done.returncode in (0, 1), done.stderr
        found = []
        for path in filter(None, done.stdout.split(b"\0")):
            data = pathlib.Path(path.decode()).read_bytes()
            found += [(path.decode(), what)
                      for raw, what in self.secrets.items() if raw in data]
        return found

    def sanitizer_reports(self):
        return [path.read_text(errors="replace")
                for path in sorted(self.reports.iterdir())]

    def close(self):
        os.chdir("/")
        for mount in ("/etc", "/var", "/run", str(self.scratch)):
            subprocess.run(["umount", "-l", mount], check=False,
                           stderr=subprocess.DEVNULL)
        try:
            self.scratch.rmdir()
        except OSError:
            pass


def at_once(do, items, workers=8):
    """do(item) for each, several at a time: most of a login's time is spent
    waiting. {item: result}; what was raised is kept as the result."""
    def caught(item):
        try:
            return do(item)
        except Exception as error:  # told by the test of that item
            return error
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return dict(zip(items, pool.map(caught, items)))


def result_of(results, item):
    """What at_once() got for item, or what went wrong there."""
    if isinstance(results[item], Exception):
        raise results[item]
    return results[item]


def signal_all(processes, number=signal.SIGKILL):
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
