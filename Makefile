# Every target brings what it needs (Node, packages) by itself; npm start and npm test do the same.
LAUNCH := node scripts/setup/launch.mjs

.PHONY: setup run test test-matrix lint format build bench clean

setup run test test-matrix lint format build bench clean:
	@exec $(LAUNCH) $@ $(ARGS)
