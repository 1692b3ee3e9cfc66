#!/bin/sh
# What the component of this name does at this point; its programs are those of the package of the same source.
set -e
trap 'echo "stand-in: $0 ended with $?" > /dev/console' EXIT
user-setup-ask /target
