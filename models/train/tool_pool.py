"""The tools that training cases offer, the requests that call for them, and results they may give.

A request is a template whose {parameter} marks are filled by the parameter's maker; the arguments are what was
filled in, in the order of the schema's properties. `fixed` adds arguments that the wording alone implies.
"""
from dataclasses import dataclass, field

from chat import compact
import fillers
from fillers import USERS, WORDS, ZONES, Source

CITIES = "Berlin Paris London Madrid Rome Vienna Oslo Lisbon Prague Warsaw Dublin Athens Tokyo Delhi Cairo Lima Quito Boston Chicago Denver Toronto Sydney Seoul Hanoi Geneva Munich Hamburg Lyon Porto Turin".split()
CITY_ZONES = {"Berlin": "Europe/Berlin", "Paris": "Europe/Paris", "London": "Europe/London", "Madrid": "Europe/Madrid", "Rome": "Europe/Rome",
              "New York": "America/New_York", "Tokyo": "Asia/Tokyo", "Singapore": "Asia/Singapore", "Sydney": "Australia/Sydney", "Cairo": "Africa/Cairo"}


@dataclass
class Tool:
    names: list            # spellings of the name; a case draws one
    descriptions: list
    properties: dict       # parameter -> JSON schema
    required: list
    requests: list         # (template, fixed arguments) pairs; the last is kept for held-out cases
    makers: dict           # parameter -> function of Source
    result: object         # function of (Source, arguments) -> text of the tool turn
    described: dict = field(default_factory=dict)  # parameter -> description, sometimes shown
    box: dict = None       # the listing of the box's own tool of this kind, drawn half of the time


def T(kind, **more):
    return {"type": kind, **more}


def enum(*values):
    return {"type": "string", "enum": list(values)}


def integer(low, high):
    return lambda s: s.number(low, high)


def one_of(*values):
    return lambda s: s.pick(values)


def city(s):
    return s.pick(CITIES) if s.chance(0.5) else s.syllables(2, 3).capitalize()


def person(s):
    return s.pick(USERS) if s.chance(0.4) else s.syllables(1, 3)


def phrase(low, high):
    return lambda s: s.phrase(low, high)


def any_path(s):
    return s.path() if s.chance(0.45) else s.file()


def pattern(s):
    return s.pick([lambda: s.pick(["error", "ERROR", "timeout", "failed", "refused", "denied", "warning", "panic", "killed", "404", "500"]), s.word, s.ip, s.user, lambda: s.value("id"), lambda: f"{s.word()} {s.word()}"])()


def mail(s):
    return f"{person(s)}@{s.syllables(1, 2)}.{s.pick(['com', 'org', 'net', 'io'])}"


def web(s):
    return "https://" + s.domain() + (s.url() if s.chance(0.5) else "")


def expression(s):
    a, b, c = (s.number(1, s.pick([9, 99, 999, 9999])) for _ in range(3))
    op, op2 = s.pick("+-*/"), s.pick("+-*/")
    form = s.number(0, 6)
    return [f"{a} * 100 / {b}", f"{a} {op} {b}", f"{a}{op}{b}", f"({a} {op} {b}) {op2} {c}", f"{a} {op} {b} {op2} {c}", f"({a}{op}{b}){op2}{c}", f"{a}.{s.number(1, 99)} {op} {b}"][form]


def calc_request(s, held_out):
    """(request, arguments): some are copied, some said in words."""
    a, b = s.number(1, s.pick([9, 99, 999])), s.number(1, s.pick([9, 99, 999]))
    worded = [
        (f"What is {a} times {b}?", f"{a} * {b}"), (f"What is {a} plus {b}?", f"{a} + {b}"), (f"What is {a} minus {b}?", f"{a} - {b}"),
        (f"What is {a} divided by {b}?", f"{a} / {b}"), (f"Add {a} and {b}.", f"{a} + {b}"), (f"Multiply {a} by {b}.", f"{a} * {b}"),
        (f"Divide {a} by {b}.", f"{a} / {b}"), (f"How much is {a} times {b}?", f"{a} * {b}"), (f"How much is {a} plus {b}?", f"{a} + {b}"),
        (f"Subtract {b} from {a}.", f"{a} - {b}"), (f"What do {a} and {b} add up to?", f"{a} + {b}"), (f"Calculate {a} minus {b}.", f"{a} - {b}")]
    if s.chance(0.45):
        text, value = s.pick(worded)
    else:
        value = expression(s)
        forms = ["What is {}?", "Compute {}.", "Calculate {}", "How much is {}?", "Work out {} for me.", "Please calculate {}.", "{}", "Evaluate {}.", "Use calc to work out {}.", "Solve {}"]
        text = (forms[-1] if held_out and s.chance(fillers.UNSEEN_SHARE) else s.pick(forms[:-1])).format(value)
    return text, {"expression": value}


