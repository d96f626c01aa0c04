# Tests: units (cmocka), real networks, ONNX's own backend tests, the tools as a user calls them.
test:
	@$(INSTALL_PACKAGES) build test
	@$(MAKE) --no-print-directory $(JOBS) run-tests

.PHONY: run-tests run-units run-checks
# One after the other, so that neither's lines and times are mixed with the other's.
run-tests:
	@$(MAKE) --no-print-directory run-units
	@$(MAKE) --no-print-directory run-checks

run-units: $(UNITS)
	@tests/run_units.sh $(UNITS)

run-checks: all $(BUILD)/bench/bare_http $(BUILD)/tests/test_tool_backend $(BUILD)/tests/serve_test $(BUILD)/tests/grpc_send
	@BUILD=$(BUILD) tests/run_checks.sh
