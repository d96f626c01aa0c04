# The demo: from the bundled ONNX models and pictures to answers. Its own `make` runs after the
# packages are there, since what is built depends on them.
demo: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) examples/demo.sh
