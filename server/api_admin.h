/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `POST /v1/admin/NOUN/VERB`: what sekimorictl asks for (docs/PROTOCOL.md).
 * A verb is a row: which members it takes, what it does inside the
 * transaction, and what the audit record calls it. Everything around that
 * (who may, parsing, the job, the record, the reply) is here once. A verb
 * checks first and changes afterwards; what it refuses is recorded too.
 */
#ifndef SEKIMORI_API_ADMIN_H
#define SEKIMORI_API_ADMIN_H

#include "server/password.h"
#include "server/server.h"
#include "server/store/admin_session.h"
#include "server/store/audit.h"
#include "server/store/card.h"
#include "server/store/person.h"
#include "server/store/terminal.h"
#include "server/store/token.h"
#include "server/time_text.h"
#include "shared/json.h"

enum {
	ADMIN_MEMBERS_MAX = 12,
	ADMIN_DETAIL_SIZE = 512,
	ADMIN_ACTION_SIZE = 64,
	ADMIN_REASON_BYTES_MAX = 256,
	ADMIN_IMPORT_ROWS_MAX = 500,
	ADMIN_PAGE_MAX = 1000,       /* of a list, in one answer */
	ADMIN_STEP_RECORDS = 5000,   /* verified in one transaction */
	ADMIN_STEP_SECRETS = 500,    /* resealed in one transaction */
	PASSWORD_CHARACTERS_MIN = 8, /* NIST SP 800-63B-4, 3.1.1.2 */
	ADMIN_CARD_KEY_SIZE = 33,    /* hexadecimal; half a hash names a key */
};

struct admin_job;

/* Of a verb's roles. */
#define ADMIN_MAY(role) (1u << (role))
#define ADMIN_ENROLLERS ADMIN_MAY(ADMIN_ROLE_ENROLLER)
#define ADMIN_DELEGATES (ADMIN_ENROLLERS | ADMIN_MAY(ADMIN_ROLE_HELPDESK))
#define ADMIN_EVERYBODY (ADMIN_DELEGATES | ADMIN_MAY(ADMIN_ROLE_AUDITOR))

/* One command. */
struct admin_verb {
	const char *path; /* "user/add" */
	/* Who may besides owners, who may everything, and auditors, who may
	 * do whatever only reads. */
	unsigned roles;
	/* Also those who are limited to departments: the verb finds persons
	 * and tokens by the functions below only, and shows no others. */
	bool by_department;
	bool is_open;       /* by whoever is not signed in: signing in */
	const char *action; /* of the audit record, "user add"; NULL: only
			       reads, nothing is recorded */
	struct json_member members[ADMIN_MEMBERS_MAX];
	/* On the loop's thread, before the job is queued; optional. */
	void (*prepare)(struct admin_job *job);
	/* Inside the transaction, perhaps twice: see struct job. */
	enum err (*run)(struct admin_job *job, struct store *store);
	/* On the loop's thread, after the commit of what was not refused;
	 * optional. */
	void (*conclude)(struct admin_job *job);
	/* On the loop's thread, whatever happened; optional. */
	void (*clean_up)(struct admin_job *job);
	bool is_long;  /* takes many milliseconds */
	bool may_wait; /* for a second person (api_admin_hold.h) */
};

/* Tables end with a row without path. */
extern const struct admin_verb ADMIN_USER_VERBS[], ADMIN_TOKEN_VERBS[],
    ADMIN_CODE_VERBS[], ADMIN_TERMINAL_VERBS[], ADMIN_POLICY_VERBS[],
    ADMIN_AUDIT_VERBS[], ADMIN_SERVER_VERBS[], ADMIN_BACKUP_VERBS[],
    ADMIN_CARD_VERBS[], ADMIN_CARD_TRUST_VERBS[], ADMIN_STAFF_VERBS[],
    ADMIN_STAFF_UNDO_VERBS[], ADMIN_ADMIN_VERBS[], ADMIN_PERSON_VERBS[],
    ADMIN_CUSTODY_VERBS[], ADMIN_TOKEN_LIST_VERBS[], ADMIN_INVENTORY_VERBS[],
    ADMIN_SHADOW_VERBS[], ADMIN_STAFF_LIST_VERBS[], ADMIN_STOCK_VERBS[],
    ADMIN_SESSION_VERBS[], ADMIN_SIGNIN_VERBS[], ADMIN_PASSWORD_VERBS[],
    ADMIN_REQUEST_VERBS[], ADMIN_CODE_BULK_VERBS[];

