/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSKC files: the examples of RFC 6030, every value that may be refused and
 * where it is said to be, and what must never be done for a file: entities,
 * other encodings, texts without end, keys without a MAC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/stock_pskc.h"
#include "shared/encode.h"
#include "tests/unit/stock_sink.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD                                                                   \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                         \
	"<pskc:KeyContainer Version=\"1.0\""                                   \
	" xmlns:pskc=\"urn:ietf:params:xml:ns:keyprov:pskc\""                  \
	" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""                     \
	" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\""                    \
	" xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\""                   \
	" xmlns:pkcs5=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/"      \
	"pkcs-5v2-0#\">\n"
#define TAIL "</pskc:KeyContainer>\n"
#define SECRET "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="
#define SEED "12345678901234567890"
#define AES128 "http://www.w3.org/2001/04/xmlenc#aes128-cbc"

/* A package of its parts; {} in a row of the table is put for one of them. */
#define PACKAGE(serial, algorithm, parameters, data)                           \
	"<pskc:KeyPackage><pskc:DeviceInfo>" serial                            \
	"</pskc:DeviceInfo><pskc:Key Id=\"1\" Algorithm=\"" algorithm          \
	"\"><pskc:AlgorithmParameters>" parameters                             \
	"</pskc:AlgorithmParameters><pskc:Data>" data                          \
	"</pskc:Data></pskc:Key></pskc:KeyPackage>\n"
#define SERIAL(text) "<pskc:SerialNo>" text "</pskc:SerialNo>"
#define TOTP "urn:ietf:params:xml:ns:keyprov:pskc:totp"
#define HOTP "urn:ietf:params:xml:ns:keyprov:pskc:hotp"
#define SIX "<pskc:ResponseFormat Length=\"6\" Encoding=\"DECIMAL\"/>"
#define VALUE(name, text)                                                      \
	"<pskc:" name "><pskc:PlainValue>" text                                \
	"</pskc:PlainValue></pskc:" name ">"
#define PLAIN VALUE("Secret", SECRET)
#define GOOD PACKAGE(SERIAL("A1"), TOTP, SIX, PLAIN)

/* RFC 6030, figure 6. */
#define PRE_SHARED                                                             \
	"<pskc:EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName>"          \
	"</pskc:EncryptionKey>"
#define MAC_METHOD                                                                    \
	"<pskc:MACMethod Algorithm=\"http://www.w3.org/2000/09/"                      \
	"xmldsig#hmac-sha1\"><pskc:MACKey><xenc:EncryptionMethod Algorithm=\"" AES128 \
	"\"/><xenc:CipherData><xenc:CipherValue>"                                     \
	"ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX"            \
	"</xenc:CipherValue></xenc:CipherData></pskc:MACKey></pskc:MACMethod>"
#define SEALED(method, value, mac)                                             \
	"<pskc:Secret><pskc:EncryptedValue><xenc:EncryptionMethod"             \
	" Algorithm=\"" method "\"/><xenc:CipherData><xenc:CipherValue>" value \
	"</xenc:CipherValue></xenc:CipherData></pskc:EncryptedValue>" mac      \
	"</pskc:Secret>"
#define FIGURE_6_VALUE                                                         \
	"AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv"
#define MAC(text) "<pskc:ValueMAC>" text "</pskc:ValueMAC>"
#define FIGURE_6_MAC MAC("Su+NvtQfmvfJzF6bmQiJqoLRExc=")
#define COUNTER VALUE("Counter", "0")
#define EIGHT "<pskc:ResponseFormat Encoding=\"DECIMAL\" Length=\"8\"/>"
#define KEY_6 "12345678901234567890123456789012"

/* Figure 6 without its key: the last block of its MAC key alone, the padding
 * changed to be all of it; and the MAC that belongs to that. */
#define EMPTY_MAC_KEY                                                                 \
	"<pskc:MACMethod Algorithm=\"http://www.w3.org/2000/09/"                      \
	"xmldsig#hmac-sha1\"><pskc:MACKey><xenc:EncryptionMethod Algorithm=\"" AES128 \
	"\"/><xenc:CipherData><xenc:CipherValue>"                                     \
	"AqfpaMtpMLWxt4ExK8iFC6M328lrYE6VJoytHsjnBJc="                                \
	"</xenc:CipherValue></xenc:CipherData></pskc:MACKey></pskc:MACMethod>"
