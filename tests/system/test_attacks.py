# SPDX-License-Identifier: Apache-2.0
"""What somebody tried who meant harm: with a stolen terminal, with patience,
or with a packet recorded earlier. Each was a way in, or out of a limit, once."""

import pytest

from client import (Terminal, attempt, login_body, new_key, new_request)


def deny(answer):
    assert answer["result"] == "deny", answer
    return answer["reason"]


def renew(server, terminal, directory):
    """The same terminal with its next certificate, in use at once."""
    directory.mkdir()
    successor = Terminal(server, terminal.name, directory)
    new_key(successor.key)
    reply = terminal.post({"request": new_request(successor.key)},
                          "/v1/terminals/renew")
    if reply.status != 200:
        return reply.status, None
    successor.certificate.write_text(reply.json["certificate"])
    successor.ca.write_text(reply.json["ca"])
    assert successor.ask("GET", "/v1/capabilities").status == 200
    terminal.drop()
    return 200, successor


# --- retries ---------------------------------------------------------------
@pytest.mark.parametrize("change", ["freeze", "suspend", "remove", "policy"])
def test_an_exemption_is_not_told_again_after(servers, world, change):
    server = servers(f"exempt-{change}")
    terminal = server.terminal()
    user, _ = server.hotp()
    rules = world.work / f"exempt-{change}.txt"
    rules.write_text(f"exempt job user={user}\npermit all factors=any\n")
    server.ctl("policy", "set", rules)
    body = login_body(user, attempt=attempt(), factor=None)
    assert terminal.post(body).json["result"] == "exempt"
    assert terminal.post(body).json["result"] == "exempt"
    if change == "policy":
        rules.write_text("permit all factors=any\n")
        server.ctl("policy", "set", rules)
    else:
        server.ctl("user", change, user)
    assert terminal.post(body).json["result"] in ("deny", "continue")


def test_an_accept_by_emergency_code_is_not_told_to_somebody_removed(
        server, terminal):
    user, _ = server.hotp()
    code = server.ctl("code", "issue", user)["code"]
    body = login_body(user, code, "emergency", attempt=attempt())
    assert terminal.post(body).json["result"] == "accept"
    server.ctl("user", "remove", user)
    assert deny(terminal.post(body).json)
