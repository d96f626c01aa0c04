# The small programs that embed the library, and the tests that run them.
EXAMPLE_SRC := $(wildcard examples/*.c)
EXAMPLES    := $(EXAMPLE_SRC:examples/%.c=$(BUILD)/examples/%)

.PHONY: examples
examples: $(EXAMPLES)

$(BUILD)/examples/%: examples/%.c $(BUILD)/libinfer.a $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,CC)$(CC) -Iinclude $(CFLAGS) -o $@ $< $(BUILD)/libinfer.a $(LDLIBS)

# tests/check_cli.sh runs them, and uses the JSON checker of test_tool_cli.
run-checks: $(EXAMPLES) $(BUILD)/tests/test_tool_cli

# Ray and Dask on this machine; fetches them.
.PHONY: check-cluster
check-cluster: $(BUILD)/infer
	@BUILD=$(BUILD) sh tests/cluster.sh
