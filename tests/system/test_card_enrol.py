# SPDX-License-Identifier: Apache-2.0
"""A person enrols a card at his own seat: sekimori-agent enroll-card on a
terminal, as an ordinary user, with a real agent, server and SoftHSM2. What
the server makes of a proof is in test_card_enrolment.py."""
import pathlib
import pwd
import shutil
import subprocess
import time

import pexpect
import pytest

import cards
import programs
from card_client import card_login
from pki import Authority

CODE, PIN, CARD = "Enrolment code: ", "PIN: ", "Insert card, Enter: "
RIGHT, WRONG = cards.PIN_SOFTHSM, "kaki-3380-no-ha"
DAY = 86400

DONE = "The card is registered. It is valid until "
BAD_CODE = "Code wrong, used or too old. Ask IT for a new one."


@pytest.fixture(scope="module")
def server(servers):
    return servers("seats", fake=True)


@pytest.fixture(scope="module")
def tokens(world, tokens):
    world.secret("wrong card PIN", WRONG)
    return tokens


@pytest.fixture(autouse=True)
def nothing_left(town, server):
    """No test leaves a child, and none writes down what was typed."""
    yield
    cards.no_child_is_left(town.agent)
    for text in (town.agent.log(), server.log()):
        assert RIGHT not in text and WRONG not in text
    for code in CODES:
        for spelt in (code, code.replace("-", "")):
            assert spelt not in town.agent.log() + server.log()


CODES = []


def invite(town, user=None):
    """(who, code); somebody new unless told."""
    user = user or town.person()
    code = town.server.ctl("card", "invite", user)["code"]
    CODES.append(town.world.secret("enrolment code", code))
    return user, code


USED = {}


def seat(town):
    """An ordinary user who may try again: five times a minute each."""
    for user in ("alice", "bob"):
        recent = [t for t in USED.get(user, []) if time.monotonic() - t < 61]
        if len(recent) < 5:
            USED[user] = [*recent, time.monotonic()]
            return user
    town.agent.restart()  # forgets who tried
    USED.clear()
    return seat(town)


class Seat:
    """enroll-card on a terminal."""

    def __init__(self, town, *options, user=None, environment=None,
                 agent=None):
        self.shown = ""
        command = [town.world.program("sekimori-agent"), "enroll-card",
                   "--socket", (agent or town.agent).socket, *options]
        if environment:
            command = ["env", *(f"{k}={v}" for k, v in environment.items()),
                       *command]
        self.child = programs.on_pty_as(town.world, user or seat(town),
                                        *map(str, command))

    def answer(self, prompt, typed):
        at = self.child.expect_exact([prompt, pexpect.EOF])
        self.shown += self.child.before
        assert at == 0, self.shown
        time.sleep(0.05)  # the terminal is made silent before the prompt
        self.child.sendline(typed)
        return self

    def end(self):
        """(exit status, all that was shown)"""
        self.child.expect(pexpect.EOF)
        self.shown += self.child.before
        self.child.close()
        return self.child.exitstatus, self.shown


def enroll(town, code, pin=RIGHT, *options, **how):
    return Seat(town, *options, **how).answer(CODE, code) \
        .answer(PIN, pin).end()


def refused(told, text):
    status, shown = told
    assert status == 1 and text in shown, shown
    assert DONE not in shown


def keys(town, user):
    return [c["key"] for c in town.server.ctl.items("card", "list", user)
            if c["state"] == "active"]


def reasons(town):
    return [r["reason"] for r in town.server.records()
            if r.get("action") == "card enroll" and r["result"] == "refused"]


# --- right -------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["rsa:2048", "P-256"])
def test_a_card_is_enrolled_and_logs_in(town, slot, server, kind):
    user, code = invite(town)
    card = slot.add("it", town.authority.issue("x", kind))
    status, shown = enroll(town, code)
    assert status == 0, shown
    assert f"{user}: {DONE}" in shown
    assert code not in shown and RIGHT not in shown, "echoed"
    assert keys(town, user) == [card.key_hash()]
    town.stack(town.agent)
    run = town.log_in(user, RIGHT)
    assert run.code == "PAM_SUCCESS", run
    assert "card enrolment" in town.agent.log()


