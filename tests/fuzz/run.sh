#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every target of tests/fuzz/targets: tests/fuzz/run.sh SECONDS. First
# the kept corpus, then new inputs for so many seconds each. B=DIR builds
# elsewhere. Ends with `N passed, N failed`; what a failure said is shown whole.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?usage: tests/fuzz/run.sh SECONDS}
build=${B:-build-fuzz}
mkdir -p "$build"
read -ra libraries <<<"$(pkg-config --cflags --libs libcurl jansson libcrypto \
	libssl libsystemd libevent libevent_openssl libevent_pthreads sqlite3 \
	liboath p11-kit-1 libseccomp libxml-2.0) -lcsv"

compile() { # NAME SOURCE...
	local name=$1
	shift
	clang -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -std=c17 -D_GNU_SOURCE -I. \
		-DSEKIMORI_VERSION='"fuzz"' -o "$build/fuzz_$name" \
		"tests/fuzz/fuzz_$name.c" shared/*.c "$@" "${libraries[@]}" \
		-pthread >"$build/$name.log" 2>&1
}

run() { # NAME LIBFUZZER-ARGUMENT...
	local name=$1
	shift
	"$build/fuzz_$name" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$build/$name-" "$@" >>"$build/$name.log" 2>&1 \
		</dev/null
}

# The corpus is copied, so that a run leaves nothing in the tree.
fuzz() { # NAME
	local name=$1 corpus=$build/corpus-$1
	rm -rf "$corpus"
	mkdir "$corpus"
	cp "tests/fuzz/corpus/$name"/* "$corpus"
	run "$name" -runs=0 "tests/fuzz/corpus/$name" &&
		run "$name" -print_final_stats=1 -max_total_time="$seconds" "$corpus"
}

targets=$(grep -v '^#' tests/fuzz/targets | awk 'NF')

# Two at a time; clang takes longer over these than the fuzzing itself.
while read -ra target; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
	rm -f "$build/fuzz_${target[0]}"
	compile "${target[@]}" &
done <<<"$targets"
wait
while read -r name _; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
	rm -f "$build/$name.passed"
	{
		if [ -x "$build/fuzz_$name" ] && fuzz "$name"; then
			: >"$build/$name.passed"
		fi
	} &
done <<<"$targets"
wait

passed=0 failed=0
while read -r name _; do
	if [ -e "$build/$name.passed" ]; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
			"$build/$name.log")
		echo "ok $name runs=$runs"
		passed=$((passed + 1))
	else
		cat "$build/$name.log"
		echo "not ok $name"
		failed=$((failed + 1))
	fi
done <<<"$targets"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
