/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema. What changes at every login (floors, throttles) is apart from
 * what does not (persons, seeds): a commit writes whole pages, and small
 * rows share one. Times are unix seconds unless named _ms.
 */
#include "server/store/schema.h"

#include "server/store/authority_rows.h"
#include "server/store/store.h"

/* Version 2. What a login changes is in card_use; the index holds all that a
 * login reads. */
#define CARD_SCHEMA                                                            \
	/* key: SHA-256 of the SubjectPublicKeyInfo; state: enum card_state */ \
	"CREATE TABLE card (id INTEGER PRIMARY KEY, key BLOB NOT NULL,"        \
	" person_id INTEGER NOT NULL REFERENCES person (id),"                  \
	" state INTEGER NOT NULL, certificate BLOB NOT NULL,"                  \
	" enrolled_at INTEGER NOT NULL) STRICT;"                               \
	"CREATE UNIQUE INDEX card_key ON card (key) WHERE state = 1;"          \
	"CREATE INDEX card_person ON card (person_id, state, key);"            \
	"CREATE TABLE card_use (card_id INTEGER PRIMARY KEY"                   \
	" REFERENCES card (id), used_at INTEGER NOT NULL) STRICT;"             \
	"CREATE TABLE card_authority (key BLOB PRIMARY KEY,"                   \
	" certificate BLOB NOT NULL, needs_crl INTEGER NOT NULL, crl BLOB,"    \
	" added_at INTEGER NOT NULL) STRICT;"                                  \
	"CREATE TABLE card_invitation (person_id INTEGER PRIMARY KEY"          \
	" REFERENCES person (id), hash BLOB NOT NULL UNIQUE,"                  \
	" valid_until INTEGER NOT NULL, used_key BLOB) STRICT;"

/* Version 3. drift: steps the clock of whatever holds the seed is ahead.
 * astray_token: whose code a wrong one would have been at another time; on
 * terminal 0, and NULL elsewhere. */
#define DRIFT_COLUMN "drift INTEGER NOT NULL DEFAULT 0"
#define ASTRAY_COLUMN "astray_token INTEGER"
#define DRIFT_SCHEMA                                                           \
	"ALTER TABLE seed_floor ADD COLUMN " DRIFT_COLUMN ";"                  \
	"ALTER TABLE throttle ADD COLUMN " ASTRAY_COLUMN ";"

/* Version 4. What a staff list made of whom; side: 0 before, 1 after. */
#define STAFF_IMPORT_SCHEMA                                                    \
	"CREATE TABLE staff_import (id INTEGER PRIMARY KEY,"                   \
	" made_at INTEGER NOT NULL, undone INTEGER NOT NULL) STRICT;"          \
	"CREATE TABLE staff_import_row (import_id INTEGER NOT NULL"            \
	" REFERENCES staff_import (id), person_id INTEGER NOT NULL"            \
	" REFERENCES person (id), side INTEGER NOT NULL,"                      \
	" login TEXT NOT NULL, name TEXT NOT NULL, department TEXT NOT NULL,"  \
	" kind TEXT NOT NULL, state INTEGER NOT NULL,"                         \
	" valid_from INTEGER NOT NULL, valid_until INTEGER NOT NULL,"          \
	" PRIMARY KEY (import_id, person_id, side)) STRICT, WITHOUT ROWID;"

/* Version 5. On what ground, and who is said to have approved. */
#define POLICY_REASON_COLUMN "reason TEXT NOT NULL DEFAULT ''"
#define POLICY_APPROVER_COLUMN "approver TEXT NOT NULL DEFAULT ''"
#define POLICY_GROUND_SCHEMA                                                   \
	"ALTER TABLE policy ADD COLUMN " POLICY_REASON_COLUMN ";"              \
	"ALTER TABLE policy ADD COLUMN " POLICY_APPROVER_COLUMN ";"

/* Version 6. Staff lists that take effect later. */
#define STAFF_PLAN_SCHEMA                                                      \
	"CREATE TABLE staff_plan (import_id INTEGER PRIMARY KEY"               \
	" REFERENCES staff_import (id), due_at INTEGER NOT NULL,"              \
	" whole_staff INTEGER NOT NULL, actor TEXT NOT NULL,"                  \
	" list TEXT NOT NULL) STRICT;"

/*
 * Version 7. A token in stock (6), returned (7) or retired (8) is nobody's, any
 * other is somebody's. loan_until: a spare lent for a day opens nothing from
 * then on; 0 is no end. In the ledger, person_id is the holder after the
 * change and name what he was called then.
 */
