#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a private world in the mount and network namespace it runs in, below a
# scratch directory, and then becomes the command given: enter.sh DIR CMD...
# /etc and /var are overlays, /run is fresh, the only network is loopback. It
# refuses to run where the machine's own /etc would be hit.
set -euo pipefail

scratch=$1
shift
[ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ] ||
	{ echo "enter.sh: run me under unshare -m" >&2; exit 1; }
# What is mounted in a plain folder that is somebody's / is seen outside it.
mountpoint -q / ||
	{ echo "This chroot is a plain folder. Outside: mount --bind DIR DIR, then chroot again; or use systemd-nspawn -D DIR." >&2; exit 1; }
mount --make-rprivate /

mount -t tmpfs -o mode=755,size=2g tmpfs "$scratch"
chmod 755 "$scratch"
mkdir "$scratch"/{etc,etc.work,var,var.work,home,work}
mount -t overlay overlay -o \
	"lowerdir=/etc,upperdir=$scratch/etc,workdir=$scratch/etc.work" /etc
mount -t overlay overlay -o \
	"lowerdir=/var,upperdir=$scratch/var,workdir=$scratch/var.work" /var
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/lock
: >/run/utmp
ip link set lo up 2>/dev/null || true

# Names are looked up in files only, and there is one name.
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(uname -n)" >/etc/hosts
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' \
	>/etc/nsswitch.conf

# People: alice is uid 1001, and nobody else is, whom sudo might take her for;
# a password is "pw-NAME-kiso". They live below the
# scratch directory, so that /home, where this checkout may be, stays in sight.
people="alice bob carol dave erin frank grace heidi ivan judy mallory"
uid=1001
for person in $people; do
	sed -i "/^$person:/d" /etc/passwd /etc/shadow /etc/group
	sed -i "/^[^:]*:[^:]*:$uid:/d" /etc/passwd /etc/group
	echo "$person:x:$uid:$uid:$person:$scratch/home/$person:/bin/bash" \
		>>/etc/passwd
	echo "$person:x:$uid:" >>/etc/group
	mkdir -m 700 "$scratch/home/$person"
	chown "$uid:$uid" "$scratch/home/$person"
	uid=$((uid + 1))
done
# shellcheck disable=SC2016,SC2086 # perl's variables; a list of words
perl -e 'printf "%s:%s:19000:0:99999:7:::\n", $_,
	crypt("pw-$_-kiso", "\$6\$barrier\$") for @ARGV' $people >>/etc/shadow
chmod 640 /etc/shadow
rm -f /etc/nologin /etc/sudoers.d/* 2>/dev/null || true
cat >/etc/sudoers <<-'EOF'
	Defaults env_reset, lecture=never, passwd_tries=1
	Defaults !syslog
	root ALL=(ALL:ALL) ALL
	alice, bob, carol, dave, erin, frank, grace ALL=(ALL:ALL) ALL
EOF
chmod 440 /etc/sudoers

exec "$@"
