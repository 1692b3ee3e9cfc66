#!/bin/sh
set -e
user-setup-apply /target
