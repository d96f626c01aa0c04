#include "tools/serve/server.h"

const struct route kserve_routes[] = {{NULL, NULL, NULL}};
