# SPDX-License-Identifier: Apache-2.0
"""What a login by card must not show or ask: clients that answer once, and
people who are refused before anything is asked."""
import pytest

import cards
from cardsite import CARD, CODE, OTHER, PIN
from programs import password_of

RIGHT = cards.PIN_SOFTHSM


@pytest.fixture(scope="module")
def server(servers):
    return servers("hidden")


@pytest.fixture(scope="module")
def town(town, authority):
    town.stack(town.agent)
    town.stack(town.agent, "unproven", options="lang=en")
    town.person(authority.issue("first"))
    return town


def test_a_client_that_answers_once_is_not_asked_for_its_card(
        town, slot, server):
    """The card is in, and its PIN is the password: a code lets in all the
    same, and the card never hears of either."""
    certificate = town.authority.issue("alice")
    slot.add("it", certificate, pin=password_of("alice"))
    server.ctl("user", "add", "alice")
    town.enroll("alice", certificate)
    token = server.hotp("alice")[1]
    ours = f"required {town.world.module} socket={town.agent.socket}"
    town.probe.service("once", f"auth {ours} appended=6 lang=en",
                       "auth required pam_unix.so use_first_pass",
                       f"account {ours}")
    run = town.log_in("alice", password_of("alice"), service="once")
    assert run.code == "PAM_AUTH_ERR" and len(run.prompts) == 1, run
    run = town.log_in("alice", password_of("alice") + token.code(),
                      service="once", steps=("auth", "acct"))
    assert run.codes == ["PAM_SUCCESS"] * 2 and len(run.prompts) == 1, run
    assert town.last("alice")["factor"] == "otp"
    # The same card, asked for where it can be.
    run = town.log_in("alice", password_of("alice"))
    assert run.code == "PAM_SUCCESS" and run.prompts == [PIN], run


@pytest.mark.parametrize("reader", ["empty", "somebody else's", "her own"])
@pytest.mark.parametrize("policy", ["any", "card"])
def test_who_is_refused_at_once_looks_like_a_stranger(
        town, slot, reader, policy):
    certificate = town.authority.issue("x")
    user = town.person(certificate)
    town.server.ctl("user", "suspend", user)
    if reader != "empty":
        slot.add("it", certificate if reader == "her own"
                 else town.authority.issue("y"))
    before = town.server.ctl("policy", "show")["text"]
    town.set_policy(f"permit all factors={policy}")
    try:
        seen = [town.log_in(who, *[""] * 9, service="unproven")
                for who in ("nobody-at-all", user, "nobody-else")]
    finally:
        town.set_policy(before)
    assert seen[0].prompts[0] == (CODE if policy == "any" else CARD), seen
    for run in seen:
        assert run.prompts == seen[0].prompts, seen
        assert not run.messages and run.code == "PAM_AUTH_ERR", seen


def test_a_foreign_card_is_named_to_proven_callers_only(town, slot):
    slot.add("it", town.authority.issue("somebody else"))
    user = town.person(town.authority.issue("x"))
    assert OTHER in town.log_in(user, "123456").messages
    run = town.log_in(user, "123456", service="unproven")
    assert run.prompts == [CODE] and not run.messages, run
