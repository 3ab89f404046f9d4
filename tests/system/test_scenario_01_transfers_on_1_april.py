# SPDX-License-Identifier: Apache-2.0
"""Scenario 1. The personnel office's list comes some days before it counts:
read in CP932, tried, approved, printed as slips, taken over at midnight, and
taken back by one command."""
import datetime
import html.parser

import pytest

from test_admin import refused
from world import wait_for

TOKYO = datetime.timezone(datetime.timedelta(hours=9))
HEAD = "職員番号,氏名,所属,兼務,任用区分,退職\r\n"
DEPARTMENTS = ["総務課", "税務課", "住民課", "福祉課"]


@pytest.fixture(scope="module")
def server(servers):
    return servers("april", fake=True)


@pytest.fixture(scope="module")
def hall(site, server):
    """The residents' desk is for their department alone."""
    site.probe.service("desk", site.line(options="explain lang=ja"),
                       site.line("account"))
    server.ctl("policy", "set", "-", stdin=(
        "permit desk department=住民課 factors=otp\n"
        "refuse others\n"))
    return site


class Office:
    """The personnel office: what it sends, as its spreadsheet saves it."""

    def __init__(self, world, server):
        self.world, self.server = world, server
        self.dir = world.directory("office")

    def write(self, rows):
        path = self.dir / "jinji.csv"
        path.write_bytes(HEAD.encode("cp932") + b"".join(
            row if isinstance(row, bytes) else (row + "\r\n").encode("cp932")
            for row in rows))
        return path

    def people(self):
        return {p["id"]: p for p in self.server.ctl.items("user", "list")}


@pytest.fixture(scope="module")
def office(world, server):
    return Office(world, server)


def midnight_in(server, days):
    then = datetime.datetime.fromtimestamp(server.now(), TOKYO).replace(
        hour=0, minute=0, second=0, microsecond=0)
    return then + datetime.timedelta(days=days)


def era(day):
    return f"令和{day.year - 2018}年{day.month}月{day.day}日"


def rows_of_march():
    """Forty people, ten in each department."""
    return [f"k{i:03},職員{i},{DEPARTMENTS[i % 4]},,正職員,"
            for i in range(40)]


def rows_of_april():
    """12 new, 9 moved, 5 leave, two with a town's own character."""
    rows = [f"k{i:03},職員{i},{DEPARTMENTS[i % 4]},,," for i in range(26)]
    rows += [f"k{i:03},職員{i},{DEPARTMENTS[(i + 1) % 4]},"
             f"{'出納室' if i == 26 else ''},," for i in range(26, 35)]
    rows += [f"k{i:03},職員{i},{DEPARTMENTS[i % 4]},,,退職"
             for i in range(35, 40)]
    rows += [f"n{i:03},新人{i},{DEPARTMENTS[i % 4]},,会計年度任用職員,"
             for i in range(10)]
    rows += [b"n010," + b"\xf0\x40" + "田,税務課,,正職員,\r\n".encode("cp932"),
             b"n011," + b"\xf0\x41" + "本,税務課,,正職員,\r\n".encode("cp932")]
    return rows


class Slips(html.parser.HTMLParser):
    """What is on the sheets: [(department, [slip])]."""

    def __init__(self, path):
        super().__init__()
        self.sheets, self.into = [], None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        if tag in ("h1", "article"):
            self.into = tag
        if tag == "h1":
            self.sheets.append(["", []])
        elif tag == "article":
            self.sheets[-1][1].append("")

    def handle_endtag(self, tag):
        if tag == self.into:
            self.into = None

    def handle_data(self, data):
        if self.into == "h1":
            self.sheets[-1][0] += data
        elif self.into == "article":
            self.sheets[-1][1][-1] += data