def clock_request(s, held_out):
    if s.chance(0.35):
        forms = ["What time is it?", "What is the time now?", "Tell me the current time.", "What day is it today?", "What is today's date?", "Which date is it?", "Give me the time in UTC."]
        return s.pick(forms), {"zone": "UTC"}
    if s.chance(0.3):
        town = s.pick(list(CITY_ZONES))
        return s.pick(["What time is it in {}?", "Tell me the time in {}.", "What is the local time in {}?"]).format(town), {"zone": CITY_ZONES[town]}
    zone = s.pick(ZONES)
    forms = ["What time is it in {}?", "Current time in {}, please.", "What is the time in the zone {}?", "Tell me the time in {}.", "Show the clock for {}.", "Which hour is it in {}?"]
    return (forms[-1] if held_out and s.chance(fillers.UNSEEN_SHARE) else s.pick(forms[:-1])).format(zone), {"zone": zone}


def number_result(s, _):
    return s.pick([str(s.number(0, 99999)), f"{s.number(0, 999)}.{s.number(0, 99):02d}", f"-{s.number(1, 999)}"])


def time_result(s, _):
    date = f"20{s.number(20, 35)}-{s.number(1, 12):02d}-{s.number(1, 28):02d}"
    clock = f"{s.number(0, 23):02d}:{s.number(0, 59):02d}:{s.number(0, 59):02d}"
    return s.pick([f"{date}T{clock}Z", f"{date} {clock}", f"{date}T{clock}+0{s.number(0, 9)}:00"])


def done(s, _):
    return s.pick(["ok", "done", '{"ok":true}', '{"status":"done"}', f'{{"id":{s.number(1, 99999)}}}'])


def fields(*makers):
    """A compact JSON object of one to three of the given (key, maker) fields."""
    def make(s, _):
        count = s.number(1, len(makers))
        start = s.number(0, len(makers) - count)
        parts = []
        for key, maker in makers[start:start + count]:
            value = maker(s)
            parts.append(f'"{key}":' + (str(value) if isinstance(value, (int, float)) else f'"{value}"'))
        return "{" + ",".join(parts) + "}"
    return make


READ_LOG = None  # set by tasks.py: function of Source -> a log line (results of file.read and text.search)


def some_line(s):
    return READ_LOG(s) if s.chance(0.6) else s.phrase(3, 8)


def calc_result(s, arguments):
    value = number_result(s, arguments)
    return f'{{"result":{value}}}' if s.chance(0.6) else value


