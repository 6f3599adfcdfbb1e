import { Component, useState } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

/** The number of callers who wait for the user to call back, for those who have an extension. */
export class MissedCalls extends Component {
    static template = "zadarma.MissedCalls";
    static props = {};

    setup() {
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
    }

    get label() {
        const missed = this.calls.missed
            ? _t("Missed calls: %(count)s", { count: this.calls.missed })
            : _t("No missed calls");
        return this.calls.isDelayed
            ? _t("%(missed)s. No live connection to Odoo: calls appear with a delay.", { missed })
            : missed;
    }
}

registry
    .category("systray")
    .add("zadarma.MissedCalls", { Component: MissedCalls }, { sequence: 22 });
