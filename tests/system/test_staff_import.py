# SPDX-License-Identifier: Apache-2.0
"""A town's staff list: read as spreadsheets write it, judged row by row, taken
whole or not at all."""
import json
import time

import pexpect
import pytest

from test_admin import refused, tokyo
from test_administrators import Desk, make_officer

HEAD = "職員番号,氏名,所属,任用区分,採用日,任期満了日,退職,ログイン名\r\n"


@pytest.fixture
def town(server, world):
    """Writes a list; and takes its people away again."""
    class Town:
        ctl = server.ctl

        def write(self, text, encoding="utf-8", head=HEAD):
            path = world.work / "staff.csv"
            if isinstance(text, str):
                text = (head + text).encode(encoding)
            path.write_bytes(text)
            return path

        def load(self, text, *options, encoding="utf-8", head=HEAD):
            return self.ctl("user", "import",
                            self.write(text, encoding, head), *options)

        def people(self):
            return {p["id"]: p for p in self.ctl.items("user", "list")}

    before = Town().people()
    yield Town()
    # Contractors first: whoever answers for one is not removed.
    for user, person in sorted(Town().people().items(),
                               key=lambda item: item[1]["attendant"] is None):
        if user not in before:
            server.ctl("user", "remove", user)


def what(answer):
    return {i["person"]["id"]: i["what"] for i in answer["items"]}


# --- 1 April ---------------------------------------------------------------------
def test_scenario_1_transfers_on_1_april(town):
    """A list in CP932; a dry run that says what would happen, and does not."""
    first = ("a001,髙橋 一郎,税務課,正職員,,,,\r\n"
             "a002,﨑山 花子,住民課,会計年度任用職員,,,,\r\n"
             "a003,表 能生,①課,正職員,,,,\r\n"
             "a004,田中 ソノ,総務課,正職員,,,,\r\n")
    answer = town.load(first, encoding="cp932")
    assert answer["new"] == 4 and answer["problems"] == []
    people = town.people()
    assert people["a001"]["name"] == "髙橋 一郎"
    assert people["a002"]["name"] == "﨑山 花子"
    assert people["a003"]["department"] == "①課"
    assert people["a004"]["name"] == "田中 ソノ"
    # A fiscal year's staff end with the last second of 31 March.
    now = time.gmtime(time.time() + 9 * 3600)
    assert people["a002"]["until"] == tokyo(
        now.tm_year + (now.tm_mon >= 4), 4, 1)
    assert people["a001"]["until"] is None

    second = ("a001,髙橋 一郎,住民課,正職員,,,,\r\n"
              "a002,佐藤 花子,住民課,会計年度任用職員,,R20.3.31,,\r\n"
              "a003,表 能生,①課,正職員,,,退職,\r\n"
              "a004,田中 ソノ,総務課,正職員,,,,\r\n"
              "a005,新人,総務課,正職員,2026/4/1,,,\r\n")
    dry = town.load(second, "--dry-run", encoding="cp932")
    assert what(dry) == {"a001": ["moved"], "a002": ["renamed", "changed"],
                         "a003": ["leaving"], "a005": ["new"]}
    assert dry["unchanged"] == 1
    moved = dry["items"][0]
    assert moved["department_before"] == "税務課" and moved["row"] == 2
    assert town.people() == people, "a dry run changes nothing"

    done = town.load(second, encoding="cp932")
    assert what(done) == what(dry)
    after = town.people()
    assert after["a001"]["department"] == "住民課"
    assert after["a002"]["name"] == "佐藤 花子"
    assert after["a002"]["until"] == tokyo(2038, 4, 1)
    assert after["a003"]["state"] == "suspended"
    assert after["a005"]["from"] == tokyo(2026, 4, 1)
    assert town.load(second, encoding="cp932")["unchanged"] == 5


