"""What daemons say: templates of log messages, with the severity that their content shows.

One line each: `component|severity|message`; severity is one of d i w e c. {kind} is a filler of fillers.py.
The last `HELD_OUT` share of each list is never trained on.
"""

DAEMON_MESSAGES = """
sshd|w|Failed password for {user} from {ip} port {port} ssh2
sshd|w|Failed password for invalid user {user} from {ip} port {port} ssh2
sshd|i|Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:{name}{hex12}
sshd|i|Accepted password for {user} from {ip} port {port} ssh2
sshd|w|Invalid user {user} from {ip} port {port}
sshd|i|Connection closed by {ip} port {port} [preauth]
sshd|i|Received disconnect from {ip} port {port}:11: disconnected by user
sshd|i|Disconnected from user {user} {ip} port {port}
sshd|i|pam_unix(sshd:session): session opened for user {user}(uid={nnn}) by (uid=0)
sshd|i|pam_unix(sshd:session): session closed for user {user}
sshd|w|pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={user}
sshd|e|error: kex_exchange_identification: Connection closed by remote host
sshd|e|error: maximum authentication attempts exceeded for {user} from {ip} port {port} ssh2 [preauth]
sshd|i|Server listening on 0.0.0.0 port 22.
sshd|c|fatal: Cannot bind any address.
sshd|e|error: Could not load host key: {path}
sshd|w|banner exchange: Connection from {ip} port {port}: invalid format
systemd|i|Started {service} - {phrase}.
systemd|i|Starting {service} - {phrase}...
systemd|i|Stopped {service} - {phrase}.
systemd|i|Stopping {service}...
systemd|i|{service}: Deactivated successfully.
systemd|w|{service}: Main process exited, code=exited, status={n}/FAILURE
systemd|e|{service}: Failed with result 'exit-code'.
systemd|e|Failed to start {service} - {phrase}.
systemd|w|{service}: Scheduled restart job, restart counter is at {nn}.
systemd|e|{service}: Start request repeated too quickly.
systemd|w|{service}: State 'stop-sigterm' timed out. Killing.
systemd|w|{service}: Killing process {pid} ({app}) with signal SIGKILL.
systemd|i|{service}: Consumed {dec}s CPU time.
systemd|i|Reached target multi-user.target - Multi-User System.
systemd|i|Created slice user-{nnn}.slice - User Slice of UID {nnn}.
systemd|i|Started session-{nnn}.scope - Session {nnn} of User {user}.
systemd|e|{service}: A process of this unit has been killed by the OOM killer.
systemd|i|Reloading.
systemd|e|Dependency failed for {service} - {phrase}.
systemd|c|Freezing execution.
systemd-logind|i|New session {nnn} of user {user}.
systemd-logind|i|Session {nnn} logged out. Waiting for processes to exit.
systemd-logind|i|Removed session {nnn}.
systemd-resolved|w|Using degraded feature set UDP instead of UDP+EDNS0 for DNS server {ip}.
systemd-networkd|i|{if}: Gained carrier
systemd-networkd|w|{if}: Lost carrier
systemd-timesyncd|i|Initial clock synchronization to {phrase}.
CRON|i|({user}) CMD ({path} --{word})
CRON|i|pam_unix(cron:session): session opened for user {user}(uid=0) by (uid=0)
CRON|i|pam_unix(cron:session): session closed for user {user}
CRON|e|({user}) ERROR (grandchild #{pid} failed with exit status {n})
cron|i|(*system*) RELOAD ({path})
cron|e|Error: bad minute; while reading {path}
anacron|i|Job `cron.daily' terminated
sudo|i|{user} : TTY=pts/{n} ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/{word}
sudo|w|{user} : {n} incorrect password attempts ; TTY=pts/{n} ; PWD=/home/{user} ; USER=root ; COMMAND=/bin/{word}
sudo|w|{user} : user NOT in sudoers ; TTY=pts/{n} ; PWD=/tmp ; USER=root ; COMMAND=/bin/su
sudo|i|pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={nnn})
su|w|FAILED SU (to root) {user} on pts/{n}
dockerd|e|Handler for POST /containers/{hex12}/start returned error: driver failed programming external connectivity
dockerd|i|API listen on /run/docker.sock
dockerd|e|Error response from daemon: No such container: {hex12}
dockerd|w|Your kernel does not support swap memory limit
dockerd|i|Loading containers: done.
dockerd|i|Container {hex12} exited with code 0
dockerd|e|Container {hex12} exited with code {nnn}
dockerd|w|Health check for container {hex12} error: context deadline exceeded
containerd|i|starting containerd revision={hex12} version={ver}
containerd|e|failed to pull image {domain}/{app}:{ver}: not found
containerd|i|shim disconnected id={hex12}
postfix/smtpd|i|connect from {domain}[{ip}]
postfix/smtpd|i|disconnect from {domain}[{ip}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands={n}
postfix/smtpd|w|warning: unknown[{ip}]: SASL LOGIN authentication failed: authentication failure
postfix/smtp|i|{hex12}: to=<{user}@{domain}>, relay={domain}[{ip}]:25, delay={dec}, status=sent (250 OK)
postfix/smtp|w|{hex12}: to=<{user}@{domain}>, relay=none, delay={nnn}, status=deferred (connect to {domain}[{ip}]:25: Connection timed out)
postfix/smtp|e|{hex12}: to=<{user}@{domain}>, relay={domain}[{ip}]:25, status=bounced (550 User unknown)
postfix/qmgr|i|{hex12}: from=<{user}@{domain}>, size={nnn}, nrcpt=1 (queue active)
postfix/qmgr|i|{hex12}: removed
dhclient|i|DHCPACK of {ip} from {ip}
dhclient|i|DHCPREQUEST for {ip} on {if} to {ip} port 67
dhclient|w|No DHCPOFFERS received.
dhclient|i|bound to {ip} -- renewal in {nnn} seconds.
NetworkManager|i|<info>  [{big}.{nnn}] device ({if}): state change: config -> ip-config (reason 'none')
NetworkManager|w|<warn>  [{big}.{nnn}] device ({if}): link timed out.
rsyslogd|i|[origin software="rsyslogd" swVersion="{ver}" x-pid="{pid}"] rsyslogd was HUPed
rsyslogd|e|cannot connect to {ip}:514: Connection refused
rsyslogd|w|action 'action-{n}-builtin:omfwd' suspended, next retry is in {nn} seconds
chronyd|i|Selected source {ip} ({domain})
chronyd|w|Can't synchronise: no selectable sources
chronyd|w|System clock wrong by {dec} seconds
ntpd|i|kernel time sync status change {nnn}
named|e|error (network unreachable) resolving '{domain}/A/IN': {ip}#53
named|i|zone {domain}/IN: loaded serial {big}
named|w|client @0x{hex12} {ip}#{port} ({domain}): query (cache) '{domain}/A/IN' denied
smartd|c|Device: /dev/{disk} [SAT], FAILED SMART self-check. BACK UP DATA NOW!
smartd|w|Device: /dev/{disk} [SAT], {n} Currently unreadable (pending) sectors
smartd|i|Device: /dev/{disk} [SAT], SMART Usage Attribute: 194 Temperature_Celsius changed from {nn} to {nn}
smartd|e|Device: /dev/{disk}, unable to open device
mdadm|c|DegradedArray event detected on md device /dev/md{n}
mdadm|e|Fail event detected on md device /dev/md{n}, component device /dev/{disk}
mdadm|i|RebuildFinished event detected on md device /dev/md{n}
haproxy|w|Server {app}/{host} is DOWN, reason: Layer4 connection problem, info: "Connection refused"
haproxy|i|Server {app}/{host} is UP, reason: Layer7 check passed, code: 200
haproxy|c|backend {app} has no server available!
keepalived|i|(VI_{n}) Entering BACKUP STATE
keepalived|w|(VI_{n}) Entering FAULT STATE
mysqld|e|[ERROR] [MY-{big}] [InnoDB] Unable to lock ./ibdata1 error: 11
mysqld|i|ready for connections. Version: '{ver}'  socket: '/run/mysqld/mysqld.sock'  port: 3306
mysqld|w|[Warning] Aborted connection {nnn} to db: '{app}' user: '{user}' host: '{ip}' (Got timeout reading communication packets)
mongod|w|Slow query on collection {app}.{word} took {nnn}ms
redis-server|w|WARNING overcommit_memory is set to 0! Background save may fail under low memory condition.
redis-server|i|Background saving terminated with success
redis-server|e|MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk
redis-server|i|DB loaded from disk: {dec} seconds
php-fpm|w|WARNING: [pool www] server reached pm.max_children setting ({nn}), consider raising it
php-fpm|e|PHP Fatal error:  Uncaught Error: Call to undefined function {word}_{word}() in {path}:{nn}
php-fpm|w|PHP Warning:  Undefined variable ${word} in {path} on line {nn}
kubelet|e|Failed to pull image "{domain}/{app}:{ver}": rpc error: code = NotFound
kubelet|w|Readiness probe failed: HTTP probe failed with statuscode: 503
kubelet|e|Back-off restarting failed container {app} in pod {app}-{hex8}
kubelet|i|Successfully pulled image "{domain}/{app}:{ver}" in {dur}
kubelet|w|Evicting pod {app}-{hex8}: node was low on resource: memory
kubelet|c|Node {host} is NotReady: container runtime is down
etcd|w|apply request took too long took={dur} expected-duration=100ms
etcd|e|failed to reach the peer URL http://{ip}:2380
etcd|i|elected leader {hex12} at term {nn}
etcd|c|database space exceeded, raising NOSPACE alarm
consul|w|agent: Check is now critical: check={app}
vault|i|core: vault is unsealed
vault|e|core: failed to unseal: invalid key
dovecot|i|imap-login: Login: user=<{user}>, method=PLAIN, rip={ip}, lip={ip}, TLS
dovecot|w|imap-login: Disconnected (auth failed, {n} attempts in {nn} secs): user=<{user}>, rip={ip}
fail2ban.actions|w|[sshd] Ban {ip}
fail2ban.actions|i|[sshd] Unban {ip}
unattended-upgrade|i|Packages that will be upgraded: {word} {word}
unattended-upgrade|e|Package {word} failed to install
udisksd|i|Mounted /dev/{disk} at /media/{user}/{name} on behalf of uid {nnn}
udisksd|w|Error probing device: Error sending ATA command IDENTIFY DEVICE
thermald|w|CPU temperature {hot} C above the passive trip point
thermald|c|CPU temperature {hot} C reached critical trip point, shutting down
auditd|i|Audit daemon rotating log files
auditd|e|Audit daemon has no space left on logging partition
auditd|w|Audit daemon is low on disk space for logging
multipathd|w|{disk}: path is down, remaining active paths: {n}
multipathd|c|mpath{n}: no usable paths found
iscsid|e|connection{n}:0 is operational after recovery failed ({n} attempts)
nvidia-persistenced|i|Started ({pid})
nvidia-persistenced|e|Failed to query NVIDIA devices. Please ensure that the NVIDIA device files (/dev/nvidia*) exist
slurmd|e|error: Unable to register: Unable to contact slurm controller (connect failure)
slurmd|i|launch task StepId={nnn}.0 request from UID:{nnn} HOST:{ip} PORT:{port}
zed|c|eid={nn} class=statechange pool='{name}' vdev={disk} vdev_state=FAULTED
zed|i|eid={nn} class=scrub_finish pool='{name}'
snapd|i|storehelpers.go:{nnn}: cannot refresh: snap has no updates available: "{word}"
dbus-daemon|i|[system] Successfully activated service 'org.freedesktop.{name}'
dbus-daemon|e|[system] Failed to activate service 'org.freedesktop.{name}': timed out (service_start_timeout=25000ms)
polkitd|i|Registered Authentication Agent for unix-process:{pid}:{big} (system bus name :1.{nn})
avahi-daemon|w|Host name conflict, retrying with {host}-2
wpa_supplicant|i|{if}: CTRL-EVENT-CONNECTED - Connection to {mac} completed
wpa_supplicant|w|{if}: CTRL-EVENT-DISCONNECTED bssid={mac} reason={n}
bluetoothd|e|Failed to set mode: Blocked through rfkill (0x12)
cupsd|e|[Job {nnn}] Stopping job because the printer is offline
cupsd|i|REQUEST localhost - - "POST / HTTP/1.1" 200 {nnn} Renew-Subscription successful-ok
prometheus|e|Error on ingesting out-of-order samples num_dropped={nn}
prometheus|i|Server is ready to receive web requests.
prometheus|w|Scrape of target {host}:{port} exceeded the deadline
grafana-server|i|HTTP Server Listen address=[::]:3000 protocol=http
alertmanager|e|Notify attempt failed, will retry later receiver={app} attempts={n}
gitlab-runner|w|Checking for jobs... failed runner={hex8} status=502 Bad Gateway
gitlab-runner|i|Job succeeded duration={dur} job={big}
jenkins|i|Jenkins is fully up and running
nats-server|i|Server is ready
nats-server|w|Slow Consumer Detected: WriteDeadline of 10s exceeded with {nn} chunks of {big} total bytes.
nats-server|e|Error flushing: write tcp {ip}:4222->{ip}:{port}: broken pipe
jesus|i|model {name} loaded in {dur}
jesus|w|budget of team {app} is {pct} percent used
jesus|e|upstream {domain} answered 503, next candidate tried
logrotate|e|error: error renaming {path} to {path}.1: Permission denied
logrotate|i|rotating pattern: {path}  weekly ({n} rotations)
exim4|i|{hex12} => {user}@{domain} R=dnslookup T=remote_smtp H={domain} [{ip}]
exim4|w|{hex12} == {user}@{domain} R=dnslookup T=remote_smtp defer (110): Connection timed out
slapd|i|conn={nnn} fd={nn} ACCEPT from IP={ip}:{port} (IP=0.0.0.0:389)
vsftpd|i|[{user}] OK LOGIN: Client "{ip}"
vsftpd|w|[{user}] FAIL LOGIN: Client "{ip}"
apt-daily|e|E: Failed to fetch http://{domain}/dists/stable/InRelease  Temporary failure resolving '{domain}'
irqbalance|w|WARNING: Daemon couldn't be bound to the file-based socket.
corosync|w|[TOTEM ] Token has not been received in {nnn} ms
pacemakerd|c|Lost quorum: no cluster resources can run
filebeat|e|Failed to publish events: write tcp {ip}:{port}->{ip}:5044: connection reset by peer
telegraf|e|[outputs.influxdb] Failed to write metric: no space left on device
snmpd|i|Connection from UDP: [{ip}]:{port}->[{ip}]:161
rtkit-daemon|d|Supervising {n} threads of {n} processes of {n} users.
gdm3|e|Child process {pid} was already dead.
login|i|LOGIN ON tty{n} BY {user}
login|w|FAILED LOGIN ({n}) on '/dev/tty{n}' FOR '{user}', Authentication failure
mongod|e|Failed to open socket on {ip}:{port}: address already in use
lvm|w|Volume group {name} is {hot} percent full
memcached|e|failed to listen on TCP port {port}: Address already in use
upsd|c|UPS {name} is on battery and the battery is low
upsd|w|UPS {name} is on battery
upsd|i|UPS {name} on line power
squid|w|TCP connection to {ip}/{port} failed
openvpn|i|{user}/{ip}:{port} peer info: IV_VER={ver}
openvpn|e|TLS Error: TLS handshake failed
openvpn|w|{user}/{ip}:{port} Connection reset, restarting [0]
dnsmasq|i|query[A] {domain} from {ip}
dnsmasq|e|failed to create listening socket for port 53: Address already in use
certbot|e|Renewal of certificate {domain} failed
certbot|i|Certificate {domain} is not yet due for renewal
minio|c|Write quorum lost: {n} drives are offline
rclone|e|Failed to copy: failed to open source object: {path}: permission denied
"""

