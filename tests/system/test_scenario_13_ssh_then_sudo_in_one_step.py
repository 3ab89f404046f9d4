# SPDX-License-Identifier: Apache-2.0
"""ssh then sudo within one step: the code is spent, and the administrator
need not wait for the next one. Real sshd, sudo and su; whoever else is near
that session, that line or that terminal gets nothing of it."""
import subprocess
from datetime import datetime

import pexpect
import pytest

import programs
from otp import Totp
from programs import as_user, password_of, write_service
from world import wait_for

POLICY = """\
permit admins service=sudo,sudo-i,su,su-l factors=any grace=5m
permit everyone factors=any
"""
ASKS = ["password", "code", "number"]
NUMBER_PROMPT = "Staff number: ?"


@pytest.fixture(scope="module")
def server(servers):
    made = servers("town", fake=True)
    path = made.dir / "policy"
    path.write_text(POLICY)
    made.ctl("policy", "set", path)
    return made


@pytest.fixture(scope="module")
def tokens(server):
    return {name: server.hotp(name)[1]
            for name in ("alice", "bob", "carol", "dave", "erin")}


def write_sshd(site, *before):
    """As config/pam/sshd: the audit session is made before ours looks."""
    ours = f"{site.module} socket={site.agent.socket}"
    write_service(
        "sshd", "auth requisite pam_unix.so",
        f"auth required {ours} explain lang=en",
        "account required pam_unix.so", f"account required {ours}",
        *before, f"session optional {ours}")


@pytest.fixture(scope="module")
def sshd(site, tokens):
    write_sshd(site, "session required pam_loginuid.so")
    return site.start_sshd()


class Shell:
    """A person's shell at the far end of a real ssh login."""

    def __init__(self, sshd, user, code, number=None):
        self.user = user
        self.child = sshd.client(
            user, "stty -echo; PS1= exec bash --norc --noprofile --noediting -i",
            RequestTTY="force")
        for prompt, reply in ((programs.PASSWORD_PROMPT, password_of(user)),
                              (NUMBER_PROMPT, number),
                              (programs.CODE_PROMPT, code)):
            if reply:
                self.child.expect(prompt)
                self.child.sendline(reply)
        self.run("true")

    def run(self, command, code=None, user=None, number=None):
        """(what was asked, what was printed) until the command is over. A
        code that was not given is answered by an empty line."""
        asked, text = [], ""
        self.child.sendline(f"{command}; echo IT-IS-'OVER'")
        while True:
            at = self.child.expect(
                ["IT-IS-OVER", programs.PASSWORD_PROMPT,
                 programs.CODE_PROMPT, NUMBER_PROMPT])
            text += self.child.before
            if at == 0:
                return asked, text
            asked.append(ASKS[at - 1])
            self.child.sendline((None, password_of(user or self.user),
                                 code or "", number)[at])

    def sudo(self, code=None, options="-k"):
        return self.run(f"sudo {options} sh -c 'echo IN-$(id -un)'", code)

    def become(self, user, code):
        """An interactive shell of somebody else's, on the same line."""
        self.child.sendline(f"su {user} -s /bin/sh")
        for prompt, reply in ((programs.PASSWORD_PROMPT, password_of(user)),
                              (programs.CODE_PROMPT, code)):
            self.child.expect(prompt)
            self.child.sendline(reply)
        asked, text = self.run("id -un")
        assert not asked and user in text

    def leave(self):
        self.child.sendline("exit")
        self.child.expect(pexpect.EOF)
        self.child.close()


def leave_and_wait(server, shell):
    """Until the server has heard of the logout."""
    def closes():
        return len([r for r in server.records(user="alice", limit=1000)
                    if r.get("action") == "close"])
    before = closes()
    shell.leave()
    wait_for("the logout's report", lambda: closes() > before)


def let_in(outcome, asked, who="root"):
    assert outcome[0] == asked, outcome
    assert f"IN-{who}" in outcome[1], outcome


