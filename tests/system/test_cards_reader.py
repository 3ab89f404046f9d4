# SPDX-License-Identifier: Apache-2.0
"""Logins with emulated My Number (JPKI) and PIV cards in real pcscd, through
OpenSC: PINs that are counted and lock, cards that are pulled, swapped, slow,
silent or lying."""
import time

import pytest

import cards
from cardsite import (CARD, CODE, LAST_TRY, LOCKED, LOW, OTHER, PIN, TROUBLE,
                      WRONG_PIN, CardSite)
from world import at_once, result_of
from programs import password_of

ANSWER_S = 5.0 + 0.3
KINDS = ("jpki", "piv")
WRONG = {"jpki": "0000", "piv": "00000000"}


@pytest.fixture(scope="module")
def server(servers):
    return servers("readers")


@pytest.fixture(scope="module")
def both(world, emulated, authority):
    """One card of each kind, for a reader of its own."""
    world.secret("card PIN", cards.PIN_PIV)
    return {
        "jpki": emulated("jpki", 0, authority.issue("j", "rsa:2048"),
                         cards.PIN_JPKI, authority=authority,
                         sign=authority.issue("sign", "rsa:2048",
                                              usage="signature")),
        "piv": emulated("piv", 1, authority.issue("p", "rsa:2048"),
                        cards.PIN_PIV, sign=authority.issue("9c", "P-256"))}


@pytest.fixture(scope="module")
def town(world, server, agents, authority, both):
    made = CardSite(world, server, authority)
    made.agent = agents(server, modules=[cards.OPENSC], environment={
        "OPENSC_CONF": cards.pin_drivers(world.work)})
    made.stack(made.agent)
    for kind, card in both.items():
        card.holder = made.person(card.certificate)
    return made


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """All tests with the one kind of card, then all with the other."""
    return request.param


def alone_in(both, kind):
    for card in both.values():
        if card.kind != kind and card.is_in:
            card.remove_noticed()
    return both[kind].restore()


@pytest.fixture
def card(both, town, kind):
    """In its reader, as new, and alone."""
    yield alone_in(both, kind)
    cards.no_child_is_left(town.agent)


@pytest.fixture
def piv(both, town):
    yield alone_in(both, "piv")
    cards.no_child_is_left(town.agent)


@pytest.fixture
def two(both):
    return {kind: card.restore() for kind, card in both.items()}


def accepted(run):
    assert run.code == "PAM_SUCCESS", run


def refused(run, *codes):
    assert run.code in (codes or ("PAM_AUTH_ERR",)), run
    assert run.seconds[-1] < ANSWER_S, run


def asks_pin(town, card):
    """A login that waits for the PIN."""
    talk = town.talk(card.holder)
    assert talk.prompt() == PIN, talk.text
    return talk


def in_trouble(talk, town, card, prompt=CARD):
    """Said so in time and asks on; nothing charged, and nothing left behind
    when the person goes away."""
    started = time.monotonic()
    assert talk.prompt(ANSWER_S) == prompt, talk.text
    assert time.monotonic() - started < ANSWER_S
    talk.answer("!fail")
    run = talk.end()
    assert TROUBLE in run.messages, run
    assert run.code == "PAM_CONV_ERR", run
    assert town.failures(card.holder) == 0
    cards.no_child_is_left(town.agent)


# --- PINs --------------------------------------------------------------------
def test_a_right_card_lets_in(town, card):
    run = town.log_in(card.holder, card.pin, steps=("auth", "acct"))
    assert run.codes == ["PAM_SUCCESS"] * 2, run
    assert run.prompts == [PIN] and not run.messages, run
    assert card.pins_tried() == [0x9000] and card.signatures() == 1
    assert not card.said("signature certificate")
    assert town.last(card.holder)["factor"] == "card"


def test_a_card_is_not_left_logged_in(town, card):
    """Whoever else may use the reader would need no PIN."""
    accepted(town.log_in(card.holder, card.pin))
    assert not card.is_logged_in()


def test_a_wrong_pin_shows_the_tries_and_may_be_mended(town, card):
    run = town.log_in(card.holder, WRONG[card.kind], card.pin)
    accepted(run)
    # PKCS #11 has no count; that JPKI has three tries is known.
    left = " Tries left: 2." if card.kind == "jpki" else ""
    assert WRONG_PIN + left in run.messages, run
    assert card.pins_tried() == [0x63c2, 0x9000]


