/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_pskc.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <string.h>

#include "server/ctl/stock_container.h"
#include "server/ctl/stock_elements.h"

enum {
	DEPTH_MAX = 16,
	TEXT_BYTES_MAX = 2048,
	ATTRIBUTE_BYTES_MAX = 256,
};

struct frame {
	enum stock_place place;
	uint64_t children; /* seen in it so far, a bit each */
};

struct reader {
	xmlParserCtxtPtr xml;
	const struct stock_source *source;
	const struct stock_sink *sink;
	struct stock_container container;
	struct frame stack[DEPTH_MAX];
	size_t depth, passed_over; /* elements open; of no meaning */
	char text[TEXT_BYTES_MAX];
	size_t text_length;
	bool text_is_too_long;
	bool at_start, package_is_bad;
	size_t problems;
	enum err err; /* why it stops; nothing is done after that */
};

/* --- problems ---------------------------------------------------------------
 */

static void stop(struct reader *reader, enum err err)
{
	if (reader->err == ERR_NONE)
		reader->err = err;
	xmlStopParser(reader->xml);
}

/* Tells, and says why it must stop, if it must. */
static enum err tell(struct reader *reader, int line, int column,
    const char *place, const char *text)
{
	struct stock_problem problem = {0};
	enum err err;

	problem.line = line > 0 ? (uint64_t)line : 0;
	problem.column = column > 0 ? (uint64_t)column : 0;
	snprintf(problem.place, sizeof(problem.place), "%s", place);
	snprintf(problem.text, sizeof(problem.text), "%s", text);
	err = reader->sink->problem(reader->sink->context, &problem);
	if (err == ERR_NONE && ++reader->problems == STOCK_PROBLEMS_MAX)
		err = ERR_INVALID;
	return err;
}

static void complain_at(struct reader *reader, int line, int column,
    const char *place, const char *text)
{
	enum err err;

	if (reader->err != ERR_NONE)
		return;
	err = tell(reader, line, column, place, text);
	if (err != ERR_NONE)
		stop(reader, err);
}

static void complain(struct reader *reader, const char *place, const char *text)
{
	complain_at(reader, xmlSAX2GetLineNumber(reader->xml),
	    xmlSAX2GetColumnNumber(reader->xml), place, text);
}

/* What is wrong with a package leaves the others readable. */
static void fault(struct reader *reader, enum stock_place at, const char *place,
    const char *text)
{
	complain(reader, place, text);
	if (stock_place_is_of_file(at))
		stop(reader, ERR_INVALID);
	else
		reader->package_is_bad = true;
}

static struct frame *top(struct reader *reader)
{
	return &reader->stack[reader->depth - 1];
}

/* --- elements ---------------------------------------------------------------
 */

static void push(struct reader *reader, enum stock_place place)
{
	if (reader->depth == DEPTH_MAX) {
		stop(reader, ERR_INVALID);
		return;
	}
	reader->stack[reader->depth++] = (struct frame){.place = place};
	reader->text_length = 0;
	reader->text_is_too_long = false;
}

/* attributes: of five pointers each, as SAX2 has them. */
static void take_attributes(struct reader *reader, enum stock_place place,
    const char *element, int count, const xmlChar **attributes)
{
	for (int i = 0; i < count && reader->err == ERR_NONE; i++) {
		const xmlChar **one = attributes + (size_t)i * 5;
		size_t length = (size_t)(one[4] - one[3]);
		char value[ATTRIBUTE_BYTES_MAX + 1];
		const char *wrong;

		if (one[2])
			continue; /* of another namespace */
		if (length > ATTRIBUTE_BYTES_MAX) {
			fault(reader, place, element,
			    "An attribute is longer than 256 bytes.");
			return;
		}
		memcpy(value, one[3], length);
		value[length] = '\0';
		wrong = stock_container_attribute(
		    &reader->container, place, (const char *)one[0], value);
		if (wrong)
			fault(reader, place, element, wrong);
	}
}

static void begin_root(
    struct reader *reader, const char *space, const char *name)
{
	if (strcmp(name, "KeyContainer") == 0 && space &&
	    strcmp(space, STOCK_PSKC_SPACE) == 0) {
		push(reader, STOCK_CONTAINER);
		return;
	}
	fault(reader, STOCK_CONTAINER, "KeyContainer",
	    "This is no PSKC file: its root must be KeyContainer of "
	    "urn:ietf:params:xml:ns:keyprov:pskc.");
}