def kept_out(outcome, asked=None):
    assert outcome[0] == (asked or ["password", "code"]), outcome
    assert "IN-" not in outcome[1], outcome


@pytest.fixture
def shell(server, sshd, tokens):
    """Alice's, whose session the server has heard of."""
    def heard():
        return [r for r in server.records(user="alice", limit=1000)
                if r.get("grace") == "tied"]
    before = len(heard())
    made = Shell(sshd, "alice", tokens["alice"].code())
    wait_for("the session's report", lambda: len(heard()) > before)
    yield made
    made.child.close(force=True)


def test_sudo_right_after_ssh_asks_for_no_code_and_the_code_stays_spent(
        site, server, sshd):
    token = Totp(site.world.seed(), clock=server.now)
    server.ctl("user", "add", "grace")
    server.enroll("grace", token)
    code = token.code()
    shell = Shell(sshd, "grace", code)
    wait_for("the session's report", lambda: [
        r for r in server.records(user="grace") if r.get("grace")])
    let_in(shell.sudo(), ["password"])
    outcome = programs.sudo(site.world, "grace", code)
    assert not outcome[0], "the code, in another session"
    uses = [r for r in server.records(user="grace") if r.get("by")]
    assert [(r["by"], r["service"]) for r in uses] == [("grace", "sudo")]
    opened = [r for r in server.records(user="grace") if r.get("grace")]
    assert uses[0]["grace_of"] == opened[0]["login"]
    assert "service=sudo result=accept reason=\"\" by=grace" in \
        site.agent.log()
    shell.leave()


def test_sudo_i_and_su_of_his_own_account_too(shell):
    let_in(shell.sudo(), ["password"])
    let_in(shell.run("sudo -k -i sh -c 'echo IN-$(id -un)'"), ["password"])
    let_in(shell.run("su alice -c 'echo IN-$(id -un)'"), ["password"],
           "alice")
    let_in(shell.run("su - alice -c 'echo IN-$(id -un)'"), ["password"],
           "alice")


def test_the_password_is_still_asked_for(shell):
    asked, text = shell.run("sudo -k sh -c 'echo IN-$(id -un)'", user="bob")
    assert asked == ["password"] and "IN-" not in text


def test_it_ends_with_its_five_minutes(server, shell, tokens):
    """Counted from the accept, however long ssh has taken since; a slow
    machine has a minute for sudo. To the second: test_grace.c."""
    begun = max(r["time"] for r in server.records(user="alice", limit=1000)
                if r["result"] == "accept" and r["service"] == "sshd")
    begun = datetime.fromisoformat(begun).timestamp()
    server.pass_time(int(begun + 240 - server.now()))
    let_in(shell.sudo(), ["password"])
    server.pass_time(61)
    kept_out(shell.sudo())
    let_in(shell.sudo(tokens["alice"].code()), ["password", "code"])
    kept_out(shell.sudo())  # sudo's own code begins none


def test_su_to_another_account_needs_that_persons_code(shell, tokens):
    let_in(shell.sudo(), ["password"])
    kept_out(shell.run("su bob -c 'echo IN-$(id -un)'", user="bob"))
    let_in(shell.run("su bob -c 'echo IN-$(id -un)'", tokens["bob"].code(),
                     user="bob"), ["password", "code"], "bob")


def test_who_became_another_in_that_session_does_not_get_it(shell, tokens):
    """Bob's process, on Alice's line, in Alice's session, with her
    password."""
    let_in(shell.sudo(), ["password"])
    shell.become("bob", tokens["bob"].code())
    kept_out(shell.run("su alice -c 'echo IN-$(id -un)'"))
    kept_out(shell.run("sudo -k sh -c 'echo IN-$(id -un)'", user="bob"))
    shell.child.sendline("exit")
    let_in(shell.sudo(), ["password"])


