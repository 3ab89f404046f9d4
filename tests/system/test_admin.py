# SPDX-License-Identifier: Apache-2.0
"""Every command of sekimorictl, for people and for programs; backup and
restore; the audit chain under attack; a hundred thousand tokens."""
import base64
import datetime
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import pexpect
import pytest

from client import login_body, over_socket
from ctl import Refused
from otp import Hotp, Totp
from programs import as_user
from server import Server


def deny(answer):
    assert answer["result"] == "deny", answer
    return answer["reason"]


def refused(ctl, *arguments, status=1, **how):
    code, out, err = ctl.run(*arguments, **how)
    assert code == status, (code, out, err)
    assert err.strip() or out.strip(), "says why"
    return out + err


def tokyo(year, month, day):
    zone = datetime.timezone(datetime.timedelta(hours=9))
    return int(datetime.datetime(year, month, day, tzinfo=zone).timestamp())


# --- people and tokens ---------------------------------------------------------
def test_users_from_first_day_to_last(server):
    ctl = server.ctl
    answer = ctl("user", "add", "s1042", "--login", "yamada", "--name",
                 "山田 花子", "--department", "住民課", "--kind",
                 "fiscal-year", "--from", "R8.4.1", "--until", "2031-03-31")
    assert answer["user"]["id"] == "s1042"
    shown = ctl("user", "show", "s1042")
    assert (shown["login"], shown["name"]) == ("yamada", "山田 花子")
    assert shown["department"] == "住民課" and shown["kind"] == "fiscal-year"
    assert shown["state"] == "active" and not shown["frozen"]
    assert not shown["enrolled"] and not shown["retry_at"]
    assert shown["tokens"] == []
    # Midnight in Japan; the last day is still valid.
    assert shown["from"] == tokyo(2026, 4, 1)
    assert shown["until"] == tokyo(2031, 4, 1)
    refused(ctl, "user", "add", "s1042")
    assert "s1042" in [u["id"] for u in ctl.items("user", "list")]
    for verb, member, value in (("suspend", "state", "suspended"),
                                ("resume", "state", "active"),
                                ("freeze", "frozen", True),
                                ("thaw", "frozen", False),
                                ("unlock", "retry_at", None)):
        assert ctl("user", verb, "s1042")["user"]["id"] == "s1042"
        assert ctl("user", "show", "s1042")[member] in (value, value or 0)
    ctl("user", "remove", "s1042")
    assert "s1042" not in [u["id"] for u in ctl.items("user", "list")]
    refused(ctl, "user", "show", "s1042")
    for verb in ("show", "suspend", "unlock", "freeze", "remove"):
        refused(ctl, "user", verb, "never-there")


@pytest.mark.parametrize("arguments", [
    ("user", "add", ""), ("user", "add", "a" * 257),
    ("user", "add", "a\nb"), ("user", "add", "x", "--until", "someday"),
    ("user", "add", "x", "--until", "2026-02-30"),
    ("user", "add", "x", "--kind", "wizard"),
    ("user", "add", "x", "--from", "2026-04-02", "--until", "2026-04-01"),
    ("code", "issue", "nobody-there"),
    ("token", "enroll", "nobody-there"),
    ("token", "show", "SKNOTHING"), ("terminal", "revoke", "no-such"),
    ("terminal", "add", "a\x7fb"), ("audit", "list", "--from", "soon"),
])
def test_what_makes_no_sense_is_refused_with_a_sentence(server, arguments):
    code, out, err = server.ctl.run(*arguments)
    assert code in (1, 2), (code, out, err)
    assert len(err.strip()) > 10


@pytest.mark.parametrize("arguments", [
    (), ("user",), ("user", "dance"), ("user", "add"), ("user", "show"),
    ("user", "show", "a", "b"), ("user", "list", "--nonsense"),
    ("token", "enroll", "x", "--digits", "7"),
    ("token", "import", "/nothing", "--from", "word"),
    ("audit", "list", "--limit", "many"),
])
def test_usage_errors_are_2(server, arguments):
    code, _, err = server.ctl.run(*arguments)
    assert code == 2 and err.strip(), (code, err)


