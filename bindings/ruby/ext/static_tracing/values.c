/* SPDX-License-Identifier: MIT */
/*
 * Ruby's values as a probe's arguments: what each kind of argument takes, and its bits.
 */
#include "values.h"

#include <ruby/encoding.h>

#include <rst.h>

#include <string.h>

/* Which Ruby values a kind takes. */
enum takes {
    TAKES_INTEGER,
    TAKES_FLOAT,
    TAKES_BOOL,
    TAKES_STRING,
    TAKES_SYMBOL,
};

/* `min` is signed, `max` is not: together they bound every integer type. */
static const struct kind {
    const char *name; /* StaticTracing::Types has the same names */
    enum takes takes;
    bool single; /* a float of 4 bytes */
    bool nil;    /* nil is 0 */
    int64_t min;
    uint64_t max;
} kinds[] = {
    {"bool", TAKES_BOOL, .nil = true},
    {"int8", TAKES_INTEGER, .min = INT8_MIN, .max = INT8_MAX},
    {"int16", TAKES_INTEGER, .min = INT16_MIN, .max = INT16_MAX},
    {"int32", TAKES_INTEGER, .min = INT32_MIN, .max = INT32_MAX},
    {"int64", TAKES_INTEGER, .min = INT64_MIN, .max = INT64_MAX},
    {"uint8", TAKES_INTEGER, .max = UINT8_MAX},
    {"uint16", TAKES_INTEGER, .max = UINT16_MAX},
    {"uint32", TAKES_INTEGER, .max = UINT32_MAX},
    {"uint64", TAKES_INTEGER, .max = UINT64_MAX},
    {"float", TAKES_FLOAT, .single = true},
    {"double", TAKES_FLOAT},
    {"pointer", TAKES_INTEGER, .nil = true, .max = UINT64_MAX},
    {"string", TAKES_STRING, .nil = true},
    {"symbol", TAKES_SYMBOL, .nil = true},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct kind *find_kind(VALUE name)
{
    const char *wanted = rb_id2name(SYM2ID(name));

    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, wanted) == 0)
            return &kinds[i];
    rb_raise(rb_eArgError, "there is no kind of argument called %s", wanted);
}

static bool big_fits(const struct kind *kind, VALUE value, uint64_t *ret_bits)
{
    int sign = rb_integer_pack(value, ret_bits, 1, sizeof(*ret_bits), 0,
                               INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);

    if (sign > 0)
        return sign == 1 && *ret_bits <= kind->max;
    return sign == -1 && (int64_t)*ret_bits < 0 && (int64_t)*ret_bits >= kind->min;
}

static inline bool fixnum_fits(const struct kind *kind, VALUE value, uint64_t *ret_bits)
{
    long number = FIX2LONG(value);

    *ret_bits = (uint64_t)number;
    return number < 0 ? number >= kind->min : (uint64_t)number <= kind->max;
}

static bool integer_fits(const struct kind *kind, VALUE value, uint64_t *ret_bits)
{
    if (FIXNUM_P(value))
        return fixnum_fits(kind, value, ret_bits);
    return RB_TYPE_P(value, T_BIGNUM) && big_fits(kind, value, ret_bits);
}

/* An Integer that a double can't hold is refused: Ruby would warn, by a method of the program's. */
#define DOUBLE_BYTES 127

static bool is_float(VALUE value)
{
    if (RB_TYPE_P(value, T_BIGNUM))
        return rb_absint_size(value, NULL) <= DOUBLE_BYTES;
    return FIXNUM_P(value) || RB_FLOAT_TYPE_P(value);
}

bool value_fits(const struct kind *kind, VALUE value)
{
    uint64_t bits;

    if (NIL_P(value))
        return kind->nil;
    switch (kind->takes) {
    case TAKES_INTEGER:
        return integer_fits(kind, value, &bits);
    case TAKES_FLOAT:
        return is_float(value);
    case TAKES_BOOL:
        return value == Qtrue || value == Qfalse;
    case TAKES_STRING:
        return RB_TYPE_P(value, T_STRING);
    case TAKES_SYMBOL:
        return RB_SYMBOL_P(value);
    }
    return false;
}

