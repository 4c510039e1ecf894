#!/usr/bin/env bash
# boot.sh FOLDER CGROUP: the machine's systemd as the first process of namespaces of its own (which whoever calls this has
# made: pid, mount, net, uts, ipc), in a root in memory that has the machine's /usr, what FOLDER/etc holds, and nothing else.
set -eu
folder=$1 root=$1/root name=$2

mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir usr proc sys dev run tmp etc root home opt srv var var/lib var/log var/tmp cgroup
chmod 1777 tmp var/tmp
for part in bin sbin lib lib32 lib64 libx32; do
    if [ -L /$part ]; then
        cp -P /$part $part
    elif [ -d /$part ]; then
        mkdir $part
        mount --bind /$part $part
        mount -o remount,bind,ro $part
    fi
done
mount --bind /usr usr
mount -o remount,bind,ro usr
cp -a "$folder"/etc/. etc
cp -a "$folder"/opt/. opt
cp -a "$folder"/srv/. srv
cp /etc/ld.so.cache etc

# What else belongs to a machine is not begun, and none of its disks is looked at.
mkdir -p etc/systemd/system-generators
for generator in usr/lib/systemd/system-generators/* usr/local/lib/systemd/system-generators/*; do
    [ ! -e "$generator" ] || ln -s /dev/null "etc/systemd/system-generators/${generator##*/}"
done
for unit in usr/lib/systemd/system/*.wants/* usr/local/lib/systemd/system/*.wants/*; do
    case $unit in *.target | *'*'*) ;; *) ln -sf /dev/null "etc/systemd/system/${unit##*/}" ;; esac
done

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
while read -r device major minor; do
    mknod -m 666 dev/"$device" c "$major" "$minor"
done <<<"null 1 3
zero 1 5
random 1 8
urandom 1 9
full 1 7
tty 5 0"
mkdir dev/shm dev/pts
ln -s pts/ptmx dev/ptmx
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run

# A control group of its own is the root of what systemd sees. (A machine's may be of both versions; this takes the second.)
mount -t cgroup2 cgroup2 cgroup
mkdir "cgroup/$name"
echo 0 >"cgroup/$name/cgroup.procs"
umount cgroup
ip link set lo up
exec unshare --cgroup bash -euc 'mount -t cgroup2 cgroup2 sys/fs/cgroup
    pivot_root . cgroup
    cd /
    umount -l cgroup
    echo boots
    exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /usr/lib/systemd/systemd --unit=basic.target --log-target=console --show-status=no'
