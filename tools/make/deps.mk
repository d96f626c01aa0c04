# Packages: installed only where missing (see packages.txt).
INSTALL_PACKAGES := tools/make/install-packages.sh
# As many jobs as processors, unless -j was given.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

deps:
	@$(INSTALL_PACKAGES) build
