# SPDX-License-Identifier: Apache-2.0
"""A sekimorid of our own: configuration, init, run, stop, kill, restart, and
short cuts to fill it. Time can be faked. Knows the command line and the
configuration file, not the wire."""
import json
import os
import re
import signal
import subprocess
import time

from client import Terminal, plain_http
from ctl import Ctl
from otp import Hotp, Totp
from world import stop, suspend, wait_for

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
START_S = 30


def faketime_library():
    if os.path.exists(FAKETIME):
        return FAKETIME
    found = subprocess.run(["dpkg", "-L", "libfaketime"], text=True,
                           capture_output=True, check=False).stdout
    return next((line for line in found.split("\n")
                 if line.endswith("libfaketimeMT.so.1")), FAKETIME)


class Server:
    def __init__(self, world, name="server", settings=None, start_at=None,
                 fake=False):
        """settings: {"throttle.after": 3}. start_at: unix seconds the clock
        starts at. fake: jump() and pass_time() can move the clocks."""
        self.world = world
        self.dir = world.directory(name)
        self.state = self.dir / "state"
        self.config = self.dir / "sekimorid.conf"
        self.recovery_key = self.dir / "recovery.key"
        self.admin_socket = self.dir / "admin.sock"
        self.log_path = self.dir / "log"
        self.port = world.port()
        self.url = f"https://localhost:{self.port}"
        self.process = None
        self.start_at, self.offset = start_at, 0.0
        self.clock_file = self.dir / "clock" if fake else None
        self.slept_file, self.slept = self.dir / "slept", 0
        if fake:
            self.clock_file.write_text("+0")
        self.settings = {
            "server.state_dir": self.state,
            "server.listen": f"127.0.0.1:{self.port}",
            "server.admin_socket": self.admin_socket,
            "server.server_names": "localhost 127.0.0.1",
            "server.disk_reserve_mb": 1,  # the scratch disk is memory
            "throttle.terminal_rate": 0,
            "throttle.terminal_failures": 0,
            "throttle.admin_signins": 0,
            **(settings or {}),
        }
        self.ctl = Ctl(world, self.admin_socket)
        self._names = 0
        self.write_config()

    # --- configuration and life ------------------------------------------
    def write_config(self):
        sections = {}
        for name, value in self.settings.items():
            section, key = name.split(".", 1)
            sections.setdefault(section, []).append(f"{key} = {value}")
        self.config.write_text("".join(
            f"[{section}]\n" + "\n".join(lines) + "\n"
            for section, lines in sections.items()))
        self.config.chmod(0o600)

    def environment(self):
        more = {}
        if self.start_at is not None or self.clock_file:
            more = {"LD_PRELOAD": faketime_library(),
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        if self.clock_file:
            slept = self.world.helper("slept", "-shared", "-fPIC", "-ldl")
            more.update(FAKETIME_TIMESTAMP_FILE=self.clock_file,
                        FAKETIME_NO_CACHE="1", SLEPT_FILE=self.slept_file,
                        LD_PRELOAD=f"{slept}:{faketime_library()}")
        elif self.start_at is not None:
            more.update(TZ="UTC", FAKETIME=time.strftime(
                "@%Y-%m-%d %H:%M:%S", time.gmtime(self.start_at)))
        return self.world.environment(**more)

    def command(self, verb, *more, timeout_s=60, stdin=""):
        """Runs sekimorid VERB; the finished process with its output."""
        return subprocess.run(
            [self.world.program("sekimorid"), verb, "--config", self.config,
             *map(str, more)], env=self.environment(), text=True,
            capture_output=True, timeout=timeout_s, input=stdin, check=False)

    def init(self, recovery=False):
        more = ["--recovery-key", self.recovery_key] if recovery else []
        done = self.command("init", *more)
        with open(self.log_path, "a", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        assert done.returncode == 0, done.stderr
        return self

    def spawn(self):
        """Starts it without waiting for anything."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.world.program("sekimorid"), "run", "--config",
                 self.config], env=self.environment(), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        return self

    def start(self, until="/readyz"):
        self.spawn()
        wait_for("sekimorid to be ready", lambda: self._is_ready(until),
                 START_S)
        return self

    def _is_ready(self, path):
        assert self.process.poll() is None, \
            f"sekimorid ended: {self.process.returncode}\n{self.log()[-3000:]}"
        try:
            return plain_http(self.port, path).status == 200
        except Exception:  # not yet listening, in whatever way
            return False

    def stop(self):
        if self.process is None:
            return 0
        status = stop(self.process)
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def restart(self, until="/readyz"):
        assert self.stop() == 0, self.log()[-3000:]
        return self.start(until)

    def pause(self):
        suspend(self.process)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(errors="replace")

    # --- time -------------------------------------------------------------
    def jump(self, seconds):
        """Steps the wall clock of a server made with fake=True, as whoever
        sets it does. No time passes."""
        self.offset += seconds
        self._replace(self.clock_file, f"{self.offset:+.0f}")

    def pass_time(self, seconds):
        """Lets time pass for a server made with fake=True: both clocks move
        on, as when the machine was asleep. The wall clock first: a server
        that looks in between sees a step that is taken back at once."""
        self.jump(seconds)
        self.slept += seconds
        self._replace(self.slept_file, str(self.slept))

    @staticmethod
    def _replace(path, text):
        scratch = path.with_suffix(".new")
        scratch.write_text(text)
        scratch.rename(path)

    def now(self):
        return time.time() + self.offset

    # --- filling ----------------------------------------------------------
    def name(self, stem="s"):
        self._names += 1
        return f"{stem}{self._names:04}"

    def terminal(self, name=None):
        """A terminal joined by hand."""
        name = name or self.name("window")
        code = self.ctl("terminal", "add", name)["join_code"]
        directory = self.dir / f"terminal-{name}"
        directory.mkdir()
        terminal = Terminal(self, name, directory)
        terminal.check_time = self.start_at is None
        reply = terminal.join(code)
        assert reply.status == 200, reply
        return terminal

    def import_tokens(self, lines, create=True):
        """users.oath lines through sekimorictl; the file does not stay."""
        path = self.dir / "users.oath"
        path.write_text("".join(line + "\n" for line in lines))
        path.chmod(0o600)
        try:
            return self.ctl("token", "import", path, "--from", "users.oath",
                            *(["--create-users"] if create else []),
                            timeout_s=300)
        finally:
            path.unlink()

    def hotp_users(self, count, digits=6, stem="s"):
        """count new people with an active HOTP token each: [(id, Hotp)]."""
        people = [(self.name(stem), Hotp(self.world.seed(), digits))
                  for _ in range(count)]
        self.import_tokens([oath_line(user, token) for user, token in people])
        return people

    def hotp(self, user=None, digits=6):
        token = Hotp(self.world.seed(), digits)
        user = user or self.name()
        self.import_tokens([oath_line(user, token)])
        return user, token

    def totp(self, user=None, digits=6, period=30):
        """A person with an active TOTP token none of whose codes is spent."""
        token = Totp(self.world.seed(), digits, period, clock=self.now)
        user = user or self.name()
        self.import_tokens([oath_line(user, token)])
        return user, token

    def enroll(self, user, token, confirm=True):
        """Enrols a TOTP token the long way, with this very seed."""
        import base64
        answer = self.ctl(
            "token", "enroll", user, "--algorithm", token.algorithm,
            "--digits", token.digits, "--period", token.period, "--secret",
            "-", stdin=base64.b32encode(token.seed).decode() + "\n")
        token.serial = answer["token"]["serial"]
        if confirm:
            self.ctl("token", "confirm", token.serial, token.code())
        return answer

    def records(self, **query):
        """Audit list items, oldest first."""
        options = []
        for key, value in query.items():
            options += [f"--{key}", value]
        return self.ctl.items("audit", "list", *options)

    def verify(self, *more):
        status, stdout, stderr = self.ctl.run("audit", "verify", *more)
        return status, json.loads(stdout) if stdout.strip() else stderr


def oath_line(user, token):
    if isinstance(token, Hotp):
        kind = "HOTP" if token.digits == 6 else f"HOTP/E/{token.digits}"
        moved = f" {token.counter}" if token.counter else ""
        return f"{kind} {user} - {token.seed.hex()}{moved}"
    return f"HOTP/T{token.period}/{token.digits} {user} - {token.seed.hex()}"


def number_in(text, name):
    """The value of a metric in Prometheus text."""
    found = re.search(rf"^{re.escape(name)}\S* (\S+)$", text, re.M)
    return float(found.group(1)) if found else None
