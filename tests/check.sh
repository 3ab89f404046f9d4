#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make check`: installs what is missing, builds, runs every test. The table
# at the end names the stages; each says how long it took. What passes is one
# line, what fails is shown whole. The last line is `N passed, N failed`, with
# `, N skipped` if any were; with CI set a skipped test is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null
unset MAKEFLAGS MFLAGS MAKELEVEL B SAN
export PYTHONDONTWRITEBYTECODE=1

FUZZ_S=8
UNIT_S_MAX=120
SYSTEM_S_MAX=900

logs=build-check
rm -rf "$logs"
mkdir "$logs"
passed=0 failed=0 skipped=0

count() { # PASSED FAILED SKIPPED
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}

# Adds the sum of `N what` over the lines of a log that match a pattern.
sum() { # LOG PATTERN
	sed -nE "s/$2/\1/p" "$1" | awk '{ n += $1 } END { print n + 0 }'
}

build() { # MAKE-ARGUMENT...
	local log=$logs/build.log
	if ! make -j2 "$@" >"$log" 2>&1; then
		cat "$log"
		echo "0 passed, 1 failed"
		exit 1
	fi
}

# A script of ours that ends with `N passed, N failed`.
script() { # NAME COMMAND...
	local name=$1 log=$logs/$1.log status=0 good bad
	shift
	"$@" >"$log" 2>&1 || status=$?
	good=$(tail -1 "$log" | sed -nE 's/^([0-9]+) passed, .*/\1/p')
	bad=$(tail -1 "$log" | sed -nE 's/^.* passed, ([0-9]+) failed$/\1/p')
	if [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then bad=1; fi
	[ -n "$good" ] || bad=1
	if [ "${bad:-0}" -gt 0 ]; then
		cat "$log"
	else
		echo "ok $name: $good"
	fi
	count "${good:-0}" "${bad:-0}" 0
}

# Leaves its log and its exit status, for count_unit_test.
run_unit_test() { # NAME
	local status=0
	ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
		UBSAN_OPTIONS=print_stacktrace=1 \
		timeout -k 5 "$UNIT_S_MAX" "build-asan/unit/$1" \
		>"$logs/$1.log" 2>&1 || status=$?
	echo "$status" >"$logs/$1.status"
}

# One program of cmocka. It may die or leak with every test passed.
count_unit_test() { # NAME
	local name=$1 log=$logs/$1.log status good bad left
	status=$(cat "$logs/$name.status")
	good=$(sum "$log" '.*\[  PASSED  \] ([0-9]+) test.*')
	bad=$(sum "$log" '.*\[  FAILED  \] ([0-9]+) test.*')
	left=$(sum "$log" '.*\[  SKIPPED \] ([0-9]+) test.*')
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] ||
		[ $((good + left)) -eq 0 ]; }; then
		bad=1
	fi
	if [ "$bad" -gt 0 ]; then
		cat "$log"
		echo "not ok $name: $bad failed, exit status $status"
	else
		echo "ok $name: $good${left:+ ($left skipped)}" | sed 's/ (0 skipped)//'
	fi
	count "$good" "$bad" "$left"
}

# As many at once as there are processors: most of their time is waiting.
unit_tests() {
	local source names=()
	for source in tests/unit/test_*.c; do
		names+=("$(basename "$source" .c)")
	done
	for source in "${names[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
		run_unit_test "$source" &
	done
	wait
	for source in "${names[@]}"; do count_unit_test "$source"; done
}

# Each run has a world of its own and searches it for secrets at its end.
run_system_tests() { # NAME PYTEST-ARGUMENT...
	local name=$1 status=0 as_root=()
	shift
	[ "$(id -u)" -eq 0 ] || as_root=(sudo --preserve-env=PYTHONDONTWRITEBYTECODE)
	"${as_root[@]}" timeout -k 10 "$SYSTEM_S_MAX" /usr/bin/python3 -m pytest \
		-q -rs -p no:cacheprovider --junitxml="$PWD/$logs/$name.xml" "$@" \
		>"$logs/$name.log" 2>&1 || status=$?
	echo "$status" >"$logs/$name.status"
}

count_system_tests() { # NAME
	local name=$1 log=$logs/$1.log status good bad left
	status=$(cat "$logs/$name.status")
	read -r good bad left < <(/usr/bin/python3 - "$logs/$name.xml" <<-'END'
		import sys
		import xml.etree.ElementTree as tree

		total = failed = skipped = 0
		try:
		    for suite in tree.parse(sys.argv[1]).getroot().iter("testsuite"):
		        total += int(suite.get("tests"))
		        failed += int(suite.get("failures")) + int(suite.get("errors"))
		        skipped += int(suite.get("skipped"))
		except (OSError, tree.ParseError):
		    pass
		print(max(total - failed - skipped, 0), failed, skipped)
	END
	)
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
	if [ "$bad" -gt 0 ]; then cat "$log"; else tail -3 "$log"; fi
	count "$good" "$bad" "$left"
}

# Real logins need root, for namespaces of their own. Three runs share the time
# that they spend waiting: those with cards, those about people and their
# administration, and the others. Each looks in the end for leaked secrets.
system_tests() {
	local last=(tests/system/test_zz_*.py) others=()
	local cards=(tests/system/test_card*.py tests/system/test_seat.py)
	local people=(tests/system/test_{admin,grace,last,policy,scenario,shadow}*.py
		tests/system/test_{shared,staff,stock,two}*.py)
	mapfile -t others < <(printf '%s\n' tests/system/test_*.py |
		grep -vxFf <(printf '%s\n' "${cards[@]}" "${people[@]}" "${last[@]}"))
	run_system_tests system-cards "${cards[@]}" "${last[@]}" &
	run_system_tests system-people "${people[@]}" "${last[@]}" &
	run_system_tests system "${others[@]}" "${last[@]}" &
	wait
	count_system_tests system-cards
	count_system_tests system-people
	count_system_tests system
}

# NAME, then what to run.
stages() {
	stage packages bash tests/packages.sh build demo check
	stage release build B=build all cards
	stage sanitized build B=build-asan SAN=address,undefined all unit
	stage lint script lint bash tests/lint.sh
	stage links script links bash tests/links.sh build
	stage unit unit_tests
	stage fuzz script fuzz env B=build-fuzz bash tests/fuzz/run.sh "$FUZZ_S"
	stage threads script threads bash tests/tsan.sh
	stage system system_tests
}

stage() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	echo "== $name"
	"$@"
	echo "== $name: $((SECONDS - start)) s"
}

stages
result="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || result+=", $skipped skipped"
echo "$result"
[ "$failed" -eq 0 ] && { [ -z "${CI:-}" ] || [ "$skipped" -eq 0 ]; }
