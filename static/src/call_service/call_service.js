import { CallPopup } from "@zadarma/call_popup/call_popup";
import { AskedOutcomes } from "@zadarma/call_service/asked_outcomes";
import { StoredIds } from "@zadarma/call_service/stored_ids";
import { TabElection } from "@zadarma/call_service/tab_election";

import { reactive } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { rpcBus } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";

/** Seconds after which a notification is too old to open a popup. */
const FRESH_FOR = 30;
/** How long the popup of a call that a colleague answered says so, in milliseconds. */
const FAREWELL_DELAY = 800;
/** The same of a call out, which says why nobody was reached. */
const FAREWELL_OUT_DELAY = 4000;
/** Before it rings, so that two tabs that swap places do not both do it. */
const RING_DELAY = 250;
/** How long after it was written down a change may become visible to others, in seconds. */
const COMMIT_DELAY = 5;
/** Between two reads while the bus is not connected. */
const POLL_PERIOD = 10_000;
/** A notification can get lost: look again when nothing was heard of a call for that long. */
const DOUBT_PERIOD = 120_000;
/** Coming back to the tab reads again, but not that soon after the last read. */
const READ_AGAIN_AFTER = 5000;

const SESSION_EXPIRED_CODE = 4001;
const SESSION_EXPIRED = "odoo.http.SessionExpiredException";
const ACCESS_ERROR = "odoo.exceptions.AccessError";

/**
 * @typedef {Object} Call what the server tells of a call, see `get_popup_state`, with:
 * @property {number} since when it began to ring or to talk, in this browser's milliseconds
 * @property {number} heardAt when this tab heard of it last, in milliseconds
 */

/**
 * Owns the ringing and talking calls of the user. It reads them when the web client is ready and
 * after anything that may have hidden a change; in between it follows the user's own bus channel.
 */
export class CallService {
    /** What components show. `enabled` is undefined until the server has told. */
    state = reactive({
        enabled: undefined,
        canDial: false,
        webphone: false,
        missed: 0,
        isDelayed: false,
        shown: [],
        asked: [],
    });
    popup = false;
    sound = false;
    /** Do not disturb: what others set off stays silent and unseen, one's own calls do not. */
    dnd = false;
    /** @type {Map<number, Call>} */
    calls = new Map();
    /** @type {Map<number, number>} last known revision of each call, also of those that ended */
    revisions = new Map();
    outcomes = new AskedOutcomes();
    hidden = new StoredIds("zadarma.hidden_calls");
    rung = new StoredIds("zadarma.rung_calls");
    /** The server's clock minus this one, in seconds. */
    clockOffset = 0;
    /** When the server told the whole state, by its clock. */
    stateAt = 0;
    /** When the server counted the callers who wait, by its clock. */
    missedAt = 0;

    /** Numbers that the server is asked for at this moment. */
    asked = new Set();

