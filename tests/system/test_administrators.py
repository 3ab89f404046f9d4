# SPDX-License-Identifier: Apache-2.0
"""Administrators: signing in from another machine and on the server itself,
what a session may do and what ends it, every role with every command, and
what strangers can do at the door."""
import json
import pathlib
import re
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest

from client import Connection, context_for
from ctl import Ctl

PASSWORD = "kiso no asahi"


class Desk(Ctl):
    """An administrator's desk: sekimorictl with --server, its own home."""

    def __init__(self, world, server, name):
        super().__init__(world, server.admin_socket)
        self.server = server
        self.home = world.directory(f"desk-{name}")
        self.home.chmod(0o700)
        self.ca = self.home / "ca.crt"
        self.url = server.url
        self.way = None

    def run(self, *arguments, stdin="", json_output=True, timeout_s=60,
            way=None, **environment):
        way = way or self.way or ["--server", self.url, "--ca", self.ca]
        command = [self.world.program("sekimorictl"), *map(str, way), "--yes"]
        if json_output:
            command.append("--json")
        done = subprocess.run(
            [*command, *map(str, arguments)], input=stdin, text=True,
            capture_output=True, timeout=timeout_s, check=False,
            env=self.world.environment(HOME=self.home, **environment))
        return done.returncode, done.stdout, done.stderr

    def sign_in(self, user, password, code, **how):
        return self.run("admin", "signin", user,
                        stdin=f"{password}\n{code}\n", **how)

    def session_file(self):
        found = [path for path in (self.home / ".local/state/sekimori")
                 .iterdir() if path.name.startswith("session-")]
        assert len(found) == 1, found
        return found[0]


class Officer:
    def __init__(self, server, user, token):
        self.server, self.user, self.token = server, user, token

    def sign_in(self, desk):
        status, out, err = desk.sign_in(
            self.user, PASSWORD, self.token.code())
        assert status == 0, out + err
        return json.loads(out)


def make_officer(server, user, role, *departments, department=None):
    """A person with a token, a role and a password."""
    if department:
        server.ctl("user", "add", user, "--department", department)
    _, token = server.hotp(user)
    limits = [word for d in departments for word in ("--department", d)]
    server.ctl("admin", "add", user, "--role", role, *limits, "--password",
               "-", stdin=PASSWORD + "\n")
    server.world.secret("an administrator's password", PASSWORD)
    return Officer(server, user, token)


@pytest.fixture(scope="module")
def door(server):
    """The module's server and its CA's certificate."""
    server.ca_text = server.terminal().ca.read_text()
    return server


@pytest.fixture(scope="module")
def desks(world, door):
    def make(name):
        desk = Desk(world, door, name)
        desk.ca.write_text(door.ca_text)
        return desk
    return make


@pytest.fixture(scope="module")
def owner(door):
    return make_officer(door, "o1", "owner")


@pytest.fixture(scope="module")
def desk(desks, owner):
    made = desks("owner")
    owner.sign_in(made)
    return made


def refused(ctl, *arguments, status=1, **how):
    code, out, err = ctl.run(*arguments, **how)
    assert code == status, (code, out, err)
    assert err.strip() or out.strip(), "says why"
    return out + err


# --- from another machine ------------------------------------------------------
def test_an_owner_works_from_his_desk(door, desks, owner):
    desk = desks("day")
    assert "signin" in refused(desk, "user", "list", status=4)
    said = owner.sign_in(desk)
    assert said["role"] == "owner" and said["id"] == "o1"
    assert "session" not in said
    path = desk.session_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    desk("user", "add", "r100", "--name", "山田 花子")
    assert desk("user", "show", "r100")["name"] == "山田 花子"
    record = door.records(user="r100")[-1]
    assert record["actor"] == "admin o1" and record["address"] == "127.0.0.1"
    assert "loginuid" not in record
    # Files stand at the desk.
    rules = desk.home / "rules"
    rules.write_text("permit everyone factors=any\n" + "# x\n" * 8000)
    desk("policy", "set", rules, "--reason", "a long text")
    assert desk("policy", "show")["author"] == "admin o1"
    backup = desk.home / "backup"
    assert desk.run("server", "backup", backup)[0] in (0, 1)
    desk("admin", "signout")
    assert not path.exists()
    refused(desk, "user", "list", status=4)