def clock_result(s, arguments):
    if s.chance(0.4):
        return time_result(s, arguments)
    time = f"20{s.number(20, 35)}-{s.number(1, 12):02d}-{s.number(1, 28):02d}T{s.number(0, 23):02d}:{s.number(0, 59):02d}:{s.number(0, 59):02d}{s.pick('++-')}{s.pick(['00:00', '01:00', '05:30', '08:00', '02:00'])}"
    return compact({"time": time, "zone": arguments.get("zone", "UTC"), "weekday": s.pick("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())})


def file_result(s, arguments):
    lines = [some_line(s) for _ in range(s.number(1, 4))]
    if s.chance(0.4):
        return "\n".join(lines)
    first = arguments.get("first_line", 1)
    return compact({"text": "\n".join(lines), "first_line": first, "lines": len(lines), "total_lines": first + len(lines) + s.number(0, 900), "truncated": s.chance(0.1)})


def search_result(s, _):
    form = s.random.random()
    if form < 0.1:
        return s.pick(["", "[]", "no match"])
    count = 0 if form < 0.2 else s.number(1, 3)
    lines, numbers = [some_line(s) for _ in range(count)], sorted(s.number(1, 2000) for _ in range(count))
    if form < 0.65:
        more = s.number(1, 99) if count and s.chance(0.2) else 0
        return compact({"count": count + more, "lines": lines, "numbers": numbers, "truncated": more > 0})
    if form < 0.75:
        return compact([{"line": n, "text": text} for n, text in zip(numbers, lines)])
    return "\n".join(f"{n}: {text}" for n, text in zip(numbers, lines))


def box(name, description, properties, *required):
    parameters = {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
    return {"name": name, "description": description, "parameters": parameters}


# As the daemon lists them (src/Appliance/Tools).
BOX_CALC = box("calc", "Calculates an arithmetic expression.", {"expression": T("string", minLength=1, maxLength=1000)}, "expression")
BOX_CLOCK = box("clock", "Tells the date and the time now.", {"zone": T("string", description="IANA time zone, UTC when absent")})
BOX_READ = box("file.read", "Reads lines of a file.", {"path": T("string", description="name of the file"), "first_line": T("integer", minimum=1), "lines": T("integer", minimum=1)}, "path")
BOX_SEARCH = box("text.search", "Finds the lines of a file that match a pattern.", {
    "path": T("string", description="name of the file"), "pattern": T("string", description="text or simple regular expression", minLength=1, maxLength=512),
    "limit": T("integer", minimum=1, maximum=1000)}, "path", "pattern")
BOX_NOTE = box("note.append", "Adds a line to a note of this run.", {"note": T("string", description="letters, digits, - and _", minLength=1, maxLength=64), "line": T("string", maxLength=4096)}, "note", "line")


POOL = [
    Tool(["calc", "calc", "calc", "calculator", "math.eval"], ["Evaluates an arithmetic expression.", "Calculate an expression.", "Works out a sum: + - * / and brackets.", "Evaluate arithmetic."],
         {"expression": T("string")}, ["expression"], calc_request, {}, calc_result, {"expression": "for example 2 * (3 + 4)"}, BOX_CALC),
    Tool(["clock", "clock", "clock", "time.now", "get_time"], ["Tells the current date and time in a time zone.", "The time now.", "Current time of a zone, UTC by default."],
         {"zone": T("string")}, [], clock_request, {}, clock_result, {"zone": "IANA name, UTC by default"}, BOX_CLOCK),
    Tool(["file.read", "file.read", "file.read", "read_file"], ["Reads lines of a file.", "Read a file of the run's inputs.", "Returns a part of a text file."],
         {"path": T("string"), "first_line": T("integer"), "lines": T("integer")}, ["path"],
         [("Read the file {path}.", {}), ("Show me {path}.", {}), ("Open {path} and show it.", {}), ("What is in {path}?", {}), ("Print {path}", {}), ("What does the file {path} say?", {}),
          ("Read {lines} lines of {path}.", {}), ("Show {lines} lines of {path} from line {first_line}.", {}), ("Read {lines} lines of {path} starting at line {first_line}.", {}),
          ("Read {path} from line {first_line}.", {}), ("Show the first {lines} lines of {path}.", {"first_line": 1}), ("Read the first {lines} lines of {path}.", {"first_line": 1}),
          ("Give me {lines} lines from {path}, beginning with line {first_line}.", {}), ("Display the file {path}.", {})],
         {"path": any_path, "first_line": integer(1, 900), "lines": integer(2, 200)}, file_result, {"path": "the file", "first_line": "first line to read, from 1", "lines": "how many lines"}, BOX_READ),
    Tool(["text.search", "text.search", "text.search", "grep", "search_text"], ["Finds the lines of a file that contain a pattern.", "Search a text file.", "Searches a file for a pattern."],
         {"path": T("string"), "pattern": T("string")}, ["path", "pattern"],
         [("Search {path} for {pattern}.", {}), ("Find {pattern} in {path}.", {}), ("Find \"{pattern}\" in {path}", {}), ("Look for {pattern} in the file {path}.", {}), ("Which lines of {path} contain {pattern}?", {}),
          ("Does {path} mention {pattern}?", {}), ("Search for \"{pattern}\" in {path}.", {}), ("Where does {pattern} occur in {path}?", {}), ("Show every line with {pattern} in {path}.", {}),
          ("List the lines of {path} that have {pattern}.", {})],
         {"path": any_path, "pattern": pattern}, search_result, {"path": "the file", "pattern": "what to look for"}, BOX_SEARCH),
    Tool(["note.append", "append_note"], ["Adds a line to a note.", "Appends a line to a named note."], {"note": T("string"), "line": T("string")}, ["note", "line"],
         [("Add \"{line}\" to the note {note}.", {}), ("Append \"{line}\" to the note {note}.", {}), ("Write \"{line}\" into the note {note}.", {}), ("Put \"{line}\" in the note {note}, please.", {}), ("Note {note}: add the line \"{line}\".", {})],
         {"note": lambda s: s.syllables(1, 2) if s.chance(0.5) else s.word(), "line": phrase(2, 6)}, lambda s, a: compact({"note": a["note"], "bytes": s.number(5, 999)}), {}, BOX_NOTE),
    Tool(["weather", "get_weather", "weather.now"], ["Current weather of a city.", "Tells the weather in a city."], {"city": T("string"), "unit": enum("celsius", "fahrenheit")}, ["city"],
         [("What is the weather in {city}?", {}), ("How is the weather in {city} today?", {}), ("Weather in {city} in {unit}, please.", {}), ("Tell me the weather for {city}.", {}), ("Is it raining in {city}?", {}), ("What is the temperature in {city} in {unit}?", {}), ("Give me the weather of {city}.", {})],
         {"city": city, "unit": one_of("celsius", "fahrenheit")}, fields(("temperature", integer(-20, 40)), ("sky", one_of("clear", "cloudy", "rain", "snow", "fog")), ("wind", integer(0, 90)))),
    Tool(["mail.send", "send_email", "email"], ["Sends an e-mail.", "Send a mail to an address."], {"to": T("string"), "subject": T("string"), "body": T("string")}, ["to", "subject"],
         [("Send a mail to {to} with the subject \"{subject}\".", {}), ("E-mail {to}: subject \"{subject}\", text \"{body}\".", {}), ("Write to {to} about \"{subject}\".", {}), ("Send an email to {to}, subject \"{subject}\" and body \"{body}\".", {}), ("Mail {to} with subject \"{subject}\".", {})],
         {"to": mail, "subject": phrase(1, 4), "body": phrase(2, 7)}, done),
    Tool(["file.write", "write_file", "save_file"], ["Writes text into a file.", "Saves a text as a file."], {"path": T("string"), "text": T("string"), "append": T("boolean")}, ["path", "text"],
         [("Write \"{text}\" to {path}.", {}), ("Save \"{text}\" in {path}.", {}), ("Append \"{text}\" to {path}.", {"append": True}), ("Put the text \"{text}\" into {path}.", {}), ("Add \"{text}\" at the end of {path}.", {"append": True}), ("Store \"{text}\" as {path}.", {})],
         {"path": any_path, "text": phrase(2, 6)}, done),
    Tool(["file.list", "list_files", "ls"], ["Lists the files of a folder.", "What a folder contains."], {"folder": T("string"), "recursive": T("boolean")}, ["folder"],
         [("List the files in {folder}.", {}), ("Which files are in the folder {folder}?", {}), ("List everything below {folder} recursively.", {"recursive": True}), ("Show the contents of the folder {folder}.", {}), ("What files does the folder {folder} hold?", {})],
         {"folder": lambda s: f"/{s.pick(['var/log', 'etc', 'srv', 'opt', 'home', 'data'])}/{s.syllables(1, 2)}"}, lambda s, _: "\n".join(s.file() for _ in range(s.number(1, 4)))),
    Tool(["file.delete", "delete_file", "remove_file"], ["Deletes a file.", "Removes one file for good."], {"path": T("string")}, ["path"],
         [("Delete {path}.", {}), ("Remove the file {path}.", {}), ("Please delete the file {path}", {}), ("Get rid of {path}.", {}), ("Erase {path}.", {})], {"path": any_path}, done),
    Tool(["service.restart", "restart_service"], ["Restarts a system service.", "Restart one service."], {"service": T("string"), "force": T("boolean")}, ["service"],
         [("Restart {service}.", {}), ("Restart the service {service}.", {}), ("Please restart {service} now.", {}), ("Force a restart of {service}.", {"force": True}), ("The service {service} hangs, restart it.", {}), ("Do a restart of {service}.", {})],
         {"service": lambda s: s.unit()}, done),
    Tool(["service.status", "service_status", "unit.status"], ["Status of a system service.", "Tells whether a service runs."], {"service": T("string")}, ["service"],
         [("Is {service} running?", {}), ("What is the status of {service}?", {}), ("Check the service {service}.", {}), ("How is the service {service} doing?", {}), ("Tell me whether {service} is up.", {})],
         {"service": lambda s: s.unit()}, fields(("state", one_of("active", "inactive", "failed")), ("uptime", lambda s: s.duration()))),
    Tool(["host.ping", "ping", "ping_host"], ["Pings a host.", "Measures the round trip to a host."], {"host": T("string"), "count": T("integer")}, ["host"],
         [("Ping {host}.", {}), ("Ping {host} {count} times.", {}), ("Can you reach {host}?", {}), ("Is the host {host} reachable?", {}), ("Send {count} pings to {host}.", {}), ("Try to ping {host}.", {})],
         {"host": lambda s: s.pick([s.host, s.ip])(), "count": integer(2, 20)}, fields(("milliseconds", integer(1, 300)), ("lost", integer(0, 5)))),
    Tool(["disk.usage", "disk_usage", "df"], ["Disk usage of a path.", "How full a file system is."], {"path": T("string")}, ["path"],
         [("How full is {path}?", {}), ("Disk usage of {path}?", {}), ("How much space is left on {path}?", {}), ("Check the disk space of {path}.", {}), ("How much disk does {path} use?", {})],
         {"path": lambda s: "/" + s.pick(["var", "home", "data", "srv", "tmp", "opt", "boot", s.syllables(1, 2)])}, fields(("used_percent", integer(1, 99)), ("free", lambda s: s.size()))),
    Tool(["process.kill", "kill_process"], ["Ends a process.", "Sends a signal to a process."], {"pid": T("integer"), "signal": enum("TERM", "KILL", "HUP", "INT")}, ["pid"],
         [("Kill process {pid}.", {}), ("End the process {pid}.", {}), ("Send {signal} to process {pid}.", {}), ("Stop the process with pid {pid}.", {}), ("Send the signal {signal} to {pid}.", {}), ("Terminate process {pid}.", {})],
         {"pid": integer(2, 99999), "signal": one_of("TERM", "KILL", "HUP", "INT")}, done),
    Tool(["gpu.status", "gpu_info"], ["State of a GPU.", "Temperature, load and memory of a GPU."], {"gpu": T("integer")}, ["gpu"],
         [("How is GPU {gpu}?", {}), ("Show the state of GPU {gpu}.", {}), ("How hot is GPU {gpu}?", {}), ("What is the load of GPU {gpu}?", {}), ("Check GPU number {gpu}.", {})],
         {"gpu": integer(0, 15)}, fields(("temperature", integer(30, 95)), ("load_percent", integer(0, 100)), ("memory_used", lambda s: s.size()))),
    Tool(["user.add", "create_user", "add_user"], ["Creates a user account.", "Adds a user with a role."], {"name": T("string"), "role": enum("admin", "operator", "viewer")}, ["name", "role"],
         [("Create a user {name} as {role}.", {}), ("Add the user {name} with the role {role}.", {}), ("Make an account {name} with role {role}.", {}), ("New {role} account for {name}, please.", {}), ("Give {name} an account as {role}.", {})],
         {"name": person, "role": one_of("admin", "operator", "viewer")}, done),
    Tool(["user.remove", "delete_user"], ["Removes a user account.", "Deletes a user."], {"name": T("string")}, ["name"],
         [("Remove the user {name}.", {}), ("Delete the account of {name}.", {}), ("The user {name} has left, remove the account.", {}), ("Delete user {name}", {}), ("Drop the user {name}.", {})], {"name": person}, done),
    Tool(["note.add", "add_note", "remember"], ["Keeps a note.", "Stores a short note."], {"text": T("string")}, ["text"],
         [("Note: {text}", {}), ("Remember that {text}.", {}), ("Make a note: {text}.", {}), ("Keep the note \"{text}\".", {}), ("Take down a note: {text}.", {})], {"text": phrase(2, 7)}, done),
    Tool(["timer.set", "set_timer", "alarm"], ["Sets a timer.", "Starts a countdown."], {"minutes": T("integer"), "label": T("string")}, ["minutes"],
         [("Set a timer for {minutes} minutes.", {}), ("Set a timer of {minutes} minutes called {label}.", {}), ("Wake me in {minutes} minutes.", {}), ("Start a {minutes} minute timer.", {}), ("Timer for {minutes} minutes named {label}.", {}), ("Count down {minutes} minutes.", {})],
         {"minutes": integer(1, 240), "label": lambda s: s.word()}, done),
    Tool(["translate", "translate_text"], ["Translates a text.", "Translate into another language."], {"text": T("string"), "language": enum("german", "french", "spanish", "italian", "polish")}, ["text", "language"],
         [("Translate \"{text}\" into {language}.", {}), ("Say \"{text}\" in {language}.", {}), ("How do you say \"{text}\" in {language}?", {}), ("Give me \"{text}\" in {language}.", {})],
         {"text": phrase(1, 5), "language": one_of("german", "french", "spanish", "italian", "polish")}, lambda s, _: s.phrase(1, 4)),
    Tool(["convert", "unit.convert", "convert_units"], ["Converts between units.", "Converts a value to another unit."], {"value": T("number"), "from": enum("km", "mile", "kg", "pound", "liter", "gallon"), "to": enum("km", "mile", "kg", "pound", "liter", "gallon")}, ["value", "from", "to"],
         [("Convert {value} {from} to {to}.", {}), ("How many {to} are {value} {from}?", {}), ("{value} {from} in {to}?", {}), ("Change {value} {from} into {to}.", {})],
         {"value": lambda s: s.number(1, 999) if s.chance(0.6) else round(s.number(1, 999) + s.number(1, 9) / 10, 1), "from": one_of("km", "mile", "kg", "pound", "liter", "gallon"), "to": one_of("km", "mile", "kg", "pound", "liter", "gallon")}, number_result),
    Tool(["dns.lookup", "resolve", "dns_lookup"], ["Resolves a host name.", "Looks a name up in DNS."], {"name": T("string"), "type": enum("A", "AAAA", "MX", "TXT")}, ["name"],
         [("Resolve {name}.", {}), ("What is the address of {name}?", {}), ("Look up the {type} record of {name}.", {}), ("DNS lookup of {name}", {}), ("Which {type} records does {name} have?", {}), ("Find the IP of {name} in DNS.", {})],
         {"name": lambda s: s.domain(), "type": one_of("A", "AAAA", "MX", "TXT")}, lambda s, _: s.ip()),
    Tool(["http.get", "fetch_url", "web.fetch"], ["Fetches a web address.", "Gets a URL."], {"url": T("string"), "timeout": T("integer")}, ["url"],
         [("Fetch {url}", {}), ("Get the page {url}", {}), ("Download {url} with a timeout of {timeout} seconds.", {}), ("Open the address {url}", {}), ("What does {url} return?", {})],
         {"url": web, "timeout": integer(2, 120)}, fields(("status", one_of(200, 301, 404, 500)), ("bytes", integer(10, 99999)))),
    Tool(["ticket.create", "create_ticket", "issue.open"], ["Opens a ticket.", "Creates a ticket with a priority."], {"title": T("string"), "priority": enum("low", "medium", "high", "urgent")}, ["title", "priority"],
         [("Open a {priority} ticket: {title}.", {}), ("Create a ticket \"{title}\" with {priority} priority.", {}), ("File a ticket titled \"{title}\", priority {priority}.", {}), ("We need a {priority} priority ticket for \"{title}\".", {})],
         {"title": phrase(2, 6), "priority": one_of("low", "medium", "high", "urgent")}, fields(("ticket", integer(100, 99999)), ("state", one_of("open", "new")))),
    Tool(["ticket.close", "close_ticket"], ["Closes a ticket.", "Marks a ticket as solved."], {"ticket": T("integer")}, ["ticket"],
         [("Close ticket {ticket}.", {}), ("Ticket {ticket} is solved, close it.", {}), ("Please close the ticket {ticket}", {}), ("Mark ticket {ticket} as closed.", {})], {"ticket": integer(100, 99999)}, done),
    Tool(["db.query", "run_query", "sql"], ["Runs a database query.", "Runs SQL and returns rows."], {"database": T("string"), "query": T("string")}, ["database", "query"],
         [("Run \"{query}\" on the database {database}.", {}), ("Query {database}: \"{query}\"", {}), ("On database {database}, run \"{query}\".", {}), ("Execute \"{query}\" in the database {database}.", {})],
         {"database": lambda s: s.app(), "query": lambda s: s.pick([f"SELECT * FROM {s.word()}", f"SELECT count(*) FROM {s.word()}", f"SELECT {s.word()} FROM {s.word()} WHERE id = {s.number(1, 999)}"])}, fields(("rows", integer(0, 9999)))),
    Tool(["backup.start", "start_backup", "backup"], ["Starts a backup.", "Backs up a folder to a target."], {"source": T("string"), "target": T("string")}, ["source"],
         [("Back up {source}.", {}), ("Start a backup of {source} to {target}.", {}), ("Make a backup of {source}.", {}), ("Back up {source} to {target}, please.", {}), ("Run the backup of {source}.", {})],
         {"source": lambda s: f"/{s.pick(['srv', 'home', 'var/lib', 'data'])}/{s.syllables(1, 2)}", "target": lambda s: s.host()}, done),
    Tool(["log.level", "set_log_level"], ["Sets the log level of a component.", "Changes how much a component logs."], {"component": T("string"), "level": enum("debug", "info", "warning", "error")}, ["component", "level"],
         [("Set the log level of {component} to {level}.", {}), ("Let {component} log at {level}.", {}), ("Change the log level of {component} to {level}.", {}), ("{component} should log at level {level}.", {})],
         {"component": lambda s: s.app(), "level": one_of("debug", "info", "warning", "error")}, done),
    Tool(["light.switch", "set_light", "lamp"], ["Switches a light.", "Turns a light on or off."], {"room": T("string"), "on": T("boolean")}, ["room", "on"],
         [("Turn on the light in the {room}.", {"on": True}), ("Turn off the light in the {room}.", {"on": False}), ("Switch the {room} light on.", {"on": True}), ("Switch the {room} light off.", {"on": False}), ("Light on in the {room}, please.", {"on": True}), ("Make it dark in the {room}.", {"on": False})],
         {"room": lambda s: s.pick(["kitchen", "office", "hall", "cellar", "garage", "bedroom", "attic", "lab", s.syllables(1, 2)])}, done),
    Tool(["volume.set", "set_volume"], ["Sets the volume.", "Changes the loudness in percent."], {"percent": T("integer")}, ["percent"],
         [("Set the volume to {percent} percent.", {}), ("Volume {percent}.", {}), ("Change the volume to {percent}%.", {}), ("Make the volume {percent} percent.", {})], {"percent": integer(0, 100)}, done),
    Tool(["stock.count", "count_stock", "inventory.count"], ["Counts the stock of a product.", "How many pieces of a product are there."], {"product": T("string"), "warehouse": T("string")}, ["product"],
         [("How many {product} do we have?", {}), ("How many {product} are in the warehouse {warehouse}?", {}), ("Count the stock of {product}.", {}), ("Stock of {product} in warehouse {warehouse}?", {}), ("Tell me how many {product} are left.", {})],
         {"product": lambda s: s.syllables(1, 2) + "s", "warehouse": city}, fields(("pieces", integer(0, 9999)))),
    Tool(["order.find", "find_order", "order_status"], ["Finds an order by its number.", "State of an order."], {"order": T("integer")}, ["order"],
         [("Where is order {order}?", {}), ("What is the state of order {order}?", {}), ("Find the order {order}.", {}), ("Track order {order}.", {}), ("Has order {order} been shipped?", {})], {"order": integer(100, 999999)},
         fields(("state", one_of("shipped", "open", "paid", "cancelled")), ("items", integer(1, 40)))),
    Tool(["meeting.book", "book_meeting", "calendar.add"], ["Books a meeting.", "Adds a meeting to the calendar."], {"with": T("string"), "day": enum("monday", "tuesday", "wednesday", "thursday", "friday"), "hour": T("integer")}, ["with", "day", "hour"],
         [("Book a meeting with {with} on {day} at {hour}.", {}), ("Meet {with} on {day} at {hour}, please.", {}), ("Plan a meeting with {with} for {day} at {hour}.", {}), ("Put a meeting with {with} in my calendar, {day} at {hour}.", {})],
         {"with": person, "day": one_of("monday", "tuesday", "wednesday", "thursday", "friday"), "hour": integer(7, 19)}, done),
    Tool(["random.number", "random_int", "dice"], ["Draws a random number.", "A random whole number of a range."], {"low": T("integer"), "high": T("integer")}, ["low", "high"],
         [("Give me a random number between {low} and {high}.", {}), ("Draw a number from {low} to {high}.", {}), ("Pick a random number between {low} and {high}.", {}), ("Roll a number between {low} and {high}.", {})],
         {"low": integer(0, 50), "high": integer(51, 999)}, number_result),
    Tool(["money.convert", "currency"], ["Converts money.", "Converts an amount to another currency."], {"amount": T("number"), "from": enum("EUR", "USD", "GBP", "CHF", "JPY"), "to": enum("EUR", "USD", "GBP", "CHF", "JPY")}, ["amount", "from", "to"],
         [("How much are {amount} {from} in {to}?", {}), ("Exchange {amount} {from} to {to}.", {}), ("What is {amount} {from} in {to}?", {}), ("Change {amount} {from} into {to}, please.", {})],
         {"amount": lambda s: s.number(1, 9999) if s.chance(0.6) else s.number(100, 99999) / 100, "from": one_of("EUR", "USD", "GBP", "CHF", "JPY"), "to": one_of("EUR", "USD", "GBP", "CHF", "JPY")}, number_result),
    Tool(["model.load", "load_model"], ["Loads a model file.", "Makes a model ready to answer."], {"model": T("string"), "threads": T("integer")}, ["model"],
         [("Load the model {model}.", {}), ("Load {model} with {threads} threads.", {}), ("Make the model {model} ready.", {}), ("Start the model {model} on {threads} threads.", {}), ("Bring up the model {model}.", {})],
         {"model": lambda s: f"{s.syllables(1, 2)}-{s.number(1, 70)}b", "threads": integer(1, 64)}, done),
]


def request_for(tool, source, held_out):
    """(request text, arguments) that call for `tool`."""
    if callable(tool.requests):
        return tool.requests(source, held_out)
    last = held_out and source.chance(fillers.UNSEEN_SHARE)
    template, fixed = tool.requests[-1] if last else source.pick(tool.requests[:-1])
    values = dict(fixed)
    for name, maker in tool.makers.items():
        if "{" + name + "}" in template:
            values[name] = maker(source)
    if "from" in values and values.get("from") == values.get("to"):
        return request_for(tool, source, held_out)
    text = template
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text, {name: values[name] for name in tool.properties if name in values}


def listing(tool, source):
    """(name, tool entry): a spelling of the tool as a request's `tools` lists it."""
    if tool.box and source.chance(0.5):
        return tool.box["name"], {"type": "function", "function": tool.box}
    name = source.pick(tool.names)
    properties = {key: dict(schema) for key, schema in tool.properties.items()}
    if source.chance(0.3):
        for key, schema in properties.items():
            schema["description"] = tool.described.get(key, key.replace("_", " "))
    if source.chance(0.1):
        for schema in properties.values():
            if schema["type"] == "integer":
                schema["minimum"] = 0
    parameters = {"type": "object", "properties": properties}
    if tool.required:
        parameters["required"] = list(tool.required)
    if source.chance(0.25):
        parameters["additionalProperties"] = False
    return name, {"type": "function", "function": {"name": name, "description": source.pick(tool.descriptions), "parameters": parameters}}