/* Only packages may come more than once. */
static bool is_second(
    struct reader *reader, const struct stock_element *element)
{
	uint64_t bit = (uint64_t)1 << (element->place + element->datum);
	bool seen = (top(reader)->children & bit) != 0;

	top(reader)->children |= bit;
	return seen && element->place != STOCK_PACKAGE &&
	       element->place != STOCK_DATE;
}

static void begin_known(
    struct reader *reader, const struct stock_element *element)
{
	if (is_second(reader, element)) {
		fault(reader, element->place, element->name,
		    "This stands here twice.");
		if (reader->err != ERR_NONE)
			return;
	}
	if (element->place == STOCK_PACKAGE)
		reader->package_is_bad = false;
	push(reader, element->place);
	stock_container_begin(
	    &reader->container, element->place, element->datum);
	if (element->place == STOCK_PACKAGE)
		reader->container.package.row.line =
		    (uint64_t)xmlSAX2GetLineNumber(reader->xml);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *space, int space_count, const xmlChar **spaces,
    int attribute_count, int default_count, const xmlChar **attributes)
{
	struct reader *reader = context;
	const struct stock_element *element = NULL;

	(void)prefix;
	(void)space_count;
	(void)spaces;
	(void)default_count;
	if (reader->err != ERR_NONE)
		return;
	if (reader->passed_over > 0) {
		reader->passed_over++;
		return;
	}
	if (reader->depth == 0) {
		begin_root(reader, (const char *)space, (const char *)name);
	} else {
		element = stock_element_find(top(reader)->place,
		    (const char *)space, (const char *)name);
		if (!element) {
			reader->passed_over = 1;
			return;
		}
		begin_known(reader, element);
	}
	if (reader->err == ERR_NONE)
		take_attributes(reader, top(reader)->place, (const char *)name,
		    attribute_count, attributes);
}

/* --- the end of one ---------------------------------------------------------
 */

static void trim(const char **text, size_t *length)
{
	while (*length > 0 && strchr(" \t\r\n", **text)) {
		*text += 1;
		*length -= 1;
	}
	while (*length > 0 && strchr(" \t\r\n", (*text)[*length - 1]))
		*length -= 1;
}

static void end_text(
    struct reader *reader, enum stock_place place, const char *name)
{
	const char *text = reader->text, *wrong;
	size_t length = reader->text_length;

	trim(&text, &length);
	if (reader->text_is_too_long)
		wrong = "This is longer than 2048 bytes.";
	else
		wrong = stock_container_text(
		    &reader->container, place, text, length);
	if (wrong)
		fault(reader, place, name, wrong);
	secret_wipe_bytes(reader->text, reader->text_length);
	reader->text_length = 0;
	reader->text_is_too_long = false;
}

static void end_package(struct reader *reader)
{
	const struct stock_row *row;
	const char *wrong = NULL, *place = "KeyPackage";
	enum err err;

	if (reader->package_is_bad)
		return;
	row = stock_container_row(&reader->container, &wrong, &place);
	if (!row) {
		complain(reader, place, wrong);
		return;
	}
	if (++reader->container.report->rows > STOCK_ROWS_MAX) {
		complain(reader, "KeyPackage",
		    "There are more than 250000 tokens. Split the file.");
		stop(reader, ERR_INVALID);
		return;
	}
	err = reader->sink->row(reader->sink->context, row);
	if (err != ERR_NONE)
		stop(reader, err);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *space)
{
	struct reader *reader = context;
	enum stock_place place;
	const char *wrong;

	(void)prefix;
	(void)space;
	if (reader->err != ERR_NONE || reader->depth == 0)
		return;
	if (reader->passed_over > 0) {
		reader->passed_over--;
		return;
	}
	place = top(reader)->place;
	end_text(reader, place, (const char *)name);
	if (reader->err != ERR_NONE)
		return;
	wrong = stock_container_end(&reader->container, place);
	if (wrong)
		fault(reader, place, (const char *)name, wrong);
	reader->depth--;
	if (place == STOCK_PACKAGE && reader->err == ERR_NONE)
		end_package(reader);
}

static void on_text(void *context, const xmlChar *bytes, int length)
{
	struct reader *reader = context;
	size_t more = (size_t)length;

	if (reader->err != ERR_NONE || reader->passed_over > 0 ||
	    reader->depth == 0)
		return;
	if (more > sizeof(reader->text) - reader->text_length) {
		reader->text_is_too_long = true;
		return;
	}
	memcpy(reader->text + reader->text_length, bytes, more);
	reader->text_length += more;
}

