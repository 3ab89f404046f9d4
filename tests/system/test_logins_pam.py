# SPDX-License-Identifier: Apache-2.0
"""Logins through the machine's own programs, and every row of the table of
PAM codes through a probe that prints them."""
import subprocess
import time

import pytest

import programs
from otp import Totp
from programs import Probe, answer, as_user, password_of, write_service
from world import at_once, result_of, suspend, wait_for

DEADLINE_S = 5.0


@pytest.fixture(scope="module")
def server(servers):
    return servers("town", {"throttle.after": 5}, fake=True)


@pytest.fixture(scope="module")
def tokens(server):
    """Everyone who logs in to the machine, with a counter token each."""
    people = ("alice", "bob", "carol", "dave", "erin", "frank")
    return {name: server.hotp(name)[1] for name in people}


@pytest.fixture(scope="module")
def sshd(site):
    return site.start_sshd()


def let_in(outcome):
    assert outcome[0], outcome[1]


def kept_out(outcome):
    assert not outcome[0], outcome[1]


def exhaust(server, user, token, count=5):
    """Makes `user` throttled from a desk of its own."""
    desk = server.terminal()
    for _ in range(count):
        desk.login(user, token.wrong())


# --- programs --------------------------------------------------------------
def log_in_with(program, site, sshd, user, code, password=None):
    world = site.world
    if program == "ssh":
        return programs.ssh(sshd, user, code, password)
    if program == "sudo":
        return programs.sudo(world, user, code, password)
    if program == "sudo -i":
        return programs.sudo(world, user, code, password, ("-k", "-i"))
    if program == "su":
        return programs.su(world, "mallory", user, code, password)
    if program == "su -":
        return programs.su(world, "mallory", user, code, password, login=True)
    assert program == "login"
    return programs.login(world, user, code, password)


PROGRAMS = {"ssh": "alice", "sudo": "bob", "sudo -i": "carol", "su": "dave",
            "su -": "erin", "login": "frank"}


