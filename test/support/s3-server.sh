#!/usr/bin/env bash
# A real S3 server on loopback: Ceph's RADOS gateway on one OSD in memory. Prints "ready" when it answers, within
# seconds, and is gone with its files once its stdin ends, so that no way in which a test can die leaves it behind.
# Needs ceph, ceph-mon, ceph-osd and radosgw; no root.
# Usage: s3-server.sh MONITOR_PORT MONITOR_PORT_V1 S3_PORT ACCESS_KEY_ID SECRET_ACCESS_KEY
set -euo pipefail

dir=$(mktemp -d "${TMPDIR:-/tmp}/pigeonpost-s3-XXXXXX")
pids=()
end() {
  trap - EXIT
  # Else bash reports each that it ends.
  exec 2>/dev/null
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap end EXIT
trap 'exit 143' TERM INT HUP
mkdir "$dir"/{mon,osd,rgw,run}
fsid=$(cat /proc/sys/kernel/random/uuid)

cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon_initial_members = a
mon_host = [v2:127.0.0.1:$1/0,v1:127.0.0.1:$2/0]
public_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_class_load_list = *
osd_class_default_list = *
rgw_enable_lc_threads = false
rgw_enable_gc_threads = false
rgw_frontends = beast endpoint=127.0.0.1:$3
rgw_data = $dir/rgw
mon_data = $dir/mon
osd_data = $dir/osd
keyring = $dir/keyring
log_file = $dir/\$name.log
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file =
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_tick_interval = 1
osd_mon_report_interval = 1
osd_heartbeat_interval = 1
osd_pg_stat_report_interval_max = 1
osd_tick_interval = 0.1
CONF
export CEPH_CONF=$dir/ceph.conf
ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow *' --cap osd 'allow *' >/dev/null
monmaptool --create --addv a "[v2:127.0.0.1:$1,v1:127.0.0.1:$2]" --fsid "$fsid" "$dir/monmap" >/dev/null
ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring" >/dev/null 2>&1
ceph-mon -i a -f >/dev/null 2>&1 </dev/null &
pids+=($!)
osd=$(cat /proc/sys/kernel/random/uuid)
timeout 120 ceph osd new "$osd" >/dev/null </dev/null
timeout 120 ceph auth import -i "$dir/keyring" >/dev/null 2>&1 </dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>&1
timeout 120 ceph osd crush add osd.0 1.0 root=default host=localhost >/dev/null 2>&1 </dev/null
ceph-osd -i 0 -f >/dev/null 2>&1 </dev/null &
pids+=($!)
radosgw -n client.admin -f >/dev/null 2>&1 </dev/null &
pids+=($!)
for _ in $(seq 2400); do
  (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null && break
  sleep 0.05
done
radosgw-admin user create --uid=test --display-name=test --access-key="$4" --secret-key="$5" >/dev/null 2>&1 </dev/null
echo ready
cat >/dev/null
