/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/staff_words.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct word {
	const char *text;
	int means;
};

static const char *const MEMBERS[STAFF_COLUMN_COUNT] = {"id", "login", "name",
    "department", "also", "kind", "from", "until", "attendant", "decision",
    "leaving"};

static const struct word HEADINGS[] = {
    {"職員番号", STAFF_ID},
    {"職員コード", STAFF_ID},
    {"職員ID", STAFF_ID},
    {"利用者ID", STAFF_ID},
    {"社員番号", STAFF_ID},
    {"id", STAFF_ID},
    {"staff number", STAFF_ID},
    {"staff id", STAFF_ID},
    {"employee number", STAFF_ID},
    {"ログイン名", STAFF_LOGIN},
    {"アカウント", STAFF_LOGIN},
    {"ユーザー名", STAFF_LOGIN},
    {"login", STAFF_LOGIN},
    {"account", STAFF_LOGIN},
    {"氏名", STAFF_NAME},
    {"職員氏名", STAFF_NAME},
    {"漢字氏名", STAFF_NAME},
    {"名前", STAFF_NAME},
    {"name", STAFF_NAME},
    {"所属", STAFF_DEPARTMENT},
    {"所属名", STAFF_DEPARTMENT},
    {"所属名称", STAFF_DEPARTMENT},
    {"部署", STAFF_DEPARTMENT},
    {"課名", STAFF_DEPARTMENT},
    {"department", STAFF_DEPARTMENT},
    {"兼務", STAFF_ALSO},
    {"兼務所属", STAFF_ALSO},
    {"兼務先", STAFF_ALSO},
    {"兼任", STAFF_ALSO},
    {"併任", STAFF_ALSO},
    {"also", STAFF_ALSO},
    {"職員区分", STAFF_KIND},
    {"任用区分", STAFF_KIND},
    {"雇用区分", STAFF_KIND},
    {"区分", STAFF_KIND},
    {"kind", STAFF_KIND},
    {"任用開始日", STAFF_FROM},
    {"採用日", STAFF_FROM},
    {"採用年月日", STAFF_FROM},
    {"開始日", STAFF_FROM},
    {"from", STAFF_FROM},
    {"任期満了日", STAFF_UNTIL},
    {"任用終了日", STAFF_UNTIL},
    {"有効期限", STAFF_UNTIL},
    {"退職日", STAFF_UNTIL},
    {"退職年月日", STAFF_UNTIL},
    {"終了日", STAFF_UNTIL},
    {"until", STAFF_UNTIL},
    {"立会者", STAFF_ATTENDANT},
    {"立会人", STAFF_ATTENDANT},
    {"立会者職員番号", STAFF_ATTENDANT},
    {"attendant", STAFF_ATTENDANT},
    {"決裁番号", STAFF_DECISION},
    {"起案番号", STAFF_DECISION},
    {"decision", STAFF_DECISION},
    {"退職", STAFF_LEAVING},
    {"退職者", STAFF_LEAVING},
    {"退職区分", STAFF_LEAVING},
    {"抹消", STAFF_LEAVING},
    {"leaving", STAFF_LEAVING},
};

static const struct kind_word {
	const char *text, *kind;
} KINDS[] = {
    {"regular", "regular"},
    {"正規", "regular"},
    {"正規職員", "regular"},
    {"正職員", "regular"},
    {"常勤", "regular"},
    {"常勤職員", "regular"},
    {"一般職", "regular"},
    {"再任用", "regular"},
    {"再任用職員", "regular"},
    {"任期付職員", "regular"},
    {"fiscal-year", "fiscal-year"},
    {"会計年度", "fiscal-year"},
    {"会計年度任用", "fiscal-year"},
    {"会計年度任用職員", "fiscal-year"},
    {"contractor", "contractor"},
    {"委託", "contractor"},
    {"業者", "contractor"},
    {"委託業者", "contractor"},
    {"外部委託", "contractor"},
};

