#include <breakwire/span.h>