def test_not_on_another_line_of_the_same_session(shell):
    """As in a second window of tmux, once the first has used it."""
    inside = "script -qec \"sudo -k sh -c 'echo IN-\\$(id -un)'\" /dev/null"
    let_in(shell.sudo(), ["password"])
    kept_out(shell.run(inside))
    let_in(shell.sudo(), ["password"])


def test_not_without_a_line(shell):
    shell.child.sendline(
        f"printf '%s\\n\\n' {password_of('alice')} | setsid -w sudo -k -S "
        "sh -c 'echo IN-$(id -un)'; echo IT-IS-'OVER'")
    shell.child.expect("IT-IS-OVER")
    assert "One-time code" in shell.child.before
    assert "IN-" not in shell.child.before


def test_not_for_a_second_login_of_the_same_person(
        site, sshd, shell, tokens):
    let_in(shell.sudo(), ["password"])
    assert not programs.ssh(sshd, "alice", "000000")[0]
    second = Shell(sshd, "alice", tokens["alice"].code())
    third = programs.sudo(site.world, "alice", "000000")
    assert not third[0], "in no session at all"
    second.leave()
    let_in(shell.sudo(), ["password"])  # the other one's end is not its own


def test_not_for_a_second_person_who_logs_in_by_ssh(sshd, shell, tokens):
    other = Shell(sshd, "carol", tokens["carol"].code())
    let_in(shell.sudo(), ["password"])
    kept_out(other.run("su alice -c 'echo IN-$(id -un)'", user="alice"))
    other.leave()


def test_of_those_who_share_an_account_only_whose_session_it_is(
        server, sshd):
    numbers = ["s7001", "s7002"]
    tokens = []
    for number in numbers:
        server.ctl("user", "add", number, "--login", "heidi")
        tokens.append(server.hotp(user=number)[1])
    shell = Shell(sshd, "heidi", tokens[0].code(), numbers[0])
    wait_for("the session's report", lambda: [
        r for r in server.records(user=numbers[0]) if r.get("grace")])
    command = "su heidi -c 'echo IN-$(id -un)'"
    kept_out(shell.run(command, number=numbers[1]),
             ["password", "number", "code"])
    let_in(shell.run(command, number=numbers[0]), ["password", "number"],
           "heidi")
    let_in(shell.run(command, tokens[1].code(), number=numbers[1]),
           ["password", "number", "code"], "heidi")
    shell.leave()


def test_login_at_the_console_too(site, server, tokens):
    """It opens its session itself."""
    ours = f"{site.module} socket={site.agent.socket}"
    write_service(
        "login", "auth requisite pam_unix.so",
        f"auth required {ours} explain lang=en",
        "account required pam_unix.so", f"account required {ours}",
        "session required pam_loginuid.so", f"session optional {ours}")
    shell = Shell.__new__(Shell)
    shell.user = "bob"
    shell.child = programs.spawn(site.world, "/bin/login", ["bob"])
    for prompt, reply in ((programs.PASSWORD_PROMPT, password_of("bob")),
                          (programs.CODE_PROMPT, tokens["bob"].code())):
        shell.child.expect(prompt)
        shell.child.sendline(reply)
    shell.child.expect(r"\$ ")
    shell.child.sendline("stty -echo; PS1= exec bash --norc --noprofile "
                         "--noediting -i")
    shell.run("true")
    wait_for("the session's report", lambda: [
        r for r in server.records(user="bob", limit=1000) if r.get("grace")])
    let_in(shell.sudo(), ["password"])
    shell.leave()


