"""Random values that the generated texts are filled with. Every function takes the `random.Random` to draw from.

Names belong to training or to the held-out cases by their checksum, so that no held-out name was ever trained on.
"""
import zlib

HELD_OUT_SHARE = 8   # one name in eight is kept for the held-out cases
UNSEEN_SHARE = 0.1   # of the held-out cases whose wording or message template training never saw

ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w x y z".split()
VOWELS = "a e i o u a e i o ai ea ee io oo ou".split()
CODAS = ["", "", "", "", "b", "ck", "d", "f", "g", "l", "m", "n", "nd", "nt", "p", "r", "rd", "rn", "s", "sh", "st", "t", "th", "x"]

HOSTS = "web db cache app node gpu edge mail proxy build api lab store queue backup git ns vpn log worker box srv host gw kube".split()
HOST_WORDS = "debian localhost ubuntu raspberrypi titan atlas orion mars venus saturn apollo hermes falcon eagle lion nova comet delta omega sierra".split()
USERS = "root admin alice bob carol dave erin frank grace heidi ivan judy mallory oscar peggy trent postgres git deploy ubuntu debian www-data backup test guest oracle".split()
APPS = ("payments orders inventory billing auth gateway search mailer notifier scheduler worker indexer importer exporter checkout catalog "
        "profile session metrics ingest reports uploader thumbnails webhook ledger pricing shipping cart users accounts crawler router "
        "storage cache queue replicator planner sync archiver api frontend backend proxy db http grpc consumer producer trainer").split()
DAEMONS = ("sshd cron systemd dockerd containerd postfix/smtpd postfix/qmgr NetworkManager dhclient rsyslogd chronyd ntpd named snmpd smartd "
           "sudo su login polkitd dbus-daemon systemd-logind systemd-resolved systemd-networkd avahi-daemon cupsd haproxy keepalived slapd "
           "vsftpd mysqld mongod redis-server memcached nginx apache2 php-fpm kubelet etcd consul vault dovecot exim4 fail2ban.actions "
           "unattended-upgrade anacron udisksd thermald irqbalance auditd lvm multipathd iscsid mdadm nvidia-persistenced slurmd zed "
           "kernel-watch gdm3 wpa_supplicant ModemManager bluetoothd snapd apt-daily logrotate rtkit-daemon upsd corosync pacemakerd "
           "prometheus grafana-server node_exporter alertmanager loki telegraf filebeat fluentd jenkins gitlab-runner nats-server jesus").split()
UNITS = ("nginx ssh cron docker postgresql redis apache2 mysql fstrim apt-daily logrotate man-db systemd-journald systemd-logind "
         "NetworkManager containerd kubelet prometheus rsyslog chrony bluetooth cups snapd dbus polkit grafana-server").split()
WORDS = ("request response user session file table index cache queue message packet worker thread task job batch record row column schema "
         "token key value bucket object stream socket channel buffer page block volume disk image layer model node cluster shard replica "
         "leader follower lease lock limit quota policy rule route backend upstream client server peer endpoint certificate password "
         "config setting option feature flag event metric trace span sample counter timer report invoice order payment refund cart item "
         "product price customer account profile address email letter upload download archive backup snapshot restore checkpoint segment "
         "journal log entry line pattern filter plugin module driver device sensor fan power battery port link interface bridge tunnel "
         "gateway domain zone name host group role permission secret vault store mirror package version release branch commit build test").split()
SMALL = "the a is was not in on at for with from by to of and has no new too after before all".split()
FILES = "app server access error system auth deploy build data report users orders backup install events audit worker main kern mail debug notes results metrics jobs output input today".split()
EXTENSIONS = "log log log txt csv json conf yaml md".split()
FOLDERS = "var/log etc srv data home/alice opt/app tmp var/lib/app usr/share mnt/backup logs inputs run".split()
ZONES = ("UTC Europe/Berlin Europe/Paris Europe/London Europe/Madrid Europe/Rome America/New_York America/Chicago America/Denver America/Los_Angeles "
         "America/Sao_Paulo Asia/Tokyo Asia/Kolkata Asia/Singapore Asia/Shanghai Asia/Dubai Australia/Sydney Africa/Cairo Africa/Lagos Pacific/Auckland").split()


def is_held_out(name):
    return zlib.crc32(name.encode()) % HELD_OUT_SHARE == 0


