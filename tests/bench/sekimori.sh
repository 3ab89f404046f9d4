#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sekimorid and an agent as run.sh measures them: the product's own settings
# but for the two limits per terminal, which are off because one terminal
# speaks for all. Sourced; expects $data, $run, $build, $users, free_port.
# shellcheck disable=SC2154

sekimori_write_config() { # FOLDER
	cat >"$1/sekimorid.conf" <<-END
		[server]
		state_dir = $1/state
		listen = 127.0.0.1:$sekimori_port
		admin_socket = $run/admin.sock
		server_names = localhost
		[throttle]
		after = $throttle_after
		terminal_rate = 0
		terminal_failures = 0
	END
	chmod 0644 "$1/sekimorid.conf"
}

sekimori_write_people() { # COUNT
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++) {
			hex = ""
			text = sprintf("%020d", i)
			for (k = 1; k <= 20; k++)
				hex = hex "3" substr(text, k, 1)
			printf "HOTP/T30\tu%d\t-\t%s\n", i, hex
		}
	}'
}

sekimorictl() {
	"$build/sekimorictl" --socket "$run/admin.sock" --yes "$@"
}

# A server with COUNT people in FOLDER, joined to by a terminal whose state
# is in $data/terminal. Leaves it stopped.
sekimori_prepare() { # FOLDER COUNT
	local code
	mkdir -p "$1"
	chmod 0755 "$1"
	sekimori_port=$(free_port)
	sekimori_write_config "$1"
	sekimori_write_people "$2" >"$1/users.oath"
	chmod 0600 "$1/users.oath"
	"$build/sekimorid" init --config "$1/sekimorid.conf"
	sekimori_run "$1"
	sekimorictl token import "$1/users.oath" --from users.oath \
		--create-users >"$run/import.log"
	code=$(sekimorictl --json terminal add bench |
		sed 's/.*"join_code": *"\([^"]*\)".*/\1/')
	rm -rf "$data/terminal"
	"$build/sekimori-agent" join --server "https://localhost:$sekimori_port" \
		--code - --state-dir "$data/terminal" <<<"$code" >"$run/join.log"
	sekimori_stop
}

sekimori_run() { # FOLDER
	"$build/sekimorid" run --config "$1/sekimorid.conf" \
		2>>"$run/sekimorid.log" &
	sekimori_pid=$!
	wait_for_port "$sekimori_port" "$sekimori_pid"
}

# The state that sekimori_prepare left, on disk before the clock starts.
sekimori_start() {
	[ -d "$data/sekimori/template" ] ||
		mv "$data/sekimori/state" "$data/sekimori/template"
	rm -rf "$data/sekimori/state"
	cp -a "$data/sekimori/template" "$data/sekimori/state"
	sync -f "$data"
	sekimori_run "$data/sekimori"
}

sekimori_stop() {
	stop "$sekimori_pid"
	sekimori_pid=
}

agent_start() {
	"$build/sekimori-agent" run --state-dir "$data/terminal" \
		--socket "$run/agent.sock" 2>>"$run/agent.log" &
	agent_pid=$!
	wait_for_file "$run/agent.sock" "$agent_pid"
}

agent_stop() {
	stop "$agent_pid"
	agent_pid=
}
