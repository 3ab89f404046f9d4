#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make demo`: real PAM logins through module, agent and server, on a machine
# that may have nothing of it yet. Installs Debian packages and builds; all else
# happens in a private mount and network namespace over a scratch directory,
# and is gone afterwards. `make demo KEEP=1` ends in a shell in there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
build=${B:-build}

outside() {
	local scratch status=0 sudo=()
	"$root/tests/packages.sh" build demo
	make --no-print-directory -j"$(nproc)" B="$build"
	[ "$(id -u)" -eq 0 ] || sudo=(sudo)
	scratch=$(mktemp -d /tmp/sekimori-demo-XXXXXX)
	"${sudo[@]}" env KEEP="${KEEP:-}" B="$build" \
		unshare -m -n --propagation unchanged -- \
		"$root/tests/system/enter.sh" "$scratch" \
		bash "$root/tests/demo.sh" --inside "$scratch" || status=$?
	rmdir "$scratch"
	exit "$status"
}

[ "${1:-}" = --inside ] || outside
scratch=$2
work=$scratch/work
started=()

# --- telling ---------------------------------------------------------------
bold="" dim="" green="" red="" plain=""
if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi
step() {
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}
show() {
	printf '  %s$ %s%s\n' "$dim" "$*" "$plain"
}
indent() {
	sed 's/^/    /'
}
# Shows a command and what it prints.
run() {
	show "$@"
	"$@" 2>&1 | indent
}
good() {
	printf '    %s%s%s\n' "$green" "$1" "$plain"
}
fail() {
	printf '%sThis should not have happened: %s%s\n' "$red" "$1" "$plain" >&2
	tail -n 20 "$work"/*.log >&2 || true
	exit 1
}

cleanup() {
	local status=$?
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	cd /
	umount -l /var/lib/sekimori /var/lib/sekimori-agent \
		"${modules:-/etc}" /etc /var /run "$scratch" 2>/dev/null || true
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- codes -----------------------------------------------------------------
# Time steps are 30 s and one either side of now is accepted, so the step before
# this one confirms a token, this one logs in and the next one does again,
# without anybody waiting.
declare -A seed_of
code_at() { # PERSON STEP
	oathtool --totp --base32 --now "@$(($2 * 30))" - <<<"${seed_of[$1]}"
}
wrong_for() { # PERSON STEP: six digits that are none of his near codes
	local guess near="" i
	for i in -3 -2 -1 0 1 2 3; do near+=" $(code_at "$1" $(($2 + i)))"; done
	for guess in 123456 654321 111111; do
		[[ $near == *"$guess"* ]] || break
	done
	echo "$guess"
}
step_now() {
	[ $(($(date +%s) % 30)) -lt 27 ] || sleep 3.2
	echo $(($(date +%s) / 30))
}

# --- logins ----------------------------------------------------------------
# ssh asks this program instead of a keyboard.
cat >"$work/askpass" <<'EOF'
#!/bin/sh
case $1 in
*assword*) echo "$DEMO_PASSWORD" ;;
*) echo "$1$DEMO_CODE" >>"$DEMO_SEEN"; echo "$DEMO_CODE" ;;
esac
EOF
chmod 755 "$work/askpass"

# shellcheck disable=SC2016 # the other side's $USER
ssh_quietly() { # PERSON CODE
	env DISPLAY=none SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force \
		DEMO_PASSWORD="pw-$1-kiso" DEMO_CODE="$2" DEMO_SEEN="$work/seen" \
		timeout 20 setsid -w ssh -F none -p 2222 \
		-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no \
		-o PubkeyAuthentication=no \
		-o NumberOfPasswordPrompts=1 "$1@127.0.0.1" \
		echo "logged in as" '$USER' 2>&1 | grep -v "^Warning: Perm"
	return "${PIPESTATUS[0]}"
}
ssh_login() { # PERSON CODE: shows it; true if let in
	local out status=0
	: >"$work/seen"
	show "ssh $1@127.0.0.1"
	out=$(ssh_quietly "$1" "$2") || status=$?
	{
		echo "Password: (typed)"
		cat "$work/seen"
		echo "$out"
	} | indent
	[ "$status" -eq 0 ]
}
sudo_as() { # PERSON CODE: true if let in
	show "sudo id -un      # as $1"
	printf '%s\n%s\n' "pw-$1-kiso" "$2" | timeout 20 setsid -w setpriv \
		--reuid "$1" --regid "$1" --init-groups --reset-env \
		sudo -S -k id -un 2>&1 | sed 's/: \+/: (typed)\n/g' | indent
	[ "${PIPESTATUS[1]}" -eq 0 ]
}

enroll() { # PERSON [STEP]: adds, enrols and confirms
	local out serial step=$2
	run sekimorictl user add "$1" --login "$1"
	show "sekimorictl token enroll $1"
	out=$(sekimorictl token enroll "$1" </dev/null)
	if [ "$1" = alice ]; then
		if [ -t 1 ]; then
			indent <<<"$out"
		else
			echo "    (a terminal shows the QR code here)"
			sed -n '/^otpauth/,$p' <<<"$out" | indent
		fi
	fi
	seed_of[$1]=$(sed -n 's/.*[?&]secret=\([A-Z2-7]*\).*/\1/p' <<<"$out" |
		head -n 1)
	serial=$(sed -n 's/^Token \(.*\), waiting.*/\1/p' <<<"$out")
	[ -n "${seed_of[$1]}$serial" ] || fail "no token"
	run sekimorictl token confirm "$serial" "$(code_at "$1" $((step - 1)))"
}

