#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Server and agent under ThreadSanitizer: the tests of the batch, of passwords, of the network,
# of the seats and of the emergency stop by themselves, then the promises that
# many callers at once put to the test. Any report fails. Ends with
# `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

B=${B:-build-tsan}
reports=$PWD/$B/reports
passed=0 failed=0

make -j2 B="$B" SAN=thread CFLAGS="-O1 -g" \
	all "$B/unit/test_batch" "$B/unit/test_http" "$B/unit/test_seat" \
	"$B/unit/test_stop" "$B/unit/test_password"
make -j2 B=build all
rm -rf "$reports"
mkdir -p "$reports"
export TSAN_OPTIONS="log_path=$reports/tsan halt_on_error=0 exitcode=66"

for name in test_batch test_http test_seat test_stop test_password; do
	log=$reports/$name.log
	if timeout 120 "$B/unit/$name" >"$log" 2>&1; then
		passed=$((passed + 1))
	else
		cat "$log"
		failed=$((failed + 1))
	fi
done

log=$reports/system.log
status=0
SEKIMORI_BUILD=$B timeout 300 /usr/bin/python3 -m pytest -q \
	-p no:cacheprovider tests/system/test_promises.py \
	-k "at_once or eight_processes" >"$log" 2>&1 || status=$?
good=$(tail -1 "$log" | sed -nE 's/^([^0-9]*|.*[^0-9])([0-9]+) passed.*/\2/p')
bad=$(tail -1 "$log" | sed -nE 's/^([^0-9]*|.*[^0-9])([0-9]+) failed.*/\2/p')
[ "$status" -eq 0 ] || { cat "$log"; bad=${bad:-1}; }
passed=$((passed + ${good:-0}))
failed=$((failed + ${bad:-0}))

for report in "$reports"/tsan.*; do
	[ -e "$report" ] || continue
	cat "$report"
	failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
