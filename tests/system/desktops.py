# SPDX-License-Identifier: Apache-2.0
"""A town hall (seats.py) where whoever logs in at a console has a desktop, as
logind sees it, and whoever comes over ssh has none. Knows what a freeze does
to either, not why."""
import shutil
import time

from otp import Hotp
from programs import CODE_PROMPT, PASSWORD_PROMPT, password_of
from seats import PINS, SSH, STACK, Console, SeatHall
from world import wait_for

COUNTER = "madoguchi"  # an account of these two
SHARING = ("carol", "dave")
NUMBER_PROMPT = "Staff number: ?"
BLACKHOLES = [("add", "pref", "5", "ipproto", "tcp", end, "8443", "blackhole")
              for end in ("dport", "sport")]
STOP_S = 5.0  # promised, from the command to the lock


class DesktopHall(SeatHall):
    def prepare(self):
        super().prepare()
        self.machine.write("etc/pam.d/login", STACK.format(account="").replace(
            "pam_systemd.so", "pam_systemd.so type=x11"))
        self.machine.write("etc/pam.d/gdm-password",
                           "auth required pam_sekimori.so explain lang=en\n"
                           "account required pam_sekimori.so\n")
        shutil.copy(self.world.helper("pam_probe", "-lpam"),
                    self.machine.root / "usr/local/bin/pam_probe")

    def _enroll_tokens(self):
        super()._enroll_tokens()
        self.run("useradd", "-m", "-s", "/bin/bash", COUNTER)
        self.run("chpasswd", stdin=f"{COUNTER}:{password_of(COUNTER)}\n")
        self.world.secret("the counter's password", password_of(COUNTER))
        lines = ""
        for person in SHARING:
            self.ctl("user", "add", person, "--login", COUNTER)
            token = self.tokens[person] = Hotp(self.world.seed())
            lines += f"HOTP {person} - {token.seed.hex()}\n"
        self.run("sh", "-c", "umask 077; cat >/root/users.oath", stdin=lines)
        self.ctl("token", "import", "/root/users.oath", "--from",
                 "users.oath")
        self.run("rm", "/root/users.oath")

    def set_up(self):
        super().set_up()
        self.policy("nothing")
        self.run("systemctl", "start", "sshd-test")
        wait_for("sshd", lambda: self.listens(22))
        self.put_in_all()
        self.wait_connected()

    def put_in_all(self):
        for user in PINS:
            self.put_in(user)

    # --- people ------------------------------------------------------------
    def desktop(self, user="alice"):
        return self.log_in(user)

    def text(self, user="alice"):
        return self.log_in(user, by=SSH)

    def counter(self, person):
        """At a desktop of the counter's account."""
        console = Console(self, COUNTER)
        self.consoles.append(console)
        for prompt, typed in ((PASSWORD_PROMPT, password_of(COUNTER)),
                              (NUMBER_PROMPT, person),
                              (CODE_PROMPT, self.tokens[person].code())):
            console.child.expect(prompt)
            console.child.sendline(typed)
        console.child.expect(r"\$ ")
        console.session = console.ask("echo $XDG_SESSION_ID")
        return console

    def unlock_counter(self, console, person):
        """At a locker of the session's own."""
        console.child.sendline(f"locker locker {COUNTER}")
        console.child.sendline(f"{person}/{self.tokens[person].code()}")
        console.child.expect("\nunlocked")
        console.child.expect(r"\$ ")

    def unlock_as_root(self, person):
        """As a display manager does: in no session, and opening none."""
        done = self.run("/usr/local/bin/pam_probe", "/etc/pam.d",
                        "gdm-password", COUNTER, "auth", "acct",
                        stdin=f"{person}\n{self.tokens[person].code()}\n")
        assert done.stdout.count("PAM_SUCCESS") >= 2, done.stdout

    # --- terminals that wait ------------------------------------------------
    def is_connected(self):
        lines = self.ctl("server", "status").stdout.splitlines()
        return next(line for line in lines if
                    line.startswith("terminals connected")).split()[-1] == "1"

    def wait_connected(self):
        wait_for("the terminal to wait for news", self.is_connected, 12)

    def cut(self):
        """Nothing passes between agent and server, and nobody is told."""
        for rule in (("add", "pref", "10", "lookup", "local"),
                     ("del", "pref", "0"), *BLACKHOLES):
            self.run("ip", "rule", *rule, check=False)

    def mend(self):
        for _ in BLACKHOLES:
            self.run("ip", "rule", "del", "pref", "5")

    # --- freezes ------------------------------------------------------------
    def freeze(self, *words):
        """The command; when it began."""
        start = time.monotonic()
        self.ctl(*words)
        return start

    def thaw_all(self):
        self.ctl("server", "thaw")
        self.ctl("terminal", "thaw", "desk")
        for user in (*PINS, *SHARING):
            self.ctl("user", "thaw", user)
            self.ctl("user", "resume", user)

    def wait_locked(self, console, since, within_s=STOP_S):
        def locks():
            return [when for when in self.signals.of(console.session)
                    if when >= since]
        wait_for(f"session {console.session} to be locked", locks,
                 within_s + 1)
        took = locks()[0] - since
        assert took < within_s
        return took

    def wait_ended(self, console, since, within_s=STOP_S):
        wait_for(f"session {console.session} to end",
                 lambda: not console.exists(), within_s + 1)
        took = time.monotonic() - since
        assert took < within_s
        return took

    def is_untouched(self, console):
        return console.exists() and not self.signals.of(console.session)
