import { CallCard } from "@zadarma/call_card/call_card";
import { useKeptFocus } from "@zadarma/kept_focus/kept_focus";
import { OutcomeCard } from "@zadarma/outcome_card/outcome_card";

import { Component, onWillUnmount, useEffect, useRef, useState } from "@odoo/owl";

import { isMacOS } from "@web/core/browser/feature_detection";
import { useHotkey } from "@web/core/hotkeys/hotkey_hook";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** All calls of the user that ring or talk, one card each, and those whose outcome is asked for. */
export class CallPopup extends Component {
    static template = "zadarma.CallPopup";
    static components = { CallCard, OutcomeCard };
    static props = {};

    setup() {
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
        this.root = useRef("root");
        this.spoken = useState({ text: "" });
        this.announced = new Set();
        this.ui = useService("ui");
        // Of several questions one is open; on a small screen none opens by itself.
        this.questions = useState({ openId: undefined });
        useEffect(
            () => this.openNewestQuestion(),
            () => [this.calls.asked[0]?.id],
        );
        useHotkey("alt+shift+p", () => this.focus(), {
            bypassEditableProtection: true,
            global: true,
        });
        useEffect(
            () => this.announce(),
            () => [this.ringingIds.join()],
        );
        useKeptFocus(this.root, () => (this.firstCard ?? this.cameFrom)?.focus());
        onWillUnmount(() => this.leave());
    }

    get firstCard() {
        return this.root.el.querySelector(".o_zadarma_call_card, .o_zadarma_outcome_card");
    }

    get ringing() {
        return this.calls.shown.filter(
            ({ direction, state }) => direction !== "outbound" && state === "ringing",
        );
    }

    get ringingIds() {
        return this.ringing.map(({ id }) => id);
    }

    /** Have a screen reader say who calls, once a call. */
    announce() {
        const call = this.ringing.find(({ id }) => !this.announced.has(id));
        if (call) {
            this.announced.add(call.id);
            this.spoken.text = _t("Incoming call: %(caller)s. Press %(keys)s to go there.", {
                caller: [
                    call.partner?.name || call.lead?.name,
                    call.partner?.company,
                    call.withheld ? _t("withheld number") : call.number_display,
                ]
                    .filter(Boolean)
                    .join(", "),
                keys: isMacOS() ? "Control+Shift+P" : "Alt+Shift+P",
            });
        }
    }

    /** Open the newest question, unless the user is at another one. */
    openNewestQuestion() {
        const isBusy = this.root.el.contains(document.activeElement);
        if (!this.ui.isSmall && !isBusy) {
            this.questions.openId = this.calls.asked[0]?.id;
        }
    }

    toggleQuestion(id) {
        this.questions.openId = this.questions.openId === id ? undefined : id;
    }

    focus() {
        const popup = this.root.el;
        if (!popup.contains(document.activeElement)) {
            this.cameFrom = document.activeElement;
        }
        this.firstCard.focus();
    }

    hide(id) {
        this.leave();
        this.callService.hide(id);
    }

    /** Close the questions, which stay, and go back to what one was at. */
    closeQuestion() {
        this.questions.openId = undefined;
        this.leave();
    }

    async saveOutcome(id, answer) {
        await this.callService.saveOutcome(id, answer);
        this.leave();
    }

    /** Give the focus back to what one was at before going to the popup. */
    leave() {
        if (this.root.el?.contains(document.activeElement)) {
            this.cameFrom?.focus();
        }
    }
}
