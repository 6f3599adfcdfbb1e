import { browser } from "@web/core/browser/browser";
import { user } from "@web/core/user";
import { session } from "@web/session";

const DRAFTS_KEY = "zadarma.outcome_drafts";
const DRAFT_KEPT_FOR = 24 * 3600 * 1000;
/** Questions do not pile up: older ones wait in the list of calls. */
const MAX_ASKED = 3;

/**
 * @typedef {Object} Answer what a user says of a call
 * @property {number|false} outcomeId
 * @property {string} note
 * @property {string|false} nextDate the day of the next call, as the server writes days
 */

/**
 * The calls whose outcome is asked for. What was typed and not saved yet is kept in this browser, for
 * all of its tabs and across a reload, until somebody else logs in.
 */
export class AskedOutcomes {
    /** @type {Map<number, Object>} what the server tells of each, see `_get_outcome_values` */
    asked = new Map();
    /** Whose drafts are kept here. */
    owner = `${session.db} ${user.userId}`;

    constructor() {
        if (this.stored.owner !== this.owner) {
            browser.localStorage.removeItem(DRAFTS_KEY);
        }
    }

    /**
     * @param {number} [claimed] the call whose outcome a page asks for, so that no popup does
     * @returns {Object[]} what popups ask for, the newest first
     */
    getList(claimed) {
        const open = [...this.asked.values()].filter(({ id }) => id !== claimed);
        return open.reverse().slice(0, MAX_ASKED);
    }

    put(asked) {
        this.asked.set(asked.id, { ...asked, heardAt: Date.now() });
    }

    /** Take over what the server asks for; what came in since it was asked stays. */
    load(asked, askedAt) {
        const ids = new Set(asked.map(({ id }) => id));
        for (const { id, heardAt } of [...this.asked.values()]) {
            if (!ids.has(id) && heardAt < askedAt) {
                this.asked.delete(id);
            }
        }
        asked.filter(({ id }) => !this.asked.has(id)).forEach((call) => this.put(call));
    }

    /** Ask no more about a call, and forget what was typed about it. */
    forget(id) {
        this.asked.delete(id);
        this.writeDraft(id, undefined);
    }

    /** Ask nothing more, as when the user changes; drafts are found again by the calls' ids. */
    clear() {
        this.asked.clear();
    }

    get stored() {
        try {
            return JSON.parse(browser.localStorage.getItem(DRAFTS_KEY)) ?? {};
        } catch {
            return {};
        }
    }

    /** A tab from before another login finds none. */
    get drafts() {
        const { owner, drafts } = this.stored;
        return owner === this.owner ? drafts : {};
    }

    /** @returns {Answer|undefined} what was typed about a call and not saved yet */
    readDraft(id) {
        return this.drafts[id]?.answer;
    }

    /**
     * @param {number} id of the call
     * @param {Answer} [answer] none forgets it
     */
    writeDraft(id, answer) {
        const now = Date.now();
        const recent = Object.entries(this.drafts).filter(
            ([key, { at }]) => now - at < DRAFT_KEPT_FOR && key !== String(id),
        );
        const drafts = Object.fromEntries(recent);
        if (answer) {
            drafts[id] = { at: now, answer };
        }
        browser.localStorage.setItem(DRAFTS_KEY, JSON.stringify({ owner: this.owner, drafts }));
    }
}
