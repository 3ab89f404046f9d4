# SPDX-License-Identifier: Apache-2.0
"""The emulated cards and software tokens themselves, through OpenSC's own
tools: what fails here is no fault of ours in test_cards.py."""
import subprocess

import pytest

import cards


@pytest.fixture(scope="module")
def jpki(emulated, authority):
    card = emulated("jpki", 0, authority.issue("s1042", "rsa:2048"),
                    cards.PIN_JPKI, authority=authority, sign_pin="ABC123",
                    sign=authority.issue("s1042 sign", "rsa:2048",
                                         usage="signature"))
    card.insert()
    yield card
    card.remove_noticed()


@pytest.fixture(scope="module")
def piv(emulated, authority):
    card = emulated("piv", 1, authority.issue("s2001", "rsa:2048"),
                    cards.PIN_PIV, sign=authority.issue("s2001 ec", "P-256"))
    card.insert()
    yield card
    card.remove_noticed()


def tool(world, *arguments, timeout_s=20, **environment):
    return subprocess.run(
        ["timeout", str(timeout_s), "pkcs11-tool", *map(str, arguments)],
        capture_output=True, timeout=30, check=False, env=world.environment(
            OPENSC_CONF=cards.pin_drivers(world.work), **environment))


def signed(world, tmp_path, certificate, *arguments, **environment):
    """Whether a token's signature is that of the certificate's key."""
    data, out = tmp_path / "data", tmp_path / "signature"
    public = tmp_path / "public.pem"
    data.write_bytes(b"to be signed")
    done = tool(world, *arguments, "--login", "--sign", "-m",
                "SHA256-RSA-PKCS", "-i", data, "-o", out, **environment)
    subprocess.run(["openssl", "pkey", "-in", certificate.key, "-pubout",
                    "-out", public], check=True, timeout=20)
    return done.returncode == 0 and subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", public, "-signature", out,
         data], capture_output=True, timeout=20, check=False).returncode == 0


def test_an_emulated_my_number_card_signs(world, jpki, tmp_path):
    assert signed(world, tmp_path, jpki.certificate, "--module", cards.OPENSC,
                  "--token-label", "JPKI (User Authentication PIN)", "--pin",
                  jpki.pin)
    assert jpki.pins_tried() == [0x9000] and jpki.signatures() == 1


def test_an_emulated_piv_card_signs(world, piv, tmp_path):
    piv.restore()
    assert signed(world, tmp_path, piv.certificate, "--module", cards.OPENSC,
                  "--token-label", "s2001", "--id", "01", "--pin", piv.pin)
    assert piv.pins_tried() == [0x9000] and piv.signatures() == 1


def test_a_wrong_pin_spends_a_try_and_locks(world, piv):
    piv.restore()
    for expected in (0x63c2, 0x63c1, 0x6983):
        piv.mark()
        assert tool(world, "--module", cards.OPENSC, "--token-label", "s2001",
                    "--login", "--pin", "000000", "-O").returncode != 0
        assert piv.pins_tried() == [expected]


# The thirteenth read of a PIV card is of the first certificate.
@pytest.mark.parametrize("fault, shown", [
    ("cut-on cb 10", "cut on cb"), ("sw-on cb 6f00 12", " 6f00"),
    ("short-on cb 12", "answers with one byte"),
    ("long-on cb 12", "answers with 4000 bytes"), ("false-ends 1", " 9000"),
    ("silent-on cb 10", "silent on cb")])
def test_each_fault_reaches_the_reader(world, piv, fault, shown):
    piv.restore()
    piv.was_silent = fault.startswith("silent")
    piv.order(fault)
    done = tool(world, "--module", cards.OPENSC, "-O", "--type", "cert",
                timeout_s=1.5)
    assert b"CN=s2001," not in done.stdout, done.stdout
    assert piv.said(shown)


def test_a_software_token_signs(world, authority, tmp_path):
    tokens = cards.Tokens(world)
    certificate = tokens.add("alice", authority.issue("alice", "rsa:2048"))
    assert signed(world, tmp_path, certificate, "--module", cards.SOFTHSM,
                  "--token-label", "alice", "--pin", cards.PIN_SOFTHSM,
                  SOFTHSM2_CONF=tokens.config)


def test_the_shim_fails_where_it_is_told_to(world, authority, tmp_path):
    tokens = cards.Tokens(world)
    certificate = tokens.add("bob", authority.issue("bob", "rsa:2048"))
    shim = cards.Shim(world)

    def try_it():
        return signed(world, tmp_path, certificate, "--module", shim.path,
                      "--token-label", "bob", "--pin", cards.PIN_SOFTHSM,
                      SOFTHSM2_CONF=tokens.config)
    assert try_it()
    for rule in ("fail login 0xa0", "fail sign 0x32", "crash sign 1",
                 "flags 0x40000"):
        shim.set(rule)
        assert try_it() == rule.startswith("flags"), rule


def test_pcscd_can_die_and_come_back(world, pcscd, piv):
    piv.restore()
    pcscd.kill()
    assert b"s2001" not in tool(world, "--module", cards.OPENSC, "-L").stdout
    pcscd.start()
    piv.restore()
    assert b"s2001" in tool(world, "--module", cards.OPENSC, "-L").stdout