KERNEL_MESSAGES = """
e|nvme0: I/O error, dev {disk}, sector {big} op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2
e|blk_update_request: I/O error, dev {disk}, sector {big} op 0x1:(WRITE)
e|Buffer I/O error on dev {disk}, logical block {big}, lost async page write
c|Out of memory: Killed process {pid} ({app}) total-vm:{big}kB, anon-rss:{big}kB, file-rss:0kB, shmem-rss:0kB
e|oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={hex12},mems_allowed=0,task={app},pid={pid},uid={nnn}
w|TCP: request_sock_TCP: Possible SYN flooding on port {port}. Sending cookies.
i|usb 1-{n}: new high-speed USB device number {n} using xhci_hcd
i|usb 1-{n}: USB disconnect, device number {nn}
e|usb 1-{n}: device descriptor read/64, error -71
i|{if}: renamed from eth0
i|{if}: link up, 10000 Mbps, full duplex
w|{if}: link down
i|e1000e: {if} NIC Link is Up 1000 Mbps Full Duplex, Flow Control: None
w|e1000e: {if} NIC Link is Down
e|NETDEV WATCHDOG: {if} (ixgbe): transmit queue {n} timed out
e|EXT4-fs error (device {disk}): ext4_find_entry:1463: inode #{big}: comm {app}: reading directory lblock 0
i|EXT4-fs ({disk}): mounted filesystem with ordered data mode. Quota mode: none.
w|EXT4-fs ({disk}): warning: mounting fs with errors, running e2fsck is recommended
c|EXT4-fs ({disk}): Remounting filesystem read-only
e|XFS ({disk}): metadata I/O error in "xfs_trans_read_buf_map" at daddr 0x{hex8} len 1 error 5
c|XFS ({disk}): Corruption of in-memory data detected. Shutting down filesystem
e|NVRM: Xid (PCI:{pci}): 79, pid={pid}, GPU has fallen off the bus.
e|NVRM: Xid (PCI:{pci}): 31, pid={pid}, name={app}, Ch 00000008, intr 00000000. MMU Fault
e|NVRM: Xid (PCI:{pci}): 48, pid={pid}, DBE (Double Bit Error) ECC Error
e|NVRM: Xid (PCI:{pci}): 13, pid={pid}, Graphics Exception: ESR 0x{hex8}=0x{hex8}
w|NVRM: Xid (PCI:{pci}): 63, pid={pid}, Row Remapper: New row marked for remapping
e|NVRM: GPU {pci}: RmInitAdapter failed! (0x24:0xffff:1211)
i|NVRM: loading NVIDIA UNIX x86_64 Kernel Module  {nnn}.{nn}.{nn}
i|nvidia-nvlink: Nvlink Core is being initialized, major device number {nnn}
c|Kernel panic - not syncing: Attempted to kill init! exitcode=0x{hex8}
c|watchdog: BUG: soft lockup - CPU#{n} stuck for {nn}s! [{app}:{pid}]
c|BUG: unable to handle page fault for address: {hex12}
w|INFO: task {app}:{pid} blocked for more than 120 seconds.
c|mce: [Hardware Error]: CPU {n}: Machine Check Exception: 5 Bank {n}: be00000000{hex4}
w|mce: CPU{n}: Core temperature above threshold, cpu clock throttled (total events = {nnn})
i|mce: CPU{n}: Core temperature/speed normal
w|EDAC MC0: {n} CE memory read error on CPU_SrcID#0_MC#0_Chan#{n}_DIMM#0
c|EDAC MC0: {n} UE memory read error on CPU_SrcID#0_MC#0_Chan#{n}_DIMM#0
w|{app}[{pid}]: segfault at {hex8} ip {hex12} sp {hex12} error 4 in libc.so.6[{hex12}+195000]
w|traps: {app}[{pid}] general protection fault ip:{hex12} sp:{hex12} error:0 in libc.so.6
w|[UFW BLOCK] IN={if} OUT= MAC={mac} SRC={ip} DST={ip} LEN={nn} TTL={nn} ID={pid} PROTO=TCP SPT={port} DPT={nnn} WINDOW=1024 SYN URGP=0
i|audit: type=1400 audit({big}.{nnn}:{nn}): apparmor="STATUS" operation="profile_load" profile="unconfined" name="{path}" pid={pid} comm="apparmor_parser"
w|audit: type=1400 audit({big}.{nnn}:{nn}): apparmor="DENIED" operation="open" profile="{path}" name="{path}" pid={pid} comm="{app}"
i|device {if} entered promiscuous mode
i|docker0: port {n}(veth{hex4}) entered forwarding state
i|docker0: port {n}(veth{hex4}) entered disabled state
i|Linux version {ver}-{nn}-amd64 (debian-kernel@lists.debian.org)
i|Command line: BOOT_IMAGE=/boot/vmlinuz-{ver}-amd64 root=UUID={hex8}-{hex4}-{hex4} ro quiet
i|Memory: {big}K/{big}K available ({nnn}K kernel code)
i|ACPI: Added _OSI(Module Device)
w|ACPI Warning: SystemIO range 0x0000000000000{hex4} conflicts with OpRegion
e|ACPI BIOS Error (bug): Could not resolve symbol [_SB.PCI0.{name}], AE_NOT_FOUND
i|pci {pci}: BAR {n}: assigned [mem 0x{hex8}-0x{hex8}]
w|pcieport {pci}: AER: Corrected error received: {pci}
e|pcieport {pci}: AER: Uncorrected (Non-Fatal) error received: {pci}
c|pcieport {pci}: AER: Uncorrected (Fatal) error received: {pci}
i|sd {n}:0:0:0: [{disk}] Attached SCSI disk
e|sd {n}:0:0:0: [{disk}] tag#{nn} FAILED Result: hostbyte=DID_BAD_TARGET driverbyte=DRIVER_OK
e|ata{n}.00: failed command: READ FPDMA QUEUED
i|ata{n}: SATA link up 6.0 Gbps (SStatus 133 SControl 300)
w|ata{n}: SATA link down (SStatus 0 SControl 300)
i|md/raid1:md{n}: active with 2 out of 2 mirrors
c|md/raid1:md{n}: Disk failure on {disk}, disabling device.
w|nfs: server {host} not responding, still trying
i|nfs: server {host} OK
w|CPU{n}: Package temperature above threshold, cpu clock throttled (total events = {nnn})
w|perf: interrupt took too long ({nnn} > {nnn}), lowering kernel.perf_event_max_sample_rate to {big}
i|random: crng init done
i|Bluetooth: hci0: Firmware revision {n}.{n} build {nn}
w|hrtimer: interrupt took {big} ns
e|mlx5_core {pci}: health poll failed: firmware internal error
i|mlx5_core {pci}: Port module event: module {n}, Cable plugged
i|IPv6: ADDRCONF(NETDEV_CHANGE): {if}: link becomes ready
w|Bluetooth: hci0: command 0x{hex4} tx timeout
i|systemd[1]: Detected architecture x86-64.
i|loop{n}: detected capacity change from 0 to {big}
w|x86/split lock detection: #AC: {app}/{pid} took a split_lock trap at address: 0x{hex12}
e|{disk}: rejecting I/O to offline device
"""

