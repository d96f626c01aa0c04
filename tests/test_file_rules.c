/* Every rule of the flat file has a file that breaks it here, made by hand from the known one, with
 * right checksums: its status, position and node are what the loader says. */
#include "file_fixture.h"

#include "file/load.h"

enum {
    ANYWHERE = 99, /* the position is not looked at */
    GRAPH = INFER__SECTION_GRAPH,
    WEIGHTS = INFER__SECTION_WEIGHTS,
    NAMES = INFER__SECTION_NAMES,
    LABELS = INFER__SECTION_LABELS
};

#define OK INFER_OK
#define FORMAT INFER_ERROR_FORMAT
#define LIMIT INFER_ERROR_LIMIT
#define UNSUPPORTED INFER_ERROR_UNSUPPORTED
#define VERSION INFER_ERROR_VERSION

/* One field changed. Positions count from a section, or from the file's start where that is 0. */
struct rule {
    const char *what;
    uint32_t section;
    size_t at, width;
    uint64_t value;
    infer_status status;
    uint32_t blamed_section;
    size_t blamed;
    const char *node;
};

/* Sections of the known file: graph, weights, names, labels, preprocessing, meta. */
#define ENTRY(i) (64 + 32 * (i))

static const struct rule rules[] = {
    {"magic, first byte", 0, 0, 1, 0x09, FORMAT, 0, 0, ""},
    {"magic, letters", 0, 1, 1, 'i', FORMAT, 0, 0, ""},
    {"magic, line end", 0, 4, 2, 0x0A0A, FORMAT, 0, 0, ""},
    {"major 0", 0, 16, 2, 0, VERSION, 0, 16, ""},
    {"major 2", 0, 16, 2, 2, VERSION, 0, 16, ""},
    {"minor 1", 0, 18, 2, 1, VERSION, 0, 16, ""},
    {"no sections", 0, 20, 4, 0, FORMAT, 0, 64, ""},
    {"one section less", 0, 20, 4, 5, FORMAT, 0, ENTRY(5), ""},
    {"one section more", 0, 20, 4, 7, FORMAT, 0, ENTRY(0) + 8, ""},
    {"more sections than fit", 0, 20, 4, 0xFFFFFFFF, FORMAT, 0, 20, ""},
    {"another file size", 0, 24, 8, 1 << 20, FORMAT, 0, 24, ""},
    {"reserved, first byte", 0, 32, 1, 1, FORMAT, 0, 32, ""},
    {"reserved, last byte", 0, 63, 1, 1, FORMAT, 0, 32, ""},

    {"kind 0", 0, ENTRY(0), 4, 0, FORMAT, 0, ENTRY(0), ""},
    {"a kind twice", 0, ENTRY(1), 4, GRAPH, FORMAT, 0, ENTRY(1), ""},
    {"a kind out of order", 0, ENTRY(2), 4, GRAPH, FORMAT, 0, ENTRY(2), ""},
    {"an unknown optional kind", 0, ENTRY(5), 4, 0xFFFFFFFF, OK, 0, 0, ""},
    {"an unknown needed kind", 0, ENTRY(5) + 4, 4, 0, UNSUPPORTED, 0, ENTRY(5), ""},
    {"an unknown flag", 0, ENTRY(5) + 4, 4, 3, UNSUPPORTED, 0, ENTRY(5) + 4, ""},
    {"the graph is optional", 0, ENTRY(0) + 4, 4, 1, FORMAT, 0, ENTRY(0) + 4, ""},
    {"a section too late", 0, ENTRY(0) + 8, 8, 320, FORMAT, 0, ENTRY(0) + 8, ""},
    {"a section on another", 0, ENTRY(1) + 8, 8, 256, FORMAT, 0, ENTRY(1) + 8, ""},
    {"a section not aligned", 0, ENTRY(0) + 8, 8, 257, FORMAT, 0, ENTRY(0) + 8, ""},
    {"an empty section", 0, ENTRY(5) + 16, 8, 0, FORMAT, 0, ENTRY(5) + 16, ""},
    {"a section past the end", 0, ENTRY(5) + 16, 8, 6, FORMAT, 0, ENTRY(5) + 16, ""},
    {"a section of 2^64 - 1 bytes", 0, ENTRY(5) + 16, 8, UINT64_MAX, FORMAT, 0, ENTRY(5) + 16, ""},
    {"bytes between sections", GRAPH, GRAPH_END, 1, 1, FORMAT, GRAPH, GRAPH_END, ""},

    {"values past the limit", GRAPH, 0, 4, 0xFFFFFFFF, LIMIT, GRAPH, 0, ""},
    {"nodes past the limit", GRAPH, 4, 4, 0xFFFFFFFF, LIMIT, GRAPH, 4, ""},
    {"one value more", GRAPH, 0, 4, 7, FORMAT, ANYWHERE, 0, ""},
    {"one value less", GRAPH, 0, 4, 5, FORMAT, ANYWHERE, 0, ""},
    {"inputs that do not fit", GRAPH, 8, 4, 0xFFFFFFFF, FORMAT, GRAPH, INPUTS, ""},
    {"no outputs", GRAPH, 12, 4, 0, FORMAT, GRAPH, 12, ""},
    {"attributes that do not fit", GRAPH, 16, 4, 0xFFFFFFFF, FORMAT, GRAPH, ATTR_ALPHA, ""},
    {"integers that do not fit", GRAPH, 20, 4, 0xFFFFFFFF, FORMAT, GRAPH, INTS, ""},
    {"floats that do not fit", GRAPH, 24, 4, 0xFFFFFFFF, FORMAT, GRAPH, FLOATS, ""},
    {"references that do not fit", GRAPH, 28, 4, 0xFFFFFFFF, FORMAT, GRAPH, REFS, ""},
    {"fewer references", GRAPH, 28, 4, 7, FORMAT, GRAPH, GRAPH_END - 4, ""},
    {"size of values", GRAPH, 32, 2, 104, FORMAT, GRAPH, 32, ""},
    {"size of nodes", GRAPH, 34, 2, 0, FORMAT, GRAPH, 32, ""},
    {"size of attributes", GRAPH, 36, 2, 16, FORMAT, GRAPH, 32, ""},
    {"reserved of the graph", GRAPH, 38, 2, 1, FORMAT, GRAPH, 0, ""},
    {"reserved of the graph, end", GRAPH, 63, 1, 1, FORMAT, GRAPH, 0, ""},

    {"name too far", GRAPH, VALUE_X, 4, 1, FORMAT, GRAPH, VALUE_X, ""},
    {"name inside a string", GRAPH, VALUE_W, 4, 1, FORMAT, GRAPH, VALUE_W, ""},
    {"name shared, its own left out", GRAPH, VALUE_W, 4, 0, FORMAT, GRAPH, VALUE_B, ""},
    {"name of the last node shared", GRAPH, NODE_JOIN + 4, 4, 0, FORMAT, NAMES, 20, ""},
    {"unknown type", GRAPH, VALUE_X + 4, 1, 14, UNSUPPORTED, GRAPH, VALUE_X + 4, ""},
    {"input without type", GRAPH, VALUE_X + 4, 1, 0, FORMAT, GRAPH, VALUE_X + 4, ""},
    {"constant without type", GRAPH, VALUE_W + 4, 1, 0, FORMAT, GRAPH, VALUE_W + 4, ""},
    {"rank 9", GRAPH, VALUE_X + 5, 1, 9, FORMAT, GRAPH, VALUE_X + 5, ""},
    {"rank 255", GRAPH, VALUE_W + 5, 1, 255, FORMAT, GRAPH, VALUE_W + 5, ""},
    {"rank without type", GRAPH, VALUE_Y + 4, 1, 0, FORMAT, GRAPH, VALUE_Y + 5, ""},
    {"kind 3", GRAPH, VALUE_X + 6, 1, 3, FORMAT, GRAPH, VALUE_X + 6, ""},
    {"reserved byte of a value", GRAPH, VALUE_X + 7, 1, 1, FORMAT, GRAPH, VALUE_X, ""},
    {"reserved word of a value", GRAPH, VALUE_X + 12, 4, 1, FORMAT, GRAPH, VALUE_X, ""},
    {"free beyond rank", GRAPH, VALUE_X + 8, 4, 0x14, FORMAT, GRAPH, VALUE_X + 8, ""},
    {"free beyond any rank", GRAPH, VALUE_X + 8, 4, 0x80000004, FORMAT, GRAPH, VALUE_X + 8, ""},
    {"free but not 0", GRAPH, VALUE_X + 8, 4, 5, FORMAT, GRAPH, VALUE_X + 32, ""},
    {"free constant", GRAPH, VALUE_W + 8, 4, 1, FORMAT, GRAPH, VALUE_W + 8, ""},
    {"negative dimension", GRAPH, VALUE_X + 40, 8, UINT64_MAX, FORMAT, GRAPH, VALUE_X + 40, ""},
    {"dimension beyond rank", GRAPH, VALUE_X + 88, 8, 1, FORMAT, GRAPH, VALUE_X + 88, ""},
    {"input of 2^62 x 12 elements", GRAPH, VALUE_X + 32, 8, UINT64_C(1) << 62, LIMIT, GRAPH,
     VALUE_X + 32, ""},
    {"input of 2^30 x 12 elements", GRAPH, VALUE_X + 32, 8, 1 << 30, LIMIT, GRAPH, VALUE_X + 32,
     ""},
    {"output with a dimension of 2^31", GRAPH, VALUE_Y + 40, 8, UINT64_C(1) << 31, LIMIT, GRAPH,
     VALUE_Y + 32, ""},
    {"output of 2^62 elements", GRAPH, VALUE_Y + 40, 8, UINT64_C(1) << 62, LIMIT, GRAPH,
     VALUE_Y + 32, ""},
    {"input with an offset", GRAPH, VALUE_X + 16, 8, 64, FORMAT, GRAPH, VALUE_X + 16, ""},
    {"input with bytes", GRAPH, VALUE_X + 24, 8, 48, FORMAT, GRAPH, VALUE_X + 16, ""},
    {"constant, bytes less", GRAPH, VALUE_W + 24, 8, 11, FORMAT, GRAPH, VALUE_W + 16, ""},
    {"constant, bytes more", GRAPH, VALUE_W + 24, 8, 13, FORMAT, GRAPH, VALUE_W + 16, ""},
    {"constant, another shape", GRAPH, VALUE_W + 32, 8, 4, FORMAT, GRAPH, VALUE_W + 16, ""},
    {"constant, another type of the same size", GRAPH, VALUE_W + 4, 1, INFER_S32, OK, 0, 0, ""},
    {"constant too late", GRAPH, VALUE_W + 16, 8, 64, FORMAT, GRAPH, VALUE_W + 16, ""},
    {"constant on another", GRAPH, VALUE_B + 16, 8, 0, FORMAT, GRAPH, VALUE_B + 16, ""},
    {"constant not aligned", GRAPH, VALUE_B + 16, 8, 12, FORMAT, GRAPH, VALUE_B + 16, ""},
    {"constant of 2^64 bytes", GRAPH, VALUE_W + 32, 8, UINT64_C(1) << 62, LIMIT, GRAPH,
     VALUE_W + 16, ""},
    {"constant of 4 GiB", GRAPH, VALUE_W + 32, 8, 1 << 30, LIMIT, GRAPH, VALUE_W + 16, ""},
    {"a bool of 2", WEIGHTS, 64, 1, 2, FORMAT, WEIGHTS, 64, ""},
    {"a bool of 255", WEIGHTS, 65, 1, 255, FORMAT, WEIGHTS, 65, ""},
    {"bytes between constants", WEIGHTS, 63, 1, 1, FORMAT, WEIGHTS, 12, ""},
    {"inner value with a type", GRAPH, VALUE_S + 4, 1, 1, FORMAT, GRAPH, VALUE_S, ""},
    {"constant as a node's value", GRAPH, VALUE_W + 6, 1, 0, FORMAT, GRAPH, VALUE_W + 16, ""},
    {"an input not listed", GRAPH, VALUE_S + 4, 4, 0x10001, FORMAT, GRAPH, 0, ""},

    {"operator 0", GRAPH, NODE_ADD, 2, 0, UNSUPPORTED, GRAPH, NODE_ADD, "add"},
    {"operator 65535", GRAPH, NODE_ADD, 2, 65535, UNSUPPORTED, GRAPH, NODE_ADD, "add"},
    {"the plan's operator", GRAPH, NODE_LRN, 2, INFER__OP_SILU, FORMAT, GRAPH, NODE_LRN, "lrn"},
    {"too few inputs", GRAPH, NODE_LRN, 2, INFER__OP_WHERE, FORMAT, GRAPH, NODE_LRN, "lrn"},
    {"attributes move to another node", GRAPH, NODE_ADD + 2, 2, 1, FORMAT, GRAPH, ATTR_AXIS, ""},
    {"65535 attributes", GRAPH, NODE_ADD + 2, 2, 65535, FORMAT, GRAPH, NODE_ADD + 2, ""},
    {"an attribute is left over", GRAPH, NODE_LRN + 2, 2, 1, FORMAT, GRAPH, ATTR_AXIS, ""},
    {"inputs run out", GRAPH, NODE_ADD + 8, 4, 3, FORMAT, GRAPH, NODE_JOIN + 12, ""},
    {"2^32 - 1 inputs", GRAPH, NODE_ADD + 8, 4, 0xFFFFFFFF, FORMAT, GRAPH, NODE_ADD + 8, ""},
    {"2^32 - 1 outputs", GRAPH, NODE_ADD + 12, 4, 0xFFFFFFFF, FORMAT, GRAPH, NODE_ADD + 12, ""},
    {"a reference is left over", GRAPH, NODE_JOIN + 12, 4, 0, FORMAT, GRAPH, INPUTS - 4, ""},
    {"attribute 0", GRAPH, ATTR_ALPHA, 2, 0, FORMAT, GRAPH, ATTR_ALPHA, ""},
    {"attributes not in order", GRAPH, ATTR_SIZE, 2, 1, FORMAT, GRAPH, ATTR_SIZE, ""},
    {"unknown attribute", GRAPH, ATTR_SIZE, 2, 65535, UNSUPPORTED, GRAPH, NODE_LRN, "lrn"},
    {"another node's attribute", GRAPH, ATTR_AXIS, 2, INFER__ATTR_GROUP, FORMAT, GRAPH, NODE_JOIN,
     "join"},
    {"attribute of no type", GRAPH, ATTR_ALPHA + 2, 2, 0, FORMAT, GRAPH, ATTR_ALPHA + 2, ""},
    {"attribute of type 3", GRAPH, ATTR_ALPHA + 2, 2, 3, FORMAT, GRAPH, ATTR_ALPHA + 2, ""},
    {"integers run out", GRAPH, ATTR_ALPHA + 2, 2, 1, FORMAT, GRAPH, ATTR_AXIS + 4, ""},
    {"floats run out", GRAPH, ATTR_ALPHA + 4, 4, 2, FORMAT, GRAPH, ATTR_ALPHA + 4, ""},
    {"2^32 - 1 integers", GRAPH, ATTR_AXIS + 4, 4, 0xFFFFFFFF, FORMAT, GRAPH, ATTR_AXIS + 4, ""},
    {"an integer is left over", GRAPH, ATTR_AXIS + 4, 4, 0, FORMAT, GRAPH, INTS + 8, ""},
    {"a float is left over", GRAPH, ATTR_ALPHA + 4, 4, 0, FORMAT, GRAPH, FLOATS, ""},
    {"input past the values", GRAPH, REFS, 4, 7, FORMAT, GRAPH, NODE_ADD, "add"},
    {"input 2^32 - 1", GRAPH, REFS, 4, 0xFFFFFFFF, FORMAT, GRAPH, NODE_ADD, "add"},
    {"input missing", GRAPH, REFS, 4, 0, FORMAT, GRAPH, NODE_ADD, "add"},
    {"a cycle", GRAPH, REFS, 4, 6, FORMAT, GRAPH, NODE_ADD, "add"},
    {"a node's own output", GRAPH, REFS, 4, 4, FORMAT, GRAPH, NODE_ADD, "add"},
    {"output past the values", GRAPH, REFS + 8, 4, 7, FORMAT, GRAPH, NODE_ADD, "add"},
    {"output missing", GRAPH, REFS + 8, 4, 0, FORMAT, GRAPH, NODE_ADD, "add"},
    {"output is the graph's input", GRAPH, REFS + 8, 4, 1, FORMAT, GRAPH, NODE_ADD, "add"},
    {"two producers", GRAPH, REFS + 16, 4, 4, FORMAT, GRAPH, NODE_LRN, "lrn"},
    {"a constant that nothing uses", GRAPH, REFS + 24, 4, 5, FORMAT, GRAPH, VALUE_B, ""},
    {"graph input past the values", GRAPH, INPUTS, 4, 7, FORMAT, GRAPH, 0, ""},
    {"graph input 0", GRAPH, INPUTS, 4, 0, FORMAT, GRAPH, 0, ""},
    {"graph input is a constant", GRAPH, INPUTS, 4, 2, FORMAT, GRAPH, 0, ""},
    {"graph output past the values", GRAPH, OUTPUTS, 4, 7, FORMAT, GRAPH, 0, ""},
    {"graph output 0", GRAPH, OUTPUTS, 4, 0, FORMAT, GRAPH, 0, ""},
    {"declared but no output", GRAPH, OUTPUTS, 4, 5, FORMAT, GRAPH, VALUE_Y, ""},

    {"escape in a name", NAMES, 0, 1, 0x1B, FORMAT, NAMES, 0, ""},
    {"delete in a name", NAMES, 0, 1, 0x7F, FORMAT, NAMES, 0, ""},
    {"half a character in a name", NAMES, 0, 1, 0xC3, FORMAT, NAMES, 0, ""},
    {"last name without end", NAMES, 24, 1, 'x', FORMAT, NAMES, 25, ""},
    {"no labels", LABELS, 0, 4, 0, FORMAT, LABELS, 0, ""},
    {"a label less", LABELS, 0, 4, 1, FORMAT, LABELS, 12, ""},
    {"a label more", LABELS, 0, 4, 3, FORMAT, LABELS, 17, ""},
    {"2^32 - 1 labels", LABELS, 0, 4, 0xFFFFFFFF, FORMAT, LABELS, 0, ""},
    {"reserved of the labels", LABELS, 4, 4, 1, FORMAT, LABELS, 4, ""},
    {"label without end", LABELS, 16, 1, 'x', FORMAT, LABELS, 17, ""},
};

