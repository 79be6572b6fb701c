/* ids.h: the tickets of a script, by the id that the script gives them. */
#ifndef SIM_IDS_H
#define SIM_IDS_H

#include <breakwire/breaker.h>

struct ids; /* opaque */

struct ids *ids_new(void); /* NULL: no memory */
void ids_free(struct ids *ids);

/* The ticket of `id`, or NULL. The integer 1 and the text "1" are two ids. */
struct bw_ticket *ids_find(struct ids *ids, const char *id, bool is_number);
/* The same, made when there is none: {0}. NULL: no memory. Tickets found before may have moved. */
struct bw_ticket *ids_take(struct ids *ids, const char *id, bool is_number);

#endif
