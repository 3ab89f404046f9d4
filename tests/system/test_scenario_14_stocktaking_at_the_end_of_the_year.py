# SPDX-License-Identifier: Apache-2.0
"""Scenario 14. 年度末棚卸: for each department what must be there, with whom and
when it was last used; what is missing, forgotten or a leaver's stands out; and
what is not as last year."""
import csv
import io

import pytest

from custody import device, drawer, hand, refused
from pki import Authority

DAY_S = 24 * 3600
FORMULA = "@SUM"  # a staff number, even


@pytest.fixture(scope="module")
def hall(servers):
    return servers("stocktaking", fake=True)


def read(path):
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") > 1
    rows = list(csv.reader(io.StringIO(data[3:].decode(), newline="")))
    return rows[0], [dict(zip(rows[0], row)) for row in rows[1:]]


def inventory(hall, path, *options):
    hall.ctl("report", "inventory", "--csv", path, *options)
    return read(path)


def test_scenario_14_stocktaking_at_the_end_of_the_year(hall, tmp_path):
    for user, name, department in (
            ("s1", "山田", "税務課"), (FORMULA, "田中", "税務課"),
            ("s3", "鈴木", "住民課"), ("s4", "佐藤", "住民課"),
            ("s5", "髙橋", "会計課")):
        hall.ctl("user", "add", user, "--name", name, "--department",
                 department)
    used, forgotten, lost, leavers, spare, stays = drawer(hall, 6)
    for token, user in ((used, "s1"), (forgotten, FORMULA), (lost, "s3"),
                        (leavers, "s4")):
        hand(hall, token, user)
    _, first = inventory(hall, tmp_path / "before.csv")
    assert len(first) == 6

    hall.pass_time(13 * DAY_S)
    desk = hall.terminal()
    assert desk.login("s1", used.code())["result"] == "accept"
    hall.ctl("token", "lost", lost.serial)
    hall.pass_time(DAY_S + 3600)
    hand(hall, spare, "s5", "checkout")
    hall.pass_time(DAY_S)
    hall.ctl("user", "remove", "s4")

    heads, rows = inventory(hall, tmp_path / "now.csv")
    assert heads == ["所属", "機器番号", "種別", "状態", "職員番号", "氏名",
                     "貸与日", "最終使用", "返却期限", "登録日", "備考",
                     "前回との差", "確認"]
    assert [r["所属"] for r in rows] == sorted(
        r["所属"] for r in rows if r["所属"]) + [""]
    at = {r["機器番号"]: r for r in rows}
    assert at[used.serial]["備考"] == "" and at[used.serial]["最終使用"]
    assert at[used.serial]["職員番号"] == "s1"
    assert at[forgotten.serial]["備考"] == "14日以上未使用"
    assert at[forgotten.serial]["職員番号"] == "'" + FORMULA
    assert at[lost.serial]["備考"] == at[lost.serial]["状態"] == "紛失"
    assert at[spare.serial]["備考"] == "返却期限超過"
    assert at[leavers.serial]["備考"] == "退職者が所持"
    assert at[leavers.serial]["氏名"] == "佐藤"
    assert at[stays.serial]["状態"] == "在庫"
    assert all(r["確認"] == "" for r in rows)
    assert {t["serial"] for t in hall.ctl.items(
        "token", "list", "--unused", "14")} == {forgotten.serial}

    _, part = inventory(hall, tmp_path / "part.csv", "--department", "住民課",
                        "--lang", "en")
    assert {r["serial"] for r in part} == {lost.serial, leavers.serial}
    assert {r["remark"] for r in part} == {"lost", "holder left"}


def test_what_is_not_as_last_year(hall, tmp_path):
    hall.ctl("user", "add", "d1", "--department", "総務課")
    hall.ctl("user", "add", "d2", "--department", "総務課")
    stays, moves, ends = drawer(hall, 3)
    for token in (stays, moves, ends):
        hand(hall, token, "d1")
    last = tmp_path / "last.csv"
    hall.ctl("report", "inventory", "--csv", last)
    # A spreadsheet has saved it in its own way.
    text = last.read_bytes().decode("utf-8-sig").replace('"', "")
    last.write_bytes(text.encode("cp932"))

    hall.ctl("token", "return", moves.serial, "--code", moves.code())
    hand(hall, moves, "d2")
    hall.ctl("token", "return", ends.serial, "--no-code", "battery")
    new = device(hall, "d2")
    _, rows = inventory(hall, tmp_path / "this.csv", "--before", last,
                        "--lang", "en")
    changes = {r["serial"]: r["change"] for r in rows}
    assert changes[stays.serial] == ""
    assert changes[moves.serial] == "other holder"
    assert changes[ends.serial] == "gone"
    assert changes[new.serial] == "new"
    gone = [r for r in rows if r["serial"] == ends.serial]
    assert (gone[0]["holder"], gone[0]["department"]) == ("d1", "総務課")

    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    assert "not an inventory" in refused(
        hall, "report", "inventory", "--before", bad)
    refused(hall, "report", "inventory", "--before", tmp_path / "none")
    refused(hall, "report", "inventory", "--csv", last)


def test_whoever_left_is_missed_until_it_is_back(hall):
    hall.ctl("user", "add", "gone", "--department", "税務課")
    token = device(hall, "gone")
    hall.ctl("user", "remove", "gone")
    item = {t["serial"]: t for t in hall.ctl.items(
        "token", "list", "--unreturned")}[token.serial]
    assert (item["user"], item["department"]) == ("gone", "税務課")
    refused(hall, "token", "assign", token.serial, "s1", "--code",
            token.code())
    hall.ctl("token", "return", token.serial, "--code", token.code())
    hand(hall, token, "s1")
    ledger = hall.ctl.items("token", "ledger", token.serial)
    assert [r["to"] for r in ledger[-3:]] == ["revoked", "returned", "active"]


def test_cards_are_in_it(hall, world, tmp_path):
    authority = Authority(world.directory("pki-14"))
    hall.ctl("card", "trust", authority.pem, "--no-crl")
    hall.ctl("user", "add", "c1", "--name", "石井", "--department", "企画課")
    card = authority.issue("c1")
    hall.ctl("card", "enroll", "c1", "--certificate", card.pem)
    _, rows = inventory(hall, tmp_path / "cards.csv", "--department", "企画課")
    assert [(r["種別"], r["職員番号"], r["氏名"], r["状態"], r["備考"])
            for r in rows] == [("ICカード", "c1", "石井", "貸与中", "")]
    hall.pass_time(14 * DAY_S)
    _, rows = inventory(hall, tmp_path / "later.csv", "--department",
                        "企画課", "--before", tmp_path / "cards.csv")
    assert (rows[0]["備考"], rows[0]["前回との差"]) == ("14日以上未使用", "")


def test_whoever_leaves_by_a_staff_list_is_missed_too(hall, tmp_path):
    staff = tmp_path / "staff.csv"
    staff.write_text("職員番号,氏名,所属,退職\nz1,退職 太郎,教育課,\n")
    hall.ctl("user", "import", staff)
    token = device(hall, "z1")
    staff.write_text("職員番号,氏名,所属,退職\nz1,退職 太郎,教育課,退職\n")
    hall.ctl("user", "import", staff)
    assert token.serial in {t["serial"] for t in hall.ctl.items(
        "token", "list", "--unreturned")}
    _, rows = inventory(hall, tmp_path / "now.csv", "--department", "教育課")
    assert [r["備考"] for r in rows] == ["利用停止者が所持"]
    hall.ctl("token", "return", token.serial, "--code", token.code())
    assert hall.ctl("token", "show", token.serial)["state"] == "returned"
