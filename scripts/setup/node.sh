#!/bin/sh
# Prints the path of a Node that is new enough for Pigeonpost, bringing one into .tools if need be.
set -eu
exec node "$(dirname "$0")/launch.mjs" node
