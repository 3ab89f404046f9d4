#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a program can say about the tree's style: formatting, shell scripts,
# manuals, and which file may include what. Ends with `N passed, N failed`,
# one for each check below.
set -euo pipefail
cd "$(dirname "$0")/.."

FUNCTION_LINES_MAX=80
FILE_LINES_MAX=600

# One library, one file: PATTERN (of the header) and FILES (a regular
# expression) that may include it. The tests may look into anything.
read -r -d '' libraries <<'END' || true
curl/           pam_module/agent/[a-z_]*\.c|server/ctl/client\.c
jansson\.h      shared/json\.h
event2/         server/(http[a-z_]*|batch|main|command_run|housekeeping|waiting|password)\.[ch]
sqlite3\.h      server/store/sqlite(_wal)?\.c
liboath/        server/core/otp\.c
systemd/        shared/log\.c|server/command_run\.c|pam_module/agent/[a-z_]*\.c
security/       pam_module/[a-z_]*\.[ch]
crypt\.h>       server/password\.c
csv\.h>         server/ctl/(staff_list|inventory_before)\.c|server/ctl/stock_csv_private\.h
libxml/         server/ctl/stock_pskc\.c
iconv\.h        server/ctl/(staff|stock)_text\.c
qrencode\.h     server/ctl/[a-z_]*\.c
libsmartcols/   server/ctl/[a-z_]*\.c
p11-kit/        pam_module/card/[a-z_]*\.[ch]
seccomp\.h      shared/confine\.c
winscard\.h     pam_module/card/reader\.c
END

# Arrows between folders: files in FOLDER must not include what matches.
read -r -d '' arrows <<'END' || true
shared/         "(server|pam_module)/
server/         "pam_module/
pam_module/     "server/
pam_module/agent/ "pam_module/card/([^w]|w[^i])
server/core/    "server/(store|keys|ctl)/|"server/[a-z_]*\.h|"shared/(json|log|config|certificate|frame)\.h|<(openssl|jansson|event2|sqlite3|systemd|curl|syslog)
server/store/   "server/[a-z_]*\.h|"shared/(json|log|config|frame)\.h
server/ctl/     "server/(store|keys)/
END

tracked() { # files of the tree, new ones too, that match the patterns
	# Whoever runs this may not be the owner of the clone, as in a container.
	git -c safe.directory='*' ls-files --cached --others \
		--exclude-standard -- "$@" | sort -u |
		while read -r file; do
			if [ -f "$file" ]; then echo "$file"; fi
		done
}

product_c() {
	tracked 'shared/*.[ch]' 'server/*.[ch]' 'pam_module/*.[ch]'
}

includes() { # prints FILE:LINE:TEXT of every include of the product
	product_c | xargs grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null
}

check_format() {
	tracked '*.c' '*.h' | xargs clang-format --dry-run -Werror
}

check_shell() {
	{
		tracked '*.sh'
		tracked .ci/run
	} | xargs shellcheck
}

check_manuals() {
	local page pages
	pages=$(tracked 'docs/man/*.[1-8]')
	for page in $pages; do mandoc -Tlint -W warning "$page" || return 1; done
}

check_libraries() {
	local header files bad=0 found
	while read -r header files; do
		found=$(includes | grep -E "[<\"]$header" |
			grep -vE "^($files):" || true)
		[ -z "$found" ] && continue
		echo "only $files may include $header:"
		echo "$found"
		bad=1
	done <<<"$libraries"
	return $bad
}

check_arrows() {
	local folder forbidden bad=0 found
	while read -r folder forbidden; do
		found=$(includes | grep -E "^$folder" |
			grep -E "include[[:space:]]*($forbidden)" || true)
		[ -z "$found" ] && continue
		echo "$folder must not include:"
		echo "$found"
		bad=1
	done <<<"$arrows"
	return $bad
}

# pam_sekimori.so is loaded into other people's processes.
check_module() {
	local found
	found=$(includes | grep -E '^pam_module/[a-z_]*\.[ch]:' |
		grep -E '"shared/(json|log|config|certificate)\.h|<(openssl|curl|jansson|systemd)' || true)
	[ -z "$found" ] && return
	echo "the PAM module must need libc and libpam only:"
	echo "$found"
	return 1
}

check_includes_own_header() {
	local file header bad=0 first
	for file in $(product_c | grep '\.c$'); do
		header=${file%.c}.h
		[ -f "$header" ] || continue
		first=$(grep -m1 -E '^#include' "$file")
		[ "$first" = "#include \"$header\"" ] && continue
		[ "$first" = "#include \"${header%.h}_private.h\"" ] && continue
		echo "$file: the first include must be \"$header\", not: $first"
		bad=1
	done
	return $bad
}

check_licence() {
	local file bad=0
	for file in $(tracked '*.c' '*.h'); do
		head -1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' &&
			continue
		echo "$file: the first line must be its SPDX line"
		bad=1
	done
	return $bad
}

check_file_lines() {
	tracked '*.c' '*.h' '*.sh' | xargs wc -l |
		awk -v most="$FILE_LINES_MAX" '$2 != "total" && $1 > most {
			print $2 ": " $1 " lines, more than " most; bad = 1 }
			END { exit bad }'
}

# A function's body is from "{" to "}" at the start of a line; a table, which
# ends in "};", is not one.
check_function_lines() {
	product_c | grep '\.c$' | xargs awk -v most="$FUNCTION_LINES_MAX" '
		FNR == 1 { start = 0 }
		/^\{/ { start = FNR }
		/^\}$/ && start {
			if (FNR - start - 1 > most) {
				print FILENAME ":" start ": a function of " \
					FNR - start - 1 " lines, more than " most
				bad = 1
			}
			start = 0
		}
		END { exit bad }'
}

# Libraries of ours return errors; programs log them.
check_logging() {
	local found
	found=$(includes | grep '"shared/log.h"' | grep -E \
		'^(shared|server/(core|store|keys))/' | grep -v '^shared/log\.c:' || true)
	[ -z "$found" ] && return
	echo "only programs log:"
	echo "$found"
	return 1
}

check_unfinished() {
	! tracked '*.c' '*.h' | xargs grep -nE '\b(TODO|FIXME|XXX)\b' /dev/null
}

# A threat whose test was renamed or dropped is a threat that nobody tries.
check_threats() {
	local name file bad=0
	while IFS= read -r name; do
		file=tests/system/${name%%::*}
		[ "${name%%::*}" = "${name%%.c::*}.c" ] && file=tests/unit/${name%%::*}
		grep -qw "${name##*::}" "$file" && continue
		echo "docs/THREATS.md: no such test: $name"
		bad=1
	done < <(grep -oE '[a-z_0-9]+\.(py|c)::[a-z_0-9]+' docs/THREATS.md)
	return "$bad"
}

# Nothing found would pass everything.
[ -n "$(product_c)" ] || { echo "no source found: is this a git clone?"; exit 1; }

passed=0 failed=0
for check in format shell manuals libraries arrows module includes_own_header \
	licence file_lines function_lines logging unfinished threats; do
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
