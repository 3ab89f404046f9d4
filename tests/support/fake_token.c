/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS #11 module for tests of the card child: tokens, PIN counters and
 * real signatures, and whatever a module may do wrong. What it is stands in a
 * file beside it, MODULE.script, a line each:
 *
 *   token LABEL PIN TRIES   another slot; of what follows until the next
 *   length MIN MAX          of the PIN
 *   pad | always            PIN pad; PIN at each signature
 *   object ID CERT KEY      DER of a certificate, PEM of a private key
 *   absent FILE             no token while FILE exists; one that was out has
 *                           lost its sessions
 *   fail CALL RV | hang CALL | crash CALL | lie CALL
 *   try CALL DEED           does what no module should, MODULE.log: DEED ERRNO
 *
 * Every C_Login is a line in MODULE.log: LABEL, kind, length of the PIN.
 */
#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fake_deeds.h"

enum {
	TOKENS_MAX = 8,
	OBJECTS_MAX = 8,
	FAULTS_MAX = 8,
	FILE_SIZE = 512,
	CERTIFICATE_MAX = 20000,
	TRIES_FULL = 3,
};

struct object {
	char id[32];
	unsigned char der[CERTIFICATE_MAX];
	size_t der_length;
	EVP_PKEY *key;
};

struct token {
	char label[64], pin[64], absent[FILE_SIZE];
	int tries;
	unsigned long pin_min, pin_max, sessions;
	bool pad, always, logged_in, was_out;
	struct object objects[OBJECTS_MAX];
	size_t count;
};

struct fault {
	char what[16], call[32], deed[16];
	CK_RV rv;
};

static struct token tokens[TOKENS_MAX];
static struct fault faults[FAULTS_MAX];
static size_t token_count, fault_count;
static char own_path[FILE_SIZE];
static CK_FUNCTION_LIST functions;

/* One search, one signature at a time: handles are slot * 100 + number. */
static CK_OBJECT_HANDLE found[OBJECTS_MAX * 2], signing;
static size_t found_count, found_at;
static bool is_confirmed;

static void write_log(const char *format, ...)
{
	char path[FILE_SIZE + 16];
	va_list arguments;
	FILE *file;

	snprintf(path, sizeof(path), "%s.log", own_path);
	file = fopen(path, "a");
	if (!file)
		return;
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

static CK_RV enter(const char *call)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (strcmp(faults[i].call, call) != 0)
			continue;
		if (strcmp(faults[i].what, "fail") == 0)
			return faults[i].rv;
		if (strcmp(faults[i].what, "try") == 0)
			write_log("%s %d\n", faults[i].deed,
			    fake_deed(faults[i].deed));
		if (strcmp(faults[i].what, "crash") == 0)
			raise(SIGSEGV);
		while (strcmp(faults[i].what, "hang") == 0)
			pause();
	}
	return CKR_OK;
}

static bool lies(const char *call)
{
	for (size_t i = 0; i < fault_count; i++)
		if (strcmp(faults[i].call, call) == 0 &&
		    strcmp(faults[i].what, "lie") == 0)
			return true;
	return false;
}

#define ENTER(call)                                                            \
	do {                                                                   \
		CK_RV rv_ = enter(call);                                       \
		if (rv_ != CKR_OK)                                             \
			return rv_;                                            \
	} while (0)

static size_t read_file(const char *path, unsigned char *out, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t got = file ? fread(out, 1, size, file) : 0;

	if (file)
		fclose(file);
	return got;
}

static void read_object(
    struct token *token, const char *id, const char *der, const char *key)
{
	struct object *object = &token->objects[token->count++];
	FILE *file = fopen(key, "r");

	snprintf(object->id, sizeof(object->id), "%s", id);
	object->der_length = read_file(der, object->der, sizeof(object->der));
	if (file) {
		object->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		fclose(file);
	}
}

