# SPDX-License-Identifier: Apache-2.0
"""The published vectors of RFC 4226 and RFC 6238, through a running server
that believes it is that day."""
import base64

import pytest

from client import login_body
from otp import Hotp, hotp

SEED_20 = b"12345678901234567890"
SEED_32 = (SEED_20 * 2)[:32]
SEED_64 = (SEED_20 * 4)[:64]

RFC4226 = ["755224", "287082", "359152", "969429", "338314", "254676",
           "287922", "162583", "399871", "520489"]

RFC6238 = {
    59: ("94287082", "46119246", "90693936"),
    1111111109: ("07081804", "68084774", "25091201"),
    1111111111: ("14050471", "67062674", "99943326"),
    1234567890: ("89005924", "91819424", "93441116"),
    2000000000: ("69279037", "90698825", "38618901"),
    20000000000: ("65353130", "77737706", "47863826"),
}
ALGORITHMS = (("sha1", SEED_20), ("sha256", SEED_32), ("sha512", SEED_64))


def test_our_own_arithmetic_agrees_with_the_vectors():
    assert [hotp(SEED_20, i) for i in range(10)] == RFC4226
    for time_s, codes in RFC6238.items():
        assert tuple(hotp(seed, time_s // 30, 8, algorithm)
                     for algorithm, seed in ALGORITHMS) == codes


def test_rfc4226_counters_0_to_9_are_accepted_in_turn(server, terminal):
    token = Hotp(SEED_20)
    server.import_tokens([f"HOTP rfc4226 - {SEED_20.hex()}"])
    for code in RFC4226:
        assert token.code() == code
        assert terminal.login("rfc4226", code)["result"] == "accept"
        assert terminal.login("rfc4226", code)["result"] == "deny"


@pytest.mark.parametrize("time_s", RFC6238)
def test_rfc6238_vectors_at(servers, time_s):
    """Confirmed by the step before, let in by the vector itself; both in the
    half minute that is the vector's."""
    server = servers("rfc6238", start_at=time_s - time_s % 30)
    terminal = server.terminal()
    for (algorithm, seed), code in zip(ALGORITHMS, RFC6238[time_s]):
        user = f"rfc-{algorithm}"
        server.ctl("user", "add", user)
        answer = server.ctl(
            "token", "enroll", user, "--algorithm", algorithm, "--digits", 8,
            "--secret", "-", stdin=base64.b32encode(seed).decode() + "\n")
        before = hotp(seed, time_s // 30 - 1, 8, algorithm)
        server.ctl("token", "confirm", answer["token"]["serial"], before)
        reply = terminal.post(login_body(user, code))
        assert reply.json["result"] == "accept", (algorithm, reply)
        reply = terminal.post(login_body(user, code))
        assert reply.json["reason"] == "used", (algorithm, reply)
    server.stop()
