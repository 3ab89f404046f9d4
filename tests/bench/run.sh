#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench: sekimorid and pam_sekimori beside their peers, in one interleaved
# run on this machine's loopback, as docs/PERFORMANCE.md says. QUICK=1 is a
# smoke test whose figures mean nothing. B=DIR takes programs from there.
set -euo pipefail
cd "$(dirname "$0")/../.."
bench=tests/bench
# shellcheck source=tests/bench/slapd.sh
. "$bench/slapd.sh"
# shellcheck source=tests/bench/sekimori.sh
. "$bench/sekimori.sh"
# shellcheck source=tests/bench/peers_pam.sh
. "$bench/peers_pam.sh"
# shellcheck source=tests/bench/cards.sh
. "$bench/cards.sh"

build=$(realpath -m "${B:-build}")
users=24000
many_users=100000
# High, so that strangers who share a decoy do not meet its throttle.
throttle_after=8
rounds=5 seconds=3 pam_rounds=9 pam_logins=100 timing_calls=2000
card_rounds=7 card_logins=20
if [ -n "${QUICK:-}" ]; then
	rounds=1 seconds=1 pam_rounds=1 pam_logins=50 timing_calls=250
	many_users=5000 card_rounds=1 card_logins=5
fi
slapd_pid='' sekimori_pid='' agent_pid=''

[ "$(id -u)" -eq 0 ] || { echo "make bench needs root: it starts servers" \
	"and reads their state. Run it as root." >&2; exit 1; }
bash tests/packages.sh build demo bench
make -s B="$build" all cards

# Databases belong on a disk; sockets have a short path.
data=$(mktemp -d /var/tmp/sekimori-bench.XXXXXX)
run=$(mktemp -d /tmp/sekimori-bench.XXXXXX)
chmod 0755 "$data" "$run"
[ "$(stat -f -c %T "$data")" != tmpfs ] ||
	{ echo "/var/tmp is in memory; durability cannot be measured." >&2; exit 1; }
results=$run/results

stop() { # PID
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

clean_up() {
	local status=$?
	trap - EXIT
	stop "$agent_pid"
	stop "$sekimori_pid"
	stop "$slapd_pid"
	if [ "$status" -ne 0 ]; then
		tail -n 20 "$run"/*.log 2>/dev/null || true
		echo "make bench failed; the logs are above." >&2
	fi
	[ -z "${RESULTS:-}" ] || cp "$results" "$RESULTS" 2>/dev/null || true
	rm -rf "$data" "$run"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

free_port() {
	/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

wait_for_port() { # PORT PID
	local i
	for ((i = 0; i < 400; i++)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
		kill -0 "$2" 2>/dev/null || break
		sleep 0.05
	done
	echo "Nothing listens on port $1." >&2
	return 1
}

wait_for_file() { # PATH PID
	local i
	for ((i = 0; i < 200; i++)); do
		[ -e "$1" ] && return 0
		kill -0 "$2" 2>/dev/null || break
		sleep 0.05
	done
	echo "$1 did not appear." >&2
	return 1
}

say() {
	printf '%s\n' "$*" >&2
}

compile() {
	local flags="-std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -I."
	# shellcheck disable=SC2086
	{
		gcc $flags -o "$run/load" "$bench"/{load,client,code,figures}.c \
			-lssl -lcrypto -lldap -llber
		gcc $flags -o "$run/timing" "$bench"/{timing,client,code,figures}.c \
			-lssl -lcrypto
		gcc $flags -o "$run/pam-logins" "$bench"/{pam,log_sink,code,figures}.c \
			-lcrypto -lpam
	}
}

load_sekimori() { # CONNECTIONS OPS SECONDS
	timeout 120 "$run/load" sekimori "$sekimori_port" "$data/terminal" \
		"$1" "${load_users:-$users}" "$2" "$3"
}

load_slapd() { # CONNECTIONS OPS SECONDS
	timeout 120 "$run/load" ldaps "$slapd_port" "$data/ldap" \
		"$1" "$users" "$2" "$3"
}

# Each peer gets a fresh database for every measurement.
compare() {
	local round connections
	for ((round = 1; round <= rounds; round++)); do
		say "decisions: round $round of $rounds"
		for connections in 64 1; do
			slapd_start
			load_slapd "$connections" $((2 * users)) "$seconds"
			slapd_stop
			sekimori_start
			load_sekimori "$connections" $((2 * users)) "$seconds"
			sekimori_stop
		done
	done
}

# How often each peer asks for the disk: on one connection, once per decision
# or it is not durable. Not timed.
count_syncs() { # NAME PID LOADER
	local log=$run/strace.$1 tracer ops
	strace -f -qq -e trace=fdatasync,fsync,msync,sync_file_range \
		-o "$log" -p "$2" &
	tracer=$!
	sleep 1
	ops=$("$3" 1 800 30 | sed 's/.* ops=\([0-9]*\).*/\1/')
	kill "$tracer" 2>/dev/null || true
	wait "$tracer" 2>/dev/null || true
	# The generator warms up with 512 decisions.
	echo "syncs=$1 ops=$((ops + 512))" \
		"calls=$(grep -cE '(fdatasync|fsync|msync)\(' "$log")"
}

check_durable() {
	say "durability: counting fdatasync"
	slapd_start
	count_syncs slapd "$slapd_pid" load_slapd
	slapd_stop
	sekimori_start
	count_syncs sekimori "$sekimori_pid" load_sekimori
	sekimori_stop
}

resident_kb() { # PID
	awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

compare_pam() {
	say "PAM logins"
	pam_prepare
	sekimori_start
	agent_start
	pam_alone timeout 300 "$run/pam-logins" "$data/pam/services" \
		"$pam_rounds" "$pam_logins"
	echo "size=agent-rss-kb value=$(resident_kb "$agent_pid")" \
		"limit=12288"
	agent_stop
	sekimori_stop
}

measure_timing() {
	say "timing of answers"
	sekimori_start
	timeout 300 "$run/timing" "$sekimori_port" "$data/terminal" \
		"$timing_calls" "$throttle_after"
	sekimori_stop
}

measure_module() {
	local module=$build/pam_sekimori.so needed
	needed=$(objdump -p "$module" | awk '/NEEDED/ { print $2 }' | sort |
		paste -sd, -)
	echo "size=module-bytes value=$(stat -c %s "$module") limit=102400"
	echo "needs=$needed"
}

measure_many() {
	say "server with $many_users tokens"
	rm -rf "$data/terminal"
	sekimori_prepare "$data/many" "$many_users"
	sekimori_run "$data/many"
	load_users=$many_users load_sekimori 64 10000 10 >/dev/null
	echo "size=server-rss-kb value=$(resident_kb "$sekimori_pid")" \
		"limit=32768 tokens=$many_users"
	sekimori_stop
}

compile
say "preparing $users users on each side"
slapd_prepare
sekimori_prepare "$data/sekimori" "$users"
{
	compare
	check_durable
	compare_pam
	compare_cards
	measure_timing
	measure_module
	measure_many
} >"$results"
/usr/bin/python3 "$bench/table.py" "$results"
