import { StoredIds } from "@zadarma/call_service/stored_ids";
import { TabElection } from "@zadarma/call_service/tab_election";
import { CallPopup } from "@zadarma/call_popup/call_popup";

import { reactive } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { rpcBus } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";

const SESSION_EXPIRED_CODE = 4001;
const SESSION_EXPIRED_ERROR = "odoo.http.SessionExpiredException";

/** Seconds after which a notification is too old to open a popup. */
const FRESH_FOR = 30;
/** How long an ended call still tells why it ended. */
const FAREWELL_DELAY = 1500;
/** Before it rings, so that two tabs that swap places do not both do it. */
const RING_DELAY = 250;
/** Between two reads of the state while the bus is not connected. */
const POLL_PERIOD = 10_000;
/** Notifications can get lost: look again when nothing was heard of a call for that long. */
const DOUBT_PERIOD = 120_000;
/** Coming back to the tab within that time of the last read does not read again. */
const READ_AGAIN_AFTER = 5000;

/**
 * @typedef {Object} Call what the server sends of a call, plus what this tab knows
 * @property {number} id
 * @property {number} revision grows with every change of the call
 * @property {number} sent_at seconds since the epoch, the server's clock
 * @property {"ringing"|"talking"|"ended"} state
 * @property {"inbound"|"outbound"|"internal"} direction
 * @property {number} ringing_seconds elapsed when sent
 * @property {number|false} talking_seconds elapsed when sent
 * @property {number} [missed] the user's missed calls, with the end of a call
 * @property {number} since when it began to ring or to talk, this browser's clock, milliseconds
 * @property {number} heardAt when this tab heard of it last, milliseconds
 * @property {boolean} isHidden whether the user closed its popup
 */

/**
 * Owns the ringing and talking calls of the user, as told by the server: at start and after a
 * loss of connection by RPC, in between by the user's own bus channel.
 */
export class CallService {
    /** Whether the user has an extension; undefined while the server could not tell. */
    enabled = undefined;
    popup = false;
    sound = false;
    missed = 0;
    isElected = false;
    /** The bus is gone for so long that the state is polled. */
    isDelayed = false;
    /** @type {Map<number, Call>} */
    calls = new Map();

    constructor(env, services) {
        const reactiveThis = reactive(this);
        reactiveThis.setup(env, services);
        return reactiveThis;
    }

    setup(env, { action, bus_service, orm, overlay }) {
        Object.assign(this, { env, action, bus: bus_service, orm, overlay });
        /** Last known revision of each call, also of those that ended. */
        this.revisions = new Map();
        this.hidden = new StoredIds("zadarma.hidden_calls");
        this.rung = new StoredIds("zadarma.rung_calls");
        this.clockOffset = 0;
        this.missedAt = 0;
        this.listen();
    }

