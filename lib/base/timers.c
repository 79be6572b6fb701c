#include <breakwire/timers.h>
