# SPDX-License-Identifier: Apache-2.0
"""The card child with OpenSC and pcscd, inside its filter: emulated My Number
and PIV cards, pulled, locked, watched. SoftHSM and scripted modules have
tests/unit/test_card_*.c."""
import os
import re
import subprocess
import time

import pytest

import card_child
import cards
from card_child import Child


@pytest.fixture(scope="module")
def jpki(emulated, authority):
    card = emulated("jpki", 0, authority.issue("s1042", "rsa:2048"),
                    cards.PIN_JPKI,
                    sign=authority.issue("s1042 sign", "rsa:2048",
                                         usage="signature"),
                    authority=authority, sign_pin="ABC123")
    yield card
    card.remove_noticed()


@pytest.fixture(scope="module")
def piv(emulated, authority):
    second = authority.issue("s2001 ec", "P-256")
    card = emulated("piv", 1, authority.issue("s2001", "rsa:2048"),
                    cards.PIN_PIV,
                    sign=second)
    card.second = second
    yield card
    card.remove_noticed()


@pytest.fixture(name="inserted", params=["jpki", "piv"])
def inserted_card(request, jpki, piv):
    card = {"jpki": jpki, "piv": piv}[request.param]
    card.insert()
    card.mark()
    yield card
    card.restore().remove_noticed()


def child(world, *modules, **more):
    return Child(world, *modules, OPENSC_CONF=cards.pin_drivers(world.work),
                 **more)


def is_proof(tmp_path, certificate, der, signature):
    public, data = tmp_path / "public", tmp_path / "data"
    (tmp_path / "der").write_bytes(der)
    (tmp_path / "signature").write_bytes(signature)
    data.write_bytes(card_child.MESSAGE)
    if der != certificate.der.read_bytes():
        return False
    with open(public, "wb") as out:
        subprocess.run(["openssl", "x509", "-inform", "DER", "-in",
                        tmp_path / "der", "-noout", "-pubkey"], stdout=out,
                       check=True, timeout=20)
    return subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", public, "-signature",
         tmp_path / "signature", data], capture_output=True, timeout=20,
        check=False).returncode == 0


def test_no_other_program_can_use_the_pin_that_was_given(world, inserted):
    """A card stays open to all who ask until it is reset; also while another
    child watches it, which keeps it powered and is not disturbed."""
    key = inserted.certificate.key_hash()
    with child(world, cards.OPENSC) as watch:
        watch.watch(key)
        assert watch.take(1) == b"."
        inserted.mark()
        with child(world, cards.OPENSC) as one:
            one.find(key)
            assert one.sign(inserted.pin)[0] == card_child.SIGNED
            assert one.process.wait(5) == 0
        assert not inserted.is_logged_in()
        assert watch.take(3, 2.0) == b"..."


@pytest.mark.parametrize("modules", [(), (cards.OPENSC,)])
def test_an_emulated_card_signs(world, inserted, tmp_path, modules):
    with child(world, *modules) as one:
        seen = one.find(inserted.certificate.key_hash())
        assert seen.presence == card_child.PRESENT
        assert seen.pin == card_child.FINE and not seen.pad
        outcome, _, der, signature = one.sign(inserted.pin)
        assert outcome == card_child.SIGNED
        assert is_proof(tmp_path, inserted.certificate, der, signature)
        assert one.process.wait(5) == 0
    assert inserted.pins_tried() == [0x9000] and inserted.signatures() == 1


def test_a_key_that_wants_the_pin_for_each_signature(world, piv, tmp_path):
    """PIV's 9C, which is on a curve here."""
    piv.insert()
    piv.mark()
    with child(world, cards.OPENSC) as one:
        assert one.find(piv.second.key_hash()).presence == card_child.PRESENT
        outcome, _, der, signature = one.sign(piv.pin)
        assert outcome == card_child.SIGNED
        assert is_proof(tmp_path, piv.second, der, signature)
    assert piv.pins_tried() == [0x9000, 0x9000] and piv.signatures() == 1
    piv.restore().remove_noticed()