#define NO_KEYS_MAC MAC("D4mq/i2ujoUMrTYEWqF/I/sLLGs=")

/* Figure 7. */
#define PASSWORD_KEY(rounds, more)                                             \
	"<pskc:EncryptionKey><xenc11:DerivedKey><xenc11:KeyDerivationMethod"   \
	" Algorithm=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/"        \
	"pkcs-5v2-0#pbkdf2\"><pkcs5:PBKDF2-params><Salt><Specified>"           \
	"Ej7/PEpyEpw=</Specified></Salt><IterationCount>" rounds               \
	"</IterationCount>" more "</pkcs5:PBKDF2-params>"                      \
	"</xenc11:KeyDerivationMethod></xenc11:DerivedKey>"                    \
	"</pskc:EncryptionKey>"
#define MAC_METHOD_7                                                                  \
	"<pskc:MACMethod Algorithm=\"http://www.w3.org/2000/09/"                      \
	"xmldsig#hmac-sha1\"><pskc:MACKey><xenc:EncryptionMethod Algorithm=\"" AES128 \
	"\"/><xenc:CipherData><xenc:CipherValue>"                                     \
	"2GTTnLwM3I4e5IO5FkufoOEiOhNj91fhKRQBtBJYluUDsPOLTfUvoU2dStyOwYZx"            \
	"</xenc:CipherValue></xenc:CipherData></pskc:MACKey></pskc:MACMethod>"
#define FIGURE_7_DATA                                                           \
	SEALED(AES128,                                                          \
	    "oTvo+S22nsmS2Z/RtcoF8Hfh+jzMe0RkiafpoDpnoZTjPYZu6V+A4aEn032yCr4f", \
	    MAC("LP6xMvjtypbfT9PdkJhBZ+D6O4w="))
#define KEY_7 "qwerty"

static void read_bytes_in(const char *bytes, size_t length, const char *key,
    size_t most, struct kept *out)
{
	struct pieces pieces = {bytes, length, 0, most};
	const struct stock_source source = {give_piece, &pieces};
	const struct stock_sink sink = {keep_row, keep_problem, out};
	struct secret given = {0};

	*out = (struct kept){0};
	if (key)
		assert_int_equal(secret_set(&given, key, strlen(key)), 0);
	assert_int_equal(stock_pskc_prepare(), ERR_NONE);
	out->err = stock_pskc_read(&source, &given, &sink, &out->report);
}

static void read_text(const char *text, const char *key, struct kept *out)
{
	read_bytes_in(text, strlen(text), key, 4096, out);
}