static void read_line(char *line)
{
	char one[FILE_SIZE] = "", two[FILE_SIZE] = "", three[FILE_SIZE] = "";
	char word[32] = "";
	struct token *token = token_count ? &tokens[token_count - 1] : NULL;

	sscanf(line, "%31s %511s %511s %511s", word, one, two, three);
	if (strcmp(word, "token") == 0) {
		token = &tokens[token_count++];
		snprintf(token->label, sizeof(token->label), "%.63s", one);
		snprintf(token->pin, sizeof(token->pin), "%.63s", two);
		token->tries = atoi(three);
		token->pin_min = 4;
		token->pin_max = 8;
	} else if (strcmp(word, "length") == 0) {
		token->pin_min = strtoul(one, NULL, 0);
		token->pin_max = strtoul(two, NULL, 0);
	} else if (strcmp(word, "pad") == 0) {
		token->pad = true;
	} else if (strcmp(word, "always") == 0) {
		token->always = true;
	} else if (strcmp(word, "object") == 0) {
		read_object(token, one, two, three);
	} else if (strcmp(word, "absent") == 0) {
		snprintf(token->absent, sizeof(token->absent), "%s", one);
	} else if (*word) {
		struct fault *fault = &faults[fault_count++];

		snprintf(fault->what, sizeof(fault->what), "%.15s", word);
		snprintf(fault->call, sizeof(fault->call), "%.31s", one);
		snprintf(fault->deed, sizeof(fault->deed), "%.15s", two);
		fault->rv = strtoul(two, NULL, 0);
	}
}

static void read_script(void)
{
	char path[FILE_SIZE + 16], line[2048];
	FILE *file;

	snprintf(path, sizeof(path), "%s.script", own_path);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		read_line(line);
	if (file)
		fclose(file);
}

static bool is_there(struct token *token)
{
	bool there = !*token->absent || access(token->absent, F_OK) != 0;

	if (!there)
		token->was_out = true;
	return there;
}

static struct token *token_of(CK_SESSION_HANDLE session)
{
	CK_SLOT_ID slot = session / 100;

	return slot < token_count ? &tokens[slot] : NULL;
}

static CK_RV f_initialize(void *arguments)
{
	(void)arguments;
	ENTER("C_Initialize");
	return CKR_OK;
}

static CK_RV f_finalize(void *reserved)
{
	(void)reserved;
	return CKR_OK;
}

static CK_RV f_get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	CK_ULONG count = 0;

	(void)present;
	ENTER("C_GetSlotList");
	for (CK_ULONG i = 0; i < token_count; i++)
		if (is_there(&tokens[i])) {
			if (list && count < *n)
				list[count] = i;
			count++;
		}
	*n = lies("C_GetSlotList") ? 1UL << 40 : count;
	return CKR_OK;
}

static CK_RV f_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	struct token *token = &tokens[slot];

	ENTER("C_GetTokenInfo");
	if (slot >= token_count)
		return CKR_SLOT_ID_INVALID;
	if (!is_there(token))
		return CKR_TOKEN_NOT_PRESENT;
	memset(info, ' ', sizeof(*info));
	memcpy(info->label, token->label, strnlen(token->label, 32));
	for (char *at = (char *)info->label; at < (char *)info->label + 32;
	     at++)
		if (*at == '_')
			*at = ' ';
	info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
	if (token->pad)
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (token->tries <= 0)
		info->flags |= CKF_USER_PIN_LOCKED;
	if (token->tries == 1)
		info->flags |= CKF_USER_PIN_FINAL_TRY;
	if (token->tries < TRIES_FULL)
		info->flags |= CKF_USER_PIN_COUNT_LOW;
	info->ulMinPinLen = token->pin_min;
	info->ulMaxPinLen = token->pin_max;
	return CKR_OK;
}

static CK_RV f_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	(void)slot;
	ENTER("C_GetSlotInfo");
	memset(info, ' ', sizeof(*info));
	info->flags = CKF_TOKEN_PRESENT;
	return CKR_OK;
}