@pytest.fixture(scope="module")
def truth_tables(site, sshd, tokens):
    """{program: [whether let in]} for: wrong code, wrong password, both
    right, the same again, the next code."""
    def try_all(program):
        user = PROGRAMS[program]
        token = tokens[user]
        right = token.code()
        return [log_in_with(program, site, sshd, user, *typed) for typed in (
            (token.wrong(),), (right, "not-the-password"), (right,),
            (right,), (token.code(),))]
    return at_once(try_all, PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_password_and_code_are_both_needed_by(program, truth_tables):
    outcomes = result_of(truth_tables, program)
    assert [let for let, _ in outcomes] == [False, False, True, False, True], \
        outcomes


def test_ssh_asks_in_japanese_when_the_line_says_so(site, sshd, tokens):
    site.write_stacks(options="explain lang=ja")
    try:
        child = sshd.client("alice")
        child.expect(programs.PASSWORD_PROMPT)
        child.sendline(password_of("alice"))
        child.expect("ワンタイムパスワード: ?")
        child.sendline(tokens["alice"].code())
        child.expect("IN-alice")
        child.close()
    finally:
        site.write_stacks()


def test_ssh_public_key_then_code(site, tokens):
    sshd = programs.Sshd(site.world, "sshd-key", extra=(
        "AuthenticationMethods publickey,keyboard-interactive:pam\n")).start()
    try:
        sshd.trust_key("alice")
        code = tokens["alice"].code()
        kept_out(programs.ssh(sshd, "alice", code))
        child = sshd.client("alice", key=True)
        let_in(answer(child, password_of("alice"), code, "IN-alice"))
        child = sshd.client("alice", key=True)
        kept_out(answer(child, password_of("alice"), code, "IN-alice"))
    finally:
        sshd.stop()


def test_a_bare_public_key_is_stopped_by_the_account_phase(site, sshd):
    sshd.trust_key("bob")
    child = sshd.client("bob", key=True)
    child.expect(programs.pexpect.EOF)
    child.close()
    assert "IN-bob" not in child.before and child.exitstatus != 0
    assert "not authenticate this login" in sshd.log_path.read_text() or \
        "Access denied" in sshd.log_path.read_text()


def test_a_bare_public_key_passes_where_the_line_names_the_service(
        site, sshd):
    sshd.trust_key("bob")
    site.write_stacks(account_options="without_auth=sshd")
    try:
        child = sshd.client("bob", key=True)
        let_in(answer(child, None, None, "IN-bob"))
    finally:
        site.write_stacks()


def test_ssh_with_the_code_as_password_alone_is_refused(site, tokens):
    """PasswordAuthentication answers every prompt with the same text."""
    sshd = programs.Sshd(site.world, "sshd-pw").start()
    sshd.config.write_text(sshd.config.read_text().replace(
        "PasswordAuthentication no", "PasswordAuthentication yes").replace(
        "KbdInteractiveAuthentication yes", "KbdInteractiveAuthentication no"))
    sshd.stop()
    sshd.start()
    try:
        child = sshd.client("alice", PreferredAuthentications="password")
        kept_out(answer(child, password_of("alice"), None, "IN-alice"))
    finally:
        sshd.stop()


def test_sudo_reads_two_lines_without_a_terminal(site, tokens):
    for code, expected in ((tokens["bob"].wrong(), 1),
                           (tokens["bob"].code(), 0)):
        done = subprocess.run(
            ["setsid", "-w", *as_user("bob", "sudo", "-S", "-k", "id", "-un")],
            input=f"{password_of('bob')}\n{code}\n", text=True, timeout=30,
            capture_output=True, env=site.world.environment(), check=False)
        assert done.returncode == expected, done
        assert (done.stdout.strip() == "root") == (expected == 0)


def test_sudo_n_needs_a_ticket(site, tokens):
    script = "sudo -n true && echo TICKET || echo NO-TICKET"
    child = programs.on_pty_as(
        site.world, "carol", "sh", "-c",
        f"{script}; sudo true; {script}")
    child.expect("NO-TICKET")
    child.expect(programs.PASSWORD_PROMPT)
    child.sendline(password_of("carol"))
    child.expect(programs.CODE_PROMPT)
    child.sendline(tokens["carol"].code())
    child.expect(r"\bTICKET")
    child.close()


def test_totp_through_ssh_and_not_again_through_sudo(site, sshd, server):
    token = Totp(site.world.seed(), clock=server.now)
    server.ctl("user", "add", "grace")
    server.enroll("grace", token)
    code = token.code()
    let_in(programs.ssh(sshd, "grace", code))
    kept_out(programs.sudo(site.world, "grace", code))
    let_in(programs.sudo(site.world, "grace", token.code()))


def test_an_emergency_code_through_login(site, server, tokens):
    code = server.ctl("code", "issue", "frank")["code"]
    site.world.secret("emergency code", code)
    let_in(programs.login(site.world, "frank", code))
    kept_out(programs.login(site.world, "frank", code))


def test_throttled_then_unlocked_through_ssh(site, sshd, server, tokens):
    exhaust(server, "alice", tokens["alice"])
    outcome = programs.ssh(sshd, "alice", tokens["alice"].code())
    kept_out(outcome)
    assert "Too many failures" in outcome[1]
    server.ctl("user", "unlock", "alice")
    let_in(programs.ssh(sshd, "alice", tokens["alice"].code()))


def test_someone_unknown_to_the_machine_sees_the_same_prompts(site, sshd):
    seen = {}
    for user in ("alice", "nosuchuser"):
        child = sshd.client(user)
        child.expect(programs.PASSWORD_PROMPT)
        child.sendline("not-the-password")
        child.expect(programs.pexpect.EOF)
        child.close()
        seen[user] = child.before.replace(user, "USER")
    assert seen["alice"] == seen["nosuchuser"]


def test_sessions_are_recorded(site, sshd, server, tokens):
    let_in(programs.ssh(sshd, "alice", tokens["alice"].code()))

    def told():
        lines = [r for r in server.records(user="alice")
                 if r.get("kind") == "session"]
        return {r.get("action") for r in lines} >= {"open", "close"}
    wait_for("the session's records", told, 10)


# --- a locker --------------------------------------------------------------
def run_locker(site, user, *typed):
    locker = site.world.helper("locker", "-lpam")
    return subprocess.run(
        as_user(user, locker, "locker", user), text=True, timeout=60,
        input="".join(line + "\n" for line in typed), capture_output=True,
        env=site.world.environment(), check=False)


@pytest.fixture(scope="module")
def locker_allowed(site):
    """`locker` has to be a service that ordinary users may ask for."""
    site.agent.stop()
    site.agent.allow_user_service("locker")
    site.agent.start()


def test_a_locker_of_the_user_asks_once_and_tries_again(
        site, locker_allowed, tokens):
    token, password = tokens["dave"], password_of("dave")
    done = run_locker(site, "dave", password + token.wrong(), password,
                      "x" + password + token.code(), "",
                      password + token.code())
    assert done.stdout.split("\n")[:-1] == ["still locked"] * 4 + \
        ["unlocked"], done
    assert done.returncode == 0


def test_a_locker_can_speak_for_its_own_user_only(site, locker_allowed,
                                                  tokens):
    locker = site.world.helper("locker", "-lpam")
    done = subprocess.run(
        as_user("mallory", locker, "locker", "erin"), text=True, timeout=60,
        input=password_of("erin") + tokens["erin"].code() + "\n",
        capture_output=True, env=site.world.environment(), check=False)
    assert "unlocked" not in done.stdout.replace("still locked", "")


# --- the table of codes ----------------------------------------------------
class Case:
    """One row: who asks with which code, and how the world is put right."""

    def __init__(self, user, code, mend=lambda: None):
        self.user, self.code, self.mend = user, code, mend


def case_accept(site):
    user, token = site.server.hotp()
    return Case(user, token.code())


def case_wrong(site):
    user, token = site.server.hotp()
    return Case(user, token.wrong())


def case_empty(site):
    return Case(site.server.hotp()[0], "")


def case_used(site):
    user, token = site.server.hotp()
    code = token.code()
    assert site.desk.login(user, code)["result"] == "accept"
    return Case(user, code)


def case_unknown_user(site):
    return Case("somebody-unknown", "123456")


def case_throttled(site):
    """Asked about by whoever: proven and unproven failures both."""
    user, token = site.server.hotp()
    for first in ("proven", "unproven"):
        for _ in range(5):
            site.desk.login(user, token.wrong(), first=first)
    return Case(user, token.code())


def case_not_permitted(site):
    user, token = site.server.hotp()
    server = site.server
    before = server.ctl("policy", "show")["text"]

    def set_policy(text):
        path = server.dir / "policy"
        path.write_text(text)
        server.ctl("policy", "set", path)
    set_policy(f"refuse not-here user={user}\n" + before)
    return Case(user, token.code(), lambda: set_policy(before))


def case_exempt(site):
    user, token = site.server.hotp()
    server = site.server
    before = server.ctl("policy", "show")["text"]

    def set_policy(text):
        path = server.dir / "policy"
        path.write_text(text)
        server.ctl("policy", "set", path)
    set_policy(f"exempt robots user={user}\n" + before)
    return Case(user, None, lambda: set_policy(before))


def case_expired(site):
    user = site.server.name()
    site.server.ctl("user", "add", user, "--until", "2021-03-31")
    return Case(user, "123456")


def case_suspended(site):
    user, token = site.server.hotp()
    site.server.ctl("user", "suspend", user)
    return Case(user, token.code())


def case_frozen(site):
    user, token = site.server.hotp()
    site.server.ctl("user", "freeze", user)
    return Case(user, token.code())


def case_server_frozen(site):
    user, token = site.server.hotp()
    site.server.ctl("server", "freeze")
    return Case(user, token.code(), lambda: site.server.ctl("server", "thaw"))


def case_not_enrolled(site):
    user = site.server.name()
    site.server.ctl("user", "add", user)
    return Case(user, "123456")


def case_agent_down(site):
    user, token = site.server.hotp()
    site.agent.stop()
    return Case(user, token.code(), site.agent.start)


def case_agent_hangs(site):
    import signal
    user, token = site.server.hotp()
    suspend(site.agent.process)
    return Case(user, token.code(),
                lambda: site.agent.process.send_signal(signal.SIGCONT))


def case_server_down(site):
    user, token = site.server.hotp()
    site.server.stop()
    return Case(user, token.code(), site.server.start)


def case_server_hangs(site):
    user, token = site.server.hotp()
    site.server.pause()
    return Case(user, token.code(), site.server.resume)


def case_clock(site):
    user, token = site.server.hotp()
    assert site.desk.login(user, "")["reason"] == "wrong"  # moves the mark
    site.server.jump(-60)

    def mend():
        site.server.jump(+60)
        site.desk.drop()
    return Case(user, token.code(), mend)


ROWS = {
    # situation: (explained, unexplained); "-" where the row does not apply
    "accept": ("PAM_SUCCESS", "PAM_SUCCESS"),
    "wrong": ("PAM_AUTH_ERR", "PAM_AUTH_ERR"),
    "empty": ("PAM_AUTH_ERR", "PAM_AUTH_ERR"),
    "used": ("PAM_AUTH_ERR", "PAM_AUTH_ERR"),
    "unknown_user": ("PAM_AUTH_ERR", "PAM_AUTH_ERR"),
    "throttled": ("PAM_MAXTRIES", "PAM_AUTH_ERR"),
    "not_permitted": ("PAM_PERM_DENIED", "PAM_AUTH_ERR"),
    "expired": ("PAM_PERM_DENIED", "PAM_AUTH_ERR"),
    "suspended": ("PAM_PERM_DENIED", "PAM_AUTH_ERR"),
    "frozen": ("PAM_PERM_DENIED", "PAM_AUTH_ERR"),
    "server_frozen": ("PAM_PERM_DENIED", "PAM_AUTH_ERR"),
    "not_enrolled": ("PAM_USER_UNKNOWN", "PAM_AUTH_ERR"),
    "exempt": ("PAM_IGNORE", "PAM_IGNORE"),
    "agent_down": ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTHINFO_UNAVAIL"),
    "agent_hangs": ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTHINFO_UNAVAIL"),
    "server_down": ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTHINFO_UNAVAIL"),
    "server_hangs": ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTHINFO_UNAVAIL"),
    "clock": ("PAM_AUTHINFO_UNAVAIL", "PAM_AUTHINFO_UNAVAIL"),
}
# Who is asked for a code. Before the first factor is proven nobody learns from
# a missing prompt who is suspended; after it, a code would be typed in vain.
ASKED = {"accept", "wrong", "empty", "used", "unknown_user", "throttled",
         "not_enrolled"}
ASKED_UNEXPLAINED = {"not_permitted", "expired", "suspended", "frozen",
                     "server_frozen"}
# What libpam makes of IGNORE when nothing else in the stack succeeds.
ALONE = {"PAM_IGNORE": "PAM_PERM_DENIED"}


@pytest.fixture(scope="module")
def table(site, server):
    site.desk = server.terminal()
    site.probe.service("explained", site.line(options="explain lang=en"),
                       site.line("account"))
    site.probe.service("unexplained", site.line(options="lang=en"),
                       site.line("account"))
    # `required ours` with pam_permit behind it: IGNORE passes, all else not.
    for name, options in (("explained-permit", "explain"),
                          ("unexplained-permit", ""),
                          ("nullok-explained", "explain nullok"),
                          ("nullok-unexplained", "nullok")):
        site.probe.service(name, site.line(options=options + " lang=en"),
                           "auth required pam_permit.so",
                           site.line("account"),
                           "account required pam_permit.so")
    return site


@pytest.mark.parametrize("situation", [
    name for name in ROWS if name.endswith("_hangs")])
def test_code_table_when_it(table, situation):
    """Both forms at once: each takes as long as one may have to wait."""
    case = globals()[f"case_{situation}"](table)
    try:
        runs = at_once(lambda form: table.probe(form, case.user, [case.code]),
                       ("explained", "unexplained"))
    finally:
        case.mend()
    for form in runs:
        run = result_of(runs, form)
        assert run.code == ROWS[situation][0], run
        assert run.seconds[-1] < DEADLINE_S + 0.3, run
        assert form == "explained" or not run.messages, run


@pytest.mark.parametrize("form", ["explained", "unexplained"])
@pytest.mark.parametrize("situation", [
    name for name in ROWS if not name.endswith("_hangs")])
def test_code_table(table, situation, form):
    case = globals()[f"case_{situation}"](table)
    try:
        run = table.probe(form, case.user, [case.code or ""])
        expected = ROWS[situation][form == "unexplained"]
        assert run.code == ALONE.get(expected, expected), run
        assert run.seconds[-1] < DEADLINE_S + 0.3, run
        if form == "unexplained":
            assert not [m for m in run.messages
                        if "failed" not in m.lower()], run
        asked = situation in ASKED or (form == "unexplained" and
                                       situation in ASKED_UNEXPLAINED)
        assert run.prompts == ["One-time code: "] * asked, run
    finally:
        case.mend()


# Those that hang take five seconds each, and are timed above.
@pytest.mark.parametrize("form", ["explained", "unexplained"])
@pytest.mark.parametrize("situation", [
    name for name in ROWS if not name.endswith("_hangs")])
def test_with_permit_behind_it_only_accept_and_exempt_pass(
        table, situation, form):
    case = globals()[f"case_{situation}"](table)
    try:
        run = table.probe(f"{form}-permit", case.user, [case.code or ""],
                          ("auth", "acct"))
        passes = situation in ("accept", "exempt")
        assert [code == "PAM_SUCCESS" for code in run.codes] == [passes] * 2
    finally:
        case.mend()


@pytest.mark.parametrize("form", ["explained", "unexplained"])
def test_nullok_lets_past_the_never_enrolled_only(table, form):
    for situation in ("not_enrolled", "unknown_user", "wrong", "expired",
                      "suspended", "agent_down"):
        case = globals()[f"case_{situation}"](table)
        try:
            run = table.probe(f"nullok-{form}", case.user, [case.code],
                              ("auth", "acct"))
            passes = situation == "not_enrolled"
            assert (run.codes[0] == "PAM_SUCCESS") == passes, (situation, run)
            assert (run.codes[1] == "PAM_SUCCESS") == passes, (situation, run)
        finally:
            case.mend()


def test_nullok_ends_with_the_first_token(table):
    server = table.server
    user = server.name()
    server.ctl("user", "add", user)
    token = Totp(table.world.seed(), clock=server.now)
    server.enroll(user, token)
    server.ctl("token", "revoke", token.serial)
    run = table.probe("nullok-explained", user, ["123456"])
    assert run.code == "PAM_AUTH_ERR", run


def test_disabled_is_maxtries(table, servers, agents):
    server = servers("disabled", {"throttle.after": 10,
                                  "throttle.disable_at": 10})
    agent = agents(server)
    table.probe.service("disabled", table.line(
        options="explain lang=en", socket=agent.socket))
    user, token = server.hotp()
    desk = server.terminal()
    for _ in range(10):
        desk.login(user, token.wrong())
    assert desk.login(user, token.code())["reason"] == "disabled"
    run = table.probe("disabled", user, [token.code()])
    assert run.code == "PAM_MAXTRIES", run
    server.ctl("user", "unlock", user)
    run = table.probe("disabled", user, [token.code()])
    assert run.code == "PAM_MAXTRIES", "unlock clears waits only"
    server.stop()


def test_a_terminal_that_was_revoked_or_hammers_is_unavailable(
        table, servers, agents):
    server = servers("revoked", {"throttle.terminal_failures": 3})
    agent = agents(server)
    table.probe.service("revoked", table.line(
        options="explain lang=en", socket=agent.socket))
    user, token = server.hotp()
    for _ in range(4):
        run = table.probe("revoked", "who-is-this", ["123456"])
    run = table.probe("revoked", user, [token.code()])
    assert run.code == "PAM_AUTHINFO_UNAVAIL", f"429: {run}"
    server.ctl("terminal", "revoke", agent.name)
    run = table.probe("revoked", user, [token.code()])
    assert run.code == "PAM_AUTHINFO_UNAVAIL", f"403: {run}"
    agent.stop()
    server.stop()


@pytest.mark.parametrize("typed", ["!fail", "!none", "!null"])
def test_a_failing_conversation_is_conv_err(table, typed):
    user, _ = table.server.hotp()
    for form in ("explained", "unexplained"):
        run = table.probe(form, user, [typed])
        assert run.code == "PAM_CONV_ERR", run
        run = table.probe(f"{form}-permit", user, [typed], ("auth", "acct"))
        assert "PAM_SUCCESS" not in run.codes, run


@pytest.mark.parametrize("typed", ["!long:511", "!long:512", "!long:600",
                                   "\b\n", "\x7f\x08INCORRECT", "123\x01456",
                                   "１２３４５６", "\xff\xfe"])
def test_odd_answers_are_wrong(table, typed):
    user, _ = table.server.hotp()
    run = table.probe("explained", user, [typed])
    assert run.code in ("PAM_AUTH_ERR", "PAM_CONV_ERR"), run


BAD_OPTIONS = ["explian", "explain=yes", "appended=7", "appended",
               "explain appended=6", "lang=fr", "socket=relative",
               "socket=" + "/x" * 200, "prompt=Password:",
               "without_auth=sshd", "debug", "nullok=1"]


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_service_err_and_nobody_gets_in(table, options):
    user, token = table.server.hotp()
    table.probe.service(
        "bad", f"auth required {table.module} socket={table.agent.socket} "
        f"{options}", "auth required pam_permit.so")
    run = table.probe("bad", user, [token.code()])
    assert run.code == "PAM_SERVICE_ERR", run


def test_a_bad_option_on_the_account_line_denies(table):
    user, token = table.server.hotp()
    table.probe.service("bad-account", table.line(options="explain"),
                        table.line("account", "nonsense"))
    run = table.probe("bad-account", user, [token.code()], ("auth", "acct"))
    assert run.codes[0] == "PAM_SUCCESS"
    assert run.codes[1] == "PAM_SERVICE_ERR", run


# --- account follows authentication ------------------------------------------
def test_account_follows_the_last_authentication(table):
    user, token = table.server.hotp()
    other, other_token = table.server.hotp()
    run = table.probe("explained", user,
                      [token.code(), token.wrong()],
                      ("acct", "auth", "acct", "auth", "acct"))
    assert run.codes[0] == "PAM_PERM_DENIED"
    assert run.codes[1:3] == ["PAM_SUCCESS"] * 2
    assert run.codes[3] == "PAM_AUTH_ERR"
    assert run.codes[4] == "PAM_PERM_DENIED", run
    run = table.probe("explained", user, [token.code()],
                      ("auth", f"user:{other}", "acct"))
    assert run.codes[0] == "PAM_SUCCESS"
    assert run.codes[-1] == "PAM_PERM_DENIED", "accepted for somebody else"


def test_account_without_authentication_passes_named_services_only(table):
    user, _ = table.server.hotp()
    for name in ("named", "unnamed"):
        table.probe.service(name, table.line("account",
                                             "without_auth=cron,named"))
    assert table.probe("named", user, (), ("acct",)).code == "PAM_SUCCESS"
    assert table.probe("unnamed", user, (),
                       ("acct",)).code == "PAM_PERM_DENIED"


def test_setcred_and_sessions_work_after_accept(table):
    user, token = table.server.hotp()
    table.probe.service("whole", table.line(options="explain"),
                        table.line("account"), table.line("session"))
    run = table.probe("whole", user, [token.code()],
                      ("auth", "acct", "setcred", "open", "close"))
    assert run.codes == ["PAM_SUCCESS"] * 5, run


def test_appended_takes_password_and_code_in_one_answer(table):
    write_service("appended", *[
        f"auth required {table.module} socket={table.agent.socket} "
        "appended=6 lang=en", "auth required pam_unix.so use_first_pass",
        table.line("account")])
    token = table.server.hotp("heidi")[1]
    password = password_of("heidi")
    in_etc = Probe(table.world, "/etc/pam.d")
    for typed, passes in ((password + token.code(), True),
                          (password + token.wrong(), False),
                          ("wrong" + token.code(), False),
                          (token.code(), False), (password, False),
                          ("", False), ("12345", False),
                          (password + token.code(), True)):
        run = in_etc("appended", "heidi", [typed])
        assert (run.code == "PAM_SUCCESS") == passes, run
        assert len(run.prompts) == 1, run


def test_silent_keeps_prompts_and_drops_messages(table):
    user, token = table.server.hotp()
    exhaust(table.server, user, token)
    run = table.probe("explained", user, [token.code()], ("silent",))
    assert run.code == "PAM_MAXTRIES"
    assert run.prompts and not run.messages, run


def test_the_module_links_libc_and_libpam_only_and_shows_six_symbols(world):
    def listed(*command):
        return subprocess.run(command, text=True, capture_output=True,
                              check=True, timeout=20).stdout
    needed = [line.split("[")[1].rstrip("]\n")
              for line in listed("readelf", "-d", world.module).splitlines()
              if "(NEEDED)" in line]
    assert set(needed) <= {"libc.so.6", "libpam.so.0"}, needed
    symbols = [line.split()[-1].split("@")[0] for line in
               listed("nm", "-D", "--defined-only",
                      world.module).splitlines()]
    wanted = {"pam_sm_" + name for name in (
        "authenticate", "setcred", "acct_mgmt", "open_session",
        "close_session", "chauthtok")}
    assert {s for s in symbols if s.startswith("pam_")} == wanted
    assert not [s for s in symbols if not s.startswith(("pam_", "SEKIMORI"))]
    assert world.module.stat().st_size < 100_000
    assert "NODELETE" in listed("readelf", "-d", world.module)


def test_every_login_was_quick(site, sshd, tokens):
    start = time.monotonic()
    let_in(programs.ssh(sshd, "alice", tokens["alice"].code()))
    assert time.monotonic() - start < 5
