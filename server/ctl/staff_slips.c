/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/staff_slips.h"

#include <stdlib.h>
#include <string.h>

#include "server/ctl/era.h"

/* Nothing is loaded and nothing runs, whatever a name may contain. */
static const char HEAD[] =
    "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
    "'none'; style-src 'unsafe-inline'\">\n"
    "<title>多要素認証 登録のお知らせ</title>\n<style>\n"
    "@page { size: A4; margin: 14mm }\n"
    "body { font-family: 'Noto Sans CJK JP', 'Noto Sans JP', IPAGothic, "
    "'Yu Gothic', 'MS Gothic', sans-serif; font-size: 10.5pt; line-height: "
    "1.5; margin: 0 }\n"
    "section + section { break-before: page }\n"
    "h1 { font-size: 14pt; margin: 0 0 3mm; border-bottom: 0.6mm solid }\n"
    "h1 small { font-weight: normal; font-size: 10.5pt; float: right }\n"
    "article { break-inside: avoid; border-bottom: 0.3mm dashed #777; "
    "padding: 3mm 0 4mm }\n"
    "h2 { font-size: 12pt; margin: 0 0 2mm }\n"
    "table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: "
    "0 0 2mm }\n"
    "th, td { border: 0.2mm solid #777; padding: 0.8mm 2mm; text-align: "
    "left; font-weight: normal; overflow-wrap: anywhere }\n"
    "th { width: 28mm; background: #eee; white-space: nowrap }\n"
    "ul { margin: 0; padding-left: 6mm }\n"
    "p { margin: 1.5mm 0 0; font-size: 9pt }\n"
    "</style>\n</head>\n<body>\n";
static const char SHARED[] =
    "<li>このログイン名は複数の職員で使います。ログインのときは、はじめに職員番号を"
    "入力してください。</li>\n";
static const char CONTACT[] =
    "<p>心当たりのない内容のときは、情報担当に連絡してください。番号や暗証番号を"
    "電話やメールでお聞きすることはありません。</p>\n</article>\n";

static const struct {
	const char *what, *title, *to_do;
} CHANGES[] = {
    {"new", "新規登録",
	"本人確認のできるもの(職員証など)を持って、情報担当の窓口に来てください。"
	"トークンまたはICカードを登録し、その場で番号を1回入力していただきます。"},
    {"leaving", "利用停止",
	"ログインできなくなります。お手元のトークンとICカードを情報担当に返納して"
	"ください。"},
    {"moved", "所属の変更",
	"トークンとICカードはそのままお使いください。利用できる端末は、新しい所属の"
	"ものになります。"},
    {"renamed", "氏名の変更",
	"職員番号、トークン、登録済みのICカードはそのままお使いください。ICカードを"
	"作り直したときは、新しいカードの登録が必要です。"},
    {"changed", "登録内容の変更",
	"ログイン名、区分または期間が変わりました。トークンとICカードはそのままお使"
	"いください。"},
};

