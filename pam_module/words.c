/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two languages side by side, one row per text, and the rules that pick
 * one. A message with a time or a count has a second form for it, because the
 * same sentence without the number must still make sense.
 */
#include "pam_module/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	NUMBER_SIZE = 64,         /* a count or a time, as text */
	REIWA_BEGAN = 1556636400, /* 1 May 2019 in Japan */
};

/* Later times have years of more digits than anything has room for. */
#define LATEST (INT64_C(64) * INT32_MAX)

struct bilingual {
	const char *english;
	const char *japanese;
};

static const struct bilingual prompts[] = {
    [WORDS_PROMPT_CODE] = {"One-time code: ", "ワンタイムパスワード: "},
    [WORDS_PROMPT_PIN] = {"PIN: ", "暗証番号: "},
    [WORDS_PROMPT_CARD] = {"Insert card, Enter: ", "カードを入れEnter: "},
    [WORDS_PROMPT_LAST_TRY] = {"Last try (yes/no): ", "最後の1回 yes/no: "},
    [WORDS_PROMPT_PIN_PAD] = {"PIN on reader, Enter: ",
	"読取機で入力後Enter: "},
    [WORDS_PROMPT_PERSON] = {"Staff number: ", "職員番号: "},
    [WORDS_PROMPT_APPENDED] = {"Passphrase and code: ", "パスワードとコード: "},
    [WORDS_PROMPT_ENROLL] = {"Enrolment code: ", "登録コード: "},
};

/* The second form takes the time or the count, as text, as its only argument.
 */
struct message_row {
	struct bilingual plain;
	struct bilingual timed;
	struct bilingual counted;
};