def test_no_server_is_3(world):
    from ctl import Ctl
    code, _, err = Ctl(world, world.work / "no-such-socket").run(
        "user", "list")
    assert code == 3 and err.strip()


def test_others_than_root_are_not_permitted(server, world):
    """The socket's mode keeps them out, and so does the daemon."""
    code, _, err = server.ctl.run("user", "list", prefix=as_user("alice"))
    assert code in (3, 4) and err.strip()
    server.admin_socket.chmod(0o666)
    try:
        code, out, err = server.ctl.run("user", "add", "sneaked",
                                        prefix=as_user("alice"))
        assert code in (3, 4), (code, out, err)
    finally:
        server.admin_socket.chmod(0o600)
    refused(server.ctl, "user", "show", "sneaked")


def test_destructive_commands_ask_first(server, world):
    server.ctl("user", "add", "to-be-removed")
    command = [world.program("sekimorictl"), "--socket",
               str(server.admin_socket), "user", "remove", "to-be-removed"]
    child = pexpect.spawn(command[0], command[1:], timeout=20,
                          encoding="utf-8", env=world.environment())
    child.expect(r"\[y/N\]")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert server.ctl("user", "show", "to-be-removed")["state"] == "active"
    # A script has nobody to ask and must not stop.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=20,
                          capture_output=True, env=world.environment(),
                          check=False)
    assert done.returncode == 0, done.stderr
    refused(server.ctl, "user", "show", "to-be-removed")


def test_a_token_s_life(server, terminal):
    ctl = server.ctl
    user = server.name()
    ctl("user", "add", user)
    token = Totp(server.world.seed())
    answer = server.enroll(user, token, confirm=False)
    serial = token.serial
    assert answer["token"]["state"] == "pending"
    assert deny(terminal.login(user, "123456")) == "not_enrolled"
    refused(ctl, "token", "confirm", serial, token.wrong())
    assert ctl("token", "show", serial)["state"] == "pending"
    ctl("token", "confirm", serial, token.code())
    shown = ctl("token", "show", serial)
    assert shown["state"] == "active" and shown["user"] == user
    assert (shown["type"], shown["algorithm"], shown["digits"],
            shown["period"]) == ("totp", "sha1", 6, 30)
    assert "seed" not in shown and "secret" not in shown
    ctl("token", "suspend", serial)
    code = token.code()
    assert deny(terminal.login(user, code)) == "wrong"
    ctl("token", "resume", serial)
    assert terminal.login(user, code)["result"] == "accept"
    assert ctl("token", "show", serial)["last_used"]
    ctl("token", "lost", serial)
    assert ctl("token", "show", serial)["state"] == "lost"
    ctl("token", "revoke", serial)
    refused(ctl, "token", "resume", serial)
    assert serial in [t["serial"] for t in
                      ctl.items("token", "list", "--state", "revoked")]
    assert serial not in [t["serial"] for t in
                          ctl.items("token", "list", "--state", "active")]


def test_enrolling_without_a_seed_makes_one(server, terminal):
    user = server.name()
    server.ctl("user", "add", user)
    answer = server.ctl("token", "enroll", user)
    uri = urllib.parse.urlsplit(answer["otpauth"])
    query = dict(urllib.parse.parse_qsl(uri.query))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert user in urllib.parse.unquote(uri.path)
    seed = base64.b32decode(query["secret"] + "=" * (-len(query["secret"]) %
                                                     8))
    assert len(seed) >= 20 and query.get("issuer")
    server.world.secret("enrolled seed", query["secret"])
    server.world.secret("enrolled seed, raw", seed)
    server.world.secret("enrolled seed, hex", seed.hex())
    token = Totp(seed)
    server.ctl("token", "confirm", answer["token"]["serial"], token.code())
    assert terminal.login(user, token.code())["result"] == "accept"


