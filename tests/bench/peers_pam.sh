#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The PAM services that pam.c logs in through: a floor, two peers and ours.
# They stand in a folder of their own; /etc is not touched. Sourced; expects
# $data, $run, $build.
# shellcheck disable=SC2154

oath_people=1000

# One file for all, rewritten at each login.
pam_write_oath() {
	sekimori_write_people "$oath_people" |
		sed 's/^HOTP\/T30/HOTP/' >"$data/pam/users.oath"
	chmod 0600 "$data/pam/users.oath"
}

# One file for each person; counter codes, as of pam_oath.
pam_write_google() {
	/usr/bin/python3 - "$data/pam/google" "$oath_people" <<-'END'
		import base64, os, sys
		os.makedirs(sys.argv[1])
		for n in range(int(sys.argv[2])):
		    path = f"{sys.argv[1]}/u{n}"
		    seed = base64.b32encode(b"%020d" % n).decode()
		    with open(path, "w") as out:
		        out.write(f'{seed}\n" HOTP_COUNTER 1\n')
		    os.chmod(path, 0o400)
	END
}

pam_prepare() {
	local services=$data/pam/services
	mkdir -p "$services"
	pam_write_oath
	pam_write_google
	echo "auth required pam_permit.so" >"$services/permit"
	cp "$services/permit" "$services/other"
	echo "auth required pam_oath.so usersfile=$data/pam/users.oath" \
		"window=3 digits=6" >"$services/oath"
	echo "auth required pam_google_authenticator.so user=root" \
		"secret=$data/pam/google/\${USER}" >"$services/google"
	echo "auth required $build/pam_sekimori.so explain lang=en" \
		"socket=$run/agent.sock" >"$services/sekimori"
	sync -f "$data"
}

# Runs a command with a /dev of its own, so that it can be the log daemon, and
# without a network, so that libpam cannot write to the kernel's audit log:
# both cost every module alike, and more than some of what is measured.
pam_alone() { # COMMAND...
	mkdir -p "$run/dev"
	# shellcheck disable=SC2016
	unshare -n -m bash -c '
		for name in null zero random urandom tty; do
			touch "$0/$name"
			mount --bind "/dev/$name" "$0/$name"
		done
		mount --rbind "$0" /dev
		rm -f /dev/log
		exec "$@"' "$run/dev" "$@"
}