def test_only_the_authentication_certificate_of_my_number_is_read(
        world, jpki):
    """Its signature certificate is EF 0001, behind its own PIN."""
    jpki.insert()
    jpki.mark()
    with child(world, cards.OPENSC) as one:
        seen = one.find()
        assert seen.presence == card_child.PRESENT
        assert seen.key == jpki.certificate.key_hash()
    assert not jpki.pins_tried()
    jpki.restore().remove_noticed()


def test_another_card_is_other_and_none_is_absent(world, inserted):
    with child(world, cards.OPENSC) as one:
        assert one.find("00" * 32).presence == card_child.OTHER
    inserted.remove_noticed()
    with child(world, cards.OPENSC) as one:
        assert one.find("00" * 32).presence == card_child.ABSENT


def test_wrong_pins_are_counted_and_lock(world, inserted):
    expected = {"jpki": [(1, 2), (1, 1), (2, 0)], "piv": None}[inserted.kind]
    told = []
    with child(world, cards.OPENSC) as one:
        seen = one.find(inserted.certificate.key_hash())
        wrong = "0000" if inserted.kind == "jpki" else "000000"
        for _ in range(3):
            outcome, seen, _, _ = one.sign(wrong)
            told.append((outcome, seen.tries))
    assert [outcome for outcome, _ in told] == [
        card_child.PIN_WRONG, card_child.PIN_WRONG, card_child.PIN_LOCKED]
    if expected:
        assert [tries for _, tries in told] == [2, 1, 0]
    assert len(inserted.pins_tried()) == 3
    with child(world, cards.OPENSC) as one:
        seen = one.find(inserted.certificate.key_hash())
        assert seen.pin == card_child.LOCKED and seen.tries == 0
        assert one.sign(inserted.pin)[0] == card_child.PIN_LOCKED
    assert len(inserted.pins_tried()) == 3


def test_the_last_try_is_told_before_the_pin(world, inserted):
    inserted.tries(1)
    with child(world, cards.OPENSC) as one:
        seen = one.find(inserted.certificate.key_hash())
        assert (seen.pin, seen.tries) == (card_child.FINAL, 1)
        assert one.sign(inserted.pin)[0] == card_child.SIGNED


def test_a_try_lost_elsewhere_is_told_before_the_last_is_spent(
        world, inserted):
    """The person was shown a fresh card; another program failed meanwhile."""
    with child(world, cards.OPENSC) as one:
        seen = one.find(inserted.certificate.key_hash())
        assert seen.pin == card_child.FINE
        inserted.tries(1)
        assert one.sign(inserted.pin)[0] == card_child.SIGN_TROUBLE
    assert not inserted.pins_tried()
    with child(world, cards.OPENSC) as one:
        seen = one.find(inserted.certificate.key_hash())
        assert seen.pin == card_child.FINAL


@pytest.mark.parametrize("word", [0x6983, 0x6984])
def test_a_lock_by_either_status_word(world, inserted, word):
    """OpenSC takes the second for a general error."""
    with child(world, cards.OPENSC) as one:
        assert one.find(inserted.certificate.key_hash())
        inserted.tries(0)
        inserted.answer_on(cards.VERIFY, word)
        assert one.sign(inserted.pin)[0] == card_child.PIN_LOCKED