POSTGRES_MESSAGES = """
LOG|i|checkpoint starting: time
LOG|i|checkpoint complete: wrote {nnn} buffers ({n}.{n}%); 0 WAL file(s) added, 0 removed, {n} recycled; write={dec} s, sync={dec} s, total={dec} s
LOG|i|database system is ready to accept connections
LOG|i|connection received: host={ip} port={port}
LOG|i|connection authorized: user={user} database={app}
LOG|i|automatic vacuum of table "{app}.public.{word}": index scans: {n}
LOG|w|duration: {nnn}.{nnn} ms  statement: SELECT * FROM {word} WHERE {word}_id = {nnn}
LOG|w|checkpoints are occurring too frequently ({n} seconds apart)
ERROR|e|relation "{word}" does not exist at character {nn}
ERROR|e|duplicate key value violates unique constraint "{word}_pkey"
ERROR|e|deadlock detected
ERROR|e|syntax error at or near "{word}" at character {nn}
ERROR|e|canceling statement due to statement timeout
ERROR|e|null value in column "{word}" of relation "{word}" violates not-null constraint
ERROR|e|could not serialize access due to concurrent update
FATAL|c|password authentication failed for user "{user}"
FATAL|c|sorry, too many clients already
FATAL|c|database "{app}" does not exist
FATAL|c|the database system is starting up
FATAL|c|terminating connection due to administrator command
PANIC|c|could not write to file "pg_wal/xlogtemp.{pid}": No space left on device
PANIC|c|could not locate a valid checkpoint record
WARNING|w|there is no transaction in progress
WARNING|w|out of shared memory
STATEMENT|i|SELECT {word} FROM {word} WHERE {word} = ${n}
HINT|i|In a moment you should be able to reconnect to the database and repeat your command.
"""

