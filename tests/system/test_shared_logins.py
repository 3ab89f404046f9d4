# SPDX-License-Identifier: Apache-2.0
"""An account that several share, through the machine's own programs: the
staff number is asked for first, whoever logs in is recorded, and nothing shown
tells whether a number was one of the account's."""
import pexpect
import pytest

import programs
from programs import (CODE_PROMPT, PASSWORD_PROMPT, on_pty_as, password_of,
                      spawn)
from world import wait_for

ACCOUNT = "heidi"  # the counter's
NUMBER_PROMPT = "Staff number: ?|職員番号: ?"


@pytest.fixture(scope="module")
def counter(server):
    """{staff number: token} of those who share the account."""
    people = {}
    for user in ("s2001", "s2002", "s2003"):
        server.ctl("user", "add", user, "--login", ACCOUNT)
        people[user] = server.hotp(user)[1]
    server.hotp("alice")
    return people


@pytest.fixture(scope="module")
def sshd(site):
    return site.start_sshd()


@pytest.fixture(scope="module")
def desk(site):
    """Services of a probe: the first factor proven, and not."""
    site.probe.service("proven", site.line(options="explain lang=en"),
                       site.line("account"))
    site.probe.service("first", site.line(options="lang=en"),
                       site.line("account"))
    site.probe.service("once", "auth optional pam_permit.so",
                       site.line(options="appended=6 lang=en"))
    return site.probe


def type_all(child, number, code, success):
    for prompt, reply in ((PASSWORD_PROMPT, password_of(ACCOUNT)),
                          (NUMBER_PROMPT, number), (CODE_PROMPT, code)):
        child.expect(prompt)
        child.sendline(reply)
    at = child.expect([success, pexpect.EOF, PASSWORD_PROMPT, "ncorrect"])
    child.close(force=True)
    return at == 0


def start(program, site, sshd):
    if program == "ssh":
        return sshd.client(ACCOUNT), f"IN-{ACCOUNT}"
    if program == "login":
        return spawn(site.world, "/bin/login", [ACCOUNT]), r"\$ "
    if program == "su":
        return on_pty_as(site.world, "mallory", "su", ACCOUNT, "-c",
                         "echo IN-$(id -un)"), f"IN-{ACCOUNT}"
    return on_pty_as(site.world, "alice", "su", "-", ACCOUNT, "-c",
                     "echo IN-$(id -un)"), f"IN-{ACCOUNT}"


PROGRAMS = ("ssh", "login", "su", "su -")


