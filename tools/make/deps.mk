# Packages: installed only where missing (see packages.txt).
INSTALL_PACKAGES := tools/make/install-packages.sh

deps:
	@$(INSTALL_PACKAGES) build