def test_several_departments(town, server, terminal):
    """兼務: whoever has several may log in where any one of them may."""
    head = "職員番号,氏名,所属,兼務\r\n"
    user, token = server.hotp()
    town.load(f"{user},髙橋,税務課,住民課、出納室\r\n", head=head,
              encoding="cp932")
    assert town.people()[user]["departments"] == ["税務課", "住民課", "出納室"]
    before = town.ctl("policy", "show")["text"]
    policy = ("permit desk department=住民課 factors=otp\n"
              "refuse others department=税務課\n" + before)
    try:
        server.ctl("policy", "set", "-", stdin=policy)
        assert terminal.login(user, token.code())["result"] == "accept"
        # The second post ends: the column is there and says so.
        dry = town.load(f"{user},髙橋,税務課,\r\n", "--dry-run", head=head)
        assert what(dry) == {user: ["moved"]}
        number = town.load(f"{user},髙橋,税務課,\r\n", head=head)["import"]
        refused_login = terminal.login(user, token.code())
        assert refused_login["reason"] == "not_permitted"
        record = town.ctl.items("audit", "list", "--user", user)[-2]
        assert record["department_before"] == "税務課,住民課,出納室"
        town.ctl("user", "import", "undo", number)
        assert len(town.people()[user]["departments"]) == 3
        # A list without that column says nothing of it.
        town.load(f"{user},髙橋,総務課\r\n", head="職員番号,氏名,所属\r\n")
        assert town.people()[user]["departments"] == ["総務課", "住民課",
                                                      "出納室"]
        town.ctl("user", "change", user, "--department", "税務課",
                 "--department", "議会事務局")
        assert town.people()[user]["department"] == "税務課,議会事務局"
    finally:
        server.ctl("policy", "set", "-", stdin=before)


def test_each_change_is_recorded_once(town):
    town.load("b001,山田,税務課,,,,,\r\nb002,川田,税務課,,,,,\r\n")
    town.load("b001,山田,住民課,,,,,\r\nb002,川本,税務課,,,,,\r\n")
    records = town.ctl.items("audit", "list", "--user", "b001")
    assert [r["change"] for r in records] == ["new", "moved"]
    assert records[1]["department_before"] == "税務課"
    assert records[1]["action"] == "user import"
    renamed = town.ctl.items("audit", "list", "--user", "b002")[-1]
    assert (renamed["name_before"], renamed["name"]) == ("川田", "川本")
    assert town.ctl("audit", "verify")["ok"]


def test_leaving_stops_logins(town, server, terminal):
    user, token = server.hotp()
    assert terminal.login(user, token.code())["result"] == "accept"
    town.load(f"{user},だれか,,,,,○,\r\n")
    answer = terminal.login(user, token.code())
    assert (answer["result"], answer.get("reason")) == ("deny", "suspended")


def test_whole_staff_says_who_is_missing(town):
    town.load("c001,A,,,,,,\r\nc002,B,,,,,,\r\n")
    others = len(town.people()) - 2
    town.ctl("user", "add", "c-firm", "--kind", "contractor", "--until",
             "R30.3.31", "--attendant", "c001")
    dry = town.load("c001,A,,,,,,\r\n", "--whole-staff", "--dry-run")
    assert what(dry)["c002"] == ["leaving"] and "c-firm" not in what(dry)
    assert 1 <= dry["leaving"] <= others + 1
    assert town.people()["c002"]["state"] == "active"
    # Without the option, whoever is not on the list is not spoken of.
    assert what(town.load("c001,A,,,,,,\r\n", "--dry-run")) == {}


def test_a_shared_account_must_be_written(town):
    answer = town.load("d001,A,,,,,,madoguchi\r\nd002,B,,,,,,madoguchi\r\n")
    assert [(i["note"], i["shares"]) for i in answer["items"]] == [
        ("shares the account with somebody else", True)] * 2
    town.load("d009,A,,,,,,d010\r\n")
    answer = town.load("d011,A,,,,,,d010\r\n", "--dry-run")
    assert "shares the account" in answer["items"][0]["note"]
    assert town.people()["d002"]["login"] == "madoguchi"
    said = refused(town.ctl, "user", "import",
                   town.write("madoguchi,C,,,,,,\r\n"))
    assert "belongs to somebody" in said
    said = refused(town.ctl, "user", "import", town.write(
        "d003,A,,,,,,d004\r\nd004,B,,,,,,\r\n"))
    assert "Row 2" in said and "d003" not in town.people()