/* All of them; ends with NULL. */
extern const struct admin_verb *const ADMIN_TABLES[];

/* Every member that any verb takes; strings live as long as the body. */
struct admin_arguments {
	const char *id, *login, *name, *department, *from, *until;
	int kind, algorithm;
	int64_t digits, period;
	const char *secret, *serial, *code, *next, *state;
	bool create_users, whole_staff;
	const char *no_code;
	bool device_only, checked_out, unreturned;
	int64_t unused, older; /* days, years */
	json_t *rows;
	int64_t import, tokens;
	const char *effective;
	const char *group;
	bool again;
	const char *at, *text, *reason, *approver, *user, *terminal, *service;
	const char *result, *to, *head, *account;
	const char *record, *factor, *year;
	int64_t limit, after, before, version;
	const char *following;
	int64_t request;
	bool all;
	const char *certificate, *crl, *key;
	bool no_crl;
	int role; /* index into ADMIN_ROLES, or -1 */
	const char *departments;
	const char *attendant, *decision;
	int64_t ending; /* days; 0: not asked */
	const char *replaces;
	const char *password, *current;
};

/* What a command of several transactions has got to. run() reads `progress`
 * and writes `next`, which takes effect with the commit. */
struct admin_progress {
	int stage;
	int64_t position;
	struct audit_check check;
};

struct admin_job {
	struct job job;
	struct server *server;
	struct http_exchange *exchange;
	const struct admin_verb *verb;
	json_t *body;
	struct admin_arguments arguments;
	struct clock_judgement time;
	int64_t now_ms;
	char actor[ADMIN_ACTOR_SIZE]; /* for the record */
	struct admin admin; /* the same as what he may; person 0: root */
	int64_t loginuid;   /* -1: none */
	char origin[ADMIN_ORIGIN_SIZE]; /* where a session belongs */
	bool by_session;                /* who asks is whoever has this token */
	bool identifying; /* who is it, and may he? nothing else is run */
	unsigned char token[ADMIN_TOKEN_BYTES];

	/* What run() makes, afresh each time. */
	json_t *answer;
	int status; /* of a refusal; 0: none */
	char detail[ADMIN_DETAIL_SIZE];
	const char *reason; /* one word for the record; NULL: by status */
	bool undo;          /* the refusal takes back what run() changed */
	bool again;         /* run once more after the commit */
	bool unfinished;    /* a step that the last one's record tells of */
	bool hashing;       /* with again: when `password` is computed */
	bool recorded;      /* run() has written its own record */
	const char *told;   /* one word for the client, of a refusal; or NULL */
	char user[NAME_BYTES_MAX + 1];      /* for the record */
	char terminal[NAME_BYTES_MAX + 1];  /* for the record */
	char card_key[ADMIN_CARD_KEY_SIZE]; /* for the record */
	int64_t policy_version;             /* for the record; 0: none */
	json_t *note; /* texts and numbers, for the record; or NULL */
	char deed[2 * NAME_BYTES_MAX]; /* what and why, for the ledger */
	const char *why;               /* for the record; NULL: none */
	int64_t approval; /* number of a request, for the record; 0: none */
	bool waits;       /* for a second person: it was not run */
	struct admin_progress next;

	json_t *joined; /* {name: number} of terminals: admin_note_joined() */

	struct clock_reading accepted; /* server/clock-accept */

