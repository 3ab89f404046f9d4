/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_elements.h"

#include <stddef.h>
#include <string.h>

#define PSKC STOCK_PSKC_SPACE
#define DS "http://www.w3.org/2000/09/xmldsig#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

/* Which element means what, by where it stands. space NULL: any, as files
 * have PBKDF2's parameters in one of three or in none. */
static const struct stock_element ELEMENTS[] = {
    {STOCK_CONTAINER, PSKC, "EncryptionKey", STOCK_ENCRYPTION_KEY, 0},
    {STOCK_ENCRYPTION_KEY, DS, "KeyName", STOCK_KEY_NAME, 0},
    {STOCK_ENCRYPTION_KEY, XENC11, "DerivedKey", STOCK_DERIVED_KEY, 0},
    {STOCK_DERIVED_KEY, XENC11, "KeyDerivationMethod", STOCK_DERIVATION, 0},
    {STOCK_DERIVATION, NULL, "PBKDF2-params", STOCK_PBKDF2, 0},
    {STOCK_PBKDF2, NULL, "Salt", STOCK_SALT, 0},
    {STOCK_SALT, NULL, "Specified", STOCK_SALT_SPECIFIED, 0},
    {STOCK_PBKDF2, NULL, "IterationCount", STOCK_ITERATIONS, 0},
    {STOCK_PBKDF2, NULL, "KeyLength", STOCK_KEY_LENGTH, 0},
    {STOCK_PBKDF2, NULL, "PRF", STOCK_PRF, 0},
    {STOCK_CONTAINER, PSKC, "MACMethod", STOCK_MAC_METHOD, 0},
    {STOCK_MAC_METHOD, PSKC, "MACKey", STOCK_MAC_KEY, 0},
    {STOCK_MAC_KEY, XENC, "EncryptionMethod", STOCK_MAC_KEY_METHOD, 0},
    {STOCK_MAC_KEY, XENC, "CipherData", STOCK_MAC_KEY_DATA, 0},
    {STOCK_MAC_KEY_DATA, XENC, "CipherValue", STOCK_MAC_KEY_VALUE, 0},
    {STOCK_CONTAINER, DS, "Signature", STOCK_SIGNATURE, 0},
    {STOCK_CONTAINER, PSKC, "KeyPackage", STOCK_PACKAGE, 0},
    {STOCK_PACKAGE, PSKC, "DeviceInfo", STOCK_DEVICE, 0},
    {STOCK_DEVICE, PSKC, "SerialNo", STOCK_SERIAL, 0},
    {STOCK_DEVICE, PSKC, "StartDate", STOCK_DATE, 0},
    {STOCK_DEVICE, PSKC, "ExpiryDate", STOCK_DATE, 0},
    {STOCK_DEVICE, PSKC, "UserId", STOCK_USER, 0},
    {STOCK_PACKAGE, PSKC, "Key", STOCK_KEY, 0},
    {STOCK_KEY, PSKC, "UserId", STOCK_USER, 0},
    {STOCK_KEY, PSKC, "Policy", STOCK_POLICY, 0},
    {STOCK_KEY, PSKC, "AlgorithmParameters", STOCK_PARAMETERS, 0},
    {STOCK_PARAMETERS, PSKC, "Suite", STOCK_SUITE, 0},
    {STOCK_PARAMETERS, PSKC, "ChallengeFormat", STOCK_CHALLENGE, 0},
    {STOCK_PARAMETERS, PSKC, "ResponseFormat", STOCK_RESPONSE, 0},
    {STOCK_KEY, PSKC, "Data", STOCK_DATA, 0},
    {STOCK_DATA, PSKC, "Secret", STOCK_DATUM, STOCK_SECRET},
    {STOCK_DATA, PSKC, "Counter", STOCK_DATUM, STOCK_COUNTER},
    {STOCK_DATA, PSKC, "TimeInterval", STOCK_DATUM, STOCK_INTERVAL},
    {STOCK_DATA, PSKC, "TimeDrift", STOCK_DATUM, STOCK_DRIFT},
    {STOCK_DATUM, PSKC, "PlainValue", STOCK_PLAIN, 0},
    {STOCK_DATUM, PSKC, "EncryptedValue", STOCK_ENCRYPTED, 0},
    {STOCK_ENCRYPTED, XENC, "EncryptionMethod", STOCK_METHOD, 0},
    {STOCK_ENCRYPTED, XENC, "CipherData", STOCK_CIPHER_DATA, 0},
    {STOCK_CIPHER_DATA, XENC, "CipherValue", STOCK_CIPHER_VALUE, 0},
    {STOCK_DATUM, PSKC, "ValueMAC", STOCK_VALUE_MAC, 0},
};

const struct stock_element *stock_element_find(
    enum stock_place parent, const char *space, const char *name)
{
	for (size_t i = 0; i < sizeof(ELEMENTS) / sizeof(ELEMENTS[0]); i++) {
		const struct stock_element *e = &ELEMENTS[i];

		if (e->parent == parent && strcmp(e->name, name) == 0 &&
		    (!e->space || (space && strcmp(e->space, space) == 0)))
			return e;
	}
	return NULL;
}
