# SPDX-License-Identifier: Apache-2.0
"""A PIV card, real pcscd and OpenSC through the machine's own programs: sshd,
sudo, login, and a locker that runs as an ordinary user."""
import subprocess

import pytest

import cards
from cardsite import CardSite
from programs import (CODE_PROMPT, PASSWORD_PROMPT, Sshd, as_user, on_pty_as,
                      password_of, pexpect, spawn, write_service,
                      write_stacks)
from world import wait_for

PIN_PROMPT = r"PIN: ?"
WRONG = "00000000"


@pytest.fixture(scope="module")
def server(servers):
    return servers("card programs")


@pytest.fixture(scope="module")
def card(world, emulated, authority):
    world.secret("card PIN", cards.PIN_PIV)
    return emulated("piv", 0, authority.issue("alice", "rsa:2048"),
                    cards.PIN_PIV).insert()


@pytest.fixture(scope="module")
def town(world, server, agents, authority, card):
    """alice has the card in the reader; programs ask for password, then it."""
    made = CardSite(world, server, authority)
    made.agent = agents(server, modules=[cards.OPENSC], environment={
        "OPENSC_CONF": cards.pin_drivers(world.work)})
    write_stacks(world.module, made.agent.socket)
    ours = f"required {world.module} socket={made.agent.socket}"
    write_service("locker", f"auth {ours} lang=en", f"account {ours}")
    made.agent.stop()
    made.agent.allow_user_service("locker")
    made.agent.start()
    server.ctl("user", "add", "alice")
    made.enroll("alice", card.certificate)
    return made


@pytest.fixture(scope="module")
def sshd(world, town):
    made = Sshd(world).start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def marked(card, town):
    card.mark()
    yield
    cards.no_child_is_left(town.agent)


def through(child, pin, success):
    """(let in, what was shown) of a program that asks for both."""
    text = ""
    for prompt, reply in ((PASSWORD_PROMPT, password_of("alice")),
                          (PIN_PROMPT, pin)):
        if child.expect([prompt, pexpect.EOF]) == 1:
            child.close()
            return False, text + child.before
        text += child.before + child.after
        child.sendline(reply)
    let_in = child.expect([success, pexpect.EOF, "ncorrect", "Wrong PIN"]) == 0
    text += child.before
    child.close(force=True)
    return let_in, text


def start(program, town, sshd):
    if program == "ssh":
        return sshd.client("alice"), "IN-alice"
    if program == "sudo":
        return on_pty_as(town.world, "alice", "sudo", "-k", "sh", "-c",
                         "echo IN-$(id -un)"), "IN-root"
    return spawn(town.world, "/bin/login", ["alice"]), r"\$ "


@pytest.mark.parametrize("program", ["ssh", "sudo", "login"])
def test_password_and_card_are_both_needed_by(program, town, sshd, card):
    outcomes = []
    for pin in (WRONG, card.pin):
        child, success = start(program, town, sshd)
        outcomes.append(through(child, pin, success))
        cards.no_child_is_left(town.agent)
    assert [let_in for let_in, _ in outcomes] == [False, True], outcomes
    assert card.pins_tried() == [0x63c2, 0x9000]


def test_sudo_reads_password_and_pin_without_a_terminal(town, card):
    done = subprocess.run(
        ["setsid", "-w", *as_user("alice", "sudo", "-S", "-k", "id", "-un")],
        input=f"{password_of('alice')}\n{card.pin}\n", text=True, timeout=30,
        capture_output=True, env=town.world.environment(), check=False)
    assert done.stdout.strip() == "root", done
    assert card.pins_tried() == [0x9000]


def test_a_card_pulled_at_sshs_prompt(town, sshd, card):
    child = sshd.client("alice")
    child.expect(PASSWORD_PROMPT)
    child.sendline(password_of("alice"))
    child.expect(PIN_PROMPT)
    card.remove_noticed()
    child.sendline(card.pin)
    child.expect("Insert card, Enter: ?")
    card.insert()
    child.sendline("")
    child.expect(PIN_PROMPT)
    child.sendline(card.pin)
    child.expect("IN-alice")
    child.close()


def test_a_client_that_hangs_up_at_the_prompt_leaves_nothing(town, sshd, card):
    child = sshd.client("alice")
    child.expect(PASSWORD_PROMPT)
    child.sendline(password_of("alice"))
    child.expect(PIN_PROMPT)
    assert cards.children_of(town.agent.process.pid)
    child.close(force=True)
    cards.no_child_is_left(town.agent, 8)
    assert card.pins_tried() == []


def run_locker(town, *typed):
    locker = town.world.helper("locker", "-lpam")
    return subprocess.run(
        as_user("alice", locker, "locker", "alice"), text=True, timeout=60,
        input="".join(line + "\n" for line in typed), capture_output=True,
        env=town.world.environment(), check=False)


def test_a_locker_of_the_user_takes_the_pin(town, card):
    done = run_locker(town, WRONG, card.pin)
    assert done.stdout.split() == ["still", "locked", "unlocked"], done
    assert card.pins_tried() == [0x63c2, 0x9000]


def test_without_the_card_ssh_asks_for_a_code(town, sshd, card):
    card.remove_noticed()
    child = sshd.client("alice")
    child.expect(PASSWORD_PROMPT)
    child.sendline(password_of("alice"))
    child.expect(CODE_PROMPT)
    child.close(force=True)
    wait_for("the records", lambda: town.server.records(user="alice"))
