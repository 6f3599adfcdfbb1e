import { cleanPasted, isNumber } from "@zadarma/dialler_panel/typed_text";
import { formatDuration } from "@zadarma/duration_field/duration_field";

import { Component, onMounted, onWillUnmount, useRef, useState } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";

const { DateTime } = luxon;

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "+", "0"];
/** What somebody who dials presses, wherever the focus is. */
const DIALLED = /^[\d+*#]$/;
const LONG_PRESS = 500;
/** From the last letter typed to the search, in milliseconds. */
const SEARCH_DELAY = 250;
const MIN_TERM = 2;

/**
 * The dialler: one field for a number or a name, below it who that may be, or the recent calls.
 *
 * It is made anew each time it opens, so that no number of before is in it, and it calls only what
 * can be seen: the typed number, or the row that a person chose.
 */
export class DiallerPanel extends Component {
    static template = "zadarma.DiallerPanel";
    static props = { close: Function };

    setup() {
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
        this.webphone = useState(useService("zadarma_webphone").state);
        this.orm = useService("orm");
        this.input = useRef("input");
        this.list = useRef("list");
        this.state = useState({
            term: "",
            line: { extension: "", own_number: "", recent: [] },
            isLoaded: false,
            people: [],
            isSearching: false,
            /** Whether nobody could be asked, which says nothing about who has the number. */
            isUnanswered: false,
            active: -1,
            isBusy: false,
        });
        this.keys = KEYS;
        this.contactLabel = _t("Contact");
        this.leadLabel = _t("Lead");
        this.search = useDebounced(() => this.findPeople(), SEARCH_DELAY);
        onMounted(() => this.load());
        onWillUnmount(() => this.releaseKey());
    }

    async load() {
        const line = await this.orm.silent.call("zadarma.dialler", "get_dialler_state", []);
        Object.assign(this.state, { line, isLoaded: true });
        this.state.line.own_number = await this.orm.silent.call(
            "zadarma.dialler",
            "get_own_number",
            [],
        );
    }

    // --- what is shown --- //

    get isNumber() {
        return isNumber(this.state.term);
    }

    get isAsking() {
        return this.state.term.trim().length >= MIN_TERM;
    }

    get rows() {
        return this.isAsking ? this.state.people : this.state.line.recent;
    }

    get activeRowId() {
        const row = this.rows[this.state.active];
        return row && this.getRowId(row);
    }

    getRowId(row) {
        return `zadarma_dialler_${row.call ? `call_${row.call}` : `${row.model}_${row.id}`}`.replace(
            ".",
            "_",
        );
    }

    get listLabel() {
        return this.isAsking ? _t("People") : _t("Recent calls");
    }

    /** What a screen reader says when the rows change. */
    get spoken() {
        if (!this.isAsking || this.state.isSearching || this.state.isUnanswered) {
            return "";
        }
        return this.rows.length
            ? _t("People found: %(count)s. Arrow keys choose.", { count: this.rows.length })
            : _t("Nobody found");
    }

    get emptyText() {
        if (this.isAsking) {
            if (this.state.isSearching || this.state.isUnanswered) {
                return "";
            }
            return this.isNumber ? _t("Nobody has a number like this") : _t("Nobody found");
        }
        return this.state.isLoaded ? _t("No calls in the last 30 days") : "";
    }

    /** Whoever has not called yet is offered to be shown around, where menus have room. */
    get hasTour() {
        return this.state.isLoaded && !this.isAsking && !this.rows.length && !this.env.isSmall;
    }

    get ownLine() {
        const { extension, own_number: number } = this.state.line;
        if (number) {
            return _t("You call as %(number)s (extension %(extension)s)", { extension, number });
        }
        return extension && _t("You call from extension %(extension)s", { extension });
    }

    /** Where the phone in the browser is, or why it is not. */
    get webphoneLine() {
        return {
            elsewhere: _t("The phone in the browser is in another tab."),
            failed: this.webphone.problem,
            loading: _t("The phone in the browser is being started."),
            ready: _t("The phone in the browser is in this tab."),
        }[this.webphone.status];
    }

    getTitle(row) {
        return row.name || row.number_display;
    }

    getDetails(row) {
        const number = row.name && row.number_display;
        const details = row.call
            ? [number, row.result, row.duration && formatDuration(row.duration)]
            : [number, row.detail];
        return details.filter(Boolean);
    }

    getWay(row) {
        if (row.missed) {
            return { icon: "fa-long-arrow-down text-danger", label: _t("Missed call") };
        }
        return row.direction === "outbound"
            ? { icon: "fa-long-arrow-up text-success", label: _t("Outbound call") }
            : { icon: "fa-long-arrow-down text-success", label: _t("Inbound call") };
    }

    getTime(row) {
        const date = deserializeDateTime(row.date);
        return date.hasSame(DateTime.now(), "day")
            ? date.toLocaleString(DateTime.TIME_SIMPLE)
            : date.toLocaleString({ month: "short", day: "numeric" });
    }

    // --- the field --- //

    setTerm(term) {
        this.state.term = term;
        this.state.active = -1;
        this.state.isSearching = this.isAsking;
        this.state.isUnanswered = false;
        if (this.isAsking) {
            this.search();
        } else {
            this.search.cancel();
            this.state.people = [];
        }
    }

    async findPeople() {
        const { term } = this.state;
        try {
            const people = await this.orm.silent.call("zadarma.dialler", "find_people", [term]);
            if (term === this.state.term) {
                Object.assign(this.state, { people, active: -1 });
            }
        } catch (error) {
            if (term === this.state.term) {
                Object.assign(this.state, { people: [], isUnanswered: true });
            }
            throw error;
        } finally {
            if (term === this.state.term) {
                this.state.isSearching = false;
            }
        }
    }

    onInput() {
        this.setTerm(this.input.el.value);
    }

    /** Write at the cursor, without a focus that would open the keyboard of a phone. */
    insert(text) {
        const { el } = this.input;
        el.setRangeText(text, el.selectionStart, el.selectionEnd, "end");
        this.onInput();
    }

    deleteBack() {
        const { el } = this.input;
        const start = el.selectionStart - (el.selectionStart === el.selectionEnd ? 1 : 0);
        el.setRangeText("", Math.max(start, 0), el.selectionEnd, "end");
        this.onInput();
    }

    onPaste(ev) {
        ev.preventDefault();
        this.input.el.focus();
        this.insert(cleanPasted(ev.clipboardData.getData("text/plain")));
    }

    // --- the keypad --- //

    pressKey(key) {
        this.releaseKey();
        this.isHeld = false;
        if (key === "0") {
            this.holdTimeout = browser.setTimeout(() => {
                this.isHeld = true;
                this.insert("+");
            }, LONG_PRESS);
        }
    }

    releaseKey() {
        browser.clearTimeout(this.holdTimeout);
    }

    onKeyClick(key) {
        this.releaseKey();
        if (!this.isHeld) {
            this.insert(key);
        }
        this.isHeld = false;
    }

    // --- the keyboard --- //

    onKeydown(ev) {
        if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.isComposing) {
            return;
        }
        const isInField = ev.target === this.input.el;
        if (ev.key === "ArrowDown" || ev.key === "ArrowUp") {
            ev.preventDefault();
            this.moveActive(ev.key === "ArrowDown" ? 1 : -1);
        } else if (ev.key === "Enter" && isInField && !ev.repeat) {
            ev.preventDefault();
            this.submit();
        } else if (!isInField && DIALLED.test(ev.key)) {
            ev.preventDefault();
            this.input.el.focus();
            this.insert(ev.key);
        } else if (!isInField && ev.key === "Backspace") {
            ev.preventDefault();
            this.input.el.focus();
            this.deleteBack();
        }
    }

    moveActive(step) {
        // Rows of what was typed before may be replaced at any moment.
        const count = this.state.isSearching ? 0 : this.rows.length;
        if (!count) {
            return;
        }
        const from = this.state.active < 0 && step < 0 ? 0 : this.state.active;
        this.state.active = (from + step + count) % count;
        this.input.el.focus();
        this.list.el.children[this.state.active]?.scrollIntoView({ block: "nearest" });
    }

    // --- calling --- //

    /** Call the chosen row, else the number in the field; for a name, offer the first row first. */
    submit() {
        const row = this.rows[this.state.active];
        if (row) {
            this.callRow(row);
        } else if (this.isNumber) {
            this.call({ number: this.state.term.trim() });
        } else if (this.isAsking && !this.state.isSearching && this.rows.length) {
            this.state.active = 0;
        }
    }

    callRow({ id, model, number }) {
        if (number) {
            this.call(model ? { number, resModel: model, resId: id } : { number });
        }
    }

    async call(target) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            const callId = await this.callService.call(target);
            if (callId !== undefined) {
                this.props.close();
            }
        } finally {
            this.state.isBusy = false;
        }
    }

    async openMissed() {
        this.props.close();
        await this.callService.openMissed();
    }
}
