# SPDX-License-Identifier: Apache-2.0
"""Last of all: what the other tests have left behind."""


def test_no_sanitizer_has_complained(world):
    reports = world.sanitizer_reports()
    assert not reports, "\n".join(reports)[:6000]


def test_no_seed_code_pin_or_password_was_written_anywhere(world):
    assert not world.found_secrets()


def test_the_search_for_secrets_finds_one_that_is_there(world):
    seed = world.seed()
    path = world.work / "planted"
    path.write_bytes(b"x" + seed.hex().encode() + b"y")
    found = world.found_secrets()
    path.unlink()
    for value in [v for v in world.secrets if seed.hex().encode() == v]:
        del world.secrets[value]
    assert found == [(str(path), "seed, hex")]
