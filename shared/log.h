/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One structured line per event, to the journal when stderr is connected to
 * it (JOURNAL_STREAM), else to stderr as `level message key=value ...`.
 * Values are escaped, so that nobody forges a line by his user name. Only
 * programs log; libraries and the core return errors. A struct secret cannot
 * be a value: there is no field for it.
 */
#ifndef SEKIMORI_LOG_H
#define SEKIMORI_LOG_H

#include <stddef.h>
#include <syslog.h>

struct log_field {
	const char *key;  /* lower_case; "request_id" becomes REQUEST_ID= in
			     the journal */
	const char *text; /* or NULL for a number */
	long long number;
};

#define LOG_TEXT(key, value) ((struct log_field){(key), (value), 0})
#define LOG_NUMBER(key, value) ((struct log_field){(key), NULL, (value)})

/* Opens the log under a program name; call once, in main. */
void log_open(const char *program);

/* level is one of syslog's LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO. */
void log_event(int level, const char *message, const struct log_field *fields,
    size_t count);

/* log_line(LOG_INFO, "decision", LOG_TEXT("user", user), ...) */
#define log_line(level, message, ...)                                          \
	log_event((level), (message), (const struct log_field[]){__VA_ARGS__}, \
	    sizeof((const struct log_field[]){__VA_ARGS__}) /                  \
		sizeof(struct log_field))

/* The same without fields. */
void log_plain(int level, const char *message);

#endif
