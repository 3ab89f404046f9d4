# SPDX-License-Identifier: Apache-2.0
"""A town hall in a machine of its own (machine.py): server, agent, logind,
pcscd with two readers, and people who log in at consoles with their cards.
Knows prompts and logind's signals, not why they come."""
import json
import re
import shutil
import subprocess
import threading
import time

import pexpect
import pytest

from cards import PORTS, Card, pin_drivers
from machine import Machine, NoMachine
from otp import Hotp
from pki import Authority
from programs import CODE_PROMPT, PASSWORD_PROMPT, password_of
from world import stop, wait_for

CONFIG = "/etc/sekimori/sekimorid.conf"
SEATS = "var/lib/sekimori-agent/seats"
PIN_PROMPT = r"PIN: ?"
SIGNALS = ("type='signal',sender='org.freedesktop.login1',"
           "interface='org.freedesktop.login1.Session'")
PINS = {"alice": "90417263", "bob": "4817"}
KINDS = {"alice": "piv", "bob": "jpki"}
STACK = """\
auth     requisite  pam_unix.so
auth     required   pam_sekimori.so explain lang=en
account  required   pam_unix.so
account  required   pam_sekimori.so {account}
session  required   pam_loginuid.so
session  required   pam_systemd.so
session  optional   pam_sekimori.so
"""
LOCKER = """\
auth     required   pam_sekimori.so lang=en
account  required   pam_sekimori.so
"""
SSHD = """\
ListenAddress 127.0.0.1
HostKey /etc/ssh/test_key
UsePAM yes
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication yes
PrintMotd no
"""
SSHD_UNIT = """\
[Service]
ExecStartPre=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/test_key
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/sshd_test
RuntimeDirectory=sshd
KillMode=process
"""
SSH = ("ssh -q -F none -o UserKnownHostsFile=/dev/null "
       "-o StrictHostKeyChecking=no -o NumberOfPasswordPrompts=1 "
       "127.0.0.1 -l")
SUDOERS = """\
Defaults env_reset, lecture=never, passwd_tries=1
root ALL=(ALL:ALL) ALL
alice ALL=(ALL:ALL) ALL
"""
POLICY = "permit everybody factors=any card_removed={removed}\n"