@pytest.mark.parametrize("secret", [
    "", "not base32!", "GEZDGNBV", base64.b32encode(b"x" * 13).decode(),
    base64.b32encode(b"x" * 200).decode()])
def test_bad_and_short_seeds_are_refused(server, secret):
    user = server.name()
    server.ctl("user", "add", user)
    code, out, err = server.ctl.run("token", "enroll", user, "--secret", "-",
                                    stdin=secret + "\n")
    assert code in (1, 2), (code, out, err)
    assert not secret or secret not in out + err
    assert server.ctl("user", "show", user)["tokens"] == []


def test_the_qr_code_can_be_read(server, world):
    """What stands on the terminal, as a camera would see it."""
    if not shutil.which("zbarimg"):
        pytest.fail("zbarimg is missing (package zbar-tools)")
    user = server.name()
    server.ctl("user", "add", user)
    _, text, _ = server.ctl.run("token", "enroll", user, json_output=False)
    uri = re.search(r"otpauth://\S+", text).group(0)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line for line in plain.split("\n") if set(line) <= set(" ▀▄█")
             and len(line) > 20]
    assert lines and max(map(len, lines)) <= 80
    width, scale = max(map(len, lines)), 6
    rows = []
    for line in lines:
        line = line.ljust(width)
        rows.append([c in "▀█" for c in line])
        rows.append([c in "▄█" for c in line])
    pixels = b"".join(
        b"".join((b"\0" if dark else b"\xff") * scale for dark in row) * scale
        for row in rows)
    picture = world.scratch / "qr.pgm"  # outside what is searched for seeds
    picture.write_bytes(b"P5 %d %d 255\n" % (width * scale,
                                             len(rows) * scale) + pixels)
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "--oneshot", picture],
                          capture_output=True, text=True, timeout=30,
                          check=False)
    picture.unlink()
    assert done.stdout.strip() == uri, done