# A CA as the town may have one, and a card: here a token in software, whose
# key is made inside and never leaves.
make_card() { # PERSON PIN
	local person=$1 pin=$2 module=/usr/lib/softhsm/libsofthsm2.so
	local tool=(pkcs11-tool --module "$module" --token-label "$person"
		--login --pin "$pin" --id 01)
	mkdir "$work/town-ca"
	(
		cd "$work/town-ca"
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout ca.key -out ca.pem -days 3650 -subj "/CN=Town CA" \
			-addext keyUsage=critical,keyCertSign,cRLSign
		touch index.txt
		echo 01 >crlnumber
		printf '%s\n' '[ca]' 'default_ca = here' '[here]' \
			'database = index.txt' 'crlnumber = crlnumber' \
			'default_md = sha256' 'default_crl_days = 30' \
			'certificate = ca.pem' 'private_key = ca.key' >ca.cnf
		openssl ca -config ca.cnf -gencrl -out crl.pem
		softhsm2-util --init-token --free --label "$person" \
			--so-pin "$pin$pin" --pin "$pin"
		"${tool[@]}" --keypairgen --key-type EC:prime256v1
		"${tool[@]}" --read-object --type pubkey -o public.der
		openssl pkey -pubin -inform DER -in public.der -out public.pem
		printf '%s\n' 'keyUsage = critical,digitalSignature' \
			'extendedKeyUsage = clientAuth' >card.cnf
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout /dev/null -subj "/CN=$person" -out card.csr
		openssl x509 -req -in card.csr -force_pubkey public.pem -CA ca.pem \
			-CAkey ca.key -CAcreateserial -days 365 -extfile card.cnf \
			-out "$person.pem"
		openssl x509 -in "$person.pem" -outform DER -out card.der
		"${tool[@]}" --write-object card.der --type cert
	) >"$work/card.log" 2>&1 || fail "no card"
}

wait_for() { # COMMAND...
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "waited for: $*"
}

# --- the story -------------------------------------------------------------
programs=$work/programs
mkdir "$programs"
cp "$build"/{sekimorid,sekimori-agent,sekimori-card,sekimorictl,pam_sekimori.so} "$programs"
chmod -R a+rX "$programs"
modules=$(dirname "$(find /lib/*/security /usr/lib/*/security -name pam_unix.so \
	-print -quit 2>/dev/null)")
mkdir "$scratch"/{modules,modules.work}
mount -t overlay overlay -o "lowerdir=$modules,upperdir=$scratch/modules,\
workdir=$scratch/modules.work" "$modules"
install -m 0644 "$programs/pam_sekimori.so" "$modules"
export PATH=$programs:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /run/sekimori /etc/sekimori /var/lib/sekimori /var/lib/sekimori-agent
# A machine that Sekimori is installed on has a server and a terminal already.
mount -t tmpfs -o mode=700 tmpfs /var/lib/sekimori
mount -t tmpfs -o mode=700 tmpfs /var/lib/sekimori-agent
# The server tells times in its own zone, the PAM module in the terminal's.
export TZ=Asia/Tokyo
cd "$work"

step "1. A server: database, keys and certificates of its own"
cat >/etc/sekimori/sekimorid.conf <<-'EOF'
	[server]
	listen       = 127.0.0.1:8443
	server_names = localhost
EOF
chmod 600 /etc/sekimori/sekimorid.conf
run cat /etc/sekimori/sekimorid.conf
run sekimorid init --config /etc/sekimori/sekimorid.conf \
	--recovery-key "$work/recovery.key"
show sekimorid run --config /etc/sekimori/sekimorid.conf
sekimorid run --config /etc/sekimori/sekimorid.conf 2>"$work/server.log" &
started+=($!)
wait_for sekimorictl server status

step "2. A terminal joins by a code that works once, for ten minutes"
show sekimorictl terminal add window-1
join_out=$(sekimorictl terminal add window-1)
indent <<<"$join_out"
show "sekimori-agent join --server https://localhost:8443 --code -"
head -n 1 <<<"$join_out" | sekimori-agent join \
	--server https://localhost:8443 --code - 2>&1 | indent