def test_in_japanese(town, slot):
    _, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    for options, environment in (
            (["--lang", "ja"], None), ([], {"LANG": "ja_JP.UTF-8"})):
        told = Seat(town, *options, environment=environment)
        status, shown = told.answer("登録コード: ", code) \
            .answer("暗証番号: ", RIGHT).end()
        assert status == 0 and "カードを登録しました。有効期限は" in shown


def test_the_code_from_standard_input(town, slot):
    user, code = invite(town)
    card = slot.add("it", town.authority.issue("x"))
    script = (f"printf '%s\\n' \"$0\" | {town.world.program('sekimori-agent')}"
              f" enroll-card --socket {town.agent.socket}")
    child = programs.on_pty_as(town.world, seat(town), "sh", "-c", script,
                               code.lower())
    child.expect_exact(PIN)
    child.sendline(RIGHT)
    child.expect(pexpect.EOF)
    assert DONE in child.before
    assert keys(town, user) == [card.key_hash()]


def test_the_card_is_inserted_when_asked_for(town, slot):
    user, code = invite(town)
    told = Seat(town).answer(CODE, code)
    told.child.expect_exact(CARD)
    card = slot.add("it", town.authority.issue("x"))
    told.child.sendline(RIGHT)  # as people do: it must not be shown
    status, shown = told.answer(PIN, RIGHT).end()
    assert status == 0, shown
    assert RIGHT not in shown
    assert keys(town, user) == [card.key_hash()]


def test_a_renewed_card_beside_the_old_one(town, slot, terminal):
    user, code = invite(town)
    old = slot.add("old", town.authority.issue("x"))
    assert enroll(town, code)[0] == 0
    slot.empty()
    new = slot.add("new", town.authority.issue("x"))
    status, shown = enroll(town, invite(town, user)[1])
    assert status == 0, shown
    assert DONE in shown
    assert "Another card of yours stays valid until " in shown
    assert keys(town, user) == [old.key_hash(), new.key_hash()]
    for card in (old, new):
        assert card_login(terminal, user, card)["result"] == "accept"
    town.server.ctl("card", "revoke", old.key_hash())
    assert card_login(terminal, user, old)["reason"] == "wrong"
    assert card_login(terminal, user, new)["result"] == "accept"


def test_a_lost_answer_costs_nothing(town, slot, server):
    """The server is killed with the answer under way or right after: whoever
    tries again with the same code and card is told that it is done."""
    user, code = invite(town)
    card = slot.add("it", town.authority.issue("x"))
    assert enroll(town, code)[0] == 0
    server.kill()
    server.start()
    status, shown = enroll(town, code)
    assert status == 0 and f"{user}: {DONE}" in shown, shown
    assert keys(town, user) == [card.key_hash()]


# --- the code ----------------------------------------------------------------
def test_a_wrong_code(town, slot):
    """The card is not even looked for: nobody without a code gets at the one
    that somebody has left in the reader."""
    slot.add("it", town.authority.issue("x"))
    told = Seat(town).answer(CODE, "ABCD-EFGH-2345")
    refused(told.end(), BAD_CODE)
    assert PIN not in told.shown
    assert "code" in reasons(town)


def test_what_cannot_be_a_code_asks_for_no_pin(town, slot):
    slot.add("it", town.authority.issue("x"))
    for typed in ("", "ABCD", "x" * 200, "my-login-password"):
        told = Seat(town).answer(CODE, typed)
        refused(told.end(), BAD_CODE)
        assert PIN not in told.shown


def test_a_code_that_is_over(town, slot, server):
    _, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    server.pass_time(601)
    refused(Seat(town).answer(CODE, code).end(), BAD_CODE)


def test_a_code_is_good_once(town, slot):
    user, code = invite(town)
    card = slot.add("it", town.authority.issue("x"))
    assert enroll(town, code)[0] == 0
    slot.empty()
    slot.add("other", town.authority.issue("x"))
    refused(enroll(town, code), BAD_CODE)
    assert keys(town, user) == [card.key_hash()]


# --- the card ----------------------------------------------------------------
def test_another_person_s_card(town, slot):
    holder = town.person(slot.add("it", town.authority.issue("x")))
    user, code = invite(town)
    refused(enroll(town, code), "This card is registered for somebody else.")
    assert keys(town, user) == [] and len(keys(town, holder)) == 1