def test_secrets_are_not_arguments(server):
    """A seed can only be typed or piped: `--secret SEED` is a usage error."""
    user = server.name()
    server.ctl("user", "add", user)
    code, out, err = server.ctl.run("token", "enroll", user, "--secret",
                                    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    assert code == 2 and "GEZDGNBV" not in out + err


def test_emergency_codes_print_once(server, terminal):
    user, _ = server.hotp()
    status, text, _ = server.ctl.run("code", "issue", user,
                                     json_output=False)
    assert status == 0
    code = text.split("\n")[0].strip()
    server.world.secret("emergency code", code.replace("-", ""))
    digits = code.replace("-", "")
    assert terminal.login(user, digits, "emergency")["result"] == "accept"
    assert code not in json.dumps(server.records(limit=20))


# --- terminals and policy --------------------------------------------------------
def test_terminals(server):
    answer = server.ctl("terminal", "add", "counter-03", "--group", "counter")
    assert answer["terminal"]["name"] == "counter-03"
    assert re.fullmatch(r"([A-Z2-7]{1,5}-)*[A-Z2-7]{1,5}",
                        answer["join_code"])
    listed = {t["name"]: t for t in server.ctl.items("terminal", "list")}
    assert listed["counter-03"]["group"] == "counter"
    server.ctl("terminal", "freeze", "counter-03")
    assert {t["name"]: t["frozen"] for t in server.ctl.items(
        "terminal", "list")}["counter-03"] in (True, 1)
    server.ctl("terminal", "thaw", "counter-03")
    server.ctl("terminal", "revoke", "counter-03")


def test_policy_show_set_and_test(servers, world):
    server = servers("rules")
    user, token = server.hotp()
    terminal = server.terminal("window-1")
    other = server.terminal("window-2")
    first = server.ctl("policy", "show")
    assert "permit everyone" in first["text"]
    rules = world.work / "rules"
    rules.write_text("permit desks terminal=window-1 factors=otp\n")
    server.ctl("policy", "set", rules)
    assert server.ctl("policy", "show")["text"] == rules.read_text()
    answer = server.ctl("policy", "test", "--user", user, "--terminal",
                        "window-1", "--service", "sshd")
    assert (answer["action"], answer["rule"]) == ("permit", "desks")
    code, out, _ = server.ctl.run("policy", "test", "--user", user,
                                  "--terminal", "window-2", "--service",
                                  "sshd")
    assert code == 1 and json.loads(out)["action"] == "refuse"
    assert terminal.login(user, token.code())["result"] == "accept"
    assert deny(other.login(user, token.code())) == "not_permitted"
    emergency = server.ctl("code", "issue", user)["code"]
    assert terminal.login(user, emergency, "emergency")["result"] == "deny"
    for bad, line in (("permit x factors=any\nallow y\n", 2),
                      ("permit a factors=magic\n", 1), ("permit a\n", 1),
                      ("permit a user= factors=any\n", 1),
                      ("permit a colour=red factors=any\n", 1),
                      ("permit a factors=any factors=any\n", 1)):
        rules.write_text(bad)
        code, _, err = server.ctl.run("policy", "set", rules)
        assert code in (1, 2) and f"line {line}" in err, (bad, err)
    assert "desks" in server.ctl("policy", "show")["text"]
    server.ctl("policy", "set", "-", stdin=first["text"])


# --- tables ----------------------------------------------------------------------
@pytest.mark.parametrize("arguments,column", [
    (("user", "list"), "ID"), (("token", "list"), "SERIAL"),
    (("terminal", "list"), "NAME"), (("audit", "list"), "SEQ"),
    (("audit", "head"), "HEAD"), (("audit", "verify"), "RECORDS"),
    (("server", "status"), "version"), (("policy", "show"), "permit")])
def test_tables_for_people(server, arguments, column):
    server.hotp()
    server.ctl("terminal", "add", server.name("t"))
    status, text, err = server.ctl.run(*arguments, json_output=False)
    assert status == 0, err
    assert column in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_what_outsiders_wrote_cannot_steer_an_administrator_s_screen(
        server, terminal):
    user, token = server.hotp()
    for odd in ("\u202evil", "a\u0085b", "a\u2066b", "\x1b[2J", "a\x9bb"):
        for member in ("service", "tty", "rhost"):
            reply = terminal.post({**login_body(user, token.wrong()),
                                   member: odd})
            assert reply.status in (200, 400), reply
        server.ctl("user", "unlock", user)
        server.ctl.run("user", "add", server.name(), "--name", odd)
        server.ctl.run("terminal", "add", server.name(), "--group", odd)
    for command in (("audit", "list"), ("user", "list")):
        _, text, _ = server.ctl.run(*command, json_output=False)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e"
                             "\u2066-\u2069]", text)


def test_audit_list_filters(server, terminal):
    user, token = server.hotp()
    terminal.login(user, token.code())
    terminal.login(user, token.wrong())
    assert {r["result"] for r in server.records(user=user, result="deny")} \
        == {"deny"}
    assert {r["terminal"] for r in server.records(terminal=terminal.name)} \
        == {terminal.name}
    assert len(server.records(limit=3)) == 3
    ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(
        time.time() + 3600))
    assert server.records(**{"from": ahead}) == []
    seqs = [r["seq"] for r in server.records(limit=20) if r["seq"]]
    assert seqs == sorted(seqs)


def test_admin_actions_say_who_and_what(server):
    user = server.name()
    server.ctl("user", "add", user)
    server.ctl("user", "freeze", user)
    records = [r for r in server.records(limit=10) if r["kind"] == "admin"]
    text = json.dumps(records)
    assert "user" in text and "freeze" in text and user in text
    assert all(r.get("actor") for r in records), records


