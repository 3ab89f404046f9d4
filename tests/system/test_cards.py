# SPDX-License-Identifier: Apache-2.0
"""Logins by card through PAM on tokens of SoftHSM2: what the server makes of
a certificate, how people choose between card and code, and what a module may
do to us. What needs a card that can be pulled or lock is in
test_cards_reader.py."""
import time

import pytest

import cards
from cardsite import (CARD, CODE, EXPIRES, LENGTH, LOCKED, OTHER, PIN,
                      PIN_PAD, TROUBLE, WRONG_PIN)
from pki import Authority
from world import at_once, result_of

RIGHT, WRONG = cards.PIN_SOFTHSM, "yuzu-9051-no-ki"
ANSWER_S = 5.0 + 0.3


@pytest.fixture(scope="module")
def server(servers):
    return servers("cards")


@pytest.fixture(scope="module")
def tokens(world, tokens):
    world.secret("wrong card PIN", WRONG)
    return tokens


@pytest.fixture(scope="module")
def town(town, authority):
    town.stack(town.agent)
    # As long as nobody has a card, nobody's is looked for.
    town.person(authority.issue("first"))
    return town


def accepted(run):
    assert run.code == "PAM_SUCCESS", run


def refused(run, code="PAM_AUTH_ERR"):
    assert run.code == code, run
    assert run.seconds[-1] < ANSWER_S, run


# --- keys ------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["rsa:2048", "rsa:4096", "P-256",
                                  "P-384"])
def test_a_right_card_lets_in(town, slot, kind):
    user = town.person(slot.add("it", town.authority.issue("x", kind)))
    run = town.log_in(user, RIGHT, steps=("auth", "acct"))
    assert run.codes == ["PAM_SUCCESS"] * 2, run
    assert run.prompts == [PIN] and not run.messages, run
    last = town.last(user)
    assert (last["result"], last["factor"]) == ("accept", "card"), last
    cards.no_child_is_left(town.agent)


def test_the_same_card_lets_in_again_and_again(town, slot):
    user = town.person(slot.add("it", town.authority.issue("x")))
    for _ in range(3):
        accepted(town.log_in(user, RIGHT))


# --- certificates ------------------------------------------------------------
class Issued:
    """A person with a good card whose key gets another certificate."""

    def __init__(self, town, slot, **how):
        self.town = town
        good = town.authority.issue("x")
        self.user = town.person(good)
        issuer = how.pop("authority", town.authority)
        self.certificate = issuer.issue("x", key=good.key, **how)
        slot.add("it", self.certificate)

    def is_refused_as(self, standing):
        run = self.town.log_in(self.user, RIGHT)
        refused(run)
        assert run.prompts == [PIN], run
        last = self.town.last(self.user)
        assert (last["reason"], last["card"]) == ("wrong", standing), last
        assert self.town.failures(self.user) == 0, "charged"


def test_an_expired_certificate(town, slot):
    Issued(town, slot, start=time.time() - 7200, end=time.time() - 60) \
        .is_refused_as("expired")


def test_a_certificate_that_is_not_yet_valid(town, slot):
    Issued(town, slot, start=time.time() + 600).is_refused_as("not_yet")


def test_a_certificate_that_is_not_for_authentication(town, slot):
    Issued(town, slot, usage="signature").is_refused_as("usage")


def test_a_revoked_certificate(town, slot):
    issued = Issued(town, slot)
    accepted(town.log_in(issued.user, RIGHT))
    town.server.ctl("card", "trust", town.authority.pem, "--crl",
                    town.authority.revoke(issued.certificate))
    issued.is_refused_as("revoked")


def test_a_ca_without_its_crl(town, slot):
    other = Authority(town.world.directory("pki"), "Without CRL")
    town.server.ctl("card", "trust", other.pem)
    issued = Issued(town, slot, authority=other)
    issued.is_refused_as("crl_missing")
    town.server.ctl("card", "trust", other.pem, "--crl", other.crl_path)
    accepted(town.log_in(issued.user, RIGHT))


def test_a_ca_that_is_trusted_without_a_crl(town, slot):
    other = Authority(town.world.directory("pki"), "No CRL")
    town.server.ctl("card", "trust", other.pem, "--no-crl")
    issued = Issued(town, slot, authority=other)
    accepted(town.log_in(issued.user, RIGHT))