static uint64_t float_bits(const struct kind *kind, VALUE value)
{
    double number = NUM2DBL(value);

    return kind->single ? RST_BITS((float)number) : RST_BITS(number);
}

/*
 * Most tracers read only memory that is resident. rst_probe_fire() asks the kernel to make it so,
 * because it can't know whether an address is one. A String's is: to read the pages on which its
 * beginning lies will do, and costs nothing.
 */
#define BEGINNING 1024 /* of longer texts, few tracers read more */

static inline void make_resident(VALUE string)
{
    const volatile char *bytes = RSTRING_PTR(string);
    long size = RSTRING_LEN(string);

    (void)bytes[0];
    (void)bytes[size < BEGINNING ? size : BEGINNING];
}

/*
 * Tracers read bytes up to a NUL. Strings that share another's bytes may lack one at their end, and
 * UTF-16 and UTF-32 are full of them: those two are copied.
 */
static int plain_encoding;

static VALUE readable(VALUE string)
{
    int index = RB_ENCODING_GET_INLINED(string);

    if (index != plain_encoding && !rb_enc_asciicompat(rb_enc_get(string)))
        string = rb_str_conv_enc(string, rb_enc_get(string), rb_utf8_encoding());
    if (RSTRING_PTR(string)[RSTRING_LEN(string)] != '\0')
        string = rb_str_new(RSTRING_PTR(string), RSTRING_LEN(string));
    return string;
}

/* What is fired for a value: for a String or Symbol a String that tracers can read, else itself. */
static VALUE value_to_fire(const struct kind *kind, VALUE value)
{
    if (NIL_P(value))
        return value;
    switch (kind->takes) {
    case TAKES_SYMBOL:
        return readable(rb_sym2str(value));
    case TAKES_STRING:
        return readable(value);
    default:
        return value;
    }
}

/* Runs no Ruby, so that addresses that were taken before stay valid. */
static uint64_t value_bits(const struct kind *kind, VALUE fired)
{
    uint64_t bits = 0;

    if (NIL_P(fired))
        return 0;
    switch (kind->takes) {
    case TAKES_INTEGER:
        integer_fits(kind, fired, &bits);
        return bits;
    case TAKES_FLOAT:
        return float_bits(kind, fired);
    case TAKES_BOOL:
        return RTEST(fired);
    case TAKES_SYMBOL:
    case TAKES_STRING:
        make_resident(fired);
        return RST_BITS(RSTRING_PTR(fired));
    }
    return bits;
}

/* Whether a String is fired as it is: readable() says which are not. */
static inline bool is_plain(VALUE value)
{
    return RB_TYPE_P(value, T_STRING) && RB_ENCODING_GET_INLINED(value) == plain_encoding &&
           RSTRING_PTR(value)[RSTRING_LEN(value)] == '\0';
}

/*
 * Most values are Integers, and most Strings are of UTF-8: they have their bits at once. Otherwise,
 * all Strings are made readable before the first address is taken: the first of UTF-16 makes Ruby
 * load a transcoder, and meanwhile other threads run and may change a String.
 */
int take_values(const struct kind *const *kinds, int count, const VALUE *values,
                volatile VALUE *ret_fired, uint64_t *ret_bits)
{
    bool others = false;

    for (int i = 0; i < count; i++) {
        const struct kind *kind = kinds[i];
        VALUE value = values[i];

        ret_fired[i] = value;
        if (kind->takes == TAKES_INTEGER && FIXNUM_P(value)) {
            if (!fixnum_fits(kind, value, &ret_bits[i]))
                return i;
        } else if (kind->takes == TAKES_STRING && is_plain(value)) {
            make_resident(value);
            ret_bits[i] = RST_BITS(RSTRING_PTR(value));
        } else {
            if (!value_fits(kind, value))
                return i;
            ret_fired[i] = value_to_fire(kind, value);
            others = true;
        }
    }
    for (int i = 0; others && i < count; i++)
        ret_bits[i] = value_bits(kinds[i], ret_fired[i]);
    return NO_VALUE;
}

void Init_values(void)
{
    plain_encoding = rb_utf8_encindex();
}
