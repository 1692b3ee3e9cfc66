#!/bin/sh
# Stands in for the last step: the scripts that other components left for it, then the reboot.
set -e
trap 'echo "stand-in: $0 ended with $?" > /dev/console' EXIT
. /usr/share/debconf/confmodule
for script in /usr/lib/finish-install.d/*; do
  [ -x "$script" ] || continue
  log-output -t finish-install "$script" || logger -t finish-install "$script ended with $?"
done
sync
for mounted in $(cut -d ' ' -f 2 /proc/mounts | grep -E '^(/target/|/dev/.static)' | sort -r); do umount "$mounted" || true; done
umount /target || mount -o remount,ro /target
echo 'stand-in: done, rebooting' > /dev/console
reboot -f
