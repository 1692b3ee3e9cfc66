#!/bin/sh
# Stands in for the partitioner: one partition over the whole disk that the answers name, ext4, mounted where the next steps look.
set -e
trap 'echo "stand-in: $0 ended with $?" > /dev/console' EXIT
. /usr/share/debconf/confmodule
preseed_command partman/early_command
depmod -a || true
for module in virtio_pci virtio_blk ext4; do modprobe "$module" || true; done
update-dev
db_get partman-auto/disk
disk=$RET
[ -b "$disk" ] || { echo "stand-in: $disk is no disk" > /dev/console; exit 1; }
echo '2048,,L,*' | log-output -t partman sfdisk --label dos "$disk"
update-dev
log-output -t partman mke2fs -q -F -t ext4 "${disk}1"
mkdir -p /target
mount -t ext4 "${disk}1" /target
mkdir -p /target/etc
echo "${disk}1 / ext4 errors=remount-ro 0 1" > /target/etc/fstab