def test_status_metrics_and_readiness_on_the_socket(server):
    status = server.ctl("server", "status")
    assert status["state"] and status["version"] and status["records"] > 0
    reply = over_socket(server.admin_socket, "GET", "/metrics")
    assert reply.status == 200 and b"sekimori_" in reply.body
    assert over_socket(server.admin_socket, "GET", "/readyz").status == 200
    assert over_socket(server.admin_socket, "POST", "/v1/admin/user/dance",
                       {}).status == 404
    assert over_socket(server.admin_socket, "POST", "/v1/admin/user/add",
                       {"id": "x", "colour": "red"}).status == 400


# --- keys, clock -----------------------------------------------------------------
def test_keys_rotate_while_logins_go_on(servers):
    server = servers("rotate")
    terminal = server.terminal()
    people = server.hotp_users(200)
    key_before = (server.state / "kek").read_text()
    first = server.ctl("server", "status").get("generation")
    stop, failures = threading.Event(), []

    def log_in():
        desk = server.terminal()
        number = 0
        while not stop.is_set():
            user, token = people[number % 200]
            if desk.login(user, token.code())["result"] != "accept":
                failures.append(user)
            number += 1
    thread = threading.Thread(target=log_in)
    thread.start()
    generations = [server.ctl("server", "keys", "rotate")["generation"]
                   for _ in range(3)]
    stop.set()
    thread.join(20)
    assert not failures
    assert generations == sorted(set(generations)) and generations[0] > first
    key_after = (server.state / "kek").read_text()
    assert key_after != key_before
    assert key_before.split()[-1] not in key_after, "the old key is gone"
    server.restart()
    terminal.drop()
    for user, token in people[::20]:
        assert terminal.login(user, token.code())["result"] == "accept"


# --- import ------------------------------------------------------------------------
def test_import_of_users_oath(server, terminal, world):
    seeds = [world.seed() for _ in range(4)]
    lines = [f"HOTP imp1 - {seeds[0].hex()} 7",
             f"HOTP/T30 imp2 - {seeds[1].hex()}",
             f"HOTP/T60/8\timp3\t1234\t{seeds[2].hex()}",
             f"HOTP/E/8 imp4 - {seeds[3].hex()} 3 12345678 "
             "2026-01-01T00:00:00L"]
    answer = server.import_tokens(lines)
    assert (answer["created"], answer["users_created"]) == (4, 4)
    again = server.import_tokens(lines)
    assert (again["created"], again["unchanged"]) == (0, 4)
    assert terminal.login("imp1", Hotp(seeds[0]).code(7))["result"] == \
        "accept"
    assert terminal.login("imp2", Totp(seeds[1]).code())["result"] == "accept"
    assert terminal.login(
        "imp3", Totp(seeds[2], 8, 60).code())["result"] == "accept"
    assert terminal.login("imp4",
                          Hotp(seeds[3], 8).code(4))["result"] == "accept"
    again = server.import_tokens(lines)
    assert again["created"] == 0
    assert deny(terminal.login("imp1", Hotp(seeds[0]).code(7))) == "used"


@pytest.mark.parametrize("bad", [
    "HOTP only-two", "HOTX user - 3132333435363738393031323334353637383930",
    "HOTP user - zz32333435363738393031323334353637383930",
    "HOTP user - 313233343536373839303132333435363738393",
    "HOTP user - 31323334", "HOTP/T30/7 user - 31323334353637383930313233343536",
    "HOTP/T45 user - 3132333435363738393031323334353637383930"])
def test_a_bad_row_stops_an_import_before_it_begins(server, world, bad):
    good = f"HOTP good{abs(hash(bad)) % 10**8} - {world.seed().hex()}"
    with pytest.raises(Refused) as refusal:
        server.import_tokens([good, bad])
    assert refusal.value.status == 1
    assert ":2:" in refusal.value.stderr, refusal.value.stderr
    assert "3132333435" not in refusal.value.stderr
    refused(server.ctl, "user", "show", good.split()[1])


