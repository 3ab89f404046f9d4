# SPDX-License-Identifier: Apache-2.0
"""One signature, one login: at the same moment, after a crash, after a
restore, after the clock was set back."""
import pytest

from card_client import ask, bind, finish, proof, trust
from client import many_at_once
from server import Server


def begin(server, authority, terminal=None):
    """A login by card, not finished: (terminal, challenge, body)."""
    trust(server, authority)
    terminal = terminal or server.terminal()
    certificate = authority.issue("Somebody", "P-256")
    user = bind(server, certificate)
    asked = ask(terminal, user)
    return terminal, asked, proof(terminal, asked, certificate, user)


def test_the_same_proof_64_times_at_once(server, terminal, authority):
    connections = terminal.connect_many(64)
    for _ in range(5):
        _, asked, body = begin(server, authority, terminal)
        replies = many_at_once(connections, [body] * 64,
                               f"/v1/logins/{asked['login']}")
        assert sorted(reply.status for reply in replies) == [200] + [404] * 63
        assert [reply.json["result"] for reply in replies
                if reply.status == 200] == ["accept"]


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_finished_login_stays_finished_after_a(servers, authority, how):
    server = servers(f"replay-{how}")
    terminal, asked, body = begin(server, authority)
    assert finish(terminal, asked, body).json["result"] == "accept"
    if how == "restart":
        server.restart()
    else:
        server.kill()
        server.start()
    terminal.drop()
    assert finish(terminal, asked, body).status == 404


def test_a_restored_server_takes_up_no_login(servers, authority, world):
    """What was finished after the backup is not known to it."""
    server = servers("replay-backup", recovery=True)
    terminal, asked, body = begin(server, authority)
    server.ctl("server", "backup", server.dir / "backup")
    assert finish(terminal, asked, body).json["result"] == "accept"
    server.stop()
    fresh = Server(world, "replay-restored")
    done = fresh.command("restore", "--recovery-key", server.recovery_key,
                         server.dir / "backup", stdin="yes\n")
    assert done.returncode == 0, done.stderr
    fresh.start()
    try:
        terminal.server = fresh
        terminal.drop()
        assert finish(terminal, asked, body).status == 404
        user = fresh.records(limit=5)  # it serves
        assert user
    finally:
        fresh.stop()


def test_a_clock_set_back_takes_up_no_login(servers, authority):
    """So little that the login has not ended, enough to be doubted."""
    server = servers("replay-clock", fake=True)
    terminal, asked, body = begin(server, authority)
    server.pass_time(60)
    assert finish(terminal, asked, body).json["result"] == "accept"
    server.jump(-40)
    assert finish(terminal, asked, body).status == 404
    assert server.ctl("server", "clock", "accept")["backwards"] is True
    assert finish(terminal, asked, body).status == 404
