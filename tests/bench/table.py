#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the lines that run.sh gathers (`key=value ...`) into the tables of
docs/PERFORMANCE.md: medians over rounds, (min-max), and ratios of
neighbouring rounds, since the machine's mood changes slower than they do."""
import statistics
import sys


def read_rows(path):
    with open(path) as lines:
        return [dict(word.split("=", 1) for word in line.split())
                for line in lines if "=" in line]


def spread(values, form):
    values = list(values)
    return (f"{statistics.median(values):{form}} "
            f"({min(values):{form}}–{max(values):{form}})")


def judge(value, target, at_least):
    good = value >= target if at_least else value <= target
    return "met" if good else "MISSED"


def print_table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def rounds_of(rows, peer, connections, key):
    return [float(r[key]) for r in rows
            if r.get("peer") == peer and r["connections"] == connections]


def print_decisions(rows):
    table, ratios = [], []
    for c in ("64", "1"):
        for peer in ("ldaps", "sekimori"):
            refused = sum(rounds_of(rows, peer, c, "refused"))
            table.append([c, peer,
                          spread(rounds_of(rows, peer, c, "rate"), ".0f"),
                          spread(rounds_of(rows, peer, c, "p50_ms"), ".2f"),
                          spread(rounds_of(rows, peer, c, "p99_ms"), ".2f"),
                          f"{refused:.0f}"])
        for key, name, target, at_least in (
                ("rate", "decisions a second", 10 if c == "64" else 2, True),
                ("p99_ms", "p99", 0.2 if c == "64" else None, False)):
            pairs = [a / b for a, b in zip(rounds_of(rows, "sekimori", c, key),
                                           rounds_of(rows, "ldaps", c, key))]
            verdict = ("–" if target is None else
                       f"{'≥' if at_least else '≤'} {target}: " +
                       judge(statistics.median(pairs), target, at_least))
            ratios.append([f"{name}, {c} connections",
                           spread(pairs, ".2f"), verdict])
    print_table(["connections", "server", "decisions/s", "p50 ms", "p99 ms",
                 "refused"], table)
    print_table(["sekimorid ÷ slapo-otp", "ratio", "target"], ratios)
    print_table(["durable", "decisions", "sync calls"],
                [[r["syncs"], r["ops"], r["calls"]]
                 for r in rows if "syncs" in r])


def print_pam(rows):
    def rounds(name, key):
        return [float(r[key]) for r in rows if r.get("pam") == name]

    def added(name, key):
        return [a - b for a, b in zip(rounds(name, key),
                                      rounds("permit", key))]

    names = ("permit", "oath", "google", "sekimori")
    print_table(["PAM module", "p50 ms", "p99 ms", "added p50 ms"],
                [[n, spread(rounds(n, "p50_ms"), ".3f"),
                  spread(rounds(n, "p99_ms"), ".3f"),
                  spread(added(n, "p50_ms"), ".3f")] for n in names])
    pairs = [a / b for a, b in zip(added("sekimori", "p50_ms"),
                                   added("oath", "p50_ms"))]
    print_table(["PAM login", "ratio", "target"],
                [["time added by pam_sekimori ÷ by pam_oath",
                  spread(pairs, ".2f"),
                  "≤ 1: " + judge(statistics.median(pairs), 1, False)]])


def print_cards(rows):
    names, table, ratios = ("permit", "p11", "pkcs11", "sekimori"), [], []
    for token in ("softhsm", "piv"):
        def rounds(name, key):
            return [float(r[key]) for r in rows
                    if r.get("token") == token and r["card"] == name]
        table += [[token, n, spread(rounds(n, "p50_ms"), ".1f"),
                   spread(rounds(n, "p99_ms"), ".1f")] for n in names]
        apart = [a - b for a, b in zip(rounds("sekimori", "p50_ms"),
                                       rounds("p11", "p50_ms"))]
        ratios.append([token, spread(apart, ".1f"), "≤ 5: " +
                       judge(statistics.median(apart), 5, False)])
    print_table(["card", "PAM module", "p50 ms", "p99 ms"], table)
    print_table(["card", "pam_sekimori less pam_p11, ms", "target"], ratios)
    counts = {(r["drivers"], r["apdus"]): r["each"]
              for r in rows if "apdus" in r}
    print_table(["PIV commands, OpenSC's drivers", *names[1:]],
                [[d, *(counts.get((d, n), "–") for n in names[1:])]
                 for d in ("pinned", "stock")])


def print_timing(rows):
    table = []
    for r in rows:
        if "timing" in r:
            apart = abs(1 - float(r["ratio"])) * 100
            table.append([r["timing"], r["calls"], r["a_ms"], r["b_ms"],
                          f"{apart:.1f} %",
                          "< 5 %: " + judge(apart, 5, False)])
    print_table(["pair", "calls each", "median ms", "median ms", "apart",
                 "target"], table)


def print_sizes(rows):
    table = [[r["size"] + (f", {r['tokens']} tokens" if "tokens" in r else ""),
              r["value"], r["limit"],
              judge(int(r["value"]), int(r["limit"]), False)]
             for r in rows if "size" in r]
    for r in rows:
        if "needs" in r:
            needs = r["needs"].split(",")
            table.append(["module links", ", ".join(needs), "libc, libpam",
                          judge(len(set(needs) - {"libc.so.6", "libpam.so.0"}),
                                0, False)])
    print_table(["size", "value", "limit", ""], table)


def main():
    rows = read_rows(sys.argv[1])
    print()
    print_decisions(rows)
    print_pam(rows)
    print_cards(rows)
    print_timing(rows)
    print_sizes(rows)


main()