def test_a_large_list_comes_through(door, desk):
    rows = "".join(f"L{i},漢字 氏名{i},総務課\n" for i in range(2000))
    path = desk.home / "staff.csv"
    path.write_text("職員番号,氏名,所属\n" + rows, encoding="utf-8")
    answer = desk("user", "import", path)
    assert answer["new"] == 2000, answer


def test_whoever_answers_must_be_the_server(world, door, desks, owner,
                                            servers):
    desk = desks("spoofed")
    other = servers()
    desk.ca.write_text(other.terminal().ca.read_text())
    said = refused(desk, "admin", "signin", "o1", status=3,
                   stdin=f"{PASSWORD}\n123456\n")
    assert "not your server" in said
    desk.ca.write_text("no certificate\n")
    refused(desk, "user", "list", status=3)
    desk.ca.write_text(door.ca_text)
    desk.url = f"https://127.0.0.2:{door.port}"
    refused(desk, "user", "list", status=3)
    # Neither a proxy nor a key log of the environment is heeded.
    desk.url = door.url
    log = desk.home / "keys"
    status, out, err = desk.run("user", "list", SSLKEYLOGFILE=log,
                                https_proxy="http://127.0.0.1:1")
    assert status == 4, out + err
    assert not log.exists()


def test_a_session_belongs_to_its_place(world, door, desks, owner):
    desk = desks("stolen")
    owner.sign_in(desk)
    token = desk.session_file().read_text()
    world.secret("a session", token)

    def ask(host, bearer, path="/v1/admin/user/list"):
        connection = Connection(host, door.port, context_for())
        reply = connection.ask("POST", path, {}, headers={
            "Authorization": f"Bearer {bearer}"})
        connection.close()
        return reply

    assert ask("127.0.0.1", token).status == 200
    # The thief sits elsewhere; the socket is elsewhere, too.
    reply = over_socket_with(door, token)
    assert reply.status == 403 and reply.json["reason"] == "signed_out"
    for wrong in (token[:-1], token + "A", "A" * 43, "A", "=" * 43):
        reply = ask("127.0.0.1", wrong)
        assert reply.status == 403, (wrong, reply)
    assert ask("127.0.0.1", "A" * 65).status == 400
    assert ask("127.0.0.1", "A B").status == 400
    # It opens nothing that is a terminal's.
    assert ask("127.0.0.1", token, "/v1/logins").status == 403
    # It is nowhere but in its file.
    desk("admin", "signout")
    assert not door.world.found_secrets(door.dir)


def over_socket_with(server, token):
    connection = Connection.__new__(Connection)
    connection.socket = socket.socket(socket.AF_UNIX)
    connection.socket.settimeout(20)
    connection.socket.connect(str(server.admin_socket))
    connection.pending = b""
    reply = connection.ask("POST", "/v1/admin/user/list", {}, headers={
        "Authorization": f"Bearer {token}"})
    connection.close()
    return reply


def test_a_session_file_of_others_is_not_used(desks, owner):
    desk = desks("shared")
    owner.sign_in(desk)
    path = desk.session_file()
    path.chmod(0o644)
    assert "not yours alone" in refused(desk, "user", "list", status=3)
    path.unlink()
    path.symlink_to("/etc/hostname")
    refused(desk, "user", "list", status=3)
    path.unlink()
    path.parent.chmod(0o777)
    refused(desk, "user", "list", status=3)
    refused(desk, "admin", "signin", "o1", status=1,
            stdin=f"{PASSWORD}\n{owner.token.code()}\n")