def test_a_stale_crl(town, slot):
    other = Authority(town.world.directory("pki"), "Stale CRL")
    issued = Issued(town, slot, authority=other)
    town.server.ctl("card", "trust", other.pem, "--crl", other.crl(seconds=2))
    accepted(town.log_in(issued.user, RIGHT))
    time.sleep(2.5)
    issued.is_refused_as("crl_stale")


def test_a_foreign_ca(town, slot):
    foreign = Authority(town.world.directory("pki"), "Foreign CA")
    Issued(town, slot, authority=foreign).is_refused_as("untrusted")


def test_a_foreign_ca_of_the_same_name(town, slot):
    double = Authority(town.world.directory("pki"), town.authority.name)
    Issued(town, slot, authority=double).is_refused_as("untrusted")


def test_two_trusted_cas_of_one_name(town, slot):
    """As in the year in which a CA is renewed."""
    renewed = Authority(town.world.directory("pki"), town.authority.name)
    town.server.ctl("card", "trust", renewed.pem, "--crl", renewed.crl_path)
    try:
        for issuer in (town.authority, renewed):
            slot.empty()
            user = town.person(slot.add("it", issuer.issue("x")))
            accepted(town.log_in(user, RIGHT))
    finally:
        town.server.ctl("card", "distrust", renewed.key_hash())
    slot.empty()
    user = town.person(slot.add("it", renewed.issue("x")))
    refused(town.log_in(user, RIGHT))
    assert town.last(user)["card"] == "untrusted"


def test_a_card_revoked_here(town, slot):
    certificate = slot.add("it", town.authority.issue("x"))
    user = town.person(certificate)
    accepted(town.log_in(user, RIGHT))
    town.server.ctl("card", "revoke", certificate.key_hash())
    run = town.log_in(user)
    refused(run)
    assert PIN not in run.prompts, run


def test_a_card_that_ends_soon_is_told_of(town, slot):
    soon = town.authority.issue("x", end=time.time() + 20 * 86400)
    user = town.person(slot.add("it", soon))
    run = town.log_in(user, RIGHT)
    accepted(run)
    assert [m for m in run.messages if m.startswith(EXPIRES)], run


# --- PINs --------------------------------------------------------------------
def test_a_wrong_pin_then_the_right_one(town, slot):
    user = town.person(slot.add("it", town.authority.issue("x")))
    run = town.log_in(user, WRONG, RIGHT)
    accepted(run)
    assert run.prompts == [PIN, PIN], run
    assert [m for m in run.messages if m.startswith(WRONG_PIN)], run


def test_three_wrong_pins_end_a_login_and_cost_no_attempt(town, slot):
    user = town.person(slot.add("it", town.authority.issue("x")))
    run = town.log_in(user, *[WRONG] * 6)
    refused(run)
    assert run.prompts == [PIN] * 3, run
    assert town.failures(user) == 0
    accepted(town.log_in(user, RIGHT))


def test_a_pin_that_cannot_be_one_is_not_tried(town, slot):
    user = town.person(slot.add("it", town.authority.issue("x")))
    run = town.log_in(user, "123", RIGHT)
    accepted(run)
    assert LENGTH in run.messages, run


def test_the_password_of_the_stack_is_not_tried_as_pin(town, slot, world):
    """Not even where it happens to be the PIN."""
    certificate = town.authority.issue("alice")
    slot.add("it", certificate, pin="pw-alice-kiso")
    town.server.ctl("user", "add", "alice")
    town.enroll("alice", certificate)
    town.stack(town.agent, "behind", before=["auth requisite pam_unix.so"])
    run = town.log_in("alice", "pw-alice-kiso", service="behind")
    assert run.prompts[:2] == ["Password: ", PIN], run
    refused(run)
    run = town.log_in("alice", "pw-alice-kiso", "pw-alice-kiso",
                      service="behind")
    accepted(run)


# --- choosing ----------------------------------------------------------------
def test_no_card_asks_for_a_code(town, slot):
    user, token = town.server.hotp()
    run = town.log_in(user, token.code())
    accepted(run)
    assert run.prompts == [CODE] and not run.messages, run


