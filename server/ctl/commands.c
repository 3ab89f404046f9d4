/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/commands.h"

#include "server/ctl/columns.h"

#define ID                                                                     \
	{                                                                      \
		"ID", NULL, "id", COMMAND_TEXT, true, NULL                     \
	}
#define NAME                                                                   \
	{                                                                      \
		"NAME", NULL, "name", COMMAND_TEXT, true, NULL                 \
	}
#define SERIAL                                                                 \
	{                                                                      \
		"SERIAL", NULL, "serial", COMMAND_TEXT, true, NULL             \
	}
#define KEY                                                                    \
	{                                                                      \
		"SPKI-SHA256", NULL, "key", COMMAND_TEXT, true, NULL           \
	}
#define CODE_OPTION(name, member, required)                                    \
	{                                                                      \
		name, "CODE", member, COMMAND_CODE, required, NULL             \
	}
#define TEXT_OPTION(name, value, member)                                       \
	{                                                                      \
		name, value, member, COMMAND_TEXT, false, NULL                 \
	}
#define LIST_OPTION(name, value, member)                                       \
	{                                                                      \
		name, value, member, COMMAND_LIST, false, NULL                 \
	}
#define REASON TEXT_OPTION("--reason", "TEXT", "reason")
#define CHOICE_OPTION(name, member, kind, choices)                             \
	{                                                                      \
		name, choices, member, kind, false, choices                    \
	}
#define REASON TEXT_OPTION("--reason", "TEXT", "reason")
#define PERSON_VERB(verb_, done_, help_)                                       \
	{                                                                      \
		.noun = "user", .verb = verb_, .path = "user/" verb_,          \
		.parameters = {ID}, .done = done_, .help = help_               \
	}
#define TOKEN_VERB(verb_, done_, help_)                                        \
	{                                                                      \
		.noun = "token", .verb = verb_, .path = "token/" verb_,        \
		.parameters = {SERIAL, REASON}, .done = done_, .help = help_   \
	}

/* clang-format off */
#define REQUEST_NUMBER {"N", NULL, "request", COMMAND_NUMBER, true, NULL}
#define REQUEST_VERBS(noun_, before)                                           \
	{.noun = noun_, .verb = before "list", .path = "request/list",         \
	 .parameters = {{"--all", NULL, "all", COMMAND_FLAG, false, NULL}},    \
	 .columns = REQUEST_COLUMNS,                                           \
	 .help = "what waits for a second person"},                            \
	{.noun = noun_, .verb = before "show", .path = "request/show",         \
	 .parameters = {REQUEST_NUMBER}, .columns = REQUEST_COLUMNS,           \
	 .handle = handle_request_show,                                        \
	 .help = "what exactly is asked for"},                                 \
	{.noun = noun_, .verb = before "approve", .path = "request/approve",   \
	 .parameters = {REQUEST_NUMBER},                                       \
	 .confirm = "Approve request {}? `request show {}` says what it is.",  \
	 .handle = handle_request_approve,                                     \
	 .help = "let it happen, as its second person"},                       \
	{.noun = noun_, .verb = before "reject", .path = "request/reject",     \
	 .parameters = {REQUEST_NUMBER},                                       \
	 .done = "Request {} will not happen.",                                \
	 .help = "end a request, one's own too"}
