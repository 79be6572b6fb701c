#include "timeout.h"

#include <inttypes.h>
#include <stdio.h>

enum { DIGITS_MAX = 8, LARGEST = 99999999 };

/* Nanoseconds per unit; 99999999H is 3.6e20 ns, so hours and minutes are handled in ms. */
static bool to_ms(uint64_t number, uint8_t unit, uint64_t *ms) {
    switch (unit) {
    case 'H':
        *ms = number * 3600000;
        return true;
    case 'M':
        *ms = number * 60000;
        return true;
    case 'S':
        *ms = number * 1000;
        return true;
    case 'm':
        *ms = number;
        return true;
    case 'u':
        *ms = (number + 999) / 1000;
        return true;
    case 'n':
        *ms = (number + 999999) / 1000000;
        return true;
    default:
        return false;
    }
}

bool bw_timeout_parse(struct bw_span text, uint64_t *timeout_ms) {
    uint64_t number;
    if (text.len < 2 || text.len > DIGITS_MAX + 1)
        return false;
    return bw_span_to_u64(bw_span_of(text.data, text.len - 1), LARGEST, &number) &&
           to_ms(number, text.data[text.len - 1], timeout_ms);
}

size_t bw_timeout_format(uint64_t timeout_ms, char out[BW_TIMEOUT_TEXT_MAX]) {
    static const struct {
        uint64_t ms;
        char unit;
    } units[] = {{1, 'm'}, {1000, 'S'}, {60000, 'M'}, {3600000, 'H'}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t number = timeout_ms / units[i].ms + (timeout_ms % units[i].ms != 0);
        if (number <= LARGEST)
            return (size_t)snprintf(out, BW_TIMEOUT_TEXT_MAX, "%" PRIu32 "%c", (uint32_t)number,
                                    units[i].unit);
    }
    return (size_t)snprintf(out, BW_TIMEOUT_TEXT_MAX, "%dH", LARGEST);
}