# --- what ends a session ----------------------------------------------------------
@pytest.mark.parametrize("stop, back", [
    (("user", "freeze", "o2"), ("user", "thaw", "o2")),
    (("user", "suspend", "o2"), ("user", "resume", "o2")),
    (("admin", "remove", "o2"), ("admin", "add", "o2", "--role", "owner",
                                 "--password", "-")),
    (("token", "lost", None), None),
])
def test_a_session_ends_at_once_with(door, desks, stop, back):
    if not [a for a in door.ctl.items("admin", "list") if a["id"] == "o2"]:
        test_a_session_ends_at_once_with.officer = make_officer(
            door, "o2", "owner")
    officer = test_a_session_ends_at_once_with.officer
    desk = desks("ended")
    officer.sign_in(desk)
    desk("user", "list")
    serial = door.ctl("user", "show", "o2")["tokens"][0]["serial"]
    door.ctl(*[word or serial for word in stop])
    refused(desk, "user", "list", status=4)
    if back:
        door.ctl(*back, stdin=PASSWORD + "\n")
        refused(desk, "user", "list", status=4)


def test_idle_and_the_hour(servers, world):
    server = servers(fake=True)
    ca = server.terminal().ca.read_text()
    officer = make_officer(server, "o9", "auditor")
    desk = Desk(world, server, "idle")
    desk.ca.write_text(ca)
    officer.sign_in(desk)
    for _ in range(6):
        server.pass_time(590)
        desk("user", "list")
    server.pass_time(70)
    refused(desk, "user", "list", status=4)
    officer.sign_in(desk)
    server.pass_time(601)
    refused(desk, "user", "list", status=4)
    # A clock that was set back brings no session to life.
    officer.sign_in(desk)
    server.jump(-3600)
    assert "clock" in refused(desk, "user", "list")
    server.ctl("server", "clock", "accept")
    refused(desk, "user", "list", status=4)


def test_a_restart_keeps_it_and_a_restore_does_not(servers, world):
    server = servers(recovery=True)
    ca = server.terminal().ca.read_text()
    officer = make_officer(server, "o9", "owner")
    desk = Desk(world, server, "restored")
    desk.ca.write_text(ca)
    officer.sign_in(desk)
    backup = server.dir / "backup"
    desk("server", "backup", backup)
    server.restart()
    desk("user", "list")
    server.stop()
    for path in server.state.iterdir():
        path.unlink()
    done = server.command("restore", "--recovery-key", server.recovery_key,
                          backup, stdin="yes\n")
    assert done.returncode == 0, done.stdout + done.stderr
    server.start()
    refused(desk, "user", "list", status=4)


# --- on the server itself -----------------------------------------------------------
def test_on_the_socket_a_person_instead_of_root(door, desks, owner):
    desk = desks("console")
    desk.way = ["--socket", str(door.admin_socket)]
    desk("user", "add", "c1")
    assert door.records(user="c1")[-1]["actor"] == "root"
    assert "Nobody is signed in" in refused(desk, "admin", "signout")
    officer = make_officer(door, "h1", "helpdesk")
    officer.sign_in(desk)
    refused(desk, "user", "remove", "c1", status=4)
    desk("user", "unlock", "c1")
    assert door.records(user="c1")[-1]["actor"] == "admin h1"
    desk("admin", "signout")
    desk("user", "remove", "c1")


def test_passwords_are_changed_by_their_owner(door, desks):
    officer = make_officer(door, "p1", "auditor")
    desk = desks("password")
    officer.sign_in(desk)
    said = refused(desk, "admin", "password", status=2,
                   stdin=f"{PASSWORD}\nshort\n")
    assert "8" in said
    refused(desk, "admin", "password", "o1", status=4, stdin="whatever else\n")
    fresh = door.world.secret("a new password", "shiroi kumo 17")
    assert desk.run("admin", "password",
                    stdin=f"{PASSWORD}\n{fresh}\n")[0] == 0
    refused(desk, "user", "list", status=4)
    refused(desk, "admin", "signin", "p1", status=4,
            stdin=f"{PASSWORD}\n{officer.token.code()}\n")
    assert desk.sign_in("p1", fresh, officer.token.code())[0] == 0
    # A session that was taken over is not worth a password.
    refused(desk, "admin", "password", status=4,
            stdin="a guess at it\nanother one 1\n")
    refused(desk, "user", "list", status=4)