def test_the_last_try_is_asked_about_and_can_be_declined(town, card):
    card.tries(1)
    run = town.log_in(card.holder, "no")
    refused(run)
    assert run.prompts[0] == LAST_TRY and PIN not in run.prompts, run
    assert [m for m in run.messages if m.startswith(LOW)], run
    assert card.pins_tried() == []


def test_the_last_try_is_spent_on_a_yes(town, card):
    card.tries(1)
    run = town.log_in(card.holder, "yes", card.pin)
    accepted(run)
    assert run.prompts == [LAST_TRY, PIN], run


def test_a_login_never_spends_the_last_try_by_itself(town, card):
    run = town.log_in(card.holder, *[WRONG[card.kind]] * 5)
    refused(run)
    assert run.prompts[:3] == [PIN, PIN, LAST_TRY], run
    assert len(card.pins_tried()) == 2


def test_a_locked_card_says_whom_to_call(town, card):
    card.tries(0)
    run = town.log_in(card.holder, card.pin)
    refused(run, "PAM_MAXTRIES")
    assert LOCKED in run.messages and not run.prompts, run
    assert card.pins_tried() == []
    assert town.failures(card.holder) == 0


@pytest.mark.parametrize("word", [0x6983, 0x6984])
def test_a_card_that_turns_out_to_be_locked(town, card, word):
    """OpenSC makes a general error of 6984, and asks for the counter before
    it tries."""
    talk = asks_pin(town, card)
    card.answer_on(cards.VERIFY, word, after=1)
    talk.answer(card.pin)
    run = talk.end()
    refused(run, "PAM_MAXTRIES")
    assert LOCKED in run.messages and card.pins_tried() == [word], run
    assert town.failures(card.holder) == 0


def test_the_last_try_spent_and_wrong_is_locked(town, card):
    card.tries(1)
    run = town.log_in(card.holder, "yes", WRONG[card.kind])
    refused(run, "PAM_MAXTRIES")
    assert LOCKED in run.messages, run


def test_an_empty_pin_never_reaches_the_card(town, card):
    run = town.log_in(card.holder, "")
    assert run.prompts[:2] == [PIN, CODE], run
    assert card.pins_tried() == []


# --- pulled --------------------------------------------------------------------
def test_pulled_before_the_login(town, card):
    card.remove_noticed()
    run = town.log_in(card.holder)
    refused(run)
    assert run.prompts[:2] == [CODE, CARD], run


def test_pulled_before_the_pin_is_verified(town, card):
    talk = asks_pin(town, card)
    card.remove()
    talk.answer(card.pin)
    in_trouble(talk, town, card)
    assert card.pins_tried() == []


def test_pulled_as_the_pin_is_verified(town, card):
    talk = asks_pin(town, card)
    card.cut_on(cards.VERIFY)
    talk.answer(card.pin)
    in_trouble(talk, town, card)
    assert card.said("cut on")


def test_pulled_as_it_signs(town, card):
    talk = asks_pin(town, card)
    card.cut_on(cards.SIGN[card.kind])
    talk.answer(card.pin)
    in_trouble(talk, town, card)
    assert card.said("cut on") and card.pins_tried() == [0x9000]


def test_pulled_at_any_command(town, card):
    """At the first, the eighth, and so on until nothing is left to cut."""
    cuts = 0
    for at in range(0, 80, 7):
        card.restore()
        card.cut_on(cards.ANY, at)
        talk = town.talk(card.holder)
        if talk.prompt() == PIN:
            talk.answer(card.pin)
            talk.prompt()  # none, if let in
        if not card.said("cut on"):
            accepted(talk.end())
            break
        cuts += 1
        in_trouble_already(talk, town, card)
    assert cuts >= 4


def in_trouble_already(talk, town, card):
    """Or asked for a code, as if there were no card."""
    talk.answer("!fail")
    run = talk.end()
    assert TROUBLE in run.messages or run.prompts == [CODE], run
    assert town.failures(card.holder) == 0
    cards.no_child_is_left(town.agent)


def test_pulled_for_good_is_refused_and_not_charged(town, card):
    before = town.failures(card.holder, "otp")
    talk = asks_pin(town, card)
    card.remove()
    for answer in (card.pin, *[""] * 9):
        talk.answer(answer)
    run = talk.end()
    refused(run, "PAM_AUTH_ERR", "PAM_AUTHINFO_UNAVAIL")
    assert town.failures(card.holder) == 0
    assert town.failures(card.holder, "otp") == before


