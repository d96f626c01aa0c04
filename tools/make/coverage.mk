# make coverage: which lines of src/ and kernels/ the unit tests run, in a build of its own
# (BUILD-coverage); some minutes. build-coverage/report/index.html shows each line.
.PHONY: coverage
coverage:
	@$(INSTALL_PACKAGES) build test coverage
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(BUILD)-coverage COVERAGE=1 OPT=-O0 coverage-units
	@tools/make/coverage.sh $(BUILD)-coverage

# Units count on top of each other; those of an earlier state of the sources must not.
.PHONY: coverage-units
coverage-units: $(UNITS)
	@find $(BUILD) -name '*.gcda' -delete
	@tests/run_units.sh $(UNITS)