# --- at the door ---------------------------------------------------------------------
def connect_from(door, address):
    """TLS from an address of this machine."""
    raw = socket.create_connection(
        ("127.0.0.1", door.port), 20, source_address=(address, 0))
    connection = Connection.__new__(Connection)
    connection.socket = context_for().wrap_socket(
        raw, server_hostname="localhost")
    connection.pending = b""
    return connection


def knock(door, user, password, code, address="127.0.0.1"):
    connection = connect_from(door, address)
    reply = connection.ask("POST", "/v1/admin/signin", {
        "id": user, "password": password, "code": code})
    connection.close()
    return reply


def test_one_answer_to_everything_that_is_wrong(servers):
    door = servers(settings={"throttle.admin_signins": 10})
    officer = make_officer(door, "o1", "owner")
    door.hotp("s5")
    code = officer.token.code()
    bodies = set()
    for user, password, typed in [
            ("o1", PASSWORD, officer.token.wrong()),
            ("o1", "wrong password", code),
            ("s5", PASSWORD, "755224"),
            ("hunter2 my password", PASSWORD, "755224"),
            ("o1", PASSWORD, "")]:
        reply = knock(door, user, password, typed)
        assert reply.status == 403
        bodies.add(reply.body)
    assert len(bodies) == 1, bodies
    records = [r for r in door.records(limit=50)
               if r.get("action") == "admin signin"]
    assert [r["reason"] for r in records] == ["wrong"] * 5, records
    assert "hunter2" not in json.dumps(records)
    log = door.log()
    assert log.count("a sign-in was refused") == 5
    assert "address=127.0.0.1" in log and "hunter2" not in log
    # A wrong password has not spent the code.
    assert knock(door, "o1", PASSWORD, code).status == 200
    # Beyond ten a minute from one place nothing is looked at; elsewhere it is.
    statuses = [knock(door, "o1", "x", "1").status for _ in range(8)]
    assert statuses == [403] * 4 + [429] * 4
    assert knock(door, "o1", PASSWORD, officer.token.code(),
                 "127.0.0.9").status == 200


def test_strangers_lock_no_administrator_out(servers):
    door = servers(settings={"throttle.after": 3})
    officer = make_officer(door, "o1", "owner")
    for n in range(80):
        assert knock(door, "o1", "guess", "000000",
                     f"127.0.1.{1 + n // 5}").status == 403
    # Where it was guessed the right ones open nothing for a while.
    code = officer.token.code()
    assert knock(door, "o1", PASSWORD, code, "127.0.1.1").status == 403
    assert knock(door, "o1", PASSWORD, code).status == 200


def test_a_code_that_is_tried_many_times_at_once_opens_one_session(servers):
    door = servers()
    officer = make_officer(door, "o1", "owner")
    code = officer.token.code()
    replies = []

    def run():
        replies.append(knock(door, "o1", PASSWORD, code).status)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [200] + [403] * 7, replies
    assert door.ctl.items("admin", "list")[0]["sessions"] == 1


