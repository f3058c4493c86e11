#!/bin/sh
# The first process of the bench's guest. It runs on the host's files, read-only; what it writes is in memory.
# BENCH_RUNNER and what that wants come as parameters of the kernel's command line.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t tmpfs tmpfs /run
mount -t configfs configfs /sys/kernel/config
ip link set lo up
mkdir -p /run/bench/disk /run/tmp
# The daemon's state lies on a real file system, so that making it durable costs what it costs.
mount -t ext4 /dev/ubda /run/bench/disk || exit 1
cd /run/bench || exit 1
TMPDIR=/run/tmp HOME=/run/bench "$BENCH_RUNNER" 2>&1
# The runner has said how it went; a guest without its first process panics, so it is switched off instead.
umount /run/bench/disk
sync
exec "$BENCH_RUNNER" --power-off
