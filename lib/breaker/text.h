/* text.h: the values of parameters as text, both ways.
 *
 * The readers return false and leave `*out` alone when the whole text is not one such value. The writers
 * behave as snprintf. */
#ifndef BREAKER_TEXT_H
#define BREAKER_TEXT_H

#include <breakwire/breaker.h>

bool bw_text_read_integer(const char *text, uint64_t *out);
bool bw_text_read_number(const char *text, double *out);
bool bw_text_read_switch(const char *text, bool *out);
/* The place of `text` among words with spaces between. */
bool bw_text_read_choice(const char *text, const char *choices, int *out);
bool bw_text_read_codes(const char *text, uint32_t *out);
bool bw_text_read_weights(const char *text, uint8_t out[BW_BREAKER_CODES]);

/* Word number `index` of `choices`, as the arguments of "%.*s"; length 0 when there is none, as below 0. */
const char *bw_text_choice(const char *choices, int index, int *length);
int bw_text_write_codes(uint32_t mask, char *text, size_t size);
int bw_text_write_weights(const uint8_t weight[BW_BREAKER_CODES], char *text, size_t size);

#endif