def test_import_without_create_users_takes_known_people_only(server, world):
    server.ctl("user", "add", "known-one")
    line = f"HOTP known-one - {world.seed().hex()}"
    assert server.import_tokens([line], create=False)["created"] == 1
    with pytest.raises(Refused):
        server.import_tokens([f"HOTP unknown-one - {world.seed().hex()}"],
                             create=False)


def test_import_of_a_hundred_thousand_while_logins_go_on(servers, world):
    server = servers("large")
    terminal = server.terminal()
    user, token = server.hotp()
    seed = os.urandom(18)
    lines = [f"HOTP big{i:06} - {seed.hex()}{i:04x}"
             for i in range(65536)]
    lines += [f"HOTP big{i:06} - {seed.hex()[::-1]}{i - 65536:04x}"
              for i in range(65536, 100000)]
    waits, stop = [], threading.Event()

    def log_in():
        desk = server.terminal()
        while not stop.is_set():
            start = time.monotonic()
            assert desk.login(user, token.code())["result"] == "accept"
            waits.append(time.monotonic() - start)
            time.sleep(0.2)
    thread = threading.Thread(target=log_in)
    thread.start()
    try:
        answer = server.import_tokens(lines)
    finally:
        stop.set()
        thread.join(30)
    assert answer["created"] == 100000 and answer["users_created"] == 100000
    assert len(waits) > 5 and max(waits) < 3, (len(waits), max(waits))
    last = Hotp(bytes.fromhex(lines[-1].split()[3]))
    assert terminal.login("big099999", last.code())["result"] == "accept"
    with open(f"/proc/{server.process.pid}/status",
              encoding="ascii") as status:
        resident_kb = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
    if "asan" not in str(world.build):
        assert resident_kb < 32 * 1024, resident_kb
    server.stop()
    shutil.rmtree(server.state)


# --- backup and restore ------------------------------------------------------------
def restore(server, backup, name, world, start=True):
    """A new server from a backup, on a port of its own."""
    fresh = Server(world, name)
    done = fresh.command("restore", "--recovery-key", server.recovery_key,
                         backup, stdin="yes\n")
    assert done.returncode == 0, done.stderr
    if start:
        fresh.start()
    return fresh, done


def test_a_backup_taken_under_load_restores_with_floors(servers, world):
    server = servers("backup", recovery=True)
    terminal = server.terminal()
    hotp_user, hotp = server.hotp()
    totp_user, totp = server.totp()
    spent_step = totp.step()
    spent = totp.at(spent_step)
    assert terminal.login(totp_user, spent)["result"] == "accept"
    emergency = server.ctl("code", "issue", hotp_user)["code"]
    stop, accepted = threading.Event(), []

    def log_in():
        desk = server.terminal()
        people = server.hotp_users(20)
        number = 0
        while not stop.is_set():
            user, token = people[number % 20]
            accepted.append(desk.login(user, token.code())["result"])
            number += 1
    thread = threading.Thread(target=log_in)
    thread.start()
    time.sleep(0.3)
    backups = [server.dir / f"backup{i}" for i in range(3)]
    for backup in backups:
        server.ctl("server", "backup", backup)
        assert backup.stat().st_mode & 0o077 == 0
    stop.set()
    thread.join(20)
    assert set(accepted) == {"accept"} and len(accepted) > 10
    # After the backup: codes accepted now are unknown to the backup.
    later = hotp.code()
    assert terminal.login(hotp_user, later)["result"] == "accept"
    key = (server.state / "kek").read_text().split()[-1]
    for backup in backups:
        data = backup.read_bytes()
        assert key.encode() not in data
        assert bytes.fromhex(key) not in data
    server.stop()

    fresh, done = restore(server, backups[-1], "restored", world)
    try:
        assert key not in done.stdout + done.stderr
        # The terminals of the old one go on: same CA, same names.
        terminal.server, old = fresh, terminal.server
        terminal.drop()
        assert deny(terminal.login(totp_user, spent)) == "used"
        assert deny(terminal.login(totp_user, totp.at(totp.step() - 1))) \
            == "used", "the floor is the time of the restore"
        for code in (later, hotp.code(1)):
            assert terminal.login(hotp_user, code)["result"] == "deny"
        assert terminal.login(hotp_user, emergency,
                              "emergency")["result"] == "deny"
        tokens = fresh.ctl("user", "show", hotp_user)["tokens"]
        assert tokens[0]["state"] == "void", tokens
        fresh.ctl("token", "confirm", tokens[0]["serial"], hotp.code(2))
        assert terminal.login(hotp_user, later)["result"] == "deny"
        assert terminal.login(hotp_user, hotp.code(3))["result"] == "accept"
        text = json.dumps(fresh.records(limit=30))
        assert "restore" in text
        assert fresh.verify()[1]["ok"]
        terminal.server = old
    finally:
        assert fresh.stop() == 0


