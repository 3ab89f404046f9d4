# SPDX-License-Identifier: Apache-2.0
"""The machine's own programs as people meet them: sshd, sudo, su, login and a
locker, on a terminal each. Writes /etc/pam.d of the private world. Knows
prompts and outcomes, not why."""
import os
import select
import subprocess
import time

import pexpect

from world import stop, wait_for

PASSWORD_PROMPT = r"(?i)password[^\r\n]*: ?|パスワード: ?"
CODE_PROMPT = "One-time code: ?|ワンタイムパスワード: ?"


def password_of(user):
    return f"pw-{user}-kiso"


def write_service(name, *lines):
    """/etc/pam.d/NAME of the private world."""
    with open(f"/etc/pam.d/{name}", "w", encoding="utf-8") as out:
        out.write("".join(line + "\n" for line in lines))


def write_stacks(module, socket, options="explain lang=en",
                 account_options="", appended=""):
    """Protects every program: password first, then the code. `locker` takes
    both in one answer."""
    ours = f"{module} socket={socket}"
    auth = ["auth requisite pam_unix.so", f"auth required {ours} {options}"]
    account = ["account required pam_unix.so",
               f"account required {ours} {account_options}"]
    session = ["session required pam_permit.so",
               f"session optional {ours}"]
    for service in ("sshd", "sudo", "sudo-i", "su", "su-l", "login"):
        write_service(service, *auth, *account, *session)
    write_service(
        "locker", f"auth required {ours} appended=6 lang=en {appended}",
        "auth required pam_unix.so use_first_pass", *account)
    write_service("other", "auth required pam_deny.so",
                  "account required pam_deny.so",
                  "session required pam_deny.so")


class Sshd:
    """A private OpenSSH server on loopback."""

    def __init__(self, world, name="sshd", extra=""):
        self.world, self.dir = world, world.directory(name)
        self.port = world.port()
        self.log_path = self.dir / "log"
        self.user_key = self.dir / "user_key"
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", self.dir / key], check=True, timeout=20)
        self.config = self.dir / "sshd_config"
        self.config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\n"
            f"HostKey {self.dir}/host_key\nPidFile none\nUsePAM yes\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication yes\n"
            f"AuthorizedKeysFile {self.dir}/keys/%u\nStrictModes no\n"
            "PermitRootLogin no\nLogLevel VERBOSE\nUseDNS no\n"
            "MaxStartups 100\nPrintMotd no\nX11Forwarding no\n" + extra)
        (self.dir / "keys").mkdir()
        self.process = None

    def trust_key(self, user):
        public = self.user_key.with_suffix(".pub").read_text()
        (self.dir / "keys" / user).write_text(public)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.world.environment())
        wait_for("sshd", lambda: "Server listening" in
                 self.log_path.read_text(errors="replace"), 10)
        return self

    def stop(self):
        if self.process is not None:
            stop(self.process)
        self.process = None

    def client(self, user, command="echo IN-$USER", key=False, **options):
        """An ssh client on a pty."""
        asked = {"UserKnownHostsFile": "/dev/null",
                 "StrictHostKeyChecking": "no", "LogLevel": "INFO",
                 "NumberOfPasswordPrompts": "1", "ConnectTimeout": "10",
                 "PubkeyAuthentication": "yes" if key else "no",
                 "IdentitiesOnly": "yes", **options}
        arguments = ["-F", "none", "-p", str(self.port)]
        for option, value in asked.items():
            arguments += ["-o", f"{option}={value}"]
        if key:
            arguments += ["-i", str(self.user_key)]
        return spawn(self.world, "ssh",
                     [*arguments, f"{user}@127.0.0.1", command])


def spawn(world, program, arguments, **how):
    environment = how.pop("env", None) or world.environment()
    return pexpect.spawn(program, list(map(str, arguments)), timeout=20,
                         encoding="utf-8", env=environment, **how)


def answer(child, password, code, success):
    """Answers the prompts and says whether `success` was seen. Nothing is
    typed for None."""
    text = ""
    for prompt, reply in ((PASSWORD_PROMPT, password), (CODE_PROMPT, code)):
        if reply is None:
            continue
        at = child.expect([prompt, pexpect.EOF])
        text += child.before + (child.after if at == 0 else "")
        if at == 1:
            child.close()
            return False, text
        child.sendline(reply)
    at = child.expect([success, pexpect.EOF, PASSWORD_PROMPT])
    text += child.before + (child.after if at == 0 else "")
    child.close()
    return at == 0, text


def ssh(sshd, user, code, password=None, **options):
    """A keyboard-interactive login: (let in, what was shown)."""
    child = sshd.client(user, **options)
    return answer(child, password or password_of(user), code,
                  rf"IN-{user}")


def as_user(user, *command):
    """A command line that becomes user without PAM."""
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups",
            "--reset-env", *command]


def on_pty_as(world, user, *command):
    line = as_user(user, *command)
    return spawn(world, line[0], line[1:])