def test_a_ca_that_is_not_trusted(town, slot, world):
    foreign = Authority(world.directory("pki"), "Foreign CA")
    slot.add("it", foreign.issue("x"))
    user, code = invite(town)
    refused(enroll(town, code), "cannot trust this card's issuer")
    assert keys(town, user) == []
    town.server.ctl("card", "trust", foreign.pem, "--no-crl")
    assert enroll(town, code)[0] == 0, "the code was spent by the refusal"


def test_a_revoked_certificate(town, slot):
    card = slot.add("it", town.authority.issue("x"))
    time.sleep(1.1)  # a CRL must be newer than the last
    town.server.ctl("card", "trust", town.authority.pem, "--crl",
                    town.authority.revoke(card))
    refused(enroll(town, invite(town)[1]), "is not valid for signing in")


def test_an_expired_certificate_is_not_even_found(town, slot):
    now = time.time()
    slot.add("it", town.authority.issue("x", start=now - 9 * DAY,
                                        end=now - DAY))
    told = Seat(town).answer(CODE, invite(town)[1])
    for _ in range(3):
        told.answer(CARD, "")
    refused(told.end(), "There is no valid key for signing in on this card.")


def test_several_keys(town, slot):
    slot.add("one", town.authority.issue("x"))
    slot.add("two", town.authority.issue("x"))
    user, code = invite(town)
    told = Seat(town).answer(CODE, code)
    told.child.expect_exact("Several keys are there. Leave one card only.")
    told.child.expect_exact(CARD)
    slot.remove("one")
    told.child.sendline("")
    assert told.answer(PIN, RIGHT).end()[0] == 0
    assert len(keys(town, user)) == 1


@pytest.fixture(scope="module")
def readers(town, world, agents, authority, emulated):
    """Cards as people have them, and an agent that reads them by OpenSC."""
    world.secret("card PIN", cards.PIN_PIV)
    agent = agents(town.server, modules=[cards.OPENSC], environment={
        "OPENSC_CONF": cards.pin_drivers(world.work)})
    made = {
        "jpki": emulated("jpki", 0, authority.issue("j", "rsa:2048"),
                         cards.PIN_JPKI, authority=authority,
                         sign=authority.issue("sign", "rsa:2048",
                                              usage="signature")),
        "piv": emulated("piv", 1, authority.issue("p", "rsa:2048"),
                        cards.PIN_PIV,
                        sign=authority.issue("9c", "P-256",
                                             usage="documents"))}
    made["agent"] = agent
    yield made
    cards.no_child_is_left(agent)
    assert cards.PIN_PIV not in agent.log()


@pytest.mark.parametrize("kind", ["jpki", "piv"])
def test_a_real_card_that_holds_more_than_one_key(town, readers, kind):
    """The key for authentication is enrolled, not the one for documents, and
    a wrong PIN shows how many tries are left."""
    card, agent = readers[kind].restore(), readers["agent"]
    user, code = invite(town)
    card.mark()
    told = Seat(town, agent=agent).answer(CODE, code) \
        .answer(PIN, "0" * len(card.pin)).answer(PIN, card.pin)
    status, shown = told.end()
    assert status == 0, shown
    assert "Wrong PIN." in shown
    assert keys(town, user) == [card.certificate.key_hash()]
    assert card.signatures() == 1
    card.remove_noticed()


# --- the PIN -----------------------------------------------------------------
def test_a_wrong_pin_and_then_the_right_one(town, slot):
    user, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    told = Seat(town).answer(CODE, code).answer(PIN, WRONG)
    status, shown = told.answer(PIN, RIGHT).end()
    assert status == 0 and "Wrong PIN." in shown, shown
    assert len(keys(town, user)) == 1


def test_three_wrong_pins_end_it(town, slot):
    user, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    told = Seat(town).answer(CODE, code)
    for _ in range(3):
        told.answer(PIN, WRONG)
    refused(told.end(), "Wrong PIN.")
    assert keys(town, user) == []
    # Nothing of it is a failure of the code.
    assert enroll(town, code)[0] == 0


@pytest.mark.parametrize("typed", ["", "1", "x" * 300])
def test_a_pin_of_no_length_is_not_tried(town, slot, typed):
    _, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    told = Seat(town).answer(CODE, code).answer(PIN, typed)
    status, shown = told.answer(PIN, RIGHT).end()
    assert status == 0 and "No try was spent" in shown, shown