# --- taking it back ------------------------------------------------------------------
FIRST = "u001,髙橋,税務課,正職員,,,,\r\nu002,川田,税務課,,,,,\r\n"
SECOND = ("u001,高橋,住民課,会計年度任用職員,,,,\r\nu002,川田,,,,,退職,\r\n"
          "u003,新人,税務課,,,,,\r\n")


def test_the_last_list_is_taken_back(town):
    first = town.load(FIRST)["import"]
    before = town.people()
    second = town.load(SECOND)["import"]
    assert second > first and len(town.people()) == len(before) + 1
    assert str(second) in refused(town.ctl, "user", "import", "undo", first)
    assert town.ctl("user", "import", "undo", second)["people"] == 3
    assert town.people() == before
    records = town.ctl.items("audit", "list", "--user", "u001")
    assert records[-1]["action"] == "user import undo"
    assert town.ctl("audit", "verify")["ok"]
    # Number by number, as far back as there is one; none twice.
    town.ctl("user", "import", "undo", first)
    assert "u001" not in town.people()
    refused(town.ctl, "user", "import", "undo", first)
    third = town.load(FIRST)["import"]
    assert third > second
    assert town.load(FIRST)["import"] is None, "nothing was changed"


def test_what_changed_since_is_not_overwritten(town):
    town.load(FIRST)
    number = town.load(SECOND)["import"]
    changed = town.people()
    town.ctl("user", "resume", "u002")
    assert "u002 was changed" in refused(
        town.ctl, "user", "import", "undo", number)
    town.ctl("user", "suspend", "u002")
    assert town.people() == changed
    town.ctl("token", "enroll", "u003")
    assert "u003 was new" in refused(
        town.ctl, "user", "import", "undo", number)
    assert town.people() == changed
    # A freeze is not the list's business and outlives it.
    serial = town.ctl("user", "show", "u003")["tokens"][0]["serial"]
    town.ctl("token", "revoke", serial)
    town.ctl("user", "freeze", "u001")
    town.ctl("user", "import", "undo", number)
    people = town.people()
    assert people["u001"]["name"] == "髙橋" and people["u001"]["frozen"]
    assert people["u002"]["state"] == "active" and "u003" not in people


def soon(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(
        time.time() + seconds))


def eventually(holds, timeout_s=15):
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_list_takes_effect_on_its_day(town):
    number = town.load("v001,髙橋,税務課,,,,,\r\n", "--effective",
                       soon(3))["import"]
    other = town.load("v002,川田,税務課,,,,,\r\n", "--effective",
                      "R20.4.1")["import"]
    assert other > number and "v001" not in town.people()
    eventually(lambda: "v001" in town.people())
    # It is an import of its own by then, and can be taken back as such.
    record = town.ctl.items("audit", "list", "--user", "v001")[-1]
    assert record["change"] == "new" and record["import"] > other
    assert record["plan"] == number
    town.ctl("user", "import", "undo", record["import"])
    assert "v001" not in town.people()
    town.ctl("user", "import", "undo", other)
    refused(town.ctl, "user", "import", "undo", other)
    assert town.ctl("audit", "verify")["ok"]
    said = refused(town.ctl, "user", "import", town.write(
        "v001,A,,,,,,\r\n"), "--effective", "2020-04-01", status=2)
    assert "future" in said


def test_a_list_ends_with_the_year_in_which_it_takes_effect(town):
    dry = town.load("w001,A,,会計年度任用職員,,,,\r\n", "--effective",
                    "2037-04-01", "--dry-run")
    assert dry["items"][0]["person"]["until"] == tokyo(2038, 4, 1)


def test_a_list_that_is_wrong_on_its_day_changes_nobody(town):
    town.load("x001,A,,,,,,\r\nx002,B,,,,,,\r\n", "--effective", soon(4))
    town.ctl("user", "add", "x003", "--login", "x002")
    eventually(lambda: any(
        r.get("result") == "refused" and r["action"] == "user import"
        and "x002" not in r.get("target", "") and "1 rows" in r["detail"]
        for r in town.ctl.items("audit", "list", "--result", "refused")))
    assert not {"x001", "x002"} & town.people().keys()
    # The morning's look says so, until somebody has seen it.
    listed = [i for i in lists(town) if i["state"] == "refused"]
    assert len(listed) == 1 and listed[0]["people"] == 2
    assert "1 rows" in listed[0]["detail"]
    town.ctl("user", "import", "undo", listed[0]["import"])
    assert not [i for i in lists(town) if i["state"] == "refused"]