def test_pulled_before_the_pin(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.find(inserted.certificate.key_hash())
        inserted.remove_noticed()
        assert one.sign(inserted.pin)[0] == card_child.SIGN_TROUBLE
    assert not inserted.pins_tried()


def test_pulled_and_put_back_before_the_pin(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.find(inserted.certificate.key_hash())
        inserted.remove_noticed()
        inserted.insert()
        assert one.sign(inserted.pin)[0] == card_child.SIGN_TROUBLE
    assert not inserted.pins_tried()


@pytest.mark.parametrize("step", ["verify", "sign"])
def test_pulled_in_mid_command(world, inserted, step):
    with child(world, cards.OPENSC) as one:
        one.find(inserted.certificate.key_hash())
        inserted.cut_on(cards.VERIFY if step == "verify"
                        else cards.SIGN[inserted.kind])
        assert one.sign(inserted.pin)[0] == card_child.SIGN_TROUBLE


def test_pulled_while_its_certificate_is_read(world, inserted):
    inserted.cut_on(cards.READ if inserted.kind == "jpki" else
                    cards.GET_DATA, 3)
    with child(world, cards.OPENSC) as one:
        assert one.find(inserted.certificate.key_hash()).presence in (
            card_child.TROUBLE, card_child.ABSENT, card_child.OTHER)


def test_two_cards_at_once(world, jpki, piv):
    """Tags choose; without them nobody guesses."""
    jpki.insert()
    piv.insert()
    for card, other in ((jpki, piv), (piv, jpki)):
        card.mark()
        other.mark()
        with child(world, cards.OPENSC) as one:
            seen = one.find(card.certificate.key_hash())
            assert seen.key == card.certificate.key_hash()
            assert one.sign(card.pin)[0] == card_child.SIGNED
        assert card.pins_tried() == [0x9000]
        assert not other.pins_tried()
    with child(world, cards.OPENSC) as one:
        assert one.find().presence == card_child.SEVERAL
    jpki.restore().remove_noticed()
    piv.restore().remove_noticed()


def test_no_pcscd_is_no_card(world, pcscd):
    pcscd.stop()
    with child(world, cards.OPENSC) as one:
        assert one.find("00" * 32).presence in (
            card_child.ABSENT, card_child.TROUBLE)
    pcscd.start()


def test_a_watched_card_leaves(world, inserted):
    key, waits = inserted.certificate.key_hash(), []
    for _ in range(3):
        with child(world, cards.OPENSC) as one:
            one.watch(key)
            assert one.take(1) == b"." and one.take(1, 1.0) == b"."
            start = time.monotonic()
            inserted.remove()
            end, byte = one.beats_until_end(3)[-1]
            waits.append(end - start)
            assert byte == b"!"
            assert one.process.wait(2) == 1
        inserted.remove_noticed()
        inserted.insert()
    assert max(waits) < 1.5, waits


def test_a_watched_card_taken_out_and_put_back_is_gone(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.watch(inserted.certificate.key_hash())
        assert one.take(1) == b"."
        inserted.order("reinsert 450")
        assert one.beats_until_end(3)[-1][1] in (b"!", b"")


def test_a_watch_ends_with_pcscd(world, inserted, pcscd):
    with child(world, cards.OPENSC) as one:
        one.watch(inserted.certificate.key_hash())
        assert one.take(1) == b"."
        pcscd.kill()
        assert one.beats_until_end(3)[-1][1] in (b"!", b"")
    inserted.remove()
    pcscd.start()
    inserted.insert()


def test_a_watch_of_another_key_never_beats(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.watch("00" * 32)
        assert one.take(1) == b""


def test_it_ends_when_the_agent_closes_the_pipe(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.watch(inserted.certificate.key_hash())
        assert one.take(1) == b"."
        one.process.stdin.close()
        assert one.process.wait(2) == 1
        one.process.stdin = open(os.devnull, "wb")


def test_what_a_running_child_still_may_do(world, inserted):
    with child(world, cards.OPENSC) as one:
        one.find(inserted.certificate.key_hash())
        with open(f"/proc/{one.process.pid}/status", encoding="ascii") as out:
            status = dict(line.split(":\t", 1) for line in
                          out.read().splitlines() if ":\t" in line)
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        with open(f"/proc/{one.process.pid}/limits", encoding="ascii") as out:
            limits = out.read()
        assert re.search(r"Max core file size +0 +0 ", limits)
        if world.build == world.plain:
            assert re.search(r"Max data size +100663296 +100663296 ", limits)
