import { DiallerPanel } from "@zadarma/dialler_panel/dialler_panel";

import { Component, useRef, useState } from "@odoo/owl";

import { hasTouch } from "@web/core/browser/feature_detection";
import { useHotkey } from "@web/core/hotkeys/hotkey_hook";
import { _t } from "@web/core/l10n/translation";
import { usePopover } from "@web/core/popover/popover_hook";
import { registry } from "@web/core/registry";
import { utils } from "@web/core/ui/ui_service";
import { useService } from "@web/core/utils/hooks";

/**
 * The telephone in the top bar, for those who have an extension: the number of missed calls, and
 * behind it the dialler. Who cannot call from here opens the missed calls right away.
 */
export class Dialler extends Component {
    static template = "zadarma.Dialler";
    static props = {};

    setup() {
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
        this.root = useRef("root");
        this.panel = usePopover(DiallerPanel, {
            animation: false,
            arrow: false,
            popoverClass: "o_zadarma_dialler_popover",
            position: "bottom-end",
            role: "dialog",
            // Also gives the focus back when it closes.
            setActiveElement: true,
            useBottomSheet: utils.isSmall() && hasTouch(),
        });
        useHotkey("alt+shift+d", () => this.open(), {
            bypassEditableProtection: true,
            global: true,
            isAvailable: () => Boolean(this.calls.enabled && this.calls.canDial),
        });
    }

    get label() {
        const missed = this.calls.missed
            ? _t("Missed calls: %(count)s", { count: this.calls.missed })
            : _t("No missed calls");
        const label = this.calls.canDial ? _t("Phone. %(missed)s", { missed }) : missed;
        return this.calls.isDelayed
            ? _t("%(missed)s. No live connection to Odoo: calls appear with a delay.", {
                  missed: label,
              })
            : label;
    }

    open() {
        if (!this.panel.isOpen) {
            // A sheet, unlike a popover, does not tell what is in it how to close it.
            this.panel.open(this.root.el, { close: () => this.panel.close() });
        }
    }

    onClick() {
        if (!this.calls.canDial) {
            this.callService.openMissed();
        } else if (this.panel.isOpen) {
            this.panel.close();
        } else {
            this.open();
        }
    }
}

registry.category("systray").add("zadarma.Dialler", { Component: Dialler }, { sequence: 22 });