# Where this world's card reader has its software token.
mkdir "$work/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' \
	"$work/tokens" >"$work/softhsm2.conf"
export SOFTHSM2_CONF=$work/softhsm2.conf
show sekimori-agent run
sekimori-agent run 2>"$work/agent.log" &
started+=($!)
wait_for test -S /run/sekimori/agent.sock

step "3. Two people with a token each: a QR code, and its first good code"
now=$(step_now)
enroll alice "$now"
enroll bob "$now"
run sekimorictl user list
run sekimorictl policy show

step "4. sshd and sudo ask for the password first, then for the code"
for service in sshd sudo; do
	cat >/etc/pam.d/$service <<-EOF
		auth     requisite  pam_unix.so
		auth     required   pam_sekimori.so explain lang=en
		account  required   pam_unix.so
		account  required   pam_sekimori.so
		session  required   pam_permit.so
		session  optional   pam_sekimori.so
	EOF
done
run cat /etc/pam.d/sshd
ssh-keygen -q -t ed25519 -N "" -f "$work/host_key"
cat >"$work/sshd_config" <<-EOF
	ListenAddress 127.0.0.1
	Port 2222
	HostKey $work/host_key
	PidFile none
	UsePAM yes
	PasswordAuthentication no
	KbdInteractiveAuthentication yes
	StrictModes no
EOF
/usr/sbin/sshd -D -e -f "$work/sshd_config" 2>"$work/sshd.log" &
started+=($!)
wait_for grep -q listening "$work/sshd.log"

step "5. Password and code: accepted"
code=$(code_at alice "$now")
ssh_login alice "$code" || fail "the right code was refused"
good "accepted"

step "6. The same code again, overheard: refused"
ssh_login alice "$code" && fail "a spent code was accepted"
good "refused: one code, one login"

step "7. sudo with the next code: accepted"
sudo_as alice "$(code_at alice $((now + 1)))" || fail "sudo was refused"
good "accepted"

step "8. Somebody who knows bob's password guesses: five wrong codes"
wrong=$(wrong_for bob "$now")
show "ssh bob@127.0.0.1      # five times"
: >"$work/seen"
guesses=()
for _ in 1 2 3 4 5; do
	ssh_quietly bob "$wrong" >/dev/null &
	guesses+=($!)
done
for pid in "${guesses[@]}"; do
	wait "$pid" && fail "a wrong code was accepted"
done
sort "$work/seen" | uniq -c | indent
step "   Now even the right code has to wait: throttled"
ssh_login bob "$(code_at bob "$now")" && fail "not throttled"
good "refused without looking at the code"
run sekimorictl user show bob

step "9. An administrator ends the wait: bob logs in"
run sekimorictl user unlock bob
later=$(step_now)
ssh_login bob "$(code_at bob "$later")" || fail "still locked"
good "accepted"

step "10. A hardware token out of its maker's box: into stock, and to bob"
seed_of[box]=$(head -c 20 /dev/urandom | base32)
button() { # COUNTER
	oathtool --hotp --base32 --counter "$1" - <<<"${seed_of[box]}"
}
printf 'serial,secret,type,digits,counter\nHW-0001,%s,hotp,6,0\n' \
	"${seed_of[box]}" >box.csv
run sekimorictl token import box.csv
run sekimorictl token assign HW-0001 bob --code "$(button 0)"
ssh_login bob "$(button 1)" || fail "the hardware token was refused"
good "accepted"

step "11. carol has a smartcard (here a token in software): trust its CA, enrol it"
make_card carol 246802
run sekimorictl card trust town-ca/ca.pem --crl town-ca/crl.pem
run sekimorictl user add carol --login carol
run sekimorictl card enroll carol --certificate town-ca/carol.pem

step "12. Password and card: the PIN goes to the card and nowhere else"
ssh_login carol 246802 || fail "the card was refused"
good "accepted: the card signed, the server checked signature, chain and CRL"

step "13. Everything was written down, and the chain holds"
run sekimorictl audit list --limit 12
run sekimorictl audit verify

step "Done: accepted, replayed and refused, throttled, unlocked, by card, verified."
cat <<-EOF

	Nothing but Debian packages stays on this machine. To look around in this
	world with server, agent and sshd running: make demo KEEP=1
	To protect your own sshd and sudo without locking yourself out: README.md
	What is defended against, and what is not: docs/THREATS.md
EOF
if [ -n "${KEEP:-}" ]; then
	cat <<-EOF

		You are root in the private world. Try: sekimorictl --help
		alice's seed is ${seed_of[alice]}, her password pw-alice-kiso:
		  oathtool --totp -b ${seed_of[alice]}
		  ssh -p 2222 alice@127.0.0.1
		exit ends server, agent, sshd and the world.
	EOF
	bash --norc -i || true
fi