#define TOKEN_TABLE                                                            \
	"CREATE TABLE token (id INTEGER PRIMARY KEY,"                          \
	" person_id INTEGER REFERENCES person (id),"                           \
	" seed_id INTEGER NOT NULL REFERENCES seed (id),"                      \
	" serial TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,"                \
	" type INTEGER NOT NULL, algorithm INTEGER NOT NULL,"                  \
	" digits INTEGER NOT NULL, period_s INTEGER NOT NULL,"                 \
	" created_at INTEGER NOT NULL, confirmed_at INTEGER NOT NULL,"         \
	" loan_until INTEGER NOT NULL DEFAULT 0,"                              \
	" CHECK ((person_id IS NULL) = (state IN (6, 7, 8))),"                 \
	" CHECK (loan_until = 0 OR person_id IS NOT NULL)) STRICT;"
#define TOKEN_INDICES                                                          \
	"CREATE INDEX token_person ON token (person_id);"                      \
	"CREATE INDEX token_seed ON token (seed_id);"
#define TOKEN_LEDGER_TABLE                                                     \
	"CREATE TABLE token_ledger (token_id INTEGER NOT NULL"                 \
	" REFERENCES token (id), seq INTEGER NOT NULL, time INTEGER NOT NULL," \
	" actor TEXT NOT NULL, from_state INTEGER, to_state INTEGER NOT NULL," \
	" person_id INTEGER REFERENCES person (id), name TEXT NOT NULL,"       \
	" loan_until INTEGER NOT NULL, why TEXT NOT NULL,"                     \
	" PRIMARY KEY (token_id, seq)) STRICT, WITHOUT ROWID;"
#define TOKEN_COLUMNS_UNTIL_6                                                  \
	"id, person_id, seed_id, serial, state, type, algorithm, digits,"      \
	" period_s, created_at, confirmed_at"
#define CUSTODY_SCHEMA                                                         \
	"ALTER TABLE token RENAME TO token_until_6;" TOKEN_TABLE               \
	"INSERT INTO token (" TOKEN_COLUMNS_UNTIL_6                            \
	") SELECT " TOKEN_COLUMNS_UNTIL_6 " FROM token_until_6;"               \
	"DROP TABLE token_until_6;" TOKEN_INDICES TOKEN_LEDGER_TABLE           \
	"INSERT INTO token_ledger SELECT token.id, 1, token.created_at, '',"   \
	" NULL, token.state, person.id, person.name, 0,"                       \
	" 'what was known before there was a ledger' FROM token"               \
	" JOIN person ON person.id = token.person_id WHERE person.decoy = 0;"

/* The same. role: enum admin_role; departments: separated by commas, empty is
 * everywhere; password: of crypt(3), empty is none; person_id of a staff list:
 * whoever sent it, 0 is root. A session is found by the keyed hash of its
 * token. */
#define ROLE_SCHEMA                                                            \
	"CREATE TABLE admin (person_id INTEGER PRIMARY KEY"                    \
	" REFERENCES person (id), role INTEGER NOT NULL,"                      \
	" departments TEXT NOT NULL, password TEXT NOT NULL DEFAULT '',"       \
	" added_at INTEGER NOT NULL) STRICT;"                                  \
	"CREATE TABLE admin_session (hash BLOB PRIMARY KEY,"                   \
	" person_id INTEGER NOT NULL REFERENCES person (id),"                  \
	" origin TEXT NOT NULL, begun_at INTEGER NOT NULL,"                    \
	" used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"                    \
	"CREATE INDEX admin_session_person ON admin_session (person_id);"      \
	"ALTER TABLE staff_plan ADD COLUMN person_id INTEGER"                  \
	" NOT NULL DEFAULT 0;"

/* turn: the order in which versions took effect, 0: not yet; by it
 * and not by the time, so that a clock set back brings no older rules back.
 * cancelled: by whom, of one that never took effect. */
#define POLICY_TURN_COLUMN "turn INTEGER NOT NULL DEFAULT 0"
#define POLICY_SET_COLUMN "set_at INTEGER NOT NULL DEFAULT 0"
#define POLICY_CANCELLED_COLUMN "cancelled TEXT NOT NULL DEFAULT ''"
#define POLICY_PLAN_SCHEMA                                                     \
	"ALTER TABLE policy ADD COLUMN " POLICY_TURN_COLUMN ";"                \
	"ALTER TABLE policy ADD COLUMN " POLICY_SET_COLUMN ";"                 \
	"ALTER TABLE policy ADD COLUMN " POLICY_CANCELLED_COLUMN ";"           \
	"UPDATE policy SET turn = version, set_at = since;"
