import { browser } from "@web/core/browser/browser";

const KEPT_FOR = 24 * 3600 * 1000;

/** A set of ids that all tabs of this browser share and that survives a reload, for a day. */
export class StoredIds {
    /** @param {string} key of the local storage */
    constructor(key) {
        this.key = key;
    }

    /** @returns {Record<string, number>} when each id was added */
    get addedAt() {
        try {
            return JSON.parse(browser.localStorage.getItem(this.key)) ?? {};
        } catch {
            return {};
        }
    }

    has(id) {
        return id in this.addedAt;
    }

    add(id) {
        const now = Date.now();
        const recent = Object.entries(this.addedAt).filter(([, at]) => now - at < KEPT_FOR);
        const addedAt = { ...Object.fromEntries(recent), [id]: now };
        browser.localStorage.setItem(this.key, JSON.stringify(addedAt));
    }
}