static void check(const char *what, const struct bytes *b, infer_status status, uint64_t offset,
                  const char *node)
{
    infer_model *m;
    infer_error err;
    infer_status got = infer_load_memory(b->data, b->size, NULL, &m, &err);
    if (got != status)
        fail_msg("%s: %s, not %s: %s", what, infer_status_name(got), infer_status_name(status),
                 err.message);
    if (got != INFER_OK && offset != UINT64_MAX && err.offset != offset)
        fail_msg("%s: blames byte %llu, not %llu: %s", what, (unsigned long long)err.offset,
                 (unsigned long long)offset, err.message);
    if (strcmp(err.node, node))
        fail_msg("%s: blames node '%s', not '%s': %s", what, err.node, node, err.message);
    if (m)
        touch_model(m);
    infer_model_free(&m);
}

static void test_one_field(void **state)
{
    struct bytes b = known_file();
    size_t size;
    (void)state;
    check("unchanged", &b, INFER_OK, 0, "");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        struct bytes c = {exact_copy(b.data, b.size), b.size};
        size_t at = r->at + (r->section ? section_at(b.data, r->section, &size) : 0);
        uint64_t blamed = r->blamed;
        if (r->blamed_section == ANYWHERE)
            blamed = UINT64_MAX;
        else if (r->blamed_section)
            blamed += section_at(b.data, r->blamed_section, &size);
        assert_true(at + r->width <= b.size);
        put_le(c.data + at, r->width, r->value);
        reseal(c.data, c.size);
        check(r->what, &c, r->status, blamed, r->node);
        free(c.data);
    }
    printf("%zu hand-made files\n", sizeof rules / sizeof *rules);
    free(b.data);
}