/* Version 7. attendant: the staff number of whoever answers for a contractor;
 * decision: on which his end rests; refused: why a list was not taken over
 * on its day. replaces: the card that ends with the first use of this one, or
 * of the one that the invitation brings. */
#define PEOPLE_SCHEMA                                                          \
	"ALTER TABLE person ADD COLUMN attendant TEXT NOT NULL DEFAULT '';"    \
	"ALTER TABLE person ADD COLUMN decision TEXT NOT NULL DEFAULT '';"     \
	"ALTER TABLE staff_plan ADD COLUMN people INTEGER NOT NULL DEFAULT 0;" \
	"ALTER TABLE staff_plan ADD COLUMN refused TEXT NOT NULL DEFAULT '';"  \
	"ALTER TABLE card ADD COLUMN replaces INTEGER"                         \
	" REFERENCES card (id);"                                               \
	"ALTER TABLE card_invitation ADD COLUMN replaces INTEGER"              \
	" REFERENCES card (id);"                                               \
	"CREATE INDEX person_attendant ON person (attendant)"                  \
	" WHERE attendant <> '';"                                              \
	"ALTER TABLE staff_import_row"                                         \
	" ADD COLUMN attendant TEXT NOT NULL DEFAULT '';"                      \
	"ALTER TABLE staff_import_row"                                         \
	" ADD COLUMN decision TEXT NOT NULL DEFAULT '';"

/* What each row means: grace_store.h. */
#define GRACE_SCHEMA                                                           \
	"CREATE TABLE grace (id INTEGER PRIMARY KEY,"                          \
	" login BLOB NOT NULL UNIQUE, session BLOB,"                           \
	" person_id INTEGER NOT NULL, terminal_id INTEGER NOT NULL,"           \
	" token_id INTEGER NOT NULL, card_id INTEGER NOT NULL,"                \
	" factor INTEGER NOT NULL, since INTEGER NOT NULL,"                    \
	" tty TEXT NOT NULL DEFAULT '') STRICT;"                               \
	"CREATE UNIQUE INDEX grace_session ON grace (session)"                 \
	" WHERE session IS NOT NULL;"

/* The same. state: enum stock_import_state. A token that arrives is not here
 * yet; floor is what its seed, if it was known before, gets at the end. */
#define STOCK_SCHEMA                                                           \
	"CREATE TABLE stock_import (id INTEGER PRIMARY KEY,"                   \
	" begun_at INTEGER NOT NULL, touched_at INTEGER NOT NULL,"             \
	" state INTEGER NOT NULL, tokens INTEGER NOT NULL,"                    \
	" has_fault INTEGER NOT NULL) STRICT;"                                 \
	"CREATE TABLE token_arriving (token_id INTEGER PRIMARY KEY"            \
	" REFERENCES token (id), line INTEGER NOT NULL,"                       \
	" seed_is_new INTEGER NOT NULL, floor INTEGER NOT NULL) STRICT;"

/* Sessions are asked about by names, also of those who were removed. */
#define REMOVED_SCHEMA                                                         \
	"CREATE INDEX person_removed_user ON person (user_name)"               \
	" WHERE state = 2;"                                                    \
	"CREATE INDEX person_removed_login ON person (login)"                  \
	" WHERE state = 2;"

/* The same. state: enum admin_request_state; hash: binds the rest. */
#define REQUEST_SCHEMA                                                         \
	"CREATE TABLE admin_request (id INTEGER PRIMARY KEY,"                  \
	" path TEXT NOT NULL, rule TEXT NOT NULL,"                             \
	" requester_id INTEGER NOT NULL REFERENCES person (id),"               \
	" made_at INTEGER NOT NULL, valid_until INTEGER NOT NULL,"             \
	" state INTEGER NOT NULL, decider_id INTEGER"                          \
	" REFERENCES person (id), decided_at INTEGER NOT NULL DEFAULT 0,"      \
	" arguments TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"

/* What somebody is shown at his next login; last_login.h. */
#define LAST_LOGIN_SCHEMA                                                      \
	"CREATE TABLE last_login (person_id INTEGER PRIMARY KEY"               \
	" REFERENCES person (id), at INTEGER NOT NULL,"                        \
	" terminal TEXT NOT NULL, failures INTEGER NOT NULL,"                  \
	" bound INTEGER NOT NULL) STRICT;"

