#include "tools/serve/server.h"

const struct route metrics_routes[] = {{NULL, NULL, NULL}};