def test_reinserted_while_the_pin_is_asked_for(town, card):
    talk = asks_pin(town, card)
    card.reinsert()
    talk.answer(card.pin)
    while talk.prompt() == CARD:
        talk.answer("")
    talk.answer(card.pin)
    accepted(talk.end())
    assert town.failures(card.holder) == 0


def test_swapped_for_another_while_the_pin_is_asked_for(town, piv, both):
    talk = asks_pin(town, piv)
    piv.remove()
    other = both["jpki"].restore()
    talk.answer(piv.pin)
    in_trouble(talk, town, piv)
    assert other.pins_tried() == []


# --- several cards ---------------------------------------------------------------
@pytest.mark.parametrize("right, wrong", [KINDS, KINDS[::-1]])
def test_of_two_cards_the_right_one_is_asked(town, two, right, wrong):
    accepted(town.log_in(two[right].holder, two[right].pin))
    assert two[right].pins_tried() == [0x9000]
    assert two[wrong].pins_tried() == [] and not two[wrong].signatures()


def test_a_colleagues_card_is_never_asked_for_a_pin(town, card, both):
    other = next(both[kind] for kind in KINDS if kind != card.kind)
    run = town.log_in(other.holder)
    refused(run)
    assert run.prompts[0] == CODE and OTHER in run.messages, run
    assert card.pins_tried() == []


def test_a_key_that_wants_the_pin_at_every_signature(town, piv):
    """PIV's 9C, here an elliptic curve."""
    signer = town.person(piv.sign)
    run = town.log_in(signer, piv.pin)
    accepted(run)
    assert run.prompts == [PIN] and piv.pins_tried() == [0x9000] * 2


def test_found_by_p11_kit_without_any_configuration(town, agents, card):
    """All modules that Debian registers, all of OpenSC's drivers."""
    agent = agents(town.server)
    town.stack(agent, "unconfigured")
    accepted(town.log_in(card.holder, card.pin, service="unconfigured"))
    assert card.pins_tried() == [0x9000]
    cards.no_child_is_left(agent)
    agent.stop()


def test_three_logins_at_once_with_one_card(town, card):
    """They wait for each other; nobody is told to try again."""
    runs = at_once(lambda _: town.log_in(card.holder, card.pin), range(3))
    for which in runs:
        accepted(result_of(runs, which))
    assert card.pins_tried() == [0x9000] * 3


def test_another_login_while_the_pin_is_asked_for(town, card):
    """It resets the card when it is over, which OpenSC bears."""
    talk = asks_pin(town, card)
    accepted(town.log_in(card.holder, card.pin))
    talk.answer(card.pin)
    accepted(talk.end())
    assert card.pins_tried() == [0x9000] * 2


# --- bad cards ---------------------------------------------------------------------
def test_a_slow_card_is_given_up_in_time(town, piv):
    piv.order("apdu-delay 1500")
    in_trouble(town.talk(piv.holder), town, piv, CODE)


def test_a_card_that_never_answers(town, piv):
    piv.silent_on(cards.ANY, 8)
    in_trouble(town.talk(piv.holder), town, piv, CODE)


def test_a_card_that_never_answers_to_the_pin(town, card):
    talk = asks_pin(town, card)
    card.silent_on(cards.VERIFY)
    talk.answer(card.pin)
    in_trouble(talk, town, card)


@pytest.mark.parametrize("lie", ["false-ends 1", "short-on 100 12",
                                 "long-on 100 12"])
def test_a_card_that_lies_about_lengths(town, card, lie):
    """It may still do; but nobody gets in without a signature."""
    card.order(lie)
    run = town.log_in(card.holder, card.pin)
    assert run.code == "PAM_AUTH_ERR" or card.signatures() == 1, run
    assert town.failures(card.holder) == 0


def test_a_signature_that_is_too_short(town, piv):
    talk = asks_pin(town, piv)
    piv.order(f"short-on {cards.SIGN['piv']:x}")
    talk.answer(piv.pin)
    in_trouble(talk, town, piv)


# --- pcscd ---------------------------------------------------------------------------
def test_pcscd_dies_while_the_pin_is_asked_for(town, pcscd, piv):
    talk = asks_pin(town, piv)
    pcscd.kill()
    try:
        talk.answer(piv.pin)
        in_trouble(talk, town, piv)
        assert piv.pins_tried() == []
    finally:
        pcscd.start()


def test_without_pcscd_codes_still_work(town, pcscd):
    user, token = town.server.hotp()
    pcscd.stop()
    try:
        run = town.log_in(user, token.code())
        accepted(run)
        assert run.prompts == [CODE], run
    finally:
        pcscd.start()