def lists(town):
    return town.ctl.items("user", "import", "list")


def test_which_lists_there_are(town):
    done = town.load("q001,A,,,,,,\r\nq002,B,,,,,,\r\n")["import"]
    waits = town.load("q001,C,,,,,,\r\n", "--effective", "R20.4.1",
                      "--whole-staff")["import"]
    by_number = {i["import"]: i for i in lists(town)}
    assert by_number[done]["state"] == "done"
    assert by_number[done]["people"] == 2
    assert by_number[waits] == {
        "import": waits, "state": "waiting", "time": tokyo(2038, 4, 1),
        "people": 1, "whole_staff": True, "actor": "root", "detail": None}
    status, out, _ = town.ctl.run("user", "import", "list", json_output=False)
    assert status == 0 and "2038-04-01" in out
    town.ctl("user", "import", "undo", waits)
    town.ctl("user", "import", "undo", done)
    by_number = {i["import"]: i for i in lists(town)}
    assert waits not in by_number
    assert by_number[done]["state"] == "taken back"


def test_who_is_in_a_department_or_ends_soon(town):
    soon_over = time.strftime("%Y-%m-%d", time.localtime(
        time.time() + 20 * 86400))
    town.load(f"r001,A,税務課,正職員,,,,\r\n"
              f"r002,B,住民課,会計年度任用職員,,{soon_over},,\r\n"
              f"r003,C,住民課,正職員,,R2.3.31,,\r\n")
    town.ctl("user", "change", "r001", "--department", "総務課",
             "--department", "住民課")
    town.ctl("user", "suspend", "r003")

    def found(*options):
        return [p["id"] for p in town.ctl.items("user", "list", *options)
                if p["id"].startswith("r00")]

    assert found("--department", "住民課") == ["r001", "r002", "r003"]
    assert found("--department", "税務課") == []
    assert found("--department", "住民課", "--kind", "regular") == [
        "r001", "r003"]
    assert found("--ending", "30") == ["r002"]
    assert found("--ending", "10") == []
    assert found("--state", "suspended") == ["r003"]
    refused(town.ctl, "user", "list", "--ending", "0", status=2)


def test_people_see_a_table(town):
    path = town.write("e001,髙橋,税務課,,,,,\r\ne002,\ue000田,税務課,,,,,\r\n")
    status, out, err = town.ctl.run("user", "import", path, "--dry-run",
                                    json_output=False)
    assert status == 0 and "e001" in out and "2 new" in out
    assert "Nothing was changed" in out
    assert ":3:2 (氏名): A private character (外字, U+E000)" in err


def test_conflicts_stand_among_the_rows(town):
    """A trial run says of each row what it would do, or why it cannot."""
    path = town.write("t001,髙橋,税務課,,,,,\r\nt002,=x,課,,,,,\r\n"
                      "t003,川田,課,,,,,\r\nt001,別,課,,,,,\r\n")
    status, out, err = town.ctl.run("user", "import", path, "--dry-run",
                                    json_output=False)
    assert status == 1 and "Nothing was imported" in err
    rows = [line.split()[:3] for line in out.splitlines()[1:5]]
    assert rows == [["2", "new", "t001"], ["3", "conflicting", "t002"],
                    ["4", "new", "t003"], ["5", "conflicting", "t001"]]
    assert "2 new" in out and "2 conflicting" in out


def test_who_leaves_is_seen_before(town, server, world):
    town.load("t010,髙橋,税務課,,,,,\r\n")
    path = town.write("t010,髙橋,税務課,,,,退職,\r\n")
    child = pexpect.spawn(
        world.program("sekimorictl"),
        ["--socket", str(server.admin_socket), "user", "import", str(path)],
        timeout=20, encoding="utf-8", env=world.environment())
    child.expect("leaving +t010")
    child.expect_exact("1 people leave and are suspended. Go on?")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert town.people()["t010"]["state"] == "active"