static const struct message_row messages[] = {
    [FRAME_MESSAGE_REFUSED] =
	{{"Authentication failed. Please try again.",
	     "認証できませんでした。もう一度お試しください。"},
	    {0}},
    [FRAME_MESSAGE_USED] =
	{{"Code already used. Wait for the next one.",
	     "この番号は使用済みです。次の番号に変わってから入力してください。"},
	    {0}},
    [FRAME_MESSAGE_THROTTLED] =
	{{"Too many failures. Try again later.",
	     "現在、認証を受け付けていません。時間をおいてお試しください。"},
	    {"Too many failures. Try again after %s.",
		"現在、認証を受け付けていません。%s以降にもう一度お試しください。"}},
    [FRAME_MESSAGE_DISABLED] =
	{{"Sign-in unavailable. Contact IT.",
	     "現在、認証を受け付けていません。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_NOT_PERMITTED] =
	{{"Not permitted on this terminal.",
	     "この端末を利用する権限がありません。"},
	    {0}},
    [FRAME_MESSAGE_EXPIRED] =
	{{"Expired. Contact IT.",
	     "有効期限が過ぎています。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_SUSPENDED] =
	{{"Suspended. Contact IT.",
	     "一時停止中です。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_NOT_ENROLLED] =
	{{"No token registered. Contact IT.",
	     "認証機器が登録されていません。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_CLOCK] =
	{{"Clock is wrong. Contact IT.",
	     "時刻が正しくありません。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_UNAVAILABLE] =
	{{"Sign-in service out of reach. Contact IT.",
	     "認証サーバーに接続できません。情報担当に連絡してください。"},
	    {0}},
    [FRAME_MESSAGE_EMERGENCY_UNTIL] = {{"Signed in with emergency code.",
					   "緊急用コードでログインしました。"},
	{"Signed in with emergency code, valid to %s.",
	    "緊急用コードでログインしました。%sまで有効です。"}},
    [FRAME_MESSAGE_PIN_WRONG] = {{"Wrong PIN.", "暗証番号が違います。"},
	.counted = {"Wrong PIN. Tries left: %s.",
	    "暗証番号が違います。残り%s回です。"}},
    [FRAME_MESSAGE_PIN_LOW] = {{"The PIN was wrong before. Few tries left.",
				   "暗証番号の残り回数が少なくなっています。"},
	.counted = {"The PIN was wrong before. Tries left: %s.",
	    "暗証番号の入力は残り%s回です。"}},
    [FRAME_MESSAGE_PIN_LOCKED] = {{"PIN locked. Contact IT.",
	"暗証番号がロックされています。情報担当に連絡してください。"}},
    [FRAME_MESSAGE_PIN_LENGTH] =
	{{"PIN too short or too long. No try was spent.",
	    "暗証番号の桁数が違います。残り回数は減っていません。"}},
    [FRAME_MESSAGE_CARD_ABSENT] = {{"No card found.",
	"カードが見つかりません。"}},
    [FRAME_MESSAGE_CARD_OTHER] = {{"This card is not registered for you.",
	"このカードはあなたのものとして登録されていません。"}},
    [FRAME_MESSAGE_CARD_SEVERAL] =
	{{"Several of your cards are in. Leave one only.",
	    "登録済みのカードが複数あります。1枚だけにしてください。"}},
    [FRAME_MESSAGE_CARD_TROUBLE] =
	{{"The card cannot be read. Insert it again.",
	    "カードを読み取れません。入れ直してください。"}},
    [FRAME_MESSAGE_CARD_EXPIRES] =
	{{"Your card expires soon. Contact IT.",
	     "カードの有効期限が近づいています。情報担当に連絡してください。"},
	    {"Your card expires %s. Contact IT.",
		"カードの有効期限は%sです。情報担当に連絡してください。"}},
    [FRAME_MESSAGE_SHADOW] =
	{{"Soon this will be refused: no second factor. Contact IT.",
	     "まもなく認証機器なしではログインできなくなります。情報担当に連絡"
	     "してください。"},
	    {"From %s this will be refused: no second factor. Contact IT.",
		"%sからは認証機器による確認がないとログインできません。情報担当に"
		"連絡してください。"}},
    [FRAME_MESSAGE_ENROLLED] = {{"The card is registered.",
				    "カードを登録しました。"},
	{"The card is registered. It is valid until %s.",
	    "カードを登録しました。有効期限は%sです。"}},
    [FRAME_MESSAGE_ENROLLED_OTHER] =
	{{"Another card of yours stays valid. Ask IT to revoke it.",
	     "以前のカードも有効です。不要なら失効を情報担当に依頼してください。"},
	    {"Another card of yours stays valid until %s. Ask IT to revoke it.",
		"以前のカードも%sまで有効です。不要なら失効を情報担当に依頼"
		"してください。"}},
    [FRAME_MESSAGE_ENROLL_FAILED] =
	{{"The card was not registered. Try again or contact IT.",
	    "カードを登録できませんでした。もう一度試すか、情報担当に連絡"
	    "してください。"}},
    [FRAME_MESSAGE_ENROLL_CODE] =
	{{"Code wrong, used or too old. Ask IT for a new one.",
	    "登録コードが違うか、使用済みか、期限切れです。新しいコードを"
	    "情報担当に依頼してください。"}},
    [FRAME_MESSAGE_ENROLL_NO_KEY] =
	{{"There is no valid key for signing in on this card.",
	    "このカードには有効なログイン用の証明書がありません。"}},
    [FRAME_MESSAGE_ENROLL_SEVERAL] =
	{{"Several keys are there. Leave one card only.",
	    "カードが複数あります。登録する1枚だけにしてください。"}},
    [FRAME_MESSAGE_ENROLL_AFAR] =
	{{"Cards are registered at this computer itself, not from afar.",
	    "カードの登録はこの端末の前で行ってください。遠隔ではできません。"}},
    [FRAME_MESSAGE_CARD_UNTRUSTED] =
	{{"The server cannot trust this card's issuer. Contact IT.",
	    "このカードの発行者をサーバーが確認できません。情報担当に連絡"
	    "してください。"}},
    [FRAME_MESSAGE_CARD_UNFIT] =
	{{"The card's certificate is not valid for signing in. Contact IT.",
	    "このカードの証明書は有効でないか、ログイン用ではありません。"
	    "情報担当に連絡してください。"}},
    [FRAME_MESSAGE_CARD_TAKEN] =
	{{"This card is registered for somebody else. Contact IT.",
	    "このカードは別の人のものとして登録されています。情報担当に連絡"
	    "してください。"}},
    [FRAME_MESSAGE_NEW_AUTHENTICATOR] =
	{{"New authenticator registered. Report if not you.",
	    "新しい認証機器が登録されました。心当たりがない場合は連絡してください。"}},
    [FRAME_MESSAGE_CARDS_FULL] =
	{{"You have as many cards as allowed. Ask IT to revoke one.",
	    "登録できる枚数に達しています。古いカードの失効を情報担当に依頼"
	    "してください。"}},
};

static const char *bilingual_pick(
    const struct bilingual *text, enum words_lang lang)
{
	return lang == WORDS_JAPANESE ? text->japanese : text->english;
}

const char *words_locale(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = secure_getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

static bool locale_is_japanese_utf8(const char *locale)
{
	const char *codeset;

	if (strncmp(locale, "ja", 2) != 0 || isalpha((unsigned char)locale[2]))
		return false;
	codeset = strchr(locale, '.');
	return codeset && (strncasecmp(codeset, ".UTF-8", 6) == 0 ||
			      strncasecmp(codeset, ".utf8", 5) == 0);
}

static bool tty_is_virtual_console(const char *tty)
{
	if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	if (strcmp(tty, "console") == 0)
		return true;
	return strncmp(tty, "tty", 3) == 0 &&
	       (tty[3] == '\0' || isdigit((unsigned char)tty[3]));
}

enum words_lang words_choose(
    enum words_lang wanted, const char *locale, const char *tty)
{
	if (wanted != WORDS_AUTO)
		return wanted;
	if (!locale || !locale_is_japanese_utf8(locale))
		return WORDS_ENGLISH;
	if (tty && tty_is_virtual_console(tty))
		return WORDS_ENGLISH;
	return WORDS_JAPANESE;
}

const char *words_prompt(enum words_lang lang, enum words_prompt prompt)
{
	size_t row = prompt;

	if (row >= sizeof(prompts) / sizeof(prompts[0]) ||
	    !prompts[row].english)
		row = WORDS_PROMPT_CODE;
	return bilingual_pick(&prompts[row], lang);
}

/* Seconds are shown because the first wait is half a minute. */
static enum err time_write(enum words_lang lang, uint64_t number, int64_t now,
    char *out, size_t out_size)
{
	static const struct bilingual same_day = {"%H:%M:%S", "%H時%M分%S秒"};
	static const struct bilingual other_day = {
	    "%Y-%m-%d %H:%M", "%Y年%m月%d日%H時%M分"};
	const struct bilingual *form = &other_day;
	time_t then = (time_t)number, today = (time_t)now;
	struct tm then_tm, now_tm;

	if (number > (uint64_t)LATEST || !localtime_r(&then, &then_tm))
		return ERR_INVALID;
	if (localtime_r(&today, &now_tm) && then_tm.tm_year == now_tm.tm_year &&
	    then_tm.tm_yday == now_tm.tm_yday)
		form = &same_day;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strftime(out, out_size, bilingual_pick(form, lang), &then_tm) == 0)
		return ERR_TOO_LONG;
#pragma GCC diagnostic pop
	return ERR_NONE;
}

/* The form of a row that takes the number, and the number as text. */
static const struct bilingual *number_write(enum words_lang lang,
    const struct message_row *row, uint64_t number, int64_t now,
    char out[NUMBER_SIZE])
{
	if (row->counted.english) {
		(void)snprintf(
		    out, NUMBER_SIZE, "%llu", (unsigned long long)number);
		return &row->counted;
	}
	if (row->timed.english &&
	    time_write(lang, number, now, out, NUMBER_SIZE) == ERR_NONE)
		return &row->timed;
	return NULL;
}

enum err words_message(enum words_lang lang, unsigned message,
    const uint64_t *number, int64_t now, char out[WORDS_MESSAGE_BYTES_MAX])
{
	const struct bilingual *form = NULL;
	const struct message_row *row;
	char text[NUMBER_SIZE];

	if (message >= sizeof(messages) / sizeof(messages[0]))
		return ERR_NOT_FOUND;
	row = &messages[message];
	if (!row->plain.english)
		return ERR_NOT_FOUND;
	if (number)
		form = number_write(lang, row, *number, now, text);
	if (!form) {
		(void)snprintf(out, WORDS_MESSAGE_BYTES_MAX, "%s",
		    bilingual_pick(&row->plain, lang));
		return ERR_NONE;
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(
	    out, WORDS_MESSAGE_BYTES_MAX, bilingual_pick(form, lang), text);
#pragma GCC diagnostic pop
	return ERR_NONE;
}

/* What was before the era was no login of ours. */
static enum err day_write(
    enum words_lang lang, int64_t at, char *out, size_t out_size)
{
	time_t then = (time_t)at;
	struct tm tm;
	char year[16];

	if (at < REIWA_BEGAN || at > LATEST || !localtime_r(&then, &tm))
		return ERR_NOT_FOUND;
	(void)snprintf(year, sizeof(year), "%d", tm.tm_year - 118);
	if (lang == WORDS_JAPANESE)
		(void)snprintf(out, out_size, "令和%s年%d月%d日 %d時%d分",
		    tm.tm_year == 119 ? "元" : year, tm.tm_mon + 1, tm.tm_mday,
		    tm.tm_hour, tm.tm_min);
	else
		(void)snprintf(out, out_size, "%04d-%02d-%02d %02d:%02d",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min);
	return ERR_NONE;
}

enum err words_last_login(enum words_lang lang,
    const struct words_last_login *last, char out[WORDS_MESSAGE_BYTES_MAX])
{
	unsigned long long failures = last->failures;
	bool japanese = lang == WORDS_JAPANESE;
	char day[NUMBER_SIZE], since[NUMBER_SIZE] = "";
	enum err err = day_write(lang, last->at, day, sizeof(day));

	if (err != ERR_NONE)
		return err;
	if (failures > 0 && japanese)
		(void)snprintf(
		    since, sizeof(since), "(その後の失敗 %llu回)", failures);
	else if (failures > 0)
		(void)snprintf(since, sizeof(since), " (%llu failure%s since)",
		    failures, failures == 1 ? "" : "s");
	(void)snprintf(out, WORDS_MESSAGE_BYTES_MAX, "%s%s %.64s%s",
	    japanese ? "前回のログイン:" : "Last login: ", day, last->terminal,
	    since);
	return ERR_NONE;
}

size_t words_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x80)
			columns += 1;
		else if (byte >= 0xc0)
			columns += 2;
	}
	return columns;
}