def test_an_empty_code_asks_for_the_card(town, slot):
    certificate = town.authority.issue("x")
    user = town.person(certificate)
    talk = town.talk(user)
    assert talk.prompt() == CODE
    talk.answer("")
    assert talk.prompt() == CARD
    slot.add("it", certificate)
    talk.answer("")
    assert talk.prompt() == PIN
    talk.answer(RIGHT)
    accepted(talk.end())


def test_an_empty_pin_asks_for_a_code(town, slot):
    user, token = town.server.hotp()
    town.enroll(user, slot.add("it", town.authority.issue("x")))
    run = town.log_in(user, "", token.code())
    accepted(run)
    assert run.prompts == [PIN, CODE], run
    assert town.last(user)["factor"] == "otp"


def test_empty_all_the_way_is_wrong_and_not_charged(town, slot):
    user = town.person(town.authority.issue("x"))
    run = town.log_in(user, *[""] * 9)
    refused(run)
    assert run.prompts[:2] == [CODE, CARD], run
    assert town.last(user)["reason"] == "wrong"
    assert not town.failures(user) and not town.failures(user, "otp")


def test_an_unregistered_card_asks_for_a_code(town, slot):
    slot.add("it", town.authority.issue("somebody else"))
    user, token = town.server.hotp()
    run = town.log_in(user, token.code())
    accepted(run)
    assert run.prompts == [CODE] and run.messages == [OTHER], run


def test_a_colleagues_card_never_gets_the_pin(town, slot):
    """His is in the reader, hers is at home; then both are in."""
    his, hers = (town.authority.issue(name) for name in ("his", "hers"))
    town.person(slot.add("his", his, pin="123456-his"))
    her = town.person(hers)
    run = town.log_in(her)
    assert run.prompts[0] == CODE and OTHER in run.messages, run
    slot.add("hers", hers)
    run = town.log_in(her, RIGHT)
    accepted(run)
    assert run.prompts == [PIN], run


def test_the_enrolled_one_of_several_keys_signs(town, slot):
    slot.add("it", town.authority.issue("old"))
    certificate = slot.put("it", town.authority.issue("new", "P-256"))
    slot.put("it", town.authority.issue("other"))
    user = town.person(certificate)
    accepted(town.log_in(user, RIGHT))


def test_policy_may_demand_a_card(town, slot):
    certificate = town.authority.issue("x")
    user, token = town.server.hotp()
    town.enroll(user, certificate)
    before = town.server.ctl("policy", "show")["text"]
    town.set_policy("permit cards-only factors=card")
    try:
        talk = town.talk(user)
        assert talk.prompt() == CARD
        slot.add("it", certificate)
        talk.answer(token.code())  # typed by mistake, and not looked at
        assert talk.prompt() == PIN
        talk.answer(RIGHT)
        accepted(talk.end())
        slot.empty()
        refused(town.log_in(user, *[token.code()] * 9))
    finally:
        town.set_policy(before)


def test_policy_may_forbid_cards(town, slot):
    user, token = town.server.hotp()
    town.enroll(user, slot.add("it", town.authority.issue("x")))
    before = town.server.ctl("policy", "show")["text"]
    town.set_policy("permit codes-only factors=otp")
    try:
        run = town.log_in(user, token.code())
        accepted(run)
        assert run.prompts == [CODE], run
    finally:
        town.set_policy(before)


def test_a_stranger_sees_what_somebody_without_a_card_sees(town, slot):
    slot.add("it", town.authority.issue("x"))
    town.stack(town.agent, "unproven", options="lang=en")
    user, _ = town.server.hotp()
    seen = [town.log_in(who, "123456", service="unproven")
            for who in (user, "nobody-at-all")]
    assert seen[0].prompts == seen[1].prompts, seen
    assert seen[0].messages == seen[1].messages, seen
    assert {run.code for run in seen} == {"PAM_AUTH_ERR"}, seen


def test_cancelling_leaves_no_child(town, slot):
    user = town.person(slot.add("it", town.authority.issue("x")))
    refused(town.log_in(user, "!fail"), "PAM_CONV_ERR")
    cards.no_child_is_left(town.agent)
    talk = town.talk(user)
    assert talk.prompt() == PIN
    assert cards.children_of(town.agent.process.pid)
    cards.stop_hard(talk.process)
    cards.no_child_is_left(town.agent)


