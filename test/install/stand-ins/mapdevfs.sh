#!/bin/sh
# Translated names of devfs, which is gone.
echo "$1"
