/* exits.h: what the program ends with. */
#ifndef SIM_EXITS_H
#define SIM_EXITS_H

enum { EXIT_WELL = 0, EXIT_CANNOT_RUN = 1, EXIT_BAD_INPUT = 2, EXIT_BAD_CONFIGURATION = 78 };

#endif
