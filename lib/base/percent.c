#include <breakwire/percent.h>
