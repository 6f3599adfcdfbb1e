import { Component, onWillDestroy, onWillStart, useState } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

import { CheckList } from "../check_list/check_list";

const PERIOD = 30_000;
const PING_TIMEOUT = 5000;
const STATES = ["failed", "warning", "waiting", "ok"];

/** Whether telephony works, and what to do where it does not. Looks again every half a minute. */
export class ZadarmaHealth extends Component {
    static template = "zadarma.Health";
    static components = { CheckList, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.orm = useService("orm");
        this.display = { controlPanel: {} };
        this.state = useState({
            company: "",
            isAdministrator: false,
            lines: [],
            bus: this.waiting,
        });
        this.onPing = ({ token }) => token === this.token && this.onPong();
        this.bus.subscribe("zadarma.health/ping", this.onPing);
        this.bus.start();
        onWillStart(() => this.read());
        const interval = browser.setInterval(() => this.read(), PERIOD);
        onWillDestroy(() => {
            browser.clearInterval(interval);
            browser.clearTimeout(this.timeout);
            this.bus.unsubscribe("zadarma.health/ping", this.onPing);
        });
    }

    get waiting() {
        return { state: "waiting", text: _t("Measuring…"), advice: false };
    }

    /** All lines, the worst first. */
    get lines() {
        const bus = {
            code: "bus",
            title: _t("Live connection to this browser"),
            ...this.state.bus,
        };
        const rank = ({ state }) => STATES.indexOf(state);
        return [...this.state.lines, bus].sort((a, b) => rank(a) - rank(b));
    }

    get verdict() {
        const worst = this.lines[0].state;
        return (
            {
                failed: _t("Something is wrong. The first lines say what to do."),
                warning: _t("Telephony works. Some things are worth a look."),
            }[worst] ?? _t("All is well.")
        );
    }

    /** What opens what helps with a line; supervisors may not see that. */
    get onOpen() {
        return this.state.isAdministrator ? (line) => this.action.doAction(line.action) : undefined;
    }

    async read() {
        const health = await this.orm.silent.call("zadarma.health", "get_health", []);
        // Only now: whoever may not look is told so once.
        this.ping();
        Object.assign(this.state, {
            company: health.company,
            isAdministrator: health.is_administrator,
            lines: health.lines,
        });
    }

    /** Send a message to this very browser, by way of the server and its bus. */
    async ping() {
        this.token = `${Date.now()}-${Math.random()}`;
        this.pingedAt = performance.now();
        browser.clearTimeout(this.timeout);
        this.timeout = browser.setTimeout(() => this.onSilence(), PING_TIMEOUT);
        await this.orm.silent.call("zadarma.health", "ping", [this.token]);
    }

    onPong() {
        browser.clearTimeout(this.timeout);
        this.token = undefined;
        const milliseconds = Math.round(performance.now() - this.pingedAt);
        this.state.bus = {
            state: "ok",
            text: _t("A message took %(milliseconds)s ms.", { milliseconds }),
            advice: false,
        };
    }

    onSilence() {
        this.token = undefined;
        this.state.bus = {
            state: "failed",
            text: _t("A message did not arrive within %(seconds)s seconds.", {
                seconds: PING_TIMEOUT / 1000,
            }),
            advice: _t(
                "Popups come late. The proxy must pass /websocket on to Odoo's port for live connections (gevent_port), with the Upgrade header.",
            ),
        };
    }
}

registry.category("actions").add("zadarma.health", ZadarmaHealth);