static const struct {
	const char *kind, *text;
} KINDS[] = {
    {"regular", "正職員"},
    {"fiscal-year", "会計年度任用職員"},
    {"contractor", "委託業者"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- text ------------------------------------------------------------------
 */

/* A name may turn the direction of writing; <bdi> keeps that to itself. */
static void put(FILE *to, const char *text)
{
	fputs("<bdi>", to);
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\'':
			fputs("&#39;", to);
			break;
		default:
			fputc(*text, to);
		}
	fputs("</bdi>", to);
}

static const char *text_of(json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

static void put_cell(FILE *to, const char *heading, const char *text)
{
	fprintf(to, "<th>%s</th><td>", heading);
	put(to, text);
	fputs("</td>", to);
}

/* Joined by the comma of lists, from the item at first on. */
static void put_list(FILE *to, const char *heading, json_t *list, size_t first)
{
	fprintf(to, "<th>%s</th><td>", heading);
	for (size_t i = first; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		fputs(i > first ? "、" : "", to);
		put(to, text ? text : "");
	}
	fputs("</td>", to);
}

/* --- one slip --------------------------------------------------------------
 */

static bool has_word(json_t *words, const char *word)
{
	json_t *item;
	size_t i;

	json_array_foreach(words, i, item)
	{
		if (strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static const char *kind_text(const char *kind)
{
	for (size_t i = 0; i < COUNT(KINDS); i++)
		if (strcmp(KINDS[i].kind, kind) == 0)
			return KINDS[i].text;
	return kind;
}

static void put_title(FILE *to, json_t *words, json_t *person)
{
	bool first = true;

	fputs("<article>\n<h2>", to);
	put(to, text_of(person, "name"));
	fputs(text_of(person, "name")[0] ? " 様 ― " : "", to);
	for (size_t i = 0; i < COUNT(CHANGES); i++) {
		if (!has_word(words, CHANGES[i].what))
			continue;
		fprintf(to, "%s%s", first ? "" : "、", CHANGES[i].title);
		first = false;
	}
	fputs("</h2>\n", to);
}

static void put_table(
    FILE *to, json_t *item, json_t *person, const char *effective)
{
	int64_t until = json_integer_value(json_object_get(person, "until"));
	json_t *departments = json_object_get(person, "departments");
	char end[ERA_DAY_SIZE];

	era_last_day(until, end);
	fputs("<table>\n<tr>", to);
	put_cell(to, "職員番号", text_of(person, "id"));
	put_cell(to, "ログイン名", text_of(person, "login"));
	fputs("</tr>\n<tr>", to);
	put_cell(to, "所属",
	    json_array_size(departments)
		? json_string_value(json_array_get(departments, 0))
		: "");
	put_list(to, "兼務", departments, 1);
	fputs("</tr>\n<tr>", to);
	put_cell(to, "区分", kind_text(text_of(person, "kind")));
	put_cell(to, "有効期限", end[0] ? end : "なし");
	fputs("</tr>\n<tr>", to);
	put_cell(to, "適用日", effective);
	put_list(to, "トークン", json_object_get(item, "tokens"), 0);
	fputs("</tr>\n", to);
	if (text_of(person, "attendant")[0]) {
		fputs("<tr>", to);
		put_cell(to, "立会者", text_of(person, "attendant"));
		put_cell(to, "決裁番号", text_of(person, "decision"));
		fputs("</tr>\n", to);
	}
	if (text_of(item, "department_before")[0] ||
	    text_of(item, "name_before")[0]) {
		fputs("<tr>", to);
		put_cell(
		    to, "これまでの所属", text_of(item, "department_before"));
		put_cell(to, "これまでの氏名", text_of(item, "name_before"));
		fputs("</tr>\n", to);
	}
	fputs("</table>\n", to);
}

static void put_slip(FILE *to, json_t *item, const char *effective)
{
	json_t *words = json_object_get(item, "what");
	json_t *person = json_object_get(item, "person");

	put_title(to, words, person);
	put_table(to, item, person, effective);
	fputs("<ul>\n", to);
	for (size_t i = 0; i < COUNT(CHANGES); i++)
		if (has_word(words, CHANGES[i].what))
			fprintf(to, "<li>%s</li>\n", CHANGES[i].to_do);
	if (json_is_true(json_object_get(item, "shares")))
		fputs(SHARED, to);
	fputs("</ul>\n", to);
	fputs(CONTACT, to);
}

/* --- all of them -----------------------------------------------------------
 */

static const char *department_of(json_t *item)
{
	json_t *departments =
	    json_object_get(json_object_get(item, "person"), "departments");
	const char *first = json_string_value(json_array_get(departments, 0));

	return first ? first : "";
}

/* Whoever is of no department comes last. */
static int compare_items(const void *left, const void *right)
{
	json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	const char *of_a = department_of(a), *of_b = department_of(b);
	int order = strcmp(of_a, of_b);

	if (order && (!of_a[0] || !of_b[0]))
		return of_a[0] ? -1 : 1;
	if (order)
		return order;
	return strcmp(text_of(json_object_get(a, "person"), "id"),
	    text_of(json_object_get(b, "person"), "id"));
}

/* From first on: how many are of the same department. */
static size_t count_same(json_t **sorted, size_t first, size_t count)
{
	size_t end = first + 1;

	while (end < count && strcmp(department_of(sorted[first]),
				  department_of(sorted[end])) == 0)
		end++;
	return end - first;
}

static void put_departments(
    FILE *to, json_t **sorted, size_t count, const char *effective)
{
	for (size_t i = 0; i < count;) {
		size_t same = count_same(sorted, i, count);
		const char *name = department_of(sorted[i]);

		fputs("<section>\n<h1>", to);
		put(to, name[0] ? name : "所属なし");
		fprintf(to, " <small>%zu名 適用日 %s</small></h1>\n", same,
		    effective);
		for (size_t end = i + same; i < end; i++)
			put_slip(to, sorted[i], effective);
		fputs("</section>\n", to);
	}
}

enum err staff_slips_write(
    FILE *to, json_t *answer, int64_t effective_s, size_t *out_count)
{
	json_t *items = json_object_get(answer, "items"), *item;
	json_t **sorted = calloc(json_array_size(items) + 1, sizeof(*sorted));
	char effective[ERA_DAY_SIZE];
	size_t count = 0, i;

	if (!sorted)
		return ERR_MEMORY;
	json_array_foreach(items, i, item)
	{
		if (json_array_size(json_object_get(item, "what")) > 0)
			sorted[count++] = item;
	}
	qsort(sorted, count, sizeof(*sorted), compare_items);
	era_day(effective_s, effective);
	fputs(HEAD, to);
	put_departments(to, sorted, count, effective);
	fputs("</body>\n</html>\n", to);
	free(sorted);
	*out_count = count;
	return ERR_NONE;
}