	struct password_work password; /* stays from run to run */
	struct admin_progress progress;
	struct admin_job *inner; /* request/approve: what is approved */
	bool asked_before; /* done for somebody who asked for it earlier */
	struct admin_job *approver; /* of an inner one: who lets it happen */
	bool holds_rotation, holds_backup; /* one of each at a time */
	bool only_record; /* the refusal stands; write it down */
	int body_fd;      /* the answer is this file; -1: it is JSON */
};

#define ADMIN_OFFSET(field) offsetof(struct admin_arguments, field)
#define ADMIN_NAME(field, required_)                                           \
	{                                                                      \
#field, JSON_MEMBER_NAME, ADMIN_OFFSET(field), (required_), 0, \
		    0, NULL                                                    \
	}
/* Why, in words, for the record: job->why. */
#define ADMIN_REASON                                                           \
	{                                                                      \
		"reason", JSON_MEMBER_TEXT, ADMIN_OFFSET(reason), false, 0,    \
		    ADMIN_REASON_BYTES_MAX, NULL                               \
	}
#define ADMIN_BOOL(field)                                                      \
	{                                                                      \
#field, JSON_MEMBER_BOOL, ADMIN_OFFSET(field), false, 0, 0,    \
		    NULL                                                       \
	}
#define ADMIN_NUMBER(field, minimum_, maximum_)                                \
	{                                                                      \
#field, JSON_MEMBER_NUMBER, ADMIN_OFFSET(field), false,        \
		    (minimum_), (maximum_), NULL                               \
	}

/* The route's handler. */
void api_admin_handle(struct server *server, struct http_exchange *exchange);

/* A verb's row by its path; NULL if there is none. */
const struct admin_verb *api_admin_find(const char *path);

/* Reads the job's body into its arguments, as its verb says. */
enum err api_admin_take(struct admin_job *job, struct json_problem *problem);

/* Every member as if it had not been sent. */
void api_admin_clear(struct admin_arguments *arguments);

/* Runs the job's verb, if he may, and records it: what the batch calls. */
enum err api_admin_run(struct job *job, struct store *store);

/* --- for the verbs ------------------------------------------------------ */

/* Refuses with a sentence for the person, and says ERR_NONE: a refusal is no
 * error, and it is recorded. */