static void test_checksums(void **state)
{
    struct bytes b = known_file();
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m;
    infer_error err;
    size_t size, at;
    (void)state;
    b.data[8] ^= 1;
    check("sum of the header", &b, INFER_ERROR_CHECKSUM, 8, "");
    b.data[8] ^= 1;
    for (uint32_t kind = INFER__SECTION_GRAPH; kind <= INFER__SECTION_PREPROCESS; kind++) {
        at = section_at(b.data, kind, &size);
        b.data[at] ^= 1;
        check("sum of a section", &b, INFER_ERROR_CHECKSUM, at, "");
        b.data[at] ^= 1;
    }
    o.skip_weight_check = 1;
    at = section_at(b.data, WEIGHTS, &size);
    b.data[at] ^= 1;
    assert_int_equal(infer_load_memory(b.data, b.size, &o, &m, &err), INFER_OK);
    infer_model_free(&m);
    at = section_at(b.data, NAMES, &size);
    b.data[at] ^= 1;
    assert_int_equal(infer_load_memory(b.data, b.size, &o, &m, &err), INFER_ERROR_CHECKSUM);
    free(b.data);
}

/* A failure that no node is to blame for is not put down to a node without a name. */
static void test_nameless_node(void **state)
{
    struct known k;
    size_t size;
    (void)state;
    make_known(&k);
    k.g.nodes[1].name = "";
    struct bytes b = write_exact(&k.content);
    size_t graph = section_at(b.data, GRAPH, &size);
    put_le(b.data + graph + INPUTS, 4, 2);
    reseal(b.data, b.size);
    check("a nameless node, a wrong input", &b, FORMAT, graph, "");
    infer__region_free(&k.region);
    free(b.data);
}

