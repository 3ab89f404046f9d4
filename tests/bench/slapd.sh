#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenLDAP with slapo-otp, as run.sh sets it beside sekimorid: durable mdb
# (its default), TLS 1.3, users u0 ... with password "x" and a TOTP seed each.
# Sourced; expects $data, $run, $users and free_port.
# shellcheck disable=SC2154

slapd_make_certificates() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=bench-ca -keyout "$data/ldap/ca.key" \
		-out "$data/ldap/ca.crt" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=localhost -keyout "$data/ldap/server.key" \
		-out "$data/ldap/server.csr" 2>/dev/null
	openssl x509 -req -in "$data/ldap/server.csr" -days 2 \
		-CA "$data/ldap/ca.crt" -CAkey "$data/ldap/ca.key" \
		-extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) \
		-out "$data/ldap/server.crt" 2>/dev/null
}

slapd_write_config() {
	cat >"$data/ldap/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		moduleload otp
		pidfile $run/slapd.pid
		TLSCACertificateFile $data/ldap/ca.crt
		TLSCertificateFile $data/ldap/server.crt
		TLSCertificateKeyFile $data/ldap/server.key
		TLSProtocolMin 3.4
		loglevel 0
		database mdb
		suffix "dc=p"
		rootdn "cn=admin,dc=p"
		directory $data/ldap/db
		maxsize 1073741824
		index objectClass eq
		overlay otp
	END
}

slapd_write_people() {
	awk -v users="$users" 'BEGIN {
		print "dn: dc=p\nobjectClass: dcObject\n" \
			"objectClass: organization\no: p\ndc: p\n"
		print "dn: ou=u,dc=p\nobjectClass: organizationalUnit\n" \
			"objectClass: oathTOTPParams\nou: u\n" \
			"oathOTPLength: 6\noathHMACAlgorithm: 1.2.840.113549.2.7\n" \
			"oathTOTPTimeStepPeriod: 30\noathTOTPTimeStepWindow: 1\n"
		for (n = 0; n < users; n++)
			printf "dn: uid=u%d,ou=u,dc=p\nobjectClass: account\n" \
				"objectClass: simpleSecurityObject\n" \
				"objectClass: oathTOTPUser\n" \
				"objectClass: oathTOTPToken\nuid: u%d\n" \
				"userPassword: x\noathTOTPToken: uid=u%d,ou=u,dc=p\n" \
				"oathTOTPParams: ou=u,dc=p\noathSecret: %020d\n\n",
				n, n, n, n
	}'
}

slapd_prepare() {
	mkdir -p "$data/ldap/db"
	slapd_make_certificates
	slapd_write_config
	slapd_write_people >"$data/ldap/people.ldif"
	/usr/sbin/slapadd -q -f "$data/ldap/slapd.conf" \
		-l "$data/ldap/people.ldif" >"$run/slapadd.log" 2>&1
	mv "$data/ldap/db" "$data/ldap/template"
	slapd_port=$(free_port)
}

# A fresh database each time, on disk before the clock starts.
slapd_start() {
	rm -rf "$data/ldap/db"
	cp -a "$data/ldap/template" "$data/ldap/db"
	sync -f "$data"
	/usr/sbin/slapd -d 0 -f "$data/ldap/slapd.conf" \
		-h "ldaps://127.0.0.1:$slapd_port" >"$run/slapd.log" 2>&1 &
	slapd_pid=$!
	wait_for_port "$slapd_port" "$slapd_pid"
}

slapd_stop() {
	stop "$slapd_pid"
	slapd_pid=
}