@pytest.fixture(scope="module")
def outcomes(site, sshd, counter):
    """{program: whether let in} for: a colleague's code, his own, again."""
    number, other = "s2001", "s2002"

    def try_all(program):
        right = counter[number].code()
        return [type_all(*start(program, site, sshd)[:1], who, code,
                         start_success(program))
                for who, code in ((other, right), (number, right),
                                  (number, right))]

    def start_success(program):
        return r"\$ " if program == "login" else f"IN-{ACCOUNT}"
    return {program: try_all(program) for program in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_number_and_code_are_asked_for_by(program, outcomes):
    assert outcomes[program] == [False, True, False]


def test_whoever_logs_in_is_recorded(server, site, sshd, counter):
    """Login and session, each by person, with the account beside it."""
    for user in ("s2001", "s2003"):
        child, success = start("ssh", site, sshd)
        assert type_all(child, user, counter[user].code(), success)

        def sessions():
            return [r for r in server.records(user=user)
                    if r["kind"] == "session" and r["action"] == "open"]
        record = wait_for("the record", sessions)[-1]
        assert (record["account"], record["service"]) == (ACCOUNT, "sshd")
        login = [r for r in server.records(user=user)
                 if r["kind"] == "login"][-1]
        assert (login["result"], login["account"]) == ("accept", ACCOUNT)


def test_it_asks_in_japanese(site, sshd, counter):
    site.write_stacks(options="explain lang=ja")
    try:
        child, _ = start("ssh", site, sshd)
        child.expect(PASSWORD_PROMPT)
        child.sendline(password_of(ACCOUNT))
        child.expect("職員番号: ?")
        child.sendline("ｓ２００２")
        child.expect("s２００２|ｓ２００２|\r\n")  # shown as it was typed
        child.expect("ワンタイムパスワード: ?")
        child.sendline(counter["s2002"].code())
        child.expect(f"IN-{ACCOUNT}")
        child.close()
    finally:
        site.write_stacks()


def accepted(server, service):
    return [r["user"] for r in server.records(limit=50)
            if (r.get("service"), r["result"]) == (service, "accept")]


def test_sudo_on_the_account_says_who(server, desk, counter):
    assert desk("proven", ACCOUNT, ["s2001", counter["s2001"].code()]).code \
        == "PAM_SUCCESS"
    assert accepted(server, "proven")[-1] == "s2001"


# --- the number tells nothing ------------------------------------------------
@pytest.fixture(scope="module")
def numbers(server, counter):
    """Numbers of every sort; all must look like one that is nobody's."""
    made = {"nobody's": "s9999", "another account's": "alice", "no number":
            "not a, number", "right number": "s2002"}
    for what, verb in (("suspended", "suspend"), ("frozen", "freeze")):
        made[what] = f"s-{what}"
        server.ctl("user", "add", made[what], "--login", ACCOUNT)
        server.hotp(made[what])
        server.ctl("user", verb, made[what])
    made["without a token"] = "s-without"
    server.ctl("user", "add", "s-without", "--login", ACCOUNT)
    made["over"] = "s-over"
    server.ctl("user", "add", "s-over", "--login", ACCOUNT, "--until",
               "2020-01-01")
    server.hotp("s-over")
    return made


@pytest.mark.parametrize("service, form", [
    ("proven", ("{}", "000000")), ("proven", ("{}/000000",)),
    ("proven", ("{}", "", "")), ("first", ("{}/000000",))])
def test_every_number_looks_like_nobodys(desk, numbers, service, form):
    def shown(what):
        run = desk(service, ACCOUNT,
                   [line.format(numbers[what]) for line in form])
        return run.codes, run.prompts, run.messages
    seen = {what: shown(what) for what in numbers}
    assert all(one == seen["nobody's"] for one in seen.values()), seen
    assert seen["nobody's"][0] == ["PAM_AUTH_ERR"]
    if service == "proven":
        assert seen["nobody's"][2][-1:] == \
            ["Authentication failed. Please try again."]


def test_without_a_password_no_account_is_shared(desk, counter):
    """A shared, an ordinary and an unknown one show a stranger the same."""
    def shown(user, *typed):
        run = desk("first", user, typed)
        return run.codes, run.prompts, run.messages
    for typed in (("000000",), ("s2001/000000",), ("", "")):
        assert shown(ACCOUNT, *typed) == shown("alice", *typed) == \
            shown("nobody-here", *typed)
    assert shown(ACCOUNT, "000000")[1] == ["One-time code: "]


def test_with_number_and_code_at_once_no_password_comes_first(
        server, desk, counter):
    for service in ("first", "proven"):
        typed = f"s2002/{counter['s2002'].code()}"
        assert desk(service, ACCOUNT, [typed]).code == "PAM_SUCCESS"
        assert accepted(server, service)[-1] == "s2002"


def test_the_accounts_own_locker_asks(server, site, desk, counter):
    """It runs as the account, so it may know that it is shared."""
    site.agent.allow_user_service("first")
    site.agent.restart()
    run = desk("first", ACCOUNT, ["s2003", counter["s2003"].code()],
               run_as=ACCOUNT)
    assert run.prompts == ["Staff number: ", "One-time code: "]
    assert run.code == "PAM_SUCCESS"
    # One field for everything, as some lockers have.
    typed = f"s2003/{counter['s2003'].code()}"
    assert desk("first", ACCOUNT, [typed], run_as=ACCOUNT).code == \
        "PAM_SUCCESS"
    server.ctl("server", "freeze")
    try:
        run = desk("first", ACCOUNT, ["s2003", "000000"], run_as=ACCOUNT)
        assert run.prompts == ["Staff number: ", "One-time code: "]
        assert run.code == "PAM_AUTH_ERR"
    finally:
        server.ctl("server", "thaw")


def test_who_can_answer_but_once_is_refused_and_the_log_says_why(
        site, desk, counter):
    site.agent.allow_user_service("once")
    site.agent.restart()
    answer = f"{password_of(ACCOUNT)}{counter['s2001'].code()}"
    for caller in (None, ACCOUNT):
        assert desk("once", ACCOUNT, [answer], run_as=caller).code == \
            "PAM_AUTH_ERR"
    wait_for("the log", lambda: "a line with appended= cannot ask who it is"
             in site.agent.log())


def test_nullok_lets_nobody_past_by_a_number(server, site, desk, counter):
    """As long as nobody has a token the account has none; from then on its
    password is no way in for whoever names a colleague without one."""
    site.probe.service("null", site.line(options="explain nullok lang=en"),
                       "auth required pam_permit.so", site.line("account"))
    for user in ("n1", "n2"):
        server.ctl("user", "add", user, "--login", "judy")
    assert desk("null", "judy", ["000000"]).code == "PAM_SUCCESS"
    token = server.hotp("n1")[1]
    assert desk("null", "judy", ["n2", "000000"]).code == "PAM_AUTH_ERR"
    assert desk("null", "judy", ["n1", token.code()]).code == "PAM_SUCCESS"