def test_a_bar_for_people_only(town, server, world):
    """On a terminal it fills; what programs read has nothing of it."""
    path = town.write("".join(f"y{i:03},職員{i},課,,,,,\r\n"
                              for i in range(20)))
    command = [world.program("sekimorictl"), "--socket",
               str(server.admin_socket), "user", "import", str(path)]
    child = pexpect.spawn(command[0], command[1:], timeout=20,
                          encoding="utf-8", env=world.environment())
    child.expect_exact("20 rows read")
    child.expect_exact("] 20 rows judged")
    child.expect_exact("[" + 40 * "#" + "] 20 rows taken over")
    child.expect_exact("20 new")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    status, out, err = town.ctl.run("user", "import", path, json_output=False)
    assert status == 0 and "[#" not in out + err and "\r" not in out + err


def test_gaiji_are_kept(town):
    line = "e003,".encode("cp932") + b"\xf0\x40" + "田,課,,,,,\r\n".encode(
        "cp932")
    answer = town.load(HEAD.encode("cp932") + line)
    assert town.people()["e003"]["name"] == "\ue000田"
    assert [(n["row"], n["column"]) for n in answer["notes"]] == [(2, 2)]


def test_a_towns_own_headings(town, world):
    columns = world.work / "columns.conf"
    columns.write_text("[columns]\nid = コード\ndepartment = 配属先 課\n")
    columns.chmod(0o600)
    answer = town.load("f001,税務課,x\n", "--columns", columns,
                       head="コード,配属先,備考\n")
    assert answer["new"] == 1
    assert town.people()["f001"]["department"] == "税務課"
    assert answer["notes"][0]["heading"] == "備考"
    columns.write_text("[columns]\nshoe = x\n")
    refused(town.ctl, "user", "import", town.write("f002,,,,,,,\n"),
            "--columns", columns, status=2)


@pytest.mark.parametrize("count", [300, 5000])
def test_300_staff_in_less_than_5_seconds(town, count):
    """As many as a list may have are no worse."""
    lines = "".join(f"g{i:04},職員{i},課{i % 20},正職員,,,,\r\n"
                    for i in range(count))
    begin = time.monotonic()
    done = town.load(lines, encoding="cp932")
    taken = [time.monotonic() - begin]
    assert done["new"] == count
    begin = time.monotonic()
    assert town.load(lines, encoding="cp932")["unchanged"] == count
    taken.append(time.monotonic() - begin)
    begin = time.monotonic()
    town.ctl("user", "import", "undo", done["import"])
    taken.append(time.monotonic() - begin)
    print(f"{count} staff: new, once more, taken back: "
          + ", ".join(f"{t:.2f} s" for t in taken))
    assert max(taken) < 5


# --- bad input --------------------------------------------------------------------
GOOD = "h001,良い,課,,,,,\r\n"


@pytest.mark.parametrize("rows,place,says", [
    ("h001,別,課,,,,,\r\n", "3:1", "Row 2 has this staff number"),
    ("h 2,A,課,,,,,\r\n", "3:1", "ASCII letters"),
    ("../h2,A,課,,,,,\r\n", "3:1", "ASCII letters"),
    ("１０,A,課,,,,,\r\n", "3:1", "half width"),
    ('"h\n2",A,課,,,,,\r\n', "3:1", "line break"),
    ("h002,=1+1,課,,,,,\r\n", "3:2", "formula"),
    ("h002,A,@課,,,,,\r\n", "3:3", "formula"),
    (f"h002,{'あ' * 100},課,,,,,\r\n", "3:2", "256 bytes"),
    ("h002,A,課,魔法使い,,,,\r\n", "3:4", "魔法使い"),
    ("h002,A,課,委託,,-,,\r\n", "3:6", "contractor needs"),
    ("h002,A,課,,R8.2.30,,,\r\n", "3:5", "no date"),
    ("h002,A,課,,R8.4.1,R8.3.1,,\r\n", "3:6", "later"),
    ("h002,A,課,,,,たぶん,\r\n", "3:7", "neither yes nor no"),
    ("h002,A,課,,,,,a/b\r\n", "3:8", "account"),
    (",A,課,,,,,\r\n", "3:1", "missing"),
    ("h002,A,課\r\n", "3:0", "3 cells"),
    ('h002,"A,課,,,,,\r\n', "3:", "never closed"),
    ('h002,A"B,課,,,,,\r\n', "3:2", "quotation"),
])
def test_one_bad_row_keeps_everything_out(town, rows, place, says):
    path = town.write(GOOD + rows)
    for options in ((), ("--dry-run",)):
        said = refused(town.ctl, "user", "import", path, *options)
        assert f"{path}:{place}" in said and says in said, said
    assert "h001" not in town.people()


