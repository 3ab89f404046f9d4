/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS #11 module for tests that hands everything on to another one, and
 * plays a PIN pad or fails on the way. A card child gets no environment of a
 * test's, so it is told by a file, whose place stands in P11SHIM_CONF or
 * beside the module as "<module>.conf"; one setting a line:
 *
 *	module PATH     the one to hand on to; required
 *	pinpad PIN      the reader has a PIN pad, on which this is typed
 *	delay MS        before a PIN pad, or a login, answers
 *	always 1        every key asks for the PIN at every signature
 *	flags N         or-ed to the token's flags (tries: 0x10000 low,
 *	                0x20000 final, 0x40000 locked)
 *	fail CALL N     login, sign, find, info, session or slots returns N
 *	hang CALL 1     never returns
 *	crash CALL 1    dies of it
 *	trace PATH      each login, signature and logout is written there
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORD_SIZE = 200,
	RULES_MAX = 16,
};

struct rule {
	char what[8], call[16];
	unsigned long number;
};

static struct {
	char module[WORD_SIZE], pinpad[WORD_SIZE], trace[WORD_SIZE];
	long delay_ms;
	unsigned long flags;
	bool always;
	int rules;
	struct rule rule[RULES_MAX];
} set;

static CK_FUNCTION_LIST *real, mine;

static void trace(const char *call)
{
	FILE *file = set.trace[0] ? fopen(set.trace, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s\n", call);
	fclose(file);
}

/* What the settings have in store for a call. */
static CK_RV fate(const char *call)
{
	for (int i = 0; i < set.rules; i++) {
		const struct rule *rule = &set.rule[i];

		if (strcmp(rule->call, call) != 0)
			continue;
		trace(rule->what);
		if (strcmp(rule->what, "hang") == 0)
			for (;;)
				pause();
		if (strcmp(rule->what, "crash") == 0)
			__builtin_trap();
		return rule->number;
	}
	return CKR_OK;
}

static CK_RV shim_slots(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	CK_RV rv = fate("slots");

	return rv ? rv : real->C_GetSlotList(present, slots, count);
}

static CK_RV shim_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = fate("info");

	if (rv == CKR_OK)
		rv = real->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK && set.pinpad[0])
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (rv == CKR_OK)
		info->flags |= set.flags;
	return rv;
}

static CK_RV shim_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	CK_RV rv = fate("session");

	return rv ? rv
		  : real->C_OpenSession(slot, flags, application, notify, out);
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE who,
    CK_UTF8CHAR *pin, CK_ULONG length)
{
	CK_RV rv;

	trace(who == CKU_CONTEXT_SPECIFIC ? "login again"
	      : pin                       ? "login"
					  : "login on the pad");
	rv = fate("login");
	if (rv != CKR_OK)
		return rv;
	usleep((useconds_t)set.delay_ms * 1000);
	if (set.pinpad[0] && !pin) {
		pin = (CK_UTF8CHAR *)set.pinpad;
		length = strlen(set.pinpad);
	}
	if (who == CKU_CONTEXT_SPECIFIC && set.always)
		return CKR_OK;
	return real->C_Login(session, who, pin, length);
}

static CK_RV shim_logout(CK_SESSION_HANDLE session)
{
	trace("logout");
	return real->C_Logout(session);
}

static CK_RV shim_sign(CK_SESSION_HANDLE session, CK_BYTE *data,
    CK_ULONG length, CK_BYTE *out, CK_ULONG *out_length)
{
	CK_RV rv;

	trace("sign");
	rv = fate("sign");
	return rv ? rv : real->C_Sign(session, data, length, out, out_length);
}

static CK_RV shim_find(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv = fate("find");

	return rv ? rv : real->C_FindObjectsInit(session, attributes, count);
}

static CK_RV shim_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv =
	    real->C_GetAttributeValue(session, object, attributes, count);

	for (CK_ULONG i = 0; set.always && i < count; i++)
		if (attributes[i].type == CKA_ALWAYS_AUTHENTICATE &&
		    attributes[i].pValue && attributes[i].ulValueLen == 1)
			*(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
	return rv;
}

static void read_setting(const char *line)
{
	char key[16] = "", value[WORD_SIZE] = "", number[32] = "";
	struct rule *rule = &set.rule[set.rules];

	if (sscanf(line, "%15s %199s %31s", key, value, number) < 2)
		return;
	if (strcmp(key, "module") == 0)
		strcpy(set.module, value);
	else if (strcmp(key, "pinpad") == 0)
		strcpy(set.pinpad, value);
	else if (strcmp(key, "trace") == 0)
		strcpy(set.trace, value);
	else if (strcmp(key, "delay") == 0)
		set.delay_ms = strtol(value, NULL, 0);
	else if (strcmp(key, "flags") == 0)
		set.flags = strtoul(value, NULL, 0);
	else if (strcmp(key, "always") == 0)
		set.always = true;
	else if (set.rules < RULES_MAX) {
		snprintf(rule->what, sizeof(rule->what), "%.7s", key);
		snprintf(rule->call, sizeof(rule->call), "%.15s", value);
		rule->number = strtoul(number, NULL, 0);
		set.rules++;
	}
}

static bool read_settings(void)
{
	const char *path = getenv("P11SHIM_CONF");
	char beside[4096], line[256];
	Dl_info self;
	FILE *file;

	if (!path) {
		if (!dladdr((void *)read_settings, &self))
			return false;
		snprintf(beside, sizeof(beside), "%s.conf", self.dli_fname);
		path = beside;
	}
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		read_setting(line);
	fclose(file);
	return true;
}

static bool load(void)
{
	CK_RV (*list)(CK_FUNCTION_LIST **);
	void *library;

	if (!read_settings())
		return false;
	library = dlopen(set.module, RTLD_NOW | RTLD_LOCAL);
	*(void **)&list = library ? dlsym(library, "C_GetFunctionList") : NULL;
	if (!list || list(&real) != CKR_OK)
		return false;
	mine = *real;
	mine.C_GetFunctionList = C_GetFunctionList;
	mine.C_GetSlotList = shim_slots;
	mine.C_GetTokenInfo = shim_info;
	mine.C_OpenSession = shim_session;
	mine.C_Login = shim_login;
	mine.C_Logout = shim_logout;
	mine.C_Sign = shim_sign;
	mine.C_FindObjectsInit = shim_find;
	mine.C_GetAttributeValue = shim_attributes;
	return true;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST **out)
{
	if (!real && !load())
		return CKR_GENERAL_ERROR;
	*out = &mine;
	return CKR_OK;
}