/* --- what is refused --------------------------------------------------------
 */

static void on_document_type(void *context, const xmlChar *name,
    const xmlChar *external, const xmlChar *system)
{
	struct reader *reader = context;

	(void)name;
	(void)external;
	(void)system;
	complain(reader, "DOCTYPE",
	    "A document type is not allowed: it could name other files or "
	    "grow without end.");
	stop(reader, ERR_INVALID);
}

static void on_reference(void *context, const xmlChar *name)
{
	struct reader *reader = context;

	(void)name;
	complain(reader, "", "An entity stands here, which is not allowed.");
	stop(reader, ERR_INVALID);
}

/* libxml2's own words may quote the file, and thereby a secret. */
static const char *words_of(int code)
{
	switch (code) {
	case XML_ERR_NO_MEMORY:
		return "This takes more memory than a file of tokens should.";
	case XML_ERR_DOCUMENT_EMPTY:
		return "There is no XML in this file.";
	case XML_ERR_DOCUMENT_END:
	case XML_ERR_TAG_NOT_FINISHED:
		return "The file ends too early: it was cut.";
	case XML_ERR_INVALID_CHAR:
	case XML_ERR_INVALID_ENCODING:
	case XML_ERR_UNKNOWN_ENCODING:
	case XML_ERR_UNSUPPORTED_ENCODING:
		return "This is not UTF-8, or a control character.";
	case XML_ERR_UNDECLARED_ENTITY:
	case XML_WAR_UNDECLARED_ENTITY:
		return "An entity stands here, which is not allowed.";
	}
	return "This is not well-formed XML, or it was cut.";
}

static void on_error(void *context, xmlErrorPtr error)
{
	struct reader *reader = context;

	/* Warnings, and names without a namespace, which are passed over. */
	if (reader->err != ERR_NONE || error->level == XML_ERR_WARNING)
		return;
	complain_at(reader, error->line, error->int2, "",
	    reader->at_start ? words_of(XML_ERR_DOCUMENT_EMPTY)
			     : words_of(error->code));
	stop(reader, ERR_INVALID);
}

/* --- the whole file ---------------------------------------------------------
 */

static int on_read(void *context, char *bytes, int room)
{
	struct reader *reader = context;
	const char *wrong;
	ssize_t got;

	if (reader->err != ERR_NONE)
		return -1;
	/* libxml2 takes few bytes for the end of what it looks at. */
	got = stock_source_fill(reader->source, bytes, (size_t)room);
	if (got < 0) {
		reader->err = ERR_IO;
		return -1;
	}
	wrong = stock_bytes_fault(bytes, (size_t)got, reader->at_start);
	if (wrong) {
		/* Not stop(): libxml2 is in the middle of reading. */
		reader->err = tell(reader, 0, 0, "", wrong);
		if (reader->err == ERR_NONE)
			reader->err = ERR_INVALID;
		return -1;
	}
	if (got > 0)
		reader->at_start = false;
	return (int)got;
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .cdataBlock = on_text,
    .internalSubset = on_document_type,
    .reference = on_reference,
    .serror = on_error,
};

enum err stock_pskc_prepare(void)
{
	xmlInitParser();
	return stock_keys_prepare();
}

static enum err read_document(struct reader *reader)
{
	xmlSAXHandler copy = handler;

	reader->xml = xmlCreateIOParserCtxt(
	    &copy, reader, on_read, NULL, reader, XML_CHAR_ENCODING_UTF8);
	if (!reader->xml)
		return reader->err != ERR_NONE ? reader->err : ERR_MEMORY;
	xmlCtxtUseOptions(reader->xml, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	if (xmlParseDocument(reader->xml) != 0 && reader->err == ERR_NONE) {
		complain_at(reader, 0, 0, "", words_of(0));
		reader->err = ERR_INVALID;
	}
	xmlFreeParserCtxt(reader->xml);
	if (reader->err == ERR_NONE && reader->problems > 0)
		return ERR_INVALID;
	return reader->err;
}

enum err stock_pskc_read(const struct stock_source *source,
    const struct secret *key, const struct stock_sink *sink,
    struct stock_report *report)
{
	struct reader reader = {
	    .source = source,
	    .sink = sink,
	    .container = {.given = key, .report = report},
	    .at_start = true,
	};
	enum err err;

	*report = (struct stock_report){0};
	err = read_document(&reader);
	stock_container_wipe(&reader.container);
	secret_wipe_bytes(reader.text, sizeof(reader.text));
	return err;
}