/* A file changed on its way is told from one that never was a libinfer file. */
static void test_magic_messages(void **state)
{
    struct bytes b = known_file();
    infer_model *m;
    infer_error err;
    (void)state;
    b.data[4] = '\n';
    assert_int_equal(infer_load_memory(b.data, b.size, NULL, &m, &err), INFER_ERROR_FORMAT);
    assert_non_null(strstr(err.message, "transfer as text"));
    b.data[1] = 'P';
    assert_int_equal(infer_load_memory(b.data, b.size, NULL, &m, &err), INFER_ERROR_FORMAT);
    assert_non_null(strstr(err.message, "not a libinfer file"));
    free(b.data);
}

/* ---- sections of other sizes, missing and repeated ------------------------------------------ */

static void check_parts(const char *what, const struct parts *p, infer_status status)
{
    struct bytes b = put_together(p);
    check(what, &b, status, UINT64_MAX, "");
    free(b.data);
}

static void remove_part(struct parts *p, size_t i)
{
    free(p->part[i].data);
    memmove(&p->part[i], &p->part[i + 1], (p->n - i - 1) * sizeof p->part[0]);
    p->n--;
}

static void test_missing_sections(void **state)
{
    size_t size;
    struct bytes b = known_file();
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct parts p = take_apart(&b);
        uint32_t kind = p.part[i].kind;
        remove_part(&p, i);
        struct bytes c = put_together(&p);
        if (kind == WEIGHTS) /* the first constant passes its end */
            check("weights missing", &c, FORMAT, section_at(c.data, GRAPH, &size) + VALUE_W + 16,
                  "");
        else
            check("a section is missing", &c, kind > NAMES ? OK : FORMAT, 64, "");
        free(c.data);
        free_parts(&p);
    }
    free(b.data);
}

