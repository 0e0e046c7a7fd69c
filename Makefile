# Every target brings what it needs (Node, packages) by itself; npm start and npm test do the same.
LAUNCH := node scripts/setup/launch.mjs
targets := help setup run test test-slow test-matrix lint format build bench bench-large clean

.PHONY: $(targets)

$(targets):
	@exec $(LAUNCH) $@ $(ARGS)

# An unknown target: says what there is, and fails.
.DEFAULT:
	@exec $(LAUNCH) $@
