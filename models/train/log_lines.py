"""Log lines with what they say: (line, severity, time, host, component, message).

`component` is the tag of the line (program or logger, never the pid), "" where the line has none; `message` is all
that follows the tag, or the value of msg in key=value and JSON lines. Every field is a span of the line.
"""
from dataclasses import dataclass

import log_messages as messages
import fillers
from fillers import Source

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
LEVELS = {
    "debug": ["DEBUG", "debug", "DEBUG", "TRACE", "DBG", "trace", "Debug"],
    "info": ["INFO", "info", "INFO", "NOTICE", "notice", "Info", "INF"],
    "warning": ["WARN", "warn", "WARNING", "warning", "Warning", "WRN"],
    "error": ["ERROR", "error", "ERROR", "ERR", "err", "Error"],
    "critical": ["CRITICAL", "critical", "FATAL", "fatal", "CRIT", "crit", "EMERG", "ALERT", "PANIC"],
}
SEVERITIES = list(LEVELS)


@dataclass(frozen=True)
class LogLine:
    line: str
    severity: str
    time: str
    host: str
    component: str
    message: str


class LogLines:
    """A stream of log lines of one split (training or held out)."""

    def __init__(self, random, held_out=False):
        self.source, self.held_out = Source(random, held_out), held_out
        self._formats = [
            (22, self._syslog), (9, self._journal_iso), (9, self._kernel_syslog), (4, self._dmesg), (12, self._iso_app), (5, self._python),
            (5, self._bracketed), (8, self._key_value), (5, self._json), (3, self._glog), (5, self._nginx_error), (4, self._access),
            (5, self._postgres), (4, self._bare), (4, self._java), (2, self._redis), (3, self._apache_error), (3, self._rust),
            (2, self._clock_only), (2, self._dpkg), (2, self._container), (2, self._spring)]
        self._total = sum(w for w, _ in self._formats)

    def next(self):
        while True:
            at = self.source.random.random() * self._total
            for weight, make in self._formats:
                at -= weight
                if at < 0:
                    break
            entry = make()
            if len(entry.line) <= 330:
                return entry

    def short(self):
        """A line of a few words: where the severity is easy to find, training finds it early."""
        s = self.source
        form = s.number(0, 3)
        if form == 0:
            component, severity, level, text = self._levelled()
            return LogLine(f"{level} {component}: {s.phrase(1, 2)}", severity, "", "", component, "")
        if form == 1:
            component, severity, level, _ = self._levelled()
            return LogLine(f"[{level}] {component}", severity, "", "", component, "")
        if form == 2:
            severity, text = self._row(messages.KERNEL)
            return LogLine(f"kernel: {s.fill(text)}"[:90], severity, "", "", "kernel", "")
        component, severity, text = self._daemon()
        return LogLine(f"{component}: {text}"[:80], severity, "", "", component, "")

    # What is said

    def _row(self, rows):
        """A template of this split: held-out cases mix new templates with trained ones."""
        want_new = self.held_out and self.source.chance(fillers.UNSEEN_SHARE)
        while True:
            row = self.source.pick(rows)
            if row[-1] == want_new:
                return row[:-1]

    def _daemon(self):
        """(component, severity, message); now and then the message itself begins with a level word."""
        s = self.source
        if s.chance(0.1):
            component, severity, level, text = self._levelled()
            return component, severity, s.pick([f"{level} {text}", f"{level}: {text}", f"[{level}] {text}", f"level={level} msg=\"{text}\""])
        if s.chance(0.8):
            component, severity, text = self._row(messages.DAEMON)
            return component, severity, s.fill(text)
        severity, text = self._row(messages.APP)
        return s.daemon(), severity, s.fill(text)

    def _levelled(self):
        """(component, severity, level word, message): the level word rules."""
        s = self.source
        if s.chance(0.6):
            severity, text = self._row(messages.APP)
            text = s.fill(text)
        else:
            severity, text = s.pick(SEVERITIES), s.phrase(2, 9)
            if s.chance(0.3):
                text += s.pick([": ", " = ", " ", " at "]) + s.value(s.pick(["path", "id", "nnn", "ip", "dur", "size", "domain"]))
        component = s.app() if s.chance(0.85) else s.daemon()
        return component, severity, s.pick(LEVELS[severity]), text

    # When

    def _date(self):
        s = self.source
        return s.number(2019, 2029), s.number(1, 12), s.number(1, 28)

    def _clock(self):
        s = self.source
        return f"{s.number(0, 23):02d}:{s.number(0, 59):02d}:{s.number(0, 59):02d}"

    def _bsd(self):
        _, month, day = self._date()
        return f"{MONTHS[month - 1]} {day:2d} {self._clock()}"

    def _iso(self, separator=None, zones=None):
        s = self.source
        year, month, day = self._date()
        separator = separator or s.pick("TTT ")
        fraction = s.pick(["", "", f".{s.number(0, 999):03d}", f".{s.number(0, 999999):06d}"])
        zone = s.pick(zones if zones is not None else ["Z", "Z", "+00:00", "+01:00", "-05:00", "+0200", ""])
        return f"{year}-{month:02d}-{day:02d}{separator}{self._clock()}{fraction}{zone}"

    # In which form

    def _syslog(self):
        s = self.source
        component, severity, text = self._daemon()
        time, host = self._bsd(), s.host()
        tag = component + (f"[{s.number(2, 99999)}]" if s.chance(0.8) else "")
        return LogLine(f"{time} {host} {tag}: {text}", severity, time, host, component, text)

    def _journal_iso(self):
        s = self.source
        component, severity, text = self._daemon()
        time, host = self._iso("T", ["Z", "+00:00", "+01:00", "+0000", "-0800", "+02:00"]), s.host()
        tag = component + (f"[{s.number(2, 99999)}]" if s.chance(0.8) else "")
        return LogLine(f"{time} {host} {tag}: {text}", severity, time, host, component, text)

    def _kernel_syslog(self):
        s = self.source
        severity, text = self._row(messages.KERNEL)
        text = s.fill(text)
        if s.chance(0.6):
            text = f"[{s.number(0, 9999999):5d}.{s.number(0, 999999):06d}] {text}"
        time, host = (self._bsd() if s.chance(0.7) else self._iso("T", ["Z", "+00:00", "+01:00"])), s.host()
        return LogLine(f"{time} {host} kernel: {text}", severity, time, host, "kernel", text)

    def _dmesg(self):
        s = self.source
        severity, text = self._row(messages.KERNEL)
        text = s.fill(text)
        time = f"{s.number(0, 9999999)}.{s.number(0, 999999):06d}"
        pad = " " * max(0, 12 - len(time)) if s.chance(0.7) else ""
        return LogLine(f"[{pad}{time}] {text}", severity, time, "", "", text)

    def _iso_app(self):
        s = self.source
        component, severity, level, text = self._levelled()
        time = self._iso()
        form = s.number(0, 4)
        if form == 4:
            host = s.host()
            return LogLine(f"{time} {host} {level} {component}: {text}", severity, time, host, component, text)
        head = [f"{time} {level} {component}: ", f"{time} {level} [{component}] ", f"{time} [{level}] {component}: ", f"{time} {level}: {component}: "][form]
        return LogLine(head + text, severity, time, "", component, text)

    def _python(self):
        s = self.source
        component, severity, level, text = self._levelled()
        year, month, day = self._date()
        time = f"{year}-{month:02d}-{day:02d} {self._clock()},{s.number(0, 999):03d}"
        head = s.pick([f"{time} - {component} - {level} - ", f"{time} {level} {component} ", f"{time} {level} {component}: ", f"{time} [{level}] {component}: "])
        return LogLine(head + text, severity, time, "", component, text)

    def _bracketed(self):
        s = self.source
        component, severity, level, text = self._levelled()
        time = self._iso(" ", ["", "", "Z"])
        head = s.pick([f"[{time}] {component}.{level}: ", f"[{time}] [{level}] [{component}] ", f"[{time}] {level} {component}: ", f"[{level}] {time} {component}: "])
        return LogLine(head + text, severity, time, "", component, text)

    def _key_value(self):
        s = self.source
        component, severity, level, text = self._levelled()
        time = self._iso("T", ["Z", "Z", "+01:00"])
        key = s.pick(["component", "component", "logger", "module", "subsystem", "service"])
        tail = s.pick(["", "", f" id={s.value('id')}", f" duration={s.duration()} user={s.user()}", f" err=\"{s.phrase(1, 3)}\""])
        form = s.number(0, 4)
        if form == 0:
            return LogLine(f"level={level} {key}={component} msg=\"{text}\"{tail}", severity, "", "", component, text)
        if form == 1:
            return LogLine(f"ts={time} level={level} {key}={component} msg=\"{text}\"{tail}", severity, time, "", component, text)
        if form == 2:
            return LogLine(f"time=\"{time}\" level={level} msg=\"{text}\" {key}={component}{tail}", severity, time, "", component, text)
        if form == 3:
            return LogLine(f"time={time} level={level} msg=\"{text}\"{tail}", severity, time, "", "", text)
        host = s.host()
        return LogLine(f"ts={time} host={host} level={level} {key}={component} msg=\"{text}\"{tail}", severity, time, host, component, text)

    def _json(self):
        s = self.source
        component, severity, level, text = self._levelled()
        time = self._iso("T", ["Z", "+00:00"])
        tk, ck, mk = s.pick(["ts", "time", "timestamp", "@timestamp"]), s.pick(["logger", "component", "service", "name"]), s.pick(["msg", "message"])
        lead = [f"\"{tk}\":\"{time}\"", f"\"level\":\"{level}\"", f"\"{ck}\":\"{component}\"", f"\"{mk}\":\"{text}\""]
        host = ""
        if s.chance(0.3):
            host = s.host()
            lead.insert(1, f"\"host\":\"{host}\"")
        if s.chance(0.2):
            lead[0], lead[1] = lead[1], lead[0]
        return LogLine("{" + ",".join(lead) + "}", severity, time, host, component, text)

    def _glog(self):
        s = self.source
        component, severity, _, text = self._levelled()
        _, month, day = self._date()
        time = f"{month:02d}{day:02d} {self._clock()}.{s.number(0, 999999):06d}"
        letter = {"debug": "I", "info": "I", "warning": "W", "error": "E", "critical": "F"}[severity]
        severity = "info" if severity == "debug" else severity
        component = component.replace(".", "_") + ".go"
        return LogLine(f"{letter}{time} {s.number(1, 99999):7d} {component}:{s.number(10, 999)}] {text}", severity, time, "", component, text)

    def _nginx_error(self):
        s = self.source
        level, severity, text = self._row(messages.NGINX)
        text = s.fill(text)
        year, month, day = self._date()
        time = f"{year}/{month:02d}/{day:02d} {self._clock()}"
        pid = s.number(2, 99999)
        head = f"{time} [{level}] {pid}#{pid}: " + (f"*{s.number(1, 99999)} " if s.chance(0.7) else "")
        return LogLine(head + text, severity, time, "", "", text)

    def _access(self):
        s = self.source
        _, month, day = self._date()
        time = f"{day:02d}/{MONTHS[month - 1]}/{s.number(2019, 2029)}:{self._clock()} {s.pick(['+0000', '+0100', '-0500'])}"
        status = s.pick([200, 200, 200, 204, 301, 304, 400, 401, 403, 404, 404, 429, 500, 502, 503, 504])
        severity = "info" if status < 400 else "warning" if status < 500 else "error"
        text = f"\"{s.pick(['GET', 'GET', 'POST', 'PUT', 'DELETE', 'HEAD'])} {s.url()} HTTP/{s.pick(['1.1', '1.0', '2.0'])}\" {status} {s.number(0, 99999)}"
        if s.chance(0.5):
            agent = s.pick([f"curl/{s.value('ver')}", "Mozilla/5.0 (X11; Linux x86_64)", "kube-probe/1.29", "-", f"{s.syllables()}/{s.number(1, 9)}.0"])
            text += f" \"-\" \"{agent}\""
        return LogLine(f"{s.ip()} - {s.pick(['-', '-', s.user()])} [{time}] {text}", severity, time, "", "", text)

    def _postgres(self):
        s = self.source
        level, severity, text = self._row(messages.POSTGRES)
        text = s.fill(text)
        year, month, day = self._date()
        time = f"{year}-{month:02d}-{day:02d} {self._clock()}.{s.number(0, 999):03d} {s.pick(['UTC', 'CET', 'UTC', 'EST'])}"
        who = s.pick(["", "", f" {s.user()}@{s.app()}"])
        return LogLine(f"{time} [{s.number(2, 99999)}]{who} {level}:  {text}", severity, time, "", "", text)

    def _bare(self):
        s = self.source
        component, severity, level, text = self._levelled()
        form = s.number(0, 3)
        if form == 0:
            return LogLine(f"{level}: {text}", severity, "", "", "", text)
        if form == 1:
            return LogLine(f"{level} {component}: {text}", severity, "", "", component, text)
        if form == 2:
            return LogLine(f"[{level}] {component}: {text}", severity, "", "", component, text)
        component, severity, text = self._daemon()
        return LogLine(f"{component}: {text}", severity, "", "", component, text)

    def _java(self):
        s = self.source
        component, severity, level, text = self._levelled()
        component = f"{s.pick(['com', 'org', 'io', 'net'])}.{s.syllables(1, 2)}.{s.pick(messages_words(component))}"
        time = s.pick([f"{self._clock()}.{s.number(0, 999):03d}", self._iso(" ", [""])])
        thread = s.pick(["main", f"http-nio-8080-exec-{s.number(1, 20)}", f"pool-{s.number(1, 9)}-thread-{s.number(1, 9)}"])
        return LogLine(f"{time} [{thread}] {level} {component} - {text}", severity, time, "", component, text)

    def _redis(self):
        s = self.source
        mark, severity, text = s.pick([
            ("*", "info", f"Background saving started by pid {s.number(2, 99999)}"), ("*", "info", "DB saved on disk"), ("*", "info", "Ready to accept connections"),
            ("#", "warning", f"Connection with replica {s.ip()}:6379 lost."), ("#", "error", f"Failed opening the RDB file {s.file()} for saving: Permission denied"),
            (".", "debug", f"{s.number(1, 99)} clients connected (0 replicas), {s.number(100, 9999999)} bytes in use"), ("#", "critical", "Out Of Memory allocating " + str(s.number(1000, 999999)) + " bytes!")])
        _, month, day = self._date()
        time = f"{day:02d} {MONTHS[month - 1]} {s.number(2019, 2029)} {self._clock()}.{s.number(0, 999):03d}"
        return LogLine(f"{s.number(1, 99999)}:{s.pick('MSC')} {time} {mark} {text}", severity, time, "", "", text)

    def _apache_error(self):
        s = self.source
        year, month, day = self._date()
        time = f"{s.pick(DAYS)} {MONTHS[month - 1]} {day:02d} {self._clock()}.{s.number(0, 999999):06d} {year}"
        component = s.pick(["proxy", "core", "ssl", "mpm_event", "authz_core", "php", "rewrite", "proxy_http", "cgid", "auth_basic"])
        level, severity = s.pick([("error", "error"), ("warn", "warning"), ("notice", "info"), ("crit", "critical"), ("debug", "debug"), ("info", "info"), ("emerg", "critical")])
        text = f"AH{s.number(0, 9999):05d}: " + (s.fill(self._row(messages.APP)[1]) if s.chance(0.5) else s.phrase(2, 7))
        return LogLine(f"[{time}] [{component}:{level}] [pid {s.number(2, 99999)}] {text}", severity, time, "", component, text)

    def _rust(self):
        s = self.source
        component, severity, level, text = self._levelled()
        component = component.replace(".", "::").replace("-", "_")
        time = self._iso("T", ["Z"])
        head = s.pick([f"[{time} {level.upper()} {component}] ", f"{time} {level.upper():>5} {component}: "])
        return LogLine(head + text, severity, time, "", component, text)

    def _clock_only(self):
        s = self.source
        component, severity, level, text = self._levelled()
        time = self._clock() + s.pick(["", f".{s.number(0, 999):03d}"])
        if s.chance(0.5):
            host = s.host()
            return LogLine(f"{time} {host} {component}: {level.lower()}: {text}", severity, time, host, component, f"{level.lower()}: {text}")
        return LogLine(f"{time} {level} {component}: {text}", severity, time, "", component, text)

    def _dpkg(self):
        s = self.source
        package = f"{s.pick(['lib', ''])}{s.syllables()}{s.number(1, 9)}:{s.pick(['amd64', 'all'])}"
        text = s.pick([f"status installed {package} {s.value('ver')}-{s.number(1, 9)}", f"upgrade {package} {s.value('ver')} {s.value('ver')}",
                       f"configure {package} {s.value('ver')}-{s.number(1, 9)} <none>", "startup packages configure", f"status unpacked {package} {s.value('ver')}"])
        time = self._iso(" ", [""]).split(".")[0]
        return LogLine(f"{time} {text}", "info", time, "", "", text)

    def _container(self):
        s = self.source
        _, severity, level, text = self._levelled()
        time = self._iso("T", ["Z"])
        text = f"{level} {text}"
        return LogLine(f"{time} {s.pick(['stderr', 'stdout'])} F {text}", severity, time, "", "", text)

    def _spring(self):
        s = self.source
        component, severity, level, text = self._levelled()
        component = f"{s.pick('coin')}.{s.pick('abcdefg')}.{s.syllables(1, 2)}.{s.pick(messages_words(component))}"
        time = self._iso("T", ["Z", "+01:00"])
        return LogLine(f"{time} {level.upper():>5} {s.number(1, 99999)} --- [{s.pick(['main', 'nio-8080-exec-' + str(s.number(1, 9))])}] {component} : {text}", severity, time, "", component, text)


def messages_words(component):
    """A component's words as a class name, as Java loggers spell it."""
    words = [w for w in component.replace("-", ".").replace("_", ".").replace("/", ".").split(".") if w]
    name = "".join(w.capitalize() for w in words)
    return [name, name + "Service", name + "Client", name + "Controller"]