static void test_repeated_sections(void **state)
{
    struct bytes b = known_file();
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct parts p = take_apart(&b);
        memmove(&p.part[i + 1], &p.part[i], (p.n - i) * sizeof p.part[0]);
        p.part[i].data = exact_copy(p.part[i].data, p.part[i].size);
        p.n++;
        check_parts("a section stands twice", &p,
                    p.part[i].kind == INFER__SECTION_META ? INFER_OK : INFER_ERROR_FORMAT);
        free_parts(&p);
    }
    free(b.data);
}

/* Every length of the sections that the loader reads, up to 70 bytes more. The added bytes are 0,
 * then 'a' with a final 0. */
static void test_resized_sections(void **state)
{
    struct bytes b = known_file();
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct parts p = take_apart(&b);
        struct part *part = &p.part[i];
        size_t right = part->size;
        unsigned char *data = calloc(1, 4096);
        memcpy(data, part->data, right);
        free(part->data);
        part->data = data;
        for (part->size = 0; part->size < right + 70; part->size++)
            check_parts("resized", &p, part->size == right ? INFER_OK : INFER_ERROR_FORMAT);
        assert_true(data && right + 70 < 4096);
        for (size_t k = right; k < right + 69; k++)
            data[k] = 'a';
        for (part->size = right + 1; part->size <= right + 70; part->size++)
            check_parts("resized", &p, INFER_ERROR_FORMAT);
        free_parts(&p);
    }
    free(b.data);
}

