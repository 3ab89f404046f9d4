# SPDX-License-Identifier: Apache-2.0
"""A machine of its own: systemd, booted by systemd-nspawn over an overlay of
this machine's files, which it never changes. It starts what a system needs
and nothing of what is enabled here. Knows nothing of logins."""
import pathlib
import secrets
import shutil
import subprocess
import time

from world import ROOT, stop, wait_for

TARGET = "sekimori-test.target"
BOOT_S = 30


class NoMachine(Exception):
    """systemd does not start in a container here."""


class Machine:
    def __init__(self, world):
        self.world = world
        self.name = f"sekimori-{secrets.token_hex(4)}"
        self.scratch = world.scratch / self.name
        self.root = self.scratch / "root"
        self.log_path = world.directory("machine") / "log"
        self.process = self.leader = None
        for name in ("upper", "workdir", "root"):
            (self.scratch / name).mkdir(parents=True)
        self.scratch.chmod(0o755)
        subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir=/,upperdir={self.scratch}/upper,"
             f"workdir={self.scratch}/workdir", self.root], check=True)
        for name in ("var/lib/sekimori", "var/lib/sekimori-agent",
                     "etc/sekimori"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        self.write("etc/fstab", "")
        self.write(f"etc/systemd/system/{TARGET}",
                   "[Unit]\nRequires=basic.target\nAfter=basic.target\n")

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def install(self, build):
        subprocess.run(
            ["make", "-C", ROOT, "-s", "install", f"B={build}",
             f"DESTDIR={self.root}", "prefix=/usr", "-o", "all"],
            check=True, timeout=120, capture_output=True)

    def boot(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", self.root, "-M",
                 self.name, "-b",
                 "--private-network", "--register=no", "--keep-unit",
                 "--console=pipe", f"systemd.unit={TARGET}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + BOOT_S
        while not self._is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                stop(self.process)
                raise NoMachine(self.log_path.read_text(errors="replace"))
            time.sleep(0.05)
        return self

    def _is_up(self):
        pid = self.process.pid
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
            for child in children.read_text().split():
                comm = pathlib.Path(f"/proc/{child}/comm").read_text()
                if comm == "systemd\n":
                    self.leader = child
                    state = self.run("systemctl", "is-system-running",
                                     check=False).stdout.strip()
                    return state in ("running", "degraded")
        except FileNotFoundError:
            pass
        return False

    def run(self, *command, stdin="", check=True, timeout_s=40):
        """As root, inside. -r: where / is a chroot, -a alone stays in it."""
        done = subprocess.run(
            ["nsenter", "-t", self.leader, "-a", "-r", "-w", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
             "LANG=C.UTF-8", *map(str, command)], input=stdin, text=True,
            capture_output=True, timeout=timeout_s, check=False)
        if check:
            assert done.returncode == 0, \
                f"{command}: {done.stdout}{done.stderr}"
        return done

    def is_active(self, unit):
        return self.run("systemctl", "is-active", unit,
                        check=False).stdout.strip() == "active"

    def wait_active(self, unit):
        wait_for(f"{unit} to be active", lambda: self.is_active(unit))

    def halt(self):
        """Once is a shutdown; only what does not end is killed."""
        if self.process is not None:
            stop(self.process, 20)
            self.process = None

    def close(self):
        self.halt()
        subprocess.run(["umount", "-l", self.root], check=False)
