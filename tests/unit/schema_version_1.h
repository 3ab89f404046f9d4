/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of version 1, as servers in the field have them. Never change. */
#ifndef SEKIMORI_SCHEMA_VERSION_1_H
#define SEKIMORI_SCHEMA_VERSION_1_H

static const char SCHEMA_VERSION_1[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL"
    " DEFAULT 0, bytes BLOB) STRICT;"

    "CREATE TABLE person (id INTEGER PRIMARY KEY, user_name TEXT NOT NULL,"
    " login TEXT NOT NULL, name TEXT NOT NULL, department TEXT NOT NULL,"
    " kind TEXT NOT NULL, state INTEGER NOT NULL, frozen INTEGER NOT NULL,"
    " decoy INTEGER NOT NULL, valid_from INTEGER NOT NULL,"
    " valid_until INTEGER NOT NULL, enrolled_at INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX person_user ON person (user_name)"
    " WHERE state <> 2;"
    "CREATE INDEX person_login ON person (login) WHERE state <> 2;"

    "CREATE TABLE seed (id INTEGER PRIMARY KEY,"
    " fingerprint BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE seed_floor (seed_id INTEGER PRIMARY KEY"
    " REFERENCES seed (id), floor INTEGER NOT NULL,"
    " used_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE token (id INTEGER PRIMARY KEY,"
    " person_id INTEGER NOT NULL REFERENCES person (id),"
    " seed_id INTEGER NOT NULL REFERENCES seed (id),"
    " serial TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,"
    " type INTEGER NOT NULL, algorithm INTEGER NOT NULL,"
    " digits INTEGER NOT NULL, period_s INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL, confirmed_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX token_person ON token (person_id);"
    "CREATE INDEX token_seed ON token (seed_id);"

    "CREATE TABLE throttle (person_id INTEGER NOT NULL,"
    " factor INTEGER NOT NULL, terminal_id INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, wait_until INTEGER NOT NULL,"
    " unproven_total INTEGER NOT NULL,"
    " PRIMARY KEY (person_id, factor, terminal_id)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE emergency (id INTEGER PRIMARY KEY,"
    " person_id INTEGER NOT NULL REFERENCES person (id),"
    " hash BLOB NOT NULL, valid_until INTEGER NOT NULL,"
    " state INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX emergency_person ON emergency (person_id);"

    "CREATE TABLE terminal (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " group_name TEXT NOT NULL, state INTEGER NOT NULL,"
    " frozen INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " last_seen_at INTEGER NOT NULL, join_hash BLOB,"
    " join_until INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE UNIQUE INDEX terminal_name ON terminal (name)"
    " WHERE state <> 2;"
    "CREATE INDEX terminal_join ON terminal (join_hash)"
    " WHERE join_hash IS NOT NULL;"
    "CREATE TABLE terminal_certificate (fingerprint BLOB PRIMARY KEY,"
    " terminal_id INTEGER NOT NULL REFERENCES terminal (id),"
    " what INTEGER NOT NULL, valid_until INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX terminal_certificate_terminal"
    " ON terminal_certificate (terminal_id);"

    "CREATE TABLE policy (version INTEGER PRIMARY KEY, text TEXT NOT NULL,"
    " author TEXT NOT NULL, since INTEGER NOT NULL) STRICT;"

    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,"
    " record TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE TABLE audit_open (same TEXT PRIMARY KEY,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    " count INTEGER NOT NULL, record TEXT NOT NULL) STRICT;"
    "CREATE INDEX audit_open_first ON audit_open (first_ms);"

    "CREATE TABLE once (id INTEGER PRIMARY KEY, key BLOB NOT NULL,"
    " body BLOB NOT NULL, person_id INTEGER NOT NULL,"
    " token_id INTEGER NOT NULL, terminal_id INTEGER NOT NULL,"
    " valid_until INTEGER NOT NULL, result INTEGER NOT NULL,"
    " verdict BLOB NOT NULL) STRICT;"

    "CREATE TABLE authority (id INTEGER PRIMARY KEY,"
    " kind INTEGER NOT NULL, certificate TEXT NOT NULL,"
    " sealed_key BLOB NOT NULL, valid_from INTEGER NOT NULL,"
    " valid_until INTEGER NOT NULL) STRICT;";

#endif