class SeatHall:
    def __init__(self, machine, world):
        self.machine, self.world = machine, world
        self.run = machine.run
        self.cards, self.tokens, self.signals = {}, {}, None
        self.consoles = []

    def ctl(self, *words, **how):
        return self.run("sekimorictl", "--yes", *words, **how)

    # --- setting up ----------------------------------------------------------
    def prepare(self):
        """Before the machine boots."""
        write = self.machine.write
        self.machine.install(self.world.plain)
        write("etc/sekimori/sekimorid.conf",
              "[server]\nserver_names = localhost\n"
              "[throttle]\nterminal_rate = 0\nterminal_failures = 0\n")
        write("etc/hosts", "127.0.0.1 localhost vm\n")
        for service in ("login", "su", "su-l", "sshd"):
            write(f"etc/pam.d/{service}", STACK.format(account=""))
        write("etc/pam.d/sudo", STACK.format(account="without_auth=sudo"))
        write("etc/pam.d/locker", LOCKER)
        write("etc/sudoers", SUDOERS, 0o440)
        locker = self.world.helper("locker", "-lpam")
        shutil.copy(locker, self.machine.root / "usr/local/bin/locker")
        pin_drivers(self.machine.root / "etc/sekimori")
        write("etc/systemd/system/sekimori-agent.service.d/test.conf",
              "[Service]\nEnvironment=OPENSC_CONF=/etc/sekimori/opensc.conf\n")
        write("etc/ssh/sshd_test", SSHD)
        write("etc/systemd/system/sshd-test.service", SSHD_UNIT)
        # Tests kill it more often than a machine's pcscd may crash.
        write("etc/systemd/system/pcscd.service.d/test.conf",
              "[Unit]\nStartLimitIntervalSec=0\n"
              "[Service]\nExecStart=\n"
              "ExecStart=/usr/sbin/pcscd --foreground\n")
        write("etc/systemd/system/pcscd.socket.d/test.conf",
              "[Unit]\nStartLimitIntervalSec=0\n"
              "[Socket]\nTriggerLimitIntervalSec=0\n")
        write("etc/reader.conf.d/vpcd",
              'FRIENDLYNAME "Virtual PCD"\n'
              f"DEVICENAME /dev/null:{PORTS[0]:#x}\n"
              "LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so\n"
              f"CHANNELID {PORTS[0]:#x}\n")

    def set_up(self):
        run = self.run
        run("systemctl", "start", "dbus", "systemd-logind", "pcscd")
        for user in PINS:
            run("userdel", user, check=False)
            run("useradd", "-m", "-s", "/bin/bash", user)
            run("chpasswd", stdin=f"{user}:{password_of(user)}\n")
        run("sekimorid", "init", "--config", CONFIG, "--recovery-key",
            "/root/recovery.pem")
        run("systemctl", "start", "sekimorid")
        code = self.ctl("terminal", "add", "desk").stdout.splitlines()[0]
        self.world.secret("join code", code)
        run("sekimori-agent", "join", "--server", "https://localhost:8443",
            "--code", "-", stdin=code + "\n")
        run("sh", "-c", "echo 'user_services = locker' >>"
            "/var/lib/sekimori-agent/agent.conf")
        run("systemctl", "start", "sekimori-agent")
        self._enroll_tokens()
        self._enroll_cards()
        self.signals = Signals(self.machine)

    def _enroll_cards(self):
        authority = Authority(self.world.directory("pki"))
        self._give("ca.pem", authority.pem)
        self._give("crl.pem", authority.crl_path)
        self.ctl("card", "trust", "/root/ca.pem", "--crl", "/root/crl.pem")
        for reader, (user, pin) in enumerate(PINS.items()):
            self.world.secret(f"PIN of {user}", pin)
            certificate = authority.issue(user, "rsa:2048")
            self._give(f"{user}.pem", certificate.pem)
            self.ctl("card", "enroll", user, "--certificate",
                     f"/root/{user}.pem")
            self.cards[user] = Card(
                self.world, KINDS[user], reader, certificate, pin,
                within=("nsenter", "-t", self.machine.leader, "-n"),
                authority=authority, sign_pin="ABC123",
                sign=authority.issue(f"{user} sign", "rsa:2048",
                                     usage="signature"))

    def _enroll_tokens(self):
        lines = ""
        for user in PINS:
            token = self.tokens[user] = Hotp(self.world.seed())
            lines += f"HOTP {user} - {token.seed.hex()}\n"
        self.run("sh", "-c", "umask 077; cat >/root/users.oath", stdin=lines)
        self.ctl("token", "import", "/root/users.oath", "--from",
                 "users.oath", "--create-users")
        self.run("rm", "/root/users.oath")

    def _give(self, name, path):
        """A file of the tests to the machine's root."""
        self.machine.write(f"root/{name}", path.read_text())

    def policy(self, removed):
        self.ctl("policy", "set", "-", stdin=POLICY.format(removed=removed))

    # --- people ------------------------------------------------------------
    def log_in(self, user="alice", by="login"):
        """At a console, with the card; it has to be in its reader."""
        console = Console(self, user, by)
        self.consoles.append(console)
        return console.log_in()

    def begin(self, by="login", user="alice"):
        """A login whose last answer is on its way."""
        console = Console(self, user, by)
        self.consoles.append(console)
        console.child.expect(PASSWORD_PROMPT)
        console.child.sendline(password_of(user))
        console.child.expect(PIN_PROMPT)
        console.child.sendline(PINS[user])
        return console

    def is_refused(self, user="alice"):
        """At a console, after the right password and before any PIN."""
        console = Console(self, user)
        self.consoles.append(console)
        console.child.expect(PASSWORD_PROMPT)
        console.child.sendline(password_of(user))
        return console.child.expect([PIN_PROMPT, "incorrect"]) == 1

    def log_in_by_code(self, user):
        """With an empty PIN, which asks for the code instead."""
        console = Console(self, user)
        self.consoles.append(console)
        console.child.expect(PASSWORD_PROMPT)
        console.child.sendline(password_of(user))
        console.child.expect(PIN_PROMPT)
        console.child.sendline("")
        console.child.expect(CODE_PROMPT)
        console.child.sendline(self.tokens[user].code())
        console.child.expect(r"\$ ")
        console.session = console.ask("echo $XDG_SESSION_ID")
        return console

    def send_everybody_home(self):
        while self.consoles:
            self.consoles.pop().close()

    def put_in(self, user):
        if not self.cards[user].is_in:
            self.cards[user].insert()

    def take_out(self, user):
        if self.cards[user].is_in:
            self.cards[user].remove()

    def restart_pcscd(self):
        """Its cards lose the reader with it. Without its socket nobody who
        asks for a card starts it in between."""
        self.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "pcscd",
                 check=False)
        self.run("systemctl", "stop", "pcscd.socket", "pcscd.service")
        for card in self.cards.values():
            card.remove()
        self.run("systemctl", "start", "pcscd")

    def sudo(self, user="alice"):
        """alice's sudo, outside of any session: her card is seen again."""
        done = self.run(
            "setsid", "-w", "setpriv", "--reuid", user, "--regid", user,
            "--init-groups", "--reset-env", "sudo", "-S", "-k", "id", "-un",
            stdin=f"{password_of(user)}\n{PINS[user]}\n", check=False)
        assert done.stdout == "root\n", done.stderr

    def unlock(self, user="alice"):
        """A locker of the user's own, which asks for the PIN alone."""
        done = self.run("setpriv", "--reuid", user, "--regid", user,
                        "--init-groups", "--reset-env", "locker", "locker",
                        user, stdin=f"{PINS[user]}\n", check=False)
        assert done.stdout == "unlocked\n", (done.stdout, done.stderr)

    # --- the agent ----------------------------------------------------------
    def seats(self):
        """{session: is its card away}, as the agent has written it down."""
        path = self.machine.root / SEATS
        if not path.exists():
            return {}
        return {seat["session"]: seat["away"]
                for seat in json.loads(path.read_text())["seats"]}

    def wait_watched(self, session):
        """The seat is bound and its card has been seen by a watcher: one
        begins after 5 s and has 4 s for its first word."""
        wait_for(f"session {session} to be watched",
                 lambda: self.seats().get(session) is False and
                 self.watchers(), 10)

    def watchers(self):
        """The agent's children, as pids inside."""
        pid = self.run("systemctl", "show", "-P", "MainPID",
                       "sekimori-agent").stdout.strip()
        return self.run("pgrep", "-P", pid, check=False).stdout.split()

    def listens(self, port):
        table = self.run("cat", "/proc/net/tcp").stdout
        return f"0100007F:{port:04X} 00000000:0000 0A" in table

    def agent_s_things(self):
        """{kind: how many}: what could be left behind. Sockets are a kind of
        their own, for some are kept to be used again."""
        pid = self.run("systemctl", "show", "-P", "MainPID",
                       "sekimori-agent").stdout.strip()
        listed = self.run("sh", "-c", f"ls /proc/{pid}/task | wc -l; "
                          f"ls -l /proc/{pid}/fd",
                          check=False).stdout.splitlines()
        opened = [line for line in listed if " -> " in line]
        sockets = sum(" -> socket:" in line for line in opened)
        return {"threads": int(listed[0]), "sockets": sockets,
                "other descriptors": len(opened) - sockets,
                "children": len(self.watchers())}

    def records(self, action):
        found = json.loads(self.ctl("--json", "audit", "list", "--limit",
                                    "200").stdout)["items"]
        return [r for r in found if r["kind"] == "session" and
                r["action"] == action]

    def keep_for_the_search(self):
        """What the machine leaves is searched for secrets too."""
        kept = self.world.directory("seat-kept")
        journal = self.run("journalctl", "-o", "export", check=False)
        (kept / "journal").write_text(journal.stdout)
        for name in ("var/lib/sekimori", "var/lib/sekimori-agent"):
            if (self.machine.root / name).exists():
                shutil.copytree(self.machine.root / name, kept / name,
                                ignore=shutil.ignore_patterns("reserve"))

    def close(self):
        for card in self.cards.values():
            card.stop()
        if self.signals:
            self.signals.stop()
        # What was worth keeping is kept: no need to wait for a shutdown.
        self.run("systemctl", "poweroff", "--force", "--force", check=False)