const char STORE_SCHEMA[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL"
    " DEFAULT 0, bytes BLOB) STRICT;"

    /* state: enum person_state. A removed person's number may be given to
     * somebody new; his row stays. */
    "CREATE TABLE person (id INTEGER PRIMARY KEY, user_name TEXT NOT NULL,"
    " login TEXT NOT NULL, name TEXT NOT NULL, department TEXT NOT NULL,"
    " kind TEXT NOT NULL, state INTEGER NOT NULL, frozen INTEGER NOT NULL,"
    " decoy INTEGER NOT NULL, valid_from INTEGER NOT NULL,"
    " valid_until INTEGER NOT NULL, enrolled_at INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX person_user ON person (user_name)"
    " WHERE state <> 2;"
    "CREATE INDEX person_login ON person (login) WHERE state <> 2;"

    /* fingerprint: keyed hash of seed, type and period. */
    "CREATE TABLE seed (id INTEGER PRIMARY KEY,"
    " fingerprint BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE seed_floor (seed_id INTEGER PRIMARY KEY"
    " REFERENCES seed (id), floor INTEGER NOT NULL,"
    " used_at INTEGER NOT NULL, " DRIFT_COLUMN
    ") STRICT;" TOKEN_TABLE TOKEN_INDICES TOKEN_LEDGER_TABLE

    /* terminal_id 0: the proven count and the sum of the unproven ones. */
    "CREATE TABLE throttle (person_id INTEGER NOT NULL,"
    " factor INTEGER NOT NULL, terminal_id INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, wait_until INTEGER NOT NULL,"
    " unproven_total INTEGER NOT NULL, " ASTRAY_COLUMN ","
    " PRIMARY KEY (person_id, factor, terminal_id)) STRICT, WITHOUT ROWID;"

    /* state: 0 open, 1 spent, 2 void. */
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
    " author TEXT NOT NULL, since INTEGER NOT NULL,"
    " " POLICY_REASON_COLUMN ", " POLICY_APPROVER_COLUMN ","
    " " POLICY_TURN_COLUMN ", " POLICY_SET_COLUMN ","
    " " POLICY_CANCELLED_COLUMN ") STRICT;"

    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,"
    " record TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
    /* record: of the first, without seq and time. */
    "CREATE TABLE audit_open (same TEXT PRIMARY KEY,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    " count INTEGER NOT NULL, record TEXT NOT NULL) STRICT;"
    "CREATE INDEX audit_open_first ON audit_open (first_ms);"

    "CREATE TABLE once (id INTEGER PRIMARY KEY, key BLOB NOT NULL,"
    " body BLOB NOT NULL, person_id INTEGER NOT NULL,"
    " token_id INTEGER NOT NULL, terminal_id INTEGER NOT NULL,"
    " valid_until INTEGER NOT NULL, result INTEGER NOT NULL,"
    " verdict BLOB NOT NULL) STRICT;"

    AUTHORITY_SCHEMA CARD_SCHEMA STAFF_IMPORT_SCHEMA STAFF_PLAN_SCHEMA
	ROLE_SCHEMA PEOPLE_SCHEMA GRACE_SCHEMA STOCK_SCHEMA REMOVED_SCHEMA
	    REQUEST_SCHEMA LAST_LOGIN_SCHEMA;

/* From version i + 1 to the next. Never change one that was released. */
static const char *const upgrades[] = {
    CARD_SCHEMA,
    DRIFT_SCHEMA,
    STAFF_IMPORT_SCHEMA,
    POLICY_GROUND_SCHEMA,
    STAFF_PLAN_SCHEMA,
    CUSTODY_SCHEMA ROLE_SCHEMA POLICY_PLAN_SCHEMA PEOPLE_SCHEMA GRACE_SCHEMA
	STOCK_SCHEMA REMOVED_SCHEMA REQUEST_SCHEMA LAST_LOGIN_SCHEMA,
};

_Static_assert(
    sizeof(upgrades) / sizeof(upgrades[0]) == STORE_SCHEMA_VERSION - 1,
    "each older version has its way up");

static enum err upgrade_from(struct db *db, int64_t version)
{
	enum err err = db_begin(db);

	if (err != ERR_NONE)
		return err;
	for (; err == ERR_NONE && version < STORE_SCHEMA_VERSION; version++)
		err = db_script(db, upgrades[version - 1]);
	if (err == ERR_NONE)
		err = db_set_version(db, STORE_SCHEMA_VERSION);
	if (err == ERR_NONE)
		err = db_commit(db);
	if (err != ERR_NONE)
		db_rollback(db);
	return err;
}

enum err schema_upgrade(struct db *db)
{
	int64_t version = 0;
	enum err err = db_version(db, &version);

	if (err != ERR_NONE || version == STORE_SCHEMA_VERSION)
		return err;
	/* A newer one is refused when it is opened. */
	if (version < 1 || version > STORE_SCHEMA_VERSION)
		return ERR_CORRUPT;
	return upgrade_from(db, version);
}