static void test_trailing_bytes(void **state)
{
    struct bytes b = known_file();
    (void)state;
    for (size_t more = 1; more <= 128; more++) {
        struct bytes c = {calloc(1, b.size + more), b.size + more};
        unsigned char *exact;
        memcpy(c.data, b.data, b.size);
        put_le(c.data + 24, 8, c.size);
        reseal(c.data, c.size);
        exact = exact_copy(c.data, c.size);
        free(c.data);
        c.data = exact;
        check("trailing bytes", &c, INFER_ERROR_FORMAT, b.size, "");
        free(c.data);
    }
    free(b.data);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void test_text(void **state)
{
    static const struct {
        const char *text;
        int valid;
    } t[] = {{"", 1},
             {"plain ~", 1},
             {"\xC2\xA0", 1},             /* the first that is no control character */
             {"\xDF\xBF\xE0\xA0\x80", 1}, /* ends of the ranges of 2 and 3 bytes */
             {"\xED\x9F\xBF\xEE\x80\x80", 1},
             {"\xEF\xBF\xBF\xF0\x90\x80\x80", 1},
             {"\xF4\x8F\xBF\xBF", 1},
             {"\x01", 0},
             {"\t", 0},
             {"\n", 0},
             {"\x1F", 0},
             {"\x7F", 0},
             {"\x80", 0},
             {"\xBF", 0},
             {"\xC2\x80", 0}, /* control characters of Latin 1 */
             {"\xC2\x9F", 0},
             {"\xC0\x80", 0}, /* overlong */
             {"\xC1\xBF", 0},
             {"\xE0\x9F\xBF", 0},
             {"\xF0\x8F\xBF\xBF", 0},
             {"\xED\xA0\x80", 0}, /* surrogates */
             {"\xED\xBF\xBF", 0},
             {"\xF4\x90\x80\x80", 0}, /* beyond U+10FFFF */
             {"\xF5\x80\x80\x80", 0},
             {"\xF8\xA0\x80\x80", 0}, /* no first byte, though its low bits make a character */
             {"\xFF", 0},
             {"\xC3", 0}, /* cut */
             {"\xE2\x82", 0},
             {"\xF0\x9F\x90", 0},
             {"\xE2\x28\xA1", 0}, /* no continuation */
             {"\xE2\x82\x28", 0},
             {"\xC3\xC3", 0}};
    struct known k;
    (void)state;
    /* a character that goes on behind the end counts for nothing, whatever stands there */
    assert_int_equal(infer__text_length((const unsigned char *)"a\xC3\xA4", 2), 1);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        void *bytes;
        size_t size;
        infer_error err;
        infer_allocator a = infer__allocator(NULL);
        make_known(&k);
        k.labels[0] = t[i].text;
        infer_status status = infer__file_write(&k.content, NULL, &bytes, &size, &err);
        if (status != (t[i].valid ? INFER_OK : INFER_ERROR_FORMAT))
            fail_msg("text %zu: %s", i, err.message);
        infer__free(&a, bytes);
        infer__region_free(&k.region);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_field),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_missing_sections),
        cmocka_unit_test(test_repeated_sections),
        cmocka_unit_test(test_resized_sections),
        cmocka_unit_test(test_trailing_bytes),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_magic_messages),
        cmocka_unit_test(test_nameless_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
