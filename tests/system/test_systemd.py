# SPDX-License-Identifier: Apache-2.0
"""README's five steps on a machine with a real systemd: server and terminal
side by side, hardened as their units say, through restarts and a reboot."""
import json
import shutil
import time

import pytest

from machine import Machine, NoMachine
from otp import Hotp
from world import wait_for

PASSWORD = "pw-alice-kiso"
CONFIG = "/etc/sekimori/sekimorid.conf"
PAM_SUDO = """\
auth     requisite  pam_unix.so
auth     required   pam_sekimori.so explain lang=en
account  required   pam_unix.so
account  required   pam_sekimori.so without_auth=sudo
session  required   pam_permit.so
"""
SUDOERS = """\
Defaults env_reset, lecture=never, passwd_tries=1
root ALL=(ALL:ALL) ALL
alice ALL=(ALL:ALL) ALL
"""


class Hall:
    """The machine, and alice with her token."""

    def __init__(self, machine, world):
        self.machine = machine
        self.ctl = lambda *words, **how: machine.run("sekimorictl", *words,
                                                     **how)
        self.token = Hotp(world.seed())

    def sudo(self, code):
        """alice's sudo: (let in, what was shown, seconds)."""
        start = time.monotonic()
        done = self.machine.run(
            "setsid", "-w", "setpriv", "--reuid", "alice", "--regid", "alice",
            "--init-groups", "--reset-env", "sudo", "-S", "-k", "id", "-un",
            stdin=f"{PASSWORD}\n{code}\n", check=False)
        return (done.returncode == 0 and done.stdout == "root\n", done.stderr,
                time.monotonic() - start)

    def assert_logs_in(self):
        accepted, shown, _ = self.sudo(self.token.code())
        assert accepted, shown

    def set_up(self):
        run = self.machine.run
        run("userdel", "alice", check=False)
        run("useradd", "-M", "-s", "/bin/bash", "alice")
        run("chpasswd", stdin=f"alice:{PASSWORD}\n")
        run("sekimorid", "init", "--config", CONFIG, "--recovery-key",
            "/root/recovery.pem")
        run("systemctl", "start", "sekimorid")
        code = self.ctl("terminal", "add", "window-1").stdout.splitlines()[0]
        run("sekimori-agent", "join", "--server", "https://localhost:8443",
            "--code", "-", stdin=code + "\n")
        run("systemctl", "start", "sekimori-agent")
        run("systemctl", "add-wants", "sekimori-test.target",
            "sekimorid.service", "sekimori-agent.service")
        run("sh", "-c", "umask 077; cat >/root/users.oath",
            stdin=f"HOTP alice - {self.token.seed.hex()}\n")
        self.ctl("token", "import", "/root/users.oath", "--from",
                 "users.oath", "--create-users")
        run("rm", "/root/users.oath")


@pytest.fixture(scope="module")
def hall(world):
    machine = Machine(world)
    machine.install(world.plain)
    machine.write("etc/sekimori/sekimorid.conf",
                  "[server]\nserver_names = localhost\n")
    machine.write("etc/pam.d/sudo", PAM_SUDO)
    machine.write("etc/sudoers", SUDOERS, 0o440)
    machine.write("etc/hosts", "127.0.0.1 localhost\n")
    try:
        machine.boot()
    except NoMachine as problem:
        machine.close()
        pytest.skip(f"systemd-nspawn cannot boot a machine here: {problem}")
    made = Hall(machine, world)
    try:
        made.set_up()
        yield made
    finally:
        keep_for_the_search(machine, world)
        machine.close()


def keep_for_the_search(machine, world):
    """What it leaves is searched for secrets like everything else."""
    kept = world.directory("machine-kept")
    journal = machine.run("journalctl", "-o", "export", check=False)
    (kept / "journal").write_text(journal.stdout)
    for name in ("var/lib/sekimori", "var/lib/sekimori-agent"):
        shutil.copytree(machine.root / name, kept / name,
                        ignore=shutil.ignore_patterns("reserve"))


def test_doctor_finds_nothing_amiss(hall):
    done = hall.machine.run("sekimori-agent", "doctor")
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("fail")] == []
    assert any("/etc/pam.d/sudo: asks for a code" in line for line in lines)
    assert "ok    cards: none in a reader, if there is one" in lines


def test_doctor_finds_a_mistyped_module(hall):
    path = "/var/lib/sekimori-agent/agent.conf"
    config = (hall.machine.root / path[1:]).read_text()
    hall.machine.run("tee", "-a", path,
                     stdin="card_modules = /usr/lib/opensc-pkcs12.so\n")
    try:
        done = hall.machine.run("sekimori-agent", "doctor", check=False)
    finally:
        hall.machine.run("tee", path, stdin=config)
    assert done.returncode == 1
    assert "fail  /usr/lib/opensc-pkcs12.so: cannot be read." in done.stdout


def test_a_login_and_its_decision_in_the_journal(hall):
    hall.assert_logs_in()
    hall.token.counter -= 1
    accepted, shown, _ = hall.sudo(hall.token.code())
    assert not accepted, shown

    def decisions():
        out = hall.machine.run("journalctl", "-u", "sekimorid", "-o",
                               "json").stdout
        rows = [json.loads(line) for line in out.splitlines()]
        return [row for row in rows if row.get("RESULT") in ("accept", "deny")]

    rows = wait_for("two decisions", lambda: len(decisions()) >= 2 and
                    decisions())
    assert [(row["RESULT"], row["REASON"]) for row in rows[-2:]] == \
        [("accept", ""), ("deny", "used")]
    assert all(row["REQUEST_ID"] and row["TERMINAL"] == "window-1" and
               row["SERVICE"] == "sudo" for row in rows)


@pytest.mark.parametrize("order", [
    ["sekimorid", "sekimori-agent"],
    ["sekimori-agent", "sekimorid"],
    ["sekimori-agent.socket", "sekimorid"],
])
def test_either_restarts_first(hall, order):
    """They share /run/sekimori: neither takes the other's socket away."""
    for unit in order:
        hall.machine.run("systemctl", "restart", unit)
    for unit in order:
        hall.machine.wait_active(unit)
    hall.assert_logs_in()


def test_a_stopped_agent_is_woken_by_the_next_login(hall):
    hall.machine.run("systemctl", "stop", "sekimori-agent")
    hall.assert_logs_in()
    assert hall.machine.is_active("sekimori-agent")


def test_without_the_server_nobody_gets_in_and_nobody_waits_long(hall):
    """5 s by contract; PAM's own delay after a refusal comes on top."""
    hall.machine.run("systemctl", "stop", "sekimorid")
    accepted, shown, took_s = hall.sudo(hall.token.code())
    hall.machine.run("systemctl", "start", "sekimorid")
    assert not accepted, shown
    assert took_s < 8
    hall.assert_logs_in()


def test_a_reboot_brings_both_back(hall):
    hall.machine.halt()
    hall.machine.boot()
    for unit in ("sekimorid", "sekimori-agent", "sekimori-agent.socket"):
        hall.machine.wait_active(unit)
    hall.assert_logs_in()
    assert "ok" in hall.machine.run("sekimori-agent", "doctor").stdout
    verified = json.loads(hall.ctl("--json", "audit", "verify").stdout)
    assert verified["ok"] is True