class Source:
    """Draws values for one split; `held_out` decides which names it may use."""

    def __init__(self, random, held_out):
        self.random, self.held_out = random, held_out

    def pick(self, values):
        return values[int(self.random.random() * len(values))]

    def chance(self, share):
        return self.random.random() < share

    def number(self, low, high):
        return int(low + self.random.random() * (high - low + 1))

    def owned(self, make):
        """A made-up name of this split."""
        for _ in range(200):
            name = make()
            if is_held_out(name) == self.held_out:
                return name
        raise RuntimeError("no name of this split in 200 draws: the pool is too small")

    def syllables(self, low=2, high=3):
        return self.owned(lambda: "".join(self.pick(ONSETS) + self.pick(VOWELS) + self.pick(CODAS) for _ in range(self.number(low, high))))

    def word(self):
        return self.pick(WORDS) if self.chance(0.8) else self.syllables(1, 3)

    def said(self):
        """A word of a sentence: also small words, capitals and made-up forms, so that copying does not lean on the vocabulary."""
        if self.chance(0.25):
            return self.pick(SMALL)
        word = self.word() + (self.pick(["s", "ed", "ing", "er", "ly", "able"]) if self.chance(0.15) else "")
        case = self.random.random()
        return word.capitalize() if case < 0.12 else word.upper() if case < 0.16 else word

    def host(self):
        style = self.number(0, 6)
        if style <= 2:
            return f"{self.pick(HOSTS)}-{self.number(1, 99)}"
        if style == 3:
            return f"{self.pick(HOSTS)}{self.number(1, 99):02d}"
        if style == 4:
            return self.pick(HOST_WORDS)
        if style == 5:
            return self.syllables()
        return f"{self.pick(HOSTS)}{self.number(1, 30)}.{self.syllables(1, 2)}.{self.pick(['net', 'org', 'local', 'lan', 'internal', 'example.com'])}"

    def user(self):
        return self.pick(USERS) if self.chance(0.5) else self.syllables()

    def app(self):
        style = self.number(0, 9)
        if style <= 4:
            return self.pick(APPS)
        if style <= 6:
            return self.syllables()
        if style == 7:
            return f"{self.pick(APPS)}-{self.pick(APPS)}"
        if style == 8:
            return f"{self.pick(APPS)}.{self.pick(APPS) if self.chance(0.5) else self.syllables(1, 2)}"
        return f"{self.syllables(1, 2)}_{self.pick(APPS)}"

    def daemon(self):
        style = self.number(0, 9)
        if style <= 6:
            return self.pick(DAEMONS)
        if style == 7:
            return self.syllables() + "d"
        return self.app()

    def unit(self):
        return self.pick(UNITS) if self.chance(0.5) else self.app()

    def ip(self):
        if self.chance(0.08):
            return f"fe80::{self.number(1, 65535):x}:{self.number(1, 65535):x}:{self.number(1, 65535):x}"
        return f"{self.pick([10, 10, 172, 192, 203, 198, 185, 45, 91, self.number(1, 223)])}.{self.number(0, 255)}.{self.number(0, 255)}.{self.number(1, 254)}"

    def file(self):
        stem = self.pick(FILES) if self.chance(0.6) else self.syllables()
        if self.chance(0.2):
            stem += f"-{self.number(1, 99)}"
        return f"{stem}.{self.pick(EXTENSIONS)}"

    def path(self):
        return f"/{self.pick(FOLDERS)}/{self.file()}" if self.chance(0.8) else f"/{self.syllables()}/{self.file()}"

    def hexa(self, digits):
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def duration(self):
        return self.pick([f"{self.number(1, 999)}ms", f"{self.number(1, 90)}s", f"{self.number(1, 20)}.{self.number(0, 999):03d}s", f"{self.number(1, 59)}m{self.number(0, 59)}s"])

    def size(self):
        return f"{self.number(1, 999)}{self.pick(['K', 'M', 'G', ' MB', ' KB', ' GiB', 'MiB'])}"

    def disk(self):
        return self.pick(["sda", "sdb", "sdc", "sdd", "nvme0n1", "nvme1n1", "nvme2n1", "vda", "md0", "md127", "dm-0", "dm-3"])

    def interface(self):
        return self.pick(["eth0", "eth1", "ens3", "enp3s0", "eno1", "wlan0", "docker0", "br0", "bond0", "ib0", "veth" + self.hexa(6)])

    def domain(self):
        return f"{self.pick(['www', 'api', 'mail', 'cdn', 'app', 'db'])}.{self.syllables(1, 2)}.{self.pick(['com', 'org', 'net', 'io', 'dev'])}"

    def url(self):
        parts = [self.pick(["api", "v1", "v2", "users", "orders", "login", "static", "images", "search", "cart", "health", "admin", self.syllables(1, 2)]) for _ in range(self.number(1, 3))]
        return "/" + "/".join(parts) + (f"/{self.number(1, 99999)}" if self.chance(0.4) else "")

    def phrase(self, low=2, high=6):
        return " ".join(self.said() for _ in range(self.number(low, high)))

    def fill(self, template):
        """Replaces each {kind} of a template by a value of that kind."""
        out, at = [], 0
        while (start := template.find("{", at)) >= 0:
            end = template.index("}", start)
            out += [template[at:start], self.value(template[start + 1:end])]
            at = end + 1
        return "".join(out) + template[at:]

    def value(self, kind):
        if kind in _SIMPLE:
            return _SIMPLE[kind](self)
        raise KeyError(f"unknown filler {{{kind}}}")


_SIMPLE = {
    "ip": Source.ip, "user": Source.user, "host": Source.host, "app": Source.app, "unit": Source.unit, "file": Source.file,
    "path": Source.path, "dur": Source.duration, "size": Source.size, "disk": Source.disk, "if": Source.interface,
    "domain": Source.domain, "url": Source.url, "word": Source.word, "phrase": Source.phrase, "name": Source.syllables,
    "port": lambda s: str(s.number(1024, 65535)), "pid": lambda s: str(s.number(2, 99999)), "n": lambda s: str(s.number(2, 9)),
    "nn": lambda s: str(s.number(10, 99)), "nnn": lambda s: str(s.number(100, 9999)), "big": lambda s: str(s.number(10000, 99999999)),
    "pct": lambda s: str(s.number(1, 99)), "hot": lambda s: str(s.number(81, 99)), "hex8": lambda s: s.hexa(8), "hex12": lambda s: s.hexa(12),
    "hex4": lambda s: s.hexa(4), "hex2": lambda s: s.hexa(2), "dec": lambda s: f"{s.number(0, 99)}.{s.number(0, 999):03d}",
    "mac": lambda s: ":".join(s.hexa(2) for _ in range(6)), "pci": lambda s: f"0000:{s.hexa(2)}:00.{s.number(0, 7)}",
    "ver": lambda s: f"{s.number(0, 20)}.{s.number(0, 40)}.{s.number(0, 20)}", "service": lambda s: s.unit() + ".service",
    "id": lambda s: s.pick([str(s.number(100, 99999)), s.hexa(8), f"{s.pick('abcdefghjkmnpqrstuvwxyz')}{s.number(100, 9999)}"]),
}
