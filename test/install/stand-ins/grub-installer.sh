#!/bin/sh
# Stands in for the one that installs GRUB: on the disk that the answers name, with what the command line has behind its dashes.
set -e
trap 'echo "stand-in: $0 ended with $?" > /dev/console' EXIT
. /usr/share/debconf/confmodule
db_get grub-installer/bootdev
disk=$RET
parameters=$(user-params | tr '\n' ' ')
log-output -t grub-installer apt-install --no-recommends grub-pc-bin grub2-common
mkdir -p /target/boot/grub
cat > /target/etc/default/grub << END
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX="${parameters% }"
END
# As the real one does: a machine with a serial console may have no screen, and GRUB waits for ever on one that is not there.
port=$(echo "$parameters" | sed -n 's/.*console=ttyS\([0-9]*\).*/\1/p')
if [ -n "$port" ]; then
  cat >> /target/etc/default/grub << END
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --unit=$port --speed=9600 --stop=1"
END
fi
log-output -t grub-installer in-target grub-install "$disk"
log-output -t grub-installer in-target update-grub