    constructor(env, { action, bus_service, dialog, notification, orm, overlay }) {
        Object.assign(this, { env, action, bus: bus_service, dialog, notification, orm, overlay });
        this.isConnected = bus_service.workerState === "CONNECTED" || undefined;
        env.bus.addEventListener("WEB_CLIENT_READY", () => this.read(), { once: true });
        browser.addEventListener("online", () => this.readUnlessDisabled());
        document.addEventListener("visibilitychange", () => this.onVisibilityChange());
        rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => this.onRpcResponse(detail));
        this.listenToBus();
    }

    listenToBus() {
        this.bus.subscribe("zadarma.call", (call) => this.onNotification(call));
        this.bus.subscribe("zadarma.call/outcome", ({ id }) => this.forgetOutcome(id));
        this.bus.subscribe("zadarma.preferences", () => this.readUnlessDisabled());
        this.bus.subscribe("zadarma.missed", ({ missed, sent_at }) =>
            this.setMissed(missed, sent_at),
        );
        this.bus.addEventListener("BUS:CONNECT", () => this.setConnected(true));
        this.bus.addEventListener("BUS:RECONNECT", () => this.setConnected(true));
        this.bus.addEventListener("BUS:DISCONNECT", ({ detail }) => this.onDisconnect(detail));
        this.bus.addEventListener("BUS:WORKER_STATE_UPDATED", ({ detail }) => {
            if (["CONNECTED", "DISCONNECTED"].includes(detail)) {
                this.setConnected(detail === "CONNECTED");
            }
        });
    }

    /**
     * Read what is going on. Of all reads asked for while one runs, one follows it.
     *
     * @returns {Promise<void>}
     */
    read() {
        this.mustRead = true;
        this.reading ??= this.readWhileAsked().finally(() => (this.reading = undefined));
        return this.reading;
    }

    async readWhileAsked() {
        while (this.mustRead) {
            this.mustRead = false;
            const askedAt = (this.askedAt = Date.now());
            await this.orm.silent
                .call("zadarma.call", "get_popup_state", [])
                .then((popupState) => this.load(popupState, askedAt), this.onReadError.bind(this));
        }
    }

    readUnlessDisabled() {
        if (this.state.enabled !== false) {
            this.read();
        }
    }

    load({ now, enabled, popup, sound, dnd, missed, calls, asked, ...rights }, askedAt) {
        Object.assign(this, { popup, sound, dnd, isExpired: false, readAt: Date.now() });
        this.clockOffset = now - Date.now() / 1000;
        this.stateAt = now;
        const { can_dial: canDial = false, webphone = false } = rights;
        Object.assign(this.state, { enabled, canDial, webphone });
        this.setMissed(missed, now);
        const live = new Set(calls.map(({ id }) => id));
        for (const { id, heardAt, state } of [...this.calls.values()]) {
            if (!live.has(id) && heardAt < askedAt && state !== "ended") {
                this.calls.delete(id);
            }
        }
        for (const call of calls) {
            if (call.revision >= (this.revisions.get(call.id) ?? 0)) {
                this.put(call);
            }
        }
        this.outcomes.load(asked, askedAt);
        if (enabled && !this.election) {
            this.bus.start();
            this.election = new TabElection({ onChange: () => this.onElection() });
        }
        this.settle();
    }

    /** Without an answer the calls stay as they are known. */
    onReadError(error) {
        if (error.exceptionName === ACCESS_ERROR) {
            this.clear();
            this.state.enabled = false;
        } else if (error.exceptionName === SESSION_EXPIRED && !this.isExpired) {
            this.isExpired = true;
            // Nobody catches it but Odoo's error handler, which asks to log in again.
            Promise.reject(error);
        }
        this.settle();
    }

    async onNotification(call) {
        if (!this.state.enabled) {
            await this.read();
        } else if (this.reading && call.sent_at < this.askedAt / 1000 + this.clockOffset) {
            // The bus replays what was sent in the last minute; the answer tells what of it still goes on.
            await this.reading;
        }
        if (this.state.enabled) {
            this.receive(call);
        }
    }

    /**
     * Follow one message about a call. An old one may close a popup, but opens none.
     *
     * @param {Call} call
     */
    receive(call) {
        const isKnown = this.calls.has(call.id);
        const revision = this.revisions.get(call.id) ?? 0;
        if (isKnown ? call.revision < revision : call.revision <= revision) {
            return;
        }
        if (call.state === "ended") {
            this.end(call);
        } else if (isKnown || this.isNews(call)) {
            this.put(call);
        }
        this.settle();
    }

    /**
     * Tell whether a message may open a popup. One from before the last read may not: all that went
     * on was read, but for what was being written down at that moment, which is read once more.
     */
    isNews(call) {
        if (call.sent_at >= this.stateAt) {
            return this.getAge(call) <= FRESH_FOR;
        }
        if (call.sent_at > this.stateAt - COMMIT_DELAY) {
            this.read();
        }
        return false;
    }

    put(call) {
        const elapsed = call.state === "talking" ? call.talking_seconds : call.ringing_seconds;
        const heardAt = Date.now();
        const since = heardAt - ((elapsed || 0) + Math.max(this.getAge(call), 0)) * 1000;
        this.revisions.set(call.id, call.revision);
        this.calls.set(call.id, { ...call, heardAt, since });
    }

    end(call) {
        const isShown = this.state.shown.some(({ id }) => id === call.id);
        this.revisions.set(call.id, call.revision);
        if (call.asked && this.isNews(call)) {
            this.outcomes.put(call.asked);
        }
        if (!isShown || !(call.reason === "answered_elsewhere" || call.why)) {
            this.calls.delete(call.id);
            return;
        }
        this.put({ ...this.calls.get(call.id), ...call });
        browser.setTimeout(
            () => {
                if (this.calls.get(call.id)?.state === "ended") {
                    this.calls.delete(call.id);
                    this.settle();
                }
            },
            call.why ? FAREWELL_OUT_DELAY : FAREWELL_DELAY,
        );
    }

    /** @returns {number} seconds since the server sent it */
    getAge(call) {
        return Date.now() / 1000 + this.clockOffset - call.sent_at;
    }

    setMissed(missed, at) {
        if (at >= this.missedAt) {
            this.state.missed = missed;
            this.missedAt = at;
        }
    }

    /** Forget everything about the user. */
    clear() {
        Object.assign(this.state, { enabled: undefined, canDial: false, missed: 0 });
        this.missedAt = 0;
        this.calls.clear();
        this.outcomes.clear();
        this.settle();
    }

    /** The bus tells it again and again while it tries to connect. */
    setConnected(isConnected) {
        if (isConnected === this.isConnected) {
            return;
        }
        const isBack = isConnected && this.isConnected === false;
        this.isConnected = isConnected;
        this.state.isDelayed &&= !isConnected;
        if (isBack) {
            this.readUnlessDisabled();
        }
        this.settle();
    }

    onDisconnect(reason) {
        this.setConnected(false);
        if (reason?.code === SESSION_EXPIRED_CODE && this.state.enabled) {
            this.clear();
            this.read();
        }
    }

    onRpcResponse({ data, error }) {
        if (error?.exceptionName === SESSION_EXPIRED) {
            this.isExpired ||= data.params?.method !== "get_popup_state";
            this.clear();
        }
    }

    onVisibilityChange() {
        const isRecent = Date.now() - this.readAt < READ_AGAIN_AFTER;
        if (document.visibilityState === "visible" && !isRecent) {
            this.readUnlessDisabled();
        }
    }

    onElection() {
        this.settle();
        if (this.election?.isElected && !this.isConnected) {
            this.readUnlessDisabled();
        }
    }

    /** Bring everything that follows from the calls in line with them. */
    settle() {
        const { election, popup, state } = this;
        const isShowing = popup && election?.isElected;
        // The newest on top, which is what is seen when they do not all fit.
        state.shown = [...this.calls.values()]
            .filter(({ direction }) => !this.dnd || direction === "outbound")
            .filter(({ id }) => isShowing && id !== this.claimed && !this.hidden.has(id))
            .reverse();
        state.asked = election?.isElected ? this.outcomes.getList(this.claimed) : [];
        if (state.shown.length || state.asked.length) {
            this.removeOverlay ??= this.overlay.add(CallPopup, {}, { sequence: 100 });
        } else {
            this.removeOverlay?.();
            this.removeOverlay = undefined;
        }
        election?.watch(Boolean(state.enabled && (this.calls.size || !this.isConnected)));
        this.settleSound();
        this.planRead();
    }

    settleSound() {
        const ringing = this.state.shown.filter(
            ({ direction, state }) => direction === "inbound" && state === "ringing",
        );
        const mayRing = this.sound && ringing.length && !this.isBusy;
        browser.clearTimeout(this.ringTimeout);
        if (mayRing) {
            this.ringTimeout = browser.setTimeout(() => this.ring(ringing), RING_DELAY);
        } else if (this.isRinging) {
            this.isRinging = false;
            this.env.services["mail.sound_effects"]?.stop("call-invitation");
        }
    }

    /** @returns {boolean} whether the user talks already, on the phone or in Discuss */
    get isBusy() {
        const isTalking = [...this.calls.values()].some(({ state }) => state === "talking");
        return isTalking || Boolean(this.env.services["discuss.rtc"]?.channel);
    }

    /** Ring once a call, in whatever tab and however often it is reloaded. */
    ring(calls) {
        const silent = calls.filter(({ id }) => !this.rung.has(id));
        silent.forEach(({ id }) => this.rung.add(id));
        if (silent.length) {
            this.isRinging = true;
            this.env.services["mail.sound_effects"]?.play("call-invitation");
        }
    }

    planRead() {
        browser.clearTimeout(this.readTimeout);
        const isDue = this.calls.size || !this.isConnected;
        if (this.state.enabled && this.election?.isElected && isDue) {
            this.readTimeout = browser.setTimeout(
                () => {
                    this.state.isDelayed = !this.isConnected;
                    this.read();
                },
                this.isConnected ? DOUBT_PERIOD : POLL_PERIOD,
            );
        }
    }

    /**
     * Call a number: the user's own phone rings first. Asks where the server wants it confirmed, and says why where
     * there is no call. Of several clicks, in whatever tabs, the server makes one call.
     *
     * @param {Object} target
     * @param {string} target.number as it is written
     * @param {string} [target.resModel] model of the record from which it is called
     * @param {number|false} [target.resId] id of that record
     * @returns {Promise<number|undefined>} the id of the call, if there is one
     */
    async call({ number, resModel = null, resId = null }) {
        const key = JSON.stringify([number, resModel, resId]);
        if (this.asked.has(key)) {
            return;
        }
        this.asked.add(key);
        try {
            const origin = { res_model: resModel, res_id: resId || null };
            let answer = await this.orm.call("zadarma.call", "action_call", [number], origin);
            if (answer.can_confirm && (await this.confirm(answer.message))) {
                const confirmed = { ...origin, confirmed: true };
                answer = await this.orm.call("zadarma.call", "action_call", [number], confirmed);
            } else if (answer.can_confirm) {
                return;
            }
            return this.onCallAnswer(answer);
        } finally {
            this.asked.delete(key);
        }
    }

    /** @returns {Promise<string>} what Zadarma knows of the user's own phone */
    checkPhone() {
        return this.orm.call("zadarma.call", "action_check_phone", []);
    }

    onCallAnswer(answer) {
        if (answer.refused) {
            // Without an answer from Zadarma the phone may ring all the same.
            const title = answer.refused === "unanswered" ? _t("No call yet") : _t("No call");
            this.notification.add(answer.message, { title, type: "warning" });
            return;
        }
        this.receive(answer);
        if (!this.popup) {
            const message = _t("Your phone rings first. Pick it up to call %(number)s.", {
                number: answer.number_display,
            });
            this.notification.add(message, { type: "info" });
        }
        return answer.id;
    }

    /** @returns {Promise<boolean>} whether the user wants to call all the same */
    confirm(message) {
        return new Promise((resolve) => {
            this.dialog.add(
                ConfirmationDialog,
                {
                    title: _t("Call all the same?"),
                    body: message,
                    confirmLabel: _t("Call"),
                    confirm: () => resolve(true),
                    cancel: () => resolve(false),
                },
                { onClose: () => resolve(false) },
            );
        });
    }

    /**
     * Close the popup of a call in this browser. The call goes on.
     *
     * @param {number} id
     */
    hide(id) {
        this.hidden.add(id);
        this.settle();
    }

    /**
     * Open the action that a method of the call returns.
     *
     * @param {string} method
     * @param {...any} args
     */
    async open(method, ...args) {
        await this.action.doAction(await this.orm.call("zadarma.call", method, args));
    }

    /** @param {number} id of a lead or deal */
    openLead(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "crm.lead",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    /**
     * Say which of several matching contacts is calling.
     *
     * @param {number} id of the call
     * @param {number} partnerId
     */
    async choosePartner(id, partnerId) {
        const args = [[id], partnerId];
        this.receive(await this.orm.call("zadarma.call", "action_choose_partner", args));
    }

    /**
     * Keep what came of a call.
     *
     * @param {number} id of the call
     * @param {import("@zadarma/call_service/asked_outcomes").Answer} answer
     */
    async saveOutcome(id, { outcomeId, note, nextDate }) {
        const args = [[id], outcomeId, note, nextDate];
        await this.orm.call("zadarma.call", "action_save_outcome", args);
        this.forgetOutcome(id);
    }

    /**
     * Put the question for the outcome aside, in all browsers of the user.
     *
     * @param {number} id of the call
     */
    waiveOutcome(id) {
        this.forgetOutcome(id);
        return this.orm.silent.call("zadarma.call", "action_waive_outcome", [[id]]);
    }

    forgetOutcome(id) {
        this.outcomes.forget(id);
        this.settle();
    }

    /**
     * Leave a call and the question for its outcome to a page that shows both.
     *
     * @param {number} [id] of the call; none gives it back
     */
    claim(id) {
        if (id !== this.claimed) {
            this.claimed = id;
            this.settle();
        }
    }

    /** Open the callers who wait for the user. */
    openMissed() {
        return this.open("action_open_missed");
    }
}

export const callService = {
    dependencies: ["action", "bus_service", "dialog", "notification", "orm", "overlay"],
    start(env, services) {
        return new CallService(env, services);
    },
};

registry.category("services").add("zadarma_call", callService);
