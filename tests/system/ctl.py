# SPDX-License-Identifier: Apache-2.0
"""sekimorictl as a function. Knows the command line, not what it means."""
import json
import subprocess


class Refused(Exception):
    """A command that did not exit with 0."""

    def __init__(self, arguments, status, stdout, stderr):
        super().__init__(f"sekimorictl {' '.join(arguments)}: exit {status}: "
                         f"{stderr.strip() or stdout.strip()}")
        self.status, self.stdout, self.stderr = status, stdout, stderr


class Ctl:
    def __init__(self, world, socket):
        self.world, self.socket = world, str(socket)

    def run(self, *arguments, stdin="", json_output=True, prefix=(),
            timeout_s=60, **environment):
        """(exit status, standard output, standard error), as they came."""
        command = [*prefix, self.world.program("sekimorictl"), "--socket",
                   self.socket, "--yes"]
        if json_output:
            command.append("--json")
        done = subprocess.run(
            [*command, *map(str, arguments)], input=stdin, text=True,
            capture_output=True, timeout=timeout_s,
            env=self.world.environment(**environment), check=False)
        return done.returncode, done.stdout, done.stderr

    def __call__(self, *arguments, **how):
        """The object a command prints with --json; Refused if it fails."""
        status, stdout, stderr = self.run(*arguments, **how)
        if status != 0:
            raise Refused([str(a) for a in arguments], status, stdout, stderr)
        return json.loads(stdout) if stdout.strip() else {}

    def items(self, *arguments):
        return self(*arguments)["items"]