def test_a_pin_pad(town, slot, agents, server):
    """Nothing typed here goes to the card."""
    shim = cards.Shim(town.world)
    shim.set("pinpad of-no-secret")
    agent = agents(server, modules=[shim.path], environment={
        "SOFTHSM2_CONF": slot.config})
    user, code = invite(town)
    card = slot.add("it", town.authority.issue("x"), pin="of-no-secret")
    status, shown = Seat(town, agent=agent).answer(CODE, code) \
        .answer("PIN on reader, Enter: ", "").end()
    assert status == 0, shown
    assert keys(town, user) == [card.key_hash()]
    cards.no_child_is_left(agent)


# --- the person goes ---------------------------------------------------------
def test_ctrl_c_leaves_the_terminal_as_it_was(town, slot):
    user, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    script = (f"trap : INT; {town.world.program('sekimori-agent')} enroll-card"
              f" --socket {town.agent.socket}; stty -a; echo IS-OVER")
    child = programs.on_pty_as(town.world, seat(town), "sh", "-c", script)
    child.expect_exact(CODE)
    time.sleep(0.05)
    child.sendline(code)
    child.expect_exact(PIN)
    child.sendintr()
    child.expect_exact("IS-OVER")
    assert " echo " in child.before and " -echo " not in child.before
    child.close(force=True)
    cards.no_child_is_left(town.agent)
    assert keys(town, user) == []


def test_without_a_terminal(town):
    done = subprocess.run(
        programs.as_user("alice", "setsid", town.world.program(
            "sekimori-agent"), "enroll-card", "--socket",
            str(town.agent.socket)), input="ABCD-EFGH-2345\n", text=True,
        capture_output=True, timeout=20, check=False,
        env=town.world.environment())
    assert done.returncode == 1 and "there is none" in done.stderr, done


@pytest.fixture
def logind():
    """What a logind says of who sits here, in the files that it keeps."""
    run = pathlib.Path("/run/systemd")
    (run / "seats").mkdir(parents=True)
    (run / "users").mkdir(exist_ok=True)

    def says(user, line):
        path = run / "users" / str(pwd.getpwnam(user).pw_uid)
        path.write_text(f"NAME={user}\nSTATE=active\n{line}\n")
    yield says
    shutil.rmtree(run / "seats")
    shutil.rmtree(run / "users")


def test_only_at_the_seat(town, slot, logind):
    user, code = invite(town)
    slot.add("it", town.authority.issue("x"))
    far = "Cards are registered at this computer itself, not from afar."
    # dave has come by ssh, erin is behind another's screen, then in front.
    logind("dave", "SEATS=\nACTIVE_SEATS=\nONLINE_SEATS=")
    logind("erin", "SEATS=seat0\nONLINE_SEATS=seat0\nACTIVE_SEATS=")
    for who in ("dave", "erin", "frank"):
        told = Seat(town, user=who).answer(CODE, code)
        refused(told.end(), far)
        assert PIN not in told.shown
    logind("erin", "SEATS=seat0\nONLINE_SEATS=seat0\nACTIVE_SEATS=seat0")
    assert enroll(town, code, user="erin")[0] == 0
    assert len(keys(town, user)) == 1


# --- the agent ---------------------------------------------------------------
def test_five_times_a_minute(town, slot):
    town.agent.restart()
    USED.clear()
    slot.add("it", town.authority.issue("x"))
    for _ in range(5):
        refused(Seat(town, user="alice").answer(CODE, "ABCD").end(), BAD_CODE)
    user, code = invite(town)
    refused(Seat(town, user="alice").answer(CODE, code).end(),
            "Too many failures. Try again later.")
    assert enroll(town, code, user="bob")[0] == 0
    assert len(keys(town, user)) == 1
    town.agent.restart()
    USED.clear()


def test_no_agent(town):
    _, code = invite(town)
    town.agent.stop()
    status, shown = Seat(town).answer(CODE, code).end()
    town.agent.start()
    assert status == 1 and "Does the agent run?" in shown, shown


def test_the_code_is_never_an_argument(world):
    for wrong in (["--code", "-"], ["ABCD-EFGH-2345"], ["--lang", "fr"]):
        done = subprocess.run(
            [world.program("sekimori-agent"), "enroll-card", *wrong],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
            env=world.environment(), check=False)
        assert done.returncode == 2, done
