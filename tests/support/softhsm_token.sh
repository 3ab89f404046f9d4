#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A SoftHSM token in a scratch directory, with keys and certificates that are
# there: softhsm_token.sh DIR LABEL PIN NAME...; DIR/NAME.pem (PKCS #8) and
# DIR/NAME.der become objects 01, 02, … Say SOFTHSM2_CONF=DIR/softhsm2.conf.
set -euo pipefail
directory=$1 label=$2 pin=$3
shift 3
module=/usr/lib/softhsm/libsofthsm2.so
export SOFTHSM2_CONF=$directory/softhsm2.conf
mkdir -p "$directory/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\n' \
	"$directory" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label "$label" --so-pin 12345678 \
	--pin "$pin" >/dev/null
number=0
for name in "$@"; do
	number=$((number + 1))
	id=$(printf %02d "$number")
	softhsm2-util --import "$directory/$name.pem" --token "$label" \
		--label "$name" --id "$id" --pin "$pin" >/dev/null
	pkcs11-tool --module "$module" --token-label "$label" --login \
		--pin "$pin" --write-object "$directory/$name.der" --type cert \
		--id "$id" --label "$name" >/dev/null 2>&1
done