static const struct word LEAVING[] = {
    {"1", true},
    {"yes", true},
    {"true", true},
    {"○", true},
    {"〇", true},
    {"退職", true},
    {"退職者", true},
    {"抹消", true},
    {"leaving", true},
    {"0", false},
    {"no", false},
    {"false", false},
    {"在職", false},
    {"現職", false},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMN(name_, index)                                                   \
	{                                                                      \
		.section = "columns", .name = (name_), .kind = CONFIG_LIST,    \
		.offset = offsetof(struct staff_headings, lists) +             \
			  (index) * sizeof(struct config_list)                 \
	}
static const struct config_key KEYS[] = {
    COLUMN("id", STAFF_ID),
    COLUMN("login", STAFF_LOGIN),
    COLUMN("name", STAFF_NAME),
    COLUMN("department", STAFF_DEPARTMENT),
    COLUMN("also", STAFF_ALSO),
    COLUMN("kind", STAFF_KIND),
    COLUMN("from", STAFF_FROM),
    COLUMN("until", STAFF_UNTIL),
    COLUMN("attendant", STAFF_ATTENDANT),
    COLUMN("decision", STAFF_DECISION),
    COLUMN("leaving", STAFF_LEAVING),
};

enum err staff_headings_read(const char *path, struct staff_headings *out,
    struct config_problem *problem)
{
	return config_read_file(path, KEYS, COUNT(KEYS), out, problem);
}

const char *staff_column_member(enum staff_column column)
{
	return MEMBERS[column];
}

enum staff_column staff_column_find(
    const char *heading, const struct staff_headings *extra)
{
	for (int i = 0; extra && i < STAFF_COLUMN_COUNT; i++)
		for (size_t k = 0; k < extra->lists[i].count; k++)
			if (strcasecmp(extra->lists[i].items[k], heading) == 0)
				return (enum staff_column)i;
	for (size_t i = 0; i < COUNT(HEADINGS); i++)
		if (strcasecmp(HEADINGS[i].text, heading) == 0)
			return (enum staff_column)HEADINGS[i].means;
	return STAFF_NONE;
}

const char *staff_kind_find(const char *word)
{
	for (size_t i = 0; i < COUNT(KINDS); i++)
		if (strcasecmp(KINDS[i].text, word) == 0)
			return KINDS[i].kind;
	return NULL;
}

bool staff_leaving_read(const char *word, bool *out)
{
	for (size_t i = 0; i < COUNT(LEAVING); i++)
		if (strcasecmp(LEAVING[i].text, word) == 0) {
			*out = LEAVING[i].means;
			return true;
		}
	return false;
}

/* The wide comma, the list comma and the semicolons. */
static size_t comma_length(const char *at)
{
	static const char *const commas[] = {",", "、", "，", ";", "；"};

	for (size_t i = 0; i < COUNT(commas); i++)
		if (strncmp(at, commas[i], strlen(commas[i])) == 0)
			return strlen(commas[i]);
	return 0;
}

void staff_trim(const char **text, size_t *length)
{
	static const char wide[] = "\xe3\x80\x80";

	for (;;) {
		if (*length > 0 && **text == ' ') {
			*text += 1;
			*length -= 1;
		} else if (*length >= 3 && memcmp(*text, wide, 3) == 0) {
			*text += 3;
			*length -= 3;
		} else {
			break;
		}
	}
	for (;;) {
		if (*length > 0 && (*text)[*length - 1] == ' ')
			*length -= 1;
		else if (*length >= 3 &&
			 memcmp(*text + *length - 3, wide, 3) == 0)
			*length -= 3;
		else
			break;
	}
}

/* A cell is no longer than a name, and neither is what it becomes. */
void staff_names_write(const char *cell, char out[NAME_BYTES_MAX + 1])
{
	size_t used = 0;

	while (*cell) {
		const char *name = cell;
		size_t length = 0, kept;

		while (cell[length] && !comma_length(cell + length))
			length++;
		cell += length;
		cell += comma_length(cell);
		kept = length;
		staff_trim(&name, &kept);
		if (kept == 0 || used + kept + 1 > NAME_BYTES_MAX)
			continue;
		if (used > 0)
			out[used++] = ',';
		memcpy(out + used, name, kept);
		used += kept;
	}
	out[used] = '\0';
}

void staff_date_write(const char *word, char out[STAFF_DATE_SIZE])
{
	unsigned year, month, day;
	int used = 0;

	snprintf(out, STAFF_DATE_SIZE, "%s", word);
	if (strspn(word, "0123456789/") == strlen(word) &&
	    sscanf(word, "%4u/%2u/%2u%n", &year, &month, &day, &used) == 3 &&
	    (size_t)used == strlen(word))
		snprintf(
		    out, STAFF_DATE_SIZE, "%04u-%02u-%02u", year, month, day);
}