static CK_RV f_logout(CK_SESSION_HANDLE session)
{
	ENTER("C_Logout");
	token_of(session)->logged_in = false;
	return CKR_OK;
}

static CK_RV f_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	(void)flags;
	(void)application;
	(void)notify;
	ENTER("C_OpenSession");
	tokens[slot].was_out = false;
	*out = slot * 100 + ++tokens[slot].sessions;
	return CKR_OK;
}

static CK_RV f_close_session(CK_SESSION_HANDLE session)
{
	(void)session;
	ENTER("C_CloseSession");
	return CKR_OK;
}

static CK_RV f_get_session_info(
    CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	ENTER("C_GetSessionInfo");
	memset(info, 0, sizeof(*info));
	return token_of(session)->was_out ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
}

static CK_RV check_pin(
    struct token *token, const unsigned char *pin, CK_ULONG n)
{
	if (token->tries <= 0)
		return CKR_PIN_LOCKED;
	if (n == strlen(token->pin) && memcmp(pin, token->pin, n) == 0) {
		token->tries = TRIES_FULL;
		return CKR_OK;
	}
	token->tries--;
	return CKR_PIN_INCORRECT;
}

static CK_RV f_login(CK_SESSION_HANDLE session, CK_USER_TYPE user,
    unsigned char *pin, CK_ULONG length)
{
	struct token *token = token_of(session);
	CK_RV rv;

	write_log("%s %s %lu\n", token->label,
	    user == CKU_CONTEXT_SPECIFIC ? "context" : "user", length);
	ENTER("C_Login");
	if (token->was_out || !is_there(token))
		return CKR_DEVICE_REMOVED;
	if (token->logged_in && user == CKU_USER)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (token->pad && !pin) {
		pin = (unsigned char *)token->pin;
		length = strlen(token->pin);
	}
	if (!pin)
		return CKR_ARGUMENTS_BAD;
	rv = check_pin(token, pin, length);
	token->logged_in = token->logged_in || rv == CKR_OK;
	is_confirmed = rv == CKR_OK && user == CKU_CONTEXT_SPECIFIC;
	/* Counted by the card, then reported as something else. */
	ENTER("C_Login-after");
	return rv;
}

static void *value_of(CK_ATTRIBUTE *template, CK_ULONG n, CK_ULONG type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (template[i].type == type)
			return &template[i];
	return NULL;
}

static CK_RV f_find_init(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
	struct token *token = token_of(session);
	CK_ATTRIBUTE *class = value_of(template, n, CKA_CLASS);
	CK_ATTRIBUTE *id = value_of(template, n, CKA_ID);
	bool is_key = *(CK_OBJECT_CLASS *)class->pValue == CKO_PRIVATE_KEY;

	ENTER("C_FindObjectsInit");
	found_count = found_at = 0;
	for (size_t i = 0; i < token->count; i++) {
		struct object *object = &token->objects[i];

		if (is_key && (!token->logged_in || !object->key))
			continue;
		if (id && (id->ulValueLen != strlen(object->id) ||
			      memcmp(id->pValue, object->id, id->ulValueLen)))
			continue;
		found[found_count++] = i * 2 + (is_key ? 1 : 0);
	}
	return CKR_OK;
}

static CK_RV f_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out,
    CK_ULONG room, CK_ULONG *count)
{
	(void)session;
	ENTER("C_FindObjects");
	*count = 0;
	while (*count < room && found_at < found_count)
		out[(*count)++] = found[found_at++];
	if (lies("C_FindObjects"))
		*count = room + 1;
	return CKR_OK;
}

static CK_RV f_find_final(CK_SESSION_HANDLE session)
{
	(void)session;
	ENTER("C_FindObjectsFinal");
	return CKR_OK;
}