NGINX_MESSAGES = """
error|e|connect() failed (111: Connection refused) while connecting to upstream, client: {ip}, server: {domain}, request: "GET {url} HTTP/1.1", upstream: "http://{ip}:{port}{url}", host: "{domain}"
error|e|upstream timed out (110: Connection timed out) while reading response header from upstream, client: {ip}, server: {domain}, request: "POST {url} HTTP/1.1", host: "{domain}"
error|e|open() "/usr/share/nginx/html{url}" failed (2: No such file or directory), client: {ip}, server: {domain}, request: "GET {url} HTTP/1.1"
error|e|no live upstreams while connecting to upstream, client: {ip}, server: {domain}
error|e|upstream prematurely closed connection while reading response header from upstream, client: {ip}
warn|w|an upstream response is buffered to a temporary file {path} while reading upstream, client: {ip}
warn|w|conflicting server name "{domain}" on 0.0.0.0:80, ignored
crit|c|SSL_do_handshake() failed (SSL: error:{hex8}) while SSL handshaking, client: {ip}, server: 0.0.0.0:443
crit|c|open() "{path}" failed (13: Permission denied), client: {ip}
alert|c|worker process {pid} exited on signal 11
emerg|c|bind() to 0.0.0.0:80 failed (98: Address already in use)
notice|i|signal process started
notice|i|worker process {pid} exited with code 0
info|i|client {ip} closed keepalive connection
debug|d|http process request line
"""

