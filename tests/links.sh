#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the built programs show to the outside: tests/links.sh [BUILD]. The
# module may need libc and libpam only and exports six symbols, because it
# lives in other people's processes. Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build}
programs=(pam_sekimori.so sekimori-agent sekimori-card sekimorid sekimorictl)

needed() {
	readelf -dW "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort
}

check_module_needs_libc_and_libpam_only() {
	local found
	found=$(needed pam_sekimori.so | grep -vE '^lib(c\.so\.6|pam\.so\.0)$' || true)
	[ -z "$found" ] || { echo "pam_sekimori.so also needs: $found"; return 1; }
}

check_module_exports_six_symbols() {
	local found expected
	found=$(nm -D --defined-only "$build/pam_sekimori.so" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort | xargs)
	expected="pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok"
	expected+=" pam_sm_close_session pam_sm_open_session pam_sm_setcred"
	[ "$found" = "$expected" ] || { echo "exports: $found"; return 1; }
}

check_agent_and_module_have_no_database() {
	local program found
	for program in pam_sekimori.so sekimori-agent; do
		found=$(needed "$program" | grep -E 'sqlite|event|oath' || true)
		[ -z "$found" ] || { echo "$program needs: $found"; return 1; }
	done
}

# Cards' libraries run in a process of their own, which has no network.
check_only_the_card_child_has_pkcs11() {
	local program found
	for program in "${programs[@]}"; do
		[ "$program" != sekimori-card ] || continue
		found=$(needed "$program" | grep -E 'p11|pcsc|opensc' || true)
		[ -z "$found" ] || { echo "$program needs: $found"; return 1; }
		! grep -q p11_kit "$build/$program" ||
			{ echo "$program names p11-kit"; return 1; }
	done
	found=$(needed sekimori-card | grep -E 'ssl|curl|systemd|jansson' || true)
	[ -z "$found" ] || { echo "sekimori-card needs: $found"; return 1; }
	needed sekimori-card | grep -q p11-kit
}

# So do the makers' files of tokens, in one that sekimorictl starts.
check_only_sekimorictl_has_xml() {
	local program found
	for program in "${programs[@]}"; do
		[ "$program" != sekimorictl ] || continue
		found=$(needed "$program" | grep -E 'xml|libcsv' || true)
		[ -z "$found" ] || { echo "$program needs: $found"; return 1; }
	done
	needed sekimorictl | grep -q libxml2
}

check_programs_are_hardened() {
	local program header bad=0
	for program in "${programs[@]}"; do
		header=$(readelf -hldW "$build/$program")
		grep -q 'Type:.*DYN' <<<"$header" || { echo "$program: no PIE"; bad=1; }
		grep -q 'GNU_RELRO' <<<"$header" || { echo "$program: no RELRO"; bad=1; }
		grep -qE 'BIND_NOW|FLAGS_1.*NOW' <<<"$header" ||
			{ echo "$program: no BIND_NOW"; bad=1; }
		grep -E 'GNU_STACK' <<<"$header" | grep -q 'RWE' &&
			{ echo "$program: executable stack"; bad=1; }
		grep -qE 'RPATH|RUNPATH' <<<"$header" &&
			{ echo "$program: has a run path"; bad=1; }
	done
	return $bad
}

passed=0 failed=0
for check in module_needs_libc_and_libpam_only module_exports_six_symbols \
	agent_and_module_have_no_database only_the_card_child_has_pkcs11 only_sekimorictl_has_xml programs_are_hardened; do
	if said=$("check_$check" 2>&1); then
		echo "ok $check"
		passed=$((passed + 1))
	else
		echo "$said"
		echo "not ok $check"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
