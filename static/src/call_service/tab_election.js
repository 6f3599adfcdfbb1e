import { browser } from "@web/core/browser/browser";

const STORAGE_KEY = "zadarma.popup_tab";
const BEAT_PERIOD = 500;
const SILENCE_LIMIT = 1500;
const ORPHAN_DELAY = 200;

/**
 * Elects the one tab of this browser that shows the popup.
 *
 * A record in the local storage names the elected tab: whatever several tabs believe about being
 * visible or focused, the record names one. A tab takes it when it is looked at, and gives it away
 * when it is closed. While there is something to show the elected tab signs the record every half
 * second, so that a tab that crashed is replaced; without calls nothing is written.
 */
export class TabElection {
    isElected = false;

    /**
     * @param {Object} options
     * @param {() => void} options.onChange called when this tab is elected or no longer is
     * @param {() => boolean} [options.isVisible]
     */
    constructor({ onChange, isVisible = () => document.visibilityState === "visible" }) {
        this.id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
        this.onChange = onChange;
        this.isVisible = isVisible;
        browser.addEventListener("storage", ({ key }) => this.onStorage(key));
        browser.addEventListener("focus", () => this.claim());
        browser.addEventListener("pagehide", () => this.resign());
        document.addEventListener("visibilitychange", () => this.onVisibilityChange());
        if (this.isVisible() || !this.record) {
            this.claim();
        }
    }

    /** @returns {{ tab: string, at: number, hidden: boolean }|null} who is elected */
    get record() {
        try {
            return JSON.parse(browser.localStorage.getItem(STORAGE_KEY));
        } catch {
            return null;
        }
    }

    /** Make this tab the elected one, or renew that it is. */
    claim() {
        this.hasResigned = false;
        const record = { tab: this.id, at: Date.now(), hidden: !this.isVisible() };
        browser.localStorage.setItem(STORAGE_KEY, JSON.stringify(record));
        this.sync();
    }

    /**
     * Sign the record, and replace an elected tab that went silent, for as long as it is asked.
     *
     * @param {boolean} isNeeded
     */
    watch(isNeeded) {
        if (isNeeded === Boolean(this.interval)) {
            return;
        }
        browser.clearInterval(this.interval);
        this.interval = undefined;
        if (isNeeded) {
            this.watchedSince = Date.now();
            this.interval = browser.setInterval(() => this.beat(), BEAT_PERIOD);
            if (this.isElected) {
                this.claim();
            }
        }
    }

    beat() {
        this.sync();
        const heardAt = Math.max(this.record?.at ?? 0, this.watchedSince);
        if (this.isElected || Date.now() - heardAt > SILENCE_LIMIT) {
            this.claim();
        }
    }

    sync() {
        const isElected = this.record?.tab === this.id;
        if (isElected !== this.isElected) {
            this.isElected = isElected;
            this.onChange();
        }
    }

    onStorage(key) {
        if (this.hasResigned || (key !== STORAGE_KEY && key !== null)) {
            return;
        }
        this.sync();
        const record = this.record;
        if (this.isVisible() && (!record || record.hidden)) {
            this.claim();
        } else if (!record) {
            // All tabs are hidden: let one of them be first.
            browser.setTimeout(
                () => this.record || this.claim(),
                ORPHAN_DELAY * (1 + Math.random()),
            );
        }
    }

    onVisibilityChange() {
        if (this.isVisible() || this.isElected) {
            this.claim();
        }
    }

    resign() {
        this.watch(false);
        this.hasResigned = true;
        if (this.isElected) {
            browser.localStorage.removeItem(STORAGE_KEY);
            this.sync();
        }
    }
}