enum err admin_refuse(struct admin_job *job, int status, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* Hands over the answer (NULL is ERR_MEMORY). */
enum err admin_answer(struct admin_job *job, json_t *answer);
/* The same as {"user":…}. */
enum err admin_answer_as(
    struct admin_job *job, const char *name, json_t *object);

/* One part of a list: the verb adds items, and says where the next part
 * begins. */
struct admin_page {
	json_t *items;
	size_t seen; /* rows, also those that were not wanted */
	char last[NAME_BYTES_MAX + 1];
};
enum err admin_answer_page(struct admin_job *job, struct admin_page *page);

/* --- what is written down (api_admin_record.c) --- */

/* Whether this run leaves a record. */
bool admin_is_recorded(const struct admin_job *job);
enum err admin_record(struct admin_job *job, struct store *store);

/* --- who asks (api_admin_session.c) --- */

/* From the connection and the head of the request. */
void admin_identify_peer(struct admin_job *job);
/* Whether this place may sign in, or call with a token, once more. */
bool admin_may_ask(const struct admin_job *job);
/* It called with a token that is none. */
void admin_count_stranger(const struct admin_job *job);
/* Inside the transaction: sets admin and actor, or refuses with 403. */
enum err admin_identify_session(struct admin_job *job, struct store *store);
/* What is hashed instead of a password, so that whoever reads the database
 * alone cannot try passwords. */
enum err admin_password_text(
    const struct store *store, const char *password, struct secret *out);

/* --- who may do what to whom (api_admin_reach.c) --- */

/* Paths of the commands by which somebody gets another way to prove himself;
 * ends with NULL. */
extern const char *const ADMIN_GIVES_FACTOR[];

/* Whether this role has this verb; refuses with 403. */
bool admin_is_permitted(struct admin_job *job);
/*
 * Why the administrator may not see or, with changes, change this person: he
 * is of another department, himself, or has rights of his own. The literal
 * goes on from a name; NULL: he may.
 */
enum err admin_find_obstacle(const struct admin_job *job, struct store *store,
    const struct person *person, bool changes, const char **out_obstacle);
/* The same for what the verb does, refusing with 403. */
enum err admin_check_person(struct admin_job *job, struct store *store,
    const struct person *person, bool *out_may);
/* The same of whoever has a token or card; person 0 is nobody, and no
 * obstacle. */
enum err admin_check_holder(struct admin_job *job, struct store *store,
    int64_t person_id, bool *out_may);
/* For lists: whether he may see whoever this is. */
enum err admin_sees_holder(const struct admin_job *job, struct store *store,
    int64_t person_id, bool *out_sees);
/*
 * Why he may not give somebody, new if person->id is 0, the departments and
 * the PAM account in *person; as above.
 */
enum err admin_find_obstacle_of_place(const struct admin_job *job,
    struct store *store, const struct person *person,
    const char **out_obstacle);

/* Finds what an argument names, or refuses with 404, and with 403 what is out
 * of the administrator's reach. *out_found says which; the error is for
 * failures only. */
enum err admin_find_person(struct admin_job *job, struct store *store,
    const char *user, struct person *out, bool *out_found);
enum err admin_find_token(struct admin_job *job, struct store *store,
    bool with_seed, struct token *out, bool *out_found);
enum err admin_find_terminal(struct admin_job *job, struct store *store,
    struct terminal *out, bool *out_found);

/* For a token's ledger: who did it, when, what, and the reason that was given,
 * which then is in the record as well. Lives as long as the job. */
struct token_deed admin_deed(struct admin_job *job, const char *what);

/* Reads a time argument; refuses with 400 and returns false. A NULL text
 * leaves *out alone. */
bool admin_read_time(struct admin_job *job, const char *name, const char *text,
    enum time_text_edge edge, int64_t *out);

/* Of a stop: what terminals hear of it. admin_note_joined() in run(), `only`
 * or NULL for all; admin_tell_reach() as conclude() adds `connected`, how many
 * wait for news, and `away`, the names of those that do not. */
enum err admin_note_joined(
    struct admin_job *job, struct store *store, const char *only);
void admin_tell_reach(struct admin_job *job);
/* The same, for a list of terminals: each item says so. */
void admin_tell_connected(struct admin_job *job);
/* Its members as fields of a record, which borrows the texts. */
void admin_add_note(struct audit_entry *entry, json_t *note);
/* --until of what is for one day: 24 hours at most; without it the end of the
 * working day, later than that of the day. False after a refusal. */
bool admin_read_until_tonight(struct admin_job *job, int64_t *out);

/* An emergency code for somebody who is in reach; the answer is {"code",
 * "until"}. */
enum err admin_issue_code(struct admin_job *job, struct store *store,
    struct person *person, int64_t until);

/* Refuses while nobody knows what time it is. */
bool admin_needs_clock(struct admin_job *job);

/* Objects of answers; a time of 0 is null. */
json_t *admin_time(int64_t unix_s);
json_t *admin_person_json(const struct person *person);
json_t *admin_token_json(const struct token *token);
json_t *admin_terminal_json(const struct terminal *terminal);
json_t *admin_card_json(const struct admin_job *job, const struct store *store,
    const struct card *card);

/* Of cards: bytes of a certificate or CRL as they came, PEM or DER, from a
 * text that is PEM or base64. Refuses with 400 and leaves *out NULL. The
 * caller frees. */
enum err admin_take_bytes(struct admin_job *job, const char *name,
    const char *text, unsigned char **out, size_t *out_length);
/* A key as 64 hexadecimal digits; refuses with 400 and returns false. */
bool admin_read_key(struct admin_job *job, unsigned char out[CARD_KEY_BYTES]);
/* For the record: which key. */
void admin_note_key(
    struct admin_job *job, const unsigned char key[CARD_KEY_BYTES]);
/* "ended", "ends within 30 days", "ends within 90 days" or NULL. */
const char *admin_end_warning(const struct admin_job *job, int64_t until);

#endif
