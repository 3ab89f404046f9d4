/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/grace.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	DIGITS_MAX = 3
};

/* Their names have no end, so by what is in them, what they begin with, and
 * what they are. */
static const char *const parts[] = {"lock", "saver", "greet"};
static const char *const beginnings[] = {
    "gdm", "kde", "lightdm", "lxdm", "sddm", "xdm"};
static const char *const names[] = {
    "kcheckpass", "login", "ly", "remote", "rlogin", "sshd"};

bool grace_is_for(const char *service)
{
	for (size_t i = 0; i < COUNT(parts); i++)
		if (strstr(service, parts[i]))
			return false;
	for (size_t i = 0; i < COUNT(beginnings); i++)
		if (strncmp(service, beginnings[i], strlen(beginnings[i])) == 0)
			return false;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(service, names[i]) == 0)
			return false;
	return *service != '\0';
}

bool grace_holds(
    const struct grace *grace, const struct grace_question *question)
{
	int64_t age_s = question->now_s - grace->since;

	if (!grace->given || !grace_is_for(question->service))
		return false;
	/* Where a card is demanded, a code typed elsewhere is none. */
	if ((question->factors & 1u << grace->factor) == 0)
		return false;
	if (question->tty[0] == '\0' ||
	    (grace->tty[0] != '\0' && strcmp(grace->tty, question->tty) != 0))
		return false;
	return age_s >= 0 && age_s < question->longest_s &&
	       age_s < GRACE_LONGEST_S;
}

bool grace_read(const char *text, int64_t *out_s)
{
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	if (digits == 0 || digits > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	if (strcmp(text + digits, "m") == 0)
		value *= 60;
	else if (strcmp(text + digits, "s") != 0)
		return false;
	if (value < 1 || value > GRACE_LONGEST_S)
		return false;
	*out_s = value;
	return true;
}