def test_every_error_is_told_at_once(town):
    path = town.write(GOOD + "h 2,A,,,,,,\r\nh001,B,,,,,,\r\nh3,=x,,,,,,\r\n")
    status, out, err = town.ctl.run("user", "import", path)
    problems = json.loads(out)["problems"]
    assert status == 1 and [(p["row"], p["column"]) for p in problems] == [
        (3, 1), (4, 1), (5, 2)]
    assert err.count(str(path)) >= 3 and "Nothing was imported" in err


@pytest.mark.parametrize("content,says", [
    (b"", "empty"),
    (b"PK\x03\x04....", "own format"),
    ("職員番号,氏名\r\n1,A\r\n".encode("utf-16"), "UTF-16"),
    (b"id,name\r\na,\0\r\n", "NUL"),
    (b"id,name\r\n", "nobody"),
    (b"number plate,name\r\na,b\r\n", "No column is the staff number"),
    (b"id,ID\r\na,b\r\n", "means the same"),
    (b"id,name\r\na1,\xff\xff\r\n", ":2:2: This is neither"),
    (b"id\n" + b"".join(b"x%d\n" % i for i in range(5001)), "5000 people"),
])
def test_what_is_no_staff_list(town, content, says):
    said = refused(town.ctl, "user", "import", town.write(content))
    assert says in said


def test_the_encoding_that_was_named_is_the_one(town):
    path = town.write("i001,髙橋,課,,,,,\r\n", "cp932")
    assert ":1:1: This is not UTF-8" in refused(
        town.ctl, "user", "import", path, "--encoding", "utf-8")
    answer = town.ctl("user", "import", path, "--encoding", "cp932")
    assert answer["new"] == 1
    refused(town.ctl, "user", "import", path, "--encoding", "sjis", status=2)


def test_a_hundred_megabytes_are_refused(town, world):
    path = world.work / "large.csv"
    with open(path, "wb") as file:
        file.write(b"id\n")
        file.truncate(100 * 1024 * 1024)
    begin = time.monotonic()
    assert "larger than 4 MB" in refused(town.ctl, "user", "import", path)
    assert time.monotonic() - begin < 2
    path.unlink()
    refused(town.ctl, "user", "import", world.work / "no-such.csv", status=2)


# --- from another machine --------------------------------------------------------
def test_an_enroller_imports_from_his_desk(town, server, world):
    """The list and the slips stay on the desk; only rows go over."""
    desk = Desk(world, server, "personnel")
    desk.ca.write_text(server.terminal().ca.read_text())
    make_officer(server, "e900", "enroller").sign_in(desk)
    lines = "".join(f"z{i:04},職員{i},課{i % 20},正職員,,,,\r\n"
                    for i in range(300))
    slips = desk.home / "slips.html"
    begin = time.monotonic()
    done = desk("user", "import", town.write(lines, "cp932"), "--slips",
                slips)
    assert done["new"] == 300 and time.monotonic() - begin < 5
    assert slips.read_text(encoding="utf-8").count("<article>") == 300
    record = town.ctl.items("audit", "list", "--user", "z0299")[-1]
    assert record["actor"] == "admin e900"
    desk("user", "import", "undo", done["import"])
    town.load("z0001,A,課1,,,,,\r\nz0002,B,課2,,,,,\r\n")
    # An officer of one department sends nobody's list.
    limited = Desk(world, server, "office")
    limited.ca.write_text(desk.ca.read_text())
    make_officer(server, "e901", "enroller", "課1",
                 department="課1").sign_in(limited)
    refused(limited, "user", "import", town.write("z0001,A,課1,,,,,\r\n"),
            status=4)
    refused(limited, "user", "import", "list", status=4)
    limited("user", "change", "z0001", "--name", "別名")
    refused(limited, "user", "change", "z0002", "--name", "別名", status=4)