def test_logins_go_on_while_passwords_are_computed(servers):
    door = servers()
    make_officer(door, "o1", "owner")
    terminal = door.terminal()
    user, token = door.hotp()
    stop = threading.Event()
    answered = []

    def flood(worker):
        while not stop.is_set():
            try:
                answered.append(knock(door, "o1", "guess", "123456",
                                      f"127.0.{worker}.1").status)
            except (OSError, ssl.SSLError):
                pass

    threads = [threading.Thread(target=flood, args=(n + 1,))
               for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        times = []
        while len(answered) < 12 or len(times) < 40:
            begun = time.monotonic()
            assert terminal.login(user, token.code())["result"] == "accept"
            times.append(time.monotonic() - begun)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(answered) <= {403, 503}, answered
    assert sorted(times)[len(times) // 2] < 0.1, sorted(times)


def test_strangers_with_made_up_sessions_are_refused_and_rated(servers):
    door = servers()
    statuses = []
    for _ in range(40):
        connection = connect_from(door, "127.0.0.1")
        statuses.append(connection.ask(
            "POST", "/v1/admin/server/freeze", {}, headers={
                "Authorization": "Bearer " + "B" * 43}).status)
        connection.close()
    assert statuses[0] == 403 and statuses[-1] == 429, statuses
    assert door.ctl("server", "status")["state"] == "running"
    connection = connect_from(door, "127.0.0.1")
    assert connection.ask("POST", "/v1/admin/user/list", {}).status == 403
    connection.close()


def test_large_bodies_of_strangers_are_few(servers):
    """What a made-up session may send before it is looked at."""
    door = servers()
    held = []
    for _ in range(6):
        connection = connect_from(door, "127.0.0.1")
        connection.send_raw(
            b"POST /v1/admin/user/import HTTP/1.1\r\nHost: a\r\n"
            b"Authorization: Bearer " + b"B" * 43 + b"\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: 1000000\r\n\r\n{")
        held.append(connection)
    refusals = 0
    for connection in held:
        connection.socket.settimeout(0.3)
        try:
            assert connection.receive().status == 503
            refusals += 1
        except TimeoutError:  # it waits for the rest
            pass
        connection.close()
    assert refusals == 2
    bearer = {"Authorization": "Bearer " + "B" * 43}
    for path, headers in [("/v1/admin/user/list", {}),
                          ("/v1/admin/signin", bearer),
                          ("/v1/terminals/join", bearer)]:
        connection = connect_from(door, "127.0.0.1")
        assert connection.ask("POST", path, {"id": "x" * 20000},
                              headers).status == 413
        connection.close()
    terminal = door.terminal()
    assert terminal.ask("POST", "/v1/logins", {"user": "x" * 20000},
                        bearer).status == 413


# --- every role with every command -----------------------------------------------------
TABLE = pathlib.Path(__file__).parents[1] / "unit" / "test_admin_roles.c"
# What a command asks for, where that is not its name: a staff list is looked
# at before it is imported, and without a file the CAs are listed.
ASKS = {"user import": "user/import-check", "card trust": "card/authorities"}
OF_ONESELF = {"admin password", "admin signin", "admin signout"}
WORDS = {"CODE": "123456", "NUMBER": "1", "N": "1", "DATE": "2031-03-31",
         "TIME": "2031-03-31", "SPKI-SHA256": "0" * 64}


def every_command(world):
    """{"noun verb": its words} of the program's own help, what is required
    filled in: a person or token x1, which is nobody's."""
    text = subprocess.run([world.program("sekimorictl"), "--help"], text=True,
                          capture_output=True, check=True).stdout
    found = {}
    for line in re.findall(r"^sekimorictl ((?!\[).*)$", text, re.M):
        while re.search(r"\[[^\[\]]*\](\.\.\.)?", line):
            line = re.sub(r"\[[^\[\]]*\](\.\.\.)?", "", line)
        words = line.split()
        plain = re.match(r"[a-z ]+", line).group().strip()
        found[plain] = [WORDS.get(word, word) for word in words]
    return found


def who_may():
    """{path: letters} of the table that the unit test keeps."""
    text = TABLE.read_text().split("TABLE[] = {")[1].split("};")[0]
    return dict(re.findall(r'\{"([^"]+)",\s*"([a-z]+)"\}', text))


def fill(name, words, folder):
    """The files that sekimorictl reads before it asks."""
    files = {
        "user import": ("staff.csv", "職員番号,氏名\nx1,氏名\n"),
        "token import": ("users.oath", "HOTP x1 - " + "00" * 20 + "\n"),
        "card enroll": ("card.pem", "-----BEGIN CERTIFICATE-----\n"),
        "policy set": ("rules", "permit everyone factors=any\n"),
    }
    if name == "server backup":
        return [*words[:2], folder / f"backup-{time.monotonic_ns()}"]
    file, content = files.get(name, ("file", "x\n"))
    (folder / file).write_text(content, encoding="utf-8")
    out = []
    for word in words:
        if word.startswith("FILE"):
            out.append(folder / file)
        elif "|" in word:
            out.append(word.split("|")[0])
        elif word.isupper():
            out.append("x1")
        else:
            out.append(word)
    if name == "code issue":
        out = [*words[:2], "x1"]
    if name == "token import":
        out = ["token", "import", folder / "users.oath", "--from",
               "users.oath"]
    return out


@pytest.mark.parametrize("letter, role, limits", [
    ("o", "owner", []), ("e", "enroller", []), ("h", "helpdesk", []),
    ("a", "auditor", []), ("e", "enroller", ["税務課"]),
    ("h", "helpdesk", ["税務課"])])
def test_every_role_with_every_command(world, servers, letter, role, limits):
    server = servers()
    desk = Desk(world, server, role)
    desk.ca.write_text(server.terminal().ca.read_text())
    officer = make_officer(server, "me", role, *limits)
    officer.sign_in(desk)
    table, wrong, not_his = who_may(), [], set()
    for name, words in every_command(world).items():
        if name in OF_ONESELF:
            continue
        # `admin request` is another way to write `request`.
        path = name.removeprefix("admin ") if " request " in name else name
        path = path.replace(" ", "/", 1).replace(" ", "-")
        path = path.replace("admin/request-", "request/")
        assert path in table, f"say in {TABLE.name} who may {name}"
        who = table[ASKS.get(name, path)]
        may = letter in who and (not limits or "d" in who)
        if letter not in who:
            not_his.add(ASKS.get(name, path))
        status, out, err = desk.run(*fill(name, words, desk.home))
        # That nobody x1 is there is the command's to say. An auditor may look
        # at what a staff list would do, and no further.
        if (status != 4) != may and "of your department" not in err and \
                not (name == "user import" and role == "auditor"):
            wrong.append((name, may, status, out, err))
    assert not wrong, wrong
    refusals = {r["action"].replace("/", " ").replace("-", " ")
                for r in server.records(result="refused", limit=1000)
                if r.get("actor") == "admin me"
                and r["reason"] == "not_permitted"}
    for path in not_his:
        assert re.sub("[-/]", " ", path) in refusals, (path, refusals)


def test_departments_from_the_desk(world, door, desks):
    server = door
    for user, department in (("d1", "税務課"), ("d2", "市民課")):
        server.ctl("user", "add", user, "--department", department)
    officer = make_officer(server, "h2", "helpdesk", "税務課", "福祉課")
    desk = desks("delegate")
    officer.sign_in(desk)
    assert desk("code", "issue", "d1")["code"]
    said = refused(desk, "code", "issue", "d2", status=4)
    assert "not of your department" in said
    refused(desk, "user", "show", "d2", status=4)
    assert [p["id"] for p in desk.items("user", "list")] == ["d1"]
    refused(desk, "code", "issue", "h2", status=4)
    refused(desk, "audit", "list", status=4)
    record = server.records(user="d2")[-1]
    assert record["result"] == "refused" and record["actor"] == "admin h2"


def test_what_an_auditor_reads_is_written_down(door, desks):
    officer = make_officer(door, "a1", "auditor")
    desk = desks("auditor")
    officer.sign_in(desk)
    desk("user", "show", "a1")
    desk("audit", "list", "--user", "a1")
    actions = [(r["action"], r.get("target")) for r in door.records(limit=50)
               if r.get("actor") == "admin a1"]
    assert ("user/show", "a1") in actions
    assert ("audit/list", "a1") in actions


def test_the_last_owner_may_go(servers, world):
    server = servers()
    desk = Desk(world, server, "last")
    desk.ca.write_text(server.terminal().ca.read_text())
    officer = make_officer(server, "o1", "owner")
    officer.sign_in(desk)
    assert "yourself" in refused(desk, "admin", "remove", "o1", status=4)
    server.ctl("admin", "remove", "o1")
    refused(desk, "user", "list", status=4)
    assert server.ctl.items("admin", "list") == []
    server.ctl("admin", "add", "o1", "--role", "owner")
