/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key package that has been read to its end, made into a token: what is
 * sealed is opened, what is missing is taken as usual or refused.
 */
#include "server/ctl/stock_container.h"

static const char *open_sealed(
    struct stock_container *container, struct stock_datum *datum)
{
	if (!container->is_encrypted)
		return "This value is encrypted, but no EncryptionKey came "
		       "before it.";
	switch (
	    stock_keys_open(&container->keys, &datum->sealed, &datum->plain)) {
	case ERR_NONE:
		return NULL;
	case ERR_NOT_FOUND:
		return "An encrypted value needs a MAC (MACMethod and "
		       "ValueMAC): without one it may have been changed.";
	case ERR_CORRUPT:
		return "The MAC is wrong: the key file holds another key, or "
		       "this value was changed.";
	default:
		return "This value cannot be decrypted.";
	}
}

/* Sealed numbers are bytes, plain ones digits. */
static bool number_of(const struct stock_datum *datum, int64_t *out)
{
	const struct secret *plain = &datum->plain;
	uint64_t number = 0;

	if (datum->is_plain)
		return stock_number_read(
		    (const char *)plain->bytes, plain->length, out);
	if (!datum->is_sealed || plain->length == 0 || plain->length > 8)
		return false;
	for (size_t i = 0; i < plain->length; i++)
		number = number << 8 | plain->bytes[i];
	*out = (int64_t)(number & INT64_MAX);
	return number <= INT64_MAX;
}

static const char *open_datum(
    struct stock_container *container, enum stock_datum_name name)
{
	struct stock_datum *datum = &container->package.data[name];

	if (datum->is_plain && datum->is_sealed)
		return "There is a plain and an encrypted value.";
	if (datum->is_sealed)
		return open_sealed(container, datum);
	/* Whoever has the key expects no file that anybody could write. */
	if (datum->is_plain && name == STOCK_SECRET &&
	    container->given->length > 0)
		return "A key was given, but this secret is not encrypted. "
		       "Leave --key-file out if that is right.";
	return NULL;
}

static const char *take_counter(struct stock_package *package)
{
	if (package->row.type == STOCK_TOTP)
		return NULL;
	return number_of(&package->data[STOCK_COUNTER], &package->row.counter)
		   ? NULL
		   : "A HOTP token needs its counter, a number.";
}

static const char *take_interval(struct stock_package *package)
{
	const struct stock_datum *datum = &package->data[STOCK_INTERVAL];
	int64_t seconds = 30;

	if (package->row.type == STOCK_HOTP)
		return NULL;
	if ((datum->is_plain || datum->is_sealed) &&
	    (!number_of(datum, &seconds) || seconds > 3600))
		return "This is no number of seconds.";
	package->row.period_s = (int)seconds;
	return NULL;
}

static void take_secret(struct stock_container *container)
{
	const struct stock_datum *datum =
	    &container->package.data[STOCK_SECRET];

	container->package.row.seed = datum->plain;
	container->report->in_clear += datum->is_plain;
}

static void note_drift(struct stock_container *container)
{
	const struct stock_datum *datum = &container->package.data[STOCK_DRIFT];
	int64_t steps = 0;

	if (datum->is_plain && !(number_of(datum, &steps) && steps == 0))
		container->report->drifts++;
}

static const char *const DATUM_PLACES[] = {
    "Secret", "Counter", "TimeInterval", "TimeDrift"};

static const char *gather(struct stock_container *container, const char **place)
{
	struct stock_package *package = &container->package;
	const char *fault = NULL;

	for (int i = 0; !fault && i < STOCK_DATUM_COUNT; i++) {
		*place = DATUM_PLACES[i];
		fault = open_datum(container, (enum stock_datum_name)i);
	}
	if (fault)
		return fault;
	*place = "Key";
	if (!package->has_type)
		return "There is no Key with an algorithm in this package.";
	*place = "ResponseFormat";
	if (!package->has_digits)
		return "It is not said how many digits a code has "
		       "(ResponseFormat, Length).";
	*place = "Counter";
	fault = take_counter(package);
	if (fault)
		return fault;
	*place = "TimeInterval";
	fault = take_interval(package);
	if (fault)
		return fault;
	take_secret(container);
	note_drift(container);
	return stock_row_fault(&package->row, place);
}

const struct stock_row *stock_container_row(
    struct stock_container *container, const char **fault, const char **place)
{
	*fault = gather(container, place);
	return *fault ? NULL : &container->package.row;
}
