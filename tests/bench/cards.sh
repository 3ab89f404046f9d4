#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logins by card beside pam_p11 and pam_pkcs11, on the same card. cards.py does
# it in the system tests' world, with the server's state on the disk. Sourced
# by run.sh; expects $data, $run, $build.
# shellcheck disable=SC2154

compare_cards() {
	say "card logins"
	mkdir -p "$run/disk" "$data/cards"
	gcc -std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -I. -o "$run/pam-card" \
		"$bench"/{pam_card,log_sink,figures}.c -lpam
	# The world has a /var of its own, in memory; a mount in /tmp is kept.
	# shellcheck disable=SC2016
	SEKIMORI_BUILD=$build PYTHONDONTWRITEBYTECODE=1 timeout 600 \
		unshare -m --propagation private bash -c '
		mount --bind "$1" "$2"
		shift
		exec /usr/bin/python3 tests/bench/cards.py "$@"' cards \
		"$data/cards" "$run/disk" "$run/pam-card" \
		"$card_rounds" "$card_logins"
}
