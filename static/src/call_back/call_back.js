import { Component, useState } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A button that calls back who waits, and makes a caller of nobody's one's own task. */
export class CallBackField extends Component {
    static template = "zadarma.CallBackField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
    }

    get number() {
        return this.props.record.data[this.props.name];
    }

    get isShown() {
        return this.calls.enabled && this.props.record.data.state === "open";
    }

    get label() {
        const { number_display } = this.props.record.data;
        return _t("Call back %(number)s", { number: number_display || this.number });
    }

    /** @returns {{ resModel: string, resId: number }} the record that is called: the lead, the contact, else the call */
    get origin() {
        const { data, resModel, resId } = this.props.record;
        if (data.lead_id) {
            return { resModel: "crm.lead", resId: data.lead_id.id };
        }
        return data.partner_id
            ? { resModel: "res.partner", resId: data.partner_id.id }
            : { resModel, resId };
    }

    /** A list would open the record of the row instead. */
    onKeydown(ev) {
        if (["Enter", " "].includes(ev.key)) {
            ev.stopPropagation();
        }
    }

    async onClick() {
        const { record } = this.props;
        const callId = await this.callService.call({ number: this.number, ...this.origin });
        if (callId && !record.data.user_id) {
            await this.orm.call(record.resModel, "action_take", [[record.resId]]);
            await record.load();
        }
    }
}

registry.category("fields").add("zadarma_call_back", {
    component: CallBackField,
    displayName: _t("Call back"),
    supportedTypes: ["char"],
    fieldDependencies: [
        { name: "number_display", type: "char" },
        { name: "state", type: "selection" },
        { name: "user_id", type: "many2one" },
        { name: "partner_id", type: "many2one" },
        { name: "lead_id", type: "many2one" },
    ],
});