static void test_plain_packages(void **state)
{
	static const struct {
		const char *text, *serial;
		enum stock_type type;
		enum stock_algorithm algorithm;
		int digits, period_s;
		int64_t counter;
	} rows[] = {
	    /* 0 */
	    {HEAD GOOD TAIL, "A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0},
	    {HEAD PACKAGE(SERIAL("A1"), TOTP, EIGHT,
		 PLAIN VALUE("TimeInterval", "60")) TAIL,
		"A1", STOCK_TOTP, STOCK_SHA1, 8, 60, 0},
	    {HEAD PACKAGE(SERIAL(" 9-8_7\n"), HOTP, SIX,
		 VALUE("Counter", "42") PLAIN) TAIL,
		"9-8_7", STOCK_HOTP, STOCK_SHA1, 6, 0, 42},
	    {HEAD PACKAGE(SERIAL("A1"), TOTP,
		 "<pskc:Suite>HMAC-SHA256</pskc:Suite>" SIX, PLAIN) TAIL,
		"A1", STOCK_TOTP, STOCK_SHA256, 6, 30, 0},
	    {HEAD PACKAGE(SERIAL("A1"), TOTP,
		 "<pskc:Suite>HMAC-SHA512</pskc:Suite>" SIX, PLAIN) TAIL,
		"A1", STOCK_TOTP, STOCK_SHA512, 6, 30, 0},
	    /* 5: what is not known is passed over, also deep down */
	    {HEAD "<pskc:Extensions><a><b><pskc:SerialNo/></b></a>"
		  "</pskc:Extensions>" PACKAGE(
		      SERIAL("A1") "<pskc:Model><x/></pskc:Model>", TOTP, SIX,
		      PLAIN) TAIL,
		"A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0},
	    /* entities of every XML, and of characters */
	    {HEAD PACKAGE(SERIAL("A&#x31;"), TOTP, SIX, PLAIN) TAIL, "A1",
		STOCK_TOTP, STOCK_SHA1, 6, 30, 0},
	    {HEAD PACKAGE(SERIAL("<![CDATA[A1]]>"), TOTP, SIX, PLAIN) TAIL,
		"A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kept kept;
		const struct stock_row *row = &kept.rows[0];

		read_text(rows[i].text, NULL, &kept);
		if (kept.err || kept.row_count != 1 ||
		    strcmp(row->serial, rows[i].serial) ||
		    row->type != rows[i].type ||
		    row->algorithm != rows[i].algorithm ||
		    row->digits != rows[i].digits ||
		    row->period_s != rows[i].period_s ||
		    row->counter != rows[i].counter || row->line < 3 ||
		    row->seed.length != strlen(SEED) ||
		    memcmp(row->seed.bytes, SEED, strlen(SEED)))
			fail_msg("row %zu: %s %s", i, err_text(kept.err),
			    kept.problems[0].text);
		assert_int_equal(kept.report.in_clear, 1);
	}
}

static void test_rfc_6030(void **state)
{
	static const struct {
		const char *text, *key;
		size_t counter_bytes;
	} rows[] = {
	    {HEAD PRE_SHARED MAC_METHOD PACKAGE(SERIAL("987654321"), HOTP,
		 EIGHT, SEALED(AES128, FIGURE_6_VALUE, FIGURE_6_MAC) COUNTER)
		    TAIL,
		KEY_6, 0},
	    {HEAD PASSWORD_KEY("1000", "<KeyLength>16</KeyLength><PRF/>")
		    MAC_METHOD_7 PACKAGE(SERIAL("987654321"), HOTP, EIGHT,
			FIGURE_7_DATA COUNTER) TAIL,
		KEY_7, 0},
	    /* The length need not be said. */
	    {HEAD PASSWORD_KEY("1000", "") MAC_METHOD_7 PACKAGE(
		 SERIAL("987654321"), HOTP, EIGHT, FIGURE_7_DATA COUNTER) TAIL,
		KEY_7, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t most = 1; most < 8192; most *= 7) {
			struct kept kept;

			read_bytes_in(rows[i].text, strlen(rows[i].text),
			    rows[i].key, most, &kept);
			if (kept.err || kept.row_count != 1 ||
			    strcmp(kept.rows[0].serial, "987654321") ||
			    kept.rows[0].digits != 8 ||
			    kept.rows[0].seed.length != strlen(SEED) ||
			    memcmp(kept.rows[0].seed.bytes, SEED, strlen(SEED)))
				fail_msg("row %zu: %s %s", i,
				    err_text(kept.err), kept.problems[0].text);
			assert_int_equal(kept.report.in_clear, 0);
		}
	}
}

/* What is refused, where, and with which word in the sentence. */
static void test_refused(void **state)
{
	static const struct {
		const char *text, *key, *place, *says;
		uint64_t line;
	} rows[] = {
	    /* 0: the file */
	    {"", NULL, "", "empty", 0},
	    {"hello", NULL, "", "no XML", 1},
	    {"<a/>", NULL, "KeyContainer", "no PSKC", 1},
	    {"<KeyContainer Version=\"1.0\" xmlns=\"urn:x\"/>", NULL,
		"KeyContainer", "no PSKC", 1},
	    {HEAD, NULL, "", "cut", 3},
	    /* 5 */
	    {HEAD GOOD, NULL, "", "cut", 4},
	    {HEAD "<pskc:KeyPackage><pskc:Dev", NULL, "", "cut", 3},
	    {"<?xml version=\"1.0\"?><pskc:KeyContainer Version=\"2.0\""
	     " xmlns:pskc=\"urn:ietf:params:xml:ns:keyprov:pskc\"/>",
		NULL, "KeyContainer", "versions", 1},
	    {"PK\x03\x04zip", NULL, "", "ZIP", 0},
	    {"\x1f\x8b gzip", NULL, "", "compressed", 0},
	    /* 10: entities */
	    {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" HEAD,
		NULL, "DOCTYPE", "document type", 1},
	    {"<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM"
	     " \"http://192.0.2.1/x.dtd\">\n<a/>",
		NULL, "DOCTYPE", "document type", 2},
	    {HEAD PACKAGE(SERIAL("&x;"), TOTP, SIX, PLAIN) TAIL, NULL, "",
		"entity", 3},
	    {HEAD PACKAGE(SERIAL("\x82\xa0"), TOTP, SIX, PLAIN) TAIL, NULL, "",
		"UTF-8", 3},
	    {HEAD "\n\n" PACKAGE("", TOTP, SIX, PLAIN) TAIL, NULL, "serial",
		"missing", 5},
	    /* 15: packages */
	    {HEAD PACKAGE(SERIAL("../x"), TOTP, SIX, PLAIN) TAIL, NULL,
		"serial", "letters", 3},
	    {HEAD PACKAGE(SERIAL("a\nb"), TOTP, SIX, PLAIN) TAIL, NULL,
		"serial", "letters", 4},
	    {HEAD PACKAGE(SERIAL("A") SERIAL("B"), TOTP, SIX, PLAIN) TAIL, NULL,
		"SerialNo", "twice", 3},
	    {HEAD PACKAGE(SERIAL("A"), "urn:x", SIX, PLAIN) TAIL, NULL, "Key",
		"algorithm", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP,
		 "<pskc:Suite>HMAC-MD5</pskc:Suite>" SIX, PLAIN) TAIL,
		NULL, "Suite", "suite", 3},
	    /* 20 */
	    {HEAD PACKAGE(SERIAL("A"), TOTP, "", PLAIN) TAIL, NULL,
		"ResponseFormat", "digits", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP,
		 "<pskc:ResponseFormat Length=\"7\" Encoding=\"DECIMAL\"/>",
		 PLAIN) TAIL,
		NULL, "digits", "6 or 8", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP,
		 "<pskc:ResponseFormat Length=\"6\""
		 " Encoding=\"ALPHANUMERIC\"/>",
		 PLAIN) TAIL,
		NULL, "ResponseFormat", "decimal", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP,
		 "<pskc:ResponseFormat Length=\"6\" Encoding=\"DECIMAL\""
		 " CheckDigits=\"true\"/>",
		 PLAIN) TAIL,
		NULL, "ResponseFormat", "check digit", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP,
		 "<pskc:ChallengeFormat Encoding=\"DECIMAL\" Min=\"6\""
		 " Max=\"6\"/>" SIX,
		 PLAIN) TAIL,
		NULL, "ChallengeFormat", "challenge", 3},
	    /* 25 */
	    {HEAD PACKAGE(SERIAL("A"), TOTP, SIX, "") TAIL, NULL, "secret",
		"missing", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP, SIX, VALUE("Secret", "MTIz")) TAIL,
		NULL, "secret", "112", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP, SIX, VALUE("Secret", "!!")) TAIL,
		NULL, "PlainValue", "base64", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP, SIX,
		 PLAIN VALUE("TimeInterval", "45")) TAIL,
		NULL, "period", "30 or 60", 3},
	    {HEAD PACKAGE(SERIAL("A"), HOTP, SIX, PLAIN) TAIL, NULL, "Counter",
		"counter", 3},
	    /* 30 */
	    {HEAD PACKAGE(SERIAL("A"), HOTP, SIX, PLAIN VALUE("Counter", "-1"))
		    TAIL,
		NULL, "Counter", "counter", 3},
	    {HEAD PACKAGE(SERIAL("A"), TOTP, SIX, PLAIN) TAIL, KEY_6, "Secret",
		"not encrypted", 3},
	    /* keys */
	    {HEAD PRE_SHARED MAC_METHOD TAIL, NULL, "EncryptionKey",
		"--key-file", 3},
	    {HEAD PRE_SHARED MAC_METHOD TAIL, "short", "EncryptionKey",
		"hexadecimal", 3},
	    {HEAD PRE_SHARED MAC_METHOD TAIL,
		"00000000000000000000000000000000", "MACMethod", "another key",
		3},
	    /* 35 */
	    {HEAD PRE_SHARED MAC_METHOD PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, "") COUNTER) TAIL,
		KEY_6, "Secret", "needs a MAC", 3},
	    {HEAD PRE_SHARED PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, FIGURE_6_MAC) COUNTER) TAIL,
		KEY_6, "Secret", "needs a MAC", 3},
	    {HEAD PRE_SHARED MAC_METHOD PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE,
		     MAC("Au+NvtQfmvfJzF6bmQiJqoLRExc=")) COUNTER) TAIL,
		KEY_6, "Secret", "MAC is wrong", 3},
	    {HEAD PRE_SHARED MAC_METHOD PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, MAC("Su+NvtQfmvc=")) COUNTER)
		    TAIL,
		KEY_6, "Secret", "MAC is wrong", 3},
	    {HEAD PRE_SHARED MAC_METHOD PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED("http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
		     FIGURE_6_VALUE, FIGURE_6_MAC) COUNTER) TAIL,
		KEY_6, "EncryptionMethod", "AES", 3},
	    /* 40 */
	    {HEAD PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, FIGURE_6_MAC) COUNTER) TAIL,
		KEY_6, "Secret", "no EncryptionKey", 3},
	    {HEAD PASSWORD_KEY("2000000000", "") MAC_METHOD_7 TAIL, KEY_7,
		"EncryptionKey", "rounds", 3},
	    {HEAD PASSWORD_KEY("0", "") MAC_METHOD_7 TAIL, KEY_7,
		"EncryptionKey", "cannot be derived", 3},
	    {HEAD PASSWORD_KEY("1000", "<KeyLength>1000000000</KeyLength>")
		    MAC_METHOD_7 TAIL,
		KEY_7, "EncryptionKey", "cannot be derived", 3},
	    /* 45: MACs that anybody could have made, under no key */
	    {HEAD MAC_METHOD PRE_SHARED PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, NO_KEYS_MAC) COUNTER) TAIL,
		KEY_6, "MACMethod", "behind EncryptionKey", 3},
	    {HEAD PRE_SHARED EMPTY_MAC_KEY PACKAGE(SERIAL("A"), HOTP, EIGHT,
		 SEALED(AES128, FIGURE_6_VALUE, NO_KEYS_MAC) COUNTER) TAIL,
		KEY_6, "MACMethod", "another key", 3},
	    {HEAD PASSWORD_KEY("1000", "") MAC_METHOD_7 TAIL, "wrong",
		"MACMethod", "another key", 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kept kept;

		read_text(rows[i].text, rows[i].key, &kept);
		if (kept.err != ERR_INVALID || kept.problem_count == 0 ||
		    strcmp(kept.problems[0].place, rows[i].place) ||
		    !strstr(kept.problems[0].text, rows[i].says) ||
		    kept.problems[0].line != rows[i].line)
			fail_msg("row %zu: %s, %zu problems: %d:%s: %s", i,
			    err_text(kept.err), kept.problem_count,
			    (int)kept.problems[0].line, kept.problems[0].place,
			    kept.problems[0].text);
	}
}