    listen() {
        const { bus, env } = this;
        const readUnlessDisabled = () => this.enabled !== false && this.read();
        env.bus.addEventListener("WEB_CLIENT_READY", () => this.read(), { once: true });
        bus.subscribe("zadarma.call", (call) => this.onNotification(call));
        bus.addEventListener("BUS:CONNECT", () => this.setConnected(true));
        bus.addEventListener("BUS:RECONNECT", () => this.setConnected(true));
        bus.addEventListener("BUS:DISCONNECT", ({ detail }) => this.onDisconnect(detail?.code));
        bus.addEventListener("BUS:WORKER_STATE_UPDATED", ({ detail }) => {
            if (["CONNECTED", "DISCONNECTED"].includes(detail)) {
                this.setConnected(detail === "CONNECTED");
            }
        });
        rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => {
            if (detail.error?.exceptionName === SESSION_EXPIRED_ERROR) {
                this.clear();
            }
        });
        browser.addEventListener("online", readUnlessDisabled);
        document.addEventListener("visibilitychange", () => {
            const isRecent = Date.now() - this.readAt < READ_AGAIN_AFTER;
            if (document.visibilityState === "visible" && !isRecent) {
                readUnlessDisabled();
            }
        });
    }

    // === STATE OF THE SERVER === #

    /** Read again what is going on; of reads asked for during a read, one follows. */
    async read() {
        this.mustRead = true;
        if (this.reading) {
            return this.reading;
        }
        this.reading = this.readWhileAsked().finally(() => (this.reading = undefined));
        return this.reading;
    }

    async readWhileAsked() {
        while (this.mustRead) {
            this.mustRead = false;
            const askedAt = Date.now();
            try {
                this.load(await this.orm.silent.call("zadarma.call", "get_popup_state", []), askedAt);
            } catch (error) {
                this.onReadError(error);
            }
        }
    }

    /**
     * @param {Object} state what `get_popup_state` returns
     * @param {number} askedAt milliseconds
     */
    load({ now, enabled, popup, sound, missed, calls }, askedAt) {
        Object.assign(this, { enabled, popup, sound, isExpired: false, readAt: Date.now() });
        this.clockOffset = now - Date.now() / 1000;
        this.setMissed(missed, now);
        const live = new Set(calls.map((call) => call.id));
        for (const [id, { heardAt, state }] of this.calls) {
            if (!live.has(id) && heardAt < askedAt && state !== "ended") {
                this.calls.delete(id);
            }
        }
        for (const call of calls) {
            if (call.revision >= (this.revisions.get(call.id) ?? 0)) {
                this.put(call);
            }
        }
        if (enabled && !this.election) {
            this.bus.start();
            this.election = new TabElection({ onChange: () => this.onElection() });
        }
        this.onElection();
    }

    /** Without an answer the calls stay; the session's end and a refusal take them away. */
    onReadError(error) {
        if (!error.exceptionName) {
            return this.settle();
        }
        const isExpired = error.exceptionName === SESSION_EXPIRED_ERROR;
        this.clear();
        this.enabled = isExpired ? undefined : false;
        if (isExpired && !this.isExpired) {
            // Odoo's own handler asks to log in again; once is enough.
            this.isExpired = true;
            throw error;
        }
    }

    /** @param {Call} call */
    async onNotification(call) {
        if (!this.enabled) {
            await this.read();
        }
        if (this.enabled) {
            this.receive(call);
        }
    }

    /**
     * Follow one notification. An old one may close a popup, but opens none.
     *
     * @param {Call} call
     */
    receive(call) {
        const isKnown = this.calls.has(call.id);
        const revision = this.revisions.get(call.id) ?? 0;
        if (call.missed !== undefined) {
            this.setMissed(call.missed, call.sent_at);
        }
        if (isKnown ? call.revision < revision : call.revision <= revision) {
            return;
        }
        if (call.state === "ended") {
            this.end(call);
        } else if (isKnown || this.getAge(call) <= FRESH_FOR) {
            this.put(call);
        }
        this.settle();
    }

    /** @param {Call} call */
    put(call) {
        const elapsed = call.state === "talking" ? call.talking_seconds : call.ringing_seconds;
        const heardAt = Date.now();
        this.revisions.set(call.id, call.revision);
        this.calls.set(call.id, {
            ...call,
            heardAt,
            since: heardAt - ((elapsed || 0) + Math.max(this.getAge(call), 0)) * 1000,
            isHidden: this.hidden.has(call.id),
        });
    }

    /** @param {Call} call */
    end(call) {
        const wasShown = this.shownCalls.some(({ id }) => id === call.id);
        this.revisions.set(call.id, call.revision);
        this.calls.delete(call.id);
        if (wasShown) {
            this.put(call);
            browser.setTimeout(() => {
                if (this.calls.get(call.id)?.state === "ended") {
                    this.calls.delete(call.id);
                    this.settle();
                }
            }, FAREWELL_DELAY);
        }
    }

    /** @returns {number} seconds since the server sent it */
    getAge(call) {
        return Date.now() / 1000 + this.clockOffset - call.sent_at;
    }

    setMissed(missed, at) {
        if (at >= this.missedAt) {
            Object.assign(this, { missed, missedAt: at });
        }
    }

    /** Forget all data of the user. */
    clear() {
        Object.assign(this, { enabled: undefined, missed: 0, missedAt: 0 });
        this.calls.clear();
        this.settle();
    }

    // === CONNECTION AND TABS === #

    setConnected(isConnected) {
        const isBack = isConnected && this.isConnected === false;
        this.isConnected = isConnected;
        if (isConnected) {
            this.isDelayed = false;
        }
        if (isBack && this.enabled !== false) {
            this.read();
        } else {
            this.settle();
        }
    }

    onDisconnect(code) {
        this.setConnected(false);
        if (code === SESSION_EXPIRED_CODE && this.enabled) {
            this.clear();
            this.read();
        }
    }

    onElection() {
        const isElected = Boolean(this.election?.isElected);
        const isNew = isElected && !this.isElected;
        this.isElected = isElected;
        for (const call of this.calls.values()) {
            call.isHidden = this.hidden.has(call.id);
        }
        this.settle();
        if (isNew && !this.isConnected && !this.reading) {
            this.read();
        }
    }

    // === WHAT FOLLOWS FROM THE STATE === #

    /** @returns {Call[]} the calls that this tab shows */
    get shownCalls() {
        return this.popup && this.isElected
            ? [...this.calls.values()].filter((call) => !call.isHidden)
            : [];
    }

    /** Bring overlay, sound, election and the next read in line with the state. */
    settle() {
        if (this.shownCalls.length) {
            this.removeOverlay ??= this.overlay.add(CallPopup, {}, { sequence: 100 });
        } else {
            this.removeOverlay?.();
            this.removeOverlay = undefined;
        }
        this.election?.watch(Boolean(this.enabled && (this.calls.size || !this.isConnected)));
        this.settleSound();
        this.planRead();
    }

    settleSound() {
        const ringing = this.shownCalls.filter(
            ({ direction, state }) => state === "ringing" && direction === "inbound"
        );
        browser.clearTimeout(this.ringTimeout);
        const mayRing = this.sound && ringing.length && !this.isBusy;
        if (!mayRing && this.isRinging) {
            this.isRinging = false;
            this.env.services["mail.sound_effects"]?.stop("call-invitation");
        } else if (mayRing && ringing.some(({ id }) => !this.rung.has(id))) {
            this.ringTimeout = browser.setTimeout(() => this.ring(ringing), RING_DELAY);
        }
    }

    /** @returns {boolean} whether the user talks already, on the phone or in Discuss */
    get isBusy() {
        const isTalking = [...this.calls.values()].some(({ state }) => state === "talking");
        return isTalking || Boolean(this.env.services["discuss.rtc"]?.channel);
    }

    /** Ring once for these calls, in one tab, whatever is reloaded meanwhile. */
    ring(calls) {
        const fresh = calls.filter(({ id }) => !this.rung.has(id));
        fresh.forEach(({ id }) => this.rung.add(id));
        if (fresh.length) {
            this.isRinging = true;
            this.env.services["mail.sound_effects"]?.play("call-invitation");
        }
    }

    planRead() {
        browser.clearTimeout(this.readTimeout);
        if (!this.enabled || !this.isElected || (this.isConnected && !this.calls.size)) {
            return;
        }
        this.readTimeout = browser.setTimeout(
            () => {
                this.isDelayed = !this.isConnected;
                this.read();
            },
            this.isConnected ? DOUBT_PERIOD : POLL_PERIOD
        );
    }

    // === WHAT THE USER DOES === #

    /** Close the popup of one call in this browser; the call goes on. */
    hide(call) {
        this.hidden.add(call.id);
        call.isHidden = true;
        this.settle();
    }

    /** Open what the server returns for one of the buttons of a call. */
    async open(method, ...args) {
        this.action.doAction(await this.orm.call("zadarma.call", method, args));
    }

    /** @param {number} id of the call @param {number} partnerId */
    async choosePartner(id, partnerId) {
        this.receive(
            await this.orm.call("zadarma.call", "action_choose_partner", [[id], partnerId])
        );
    }

    async openMissed() {
        await this.open("action_open_missed");
        this.setMissed(0, Date.now() / 1000 + this.clockOffset);
    }
}

export const callService = {
    dependencies: ["action", "bus_service", "orm", "overlay"],
    start(env, services) {
        return new CallService(env, services);
    },
};

registry.category("services").add("zadarma_call", callService);
