# SPDX-License-Identifier: Apache-2.0
"""A sekimori-agent of our own: joined with a code, run, stopped, killed."""
import socket
import subprocess

from world import stop, wait_for

START_S = 20


class Agent:
    def __init__(self, world, name="agent"):
        self.world, self.dir = world, world.directory(name)
        self.state = self.dir / "state"
        self.socket = self.dir / "agent.sock"
        self.log_path = self.dir / "log"
        self.process = None
        self.program = world.program("sekimori-agent")
        self.environment = {}  # added to each start()

    def join(self, server, name=None, url=None):
        """Adds a terminal to the server and joins it by its code."""
        self.name = name or server.name("desk")
        code = server.ctl("terminal", "add", self.name)["join_code"]
        done = self.try_join(url or server.url, code)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def try_join(self, url, code):
        self.world.secret("join code", code)
        self.state.mkdir(exist_ok=True)
        done = subprocess.run(
            [self.world.program("sekimori-agent"), "join", "--server", url,
             "--code", "-", "--state-dir", self.state], input=code + "\n",
            text=True, capture_output=True, timeout=30,
            env=self.world.environment(), check=False)
        with open(self.log_path, "a", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        return done

    def start(self, **environment):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", "--state-dir", self.state, "--socket",
                 self.socket],
                env=self.world.environment(**self.environment, **environment),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for("the agent's socket", self._is_ready, START_S)
        return self

    def _is_ready(self):
        assert self.process.poll() is None, \
            f"agent ended: {self.process.returncode}\n{self.log()[-3000:]}"
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
            return True
        except OSError:
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

    def restart(self):
        self.stop()
        return self.start()

    def log(self):
        return self.log_path.read_text(errors="replace")

    # --- configuration ----------------------------------------------------
    def set(self, key, value):
        """Sets one line of agent.conf."""
        path = self.state / "agent.conf"
        lines = [line for line in path.read_text().splitlines()
                 if line.split("=")[0].strip() != key]
        path.write_text("\n".join([*lines, f"{key} = {value}"]) + "\n")

    def _get(self, key):
        for line in (self.state / "agent.conf").read_text().splitlines():
            if line.split("=")[0].strip() == key:
                return line.split("=", 1)[1].strip()
        return ""

    def allow_user_service(self, name):
        self.set("user_services", f"{name} vlock")

    def add_server(self, url, first=False):
        known = self._get("servers")
        self.set("servers", f"{url} {known}" if first else f"{known} {url}")
