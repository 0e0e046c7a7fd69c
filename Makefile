# Every target brings what it needs (Node, packages) by itself; npm start and npm test do the same.
LAUNCH := node scripts/setup/launch.mjs

.PHONY: setup run test test-matrix lint format build bench bench-large clean

setup run test test-matrix lint format build bench bench-large clean:
	@exec $(LAUNCH) $@ $(ARGS)
