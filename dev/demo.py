"""Try the addon: Odoo with demo data and a simulated Zadarma, connected to each other, until Ctrl-C.

The data is kept between runs in a database of its own.
"""

import argparse
import http.cookiejar
import json
import os
import time
import urllib.request
from contextlib import ExitStack, contextmanager

import postgres
from common import (
    HOME,
    NODE,
    PYTHON,
    ROOT,
    CommandError,
    command,
    is_taken,
    odoo_command,
    run_odoo,
    running,
    write_odoo_config,
)

DATABASE = "zadarma_demo"
OVERVIEW = "/odoo/calls-overview"
# That of the people in Odoo's demo data.
ZONE = "Europe/Brussels"
ACCOUNT = {"zadarma_key": "demo-key", "zadarma_secret": "demo-secret"}


def main():
    """Start everything, say where it is, and end it when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8069, help="Odoo's")
    parser.add_argument("--simulator-port", type=int, default=8070)
    options = parser.parse_args()
    for port in (options.port, options.simulator_port):
        if is_taken(port):
            raise CommandError(f"port {port} is in use; try make demo PORT=8169 SIM_PORT=8170")
    try:
        with ExitStack() as stack:
            serve(stack, options.port, options.simulator_port)
    except KeyboardInterrupt:
        print("\nEnded.")


def serve(stack, port, simulator_port):
    """Start everything, say where it is, and stay until one of the processes ends."""
    server = stack.enter_context(postgres.kept_server("demo", fsync=True))
    processes, logs = start(stack, server, port, simulator_port)
    urls = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator_port}"
    problem = connect(*urls)
    print(
        f"""
    Odoo                {urls[0]}{OVERVIEW}
                        the calls of a sales team; log in as admin, who supervises it, or as demo, who sells: the
                        password is the name
    simulated Zadarma   {urls[1]}
                        customers call in from here; the account's key is demo-key, its secret demo-secret
    logs                {server.data_dir}/*.log
    {problem}
    Ctrl-C ends everything; the data stays for the next time.
""",
        flush=True,
    )
    wait_until(lambda: False, processes, logs)


def start(stack, server, port, simulator_port, database=DATABASE):
    """Start the simulator and Odoo on a database, which end with `stack`, and wait until they answer.

    :return: the processes and the paths of their logs, by name.
    """
    # Odoo mirrors its styles for languages that are written from right to left, if it finds the program for that.
    programs = NODE / "node_modules" / ".bin"
    environment = {**os.environ, **server.environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    config = write_odoo_config(server, database, port, list_db=False)
    install(server, database, config)
    logs = {name: server.data_dir / f"{name}.log" for name in ("odoo", "simulator")}
    account = [f"--{name.removeprefix('zadarma_')}={value}" for name, value in ACCOUNT.items()]
    commands = {
        "simulator": [PYTHON, ROOT / "dev" / "simulator", f"--port={simulator_port}", f"--zone={ZONE}", *account],
        "odoo": odoo_command(config),
    }
    processes = {
        name: stack.enter_context(logged(arguments, logs[name], cwd=HOME, env=environment))
        for name, arguments in commands.items()
    }
    health = f"http://127.0.0.1:{port}/web/health"
    wait_until(lambda: is_taken(simulator_port) and answers(health), processes, logs)
    return processes, logs


@contextmanager
def logged(arguments, path, **options):
    """Run a process that writes to a file."""
    with open(path, "w") as log, running(arguments, stdout=log, stderr=log, **options) as process:
        yield process


def install(server, database, config):
    """Install the addon with demo data the first time, update it later."""
    if server.has_database(database) and server.has_addon(database):
        print("Updating the addon …", flush=True)
        how = ["-u"]
    else:
        print("Installing Odoo's CRM and the addon with demo data, once (about a minute) …", flush=True)
        server.drop_database(database)
        how = ["--with-demo", "-i"]
    code, log = run_odoo(server, config, *how, "zadarma")
    if code:
        raise CommandError(f"the addon does not install:\n{''.join(log[-30:])}")


def wait_until(ready, processes, logs):
    """Wait for `ready`, as long as all processes live."""
    while not ready():
        for name, process in processes.items():
            if process.poll() is not None:
                tail = "".join(logs[name].read_text().splitlines(keepends=True)[-15:])
                raise CommandError(f"{name} ended by itself:\n{tail}")
        time.sleep(0.3)


def answers(url):
    """Tell whether a page can be had."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


# --- connecting the two --- #


def connect(odoo_url, simulator_url, database=DATABASE):
    """Do what an administrator does in the settings, and have the calls be what they see first.

    :return: a line about what went wrong, or nothing.
    """
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def ask(path, **params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(odoo_url + path, body, {"Content-Type": "application/json"})
        with opener.open(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise CommandError(answer["error"]["data"]["message"])
        return answer["result"]

    def on(model, method, *arguments):
        return ask("/web/dataset/call_kw", model=model, method=method, args=arguments, kwargs={})

    try:
        session = ask("/web/session/authenticate", db=database, login="admin", password="admin")
        company = session["user_companies"]["current_company"]
        for name, value in {"web.base.url": odoo_url, "zadarma.api_url": simulator_url}.items():
            on("ir.config_parameter", "set_param", name, value)
        on("res.company", "write", [company], ACCOUNT)
        on("res.company", "action_zadarma_connect", [company])
        _model, overview = on("ir.model.data", "check_object_reference", "zadarma", "zadarma_call_overview_action")
        on("res.users", "write", [session["uid"]], {"action_id": overview})
    except (CommandError, OSError) as error:
        return f"\n    The two are not connected: {error}\n"
    return ""


if __name__ == "__main__":
    command(main)