def in_a_machine(kind, world):
    """For a module's fixture: a town hall of that kind in a machine of the
    module's own, both ended after it."""
    machine = Machine(world)
    made = kind(machine, world)
    made.prepare()
    try:
        machine.boot()
    except NoMachine as problem:
        machine.close()
        pytest.skip(f"systemd-nspawn cannot boot a machine here: {problem}")
    try:
        made.set_up()
        yield made
    finally:
        made.keep_for_the_search()
        made.close()
        machine.close()


class Console:
    """A person at a text console with a real login(1), or ssh."""

    def __init__(self, hall, user, by="login"):
        self.hall, self.user, self.session = hall, user, None
        self.child = pexpect.spawn(
            "nsenter", ["-t", hall.machine.leader, "-a", "-r", "-w", "env",
                        "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                        "TERM=dumb", "LANG=C.UTF-8", "script", "-qec",
                        f"{by} {user}", "/dev/null"],
            encoding="utf-8", timeout=20)

    def log_in(self, pin=None):
        self.answer(password_of(self.user), pin or PINS[self.user])
        self.session = self.ask("echo $XDG_SESSION_ID")
        return self

    def ends_in_a_session(self):
        """Whether a login that was begun gets that far."""
        if self.child.expect([r"[$#] ", "incorrect", pexpect.EOF]) > 0:
            return False
        self.session = self.ask("echo $XDG_SESSION_ID")
        return True

    def answer(self, password, second, prompt=PIN_PROMPT):
        self.child.expect(PASSWORD_PROMPT)
        self.child.sendline(password)
        self.child.expect(prompt)
        self.child.sendline(second)
        self.child.expect(r"[$#] ")

    def ask(self, command):
        """One line that a command prints."""
        self.child.sendline(f"echo =$({command})=")
        self.child.expect(r"\r\n=([^=]*)=\r\n")
        found = self.child.match.group(1)
        self.child.expect(r"\$ ")
        return found

    def become(self, command, user, second, prompt=PIN_PROMPT):
        """su or sudo; user is whose password and second factor it asks."""
        self.child.sendline(command)
        self.answer(password_of(user), second, prompt)

    def leave(self):
        self.child.sendline("exit")
        self.child.expect(r"[$#] ")

    def log_out(self):
        self.child.sendline("exit")
        self.child.expect(pexpect.EOF)
        self.close()

    def close(self):
        """Ends whatever is left of it."""
        self.child.close(force=True)
        if self.session and self.exists():
            self.hall.run("loginctl", "terminate-session", self.session,
                          check=False)
            wait_for("the session to end", lambda: not self.exists(), 10)
        self.session = None

    def exists(self):
        return self.hall.run("loginctl", "show-session", self.session,
                             check=False).returncode == 0


class Signals:
    """What logind tells the sessions, with the time it was heard."""

    def __init__(self, machine):
        self.heard = []
        self.process = subprocess.Popen(
            ["nsenter", "-t", machine.leader, "-a", "-r", "env", "-i",
             "PATH=/usr/bin:/bin", "stdbuf", "-oL", "busctl",
             "--json=short", "monitor", "--match", SIGNALS],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        wait_for("the bus to be heard", self._is_heard, 10)

    def _is_heard(self):
        return self.process.poll() is None

    def _listen(self):
        for line in self.process.stdout:
            now = time.monotonic()
            try:
                message = json.loads(line)
            except ValueError:
                continue
            path, member = message.get("path", ""), message.get("member")
            if member in ("Lock", "Unlock"):
                self.heard.append((now, member, session_of(path)))

    def of(self, session, member="Lock"):
        return [when for when, what, whose in list(self.heard)
                if (what, whose) == (member, session)]

    def stop(self):
        stop(self.process)


def session_of(path):
    """The session's name in its object path."""
    return re.sub("_([0-9a-f]{2})", lambda m: chr(int(m[1], 16)),
                  path.rsplit("/", 1)[-1])