const struct command COMMANDS[] = {
	{.noun = "user", .verb = "add", .path = "user/add",
	 .parameters = {ID,
		TEXT_OPTION("--login", "NAME", "login"),
		TEXT_OPTION("--name", "NAME", "name"),
		LIST_OPTION("--department", "DEPARTMENT", "departments"),
		CHOICE_OPTION("--kind", "kind", COMMAND_TEXT,
		    "regular|fiscal-year|contractor"),
		TEXT_OPTION("--from", "DATE", "from"),
		TEXT_OPTION("--until", "DATE", "until"),
		TEXT_OPTION("--attendant", "ID", "attendant"),
		TEXT_OPTION("--decision", "NUMBER", "decision")},
	 .done = "{} is registered. Next: `sekimorictl token enroll {}`.",
	 .help = "register a person"},
	{.noun = "user", .verb = "change", .path = "user/change",
	 .parameters = {ID,
		TEXT_OPTION("--login", "NAME", "login"),
		TEXT_OPTION("--name", "NAME", "name"),
		LIST_OPTION("--department", "DEPARTMENT", "departments"),
		CHOICE_OPTION("--kind", "kind", COMMAND_TEXT,
		    "regular|fiscal-year|contractor"),
		TEXT_OPTION("--from", "DATE", "from"),
		TEXT_OPTION("--until", "DATE", "until"),
		TEXT_OPTION("--attendant", "ID", "attendant"),
		TEXT_OPTION("--decision", "NUMBER", "decision")},
	 .done = "{} is registered so.",
	 .help = "change what is registered of a person (all departments, the "
		 "first one where he sits)"},
	{.noun = "user", .verb = "extend", .path = "user/extend",
	 .parameters = {ID,
		{"--until", "DATE", "until", COMMAND_TEXT, true, NULL},
		TEXT_OPTION("--decision", "NUMBER", "decision"),
		TEXT_OPTION("--attendant", "ID", "attendant")},
	 .handle = handle_user_extend,
	 .done = "{} may log in until then.",
	 .help = "a later end; a contractor's needs the number of a decision"},
	{.noun = "user", .verb = "import undo", .path = "user/import-undo",
	 .parameters = {{"NUMBER", NULL, "import", COMMAND_NUMBER, true, NULL}},
	 .confirm = "Take this staff list back?",
	 .done = "The list is taken back: everybody is as before, and whoever "
		 "was new is removed.",
	 .help = "take the last staff list back"},
	{.noun = "user", .verb = "import list", .path = "user/import-list",
	 .columns = IMPORT_COLUMNS,
	 .help = "staff lists that wait for their day, and the last ones taken "
		 "over"},
	{.noun = "user", .verb = "import", .path = "user/import",
	 .parameters = {
		{"FILE.csv", NULL, "file", COMMAND_LOCAL, true, NULL},
		{"--encoding", "auto|utf-8|cp932", "encoding", COMMAND_LOCAL,
		    false, "auto|utf-8|cp932"},
		{"--columns", "FILE", "columns", COMMAND_LOCAL, false, NULL},
		TEXT_OPTION("--effective", "DATE", "effective"),
		{"--slips", "FILE.html", "slips", COMMAND_LOCAL, false, NULL},
		{"--whole-staff", NULL, "whole_staff", COMMAND_FLAG, false,
		    NULL},
		{"--dry-run", NULL, "dry_run", COMMAND_FLAG, false, NULL}},
	 .handle = handle_user_import,
	 .help = "a staff list: all of it or nothing (--whole-staff: whoever "
		 "is not on it leaves)"},
	{.noun = "user", .verb = "list", .path = "user/list",
	 .parameters = {
		TEXT_OPTION("--login", "NAME", "login"),
		TEXT_OPTION("--department", "DEPARTMENT", "department"),
		CHOICE_OPTION("--kind", "kind", COMMAND_TEXT,
		    "regular|fiscal-year|contractor"),
		CHOICE_OPTION("--state", "state", COMMAND_TEXT,
		    "active|suspended"),
		{"--ending", "DAYS", "ending", COMMAND_NUMBER, false, NULL}},
	 .columns = PERSON_COLUMNS,
	 .help = "everybody, or those of an account, department or kind, or whose "
		 "time ends within so many days"},
	{.noun = "user", .verb = "show", .path = "user/show",
	 .parameters = {ID}, .columns = PERSON_COLUMNS,
	 .handle = handle_user_show,
	 .help = "one person with tokens, cards and waits"},
	{.noun = "user", .verb = "suspend", .path = "user/suspend",
	 .parameters = {ID}, .handle = handle_stop,
	 .done = "{} is suspended.", .help = "no logins until resumed"},
	PERSON_VERB("resume", "{} may log in again.", "end a suspension"),
	{.noun = "user", .verb = "remove", .path = "user/remove",
	 .parameters = {ID},
	 .confirm = "Remove {} and revoke this person's tokens and cards?",
	 .handle = handle_stop, .done = "{} is removed.",
	 .help = "remove a person and revoke his tokens and cards"},
	PERSON_VERB("unlock", "{} need not wait any longer.",
	    "end waits after failures; the counts stay"),
	{.noun = "user", .verb = "freeze", .path = "user/freeze",
	 .parameters = {ID, REASON}, .handle = handle_stop,
	 .done = "{} is frozen.",
	 .help = "stop all logins and lock open sessions at once"},
	{.noun = "user", .verb = "thaw", .path = "user/thaw",
	 .parameters = {ID, REASON}, .done = "{} is no longer frozen.",
	 .help = "end a freeze"},

	{.noun = "token", .verb = "enroll", .path = "token/enroll",
	 .parameters = {ID,
		CHOICE_OPTION("--algorithm", "algorithm", COMMAND_TEXT,
		    "sha1|sha256|sha512"),
		CHOICE_OPTION("--digits", "digits", COMMAND_NUMBER, "6|8"),
		CHOICE_OPTION("--period", "period", COMMAND_NUMBER, "30|60"),
		{"--secret", "-", "secret", COMMAND_SECRET, false, NULL}},
	 .handle = handle_token_enroll,
	 .help = "a new TOTP token (sha1, 6 digits, 30 s), shown once as a QR "
		 "code"},
	{.noun = "token", .verb = "confirm", .path = "token/confirm",
	 .parameters = {SERIAL,
		{"CODE", NULL, "code", COMMAND_CODE, true, NULL}},
	 .done = "{} is active.",
	 .help = "activate a token by its first good code"},
	{.noun = "token", .verb = "resync", .path = "token/resync",
	 .parameters = {SERIAL,
		{"CODE", NULL, "code", COMMAND_CODE, true, NULL},
		{"CODE", NULL, "next", COMMAND_CODE, true, NULL}},
	 .done = "{} is in step.",
	 .help = "find a token's place again by two codes in a row"},
	{.noun = "token", .verb = "import", .path = "token/import",
	 .parameters = {
		{"FILE", NULL, "file", COMMAND_LOCAL, true, NULL},
		{"--from", "pskc|csv|users.oath|google-authenticator", "from",
		    COMMAND_LOCAL, false,
		    "pskc|csv|users.oath|google-authenticator"},
		{"--key-file", "FILE", "key_file", COMMAND_LOCAL, false, NULL},
		{"--encoding", "auto|utf-8|cp932", "encoding", COMMAND_LOCAL,
		    false, "auto|utf-8|cp932"},
		{"--columns", "FILE", "columns", COMMAND_LOCAL, false, NULL},
		{"--user", "ID", "user", COMMAND_LOCAL, false, NULL},
		{"--create-users", NULL, "create_users", COMMAND_FLAG, false,
		    NULL}},
	 .handle = handle_token_import,
	 .help = "new tokens for the drawer (pskc, csv), or active ones with their "
		 "holders"},
	TOKEN_VERB("suspend", "{} is suspended.", "no logins until resumed"),
	TOKEN_VERB("resume", "{} is active again.", "end a suspension"),
	{.noun = "token", .verb = "assign", .path = "token/assign",
	 .parameters = {SERIAL, ID, CODE_OPTION("--code", "code", true),
		CODE_OPTION("--next", "next", false),
		{"--device-only", NULL, "device_only", COMMAND_FLAG, false,
		    NULL},
		REASON},
	 .done = "{} is active.",
	 .help = "hand a token from stock out for good, with a code it shows"},
	{.noun = "token", .verb = "return", .path = "token/return",
	 .parameters = {SERIAL, CODE_OPTION("--code", "code", false),
		CODE_OPTION("--next", "next", false),
		TEXT_OPTION("--no-code", "REASON", "no_code")},
	 .handle = handle_token_return,
	 .help = "take a token back (--no-code: it shows none any more and is "
		 "given up)"},
	{.noun = "token", .verb = "checkout", .path = "token/checkout",
	 .parameters = {SERIAL, ID, CODE_OPTION("--code", "code", true),
		CODE_OPTION("--next", "next", false),
		TEXT_OPTION("--until", "TIME", "until"),
		{"--device-only", NULL, "device_only", COMMAND_FLAG, false,
		    NULL},
		REASON},
	 .handle = handle_token_checkout,
	 .help = "lend a spare for the day: it opens nothing after 17:15"},
	{.noun = "token", .verb = "checkin", .path = "token/checkin",
	 .parameters = {SERIAL, CODE_OPTION("--code", "code", true),
		CODE_OPTION("--next", "next", false), REASON},
	 .done = "{} is back in stock.", .help = "take a spare back"},
	{.noun = "token", .verb = "lost", .path = "token/lost",
	 .parameters = {SERIAL,
		{"--slip", "FILE", "slip", COMMAND_LOCAL, false, NULL}, REASON},
	 .confirm = "Mark {} as lost?", .handle = handle_token_lost,
	 .help = "report a loss (--slip: 紛失届, to be signed; -: stdout)"},
	{.noun = "token", .verb = "found", .path = "token/found",
	 .parameters = {SERIAL, CODE_OPTION("--code", "code", true), REASON},
	 .handle = handle_token_found,
	 .help = "let a lost token in again, with a code of another token of "
		 "the same person or an emergency code"},
	{.noun = "token", .verb = "retire", .path = "token/retire",
	 .parameters = {SERIAL, REASON},
	 .confirm = "Give {} up for good?", .done = "{} is retired.",
	 .help = "give a token up for good: broken, worn out, written off"},
	{.noun = "token", .verb = "revoke", .path = "token/revoke",
	 .parameters = {SERIAL, REASON}, .confirm = "Revoke {} for good?",
	 .done = "{} is revoked.", .help = "end a token for good"},
	{.noun = "token", .verb = "list", .path = "token/list",
	 .parameters = {
		TEXT_OPTION("--department", "DEPARTMENT", "department"),
		{"--checked-out", NULL, "checked_out", COMMAND_FLAG, false,
		    NULL},
		{"--unreturned", NULL, "unreturned", COMMAND_FLAG, false, NULL},
		{"--unused", "DAYS", "unused", COMMAND_NUMBER, false, NULL},
		{"--older", "YEARS", "older", COMMAND_NUMBER, false, NULL},
		CHOICE_OPTION("--state", "state", COMMAND_TEXT, "stock|pending|active|suspended|lost|returned|"
		    "retired|revoked|void")},
	 .columns = TOKEN_COLUMNS, .handle = handle_token_list,
	 .help = "all tokens, or those not back, not used for so long, older "
		 "than so many years"},
	{.noun = "token", .verb = "show", .path = "token/show",
	 .parameters = {SERIAL}, .columns = TOKEN_COLUMNS,
	 .handle = handle_token_show, .help = "one token and its ledger"},
	{.noun = "token", .verb = "ledger", .path = "token/ledger",
	 .parameters = {SERIAL}, .columns = LEDGER_COLUMNS,
	 .help = "who had it when, and why"},

	{.noun = "card", .verb = "invite", .path = "card/invite",
	 .parameters = {ID,
		TEXT_OPTION("--replaces", "SPKI-SHA256", "replaces")},
	 .handle = handle_card_invite,
	 .help = "a code with which a person enrols a card at his own seat"},
	{.noun = "card", .verb = "enroll", .path = "card/enroll",
	 .parameters = {ID,
		{"--certificate", "FILE", "file", COMMAND_LOCAL, true, NULL},
		TEXT_OPTION("--replaces", "SPKI-SHA256", "replaces")},
	 .handle = handle_card_enroll,
	 .help = "bind the key of a certificate (PEM or DER) to a person"},
	{.noun = "card", .verb = "list", .path = "card/list",
	 .parameters = {{"ID", NULL, "id", COMMAND_TEXT, false, NULL}},
	 .columns = CARD_COLUMNS, .handle = handle_card_list,
	 .help = "cards, and which certificates end soon"},
	{.noun = "card", .verb = "revoke", .path = "card/revoke",
	 .parameters = {KEY}, .confirm = "Revoke card {} for good?",
	 .done = "{} is revoked.", .help = "end a card for good"},
	{.noun = "card", .verb = "trust", .path = "card/trust",
	 .parameters = {
		{"CA.pem", NULL, "file", COMMAND_LOCAL, false, NULL},
		{"--crl", "FILE", "crl", COMMAND_LOCAL, false, NULL},
		{"--no-crl", NULL, "no_crl", COMMAND_FLAG, false, NULL}},
	 .handle = handle_card_trust,
	 .help = "believe a CA's certificates, or renew its CRL; without a "
		 "file: list the CAs"},
	{.noun = "card", .verb = "distrust", .path = "card/distrust",
	 .parameters = {KEY},
	 .confirm = "No longer believe the certificates of CA {}?",
	 .done = "{} is no longer trusted.",
	 .help = "stop believing a CA's certificates"},

	{.noun = "code", .verb = "issue", .path = "code/issue",
	 .parameters = {{"ID", NULL, "id", COMMAND_TEXT, false, NULL},
		TEXT_OPTION("--department", "DEPARTMENT", "department"),
		TEXT_OPTION("--until", "TIME", "until")},
	 .handle = handle_code_issue,
	 .help = "an emergency code for one login, printed once; or one for "
		 "everybody of a department"},

	{.noun = "terminal", .verb = "add", .path = "terminal/add",
	 .parameters = {NAME, TEXT_OPTION("--group", "GROUP", "group")},
	 .yes_member = "again", .handle = handle_terminal_add,
	 .help = "a join code for a terminal (--yes: also for a known one)"},
	{.noun = "terminal", .verb = "list", .path = "terminal/list",
	 .columns = TERMINAL_COLUMNS, .help = "all terminals"},
	{.noun = "terminal", .verb = "revoke", .path = "terminal/revoke",
	 .parameters = {NAME}, .confirm = "Revoke {} and its certificates? What is open there "
		    "stays open: `sekimorictl terminal freeze` locks it first.",
	 .done = "{} is revoked.", .help = "refuse a terminal from now on"},
	{.noun = "terminal", .verb = "freeze", .path = "terminal/freeze",
	 .parameters = {NAME, REASON}, .handle = handle_stop,
	 .done = "{} is frozen.",
	 .help = "stop its logins and lock its sessions at once"},
	{.noun = "terminal", .verb = "thaw", .path = "terminal/thaw",
	 .parameters = {NAME, REASON}, .done = "{} is no longer frozen.",
	 .help = "end a freeze"},

	{.noun = "policy", .verb = "show", .path = "policy/show",
	 .parameters = {TEXT_OPTION("--at", "DATE", "at"),
		{"--version", "N", "version", COMMAND_NUMBER, false, NULL}},
	 .handle = handle_policy_show,
	 .help = "the rules in force, or those at the end of a day"},
	{.noun = "policy", .verb = "list", .path = "policy/list",
	 .columns = POLICY_COLUMNS,
	 .help = "all versions of the rules, also those to come"},
	{.noun = "policy", .verb = "report", .path = "policy/report",
	 .parameters = {
		TEXT_OPTION("--from", "TIME", "from"),
		TEXT_OPTION("--to", "TIME", "to")},
	 .columns = SHADOW_COLUMNS,
	 .help = "whom shadow mode has let past, and why (of 62 days)"},
	{.noun = "policy", .verb = "cancel", .path = "policy/cancel",
	 .parameters = {{"N", NULL, "version", COMMAND_NUMBER, true, NULL}},
	 .done = "{} will not take effect.",
	 .help = "cancel a version that has not taken effect yet"},
	{.noun = "policy", .verb = "set", .path = "policy/set",
	 .parameters = {{"FILE", NULL, "file", COMMAND_LOCAL, true, NULL},
		TEXT_OPTION("--reason", "TEXT", "reason"),
		TEXT_OPTION("--approver", "NAME", "approver"),
		TEXT_OPTION("--effective", "DATE", "effective")},
	 .handle = handle_policy_set,
	 .help = "replace the rules (-: stdin), at once or from a day on"},
	{.noun = "policy", .verb = "test", .path = "policy/test",
	 .parameters = {
		{"--user", "ID", "user", COMMAND_TEXT, true, NULL},
		{"--terminal", "NAME", "terminal", COMMAND_TEXT, true, NULL},
		{"--service", "SERVICE", "service", COMMAND_TEXT, true, NULL},
		TEXT_OPTION("--at", "TIME", "at")},
	 .handle = handle_policy_test,
	 .help = "which rule would decide (at a time); exit 1 if it refuses"},

	{.noun = "admin", .verb = "add", .path = "admin/add",
	 .parameters = {ID,
		{"--role", "owner|enroller|helpdesk|auditor", "role",
		    COMMAND_TEXT, true, "owner|enroller|helpdesk|auditor"},
		LIST_OPTION("--department", "DEPARTMENT", "departments"),
		{"--password", "-", "password", COMMAND_LOCAL, false, "-"}},
	 .handle = handle_admin_add,
	 .help = "give a person a role; enroller and helpdesk may be limited "
		 "to departments"},
	{.noun = "admin", .verb = "list", .path = "admin/list",
	 .columns = ADMIN_COLUMNS, .help = "who has which role"},
	{.noun = "admin", .verb = "remove", .path = "admin/remove",
	 .parameters = {ID}, .confirm = "Take {}'s role away?",
	 .done = "{} administers nothing any more.",
	 .help = "take a role away, at once"},
	{.noun = "admin", .verb = "password", .path = "admin/password",
	 .parameters = {{"ID", NULL, "id", COMMAND_TEXT, false, NULL}},
	 .handle = handle_admin_password,
	 .help = "the password with which somebody signs in; without ID, one's "
		 "own"},
	{.noun = "admin", .verb = "signin", .path = "signin",
	 .parameters = {ID}, .signs_in = true,
	 .handle = handle_admin_signin,
	 .help = "act as this person from now on, by password and one-time "
		 "code"},
	{.noun = "admin", .verb = "signout", .path = "signout",
	 .parameters = {{"ID", NULL, "id", COMMAND_TEXT, false, NULL}},
	 .handle = handle_admin_signout,
	 .help = "end that; with ID, everything that is open in somebody's "
		 "name"},

	REQUEST_VERBS("request", ""),
	REQUEST_VERBS("admin", "request "),

	{.noun = "audit", .verb = "list", .path = "audit/list",
	 .parameters = {
		TEXT_OPTION("--user", "ID", "user"),
		TEXT_OPTION("--account", "NAME", "account"),
		TEXT_OPTION("--terminal", "NAME", "terminal"),
		TEXT_OPTION("--result", "RESULT", "result"),
		CHOICE_OPTION("--kind", "record", COMMAND_TEXT,
		    "login|session|admin|terminal|server"),
		CHOICE_OPTION("--factor", "factor", COMMAND_TEXT,
		    "card|otp|emergency"),
		TEXT_OPTION("--year", "YEAR", "year"),
		TEXT_OPTION("--from", "TIME", "from"),
		TEXT_OPTION("--to", "TIME", "to"),
		{"--limit", "N", "limit", COMMAND_NUMBER, false, NULL},
		{"--csv", "FILE", "csv", COMMAND_LOCAL, false, NULL}},
	 .columns = AUDIT_COLUMNS, .handle = handle_audit_list,
	 .help = "the newest 50 records, or N; --year R7: of 令和7年度; --csv: "
		 "all, for a spreadsheet"},
	{.noun = "audit", .verb = "head", .path = "audit/head",
	 .handle = handle_audit_head,
	 .help = "number and hash of the last record, to be kept elsewhere"},
	{.noun = "audit", .verb = "verify", .path = "audit/verify",
	 .parameters = {
		TEXT_OPTION("--head", "HASH", "head"),
		{"--export", "FILE", "export", COMMAND_LOCAL, false, NULL}},
	 .handle = handle_audit_verify,
	 .help = "recompute the chain; with --export of a file, offline"},
	{.noun = "audit", .verb = "export", .path = "audit/export",
	 .handle = handle_audit_export,
	 .help = "all records on standard output, one JSON object a line"},

	{.noun = "report", .verb = "inventory", .path = "report/inventory",
	 .parameters = {
		TEXT_OPTION("--department", "DEPARTMENT", "department"),
		{"--csv", "FILE", "csv", COMMAND_LOCAL, false, NULL},
		{"--before", "FILE", "before", COMMAND_LOCAL, false, NULL},
		{"--lang", "ja|en", "lang", COMMAND_LOCAL, false, "ja|en"}},
	 .columns = INVENTORY_COLUMNS, .handle = handle_report_inventory,
	 .help = "what must be there and with whom, by department; --csv to "
		 "tick off, --before: what is not as in such a CSV"},

	{.noun = "server", .verb = "status", .path = "server/status",
	 .columns = STATUS_COLUMNS, .help = "how the server is"},
	{.noun = "server", .verb = "backup", .path = "server/backup",
	 .parameters = {{"FILE", NULL, "file", COMMAND_LOCAL, true, NULL}},
	 .handle = handle_server_backup,
	 .help = "a consistent copy while logins go on"},
	{.noun = "server", .verb = "freeze", .path = "server/freeze",
	 .confirm = "Refuse every login until `server thaw`, lock every "
		    "desktop, and end every session over ssh or at a text "
		    "console of a terminal, perhaps your own?",
	 .parameters = {REASON}, .handle = handle_stop,
	 .done = "Frozen: nobody can log in. `sekimorictl server thaw` ends "
		 "it.",
	 .help = "refuse every login and lock every session"},
	{.noun = "server", .verb = "thaw", .path = "server/thaw",
	 .parameters = {REASON}, .done = "Logins go on.", .help = "end a freeze"},
	{.noun = "server", .verb = "clock accept",
	 .path = "server/clock-accept",
	 .confirm = "Believe the server's clock from now on? If it went "
		    "back, emergency, join and enrolment codes become void, and "
		    "spares are due.",
	 .done = "The clock is believed.",
	 .help = "mend a doubted clock, after setting it right"},
	{.noun = "server", .verb = "keys rotate",
	 .path = "server/keys-rotate",
	 .done = "Everything is sealed under a new key. Make a new backup.",
	 .help = "a new key-encryption key, everything resealed"},
	{0},
};
/* clang-format on */