def sudo(world, user, code, password=None, options=("-k",)):
    # Without -p, which sudo would put in the place of our prompt too.
    child = on_pty_as(world, user, "sudo", *options, "sh", "-c",
                      "echo IN-$(id -un)")
    return answer(child, password or password_of(user), code, r"IN-root")


def su(world, caller, user, code, password=None, login=False,
       environment=None):
    """su from one ordinary person to another."""
    command = ["su", *(["-"] if login else []), user, "-c", "echo IN-$(id -un)"]
    if environment:
        command = ["env", *(f"{k}={v}" for k, v in environment.items()),
                   *command]
    child = on_pty_as(world, caller, *command)
    return answer(child, password or password_of(user), code, rf"IN-{user}")


def login(world, user, code, password=None):
    child = spawn(world, "/bin/login", [user])
    at = child.expect([PASSWORD_PROMPT, pexpect.EOF])
    if at == 1:
        return False, child.before
    child.sendline(password or password_of(user))
    at = child.expect([CODE_PROMPT, pexpect.EOF, "ncorrect"])
    if at != 0:
        child.close(force=True)
        return False, child.before
    child.sendline(code)
    at = child.expect([r"\$ ", "ncorrect", pexpect.EOF])
    text = child.before
    if at == 0:
        child.sendline("echo IN-$(id -un); exit")
        at = child.expect([rf"IN-{user}", pexpect.EOF])
        text += child.before
    child.close(force=True)
    return at == 0, text


class Probe:
    """tests/system/pam_probe.c: one PAM conversation, every code printed."""

    def __init__(self, world, confdir):
        self.world, self.confdir = world, confdir
        self.program = world.helper("pam_probe", "-lpam")

    def service(self, name, *lines):
        (self.confdir / name).write_text(
            "".join(line + "\n" for line in lines))
        (self.confdir / name).chmod(0o644)

    def talk(self, service, user, **how):
        return Talk(self, service, user, **how)

    def __call__(self, service, user, answers=(), steps=("auth",), run_as=None,
                 timeout_s=30, **items):
        """Runs the steps; a Run with codes, prompts and messages."""
        command = [self.program, self.confdir, service, user]
        command += [f"{key}={value}" for key, value in items.items()]
        command += steps
        if run_as:
            command = as_user(run_as, *map(str, command))
        done = subprocess.run(
            list(map(str, command)), text=True, capture_output=True,
            input="".join(f"{line}\n" for line in answers),
            timeout=timeout_s, env=self.world.environment(LANG="C"),
            check=False)
        assert done.returncode == 0, (done.returncode, done.stdout,
                                      done.stderr)
        return Run(done.stdout)


class Talk:
    """A probe that is answered step by step, so that something can happen
    while a prompt waits."""

    def __init__(self, probe, service, user, steps=("auth",), run_as=None):
        command = [probe.program, probe.confdir, service, user, *steps]
        if run_as:
            command = as_user(run_as, *map(str, command))
        self.text = ""
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=probe.world.environment(LANG="C"))
        self._fd = self.process.stdout.fileno()

    def prompt(self, timeout_s=8.0):
        """The next prompt; None when the probe ends without one."""
        end = time.monotonic() + timeout_s
        asked = Run(self.text).prompts
        while len(Run(self._whole_lines()).prompts) == len(asked):
            left = end - time.monotonic()
            assert left > 0, f"no prompt within {timeout_s} s: {self.text}"
            if select.select([self._fd], [], [], left)[0]:
                data = os.read(self._fd, 4096)
                if not data:
                    return None
                self.text += data.decode(errors="replace")
        return Run(self.text).prompts[-1]

    def _whole_lines(self):
        return self.text[:self.text.rfind("\n") + 1]

    def answer(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def end(self, timeout_s=30):
        """No more answers than were given: the Run."""
        more, _ = self.process.communicate(timeout=timeout_s)
        self.text += more.decode(errors="replace")
        assert self.process.returncode == 0, self.text
        return Run(self.text)


class Run:
    """What a probe printed. A prompt may have a message before it, on a line
    of its own: that is counted among the messages."""

    def __init__(self, text):
        self.text = text
        self.codes, self.prompts, self.messages = [], [], []
        self.seconds, self.facts = [], {}
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "code":
                step, name, seconds = rest.split()
                self.codes.append(name)
                self.seconds.append(float(seconds))
            elif word == "prompt":
                self.prompts.append(rest.partition(" ")[2])
            elif word == "message":
                self.messages.append(rest.partition(" ")[2])
            elif word == "fact":
                key, value = rest.split()
                self.facts[key] = int(value)
            elif self.prompts:
                self.messages.append(self.prompts[-1])
                self.prompts[-1] = line

    @property
    def code(self):
        return self.codes[-1]

    def __repr__(self):
        return self.text


def journal_of(*things):
    """What programs of ours have logged, for searching."""
    return "".join(thing.log() for thing in things)


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