# --- PIN pads and modules that fail --------------------------------------------
@pytest.fixture(scope="module")
def shim(world, town, server, agents, tokens):
    made = cards.Shim(world)
    made.agent = agents(server, modules=[made.path], environment={
        "SOFTHSM2_CONF": tokens.config})
    town.stack(made.agent, "shim")
    return made


@pytest.fixture
def holder(town, slot, shim):
    """Somebody whose card the shim stands before."""
    yield town.person(slot.add("it", town.authority.issue("x"),
                               pin="of-no-secret"))
    cards.no_child_is_left(shim.agent)
    shim.set()


def test_a_pin_pad_is_used_and_nothing_typed_here(town, shim, holder):
    shim.set("pinpad of-no-secret")
    run = town.log_in(holder, "", service="shim")
    accepted(run)
    assert run.prompts == [PIN_PAD], run


def test_a_pin_pad_with_the_wrong_pin(town, shim, holder):
    shim.set("pinpad not-the-pin")
    run = town.log_in(holder, *[""] * 9, service="shim")
    refused(run)
    assert set(run.prompts) == {PIN_PAD}, run
    assert town.failures(holder) == 0


def test_a_key_that_asks_at_every_signature(town, shim, holder):
    shim.set("always 1")
    accepted(town.log_in(holder, "of-no-secret", service="shim"))


def test_a_token_that_says_locked_is_not_asked(town, shim, holder):
    shim.set("flags 0x40000")
    run = town.log_in(holder, *["of-no-secret"] * 3, service="shim")
    refused(run, "PAM_MAXTRIES")
    assert LOCKED in run.messages and not run.prompts, run


# Names of PKCS #11 v2.40 for what cards in trouble are known to answer.
TROUBLES = {
    "general error": "fail sign 0x5", "device error": "fail sign 0x30",
    "device removed": "fail sign 0x32", "token gone": "fail sign 0xe0",
    "session gone": "fail sign 0xb3", "login fails": "fail login 0x5",
    "removed at login": "fail login 0x32", "logged in already":
    "fail login 0x100", "no session": "fail session 0x30",
    "token unreadable": "fail info 0x30", "no search": "fail find 0x30",
    "no slots": "fail slots 0x5", "crash at login": "crash login 1",
    "crash at signing": "crash sign 1", "crash on sight": "crash info 1",
}


@pytest.mark.parametrize("what", TROUBLES)
def test_a_module_in_trouble_costs_no_attempt(town, shim, holder, what):
    shim.set(TROUBLES[what])
    run = town.log_in(holder, "of-no-secret", service="shim")
    assert run.code in ("PAM_AUTH_ERR", "PAM_AUTHINFO_UNAVAIL"), run
    assert run.seconds[-1] < ANSWER_S, run
    assert TROUBLE in run.messages or what == "no slots", run
    assert town.failures(holder) == 0
    shim.set()
    accepted(town.log_in(holder, "of-no-secret", service="shim"))


@pytest.fixture(scope="module")
def hung(world, town, server, agents, tokens):
    """{call: Run} of modules that never return from it. At once, since each
    takes as long as one may have to wait."""
    tokens.empty()
    user = town.person(tokens.add("it", town.authority.issue("x"),
                                  pin="of-no-secret"))

    def log_in(call):
        shim = cards.Shim(world)
        shim.set(f"hang {call} 1")
        agent = agents(server, modules=[shim.path], environment={
            "SOFTHSM2_CONF": tokens.config})
        run = town.log_in(user, "of-no-secret",
                          service=town.stack(agent, f"hang-{call}"))
        cards.no_child_is_left(agent)
        return run
    runs = at_once(log_in, ("login", "sign", "info"))
    assert town.failures(user) == 0
    return runs


@pytest.mark.parametrize("call", ["login", "sign", "info"])
def test_a_module_that_hangs_is_given_up(hung, call):
    run = result_of(hung, call)
    assert run.code in ("PAM_AUTH_ERR", "PAM_AUTHINFO_UNAVAIL"), run
    assert run.seconds[-1] < ANSWER_S, run
