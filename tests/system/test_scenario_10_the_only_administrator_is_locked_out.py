# SPDX-License-Identifier: Apache-2.0
"""Scenario 10: the officer has mistyped too often and is locked out. A second
one unlocks him from her desk; if there is none, root does on the server
itself, and the record names the login behind it."""
import pytest

from test_administrators import Desk, make_officer, refused


@pytest.fixture(scope="module")
def hall(servers):
    server = servers()
    server.ca_text = server.terminal().ca.read_text()
    server.officer = make_officer(server, "s1042", "owner")
    return server


def desk_of(server, name):
    desk = Desk(server.world, server, name)
    desk.ca.write_text(server.ca_text)
    return desk


def who_unlocked(server):
    """The newest; repeats that are still being counted come last in a list."""
    return [r["actor"] for r in server.records(user="s1042")
            if r.get("action") == "user unlock"][-1]


def mistype(server):
    desk = desk_of(server, "yamada")
    for _ in range(5):
        assert desk.sign_in("s1042", "kiso no asahi",
                            server.officer.token.wrong())[0] == 4
    # Now the right code does not help either, and nobody says why.
    assert desk.sign_in("s1042", "kiso no asahi",
                        server.officer.token.code())[0] == 4
    return desk


def test_a_second_administrator_unlocks(hall):
    second = make_officer(hall, "s2077", "helpdesk")
    sato = desk_of(hall, "sato")
    second.sign_in(sato)
    yamada = mistype(hall)
    # A helpdesk does not lay hands on an owner; a second owner does.
    said = refused(sato, "user", "unlock", "s1042", status=4)
    assert "owner" in said
    third = make_officer(hall, "s3001", "owner")
    suzuki = desk_of(hall, "suzuki")
    third.sign_in(suzuki)
    assert suzuki("user", "show", "s1042")["retry_at"]
    suzuki("user", "unlock", "s1042")
    assert who_unlocked(hall) == "admin s3001"
    hall.officer.sign_in(yamada)


def test_without_a_second_one_root_does_on_the_server(hall):
    yamada = mistype(hall)
    hall.ctl("user", "unlock", "s1042")
    assert who_unlocked(hall) == "root"
    hall.officer.sign_in(yamada)


def test_who_has_forgotten_the_password_gets_one_on_the_server(hall):
    yamada = desk_of(hall, "forgetful")
    hall.ctl("admin", "password", "s1042", stdin="yuki no asa 22\n")
    assert yamada.sign_in("s1042", "yuki no asa 22",
                          hall.officer.token.code())[0] == 0
    hall.ctl("admin", "password", "s1042", stdin="kiso no asahi\n")