static CK_RV give(CK_ATTRIBUTE *attribute, const void *bytes, size_t length)
{
	if (attribute->ulValueLen < length) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(attribute->pValue, bytes, length);
	attribute->ulValueLen = length;
	if (lies("C_GetAttributeValue"))
		attribute->ulValueLen = 1UL << 40;
	return CKR_OK;
}

static CK_RV f_get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
    CK_ATTRIBUTE *template, CK_ULONG n)
{
	struct token *token = token_of(session);
	struct object *object = &token->objects[handle / 2];
	CK_BBOOL always = token->always;
	CK_RV rv = CKR_OK;

	ENTER("C_GetAttributeValue");
	for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++) {
		if (template[i].type == CKA_VALUE)
			rv = give(
			    &template[i], object -> der, object -> der_length);
		else if (template[i].type == CKA_ID)
			rv = give(
			    &template[i], object -> id, strlen(object->id));
		else if (template[i].type == CKA_ALWAYS_AUTHENTICATE)
			rv = give(&template[i], &always, sizeof(always));
		else
			rv = CKR_ATTRIBUTE_TYPE_INVALID;
	}
	return rv;
}

static CK_RV f_sign_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct object *object = &token_of(session)->objects[key / 2];

	ENTER("C_SignInit");
	if ((mechanism->mechanism == CKM_ECDSA) !=
	    (EVP_PKEY_is_a(object->key, "EC") == 1))
		return CKR_MECHANISM_INVALID;
	signing = key;
	is_confirmed = false;
	return CKR_OK;
}

/* r and s of equal length, as CKM_ECDSA gives them. */
static size_t flatten(
    const unsigned char *der, size_t length, size_t half, unsigned char *out)
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);

	BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)half);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, (int)half);
	ECDSA_SIG_free(pair);
	return 2 * half;
}

static CK_RV f_sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG n,
    unsigned char *out, CK_ULONG *length)
{
	struct token *token = token_of(session);
	EVP_PKEY *key = token->objects[signing / 2].key;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char raw[1024];
	size_t got = sizeof(raw);

	ENTER("C_Sign");
	if (token->always && !is_confirmed)
		return CKR_USER_NOT_LOGGED_IN;
	EVP_PKEY_sign_init(context);
	if (EVP_PKEY_is_a(key, "RSA"))
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
	EVP_PKEY_sign(context, raw, &got, data, n);
	EVP_PKEY_CTX_free(context);
	if (EVP_PKEY_is_a(key, "EC"))
		got = flatten(
		    raw, got, ((size_t)EVP_PKEY_get_bits(key) + 7) / 8, out);
	else
		memcpy(out, raw, got);
	if (lies("sign-bytes"))
		out[0] ^= 1;
	*length = lies("C_Sign") ? 1UL << 40 : got;
	return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST **out);

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	Dl_info info;

	if (!*own_path && dladdr(own_path, &info)) {
		snprintf(own_path, sizeof(own_path), "%s", info.dli_fname);
		read_script();
	}
	ENTER("C_GetFunctionList");
	functions.version.major = 2;
	functions.version.minor = 40;
	functions.C_Initialize = f_initialize;
	functions.C_Finalize = f_finalize;
	functions.C_GetFunctionList = C_GetFunctionList;
	functions.C_GetSlotList = f_get_slot_list;
	functions.C_GetSlotInfo = f_get_slot_info;
	functions.C_Logout = f_logout;
	functions.C_GetTokenInfo = f_get_token_info;
	functions.C_OpenSession = f_open_session;
	functions.C_CloseSession = f_close_session;
	functions.C_GetSessionInfo = f_get_session_info;
	functions.C_Login = f_login;
	functions.C_FindObjectsInit = f_find_init;
	functions.C_FindObjects = f_find;
	functions.C_FindObjectsFinal = f_find_final;
	functions.C_GetAttributeValue = f_get_attribute;
	functions.C_SignInit = f_sign_init;
	functions.C_Sign = f_sign;
	*out = &functions;
	return CKR_OK;
}