def test_scenario_01_transfers_on_1_april(hall, server, office):
    server.ctl("user", "import", office.write(rows_of_march()))
    # k029 moves to the residents' desk, k038 leaves it.
    mover, leaver = "k029", "k038"
    codes = {user: server.hotp(user)[1] for user in (mover, leaver)}

    def log_in(user):
        token = codes[user]
        run = hall.probe("desk", user, [token.code(token.counter)],
                         ("auth", "acct"))
        token.counter += run.code == "PAM_SUCCESS"
        return run.code

    march = office.people()
    assert march[mover]["department"] == "税務課"
    assert march[leaver]["department"] == "住民課"
    assert log_in(leaver) == "PAM_SUCCESS"
    assert log_in(mover) == "PAM_PERM_DENIED"

    # One number is there twice: told with its place, nothing is done.
    said = refused(server.ctl, "user", "import", office.write(
        rows_of_april() + ["n003,別人,税務課,,,"]), "--dry-run")
    assert "jinji.csv:54:1" in said and "Row 45" in said
    day = midnight_in(server, 5)
    effective = f"R{day.year - 2018}.{day.month}.{day.day}"
    path = office.write(rows_of_april())
    dry = server.ctl("user", "import", path, "--dry-run", "--effective",
                     effective)
    assert (dry["new"], dry["moved"], dry["leaving"]) == (12, 9, 5)
    assert len(dry["notes"]) == 2 and "外字" in dry["notes"][0]["text"]

    # Approved, printed, and nothing has changed yet.
    slips = office.dir / "slips.html"
    done = server.ctl("user", "import", path, "--effective", effective,
                      "--slips", slips)
    sheets = Slips(slips).sheets
    assert [name.split()[0] for name, _ in sheets] == sorted(DEPARTMENTS)
    assert sum(len(slip) for _, slip in sheets) == 12 + 9 + 5
    everything = "".join(text for _, slip in sheets for text in slip)
    assert era(day) in everything and "出納室" in everything
    serial = server.ctl("user", "show", leaver)["tokens"][0]["serial"]
    farewell = next(text for _, slip in sheets for text in slip
                    if leaver in text)
    assert serial in farewell and "返納" in farewell
    assert office.people() == {**march, **{
        user: {**march[user], "enrolled": True} for user in codes}}
    waits, = [i for i in server.ctl.items("user", "import", "list")
              if i["state"] == "waiting"]
    assert waits["import"] == done["import"]
    assert waits["time"] == day.timestamp()

    # 23:59 and 0:00.
    server.pass_time(day.timestamp() - server.now() - 30)
    assert log_in(leaver) == "PAM_SUCCESS"
    server.pass_time(31)
    wait_for("the list to be taken over",
             lambda: "n000" in office.people(), 30)
    april = office.people()
    assert april["k026"]["departments"] == ["福祉課", "出納室"]
    assert log_in(leaver) == "PAM_PERM_DENIED"
    assert log_in(mover) == "PAM_SUCCESS"

    # It was the wrong list: one command.
    number = max(i["import"] for i in server.ctl.items("user", "import",
                                                       "list")
                 if i["state"] == "done")
    server.ctl("user", "import", "undo", number)
    assert log_in(leaver) == "PAM_SUCCESS"
    assert log_in(mover) == "PAM_PERM_DENIED"
    assert server.ctl("audit", "verify")["ok"]


def test_slips_cannot_be_made_to_run(server, office):
    """What a list may contain is text on a slip, whatever it looks like."""
    path = office.dir / "hostile.html"
    server.ctl("user", "import", office.write(
        ["z001,<script>alert(1)</script>,\"a&b\"\"課'\",</td><img src=x>,,"]),
        "--dry-run", "--slips", path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text and "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a&amp;b&quot;課&#39;" in text
    assert path.stat().st_mode & 0o777 == 0o600
    # An older file is not written over, and then nothing is imported either.
    said = refused(server.ctl, "user", "import", office.write(
        ["z002,A,課,,,"]), "--slips", path, status=2)
    assert "File exists" in said and "z002" not in office.people()


def test_no_slips_without_an_import(server, office):
    path = office.dir / "none.html"
    refused(server.ctl, "user", "import", office.write(
        ["z 3,A,課,,,"]), "--slips", path)
    assert not path.exists()
