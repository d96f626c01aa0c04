#include "tools/serve/server.h"

const struct route page_routes[] = {{NULL, NULL, NULL}};