# Said by applications: the severity comes from the level word of the line, else from the content.
APP_MESSAGES = """
e|connection to {ip}:{port} refused
e|connection to {app} lost after {dur}
e|failed to load {path}: no such file or directory
e|request {id} failed with status 500 after {dur}
e|payment {id} declined: {phrase}
e|cannot parse {path} at line {nn}: unexpected token
e|timeout after {dur} waiting for {app}
e|could not write {path}: no space left on device
e|could not open {path}: permission denied
e|unhandled exception in {app}: {word} is null
e|job {id} failed: {phrase}
e|query failed: relation {word} does not exist
e|checksum mismatch in block {nnn} of {file}
e|upload of {file} aborted: connection reset by peer
e|invalid {word} received from {ip}
e|TLS handshake with {domain} failed: certificate has expired
e|lost {n} messages from topic {app}
e|batch {id} rolled back: deadlock detected
w|retrying {app} in {dur} (attempt {n} of {nn})
w|slow query: {nnn} ms for table {word}
w|disk usage of {path} is at {hot} percent
w|queue {app} is {hot} percent full
w|cache miss ratio {pct} percent is above the limit
w|deprecated option {word}_{word} used in {path}
w|request {id} took {dur}, longer than expected
w|certificate of {domain} expires in {n} days
w|rate limit reached for user {user}
w|memory usage {hot} percent
w|falling back to {app}: {word} is not available
w|clock skew of {dur} detected on {host}
w|high latency to {host}: {nnn} ms
w|{n} replicas of {app} are lagging behind by {dur}
w|unknown field {word} ignored
w|login failed for user {user} from {ip}
c|out of memory, shutting down
c|data corruption detected in {path}
c|all replicas of {app} are down
c|panic: runtime error: index out of range [{n}] with length {n}
c|disk {disk} has failed, data is at risk
c|cannot continue: {phrase}
c|split brain detected in cluster {name}
c|master key is missing, service is stopping
c|emergency shutdown: temperature is {nnn} degrees
i|listening on {ip}:{port}
i|started in {dur}
i|user {user} logged in from {ip}
i|user {user} logged out
i|request {id} completed in {dur}
i|GET {url} 200 {nn}ms
i|POST {url} 201 {nn}ms
i|processed {nnn} records in {dur}
i|order {id} shipped to {name}
i|configuration loaded from {path}
i|connected to {app} at {ip}:{port}
i|backup of {app} finished, {size} written
i|version {ver} is ready
i|shutdown complete
i|worker {n} started with pid {pid}
i|indexed {nnn} documents of {word}
i|new leader elected: {host}
i|sent {nn} emails to {domain}
i|health check of {app} passed
i|snapshot {id} created, {size}
i|restored {nnn} sessions from {path}
i|scaling {app} from {n} to {nn} workers
i|payment {id} of {nnn} EUR accepted
d|entering {word}_{word} with id {id}
d|cache hit for key {app}:{id}
d|heartbeat sent to {host}
d|parsed {nn} headers in {nn} us
d|lock {word} acquired by thread {nn}
d|sql: SELECT {word} FROM {word} LIMIT {nn}
d|payload size is {nnn} bytes
d|state changed from {word} to {word}
d|polling {app}, {n} events
d|dump of variable {word}: {hex12}
"""

SEVERITY = {"d": "debug", "i": "info", "w": "warning", "e": "error", "c": "critical"}
HELD_OUT_EVERY = 12  # one template in twelve is kept for the held-out cases


def parse(block, columns):
    """Rows of a block, each with its severity in full and whether it is held out."""
    rows = []
    for index, line in enumerate(block.strip().split("\n")):
        parts = line.split("|", columns - 1)
        parts[columns - 2] = SEVERITY[parts[columns - 2]]
        rows.append((*parts, index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1))
    return rows


DAEMON = parse(DAEMON_MESSAGES, 3)
KERNEL = parse(KERNEL_MESSAGES, 2)
POSTGRES = parse(POSTGRES_MESSAGES, 3)
NGINX = parse(NGINX_MESSAGES, 3)
APP = parse(APP_MESSAGES, 2)