static void test_utf16(void **state)
{
	static const char with_mark[] = "\xff\xfe<\0?\0x\0";
	static const char without[] = "<\0?\0x\0m\0l\0";
	struct kept kept;

	(void)state;
	read_bytes_in(with_mark, sizeof(with_mark) - 1, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_non_null(strstr(kept.problems[0].text, "UTF-16"));
	read_bytes_in(without, sizeof(without) - 1, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_non_null(strstr(kept.problems[0].text, "NUL"));
}

static void test_one_bad_package_is_told_beside_the_next(void **state)
{
	struct kept kept;

	(void)state;
	read_text(HEAD PACKAGE(SERIAL("A"), TOTP, "", PLAIN)
		      GOOD PACKAGE("", TOTP, SIX, PLAIN) TAIL,
	    NULL, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_int_equal(kept.problem_count, 2);
	assert_int_equal(kept.problems[0].line, 3);
	assert_int_equal(kept.problems[1].line, 5);
}

/* 20 times the same mistake is enough. */
static void test_problems_have_an_end(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	struct kept kept;

	(void)state;
	fputs(HEAD, file);
	for (int i = 0; i < 50; i++)
		fputs(PACKAGE("", TOTP, SIX, PLAIN), file);
	fputs(TAIL, file);
	fclose(file);
	read_text(text, NULL, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_int_equal(kept.problem_count, STOCK_PROBLEMS_MAX);
	free(text);
}

/* A text, an attribute, a name and a nesting that go on and on. */
static void test_without_end(void **state)
{
	static const struct {
		const char *before, *again, *says;
	} rows[] = {
	    {HEAD "<pskc:KeyPackage><pskc:DeviceInfo><pskc:SerialNo>",
		"AAAAAAAA", "longer"},
	    {HEAD "<pskc:KeyPackage><pskc:DeviceInfo><pskc:SerialNo>", "&#x41;",
		"longer"},
	    {HEAD "<pskc:KeyPackage><pskc:DeviceInfo><pskc:SerialNo x='",
		"AAAAAAAA", "well-formed"},
	    {HEAD "<", "AAAAAAAA", "well-formed"},
	    {HEAD, "<a>", "well-formed"},
	    {HEAD "<!--", "AAAAAAAA", "well-formed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = NULL;
		size_t length = 0;
		FILE *file = open_memstream(&text, &length);
		struct kept kept;

		fputs(rows[i].before, file);
		while (ftell(file) < 12 * 1024 * 1024)
			fputs(rows[i].again, file);
		if (i < 2)
			fputs("</pskc:SerialNo></pskc:DeviceInfo>"
			      "</pskc:KeyPackage>" TAIL,
			    file);
		fclose(file);
		read_text(text, NULL, &kept);
		if (kept.err != ERR_INVALID || kept.problem_count == 0 ||
		    !strstr(kept.problems[0].text, rows[i].says))
			fail_msg("row %zu: %s %s", i, err_text(kept.err),
			    kept.problems[0].text);
		free(text);
	}
}

static void test_what_is_left_out_is_counted(void **state)
{
	struct kept kept;

	(void)state;
	read_text(HEAD
	    "<ds:Signature><ds:SignedInfo/></ds:Signature>" PACKAGE(
		SERIAL("A") "<pskc:StartDate>2026-01-01T00:00:00Z"
			    "</pskc:StartDate><pskc:UserId>CN=a</pskc:UserId>",
		TOTP, SIX, PLAIN VALUE("TimeDrift", "4")) TAIL,
	    NULL, &kept);
	assert_int_equal(kept.err, ERR_NONE);
	assert_int_equal(kept.report.rows, 1);
	assert_int_equal(kept.report.signatures, 1);
	assert_int_equal(kept.report.dates, 1);
	assert_int_equal(kept.report.holders, 1);
	assert_int_equal(kept.report.drifts, 1);
	read_text(HEAD
	    "<pskc:KeyPackage><pskc:DeviceInfo>" SERIAL(
		"A") "</pskc:DeviceInfo><pskc:Key Id=\"1\" Algorithm=\"" TOTP
		     "\"><pskc:AlgorithmParameters>" SIX
		     "</pskc:AlgorithmParameters><pskc:Data>" PLAIN
		     "</pskc:Data><pskc:Policy><pskc:NumberOfTransactions>9"
		     "</pskc:NumberOfTransactions></pskc:Policy></pskc:Key>"
		     "</pskc:KeyPackage>" TAIL,
	    NULL, &kept);
	assert_int_equal(kept.err, ERR_NONE);
	assert_int_equal(kept.report.policies, 1);
}

static enum err refuse_row(void *context, const struct stock_row *row)
{
	(void)context;
	(void)row;
	return ERR_UNREACHABLE;
}

static ssize_t fail_to_read(void *context, void *bytes, size_t room)
{
	(void)context;
	(void)bytes;
	(void)room;
	return -1;
}

static void test_failures_of_others(void **state)
{
	static const char text[] = HEAD GOOD GOOD TAIL;
	struct pieces pieces = {text, sizeof(text) - 1, 0, 100};
	const struct stock_source source = {give_piece, &pieces};
	const struct stock_source broken = {fail_to_read, NULL};
	struct kept kept = {0};
	const struct stock_sink stubborn = {refuse_row, keep_problem, &kept};
	const struct stock_sink sink = {keep_row, keep_problem, &kept};
	const struct secret none = {0};

	(void)state;
	assert_int_equal(
	    stock_pskc_read(&source, &none, &stubborn, &kept.report),
	    ERR_UNREACHABLE);
	assert_int_equal(
	    stock_pskc_read(&broken, &none, &sink, &kept.report), ERR_IO);
	assert_int_equal(kept.problem_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_packages),
	    cmocka_unit_test(test_rfc_6030),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_utf16),
	    cmocka_unit_test(test_one_bad_package_is_told_beside_the_next),
	    cmocka_unit_test(test_problems_have_an_end),
	    cmocka_unit_test(test_without_end),
	    cmocka_unit_test(test_what_is_left_out_is_counted),
	    cmocka_unit_test(test_failures_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