def test_restore_needs_its_own_recovery_key_and_a_whole_backup(
        servers, world):
    server = servers("backup-bad", recovery=True)
    other = servers("backup-other", recovery=True)
    server.hotp()
    backup = server.dir / "backup"
    server.ctl("server", "backup", backup)
    fresh = Server(world, "restored-bad")
    done = fresh.command("restore", "--recovery-key", other.recovery_key,
                         backup, stdin="yes\n")
    assert done.returncode != 0 and done.stderr.strip()
    data = backup.read_bytes()
    damaged = server.dir / "damaged"
    for change in (data[:len(data) // 2], data[:-1], b"",
                   data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) +
                   data[len(data) // 2 + 1:]):
        damaged.write_bytes(change)
        done = fresh.command("restore", "--recovery-key",
                             server.recovery_key, damaged, stdin="yes\n")
        assert done.returncode != 0, len(change)
        assert not list(fresh.state.glob("*.db")), "nothing half restored"
    done = fresh.command("restore", "--recovery-key", server.recovery_key,
                         backup, stdin="no\n")
    assert done.returncode != 0, "the time was not confirmed"
    done = server.command("restore", "--recovery-key", server.recovery_key,
                          backup, stdin="yes\n")
    assert done.returncode != 0, "over a living server"
    other.stop()
    server.stop()


def test_without_a_recovery_key_there_is_no_backup(server):
    text = refused(server.ctl, "server", "backup", server.dir / "nothing")
    assert "recovery" in text.lower()


# --- the audit chain -----------------------------------------------------------------
@pytest.fixture(scope="module")
def chained(servers):
    """A stopped server with a chain, its kept head and its export."""
    server = servers("chain")
    terminal = server.terminal()
    for user, token in server.hotp_users(5):
        terminal.login(user, token.code())
        terminal.login(user, token.wrong())
    server.head = server.ctl("audit", "head")["chains"][0]
    status, server.exported, _ = server.ctl.run("audit", "export",
                                                json_output=False)
    assert status == 0
    server.stop()
    return server


def records_table(db):
    """(table, columns) of the chain, whatever they are called."""
    for (table,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type='table'"):
        columns = [row[1] for row in db.execute(
            f"PRAGMA table_info({table})")]
        if "seq" in columns and "record" in columns:
            return table
    raise AssertionError("no audit table")


TAMPERING = {
    "a byte is changed": lambda db, t, at: db.execute(
        f"UPDATE {t} SET record = replace(record, 'accept', 'accepT') "
        f"WHERE seq = {at}"),
    "a record is deleted": lambda db, t, at: db.execute(
        f"DELETE FROM {t} WHERE seq = {at}"),
    "two records change places": lambda db, t, at: (
        db.execute(f"UPDATE {t} SET seq = -1 WHERE seq = {at}"),
        db.execute(f"UPDATE {t} SET seq = {at} WHERE seq = {at + 1}"),
        db.execute(f"UPDATE {t} SET seq = {at + 1} WHERE seq = -1")),
    "the tail is cut": lambda db, t, at: db.execute(
        f"DELETE FROM {t} WHERE seq >= {at}"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_verify_finds_that(chained, how):
    database = next(chained.state.glob("*.db"))
    saved = {path: path.read_bytes() for path in chained.state.iterdir()
             if path.is_file()}
    with sqlite3.connect(database) as db:
        table = records_table(db)
        at = db.execute(f"SELECT min(seq) FROM {table} WHERE record LIKE "
                        "'%accept%'").fetchone()[0]
        TAMPERING[how](db, table, at)
    db.close()
    try:
        chained.spawn()
        try:
            status = chained.process.wait(1.5)
            assert status not in (0, 99), "does not start: fine, says why"
            assert "audit" in chained.log().lower() or \
                "chain" in chained.log().lower()
            return
        except subprocess.TimeoutExpired:
            pass
        status, answer = chained.verify("--head", chained.head["head"])
        assert status == 1 and answer["ok"] is False, answer
        if how != "the tail is cut":
            assert answer["chains"][0]["first_bad"] in (at, at + 1), answer
    finally:
        if chained.process is not None:
            chained.stop()
        for path in list(chained.state.iterdir()):
            if path.is_file():
                path.unlink()
        for path, data in saved.items():
            path.write_bytes(data)
            path.chmod(0o600)


def test_an_export_verifies_without_the_server(chained, world):
    path = world.work / "export.jsonl"
    lines = chained.exported.splitlines(keepends=True)
    middle = len(lines) // 2
    cases = [(lines, True), (lines[:middle] + lines[middle + 1:], False),
             (lines[:middle], False),
             ([line.replace("accept", "accepT", 1) for line in lines], False),
             (lines[:middle] + [lines[middle + 1], lines[middle]] +
              lines[middle + 2:], False)]
    for text, good in cases:
        path.write_text("".join(text))
        status, out, err = chained.ctl.run(
            "audit", "verify", "--export", path, "--head",
            chained.head["head"])
        assert (status == 0) == good, (out, err)
        assert json.loads(out)["ok"] == good


def test_a_good_chain_still_verifies(chained):
    chained.start()
    status, answer = chained.verify("--head", chained.head["head"])
    assert status == 0 and answer["ok"], answer
    assert answer["chains"][0]["instance"]
    status, answer = chained.verify("--head", "00" * 32)
    assert status == 1 and answer["ok"] is False


def test_heads_are_signed_for_terminals(server, terminal):
    own = terminal.ask("GET", "/v1/terminals/self").json
    assert own["terminal"] == terminal.name
    head = own["head"]
    signed = b"sekimori-head-v1\0" + "".join(
        f"{head[key]}\n" for key in ("instance", "seq", "hash",
                                     "time")).encode()
    directory = server.world.directory("head")
    raw = base64.b64decode(own["audit_key"])
    # The fixed prefix of an Ed25519 SubjectPublicKeyInfo.
    (directory / "key.der").write_bytes(
        bytes.fromhex("302a300506032b6570032100") + raw)
    (directory / "signed").write_bytes(signed)
    (directory / "signature").write_bytes(base64.b64decode(head["signature"]))
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
         "-inkey", directory / "key.der", "-rawin", "-in",
         directory / "signed", "-sigfile", directory / "signature"],
        capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done
    at = terminal.ask("GET", f"/v1/audit/hashes/{head['seq']}")
    assert at.status == 200 and at.json["hash"] == head["hash"]
    assert terminal.ask("GET", "/v1/audit/hashes/99999999").status == 404


def test_login_body_helper_is_what_the_contract_says():
    assert login_body("u", "1") == {
        "user": "u", "service": "sshd", "first_factor": "proven",
        "factor": "otp", "code": "1"}
