import { formatDuration } from "@zadarma/duration_field/duration_field";
import { useKeptFocus } from "@zadarma/kept_focus/kept_focus";
import { OutcomeForm } from "@zadarma/outcome_form/outcome_form";

import { Component, onMounted, onWillStart, onWillUnmount, useRef, useState } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { deserializeDateTime, toLocaleDateTimeString } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

const TICK_PERIOD = 200;
/** While a call goes on: a message about it can get lost. */
const POLL_PERIOD = 10_000;

const join = (...texts) => texts.filter(Boolean).join(" · ");

/** Calls the people of a list one after the other: who it is, the call, what came of it, the next one. */
export class CallList extends Component {
    static template = "zadarma.CallList";
    static components = { Dropdown, DropdownItem, Layout, OutcomeForm };
    static props = { ...standardActionServiceProps };
    static path = "call-list";
    static displayName = _t("Call List");

    setup() {
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.callService = useService("zadarma_call");
        this.orm = useService("orm");
        this.loads = 0;
        this.state = useState({ page: undefined, isBusy: false, elapsed: 0 });
        this.refresh = () => this.load("get_page");
        const root = useRef("root");
        useKeptFocus(root, () => {
            root.el.querySelector(".o_zadarma_person, .o_zadarma_list_end").focus();
        });
        onWillStart(() => this.load("action_take"));
        onMounted(() => {
            this.bus.subscribe("zadarma.call", this.refresh);
            this.bus.subscribe("zadarma.call/outcome", this.refresh);
            this.ticking = browser.setInterval(() => this.tick(), TICK_PERIOD);
            this.polling = browser.setInterval(() => this.isCalling && this.refresh(), POLL_PERIOD);
        });
        onWillUnmount(() => {
            this.bus.unsubscribe("zadarma.call", this.refresh);
            this.bus.unsubscribe("zadarma.call/outcome", this.refresh);
            browser.clearInterval(this.ticking);
            browser.clearInterval(this.polling);
            this.callService.claim(undefined);
        });
    }

    // --- what is shown ---

    get listId() {
        return this.props.action.context.active_id;
    }

    get page() {
        return this.state.page;
    }

    get line() {
        return this.page.line;
    }

    get call() {
        return this.line && this.line.call;
    }

    get isCalling() {
        return Boolean(this.call && this.call.state !== "ended");
    }

    get progress() {
        const { all, done } = this.page.counts;
        return all ? Math.round((100 * done) / all) : 0;
    }

    get progressText() {
        const { all, done, left_out } = this.page.counts;
        return join(
            _t("%(done)s of %(all)s done", { done, all }),
            left_out && _t("%(count)s left out", { count: left_out }),
        );
    }

    get subtitle() {
        const { company, lead, name } = this.line;
        return join(...[company, lead].filter((text) => text !== name));
    }

    /** @returns {string} how the call stands */
    get status() {
        const { duration, label, stage, state } = this.call;
        if (state === "ringing") {
            return { own: _t("Your phone rings"), other: _t("Ringing") }[stage] ?? _t("Calling …");
        }
        if (state === "talking") {
            return _t("Talking %(time)s", { time: formatDuration(this.state.elapsed) });
        }
        return join(label || _t("Ended"), duration && formatDuration(duration));
    }

    /** @returns {string} what to do while one's own phone rings */
    get hint() {
        const { is_request, stage, state } = this.call;
        const { name, number_display } = this.line;
        return is_request && state === "ringing" && stage === "own"
            ? _t("Pick up your phone. Then %(who)s is called.", { who: name || number_display })
            : "";
    }

    get waitingText() {
        const { next, postponed, taken } = this.page.waiting;
        return join(
            taken && _t("Colleagues are calling %(count)s.", { count: taken }),
            postponed &&
                _t("Put off: %(count)s, the first one until %(time)s.", {
                    count: postponed,
                    time: toLocaleDateTimeString(deserializeDateTime(next)),
                }),
        );
    }

    describeCall({ date, label, outcome, user }) {
        return join(toLocaleDateTimeString(deserializeDateTime(date)), outcome || label, user);
    }

    tick() {
        this.state.elapsed = Math.floor((Date.now() - this.since) / 1000);
    }

    // --- what is done ---

    /** Show what the server says; of several answers on their way the one asked for last. */
    async load(method) {
        const load = ++this.loads;
        const page = await this.orm.call("zadarma.call.list", method, [[this.listId]]);
        if (load !== this.loads) {
            return;
        }
        const hadLine = Boolean(this.page?.line);
        this.state.page = page;
        this.since = Date.now() - (this.call?.talking_seconds || 0) * 1000;
        this.tick();
        // This page shows the call and asks what came of it: no popup need do so.
        this.callService.claim(this.call?.id);
        if (!page.line && hadLine && method === "get_page") {
            await this.load("action_take");
        }
    }

    /** Do something about the person; whatever comes of it, go on with whom the server says. */
    async act(method, args = [], then = () => {}) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.orm.call("zadarma.call.list.line", method, [[this.line.id], ...args]);
            await then(this.call);
        } finally {
            try {
                await this.load("action_take");
            } finally {
                this.state.isBusy = false;
            }
        }
    }

    dial() {
        if (this.isCalling) {
            return;
        }
        const { number, res_id, res_model } = this.line;
        return this.act("action_begin", [], async () => {
            const target = { number, resModel: res_model, resId: res_id };
            this.callService.claim(await this.callService.call(target));
        });
    }

    finish({ outcomeId, note, nextDate }) {
        const { id } = this.line.asked;
        return this.act("action_finish", [outcomeId, note, nextDate], (call) => {
            this.callService.outcomes.writeDraft(id, undefined);
            this.forgetOutcome(call);
        });
    }

    skip() {
        return this.act("action_skip", [], this.forgetOutcome.bind(this));
    }

    postpone(hours) {
        return this.act("action_postpone", [hours], this.forgetOutcome.bind(this));
    }

    /** Once one goes on, no popup asks what came of the call. */
    forgetOutcome(call) {
        if (call) {
            this.callService.forgetOutcome(call.id);
        }
    }

    async stop() {
        if (this.line) {
            await this.orm.call("zadarma.call.list.line", "action_stop", [[this.line.id]]);
        }
        await this.action.doAction("zadarma.zadarma_call_list_action", { clearBreadcrumbs: true });
    }

    openRecord() {
        const { res_id, res_model } = this.line;
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model,
            res_id,
            views: [[false, "form"]],
        });
    }

    async openLeftOut() {
        const args = [[this.listId]];
        const action = await this.orm.call("zadarma.call.list", "action_view_left_out", args);
        return this.action.doAction(action);
    }
}

registry.category("actions").add("zadarma_call_list", CallList);