@pytest.mark.parametrize("leaves", [False, True])
def test_what_was_left_running_has_none_after_the_logout(
        site, server, shell, leaves):
    """On a line of its own, which it would be the first to use."""
    place = site.world.directory("left")
    place.chmod(0o777)
    script = place / "run"
    script.write_text(
        f"#!/bin/sh\ncd {place}\nuntil [ -e go ]; do sleep 0.1; done\n"
        f"printf '%s\\n\\n' {password_of('alice')} |"
        " sudo -k -S sh -c 'echo IN-$(id -un)' >out 2>&1\ntouch end\n")
    script.chmod(0o755)
    shell.run(f"(setsid script -qec {script} /dev/null </dev/null "
              ">/dev/null 2>&1 &)")
    if leaves:
        leave_and_wait(server, shell)
    (place / "go").touch()
    wait_for("sudo's end", (place / "end").exists)
    text = (place / "out").read_text()
    script.unlink()
    assert ("IN-root" in text) == (not leaves), text
    assert ("One-time code" in text) == leaves, text


def test_freeze_ends_it_at_once(server, shell):
    let_in(shell.sudo(), ["password"])
    server.ctl("user", "freeze", "alice")
    try:
        kept_out(shell.sudo(), ["password"])
    finally:
        server.ctl("user", "thaw", "alice")
    kept_out(shell.sudo())


def test_never_for_a_locker(site, shell, tokens):
    """It runs as its user, answers once, and is asked for the code."""
    site.agent.stop()
    site.agent.allow_user_service("locker")
    site.agent.start()
    locker = site.world.helper("locker", "-lpam")
    password = password_of("alice")
    done = subprocess.run(
        as_user("alice", locker, "locker", "alice"), text=True, timeout=60,
        input=f"{password}{tokens['alice'].wrong()}\n{password}\n",
        capture_output=True, env=site.world.environment(), check=False)
    assert "unlocked" not in done.stdout, done


def test_what_an_appended_client_has_typed_is_looked_at(site, shell, tokens):
    """Also in the session, on the line, of the person."""
    let_in(shell.sudo(), ["password"])
    ours = f"{site.module} socket={site.agent.socket}"
    write_service(
        "su", f"auth required {ours} appended=6 lang=en",
        "auth required pam_unix.so use_first_pass",
        "account required pam_unix.so", f"account required {ours}",
        "session required pam_permit.so")
    token = tokens["alice"]
    try:
        for code, enters in ((token.wrong(), False), (token.code(), True)):
            shell.child.sendline(
                "su alice -c 'echo IN-$(id -un)'; echo IT-IS-'OVER'")
            shell.child.expect("Passphrase and code: ?")
            shell.child.sendline(password_of("alice") + code)
            shell.child.expect("IT-IS-OVER")
            assert ("IN-alice" in shell.child.before) == enters
    finally:
        site.write_stacks()
        write_sshd(site, "session required pam_loginuid.so")


def test_an_agent_that_was_started_again_knows_no_session(site, shell):
    let_in(shell.sudo(), ["password"])
    site.agent.restart()
    kept_out(shell.sudo())


def test_without_an_audit_session_there_is_none(site, sshd, tokens):
    write_sshd(site)
    try:
        shell = Shell(sshd, "dave", tokens["dave"].code())
        kept_out(shell.sudo())
        shell.leave()
    finally:
        write_sshd(site, "session required pam_loginuid.so")
    assert "/etc/pam.d/sshd: its session line" not in doctor(site)


def doctor(site):
    return subprocess.run(
        [site.world.program("sekimori-agent"), "doctor", "--state-dir",
         site.agent.state, "--socket", site.agent.socket], text=True,
        capture_output=True, timeout=30, env=site.world.environment(),
        check=False).stdout


def test_none_where_ours_looks_before_the_session_is_made(site, sshd, tokens):
    ours = f"session optional {site.module} socket={site.agent.socket}"
    write_sshd(site, ours, "session required pam_loginuid.so")
    try:
        assert "/etc/pam.d/sshd: its session line" in doctor(site)
        shell = Shell(sshd, "erin", tokens["erin"].code())
        kept_out(shell.sudo())
        shell.leave()
    finally:
        write_sshd(site, "session required pam_loginuid.so")
    assert "/etc/pam.d/sshd: its session line" not in doctor(site)
