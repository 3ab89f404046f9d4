/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persons. One row per staff number; the PAM account he logs in with is
 * usually the same but may be shared. A removed person stays as a row, so
 * that the record and the floors of his seeds stay true.
 */
#ifndef SEKIMORI_PERSON_H
#define SEKIMORI_PERSON_H

#include "server/store/store.h"
#include "shared/text.h"

enum {
	PERSON_STRANGER_BYTES = 16,
	PERSON_DEPARTMENTS_MAX = 8,
};

enum person_state {
	PERSON_ACTIVE = 0,
	PERSON_SUSPENDED,
	PERSON_REMOVED
};

struct person {
	int64_t id;
	char user[NAME_BYTES_MAX + 1];  /* staff number, identifier */
	char login[NAME_BYTES_MAX + 1]; /* PAM account */
	char name[NAME_BYTES_MAX + 1];  /* may be empty */
	/* May be empty; several (兼務) are separated by commas, first the one
	 * where he sits. */
	char department[NAME_BYTES_MAX + 1];
	char kind[16]; /* regular, fiscal-year, contractor */
	char attendant[NAME_BYTES_MAX + 1]; /* a contractor's: staff number */
	char decision[NAME_BYTES_MAX + 1];  /* on which his end rests */
	enum person_state state;
	bool frozen;
	bool decoy;                      /* a stranger's stand-in */
	int64_t valid_from, valid_until; /* unix seconds; 0: no bound */
	int64_t enrolled_at; /* first confirmed authenticator; 0: never */
	int64_t created_at;
};

const char *person_state_text(enum person_state state);
extern const char *const PERSON_KINDS[]; /* ends with NULL */
enum {                                   /* indices of it */
	PERSON_REGULAR = 0,
	PERSON_FISCAL_YEAR,
	PERSON_CONTRACTOR
};

/* Whether it is one of his departments: any of them counts. */
bool person_in_department(const struct person *person, const char *department);

/* Sets *person->id. ERR_EXISTS when the staff number is taken. */
enum err person_add(struct store *store, struct person *person);
/* Everything but id, user and created_at. */
enum err person_save(struct store *store, const struct person *person);
/* By staff number; removed ones are ERR_NOT_FOUND. */
enum err person_find(struct store *store, const char *user, struct person *out);
/* By number, whatever the state. */
enum err person_by_id(struct store *store, int64_t id, struct person *out);
/*
 * Who is meant at a login: `login` is the PAM account, `user` the staff
 * number typed or NULL. ERR_NOT_FOUND when nobody, or when several share the
 * account and none was named.
 */
enum err person_find_login(struct store *store, const char *login,
    const char *user, struct person *out);
/*
 * Whether a session that is open is to be stopped: the person `user` (a staff
 * number) is frozen, suspended or removed; where it is NULL, so is everybody
 * who ever had the account. Nobody known: false.
 */
enum err person_is_stopped(struct store *store, const char *login,
    const char *user, bool *out_stopped);
/* Whether anybody uses this PAM account. */
enum err person_has_login(
    struct store *store, const char *login, bool *out_taken);
/* Whether several do. */
enum err person_login_is_shared(
    struct store *store, const char *login, bool *out_shared);
/* The decoy that stands in for an unknown account. */
enum err person_find_decoy(
    struct store *store, const char *login, struct person *out);

enum person_match {
	PERSON_NOBODY = 0,
	PERSON_KNOWN,
	PERSON_SHARED, /* several have the account, and none was named */
};

/*
 * Both at once, as a login needs it: whoever is meant, or the decoy of a
 * stranger or of several. The same statements for each, because response times
 * must not say who is known. stranger is a keyed hash of the account and, if
 * there is one, the staff number named; it stands in the audit chain where
 * nobody is known by them, and says which decoy.
 */
enum err person_meet(struct store *store, const char *login, const char *user,
    struct person *out, enum person_match *out_match,
    unsigned char stranger[PERSON_STRANGER_BYTES]);

/* At most limit of those who have a PAM account, in order of their staff
 * numbers; stops at the first error of each. */
enum err person_each_of_login(struct store *store, const char *login,
    int64_t limit, enum err (*each)(void *context, const struct person *person),
    void *context);
/* For whom somebody answers: some of the staff numbers, separated by commas;
 * empty: for nobody. */
enum err person_attended(
    struct store *store, const char *user, char out[NAME_BYTES_MAX + 1]);

/* At most limit of them after a staff number ("" for the first), in order of
 * it; stops at the first error of each. */
enum err person_each(struct store *store, const char *after, int64_t limit,
    enum err (*each)(void *context, const struct person *person),
    void *context);

#endif
